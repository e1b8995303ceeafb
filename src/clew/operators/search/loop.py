"""Retrieve, take in, decide, again: a loop with a cap, and a set of what it has already used (O16)."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from clew.errors import UsageError
from clew.types import Hit, Memory

VERSION = 1
S = TypeVar("S")
T = TypeVar("T", Hit, Memory, str)


def iterate(step: Callable[[S, set[str]], tuple[S, bool]], state: S, most: int) -> S:
    """The state after `step` was taken until it wants no more, and `most` times at most; with 0 the state as it came.

    `step` is given the state and the set of what was used in earlier steps, one set for the whole loop, which it adds to (see
    `fresh`); it returns the next state and whether it wants another step. What the last step made is never lost.
    """
    if most < 0:
        raise UsageError(f"a loop takes 0 steps or more; got {most}")
    seen: set[str] = set()
    for _ in range(most):
        state, more = step(state, seen)
        if not more:
            break
    return state


def fresh(items: Iterable[T], seen: set[str]) -> list[T]:
    """The items that were not used before, in order, each once; from now on they count as used."""
    found = []
    for item in items:
        key = item if isinstance(item, str) else (item.memory if isinstance(item, Hit) else item).id
        if key not in seen:
            seen.add(key)
            found.append(item)
    return found

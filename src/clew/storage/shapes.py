"""What is asked of a draft and what it gives back as arrays: plain values."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from clew.types import Memory

BASIS = "\x01"  # before an id, the node that memories derived from it lie under; no recipe can name it

COLUMNS = ("opened", "since", "until", "length", "traits", "group", "user", "agent", "session", "actor")


@dataclass(frozen=True, slots=True)
class Columns:
    """The visible memories of some kinds as arrays, oldest first; all have the same length."""

    slot: np.ndarray  # int64, the memory's slot, for `Draft.at_slots`
    opened: np.ndarray  # int64, seq of the event that made it
    since: np.ndarray  # int64, microseconds since 1970 UTC
    until: np.ndarray  # int64
    length: np.ndarray  # int32, terms
    traits: np.ndarray  # int32, the recipe's own
    group: np.ndarray  # int32, 0, 1, ...: a session of a user, in the order of their first memories
    user: np.ndarray  # int32 name numbers, 0 for none; likewise the next three
    agent: np.ndarray
    session: np.ndarray
    actor: np.ndarray


def nodes(memory: Memory) -> tuple[str, ...]:
    """What a memory is found by besides its words: its links, and what it was derived from."""
    return (*memory.links, *(BASIS + id for id in memory.basis)) if memory.basis else memory.links


@dataclass(frozen=True, slots=True)
class Indexing:
    """How a recipe's memories are searched: pure functions of a memory, and the kinds that get a vector (None: all)."""

    text: Callable[[Memory], str] = lambda memory: memory.text
    traits: Callable[[Memory], int] = lambda memory: 0
    embeds: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Only:
    """What a question may see, by name numbers (None: any) and valid time in microseconds. Common memories are always seen."""

    user: int | None = None
    agent: int | None = None
    session: int | None = None
    since: int | None = None  # memories that began after this did not hold yet
    until: int | None = None  # memories that ended at or before this held no more
    kinds: tuple[str, ...] = ()
    shelf: int = 0  # 1: archived memories too

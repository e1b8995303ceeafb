"""What executors take and give: a node's inputs by type, and outputs that are short, the whole kept in the log.

A long text goes into an event of its own; the output holds its beginning and end, and the event's digest to find it by.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, TypeVar

from clew.errors import UsageError
from clew.tasks.graph import Node

T = TypeVar("T")
SHOWN = 4000  # characters of a text among the outputs
SECONDS = 60.0  # of a node whose budget has none
SPARE = 0.2, 2.0  # share of the time, at most so many seconds, that is left for ending what runs and telling how it went
WORDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false", list: "a list", Mapping: "a mapping"}


def given(node: Node, name: str, kind: type[T], default: T | None = None) -> T:
    """An input of that type; UsageError where it is missing without a default, or something else."""
    found: Any = node.inputs.get(name)
    if found is None and default is not None:
        return default
    if kind is float and isinstance(found, int) and not isinstance(found, bool):
        return float(found)  # pyright: ignore[reportReturnType]
    if not isinstance(found, kind) or (kind is int and isinstance(found, bool)):
        raise UsageError(
            f"node {node.id}: {node.executor} needs {name!r} in its inputs, {WORDS.get(kind, kind.__name__)}; got {found!r:.80}"
        )
    return found


def time_of(node: Node) -> float:
    """The seconds an executor gives its work: a little less than the node's, as whoever runs the node waits no longer than that."""
    whole = node.budget.seconds or SECONDS
    return whole - min(SPARE[0] * whole, SPARE[1])


def only(node: Node, *names: str) -> None:
    """UsageError for an input that the executor does not know: most often one that was misspelt."""
    if unknown := [n for n in node.inputs if n not in names]:
        raise UsageError(f"node {node.id}: {node.executor} has no input {unknown[0]!r}; it takes {', '.join(names)}")


def short(text: str, limit: int = SHOWN) -> str:
    """The text, or its beginning and end around a word on how much was left out."""
    if len(text) <= limit:
        return text
    head, tail = limit * 3 // 4, limit // 4
    return f"{text[:head]}\n[... {len(text) - head - tail} characters left out ...]\n{text[-tail:]}"


def kept(node: Node, texts: Mapping[str, str], limit: int = SHOWN, trust: str = "tool") -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """(outputs, events): each text by its name, the long ones shortened, and under `whole` where the log has all of them."""
    outputs: dict[str, Any] = {name: short(text, limit) for name, text in texts.items()}
    whole, events = {}, []
    for name, text in texts.items():
        if len(text) > limit:
            digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
            whole[name] = {"sha256": digest, "characters": len(text)}
            data = {"node": node.id, "output": name, "sha256": digest}
            events.append({"role": "tool", "name": node.id, "kind": "observation", "content": text, "data": data, "trust": trust})
    return {**outputs, **({"whole": whole} if whole else {})}, events

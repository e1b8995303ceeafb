"""Formation techniques that two or more recipes share."""

from collections.abc import Mapping, Sequence
from typing import Any

from clew.context import Context
from clew.types import Event, Memory

VERSION = 1


def turns(events: Sequence[Event], ctx: Context) -> list[Memory]:
    """Each event that has words becomes a memory of them as they are, of kind turn, said by its actor."""
    return [ctx.memory(e.text, kind="turn", sources=[e], actor=e.actor, **spoken(e)) for e in events if e.text.strip()]


def role(event: Event) -> str | None:
    """The role of a message in OpenAI's shape (user, assistant, tool, system); None where it has none."""
    return event.body.get("role") if isinstance(event.body, Mapping) else None


def spoken(event: Event) -> dict[str, Any]:
    """The role as data of a memory, where it is not the user's: an assistant's words weigh otherwise."""
    found = role(event)
    return {"role": found} if isinstance(found, str) and found != "user" else {}


def windows(text: str, size: int) -> list[tuple[int, int]]:
    """(start, end) of consecutive spans of at most `size` characters; each ends after a paragraph, sentence or word if it can."""
    spans, start = [], 0
    while start < len(text):
        end = min(start + size, len(text))
        if end < len(text):
            cuts = (text.rfind(mark, start + size // 2, end) + len(mark) for mark in ("\n\n", "\n", ". ", " "))
            end = next((cut for cut in cuts if cut > start + size // 2), end)
        if text[start:end].strip():
            spans.append((start, end))
        start = end
    return spans

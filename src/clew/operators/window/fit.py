"""A window within its budget: what is oldest is shown shorter or left out, in steps, so that a provider's cache keeps its prefix.

The pieces and the two forms (whole, short) are those of `operators.budget`, which fits memories into a prompt.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clew.context import Context
from clew.errors import UsageError
from clew.operators.budget import RAW, SUMMARY, Piece
from clew.operators.window.messages import calls, size

VERSION = 1
OUT = "out"  # a unit that is not shown at all
STEP = 0.25  # of the budget: once something must go, at least so much goes, and the prefix then stands still for as long
MOST = 10**6  # a count of messages that no session has: what a notice may cost at most

Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Unit:
    """Messages that are only shown together: a call and its results. `short` is what may stand in for them."""

    messages: tuple[Message, ...]
    short: tuple[Message, ...] | None = None
    pinned: bool = False  # shown whole, whatever the budget

    def shown(self, form: str) -> tuple[Message, ...]:
        """Its messages in that form."""
        return () if form == OUT else (self.short or ()) if form == SUMMARY else self.messages


def units(messages: Sequence[Message], head: int | None = None) -> list[Unit]:
    """Messages as units, a tool call with its results. The first `head` are pinned; by default a first system message is."""
    if head is None:
        head = int(bool(messages) and messages[0]["role"] == "system")
    found, start = list[Unit](), 0
    while start < len(messages):
        end = _end(messages, start)
        found.append(Unit(tuple(messages[start:end]), pinned=start < head))
        start = end
    return found


def _end(messages: Sequence[Message], start: int) -> int:
    """One past the last message that belongs to the one at `start`."""
    waiting, end = set(calls(messages[start])), start + 1
    for place in range(start + 1, len(messages)):
        message = messages[place]
        if not waiting or message["role"] == "assistant":
            break
        if message["role"] == "tool":
            waiting.discard(message.get("tool_call_id"))
            end = place + 1
    return end


def briefing(messages: Sequence[Message]) -> int:
    """How many messages come before the first of the assistant's: instructions and the task."""
    return next((i for i, message in enumerate(messages) if message["role"] == "assistant"), len(messages))


def left_out(n: int) -> dict[str, Any]:
    """The message that stands where n others are left out."""
    return {"role": "user", "content": f"[{n} earlier messages are not shown]"}


def fitted(
    shown: Sequence[Unit],
    limit: int | None,
    ctx: Context,
    *,
    step: float = STEP,
    drop: bool = True,
    notice: Callable[[int], Message] = left_out,
) -> list[Message]:
    """The messages of these units, `limit` tokens at most: the oldest are shown short, then left out where `drop` allows it.

    Pinned units and the newest stay whole. `step` is a share of the limit (0: only what must go, and the prefix moves with
    every message). UsageError where not even the least fits. Counts are those of `Context.tokens`.
    """
    if not shown:
        return []
    pieces = [Piece(size(unit.messages, ctx), size(unit.short or (), ctx)) for unit in shown]
    total = sum(piece.raw for piece in pieces)
    if limit is None or total <= limit:
        return [message for unit in shown for message in unit.messages]
    note = size([notice(MOST)], ctx) if drop else 0
    forms = chosen(shown, pieces, _saving(total + note - limit, int(limit * step)), drop)
    found = _shown(shown, forms, notice)
    if size(found, ctx) > limit:
        found = _shown(shown, forms, None)  # where the notice is what does not fit, the messages go first
    if (least := size(found, ctx)) > limit:
        raise UsageError(f"the least that this window has to show is {least} tokens, and max_tokens is {limit}; fold more, or allow more")
    return found


def _shown(shown: Sequence[Unit], forms: Sequence[str], notice: Callable[[int], Message] | None) -> list[Message]:
    """The units in these forms, with a notice where the first is left out."""
    gone, found = sum(len(unit.messages) for unit, form in zip(shown, forms, strict=True) if form == OUT), list[Message]()
    for i, (unit, form) in enumerate(zip(shown, forms, strict=True)):
        found += [notice(gone)] if notice and form == OUT and OUT not in forms[:i] else []
        found += unit.shown(form)
    return found


def _saving(over: int, step: int) -> int:
    """How much must go: what is over the budget, rounded up to whole steps."""
    return over if step < 1 else -(-over // step) * step


def chosen(shown: Sequence[Unit], pieces: Sequence[Piece], saving: int, drop: bool) -> list[str]:
    """The form of each unit, oldest first, that saves at least so many tokens, or as many as there are to save."""
    forms, saved = [RAW] * len(shown), 0
    free = [i for i, unit in enumerate(shown[:-1]) if not unit.pinned]
    for i in free:
        if saved < saving and shown[i].short is not None and pieces[i].summary < pieces[i].raw:
            forms[i], saved = SUMMARY, saved + pieces[i].raw - pieces[i].summary
    for i in free:
        if saved < saving and drop:
            forms[i], saved = OUT, saved + pieces[i].cost(forms[i])
    return forms

"""Fragments: named spans of a message that are shown whole, folded away or summed up; nothing is cut out of the message itself.

A fragment is a memory of kind "fragment" over its span of the message: data `of` (the message's id), `handle`, `state`, and
`summary` where it has one. Fragments may lie inside each other: of two that are hidden the outer one is seen.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import shorten

from clew.context import Context
from clew.operators.window import handles
from clew.operators.window.messages import rendered
from clew.types import Memory, Source

VERSION = 1
FRAGMENT = "fragment"  # kind of memory
PLAIN, FOLDED, SUMMARISED = "plain", "folded", "summarised"
ANY = "any"  # of roles


@dataclass(frozen=True, slots=True)
class Match:
    """Where a text was found: the message, what it is called, the place in its text, and whether the agent sees it there."""

    message: Memory
    name: str
    start: int
    end: int
    visible: bool

    @property
    def id(self) -> str:
        """The search id, which holds the place itself: nothing has to be stored to find it again."""
        return f"{self.name}@{self.start}"


def content(message: Memory) -> str | None:
    """The words of a message that can be cut: its content, where that is one text; spans of it are spans of the event's text."""
    found = rendered(message).get("content")
    return found if isinstance(found, str) and found and message.text.startswith(found) else None


def sound(ctx: Context) -> list[Memory]:
    """The fragments that can be relied on, in the order of their making; one whose message was changed is left aside."""
    return [f for f in ctx.view.all(FRAGMENT) if f.status == "active" and f.retired is None]


def grouped(fragments: Iterable[Memory]) -> dict[str, list[Memory]]:
    """Fragments by their message's id."""
    found: dict[str, list[Memory]] = {}
    for fragment in fragments:
        found.setdefault(fragment.data["of"], []).append(fragment)
    return found


def bounds(fragment: Memory) -> tuple[int, int]:
    """(start, end) of a fragment in its message."""
    return fragment.sources[0].start, fragment.sources[0].end


def hidden(fragments: Iterable[Memory]) -> list[Memory]:
    """The fragments that are not shown as they are, outermost only, in the order of the text."""
    found, end = list[Memory](), 0
    for fragment in sorted((f for f in fragments if f.data["state"] != PLAIN), key=lambda f: (bounds(f)[0], -bounds(f)[1])):
        if bounds(fragment)[0] >= end:
            found.append(fragment)
            end = bounds(fragment)[1]
    return found


def shown(text: str, fragments: Iterable[Memory], ctx: Context) -> str:
    """The text as it is seen: each hidden span as its marker."""
    parts, at = list[str](), 0
    for fragment in hidden(fragments):
        start, end = bounds(fragment)
        parts += [text[at:start], marker(fragment, ctx)]
        at = end
    return "".join([*parts, text[at:]])


def marker(fragment: Memory, ctx: Context) -> str:
    """What stands in for a hidden fragment: its handle, and its size or its summary. It ends in the fragment's own line break, if any."""
    name, tail = fragment.data["handle"], "\n" if fragment.text.endswith("\n") else ""
    told = f"summary: {fragment.data['summary']}" if fragment.data["state"] == SUMMARISED else f"folded, {ctx.tokens(fragment.text)} tokens"
    return f"[{name} {told}]{tail}"


def crossing(fragment: Memory, others: Iterable[Memory]) -> Memory | None:
    """A hidden fragment of the same message that shares a part with this one, so that neither could be shown without a piece of the other."""
    start, end = bounds(fragment)
    for other in others:
        first, last = bounds(other)
        if other.data["state"] != PLAIN and (start < first < end < last or first < start < last < end):
            return other
    return None


def between(messages: Sequence[Memory], role: str, start: str, end: str) -> tuple[Memory, int, int] | None:
    """The span from the first `start` to the last `end` after it, in the message of that role where it is longest; the newer of equals."""
    best: tuple[Memory, int, int] | None = None
    for message in messages:
        text = content(message) or ""
        first = text.find(start) if role in (ANY, message.data["role"]) else -1
        last = text.rfind(end, first + len(start)) if first >= 0 else -1
        if last < 0 <= first and start.endswith(end):
            last = first + len(start) - len(end)
        if last >= 0 and (best is None or last + len(end) - first >= best[2] - best[1]):
            best = (message, first, last + len(end))
    return best


def cut(text: str, start: int, end: int, n: int) -> list[tuple[int, int]]:
    """About `n` equal spans that cover [start, end) of the text, cut after a line or at least after a word where one ends near by."""
    edges, width = [start], (end - start) / n
    for i in range(1, n):
        ideal, reach = start + round(i * width), max(1, int(width / 2))
        low, high = max(edges[-1] + 1, ideal - reach), min(end - 1, ideal + reach)
        near = next((found for mark in ("\n", " ") if (found := _nearest(text, mark, ideal, low, high)) is not None), ideal)
        if edges[-1] < near < end:
            edges.append(near)
    return list(zip(edges, [*edges[1:], end], strict=True))


def made(message: Memory, start: int, end: int, n: int, used: Collection[str], ctx: Context) -> list[Memory]:
    """New fragments, plain ones, over that span of the message, each with a handle of its own."""
    found, taken = list[Memory](), set(used)
    for a, b in cut(message.text, start, end, n):
        span = Source(message.sources[0].seq, a, b)
        new = ctx.memory(message.text[a:b], kind=FRAGMENT, sources=[span], basis=[message], of=message.id, state=PLAIN)
        found.append(handles.named(new, taken))
        taken.add(found[-1].data["handle"])
    return found


def listed(fragments: Iterable[Memory], chars: int, ctx: Context) -> list[str]:
    """A line a fragment: handle, size, and its first words, so many characters of them."""
    return [f"[{f.data['handle']}] {ctx.tokens(f.text)} tokens: {shorten(f.text, chars, placeholder=' …')}" for f in fragments]


def _nearest(text: str, mark: str, ideal: int, low: int, high: int) -> int | None:
    """The place after the mark that lies nearest to `ideal`, within [low, high]."""
    places = [i + 1 for i in range(low - 1, high) if text[i] == mark]
    return min(places, key=lambda place: abs(place - ideal), default=None)


def names(messages: Iterable[Memory]) -> dict[str, Memory]:
    """What each message is called in search ids: a handle; the same as long as no older message goes."""
    found: dict[str, Memory] = {}
    for message in messages:
        found[handles.handle(message.id, found)] = message
    return found


def matches(
    messages: Sequence[Memory], cuts: Mapping[str, Sequence[Memory]], query: str, role: str, most: int, folded: bool
) -> list[Match]:
    """Exact matches, the newest so many of them, oldest first; with `folded` in what is hidden too, as they stand in the message itself."""
    found = list[Match]()
    for name, message in names(messages).items():
        spans = [bounds(f) for f in hidden(cuts.get(message.id, ()))]
        at = message.text.find(query) if role in (ANY, message.data["role"]) else -1
        while at >= 0:
            end = at + len(query)
            visible = not any(first < end and at < last for first, last in spans)
            if visible or folded:
                found.append(Match(message, name, at, end, visible))
            at = message.text.find(query, end)
    return found[-most:]


def located(id: str, messages: Sequence[Memory]) -> tuple[Memory | None, int]:
    """The message and the place in its text that a search id names; (None, 0) where there is no such place."""
    name, _, digits = id.strip().strip("[]").partition("@")
    message = names(messages).get(name.lower())
    inside = message is not None and digits.isascii() and digits.isdigit() and int(digits) <= len(message.text)
    return (message, int(digits)) if inside else (None, 0)


def around(text: str, start: int, end: int, size: int) -> str:
    """`size` characters around a span, half on each side, with signs where there is more; the span itself whole."""
    low, high = max(0, start - size // 2), min(len(text), end + size // 2)
    return f"{'…' if low else ''}{text[low:high]}{'…' if high < len(text) else ''}"

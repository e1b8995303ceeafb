"""The vocabulary: frozen values that every room speaks in, and nothing that touches the outside.

An event is what happened; a memory is what a recipe made of it. `docs/glossary.md` fixes the words.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Literal

Shares = Literal["session", "user", "agent", "all"]
# A memory's trust is the least of its sources', so the levels are ordered numbers.
TRUST = MappingProxyType({"web": 1, "document": 2, "tool": 3, "assistant": 4, "user": 5, "owner": 6})
TRUSTED = MappingProxyType({level: name for name, level in TRUST.items()})  # the name of each level
KINDS = ("message", "observation", "action", "document")  # the event kinds that carry content
# Reasons after which a memory stays visible to questions about the time when it held.
ENDED = frozenset({"superseded", "expired"})
STATUSES = ("active", "suspect", "archived", "quarantined")
REASONS = ENDED | {"corrected", "retracted", "merged"}


def may_end(newer: int, older: int) -> bool:
    """Whether words of one trust may change or end what words of another said.

    What was said in conversation may; a page or a tool's output may not turn the user's own words into something else.
    """
    return newer >= min(older, TRUST["assistant"])


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose: any field may be None, which means common to all."""

    user: str | None = None
    agent: str | None = None
    session: str | None = None

    def covers(self, other: "Scope") -> bool:
        """True when every field that this scope sets has the same value in the other."""
        return all(
            mine is None or mine == its for mine, its in ((self.user, other.user), (self.agent, other.agent), (self.session, other.session))
        )


class _Read:
    """A place beside an event's fields for its text, once it was read: folding asks for it some seven times."""

    __slots__ = ("_text",)
    _text: str


@dataclass(frozen=True, slots=True)
class Event(_Read):
    """One thing that happened, as it was recorded; never changed, only blanked by `forget` (then body is None)."""

    seq: int  # place in the log, from 1
    kind: str  # message, observation, action, document, query, outcome, feedback, edit, tick, forget, ...
    body: Any  # JSON: a text, or a mapping with `content` (text or parts, as in OpenAI's shape)
    scope: Scope
    actor: str | None
    trust: int  # see TRUST
    at: datetime  # when it happened, with the offset it was given in
    recorded_at: datetime  # when it was learned, UTC
    key: str | None = None
    forgotten: bool = False
    lived: bool = False  # imported as lived: `recorded_at` was taken from `at`, not from our clock

    @property
    def text(self) -> str:
        """The text that spans count into, in code points, without normalisation."""
        try:
            return self._text
        except AttributeError:
            found = body_text(self.body)
            object.__setattr__(self, "_text", found)
            return found


def body_text(body: Any) -> str:
    """The one reading of a body as text (format 1): its content, the text parts joined by newlines, then any tool calls."""
    if body is None:
        return ""
    if isinstance(body, str):
        return body
    if not isinstance(body, Mapping):
        return json.dumps(body, ensure_ascii=False)
    content = body.get("content")
    if content is None and not body.get("tool_calls"):
        return json.dumps(dict(body), ensure_ascii=False)
    lines = [_part_text(part) for part in (content if isinstance(content, list) else [content])]
    calls = body.get("tool_calls")
    lines += [_call_text(call) for call in (calls if isinstance(calls, list) else [calls])]
    return "\n".join(line for line in lines if line)


def _part_text(part: Any) -> str:
    if part is None or isinstance(part, str):
        return part or ""
    found = (part.get("text") or part.get("caption") or "") if isinstance(part, Mapping) else part
    return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)


def _call_text(call: Any) -> str:
    function = call.get("function", call) if isinstance(call, Mapping) else call
    if isinstance(function, Mapping):
        return f"{function.get('name')}({function.get('arguments', '')})"
    return _part_text(function)


@dataclass(frozen=True, slots=True)
class Source:
    """A span of an event's text, half-open, in code points."""

    seq: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Memory:
    """What a recipe made of events: one version of it. Operators get new ones from `Context.memory`."""

    id: str
    text: str
    kind: str = "note"  # turn, fact, note, triplet, summary, insight, skill, page, task, tool, latent, ...
    scope: Scope = Scope()
    actor: str | None = None  # who said it, where it is one person's words
    sources: tuple[Source, ...] = ()
    basis: tuple[str, ...] = ()  # ids of the memories it was derived from
    links: tuple[str, ...] = ()  # ids of memories or names of nodes; memories with a link in common are neighbours
    rests: tuple[int, ...] = ()  # events it depends on, transitive, ascending; the engine's
    since: datetime | None = None  # valid time, half-open
    until: datetime | None = None
    opened: int | None = None  # log time (seq); the engine's
    closed: int | None = None
    retired: str | None = None  # superseded, corrected, retracted, merged, expired
    status: str = "active"  # one of STATUSES; suspect: what it was derived from has changed; the last two are out of sight
    trust: int = TRUST["user"]
    data: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def revised(self, **changes: Any) -> "Memory":
        """A new version of the same memory with these fields changed; `data` is merged into the old."""
        if "data" in changes:
            changes["data"] = {**self.data, **changes["data"]}
        return replace(self, **changes)

    def retire(self, at: datetime, reason: str) -> "Memory":
        """The same memory, ended: superseded or expired ones held until `at`, the others never count again."""
        if reason not in REASONS:
            raise ValueError(f"a memory is retired as one of {', '.join(sorted(REASONS))}; got {reason!r}")
        return replace(self, retired=reason, until=at if reason in ENDED else self.until)


@dataclass(frozen=True, slots=True)
class Query:
    """A question to the views. `as_of` is a place in the log; `valid_at` asks what held then; None is what holds now."""

    text: str
    scope: Scope = Scope()
    at: datetime | None = None  # when it is asked
    valid_at: datetime | None = None
    as_of: int | None = None
    k: int = 10
    max_tokens: int | None = None
    kinds: tuple[str, ...] = ()  # of memories; empty means all
    archived: bool = False  # archived memories too

    def rewritten(self, text: str) -> "Query":
        """The same question in other words."""
        return replace(self, text=text)


@dataclass(frozen=True, slots=True)
class Change:
    """That what a memory says has changed: what ended it, or what it put an end to."""

    reason: str  # superseded, corrected, retracted: the memory it stands at no longer holds; replaces: it ended the other
    at: datetime  # when the change took effect, UTC
    by: str | None = None  # id of the memory on the other side of the change, where there is one


@dataclass(frozen=True, slots=True)
class Hit:
    """A memory found, with each scorer's share of the score, and what has changed about it since or through it."""

    memory: Memory
    score: float
    why: Mapping[str, float] = field(default_factory=dict, hash=False)
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Quote:
    """The exact words behind a memory: a span of an event, who said it and when."""

    event: Event
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """What `record` did: the places in the log, and the stage that each part reached.

    stages["log"] is stored, already (same key and body seen before) or refused as forgotten; for each recipe it is
    folded, pending, or waits for a model. For a batch the least advanced item is told.
    """

    seq: int | None
    stages: Mapping[str, str]
    seqs: tuple[int | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof of a `forget`: opaque places, counts and salted digests; nothing in it can be guessed back into text."""

    seqs: tuple[int, ...]  # events blanked
    counts: Mapping[str, int]  # rows per table that were blanked or removed
    digests: tuple[str, ...]  # the blanked events' salted digests, hex, in the order of seqs
    forget_seq: int | None  # the place of the forget event itself
    state: str  # withdrawn, erased, dry run; of a rule also refused
    why: str  # why it is not yet erased, if it is not
    scanned: Mapping[str, int]  # forms looked for in the raw bytes, bytes read, forms found
    mentioned_elsewhere: tuple[int, ...] = ()  # surviving events that name the person forgotten
    held: tuple[int, ...] = ()  # events that a legal hold kept, or in a dry run would keep


def utc(instant: datetime) -> datetime:
    """The instant in UTC."""
    return instant.astimezone(UTC)

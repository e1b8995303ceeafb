"""What must not reach memory before a person has seen it: orders, tasks and lies that somebody put into data.

The engine asks `findings` of every event before any recipe sees it. Users and owners may say what they like; of the
assistant's own words only plain attacks are kept out; documents, pages and tool results are read piece by piece.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from clew.guard import disguise, judge, rules
from clew.guard.pieces import Piece, pieces
from clew.guard.triggers import triggers
from clew.types import TRUST, Event

VERSION = 2
"""Of what is found: goes up whenever the same text may be judged otherwise."""

SHORT = 900
"""Characters of a record that is one thing: mild points in it add up, and it is kept out whole where a third of it is bad."""
WHOLE = 1 / 3
SURER = 2.0
"""Units of score that the judge must be surer of in a short record, which has no carrier that a task could be foreign to."""
SUPPORTED = 0.4
"""Share of a claim's words which, said by the user lately, make it the user's own."""
TRIGGER = "trigger"
# An assistant speaks to its user; words about "the user" or for "the assistant" are a note that it keeps, and read more strictly.
_NOTE = re.compile(
    r"\b(?:the|this|our) (?:user|customer|client|assistant|agent)\b|^\W*(?:user|customer|client)(?:'s)?\b|\bagent memory\b"
    r"|^\W*(?:remember|note|system|policy|memo|reminder|for later|configuration)\b[^.\n]{0,20}:|\bfuture (?:sessions|interactions|conversations)\b",
    re.I | re.M,
)
_PLACES = ("namespace", "targetNamespace", "target_namespace")


class Finding(NamedTuple):
    """A span of an event's text, half-open, in code points, that must not reach memory yet, and why."""

    start: int
    end: int
    reason: str


def findings(event: Event, recent: Callable[[], Sequence[str]]) -> tuple[Finding, ...]:
    """The spans to keep out, ascending and disjoint; empty for what users and owners say. Pure: same event, same findings.

    `recent` gives the last few texts of the user's own events in the session; it is called only where a claim needs them.
    """
    if event.trust >= TRUST["user"] or event.forgotten:
        return ()
    text = event.text
    if not text:
        return ()
    if _foreign(event):
        return (Finding(0, len(text), "another user's namespace"),)
    short = len(text) <= SHORT
    record = short and event.kind != "document"  # a memory or a tool's short word is one thing: bad in part, bad as a whole
    if event.trust >= TRUST["assistant"]:
        machine = not (short and _NOTE.search(text))
        due = rules.due(rules.words(text.lower() if text.isascii() else disguise.plain(text).lower()), machine)
        if sum(rule.points for rule in due) < rules.PLAIN:
            return ()
        cut = [piece if piece.text.isascii() else piece._replace(text=disguise.plain(piece.text)) for piece in pieces(text)]
        found = _ruled(cut, recent, short, machine)
    else:
        odd = [Finding(start, end, TRIGGER) for start, end in triggers(text, judge.vocabulary().known)]
        found = odd + _scrutinised(pieces(text), recent, short, SURER if record else 0.0)
    if record and (sum(f.end - f.start for f in found) >= WHOLE * len(text.strip()) > 0 or any(f.reason == TRIGGER for f in found)):
        return (Finding(0, len(text), found[0].reason),)
    return _joined(found)


def _foreign(event: Event) -> bool:
    """True where the event says that it is for another user than the one it was recorded under."""
    body = event.body
    data = body.get("data") if isinstance(body, Mapping) else None
    if event.scope.user is None or not isinstance(data, Mapping):
        return False
    for name in _PLACES:
        parts = str(data.get(name) or "").strip("/").split("/")
        if len(parts) > 1 and parts[0] in ("user", "users") and parts[1] != event.scope.user:
            return True
    return False


def _scrutinised(cut: Sequence[Piece], recent: Callable[[], Sequence[str]], short: bool, surer: float) -> list[Finding]:
    """Findings in a stranger's text: by disguise, by rule, by the judge."""
    known = judge.vocabulary().known
    reading = judge.read([piece.text for piece in cut])
    shown, hidden = [piece.text for piece in cut], []
    looked = {i for i, text in enumerate(shown) if disguise.suspicious(text)} if disguise.suspicious("\n".join(shown)) else set[int]()
    for i in sorted(looked.union(_odd(cut, reading))):
        text, reason = disguise.reading(cut[i].text, disguise.broken(cut[i].text, known), known)
        shown[i] = text
        if reason:
            hidden.append(Finding(cut[i].start, cut[i].end, reason))
    if any(text is not piece.text for text, piece in zip(shown, cut, strict=True)):
        reading = judge.read(shown)
    read = [Piece(p.start, p.end, text) for p, text in zip(cut, shown, strict=True)]
    found = hidden + _ruled(read, recent, short, False)
    places, x = judge.features(shown, reading)
    if places:
        least = surer * judge.weights().unit
        found += [
            Finding(cut[i].start, cut[i].end, "task") for i, score in zip(places, judge.scores(x).tolist(), strict=True) if score > least
        ]
    return found


def _odd(cut: Sequence[Piece], reading: judge.Reading) -> list[int]:
    """The pieces whose words fall into many parts, as words of no language do."""
    starts = reading.starts
    many = [i for i in range(len(cut)) if starts[i + 1] - starts[i] > 8]
    return [i for i in many if sum(bits >= judge.PART and bits < judge.PLAIN for bits in reading.of(i)) * 3 > starts[i + 1] - starts[i]]


def _ruled(cut: Sequence[Piece], recent: Callable[[], Sequence[str]], short: bool, machine: bool) -> list[Finding]:
    """The pieces that rules keep out: two points in one piece, or three in a short record."""
    scored = [(piece, rules.matches(piece.text.lower(), machine)) for piece in cut]
    scored = [(piece, _unsaid(piece.text, found, recent)) for piece, found in scored if found]
    points = [sum(match.points for match in found) for _, found in scored]
    least = 1 if short and sum(points) > rules.PLAIN else rules.PLAIN
    return [Finding(p.start, p.end, f[0].reason) for (p, f), n in zip(scored, points, strict=True) if n >= least and f]


def _unsaid(text: str, found: list[rules.Match], recent: Callable[[], Sequence[str]]) -> list[rules.Match]:
    """The matches without those that only repeat what the user said lately."""
    if not any(match.reason in rules.CLAIMS for match in found):
        return found
    claimed = {word[:5] for word in rules.words(text.lower()) if len(word) > 3} - rules.TELLING
    said = {word[:5] for earlier in recent() for word in rules.words(earlier.lower())}
    if claimed and len(claimed & said) >= SUPPORTED * len(claimed):
        return [match for match in found if match.reason not in rules.CLAIMS]
    return found


def _joined(found: Sequence[Finding]) -> tuple[Finding, ...]:
    """Ascending and disjoint: findings that overlap become one, with the reason of the one that starts first, ties in their order."""
    joined: list[Finding] = []
    for finding in sorted(found, key=lambda f: f.start):
        if joined and finding.start < joined[-1].end:
            joined[-1] = joined[-1]._replace(end=max(joined[-1].end, finding.end))
        else:
            joined.append(finding)
    return tuple(joined)

"""What must not reach memory before a person has seen it: orders, tasks and lies that somebody put into data.

The engine asks `findings` of every event before any recipe sees it. Users and owners may say what they like; of the
assistant's own words only plain attacks are kept out; documents, pages and tool results are read piece by piece.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from clew.guard import disguise, judge, rules
from clew.guard.pieces import Piece, pieces
from clew.types import TRUST, Event

VERSION = 1
"""Of what is found: goes up whenever the same text may be judged otherwise."""

SHORT = 900
"""Characters of a record that is one thing: mild points in it add up, and it is kept out whole where a third of it is bad."""
WHOLE = 1 / 3
SUPPORTED = 0.4
"""Share of a claim's words which, said by the user lately, make it the user's own."""
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
    machine = event.trust >= TRUST["assistant"]
    due: list[rules.Rule] = []
    if machine:
        low = text.lower() if text.isascii() else disguise.plain(text).lower()
        due = [rule for rule in rules.due(rules.words(low)) if rule.machine]
        if not any(rule.pattern.search(low) for rule in due):
            return ()
    cut = pieces(text)
    found = _ruled(cut, due, recent, len(text) <= SHORT) if machine else _scrutinised(cut, recent, len(text) <= SHORT, disguise.suspicious(text))
    if found and event.kind != "document" and len(text) <= SHORT and sum(f.end - f.start for f in found) >= WHOLE * len(text.strip()):
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


def _scrutinised(cut: Sequence[Piece], recent: Callable[[], Sequence[str]], short: bool, suspicious: bool) -> list[Finding]:
    """Findings in a stranger's text: by disguise, by rule, by the judge."""
    known = judge.vocabulary().known
    reading = judge.read([piece.text for piece in cut])
    shown, hidden = [piece.text for piece in cut], []
    for i in range(len(cut)) if suspicious else _odd(cut, reading):
        text, reason = disguise.reading(cut[i].text, disguise.broken(cut[i].text, known), known)
        shown[i] = text
        if reason:
            hidden.append(Finding(cut[i].start, cut[i].end, reason))
    if any(text is not piece.text for text, piece in zip(shown, cut, strict=True)):
        reading = judge.read(shown)
    read = [Piece(p.start, p.end, text) for p, text in zip(cut, shown, strict=True)]
    due = rules.due(rules.words(" ".join(shown).lower()))
    found = hidden + _ruled(read, due, recent, short)
    places, x = judge.features(shown, reading)
    if places:
        found += [Finding(cut[i].start, cut[i].end, "task") for i, score in zip(places, judge.scores(x).tolist(), strict=True) if score > 0]
    return found


def _odd(cut: Sequence[Piece], reading: judge.Reading) -> list[int]:
    """The pieces whose words fall into many parts, as words of no language do."""
    return [
        i
        for i, piece in enumerate(cut)
        if (tokens := reading.starts[i + 1] - reading.starts[i]) > 8 and tokens > 1.7 * (piece.text.count(" ") + 1)
    ]


def _ruled(cut: Sequence[Piece], due: Sequence[rules.Rule], recent: Callable[[], Sequence[str]], short: bool) -> list[Finding]:
    """The pieces that rules keep out: two points in one piece, or three in a short record."""
    if not due:
        return []
    scored = [(piece, rules.matches(piece.text.lower(), due)) for piece in cut]
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
    """Ascending and disjoint: of findings on one span the first named stays."""
    best: dict[tuple[int, int], Finding] = {}
    for finding in found:
        best.setdefault((finding.start, finding.end), finding)
    return tuple(best[span] for span in sorted(best))

"""What follows from events that are to go: edits of what they became, and what was concluded from it, in turn."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from clew.storage import rows
from clew.storage.log import Log
from clew.types import Event

EDITS = ("edit", "feedback")  # kinds whose bodies name memories or events
# These, and events that say what they were concluded from, as a condition on rows.
SAYING = f"(kind IN {EDITS} OR (kind NOT IN ('forget', 'query', 'hold', 'rule') AND instr(payload, CAST('\"basis\":' AS BLOB))))"


def closed(log: Log, meant: Sequence[Event], stays: Iterable[int]) -> list[Event]:
    """The events, and in turn what was concluded from them or said of them: its words may repeat what is to go."""
    gone, stays = {e.seq: e for e in meant}, frozenset(stays)
    if not gone:
        return []
    later = log.select(f"seq > ? AND {SAYING} AND salt IS NOT NULL ORDER BY seq", (min(gone),))
    with log.database.snapshot() as c:
        for event in later:  # in order, so that a conclusion from a conclusion follows
            if event.seq not in gone and event.seq not in stays and follows(c, event, gone):
                gone[event.seq] = event
    return [gone[seq] for seq in sorted(gone)]


def follows(c: Any, event: Event, gone: Mapping[int, Event]) -> bool:
    """True where an event says something of what is gone, or was concluded from it."""
    body = event.body
    if not isinstance(body, Mapping):
        return False
    refs = [ref for ref in _list(body.get("basis")) if isinstance(ref, Mapping)]
    if any(_meets(ref, gone) or _rests(c, ref.get("id"), event.seq) & gone.keys() for ref in refs):
        return True
    if event.kind not in EDITS:
        return False
    if "content" in body and _rests(c, body.get("id"), event.seq) & gone.keys():
        return True
    named = [{seq} for seq in _list(body.get("seqs")) if isinstance(seq, int)]
    named += [_sources(ref) for ref in _list(body.get("items")) if isinstance(ref, Mapping)]
    if not named:
        return _meets(body, gone)
    if not any(seqs & gone.keys() for seqs in named):
        return False
    left = set().union(*named) - gone.keys()  # it says the same of others: it goes with the last of them
    before = {seq for (seq,) in c.execute(f"SELECT seq FROM event WHERE salt IS NULL AND seq IN ({','.join(map(str, left))})")}
    return all(seqs & (gone.keys() | before) for seqs in named)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []  # a caller's own feedback may have any body


def _meets(ref: Mapping[str, Any], gone: Mapping[int, Event]) -> bool:
    """True where the memory that is named came from what is gone."""
    return bool(_sources(ref) & gone.keys())


def _sources(ref: Mapping[str, Any]) -> set[int]:
    found = (source[0] for source in _list(ref.get("sources")) if isinstance(source, list) and source)
    return {seq for seq in found if isinstance(seq, int)}


def needs(opened: int, rest: str) -> set[int]:
    """All events that the memory in a row with these columns rests on."""
    packed = json.loads(rest)
    return {opened, *rows.unranged(packed[3]), *(source[0] for source in packed[0])}


def _rests(c: Any, id: Any, before: int) -> set[int]:
    """All events that a memory rested on when event `before` named it, as far as some view still has it."""
    if not isinstance(id, str):
        return set()
    found: set[int] = set()
    for opened, rest in c.execute("SELECT opened, rest FROM memory WHERE id=? AND opened < ?", (rows.encoded(id), before)):
        packed = json.loads(rest)
        found |= {opened, *rows.unranged(packed[3])}
    return found

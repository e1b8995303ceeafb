"""A session as the items that a framework put into it: given back as they went in, and taken back in a way that holds."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from clew import Clew, Event, Scope
from clew.compat.shelf import ENVELOPE, NOTE, Deletes, envelope

PAGE = 500  # events read from the log at a time


class Transcript:
    """The items of one session. What is removed is forgotten; with `deletes="retire"` it is retracted, and stays in the log."""

    def __init__(self, clew: Clew, scope: Scope, deletes: Deletes = "forget") -> None:
        self.clew, self.scope, self.deletes = clew, scope, deletes

    def add(self, pairs: Sequence[tuple[Mapping[str, Any], Any]]) -> None:
        """Record (message in the chat API's shape, the item itself as JSON), in one transaction."""
        self._record([{**message, "data": {ENVELOPE: {"item": item}}} for message, item in pairs])

    def newest(self) -> Iterator[tuple[int, Any]]:
        """(place in the log, item) of those that are there, newest first."""
        removed, cleared = set[int](), 0
        for event in self._read():
            told = envelope(event)
            removed.update(told.get("removed", ()))
            cleared = max(cleared, told.get("cleared", 0))
            if "item" in told and event.seq not in removed and event.seq > cleared:
                yield event.seq, told["item"]

    def items(self, limit: int | None = None) -> list[tuple[int, Any]]:
        """The newest of them, oldest first; None or a number below 0 for all."""
        found = []
        for pair in self.newest() if limit != 0 else ():
            found.append(pair)
            if len(found) == limit:
                break
        return found[::-1]

    def remove(self, *seqs: int) -> None:
        """Take these items back."""
        self._take(seqs, {"removed": seqs})

    def clear(self) -> None:
        """Take back everything of the session, whatever door recorded it."""
        kinds = ("message", "observation") if self.deletes == "retire" else ()
        seqs = [e.seq for e in self._read() if e.kind != "forget" and (not kinds or e.kind in kinds)]
        if seqs:
            self._take(seqs, {"cleared": max(seqs)})

    def _take(self, seqs: Sequence[int], note: Mapping[str, Any]) -> None:
        if self.deletes == "forget":
            self.clew.forget(events=seqs)
        else:
            self.clew.retract(seqs)
            self._record({"data": {ENVELOPE: note}, "kind": NOTE})

    def _record(self, what: Any) -> None:
        self.clew.record(what, user=self.scope.user, agent=self.scope.agent, session=self.scope.session)

    def _read(self) -> Iterator[Event]:
        """Every event of this session and no other's that is not forgotten, newest first."""
        s = self.scope
        numbers, before = [self.clew.log.number(name) for name in (s.user, s.agent, s.session)], self.clew.log.head() + 1
        while True:
            where = "seq < ? AND user IS ? AND agent IS ? AND session IS ? AND salt IS NOT NULL ORDER BY seq DESC LIMIT ?"
            found = self.clew.log.select(where, (before, *numbers, PAGE))
            yield from found
            if len(found) < PAGE:
                return
            before = found[-1].seq

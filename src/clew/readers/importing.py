"""What is read, taken into a log: in batches, each message under its key, and what the source took back withdrawn at its time."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from clew import intake
from clew.engine import Clew
from clew.errors import UsageError
from clew.maintenance import named
from clew.readers import ending, notes
from clew.readers.files import Left
from clew.readers.known import Known, source, thing
from clew.types import Event, Scope

BATCH = 1000  # messages in one transaction of an import
HINTS = ("current", "drawn", "until")  # what a message says to the import and not to the log


def imported(
    c: Clew,
    messages: Iterable[Mapping[str, Any]],
    name: str,
    user: str | None,
    as_lived: bool,
    tell: Callable[[int], Any] = lambda done: None,
    left: Callable[[Left], None] | None = None,
) -> tuple[int, int]:
    """(messages that are in the log now, events that are new); a message without a key of its own gets `name:place`.

    A message that cannot be taken in is told to `left`, and the others still are; without `left` it is an error. One that is
    there already under its key with another body stays as it is. `user` is whose they are where a message does not say.
    One with `current` is the only wording that its source has now: another one of an earlier import is withdrawn. One with
    `ended`, the key of another message, is no event of its own: it withdraws that one, with `current` in every wording.
    One with `drawn`, keys of others, was concluded from them: it rests on those that are there. One with `until` held no
    longer than that. Documents whose file was read again without them, or is gone from the folder that was read, are withdrawn.
    """
    taking = _Taking(c, user, as_lived, left)
    seen = 0
    for message in messages:
        if "ended" in message:
            taking.flush()
            taking.end(message)
            continue
        taking.waiting.append({**message, "key": message.get("key") or f"{name}:{seen}"})
        seen += 1
        if len(taking.waiting) == BATCH:
            taking.flush()
            tell(seen)
    taking.flush(last=True)
    if isinstance(messages, notes.Reading):
        taking.compare(messages)
    ending.ended(c, taking.until, as_lived, left)
    tell(seen)
    return seen - taking.refused, taking.new


class _Taking:
    """An import on its way."""

    def __init__(self, c: Clew, user: str | None, as_lived: bool, left: Callable[[Left], None] | None) -> None:
        self.c, self.user, self.as_lived, self.left = c, user, as_lived, left
        self.new = self.refused = 0
        self.known: dict[str, Known] = {}  # what earlier imports of a source left here; read when it is asked for
        self.seen: set[tuple[str | None, str]] = set()
        self.stored: dict[tuple[str | None, str], int] = {}  # of the batch that was recorded last
        self.waiting: list[Mapping[str, Any]] = []
        self.unmet: list[Mapping[str, Any]] = []  # conclusions from what has not been read so far
        self.there: set[int] = set()  # documents of files that this import has met
        self.until: dict[int, str] = {}  # events that hold no longer than this
        self.ends: dict[tuple[str | None, str], str] = {}  # of the batch that is on its way
        self.words: dict[str, Mapping[str, Any]] = {}  # what its conclusions rest on

    def flush(self, last: bool = False) -> None:
        """Take in what waits: first what was said, then what was concluded from it; what lacks a premise comes at the last."""
        waiting, self.waiting = self.waiting, []
        self._record([message for message in waiting if not message.get("drawn")])
        ready = list[Mapping[str, Any]]()
        for message in (m for m in waiting if m.get("drawn")):
            (ready if len(self._premises(message)) == len(message["drawn"]) else self.unmet).append(message)
        self._record(ready)
        if last:
            for start in range(0, len(self.unmet), BATCH):
                self._record(self.unmet[start : start + BATCH])

    def _premises(self, message: Mapping[str, Any]) -> list[int]:
        """The events that a message was drawn from, as far as they are there."""
        user = message.get("user", self.user)
        found = (self._earlier(key).standing(user, key) for key in message["drawn"])
        return [seq for seq in found if seq is not None]

    def _record(self, batch: list[Mapping[str, Any]]) -> None:
        """Take in a batch as one transaction; where one of it cannot be, each by itself."""
        if not batch:
            return
        self.stored, self.ends, self.words = {}, {}, {}
        batch, current = self._keyed(batch)
        try:
            self._taken(batch)
        except UsageError:
            if self.left is None:
                raise
            for message in batch:
                self._alone(message, self.left)
        for key, message in current:
            self._replace(key, message)
        for (user, key), seq in self.stored.items():
            known = self.known.get(source(key))
            if known is not None:
                known.add(user, key, seq)
            self.there |= {seq} if source(key) == notes.SOURCE else set()
            self.until |= {seq: self.ends[user, key]} if (user, key) in self.ends else {}

    def _alone(self, message: Mapping[str, Any], left: Callable[[Left], None]) -> None:
        try:
            self._taken([message])
        except UsageError as error:
            if "was used before" in str(error):
                left(Left(message["key"], "there already with other words or data: what is there stays", False))
            else:
                self.refused += 1
                left(Left(message["key"], str(error).removeprefix("message 0: "), True))

    def _taken(self, batch: list[Mapping[str, Any]]) -> None:
        head = self.c.log.head()
        plain = not any("basis" in message for message in batch)
        seqs = self.c.record(batch, user=self.user, as_lived=self.as_lived).seqs if plain else self._concluded(batch)
        self.new += sum(1 for seq in seqs if seq is not None and seq > head)
        found = zip(batch, seqs, strict=True)
        self.stored |= {(message.get("user", self.user), message["key"]): seq for message, seq in found if seq is not None}

    def _keyed(self, batch: list[Mapping[str, Any]]) -> tuple[list[Mapping[str, Any]], list[tuple[str, Mapping[str, Any]]]]:
        """The batch as it is recorded, and which of it are the only wording that their source has now, with their first keys.

        A wording that came back after another one had replaced it is a new event, so it needs another key.
        """
        found, current = list[Mapping[str, Any]](), list[tuple[str, Mapping[str, Any]]]()
        for given in batch:
            message = {name: value for name, value in given.items() if name not in HINTS}
            if source(message["key"]) == notes.SOURCE:
                found += self._changed(message)
                continue
            found.append(message)
            who = (message.get("user", self.user), thing(key := message["key"]))
            if given.get("current") and who not in self.seen:  # twice in one source: both stand
                self.seen.add(who)
                while self._earlier(key).replaced(who[0], message["key"]):
                    message["key"] += "~"
                current.append((key, message))
            if given.get("drawn") and (basis := self._grounded(message, given)):
                message["basis"] = basis
            if given.get("until"):
                self.ends[who[0], message["key"]] = given["until"]
        return found, current

    def _replace(self, key: str, message: Mapping[str, Any]) -> None:
        """Withdraw the wordings of the same thing that earlier imports brought before this one."""
        user, known = message.get("user", self.user), self._earlier(key)
        seq = self.stored.get((user, message["key"]), 0)
        for other in sorted(known.wordings.get((user, thing(key)), set()) - known.withdrawn):
            if other < seq:
                self._withdraw(other, f"{message['key']}:ended", message.get("at"), "its source has it in other words now")

    def end(self, message: Mapping[str, Any]) -> None:
        """Withdraw the event that the source took back, at the source's time; once, however often it is imported."""
        user, known = message.get("user", self.user), self._earlier(message["ended"])
        seqs = {known.places.get((user, message["ended"]), 0)}
        if message.get("current"):
            seqs |= known.wordings.get((user, thing(message["ended"])), set())
        for seq in sorted(seqs - known.withdrawn - {0}):
            self._withdraw(seq, message["key"], message.get("at"), message["reason"])

    def _withdraw(self, seq: int, key: str, at: str | None, reason: str) -> None:
        self.c.retract([seq], reason=reason, at=at, key=f"{key}:{seq}", as_lived=self.as_lived and at is not None)
        self._earlier(key).withdrawn.add(seq)

    def _earlier(self, key: str) -> Known:
        name = source(key)
        if name not in self.known:
            self.known[name] = Known(self.c, name)
        return self.known[name]

    # -- documents of files -------------------------------------------------------------------------------------

    def _changed(self, message: dict[str, Any]) -> list[Mapping[str, Any]]:
        """The document, unless its file had it before: that stays as it is, though the folder given be another one."""
        user, known = message.get("user", self.user), self._earlier(message["key"])
        while known.replaced(user, message["key"]):
            message["key"] += "~"
        seq = known.places.get((user, message["key"]))
        self.there |= {seq} if seq is not None else set()
        return [message] if seq is None else []

    def compare(self, reading: notes.Reading) -> None:
        """Withdraw the documents that earlier imports found in files which do not have them any more."""
        if not reading.whole and reading.folder is None:
            return
        known, reasons = self._earlier(f"{notes.SOURCE}:"), dict[str, list[int]]()
        for (user, name), seqs in known.wordings.items():
            place = name.partition(":")[2]
            why = "its file has other words now" if place in reading.whole else "its file is gone" if reading.gone(place) else None
            if why and user == self.user:
                reasons.setdefault(why, []).extend(seqs - known.withdrawn - self.there)
        for why, seqs in reasons.items():
            for start in range(0, len(seqs), BATCH):
                some = sorted(seqs)[start : start + BATCH]
                name = hashlib.sha256(repr(some).encode()).hexdigest()[:12]
                self.c.retract(some, reason=why, key=f"{notes.SOURCE}:ended:{name}")
                known.withdrawn.update(some)

    # -- conclusions --------------------------------------------------------------------------------------------

    def _grounded(self, message: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
        """Names of what a conclusion rests on; of one that is there already those that it has."""
        seq = self._earlier(message["key"]).places.get((message.get("user", self.user), message["key"]))
        if seq is not None:
            return [ref["id"] for event in self._events([seq]) for ref in named(event)]
        for event in self._events(self._premises(given)):
            self.words[f"event:{event.seq}"] = {  # no memory, but words: each recipe finds what it made of them
                "id": f"event:{event.seq}",
                "recipe": "",
                "sources": [[event.seq, 0, len(event.text)]],
                "digest": "",
                "trust": event.trust,
            }
        return [f"event:{seq}" for seq in self._premises(given)]

    def _concluded(self, batch: Sequence[Mapping[str, Any]]) -> tuple[int | None, ...]:
        """Record conclusions from words: `Clew.record`, but that it takes memories alone as a basis."""
        given = intake.Given(Scope(self.user), as_lived=self.as_lived, named=lambda id: self.words.get(id, {"id": id}))
        return self.c._taken_in(intake.entries(batch, given))[0]

    def _events(self, seqs: Sequence[int]) -> list[Event]:
        return self.c.log.select(f"seq IN ({','.join(map(str, seqs))}) AND salt IS NOT NULL", ())

"""What is read, taken into a log: in batches, each message under its key, and what the source took back withdrawn at its time."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from clew.engine import Clew
from clew.errors import UsageError
from clew.readers.files import Left

BATCH = 1000  # messages in one transaction of an import


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
    """
    taking = _Taking(c, user, as_lived, left)
    waiting: list[Mapping[str, Any]] = []
    seen = 0
    for message in messages:
        if "ended" in message:
            taking.record(waiting)
            waiting = []
            taking.end(message)
            continue
        waiting.append({**message, "key": message.get("key") or f"{name}:{seen}"})
        seen += 1
        if len(waiting) == BATCH:
            taking.record(waiting)
            waiting = []
            tell(seen)
    taking.record(waiting)
    tell(seen)
    return seen - taking.refused, taking.new


class _Taking:
    """An import on its way."""

    def __init__(self, c: Clew, user: str | None, as_lived: bool, left: Callable[[Left], None] | None) -> None:
        self.c, self.user, self.as_lived, self.left = c, user, as_lived, left
        self.new = self.refused = 0
        self.known: dict[str, _Known] = {}  # what earlier imports of a source left here; read when it is asked for
        self.seen: set[tuple[str | None, str]] = set()
        self.stored: dict[tuple[str | None, str], int] = {}  # of the batch that was recorded last

    def record(self, batch: list[Mapping[str, Any]]) -> None:
        """Take in a batch as one transaction; where one of it cannot be, each by itself."""
        if not batch:
            return
        batch, current = self._keyed(batch)
        self.stored = {}
        try:
            self._taken(batch)
        except UsageError:
            if self.left is None:
                raise
            for message in batch:
                self._alone(message, self.left)
        for key, message in current:
            self._replace(key, message)
        only = {message["key"] for _, message in current}
        for (user, key), seq in self.stored.items():
            known = self.known.get(_source(key))
            if known is not None and key not in only:  # what has one wording in a source is not met again in it
                known.add(user, key, seq)

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
        seqs = self.c.record(batch, user=self.user, as_lived=self.as_lived).seqs
        self.new += sum(1 for seq in seqs if seq is not None and seq > head)
        found = zip(batch, seqs, strict=True)
        self.stored |= {(message.get("user", self.user), message["key"]): seq for message, seq in found if seq is not None}

    def _keyed(self, batch: list[Mapping[str, Any]]) -> tuple[list[Mapping[str, Any]], list[tuple[str, Mapping[str, Any]]]]:
        """The batch as it is recorded, and which of it are the only wording that their source has now, with their first keys.

        A wording that came back after another one had replaced it is a new event, so it needs another key.
        """
        found, current = [], []
        for given in batch:
            message = {name: value for name, value in given.items() if name != "current"}
            found.append(message)
            who = (message.get("user", self.user), _thing(key := message["key"]))
            if given.get("current") and who not in self.seen:  # twice in one source: both stand
                self.seen.add(who)
                while self._earlier(key).replaced(who[0], message["key"]):
                    message["key"] += "~"
                current.append((key, message))
        return found, current

    def _replace(self, key: str, message: Mapping[str, Any]) -> None:
        """Withdraw the wordings of the same thing that earlier imports brought before this one."""
        user, known = message.get("user", self.user), self._earlier(key)
        seq = self.stored.get((user, message["key"]), 0)
        for other in sorted(known.wordings.get((user, _thing(key)), set()) - known.withdrawn):
            if other < seq:
                self._withdraw(other, f"{message['key']}:ended", message.get("at"), "its source has it in other words now")

    def end(self, message: Mapping[str, Any]) -> None:
        """Withdraw the event that the source took back, at the source's time; once, however often it is imported."""
        user, known = message.get("user", self.user), self._earlier(message["ended"])
        seqs = {known.places.get((user, message["ended"]), 0)}
        if message.get("current"):
            seqs |= known.wordings.get((user, _thing(message["ended"])), set())
        for seq in sorted(seqs - known.withdrawn - {0}):
            self._withdraw(seq, message["key"], message.get("at"), message["reason"])

    def _withdraw(self, seq: int, key: str, at: str | None, reason: str) -> None:
        self.c.retract([seq], reason=reason, at=at, key=f"{key}:{seq}", as_lived=self.as_lived and at is not None)
        self._earlier(key).withdrawn.add(seq)

    def _earlier(self, key: str) -> "_Known":
        source = _source(key)
        if source not in self.known:
            self.known[source] = _Known(self.c, source)
        return self.known[source]


class _Known:
    """The events of a source that are in the log: by their keys, by what they word, and which of them imports have withdrawn.

    What the owner withdrew is not among the last: it does not come back when the source still has it.
    """

    def __init__(self, c: Clew, source: str) -> None:
        self.places: dict[tuple[str | None, str], int] = {}
        self.wordings: dict[tuple[str | None, str], set[int]] = {}
        self.withdrawn: set[int] = set()
        for event in c.log.select("salt IS NOT NULL AND instr(payload, CAST(? AS BLOB))", (f'"key":"{source}:',)):
            if event.kind == "edit":
                self.withdrawn.update(event.body.get("seqs", ()))
            elif event.key:
                self.add(event.scope.user, event.key, event.seq)

    def add(self, user: str | None, key: str, seq: int) -> None:
        """Note an event of the source."""
        self.places[user, key] = seq
        self.wordings.setdefault((user, _thing(key)), set()).add(seq)

    def replaced(self, user: str | None, key: str) -> bool:
        """Whether that wording was there and was withdrawn by an import."""
        return self.places.get((user, key)) in self.withdrawn


def _source(key: str) -> str:
    """The kind of store that a key is of."""
    return key.partition(":")[0]


def _thing(key: str) -> str:
    """What a key's event is a wording of: the key without the digest of the words."""
    return key.rpartition(":")[0]

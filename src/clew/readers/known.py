"""What earlier imports of a source left in the log, known again by their keys."""

from clew.engine import Clew


class Known:
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
        self.wordings.setdefault((user, thing(key)), set()).add(seq)

    def standing(self, user: str | None, key: str) -> int | None:
        """The event of that key, or the newest wording of that thing, unless an import withdrew it."""
        found = {self.places[user, key]} if (user, key) in self.places else self.wordings.get((user, key), set())
        return max(found - self.withdrawn, default=None)

    def replaced(self, user: str | None, key: str) -> bool:
        """Whether that wording was there and was withdrawn by an import."""
        return self.places.get((user, key)) in self.withdrawn


def source(key: str) -> str:
    """The kind of store that a key is of."""
    return key.partition(":")[0]


def thing(key: str) -> str:
    """What a key's event is a wording of: the key without the digest of the words."""
    return key.rpartition(":")[0]

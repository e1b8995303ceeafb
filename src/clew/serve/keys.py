"""API keys: random, shown once, kept as a keyed hash in the database, so that every server on it knows them and a copy tells none.

They lie in one row beside the log, not in it: what ends a key has to end it for good, and an event can be forgotten.
That a key was made or revoked is an event all the same, for the audit.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from clew import intake
from clew.errors import NotFound, UsageError
from clew.storage.log import Entry, Log
from clew.types import TRUST, Scope

PREFIX = "clew_"  # by which a key is known, to us and to scanners for secrets
KIND = "admin"  # of the events that say what was done to the memory as a whole; no recipe subscribes to it
BYTES = 32  # of chance in a key
ROW = "access"


@dataclass(frozen=True, slots=True)
class Key:
    """What is known of a key; the key itself is not."""

    id: str
    name: str
    role: str
    user: str | None  # None: for any user
    made: datetime
    expires: datetime | None = None


def audit(log: Log, who: str | None, op: str, facts: Mapping[str, Any]) -> None:
    """An administrative act as an event; nothing where the file takes no writing."""
    if not log.database.readonly:
        log.append(act(who, op, facts))


def act(who: str | None, op: str, facts: Mapping[str, Any], user: str | None = None) -> Entry:
    """An administrative act as an entry of the log, with whose key it is about."""
    return Entry(KIND, {"op": op, **facts}, Scope(user), who, TRUST["owner"], None)


class Keys:
    """The keys of one memory. Safe among threads; another process's changes are seen by the next call."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self._text: str | None = None
        self._rows: dict[str, dict[str, Any]] = {}  # the hash of a key, as hex -> what is known of it

    def any(self) -> bool:
        """Whether a key was ever made: from then on nobody is let in without one, though all of them be revoked."""
        self._read()
        return self._text is not None

    def found(self, token: str) -> Key | None:
        """What is known of a key; None for one that is not known, was revoked, has expired, or whose user was forgotten."""
        self._read()
        row = self._rows.get(self._hash(token))
        key = None if row is None else self._key(row)
        return None if key is None or (key.expires is not None and key.expires <= datetime.now(UTC)) else key

    def all(self) -> list[Key]:
        """Every key that is in force or has expired, in the order of their making."""
        self._read()
        return [key for row in self._rows.values() if (key := self._key(row)) is not None]

    def add(self, name: str, role: str, user: str | None = None, *, days: int | None = None, by: str | None = None) -> tuple[Key, str]:
        """Make a key: what is known of it, and the key itself, which nobody can be told again."""
        if not intake.name(name, "the name of a key"):
            raise UsageError("a key needs a name, by which its acts are told in the log")
        if role == "admin" and intake.name(user, "user") is not None:
            raise UsageError("an admin acts on the whole memory: leave the user out, or give the role curator")
        if days is not None and days < 1:
            raise UsageError(f"a key holds for 1 day or more, got {days}")
        token = PREFIX + secrets.token_urlsafe(BYTES)
        now = datetime.now(UTC)
        row = {
            "id": secrets.token_hex(4),
            "name": name,
            "role": role,
            "made": now.isoformat(),
            "expires": None if days is None else (now + timedelta(days=days)).isoformat(),
        }
        with self.log.database.write() as c:
            self._append(c, act(by, "key added", {"key": row["id"], "role": role}, user))
            row["user"] = None if user is None else self.log.known(c, user)  # a number: the name itself can be forgotten
            self._keep(c, {**self._stored(c), self._hash(token): row})
        self._read()
        found = self._key(row)
        assert found is not None
        return found, token

    def revoke(self, id: str, *, by: str | None = None) -> None:
        """End a key at once; NotFound where there is none with that id."""
        with self.log.database.write() as c:
            rows = self._stored(c)
            left = {mac: row for mac, row in rows.items() if row["id"] != id}
            if len(left) == len(rows):
                raise NotFound(f"there is no key {id!r}; `clew keys list` shows them")
            self._append(c, act(by, "key revoked", {"key": id}))
            self._keep(c, left)

    def _append(self, c: Any, entry: Entry) -> None:
        self.log.insert(c, [entry], [entry.payload()])

    def _hash(self, token: str) -> str:
        return hashlib.blake2b(token.encode("utf-8", "surrogatepass"), key=self.log.database.secret, person=b"clew key").hexdigest()

    def _key(self, row: Mapping[str, Any]) -> Key | None:
        user = None
        if row["user"] is not None:
            with self.log.database.snapshot() as c:
                user = c.execute("SELECT text FROM name WHERE id=?", (row["user"],)).get
            if user is None:
                return None
        expires = row["expires"] and datetime.fromisoformat(row["expires"])
        return Key(row["id"], row["name"], row["role"], user, datetime.fromisoformat(row["made"]), expires)

    def _read(self) -> None:
        with self.log.database.snapshot() as c:
            text = c.execute("SELECT value FROM meta WHERE key=?", (ROW,)).get
        if text != self._text:
            self._rows = json.loads(text or "{}")
            self._text = text  # last: a thread that sees the new text sees the new rows

    def _stored(self, c: Any) -> dict[str, dict[str, Any]]:
        return json.loads(c.execute("SELECT value FROM meta WHERE key=?", (ROW,)).get or "{}")

    def _keep(self, c: Any, rows: Mapping[str, Any]) -> None:
        c.execute("INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value=excluded.value", (ROW, json.dumps(rows)))

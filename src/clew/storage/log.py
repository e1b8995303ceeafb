"""The log: one append-only table of events, hash-chained, in the order of their commits.

The chain runs over salted digests; the salt goes with the words, so a blanked event still verifies and cannot be guessed.
"""

import hashlib
import json
import os
import struct
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from time import time_ns
from typing import Any

from clew.errors import LogCorrupt, UsageError
from clew.storage.database import Database
from clew.storage.schema import EVENT, FORMAT
from clew.types import Event, Scope

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_BODY = 10_000_000  # bytes of one event's body as JSON; larger things are split by the caller
CHUNK = 2000  # events fetched at a time
BOUND = 20  # bytes of the hash by which a retry of what was forgotten is known; those of what is there are shorter
_ZONES: dict[int, timezone] = {0: UTC}
_FRAME = struct.Struct("<qqiqiiqqqq")
NEW_NAME = "INSERT INTO name(id, text) VALUES ((SELECT coalesce(max(id), 0) + 1 FROM name), ?) RETURNING id"
COLUMNS = "seq, kind, user, agent, session, actor, trust, at, offset, recorded, lived, salt IS NULL, payload"


@dataclass(frozen=True, slots=True)
class Entry:
    """An event before it has a place: what the caller gave, checked. `learned` moves the learned clock back (import as lived)."""

    kind: str
    body: Any
    scope: Scope
    actor: str | None
    trust: int
    at: datetime | None  # None: the moment of recording
    key: str | None = None
    learned: datetime | None = None

    def payload(self) -> bytes:
        """The exact bytes that are stored and hashed."""
        try:
            packed = json.dumps({"body": self.body, "key": self.key}, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
        except UnicodeEncodeError as error:
            bad = error.object[error.start : error.end].encode("utf-8", "backslashreplace").decode()
            raise UsageError(
                f"the text is not valid Unicode: {bad} at character {error.start}; decode it as UTF-8 before recording"
            ) from error
        except (TypeError, ValueError, RecursionError) as error:
            raise UsageError(f"a body must be JSON (text, numbers, lists, mappings): {error}") from error
        if len(packed) > MAX_BODY:
            raise UsageError(
                f"one event holds at most {MAX_BODY:,} bytes, got {len(packed):,}; split it (readers cut documents into sections)"
            )
        return packed


@dataclass(slots=True)
class _Waiting:
    entries: Sequence[Entry]
    payloads: list[bytes]
    result: list[tuple[int, str]] | None = None
    error: BaseException | None = None
    done: threading.Event = field(default_factory=threading.Event)


def micros(instant: datetime) -> int:
    """Microseconds since 1970 UTC."""
    delta = instant - EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def instant(value: int, offset: int = 0) -> datetime:
    """The inverse of `micros`; offset in minutes east of UTC."""
    zone = _ZONES.get(offset) or _ZONES.setdefault(offset, timezone(timedelta(minutes=offset)))
    found = EPOCH + timedelta(microseconds=value)
    return found.astimezone(zone) if offset else found


class Log:
    """Append and read events. Every promise of Clew rests on this table."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._names: dict[str, int] = {}
        self._texts: dict[int, str | None] = {}
        self._scopes: dict[tuple[int | None, int | None, int | None], Scope] = {}
        self._erasures = -1
        self.planted: int | None = None  # canaries, as the last transaction that appended saw them: `Watch` looks here at no cost
        self._queue: list[_Waiting] = []
        self._queue_lock = threading.Lock()
        self._commit_lock = threading.Lock()

    # -- writing ------------------------------------------------------------------------------------------------

    def append(self, *entries: Entry) -> list[tuple[int, str]]:
        """Append in one durable transaction; (seq, stage) each: stored, already, or refused as forgotten.

        Threads that append at the same moment share one transaction (group commit).
        """
        item = _Waiting(entries, [entry.payload() for entry in entries])
        with self._queue_lock:
            self._queue.append(item)
        with self._commit_lock:
            if item.result is None and item.error is None:
                with self._queue_lock:
                    batch, self._queue = self._queue, []
                self._commit(batch)
        if item.error is not None:
            raise item.error
        assert item.result is not None
        return item.result

    def _commit(self, batch: list[_Waiting]) -> None:
        try:
            with self.database.write() as connection:
                for item in batch:
                    try:
                        item.result = self.insert(connection, item.entries, item.payloads)
                    except UsageError as error:  # its own fault alone: the others of this commit go on
                        item.error = error
        except BaseException as error:  # noqa: BLE001 - handed on to every thread that waits for this commit
            self._forget_names()
            for item in batch:
                item.result, item.error = None, item.error or error

    def insert(self, c: Any, entries: Sequence[Entry], payloads: Sequence[bytes]) -> list[tuple[int, str]]:
        """Append inside a transaction that the caller holds. All checks come before the first row is written."""
        meta = dict(c.execute("SELECT key, value FROM meta WHERE key IN ('head', 'chain', 'erasures', 'planted')"))
        self._fresh(meta.get("erasures", 0))
        self.planted = meta.get("planted")
        seq, chain = meta["head"], meta["chain"]
        last = c.execute("SELECT recorded FROM event WHERE seq=?", (seq,)).get or 0
        now = time_ns() // 1000
        salts, result, rows, keys = os.urandom(16 * len(entries)), [], [], []
        batch: dict[bytes, tuple[int, bytes]] = {}
        for i, (entry, payload) in enumerate(zip(entries, payloads, strict=True)):
            mac = self._mac(entry) if entry.key is not None else None
            known = None if mac is None else self._repeated(batch, mac, entry, payload) or self._known(c, mac, entry, payload)
            if known:
                result.append(known)
                continue
            seq += 1
            # the learned clock never goes back, and nothing was learned in the future: it would stop the clock until then
            last = max(last, now if entry.learned is None else min(now, micros(entry.learned)))
            row, chain = self._row(c, seq, chain, entry, payload, salts[16 * i : 16 * i + 16], last)
            rows.append(row)
            result.append((seq, "stored"))
            if mac is not None:
                keys.append((mac, seq))
                batch[mac] = (seq, payload)
        if rows:
            c.executemany(self.database.NEW_EVENT, rows)
            c.executemany("INSERT INTO key VALUES (?,?)", keys)
            c.executemany("UPDATE meta SET value=? WHERE key=?", ((seq, "head"), (chain, "chain")))
        return result

    def _row(
        self, c: Any, seq: int, chain: bytes, entry: Entry, payload: bytes, salt: bytes, recorded: int
    ) -> tuple[tuple[Any, ...], bytes]:
        scope = entry.scope
        names = (scope.user, scope.agent, scope.session, entry.actor)
        user, agent, session, actor = (self._name(c, name) for name in names)
        at = recorded if entry.at is None else micros(entry.at)
        offset = 0 if entry.at is None else int((entry.at.utcoffset() or timedelta()).total_seconds() // 60)
        digest = digested(salt, payload, names)
        lived = int(entry.learned is not None)
        chain = chained(chain, seq, entry.kind, (user, agent, session, actor), entry.trust, at, offset, recorded, lived, digest)
        row = (seq, entry.kind, user, agent, session, actor, entry.trust, at, offset, recorded, lived, FORMAT, salt, payload, digest, chain)
        return row, chain

    def _mac(self, entry: Entry) -> bytes:
        return hashlib.blake2b(json.dumps([entry.scope.user, entry.key]).encode(), key=self.database.secret, digest_size=16).digest()

    def _bound(self, c: Any, entry: Entry, payload: bytes) -> int | None:
        """The place of the forgotten event that this one repeats, key and words."""
        if not self._erasures:
            return None
        mac = bound_mac(self.database.secret, entry.scope.user, entry.key, payload)
        return c.execute("SELECT seq FROM key WHERE mac=?", (mac,)).get

    def _repeated(self, batch: dict[bytes, tuple[int, bytes]], mac: bytes, entry: Entry, payload: bytes) -> tuple[int, str] | None:
        if mac not in batch:
            return None
        seq, stored = batch[mac]
        if not _same(stored, payload):
            raise UsageError(f"the key {entry.key!r} stands twice in this batch with different bodies; a new event needs a new key")
        return seq, "already"

    def _known(self, c: Any, mac: bytes, entry: Entry, payload: bytes) -> tuple[int, str] | None:
        seq = c.execute("SELECT seq FROM key WHERE mac=?", (mac,)).get
        if seq is None:
            forgotten = self._bound(c, entry, payload)
            return None if forgotten is None else (forgotten, "refused as forgotten")
        stored = c.execute("SELECT payload FROM event WHERE seq=?", (seq,)).get
        if stored is None:
            return seq, "refused as forgotten"
        if not _same(stored, payload):
            raise UsageError(
                f"the key {entry.key!r} was used before (event {seq}) with another body;"
                " a retry must repeat the body, a new event needs a new key"
            )
        return seq, "already"

    def _name(self, c: Any, text: str | None) -> int | None:
        if text is None:
            return None
        number = self._names.get(text)
        if number is None:
            number = c.execute("SELECT id FROM name WHERE text=?", (text,)).get
            if number is None:
                number = c.execute(NEW_NAME, (text,)).get
            self._names[text] = number
        return number

    # -- names --------------------------------------------------------------------------------------------------

    def _forget_names(self) -> None:
        self._names, self._texts, self._scopes = {}, {}, {}

    def _fresh(self, erasures: int) -> None:
        if erasures != self._erasures:  # some process blanked names since: what we remember may be gone
            self._forget_names()
            self._erasures = erasures

    def number(self, text: str | None) -> int | None:
        """The number of a name: None for no name, -1 for one that the log has never seen."""
        if text is None:
            return None
        with self.database.snapshot() as c:
            self._fresh(c.execute("SELECT value FROM meta WHERE key='erasures'").get or 0)
            found = c.execute("SELECT id FROM name WHERE text=?", (text,)).get
        return -1 if found is None else found

    def known(self, c: Any, text: str | None) -> int | None:
        """The number of a name that events have already used; None where there is none."""
        if text is None:
            return None
        return self._names.get(text) or c.execute("SELECT id FROM name WHERE text=?", (text,)).get

    def name(self, c: Any, number: int | None) -> str | None:
        """The name with that number; None where it was forgotten."""
        if number is None:
            return None
        if number not in self._texts:
            self._texts[number] = c.execute("SELECT text FROM name WHERE id=?", (number,)).get
        return self._texts[number]

    def scope(self, c: Any, user: int | None, agent: int | None, session: int | None) -> Scope:
        """The scope with these name numbers."""
        key = (user, agent, session)
        found = self._scopes.get(key)
        if found is None:
            found = self._scopes[key] = Scope(self.name(c, user), self.name(c, agent), self.name(c, session))
        return found

    # -- reading ------------------------------------------------------------------------------------------------

    def head(self) -> int:
        """The place of the newest event; 0 for an empty log."""
        with self.database.snapshot() as c:
            return c.execute("SELECT value FROM meta WHERE key='head'").get

    def seq_at(self, moment: datetime) -> int:
        """The last place that was recorded at or before that moment; 0 before the first. The learned clock never goes back."""
        wanted = micros(moment)
        with self.database.snapshot() as c:
            low, high = 0, c.execute("SELECT value FROM meta WHERE key='head'").get
            while low < high:
                middle = (low + high + 1) // 2
                if c.execute("SELECT recorded FROM event WHERE seq=?", (middle,)).get <= wanted:
                    low = middle
                else:
                    high = middle - 1
        return low

    def read(self, after: int = 0, scope: Scope | None = None, until: int | None = None) -> Iterator[Event]:
        """All events with seq > after (and <= until) that the scope covers, in order; forgotten ones have no body."""
        where, values = "seq > ?", []
        for column in ("user", "agent", "session"):
            wanted = getattr(scope, column) if scope else None
            if wanted is not None:
                where += f" AND {column} = ?"
                values.append(self.number(wanted))
        if until is not None:
            where += " AND seq <= ?"
            values.append(until)
        while True:
            events = self.select(f"{where} ORDER BY seq LIMIT {CHUNK}", (after, *values))
            yield from events
            if len(events) < CHUNK:
                return
            after = events[-1].seq

    def select(self, where: str, values: Sequence[Any]) -> list[Event]:
        """Events by an SQL condition over the event table's own columns."""
        with self.database.snapshot() as c:
            self._fresh(c.execute("SELECT value FROM meta WHERE key='erasures'").get or 0)
            return [self.event(c, row) for row in c.execute(f"SELECT {COLUMNS} FROM event WHERE {where}", tuple(values))]

    def event(self, c: Any, row: Sequence[Any]) -> Event:
        """A row of COLUMNS as an Event."""
        seq, kind, user, agent, session, actor, trust, at, offset, recorded, lived, forgotten, payload = row
        packed = json.loads(payload) if payload is not None else {}
        return Event(
            seq,
            kind,
            packed.get("body"),
            self.scope(c, user, agent, session),
            self.name(c, actor),
            trust,
            instant(at, offset),
            instant(recorded),
            packed.get("key"),
            bool(forgotten),
            bool(lived),
        )

    def verify(self) -> bool:
        """Walk the whole chain; True, or LogCorrupt with the first place that does not match."""
        with self.database.snapshot() as c:
            walk(c)
        return True


def walk(c: Any) -> None:
    """Walk the chain of events that a connection shows; LogCorrupt with the first place that does not match."""
    chain, last = bytes(32), 0
    names = dict(c.execute("SELECT id, text FROM name"))
    for row in c.execute(f"SELECT {EVENT} FROM event ORDER BY seq"):
        seq, kind, *ids, trust, at, offset, recorded, lived, form, salt, payload, digest, stored = row
        if seq != last + 1:
            raise LogCorrupt(f"event {last + 1} is missing: the next one found is {seq}", last + 1)
        sound = isinstance(payload, bytes) and isinstance(salt, bytes) and digested(salt, payload, [names.get(i) for i in ids]) == digest
        if salt is not None and not sound:
            raise LogCorrupt(f"the words of event {seq} are not those that were recorded", seq)
        if salt is None and payload is not None:
            raise LogCorrupt(f"event {seq} has words but no salt: they were put there afterwards", seq)
        chain, last = chained(chain, seq, kind, ids, trust, at, offset, recorded, lived, digest, form), seq
        if chain != stored:
            raise LogCorrupt(f"the chain breaks at event {seq}: a row was changed behind the engine's back", seq)
    meta = dict(c.execute("SELECT key, value FROM meta WHERE key IN ('head', 'chain')"))
    if (meta.get("head"), meta.get("chain")) != (last, chain):
        raise LogCorrupt(f"the log ends at {last} but its head says {meta.get('head')}: rows are missing at the end", last)


def digested(salt: bytes, payload: bytes, names: Sequence[str | None]) -> bytes:
    """The salted digest of what can be blanked: the payload and the four names."""
    packed = json.dumps(list(names), ensure_ascii=False).encode()
    return hashlib.sha256(salt + struct.pack("<q", len(payload)) + payload + packed).digest()


def _same(stored: bytes, payload: bytes) -> bool:
    """Whether a retry repeats what was recorded; a memory that both name may have got other words or a generation since."""
    if stored == payload or b'"basis":[{' not in stored:
        return stored == payload
    return _named(stored) == _named(payload)


def _named(payload: bytes) -> Any:
    packed = json.loads(payload)
    body = packed["body"]
    if isinstance(body, dict) and isinstance(body.get("basis"), list):
        body["basis"] = [ref.get("id") if isinstance(ref, dict) else ref for ref in body["basis"]]
    return packed


def bound_mac(secret: bytes, user: str | None, key: str | None, payload: bytes) -> bytes:
    """What a forgotten event's retry is known by: who could guess it knows the words as well."""
    return hashlib.blake2b(json.dumps([user, key]).encode() + payload, key=secret, digest_size=BOUND).digest()


def chained(
    chain: bytes,
    seq: int,
    kind: str,
    ids: Sequence[int | None],
    trust: int,
    at: int,
    offset: int,
    recorded: int,
    lived: int,
    digest: bytes,
    form: int = FORMAT,
) -> bytes:
    """The next link of the chain, over everything that is never blanked."""
    try:
        frame = _FRAME.pack(seq, at, offset, recorded, trust | lived << 16, form, *(-1 if i is None else i for i in ids))
    except struct.error as error:
        raise LogCorrupt(f"event {seq} has something else where numbers belong ({error})") from error
    return hashlib.sha256(chain + frame + kind.encode() + digest).digest()

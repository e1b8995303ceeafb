"""A view: one generation of one recipe's memories, by partition. Disposable, and never edited but by landing drafts."""

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from time import time_ns
from typing import Any

import numpy as np

from clew.storage import rows, segment
from clew.storage.draft import Draft
from clew.storage.index import NEVER, Index, Lost
from clew.storage.log import Log
from clew.storage.schema import SLOT_BITS
from clew.storage.segment import POSTING, SEGMENT
from clew.storage.shapes import Indexing, Only, nodes
from clew.types import Event, Memory, Shares

POSTINGS = 512  # entries in one posting row
MERGE = 2048  # memories whose postings lie in segments before they are merged into rows a term
VECTORS = 64  # vectors in one block, so that an append rewrites at most 64 * dims bytes
OPEN_INDEXES = 256  # partitions held in memory
PART = "id, mark, user, agent, session, cursor, ordinal, slots, epoch, version, waiting"
BY: Mapping[Shares, tuple[str, ...]] = {"all": (), "user": ("user",), "agent": ("agent",), "session": ("user", "session")}


@dataclass(frozen=True, slots=True)
class Generation:
    """A recipe's views under one fingerprint. States: building, serving, frozen."""

    id: int
    recipe: str
    fingerprint: str
    declared: Mapping[str, Any]  # what the fingerprint was made of
    shares: Shares
    state: str
    made: int  # microseconds since 1970 UTC
    swept: int  # every event up to this seq was offered to every partition


@dataclass(frozen=True, slots=True)
class Part:
    """A partition as it stands: name numbers of its scope (0 for none), its cursor, how many events it was dealt."""

    id: int
    mark: bytes
    user: int
    agent: int
    session: int
    cursor: int
    ordinal: int
    slots: int
    epoch: int
    version: int
    waiting: str | None

    @property
    def key(self) -> tuple[int, int, int]:
        """User, agent and session as name numbers."""
        return self.user, self.agent, self.session


class View:
    """One generation. `embed` gives int8 codes in the order of texts."""

    def __init__(
        self,
        log: Log,
        generation: Generation,
        on: frozenset[str],
        space: str,
        dims: int,
        embed: Callable[[Part, bool, Sequence[str]], np.ndarray],
        indexing: Indexing,
    ) -> None:
        self.log, self.generation, self.on = log, generation, tuple(sorted(on))
        self.space, self.dims, self.embed, self.indexing = space, dims, embed, indexing
        self._indexes: OrderedDict[int, Index] = OrderedDict()
        self._lock = threading.Lock()

    # -- partitions ---------------------------------------------------------------------------------------------

    def key(self, user: int | None, agent: int | None, session: int | None) -> tuple[int, int, int]:
        """The partition that an event of this scope belongs to, as name numbers; 0 stands for none."""
        fields = BY[self.generation.shares]
        values = {"user": user or 0, "agent": agent or 0, "session": session or 0}
        key = {name: values[name] if name in fields else 0 for name in values}
        return key["user"], key["agent"], key["session"]

    def part(self, key: tuple[int, int, int], create: bool = False) -> Part | None:
        """The partition of that key, or None; with `create` it is made where it is missing."""
        with self.log.database.snapshot() as c:
            row = c.execute(
                f"SELECT {PART} FROM partition WHERE generation=? AND user=? AND agent=? AND session=?", (self.generation.id, *key)
            ).fetchone()
            names = json.dumps([self.log.name(c, n) if n else None for n in key], ensure_ascii=False)
        if row is None and create:
            mark = hashlib.blake2b(f"{self.generation.shares}\0{names}".encode(), key=self.log.database.secret, digest_size=16).digest()
            with self.log.database.write() as c:
                c.execute(
                    "INSERT INTO partition(id, generation, mark, user, agent, session, cursor, ordinal, slots, epoch, version)"
                    " SELECT (SELECT coalesce(max(id), 0) + 1 FROM partition),id,?,?,?,?,0,0,0,0,0 FROM generation WHERE id=?"
                    " ON CONFLICT DO NOTHING",
                    (mark, *key, self.generation.id),
                )  # none in one that was cleared
                row = c.execute(
                    f"SELECT {PART} FROM partition WHERE generation=? AND user=? AND agent=? AND session=?", (self.generation.id, *key)
                ).fetchone()
        return None if row is None else Part(*row)

    def parts(self, waiting: bool = False) -> list[Part]:
        """Every partition, or those that wait for a model."""
        only = " AND waiting IS NOT NULL" if waiting else ""
        with self.log.database.snapshot() as c:
            return [
                Part(*row) for row in c.execute(f"SELECT {PART} FROM partition WHERE generation=?{only} ORDER BY id", (self.generation.id,))
            ]

    def cursor(self, key: tuple[int, int, int]) -> int:
        """The seq of the last event folded into that partition; 0 where there is none."""
        part = self.part(key)
        return part.cursor if part else 0

    def index(self, part: Part) -> Index:
        """The partition's arrays, kept in memory while it is in use."""
        with self._lock:
            index = self._indexes.get(part.id)
            if index is None:
                index = self._indexes[part.id] = Index(part.id, self.space, self.dims)
                for old in list(self._indexes)[: max(0, len(self._indexes) - OPEN_INDEXES)]:
                    if not self._indexes[old].folding.locked():
                        del self._indexes[old]
            self._indexes.move_to_end(part.id)
            return index

    def due(self, key: tuple[int, int, int], cursor: int, limit: int) -> list[Event]:
        """The next events for a partition after its cursor, in order; forgotten ones too, which only count."""
        where, values = self.dealt(key)
        return self.log.select(f"seq > ? AND {where} ORDER BY seq LIMIT {limit}", [cursor, *values])

    def last(self, key: tuple[int, int, int], seq: int) -> int:
        """The newest event dealt to a partition up to that place; 0 where there is none."""
        where, values = self.dealt(key)
        with self.log.database.snapshot() as c:
            return c.execute(f"SELECT seq FROM event WHERE seq <= ? AND {where} ORDER BY seq DESC LIMIT 1", (seq, *values)).get or 0

    def dealt(self, key: tuple[int, int, int]) -> tuple[str, list[Any]]:
        """An SQL condition for the events that a partition is dealt, and its values."""
        where, values = f"kind IN ({','.join('?' * len(self.on))})", list[Any](self.on)
        for name, number in zip(("user", "agent", "session"), key, strict=True):
            if name in BY[self.generation.shares]:
                where += f" AND {name} = ?" if number else f" AND {name} IS NULL"
                values += [number] if number else []
        return where, values

    def swept(self, chunk: int) -> Iterator[tuple[int, list[tuple[int, int, int]]]]:
        """Walk the log from where the last sweep ended: (last seq, the partitions with subscribed events) a chunk."""
        kinds = ",".join("?" * len(self.on))
        with self.log.database.snapshot() as c:
            after = c.execute("SELECT swept FROM generation WHERE id=?", (self.generation.id,)).get or 0
            head = c.execute("SELECT value FROM meta WHERE key='head'").get
        while after < head:
            last = min(after + chunk, head)
            with self.log.database.snapshot() as c:
                scopes = list(
                    c.execute(
                        f"SELECT DISTINCT user, agent, session FROM event WHERE seq > ? AND seq <= ? AND kind IN ({kinds})",
                        (after, last, *self.on),
                    )
                )
            yield last, sorted({self.key(*scope) for scope in scopes})
            after = last

    def erasures(self) -> int:
        """How often anybody has forgotten in this file: a sweep that began before may have offered events that were cut since."""
        with self.log.database.snapshot() as c:
            return c.execute("SELECT value FROM meta WHERE key='erasures'").get or 0

    def sweep_to(self, seq: int, erasures: int) -> None:
        """Remember that every event up to `seq` was offered; not where somebody has forgotten since the sweep began."""
        with self.log.database.write(durable=False) as c:
            if (c.execute("SELECT value FROM meta WHERE key='erasures'").get or 0) == erasures:
                c.execute("UPDATE generation SET swept=?1 WHERE id=?2 AND swept < ?1", (seq, self.generation.id))

    # -- drafts -------------------------------------------------------------------------------------------------

    def draft(self, part: Part, seq: int | None = None, only: Only | None = None) -> Draft:
        """What operators see of a partition: as of `seq`, or everything with room for writes (folding)."""
        embed = partial(self.embed, part, seq is None)  # vectors that make memories are kept; those of questions are not
        return Draft(self.log, self.index(part), embed, self.indexing, seq, only)

    def land(self, draft: Draft, part: Part, cursor: int, ordinal: int, waiting: str | None = None) -> Part:
        """Write a draft and move the cursor in one transaction; raises Lost, and drops the draft, if another was first."""
        index = draft.index
        with index.lock:  # held until memory and file agree again, so that no reader counts a row twice
            with self.log.database.write(durable=False) as c:
                draft.embed_pending(c)
                now = c.execute("SELECT cursor, epoch, version FROM partition WHERE id=?", (part.id,)).fetchone()
                if now != (part.cursor, part.epoch, part.version) or index.version != part.version:
                    raise Lost(f"partition {part.id} was landed by another process")
                merged = self._insert(c, draft)
                c.execute(
                    "UPDATE partition SET cursor=?, ordinal=?, slots=?, version=version+1, waiting=? WHERE id=?",
                    (cursor, ordinal, index.n, waiting, part.id),
                )
            index.settled(part.version + 1, merged)
        draft.added.clear()
        draft.rows.clear()
        draft.closings.clear()
        return Part(
            part.id, part.mark, part.user, part.agent, part.session, cursor, ordinal, index.n, part.epoch, part.version + 1, waiting
        )

    def _insert(self, c: Any, draft: Draft) -> bool:
        """Write the draft's rows; True when the segments of postings were merged."""
        index, base = draft.index, draft.index.pid << SLOT_BITS
        c.executemany(f"INSERT INTO memory({rows.MEMORY}) VALUES ({','.join('?' * 19)})", draft.rows)
        c.executemany("UPDATE memory SET closed=?, ended=? WHERE place=?", ((seq, why, base | slot) for slot, seq, why in draft.closings))
        c.executemany(
            "INSERT INTO link VALUES (?,?) ON CONFLICT DO NOTHING",
            ((base | slot, node) for slot, m in draft.added.items() for node in nodes(m)),
        )
        if draft.added and self.indexing.embeds != frozenset():
            self._block(c, index.pid, index.flushed, index.codes(c)[index.flushed : index.n])
        tail = index.tail(c)
        if index.n - index.merged >= MERGE:
            self._merge(c, index, tail)
            return True
        if index.pending:
            c.execute("INSERT INTO posting VALUES (?,?,?,?)", (index.pid, SEGMENT, index.flushed, segment.packed(index.pending)))
        return False

    def _merge(self, c: Any, index: Index, tail: Mapping[str, Sequence[np.ndarray]]) -> None:
        """Move all postings that are not in rows a term into such rows."""
        c.execute("DELETE FROM posting WHERE partition=? AND term=?", (index.pid, SEGMENT))
        pending, written = index.pending, []
        for term in sorted({*tail, *pending}):
            new = np.concatenate([*tail.get(term, ()), *([pending[term]] if term in pending else [])])
            written += [(index.pid, term, int(new["slot"][i]), new[i : i + POSTINGS].tobytes()) for i in range(0, len(new), POSTINGS)]
        c.executemany("INSERT INTO posting VALUES (?,?,?,?)", written)

    def _block(self, c: Any, pid: int, first: int, codes: np.ndarray) -> None:
        tail = c.execute(
            "SELECT first, codes FROM block WHERE partition=? AND space=? ORDER BY first DESC LIMIT 1", (pid, self.space)
        ).fetchone()
        if tail and len(tail[1]) < VECTORS * self.dims:
            codes, first = np.concatenate([np.frombuffer(tail[1], np.int8).reshape(-1, self.dims), codes]), tail[0]
        c.executemany(
            "INSERT INTO block VALUES (?,?,?,?) ON CONFLICT DO UPDATE SET codes=excluded.codes",
            ((pid, self.space, first + i, codes[i : i + VECTORS].tobytes()) for i in range(0, len(codes), VECTORS)),
        )

    # -- the whole ----------------------------------------------------------------------------------------------

    def history(self, id: str) -> list[Memory]:
        """Every version of a memory, oldest first."""
        with self.log.database.snapshot() as c:
            found = c.execute(f"SELECT {rows.MEMORY} FROM memory WHERE id=? ORDER BY place", (rows.encoded(id),))
            mine = {p.id for p in self.parts()}
            return [rows.memory(self.log, c, row, NEVER) for row in found if row[0] >> SLOT_BITS in mine]

    def clear(self) -> None:
        """Remove every row of this generation, and the generation."""
        with self.log.database.write() as c:
            for part in self.parts():
                truncate(c, part.id, 0, 0, self.dims)
            c.execute("DELETE FROM partition WHERE generation=?", (self.generation.id,))
            c.execute("DELETE FROM fault WHERE generation=?", (self.generation.id,))
            c.execute("DELETE FROM generation WHERE id=?", (self.generation.id,))

    def dump(self) -> Iterator[tuple[Any, ...]]:
        """The canonical rows, sorted by key: what *byte for byte* compares. Places are left out, ids stand for them."""
        with self.log.database.snapshot() as c:
            for part in sorted(self.parts(), key=lambda p: p.mark):
                if not part.slots:
                    continue
                yield ("partition", part.mark.hex(), part.cursor, part.ordinal)
                yield from self._dumped(c, part)

    def _dumped(self, c: Any, part: Part) -> list[tuple[Any, ...]]:
        base = part.id << SLOT_BITS
        found = list(
            c.execute(f"SELECT {rows.MEMORY} FROM memory WHERE place >= ? AND place < ? ORDER BY place", (base, base + 2**SLOT_BITS))
        )
        who = [(row[1].hex(), row[8]) for row in found]
        out: list[tuple[Any, ...]] = [("memory", *key, *row[2:8], *row[9:]) for key, row in zip(who, found, strict=True)]
        for name, held in c.execute("SELECT term, slots FROM posting WHERE partition=? ORDER BY term, first", (part.id,)):
            for term, found in segment.unpacked(held) if name == SEGMENT else [(name, np.frombuffer(held, POSTING))]:
                out += [("posting", term, *who[slot], int(tf)) for slot, tf in found]
        packed = b"".join(
            r[0] for r in c.execute("SELECT codes FROM block WHERE partition=? AND space=? ORDER BY first", (part.id, self.space))
        )
        codes = np.frombuffer(packed, np.int8).reshape(-1, self.dims)
        out += [("vector", *who[slot], codes[slot].tobytes().hex()) for slot in range(len(codes))]
        out += [
            ("link", *who[place - base], node)
            for place, node in c.execute("SELECT place, node FROM link WHERE place >= ? AND place < ?", (base, base + 2**SLOT_BITS))
        ]
        return sorted(out, key=lambda row: json.dumps(row, default=str))


def truncate(c: Any, pid: int, slots: int, seq: int, dims: int) -> int:
    """Take a partition back to before event `seq`, when it had that many slots; returns how many memories went."""
    base = pid << SLOT_BITS
    span = (base + slots, base + 2**SLOT_BITS)
    gone = c.execute("SELECT count(*) FROM memory WHERE place >= ? AND place < ?", span).get
    c.execute("DELETE FROM memory WHERE place >= ? AND place < ?", span)
    c.execute("DELETE FROM link WHERE place >= ? AND place < ?", span)
    c.execute(
        f"UPDATE memory SET closed=NULL, ended=NULL WHERE place >> {SLOT_BITS} = ? AND closed IS NOT NULL AND closed >= ?", (pid, seq)
    )
    for term, first, held in list(c.execute("SELECT term, first, slots FROM posting WHERE partition=?", (pid,))):
        found = np.frombuffer(held if term != SEGMENT else b"", POSTING)
        keep = segment.cut(held, slots) if term == SEGMENT else found[: int(np.searchsorted(found["slot"], slots))].tobytes()
        if not keep:
            c.execute("DELETE FROM posting WHERE partition=? AND term=? AND first=?", (pid, term, first))
        elif len(keep) < len(held):
            c.execute("UPDATE posting SET slots=? WHERE partition=? AND term=? AND first=?", (keep, pid, term, first))
    c.execute("DELETE FROM block WHERE partition=? AND first >= ?", (pid, slots))
    last = "SELECT max(first) FROM block WHERE partition=b.partition AND space=b.space"
    for space, first, packed in list(c.execute(f"SELECT space, first, codes FROM block AS b WHERE partition=? AND first=({last})", (pid,))):
        c.execute(
            "UPDATE block SET codes=? WHERE partition=? AND space=? AND first=?", (packed[: (slots - first) * dims], pid, space, first)
        )
    return gone


def new_generation(log: Log, recipe: str, fingerprint: str, declared: Mapping[str, Any], shares: Shares, state: str) -> Generation:
    """Open a generation; nothing is folded into it yet. Where another thread or process has just opened one to serve, that one."""
    with log.database.write() as c:
        number = c.execute(
            "INSERT INTO generation(id, recipe, fingerprint, declared, shares, state, made, swept)"
            " VALUES ((SELECT coalesce(max(id), 0) + 1 FROM generation),?,?,?,?,?,?,0) ON CONFLICT DO NOTHING RETURNING id",
            (recipe, fingerprint, json.dumps(declared, sort_keys=True), shares, state, time_ns() // 1000),
        ).get
    return next(g for g in generations(log, recipe) if (g.id == number if number else g.state == "serving"))


def generations(log: Log, recipe: str | None = None) -> list[Generation]:
    """Every generation (of a recipe), oldest first."""
    with log.database.snapshot() as c:
        found = c.execute("SELECT id, recipe, fingerprint, declared, shares, state, made, swept FROM generation ORDER BY id")
        return [
            Generation(id, name, fingerprint, json.loads(declared), shares, state, made, swept)
            for id, name, fingerprint, declared, shares, state, made, swept in found
            if recipe in (None, name)
        ]


def set_state(log: Log, ids: Sequence[int], state: str) -> None:
    """Mark generations as building, serving or frozen."""
    with log.database.write() as c:
        c.executemany("UPDATE generation SET state=? WHERE id=?", ((state, i) for i in ids))

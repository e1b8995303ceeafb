"""What operators see of a view: one partition, as it is after one event; while folding, with what was written and has not landed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from clew.storage import rows
from clew.storage.index import NEVER, SHELF, Index, Lost
from clew.storage.log import Log, micros
from clew.storage.schema import SLOT_BITS
from clew.storage.shapes import BASIS, COLUMNS, Columns, Indexing, Only
from clew.storage.terms import terms
from clew.types import Hit, Memory

TOUCHING = f"SELECT place FROM link WHERE place >> {SLOT_BITS} = ? AND node = ? ORDER BY place"  # a bound shift would miss the index
Embed = Callable[[Sequence[str]], np.ndarray]


class Reading:
    """Reads a partition as of `seq`; None while folding, which sees everything written so far."""

    def __init__(
        self, log: Log, index: Index, embed: Embed, indexing: Indexing, seq: int | None = None, only: "Only | None" = None
    ) -> None:
        self.log, self.index, self.seq, self.only = log, index, NEVER - 1 if seq is None else seq, only
        self._embed, self._indexing = embed, indexing
        self.shelf = only.shelf if only else int(seq is None)  # what is archived is out of the sight of questions, not of upkeep
        self.added: dict[int, Memory] = {}  # by slot, not landed yet
        self._nodes: dict[str, list[int]] = {}  # node to the slots in `added` that link to it
        self._resets = index.resets if seq is None else None  # of the index, when this draft began to read it
        self._read: dict[int, Sequence[Any]] = {}  # rows by slot
        self._columns: dict[tuple[tuple[str, ...], Only | None], Columns] = {}
        self._current: dict[str, int] = {}
        self._texts: list[str | None] = []  # indexed texts of the slots that have no vector yet

    # -- one by one ---------------------------------------------------------------------------------------------

    def get(self, id: str) -> Memory | None:
        """The memory with that id as it is now, or None."""
        with self.index.lock, self.log.database.snapshot() as c:
            slot = self._slot(c, id)
            return None if slot is None or self.index.columns["shelf"][slot] > self.shelf else self._at(c, slot)

    def held(self, id: str) -> Memory | None:
        """Like `get`, for the engine: archived and quarantined ones too."""
        with self.index.lock, self.log.database.snapshot() as c:
            slot = self._slot(c, id)
            return None if slot is None else self._at(c, slot)

    def fresh(self, memory: Memory) -> bool:
        """Whether the memory is a new one: neither read from this view nor written in this draft."""
        return memory.opened is None and memory.id not in self._current

    def derived(self, id: str) -> list[Memory]:
        """The memories that were derived from that one, oldest first; archived ones too, quarantined ones not."""
        with self.index.lock, self.log.database.snapshot() as c:
            return [self._at(c, slot) for slot in dict.fromkeys(self._touching(c, BASIS + id, 1))]

    def opened_by(self, first: int, last: int = NEVER) -> list[Memory]:
        """The memories as they are now whose version events `first` to `last` made, oldest first, on whatever shelf."""
        with self.index.lock, self.log.database.snapshot() as c:
            self._look(c)
            n, mask = self.index.visible(self.seq, (), max(SHELF.values()))
            opened = self.index.columns["opened"][:n]
            late = (opened >= first) & (opened <= last)
            return [self._at(c, int(s)) for s in np.flatnonzero(late if mask is None else late & mask)]

    def all(self, kind: str | None = None) -> list[Memory]:
        """Every memory (of a kind), oldest first."""
        return self.at_slots(self.columns(() if kind is None else (kind,)).slot)

    def recent(self, k: int, kind: str | None = None) -> list[Memory]:
        """The k newest memories (of a kind), oldest first."""
        slots = self.columns(() if kind is None else (kind,)).slot
        return self.at_slots(slots[max(0, len(slots) - k) :])

    def between(self, start: datetime, end: datetime, kind: str | None = None) -> list[Memory]:
        """The memories whose valid time meets [start, end), oldest first."""
        columns = self.columns(() if kind is None else (kind,))
        return self.at_slots(columns.slot[(columns.since < micros(end)) & (columns.until > micros(start))])

    def linked(self, ids: Iterable[str], hops: int = 1) -> list[Memory]:
        """The memories within that many hops of these ids or nodes, nearest first, the starting ones left out.

        A hop leads from a memory to those that share a link with it, that it names, or that name it.
        """
        with self.index.lock, self.log.database.snapshot() as c:
            front = list(dict.fromkeys(ids))
            seen = {slot for node in front if (slot := self._slot(c, node)) is not None and self._alive(slot, self.shelf)}
            front += [link for slot in sorted(seen) for link in self._at(c, slot).links]
            found: list[Memory] = []
            for _ in range(hops):
                fresh = list(dict.fromkeys(s for node in front for s in self._touching(c, node) if s not in seen))
                seen.update(fresh)
                reached = [self._at(c, slot) for slot in fresh]
                found += reached
                front = list(dict.fromkeys(node for m in reached for node in (m.id, *m.links)))
            return found

    def linking(self, node: str) -> bool:
        """Whether any memory, present or past, links to that node: far cheaper than `linked`, where mostly none does."""
        with self.index.lock, self.log.database.snapshot() as c:
            return node in self._nodes or c.execute(TOUCHING + " LIMIT 1", (self.index.pid, node)).get is not None

    def names(self, numbers: Iterable[int]) -> dict[int, str]:
        """Name numbers of `Columns` to names; 0 and forgotten ones left out."""
        with self.log.database.snapshot() as c:
            found = {int(n): self.log.name(c, int(n)) for n in numbers if n}
        return {number: name for number, name in found.items() if name is not None}

    def slot(self, id: str) -> int | None:
        """The slot of the memory with that id as it is now, or None."""
        with self.index.lock, self.log.database.snapshot() as c:
            self._look(c)
            return self._slot(c, id)

    def at_slots(self, slots: Iterable[int]) -> list[Memory]:
        """The memories in these slots, in the order given."""
        with self.index.lock, self.log.database.snapshot() as c:
            return [self._at(c, int(s)) for s in slots]

    def text(self, slot: int) -> str:
        """The words of the memory in that slot."""
        with self.index.lock, self.log.database.snapshot() as c:
            return self.added[slot].text if slot in self.added else self._row(c, slot)[3]

    def ahead(self, slots: Sequence[int]) -> None:
        """Read the memories of a question's best slots in one statement, for those who then ask for one after the other."""
        new = [slot for slot in slots if slot not in self._read and slot not in self.added]
        if len(new) < 2 or self.seq == NEVER - 1:
            return
        with self.index.lock, self.log.database.snapshot() as c:
            places = ",".join(str(self.index.pid << SLOT_BITS | slot) for slot in new)
            self._read.update(
                (row[0] & rows.SLOT_MASK, row) for row in c.execute(f"SELECT {rows.MEMORY} FROM memory WHERE place IN ({places})")
            )

    # -- by likeness --------------------------------------------------------------------------------------------

    def matching(self, text: str, k: int, kinds: Sequence[str] = ()) -> list[Hit]:
        """The k best by BM25 over the partition's own counts; best first, ties by id."""
        return self.hits(*self.matching_slots(text, k, kinds), "bm25")

    def nearest(self, vector: np.ndarray, k: int, kinds: Sequence[str] = ()) -> list[Hit]:
        """The k best by cosine with a vector of `Context.embed`; best first, ties by id."""
        return self.hits(*self.nearest_slots(vector, k, kinds), "cosine")

    def matching_slots(self, text: str, k: int, kinds: Sequence[str] = ()) -> tuple[np.ndarray, np.ndarray]:
        """`matching` as (slots, scores): memories are read when they are needed."""
        with self.index.lock, self.log.database.snapshot() as c:
            self._look(c)
            n, mask = self.index.visible(self.seq, kinds, self.shelf)
            return self._best(self._admitted(self.index.bm25(c, terms(text), n, mask), None), k)

    def nearest_slots(self, vector: np.ndarray, k: int, kinds: Sequence[str] = ()) -> tuple[np.ndarray, np.ndarray]:
        """`nearest` as (slots, scores)."""
        with self.index.lock, self.log.database.snapshot() as c:
            self._look(c)
            n, mask = self.index.visible(self.seq, kinds, self.shelf)
            return self._best(self._admitted(self._cosines(c, vector, n), mask), k)

    def _best(self, scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        slots = self.index.best(scores, k)
        return slots, np.round(scores[slots], 6)

    def order(self, slots: np.ndarray) -> np.ndarray:
        """A number for each slot that sorts as the memories' ids do: how ties are broken."""
        with self.index.lock, self.log.database.snapshot() as c:
            self._look(c)
            if len(slots) and int(slots.max()) >= self.index.n:
                raise Lost("these slots were taken back")
            return self.index.columns["order"][slots]

    def hits(self, slots: Iterable[int], scores: Iterable[float], why: str | Sequence[Mapping[str, float]]) -> list[Hit]:
        """The memories in these slots as hits; `why` names the one scorer, or gives each hit's shares."""
        ranked = list(zip(self.at_slots(slots), map(float, scores), strict=True))
        shares = [{why: score} for _, score in ranked] if isinstance(why, str) else why
        return [Hit(memory, score, share) for (memory, score), share in zip(ranked, shares, strict=True)]

    def _admitted(self, scores: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
        """The scores with 0 for what the question may not see."""
        only, columns = self.only, self.index.columns
        found = scores if mask is None else np.where(mask, scores, 0)
        if only is None:
            return found
        n = len(scores)
        for name in ("user", "agent", "session"):
            wanted = getattr(only, name)
            if wanted is not None:
                held = columns[name][:n]
                found = np.where((held == wanted) | (held == 0), found, 0)
        if only.until is not None:
            found = np.where(columns["until"][:n] > only.until, found, 0)
        if only.since is not None:
            found = np.where(columns["since"][:n] <= only.since, found, 0)
        if only.kinds:
            _, wanted_kinds = self.index.visible(self.seq, only.kinds, self.shelf)
            found = found if wanted_kinds is None else np.where(wanted_kinds[:n], found, 0)
        return found

    # -- as arrays ----------------------------------------------------------------------------------------------

    def columns(self, kinds: Sequence[str] = ()) -> Columns:
        """The visible memories of these kinds as arrays. What a question sees does not change: it is found once."""
        known = self._columns.get((tuple(kinds), self.only))
        if known is not None:
            return known
        with self.index.lock, self.log.database.snapshot() as c:
            self._look(c)
            n, mask = self.index.visible(self.seq, kinds, self.shelf)
            slots = np.flatnonzero(self._admitted(np.ones(n), mask))
            columns = self.index.columns
            found = Columns(slots, *(columns[name][slots] for name in COLUMNS))
        if self.seq != NEVER - 1:
            self._columns[(tuple(kinds), self.only)] = found
        return found

    def postings(self, words: Iterable[str], slots: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """For each term: (positions in `slots`, times it occurs there), ascending; `slots` as in `Columns.slot`."""
        dense = len(slots) == 0 or int(slots[-1]) == len(slots) - 1
        found = {}
        with self.index.lock, self.log.database.snapshot() as c:
            self._look(c)
            for term in dict.fromkeys(words):
                posting = self.index.postings(c, term)
                if dense:
                    posting = posting[: int(np.searchsorted(posting["slot"], len(slots)))]
                    found[term] = posting["slot"].astype(np.int64), posting["tf"].astype(np.int32)
                else:
                    places = np.searchsorted(slots, posting["slot"])
                    inside = places < len(slots)
                    inside[inside] = slots[places[inside]] == posting["slot"][inside]
                    found[term] = places[inside], posting["tf"][inside].astype(np.int32)
        return found

    def cosines(self, vector: np.ndarray, slots: np.ndarray) -> np.ndarray:
        """Cosine of each of these slots with a vector of `Context.embed`, float64."""
        if not len(slots):
            return np.zeros(0)
        with self.index.lock, self.log.database.snapshot() as c:
            self._look(c)
            return self._cosines(c, vector, int(slots[-1]) + 1)[slots]

    def codes(self, slots: np.ndarray) -> np.ndarray:
        """The vectors of these slots, (m, dims) int8."""
        with self.index.lock, self.log.database.snapshot() as c:
            self._look(c)
            self.embed_pending(c)
            return self.index.codes(c)[slots]

    def vectors(self, texts: Sequence[str]) -> np.ndarray:
        """(n, dims) int8, rows in the order of texts, in the view's space."""
        return self._embed(texts)

    def embed_pending(self, c: Any) -> None:
        """Give the slots written so far their vectors."""
        if not self._texts:
            return
        self.index.codes(c)
        texts = [t for t in self._texts if t is not None]
        codes = np.zeros((len(self._texts), self.index.dims), np.int8)
        if texts:
            codes[[i for i, t in enumerate(self._texts) if t is not None]] = self._embed(texts)
        self.index.embed(codes)
        self._texts.clear()

    # -- inside -------------------------------------------------------------------------------------------------

    def _cosines(self, c: Any, vector: np.ndarray, n: int) -> np.ndarray:
        self.embed_pending(c)
        return np.round(self.index.cosines(c, vector, n), 6)

    def _look(self, c: Any) -> None:
        """Take in what was landed since; Lost where slots no longer mean what they did when this draft began."""
        self.index.refresh(c)
        if self._resets is None:
            self._resets = self.index.resets
        elif self._resets != self.index.resets:
            raise Lost(f"partition {self.index.pid} was read anew")

    def _alive(self, slot: int, shelf: int = 2) -> bool:
        """The version in that slot is the one after event `seq`, one that the question may see, and no further than that shelf."""
        columns, only = self.index.columns, self.only
        if columns["shelf"][slot] > shelf:
            return False
        if not columns["opened"][slot] <= self.seq < columns["closed"][slot]:
            return False
        if only is None:
            return True
        whose = all(
            wanted is None or columns[name][slot] in (wanted, 0)
            for name, wanted in (("user", only.user), ("agent", only.agent), ("session", only.session))
        )
        held = (only.until is None or columns["until"][slot] > only.until) and (only.since is None or columns["since"][slot] <= only.since)
        return bool(whose and held)

    def _slot(self, c: Any, id: str) -> int | None:
        if id in self._current:
            return self._current[id]
        base = self.index.pid << SLOT_BITS
        for (place,) in c.execute(
            "SELECT place FROM memory WHERE id=? AND place >= ? AND place < ? ORDER BY place DESC",
            (rows.encoded(id), base, base + 2**SLOT_BITS),
        ):
            slot = place & rows.SLOT_MASK
            if slot < self.index.n and self._alive(slot):
                return slot
        return None

    def _at(self, c: Any, slot: int) -> Memory:
        if slot in self.added:
            return self.added[slot]
        return rows.memory(self.log, c, self._row(c, slot), self.seq)

    def _row(self, c: Any, slot: int) -> Sequence[Any]:
        """The row of a slot. A question looks at the same few again and again, and reads each once."""
        found = self._read.get(slot)
        if found is None:
            found = c.execute(f"SELECT {rows.MEMORY} FROM memory WHERE place=?", (self.index.pid << SLOT_BITS | slot,)).fetchone()
            if found is None:
                raise Lost(f"slot {slot} of partition {self.index.pid} was taken back")
            if self.seq != NEVER - 1:  # folding ends versions
                self._read[slot] = found
        return found

    def _touching(self, c: Any, node: str, shelf: int = 0) -> list[int]:
        places = c.execute(TOUCHING, (self.index.pid, node))
        slots = [p & rows.SLOT_MASK for (p,) in places] + self._nodes.get(node, [])
        own = self._slot(c, node)
        return [s for s in (*slots, *([] if own is None else [own])) if self._alive(s, shelf)]

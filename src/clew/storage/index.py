"""One partition of one view, in memory: columns, postings and vectors by slot.

A slot is one version of one memory; slots are only ever added, so what was visible after event S is a mask. All scores
are exact integers or rounded, so that a ranking is the same today, after a rebuild, and on another machine.
"""

import struct
import threading
from collections import Counter, OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np

from clew.errors import LogCorrupt
from clew.storage.schema import SLOT_BITS
from clew.storage.segment import POSTING, SEGMENT, unpacked

NEVER = 2**62
DAMAGED = "the rows of a view are damaged; the log may be sound: see `clew verify`, then rebuild the recipe"
ID = np.dtype([("high", ">u8"), ("low", ">u2")])  # a memory's id, ten bytes
K1, B = 1.2, 0.75  # BM25, Robertson's usual values
CACHED_TERMS = 20_000
SHELF = {"active": 0, "suspect": 0, "archived": 1, "quarantined": 2}  # how far from sight a status lies: see `Index.visible`
CHUNK = 1024  # vectors turned to float at a time: stays in the processor's cache
COLUMNS = {
    "opened": "i8",
    "closed": "i8",
    "since": "i8",
    "until": "i8",
    "length": "i4",
    "traits": "i4",
    "kind": "i4",
    "group": "i4",
    "user": "i4",
    "agent": "i4",
    "session": "i4",
    "actor": "i4",
    "order": "u8",
    "shelf": "i1",
}
LOAD = (
    f"SELECT opened, coalesce(closed, {NEVER}), coalesce(since, {-NEVER}), coalesce(until, {NEVER}), length, traits, kind,"
    " coalesce(user, 0), coalesce(agent, 0), coalesce(session, 0), coalesce(actor, 0), id, status FROM memory"
    " WHERE place >= ? AND place < ? ORDER BY place"
)


class Lost(Exception):
    """Others have forgotten in, rebuilt or landed this partition meanwhile; what was being made or read is looked at anew."""


class Index:
    """The arrays of a partition. Callers hold `lock` around every use."""

    def __init__(self, pid: int, space: str, dims: int) -> None:
        self.pid, self.space, self.dims = pid, space, dims
        self.lock = threading.RLock()
        self.folding = threading.Lock()  # one thread of this process folds a partition at a time
        self.resets = 0  # how often everything was read again: a draft from before is void
        self.reset(-1)

    def reset(self, epoch: int) -> None:
        """Forget everything held in memory; the rows are read again."""
        self.resets += 1
        self.epoch, self.version, self.n, self.flushed, self.ended = epoch, -1, 0, 0, 0
        self.shelved = 0  # the furthest shelf that any slot lies on
        self._columns = {name: np.zeros(256, dtype) for name, dtype in COLUMNS.items()}
        self._rows: list[Sequence[Any]] = []  # added, not in the columns yet: they are filled many at a time
        self.kinds: dict[str, int] = {}
        self._groups: dict[tuple[int, int], int] = {}
        self._postings: OrderedDict[str, np.ndarray] = OrderedDict()
        self._pending: dict[str, np.ndarray] = {}  # postings of slots that are not flushed
        self._words: list[str] = []  # terms not in `_pending` yet, slot after slot
        self._worded: list[tuple[int, int]] = []  # (slot, number of its terms) for `_words`
        self._tail: dict[str, list[np.ndarray]] | None = None  # postings that lie in segments; None is not read yet
        self.merged = 0  # slots below this have their postings in rows a term
        self._codes: np.ndarray | None = None
        self._norms = np.zeros(0)
        self._embedded = 0

    # -- growing ------------------------------------------------------------------------------------------------

    def refresh(self, c: Any) -> None:
        """Take in what other connections have landed since, as far as this snapshot shows it."""
        row = c.execute("SELECT epoch, version, slots FROM partition WHERE id=?", (self.pid,)).fetchone()
        if row is None:
            return
        epoch, version, slots = row
        if epoch > self.epoch:
            self.reset(epoch)
        if epoch < self.epoch:
            raise Lost(f"partition {self.pid} was taken back while it was read")
        if version <= self.version:
            return
        if self.n > self.flushed:
            self.reset(epoch)  # another process landed first: the draft being made here is lost, and must not be read
        base = self.pid << SLOT_BITS
        rows = list(c.execute(LOAD, (base + self.n, base + slots)))
        self._postings.clear()
        self._tail = None
        self.add(rows)
        self.flushed = self.n
        for slot, seq in c.execute(
            f"SELECT place & ?, closed FROM memory WHERE place >> {SLOT_BITS} = ? AND closed IS NOT NULL AND closed > ?",
            (2**SLOT_BITS - 1, self.pid, self.ended),
        ):
            self.close(slot, seq)
        self.version = version

    def add(self, rows: Sequence[Sequence[Any]]) -> None:
        """Add rows of LOAD's shape, in slot order."""
        self._rows += rows
        self.n += len(rows)

    @property
    def columns(self) -> dict[str, np.ndarray]:
        """The arrays by name; entries from n on mean nothing."""
        if self._rows:
            self._fill()
        return self._columns

    def _fill(self) -> None:
        rows, self._rows = self._rows, []
        try:
            self._filled(rows)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise LogCorrupt(f"{DAMAGED} ({error})") from error

    def _filled(self, rows: Sequence[Sequence[Any]]) -> None:
        have = len(self._columns["opened"])
        if self.n > have:
            size = max(self.n, have * 2)
            for name, old in self._columns.items():
                self._columns[name] = np.concatenate([old, np.zeros(size - have, old.dtype)])
        at, span = self._columns, slice(self.n - len(rows), self.n)
        opened, closed, since, until, length, traits, kind, user, agent, session, actor, ids, status = zip(*rows, strict=True)
        for name, values in (
            ("opened", opened),
            ("closed", closed),
            ("since", since),
            ("until", until),
            ("length", length),
            ("traits", traits),
            ("user", user),
            ("agent", agent),
            ("session", session),
            ("actor", actor),
            ("shelf", [SHELF[s] for s in status]),
        ):
            at[name][span] = values
        at["kind"][span] = [self.kinds.setdefault(k, len(self.kinds)) for k in kind]
        at["group"][span] = [self._groups.setdefault(pair, len(self._groups)) for pair in zip(user, session, strict=True)]
        at["order"][span] = np.frombuffer(b"".join(ids), ID)["high"]
        self.shelved = max(self.shelved, int(at["shelf"][span].max(initial=0)))
        ended = at["closed"][span]
        self.ended = max(self.ended, int(ended[ended < NEVER].max(initial=0)))

    def close(self, slot: int, seq: int) -> None:
        """The version in that slot ended with that event."""
        self.columns["closed"][slot] = seq
        self.ended = max(self.ended, seq)

    def post(self, slot: int, words: Sequence[str]) -> None:
        """Index a text's terms under a slot that is not flushed yet."""
        self._words += words
        self._worded.append((slot, len(words)))

    @property
    def pending(self) -> dict[str, np.ndarray]:
        """POSTING rows by term of the slots that are not flushed."""
        if self._worded:
            self._sort()
        return self._pending

    def _sort(self) -> None:
        """Group the terms posted lately by term and slot, all at once."""
        numbers: dict[str, int] = {}
        terms = np.array([numbers.setdefault(word, len(numbers)) for word in self._words], np.int64)
        slots, lengths = np.array(self._worded, np.int64).T
        pairs, counts = np.unique(terms << 32 | np.repeat(slots, lengths), return_counts=True)
        found = np.empty(len(pairs), POSTING)
        found["slot"], found["tf"] = pairs & 0xFFFFFFFF, np.minimum(counts, 255)
        ends = np.searchsorted(pairs >> 32, np.arange(1, len(numbers) + 1)).tolist()
        start = 0
        for term, end in zip(numbers, ends, strict=True):
            held = self._pending.get(term)
            self._pending[term] = found[start:end] if held is None else np.concatenate([held, found[start:end]])
            start = end
        self._words, self._worded = [], []

    def cut(self, n: int) -> None:
        """Take back the slots from n on; none of them is flushed."""
        for term, rows in list(self.pending.items()):
            kept = rows[: int(np.searchsorted(rows["slot"], n))]
            if not len(kept):
                del self._pending[term]
            elif len(kept) < len(rows):
                self._pending[term] = kept
        _ = self.columns  # fill up to the old n first
        self.n, self._embedded = n, min(n, self._embedded)

    def settled(self, version: int, merged: bool) -> None:
        """Everything pending is on disk now, as this version; `merged` says that no segments are left."""
        for term, new in self.pending.items():
            if term in self._postings:
                self._postings[term] = np.concatenate([self._postings[term], new])
            if not merged and self._tail is not None:
                self._tail.setdefault(term, []).append(new)
        if merged:
            self._tail, self.merged = {}, self.n
        self._pending = {}
        self.flushed, self.version = self.n, version

    # -- seeing -------------------------------------------------------------------------------------------------

    def visible(self, seq: int, kinds: Sequence[str] = (), shelf: int = 0) -> tuple[int, np.ndarray | None]:
        """(n, mask): the slots below n that the mask holds were there after event `seq`; None is all of them.

        What is archived is seen from shelf 1 on, what is quarantined from shelf 2 on, which no operator is given.
        """
        n = int(np.searchsorted(self.columns["opened"][: self.n], seq, side="right"))
        mask = None
        if self.ended:
            mask = self.columns["closed"][:n] > seq
        if self.shelved > shelf:
            near = self.columns["shelf"][:n] <= shelf
            mask = near if mask is None else mask & near
        if kinds:
            codes = [self.kinds[k] for k in kinds if k in self.kinds]
            held = self.columns["kind"][:n]
            wanted = held == codes[0] if len(codes) == 1 else np.isin(held, codes)
            mask = wanted if mask is None else mask & wanted
        return n, None if mask is None or mask.all() else mask

    def postings(self, c: Any, term: str) -> np.ndarray:
        """POSTING rows of a term in slot order, closed versions included."""
        rows = self._postings.get(term)
        if rows is None:
            packed = b"".join(
                r[0] for r in c.execute("SELECT slots FROM posting WHERE partition=? AND term=? ORDER BY first", (self.pid, term))
            )
            rows = loaded(packed, POSTING)
            tail = self.tail(c).get(term)
            rows = rows if tail is None else np.concatenate([rows, *tail])
            if self._current(c):
                if len(rows) and (int(rows["slot"][-1]) >= self.flushed or (np.diff(rows["slot"].astype(np.int64)) <= 0).any()):
                    raise LogCorrupt(DAMAGED)
                self._postings[term] = rows
                if len(self._postings) > CACHED_TERMS:
                    self._postings.popitem(last=False)
        new = self.pending.get(term)
        return rows if new is None else np.concatenate([rows, new])

    def tail(self, c: Any) -> dict[str, list[np.ndarray]]:
        """POSTING rows by term, in slot order, of what was landed and lies in segments."""
        if self._tail is not None:
            return self._tail
        found: dict[str, list[np.ndarray]] = {}
        firsts = []
        for first, segment in c.execute(
            "SELECT first, slots FROM posting WHERE partition=? AND term=? ORDER BY first", (self.pid, SEGMENT)
        ):
            firsts.append(first)
            try:
                for term, rows in unpacked(segment):
                    found.setdefault(term, []).append(rows)
            except (ValueError, struct.error) as error:
                raise LogCorrupt(DAMAGED) from error
        if self._current(c):
            self._tail, self.merged = found, firsts[0] if firsts else self.flushed
        return found

    def _current(self, c: Any) -> bool:
        return c.execute("SELECT version FROM partition WHERE id=?", (self.pid,)).get == self.version

    def bm25(self, c: Any, words: Sequence[str], n: int, mask: np.ndarray | None) -> np.ndarray:
        """(n,) float64 scores by the partition's own counts, over what is visible; 0 where no term occurs."""
        scores = np.zeros(n)
        count = n if mask is None else int(mask.sum())
        if not count:
            return scores
        lengths = self.columns["length"][:n]
        total = int(lengths.sum() if mask is None else lengths[mask].sum())
        average = max(total / count, 1e-9)
        for term, weight in Counter(words).items():
            rows = self.postings(c, term)
            rows = rows[: int(np.searchsorted(rows["slot"], n))]
            slots = rows["slot"].astype(np.intp)
            tf = rows["tf"].astype(np.float64)
            if mask is not None:
                keep = mask[slots]
                slots, tf = slots[keep], tf[keep]
            idf = np.log1p((count - len(slots) + 0.5) / (len(slots) + 0.5))
            scores[slots] += weight * idf * tf * (K1 + 1) / (tf + K1 * (1 - B + B * lengths[slots] / average))
        return scores

    # -- vectors ------------------------------------------------------------------------------------------------

    def codes(self, c: Any) -> np.ndarray:
        """(embedded, dims) int8, row i is slot i; zeros where a memory has no vector."""
        if self._codes is None:
            packed = b"".join(
                r[0] for r in c.execute("SELECT codes FROM block WHERE partition=? AND space=? ORDER BY first", (self.pid, self.space))
            )
            self._codes = loaded(packed, np.dtype((np.int8, self.dims)))
            self._norms = norms(self._codes)
            self._embedded = len(self._codes)
        elif self._embedded < self.flushed:
            packed = b"".join(
                r[0]
                for r in c.execute(
                    "SELECT codes FROM block WHERE partition=? AND space=? AND first >= coalesce((SELECT max(first) FROM block WHERE partition=?1"
                    " AND space=?2 AND first <= ?3), 0) ORDER BY first",
                    (self.pid, self.space, self._embedded),
                )
            )
            whole = loaded(packed, np.dtype((np.int8, self.dims)))
            first = c.execute(
                "SELECT coalesce(max(first), 0) FROM block WHERE partition=? AND space=? AND first <= ?",
                (self.pid, self.space, self._embedded),
            ).get
            self.embed(whole[self._embedded - first :])
        return self._codes[: self._embedded]

    def embed(self, codes: np.ndarray) -> None:
        """Append the vectors of the next slots, (m, dims) int8."""
        if not len(codes):
            return  # an older snapshot than the one that loaded them: what was loaded cannot be written to
        have = 0 if self._codes is None else len(self._codes)
        need = self._embedded + len(codes)
        if need > have:
            grown = np.zeros((max(need, have * 2, 256), self.dims), np.int8)
            lengths = np.zeros(len(grown))
            if self._codes is not None:
                grown[: self._embedded] = self._codes[: self._embedded]
                lengths[: self._embedded] = self._norms[: self._embedded]
            self._codes, self._norms = grown, lengths
        assert self._codes is not None
        self._codes[self._embedded : need] = codes
        self._norms[self._embedded : need] = norms(codes)
        self._embedded = need

    @property
    def embedded(self) -> int:
        """How many slots have their vector in memory."""
        return self._embedded

    def cosines(self, c: Any, vector: np.ndarray, n: int) -> np.ndarray:
        """(n,) float64 cosines of the slots below n with a (dims,) int8 vector; exact up to one division."""
        codes = self.codes(c)[:n]
        wide = np.float32 if self.dims <= 1024 else np.float64  # sums of products of int8 are exact below 2**24
        query = vector.astype(wide)
        dots = np.zeros(n)
        for i in range(0, len(codes), CHUNK):
            chunk = codes[i : i + CHUNK]
            dots[i : i + len(chunk)] = np.vecdot(chunk.astype(wide), query)  # not BLAS, whose threads cost more than they give here
        lengths = np.zeros(n)
        lengths[: len(codes)] = self._norms[: len(codes)]
        scale = lengths * norms(vector[None])[0]
        return np.divide(dots, scale, out=np.zeros(n), where=scale > 0)

    def best(self, scores: np.ndarray, k: int) -> np.ndarray:
        """The slots of the k highest positive scores, best first; equal scores in the order of memory ids."""
        rounded = np.round(scores, 6)
        if 0 < k < len(rounded):
            floor = max(np.partition(rounded, len(rounded) - k)[len(rounded) - k], 1e-6)
        else:
            floor = 1e-6
        slots = np.flatnonzero(rounded >= floor)
        ranked = slots[np.lexsort((self.columns["order"][slots], -rounded[slots]))]
        return ranked[:k]


def loaded(packed: bytes, dtype: np.dtype[Any]) -> np.ndarray:
    """Rows of that type out of a blob; LogCorrupt where it does not hold a whole number of them."""
    try:
        return np.frombuffer(packed, dtype)
    except ValueError as error:
        raise LogCorrupt(f"{DAMAGED} ({error})") from error


def norms(codes: np.ndarray) -> np.ndarray:
    """(m,) float64 lengths of (m, dims) int8 rows, from exact integer sums."""
    wide = np.float32 if codes.shape[-1] <= 1024 else np.float64  # exact, as in `Index.cosines`
    squares = np.zeros(len(codes))
    for i in range(0, len(codes), CHUNK):
        chunk = codes[i : i + CHUNK].astype(wide)
        squares[i : i + CHUNK] = np.vecdot(chunk, chunk)
    return np.sqrt(squares)

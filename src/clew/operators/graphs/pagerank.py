"""A partition's links as arrays: neighbourhoods of nodes, and personalised PageRank, without reading memories at a question.

What a slot links to never changes, so it is read once and kept beside the partition's index, as numbers: no name is kept.
"""

import hashlib
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import numpy as np

from clew.context import Context
from clew.storage.index import Index

VERSION = 1
DIGITS = 6  # of a score, so that a ranking is the same on another machine
PRECISION, ROUNDS = 1e-8, 100  # a walk ends when the shares move by less in all, or after so many rounds
Ints = np.ndarray
Edges = tuple[Ints, Ints, np.ndarray]  # one end, other end, weight


@dataclass(frozen=True, slots=True)
class Net:
    """The links of some memories, link after link: `row` says whose (a place in `slots`), `node` to what, as a number.

    `first` is the code point that the node's name begins with: recipes name what a node is by a letter ("e:", "t:").
    """

    slots: Ints  # (m,) of the memories, oldest first
    row: Ints
    node: Ints
    first: Ints
    numbers: Mapping[bytes, int]  # of nodes, by the hash of their names; grows with the partition

    @property
    def size(self) -> int:
        """Numbers of nodes lie below this."""
        return len(self.numbers)

    def number(self, names: Iterable[str]) -> Ints:
        """The numbers of the nodes of these names that some memory of the partition links to; others are left out."""
        found = [self.numbers.get(_hashed(name)) for name in names]
        return np.array([n for n in found if n is not None], np.int64)

    def of(self, letter: str) -> tuple[Ints, Ints]:
        """(rows, nodes) of the links to nodes whose names begin with that letter."""
        mine = self.first == ord(letter)
        return self.row[mine], self.node[mine]

    def touching(self, nodes: Ints) -> Ints:
        """The slots of the memories with a link to any of these nodes, oldest first."""
        return self.slots[np.unique(self.row[np.isin(self.node, nodes)])]


@dataclass(slots=True)
class _Held:
    """What is kept of one partition."""

    resets: int
    numbers: dict[bytes, int] = field(default_factory=dict)
    slots: dict[int, tuple[Ints, Ints]] = field(default_factory=dict)  # slot -> nodes, first letters
    nets: dict[tuple[str, ...], Net] = field(default_factory=dict)  # by kinds, the last one made


_held: WeakKeyDictionary[Index, _Held] = WeakKeyDictionary()
_lock = threading.Lock()


def _hashed(name: str) -> bytes:
    return hashlib.blake2b(name.encode(), digest_size=8).digest()


def net(ctx: Context, kinds: Sequence[str]) -> Net:
    """The links of the memories of these kinds that a question may see. Only for questions: what is being folded may yet be undone."""
    slots, index, wanted = ctx.view.columns(kinds).slot, ctx.view.index, tuple(kinds)
    with _lock:
        held = _held.get(index)
        if held is None or held.resets != index.resets:
            held = _held[index] = _Held(index.resets)
        last = held.nets.get(wanted)
        if last is not None and np.array_equal(last.slots, slots):
            return last
        new = [slot for slot in slots.tolist() if slot not in held.slots]
    links = [memory.links for memory in ctx.view.at_slots(new)]
    with _lock:
        for slot, names in zip(new, links, strict=True):
            nodes = [held.numbers.setdefault(_hashed(name), len(held.numbers)) for name in names]
            held.slots[slot] = np.array(nodes, np.int64), np.array([ord(name[0]) for name in names], np.int64)
        found = [held.slots[slot] for slot in slots.tolist()]
        row = np.repeat(np.arange(len(slots)), [len(nodes) for nodes, _ in found])
        none = np.zeros(0, np.int64)
        nodes, first = (np.concatenate([none, *(pair[i] for pair in found)]) for i in (0, 1))
        made = held.nets[wanted] = Net(slots, row, nodes, first, held.numbers)
    return made


def neighbourhood(edges: Net, letter: str, start: Ints, hops: int) -> Ints:
    """The nodes of that letter within so many hops of these, themselves included, ascending.

    A hop leads from a node to the others that a memory of `edges` links to.
    """
    rows, nodes = edges.of(letter)
    inside = np.zeros(edges.size, bool)
    inside[start] = True
    for _ in range(hops):
        touched = np.zeros(len(edges.slots), bool)
        touched[rows[inside[nodes]]] = True
        inside[nodes[touched[rows]]] = True
    return np.flatnonzero(inside)


def pagerank(edges: Edges, reset: np.ndarray, damping: float) -> np.ndarray:
    """Personalised PageRank over undirected weighted edges: (n,) shares that sum to 1, or zeros where `reset` is all zero.

    A walker goes along an edge with probability `damping`, in proportion
    to its weight, and else, or where no edge leads on, starts again at a node drawn from `reset` (Haveliwala 2002).
    """
    one, other, weight = edges
    source, target, heavy = np.concatenate([one, other]), np.concatenate([other, one]), np.concatenate([weight, weight])
    n, total = len(reset), float(reset.sum())
    if total <= 0:
        return np.zeros(n)
    start = reset / total
    out = np.bincount(source, heavy, n)
    share = heavy / np.where(out > 0, out, 1.0)[source]
    stuck, now = out <= 0, start
    for _ in range(ROUNDS):
        walked = np.bincount(target, share * now[source], n)
        then = damping * (walked + start * float(now[stuck].sum())) + (1 - damping) * start
        moved = float(np.abs(then - now).sum())
        now = then
        if moved < PRECISION:
            break
    return now


# -- edges out of links ---------------------------------------------------------------------------------------------


def joined(*some: Edges) -> Edges:
    """All of these edges."""
    one, other, weight = (np.concatenate([np.zeros(0), *parts]) for parts in zip(*some, strict=True))
    return one.astype(np.int64), other.astype(np.int64), weight


def stated(facts: Net, passages: Net) -> Edges:
    """An edge between the two ends ("e:") of each fact, as heavy as there are passages that link to the fact ("t:")."""
    rows, nodes = facts.of("e")
    pair = np.flatnonzero(rows[1:] == rows[:-1])  # a fact of a thing about itself has one end and is no edge
    times = np.bincount(passages.of("t")[1], minlength=passages.size)
    key_rows, keys = facts.of("t")
    weight = np.zeros(len(facts.slots))
    weight[key_rows] = times[keys]
    return nodes[pair], nodes[pair + 1], weight[rows[pair]]


def starred(memories: Net) -> Edges:
    """An edge of weight 1 from the first node ("e:") of each memory to each of its others."""
    rows, nodes = memories.of("e")
    head = np.r_[True, rows[1:] != rows[:-1]][: len(rows)]
    ends = np.flatnonzero(~head)
    return nodes[head][np.cumsum(head)[ends] - 1], nodes[ends], np.ones(len(ends))

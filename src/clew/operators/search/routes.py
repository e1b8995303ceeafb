"""Several ways to memories at once, and one ranking of all that they find (MemOS's parallel recall)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from heapq import merge

import numpy as np

from clew.context import Context
from clew.operators.people import cluster
from clew.operators.upkeep import cube
from clew.types import Hit, Memory, Query

VERSION = 1
COUNTED = 10_000  # memories that a word may be in for its share of BM25 to be told
Said = Callable[[Memory], str]


def ranked(
    query: Query,
    texts: Sequence[str],
    others: Mapping[str, Sequence[Memory]],
    kinds: Sequence[str],
    said: Said,
    lexical: float,
    ctx: Context,
) -> Iterator[Hit]:
    """The memories nearest to any of the texts, those with the question's words, and those that other routes led to; best first.

    A score is the cosine with the question and its BM25 as a share of the best, the latter weighted `lexical`. `why` names
    the other routes too, at 0: they bring to the ranking and do not rank. Of equal words only the best. Memories are read as they are taken.
    """
    kinds = [k for k in kinds if not query.kinds or k in query.kinds]
    if not kinds:
        return
    ways = {name: {m.id for m in memories} for name, memories in others.items()}
    brought = {m.id: m for memories in others.values() for m in memories if m.kind in kinds}
    seen: set[str] = set()
    both = _measured(query, texts, kinds, lexical, ctx), _brought(query, list(brought.values()), said, lexical, ctx)
    for hit in merge(*both, key=lambda h: -h.score):
        if seen.isdisjoint((hit.memory.id, hit.memory.text)):
            seen |= {hit.memory.id, hit.memory.text}
            yield Hit(hit.memory, hit.score, {**hit.why, **{name: 0.0 for name, ids in ways.items() if hit.memory.id in ids}})


def _measured(query: Query, texts: Sequence[str], kinds: Sequence[str], lexical: float, ctx: Context) -> Iterator[Hit]:
    """The nearest to any of the texts and those with most of the question's words, by both, best first."""
    found, scores = ctx.view.matching_slots(query.text, COUNTED, kinds) if lexical else (np.zeros(0, int), np.zeros(0))
    near = [ctx.view.nearest_slots(vector, 2 * query.k, kinds)[0] for vector in ctx.embed(list(texts))]
    slots = np.unique(np.concatenate([found[: 2 * query.k], *near]))
    held, words = np.isin(found, slots), np.zeros(len(slots))
    words[np.searchsorted(slots, found[held])] = scores[held] / scores.max(initial=1e-9)
    shares = {
        "cosine": np.round((1 - lexical) * ctx.view.cosines(ctx.embed([query.text])[0], slots), 6),
        "bm25": np.round(lexical * words, 6),
    }
    total = np.round(shares["cosine"] + shares["bm25"], 6)
    for i in np.lexsort((ctx.view.order(slots), -total)).tolist():
        yield ctx.view.hits([int(slots[i])], [float(total[i])], [{name: float(share[i]) for name, share in shares.items()}])[0]


def _brought(query: Query, memories: Sequence[Memory], said: Said, lexical: float, ctx: Context) -> list[Hit]:
    """What other routes led to, by cosine: what shares its best words with the question was found by them already."""
    if not memories:
        return []
    likeness = cluster.cosines(ctx.embed([said(m) for m in memories]), ctx.embed([query.text]))[:, 0]
    hits = [Hit(m, score, {"cosine": score}) for m, score in zip(memories, np.round((1 - lexical) * likeness, 6).tolist(), strict=True)]
    return sorted(hits, key=lambda h: (-h.score, h.memory.id))


def alike(text: str, k: int, kinds: Sequence[str], ctx: Context) -> list[Memory]:
    """The k nearest in use."""
    found = [h.memory for h in ctx.view.nearest(ctx.embed([text])[0], k, kinds)]
    return [m for m in found if m.retired is None and m.status in ("active", "suspect")]


def connected(keys: Sequence[str], labels: Sequence[str], ctx: Context) -> list[Memory]:
    """The memories of exactly one of these keys, or with two of these tags at least; those that hold."""
    nodes = [*(f"key:{cube.plain(key)}" for key in keys if cube.plain(key)), *cube.pairs(labels)]
    found = ctx.view.linked(nodes) if nodes else []
    return [m for m in found if m.retired is None and not set(m.links).isdisjoint(nodes)]


def below(text: str, ctx: Context, most: int = 3) -> list[Memory]:
    """The memories under the topics nearest to a text."""
    found = [ctx.view.get(id) for hit in ctx.view.nearest(ctx.embed([text])[0], most, ("topic",)) for id in hit.memory.links]
    return [m for m in found if m is not None and m.retired is None]

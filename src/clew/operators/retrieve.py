"""Retrieval techniques that two or more recipes share."""

from collections.abc import Mapping, Sequence

import numpy as np

from clew.context import Context
from clew.types import Hit, Query

VERSION = 1
POOL = 100  # candidates of each ranking that a fusion looks at


def bm25(query: Query, ctx: Context) -> list[Hit]:
    """The k best by BM25."""
    return ctx.view.matching(query.text, query.k)


def dense(query: Query, ctx: Context) -> list[Hit]:
    """The k best by cosine."""
    return ctx.view.nearest(ctx.embed([query.text])[0], query.k)


def hybrid(query: Query, ctx: Context) -> list[Hit]:
    """The k best by the min-max weighted sum of BM25 and cosine, half each."""
    pool = max(POOL, query.k)
    rankings = {"bm25": ctx.view.matching_slots(query.text, pool), "cosine": ctx.view.nearest_slots(ctx.embed([query.text])[0], pool)}
    slots = np.unique(np.concatenate([found for found, _ in rankings.values()]))
    shares = {name: np.zeros(len(slots)) for name in rankings}
    for name, (found, scores) in rankings.items():
        if len(found):
            low, high = float(scores[-1]), float(scores[0])
            scaled = (scores - low) / (high - low) if high > low else np.ones(len(scores))
            shares[name][np.searchsorted(slots, found)] = np.round(0.5 * scaled, 6)
    total = np.round(sum(shares.values(), np.zeros(len(slots))), 6)
    best = np.lexsort((ctx.view.order(slots), -total))[: query.k]
    return ctx.view.hits(slots[best], total[best], [{name: float(shares[name][i]) for name in shares} for i in best])


def reciprocal(rankings: Mapping[str, Sequence[Hit]], c: int = 60) -> list[Hit]:
    """Reciprocal rank fusion (Cormack 2009): the sum of 1/(c + rank); best first, ties by id."""
    shares: dict[str, dict[str, float]] = {}
    memories = {hit.memory.id: hit.memory for hits in rankings.values() for hit in hits}
    for name, hits in rankings.items():
        for rank, hit in enumerate(hits, 1):
            shares.setdefault(hit.memory.id, {})[name] = round(1 / (c + rank), 6)
    ranked = sorted(shares, key=lambda id: (-sum(shares[id].values()), id))
    return [Hit(memories[id], round(sum(shares[id].values()), 6), shares[id]) for id in ranked]


def fused_max(rankings: Mapping[str, Sequence[Hit]]) -> list[Hit]:
    """Max fusion: a memory's score is the best that any ranking gives it; best first, ties by id.

    Scores must be of one scale. `why` says what each ranking gave it, so that its best share is the score.
    """
    shares: dict[str, dict[str, float]] = {}
    memories = {hit.memory.id: hit.memory for hits in rankings.values() for hit in hits}
    for name, hits in rankings.items():
        for hit in hits:
            given = shares.setdefault(hit.memory.id, {})
            given[name] = max(hit.score, given.get(name, hit.score))
    ranked = sorted(shares, key=lambda id: (-max(shares[id].values()), id))
    return [Hit(memories[id], max(shares[id].values()), shares[id]) for id in ranked]


def shares(text: str, kinds: Sequence[str], ctx: Context, slots: np.ndarray | None = None) -> list[Hit]:
    """The visible memories of these kinds, or those in `slots`, by BM25 as a share of the kinds' best; 0 where no word meets.

    In the order of the slots (without them oldest first), so that what is to be ranked otherwise can be.
    """
    every = ctx.view.columns(kinds).slot
    wanted = every if slots is None else slots
    found, scores = ctx.view.matching_slots(text, max(len(every), 1) if text else 0, kinds)
    share = dict(zip(found.tolist(), np.round(scores / scores.max(initial=1e-9), 6).tolist(), strict=True))
    given = [share.get(slot, 0.0) for slot in wanted.tolist()]
    return ctx.view.hits(wanted, given, [{"words": score} for score in given])

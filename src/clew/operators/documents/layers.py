"""Search in several layers of one material: each layer by itself, what a higher one finds led down to the words, all fused."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from clew.context import Context
from clew.operators.documents.spans import distance
from clew.operators.retrieve import POOL
from clew.types import Hit, Memory, Query

VERSION = 1
COMMON = 0.2  # share of words that two texts must have in common before their edit distance is looked at: it is costly


def layered(query: Query, kind: str, shares: Mapping[str, float], top: int, expand: bool, ctx: Context) -> list[Hit]:
    """Memories of `kind`, best first, by how like the question they are and, for each layer above, how like what leads to them is.

    `shares` weighs the layers' likeness beside the memory's own, which counts 1. The first `top` (or k) of the kind and what the
    first `top` of each layer lead to are ranked. What has nothing above it (no links) is its own core and outline.
    """
    own = searched(query, kind, max(POOL, query.k), ctx)
    above = {layer: led(searched(query, layer, top, ctx), kind, share, expand, ctx) for layer, share in shares.items()}
    candidates = {h.memory.id for h in own[: max(top, query.k)]}.union(*above.values())
    rankings: dict[str, list[Hit]] = {kind: [h for h in own if h.memory.id in candidates]}
    for layer, found in above.items():
        flat = [Hit(h.memory, round(h.score * shares[layer], 6)) for h in rankings[kind] if not h.memory.links]
        rankings[layer] = [*found.values(), *flat]
    return summed(rankings)


def searched(query: Query, kind: str, top: int, ctx: Context) -> list[Hit]:
    """The best of one kind of memory by words and by vectors, each scaled from 0 to 1 and counted half; `top` at most."""
    pool, total = max(POOL, top), dict[int, float]()
    near = ctx.view.nearest_slots(ctx.embed([query.text])[0], pool, (kind,))
    for found, scores in (ctx.view.matching_slots(query.text, pool, (kind,)), near):
        low, high = (float(scores[-1]), float(scores[0])) if len(found) else (0.0, 0.0)
        share = (scores - low) / (high - low) if high > low else np.ones(len(scores))
        for slot, half in zip(found.tolist(), np.round(0.5 * share, 6).tolist(), strict=True):
            total[slot] = round(total.get(slot, 0.0) + half, 6)
    slots, likeness = np.array(list(total), int), np.array(list(total.values()))
    best = np.lexsort((ctx.view.order(slots), -likeness))[:top] if total else slots
    return ctx.view.hits(slots[best], likeness[best], kind)


def led(hits: Sequence[Hit], kind: str, share: float, expand: bool, ctx: Context) -> dict[str, Hit]:
    """The memories of `kind` that hits of a higher layer lead to, by id: those that a hit was derived from, and (expand) their siblings.

    Each has that share of the hit's score, a sibling half of it; the best hit that leads to it counts. Siblings share a link
    with the hit: they are the other chunks of the same document.
    """
    found: dict[str, Hit] = {}
    for hit in hits:
        tied = {m.id: m for m in ctx.view.linked([hit.memory.id]) if m.kind == kind and m.retired is None}
        for id, memory in tied.items():
            if expand or id in hit.memory.basis:
                score = round(hit.score * share * (1.0 if id in hit.memory.basis else 0.5), 6)
                if id not in found or found[id].score < score:
                    found[id] = Hit(memory, score)
    return found


def summed(rankings: Mapping[str, Iterable[Hit]]) -> list[Hit]:
    """Everything in the rankings by the sum of its scores there, best first, ties by id."""
    shares: dict[str, dict[str, float]] = {}
    memories: dict[str, Memory] = {}
    for name, hits in rankings.items():
        for hit in hits:
            memories[hit.memory.id] = hit.memory
            shares.setdefault(hit.memory.id, {})[name] = hit.score
    found = [Hit(memories[id], round(sum(why.values()), 6), why) for id, why in shares.items()]
    return sorted(found, key=lambda h: (-h.score, h.memory.id))


def distinct(hits: Sequence[Hit], share: float, most: int) -> list[Hit]:
    """The first `most` hits of which none is nearly the text of a better one: edit distance under that share of the shorter."""
    kept: list[Hit] = []
    bags: list[frozenset[str]] = []
    for hit in hits:
        if len(kept) == most:
            break
        bag = frozenset(hit.memory.text.lower().split())
        if not any(_alike(hit.memory.text, k.memory.text, bag, b, share) for k, b in zip(kept, bags, strict=True)):
            kept.append(hit)
            bags.append(bag)
    return kept


def _alike(a: str, b: str, words: frozenset[str], others: frozenset[str], share: float) -> bool:
    room = share * min(len(a), len(b))
    if a == b or abs(len(a) - len(b)) >= room or len(words & others) < COMMON * min(len(words), len(others)):
        return a == b
    return distance(a, b) < room

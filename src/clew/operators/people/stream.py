"""A memory stream: memories ranked by recency of use, importance and relevance, and the moment to look back on it.

Its memories carry in their data `importance` (1..10), `accessed` (ISO 8601, the last retrieval) and `born` (the place in the
log of the event that made them). Park 2023, section 4.1 and 4.2.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np

from clew.context import Context
from clew.types import Hit, Memory

VERSION = 1
HOURS = 2**26  # an access hour and an importance share a 32-bit number: hours are cut off at this many from 1970, after 9,000
RANKS = 16  # numbers of importance that fit beside an hour


def traits(memory: Memory) -> int:
    """The hour of the last access times 16, plus importance: all that `ranked` reads of a memory."""
    at = datetime.fromisoformat(memory.data["accessed"]) if "accessed" in memory.data else memory.since
    hour = int(at.timestamp() // 3600) if at is not None else 0
    return RANKS * min(max(hour, -HOURS), HOURS - 1) + int(memory.data.get("importance", 0))


def ranked(text: str, ctx: Context, k: int, kinds: Sequence[str], weights: Mapping[str, float], decay: float, scaled: bool) -> list[Hit]:
    """The k best by the weighed sum of `recency` (decay ** hours since the last access), `importance` and `relevance` (cosine).

    `scaled`: each is first taken from 0 to 1 over all memories of these kinds. Best first, ties by id.
    """
    columns = ctx.view.columns(kinds)
    if not len(columns.slot):
        return []
    hours = np.maximum(ctx.at.timestamp() / 3600 - columns.traits // RANKS, 0.0)
    parts = {
        "recency": decay ** (hours - hours.min()),  # a common factor, so that old streams do not sink below what floats hold
        "importance": columns.traits % RANKS / 10.0,
        "relevance": ctx.view.cosines(ctx.embed([text])[0], columns.slot),
    }
    if scaled:
        parts = {name: (x - x.min()) / (np.ptp(x) or 1.0) for name, x in parts.items()}
    parts = {name: np.round(weights[name] * x, 6) for name, x in parts.items()}
    total = np.round(sum(parts.values(), np.zeros(len(hours))), 6)
    best = np.lexsort((ctx.view.order(columns.slot), -total))[:k]
    return ctx.view.hits(columns.slot[best], total[best], [{name: float(x[i]) for name, x in parts.items()} for i in best])


def passed(ctx: Context, seen: str, thought: str, limit: int) -> bool:
    """Whether what this event added takes the importance of `seen` memories since the last `thought` past a multiple of `limit`.

    A multiple, so that a reflection that came to nothing is tried again after as much more, not at every event.
    """
    last, thoughts = 0, ctx.view.columns((thought,))
    for slot, opened in zip(thoughts.slot[::-1], thoughts.opened[::-1], strict=True):
        if opened <= last:
            break  # a new version comes later than the making, never before it
        last = max(last, ctx.view.at_slots([slot])[0].data["born"])
    columns = ctx.view.columns((seen,))
    late = columns.opened > last
    if int((columns.traits[late] % RANKS).sum()) < limit:
        return False  # at most so much: what was only used since is in it too
    fresh = [m.data for m in ctx.view.at_slots(columns.slot[late]) if m.data["born"] > last]
    before, added = (sum(d["importance"] for d in fresh if (d["born"] == ctx.seq) == new) for new in (False, True))
    return (before + added) // limit > before // limit

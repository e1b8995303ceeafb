"""Forgetting by room and by time: the oldest over a capacity, and what has outlived its lifespan (O11)."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from clew.context import Context
from clew.operators.upkeep.states import ARCHIVED, EXPIRED, LIVE, MORTAL, legal, moved
from clew.storage.log import micros
from clew.types import Memory

VERSION = 1
FAINT = 0.1  # strength, halved every half-life, below which a decaying memory is gone
LONGEST = 36_500  # days of a lifespan; a longer one never ends
BEGINNING = datetime.min.replace(tzinfo=UTC)


def over(memories: Sequence[Memory], most: int) -> list[Memory]:
    """The oldest of these that are too many, oldest first; what began at one moment in the order of the log."""
    oldest = sorted(memories, key=lambda m: (m.since or BEGINNING, m.opened or 0, m.id))
    return oldest[: max(0, len(oldest) - most)]


def ends(since: datetime, ttl_days: float | None = None, half_life_days: float | None = None) -> datetime | None:
    """When a lifespan that began then is over, by whichever ends it first: a fixed time, or decay to `FAINT`. None: never."""
    faded = None if half_life_days is None else half_life_days * math.log2(1 / FAINT)
    days = [d for d in (ttl_days, faded) if d is not None and 0 < d <= LONGEST]
    return since + timedelta(days=min(days)) if days and since.year < 9998 - LONGEST // 365 else None


def expired(memories: Iterable[Memory], now: datetime) -> list[Memory]:
    """Those whose lifespan in `data` is over: `ttl_days` since they began, or `half_life_days` since they were last used.

    `used_at` in `data` (ISO 8601) is the last use; without it decay counts from the beginning.
    """
    return [m for m in memories if m.retired is None and (end := lifespan(m)) is not None and end <= now]


def lifespan(memory: Memory) -> datetime | None:
    """When a memory's lifespan in `data` ends as things stand; None: never."""
    used = memory.data.get("used_at")
    if memory.since is None:
        return None
    last = datetime.fromisoformat(used) if isinstance(used, str) else memory.since
    limits = (ends(memory.since, memory.data.get("ttl_days")), ends(last, None, memory.data.get("half_life_days")))
    return min((end for end in limits if end is not None), default=None)


def outlived(kinds: Sequence[str], now: datetime, ctx: Context) -> list[Memory]:
    """The memories in use of these kinds whose lifespan is over; for recipes with `lifecycle_states.traits`, whatever their number."""
    columns = ctx.view.columns(kinds)
    both = LIVE | MORTAL
    return expired(ctx.view.at_slots(columns.slot[(columns.traits & both == both) & (columns.until <= micros(now))]), now)


def crowded(kind: str, most: int, may: Callable[[Memory], bool], ctx: Context) -> list[Memory]:
    """The oldest in use of a kind that are too many and may go; for recipes with `lifecycle_states.traits`. Reads no more than needed."""
    columns = ctx.view.columns((kind,))
    live = columns.traits & LIVE > 0
    excess, found = int(live.sum()) - most, list[Memory]()
    for slot in columns.slot[live][np.argsort(columns.since[live], kind="stable")] if excess > 0 else ():
        found += [m for m in ctx.view.at_slots([slot]) if may(m)]
        if len(found) == excess:
            break
    return found


def tidied(mortal: Sequence[str], most: Mapping[str, int], ctx: Context) -> list[Memory]:
    """What of these kinds has outlived itself, expired; and of each kind what is over so many, in the archive, the oldest first.

    Frozen ones stay, and so does what is better trusted than the event at hand: a flood of pages evicts nobody's own words.
    An event dated in the future ends nothing early.
    """
    now, level, checked = min(ctx.at, ctx.now), ctx.authority, ctx.params.get("lifecycle", True)
    gone: dict[str, Memory] = {}

    def may(memory: Memory, to: str) -> bool:
        return memory.id not in gone and memory.trust <= level and (not checked or legal(memory, to))

    ended = outlived(mortal, now, ctx) if mortal else []
    gone = {m.id: moved(m, EXPIRED, m.until or now, checked) for m in ended if may(m, EXPIRED)}
    for kind, limit in most.items():
        full = crowded(kind, limit, lambda m: may(m, ARCHIVED), ctx)
        gone |= {m.id: moved(m, ARCHIVED, now, checked) for m in full}
    return list(gone.values())

"""The latest of readings, and by what name a role's holder is spoken to: where a question names nobody that a chain could be of."""

from collections.abc import Sequence

import numpy as np

from clew.context import Context
from clew.operators.slots import chain, members, readings
from clew.operators.truth.current import timeless
from clew.storage.draft import Draft
from clew.storage.shapes import Columns
from clew.types import Hit, Memory, Query

VERSION = 2
MICROSECONDS = 1_000_000
REPLIES = 120  # to whoever has the role, the newest, in which a name is looked for
AMONG = 1  # of the last names, what most of them say


def latest(query: Query, hits: Sequence[Hit], ctx: Context) -> list[Hit] | None:
    """The hits, best first, with the reading that is the latest at the time asked for before them; None where none is asked for or found.

    The others that were found are told to have ended.
    """
    want, role = readings.asked(query.text), readings.role(query.text)
    if want is None and role is None:
        return None
    view = ctx.view if query.valid_at is None else timeless(ctx.view)
    columns, then = view.columns(("turn",)), query.valid_at or query.at or ctx.at
    past = columns.since <= int(then.timestamp() * MICROSECONDS)
    found = _spoken_to(role, columns, past, view) if role else []
    if not found and want is not None:
        found = readings.of(want, _labelled(want, columns, past, view))
    if not found:
        return None
    found = sorted(found, key=lambda m: (m.since, m.opened))
    return chain.placed(hits, Hit(found[-1], 0.0, {}), found[:-1])


def beside(query: Query, view: Draft) -> list[Hit]:
    """The newest brief turns that name the subject of a question for what holds, or have a word for what it asks."""
    want = members.wanted(query)
    if want is None:
        return []
    columns = view.columns(("turn",))
    if want.names and members.spoken(want, view.names(np.unique(columns.actor)).values()):
        return []
    rows = [_having(stems, columns, view) for stems in (members.stems(want), members.verbs(want)) if stems]
    places = np.unique(np.concatenate(rows)) if rows else np.zeros(0, np.int64)
    return view.hits(columns.slot[places], [0.0] * len(places), "named")


def _having(stems: Sequence[str], columns: Columns, view: Draft) -> np.ndarray:
    """Where the newest brief turns lie that have one of these stems."""
    found = [places for places, _ in view.postings(stems, columns.slot).values()]
    places = np.unique(np.concatenate(found)) if found else np.zeros(0, np.int64)
    return places[columns.length[places] <= chain.TERMS][-chain.FETCHED :]


def _labelled(want: readings.Asked, columns: Columns, past: np.ndarray, view: Draft) -> list[Memory]:
    """The newest turns that have a word of the label, each word of it where it has one only in full."""
    places: np.ndarray | None = None
    for words in readings.stems(want):
        having = [found for found, _ in view.postings(sorted(words), columns.slot).values()]
        here = np.unique(np.concatenate(having))
        places = here if places is None else np.intersect1d(places, here)
    assert places is not None
    places = places[past[places]]
    places = places[np.argsort(columns.since[places], kind="stable")][-readings.FETCHED :]
    return view.at_slots(columns.slot[places])


def _spoken_to(role: str, columns: Columns, past: np.ndarray, view: Draft) -> list[Memory]:
    """The replies that speak to the role's holder by the name that most of the last of them use."""
    speakers = view.names(np.unique(columns.actor))
    codes = [code for code, name in speakers.items() if readings.short_for(name, role)]
    if not codes:
        return []
    mine = np.isin(columns.actor, codes)
    order = np.lexsort((columns.slot, columns.since, columns.group))
    here, before = order[1:], order[:-1]
    replies = past[here] & mine[before] & ~mine[here] & (columns.group[here] == columns.group[before])
    pairs = np.stack([before[replies], here[replies]])[:, np.argsort(columns.since[here[replies]], kind="stable")][:, -REPLIES:]
    asked, said = (view.at_slots(columns.slot[places]) for places in pairs)
    named = readings.names(list(zip(asked, said, strict=True)), [*asked, *said])
    told = [m for m in said if m.id in named]
    last = [named[m.id] for m in told[-AMONG:]]
    name = max(last, key=lambda n: (last.count(n), n == last[-1]), default=None)
    return [m for m in told if named[m.id] == name]

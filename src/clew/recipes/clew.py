"""Clew: each turn in its conversational context, found by words, meaning, speaker, session and time; what changed is told.

Paper:     none
Code:      our own
Forms:     token        Functions: factual
Differs:   nothing to differ from
Results:   arena table, row clew; docs/findings/ranker.md has the ablations
"""

from collections.abc import Sequence

import numpy as np

from clew.context import Context
from clew.operators import aptness, asking, current, doubt, features, question, rank, rivals, settled
from clew.recipe import Recipe
from clew.storage.shapes import Columns
from clew.types import Hit, Memory, Query

MICROSECONDS = 1_000_000
FACTS = 1 << 9  # the trait of a turn that states something of a slot, above those of `features`


def indexed(memory: Memory) -> str:
    """A turn as it is searched: its day and its speaker belong to its meaning. A fact is found by its turn and its slot alone."""
    return features.indexed_text(memory.actor, memory.since, memory.text) if memory.kind != settled.FACT else ""


def traits(memory: Memory) -> int:
    """What can be told of a turn's words once and for all: asks, greets, tells a number, a time, a name."""
    if memory.kind == settled.FACT:
        return 0
    return features.traits(memory.text, memory.actor, memory.data.get("role")) | (FACTS if settled.TOLD in memory.data else 0)


def field(asked: str, ctx: Context, columns: Columns, order: np.ndarray) -> features.Field:
    """The partition as the ranker sees it: session after session, each in the order in which it was said."""
    view, slots = ctx.view, columns.slot[order]
    actors = view.names(np.unique(columns.actor))
    back = np.empty(len(order), np.int32)
    back[order] = np.arange(len(order), dtype=np.int32)
    postings = {term: _moved(back, *found) for term, found in view.postings(question.searched(asked), columns.slot).items()}
    cosines = view.cosines(ctx.embed([question.embedded(asked)])[0], columns.slot)[order]
    return features.Field(
        lengths=columns.length[order],
        postings=postings,
        actor=columns.actor[order],
        actors=actors,
        session=columns.group[order],
        at=columns.since[order] / MICROSECONDS,
        cosine=cosines.astype(np.float32),
        traits=columns.traits[order].astype(np.uint16),
        live=None,
        text=lambda place: view.text(int(slots[place])),
    )


def _moved(back: np.ndarray, places: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    moved = back[places]
    ascending = np.argsort(moved, kind="stable")
    return moved[ascending], counts[ascending]


def retrieve(query: Query, ctx: Context) -> Sequence[Hit]:
    """Candidates by BM25 and cosine, then a second look by features; duplicates folded, what holds now before what it replaced."""
    columns = ctx.view.columns(("turn",))
    order = np.lexsort((columns.slot, columns.since, columns.group))  # a revised turn keeps its place in its session
    if not len(order):
        return current.current(query, [], ctx)[: query.k]
    seen = field(query.text, ctx, columns, order)

    def trust(place: int) -> int:
        return ctx.view.at_slots([columns.slot[order][place]])[0].trust

    places, scores, shares = rank.rank(query.text, query.at, seen, k=max(query.k, rank.LOOK), trust=trust)
    slots, told = columns.slot[order][places], columns.traits[order][places] & FACTS
    most = len(slots) if told.any() else query.k
    hits = ctx.view.hits(slots[:most], scores[:most], shares[:most])
    found = current.current(query, rivals.newest(query.text, hits, asking.asked(query.text)), ctx)
    return aptness.latest(query.text, found)[: query.k]


recipe = Recipe(
    name="clew",
    encode=settled.turns,
    store=settled.settled,
    manage=doubt.doubted,
    retrieve=retrieve,
    indexed=indexed,
    traits=traits,
    embeds=frozenset({"turn"}),
    version=2,
)

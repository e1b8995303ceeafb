"""Clew: each turn in its conversational context, found by words, meaning, speaker, session and time; what changed is told.

Paper:     none
Code:      our own
Forms:     token        Functions: factual
Formation: structured construction (slots and times read by rules), raw
Evolution: updating (superseded, corrected and retracted told apart; nothing is deleted)
Retrieval: hybrid, lexical, semantic, rerank and filter
Quadrant:  II
Group:     explicit
Calls:     none per add, none per recall
Published: none
Checklist: none
Differs:   nothing to differ from
Results:   arena table, row clew; docs/findings/ranker.md has the ablations
"""

from collections.abc import Sequence

import numpy as np

from clew.context import Context
from clew.operators.ranking import features, question, rank
from clew.operators.slots import asking, members
from clew.operators.slots import chain as slot_chain
from clew.operators.truth import current, doubt, latest, rivals, settled
from clew.recipe import Recipe
from clew.storage.draft import Draft
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


def field(asked: str, ctx: Context, view: Draft, columns: Columns, order: np.ndarray) -> features.Field:
    """The partition as the ranker sees it: session after session, each in the order in which it was said."""
    slots = columns.slot[order]
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
        ahead=lambda places: view.ahead(slots[places].tolist()),
    )


def _moved(back: np.ndarray, places: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    moved = back[places]
    ascending = np.argsort(moved, kind="stable")
    return moved[ascending], counts[ascending]


def retrieve(query: Query, ctx: Context) -> Sequence[Hit]:
    """Candidates by BM25 and cosine, then a second look by features; duplicates folded, what holds now before what it replaced."""
    hits = ranked(query, ctx, ctx.view)
    late = [] if query.valid_at is None else ranked(query, ctx, current.timeless(ctx.view))
    late = [*late, *latest.beside(query, ctx.view if query.valid_at is None else current.timeless(ctx.view))]
    found = current.current(query, rivals.newest(query.text, hits, asking.asked(query.text)), ctx)
    chained = slot_chain.held(query, found, late, query.at or ctx.at)
    read = None if slot_chain.owned(query, chained) else latest.latest(query, found, ctx)
    return (chained if read is None else read)[: query.k]


def ranked(query: Query, ctx: Context, view: Draft) -> list[Hit]:
    """The turns of a view by the ranker, best first: as many as are asked for, or as are looked at again."""
    columns = view.columns(("turn",))
    order = np.lexsort((columns.slot, columns.since, columns.group))  # a revised turn keeps its place in its session
    if not len(order):
        return []
    seen = field(query.text, ctx, view, columns, order)

    def trust(place: int) -> int:
        return view.at_slots([columns.slot[order][place]])[0].trust

    want = members.wanted(query)
    chained = want is not None and not members.spoken(want, seen.actors.values())
    reach = max(query.k, slot_chain.LOOKED_AT if chained else rank.LOOK)
    places, scores, shares = rank.rank(query.text, query.at, seen, k=reach, trust=trust)
    found, told = columns.slot[order][places], columns.traits[order][places] & FACTS
    most = max(query.k, rank.LOOK) if told.any() else query.k
    brief = columns.length[order][places] <= slot_chain.TERMS
    kept = [n for n in range(len(found)) if n < most or (chained and brief[n])]
    return view.hits(found[kept], [scores[n] for n in kept], [shares[n] for n in kept])


recipe = Recipe(
    name="clew",
    encode=settled.turns,
    store=settled.settled,
    manage=doubt.doubted,
    retrieve=retrieve,
    indexed=indexed,
    traits=traits,
    embeds=frozenset({"turn"}),
    version=3,
)

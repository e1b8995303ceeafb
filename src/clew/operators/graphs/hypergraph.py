"""A working memory of one question: memory points, each a text over several entities, and where they lead in a graph.

The graph lies in the view: memories of kind chunk, entity and relation, tied by nodes "e:<name>". Points are made while a
question is answered; they are `Memory` values that are shown and cited like any other, and never written.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from clew.context import Context
from clew.operators import budget
from clew.operators.graphs import pagerank
from clew.operators.search.loop import fresh
from clew.operators.upkeep import relate
from clew.storage.terms import terms
from clew.types import Hit, Memory

VERSION = 1
CHUNK, ENTITY, RELATION, POINT = "chunk", "entity", "relation", "point"
NODE = "e:"  # before a name
DIGITS = 6
MOST_EDITS = 6  # of one turn
DESCRIPTION = 400  # characters of a point's text


@dataclass(frozen=True, slots=True)
class Aim:
    """What is looked for next; `about` names where it may be looked for: around these objects, None for anywhere."""

    text: str
    about: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Working:
    """The state between two turns."""

    aims: tuple[Aim, ...]
    points: tuple[Memory, ...] = ()  # p1, p2, ...: hyperedges, their links are the nodes that they join
    retrieved: tuple[int, ...] = ()  # slots of chunks, in the order in which they were found
    turn: int = 0  # turns taken
    made: int = 0  # points made so far, merged ones too: an id is used once


# -- evidence -------------------------------------------------------------------------------------------------------


def closest(net: pagerank.Net, nodes: np.ndarray | None, vector: np.ndarray, k: int, ctx: Context) -> tuple[np.ndarray, np.ndarray]:
    """(slots, cosines) of the k memories of a net nearest to a vector that touch any of these nodes (None: of all); ties by id."""
    slots = net.slots if nodes is None else net.touching(nodes)
    scores = np.round(ctx.view.cosines(vector, slots), DIGITS)
    best = np.lexsort((ctx.view.order(slots), -scores))
    best = best[scores[best] > 0][:k]
    return slots[best], scores[best]


def around(objects: Iterable[str], hops: int, ctx: Context) -> np.ndarray:
    """The nodes within so many hops of these along relations, themselves included."""
    pagerank.net(ctx, (CHUNK,))  # so that names that no relation has are numbered too
    edges = pagerank.net(ctx, (RELATION,))
    return pagerank.neighbourhood(edges, NODE[0], edges.number(objects), hops)


def gathered(aim: Aim, ctx: Context) -> tuple[np.ndarray, np.ndarray]:
    """Slots of (relations, chunks) for one aim: by way of the entities nearest to it, and by plain search; within the aim's reach."""
    p = ctx.params
    reach = None if aim.about is None or not p["restrict"] else around(aim.about, p["hops"], ctx)
    vector = ctx.embed([aim.text])[0]
    chunks, entities = pagerank.net(ctx, (CHUNK,)), pagerank.net(ctx, (ENTITY,))
    slots, scores = closest(entities, reach, vector, p["entities"], ctx)
    nodes = entities.node[np.isin(entities.slots[entities.row], slots[scores >= p["floor"]][: p["used"]])]
    relations, scores = closest(pagerank.net(ctx, (RELATION,)), reach, vector, p["relations"], ctx)
    found = [closest(chunks, where, vector, p["chunks"], ctx)[0] for where in (nodes, reach)]
    return relations[scores >= p["floor"]], np.concatenate(found)


def evidence(working: Working, seen: set[str], ctx: Context) -> tuple[list[Memory], dict[int, Memory]]:
    """(relations, chunks by slot) for all aims that no turn before was shown; chunks of at most `turn_tokens` together."""
    found = [gathered(aim, ctx) for aim in working.aims]
    relations = fresh([str(slot) for slots, _ in found for slot in slots], seen)
    kept, spent = dict[int, Memory](), 0
    for slot in map(int, fresh([str(slot) for _, slots in found for slot in slots], seen)):
        [chunk] = ctx.view.at_slots([slot])
        spent += budget.tokens(chunk.text)
        if spent <= ctx.params["turn_tokens"]:
            kept[slot] = chunk
    return ctx.view.at_slots(map(int, relations)), kept


# -- points ---------------------------------------------------------------------------------------------------------


def objects(text: str, shown: Sequence[Memory], most: int) -> tuple[str, ...]:
    """The nodes that a text is about: the names in it of what the shown memories link to; else those of the memory most like it."""
    words = _worded(text)
    names = dict.fromkeys(link for m in shown for link in m.links if link.startswith(NODE))
    found = [name for name in names if _worded(name[len(NODE) :]) in words]
    if not found and shown:
        said = set(terms(text))
        found = [link for link in max(shown, key=lambda m: len(said & set(terms(m.text)))).links if link.startswith(NODE)]
    return tuple(found[:most])


def _worded(text: str) -> str:
    """The words alone, each between two blanks: a name is looked for whole."""
    return " " + "".join(f"{word} " for word in re.findall(r"\w+", text.lower()))


def grown(point: Memory, others: Sequence[Memory], **changes: object) -> Memory:
    """The point, resting on these too and believed no more than they are."""
    basis = dict.fromkeys((*point.basis, *(id for m in others for id in (m.basis if m.kind == POINT else (m.id,)))))
    rests = sorted({*point.rests, *(seq for m in others for seq in m.rests)})
    trust = min([point.trust, *(m.trust for m in others)])
    return replace(point, basis=tuple(basis), rests=tuple(rests), trust=trust, **changes)  # type: ignore[arg-type]


def evolved(question: str, working: Working, shown: Sequence[Memory], ctx: Context) -> Working:
    """Points inserted and updated in the light of new evidence. What a page said changes no point that rests on better words."""
    points, made = {p.id: p for p in working.points}, working.made
    operations = ["insert", "update"] if ctx.params["update"] else ["insert"]
    weakest = min(shown, key=lambda m: m.trust)
    script = relate.edits(
        ctx,
        "evolve",
        operations,
        working.points,
        newer=weakest,
        most=MOST_EDITS,
        max_chars=DESCRIPTION,
        evidence=list(shown),
        question=question,
    )
    for _, target, text in script:
        named = objects(text, shown, ctx.params["arity"])
        if target is None:
            made += 1
            points[f"p{made}"] = grown(Memory(f"p{made}", text, POINT, ctx.scope, links=named, trust=weakest.trust), shown)
        else:
            links = tuple(dict.fromkeys((*target.links, *named)))[: ctx.params["arity"]]
            points[target.id] = grown(target, shown, text=text, links=links)
    return replace(working, points=tuple(points.values()), made=made)


def merged(question: str, working: Working, ctx: Context) -> Working:
    """Points that say what belongs together become one, over the objects of all: the edits that give the same text are a group."""
    if len(working.points) < 2:
        return working
    weakest = min(working.points, key=lambda m: m.trust)
    script = relate.edits(
        ctx, "merge", ["merge"], working.points, newer=weakest, most=2 * MOST_EDITS, max_chars=DESCRIPTION, means="merge", question=question
    )
    groups: dict[str, list[Memory]] = {}
    for _, target, text in script:
        if target is not None:
            groups.setdefault(text, []).append(target)
    points, made = {p.id: p for p in working.points}, working.made
    for text, group in groups.items():
        if len(group) > 1:
            made += 1
            links = tuple(dict.fromkeys(link for m in group for link in m.links))[: ctx.params["arity"]]
            points = {id: p for id, p in points.items() if p not in group}
            points[f"p{made}"] = grown(replace(group[0], id=f"p{made}", text=text, links=links), group[1:])
    return replace(working, points=tuple(points.values()), made=made)


# -- the end --------------------------------------------------------------------------------------------------------


def assembled(question: str, working: Working, k: int, ctx: Context) -> list[Hit]:
    """The evidence of each point: of the chunks found, those of its objects (inner), and of all, those one hop away (outer).

    So many of each, by likeness to the point's text. A chunk's shares are its likenesses by point, and to the question; its
    score is the greatest of the first, times `weight`, and the last. It carries its points' texts as data. Without points, or with `per_point`
    off, it is the chunks found, by likeness to the question. Within k and `final_tokens`, best first.
    """
    p, chunks, asked = ctx.params, pagerank.net(ctx, (CHUNK,)), ctx.embed([question])[0]
    shares: dict[int, dict[str, float]] = {}
    for point in working.points if p["per_point"] else ():
        vector = ctx.embed([point.text])[0]
        own, likeness = closest(chunks, chunks.number(point.links), vector, len(chunks.slots), ctx)
        inner = np.flatnonzero(np.isin(own, working.retrieved))[: p["inner"]]
        near, distant = closest(chunks, around(point.links, 1, ctx), vector, p["outer"] + len(inner), ctx)
        outer = np.flatnonzero(~np.isin(near, own[inner]))[: p["outer"]]
        for slot, score in [*zip(own[inner], likeness[inner], strict=True), *zip(near[outer], distant[outer], strict=True)]:
            shares.setdefault(int(slot), {})[point.id] = float(score)
    shares = shares or {slot: {} for slot in working.retrieved}
    slots = sorted(shares)
    likeness = np.round(ctx.view.cosines(asked, np.array(slots, int)), DIGITS).tolist()
    totals = [
        round(p["weight"] * max(shares[slot].values(), default=0.0) + like, DIGITS) for slot, like in zip(slots, likeness, strict=True)
    ]
    why = [{**shares[slot], "question": like} for slot, like in zip(slots, likeness, strict=True)]
    texts = {point.id: point.text for point in working.points}
    found = [noted(hit, texts) for hit in ctx.view.hits(slots, totals, why)]
    kept, spent = list[Hit](), 0
    for hit in sorted(found, key=lambda h: (-h.score, h.memory.id))[: p["final"]]:
        spent += budget.tokens(hit.memory.text)
        if spent <= p["final_tokens"]:
            kept.append(hit)
    near, scores = closest(chunks, None, asked, k + len(slots), ctx)  # what the points leave free of k
    free = np.flatnonzero(~np.isin(near, slots))[: max(0, k - len(kept))]
    return [*kept[:k], *ctx.view.hits(near[free], np.round(scores[free] - 1, DIGITS), "passage")]


def noted(hit: Hit, texts: Mapping[str, str]) -> Hit:
    """The hit of a chunk that carries the texts of the points whose evidence it is, as `points` in its data."""
    return replace(hit, memory=hit.memory.revised(data={"points": {id: texts[id] for id in hit.why if id in texts}}))


def described(hits: Sequence[Hit]) -> str:
    """The points behind the hits, each once, one a line, in order of their numbers."""
    points = {id: text for hit in hits for id, text in hit.memory.data.get("points", {}).items()}
    return "\n".join(text for _, text in sorted(points.items(), key=lambda pair: int(pair[0][1:])))

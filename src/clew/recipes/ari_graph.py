"""AriGraph: a world model of triplets, tied to the episodes in which they were seen.

Paper:     arXiv:2407.04363
Code:      written from the paper and a specification, no code copied
Forms:     token        Functions: factual, experiential
Differs:   1. outdated triplets are superseded, not deleted; the model names them by id, and what is not shown cannot be ended
           2. the floor of similarity is set for our embedder's cosine; the release uses another model's dot product
           3. of k results two are episodes, the rest triplets
           4. the map is read from an observation's `data` (location, exits) and the action before it
"""
from collections.abc import Sequence

import numpy as np

from clew.context import Context
from clew.models import forms
from clew.operators import budget, manage
from clew.operators.graphs import graph
from clew.recipe import Recipe, prompts
from clew.types import Event, Hit, Memory, Query

PARAMS = {
    "extract": True, "ties": True, "map": True,  # a model reads triplets; episodes are linked to theirs; places and exits are kept
    "triplets": 6, "depth": 3,  # found for one entity, and steps away from it at most (release)
    "floor": 0.45,  # cosine below which a triplet is not taken (ours, for the default embedder; release: 0.75 of its measure)
    "episodes": 2, "correction": True,  # among the results (release); their overlap is corrected for length
    "history": 5,  # latest observations, which an agent has before it anyway: left out of the search (release)
    "refine": True,  # whether outdated triplets are replaced; off for question answering (release)
    "shown": 30,  # known triplets in one prompt (ours)
}
ENTITIES = forms.records({"entity": 60, "depth": {"type": "integer", "minimum": 1, "maximum": 3}}, 5, 1, "entities")
IGNORED = "free"  # a label that says nothing (release)


def observe(events: Sequence[Event], ctx: Context) -> list[Memory]:
    """An observation becomes the triplets that a model reads from it, those of the map, and an episode linked to them all."""
    event, last, p = events[0], next(iter(ctx.view.recent(1, "episode")), None), ctx.params
    if not event.text.strip() or event.kind == "action":
        return [ctx.memory(event.text, kind="action")] if event.text.strip() else []
    known = [] if last is None else [m for id in last.links if (m := ctx.view.get(id)) is not None and m.retired is None]
    answer = ctx.ask("extract", graph.TRIPLETS, observation=event, known=known[-p["shown"] :], otherwise=[]) if p["extract"] else []
    facts = [graph.fact(r["subject"], r["relation"], r["object"]) for r in answer]
    moves = [m.text for m in ctx.view.recent(1, "action") if last is not None and (m.opened or 0) > (last.opened or 0)]
    facts += graph.surveyed(event, None if last is None else last.data["location"], " ".join(moves)) if p["map"] else []
    new, held = [], []
    for fact in dict.fromkeys(f for f in facts if all(f) and f[1] != IGNORED):
        old = next((m for m in graph.touching(fact[:1], ctx) if graph.stated(m) == fact), None)
        (new if old is None else held).append(old or graph.triplet(fact, ctx))
    place, seen = graph.situation(event).get("location"), [m.id for m in (*new, *held)]
    return [*new, ctx.memory(event.text, kind="episode", actor=event.actor, links=seen if p["ties"] else (), location=place)]


def refine(memories: Sequence[Memory], ctx: Context) -> list[Memory]:
    """What the new triplets make untrue is superseded; the map stays, and what was seen earlier ends nothing seen later."""
    new = {m.id: m for m in memories if m.kind == "triplet" and m.data["relation"] not in graph.MAPPED}
    ends = dict.fromkeys(end for m in new.values() for end in (m.data["subject"], m.data["object"]))
    near = [m for m in graph.touching(ends, ctx) if m.data["relation"] not in graph.MAPPED]
    old = {m.id: m for m in near[-ctx.params["shown"] :]}
    if not new or not old or not ctx.params["refine"]:
        return list(memories)
    form = forms.records({"outdated": list(old), "new": list(new)}, 8, means="triplets")
    places, ended = set(graph.ways(ctx.view.all("triplet"))), {}
    for pair in ctx.ask("refine", form, known=list(old.values()), fresh=list(new.values()), otherwise=[]):
        gone, fresh = old[pair["outdated"]], new[pair["new"]]
        in_order = gone.since is None or fresh.since is None or gone.since <= fresh.since
        if in_order and manage.may_change(fresh, gone) and not {gone.data["subject"], gone.data["object"]} <= places:
            ended[gone.id] = gone.retire(fresh.since or ctx.at, "superseded").revised(data={"replaced_by": fresh.id})
    return [*memories, *ended.values()]


def retrieve(query: Query, ctx: Context) -> list[Hit]:
    """Triplets by association from what the question names, and the episodes that they and the question lead to."""
    answer = ctx.ask("entities", ENTITIES, question=query.text, otherwise=[{"entity": query.text, "depth": 1}])
    seeds = {r["entity"].strip().lower(): min(r["depth"], ctx.params["depth"]) for r in answer if r["entity"].strip()}
    facts = graph.associated(seeds or {query.text: 1}, ctx, ctx.params["triplets"], ctx.params["floor"])
    found = episodes(query, facts, ctx)[: min(ctx.params["episodes"], query.k)]
    return sorted([*found, *facts[: query.k - len(found)]], key=lambda h: (-h.score, h.memory.id))


def episodes(query: Query, facts: Sequence[Hit], ctx: Context) -> list[Hit]:
    """Episodes by overlap plus similarity, each scaled by the greatest; the latest observations are left out; best first.

    Overlap is n/N log N for an episode of N triplets of which n were found: one of a single triplet would else always win.
    """
    slots = ctx.view.columns(("episode",)).slot  # oldest first
    slots = slots[: max(0, len(slots) - ctx.params["history"])]
    past, wanted = ctx.view.at_slots(slots), {h.memory.id for h in facts}
    sizes = np.array([max(len(m.links), 1) for m in past])
    overlap = scaled(np.array([len(wanted & set(m.links)) for m in past]) / sizes * (np.log(sizes) if ctx.params["correction"] else 1))
    likeness = scaled(ctx.view.cosines(ctx.embed([query.text])[0], slots))
    hits = [Hit(m, round(a + b, 6), {"overlap": a, "similarity": b}) for m, a, b in zip(past, overlap, likeness, strict=True)]
    return sorted(hits, key=lambda h: (-h.score, h.memory.id))


def scaled(scores: np.ndarray) -> list[float]:
    """Scores from 0 to 1 by the greatest of them."""
    top = scores.max(initial=0.0)
    return np.round(np.maximum(scores, 0) / top, 6).tolist() if top > 0 else [0.0] * len(scores)


def exits(ctx: Context) -> dict[str, list[str]]:
    """A tool: place -> exits that were seen there and never taken."""
    return graph.unexplored(ctx.view.all("triplet"))


def route(start: str, goal: str, ctx: Context) -> list[str] | None:
    """A tool: the directions of a shortest way between two places; None where none is known."""
    return graph.route(graph.ways(ctx.view.all("triplet")), start.lower(), goal.lower())


def answer(query: Query, hits: Sequence[Hit], ctx: Context) -> str:
    """A short answer from facts and episodes."""
    records = budget.dated(hits)
    return ctx.ask("answer", forms.text(400, "answer"), records=records, question=query.text, cites=hits, otherwise=hits[0].memory.text)


recipe = Recipe(
    name="ari_graph", encode=observe, store=refine, retrieve=retrieve, answer=answer, tools={"exits": exits, "route": route},
    functions=("factual", "experiential"), needs=frozenset({"ask"}), asks=frozenset({"retrieve", "answer"}),
    params=PARAMS, prompts=prompts(__file__))

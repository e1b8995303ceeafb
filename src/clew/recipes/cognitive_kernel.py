"""Cognitive Kernel: memory as a kernel that the policy calls, over one source at four granularities in three stores.

Paper:     arXiv:2409.10277
Code:      written from the paper and a specification, no code copied
Forms:     token        Functions: factual, working
Formation: structured construction, knowledge distillation, raw
Evolution: none
Retrieval: timing and intent, semantic, rerank and filter
Quadrant:  I, II
Group:     agentic
Calls:     3 per add (none per feedback); 1 per store called per recall, 1 more where several hold something
Differs:   1. the policy names the stores to call by a choice; in the release it writes code that calls them
           2. the history holds every message; the release's holds the user's last query only
           3. cosines throughout, best first; the release sorts distances as if they were likenesses from sixteen vectors on
           4. concepts are the same where their names are; the release asks a model. Chunks do not overlap
           5. a recall's k scales what each store gives, and what room is left goes to the stores without a floor
           6. a hit of any granularity is its whole source; mode "hard" is left out
Results:   arena table, row cognitive_kernel
Published: none comparable (its task success scores come from the fine-tuned policy)
Checklist: 5 of 5
"""
from collections.abc import Sequence

from clew.context import Context
from clew.models import forms
from clew.operators import budget, encode
from clew.operators.documents import granularity
from clew.operators.retrieve import fused_max
from clew.recipe import CONTENT, Recipe, prompts
from clew.types import Event, Hit, Memory, Query, Source

PARAMS = {
    "modes": tuple(granularity.MODES),  # granularities that are searched; the release's default is "document" alone
    "split": True, "fusion": True, "stores": True, "filter": True, "policy": True,  # mechanisms
    "chunk": 2048,  # characters of a document (release; its unit is not stated)
    "propositions": 8,  # of one document (ours)
    "knowledge": 5, "history": 10, "feedback": 1,  # what a call gives (release)
    "floor": 0.01, "feedback_floor": 0.5,  # cosines below which nothing is given, in knowledge and feedback (release)
    "usual": 10,  # k of a recall at which stores give what a call gives (ours)
}
OF = {"message": "history", "action": "history", "feedback": "feedback"}  # the store of an event; all else is knowledge


def divide(events: Sequence[Event], ctx: Context) -> list[Memory]:
    """Each chunk whole, and where it is no feedback its keywords, propositions and concepts, linked to it."""
    [event] = events
    name = OF.get(event.kind, "knowledge") if ctx.params["stores"] else "knowledge"
    spans = [Source(event.seq, a, b) for a, b in encode.windows(event.text, ctx.params["chunk"])]
    kind = granularity.STORES[name][0]
    wholes = [ctx.memory(event.text[s.start:s.end], kind=kind, sources=[s], actor=event.actor, store=name) for s in spans]
    fine = wholes if name != "feedback" and ctx.params["split"] else []
    return [*wholes, *(m for found in ctx.map(lambda w: granularity.divided(w, ctx, ctx.params["propositions"]), fine) for m in found)]


def call(text: str, name: str, ctx: Context) -> list[Hit]:
    """A tool: what a store holds on a query, the history in the order of time and the others best first."""
    hits = found(text, granularity.known(name), ctx.params[name], ctx)
    return budget.chronological(hits) if name == "history" else hits


def found(text: str, name: str, k: int, ctx: Context) -> list[Hit]:
    """The k best of a store by the best of the granularities, above its floor, less what a helper finds beside the point."""
    [vector] = ctx.embed([text])
    modes = ctx.params["modes"] if ctx.params["fusion"] else ctx.params["modes"][:1]
    rankings = {mode: granularity.ranked(vector, granularity.MODES[mode], name, ctx) for mode in modes}
    floor = {"knowledge": ctx.params["floor"], "feedback": ctx.params["feedback_floor"]}.get(name, -1.0)
    hits = [h for h in fused_max(rankings) if h.score >= floor][:k]
    if not hits or not ctx.params["filter"]:
        return hits
    ids = [h.memory.id for h in hits]
    kept = ctx.ask("relevant", forms.choices(ids, len(ids), "apt"), question=text, records=[h.memory for h in hits], otherwise=ids)
    return [h for h in hits if h.memory.id in kept]


def retrieve(query: Query, ctx: Context) -> list[Hit]:
    """What the policy's calls give, best first: each store its share of k, then more of those without a high floor."""
    stores = granularity.filled(ctx)
    if len(stores) > 1 and ctx.params["policy"]:
        chosen = ctx.ask("call", forms.choices(stores, len(stores), "labels"), question=query.text, options="\n".join(stores), otherwise=[])
        stores = chosen or stores
    given, more = list[Hit](), list[Hit]()
    for name in stores:
        share = max(1, round(ctx.params[name] * query.k / ctx.params["usual"]))
        hits = found(query.text, name, share if name == "feedback" else query.k, ctx)
        given, more = [*given, *hits[:share]], [*more, *hits[share:]]
    more.sort(key=lambda h: (-h.score, h.memory.id))
    return sorted([*given, *more[: max(0, query.k - len(given))]], key=lambda h: (-h.score, h.memory.id))[: query.k]


def answer(query: Query, hits: Sequence[Hit], ctx: Context) -> str:
    """A short answer from what the calls gave, in the order of time."""
    return ctx.ask("answer", forms.text(400, "answer"), question=query.text, records=budget.dated(budget.chronological(hits)), cites=hits,
                   otherwise=hits[0].memory.text)


recipe = Recipe(
    name="cognitive_kernel", on=CONTENT | {"feedback"}, encode=divide, retrieve=retrieve, answer=answer, tools={"call": call},
    traits=granularity.store, functions=("factual", "working"), needs=frozenset({"ask"}), asks=frozenset({"retrieve", "answer"}),
    params=PARAMS, prompts=prompts(__file__))

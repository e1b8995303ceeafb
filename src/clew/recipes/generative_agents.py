"""Generative Agents: a stream of observations ranked by recency, importance and relevance, and reflections on it.

Paper:     arXiv:2304.03442
Code:      written from the paper, no code copied; figures marked release are facts of joonspk-research/generative_agents
Forms:     token        Functions: factual, experiential
Formation: raw, knowledge distillation
Evolution: consolidation (global), updating
Retrieval: semantic, rerank and filter
Quadrant:  II, VI
Group:     agentic
Calls:     1 per add, and 5 more whenever importance sums to 150; 0 per recall, 1 per answer
Published: none comparable
Checklist: 6 of 6
Differs:   1. evidence is cited by id out of those shown; a reflection carries its premises and their words' sources
           2. a reflection that fails is tried again at the next 150, not at the next event
           3. only what a recall showed counts as retrieved; in the release looking back while reflecting counts too
           4. access is kept by the hour; plans are the agent's: recorded as actions they are in the stream like all else
           5. none in the weights, though over months recency then drowns the rest (LoCoMo, tuning half, extractive model: 8 % of
              the evidence in the first 10; 53 % with recency 0.02 and importance 0.1; BM25 55 %)
Results:   arena table, row generative_agents
"""
from collections.abc import Sequence
from itertools import chain

from clew.context import Context
from clew.models import forms
from clew.operators import budget, encode
from clew.operators.people import stream
from clew.operators.upkeep import strengthening
from clew.recipe import CONTENT, Recipe, prompts
from clew.types import Event, Hit, Memory, Query, Source

PARAMS = {
    "recency": 1.0, "importance": 1.0, "relevance": 1.0,  # weights (paper; release: 0.5, 2, 3)
    "decay": 0.995,  # of recency, an hour (paper)
    "threshold": 150,  # sum of importance that a reflection follows (paper)
    "latest": 100, "questions": 3,  # memories that questions are made from, and how many (paper)
    "looked_at": 30, "insights": 5,  # memories for one question (release), and insights from them (paper)
    "cited": 8,  # evidence of one insight, at most (ours)
    "window": 2000,  # characters of one observation; longer events become several (ours)
    "unrated": 5,  # importance where no model rates (ours)
    "rated": True, "accessed": True, "normalised": True, "reflects": True, "higher": True,  # mechanisms that can be left out
}
STREAM = ("observation", "reflection")


def observe(events: Sequence[Event], ctx: Context) -> list[Memory]:
    """What happened goes into the stream with how important it is; what a recall showed is marked as retrieved just now."""
    [event] = events
    if event.kind == "query":
        found = [h.memory for h in recalled(event.text, ctx, 3 * len(event.body["hits"]))] if ctx.params["accessed"] else []
        return [m.revised(data={"accessed": ctx.at.isoformat()}) for m in strengthening.recalled(event, found, ctx)]
    if event.kind == "edit":
        return rated([m for m in [ctx.view.get(event.body.get("id", ""))] if m is not None and m.kind in STREAM and not m.retired], ctx)
    spans = [Source(event.seq, a, b) for a, b in encode.windows(event.text, ctx.params["window"])]
    return rated([ctx.memory(event.text[s.start:s.end], kind="observation", sources=[s], actor=event.actor, born=ctx.seq,
                             accessed=ctx.at.isoformat()) for s in spans], ctx)


def rated(memories: Sequence[Memory], ctx: Context) -> list[Memory]:
    """The memories with an importance from 1 (mundane) to 10 (poignant), by the model."""
    ask = ctx.params["rated"] and len(memories) > 0
    form = forms.scores([m.id for m in memories], 1, 10, means="importance")
    found = ctx.ask("importance", form, memories=list(memories), otherwise={}) if ask else {}
    return [m.revised(data={"importance": found.get(m.id, ctx.params["unrated"])}) for m in memories]


def recalled(text: str, ctx: Context, k: int, kinds: Sequence[str] = STREAM) -> list[Hit]:
    """The k best of the stream by the sum of recency, importance and relevance."""
    return stream.ranked(text, ctx, k, kinds, ctx.params, ctx.params["decay"], ctx.params["normalised"])


def reflect(ctx: Context) -> list[Memory]:
    """Where importance since the last reflection passes the threshold: questions, what the stream holds on each, insights."""
    if not ctx.params["reflects"] or not stream.passed(ctx, *STREAM, ctx.params["threshold"]):
        return []
    kinds = STREAM if ctx.params["higher"] else STREAM[:1]
    slots = ctx.view.columns(kinds).slot[-ctx.params["latest"] :]
    form = forms.texts(ctx.params["questions"], 200, 1, means="queries")
    asked = ctx.ask("questions", form, memories=ctx.view.at_slots(slots), otherwise=[])
    looked = [[h.memory for h in recalled(q, ctx, ctx.params["looked_at"], kinds)] for q in dict.fromkeys(asked) if q]
    made = {m.text: m for m in chain.from_iterable(ctx.map(lambda near: insights(near, ctx), looked))}  # said twice counts once
    return rated(list(made.values()), ctx)


def insights(near: Sequence[Memory], ctx: Context) -> list[Memory]:
    """What follows from these memories, each with those of them that it follows from."""
    known = {m.id: m for m in near}
    evidence = {"type": "array", "items": {"type": "string", "enum": list(known)}, "minItems": 1, "maxItems": ctx.params["cited"]}
    form = forms.records({"text": 300, "evidence": evidence}, ctx.params["insights"], 1, means="facts")
    found = [(r["text"].strip(), [known[id] for id in dict.fromkeys(r["evidence"])]) for r in
             ctx.ask("insights", form, memories=list(near), otherwise=[])]
    return [ctx.memory(text, kind="reflection", sources=dict.fromkeys(s for m in because for s in m.sources), basis=because,
                       born=ctx.seq, accessed=ctx.at.isoformat()) for text, because in found if text]


def retrieve(query: Query, ctx: Context) -> list[Hit]:
    """The best of the stream, reflections among them."""
    return strengthening.in_sight(recalled(query.text, ctx, query.k), query, ctx)


def answer(query: Query, hits: Sequence[Hit], ctx: Context) -> str:
    """A short answer from what was retrieved, in the order in which it happened."""
    memories = budget.dated(budget.chronological(hits))
    return ctx.ask("answer", forms.text(400, means="answer"), memories=memories, question=query.text, cites=hits,
                   otherwise=hits[0].memory.text)


recipe = Recipe(
    name="generative_agents", on=CONTENT | {"edit", "query"}, encode=observe, manage=reflect, retrieve=retrieve, answer=answer,
    traits=stream.traits, functions=("factual", "experiential"), needs=frozenset({"ask"}), asks=frozenset({"answer"}),
    embeds=frozenset(STREAM), params=PARAMS, prompts=prompts(__file__))

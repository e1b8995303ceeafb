"""TME v2: a task as slots that rest on one another; a changed slot makes stale what rests on it, and prompts show a sub-graph.

Paper:     arXiv:2505.19436 (Task Memory Engine, spatial memory, TRIM)
Code:      clean room, from a specification alone
Forms:     token        Functions: working
Differs:   1. the one call per step is split: intent, slot, item, place, needs; a plain question is a check without a call (ours)
           2. a changed slot is a new memory that supersedes the old one; the stale flag is the engine's cascade, nothing is renamed
           3. edges that would close a ring are refused; slots are named from an enum, so that none can be invented
           4. no rules for hotels, flights or cooking: what is shared is what the model finds among the slots that there are
           5. the words of a value stand in the turn or in a slot that was shown, else the step's own words are the value
"""
from collections.abc import Sequence
from typing import Annotated, Any

from clew.context import Context
from clew.models import forms
from clew.operators import retrieve as ranked
from clew.operators.plan import trim
from clew.operators.plan.choosing import chosen, headed
from clew.operators.window import messages
from clew.recipe import Recipe, prompts
from clew.types import TRUST, Event, Hit, Memory, Query

PARAMS = {
    "shared": True, "intents": True, "decomposition": True, "revisions": True, "propagation": True, "subgraph": True,
    "acyclic": True,  # the seven of the specification, in its order
    "grounded": True,  # no word in a value that nobody said (ours)
    "steps": 6, "edges": 4,  # most steps of a turn, and edges proposed for a node (ours)
}
SlotName = Annotated[str, "name of a slot, as the plan shows it", (1, 80)]


def fold(events: Sequence[Event], ctx: Context) -> list[Memory]:
    """A turn of the user's is carried into the plan step by step; other messages belong to the turn. Words stay, archived."""
    event, said = events[0], [m for m in messages.messages(ctx) if m.status == "active"]
    if not event.text.strip():
        return []
    [message], before = messages.kept(events, ctx), said[-1].data["focus"] if said else []
    if message.data["role"] != "user" or event.trust < TRUST["assistant"]:
        return [message.revised(data={"focus": before})]
    written, plan = {m.id: m.revised(status="archived") for m in said}, trim.plan(ctx)
    most = forms.texts(ctx.params["steps"], 160, 1, "sentences")
    parts = ctx.ask("decompose", most, message=event, otherwise=[]) if ctx.params["decomposition"] else []
    steps, focus, top = trim.steps(event, parts), list[str](), list[str]()
    intents = ctx.map(lambda step: trim.intent(step, plan, ctx), steps)
    if intents.count("new") > 1:  # they are the steps of one task
        plan, top = trim.titled(event, plan, written, ctx)
    for step, what in zip(steps, intents, strict=True):
        if what == "check":
            focus += chosen("slot", plan.nodes, ctx.params["edges"], ctx, step=step.text)
        else:
            plan, slot = trim.placed(step, what, top, plan, written, ctx)
            focus.append(slot)
    return [*written.values(), message.revised(data={"focus": list(dict.fromkeys(focus or before))})]


def window(query: Query, ctx: Context) -> list[dict[str, Any]]:
    """The sub-graph that the turn is about, and the turn itself; the transcript is not needed, and not shown."""
    plan, said = trim.plan(ctx), [m for m in messages.messages(ctx) if m.status == "active"]
    keys = plan.part(said[-1].data["focus"]) if said and ctx.params["subgraph"] else []
    return headed(plan, keys or list(plan.nodes), messages.paired(map(messages.rendered, said)), query, ctx)


def retrieve(query: Query, ctx: Context) -> list[Hit]:
    """Slots by words and likeness, as they stand now or stood then; the words of turns only where what is archived is asked for."""
    kinds = (trim.SLOT, messages.MESSAGE) if query.archived else (trim.SLOT,)
    pool = 2 * query.k + len(ctx.view.columns(kinds).slot) * (query.valid_at is None)
    found = {"words": ctx.view.matching(query.text, pool, kinds), "likeness": ctx.view.nearest(ctx.embed([query.text])[0], pool, kinds)}
    held = {k: [h for h in v if h.memory.retired is None or query.valid_at] for k, v in found.items()}
    return ranked.reciprocal(held)[: query.k]


def answer(query: Query, hits: Sequence[Hit], ctx: Context) -> str:
    """An answer from the values around what was found; their history too where the question is about the past."""
    plan = trim.plan(ctx)
    keys = plan.part(h.memory.data["slot"] for h in hits if h.memory.kind == trim.SLOT)
    lines = [h.memory.text for h in hits] if query.valid_at or not keys else [plan.outline(keys, plan.line)]
    lines += [trim.told(plan.nodes[k], ctx) for k in keys] if trim.asks_back(query.text) else []
    cites = [*hits, *(plan.nodes[k] for k in keys)]
    return ctx.ask("answer", forms.text(300, "answer"), records="\n".join(lines), question=query.text, cites=cites, otherwise=hits[0].memory.text)


def node(slot: SlotName, ctx: Context) -> str:
    """A slot as it stands: its value, what it lies under and rests on, and what rests on it."""
    plan = trim.plan(ctx)
    if slot not in plan.nodes:
        return f"there is no slot {slot!r}; there are {', '.join(plan.nodes) or 'none'}"
    edges = {"under": plan.parents(slot), "rests on": plan.needs(slot), "rests on it": plan.resting(slot)}
    return "\n".join([plan.line(slot), *(f"{name}: {', '.join(ends)}" for name, ends in edges.items() if ends)])


def subgraph(slot: SlotName, ctx: Context) -> str:
    """The part of the plan around a slot, as an outline."""
    plan = trim.plan(ctx)
    return plan.outline(plan.part([slot]), plan.line) or node(slot, ctx)


def history(slot: SlotName, ctx: Context) -> str:
    """The values that a slot has had, newest first, with since when."""
    plan = trim.plan(ctx)
    return trim.told(plan.nodes[slot], ctx) if slot in plan.nodes else node(slot, ctx)


recipe = Recipe(
    name="tme_v2", encode=fold, window=window, retrieve=retrieve, answer=answer, shares="session", functions=("working",),
    tools={"node": node, "subgraph": subgraph, "history": history}, needs=frozenset({"ask"}), asks=frozenset({"answer"}),
    unsupported=True, params=PARAMS, prompts=prompts(__file__))

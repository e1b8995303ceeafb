"""HiAgent: an agent's finished subgoals fold to one line each and come back by id; the subgoal at hand stays whole.

Paper:     arXiv:2408.09559
Code:      written from a specification, no code copied (the authors' repository holds no summariser)
Forms:     token        Functions: working
Differs:   1. ids are cut from memories' own ids: they do not shift when the oldest is left out
           2. a subgoal is summed up once, when it ends, and kept; the release sums all of them up again at every step
           3. a token budget in steps, by a tokenizer, stands in for 100 entries with the oldest dropped one by one
           4. the summary and whether the subgoal was met are two small calls; a model that is away is not waited for
Results:   docs/working_memory.md
"""
from collections.abc import Sequence
from typing import Annotated, Any

from clew.context import Context
from clew.maintenance import REPLY
from clew.models import forms
from clew.operators.window import fit, handles, messages, subgoals
from clew.recipe import Recipe, prompts
from clew.types import Hit, Memory, Query

PARAMS = {
    "subgoals": True, "folding": True,  # lines of the acting model open subgoals; finished ones are shown as one line
    "summaries": True, "checks": True,  # a model sums a subgoal up and says whether it was met; calls that only list actions left out
    "fallback": True,  # where no model does, the last observation is the line; else the subgoal is left as it is
    "people": True,  # what people said and instructions stay whole, as only actions and observations fold (ours: a chat has users)
    "restoration": True,  # `retrieve` shows finished subgoals whole again, until the next one begins
    "raw": True,  # what is folded is kept; off: it is gone, as where a prompt is all the memory there is
    "clip": 2000, "line": 240,  # characters of a message that the summariser sees, of the line that it writes (ours)
    "step": 0.25,  # of the budget: at least so much goes at once where something must (ours)
}


def fold(ctx: Context) -> list[Memory]:
    """What a message that opens a subgoal ends: each finished one becomes a line with an id, whatever it was made of is its basis."""
    said = messages.messages(ctx) if ctx.params["subgoals"] else []
    if not said or messages.place(said[-1]) != ctx.seq or subgoals.goal(said[-1]) is None:
        return []
    known = ctx.view.all("subgoal")
    lines = [made for part in finished(said, known) if (made := folded(part, handles.taken(known), ctx)) is not None]
    gone = [] if ctx.params["raw"] else [m.retire(ctx.at, "merged") for m in said if any(m.id in line.basis for line in lines)]
    return [*lines, *gone]


def finished(said: Sequence[Memory], known: Sequence[Memory]) -> list[subgoals.Segment]:
    """The segments that are over and have no line yet."""
    have = {messages.place(m) for m in known}
    return [part for part in subgoals.segments(said)[1:-1] if messages.place(part.messages[0]) not in have]


def folded(part: subgoals.Segment, taken: set[str], ctx: Context) -> Memory | None:
    """The line of a subgoal: a model's summary and whether it was met, else what was observed last; None where there is neither."""
    shown = subgoals.telling(part.messages) if ctx.params["checks"] else part.messages
    course = "\n".join(f"{m.data['role']}: {subgoals.unstated(m.text)[:ctx.params['clip']]}" for m in shown)
    told: dict[str, Any] = {"goal": part.goal, "course": course, "cites": shown}
    text = met = None
    if ctx.params["summaries"]:
        text = ctx.ask("summarise", forms.text(ctx.params["line"], "summary"), otherwise=None, **told)
        met = ctx.ask("met", forms.gate("good"), otherwise=None, **told) if text else None
    if not text and ctx.params["fallback"]:
        text = subgoals.last_observation(part.messages)
    if not text:
        return None
    spans = [source for m in part.messages for source in m.sources]
    line = ctx.memory(subgoals.one_line(text), kind="subgoal", sources=spans, basis=part.messages, goal=part.goal, met=met)
    return handles.named(line, taken)


def window(query: Query, ctx: Context) -> list[dict[str, Any]]:
    """What came before any subgoal, a line for each that is finished, and the one at hand whole; the oldest go when it is too long."""
    said = messages.messages(ctx)
    lines = {messages.place(m): m for m in ctx.view.all("subgoal") if m.status == "active"} if ctx.params["folding"] else {}
    first, *parts = subgoals.segments(said)
    wide = expanded(ctx, messages.place(parts[-1].messages[0])) if parts else set()
    start = [messages.rendered(m) for m in first.messages]
    found = fit.units(start, fit.briefing(start))
    for part in parts:
        line = lines.get(messages.place(part.messages[0]))
        whole, short = [messages.rendered(m) for m in part.messages], []
        if line is not None and line.id not in wide:
            short = one_line(line, ctx) + [messages.rendered(m) for m in subgoals.lasting(part.messages) if ctx.params["people"]]
        found += fit.units(short if short and messages.size(short, ctx) < messages.size(whole, ctx) else whole, 0)
    return messages.paired(fit.fitted(found, query.max_tokens, ctx, step=ctx.params["step"]))


def one_line(line: Memory, ctx: Context) -> list[dict[str, Any]]:
    """A finished subgoal as the agent sees it: what it set out to do, and in answer what came of it."""
    met = {True: "met. ", False: "not met. ", None: ""}[line.data["met"]]
    name = f"[{line.data['handle']}] " if ctx.params["restoration"] else ""
    return [{"role": "assistant", "content": f"Subgoal: {line.data['goal']}"}, {"role": "user", "content": f"{name}{met}{line.text}"}]


def expanded(ctx: Context, since: int) -> set[str]:
    """The subgoals that the agent called back after the one at hand began."""
    calls = (m for m in ctx.view.all(REPLY) if messages.place(m) > since)
    return {id for m in calls for id in m.data.get("expands", ())}


def expand(ids: Annotated[list[str], "ids of finished subgoals, as they stand in brackets", (1, 20)], ctx: Context) -> list[Memory]:
    """Show finished subgoals word for word again, until the next subgoal begins. It is no step: look, then go on with the task."""
    known = ctx.view.all("subgoal") if ctx.params["restoration"] else []
    found = {name: handles.found(name, known) for name in ids}
    if wrong := [name for name, m in found.items() if m is None]:
        there = ", ".join(m.data["handle"] for m in messages.ordered(known)) or "none"
        return [ctx.memory(f"There is no finished subgoal {wrong[0]}; there are: {there}.", kind=REPLY, error=True)]
    chosen = [m for m in found.values() if m is not None]
    text = "Shown in full until the next subgoal: " + "; ".join(f"[{m.data['handle']}] {m.data['goal']}" for m in chosen)
    return [ctx.memory(text, kind=REPLY, expands=[m.id for m in chosen])]


def look(query: Query, ctx: Context) -> list[Hit]:
    """The messages and lines that match, by BM25."""
    return ctx.view.matching(query.text, query.k, query.kinds or ("message", "subgoal"))


recipe = Recipe(
    name="hi_agent", encode=messages.kept, manage=fold, retrieve=look, window=window, tools={"retrieve": expand}, edits=frozenset({"retrieve"}),
    shares="session", functions=("working",), asks=frozenset({"fold"}), embeds=frozenset(), params=PARAMS, prompts=prompts(__file__))

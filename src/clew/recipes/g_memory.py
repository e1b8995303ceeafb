"""G-Memory: what several agents did, for which tasks, and the rules that follow, in three linked levels.

Paper:     arXiv:2506.07398
Code:      written from a specification alone, no code copied
Forms:     token        Functions: experiential
Formation: structured construction, semantic summarization, knowledge distillation
Evolution: consolidation (cluster-level), updating, forgetting (importance)
Retrieval: semantic, graph, rerank and filter
Quadrant:  VI
Group:     agentic
Calls:     1 or 2 per outcome, none per other add, up to 8 every 5 outcomes, 1 per cluster of rules every 20; 1 or 2 per recall
Published: none comparable (success rates of agent teams, such as ALFWorld 58.2 to 79.1)
Checklist: 6 of 6
Differs:   1. the agents of one user share; `variant("crowd", shares="all")` joins all users, and shows none what rests on another's words
           2. of a task's neighbours one success is compared with a failure, not three; a role's view is a choice of rules by id
           3. a rule that ends is retired as expired; rules to be merged are named by id
           4. what only tools and pages said is in the steps, but in no trajectory or rule unless nothing else was said
           5. results that are left are filled with the nearest steps, so that what never had an outcome is found
Results:   docs/findings/g_memory.md; arena table, row g_memory
"""
from collections.abc import Sequence

from clew.context import Context
from clew.models import forms
from clew.operators import budget
from clew.operators.experience import insights, trajectories, utility
from clew.recipe import CONTENT, Recipe, prompts
from clew.types import Event, Hit, Memory, Query

PARAMS = {
    "levels": 3,  # 1: steps alone; 2: tasks and trajectories too; 3: insights too (paper)
    "labels": True, "sparse": True,  # whether failures are told from successes; whether steps of negative reward are left out
    "near": 10, "join": 0.85,  # tasks that a new one may be joined to, and the cosine that it takes (release)
    "upward": True, "downward": True, "hops": 1, "floor": 0.3,  # insights, trajectories, by steps along the tasks' graph (release)
    "tasks": 6, "successes": 2, "failures": 1, "insights": 10,  # looked at (ours), among the results (release)
    "tune": 5, "sample": 5, "merge": 20,  # outcomes between tunings, tasks in one, outcomes between mergings (release); 0: never
    "gain": 1, "loss": -2,  # to the score of the rules that a run was shown, by its outcome (release); 0: no feedback
    "roles": True,  # whether an agent that names itself is given the rules for its role alone (release: off)
    "steps": 60, "rules": 20,  # of one run, and of the rules that a model sees at once (ours)
}
POINTS, REASON, ANSWER = forms.texts(8, 200, means="sentences"), forms.text(300, means="summary"), forms.text(400, means="answer")


def observe(events: Sequence[Event], ctx: Context) -> list[Memory]:
    """A step; an outcome ends the run and makes it a task with a trajectory; a recall notes the rules that it showed."""
    [event] = events
    if event.kind == "query":
        return utility.noted(event, insights.INSIGHT, ctx)
    good = trajectories.success(event) if event.kind == "outcome" else None
    if good is None or not event.text.strip():
        return [trajectories.step(event, ctx)] if event.text.strip() else []
    steps = trajectories.run(event, ctx, ctx.params["steps"])
    end = ctx.memory(event.text, kind=trajectories.OUTCOME, actor=event.actor)
    return [end, *(ended(steps, good or not ctx.params["labels"], ctx) if steps and ctx.params["levels"] > 1 else [])]


def ended(steps: Sequence[Memory], good: bool, ctx: Context) -> list[Memory]:
    """The task of a run that has ended, joined to those like it, and its trajectory: the steps that mattered, why it failed."""
    kept = trajectories.clean(steps, ctx.params["sparse"])
    first, joined = kept[0], [m.id for m in trajectories.like(kept[0].text, ctx.params["near"], ctx, ctx.params["join"])]
    shown = {"question": first.text, "trajectory": trajectories.told(kept), "cites": kept}
    points = ctx.ask("key_steps", POINTS, otherwise=[m.text for m in kept], **shown)
    reason = "" if good else ctx.ask("fail_reason", REASON, otherwise="", **shown)
    words, sources = trajectories.worded(first.text, good, points, reason), [s for m in kept for s in m.sources]
    about = {"scope": trajectories.shared(ctx.scope), "success": good, "trust": ctx.authority}
    task = ctx.memory(first.text, kind=trajectories.TASK, sources=first.sources, basis=[first], links=joined, **about)
    return [task, ctx.memory(words, kind=trajectories.TRAJECTORY, sources=sources, basis=kept, links=[task.id], **about)]


def manage(ctx: Context) -> list[Memory]:
    """After a run: the rules that it was shown gain or lose; every so many runs rules are drawn and edited, and merged by cluster."""
    tasks = ctx.view.columns((trajectories.TASK,))
    if ctx.event is None or ctx.event.kind != "outcome" or not len(tasks.slot) or tasks.opened[-1] != ctx.seq or ctx.params["levels"] < 3:
        return []
    known = {m.id: m for m in ctx.view.all(insights.INSIGHT) if m.retired is None}
    uses = trajectories.of_session(ctx.event, ctx, (utility.USE,), 100) if ctx.event.trust >= utility.TRUSTED else []
    shown, ends = {id for use in uses for id in use.links}, trajectories.success(ctx.event) or not ctx.params["labels"]
    fed = utility.told((m for m in known.values() if m.id in shown), ends, ctx.at, ctx.params["gain"], ctx.params["loss"])
    rules = {**known, **{m.id: m for m in fed}}
    if ctx.params["tune"] and len(tasks.slot) % ctx.params["tune"] == 0:
        rules = insights.drawn("draw", rules, ctx, ctx.params["sample"], ctx.params["near"], ctx.params["rules"])
    if ctx.params["merge"] and len(tasks.slot) % ctx.params["merge"] == 0:
        rules = insights.gathered("merge", rules, ctx)
    new = [m for m in rules.values() if known.get(m.id) is not m and (m.id in known or m.retired is None)]
    return [*new, *(use.retire(ctx.at, "merged") for use in uses)]


def retrieve(query: Query, ctx: Context) -> list[Hit]:
    """From the tasks like this one and their neighbours: upward the rules, downward the cases; then the nearest steps."""
    most, found = ctx.params, list[Hit]()
    near = trajectories.like(query.text, 2 * most["tasks"], ctx, most["floor"])[: most["tasks"]]
    around = ctx.view.linked([m.id for m in near], most["hops"]) if near and most["hops"] else []
    tasks = [*near, *(m for m in around if m.kind == trajectories.TASK)]
    won, lost = trajectories.split(trajectories.past(tasks, ctx))
    won, lost = won[: 2 * most["successes"]], lost[: 2 * most["failures"]]
    if most["upward"]:
        above = [m for m in ctx.view.linked([m.id for m in tasks]) if m.kind == insights.INSIGHT and m.retired is None]
        mine = insights.for_role("role", query, above, ctx) if most["roles"] else above
        ranked = insights.supported(mine, [m.links[0] for m in (*won, *lost)])
        room = max(1, query.k - most["successes"] - most["failures"])
        found += [Hit(m, 3.0 + n, {"support": float(n)}) for m, n in ranked[: min(most["insights"], room)]]
    if most["downward"]:
        ids = [m.id for m in won]
        rated = ctx.ask("rate", forms.scores(ids, 1, 10, "relevance"), question=query.text, cases=won, otherwise={}) if ids else {}
        won = sorted(won, key=lambda m: -rated.get(m.id, 1))[: most["successes"]]
        found += [Hit(m, round(2 + rated.get(m.id, 1) / 20, 6), {"rating": float(rated.get(m.id, 1))}) for m in won]
        found += [Hit(m, 2.0, {"failure": 1.0}) for m in lost[: most["failures"]]]
    found += ctx.view.nearest(ctx.embed([query.text])[0], query.k, (trajectories.STEP,))
    return sorted(found, key=lambda h: (-h.score, h.memory.id))[: query.k]


def answer(query: Query, hits: Sequence[Hit], ctx: Context) -> str:
    """An answer from rules, cases and steps."""
    return ctx.ask("answer", ANSWER, records=budget.dated(hits), question=query.text, cites=hits, otherwise=hits[0].memory.text)


recipe = Recipe(
    name="g_memory", on=CONTENT | {"outcome", "query"}, encode=observe, retrieve=retrieve, manage=manage, answer=answer,
    functions=("experiential",), needs=frozenset({"ask"}), asks=frozenset({"retrieve", "answer"}),
    indexed=trajectories.indexed, embeds=frozenset({trajectories.TASK, trajectories.STEP}), params=PARAMS, prompts=prompts(__file__))

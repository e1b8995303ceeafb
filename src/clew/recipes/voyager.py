"""Voyager's skills: what worked is kept as code with a description, found by that description, rewritten under its name.

Paper:     arXiv:2305.16291
Code:      written from a specification of the paper and of its released code (MIT), no code copied
Forms:     token        Functions: experiential
Formation: knowledge distillation, structured construction
Evolution: updating, forgetting (importance)
Retrieval: semantic
Quadrant:  VI
Group:     agentic
Calls:     none per add, none per recall by rules; with a model 1 per skill
Published: none comparable: 63 distinct items of Minecraft in 160 iterations [P]
Checklist: 6 of 6
Differs:   1. by rules the description is the code's own (docstring, comment, else the task's words); `variant("model")` asks
           2. where no code was written, the actions themselves, in the abstract, are the skill
           3. the environment is whatever the agent acts in; what is not here is the game, and that the curriculum proposes tasks
           4. the critic is whoever gives the outcome, if trusted as much as an agent; a skill that fails too often ends
Results:   docs/findings/second_pass.md
"""

from collections.abc import Sequence

from clew.context import Context
from clew.models import forms
from clew.operators.experience import attempts, critique, programs, skills, trajectories
from clew.operators.experience.attempts import Attempt
from clew.operators.experience.skills import SKILL
from clew.recipe import Recipe, prompts
from clew.types import Event, Hit, Memory, Query

PARAMS = {
    "critic": True,  # stored only after a success that somebody vouched for
    "described": True,  # searched by its description; else by its code
    "versions": True,  # code of a known name is its next version; else what is there stays
    "top": 5,  # skills shown for a task (paper)
    "rounds": 4,  # of repair, after which a task is given up (paper); 0: never
    "lists": True,  # whether completed and failed tasks are kept
    "floor": 0.3, "least": 3,  # share of successes below which a skill ends, after so many uses (EvolveR); 0: none does
    "describe": "rules",  # or model
}  # fmt: skip
DESCRIPTION = forms.text(400, means="description")


def practise(events: Sequence[Event], ctx: Context) -> list[Memory]:
    """A step; an outcome counts for what was followed, settles the task on its list, and keeps what worked."""
    [event] = events
    found, attempt = attempts.observed(event, ctx)
    if attempt is None:
        return found
    voted = {m.id: m for m in skills.told(attempt, ctx, ctx.params["floor"], ctx.params["least"])}
    new = {m.id: m for m in kept(attempt, ctx) if m.id not in voted}
    return [*found, *{**voted, **new}.values(), *(listed(attempt, ctx) if ctx.params["lists"] and attempt.believed else [])]


def kept(attempt: Attempt, ctx: Context) -> list[Memory]:
    """The skill that a success shows, under the name that its code has."""
    if not attempt.actions or (ctx.params["critic"] and not (attempt.good and attempt.believed)):
        return []
    found = programs.program(attempt.task.text, attempt.done)
    old = skills.named(found.name, ctx)
    if old is not None and not ctx.params["versions"]:
        return []
    if ctx.params["describe"] == "model" and (old is None or skills.skill(old).body != found.body):
        said = ctx.ask("describe", DESCRIPTION, question=attempt.task.text, code=found.body, cites=attempt.actions, otherwise="")
        found = skills.code(found.name, said or found.description, found.body, found.parameters)
    made = skills.admitted(found, attempt, ctx, ctx.params["critic"])
    return made if ctx.params["described"] else [m.revised(data={"described": False}) for m in made]


def listed(attempt: Attempt, ctx: Context) -> list[Memory]:
    """The task on the list where it belongs: completed, failed after so many rounds of repair, or still open."""
    known = critique.of_task(attempt.task.text, trajectories.TASK, ctx)
    failures = 0 if attempt.good else 1 + (known[-1].data["rounds"] if known else 0)
    given_up = ctx.params["rounds"] and failures >= ctx.params["rounds"]
    state = {"list": "completed" if attempt.good else "failed" if given_up else "open", "rounds": failures}
    if known:
        return [known[-1].revised(data=state)]
    about = {"scope": trajectories.shared(ctx.scope), "trust": min(ctx.authority, attempt.task.trust)}
    first, links = attempt.task, critique.nodes(attempt)
    return [ctx.memory(first.text, kind=trajectories.TASK, sources=first.sources, basis=[first], links=links, **about, **state)]


def retrieve(query: Query, ctx: Context) -> list[Hit]:
    """The skills whose descriptions are nearest to a task; then single steps that are like it."""
    found = skills.found(query.text, min(query.k, ctx.params["top"]), ctx, fits=False)
    more = ctx.view.matching(query.text, query.k, (trajectories.STEP,)) if len(found) < query.k else []
    return [*found, *(Hit(h.memory, round(h.score / 1000, 6), h.why) for h in more)][: query.k]


def curriculum(ctx: Context) -> dict[str, list[str]]:
    """A tool: the tasks that were completed, those that were given up, and those still open, oldest first."""
    tasks = [m for m in ctx.view.all(trajectories.TASK) if m.retired is None]
    return {name: [m.text for m in tasks if m.data["list"] == name] for name in ("completed", "failed", "open")}


def indexed(memory: Memory) -> str:
    """A skill is searched by its description; code says how, and a task asks for what."""
    return memory.text if memory.kind == SKILL and not memory.data.get("described", True) else skills.indexed(memory)


recipe = Recipe(
    name="voyager", on=attempts.ON, encode=practise, retrieve=retrieve, indexed=indexed, functions=("experiential",),
    tools={"counts": skills.counts, "curriculum": curriculum}, embeds=frozenset({SKILL}), params=PARAMS, prompts=prompts(__file__))  # fmt: skip
asking = recipe.variant("model", describe="model", needs=frozenset({"ask"}))

"""AWM: what an agent did with success becomes a workflow, its values variables, and is there for the next task at once.

Paper:     arXiv:2409.07429
Code:      written from a specification of the paper and of its released code (Apache-2.0), no code copied
Forms:     token        Functions: experiential
Formation: knowledge distillation, structured construction
Evolution: consolidation (local), updating, forgetting (importance)
Retrieval: semantic, lexical
Quadrant:  VI
Group:     agentic
Calls:     none per add, none per recall by rules; with a model 1 per successful outcome
Published: none comparable: 35.6 % of WebArena's tasks [P]
Checklist: 6 of 6
Differs:   1. the rule variant is the default; `variant("model", induce="model")` has a model write the workflows
           2. the best that fit the task are shown, all of them only with k large enough; the release shows its whole file
           3. an outcome counts only from somebody trusted as much as an agent; a workflow that was followed and failed too often ends
           4. of runs for one intent template not one is chosen: what they have in common is kept, and what differs in it is `*`;
              what is repeated, or pressed to bring the last step's thing to light, stays as `each:`, done as often as it takes
Results:   docs/findings/second_pass.md
"""

from collections.abc import Sequence

from clew.context import Context
from clew.models import forms
from clew.operators.experience import attempts, lessons, skills, trajectories, workflows
from clew.operators.experience.attempts import Attempt
from clew.operators.experience.skills import SKILL
from clew.recipe import Recipe, prompts
from clew.types import Event, Hit, Memory, Query

PARAMS = {
    "success": True,  # only what succeeded is learned from
    "one": True,  # one workflow for each intent template: of runs that differ, what they have in common, if that is half of them
    "valid": True,  # steps that did nothing are dropped
    "variables": True,  # values that the task names become variables
    "growth": True,  # after every task; else only from runs marked as training (`data={"train": True}`), as offline
    "merge": True,  # runs of the same steps in the abstract are one workflow; else each that differs is one of its own
    "like": workflows.LIKE,  # share of words that two tasks must have in common for that
    "induce": "rules",  # or model
    "floor": 0.3, "least": 3,  # share of successes below which a workflow ends, after so many uses (EvolveR); 0: none does
    "near": 0.2,  # cosine of a task and a workflow's description (ours)
    "steps": 12,  # of a workflow that a model writes (ours)
}  # fmt: skip


def induce(events: Sequence[Event], ctx: Context) -> list[Memory]:
    """A step, or an outcome: what was followed is counted, and a success becomes a workflow or one more proof of one."""
    [event] = events
    found, attempt = attempts.observed(event, ctx, ctx.params["valid"])
    if attempt is None:
        return found
    voted = skills.told(attempt, ctx, ctx.params["floor"], ctx.params["least"])
    if not attempt.actions or not (ctx.params["growth"] or lessons.details(event).get("train") is True):
        return [*found, *voted]
    counted = {m.id: m for m in voted}
    return [*found, *{**counted, **{m.id: m for m in learned(attempt, ctx) if m.id not in counted}}.values()]


def learned(attempt: Attempt, ctx: Context) -> list[Memory]:
    """What a success adds: to the workflow of the same steps, or of the same intent, or as a new one."""
    gate, flow = ctx.params["success"], by_rules(attempt, ctx)
    if gate and not (attempt.good and attempt.believed):
        return []
    if ctx.params["induce"] == "model":
        flow = written(attempt, flow, ctx)
    known = [skills.skill(m) for m in skills.all_skills(ctx)]
    near = [s for s in known if workflows.alike(s.workflow, flow) >= ctx.params["like"]]
    for allowed, join in ((ctx.params["merge"], workflows.merged), (ctx.params["one"], workflows.common)):
        for old in near if allowed else []:
            if (both := join(old.workflow, flow)) is not None:
                return skills.admitted(skills.workflow(both, old.name), attempt, ctx, gate)
    return skills.admitted(skills.workflow(flow), attempt, ctx, gate)


def by_rules(attempt: Attempt, ctx: Context) -> workflows.Workflow:
    """A run in the abstract, by rules alone."""
    return workflows.abstracted(attempt.task.text, attempt.done, ctx.params["variables"])


def written(attempt: Attempt, plain: workflows.Workflow, ctx: Context) -> workflows.Workflow:
    """A run in the abstract, as a model words it; by rules where its answer was invalid."""
    form = forms.texts(ctx.params["steps"], 200, 1, means="sentences")
    said = ctx.ask("induce", form, question=attempt.task.text, trajectory=list(attempt.done), cites=attempt.actions, otherwise=None)
    return plain if not said else workflows.Workflow(plain.template, tuple(said))


def retrieve(query: Query, ctx: Context) -> list[Hit]:
    """The workflows for a task, those first whose words it has; then single steps that are like it."""
    found = skills.found(query.text, query.k, ctx, ctx.params["near"])
    more = ctx.view.matching(query.text, query.k, (trajectories.STEP,)) if len(found) < query.k else []
    return [*found, *(Hit(h.memory, round(h.score / 1000, 6), h.why) for h in more)][: query.k]


recipe = Recipe(
    name="awm", on=attempts.ON, encode=induce, retrieve=retrieve, indexed=skills.indexed, functions=("experiential",),
    tools={"counts": skills.counts}, embeds=frozenset({SKILL}), params=PARAMS, prompts=prompts(__file__))  # fmt: skip
asking = recipe.variant("model", induce="model", needs=frozenset({"ask"}))

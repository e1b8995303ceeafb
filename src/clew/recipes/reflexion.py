"""Reflexion: after a failed trial the agent says what went wrong, and reads it before the next trial of the same task.

Paper:     arXiv:2303.11366
Code:      written from a specification of the paper and of its released code (MIT), no code copied
Forms:     token        Functions: experiential
Formation: semantic summarization
Evolution: none
Retrieval: lexical
Quadrant:  VI
Group:     agentic
Calls:     none per add, none per recall by rules; with a model 1 per failed trial
Published: none comparable: 91 % pass@1 on HumanEval, 130 of 134 tasks of ALFWorld [P]
Checklist: 5 of 5
Differs:   1. the rule variant is the default: what was tried, how it ended, what not to do there again
           2. an outcome counts only from somebody trusted as much as an agent; without one nothing is reflected on
           3. a task is known again by its id (`data={"task": ...}` of its first message), or by its words
Results:   docs/findings/second_pass.md
"""

from collections.abc import Sequence

from clew.context import Context
from clew.models import forms
from clew.operators.experience import attempts, critique, skills, trajectories
from clew.operators.experience.critique import TRAJECTORY
from clew.operators.experience.skills import SKILL
from clew.recipe import Recipe, prompts
from clew.types import Event, Hit, Memory, Query

MODES = ("none", "last_attempt", "reflexion", "last_attempt_and_reflexion")
PARAMS = {
    "mode": "reflexion",  # what is shown before a trial: one of MODES
    "last": 3,  # reflections shown (paper: 1 to 3)
    "failures": True,  # only after a failed trial; else after every one
    "same": True,  # only those of the same task; else of all, the newest
    "signal": True,  # an outcome counts only from somebody trusted as much as an agent; else a tool's or a page's word is enough
    "diagnose": "rules",  # or model
}
DIAGNOSIS = forms.text(600, means="summary")


def reflect(events: Sequence[Event], ctx: Context) -> list[Memory]:
    """A step; an outcome ends the trial, and where it failed it is diagnosed."""
    [event] = events
    found, attempt = attempts.observed(event, ctx, invalid=False)
    if attempt is None or (ctx.params["signal"] and not attempt.believed):
        return found
    kept = [critique.trajectory(attempt, ctx)] if ctx.params["mode"].startswith("last_attempt") else []
    if (attempt.good and ctx.params["failures"]) or ctx.params["mode"] in ("none", "last_attempt"):
        return [*found, *kept]
    words = critique.diagnosed(attempt)
    if ctx.params["diagnose"] == "model":
        shown = {"question": attempt.task.text, "trajectory": trajectories.told(attempt.seen), "cites": attempt.seen}
        words = ctx.ask("diagnose", DIAGNOSIS, outcome=attempt.reason, otherwise="", **shown) or words
    return [*found, *kept, critique.reflected(words, attempt, ctx)]


def retrieve(query: Query, ctx: Context) -> list[Hit]:
    """What the mode shows before the next trial of the task, the newest first; then single steps that are like it."""
    mode, most = ctx.params["mode"], ctx.params["last"]
    said = _of(query, SKILL, ctx)[-most:] if most and "reflexion" in mode else []
    tried = _of(query, TRAJECTORY, ctx)[-1:] if mode.startswith("last_attempt") else []
    found = [Hit(m, 2.0 + n, {"trial": 1.0}) for n, m in enumerate([*said, *tried])][::-1]
    more = ctx.view.matching(query.text, query.k, (trajectories.STEP,)) if len(found) < query.k else []
    return [*found, *(Hit(h.memory, round(h.score / 1000, 6), h.why) for h in more)][: query.k]


def _of(query: Query, kind: str, ctx: Context) -> list[Memory]:
    """What there is of a kind: of the task that is asked about, or of all; oldest first."""
    if ctx.params["same"]:
        return critique.of_task(query.text, kind, ctx)
    return [m for m in ctx.view.recent(50, kind) if m.retired is None and m.status == "active"]


recipe = Recipe(
    name="reflexion", on=attempts.ON, encode=reflect, retrieve=retrieve, indexed=critique.indexed, functions=("experiential",),
    tools={"counts": skills.counts}, embeds=frozenset(), params=PARAMS, prompts=prompts(__file__))  # fmt: skip
asking = recipe.variant("model", diagnose="model", needs=frozenset({"ask"}))

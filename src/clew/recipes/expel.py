"""ExpeL: rules drawn from failures beside successes, kept and dropped by votes, and shown with the nearest successes.

Paper:     arXiv:2308.10144
Code:      written from a specification of the paper and of its released code (Apache-2.0), no code copied
Forms:     token        Functions: experiential
Formation: knowledge distillation, semantic summarization
Evolution: consolidation (local), updating, forgetting (importance)
Retrieval: semantic, aggregate and compress
Quadrant:  VI
Group:     agentic
Calls:     none per add, none per recall by rules; with a model 1 per failed trial, 1 to 3 per success, 1 more every 8
Published: none comparable: success rates of HotpotQA 39 %, ALFWorld 59 %, WebShop 41 % [P]
Checklist: 6 of 6
Differs:   1. the rule variant is the default: it compares the steps of a failure and a success; `variant("model", draw="model")` asks
           2. rules are drawn as soon as a task succeeds, not in a phase of their own
           3. of all rules those with the highest scores are shown, as many as the recall has room for beside the trajectories
           4. an outcome counts only from somebody trusted as much as an agent
           5. the default embedder stands for all-mpnet-base-v2
Results:   docs/findings/second_pass.md
"""

from collections.abc import Sequence

from clew.context import Context
from clew.models import forms
from clew.operators.experience import attempts, critique, skills, trajectories
from clew.operators.experience.attempts import Attempt
from clew.operators.experience.critique import FIRST, LIMIT, OVER, TRAJECTORY
from clew.operators.experience.skills import SKILL
from clew.operators.upkeep import relate
from clew.recipe import Recipe, prompts
from clew.types import Event, Hit, Memory, Query

PARAMS = {
    "retries": 3,  # failed trials of a task after which a reflection is shown before the next; 0: none is
    "pairs": True, "paired": 3,  # a success is compared with failed trials of the same task, the last so many (ours)
    "group": 8,  # successes that are looked at together; 0: none are
    "votes": True,  # whether rules live by scores; else what is added stays as it is
    "ordered": True,  # REMOVE, AGREE, EDIT, ADD, whatever order the script has
    "limit": LIMIT, "over": OVER, "first": FIRST,
    "all": True,  # all rules are shown; else only those that share words with the task
    "nearest": 2,  # successful trajectories shown; 0: none are
    "draw": "rules",  # or model
}  # fmt: skip
DIAGNOSIS = forms.text(600, means="summary")
OPERATIONS = ("add", "edit", "remove", "agree")


def gather(events: Sequence[Event], ctx: Context) -> list[Memory]:
    """A step; an outcome makes the trial a trajectory, a failure a reflection, and what is known by then is looked at for rules."""
    [event] = events
    found, attempt = attempts.observed(event, ctx)
    if attempt is None or not attempt.believed:
        return found
    case = critique.trajectory(attempt, ctx)
    failed = [m for m in critique.of_task(attempt.task.text, TRAJECTORY, ctx) if not m.data["success"]]
    if not attempt.good:
        again = len(failed) < ctx.params["retries"]
        return [*found, case, *([critique.reflected(diagnosis(attempt, ctx), attempt, ctx)] if again else [])]
    known = {m.id: m for m in critique.rules(ctx)}
    held = dict(known)
    for cases in studied(case, failed, ctx):
        held |= drawn(cases, held, attempt, ctx)
    return [*found, case, *(m for m in held.values() if known.get(m.id) is not m and (m.id in known or m.retired is None))]


def diagnosis(attempt: Attempt, ctx: Context) -> str:
    """Why a trial failed and what to try next."""
    words = critique.diagnosed(attempt)
    if ctx.params["draw"] != "model":
        return words
    shown = {"question": attempt.task.text, "trajectory": trajectories.told(attempt.seen), "cites": attempt.seen}
    return ctx.ask("diagnose", DIAGNOSIS, outcome=attempt.reason, otherwise="", **shown) or words


def studied(case: Memory, failed: Sequence[Memory], ctx: Context) -> list[list[Memory]]:
    """What rules are drawn from at a success: it beside each failure of the task; and every so many successes, those together."""
    pairs = [[case, m] for m in failed[-ctx.params["paired"] :]] if ctx.params["pairs"] else []
    size = ctx.params["group"]
    won = [m for m in critique.written(ctx) if m.data["success"]] if size else []
    return [*pairs, *([[*won[-(size - 1) :], case]] if size and (len(won) + 1) % size == 0 else [])]


def drawn(cases: Sequence[Memory], known: dict[str, Memory], attempt: Attempt, ctx: Context) -> dict[str, Memory]:
    """The rules that these cases make or change."""
    held = [m for m in known.values() if m.retired is None]
    if ctx.params["draw"] == "model":
        script = relate.edits(ctx, "draw", OPERATIONS, held, max_chars=240, cases=list(cases))
    else:
        script = critique.scripted(cases, held)
    script = script if ctx.params["votes"] else [edit for edit in script if edit[0] == "add"]
    return critique.voted(script, {m.id: m for m in held}, cases, attempt, ctx)


def retrieve(query: Query, ctx: Context) -> list[Hit]:
    """All rules, the nearest successes, and what was learned from failed trials of this very task; then single steps like it."""
    near = [Hit(m, 2.0 - n / 100, {"success": 1.0}) for n, m in enumerate(critique.successes(query.text, ctx.params["nearest"], ctx))]
    said = [m for m in critique.of_task(query.text, SKILL, ctx) if skills.skill(m).kind == "reflection"]
    tried = [Hit(m, 4.0 + n, {"trial": 1.0}) for n, m in enumerate(said[-ctx.params["retries"] :] if ctx.params["retries"] else [])][::-1]
    rules = critique.rules(ctx)
    if not ctx.params["all"]:
        named = {h.memory.id for h in ctx.view.matching(query.text, query.k, (SKILL,))}
        rules = [m for m in rules if m.id in named]
    room = max(1, query.k - len(near) - len(tried))
    shown = [Hit(m, round(3 + skills.skill(m).score / 1000, 6), {"votes": skills.skill(m).score}) for m in rules[:room]]
    more = ctx.view.matching(query.text, query.k, (trajectories.STEP,)) if len(shown) + len(near) + len(tried) < query.k else []
    return [*tried, *shown, *near, *(Hit(h.memory, round(h.score / 1000, 6), h.why) for h in more)][: query.k]


recipe = Recipe(
    name="expel", on=attempts.ON, encode=gather, retrieve=retrieve, indexed=critique.indexed, functions=("experiential",),
    tools={"counts": skills.counts}, embeds=frozenset({SKILL, TRAJECTORY}), params=PARAMS, prompts=prompts(__file__))  # fmt: skip
asking = recipe.variant("model", draw="model", needs=frozenset({"ask"}))

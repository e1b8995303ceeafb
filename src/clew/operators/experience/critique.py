"""What one attempt, or a comparison of several, teaches in words: by rules where no model is asked.

A *reflection* is about one task and is shown before the next attempt at it. A *rule* is about tasks of a kind: it lives by
votes (ExpeL), ADD, EDIT, REMOVE and AGREE, which come from a model's script or from `scripted`.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from clew.context import Context
from clew.operators.experience import skills, trajectories, workflows
from clew.operators.experience.attempts import Attempt, about
from clew.operators.experience.skills import SKILL, Skill, skill
from clew.operators.upkeep.relate import Edit
from clew.types import Memory

VERSION = 1
OPERATIONS = ("remove", "agree", "edit", "add")  # in the order in which they are carried out
FIRST, LIMIT, OVER = 2, 20, 5  # score of a new rule; rules that are wanted; so many more make a removal weigh three times
LOSS, HARD = -1, -3  # what a removal takes; what it takes where there are too many rules
TRAJECTORY = trajectories.TRAJECTORY


# -- what happened ---------------------------------------------------------------------------------------------------


def trajectory(attempt: Attempt, ctx: Context) -> Memory:
    """An attempt as it went, searched by its task."""
    words = trajectories.worded(attempt.task.text, attempt.good, attempt.done, "" if attempt.good else attempt.reason)
    return ctx.memory(
        words,
        kind=TRAJECTORY,
        sources=attempt.sources,
        basis=[attempt.task, *attempt.actions],
        links=nodes(attempt),
        scope=trajectories.shared(ctx.scope),
        trust=ctx.authority,
        success=attempt.good,
        task=attempt.task.text,
        steps=attempt.done,
    )


def nodes(attempt: Attempt) -> list[str]:
    """The links by which what belongs to one task is found: by its words, and by its id where it has one."""
    return list(dict.fromkeys([f"task:{about(attempt.task.text)}", f"task:{attempt.id}"]))


def of_task(text: str, kind: str, ctx: Context) -> list[Memory]:
    """What holds of a kind and belongs to the task of these words, oldest first."""
    found = [m for m in ctx.view.linked([f"task:{about(text)}"]) if m.kind == kind and m.retired is None and m.status == "active"]
    return sorted(found, key=lambda m: (m.sources[-1].seq, m.id))


def indexed(memory: Memory) -> str:
    """A trajectory is searched by its task, a skill by its description."""
    return memory.data["task"] if memory.kind == TRAJECTORY else skills.indexed(memory)


# -- reflections -----------------------------------------------------------------------------------------------------


def diagnosed(attempt: Attempt) -> str:
    """What went wrong and what to do instead, by rules: what was tried, where it ended, what is not to be done there again."""
    done = attempt.done
    tried = "; ".join(done) or "nothing"
    lines = [f"I tried: {tried}.", f"It failed: {attempt.reason.strip() or 'no reason was given'}."]
    if done:
        before = f"After {done[-2]}" if len(done) > 1 else "At the beginning"
        lines.append(f"Next time: {before[0].lower() + before[1:]}, do something else than {done[-1]}.")
    return " ".join(lines)


def reflected(words: str, attempt: Attempt, ctx: Context) -> Memory:
    """A reflection as a skill that belongs to its task."""
    name = f"reflection-{hashlib.sha256(f'{attempt.id} {ctx.seq}'.encode()).hexdigest()[:10]}"
    found = Skill(name, attempt.task.text, words, "reflection", bad=1)
    return skills.made(found, attempt, ctx, links=nodes(attempt))


# -- rules -----------------------------------------------------------------------------------------------------------


def rules(ctx: Context) -> list[Memory]:
    """The rules that hold, by score, the highest first."""
    found = [m for m in skills.all_skills(ctx) if skill(m).kind == "rule"]
    return sorted(found, key=lambda m: (-skill(m).score, m.id))


def voted(
    script: Iterable[Edit], known: Mapping[str, Memory], cases: Sequence[Memory], attempt: Attempt, ctx: Context
) -> dict[str, Memory]:
    """The rules that a script makes or changes, by id: first what is removed, then agreed with, edited, added.

    AGREE and EDIT give a rule 1, REMOVE takes 1, or 3 where there are `LIMIT` + `OVER` rules or more; a rule at 0 goes.
    """
    found, params = dict[str, Memory](), ctx.params
    order = OPERATIONS if params["ordered"] else tuple(dict.fromkeys(op for op, _, _ in script))
    for wanted in order:
        for op, rule, text in script:
            if op != wanted:
                continue
            if rule is None:
                made = _added(text, cases, attempt, ctx)
                found[made.id] = made
            else:
                now = found.get(rule.id, rule)
                held = sum(m.retired is None for m in {**known, **found}.values())
                loss = HARD if held >= params["limit"] + params["over"] else LOSS
                if now.retired is None:
                    found[rule.id] = _moved(now, op, text, loss, cases, ctx)
    return found


def _added(text: str, cases: Sequence[Memory], attempt: Attempt, ctx: Context) -> Memory:
    name = f"rule-{hashlib.sha256(text.lower().encode()).hexdigest()[:10]}"
    return skills.made(Skill(name, text, text, "rule", score=float(FIRST)), attempt, ctx, basis=cases)


def _moved(rule: Memory, op: str, text: str, loss: int, cases: Sequence[Memory], ctx: Context) -> Memory:
    old = skill(rule)
    if op == "remove":
        new = replace(old, score=old.score + loss, bad=old.bad + 1)
    elif op == "edit":
        new = replace(old, description=text, body=text, score=old.score + 1, good=old.good + 1, version=old.version + 1)
    else:
        new = replace(old, score=old.score + 1, good=old.good + 1)
    changed = skills.changed(rule, new)
    if op == "edit":
        sources = tuple(dict.fromkeys((*rule.sources, *(s for m in cases for s in m.sources))))
        basis = tuple(dict.fromkeys((*rule.basis, *(m.id for m in cases))))
        changed = changed.revised(sources=sources, basis=basis, trust=min(rule.trust, *(m.trust for m in cases)))
    return changed.retire(ctx.at, "expired") if new.score <= 0 else changed


def scripted(cases: Sequence[Memory], known: Sequence[Memory]) -> list[Edit]:
    """The script that follows from some cases by rules alone: a failure beside a success says what to do instead of what; several
    successes say with what such tasks are begun and ended. A known rule of the same words is agreed with, one that says the
    opposite removed, one for tasks of the same words edited.
    """
    won, lost = trajectories.split(cases)
    said = _instead(lost[0], won[0]) if won and lost else _usual(won)
    if not said:
        return []
    task, text, avoided = said
    found = list[Edit]()
    for rule in known:
        body = skill(rule).body
        if body == text:
            return [("agree", rule, "")]
        if avoided and body.startswith(_opening(task)) and f"do {avoided} " in body:
            found.append(("remove", rule, ""))
        elif not avoided and body.startswith(_opening(task)) and " begin with " in body:
            return [("edit", rule, text)]
    return [*found, ("add", None, text)]


def _opening(task: str) -> str:
    return f'Where the task is like "{task}",'


def _instead(lost: Memory, won: Memory) -> tuple[str, str, str] | None:
    """(task, rule, what it says not to do), from the first thing that the success did otherwise."""
    good, bad = (workflows.abstracted(m.data["task"], m.data["steps"]) for m in (won, lost))
    at = next((i for i, (a, b) in enumerate(zip(good.steps, bad.steps, strict=False)) if a != b), min(len(good.steps), len(bad.steps)))
    if at >= len(good.steps):
        return None
    avoided = bad.steps[at] if at < len(bad.steps) else "nothing"
    where = f"after {good.steps[at - 1]}" if at else "first"
    return good.template, f"{_opening(good.template)} {where} do {good.steps[at]} and not {avoided}.", avoided


def _usual(won: Sequence[Memory]) -> tuple[str, str, str] | None:
    """(task, rule, ""), where most of the successes are of one kind."""
    flows = [workflows.abstracted(m.data["task"], m.data["steps"]) for m in won if m.data["steps"]]
    templates = [f.template for f in flows]
    task = max(dict.fromkeys(templates), key=templates.count, default="")
    mine = [f for f in flows if f.template == task]
    if len(mine) < 2:
        return None
    flow = mine[0]
    for other in mine[1:]:
        flow = workflows.merged(flow, other) or flow
    return task, f"{_opening(task)} begin with {flow.steps[0]} and end with {flow.steps[-1]}.", ""


def successes(task: str, most: int, ctx: Context) -> list[Memory]:
    """The successful trajectories nearest to a task, nearest first."""
    if not task.strip() or most < 1:
        return []
    hits = ctx.view.nearest(ctx.embed([task])[0], 4 * most, (TRAJECTORY,))
    return [h.memory for h in hits if h.memory.data["success"] and h.memory.retired is None and h.memory.status == "active"][:most]


def written(ctx: Context) -> list[Memory]:
    """Every trajectory that holds, oldest first."""
    return [m for m in ctx.view.all(TRAJECTORY) if m.retired is None and m.status == "active"]


__all__ = ["SKILL", "TRAJECTORY", "diagnosed", "indexed", "nodes", "of_task", "reflected", "rules", "scripted", "successes", "trajectory"]
__all__ += ["voted", "written"]

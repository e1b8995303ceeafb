"""What was done for a task, step by step, until an outcome said whether it went well (O1, O21).

A *step* is a memory of one message, action or observation; a run is the steps of one session up to an `outcome` event. When
it ends it becomes a *task* (what was asked) and a *trajectory* (what was done, condensed), which every agent may see.
"""

import re
from collections.abc import Sequence
from typing import Any

from clew.context import Context
from clew.operators.experience import lessons
from clew.types import TRUST, Event, Memory, Scope

VERSION = 1
STEP, OUTCOME, TASK, TRAJECTORY = "step", "outcome", "task", "trajectory"
_WORD = re.compile(r"\w+")
_DIGITS = re.compile(r"\s*\b\d+\b")


def success(event: Event) -> bool | None:
    """Whether an outcome says that it went well, in its data or by its first word; None where it does not say."""
    said, first = lessons.accepted(event), _WORD.search(event.text)
    return lessons.ACCEPTED.get(first[0].lower()) if said is None and first else said


def step(event: Event, ctx: Context) -> Memory:
    """An event as a step: who did it, what it earned, linked to the step before it, whoever's that was."""
    reward = lessons.details(event).get("reward")
    last = next((m for m in reversed(ctx.view.recent(16, STEP)) if m.scope.session == event.scope.session), None)
    earned: dict[str, Any] = {"reward": reward} if isinstance(reward, (int, float)) and not isinstance(reward, bool) else {}
    return ctx.memory(event.text, kind=STEP, actor=event.actor or event.scope.agent, links=[] if last is None else [last.id], **earned)


def indexed(memory: Memory) -> str:
    """A step with who did it, as it is searched; everything else by its text."""
    return f"{memory.actor}: {memory.text}" if memory.kind == STEP and memory.actor else memory.text


def run(event: Event, ctx: Context, most: int) -> list[Memory]:
    """The steps of the event's session since the outcome before it, in order, the last `most` of them."""
    found = [m for m in of_session(event, ctx, (STEP, OUTCOME), most) if m.retired is None]
    found.sort(key=lambda m: m.sources[0].seq)
    last = max((i for i, m in enumerate(found) if m.kind == OUTCOME), default=-1)
    return found[last + 1 :]


def of_session(event: Event, ctx: Context, kinds: Sequence[str], most: int) -> list[Memory]:
    """The newest memories of these kinds in the event's session, oldest first, `most` at most."""
    columns = ctx.view.columns(kinds)
    slots = columns.slot[columns.session == (ctx.view.log.number(event.scope.session) or 0)]
    return ctx.view.at_slots(slots[max(0, len(slots) - most) :])


def clean(steps: Sequence[Memory], sparse: bool) -> list[Memory]:
    """The steps worth telling: without those that earned less than nothing, and without what only tools and pages said.

    Who tells an agent what to do must be trusted as much as the agent; where nothing else was said, all steps count.
    """
    kept = [m for m in steps if m.data.get("reward", 0) >= 0] if sparse else list(steps)
    trusted = [m for m in kept if m.trust >= TRUST["assistant"]]
    return trusted or kept or list(steps)


def told(steps: Sequence[Memory]) -> str:
    """Steps as a model sees them: who, and what without its numbers, which belong to the one case."""
    return "\n".join(f"{m.actor + ': ' if m.actor else ''}{_DIGITS.sub('', m.text).strip()}" for m in steps)


def shared(scope: Scope) -> Scope:
    """Common to all agents and sessions of the same user."""
    return Scope(user=scope.user)


def worded(task: str, good: bool, points: Sequence[str], reason: str) -> str:
    """A condensed trajectory: the task, how it ended, the steps that mattered, and why it failed if it did."""
    lines = [f"Task: {task}", f"Outcome: {'success' if good else 'failure'}", *(f"- {p}" for p in points if p.strip())]
    return "\n".join([*lines, *([f"Failed because: {reason}"] if reason.strip() else [])])


def past(tasks: Sequence[Memory], ctx: Context) -> list[Memory]:
    """The trajectories of these tasks that hold, in the tasks' order."""
    order = {task.id: place for place, task in enumerate(tasks)}
    found = [m for m in ctx.view.linked(list(order)) if m.kind == TRAJECTORY and m.retired is None and m.links[0] in order]
    return sorted(found, key=lambda m: (order[m.links[0]], m.id))


def like(task: str, most: int, ctx: Context, floor: float = 0.0) -> list[Memory]:
    """The tasks nearest to some words that have at least that cosine, the nearest first."""
    return [h.memory for h in ctx.view.nearest(ctx.embed([task])[0], most, (TASK,)) if h.score >= floor]


def split(cases: Sequence[Memory]) -> tuple[list[Memory], list[Memory]]:
    """(what succeeded, what failed), in order."""
    return [m for m in cases if m.data["success"]], [m for m in cases if not m.data["success"]]

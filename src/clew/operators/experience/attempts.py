"""One attempt at a task, read off the events of its session: what was asked, what was done, how it ended.

What was asked is the first message of the session since the last outcome, or the goal of a task event; what was done are its
actions, or the results of a task's nodes; how it ended an outcome says, or the status of the task as a whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clew.context import Context
from clew.operators.experience import lessons, trajectories, utility
from clew.types import Event, Memory, Source

VERSION = 1
ON = frozenset({"message", "action", "observation", "outcome", "feedback", "task"})
TASKED = "task"  # the kind of events by which a task graph is carried out
ENDS = {"finished": True, "failed": False, "cancelled": False}  # statuses of a task as a whole
MOST = 120  # steps of one attempt that are looked at


@dataclass(frozen=True, slots=True)
class Attempt:
    """What was tried for a task, and what came of it."""

    task: Memory  # the step that says what is to be done
    actions: tuple[Memory, ...]  # steps that did something, in order
    seen: tuple[Memory, ...]  # all steps, what was observed among them
    good: bool
    believed: bool  # whether who says how it ended is trusted as much as an agent
    reason: str  # why it ended so, if that was said
    used: tuple[str, ...]  # names of the skills that were followed, as the outcome says

    @property
    def id(self) -> str:
        """What the attempts at one task have in common: the caller's id of it, or else its words."""
        return self.task.data["about"]

    @property
    def done(self) -> list[str]:
        """The actions in words."""
        return [m.text for m in self.actions]

    @property
    def sources(self) -> list[Source]:
        """The words behind it: of the task and of the actions, not of what pages and tools said."""
        return [s for m in (self.task, *self.actions) for s in m.sources]


def observed(event: Event, ctx: Context, invalid: bool = True) -> tuple[list[Memory], Attempt | None]:
    """(what is to be remembered of an event, the attempt that it ends, if it ends one).

    With `invalid`, actions that did nothing are left out of what was done.
    """
    text, role, good = _read(event)
    if good is None or role != trajectories.OUTCOME:
        return ([_step(event, text, role, ctx)] if text.strip() else []), None
    steps, id = _steps(event, ctx), _task_id(event)
    of: dict[str, Any] = {} if id is None else {"of": id}
    end = ctx.memory(text, kind=trajectories.OUTCOME, actor=event.actor, success=good, **of)
    task = next((m for m in steps if m.data.get("role") == "task"), None)
    if task is None:
        return [end], None
    done = [m for m in steps if m.data.get("role") == "action" and not (invalid and m.data.get("invalid"))]
    about = lessons.details(event)
    reason, used = about.get("reason"), about.get("used")
    names = tuple(str(name) for name in used) if isinstance(used, list) else ()
    believed = event.trust >= utility.TRUSTED
    return [end], Attempt(task, tuple(done), tuple(steps), good, believed, reason if isinstance(reason, str) else text, names)


def about(task: str) -> str:
    """A task's words as one tells it again: without case and spacing."""
    return " ".join(task.lower().split())[:200]


def _read(event: Event) -> tuple[str, str, bool | None]:
    """(its words, its role in an attempt, how the attempt ended if it says so)."""
    if event.kind == TASKED and isinstance(event.body, Mapping):
        return _tasked(event)
    if event.kind in ("outcome", "feedback"):
        return event.text, trajectories.OUTCOME, trajectories.success(event)
    return event.text, {"action": "action", "message": "said"}.get(event.kind, "observation"), None


def _tasked(event: Event) -> tuple[str, str, bool | None]:
    """A task event: the plan's goal is what is asked, a node's outcome what was done, the task's own status how it ended."""
    body: Mapping[str, Any] = event.body
    do, status, graph = body.get("do"), str(body.get("status", "")), body.get("graph")
    if do == "plan" and isinstance(graph, Mapping):
        return str(graph.get("goal", event.text)), "said", None
    if do == "status" and status in ENDS:
        return str(body.get("why") or event.text), trajectories.OUTCOME, ENDS[status]
    if do == "transition":
        return str(body.get("act") or event.text), "action", None
    return event.text, "action" if do == "outcome" else "observation", None


def _steps(event: Event, ctx: Context) -> list[Memory]:
    """The steps of the attempt that the event belongs to, in order: those of its session, or of its task, since the last outcome."""
    found = [m for m in trajectories.of_session(event, ctx, (trajectories.STEP, trajectories.OUTCOME), MOST) if m.retired is None]
    mine = sorted((m for m in found if m.data.get("of") == _task_id(event)), key=lambda m: m.sources[0].seq)
    last = max((i for i, m in enumerate(mine) if m.kind == trajectories.OUTCOME), default=-1)
    return mine[last + 1 :]


def _task_id(event: Event) -> str | None:
    named = event.body.get("task") if event.kind == TASKED and isinstance(event.body, Mapping) else None
    return named if isinstance(named, str) else None


def _step(event: Event, text: str, role: str, ctx: Context) -> Memory:
    """An event as a step; the first thing said since the last outcome is the task."""
    before, found, id = _steps(event, ctx), lessons.details(event), _task_id(event)
    reward = found.get("reward")
    spoilt = found.get("changed") is False or found.get("valid") is False or (isinstance(reward, (int, float)) and reward < 0)
    spoilt = spoilt or (id is not None and role == "action" and found.get("status", "finished") != "finished")
    named = id or found.get("task")
    first = not any(m.data.get("role") == "task" for m in before)
    said = {"about": f"id {named}" if isinstance(named, str) else about(text)} if role == "said" and first else {}
    more: dict[str, Any] = {**({} if id is None else {"of": id}), **({"invalid": True} if spoilt else {}), **said}
    links, actor = [before[-1].id] if before else [], event.actor or event.scope.agent
    return ctx.memory(text, kind=trajectories.STEP, actor=actor, links=links, role="task" if said else role, **more)

"""Steps of a task out of what is said: which step a message is about, where a new one belongs, and how far it has come."""

from collections.abc import Mapping

from clew.context import Context
from clew.models import forms
from clew.operators.plan.choosing import chosen
from clew.operators.plan.graph import Plan
from clew.operators.plan.task_events import COMPLETED, FAILED, PENDING, TASK, revised
from clew.operators.plan.trim import grounded
from clew.types import Memory, may_end

VERSION = 1
SETTLED = forms.record({"status": (COMPLETED, FAILED, PENDING), "output": 200}, means="note")
CHARS = 60  # of a step's name


def selected(message: Memory, last: Memory | None, plan: Plan, ctx: Context) -> Memory:
    """The step that a message of the user's is about: one that there is, or a new one, put where it belongs."""
    p, near = ctx.params, [last.id] if last else []
    if not p["selection"] and plan.nodes:
        return next(iter(plan.nodes.values()))
    shown = {"message": message, "current": near[0] if near else "(none)"}
    if found := chosen("select", plan.nodes, 1, ctx, near, **shown):
        return plan.nodes[found[0]]
    name = ctx.ask("name", forms.text(CHARS, "title"), message=message, otherwise="") or message.text[:CHARS].strip() or "step"
    under = chosen("place", plan.nodes, 1, ctx, step=name, message=message) if p["tree"] else []
    others = {k: m for k, m in plan.nodes.items() if k not in under}
    needs = chosen("depends", others, p["edges"], ctx, step=name, message=message) if p["dependencies"] else []
    links = dict.fromkeys([*under, *needs])
    node = ctx.memory(name, kind=TASK, links=links, name=name, state=PENDING, output="", parents=under, needs=needs, began=ctx.seq)
    return revised(node)


def settled(step: Memory, message: Memory, ctx: Context) -> Memory:
    """The step with the status and output that it has after one more message; a later output takes the place of the earlier."""
    if not ctx.params["status"] or step.data.get("task") or not may_end(min(message.trust, ctx.authority), step.trust):
        return step
    held: Mapping[str, str] = {"status": step.data["state"], "output": step.data["output"]}
    found = ctx.ask("settle", SETTLED, context=step.data["name"], known=step.text, message=message, otherwise=held, cites=[step])
    output = " ".join(found["output"].split())
    return revised(step, state=found["status"], output=output if grounded(output, message.text) else held["output"])

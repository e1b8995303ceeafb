"""TME v1: a task as a tree of steps with a status; the prompt of a step is its path and what it depends on, and nothing else.

Paper:     arXiv:2504.08525 (Task Memory Engine, task memory tree)
Code:      clean room, from a specification alone
Forms:     token        Functions: working
Differs:   1. a model chooses the step that a message belongs to; in the released example the input names it
           2. replacing and rolling back, which the paper names, are what the log does anyway: nothing is overwritten in it
           3. the events of the task layer make nodes of the same tree, so that memory answers for tasks that run
           4. messages of the assistant and of tools belong to the step that the user's last message chose, or that runs
"""
from collections.abc import Sequence
from string import Template
from typing import Annotated, Any

from clew.context import Context
from clew.models import forms
from clew.operators import budget, retrieve
from clew.operators.plan import accounts, steps, task_events
from clew.operators.plan.graph import Plan
from clew.operators.plan.task_events import TASK
from clew.operators.window import fit, messages
from clew.recipe import CONTENT, Recipe, prompts
from clew.types import TRUST, Event, Hit, Memory, Query

PARAMS = {
    "tree": True, "status": True, "selection": True, "path": True, "dependencies": True,  # what the specification asks for
    "accounting": True,  # tokens of each message, so that the cost of path and history can be told
    "edges": 4,  # steps that one may depend on, at most (ours)
}
Id = Annotated[str, "id of a step, as `path` and recall show it", (1, 40)]


def fold(events: Sequence[Event], ctx: Context) -> list[Memory]:
    """A message goes to the history of one step: the user's to the one that it is about, others to the one at hand."""
    event = events[0]
    if event.kind == TASK:
        return task_events.folded(event, ctx)
    if not event.text.strip():
        return []
    [message], plan, said = messages.kept(events, ctx), tree(ctx), messages.messages(ctx)
    running = [m for m in plan.nodes.values() if m.data.get("running")]
    last = plan.nodes.get(said[-1].data["node"]) if said else None
    own = event.kind == "message" and message.data["role"] == "user" and event.trust >= TRUST["assistant"]
    step = None if own else (running or [last])[-1]
    step = step or steps.selected(message, last, plan, ctx)
    cost = {"tokens": messages.cost(messages.rendered(message), ctx)} if ctx.params["accounting"] else {}
    message = message.revised(data={"node": step.id, **cost}, links=(step.id,))
    return [steps.settled(step, message, ctx), message]


def tree(ctx: Context) -> Plan:
    """The steps as they stand."""
    return Plan.of(ctx.view.all(TASK))


def head(plan: Plan, key: str, ctx: Context) -> dict[str, Any]:
    """The system message of a step: where it lies, and what it depends on, with what came of that."""
    where = " > ".join(plan.nodes[k].data["name"] for k in plan.path(key)) if key in plan.nodes else "(none)"
    grounds = [plan.nodes[k].data["name"] for k in plan.grounds(key)]
    needs = "\nIt depends on: " + ", ".join(grounds) if grounds else ""
    return {"role": "system", "content": Template(ctx.recipe.prompts["window"]).substitute(path=where, needs=needs)}


def window(query: Query, ctx: Context) -> list[dict[str, Any]]:
    """The histories on the active path and of what its step depends on, in the order in which they were said."""
    plan, said = tree(ctx), messages.messages(ctx)
    key = said[-1].data["node"] if said else next(iter(list(plan.nodes)[-1:]), "")
    active = {*plan.active(key), key} if ctx.params["path"] else {*plan.nodes, key}
    shown = messages.paired(messages.rendered(m) for m in said if m.data["node"] in active)
    return [dict(m) for m in fit.fitted(fit.units([head(plan, key, ctx), *shown]), query.max_tokens, ctx)]


def answer(query: Query, hits: Sequence[Hit], ctx: Context) -> str:
    """A short answer from steps and messages."""
    records = budget.dated(budget.chronological(hits))
    return ctx.ask("answer", forms.text(300, "answer"), records=records, question=query.text, cites=hits, otherwise=hits[0].memory.text)


def path(ctx: Context) -> str:
    """The steps of the task as an outline, with the status and output of each, and their ids."""
    plan = tree(ctx)
    return plan.outline(plan.nodes, lambda k: f"[{k}] {plan.line(k)}") or "there is no step yet"


def node(id: Id, ctx: Context) -> str:
    """A step: its status and output, what it depends on, and what was said about it."""
    plan = tree(ctx)
    if id not in plan.nodes:
        return f"there is no step {id!r}; there are {', '.join(plan.nodes) or 'none'}"
    needs = [f"depends on [{k}] {plan.line(k)}" for k in plan.needs(id)]
    said = [f"{m.data['role']}: {m.text}" for m in messages.messages(ctx) if m.data["node"] == id]
    return "\n".join([" > ".join(plan.nodes[k].data["name"] for k in plan.path(id)), plan.line(id), *needs, *said])


def spent(ctx: Context) -> str:
    """Tokens that the prompts of this session have cost, against showing the whole history each time."""
    plan, said = tree(ctx), messages.messages(ctx)
    if not all("tokens" in m.data for m in said):
        return "tokens are not counted"
    shown = plan.active if ctx.params["path"] else lambda key: plan.nodes
    return str(accounts.account(said, shown, lambda k: messages.size([head(plan, k, ctx)], ctx)))


recipe = Recipe(
    name="tme_v1", on=CONTENT | {TASK}, encode=fold, window=window, retrieve=retrieve.hybrid, answer=answer, shares="session",
    functions=("working",), tools={"path": path, "node": node, "spent": spent}, needs=frozenset({"ask"}), asks=frozenset({"answer"}),
    unsupported=True, params=PARAMS, prompts=prompts(__file__))

"""Tasks as nodes of a plan: what the events of a task (kind "task", written by the task layer) say of it, folded.

A task is a node, its steps lie under it, and rest on the steps that their edges come from. Words for people to find: goal,
status, and what came of it. A result is as trusted as a tool's output, and so are these nodes, for results change them.
"""

import json
from collections.abc import Mapping
from typing import Any

from clew.context import Context
from clew.operators.budget import clipped
from clew.types import TRUST, Event, Memory

VERSION = 1
TASK = "task"  # the kind of event, and of memory
PENDING, COMPLETED, FAILED = "pending", "completed", "failed"
ENDS: Mapping[str, str] = {"finished": COMPLETED, "failed": FAILED, "cancelled": FAILED}
CHARS = 300  # of results and reasons in a node's words
TRIED = frozenset({"retry", "reset", "ask"})  # what may follow a verdict and leaves the step open


def worded(name: str, status: str, output: str) -> str:
    """A node's words: its name, its status and what came of it."""
    return f"{name} ({status})" + (f": {output}" if output else "")


def revised(node: Memory, **data: Any) -> Memory:
    """The node with these data, and the words that follow from them."""
    found = {**node.data, **data}
    return node.revised(text=worded(found["name"], found["state"], found["output"]), data=data)


def folded(event: Event, ctx: Context) -> list[Memory]:
    """What one event of a task changes: a plan makes the nodes, the rest tells how they stand."""
    body = event.body if isinstance(event.body, Mapping) else {}
    task, do = body.get("task"), body.get("do")
    if not isinstance(task, str):
        return []
    nodes = {m.data["place"]: m for m in ctx.view.all(TASK) if m.data.get("task") == task and m.retired is None}
    if do == "plan":
        return _planned(task, body["graph"], nodes, ctx)
    root, node = nodes.get(""), nodes.get(str(body.get("node")))
    if do == "status" and root is not None:
        output = _short(body.get("why") or root.data["output"])
        return [revised(root, state=ENDS.get(str(body.get("status")), PENDING), output=output)]
    if node is None or node.data["state"] != PENDING:
        return []
    if do == "begin":
        return [revised(node, running=True)]
    if do == "ask":
        return [revised(node, output=_short(f"asks: {body.get('question', '')}"))]
    if do == "outcome":
        return [node.revised(data={"gave": _short(body.get("outputs") or body.get("why") or "")})]
    if do == "verdict" and body.get("then") == "finish":
        gave = _short(body["outputs"]) if body.get("outputs") else node.data.get("gave", "")
        return [revised(node, state=COMPLETED, output=gave, running=False)]
    if do == "verdict":
        open_still = body.get("then") in TRIED
        return [revised(node, state=PENDING if open_still else FAILED, output=_short(_reason(body)), running=False)]
    return []


def _planned(task: str, graph: Mapping[str, Any], nodes: Mapping[str, Memory], ctx: Context) -> list[Memory]:
    """The nodes of a new version of a plan: those that there were stay, with their results; what is no longer planned ends."""
    root = nodes.get("") or _node(task, "", graph.get("goal", task), ctx)
    found = {n["id"]: nodes.get(n["id"]) or _node(task, n["id"], n.get("goal", n["id"]), ctx) for n in graph["nodes"]}
    links = dict[str, list[str]]()
    for source, target, *_ in graph.get("edges", ()):
        if source in found and target in found:
            links.setdefault(target, []).append(found[source].id)
    made = [revised(root, name=graph.get("goal", task))]
    for node in graph["nodes"]:
        held, needs = found[node["id"]], links.get(node["id"], [])
        again = {"state": PENDING, "output": ""} if held.data["state"] == FAILED else {}
        made.append(revised(held, name=node.get("goal", node["id"]), parents=[root.id], needs=needs, **again))
    return [*made, *(m.retire(ctx.at, "superseded") for place, m in nodes.items() if place and place not in found)]


def _node(task: str, place: str, name: str, ctx: Context) -> Memory:
    assert ctx.event is not None
    trust = min(ctx.event.trust, TRUST["tool"])
    edges: dict[str, Any] = {"parents": [], "needs": [], "began": ctx.seq}
    return ctx.memory(name, kind=TASK, trust=trust, task=task, place=place, name=name, state=PENDING, output="", **edges)


def _short(found: Any) -> str:
    return clipped(found if isinstance(found, str) else json.dumps(found, ensure_ascii=False), CHARS)


def _reason(body: Mapping[str, Any]) -> str:
    verdicts = body.get("verdicts") or [{}]
    return verdicts[0].get("reason") or verdicts[0].get("label") or ""

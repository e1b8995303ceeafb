"""Tasks through MCP: carry a graph, look at it, answer what it asks, stop it, go on. Offered where it is asked for: tasks run programs."""

import json
from typing import Annotated, Any

from clew.serve.mcp_tools import Seat, Tool
from clew.tasks.door import Tasks
from clew.tasks.files import fresh, graph_of
from clew.tasks.state import TaskState

Task = Annotated[str, "the task's id", (1, 64)]


def task_run(tasks: Tasks, graph: Annotated[dict[str, Any], "a task: {id, goal, nodes, edges, ...}"]) -> str:
    """Carry a plan of nodes and edges until it is over or waits for a person. Again with the same plan: goes on where it stands."""
    return told(tasks.run(graph_of({"id": fresh(str(graph.get("goal", "task"))), **graph})))


def task_show(tasks: Tasks, id: Annotated[str | None, "the task; all of them, if left out"] = None) -> str:
    """How a task stands: its nodes, results and open questions, from the log alone."""
    return told(tasks.show(id)) if id else "\n".join(_line(state) for state in tasks.all()) or "There are no tasks."


def task_approve(
    seat: Seat,
    tasks: Tasks,
    id: Task,
    answer: Annotated[str, "the person's answer, one of the choices where there are any"] = "approve",
    node: Annotated[str | None, "which of its questions, where it asks several"] = None,
) -> str:
    """Give a task the answer of the person it asks. Ask that person first: never decide for them."""
    question = tasks.approve(id, answer, node=node, by=seat.grant.who.name)
    return f"{question.node}: {answer}; task_resume goes on with it"


def task_cancel(tasks: Tasks, id: Task, why: Annotated[str, "the reason"] = "") -> str:
    """Stop a task: nothing new is started, what runs stops at its next step."""
    return _line(tasks.cancel(id, why))


def task_resume(tasks: Tasks, id: Task) -> str:
    """Carry on a task that waited, was left or crashed."""
    return told(tasks.resume(id))


def told(state: TaskState) -> str:
    """A task in some lines: how it stands, each node with its result, what it asks."""
    lines = [_line(state)]
    for node in state.graph.nodes:
        result = state.results.get(node.id)
        lines.append(f"- {node.id}: {node.status}" + (f" {json.dumps(result, ensure_ascii=False, default=str):.500}" if result else ""))
    for asked in state.asked.values() if not state.over else ():
        choices = f" ({', '.join(asked.choices)})" if asked.choices else ""
        lines.append(f"- {asked.node} asks a person: {asked.text}{choices}")
    return "\n".join(lines)


def _line(state: TaskState) -> str:
    why = f" ({state.why})" if state.why else ""
    return f"{state.id}: {state.status}{why}, {state.steps} attempts; {state.graph.goal}"


TASKS = (
    Tool(task_run, "approve", slow=True),
    Tool(task_show, "get"),
    Tool(task_approve, "approve", destroys=True),
    Tool(task_cancel, "approve", destroys=True),
    Tool(task_resume, "approve", slow=True),
)

"""Words about tasks: task run, show, approve, cancel, resume."""

import json as jsons
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from clew.cli.terminal import MEMORY, Db, Json, Model, Url, User, clock, opened, out, show_json, writable
from clew.errors import UsageError
from clew.tasks import picture
from clew.tasks.door import RUNTIMES, Tasks
from clew.tasks.files import graph_json, read
from clew.tasks.state import TaskState

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, add_completion=False, help="Work through the log: plans that run, wait and go on."
)
Id = Annotated[str, typer.Argument(help="The task.", show_default=False)]
Carried = Annotated[str, typer.Option("--runtime", help=f"What carries it: {' or '.join(RUNTIMES)} (extra [tasks]).")]
Wait = Annotated[bool, typer.Option("--wait", help="Stay while only people are waited for, until it is over (runtime dbos).")]
Node = Annotated[str | None, typer.Option("--node", help="Which of its questions, where it asks several.")]
ENDED = {"finished": 0, "waiting": 0, "running": 0, "failed": 1, "cancelled": 1}  # status -> exit status


def run(
    path: Annotated[Path, typer.Argument(help="A task as JSON: goal, nodes, edges.", show_default=False)],
    db: Db = MEMORY,
    user: User = None,
    runtime: Carried = "inline",
    wait: Wait = False,
    model: Model = None,
    url: Url = None,
    json: Json = False,
) -> None:
    """Carry a task until it is over, or waits for a person."""
    graph = read(path)
    with opened(db, new=True, model=model, url=url) as c, _shown(json) as watch:
        state = Tasks(c, user=user, runtime=runtime).run(graph, watch=watch, wait=wait)
    _told(state, json)


def resume(
    id: Id,
    db: Db = MEMORY,
    user: User = None,
    runtime: Carried = "inline",
    wait: Wait = False,
    model: Model = None,
    url: Url = None,
    json: Json = False,
) -> None:
    """Carry on a task that waited, was left or crashed."""
    with opened(db, model=model, url=url) as c, _shown(json) as watch:
        state = Tasks(c, user=user, runtime=runtime).resume(id, watch=watch, wait=wait)
    _told(state, json)


def show(
    id: Annotated[str | None, typer.Argument(help="The task; all of them, if not given.", show_default=False)] = None,
    db: Db = MEMORY,
    user: User = None,
    events: Annotated[bool, typer.Option("--events", help="What happened, in order.")] = False,
    svg: Annotated[Path | None, typer.Option(help="Write the graph as a picture to this file.")] = None,
    json: Json = False,
) -> None:
    """How a task stands, from the log alone: nobody need be running it."""
    writable(svg, db)
    with opened(db) as c:
        tasks = Tasks(c, user=user)
        if id is None:
            return _listed(tasks.all(), json)
        state, happened = tasks.show(id), tasks.events(id) if events else ()
        left = state.status == "running" and not tasks.carried(id)
    if svg is not None:
        svg.write_text(picture.svg(state), encoding="utf-8")
    if json:
        seen = [{"seq": e.seq, "at": e.recorded_at, "key": e.key, "body": e.body} for e in happened]
        return show_json({**summary(state), "left": left, **({"events": seen} if events else {})})
    if events:
        for event in happened:
            out.print(f"{event.seq:>6}  {clock(event.recorded_at)}  {(event.body or {}).get('content', '(forgotten)')}")
        return
    out.print(picture.boxes(state))
    _told(state, False, leave=False)
    if left:
        out.print(f"  nobody is carrying it: clew task resume {id}")
    if svg is not None:
        out.print(f"picture: {svg}")


def approve(
    id: Id,
    answer: Annotated[str, typer.Argument(help="The answer, one of the choices where there are any.")] = "approve",
    db: Db = MEMORY,
    user: User = None,
    node: Node = None,
    by: Annotated[str | None, typer.Option(help="Who answers.")] = None,
    data: Annotated[str | None, typer.Option(help="More of the answer, as a JSON object.")] = None,
    json: Json = False,
) -> None:
    """Answer what a task asks; whoever carries it goes on, or `clew task resume` does."""
    more = _object(data)
    with opened(db) as c:
        question = Tasks(c, user=user).approve(id, answer, node=node, by=by, **more)
    if json:
        return show_json({"task": id, "node": question.node, "answer": answer})
    out.print(f"{question.node}: {answer}. `clew task resume {id}` goes on with it, where nobody is carrying the task")


def cancel(
    id: Id, db: Db = MEMORY, user: User = None, why: Annotated[str, typer.Option(help="The reason.")] = "", json: Json = False
) -> None:
    """Stop a task: nothing new is started, what runs stops at its next step."""
    with opened(db) as c:
        state = Tasks(c, user=user).cancel(id, why)
    if json:
        return show_json(summary(state))
    out.print(f"{id}: {state.status}")


def summary(state: TaskState) -> dict[str, Any]:
    """A state as programs want it: statuses, results, questions, what was used."""
    return {
        "task": state.id,
        "goal": state.graph.goal,
        "status": state.status,
        "why": state.why,
        "version": state.version,
        "nodes": {n.id: n.status for n in state.graph.nodes},
        "edges": [{"source": e.source, "target": e.target, "condition": e.condition, "status": e.status} for e in state.graph.edges],
        "results": state.results,
        "asked": {q.node: {"question": q.text, "choices": list(q.choices)} for q in state.asked.values()},
        "attempts": state.attempts,
        "used": {"attempts": state.steps, "seconds": round(state.seconds, 3), "tokens": state.tokens},
        "plan": graph_json(state.graph),
    }


@contextmanager
def _shown(quiet: bool) -> Iterator[Callable[[TaskState], None] | None]:
    """What to call with every new state: the graph, redrawn on stderr as it changes, where that is a terminal."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield None
        return
    with Live(console=console, transient=True, auto_refresh=False) as live:
        yield lambda state: live.update(Group(Text(line(state)), picture.boxes(state)), refresh=True)


def line(state: TaskState) -> str:
    """A task in one line: how many nodes are done, and what was used."""
    done = sum(n.status in ("finished", "skipped", "failed") for n in state.graph.nodes)
    tokens = f", {state.tokens:,} tokens" if state.tokens else ""
    return f"{state.id}: {state.status}, {done} of {len(state.graph.nodes)} nodes, {state.steps} attempts, {state.seconds:.1f} s{tokens}"


def _told(state: TaskState, json: bool, leave: bool = True) -> None:
    if json:
        show_json(summary(state))
    else:
        out.print(line(state) + (f" ({state.why})" if state.why else ""), style=picture.STYLES.get(state.status))
        for node in state.graph.nodes:
            verdict = (state.verdicts.get(node.id, {}).get("verdicts") or [{}])[0]
            failed = "failed" if node.status == "failed" else "is tried again, it failed"  # else the same question looks as if it were lost
            if verdict.get("reason") and (node.status == "failed" or (node.status == "waiting" and not verdict.get("ok"))):
                out.print(f"  {node.id} {failed}: {verdict['reason']}")
        for question in state.asked.values() if not state.over else ():
            options = f" ({', '.join(question.choices)})" if question.choices else ""
            out.print(f"  {question.node} asks: {question.text}{options}\n    clew task approve {state.id} ANSWER --node {question.node}")
    if leave and ENDED[state.status]:
        raise typer.Exit(ENDED[state.status])


def _listed(states: list[TaskState], json: bool) -> None:
    if json:
        return show_json([{k: v for k, v in summary(s).items() if k not in ("plan", "results", "edges")} for s in states])
    for state in states:
        out.print(f"{line(state)}  {state.graph.goal}")
    if not states:
        out.print("there are no tasks")


def _object(data: str | None) -> dict[str, Any]:
    try:
        found = {} if data is None else jsons.loads(data)
    except ValueError as error:
        raise UsageError(f"--data is a JSON object; {error}") from error
    if not isinstance(found, dict) or {"answer", "node", "by", "id"} & set(found):
        raise UsageError(f"--data is a JSON object without answer, node, by and id; got {data!r:.80}")
    return found


for word in (run, show, approve, cancel, resume):
    app.command()(word)

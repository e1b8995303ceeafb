"""Task graphs as JSON: how they stand in events, and in the files that people write.

`{"goal": ..., "nodes": [{"id", "goal", "executor", "inputs", "before", "after", "budget"}], "edges": [["a", "b"], ["a", "c", "x > 1"]]}`
"""

import json
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from clew.errors import NotFound, UsageError
from clew.tasks.graph import ALWAYS, Edge, Limits, Node, TaskGraph, Verdict

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SLUG = re.compile(r"[^a-z0-9]+")


def read(path: Path) -> TaskGraph:
    """The task in a JSON file, version 1; one without an id gets one from its goal and four characters of chance."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NotFound(f"there is no task file {path}") from error
    except ValueError as error:
        raise UsageError(f"{path} is no JSON: {error}") from error
    if not isinstance(found, Mapping):
        raise UsageError(f'{path} should hold a JSON object such as {{"goal": ..., "nodes": [...], "edges": [...]}}')
    return graph_of({"id": fresh(str(found.get("goal", "task"))), **found})


def fresh(goal: str) -> str:
    """A new task's id: the first words of its goal and four characters of chance."""
    return f"{_SLUG.sub('-', goal.lower()).strip('-')[:40].strip('-') or 'task'}-{secrets.token_hex(2)}"


def graph_json(graph: TaskGraph) -> dict[str, Any]:
    """A graph as JSON; what stands at its default is left out."""
    return {
        **_plain(graph, ("nodes", "edges", "limits")),
        "nodes": [node_json(n) for n in graph.nodes],
        "edges": [edge_json(e) for e in graph.edges],
        "limits": asdict(graph.limits),
    }


def node_json(node: Node) -> dict[str, Any]:
    """A node as JSON, without its status; what stands at its default is left out."""
    found = {**_plain(node, ("budget", "status")), **({} if node.budget == Limits() else {"budget": asdict(node.budget)})}
    return {"id": node.id, "goal": node.goal, **found}


def edge_json(edge: Edge) -> list[str]:
    """An edge as JSON, without its status: its ends, and its condition where it has one."""
    return [edge.source, edge.target, *([] if edge.condition == ALWAYS else [edge.condition])]


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """A verdict as JSON; what stands at its default is left out."""
    return {"ok": verdict.ok, "label": verdict.label, **_plain(verdict, ("ok", "label"))}


def verdict_of(value: Mapping[str, Any]) -> Verdict:
    """A verdict from its JSON."""
    return Verdict(**{**value, "evidence": tuple(value.get("evidence", ()))})


def graph_of(value: Any) -> TaskGraph:
    """A graph from its JSON; UsageError says which value is wrong."""
    given = _given(value, TaskGraph, "the task", ("goal", "nodes"))
    given.setdefault("version", 1)
    if not ID.fullmatch(str(given.get("id", ""))):
        raise UsageError(f"a task's id has 1 to 64 letters, digits, dots, dashes or underscores; got {given.get('id')!r:.80}")
    given["nodes"] = tuple([node_of(n) for n in _list(given["nodes"], "nodes")])
    given["edges"] = tuple([edge_of(e) for e in _list(given.get("edges", []), "edges")])
    if "limits" in given:
        given["limits"] = _limits(given["limits"], TaskGraph.__dataclass_fields__["limits"].default, "the task's limits")
    return _made(TaskGraph, given, "the task", {"goal": str, "planner": str, "environment": Mapping, "cap": int, "asks": bool})


def node_of(value: Any) -> Node:
    """A node from its JSON."""
    given = _given(value, Node, "a node", ("id", "goal"))
    if "budget" in given:
        given["budget"] = _limits(given["budget"], Limits(), f"the budget of {given['id']}")
    if not ID.fullmatch(str(given["id"])):
        raise UsageError(f"a node's id has 1 to 64 letters, digits, dots, dashes or underscores; got {given['id']!r:.80}")
    return _made(Node, given, f"node {given['id']}", {"goal": str, "executor": str, "inputs": Mapping})


def edge_of(value: Any) -> Edge:
    """An edge from its JSON: `["a", "b"]`, `["a", "b", "condition"]` or an object with source, target and condition."""
    if isinstance(value, Mapping):
        given = _given(value, Edge, "an edge", ("source", "target"))
    else:
        parts = _list(value, "an edge")
        if not 2 <= len(parts) <= 3:
            raise UsageError(f'an edge is ["from", "to"] or ["from", "to", "condition"]; got {value!r:.80}')
        given = {"source": parts[0], "target": parts[1], **({"condition": parts[2]} if parts[2:] else {})}
    return _made(Edge, given, "an edge", {"source": str, "target": str, "condition": str})


def _plain(value: Any, without: Sequence[str]) -> dict[str, Any]:
    found = {f.name: getattr(value, f.name) for f in fields(value) if f.name not in without}
    shown = {k: v for k, v in found.items() if k == "goal" or not (v is None or v is False or v in ((), {}, ""))}
    return {k: list(v) if isinstance(v, tuple) else v for k, v in shown.items()}


def _given(value: Any, made: Any, what: str, needed: Sequence[str]) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise UsageError(f"{what} is a JSON object with {', '.join(needed)}; got {value!r:.80}")
    known = [f.name for f in fields(made)]
    for name in value:
        if name not in known:
            raise UsageError(f"{what} has {name!r}, which means nothing; it may have {', '.join(known)}")
    for name in needed:
        if name not in value:
            raise UsageError(f"{what} {value.get('id', '')!r} lacks {name!r}".replace(" ''", ""))
    return dict(value)


def _made(made: Callable[..., Any], given: dict[str, Any], what: str, types: Mapping[str, type]) -> Any:
    for name, kind in types.items():
        if name in given and not isinstance(given[name], kind):
            raise UsageError(f"{name} of {what} should be {_TYPES[kind]}; got {given[name]!r:.80}")
    for name in ("before", "after", "verifiers"):
        if name in given:
            given[name] = tuple(_list(given[name], f"{name} of {what}"))
            if bad := [v for v in given[name] if not isinstance(v, str)]:
                raise UsageError(f"{name} of {what} holds names of verifiers or conditions, as texts; got {bad[0]!r:.80}")
    return made(**given)


_TYPES = {str: "a text", Mapping: "a JSON object", int: "a whole number", bool: "true or false"}


def _list(value: Any, what: str) -> Sequence[Any]:
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
        raise UsageError(f"{what} should be a list; got {value!r:.80}")
    return value


def _limits(value: Any, default: Limits, what: str) -> Limits:
    given = {**asdict(default), **_given(value, Limits, what, ())}
    for name, number in given.items():
        if number is None and name == "tokens":
            continue
        whole = name != "seconds"
        if isinstance(number, bool) or not isinstance(number, (int, float)) or number <= 0 or (whole and number != int(number)):
            raise UsageError(f"{name} in {what} should be a {'whole ' if whole else ''}number above 0; got {number!r:.80}")
    return Limits(**given)

"""PlanDAG, the published form of a plan, and the task graph that is made of one: the guide's code and tests in the nodes' inputs."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from clew.errors import UsageError
from clew.tasks.graph import ALWAYS, END, Edge, Limits, Node, TaskGraph
from clew.tasks.stepfly import fields
from clew.tasks.stepfly.extraction import OTHERWISE, START, Way, actions, findings, ways
from clew.tasks.stepfly.guide import Guide, Step
from clew.tasks.stepfly.plugins import listed, plugins
from clew.tasks.stepfly.predicates import NUMBER, WORDS, compiled, stems
from clew.tasks.stepfly.results import bare

EXECUTOR = "stepfly"  # where the executors are found by name, this one's
CAP = 3  # executors at once, as the released system has
BUDGET = Limits(attempts=3, seconds=180.0, steps=30)
_COMPLEMENT = re.compile(r"^(?:if\s+)?(?:otherwise|else|no|not|none|there (?:is|are) no)\b", re.I)


def plan_dag(guide: Guide) -> dict[str, Any]:
    """The plan that a guide's sentences say, as PlanDAG: nodes with their edges in and out, each edge with its condition or "none"."""
    found = ways(guide)
    titles = {START: "Begin", **{s.id: s.title for s in guide.steps}, END: "End"}
    into: dict[str, list[str]] = {id: [] for id in titles}
    for id, mine in found.items():
        for way in mine:
            into.setdefault(way.target, []).append(id)
    return {
        "nodes": [
            {
                "node": id,
                "description": title,
                "input_edges": [{"edge": f"edge_{source}_{id}"} for source in into[id]],
                "output_edges": [{"edge": f"edge_{id}_{way.target}", "condition": way.condition} for way in found.get(id, ())],
            }
            for id, title in titles.items()
        ]
    }


def edges(plan: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(source, target, condition) of every edge of a plan; UsageError where its two ends do not agree on it."""
    nodes = {n["node"]: n for n in plan["nodes"]}
    seen: set[str] = set()
    for id, node in nodes.items():
        for edge in node["output_edges"]:
            name = edge["edge"]
            target = name.removeprefix(f"edge_{id}_")
            if target == name or target not in nodes:
                raise UsageError(f"{name} should be edge_{id}_ and the id of a node; there are {', '.join(nodes)}")
            if name not in {e["edge"] for e in nodes[target]["input_edges"]}:
                raise UsageError(f"{name} leaves {id}, but is no input edge of {target}")
            seen.add(name)
            yield id, target, edge["condition"]
    if extra := {e["edge"] for n in nodes.values() for e in n["input_edges"]} - seen:
        raise UsageError(f"{sorted(extra)[0]} is an input edge that leaves no node")


def numbers(text: str) -> set[tuple[str, float]]:
    """The thresholds in a condition's words: comparison and number."""
    return {(WORDS[m["op"].lower()], float(m["number"].replace(",", ""))) for m in NUMBER.finditer(text)}


def differences(guide: Guide, plan: Mapping[str, Any]) -> list[str]:
    """Where a plan says another thing than its guide's sentences: edges of one only, and thresholds that are not the guide's."""
    said = {(id, way.target): way for id, mine in ways(guide).items() for way in mine}
    planned = {(source, target): condition for source, target, condition in edges(plan)}
    found = [f"edge_{a}_{b} is in the {where} only" for a, b in sorted(said.keys() ^ planned.keys()) for where in [_side((a, b), planned)]]
    for ends in sorted(said.keys() & planned.keys()):
        ours, theirs = numbers(said[ends].condition), numbers(planned[ends])
        if theirs and ours != theirs:
            found.append(f"edge_{ends[0]}_{ends[1]}: the guide says {_told(ours)}, the plan {_told(theirs)}")
    return found


def _side(ends: tuple[str, str], planned: Mapping[tuple[str, str], str]) -> str:
    return "plan" if ends in planned else "guide"


def _told(found: set[tuple[str, float]]) -> str:
    return ", ".join(f"{op} {number:g}" for op, number in sorted(found)) or "no number"


def graph(
    guide: Guide, incident: str, database: str, *, id: str = "stepfly", plan: Mapping[str, Any] | None = None, cap: int = CAP
) -> TaskGraph:
    """The task of carrying out a guide for an incident on a database; by its own plan, or by one given as PlanDAG."""
    chosen = plan if plan is not None else plan_dag(guide)
    conditions = list(edges(chosen))
    steps, nodes = {s.id: s for s in guide.steps}, []
    plans = _plugins(guide)
    first = next((t for s, t, _ in conditions if s == START), None)
    for entry in chosen["nodes"]:
        name = entry["node"]
        if name in (START, END):
            nodes.append(Node(name, entry["description"]))
            continue
        if name not in steps:
            raise UsageError(f"the plan has a node {name}, which the guide has not; it has {', '.join(steps)}")
        step = steps[name]
        inputs: dict[str, Any] = {"step": name, "database": database, "plugins": plans.get(name, []), **_read(step)}
        inputs["ways"] = [_way(guide, step, target, condition) for source, target, condition in conditions if source == name]
        if name == first:
            inputs |= {"collect": listed(step) or _wanted(plans), "incident": bare(incident)}
        elif plans.get(name):
            inputs["parameters"] = f"<{first}.parameters>"
        if any(way["target"] == END and not way["conditions"] for way in inputs["ways"]):
            inputs["actions"] = [{"condition": c, "advice": a, "step": _meant(c, guide, step)} for c, a in actions(step)]
        nodes.append(Node(name, entry["description"], EXECUTOR, json.loads(json.dumps(inputs)), budget=BUDGET))
    return TaskGraph(id, 1, guide.title, tuple(nodes), tuple([Edge(s, t, c) for s, t, c in conditions]), cap=cap)


def _plugins(guide: Guide) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for plugin in plugins(guide):
        found.setdefault(plugin.step_reference, []).append(asdict(plugin))
    return found


def _wanted(plans: Mapping[str, list[dict[str, Any]]]) -> list[str]:
    return list(dict.fromkeys(p["name"] for found in plans.values() for plugin in found for p in plugin["parameters"] if p["required"]))


def _read(step: Step) -> dict[str, Any]:
    """What is to be read off a step's results: ratios, findings, and which columns hold labels."""
    return {
        "ratios": [asdict(r) for r in fields.ratios(step)],
        "findings": [{"text": f.text, "predicate": f.predicate.to_json()} for f in findings(step)],
        "labelled": sorted({column for table in fields.tables(step) for column in table.labels.values()}),
    }


def _way(guide: Guide, step: Step, target: str, condition: str) -> dict[str, Any]:
    """One edge as the executor gets it: its conditions, their tests, and what the guide says to do then."""
    said = next((w for w in ways(guide)[step.id] if w.target == target), Way(target))
    if condition == ALWAYS:
        return {"target": target, "conditions": [], "predicates": [], "advice": said.advice}
    if condition == said.condition:
        predicates = [p.to_json() if p else None for p in said.predicates]
        return {"target": target, "conditions": list(said.conditions), "predicates": predicates, "advice": said.advice}
    found = compiled(condition, fields.tables(step), fields.definitions(step))
    text = OTHERWISE if found is None and _COMPLEMENT.match(condition) else condition
    return {"target": target, "conditions": [text], "predicates": [found.to_json() if found else None], "advice": said.advice}


def _meant(condition: str, guide: Guide, last: Step) -> str:
    """The step whose findings a sentence of the last step speaks of: the one whose title has most of its words; "" where none has any."""
    words = stems(condition)
    shared = [(len(words & stems(step.title)), step.id) for step in guide.steps if step is not last]
    best = max(shared, key=lambda s: s[0], default=(0, ""))
    return best[1] if best[0] else ""

"""Success of a guide's execution: the right conclusion, reached on the right path. What was cut off beside it does not matter.

With an early end, which of the parallel branches still finish is a matter of timing; so only the conclusive path is compared:
from `end` back, along edges that were taken, through nodes that finished.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clew.tasks.graph import END, Node, Outcome, Page, Stage, TaskGraph, Verdict
from clew.tasks.stepfly.guide import Guide
from clew.tasks.stepfly.plan import differences, edges


def concluded(results: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What the execution ended with: step, advice, subject, because; empty where nothing was concluded.

    `results` are outputs by node id. Where two branches concluded at once, the step that comes first in them counts.
    """
    return next((dict(outputs["conclusion"]) for outputs in results.values() if "conclusion" in outputs), {})


def path(graph: TaskGraph, step: str) -> frozenset[str]:
    """The nodes on the conclusive path of an execution that ended at a step, that step and `end` included."""
    taken = {(e.source, e.target) for e in graph.edges if e.status == "enabled"}
    status = {n.id: n.status for n in graph.nodes}
    if (step, END) not in taken:
        return frozenset()
    return frozenset(id for id in _before(step, taken) if status[id] == "finished") | {END}


def expected(plan: Mapping[str, Any], step: str) -> frozenset[str]:
    """The nodes that a plan has on the way to the end through a step."""
    return _before(step, {(source, target) for source, target, _ in edges(plan)}) | {END}


def _before(step: str, taken: set[tuple[str, str]]) -> frozenset[str]:
    found, held = set[str](), [step]
    while held:
        id = held.pop()
        if id not in found:
            found.add(id)
            held += [source for source, target in taken if target == id]
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class Concluded:
    """The verifier of an execution whose truth is known: at `plan` against the guide, at `end` against path and conclusion."""

    plan: Mapping[str, Any]
    step: str  # the one that must conclude
    subject: Sequence[str] = ()  # texts that its subject must hold; none: it must name nobody
    guide: Guide | None = None  # with it, the plan's edges and thresholds are compared with the guide's before anything runs

    def check(self, stage: Stage, node: Node | TaskGraph, before: Page | None, outcome: Outcome | None, after: Page | None) -> Verdict:
        """Blames the plan: a step did what it was told."""
        if stage == "plan" and self.guide is not None and (wrong := differences(self.guide, self.plan)):
            return Verdict(False, "divergent", reason="; ".join(wrong), blame="plan")
        if stage != "end" or not isinstance(node, TaskGraph):
            return Verdict(True, "success")
        found = concluded(outcome.outputs if outcome else {})
        if not found:
            return Verdict(False, "incomplete", reason="nothing was concluded", blame="plan")
        named = set(map(str, found["subject"].values()))
        if found["step"] != self.step or not set(self.subject) <= named or bool(named) != bool(self.subject):
            told = f"concluded at {found['step']} on {', '.join(sorted(named)) or 'nobody'}"
            return Verdict(False, "unexpected", reason=f"{told}, not at {self.step} on {', '.join(self.subject) or 'nobody'}", blame="plan")
        walked, right = path(node, self.step), expected(self.plan, self.step)
        if walked != right:
            return Verdict(False, "divergent", reason=f"the path differs at {', '.join(sorted(walked ^ right))}", blame="plan")
        return Verdict(True, "success", score=1.0)

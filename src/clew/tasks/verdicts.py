"""Verifiers that come with Clew, verifiers by name, and the check of a plan before anything runs.

A name in a node is one of these, `NAME:ARGUMENT`, a verifier given to `Tasks`, another package's, or a condition such as
`rows > 0`, which then is checked against the outputs (before: against the inputs).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from clew.errors import ClewError, NotFound, UsageError
from clew.tasks.conditions import Condition, compiled
from clew.tasks.graph import ALWAYS, PASS, Node, Outcome, Page, Stage, TaskGraph, Verdict, references
from clew.tasks.protocols import Verifier

LABELS = frozenset({"success", "no-change", "unexpected", "needs-time", "infeasible", "incomplete", "divergent", "below-target", "unsafe"})
GOOD = Verdict(True, "success")
GROUP = "clew.verifiers"


@dataclass(frozen=True, slots=True)
class Holds:
    """A condition as a verifier: over the outputs after a node, over its inputs before it. Without outputs it cannot tell, and says no."""

    condition: Condition

    def check(self, stage: Stage, node: Node | TaskGraph, before: Page | None, outcome: Outcome | None, after: Page | None) -> Verdict:
        """Bad with the condition's own words for a reason."""
        if stage == "plan":
            return GOOD
        if stage == "after" and outcome is None:
            return Verdict(False, "incomplete", reason="without its outputs it cannot be told")
        values = node.inputs if stage == "before" and isinstance(node, Node) else outcome.outputs if outcome else {}
        label = "infeasible" if stage == "before" else "below-target"
        try:
            return GOOD if self.condition.holds(values) else Verdict(False, label, reason=f"not so: {self.condition.text}")
        except UsageError as error:
            return Verdict(False, label, reason=str(error))


@dataclass(frozen=True, slots=True)
class FileThere:
    """`file:PATH`: that a file is there, and not empty. It can tell after a crash, without the outputs."""

    path: str

    def check(self, stage: Stage, node: Node | TaskGraph, before: Page | None, outcome: Outcome | None, after: Page | None) -> Verdict:
        """What it found is an output: the file's path and size in bytes."""
        if stage == "plan":
            return GOOD
        place = Path(self.path or str(node.inputs.get("path", "") if isinstance(node, Node) else ""))
        if place.is_file() and place.stat().st_size:
            return Verdict(True, "success", outputs={"path": str(place), "bytes": place.stat().st_size})
        return Verdict(False, "infeasible" if stage == "before" else "incomplete", reason=f"there is no file {place}, or it is empty")


@dataclass(frozen=True, slots=True)
class Approval:
    """`approval`: before the node runs, a person says yes. `approval:WORDS` is the question."""

    question: str

    def check(self, stage: Stage, node: Node | TaskGraph, before: Page | None, outcome: Outcome | None, after: Page | None) -> Verdict:
        """At `before` it is unsafe until somebody has approved; elsewhere it says nothing."""
        if stage != "before":
            return GOOD
        return Verdict(False, "unsafe", reason=self.question or (f"May this be done: {node.goal}" if isinstance(node, Node) else ""))


@dataclass(frozen=True, slots=True)
class Shows:
    """`shows:TEXT`: that the environment's page has these words in its title, its text or one of its elements."""

    text: str

    def check(self, stage: Stage, node: Node | TaskGraph, before: Page | None, outcome: Outcome | None, after: Page | None) -> Verdict:
        """Where the page is the same as before, nothing has changed; otherwise something else came."""
        page = before if stage == "before" else after
        if stage in ("plan", "end"):
            return GOOD
        if page is None:
            return Verdict(False, "infeasible", reason="there is no environment to look at", blame="environment")
        if any(self.text in words for words in (page.title, page.text, *(e.text for e in page.elements))):
            return GOOD
        same = stage == "after" and before is not None and before.key == page.key
        return Verdict(False, "no-change" if same else "unexpected", reason=f"{page.title!r:.80} does not show {self.text!r:.80}")


NAMED: Mapping[str, Callable[[str], Verifier]] = {"file": FileThere, "approval": Approval, "shows": Shows}


def verifier(name: str, given: Mapping[str, Verifier]) -> Verifier:
    """The verifier that a node or a task names; NotFound where it is no name, and no condition either."""
    if name in given:
        return given[name]
    base, _, argument = name.partition(":")
    if base in NAMED:
        return NAMED[base](argument)
    points = [p for p in entry_points(group=GROUP) if p.name == base]
    if points:
        return points[0].load()(argument)
    if (condition := compiled(name)) is not None:
        return Holds(condition)
    raise NotFound(f"no verifier is called {name!r}, and it is no condition; there are {', '.join(sorted({*NAMED, *given}))}")


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The first bad one; where all are good, one that holds all they read, their evidence, and the least of their scores."""
    found = list(verdicts)
    bad = next((v for v in found if not v.ok), None)
    if bad is not None:
        return bad
    scores = [v.score for v in found if v.score is not None]
    outputs: dict[str, Any] = {k: v for verdict in found for k, v in verdict.outputs.items()}
    evidence = tuple(sorted({seq for v in found for seq in v.evidence}))
    return replace(GOOD, score=min(scores, default=None), outputs=outputs, evidence=evidence)


def lint(
    graph: TaskGraph, executors: Callable[[str], Any] = lambda name: None, verifiers: Callable[[str], Any] = lambda name: None
) -> tuple[Verdict, ...]:
    """What is wrong with a plan, before anything runs; the two functions find executors and verifiers by name, or raise.

    Each verdict is infeasible, blames the plan, and says which node or edge.
    """
    problems = [*_shape(graph)]
    if not problems:
        problems = [*_circles(graph), *_inputs(graph), *_unread(graph)]
    for node in graph.nodes:
        for what, name, find in [
            ("executor", node.executor, executors),
            *[("verifier", name, verifiers) for name in (*node.before, *node.after)],
        ]:
            try:
                find(name)
            except ClewError as error:
                problems.append(f"{node.id} names the {what} {name!r}: {error}")
    for name in graph.verifiers:
        try:
            verifiers(name)
        except ClewError as error:
            problems.append(f"the task names the verifier {name!r}: {error}")
    return tuple([Verdict(False, "infeasible", reason=reason, blame="plan") for reason in problems])


def _shape(graph: TaskGraph) -> Iterable[str]:
    ids = [n.id for n in graph.nodes]
    if not ids:
        yield "it has no nodes"
    yield from (f"two nodes are called {id}" for id in sorted({id for id in ids if ids.count(id) > 1}))
    pairs = [(e.source, e.target) for e in graph.edges]
    yield from (
        f"the edge from {s} to {t} stands twice; join its conditions by or" for s, t in sorted({p for p in pairs if pairs.count(p) > 1})
    )
    for edge in graph.edges:
        for end in (edge.source, edge.target):
            if end not in ids:
                yield f"the edge from {edge.source} to {edge.target} names {end!r}, which is no node"


def _above(graph: TaskGraph) -> dict[str, set[str]]:
    """For each node, those from which edges lead to it, over any number of steps."""
    direct = {n.id: {e.source for e in graph.into(n.id)} for n in graph.nodes}
    found = {id: set(sources) for id, sources in direct.items()}
    for _ in graph.nodes:
        grown = {id: found[id].union(*[direct[s] for s in found[id]]) for id in found}
        if grown == found:
            break
        found = grown
    return found


def _circles(graph: TaskGraph) -> Iterable[str]:
    circle = [id for id, sources in _above(graph).items() if id in sources]
    if circle:
        yield f"{', '.join(circle)} wait for each other in a circle, so that none can start"


def _inputs(graph: TaskGraph) -> Iterable[str]:
    ids, above = {n.id for n in graph.nodes}, _above(graph)
    for node in graph.nodes:
        for name in sorted(references(node.inputs) & ids - above[node.id]):
            yield f"{node.id} uses what {name} gives, and no edges lead from {name} to it"
        for key, value in node.inputs.items():
            if value is None:
                yield f"{node.id} lacks a value for {key}: somebody has to give it"


def _unread(graph: TaskGraph) -> Iterable[str]:
    for edge in graph.edges:
        if graph.node(edge.source).executor == PASS and edge.condition != ALWAYS and compiled(edge.condition) is None:
            yield f"the edge from {edge.source} to {edge.target} has a condition in prose, and {edge.source} does nothing that could decide it"

"""What a task is made of: a graph of nodes and edges, what running a node gave, what a check said of it, what was seen.

Frozen values and their JSON; nothing here runs anything. The rule by which nodes fire is in `firing`, what runs and
checks them in `protocols`.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from clew.errors import UsageError

NodeStatus = Literal["pending", "running", "waiting", "finished", "failed", "skipped"]
EdgeStatus = Literal["pending", "enabled", "disabled"]
Stage = Literal["plan", "before", "after", "end"]
Blame = Literal["plan", "step", "environment"]

SETTLED = frozenset({"finished", "failed", "skipped"})  # statuses of a node that change no more
ALWAYS = "none"  # the condition of an edge that is taken whenever its source finishes
END = "end"  # the node that ends the task as soon as one edge to it is enabled
PASS = "pass"  # the executor of nodes that do nothing, where a graph begins, joins or ends: what comes in goes out
_REFERENCE = re.compile(r"<([^<>\s.]+)((?:\.[^<>\s.]+)*)>")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one node, or one task, may use; None is no limit."""

    attempts: int = 2  # runs of a node; of a task: versions of its graph
    seconds: float = 60.0  # of one attempt; of a task: of all attempts added up, without what people took to answer
    steps: int = 30  # what an executor may do within one attempt; of a task: attempts of all nodes
    tokens: int | None = None  # of models, in and out


@dataclass(frozen=True, slots=True)
class Node:
    """One step. `inputs` are literals, or texts with `<node>` or `<node.output>` where another node's outputs go."""

    id: str
    goal: str
    executor: str = PASS
    inputs: Mapping[str, Any] = field(default_factory=dict, hash=False)
    before: tuple[str, ...] = ()  # verifiers asked before it is run: by name, or conditions on `inputs`
    after: tuple[str, ...] = ()  # verifiers asked after it: by name, or conditions on its outputs
    budget: Limits = Limits()
    status: NodeStatus = "pending"


@dataclass(frozen=True, slots=True)
class Edge:
    """From one node to another, taken where its condition holds: `none`, a condition on the outputs, or prose that the executor decides."""

    source: str
    target: str
    condition: str = ALWAYS
    status: EdgeStatus = "pending"

    @property
    def name(self) -> str:
        """`edge_source_target`: what an outcome may call it, beside the id of its target."""
        return f"edge_{self.source}_{self.target}"


@dataclass(frozen=True, slots=True)
class TaskGraph:
    """One version of a plan: what is to be reached, by which nodes, in which order."""

    id: str
    version: int
    goal: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...] = ()
    limits: Limits = Limits(attempts=3, seconds=3600.0, steps=200)
    cap: int = 3  # nodes that run at once; 1 where they share one environment
    verifiers: tuple[str, ...] = ()  # of the whole: asked at `plan` and at `end`
    environment: Mapping[str, Any] = field(default_factory=dict, hash=False)  # {"name": ..., and its configuration}; empty: none
    planner: str = ""  # by name: who mends this plan; empty: nobody
    asks: bool = False  # where a node's attempts are used up and nobody mends the plan, a person is asked what to do

    def node(self, id: str) -> Node:
        """The node of that id; UsageError where there is none."""
        found = next((n for n in self.nodes if n.id == id), None)
        if found is None:
            raise UsageError(f"task {self.id} has no node {id!r}; it has {', '.join(n.id for n in self.nodes)}")
        return found

    def into(self, id: str) -> tuple[Edge, ...]:
        """The edges that lead to a node, in the graph's order."""
        return tuple([e for e in self.edges if e.target == id])

    def out_of(self, id: str) -> tuple[Edge, ...]:
        """The edges that leave a node, in the graph's order."""
        return tuple([e for e in self.edges if e.source == id])

    def with_nodes(self, nodes: Iterable[Node] = (), edges: Iterable[Edge] = ()) -> "TaskGraph":
        """The same version with these nodes and edges put in, each in place of one of the same id or ends where there is one."""
        new = {n.id: n for n in nodes}
        ends = {(e.source, e.target): e for e in edges}
        kept = [new.pop(n.id, n) for n in self.nodes]
        held = [ends.pop((e.source, e.target), e) for e in self.edges]
        return replace(self, nodes=(*kept, *new.values()), edges=(*held, *ends.values()))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run of a node gave. Outputs, events and edges hold JSON only, and large things by reference."""

    status: Literal["finished", "failed", "waiting"]
    outputs: Mapping[str, Any] = field(default_factory=dict, hash=False)  # of a waiting one: {"question": ..., "choices": [...]}
    edges: Mapping[str, bool] = field(default_factory=dict, hash=False)  # by target or name; those not named are decided by their condition
    events: tuple[Any, ...] = ()  # what happened within, to be written to the log: messages as `Clew.record` takes them
    nodes: tuple[Node, ...] = ()  # children: nodes that this one adds to the graph
    edges_new: tuple[Edge, ...] = ()
    why: str = ""  # where it failed: what happened, in one sentence
    tokens: int = 0  # of models, in and out
    steps: int = 1  # of the executor


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check said. `blame` selects what follows a bad one: plan: plan anew; step: try again; environment: reset it first."""

    ok: bool
    label: str  # one of verdicts.LABELS
    score: float | None = None
    reason: str = ""
    blame: Blame | None = None  # None with ok False: a step
    evidence: tuple[int, ...] = ()  # places of events in the log
    outputs: Mapping[str, Any] = field(
        default_factory=dict, hash=False
    )  # what the check read itself: stands in for outputs lost in a crash


@dataclass(frozen=True, slots=True)
class Element:
    """One thing on a page that can be read or acted on."""

    id: str  # of this page, as an action names it
    kind: str  # button, checkbox, input, select, text, scroller, ...
    text: str
    checked: bool | None = None
    value: str = ""  # what an input holds
    box: tuple[float, float, float, float] | None = None  # left, top, width, height in pixels


@dataclass(frozen=True, slots=True)
class Page:
    """What an environment shows: a browser's page, a text world's room, a workspace."""

    key: str  # the same for the same place: how pages met again are known
    title: str
    elements: tuple[Element, ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """One act in an environment: click, type, select, go, say, ..., on an element where it needs one."""

    kind: str
    element: str = ""  # an Element's id
    text: str = ""


def resolved(value: Any, results: Mapping[str, Mapping[str, Any]]) -> Any:
    """An input with every `<node>` and `<node.output>` replaced by what that node gave; a reference alone keeps its type.

    UsageError where the node has no such output; what looks like a reference and names no node is left as it stands.
    """
    if isinstance(value, Mapping):
        return {k: resolved(v, results) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [resolved(v, results) for v in value]
    if not isinstance(value, str):
        return value
    if (whole := _REFERENCE.fullmatch(value)) and whole[1] in results:
        return _read(whole, results)
    return _REFERENCE.sub(lambda m: _text(_read(m, results)) if m[1] in results else m[0], value)


def references(value: Any) -> set[str]:
    """What the references in an input name: the ids of nodes, where such nodes exist."""
    if isinstance(value, Mapping):
        return {name for v in value.values() for name in references(v)}
    if isinstance(value, (list, tuple)):
        return {name for v in value for name in references(v)}
    return {m[1] for m in _REFERENCE.finditer(value)} if isinstance(value, str) else set()


def _read(match: re.Match[str], results: Mapping[str, Mapping[str, Any]]) -> Any:
    found: Any = results[match[1]]
    for part in match[2].split(".")[1:]:
        if isinstance(found, list) and part.isdigit() and int(part) < len(found):
            found = found[int(part)]
        elif isinstance(found, Mapping) and part in found:
            found = found[part]
        else:
            have = ", ".join(found) if isinstance(found, Mapping) else type(found).__name__
            raise UsageError(f"{match[0]}: there is no output {part!r} of {match[1]}; it has {have or 'none'}")
    return found


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def content(graph: TaskGraph, id: str, path: tuple[str, ...] = ()) -> str:
    """Sixteen hex digits of a node: its goal, executor, inputs and after-checks, and those of the nodes that its inputs name.

    Nodes of two versions with the same digits are the same work: what one gave, the other need not do again.
    """
    node, known = graph.node(id), {n.id for n in graph.nodes}
    named = sorted(references(node.inputs) & known - {id, *path})
    below = [[r, content(graph, r, (*path, id))] for r in named]
    packed = [node.goal, node.executor, node.inputs, list(node.after), below]
    return hashlib.sha256(json.dumps(packed, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:16]

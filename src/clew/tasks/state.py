"""The state of a task: a pure fold over its events. Whoever can read the log can tell how it stands, without any runtime."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from clew.errors import NotFound, UsageError
from clew.tasks.files import edge_of, graph_of, node_of
from clew.tasks.firing import BUSY, choices, marked, ready, settled, skipping, started
from clew.tasks.graph import SETTLED, Node, Outcome, TaskGraph, content
from clew.types import TRUST, Event

Status = Literal["running", "waiting", "finished", "failed", "cancelled"]
OVER = frozenset({"finished", "failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class Question:
    """What a person is asked for a node; `decide` where its attempts are used up, and the answer is retry, accept, skip or fail."""

    node: str
    attempt: int
    turn: int  # of the attempt: how often it has asked before
    text: str
    choices: tuple[str, ...] = ()
    decide: bool = False
    seq: int = 0  # place of the question in the log


@dataclass(frozen=True, slots=True)
class TaskState:
    """How a task stands after some of its events."""

    graph: TaskGraph  # the newest version, with statuses
    status: Status = "running"
    why: str = ""
    results: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # outputs of finished nodes
    taken: Mapping[str, Mapping[str, bool]] = field(default_factory=dict)  # of finished nodes, by target: whether the edge was taken
    attempts: Mapping[str, int] = field(default_factory=dict)  # begun so far in this version
    turns: Mapping[str, int] = field(default_factory=dict)  # of nodes that were answered and go on: the turn to run
    asked: Mapping[str, Question] = field(default_factory=dict)  # what waits for a person, by node
    replies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # by node: the newest answer
    outcomes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # by node: the newest outcome event's body
    verdicts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # by node: the newest verdict event's body
    done: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # by content: results that later versions keep
    acts: tuple[Mapping[str, Any], ...] = ()  # in the environment, of nodes that finished, in order: {"action": ..., "page": ...}
    steps: int = 0  # attempts begun
    seconds: float = 0.0
    tokens: int = 0
    kept: tuple[str, ...] = ()  # nodes whose results came from an earlier version
    replan: bool = False  # a verdict blamed the plan
    seq: int = 0  # the newest event folded

    @property
    def id(self) -> str:
        """The task's."""
        return self.graph.id

    @property
    def version(self) -> int:
        """Of its graph."""
        return self.graph.version

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return self.status in OVER

    def next_run(self, id: str) -> tuple[int, int]:
        """(attempt, turn) of a node that is about to run."""
        return (self.attempts[id], self.turns[id]) if id in self.turns else (self.attempts.get(id, 0) + 1, 0)

    def exhausted(self, begun: int | None = None) -> str:
        """Which budget of the task is used up, in words; "" while there is some left. `begun` attempts, with those still running."""
        limits = self.graph.limits
        for used, limit, unit in (
            (self.steps if begun is None else begun, limits.steps, "attempts"),
            (self.seconds, limits.seconds, "seconds"),
            (self.tokens, limits.tokens, "tokens"),
        ):
            if limit is not None and used >= limit:
                return f"the budget of {limit:g} {unit} is used up"
        return ""


def fold(events: Iterable[Event]) -> TaskState:
    """The state after these events of one task, in order; NotFound where none is a plan."""
    state: TaskState | None = None
    for event in events:
        state = applied(state, event)
    if state is None:
        raise NotFound("there is no such task, or its plan was forgotten")
    return state


def applied(state: TaskState | None, event: Event) -> TaskState | None:
    """The state after one more event. Forgotten events, and what comes after a task is over, change nothing."""
    body = event.body if isinstance(event.body, Mapping) else {}
    if body.get("do") == "plan":
        return _planned(state, body, event)
    if state is None or state.over or body.get("version", state.version) != state.version:
        return state
    rule = _RULES.get(body.get("do", ""))
    found = state if rule is None else rule(state, body, event)
    return replace(found, seq=max(found.seq, event.seq), status=found.status if found.over else _standing(found.graph))


def _standing(graph: TaskGraph) -> Status:
    busy = {n.status for n in graph.nodes}
    return "waiting" if "waiting" in busy and "running" not in busy and not ready(graph) else "running"


def _planned(state: TaskState | None, body: Mapping[str, Any], event: Event) -> TaskState:
    graph = graph_of(body["graph"])
    if state is None:
        return TaskState(skipping(graph), seq=event.seq)
    if graph.version <= state.version or state.over:
        return state
    results, taken, kept = {}, {}, []
    for node in graph.nodes:
        old = state.done.get(content(graph, node.id))
        edges = None if old is None else _kept(graph, node, old)
        if old is not None and edges is not None:
            results[node.id], taken[node.id] = old["outputs"], edges
            graph = settled(graph, node.id, "finished", edges)
            kept.append(node.id)
    return TaskState(
        skipping(graph),
        results=results,
        taken=taken,
        done=state.done,
        acts=state.acts,
        steps=state.steps,
        seconds=state.seconds,
        tokens=state.tokens,
        kept=tuple(kept),
        seq=event.seq,
    )


def _kept(graph: TaskGraph, node: Node, old: Mapping[str, Any]) -> dict[str, bool] | None:
    """Which edges out of a node with an old result are taken; None where that cannot be told without running it."""
    edges = {e.target: e.condition for e in graph.out_of(node.id)}
    known = {target: taken for target, taken in old["taken"].items() if old["conditions"].get(target) == edges.get(target)}
    try:
        return choices(graph, node.id, Outcome("finished", old["outputs"], {t: v for t, v in known.items() if t in edges}))
    except UsageError:
        return None


def _begun(state: TaskState, body: Mapping[str, Any], event: Event) -> TaskState:
    id, attempt, first = body["node"], body["attempt"], not body.get("turn")
    return replace(
        state,
        graph=started(state.graph, id),
        attempts={**state.attempts, id: attempt},
        turns={k: v for k, v in state.turns.items() if k != id},
        steps=state.steps + first,
    )


def _ended(state: TaskState, body: Mapping[str, Any], event: Event) -> TaskState:
    return replace(
        state,
        outcomes={**state.outcomes, body["node"]: body},
        seconds=round(state.seconds + body.get("seconds", 0.0), 6),
        tokens=state.tokens + body.get("tokens", 0),
    )


def _judged(state: TaskState, body: Mapping[str, Any], event: Event) -> TaskState:
    id, then = body["node"], body["then"]
    state = replace(state, verdicts={**state.verdicts, id: body})
    if state.graph.node(id).status not in BUSY:
        return state  # it was cut off by `end`
    if then == "finish":
        return _finished(state, id, body)
    if then in ("retry", "reset"):
        return replace(state, graph=marked(state.graph, id, "pending"))
    if then == "ask":
        return state  # the question follows
    return replace(state, graph=settled(state.graph, id, "failed"), replan=state.replan or then == "replan")


def _finished(state: TaskState, id: str, body: Mapping[str, Any]) -> TaskState:
    gave = state.outcomes.get(id, {})
    outputs = {**body.get("outputs", {}), **gave.get("outputs", {})}  # a check's own reading stands in for outputs lost in a crash
    graph = state.graph.with_nodes([node_of(n) for n in gave.get("nodes", ())], [edge_of(e) for e in gave.get("edges_new", ())])
    taken = dict(body.get("taken", {}))
    conditions = {e.target: e.condition for e in graph.out_of(id)}
    return replace(
        state,
        graph=settled(graph, id, "finished", taken),
        results={**state.results, id: outputs},
        taken={**state.taken, id: taken},
        done={**state.done, content(graph, id): {"outputs": outputs, "taken": taken, "conditions": conditions}},
        acts=(*state.acts, *gave.get("acts", ())),
    )


def _asking(state: TaskState, body: Mapping[str, Any], event: Event) -> TaskState:
    id = body["node"]
    if state.graph.node(id).status in SETTLED:
        return state
    question = Question(
        id, body["attempt"], body["turn"], body["question"], tuple(body.get("choices", ())), body.get("decide", False), event.seq
    )
    return replace(state, graph=marked(state.graph, id, "waiting"), asked={**state.asked, id: question})


def _replied(state: TaskState, body: Mapping[str, Any], event: Event) -> TaskState:
    id, question = body["node"], state.asked.get(body["node"])
    if event.trust < TRUST["user"]:  # tools and pages approve nothing
        return state
    if question is None or (question.attempt, question.turn) != (body["attempt"], body["turn"]):
        return state
    answer = body["reply"]
    state = replace(
        state, asked={k: v for k, v in state.asked.items() if k != id}, replies={**state.replies, id: {**answer, "by": event.actor}}
    )
    if state.graph.node(id).status in SETTLED:
        return state
    if not question.decide:
        return replace(state, graph=marked(state.graph, id, "pending"), turns={**state.turns, id: question.turn + 1})
    match answer.get("answer"):
        case "accept":
            return _finished(state, id, state.verdicts.get(id, {}))
        case "skip":
            return replace(state, graph=settled(state.graph, id, "skipped"))
        case "fail":
            return replace(state, graph=settled(state.graph, id, "failed"))
    return replace(state, graph=marked(state.graph, id, "pending"))


def _closed(state: TaskState, body: Mapping[str, Any], event: Event) -> TaskState:
    return replace(state, status=body["status"], why=body.get("why", ""))


_RULES = {"begin": _begun, "outcome": _ended, "verdict": _judged, "ask": _asking, "reply": _replied, "status": _closed}

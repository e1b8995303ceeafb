"""One attempt at one node: before-check, execute, after-check, each written to the log before the next begins.

Each part is found again by its key after a crash. An act that had begun and left no outcome is not repeated where its
after-check already holds: only the world can tell whether it was done.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from contextvars import copy_context
from dataclasses import asdict, replace
from time import monotonic, sleep
from typing import Any, TypeVar

from clew.errors import ClewError, UsageError
from clew.tasks.crew import Crew, World
from clew.tasks.files import edge_json, edge_of, node_json, node_of, verdict_json, verdict_of
from clew.tasks.firing import choices
from clew.tasks.graph import SETTLED, Node, Outcome, Page, Stage, TaskGraph, Verdict, resolved
from clew.tasks.protocols import Job, Runtime, Verifier
from clew.tasks.state import TaskState
from clew.tasks.verdicts import worst

T = TypeVar("T")
APPROVE = ("approve", "deny")
DECIDE = ("retry", "accept", "skip", "fail")
STOPPED = 0.2  # seconds after which an executor that was cancelled is left to itself
PATIENCE = (0.1, 0.3, 1.0, 3.0)  # seconds before an after-check that said needs-time is asked again


def run_key(task: str, version: int, node: str, attempt: int, turn: int = 0) -> str:
    """What a run of a node is called, in the runtime and in the log: graph:version:node:attempt, and its turn after an answer."""
    return f"{task}:{version}:{node}:{attempt}" + (f":{turn}" if turn else "")


def attempt(runtime: Runtime, crew: Crew, task: str, version: int, id: str, number: int, turn: int) -> list[int]:
    """Carry out one turn of one attempt; the places of its events in the log, in order."""
    run = _Run(crew, task, version, id, number, turn)
    places = runtime.step("act", run.act)
    if not places:
        return []
    begun, ended = places
    question = run.question(ended)
    if question is not None:
        return [begun, ended, runtime.append(question, f"{run.key}:ask")]
    if crew.stopped(run.key):  # what hurried home when it was told to stop has not finished: `end` skips it
        return [begun, ended]
    judged = runtime.step("judge", lambda: run.judge(ended))
    if run.body(judged)["then"] == "ask":
        return [begun, ended, judged, runtime.append(run.decision(judged), f"{run.key}:ask")]
    return [begun, ended, judged]


class _Run:
    def __init__(self, crew: Crew, task: str, version: int, id: str, number: int, turn: int) -> None:
        self.crew, self.ledger = crew, crew.ledger(task)
        self.task, self.version, self.id, self.number, self.turn = task, version, id, number, turn
        self.key = run_key(task, version, id, number, turn)

    def said(self, do: str, words: str, **more: Any) -> dict[str, Any]:
        body = {"content": words, "task": self.task, "do": do, "version": self.version, "node": self.id, "attempt": self.number}
        return {**body, **({"turn": self.turn} if self.turn or do == "ask" else {}), **more}

    def body(self, seq: int) -> Mapping[str, Any]:
        body = self.ledger.at(seq).body
        return body if isinstance(body, Mapping) else {}  # forgotten meanwhile

    # -- act ----------------------------------------------------------------------------------------------------

    def act(self) -> list[int]:
        """Begin, and carry it out: the places of the two events. What has an outcome is not run again, what `end` cut off neither."""
        begun, ended = self.ledger.under(f"{self.key}:begin"), self.ledger.under(f"{self.key}:outcome")
        if begun is not None and ended is not None:
            return [begun.seq, ended.seq]
        again = begun is not None
        state = self.ledger.look()
        if state.over or state.graph.node(self.id).status in SETTLED:
            return []
        begun = begun or self.ledger.append(self.said("begin", f"{self.id}: begun"), f"{self.key}:begin")
        started = monotonic()
        found, problem = attempted(lambda: self._outcome(state, again))
        outcome, more = found or (Outcome("failed", why=problem), {"blame": "environment"})
        told = {
            "status": outcome.status,
            "outputs": dict(outcome.outputs),
            **({"edges": dict(outcome.edges)} if outcome.edges else {}),
            **({"nodes": [node_json(n) for n in outcome.nodes]} if outcome.nodes else {}),
            **({"edges_new": [edge_json(e) for e in outcome.edges_new]} if outcome.edges_new else {}),
            **({"why": outcome.why} if outcome.why else {}),
            **({"tokens": outcome.tokens} if outcome.tokens else {}),
            **({"acts": acts} if (acts := _acts(outcome.events)) else {}),
            **more,
            "steps": outcome.steps,
            "seconds": round(monotonic() - started, 6),
        }
        words = f"{self.id}: {outcome.status}" + (f", {outcome.why}" if outcome.why else "")
        return [begun.seq, self.ledger.append(self.said("outcome", words, **told), f"{self.key}:outcome", within=outcome.events).seq]

    def _outcome(self, state: TaskState, again: bool) -> tuple[Outcome, dict[str, Any]]:
        """What running gave, and what is to be noted beside it."""
        node = state.graph.node(self.id)
        try:
            node = replace(node, inputs={k: resolved(v, state.results) for k, v in node.inputs.items()})
            world = self.crew.world(state.graph)
        except ClewError as error:
            return Outcome("failed", why=str(error)), {"blame": "plan"}
        last = state.verdicts.get(self.id, {})
        page: dict[str, Any] = {}
        before = None
        if world is not None:
            arrived, diverged = world.arrive(state, last.get("then") == "reset")
            if not arrived.ok:
                return Outcome("failed", why=arrived.reason), {"blame": "environment"}
            try:
                before = world.environment.observe()
            except ClewError as error:  # a browser that died, a page that is gone
                return Outcome("failed", why=str(error)), {"blame": "environment"}
            page = {"before": asdict(before), **({"diverged": diverged} if diverged else {})}
        if again:
            held = self._checked("after", node, None, before, None, node.after) if node.after else Verdict(False, "incomplete")
            if held.ok:  # the crash came after the act: it stands, and is not done again
                return Outcome("finished", held.outputs, why="it was done already when this run began"), {"recovered": True, **page}
        if not self.turn:
            verdict = self._checked("before", node, before, None, None, node.before)
            if verdict.label == "unsafe":
                return Outcome("waiting", {"question": verdict.reason, "choices": list(APPROVE)}), {"gate": True, **page}
            if not verdict.ok:
                return Outcome("failed", why=verdict.reason), {"verdict": verdict_json(verdict), **page}
        reply = state.replies.get(self.id) if self.turn else None
        if reply and self._gated() and reply.get("answer") != "approve":
            return Outcome("failed", why=f"it was not approved: {reply.get('answer')}"), {"denied": True, **page}
        return self._executed(node, state, world, reply), page

    def _gated(self) -> bool:
        asked = self.ledger.under(f"{run_key(self.task, self.version, self.id, self.number, self.turn - 1)}:outcome")
        return asked is not None and bool((asked.body or {}).get("gate"))

    def _executed(self, node: Node, state: TaskState, world: World | None, reply: Mapping[str, Any] | None) -> Outcome:
        last = state.verdicts.get(self.id)
        job = Job(
            self.crew.clew,
            state.graph,
            self.number,
            state.results,
            None if reply is None or self._gated() else reply,
            verdict_of(last["verdicts"][0]) if last and last.get("verdicts") else None,
            None if world is None else world.environment,
            self.crew.user,
            self.task,
            lambda: self.crew.stopped(self.key),
        )
        return within(node.budget.seconds, lambda: self.crew.executor(node.executor).run(node, job), job.cancelled)

    # -- judge --------------------------------------------------------------------------------------------------

    def judge(self, ended: int) -> int:
        """Check what it gave and say what follows; the place of that event."""
        found = self.ledger.under(f"{self.key}:verdict")
        if found is not None:
            return found.seq
        state, gave = self.ledger.look(), self.body(ended)
        node = state.graph.node(self.id)
        try:  # as the executor had them
            node = replace(node, inputs={k: resolved(v, state.results) for k, v in node.inputs.items()})
        except ClewError as error:
            gave = {**gave, "status": "failed", "why": str(error), "blame": "plan"}
        outcome = Outcome(
            gave.get("status", "failed"),
            gave.get("outputs", {}),
            gave.get("edges", {}),
            (),
            tuple([node_of(n) for n in gave.get("nodes", ())]),
            tuple([edge_of(e) for e in gave.get("edges_new", ())]),
            gave.get("why", ""),
            gave.get("tokens", 0),
            gave.get("steps", 1),
        )
        verdict = self._verdict(node, state, outcome, gave)
        taken: dict[str, bool] = {}
        if verdict.ok:
            grown = state.graph.with_nodes(outcome.nodes, outcome.edges_new)
            try:
                taken = choices(grown, self.id, replace(outcome, outputs={**verdict.outputs, **outcome.outputs}))
            except UsageError as error:
                verdict = Verdict(False, "incomplete", reason=str(error), blame="step")
            if outcome.nodes and (wrong := self.crew.lint(grown)):
                verdict = replace(wrong[0], blame="step", reason=f"the nodes that it adds are wrong: {wrong[0].reason}")
        verdict = replace(verdict, evidence=verdict.evidence or (ended,))
        then = "finish" if verdict.ok else self._then(state.graph, node, verdict, bool(gave.get("denied")))
        told = {"then": then, "verdicts": [verdict_json(verdict)], **({"taken": taken} if taken else {})}
        if verdict.outputs:
            told["outputs"] = dict(verdict.outputs)
        words = f"{self.id}: {verdict.label}" + (f", {verdict.reason}" if verdict.reason else "")
        return self.ledger.append(self.said("verdict", words, **told), f"{self.key}:verdict").seq

    def _verdict(self, node: Node, state: TaskState, outcome: Outcome, gave: Mapping[str, Any]) -> Verdict:
        if "verdict" in gave:
            return verdict_of(gave["verdict"])
        if outcome.status != "finished":
            return Verdict(False, "incomplete", reason=outcome.why, blame=gave.get("blame", "step"))
        budget = node.budget
        if budget.tokens is not None and outcome.tokens > budget.tokens:
            return Verdict(False, "incomplete", reason=f"it used {outcome.tokens} tokens of {budget.tokens}", blame="step")
        if outcome.steps > budget.steps:
            return Verdict(False, "incomplete", reason=f"it took {outcome.steps} steps of {budget.steps}", blame="step")
        if gave.get("recovered"):
            return Verdict(True, "success", reason=outcome.why, outputs=outcome.outputs)
        world = self.crew.world(state.graph)
        try:
            after = None if world is None else world.environment.observe()
        except ClewError as error:
            return Verdict(False, "divergent", reason=str(error), blame="environment")
        return self._checked("after", node, _page(gave.get("before")), after, outcome, node.after)

    def _checked(
        self, stage: Stage, node: Node, before: Page | None, after: Page | None, outcome: Outcome | None, names: Sequence[str]
    ) -> Verdict:
        found: list[Verdict] = []
        for name in names:
            verdict, problem = attempted(lambda name=name: patient(self.crew.verifier(name), stage, node, before, outcome, after))
            found.append(verdict or Verdict(False, "incomplete", reason=f"{name}: {problem}"))  # what cannot be checked is not let pass
        return worst(found)

    def _then(self, graph: TaskGraph, node: Node, verdict: Verdict, denied: bool) -> str:
        mended = bool(graph.planner) and graph.version < graph.limits.attempts
        if denied:
            return "replan" if mended else "fail"
        if verdict.blame == "plan":
            return "replan" if mended else "ask" if graph.asks else "fail"
        if self.number < node.budget.attempts and verdict.label != "unsafe":
            return "reset" if verdict.blame == "environment" else "retry"
        return "replan" if mended else "ask" if graph.asks else "fail"

    # -- ask ----------------------------------------------------------------------------------------------------

    def question(self, ended: int) -> dict[str, Any] | None:
        """What a person is to be asked before this node can go on; None where it needs nobody."""
        gave = self.body(ended)
        if gave.get("status") != "waiting":
            return None
        outputs = gave.get("outputs", {})
        text = str(outputs.get("question") or self.ledger.look().graph.node(self.id).goal)
        options = {"choices": list(outputs["choices"])} if outputs.get("choices") else {}
        return {**self.said("ask", f"{self.id} asks: {text}"), "question": text, **options}

    def decision(self, judged: int) -> dict[str, Any]:
        """What a person is asked where attempts are used up."""
        verdict = self.body(judged).get("verdicts", [{}])[0]
        text = f"{self.id} failed {self.number} times: {verdict.get('reason') or verdict.get('label')}. What now?"
        return {**self.said("ask", text), "question": text, "choices": list(DECIDE), "decide": True}


def patient(verifier: Verifier, stage: Stage, node: Node, before: Page | None, outcome: Outcome | None, after: Page | None) -> Verdict:
    """What the verifier says, asked again a few times where it says that it needs time."""
    verdict = verifier.check(stage, node, before, outcome, after)
    for seconds in PATIENCE:
        if verdict.ok or verdict.label != "needs-time":
            break
        sleep(seconds)
        verdict = verifier.check(stage, node, before, outcome, after)
    return verdict


def within(seconds: float, run: Callable[[], Outcome], stopped: Callable[[], bool] = lambda: False) -> Outcome:
    """What an executor gives within its time. What it raises, running out of time and being stopped are failed attempts.

    A thread cannot be stopped: one that is too late is left to itself, and what it gives is not used.
    """
    found: list[tuple[Outcome | None, str]] = []
    thread = threading.Thread(target=copy_context().run, args=(lambda: found.append(attempted(run)),), daemon=True)
    thread.start()
    until = monotonic() + seconds
    while thread.is_alive() and (left := until - monotonic()) > 0 and not stopped():
        thread.join(min(left, STOPPED))
    outcome, problem = found[0] if found else (None, "it was stopped" if stopped() else f"it took longer than {seconds:g} seconds")
    if outcome is not None and not isinstance(outcome, Outcome):
        return Outcome("failed", why=f"it gave no outcome but {outcome!r:.80}")
    return outcome or Outcome("failed", why=problem or "it gave no outcome")


def attempted(run: Callable[[], T]) -> tuple[T | None, str]:
    """What it gives, or what it raised in words: one node's executor and checks are other people's code, and fail alone."""
    try:
        return run(), ""
    except Exception as error:  # noqa: BLE001 - written down as a failed attempt at this node
        return None, f"{type(error).__name__}: {error}"


def _acts(events: Sequence[Any]) -> list[dict[str, Any]]:
    found = [e["data"] for e in events if isinstance(e, Mapping) and isinstance(e.get("data"), Mapping)]
    return [{k: data[k] for k in ("action", "page") if k in data} for data in found if "action" in data]


def _page(value: Mapping[str, Any] | None) -> Page | None:
    if value is None:
        return None
    return Page(value["key"], value["title"], (), value.get("text", ""))

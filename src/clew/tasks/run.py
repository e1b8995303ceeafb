"""Carrying a task through: the loop that fires nodes until nothing is left, and how it ends."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from clew.tasks.attempt import attempt, attempted, run_key
from clew.tasks.crew import Crew
from clew.tasks.files import graph_json, verdict_of
from clew.tasks.firing import ready, started
from clew.tasks.graph import END, Outcome, TaskGraph, Verdict
from clew.tasks.protocols import Runtime
from clew.tasks.state import TaskState, applied
from clew.tasks.verdicts import worst

TASK, ATTEMPT, REPLY = "task", "attempt", "reply"  # the work there is, by name


def works(crew: Crew) -> dict[str, Any]:
    """What a runtime carries, by name, for this crew."""
    return {
        TASK: lambda runtime, task, version: drive(runtime, crew, task, version),
        ATTEMPT: lambda runtime, *run: attempt(runtime, crew, *run),
        REPLY: lambda runtime, task, key: runtime.step("look", lambda: answer(crew, task, key)) or runtime.pause(key),
    }


def answer(crew: Crew, task: str, key: str) -> int:
    """The place of the answer to a question that stands in the log under that key; 0 where nobody has answered."""
    found = crew.ledger(task).under(key)
    return 0 if found is None else found.seq


def drive(runtime: Runtime, crew: Crew, task: str, version: int) -> dict[str, Any]:
    """Carry one version of a task until it is over, waits for people only, or is to be followed by another version.

    What is decided here rests on the plan and on what spawned work gave, in the order it was waited for: the same again
    when it is carried on after a crash.
    """
    loop = _Loop(runtime, crew, crew.ledger(task).at_plan(version))
    while True:
        loop.run()
        end = loop.finish()
        if end is not None:
            return end


class _Loop:
    def __init__(self, runtime: Runtime, crew: Crew, state: TaskState) -> None:
        self.runtime, self.crew, self.state = runtime, crew, state
        self.ledger = crew.ledger(state.id)
        self.running: dict[str, tuple[str, str]] = {}  # id -> (work, node)
        self.left: set[str] = set()  # questions that nobody has answered yet, and this runtime does not wait for
        self.begun = state.steps  # attempts, with those that still run

    def run(self) -> None:
        """Until nothing runs and nothing can start."""
        self.fire()
        while self.running:
            ended = self.runtime.wait_any(list(self.running))
            if ended is not None:
                self.take(*ended)
            self.fire()

    def fire(self) -> None:
        """Start what may start, up to the cap; listen for the answers that are waited for."""
        state = self.state
        if not state.replan and not state.over:
            for node in ready(state.graph):
                busy = sum(work == ATTEMPT for work, _ in self.running.values())
                if (node.id != END and busy >= state.graph.cap) or state.exhausted(self.begun):
                    break
                if node.id == END:
                    self._stop_all()
                self._begin(node.id)
        for question in () if self.state.replan else self.state.asked.values():
            id = f"{run_key(state.id, state.version, question.node, question.attempt, question.turn)}:reply"
            if id not in self.running and id not in self.left:
                self.running[self.runtime.spawn(id, REPLY, state.id, id)] = (REPLY, question.node)

    def _begin(self, node: str) -> None:
        state = self.state
        number, turn = state.next_run(node)
        self.begun += not turn
        id = run_key(state.id, state.version, node, number, turn)
        self.running[self.runtime.spawn(id, ATTEMPT, state.id, state.version, node, number, turn)] = (ATTEMPT, node)
        self.state = replace(state, graph=started(state.graph, node))

    def _stop_all(self) -> None:
        for id in self.running:
            self.crew.stop(id)
            self.runtime.cancel(id)
        self.running = {}

    def take(self, id: str, gave: Any) -> None:
        """What some work gave, taken into the state: an attempt's events, or the answer that was waited for."""
        work, _ = self.running.pop(id)
        if work == REPLY and gave is None:
            self.left.add(id)
        for seq in gave if isinstance(gave, list) else [] if gave is None else [gave]:
            self.state = applied(self.state, self.ledger.at(seq)) or self.state
        if self.state.replan:
            for other, (kind, _) in list(self.running.items()):
                if kind == REPLY:
                    self.runtime.cancel(other)
                    self.running.pop(other)

    # -- how it ends --------------------------------------------------------------------------------------------

    def finish(self) -> dict[str, Any] | None:
        """What follows: the next version, people's answers, or the end, with its checks; None where it goes on after all."""
        state = self.state
        if state.replan:
            verdicts = [verdict_of(v) for body in state.verdicts.values() if body["then"] == "replan" for v in body["verdicts"]]
            self.state = replace(state, replan=False)  # without a better plan, what does not rest on the failed node goes on
            return self._revised(verdicts)
        if state.asked and not state.exhausted():
            return {"status": "waiting"}
        status, why = ending(state)
        if status == "finished" and state.graph.verifiers:
            verdict = self.runtime.step("end", lambda: self._end_check())
            if not verdict["ok"]:
                found = self._revised([verdict_of(verdict)])
                if found is not None:
                    return found
                status, why = "failed", verdict["reason"] or verdict["label"]
        return self._close(status, why)

    def _end_check(self) -> dict[str, Any]:
        graph, found = self.state.graph, []
        world = self.crew.world(graph)
        page = None if world is None else world.environment.observe()
        outcome = Outcome("finished", dict(self.state.results))
        for name in graph.verifiers:
            verdict, problem = attempted(lambda name=name: self.crew.verifier(name).check("end", graph, None, outcome, page))
            found.append(verdict or Verdict(False, "incomplete", reason=f"{name}: {problem}"))
        verdict = worst(found)
        return {"ok": verdict.ok, "label": verdict.label, "reason": verdict.reason, "blame": "plan"}

    def _revised(self, verdicts: Sequence[Verdict]) -> dict[str, Any] | None:
        """Write the next version of the plan and say which; None where there is no planner, no budget, or no better plan."""
        graph = self.state.graph
        if not graph.planner or graph.version >= graph.limits.attempts:
            return None
        version = self.runtime.step("revise", lambda: self._revise(graph, verdicts))
        return {"status": "revised", "version": version} if version else None

    def _revise(self, graph: TaskGraph, verdicts: Sequence[Verdict]) -> int:
        key = plan_key(graph.id, graph.version + 1)
        if self.ledger.under(key) is not None:
            return graph.version + 1
        planner = self.crew.planner(graph.planner)
        made, _ = attempted(lambda: planner.revise(graph, verdicts)) if planner is not None else (None, "")
        if made is None or made.version == graph.version:
            return 0
        plan = replace(made, id=graph.id, version=graph.version + 1, planner=graph.planner)
        if self.crew.lint(plan):
            return 0
        self.ledger.append(plan_event(plan), key)
        return plan.version

    def _close(self, status: str, why: str) -> dict[str, Any]:
        state = self.state
        key = f"{state.id}:{state.version}:end"
        body = {"content": f"task {status}: {state.graph.goal}" + (f" ({why})" if why else ""), "task": state.id, "do": "status"}
        self.runtime.append({**body, "version": state.version, "status": status, **({"why": why} if why else {})}, key)
        return {"status": status, "why": why}


def ending(state: TaskState) -> tuple[str, str]:
    """(finished or failed, why) of a task in which nothing runs and nothing can start."""
    graph, over = state.graph, state.exhausted()
    failed = [n.id for n in graph.nodes if n.status == "failed"]
    undone = [n.id for n in graph.nodes if n.status in ("pending", "waiting")]
    last = next((n for n in graph.nodes if n.id == END), None)
    if last is not None and last.status == "finished":
        return "finished", ""
    if over and undone:
        return "failed", over
    if failed:
        reason = (state.verdicts.get(failed[0], {}).get("verdicts") or [{}])[0].get("reason", "")
        return "failed", f"{failed[0]} failed" + (f": {reason}" if reason else "")
    if undone:
        return "failed", f"{', '.join(undone)} can never start"
    if last is not None:
        return "failed", "no way led to the end"
    return "finished", ""


def plan_key(task: str, version: int) -> str:
    """Under which key a version of a plan stands in the log."""
    return f"{task}:{version}:plan"


def plan_event(graph: TaskGraph) -> dict[str, Any]:
    """A version of a plan as an event."""
    return {
        "content": f"plan {graph.version}: {graph.goal}",
        "task": graph.id,
        "do": "plan",
        "version": graph.version,
        "graph": graph_json(graph),
    }

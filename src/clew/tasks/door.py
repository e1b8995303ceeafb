"""Tasks, the door to them: run, show, approve, cancel, resume."""

import importlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from clew.engine import Clew
from clew.errors import NotFound, StorageBusy, UsageError
from clew.tasks.attempt import run_key
from clew.tasks.crew import Crew
from clew.tasks.files import ID, fresh
from clew.tasks.graph import TaskGraph
from clew.tasks.ledger import Hold, folder, read
from clew.tasks.protocols import Environment, Executor, Planner, Verifier
from clew.tasks.run import TASK, plan_event, plan_key, works
from clew.tasks.runtime_inline import Inline
from clew.tasks.state import Question, TaskState, fold
from clew.types import TRUST, Event, Hit

LOOK = 0.1  # seconds between two looks at the log while a task runs
RUNTIMES = ("inline", "dbos")
Watch = Callable[[TaskState], object]


class Tasks:
    """The tasks of one memory. What is given by name stands before what is installed; the log alone knows how a task stands.

    `runtime="dbos"` (extra `[tasks]`) keeps waiting for people while other work goes on, and goes on by itself after a crash;
    `inline` ends where only people are waited for. `resume` carries on under either, whichever it was begun under.
    """

    def __init__(
        self,
        clew: Clew,
        *,
        user: str | None = None,
        executors: Mapping[str, Executor] | None = None,
        verifiers: Mapping[str, Verifier] | None = None,
        environments: Mapping[str, Callable[[Mapping[str, Any]], Environment]] | None = None,
        planners: Mapping[str, Planner] | None = None,
        runtime: str = "inline",
        carrier: str | None = None,
    ) -> None:
        if runtime not in RUNTIMES:
            raise UsageError(f"the runtime is one of {', '.join(RUNTIMES)}; got {runtime!r}")
        if carrier is not None and not ID.fullmatch(carrier):
            raise UsageError(f"a carrier's name has 1 to 64 letters, digits, dots, dashes or underscores; got {carrier!r:.80}")
        self.clew, self.user = clew, user
        self.crew = Crew(clew, user=user, executors=executors, verifiers=verifiers, environments=environments, planners=planners)
        self._runtime, self._carrier = runtime, carrier

    # -- planning -----------------------------------------------------------------------------------------------

    def plan(self, goal: str, planner: str, *, n: int = 1, k: int = 5) -> TaskGraph:
        """A plan for a goal: a coarse one first, memories recalled for each of its steps, then a fine one with those in view.

        The best of up to `n` that has nothing wrong; NotFound where there is none.
        """
        chosen = self.crew.planner(planner)
        if chosen is None:
            raise UsageError("a planner's name is needed to plan")
        hits: dict[str, Hit] = {h.memory.id: h for h in self.clew.recall(goal, user=self.user, k=k)}
        coarse = chosen.plan(goal, list(hits.values()), n)
        for node in (n for graph in coarse[:1] for n in graph.nodes):
            hits.update({h.memory.id: h for h in self.clew.recall(node.goal or goal, user=self.user, k=k)})
        problems = "it made none"
        for graph in chosen.plan(goal, list(hits.values()), n) or coarse:
            made = replace(graph, id=graph.id or fresh(goal), version=1, planner=planner)
            wrong = self.crew.lint(made)
            if not wrong:
                return made
            problems = wrong[0].reason
        raise NotFound(f"the planner {planner!r} has no plan that could be run: {problems}")

    def add(self, graph: TaskGraph) -> TaskState:
        """Write the plan of a new task down; it runs with `resume`. The same plan again: nothing. UsageError says what is wrong with it."""
        first = replace(graph, version=1)
        wrong = [verdict.reason for verdict in self.crew.lint(first)]
        if wrong:
            more = f" (and {len(wrong) - 1} more)" if wrong[1:] else ""
            raise UsageError(f"the task {graph.id} cannot be run: {wrong[0]}{more}")
        event = self.crew.ledger(graph.id).append(plan_event(first), plan_key(graph.id, 1), trust="user")
        if event.body is not None and event.body["graph"] != json.loads(json.dumps(plan_event(first)["graph"])):
            raise UsageError(f"there is another task called {graph.id}; give this one another id")
        return self.show(graph.id)

    # -- running ------------------------------------------------------------------------------------------------

    def run(self, graph: TaskGraph, *, watch: Watch | None = None, wait: bool = False) -> TaskState:
        """Add it and carry it until it is over or waits for people only; with `wait` (runtime dbos), until it is over.

        `watch` is called with every new state. Again with the same graph: goes on where it stands.
        """
        self.add(graph)
        return self.resume(graph.id, watch=watch, wait=wait)

    def resume(self, id: str, *, watch: Watch | None = None, wait: bool = False) -> TaskState:
        """Carry on a task that waited, was left or crashed; StorageBusy where another process carries it."""
        state = self.show(id)
        if state.over:
            return state
        place = folder(self.clew)
        carrier = self._carrier or id
        hold = Hold(self.clew, id)
        try:
            runtime = self._opened(f"{place / carrier}.sqlite")
            try:
                while not (state := self.show(id)).over and self._carried(runtime, state, watch, wait):
                    pass
            finally:
                runtime.close()
        finally:
            self.crew.release(id)
            hold.release()
        state = self.show(id)
        if state.over and self._carrier is None:  # the log has it all
            for left in place.glob(f"{carrier}.sqlite*"):
                left.unlink(missing_ok=True)
        return state

    def _opened(self, path: str) -> Any:
        if self._runtime == "inline":
            return Inline(works(self.crew), self.crew.append)
        return importlib.import_module("clew.tasks.runtime_dbos").Durable(works(self.crew), self.crew.append, path)

    def _carried(self, runtime: Any, state: TaskState, watch: Watch | None, wait: bool) -> bool:
        """Carry one version; whether another follows."""
        id, ledger, seen, forwarded = f"{state.id}:{state.version}", self.crew.ledger(state.id), 0, set()
        runtime.start(id, TASK, state.id, state.version)
        while True:
            ended = runtime.wait_any([id], LOOK)
            now = ledger.look()
            if watch is not None and now.seq > seen:
                watch(now)
            seen = now.seq
            if now.status == "cancelled":
                self.crew.stop(id)
                runtime.cancel(id)
                return False
            if ended is not None:
                return bool(ended[1]) and ended[1]["status"] == "revised"
            for key, seq in answers(ledger.events(), now.version):
                if key not in forwarded:
                    forwarded.add(key)
                    runtime.resume(key, key, seq)
            if now.status == "waiting" and not wait:
                return False

    # -- looking, and people's part -----------------------------------------------------------------------------

    def show(self, id: str) -> TaskState:
        """How a task stands, from the log alone: nobody need be running it. NotFound where there is none."""
        return self.crew.ledger(id).look()

    def carried(self, id: str) -> bool:
        """Whether some process is carrying the task just now; False too where its process died."""
        try:
            Hold(self.clew, id).release()
        except StorageBusy:
            return True
        return False

    def all(self) -> list[TaskState]:
        """Every task of this memory, or of the user, oldest first."""
        found: dict[tuple[str | None, str | None], list[Event]] = {}
        for event in read(self.clew, user=self.user):
            found.setdefault((event.scope.user, event.scope.session), []).append(event)
        return [fold(events) for events in found.values() if any(_is_plan(e) for e in events)]

    def approve(self, id: str, answer: str = "approve", *, node: str | None = None, by: str | None = None, **more: Any) -> Question:
        """Answer what a task asks, from any process; `node` says which question where it asks several. `more` goes to the executor.

        The answer is an event: whoever carries the task sees it, and `resume` goes on with it where nobody does.
        """
        state = self.show(id)
        question = state.asked.get(node) if node else next(iter(state.asked.values()), None)
        if state.over or question is None:
            raise UsageError(f"the task {id} asks nothing{f' at {node}' if node else ''}; it is {state.status}")
        if node is None and len(state.asked) > 1:
            raise UsageError(f"the task {id} asks at {', '.join(state.asked)}: say which with node=")
        if question.choices and answer not in question.choices:
            raise UsageError(f"{question.node} asks for one of {', '.join(question.choices)}; got {answer!r}")
        body = {"content": f"{question.node}: {answer}", "task": id, "do": "reply", "version": state.version, "node": question.node}
        key = f"{run_key(id, state.version, question.node, question.attempt, question.turn)}:reply"
        body = {**body, "attempt": question.attempt, "turn": question.turn, "reply": {**more, "answer": answer}}
        written = self.crew.ledger(id).append(body, key, actor=by, trust="user")
        if written.body != {**written.body, **body}:
            raise UsageError(f"{question.node} was answered before: {written.body['reply'].get('answer')!r}")
        return question

    def cancel(self, id: str, why: str = "") -> TaskState:
        """Stop a task: nothing new is started, and what runs stops at its next step. One that is over stays as it is."""
        state = self.show(id)
        if not state.over:
            body = {"content": f"task cancelled: {state.graph.goal}", "task": id, "do": "status", "version": state.version}
            more = {"why": why} if why else {}
            self.crew.ledger(id).append({**body, "status": "cancelled", **more}, f"{id}:{state.version}:cancel", trust="user")
        return self.show(id)

    def events(self, id: str) -> Sequence[Event]:
        """What happened, in order: the task's events, without what executors noted on the way."""
        return self.crew.ledger(id).events()


def answers(events: Sequence[Event], version: int) -> list[tuple[str, int]]:
    """(key, place) of every answer that people gave to this version."""
    found = [e for e in events if isinstance(e.body, Mapping) and e.body.get("do") == "reply" and e.body.get("version") == version]
    return [(e.key, e.seq) for e in found if e.key is not None and e.trust >= TRUST["user"]]


def _is_plan(event: Event) -> bool:
    return isinstance(event.body, Mapping) and event.body.get("do") == "plan"

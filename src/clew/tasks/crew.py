"""Who carries a task: executors and verifiers by name, the planner, the environment, and the ledgers of what happened."""

import importlib
import importlib.util
import threading
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import entry_points
from typing import Any

from clew.engine import Clew
from clew.errors import NotFound, UsageError
from clew.tasks import verdicts
from clew.tasks.graph import PASS, Action, Node, Outcome, TaskGraph, Verdict
from clew.tasks.ledger import Ledger
from clew.tasks.protocols import Environment, Executor, Job, Planner, Verifier
from clew.tasks.state import TaskState


class Passing:
    """The executor `pass`: what comes in goes out."""

    def run(self, node: Node, ctx: Job) -> Outcome:
        """Finished, with the inputs as outputs."""
        return Outcome("finished", dict(node.inputs))


class Crew:
    """Everything that running a task needs beside the runtime. What is given by name comes before what is installed."""

    def __init__(
        self,
        clew: Clew,
        *,
        user: str | None = None,
        executors: Mapping[str, Executor] | None = None,
        verifiers: Mapping[str, Verifier] | None = None,
        environments: Mapping[str, Callable[[Mapping[str, Any]], Environment]] | None = None,
        planners: Mapping[str, Planner] | None = None,
    ) -> None:
        self.clew, self.user = clew, user
        self._executors = {PASS: Passing(), **(executors or {})}
        self._verifiers = dict(verifiers or {})
        self._environments = dict(environments or {})
        self._planners = dict(planners or {})
        self._ledgers: dict[str, Ledger] = {}
        self._worlds: dict[str, World] = {}
        self._stopped: set[str] = set()
        self._lock = threading.RLock()

    def ledger(self, task: str) -> Ledger:
        """The events of a task."""
        with self._lock:
            return self._ledgers.setdefault(task, Ledger(self.clew, task, self.user))

    def append(self, body: Mapping[str, Any], key: str) -> int:
        """Write an event of the task that the body names, once; its place."""
        return self.ledger(body["task"]).append(body, key).seq

    def executor(self, name: str) -> Executor:
        """The executor of that name: one that was given, a built-in, or another package's; NotFound where there is none."""
        found = _found(name, self._executors, "clew.executors", "executor")
        self._executors[name] = found  # an executor may keep something between its runs
        return found

    def verifier(self, name: str) -> Verifier:
        """The verifier of that name, or that its condition makes."""
        return verdicts.verifier(name, self._verifiers)

    def planner(self, name: str) -> Planner | None:
        """The planner of that name; None for no name."""
        return _found(name, self._planners, "clew.planners", "planner") if name else None

    def lint(self, graph: TaskGraph) -> tuple[Verdict, ...]:
        """What is wrong with a plan: by its shape, by names that nobody answers to, and by its own verifiers at `plan`."""
        found = list(verdicts.lint(graph, self.executor, self.verifier))
        if not found:
            found = [v for name in graph.verifiers if not (v := self.verifier(name).check("plan", graph, None, None, None)).ok]
        return tuple(found)

    def world(self, graph: TaskGraph) -> "World | None":
        """The task's environment, made when first asked for; None where it has none."""
        if not graph.environment:
            return None
        with self._lock:
            if graph.id not in self._worlds:
                config = dict(graph.environment)
                make = _found(str(config.pop("name", "")), self._environments, "clew.environments", "environment")
                self._worlds[graph.id] = World(make(config), config)
            return self._worlds[graph.id]

    def stop(self, id: str) -> None:
        """Tell executors at work under that id, and under it, that nobody wants their results any more."""
        with self._lock:
            self._stopped.add(id)

    def stopped(self, id: str) -> bool:
        """Whether somebody told them."""
        with self._lock:
            return any(id == s or id.startswith(f"{s}:") for s in self._stopped)

    def release(self, task: str) -> None:
        """Let go of what was held for a task: its environment is closed."""
        with self._lock:
            world, _ = self._worlds.pop(task, None), self._ledgers.pop(task, None)
        if world is not None:
            world.environment.close()


class World:
    """An environment with what was done in it: brought to where a task stands by resetting it and doing that again."""

    def __init__(self, environment: Environment, config: Mapping[str, Any]) -> None:
        self.environment, self._config = environment, config
        self._ready = False
        self._lock = threading.Lock()

    def arrive(self, state: TaskState, anew: bool) -> tuple[Verdict, str]:
        """To where the task stands: nothing to do unless it is new here, as after a crash, or is to be reset.

        A replay that diverges is tried once more from the beginning. The verdict, and why the first try diverged if it did.
        """
        with self._lock:
            verdict, diverged = verdicts.GOOD, ""
            if anew or not self._ready:
                for _ in range(2):
                    self.environment.reset(self._config)
                    verdict = replay(self.environment, state.acts)
                    if verdict.ok:
                        break
                    diverged = diverged or verdict.reason
                self._ready = verdict.ok
            return verdict, diverged


def replay(environment: Environment, acts: Sequence[Mapping[str, Any]]) -> Verdict:
    """Do these acts again, in order, and believe it only where every page is the one that was there then."""
    for place, act in enumerate(acts):
        problem = environment.act(Action(**act["action"]))
        key = environment.observe().key
        if problem or ("page" in act and key != act["page"]):
            reason = problem or f"act {place + 1} of {len(acts)} led to the page {key!r:.60}, and then to {act['page']!r:.60}"
            return Verdict(False, "divergent", reason=f"the replay diverges: {reason}", blame="environment")
    return verdicts.GOOD


def _found(name: str, given: Mapping[str, Any], group: str, attribute: str) -> Any:
    if name in given:
        return given[name]
    package = f"clew.tasks.{attribute}s"
    if name.isidentifier() and importlib.util.find_spec(package) and importlib.util.find_spec(f"{package}.{name}"):
        found = getattr(importlib.import_module(f"{package}.{name}"), attribute, None)
        if found is not None:
            return found
    points = [p for p in entry_points(group=group) if p.name == name]
    if points:
        return points[0].load()
    if not name:
        raise UsageError(f"the {attribute} has no name; give one of {', '.join(sorted(given)) or 'those that are installed'}")
    raise NotFound(f"no {attribute} is called {name!r}")

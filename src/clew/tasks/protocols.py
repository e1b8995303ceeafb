"""Who takes part in a task: executors, verifiers, environments, planners, and the runtime that carries them.

All are found by name, or given to `Tasks` as objects. A built-in executor is a module `clew.tasks.executors.NAME` with an
`executor` in it, an environment `clew.tasks.environments.NAME` with `environment(config)`; verifiers lie in
`clew.tasks.verdicts`. Other packages offer theirs under the entry point groups `clew.executors` (an executor),
`clew.environments` (config -> environment), `clew.verifiers` (argument -> verifier; `NAME:ARGUMENT` in a node) and
`clew.planners` (a planner).

An act in an environment is told as an event of the outcome, so that it can be replayed:
`{"kind": "action", "content": words, "data": {"action": {"kind": ..., "element": ..., "text": ...}, "page": key of the page after}}`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from clew.engine import Clew
from clew.tasks.graph import Action, Node, Outcome, Page, Stage, TaskGraph, Verdict
from clew.types import Hit


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Job:
    """What an executor is given beside its node, whose inputs are filled in already. Made anew for every attempt."""

    clew: Clew  # the memory: recall from it; what is to be written goes into the outcome's events
    graph: TaskGraph  # as it stands, with the statuses of nodes and edges
    attempt: int = 1
    results: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # outputs of the nodes that finished
    reply: Mapping[str, Any] | None = None  # what a person answered, where the run before returned `waiting`
    verdict: Verdict | None = None  # why the attempt before this one was not good enough
    environment: "Environment | None" = None  # the task's, where it has one
    user: str | None = None
    session: str | None = None
    cancelled: Callable[[], bool] = _never  # long work asks now and then, and leaves


class Executor(Protocol):
    """Carries out one node. What goes wrong in the world is a failed outcome; an exception is one too, with its name and words."""

    def run(self, node: Node, ctx: Job) -> Outcome:
        """Do it once, within `node.budget`; return `waiting` with a question to be run again with `ctx.reply`."""
        ...


class Verifier(Protocol):
    """Judges, and owns its metric: an executor cannot read it."""

    def check(self, stage: Stage, node: Node | TaskGraph, before: Page | None, outcome: Outcome | None, after: Page | None) -> Verdict:
        """At `before` and `after`: of a node (inputs filled in); at `plan` and `end`: of the graph, with everyone's outputs by node id.

        `before` and `after` are what the environment showed then. At `after`, `outcome` None asks, after a crash, whether the
        world is already as the node should leave it: who cannot tell says no.
        """
        ...


class Environment(Protocol):
    """A world that can be looked at and acted in."""

    def reset(self, config: Mapping[str, Any]) -> None:
        """To the beginning, as configured."""
        ...

    def observe(self) -> Page:
        """What it shows now."""
        ...

    def act(self, action: Action) -> str:
        """Do it; "" where it was carried out, otherwise what prevented it, in one sentence."""
        ...

    def close(self) -> None:
        """Let go of everything; harmless again."""
        ...


class Planner(Protocol):
    """Makes plans, and mends them."""

    def plan(self, goal: str, memories: Sequence[Hit], n: int) -> list[TaskGraph]:
        """Up to n plans, the best first."""
        ...

    def revise(self, graph: TaskGraph, verdicts: Sequence[Verdict]) -> TaskGraph:
        """The next version; nodes left as they were keep their results. The same version back means: there is no better plan."""
        ...


Work = Callable[..., Any]  # (runtime, *arguments), all arguments and what it returns JSON


class Runtime(Protocol):
    """Carries work: what is named in `works` is started by name, so that another process can carry it on."""

    def start(self, id: str, work: str, *arguments: Any) -> None:
        """Begin that work under that id, or carry it on where it was left: what ran to its end before is not run again."""
        ...

    def step(self, name: str, fn: Callable[[], Any]) -> Any:
        """Run `fn` and keep what it returns (JSON), so that carrying on after a crash does not run it again."""
        ...

    def append(self, body: Mapping[str, Any], key: str) -> int:
        """Write a task event under its key, once: the place in the log where it stands."""
        ...

    def spawn(self, id: str, work: str, *arguments: Any) -> str:
        """Start work beside this; returns the id, to wait for."""
        ...

    def wait_any(self, ids: Sequence[str], seconds: float | None = None) -> tuple[str, Any] | None:
        """The first of these that ends, with what it returned, None where it was cancelled. `seconds` is for callers who are no
        work themselves: None when they have passed."""
        ...

    def pause(self, topic: str) -> Any:
        """Wait for `resume(..., topic, value)` and return the value; None where this runtime does not wait: carry on later."""
        ...

    def resume(self, id: str, topic: str, value: Any) -> None:
        """Give a value to the work of that id that waits, or will wait, for that topic."""
        ...

    def cancel(self, id: str) -> None:
        """Stop that work and what it spawned at their next step."""
        ...

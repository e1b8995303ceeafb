"""EvolveLab's provider: three calls by which an agent takes in trajectories and is given memories. Needs nothing of EvolveLab's.

Its requests and trajectories are taken by their fields, so EvolveLab's own values and these fit alike.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from clew import Clew, UsageError
from clew.compat.shelf import opened

ACTIONS = ("action", "tool_call", "code")  # keys of a step under which it says what was done
SEEN = ("observation", "result", "output")  # and what came of it
SAID = ("content", "value", "text")  # of a step that says only one thing, with a type or a name


class MemoryStatus(Enum):
    """When memory is asked for: before the first step, or in between."""

    BEGIN = "begin"
    IN = "in"


class MemoryItemType(Enum):
    """What a memory is to the agent: words, or something to call."""

    TEXT = "text"
    API = "api"


@dataclass(frozen=True, slots=True)
class MemoryRequest:
    """What the agent is at."""

    query: str
    context: str = ""
    status: MemoryStatus = MemoryStatus.BEGIN
    additional_params: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class MemoryItem:
    """One memory given."""

    id: str
    content: Any
    metadata: Mapping[str, Any] = field(default_factory=dict)
    score: float | None = None
    type: MemoryItemType = MemoryItemType.TEXT


@dataclass(frozen=True, slots=True)
class MemoryResponse:
    """The memories given, best first."""

    memories: Sequence[MemoryItem]
    memory_type: str
    total_count: int
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class TrajectoryData:
    """What was asked, what was done, how it ended; `metadata["is_correct"]` says whether it was right."""

    query: str
    trajectory: Sequence[Mapping[str, Any]] = ()
    result: Any = None
    metadata: Mapping[str, Any] | None = None


class ClewProvider:
    """A memory provider on a Clew; its `config` has `clew` (a path or an open one), `recipe`, `user`, `k`, and Clew's options.

    Any recipe that learns from outcomes may stand behind it: `awm` (the default), `expel`, `reflexion`, `voyager`, ...
    """

    def __init__(self, memory_type: str | None = None, config: Mapping[str, Any] | None = None) -> None:
        given = dict(config or {})
        self._recipe = given.pop("recipe", None) or memory_type or "awm"
        self._user, self._k = given.pop("user", "agent"), given.pop("k", 3)
        self._given, self._config = given, dict(config or {})
        self._clew: Clew | None = None

    def initialize(self) -> bool:
        """Open the Clew."""
        path = self._given.pop("clew", "memory.db")
        options = self._given if isinstance(path, Clew) else {"recipes": [self._recipe], **self._given}
        self._clew = opened(path, options)
        return True

    @property
    def clew(self) -> Clew:
        """The Clew behind it; UsageError before `initialize`."""
        if self._clew is None:
            raise UsageError("call initialize() first")
        return self._clew

    def provide_memory(self, request: Any) -> MemoryResponse:
        """What is known that may help; in between steps the context counts too. An error is raised, never an empty answer."""
        begin = getattr(request.status, "name", str(request.status)).upper() == MemoryStatus.BEGIN.name
        asked = request.query if begin or not request.context else f"{request.query}\n{request.context}"
        hits = self.clew.recall(asked, user=self._user, k=self._k, recipe=self._recipe)
        found = [MemoryItem(h.memory.id, h.memory.text, {"kind": h.memory.kind, **h.memory.data}, h.score) for h in hits]
        return MemoryResponse(found, self._recipe, len(found), (request.additional_params or {}).get("request_id"))

    def take_in_memory(self, trajectory_data: Any) -> tuple[bool, str]:
        """Record a run as events of a session of its own, ended by its outcome where `is_correct` says so: (True, what was stored)."""
        about = dict(trajectory_data.metadata or {})
        session = f"run-{self.clew.log.head() + 1}"
        events: list[dict[str, Any]] = [{"role": "user", "content": trajectory_data.query, "data": about}]
        for step in trajectory_data.trajectory:
            events += _steps(step)
        if about.get("is_correct") is not None:
            good, result = bool(about["is_correct"]), trajectory_data.result
            told = "success" if good else "failure" if result is None else f"failure: {_text(result)}"
            events.append({"content": told, "kind": "outcome", "role": "assistant", "data": {"success": good}})
        done = self.clew.record(events, user=self._user, session=session)
        states = self.clew.catch_up(self._recipe)
        return True, f"{len(done.seqs)} events of {session} are {done.stages['log']}; {self._recipe} is {states.get(self._recipe)}"

    def get_memory_type(self) -> str:
        """The recipe's name."""
        return self._recipe

    def get_config(self) -> dict[str, Any]:
        """The config as it was given."""
        return dict(self._config)


def _steps(step: Any) -> list[dict[str, Any]]:
    """A step as an action, an observation, or both."""
    if not isinstance(step, Mapping):
        return [{"role": "assistant", "kind": "action", "content": _text(step)}]
    found = [{"role": "assistant", "kind": "action", "content": _text(step[key])} for key in ACTIONS if step.get(key)]
    found += [{"role": "tool", "kind": "observation", "content": _text(step[key])} for key in SEEN if step.get(key)]
    if found:
        return found
    sort = str(step.get("type") or step.get("name") or step.get("role") or "")
    words = next((_text(step[key]) for key in SAID if step.get(key)), _text(dict(step)))
    seen = sort in (*SEEN, "tool", "environment")
    return [{"role": "tool" if seen else "assistant", "kind": "observation" if seen else "action", "content": words}]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)

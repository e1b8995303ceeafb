"""One task's events in the log: read as they come, appended once each under their key."""

import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from clew.engine import Clew
from clew.errors import NotFound, StorageBusy
from clew.tasks.state import TaskState, applied, fold
from clew.types import Event

try:
    import fcntl
except ImportError:  # on Windows nothing keeps two processes from carrying the same task; the keys keep its events single all the same
    fcntl = None  # type: ignore[assignment]

KIND = "task"
AGENT = "tasks"  # whose events they are: the log has an index over agents, so that a task is found without reading the rest


class Ledger:
    """The events of one task; whose it is, its plan says. Safe to share among threads; other processes may append to it too."""

    def __init__(self, clew: Clew, task: str, user: str | None = None) -> None:
        self.clew, self.task, self.user = clew, task, user
        self._lock = threading.Lock()
        self._events: list[Event] = []
        self._places: dict[str, Event] = {}
        self._state: TaskState | None = None
        self._seen = 0

    def look(self) -> TaskState:
        """The state as the log has it now; NotFound where there is no such task."""
        with self._lock:
            self._catch_up()
            if self._state is None:
                raise NotFound(f"there is no task {self.task!r}, or its plan was forgotten; `clew task show` lists the tasks there are")
            return self._state

    def events(self) -> list[Event]:
        """Every event of the task so far, in order."""
        with self._lock:
            self._catch_up()
            return list(self._events)

    def at_plan(self, version: int) -> TaskState:
        """The state right after that version was planned: the same at every look, whatever has happened since."""
        with self._lock:
            self._catch_up()
            last = next((i for i, e in enumerate(self._events) if e.key == f"{self.task}:{version}:plan"), -1)
            return fold(self._events[: last + 1])

    def at(self, seq: int) -> Event:
        """The event of this task at that place."""
        with self._lock:
            self._catch_up()
            return next(e for e in reversed(self._events) if e.seq == seq)

    def under(self, key: str) -> Event | None:
        """The event under that key, where there is one."""
        with self._lock:
            self._catch_up()
            return self._places.get(key)

    def append(
        self, body: Mapping[str, Any], key: str, *, actor: str | None = None, trust: str = "tool", within: Sequence[Any] = ()
    ) -> Event:
        """Write an event under its key, durable when it returns; where one stands there already, that one is given back.

        `within` is what happened on the way, messages as `Clew.record` takes them: written before it, all or nothing.
        """
        found = self.under(key)
        if found is None:
            own = {"content": self.task, **body, "task": self.task, "kind": KIND, "key": key, "actor": actor, "trust": trust}
            more = [{**(e if isinstance(e, Mapping) else {"content": str(e)}), "key": f"{key}:{i}"} for i, e in enumerate(within)]
            whose = self._events[0].scope.user if self._events else self.user
            self.clew.record([*more, own], user=whose, agent=AGENT, session=self.task)
            found = self.under(key)
        assert found is not None
        return found

    def _catch_up(self) -> None:
        for event in read(self.clew, self.task, self._seen, self.user):
            self._seen = event.seq
            if self._events and self._events[0].scope.user != event.scope.user:
                continue  # another user's task of the same name; `user` says which is meant
            self._events.append(event)
            if event.key is not None:
                self._places[event.key] = event
            self._state = applied(self._state, event)


def read(clew: Clew, task: str | None = None, after: int = 0, user: str | None = None) -> list[Event]:
    """The task events after a place in the log: one task's, or every one's."""
    where, values = "agent = ? AND kind = ? AND seq > ?", [clew.log.number(AGENT), KIND, after]
    for column, name in (("session", task), ("user", user)):
        if name is not None:
            where += f" AND {column} = ?"
            values.append(clew.log.number(name))
    return clew.log.select(f"{where} ORDER BY seq", values)


def folder(clew: Clew) -> Path:
    """Where what carries tasks lies on this machine; made when first needed."""
    clew.database.place.mkdir(parents=True, exist_ok=True)
    return clew.database.place


class Hold:
    """That this process, and no other, carries a task: a lock on a file and, where machines share a database, a row of it.

    Both fall with the process.
    """

    def __init__(self, clew: Clew, task: str) -> None:
        with ExitStack() as stack:
            file = stack.enter_context(open(folder(clew) / f"{task}.lock", "a", encoding="utf-8"))
            mine = stack.enter_context(clew.database.claimed(f"task/{task}"))
            if mine and fcntl is not None:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    mine = False
            if not mine:
                raise StorageBusy(f"the task {task} is being carried by another run; `clew task show` tells how it stands")
            self._held = stack.pop_all()

    def release(self) -> None:
        """Let others carry it."""
        self._held.close()

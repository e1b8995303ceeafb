"""The runtime `dbos`: work that outlasts the process, carried by DBOS on a database of its own. Extra `[tasks]`.

What it keeps are names and places in the log, never words: outputs, answers and questions stand in the log alone. A piece of
work is a workflow, found again by its id; after a crash those of this file go on as soon as it is opened.
"""

import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from clew.errors import MissingExtra, UsageError
from clew.tasks.protocols import Work

try:
    from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, SetWorkflowID, WorkflowHandle
    from dbos import error as errors
except ImportError as missing:
    raise MissingExtra("tasks", "the runtime dbos") from missing

VERSION = "clew-tasks-1"  # pinned: edited code still picks up old runs; raised when what a piece of work does step by step changes
POLL = 0.03  # seconds between two of DBOS's own looks at its database
LOOK = 0.5  # seconds between two of ours, at what another process left
GRACE = 5.0  # seconds that closing waits for what cannot be interrupted
CRASHES = 1_000_000  # after how many a workflow is given up
LIVE = ["PENDING", "ENQUEUED", "DELAYED"]
_open: "list[Durable]" = []  # the one that is open in this process: DBOS is one a process


class _Carrier(sqlite3.Connection):
    """The carrier's file, without waiting for the disk at every step: what it forgets when the power fails, the log knows."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.execute("PRAGMA journal_mode=WAL")
        self.execute("PRAGMA synchronous=NORMAL")


class _Left(BaseException):
    """This process lets go of the work; no error of the work's, which stays as it is, to be carried on."""


@DBOS.workflow(name="clew_work", max_recovery_attempts=CRASHES)
def _work(work: str, arguments: list[Any]) -> Any:
    if not _open:
        raise _Left
    return _open[0].carry(work, arguments)


class Durable:
    """One process at a time has a file open, and one file at a time is open in a process; any number of tasks may lie in it."""

    def __init__(self, works: Mapping[str, Work], append: Callable[[Mapping[str, Any], str], int], path: Path) -> None:
        if _open:
            raise UsageError("this process carries durable tasks already; Tasks(carrier=NAME) puts several of them in one file")
        self.works, self._append = works, append
        self._handles: dict[str, WorkflowHandle[Any]] = {}
        self._answers: dict[str, Any] = {}
        self._carried: set[str] = set()  # ids of work that runs or ran in this process
        self._gave: dict[str, tuple[Any, Exception | None]] = {}  # what ended in this process
        self._active, self._closing, self._changed = 0, False, threading.Condition()
        _open.append(self)
        config = DBOSConfig(
            name="clew-tasks",
            system_database_url=f"sqlite:///{path}",
            application_version=VERSION,
            executor_id="clew",
            serializer=DBOSPortableJSONSerializer(),
            log_level="CRITICAL",
            notification_listener_polling_interval_sec=LOOK,  # nothing waits for it: answers come through the log
            db_engine_kwargs={"connect_args": {"factory": _Carrier}},
        )
        try:
            DBOS(config=config)
            DBOS.launch()
        except BaseException:
            _open.clear()
            DBOS.destroy()
            raise

    def start(self, id: str, work: str, *arguments: Any) -> None:
        """Begin it, or go on with what a crash left: what broke off with an error is begun anew, as the log knows what was done."""
        status = DBOS.get_workflow_status(id)
        if status is not None and status.status not in (*LIVE, "SUCCESS"):
            DBOS.delete_workflow(id, delete_children=True)
        self.spawn(id, work, *arguments)

    def step(self, name: str, fn: Callable[[], Any]) -> Any:
        """Once, and after a crash only where it had not ended."""
        return DBOS.run_step({"name": name}, fn)

    def append(self, body: Mapping[str, Any], key: str) -> int:
        """A step of its own, which gives the place: the body is never kept here."""
        return self.step(f"append {key}", lambda: self._append(body, key))

    def spawn(self, id: str, work: str, *arguments: Any) -> str:
        """A workflow with that id; where there is one, that one."""
        with SetWorkflowID(id):
            self._handles[id] = DBOS.start_workflow(_work, work, list(arguments))
        return id

    def wait_any(self, ids: Sequence[str], seconds: float | None = None) -> tuple[str, Any] | None:
        """Woken where the work ends in this process; of what ended before a crash the database tells."""
        if seconds is None:
            ended = self.step("wait", lambda: self._ended(ids, None))
        else:
            ended = self._ended(ids, seconds)
        return None if ended is None else (ended[0], ended[1])

    def _ended(self, ids: Sequence[str], seconds: float | None) -> list[Any] | None:
        """[id, what it gave] of the first that has ended: told by itself where it ended in this process, else by the database."""
        until = None if seconds is None else monotonic() + seconds
        while True:
            with self._changed:
                here = next((id for id in ids if id in self._gave), None)
                if self._closing:
                    raise _Left
            if here is not None:
                gave, error = self._gave[here]
                if error is not None:
                    raise error
                return [here, gave]
            if (before := self._before(ids)) is not None:
                return [before, self._result(before)]
            left = LOOK if until is None else min(LOOK, until - monotonic())
            if left <= 0:
                return None
            with self._changed:
                self._changed.wait_for(lambda: self._closing or any(id in self._gave for id in ids), left)

    def _before(self, ids: Sequence[str]) -> str | None:
        """The first of those that this process has not carried, and that are over in the database."""
        away = [id for id in ids if id not in self._carried]
        if not away:
            return None
        live = DBOS.list_workflows(workflow_ids=away, status=LIVE, load_input=False, load_output=False)
        return next((id for id in away if id not in {w.workflow_id for w in live}), None)

    def _result(self, id: str) -> Any:
        try:
            return self._handles[id].get_result(polling_interval_sec=POLL)
        except errors.DBOSAwaitedWorkflowCancelledError:
            return None

    def pause(self, topic: str) -> Any:
        """Waits for `resume` in this process: whoever carries work watches the log, where answers stand from wherever they come."""
        return self.step("pause", lambda: self._answer(topic))

    def _answer(self, topic: str) -> Any:
        with self._changed:
            self._changed.wait_for(lambda: self._closing or topic in self._answers)
            if topic not in self._answers:
                raise _Left
            return self._answers[topic]

    def resume(self, id: str, topic: str, value: Any) -> None:
        """To work that does not wait for it: nothing happens."""
        with self._changed:
            self._answers[topic] = value
            self._changed.notify_all()

    def cancel(self, id: str) -> None:
        """It stops at its next step, and what it spawned too."""
        DBOS.cancel_workflow(id, cancel_children=True)

    def carry(self, work: str, arguments: Sequence[Any]) -> Any:
        """A workflow's body: DBOS calls it, at first and after a crash."""
        id = DBOS.workflow_id or ""
        with self._changed:
            self._active += 1
            self._carried.add(id)
        gave: Any = None
        ended: Exception | None = None
        over = False
        try:
            gave, over = self.works[work](self, *arguments), True
            return gave
        except Exception as error:
            ended, over = error, True
            raise
        finally:
            with self._changed:
                self._active -= 1
                if over:
                    self._gave[id] = (gave, ended)
                else:
                    self._carried.discard(id)  # cancelled, or left: the database tells
                self._changed.notify_all()

    def close(self) -> None:
        """Leave the work as it is, to go on with later; what executes a node just now is waited for a little while."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._active, GRACE)
        sleep(POLL)  # until DBOS has written down what they gave
        DBOS.destroy()
        _open.clear()

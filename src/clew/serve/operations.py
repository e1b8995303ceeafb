"""Long work as a resource: it is started, looked at, and tried again. What was asked and how it ended are events, so a restart knows both."""

import os
import socket
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Literal

from clew.engine import Clew
from clew.errors import ClewError, NotFound, UsageError
from clew.models import Budget
from clew.serve.access import Principal
from clew.serve.keys import KIND, act
from clew.types import Event

ASKED, ENDED = "operation", "operation ended"
State = Literal["waiting", "running", "done", "failed", "lost"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One piece of long work. `lost`: its process ended before it did; try it again."""

    id: int  # the place of the event that asked for it
    verb: str
    state: State
    by: str | None
    asked_at: datetime
    recipe: str | None = None
    done: int | None = None  # events so far, while it runs in the process that answers
    total: int | None = None
    result: Mapping[str, Any] | None = None
    detail: str | None = None  # why it failed, in the error's own words
    retry_of: int | None = None
    error: str | None = None  # the name of that error's class


class Operations:
    """The long work of one process, one piece at a time, in the order of asking."""

    def __init__(self, clew: Clew) -> None:
        self._clew = clew
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="clew-operation")
        self._live: dict[int, tuple[int, int] | None] = {}  # what waits or runs here -> (done, in all)
        self._here = {"host": socket.gethostname(), "pid": os.getpid()}

    def close(self) -> None:
        """Wait for what runs; what waits is lost, and says so."""
        self._worker.shutdown(wait=True, cancel_futures=True)

    def start(
        self,
        who: Principal,
        verb: str,
        recipe: str | None = None,
        promote: bool = True,
        ask: Mapping[str, Any] | None = None,
        retry_of: int | None = None,
    ) -> Operation:
        """Ask for rebuild, catch_up or verify; it is in the log when this returns. `ask` is a Budget's limits, for a rebuild."""
        who.whole(verb)
        facts = {"verb": verb, "recipe": recipe, "promote": promote, "ask": ask, "retry_of": retry_of, **self._here}
        [(seq, _)] = self._clew.log.append(act(who.name, ASKED, facts))
        self._live[seq] = None
        self._worker.submit(self._run, seq, who, partial(self._done, facts, seq))
        return self.get(seq)

    def retry(self, who: Principal, id: int) -> Operation:
        """Ask again for one that failed or was lost."""
        who.whole("rebuild")
        found = self.get(id)
        if found.state not in ("failed", "lost"):
            raise UsageError(f"operation {id} is {found.state}; only what failed or was lost is tried again")
        asked = self._asked(id).body
        return self.start(who, asked["verb"], asked["recipe"], asked["promote"], asked.get("ask"), id)

    def get(self, id: int) -> Operation:
        """How a piece of work stands; NotFound where the log knows none with that id."""
        return self._told(self._asked(id), self._ends(id).get(id))

    def all(self, limit: int = 100) -> list[Operation]:
        """The latest pieces of work, newest first."""
        found = self._acts(f"kind = ? ORDER BY seq DESC LIMIT {10 * limit}", (KIND,), ASKED)[:limit]
        ends = self._ends(min((e.seq for e in found), default=0))
        return [self._told(event, ends.get(event.seq)) for event in found]

    def _run(self, seq: int, who: Principal, work: Any) -> None:
        end: dict[str, Any] = {"state": "failed", "detail": "a fault of the server; its log has the traceback"}
        try:
            end = {"state": "done", "result": work()}
        except ClewError as error:
            end = {"state": "failed", "detail": str(error), "error": type(error).__name__}
        finally:
            self._clew.log.append(act(who.name, ENDED, {"operation": seq, **end}))
            self._live.pop(seq, None)

    def _done(self, asked: Mapping[str, Any], seq: int) -> dict[str, Any]:
        verb, recipe, ask = asked["verb"], asked["recipe"], asked["ask"]

        def moved(done: int, total: int) -> None:
            self._live[seq] = (done, total)

        moved(0, self._clew.log.head())
        if verb == "rebuild":
            made = self._clew.rebuild(recipe, ask=ask and Budget(**ask), promote=asked["promote"], progress=moved)
            return {"recipe": made.recipe, "generation": made.id, "state": made.state}
        if verb == "catch_up":
            return dict(self._clew.catch_up(recipe, progress=moved))
        return {"sound": self._clew.log.verify()}

    def _acts(self, where: str, values: tuple[Any, ...], op: str) -> list[Event]:
        found = self._clew.log.select(where, values)
        return [event for event in found if isinstance(event.body, dict) and event.body.get("op") == op]

    def _asked(self, id: int) -> Event:
        found = self._acts("seq = ? AND kind = ?", (id, KIND), ASKED)
        if not found:
            raise NotFound(f"there is no operation {id}")
        return found[0]

    def _ends(self, after: int) -> dict[int, dict[str, Any]]:
        return {e.body["operation"]: e.body for e in self._acts("seq > ? AND kind = ?", (after, KIND), ENDED)}

    def _told(self, asked: Event, end: dict[str, Any] | None) -> Operation:
        body, moved = asked.body, self._live.get(asked.seq)
        state = end["state"] if end else "running" if moved else "waiting" if asked.seq in self._live else self._elsewhere(body)
        end, (done, total) = end or {}, moved or (None, None)
        return Operation(
            asked.seq,
            body["verb"],
            state,
            asked.actor,
            asked.recorded_at,
            body["recipe"],
            done,
            total,
            end.get("result"),
            end.get("detail"),
            body["retry_of"],
            end.get("error"),
        )

    def _elsewhere(self, body: Mapping[str, Any]) -> State:
        """Of work that is not this process's: lost where its process is known to have ended."""
        if body["host"] != self._here["host"]:
            return "running"
        if body["pid"] == self._here["pid"]:
            return "lost"
        try:
            os.kill(body["pid"], 0)
        except ProcessLookupError:
            return "lost"
        except PermissionError:
            return "running"
        return "running"

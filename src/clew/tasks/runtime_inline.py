"""The runtime `inline`: threads of this process. It waits for nobody; a task that was left is carried on from the log."""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextvars import ContextVar
from typing import Any

from clew.tasks.protocols import Work

_mine: ContextVar[str] = ContextVar("clew_task_work", default="")


class Stopped(BaseException):
    """This work was cancelled; raised at its next step."""


class Inline:
    """Each piece of work is a thread. What `append` writes outlasts the process, and nothing else does."""

    def __init__(self, works: Mapping[str, Work], append: Callable[[Mapping[str, Any], str], int]) -> None:
        self._works, self._append = works, append
        self._running: dict[str, Future[Any]] = {}
        self._cancelled: set[str] = set()
        self._lock = threading.Lock()

    def start(self, id: str, work: str, *arguments: Any) -> None:
        """Begin it in a thread of its own; again while it runs: nothing."""
        with self._lock:
            if id in self._running and not self._running[id].done():
                return
            future = self._running[id] = Future()
        threading.Thread(target=self._carry, args=(future, id, work, arguments), name=id, daemon=True).start()

    def _carry(self, future: Future[Any], id: str, work: str, arguments: Sequence[Any]) -> None:
        _mine.set(id)
        try:
            future.set_result(self._works[work](self, *arguments))
        except Stopped:
            future.set_result(None)
        except BaseException as error:  # noqa: BLE001 - handed on to who waits for it
            future.set_exception(error)

    def step(self, name: str, fn: Callable[[], Any]) -> Any:
        """Run it, unless this work was cancelled."""
        if any(_mine.get() == id or _mine.get().startswith(f"{id}:") for id in self._cancelled):
            raise Stopped(_mine.get())
        return fn()

    def append(self, body: Mapping[str, Any], key: str) -> int:
        """Write it, unless this work was cancelled."""
        return self.step(key, lambda: self._append(body, key))

    def spawn(self, id: str, work: str, *arguments: Any) -> str:
        """As `start`: nothing here needs to know whose child it is but its id."""
        self.start(id, work, *arguments)
        return id

    def wait_any(self, ids: Sequence[str], seconds: float | None = None) -> tuple[str, Any] | None:
        """Wait without polling; where several have ended, the first in the order given."""
        futures = {id: self._running[id] for id in ids}
        done, _ = wait(futures.values(), seconds, FIRST_COMPLETED)
        ended = next((id for id, future in futures.items() if future in done), None)
        return None if ended is None else (ended, futures[ended].result())

    def pause(self, topic: str) -> Any:
        """Nobody is waited for."""
        return None

    def resume(self, id: str, topic: str, value: Any) -> None:
        """Nothing waits; the answer is in the log."""

    def cancel(self, id: str) -> None:
        """It stops at its next step, and so does what is under its id."""
        self._cancelled.add(id)

    def close(self) -> None:
        """Nothing is held."""

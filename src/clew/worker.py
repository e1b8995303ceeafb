"""When work happens: a thread that keeps views caught up with the log."""

import logging
import threading
from collections.abc import Callable, Mapping

from clew.errors import ClewError

PAUSE = 5.0  # seconds between looks at a log that other processes may have written to
logger = logging.getLogger("clew")


class Worker:
    """Calls `catch_up` when woken and every few seconds. It holds no truth: killing it loses nothing."""

    def __init__(self, catch_up: Callable[[], Mapping[str, str]], pause: float = PAUSE) -> None:
        self._catch_up, self._pause = catch_up, pause
        self._wake, self._stopped = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="clew-worker", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """There is something to do."""
        self._wake.set()

    def stop(self) -> None:
        """End after the piece of work under way."""
        self._stopped.set()
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._wake.clear()
            try:
                states = self._catch_up()
            except ClewError as error:  # the file may be busy or full for a while; the work stays due
                logger.warning("the worker could not catch up and tries again: %s", error)
                states = {}
            waits = any(s not in ("folded", "frozen") for s in states.values())
            self._wake.wait(self._pause if not waits else min(self._pause, 1.0))

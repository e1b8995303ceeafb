"""A program in a process group of its own, that ends when its time is up and takes everything it started along."""

import os
import secrets
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import IO, Literal

from clew.errors import UsageError

GRACE = 0.5  # seconds between asking a group to end and ending it
BEAT = 0.05  # seconds between looks at the clock
MARK = "CLEW_RUN"  # in the environment of all that a run starts, so that what leaves its group is found too
PASSED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")  # of our environment: no more, as the rest may be secret


@dataclass(frozen=True, slots=True)
class Ran:
    """How a program ended. Its texts are cut in the middle where they were longer than the limit."""

    code: int  # exit status; negative: the signal that ended it
    out: str
    err: str
    ended: Literal["by itself", "late", "cancelled"]
    seconds: float


class _Kept:
    """The beginning and the end of a stream, whatever its length."""

    def __init__(self, most: int) -> None:
        self._head, self._tail = most * 3 // 4, most - most * 3 // 4
        self.first, self.last, self.size = bytearray(), bytearray(), 0

    def read(self, stream: IO[bytes]) -> None:
        with suppress(ValueError, OSError):  # closed under us: the program has been ended
            while piece := os.read(stream.fileno(), 65536):
                self.size += len(piece)
                room = self._head - len(self.first)
                self.first += piece[: max(0, room)]
                self.last += piece[max(0, room) :]
                if len(self.last) > 2 * self._tail:
                    del self.last[: -self._tail]

    def text(self) -> str:
        if len(self.first) + len(self.last) < self.size or len(self.last) > self._tail:
            last = bytes(self.last[-self._tail :])
            left = self.size - len(self.first) - len(last)
            return f"{self.first.decode('utf-8', 'replace')}\n[... {left} bytes left out ...]\n{last.decode('utf-8', 'replace')}"
        return bytes(self.first + self.last).decode("utf-8", "replace")


def run(
    argv: Sequence[str],
    *,
    seconds: float,
    stdin: str = "",
    cwd: str | Path | None = None,
    env: Mapping[str, str] | None = None,
    most: int = 1_000_000,  # bytes kept of each stream
    cancelled: Callable[[], bool] = lambda: False,
) -> Ran:
    """Run it to its end, or to the end of its time; then nothing that it started is left. UsageError where it cannot be started."""
    mark = secrets.token_hex(16)
    passed = {name: os.environ[name] for name in PASSED if name in os.environ}
    started = monotonic()
    try:
        program = subprocess.Popen(
            list(argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env={**passed, **(env or {}), MARK: mark},
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise UsageError(f"{argv[0]!r:.80} cannot be started in {str(cwd or '.')!r}: {error}") from error
    assert program.stdin is not None and program.stdout is not None and program.stderr is not None
    out, err = _Kept(most), _Kept(most)
    threads = [
        threading.Thread(target=out.read, args=(program.stdout,), daemon=True),
        threading.Thread(target=err.read, args=(program.stderr,), daemon=True),
        threading.Thread(target=_feed, args=(program.stdin, stdin), daemon=True),
    ]
    for thread in threads:
        thread.start()
    try:
        ended = _watched(program, started + seconds, cancelled)
    finally:
        _end(program, mark)
    for thread in threads:
        thread.join(GRACE)
    program.stdout.close()
    program.stderr.close()
    return Ran(program.wait(), out.text(), err.text(), ended, monotonic() - started)


def _watched(program: subprocess.Popen[bytes], until: float, cancelled: Callable[[], bool]) -> Literal["by itself", "late", "cancelled"]:
    while True:
        with suppress(subprocess.TimeoutExpired):
            program.wait(max(0.0, min(BEAT, until - monotonic())))
            return "by itself"
        if cancelled():
            return "cancelled"
        if monotonic() >= until:
            return "late"


def _end(program: subprocess.Popen[bytes], mark: str) -> None:
    """End the group, kindly and then not, and what has left it."""
    if program.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            program.wait(GRACE)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(program.pid, signal.SIGKILL)
    program.wait()
    for stray in _strays(mark):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(stray, signal.SIGKILL)


def _strays(mark: str) -> list[int]:
    """The processes that have this run's mark in their environment, on systems that tell (Linux)."""
    wanted, found = f"{MARK}={mark}".encode(), []
    for place in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if wanted in place.read_bytes():
                found.append(int(place.parent.name))
    return found


def _feed(stream: IO[bytes], text: str) -> None:
    with suppress(BrokenPipeError, OSError), stream:
        stream.write(text.encode())

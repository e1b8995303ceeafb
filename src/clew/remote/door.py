"""The door over HTTP: every verb of `Clew` is a request, its arguments and its documentation are the door's own."""

import os
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from inspect import signature
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from clew.decay import Report
from clew.engine import Clew
from clew.errors import UsageError
from clew.fold import Folder
from clew.generations import Progress
from clew.models import Budget
from clew.recall import Answer
from clew.remote.values import rebuilt
from clew.remote.verbs import ENDS, READ, sent
from clew.remote.wire import Wire, named
from clew.retention import Hold, Rule
from clew.storage.view import Generation
from clew.types import TRUSTED, Event, Hit, Memory, Quote, Receipt, Recorded, Scope

CHUNK = 65_536  # bytes
SOONEST_S, LATEST_S = 0.05, 1.0  # between two looks at long work
OVER = ("done", "failed", "lost")
PAGE = 1000  # of events or memories in one request, at most
TIMEOUT_S = 60.0  # of a silence in an answer
RETRIES = 4
EVERYBODY = Scope()


class Log:
    """What a service tells of its log."""

    def __init__(self, remote: "Remote") -> None:
        self._remote = remote

    def read(self, after: int = 0, scope: Scope | None = None) -> Iterator[Event]:
        """The events after that place that the scope covers, in order, as they were recorded; a page at a time."""
        of = scope or EVERYBODY
        while True:
            found = self._remote._wire.read("/v1/events", after=after, limit=PAGE, user=of.user, agent=of.agent, session=of.session)
            yield from rebuilt(list[Event], found)
            if len(found) < PAGE:
                return
            after = found[-1]["seq"]

    def head(self) -> int:
        """The place of the newest event."""
        return self._remote._wire.read("/ready")["head"]

    def verify(self) -> bool:
        """True; LogCorrupt, or another error of ours, where the log is not sound."""
        return bool((self._remote._worked({"verb": "verify"}, None, None) or {})["sound"])


class Remote(Clew):
    """A memory behind a `clew serve`: the verbs of `Clew`, its values and its errors. Safe to share among threads.

    `key` is an API key or a bearer token, or `env:NAME` of a variable that holds one. `timeout` is in seconds of silence.
    What only reads is tried again, up to `retries` times, where the connection breaks; `record` and `call` too, by a key of
    their own; everything where the service says that it has done nothing and has too much to do.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        key: bytes | str | None = None,
        timeout: float = TIMEOUT_S,
        retries: int = RETRIES,
        **embedded: Any,
    ) -> None:
        if embedded:
            raise UsageError(f"{next(iter(embedded))!r} is the service's to say; over HTTP there are key=, timeout= and retries=")
        self._wire = Wire(str(path), key.decode() if isinstance(key, bytes) else key, timeout, retries)
        self.log: Any = Log(self)

    def __getattr__(self, name: str) -> Any:
        """AttributeError in words: what lies behind the door is in another process."""
        raise AttributeError(f"a memory over HTTP has no {name!r}, only the verbs of the door and log")

    def close(self) -> None:
        """End the connections; the service goes on."""
        self._wire.close()

    # -- writing ------------------------------------------------------------------------------------------------

    def record(self, what: Any, **more: Any) -> Recorded:
        """See `Clew.record`; without a `key` it is given one of its own, so that a second try records nothing twice."""
        signature(Clew.record).bind(self, what, **more)  # a name that is not there is a TypeError, as at the door
        key, trust = more.get("key"), more.get("trust")
        own = {"key": key or uuid.uuid4().hex, "trust": TRUSTED.get(trust, trust) if isinstance(trust, int) else trust}
        found, again = self._wire.call("POST", "/v1/events", {"what": what, **more, **own}, safe=True)
        done: Recorded = rebuilt(Recorded, found)
        if key is None and again and done.stages["log"] == "already":  # by the try before, whose answer was lost
            done = replace(done, stages={**done.stages, "log": "stored"})
        return done

    tick = sent(Clew.tick, "/ticks", pick="added", safe=True)

    # -- reading ------------------------------------------------------------------------------------------------

    recall = sent(Clew.recall, "/recall", dict[str, list[Hit]], pick="hits", safe=True)
    prompt = sent(Clew.prompt, "/prompt", pick="text", safe=True)
    ask = sent(Clew.ask, "/ask", Answer, safe=True)
    thread = sent(Clew.thread, "/memories/{id}/thread", list[Quote], method=READ)
    get = sent(Clew.get, "/memories/{id}", Memory, method=READ)
    history = sent(Clew.history, "/memories/{id}/history", list[tuple[Memory, Event, str | None]], method=READ)
    users = sent(Clew.users, "/users", method=READ)

    _page = sent(Clew.memories, "/memories", dict[str, Any], method=READ)

    def memories(self, *, after: str | None = None, limit: int = 1000, **more: Any) -> list[Memory]:
        """See `Clew.memories`."""
        found: list[Memory] = []
        while len(found) < limit:
            page: Any = self._page(**more, after=after, limit=min(PAGE, limit - len(found)))
            found += rebuilt(list[Memory], page["memories"])
            after = page["next"]
            if after is None:
                break
        return found

    # -- an agent's own -----------------------------------------------------------------------------------------

    window = sent(Clew.window, "/window", safe=True)
    tools = sent(Clew.tools, "/tools", method=READ)
    _call = sent(Clew.call, "/tools/{tool}", pick="text", safe=True)

    def call(self, tool: str, arguments: Mapping[str, Any] | str = "{}", **more: Any) -> str:
        """See `Clew.call`; without a `key` it is given one of its own, so that a second try does nothing twice."""
        return self._call(tool, arguments, **{**more, "key": more.get("key") or uuid.uuid4().hex})

    # -- correcting and reviewing -------------------------------------------------------------------------------

    revise = sent(Clew.revise, "/memories/{id}", Recorded, method="PATCH", mine=True)
    retire = sent(Clew.retire, "/memories/{id}/retire", Recorded, mine=True)
    feedback = sent(Clew.feedback, "/memories/{id}/feedback", Recorded, mine=True)
    confirm = sent(Clew.confirm, "/memories/{id}/confirm", Recorded, mine=True)
    rederive = sent(Clew.rederive, "/memories/{id}/rederive", Recorded, mine=True)
    archive = sent(Clew.archive, "/memories/archive", Recorded, mine=True)
    retract = sent(Clew.retract, "/events/retract", Recorded, mine=True, safe="key")
    review = sent(Clew.review, "/review", list[Memory], method=READ)
    approve = sent(Clew.approve, "/review/{id}/approve", Recorded, mine=True)
    reject = sent(Clew.reject, "/review/{id}/reject", Recorded, mine=True)

    # -- forgetting and keeping ---------------------------------------------------------------------------------

    forget = sent(Clew.forget, "/forget", Receipt, safe="dry_run")
    erase = sent(Clew.erase, "/forget/erase", Receipt, safe=True)
    verify_forgotten = sent(Clew.verify_forgotten, "/forget/verify", dict[str, list[str]], pick="left", safe=True)
    hold = sent(Clew.hold, "/holds", Recorded)
    release = sent(Clew.release, "/holds/{seq}/release", Recorded)
    holds = sent(Clew.holds, "/holds", list[Hold], method=READ)
    pin = sent(Clew.pin, "/pins", Recorded)
    unpin = sent(Clew.unpin, "/pins/remove", Recorded)
    pinned = sent(Clew.pinned, "/pins", frozenset[int], method=READ)
    retain = sent(Clew.retain, "/rules", Receipt, safe="dry_run")
    withdraw = sent(Clew.withdraw, "/rules/withdraw", Recorded)
    rules = sent(Clew.rules, "/rules", list[Rule], method=READ)
    retention = sent(Clew.retention, "/rules/apply", list[Receipt], safe="dry_run", without=frozenset({"progress"}))  # one request
    decay = sent(Clew.decay, "/decay", Report, safe="dry_run")
    canary = sent(Clew.canary, "/canaries", pick="token")

    _faded = sent(Clew.faded, "/decay/faded", method=READ)

    def faded(self, **more: Any) -> tuple[tuple[int, ...], int]:
        """See `Clew.faded`."""
        found: Any = self._faded(**more)
        return tuple(found["events"]), found["waiting"]

    def aging(self, recipe: str | None = None) -> Folder:
        """UsageError: a view is no value that could be sent."""
        raise UsageError("over HTTP there are no views to hold in hand; decay(...) tells their strengths")

    # -- views, and long work -----------------------------------------------------------------------------------

    status = sent(Clew.status, "/status", method=READ)
    generations = sent(Clew.generations, "/generations", list[Generation], method=READ)
    promote = sent(Clew.promote, "/generations/{generation}/promote", None, safe=True)
    drop = sent(Clew.drop, "/generations/{generation}", None, method=ENDS)

    def diff(self, recipe: str, one: int, other: int) -> Iterator[tuple[str, tuple[object, ...]]]:
        """See `Clew.diff`."""
        found = self._wire.read(f"/v1/generations/{one}/diff", recipe=recipe, other=other)
        yield from rebuilt(list[tuple[str, tuple[Any, ...]]], found)

    def catch_up(self, recipe: str | None = None, *, timeout: float | None = None, progress: Progress | None = None) -> dict[str, str]:
        """See `Clew.catch_up`; the service goes on after `timeout` seconds, and what is not told by then is pending."""
        found = self._worked({"verb": "catch_up", "recipe": recipe}, timeout, progress)
        if found is None:
            return dict.fromkeys([recipe] if recipe else [view["recipe"] for view in self.status()["views"]], "pending")
        return found

    def rebuild(
        self, recipe: str | None = None, *, ask: Budget | None = None, promote: bool = True, progress: Progress | None = None
    ) -> Generation:
        """See `Clew.rebuild`."""
        made = self._worked({"verb": "rebuild", "recipe": recipe, "promote": promote, "ask": ask}, None, progress) or {}
        return next(each for each in self.generations(made["recipe"]) if each.id == made["generation"])

    def _worked(self, work: dict[str, Any], timeout: float | None, progress: Progress | None) -> dict[str, Any] | None:
        """The result of long work, once it is done; None where it is not within so many seconds."""
        began, wait = monotonic(), SOONEST_S
        found = self._wire.call("POST", "/v1/operations", work)[0]
        while found["state"] not in OVER:
            if timeout is not None and monotonic() - began > timeout:
                return None
            if progress is not None and found["done"] is not None:
                progress(found["done"], found["total"])
            sleep(wait)
            wait = min(LATEST_S, 1.5 * wait)
            found = self._wire.read(f"/v1/operations/{found['id']}")
        if found["state"] != "done":
            raise named(found.get("error") or "", found["detail"] or f"operation {found['id']} was lost with its process; call again")
        return found["result"]

    # -- the whole ----------------------------------------------------------------------------------------------

    def export(self, path: str | os.PathLike[str]) -> int:
        """See `Clew.export`; the file is here, and is whole or is not there."""
        return self._carried("/v1/export", Path(path))

    def backup(self, path: str | os.PathLike[str]) -> None:
        """See `Clew.backup`; the file is here, so no `forget` of the service reaches it."""
        if Path(path).exists():
            raise UsageError(f"{path} exists; give a new path, nothing is overwritten")
        self._carried("/v1/backup", Path(path))

    def _carried(self, source: str, path: Path) -> int:
        """Write what comes to that path, by another name until it is whole; returns how many lines."""
        partial, lines = path.with_name(f"{path.name}.part"), 0
        try:
            with self._wire.stream(source) as pieces, open(partial, "wb") as file:
                for piece in pieces:
                    lines += piece.count(b"\n")
                    file.write(piece)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        return lines

    def load(self, path: str | os.PathLike[str], *, as_lived: bool = False) -> Recorded:
        """See `Clew.load`; the file is here."""
        if not Path(path).is_file():
            raise UsageError(f"there is no file {path} to load")

        def pieces() -> Iterator[bytes]:
            with open(path, "rb") as file:
                while piece := file.read(CHUNK):
                    yield piece

        return rebuilt(Recorded, self._wire.call("POST", "/v1/import", params={"as_lived": as_lived}, content=pieces)[0])

    def shred(self) -> str:
        """UsageError: it would destroy the file under the service that answers for it."""
        raise UsageError("a file is shredded on its own machine, once nothing serves it: Clew(path).shred()")

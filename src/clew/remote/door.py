"""The door over HTTP: record, recall, prompt, ask, look, and an agent's window and tools; the rest is in `custody`."""

import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from clew.errors import NotFound, UsageError
from clew.recall import Answer
from clew.remote.custody import Kept
from clew.remote.values import rebuilt
from clew.remote.wire import Wire
from clew.types import TRUST, Event, Hit, Memory, Quote, Recorded, Scope

PAGE = 1000  # of events or memories in one request, at most
TIMEOUT_S = 60.0  # of a silence in an answer
RETRIES = 4
LEVELS = MappingProxyType({number: name for name, number in TRUST.items()})
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


class Remote(Kept):
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

    def record(
        self,
        what: Any,
        *,
        user: str | None = None,
        agent: str | None = None,
        session: str | None = None,
        actor: str | None = None,
        at: datetime | str | None = None,
        kind: str | None = None,
        key: str | None = None,
        trust: int | str | None = None,
        data: Mapping[str, Any] | None = None,
        basis: Sequence[str] = (),
        as_lived: bool = False,
    ) -> Recorded:
        """See `Clew.record`; without a `key` it is given one of its own, so that a second try records nothing twice."""
        whose = {"user": user, "agent": agent, "session": session, "actor": actor}
        level = LEVELS.get(trust, trust) if isinstance(trust, int) else trust
        own = {"at": at, "kind": kind, "key": key or uuid.uuid4().hex, "trust": level, "data": data}
        said = {"what": what, **whose, **own, "basis": basis, "as_lived": as_lived}
        found, again = self._wire.call("POST", "/v1/events", said, safe=True)
        done: Recorded = rebuilt(Recorded, found)
        if key is None and again and done.stages["log"] == "already":  # by the try before, whose answer was lost
            done = replace(done, stages={**done.stages, "log": "stored"})
        return done

    def tick(self, date: str | None = None) -> int:
        """See `Clew.tick`."""
        return self._post(Any, "/ticks", {"date": date}, safe=True)["added"]

    # -- reading ------------------------------------------------------------------------------------------------

    def recall(
        self,
        text: str,
        *,
        user: str | None = None,
        agent: str | None = None,
        session: str | None = None,
        k: int = 10,
        at: datetime | str | None = None,
        valid_at: datetime | str | None = None,
        as_of: datetime | str | int | None = None,
        recipe: str | None = None,
        kinds: Sequence[str] = (),
        max_tokens: int | None = None,
        archived: bool = False,
    ) -> list[Hit]:
        """See `Clew.recall`."""
        asked = {"text": text, "user": user, "agent": agent, "session": session, "k": k, "at": at, "valid_at": valid_at, "as_of": as_of}
        how = {"recipe": recipe, "kinds": kinds, "max_tokens": max_tokens, "archived": archived}
        return self._post(dict[str, list[Hit]], "/recall", {**asked, **how}, safe=True)["hits"]

    def prompt(
        self,
        text: str,
        *,
        user: str | None = None,
        agent: str | None = None,
        session: str | None = None,
        k: int = 20,
        max_tokens: int = 1500,
        recipe: str | None = None,
        **clocks: Any,
    ) -> str:
        """See `Clew.prompt`."""
        whose = {"user": user, "agent": agent, "session": session, "recipe": recipe}
        return self._post(Any, "/prompt", {"text": text, **whose, "k": k, "max_tokens": max_tokens, **clocks}, safe=True)["text"]

    def ask(self, text: str, *, user: str | None = None, recipe: str | None = None, k: int = 10, **options: Any) -> Answer:
        """See `Clew.ask`."""
        return self._post(Answer, "/ask", {"text": text, "user": user, "recipe": recipe, "k": k, **options}, safe=True)

    def thread(self, id: str) -> list[Quote]:
        """See `Clew.thread`; what is in quarantine is blanked for who may not review it."""
        return self._looked(list[Quote], id, "/thread")

    def get(self, id: str) -> Memory:
        """See `Clew.get`."""
        return self._looked(Memory, id)

    def history(self, id: str) -> list[tuple[Memory, Event, str | None]]:
        """See `Clew.history`; what waits in quarantine, and the events' own words, only for who may review it."""
        return self._looked(list[tuple[Memory, Event, str | None]], id, "/history")

    def _looked(self, shape: Any, id: str, what: str = "") -> Any:
        if not id:
            raise NotFound(f"there is no memory {id!r}; ids come from recall and memories")
        return rebuilt(shape, self._wire.read(f"/v1/memories/{quote(str(id), safe='')}{what}"))

    def memories(
        self,
        *,
        user: str | None = None,
        agent: str | None = None,
        session: str | None = None,
        kind: str | None = None,
        after: str | None = None,
        limit: int = 1000,
        recipe: str | None = None,
    ) -> list[Memory]:
        """See `Clew.memories`."""
        whose, found = {"user": user, "agent": agent, "session": session, "kind": kind, "recipe": recipe}, list[Memory]()
        while len(found) < limit:
            page = self._wire.read("/v1/memories", **whose, after=after, limit=min(PAGE, limit - len(found)))
            found += rebuilt(list[Memory], page["memories"])
            after = page["next"]
            if after is None:
                break
        return found

    def users(self) -> list[str]:
        """See `Clew.users`."""
        return self._wire.read("/v1/users")

    # -- an agent's own -----------------------------------------------------------------------------------------

    def window(
        self, *, session: str, user: str | None = None, agent: str | None = None, max_tokens: int | None = None, recipe: str | None = None
    ) -> list[dict[str, Any]]:
        """See `Clew.window`."""
        asked = {"session": session, "user": user, "agent": agent, "max_tokens": max_tokens, "recipe": recipe}
        return self._post(Any, "/window", asked, safe=True)

    def tools(self, recipe: str | None = None) -> list[dict[str, Any]]:
        """See `Clew.tools`."""
        return self._wire.read("/v1/tools", recipe=recipe)

    def call(
        self,
        tool: str,
        arguments: Mapping[str, Any] | str = "{}",
        *,
        session: str | None = None,
        user: str | None = None,
        agent: str | None = None,
        recipe: str | None = None,
        actor: str | None = None,
        key: str | None = None,
    ) -> str:
        """See `Clew.call`; without a `key` it is given one of its own, so that a second try does nothing twice."""
        whose = {"session": session, "user": user, "agent": agent, "recipe": recipe, "actor": actor}
        said = {"arguments": arguments, **whose, "key": key or uuid.uuid4().hex}
        return self._post(Any, f"/tools/{quote(tool, safe='')}", said, safe=True)["text"]

"""What the proxy does with memory at one request: whose it is, what is recalled, what is kept. None of it may fail the chat.

What the engine refuses is told in a header and in the program's log; the request goes on without.
"""

import hashlib
import json
import logging
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from clew.engine import Clew
from clew.errors import ClewError, UsageError
from clew.recall import NOTE
from clew.serve.access import LOCAL, Access, Principal
from clew.serve.grant import Grant
from clew.serve.proxy_shapes import Message, Shape, new
from clew.types import Scope

MODES = {"on": (True, True), "read": (True, False), "write": (False, True), "off": (False, False)}  # X-Clew-Memory: recalls, records
QUESTION = 4000  # characters of a question that are searched for: its beginning and its end
SESSION = ("x-clew-session", "session-id")  # the second as coding agents send it
ECHO = "(quoted from memory)"  # what is recorded of it: anew it would be its own echo
KNOWN = 4096  # conversations whose place is remembered, so that what is recalled stands still within a turn
logger = logging.getLogger("clew")


@dataclass(frozen=True, slots=True)
class Turn:
    """One request of a conversation, and what may be done with memory there."""

    grant: Grant
    scope: Scope
    recalls: bool
    records: bool
    named: bool  # the session was named by the client, so that equal words at an equal place are the same message

    @property
    def names(self) -> dict[str, Any]:
        """The scope as the door takes it."""
        return {"user": self.scope.user, "agent": self.scope.agent, "session": self.scope.session}


class Places:
    """Something small remembered for each of the newest conversations. Safe among threads; losing it loses nothing but a cache."""

    def __init__(self, most: int = KNOWN) -> None:
        self._most, self._lock = most, threading.Lock()
        self._kept: OrderedDict[str, Any] = OrderedDict()

    def get(self, key: str) -> Any:
        """What is remembered under the key; None where nothing is."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: str, value: Any) -> None:
        """Remember it, and nothing that is older than the newest few thousand."""
        with self._lock:
            self._kept[key] = value
            self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)


class ChatMemory:
    """A memory beside a chat: recall before a question, record after its answer."""

    def __init__(self, clew: Clew, access: Access, *, user: str | None = None, max_tokens: int = 1500) -> None:
        self._clew, self.access, self._user, self._max_tokens = clew, access, user, max_tokens
        self._places, self._sessions = Places(), Places()

    def turn(self, who: Principal, headers: Mapping[str, str], body: Mapping[str, Any], shape: Shape) -> Turn:
        """Whose memory a request is about: by its key, its headers, its `user` field. UsageError or NotFound where they make no sense."""
        mode = headers.get("x-clew-memory", "on").strip().lower()
        if mode not in MODES:
            raise UsageError(f"X-Clew-Memory is one of {', '.join(MODES)}; got {mode!r}")
        user = headers.get("x-clew-user")
        if user is None and who.user is None:
            given = next((name for field in ("user", "safety_identifier") if isinstance(name := body.get(field), str) and name), None)
            # a key of no user is somebody all the same: what it says must not become common to all
            user = given or self._user or (None if who is LOCAL else who.name)
        session = next((name for header in SESSION if (name := headers.get(header))), None)
        scope = who.scope(user, headers.get("x-clew-agent") or None, session)
        named = session or shape.conversation(body)
        if session is None:
            scope = Scope(scope.user, scope.agent, self._session(scope, body, shape))
        recalls, records = MODES[mode]
        return Turn(Grant(self._clew, self.access, who), scope, recalls, records and who.may("record"), bool(named))

    def _session(self, scope: Scope, body: Mapping[str, Any], shape: Shape) -> str:
        """A name for a conversation that has none: of the response it follows, or by its first words."""
        named = shape.conversation(body)
        if named is not None:
            return self._sessions.get(named) or f"chat-{self._digest(named)}"
        return f"chat-{self._digest([scope.user, *shape.spoken(body)[:1]])}"

    def _digest(self, value: Any) -> str:
        """Under the file's secret: a name outlives the words it was made of, and must not tell them."""
        text = json.dumps(value, ensure_ascii=False, sort_keys=True)
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=self._clew.database.secret[:64], digest_size=10).hexdigest()

    def block(self, turn: Turn, body: Mapping[str, Any], shape: Shape) -> tuple[str, str]:
        """(what is shown, what is told of it). Steps of one turn (calls of tools) see what was known when it began."""
        question = shape.question(body).strip()
        if not turn.recalls or not question:
            return "", "off" if not turn.recalls else "no question"
        if len(question) > QUESTION:
            question = f"{question[: QUESTION // 2]}\n{question[-QUESTION // 2 :]}"
        try:
            at, head = self._begun(turn, shape.spoken(body))
            whose = {"user": turn.scope.user, "agent": turn.scope.agent}  # what was said in other conversations is what is wanted
            block = turn.grant.prompt(question, **whose, max_tokens=self._max_tokens, at=at, as_of=head)
        except (ClewError, OSError) as error:
            return "", _failed("recall", error)
        return block, "recalled" if block else "nothing found"

    def _begun(self, turn: Turn, spoken: list[Message]) -> tuple[datetime, int]:
        """When this turn began, and the log's head then: now, unless calls of tools have come since the user's words."""
        last = next((i for i in range(len(spoken) - 1, -1, -1) if spoken[i]["role"] == "user"), -1)
        key = self._digest([*turn.names.values(), *spoken[: last + 1]])
        found = self._places.get(key) if last + 1 < len(spoken) else None
        if found is None:
            found = (datetime.now(UTC), self._clew.log.head())
            self._places.put(key, found)
        return found

    def keep(self, turn: Turn, body: Mapping[str, Any], shape: Shape, reply: Message | None, about: Mapping[str, Any]) -> str:
        """Record what is new in a request, and its answer: all or nothing. What is told of it."""
        if not turn.records:
            return "off"
        spoken = shape.spoken(body)
        said: list[Message] = []
        for place in range(new(spoken), len(spoken)):
            more = {"key": f"chat:{self._digest([*turn.names.values(), *spoken[: place + 1]])}"} if turn.named else {}
            echo = spoken[place]["role"] == "tool" and NOTE in spoken[place]["content"]
            said.append({**spoken[place], **more, **({"content": ECHO} if echo else {})})
        if reply is not None:
            said.append({**reply, "data": dict(about)})
        try:
            done = turn.grant.record(said, **turn.names) if said else None
        except (ClewError, OSError) as error:
            return _failed("record", error)
        return "nothing new" if done is None else f"{done.stages['log']} {done.seq}"

    def follows(self, turn: Turn, response: str | None) -> None:
        """Remember which session a response belongs to, for the request that follows it."""
        if isinstance(response, str) and turn.scope.session is not None:
            self._sessions.put(response, turn.scope.session)


def _failed(what: str, error: Exception) -> str:
    logger.warning("the proxy went on without memory, %s failed: %s: %s", what, type(error).__name__, error)
    return f"failed: {type(error).__name__}"

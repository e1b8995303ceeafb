"""What stands before every door: who asks, how much, how often, how slowly; pure ASGI, so that nothing is parsed for a stranger."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from time import monotonic

from anyio import to_thread
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from clew.errors import ClewError
from clew.serve.access import LOCAL, Access, Principal, Unauthenticated, nearby
from clew.serve.limits import Buckets, Limits, deep
from clew.serve.refusals import LAST, Refusal, refusal, too_large, too_often

HEADERS = [  # of every response that does not say otherwise
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]


@dataclass(frozen=True, slots=True)
class Door:
    """One protocol behind the shield: where it answers, and what is its own in how its requests are met."""

    told: Callable[[Refusal], Response]  # how it says that something is wrong
    prefix: str = ""  # it answers there and below
    body: int | None = None  # bytes of a request, where it is not what Limits says
    depth: bool = True  # whether JSON is bounded in its depth; what is only passed on need not be
    free: frozenset[str] = frozenset()  # paths that answer anybody
    streamed: frozenset[str] = frozenset()  # paths whose body is counted on its way, not held
    visitor: Callable[[str | None], Principal] | None = None  # who a request's cookies stand for, where it sends no Authorization

    def has(self, path: str) -> bool:
        """Whether a path is one of its own."""
        return path.startswith(self.prefix) and path[len(self.prefix) : len(self.prefix) + 1] in ("", "/")


class Shield:
    """The middleware. Puts the principal into `scope["state"]["principal"]`; of several doors the last has every path that no other has."""

    def __init__(self, app: ASGIApp, access: Access, limits: Limits, doors: Sequence[Door]) -> None:
        self.app, self.access, self.limits, self.doors = app, access, limits, doors
        self.buckets = Buckets(limits.rate, limits.burst)
        self._known: dict[bytes, tuple[float, Principal]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers, path = Headers(scope=scope), scope["path"]
        door = next((door for door in self.doors if door.has(path)), self.doors[-1])

        async def covered(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(pair for pair in HEADERS if pair[0] not in own)]
            async with asyncio.timeout(self.limits.send_s):  # who does not take the answer must not hold what it is read from
                await send(message)

        try:
            if path not in door.free:
                scope.setdefault("state", {})["principal"] = await self._admitted(door, scope, headers)
            receive = await self._bounded(door, path, headers, receive)
        except ClewError as error:
            return await door.told(refusal(error))(scope, receive, covered)
        except Refusal as refused:
            return await door.told(refused)(scope, receive, covered)
        await self.app(scope, receive, covered)

    async def _admitted(self, door: Door, scope: Scope, headers: Headers) -> Principal:
        """Who asks; only from this machine's own pages while no key is asked for."""
        given = headers.getlist("authorization")
        peer = (scope.get("client") or ("?",))[0]
        try:
            if len(given) > 1:
                raise Unauthenticated("more than one Authorization header was sent")
            if door.visitor is not None and not given:
                who = await to_thread.run_sync(door.visitor, headers.get("cookie"))
            else:
                who = await self._who(given[0] if given else None)
        except Unauthenticated:
            self._paced(f"stranger {peer}")
            raise
        if who is LOCAL:
            nearby(scope["headers"])
        self._paced(f"{who.name} {who.user}")
        return who

    async def _who(self, authorization: str | None) -> Principal:
        mark = hashlib.blake2b((authorization or "").encode(), digest_size=16).digest()
        until, who = self._known.get(mark, (0.0, None))
        if who is None or monotonic() > until:
            who = await to_thread.run_sync(self.access.principal, authorization)
            if len(self._known) > 1000:
                self._known.clear()
            self._known[mark] = (monotonic() + self.limits.trusted_s, who)
        return who

    def _paced(self, caller: str) -> None:
        wait = self.buckets.wait(caller)
        if wait:
            raise too_often(self.limits.rate, wait)

    async def _bounded(self, door: Door, path: str, headers: Headers, receive: Receive) -> Receive:
        """The body, read within its limits of size, time and depth, before anything else looks at it."""
        length, streamed, parts = headers.get("content-length"), path in door.streamed, "transfer-encoding" in headers
        if length is not None and parts:
            raise Refusal(HTTPStatus.BAD_REQUEST, "a body has a length or a transfer encoding, not both", None, LAST)
        most = self.limits.load if streamed else door.body or self.limits.body
        if length is not None and (not length.isdigit() or int(length) > most):
            raise too_large(most)
        if streamed:
            return _counted(receive, most)
        if length is None and not parts:
            return receive
        try:
            async with asyncio.timeout(self.limits.body_s):
                body = await _read(receive, most)
        except TimeoutError as error:
            raise Refusal(HTTPStatus.REQUEST_TIMEOUT, f"the body was not here within {self.limits.body_s:g} s", None, LAST) from error
        if door.depth and "json" in headers.get("content-type", "json") and deep(body, self.limits.depth):
            raise Refusal(HTTPStatus.BAD_REQUEST, f"JSON nests at most {self.limits.depth} deep here, this deeper", None, LAST)
        return again({"type": "http.request", "body": body, "more_body": False}, receive)


async def _read(receive: Receive, most: int) -> bytes:
    """The whole body; a Refusal where it has more bytes than that."""
    parts, size = [], 0
    while True:
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size > most:
            raise too_large(most)
        parts.append(part)
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return b"".join(parts)


def again(message: Message, receive: Receive) -> Receive:
    """A `receive` that gives what was received already, then whatever comes."""
    left = [message]

    async def given() -> Message:
        return left.pop() if left else await receive()

    return given


def _counted(receive: Receive, most: int) -> Receive:
    """A `receive` that ends a stream with more bytes than that by a Refusal."""
    size = 0

    async def counted() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > most:
            raise too_large(most, "an import")
        return message

    return counted

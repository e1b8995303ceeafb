"""What stands before every route: who asks, how much, how often, how slowly; pure ASGI, so that nothing is parsed for a stranger."""

import asyncio
import hashlib
import math
from http import HTTPStatus
from time import monotonic
from typing import Any

from anyio import to_thread
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from clew.errors import ClewError, Denied
from clew.serve.access import LOCAL, Access, Principal, Unauthenticated
from clew.serve.limits import Buckets, Limits, TooMuch, deep
from clew.serve.problems import problem, told

FREE = frozenset({"/health"})  # answers anybody
STREAMED = frozenset({"/v1/import"})  # its body is counted on its way, not held
LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
RELAYED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")  # somebody else's request, sent on to this machine
HEADERS = [  # of every response
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]


class Shield:
    """The middleware. Puts the principal into `scope["state"]["principal"]`."""

    def __init__(self, app: ASGIApp, access: Access, limits: Limits) -> None:
        self.app, self.access, self.limits = app, access, limits
        self.buckets = Buckets(limits.rate, limits.burst)
        self._known: dict[bytes, tuple[float, Principal]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)

        async def covered(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(pair for pair in HEADERS if pair[0] not in own)]
            async with asyncio.timeout(self.limits.send_s):  # who does not take the answer must not hold what it is read from
                await send(message)

        try:
            if scope["path"] not in FREE:
                scope.setdefault("state", {})["principal"] = await self._admitted(scope, headers)
            receive = await self._bounded(scope, headers, receive)
        except ClewError as error:
            return await told(error)(scope, receive, covered)
        except _Refused as refused:
            return await problem(refused.status, refused.detail, None, refused.headers)(scope, receive, covered)
        await self.app(scope, receive, covered)

    async def _admitted(self, scope: Scope, headers: Headers) -> Principal:
        """Who asks; only from this machine's own pages while no key is asked for."""
        given = headers.getlist("authorization")
        if len(given) > 1:
            raise Unauthenticated("more than one Authorization header was sent")
        peer = (scope.get("client") or ("?",))[0]
        try:
            who = await self._who(given[0] if given else None, headers)
        except Unauthenticated:
            self._paced(f"stranger {peer}")
            raise
        self._paced(f"{who.name} {who.user}")
        return who

    async def _who(self, authorization: str | None, headers: Headers) -> Principal:
        mark = hashlib.blake2b((authorization or "").encode(), digest_size=16).digest()
        until, who = self._known.get(mark, (0.0, None))
        if who is None or monotonic() > until:
            who = await to_thread.run_sync(self.access.principal, authorization)
            if len(self._known) > 1000:
                self._known.clear()
            self._known[mark] = (monotonic() + self.limits.trusted_s, who)
        if who is LOCAL:  # nobody had to show a key: then a page of another site, or a name that was bent to us, must not ask
            host, origin = headers.get("host", ""), headers.get("origin")
            if (host if host.endswith("]") else host.rpartition(":")[0] or host) not in LOOPBACK:
                raise Denied("without a key only this machine is answered, under the name localhost or 127.0.0.1")
            if any(name in headers for name in RELAYED):
                raise Denied("without a key nothing is answered through a relay; make keys with `clew keys add`")
            if origin is not None and origin.partition("://")[2] != host:
                raise Denied("without a key no page of another site is answered")
        return who

    def _paced(self, caller: str) -> None:
        wait = self.buckets.wait(caller)
        if wait:
            after = str(math.ceil(wait))
            raise _Refused(
                HTTPStatus.TOO_MANY_REQUESTS, f"more than {self.limits.rate:g} requests a second; wait {after} s", {"Retry-After": after}
            )

    async def _bounded(self, scope: Scope, headers: Headers, receive: Receive) -> Receive:
        """The body, read within its limits of size, time and depth, before anything else looks at it."""
        length, streamed = headers.get("content-length"), scope["path"] in STREAMED
        if length is not None and "transfer-encoding" in headers:
            raise _Refused(HTTPStatus.BAD_REQUEST, "a body has a length or a transfer encoding, not both")
        most = self.limits.load if streamed else self.limits.body
        if length is not None and (not length.isdigit() or int(length) > most):
            raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body here has at most {most:,} bytes, this one {length:.20}")
        if streamed:
            return _counted(receive, most)
        if length is None and "transfer-encoding" not in headers:
            return receive
        try:
            async with asyncio.timeout(self.limits.body_s):
                body = await _read(receive, most)
        except TimeoutError as error:
            raise _Refused(HTTPStatus.REQUEST_TIMEOUT, f"the body was not here within {self.limits.body_s:g} s") from error
        if body is None:
            raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body here has at most {most:,} bytes, this one more")
        if "json" in headers.get("content-type", "json") and deep(body, self.limits.depth):
            raise _Refused(HTTPStatus.BAD_REQUEST, f"JSON nests at most {self.limits.depth} deep here, this deeper")
        return _again(body, receive)


class _Refused(Exception):
    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, {"Connection": "close", **(headers or {})}


async def _read(receive: Receive, most: int) -> bytes | None:
    """The whole body; None where it has more bytes than that."""
    parts, size = [], 0
    while True:
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size > most:
            return None
        parts.append(part)
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives a body that was read, then whatever comes."""
    left: list[dict[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return left.pop() if left else await receive()

    return again


def _counted(receive: Receive, most: int) -> Receive:
    """A `receive` that ends a stream with more bytes than that."""
    size = 0

    async def counted() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > most:
            raise TooMuch(f"an import has at most {most:,} bytes")
        return message

    return counted

"""An OpenAI-compatible proxy: any client, any upstream, and a memory between them.

Requests and answers pass through as they are, but for the block of memory before the user's newest words. Handlers are `async`
because ASGI is; memory's work is done in threads.
"""

import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from clew.errors import ClewError, MissingExtra, UsageError
from clew.privacy.environment import secret
from clew.serve.access import LOCAL
from clew.serve.limits import Limits
from clew.serve.proxy_memory import ChatMemory, Turn
from clew.serve.proxy_shapes import CHAT, RESPONSES, Events, Heard, Shape
from clew.serve.refusals import Refusal, refusal

try:
    import anyio
    import anyio.to_thread
    import httpx2
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.middleware import Middleware
    from starlette.requests import Request
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route
    from starlette.types import Receive, Scope, Send

    from clew.serve.listener import listen
    from clew.serve.shield import Door, Shield
except ImportError as missing:
    raise MissingExtra("serve", f"the proxy (without {missing.name})") from missing

MOST_BYTES = 32 << 20  # of a request: a conversation with pictures in it
CONNECT_S = 10.0  # a model may think for long, but an upstream that is there answers the telephone
# Headers that go on to the upstream; whose memory it is, cookies and the client's own key do not.
ONWARD = ("accept", "content-type", "user-agent", "idempotency-key", "x-request-id", "x-client-request-id")
ONWARD_PREFIXES = ("openai-", "x-stainless-")
OUR_OWN = ("connection", "content-encoding", "content-length", "date", "keep-alive", "server", "transfer-encoding")  # of an answer
KINDS = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}
logger = logging.getLogger("clew")


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where the models are: an OpenAI-compatible address such as https://api.openai.com/v1, and its key."""

    base_url: str
    key: str | None = field(default=None, repr=False)
    read_s: float = 600.0  # the longest silence of an answer


def upstream(base_url: str, key: str | None = None) -> Upstream:
    """An upstream as it is named on a command line: a key `env:NAME` is that of the environment variable."""
    key = None if key is None else secret(key, "the upstream's key")
    if not base_url.startswith(("http://", "https://")):
        raise UsageError(f"an upstream is an address such as https://api.openai.com/v1, got {base_url!r}")
    return Upstream(base_url, key)


class Proxy:
    """The four routes over one memory and one upstream; whoever holds them enters `run()` in its lifespan, and stands a shield before them.

    `prefix` stands before their paths, where others have /v1 too.
    """

    def __init__(self, memory: ChatMemory, upstream: Upstream, prefix: str = "") -> None:
        self._memory, self._upstream = memory, upstream
        self._client: httpx2.AsyncClient | None = None
        self.routes = [
            Route(f"{prefix}/v1{path}", partial(handler, path=path, **more), methods=[method])
            for method, path, handler, more in (
                ("POST", "/chat/completions", self._spoken, {"shape": CHAT}),
                ("POST", "/responses", self._spoken, {"shape": RESPONSES}),
                ("POST", "/embeddings", self._passed, {}),
                ("GET", "/models", self._passed, {}),
            )
        ]

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """The connections to the upstream, while it is open."""
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=100)
        async with httpx2.AsyncClient(timeout=httpx2.Timeout(self._upstream.read_s, connect=CONNECT_S), limits=limits) as client:
            self._client = client
            yield
            self._client = None

    # -- the routes ---------------------------------------------------------------------------------------------

    async def _passed(self, request: Request, path: str) -> Response:
        """What memory has no part in."""
        answer = await self._sent(request, path, await request.body())
        return answer if isinstance(answer, Response) else await _whole(answer, {})

    async def _spoken(self, request: Request, path: str, shape: Shape) -> Response:
        """A turn of a conversation: what is remembered goes in, the question goes on, what was said is kept."""
        content = await request.body()
        body = _parsed(content)
        try:
            turn = await anyio.to_thread.run_sync(self._memory.turn, request.state.principal, request.headers, body, shape)
        except ClewError as error:
            return _shaped(refusal(error))
        block, told = await anyio.to_thread.run_sync(self._memory.block, turn, body, shape)
        told_of = {"X-Clew-Memory": told, "X-Clew-Session": _ascii(turn.scope.session or "")}
        if block:
            content = json.dumps(shape.shown(body, block)).encode()
        answer = await self._sent(request, path, content)
        if isinstance(answer, Response):
            answer.headers.update(told_of)
            return answer
        if answer.status_code != 200:
            return await _whole(answer, told_of)
        keeping = Keeping(self._memory, turn, body, shape)
        if answer.headers.get("content-type", "").startswith("text/event-stream"):
            return Relay(answer, keeping, told_of)
        return await keeping.whole(answer, told_of)

    # -- the upstream -------------------------------------------------------------------------------------------

    async def _sent(self, request: Request, path: str, content: bytes) -> "httpx2.Response | Response":
        """The upstream's answer, its body still to be read; a response of ours where it cannot be reached."""
        assert self._client is not None, "the proxy is entered with run() first"
        url = self._upstream.base_url.rstrip("/") + path
        onward = self._client.build_request(
            request.method, url, params=request.query_params, headers=self._headers(request), content=content or None
        )
        try:
            return await self._client.send(onward, stream=True)
        except httpx2.TransportError as error:
            logger.warning("the upstream of the proxy did not answer: %s: %s", type(error).__name__, error)
            late = isinstance(error, httpx2.TimeoutException)
            why = f"the upstream {'took too long' if late else 'cannot be reached'}: {type(error).__name__}"
            return _shaped(Refusal(504 if late else 502, why))

    def _headers(self, request: Request) -> dict[str, str]:
        headers = {n: v for n, v in request.headers.items() if n in ONWARD or n.startswith(ONWARD_PREFIXES)}
        headers["accept-encoding"] = "identity"  # so that what passes by can be read
        if self._upstream.key is not None:
            headers["authorization"] = f"Bearer {self._upstream.key}"
        elif request.state.principal is LOCAL and "authorization" in request.headers:
            headers["authorization"] = request.headers["authorization"]  # there are no keys of ours that it could be
        return headers


# -- what comes back ------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Keeping:
    """A turn that is being answered, to be recorded once it is."""

    memory: ChatMemory
    turn: Turn
    body: Mapping[str, Any]
    shape: Shape

    async def whole(self, answer: "httpx2.Response", told_of: dict[str, str]) -> Response:
        """An answer in one piece: recorded, then passed on."""
        response = await _whole(answer, told_of)
        found = _parsed(bytes(response.body))
        if response.status_code == 200 and found:
            response.headers["X-Clew-Recorded"] = await self.kept(self.shape.whole(found), None)
        return response

    async def kept(self, heard: Heard, cut: str | None) -> str:
        """Record the turn with what was heard of the answer; `cut` says who broke it off."""
        about = {"model": str(self.body.get("model")), **({"cut": cut} if cut else {})}
        self.memory.follows(self.turn, heard.id)
        return await anyio.to_thread.run_sync(self.memory.keep, self.turn, self.body, self.shape, heard.message(), about)


class Relay(Response):
    """A stream passed on piece by piece as it comes; what went by is recorded when it ends, whoever ended it."""

    def __init__(self, answer: "httpx2.Response", keeping: Keeping, told_of: Mapping[str, str]) -> None:
        super().__init__(status_code=answer.status_code)
        self.raw_headers = _headers(answer, told_of)
        self._answer, self._keeping = answer, keeping
        self._heard, self._events = keeping.shape.heard(), Events()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on. Where the client leaves, the upstream is let go; where the upstream breaks off, so does this."""
        cut: str | None = "the client left"
        try:
            async with anyio.create_task_group() as group:

                async def leaving() -> None:
                    while (await receive())["type"] != "http.disconnect":
                        pass
                    group.cancel_scope.cancel()

                group.start_soon(leaving)
                cut = await self._passed(send)
                group.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                await self._answer.aclose()
                await self._keeping.kept(self._heard, cut)

    async def _passed(self, send: Send) -> str | None:
        """Until its end; what cut it, if it was cut."""
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            async for piece in self._answer.aiter_bytes():
                for event in self._events.feed(piece):
                    self._heard.feed(event)
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        except httpx2.TransportError as error:
            logger.warning("the upstream of the proxy broke off: %s: %s", type(error).__name__, error)
            return "the upstream broke off"
        except OSError:
            return "the client left"
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        return None


async def _whole(answer: "httpx2.Response", told_of: Mapping[str, str]) -> Response:
    """The upstream's answer as it is, its status, headers and bytes."""
    try:
        content = await answer.aread()
    except httpx2.TransportError as error:
        return _shaped(Refusal(502, f"the upstream broke off: {type(error).__name__}", None, dict(told_of)))
    finally:
        await answer.aclose()
    response = Response(content, answer.status_code)
    length = [(name, value) for name, value in response.raw_headers if name == b"content-length"]
    response.raw_headers = [*length, *_headers(answer, told_of)]
    return response


def _headers(answer: "httpx2.Response", told_of: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    theirs = [(n, v) for n, v in answer.headers.raw if n.lower().decode("latin-1") not in OUR_OWN]
    return [(n.lower(), v) for n, v in theirs] + [(n.lower().encode(), v.encode("latin-1")) for n, v in told_of.items()]


# -- what goes wrong ------------------------------------------------------------------------------------------------


def _parsed(content: bytes) -> dict[str, Any]:
    """A body as JSON; {} where it is none, and the upstream says what it thinks of it."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _shaped(wrong: Refusal) -> Response:
    """A refusal in the shape that clients of OpenAI read."""
    kind = KINDS.get(wrong.status, "invalid_request_error" if wrong.status < 500 else "server_error")
    message = f"{wrong.kind}: {wrong.detail}" if wrong.kind else wrong.detail
    error = {"message": message, "type": kind, "param": None, "code": "invalid_api_key" if wrong.status == 401 else None}
    return JSONResponse({"error": error}, wrong.status, wrong.headers)


async def _missing(request: Request, error: Any) -> Response:
    return _shaped(Refusal(error.status_code, f"{error.detail}: {request.method} {request.url.path}", None, dict(error.headers or {})))


def _ascii(text: str) -> str:
    """A name as a header may hold it."""
    return text.encode("ascii", "backslashreplace").decode().translate(dict.fromkeys((*range(32), 127), "?"))


def door(prefix: str = "") -> Door:
    """What is its own before the shield."""
    return Door(_shaped, prefix, body=MOST_BYTES, depth=False)


def routed(proxy: Proxy, **more: Any) -> Starlette:
    """The four routes, and nothing at any other path."""
    return Starlette(routes=proxy.routes, exception_handlers={HTTPException: _missing}, **more)


def app(memory: ChatMemory, upstream: Upstream, limits: Limits | None = None) -> Starlette:
    """A whole application with the four routes."""
    proxy, limits = Proxy(memory, upstream), limits or Limits()
    shield = Middleware(Shield, access=memory.access, limits=limits, doors=[door()])
    return routed(proxy, middleware=[shield], lifespan=lambda _: proxy.run())


def serve(memory: ChatMemory, upstream: Upstream, host: str = "127.0.0.1", port: int = 8766) -> None:
    """Listen until the process is told to stop."""
    listen(app(memory, upstream), host, port)

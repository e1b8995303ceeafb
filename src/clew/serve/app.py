"""The service: one application made of a memory, who may use it, and limits. REST, MCP, and where there is an upstream, the proxy."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import clew
from clew.engine import Clew
from clew.errors import MissingExtra
from clew.serve.access import Access
from clew.serve.grant import Grant
from clew.serve.limits import Limits
from clew.serve.operations import Operations

try:
    from anyio import CapacityLimiter, to_thread
    from fastapi import APIRouter, Depends, FastAPI, Request, Response
    from fastapi.routing import APIRoute
    from fastapi.security import HTTPBearer
    from starlette.types import ASGIApp, Receive, Scope, Send

    from clew.serve import mcp, problems, proxy
    from clew.serve.direct import Direct, short
    from clew.serve.inspector.pages import inspector
    from clew.serve.mcp_offers import Offer, offers
    from clew.serve.meters import ROUTE, TEXT, Measured, Meters
    from clew.serve.proxy_memory import ChatMemory
    from clew.serve.routes import asking, events, fading, forgetting, keeping, memories, retaining, reviewing, views, working
    from clew.serve.seams import known
    from clew.serve.shield import Door, Shield
except ImportError as missing:
    raise MissingExtra("serve", f"a service (without {missing.name})") from missing

ROUTERS = (events, asking, memories, reviewing, forgetting, retaining, fading, working, views, keeping)
HEALTHY = {"status": "ok"}
REST = Door(problems.shaped, free=frozenset({"/health"}), streamed=frozenset({"/v1/import"}))
MCP = "/mcp"
OPENAI = "/openai"  # of the proxy: OpenAI's protocol has the names under /v1 too
# Says in the description how a key is sent; the shield has looked at it long before.
BEARER = Depends(
    HTTPBearer(auto_error=False, description="An API key made by `clew keys add`, or a token of the provider that is trusted.")
)


def application(
    memory: Clew,
    access: Access,
    limits: Limits | None = None,
    upstream: proxy.Upstream | None = None,
    secret: str | None = None,
    tools: Mapping[str, Offer] | None = None,
) -> FastAPI:
    """An ASGI application over this memory, which stays the caller's to close. Processes of one service share the `secret` of sessions.

    `tools` is what MCP offers, made by `mcp_offers.offers`; None: the ten.
    """
    limits, meters = limits or Limits(), Meters()
    beside = _beside(memory, access, upstream, secret, offers(memory) if tools is None else tools)

    @asynccontextmanager
    async def living(app: FastAPI) -> AsyncIterator[None]:
        to_thread.current_default_thread_limiter().total_tokens = limits.threads
        async with AsyncExitStack() as open:
            for room in beside:
                await open.enter_async_context(room.run())
            yield
        await to_thread.run_sync(app.state.operations.close)

    app = FastAPI(
        title="Clew",
        version=clew.__version__,
        summary="Memory for agents: what happened is written down once; every memory leads back to the words.",
        lifespan=living,
        docs_url=None,  # they would load scripts from elsewhere
        redoc_url=None,
        responses=problems.ANY,
        separate_input_output_schemas=False,
        generate_unique_id_function=lambda route: route.name,  # the verb's own name, for the clients that are made of it
    )
    app.state.clew, app.state.access, app.state.operations = memory, access, Operations(memory)
    problems.mount(app)
    _standing(app, meters)
    for room in ROUTERS:
        app.include_router(room.router, prefix="/v1", dependencies=[BEARER, Depends(known)])
    # the last is the outermost
    shorts = [way for room in ROUTERS for route in room.router.routes if isinstance(route, APIRoute) and (way := short(route, "/v1"))]
    few = CapacityLimiter(limits.recalls)
    limiters = {} if memory.models.asker is not None else {"/v1/recall": few, "/v1/prompt": few}
    app.add_middleware(Direct, routes=shorts, granted=lambda who: Grant(memory, access, who), limiters=limiters)
    app.add_middleware(Beside, rooms=beside)
    app.add_middleware(Shield, access=access, limits=limits, doors=[*(room.door for room in beside), REST])
    app.add_middleware(Measured, meters=meters)
    _described(app)
    return app


@dataclass(frozen=True, slots=True)
class Room:
    """Another protocol's application, and what has to be open while it answers."""

    door: Door
    app: ASGIApp
    run: Callable[[], AbstractAsyncContextManager[None]]


def _beside(memory: Clew, access: Access, upstream: proxy.Upstream | None, secret: str | None, tools: Mapping[str, Offer]) -> list[Room]:
    """The inspector, MCP, and the proxy where it has an upstream."""
    agents = mcp.Mount(mcp.Service(memory, tools), access)
    found = [Room(*inspector(memory, access, secret), nullcontext), Room(mcp.door(MCP), mcp.routed(agents, MCP), agents.run)]
    if upstream is not None:
        talk = proxy.Proxy(ChatMemory(memory, access), upstream, OPENAI)
        found.append(Room(proxy.door(OPENAI), proxy.routed(talk), talk.run))
    return found


class Beside:
    """The middleware that hands requests of other protocols to their own applications."""

    def __init__(self, app: ASGIApp, rooms: Sequence[Room]) -> None:
        self.app, self.rooms = app, rooms

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http":
            for room in self.rooms:
                if room.door.has(scope["path"]):
                    scope[ROUTE] = room.door.prefix
                    return await room.app(scope, receive, send)
        await self.app(scope, receive, send)


def _described(app: FastAPI) -> None:
    """Let the description know what a problem looks like."""

    def described() -> dict[str, Any]:
        schema = FastAPI.openapi(app)
        schema["components"]["schemas"].setdefault("Problem", problems.Problem.model_json_schema())
        return schema

    app.openapi = described


def _standing(app: FastAPI, meters: Meters) -> None:
    """Whether it lives, whether it can work, and what it has done."""
    router = APIRouter(tags=["standing"])

    @router.get("/health", response_model=dict[str, str])
    async def health() -> dict[str, str]:
        """It runs. Answers anybody."""
        return HEALTHY

    @router.get("/ready", dependencies=[BEARER], response_model=dict[str, int])
    def ready(request: Request) -> dict[str, int]:
        """It can read its log: the place of the newest event."""
        request.state.principal.needs("recall")
        return {"head": request.app.state.clew.log.head()}

    @router.get("/metrics", dependencies=[BEARER], responses={200: {"content": {"text/plain": {}}}})
    def metrics(request: Request) -> Response:
        """Counters in Prometheus' text form, of this process."""
        request.state.principal.whole("status")
        return Response(meters.text(request.app.state.clew.log.head()), media_type=TEXT)

    app.include_router(router)

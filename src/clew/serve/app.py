"""The REST service: an application made of a memory, who may use it, and limits."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import clew
from clew.engine import Clew
from clew.errors import MissingExtra
from clew.serve.access import Access
from clew.serve.limits import Limits
from clew.serve.operations import Operations

try:
    from anyio import to_thread
    from fastapi import APIRouter, Depends, FastAPI, Request, Response
    from fastapi.security import HTTPBearer

    from clew.serve import problems
    from clew.serve.meters import TEXT, Measured, Meters
    from clew.serve.routes import asking, events, forgetting, keeping, memories, reviewing, views, working
    from clew.serve.seams import known
    from clew.serve.shield import Shield
except ImportError as missing:
    raise MissingExtra("serve", f"a service (without {missing.name})") from missing

ROUTERS = (events, asking, memories, reviewing, forgetting, working, views, keeping)
HEALTHY = {"status": "ok"}
# Says in the description how a key is sent; the shield has looked at it long before.
BEARER = Depends(
    HTTPBearer(auto_error=False, description="An API key made by `clew keys add`, or a token of the provider that is trusted.")
)


def application(memory: Clew, access: Access, limits: Limits | None = None) -> FastAPI:
    """An ASGI application over this memory, which stays the caller's to close."""
    limits, meters = limits or Limits(), Meters()

    @asynccontextmanager
    async def living(app: FastAPI) -> AsyncIterator[None]:
        to_thread.current_default_thread_limiter().total_tokens = limits.threads
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
    app.add_middleware(Shield, access=access, limits=limits)
    app.add_middleware(Measured, meters=meters)
    _described(app)
    return app


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

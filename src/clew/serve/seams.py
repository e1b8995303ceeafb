"""What routes have in common: the memory as the caller may use it, and answers made straight from the engine's values."""

from contextlib import aclosing
from functools import cache
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import TypeAdapter
from starlette.types import Send

from clew.errors import UsageError
from clew.serve.grant import Grant
from clew.serve.operations import Operations

JSON = "application/json"


async def granted(request: Request) -> Grant:
    """The memory as this caller may use it."""
    return Grant(request.app.state.clew, request.app.state.access, request.state.principal)


async def operations(request: Request) -> Operations:
    """The long work of this process."""
    return request.app.state.operations


async def known(request: Request) -> None:
    """UsageError for a query parameter that the route does not take: it would vanish without a word."""
    takes = [field.alias for field in request.scope["route"].dependant.query_params]
    unknown = sorted(set(request.query_params) - set(takes))
    if unknown:
        raise UsageError(f"there is no query parameter {unknown[0]!r:.60} here" + (f"; there are {', '.join(takes)}" if takes else ""))


Granted = Annotated[Grant, Depends(granted)]
Running = Annotated[Operations, Depends(operations)]


@cache
def _adapter(shape: Any) -> TypeAdapter[Any]:
    return TypeAdapter(shape)


def answer(shape: Any, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """The value as JSON, by its type alone: our values need no checking on their way out."""
    return Response(_adapter(shape).dump_json(value, by_alias=True), status, headers, JSON)


class Streamed(StreamingResponse):
    """A stream whose source is closed when it ends, however it ends; by itself the framework leaves that to the garbage collector."""

    async def stream_response(self, send: Send) -> None:
        """See `StreamingResponse`."""
        source: Any = self.body_iterator
        async with aclosing(source):
            await super().stream_response(send)

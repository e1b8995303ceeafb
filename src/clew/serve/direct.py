"""The short way for requests that are a body and nothing else: without the framework's routing and its solving of dependencies.

What is unusual about a request (a query, another content type, JSON that does not fit) goes the framework's way, and is told there.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from inspect import Parameter, isclass, iscoroutinefunction, signature
from typing import Any

from anyio import to_thread
from fastapi import Response
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from starlette.types import ASGIApp, Receive, Scope, Send

from clew.errors import ClewError
from clew.serve import problems
from clew.serve.grant import Grant
from clew.serve.meters import ROUTE
from clew.serve.refusals import refusal
from clew.serve.seams import Granted
from clew.serve.shapes import Shape
from clew.serve.shield import again


@dataclass(frozen=True, slots=True)
class Short:
    """A route that takes a body and the memory; everything else that it takes may be left out."""

    path: str
    body: str
    memory: str
    shape: TypeAdapter[Any]
    call: Callable[..., Response]
    headers: frozenset[bytes]  # that mean something to it

    def takes(self, scope: Scope) -> bool:
        """Whether a request is the usual one: JSON, and nothing beside it."""
        kind = b""
        for name, value in scope["headers"]:
            if name == b"content-type":
                kind = value
            elif name in self.headers:
                return False
        return kind == b"application/json" and not scope["query_string"]


def short(route: APIRoute, prefix: str) -> Short | None:
    """The short way of a route; None where it has none."""
    given = signature(route.endpoint).parameters.values()
    bodies = [p for p in given if isclass(p.annotation) and issubclass(p.annotation, Shape)]
    memories = [p.name for p in given if p.annotation == Granted]
    others = [p for p in given if p not in bodies and p.name not in memories]
    if "{" in route.path or route.methods != {"POST"} or len(bodies) != 1 or len(memories) != 1:
        return None
    if iscoroutinefunction(route.endpoint) or any(p.default is Parameter.empty for p in others):
        return None
    headers = frozenset(p.name.replace("_", "-").encode() for p in others)
    return Short(prefix + route.path, bodies[0].name, memories[0], TypeAdapter(bodies[0].annotation), route.endpoint, headers)


class Direct:
    """The middleware. The shield before it has put the principal into the request's state and the body into one piece."""

    def __init__(self, app: ASGIApp, routes: Iterable[Short], granted: Callable[[Any], Grant], limiters: Mapping[str, Any]) -> None:
        """`limiters`: by path, how many are worked on at one time where that is not what the whole service allows."""
        self.app, self.granted, self.limiters = app, granted, limiters
        self.routes: Mapping[str, Short] = {route.path: route for route in routes}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        route = self.routes.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if route is None or not route.takes(scope):
            return await self.app(scope, receive, send)
        message = await receive()
        try:
            shaped = route.shape.validate_python(json.loads(message.get("body", b"")))
        except (ValueError, RecursionError):
            return await self.app(scope, again(message, receive), send)  # which says what is wrong with it
        scope[ROUTE] = route.path
        given = {route.body: shaped, route.memory: self.granted(scope["state"]["principal"])}
        try:
            answer = await to_thread.run_sync(partial(route.call, **given), limiter=self.limiters.get(route.path))
        except ClewError as error:
            answer = problems.shaped(refusal(error))
        await answer(scope, receive, send)

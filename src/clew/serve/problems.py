"""What went wrong, as problem documents (RFC 9457) in the error's own words: one table from errors to statuses."""

import math
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from clew.errors import ClewError, MissingExtra, ModelUnavailable, StorageBusy
from clew.serve.limits import TooMuch

MEDIA = "application/problem+json"
AFTER = 1.0  # seconds after which a busy file is worth another try


class Problem(BaseModel):
    """What went wrong and what would be right."""

    type: str = Field(description="urn:clew:error: and the error's name; about:blank where HTTP's own meaning is all.")
    title: str
    status: int
    detail: str = Field(description="The error's own words: what, with which value, and what would be right.")


ANY: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "Something is wrong; the problem says what would be right.",
        "content": {MEDIA: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}


def problem(status: int, detail: str, kind: str | None = None, headers: dict[str, str] | None = None) -> JSONResponse:
    """A response that is a problem document."""
    title = HTTPStatus(status).phrase
    body = {"type": f"urn:clew:error:{kind}" if kind else "about:blank", "title": title, "status": status, "detail": detail}
    return JSONResponse(body, status, headers, MEDIA)


def told(error: ClewError) -> JSONResponse:
    """The problem document of an error of ours: its class says the status, its message what would be right."""
    headers = {}
    if error.http_status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, ModelUnavailable | StorageBusy):
        headers["Retry-After"] = str(math.ceil(getattr(error, "after", AFTER)))
    detail = str(error) or (type(error).__doc__ or "")
    if isinstance(error, MissingExtra):
        headers["X-Clew-Extra"] = error.extra
    return problem(error.http_status, detail, type(error).__name__, headers)


def _wrong(errors: Sequence[Any]) -> str:
    """The first things that do not fit a request's shape, in one line, without the values themselves."""
    lines = [f"{'.'.join(str(part) for part in error['loc'])}: {error['msg']}" for error in errors[:5]]
    return "; ".join(lines) + (f"; and {len(errors) - 5} more" if len(errors) > 5 else "")


def mount(app: FastAPI) -> None:
    """Let every error of an application leave it as a problem document."""

    @app.exception_handler(ClewError)
    async def ours(request: Request, error: ClewError) -> JSONResponse:
        return told(error)

    @app.exception_handler(RequestValidationError)
    async def misshapen(request: Request, error: RequestValidationError) -> JSONResponse:
        return problem(HTTPStatus.BAD_REQUEST, _wrong(error.errors()), "UsageError")

    @app.exception_handler(TooMuch)
    async def large(request: Request, error: TooMuch) -> JSONResponse:
        return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, str(error), None, {"Connection": "close"})

    @app.exception_handler(HTTPException)
    async def plain(request: Request, error: HTTPException) -> JSONResponse:
        return problem(error.status_code, str(error.detail), None, dict(error.headers or {}))

    @app.exception_handler(Exception)
    async def unforeseen(request: Request, error: Exception) -> JSONResponse:
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "a fault of the server; its log has the traceback")

"""What went wrong, as problem documents (RFC 9457) in the error's own words."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from clew.errors import ClewError
from clew.serve.refusals import Refusal, refusal

MEDIA = "application/problem+json"


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


def shaped(wrong: Refusal) -> JSONResponse:
    """A refusal as a problem document."""
    body = {
        "type": f"urn:clew:error:{wrong.kind}" if wrong.kind else "about:blank",
        "title": HTTPStatus(wrong.status).phrase,
        "status": wrong.status,
        "detail": wrong.detail,
    }
    return JSONResponse(body, wrong.status, wrong.headers, MEDIA)


def wrong(errors: Sequence[Any]) -> str:
    """The first things that do not fit a request's shape, in one line, without the values themselves."""
    lines = [f"{'.'.join(str(part) for part in error['loc'])}: {error['msg']}" for error in errors[:5]]
    return "; ".join(lines) + (f"; and {len(errors) - 5} more" if len(errors) > 5 else "")


def mount(app: FastAPI) -> None:
    """Let every error of an application leave it as a problem document."""

    @app.exception_handler(ClewError)
    async def ours(request: Request, error: ClewError) -> JSONResponse:
        return shaped(refusal(error))

    @app.exception_handler(Refusal)
    async def refused(request: Request, error: Refusal) -> JSONResponse:
        return shaped(error)

    @app.exception_handler(RequestValidationError)
    async def misshapen(request: Request, error: RequestValidationError) -> JSONResponse:
        return shaped(Refusal(HTTPStatus.BAD_REQUEST, wrong(error.errors()), "UsageError"))

    @app.exception_handler(HTTPException)
    async def plain(request: Request, error: HTTPException) -> JSONResponse:
        return shaped(Refusal(error.status_code, str(error.detail), None, dict(error.headers or {})))

    @app.exception_handler(Exception)
    async def unforeseen(request: Request, error: Exception) -> JSONResponse:
        return shaped(Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "a fault of the server; its log has the traceback"))

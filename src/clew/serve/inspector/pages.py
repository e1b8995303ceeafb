"""The inspector as an application of its own, and its door: it knows people by a cookie, and says what is wrong on a page."""

from http import HTTPStatus
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from clew.engine import Clew
from clew.errors import ClewError
from clew.serve.access import Access
from clew.serve.inspector import acting, asking, entry, memories, standing, timeline
from clew.serve.inspector.frame import asset, failed
from clew.serve.inspector.session import AWAY, BACK, ENTRY, PAGES, Sessions
from clew.serve.inspector.visiting import moved
from clew.serve.problems import wrong
from clew.serve.refusals import Refusal, refusal
from clew.serve.shield import Door

ROOMS = (entry, timeline, asking, memories, acting, standing)
LARGEST = 1_000_000  # bytes of a form
FREE = frozenset({ENTRY, AWAY, BACK, *(asset(name).partition("?")[0] for name in entry.FILES)})  # what anybody may see


def inspector(memory: Clew, access: Access, secret: str | None = None) -> tuple[Door, ASGIApp]:
    """The door and the application behind it. Processes of one service share the `secret` by which they know each other's sessions."""
    sessions = Sessions(access, secret)
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.state.clew, app.state.access, app.state.sessions = memory, access, sessions
    _mount(app)
    for room in ROOMS:
        app.include_router(room.router, prefix=PAGES)
    return Door(_told, PAGES, body=LARGEST, depth=False, free=FREE, visitor=sessions.visitor), app


def _told(error: Refusal) -> Response:
    """What the shield refuses: strangers are sent to the login."""
    return _Login() if error.status == HTTPStatus.UNAUTHORIZED else failed(None, error)


class _Login(Response):
    """Go to the login, and from there to where one wanted to."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        query = scope["query_string"].decode("latin-1")
        target = scope["path"] + (f"?{query}" if query else "")
        await moved(f"{ENTRY}?next={quote(target)}" if scope["method"] == "GET" else ENTRY)(scope, receive, send)


def _mount(app: FastAPI) -> None:
    """Let every error leave as a page."""

    def shown(request: Request, error: Refusal) -> Response:
        return failed(getattr(request.state, "visit", None), error)

    @app.exception_handler(ClewError)
    def ours(request: Request, error: ClewError) -> Response:
        return shown(request, refusal(error))

    @app.exception_handler(Refusal)
    def refused(request: Request, error: Refusal) -> Response:
        return shown(request, error)

    @app.exception_handler(RequestValidationError)
    def misshapen(request: Request, error: RequestValidationError) -> Response:
        return shown(request, Refusal(HTTPStatus.BAD_REQUEST, wrong(error.errors())))

    @app.exception_handler(HTTPException)
    def plain(request: Request, error: HTTPException) -> Response:
        return shown(request, Refusal(error.status_code, str(error.detail), None, dict(error.headers or {})))

    @app.exception_handler(Exception)
    def unforeseen(request: Request, error: Exception) -> Response:
        return shown(request, Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "a fault of the server; its log has the traceback"))

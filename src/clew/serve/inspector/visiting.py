"""How a page is asked for: who looks, at whose memory, and what a form says."""

from typing import Annotated
from urllib.parse import parse_qsl, urlsplit

from fastapi import Depends, Query, Request
from fastapi.responses import RedirectResponse
from pydantic import Field

from clew.errors import Denied, UsageError
from clew.serve.inspector.frame import PAGES, Visit
from clew.serve.inspector.sight import Sight
from clew.serve.shapes import LARGEST

USERS = 500  # that are offered for choice
FIELDS = 50  # of a form
Text = Annotated[str, Query(max_length=10_000)]
Name = Annotated[str, Query(max_length=500)]
Place = Annotated[int | None, Query(ge=0, le=LARGEST)]
# a place in the log where it is a number, else an instant
Moment = Annotated[Annotated[int, Field(ge=0, le=LARGEST)] | Annotated[str, Field(max_length=64)], Field(union_mode="left_to_right")]


def moved(target: str) -> RedirectResponse:
    """Go on there, by GET."""
    return RedirectResponse(target, 303)


def visiting(request: Request, user: Name | None = None) -> Visit:
    """Who looks at whose memory: that of the user named, everybody's by "-", else the first user's there is."""
    sight = Sight(request.app.state.clew, request.app.state.access, request.state.principal)
    users = sight.users()
    whose = sight.who.user or (next(iter(users), None) if user is None else None if user == "-" else user)
    if sight.who.user is not None and user not in (None, sight.who.user):
        sight.who.scope(user)  # NotFound, in the words of the door
    page = request.url.path.removeprefix(PAGES).strip("/").partition("/")[0]
    visit = Visit(sight, page, whose, users[:USERS], dict(request.query_params))
    request.state.visit = visit
    return visit


async def form(request: Request) -> dict[str, str]:
    """The fields of a form of this site's own page; Denied where another site sent it."""
    origin = request.headers.get("origin")
    if origin is None or urlsplit(origin).netloc != request.headers.get("host"):
        raise Denied("a form is taken from the inspector's own pages only")
    try:
        return dict(parse_qsl((await request.body()).decode(), max_num_fields=FIELDS))
    except ValueError as error:
        raise UsageError(f"this is no form: {error}") from error


Seen = Annotated[Visit, Depends(visiting)]
Form = Annotated[dict[str, str], Depends(form)]

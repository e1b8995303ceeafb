"""The way in: where pages begin, the login, the files that all pages share."""

import mimetypes

from fastapi import APIRouter, Request, Response

from clew.errors import NotFound
from clew.serve.access import Unauthenticated
from clew.serve.inspector.frame import HEADERS, PAGES, STATIC, bare, note
from clew.serve.inspector.markup import el
from clew.serve.inspector.session import ENTRY, HOURS, NAME, Sessions
from clew.serve.inspector.visiting import Form, Seen, moved

router = APIRouter()
FILES = {path.name: path for path in STATIC.iterdir()}


@router.get("")
def beginning(visit: Seen) -> Response:
    """The first page that the visitor may see."""
    return moved(visit.link("timeline" if visit.may("events") else "recall"))


@router.get("/login")
def login(request: Request, next: str = PAGES) -> Response:
    """Asks for a key."""
    return moved(_inside(next)) if request.app.state.access.open else _asking(next)


def _asking(next: str, wrong: str | None = None) -> Response:
    key = el("input", type="password", name="key", id="key", required=True, autocomplete="current-password", autofocus=True)
    form = el(
        "form",
        el("input", type="hidden", name="next", value=_inside(next)),
        el("input", type="text", name="name", value="clew", autocomplete="username", hidden=True),  # for those who let a browser keep it
        el("div", el("label", "Key", for_="key"), key, class_="field"),
        el("button", "Look inside", class_="main"),
        method="post",
        action=ENTRY,
    )
    hint = el("p", "The owner of this memory makes keys with ", el("code", "clew keys add"), ".", class_="soft")
    return bare("Show your key", note(wrong, "wrong") if wrong else None, form, hint, status=401 if wrong else 200)


@router.post("/login")
def entered(request: Request, fields: Form) -> Response:
    """Take a key for a session; the key itself is not kept anywhere."""
    sessions: Sessions = request.app.state.sessions
    target = _inside(fields.get("next", PAGES))
    try:
        session = sessions.begun(fields.get("key", "").strip(), request.client.host if request.client else "?")
    except Unauthenticated as error:
        return _asking(target, str(error))
    answer = moved(target)
    secure = request.url.scheme == "https"
    answer.set_cookie(NAME, session, max_age=HOURS * 3600, path=PAGES, httponly=True, samesite="strict", secure=secure)
    return answer


@router.post("/logout")
def left(fields: Form) -> Response:
    """End the browser's session."""
    answer = moved(ENTRY)
    answer.delete_cookie(NAME, path=PAGES, httponly=True, samesite="strict")
    return answer


def _inside(target: str) -> str:
    """An address on these pages, whatever was given."""
    return target if target == PAGES or target.startswith((f"{PAGES}/", f"{PAGES}?")) else PAGES


@router.get("/static/{name}")
def file(name: str) -> Response:
    """The stylesheet, the script, the icon."""
    if name not in FILES:
        raise NotFound(f"there is no file {name!r:.60}")
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Response(FILES[name].read_bytes(), 200, {**HEADERS, "Cache-Control": "max-age=86400"}, kind)

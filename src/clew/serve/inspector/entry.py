"""The way in: where pages begin, the login, the files that all pages share."""

import mimetypes
from urllib.parse import quote

from fastapi import APIRouter, Request, Response

from clew.errors import NotFound
from clew.serve.access import Access, Unauthenticated
from clew.serve.inspector.frame import HEADERS, PAGES, STATIC, bare, note
from clew.serve.inspector.markup import el, url
from clew.serve.inspector.session import AWAY, BACK, ENTRY, NAME, Sessions, lasts
from clew.serve.inspector.visiting import Form, Seen, moved
from clew.serve.oidc import Oidc
from clew.serve.oidc_login import Pass, away, came

router = APIRouter()
PASS, MINUTES = "clew_pass", 10  # the cookie for the way to a provider and back, and how long that may take
SAFE = ":/%#?=@[]!$&'()*+,;"  # in an address, beside letters and digits
FILES = {path.name: path for path in STATIC.iterdir()}


@router.get("")
def beginning(visit: Seen) -> Response:
    """The first page that the visitor may see."""
    return moved(visit.link("timeline" if visit.may("events") else "recall"))


@router.get("/login")
def login(request: Request, next: str = PAGES) -> Response:
    """Asks for a key, or for a token where a provider is trusted."""
    access: Access = request.app.state.access
    return moved(_inside(next)) if access.open else _asking(access, next)


def _asking(access: Access, next: str, wrong: str | None = None) -> Response:
    shown = "Key" if access.tokens is None else "Key, or token of your provider"
    key = el("input", type="password", name="key", id="key", required=True, autocomplete="current-password", autofocus=True)
    form = el(
        "form",
        el("input", type="hidden", name="next", value=_inside(next)),
        el("input", type="text", name="name", value="clew", autocomplete="username", hidden=True),  # for those who let a browser keep it
        el("div", el("label", shown, for_="key"), key, class_="field"),
        el("button", "Look inside", class_="main"),
        method="post",
        action=ENTRY,
    )
    way = None
    if _client(access) is not None:
        way = el("p", el("a", "Log in with your provider", href=url(AWAY, next=_inside(next)), class_="button"))
    hint = el("p", "The owner of this memory makes keys with ", el("code", "clew keys add"), ".", class_="soft")
    return bare("Show your key", note(wrong, "wrong") if wrong else None, way, form, hint, status=401 if wrong else 200)


@router.post("/login")
def entered(request: Request, fields: Form) -> Response:
    """Take a key or a token for a session; what was shown is not kept anywhere."""
    sessions: Sessions = request.app.state.sessions
    target = _inside(fields.get("next", PAGES))
    try:
        session = sessions.begun(fields.get("key", "").strip(), _peer(request))
    except Unauthenticated as error:
        return _asking(sessions.access, target, str(error))
    return _let(request, moved(target), session)


def _let(request: Request, answer: Response, session: str) -> Response:
    """The answer with a session that the browser keeps."""
    secure = _secure(request)
    answer.set_cookie(NAME, session, max_age=lasts(session), path=PAGES, httponly=True, samesite="strict", secure=secure)
    return answer


@router.get("/login/provider")
def sent(request: Request, next: str = PAGES) -> Response:
    """Send the browser to the provider, which asks who it is; it takes along by what it is known when it comes back."""
    tokens, sessions = _trusted(request), request.app.state.sessions
    sessions.tried(_peer(request))
    taken = Pass.fresh(_inside(next))
    answer = moved(away(tokens, taken, _back(request, tokens)))
    secure = _secure(request)  # lax: it comes back from another site
    answer.set_cookie(PASS, taken.sealed(), max_age=MINUTES * 60, path=ENTRY, httponly=True, samesite="lax", secure=secure)
    return answer


@router.get("/login/back")
def returned(request: Request, state: str = "", code: str = "", error: str = "") -> Response:
    """Take who comes back from the provider for a session."""
    tokens, sessions = _trusted(request), request.app.state.sessions
    sessions.tried(_peer(request))
    try:
        taken = Pass.opened(request.cookies.get(PASS, ""))
        if error:
            raise Unauthenticated(f"the provider says: {error:.100}")
        who = came(tokens, taken, state, code, _back(request, tokens))
    except Unauthenticated as wrong:
        answer = _asking(sessions.access, PAGES, str(wrong))
    else:
        target = _inside(taken.target)
        # a page, not a redirect: a strict cookie is not sent where another site has led
        answer = _let(request, bare("You are in", el("p", el("a", "Look inside", href=target))), sessions.stands(who))
        answer.headers["Refresh"] = f"0; url={quote(target, safe=SAFE)}"
    answer.delete_cookie(PASS, path=ENTRY, httponly=True, samesite="lax")
    return answer


def _peer(request: Request) -> str:
    return request.client.host if request.client else "?"


def _client(access: Access) -> Oidc | None:
    """The provider that people are sent to, where there is one that knows us."""
    return access.tokens if isinstance(access.tokens, Oidc) and access.tokens.trusted.client else None


def _secure(request: Request) -> bool:
    """Whether browsers reach us by https, a relay's too where the address says so."""
    tokens = _client(request.app.state.access)
    return request.url.scheme == "https" or (tokens is not None and (tokens.trusted.address or "").startswith("https:"))


def _trusted(request: Request) -> Oidc:
    tokens = _client(request.app.state.access)
    if tokens is None:
        raise NotFound("no provider is named here that people could log in with; `clew serve --oidc-client` names one")
    return tokens


def _back(request: Request, tokens: Oidc) -> str:
    """Where the provider sends people: an address that it has to know."""
    return (tokens.trusted.address or str(request.base_url)).rstrip("/") + BACK


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

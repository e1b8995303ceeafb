"""What every page has around it: head, navigation, whose memory is looked at, the help on keys, and the headers."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import Response

from clew.serve.inspector.markup import Html, Piece, el, joined, url
from clew.serve.inspector.session import PAGES
from clew.serve.inspector.sight import Sight
from clew.serve.refusals import Refusal

STATIC = Path(__file__).parent / "static"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",  # without any, a browser would send forms with the origin `null`
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
# key after g, address, name, the verb that it needs, whether it is about the whole memory
ROOMS = (
    ("t", "timeline", "Timeline", "events", False),
    ("r", "recall", "Recall", "recall", False),
    ("m", "memories", "Memories", "memories", False),
    ("g", "graph", "Graph", "memories", False),
    ("c", "compare", "Compare", "recall", False),
    ("q", "review", "Review", "review", False),
    ("f", "forget", "Forget", "forget", False),
    ("s", "status", "Status", "status", True),
)
KEYS = (
    ("/", "to the question, or the first field"),
    ("j  k", "the next item, the one before"),
    ("Enter", "open it"),
    ("[  ]", "one event earlier, one later (as of)"),
    ("?", "this help"),
    ("Esc", "close it"),
)
THREAD = (  # a ball and its end
    "M2.8 11a7.2 7.2 0 1 0 14.4 0a7.2 7.2 0 1 0-14.4 0M4.4 7.4c4.2-1.8 9 .4 11 5.6M3 12.4c3.6-3.2 9-3 13 .8"
    "M7.2 17.4c-1.8-4.8 0-10 4.4-13.4M15.6 15.6c1.8 2.8 4 3.8 7 2.6"
)


@dataclass(frozen=True, slots=True)
class Visit:
    """One look at the memory: through whose eyes, at whose memory, on which page."""

    sight: Sight
    page: str = ""
    user: str | None = None  # None: what is common to all
    users: Sequence[str] = ()
    asked: Mapping[str, Any] = field(default_factory=dict)  # the parameters of the page

    def link(self, room: str, **parameters: Any) -> str:
        """The address of a page for the same user."""
        return url(f"{PAGES}/{room}", {"user": self.picked, **parameters})

    @property
    def picked(self) -> str | None:
        """The user as a parameter; "-" for everybody."""
        return "-" if self.user is None else self.user

    def may(self, verb: str, whole: bool = False) -> bool:
        """Whether a page for that verb is shown."""
        return self.sight.who.may(verb) and not (whole and self.sight.who.user is not None)

    def acts(self, verb: str) -> bool:
        """Whether a button for that verb is shown: the role reaches it, and the file takes writing."""
        return self.sight.writable and self.may(verb)


def page(visit: Visit, title: str, *inside: Piece, lead: Piece = None, status: int = 200) -> Response:
    """A page of the inspector."""
    main = el(
        "main",
        el("header", el("h1", title), el("p", lead, class_="lead") if lead else None, class_="title"),
        *inside,
        id="main",
        tabindex="-1",
    )
    around = el("div", _side(visit), main, class_="frame")
    return _document(title, el("a", "To the content", href="#main", class_="skip"), around, _help(visit), status=status)


def bare(title: str, *inside: Piece, status: int = 200) -> Response:
    """A page for somebody who is nobody here yet."""
    return _document(title, el("main", _mark(), el("h1", title), *inside, class_="bare", id="main"), status=status)


def failed(visit: Visit | None, wrong: Refusal) -> Response:
    """What went wrong, in the error's own words."""
    words = el("p", wrong.detail, class_="note wrong", role="alert")
    back = el("p", el("a", "Back to the beginning", href=PAGES))
    title = {403: "That is not allowed", 404: "There is no such thing here"}.get(wrong.status, "That did not work")
    answer = bare(title, words, back, status=wrong.status) if visit is None else page(visit, title, words, back, status=wrong.status)
    answer.headers.update(wrong.headers)
    return answer


def _document(title: str, *inside: Piece, status: int) -> Response:
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("title", f"{title} · Clew"),
        el("link", rel="icon", href=asset("clew.svg"), type="image/svg+xml"),
        el("link", rel="stylesheet", href=asset("inspector.css")),
        el("script", src=asset("inspector.js"), defer=True),
    )
    text = "<!doctype html>" + el("html", head, el("body", *inside), lang="en")
    return Response(text.encode("utf-8", "replace"), status, HEADERS, "text/html; charset=utf-8")


@cache
def asset(name: str) -> str:
    """The address of a file that all pages share; another one when the file is."""
    mark = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return url(f"{PAGES}/static/{name}", v=mark)


def _mark() -> Html:
    icon = el(
        "svg",
        el("path", d=THREAD, fill="none", stroke="currentColor", stroke_width="1.6", stroke_linecap="round"),
        viewBox="0 0 24 22",
        class_="mark",
        aria_hidden="true",
    )
    return el("a", icon, el("span", "Clew"), href=PAGES, class_="brand")


def _side(visit: Visit) -> Html:
    rooms = [
        el(
            "li",
            el(
                "a",
                name,
                href=visit.link(address),
                aria_current="page" if address == visit.page else None,
                data_go=key,
                aria_keyshortcuts=f"g {key}",
            ),
        )
        for key, address, name, verb, whole in ROOMS
        if visit.may(verb, whole)
    ]
    nav = el("nav", el("ul", rooms), aria_label="Pages")
    return el("div", _mark(), _whose(visit), nav, _who(visit), class_="side")


def _whose(visit: Visit) -> Html | None:
    """The choice of the user; there is none for who acts for one."""
    if visit.sight.who.user is not None:
        return el("p", el("span", "memory of", class_="soft"), " ", visit.sight.who.user, class_="whose")
    names = [*visit.users] if visit.user is None or visit.user in visit.users else [visit.user, *visit.users]
    options = [el("option", name, value=name, selected=name == visit.user) for name in names]
    options.append(el("option", "— everybody —", value="-", selected=visit.user is None))
    keep = [el("input", type="hidden", name=k, value=v) for k, v in visit.asked.items() if k in ("q", "recipe") and v]
    return el(
        "form",
        el("label", "memory of", for_="user", class_="soft"),
        el("select", options, id="user", name="user", data_submits=True),
        keep,
        el("button", "Show", class_="quiet unscripted"),
        method="get",
        action=url(f"{PAGES}/{visit.page or 'recall'}"),
        class_="whose",
    )


def _who(visit: Visit) -> Html:
    who = visit.sight.who
    hint = el("button", "Keys ", el("kbd", "?"), type="button", class_="quiet scripted", data_opens="help")
    state = None if visit.sight.writable else el("p", "read-only", class_="chip")
    if visit.sight.keyless:
        return el("div", state, el("p", "this machine, no key", class_="soft"), hint, class_="who keyless")
    leave = el("form", el("button", "Log out", class_="quiet"), method="post", action=f"{PAGES}/logout")
    return el("div", state, el("p", who.name, el("span", f" · {who.role}", class_="soft")), leave, hint, class_="who")


def _help(visit: Visit) -> Html:
    rows = [*KEYS, *((f"g {key}", name) for key, _, name, verb, whole in ROOMS if visit.may(verb, whole))]
    table = el("table", [el("tr", el("td", el("kbd", keys)), el("td", what)) for keys, what in rows])
    close = el("form", el("button", "Close", class_="quiet"), method="dialog")
    return el("dialog", el("h2", "Keys", id="help-title"), table, close, id="help", aria_labelledby="help-title")


def note(words: Piece, kind: str = "") -> Html:
    """A remark above what it is about."""
    return el("p", words, class_=f"note {kind}".strip(), role="status")


def panel(title: Piece, *inside: Piece, id: str | None = None, class_: str = "") -> Html:
    """A part of a page under its own heading."""
    return el("section", el("h2", title), joined(inside), id=id, class_=f"panel {class_}".strip())

"""HTML that cannot be left unescaped: a text becomes markup through `el` alone, and what is not `Html` is escaped on its way."""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any
from urllib.parse import quote, urlencode

VOID = frozenset({"input", "link", "meta", "hr", "br"})


class Html(str):
    """Text that is markup already. Only `el` and `joined` make it."""

    __slots__ = ()


Piece = str | int | None | Iterable["Piece"]  # what may stand inside an element: Html as it is, all else escaped


def el(tag: str, *inside: Piece, **attributes: Any) -> Html:
    """An element. `class_` and `for_` lose their underscore, others become hyphens; None and False are left out, True has no value."""
    given = "".join(_attribute(name, value) for name, value in attributes.items())
    if tag in VOID:
        return Html(f"<{tag}{given}>")
    return Html(f"<{tag}{given}>{joined(inside)}</{tag}>")


def joined(pieces: Piece) -> Html:
    """Pieces one after the other."""
    if pieces is None:
        return Html("")
    if isinstance(pieces, Html):
        return pieces
    if isinstance(pieces, str | int):
        return Html(escape(str(pieces)))
    return Html("".join(joined(piece) for piece in pieces))


def _attribute(name: str, value: Any) -> str:
    if value is None or value is False:
        return ""
    name = name.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(str(value), quote=True)}"'


def url(path: str, parameters: Mapping[str, Any] | None = None, **more: Any) -> str:
    """An address on this site; parameters that are None or empty are left out, a list stands several times."""
    pairs = [(k, v) for k, v in {**(parameters or {}), **more}.items() if v not in (None, "", (), [])]
    return quote(path) + ("?" + urlencode(pairs, doseq=True) if pairs else "")

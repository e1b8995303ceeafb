"""A verb of the door as a request: its arguments are read by the door's own signature, so that they are said in one place."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import quote

from clew.errors import NotFound, UsageError
from clew.remote.values import rebuilt

F = TypeVar("F", bound=Callable[..., Any])
READ, ENDS = "GET", "DELETE"


def sent(
    verb: F,
    path: str,
    shape: Any = Any,
    *,
    method: str = "POST",
    pick: str = "",
    safe: bool | str = False,
    mine: bool = False,
    without: frozenset[str] = frozenset(),
) -> F:
    """The verb as a request to that path, and its answer as the shape: all of it, the part `pick`, or with None nothing.

    `{name}` in the path is an argument; the others are the body, or what is asked for where the method reads. `safe`: doing
    it twice does no more than doing it once; a text names the argument that makes it so. `mine`: its actor is the key's own.
    """
    signature = inspect.signature(verb)
    extra = next((p.name for p in signature.parameters.values() if p.kind is p.VAR_KEYWORD), None)

    @wraps(verb)
    def request(self: Any, *arguments: Any, **named: Any) -> Any:
        bound = signature.bind(self, *arguments, **named)
        bound.apply_defaults()
        given = {name: value for name, value in list(bound.arguments.items())[1:] if name not in without}
        given |= given.pop(extra) if extra else {}
        if mine and (actor := given.pop("actor", None)) is not None:
            raise UsageError(f"the actor of what is done over HTTP is the name of the key; leave out actor={actor!r:.60}")
        again = bool(given.get(safe)) if isinstance(safe, str) else safe or method == READ
        place = placed(path, given)
        body = {"params": given} if method in (READ, ENDS) else {"body": given}
        found, _ = self._wire.call(method, f"/v1{place}", safe=again, **body)
        value: Any = None if shape is None else rebuilt(shape, found)
        return value[pick] if pick else value

    return request  # type: ignore[return-value]


def placed(path: str, given: dict[str, Any]) -> str:
    """The path with its arguments taken out of those given; NotFound for an empty one, which would be another path."""
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    values = {name: given.pop(name) for name in names}
    empty = next((name for name, value in values.items() if not str(value)), None)
    if empty:
        raise NotFound(f"there is no memory {values[empty]!r}; ids come from recall and memories")
    return path.format(**{name: quote(str(value), safe="") for name, value in values.items()})

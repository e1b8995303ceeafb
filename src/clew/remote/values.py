"""The engine's values out of JSON and into it, by their types alone."""

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from datetime import date, datetime, timedelta
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from clew.errors import UsageError

# ISO 8601 as the service writes it: a year has 365 days there, and there are no months.
DURATION = re.compile(r"(-?)P(?:(\d+)Y)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")


def rebuilt(shape: Any, value: Any) -> Any:
    """The value of that type that this JSON says. What the type has no field for, a newer service's, is left out."""
    origin, inner = get_origin(shape), get_args(shape)
    if origin in (Union, UnionType):
        kept = [part for part in inner if part is not NoneType]
        return None if value is None else rebuilt(kept[0], value) if len(kept) == 1 else value
    if isinstance(shape, type) and is_dataclass(shape):
        hints = _hints(shape)
        return shape(**{f.name: rebuilt(hints[f.name], value[f.name]) for f in fields(shape) if f.name in value})
    if shape is datetime:
        return datetime.fromisoformat(value)
    if shape is timedelta:
        return span(value)
    if isinstance(value, dict) and origin is not None and issubclass(origin, Mapping):
        return {key: rebuilt(inner[1], each) for key, each in value.items()}
    if origin is None or not isinstance(value, list):
        return value
    if origin is tuple and inner[-1] is not Ellipsis:
        return tuple(rebuilt(part, each) for part, each in zip(inner, value, strict=True))
    made = frozenset if issubclass(origin, AbstractSet) else list if origin is list else tuple
    return made(rebuilt(inner[0], each) for each in value)


@cache
def _hints(shape: Any) -> dict[str, Any]:
    return get_type_hints(shape)


def span(text: str) -> timedelta:
    """An ISO 8601 duration; UsageError where it is none."""
    found = DURATION.fullmatch(text)
    if found is None:
        raise UsageError(f"{text!r:.60} is no ISO 8601 duration such as P90D")
    years, weeks, days, hours, minutes, seconds = (float(part or 0) for part in found.groups()[1:])
    size = timedelta(days=365 * years + 7 * weeks + days, hours=hours, minutes=minutes, seconds=seconds)
    return -size if found[1] else size


def plain(value: Any) -> Any:
    """A value as JSON can say it; UsageError for what it cannot."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return f"PT{value // timedelta(microseconds=1) / 1_000_000:.6f}S"
    if isinstance(value, bytes):
        raise UsageError("bytes cannot be sent; decode them first: data.decode('utf-8')")
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, Sequence | AbstractSet) and not isinstance(value, str):
        return [plain(each) for each in value]
    if value is None or isinstance(value, str | int | float):
        return value
    raise UsageError(f"a {type(value).__name__} cannot be sent as JSON: {value!r:.60}")

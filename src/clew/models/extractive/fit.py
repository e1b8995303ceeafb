"""Any value made to fit a form: cut, padded, clamped, and taken from the labels there are. What cannot be is left empty."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

PADDING = ("record", "general", "note", "other", "thing", "matter")  # where a form wants more words than a text has


def fit(value: Any, schema: Mapping[str, Any], spare: Callable[[], Sequence[str]] = tuple) -> Any:
    """The value as the schema wants it; `spare` gives words to fill lists with that must not be shorter, where there is one."""
    kind = schema["type"]
    if "enum" in schema:
        return value if value in schema["enum"] else next(iter(schema["enum"]), "")
    if kind == "object":
        given = value if isinstance(value, Mapping) else {}
        return {name: fit(given.get(name), part, spare) for name, part in schema["properties"].items()}
    if kind == "array":
        return _list(value if isinstance(value, (list, tuple)) else [value] if value else [], schema, spare)
    if kind == "integer":
        number = value if isinstance(value, int) and not isinstance(value, bool) else schema["minimum"]
        return min(max(number, schema["minimum"]), schema["maximum"])
    if kind == "boolean":
        return bool(value)
    return cut(value if isinstance(value, str) else "" if value is None else str(value), schema.get("maxLength", 10**9))


def _list(items: Sequence[Any], schema: Mapping[str, Any], spare: Callable[[], Sequence[str]]) -> list[Any]:
    inner, least, most = schema["items"], schema.get("minItems", 0), schema["maxItems"]
    if "enum" in inner:
        if not inner["enum"]:
            return []
        found = [i for i in items if i in inner["enum"]][:most]
        return found + [e for e in inner["enum"] if e not in found][: max(0, least - len(found))]
    if inner["type"] == "object" and any(not part.get("enum", [1]) for part in inner["properties"].values()):
        return []  # a field must name one of none
    found = [fit(item, inner, spare) for item in items[:most]]
    more = [w for w in (*spare(), *PADDING) if w not in found] if len(found) < least else []
    while len(found) < least:
        found.append(fit(more.pop(0) if more and inner["type"] == "string" else None, inner, spare))
    return found


def cut(text: str, most: int) -> str:
    """A text of at most so many characters, cut after a word where it can be; half characters are left out."""
    whole = text if text.isascii() else text.encode("utf-8", "ignore").decode()
    if len(whole) <= most:
        return whole
    end = whole.rfind(" ", most // 2, most + 1)
    return whole[: end if end > 0 else most].rstrip(" ,;:")

"""Tools: typed functions with a docstring, described to a model as JSON schemas, and their arguments checked before a call.

    def fold(id: Annotated[str, "fragment to fold"], lines: Annotated[int, "lines kept", (1, 20)] = 3) -> str:

Types: str, int, float, bool, list[...] of them, Literal (an enum), None for what may be left out. What a tool is handed
besides its arguments (`ctx`, or names that the caller gives) is no argument of the model's.
"""

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from clew.errors import UsageError

GIVEN = frozenset({"ctx"})  # parameters that the caller fills in
TYPES: Mapping[type, str] = {str: "string", int: "integer", float: "number", bool: "boolean", dict: "object"}


def schema(fn: Callable[..., Any], name: str = "", given: frozenset[str] = GIVEN) -> dict[str, Any]:
    """A tool in OpenAI's shape: {"type": "function", "function": {name, description, parameters}}; UsageError where a type is missing."""
    called, hints = name or fn.__name__, get_type_hints(fn, include_extras=True)
    properties, required = dict[str, Any](), list[str]()
    for parameter in inspect.signature(fn).parameters.values():
        if parameter.name in given:
            continue
        if parameter.name not in hints or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise UsageError(f"the tool {called} must say the type of {parameter.name!r}")
        properties[parameter.name] = _typed(hints[parameter.name], f"{called}.{parameter.name}")
        if parameter.default is parameter.empty:
            required.append(parameter.name)
        elif parameter.default is not None:
            properties[parameter.name]["default"] = parameter.default
    description = " ".join((inspect.getdoc(fn) or "").split("\n\n")[0].split())
    parameters = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return {"type": "function", "function": {"name": called, "description": description, "parameters": parameters}}


def checked(fn: Callable[..., Any], arguments: Mapping[str, Any] | str, name: str = "", given: frozenset[str] = GIVEN) -> dict[str, Any]:
    """The arguments of a call, JSON text as models give it or a mapping, with defaults filled in.

    UsageError says which argument is wrong, with which value, and what would be right.
    """
    called = name or fn.__name__
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments or "{}")
        except ValueError as error:
            raise UsageError(f"{called}: the arguments are no JSON ({error}); got {arguments!r:.80}") from error
    if not isinstance(arguments, Mapping):
        raise UsageError(f"{called} takes a JSON object of arguments, got {arguments!r:.80}")
    parameters = schema(fn, called, given)["function"]["parameters"]
    known = parameters["properties"]
    if unknown := [key for key in arguments if key not in known]:
        raise UsageError(f"{called} has no argument {unknown[0]!r}; it takes {', '.join(known) or 'none'}")
    if missing := [key for key in parameters["required"] if key not in arguments]:
        raise UsageError(f"{called} needs {missing[0]!r}: {known[missing[0]].get('description', known[missing[0]].get('type', 'a value'))}")
    found = {key: _fits(value, known[key], f"{called}: {key}") for key, value in arguments.items()}
    return {**{key: part["default"] for key, part in known.items() if "default" in part}, **found}


def _typed(hint: Any, where: str) -> dict[str, Any]:
    """The JSON schema of one parameter's type."""
    if get_origin(hint) is Annotated:
        inner, *notes = get_args(hint)
        found = _typed(inner, where)
        for note in notes:
            if isinstance(note, str):
                found["description"] = note
            elif isinstance(note, tuple):
                low, high = note
                span = ("minLength", "maxLength") if found.get("type") == "string" else ("minItems", "maxItems")
                found[span[0] if found.get("type") in ("string", "array") else "minimum"] = low
                found[span[1] if found.get("type") in ("string", "array") else "maximum"] = high
        return found
    if get_origin(hint) is Literal:
        return {"type": "string", "enum": list(get_args(hint))}
    if get_origin(hint) in (list, Sequence):
        return {"type": "array", "items": _typed(get_args(hint)[0], where)}
    if get_origin(hint) in (Union, UnionType):
        kept = [part for part in get_args(hint) if part is not NoneType]
        if len(kept) == 1:
            return _typed(kept[0], where)
    plain = get_origin(hint) or hint
    if plain not in TYPES:
        raise UsageError(
            f"{where} has the type {hint}, which no model can be told; use {', '.join(t.__name__ for t in TYPES)}, list or Literal"
        )
    return {"type": TYPES[plain]}


def _fits(value: Any, part: Mapping[str, Any], where: str) -> Any:
    """The value, where it fits its schema; a whole number that came as 3.0 is one."""
    kind = part["type"]
    if kind == "array":
        if not isinstance(value, (list, tuple)):
            raise UsageError(f"{where} is a list, got {value!r:.60}")
        low, high = part.get("minItems", 0), part.get("maxItems")
        if len(value) < low or (high is not None and len(value) > high):
            raise UsageError(f"{where} has {low} to {high} items, got {len(value)}")
        return [_fits(item, part["items"], f"{where}[{i}]") for i, item in enumerate(value)]
    if kind == "integer" and isinstance(value, float) and value.is_integer():
        value = int(value)
    right = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "object": Mapping}[kind]
    if not isinstance(value, right) or (isinstance(value, bool) and kind != "boolean"):
        raise UsageError(f"{where} is {'an' if kind[0] in 'aeio' else 'a'} {kind}, got {value!r:.60}")
    if "enum" in part and value not in part["enum"]:
        raise UsageError(f"{where} is one of {', '.join(map(str, part['enum']))}; got {value!r:.60}")
    size = len(value) if isinstance(value, str) else value
    low, high = part.get("minLength", part.get("minimum")), part.get("maxLength", part.get("maximum"))
    if isinstance(size, (int, float)) and ((low is not None and size < low) or (high is not None and size > high)):
        raise UsageError(f"{where} is {low} to {high}{' characters long' if isinstance(value, str) else ''}, got {value!r:.60}")
    return value

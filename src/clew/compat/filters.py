"""The filter language that mem0 made common: fields, operators, AND, OR, NOT and "*", over one flat mapping."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from clew import UsageError

Wanted = Callable[[Mapping[str, Any]], bool]
MISSING = object()  # a field that is not there
JOINED = frozenset({"AND", "OR", "NOT", "$and", "$or", "$not"})


class Refused(UsageError, ValueError):
    """A call that mem0 answers with ValueError; the message says what would be right."""


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def test(value: Any, bound: Any) -> bool:
        numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in (value, bound))
        return (numbers or (isinstance(value, str) and isinstance(bound, str))) and compare(value, bound)

    return test


def _holds(value: Any, part: Any) -> bool:
    return (isinstance(value, str) and isinstance(part, str) and part in value) or (isinstance(value, list) and part in value)


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else [_lower(v) for v in value] if isinstance(value, list) else value


OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": lambda value, other: value == other,
    "ne": lambda value, other: value != other,
    "gt": _ordered(lambda value, bound: value > bound),
    "gte": _ordered(lambda value, bound: value >= bound),
    "lt": _ordered(lambda value, bound: value < bound),
    "lte": _ordered(lambda value, bound: value <= bound),
    "in": lambda value, others: value in others,
    "nin": lambda value, others: value not in others,
    "contains": _holds,
    "icontains": lambda value, part: _holds(_lower(value), _lower(part)),
}


def wanted(filters: Mapping[str, Any]) -> Wanted:
    """A test of a flat mapping; UsageError for an operator or a shape that there is not.

    A field that is missing fits `ne` and `nin` alone; "*" is any value that is there; a list is `in`.
    """
    tests = [_clause(name, condition) for name, condition in filters.items()]
    return lambda row: all(test(row) for test in tests)


def _clause(name: str, condition: Any) -> Wanted:
    if name in JOINED:
        joined = name.strip("$").upper()
        parts = [condition] if isinstance(condition, Mapping) else condition
        if not isinstance(parts, Sequence) or isinstance(parts, str) or not all(isinstance(p, Mapping) for p in parts):
            raise Refused(f"{name} takes a list of filters, such as {{{name!r}: [{{'user_id': 'ana'}}]}}; got {condition!r:.80}")
        tests = [wanted(part) for part in parts]
        if joined == "AND":
            return lambda row: all(test(row) for test in tests)
        return (lambda row: any(test(row) for test in tests)) if joined == "OR" else (lambda row: not any(test(row) for test in tests))
    if condition == "*":
        return lambda row: row.get(name) is not None
    if not isinstance(condition, Mapping):
        condition = {"in" if isinstance(condition, list) else "eq": condition}
    for operator, value in condition.items():
        if operator not in OPERATORS:
            raise Refused(f"the filter on {name!r} has no operator {operator!r}; there are {', '.join(OPERATORS)}")
        if operator in ("in", "nin") and not isinstance(value, (list, tuple, set, frozenset)):
            raise Refused(f"the filter on {name!r} takes a list after {operator!r}, got {value!r:.60}")
    return lambda row: all(_fits(row.get(name, MISSING), operator, value) for operator, value in condition.items())


def _fits(value: Any, operator: str, other: Any) -> bool:
    return operator in ("ne", "nin") if value is MISSING else OPERATORS[operator](value, other)


def named(filters: Mapping[str, Any], field: str) -> str | None:
    """The one value that a filter asks of a field, at its top or within AND; None where it names none, or several."""
    condition = filters.get(field)
    condition = condition.get("eq") if isinstance(condition, Mapping) else condition
    if isinstance(condition, str) and condition != "*":
        return condition
    parts = filters.get("AND") or filters.get("$and") or ()
    found = {named(part, field) for part in parts if isinstance(part, Mapping)} - {None} if isinstance(parts, Sequence) else set()
    return found.pop() if len(found) == 1 else None


def fields(filters: Mapping[str, Any]) -> set[str]:
    """Every field that a filter names, at whatever depth."""
    found = {name for name in filters if name not in JOINED}
    for name in JOINED & {*filters}:
        parts = [filters[name]] if isinstance(filters[name], Mapping) else filters[name]
        found.update(*(fields(part) for part in parts))
    return found

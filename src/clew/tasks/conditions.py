"""Conditions compiled to predicates: comparisons over what a node gave, and nothing else of Python's.

`failure_rate > 4.0`, `status in ["open", "new"] and len(rows) > 0`. What is no such expression is prose, for whoever can read it.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

from clew.errors import UsageError

COMPARE: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}
REACH: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
}
CALLS: Mapping[str, Callable[[Any], Any]] = {"len": len, "abs": abs, "sum": sum, "min": min, "max": max, "int": int, "float": float}
NAMES = {"true": True, "false": False, "null": None}  # as JSON writes them
LONGEST = 2000  # characters of a condition


def _settled(node: ast.AST) -> bool:
    """Whether it is one of null, true and false, which alone a value can be rather than equal."""
    return (isinstance(node, ast.Name) and node.id in NAMES) or (isinstance(node, ast.Constant) and node.value in (None, True, False))


class Condition:
    """A predicate over named values; UsageError where the text is no expression of this small language."""

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            if len(text) > LONGEST:
                raise SyntaxError(f"{len(text)} characters")
            self._tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise UsageError(f"{text!r:.120} is no condition: {error}; write comparisons of outputs, such as failure_rate > 4.0") from error
        self._check(self._tree)
        if isinstance(self._tree, (ast.Name, ast.Attribute, ast.Constant)) and self._tree is not None and not self._boolean():
            raise UsageError(f"{text!r:.120} compares nothing; write a comparison, such as {text.strip()[:40]} == true")

    def _boolean(self) -> bool:
        return isinstance(self._tree, ast.Constant) and isinstance(self._tree.value, bool)

    def _check(self, node: ast.AST) -> None:
        allowed = (
            *(ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.Compare, ast.BinOp, ast.Name, ast.Load, ast.Attribute),
            *(ast.Subscript, ast.Constant, ast.List, ast.Tuple, ast.Call, *COMPARE, *REACH),
        )
        for part in ast.walk(node):
            called = not isinstance(part, ast.Call) or (
                isinstance(part.func, ast.Name) and part.func.id in CALLS and len(part.args) == 1 and not part.keywords
            )
            hidden = isinstance(part, (ast.Name, ast.Attribute)) and getattr(part, "id", getattr(part, "attr", "")).startswith("_")
            prose = isinstance(part, ast.Compare) and any(  # "it is urgent" reads as Python, and as a sentence
                isinstance(op, (ast.Is, ast.IsNot)) and not _settled(right) for op, right in zip(part.ops, part.comparators, strict=True)
            )
            if not isinstance(part, allowed) or not called or hidden or prose:
                raise UsageError(f"{self.text!r:.120} is no condition: it may hold comparisons, and, or, not, numbers and texts")

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether it is so for these values; UsageError where one is not there, or cannot be compared."""
        try:
            return bool(self._value(self._tree, values))
        except (TypeError, ValueError, LookupError, ZeroDivisionError) as error:
            raise UsageError(f"{self.text!r} cannot be decided: {error}") from error

    def _value(self, node: ast.AST, values: Mapping[str, Any]) -> Any:
        match node:
            case ast.Constant():
                return node.value
            case ast.Name():
                if node.id in values or node.id not in NAMES:
                    return _of(values, node.id)
                return NAMES[node.id]
            case ast.Attribute():
                return _of(self._value(node.value, values), node.attr)
            case ast.Subscript():
                return self._value(node.value, values)[self._value(node.slice, values)]
            case ast.List() | ast.Tuple():
                return [self._value(part, values) for part in node.elts]
            case ast.Call():
                return CALLS[node.func.id](self._value(node.args[0], values))  # type: ignore[attr-defined]
            case ast.UnaryOp():
                found = self._value(node.operand, values)
                return not found if isinstance(node.op, ast.Not) else -found
            case ast.BinOp():
                return REACH[type(node.op)](self._value(node.left, values), self._value(node.right, values))
            case ast.BoolOp():
                found = False
                for part in node.values:
                    found = self._value(part, values)
                    if bool(found) is isinstance(node.op, ast.Or):
                        break
                return found
            case ast.Compare():
                left = self._value(node.left, values)
                for op, part in zip(node.ops, node.comparators, strict=True):
                    right = self._value(part, values)
                    if not COMPARE[type(op)](left, right):
                        return False
                    left = right
                return True
        raise UsageError(f"{self.text!r} cannot be decided")


def _of(values: Any, name: str) -> Any:
    if isinstance(values, Mapping) and name in values:
        return values[name]
    have = ", ".join(map(str, values)) if isinstance(values, Mapping) else type(values).__name__
    raise LookupError(f"there is no {name}; there is {have or 'nothing'}")


def compiled(text: str) -> Condition | None:
    """The condition as a predicate; None where it is prose."""
    try:
        return Condition(text)
    except UsageError:
        return None

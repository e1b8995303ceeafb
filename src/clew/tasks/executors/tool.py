"""Typed functions with a docstring, by name. Inputs: tool, arguments (a mapping, or JSON text as models give it).

Outputs: what the function returned, as it is where that is a mapping, else as `result`. A function with a parameter `ctx` is handed the
`Job`; it may return an `Outcome` of its own. Tools come from `Tool({...})`, from `executor.add(fn)`, and from entry points
of the group `clew.tools`. A function runs in this process and cannot be stopped: dangerous or long work belongs in `shell` or `code`.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from clew.errors import NotFound
from clew.models import entry_points
from clew.tasks.graph import Node, Outcome
from clew.tasks.protocols import Job
from clew.tasks.values import given, only
from clew.tools import GIVEN, checked, schema

GROUP = "clew.tools"
F = TypeVar("F", bound=Callable[..., Any])


class Tool:
    """Calls one of its functions, its arguments checked first."""

    def __init__(self, tools: Mapping[str, Callable[..., Any]] | None = None) -> None:
        self._tools = dict(tools or {})

    def add(self, fn: F) -> F:
        """Offer a function under its name; usable as a decorator. UsageError where a parameter has no type that a model can be told."""
        schema(fn)
        self._tools[fn.__name__] = fn
        return fn

    def schemas(self) -> list[dict[str, Any]]:
        """What there is, in OpenAI's shape, for a planner or a model."""
        return [schema(fn, name) for name, fn in sorted(self._tools.items())]

    def run(self, node: Node, ctx: Job) -> Outcome:
        """Finished with what it returned; UsageError where there is no such tool or the arguments do not fit."""
        only(node, "tool", "arguments")
        name = given(node, "tool", str)
        fn = self._tools.get(name) or next((p.load() for p in entry_points(GROUP) if p.name == name), None)
        if fn is None:
            raise NotFound(f"there is no tool {name!r}; there are {', '.join(sorted(self._tools)) or 'none'}")
        arguments = checked(fn, node.inputs.get("arguments", {}), name)
        if "ctx" in fn.__annotations__ or GIVEN & set(fn.__code__.co_varnames[: fn.__code__.co_argcount + fn.__code__.co_kwonlyargcount]):
            arguments["ctx"] = ctx
        found = fn(**arguments)
        if isinstance(found, Outcome):
            return found
        return Outcome("finished", dict(found) if isinstance(found, Mapping) else {"result": found})


executor = Tool()

"""What an MCP server offers: the ten tools; where it was asked for, those of tasks, and recipes' own tools with their windows."""

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any

from clew.engine import Clew
from clew.errors import UsageError
from clew.recipe import Recipe
from clew.serve.access import NEEDS
from clew.serve.mcp_tasks import TASKS
from clew.serve.mcp_tools import TOOLS, Seat, Tool
from clew.tasks.door import Tasks
from clew.tools import checked, schema

GIVEN = frozenset({"seat", "tasks", "recipe"})  # what our tools are handed besides a model's arguments
SESSION = {"type": "string", "description": "the conversation; leave it out where the server is bound to one"}
Arguments = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Offer:
    """A tool as it is listed, and how it is run: with the seat it is called from, and the model's arguments as they came."""

    name: str
    description: str
    parameters: Mapping[str, Any]  # JSON schema
    verb: str  # of access.NEEDS
    run: Callable[[Seat, Arguments], str]
    destroys: bool = False
    slow: bool = False  # may take minutes, and must not keep others waiting

    @property
    def reads(self) -> bool:
        """Whether it leaves memory as it is."""
        return NEEDS[self.verb] == "reader"


def offers(clew: Clew, recipes: Sequence[str] = (), tasks: bool = False) -> dict[str, Offer]:
    """Everything that is offered, by name, with the own tools of those of the recipes that have any.

    What a later recipe calls by a name that is taken is offered as RECIPE_NAME; UsageError where that is taken too.
    """
    found = [_function(tool) for tool in TOOLS.values()]
    if tasks:
        found += [_function(tool, lambda seat: {"seat": seat, "tasks": Tasks(clew, user=seat.scope.user)}) for tool in TASKS]
    named = {offer.name: offer for offer in found}
    for recipe in dict.fromkeys(recipes):
        for offer in _recipe(clew._views.recipe(recipe)):
            free = offer if offer.name not in named else replace(offer, name=f"{recipe}_{offer.name}")
            if free.name in named:
                raise UsageError(f"several tools are called {offer.name} and {free.name}; serve {recipe} apart")
            named[free.name] = free
    return named


def _function(tool: Tool, handed: Callable[[Seat], dict[str, Any]] = lambda seat: {"seat": seat}) -> Offer:
    """One of our typed functions, with what it is handed at a seat."""
    described = schema(tool.fn, given=GIVEN)["function"]
    taken = GIVEN & inspect.signature(tool.fn).parameters.keys()

    def run(seat: Seat, arguments: Arguments) -> str:
        seat.grant.who.needs(tool.verb)
        given = {name: value for name, value in arguments.items() if value is not None}  # models write null for what they leave out
        ours = {name: value for name, value in handed(seat).items() if name in taken}
        return tool.fn(**ours, **checked(tool.fn, given, given=GIVEN))

    return Offer(described["name"], described["description"], described["parameters"], tool.verb, run, tool.destroys, tool.slow)


# -- working memory -------------------------------------------------------------------------------------------------


def _recipe(recipe: Recipe) -> list[Offer]:
    """The recipe's own tools, and what of a session it shows; each is told the session where the seat has none."""
    found = []
    for described in (schema(fn, name)["function"] for name, fn in recipe.tools.items()):
        parameters = described["parameters"]
        parameters = {**parameters, "properties": {**parameters["properties"], "session": SESSION}}
        run = partial(_called, recipe=recipe.name, tool=described["name"])
        found.append(Offer(described["name"], described["description"], parameters, "call", run))
    if recipe.window is not None:
        found.append(_function(Tool(window, "window"), lambda seat: {"seat": seat, "recipe": recipe.name}))
    return found


def _called(seat: Seat, arguments: Arguments, recipe: str, tool: str) -> str:
    own = {name: value for name, value in arguments.items() if name != "session"}
    return seat.grant.call(tool, own, **{**seat.names, "session": _session(seat, arguments.get("session"))}, recipe=recipe)


def window(
    seat: Seat,
    recipe: str,
    session: Annotated[str | None, "the conversation; leave it out where the server is bound to one"] = None,
    max_tokens: Annotated[int | None, "about how many tokens the messages may have", (1, 1_000_000)] = None,
) -> str:
    """The conversation as it stands in the working memory now, folded parts as lines with an id: messages as JSON."""
    names = {**seat.names, "session": _session(seat, session)}
    return json.dumps(seat.grant.window(**names, max_tokens=max_tokens, recipe=recipe), ensure_ascii=False)


def _session(seat: Seat, given: Any) -> str:
    session = given or seat.scope.session
    if not isinstance(session, str) or not session:
        raise UsageError("say which conversation: session='...'; or give the server --session, a request X-Clew-Session")
    return session

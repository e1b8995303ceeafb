"""Which models and which recipes a run names: addresses, `all`, ablations, and sizes for slow models."""

from collections.abc import Sequence
from typing import Any

from clew.errors import UsageError
from clew.models import Asker, Models, connect
from clew.recipe import Recipe, load, names

ALL = "all"


def connected(address: str, url: str | None = None, timeout: float | None = None) -> Models:
    """The models at that address; an OpenAI-compatible endpoint by its URL, with so many seconds for an answer."""
    given: dict[str, Any] = {"base_url": url, "timeout_s": timeout}
    options = {name: value for name, value in given.items() if value is not None}
    return connect(address, **({} if address.startswith("extractive") else options))


def asker(address: str, url: str | None = None, timeout: float | None = None) -> Asker:
    """The text model at that address; UsageError where there is none."""
    found = connected(address, url, timeout).asker
    if found is None:
        raise UsageError(f"a reader is a model that answers, such as extractive or openai:NAME; {address!r} does not")
    return found


def chosen(wanted: Sequence[str], ablate: bool = False) -> list[Recipe]:
    """The recipes of these names, `all` for every one; with `ablate`, behind each one those with one mechanism off."""
    found = [load(name) for word in wanted for name in (sorted(names()) if word == ALL else [word])]
    return [variant for recipe in found for variant in (recipe, *(ablations(recipe) if ablate else ()))]


def ablations(recipe: Recipe) -> list[Recipe]:
    """The recipe with each of the mechanisms off that are on, by name: its parameters that are True."""
    return [load(f"{recipe.name}[-{name}]") for name, value in recipe.params.items() if value is True]


def sizes(text: str) -> tuple[int, int]:
    """(events, questions) of `EVENTS,QUESTIONS`; UsageError otherwise."""
    parts = text.split(",")
    if len(parts) != 2 or not all(part.strip().isdigit() and int(part) > 0 for part in parts):
        raise UsageError(f"--small is EVENTS,QUESTIONS, such as 40,4; got {text!r}")
    events, questions = map(int, parts)
    return events, questions

"""Memory systems and their views: recipes, generations, and long work on them as operations."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from clew import catalogue
from clew.serve.operations import Operation
from clew.serve.seams import Granted, Running, answer
from clew.serve.shapes import LARGEST, Name, Promote, Start
from clew.storage.view import Generation

router = APIRouter(tags=["views"])
Number = Annotated[int, Path(ge=1, le=LARGEST)]
Facts = dict[str, dict[str, str]]
Differences = list[tuple[str, list[Any]]]


@router.get("/recipes", response_model=Facts)
def recipes(memory: Granted, where: Annotated[list[Name] | None, Query(max_length=10)] = None) -> Response:
    """The memory systems there are, by name; `where` narrows them by FIELD=WORD."""
    memory.who.needs("tools")
    return answer(Facts, catalogue.matching(catalogue.entries(), where or ()))


@router.get("/generations", response_model=list[Generation])
def generations(memory: Granted, recipe: Name | None = None) -> Response:
    """The views there are, oldest first: building, serving or frozen."""
    return answer(list[Generation], memory.generations(recipe))


@router.post("/generations/{id}/promote", response_model=list[Generation])
def promote(id: Number, of: Promote, memory: Granted) -> Response:
    """Let that generation answer from now on; promote the former one to roll back."""
    whole = memory.administer("promote", recipe=of.recipe, generation=id)
    whole.promote(of.recipe, id)
    return answer(list[Generation], whole.generations(of.recipe))


@router.delete("/generations/{id}", status_code=204)
def drop(id: Number, recipe: Name, memory: Granted) -> None:
    """Remove a generation that does not serve."""
    memory.administer("drop", recipe=recipe, generation=id).drop(recipe, id)


@router.get("/generations/{id}/diff", response_model=Differences)
def diff(id: Number, recipe: Name, other: Annotated[int, Query(ge=1, le=LARGEST)], memory: Granted) -> Response:
    """The rows in which that generation and `other` differ: "-" only in the first, "+" only in the second."""
    return answer(Differences, [(sign, list(row)) for sign, row in memory.overseen("diff").diff(recipe, id, other)])


@router.post("/operations", response_model=Operation, status_code=202)
def start(work: Start, memory: Granted, running: Running) -> Response:
    """Start long work; it is looked at under the address in Location."""
    made = running.start(memory.who, **work.given())
    return answer(Operation, made, 202, {"Location": f"/v1/operations/{made.id}"})


@router.get("/operations", response_model=list[Operation])
def operations(memory: Granted, running: Running, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Response:
    """The latest long work, newest first."""
    memory.who.whole("rebuild")
    return answer(list[Operation], running.all(limit))


@router.get("/operations/{id}", response_model=Operation)
def operation(id: Number, memory: Granted, running: Running) -> Response:
    """How it stands."""
    memory.who.whole("rebuild")
    return answer(Operation, running.get(id))


@router.post("/operations/{id}/retry", response_model=Operation, status_code=202)
def retry(id: Number, memory: Granted, running: Running) -> Response:
    """Start again what failed or was lost."""
    made = running.retry(memory.who, id)
    return answer(Operation, made, 202, {"Location": f"/v1/operations/{made.id}"})

"""Memories: list, look, follow the thread back, correct."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from clew.serve.seams import Granted, answer
from clew.serve.shapes import Archive, Feedback, Name, Page, Retire, Revise
from clew.types import Event, Memory, Quote, Recorded

router = APIRouter(prefix="/memories", tags=["memories"])
Id = Annotated[str, Path(min_length=1, max_length=200, description="A memory's id.")]
Version = tuple[Memory, Event, str | None]


@router.get("", response_model=Page)
def memories(
    memory: Granted,
    user: Name | None = None,
    agent: Name | None = None,
    session: Name | None = None,
    kind: Name | None = None,
    after: Name | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    recipe: Name | None = None,
) -> Response:
    """The memories of a scope as they are now, oldest first, a page at a time."""
    found = memory.memories(user=user, agent=agent, session=session, kind=kind, after=after, limit=limit, recipe=recipe)
    shape: Any = dict[str, list[Memory] | str | None]
    return answer(shape, {"memories": found, "next": found[-1].id if len(found) == limit else None})


@router.post("/archive", response_model=Recorded)
def archive(chosen: Archive, memory: Granted) -> Response:
    """Put memories out of the sight of recall, or with `undo` back into it; nothing is lost."""
    return answer(Recorded, memory.archive(**chosen.given()))


@router.get("/{id}", response_model=Memory)
def get(id: Id, memory: Granted) -> Response:
    """The newest version of a memory."""
    return answer(Memory, memory.get(id))


@router.patch("/{id}", response_model=Recorded)
def revise(id: Id, other: Revise, memory: Granted) -> Response:
    """Give a memory other words from now on; the old ones stay in its history."""
    return answer(Recorded, memory.revise(id, **other.given()))


@router.get("/{id}/thread", response_model=list[Quote])
def thread(id: Id, memory: Granted) -> Response:
    """The exact words a memory came from, who said them and when."""
    return answer(list[Quote], memory.thread(id))


@router.get("/{id}/history", response_model=list[Version])
def history(id: Id, memory: Granted) -> Response:
    """Every version of a memory, oldest first, with the event that made it and why it ended."""
    return answer(list[Version], memory.history(id))


@router.post("/{id}/retire", response_model=Recorded)
def retire(id: Id, end: Retire, memory: Granted) -> Response:
    """End a memory: it was true, or never was."""
    return answer(Recorded, memory.retire(id, **end.given()))


@router.post("/{id}/feedback", response_model=Recorded)
def feedback(id: Id, said: Feedback, memory: Granted) -> Response:
    """Say whether a memory helped."""
    return answer(Recorded, memory.feedback(id, **said.given()))


@router.post("/{id}/confirm", response_model=Recorded)
def confirm(id: Id, memory: Granted) -> Response:
    """Say that a suspect memory holds all the same."""
    return answer(Recorded, memory.confirm(id))


@router.post("/{id}/rederive", response_model=Recorded)
def rederive(id: Id, memory: Granted) -> Response:
    """Let the recipe make a suspect memory anew from its premises as they are now."""
    return answer(Recorded, memory.rederive(id))

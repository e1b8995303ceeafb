"""The review queue: what waits in quarantine, let in or kept out."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from clew.serve.seams import Granted, answer
from clew.serve.shapes import Name
from clew.types import Memory, Recorded

router = APIRouter(prefix="/review", tags=["review"])
Id = Annotated[str, Path(min_length=1, max_length=200, description="A memory's id.")]


@router.get("", response_model=list[Memory])
def review(memory: Granted, user: Name | None = None) -> Response:
    """What waits for a decision, oldest first."""
    return answer(list[Memory], memory.review(user=user))


@router.post("/{id}/approve", response_model=Recorded)
def approve(id: Id, memory: Granted) -> Response:
    """Let it into memory; for words kept from an event, the whole event."""
    return answer(Recorded, memory.approve(id))


@router.post("/{id}/reject", response_model=Recorded)
def reject(id: Id, memory: Granted) -> Response:
    """Take it out of the queue for good."""
    return answer(Recorded, memory.reject(id))

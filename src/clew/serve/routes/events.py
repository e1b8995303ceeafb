"""What happened: record it, read it as it was recorded, withdraw it."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from clew.errors import UsageError
from clew.serve.seams import Granted, answer
from clew.serve.shapes import LARGEST, Name, Record, Retract
from clew.types import Event, Recorded

router = APIRouter(tags=["events"])


@router.post(
    "/events", response_model=Recorded, status_code=201, responses={200: {"model": Recorded, "description": "It was there already."}}
)
def record(said: Record, memory: Granted, idempotency_key: Annotated[Name | None, Header()] = None) -> Response:
    """Record a text, a message or a list of them; durable when it answers, and all or nothing."""
    given = said.given()
    if idempotency_key is not None and given.setdefault("key", idempotency_key) != idempotency_key:
        raise UsageError("the header Idempotency-Key and the body's key differ; give one")
    done = memory.record(given.pop("what"), **given)
    return answer(Recorded, done, 201 if done.stages["log"] == "stored" else 200)


@router.get("/events", response_model=list[Event])
def events(
    memory: Granted,
    after: Annotated[int, Query(ge=0, le=LARGEST)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    user: Name | None = None,
    agent: Name | None = None,
    session: Name | None = None,
) -> Response:
    """A page of the log as it was recorded; `after` is the last place of the page before."""
    return answer(list[Event], memory.events(after=after, limit=limit, user=user, agent=agent, session=session))


@router.post("/events/retract", response_model=Recorded)
def retract(withdrawn: Retract, memory: Granted) -> Response:
    """Withdraw sources: what came from them alone is retracted, what rests on them is suspect; nothing is erased."""
    return answer(Recorded, memory.retract(**withdrawn.given()))

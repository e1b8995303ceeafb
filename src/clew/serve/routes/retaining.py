"""What must stay and what must go: legal holds, pins, rules of retention."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from clew.retention import Hold, Rule
from clew.serve.seams import Granted, answer
from clew.serve.shapes import LARGEST, Apply, Holding, Pins, Release, Retain, Withdraw
from clew.types import Receipt, Recorded

router = APIRouter(tags=["retaining"])
Number = Annotated[int, Path(ge=1, le=LARGEST)]


@router.get("/holds", response_model=list[Hold])
def holds(memory: Granted) -> Response:
    """The legal holds in force, oldest first."""
    return answer(list[Hold], memory.overseen("holds").holds())


@router.post("/holds", response_model=Recorded)
def hold(meant: Holding, memory: Granted) -> Response:
    """Keep these events from every `forget`; `seq` of the answer is what to release it by."""
    return answer(Recorded, memory.administer("hold").hold(**meant.given()))


@router.post("/holds/{id}/release", response_model=Recorded)
def release(id: Number, end: Release, memory: Granted) -> Response:
    """End a legal hold."""
    return answer(Recorded, memory.administer("release", hold=id).release(id, **end.given()))


@router.get("/pins", response_model=list[int])
def pinned(memory: Granted) -> Response:
    """The places of the events that rules and decay leave alone; of who acts for one user, that user's."""
    return answer(list[int], sorted(memory.pinned()))


@router.post("/pins", response_model=Recorded)
def pin(chosen: Pins, memory: Granted) -> Response:
    """Leave these memories' events, and these events, out of rules and decay."""
    return answer(Recorded, memory.pin(*chosen.ids, events=chosen.events))


@router.post("/pins/remove", response_model=Recorded)
def unpin(chosen: Pins, memory: Granted) -> Response:
    """Take pins away."""
    return answer(Recorded, memory.unpin(*chosen.ids, events=chosen.events))


@router.get("/rules", response_model=list[Rule])
def rules(memory: Granted) -> Response:
    """The rules in force, oldest first."""
    return answer(list[Rule], memory.overseen("rules").rules())


@router.post("/rules", response_model=Receipt)
def retain(meant: Retain, memory: Granted) -> Response:
    """Put a rule in force and tell what it would take now; with `dry_run` tell it alone."""
    return answer(Receipt, memory.administer("retain", tried=meant.dry_run).retain(**meant.given()))


@router.post("/rules/withdraw", response_model=Recorded)
def withdraw(named: Withdraw, memory: Granted) -> Response:
    """Take a rule out of force."""
    return answer(Recorded, memory.administer("withdraw").withdraw(named.name))


@router.post("/rules/apply", response_model=list[Receipt])
def retention(when: Apply, memory: Granted) -> Response:
    """Apply every rule now, as the worker does daily: a receipt for each that takes something."""
    return answer(list[Receipt], memory.administer("retention", tried=when.dry_run).retention(**when.given()))

"""Decay: which memories are weakest and are put away, what may be erased then, and what it would have cost."""

from fastapi import APIRouter, Response

from clew.arena.decay_curve import Simulation
from clew.decay import Report
from clew.serve.seams import Granted, answer
from clew.serve.shapes import Decay, Erasable, Name, Simulate

router = APIRouter(prefix="/decay", tags=["decay"])


@router.post("", response_model=Report)
def decay(limit: Decay, memory: Granted) -> Response:
    """Archive the weakest memories by one of four limits; unless `dry_run` is false, only say which."""
    return answer(Report, memory.decay(**limit.given()))


@router.get("/faded", response_model=Erasable)
def faded(memory: Granted, user: Name | None = None, recipe: Name | None = None) -> Response:
    """The events that only archived memories came from: to be forgotten, if wanted."""
    events, waiting = memory.faded(user=user, recipe=recipe)
    return answer(dict[str, tuple[int, ...] | int], {"events": events, "waiting": waiting})


@router.post("/simulate", response_model=Simulation)
def simulate(of: Simulate, memory: Granted) -> Response:
    """Try decay on the past: what it would have cost the questions that were asked later. Nothing is changed."""
    return answer(Simulation, memory.simulate(**of.given()))

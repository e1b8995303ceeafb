"""Forgetting, its receipt, and the proof."""

from fastapi import APIRouter, Response

from clew.serve.seams import Granted, answer
from clew.serve.shapes import Erase, Forget, Verify
from clew.types import Receipt

router = APIRouter(prefix="/forget", tags=["forgetting"])


@router.post("", response_model=Receipt)
def forget(meant: Forget, memory: Granted) -> Response:
    """Blank the events meant and all that came of them, and give the receipt; `dry_run` tells what would go."""
    return answer(Receipt, memory.forget(**meant.given()))


@router.post("/verify", response_model=dict[str, list[str]])
def verify(claimed: Verify, memory: Granted) -> Response:
    """What is `left` of what a receipt says was forgotten; nothing is left where the list is empty."""
    return answer(dict[str, list[str]], {"left": memory.verify_forgotten(claimed.receipt, claimed.probes)})


@router.post("/erase", response_model=Receipt)
def erase(claimed: Erase, memory: Granted) -> Response:
    """Clean the file again, for a receipt that still says withdrawn."""
    return answer(Receipt, memory.erase(claimed.receipt))

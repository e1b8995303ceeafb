"""Questions: recall, prompt, ask."""

from fastapi import APIRouter, Response

from clew.recall import Answer
from clew.serve.seams import Granted, answer
from clew.serve.shapes import Asked, Hits, Prompt, Recall, Text
from clew.types import Hit

router = APIRouter(tags=["asking"])


@router.post("/recall", response_model=Hits)
def recall(asked: Recall, memory: Granted) -> Response:
    """The memories that answer a question, best first, with each scorer's share and what has changed."""
    return answer(dict[str, list[Hit]], {"hits": memory.recall(**asked.given())})


@router.post("/prompt", response_model=Text)
def prompt(asked: Prompt, memory: Granted) -> Response:
    """A cited, fenced block for a prompt; an empty text when nothing was found."""
    return answer(dict[str, str], {"text": memory.prompt(**asked.given())})


@router.post("/ask", response_model=Answer)
def ask(asked: Asked, memory: Granted) -> Response:
    """An answer with the quotes it rests on; its text is null where memory supports none."""
    return answer(Answer, memory.ask(**asked.given()))

"""An agent's working memory: the window of a session, and the tools by which it is changed."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Response

from clew.serve.seams import Granted, answer
from clew.serve.shapes import Call, Name, Text, Window

router = APIRouter(tags=["working memory"])
Messages = list[dict[str, Any]]


@router.post("/window", response_model=Messages)
def window(asked: Window, memory: Granted) -> Response:
    """A session as messages for a chat API, as the recipe shows it now."""
    return answer(Messages, memory.window(**asked.given()))


@router.get("/tools", response_model=Messages)
def tools(memory: Granted, recipe: Name | None = None) -> Response:
    """What an agent may do to its memory, as JSON schemas in OpenAI's shape."""
    return answer(Messages, memory.tools(recipe))


@router.post("/tools/{tool}", response_model=Text)
def call(tool: Annotated[str, Path(min_length=1, max_length=200)], given: Call, memory: Granted) -> Response:
    """Call one of them; the text is what the agent is told."""
    return answer(dict[str, str], {"text": memory.call(tool, **given.given())})

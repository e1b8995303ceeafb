"""What an agent is told of a call of its own: a memory of kind "reply"; a refusal is one too, and says what would be right."""

from clew.context import Context
from clew.maintenance import REPLY
from clew.types import Memory

VERSION = 1


def told(text: str, ctx: Context) -> Memory:
    """The reply to a call that did something."""
    return ctx.memory(text, kind=REPLY)


def refused(why: str, ctx: Context) -> Memory:
    """The reply to a call that did nothing."""
    return ctx.memory(f"Error: {why}", kind=REPLY, error=True)

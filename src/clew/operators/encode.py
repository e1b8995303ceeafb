"""Formation techniques that two or more recipes share."""
from collections.abc import Sequence

from clew.context import Context
from clew.types import Event, Memory

VERSION = 1


def turns(events: Sequence[Event], ctx: Context) -> list[Memory]:
    """Each event that has words becomes a memory of them as they are, of kind turn, said by its actor."""
    return [ctx.memory(e.text, kind="turn", sources=[e], actor=e.actor) for e in events if e.text.strip()]

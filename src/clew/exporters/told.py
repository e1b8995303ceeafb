"""What both forms of an export walk through: every memory of every user with the words it came from."""

from collections.abc import Iterator

from clew.engine import Clew
from clew.types import Memory, Quote


def memories(c: Clew, recipe: str | None) -> Iterator[tuple[Memory, list[Quote]]]:
    """The memories as they are now, those common to all first, then user by user, each once and with its quotes."""
    for user in (None, *c.users()):
        for memory in c.memories(user=user, recipe=recipe, limit=1 << 60):
            if memory.scope.user == user:
                yield memory, c.thread(memory.id)

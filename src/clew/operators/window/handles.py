"""Handles: short names for what is folded, so that a model can ask for it back.

A handle is cut from the memory's own id, so it is the same after a rebuild, and it never shifts when older things go.
"""

from collections.abc import Collection, Iterable
from typing import Any

from clew.types import Memory

VERSION = 1
LENGTH = 6  # characters, as in Sculptor


def handle(id: str, taken: Collection[str] = ()) -> str:
    """Six characters of a memory's id: the first six, or the next six that nothing else in the session is called by.

    ValueError where all of them are taken, which needs thousands of memories made to collide.
    """
    cuts = (id[i : i + LENGTH] for i in range(len(id) - LENGTH + 1))
    for cut in cuts:
        if cut not in taken:
            return cut
    raise ValueError(f"every handle of the memory {id} is taken")


def taken(memories: Iterable[Memory]) -> set[str]:
    """The handles that these memories have."""
    return {m.data["handle"] for m in memories if "handle" in m.data}


def named(memory: Memory, used: Collection[str], **data: Any) -> Memory:
    """The memory with a handle in its data, and whatever else is given; one that has a handle keeps it."""
    return memory.revised(data={"handle": memory.data.get("handle") or handle(memory.id, used), **data})


def found(name: str, memories: Iterable[Memory]) -> Memory | None:
    """The memory with that handle, however a model writes it: brackets, blanks and capitals do not matter."""
    wanted = name.strip().strip("[]<>#'\"` ").lower()
    return next((m for m in memories if m.data.get("handle") == wanted), None)

"""The states a memory goes through, and which changes between them are legal (MemOS's MemLifecycle).

    generated -> activated -> merged -> archived        the way of most: made, used, fused with others, put away
    generated, activated -> archived | expired | frozen  put away, run out, or kept as it is
    archived, frozen -> activated                        brought back, thawed

What the engine knows (retired, archived) wins over what the memory says of itself, so that an owner's edit cannot leave
the two at odds.
"""

from collections.abc import Mapping
from datetime import datetime

from clew.errors import RecipeError
from clew.types import Memory

VERSION = 1
GENERATED, ACTIVATED, MERGED, ARCHIVED, EXPIRED, FROZEN = STATES = ("generated", "activated", "merged", "archived", "expired", "frozen")
LEGAL: Mapping[str, frozenset[str]] = {
    GENERATED: frozenset({ACTIVATED, MERGED, ARCHIVED, EXPIRED, FROZEN}),
    ACTIVATED: frozenset({MERGED, ARCHIVED, EXPIRED, FROZEN}),
    MERGED: frozenset({ARCHIVED}),
    ARCHIVED: frozenset({ACTIVATED}),
    FROZEN: frozenset({ACTIVATED}),
    EXPIRED: frozenset(),
}
LIVE, MORTAL, BIRTH = 1, 2, 2  # bits of a memory's traits, and by how many the ordinal of its first event is shifted


def state(memory: Memory) -> str:
    """Where a memory stands; one that an owner brought back from the archive is in use again."""
    if memory.retired is not None:
        return EXPIRED if memory.retired == "expired" else ARCHIVED
    if memory.status == "archived":
        return ARCHIVED
    said = memory.data.get("state", GENERATED)
    return said if said in (GENERATED, ACTIVATED, MERGED, FROZEN) else ACTIVATED


def legal(memory: Memory, to: str) -> bool:
    """Whether the memory may go to that state from where it stands."""
    return to in LEGAL[state(memory)]


def moved(memory: Memory, to: str, at: datetime, checked: bool = True) -> Memory:
    """The memory in that state; RecipeError where the change is not legal. Without `checked` anything goes.

    Archived ones go out of sight and can be brought back; an expired one held until `at`.
    """
    if checked and not legal(memory, to):
        here = state(memory)
        raise RecipeError(f"memory {memory.id} is {here} and cannot become {to}; legal are {', '.join(sorted(LEGAL[here])) or 'none'}")
    if to == EXPIRED:
        return memory.retire(at, "expired").revised(data={"state": to})
    status = "archived" if to == ARCHIVED else "active" if memory.status == "archived" else memory.status
    return memory.revised(status=status, data={"state": to})


def traits(memory: Memory) -> int:
    """For `Recipe.traits`: whether it is in use, whether it has an end, and the ordinal in `data["birth"]` of its first event."""
    live = memory.retired is None and memory.status != "archived"
    return LIVE * live | MORTAL * (memory.until is not None) | int(memory.data.get("birth", 0)) << BIRTH

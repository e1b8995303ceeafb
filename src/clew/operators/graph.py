"""Facts as a graph: triplets whose ends are nodes, a search that spreads along them, and a map of places to walk on."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from clew.context import Context
from clew.types import Event, Hit, Memory

VERSION = 1
OPPOSITE = {"north": "south", "south": "north", "east": "west", "west": "east", "up": "down", "down": "up"}
EXIT = "has exit"
MAPPED = frozenset({*OPPOSITE, EXIT})  # relations of the map
Fact = tuple[str, str, str]  # subject, relation, object, in lower case
Ways = Mapping[str, Mapping[str, str]]  # place -> label of a way out -> where it leads


# -- triplets -------------------------------------------------------------------------------------------------------


def fact(subject: str, relation: str, object: str) -> Fact:
    """A fact in the form in which equal ones are equal: lower case, single spaces, no mark at the ends."""
    subject, relation, object = (" ".join(part.lower().split()).strip(" .,;:\"'") for part in (subject, relation, object))
    return subject, relation, object


def triplet(found: Fact, ctx: Context) -> Memory:
    """A new memory of a fact, linked to its ends; a direction is no node, as it would tie all places together."""
    subject, relation, object = found
    ends = [f"e:{end}" for end in (subject, object) if end not in OPPOSITE]
    return ctx.memory(", ".join(found), kind="triplet", links=ends, subject=subject, relation=relation, object=object)


def stated(memory: Memory) -> Fact:
    """The fact in a triplet."""
    return memory.data["subject"], memory.data["relation"], memory.data["object"]


def touching(entities: Iterable[str], ctx: Context) -> list[Memory]:
    """The triplets that hold and have one of these entities as an end."""
    return [m for m in ctx.view.linked([f"e:{entity}" for entity in entities]) if m.kind == "triplet" and m.retired is None]


def associated(seeds: Mapping[str, int], ctx: Context, k: int, floor: float) -> list[Hit]:
    """Spread from each seed to the k nearest triplets of at least `floor` cosine, and from their ends on, to the seed's depth.

    `seeds`: text -> depth, 1 for one step. A triplet keeps the score of the step that found it first; best first, ties by id.
    """
    found: dict[str, Hit] = {}
    queue, reached = deque(seeds.items()), dict(seeds)
    while queue:
        text, depth = queue.popleft()
        for hit in ctx.view.nearest(ctx.embed([text])[0], k, ("triplet",)):
            if hit.score < floor:
                break
            found.setdefault(hit.memory.id, hit)
            subject, _, object = stated(hit.memory)
            for end in (subject, object):
                if depth > 1 and reached.get(end, 0) < depth - 1 and end not in OPPOSITE:
                    reached[end] = depth - 1
                    queue.append((end, depth - 1))
    return sorted(found.values(), key=lambda h: (-h.score, h.memory.id))


# -- a map of places ------------------------------------------------------------------------------------------------


def situation(event: Event) -> Mapping[str, Any]:
    """What an environment says beside the words (the event's `data`): location, exits."""
    return (event.body.get("data") or {}) if isinstance(event.body, Mapping) else {}


def surveyed(event: Event, before: str | None, action: str) -> list[Fact]:
    """The map's facts in an observation: the exits of its location, and the way that the action before it took, both ways."""
    here, exits = situation(event).get("location"), situation(event).get("exits", ())
    if here is None:
        return []
    found = [fact(here, EXIT, way) for way in exits]
    way = next((word for word in action.lower().split() if word in OPPOSITE), None)
    if way is not None and before is not None and before != here:
        found += [fact(before, way, here), fact(here, OPPOSITE[way], before)]
    return found


def ways(triplets: Sequence[Memory]) -> dict[str, dict[str, str]]:
    """place -> direction -> place, from the triplets of the map."""
    found: dict[str, dict[str, str]] = {}
    for subject, relation, object in map(stated, triplets):
        if relation in OPPOSITE:
            found.setdefault(subject, {})[relation] = object
    return found


def unexplored(triplets: Sequence[Memory]) -> dict[str, list[str]]:
    """place -> exits that were seen and never taken, sorted; places without any are left out."""
    taken, seen = ways(triplets), {}
    for subject, relation, object in map(stated, triplets):
        if relation == EXIT and object not in taken.get(subject, {}):
            seen.setdefault(subject, set()).add(object)
    return {place: sorted(exits) for place, exits in sorted(seen.items())}


def route(ways: Ways, start: str, goal: str) -> list[str] | None:
    """The labels along a shortest way from start to goal, [] where they are one, None where there is none (breadth first).

    Of two ways as short, the one whose labels come first in the alphabet.
    """
    came: dict[str, list[str]] = {start: []}
    queue = deque([start])
    while queue:
        place = queue.popleft()
        if place == goal:
            return came[place]
        for label, target in sorted(ways.get(place, {}).items()):
            if target not in came:
                came[target] = [*came[place], label]
                queue.append(target)
    return None

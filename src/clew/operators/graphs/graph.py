"""Facts as a graph: triplets whose ends are nodes, a search that spreads along them, and a map of places to walk on."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from clew.context import Context
from clew.models import forms
from clew.models.forms import Form
from clew.operators import encode
from clew.storage.index import norms
from clew.types import Event, Hit, Memory, Source

VERSION = 1
ENTITIES = forms.records({"name": 60}, 12, means="entities")
TRIPLETS = forms.records({"subject": 60, "relation": 60, "object": 60}, 12, means="triplets")
OPPOSITE = {"north": "south", "south": "north", "east": "west", "west": "east", "up": "down", "down": "up"}
EXIT = "has exit"
MAPPED = frozenset({*OPPOSITE, EXIT})  # relations of the map
Fact = tuple[str, str, str]  # subject, relation, object, in lower case
Ways = Mapping[str, Mapping[str, str]]  # place -> label of a way out -> where it leads


# -- passages -------------------------------------------------------------------------------------------------------


def said(memory: Memory) -> str:
    """A text with who said it, as it is read for facts and embedded: whose "I" it is belongs to its meaning."""
    return f"{memory.actor}: {memory.text}" if memory.actor else memory.text


def passages(event: Event, ctx: Context, kind: str, size: int, overlap: int = 0) -> list[Memory]:
    """New memories of an event's text in windows of at most `size` characters, and so many more of the one before.

    Of an edit, the memory of that kind whose words it changed, so that it can be read anew; it has its links still.
    """
    if event.kind == "edit":
        if event.body.get("op") != "revise":
            return []
        old = ctx.view.get(event.body.get("id", ""))
        return [old] if old is not None and old.kind == kind and old.retired is None else []
    spans = [Source(event.seq, max(0, a - overlap), b) for a, b in encode.windows(event.text, size)]
    return [ctx.memory(event.text[s.start : s.end], kind=kind, sources=[s], actor=event.actor) for s in spans]


# -- triplets -------------------------------------------------------------------------------------------------------


def fact(subject: str, relation: str, object: str) -> Fact:
    """A fact in the form in which equal ones are equal: lower case, single spaces, no mark at the ends."""
    subject, relation, object = (" ".join(part.lower().split()).strip(" .,;:\"'") for part in (subject, relation, object))
    return subject, relation, object


def named(name: str) -> str:
    """A name in the form in which equal ones are equal."""
    return fact(name, "", "")[0]


def extracted(passage: Memory, ctx: Context, entities: Form = ENTITIES) -> tuple[list[Mapping[str, Any]], list[Fact]]:
    """What a passage names (records with a `name`, each once, as `named` gives it), then the facts about that: two calls.

    Open information extraction as HippoRAG does it: the facts are read with the names before the model. The recipe has the
    prompts `entities` (of $passage) and `triplets` (of $passage and $entities).
    """
    shown = {"passage": said(passage), "cites": [passage]}
    found: dict[str, Mapping[str, Any]] = {}
    for record in ctx.ask("entities", entities, otherwise=[], **shown):
        if name := named(record["name"]):
            found.setdefault(name, {**record, "name": name})
    answer = ctx.ask("triplets", TRIPLETS, entities=", ".join(found), otherwise=[], **shown)
    facts = dict.fromkeys(fact(r["subject"], r["relation"], r["object"]) for r in answer)
    return list(found.values()), [f for f in facts if all(f)]


def present(node: str, kind: str, ctx: Context) -> bool:
    """Whether a memory of that kind that holds, and is in no doubt, links to the node."""
    if not ctx.view.linking(node):
        return False
    return any(m.kind == kind and m.retired is None and m.status == "active" for m in ctx.view.linked([node]))


def once(text: str, kind: str, key: str, ends: Iterable[str], passage: Memory, written: dict[str, Memory], ctx: Context) -> None:
    """Write a memory read from a passage, linked to its key and to the nodes "e:<end>", unless that kind has one of that key."""
    if key not in written and not present(key, kind, ctx):
        written[key] = drawn(text, kind, key, ends, passage, ctx)


def drawn(text: str, kind: str, key: str, ends: Iterable[str], passage: Memory, ctx: Context) -> Memory:
    """A new memory read from a passage, linked to its key and to the nodes "e:<end>"; what is revised is the edit's own words."""
    sources = passage.sources if ctx.view.fresh(passage) else None
    return ctx.memory(text, kind=kind, sources=sources, basis=[passage], links=[key, *(f"e:{end}" for end in ends)])


def alike(vectors: np.ndarray, k: int, floor: float, kind: str, ctx: Context) -> list[list[Memory]]:
    """For each of these vectors the memories of a kind with at least that cosine, the k best, best first; all at one look."""
    slots = ctx.view.columns((kind,)).slot
    if not len(slots) or not len(vectors):
        return [[] for _ in vectors]
    codes, order = ctx.view.codes(slots), ctx.view.order(slots)
    wide = np.float32 if codes.shape[1] <= 1024 else np.float64  # sums of products of int8 are exact below 2**24
    scale = np.outer(norms(codes), norms(vectors))
    dots = (codes.astype(wide) @ vectors.astype(wide).T).astype(np.float64)
    cosines = np.round(np.divide(dots, scale, out=np.zeros(dots.shape), where=scale > 0), 6)
    found = []
    for column in cosines.T:
        near = np.flatnonzero(column >= floor)
        found.append(ctx.view.at_slots(slots[near[np.lexsort((order[near], -column[near]))][:k]]))
    return found


def end(memory: Memory) -> str:
    """The first name that a memory is tied to: a phrase's own."""
    return next(link[2:] for link in memory.links if link.startswith("e:"))


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

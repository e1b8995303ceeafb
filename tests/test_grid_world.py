"""A world of rooms whose truth is known: what AriGraph believes after every step is compared with what is so."""

import itertools
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clew import Clew
from clew import recall as recalling
from clew.models import Models
from clew.models.fake import Dead, Scripted
from clew.operators.graphs import graph
from clew.recipes import ari_graph

STEPS = {"north": (0, 1), "south": (0, -1), "east": (1, 0), "west": (-1, 0)}
ROOMS = ("hall", "kitchen", "cellar", "attic", "study", "pantry", "stable", "garden", "library")
THINGS = ("red apple", "brass key", "old map", "lantern")


class Grid:
    """Nine rooms, three by three, some doors walled up; things lie in rooms or are carried. Deterministic by its seed."""

    def __init__(self, seed: int) -> None:
        self.luck = random.Random(seed)
        self.rooms = dict(zip(itertools.product(range(3), range(3)), ROOMS, strict=True))
        self.walls = {frozenset(pair) for pair in (((0, 0), (0, 1)), ((1, 1), (2, 1)), ((1, 2), (2, 2)))}
        self.at = (1, 1)
        self.things = {thing: self.luck.choice(ROOMS) for thing in THINGS}

    @property
    def room(self) -> str:
        return self.rooms[self.at]

    def exits(self, place: tuple[int, int] | None = None) -> dict[str, str]:
        x, y = place or self.at
        near = {way: (x + dx, y + dy) for way, (dx, dy) in STEPS.items()}
        return {way: self.rooms[to] for way, to in sorted(near.items()) if to in self.rooms and frozenset(((x, y), to)) not in self.walls}

    def look(self) -> str:
        here = sorted(t for t, where in self.things.items() if where == self.room)
        held = sorted(t for t, where in self.things.items() if where == "bag")
        return " ".join(
            [f"You are in the {self.room}.", *(f"The {t} is in the {self.room}." for t in here), *(f"The {t} is in the bag." for t in held)]
        )

    def step(self) -> str:
        """One action, carried out: mostly a move, now and then something is taken or put down."""
        here = [t for t, where in sorted(self.things.items()) if where == self.room]
        held = [t for t, where in sorted(self.things.items()) if where == "bag"]
        if here and self.luck.random() < 0.4:
            self.things[thing := self.luck.choice(here)] = "bag"
            return f"take {thing}"
        if held and self.luck.random() < 0.3:
            self.things[thing := self.luck.choice(held)] = self.room
            return f"drop {thing}"
        way = self.luck.choice(sorted(self.exits()))
        self.at = next(place for place, name in self.rooms.items() if name == self.exits()[way])
        return f"go {way}"


def reader(prompt: str, schema: Any) -> Any:
    """A model that reads perfectly: facts by their sentences, and what is outdated by the thing that has moved."""
    if prompt.startswith("Write down"):
        told = prompt.split("Observation:")[1]
        return {
            "records": [
                {"subject": t, "relation": "is in", "object": place} for t, place in re.findall(r"The ([\w ]+?) is in the (\w+)\.", told)
            ]
        }
    known, fresh = (re.findall(r"\[(\w+)\] ([\w ]+), is in, (\w+)", part) for part in prompt.split("New facts:"))
    return {
        "records": [
            {"outdated": old, "new": new} for old, thing, place in known for new, same, now in fresh if thing == same and place != now
        ]
    }


def walked(c: Clew, grid: Grid, steps: int) -> Iterator[set[graph.Fact]]:
    """Walk, and after every step give the facts that have been seen last and are true."""
    seen: dict[str, str] = {}
    for number in range(steps):
        if number:
            c.record(grid.step(), agent="walker", kind="action")
        c.record(
            {"content": grid.look(), "data": {"location": grid.room, "exits": sorted(grid.exits())}}, agent="walker", kind="observation"
        )
        assert c.catch_up()["ari_graph"] == "folded"
        seen |= {thing: where for thing, where in grid.things.items() if where in (grid.room, "bag")}
        yield {(thing, "is in", where) for thing, where in seen.items()}


def believed(c: Clew) -> list[Any]:
    return [m for m in c.memories(kind="triplet") if m.retired is None]


@pytest.mark.parametrize("seed", range(3))
def test_after_every_move_what_is_believed_is_what_was_last_seen(tmp_path: Path, seed: int) -> None:
    grid = Grid(seed)
    with Clew(tmp_path / "c.db", recipes=["ari_graph"], models=Models(asker=Scripted(reader))) as c:
        for truth in walked(c, grid, 25):
            things = {graph.stated(m) for m in believed(c) if m.data["relation"] not in graph.MAPPED}
            assert things == truth, "precision and recall are one"
        versions = [v for m in c.memories(kind="triplet") for v, _, why in c.history(m.id) if why == "superseded"]
        assert all(v.until is not None and v.data.get("replaced_by") for v in versions)


@pytest.mark.parametrize("seed", range(3))
def test_the_map_gives_true_exits_and_shortest_routes(tmp_path: Path, seed: int) -> None:
    grid = Grid(seed)
    with Clew(tmp_path / "c.db", recipes=["ari_graph"], models=Models(asker=Scripted(reader))) as c:
        for _ in walked(c, grid, 25):
            pass
        folder = c._views.serving("ari_graph")
        [part] = folder.view.parts()
        ctx = recalling.looking(folder, c._query("where", recalling.Scope(), 5, None, None, None, (), None), part)
        true = {name: grid.exits(place) for place, name in grid.rooms.items()}
        known = graph.ways(believed(c))
        assert all(true[place][way] == to for place, outs in known.items() for way, to in outs.items()), "no way is invented"
        assert {p: set(known.get(p, ())) | set(ari_graph.exits(ctx).get(p, ())) for p in known} == {p: set(true[p]) for p in known}
        for goal in known:
            way = ari_graph.route(grid.room, goal, ctx)
            place = grid.room
            for step in way or ():
                place = true[place][step]
            assert place == goal and way is not None
            assert len(way) == shortest(known, grid.room, goal)
        assert ari_graph.route(grid.room, "the moon", ctx) is None


def shortest(ways: graph.Ways, start: str, goal: str) -> int:
    """Floyd and Warshall's answer, to check the walker's by another method."""
    places = sorted({*ways, *(to for outs in ways.values() for to in outs.values())})
    far = {(a, b): 0 if a == b else 1 if b in ways.get(a, {}).values() else 10**6 for a in places for b in places}
    for mid, a, b in itertools.product(places, repeat=3):
        far[a, b] = min(far[a, b], far[a, mid] + far[mid, b])
    return far[start, goal]


def test_the_world_is_rebuilt_from_the_log_alone(tmp_path: Path) -> None:
    with Clew(tmp_path / "c.db", recipes=["ari_graph"], models=Models(asker=Scripted(reader, "fake:reader"))) as c:
        for _ in walked(c, Grid(4), 15):
            pass
        before = list(c._views.serving("ari_graph").view.dump())
    with Clew(tmp_path / "c.db", recipes=["ari_graph"], models=Models(asker=Dead("fake:reader"))) as c:
        c.rebuild("ari_graph")
        assert list(c._views.serving("ari_graph").view.dump()) == before

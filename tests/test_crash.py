"""Kill -9 and failing disks between any two steps: nothing acknowledged is lost, nothing is doubled, a rebuild equals what lives."""

import random
from pathlib import Path

import apsw
import pytest
import toys
from crash_worker import RECIPES, models
from killing import rounds

from clew import Clew, ClewError
from clew.storage.sqlite import Database


@pytest.mark.parametrize(
    ("what", "recipe", "count"),
    [("store", "verbatim", 10), ("worker", "rewriting", 5), ("worker", "asking", 5), ("forget", "rewriting", 5)],
)
def test_a_killed_process_loses_nothing_and_doubles_nothing(tmp_path: Path, what: str, recipe: str, count: int) -> None:
    tally = rounds(what, tmp_path / "m.db", recipe, count, random.Random(count))
    assert tally.sound(), tally
    assert tally.rounds == count


class Trip:
    """Counts writes and syncs, and fails from the nth on until it is mended."""

    def __init__(self) -> None:
        self.left = -1

    def step(self) -> None:
        if self.left >= 0:
            self.left -= 1
            if self.left < 0:
                self.left = 0
                raise apsw.IOError("the disk has gone")


class TripFile(apsw.VFSFile):
    """A file whose writes may fail."""

    def __init__(self, trip: Trip, inherit: str, name: object, flags: list[int]) -> None:
        self.trip = trip
        super().__init__(inherit, name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        self.trip.step()
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:
        self.trip.step()
        super().xSync(flags)

    def xTruncate(self, size: int) -> None:
        self.trip.step()
        super().xTruncate(size)


class TripDisk(apsw.VFS):
    """The usual disk with a trip wire."""

    def __init__(self, name: str) -> None:
        self.trip = Trip()
        super().__init__(name, "")

    def xOpen(self, name: object, flags: list[int]) -> apsw.VFSFile:
        return TripFile(self.trip, "", name, flags)


def opened(path: Path, recipe: str, disk: TripDisk) -> Clew:
    """A Clew on that disk; the door does not offer this, so the database is handed in from below."""
    clew = Clew.__new__(Clew)
    original = Database.__init__
    Database.__init__ = lambda self, p, **_: original(self, p, vfs=disk.vfs_name)  # type: ignore[method-assign]
    try:
        Clew.__init__(clew, path, recipes=[RECIPES[recipe]], models=models())
    finally:
        Database.__init__ = original  # type: ignore[method-assign]
    return clew


@pytest.mark.parametrize("recipe", ["verbatim", "rewriting", "asking"])
def test_a_disk_that_fails_at_any_write_leaves_a_file_that_goes_on(tmp_path: Path, recipe: str) -> None:
    disk = TripDisk(f"trip-{recipe}")
    disk.vfs_name = f"trip-{recipe}"  # type: ignore[attr-defined]
    clew = opened(tmp_path / "m.db", recipe, disk)
    acknowledged, number = set(), 0
    for turn in range(60):
        disk.trip.left = turn % 23
        try:
            for _ in range(4):
                clew.record({"content": f"harbour {number} tide", "key": f"k{number}"}, user="ana")
                acknowledged.add(f"k{number}")
                number += 1
                clew.catch_up()
        except ClewError:
            number += 1
        disk.trip.left = -1
        if turn % 12 == 11:
            check(clew, recipe, acknowledged)
    clew.close()
    with Clew(tmp_path / "m.db", recipes=[RECIPES[recipe]], models=models()) as clew:
        check(clew, recipe, acknowledged)
    disk.unregister()


def check(clew: Clew, recipe: str, acknowledged: set[str]) -> None:
    """The same Clew, which saw the failures, is as sound as one opened afresh."""
    assert clew.log.verify()
    assert clew.answers.verify()
    keys = [e.key for e in clew.log.read()]
    assert len(keys) == len(set(keys))
    assert acknowledged <= set(keys)
    assert clew.catch_up() == {recipe: "folded"}
    live = list(clew._views.serving(recipe).view.dump())
    made = clew.rebuild(recipe, promote=False)
    assert live == list(clew._views.view(made, RECIPES[recipe]).dump())
    clew.drop(recipe, made.id)


def test_the_toys_are_known_to_the_process_that_is_killed() -> None:
    assert set(toys.ALL) < set(RECIPES)

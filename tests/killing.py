"""One round of kill -9: start a process, let it work a little, kill it, and look at what it left."""

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from crash_worker import RECIPES, models

from clew import Clew

HERE = Path(__file__).parent
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parent / "src"), os.environ.get("PYTHONPATH", "")]),
    "OMP_NUM_THREADS": "1",
}


@dataclass
class Tally:
    """What many rounds found."""

    rounds: int = 0
    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    unequal: int = 0
    corrupt: int = 0
    notes: list[str] = field(default_factory=list)

    def sound(self) -> bool:
        return not (self.lost or self.doubled or self.unequal or self.corrupt)


def killed(what: str, path: Path, recipe: str, first: int, after: float) -> list[int]:
    """The numbers that the process acknowledged before it was killed `after` seconds of work."""
    child = subprocess.Popen(
        [sys.executable, str(HERE / "crash_worker.py"), what, str(path), recipe, str(first)],
        stdout=subprocess.PIPE,
        env=ENVIRONMENT,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    time.sleep(after)
    os.kill(child.pid, signal.SIGKILL)
    out = child.stdout.read()
    child.stdout.close()
    child.wait()
    complete = out[: out.rfind("\n") + 1] if "\n" in out else ""
    return [int(line) for line in complete.split()]


def rounds(what: str, path: Path, recipe: str, count: int, luck: random.Random, check_every: int = 5) -> Tally:
    """Kill `count` processes one after the other on one file, and look each time."""
    tally, number = Tally(), 0
    for turn in range(count):
        if what == "worker":
            with Clew(path, recipes=[RECIPES[recipe]], models=models()) as clew:
                clew.record([{"content": f"harbour line {number + i}", "key": f"k{number + i}"} for i in range(6)], user=f"u{turn % 2}")
                number += 6
            killed(what, path, recipe, 0, luck.uniform(0.0, 0.05))
        else:
            heard = killed(what, path, recipe, number, luck.uniform(0.0, 0.06) if what == "store" else luck.uniform(0.05, 0.4))
            number = max([number, *heard])
        looked(tally, path, recipe, number, what, turn % check_every == check_every - 1 or turn == count - 1)
        if what == "store":
            with Clew(path, recipes=[RECIPES[recipe]]) as clew:  # what was written but not acknowledged counts from now on
                number = max([number, *(int(e.key[1:]) + 1 for e in clew.log.read() if e.key)])
    return tally


def looked(tally: Tally, path: Path, recipe: str, number: int, what: str, whole: bool) -> None:
    """Add to the tally what is true of the file now."""
    tally.rounds += 1
    with Clew(path, recipes=[RECIPES[recipe]], models=models()) as clew:
        if not (clew.log.verify() and clew.answers.verify()):
            tally.corrupt += 1
        keys = [e.key for e in clew.log.read() if e.key]
        if what != "forget":
            tally.lost += len({f"k{i}" for i in range(number)} - set(keys))
        tally.doubled += len(keys) - len(set(keys))
        tally.acknowledged = number
        if whole:
            clew.catch_up()
            view = clew._views.serving(recipe).view
            live = list(view.dump())
            made = clew.rebuild(recipe, promote=False)
            tally.unequal += live != list(clew._views.view(made, RECIPES[recipe]).dump())
            clew.drop(recipe, made.id)

"""Carrying tasks in a process that is killed at random places, and counting what was lost, doubled or done again."""

import random
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from killing import ENVIRONMENT
from task_worker import graph

from clew import Clew
from clew.tasks import Tasks

WORKER = Path(__file__).with_name("task_worker.py")


@dataclass
class Tally:
    """What many kills did."""

    kills: int = 0
    tasks: int = 0
    finished: int = 0
    steps: int = 0
    events: int = 0
    expected: int = 0
    doubled: int = 0  # events of the same part of the same attempt
    inside: int = 0  # kills that left an act begun, without an outcome
    recovered: int = 0  # acts that stood already and were not done again
    again: int = 0  # acts that were entered a second time, as their after-check did not hold
    effects: int = 0  # marks in the world

    def sound(self) -> bool:
        """Every task finished, no event lost or doubled, no mark made twice."""
        return self.finished == self.tasks and self.events == self.expected and not self.doubled and self.effects == self.steps


def carry(db: Path, runtime: str, task: str, steps: int, chance: random.Random, kill: bool) -> bool:
    """Carry the task until it is over, or kill it shortly after one of its next acts; whether it was over."""
    process = subprocess.Popen(
        [sys.executable, str(WORKER), str(db), runtime, task, str(steps)], stdout=subprocess.PIPE, text=True, env=ENVIRONMENT
    )
    acts = chance.randint(1, max(2, steps // 6)) if kill else 10**9
    assert process.stdout is not None
    over = False
    for line in process.stdout:
        over = over or line.startswith("over")
        acts -= 1
        if acts == 0:
            time.sleep(chance.uniform(0, 0.03))
            process.kill()
    process.wait()
    process.stdout.close()
    return over


def rounds(folder: Path, runtime: str, kills: int, steps: int, chance: random.Random) -> Tally:
    """Tasks of so many steps, killed until that many kills have landed; then each is carried to its end and looked at."""
    tally, db = Tally(), folder / "m.db"
    while tally.kills < kills:
        task, over = f"task-{tally.tasks}", False
        tally.tasks += 1
        while not over and tally.kills < kills:
            over = carry(db, runtime, task, steps, chance, True)
            if not over:
                tally.kills += 1
                tally.inside += hanging(db, task)
        if not over:
            carry(db, runtime, task, steps, chance, False)
        looked(db, task, steps, tally)
    with Clew(db, recipes=["verbatim"]) as clew:
        assert clew.log.verify()
    return tally


def hanging(db: Path, task: str) -> bool:
    """Whether the log has an act that began and left no outcome."""
    with Clew(db, recipes=["verbatim"]) as clew:
        keys = {e.key for e in Tasks(clew).events(task)} if clew.log.head() else set()
    return any(k.endswith(":begin") and k.replace(":begin", ":outcome") not in keys for k in keys if k)


def looked(db: Path, task: str, steps: int, tally: Tally) -> None:
    """Count what there is of one task, in the log and in the world."""
    world = db.with_name(f"world-{task}")
    with Clew(db, recipes=["verbatim"]) as clew:
        state, events = Tasks(clew).show(task), Tasks(clew).events(task)
    assert state.graph.goal == graph(task, steps, world).goal
    parts = Counter((e.body["do"], e.body.get("node"), e.body.get("attempt"), e.body.get("turn")) for e in events)
    tally.finished += state.status == "finished"
    tally.steps += steps
    tally.events += len(events)
    tally.expected += 3 * steps + 2  # begin, outcome and verdict of each; the plan and the end
    tally.doubled += sum(count - 1 for count in parts.values())
    tally.recovered += sum(bool(e.body.get("recovered")) for e in events)
    entered = Counter((world / "entered").read_text().split())
    tally.again += sum(count - 1 for count in entered.values())
    tally.effects += sum(len((world / f"s{i}").read_text().splitlines()) for i in range(steps))

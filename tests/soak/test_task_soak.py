"""Fifty kills -9 over tasks of sixty steps, in each runtime, started by `make soak`; the tally goes to docs/soak.txt."""

import os
import random
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from task_kills import rounds

KILLS, STEPS = int(os.environ.get("CLEW_TASK_KILLS", "50")), 60
REPORT = Path(__file__).parents[2] / "docs" / "soak.txt"


@pytest.mark.soak
@pytest.mark.parametrize("runtime", ["inline", "dbos"])
def test_fifty_kills_lose_double_and_repeat_nothing(tmp_path: Path, runtime: str) -> None:
    seed, started = random.randrange(10**6), time.monotonic()
    tally = rounds(tmp_path, runtime, KILLS, STEPS, random.Random(seed))
    line = (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M UTC}  tasks/{runtime}: {tally.kills} kills over {tally.tasks} tasks of {STEPS} steps"
        f" ({tally.inside} inside an act), {tally.events} of {tally.expected} events, {tally.doubled} doubled,"
        f" {tally.effects} of {tally.steps} marks, {tally.recovered} acts found done, {tally.again} entered again"
        f" (seed {seed}, {time.monotonic() - started:.0f} s)\n"
    )
    with REPORT.open("a", encoding="utf-8") as file:
        file.write(line)
    assert tally.sound(), tally

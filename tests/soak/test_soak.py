"""Long runs, started by `make soak`: five hundred kills of the store and of the worker; the tally goes to docs/soak.txt."""

import os
import platform
import random
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from killing import rounds

ROUNDS = int(os.environ.get("CLEW_KILLS", "500"))
REPORT = Path(__file__).parents[2] / "docs" / "soak.txt"


@pytest.mark.soak
@pytest.mark.parametrize(("what", "recipe"), [("store", "verbatim"), ("worker", "rewriting"), ("worker", "asking")])
def test_hundreds_of_kills_lose_nothing(tmp_path: Path, what: str, recipe: str) -> None:
    seed, started = random.randrange(10**6), time.monotonic()
    tally = rounds(what, tmp_path / "m.db", recipe, ROUNDS, random.Random(seed), check_every=25)
    commit = (
        subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=REPORT.parent, check=False
        ).stdout.strip()
        or "unknown"
    )
    line = (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M UTC}  commit {commit}  python {platform.python_version()}  {what}/{recipe}: {tally.rounds} kills, "
        f"{tally.acknowledged} events acknowledged, {tally.lost} lost, {tally.doubled} doubled, {tally.unequal} rebuilds unequal, {tally.corrupt} corrupt "
        f"(seed {seed}, {time.monotonic() - started:.0f} s)\n"
    )
    with REPORT.open("a", encoding="utf-8") as file:
        file.write(line)
    assert tally.sound(), tally

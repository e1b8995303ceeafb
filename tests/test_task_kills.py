"""Tasks killed with -9 at random places, in both runtimes: nothing is lost, doubled or done again. The long version is a soak run."""

import random
import subprocess
import sys
from pathlib import Path

import pytest
from killing import ENVIRONMENT
from task_kills import rounds

KILLS, STEPS = 3, 24


@pytest.mark.parametrize("runtime", ["inline", "dbos"])
def test_a_task_killed_at_random_places_loses_and_doubles_nothing(tmp_path: Path, runtime: str) -> None:
    if runtime == "dbos":
        pytest.importorskip("dbos")
    tally = rounds(tmp_path, runtime, KILLS, STEPS, random.Random(20261123))
    assert tally.sound(), tally
    assert tally.kills == KILLS


CLI = [sys.executable, "-c", "from clew.cli import app; app()"]
TASK = """{"id": "tidy", "goal": "tidy up", "nodes": [
  {"id": "look", "goal": "count the files", "executor": "shell", "inputs": {"command": "printf 3"}},
  {"id": "ask", "goal": "May they go?", "executor": "human", "inputs": {"choices": ["yes", "no"]}},
  {"id": "clean", "goal": "remove them", "executor": "shell", "inputs": {"command": "echo <look.stdout> removed >> %s"}}],
 "edges": [["look", "ask"], ["ask", "clean", "answer == 'yes'"]]}"""


@pytest.mark.parametrize("runtime", ["inline", "dbos"])
def test_a_pause_survives_the_process_and_is_answered_and_resumed_from_others(tmp_path: Path, runtime: str) -> None:
    if runtime == "dbos":
        pytest.importorskip("dbos")
    (tmp_path / "task.json").write_text(TASK % (tmp_path / "done"))

    def said(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*CLI, "task", *words, "--db", str(tmp_path / "m.db")], capture_output=True, text=True, env=ENVIRONMENT, timeout=120
        )

    first = said("run", str(tmp_path / "task.json"), "--runtime", runtime)
    assert first.returncode == 0, first.stderr
    assert "tidy: waiting" in first.stdout and "clew task approve tidy ANSWER --node ask" in first.stdout
    assert said("approve", "tidy", "yes", "--by", "Ana").returncode == 0
    assert not (tmp_path / "done").exists(), "an answer starts nothing by itself"
    last = said("resume", "tidy", "--runtime", runtime)
    assert last.returncode == 0 and "finished, 3 of 3 nodes" in last.stdout, last
    assert (tmp_path / "done").read_text() == "3 removed\n"

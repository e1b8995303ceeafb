"""`clew task`: run, show, approve, cancel, resume, as people and as programs use them."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from clew.cli import app

EXAMPLE = Path(__file__).parents[1] / "examples" / "task.json"
TASK: dict[str, Any] = {
    "id": "t",
    "goal": "say it twice",
    "nodes": [
        {"id": "a", "goal": "say it", "executor": "shell", "inputs": {"command": ["printf", "hello"]}, "after": ["stdout == 'hello'"]},
        {"id": "b", "goal": "again?", "executor": "human", "inputs": {"choices": ["yes", "no"]}},
        {"id": "c", "goal": "say it again", "executor": "shell", "inputs": {"command": ["printf", "<a.stdout>"]}},
    ],
    "edges": [["a", "b"], ["b", "c", "answer == 'yes'"]],
}


@pytest.fixture
def said(tmp_path: Path) -> Any:
    (tmp_path / "task.json").write_text(json.dumps(TASK))

    def run(*words: str, code: int = 0) -> Result:
        done = CliRunner().invoke(app, ["task", *words, "--db", str(tmp_path / "m.db")])
        assert done.exit_code == code, (done.output, done.exception)
        return done

    run.task = str(tmp_path / "task.json")  # type: ignore[attr-defined]
    return run


def test_a_task_is_run_looked_at_answered_and_resumed(said: Any, tmp_path: Path) -> None:
    assert "t: waiting, 1 of 3 nodes" in said("run", said.task).output
    shown = said("show", "t", "--svg", str(tmp_path / "t.svg")).output
    for words in ("● a", "? b", "○ c", "b ┄┄▶ c  if answer == 'yes'", "b asks: again? (yes, no)"):
        assert words in shown
    assert (tmp_path / "t.svg").read_text().startswith("<svg ")
    assert "b asks" in json.dumps(json.loads(said("show", "t", "--json", "--events").output))
    said("approve", "t", "perhaps", code=2)
    said("approve", "t", "yes", "--by", "Ana", "--data", '{"note": "loud"}')
    assert json.loads(said("resume", "t", "--json").output)["results"]["b"]["note"] == "loud"
    state = json.loads(said("show", "t", "--json").output)
    assert state["status"] == "finished" and state["nodes"] == {"a": "finished", "b": "finished", "c": "finished"}
    assert "t: finished, 3 of 3 nodes" in said("show").output
    assert "c: finished" in said("show", "t", "--events").output


def test_a_task_that_is_not_there_is_named(said: Any) -> None:
    said("run", said.task)
    assert "there is no task 'gone'" in said("show", "gone", code=3).output


def test_a_question_that_is_asked_again_says_what_failed_meanwhile(said: Any) -> None:
    fails = {"id": "a", "goal": "send it", "executor": "shell", "before": ["approval:Send it?"], "inputs": {"command": "exit 3"}}
    Path(said.task).write_text(json.dumps({"id": "t", "goal": "send", "nodes": [{**fails, "after": ["code == 0"]}], "edges": []}))
    assert "tried again" not in said("run", said.task).output
    said("approve", "t", "approve")
    again = said("resume", "t").output
    assert "a is tried again, it failed: exit code 3" in again and "a asks: Send it?" in again


def test_a_task_is_cancelled_and_programs_see_it_by_the_exit_status(said: Any) -> None:
    said("run", said.task)
    assert said("cancel", "t", "--why", "no time").output == "t: cancelled\n"
    assert "no time" in said("resume", "t", code=1).output
    said("show", "nothing", code=3)
    said("run", "nowhere.json", code=3)


def test_a_task_that_fails_says_which_node_and_why(said: Any, tmp_path: Path) -> None:
    wrong = {**TASK, "id": "w", "nodes": [{**TASK["nodes"][0], "inputs": {"command": "exit 4"}}], "edges": []}
    (tmp_path / "w.json").write_text(json.dumps(wrong))
    assert "a failed: exit code 4" in said("run", str(tmp_path / "w.json"), code=1).output
    (tmp_path / "w.json").write_text(json.dumps({**wrong, "id": "x", "edges": [["a", "z"]]}))
    said("run", str(tmp_path / "w.json"), code=2)


def test_the_example_runs_in_seconds(said: Any) -> None:
    assert 'Send this: late were ["Ondina", "Vento"]?' in said("run", str(EXAMPLE)).output
    said("approve", "harbour-report", "send")
    state = json.loads(said("resume", "harbour-report", "--json").output)
    assert state["status"] == "finished" and state["nodes"]["none"] == "skipped"
    assert state["results"]["send"]["stdout"] == 'late: ["Ondina", "Vento"]\n'

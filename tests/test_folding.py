"""Folding measured on recorded runs: subgoals by the stated rule, contexts counted at every step, every subgoal back word for word."""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from clew.arena import folding
from clew.cli import app
from clew.models import connect
from clew.recipe import load


def step(action: str, thought: str, seen: str) -> dict[str, Any]:
    return {"action": action, "thought": thought, "response": f"{thought}\n{action}", "observation": seen}


STEPS = [
    step("ls", "I look where the sails are. Then more.", "main.sail jib.sail " * 40),
    step("cat jib.sail", "The jib.", "a long seam " * 60),
    step("edit 3:3", "I sew the seam.", "sewn " * 30),
    step("python hoist.py", "I hoist it. Now.", "it holds"),
    step("submit", "Done.", ""),
]
CALLS = [("get_boat", "{}"), ("get_mooring", "{}"), ("book_mooring", "{}")]


def written(folder: Path) -> Path:
    """A folder of sets in the shape of the recorded ones, in our own words."""
    talk: list[dict[str, Any]] = [
        {"role": "system", "content": "You book moorings. " * 9},
        {"role": "user", "content": "A mooring, please."},
    ]
    for i, (name, arguments) in enumerate(CALLS):
        call = {"id": f"c{i}", "type": "function", "function": {"name": name, "arguments": arguments}}
        talk.append({"role": "assistant", "content": None, "tool_calls": [call, {**call, "id": f"never{i}"}]})
        talk.append({"role": "tool", "tool_call_id": f"c{i}", "name": name, "content": "" if i == 1 else "berth 7 is free " * 30})
    talk.append({"role": "assistant", "content": "Berth 7 is yours."})
    rows = {
        "swe_agent_trajectories/some_split.jsonl.gz": {"path": "x/sails.traj", "trajectory": STEPS},
        "tau_bench_trajectories/other_split.jsonl.gz": {"task_id": 1, "trial": 0, "traj": talk},
    }
    for name, row in rows.items():
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_bytes(gzip.compress(json.dumps(row).encode() + b"\n"))
    return folder


def goals(run: folding.Run) -> list[str]:
    said = [str(m.get("content", "")) for one in run.steps for m, _ in one if m["role"] == "assistant"]
    return [text.splitlines()[0] for text in said if text.startswith("Subgoal: ")]


def test_a_new_subgoal_begins_where_the_kind_of_action_changes(tmp_path: Path) -> None:
    data = written(tmp_path)
    [run] = folding.runs(data / folding.SETS["swe_agent"])
    assert goals(run) == ["Subgoal: I look where the sails are.", "Subgoal: I sew the seam.", "Subgoal: I hoist it.", "Subgoal: Done."]
    assert [kind for one in run.steps for _, kind in one] == ["message", "observation"] * 5
    [run] = folding.runs(data / folding.SETS["tau_bench"])
    assert goals(run) == ["Subgoal: get boat", "Subgoal: book mooring", "Subgoal: Berth 7 is yours."]


def test_folding_is_counted_at_every_step_and_every_subgoal_comes_back(tmp_path: Path) -> None:
    data = written(tmp_path)
    found = {name: folding.measured(data / folder, load("hi_agent"), connect("extractive")) for name, folder in folding.SETS.items()}
    for one in found.values():
        assert one["restored"] == one["subgoals"] > 0 and one["share"]["mean"] < 1
    assert found["tau_bench"]["share without instructions"]["mean"] < found["tau_bench"]["share"]["mean"]
    off = folding.measured(data / folding.SETS["swe_agent"], load("hi_agent[-folding]"), connect("extractive"))
    assert off["share"]["mean"] == 1.0, "the saving is the folding's"
    header, rows = folding.table(found)
    assert len(header) == len(rows[0])


def test_both_benches_have_a_command(tmp_path: Path) -> None:
    shell, out = CliRunner(), tmp_path / "out"
    found = shell.invoke(app, ["arena", "window", "--path", str(written(tmp_path)), "--out", str(out)])
    assert found.exit_code == 0, found.output
    assert json.loads((out / "window.json").read_text())["sets"]["swe_agent"]["runs"] == 1
    given = ["--seed", "3", "--updates", "8", "--keys", "4", "--system", "no tools", "--system", "bm25", "--out", str(out)]
    found = shell.invoke(app, ["arena", "interference", *given])
    assert found.exit_code == 0, found.output
    assert [row["system"] for row in json.loads((out / "interference.json").read_text())["table"]] == ["no tools", "bm25"]
    assert shell.invoke(app, ["arena", "interference", "--system", "hope"]).exit_code != 0


def test_the_recorded_runs_fold_below_two_thirds_and_come_back(tmp_path: Path) -> None:
    where = Path(os.environ.get("CLEW_DATA", "nowhere")) / folding.SETS["swe_agent"]
    if not where.exists():
        pytest.skip("needs the recorded trajectories: set CLEW_DATA")
    found = folding.measured(where, load("hi_agent"), connect("extractive"))
    assert found["restored"] == found["subgoals"] and found["share"]["mean"] <= 0.65

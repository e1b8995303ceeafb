"""The example of working memory runs without a model, and shows less than all while keeping all."""

import importlib.util
import re
from pathlib import Path

import pytest

PATH = Path(__file__).parents[1] / "examples" / "agent_window.py"


def test_the_agents_window_stays_small_and_its_own_tool_brings_a_part_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = importlib.util.spec_from_file_location("agent_window", PATH)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.run(tmp_path)
    told = capsys.readouterr().out
    shown = [int(n) for n in re.findall(r"(\d+) characters", told)]
    assert len(shown) == 6 and shown[3] < shown[2] and shown[4] < shown[2] < shown[5], (
        "a finished part is a line, and comes back when asked for"
    )
    assert told.count("Subgoal: get to the lamp'") == 1 and "12 May: lens cleaned" in told.split("in the end:")[1]

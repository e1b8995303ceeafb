"""EvolveLab's provider on Clew: runs go in, what was learned of them comes out, and nothing fails in silence."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from clew import Clew, UsageError
from clew.compat.evolvelab import ClewProvider, MemoryItemType, MemoryRequest, MemoryStatus, TrajectoryData

STEPS = [
    {"type": "action", "content": 'open "ledger"'},
    {"type": "observation", "content": "the ledger is open"},
    {"action": 'find "March"', "observation": "March is on page 3"},
    {"name": "plan", "value": {"then": "copy the sum"}},
    'copy "sum"',
]


def provider(tmp_path: Path, **config: Any) -> ClewProvider:
    found = ClewProvider(config={"clew": tmp_path / "m.db", **config})
    assert found.initialize() is True
    return found


def test_a_run_that_was_right_becomes_a_workflow_for_the_next(tmp_path: Path) -> None:
    p = provider(tmp_path)
    stored, told = p.take_in_memory(TrajectoryData("what is the sum of March?", STEPS, "42", {"is_correct": True, "task_id": "t1"}))
    assert stored and "8 events of run-1 are stored; awm is folded" in told
    events = list(p.clew.log.read())
    assert [e.kind for e in events] == ["message", "action", "observation", "action", "observation", "action", "action", "outcome"]
    found = p.provide_memory(MemoryRequest("what is the sum of May?", additional_params={"request_id": "r1"}))
    assert found.memory_type == "awm" and found.request_id == "r1" and found.total_count == len(found.memories) >= 1
    best = found.memories[0]
    assert best.type is MemoryItemType.TEXT and "ledger" in best.content and p.clew.get(best.id).text == best.content
    p.clew.close()


def test_between_steps_the_context_is_asked_too_and_others_values_fit(tmp_path: Path) -> None:
    p = provider(tmp_path, recipe="verbatim", k=1)
    p.take_in_memory(SimpleNamespace(query="count the boats", trajectory=[{"content": "the jetty is closed"}], result=None, metadata=None))
    asked = SimpleNamespace(query="count", context="is the jetty closed", status=SimpleNamespace(name="IN"), additional_params=None)
    assert p.provide_memory(asked).memories[0].content == "the jetty is closed"
    asked.status = MemoryStatus.BEGIN
    assert p.provide_memory(asked).memories[0].content == "count the boats"
    assert p.get_memory_type() == "verbatim" and p.get_config()["k"] == 1
    p.clew.close()


def test_an_open_clew_may_stand_behind_it_and_errors_are_raised(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="initialize"):
        ClewProvider().provide_memory(MemoryRequest("x"))
    with Clew(tmp_path / "m.db", recipes=["expel"]) as c:
        p = ClewProvider("expel", {"clew": c, "user": "agent-1"})
        p.initialize()
        p.take_in_memory(TrajectoryData("open the door", [{"action": "push"}], "it is locked", {"is_correct": False}))
        assert c.log.select("kind = 'outcome'", ())[0].text == "failure: it is locked"
        assert p.provide_memory(MemoryRequest("open the door")).total_count >= 1
        with pytest.raises(UsageError, match="needs words"):
            p.provide_memory(MemoryRequest(" "))

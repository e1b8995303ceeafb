"""The seven calls of a runtime, and that both keep them: the loop above knows nothing else of what carries it."""

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from clew.errors import UsageError
from clew.tasks.runtime_inline import Inline


@pytest.fixture(params=["inline", "dbos"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Opens a runtime over some works; the events that it appends are in the list."""
    events: dict[str, int] = {}
    held: list[Any] = []

    def append(body: Mapping[str, Any], key: str) -> int:
        return events.setdefault(key, len(events) + 1)

    def make(works: Mapping[str, Callable[..., Any]]) -> Any:
        if request.param == "inline":
            held.append(Inline(works, append))
        else:
            pytest.importorskip("dbos")
            from clew.tasks.runtime_dbos import Durable  # noqa: PLC0415 - an extra

            held.append(Durable(works, append, tmp_path / "carrier.sqlite"))
        return held[-1]

    make.name, make.events, make.held = request.param, events, held  # type: ignore[attr-defined]
    yield make
    for runtime in held:
        runtime.close()


def test_work_spawns_work_waits_for_the_first_and_gives_what_it_made(opened: Any) -> None:
    def child(runtime: Any, seconds: float, name: str) -> str:
        time.sleep(seconds)
        return runtime.step("name", lambda: name)

    def parent(runtime: Any) -> list[Any]:
        ids = [runtime.spawn("p:slow", "child", 0.4, "slow"), runtime.spawn("p:quick", "child", 0.0, "quick")]
        first = runtime.wait_any(ids)
        runtime.append({"do": "x"}, "key")
        runtime.append({"do": "x"}, "key")
        return [*first, *runtime.wait_any([i for i in ids if i != first[0]])]

    runtime = opened({"parent": parent, "child": child})
    runtime.start("p", "parent")
    assert runtime.wait_any(["p"], 0.0) is None, "it has only just begun"
    assert tuple(runtime.wait_any(["p"], 60.0)[1]) == ("p:quick", "quick", "p:slow", "slow")
    assert opened.events == {"key": 1}


def test_cancelled_work_stops_at_its_next_step(opened: Any) -> None:
    begun, goes_on, reached = threading.Event(), threading.Event(), []

    def work(runtime: Any) -> None:
        runtime.step("first", begun.set)
        goes_on.wait(10)
        runtime.step("second", lambda: reached.append(1))

    runtime = opened({"work": work})
    runtime.start("w", "work")
    assert begun.wait(30)
    runtime.cancel("w")
    goes_on.set()
    assert runtime.wait_any(["w"], 30.0) == ("w", None)
    assert not reached


def test_a_question_gets_its_answer_or_is_left_for_later(opened: Any) -> None:
    runtime = opened({"ask": lambda runtime: runtime.pause("topic")})
    runtime.start("a", "ask")
    if opened.name == "inline":
        assert runtime.wait_any(["a"], 30.0) == ("a", None), "this runtime waits for nobody"
    else:
        assert runtime.wait_any(["a"], 0.3) is None
        runtime.resume("a", "topic", 7)
        assert runtime.wait_any(["a"], 30.0) == ("a", 7)


def test_what_work_raises_reaches_who_waits_for_it(opened: Any) -> None:
    def broken(runtime: Any) -> None:
        raise ValueError("a bug")

    runtime = opened({"broken": broken})
    runtime.start("b", "broken")
    with pytest.raises(ValueError, match="a bug"):
        runtime.wait_any(["b"], 30.0)


def test_durable_work_goes_on_where_it_was_left_and_steps_are_not_run_twice(tmp_path: Path) -> None:
    dbos = pytest.importorskip("clew.tasks.runtime_dbos")
    ran: list[str] = []

    def work(runtime: Any) -> str:
        runtime.step("once", lambda: ran.append("once"))
        return runtime.pause("topic")

    def opening() -> Any:
        return dbos.Durable({"work": work}, lambda body, key: 1, tmp_path / "carrier.sqlite")

    first = opening()
    first.start("w", "work")
    assert first.wait_any(["w"], 0.5) is None
    with pytest.raises(UsageError, match="carries durable tasks already"):
        opening()
    first.close()
    second = opening()
    second.start("w", "work")
    second.resume("w", "topic", "yes")
    assert second.wait_any(["w"], 60.0) == ("w", "yes")
    second.close()
    assert ran == ["once"]

"""Canaries that another opening of the same memory planted: watched for from the next text on, on both databases, at no cost to a record."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from killing import ENVIRONMENT

from clew import Clew, Models
from clew.models.fake import Scripted
from clew.privacy import GatedAsker
from clew.watch import Watch

PLANTS = "import sys; from clew import Clew\nwith Clew(sys.argv[1], recipes=['verbatim']) as c: print(c.canary(user='ana'))"
Open = Callable[..., Clew]


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a memory can be opened several times."""
    if request.param == "sqlite":
        return str(tmp_path / "m.db")
    return pytest.importorskip("postgres", reason="needs the extra [postgres]").tenant()


@pytest.fixture
def two(place: str) -> Iterator[tuple[Clew, Clew]]:
    """One memory, opened twice before anything is in it."""
    models = Models(asker=Scripted(lambda *_: "fine"))
    with Clew(place, recipes=["verbatim"]) as one, Clew(place, recipes=["verbatim"], models=models) as other:
        yield one, other


def alarms(c: Clew) -> list[str]:
    return [alarm["where"] for alarm in c.status()["canaries"]["alarms"]]


def test_another_opening_watches_from_its_next_record_on(two: tuple[Clew, Clew]) -> None:
    one, other = two
    other.record("The tide is out.", user="ben")
    token = one.canary(user="ana")
    other.record(f"Found on a page: {token}", user="ben")
    assert alarms(other) == alarms(one) == ["record"]
    assert one.status()["canaries"]["planted"] == other.status()["canaries"]["planted"] == 1


def test_another_opening_watches_from_its_next_prompt_on(two: tuple[Clew, Clew]) -> None:
    one, other = two
    assert other.prompt("recovery key of the account", user="ben") == ""
    one.canary()
    assert "Recovery key" in other.prompt("recovery key of the account", user="ben")
    assert alarms(other) == ["prompt"]


def test_another_opening_watches_from_the_next_text_that_leaves_it(two: tuple[Clew, Clew]) -> None:
    one, other = two
    token = one.canary(user="ana")
    assert other.models.gate is not None and other.models.gate.watch is not None
    other.models.gate.watch(f"note: {token}")  # what the gate tells of each text that goes out; it had failed to mask this one
    assert alarms(one) == ["egress"]


def test_what_another_process_plants_is_watched_for_here(place: str) -> None:
    with Clew(place, recipes=["verbatim"]) as here:
        here.record("The tide is out.", user="ben")
        done = subprocess.run([sys.executable, "-c", PLANTS, place], env=ENVIRONMENT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        here.record(f"Found on a page: {done.stdout.strip()}", user="ben")
        assert alarms(here) == ["record"]


def test_two_that_plant_in_turns_lose_none_of_each_other_s(two: tuple[Clew, Clew]) -> None:
    tokens = [c.canary(user=f"user {i}") for i in range(3) for c in two]
    for token in tokens:
        two[0].record(f"Found: {token}", user="ben")
    assert len(alarms(two[1])) == len(tokens) == 6
    assert two[0].log.verify()


def test_canaries_of_a_file_from_before_the_count_are_known_and_counted_on(two: tuple[Clew, Clew]) -> None:
    one, other = two
    tokens = [one.canary(user="ana")]
    with one.database.write() as c:
        c.execute("DELETE FROM meta WHERE key='planted'")
    older = Watch(one.log)
    older.look("record", f"Found: {tokens[0]}")
    tokens.append(one.canary(user="ana"))
    other.record(f"Found: {tokens[1]}", user="ben")
    assert other.status()["canaries"]["planted"] == 2 and len(alarms(other)) == 2


def test_a_record_asks_the_database_nothing_more_than_it_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The count comes with the row of the log's head: no statement of the watch's own, until somebody has planted."""
    with Clew(tmp_path / "m.db", recipes=["verbatim"]) as c, Clew(tmp_path / "m.db", recipes=["verbatim"]) as other:
        read = list[int]()
        whole: Any = Watch._read
        monkeypatch.setattr(Watch, "_read", lambda watch: (read.append(1), whole(watch)))
        said = list[str]()
        database: Any = c.database
        database.reader().exec_trace = lambda _, sql, __: said.append(sql) or True
        for number in range(5):
            c.record(f"note {number}", user="ana")
        assert not read and not any("planted" in sql or "canaries" in sql for sql in said)
        other.canary(user="ana")
        for number in range(5):
            c.record(f"more {number}", user="ana")
        assert len(read) == 2, "the planter's own, and one here"


def test_models_that_outlive_a_memory_still_answer(tmp_path: Path) -> None:
    models = Models(asker=Scripted(lambda *_: "fine"))
    Clew(tmp_path / "m.db", recipes=["verbatim"], models=models).close()
    assert models.gate is not None
    assert GatedAsker(Scripted(lambda *_: "fine"), models.gate).ask("note: fine", None, 9).text == "fine"

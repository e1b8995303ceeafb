"""CrewAI's memory on Clew: its storage protocol, its memory without a model, and its own views and tools over both."""

import asyncio
import copy
import os
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

import pytest

if find_spec("crewai") is None:  # before the switches below, which would stand for every test of this process
    pytest.skip("CrewAI is not installed: pip install crewai", allow_module_level=True)
os.environ.setdefault("CREWAI_DISABLE_TELEMETRY", "true")
os.environ.setdefault("OTEL_SDK_DISABLED", "true")
with warnings.catch_warnings():  # its dependencies' own
    warnings.simplefilter("ignore")
    from crewai.memory.storage.backend import StorageBackend
    from crewai.memory.types import MemoryRecord
    from crewai.tools.memory_tools import create_memory_tools

from clew import NotFound, UsageError
from clew.compat.crewai import ClewMemory, ClewStorage

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[ClewStorage]:
    found = ClewStorage(tmp_path / "m.db")
    yield found
    found.clew.close()


@pytest.fixture
def memory(storage: ClewStorage) -> ClewMemory:
    return ClewMemory(storage=storage)


def record(content: str, scope: str = "/", **about: object) -> MemoryRecord:
    return MemoryRecord(content=content, scope=scope, **about)  # type: ignore[arg-type]


def test_records_are_kept_listed_counted_and_changed(storage: ClewStorage) -> None:
    assert isinstance(storage, StorageBackend)
    old = record("the old pier", "/sea/pier", categories=["place"], created_at=datetime(2024, 1, 1), metadata={"n": 1}, importance=0.9)
    storage.save([old, record("a red boat", "/sea/boats", categories=["thing", "red"]), record("a barn", "/seaside")])
    got = storage.get_record(old.id)
    assert got is not None and (got.content, got.scope, got.categories, got.metadata, got.importance) == (
        "the old pier", "/sea/pier", ["place"], {"n": 1}, 0.9,
    )  # fmt: skip
    assert got.created_at == datetime(2024, 1, 1)
    assert [r.content for r in storage.list_records("/sea")] == ["a red boat", "the old pier"] and storage.count() == 3
    assert storage.list_scopes() == ["/sea", "/seaside"] and storage.list_scopes("/sea") == ["/sea/boats", "/sea/pier"]
    assert storage.list_categories("/sea") == {"place": 1, "thing": 1, "red": 1}
    info = storage.get_scope_info("/sea")
    assert (info.record_count, info.oldest_record, info.child_scopes) == (2, datetime(2024, 1, 1), ["/sea/boats", "/sea/pier"])
    storage.update(got.model_copy(update={"content": "the new pier", "categories": ["new"]}))
    again = storage.get_record(old.id)
    assert again is not None and again.content == "the new pier" and again.categories == ["new"] and again.scope == "/sea/pier"
    assert storage.get_record("nothing") is None
    with pytest.raises(NotFound):
        storage.update(record("x"))
    with pytest.raises(UsageError, match="asked by words"):
        storage.search([0.1])


def test_deleting_takes_what_every_condition_fits_and_its_bytes(storage: ClewStorage, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    storage.save([record("the Zanzibar ledger", "/a", categories=["x"], created_at=now - timedelta(days=9))])
    storage.save([record("the tide table", "/a", categories=["x"]), record("the Quillon ledger", "/b", metadata={"k": 1})])
    assert storage.delete("/b", categories=["x"]) == 0 and storage.delete(older_than=now - timedelta(days=1), categories=["x"]) == 1
    assert asyncio.run(storage.adelete(metadata_filter={"k": 1})) == 1
    assert [r.content for r in storage.list_records()] == ["the tide table"]
    raw = b"".join(p.read_bytes() for p in tmp_path.glob("m.db*"))
    assert b"Zanzibar" not in raw and b"Quillon" not in raw and b"tide table" in raw
    storage.reset()
    assert storage.count() == 0


def test_a_memory_remembers_and_recalls_without_a_model(memory: ClewMemory) -> None:
    kept = memory.remember("The ferry leaves pier 3 at noon", scope="/sea", categories=["time"], importance=0.7)
    assert kept is not None and kept.importance == 0.7 and kept.scope == "/sea"
    memory.remember_many(["Berta keeps bees", "The barn is red"], "/farm")
    memory.remember("Ana's secret is a boat", private=True, source="ana")
    assert memory.recall("when does the ferry leave?", limit=1)[0].record.content == "The ferry leaves pier 3 at noon"
    assert [m.record.content for m in memory.recall("bees", scope="/sea")] == ["The ferry leaves pier 3 at noon"]
    assert memory.recall("anything", categories=["none"]) == []
    secret = "Ana's secret is a boat"
    assert secret not in [m.record.content for m in memory.recall("secret boat")]
    assert (
        memory.recall("secret boat", source="ana")[0].record.content
        == secret
        == memory.recall("secret boat", include_private=True)[0].record.content
    )
    assert memory.extract_memories("as it is") == ["as it is"] and memory.extract_memories(" ") == []
    assert memory.forget(scope="/farm") == 2 and memory.list_records("/farm") == []


def test_crewais_own_scopes_slices_and_tools_work_over_it(memory: ClewMemory) -> None:
    sea = memory.scope("/sea")
    sea.remember("a red boat")
    memory.scope("/farm").remember("a red barn")
    assert [m.record.content for m in sea.recall("red")] == ["a red boat"]
    both = memory.slice(["/sea", "/farm"])
    assert {m.record.content for m in both.recall("red")} == {"a red boat", "a red barn"}
    tools = {tool.name: tool for tool in create_memory_tools(memory)}
    assert "Saved to memory" in tools["Save to memory"].run(contents=["the lighthouse is white"])
    recall = next(tool for name, tool in tools.items() if name != "Save to memory")
    assert "the lighthouse is white" in recall.run(queries=["which colour has the lighthouse?"])
    assert "/sea (1 records)" in memory.tree()


def test_copies_share_the_file_and_read_only_memories_keep_nothing(storage: ClewStorage) -> None:
    memory = ClewMemory(storage=storage, root_scope="/crew/one")
    memory.remember("words", scope="notes")
    assert storage.list_records()[0].scope == "/crew/one/notes"
    assert copy.deepcopy(storage) is storage
    assert ClewMemory(storage=storage, read_only=True).remember("more") is None and storage.count() == 1
    assert ClewMemory(storage=storage, root_scope="/crew/two").recall("words") == []

"""mem0's calls on Clew: both versions' shapes, nothing swallowed, what is deleted gone; and beside mem0 itself where it is installed."""

import asyncio
import importlib
import importlib.metadata
import inspect
import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from clew import Clew, Models, NotFound, UsageError
from clew.compat.mem0 import AsyncMemory, Memory
from clew.models.fake import Dead, Fickle

TALK = [
    {"role": "system", "content": "Answer briefly."},
    {"role": "user", "content": "I row on the lake every Sunday"},
    {"role": "assistant", "content": "Rowing on Sundays, noted"},
]


@pytest.fixture
def open_memory(tmp_path: Path) -> Iterator[Callable[..., Memory]]:
    opened: list[Memory] = []

    def make(**options: Any) -> Memory:
        opened.append(Memory(tmp_path / f"{len(opened)}.db", **options))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


@pytest.fixture
def m(open_memory: Callable[..., Memory]) -> Memory:
    return open_memory()


def texts(found: dict[str, Any]) -> list[str]:
    return [row["memory"] for row in found["results"]]


def test_what_is_added_is_told_and_found_in_both_versions_calls(m: Memory) -> None:
    added = m.add(TALK, user_id="ana", metadata={"topic": "sport"}, infer=False)["results"]
    assert [(row["memory"], row["event"], row["role"]) for row in added] == [
        ("I row on the lake every Sunday", "ADD", "user"),
        ("Rowing on Sundays, noted", "ADD", "assistant"),
    ]
    version_3 = m.search("who rows on the lake?", filters={"user_id": "ana"}, top_k=1)
    assert version_3 == m.search("who rows on the lake?", user_id="ana", limit=1)
    [row] = version_3["results"]
    assert row["id"] == added[0]["id"] and row["metadata"] == {"topic": "sport"} and row["user_id"] == "ana"
    assert m.get(row["id"]) == {**row, "score": None}
    assert texts(m.get_all(user_id="ana")) == texts(m.get_all(filters={"user_id": "ana"})) == [r["memory"] for r in added]
    assert texts(m.get_all(user_id="ana", limit=1)) == [added[0]["memory"]]
    json.dumps(version_3)


def test_an_unknown_argument_warns_and_so_does_one_without_effect(m: Memory) -> None:
    with pytest.warns(UserWarning, match="add.. does not know colour"):
        m.add("a red boat", user_id="ana", colour="red")
    with pytest.warns(UserWarning, match="search.. does not know output_format, version"):
        m.search("boat", user_id="ana", version="v2", output_format="v1.1")
    with pytest.warns(UserWarning, match="get_all.. does not know page"):
        m.get_all(user_id="ana", page=2)
    with pytest.warns(UserWarning, match="rerank has no effect"):
        m.search("boat", user_id="ana", rerank=True)
    with pytest.warns(UserWarning, match="vector_store, llm is not used"):
        Memory.from_config({"vector_store": {}, "llm": {}, "clew": {"clew": m.clew}})


def test_the_time_of_an_event_is_taken_in_every_form(m: Memory) -> None:
    m.add("we met in Porto", user_id="ana", timestamp=1_700_000_000)
    m.add([{"role": "user", "content": "we left Porto", "timestamp": "2024-02-01T10:00:00+01:00"}], user_id="ana")
    assert [row["created_at"] for row in m.get_all(user_id="ana")["results"]] == ["2023-11-14T22:13:20+00:00", "2024-02-01T09:00:00+00:00"]
    with pytest.raises(UsageError, match="no time zone"):
        m.add("when was it?", user_id="ana", timestamp="2024-02-01T10:00:00")


def test_filters_choose_by_ids_metadata_and_time(m: Memory) -> None:
    for n, (words, agent) in enumerate([("first tea", "cook"), ("second tea", "cook"), ("third tea", None)]):
        m.add(words, user_id="ana", agent_id=agent, run_id=f"r{n}", metadata={"n": n, "tags": ["drink", f"t{n}"], "Site": "Lake House"})
    m.add("tea of another", user_id="ben", agent_id="cook")

    def found(**filters: Any) -> set[str]:
        got = set(texts(m.search("tea", filters=filters)))
        assert set(texts(m.get_all(filters=filters))) == got
        return got

    both = {"first tea", "second tea"}
    assert found(user_id="ana", agent_id="cook") == both == found(user_id="ana", n={"lt": 2}) == found(user_id="ana", n={"in": [0, 1]})
    assert found(agent_id="cook") == {*both, "tea of another"}
    assert (
        found(run_id="r2")
        == {"third tea"}
        == found(AND=[{"user_id": "ana"}, {"n": {"gt": 1}}])
        == found(user_id="ana", NOT=[{"n": {"lte": 1}}])
    )
    assert found(user_id="ana", OR=[{"n": 0}, {"tags": {"contains": "t1"}}]) == both == found(user_id="ana", n={"ne": 2})
    assert found(user_id="ana", agent_id="*") == both == found(user_id="ana", Site={"icontains": "lake"}, n={"nin": [2]})
    assert found(user_id="*", created_at={"gte": "2020"}) == {*both, "third tea", "tea of another"}
    assert found(user_id="ana", nothing=1) == set() == found(user_id="cleo")
    with pytest.raises(ValueError, match="no operator 'like'"):
        m.search("tea", filters={"user_id": "ana", "n": {"like": 1}})
    for verb in (lambda: m.search("tea"), lambda: m.get_all(filters={"n": 1}), lambda: m.add("x"), m.delete_all):
        with pytest.raises(ValueError, match="user_id"):
            verb()


def test_a_filter_never_hides_what_lies_behind_others(m: Memory) -> None:
    m.add([f"the green heron stood on jetty {n}" for n in range(60)], user_id="ana", infer=False)
    m.add("a heron far away in winter, seen only once by a friend", user_id="ana", metadata={"rare": True}, infer=False)
    assert len(m.search("the green heron on the jetty", user_id="ana", filters={"rare": True}, limit=2)["results"]) == 1


def test_a_filter_finds_what_is_shown_once_because_it_was_said_before(m: Memory) -> None:
    for n in range(4):
        m.add("I like green tea", user_id="ana", metadata={"n": n})
    assert len(m.search("green tea", user_id="ana")["results"]) == 1
    assert [texts(m.search("green tea", filters={"user_id": "ana", "n": n})) for n in range(4)] == [["I like green tea"]] * 4


def test_words_that_wait_for_a_model_are_stored_and_that_is_said(open_memory: Callable[..., Memory]) -> None:
    m = open_memory(recipes=["mem0_style"], models=Models(asker=Dead("fake:away")))
    with pytest.warns(UserWarning, match="it is stored, and mem0_style has not taken it in yet"):
        assert m.add("My boat lies in Porto.", user_id="ana") == {"results": []}
    assert m.clew.log.head() == 1


def test_one_users_memories_are_no_others(m: Memory) -> None:
    m.add("the code of the boathouse is 4711", user_id="ana")
    m.add("boats are lent on Fridays", agent_id="guide")
    assert texts(m.search("code of the boathouse", user_id="ben")) == []
    assert texts(m.search("boats", user_id="ana")) == ["the code of the boathouse is 4711"]


def test_an_update_keeps_the_id_and_merges_metadata(m: Memory) -> None:
    [row] = m.add("I row on Sundays", user_id="ana", metadata={"a": 1})["results"]
    assert m.update(row["id"], "I row on Mondays", metadata={"b": 2}) == {"message": "Memory updated successfully!"}
    m.update(row["id"], data="I row on Tuesdays")
    got = m.get(row["id"])
    assert got is not None and got["memory"] == "I row on Tuesdays" and got["metadata"] == {"a": 1, "b": 2}
    assert got["updated_at"] > got["created_at"]
    assert [(h["event"], h["old_memory"], h["new_memory"]) for h in m.history(row["id"])] == [
        ("ADD", None, "I row on Sundays"),
        ("UPDATE", "I row on Sundays", "I row on Mondays"),
        ("UPDATE", "I row on Mondays", "I row on Tuesdays"),
    ]
    with pytest.raises(ValueError, match="text, metadata or expiration_date"):
        m.update(row["id"])
    with pytest.raises(ValueError, match="not found"):
        m.update("nothing", "words")


def test_what_has_expired_is_hidden_until_it_is_asked_for(m: Memory) -> None:
    [row] = m.add("the ferry pass", user_id="ana", expiration_date="2020-01-01")["results"]
    assert texts(m.search("ferry", user_id="ana")) == texts(m.get_all(user_id="ana")) == []
    assert texts(m.search("ferry", user_id="ana", show_expired=True)) == ["the ferry pass"]
    m.update(row["id"], expiration_date=None)
    assert texts(m.get_all(user_id="ana")) == ["the ferry pass"]
    with pytest.raises(ValueError, match="expiration_date is a day"):
        m.add("x", user_id="ana", expiration_date="soon")


def test_what_is_deleted_is_in_no_answer_no_history_and_no_byte(m: Memory) -> None:
    [row, kept] = m.add(["the Zanzibar ledger", "the tide table"], user_id="ana", metadata={"shelf": "Quillon"})["results"]
    m.update(row["id"], "the Zanzibar ledger, second volume", metadata={"more": "Brimstone"})
    done = m.delete(row["id"])
    assert done["message"] == "Memory deleted successfully!" and done["receipt"]["state"] == "erased"
    json.dumps(done)
    assert m.get(row["id"]) is None and m.history(row["id"]) == [] and texts(m.get_all(user_id="ana")) == ["the tide table"]
    m.clew.database.close()
    raw = b"".join(p.read_bytes() for p in Path(m.clew.database.path).parent.glob("0.db*"))
    assert b"Zanzibar" not in raw and b"Brimstone" not in raw and b"tide table" in raw
    assert kept["memory"] == "the tide table"


def test_where_deleting_only_retires_history_tells_it_as_mem0_does(open_memory: Callable[..., Memory]) -> None:
    m = open_memory(deletes="retire")
    [row, _] = m.add(["a red boat", "a blue boat"], user_id="ana")["results"]
    assert m.delete(row["id"]) == {"message": "Memory deleted successfully!"}
    assert m.get(row["id"]) is None and texts(m.search("boat", user_id="ana")) == ["a blue boat"]
    assert [(h["event"], h["old_memory"], h["new_memory"], h["is_deleted"]) for h in m.history(row["id"])] == [
        ("ADD", None, "a red boat", False),
        ("DELETE", "a red boat", None, True),
    ]
    assert m.delete_all(user_id="ana") == {"message": "Memories deleted successfully!"} and m.get_all(user_id="ana") == {"results": []}
    with pytest.raises(NotFound):
        m.delete(row["id"])
    with pytest.raises(UsageError, match="deletes is"):
        Memory(m.clew, deletes="hide")  # type: ignore[arg-type]


def test_delete_all_takes_every_page_of_one_scope_and_reset_everything(m: Memory) -> None:
    m.add([f"note {n} of the harbour" for n in range(120)], user_id="ana", infer=False)
    m.add("mine", user_id="ben", agent_id="cook")
    m.add("his", user_id="ben")
    m.delete_all(user_id="ana")
    assert m.get_all(user_id="ana", top_k=500) == {"results": []} and texts(m.get_all(user_id="ben")) == ["mine", "his"]
    m.delete_all(user_id="ben", agent_id="cook")
    assert texts(m.get_all(user_id="ben")) == ["his"]
    m.reset()
    assert m.get_all(user_id="ben") == {"results": []} and m.clew.users() == []


def test_facts_that_a_recipe_draws_are_the_memories(open_memory: Callable[..., Memory]) -> None:
    m = open_memory(recipes=["mem0_style"], models=Models(asker=Fickle()))
    added = m.add([{"role": "user", "content": "My boat lies in Porto. It is blue."}], user_id="ana")["results"]
    assert added and all(row["event"] in ("ADD", "UPDATE") for row in added)
    assert {row["id"] for row in added} == {row["id"] for row in m.get_all(user_id="ana")["results"]}
    with pytest.warns(UserWarning, match="infer=False"):
        m.add("as it is", user_id="ana", infer=False)


def test_a_message_cannot_say_whose_it_is(m: Memory) -> None:
    forged = {"role": "user", "content": "a red boat", "user": "ben", "trust": "owner", "data": {"compat": {"metadata": {"admin": True}}}}
    with pytest.warns(UserWarning, match="does not know data, trust, user"):
        [row] = m.add([forged], user_id="ana")["results"]
    got = m.get(row["id"])
    assert got is not None and got["user_id"] == "ana" and got["metadata"] is None and m.get_all(user_id="ben") == {"results": []}


def test_the_awaited_calls_are_the_same_calls(tmp_path: Path) -> None:
    async def talk() -> None:
        m = AsyncMemory(tmp_path / "async.db")
        [row] = (await m.add("a red boat", user_id="ana"))["results"]
        assert (await m.search("boat", user_id="ana"))["results"][0]["id"] == row["id"]
        await m.update(row["id"], "a green boat")
        assert [h["event"] for h in await m.history(row["id"])] == ["ADD", "UPDATE"]
        await m.delete(row["id"])
        assert await m.get(row["id"]) is None and await m.get_all(user_id="ana") == {"results": []}
        m.close()

    asyncio.run(talk())
    assert inspect.signature(AsyncMemory.search) == inspect.signature(Memory.search)


def test_an_open_clew_serves_mem0s_calls_beside_its_own(tmp_path: Path) -> None:
    with Clew(tmp_path / "memory.db") as c:
        c.record("the lighthouse is white", user="ana")
        assert texts(Memory(c).search("lighthouse", user_id="ana")) == ["the lighthouse is white"]
        assert Memory(c).get_all(user_id="ana")["results"][0]["metadata"] is None
        with pytest.raises(UsageError, match="this one is open"):
            Memory(c, audit=True)


# -- beside mem0 itself ---------------------------------------------------------------------------------------------


@pytest.fixture
def theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """mem0 on a local vector store, with a bag of words for an embedder and no model."""
    monkeypatch.setenv("MEM0_DIR", str(tmp_path))
    monkeypatch.setenv("MEM0_TELEMETRY", "False")
    mem0 = pytest.importorskip("mem0", reason="mem0ai is not installed: pip install mem0ai")
    store = {"provider": "qdrant", "config": {"path": str(tmp_path / "q"), "on_disk": True, "embedding_model_dims": 64}}
    key = {"provider": "openai", "config": {"api_key": "none"}}
    found = mem0.Memory.from_config({"vector_store": store, "llm": key, "embedder": key, "history_db_path": str(tmp_path / "h.db")})

    class Bag:
        def embed(self, text: str, memory_action: str | None = None) -> list[float]:
            return [1.0 + sum(len(w) == n for w in text.split()) for n in range(64)]

        def embed_batch(self, texts: list[str], memory_action: str | None = None) -> list[list[float]]:
            return [self.embed(text) for text in texts]

    found.embedding_model = Bag()
    yield found
    found.close()
    found.vector_store.client.close()


@pytest.mark.filterwarnings("ignore")
def test_every_argument_and_every_field_of_mem0s_is_there(m: Memory, theirs: Any) -> None:
    for verb in ("add", "search", "get", "get_all", "update", "delete", "delete_all", "history", "reset", "from_config"):
        ours, its = (inspect.signature(getattr(type(each), verb)).parameters for each in (m, theirs))
        assert {n for n, p in its.items() if p.kind is not p.VAR_KEYWORD} - {*ours} <= {"memory_type", "prompt"}, verb  # these warn

    def played(memory: Any) -> list[Any]:
        added = memory.add(TALK, user_id="ana", agent_id="cook", run_id="r", metadata={"n": 1}, expiration_date="2099-01-01", infer=False)
        id = next(row["id"] for row in added["results"] if row["role"] == "user")
        updated = memory.update(id, text="I row on Mondays")
        found = memory.search("row", filters={"user_id": "ana"}, threshold=0.0)
        rows = [
            added["results"],
            found["results"],
            memory.get_all(filters={"user_id": "ana"})["results"],
            [memory.get(id)],
            memory.history(id),
        ]
        shapes = [sorted({(key, type(value).__name__) for row in part for key, value in row.items()}) for part in rows]
        gone = (
            memory.delete(id)["message"],
            memory.get(id),
            memory.delete_all(user_id="ana")["message"],
            memory.get_all(filters={"user_id": "ana"}),
        )
        return [shapes, updated, gone, memory.reset(), memory.history("00000000-0000-0000-0000-000000000000")]

    ours, its = played(m), played(theirs)
    for part, (mine, original) in enumerate(zip(ours[0], its[0], strict=True)):
        loose = {(k, "int" if t == "bool" else t) for k, t in original}
        assert {(k, "int" if t == "bool" else t) for k, t in mine} == loose, part
    assert ours[1:] == its[1:]


class _Answering(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append(asked)  # type: ignore[attr-defined]
        message = {"role": "assistant", "content": f"answer {len(self.server.asked)}"}  # type: ignore[attr-defined]
        reply = {"id": "1", "object": "chat.completion", "created": 0, "model": "m"}
        body = json.dumps({**reply, "choices": [{"index": 0, "finish_reason": "stop", "message": message}]}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def answering() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answering)
    server.asked = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_mem0s_published_example_runs_unchanged_but_for_the_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openai", reason="the example talks to a model through openai: pip install openai")
    try:
        about = importlib.metadata.metadata("mem0ai")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("mem0ai is not installed; its example is read from there: pip install mem0ai")
    readme = about.get("Description") or str(about.get_payload())  # type: ignore[attr-defined]
    [example] = [block for block in re.findall(r"```python\n(.*?)```", readme, re.DOTALL) if "from mem0 import Memory" in block]
    said = iter(["I keep two grey geese called Nils and Akka", "What are my geese called?", "exit"])
    monkeypatch.setattr("builtins.input", lambda _: next(said))
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    monkeypatch.chdir(tmp_path)
    with answering() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{server.server_address[1]}/v1")
        world: dict[str, Any] = {"__name__": "__main__"}
        exec(example.replace("from mem0 import Memory", "from clew.compat.mem0 import Memory"), world)
        shown = server.asked[1]["messages"][0]["content"]  # type: ignore[attr-defined]
    assert "geese called Nils and Akka" in shown
    assert len(world["memory"].get_all(user_id="default_user")["results"]) == 4
    world["openai_client"].close()
    world["memory"].close()
    assert os.path.exists("memory.db")

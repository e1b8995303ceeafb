"""What other memory systems leave behind: each store is made as its own library makes it, with words of ours."""

import gzip
import json
import pickle
import sqlite3
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stores import ANA, BOB, DAY, ENDED, LETTA, PointStruct, collection, graph, history, mem0, open_memory, palace

from clew.errors import UsageError
from clew.readers import Left, read


def test_mem0_is_read_in_the_order_in_which_it_learned(tmp_path: Path) -> None:
    left: list[Left] = []
    porto, spoken, lisbon, over, bees = read(mem0(tmp_path), left=left.append)
    assert (porto["content"], porto["user"], porto["at"], porto["key"]) == ("Lives in Porto", "ana", DAY.format(1, 1), "mem0:row:h1")
    assert (porto["trust"], porto["actor"]) == ("assistant", "mem0")
    assert (spoken["content"], spoken["actor"], spoken["role"], spoken["agent"]) == ("I moved to Lisbon", "Ana", "user", "a&b")
    assert (lisbon["content"], lisbon["at"], lisbon["data"]["metadata"]) == ("Lives in Lisbon", DAY.format(2, 1), {"category": "home"})
    assert (over["ended"], over["at"], over["user"], "content" in over) == ("mem0:row:h1", DAY.format(2, 1), "ana", False)
    assert (bees["user"], bees["agent"], bees["session"]) == ("bob", "gardener", "r1")
    assert [(one.where, "whose it was" in one.why) for one in left][1:] == [("history.db, row 3", True), ("history.db, row 4", True)]
    assert "entity store" in left[0].why and not any(one.broken for one in left)


def test_what_is_gone_from_mem0_comes_where_one_says_whose_it_was(tmp_path: Path) -> None:
    found = list(read(mem0(tmp_path), user="ana"))
    boat, over = (m for m in found if m.get("content") == "Owns a boat" or m.get("ended") == "mem0:row:h3")
    assert boat["at"] == DAY.format(2, 2) and over["at"] == DAY.format(3, 2) and over["reason"] == "mem0 deleted it"
    assert not any("user" in m for m in found)


def test_one_file_of_mem0_is_enough(tmp_path: Path) -> None:
    mem0(tmp_path)
    store = tmp_path / "qdrant" / "collection" / "mem0" / "storage.sqlite"
    assert [m["content"] for m in read(store)] == ["Lives in Lisbon", "Keeps bees"]
    assert [m.get("content") for m in read(tmp_path / "history.db")][-2:] == ["Owns a boat", None]
    assert [m["content"] for m in read(tmp_path / "qdrant")] == ["Lives in Lisbon", "Keeps bees"]


def test_a_history_of_an_older_mem0_is_read(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "history.db") as c:
        c.execute("CREATE TABLE history (id TEXT, memory_id TEXT, old_memory TEXT, new_memory TEXT, event TEXT, created_at DATETIME)")
        c.execute("INSERT INTO history VALUES ('h1','m1',NULL,'Keeps bees','ADD',?)", (DAY.format(1, 1),))
    c.close()
    assert [(m["content"], m["at"]) for m in read(tmp_path / "history.db")] == [("Keeps bees", DAY.format(1, 1))]


def test_a_collection_that_has_drifted_from_its_history_tells_both(tmp_path: Path) -> None:
    collection(tmp_path, "mem0", {ANA: {"data": "Lives in Faro", "user_id": "ana", "created_at": DAY.format(1, 1)}})
    history(tmp_path, ("h1", ANA, None, "Lives in Porto", "ADD", DAY.format(1, 1), None))
    assert [m["content"] for m in read(tmp_path)] == ["Lives in Porto", "Lives in Faro"]


class Trap:
    """What a hostile pickle would have called."""

    def __reduce__(self) -> Any:
        return Path.write_text, (Path("sprung"), "x")


def test_a_pickle_in_a_collection_calls_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = collection(tmp_path, "mem0", {ANA: {"data": "kept", "user_id": "ana"}})
    with sqlite3.connect(path) as c:
        c.execute("INSERT INTO points VALUES ('a', ?)", (pickle.dumps(Trap()),))
        c.execute("INSERT INTO points VALUES ('b', ?)", (pickle.dumps(PointStruct(id=BOB, payload={"data": Trap()})),))
        c.execute("INSERT INTO points VALUES ('c', ?)", (b"no pickle",))
    c.close()
    left: list[Left] = []
    assert [m["content"] for m in read(path, left=left.append)] == ["kept"]
    assert [one.broken for one in left] == [True, False, True] and not (tmp_path / "sprung").exists()
    with pytest.raises(UsageError, match="point 2: the point cannot be read"):
        list(read(path))


def test_a_collection_that_qdrants_own_client_wrote_is_read(tmp_path: Path) -> None:
    qdrant = pytest.importorskip("qdrant_client", reason="qdrant-client is not installed")
    client = qdrant.QdrantClient(path=str(tmp_path / "q"))
    client.create_collection("mem0", vectors_config=qdrant.models.VectorParams(size=2, distance=qdrant.models.Distance.COSINE))
    payload = {"data": "Keeps bees", "user_id": "bob", "created_at": DAY.format(1, 2)}
    client.upsert("mem0", [qdrant.models.PointStruct(id=BOB, vector=[0.1, 0.2], payload=payload)])
    client.close()
    (bees,) = read(tmp_path / "q")
    assert (bees["content"], bees["user"], bees["data"]["memory_id"]) == ("Keeps bees", "bob", BOB)


@pytest.mark.parametrize("shape", ["results", "list", "lines"])
def test_mem0s_own_json_is_read_in_every_wrapping(tmp_path: Path, shape: str) -> None:
    items = [{"id": "a", "memory": "Keeps bees", "user_id": "bob", "created_at": DAY.format(1, 2), "metadata": {"k": 1}, "score": 0.5}]
    whole = {"results": json.dumps({"results": items}), "list": json.dumps(items), "lines": "\n".join(map(json.dumps, items))}
    path = tmp_path / "export.json"
    path.write_text(whole[shape], encoding="utf-8")
    (bees,) = read(path)
    assert (bees["content"], bees["user"], bees["at"]) == ("Keeps bees", "bob", DAY.format(1, 2))


def test_an_agent_file_of_letta_gives_blocks_messages_and_files(tmp_path: Path) -> None:
    path = tmp_path / "sam.af"
    path.write_text(json.dumps(LETTA, indent=2), encoding="utf-8")
    left: list[Left] = []
    block, asked, told, acted, seen, sheet = read(path, left=left.append)
    assert (block["content"], block["agent"], block["trust"], block["at"]) == (
        "The human keeps bees.",
        "Sam",
        "assistant",
        DAY.format(2, 1),
    )
    assert (asked["content"], asked["role"], asked["at"]) == ("I keep bees", "user", DAY.format(1, 2))
    assert (told["content"], told["role"]) == ("How many hives?", "assistant")
    assert acted["kind"] == "action" and acted["tool_calls"][0]["function"]["name"] == "core_memory_append"
    assert (seen["kind"], seen["content"], seen["tool_call_id"]) == ("observation", "OK", "c1")
    assert (sheet["kind"], sheet["data"]["file"]) == ("document", "hives.txt")
    why = " ".join(one.why for one in left)
    assert all(words in why for words in ("system", "login", "thought", "does not hold", "tools")) and len(left) == 5
    assert len({m["key"] for m in (block, asked, told, acted, seen, sheet)}) == 6


def test_newer_agents_of_letta_say_what_they_write_beside_a_call(tmp_path: Path) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    parts = [{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": "Let me look."}]
    back = {"role": "tool", "content": [], "tool_call_id": "c1", "tool_returns": [{"tool_call_id": "c1", "func_response": "two hives"}]}
    said = {"role": "assistant", "content": parts, "tool_calls": [call], "created_at": DAY.format(1, 2)}
    agent = {"name": "Loop", "agent_type": "letta_v1_agent", "block_ids": [], "messages": [said, back | {"created_at": DAY.format(1, 3)}]}
    path = tmp_path / "loop.af"
    path.write_text(json.dumps({"agents": [agent], "blocks": []}), encoding="utf-8")
    left: list[Left] = []
    acted, seen = read(path, left=left.append)
    assert (acted["content"], acted["kind"], seen["content"]) == ("Let me look.", "action", "two hives")
    assert [one.why for one in left] == ["a part of type reasoning"]


def test_an_agent_file_of_the_first_make_is_read(tmp_path: Path) -> None:
    said = {
        "role": "user",
        "content": [{"type": "text", "text": "hello"}],
        "created_at": DAY.format(1, 2),
        "tool_calls": [],
        "tool_returns": [],
    }
    memory = [{"label": "persona", "value": "I am Sam.", "created_at": DAY.format(1, 1), "updated_at": DAY.format(1, 1)}]
    path = tmp_path / "sam.json"
    path.write_text(json.dumps({"agent_type": "memgpt_agent", "name": "Sam", "core_memory": memory, "messages": [said], "version": "0.7"}))
    block, hello = read(path)
    assert (block["data"]["block"], hello["content"], hello["agent"]) == ("persona", "hello", "Sam")


@pytest.mark.parametrize("shape", ["lines", "array", "object", "neo4j", "query", "zep"])
def test_a_graph_is_read_in_every_wrapping(tmp_path: Path, shape: str) -> None:
    items, labels = graph(**ENDED), ["Episodic", "Entity", "Entity"]
    nodes = [{"type": "node", "id": str(n), "labels": [labels[n]], "properties": item} for n, item in enumerate(items[:3])]
    edges = [{"type": "relationship", "id": "9", "label": "RELATES_TO", "properties": item, "start": {}, "end": {}} for item in items[3:]]
    whole = {
        "lines": "\n".join(map(json.dumps, items)),
        "array": json.dumps(items),
        "object": json.dumps({"episodes": items[:1], "nodes": items[1:3], "edges": items[3:]}),
        "neo4j": "\n".join(map(json.dumps, nodes + edges)),
        "query": json.dumps([{"n": item} for item in items]),
        "zep": json.dumps([{("episode_uuids" if k == "episodes" else k): v for k, v in item.items()} for item in items]),
    }
    path = tmp_path / "dump.json"
    path.write_text(whole[shape], encoding="utf-8")
    left: list[Left] = []
    said, summary, fact = read(path, left=left.append)
    assert (said["content"], said["actor"], said["at"], said["user"], said["key"]) == (
        "I moved to Lisbon",
        "Ana",
        DAY.format(2, 1),
        "ana",
        "graphiti:e1",
    )
    assert summary["content"] == "Ana: Lives in Lisbon" and summary["trust"] == "assistant"
    assert fact["content"].endswith(f"(held from {DAY.format(1, 1)} until {DAY.format(2, 1)})") and fact["data"]["episodes"] == ["e1"]
    assert [one.why for one in left] == [
        "an entity without a summary",
        "a node or an edge without words",
    ]


@pytest.mark.parametrize(
    "shape",
    [
        {"role": "Ana", "role_type": "user", "thread_id": "t1", "user_id": "ana"},
        {"role": "user", "name": "Ana", "thread_uuid": "t1", "user_uuid": "ana"},
        {"role": "user", "role_name": "Ana", "source": "message", "thread_uuid": "t1", "user_uuid": "ana", "name": "an episode"},
    ],
)
def test_zeps_messages_and_episodes_keep_who_spoke_in_every_version(tmp_path: Path, shape: dict[str, Any]) -> None:
    path = tmp_path / "thread.json"
    path.write_text(json.dumps([{"uuid": "z1", "content": "It rains", "created_at": DAY.format(1, 1)} | shape]))
    (said,) = read(path)
    assert (said["actor"], said["role"], said["session"], said["user"], said["kind"]) == ("Ana", "user", "t1", "ana", "message")
    path.write_text(
        json.dumps({"messages": [{"uuid": "z1", "content": "It rains", "created_at": DAY.format(1, 1)} | shape], "row_count": 1})
    )
    assert list(read(path)) == [said]


def test_a_palace_gives_its_drawers_and_its_facts(tmp_path: Path) -> None:
    left: list[Left] = []
    key, talk, fact = read(palace(tmp_path), tz="UTC", left=left.append)
    assert (key["content"], key["kind"], key["at"]) == ("The key hangs in the galley.", "document", DAY.format(3, 1))
    assert key["data"] == {"from": "mempalace", "drawer": "d1", "file": "boat.md", "wing": "boat", "room": "galley"}
    assert (talk["session"], talk["at"]) == ("chat.jsonl", DAY.format(3, 2))
    assert fact["content"].startswith("Ana lives in Porto\n(held from 2026-01-01") and fact["data"]["drawer"] == "d1"
    assert [one.why for one in left] == ["the collection mempalace_closets"]


def test_a_palace_in_its_own_sqlite_is_read(tmp_path: Path) -> None:
    path = tmp_path / "sqlite_exact.sqlite3"
    with sqlite3.connect(path) as c:
        c.executescript(
            "CREATE TABLE collections (id INTEGER PRIMARY KEY, name TEXT, dimension INTEGER, created_at TEXT);"
            "CREATE TABLE documents (collection_id INTEGER, id TEXT, document TEXT, metadata_json TEXT,"
            " embedding BLOB, dim INTEGER, created_at TEXT, updated_at TEXT);"
            "INSERT INTO collections VALUES (1,'mempalace_drawers',2,'');"
        )
        about = json.dumps({"wing": "boat", "filed_at": DAY.format(3, 1)})
        c.execute("INSERT INTO documents VALUES (1,'d1','The key hangs in the galley.',?,x'00',2,'','')", (about,))
    c.close()
    (key,) = read(path)
    assert (key["content"], key["data"]["wing"], key["at"]) == ("The key hangs in the galley.", "boat", DAY.format(3, 1))


@pytest.mark.parametrize("shape", ["zip", "json", "gz"])
def test_an_export_of_openmemory_is_read_packed_or_not(tmp_path: Path, shape: str) -> None:
    whole = open_memory()
    lines = [
        {k: m[k] for k in ("id", "content", "metadata", "created_at", "updated_at", "state", "deleted_at")}
        | {"app": "desk", "categories": ["hobby"]}
        for m in whole["memories"]
    ]
    packed = gzip.compress("\n".join(map(json.dumps, lines)).encode(), mtime=0)
    path = tmp_path / {"zip": "memories_export_bob.zip", "json": "memories.json", "gz": "memories.jsonl.gz"}[shape]
    if shape == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("memories.json", json.dumps(whole))
            archive.writestr("memories.jsonl.gz", packed)
    else:
        path.write_bytes(json.dumps(whole, indent=2).encode() if shape == "json" else packed)
    left: list[Left] = []
    bees, boat, over, chess = read(path, left=left.append)
    assert (bees["content"], bees["at"], bees["data"]["app"], bees["data"]["categories"]) == (
        "Keeps bees",
        DAY.format(1, 2),
        "desk",
        ["hobby"],
    )
    assert bees.get("user") == (None if shape == "gz" else "bob")
    assert boat["data"]["state"] == "deleted" and over["ended"] == boat["key"] and over["at"] == DAY.format(3, 1)
    assert chess["content"] == "Plays chess" and [one.why for one in left] == [
        "that it is archived there: it comes as any other, with its state in the data"
    ]


def test_the_databases_of_both_openmemories_are_read(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "openmemory.db") as c:
        c.executescript(
            "CREATE TABLE users (id TEXT, user_id TEXT); CREATE TABLE apps (id TEXT, name TEXT);"
            "CREATE TABLE memories (id TEXT, user_id TEXT, app_id TEXT, content TEXT, metadata JSON, state TEXT,"
            " created_at DATETIME, updated_at DATETIME, deleted_at DATETIME);"
            "INSERT INTO users VALUES ('u1','bob'); INSERT INTO apps VALUES ('a1','desk');"
            "INSERT INTO memories VALUES ('m1','u1','a1','Keeps bees','{}','active','2026-01-01 10:00:00.000000','2026-01-02 10:00:00.000000',NULL);"
        )
    c.close()
    (bees,) = read(tmp_path / "openmemory.db")
    assert (bees["content"], bees["user"], bees["at"], bees["data"]["app"]) == ("Keeps bees", "bob", DAY.format(1, 2), "desk")
    with sqlite3.connect(tmp_path / "sectors.sqlite") as c:
        c.execute(
            "CREATE TABLE memories (id TEXT, user_id TEXT, content TEXT, primary_sector TEXT, tags TEXT, meta TEXT, created_at INTEGER, updated_at INTEGER)"
        )
        c.execute("INSERT INTO memories VALUES ('m1','ana','The tide was low','episodic','[\"sea\"]','{}',1767261600000,1767261600000)")
    c.close()
    (tide,) = read(tmp_path / "sectors.sqlite")
    assert (tide["user"], tide["at"], tide["data"]["sector"], tide["data"]["tags"]) == ("ana", DAY.format(1, 1), "episodic", ["sea"])


def test_a_database_that_is_no_memory_or_is_damaged_is_refused_with_the_reason(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.db") as c:
        c.execute("CREATE TABLE hens (name TEXT)")
    c.close()
    with pytest.raises(UsageError, match="no known format; it is SQLite with the tables hens"):
        read(tmp_path / "other.db")
    whole = history(tmp_path).read_bytes()
    (tmp_path / "cut.db").write_bytes(whole[:3000])
    with pytest.raises(UsageError, match="cannot be read as SQLite"):
        list(read(tmp_path / "cut.db"))
    (tmp_path / "bomb.zip").write_bytes(b"")
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w") as archive:
        archive.writestr("memories.json", "{")
    with pytest.raises(UsageError, match=r"memories\.json: line 1 is not JSON"):
        list(read(tmp_path / "bomb.zip"))


def test_reading_a_store_does_not_change_it(tmp_path: Path) -> None:
    mem0(tmp_path)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    assert list(read(tmp_path)) and {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


def test_rows_that_are_still_in_a_write_ahead_log_are_read(tmp_path: Path) -> None:
    c = sqlite3.connect(tmp_path / "history.db")
    c.execute("PRAGMA journal_mode=WAL")
    history(tmp_path, ("h1", ANA, None, "Lives in Porto", "ADD", DAY.format(1, 1), None))
    assert [m["content"] for m in read(tmp_path / "history.db")] == ["Lives in Porto"]
    c.close()


_FIELDS = (
    "uuid group_id content source fact name summary labels episodes nodes edges messages valid_at created_at role role_type properties type "
    "agents blocks core_memory value label tool_calls function arguments id memory results memories state app categories export_meta a"
)
_NAMES = st.sampled_from(_FIELDS.split())
_WORDS = st.sampled_from(["message", "node", "relationship", "deleted", "2026-01-01T00:00:00Z", "user", "system", '{"type": "x"}', "a", ""])
_JSON = st.recursive(
    _WORDS | st.none() | st.integers() | st.floats() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=5),
    max_leaves=25,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_JSON, min_size=1, max_size=3), st.sampled_from(["graphiti", "letta", "openmemory", "mem0-json", None]), st.booleans())
def test_json_of_any_make_is_read_or_told_but_never_crashes(
    tmp_path_factory: Any, items: list[Any], kind: str | None, listening: bool
) -> None:
    path = tmp_path_factory.mktemp("json") / "a.jsonl"
    path.write_text("\n".join(json.dumps(item) for item in items), encoding="utf-8")
    left: list[Left] = []
    try:
        assert all(
            {"content", "kind", "key"} <= set(m) or "ended" in m for m in read(path, kind=kind, left=left.append if listening else None)
        )
    except UsageError as error:
        assert "a.jsonl" in str(error) and not (listening and kind)

"""Stores of other memory systems, made as their own libraries make them, with words of ours."""

import base64
import pickle
import sqlite3
from pathlib import Path
from typing import Any

ANA, BOB, GONE = (f"00000000-0000-0000-0000-{n:012}" for n in (1, 2, 3))


DAY = "2026-{:02}-{:02}T10:00:00+00:00"


class PointStruct:
    """A point as qdrant-client pickles it: a model whose state holds its fields under `__dict__`."""

    def __init__(self, **fields: Any) -> None:
        self.fields = fields

    def __reduce__(self) -> Any:
        state = {"__dict__": self.fields, "__pydantic_extra__": None, "__pydantic_fields_set__": {"id"}, "__pydantic_private__": None}
        return PointStruct, (), state


def collection(folder: Path, name: str, points: dict[str, dict[str, Any]]) -> Path:
    path = folder / "collection" / name / "storage.sqlite"
    path.parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(path) as c:
        c.execute("CREATE TABLE IF NOT EXISTS points (id TEXT PRIMARY KEY, point BLOB)")
        for ident, payload in points.items():
            key = base64.b64encode(pickle.dumps(ident, protocol=4)).decode()
            c.execute("REPLACE INTO points VALUES (?,?)", (key, pickle.dumps(PointStruct(id=ident, vector=[0.1, 0.2], payload=payload))))
    c.close()
    return path


def history(folder: Path, *rows: tuple[Any, ...], messages: tuple[tuple[Any, ...], ...] = ()) -> Path:
    path = folder / "history.db"
    with sqlite3.connect(path) as c:
        c.execute(
            "CREATE TABLE IF NOT EXISTS history (id TEXT PRIMARY KEY, memory_id TEXT, old_memory TEXT, new_memory TEXT, event TEXT,"
            " created_at DATETIME, updated_at DATETIME, is_deleted INTEGER, actor_id TEXT, role TEXT)"
        )
        c.execute(
            "CREATE TABLE IF NOT EXISTS messages (id TEXT PRIMARY KEY, session_scope TEXT, role TEXT, content TEXT, name TEXT, created_at DATETIME)"
        )
        c.executemany("INSERT INTO history VALUES (?,?,?,?,?,?,?,0,NULL,NULL)", rows)
        c.executemany("INSERT INTO messages VALUES (?,?,?,?,?,?)", messages)
    c.close()
    return path


def mem0(folder: Path) -> Path:
    home = {"data": "Lives in Lisbon", "hash": "h", "user_id": "ana", "created_at": DAY.format(1, 1), "category": "home"}
    bees = {"data": "Keeps bees", "user_id": "bob", "agent_id": "gardener", "run_id": "r1", "created_at": DAY.format(1, 2)}
    collection(folder / "qdrant", "mem0", {ANA: home, BOB: bees})
    collection(folder / "qdrant", "mem0_entities", {GONE: {"data": "Lisbon", "entity_type": "PROPER", "user_id": "ana"}})
    history(
        folder,
        ("h1", ANA, None, "Lives in Porto", "ADD", DAY.format(1, 1), None),
        ("h2", ANA, "Lives in Porto", "Lives in Lisbon", "UPDATE", DAY.format(1, 1), DAY.format(2, 1)),
        ("h3", GONE, None, "Owns a boat", "ADD", DAY.format(2, 2), None),
        ("h4", GONE, "Owns a boat", None, "DELETE", DAY.format(2, 2), DAY.format(3, 2)),
        messages=(("m1", "agent_id=a%26b&user_id=ana", "user", "I moved to Lisbon", "Ana", DAY.format(1, 30)),),
    )
    return folder


LETTA: dict[str, Any] = {
    "agents": [
        {
            "id": "agent-0",
            "name": "Sam",
            "block_ids": ["block-0"],
            "messages": [
                {"id": "message-0", "role": "system", "content": "You are Sam.", "created_at": DAY.format(1, 1)},
                {"id": "message-1", "role": "user", "content": [{"type": "text", "text": '{"type": "login", "time": "x"}'}], "created_at": DAY.format(1, 1)},
                {"id": "message-2", "role": "user", "content": '{"type": "user_message", "message": "I keep bees"}', "created_at": DAY.format(1, 2)},
                {
                    "id": "message-3",
                    "role": "assistant",
                    "content": [{"type": "text", "text": "Nice to know."}],
                    "tool_calls": [
                        {"id": "c1", "function": {"name": "core_memory_append", "arguments": '{"label": "human"}'}},
                        {"id": "c2", "function": {"name": "send_message", "arguments": '{"message": "How many hives?"}'}},
                    ],
                    "created_at": DAY.format(1, 3),
                },
                {"id": "message-4", "role": "tool", "name": "core_memory_append", "tool_call_id": "c1", "content": "OK", "created_at": DAY.format(1, 4)},
            ],
        }
    ],
    "blocks": [{"id": "block-0", "label": "human", "value": "The human keeps bees."}],
    "files": [{"id": "file-0", "file_name": "hives.txt", "content": "Hive one stands by the wall."}, {"id": "file-1", "file_name": "b.pdf"}],
    "tools": [{"id": "tool-0", "name": "t"}],
    "groups": [], "sources": [], "mcp_servers": [], "metadata": {}, "created_at": DAY.format(2, 1),
}  # fmt: skip


def graph(**changes: Any) -> list[dict[str, Any]]:
    common = {"group_id": "ana", "created_at": DAY.format(2, 2).replace("+00:00", "Z")}
    episode = {
        "uuid": "e1",
        "name": "chat",
        "labels": [],
        "source": "message",
        "source_description": "support",
        "content": "Ana: I moved to Lisbon",
    }
    fact = {"uuid": "f1", "name": "LIVES_IN", "fact": "Ana lives in Porto", "episodes": ["e1"], "valid_at": DAY.format(1, 1)}
    return [
        episode | common | {"valid_at": DAY.format(2, 1), "entity_edges": ["f1"]},
        {"uuid": "n1", "name": "Ana", "labels": ["Person"], "summary": "Lives in Lisbon", "name_embedding": [0.1], "attributes": {}}
        | common,
        {"uuid": "n2", "name": "Porto", "summary": ""} | common,
        fact | common | {"source_node_uuid": "n1", "target_node_uuid": "n2"} | changes,
        {"uuid": "x1", "source_node_uuid": "e1", "target_node_uuid": "n1"} | common,
    ]


ENDED = {"invalid_at": DAY.format(2, 1), "expired_at": DAY.format(2, 2)}


def palace(folder: Path) -> Path:
    with sqlite3.connect(folder / "chroma.sqlite3") as c:
        c.executescript(
            "CREATE TABLE collections (id TEXT PRIMARY KEY, name TEXT); CREATE TABLE segments (id TEXT PRIMARY KEY, type TEXT, scope TEXT, collection TEXT);"
            "CREATE TABLE embeddings (id INTEGER PRIMARY KEY, segment_id TEXT, embedding_id TEXT, seq_id BLOB, created_at TIMESTAMP);"
            "CREATE TABLE embedding_metadata (id INTEGER, key TEXT, string_value TEXT, int_value INTEGER, float_value REAL, bool_value INTEGER);"
            "INSERT INTO collections VALUES ('c1','mempalace_drawers'),('c2','mempalace_closets');"
            "INSERT INTO segments VALUES ('s1','sqlite','METADATA','c1'),('s2','hnsw','VECTOR','c1');"
            "INSERT INTO embeddings VALUES (1,'s1','d1',1,NULL),(2,'s1','d2',2,NULL);"
        )
        first = {
            "chroma:document": "The key hangs in the galley.",
            "wing": "boat",
            "room": "galley",
            "source_file": "boat.md",
            "filed_at": "2026-03-01T10:00:00",
        }
        second = {
            "chroma:document": "> where?\nIn the galley.",
            "ingest_mode": "convos",
            "source_file": "chat.jsonl",
            "authored_at": DAY.format(3, 2),
        }
        for n, about in ((1, first), (2, second)):
            c.executemany("INSERT INTO embedding_metadata(id, key, string_value) VALUES (?,?,?)", [(n, *pair) for pair in about.items()])
    c.close()
    with sqlite3.connect(folder / "knowledge_graph.sqlite3") as c:
        c.executescript(
            "CREATE TABLE entities (id TEXT PRIMARY KEY, name TEXT, type TEXT, properties TEXT, created_at TEXT);"
            "CREATE TABLE triples (id TEXT PRIMARY KEY, subject TEXT, predicate TEXT, object TEXT, valid_from TEXT, valid_to TEXT, confidence REAL,"
            " source_closet TEXT, source_file TEXT, source_drawer_id TEXT, adapter_name TEXT, extracted_at TEXT);"
            "INSERT INTO entities(id, name) VALUES ('ana','Ana'),('porto','Porto');"
            "INSERT INTO triples VALUES ('t1','ana','lives_in','porto','2026-01-01T00:00:00+00:00','2026-02-01T00:00:00+00:00',"
            "1.0,NULL,NULL,'d1',NULL,'2026-03-01 10:00:00');"
        )
    c.close()
    return folder


def open_memory() -> dict[str, Any]:
    memory = {"id": "m1", "user_id": "u1", "app_id": "a1", "content": "Keeps bees", "state": "active", "created_at": DAY.format(1, 1)}
    memory |= {"updated_at": DAY.format(1, 2), "category_ids": ["c1"], "metadata": {}, "archived_at": None, "deleted_at": None}
    gone = memory | {"id": "m2", "content": "Owns a boat", "state": "deleted", "deleted_at": DAY.format(3, 1), "category_ids": []}
    return {
        "user": {"id": "u1", "user_id": "bob"},
        "apps": [{"id": "a1", "name": "desk"}],
        "categories": [{"id": "c1", "name": "hobby"}],
        "memories": [memory, gone, memory | {"id": "m3", "content": "Plays chess", "state": "archived"}],
        "export_meta": {"version": "1"},
    }

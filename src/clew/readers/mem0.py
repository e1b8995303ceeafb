"""mem0: the memories in a local Qdrant folder, with what became of each by history.db; or its JSON, as `get_all` and exports give it."""

import base64
import heapq
import io
import pickle
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from clew.errors import UsageError
from clew.readers.derived import concluded, ended, scope, stamp
from clew.readers.files import File, Message, table, tables
from clew.readers.rows import columns, rows, sqlite

OWN = ("data", "hash", "created_at", "updated_at", "user_id", "agent_id", "run_id", "actor_id", "role", "text_lemmatized", "memory", "id")
COLUMNS = ("id", "memory_id", "old_memory", "new_memory", "event", "created_at", "updated_at", "actor_id", "role")


class _Inert:
    """What stands for any class that a pickle names: it keeps the state and does nothing."""

    def __init__(self, *_: Any) -> None:
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def __setitem__(self, name: Any, value: Any) -> None: ...

    def append(self, _: Any) -> None:
        """Nothing."""

    def extend(self, _: Any) -> None:
        """Nothing."""


class _Points(pickle.Unpickler):
    """Qdrant's folder holds pickles, and a pickle may name any function to call: here none is ever found."""

    def find_class(self, module: str, name: str) -> Any:
        """The inert class, whatever is asked for."""
        return _Inert


def _point(blob: Any, where: str) -> tuple[str, Mapping[str, Any]]:
    """(id, payload) of a pickled point; UsageError where it is none."""
    try:
        found = _Points(io.BytesIO(bytes(blob))).load()
        state = found.state if isinstance(found, _Inert) else found
        state = state[0] if isinstance(state, tuple) else state  # (fields, slots) of a class with slots
        fields = state.get("__dict__", state)
        return str(fields["id"]), table(fields.get("payload"))
    except (pickle.UnpicklingError, EOFError, AttributeError, KeyError, IndexError, TypeError, ValueError, MemoryError) as error:
        raise UsageError(
            f"{where}: the point cannot be read ({type(error).__name__}: {error}); export it with mem0's own get_all"
        ) from error


def read_mem0(file: File) -> Iterator[Message]:
    """What mem0 held, in the order in which it learned it: each wording of a memory at its time, an earlier one ended by the later.

    A file is history.db or a collection's storage.sqlite; a folder may hold both. What history.db keeps of the messages
    themselves comes as messages.
    """
    folder = file.path.is_dir()
    stores = sorted(file.path.glob("**/collection/*/storage.sqlite")) if folder else []
    histories = sorted(file.path.glob("**/history.db")) if folder else []
    if not folder:
        with sqlite(file.path) as c:
            (stores if "points" in columns(c) else histories).append(file.path)
    collections = []
    for store in stores:
        if store.parent.name.endswith("_entities"):
            file.skip(store.parent.name, "names that mem0 found in memories (its entity store)")
        else:
            collections.append(store)
    seen: set[str] = set()
    for history in histories:
        yield from _lived(history, collections, file, seen)
    for store in collections:
        with sqlite(store) as c:
            found = rows(c, "SELECT rowid, point FROM points ORDER BY rowid")
            places = ((f"{store.parent.name}, point {row['rowid']}", row["point"]) for row in found)
            yield from file.each(places, lambda where, blob: _stored(blob, file, where, seen))


def _stored(blob: Any, file: File, where: str, seen: set[str]) -> Iterator[Message]:
    """A memory that no history tells of."""
    ident, payload = _point(blob, where)
    if ident not in seen:
        yield from _memory(ident, payload.get("data"), payload, file, where)


def _memory(ident: str, text: Any, payload: Mapping[str, Any], file: File, where: str) -> Iterator[Message]:
    if not isinstance(text, str) or not text.strip():
        return file.skip(where, "no words")
    at = file.moment(payload.get("updated_at") or payload.get("created_at"), where)
    yield _said(ident, text, payload, file, f"mem0:{ident}:{stamp(text)}", at) | {"current": True}


def _said(ident: str, text: str, payload: Mapping[str, Any], file: File, key: str, at: str | None) -> Message:
    whose = scope(file, payload.get("user_id"), payload.get("agent_id"), payload.get("run_id"))
    more = {name: value for name, value in payload.items() if name not in OWN}
    data = {"memory_id": ident, "role": payload.get("role"), "metadata": more}
    return concluded("mem0", text, key, whose | ({"at": at} if at else {}), data, payload.get("actor_id"))


def _lived(history: Path, stores: list[Path], file: File, seen: set[str]) -> Iterator[Message]:
    """The rows of a history.db and the messages it keeps, by time; whose a memory is stands in the collection alone."""
    last: dict[str, Message] = {}  # of each memory its newest wording, without its words
    with ExitStack() as opened:
        c, held = opened.enter_context(sqlite(history)), [opened.enter_context(sqlite(store)) for store in stores]
        there = columns(c)
        if "memory_id" not in there.get("history", ()):
            raise UsageError(f"{history} has no table `history`; give mem0's history.db, or the folder of its Qdrant collections")
        told = ((row["updated_at"] or row["created_at"] or "", 1, row) for row in rows(c, _history(there["history"])))
        kept = rows(c, "SELECT *, rowid AS place FROM messages ORDER BY rowid") if "messages" in there else iter(())
        spoken = ((row["created_at"] or "", 0, row) for row in kept)
        merged = heapq.merge(told, spoken, key=lambda each: each[:2])
        found = ((f"{history.name}, {'row' if sort else 'message'} {row['place']}", (sort, row)) for _, sort, row in merged)

        def one(where: str, item: tuple[int, dict[str, Any]]) -> Iterator[Message]:
            return _changed(item[1], held, file, where, seen, last) if item[0] else _spoken(item[1], file, where)

        yield from file.each(found, one)


def _history(there: set[str]) -> str:
    """The query for the rows of a history; older ones lack a column or two."""
    names = ", ".join(name if name in there else f"NULL AS {name}" for name in COLUMNS)
    return f"SELECT {names}, rowid = max(rowid) OVER (PARTITION BY memory_id) AS newest, rowid AS place FROM history ORDER BY rowid"


def _spoken(row: Mapping[str, Any], file: File, where: str) -> Iterator[Message]:
    """A message that mem0 was given; it keeps the last ten of a session."""
    if not str(row["content"] or "").strip():
        return file.skip(where, "no words")
    parts = dict(part.split("=", 1) for part in str(row["session_scope"] or "").split("&") if "=" in part)
    whose = scope(file, *(unquote(parts.get(name, "")) for name in ("user_id", "agent_id", "run_id")))
    out: Message = {
        "content": str(row["content"]),
        "role": str(row["role"] or "user"),
        "kind": "message",
        "key": f"mem0:message:{row['id']}",
    }
    if row["name"]:
        out["actor"] = str(row["name"])[:500]
    if at := file.moment(row["created_at"], where):
        out["at"] = at
    yield out | whose


def _changed(
    row: Mapping[str, Any], stores: list[Any], file: File, where: str, seen: set[str], last: dict[str, Message]
) -> Iterator[Message]:
    ident, text = str(row["memory_id"]), row["new_memory"]
    payload = _payload(ident, stores, where)
    if payload is None and stores and not file.user:
        return file.skip(where, "a memory that is gone from the collection, so that nothing says whose it was; with --user it comes")
    at = file.moment(row["updated_at"] or row["created_at"], where)
    key = f"mem0:row:{row['id']}"
    about = {**(payload or {}), "actor_id": row["actor_id"], "role": row["role"]}
    before = last.pop(ident, None)
    if before is None and row["old_memory"] and row["event"] in ("UPDATE", "DELETE"):
        before = _said(ident, str(row["old_memory"]), about, file, f"{key}:before", file.moment(row["created_at"], where))
        yield before
    if row["event"] in ("ADD", "UPDATE") and isinstance(text, str) and text.strip():
        seen.add(ident)
        said = _said(ident, text, about, file, key, at)
        last[ident] = {name: said[name] for name in ("key", "user", "at") if name in said}
        yield said
    elif row["event"] != "DELETE":
        file.skip(where, f"an entry {row['event']} without words")
    if before is not None:
        yield ended(before, f"{key}:ended", at, "mem0 updated it" if row["event"] == "UPDATE" else "mem0 deleted it")
    if row["newest"] and payload is not None and row["event"] != "DELETE" and payload.get("data") not in (None, text):
        yield from _memory(ident, payload["data"], payload, file, where)  # the two stores have drifted apart: both are told


def _payload(ident: str, stores: list[Any], where: str) -> Mapping[str, Any] | None:
    """What the collections hold of that memory; keys are pickles of the id, by the writer's Python."""
    keys = [base64.b64encode(pickle.dumps(ident, protocol=number)).decode() for number in (4, 5)]
    for c in stores:
        blob = c.execute("SELECT point FROM points WHERE id IN (?, ?)", keys).get
        if blob is not None:
            return _point(blob, where)[1]
    return None


def read_mem0_json(file: File) -> Iterator[Message]:
    """Memories as mem0's API gives them: a list, one a line, or under `results` or `memories`."""

    def one(where: str, item: Any) -> Iterator[Message]:
        listed = next((table(item)[name] for name in ("results", "memories") if isinstance(table(item).get(name), list)), None)
        if listed is not None:
            yield from file.each(((f"{where}, memory {n}", each) for n, each in enumerate(tables(listed), 1)), one)
            return
        text = table(item).get("memory")
        if not isinstance(text, str) or "id" not in item:
            raise UsageError(f"{where}: a memory of mem0 has `id` and `memory`, got {sorted(map(str, table(item)))[:12]}")
        yield from _memory(str(item["id"]), text, item, file, where)

    yield from file.each(file.objects(), one)


def is_folder(path: Path) -> bool:
    """Whether a folder holds Qdrant's local collections or mem0's history."""
    return (
        any(path.glob("collection/*/storage.sqlite")) or any(path.glob("*/collection/*/storage.sqlite")) or (path / "history.db").is_file()
    )

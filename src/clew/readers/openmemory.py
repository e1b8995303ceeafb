"""OpenMemory: mem0's (its export, zip or unpacked, or openmemory.db) and the store of the same name with sectors."""

import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from clew.errors import UsageError
from clew.readers import archives
from clew.readers.derived import concluded, ended, scope, stamp
from clew.readers.files import File, Message, items, table, tables
from clew.readers.rows import columns, held, rows, sqlite

PARTS = ("memories.json", "memories.jsonl.gz")  # what an export's zip holds; the first tells more
_ROWS = (
    "SELECT m.id, u.user_id AS user, a.name AS app, m.content, m.metadata, lower(m.state) AS state, m.created_at, m.updated_at, m.deleted_at"
    " FROM memories m LEFT JOIN users u ON u.id = m.user_id LEFT JOIN apps a ON a.id = m.app_id ORDER BY m.rowid"
)


def read_openmemory(file: File) -> Iterator[Message]:
    """A memory each with its state, its app and its categories; what was deleted there is recorded and withdrawn."""
    if zipfile.is_zipfile(file.path):
        yield from _told(_part(file))
    elif file.head(16).startswith(b"SQLite"):
        with sqlite(file.path) as c:
            there = columns(c)
            if "primary_sector" in there.get("memories", ()):
                found = rows(c, "SELECT *, user_id AS user, meta AS metadata, primary_sector AS sector FROM memories ORDER BY rowid")
            elif {"memories", "apps", "users"} <= set(there):
                found = rows(c, _ROWS)
            else:
                raise UsageError(f"{file.path} has no memories of OpenMemory; its tables are {', '.join(sorted(there))[:200]}")
            places = ((f"{file.name}, memory {n}", row) for n, row in enumerate(found, 1))
            yield from file.each(places, lambda where, row: _memory(row, file, where))
    else:
        yield from _told(file)


def _told(file: File) -> Iterator[Message]:
    """The memories of an export, whole or one a line."""
    for where, item in file.objects():
        listed = _listed(item) if isinstance(table(item).get("memories"), list) else [(None, table(item))]
        places = ((where if n is None else f"{where}, memory {n}", each) for n, each in listed)
        yield from file.each(places, lambda place, each: _memory(each, file, place))


def _part(file: File) -> File:
    """The part of an export's archive that tells most."""
    names = archives.trusted(file.path)
    found = next((name for part in PARTS for name in names if name.rpartition("/")[2] == part), None)
    if found is None:
        raise UsageError(f"{file.path} holds neither {' nor '.join(PARTS)}; unpack it and give a file in it")
    return replace(file, part=found)


def _listed(whole: Any) -> Iterator[tuple[int | None, Mapping[str, Any]]]:
    """The memories of memories.json, each with the names that stand beside them there under ids."""
    whole = table(whole)
    names = {str(row.get("id")): row.get("name") for part in ("apps", "categories") for row in tables(whole.get(part))}
    user = table(whole.get("user")).get("user_id")
    for n, item in enumerate(tables(whole.get("memories")), 1):
        categories = [names.get(str(id), id) for id in items(item.get("category_ids"))]
        yield n, {**item, "user": user, "app": names.get(str(item.get("app_id"))), "categories": categories}


def _memory(item: Mapping[str, Any], file: File, where: str) -> Iterator[Message]:
    text, ident = item.get("content"), item.get("id")
    if not isinstance(text, str) or ident is None:
        raise UsageError(f"{where}: a memory of OpenMemory has `id` and `content`, got {sorted(map(str, item))[:12]}")
    if not text.strip():
        return file.skip(where, "no words")
    at = _moment(item.get("updated_at") or item.get("created_at"), file, where)
    state = item.get("state") if item.get("state") != "active" else None
    data = {"memory_id": str(ident), "app": item.get("app"), "categories": item.get("categories"), "sector": item.get("sector")}
    data |= {"tags": _tags(item.get("tags")), "metadata": dict(held(item.get("metadata"))), "state": state}
    whose = scope(file, item.get("user"), item.get("agent_id"), item.get("session_id"))
    key = f"openmemory:{ident}:{stamp(text)}"
    said = concluded("openmemory", text, key, whose | ({"at": at} if at else {}), data)
    yield said | ({} if state == "deleted" else {"current": True})
    if state == "deleted":
        gone = _moment(item.get("deleted_at"), file, where) or at
        yield ended(said, f"{key}:ended", gone, "it was deleted in OpenMemory") | {"current": True}
    elif state:
        file.skip(where, f"that it is {state} there: it comes as any other, with its state in the data")


def _moment(value: Any, file: File, where: str) -> str | None:
    """Both stores keep UTC; SQLite's own columns do not say so."""
    if isinstance(value, str) and len(value) >= 19 and not value.endswith("Z") and "+" not in value and "-" not in value[10:]:
        value += "+00:00"
    return file.moment(value, where)


def _tags(value: Any) -> list[Any]:
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return [part.strip() for part in str(value).split(",") if part.strip()]
    return found if isinstance(found, list) else []

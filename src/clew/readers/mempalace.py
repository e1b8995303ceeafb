"""MemPalace: the drawers of a palace, whether Chroma or its own SQLite keeps them, and the facts of its knowledge graph."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from clew.errors import UsageError
from clew.readers.derived import concluded, held, stamp
from clew.readers.files import File, Message
from clew.readers.rows import columns, rows, sqlite
from clew.readers.rows import held as parsed

DRAWERS = "mempalace_drawers"  # the collection of what was filed; the others point into it
FILES = ("chroma.sqlite3", "sqlite_exact.sqlite3", "knowledge_graph.sqlite3")
_CHROMA = (
    "SELECT e.id AS place, e.embedding_id AS id, json_group_object(m.key,"
    " coalesce(m.string_value, m.int_value, m.float_value, m.bool_value)) AS metadata"
    " FROM collections c JOIN segments s ON s.collection = c.id JOIN embeddings e ON e.segment_id = s.id"
    " JOIN embedding_metadata m ON m.id = e.id WHERE c.name = ? GROUP BY e.id ORDER BY e.id"
)
_EXACT = (
    "SELECT d.rowid AS place, d.id, d.document, d.metadata_json AS metadata FROM documents d"
    " JOIN collections c ON c.id = d.collection_id WHERE c.name = ? ORDER BY d.rowid"
)
_TRIPLES = (
    "SELECT t.*, t.rowid AS place, coalesce(s.name, t.subject) AS subject_name, coalesce(o.name, t.object) AS object_name"
    " FROM triples t LEFT JOIN entities s ON s.id = t.subject LEFT JOIN entities o ON o.id = t.object ORDER BY t.rowid"
)


def read_mempalace(file: File) -> Iterator[Message]:
    """A document a drawer, in the order in which they were filed, and a message a fact; a file is one of FILES, a folder holds them."""
    paths = [file.path]
    if file.path.is_dir():
        paths = [path for name in FILES for path in sorted(file.path.glob(f"**/{name}"))]
    for path in paths:
        with sqlite(path) as c:
            there = columns(c)
            if "triples" in there:
                found = ((f"{path.name}, triple {row['place']}", row) for row in rows(c, _TRIPLES))
                yield from file.each(found, lambda where, row: _fact(row, file, where))
                continue
            if "collections" not in there:
                raise UsageError(f"{path} is no palace; its tables are {', '.join(sorted(there))[:200]}")
            for name, other in [(name, name != DRAWERS) for (name,) in c.execute("SELECT name FROM collections")]:
                if other:
                    file.skip(path.name, f"the collection {name}")
            query = _CHROMA if "embedding_metadata" in there else _EXACT
            found = ((f"{path.name}, drawer {row['place']}", row) for row in rows(c, query, (DRAWERS,)))
            yield from file.each(found, lambda where, row: _drawer(row, file, where))


def is_folder(path: Path) -> bool:
    """Whether a folder holds a palace."""
    return any((path / below / name).is_file() for below in ("", "palace") for name in FILES)


def _drawer(row: Mapping[str, Any], file: File, where: str) -> Iterator[Message]:
    about = parsed(row["metadata"])
    text = row.get("document") or about.get("chroma:document")
    if not isinstance(text, str) or not text.strip():
        return file.skip(where, "no words")
    out: Message = {"content": text, "kind": "document", "key": f"mempalace:{row['id']}:{stamp(text)}"[:500]}
    if at := file.moment(next((about[n] for n in ("authored_at", "content_date", "filed_at") if about.get(n)), None), where):
        out["at"] = at
    if about.get("ingest_mode") == "convos" and about.get("source_file"):
        out["session"] = str(about["source_file"])[:500]
    told = {"drawer": row["id"], "file": about.get("source_file")} | {n: about.get(n) for n in ("wing", "room", "hall", "added_by")}
    told |= {n: about.get(n) for n in ("chunk_index", "line_start", "line_end", "entities")}
    yield out | {"current": True, "data": {"from": "mempalace", **{name: value for name, value in told.items() if value not in (None, "")}}}


def _fact(row: Mapping[str, Any], file: File, where: str) -> Iterator[Message]:
    since, until = (file.moment(row.get(name), where) for name in ("valid_from", "valid_to"))
    text = held(f"{row['subject_name']} {str(row['predicate']).replace('_', ' ')} {row['object_name']}", since, until)
    at = since or file.moment(_utc(row.get("extracted_at")), where)
    data = {"drawer": row.get("source_drawer_id"), "file": row.get("source_file"), "confidence": row.get("confidence")}
    drawn = [f"mempalace:{row['source_drawer_id']}"] if row.get("source_drawer_id") else []
    about: Message = {"current": True, "drawn": drawn, "until": until} | ({"at": at} if at else {})
    yield concluded("mempalace", text, f"mempalace:triple:{row['id']}:{stamp(text)}", about, data)


def _utc(value: Any) -> Any:
    """SQLite's CURRENT_TIMESTAMP is UTC and does not say so."""
    return f"{value}+00:00" if isinstance(value, str) and len(value) == 19 and value[10] == " " else value

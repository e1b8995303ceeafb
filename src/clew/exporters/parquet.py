"""Parquet: `events.parquet` and `memories.parquet`, zstd, instants in UTC microseconds; docs/import.md lists the columns."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from clew.engine import Clew
from clew.errors import MissingExtra
from clew.exporters import Tell
from clew.exporters.told import memories
from clew.types import TRUSTED, Event, Memory, Quote

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError as missing:
    raise MissingExtra("parquet", f"an export to Parquet (without {missing.name})") from missing

ROWS = 5_000  # rows in memory at a time, and in a row group
INSTANT = pa.timestamp("us", tz="UTC")
TEXTS = pa.list_(pa.string())
EVENTS = pa.schema(
    [
        ("seq", pa.int64()),  # place in the log, from 1
        ("kind", pa.string()),
        ("text", pa.string()),  # as spans count into it; null where it was forgotten
        ("body", pa.string()),  # JSON
        ("user", pa.string()),
        ("agent", pa.string()),
        ("session", pa.string()),
        ("actor", pa.string()),
        ("trust", pa.string()),
        ("at", INSTANT),
        ("at_offset", pa.int16()),  # minutes east of UTC, as it was given
        ("recorded_at", INSTANT),
        ("key", pa.string()),
        ("forgotten", pa.bool_()),
        ("lived", pa.bool_()),
    ],
    metadata={"clew": "1"},
)
SOURCE = pa.struct([("seq", pa.int64()), ("start", pa.int64()), ("end", pa.int64()), ("quote", pa.string())])
MEMORIES = pa.schema(
    [
        ("id", pa.string()),
        ("kind", pa.string()),
        ("text", pa.string()),
        ("user", pa.string()),
        ("agent", pa.string()),
        ("session", pa.string()),
        ("actor", pa.string()),
        ("status", pa.string()),
        ("retired", pa.string()),
        ("trust", pa.string()),
        ("since", INSTANT),
        ("until", INSTANT),
        ("opened", pa.int64()),  # the event that made this version
        ("sources", pa.list_(SOURCE)),  # spans of events in code points, half-open
        ("basis", TEXTS),
        ("links", TEXTS),
        ("rests", pa.list_(pa.int64())),
        ("data", pa.string()),  # JSON
    ],
    metadata={"clew": "1"},
)


def write(c: Clew, path: Path, recipe: str | None, tell: Tell) -> dict[str, int]:
    """Both files; the counts of their rows, and of what is left out."""
    total, left = c.log.head(), Counter[str]()
    events = _written(path / "events.parquet", EVENTS, map(_event, c.log.read()), lambda done: tell(done, total))
    rows = (_memory(*pair) for pair in memories(c, recipe, left))
    found = _written(path / "memories.parquet", MEMORIES, rows, lambda done: tell(done, None))
    return {"events": events, "memories": found} | left


def _written(path: Path, schema: Any, rows: Iterator[Mapping[str, Any]], tell: Any) -> int:
    done = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        while batch := list(islice(rows, ROWS)):
            writer.write_table(pa.Table.from_pylist(batch, schema=schema))
            done += len(batch)
            tell(done)
    return done


def _event(event: Event) -> Mapping[str, Any]:
    offset = event.at.utcoffset()
    return {
        "seq": event.seq,
        "kind": event.kind,
        "text": None if event.forgotten else event.text,
        "body": None if event.forgotten else json.dumps(event.body, ensure_ascii=False),
        "user": event.scope.user,
        "agent": event.scope.agent,
        "session": event.scope.session,
        "actor": event.actor,
        "trust": TRUSTED[event.trust],
        "at": event.at,
        "at_offset": int(offset.total_seconds() // 60) if offset else 0,
        "recorded_at": event.recorded_at,
        "key": event.key,
        "forgotten": event.forgotten,
        "lived": event.lived,
    }


def _memory(memory: Memory, quotes: list[Quote]) -> Mapping[str, Any]:
    said = {(quote.event.seq, quote.start, quote.end): quote.text for quote in quotes}
    return {
        "id": memory.id,
        "kind": memory.kind,
        "text": memory.text,
        "user": memory.scope.user,
        "agent": memory.scope.agent,
        "session": memory.scope.session,
        "actor": memory.actor,
        "status": memory.status,
        "retired": memory.retired,
        "trust": TRUSTED[memory.trust],
        "since": memory.since,
        "until": memory.until,
        "opened": memory.opened,
        "sources": [{"seq": s.seq, "start": s.start, "end": s.end, "quote": said.get((s.seq, s.start, s.end))} for s in memory.sources],
        "basis": list(memory.basis),
        "links": list(memory.links),
        "rests": list(memory.rests),
        "data": json.dumps(dict(memory.data), ensure_ascii=False, default=str),
    }

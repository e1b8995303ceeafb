"""Results in memory by reference: stored whole, once, in the log; a model or a person is shown shape, columns, and three rows."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from clew.engine import Clew
from clew.errors import NotFound
from clew.tasks.stepfly.database import Result

KIND = "result"  # of the events: no recipe makes memories of them
PART = 4_000_000  # characters of rows in one event; the log holds at most 10 MB in one
CELL = 80  # characters of a cell that are shown
LONG = 1000  # characters of a text that are shown


def stored(clew: Clew, task: str, result: Result, user: str | None = None, session: str | None = None) -> dict[str, Any]:
    """Write a result to the log, once however often it is given, and return its reference: seqs, digest and summary, all JSON."""
    lines = [json.dumps(list(row), ensure_ascii=False, default=str) for row in result.rows]
    packed = "\n".join([json.dumps(result.columns), *lines])
    digest = hashlib.sha256(packed.encode()).hexdigest()[:24]
    seqs = []
    for number, part in enumerate(_parts(lines)):
        body = {"task": task, "digest": digest, "part": number, "columns": list(result.columns), "rows": part}
        key = f"result:{task}:{digest}:{number}"
        seqs.append(clew.record({"data": body}, user=user, session=session, kind=KIND, trust="tool", key=key).seq)
    return {"result": digest, "seqs": seqs, **summary(result)}


def _parts(lines: list[str]) -> list[str]:
    parts, held, size = [], list[str](), 0
    for line in lines:
        held.append(line)
        size += len(line)
        if size > PART:
            parts.append("[" + ",".join(held) + "]")
            held, size = [], 0
    return [*parts, "[" + ",".join(held) + "]"] if held or not parts else parts


def whole(clew: Clew, reference: Mapping[str, Any]) -> Result:
    """A result by its reference. NotFound where it has been forgotten."""
    marks = ",".join(str(int(seq)) for seq in reference["seqs"])
    events = clew.log.select(f"seq IN ({marks})", ())
    if len(events) < len(reference["seqs"]) or any(e.forgotten for e in events):
        raise NotFound(f"the result {reference['result']} is no longer in the log")
    bodies = sorted((e.body["data"] for e in events), key=lambda b: b["part"])
    return Result(tuple(bodies[0]["columns"]), tuple([tuple(row) for body in bodies for row in json.loads(body["rows"])]))


def summary(result: Result) -> dict[str, Any]:
    """What of a result is shown: its shape, its columns with their types, the first two rows and the last; never more."""
    rows = result.rows
    shown = [*rows[:2], *rows[max(2, len(rows) - 1) :]]
    types = [next((type(row[i]).__name__ for row in rows if row[i] is not None), "none") for i in range(len(result.columns))]
    return {
        "shape": [len(rows), len(result.columns)],
        "columns": dict(zip(result.columns, types, strict=True)),
        "shown": [[_short(cell) for cell in row] for row in shown],
    }


def _short(cell: Any) -> Any:
    return f"{cell[:CELL]}…" if isinstance(cell, str) and len(cell) > CELL else cell


def bare(text: str) -> str:
    """An incident's text as it may be shown: without addresses of pages."""
    return re.sub(r"\bhttps?://\S+", "", text)


def clipped(text: str, limit: int = LONG) -> str:
    """A text of at most `limit` characters: its beginning and its end, where it is longer, and how much is left out between."""
    if len(text) <= limit:
        return text
    mark = f" [… {len(text) - limit + 40:,} characters left out …] "
    head = (limit - len(mark)) * 2 // 3
    return text[:head] + mark + text[len(text) - (limit - len(mark) - head) :]

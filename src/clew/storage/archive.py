"""The whole log as a file: export to JSON lines, restore it byte for byte, copy the database."""

import json
import os
from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from clew.errors import NotFound, UsageError
from clew.storage import answers, log, raw
from clew.storage.database import Database
from clew.storage.log import Entry, instant
from clew.storage.schema import EVENT
from clew.storage.sqlite import HEADER
from clew.types import Scope

ANSWER = "id, recipe, part, seq, path, request, attempt, outcome, body, stage, model, user, tokens_in, tokens_out, cost, ms, made, salt, digest, chain"
BATCH = 1000  # rows written at a time
BESIDE = ("", "-wal", "-shm", "-journal", ".key")  # ends of the names of the files that a memory is made of
TABLES = {
    "meta": "key, value",
    "name": "id, text",
    "event": EVENT,
    "key": "mac, seq",
    "answer": ANSWER,
    "answer_rest": "seq, answer",
    "vector": "part, space, mac, seq, codes",
}


def spared(path: str | os.PathLike[str], memory: str | os.PathLike[str] | None = None) -> None:
    """UsageError where a file written to that path would take the place of a database, of what belongs to that `memory`, or of a folder;
    NotFound where there is no folder to write it to.
    """
    target = Path(path)
    if not target.absolute().parent.is_dir():
        raise NotFound(f"the folder {target.parent} does not exist; create it, or give another path than {path}")
    if target.is_dir():
        raise UsageError(f"{path} is a folder; give the path of a file to write")
    if not target.is_file():  # nothing is there, or a pipe
        return
    with raw.opened(target) as file:
        taken = file.read(len(HEADER)) == HEADER
    own = [] if memory is None else [Path(f"{memory}{end}") for end in BESIDE]  # an encrypted one has no header to know it by
    if taken or any(each.exists() and each.samefile(target) for each in own):
        raise UsageError(f"{path} is a memory, or a file of one, and would be overwritten; give another path to write to")


def export(database: Database, path: str | os.PathLike[str]) -> int:
    """Write the truth as JSON lines, one row a line, events with their words readable; returns the number of lines.

    An earlier export at that path is replaced, a memory is not (UsageError).

    The file holds all that the log holds, its secret included, in plain text also where the database is encrypted: keep it
    as safe as the database.
    """
    spared(path, str(database.path))
    count = 0
    with database.snapshot() as c, open(path, "w", encoding="utf-8") as file:
        for table, columns in TABLES.items():
            names = columns.split(", ")
            for row in c.execute(f"SELECT {columns} FROM {table} ORDER BY 1, 2"):
                file.write(
                    json.dumps({"table": table, **{n: _out(n, v) for n, v in zip(names, row, strict=True)}}, ensure_ascii=False) + "\n"
                )
                count += 1
    return count


def _out(name: str, value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode() if name in ("payload", "body") else {"hex": value.hex()}
    return value


def _in(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return bytes.fromhex(value["hex"])
    return value.encode() if name in ("payload", "body") and value is not None else value


def _lines(path: str | os.PathLike[str]) -> Iterator[dict[str, Any]]:
    if not Path(path).is_file():
        raise UsageError(f"there is no file {path} to load")
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            try:
                row = json.loads(line)
                table = row["table"]
                if set(row) != {"table", *TABLES[table].split(", ")}:
                    raise KeyError(f"the columns of {table}")
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                raise UsageError(f"{path}, line {number} is not of a Clew export (for other files use `clew import`): {error}") from error
            yield row


def restore(database: Database, path: str | os.PathLike[str]) -> tuple[int, ...]:
    """Into an empty database: the same log, answers and secret, so that chains and ids are the same; all or nothing."""
    return _taken(database, _rows(path), str(path))


def _rows(path: str | os.PathLike[str]) -> Iterator[tuple[str, list[Any]]]:
    for row in _lines(path):
        try:
            yield row["table"], [_in(name, row[name]) for name in TABLES[row["table"]].split(", ")]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(f"{path} holds a row of {row['table']!r} that cannot be taken in: {error}") from error


def copy(source: Database, target: Database) -> int:
    """Carry a whole log into an empty database, of whatever kind: the same events, answers, secret; returns how many events.

    Both chains are walked in the target before it is kept; views are left behind, and fold there to the same rows.
    """
    with target.snapshot() as c:
        head = c.execute("SELECT value FROM meta WHERE key='head'").get
    if head:
        raise UsageError(f"{target.path} holds a log of {head:,} events; copy into an empty one")
    with source.snapshot() as c:
        found = (
            (table, list(row)) for table, columns in TABLES.items() for row in c.execute(f"SELECT {columns} FROM {table} ORDER BY 1, 2")
        )
        moved = ((table, row) for table, row in found if (table, row[0]) != ("meta", "backups"))  # the copies of that one, not of this
        return len(_taken(target, moved, str(source.path)))


def _taken(database: Database, found: Iterable[tuple[str, list[Any]]], where: str) -> tuple[int, ...]:
    """Write rows into an empty database in one transaction, and walk its chains; the places of the events."""
    seqs: list[int] = []
    with database.write() as c:
        c.execute("DELETE FROM meta")
        for table, rows in groupby(found, lambda each: each[0]):
            new = f"INSERT INTO {table}({TABLES[table]}) VALUES ({','.join('?' * len(TABLES[table].split(', ')))})"
            while batch := [row for _, row in islice(rows, BATCH)]:
                try:
                    c.executemany(database.NEW_EVENT if table == "event" else new, batch)
                except (*database.REFUSED, ValueError, KeyError, TypeError, AttributeError) as error:
                    raise UsageError(f"{where} holds a row of {table!r} that cannot be taken in: {error}") from error
                seqs += [row[0] for row in batch] if table == "event" else []
        log.walk(c)  # what was changed on its way is not taken in
        answers.walk(c)
    with database.snapshot() as c:
        database.secret = c.execute("SELECT value FROM meta WHERE key='secret'").get
    return tuple(seqs)


THERE = frozenset({"forget", "query", "edit", "hold", "pin", "rule", "admin"})  # kinds that name places, or govern, in that log alone


def entries(path: str | os.PathLike[str], as_lived: bool) -> list[Entry]:
    """The surviving events of an export as entries for another log; keys make a second load do nothing.

    Edits, holds and rules stay behind, for they name places of that log; what was retracted there does not come. A conclusion
    comes without its basis, and is believed no more than that was.
    """
    names: dict[int | None, str | None] = {None: None}
    found: list[tuple[int, Entry]] = []
    retracted: set[int] = set()
    for row in _lines(path):
        if row["table"] == "name":
            names[row["id"]] = row["text"]
        if row["table"] != "event" or row["payload"] is None:
            continue
        packed, at = json.loads(row["payload"]), instant(row["at"], row["offset"])
        body, trust = packed["body"], row["trust"]
        if row["kind"] == "edit" and body.get("op") == "retract":
            retracted.update(body["seqs"])
        if row["kind"] in THERE:
            continue
        if isinstance(body, dict) and isinstance(body.get("basis"), list):
            trust = min([trust, *[ref["trust"] for ref in body["basis"] if isinstance(ref, dict) and "trust" in ref]])
            body = {name: value for name, value in body.items() if name != "basis"}
        scope = Scope(names[row["user"]], names[row["agent"]], names[row["session"]])
        entry = Entry(row["kind"], body, scope, names[row["actor"]], trust, at, packed["key"], at if as_lived else None)
        found.append((row["seq"], entry))
    return [entry for seq, entry in found if seq not in retracted]


def backups(database: Database) -> list[Path]:
    """The copies that `backup` made and that still exist: what is forgotten has to be forgotten in them too."""
    with database.snapshot() as c:
        known = json.loads(c.execute("SELECT value FROM meta WHERE key='backups'").get or "[]")
    return [Path(path) for path in known if Path(path).exists()]


def backup(database: Database, path: str | os.PathLike[str]) -> None:
    """Copy the database while it is in use; the copy is one moment of it, and is remembered for `forget`.

    The copy of an encrypted file is encrypted with the same key and without a key file of its own: it opens with the
    original's (`keyfile=`), and is noise once that is destroyed.
    """
    target = Path(path).absolute()
    if target.exists():
        raise UsageError(f"{target} exists; give a new path, nothing is overwritten")
    database.copied(target)
    if not database.readonly:
        known = json.dumps([str(p) for p in (*backups(database), target)])
        with database.write() as c:
            c.execute("INSERT INTO meta VALUES ('backups', ?) ON CONFLICT DO UPDATE SET value=excluded.value", (known,))

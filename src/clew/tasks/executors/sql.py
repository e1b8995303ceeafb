"""One statement on an SQLite database, which is opened for reading only unless the node says otherwise.

Inputs: database (a path), sql, parameters (a list, or a mapping for :names), write (false), rows (at most so many, 1000).
Outputs: columns, rows, count (of the rows given), more (whether there were others), changed (rows, where it wrote). Values of
parameters never become part of the statement's text.
"""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from time import monotonic
from typing import Any

from clew.errors import UsageError
from clew.tasks.graph import Node, Outcome
from clew.tasks.protocols import Job
from clew.tasks.values import given, only, time_of

ROWS = 1000
LOOK = 10_000  # steps of SQLite's machine between looks at the clock


class Sql:
    """Runs one statement; a write is one transaction, undone where anything fails."""

    def run(self, node: Node, ctx: Job) -> Outcome:
        """Finished with the rows; failed with SQLite's words."""
        only(node, "database", "sql", "parameters", "write", "rows")
        path, statement = Path(given(node, "database", str)), given(node, "sql", str)
        write, most = given(node, "write", bool, False), given(node, "rows", int, ROWS)
        parameters = node.inputs.get("parameters", [])
        if not isinstance(parameters, (list, tuple, Mapping)):
            raise UsageError(f"node {node.id}: parameters are a list, or a mapping for :names; got {parameters!r:.80}")
        if not path.is_file() and not write:
            return Outcome("failed", why=f"there is no database {str(path)!r}")
        until = monotonic() + time_of(node)
        stop = False

        def over() -> bool:
            nonlocal stop
            stop = stop or monotonic() > until or ctx.cancelled()
            return stop

        try:
            with closing(_opened(path, write)) as connection:
                connection.set_progress_handler(over, LOOK)
                return _told(connection, statement, parameters, write, most)
        except (sqlite3.Error, sqlite3.Warning) as error:
            late = "it was cancelled" if ctx.cancelled() else f"it took longer than {time_of(node):g} seconds"
            return Outcome("failed", why=late if stop else f"{error} in {' '.join(statement.split())[:120]!r}")


def _opened(path: Path, write: bool) -> sqlite3.Connection:
    mode = "rwc" if write else "ro"
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode={mode}", uri=True, isolation_level=None, timeout=5.0)
    if not write:
        connection.execute("PRAGMA query_only=1")
    connection.set_authorizer(_allowed if write else _readable)
    return connection


def _allowed(action: int, one: str | None, other: str | None, *_: Any) -> int:
    """Other files are no business of a statement's."""
    return sqlite3.SQLITE_DENY if action in (sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH) else sqlite3.SQLITE_OK


def _readable(action: int, one: str | None, other: str | None, *_: Any) -> int:
    """A pragma with a value would be a setting: `query_only` could be taken back."""
    if action == sqlite3.SQLITE_PRAGMA and other is not None and one not in ("table_info", "table_xinfo", "index_list", "index_info"):
        return sqlite3.SQLITE_DENY
    return _allowed(action, one, other)


def _told(connection: sqlite3.Connection, statement: str, parameters: Any, write: bool, most: int) -> Outcome:
    if write:
        connection.execute("BEGIN IMMEDIATE")
    try:
        cursor = connection.execute(statement, parameters)
        found = cursor.fetchmany(most + 1) if cursor.description else []
        outputs: dict[str, Any] = {
            "columns": [c[0] for c in cursor.description or ()],
            "rows": [[_plain(v) for v in row] for row in found[:most]],
            "count": min(len(found), most),
            "more": len(found) > most,
        }
        if write:
            outputs["changed"] = max(0, cursor.rowcount)
            connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.set_progress_handler(None, 0)
            connection.rollback()
        raise
    return Outcome("finished", outputs)


def _plain(value: Any) -> Any:
    return {"bytes": len(value), "hex": value[:64].hex()} if isinstance(value, bytes) else value


executor = Sql()

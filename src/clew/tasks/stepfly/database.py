"""A guide's queries on a SQLite file: read-only, one connection a query, so that queries of several threads run at once."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from clew.errors import NotFound, UsageError
from clew.tasks.stepfly.dialect import spoken

LOOK = 100_000  # steps of SQLite's machine between two looks at whether the work was cancelled; some milliseconds


@dataclass(frozen=True, slots=True)
class Result:
    """What a query gave, whole."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


def asked(path: str, sql: str, cancelled: Callable[[], bool] | None = None) -> Result:
    """Run one query. UsageError with SQLite's words where it cannot be; `cancelled` is looked at while it runs and stops it."""
    if not Path(path).is_file():
        raise NotFound(f"there is no database {path}")
    connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY)
    try:
        if cancelled is not None:
            connection.set_progress_handler(cancelled, LOOK)
        cursor = connection.cursor()
        columns: list[str] = []
        rows: list[tuple[Any, ...]] = []
        for row in cursor.execute(spoken(sql)):
            if not columns:
                columns = [name for name, *_ in cursor.get_description()]
            rows.append(row)
        return Result(tuple(columns) or described(connection, sql), tuple(rows))
    except apsw.InterruptError as error:
        raise UsageError("the query was stopped: its task ended or was cancelled") from error
    except apsw.Error as error:
        raise UsageError(f"the query cannot be run: {error}") from error
    finally:
        connection.close()


def described(connection: apsw.Connection, sql: str) -> tuple[str, ...]:
    """The columns that a query would give, by SQLite's own reading of it."""
    found: list[str] = []

    def traced(cursor: apsw.Cursor, _statement: str, _values: Any) -> bool:
        found.extend(name for name, *_ in cursor.get_description())
        return False  # prepared is enough

    cursor = connection.cursor()
    cursor.exec_trace = traced
    with contextlib.suppress(apsw.ExecTraceAbort):
        cursor.execute(spoken(sql))
    return tuple(found)


def trouble(path: str, sql: str) -> str:
    """Why a query cannot be prepared on that database, in SQLite's words; "" where it can."""
    connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY)
    try:
        described(connection, sql)
    except (apsw.Error, UsageError) as error:
        return str(error)
    finally:
        connection.close()
    return ""


def schema(path: str) -> dict[str, tuple[str, ...]]:
    """The database's tables and views with their columns."""
    connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY)
    try:
        names = [str(name) for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')")]
        return {name: tuple([str(c) for (c,) in connection.execute("SELECT name FROM pragma_table_info(?)", (name,))]) for name in names}
    finally:
        connection.close()

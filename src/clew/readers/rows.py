"""SQLite files of other programs, read without changing them: which tables there are, and rows one at a time."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

from clew.errors import UsageError

MAGIC = b"SQLite format 3\0"


@contextmanager
def sqlite(path: Path) -> Iterator[apsw.Connection]:
    """The file, open for reading alone; UsageError where it is damaged or locked."""
    name = path.absolute().as_uri()
    try:
        try:
            connection = _opened(f"{name}?mode=ro")
        except apsw.CantOpenError:  # written with a write-ahead log, in a folder where nothing may be written
            if Path(f"{path}-wal").exists() and Path(f"{path}-wal").stat().st_size:
                raise
            connection = _opened(f"{name}?immutable=1")
        try:
            yield connection
        finally:
            connection.close()
    except apsw.Error as error:
        raise UsageError(f"{path} cannot be read as SQLite: {error}; close the program that writes it, or copy it with its -wal") from error


def _opened(name: str) -> apsw.Connection:
    connection = apsw.Connection(name, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
    connection.execute("PRAGMA trusted_schema=OFF")  # a view or trigger in the file runs no function of ours
    connection.execute("SELECT count(*) FROM sqlite_schema").get  # noqa: B018 - opens the file in truth
    return connection


def columns(connection: apsw.Connection) -> dict[str, set[str]]:
    """The tables there are, with the names of their columns."""
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type='table'")]
    return {t: {name for (name,) in connection.execute("SELECT name FROM pragma_table_info(?)", (t,))} for t in tables}


def rows(connection: apsw.Connection, query: str, values: Sequence[Any] = ()) -> Iterator[dict[str, Any]]:
    """The rows of a query as mappings, read as needed."""
    cursor = connection.cursor().execute(query, values)
    names: list[str] = []
    for row in cursor:
        names = names or [each[0] for each in cursor.get_description()]
        yield dict(zip(names, row, strict=True))


def held(text: Any) -> Mapping[str, Any]:
    """The JSON object in a column, or an empty one."""
    try:
        value = json.loads(text) if isinstance(text, (str, bytes)) else text
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, Mapping) else {}

"""What goes to PostgreSQL and comes back: rows, values that SQLite takes and it does not, addresses, errors."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import psycopg
from psycopg import errors, pq
from psycopg.abc import Buffer
from psycopg.types.composite import CompositeInfo, register_composite
from psycopg.types.numeric import Int8BinaryDumper, NumericBinaryLoader
from psycopg.types.string import StrDumper, TextLoader

from clew.errors import Denied, LogCorrupt, StorageBusy, StorageFull, UsageError

BUSY = (errors.LockNotAvailable, errors.DeadlockDetected, errors.SerializationFailure, errors.QueryCanceled, errors.TooManyConnections)
ESCAPE = "\U0010ffff"  # no character: before "0" it stands for U+0000, which PostgreSQL's text cannot hold, before "1" for itself


class Rows:
    """What a statement gave: iterates, and answers `.get`, `.fetchone`, `.fetchall` as apsw's cursors do."""

    __slots__ = ("_left", "_rows")

    def __init__(self, rows: list[tuple[Any, ...]]) -> None:
        self._rows, self._left = rows, iter(rows)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return self._left

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row, or None."""
        return next(self._left, None)

    def fetchall(self) -> list[tuple[Any, ...]]:
        """The rows that are left."""
        return list(self._left)

    @property
    def get(self) -> Any:
        """The value of a single row and column, None where there is no row."""
        if not self._rows:
            return None
        return self._rows[0][0] if len(self._rows[0]) == 1 else self._rows[0]


class _Text(StrDumper):
    """A text as PostgreSQL can hold it."""

    def dump(self, obj: str) -> Buffer | None:
        """Escaped where it has what the server's text cannot hold, or our escape itself."""
        if "\0" in obj or ESCAPE in obj:
            obj = obj.replace(ESCAPE, ESCAPE + "1").replace("\0", ESCAPE + "0")
        return super().dump(obj)


class _Read(TextLoader):
    """The inverse of `_Text`."""

    def load(self, data: Buffer) -> Any:
        """The text as it was given."""
        found: Any = super().load(data)
        return found.replace(ESCAPE + "0", "\0").replace(ESCAPE + "1", ESCAPE) if ESCAPE in found else found


class _ReadBinary(_Read):
    format = pq.Format.BINARY


class _Sum(NumericBinaryLoader):
    """Sums of whole numbers are whole numbers."""

    def load(self, data: Buffer) -> Any:
        """As an int."""
        return int(super().load(data))


def _value(number: int | None, words: bytes | None, text: str | None) -> Any:
    return next((v for v in (number, words, text) if v is not None), None)


def adapted(raw: psycopg.Connection[Any], value: CompositeInfo | None) -> None:
    """Teach a connection our values: texts with U+0000, whole numbers of one width, and what `meta` holds."""
    held = raw.adapters
    held.register_dumper(str, _Text)
    held.register_dumper(int, Int8BinaryDumper)
    held.register_loader("text", _Read)
    held.register_loader("text", _ReadBinary)
    held.register_loader("numeric", _Sum)
    if value is not None:
        register_composite(value, raw, factory=_value)


def parted(url: str) -> tuple[str, str]:
    """(the URL for libpq, the tenant that it names)."""
    parts = urlsplit(url)
    asked = parse_qsl(parts.query, keep_blank_values=True)
    tenant = next((value for name, value in asked if name == "tenant"), "default")
    if not tenant or "\0" in tenant:
        raise UsageError(f"the tenant in the URL is a name, got {tenant!r}; write ?tenant=NAME")
    rest = urlencode([(name, value) for name, value in asked if name != "tenant"], quote_via=quote)
    return urlunsplit(parts._replace(query=rest)), tenant


def quoted(text: str) -> str:
    """A text as PostgreSQL's words hold it, whatever the server takes a backslash for."""
    return "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def translated(error: psycopg.Error, path: str) -> Exception:
    """PostgreSQL's error as one of ours, told apart by who can act."""
    told = str(error).strip().partition("\n")[0]
    if isinstance(error, BUSY):
        return StorageBusy(f"{path} stayed locked by another writer ({told}); try again")
    if isinstance(error, (errors.DiskFull, errors.OutOfMemory)):
        return StorageFull(f"no space left for {path} ({told}); nothing of this call was stored")
    if isinstance(error, (errors.DataCorrupted, errors.IndexCorrupted)):
        return LogCorrupt(f"{path} is damaged ({told}); restore a backup")
    if isinstance(error, (errors.InsufficientPrivilege, errors.ReadOnlySqlTransaction)):
        return Denied(f"{path} cannot be written by this role ({told})")
    if isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)):
        return StorageBusy(f"the connection to {path} was lost ({told}); try again")
    return error

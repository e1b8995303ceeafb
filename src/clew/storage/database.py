"""What the log and the views need of a database: the one seam between them and SQLite or PostgreSQL.

Statements are written once, in SQLite's words, with `?` or `?1` for values; another database translates them. What cannot
be said so is an attribute here. A connection answers `execute(statement, values)` with rows that iterate, `.get`, `.fetchone`.
"""

import importlib
import os
from contextlib import AbstractContextManager
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from clew.errors import NotFound

CLOSED = "this Clew is closed; open it again"
GROUP = "clew.storages"  # entry points: a URL scheme, and a module with a `Database`
BUILT_IN = {"sqlite": "clew.storage.sqlite", "postgresql": "clew.storage.postgres", "postgres": "clew.storage.postgres"}


class Database(Protocol):
    """One tenant's tables. Safe to share among threads."""

    NEW_EVENT: str  # the statement that adds an event; its values are the columns of `schema.EVENT`
    REFUSED: tuple[type[Exception], ...]  # what a statement raises for a row that the tables cannot take
    BUSY: str  # why `rewritten` did not come to its end
    BEYOND: str  # where words may still lie that no cleaning from here reaches; "" where there is no such place

    path: Path
    secret: bytes
    readonly: bool
    key: Any

    def snapshot(self) -> AbstractContextManager[Any]:
        """A reading transaction: everything read inside it is of one moment. May be nested."""
        ...

    def write(self, durable: bool = True) -> AbstractContextManager[Any]:
        """A writing transaction, one at a time for a tenant: what is read inside it cannot change before it ends.

        Durable when the block ends, undone when it raises. Re-entrant in one thread.
        """
        ...

    @property
    def place(self) -> Path:
        """A folder on this machine for what may be lost with it, such as locks; made by who needs it."""
        ...

    def claimed(self, name: str) -> AbstractContextManager[bool]:
        """Whether this process alone is now at that piece of work: it saves effort, and is never needed to be right."""
        ...

    def rewritten(self) -> str:
        """Take what was blanked out of the stored pages, as far as can be; "" when done, else why not yet."""
        ...

    def emptied(self) -> str:
        """Whether nothing that was blanked is left beside the rows; "" if so, else what is left and what to do."""
        ...

    def files(self) -> list[Path]:
        """Everything in which words of this tenant lie, for `readable`."""
        ...

    def readable(self, path: Path) -> BinaryIO:
        """One of these as bytes, as it reads to who has the key."""
        ...

    def size(self) -> int:
        """Bytes of this tenant's tables, or of its files."""
        ...

    def copied(self, target: Path) -> None:
        """Write a copy of one moment to that path."""
        ...

    def beside(self, path: str | os.PathLike[str]) -> "Database":
        """Such a copy, opened."""
        ...

    def shred(self) -> str:
        """Destroy the key of an encrypted database; returns the key's name."""
        ...

    def close(self) -> None:
        """Close every connection; idempotent."""
        ...


def opened(path: str | os.PathLike[str], *, key: bytes | str | None = None, keyfile: str | os.PathLike[str] | None = None) -> Database:
    """The database that a path or a URL names; NotFound for a scheme that no storage answers to."""
    scheme, found, rest = str(path).partition("://")
    if not found:
        scheme = "sqlite"
    module = BUILT_IN.get(scheme) or next((e.value for e in entry_points(group=GROUP, name=scheme)), None)
    if module is None:
        raise NotFound(
            f"no storage answers to {scheme}://; a log lies in an SQLite file, given by its path, or in postgresql://HOST/DATABASE"
        )
    given = path if not found else rest if scheme == "sqlite" else str(path)
    return importlib.import_module(module).Database(given, key=key, keyfile=keyfile)

"""One SQLite file: connections, transactions, and what may go wrong with the file itself.

Every thread reads on its own connection; one connection writes, behind a lock, in `BEGIN IMMEDIATE`.
"""

import json
import os
import secrets
import shutil
import tempfile
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import apsw

from clew.errors import Denied, LogCorrupt, NotFound, StorageBusy, StorageFull, UsageError
from clew.storage import schema

BUSY_MS = 30_000  # how long one process waits for another's write
NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "afs", "ceph", "glusterfs"})
PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA secure_delete=ON",
    "PRAGMA cache_size=-32000",
    "PRAGMA temp_store=MEMORY",  # a sort must not spill a forgotten text into a temporary file
)


class Database:
    """A file opened for this process. `write()` gives the one writing connection, `reader()` this thread's own."""

    def __init__(self, path: str | os.PathLike[str], *, vfs: str | None = None) -> None:
        scheme, found, rest = str(path).partition("://")
        if found and scheme != "sqlite":
            raise NotFound(f"no storage answers to {scheme}://; this version of Clew keeps its log in an SQLite file, given by its path")
        path = rest if found else path
        self._private = tempfile.mkdtemp(prefix="clew-") if str(path) == ":memory:" else None
        self.path = Path(self._private, "memory.db") if self._private else Path(path).expanduser().absolute()
        self.vfs = vfs
        self.readonly = False
        self._local = threading.local()
        self._readers: weakref.WeakSet[apsw.Connection] = weakref.WeakSet()  # a thread's own ends with the thread
        self._lock = threading.RLock()
        self._closed = False
        self._depth = 0
        refuse_network(self.path)
        try:
            self._writer = self._open()
            self._prepare()
        except apsw.Error as error:
            raise translated(error, self.path) from error
        self.secret: bytes = self._writer.execute("SELECT value FROM meta WHERE key='secret'").get

    def _open(self) -> apsw.Connection:
        if self.path.is_dir():
            raise UsageError(f"{self.path} is a folder; give the path of a file, such as {self.path / 'memory.db'}")
        if not self.path.parent.is_dir():
            raise UsageError(f"the folder {self.path.parent} does not exist; create it, or give another path")
        flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
        exists = self.path.exists() and self.path.stat().st_size > 0
        if exists and not (os.access(self.path, os.W_OK) and os.access(self.path.parent, os.W_OK)):
            self.readonly = True
            flags = apsw.SQLITE_OPEN_READONLY
        if exists:
            with open(self.path, "rb") as file:
                if file.read(16) != b"SQLite format 3\x00":
                    raise LogCorrupt(f"{self.path} is not a Clew file (it has no SQLite header); give another path, or restore a backup")
        connection = self._connected(flags)
        connection.set_busy_timeout(BUSY_MS)
        if (
            connection.execute("PRAGMA application_id").get != schema.APPLICATION_ID
            and connection.execute("SELECT count(*) FROM sqlite_schema").get
        ):
            connection.close()  # before any pragma that would change it
            raise UsageError(f"{self.path} is an SQLite file of another program, not Clew's; give another path")
        return self._configured(connection)

    def _connected(self, flags: int) -> apsw.Connection:
        wal = Path(f"{self.path}-wal")
        if self.readonly and not os.access(self.path.parent, os.W_OK) and not (wal.exists() and wal.stat().st_size):
            # the folder takes no shared-memory file beside it, and all there is lies in the one file
            return apsw.Connection(f"file:{quote(str(self.path))}?immutable=1", flags=flags | apsw.SQLITE_OPEN_URI, vfs=self.vfs)
        return apsw.Connection(str(self.path), flags=flags, vfs=self.vfs)

    def _configured(self, connection: apsw.Connection) -> apsw.Connection:
        connection.set_busy_timeout(BUSY_MS)
        for pragma in PRAGMAS[1:] if self.readonly else PRAGMAS:
            connection.execute(pragma)
        if not connection.execute("PRAGMA foreign_keys").get:
            raise LogCorrupt("this SQLite build cannot enforce foreign keys")
        return connection

    def _prepare(self) -> None:
        c = self._writer
        if self._application() == 0 and not c.execute("SELECT count(*) FROM sqlite_schema").get:
            if self.readonly:
                raise Denied(f"{self.path} is empty and cannot be written to; make it writable first")
            with self.write():
                if c.execute("SELECT count(*) FROM sqlite_schema").get == 0:  # another process may have been first
                    c.execute(schema.TABLES)
                    c.execute(
                        "INSERT INTO meta VALUES ('secret', ?), ('head', 0), ('chain', ?), ('answers', ?)",
                        (secrets.token_bytes(32), bytes(32), bytes(32)),
                    )
                    c.execute(f"PRAGMA application_id={schema.APPLICATION_ID}")
                    c.execute(f"PRAGMA user_version={schema.FORMAT}")
        if self._application() != schema.APPLICATION_ID:
            raise UsageError(f"{self.path} is an SQLite file of another program, not Clew's; give another path")
        found = c.execute("PRAGMA user_version").get
        if found > schema.FORMAT:
            self.readonly = True  # a newer Clew wrote it: we may look, and must not write
            self.newer = found
        for name, statement in schema.ADDED.items():
            if not self.readonly and not c.execute("SELECT 1 FROM sqlite_schema WHERE name=?", (name,)).get:
                with self.write():
                    c.execute(statement)

    def _application(self) -> int:
        return self._writer.execute("PRAGMA application_id").get

    def reader(self) -> apsw.Connection:
        """This thread's own connection, for reading."""
        if self._closed:
            raise UsageError("this Clew is closed; open it again")
        connection = getattr(self._local, "connection", None)
        if connection is None:
            try:
                connection = self._configured(self._connected(apsw.SQLITE_OPEN_READONLY))
            except apsw.Error as error:
                raise translated(error, self.path) from error
            self._local.connection = connection
            with self._lock:
                self._readers.add(connection)
        return connection

    @contextmanager
    def snapshot(self) -> Iterator[apsw.Connection]:
        """A reading transaction: everything read inside it is of one moment. May be nested."""
        connection = self.reader()
        try:
            if connection.in_transaction:
                yield connection
                return
            connection.execute("BEGIN")
            try:
                connection.execute("SELECT 1 FROM meta LIMIT 1").fetchall()  # BEGIN is lazy: this takes the snapshot
                yield connection
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
        except apsw.Error as error:
            raise translated(error, self.path) from error
        except (UnicodeDecodeError, json.JSONDecodeError) as error:  # of rows: what callers give is checked before it gets here
            raise LogCorrupt(f"{self.path} is damaged: a row is not what was written ({error}); restore a backup") from error

    @contextmanager
    def write(self, durable: bool = True) -> Iterator[apsw.Connection]:
        """A writing transaction: durable when the block ends, undone when it raises. Re-entrant in one thread.

        With `durable` false a power cut may undo it, whole, and none before it: right for views, which are folded again.
        """
        if self.readonly:
            raise Denied(
                f"{self.path} is open read-only"
                + (
                    f": it has format {self.newer} and this Clew writes format {schema.FORMAT}; upgrade Clew"
                    if hasattr(self, "newer")
                    else "; make the file and its folder writable"
                )
            )
        with self._lock:
            if self._closed:
                raise UsageError("this Clew is closed; open it again")
            self._depth += 1
            try:
                if self._depth > 1:
                    yield self._writer
                    return
                if not durable:
                    self._writer.execute("PRAGMA synchronous=NORMAL")  # in WAL mode: no fsync at the commit
                self._writer.execute("BEGIN IMMEDIATE")
                try:
                    yield self._writer
                    self._writer.execute("COMMIT")
                except BaseException:
                    if self._writer.in_transaction:
                        self._writer.execute("ROLLBACK")
                    raise
                finally:
                    if not durable:
                        self._writer.execute("PRAGMA synchronous=FULL")
            except apsw.Error as error:
                raise translated(error, self.path) from error
            finally:
                self._depth -= 1

    @contextmanager
    def exclusive(self) -> Iterator[apsw.Connection]:
        """The writing connection outside a transaction, for VACUUM and checkpoints."""
        with self._lock:
            try:
                yield self._writer
            except apsw.Error as error:
                raise translated(error, self.path) from error

    def files(self) -> list[Path]:
        """Every file that belongs to this database: itself, its write-ahead log, its sidecars."""
        return sorted(p for p in self.path.parent.iterdir() if p.name.startswith(self.path.name) and p.is_file())  # a name may hold [ or *

    def close(self) -> None:
        """Close every connection; idempotent."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for connection in (*self._readers, self._writer):
                try:
                    connection.close(True)
                except apsw.ThreadingViolationError:  # another thread is reading on it: it ends with that thread
                    connection.interrupt()
            if self._private:
                shutil.rmtree(self._private, ignore_errors=True)


def refuse_network(path: Path) -> None:
    """WAL needs shared memory, which network file systems do not give: refuse them before anything is lost."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return
    best = ("", "")
    for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines():
        _, point, kind, *_ = line.split(" ")
        if (str(path) + "/").startswith(point.rstrip("/") + "/") and len(point) >= len(best[0]):
            best = (point, kind)
    if best[1] in NETWORK:
        raise UsageError(f"{path} lies on a network file system ({best[1]}), where SQLite cannot lock; use a local disk or PostgreSQL")


def translated(error: apsw.Error, path: Path) -> Exception:
    """SQLite's error as one of ours, told apart by who can act."""
    if isinstance(error, (apsw.ConnectionClosedError, apsw.InterruptError, apsw.ThreadingViolationError)):
        return UsageError(f"{path} was closed while it was in use; open it again")
    if isinstance(error, (apsw.FullError,)):
        return StorageFull(f"no space left for {path}: free some and call again; nothing of this call was stored")
    if isinstance(error, (apsw.IOError,)) and not path.parent.exists():
        return LogCorrupt(f"{path} is gone: its folder was removed while it was open")
    if isinstance(error, (apsw.CorruptError, apsw.NotADBError)):
        return LogCorrupt(f"{path} is damaged ({error}); restore a backup")
    if isinstance(error, (apsw.ReadOnlyError, apsw.PermissionsError, apsw.CantOpenError)):
        return Denied(f"{path} cannot be written ({error}); make the file and its folder writable")
    if isinstance(error, apsw.BusyError):
        return StorageBusy(f"{path} stayed locked by another process for {BUSY_MS // 1000} s; try again when it is done")
    if isinstance(error, apsw.IOError):
        return StorageFull(f"the disk refused to store {path} ({error}); nothing of this call was stored")
    return error

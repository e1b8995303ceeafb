"""One SQLite file: connections, transactions, and what may go wrong with the file itself.

Every thread reads on its own connection; one connection writes, behind a lock, in `BEGIN IMMEDIATE`. With a key every page
of the file and of its write-ahead log is encrypted, by SQLite3MultipleCiphers (ChaCha20-Poly1305, so changes are noticed).
"""

import importlib
import io
import json
import os
import secrets
import shutil
import tempfile
import threading
import weakref
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

import apsw

from clew.errors import Denied, LogCorrupt, StorageBusy, StorageFull, UsageError
from clew.storage import raw, schema
from clew.storage.database import CLOSED
from clew.storage.encryption import Key, unlocked

BUSY_MS = 30_000  # how long one process waits for another's write
PATIENCE_MS = 3_000  # how long a cleaning waits for readers before it says that it has to be done later
NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "afs", "ceph", "glusterfs"})
PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA secure_delete=ON",
    "PRAGMA cache_size=-32000",
    "PRAGMA temp_store=MEMORY",  # a sort must not spill a forgotten text into a temporary file
)


HEADER = b"SQLite format 3\x00"


class Database:
    """A file opened for this process. `write()` gives the one writing connection, `reader()` this thread's own.

    `key` opens or makes an encrypted file: a passphrase, 32 bytes, or `env:NAME`. `keyfile` is `<path>.key` if not given.
    """

    NEW_EVENT: str = f"INSERT INTO event({schema.EVENT}) VALUES ({','.join('?' * 16)})"
    REFUSED: tuple[type[Exception], ...] = (apsw.ConstraintError, apsw.MismatchError)
    BUSY: str = "another connection is reading the file; call `Clew.erase(receipt)` when it is done"
    BEYOND: str = ""

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        vfs: str | None = None,
        key: bytes | str | Key | None = None,
        keyfile: str | os.PathLike[str] | None = None,
    ) -> None:
        self._private = tempfile.mkdtemp(prefix="clew-") if str(path) == ":memory:" else None
        self.path = Path(self._private, "memory.db") if self._private else Path(path).expanduser().absolute()
        self.vfs = vfs
        self.readonly = False
        self.key: Key | None = key if isinstance(key, Key) else None
        self._local = threading.local()
        self._readers: weakref.WeakSet[apsw.Connection] = weakref.WeakSet()  # a thread's own ends with the thread
        self._lock = threading.RLock()
        self._closed = False
        self._depth = 0
        refuse_network(self.path)
        self._stored(key, Path(keyfile).expanduser().absolute() if keyfile else Path(f"{self.path}.key"))
        try:
            self._writer = self._open()
            self._prepare()
        except apsw.Error as error:
            raise translated(error, self.path) from error
        self.secret: bytes = self._writer.execute("SELECT value FROM meta WHERE key='secret'").get

    def _stored(self, key: bytes | str | Key | None, file: Path) -> None:
        """Find out how the file is stored, and take its key out of the key file where it is encrypted."""
        if self.path.is_dir():
            raise UsageError(f"{self.path} is a folder; give the path of a file, such as {self.path / 'memory.db'}")
        if not self.path.parent.is_dir():
            raise UsageError(f"the folder {self.path.parent} does not exist; create it, or give another path")
        head = b""
        if self.path.exists():
            with raw.opened(self.path) as opened:
                head = opened.read(len(HEADER))
        if key is None:
            if head and head != HEADER and file.exists():
                raise Denied(
                    f"{self.path} is encrypted, and {file} holds its key: open it with key=, as it was made (on the command line CLEW_KEY)"
                )
            if head and head != HEADER:
                raise LogCorrupt(
                    f"{self.path} is not a Clew file (it has no SQLite header); give another path, or restore a backup; an encrypted one needs key="
                )
        elif head == HEADER:
            raise UsageError(f"{self.path} is not encrypted; to encrypt it, export it and load that into a new file with key=")
        elif self.key is None and not isinstance(key, Key):
            self.key = unlocked(file, key, new=not head)

    def _open(self) -> apsw.Connection:
        flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
        exists = self.path.exists() and self.path.stat().st_size > 0
        if exists and not (os.access(self.path, os.W_OK) and os.access(self.path.parent, os.W_OK)):
            self.readonly = True
            flags = apsw.SQLITE_OPEN_READONLY
        connection = self._connected(flags)
        connection.set_busy_timeout(BUSY_MS)
        if self.key and exists:
            self._fits(connection, self.key)
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
            return self.keyed(
                apsw.Connection(f"file:{quote(str(self.path))}?immutable=1", flags=flags | apsw.SQLITE_OPEN_URI, vfs=self.vfs)
            )
        return self.keyed(apsw.Connection(str(self.path), flags=flags, vfs=self.vfs))

    def keyed(self, connection: apsw.Connection) -> apsw.Connection:
        """The connection with this file's key, where it has one: before anything else is asked of it."""
        if self.key is not None:
            connection.execute(f"PRAGMA key='raw:{self.key.data.hex()}'")
        return connection

    def _fits(self, connection: apsw.Connection, key: Key) -> None:
        try:
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        except apsw.NotADBError as error:
            connection.close()
            raise Denied(f"the key in {key.file} does not open {self.path}: it is another file's, or this file is damaged") from error

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
        if self.readonly and found < schema.FORMAT:
            raise Denied(f"{self.path} has format {found} and this Clew reads {schema.FORMAT}: open it once where it can be written to")
        for number in range(found + 1, schema.FORMAT + 1):
            with self.write():
                if c.execute("PRAGMA user_version").get < number:  # another process may have been first
                    c.execute(f"{schema.STEPS[number][0]}; PRAGMA user_version={number}")
        for name, statement in schema.ADDED.items():
            if not self.readonly and not c.execute("SELECT 1 FROM sqlite_schema WHERE name=?", (name,)).get:
                with self.write():
                    c.execute(statement)

    def _application(self) -> int:
        return self._writer.execute("PRAGMA application_id").get

    def reader(self) -> apsw.Connection:
        """This thread's own connection, for reading."""
        if self._closed:
            raise UsageError(CLOSED)
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

    def snapshot(self) -> AbstractContextManager[apsw.Connection]:
        """A reading transaction: everything read inside it is of one moment. May be nested."""
        connection = self.reader()
        return nullcontext(connection) if connection.in_transaction else self._snapshot(connection)

    @contextmanager
    def _snapshot(self, connection: apsw.Connection) -> Iterator[apsw.Connection]:
        try:
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
                raise UsageError(CLOSED)
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

    @property
    def place(self) -> Path:
        """Beside the file."""
        return self.path.with_name(f"{self.path.name}-tasks")

    def claimed(self, name: str) -> AbstractContextManager[bool]:
        """Always: one file is one machine's, where folding a partition twice costs less than asking who is at it."""
        return nullcontext(True)

    def rewritten(self) -> str:
        """Rewrite the file without its free pages and empty the write-ahead log; "" when done, else why not yet."""
        with self.exclusive() as c:
            c.execute("DROP TABLE IF EXISTS temp.gone")
            c.execute("VACUUM")
        return self.emptied()

    def emptied(self) -> str:
        """Empty the write-ahead log; "" when that was done, else why not yet. What others write after that is none of its business."""
        if self.readonly:
            wal = Path(f"{self.path}-wal")
            return f"{wal.name} is not emptied yet; call `Clew.erase(receipt)`" if wal.exists() and wal.stat().st_size else ""
        with self.exclusive() as c:
            c.set_busy_timeout(PATIENCE_MS)  # readers may follow one another without a gap
            [(busy, _, _)] = c.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            c.set_busy_timeout(BUSY_MS)
        return self.BUSY if busy else ""

    def copied(self, target: Path) -> None:
        """Write a copy of one moment to that path, with the same key."""
        try:
            copy = self.keyed(apsw.Connection(str(target)))
            with copy.backup("main", self.reader(), "main") as work:
                work.step()
            copy.close()
        except apsw.Error as error:
            raise translated(error, target) from error

    def size(self) -> int:
        """Bytes of every file that belongs to it."""
        return sum(p.stat().st_size for p in self.files())

    def files(self) -> list[Path]:
        """Every file that belongs to this database: itself, its write-ahead log, its sidecars."""
        return sorted(p for p in self.path.parent.iterdir() if p.name.startswith(self.path.name) and p.is_file())  # a name may hold [ or *

    def beside(self, path: str | os.PathLike[str]) -> "Database":
        """Another file that has the same key, such as a backup of this one."""
        return Database(path, vfs=self.vfs, key=self.key)

    def readable(self, path: Path) -> BinaryIO:
        """One of these files, or a copy of the database, as it reads to who has the key: where words are to be looked for.

        An encrypted one is taken into memory; what is no database, the write-ahead log too, is read as it lies there. The index of
        that log has numbers of pages and no words; closing it would let go of SQLite's locks, so nothing of it is read.
        """
        if path.name.endswith("-shm"):
            return io.BytesIO()
        with raw.opened(path) as file:
            head = file.read(len(HEADER))
        if self.key is None or not head or head == HEADER or path == self.key.file or path.name.endswith(("-wal", "-journal")):
            return raw.opened(path)
        if path == self.path:
            return io.BytesIO(self.reader().serialize("main"))
        copy = self.beside(path)
        try:
            return io.BytesIO(copy.reader().serialize("main"))
        finally:
            copy.close()

    def shred(self) -> str:
        """Destroy the key, then close: this file and every copy of it are noise from now on; returns the key's name."""
        if self.key is None:
            raise UsageError(
                f"{self.path} is not encrypted, so there is no key to destroy; use forget, or open it with key= from the start"
            )
        shredded = importlib.import_module("clew.privacy.vault").destroy(self.key.file)
        self.close()
        return shredded

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

"""PostgreSQL: a tenant's tables under row security, its writers one after another behind the row of the log's head.

Reading takes a connection of those that are free, for a REPEATABLE READ snapshot; one connection writes. The rest of storage is the same
code as on SQLite: statements are translated in `postgres_schema`, values in `postgres_values`.
"""

import hashlib
import json
import os
import secrets
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from clew.errors import Denied, LogCorrupt, MissingExtra, StorageBusy, UsageError
from clew.storage import postgres_schema, schema
from clew.storage.database import CLOSED
from clew.storage.postgres_schema import SETTING, said

try:
    import psycopg
    from psycopg import pq
    from psycopg.types.composite import CompositeInfo

    from clew.storage.postgres_values import Rows, adapted, parted, quoted, translated
except ModuleNotFoundError as missing:
    raise MissingExtra("postgres", "a log on PostgreSQL") from missing

BUSY_MS = 30_000  # how long one writer waits for another's transaction
WRITE = "{}; SELECT 1 FROM meta WHERE key='head' FOR UPDATE"
FROZEN = " ISOLATION LEVEL REPEATABLE READ READ ONLY"  # from its first question on, which BEGIN and SET are not
MAKING = 0x436C6577  # the advisory lock under which the schema is made


class Connection:
    """A connection that takes our statements; closed when nothing holds it any more."""

    def __init__(self, connection: psycopg.Connection[Any], path: str) -> None:
        self.raw, self.path = connection, path

    def __del__(self) -> None:
        self.raw.close()

    def execute(self, statement: str, values: Sequence[Any] = ()) -> Rows:
        """Run one statement; every row is fetched."""
        cursor = psycopg.RawCursor(self.raw)
        try:
            cursor.execute(said(statement), values or None, binary=True)  # type: ignore[arg-type]
            return Rows(cursor.fetchall() if cursor.description else [])
        except psycopg.Error as error:
            raise translated(error, self.path) from error

    def executemany(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for each of these values, in one go."""
        try:
            if held := list(rows):
                psycopg.RawCursor(self.raw).executemany(said(statement), held)  # type: ignore[arg-type]
        except psycopg.Error as error:
            raise translated(error, self.path) from error

    @property
    def open(self) -> bool:
        """Whether the server still answers on it, as far as is known here."""
        return not self.raw.closed and not self.raw.broken

    @property
    def within(self) -> bool:
        """Whether it is in a transaction."""
        return self.raw.info.transaction_status != pq.TransactionStatus.IDLE

    def command(self, text: str) -> int:
        """Run words of our own without values, several in one round trip; the number of rows of the last."""
        try:
            return self.raw.execute(text.encode(), prepare=False).rowcount
        except psycopg.Error as error:
            raise translated(error, self.path) from error

    def ended(self) -> None:
        """Roll back what is open, where the server still answers."""
        if self.open and self.within:
            with suppress(StorageBusy):
                self.command("ROLLBACK")


@dataclass(frozen=True, slots=True)
class Table:
    """A table as a file to be searched: what of a path that takes."""

    name: str
    st_size: int  # bytes

    def exists(self) -> bool:
        """It does."""
        return True

    def stat(self) -> "Table":
        """Itself, with its size."""
        return self


class Stream:
    """Bytes as they come, read like a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_: object) -> None:
        self._pieces.close()  # type: ignore[attr-defined]

    def read(self, size: int) -> bytes:
        """At least that many bytes, fewer at the end."""
        found, length = [], 0
        while length < size and (piece := next(self._pieces, b"")):
            found.append(piece)
            length += len(piece)
        return b"".join(found)


class Database:
    """One tenant of a PostgreSQL database, given by its URL: `postgresql://user@host/name?tenant=acme` ("default" if not said).

    The schema `clew` is made where it is missing. The role must be one that row security binds: no superuser.
    """

    NEW_EVENT: str = postgres_schema.NEW_EVENT
    REFUSED: tuple[type[Exception], ...] = (psycopg.IntegrityError, psycopg.DataError)
    BUSY: str = "another connection holds the tables; call `Clew.erase(receipt)` when it is done"
    BEYOND: str = (
        "the rows are cleaned; the free space of the server's pages, its write-ahead log and its backups cannot be searched from here:"
        " VACUUM FULL and a new base backup end them"
    )

    def __init__(self, url: str, *, key: object = None, keyfile: object = None) -> None:
        if key is not None or keyfile is not None:
            raise UsageError("key= encrypts an SQLite file; a PostgreSQL server's disk is encrypted by whoever runs it")
        self.url, self.tenant = parted(url)
        self._bound = f"SET LOCAL {SETTING} = {quoted(self.tenant)}"
        parts = urlsplit(self.url)
        self.path: Any = f"postgresql://{parts.hostname or ''}{parts.path}?tenant={quote(self.tenant)}"  # no user, no password
        self.key = None
        self.readonly = False
        self._local = threading.local()
        self._free: list[Connection] = []
        self._lock = threading.RLock()
        self._closed = False
        self._depth = 0
        self._value: CompositeInfo | None = None
        self._writer = self._connected()
        self._prepare()
        self.secret: bytes = self._founded()

    # -- connecting ---------------------------------------------------------------------------------------------

    def _connected(self) -> Connection:
        try:
            raw = psycopg.connect(self.url, autocommit=True, client_encoding="utf8")
        except psycopg.OperationalError as error:
            raise StorageBusy(f"{self.path} was not reached: {str(error).strip()}") from error
        except psycopg.ProgrammingError as error:
            raise UsageError(f"{self.path} is no address of a PostgreSQL database: {str(error).strip()}") from error
        raw.execute(
            "SELECT set_config('search_path', 'clew', false), set_config('lock_timeout', %s, false), set_config('jit', 'off', false)",
            (str(BUSY_MS),),
        )
        adapted(raw, self._value)
        return Connection(raw, self.path)

    def _prepare(self) -> None:
        c = self._writer
        bound, encoding, standby = c.execute(
            "SELECT (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user),"
            " current_setting('server_encoding'), pg_is_in_recovery()"
        ).get
        if bound:
            raise Denied(f"the role of {self.path} is one that row security does not bind; connect as another: CREATE ROLE clew LOGIN")
        if encoding != "UTF8":
            raise UsageError(f"{self.path} keeps text as {encoding}; Clew needs a database made with ENCODING 'UTF8'")
        self.readonly = standby
        if not c.execute("SELECT to_regclass('clew.format') IS NOT NULL").get:
            self._made()
        self._value = CompositeInfo.fetch(c.raw, "clew.value")
        adapted(c.raw, self._value)
        found = c.execute("SELECT number FROM format").get
        if found > schema.FORMAT:
            self.readonly, self.newer = True, found  # a newer Clew wrote it: we may look, and must not write
        if self.readonly and found < schema.FORMAT:
            raise Denied(f"{self.path} has format {found} and this Clew reads {schema.FORMAT}: open its primary first")
        if not self.readonly:
            self._raised(found)

    def _founded(self) -> bytes:
        """The tenant's secret; what every log begins with is written where it is missing."""
        c = self._writer
        c.command(self._begin())
        try:
            if not self.readonly and c.execute("SELECT count(*) FROM meta WHERE key IN ('secret', 'head', 'chain', 'answers')").get < 4:
                c.executemany(
                    "INSERT INTO meta VALUES (?, ?) ON CONFLICT DO NOTHING",
                    (("secret", secrets.token_bytes(32)), ("chain", bytes(32)), ("answers", bytes(32))),
                )
                c.execute("INSERT INTO meta VALUES ('head', ?) ON CONFLICT DO NOTHING", (0,))
            secret = c.execute("SELECT value FROM meta WHERE key='secret'").get
            c.command("COMMIT")
            return secret
        finally:
            c.ended()

    def _begin(self, mode: str = "") -> str:
        """What begins a transaction of this tenant; outside one a connection has no tenant, sees no row and can write none."""
        return f"BEGIN{mode}; {self._bound}"

    def _made(self) -> None:
        if self.readonly:
            raise Denied(f"{self.path} has no schema of Clew's, and is a standby; open its primary first")
        with self._making() as c:
            if not c.execute("SELECT to_regclass('clew.format') IS NOT NULL").get:
                c.command(postgres_schema.statements())

    def _raised(self, found: int) -> None:
        """Bring an older schema to this format, all tenants at once, with the indexes and policies that came later."""
        with self._making() if found < schema.FORMAT else nullcontext(self._writer) as c:
            for number in range(c.execute("SELECT number FROM format").get + 1, schema.FORMAT + 1):
                c.command(f"{schema.STEPS[number][1]}; UPDATE clew.format SET number = {number}")
        have = {name for (name,) in self._writer.execute(postgres_schema.HAVE)}
        lacking = [statement for name, statement in postgres_schema.later().items() if name not in have]
        if lacking:
            with self._making() as c:
                c.command(";".join(lacking))

    @contextmanager
    def _making(self) -> Iterator[Connection]:
        """A transaction in which no other process makes or changes the schema."""
        c = self._writer
        c.command(f"{self._begin()}; SELECT pg_advisory_xact_lock({MAKING})")
        try:
            yield c
            c.command("COMMIT")
        finally:
            c.ended()

    @contextmanager
    def _lent(self) -> Iterator[Connection]:
        """A connection for one transaction: as many are kept as were ever in use at once."""
        with self._lock:
            if self._closed:
                raise UsageError(CLOSED)
            connection = self._free.pop() if self._free else None
        connection = connection if connection is not None and connection.open else self._connected()
        try:
            yield connection
        finally:
            connection.ended()
            with self._lock:
                if connection.open and not self._closed:
                    self._free.append(connection)

    # -- transactions -------------------------------------------------------------------------------------------

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A reading transaction: everything read inside it is of one moment. May be nested."""
        within: Connection | None = getattr(self._local, "reading", None)
        if within is not None:
            yield within
            return
        try:
            with self._lent() as connection:
                self._begun(connection, f"{self._begin(FROZEN)}; SELECT 1")
                self._local.reading = connection
                try:
                    yield connection
                finally:
                    self._local.reading = None
        except (UnicodeDecodeError, json.JSONDecodeError) as error:
            raise LogCorrupt(f"{self.path} is damaged: a row is not what was written ({error}); restore a backup") from error

    @contextmanager
    def write(self, durable: bool = True) -> Iterator[Connection]:
        """A writing transaction behind the row of the log's head, so that writers of a tenant follow one another.

        With `durable` false a crash of the server may undo it, whole, and none before it.
        """
        if self.readonly:
            raise Denied(f"{self.path} is open read-only: it is a standby, or a newer Clew wrote it")
        with self._lock:
            if self._closed:
                raise UsageError(CLOSED)
            self._depth += 1
            try:
                if self._depth > 1:
                    yield self._writer
                    return
                setting = "" if durable else "; SET LOCAL synchronous_commit = off"
                while not self._begun(None, self._begin() + WRITE.format(setting)):  # a restore had just put another row in its place
                    self._writer.ended()
                try:
                    yield self._writer
                    self._writer.command("COMMIT")
                finally:
                    self._writer.ended()
            finally:
                self._depth -= 1

    def _begun(self, connection: Connection | None, text: str) -> int:
        """Begin a transaction, on the writing connection for None; anew once where the server was started again meanwhile."""
        c = connection or self._writer
        try:
            return c.command(text)
        except StorageBusy:
            c.ended()
            if c.open:
                raise
        fresh = self._connected()
        c.raw, fresh.raw = fresh.raw, c.raw
        return c.command(text)

    @property
    def place(self) -> Path:
        """In the user's own folder of what programs left, by the tenant's secret: the same for every address of one database."""
        state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
        return Path(state, "clew", f"{hashlib.blake2b(self.secret, digest_size=8).hexdigest()}-tasks")

    @contextmanager
    def claimed(self, name: str) -> Iterator[bool]:
        """Whether this process alone is at that piece of work: a row under FOR UPDATE SKIP LOCKED, free when the process ends."""
        with self._lent() as c:
            c.command(self._begin())
            c.execute("INSERT INTO lease VALUES (?) ON CONFLICT DO NOTHING", (name,))
            c.command(f"COMMIT; {self._begin()}")
            yield c.execute("SELECT 1 FROM lease WHERE name=? FOR UPDATE SKIP LOCKED", (name,)).get is not None

    # -- erasing ------------------------------------------------------------------------------------------------

    def rewritten(self) -> str:
        """Vacuum the tables, so that dead rows are taken out of their pages; "" when done, else why not yet."""
        with self._lock:
            for table in postgres_schema.KEYS:
                self._writer.command(f"VACUUM clew.{table}")
        return ""

    def emptied(self) -> str:
        """Nothing: what lies beside the rows is the server's, see `BEYOND`."""
        return ""

    def files(self) -> list[Any]:
        """The tenant's tables: what of the server's files is within reach."""
        share = self.size() // len(postgres_schema.KEYS)
        return [Table(name, share) for name in postgres_schema.KEYS]

    def readable(self, table: Any) -> Any:
        """A table's rows as bytes: texts and payloads as they lie there."""
        return Stream(self._bytes(table.name))

    def _bytes(self, table: str) -> Iterator[bytes]:
        with self._lent() as c:
            c.command(self._begin(FROZEN))
            with c.raw.cursor().copy(f"COPY (SELECT * FROM {table}) TO STDOUT (FORMAT binary)".encode()) as rows:
                yield from map(bytes, rows)

    def size(self) -> int:
        """Bytes of the schema's tables and indexes, all tenants' together."""
        with self.snapshot() as c:
            return int(
                c.execute(
                    "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relnamespace='clew'::regnamespace AND relkind='r'"
                ).get
            )

    def copied(self, target: Path) -> None:
        """Refused: the server's own tools make backups; `export` carries a tenant away."""
        raise UsageError(f"{self.path} is backed up by its server (pg_basebackup, pg_dump); to carry the log away use export")

    def beside(self, path: object) -> "Database":
        """Refused, as `copied` is."""
        raise UsageError(f"{self.path} has no copies beside it, got {path!r}")

    def shred(self) -> str:
        """Refused: there is no key here."""
        raise UsageError(f"{self.path} is not encrypted by Clew, so there is no key to destroy; use forget")

    def close(self) -> None:
        """Close every connection; idempotent."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for connection in (*self._free, self._writer):
                connection.raw.close()
            self._free.clear()

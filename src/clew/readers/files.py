"""What every reader needs of a file: its text with the place of each line, moments with their offset, and stable keys."""

import codecs
import gzip
import hashlib
import json
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from clew.errors import NotFound, UsageError
from clew.readers import archives

Message = dict[str, Any]
T = TypeVar("T")
MILLISECONDS = 1e11  # a number above this counts milliseconds since 1970 (as seconds it would lie after the year 5000)
BLOCK = 1 << 16  # bytes of a JSON array that are read at first; an item that is longer doubles it


@dataclass(frozen=True, slots=True)
class Left:
    """Something in a file that became no message: where it stands, why, and whether it is broken or was left out on purpose."""

    where: str
    why: str
    broken: bool


@dataclass(frozen=True, slots=True)
class File:
    """A file to read, the zone (None for unknown) of the times in it that carry no offset, and who is told of what is left.

    `user` is whose memories they are where the one who imports says so: a file of many users then names none. Without
    `left` what is broken is an error; with it reading goes on behind it.
    """

    path: Path
    zone: tzinfo | None = None
    left: Callable[[Left], None] | None = None
    user: str | None = None
    root: Path | None = None  # the folder that is read as a whole, where this is a file in it
    whole: Callable[[str], None] | None = None  # told of the place of each file of documents that was read whole, see `notes`
    part: str | None = None  # the name of a file in a zip archive, where the path is the archive's

    @property
    def name(self) -> str:
        """The file's name without its folder; in a folder that is read as a whole its path there; behind it its part's."""
        own = self.path.name if self.root is None else self.path.relative_to(self.root).as_posix()
        return own if self.part is None else f"{own}, {self.part}"

    @property
    def place(self) -> str:
        """The file as an error names it."""
        return str(self.path) if self.part is None else f"{self.path}: {self.part}"

    def skip(self, where: str, why: str) -> None:
        """Tell of something that is left out on purpose, as a kind of thing and not by its words: equal ones are counted."""
        if self.left is not None:
            self.left(Left(where, why, False))

    def refuse(self, where: str, error: UsageError) -> None:
        """Tell of something that cannot be read and go on; raise it where nobody listens."""
        if self.left is None:
            raise error
        self.left(Left(where, str(error).removeprefix(f"{where}: ").removeprefix(f"{self.place}: "), True))

    def each(self, found: Iterable[tuple[str, T]], act: Callable[[str, T], Iterator[Message]]) -> Iterator[Message]:
        """What `act` makes of each thing found; where one cannot be read the next one still is."""
        for where, item in found:
            try:
                yield from act(where, item)
            except UsageError as error:
                self.refuse(where, error)

    def head(self, size: int = 1 << 16) -> bytes:
        """The first bytes, unpacked where the file is gzip; a missing file is a NotFound."""
        if not self.path.exists():
            raise NotFound(f"there is no file {self.path}")
        with self._open() as file:
            return self._guarded(lambda: file.read(size))

    def text(self) -> str:
        """The whole text, without a byte order mark."""
        with self._open() as file:
            return self._decoded(self._guarded(file.read), 0).removeprefix("\ufeff")

    def lines(self) -> Iterator[tuple[int, str]]:
        """Each line that is not blank, with its number from 1; read as needed, so a large file takes no memory."""
        offset = 0
        for number, raw in enumerate(self.raw(), 1):
            offset += len(raw)
            try:
                line = self._decoded(raw, offset - len(raw)).removeprefix("\ufeff").strip()
            except UsageError as error:
                self.refuse(f"{self.name}, line {number}", error)
                continue
            if line:
                yield number, line

    def raw(self) -> Iterator[bytes]:
        """Each line as it stands, its end included."""
        with self._open() as file:
            while raw := self._guarded(file.readline):
                yield raw

    def objects(self) -> Iterator[tuple[str, Any]]:
        """The items of a JSON array, the one object of a JSON file, or one value a line, each with where it stands."""
        first = self.head(64).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
        if first != b"[" and self._is_lines():
            for number, line in self.lines():
                try:
                    value = self._parsed(line, number)
                except UsageError as error:
                    self.refuse(f"{self.name}, line {number}", error)
                    continue
                yield f"{self.name}, line {number}", value
            return
        try:
            for n, item in enumerate(self._items() if first == b"[" else [self._parsed(self.text(), 1)], 1):
                yield f"{self.name}, item {n}", item
        except UsageError as error:  # what stands behind a broken place in one JSON value cannot be found again
            self.refuse(self.name, error)

    def records(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The items of `objects`, each of which must be a JSON object."""
        for where, item in self.objects():
            if isinstance(item, Mapping):
                yield where, item
            else:
                self.refuse(where, UsageError(f"{where}: expected a JSON object, got {type(item).__name__}"))

    def _items(self) -> Iterator[Any]:
        """The items of a JSON array, one in memory at a time."""
        decoder, reader = json.JSONDecoder(), codecs.getincrementaldecoder("utf-8")()
        buffer, line, size, ended, opened, due = "", 1, BLOCK, False, False, False
        with self._open() as file:
            while True:
                rest = buffer.lstrip(" \t\r\n\ufeff")
                line, buffer = line + buffer[: len(buffer) - len(rest)].count("\n"), rest
                if buffer[:1] == "]" and opened:
                    if buffer[1:].strip() or (not ended and self._guarded(lambda: file.read()).strip()):
                        raise self._not_json(line, "more stands behind the end of the array")
                    return
                if buffer[:1] and (not opened or due):
                    if buffer[0] != ("," if opened else "["):
                        raise self._not_json(line, "a comma is missing between two items")
                    buffer, opened, due = buffer[1:], True, False
                    continue
                value, end = None, 0
                try:
                    value, end = decoder.raw_decode(buffer) if buffer else (value, end)
                except RecursionError as error:
                    raise self._not_json(line, "nested too deep") from error
                except json.JSONDecodeError as error:
                    if ended:
                        raise self._not_json(line + error.lineno - 1, error.msg) from error
                if end and (ended or buffer[end:].lstrip()):  # a number at the end of what was read may go on
                    line, buffer, size, due = line + buffer[:end].count("\n"), buffer[end:], BLOCK, True
                    yield value
                    continue
                if ended:
                    raise self._not_json(line, "the array has no end")
                raw = self._guarded(lambda n=size: file.read(n))
                ended, size = not raw, size * 2
                buffer += self._decoded_more(reader, raw, ended)

    def moment(self, value: Any, where: str) -> str | None:
        """A time as ISO 8601 with its offset: from a datetime text, an e-mail date, or seconds or milliseconds since 1970."""
        if value is None or value == "":
            return None
        try:
            if isinstance(value, (int, float)) or (isinstance(value, str) and value.replace(".", "", 1).isdigit() and len(value) > 8):
                seconds = float(value) / (1000 if abs(float(value)) > MILLISECONDS else 1)
                return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).isoformat()
            when = _parsed_time(str(value))
        except (ValueError, OverflowError, TypeError) as error:
            raise UsageError(f"{where}: {value!r} is not a time; write it as 2026-05-20T10:00:00+01:00") from error
        if when.utcoffset() is None:
            if self.zone is None:
                raise UsageError(f"{where}: the time {value!r} has no time zone; say which one is meant, as in tz='UTC' or tz='+01:00'")
            when = when.replace(tzinfo=self.zone)
        return when.isoformat()

    def key(self, item: Any, content: Any) -> str:
        """A key that is the same whenever the same item of this file is read; an item that was changed gets another."""
        digest = hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False, default=str).encode("utf-8", "replace"))
        return f"{self.name[:200]}:{str(item)[:200]}:{digest.hexdigest()[:12]}"

    def _open(self) -> Any:
        if self.part is not None:
            return archives.opened(self.path, self.part)
        with self.path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        return gzip.open(self.path, "rb") if packed else self.path.open("rb")

    def _guarded(self, act: Any) -> bytes:
        try:
            return act()
        except (gzip.BadGzipFile, zipfile.BadZipFile, EOFError, zlib.error) as error:
            if self.part is not None:
                raise UsageError(f"{self.place} cannot be read ({error}); download the archive again") from error
            raise UsageError(f"{self.path}: the gzip file is damaged ({error}); unpack it with gunzip to see how far it goes") from error

    def _decoded(self, raw: bytes, offset: int) -> str:
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError as error:
            place = offset + error.start
            like = "UTF-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "Latin-1 or Windows-1252"
            raise UsageError(
                f"{self.place}: byte {place} (0x{raw[error.start]:02x}) is not UTF-8; the file may be {like}: "
                f"convert it first, as in: iconv -f {like.split()[0].lower()} -t utf-8 {self.name}"
            ) from error

    def _decoded_more(self, reader: codecs.IncrementalDecoder, raw: bytes, ended: bool) -> str:
        try:
            return reader.decode(raw, ended)
        except UnicodeDecodeError as error:
            raise UsageError(f"{self.place} is not UTF-8 ({error.reason}); convert it first with iconv") from error

    def _parsed(self, text: str, line: int) -> Any:
        try:
            return json.loads(text)
        except (json.JSONDecodeError, RecursionError) as error:
            number, why = (line + error.lineno - 1, error.msg) if isinstance(error, json.JSONDecodeError) else (line, "nested too deep")
            raise self._not_json(number, why) from error

    def _not_json(self, line: int, why: str) -> UsageError:
        return UsageError(f"{self.place}: line {line} is not JSON ({why}); each line must be one complete JSON value")

    def _is_lines(self) -> bool:
        """Whether the first line is a JSON value by itself."""
        line = next(replace(self, left=None).lines(), (1, ""))[1]
        try:
            return isinstance(json.loads(line), (dict, list))
        except (json.JSONDecodeError, RecursionError):
            # A broken first line of a file of lines must be told from the first line of an object over many lines.
            return len(line) > 2 and not line.endswith(("{", "[", ","))


def _parsed_time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        return parsedate_to_datetime(text)


def table(value: Any) -> Mapping[str, Any]:
    """The value where it is a JSON object, else an empty one: what an export promises is not always there."""
    return value if isinstance(value, Mapping) else {}


def tables(value: Any) -> list[Mapping[str, Any]]:
    """The objects in a value that should be a list of them."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def items(value: Any) -> list[Any]:
    """A value that should be a list, or an empty one."""
    return value if isinstance(value, list) else []


def zone(tz: str | tzinfo | None) -> tzinfo | None:
    """A zone from its name ("Europe/Lisbon", "UTC") or offset ("+01:00")."""
    if tz is None or isinstance(tz, tzinfo):
        return tz
    if tz.upper() in ("UTC", "Z"):
        return UTC
    try:
        if tz[:1] in "+-":
            return timezone(datetime.strptime(tz, "%z").utcoffset() or timedelta(0))
        return ZoneInfo(tz)
    except (ValueError, ZoneInfoNotFoundError, OSError) as error:
        raise UsageError(f"tz={tz!r} is not a time zone; write an offset such as '+01:00' or a name such as 'Europe/Lisbon'") from error

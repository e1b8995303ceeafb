"""What every reader needs of a file: its text with the place of each line, moments with their offset, and stable keys."""

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from clew.errors import NotFound, UsageError

Message = dict[str, Any]
MILLISECONDS = 1e11  # a number above this counts milliseconds since 1970 (as seconds it would lie after the year 5000)


@dataclass(frozen=True, slots=True)
class File:
    """A file to read and the zone (a `tzinfo`, or None for unknown) of the times in it that carry no offset."""

    path: Path
    zone: tzinfo | None = None

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return self.path.name

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
        with self._open() as file:
            number = 0
            while raw := self._guarded(file.readline):
                number += 1
                line = self._decoded(raw, offset).removeprefix("\ufeff").strip()
                offset += len(raw)
                if line:
                    yield number, line

    def objects(self) -> Iterator[tuple[str, Any]]:
        """The items of a JSON array, the one object of a JSON file, or one value a line, each with where it stands."""
        first = self.head(64).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
        if first == b"[" or not self._is_lines():
            value = self._parsed(self.text(), 1)
            for n, item in enumerate(value if isinstance(value, list) else [value], 1):
                yield f"{self.name}, item {n}", item
            return
        for number, line in self.lines():
            yield f"{self.name}, line {number}", self._parsed(line, number)

    def records(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The items of `objects`, each of which must be a JSON object."""
        for where, item in self.objects():
            if not isinstance(item, Mapping):
                raise UsageError(f"{where}: expected a JSON object, got {type(item).__name__}")
            yield where, item

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
        with self.path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        return gzip.open(self.path, "rb") if packed else self.path.open("rb")

    def _guarded(self, act: Any) -> bytes:
        try:
            return act()
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise UsageError(f"{self.path}: the gzip file is damaged ({error}); unpack it with gunzip to see how far it goes") from error

    def _decoded(self, raw: bytes, offset: int) -> str:
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError as error:
            place = offset + error.start
            like = "UTF-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "Latin-1 or Windows-1252"
            raise UsageError(
                f"{self.path}: byte {place} (0x{raw[error.start]:02x}) is not UTF-8; the file may be {like}: "
                f"convert it first, as in: iconv -f {like.split()[0].lower()} -t utf-8 {self.name}"
            ) from error

    def _parsed(self, text: str, line: int) -> Any:
        try:
            return json.loads(text)
        except (json.JSONDecodeError, RecursionError) as error:
            number, why = (line + error.lineno - 1, error.msg) if isinstance(error, json.JSONDecodeError) else (line, "nested too deep")
            raise UsageError(f"{self.path}: line {number} is not JSON ({why}); each line must be one complete JSON value") from error

    def _is_lines(self) -> bool:
        """Whether the first line is a JSON value by itself."""
        line = next(iter(self.lines()), (1, ""))[1]
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

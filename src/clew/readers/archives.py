"""Zip archives as services hand them out: which parts there are, each read out of the archive without unpacking it to disk.

An archive comes from outside: a name in it that leads out of it, a name that stands twice, a part that is locked or that
unpacks to far more than it is packed in are refused. Nothing is ever written under a name that an archive gives.
"""

import gzip
import io
import zipfile
from pathlib import Path, PurePosixPath
from typing import IO, Any

from clew.errors import UsageError

LARGEST = 2 << 30  # bytes of a part, unpacked; a larger one is refused
SMALL = 16 << 20  # bytes that any part may unpack to, however well it is packed
MOST = 200  # times its packed size to which a larger part may unpack; texts of chats stay below 30, bombs are at 1,000


def names(path: Path) -> list[str]:
    """The files in the archive, in its own order; UsageError where it is damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            return [info.filename for info in archive.infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise UsageError(f"{path} cannot be read as a zip archive: {error}; download it again") from error


def trusted(path: Path) -> list[str]:
    """The files in the archive; UsageError where the name of one of them is not what an export has."""
    seen: dict[str, None] = {}  # in their order
    for name in names(path):
        pure = PurePosixPath(name.replace("\\", "/"))
        if pure.is_absolute() or ".." in pure.parts or not pure.parts or ":" in pure.parts[0]:
            raise UsageError(f"{path} holds the name {name!r:.200}, which leads out of the archive; no export does, so nothing is read")
        if name in seen:
            raise UsageError(f"{path} holds {name!r:.200} twice, and nothing says which one is meant; unpack it and give the file itself")
        seen[name] = None
    return [*seen]


def opened(path: Path, name: str) -> IO[bytes]:
    """A part of the archive, to be read piece by piece; gzip in it is unpacked too. UsageError where it is locked or a bomb."""
    try:
        with zipfile.ZipFile(path) as archive:  # the part keeps the file open until it is closed itself
            info = archive.getinfo(name)
            if info.flag_bits & 1:
                raise UsageError(f"{path}: {name} is locked by a password; unpack it and give the file itself")
            packed, size = max(info.compress_size, 1), info.file_size  # no more than the size it claims is ever read of a part
            if size > allowed(packed):
                raise UsageError(f"{path}: {name} unpacks to {size:,} bytes from {packed:,}; unpack it and give the file itself")
            part = archive.open(info)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        raise UsageError(f"{path}: {name} cannot be read: {error}") from error
    if not name.endswith(".gz"):
        return part
    return io.BufferedReader(_Unpacked(part, allowed(size), f"{path}: {name}"))


def allowed(packed: int) -> int:
    """Bytes to which a part may unpack that is packed in so many."""
    return min(LARGEST, max(SMALL, packed * MOST))


class _Unpacked(io.RawIOBase):
    """The contents of a gzip file in an archive, which itself does not say how long they are."""

    def __init__(self, part: IO[bytes], most: int, name: str) -> None:
        self._part, self._file, self._left, self._name = part, gzip.GzipFile(fileobj=part), most, name

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """As many bytes as there are and fit; UsageError where there are more than may be."""
        room: Any = memoryview(buffer)
        found = self._file.read(len(room))
        self._left -= len(found)
        if self._left < 0:
            raise UsageError(f"{self._name} unpacks to far more than it is packed in; unpack it and give the file itself")
        room[: len(found)] = found
        return len(found)

    def close(self) -> None:
        """Close the part too."""
        self._part.close()
        super().close()

"""The bytes of a database as they lie in its file, read so that the locks on it stay.

On POSIX a process that closes any handle of a file lets go of all locks that it has on it (fcntl), those of SQLite's own
connections too. Another process then takes itself for the only one, and on its way out deletes the write-ahead log that this
one goes on writing to. So these bytes are read through SQLite's own file system layer, which keeps such handles until it may close them.
"""

import io
import os
from pathlib import Path
from typing import Any, BinaryIO

import apsw


class Bytes(io.RawIOBase):
    """A file, read from its beginning. OSError where it cannot be opened."""

    def __init__(self, path: Path) -> None:
        self._file: Any = None
        try:
            self._file = apsw.VFSFile("unix", str(path.absolute()), [apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_MAIN_DB, 0])
        except apsw.Error as error:
            raise OSError(f"{path} cannot be read: {error}") from error
        self._place = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Fill the buffer from where reading stands, as far as the file goes; how many bytes that was."""
        count = max(0, min(len(buffer), self._file.xFileSize() - self._place))
        piece = self._file.xRead(count, self._place) if count else b""
        buffer[: len(piece)] = piece
        self._place += len(piece)
        return len(piece)

    def close(self) -> None:
        """Give the handle back to SQLite."""
        if self._file is not None:
            self._file.xClose()
            self._file = None
        super().close()


def opened(path: Path) -> BinaryIO:
    """A database's file, its write-ahead log or a copy of it, for reading; elsewhere than on POSIX like any other file."""
    return io.BufferedReader(Bytes(path)) if os.name == "posix" and path.is_file() else open(path, "rb")

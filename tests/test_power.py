"""The power fails: a disk that forgets every write since its last sync. What was acknowledged must still be there."""

import random
import shutil
from pathlib import Path

import apsw
import pytest

from clew.storage.log import Entry, Log
from clew.storage.sqlite import Database
from clew.types import Scope


class Volatile:
    """What the running process sees of each file; the real ones hold only what was synced."""

    def __init__(self) -> None:
        self.files: dict[str, bytearray] = {}
        self.syncs = 0


class VolatileFile(apsw.VFSFile):
    """Writes go to memory; a sync carries them to the real file."""

    def __init__(self, disk: Volatile, name: object, flags: list[int]) -> None:
        self.disk = disk
        self.name = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        super().__init__("", name, flags)
        if self.name not in disk.files:
            path = Path(self.name)
            disk.files[self.name] = bytearray(path.read_bytes() if path.exists() else b"")

    @property
    def data(self) -> bytearray:
        return self.disk.files[self.name]

    def xRead(self, amount: int, offset: int) -> bytes:
        return bytes(self.data[offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:
        if len(self.data) < offset:
            self.data.extend(bytes(offset - len(self.data)))
        self.data[offset : offset + len(data)] = data

    def xTruncate(self, size: int) -> None:
        del self.data[size:]

    def xFileSize(self) -> int:
        return len(self.data)

    def xSync(self, flags: int) -> None:
        self.disk.syncs += 1
        super().xTruncate(0)
        for i in range(0, len(self.data), 65536):
            super().xWrite(bytes(self.data[i : i + 65536]), i)
        super().xSync(flags)


class VolatileDisk(apsw.VFS):
    """The usual disk behind a cache that loses power."""

    def __init__(self, name: str) -> None:
        self.name, self.disk = name, Volatile()
        super().__init__(name, "")

    def xOpen(self, name: object, flags: list[int]) -> apsw.VFSFile:
        return VolatileFile(self.disk, name, flags)

    def xDelete(self, path: str, sync: bool) -> None:
        self.disk.files.pop(path, None)
        super().xDelete(path, sync)


def entry(number: int) -> Entry:
    return Entry("message", f"line {number} " + "tide " * (number % 40), Scope("ana"), None, 5, None, f"k{number}")


def survivors(path: Path, to: Path) -> Path:
    """What the platters hold when the power fails: the real files, which only syncs have reached, carried to a new folder."""
    to.mkdir()
    for name in ("m.db", "m.db-wal"):
        if (path / name).exists():
            shutil.copy(path / name, to / name)
    return to


@pytest.mark.parametrize("seed", range(6))
def test_nothing_acknowledged_is_lost_when_the_power_fails(tmp_path: Path, seed: int) -> None:
    luck, number, home = random.Random(seed), 0, tmp_path
    for boot in range(6):
        vfs = VolatileDisk(f"volatile-{seed}-{boot}")
        database = Database(home / "m.db", vfs=vfs.name)
        log = Log(database)
        for _ in range(luck.randint(1, 25)):
            many = luck.choice((1, 1, 1, 30))
            assert all(stage == "stored" for _, stage in log.append(*(entry(number + i) for i in range(many))))
            number += many
            if luck.random() < 0.1:
                with database.exclusive() as c:
                    c.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        home = survivors(home, tmp_path / f"boot{boot}")
        database.close()
        vfs.unregister()
        database = Database(home / "m.db")
        log = Log(database)
        assert log.verify()
        assert [e.key for e in log.read()] == [f"k{i}" for i in range(number)]
        database.close()


def test_the_disk_of_this_test_does_lose_what_was_not_synced(tmp_path: Path) -> None:
    """A control: with syncs switched off the same trial loses events, so the trial can fail."""
    vfs = VolatileDisk("volatile-control")
    database = Database(tmp_path / "m.db", vfs=vfs.name)
    database._writer.execute("PRAGMA synchronous=OFF")
    log = Log(database)
    for i in range(10):
        log.append(entry(i))
    home = survivors(tmp_path, tmp_path / "after")
    database.close()
    vfs.unregister()
    database = Database(home / "m.db")
    assert len(list(Log(database).read())) < 10
    database.close()

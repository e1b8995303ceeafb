"""A file that is damaged, foreign, newer, read-only or full: a clear error, and nothing lost."""

import contextlib
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest
from killing import ENVIRONMENT

from clew import Clew, ClewError, Denied, LogCorrupt, StorageFull, UsageError
from clew.storage import schema
from clew.storage.log import Entry, Log
from clew.storage.sqlite import Database
from clew.types import Scope

Open = Callable[..., Clew]


def test_a_folder_a_missing_folder_and_a_file_for_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="folder"):
        Clew(tmp_path)
    with pytest.raises(UsageError, match="does not exist"):
        Clew(tmp_path / "no" / "m.db")
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError):
        Clew(tmp_path / "file" / "m.db")


def test_a_text_file_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    for content in ("Dear diary", "SQLite format 3 is nice", "\x00" * 5000):
        path.write_text(content)
        with pytest.raises(ClewError, match="not a Clew file"):
            Clew(path)
        assert path.read_text() == content
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_another_programs_sqlite_file_is_refused_and_left_as_it_is(tmp_path: Path, journal: str) -> None:
    path = tmp_path / "theirs.db"
    with sqlite3.connect(path) as theirs:
        theirs.execute(f"PRAGMA journal_mode={journal}")
        theirs.execute("CREATE TABLE bookmark(url)")
        theirs.execute("INSERT INTO bookmark VALUES ('https://example.org')")
    theirs.close()
    before = path.read_bytes()
    with pytest.raises(UsageError, match="another program"):
        Clew(path)
    assert path.read_bytes() == before


def grown(path: Path) -> list[str]:
    with Clew(path, recipes=["verbatim"]) as clew:
        for i in range(60):
            clew.record(f"harbour line {i} " + "tide " * 20, user=f"u{i % 3}")
        clew.catch_up()
        return [e.text for e in clew.log.read()]


def everything(clew: Clew) -> list[str]:
    """Touch all there is; what the log says."""
    clew.log.verify()
    clew.answers.verify()
    clew.catch_up()
    for user in clew.users():
        clew.recall("harbour tide", user=user)
        clew.memories(user=user)
    clew.status()
    return [e.text for e in clew.log.read()]


@pytest.mark.parametrize("seed", range(12))
def test_a_damaged_file_is_called_damaged_or_still_tells_the_truth(tmp_path: Path, seed: int) -> None:
    luck = random.Random(seed)
    texts = grown(tmp_path / "good.db")
    for turn in range(5):
        data = bytearray((tmp_path / "good.db").read_bytes())
        for _ in range(luck.choice((1, 8, 200))):
            data[luck.randrange(100 if turn else 0, len(data))] ^= 1 << luck.randrange(8)
        path = tmp_path / f"bad{turn}.db"
        path.write_bytes(data)
        try:
            with Clew(path, recipes=["verbatim"]) as clew:
                assert everything(clew) == texts
        except (LogCorrupt, UsageError) as error:
            assert str(path) in str(error) or "event" in str(error) or "row" in str(error), error


@pytest.mark.parametrize("keep", [0, 15, 16, 99, 100, 4095, 4096, 4097, 8192, 0.5, 0.9, -1])
def test_a_truncated_file_is_called_damaged(tmp_path: Path, keep: float) -> None:
    texts = grown(tmp_path / "m.db")
    data = (tmp_path / "m.db").read_bytes()
    size = int(len(data) * keep) if isinstance(keep, float) else keep % len(data)
    (tmp_path / "m.db").write_bytes(data[:size])
    try:
        with Clew(tmp_path / "m.db", recipes=["verbatim"]) as clew:
            found = everything(clew)
            assert found == texts or (size == 0 and found == [])
    except (LogCorrupt, UsageError) as error:
        assert "damaged" in str(error) or "not a Clew file" in str(error)


def test_a_file_of_a_newer_format_opens_for_reading_only(tmp_path: Path) -> None:
    grown(tmp_path / "m.db")
    with sqlite3.connect(tmp_path / "m.db") as c:
        c.execute(f"PRAGMA user_version={schema.FORMAT + 1}")
    c.close()
    with Clew(tmp_path / "m.db", recipes=["verbatim"]) as clew:
        assert clew.status()["readonly"]
        assert len(clew.recall("harbour", user="u1")) == 10
        assert len(list(clew.log.read())) == 60
        for write in (lambda: clew.record("x"), lambda: clew.forget(user="u1"), lambda: clew.rebuild()):
            with pytest.raises(Denied, match=f"format {schema.FORMAT + 1}"):
                write()
        assert clew.catch_up() == {"verbatim": "frozen"}
        assert clew.log.verify()


NEXT = {schema.FORMAT + 1: ("ALTER TABLE fault ADD COLUMN note TEXT", "ALTER TABLE clew.fault ADD COLUMN note text")}


def test_a_file_of_an_older_format_is_brought_to_this_one_once_and_keeps_every_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = grown(tmp_path / "m.db")
    old = shutil.copy(tmp_path / "m.db", tmp_path / "old.db")
    monkeypatch.setattr(schema, "FORMAT", schema.FORMAT + 1)
    monkeypatch.setattr(schema, "STEPS", NEXT)
    for _ in range(2):  # the second time there is nothing to do
        with Clew(tmp_path / "m.db", recipes=["verbatim"]) as clew:
            assert everything(clew) == texts and clew.log.verify() and not clew.database.readonly
            columns = [row[1] for row in clew.database.reader().execute("PRAGMA table_info(fault)")]
            assert columns[-1] == "note" and clew.database.reader().execute("PRAGMA user_version").get == schema.FORMAT
    monkeypatch.setattr(schema, "STEPS", {schema.FORMAT: ("ALTER TABLE fault ADD COLUMN note TEXT; SELECT nothing", "")})
    with pytest.raises(apsw.SQLError):
        Clew(old)
    monkeypatch.undo()
    with Clew(old, recipes=["verbatim"]) as clew:  # a step that fails leaves the file as it was
        assert everything(clew) == texts and not clew.database.readonly


NOBODY = """
import os, sys
from clew import Clew, ClewError
with Clew(":memory:", recipes=["verbatim"]) as warm:  # whoever has no rights may not even read the interpreter's files
    warm.record("harbour", user="u1")
    warm.recall("harbour", user="u1")
os.setgid(65534); os.setuid(65534)
try:
    with Clew(sys.argv[1], recipes=["verbatim"]) as clew:
        print("head", clew.log.head(), "readonly", clew.database.readonly, "found", len(clew.recall("harbour", user="u1")))
        try:
            clew.record("more", user="u1")
        except ClewError as error:
            print("record:", type(error).__name__, error)
except ClewError as error:
    print("open:", type(error).__name__, error)
"""


def as_nobody(path: Path) -> str:
    """What a process without rights gets to see: the tests may run as root, whom no mode stops."""
    if os.getuid() != 0:
        pytest.skip("dropping rights needs root; without it the modes below stop nobody but us")
    done = subprocess.run(
        [sys.executable, "-c", NOBODY, str(path)], env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def place() -> Any:
    """A folder that everybody can enter, unlike `tmp_path`."""
    path = Path(tempfile.mkdtemp(prefix="clew-place-"))
    path.chmod(0o755)
    yield path
    path.chmod(0o755)
    shutil.rmtree(path)


@pytest.mark.parametrize("folder_mode", [0o555, 0o777])
def test_a_file_that_may_only_be_read_is_read_and_says_so_when_written(place: Path, folder_mode: int) -> None:
    grown(place / "m.db")
    (place / "m.db").chmod(0o444)
    place.chmod(folder_mode)
    out = as_nobody(place / "m.db")
    assert "head 60 readonly True found 10" in out
    assert "record: Denied" in out
    assert "writable" in out


def test_a_folder_that_may_not_be_written_holds_no_new_file(place: Path) -> None:
    place.chmod(0o555)
    out = as_nobody(place / "m.db")
    assert out.startswith("open: Denied")
    assert "writable" in out


class FullFile(apsw.VFSFile):
    """A file on a disk that is full from some moment on."""

    def xWrite(self, data: bytes, offset: int) -> None:
        if FullDisk.full:
            raise apsw.FullError("no space")
        super().xWrite(data, offset)


class FullDisk(apsw.VFS):
    """The usual disk, with an end."""

    full = False

    def xOpen(self, name: object, flags: list[int]) -> apsw.VFSFile:
        return FullFile("", name, flags)


def test_a_full_disk_stores_nothing_of_the_call_and_all_that_was_acknowledged_stays(tmp_path: Path) -> None:
    disk = FullDisk("full", "")
    database = Database(tmp_path / "m.db", vfs="full")
    log = Log(database)
    for i in range(5):
        log.append(Entry("message", f"line {i}", Scope("ana"), None, 5, None))
    FullDisk.full = True
    for _ in range(3):
        with pytest.raises(StorageFull, match="space"):
            log.append(Entry("message", "too much", Scope("new name"), None, 5, None))
    assert len(list(log.read())) == 5
    FullDisk.full = False
    log.append(Entry("message", "room again", Scope("new name"), None, 5, None))
    assert [e.text for e in log.read()][-2:] == ["line 4", "room again"]
    assert log.verify()
    database.close()
    disk.unregister()


LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from clew import Clew, StorageFull
clew = Clew(sys.argv[1], recipes=["verbatim"])
clew.record("before", user="ana")
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
stored = 1
try:
    for i in range(1000):
        clew.record(f"line {i} " + "harbour " * 500, user="ana", key=f"k{i}")
        stored += 1
        clew.catch_up()
except StorageFull as error:
    print("full", stored, error)
print("still reads", len(list(clew.log.read())), len(clew.recall("harbour", user="ana")) > 0)
"""


def test_a_file_that_may_not_grow_any_more_is_full_and_still_reads(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path / "m.db")], env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.startswith("full"), done.stdout + done.stderr
    assert "still reads" in done.stdout, done.stdout + done.stderr
    stored = int(done.stdout.split()[1])
    with Clew(tmp_path / "m.db", recipes=["verbatim"]) as clew:
        assert clew.log.verify()
        assert stored <= clew.log.head() <= stored + 1
        clew.catch_up()
        live = list(clew._views.serving("verbatim").view.dump())
        clew.rebuild("verbatim")
        assert live == list(clew._views.serving("verbatim").view.dump())


EXPORTS = {
    "text": "Dear diary\n",
    "a list": "[1, 2]\n",
    "no table": '{"a": 1}\n',
    "an unknown table": '{"table": "sqlite_schema", "a": 1}\n',
    "half a row": '{"table": "event", "seq": 1}\n',
    "not UTF-8": b"\xff\xfe{}\n",
    "a wrong type": '{"table": "name", "id": "x", "text": 1}\n',
    "a row twice": '{"table": "name", "id": 1, "text": "a"}\n' * 2,
    "bad hex": '{"table": "meta", "key": "secret", "value": {"hex": "zz"}}\n',
    "no hex": '{"table": "meta", "key": "secret", "value": {"a": 1}}\n',
    "a number for a name of a table": '{"table": 7}\n',
    "nothing": "",
    "only a name": '{"table": "name", "id": 1, "text": "a"}\n',
}


@pytest.mark.parametrize("what", list(EXPORTS))
def test_what_is_no_export_is_refused_and_leaves_the_file_as_it_was(memory: Open, tmp_path: Path, what: str) -> None:
    path = tmp_path / "log.jsonl"
    content = EXPORTS[what]
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    clew = memory()
    with pytest.raises((UsageError, LogCorrupt)):
        clew.load(path)
    assert clew.log.head() == 0
    clew.record("goes on", user="ana")
    assert clew.log.verify()
    with contextlib.suppress(UsageError, LogCorrupt):
        clew.load(path)  # into a log that has begun: nothing of it is an event
    assert clew.log.head() == 1


def test_an_export_that_lost_a_line_is_refused(memory: Open, tmp_path: Path) -> None:
    one = memory()
    one.record([f"line {i}" for i in range(5)], user="ana")
    path = tmp_path / "log.jsonl"
    one.export(path)
    lines = path.read_text().splitlines(keepends=True)
    for cut in range(len(lines)):
        if json.loads(lines[cut])["table"] in ("event", "name") or "secret" not in lines[cut]:
            (tmp_path / "cut.jsonl").write_text("".join(lines[:cut] + lines[cut + 1 :]))
            two = memory(f"two{cut}.db")
            with pytest.raises((LogCorrupt, UsageError)):
                two.load(tmp_path / "cut.jsonl")
            two.close()


def test_two_clews_of_one_version_share_a_file_and_one_may_close_first(memory: Open) -> None:
    one, two = memory(), memory()
    one.record("first", user="ana")
    two.record("second", user="ana")
    one.close()
    with pytest.raises(UsageError, match="closed"):
        one.record("third")
    with pytest.raises(UsageError, match="closed"):
        one.recall("first", user="ana")
    two.record("third", user="ana")
    assert len(two.recall("first second third", user="ana")) == 3
    one.close()


def test_a_file_removed_while_open_is_said_to_be_gone(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    clew = Clew(tmp_path / "d" / "m.db", recipes=["verbatim"])
    clew.record("x", user="ana")
    shutil.rmtree(tmp_path / "d")
    with pytest.raises(ClewError):
        clew.record("y", user="ana")
        raise UsageError("a record into a file that is gone was acknowledged")
    with contextlib.suppress(ClewError):
        clew.close()

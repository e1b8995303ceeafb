"""Encryption at rest: no byte of any file can be read without the key, a wrong key says so, and a destroyed key ends every copy."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import apsw
import pytest
from typer.testing import CliRunner

from clew import Clew, Denied, LogCorrupt, MissingExtra, UsageError
from clew.cli import app
from clew.storage import archive
from clew.storage.log import Log
from clew.storage.sqlite import HEADER, Database

PLAIN = not hasattr(apsw, "mc_version")
encrypted = pytest.mark.skipif(PLAIN, reason="needs the extra [encrypted]: the `apsw` here is the plain build")
if not PLAIN:
    pytest.importorskip("cryptography", reason="needs the extra [encrypted]: pip install 'clew[encrypted]'")

WHOLE = bytes(range(32))
WORDS = ("zanzibar", "quetzal", "ann-of-the-test", "violet")
TURNS = [f"zanzibar-{i} has a quetzal that likes violet {i}" for i in range(120)]


def filled(path: Path, **options: object) -> Clew:
    """A memory with some turns of one user in it, folded."""
    c = Clew(path, recipes=["verbatim"], **options)  # type: ignore[arg-type]
    c.record([{"role": "user", "content": text} for text in TURNS], user="ann-of-the-test")
    c.catch_up()
    return c


def readable(folder: Path) -> list[str]:
    """The files of a folder that hold one of the words, or begin as SQLite files do."""
    found = []
    for path in folder.rglob("*"):
        data = path.read_bytes().lower() if path.is_file() else b""
        wide = [w.encode("utf-16-le") for w in WORDS]
        if data.startswith(HEADER.lower()) or any(w in data for w in [*(w.encode() for w in WORDS), *wide]):
            found.append(path.name)
    return found


@pytest.mark.skipif(not PLAIN, reason="the encrypting build is there")
def test_without_the_library_a_key_is_refused_before_a_file_is_made(tmp_path: Path) -> None:
    with pytest.raises(MissingExtra, match="apsw-sqlite3mc"):
        Database(tmp_path / "m.db", key="secret")
    assert not list(tmp_path.iterdir())


def test_a_plain_file_is_not_opened_with_a_key_nor_changed_by_trying(tmp_path: Path) -> None:
    Database(tmp_path / "m.db").close()
    before = (tmp_path / "m.db").read_bytes()
    with pytest.raises(UsageError, match="not encrypted"):
        Database(tmp_path / "m.db", key="secret")
    assert (tmp_path / "m.db").read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["m.db"]


def test_an_encrypted_file_opened_without_its_key_says_what_it_needs(tmp_path: Path) -> None:
    (tmp_path / "m.db").write_bytes(random.Random(1).randbytes(8192))
    with pytest.raises(LogCorrupt, match="key="):
        Database(tmp_path / "m.db")
    (tmp_path / "m.db.key").write_text("{}")
    with pytest.raises(Denied, match=r"is encrypted, and .*m\.db\.key"):
        Database(tmp_path / "m.db")


def test_an_unencrypted_file_cannot_be_shredded(tmp_path: Path) -> None:
    database = Database(tmp_path / "m.db")
    with pytest.raises(UsageError, match="no key to destroy"):
        database.shred()
    database.close()


@encrypted
@pytest.mark.parametrize("key", ["a passphrase", WHOLE, "ключ 钥匙".encode()])
def test_no_byte_of_any_file_can_be_read_while_it_is_open_or_closed(tmp_path: Path, key: bytes | str) -> None:
    c = filled(tmp_path / "m.db", key=key)
    assert (tmp_path / "m.db-wal").stat().st_size > 0, "the write-ahead log is looked at too"
    assert readable(tmp_path) == []
    c.backup(tmp_path / "copy.db")
    c.close()
    assert readable(tmp_path) == [] and (tmp_path / "m.db").stat().st_size > 50_000
    again = Clew(tmp_path / "m.db", recipes=["verbatim"], key=key)
    assert again.recall("quetzal", user="ann-of-the-test", k=3) and again.log.verify() is True
    again.close()
    assert not PLAIN and readable(tmp_path) == []
    filled(tmp_path / "plain.db").close()
    assert readable(tmp_path) == ["plain.db"], "the check finds what is there to be found"


@encrypted
def test_a_wrong_key_or_a_wrong_key_file_is_denied_and_changes_nothing(tmp_path: Path) -> None:
    filled(tmp_path / "m.db", key="right").close()
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    for key in ("wrong", WHOLE, b"right "):
        with pytest.raises(Denied, match="does not fit"):
            Clew(tmp_path / "m.db", key=key)
    with pytest.raises(Denied, match="is encrypted"):
        Clew(tmp_path / "m.db")
    with pytest.raises(UsageError, match="empty"):
        Clew(tmp_path / "m.db", key="")
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before
    Database(tmp_path / "other.db", key=WHOLE).close()
    with pytest.raises(Denied, match="bytes; a passphrase"):
        Database(tmp_path / "other.db", key="right")
    with pytest.raises(Denied, match="another file's"):
        Database(tmp_path / "m.db", key=WHOLE, keyfile=tmp_path / "other.db.key")
    with pytest.raises(Denied, match=r"no key file .*keyfile="):
        Database(tmp_path / "m.db", key="right", keyfile=tmp_path / "absent.key")


@encrypted
def test_a_key_file_that_was_changed_does_not_open(tmp_path: Path) -> None:
    filled(tmp_path / "m.db", key="right").close()
    place = tmp_path / "m.db.key"
    whole = json.loads(place.read_text())
    assert whole["kdf"] == "scrypt" and "right" not in place.read_text()
    for field in ("salt", "nonce", "wrapped", "name"):
        bent = dict(whole)
        bent[field] = bent[field][:-1] + ("0" if bent[field][-1] != "0" else "1")
        place.write_text(json.dumps(bent))
        with pytest.raises(Denied):
            Database(tmp_path / "m.db", key="right")
    for text in ("", "{", "[]", "noise\x00", json.dumps({"clew": "key"})):
        place.write_text(text)
        with pytest.raises(Denied, match=r"no key file of Clew's|does not fit"):
            Database(tmp_path / "m.db", key="right")
    place.write_text(json.dumps(whole))
    Database(tmp_path / "m.db", key="right").close()


@encrypted
def test_a_passphrase_may_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEW_TEST_KEY", "from outside")
    Database(tmp_path / "m.db", key="env:CLEW_TEST_KEY").close()
    Database(tmp_path / "m.db", key="from outside").close()
    monkeypatch.delenv("CLEW_TEST_KEY")
    with pytest.raises(UsageError, match="CLEW_TEST_KEY"):
        Database(tmp_path / "m.db", key="env:CLEW_TEST_KEY")


@encrypted
def test_the_command_line_takes_the_key_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*words: str, status: int = 0) -> str:
        found = CliRunner().invoke(app, [*words, "--db", str(tmp_path / "m.db")])
        assert found.exit_code == status, found.output
        return found.output

    monkeypatch.setenv("CLEW_KEY", "a long enough passphrase")
    run("record", TURNS[0], "--user", "ana")
    assert not readable(tmp_path)
    assert TURNS[0] in run("recall", "quetzal", "--user", "ana")
    assert "there are no keys" in run("keys", "list")
    Path(f"{tmp_path / 'm.db'}.key").rename(tmp_path / "elsewhere")
    monkeypatch.setenv("CLEW_KEYFILE", str(tmp_path / "elsewhere"))
    assert TURNS[0] in run("recall", "quetzal", "--user", "ana")
    monkeypatch.delenv("CLEW_KEYFILE")
    (tmp_path / "elsewhere").rename(f"{tmp_path / 'm.db'}.key")
    monkeypatch.setenv("CLEW_KEY", "another passphrase")
    assert "m.db.key" in run("recall", "quetzal", "--user", "ana", status=Denied.exit_code)
    monkeypatch.delenv("CLEW_KEY")
    assert "on the command line CLEW_KEY" in run("recall", "quetzal", "--user", "ana", status=Denied.exit_code)


@encrypted
def test_a_changed_byte_is_noticed(tmp_path: Path) -> None:
    filled(tmp_path / "m.db", key=WHOLE).close()
    data = bytearray((tmp_path / "m.db").read_bytes())
    for place in range(4096 + 100, len(data), 4096):
        data[place] ^= 1
    (tmp_path / "m.db").write_bytes(data)
    with pytest.raises((LogCorrupt, Denied)):
        Log(Database(tmp_path / "m.db", key=WHOLE)).verify()


@encrypted
def test_a_backup_opens_with_the_originals_key_and_an_export_loads_into_a_plain_file_and_back(tmp_path: Path) -> None:
    with filled(tmp_path / "m.db", key="right") as c:
        c.backup(tmp_path / "copy.db")
        count = c.export(tmp_path / "out.jsonl")
        head = c.log.head()
    with pytest.raises(Denied, match="keyfile="):
        Clew(tmp_path / "copy.db", key="right")
    with Clew(tmp_path / "copy.db", recipes=["verbatim"], key="right", keyfile=tmp_path / "m.db.key") as copy:
        assert copy.log.head() == head and copy.recall("quetzal", user="ann-of-the-test", k=3)
    assert "zanzibar" in (tmp_path / "out.jsonl").read_text(), "an export is plain, and its documentation says so"
    with Clew(tmp_path / "plain.db", recipes=["verbatim"]) as plain:
        plain.load(tmp_path / "out.jsonl")
        assert plain.log.head() == head
    with Clew(tmp_path / "new.db", recipes=["verbatim"], key="another") as new:
        new.load(tmp_path / "out.jsonl")
        assert new.log.head() == head and new.log.verify() is True
        assert new.export(tmp_path / "again.jsonl") == count
    assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "out.jsonl").read_bytes()


@encrypted
def test_forgetting_reaches_an_encrypted_file_and_its_backup_and_still_finds_a_planted_residue(tmp_path: Path) -> None:
    with filled(tmp_path / "m.db", key=WHOLE) as c:
        c.record("ordinary words about trains", user="bob")
        c.catch_up()
        c.backup(tmp_path / "copy.db")
        receipt = c.forget(user="ann-of-the-test")
        assert receipt.state == "erased" and receipt.scanned["bytes"] > 10_000, receipt.why
        assert c.verify_forgotten(receipt, probes=["zanzibar", "quetzal"]) == []
        assert c.recall("trains", user="bob") and not c.recall("quetzal", user="ann-of-the-test")
        with c.database.beside(tmp_path / "copy.db").write() as connection:
            connection.execute("CREATE TABLE planted(x)")
            connection.execute("INSERT INTO planted VALUES ('zanzibar-7 has a quetzal')")
        left = c.verify_forgotten(receipt, probes=["zanzibar"])
        assert left and "copy.db" in left[0], "encryption does not hide a residue from the search"


@encrypted
def test_a_shredded_key_ends_the_file_and_every_copy_of_it_at_once(tmp_path: Path) -> None:
    c = filled(tmp_path / "m.db", key="right")
    c.backup(tmp_path / "backup.db")
    shutil.copy(tmp_path / "m.db", tmp_path / "stolen.db")
    name = json.loads((tmp_path / "m.db.key").read_text())["name"]
    assert c.shred() == name, "the receipt names the key that is gone"
    assert not (tmp_path / "m.db.key").exists()
    with pytest.raises(UsageError, match="closed"):
        c.recall("quetzal", user="ann-of-the-test")
    for path in ("m.db", "backup.db", "stolen.db"):
        for keyfile in (None, tmp_path / "m.db.key"):
            with pytest.raises(Denied, match="shredded"):
                Clew(tmp_path / path, key="right", keyfile=keyfile)
        with pytest.raises(LogCorrupt):
            Clew(tmp_path / path)
    assert readable(tmp_path) == []


@encrypted
def test_two_that_make_the_same_file_at_once_share_one_key(tmp_path: Path) -> None:
    code = "import sys\nfrom clew.storage.sqlite import Database\nfrom clew.storage.log import Entry, Log\nfrom clew.types import Scope\n"
    code += "log = Log(Database(sys.argv[1], key='right'))\nlog.append(Entry('message', {'content': 'hi'}, Scope('u'), None, 2, None))\n"
    env = {**os.environ, "PYTHONPATH": ":".join(sys.path)}
    running = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "m.db")], env=env) for _ in range(3)]
    assert [p.wait(60) for p in running] == [0, 0, 0]
    log = Log(Database(tmp_path / "m.db", key="right"))
    assert log.head() == 3 and log.verify() is True
    assert sorted(p.name for p in tmp_path.iterdir() if "key" in p.name) == ["m.db.key"], "no draft is left"
    log.database.close()


@encrypted
def test_kills_while_writing_lose_nothing_of_an_encrypted_file(tmp_path: Path) -> None:
    code = "import sys\nfrom clew import Clew\nc = Clew(sys.argv[1], recipes=['verbatim'], key=bytes(range(32)))\nn = c.log.head()\n"
    code += "while True:\n    c.record(f'note {n} zanzibar', user='u', key=f'k{n}')\n    print(n, flush=True)\n    n += 1\n"
    code += "    if n % 5 == 0:\n        c.catch_up()\n"
    env = {**os.environ, "PYTHONPATH": ":".join(sys.path)}
    acknowledged: list[int] = []
    for i in range(4):
        child = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "m.db")], env=env, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        for line in child.stdout:
            acknowledged.append(int(line))
            if len(acknowledged) >= (i + 1) * 12 + i:
                break
        time.sleep(0.003 * i)
        child.send_signal(signal.SIGKILL)
        acknowledged += [int(line) for line in child.stdout if line.endswith("\n")]
        child.wait()
        child.stdout.close()
        assert readable(tmp_path) == []
    with Clew(tmp_path / "m.db", recipes=["verbatim"], key=WHOLE) as c:
        keys = [e.key for e in c.log.read() if e.key]
        assert {f"k{n}" for n in acknowledged} <= set(keys) and len(keys) == len(set(keys))
        assert c.log.verify() is True and c.catch_up() == {"verbatim": "folded"}


@encrypted
def test_an_encrypted_file_that_cannot_be_written_is_still_read(tmp_path: Path) -> None:
    filled(tmp_path / "m.db", key=WHOLE).close()
    database = Database(tmp_path / "m.db", key=WHOLE)
    assert archive.backups(database) == []
    with database.readable(tmp_path / "m.db") as file:
        data = file.read()
    assert data.startswith(HEADER) and b"zanzibar-7" in data, "whoever has the key can look for words in it"
    database.close()
    (tmp_path / "m.db").chmod(0o400)
    if os.access(tmp_path / "m.db", os.W_OK):
        return  # root may write to anything
    locked = Database(tmp_path / "m.db", key=WHOLE)
    assert locked.readonly and Log(locked).head() == len(TURNS)
    locked.close()

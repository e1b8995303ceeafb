"""Notes that are edited and imported again: what a file has no more is withdrawn, and nothing outside of what was imported is touched."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from clew import Clew, UsageError
from clew.cli import app
from clew.readers import Left, imported, notes, read


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    folder = tmp_path / "vault"
    (folder / "home").mkdir(parents=True)
    write(folder / "home" / "garden.md", "The garden lies behind the shed.\n# Beds\nPeas in bed one.\n# Tools\nThe spade is blue.")
    write(folder / "home" / "boat.md", "The boat lies in Faro.")
    write(folder / "todo.txt", "Buy milk\n\nCall Ben")
    return folder


def write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def take(c: Clew, path: Path, user: str | None = "ana", left: Any = lambda _: None) -> tuple[int, int]:
    return imported(c, read(path, user=user, left=left), path.name, user, False, left=left)


def live(c: Clew, user: str | None = "ana") -> set[str]:
    return {m.text.rpartition("\n")[2] for m in c.memories(user=user, kind="turn") if not m.retired and m.status == "active"}


ALL = {"The garden lies behind the shed.", "Peas in bed one.", "The spade is blue.", "The boat lies in Faro.", "Buy milk", "Call Ben"}


def test_an_edited_section_replaces_what_it_said_before(tmp_path: Path, vault: Path) -> None:
    with Clew(tmp_path / "m.db") as c:
        assert take(c, vault) == (6, 6) and take(c, vault) == (6, 0) and live(c) == ALL
        head = c.log.head()
        write(vault / "home" / "garden.md", "The garden lies behind the shed.\n# Beds\nBeans in bed one.\n# Tools\nThe spade is blue.")
        assert take(c, vault) == (6, 1)
        assert live(c) == ALL - {"Peas in bed one."} | {"Beans in bed one."} and c.log.head() == head + 2
        [edit] = [e for e in c.log.read() if e.kind == "edit"]
        assert edit.body["reason"] == "its file has other words now"
        assert not [h for h in c.recall("What grows in bed one?", user="ana") if "Peas" in h.memory.text]
        assert take(c, vault) == (6, 0) and c.log.head() == head + 2 and c.log.verify() is True


def test_words_that_come_back_into_a_note_hold_again(tmp_path: Path, vault: Path) -> None:
    with Clew(tmp_path / "m.db") as c:
        for text in ("It is red.", "It is blue.", "It is red.", "It is blue.", "It is blue."):
            write(vault / "home" / "boat.md", text)
            take(c, vault)
            assert live(c) == ALL - {"The boat lies in Faro."} | {text}


def test_a_section_a_file_and_a_folder_that_are_gone_are_withdrawn(tmp_path: Path, vault: Path) -> None:
    with Clew(tmp_path / "m.db") as c:
        take(c, vault)
        write(vault / "home" / "garden.md", "The garden lies behind the shed.\n# Tools\nThe spade is blue.")
        write(vault / "todo.txt", "")
        take(c, vault)
        assert live(c) == ALL - {"Peas in bed one.", "Buy milk", "Call Ben"}
        (vault / "home" / "boat.md").unlink()
        take(c, vault)
        assert live(c) == {"The garden lies behind the shed.", "The spade is blue."}
        (vault / "home").rename(tmp_path / "elsewhere")
        take(c, vault)
        assert live(c) == set()


def test_a_note_that_was_renamed_is_the_new_file_alone(tmp_path: Path, vault: Path) -> None:
    with Clew(tmp_path / "m.db") as c:
        take(c, vault)
        (vault / "home" / "boat.md").rename(vault / "ship.md")
        take(c, vault)
        [boat] = [m for m in c.memories(user="ana", kind="turn") if "boat lies" in m.text and not m.retired]
        assert live(c) == ALL and c.thread(boat.id)[0].event.body["data"]["file"] == "ship.md"


def test_a_subfolder_or_a_file_alone_brings_what_is_new_in_it_and_touches_nothing_else(tmp_path: Path, vault: Path) -> None:
    with Clew(tmp_path / "m.db") as c:
        take(c, vault)
        write(vault / "home" / "boat.md", "The boat lies in Olhao.")
        write(vault / "todo.txt", "Buy bread")
        assert take(c, vault / "home") == (4, 1)
        assert live(c) == ALL - {"The boat lies in Faro."} | {"The boat lies in Olhao."}
        (vault / "home" / "garden.md").unlink()
        assert take(c, vault / "todo.txt") == (1, 1)
        assert live(c) == {
            "The garden lies behind the shed.",
            "Peas in bed one.",
            "The spade is blue.",
            "The boat lies in Olhao.",
            "Buy bread",
        }


def test_another_folder_of_the_same_names_is_another_source(tmp_path: Path, vault: Path) -> None:
    other = tmp_path / "other" / "vault"
    (other / "home").mkdir(parents=True)
    write(other / "home" / "boat.md", "The boat lies in Tavira.")
    with Clew(tmp_path / "m.db") as c:
        take(c, vault)
        take(c, other)
        assert live(c) == ALL | {"The boat lies in Tavira."}


def test_one_users_import_leaves_anothers_notes_alone(tmp_path: Path, vault: Path) -> None:
    with Clew(tmp_path / "m.db") as c:
        for user in ("ana", "bob", None):
            take(c, vault, user)
        write(vault / "todo.txt", "Call Ben")
        take(c, vault, "bob")
        assert (
            live(c) >= ALL
            and "Buy milk" in live(c, None)
            and "Buy milk" not in {m.text for m in c.memories(user="bob", kind="turn") if m.scope.user == "bob" and not m.retired}
        )


@pytest.mark.parametrize("how", ["retract", "forget"])
def test_what_the_owner_withdrew_or_forgot_does_not_come_back(tmp_path: Path, vault: Path, how: str) -> None:
    with Clew(tmp_path / "m.db") as c:
        take(c, vault)
        [seq] = [e.seq for e in c.log.read() if e.text == "Buy milk"]
        c.retract([seq]) if how == "retract" else c.forget(events=[seq])
        write(vault / "home" / "boat.md", "The boat lies in Olhao.")
        for path in (vault, vault / "todo.txt", tmp_path):
            take(c, path)
            assert live(c) == ALL - {"Buy milk", "The boat lies in Faro."} | {"The boat lies in Olhao."}


def test_a_file_that_cannot_be_read_keeps_what_it_said(tmp_path: Path, vault: Path) -> None:
    left: list[Left] = []
    with Clew(tmp_path / "m.db") as c:
        take(c, vault)
        (vault / "home" / "boat.md").write_bytes(b"caf\xe9")
        (vault / "todo.txt").unlink()
        (vault / "todo.txt").symlink_to(vault / "home" / "garden.md")
        take(c, vault, left=left.append)
        assert live(c) == ALL and {one.where for one in left} == {"home/boat.md", "todo.txt"}
        with pytest.raises(UsageError, match="not UTF-8"):
            imported(c, read(vault, user="ana"), "vault", "ana", False)
        assert live(c) == ALL


def test_what_a_folder_hides_is_not_taken_for_gone(tmp_path: Path) -> None:
    reading = notes.Reading(iter(()))
    (tmp_path / "a").mkdir()
    (tmp_path / "b.md").write_text("x", encoding="utf-8")
    reading.survey(tmp_path)
    base = tmp_path.resolve()
    assert not reading.gone(notes.placed(base / "b.md")) and reading.gone(notes.placed(base / "a" / "c.md"))
    reading.hidden = (notes.placed(base / "a"),)
    assert not reading.gone(notes.placed(base / "a" / "c.md")) and not reading.gone(notes.placed(base.parent / "c.md"))


def test_a_conclusion_from_a_note_that_was_edited_is_in_doubt(tmp_path: Path, vault: Path) -> None:
    with Clew(tmp_path / "m.db") as c:
        take(c, vault)
        [boat] = [m for m in c.memories(user="ana", kind="turn") if "Faro" in m.text]
        c.record("We leave from Faro.", user="ana", trust="assistant", basis=[boat.id])
        write(vault / "home" / "boat.md", "The boat lies in Olhao.")
        take(c, vault)
        assert [m.status for m in c.memories(user="ana", kind="turn") if m.text == "We leave from Faro."] != ["active"]


def test_a_note_says_when_it_was_dated_and_what_it_is_tagged_anew(tmp_path: Path) -> None:
    path = tmp_path / "day.md"
    with Clew(tmp_path / "m.db") as c:
        for front in ("date: 2026-03-01T09:00:00Z", "date: 2026-03-02T09:00:00Z", "date: 2026-03-02T09:00:00Z\ntags: [sea]"):
            write(path, f"---\n{front}\n---\nThe tide was low.")
            assert take(c, path) == (1, 1)
        [note] = [m for m in c.memories(user="ana", kind="turn") if not m.retired]
        event = c.thread(note.id)[0].event
        assert (event.at.day, event.body["data"]["tags"]) == (2, ["sea"])


def test_the_command_line_tells_how_much_was_withdrawn(tmp_path: Path, vault: Path) -> None:
    runner = CliRunner()
    words = ["import", str(vault), "--db", str(tmp_path / "m.db"), "-u", "ana"]
    assert "6 messages read, 6 new" in runner.invoke(app, words).stdout
    (vault / "todo.txt").unlink()
    assert "4 messages read, 0 new, 4 there already, 2 withdrawn" in runner.invoke(app, words).stdout
    (vault / "home" / "boat.md").unlink()
    found = json.loads(runner.invoke(app, [*words, "--json"]).stdout)
    assert (found["messages"], found["withdrawn"]) == (3, 1) and "ended" not in found

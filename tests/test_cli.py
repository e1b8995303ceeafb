"""The command line says what the door does: plainly to people, as JSON to programs, with an exit status to scripts."""

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from clew import Clew, errors
from clew.cli import app
from clew.cli.terminal import Screen
from clew.recipe import names

WORDS = [
    "record",
    "import",
    "recall",
    "ask",
    "prompt",
    "thread",
    "history",
    "memories",
    "forget",
    "verify",
    "rebuild",
    "generations",
    "promote",
    "export",
    "load",
    "backup",
    "status",
    "recipes",
    "worker",
    "demo",
]
Run = Callable[..., Any]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs `clew ARGUMENTS` on `tmp_path/m.db`; with `status` given, checks the exit status."""

    def go(*arguments: str, status: int = 0, stdin: str | None = None) -> Any:
        result = CliRunner().invoke(app, list(arguments), input=stdin, env={"CLEW_DB": str(tmp_path / "m.db"), "COLUMNS": "200"})
        assert result.exit_code == status, (result.output, result.stderr, result.exception)
        return result

    return go


@pytest.fixture
def parsed(run: Run) -> Run:
    """Runs a word with --json and reads what it prints."""
    return lambda *arguments, **options: json.loads(run(*arguments, "--json", **options).stdout)


@pytest.fixture
def spoken(run: Run) -> None:
    """Three things said to two people's memories."""
    for text, user, actor, minute in (
        ("Dana parks the van behind the bakery", "ana", "Dana", 1),
        ("The van needs new brakes", "ana", "Eli", 2),
        ("I keep bees on the roof", "bob", "Bob", 3),
    ):
        run("record", text, "--user", user, "--actor", actor, "--at", f"2026-03-01T10:0{minute}:00+01:00", "--key", f"k{minute}")


def test_every_word_explains_itself(run: Run) -> None:
    for word in WORDS:
        assert "Usage" in run(word, "--help").stdout
    assert "--version" in run("--help").stdout


@pytest.mark.usefixtures("spoken")
def test_recall_prints_rank_score_time_speaker_and_words(run: Run) -> None:
    first, words, *_ = run("recall", "where is the van parked?", "-u", "ana").stdout.splitlines()
    assert first.startswith(" 1. ") and "Dana" in first and "2026-03-01 09:01Z" in first
    assert words.strip() == "Dana parks the van behind the bakery"


@pytest.mark.usefixtures("spoken")
def test_recall_as_json_holds_what_the_door_gives(parsed: Run) -> None:
    [hit, *_] = parsed("recall", "where is the van parked?", "-u", "ana", "-k", "1")
    assert hit["rank"] == 1 and hit["score"] > 0
    assert hit["memory"]["text"] == "Dana parks the van behind the bakery"
    assert hit["memory"]["since"] == "2026-03-01T09:01:00+00:00"


@pytest.mark.usefixtures("spoken")
def test_one_user_is_never_shown_anothers_words(run: Run) -> None:
    assert "bees" not in run("recall", "bees on the roof", "-u", "ana").stdout
    assert "bees" in run("recall", "bees on the roof", "-u", "bob").stdout


@pytest.mark.usefixtures("spoken")
def test_a_thread_shows_the_words_among_what_was_said_around_them(run: Run, parsed: Run) -> None:
    id = parsed("recall", "brakes", "-u", "ana", "-k", "1")[0]["memory"]["id"]
    lines = run("thread", id).stdout.splitlines()
    assert lines[0].startswith("  2026-03-01 10:01+01:00  Dana") and "bakery" in lines[1]
    assert lines[2].startswith("> 2026-03-01 10:02+01:00  Eli") and "brakes" in lines[3]
    assert "bees" not in "".join(lines)
    assert parsed("thread", id)[0]["quote"]["text"] == "The van needs new brakes"
    assert "The van needs new brakes" in run("history", id).stdout


@pytest.mark.usefixtures("spoken")
def test_a_prompt_is_a_fenced_block(run: Run) -> None:
    block = run("prompt", "the van", "-u", "ana").stdout
    assert block.startswith("<memory") and block.rstrip().endswith("</memory>") and "Dana" in block


@pytest.mark.usefixtures("spoken")
def test_ask_says_so_where_memory_supports_no_answer(run: Run, parsed: Run) -> None:
    assert "Nothing in memory supports an answer" in run("ask", "who won the chess tournament in Reykjavik?", "-u", "ana").stdout
    assert parsed("ask", "who won the chess tournament in Reykjavik?", "-u", "ana")["text"] is None


@pytest.mark.usefixtures("spoken")
def test_the_same_key_twice_stores_nothing(parsed: Run) -> None:
    again = parsed("record", "I keep bees on the roof", "-u", "bob", "--actor", "Bob", "--at", "2026-03-01T10:03:00+01:00", "--key", "k3")
    assert again["stages"]["log"] == "already"


def test_record_reads_standard_input(run: Run, parsed: Run) -> None:
    run("record", "-", "-u", "ana", stdin="the ferry leaves at nine\n")
    assert parsed("memories", "-u", "ana")[0]["text"].strip() == "the ferry leaves at nine"


def test_a_second_import_does_nothing(parsed: Run, tmp_path: Path) -> None:
    chat = tmp_path / "chat.jsonl"
    lines = [{"content": f"line {n} of the talk", "actor": "Ana", "at": f"2026-03-01T10:00:{n:02d}+00:00"} for n in range(40)]
    chat.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    assert parsed("import", str(chat), "-u", "ana", "--as-lived")["new"] == 40
    assert parsed("import", str(chat), "-u", "ana", "--as-lived") | {"views": {}} == {
        "path": str(chat),
        "messages": 40,
        "new": 0,
        "already": 40,
        "views": {},
    }
    assert len(parsed("recall", "talk", "-u", "ana", "-k", "50", "--as-of", "2026-03-01T10:00:09+00:00")) == 10


def test_an_import_of_times_without_a_zone_asks_for_one(run: Run, parsed: Run, tmp_path: Path) -> None:
    chat = tmp_path / "chat.jsonl"
    chat.write_text(json.dumps({"content": "the heron is back", "at": "2026-03-01T10:00:00"}) + "\n", encoding="utf-8")
    assert "zone" in run("import", str(chat), status=errors.UsageError.exit_code).stderr
    assert parsed("import", str(chat), "--tz", "+02:00")["new"] == 1
    assert parsed("memories")[0]["since"] == "2026-03-01T08:00:00+00:00"


def test_a_git_history_is_imported_commit_by_commit(parsed: Run, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    author = {
        "GIT_AUTHOR_NAME": "Ana",
        "GIT_AUTHOR_EMAIL": "a@example.org",
        "GIT_COMMITTER_NAME": "Ana",
        "GIT_COMMITTER_EMAIL": "a@example.org",
    }
    clone.mkdir()
    for command in (
        ["init", "-q"],
        ["commit", "-q", "--allow-empty", "-m", "The parser reads tabs"],
        ["commit", "-q", "--allow-empty", "-m", "Fewer moons"],
    ):
        subprocess.run(["git", *command], cwd=clone, check=True, env={**os.environ, **author})
    assert parsed("import", str(clone), "--git", "-u", "git", "--as-lived")["new"] == 2
    assert "parser" in parsed("recall", "what does the parser read?", "-u", "git", "-k", "1")[0]["memory"]["text"]


@pytest.mark.usefixtures("spoken")
def test_forgetting_leaves_a_receipt_that_can_be_checked(run: Run, parsed: Run, tmp_path: Path) -> None:
    receipt = tmp_path / "receipt.json"
    assert parsed("forget", "-u", "bob", "--dry-run")["state"] == "dry run"
    assert parsed("recall", "bees", "-u", "bob")
    assert "1 events" in run("forget", "-u", "bob", "--yes", "--receipt", str(receipt)).stdout
    assert parsed("recall", "bees", "-u", "bob") == []
    assert parsed("verify", "--receipt", str(receipt), "--probe", "bees") == {"events": 4, "sound": True, "left": []}
    assert not any(b"bees" in path.read_bytes() for path in tmp_path.glob("m.db*"))
    assert parsed("verify", "--probe", "bakery", status=errors.LogCorrupt.exit_code)["left"]


@pytest.mark.usefixtures("spoken")
def test_a_rebuild_beside_the_live_view_differs_in_no_row(run: Run, parsed: Run) -> None:
    parsed("memories", "-u", "ana")
    made = parsed("rebuild", "clew", "--beside")
    first, second = (g["id"] for g in parsed("generations", "clew"))
    assert made["id"] == second
    run("worker", "--once")
    assert parsed("generations", "clew", "--diff", str(first), str(second)) == []
    run("promote", "clew", str(second))
    assert {g["id"]: g["state"] for g in parsed("generations", "clew")} == {first: "frozen", second: "serving"}
    run("generations", "clew", "--drop", str(first))
    assert [g["id"] for g in parsed("generations")] == [second]


@pytest.mark.usefixtures("spoken")
def test_an_export_loads_into_a_new_file_as_the_same_log(run: Run, parsed: Run, tmp_path: Path) -> None:
    run("export", str(tmp_path / "log.jsonl"))
    assert parsed("load", str(tmp_path / "log.jsonl"), "--db", str(tmp_path / "other.db")) == {"events": 3, "new": 3}
    run("backup", str(tmp_path / "copy.db"))
    ask = ("recall", "van", "-u", "ana")
    assert parsed(*ask) == parsed(*ask, "--db", str(tmp_path / "other.db")) == parsed(*ask, "--db", str(tmp_path / "copy.db"))


@pytest.mark.usefixtures("spoken")
def test_nothing_is_forgotten_where_its_receipt_could_not_be_written(run: Run, parsed: Run, tmp_path: Path) -> None:
    for receipt, status, why in (("gone/r.json", 3, "does not exist"), ("m.db", 2, "is a memory"), ("", 2, "is a folder")):
        refused = run("forget", "-u", "ana", "-y", "--receipt", str(tmp_path / receipt), status=status)
        assert why in refused.stderr
        assert why in run("decay", "--erase", "-y", "--receipt", str(tmp_path / receipt), status=status).stderr
    assert len(parsed("memories", "-u", "ana")) >= 2
    run("forget", "-u", "ana", "-y", "--receipt", str(tmp_path / "r.json"))
    assert json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["state"] == "erased"


@pytest.mark.usefixtures("spoken")
def test_what_is_empty_says_why(run: Run) -> None:
    assert "nothing was forgotten: no event" in run("forget", "--event", "99", "-y").stdout
    assert "dry run: 0 events" in run("forget", "--event", "99", "--dry-run").stdout
    assert "--user NAME" in run("memories").stdout and "no memories of zed" in run("memories", "-u", "zed").stdout
    assert "waits for a model" in run("recall", "van", "-u", "ana", "-r", "a_mem").stdout
    assert run("recall", "van", "-u", "zed").stdout == "Nothing was found.\n"


@pytest.mark.usefixtures("spoken")
def test_a_page_of_memories_names_the_command_for_the_next(run: Run) -> None:
    first, _, more = run("memories", "-u", "ana", "--limit", "1").stdout.splitlines()
    assert more.startswith("... more: clew memories ")
    following = run(*more.partition("clew ")[2].split(), "--limit", "1").stdout.splitlines()
    assert following[0] != first and "no memories" not in following[0]
    run("memories", "-u", "ana", "--limit", "0", status=2)


def test_a_terminal_shows_stored_words_and_obeys_none() -> None:
    for terminal, shown in ((True, "a\ufffd]0;title b\ufffd2Jc\n"), (False, "a\x1b]0;title b\x9b2Jc\n")):
        screen = Screen(markup=False, soft_wrap=True, force_terminal=terminal, color_system=None, file=io.StringIO())
        screen.print("a\x1b]0;title b\x9b2Jc")
        assert screen.file.getvalue() == shown  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.usefixtures("spoken")
def test_another_recipe_is_chosen_by_a_word(parsed: Run) -> None:
    assert parsed("recall", "van", "-u", "ana", "-r", "verbatim")[0]["memory"]["text"]
    assert {view["recipe"] for view in parsed("status")["views"]} >= {"verbatim"}


def test_recipes_are_listed_from_their_headers(parsed: Run) -> None:
    listed = parsed("recipes")
    assert set(listed) == set(names())
    assert listed["verbatim"]["Title"].startswith("Verbatim")


@pytest.mark.usefixtures("spoken")
def test_status_tells_events_users_views_and_calls(run: Run, parsed: Run) -> None:
    parsed("recall", "van", "-u", "ana")
    found = parsed("status")
    assert (found["head"], found["users"], found["spent"]["calls"]) == (3, 2, 0)
    assert "3 events, 2 users" in run("status").stdout


@pytest.mark.parametrize(
    ("arguments", "error", "word"),
    [
        (("recall", "x", "--db", "nowhere/m.db"), errors.NotFound, "nowhere/m.db"),
        (("record", "x", "--at", "2026-03-01T10:00:00"), errors.UsageError, "no time zone"),
        (("record", "   "), errors.UsageError, "no words"),
        (("record", "x", "--db", "no/such/folder/m.db"), errors.UsageError, "folder"),
        (("import", "no-such-file.jsonl"), errors.NotFound, "no-such-file.jsonl"),
        (("recall", "x", "-r", "no_such_recipe"), errors.NotFound, "no_such_recipe"),
        (("recall", "x", "-k", "0"), errors.UsageError, "k must be 1 or more"),
        (("thread", "beef"), errors.NotFound, "beef"),
        (("forget",), errors.UsageError, "forget what"),
        (("generations", "--drop", "1"), errors.UsageError, "recipe"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line_with_its_own_exit_status(
    run: Run, arguments: tuple[str, ...], error: type[errors.ClewError], word: str
) -> None:
    run("record", "something", "-u", "ana")
    result = run(*arguments, status=error.exit_code)
    assert result.stdout == "" and result.stderr.startswith("clew: ") and word in result.stderr
    assert result.stderr.count("\n") == 1


def test_debug_lets_the_traceback_through(run: Run) -> None:
    assert isinstance(run("--debug", "thread", "beef", status=1).exception, errors.NotFound)


def test_a_worker_folds_what_others_record_until_it_is_told_to_stop(tmp_path: Path) -> None:
    file = tmp_path / "m.db"
    command = [sys.executable, "-c", "from clew.cli import app; app()", "worker", "--db", str(file), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        try:
            assert worker.stdout.readline() == "{\n"
            with Clew(file) as c:
                c.record("the tide turns at four", user="ana")
            assert any('"head": 1' in line for line in iter(worker.stdout.readline, ""))
        finally:
            worker.send_signal(signal.SIGTERM)
        assert worker.wait(20) == 0


def test_the_core_does_not_import_what_only_the_command_line_needs() -> None:
    code = "import sys, clew; print([m for m in ('typer', 'rich', 'clew.cli') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_a_word_does_not_load_the_groups_it_is_not_of_and_help_lists_them(run: Run) -> None:
    code = "import sys, clew.cli; print([m for m in ('clew.arena.cli', 'clew.tasks') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    told = run("--help").stdout
    assert all(f"  {word} " in told for word in ("recall", "arena", "task")) and "approve" in run("task", "--help").stdout


def test_a_memory_that_nobody_names_lies_in_the_folder_one_stands_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CLEW_DB", raising=False)
    said = CliRunner().invoke(app, ["record", "the ladder is in the shed", "--user", "ana"])
    found = CliRunner().invoke(app, ["recall", "ladder", "--user", "ana"])
    assert (said.exit_code, found.exit_code) == (0, 0), said.output + found.output
    assert "in the shed" in found.output and (tmp_path / "memory.db").exists()

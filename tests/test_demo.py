"""The demonstration keeps each of its promises, leaves a page that needs nothing else, and opens no socket."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from clew.cli.demo import no_sockets, sockets
from clew.cli.page import Story
from clew.cli.promises import Week

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """(what the demonstration prints, its page), with a question and a file given."""
    folder = tmp_path_factory.mktemp("demo")
    notes = folder / "notes.md"
    notes.write_text("# Orchard\n\nThe quince by the gate is grafted on hawthorn.\n", encoding="utf-8")
    env = {**os.environ, "ASK": "what is the quince grafted on?", "FILE": str(notes), "COLUMNS": "120"}
    command = [sys.executable, "-c", "from clew.cli import app; app()", "demo", "--page", str(folder / "page.html")]
    done = subprocess.run(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout, (folder / "page.html").read_text(encoding="utf-8")


def test_no_promise_of_the_demonstration_is_broken(shown: tuple[str, str]) -> None:
    text, _ = shown
    assert re.search(r"^NO: ", text, re.MULTILINE) is None
    assert len(re.findall(r"^yes: ", text, re.MULTILINE)) == 7


def test_it_ends_with_the_time_taken_and_no_model_calls(shown: tuple[str, str]) -> None:
    text, page = shown
    seconds = re.search(r"([\d.]+) s, 0 model calls, 0 sockets opened\.", text)
    assert seconds is not None and float(seconds[1]) < 60
    assert seconds[0] in page


def test_five_questions_have_their_quote_and_the_rank_of_plain_bm25(shown: tuple[str, str]) -> None:
    text, _ = shown
    ranks = re.findall(r"— [^,\n]+, 2026-03-0\d \d\d:\d\d\+01:00 +rank (\d+) \(plain BM25: (\d+|beyond 50)\)", text)
    assert len(ranks) == 5
    assert all(int(ours) <= 3 for ours, _ in ranks)


def test_the_words_of_a_forgotten_person_are_counted_before_and_gone_after(shown: tuple[str, str]) -> None:
    text, _ = shown
    for word in Week.at(ROOT / "examples").asked["forget"]["words"]:
        counts = re.search(rf"^ +{word} +(\d+) +(\d+)$", text, re.MULTILINE)
        assert counts is not None and int(counts[1]) > 0 and int(counts[2]) == 0


def test_the_file_that_is_given_answers_at_the_end(shown: tuple[str, str]) -> None:
    text, page = shown
    assert "grafted on hawthorn" in text and "grafted on hawthorn" in page


def test_the_page_needs_nothing_but_itself(shown: tuple[str, str]) -> None:
    _, page = shown
    assert page.startswith("<!doctype html>") and page.endswith("</html>\n")
    assert re.search(r"(src|href)=|url\(|@import|<script", page) is None


def test_words_from_a_transcript_cannot_become_markup(tmp_path: Path) -> None:
    story = Story("Clew: a test", "lead")
    story.quote("<script>alert(1)</script>", "<b>Mallory</b>", None)
    story.write(tmp_path / "deep" / "page.html", "the end")
    page = (tmp_path / "deep" / "page.html").read_text(encoding="utf-8")
    assert "<script" not in page and "<b>Mallory" not in page and "&lt;script&gt;" in page


def test_a_socket_under_the_demonstration_is_refused_and_remembered() -> None:
    with pytest.raises(PermissionError, match=r"socket\.connect"):
        no_sockets("socket.connect", ())
    assert sockets.pop() == "socket.connect"
    no_sockets("open", ("a file is no socket",))

"""The public surface is what it says: every name importable and explained, every example in the README runs."""

import importlib.util
import inspect
import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

import clew

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_what_is_public_is_what_can_be_imported() -> None:
    importable = {name for name, value in vars(clew).items() if not name.startswith("_") and not inspect.ismodule(value)}
    assert sorted(clew.__all__) == sorted(importable)
    assert clew.__all__ == sorted(clew.__all__)


@pytest.mark.parametrize("name", clew.__all__)
def test_every_public_name_says_what_it_is(name: str) -> None:
    value = getattr(clew, name)
    assert inspect.getdoc(value) and not inspect.getdoc(value).startswith(f"{name}(")
    for method, function in vars(value).items() if inspect.isclass(value) else ():
        if not method.startswith("_") and (inspect.isfunction(function) or isinstance(function, (property, classmethod))):
            assert inspect.getdoc(function), f"{name}.{method} has no docstring"


def test_every_error_has_an_exit_status_of_its_own() -> None:
    classes = [e for e in (getattr(clew, name) for name in clew.__all__) if inspect.isclass(e) and issubclass(e, clew.ClewError)]
    statuses = [e.exit_code for e in classes if e is not clew.Withheld]  # Withheld is a kind of ModelError
    assert len(statuses) == len(set(statuses)) and 0 not in statuses


def test_the_readmes_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert PYTHON
    monkeypatch.chdir(tmp_path)
    space: dict[str, object] = {"__name__": "__main__"}  # as in a script
    for block in PYTHON:
        exec(compile(block, "README.md", "exec"), space)
    assert "Lisbon" in capsys.readouterr().out
    memory = space["c"]
    assert isinstance(memory, clew.Clew)
    memory.close()


def test_the_five_lines_are_those_of_the_readme(tmp_path: Path) -> None:
    script = (ROOT / "examples" / "five_lines.py").read_text(encoding="utf-8")
    body = script.partition('"""\n')[2]
    assert body.strip() in README
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    told = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=env, capture_output=True, text=True, check=True).stdout
    assert told.splitlines()[1] == "2026-05-20 10:00:00+01:00"


def test_the_readmes_make_words_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z]+)", README)) <= targets


def test_the_chat_example_is_short_and_compiles() -> None:
    source = (ROOT / "examples" / "chat.py").read_text(encoding="utf-8")
    compile(source, "chat.py", "exec")
    assert len(source.splitlines()) <= 40


class Endpoint(BaseHTTPRequestHandler):
    """An OpenAI-compatible endpoint that says back what it was told and keeps what it was sent."""

    sent: list[str] = []  # noqa: RUF012 - one server a test run

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.sent.append(asked["messages"][0]["content"])
        said = {"role": "assistant", "content": f"I heard: {asked['messages'][-1]['content']}"}
        told = json.dumps(
            {
                "id": "1",
                "object": "chat.completion",
                "created": 1,
                "model": asked["model"],
                "choices": [{"index": 0, "finish_reason": "stop", "message": said}],
            }
        ).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the test's output stays clean."""


@pytest.mark.skipif(importlib.util.find_spec("openai") is None, reason="the chat example needs the extra [llm]")
def test_the_chat_puts_into_a_prompt_what_an_earlier_chat_was_told(tmp_path: Path) -> None:
    server = HTTPServer(("127.0.0.1", 0), Endpoint)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    env = {**os.environ, "OPENAI_BASE_URL": f"http://127.0.0.1:{server.server_port}/v1", "OPENAI_API_KEY": "none"}
    try:
        for said in ("My cat is called Pixel", "What is my cat called?"):
            command = [sys.executable, str(ROOT / "examples" / "chat.py")]
            told = subprocess.run(
                command, cwd=tmp_path, env=env, input=f"{said}\n\n", capture_output=True, text=True, timeout=60, check=True
            )
            assert f"I heard: {said}" in told.stdout
    finally:
        server.shutdown()
        server.server_close()
    assert "Pixel" not in Endpoint.sent[0] and "My cat is called Pixel" in Endpoint.sent[1]


def test_pages_of_memories_hold_each_once_whoever_s_they_are_and_however_they_are_cut(tmp_path: Path) -> None:
    with clew.Clew(tmp_path / "m.db", recipes=["verbatim"]) as c:
        for n in range(7):
            c.record(f"note {n}", user="ana" if n % 3 else None)
        whole, found, after = c.memories(user="ana"), [], None
        while page := c.memories(user="ana", after=after, limit=2):
            assert len(page) <= 2
            found += page
            after = page[-1].id
        assert found == whole and sorted(m.text for m in whole) == [f"note {n}" for n in range(7)]
        with pytest.raises(clew.NotFound, match="to go on after"):
            c.memories(user="ana", after="00ff")
        c.record("somebody else's", user="ben")
        with pytest.raises(clew.NotFound, match="to go on after"):
            c.memories(user="ana", after=c.memories(user="ben")[0].id)

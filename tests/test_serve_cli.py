"""`clew serve` and `clew keys` as they are typed, the service in processes of its own."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import socket

import pytest
from typer.testing import CliRunner

from clew import Clew
from clew.cli import app as WORDS

PROGRAM = "from clew.cli import app; app()"


def clew(*words: str) -> tuple[int, str]:
    found = CliRunner().invoke(WORDS, list(words))
    return found.exit_code, found.output


def test_a_key_is_made_listed_and_revoked(tmp_path: Path) -> None:
    db = str(tmp_path / "memory.db")
    code, out = clew("keys", "add", "phone", "--role", "writer", "--user", "ana", "--db", db)
    assert code == 0 and out.startswith("clew_") and "writer for ana" in out
    code, out = clew("keys", "list", "--db", db, "--json")
    [key] = json.loads(out)
    assert (key["name"], key["role"], key["user"]) == ("phone", "writer", "ana")
    assert clew("keys", "revoke", key["id"], "--db", db)[0] == 0
    assert clew("keys", "list", "--db", db)[1].strip() == "there are no keys"
    with Clew(db) as c:
        assert [(e.body["op"], e.actor) for e in c.log.read()] == [("key added", "local"), ("key revoked", "local")]


def test_wrong_words_about_keys_are_refused(tmp_path: Path) -> None:
    db = str(tmp_path / "memory.db")
    assert clew("keys", "add", "x", "--role", "owner", "--db", db)[0] == 2
    assert clew("keys", "list", "--db", str(tmp_path / "none.db"))[0] == 3
    assert clew("keys", "revoke", "none", "--db", db)[0] == 3


@contextmanager
def running(log: Path, *words: str) -> Iterator[str]:
    """The service in processes of its own, all of one group; the address at which it answers."""
    httpx = pytest.importorskip("httpx", reason="needs httpx")
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    command = [sys.executable, "-c", PROGRAM, "serve", "--port", str(port), *words]
    with open(log, "wb") as out:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=out, start_new_session=True)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                if httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False).status_code == 200:
                    break
            except httpx.TransportError:
                assert process.poll() is None and time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


@contextmanager
def upstream(seen: list[str]) -> Iterator[str]:
    """An address of models that has none, and notes who asks."""

    class Models(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(f"GET {self.path} {self.headers['authorization']}")
            self.send_response(200)
            self.send_header("content-length", "12")
            self.end_headers()
            self.wfile.write(b'{"data": []}')

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Models) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1"
        finally:
            server.shutdown()


@pytest.mark.parametrize("processes", [1, 2])
def test_the_service_answers_and_ends_cleanly_and_a_key_made_beside_it_counts_at_once(
    tmp_path: Path, processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("uvicorn", reason="needs the extra [serve]")
    httpx = pytest.importorskip("httpx", reason="needs httpx")
    db, seen = str(tmp_path / "memory.db"), list[str]()
    monkeypatch.setenv("MODELS_KEY", "sk-upstream")
    more = ["--upstream-key", "env:MODELS_KEY", "--recipe", "clew", "--recipe", "sculptor", "--tasks"]
    with (
        upstream(seen) as models,
        running(tmp_path / "log", "--db", db, "--processes", str(processes), "--upstream", models, *more) as address,
        httpx.Client(base_url=address, trust_env=False) as client,
    ):
        assert client.get("/openai/v1/models").json() == {"data": []} and seen == ["GET /v1/models Bearer sk-upstream"]
        listed = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
        answer = client.post("/mcp", json=listed, headers={"accept": "application/json, text/event-stream"})
        assert all(f'"{name}"' in answer.text for name in ("search_memories", "fold_fragment", "window", "task_run"))
        assert client.post("/v1/events", json={"what": "I like tea", "user": "ana"}).status_code == 201
        hits = [client.post("/v1/recall", json={"text": "What does Ana like?", "user": "ana"}).json()["hits"] for _ in range(6)]
        assert all(found[0]["memory"]["text"] == "I like tea" for found in hits)
        token = clew("keys", "add", "desk", "--role", "admin", "--db", db)[1].split()[0]
        time.sleep(1.1)  # a service may take a second to know of it
        assert {client.get(path).status_code for path in ("/v1/status", "/mcp", "/openai/v1/models")} == {401}
        assert client.get("/v1/status", headers={"Authorization": f"Bearer {token}"}).json()["head"] == 2
    with Clew(db) as c:
        assert c.log.verify()


def test_a_service_that_others_can_reach_wants_a_key_first(tmp_path: Path) -> None:
    pytest.importorskip("uvicorn", reason="needs the extra [serve]")
    found = CliRunner().invoke(WORDS, ["serve", "--db", str(tmp_path / "memory.db"), "--host", "0.0.0.0"])
    assert found.exit_code == 2 and "clew keys add" in found.output


@pytest.mark.parametrize(
    ("option", "why"),
    [
        (["--oidc-client", "clew"], "--oidc-issuer"),
        (["--oidc-issuer", "https://login.example.org", "--oidc-address", "http://memory.example.org"], "https"),
        (["--oidc-issuer", "https://login.example.org", "--oidc-client", "clew", "--oidc-secret", "env:NO_SUCH"], "not set"),
    ],
)
def test_a_login_that_cannot_be_is_refused_at_the_start(tmp_path: Path, option: list[str], why: str) -> None:
    pytest.importorskip("uvicorn", reason="needs the extra [serve]")
    found = CliRunner().invoke(WORDS, ["serve", "--db", str(tmp_path / "memory.db"), *option])
    assert found.exit_code == 2 and why in found.output


@pytest.mark.parametrize(
    ("option", "why"), [(["ftp://models"], "is an address"), (["http://m/v1", "--upstream-key", "env:NO_SUCH"], "not set")]
)
def test_an_upstream_that_cannot_be_is_refused_at_the_start(tmp_path: Path, option: list[str], why: str) -> None:
    pytest.importorskip("uvicorn", reason="needs the extra [serve]")
    found = CliRunner().invoke(WORDS, ["serve", "--db", str(tmp_path / "memory.db"), "--upstream", *option])
    assert found.exit_code == 2 and why in found.output and not (tmp_path / "memory.db").exists()


@pytest.mark.parametrize(
    ("option", "status", "why"),
    [(["--tls-cert", "gone.pem"], 3, "no file gone.pem"), (["--upstream-key", "env:HOME"], 2, "say which by --upstream")],
)
def test_an_option_that_could_have_no_effect_is_refused_at_the_start(tmp_path: Path, option: list[str], status: int, why: str) -> None:
    pytest.importorskip("uvicorn", reason="needs the extra [serve]")
    found = CliRunner().invoke(WORDS, ["serve", "--db", str(tmp_path / "memory.db"), *option])
    assert found.exit_code == status and why in found.output and not (tmp_path / "memory.db").exists()

"""A real service on a real socket, in a thread of the test's own process."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from clew import Clew
from clew.serve.access import Access
from clew.serve.app import application
from clew.serve.limits import Limits
from clew.serve.listener import Patient
from clew.serve.proxy import Upstream


class Brisk(Patient):
    headers_s = 1.0


@dataclass
class Service:
    memory: Clew
    access: Access
    port: int
    app: FastAPI

    def client(self, key: str | None = None, **headers: str) -> httpx.Client:
        given = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", headers={**given, **headers}, timeout=20, trust_env=False)

    def key(self, role: str, user: str | None = None, name: str | None = None) -> str:
        return self.access.keys.add(name or f"{role} of {user or 'all'}", role, user)[1]


@contextmanager
def served(memory: Clew, tokens: Any = None, upstream: Upstream | None = None, **limits: Any) -> Iterator[Service]:
    """Answers while the block runs. A revoked key is asked for again at once, so that tests need not wait."""
    bounds = Limits(**{"trusted_s": 0.0, "rate": 0.0, **limits})
    access = Access(memory.log, tokens=tokens)
    app = application(memory, access, bounds, upstream)
    config = uvicorn.Config(app, port=0, http=Brisk, log_level="critical", ws="none", timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the service did not start"
            thread.join(0.01)
        yield Service(memory, access, server.servers[0].sockets[0].getsockname()[1], app)
    finally:
        server.should_exit = True
        thread.join(20)


def raw(service: Service, sent: bytes, wait: float = 5.0) -> bytes:
    """What comes back for these bytes, until the service hangs up or is silent."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=wait) as connection:
        connection.sendall(sent)
        found = b""
        try:
            while piece := connection.recv(65536):
                found += piece
                head, _, body = found.partition(b"\r\n\r\n")
                length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), None)
                if length is not None and len(body) >= length:
                    break
        except (TimeoutError, ConnectionResetError):
            pass  # a reset: it hung up while more was on its way
        return found


def post(body: bytes, *headers: str, path: str = "/v1/recall", length: int | None = None) -> bytes:
    """A request as bytes."""
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/json",
        f"Content-Length: {len(body) if length is None else length}",
        *headers,
    ]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body

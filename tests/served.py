"""A real service on a real socket, in a thread of the test's own process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn

from clew import Clew
from clew.serve.access import Access
from clew.serve.app import application
from clew.serve.limits import Limits
from clew.serve.server import Patient


class Brisk(Patient):
    headers_s = 1.0


@dataclass
class Service:
    memory: Clew
    access: Access
    port: int

    def client(self, key: str | None = None, **headers: str) -> httpx.Client:
        given = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", headers={**given, **headers}, timeout=20, trust_env=False)

    def key(self, role: str, user: str | None = None, name: str | None = None) -> str:
        return self.access.keys.add(name or f"{role} of {user or 'all'}", role, user)[1]


@contextmanager
def served(memory: Clew, tokens: Any = None, **limits: Any) -> Iterator[Service]:
    """Answers while the block runs. A revoked key is asked for again at once, so that tests need not wait."""
    bounds = Limits(**{"trusted_s": 0.0, "rate": 0.0, **limits})
    access = Access(memory.log, tokens=tokens)
    app = application(memory, access, bounds)
    config = uvicorn.Config(app, port=0, http=Brisk, log_level="critical", ws="none", timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the service did not start"
            thread.join(0.01)
        yield Service(memory, access, server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(20)

"""The process that listens: an application on uvicorn, with patience for slow clients but not for ever."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from clew.engine import Clew
from clew.errors import MissingExtra, UsageError
from clew.models import Models, connect
from clew.serve.access import Access, loopback
from clew.serve.limits import Limits

try:
    import uvicorn
    from uvicorn.protocols.http.h11_impl import H11Protocol

    from clew.serve.app import application
    from clew.serve.oidc import Oidc, Trusted
except ImportError as missing:
    raise MissingExtra("serve", f"a service (without {missing.name})") from missing

SETTINGS = "CLEW_SERVE_SETTINGS"  # by which the processes of one service learn how they were started
KEEP_ALIVE = 15  # seconds that an idle connection is kept
STARTING = 60  # seconds in which one of several processes has to say that it lives
GRACE = 10  # seconds for what is being answered when the service ends
CONNECTIONS = 1000  # at one time; more are told to come back


@dataclass(frozen=True, slots=True)
class Settings:
    """How a service is started; everything is JSON."""

    db: str
    host: str = "127.0.0.1"
    port: int = 8000
    recipes: tuple[str, ...] = ("clew",)
    model: str | None = None
    base_url: str | None = None
    key: str | None = None  # of an encrypted file; env:NAME
    keyfile: str | None = None
    audit: bool = False  # reading is an event too
    worker: bool = True
    processes: int = 1
    tls_cert: str | None = None
    tls_key: str | None = None
    oidc: dict[str, Any] | None = None  # the fields of oidc.Trusted
    limits: dict[str, Any] = field(default_factory=dict)  # the fields of Limits that differ


def opened(settings: Settings) -> tuple[Clew, Access]:
    """The memory and who may use it; UsageError where others could reach it and nobody needs a key."""
    options: dict[str, Any] = {"base_url": settings.base_url} if settings.base_url else {}
    models = Models() if settings.model is None else connect(settings.model, **options)
    memory = Clew(
        settings.db,
        recipes=settings.recipes,
        models=models,
        worker=settings.worker,
        audit=settings.audit,
        key=settings.key,
        keyfile=settings.keyfile,
    )
    tokens = Oidc(Trusted(**settings.oidc)) if settings.oidc else None
    access = Access(memory.log, local=loopback(settings.host), tokens=tokens)
    if not access.local and tokens is None and not access.keys.any():
        memory.close()
        raise UsageError(
            f"{settings.host} can be reached by others and there is no key yet: make one with `clew keys add NAME --role admin`"
        )
    return memory, access


def made() -> Any:
    """The application of one of several processes, by the settings that they share."""
    settings = json.loads(os.environ[SETTINGS])
    settings = Settings(**{**settings, "recipes": tuple(settings["recipes"])})
    memory, access = opened(settings)
    return application(memory, access, Limits(**settings.limits))


class Patient(H11Protocol):
    """uvicorn's protocol with a clock on headers: it hangs up on who takes too long to send them, be the request a connection's first or not."""

    headers_s = 10.0
    clock: Any = None

    def connection_made(self, transport: Any) -> None:
        """Start the clock with the connection."""
        super().connection_made(transport)
        self.clock = self.loop.call_later(self.headers_s, self.timeout_keep_alive_handler)

    def data_received(self, data: bytes) -> None:
        """Stop it when the headers are whole; start it with the first byte of the next request."""
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before and self.clock is not None:
            self.clock.cancel()
            self.clock = None
        elif self.clock is None and self.cycle is not None and self.cycle.response_complete:
            self.clock = self.loop.call_later(self.headers_s, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is timed any more."""
        if self.clock is not None:
            self.clock.cancel()
        super().connection_lost(exc)


def serve(settings: Settings, opening: Callable[[Access], None] = lambda access: None) -> None:
    """Listen until interrupted; `opening` is called before, once nothing stands against it."""
    options: dict[str, Any] = {
        "host": settings.host,
        "port": settings.port,
        "http": Patient,
        "ws": "none",
        "timeout_keep_alive": KEEP_ALIVE,
        "timeout_graceful_shutdown": GRACE,
        "timeout_worker_healthcheck": STARTING,
        "limit_concurrency": CONNECTIONS,
        "proxy_headers": False,  # who asks is known by key, and an address that anybody can claim is no use
        "server_header": False,
        "access_log": False,  # addresses hold users' names
        "log_level": "warning",
        "ssl_certfile": settings.tls_cert,
        "ssl_keyfile": settings.tls_key,
    }
    memory, access = opened(settings)
    try:
        opening(access)
        if settings.processes == 1:
            uvicorn.run(application(memory, access, Limits(**settings.limits)), **options)
            return
    finally:
        memory.close()
    os.environ[SETTINGS] = json.dumps(asdict(settings))
    uvicorn.run("clew.serve.server:made", factory=True, workers=settings.processes, **options)

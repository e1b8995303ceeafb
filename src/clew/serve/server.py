"""The service as a process, or several: a memory and an application made by settings."""

import json
import os
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from clew.engine import Clew
from clew.errors import MissingExtra, UsageError
from clew.models import Models, connect
from clew.serve.access import Access, loopback
from clew.serve.limits import Limits

try:
    from clew.serve.app import application
    from clew.serve.listener import listen
    from clew.serve.mcp_offers import offers
    from clew.serve.oidc import Oidc, Trusted
    from clew.serve.proxy import Upstream, upstream
except ImportError as missing:
    raise MissingExtra("serve", f"a service (without {missing.name})") from missing

SETTINGS = "CLEW_SERVE_SETTINGS"  # by which the processes of one service learn how they were started


@dataclass(frozen=True, slots=True)
class Settings:
    """How a service is started; everything is JSON."""

    db: str
    host: str = "127.0.0.1"
    port: int = 8000
    recipes: tuple[str, ...] = ("clew",)  # the first answers; what tools they have of their own, MCP offers too
    tasks: bool = False  # MCP offers those of tasks
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
    upstream: str | None = None  # an OpenAI-compatible address, for the proxy
    upstream_key: str | None = None  # env:NAME
    secret: str = field(default_factory=secrets.token_hex, repr=False)  # of sessions; the processes of one service share it


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
    return _application(settings, memory, access)


def _application(settings: Settings, memory: Clew, access: Access) -> Any:
    tools = offers(memory, settings.recipes, settings.tasks)
    return application(memory, access, Limits(**settings.limits), _models(settings), settings.secret, tools)


def _models(settings: Settings) -> Upstream | None:
    return upstream(settings.upstream, settings.upstream_key) if settings.upstream else None


def serve(settings: Settings, opening: Callable[[Access], None] = lambda access: None) -> None:
    """Listen until interrupted; `opening` is called before, once nothing stands against it."""
    tls = {"ssl_certfile": settings.tls_cert, "ssl_keyfile": settings.tls_key}
    _models(settings)  # what is wrong with them is said before anything is opened
    memory, access = opened(settings)
    try:
        opening(access)
        if settings.processes == 1:
            return listen(_application(settings, memory, access), settings.host, settings.port, **tls)
    finally:
        memory.close()
    os.environ[SETTINGS] = json.dumps(asdict(settings))
    listen("clew.serve.server:made", settings.host, settings.port, factory=True, workers=settings.processes, **tls)

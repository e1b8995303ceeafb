"""Words that open the memory to others: serve, keys add, keys list, keys revoke."""

import importlib
from pathlib import Path
from typing import Annotated, Any

import typer

from clew.cli.terminal import MEMORY, Json, Model, Url, User, clock, out, show_json, unlocking
from clew.engine import Clew
from clew.errors import NotFound, UsageError
from clew.serve import access

keys = typer.Typer(no_args_is_help=True, rich_markup_mode=None, add_completion=False, help="API keys: who may ask, and what.")
Db = Annotated[str, typer.Option("--db", envvar="CLEW_DB", help="The memory: a file, or postgresql://...")]
HERE = str(MEMORY)
serving = typer.Typer(add_completion=False, rich_markup_mode=None)
Locked = Annotated[str | None, typer.Option("--key", help="What opens an encrypted file: env:NAME of the variable that holds it.")]
Keyfile = Annotated[Path | None, typer.Option("--keyfile", help="The key file of an encrypted file, if not beside it.")]
Recipes = Annotated[
    list[str] | None,
    typer.Option("--recipe", "-r", help="A memory system; may be repeated, the first answers. Its own tools are offered at /mcp."),
]
Oidc = "The provider's tokens are believed: "


@serving.command()
def serve(
    db: Db = HERE,
    host: Annotated[str, typer.Option(help="Where to listen; anything but this machine needs a key first.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    recipe: Recipes = None,
    tasks: Annotated[bool, typer.Option("--tasks", help="Offer those of tasks at /mcp: they run programs here.")] = False,
    model: Model = None,
    url: Url = None,
    key: Locked = None,
    keyfile: Keyfile = None,
    processes: Annotated[int, typer.Option(min=1, max=64, help="How many processes answer.")] = 1,
    audit: Annotated[bool, typer.Option("--audit", help="Write every recall into the log.")] = False,
    worker: Annotated[bool, typer.Option("--worker/--no-worker", help="Keep views caught up in the background.")] = True,
    rate: Annotated[float, typer.Option(help="Requests a second for each key and process; 0 for any number.")] = 500.0,
    largest: Annotated[int, typer.Option("--largest", help="Bytes of a request's body.")] = 10_000_000,
    cert: Annotated[Path | None, typer.Option("--tls-cert", help="Certificate chain (PEM).")] = None,
    secret: Annotated[Path | None, typer.Option("--tls-key", help="Its private key (PEM).")] = None,
    issuer: Annotated[str | None, typer.Option("--oidc-issuer", help=f"{Oidc}its address.")] = None,
    audience: Annotated[str, typer.Option("--oidc-audience", help=f"{Oidc}for whom they are made.")] = "clew",
    role: Annotated[str, typer.Option("--oidc-role", help=f"{Oidc}the claim that holds the role.")] = "clew_role",
    whose: Annotated[str, typer.Option("--oidc-user", help=f"{Oidc}the claim that holds the user.")] = "sub",
    client: Annotated[str | None, typer.Option("--oidc-client", help="Its name for the inspector: people can log in there.")] = None,
    client_secret: Annotated[str | None, typer.Option("--oidc-secret", help="That client's secret, env:NAME; without, PKCE alone.")] = None,
    public: Annotated[str | None, typer.Option("--oidc-address", help="https://... of this service as browsers reach it.")] = None,
    upstream: Annotated[str | None, typer.Option(help="Models, such as https://api.openai.com/v1: the proxy at /openai/v1.")] = None,
    upstream_key: Annotated[str | None, typer.Option("--upstream-key", help="Their key: env:NAME of the variable that holds it.")] = None,
) -> None:
    """Answer over HTTP: REST at /v1, MCP at /mcp; on this machine alone unless told otherwise, and with keys once there are any."""
    server = importlib.import_module("clew.serve.server")  # half a second of imports that no other word needs
    settings = server.Settings(
        db=db,
        host=host,
        port=port,
        recipes=tuple(recipe or ("clew",)),
        tasks=tasks,
        model=model,
        base_url=url,
        **unlocking(db, key, keyfile),
        audit=audit,
        worker=worker,
        processes=processes,
        tls_cert=_pem(cert),
        tls_key=_pem(secret),
        oidc=_trusted(issuer, audience, role, whose, client, client_secret, public),
        limits={"rate": rate, "burst": max(1, int(2 * rate)), "body": largest},
        upstream=upstream,
        upstream_key=_beside(upstream_key, upstream),
    )
    server.serve(settings, opening=lambda who: _opening(who, settings))


def _pem(file: Path | None) -> str | None:
    """The path of a certificate or of its key; NotFound where nothing lies there."""
    if file is not None and not file.is_file():
        raise NotFound(f"there is no file {file}; --tls-cert and --tls-key name files in PEM")
    return None if file is None else str(file)


def _beside(key: str | None, upstream: str | None) -> str | None:
    """The key of the models upstream; UsageError where there are none, for it would be of no use."""
    if key is not None and upstream is None:
        raise UsageError("--upstream-key is the key of models: say which by --upstream")
    return key


def _trusted(
    issuer: str | None, audience: str, role: str, user: str, client: str | None, secret: str | None, address: str | None
) -> dict[str, Any] | None:
    """The fields of `oidc.Trusted`; None where no provider is trusted."""
    if issuer is None:
        if client is not None:
            raise UsageError("--oidc-client is our name at a provider: say which by --oidc-issuer")
        return None
    claims = {"role_claim": role, "user_claim": user}
    return {"issuer": issuer, "audience": audience, **claims, "client": client, "secret": secret, "address": address}


def _opening(who: access.Access, settings: Any) -> None:
    """Where it answers, and for whom."""
    address = f"{'https' if settings.tls_cert else 'http'}://{settings.host}:{settings.port}"
    doors = "REST at /v1, MCP at /mcp, the inspector at /inspect" + ", the proxy at /openai/v1" * (settings.upstream is not None)
    whom = "this machine alone, without keys" if who.open else "with keys"
    out.print(f"{address} answers for {settings.db}, {whom}: {doors}; Ctrl+C ends it")
    if not settings.tls_cert and not who.local:
        out.print("keys and words travel in the clear: give --tls-cert and --tls-key, or put a relay with TLS before it")


@keys.command()
def add(
    name: Annotated[str, typer.Argument(help="What the key is called in the log: its acts are told under this name.", show_default=False)],
    role: Annotated[str, typer.Option(help=f"What it may do: {', '.join(access.ROLES)}; each may do what those before it may.")] = "reader",
    user: User = None,
    days: Annotated[int | None, typer.Option(min=1, help="For how many days it holds.")] = None,
    db: Db = HERE,
    key: Locked = None,
    keyfile: Keyfile = None,
    json: Json = False,
) -> None:
    """Make a key and show it, this once; from the first key on nothing is answered without one."""
    with Clew(db, **unlocking(db, key, keyfile)) as c:
        made, token = access.Access(c.log).keys.add(name, access.role(role), user, days=days, by="local")
    if json:
        return show_json({"key": made, "token": token})
    out.print(token)
    out.print(f"{made.id}: {_told(made)}. Nobody can be shown this key again; only its hash is kept", style="dim")


@keys.command("list")
def listed(db: Db = HERE, key: Locked = None, keyfile: Keyfile = None, json: Json = False) -> None:
    """The keys there are."""
    with there(db, key, keyfile) as c:
        found = access.Access(c.log).keys.all()
    if json:
        return show_json(found)
    for one in found:
        out.print(f"{one.id}: {_told(one)}, made {clock(one.made)}" + (f", until {clock(one.expires)}" if one.expires else ""))
    if not found:
        out.print("there are no keys")


@keys.command()
def revoke(
    id: Annotated[str, typer.Argument(help="The key's id, as `clew keys list` shows it.", show_default=False)],
    db: Db = HERE,
    key: Locked = None,
    keyfile: Keyfile = None,
    json: Json = False,
) -> None:
    """End a key; a service that runs knows it within a second."""
    with there(db, key, keyfile) as c:
        access.Access(c.log).keys.revoke(id, by="local")
    if json:
        return show_json({"revoked": id})
    out.print(f"{id} is revoked")


def there(db: str, key: str | None, keyfile: Path | None) -> Clew:
    """The memory at that address; NotFound where there is no file."""
    if "://" not in db and not Path(db).exists():
        raise NotFound(f"there is no memory at {db}; give another file with --db")
    return Clew(db, **unlocking(db, key, keyfile))


def _told(key: Any) -> str:
    return f"{key.name}, {key.role} for {key.user or 'any user'}"

"""`clew inspect`: look into a memory with a browser, on this machine alone."""

import importlib
import socket
import threading
import webbrowser
from contextlib import suppress
from time import monotonic, sleep
from typing import Annotated

import typer

from clew.cli.serving import Keyfile, Locked, there
from clew.cli.terminal import MEMORY, out, unlocking
from clew.recipe import names

HOST = "127.0.0.1"
PATIENCE = 20.0  # seconds for the service to listen, until a browser is opened all the same
inspecting = typer.Typer(add_completion=False, rich_markup_mode=None)


@inspecting.command()
def inspect(
    db: Annotated[str, typer.Argument(metavar="FILE", envvar="CLEW_DB", help="The memory: a file, or postgresql://...")] = str(MEMORY),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where to listen; 0 takes one that is free.")] = 0,
    open: Annotated[bool, typer.Option("--open/--no-open", help="Open it in the browser.")] = True,
    key: Locked = None,
    keyfile: Keyfile = None,
) -> None:
    """Look into a memory in the browser: its log, memories, threads, scores; review and forget where the file takes writing."""
    with there(db, key, keyfile) as c:
        known = names()
        recipes = tuple(dict.fromkeys(g.recipe for g in c.generations() if g.recipe in known)) or ("clew",)
        state = "read-only, as the file is" if c.database.readonly else "changes only what you decide there"
    port = port or _free()
    address = f"http://{HOST}:{port}/inspect"
    server = importlib.import_module("clew.serve.server")  # half a second of imports that no other word needs
    settings = server.Settings(db=db, host=HOST, port=port, recipes=recipes, worker=False, **unlocking(db, key, keyfile))
    server.serve(settings, opening=lambda _: _opening(address, db, state, open))


def _free() -> int:
    """A port that nobody listens on."""
    with socket.socket() as s:
        s.bind((HOST, 0))
        return s.getsockname()[1]


def _opening(address: str, db: str, state: str, browser: bool) -> None:
    out.print(f"{address} shows {db}, {state}; Ctrl+C ends it")
    if browser:
        threading.Thread(target=_browsed, args=(address,), daemon=True).start()


def _browsed(address: str) -> None:
    """Open the browser once somebody listens there."""
    until = monotonic() + PATIENCE
    while monotonic() < until:
        with suppress(OSError), socket.create_connection((HOST, int(address.split(":")[2].partition("/")[0])), timeout=1):
            break
        sleep(0.1)
    webbrowser.open(address)

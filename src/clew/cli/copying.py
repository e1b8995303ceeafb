"""The word that carries a log from one database to another: a file, or PostgreSQL."""

from pathlib import Path
from typing import Annotated

import typer

from clew.cli.terminal import Json, out, show_json
from clew.errors import NotFound
from clew.storage import archive
from clew.storage.database import opened


def copy(
    source: Annotated[
        str, typer.Argument(help="The memory to copy: a file, or postgresql://HOST/DATABASE?tenant=NAME.", show_default=False)
    ],
    target: Annotated[str, typer.Argument(help="An empty one to copy it into; a file is made.", show_default=False)],
    json: Json = False,
) -> None:
    """Carry a whole log into another database, byte for byte, and verify it there; views fold there anew."""
    if "://" not in source and not Path(source).exists():
        raise NotFound(f"there is no memory at {source}")
    one = opened(source)
    try:
        two = opened(target)
        try:
            events = archive.copy(one, two)
        finally:
            two.close()
    finally:
        one.close()
    if json:
        return show_json({"source": str(one.path), "target": str(two.path), "events": events})
    out.print(f"{events:,} events in {two.path}; both chains hold")


def mount(app: typer.Typer) -> None:
    """Add the word to the command line."""
    app.command()(copy)

"""The command line: `clew WORD`, one word for each thing the door does."""

from typing import Annotated

import typer

from clew import __version__
from clew.cli import copying, decaying, demo, keeping, reading, retaining, reviewing, writing
from clew.cli.terminal import Words

app = typer.Typer(cls=Words, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False, rich_markup_mode=None)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"clew {__version__}")
        raise typer.Exit()


@app.callback()
def main(
    debug: Annotated[bool, typer.Option("--debug", help="Show errors with their traceback.")] = False,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Memory for agents: what happened is written down once; every memory leads back to the words."""


for room in (writing, reading, reviewing, retaining, decaying, keeping, copying, demo):
    room.mount(app)

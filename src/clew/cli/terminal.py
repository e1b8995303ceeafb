"""What every word of the command line shares: options, opening the file, errors as one line, printing, progress bars."""

import errno
import importlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from datetime import datetime
from pathlib import Path
from textwrap import fill
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text
from typer.core import TyperCommand, TyperGroup

from clew.engine import Clew
from clew.errors import ClewError, NotFound
from clew.models import Budget, Models, connect
from clew.recipe import names
from clew.storage.archive import spared
from clew.types import Memory

MEMORY = Path("memory.db")


def _located(text: str | Path) -> Path | str:
    """A file's path, as a default is one already; a database's address as it stands."""
    return text if isinstance(text, Path) or "://" in text else Path(text)


Db = Annotated[
    Any, typer.Option("--db", envvar="CLEW_DB", parser=_located, metavar="PATH", help="This memory: a file, or postgresql://...")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
User = Annotated[str | None, typer.Option("--user", "-u", help="Whose memory.")]
Agent = Annotated[str | None, typer.Option(help="Which agent's.")]
Session = Annotated[str | None, typer.Option(help="Which conversation's.")]
Named = Annotated[str | None, typer.Option("--recipe", "-r", help="Which memory system; `clew recipes` lists them.")]
Model = Annotated[str | None, typer.Option(envvar="CLEW_MODEL", help="A model's address, such as openai:gpt-4o-mini; none is needed.")]
Url = Annotated[str | None, typer.Option("--base-url", envvar="CLEW_BASE_URL", help="The model's OpenAI-compatible endpoint.")]
K = Annotated[int, typer.Option("-k", help="How many.")]
Asked = Annotated[str | None, typer.Option("--at", help="When it is asked (ISO 8601 with an offset).")]
Valid = Annotated[str | None, typer.Option("--valid-at", help="What held at that instant.")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="What was known at that instant, or at that place in the log.")]

# what a terminal would obey: stored words are anybody's, and may not move its cursor, set its title or fill its clipboard
ACTS = dict.fromkeys((*range(0x09), *range(0x0B, 0x20), *range(0x7F, 0xA0)), "\ufffd")


class Screen(Console):
    """A console to which words are shown and never obeyed; what is piped is left as it is."""

    def render_str(self, text: str, **options: Any) -> Text:
        """The text with its control characters but for tabs and newlines replaced, where a terminal reads it."""
        return super().render_str(text.translate(ACTS) if self.is_terminal else text, **options)


out = Screen(highlight=False, markup=False, emoji=False, soft_wrap=True)


# Words whose module is imported when they are asked for: together they take longer than all the rest, and some need an extra.
LATER = {
    "serve": ("clew.cli.serving:serving", "Answer over HTTP: REST, with keys, roles and an audit."),
    "inspect": ("clew.cli.inspecting:inspecting", "Look into a memory in the browser."),
    "keys": ("clew.cli.serving:keys", "API keys: who may ask, and what."),
    "mcp": ("clew.cli.mcp:app", "Serve this memory to agents by the Model Context Protocol."),
    "proxy": ("clew.cli.proxy:app", "Pass OpenAI's protocol through to any upstream, with memory in it."),
    "task": ("clew.cli.tasking:app", "Work through the log: plans that run, wait and go on."),
    "arena": ("clew.arena.cli:app", "Compare memory systems over public data."),
}


class Later(TyperCommand):
    """A word that is imported when it is run; until then only its help is known."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """The context of the real command."""
        module, _, name = LATER[str(self.name)][0].partition(":")
        real = typer.main.get_command(getattr(importlib.import_module(module), name))
        return real.make_context(info_name, args, parent=parent, **extra)


class Words(TyperGroup):
    """The commands; what Clew refuses is told in one line on stderr, with the error's own exit status."""

    def list_commands(self, ctx: Any) -> list[str]:
        """All words, those that were not imported among them."""
        return [*super().list_commands(ctx), *LATER]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The word's command."""
        if cmd_name in LATER:
            return Later(cmd_name, help=LATER[cmd_name][1], callback=lambda: None, params=[], rich_markup_mode=None)
        return super().get_command(ctx, cmd_name)

    def invoke(self, ctx: Any) -> Any:
        """Run the word that was given; `--debug` lets errors through with their traceback."""
        try:
            return super().invoke(ctx)
        except (ClewError, OSError) as error:
            if ctx.params.get("debug") or getattr(error, "errno", None) == errno.EPIPE:
                raise  # a closed pipe (`clew memories | head`) is typer's to end quietly
            print(f"clew: {' '.join(str(error).split())}", file=sys.stderr)
            raise typer.Exit(getattr(error, "exit_code", 1)) from error


def opened(
    db: Path | str,
    recipes: Sequence[str] = (),
    *,
    new: bool = False,
    model: str | None = None,
    url: str | None = None,
    budget: Budget | None = None,
) -> Clew:
    """The memory in that file, with the default recipe unless others are named; NotFound where there is no file, unless `new`.

    An encrypted file is opened, and a new one encrypted, with the key in CLEW_KEY; its key file is CLEW_KEYFILE's or lies beside it.
    """
    if not new and isinstance(db, Path) and not db.exists():
        raise NotFound(f"there is no memory at {db}; record or import something first, or give another file with --db")
    options: dict[str, Any] = {"base_url": url} if url else {}
    models = Models() if model is None else connect(model, **options)
    return Clew(db, recipes=tuple(recipes) or ("clew",), models=models, budget=budget, **unlocking(db))


def unlocking(db: Path | str, key: str | None = None, keyfile: Path | None = None) -> dict[str, Any]:
    """What opens an encrypted file, or encrypts a new one: what is given, else what the environment says; nothing for a plain file."""
    place = keyfile or os.environ.get("CLEW_KEYFILE")
    wanted = "://" not in str(db) and (Path(place or f"{db}.key").exists() or not Path(db).exists())
    if key is None and wanted and os.environ.get("CLEW_KEY"):
        key = "env:CLEW_KEY"
    return {} if key is None else {"key": key, "keyfile": None if place is None else str(place)}


def opened_whole(db: Path | str, **options: Any) -> Clew:
    """The memory with every recipe that has views in the file, the default one first: for status, the worker and forget."""
    with opened(db, **options) as c:
        used = [g.recipe for g in c.generations()]
    known = names()
    return opened(db, list(dict.fromkeys(["clew", *(name for name in used if name in known)])), **options)


def writable(path: Path | None, db: Path | str) -> None:
    """UsageError or NotFound where that file could not be written, or is a memory: asked before a word does what cannot be undone."""
    if path is not None:
        spared(path, db)


def place(text: str | None) -> str | int | None:
    """`--as-of` as the door takes it: a place in the log where it is a number, else an instant."""
    return int(text) if text is not None and text.isdigit() else text


def plain(value: Any) -> Any:
    """A value as JSON holds it: dataclasses as mappings, instants in ISO 8601."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(v) for v in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)


def show_json(value: Any) -> None:
    """One JSON document on stdout."""
    print(json.dumps(plain(value), ensure_ascii=False, indent=2, default=str))


def clock(instant: datetime | None) -> str:
    """A time as people read it, with its offset: an event's own, UTC (Z) for a memory's."""
    return instant.isoformat(" ", "minutes").replace("+00:00", "Z") if instant else "time unknown"


def said(head: str, text: str, *, style: str | None = None) -> None:
    """A line about some words, and the words below it, indented and wrapped to the terminal (piped output is left whole)."""
    out.print(head, style=style)
    width = out.width - 2 if out.is_terminal else 10**6
    for line in text.splitlines() or [""]:
        out.print(fill(line, width, initial_indent="    ", subsequent_indent="    ") if line.strip() else "")


def listed(memory: Memory, head: str = "") -> None:
    """One memory: when, who, its id, its words."""
    state = "" if memory.status == "active" and not memory.retired else f"  ({memory.retired or memory.status})"
    said(f"{head}{clock(memory.since)}  {memory.actor or memory.kind}{state}  [{memory.id}]", memory.text)


@contextmanager
def progress(label: str, quiet: bool = False) -> Iterator[Callable[[int, int | None], None]]:
    """A bar on stderr while the block runs, moved by calling (done, in all or None); silent where stderr is no terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def size(count: int) -> str:
    """Bytes as people read them."""
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"


def sure(question: str, yes: bool) -> bool:
    """Ask at a terminal; programs (no terminal, or --yes) are taken at their word."""
    return yes or not os.isatty(0) or typer.confirm(question)

"""Words that write: record, import, load."""

import sys
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from clew.cli.terminal import MEMORY, Agent, Db, Json, Session, User, opened, out, progress, show_json
from clew.engine import Clew
from clew.errors import NotFound, UsageError
from clew.readers import FORMATS, git_log, read

BATCH = 1000  # messages in one transaction of an import
Lived = Annotated[
    bool, typer.Option("--as-lived", help="Take each message's time as the moment when it was learned, so that --as-of works.")
]


def record(
    text: Annotated[str, typer.Argument(help="The words; - reads them from standard input.", show_default=False)],
    db: Db = MEMORY,
    user: User = None,
    agent: Agent = None,
    session: Session = None,
    actor: Annotated[str | None, typer.Option(help="Who said it.")] = None,
    at: Annotated[str | None, typer.Option(help="When it happened (ISO 8601 with an offset); now, if not given.")] = None,
    kind: Annotated[str | None, typer.Option(help="message, observation, action or document.")] = None,
    key: Annotated[str | None, typer.Option(help="Makes it idempotent: the same key again does nothing.")] = None,
    trust: Annotated[str | None, typer.Option(help="web, document, tool, assistant, user or owner.")] = None,
    as_lived: Lived = False,
    json: Json = False,
) -> None:
    """Write down what happened; durable when it returns."""
    words = sys.stdin.read() if text == "-" else text
    with opened(db, new=True) as c:
        done = c.record(
            words, user=user, agent=agent, session=session, actor=actor, at=at, kind=kind, key=key, trust=trust, as_lived=as_lived
        )
    if json:
        return show_json(done)
    out.print(f"event {done.seq}: {done.stages['log']}" if done.seq else f"nothing was stored: {done.stages['log']}")


def bring(
    path: Annotated[
        Path, typer.Argument(help="A chat export, notes, documents or a transcript; with --git a repository.", show_default=False)
    ],
    db: Db = MEMORY,
    user: User = None,
    as_lived: Lived = False,
    git: Annotated[bool, typer.Option("--git", help="PATH is a git repository: import its history.")] = False,
    format: Annotated[str | None, typer.Option(help=f"What the file is, where its contents do not tell: {', '.join(FORMATS)}.")] = None,
    tz: Annotated[str | None, typer.Option(help="The zone of times without an offset, such as Europe/Lisbon or +01:00.")] = None,
    json: Json = False,
) -> None:
    """Import a file into the log; a second import of it does nothing."""
    if not path.exists():
        raise NotFound(f"there is nothing at {path} to import")
    with opened(db, new=True) as c:
        with progress("import", json) as move:
            seen, new = imported(
                c,
                git_log(path) if git else read(path, kind=format, tz=tz),
                path.name,
                user,
                as_lived,
                lambda done: move(done, None),
            )
        with progress("catch up", json) as move:
            stages = c.catch_up(progress=move)
    if json:
        return show_json({"path": str(path), "messages": seen, "new": new, "already": seen - new, "views": stages})
    out.print(f"{seen:,} messages read, {new:,} new" + (f", {seen - new:,} there already" if seen > new else ""))
    for recipe, state in stages.items():
        if state != "folded":
            out.print(f"{recipe}: {state}")


def imported(
    c: Clew, messages: Iterator[Mapping[str, Any]], name: str, user: str | None, as_lived: bool, tell: Any = lambda done: None
) -> tuple[int, int]:
    """(messages read, events that are new): recorded in batches, each message under its own key or `name:place`."""
    seen = new = 0
    while batch := list(islice(messages, BATCH)):
        keyed = [{**message, "key": message.get("key") or f"{name}:{seen + i}"} for i, message in enumerate(batch)]
        head = c.log.head()
        new += sum(1 for seq in c.record(keyed, user=user, as_lived=as_lived).seqs if seq is not None and seq > head)
        seen += len(batch)
        tell(seen)
    return seen, new


def load(
    path: Annotated[Path, typer.Argument(help="A file that `clew export` wrote.", show_default=False)],
    db: Db = MEMORY,
    as_lived: Lived = False,
    json: Json = False,
) -> None:
    """Read an export: into a new file the same log, byte for byte; into another its events, added."""
    if not path.is_file():
        raise UsageError(f"there is no file {path} to load")
    with opened(db, new=True) as c:
        head = c.log.head()
        done = c.load(path, as_lived=as_lived)
        new = sum(1 for seq in done.seqs if seq is not None and seq > head)
        with progress("catch up", json) as move:
            c.catch_up(progress=move)
    if json:
        return show_json({"events": len(done.seqs), "new": new})
    out.print(f"{len(done.seqs):,} events, {new:,} of them new")


def mount(app: Any) -> None:
    """Give these words to the command line."""
    app.command()(record)
    app.command("import")(bring)
    app.command()(load)

"""Words that write: record, import, load."""

import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from clew import Clew
from clew.cli.terminal import MEMORY, Agent, Db, Json, Session, User, opened, out, progress, show_json
from clew.errors import NotFound, UsageError
from clew.readers import FORMATS, Left, git_log, imported, read

SHOWN = 20  # places that could not be read, told one by one
LISTED = 10_000  # such places that --json lists; all are counted
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
        Path,
        typer.Argument(
            help="A chat export (the zip too), another memory's store, transcripts, mail, a calendar, documents, a folder; docs/import.md.",
            show_default=False,
        ),
    ],
    db: Db = MEMORY,
    user: User = None,
    as_lived: Lived = False,
    git: Annotated[bool, typer.Option("--git", help="PATH is a git repository: import its history.")] = False,
    format: Annotated[str | None, typer.Option(help=f"What it is, where its contents do not tell: {', '.join(FORMATS)}.")] = None,
    tz: Annotated[str | None, typer.Option(help="The zone of times without an offset, such as Europe/Lisbon or +01:00.")] = None,
    json: Json = False,
) -> None:
    """Import a file or a folder into the log; a second import of it does nothing.

    What cannot be read is told, with its place and the reason, and the exit status is then 2; everything else is taken in.
    """
    if not path.exists():
        raise NotFound(f"there is nothing at {path} to import")
    told = _Told()
    with opened(db, new=True) as c:
        head = c.log.head()
        with progress("import", json) as move:
            messages = git_log(path) if git else read(path, kind=format, tz=tz, left=told.hear, user=user)
            seen, new = imported(c, messages, path.name, user, as_lived, lambda done: move(done, None), told.hear)
        with progress("catch up", json) as move:
            stages = c.catch_up(progress=move)
        taken = _taken(c, head)
    if json:
        found = {"path": str(path), "messages": seen, "new": new, "already": seen - new, **taken, "views": stages}
        show_json(found | told.listed())
    else:
        counts = {"messages read": seen, "new": new} | ({"there already": seen - new} if seen > new else {}) | taken
        out.print(", ".join(f"{count:,} {what}" for what, count in counts.items()))
        for why, count in told.left.most_common():
            out.print(f"left out: {count:,} x {why} (first: {told.first[why]})", style="dim")
        for recipe, state in stages.items():
            if state != "folded":
                out.print(f"{recipe}: {state}")
        told.complain()
    if told.broken:
        raise typer.Exit(UsageError.exit_code)


def _taken(c: Clew, head: int) -> dict[str, int]:
    """How many events an import withdrew, and how many memories it ended, since the log had that head; those that are none left out."""
    edits = [event.body for event in c.log.select("seq > ? AND kind = 'edit' AND salt IS NOT NULL", (head,))]
    found = {"withdrawn": len({seq for body in edits if body["op"] == "retract" for seq in body["seqs"]})}
    found["ended"] = sum(body["op"] == "retire" for body in edits)
    return {name: count for name, count in found.items() if count}


class _Told:
    """What an import left out, counted by its reason, and what of the file could not be read, each with its place."""

    def __init__(self) -> None:
        self.left, self.first, self.broken, self.count = Counter[str](), dict[str, str](), list[Left](), 0

    def hear(self, what: Left) -> None:
        if what.broken:
            self.count += 1
            self.broken += [what] if self.count <= LISTED else []
        else:
            self.left[what.why] += 1
            self.first.setdefault(what.why, what.where)

    def listed(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self.left:
            found["left"] = [{"why": why, "count": count, "first": self.first[why]} for why, count in self.left.items()]
        return found | ({"broken": self.broken, "broken_count": self.count} if self.broken else {})

    def complain(self) -> None:
        for what in self.broken[:SHOWN]:
            print(f"clew: {what.where}: {what.why}", file=sys.stderr)
        if self.count > SHOWN:
            print(f"clew: {self.count:,} places could not be read; --json lists them", file=sys.stderr)


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

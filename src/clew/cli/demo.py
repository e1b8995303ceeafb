"""`clew demo`: what Clew promises, tried before one's eyes, then a prompt; no model, no key, no network."""

import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import Annotated, Any

import typer

from clew.cli.page import Story
from clew.cli.promises import BM25, FIRST, LAST, TEAM, Trial, Week
from clew.cli.standing import STEPS
from clew.cli.terminal import Json, out, show_json
from clew.cli.writing import imported
from clew.engine import Clew
from clew.errors import ClewError, NotFound
from clew.readers import git_log, read
from clew.recall import Answer

LONGEST = 400  # characters of a quote that are shown; a commit or a page of a document may be long
SHOWN = 3  # quotes of each source
sockets: list[str] = []


def no_sockets(event: str, _: tuple[Any, ...]) -> None:
    """An audit hook under which whatever touches a socket fails, and is remembered."""
    if event.startswith("socket."):
        sockets.append(event)
        raise PermissionError(f"the demonstration opens no socket, and something tried to: {event}")


def git_known(t: Trial, repository: Path) -> str | None:
    """Import the repository's history as it was lived; what to call it, or None where there is none to be had."""
    if not (repository / ".git").exists():
        t.story.text(f"The repository's history cannot be asked: {repository.absolute()} is no git clone.", mark="soft")
        return None
    try:
        seen, _ = imported(t.c, git_log(repository), "git", "git", as_lived=True)
    except ClewError as error:
        t.story.text(f"The repository's history cannot be asked: {error}", mark="soft")
        return None
    shallow = (repository / ".git" / "shallow").exists()
    return f"this repository's history, {seen:,} commits{' (a shallow clone: older ones are not here)' if shallow else ''}"


def file_known(t: Trial, file: Path) -> str:
    """Import a file; what to call it."""
    start = monotonic()
    seen, _ = imported(t.c, read(file), file.name, "file", as_lived=False)
    t.c.catch_up("clew")
    return f"{file.name}, {seen:,} pieces, imported in {monotonic() - start:.1f} s"


def answered(t: Trial, question: str, known: Sequence[tuple[str, str]]) -> None:
    """The best quotes of each source that has an answer; where none has, what comes nearest in each."""
    t.story.asked(question)
    found: list[tuple[Answer, str]] = []
    for user, what in known:
        start = monotonic()
        answer = t.c.ask(question, user=user)
        found.append((answer, f"{what.partition(',')[0]}, in {(monotonic() - start) * 1000:.0f} ms"))
    some = any(answer.text is not None for answer, _ in found)
    for answer, what in sorted(found, key=lambda pair: pair[0].text is None):
        if some and answer.text is None:
            t.story.text(f"From {what}: nothing that is taken for an answer.", mark="soft")
            continue
        t.story.text(f"From {what}{', what comes nearest, not taken for an answer' if answer.text is None else ''}:", mark="soft")
        meant = {q.event.seq for q in answer.quotes}
        for rank, hit in enumerate(answer.hits[:SHOWN], 1):
            event = t.c.thread(hit.memory.id)[0].event
            words = hit.memory.text
            shown = words if len(words) <= LONGEST else words[:LONGEST].rpartition(" ")[0] + " ..."
            t.story.quote(shown, event.actor, event.at, f"rank {rank}{', the answer' if event.seq in meant else ''}")
        if not answer.hits:
            t.story.text("Nothing.", mark="soft")


def prompted(t: Trial, known: Sequence[tuple[str, str]]) -> None:
    """Answer whatever is typed, until an empty line."""
    while True:
        try:
            question = input("\nask (an empty line ends)> ").strip()
        except EOFError:
            question = ""
        if not question:
            return
        answered(t, question, known)


def shown(t: Trial, given: Sequence[str], repository: Path, file: Path | None, page: Path, quiet: bool) -> dict[str, Any]:
    """The whole demonstration: every promise, the page, the prompt; what came of it."""
    start = monotonic()
    for step in (*FIRST, *STEPS, *LAST):
        step(t)
    calls = t.c.status()["spent"]["calls"]
    t.story.chapter("Ask it yourself")
    names = {TEAM: "the week above", "git": git_known(t, repository), "file": file_known(t, file) if file else None}
    known = [(user, what) for user, what in names.items() if what]
    t.c.catch_up("clew")
    t.story.text(f"It knows {'; '.join(what for _, what in known)}.")
    for question in given:
        answered(t, question, known)
    if not given and not sys.stdin.isatty():
        t.story.text("There is no terminal here to ask at: ASK='...' asks a question, FILE=... adds a file.", mark="soft")
    taken = round(monotonic() - start, 1)
    last = f"{taken} s, {calls} model calls, {len(sockets)} sockets opened."
    t.story.write(page, last)
    out.print(f"\n{last} The same as a page: {page}", style="bold")
    if not given and sys.stdin.isatty() and not quiet:
        prompted(t, known)
        t.story.write(page, last)
    checks = [{"held": held, "what": what} for held, what in t.story.checks]
    return {"seconds": taken, "model_calls": calls, "sockets": len(sockets), "page": str(page), "checks": checks}


def demo(
    examples: Annotated[Path | None, typer.Option(help="The folder with demo.json and its transcript.")] = None,
    page: Annotated[Path, typer.Option(help="The HTML page to write.")] = Path("out/demo.html"),
    file: Annotated[str, typer.Option(envvar="FILE", help="Any file that the prompt at the end should know too.")] = "",
    ask: Annotated[str, typer.Option(envvar="ASK", help="Asked at the end, in place of the prompt; several, one a line.")] = "",
    repository: Annotated[Path, typer.Option(help="The git clone whose history the prompt should know.")] = Path("."),
    json: Json = False,
) -> None:
    """What Clew promises, tried on a week of an agent and its people; no socket is opened, no model called."""
    sys.addaudithook(no_sockets)
    week = Week.at(examples)
    extra = Path(file).expanduser() if file.strip() else None
    if extra is not None and not extra.exists():
        raise NotFound(f"there is no file {extra} for the prompt; FILE= takes a chat export, notes, a transcript")
    folder = Path(tempfile.mkdtemp(prefix="clew-demo-"))
    out.quiet = json
    story = Story("Clew: every memory leads back to the words", "A demonstration: one machine, one file, no key, no server, no network.")
    try:
        with Clew(folder / "harbour.db", recipes=["clew", BM25]) as c:
            given = [line.strip() for line in ask.splitlines() if line.strip()]
            done = shown(Trial(story, week, folder, c), given, repository, extra, page, json)
    finally:
        out.quiet = False
        shutil.rmtree(folder, ignore_errors=True)
    if json:
        show_json(done)
    if not all(held for held, _ in story.checks):
        raise typer.Exit(1)


def mount(app: Any) -> None:
    """Give the word to the command line."""
    app.command()(demo)

"""freephdlabor: an agent's work in steps, compacted without a model, files named instead of quoted, people between steps.

Paper:     arXiv:2510.15624
Code:      written from a specification of the paper and its release, no code copied
Forms:     token        Functions: working
Differs:   1. the raw log is the engine's; a backup is a place in it, and restoring one undoes the compaction
           2. tokens are counted by the model's tokenizer where one is connected; the release takes a quarter of the characters
           3. tools are counted by name (the release counts them all as unknown); the task and the system message are never hidden
           4. long results become references by themselves; agents' messages name files and are too short to quote them
           5. an interruption is an event that takes effect at the next step's end; the release listens on a socket
Results:   docs/findings/working_memory_recipes.md
"""
import json
from collections.abc import Sequence
from typing import Annotated, Any

from clew.context import Context
from clew.operators import retrieve
from clew.operators.window import files, journal
from clew.operators.window.reply import refused, told
from clew.recipe import CONTENT, Recipe, prompts
from clew.types import Event, Memory, Query

PARAMS = {
    "compaction": True, "at": 0.75, "context": 32_000,  # share of the model's context, in tokens, at which it compacts (release; the second is ours)
    "overhead": 3500, "held": 0.95,  # tokens of prompt and tools besides messages (release); `at` after a backup was restored (ours)
    "references": True, "inline": 500,  # results longer than so many tokens are named, not quoted (ours)
    "rights": True, "writers": {"shared/*": ["manager"]},  # who may write what; elsewhere each agent in its own folder (release)
    "resume": True,  # a new run goes on where the last one was
    "interruptible": True,
}
MANAGER = "manager"  # who works where a call names no agent
Path = Annotated[str, "a file's name, such as writer/draft.md", (1, 200)]
Number = Annotated[int, "the backup's number", (1, 10**6)]


def receive(events: Sequence[Event], ctx: Context) -> list[Memory]:
    """Every message word for word; interruptions and starts of runs as such."""
    return journal.noted(events[0], ctx)


def compact(ctx: Context) -> list[Memory]:
    """What hides old steps, once too much is shown."""
    p, all_ = ctx.params, journal.compactions(ctx)
    share = p["held"] if all_ and all_[-1].retired is not None else p["at"]
    return journal.compacted(ctx, share * p["context"] - p["overhead"]) if p["compaction"] else []


def write_file(path: Path, text: Annotated[str, "the whole file"], ctx: Context) -> list[Memory]:
    """Write a file, whole. Each agent writes in the folder of its name; shared files are written by those who may."""
    who = files.writer(ctx) if ctx.scope.agent else MANAGER
    if ctx.params["rights"] and not files.may_write(who, path, ctx.params["writers"]):
        may = ", ".join(files.writers(path, ctx.params["writers"])) or "nobody"
        return [refused(f"{who} may not write {path}, {may} may; {who}/{path.rpartition('/')[2]} would be right.", ctx)]
    return [*files.written(path, text, ctx), told(f"{path} written, {len(text)} characters.", ctx)]


def send(
    to: Annotated[str, "name of the agent", (1, 100)], about: Annotated[str, "what it is, in short", (1, 500)],
    paths: Annotated[list[str], "names of the files that it is about", (0, 20)], ctx: Context,
) -> list[Memory]:
    """Send another agent of this session a message. What it is about is read in files, so name them; it cannot hold their content."""
    held = files.stored(ctx)
    if missing := [path for path in paths if path not in held]:
        return [refused(f"there is no file {missing[0]}; write it first. There are:\n{files.listed([*held])}", ctx)]
    named = "\n".join(paths) if ctx.params["references"] else files.viewed(paths, ctx)
    return [journal.sent(to, f"{about}\n{named}" if paths else about, ctx), told(f"Sent to {to}.", ctx)]


def restore_backup(number: Number, ctx: Context) -> list[Memory]:
    """Undo a compaction and those after it: what it hid is shown again, word for word, until there is no more room."""
    found = journal.restored(number, ctx)
    known = ", ".join(str(m.data["number"]) for m in journal.compactions(ctx) if m.retired is None)
    return [*found, told(f"{len(found)} compactions undone.", ctx)] if found else [refused(f"backup {number} is not in force; {known or 'none'} are.", ctx)]


def read_backup(number: Number, ctx: Context) -> str:
    """Read all messages up to a compaction, word for word, one JSON object a line."""
    found = journal.backup(number, ctx)
    return f"Error: there is no backup {number}." if found is None else journal.lines(found)


def read_file(path: Path, ctx: Context) -> str:
    """Read a file, or a long result by the path that stands in its place, whole."""
    found = files.current(path, ctx) or journal.referred(path, ctx)
    return f"Error: there is no file {path}. There are:\n{files.listed([*files.stored(ctx)])}" if found is None else found.text


def list_files(ctx: Context) -> str:
    """List the session's files."""
    return files.listed([*files.stored(ctx)])


def state(ctx: Context) -> str:
    """For the driver of the model: running, pausing or paused, tokens shown and backups, as JSON."""
    return json.dumps(journal.state(ctx))


def window(query: Query, ctx: Context) -> list[dict[str, Any]]:
    """The system message and the task, what hidden steps come to, the steps since, and what people said in between."""
    return journal.window(query.max_tokens, ctx)


WRITES, READS = (write_file, send, restore_backup), (read_backup, read_file, list_files, state)
recipe = Recipe(
    name="freephdlabor", encode=receive, manage=compact, retrieve=retrieve.bm25, window=window, tools={f.__name__: f for f in (*WRITES, *READS)},
    edits=frozenset(f.__name__ for f in WRITES), on=CONTENT | {journal.INTERRUPT, journal.START}, embeds=frozenset(), shares="session",
    functions=("working",), params=PARAMS, prompts=prompts(__file__))

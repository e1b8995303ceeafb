"""Named files of a session: the words by name, every version kept, and who may write which.

A write is a new memory that supersedes the one before it, so that a checkpoint is a list of ids, and an old version is read by
its own. The texts are kept to the byte. Files belong to the session, not to the agent that wrote them: all its agents read them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from clew.context import Context
from clew.types import Memory

VERSION = 1
FILE = "file"  # kind of memory


def versions(path: str, ctx: Context) -> list[Memory]:
    """Every version of a file, oldest first."""
    found = (m for m in ctx.view.linked([node(path)]) if m.kind == FILE)
    return sorted(found, key=lambda m: m.data["version"])


def node(path: str) -> str:
    """What memories of a path are linked by."""
    return f"file:{path}"


def current(path: str, ctx: Context) -> Memory | None:
    """The file as it is now, or None."""
    return next((m for m in reversed(versions(path, ctx)) if m.retired is None), None)


def stored(ctx: Context) -> dict[str, Memory]:
    """All files as they are now, by path in order."""
    found = {m.data["path"]: m for m in ctx.view.all(FILE) if m.retired is None}
    return dict(sorted(found.items()))


def written(path: str, text: str, ctx: Context) -> list[Memory]:
    """What a write changes: the version before it, superseded, and the new one; nothing where the file is so already."""
    before = versions(path, ctx)
    old = next((m for m in reversed(before) if m.retired is None), None)
    if old is not None and old.text == text:
        return []
    scope = replace(ctx.scope, agent=None)
    new = ctx.memory(
        text,
        kind=FILE,
        links=[node(path)],
        scope=scope,
        actor=writer(ctx),
        path=path,
        version=1 + max([m.data["version"] for m in before], default=0),
    )
    return [*([] if old is None else [old.retire(ctx.at, "superseded")]), new]


def deleted(path: str, ctx: Context) -> list[Memory]:
    """What a deletion changes; nothing where there is no such file."""
    old = current(path, ctx)
    return [] if old is None else [old.retire(ctx.at, "superseded")]


def restored(saved: Mapping[str, str], ctx: Context) -> list[Memory]:
    """What brings back the files of a checkpoint (path to id of a version): those that differ written anew, those since made deleted."""
    changes = [m for path in stored(ctx) if path not in saved for m in deleted(path, ctx)]
    for path, id in saved.items():
        old = next((m for m in versions(path, ctx) if m.id == id), None)
        changes += [] if old is None else written(path, old.text, ctx)  # one that was forgotten since stays as it is
    return changes


def writer(ctx: Context) -> str | None:
    """Who is at work: the agent that the call names, else the actor."""
    return ctx.scope.agent or (ctx.event.actor if ctx.event is not None else None)


def writers(path: str, rights: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """Who may write a file: whom the first pattern that fits it names, else the agent whose folder it is in. `*` is everybody."""
    for pattern, named in rights.items():
        if fnmatchcase(path, pattern):
            return named
    folder, slash, _ = path.partition("/")
    return (folder,) if slash else ()


def may_write(who: str | None, path: str, rights: Mapping[str, Sequence[str]]) -> bool:
    """Whether an agent may write a file."""
    named = writers(path, rights)
    return "*" in named or who in named


def listed(paths: Sequence[str]) -> str:
    """Paths as a prompt shows them, one a line."""
    return "\n".join(f"- {path}" for path in paths) or "(none)"


def viewed(paths: Sequence[str], ctx: Context) -> str:
    """Files by name, whole, each under its name."""
    held = stored(ctx)
    return "\n\n".join(f"== {path}\n{held[path].text}" if path in held else f"Error: there is no file {path}." for path in paths)

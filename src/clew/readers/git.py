"""A git repository's history as it was lived: one observation a commit, oldest first."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from clew.errors import UsageError
from clew.readers.files import Message

_FIELD, _COMMIT = "\x1f", "\x1e"
_FORMAT = f"{_COMMIT}%H{_FIELD}%an{_FIELD}%aI{_FIELD}%B{_FIELD}"
SHOWN = 30  # files named in the text of a commit; the rest are counted
# A repository's own settings must not run programs or change the output; nor may the caller's GIT_DIR point elsewhere.
_FLAGS = ("--reverse", "--no-color", "--no-ext-diff", "--no-textconv", "--no-show-signature", "--encoding=UTF-8", "--numstat")


def git_log(path: str | Path) -> Iterator[Message]:
    """The commits of the checked-out branch, oldest first: author, author's date, message, files with lines added and removed.

    The key is the commit's hash. UsageError where there is no repository, no commit or no git.
    """
    command = ["git", "-C", str(path), "--no-pager", "log", *_FLAGS, f"--format={_FORMAT}"]
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
    except FileNotFoundError as error:
        raise UsageError("git is not installed; a repository's history is read through `git log`") from error
    assert process.stdout and process.stderr
    try:
        for record in _records(process.stdout):
            yield _commit(record)
        why = process.stderr.read().decode("utf-8", "replace").strip()
        if process.wait():
            raise UsageError(f"{path}: git log failed: {why or process.returncode}; give the folder of a git repository with a commit")
    finally:
        process.stdout.close()
        process.stderr.close()
        if process.poll() is None:
            process.kill()
            process.wait()


def _records(stream: IO[bytes]) -> Iterator[str]:
    """The text of one commit after another, as git writes them."""
    mark, left = _COMMIT.encode(), b""
    while block := stream.read(1 << 16):
        *whole, left = (left + block).split(mark)
        yield from (w.decode("utf-8", "replace") for w in whole if w.strip())
    if left.strip():
        yield left.decode("utf-8", "replace")


def _commit(record: str) -> Message:
    commit, author, at, message, changes = (record.split(_FIELD, 4) + [""] * 4)[:5]
    files = [line.split("\t", 2) for line in changes.splitlines() if line.count("\t") >= 2]
    lines = [f"{name} +{added} -{removed}" if added != "-" else f"{name} (binary)" for added, removed, name in files]
    summary = lines[:SHOWN] + ([f"and {len(lines) - SHOWN} more files"] if len(lines) > SHOWN else [])
    content = message.strip() + ("\n\nFiles changed:\n" + "\n".join(summary) if summary else "")
    out: Message = {"content": content or f"commit {commit}", "kind": "observation", "at": at, "key": commit}
    data = {"commit": commit, "files": [name for _, _, name in files[:SHOWN]]}
    return out | ({"actor": author[:500]} if author else {}) | {"data": data}

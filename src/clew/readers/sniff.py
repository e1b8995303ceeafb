"""Which reader a file is for, told by what is in it; its name decides only between kinds of plain text."""

import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from datetime import tzinfo
from pathlib import Path
from types import MappingProxyType

from clew.errors import NotFound, UsageError
from clew.readers import chats, documents, transcripts
from clew.readers.files import File, Message, zone
from clew.readers.git import git_log

FORMATS: Mapping[str, Callable[[File], Iterator[Message]]] = MappingProxyType(
    {
        "messages": chats.read_messages,
        "chatgpt": chats.read_chatgpt,
        "claude": chats.read_claude,
        "claude-code": transcripts.read_claude_code,
        "codex": transcripts.read_codex,
        "markdown": documents.read_markdown,
        "text": documents.read_text,
        "csv": documents.read_csv,
        "mbox": documents.read_mbox,
        "git": lambda file: git_log(file.path),
    }
)
_SUFFIXES = {".md": "markdown", ".markdown": "markdown", ".txt": "text", ".csv": "csv", ".tsv": "csv", ".json": "messages"}
_SUFFIXES |= {".jsonl": "messages", ".ndjson": "messages", ".mbox": "mbox"}
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def read(path: str | Path, *, kind: str | None = None, tz: str | tzinfo | None = None) -> Iterator[Message]:
    """The messages of a file, or of a folder that is a git repository, in the order in which they stand there.

    `kind` names the format (one of FORMATS) where its content should not decide; gzip is unpacked. `tz`, a name or an
    offset, is taken for times that carry none: without it they are an error. Each message is what `Clew.record` takes:
    content, kind, key, and role, actor, at, session and data where the file knows them. Raises NotFound for a missing
    file at once; UsageError for a file of no known format, and while reading, with file and line, for a broken one.
    """
    file = File(Path(path), zone(tz))
    if kind is not None and kind not in FORMATS:
        raise UsageError(f"kind={kind!r} is no format; there are {', '.join(FORMATS)}")
    if not file.path.exists():
        raise NotFound(f"there is no file {file.path}")
    return FORMATS[kind or sniff(file)](file)


def sniff(file: File) -> str:
    """The name of the file's format, a key of FORMATS; UsageError where it is none of them."""
    if file.path.is_dir():
        if (file.path / ".git").exists():
            return "git"
        raise UsageError(f"{file.path} is a folder and no git repository; give a file, or a folder with a .git")
    head = file.head()
    if zipfile.is_zipfile(file.path):
        raise UsageError(f"{file.path} is a zip archive; unpack it and give a file in it, such as conversations.json")
    if head.startswith(b"From ") and re.match(rb"From .*\r?\n[\w-]+:", head):
        return "mbox"
    if _BINARY.search(head) and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UsageError(f"{file.path} is of no known format; there are {', '.join(FORMATS)}")
    suffix = next((s.lower() for s in reversed(file.path.suffixes) if s.lower() != ".gz"), "")
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    named = _SUFFIXES.get(suffix)
    if start in (b"{", b"[") and (named in (None, "messages") or _is_json(file)):
        return _json_format(file)
    if named == "messages":
        raise UsageError(f"{file.path}: line 1 is not JSON; each line must be one complete JSON value")
    if named:
        return named
    text = head.decode("utf-8", "replace")
    if re.search(r"^#{1,6} \S", text, re.M) or text.startswith("---\n"):
        return "markdown"
    return "csv" if documents.delimiter(text) else "text"


def _is_json(file: File) -> bool:
    """Whether a file whose name says text is JSON all the same."""
    try:
        json.loads(next(file.lines(), (1, ""))[1])
    except (json.JSONDecodeError, RecursionError):
        return False
    return True


def _json_format(file: File) -> str:
    """The format of a JSON file, by the first objects in it."""
    for n, (_, item) in enumerate(file.objects()):
        if not isinstance(item, Mapping):
            return "messages"
        if isinstance(item.get("mapping"), Mapping):
            return "chatgpt"
        if isinstance(item.get("chat_messages"), list):
            return "claude"
        if item.get("type") in ("session_meta", "response_item", "event_msg") and isinstance(item.get("payload"), Mapping):
            return "codex"
        if "instructions" in item and "timestamp" in item and "id" in item and "content" not in item:
            return "codex"
        if "sessionId" in item and isinstance(item.get("message"), Mapping):
            return "claude-code"
        if n >= 50 or not {"leafUuid", "summary", "snapshot", "sessionId"} & set(item):  # Claude Code may begin with other lines
            return "messages"
    return "messages"

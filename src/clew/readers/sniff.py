"""Which reader a file is for, told by what is in it; its name decides only between kinds of plain text."""

import importlib
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import tzinfo
from pathlib import Path
from types import MappingProxyType
from typing import Any

from clew.errors import MissingExtra, NotFound, UsageError
from clew.readers import archives, calendars, chats, documents, graphs, letta, mail, mem0, mempalace, openmemory, transcripts
from clew.readers.files import File, Left, Message, table, tables, zone
from clew.readers.git import git_log
from clew.readers.notes import Reading, kept
from clew.readers.rows import MAGIC, columns, sqlite


def _office(kind: str) -> Callable[[File], Iterator[Message]]:
    """A reader of the extra [documents], imported when it is used."""
    return kept(lambda file: getattr(importlib.import_module("clew.readers.office"), f"read_{kind}")(file))


def read_folder(file: File) -> Iterator[Message]:
    """Every file below a folder in the order of their names, each by its own format: a vault of notes, a folder of transcripts.

    What begins with a dot is left out, and so is what no reader is for.
    """
    for path in sorted(file.path.rglob("*")):
        parts = path.relative_to(file.path).parts
        if any(part.startswith(".") for part in parts) or (path.is_dir() and not path.is_symlink()):
            continue
        one = replace(file, path=path, root=file.root or file.path)
        if path.is_symlink():
            file.skip(one.name, "a symbolic link")
            continue
        try:
            kind = sniff(one)
        except UsageError as error:
            file.skip(one.name, "a file that no reader is for" if "of no known format" in str(error) else str(error))
            continue
        try:
            yield from FORMATS[kind](one)
        except UsageError as error:
            file.refuse(one.name, error)
        except MissingExtra as error:
            file.refuse(one.name, UsageError(str(error)))


FORMATS: Mapping[str, Callable[[File], Iterator[Message]]] = MappingProxyType(
    {
        "messages": chats.read_messages,
        "chatgpt": chats.read_chatgpt,
        "claude": chats.read_claude,
        "claude-code": transcripts.read_claude_code,
        "codex": transcripts.read_codex,
        "mem0": mem0.read_mem0,
        "mem0-json": mem0.read_mem0_json,
        "openmemory": openmemory.read_openmemory,
        "letta": letta.read_letta,
        "graphiti": graphs.read_graph,
        "mempalace": mempalace.read_mempalace,
        "markdown": kept(documents.read_markdown, dated=True),
        "text": kept(documents.read_text),
        "csv": documents.read_csv,
        "mbox": mail.read_mbox,
        "ics": calendars.read_ics,
        "pdf": _office("pdf"),
        "docx": _office("docx"),
        "pptx": _office("pptx"),
        "xlsx": _office("xlsx"),
        "git": lambda file: git_log(file.path),
        "folder": read_folder,
    }
)
_SUFFIXES = {".md": "markdown", ".markdown": "markdown", ".txt": "text", ".csv": "csv", ".tsv": "csv", ".json": "messages"}
_SUFFIXES |= {".jsonl": "messages", ".ndjson": "messages", ".mbox": "mbox", ".af": "messages", ".ics": "ics"}
_OFFICE = {"word/document.xml": "docx", "ppt/presentation.xml": "pptx", "xl/workbook.xml": "xlsx"}
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def read(
    path: str | Path,
    *,
    kind: str | None = None,
    tz: str | tzinfo | None = None,
    left: Callable[[Left], None] | None = None,
    user: str | None = None,
) -> Reading:
    """The messages of a file or a folder, in the order in which they stand there.

    `kind` names the format (one of FORMATS) where its content should not decide; gzip is unpacked. `tz`, a name or an
    offset, is taken for times that carry none: without it they are an error. Each message is what `Clew.record` takes:
    content, kind, key, and role, actor, at, session and data where the file knows them; stores of many users name the `user`
    too, unless `user` says whose they are. What `importing` lists as HINTS, and `ended`, is in a message for `imported`, and so is what
    this iterator knows of the files that it read.
    Raises NotFound for a missing file at once; UsageError for a file of no known format, and while reading, with file and
    line, for a broken one. With `left` reading goes on behind what is broken, and it is told of everything that was left out.
    """
    reading = Reading(iter(()))
    file = File(Path(path), zone(tz), left, user, whole=reading.whole.add)
    if kind is not None and kind not in FORMATS:
        raise UsageError(f"kind={kind!r} is no format; there are {', '.join(FORMATS)}")
    if not file.path.exists():
        raise NotFound(f"there is no file {file.path}")
    reading.messages = _found(kind or sniff(file), file, reading)
    return reading


def _found(kind: str, file: File, reading: Reading) -> Iterator[Message]:
    try:
        yield from map(_modest, FORMATS[kind](file))
        if kind == "folder":
            reading.survey(file.path)
    except UsageError as error:  # it ends here; what came before it is kept
        file.refuse(file.name, error)


def _modest(message: Message) -> Message:
    """A file's word for a role does not make its words the owner's."""
    return message if message.get("role") not in ("system", "developer") else {"trust": "user"} | message


def sniff(file: File) -> str:
    """The name of the file's format, a key of FORMATS; UsageError where it is none of them."""
    if file.path.is_dir():
        return _folder_format(file)
    head = file.head()
    if zipfile.is_zipfile(file.path):
        return _zip_format(file)
    if head.startswith(b"PK\x03\x04"):
        raise UsageError(f"{file.path} is a zip archive without its end; download it again")
    if head.startswith(MAGIC):
        return _sqlite_format(file)
    if head.startswith(b"%PDF-"):
        return "pdf"
    if head.startswith(b"From ") and re.match(rb"From .*\r?\n[\w-]+:", head):
        return "mbox"
    if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:15].upper() == b"BEGIN:VCALENDAR":
        return "ics"
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


def _folder_format(file: File) -> str:
    if (file.path / ".git").exists():
        return "git"
    if mempalace.is_folder(file.path):
        return "mempalace"
    if mem0.is_folder(file.path):
        return "mem0"
    if any(path.is_file() for path in file.path.rglob("*") if not path.name.startswith(".")):
        return "folder"
    raise UsageError(f"{file.path} is a folder with no file in it, and no git repository")


def _zip_format(file: File) -> str:
    found = archives.names(file.path)
    if kind := next((kind for part, kind in _OFFICE.items() if part in found), None):
        return kind
    found = archives.trusted(file.path)
    if parts := chats.talks(file):
        return _archive_format(file, parts)
    if any(name.rpartition("/")[2] in openmemory.PARTS for name in found):
        return "openmemory"
    raise UsageError(
        f"{file.path} is a zip archive of no known export (those of ChatGPT, Claude and OpenMemory are); "
        f"unpack it and give a file or a folder in it: {', '.join(found[:6])[:200] or 'it is empty'}"
    )


def _archive_format(file: File, parts: list[File]) -> str:
    """Whose export an archive with conversations is; one where nothing was ever said is of either."""
    kinds, broken = set[str](), list[UsageError]()
    for part in parts:
        try:
            if next(replace(part, left=None).objects(), None) is not None:
                kinds.add(_json_format(part))
        except UsageError as error:
            broken.append(error)
    if known := [kind for kind in ("chatgpt", "claude") if kind in kinds]:
        return known[0]
    if broken:
        raise broken[0]
    if kinds:
        raise UsageError(f"{parts[0].place} is neither ChatGPT's nor Claude's: no conversation in it has `mapping` or `chat_messages`")
    return "chatgpt"


def _sqlite_format(file: File) -> str:
    with sqlite(file.path) as c:
        there = columns(c)
    if "memory_id" in there.get("history", ()) or set(there) == {"points"}:
        return "mem0"
    if "triples" in there or {"collections", "embedding_metadata"} <= set(there) or {"collections", "documents"} <= set(there):
        return "mempalace"
    if "memories" in there:
        return "openmemory"
    if {"event", "answer", "meta"} <= set(there):
        raise UsageError(f"{file.path} is a memory of Clew itself; to carry it into another use `clew export` and `clew load`")
    raise UsageError(f"{file.path} is of no known format; it is SQLite with the tables {', '.join(sorted(there))[:200]}")


def _is_json(file: File) -> bool:
    """Whether a file whose name says text is JSON all the same."""
    try:
        json.loads(next(file.lines(), (1, ""))[1])
    except (json.JSONDecodeError, RecursionError):
        return False
    return True


def _json_format(file: File) -> str:
    """The format of a JSON file, by the first objects in it."""
    for n, (_, item) in enumerate(replace(file, left=lambda _: None).objects()):
        if not isinstance(item, Mapping):
            return "messages"
        if found := _object_format(item):
            return found
        if item.get("table") in ("meta", "event") and ("seq" in item or "key" in item):
            raise UsageError(f"{file.place} is an export of Clew; take it in with `clew load`")
        if n >= 50 or not {"leafUuid", "summary", "snapshot", "sessionId"} & set(item):  # Claude Code may begin with other lines
            return "messages"
    return "messages"


def _object_format(item: Mapping[str, Any]) -> str | None:
    """The format that an object can only be of, or None."""
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
    if isinstance(item.get("core_memory"), list) or (isinstance(item.get("agents"), list) and isinstance(item.get("blocks"), list)):
        return "letta"
    if "export_meta" in item or ({"content", "state", "app", "categories"} <= set(item)):
        return "openmemory"
    listed = tables(item.get("results")) or tables(item.get("memories")) or [item]
    if isinstance(listed[0].get("memory"), str) and "id" in listed[0]:
        return "mem0-json"
    return "graphiti" if _is_graph(item) else None


def _is_graph(item: Mapping[str, Any]) -> bool:
    if item.get("type") in ("node", "relationship") and isinstance(item.get("properties"), Mapping):
        return True
    listed = next((tables(item[name]) for name in graphs.LISTS if tables(item.get(name))), [])
    first = listed[0] if listed else next(iter(item.values()), None) if len(item) == 1 else item
    first = table(table(first).get("properties", first))
    own = {
        "group_id",
        "source_description",
        "role_type",
        "fact_embedding",
        "name_embedding",
        "source_node_uuid",
        "graph_uuid",
        "thread_uuid",
    }
    return "uuid" in first and bool(own & set(first))

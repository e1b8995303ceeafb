"""Messages in JSON: OpenAI's shape, any list of who said what when, and the exports of ChatGPT and Claude."""

import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from clew.errors import UsageError
from clew.readers import archives
from clew.readers.files import File, Message, table, tables
from clew.types import KINDS

# The names that files give to what Clew calls content, actor, at, key and session; the first one present is taken.
NAMES = {
    "content": ("content", "text", "body", "message", "utterance"),
    "actor": ("actor", "speaker", "author", "from", "sender", "username"),
    "at": ("at", "timestamp", "time", "created_at", "datetime", "date", "ts", "create_time"),
    "key": ("key", "id", "uuid", "message_id"),
    "session": ("session", "session_id", "conversation_id", "thread", "channel"),
}
# Keys of OpenAI's shape that belong to the message itself. A file's own `user`, `agent` or `trust` stay data: whose the
# memories are and how far they are trusted is for the one who imports to say.
SHAPE = ("role", "name", "tool_calls", "tool_call_id", "function_call", "refusal")
ROLES = ("user", "assistant", "tool", "function", "system", "developer")
LISTS = ("messages", "turns", "conversation", "chat", "traj")  # where a conversation keeps its messages
_NOT_SAID = ("thoughts", "user_editable_context")  # kinds of content that ChatGPT keeps but does not show
_TALKS = re.compile(r"(?:.*/)?conversations(?:-(\d+))?\.json")  # in the archive that is downloaded; large ones come in numbered parts
_ALIASES = {"human": "user", "ai": "assistant", "bot": "assistant", "model": "assistant"}


def role_of(name: Any) -> str | None:
    """OpenAI's word for a role that another file calls human, ai, bot or model; None for a name that is no role."""
    word = _ALIASES.get(str(name).lower(), str(name).lower())
    return word if word in ROLES else None


def read_messages(file: File) -> Iterator[Message]:
    """Messages one a line or in an array, or conversations that hold lists of them."""
    yield from file.each(file.objects(), lambda where, item: _conversation(item, file, where))


def _conversation(item: Any, file: File, where: str) -> Iterator[Message]:
    if isinstance(item, str):
        item = {"content": item}
    if not isinstance(item, Mapping):
        raise UsageError(f"{where}: a message is a JSON object, got {type(item).__name__}")
    inner = next((item[name] for name in LISTS if isinstance(item.get(name), list)), None)
    if inner is None:
        yield from kept(as_message(item, file, where), file, where)
        return
    about = as_message({k: v for k, v in item.items() if k not in LISTS} | {"content": "-"}, file, where)
    session = about.get("session") or next((str(item[k]) for k in ("key", "id", "uuid", "task_id") if item.get(k) is not None), None)
    defaults = {k: v for k, v in {"session": session or where, "at": about.get("at")}.items() if v is not None}

    def said(place: str, each: Any) -> Iterator[Message]:
        if not isinstance(each, (Mapping, str)):
            raise UsageError(f"{place}: a message is a JSON object, got {type(each).__name__}")
        yield from kept(as_message(defaults | ({"content": each} if isinstance(each, str) else dict(each)), file, place), file, place)

    yield from file.each(((f"{where}, message {n}", each) for n, each in enumerate(inner, 1)), said)


def kept(message: Message, file: File, where: str) -> Iterator[Message]:
    """The message, unless there is nothing in it."""
    content = message.get("content")
    if (content.strip() if isinstance(content, str) else content) or message.get("tool_calls"):
        yield message
    else:
        file.skip(where, "no words")


def as_message(item: Mapping[str, Any], file: File, where: str) -> Message:
    """One message out of an object that names its parts in any of the usual ways; what has no name of ours goes to `data`."""
    rest, found = dict(item), {}
    for ours, names in NAMES.items():
        for name in names:
            if rest.get(name) is not None and (ours == "content" or isinstance(rest[name], (str, int, float))):
                found[ours] = rest.pop(name)
                break
    out: Message = {name: rest.pop(name) for name in SHAPE if rest.get(name) is not None}
    content = found.get("content")
    if isinstance(content, Mapping):
        raise UsageError(f"{where}: the content is an object; it must be a text or a list of parts")
    if content is None and not out.get("tool_calls"):
        names = ", ".join(NAMES["content"])
        raise UsageError(f"{where}: there is no content; expected one of {names} in {sorted(map(str, item))[:12]}")
    out["content"] = parts(content) if isinstance(content, list) else None if content is None else str(content)
    actor = found.get("actor")
    if "role" in out:
        out["role"] = role_of(out["role"]) or str(out["role"])
    elif role := role_of(actor):
        out["role"] = role
    if actor is not None and str(actor):
        out["actor"] = str(actor)[:500]
    if moment := file.moment(found.get("at"), where):
        out["at"] = moment
    if found.get("session") not in (None, ""):
        out["session"] = str(found["session"])[:500]
    told = [content, out.get("tool_calls"), moment, out.get("actor"), out.get("session")]
    out["key"] = file.key(found.get("key", where.removeprefix(f"{file.name}, ")), told)
    kind = rest.pop("kind") if rest.get("kind") in KINDS else None
    out["kind"] = kind or ("observation" if out.get("role") in ("tool", "function") else "action" if out.get("tool_calls") else "message")
    data = rest.pop("data", None)
    data = {**(data if isinstance(data, dict) else {} if data is None else {"data": data}), **rest}
    return out | ({"data": data} if data else {})


def parts(content: list[Any]) -> list[Any]:
    """Parts of a message in OpenAI's shape; images and files given as base64 become the words [image] and [file]."""
    out: list[Any] = []
    for part in content:
        if isinstance(part, str):
            out.append({"type": "text", "text": part})
        elif isinstance(part, Mapping) and isinstance(part.get("text"), str):
            out.append({"type": "text", "text": part["text"]})
        elif isinstance(part, Mapping):
            link = part.get("image_url")
            link = link.get("url") if isinstance(link, Mapping) else link
            kept = isinstance(link, str) and not link.startswith("data:")
            word = "image" if "image" in str(part.get("type") or part.get("content_type")) else "file"
            out.append(dict(part) if kept else {"type": "text", "text": f"[{word}]"})
    return out


def text_of(content: Any) -> str:
    """The text of a content that is a text or a list of parts; anything else has none."""
    if isinstance(content, str):
        return content
    return "\n".join(p["text"] for p in parts(content if isinstance(content, list) else []) if isinstance(p.get("text"), str))


def talks(file: File) -> list[File]:
    """The conversations in an archive of ChatGPT or Claude, in the order of their numbers; a file that is no archive is its own."""
    if not zipfile.is_zipfile(file.path):
        return [file]
    found = [match for name in archives.trusted(file.path) if (match := _TALKS.fullmatch(name))]
    return [replace(file, part=match[0]) for match in sorted(found, key=lambda match: (int(match[1] or 0), match[0]))]


def _archived(file: File, one: Callable[[Mapping[str, Any], File, str], Iterator[Message]]) -> Iterator[Message]:
    """What `one` makes of each conversation, in an archive or not; what else the archive holds is told."""

    def read(_: str, part: File) -> Iterator[Message]:
        yield from part.each(part.records(), lambda where, talk: one(talk, part, where))

    parts = talks(file)
    yield from file.each(((part.name, part) for part in parts), read)
    if parts != [file]:
        known = {part.part for part in parts}
        for name in archives.trusted(file.path):
            if name not in known:
                file.skip(f"{file.name}, {name}", "a file that stands beside the conversations in the archive")


def read_chatgpt(file: File) -> Iterator[Message]:
    """ChatGPT's conversations.json, in its archive or out of it: of each tree of messages the branch that was last shown."""
    yield from _archived(file, _shown)


def _shown(talk: Mapping[str, Any], file: File, where: str) -> Iterator[Message]:
    nodes = talk.get("mapping")
    if not isinstance(nodes, Mapping):
        raise UsageError(f"{where}: a conversation of ChatGPT has a `mapping`")
    session = str(talk.get("conversation_id") or talk.get("id") or where)
    path = _branch(nodes, talk.get("current_node"))
    for _ in [n for n in nodes if n not in path and table(nodes[n]).get("message")]:
        file.skip(where, "an answer that was asked for anew, on a branch that is not the one last shown")
    for node in path:
        said = table(table(nodes[node]).get("message"))
        body, meta = table(said.get("content")), table(said.get("metadata"))
        hidden = meta.get("is_visually_hidden_from_conversation") or body.get("content_type") in _NOT_SAID
        text = text_of(body["parts"] if isinstance(body.get("parts"), list) else body.get("text"))
        if hidden or not text.strip():
            if said:
                file.skip(f"{where}, message {node}", "what ChatGPT keeps and does not show" if hidden else "no words")
            continue
        role = role_of(table(said.get("author")).get("role")) or "user"
        out: Message = {"content": text, "role": role, "key": str(said.get("id") or node), "session": session}
        out["kind"] = "observation" if role == "tool" else "message"
        if at := file.moment(said.get("create_time"), where):
            out["at"] = at
        model = meta.get("model_slug")
        yield out | {"data": {"title": talk.get("title") or ""} | ({"model": model} if model else {})}


def _branch(nodes: Mapping[str, Any], last: Any) -> list[str]:
    """The ids from the root to the last node shown, or to the last leaf where the file does not say."""
    if not isinstance(last, str) or last not in nodes:
        last = next((n for n in reversed(list(nodes)) if not table(nodes[n]).get("children")), None)
    path: list[str] = []
    while isinstance(last, str) and last in nodes and last not in path:
        path.append(last)
        last = table(nodes[last]).get("parent")
    return path[::-1]


def read_claude(file: File) -> Iterator[Message]:
    """Claude's conversations.json, in its archive or out of it; the text of an attachment becomes a document of its own."""
    yield from _archived(file, _talked)


def _talked(talk: Mapping[str, Any], file: File, where: str) -> Iterator[Message]:
    if not isinstance(talk.get("chat_messages"), list):
        raise UsageError(f"{where}: a conversation of Claude has `chat_messages`")
    for n, item in enumerate(tables(talk["chat_messages"]), 1):
        place = f"{where}, message {n}"
        key = str(item.get("uuid") or file.key(n, item))
        out: Message = {"role": role_of(item.get("sender")) or "user", "key": key, "kind": "message"}
        out["session"] = str(talk.get("uuid") or where)
        if at := file.moment(item.get("created_at") or talk.get("created_at"), place):
            out["at"] = at
        data = {"title": talk.get("name") or ""}
        for k, sheet in enumerate(tables(item.get("attachments"))):
            if text := text_of(sheet.get("extracted_content")).strip():
                about = {"kind": "document", "key": f"{key}#{k}", "data": data | {"file": sheet.get("file_name") or ""}}
                yield out | {"content": text} | about
        for _ in tables(item.get("files")):
            file.skip(place, "a file whose contents the export does not hold")
        said = [part for part in tables(item.get("content")) if part.get("type") == "text"]
        for part in tables(item.get("content")):
            if part.get("type") != "text":
                file.skip(place, f"a part of type {part.get('type')}")
        text = text_of(said) or text_of(item.get("text"))  # the latter has fillers where parts were of other types
        yield from kept(out | {"content": text, "data": data}, file, place)

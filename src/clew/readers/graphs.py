"""Graphiti and Zep: episodes, facts and entities, as their models dump them, as rows of a query, or as Neo4j exports them."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from clew.errors import UsageError
from clew.readers.chats import role_of, text_of
from clew.readers.derived import concluded, held, scope, stamp
from clew.readers.files import File, Message, items, table, tables

LISTS = ("episodes", "episodic_nodes", "nodes", "entities", "communities", "edges", "facts", "entity_edges", "messages", "sagas")
USERS = ("group_id", "user_id", "user_uuid")
SESSIONS = ("thread_id", "session_id", "thread_uuid")
_SPEAKER = re.compile(r"([^:\n]{1,60}):[ \t]+(?=\S)", re.M)
_ZONE = re.compile(r"\[[\w/+-]+\]$")  # behind a time as Neo4j writes it


def read_graph(file: File) -> Iterator[Message]:
    """Episodes as what was said, facts and summaries as what was concluded, the facts from the episodes that they name.

    A fact that ended says until when it held. `group_id`, or Zep's user, is whose it is.
    """

    def one(where: str, item: Any) -> Iterator[Message]:
        item = table(item)
        listed = [name for name in LISTS if isinstance(item.get(name), list) and "uuid" not in item]
        if not listed:
            yield from _record(item, file, where)
        about = {name: item[name] for name in (*USERS, *SESSIONS) if item.get(name)}
        for name in listed:
            found = ((f"{where}, {name} {n}", {**about, **each}) for n, each in enumerate(tables(item[name]), 1))
            yield from file.each(found, one)

    yield from file.each(file.objects(), one)


def _record(item: Mapping[str, Any], file: File, where: str) -> Iterator[Message]:
    labels = {str(label) for label in items(item.get("labels"))} | {str(item.get("label"))}
    if item.get("type") in ("node", "relationship") and isinstance(item.get("properties"), Mapping):
        item = item["properties"]
    elif len(item) == 1 and isinstance(inner := next(iter(item.values())), Mapping):
        item = inner  # a row of `MATCH (n) RETURN n`
        labels |= {str(label) for label in items(item.get("labels"))}
        item = table(item.get("properties", item))
    if isinstance(item.get("fact"), str):
        yield from _fact(item, file, where)
    elif isinstance(item.get("content"), (str, list)) and (
        "Episodic" in labels or {"source", "source_description", "role_type", "role"} & set(item)
    ):
        yield from _episode(item, file, where)
    elif isinstance(item.get("summary"), str) and item.get("name"):
        yield from _summary(item, file, where)
    elif "uuid" in item or labels - {"None"}:
        file.skip(where, "a node or an edge without words")
    else:
        raise UsageError(f"{where}: expected an episode (content), a fact or an entity (name, summary); got {sorted(map(str, item))[:12]}")


def _moment(item: Mapping[str, Any], name: str, file: File, where: str) -> str | None:
    value = item.get(name)
    return file.moment(_ZONE.sub("", value) if isinstance(value, str) else value, where)


def _whose(item: Mapping[str, Any], file: File) -> Message:
    user, session = (next((item[name] for name in names if item.get(name)), None) for names in (USERS, SESSIONS))
    return scope(file, user, None, session)


def _episode(item: Mapping[str, Any], file: File, where: str) -> Iterator[Message]:
    text, source = text_of(item["content"]), str(item.get("source") or item.get("source_type") or "").lower()
    if not text.strip():
        return file.skip(where, "no words")
    spoken = bool({"role", "role_type"} & set(item)) or source.rpartition(".")[2] == "message"
    out: Message = {
        "content": text,
        "kind": "message" if spoken else "document",
        "key": f"graphiti:{item.get('uuid') or stamp(text)}"[:500],
    }
    role = role_of(item.get("role_type")) or role_of(item.get("role"))
    # Zep's versions differ: `role` is the speaker's name beside `role_type`, or the role beside `role_name` or `name`
    called = item.get("role_name") or (
        item.get("role") if not role_of(item.get("role")) else None if "source" in item else item.get("name")
    )
    if spoken and not called and not role and len(found := _SPEAKER.findall(text)) == 1 and text.startswith(found[0]):
        called, out["content"] = found[0], text[len(found[0]) + 1 :].strip()
        role = role_of(called)
    if spoken:
        out |= ({"actor": str(called)[:500]} if called else {}) | ({"role": role} if role else {})
    if at := next((at for n in ("valid_at", "reference_time", "created_at") if (at := _moment(item, n, file, where))), None):
        out["at"] = at
    told = {"name": item.get("name"), "source": item.get("source_description")}
    data = {name: value for name, value in told.items() if value}
    yield out | _whose(item, file) | ({"data": data} if data else {})


def _fact(item: Mapping[str, Any], file: File, where: str) -> Iterator[Message]:
    if not item["fact"].strip():
        return file.skip(where, "no words")
    since, until, gone, made = (_moment(item, name, file, where) for name in ("valid_at", "invalid_at", "expired_at", "created_at"))
    text = held(item["fact"], since, until, gone)
    at = since or made
    data = {
        "relation": item.get("name"),
        "episodes": item.get("episodes") or item.get("episode_uuids"),
        "valid_at": since,
        "invalid_at": until,
        "expired_at": gone,
    }
    data |= {"subject": item.get("source_node_uuid"), "object": item.get("target_node_uuid"), "attributes": item.get("attributes")}
    drawn = [f"graphiti:{episode}"[:500] for episode in items(data["episodes"]) if isinstance(episode, str)]
    about = {"current": "uuid" in item, "drawn": drawn, "until": until or gone} | _whose(item, file) | ({"at": at} if at else {})
    yield concluded("graphiti", text, f"graphiti:{item.get('uuid') or stamp(item['fact'])}:{stamp(text)}", about, data)


def _summary(item: Mapping[str, Any], file: File, where: str) -> Iterator[Message]:
    name, text = str(item["name"]), item["summary"].strip()
    if not text:
        return file.skip(where, "an entity without a summary")
    text = text if name.lower() in text.lower() else f"{name}: {text}"
    at = _moment(item, "created_at", file, where)
    data = {"entity": name, "labels": item.get("labels"), "attributes": item.get("attributes")}
    about = {"current": "uuid" in item} | _whose(item, file) | ({"at": at} if at else {})
    yield concluded("graphiti", text, f"graphiti:{item.get('uuid') or name}:{stamp(text)}", about, data)

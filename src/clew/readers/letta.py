"""Letta's agent files (`.af`), of both makes: the messages, the memory blocks, passages and files of one agent or of several."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from clew.errors import UsageError
from clew.readers.chats import role_of, text_of
from clew.readers.derived import concluded, stamp
from clew.readers.documents import pieces
from clew.readers.files import File, Message, items, table, tables
from clew.readers.transcripts import called

ALOUD = "letta_v1"  # the agents that say what they write beside a call; for older ones it is a thought
SENT = "send_message"  # the tool by which Letta's agents answer: what it is given is what the agent said


def read_letta(file: File) -> Iterator[Message]:
    """Each agent's blocks as its conclusions, then its messages in their order, then the files it had; its name is the agent's scope."""
    yield from file.each(file.records(), lambda where, whole: _whole(whole, file, where))


def _whole(whole: Mapping[str, Any], file: File, where: str) -> Iterator[Message]:
    agents = tables(whole.get("agents")) or ([whole] if "core_memory" in whole or "messages" in whole else [])
    if not agents:
        raise UsageError(f"{where}: an agent file has `agents`, or the `core_memory` and `messages` of one")
    blocks = {str(block.get("id")): block for block in tables(whole.get("blocks"))}
    for agent in agents:
        yield from _agent(agent, blocks, whole, file, where)
    for sheet in tables(whole.get("files")):
        yield from _sheet(sheet, file, where)
    for kind in ("tools", "mcp_servers", "groups"):
        for _ in tables(whole.get(kind)):
            file.skip(where, f"an entry of {kind}")


def _agent(
    agent: Mapping[str, Any], blocks: Mapping[str, Mapping[str, Any]], whole: Mapping[str, Any], file: File, where: str
) -> Iterator[Message]:
    name = str(agent.get("name") or agent.get("id") or "letta")[:400]
    made = agent.get("updated_at") or agent.get("created_at") or whole.get("created_at")
    mine = [blocks[str(id)] for id in items(agent.get("block_ids")) if str(id) in blocks]
    mine += [*tables(agent.get("core_memory")), *tables(agent.get("memory_blocks"))]
    found = ((f"{where}, {name}, block {block.get('label')}", block) for block in mine)
    yield from file.each(found, lambda place, block: _block(block, name, made, file, place))
    told = [*tables(agent.get("passages")), *tables(agent.get("archival_memory"))]
    yield from file.each(
        ((f"{where}, {name}, passage {n}", p) for n, p in enumerate(told, 1)), lambda place, p: _passage(p, name, file, place)
    )
    said = ((f"{where}, {name}, message {n}", message) for n, message in enumerate(tables(agent.get("messages")), 1))
    aloud = str(agent.get("agent_type")).startswith(ALOUD)
    yield from file.each(said, lambda place, message: _message(message, name, aloud, file, place))


def _block(block: Mapping[str, Any], name: str, made: Any, file: File, where: str) -> Iterator[Message]:
    text = block.get("value")
    if not isinstance(text, str) or not text.strip():
        return file.skip(where, "no words")
    at = file.moment(block.get("updated_at") or block.get("created_at") or made, where)
    about = {"agent": name} | ({"at": at} if at else {})
    data = {"block": block.get("label"), "description": block.get("description")}
    yield concluded("letta", text, f"letta:{name}:block:{block.get('label')}:{stamp(text)}", about, data, name)


def _passage(passage: Mapping[str, Any], name: str, file: File, where: str) -> Iterator[Message]:
    text = passage.get("text")
    if not isinstance(text, str) or not text.strip():
        return file.skip(where, "no words")
    about: Message = {"agent": name} | ({"at": at} if (at := file.moment(passage.get("created_at"), where)) else {})
    yield concluded("letta", text, f"letta:{name}:passage:{stamp(text)}", about, {"tags": passage.get("tags")}, name)


def _sheet(sheet: Mapping[str, Any], file: File, where: str) -> Iterator[Message]:
    title = str(sheet.get("original_file_name") or sheet.get("file_name") or sheet.get("id"))
    text = sheet.get("content")
    if not isinstance(text, str) or not text.strip():
        return file.skip(f"{where}, file {title}", "a file whose contents the agent file does not hold")
    stamped = file.moment(sheet.get("file_last_modified_date") or sheet.get("file_creation_date"), where)
    for piece in pieces(text):
        out: Message = {"content": piece, "kind": "document", "key": f"letta:file:{title[:300]}:{stamp(piece)}", "data": {"file": title}}
        yield out | ({"at": stamped} if stamped else {})


def _message(message: Mapping[str, Any], name: str, aloud: bool, file: File, where: str) -> Iterator[Message]:
    role, text = role_of(message.get("role")), _text(message, file, where)
    if role in ("system", "developer", None):
        return file.skip(where, f"a message of {message.get('role')}: how the agent was told to be")
    packed = _packed(text)
    if role == "user" and packed.get("type") not in (None, "user_message"):
        return file.skip(where, f"a message of type {packed['type']} that Letta wrote itself")
    at = file.moment(message.get("created_at"), where)
    about: Message = {"agent": name, "role": role} | ({"at": at} if at else {})
    calls, answers = _calls(message)
    key = f"letta:{name}:{message.get('id') or where.rpartition(' ')[2]}:{stamp(f'{at}{text}{calls}{answers}')}"
    if role == "user" or not (calls or answers):
        text = str(packed.get("message") or text)
        if role == "tool":
            about |= {"tool_call_id": str(message.get("tool_call_id")), "kind": "observation"}
        if not text.strip() or (role == "tool" and message.get("name") == SENT):
            return file.skip(where, "no words" if not text.strip() else f"that {SENT} was done")
        named = {"actor": str(message["name"])[:500]} if message.get("name") and role != "tool" else {}
        yield about | {"content": text, "key": key[:500]} | named
        return
    if text.strip() and not aloud:
        file.skip(where, "what the agent thought")
    for n, answer in enumerate(answers):
        yield about | {"content": answer, "key": f"{key}#{n}"[:500]}
    if calls:
        yield about | {"content": text if aloud else "", "tool_calls": calls, "kind": "action", "key": key[:500]}


def _text(message: Mapping[str, Any], file: File, where: str) -> str:
    """The words of a message, or what a tool gave back; an agent's reasoning is left out."""
    content = message.get("content") or message.get("text")
    for part in tables(content):
        if part.get("type") not in ("text", "image"):
            file.skip(where, f"a part of type {part.get('type')}")
    text = text_of(
        [p for p in items(content) if table(p).get("type", "text") in ("text", "image")] or (content if isinstance(content, str) else "")
    )
    return text or "\n".join(str(back["func_response"]) for back in tables(message.get("tool_returns")) if back.get("func_response"))


def _calls(message: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[str]]:
    """(the calls of tools, what was said by calling `send_message`)."""
    calls, answers = [], []
    for each in tables(message.get("tool_calls")):
        function = table(each.get("function"))
        given = _packed(function.get("arguments")) or table(function.get("arguments"))
        if function.get("name") == SENT and isinstance(given.get("message"), str):
            answers.append(given["message"])
        else:
            calls.append(called(each.get("id"), function.get("name"), function.get("arguments") or ""))
    return calls, answers


def _packed(text: Any) -> Mapping[str, Any]:
    """The JSON object that a text is: Letta packs what the user says, with the time, and its own alarms alike."""
    if not isinstance(text, str) or not text.lstrip().startswith("{"):
        return {}
    try:
        return table(json.loads(text))
    except (ValueError, RecursionError):
        return {}

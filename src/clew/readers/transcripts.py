"""What coding agents leave behind: the JSONL transcripts of Claude Code and of Codex."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from clew.readers.chats import parts, role_of, text_of
from clew.readers.files import File, Message, table, tables


def called(ident: Any, name: Any, arguments: Any) -> dict[str, Any]:
    """A call of a tool in OpenAI's shape; arguments that are no text become JSON."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return {"id": str(ident or ""), "type": "function", "function": {"name": str(name), "arguments": text}}


def read_claude_code(file: File) -> Iterator[Message]:
    """A session of Claude Code: what was said, the calls of tools as actions, their results as observations."""
    yield from file.each(file.records(), lambda where, line: _claude_code_line(line, file, where))


def _claude_code_line(line: Mapping[str, Any], file: File, where: str) -> Iterator[Message]:
    said = line.get("message")
    if line.get("type") not in ("user", "assistant") or not isinstance(said, Mapping) or line.get("isMeta"):
        file.skip(where, f"a line of type {'meta' if line.get('isMeta') else line.get('type')}")
        return
    about: Message = {"session": str(line.get("sessionId") or file.name)}
    if at := file.moment(line.get("timestamp"), where):
        about["at"] = at
    data = {name: line[field] for name, field in (("cwd", "cwd"), ("branch", "gitBranch")) if line.get(field)}
    if line.get("isSidechain"):
        data["sidechain"] = True
    if data:
        about["data"] = data
    key = str(line.get("uuid") or file.key(where, said))
    content = said.get("content")
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else tables(content)
    for n, block in enumerate(b for b in blocks if b.get("type") == "tool_result"):
        if text := text_of(block.get("content")).strip():
            result = {"role": "tool", "tool_call_id": str(block.get("tool_use_id")), "content": text, "kind": "observation"}
            yield about | result | {"key": f"{key}#{n}"}
        else:
            file.skip(where, "the empty result of a tool")
    calls = [called(b.get("id"), b.get("name"), b.get("input")) for b in blocks if b.get("type") == "tool_use"]
    text = "\n".join(p["text"] for p in parts([b for b in blocks if b.get("type") in ("text", "image", "document")]))
    for block in blocks:
        if block.get("type") not in ("tool_result", "tool_use", "text", "image", "document"):
            file.skip(where, f"a part of type {block.get('type')}")
    if text.strip() or calls:
        out = {"role": role_of(said.get("role")) or line["type"], "content": text, "key": key}
        yield about | out | ({"kind": "action", "tool_calls": calls} if calls else {"kind": "message"})


def read_codex(file: File) -> Iterator[Message]:
    """A session of Codex; the stream's own copies of messages (event_msg) and its reasoning are left out."""
    session = file.name

    def entry(where: str, line: Mapping[str, Any]) -> Iterator[Message]:
        nonlocal session
        item = table(line.get("payload", line))
        if line.get("type") == "session_meta" or ("instructions" in line and "id" in line):
            session = str(item.get("id") or session)
            return
        out = None if line.get("type") in ("event_msg", "turn_context", "compacted") else _codex_item(item)
        if out is None:
            file.skip(
                where, f"a line of type {line.get('type')}/{item.get('type')}" if "payload" in line else f"a line of {item.get('type')}"
            )
            return
        if at := file.moment(line.get("timestamp"), where):
            out["at"] = at
        yield out | {"session": session, "key": file.key(f"{session}:{where.rpartition(', ')[2]}", item)}

    yield from file.each(file.records(), entry)


def _codex_item(item: Mapping[str, Any]) -> Message | None:
    """A message, a call or a result; None for anything else."""
    sort = item.get("type")
    if sort == "message":
        text = text_of(item.get("content"))
        role = role_of(item.get("role")) or "user"
        return {"role": role, "content": text, "kind": "message"} if text.strip() else None
    if sort in ("function_call", "custom_tool_call", "local_shell_call"):
        arguments = item.get("arguments") or item.get("input") or item.get("action") or ""
        call = called(item.get("call_id") or item.get("id"), item.get("name") or "shell", arguments)
        return {"role": "assistant", "content": "", "tool_calls": [call], "kind": "action"}
    if sort in ("function_call_output", "custom_tool_call_output"):
        result = item.get("output")
        if isinstance(result, Mapping):
            result = result.get("content") or result.get("output") or json.dumps(dict(result), ensure_ascii=False)
        text = text_of(result)
        if text.strip():
            return {"role": "tool", "tool_call_id": str(item.get("call_id")), "content": text, "kind": "observation"}
    return None

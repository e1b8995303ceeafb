"""A session's messages as memories, word for word, and back into the shape that chat APIs take.

A message's memory has its text (`Event.text`) and source; in `data` stand `role`, `event` (the event's kind) and, under `message`, everything else
that the chat API was given: name, tool_calls, tool_call_id, and the content itself where it is more than that text.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from clew.context import Context
from clew.types import Event, Memory, body_text

VERSION = 1
MESSAGE = "message"  # the kind of memory
OURS = frozenset({"role", "basis", "data"})  # keys of a body that are no part of the message, or stand elsewhere
ROLES = {"action": "assistant"}  # by kind of event, where the body says none; an observation without a call is shown as the user's
FRAME = 4  # tokens that a chat template puts around one message, about (OpenAI's own count is 3 and 1 for a name)
PART = 1000  # tokens of a part that is no text, such as an image: providers differ, this is on the safe side of most
MISSING = "[this result is not available]"


def kept(events: Sequence[Event], ctx: Context) -> list[Memory]:
    """Each event as one memory of kind "message", from which `rendered` makes the same message again."""
    return [ctx.memory(e.text, kind=MESSAGE, sources=[e], actor=e.actor, **_told(e)) for e in events]


def _told(event: Event) -> dict[str, Any]:
    body: Mapping[str, Any] = event.body if isinstance(event.body, Mapping) else {"content": event.text}
    role = body.get("role")
    rest = {key: value for key, value in body.items() if key not in OURS}
    if rest.get("content") == event.text:
        del rest["content"]
    return {"role": role if isinstance(role, str) else ROLES.get(event.kind, "user"), "event": event.kind, "message": rest}


def messages(ctx: Context) -> list[Memory]:
    """The session's messages in the order of the log, each at its newest version; what was retired is left out.

    Where something was taken out of a message and approved later, it stands there once, whole.
    """
    found = {place(m): m for m in ctx.view.all(MESSAGE) if m.retired is None}
    return [found[seq] for seq in sorted(found)]


def ordered(memories: Iterable[Memory]) -> list[Memory]:
    """The same memories by the place of the first event they come from; a revised one stays where it was."""
    return sorted(memories, key=place)


def place(memory: Memory) -> int:
    """The place in the log of the event that a memory began with."""
    return memory.sources[0].seq


def rendered(memory: Memory, content: Any = None) -> dict[str, Any]:
    """The message as it was given, or with other `content`. Where an owner revised its words, those are its content."""
    rest = memory.data["message"]
    found: dict[str, Any] = {"role": memory.data["role"], **rest}
    if not ("content" in rest or rest.get("tool_calls")) or body_text(rest) != memory.text:
        found["content"] = memory.text
    return found if content is None else {**found, "content": content}


def observed(memory: Memory) -> bool:
    """Whether a message is what came back from the world: a tool's result, or recorded with kind="observation". Else somebody says it."""
    return memory.data["role"] == "tool" or (memory.data["role"] == "user" and memory.data["event"] != MESSAGE)


def words(message: Mapping[str, Any]) -> str:
    """The text of a message's content, its text parts joined by newlines; "" where it has none."""
    return body_text({"content": message.get("content") or ""})


class Counts(Protocol):
    """Whatever counts tokens: the context, for one."""

    def tokens(self, text: str) -> int:
        """How many tokens a text has."""
        ...


def cost(message: Mapping[str, Any], ctx: Counts) -> int:
    """Tokens of one message: its words, name and calls counted by `Context.tokens`, and what a chat template adds."""
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    others = sum(not (isinstance(part, str) or (isinstance(part, Mapping) and part.get("type", "text") == "text")) for part in parts)
    calls, name = message.get("tool_calls"), message.get("name")
    told = [words(message), json.dumps(calls, ensure_ascii=False) if calls else "", name if isinstance(name, str) else ""]
    return FRAME + PART * others + sum(ctx.tokens(text) for text in told if text)


def size(shown: Iterable[Mapping[str, Any]], ctx: Counts) -> int:
    """Tokens of all these messages."""
    return sum(cost(message, ctx) for message in shown)


def calls(message: Mapping[str, Any]) -> list[str]:
    """Ids of the tool calls that a message makes."""
    made = message.get("tool_calls")
    found = [call.get("id") for call in made if isinstance(call, Mapping)] if isinstance(made, list) else []
    return [id for id in found if isinstance(id, str)]


def opening(said: Sequence[Memory]) -> int:
    """How many messages at the beginning no recipe hides: the system message and the task, where the first thing said is one."""
    first = next((i for i, m in enumerate(said) if m.data["role"] != "system"), len(said))
    return first + (first < len(said) and said[first].data["role"] == "user")


def paired(shown: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The messages with every tool call answered and every result after its call, as chat APIs insist on.

    Where a well-formed session is whole nothing changes. A result whose id was lost gets the next open call's; one
    without any call becomes the user's; a call whose result is gone (forgotten, in quarantine) is told so.
    """
    found, waiting = list[dict[str, Any]](), list[str]()
    for message in map(dict, shown):
        if message["role"] == "tool":
            id = message.get("tool_call_id")
            id = waiting[0] if id is None and waiting else id
            if id in waiting:
                waiting.remove(id)
                found.append({**message, "tool_call_id": id})
            else:
                found.append({"role": "user", "content": message.get("content") or ""})
            continue
        found += [{"role": "tool", "tool_call_id": id, "content": MISSING} for id in waiting]
        waiting = calls(message)
        found.append(message)
    return found

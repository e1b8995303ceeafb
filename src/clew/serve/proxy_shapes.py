"""What the proxy has to know of OpenAI's shapes: where the question stands, what is new in a request, what an answer says.

Nothing else of a request or an answer is read, and nothing of an answer is changed.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Message = dict[str, Any]
WORDS = ("text", "input_text", "output_text", "refusal")  # parts of a content that are words
EMPTY = "(nothing)"  # an empty result of a tool is a result


class Heard(Protocol):
    """An answer as it comes in pieces."""

    id: str | None

    def take(self, answer: Mapping[str, Any]) -> None:
        """Take in an answer that came in one piece."""
        ...

    def feed(self, event: Mapping[str, Any]) -> None:
        """Take in one event of the stream."""
        ...

    def message(self) -> Message | None:
        """What was said until now; None where nothing was."""
        ...


def new(messages: Sequence[Message]) -> int:
    """The place of the first message after the assistant's last: what came before was there when that was asked."""
    return next((i + 1 for i in range(len(messages) - 1, -1, -1) if messages[i]["role"] == "assistant"), 0)


def words(content: Any) -> str:
    """The text of a message's content, its text parts joined by newlines."""
    if isinstance(content, str):
        return content
    return "\n".join(str(p.get("text") or p.get("refusal") or "") for p in _maps(content) if p.get("type") in WORDS)


def _maps(value: Any) -> list[Mapping[str, Any]]:
    """The mappings in a list; what does not have the shape is not ours to complain of."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _content(content: Any) -> str:
    """What is recorded of a content: its words, and of everything else what sort of thing it was."""
    names = [f"({kind})" for part in _maps(content) if (kind := part.get("type")) not in WORDS]
    return "\n".join(part for part in (words(content), *names) if part)


def _call(id: Any, name: Any, arguments: Any) -> Message:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def _said(role: str, content: Any, **more: Any) -> Message | None:
    """A message as it is recorded; None where nothing is said in it."""
    text = _content(content)
    text = text if text.strip() else EMPTY if role == "tool" else ""
    found = {"role": role, "content": text, **{name: value for name, value in more.items() if value}}
    return found if text or found.get("tool_calls") else None


def _before(content: Any, block: str, kind: str) -> Any:
    return f"{block}\n\n{content}" if isinstance(content, str) else [{"type": kind, "text": block}, *content]


def _last_user(messages: Sequence[Any]) -> int | None:
    places = (i for i in range(len(messages) - 1, -1, -1) if isinstance(messages[i], Mapping) and messages[i].get("role") == "user")
    return next((i for i in places if isinstance(messages[i].get("content"), str | list)), None)


@dataclass(frozen=True, slots=True)
class Shape:
    """One of the protocols: how its requests and answers are laid out."""

    field: str  # of a request, that holds what was said: a list of items, or the user's words alone
    part: str  # what sort of part of a content the words of a user are
    read: Callable[[Any], Message | None]  # an item as `record` takes it; None for instructions, and for what says nothing
    heard: Callable[[], Heard]  # nothing heard yet
    named: tuple[str, ...] = ()  # fields that name the conversation a request is part of

    def spoken(self, body: Mapping[str, Any]) -> list[Message]:
        """What people and tools said in a request, in order, as `record` takes it; the assistant's words too, instructions never."""
        return [message for item in self._items(body) if (message := self.read(item))]

    def question(self, body: Mapping[str, Any]) -> str:
        """The newest words of the user, "" where there are none."""
        items = self._items(body)
        place = _last_user(items)
        return "" if place is None else words(items[place]["content"])

    def shown(self, body: Mapping[str, Any], block: str) -> dict[str, Any]:
        """The request with the block before the newest words of the user; everything before them stays as it was."""
        if isinstance(body.get(self.field), str):
            return {**body, self.field: _before(body[self.field], block, self.part)}
        items = [*self._items(body)]
        place = _last_user(items)
        if place is not None:
            items[place] = {**items[place], "content": _before(items[place]["content"], block, self.part)}
        return {**body, self.field: items}

    def conversation(self, body: Mapping[str, Any]) -> str | None:
        """The conversation that a request names itself as part of, by its id."""
        found = (body.get(name) for name in self.named)
        ids = (one.get("id") if isinstance(one, Mapping) else one for one in found)
        return next((id for id in ids if isinstance(id, str) and id), None)

    def whole(self, answer: Mapping[str, Any]) -> Heard:
        """An answer that came in one piece."""
        found = self.heard()
        found.take(answer)
        return found

    def _items(self, body: Mapping[str, Any]) -> list[Any]:
        found = body.get(self.field)
        return [{"role": "user", "content": found}] if isinstance(found, str) else found if isinstance(found, list) else []


def _message(given: Any) -> Message | None:
    """A message of a chat: words, calls, or what a call gave."""
    if not isinstance(given, Mapping) or given.get("role") not in ("user", "assistant", "tool", "function"):
        return None
    role, calls = str(given["role"]), given.get("tool_calls")
    name = given.get("name") if isinstance(given.get("name"), str) else None
    made = [found for call in calls if (found := _chat_call(call))] if isinstance(calls, list) else []
    role = "tool" if role == "function" else role
    return _said(role, given.get("content"), name=name, tool_calls=made, tool_call_id=given.get("tool_call_id"))


def _chat_call(call: Any) -> Message | None:
    function = call.get("function") if isinstance(call, Mapping) else None
    return _call(call.get("id"), function.get("name"), function.get("arguments")) if isinstance(function, Mapping) else None


class ChatHeard:
    """The first choice of a chat completion, whole or in chunks."""

    def __init__(self) -> None:
        self.id: str | None = None
        self._text: list[str] = []
        self._calls: dict[int, Message] = {}

    def take(self, answer: Mapping[str, Any]) -> None:
        """An answer in one piece."""
        self._choices(answer, "message")

    def feed(self, event: Mapping[str, Any]) -> None:
        """A chunk."""
        self._choices(event, "delta")

    def _choices(self, event: Mapping[str, Any], part: str) -> None:
        self.id = event.get("id") or self.id
        for choice in _maps(event.get("choices")):
            if choice.get("index", 0) == 0 and isinstance(choice.get(part), Mapping):
                self._said(choice[part])

    def _said(self, said: Mapping[str, Any]) -> None:
        self._text += [piece for piece in (said.get("content"), said.get("refusal")) if isinstance(piece, str)]
        for place, call in enumerate(_maps(said.get("tool_calls"))):
            index, function = call.get("index", place), call.get("function")
            if isinstance(index, int) and isinstance(function, Mapping):
                made = self._calls.setdefault(index, _call(None, "", ""))
                made["id"] = call.get("id") or made["id"]
                made["function"]["name"] += str(function.get("name") or "")
                made["function"]["arguments"] += str(function.get("arguments") or "")

    def message(self) -> Message | None:
        """What the assistant said until now."""
        return _said("assistant", "".join(self._text), tool_calls=[self._calls[place] for place in sorted(self._calls)])


def _item(item: Any) -> Message | None:
    """An item of a conversation as a message: words, a call, or what a call gave."""
    if not isinstance(item, Mapping):
        return None
    if item.get("type") == "function_call":
        return _said("assistant", "", tool_calls=[_call(item.get("call_id"), item.get("name"), item.get("arguments"))])
    if item.get("type") == "function_call_output":
        return _said("tool", item.get("output"), tool_call_id=item.get("call_id"))
    if item.get("type", "message") == "message" and item.get("role") in ("user", "assistant"):
        return _said(str(item["role"]), item.get("content"))
    return None


class ResponsesHeard:
    """A response, whole or as its events come."""

    def __init__(self) -> None:
        self.id: str | None = None
        self._items: list[Any] = []
        self._text: list[str] = []  # of the item that is not done yet

    def take(self, answer: Mapping[str, Any]) -> None:
        """A response in one piece."""
        self.id, self._text = answer.get("id") or self.id, []
        if isinstance(answer.get("output"), list):
            self._items = answer["output"] or self._items

    def feed(self, event: Mapping[str, Any]) -> None:
        """One event of its stream."""
        kind = str(event.get("type"))
        if isinstance(event.get("response"), Mapping):
            self.take(event["response"])
        elif kind in ("response.output_text.delta", "response.refusal.delta"):
            self._text.append(str(event.get("delta") or ""))
        elif kind == "response.output_item.done":
            self._items, self._text = [*self._items, event.get("item")], []

    def message(self) -> Message | None:
        """What the assistant said until now, its calls beside it."""
        found = [message for item in self._items if (message := _item(item)) and message["role"] == "assistant"]
        text = "\n".join([*(m["content"] for m in found if m["content"]), *(["".join(self._text)] if self._text else [])])
        return _said("assistant", text, tool_calls=[call for m in found for call in m.get("tool_calls", ())])


# /v1/chat/completions: the whole conversation with every request.
CHAT = Shape("messages", "text", _message, ChatHeard)
# /v1/responses: the new items alone, where a response or a conversation before them is named.
RESPONSES = Shape("input", "input_text", _item, ResponsesHeard, ("conversation", "previous_response_id"))


class Events:
    """Server-sent events out of the bytes of a stream, as each is complete."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    def feed(self, piece: bytes) -> Iterator[Mapping[str, Any]]:
        """The events that this piece completes; those that are no JSON object, such as [DONE], are left out."""
        lines = (self._rest + piece).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            line = line.rstrip(b"\r")
            if line.startswith(b"data:"):
                self._data.append(line[5:].strip())
            elif not line and self._data:
                data, self._data = b"\n".join(self._data), []
                found = _json(data)
                if isinstance(found, Mapping):
                    yield found


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None

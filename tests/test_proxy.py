"""The OpenAI-compatible proxy between the official client and an upstream of a script: what goes in, what comes out, what is kept."""

import asyncio
import contextlib
import json
import logging
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="needs a server: pip install 'clew[serve]'")
pytest.importorskip("openai", reason="needs the official client: pip install 'clew[llm]'")

import httpx2
import openai
from listening import listening
from openai import OpenAI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from clew import Clew, ModelError
from clew.recall import NOTE
from clew.recipe import load
from clew.serve.access import Access
from clew.serve.limits import Limits
from clew.serve.proxy import Upstream, app
from clew.serve.proxy_memory import ChatMemory

TOOL = {"type": "function", "function": {"name": "tide", "parameters": {"type": "object", "properties": {"port": {"type": "string"}}}}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "tide", "arguments": '{"port": "Lagos"}'}}


def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return (
        f"data: {json.dumps({'id': 'c1', 'object': 'chat.completion.chunk', 'created': 1, 'model': 'm', 'choices': [choice]})}\n\n".encode()
    )


def event(kind: str, **more: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, 'sequence_number': 0, **more})}\n\n".encode()


class Script:
    """An upstream that answers by the name of the model, and keeps what it was sent."""

    def __init__(self) -> None:
        self.asked: list[tuple[dict[str, str], Any]] = []
        self.left = threading.Event()  # the proxy let go of an endless stream

    def app(self) -> Starlette:
        posts = {"/v1/chat/completions": self.chat, "/v1/responses": self.responses, "/v1/embeddings": self.embeddings}
        return Starlette(routes=[*(Route(p, f, methods=["POST"]) for p, f in posts.items()), Route("/v1/models", self.models)])

    async def _body(self, request: Request) -> Any:
        raw = await request.body()
        try:
            body = json.loads(raw)
        except ValueError:
            body = raw
        self.asked.append((dict(request.headers), body))
        return body

    async def chat(self, request: Request) -> Response:
        body = await self._body(request)
        if not isinstance(body, dict):
            return JSONResponse({"error": {"message": "that is no JSON", "type": "invalid_request_error"}}, 400)
        model = body["model"]
        if model == "busy":
            error = {"message": "slow down", "type": "rate_limit_error", "param": None, "code": "rate_limited"}
            return JSONResponse({"error": error}, 429, {"retry-after": "7", "x-request-id": "req_9"})
        if body.get("stream"):
            return StreamingResponse({"cut": self.cut, "endless": self.endless}.get(model, self.pieces)(), media_type="text/event-stream")
        message = (
            {"role": "assistant", "content": None, "tool_calls": [CALL]} if model == "tools" else {"role": "assistant", "content": "Aye."}
        )
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if model == "tools" else "stop"}
        return JSONResponse({"id": "c1", "object": "chat.completion", "created": 1, "model": model, "choices": [choice]})

    async def pieces(self) -> AsyncIterator[bytes]:
        said = b"".join([chunk({"role": "assistant", "content": ""}), chunk({"content": "High wäter "}), chunk({"content": "at six."})])
        for place in range(0, len(said), 50):  # pieces that end anywhere, in the middle of a letter too
            yield said[place : place + 50]
            await asyncio.sleep(0)
        yield chunk({"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": {"name": "tide", "arguments": ""}}]})
        yield chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"port": '}}]})
        yield chunk({"tool_calls": [{"index": 0, "function": {"arguments": '"Lagos"}'}}]})
        yield chunk({}, "tool_calls")
        yield b"data: [DONE]\n\n"

    async def cut(self) -> AsyncIterator[bytes]:
        yield chunk({"role": "assistant", "content": "High water at"})
        await asyncio.sleep(0.05)
        raise ConnectionResetError("the upstream falls over")

    async def endless(self) -> AsyncIterator[bytes]:
        try:
            for number in range(2000):
                yield chunk({"content": f"{number} "})
                await asyncio.sleep(0.01)
        finally:
            self.left.set()

    async def responses(self, request: Request) -> Response:
        body = await self._body(request)
        text = {"type": "output_text", "text": "Aye, aye.", "annotations": []}
        said = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [text]}
        call = {"id": "fc_1", "type": "function_call", "call_id": "call_1", "name": "tide", "arguments": "{}", "status": "completed"}
        number = sum("/responses" in str(h.get("x-path", "/responses")) for h, _ in self.asked)
        done = {
            "id": f"resp_{number}", "object": "response", "created_at": 1, "model": "m", "status": "completed",
            "output": [said, call] if body["model"] == "tools" else [said], "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
        }  # fmt: skip
        if not body.get("stream"):
            return JSONResponse(done)

        async def events() -> AsyncIterator[bytes]:
            yield event("response.created", response={**done, "output": [], "status": "in_progress"})
            for piece in ("Aye, ", "aye."):
                yield event("response.output_text.delta", item_id="msg_1", output_index=0, content_index=0, delta=piece, logprobs=[])
            yield event("response.completed", response=done)

        return StreamingResponse(events(), media_type="text/event-stream")

    async def embeddings(self, request: Request) -> Response:
        await self._body(request)
        return JSONResponse({"object": "list", "model": "e", "data": [{"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}]})

    async def models(self, request: Request) -> Response:
        self.asked.append((dict(request.headers), None))
        return JSONResponse({"object": "list", "data": [{"id": "m", "object": "model", "created": 1, "owned_by": "us"}]})


class World:
    """A memory, a proxy before it, an upstream behind it."""

    def __init__(self, clew: Clew, url: str, script: Script) -> None:
        self.clew, self.url, self.script, self.access = clew, url, script, Access(clew.log)
        self.clients: list[OpenAI] = []

    def client(self, key: str = "sk-none", **headers: str) -> OpenAI:
        named = {f"X-Clew-{name.capitalize()}": value for name, value in headers.items()}
        self.clients.append(OpenAI(base_url=self.url, api_key=key, default_headers=named, max_retries=0, timeout=60))
        return self.clients[-1]

    def kept(self, user: str | None = "ana") -> list[Any]:
        """The messages recorded of a user; a stream is recorded after its last piece, so one waits for it."""
        return [e for e in self.clew.log.read() if e.scope.user == user and e.kind in ("message", "observation")]

    def waited(self, count: int, user: str | None = "ana") -> list[Any]:
        until = time.monotonic() + 30
        while len(found := self.kept(user)) < count and time.monotonic() < until:
            time.sleep(0.01)
        return found

    def sent(self) -> Any:
        return self.script.asked[-1][1]


@contextmanager
def between(path: Path, *, key: str | None = "sk-upstream", recipes: Any = ("clew",), **more: Any) -> Iterator[World]:
    script = Script()
    with Clew(path / "m.db", recipes=recipes) as clew, listening(script.app()) as upstream:
        memory = ChatMemory(clew, Access(clew.log), max_tokens=400, **more)
        with listening(app(memory, Upstream(f"{upstream}/v1", key))) as url:
            world = World(clew, f"{url}/v1", script)
            yield world
            for client in world.clients:
                client.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with between(tmp_path) as found:
        yield found


def ask(client: OpenAI, text: str = "Where is my boat?", model: str = "m", **more: Any) -> Any:
    return client.chat.completions.with_raw_response.create(model=model, messages=[{"role": "user", "content": text}], **more)


# -- what goes in ---------------------------------------------------------------------------------------------------


def test_what_is_remembered_stands_before_the_newest_words_and_all_before_them_is_untouched(world: World) -> None:
    world.clew.record("I keep my boat in Lagos.", user="ana")
    before = [
        {"role": "system", "content": "You are a harbour master."},
        {"role": "user", "content": "Hello."},
        {"role": "assistant", "content": "Ahoy."},
    ]
    raw = world.client(user="ana").chat.completions.with_raw_response.create(
        model="m", messages=[*before, {"role": "user", "content": "Where is my boat?"}], temperature=0.5, seed=7
    )
    assert raw.parse().choices[0].message.content == "Aye." and raw.headers["x-clew-memory"] == "recalled"
    sent = world.sent()
    assert sent["messages"][:3] == before and (sent["temperature"], sent["seed"]) == (0.5, 7)
    content = sent["messages"][3]["content"]
    [hit] = world.clew.recall("boat in Lagos", user="ana", k=1)
    assert content.startswith("<memory ") and f"[{hit.memory.id}]" in content and content.endswith("</memory>\n\nWhere is my boat?")
    assert len(sent["messages"]) == 4


def test_parts_of_a_message_keep_their_places_behind_the_block(world: World) -> None:
    world.clew.record("My boat is called Halcyon.", user="ana")
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    world.client(user="ana").chat.completions.create(
        model="m", messages=[{"role": "user", "content": [{"type": "text", "text": "Is this my boat?"}, picture]}]
    )
    first, text, second = world.sent()["messages"][0]["content"]
    assert "Halcyon" in first["text"] and text["text"] == "Is this my boat?" and second == picture
    assert [e.text for e in world.kept()][1:] == ["Is this my boat?\n(image_url)", "Aye."], "a picture's bytes are not recorded"


def test_the_steps_of_one_turn_are_sent_the_same_block(world: World) -> None:
    world.clew.record("I keep my boat in Lagos.", user="ana")
    client, said = world.client(user="ana", session="s1"), [{"role": "user", "content": "What is the tide at my boat?"}]
    client.chat.completions.create(model="tools", messages=said, tools=[TOOL])
    first = world.sent()["messages"]
    world.clew.record("The boat of mine was moved to Sines today.", user="ana")
    steps = [{"role": "assistant", "content": None, "tool_calls": [CALL]}, {"role": "tool", "tool_call_id": "call_1", "content": "2.1 m"}]
    client.chat.completions.create(model="m", messages=[*said, *steps], tools=[TOOL])
    assert world.sent()["messages"][:1] == first and world.sent()["messages"][1:] == steps and world.sent()["tools"] == [TOOL]
    client.chat.completions.create(model="m", messages=[*said, *steps, {"role": "user", "content": "And where is my boat now?"}])
    assert world.sent()["messages"][0] == said[0], "an older turn is as the client has it"
    assert "Sines" in world.sent()["messages"][-1]["content"]


# -- what is kept ---------------------------------------------------------------------------------------------------


def test_both_sides_are_kept_once_each_with_their_scope(world: World) -> None:
    client = world.client(user="ana", session="s1", agent="mate")
    said: list[Any] = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello."}]
    raw = ask(client, "Hello.")
    assert raw.headers["x-clew-recorded"] == "stored 2" and raw.headers["x-clew-session"] == "s1"
    said += [{"role": "assistant", "content": "Aye."}, {"role": "user", "content": "I sold the piano."}]
    client.chat.completions.create(model="m", messages=said)
    kept = world.kept()
    assert [(e.actor, e.text) for e in kept] == [
        ("user", "Hello."),
        ("assistant", "Aye."),
        ("user", "I sold the piano."),
        ("assistant", "Aye."),
    ]
    assert {(e.scope.user, e.scope.agent, e.scope.session) for e in kept} == {("ana", "mate", "s1")}
    assert [e.trust for e in kept] == [5, 4, 5, 4] and kept[1].body["data"] == {"model": "m"}
    assert "instructions" not in str(kept) and not any("Be brief" in e.text for e in kept), "a client's instructions are nobody's memory"
    client.chat.completions.create(model="m", messages=said)  # asked again: the same words at the same place
    assert [e.text for e in world.kept()].count("I sold the piano.") == 1


def test_a_conversation_without_a_name_is_one_session_and_its_name_tells_nothing(world: World) -> None:
    client = world.client(user="ana")
    first = ask(client, "My piano is a Bechstein.").headers["x-clew-session"]
    said = [
        {"role": "user", "content": "My piano is a Bechstein."},
        {"role": "assistant", "content": "Aye."},
        {"role": "user", "content": "Black."},
    ]
    client.chat.completions.create(model="m", messages=said)
    assert {e.scope.session for e in world.kept()} == {first} and first.startswith("chat-") and len(first) == 25
    assert ask(client, "Another talk.").headers["x-clew-session"] != first


def test_calls_of_tools_and_their_results_are_kept_as_such(world: World) -> None:
    client, said = world.client(user="ana"), [{"role": "user", "content": "How high is the tide?"}]
    answer = client.chat.completions.create(model="tools", messages=said, tools=[TOOL]).choices[0].message
    assert answer.tool_calls[0].function.arguments == '{"port": "Lagos"}'
    steps = [answer.model_dump(exclude_none=True), {"role": "tool", "tool_call_id": "call_1", "content": ""}]
    client.chat.completions.create(model="m", messages=[*said, *steps])
    asked, called, result, said_last = world.kept()
    assert called.body["tool_calls"] == [CALL] and called.text == 'tide({"port": "Lagos"})'
    assert (result.kind, result.trust, result.text) == ("observation", 3, "(nothing)") and result.body["tool_call_id"] == "call_1"
    assert (asked.text, said_last.text) == ("How high is the tide?", "Aye.")


def test_what_memory_s_own_tools_quoted_is_not_recorded_as_news(world: World) -> None:
    said = {"role": "user", "content": "Where is my boat?"}
    call = {"id": "call_2", "type": "function", "function": {"name": "search_memories", "arguments": '{"query": "boat"}'}}
    quoted = {"role": "tool", "tool_call_id": "call_2", "content": f"{NOTE}\n[46bc] 2026-11-23 I keep my boat in Lagos."}
    steps = [said, {"role": "assistant", "tool_calls": [call]}, quoted]
    raw = httpx2.post(
        f"{world.url}/chat/completions", json={"model": "m", "messages": steps}, headers={"session-id": "s7", "x-clew-user": "ana"}
    )
    assert world.sent()["messages"] == steps and raw.headers["x-clew-session"] == "s7"
    assert [e.text for e in world.kept()] == ["(quoted from memory)", "Aye."]


# -- streams --------------------------------------------------------------------------------------------------------


def test_a_stream_passes_byte_for_byte_and_is_kept_when_complete(world: World) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "The tide?"}], "stream": True}
    with httpx2.stream("POST", f"{world.url}/chat/completions", json=body, headers={"x-clew-user": "ana"}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream") and answer.headers["x-clew-memory"] == "nothing found"
        passed = b"".join(answer.iter_raw())

    async def original() -> bytes:
        return b"".join([piece async for piece in world.script.pieces()])

    assert passed == asyncio.run(original())
    _, reply = world.waited(2)
    assert reply.body["content"] == "High wäter at six." and reply.body["tool_calls"] == [CALL] and reply.body["data"] == {"model": "m"}


def test_the_official_client_streams_text_and_calls(world: World) -> None:
    stream = world.client(user="ana").chat.completions.create(model="m", messages=[{"role": "user", "content": "Tide?"}], stream=True)
    pieces = [c.choices[0].delta.content for c in stream if c.choices and c.choices[0].delta.content]
    assert "".join(pieces) == "High wäter at six." and len(pieces) == 2


def test_a_client_that_goes_away_stops_the_upstream_and_what_it_had_seen_is_kept(world: World) -> None:
    stream = world.client(user="ana").chat.completions.create(
        model="endless", messages=[{"role": "user", "content": "Count."}], stream=True
    )
    for number, _ in enumerate(stream):
        if number == 5:
            break
    stream.close()
    assert world.script.left.wait(30), "nobody listens: the upstream is let go, and stops to cost"
    _, reply = world.waited(2)
    assert reply.body["content"].startswith("0 1 2 3 4 ") and len(reply.body["content"]) < 3000
    assert reply.body["data"] == {"model": "endless", "cut": "the client left"}


def test_a_stream_that_breaks_off_breaks_off_for_the_client_too_and_what_came_is_kept(world: World) -> None:
    got = []
    with pytest.raises((openai.APIError, httpx2.TransportError)):
        for piece in world.client(user="ana").chat.completions.create(
            model="cut", messages=[{"role": "user", "content": "Tide?"}], stream=True
        ):
            got.append(piece.choices[0].delta.content)
    assert got == ["High water at"]
    _, reply = world.waited(2)
    assert reply.text == "High water at" and reply.body["data"]["cut"] == "the upstream broke off"


# -- responses, embeddings, models ----------------------------------------------------------------------------------


def test_responses_are_given_memory_and_kept_across_the_chain(world: World) -> None:
    world.clew.record("I keep my boat in Lagos.", user="ana")
    client = world.client(user="ana")
    first = client.responses.create(model="tools", input="Where is my boat?", instructions="Be brief.")
    sent = world.sent()
    assert sent["instructions"] == "Be brief." and sent["input"].startswith("<memory ") and sent["input"].endswith("Where is my boat?")
    assert first.output_text == "Aye, aye." and first.output[1].name == "tide"
    result = {"type": "function_call_output", "call_id": "call_1", "output": "2.1 m"}
    client.responses.create(model="m", input=[result], previous_response_id=first.id)
    assert world.sent()["input"] == [result], "no new question, nothing to recall for"
    world.client(user="ana").responses.create(
        model="m", input=[{"role": "user", "content": [{"type": "input_text", "text": "And my boat?"}]}]
    )
    block, words = world.sent()["input"][0]["content"]
    assert block["type"] == "input_text" and "Lagos" in block["text"] and words["text"] == "And my boat?"
    kept = world.kept()[1:]
    assert [e.text for e in kept[:4]] == ["Where is my boat?", "Aye, aye.\ntide({})", "2.1 m", "Aye, aye."]
    assert len({e.scope.session for e in kept[:4]}) == 1 and kept[4].scope.session != kept[0].scope.session


def test_responses_stream_through_and_are_kept(world: World) -> None:
    stream = world.client(user="ana").responses.create(model="m", input="Ready?", stream=True)
    assert [e.type for e in stream] == ["response.created", *["response.output_text.delta"] * 2, "response.completed"]
    assert [e.text for e in world.waited(2)] == ["Ready?", "Aye, aye."]


def test_embeddings_and_models_pass_through(world: World) -> None:
    client = world.client(user="ana")
    assert client.embeddings.create(model="e", input="x", encoding_format="float").data[0].embedding == [0.5, 0.25]
    assert world.sent() == {"model": "e", "input": "x", "encoding_format": "float"}
    assert [m.id for m in client.models.list()] == ["m"]
    assert world.kept() == []
    assert httpx2.post(f"{world.url}/files").status_code == 404, "four routes, and nothing else of the upstream's"


# -- whose ----------------------------------------------------------------------------------------------------------


def test_a_key_says_whose_memory_it_is_and_never_goes_upstream(world: World) -> None:
    keys = {user: world.access.keys.add(f"{user}'s", "writer", user)[1] for user in ("ana", "bo")}
    world.clew.record("Ana's safe opens with 8812.", user="ana")
    ask(world.client(keys["ana"]), "What opens my safe?")
    headers, body = world.script.asked[-1]
    assert "8812" in str(body) and headers["authorization"] == "Bearer sk-upstream" and keys["ana"] not in str(headers)
    ask(world.client(keys["bo"]), "What opens Ana's safe?", extra_body={"user": "ana"})
    assert "8812" not in str(world.sent()) and [e.scope.user for e in world.kept("bo")] == ["bo", "bo"]
    with pytest.raises(openai.NotFoundError, match="there is no user 'ana'"):
        ask(world.client(keys["bo"], user="ana"))
    with pytest.raises(openai.AuthenticationError, match="not known here"):
        ask(world.client("clew_wrong"))
    with pytest.raises(openai.AuthenticationError):
        world.client("sk-none").models.list()


def test_a_key_of_no_user_takes_the_header_then_the_field_then_its_own_name(world: World) -> None:
    key = world.access.keys.add("team", "writer")[1]
    ask(world.client(key, user="ana"), extra_body={"user": "bo"})
    ask(world.client(key), extra_body={"user": "bo"})
    ask(world.client(key))
    assert [len(world.kept(user)) for user in ("ana", "bo", "team", None)] == [2, 2, 2, 0]


def test_a_reader_s_key_recalls_and_records_nothing(world: World) -> None:
    key = world.access.keys.add("screen", "reader", "ana")[1]
    world.clew.record("I keep my boat in Lagos.", user="ana")
    raw = ask(world.client(key))
    assert (raw.headers["x-clew-memory"], raw.headers["x-clew-recorded"]) == ("recalled", "off") and len(world.kept()) == 1


def test_memory_is_off_or_half_off_by_a_header(world: World) -> None:
    world.clew.record("I keep my boat in Lagos.", user="ana")
    for mode, shown, kept in (("off", False, 1), ("read", True, 1), ("write", False, 3), ("on", True, 5)):
        raw = ask(world.client(user="ana", memory=mode))
        assert ("Lagos" in str(world.sent()), len(world.kept())) == (shown, kept), mode
        assert raw.headers["x-clew-memory"] == ("recalled" if shown else "off")
    with pytest.raises(openai.BadRequestError, match="one of on, read, write, off"):
        ask(world.client(user="ana", memory="maybe"))


# -- what goes wrong ------------------------------------------------------------------------------------------------


def test_errors_of_the_upstream_pass_unchanged_and_keep_nothing(world: World) -> None:
    with pytest.raises(openai.RateLimitError, match="slow down") as caught:
        ask(world.client(user="ana"), model="busy")
    answer = caught.value.response
    assert answer.headers["retry-after"] == "7" and caught.value.code == "rate_limited" and caught.value.request_id == "req_9"
    assert world.kept() == []
    answer = httpx2.post(f"{world.url}/chat/completions", content=b"{no json", headers={"content-type": "application/json"})
    assert answer.status_code == 400 and answer.json()["error"]["message"] == "that is no JSON" and world.sent() == b"{no json"


def test_the_chat_goes_on_where_memory_fails_and_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def broken(query: Any, ctx: Any) -> list[Any]:
        raise ModelError("the index has no vectors today")

    with between(tmp_path, recipes=[replace(load("verbatim"), retrieve=broken)]) as world, caplog.at_level(logging.WARNING, logger="clew"):
        world.clew.record("I keep my boat in Lagos.", user="ana")
        said = {"role": "user", "content": "Where is my boat?", "name": "a" * 600}  # a name that no event can have
        raw = world.client(user="ana").chat.completions.with_raw_response.create(model="m", messages=[said])
        assert raw.parse().choices[0].message.content == "Aye." and world.sent()["messages"] == [said]
        assert (raw.headers["x-clew-memory"], raw.headers["x-clew-recorded"]) == ("failed: ModelError", "failed: UsageError")
    told = [record.message for record in caplog.records if "went on without memory" in record.message]
    assert len(told) == 2 and "no vectors today" in told[0]


def test_an_upstream_that_is_not_there_is_an_error_in_openai_s_shape(tmp_path: Path) -> None:
    with Clew(tmp_path / "m.db") as clew, listening(app(ChatMemory(clew, Access(clew.log)), Upstream("http://127.0.0.1:9/v1"))) as url:
        with (
            OpenAI(base_url=f"{url}/v1", api_key="x", max_retries=0) as client,
            pytest.raises(openai.APIStatusError, match="cannot be reached") as caught,
        ):
            ask(client)
        assert caught.value.status_code == 502 and clew.log.head() == 0


def test_while_it_is_open_and_has_no_key_the_client_s_own_goes_on(tmp_path: Path) -> None:
    with between(tmp_path, key=None, user="ana") as world:
        ask(world.client("sk-own"))
        assert world.script.asked[-1][0]["authorization"] == "Bearer sk-own"
        key = world.access.keys.add("desk", "writer", "ana")[1]
        ask(world.client(key))
        assert "authorization" not in world.script.asked[-1][0], "a key of ours stays here"
        assert len(world.kept("ana")) == 4 and world.kept(None) == []


def test_without_a_key_no_page_and_no_borrowed_name_is_answered(world: World) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "Hello."}]}
    for headers in ({"origin": "https://evil.example"}, {"host": "evil.example"}):
        answer = httpx2.post(f"{world.url}/chat/completions", json=body, headers=headers)
        assert answer.status_code == 403 and "clew keys add" in answer.json()["error"]["message"]
    assert world.script.asked == []


def test_a_request_that_is_too_large_is_refused_before_it_is_read_whole(world: World) -> None:
    with contextlib.suppress(httpx2.TransportError):  # the connection may be closed before all of it is sent
        answer = httpx2.post(f"{world.url}/chat/completions", content=b"x" * (33 << 20), timeout=20)
        assert answer.status_code == 413 and "at most 33,554,432 bytes" in answer.json()["error"]["message"]
    assert world.script.asked == []


def test_who_asks_too_often_is_told_so_in_openai_s_shape(tmp_path: Path) -> None:
    with Clew(tmp_path / "m.db") as clew:
        memory, nowhere = ChatMemory(clew, Access(clew.log)), Upstream("http://127.0.0.1:9/v1")
        with (
            listening(app(memory, nowhere, Limits(rate=0.1, burst=1))) as url,
            OpenAI(base_url=f"{url}/v1", api_key="x", max_retries=0) as client,
        ):
            with pytest.raises(openai.InternalServerError):
                ask(client)
            with pytest.raises(openai.RateLimitError, match="requests a second") as caught:
                ask(client)
            assert int(caught.value.response.headers["retry-after"]) >= 1

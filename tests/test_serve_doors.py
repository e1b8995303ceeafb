"""One service with all its doors: REST, MCP, the proxy and the inspector over one memory, behind one shield."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs the extra [serve]")
pytest.importorskip("uvicorn", reason="needs the extra [serve]")
httpx = pytest.importorskip("httpx", reason="needs httpx")
pytest.importorskip("mcp", reason="needs the official SDK: pip install 'clew[serve]'")

import httpx2  # noqa: E402
from listening import listening  # noqa: E402
from mcp import Client  # noqa: E402
from mcp.client.streamable_http import streamable_http_client  # noqa: E402
from served import Service, post, raw, served  # noqa: E402
from starlette.applications import Starlette  # noqa: E402
from starlette.requests import Request  # noqa: E402
from starlette.responses import JSONResponse, Response  # noqa: E402
from starlette.routing import Route  # noqa: E402

from clew import Clew  # noqa: E402
from clew.serve.app import MCP, OPENAI, Beside  # noqa: E402
from clew.serve.direct import Direct  # noqa: E402
from clew.serve.inspector.session import PAGES  # noqa: E402
from clew.serve.proxy import Upstream  # noqa: E402

CHAT = f"{OPENAI}/v1/chat/completions"
DOORS = ("/v1/recall", MCP, CHAT)  # one path of each that answers programs
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
BODIES: dict[str, Any] = {
    "/v1/recall": {"text": "x", "user": "ana"},
    MCP: {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}},
    CHAT: {"model": "m", "messages": [{"role": "user", "content": "Where is my boat?"}]},
}
ACCEPT = {"accept": "application/json, text/event-stream", "content-type": "application/json"}


class Models:
    """An upstream that says "Aye." and keeps what it was sent."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], bytes]] = []

    async def answer(self, request: Request) -> Response:
        self.asked.append((request.url.path, dict(request.headers), await request.body()))
        if request.method == "GET":
            return JSONResponse({"object": "list", "data": []})
        if not self.asked[-1][2].startswith(b'{"model"'):
            return JSONResponse({"error": {"message": "that is no request of ours"}}, 400)
        message = {"role": "assistant", "content": "Aye."}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return JSONResponse({"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]})

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/{path:path}", self.answer, methods=["GET", "POST", "DELETE"])])


@pytest.fixture(scope="module")
def models() -> Iterator[tuple[Models, str]]:
    """The upstream and its address."""
    found = Models()
    with listening(found.app()) as url:
        yield found, url


@pytest.fixture
def service(memory: Callable[..., Clew], models: tuple[Models, str]) -> Iterator[Service]:
    models[0].asked.clear()
    with served(memory(), upstream=Upstream(f"{models[1]}/v1", "sk-upstream"), body=100_000, body_s=1.0, send_s=1.0) as running:
        yield running


def paths(app: Any, prefix: str = "") -> Iterator[str]:
    """Every path that an application routes, by the routers themselves."""
    for route in app.routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from paths(inner, prefix + route.include_context.prefix)
        else:
            yield prefix + route.path


def said(answer: Any) -> str:
    """What an error says, whichever door's shape it has."""
    found = answer.json()
    return found.get("detail") or found.get("error_description") or found["error"]["message"]


# -- one service ----------------------------------------------------------------------------------------------------


def test_what_one_door_is_told_the_others_know(service: Service, models: tuple[Models, str]) -> None:
    key = service.key("curator", "ana")
    with service.client(key) as client:
        assert client.post("/v1/events", json={"what": "Ana keeps her boat in Lagos."}).status_code == 201

        async def tools() -> None:
            headers = {"authorization": f"Bearer {key}"}
            url = f"http://127.0.0.1:{service.port}{MCP}"
            async with (
                httpx2.AsyncClient(headers=headers, timeout=20, trust_env=False) as http,
                Client(streamable_http_client(url, http_client=http)) as mcp,
            ):
                assert len((await mcp.list_tools()).tools) == 10
                found = await mcp.call_tool("search_memories", {"query": "Where is the boat?"})
                assert "Lagos" in found.content[0].text
                await mcp.call_tool("add_memory", {"text": "The boat is called Halcyon."})

        asyncio.run(tools())
        answer = client.post(CHAT, json={**BODIES[CHAT], "messages": [{"role": "user", "content": "What is the boat called?"}]})
        assert answer.json()["choices"][0]["message"]["content"] == "Aye." and answer.headers["x-clew-memory"] == "recalled"
        path, headers, body = models[0].asked[-1]
        assert path == "/v1/chat/completions" and b"Halcyon" in body
        assert headers["authorization"] == "Bearer sk-upstream" and key not in str(headers)
        assert client.get(f"{OPENAI}/v1/models").json() == {"object": "list", "data": []}
        kept = client.get("/v1/memories", params={"limit": 1000}).json()["memories"]
        assert {"Ana keeps her boat in Lagos.", "The boat is called Halcyon.", "What is the boat called?", "Aye."} <= {
            m["text"] for m in kept
        }
    with service.client(service.key("admin")) as owner:
        counted = owner.get("/metrics").text
        assert f'route="{MCP}"' in counted and f'route="{OPENAI}"' in counted and 'route="/v1/memories"' in counted


def test_the_proxy_is_there_where_it_has_an_upstream_and_mcp_always(memory: Callable[..., Clew]) -> None:
    with served(memory()) as service, service.client(**ACCEPT) as client:
        assert client.post(CHAT, json=BODIES[CHAT]).status_code == 404
        assert client.post(MCP, json=BODIES[MCP]).status_code == 200


def test_the_short_way_answers_like_the_long_one(service: Service) -> None:
    ways = next(m for m in service.app.user_middleware if m.cls is Direct).kwargs["routes"]
    assert {"/v1/events", "/v1/recall", "/v1/prompt", "/v1/ask", "/v1/window"} <= {way.path for way in ways}
    service.memory.record("Ana keeps her boat in Lagos.", user="ana")
    bodies: list[bytes] = [
        json.dumps(body).encode()
        for body in (
            {"text": "boat", "user": "ana"},
            {"text": "boat", "user": "ana", "k": 3.0},
            {"text": "boat", "k": "3"},
            {"text": "boat", "k": 0},
            {"text": "boat", "kinds": "x"},
            {"text": "boat", "bogus": 1},
            {"text": "boat", "recipe": "nothing"},
            {"text": " "},
            {"text": "\ud800"},
            {},
            [],
        )
    ] + [b"", b"{", b'{"text": NaN}', b'"boat"', '{"text": "boat"}'.encode("utf-16")]
    with service.client() as client:
        for path in ("/v1/recall", "/v1/prompt", "/v1/ask", "/v1/window"):
            for body in bodies:
                kinds = ("application/json", "application/json; charset=utf-8")
                short, long = (client.post(path, content=body, headers={"content-type": kind}) for kind in kinds)
                assert (short.status_code, short.json()) == (long.status_code, long.json()), (path, body)
                assert {**short.headers, "date": ""} == {**long.headers, "date": ""}
        assert client.post("/v1/recall?bogus=1", json=BODIES["/v1/recall"]).status_code == 400
        assert client.post("/v1/recall", content=bodies[0], headers={"content-type": "text/plain"}).status_code == 400


# -- who ------------------------------------------------------------------------------------------------------------


def test_no_route_of_any_door_answers_without_a_key_once_there_is_one(service: Service) -> None:
    service.key("reader")
    rooms = next(m for m in service.app.user_middleware if m.cls is Beside).kwargs["rooms"]
    free = {"/health", *(path for room in rooms for path in room.door.free)}
    found = {*paths(service.app), *(path for room in rooms for path in paths(room.app)), *(room.door.prefix for room in rooms)}
    assert len(found) > 60 and {MCP, CHAT, PAGES, "/openapi.json", "/v1/export"} <= found
    others = {"/", "/nothing", "/docs", f"{MCP}/x", f"{OPENAI}/v1/files", f"{OPENAI}/", f"{PAGES}/x", "/MCP", "//mcp", "/v1", "/mcpx"}
    with service.client() as nobody, service.client("clew_" + "x" * 43) as stranger:
        for path in sorted((found | others) - free):
            for method in METHODS:
                for client in (nobody, stranger):
                    answer = client.request(method, path.replace("{", "").replace("}", ""), follow_redirects=False)
                    if path.startswith(PAGES) and answer.status_code == 303:  # a person is sent to the login, and shown nothing
                        assert answer.headers["location"].startswith(f"{PAGES}/login") and not answer.content
                    else:
                        assert answer.status_code == 401, (method, path, answer.status_code)
                        assert path.startswith(PAGES) or answer.headers["www-authenticate"] == "Bearer"
    assert service.memory.log.head() == 1  # the key


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"X-Forwarded-For": "203.0.113.9"},
        {"X-Real-IP": "203.0.113.9"},
        {"Via": "1.1 relay"},
    ],
    ids=str,
)
def test_without_keys_every_door_answers_this_machine_alone(service: Service, models: tuple[Models, str], headers: dict[str, str]) -> None:
    for path in DOORS:
        with service.client(**ACCEPT, **headers) as client:
            answer = client.post(path, json=BODIES[path])
            assert answer.status_code == 403 and "clew keys add" in said(answer), path
        with service.client(**ACCEPT) as client:
            assert client.post(path, json=BODIES[path]).status_code == 200
    assert len(models[0].asked) == 1


def test_every_door_says_no_in_its_own_shape(service: Service) -> None:
    service.key("reader")
    with service.client(**ACCEPT) as client:
        answers = {path: client.post(path, json=BODIES[path]) for path in DOORS}
    assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(DOORS, 401)
    assert answers["/v1/recall"].json()["type"] == "urn:clew:error:Unauthenticated"
    assert answers[MCP].json()["error"] == "Unauthenticated"
    assert answers[CHAT].json()["error"]["type"] == "authentication_error"
    for answer in answers.values():
        assert answer.headers["www-authenticate"] == "Bearer" and answer.headers["x-content-type-options"] == "nosniff"
        assert "clew keys" in said(answer)


def test_another_user_is_not_found_at_any_door_in_the_same_words_as_nobody(service: Service) -> None:
    service.memory.record("Bob's safe opens with 8812.", user="bob")
    own = service.key("curator", "ana")
    with service.client(own, **ACCEPT) as client:
        for path in DOORS:
            found = []
            for user in ("bob", "nob"):
                body = {**BODIES[path], "user": user} if path == "/v1/recall" else BODIES[path]
                found.append(client.post(path, json=body, headers={"X-Clew-User": user}))
            assert [answer.status_code for answer in found] == [404, 404], path
            assert found[0].text.replace("bob", "X") == found[1].text.replace("nob", "X") and "8812" not in found[0].text


# -- how much -------------------------------------------------------------------------------------------------------


def test_one_pace_for_all_doors_of_a_key(memory: Callable[..., Clew], models: tuple[Models, str]) -> None:
    with served(memory(), upstream=Upstream(f"{models[1]}/v1"), rate=0.2, burst=3) as service:
        one, other = service.key("writer", "ana", name="one"), service.key("writer", "ana", name="other")
        with service.client(one, **ACCEPT) as client, service.client(other, **ACCEPT) as calm:
            assert [client.post(path, json=BODIES[path]).status_code for path in DOORS] == [200, 200, 200]
            for path in DOORS:
                late = client.post(path, json=BODIES[path])
                assert late.status_code == 429 and int(late.headers["retry-after"]) >= 1 and "requests a second" in said(late)
            assert calm.post(CHAT, json=BODIES[CHAT]).status_code == 200
        with service.client(**ACCEPT) as nobody:  # a stranger's tries are counted too
            assert [nobody.post(CHAT, json=BODIES[CHAT]).status_code for _ in range(4)] == [401, 401, 401, 429]


@pytest.mark.parametrize(("path", "most"), [("/v1/recall", 100_000), (MCP, 4 << 20), (CHAT, 32 << 20)])
def test_an_oversize_body_is_refused_at_every_door_by_its_length_and_while_it_comes(service: Service, path: str, most: int) -> None:
    answer = raw(service, post(b"{", path=path, length=most + 1))
    assert b" 413 " in answer.split(b"\r\n")[0] and b"connection: close" in answer.lower()
    assert b" 413 " not in raw(service, post(b"{", path=path, length=most), wait=0.3).split(b"\r\n")[0]
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    piece = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    with socket.create_connection(("127.0.0.1", service.port), timeout=5) as connection:
        connection.sendall(head.encode())
        sent = 0
        try:
            while sent < most + (16 << 20):
                connection.sendall(piece)
                sent += 0x10000
        except OSError:
            pass  # it has hung up
        assert sent < most + (16 << 20), "it took all of it"
    assert service.memory.log.head() == 0


@pytest.mark.parametrize("path", DOORS)
def test_a_body_that_does_not_come_times_out_at_every_door(service: Service, path: str) -> None:
    began = time.monotonic()
    assert b" 408 " in raw(service, post(b'{"model"', path=path, length=50)).split(b"\r\n")[0]
    assert time.monotonic() - began < 4


def exporting() -> bool:
    """Whether the log is being carried out."""
    return any(thread.name == "clew-export" for thread in threading.enumerate())


def test_a_client_that_does_not_take_its_answer_is_let_go(service: Service) -> None:
    for number in range(400):
        service.memory.record(f"note {number} " + "x" * 50_000, user="ana")
    with socket.create_connection(("127.0.0.1", service.port)) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(b"GET /v1/export HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        for going, limit in ((True, 10), (False, 10)):
            deadline = time.monotonic() + limit
            while exporting() is not going:
                assert time.monotonic() < deadline, "it never began" if going else "it still waits for its reader"
                time.sleep(0.01)
            taken = connection.recv(100)
            assert taken.startswith(b"HTTP/1.1 200") or not going
    with service.client() as client:
        assert client.get("/ready").status_code == 200


# -- what -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"{", b"", b"\xff\xfe", b"[" * 5000, b'{"jsonrpc": 3}', b'{"a":' * 65 + b"1" + b"}" * 65, b"[]", b"null"])
def test_malformed_json_breaks_no_door(service: Service, models: tuple[Models, str], body: bytes) -> None:
    with service.client(**ACCEPT) as client:
        for path in ("/v1/recall", MCP):
            answer = client.post(path, content=body)
            assert answer.status_code == 400 and "Traceback" not in answer.text, (path, answer.text)
        assert client.post(CHAT, content=body).json()["error"]["message"] == "that is no request of ours"
        assert models[0].asked[-1][2] == body and service.memory.log.head() == 0
        assert client.get("/ready").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/v1/../admin",
        "/v1/models/../../admin",
        "/v1/models/..%2f..%2fadmin",
        "/v1/models%2f..%2fadmin",
        "/v1/%2e%2e/admin",
        "/v1//models",
        "/../v1/events",
        "/v1/models%0d%0aX-Injected:%20yes",
        "/v1/models;x=/admin",
    ],
)
def test_no_path_leads_past_the_four_routes_to_the_upstream(service: Service, models: tuple[Models, str], path: str) -> None:
    answer = raw(service, f"GET {OPENAI}{path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    assert answer.split(b" ")[1] in (b"404", b"405", b"400") and b"\r\nX-Injected" not in answer
    assert models[0].asked == []


def test_nothing_of_a_caller_s_becomes_a_header_of_its_own(service: Service, models: tuple[Models, str]) -> None:
    injected = "a\r\nX-Injected: yes"
    with service.client(**ACCEPT) as client:
        said = {**BODIES[CHAT], "user": injected, "conversation": injected, "previous_response_id": injected}
        for path, body in ((CHAT, said), (f"{OPENAI}/v1/responses", {"model": "m", "input": "Hello.", **said})):
            answer = client.post(path, json=body)
            assert answer.status_code == 200 and "x-injected" not in answer.headers
        answer = client.post(CHAT, json=BODIES[CHAT], headers={"X-Clew-Session": "caf\u00e9\tbar".encode("latin-1")})
        assert answer.headers["x-clew-session"].isascii() and answer.headers["x-clew-session"].isprintable()
    assert not any("x-injected" in headers for _, headers, _ in models[0].asked)
    for name in ("X-Clew-Session", "X-Clew-User", "X-Clew-Agent"):
        for path in (MCP, CHAT):
            answer = raw(service, post(json.dumps(BODIES[path]).encode(), f"{name}: a\x00b", path=path))
            assert answer.split(b" ")[1] == b"400", (name, path)


def test_cookies_and_keys_stay_here(service: Service, models: tuple[Models, str]) -> None:
    key = service.key("writer", "ana")
    with service.client(key, **ACCEPT, Cookie="clew_session=x", **{"X-Clew-Agent": "mate", "X-Api-Key": "k"}) as client:
        assert client.post(CHAT, json=BODIES[CHAT]).status_code == 200
    assert not {"cookie", "x-clew-agent", "x-api-key"} & models[0].asked[-1][1].keys() and key not in str(models[0].asked)

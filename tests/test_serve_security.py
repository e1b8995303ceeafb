"""The REST service against those who mean it no good, over a real socket and, where a client would mend it, byte by byte."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

pytest.importorskip("fastapi", reason="needs the extra [serve]")
pytest.importorskip("uvicorn", reason="needs the extra [serve]")
httpx = pytest.importorskip("httpx", reason="needs httpx")

from served import Service, post, raw, served  # noqa: E402

from clew import Clew  # noqa: E402
from clew.serve.keys import KIND  # noqa: E402
from clew.serve.limits import Buckets, deep  # noqa: E402


@pytest.fixture
def service(memory: Callable[..., Clew]) -> Iterator[Service]:
    with served(memory(), body=100_000, body_s=1.0) as running:
        yield running


def routes(service: Service, key: str) -> list[tuple[str, str]]:
    """Every method and path of the description, with names filled in."""
    with service.client(key) as client:
        paths = client.get("/openapi.json").json()["paths"]
    filled = [(m.upper(), p.replace("{id}", "1").replace("{tool}", "t")) for p, methods in paths.items() for m in methods]
    assert len(filled) > 35
    return filled


# -- who ------------------------------------------------------------------------------------------------------------


def test_once_there_is_a_key_nothing_answers_without_one_but_health(service: Service) -> None:
    admin = service.key("admin")
    everything = [
        *routes(service, admin),
        ("GET", "/openapi.json"),
        ("GET", "/docs"),
        ("GET", "/"),
        ("GET", "/nothing"),
        ("OPTIONS", "/v1/recall"),
    ]
    with service.client() as nobody, service.client("clew_" + "x" * 43) as stranger:
        for method, path in everything:
            for client in (nobody, stranger):
                answer = client.request(method, path, json={})
                if path == "/health":
                    assert answer.status_code == 200
                else:
                    assert answer.status_code == 401, (method, path)
                    assert answer.headers["www-authenticate"] == "Bearer"
                    assert set(answer.json()) == {"type", "title", "status", "detail"}


def test_a_strangers_body_is_not_even_read(service: Service) -> None:
    service.key("admin")
    began = time.monotonic()
    answer = raw(service, post(b"", length=50_000))
    assert b" 401 " in answer.split(b"\r\n")[0] and time.monotonic() - began < 0.9


def test_every_route_asks_for_its_role(service: Service) -> None:
    admin, reader, bound = service.key("admin"), service.key("reader"), service.key("curator", "ana")
    writes = {"POST", "PATCH", "DELETE"}
    asking = {"/v1/recall", "/v1/prompt", "/v1/ask", "/v1/window"}
    whole = ("/v1/operations", "/v1/generations", "/v1/keys", "/v1/export", "/v1/import", "/v1/status", "/metrics")
    whole += ("/v1/backup", "/v1/canaries", "/v1/holds", "/v1/rules", "/v1/ticks")
    bodies = {
        "/v1/events": {"what": "x"},
        "/v1/events/retract": {"events": [1]},
        "/v1/memories/archive": {"ids": ["1"]},
        "/v1/memories/1": {"text": "x"},
        "/v1/memories/1/feedback": {"good": True},
        "/v1/forget": {"user": "x"},
        "/v1/forget/verify": {
            "receipt": {"seqs": [], "counts": {}, "digests": [], "forget_seq": None, "state": "", "why": "", "scanned": {}}
        },
        "/v1/generations/1/promote": {"recipe": "verbatim"},
        "/v1/operations": {"verb": "verify"},
        "/v1/keys": {"name": "x", "role": "admin"},
        "/v1/holds": {"user": "x", "reason": "x"},
        "/v1/rules": {"name": "x", "older_than": 9},
        "/v1/rules/withdraw": {"name": "x"},
    }
    bodies["/v1/forget/erase"] = bodies["/v1/forget/verify"]
    asked = {"DELETE /v1/generations/1": {"recipe": "verbatim"}, "GET /v1/generations/1/diff": {"recipe": "verbatim", "other": 1}}
    head = service.memory.log.head()
    with service.client(reader) as client, service.client(bound) as curator:
        for method, path in routes(service, admin):
            given = {"json": bodies.get(path, {})} if method in writes else {"params": {}}
            params = asked.get(f"{method} {path}", {})
            if method in writes and path not in asking:
                answer = client.request(method, path, **{**given, "params": params})
                assert answer.status_code == 403, (method, path, answer.text)
            if path.startswith(whole):
                answer = curator.request(method, path, **{**given, "params": params})
                assert answer.status_code == 403, (method, path, answer.text)
        for path in ("/v1/events", "/v1/review"):
            assert client.get(path).status_code == 403
        assert client.get("/v1/users", params={"bogus": 1}).status_code == 400
    assert service.memory.log.head() == head


def test_another_users_memory_is_not_found_in_the_same_words_as_none(service: Service) -> None:
    c = service.memory
    c.record("Bob keeps a boat in Porto", user="bob")
    theirs = c.memories(user="bob")[0].id
    with service.client(service.key("curator", "ana")) as client:
        for method, path, body in (
            ("GET", "/v1/memories/{}", None),
            ("GET", "/v1/memories/{}/thread", None),
            ("GET", "/v1/memories/{}/history", None),
            ("PATCH", "/v1/memories/{}", {"text": "x"}),
            ("POST", "/v1/memories/{}/retire", {}),
            ("POST", "/v1/memories/{}/feedback", {"good": False}),
            ("POST", "/v1/memories/{}/confirm", None),
            ("POST", "/v1/review/{}/approve", None),
        ):
            real, none = (client.request(method, path.format(id), json=body) for id in (theirs, "f" * len(theirs)))
            assert (real.status_code, none.status_code) == (404, 404), path
            assert real.text.replace(theirs, "X") == none.text.replace("f" * len(theirs), "X"), path
        for path, body in (
            ("/v1/recall", {"text": "boat"}),
            ("/v1/prompt", {"text": "boat"}),
            ("/v1/ask", {"text": "boat"}),
            ("/v1/events", {"what": "boat"}),
            ("/v1/forget", {"dry_run": True}),
        ):
            real, none = (client.post(path, json={**body, "user": user}) for user in ("bob", "nob"))
            assert (real.status_code, none.status_code) == (404, 404), path
            assert real.text.replace("bob", "X") == none.text.replace("nob", "X")
        for path in ("/v1/memories", "/v1/events", "/v1/review"):
            assert client.get(path, params={"user": "bob"}).status_code == 404
        assert client.post("/v1/recall", json={"text": "Who keeps a boat?"}).json() == {"hits": []}
        assert client.get("/v1/users").json() == ["ana"]


def test_another_tenants_key_opens_nothing_and_its_ids_do_not_exist(service: Service, memory: Callable[..., Clew]) -> None:
    other = memory("other.db")
    other.record("The other firm's secret", user="ana")
    id = other.memories(user="ana")[0].id
    with served(other) as elsewhere:
        theirs = elsewhere.key("admin")
        with service.client(service.key("admin")) as client, service.client(theirs) as stranger, elsewhere.client(theirs) as owner:
            assert owner.get(f"/v1/memories/{id}").status_code == 200
            assert stranger.get("/v1/status").status_code == 401
            assert client.get(f"/v1/memories/{id}").status_code == 404


def test_a_key_made_over_the_wire_works_is_told_in_the_log_and_ends_when_revoked(service: Service) -> None:
    with service.client() as local:
        made = local.post("/v1/keys", json={"name": "boss", "role": "admin"})
        assert made.status_code == 201
        assert local.get("/v1/status").status_code == 401
    boss = made.json()["token"]
    with service.client(boss) as client:
        new = client.post("/v1/keys", json={"name": "app", "role": "writer", "user": "ana", "days": 3}).json()
        listed = client.get("/v1/keys").json()
        assert [(k["name"], k["role"], k["user"]) for k in listed] == [("boss", "admin", None), ("app", "writer", "ana")]
        assert new["token"] not in json.dumps(listed)
        with service.client(new["token"]) as app:
            assert app.post("/v1/events", json={"what": "I like tea"}).status_code == 201
            assert client.delete(f"/v1/keys/{new['key']['id']}").status_code == 204
            assert app.post("/v1/events", json={"what": "I like tea"}).status_code == 401
        assert client.delete(f"/v1/keys/{new['key']['id']}").status_code == 404
        with client.stream("GET", "/v1/export") as lines:
            lines.read()
        client.post("/v1/forget", json={"user": "ana"})
    told = [(e.body["op"], e.actor) for e in service.memory.log.read() if e.kind == KIND and not e.forgotten]
    # the act of making ana's key went with ana
    assert told == [("key added", "local"), ("key revoked", "boss"), ("export", "boss"), ("forget", "boss")]
    assert [e.scope.user for e in service.memory.log.read() if e.kind == "message" and not e.forgotten] == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "127.0.0.1@evil.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"X-Forwarded-For": "203.0.113.9"},
        {"Forwarded": "for=203.0.113.9"},
        {"Via": "1.1 relay"},
    ],
    ids=str,
)
def test_without_keys_only_this_machine_itself_is_answered(service: Service, headers: dict[str, str]) -> None:
    with service.client(**headers) as client:
        assert client.get("/v1/status").status_code == 403
    with service.client("any-key-at-all", **headers) as client:
        assert client.get("/v1/status").status_code == 403
    with service.client(Origin=f"http://127.0.0.1:{service.port}") as own:
        assert own.get("/v1/status").status_code == 200


def test_two_authorizations_are_none(service: Service) -> None:
    key = service.key("admin")
    both = f"Authorization: Bearer {key}"
    assert b" 401 " in raw(service, post(b"{}", both, "Authorization: Bearer clew_x")).split(b"\r\n")[0]
    assert b" 400 " in raw(service, post(b"{}", both)).split(b"\r\n")[0]


# -- what -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/v1/memories/../../etc/passwd",
        "/v1/memories/..%2f..%2f..%2fetc%2fpasswd",
        "/v1/memories/%2e%2e%2f%2e%2e%2fmemory.db",
        "/v1/memories/....//....//etc/passwd",
        "/v1/memories/%00",
        "/v1/memories/C:%5cWindows%5cwin.ini",
        "/../../../../etc/passwd",
        "//etc/passwd",
        "/v1/memories/%ff%fe/thread",
        "/v1/tools/..%2f..%2fsecret",
        "/v1/recipes?where=name%3d..%2f..%2fetc%2fpasswd",
    ],
)
def test_no_path_leads_to_a_file(service: Service, path: str) -> None:
    answer = raw(service, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    status, body = answer.split(b"\r\n")[0], answer.partition(b"\r\n\r\n")[2]
    assert status.split()[1] in (b"404", b"405", b"400", b"200") and b"root:" not in body
    if b" 200 " in status:
        assert body == b"{}"


def test_a_recipe_is_a_name_and_no_path(service: Service) -> None:
    with service.client() as client:
        for name in ("../../etc/passwd", "os", "clew.recipes.verbatim", "verbatim[__class__=1]", "\x00"):
            assert client.post("/v1/recall", json={"text": "x", "recipe": name}).status_code in (400, 404), name


def test_an_oversize_body_is_refused_by_its_length_and_while_it_comes(service: Service) -> None:
    big = json.dumps({"what": "x" * 200_000}).encode()
    assert b" 413 " in raw(service, post(big[:10], path="/v1/events", length=len(big))).split(b"\r\n")[0]
    with service.client() as client:

        def pieces() -> Iterator[bytes]:
            for start in range(0, len(big), 10_000):
                yield big[start : start + 10_000]

        with suppress(httpx.TransportError):  # it hung up before all was sent
            assert client.post("/v1/events", content=pieces(), headers={"content-type": "application/json"}).status_code == 413
    assert service.memory.log.head() == 0


def test_an_oversize_import_is_refused_while_it_comes(memory: Callable[..., Clew]) -> None:
    with served(memory(), load=50_000) as service, service.client() as client:
        with suppress(httpx.TransportError):
            assert client.post("/v1/import", content=(b"x" * 10_000 for _ in range(20))).status_code == 413
        assert service.memory.log.head() == 0


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"",
        b"nothing",
        b"[1,2",
        b'{"text": NaN, "user": 1}',
        b'{"text": "x", "text": 3}',
        b'{"text": "\\ud800"}',
        b'{"text": "x", "user": "\\ud800"}',
        b'{"text": "x", "kinds": ["\\udfff"]}',
        b'{"text": "\xff\xfe"}',
        b'{"text": "x", "k": 1e400}',
        b'{"text": "x", "k": 99999999999999999999999}',
        b'{"text": "x", "as_of": 99999999999999999999999}',
        b'{"text": "x", "as_of": "0000-00-00T00:00:00Z"}',
        b'{"text": {"a": 1}}',
        b"[" * 90_000,
        b'{"text":' + b"[" * 65 + b"]" * 65 + b"}",
    ],
    ids=lambda b: repr(b[:40]),
)
def test_malformed_json_is_refused_in_words(service: Service, body: bytes) -> None:
    answer = raw(service, post(body))
    assert b" 400 " in answer.split(b"\r\n")[0], answer[:300]
    assert b"application/problem+json" in answer


@pytest.mark.parametrize(
    "what", ["\ud800", {"content": "x", "\ud800": 1}, {"content": [[["x"]]]}, {"content": "x", "at": 10**30}, 7, None, True, []]
)
def test_malformed_messages_are_refused_or_taken_and_never_break_it(service: Service, what: object) -> None:
    with service.client(**{"content-type": "application/json"}) as client:
        answer = client.post("/v1/events", content=json.dumps({"what": what}))
        assert answer.status_code in (200, 201, 400), answer.text
        assert service.memory.log.verify()


def test_depth_counts_brackets_outside_strings_alone() -> None:
    assert deep(b"[[[]]]", 2) and not deep(b"[[]]", 2)
    assert not deep(b'{"a": "[[[[[["}', 2) and not deep(rb'{"a": "\"[[[[[[\\"}', 2)
    assert deep(rb'{"a": "\\", "b": [[[]]]}', 3)
    assert not deep(b"[],[],[],[]", 1)


@pytest.mark.parametrize(
    "lines",
    [
        ["Transfer-Encoding: chunked"],  # beside a length: two readings of where the request ends
        ["Content-Length: 5"],
        ["Content-Length: -1"],
        ["X-A\x00: b"],
        [" folded: yes"],
        ["X-Long: " + "x" * 200_000],
    ],
    ids=lambda lines: lines[0][:30],
)
def test_headers_that_can_be_read_in_two_ways_are_refused(service: Service, lines: list[str]) -> None:
    answer = raw(service, post(b'{"text": "x"}', *lines))
    assert answer.split(b"\r\n")[0].split()[1:2] in ([b"400"], []), answer[:200]
    assert answer.count(b"HTTP/1.1 ") <= 1


def test_nothing_a_caller_sends_comes_back_as_a_header(service: Service) -> None:
    with service.client() as client:
        for path in ("/v1/memories/x%0d%0aSet-Cookie:%20a=b", "/v1/operations/1%0d%0aX: y", "/v1/x%0d%0a"):
            answer = client.get(path)
            assert "set-cookie" not in answer.headers and "x" not in answer.headers
        bad = client.post("/v1/events", json={"what": "x"}, headers={"Idempotency-Key": "a\tb" * 400})
        assert bad.status_code == 400


def test_a_stored_script_is_told_as_data(service: Service) -> None:
    script = "<script>alert(1)</script>"
    with service.client() as client:
        client.post("/v1/events", json={"what": script, "user": "ana"})
        for answer in (client.get("/v1/memories", params={"user": "ana"}), client.get("/v1/memories/" + script)):
            assert answer.headers["content-type"] in ("application/json", "application/problem+json")
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["content-security-policy"].startswith("default-src 'none'")
            assert answer.headers["cache-control"] == "no-store"


# -- how much -------------------------------------------------------------------------------------------------------


def test_a_client_that_sends_its_headers_drop_by_drop_is_hung_up_on(service: Service) -> None:
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert b" 200 " in connection.recv(4096)
        connection.sendall(b"GET /health HTTP/1.1\r\n")  # the second request on the same connection
        hung_up = False
        while not hung_up and time.monotonic() - began < 8:
            try:
                connection.sendall(b"X: y\r\n")
                connection.settimeout(0.2)
                hung_up = connection.recv(4096) == b""
            except TimeoutError:
                continue
            except OSError:
                hung_up = True
    assert hung_up and time.monotonic() - began < 4


def test_a_connection_that_says_nothing_is_hung_up_on(service: Service) -> None:
    began = time.monotonic()
    assert raw(service, b"") == b"" and time.monotonic() - began < 4


def test_a_body_that_does_not_come_times_out(service: Service) -> None:
    began = time.monotonic()
    answer = raw(service, post(b'{"text"', length=50))
    assert b" 408 " in answer.split(b"\r\n")[0] and time.monotonic() - began < 4


def test_slow_clients_do_not_hold_up_the_others(service: Service) -> None:
    slow = [socket.create_connection(("127.0.0.1", service.port)) for _ in range(50)]
    try:
        for connection in slow:
            connection.sendall(post(b"{", length=50))
        with service.client() as client:
            began = time.monotonic()
            assert client.post("/v1/recall", json={"text": "x"}).status_code == 200
            assert time.monotonic() - began < 0.9
    finally:
        for connection in slow:
            connection.close()


def test_who_asks_too_often_is_told_to_wait_and_the_others_are_not(memory: Callable[..., Clew]) -> None:
    with served(memory(), rate=1.0, burst=5) as service:
        one, other = service.key("reader", name="one"), service.key("reader", name="other")
        with service.client(one) as client, service.client(other) as calm:
            statuses = [client.post("/v1/recall", json={"text": "x"}).status_code for _ in range(8)]
            assert statuses[:5] == [200] * 5 and 429 in statuses[5:]
            late = client.post("/v1/recall", json={"text": "x"})
            if late.status_code == 429:
                assert int(late.headers["retry-after"]) >= 1
            assert calm.post("/v1/recall", json={"text": "x"}).status_code == 200


def test_a_bucket_fills_again_with_time() -> None:
    buckets = Buckets(rate=50.0, burst=2)
    assert [buckets.wait("a") > 0 for _ in range(3)] == [False, False, True]
    time.sleep(0.05)
    assert buckets.wait("a") == 0.0 and Buckets(0, 1).wait("a") == 0.0


def test_one_key_from_many_at_once_is_one_event(service: Service) -> None:
    started = threading.Barrier(8)

    def send(_: int) -> int:
        with service.client() as client:
            started.wait()
            return client.post("/v1/events", json={"what": "I like tea", "user": "ana", "key": "once"}).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(send, range(8)))
    assert statuses == [200] * 7 + [201] and service.memory.log.head() == 1


def test_an_export_that_nobody_takes_leaves_the_service_whole(service: Service) -> None:
    for number in range(200):
        service.memory.record(f"note {number} " + "x" * 5000, user="ana")
    with service.client() as client:
        with client.stream("GET", "/v1/export") as answer:
            next(answer.iter_bytes())  # and goes
        assert client.get("/ready").status_code == 200
    deadline = time.monotonic() + 5
    while any(t.name == "clew-export" for t in threading.enumerate()):
        assert time.monotonic() < deadline, "the export still waits for its reader"
        time.sleep(0.05)

"""The Python client where the wire is bad: answers are lost, the service is busy, a key is wrong."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs the extra [serve]")
pytest.importorskip("uvicorn", reason="needs the extra [serve]")
pytest.importorskip("httpx2", reason="needs the extra [client]")
from hypothesis import given
from hypothesis import strategies as st
from listening import listening

from clew import Clew
from clew.errors import BudgetExceeded, ClewError, Denied, MissingExtra, ModelUnavailable, NotFound, StorageBusy, UsageError
from clew.remote import Remote, Unreachable
from clew.remote.values import plain, rebuilt, span
from clew.serve.access import Access
from clew.serve.app import application
from clew.serve.limits import Limits


class Faulty:
    """An application whose first answers are lost after it has done the work, or are another's."""

    def __init__(self, app: Any, lost: int = 0, after: int = 0, instead: tuple[int, dict[str, str], Any] | None = None) -> None:
        self.app, self.lost, self.after, self.instead, self.asked = app, lost, after, instead, 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        self.asked += 1
        if self.instead is not None:
            status, headers, body = self.instead
            found = [(name.encode(), value.encode()) for name, value in headers.items()]
            await send({"type": "http.response.start", "status": status, "headers": found})
            return await send({"type": "http.response.body", "body": json.dumps(body).encode()})
        if self.lost <= 0:
            return await self.app(scope, receive, send)
        self.lost -= 1
        left = self.after

        async def some(message: Any) -> None:
            nonlocal left
            if message["type"] == "http.response.start":
                await send({**message, "headers": [(b"content-length", b"99999999")]})
            elif left > 0:
                left -= 1
                await send({**message, "more_body": True})

        await self.app(scope, receive, some)
        raise ConnectionAbortedError("the answer is lost")


@contextmanager
def behind(memory: Clew, limits: Limits | None = None, **faults: Any) -> Iterator[tuple[str, Faulty]]:
    app = Faulty(application(memory, Access(memory.log), limits or Limits(rate=0)), **faults)
    with listening(app) as address:
        yield address, app


@pytest.fixture(autouse=True)
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    """No relay between the tests and their services."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def test_what_is_recorded_twice_because_an_answer_was_lost_is_there_once(memory: Callable[..., Clew]) -> None:
    c = memory()
    with behind(c, lost=2) as (address, app), Remote(address) as there:
        done = there.record("I like tea", user="ana")
        assert (done.seq, done.stages["log"], app.asked) == (1, "stored", 3)
        assert [e.body for e in c.log.read()] == ["I like tea"]
        assert there.record("I like tea", user="ana", key="mine").stages["log"] == "stored"
        assert there.record("I like tea", user="ana", key="mine").stages["log"] == "already"


def test_an_answer_that_was_lost_is_asked_for_again_only_where_nothing_is_done_twice(memory: Callable[..., Clew]) -> None:
    c = memory()
    c.record("I like tea", user="ana")
    id = c.memories(user="ana")[0].id
    with behind(c, lost=1) as (address, app), Remote(address) as there:
        assert there.get(id).text == "I like tea" and app.asked == 2
        app.lost, app.asked = 1, 0
        with pytest.raises(Unreachable, match="PATCH"):
            there.revise(id, "I like coffee")
        assert app.asked == 1 and c.get(id).text == "I like coffee"  # it was done, and once


def test_a_service_that_is_too_busy_is_given_the_time_it_asks_for(memory: Callable[..., Clew]) -> None:
    c = memory()
    with behind(c, Limits(rate=2, burst=1)) as (address, app), Remote(address) as there:
        began = time.monotonic()
        assert [there.record(f"note {n}", user="ana").seq for n in (0, 1)] == [1, 2]
        assert time.monotonic() - began >= 1 and app.asked > 2
    for status, kind, found, times in (
        (429, "BudgetExceeded", BudgetExceeded, 1),  # waiting does not help
        (503, "StorageBusy", StorageBusy, 3),
        (503, "", Unreachable, 3),
        (502, "", Unreachable, 1),  # a relay's: whether it was done nobody knows
        (504, "ModelUnavailable", ModelUnavailable, 1),
    ):
        body = {"type": f"urn:clew:error:{kind}" if kind else "about:blank", "detail": "own words", "status": status}
        with behind(c, instead=(status, {}, body)) as (address, app), Remote(address, retries=2) as there:
            with pytest.raises(found, match="own words"):
                there.revise("1", "x")
            assert app.asked == times, (status, kind)
    patient = (503, {"retry-after": "3600"}, {"type": "urn:clew:error:ModelUnavailable", "detail": "later"})
    with behind(c, instead=patient) as (address, app), Remote(address) as there:
        with pytest.raises(ModelUnavailable) as caught:
            there.recall("x")
        assert (app.asked, caught.value.after) == (1, 3600.0)


def test_a_service_that_is_not_there_is_unreachable_in_words() -> None:
    with Remote("http://127.0.0.1:9", retries=1) as there, pytest.raises(Unreachable, match=r"127\.0\.0\.1:9 did not answer PATCH"):
        there.revise("1", "x")
    with behind_nothing() as address, Remote(address) as there, pytest.raises(ClewError, match="clew serve"):
        there.users()
    with pytest.raises(UsageError, match="address"):
        Remote("http://[::1")


@contextmanager
def behind_nothing() -> Iterator[str]:
    """A page that is no service of ours."""

    async def page(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"<html>"})

    with listening(page) as address:
        yield address


def test_a_file_that_broke_off_on_its_way_is_not_left_behind(memory: Callable[..., Clew], tmp_path: Path) -> None:
    c = memory()
    c.record(["x" * 5000] * 200, user="ana")
    with behind(c, lost=1, after=3) as (address, _), Remote(address) as there:
        with pytest.raises(Unreachable, match="broke off"):
            there.export(tmp_path / "log.jsonl")
        assert not [p for p in tmp_path.iterdir() if p.name.startswith("log")]
        assert there.export(tmp_path / "log.jsonl") > 200
        with pytest.raises(UsageError, match="exists"):
            there.backup(tmp_path / "log.jsonl")
        with pytest.raises(UsageError, match="no file"):
            there.load(tmp_path / "none")


def test_a_key_says_who_asks_and_errors_keep_their_class(memory: Callable[..., Clew], monkeypatch: pytest.MonkeyPatch) -> None:
    c = memory()
    with behind(c) as (address, _):
        keys = Access(c.log).keys
        monkeypatch.setenv("ANAS_KEY", keys.add("phone", "writer", "ana")[1])
        time.sleep(1.1)  # a service may take a second to know of the first key
        with Remote(address, key="env:ANAS_KEY") as ana:
            assert ana.record("I like tea").seq and ana.memories()[0].scope.user == "ana"
            with pytest.raises(NotFound, match="bob"):
                ana.recall("tea", user="bob")
            with pytest.raises(Denied, match="curator"):
                ana.retire("1")
            with pytest.raises(UsageError, match="name of the key"):
                ana.retire("1", actor="ana")
        with Remote(address, key="clew_wrong") as nobody, pytest.raises(Denied, match="not known"):
            nobody.users()
        with Remote(address) as nobody, pytest.raises(Denied, match="Authorization"):
            nobody.users()


def test_what_is_not_the_doors_is_refused_in_words() -> None:
    with pytest.raises(UsageError, match="recipes"):
        Remote("http://127.0.0.1:9", recipes=["clew"])
    with pytest.raises(UsageError, match="NO_SUCH_KEY"):
        Remote("http://127.0.0.1:9", key="env:NO_SUCH_KEY")
    with Remote("http://127.0.0.1:9") as there:
        assert isinstance(there, Clew)
        with pytest.raises(AttributeError, match="database"):
            there.database  # noqa: B018
        with pytest.raises(UsageError, match="bytes"):
            there.record(b"x")
        with pytest.raises(UsageError, match="JSON"):
            there.record({"content": "x", "data": {"weight": float("nan")}})
        with pytest.raises(UsageError, match="object"):
            there.record({"content": "x", "data": {"thing": object()}})
    assert str(MissingExtra.__new__(MissingExtra, "own words")) == "own words"


@pytest.mark.skipif("__new__" not in vars(Clew), reason="Clew does not make a Remote of an address yet")
def test_an_address_opens_the_same_door_over_http(memory: Callable[..., Clew]) -> None:
    with behind(memory()) as (address, _), Clew(address) as there:
        assert type(there) is Remote and there.record("I like tea", user="ana").seq == 1
    with pytest.raises(UsageError, match="models"):
        Clew("https://memory.example.org", models=None)


@given(st.timedeltas(timedelta(0), timedelta(days=36_500)))
def test_a_span_of_time_comes_back_as_it_went(size: timedelta) -> None:
    assert rebuilt(timedelta | None, plain(size)) == size


def test_a_span_is_read_as_the_service_writes_it() -> None:
    assert span("P1Y35DT1H1M1.5S") == timedelta(days=400, seconds=3661.5)
    assert span("-P2W") == timedelta(days=-14)
    with pytest.raises(UsageError, match="P90D"):
        span("90 days")

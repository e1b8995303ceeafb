"""The MCP server over its two transports: a real process on stdin and stdout, and HTTP with keys."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp", reason="needs the official SDK: pip install 'clew[serve]'")

import httpx2
import starlette.routing
from listening import listening
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from starlette.applications import Starlette

from clew import Clew, UsageError
from clew.cli.mcp import mcp as word
from clew.serve.access import Access
from clew.serve.mcp import Mount, Service, app
from clew.serve.mcp_offers import offers
from clew.types import Scope

WORD = ["-c", "from clew.cli.mcp import app; app()"]  # `clew mcp`


def process(db: Path, *options: str) -> StdioServerParameters:
    return StdioServerParameters(command=sys.executable, args=[*WORD, "--db", str(db), *options])


async def said(client: Client, name: str, **arguments: Any) -> str:
    return (await client.call_tool(name, arguments)).content[0].text


# -- stdio ----------------------------------------------------------------------------------------------------------


def test_two_processes_on_stdio_share_one_memory_each_for_whom_it_was_started(tmp_path: Path) -> None:
    db = tmp_path / "m.db"
    writer, reader = process(db, "--user", "ana", "--session", "s1"), process(db, "--user", "ana", "--role", "reader")

    async def run() -> None:  # one client with the handshake that those in use have, one with the newest protocol
        async with Client(writer, mode="legacy") as one, Client(reader) as other:
            assert one.server_info.name == "clew" and "Search it before" in one.instructions
            assert len((await one.list_tools()).tools) == 10
            assert await said(one, "add_memory", text="The cat is called Miso; die Katze heißt Miso.") == "stored as event 1"
            assert "heißt Miso" in await said(other, "search_memories", query="What is the cat called?")
            assert "needs the role writer" in await said(other, "add_memory", text="x")

    asyncio.run(run())
    with Clew(db) as c:
        [event] = c.log.read()
        assert (event.scope.user, event.scope.session) == ("ana", "s1")


def test_a_start_that_makes_no_sense_is_refused_with_a_reason(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the key says who"):
        word(tmp_path / "m.db", http=True, user="ana")
    with pytest.raises(UsageError, match="must be one of reader, writer"):
        word(tmp_path / "m.db", may="king")
    with pytest.raises(UsageError, match="acts on the whole memory"):
        word(tmp_path / "m.db", may="admin", user="ana")


# -- HTTP -----------------------------------------------------------------------------------------------------------


@contextmanager
def served(c: Clew, *, local: bool = True) -> Iterator[str]:
    with listening(app(Service(c, offers(c)), Access(c.log, local=local))) as address:
        yield f"{address}/mcp"


@pytest.fixture
def clew(tmp_path: Path) -> Iterator[Clew]:
    with Clew(tmp_path / "m.db") as c:
        yield c


def at(url: str, script: Any, mode: str = "auto", **headers: str) -> None:
    """Run a script as a client that sends these headers."""

    async def run() -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with (
            httpx2.AsyncClient(headers=named, timeout=60) as http,
            Client(streamable_http_client(url, http_client=http), mode=mode) as client,
        ):
            await script(client)

    asyncio.run(run())


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_over_http_a_key_says_whose_memory_it_is(clew: Clew, mode: str) -> None:
    access = Access(clew.log)
    keys = {user: access.keys.add(f"{user}'s desk", "writer", user)[1] for user in ("ana", "bo")}
    with served(clew) as url:

        async def ana(client: Client) -> None:
            assert await said(client, "add_memory", text="Ana sails on Sundays.") == "stored as event 3"
            assert "Sundays" in await said(client, "search_memories", query="When does Ana sail?")
            assert len((await client.list_tools()).tools) == 7, "a writer may not revise or forget"

        async def bo(client: Client) -> None:
            assert await said(client, "search_memories", query="When does Ana sail?") == "Nothing in memory matches that."

        at(url, ana, mode, authorization=f"Bearer {keys['ana']}")
        at(url, bo, mode, authorization=f"Bearer {keys['bo']}")


def test_without_a_key_nothing_answers_once_there_are_keys(clew: Clew) -> None:
    key = Access(clew.log).keys.add("desk", "reader", "ana")[0]
    with served(clew) as url:
        for headers in ({}, {"authorization": "Bearer clew_wrong"}, {"authorization": "Basic eDp5"}):
            answer = httpx2.post(url, json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, headers=headers)
            assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer" and "tools" not in answer.text
        Access(clew.log).keys.revoke(key.id)
        assert httpx2.get(url).status_code == 401, "that the last key was revoked opens nothing"


def test_a_key_of_one_user_cannot_name_another_and_one_of_none_can(clew: Clew) -> None:
    clew.record("Bo's boat is blue.", user="bo")
    access = Access(clew.log)
    own, team = access.keys.add("desk", "reader", "ana")[1], access.keys.add("team", "reader")[1]
    with served(clew) as url:
        answer = httpx2.post(url, json={}, headers={"authorization": f"Bearer {own}", "x-clew-user": "bo"})
        assert answer.status_code == 404 and "there is no user" in answer.text

        async def reads(client: Client) -> None:
            assert "blue" in await said(client, "search_memories", query="What colour is the boat?")

        at(url, reads, authorization=f"Bearer {team}", x_clew_user="bo")


def test_on_this_machine_it_is_open_until_the_first_key_but_not_to_pages_from_elsewhere(clew: Clew) -> None:
    with served(clew) as url:

        async def owner(client: Client) -> None:
            assert "local is admin" in await said(client, "memory_status")

        at(url, owner)
        for headers in ({"host": "evil.example"}, {"origin": "https://evil.example"}):
            answer = httpx2.post(url, json={}, headers={"accept": "application/json, text/event-stream", **headers})
            assert answer.status_code in (403, 421)


def test_where_others_can_reach_it_nothing_answers_before_there_is_a_key(clew: Clew) -> None:
    with served(clew, local=False) as url:

        async def anybody(client: Client) -> None:
            raise AssertionError("let in")

        with pytest.raises(BaseException) as caught:
            at(url, anybody)
        assert any("401" in str(error) or isinstance(error, MCPError) for error in _leaves(caught.value))
        assert httpx2.post(url, content=b"{" * 10).status_code == 401


def test_it_is_mounted_at_any_path_of_another_application(clew: Clew) -> None:
    mount = Mount(Service(clew, offers(clew)), Access(clew.log))
    other = Starlette(routes=[starlette.routing.Mount("/team", app=mount)], lifespan=lambda _: mount.run())
    with listening(other) as address:

        async def adds(client: Client) -> None:
            assert await said(client, "add_memory", text="x y z") == "stored as event 1"

        at(f"{address}/team/mcp", adds, x_clew_user="ana", x_clew_agent="mate", x_clew_session="s1")
    assert [e.scope for e in clew.log.read()] == [Scope("ana", "mate", "s1")]


def test_what_is_too_large_or_no_json_is_refused(clew: Clew) -> None:
    headers = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
    with served(clew) as url:
        assert httpx2.post(url, content=b"x" * (5 << 20), headers=headers).status_code == 413
        assert httpx2.post(url, content=b"{no", headers=headers).status_code == 400


def _leaves(error: BaseException) -> list[BaseException]:
    return [leaf for part in error.exceptions for leaf in _leaves(part)] if isinstance(error, BaseExceptionGroup) else [error]

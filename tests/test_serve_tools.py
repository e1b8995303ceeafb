"""`clew serve` to agents: at /mcp the own tools of the recipes it serves and those of tasks, asked by the SDK's own client with keys."""

import asyncio
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs the extra [serve]")
pytest.importorskip("uvicorn", reason="needs the extra [serve]")
pytest.importorskip("mcp", reason="needs the official SDK: pip install 'clew[serve]'")

import httpx2
from listening import listening
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from clew import Clew
from clew.serve.access import Access
from clew.serve.app import application
from clew.serve.limits import Limits
from clew.serve.mcp_offers import offers

WORKING = {"fold_fragment", "restore_fragment", "search_context", "summarize_fragment", "window"}  # sculptor's, and what it shows
TASKS = {"task_run", "task_show", "task_approve", "task_cancel", "task_resume"}
PLAN = {
    "id": "greeting", "goal": "greet", "edges": [["ask", "say", "answer == 'yes'"]],
    "nodes": [{"id": "ask", "goal": "a person agrees", "executor": "human", "inputs": {"question": "Greet?", "choices": ["yes", "no"]}},
              {"id": "say", "goal": "say it", "executor": "code", "inputs": {"code": "result = 'hello'"}}],
}  # fmt: skip
SLEEP = {"id": "n", "goal": "sleep", "executor": "code", "inputs": {"code": "import time\ntime.sleep(3)\nresult = 1"}}
LONG = {"id": "nap", "goal": "sleep", "nodes": [SLEEP]}
Open = Callable[..., Clew]


@contextmanager
def serving(memory: Clew, *recipes: str, tasks: bool = False, **limits: Any) -> Iterator[tuple[str, Access]]:
    """The service's address, and who may use it: made as `clew serve --recipe ... --tasks` makes it."""
    access = Access(memory.log)
    bounds = Limits(**{"trusted_s": 0.0, "rate": 0.0, **limits})
    with listening(application(memory, access, bounds, tools=offers(memory, recipes, tasks))) as address:
        yield address, access


def at(address: str, key: str | None, script: Any, **headers: str) -> None:
    """Run a script as an agent with that key."""

    async def run() -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named |= {"authorization": f"Bearer {key}"} if key else {}
        async with (
            httpx2.AsyncClient(headers=named, timeout=60, trust_env=False) as http,
            Client(streamable_http_client(f"{address}/mcp", http_client=http)) as client,
        ):
            await script(client)

    asyncio.run(run())


async def names(client: Client) -> set[str]:
    return {tool.name for tool in (await client.list_tools()).tools}


async def said(client: Client, name: str, *, wrong: bool = False, **arguments: Any) -> str:
    result = await client.call_tool(name, arguments)
    assert result.is_error is wrong, result.content[0].text
    return result.content[0].text


def talked(c: Clew) -> None:
    answer = "Line one. " * 60 + "Line two."
    c.record([{"role": "user", "content": "Read the log."}, {"role": "assistant", "content": answer}], user="ana", session="s1")


def test_without_being_told_it_offers_the_ten_and_no_more(memory: Open) -> None:
    c = memory(recipes=["clew"])

    async def ten(client: Client) -> None:
        assert len(await names(client)) == 10

    with serving(c, "clew") as (address, _):
        at(address, None, ten)


def test_an_agent_folds_its_session_by_the_tools_of_a_served_recipe_and_sees_nobody_else_s(memory: Open) -> None:
    c = memory(recipes=["clew", "sculptor"])
    talked(c)
    with serving(c, "clew", "sculptor") as (address, access):
        keys = {role: access.keys.add(role, role, "ana")[1] for role in ("reader", "writer")}
        other = access.keys.add("bo", "writer", "bo")[1]

        async def writes(client: Client) -> None:
            assert await names(client) >= WORKING and not TASKS & await names(client)
            before = json.loads(await said(client, "window"))
            assert [m["role"] for m in before] == ["user", "assistant"]
            cut = await said(client, "fragment_context", start_marker="Line", end_marker="two.", num_fragments=2, role="assistant")
            handle = re.findall(r"\[(\w+)\]", cut)[0]
            await said(client, "fold_fragment", fragment_id=handle)
            assert len(json.loads(await said(client, "window"))[1]["content"]) < len(before[1]["content"])
            assert "10 matches" in await said(client, "search_context", query="Line one", role="assistant")

        async def reads(client: Client) -> None:
            assert await names(client) & WORKING == {"window"}
            assert "needs the role writer" in await said(client, "fold_fragment", wrong=True, session="s1", fragment_id="x")
            assert "say which conversation" in await said(client, "window", wrong=True)
            assert "Line one" in await said(client, "window", session="s1")

        async def looks(client: Client) -> None:
            assert json.loads(await said(client, "window", session="s1")) == []
            assert "0 matches" in await said(client, "search_context", session="s1", query="Line one", role="assistant")

        at(address, keys["writer"], writes, x_clew_session="s1")
        at(address, keys["reader"], reads)
        at(address, other, looks)
    assert {e.scope.user for e in c.log.read() if e.kind == "edit"} == {"ana", "bo"}, "each call is an event of the key's own user"


def test_two_recipes_that_call_a_tool_the_same_are_both_there(memory: Open) -> None:
    c = memory(recipes=["sculptor", "mem_tool"])
    talked(c)
    with serving(c, "sculptor", "mem_tool") as (address, access):

        async def both(client: Client) -> None:
            assert {"window", "mem_tool_window"} <= await names(client)
            shown = json.loads(await said(client, "window", session="s1"))
            assert shown == c.window(user="ana", session="s1", recipe="sculptor")
            other = json.loads(await said(client, "mem_tool_window", session="s1"))
            assert other == c.window(user="ana", session="s1", recipe="mem_tool") and other != shown

        at(address, access.keys.add("ana", "writer", "ana")[1], both)


def test_tasks_are_run_by_curators_alone_and_belong_to_the_key_s_user(memory: Open) -> None:
    c = memory(recipes=["clew"])
    with serving(c, "clew", tasks=True) as (address, access):
        keys = {name: access.keys.add(name, role, user)[1] for name, role, user in (
            ("ana", "curator", "ana"), ("desk", "writer", "ana"), ("bo", "curator", "bo"))}  # fmt: skip

        async def curator(client: Client) -> None:
            assert await names(client) >= TASKS
            assert "ask asks a person: Greet? (yes, no)" in await said(client, "task_run", graph=PLAN)
            await said(client, "task_approve", id="greeting", answer="yes")
            assert '- say: finished {"result": "hello"' in await said(client, "task_resume", id="greeting")

        async def writer(client: Client) -> None:
            assert await names(client) & TASKS == {"task_show"}
            for name, given in (("task_run", {"graph": PLAN}), ("task_cancel", {"id": "greeting"}), ("task_resume", {"id": "greeting"})):
                assert "needs the role curator" in await said(client, name, wrong=True, **given)
            assert "greeting: finished" in await said(client, "task_show")

        async def other(client: Client) -> None:
            assert await said(client, "task_show") == "There are no tasks."
            assert "NotFound" in await said(client, "task_cancel", wrong=True, id="greeting")

        at(address, keys["ana"], curator)
        at(address, keys["desk"], writer)
        at(address, keys["bo"], other)


def test_a_task_that_takes_long_keeps_no_other_request_waiting(memory: Open) -> None:
    c = memory(recipes=["clew"])
    with serving(c, "clew", tasks=True, threads=1) as (address, _), httpx2.Client(base_url=address, trust_env=False, timeout=20) as rest:

        async def sleeps(client: Client) -> None:
            assert "nap: finished" in await said(client, "task_run", graph=LONG)

        agent = threading.Thread(target=at, args=(address, None, sleeps), kwargs={"x_clew_user": "ana"})
        agent.start()
        deadline = time.monotonic() + 15
        while not any(e.body.get("node") == "n" for e in c.log.read()) and time.monotonic() < deadline:
            time.sleep(0.02)
        asked = time.monotonic()
        assert rest.post("/v1/recall", json={"text": "x", "user": "ana"}).status_code == 200
        took, running = time.monotonic() - asked, agent.is_alive()
        agent.join()
    assert running and took < 2.0

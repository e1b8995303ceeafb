"""The OpenAI Agents SDK's session on Clew: byte for byte what its own SQLite session gives, in a real run of an agent too."""

import asyncio
import itertools
import json
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

agents = pytest.importorskip("agents", reason="the OpenAI Agents SDK is not installed: pip install openai-agents")

from agents.memory import Session, SQLiteSession  # noqa: E402
from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from openai.types.responses import ResponseOutputMessage, ResponseOutputText  # noqa: E402

from clew import Clew, UsageError  # noqa: E402
from clew.compat.openai_agents import ClewSession  # noqa: E402

ITEMS: list[Any] = [
    {"role": "user", "content": "where is the naïve ☂ ferry?"},
    {
        "type": "function_call",
        "call_id": "c1",
        "name": "timetable",
        "arguments": '{"pier": 3, "of": "x"}',
        "id": "f1",
        "status": "completed",
    },
    {"type": "function_call_output", "call_id": "c1", "output": "the ferry leaves pier 3 at noon"},
    {"id": "r1", "summary": [{"text": "It asks for a time", "type": "summary_text"}], "type": "reasoning", "encrypted_content": None},
    {"id": "m1", "type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "At noon", "annotations": []}]},
    {"type": "message", "role": "user", "content": [{"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "auto"}]},
]


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


def packed(items: list[Any]) -> list[str]:
    return [json.dumps(item, ensure_ascii=False) for item in items]


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "text", "output"]), inner, max_size=2),
    max_leaves=5,
)
items = st.sampled_from(ITEMS) | st.fixed_dictionaries(
    {"type": st.sampled_from(["message", "function_call_output", "other"])},
    optional={"role": st.just("user"), "content": json_values, "output": json_values},
)
steps = st.tuples(st.just("add"), st.lists(items, max_size=3)) | st.tuples(
    st.sampled_from(["pop", "clear", "get"]), st.none() | st.integers(-1, 3)
)
fresh = itertools.count()


async def played(session: Any, plan: list[Any]) -> list[Any]:
    told = []
    for verb, given_ in plan:
        if verb == "add":
            await session.add_items(given_)
        elif verb == "clear":
            await session.clear_session()
        else:
            told.append(packed([await session.pop_item()]) if verb == "pop" else packed(await session.get_items(given_)))
    return [*told, packed(await session.get_items())]


@pytest.mark.parametrize("deletes", ["forget", "retire"])
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=st.lists(steps, max_size=7))
def test_it_gives_what_the_sdks_own_session_gives(tmp_path: Path, deletes: Any, plan: list[Any]) -> None:
    theirs = SQLiteSession("s")
    with Clew(tmp_path / f"{next(fresh)}.db", recipes=["verbatim"]) as c:
        c.record("words of the session next door", session="other")
        ours = ClewSession("s", c, deletes=deletes)
        assert isinstance(ours, Session)
        assert run(played(ours, plan)) == run(played(theirs, plan))
        assert len(c.memories(session="other")) == 1
    theirs.close()


def test_a_conversation_is_memory_of_its_user_and_what_was_popped_is_gone(tmp_path: Path) -> None:
    with Clew(tmp_path / "m.db") as c:
        session = ClewSession("s1", c, user="ana")
        run(session.add_items(ITEMS))
        assert c.recall("when does the ferry leave pier 3?", user="ana", k=1)[0].memory.text == "the ferry leaves pier 3 at noon"
        assert c.recall("ferry", user="ben") == []
        run(ClewSession("s2", c, user="ana").add_items([{"role": "user", "content": "the secret word is Zanzibar"}]))
        run(ClewSession("s1", c, user="ben").add_items([{"role": "user", "content": "ben's own"}]))
        assert run(ClewSession("s2", c, user="ana").pop_item()) == {"role": "user", "content": "the secret word is Zanzibar"}
        run(session.clear_session())
        assert run(session.get_items()) == [] and c.memories(user="ana") == []
        assert len(run(ClewSession("s1", c, user="ben").get_items())) == 1
    raw = b"".join(p.read_bytes() for p in tmp_path.glob("m.db*"))
    assert b"Zanzibar" not in raw and b"timetable" not in raw and b"ben's own" in raw


def test_settings_limit_what_is_given_and_long_sessions_are_read_in_pages(tmp_path: Path) -> None:
    session = ClewSession("s", tmp_path / "m.db", session_settings=agents.SessionSettings(limit=2), recipes=["verbatim"])
    run(session.add_items([{"role": "user", "content": f"item {n}"} for n in range(1100)]))
    assert [item["content"] for item in run(session.get_items())] == ["item 1098", "item 1099"]
    assert len(run(session.get_items(-1))) == 1100 and run(session.get_items(1099))[0]["content"] == "item 1"
    with pytest.raises(UsageError, match="this one is open"):
        ClewSession("s", session.clew, audit=True)
    session.close()


class Echo(agents.Model):
    """A model that tells how many items it was shown, and the first of them."""

    async def get_response(self, system_instructions: Any, input: Any, *_: Any, **__: Any) -> Any:
        text = f"{len(input)} items; {input[0]['content']}"
        content = [ResponseOutputText(annotations=[], text=text, type="output_text")]
        message = ResponseOutputMessage(id="m", content=content, role="assistant", status="completed", type="message")
        return agents.ModelResponse(output=[message], usage=agents.Usage(), response_id=None)

    def stream_response(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError


def test_an_agent_of_the_sdk_goes_on_where_it_left_off(tmp_path: Path) -> None:
    agents.set_tracing_disabled(True)
    agent = agents.Agent(name="clerk", model=Echo())

    async def talk(words: str) -> str:
        session = ClewSession("s", tmp_path / "m.db", user="ana")
        found = await agents.Runner.run(agent, words, session=session)
        session.close()
        return found.final_output

    assert run(talk("my boat is red")) == "1 items; my boat is red"
    assert run(talk("which colour is it?")) == "3 items; my boat is red"
    with Clew(tmp_path / "m.db") as c:
        assert c.recall("which colour is the boat?", user="ana")[0].memory.text == "my boat is red"

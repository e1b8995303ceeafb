"""LlamaIndex on Clew: the chat store gives what LlamaIndex's own gives, and the block gives quotes inside LlamaIndex's memory."""

import asyncio
import itertools
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("llama_index.core", reason="LlamaIndex is not installed: pip install llama-index-core")

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock
from llama_index.core.memory import ChatMemoryBuffer, Memory
from llama_index.core.storage.chat_store import SimpleChatStore

from clew import Clew
from clew.compat.llama_index import ClewChatStore, ClewMemoryBlock

pytestmark = pytest.mark.filterwarnings("ignore")  # LlamaIndex's own, of its dependencies
MESSAGES = [
    ChatMessage(role="user", content="where is the naïve ☂ ferry?"),
    ChatMessage(role="assistant", content="", additional_kwargs={"tool_calls": [{"id": "c1", "function": {"name": "timetable"}}]}),
    ChatMessage(role="tool", content="the ferry leaves pier 3 at noon", additional_kwargs={"tool_call_id": "c1"}),
    ChatMessage(role="user", blocks=[TextBlock(text="and this?"), ImageBlock(url="https://example.org/a.png")]),
    ChatMessage(role="chatbot", content="a pier"),
]
messages = st.lists(st.sampled_from(MESSAGES), max_size=3)
keys = st.sampled_from(["s1", "s2"])
steps = (
    st.tuples(st.sampled_from(["set_messages"]), keys, messages)
    | st.tuples(st.just("add_message"), keys, st.sampled_from(MESSAGES))
    | st.tuples(st.sampled_from(["get_messages", "delete_messages", "delete_last_message"]), keys)
    | st.tuples(st.just("delete_message"), keys, st.integers(0, 2))
)
fresh = itertools.count()


@pytest.mark.parametrize("deletes", ["forget", "retire"])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=st.lists(steps, max_size=6))
def test_it_gives_what_llama_indexs_own_store_gives(tmp_path: Path, deletes: Any, plan: list[Any]) -> None:
    theirs = SimpleChatStore()
    with Clew(tmp_path / f"{next(fresh)}.db", recipes=["verbatim"]) as c:
        ours = ClewChatStore(clew=c, user="ana", deletes=deletes)
        ClewChatStore(clew=c, user="ben").add_message("s1", MESSAGES[0])
        for verb, key, *given_ in plan:
            if verb == "delete_last_message" and not theirs.get_messages(key):
                assert ours.delete_last_message(key) is None  # theirs raises IndexError of a key that was emptied
                continue
            rest = [[*part] if isinstance(part, list) else part for part in given_]
            expected, got = getattr(theirs, verb)(key, *rest), getattr(ours, verb)(key, *rest)
            assert got == expected or not (got or expected)  # of nothing theirs tells None or []
        assert {key for key in theirs.get_keys() if theirs.get_messages(key)} == {*ours.get_keys()}
        for key in ("s1", "s2"):
            assert ours.get_messages(key) == theirs.get_messages(key)


def test_a_chat_buffer_goes_on_where_it_left_off_and_the_words_are_memory(tmp_path: Path) -> None:
    with Clew(tmp_path / "m.db") as c:
        ChatMemoryBuffer.from_defaults(chat_store=ClewChatStore(clew=c, user="ana"), chat_store_key="s1").put_messages(MESSAGES)
    with Clew(tmp_path / "m.db") as c:
        buffer = ChatMemoryBuffer.from_defaults(chat_store=ClewChatStore(clew=c, user="ana"), chat_store_key="s1")
        assert buffer.get_all() == MESSAGES
        assert c.recall("when does the ferry leave?", user="ana", k=1)[0].memory.text == "the ferry leaves pier 3 at noon"
        buffer.reset()
        assert buffer.get_all() == []
    assert b"timetable" not in b"".join(p.read_bytes() for p in tmp_path.glob("m.db*"))


def test_what_falls_out_of_short_term_memory_comes_back_as_a_quote(tmp_path: Path) -> None:
    async def talk(c: Clew) -> list[ChatMessage]:
        block = ClewMemoryBlock(clew=c, user="ana")
        memory = Memory.from_defaults(
            session_id="s1", token_limit=120, chat_history_token_ratio=0.4, token_flush_size=30, memory_blocks=[block]
        )
        await memory.aput(ChatMessage(role="user", content="My boat is called Akka and lies at pier 3"))
        for n in range(12):
            await memory.aput(ChatMessage(role="assistant", content=f"reply number {n} about the weather of the week"))
            await memory.aput(ChatMessage(role="user", content=f"and what about day number {n} of this week?"))
        await memory.aput(ChatMessage(role="user", content="what is my boat called?"))
        assert await block.aget([]) == "" and await block.aget([ChatMessage(role="assistant", content="hm")]) == ""
        shown = await memory.aget()
        await memory.sql_store._async_engine.dispose()
        return shown

    with Clew(tmp_path / "m.db") as c:
        shown = asyncio.run(talk(c))
        assert any("<memory" in (m.content or "") and "called Akka" in (m.content or "") for m in shown)
        assert {m.scope.session for m in c.memories(user="ana")} == {"s1"}

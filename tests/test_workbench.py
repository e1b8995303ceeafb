"""Windows and tools through the door: what an agent sees of its session, and what it may do to its memory."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from clew import Clew
from clew.context import Context
from clew.errors import RecipeError, UsageError
from clew.operators import retrieve
from clew.recipe import Recipe
from clew.tools import checked, schema
from clew.types import Event, Memory, Query


def keep(events: Sequence[Event], ctx: Context) -> list[Memory]:
    return [ctx.memory(e.text, kind="message", role="user") for e in events]


def hide(word: Annotated[str, "a word of the messages to hide", (1, 20)], ctx: Context) -> list[Memory]:
    """Hide every message that has a word."""
    found = [m for m in ctx.view.all("message") if word in m.text]
    return [*(m.revised(data={"hidden": True}) for m in found), ctx.memory(f"{len(found)} hidden", kind="reply")]


def fail(ctx: Context) -> list[Memory]:
    """Always wrong."""
    raise ValueError("no such thing")


def hidden(ctx: Context) -> str:
    """How many are hidden."""
    return str(sum(bool(m.data.get("hidden")) for m in ctx.view.all("message")))


def window(query: Query, ctx: Context) -> list[dict[str, Any]]:
    said = sorted(ctx.view.all("message"), key=lambda m: m.sources[0].seq)  # a revised one stands where its newest version does
    return [{"role": m.data["role"], "content": "..." if m.data.get("hidden") else m.text} for m in said]


DESK = Recipe(
    "desk", keep, lambda query, ctx: retrieve.bm25(query, ctx), window=window, shares="session",
    tools={"hide": hide, "hidden": hidden, "fail": fail}, edits=frozenset({"hide", "fail"}),
)  # fmt: skip


@pytest.fixture
def clew(tmp_path: Path) -> Clew:
    c = Clew(tmp_path / "m.db", recipes=["verbatim", DESK])
    c.record(["the red boat", "the blue boat", "a red car"], user="ana", session="s1")
    c.record("a red herring", user="ana", session="s2")
    return c


def shown(clew: Clew, session: str = "s1") -> list[str]:
    return [m["content"] for m in clew.window(user="ana", session=session)]


def test_a_call_changes_what_the_window_shows_and_loses_nothing(clew: Clew) -> None:
    assert clew.call("hide", {"word": "red"}, user="ana", session="s1") == "2 hidden"
    assert shown(clew) == ["...", "the blue boat", "..."]
    assert shown(clew, "s2") == ["a red herring"]
    assert clew.call("hidden", "{}", user="ana", session="s1") == "2"
    memory = next(m for m in clew.memories(user="ana", session="s1", recipe="desk") if m.data.get("hidden"))
    assert clew.thread(memory.id)[0].text == "the red boat"
    clew.rebuild("desk")
    assert shown(clew) == ["...", "the blue boat", "..."]


def test_a_call_is_an_event_and_its_key_makes_it_one(clew: Clew) -> None:
    for _ in range(2):
        assert clew.call("hide", '{"word": "blue"}', user="ana", session="s1", key="call-1") == "1 hidden"
    calls = [e for e in clew.log.read() if e.kind == "edit"]
    assert [e.body["arguments"] for e in calls] == [{"word": "blue"}]


def test_arguments_that_do_not_fit_are_refused_before_anything_is_written(clew: Clew) -> None:
    for wrong in ({"wort": "x"}, {}, {"word": 3}, {"word": ""}, "no json"):
        with pytest.raises(UsageError, match="hide"):
            clew.call("hide", wrong, user="ana", session="s1")
    with pytest.raises(UsageError, match="no tool 'hid'"):
        clew.call("hid", {}, user="ana", session="s1")
    with pytest.raises(UsageError, match="no window"):
        clew.window(session="s1", recipe="verbatim")
    assert not [e for e in clew.log.read() if e.kind == "edit"]


def test_a_tool_that_fails_is_a_fault_and_the_caller_is_told(clew: Clew) -> None:
    with pytest.raises(RecipeError, match="no such thing"):
        clew.call("fail", user="ana", session="s1")
    assert clew.status()["faults"]
    assert shown(clew) == ["the red boat", "the blue boat", "a red car"]


def test_tools_are_described_as_a_model_is_told_of_them(clew: Clew) -> None:
    [hide_schema, *_] = clew.tools("desk")
    assert hide_schema == {
        "type": "function",
        "function": {
            "name": "hide",
            "description": "Hide every message that has a word.",
            "parameters": {
                "type": "object",
                "properties": {
                    "word": {"type": "string", "description": "a word of the messages to hide", "minLength": 1, "maxLength": 20}
                },
                "required": ["word"],
                "additionalProperties": False,
            },
        },
    }


def test_schemas_know_lists_enums_defaults_and_bounds() -> None:
    def cut(
        ids: Annotated[list[str], "which", (1, 2)],
        how: Literal["soft", "hard"] = "soft",
        n: Annotated[int, (1, 5)] = 2,
        why: str | None = None,
    ) -> str:
        """Cut."""
        return f"{ids}{how}{n}{why}"

    made = schema(cut)["function"]["parameters"]
    assert made["required"] == ["ids"] and made["properties"]["how"] == {"type": "string", "enum": ["soft", "hard"], "default": "soft"}
    assert checked(cut, {"ids": ["a"], "n": 3.0}) == {"ids": ["a"], "how": "soft", "n": 3}
    for wrong, words in (
        ({"ids": []}, "1 to 2 items"),
        ({"ids": ["a"], "how": "x"}, "one of soft, hard"),
        ({"ids": ["a"], "n": 9}, "1 to 5"),
    ):
        with pytest.raises(UsageError, match=words):
            checked(cut, wrong)


def test_every_built_in_tool_can_be_described(tmp_path: Path) -> None:
    for name in ("ari_graph", "cognitive_kernel", "second_me", "a_mem_guard"):
        with Clew(tmp_path / f"{name}.db", recipes=[name]) as c:
            assert all(t["function"]["description"] for t in c.tools())

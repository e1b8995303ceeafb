"""Whatever an agent calls, in whatever order: working memory is rebuilt to the byte, forgets to the byte, and never fails at a call."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import dead, dump, fixed, folder, same, small

from clew import Clew
from clew.recipe import Recipe
from clew.recipes import freephdlabor, l2mac, mem_tool

RECIPES: dict[str, Recipe] = {
    r.name: r
    for r in (
        l2mac.recipe.variant("small", context=400, reserve=40),
        freephdlabor.recipe.variant("small", context=60, overhead=0, inline=4),
        mem_tool.recipe.variant("small", limit=2, k=1),
        mem_tool.workflow.variant("small", limit=2, k=1),
        mem_tool.hybrid.variant("small", limit=2, k=1),
    )
}
HERE = {"user": "ana", "agent": "aide", "session": "s1"}
WORDS = ("tide", "aide/a.md", "shared/b.md", "early", "sail_boat", "bake_bread", "moor the boat", "naïve\r\n👍")
CARDS = ("sail_boat", "bake_bread", "moor_boat")


def values(part: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Values that fit a part of a tool's schema."""
    if "enum" in part:
        return st.sampled_from(part["enum"])
    if part["type"] == "array":
        return st.lists(values(part["items"]), min_size=part.get("minItems", 0), max_size=3)
    if part["type"] == "integer":
        return st.integers(1, 3)
    return st.sampled_from(WORDS)


def calls(recipe: Recipe) -> st.SearchStrategy[tuple[str, Mapping[str, Any]]]:
    """Calls of the recipe's tools that their schemas allow."""
    with folder() as path, Clew(path / "m.db", recipes=[recipe]) as c:
        tools = [tool["function"] for tool in c.tools()]
    made = [
        st.tuples(st.just(t["name"]), st.fixed_dictionaries({k: values(p) for k, p in t["parameters"]["properties"].items()}))
        for t in tools
    ]
    return st.one_of(made)


MESSAGES = st.one_of(
    st.builds(lambda w: {"role": "user", "content": f"Please {w}"}, st.sampled_from(WORDS)),
    st.builds(lambda w: {"role": "assistant", "content": f"thinking of {w} " * 8}, st.sampled_from(WORDS)),
    st.just(
        {"role": "assistant", "content": "", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}
    ),
    st.builds(lambda w: {"role": "tool", "tool_call_id": "c", "content": f"{w} " * 10}, st.sampled_from(WORDS)),
    st.builds(lambda ok: {"content": "tested", "kind": "observation", "data": {"verdict": ok}}, st.booleans()),
    st.builds(lambda do: {"content": "Listen.", "kind": "interrupt", "data": {"do": do}}, st.sampled_from(("pause", "modify", "new_task"))),
)
PLANS = {name: st.lists(st.one_of(MESSAGES, calls(recipe)), min_size=1, max_size=20) for name, recipe in RECIPES.items()}


def lived(c: Clew, plan: list[Any]) -> list[str]:
    """Carry the plan out; every message carries a word of its own. What the agent was told."""
    told = []
    c.record(
        [{"content": f"{name}: {name}.", "kind": "document", "trust": "owner", "data": {"tool": {"name": name}}} for name in CARDS],
        agent="aide",
    )
    c.record({"role": "user", "content": "Begin."}, **HERE)
    for i, step in enumerate(plan):
        if isinstance(step, tuple):
            told.append(c.call(step[0], step[1], **HERE))
        else:
            c.record({**step, "content": f"{step['content']} qzx{i:02d}jv"}, **HERE)
    c.catch_up()
    return told


@pytest.mark.parametrize("name", RECIPES)
@small
@given(data=st.data())
def test_any_calls_in_any_order_are_answered_rebuilt_and_forgotten(name: str, data: st.DataObject) -> None:
    plan = data.draw(PLANS[name])
    with folder() as path:
        with Clew(path / "m.db", recipes=[RECIPES[name]], models=fixed()) as c:
            told = lived(c, plan)
            assert all(told) and not [f for f in c.status()["faults"] if not f["operator"].startswith("ask")]
        replayed(path, name)
        with Clew(path / "m.db", recipes=[RECIPES[name]], models=fixed()) as c:
            gone = [e.seq for e in c.log.read() if "qzx" in e.text][:: data.draw(st.integers(1, 3))]
            words = {w for e in c.log.read() if e.seq in gone for w in re.findall(r"qzx\d\djv", e.text)}
            if not gone:
                return
            receipt = c.forget(events=gone)
            c.catch_up()
            assert c.verify_forgotten(receipt, probes=sorted(words)) == []
            assert not [w for w in words if w in str(c.window(**HERE))]
        replayed(path, name)


def replayed(path: Path, name: str) -> None:
    """Without a model, a rebuild gives the rows and the window that are there."""
    with Clew(path / "m.db", recipes=[RECIPES[name]], models=dead()) as c:
        live, window = dump(c, name), c.window(**HERE)
        c.rebuild(name)
        same(live, dump(c, name))
        assert c.window(**HERE) == window

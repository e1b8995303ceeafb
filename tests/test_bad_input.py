"""Bad input and bad places: each gives one of our errors with a message that says what would be right, and nothing is lost."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from clew import Clew, NotFound, Recipe, UsageError
from clew.operators import encode, retrieve
from clew.recipe import load

Open = Callable[..., Clew]
DEEP: list[Any] = []
for _ in range(50_000):
    DEEP = [DEEP]

BODIES: dict[str, tuple[Any, str]] = {
    "bytes": (b"caf\xe9", "decode"),
    "half an emoji": ("bad \ud83d text", "Unicode"),
    "half an emoji in a part": ({"content": [{"type": "text", "text": "\ud800"}]}, "Unicode"),
    "fifty megabytes": ("x" * 50_000_000, "split"),
    "nothing": ("", "words"),
    "spaces": (" \n\t", "words"),
    "an empty message": ({}, "words"),
    "a number": (7, "got int"),
    "None": (None, "None"),
    "a list with bytes": (["fine", b"x"], "message 1"),
    "a list with a list": ([["x"]], "message 0"),
    "a generator": ((x for x in "ab"), "generator"),
    "a set": ({"content": "x", "data": {"a": {1}}}, "JSON"),
    "not a number": ({"content": "x", "data": {"a": float("nan")}}, "JSON"),
    "without end": ({"content": "x", "data": {"a": DEEP}}, "JSON|deep|nest"),
    "a naive time": ({"content": "x", "at": "2026-05-20T10:00:00"}, r"\+00:00"),
    "a day": ({"content": "x", "at": "2026-05-20"}, "time zone"),
    "no time": ({"content": "x", "at": "yesterday"}, "ISO 8601"),
    "a number for a time": ({"content": "x", "at": 1716192000}, "ISO 8601"),
    "before all time": ({"content": "x", "at": "0001-01-01T00:00:00+14:00"}, "year"),
    "after all time": ({"content": "x", "at": "9999-12-31T23:59:59-05:00"}, "year"),
    "a number for a kind": ({"content": "x", "kind": 5}, "kind"),
    "half an emoji for a kind": ({"content": "x", "kind": "\ud800"}, "kind"),
    "our own kind": ({"content": "x", "kind": "forget"}, "forget"),
    "a number for a user": ({"content": "x", "user": 5}, "user"),
    "an empty user": ({"content": "x", "user": ""}, "user"),
    "a long user": ({"content": "x", "user": "u" * 501}, "500"),
    "trust unknown": ({"content": "x", "trust": "total"}, "trust"),
    "trust too high": ({"content": "x", "trust": 99}, "trust"),
    "calls that are text": ({"content": "x", "tool_calls": "abc"}, "tool_calls"),
    "lived without a time": ("x", "as_lived"),
}


@pytest.mark.parametrize("what", list(BODIES))
def test_what_cannot_be_recorded_is_refused_and_says_why(memory: Open, what: str) -> None:
    clew = memory()
    clew.record("before", user="ana")
    body, message = BODIES[what]
    with pytest.raises(UsageError, match=message):
        clew.record(body, user="ana", as_lived=what == "lived without a time")
    clew.record("after", user="ana")
    assert [e.text for e in clew.log.read()] == ["before", "after"]
    assert clew.log.verify()
    assert len(clew.recall("before after", user="ana")) == 2


ODD = [
    {"content": [1, 2]},
    {"content": 5},
    {"content": [{"text": 5}]},
    {"content": {"a": 1}},
    {"content": [None, {"image": "x"}]},
    {"tool_calls": [{"function": "f"}]},
    {"tool_calls": [{"a": 1}]},
    {"content": "x", "role": "narrator"},
    {"content": "a\x00b"},
    {"content": "x" * 100_000},
    {"content": "👩‍👩‍👧‍👦" * 50},
    {"content": "\u202etxet"},
]


@pytest.mark.parametrize("body", ODD, ids=lambda b: str(b)[:30])
def test_what_is_odd_and_accepted_can_be_read_found_and_forgotten(memory: Open, body: Any) -> None:
    clew = memory()
    clew.record("calm harbour", user="bo")
    try:
        clew.record(body, user="ana")
    except UsageError:
        return
    clew.catch_up()
    [event] = [e for e in clew.log.read() if e.scope.user == "ana"]
    assert isinstance(event.text, str)
    for memory_ in clew.memories(user="ana"):
        assert clew.thread(memory_.id)[0].text == event.text
    clew.prompt("x", user="ana")
    assert clew.forget(user="ana").state == "erased"
    assert clew.status()["faults"] == []


QUERIES: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({"text": ""}, "words"),
    "spaces": ({"text": "  "}, "words"),
    "no text": ({"text": None}, "words"),
    "bytes": ({"text": b"x"}, "words"),
    "k of 0": ({"text": "x", "k": 0}, "k must be"),
    "k below 0": ({"text": "x", "k": -1}, "k must be"),
    "half a k": ({"text": "x", "k": 1.5}, "k must be"),
    "no room": ({"text": "x", "max_tokens": 0}, "max_tokens"),
    "a naive time": ({"text": "x", "at": "2026-01-01T00:00:00"}, "time zone"),
    "a naive valid time": ({"text": "x", "valid_at": "2026-01-01T00:00:00"}, "time zone"),
    "a naive moment": ({"text": "x", "as_of": "2026-01-01T00:00:00"}, "time zone"),
    "a text for kinds": ({"text": "x", "kinds": "turn"}, "kinds"),
    "a number for a user": ({"text": "x", "user": 7}, "user"),
    "half an emoji for a user": ({"text": "x", "user": "\ud800"}, "user"),
}


@pytest.mark.parametrize("what", list(QUERIES))
def test_what_cannot_be_asked_is_refused_and_says_why(memory: Open, what: str) -> None:
    clew = memory()
    clew.record("x is here", user="ana")
    arguments, message = QUERIES[what]
    with pytest.raises(UsageError, match=message):
        clew.recall(**{"user": "ana", **arguments})


@pytest.mark.parametrize(
    "text", ["\ud800", "x \ud83d", "...", "the of and", "?" * 5000, "x " * 20_000, "\x00", "'; DROP TABLE event; --", '" OR NEAR(', "的"]
)
def test_any_other_text_may_be_asked(memory: Open, text: str) -> None:
    clew = memory(audit=False)
    clew.record("x is here", user="ana")
    try:
        clew.recall(text, user="ana")
        clew.recall(text, user="nobody")
        clew.ask(text, user="ana")
    except UsageError as error:
        assert "Unicode" in str(error)
    assert clew.log.head() == 1


def test_asking_about_nobody_in_an_empty_file_is_no_error(memory: Open) -> None:
    for audit in (False, True):
        clew = memory(f"{audit}.db", audit=audit)
        assert clew.recall("anything", user="nobody") == []
        assert clew.prompt("anything", user="nobody") == ""
        assert clew.ask("anything", user="nobody").text is None
        assert clew.memories(user="nobody") == []
        assert clew.catch_up() == {"verbatim": "folded"}


def test_an_unknown_recipe_names_those_there_are_and_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="verbatim"):
        Clew(tmp_path / "m.db", recipes=["nonsense"])
    assert list(tmp_path.iterdir()) == []
    for wrong in ("verbatim", []):
        with pytest.raises(UsageError, match="recipes"):
            Clew(tmp_path / "m.db", recipes=wrong)  # type: ignore[arg-type]
    for name in ("../engine", "clew.recipes.verbatim", "", "a b"):
        with pytest.raises(NotFound):
            load(name)


def test_a_recipe_that_was_not_opened_is_not_found(memory: Open) -> None:
    clew = memory()
    with pytest.raises(NotFound, match="verbatim"):
        clew.recall("x", recipe="scm")


# -- places ---------------------------------------------------------------------------------------------------------


def test_operators_may_come_from_no_module_and_need_a_name(memory: Open) -> None:
    space: dict[str, Any] = {}  # as a notebook's, a plug-in loader's or an agent's own `exec`
    exec("def turns(events, ctx):\n    return [ctx.memory(e.text, sources=[e]) for e in events]\n", space)
    clew = memory(recipes=[Recipe("loose", space["turns"], retrieve.bm25)])
    clew.record("The heron is back", user="ana")
    assert clew.recall("heron", user="ana")[0].memory.text == "The heron is back"
    with pytest.raises(UsageError, match="'nameless' has an operator without a name"):
        memory("other.db", recipes=[Recipe("nameless", partial(encode.turns), retrieve.bm25)]).catch_up()

"""Sculptor does what its checklist says: six tools over fragments with ids; nothing is lost, nothing changes its place."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clew import Clew
from clew.errors import UsageError
from clew.models import Models
from clew.models.fake import Dead, Scripted
from clew.operators.window import fragments
from clew.recipe import load

WHO = {"session": "s1", "user": "ana"}
LOG = "\n".join(f"{hour:02}:00 wind {hour % 12} knots, {'rain' if hour % 3 else 'clear'} over the point" for hour in range(20))
CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
SAID: list[dict[str, Any]] = [
    {"role": "system", "content": "You read weather logs."},
    {"role": "user", "content": LOG},
    {"role": "assistant", "content": "I look.", "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": "the barometer stands at 1013, falling slowly since noon"},
    {
        "role": "user",
        "content": [{"type": "text", "text": "as on this chart"}, {"type": "image_url", "image_url": {"url": "https://example.org/c.png"}}],
    },
    {"role": "user", "content": "When did it rain?"},
]
CUT = {"start_marker": "00:00 wind", "end_marker": "clear over the point", "num_fragments": 4}


class Letters:
    name = "letters"

    def count(self, text: str) -> int:
        return len(text)


def summing(prompt: str, schema: Any) -> Any:
    return {"text": f"mostly {prompt.split('Focus: ')[1].splitlines()[0]}"}


def opened(path: Path, recipe: Any = "sculptor", asker: Any = None) -> Clew:
    path.mkdir(exist_ok=True)
    c = Clew(path / "s.db", recipes=[recipe], models=Models(asker=asker or Scripted(summing), counter=Letters()))
    c.record(SAID, **WHO)
    return c


def use(c: Clew, tool: str, **arguments: Any) -> str:
    return c.call(tool, arguments, **WHO)


def cut(c: Clew, **other: Any) -> list[str]:
    return re.findall(r"^\[(\w{6})\]", use(c, "fragment_context", **{**CUT, **other}), re.MULTILINE)


def content(c: Clew, place: int = 1) -> Any:
    return c.window(**WHO)[place]["content"]


def test_item_1_all_six_tools_work_with_ids(tmp_path: Path) -> None:
    with opened(tmp_path) as c:
        told = [t["function"] for t in c.tools()]
        names = ["fragment_context", "fold_fragment", "summarize_fragment", "restore_fragment", "search_context", "get_search_detail"]
        assert [t["name"] for t in told] == names and all(t["description"] for t in told)
        bounds = {t["name"]: t["parameters"]["properties"] for t in told}
        assert bounds["fragment_context"]["num_fragments"] == {
            "type": "integer",
            "description": "how many",
            "minimum": 1,
            "maximum": 20,
            "default": 5,
        }
        assert (bounds["search_context"]["max_results"]["maximum"], bounds["search_context"]["context_size"]["maximum"]) == (50, 1000)
        assert bounds["get_search_detail"]["extended_context"]["default"] == 500
        ids = cut(c)
        assert len(set(ids)) == 4 and c.window(**WHO) == SAID, "cutting alone changes nothing that is shown"
        parts = [c.thread(m.id)[0].text for m in c.memories(**WHO, kind="fragment")]
        assert "".join(parts) == LOG[: LOG.rindex("clear over the point") + len("clear over the point")], (
            "fragments cover the span, in order"
        )
        assert all(part.endswith("\n") for part in parts[:-1]), "and end where lines end"
        use(c, "fold_fragment", fragment_id=ids[0])
        use(c, "summarize_fragment", fragment_id=ids[1], focus="rain")
        assert content(c).startswith(f"[{ids[0]} folded, {len(parts[0])} tokens]\n[{ids[1]} summary: mostly rain]\n{parts[2]}")
        use(c, "restore_fragment", fragment_id=ids[0])
        assert content(c).startswith(f"{parts[0]}[{ids[1]} summary")
        found = use(c, "search_context", query="16:00", context_size=50)
        [search] = re.findall(r"^\[(\w{6}@\d+)\]", found, re.MULTILINE)
        assert "16:00 wind 4 knots" in found and "14:00" not in found
        assert "14:00" in use(c, "get_search_detail", search_id=search, extended_context=300)
    with opened(tmp_path / "off", load("sculptor").variant("off", tools={}, edits=frozenset())) as c:
        assert c.tools() == [] and c.window(**WHO) == SAID, "without the tools it is the plain session"


def test_item_2_restoration_is_perfect(tmp_path: Path) -> None:
    with opened(tmp_path) as c:
        ids = cut(c)
        for id, tool in zip(ids, ("fold_fragment", "summarize_fragment", "fold_fragment", "fold_fragment"), strict=True):
            use(c, tool, fragment_id=id, **({"focus": "rain"} if tool.startswith("summ") else {}))
        assert "knots" not in content(c).split("\n[")[0]
        for id in ids:
            use(c, "restore_fragment", fragment_id=id)
        assert c.window(**WHO) == SAID
    with opened(tmp_path / "off", "sculptor[-restoration]") as c:
        ids = cut(c)
        use(c, "fold_fragment", fragment_id=ids[0])
        assert "Nothing is restored here" in use(c, "restore_fragment", fragment_id=ids[0])
        assert content(c).startswith(f"[{ids[0]} folded")


def test_item_3_exact_search_works_on_folded_text_too(tmp_path: Path) -> None:
    for off in ("", "[-folded_search]"):
        with opened(tmp_path / f"x{off}", f"sculptor{off}") as c:
            ids = cut(c)
            use(c, "fold_fragment", fragment_id=ids[0])
            found = use(c, "search_context", query="01:00 wind")
            assert ("(folded)" in found and "1 knots" in found) is not bool(off)
            assert "(folded)" not in use(c, "search_context", query="18:00 wind")
            assert use(c, "search_context", query="WIND").startswith("0 matches"), "exact: capitals count"
            assert use(c, "search_context", query="barometer").startswith("0 matches")
            assert use(c, "search_context", query="barometer", role="any").startswith("1 matches")


def test_item_4_the_number_and_order_of_messages_never_change(tmp_path: Path) -> None:
    for off in ("", "[-structure]"):
        with opened(tmp_path / f"x{off}", f"sculptor{off}") as c:
            [id] = cut(c, end_marker=LOG[-30:], num_fragments=1)
            use(c, "fold_fragment", fragment_id=id)
            window = c.window(**WHO)
            assert ([m["role"] for m in window] == [m["role"] for m in SAID]) is not bool(off)
            assert len(window) == len(SAID) - bool(off)
            if not off:
                assert len(c.window(**WHO, max_tokens=500)) == len(SAID), "under a budget too"


def test_item_5_calls_of_one_turn_are_capped(tmp_path: Path) -> None:
    for off in ("", "[cap=0]"):
        model = Scripted(summing)
        with opened(tmp_path / f"x{off}", f"sculptor{off}", model) as c:
            id = cut(c)[0]
            for n in range(19):
                assert f"call {n + 2} of" in use(c, "search_context", query="rain")
            said = use(c, "summarize_fragment", fragment_id=id, focus="wind")
            assert ("This turn has had its 20 calls" in said) is not bool(off) and model.calls == (1 if off else 0)
            c.record({"role": "user", "content": "And the wind?"}, **WHO)
            assert "call 1 of" in use(c, "fold_fragment", fragment_id=id), "a new turn has its own"


def test_item_6_answers_account_for_the_size_of_the_context(tmp_path: Path) -> None:
    for off in ("", "[-accounting]"):
        with opened(tmp_path / f"x{off}", f"sculptor{off}") as c:
            ids = cut(c)
            said = use(c, "fold_fragment", fragment_id=ids[0])
            sizes = re.findall(r"\[(\d+) of (\d+) tokens are shown", said)
            assert bool(sizes) is not bool(off)
            if sizes:
                shown, whole = map(int, sizes[0])
                marker = content(c).split("\n")[0]
                assert whole - shown == int(re.findall(r"folded, (\d+) tokens", marker)[0]) - len(marker) - 1


actions = st.one_of(
    st.tuples(st.just("fold_fragment"), st.integers(0, 12)),
    st.tuples(st.just("summarize_fragment"), st.integers(0, 12)),
    st.tuples(st.just("restore_fragment"), st.integers(0, 12)),
    st.tuples(st.just("fragment_context"), st.tuples(st.integers(0, len(LOG) - 2), st.integers(1, 400), st.integers(1, 20))),
    st.tuples(st.just("search_context"), st.sampled_from(("rain", "wind 3", "zzz"))),
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with Clew(tmp_path_factory.mktemp("s") / "p.db", recipes=["sculptor[cap=0]"], models=Models(asker=Scripted(summing))) as c:
        yield c


@settings(max_examples=60, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(plan=st.lists(actions, max_size=14), number=st.integers(0, 10**9))
def test_any_sequence_of_tools_then_restore_all_gives_the_original_bytes(store: Clew, plan: list[Any], number: int) -> None:
    who = {"session": f"s{number}-{store.log.head()}", "user": "ana"}
    store.record(SAID, **who)
    for tool, what in plan:
        ids = [m.data["handle"] for m in store.memories(**who, kind="fragment")] or ["none"]
        if tool == "fragment_context":
            at, length, n = what
            span = LOG[at : at + length].strip()
            arguments = {"start_marker": span[:40] or "w", "end_marker": span[-40:] or "w", "num_fragments": n}
        elif tool == "search_context":
            arguments = {"query": what}
        else:
            arguments = {"fragment_id": ids[what % len(ids)], **({"focus": "rain"} if tool.startswith("summ") else {})}
        store.call(tool, arguments, **who)
        window = store.window(**who)
        assert [m["role"] for m in window] == [m["role"] for m in SAID]
        assert window[:1] + window[2:] == SAID[:1] + SAID[2:], "only the message that was cut is shown otherwise"
        at = 0
        for piece in re.split(r"\[\w{6} (?:folded, \d+ tokens|summary: mostly rain)\]", window[1]["content"]):
            at = LOG.find(piece.strip("\n"), at)
            assert at >= 0, "between the markers stand the message's own words, in their order"
    for m in store.memories(**who, kind="fragment"):
        store.call("restore_fragment", {"fragment_id": m.data["handle"]}, **who)
    assert store.window(**who) == SAID


def test_fragments_may_lie_in_each_other_but_not_across(tmp_path: Path) -> None:
    with opened(tmp_path) as c:
        outer = cut(c, num_fragments=2)
        inner = cut(c, start_marker="02:00 wind", end_marker="04:00 wind", num_fragments=1)[0]
        across = cut(c, start_marker="06:00 wind", end_marker="14:00 wind", num_fragments=1)[0]
        use(c, "fold_fragment", fragment_id=inner)
        assert content(c).startswith("00:00 wind") and f"[{inner} folded" in content(c)
        use(c, "fold_fragment", fragment_id=outer[0])
        assert inner not in content(c) and content(c).startswith(f"[{outer[0]} folded")
        assert f"shares words with [{outer[0]}]" in use(c, "fold_fragment", fragment_id=across)
        use(c, "restore_fragment", fragment_id=outer[0])
        assert f"[{inner} folded" in content(c), "what was folded inside still is"
        assert use(c, "restore_fragment", fragment_id="all").startswith("1 fragments are plain now.") and c.window(**WHO) == SAID


def test_a_call_that_cannot_be_done_says_what_would_be_right(tmp_path: Path) -> None:
    with opened(tmp_path, asker=Dead()) as c:
        assert "copy both exactly" in use(c, "fragment_context", start_marker="snow", end_marker="hail")
        assert "none; fragment_context makes them" in use(c, "fold_fragment", fragment_id="abc123")
        ids = cut(c)
        assert ", ".join(ids) in use(c, "fold_fragment", fragment_id="abc123")
        assert "search_context gives search ids" in use(c, "get_search_detail", search_id="abc123@99999")
        assert f"No model gave a summary; [{ids[0]}] stays as it is." in use(c, "summarize_fragment", fragment_id=ids[0], focus="rain")
        assert c.window(**WHO) == SAID and "as on this chart" in content(c, 4)[0]["text"]
        with pytest.raises(UsageError, match="1 to 20"):
            use(c, "fragment_context", **{**CUT, "num_fragments": 21})
        live = list(c._views.serving("sculptor").view.dump())
        c.rebuild("sculptor")
        assert list(c._views.serving("sculptor").view.dump()) == live, "a model that was away is away in a rebuild too"


def test_over_a_budget_the_oldest_messages_show_as_a_line_that_tells_how_to_read_them(tmp_path: Path) -> None:
    with opened(tmp_path) as c:
        window = c.window(**WHO, max_tokens=1700)
        assert window[0] == SAID[0] and window[-1] == SAID[-1] and "not shown for lack of room" in window[1]["content"]
        [place] = re.findall(r'get_search_detail\("(\w{6}@0)"\)', window[1]["content"])
        assert "00:00 wind 0 knots" in use(c, "get_search_detail", search_id=place)
    with opened(tmp_path / "off", "sculptor[-fit]") as c, pytest.raises(UsageError, match="max_tokens"):
        c.window(**WHO, max_tokens=1700)


def test_without_a_call_one_more_message_is_one_more_in_the_window(tmp_path: Path) -> None:
    with opened(tmp_path) as c:
        before = c.window(**WHO)
        c.record({"role": "assistant", "content": "At one, two, four."}, **WHO)
        assert c.window(**WHO) == [*before, {"role": "assistant", "content": "At one, two, four."}]


def test_what_is_forgotten_is_in_no_fragment_and_no_answer(tmp_path: Path) -> None:
    with opened(tmp_path) as c:
        use(c, "fold_fragment", fragment_id=cut(c)[0])
        use(c, "search_context", query="13:00 wind 1 knots")
        seq = next(e.seq for e in c.log.read() if e.text == LOG)
        c.forget(events=[seq])
        assert not c.memories(**WHO, kind="fragment")
        assert not any("13:00 wind 1 knots, rain" in m.text for m in c.memories(**WHO))
        assert [m["role"] for m in c.window(**WHO)] == [m["role"] for i, m in enumerate(SAID) if i != 1]


def test_a_call_is_undone_by_retracting_it(tmp_path: Path) -> None:
    with opened(tmp_path) as c:
        ids = cut(c)
        use(c, "fold_fragment", fragment_id=ids[0])
        before, seq = c.window(**WHO), c.log.head()
        use(c, "fold_fragment", fragment_id=ids[1])
        c.retract(events=[c.log.head()], reason="a slip")
        assert c.window(**WHO) == before
        c.retract(events=[seq], reason="a slip")
        assert c.window(**WHO) == SAID


def test_cuts_cover_the_span_and_respect_lines() -> None:
    for text, n in ((LOG, 7), ("a" * 50, 9), ("ab", 5), ("one two three", 3)):
        spans = fragments.cut(text, 0, len(text), n)
        assert "".join(text[a:b] for a, b in spans) == text and all(a < b for a, b in spans) and len(spans) <= n
    assert [LOG[a:b][:5] for a, b in fragments.cut(LOG, 0, len(LOG), 20)] == [f"{hour:02}:00" for hour in range(20)]

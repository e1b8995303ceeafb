"""Reading OpenAI's shapes: streams cut anywhere, and requests and answers that have no shape at all."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clew.serve.proxy_shapes import CHAT, RESPONSES, Events, Shape, new

WORDS = ("role", "content", "type", "text", "tool_calls", "function", "name", "arguments", "id", "index", "delta", "message", "output")
VALUES = (
    "user",
    "assistant",
    "tool",
    "message",
    "function_call",
    "function_call_output",
    "output_text",
    "response.output_text.delta",
    0,
    None,
)
JSON = st.recursive(
    st.one_of(st.sampled_from(VALUES), st.text(max_size=5), st.integers(-1, 2), st.booleans()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(WORDS), inner, max_size=4)),
    max_leaves=12,
)
BODIES = st.dictionaries(st.sampled_from(("messages", "input", "choices", "output", "response", "item", "type", "id")), JSON, max_size=5)
SHAPES = pytest.mark.parametrize("shape", [CHAT, RESPONSES], ids=["chat", "responses"])


@SHAPES
@given(body=BODIES)
@settings(max_examples=300, deadline=None)
def test_what_has_no_shape_is_passed_over_and_never_an_error(shape: Shape, body: dict[str, Any]) -> None:
    for message in (spoken := shape.spoken(body)):
        assert message["role"] in ("user", "assistant", "tool") and isinstance(message["content"], str)
    assert 0 <= new(spoken) <= len(spoken)
    if shape.question(body):
        assert len(json.dumps(shape.shown(body, "[1] a quote"))) > len(json.dumps(body))
    heard = shape.heard()
    heard.feed(body)
    for found in (heard.message(), shape.whole(body).message()):
        assert found is None or found["role"] == "assistant"


@given(
    said=st.lists(st.text(min_size=1, max_size=20), max_size=6),
    cuts=st.lists(st.integers(0, 400), max_size=12),
    end=st.sampled_from(["\n", "\r\n"]),
)
@settings(max_examples=200, deadline=None)
def test_a_stream_says_the_same_wherever_it_is_cut(said: list[str], cuts: list[int], end: str) -> None:
    lines = [f"data: {json.dumps({'n': text}, ensure_ascii=False)}{end}{end}" for text in said]
    stream = (f": a comment{end}{end}" + f"event: x{end}".join(["", *lines]) + f"data: [DONE]{end}{end}").encode("utf-8", "surrogatepass")
    places = sorted({0, len(stream), *(c for c in cuts if c < len(stream))})
    events = Events()
    found = [e["n"] for a, b in itertools.pairwise(places) for e in events.feed(stream[a:b])]
    assert found == said


def test_the_newest_words_of_the_user_are_the_question_and_what_follows_the_assistant_is_new() -> None:
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "First."},
        {"role": "assistant", "content": "Aye."},
        {"role": "user", "content": [{"type": "text", "text": "Second."}, {"type": "input_audio", "input_audio": {}}]},
        {"role": "user", "content": "Third."},
    ]
    body = {"messages": messages, "seed": 1}
    assert CHAT.question(body) == "Third."
    spoken = CHAT.spoken(body)
    assert [m["content"] for m in spoken[new(spoken) :]] == ["Second.\n(input_audio)", "Third."]
    assert CHAT.shown(body, "B")["messages"] == [*messages[:4], {"role": "user", "content": "B\n\nThird."}]
    items = [{"type": "reasoning", "summary": []}, {"role": "user", "content": "First."}, {"type": "item_reference", "id": "x"}]
    assert RESPONSES.question({"input": items}) == "First." and RESPONSES.shown({"input": items}, "B")["input"][0] == items[0]

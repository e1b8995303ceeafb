"""Likelihood of given text from endpoints that tell it in three ways, or not at all."""

import importlib
import json
import math
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from clew import UsageError
from clew.models import Models
from clew.models.scoring import LIKELIHOOD

pytest.importorskip("openai", reason="needs the extra [llm]: pip install 'clew[llm]'")
from test_openai import Answer, Endpoint, wrong

from clew.models.openai.likelihood import Likelihood, connect

TEXT = 'She said "no".'
PIECES = re.findall(r"\s*\S+", TEXT)  # what the servers here take for tokens
LOGS = [-0.5, -1.5, -1.0]


@pytest.fixture
def judge() -> Iterator[Callable[[Answer], tuple[Endpoint, Likelihood]]]:
    held: list[tuple[Endpoint, Likelihood]] = []

    def make(answer: Answer) -> tuple[Endpoint, Likelihood]:
        served = Endpoint(answer)
        held.append((served, connect("tiny", base_url=served.url, api_key="none", retries=0)))
        return held[-1]

    yield make
    for served, part in held:
        part.close()
        served.server.shutdown()
        served.server.server_close()


def completion(text: str, logprobs: Any) -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": "length", "text": text, "logprobs": logprobs}
    return {"id": "1", "object": "text_completion", "created": 0, "model": "tiny", "choices": [choice]}


def echoing(path: str, request: dict[str, Any]) -> tuple[int, Any]:
    """As vLLM does: the prompt comes back with the log-probability of each token but the first, then what was generated."""
    pieces = [*re.findall(r"\s*\S+", request["prompt"]), " more"]
    offsets = [sum(map(len, pieces[:i])) for i in range(len(pieces))]
    logs = [None, *([-9.0] * (len(pieces) - 2 - len(LOGS))), *LOGS, -7.0]
    told = {"tokens": pieces, "token_logprobs": logs, "text_offset": offsets, "top_logprobs": None}
    return 200, completion(request["prompt"] + " more", told)


def grammatical(spelled_only: bool = False) -> Answer:
    """As llama.cpp does: no echo, a tokenizer, and a grammar of tokens or of characters."""

    def answer(path: str, request: dict[str, Any]) -> tuple[int, Any]:
        if path == "/tokenize":
            return 200, {"tokens": list(range(len(PIECES)))}
        rule = request.get("grammar", "").removeprefix("root ::= ")
        if not rule:
            return 200, completion("x", {"content": [{"token": "x", "logprob": -1.0}]})
        if rule.startswith("<[") and spelled_only:
            return 500, wrong("Unexpected empty grammar stack")
        written = TEXT if rule == "<[0]> <[1]> <[2]>" else json.loads(rule)
        return 200, completion(written, {"content": [{"token": p, "logprob": v} for p, v in zip(PIECES, LOGS, strict=True)]})

    return answer


def test_an_endpoint_that_echoes_its_prompt_is_asked_once_a_pair(judge: Any) -> None:
    served, part = judge(echoing)
    assert part.judge([("Did Ana agree?", TEXT), ("", TEXT)], LIKELIHOOD) == [round(math.exp(-1.0), 6)] * 2, "of the text alone"
    assert len(served.requests) == 2 and all(r["echo"] for r in served.requests)


def test_an_endpoint_that_takes_a_grammar_writes_the_texts_own_tokens(judge: Any) -> None:
    served, part = judge(grammatical())
    assert part.judge([("Did Ana agree?", TEXT)], LIKELIHOOD) == [round(math.exp(-1.0), 6)]
    assert served.requests[-1]["grammar"] == "root ::= <[0]> <[1]> <[2]>" and served.requests[-1]["prompt"] == "Did Ana agree?\n"
    before = len(served.requests)
    part.judge([("Did Ana agree?", TEXT)], LIKELIHOOD)
    assert len(served.requests) - before == 2, "what worked is remembered: a look at the tokens, and the writing"


def test_where_tokens_fail_its_characters_are_the_grammar(judge: Any) -> None:
    served, part = judge(grammatical(spelled_only=True))
    assert part.judge([("", TEXT)], LIKELIHOOD) == [round(math.exp(-1.0), 6)]
    assert served.requests[-1]["grammar"] == 'root ::= "She said \\"no\\"."'


def test_an_endpoint_that_tells_no_probabilities_is_named(judge: Any) -> None:
    _, part = judge(lambda path, request: (200, completion("something else", None)) if "completions" in path else (404, wrong("none")))
    with pytest.raises(UsageError, match="tells no log-probabilities"):
        part.judge([("", TEXT)], LIKELIHOOD)


def test_only_the_question_of_likelihood_is_answered_and_a_blank_text_costs_nothing(judge: Any) -> None:
    served, part = judge(echoing)
    with pytest.raises(UsageError, match="no other"):
        part.judge([("a", "b")], "is it true?")
    assert part.judge([("a", " \n")], LIKELIHOOD) == [0.0] and served.requests == []
    assert Models(judge=part).names()["judge"] == "openai-likelihood:tiny"


def test_a_time_limit_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="above 0"):
        connect("tiny", base_url="http://127.0.0.1:9/v1", api_key="none", timeout_s=0)
    assert importlib.import_module("clew.models.openai.likelihood").WAYS == ("echo", "tokens", "characters")

"""The transcript that `make demo` imports, and the questions that it asks, are what their descriptions say."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from clew.storage.terms import terms

EXAMPLES = Path(__file__).parents[1] / "examples"
FIELDS = {"id": str, "at": str, "speaker": str, "session": str, "role": str, "text": str}


@pytest.fixture(scope="module")
def utterances() -> list[dict[str, str]]:
    """The lines of the transcript, in the file's order."""
    return [json.loads(line) for line in (EXAMPLES / "harbour_migration.jsonl").read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def demo() -> dict[str, Any]:
    """What the demonstration asks of the transcript."""
    return json.loads((EXAMPLES / "demo.json").read_text("utf-8"))


def times(utterances: list[dict[str, str]]) -> dict[str, datetime]:
    """Utterance id -> when it was said."""
    return {line["id"]: datetime.fromisoformat(line["at"]) for line in utterances}


def bm25_ranks(utterances: list[dict[str, str]], question: str) -> dict[str, int]:
    """Utterance id -> its rank (from 1, ties shared) under BM25 over the texts alone, k1 1.2, b 0.75; only those that match."""
    bags = [Counter(terms(line["text"])) for line in utterances]
    lengths = [bag.total() for bag in bags]
    mean = sum(lengths) / len(lengths)
    found = Counter(word for bag in bags for word in bag)
    scores = [0.0] * len(bags)
    for word in set(terms(question)):
        rarity = math.log(1 + (len(bags) - found[word] + 0.5) / (found[word] + 0.5))
        for at, (bag, length) in enumerate(zip(bags, lengths, strict=True)):
            scores[at] += rarity * bag[word] * 2.2 / (bag[word] + 1.2 * (0.25 + 0.75 * length / mean))
    return {
        line["id"]: 1 + sum(other > score + 1e-9 for other in scores) for line, score in zip(utterances, scores, strict=True) if score > 0
    }


def test_every_line_has_the_fields_and_roles_that_are_promised(utterances: list[dict[str, str]]) -> None:
    assert len(utterances) >= 650
    for line in utterances:
        assert {name: type(value) for name, value in line.items()} == FIELDS
        assert line["role"] in {"user", "assistant", "tool"}
        assert line["text"].strip() == line["text"] != ""
        assert line["session"].split("/")[0] == line["at"][:10]


def test_ids_are_unique_and_times_strictly_increase_over_six_days(utterances: list[dict[str, str]]) -> None:
    said = times(utterances)
    assert len(said) == len(utterances)
    moments = list(said.values())
    assert all(moment.utcoffset() == timedelta(hours=1) for moment in moments)
    assert all(earlier < later for earlier, later in pairwise(moments))
    assert len({moment.date() for moment in moments}) == 6


def test_hardly_any_sentence_is_said_twice(utterances: list[dict[str, str]]) -> None:
    said = Counter(line["text"] for line in utterances if len(line["text"].split()) > 3)
    assert sum(count - 1 for count in said.values()) <= 3


def test_every_id_that_the_demonstration_names_exists(utterances: list[dict[str, str]], demo: dict[str, Any]) -> None:
    said = times(utterances)
    named = [name for question in demo["questions"] for name in question["gold"]]
    named += demo["as_of"]["before"]["gold"] + demo["as_of"]["after"]["gold"]
    named += demo["forget"]["mentioned_by_others"] + demo["forget"]["request"]
    assert set(named) <= set(said)
    assert max(said.values()) < datetime.fromisoformat(demo["asked_at"])
    assert len(demo["questions"]) >= 8 and len(demo["absent"]) == 3


def test_no_answer_to_a_question_goes_with_the_person_who_is_forgotten(utterances: list[dict[str, str]], demo: dict[str, Any]) -> None:
    hers = {line["id"] for line in utterances if line["speaker"] == demo["forget"]["actor"]}
    assert not hers & {name for question in demo["questions"] for name in question["gold"]}


def test_plain_bm25_ranks_each_answer_where_its_note_says(utterances: list[dict[str, str]], demo: dict[str, Any]) -> None:
    for question in demo["questions"]:
        ranks = bm25_ranks(utterances, question["question"])
        assert ranks[question["gold"][0]] == question["bm25_rank"], question["question"]
        assert 3 <= min(ranks.get(name, len(utterances)) for name in question["gold"]) <= 30, question["question"]


def test_the_two_days_of_the_as_of_question_lie_on_either_side_of_the_correction(
    utterances: list[dict[str, str]], demo: dict[str, Any]
) -> None:
    said, before, after = times(utterances), demo["as_of"]["before"], demo["as_of"]["after"]
    believed, corrected = said[before["gold"][0]], said[after["gold"][0]]
    assert believed < datetime.fromisoformat(before["at"]) < corrected < datetime.fromisoformat(after["at"])


def test_the_words_to_be_forgotten_are_used_by_that_person_alone(utterances: list[dict[str, str]], demo: dict[str, Any]) -> None:
    forget = demo["forget"]
    assert 3 <= len(forget["words"]) <= 5
    for word in forget["words"]:
        users = {line["speaker"] for line in utterances if word.casefold() in line["text"].casefold()}
        assert users == {forget["actor"]}, word


def test_all_lines_in_which_others_name_the_person_are_listed(utterances: list[dict[str, str]], demo: dict[str, Any]) -> None:
    forget = demo["forget"]
    named = re.compile(rf"\b({'|'.join(forget['actor'].split())}|Ilsa)\b")  # Joren mistypes her name once
    naming = [line["id"] for line in utterances if line["speaker"] != forget["actor"] and named.search(line["text"])]
    assert naming == forget["mentioned_by_others"]

"""FactConsolidation: numbered facts in which later ones contradict earlier ones; the later one is true.

Source:    github.com/HUST-AI-HYZ/MemoryAgentBench, Conflict_Resolution
Licence:   MIT
Metric:    an accepted answer occurs in the texts found (substring exact match); for single-hop questions also whether
           the newest fact ranks first, and whether a fact that it replaced stands above it
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from clew.arena.cases import Case, Question, found
from clew.arena.datasets import lines
from clew.arena.scores import normalised

FOLDER = "factconsolidation"
START = datetime(2024, 1, 1, tzinfo=UTC)  # facts have an order and no dates: a minute apart
_FACT = re.compile(r"^(\d+)\. (.+)$", re.MULTILINE)


def read(path: Path) -> Iterator[Case]:
    """One case a list of facts; a question is single-hop or multi-hop as its source says."""
    for row in lines(found(path, "factconsolidation", ".jsonl.gz")):
        facts = [(key, text.strip()) for key, text in _FACT.findall(row["context"])]
        events = tuple(
            {"content": text, "role": "user", "at": (START + timedelta(minutes=int(key))).isoformat(), "key": key} for key, text in facts
        )
        yield Case(row["source"], events, tuple(questions(row, facts)))


def questions(row: Mapping[str, Any], facts: Sequence[tuple[str, str]]) -> Iterator[Question]:
    """The questions in order; only a single-hop question has one gold fact that can be told from the text."""
    single = "_sh_" in row["source"]
    plain = [(key, text, f" {normalised(text)} ") for key, text in facts]
    for place, (text, answers) in enumerate(zip(row["questions"], row["answers"], strict=True)):
        gold, stale = newest(text, answers, plain) if single else ((), ())
        id = f"{row['source']}#{place}"
        yield Question(id, text, None, gold, row["source"].removeprefix("factconsolidation_"), id, answers=tuple(answers), stale=stale)


def newest(question: str, answers: Sequence[str], facts: Sequence[tuple[str, str, str]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(the newest fact that gives an answer, the facts that it replaced): the same words but for the answer, and earlier.

    Of the facts that contain an answer, the one whose other words are most of all in the question is meant.
    """
    asked = set(normalised(question).split())
    best: tuple[float, int, str, str] | None = None
    for key, _, plain in facts:
        for answer in answers:
            before, hit, after = plain.partition(f" {normalised(answer)} ")
            words = set(before.split()) | set(after.split())
            if hit and words and after.strip() == "":
                best = max(best or (-1.0, 0, "", ""), (len(words & asked) / len(words), int(key), key, before))
    if best is None or best[0] <= 0:
        return (), ()
    slot = best[3]
    stale = tuple(
        key
        for key, _, plain in facts
        if plain.startswith(slot + " ") and int(key) < best[1] and not any(plain == f"{slot} {normalised(a)} " for a in answers)
    )
    return (best[2],), stale

"""The validity report: how often each model gave the form of each family, from the answers that a memory kept."""

import json
from pathlib import Path
from typing import Any

import pytest

from clew import Clew
from clew.arena.validity import Counted, counted, family, of_files, plain, read, table, together
from clew.errors import NotFound
from clew.models import Models, Reply
from clew.models.extractive import Extractive
from clew.models.fake import Scripted


@pytest.mark.parametrize(
    ("body", "its"),
    [
        ('{"answer": "yes"}', "gate"),
        ('{"choice": "link"}', "choice"),
        ('{"choices": ["a"]}', "choice"),
        ('{"text": "a boat"}', "text"),
        ('{"text": "a boat", "kind": "fact"}', "records"),
        ('{"texts": ["a", "b', "texts"),
        ('```json\n{"records": [{"subject": "a"', "records"),
        ('{"keywords": ["a"], "context": "b", "tags": []}', "records"),
        ('{"edits": []}', "edits"),
        ('{"46eaf637f54709b9dd3b": 3, "a90bc3122edb69b8d7fb": 1}', "scores"),
        ('{"score": 3, "text": "a"}', "records"),
        ("A boat.", "free text"),
        ("{", "unknown"),
        ("", "unknown"),
    ],
)
def test_a_family_is_read_off_an_answer(body: str, its: str) -> None:
    assert family(body) == its


def test_extraction_is_always_valid(tmp_path: Path) -> None:
    with Clew(tmp_path / "c.db", recipes=["a_mem"], models=Models(asker=Extractive())) as c:
        c.record(["The pump of the Halcyon broke.", "A new impeller for the pump of the Halcyon came."], user="ana")
        c.catch_up()
        c.recall("What broke?", user="ana")
        found = counted(c.answers)
        spent = c.status()["spent"]
    assert {one.family for one in found} >= {"records", "choice", "texts"} and {one.model for one in found} == {"extractive:1"}
    assert all(one.first == one.calls and one.share == 1.0 for one in found)
    assert sum(one.calls for one in found) == spent["calls"] and sum(one.tokens_in + one.tokens_out for one in found) == spent["tokens"]
    assert (
        of_files([tmp_path]) == found == of_files([tmp_path / "c.db"]) == read(plain(found)) == read(json.loads(json.dumps(plain(found))))
    )


class Clumsy(Scripted):
    """Right at the second try for notes, never for decisions; refuses to name keywords."""

    def __init__(self) -> None:
        super().__init__(self.said, "fake:clumsy")

    def said(self, prompt: str, schema: Any) -> Any:
        words = ["boat", "pump", "sea"]
        if "keywords" in schema["properties"]:
            return (
                {"keywords": words, "context": "Boats.", "tags": words}
                if "did not have the form" in prompt
                else '{"keywords": ["boat", "pu'
            )
        return "I would link them."

    def ask(self, prompt: str, schema: Any, max_tokens: int) -> Reply:
        """As scripted; a filter stops what asks for texts."""
        reply = super().ask(prompt, schema, max_tokens)
        return Reply("", self.name, refused=True) if "texts" in schema["properties"] else reply


def test_first_tries_retries_failures_and_refusals_are_told_apart(tmp_path: Path) -> None:
    with Clew(tmp_path / "c.db", recipes=["a_mem"], models=Models(asker=Clumsy())) as c:
        c.record(["The pump broke.", "The pump is mended."], user="ana")
        c.catch_up()
        c.recall("What broke?", user="ana")
        found = {one.family: one for one in counted(c.answers)}
    notes = found["records"]
    assert (notes.calls, notes.first, notes.retried, notes.invalid) == (2, 0, 2, 0) and notes.share == 0.0
    assert (found["free text"].calls, found["free text"].invalid) == (1, 1), "a family that was never seen is not made up"
    assert (found["unknown"].calls, found["unknown"].refused) == (1, 1)
    header, rows = table(list(found.values()))
    assert rows[-1][:4] == ["fake:clumsy", "all", "4", "0.0 %"] and len(header) == len(rows[0])


def test_runs_are_taken_together_by_model_and_family() -> None:
    one, two = Counted("m", "gate", 2, 1, 1, tokens_in=5), Counted("m", "gate", 3, 3, tokens_in=7)
    assert together([one, Counted("m", "choice", 1, 1), two]) == [Counted("m", "gate", 5, 4, 1, tokens_in=12), Counted("m", "choice", 1, 1)]


def test_what_was_erased_is_counted_and_leaves_the_shares(tmp_path: Path) -> None:
    with Clew(tmp_path / "c.db", recipes=["a_mem"], models=Models(asker=Extractive())) as c:
        c.record(["The pump of the Halcyon broke.", "Dinner was mackerel."], user="ana")
        c.catch_up()
        c.forget(events=[1])
        found = counted(c.answers)
    assert sum(one.withheld for one in found) > 0 and all(one.share in (None, 1.0) for one in found)


def test_where_there_is_nothing_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        of_files([tmp_path])
    with pytest.raises(NotFound, match=r"none\.db"):
        of_files([tmp_path / "none.db"])

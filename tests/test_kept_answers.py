"""A second run of a bench pays for nothing: answers are kept across runs, whose memories have other ids."""

from pathlib import Path
from typing import Any

import pytest

from clew import Clew
from clew.arena.kept_answers import Kept, keeping
from clew.arena.kept_answers import kept as kept_asker
from clew.errors import ModelUnavailable
from clew.models import Models
from clew.models.extractive import Extractive
from clew.models.fake import Dead, Fickle, Scripted
from clew.privacy import leaves

FIRST, SECOND = "46eaf637f54709b9dd3b", "a90bc3122edb69b8d7fb"
TURNS = ("The pump of the Halcyon broke off Skye.", "A new impeller for the pump arrived by ferry.", "The pump is dry.")


def kept(asker: Any, folder: Path) -> Kept:
    """The model with its file."""
    found = kept_asker(asker, folder)
    assert isinstance(found, Kept)
    return found


def folded(path: Path, models: Models) -> tuple[int, list[Any]]:
    """(calls, what the notes say) of one run of a recipe in a file of its own."""
    with Clew(path, recipes=["a_mem"], models=models) as c:
        for day, words in enumerate(TURNS, 1):
            c.record(words, user="ana", at=f"2026-03-{day:02}T10:00:00Z")
        assert c.catch_up() == {"a_mem": "folded"}
        c.recall("Which pump?", user="ana")
        notes = sorted(c.memories(user="ana"), key=lambda m: m.sources[0].seq)
        return c.status()["spent"]["calls"], [(n.text, dict(n.data)) for n in notes]


def test_a_second_run_asks_nothing_and_makes_the_same(tmp_path: Path) -> None:
    first = keeping(Models(asker=Fickle()), tmp_path / "answers")
    calls, notes = folded(tmp_path / "one.db", first)
    assert isinstance(first.asker, Kept) and first.asker.asked > 0
    again = keeping(Models(asker=Dead("fake:fickle")), tmp_path / "answers")
    assert folded(tmp_path / "two.db", again) == (calls, notes), "memories have other ids, and the answers fit them"
    assert isinstance(again.asker, Kept) and again.asker.asked == 0 and again.asker.found > 0


def test_ids_in_requests_and_answers_are_known_by_their_order(tmp_path: Path) -> None:
    model = Scripted(lambda prompt, schema: {"choices": [prompt.split("[")[2][:20]]})
    asker = kept(model, tmp_path)
    asked = asker.ask(f"[{FIRST}] a\n[{SECOND}] b", {"enum": [FIRST, SECOND]}, 9)
    swapped = asker.ask(f"[{SECOND}] a\n[{FIRST}] b", {"enum": [SECOND, FIRST]}, 9)
    assert SECOND in asked.text and FIRST in swapped.text and SECOND not in swapped.text
    assert model.calls == 1 and swapped.cost == 0 and swapped.tokens_in == asked.tokens_in
    assert FIRST not in asker.path.read_text() and SECOND not in asker.path.read_text()
    asker.ask(f"[{SECOND}] a\n[{FIRST}] b", {"enum": [FIRST, SECOND]}, 9)
    assert model.calls == 2, "the same ids in another order are another request"


def test_another_model_another_limit_or_other_words_are_asked_anew(tmp_path: Path) -> None:
    model = Fickle()
    kept(model, tmp_path).ask("one", None, 9)
    for prompt, limit in (("two", 9), ("one", 10)):
        kept(model, tmp_path).ask(prompt, None, limit)
    assert model.calls == 3
    other = Scripted(lambda prompt, schema: "x", name="fake:other")
    kept(other, tmp_path).ask("one", None, 9)
    assert other.calls == 1 and len(list(tmp_path.glob("*.jsonl"))) == 2


def test_what_is_unavailable_is_not_kept_and_a_torn_line_is_left_out(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable):
        kept(Dead("fake:fickle"), tmp_path).ask("one", None, 9)
    asker = kept(Fickle(), tmp_path)
    told = asker.ask("one", None, 9).text
    with open(asker.path, "a", encoding="utf-8") as file:
        file.write('{"request": "torn')
    again = kept(Fickle(7), tmp_path)
    assert again.ask("one", None, 9).text == told and again.asked == 0
    again.ask("two", None, 9)
    assert kept(Dead("fake:fickle"), tmp_path).ask("two", None, 9)


def test_the_gate_stands_where_it_stood_and_extraction_is_left_as_it_is(tmp_path: Path) -> None:
    class Outside(Fickle):
        local = False

    assert leaves(kept(Outside(), tmp_path)) and not leaves(kept(Fickle(), tmp_path))
    assert leaves(kept(Fickle(), tmp_path)) == leaves(Fickle())
    for models in (Models(asker=Extractive()), Models()):
        assert keeping(models, tmp_path) is models

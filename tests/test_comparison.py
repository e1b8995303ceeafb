"""The table of every system on every set: what it says is what the runs gave, a loss to BM25 included."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from clew import UsageError
from clew.arena import asking, comparison, run, scores
from clew.arena.cases import Case, Question
from clew.arena.reader import Reader
from clew.arena.reduced import reduced
from clew.arena.systems import Door
from clew.models import Models
from clew.models.fake import Scripted
from clew.recipe import Recipe, load


def case(turns: int = 12) -> Case:
    events = tuple({"content": f"berth {i} belongs to boat {i * i}", "key": f"k{i}", "session": "s"} for i in range(turns))
    asked = tuple(
        Question(f"q{i}", f"Which boat lies in berth {i}?", None, (f"k{i}",), "berths", "g", reference=(f"boat {i * i}",))
        for i in range(turns)
    )
    return Case("harbour", events, asked)


@pytest.mark.parametrize(
    ("answer", "references", "f1"),
    [
        ("the boat 4", ("boat 4",), 1.0),
        ("boat 9 or boat 4", ("boat 4",), 2 * 2 / (5 + 2)),
        ("a ferry", ("boat 4", "ferry"), 1.0),
        ("", ("boat 4",), 0.0),
    ],
)
def test_token_f1_is_that_of_the_best_reference(answer: str, references: tuple[str, ...], f1: float) -> None:
    assert scores.token_f1(answer, references) == pytest.approx(f1)


def test_a_reduced_case_keeps_the_evidence_of_every_question_it_keeps_and_no_more_events_than_told() -> None:
    whole = case()
    [small] = reduced([whole], events=5, questions=3)
    keys = [e["key"] for e in small.events]
    assert keys == ["k0", "k1", "k2", "k3", "k4"] and [q.id for q in small.questions] == ["q0", "q1", "q2"]
    late = Case("late", whole.events, whole.questions[9:])
    [small] = reduced([late], events=4, questions=2)
    assert [e["key"] for e in small.events] == ["k0", "k1", "k9", "k10"]
    assert list(reduced([Case("none", whole.events, ())], 4, 2)) == []


def test_the_reader_answers_from_what_was_found_and_an_answer_without_form_counts_as_none() -> None:
    model = Scripted(lambda p, s: {"text": "boat 4"} if "berth 2 belongs" in p else "nonsense")
    reader = Reader(model)
    good, bad = (reader.read("Which boat?", [f"berth {n} belongs to boat {n * n}"], ["boat 4"]) for n in (2, 3))
    assert (good.f1, good.calls, good.invalid) == (1.0, 1, 0)
    assert (bad.answer, bad.f1, bad.calls, bad.invalid) == ("", 0.0, 2, 2)


def noting(name: str = "noting") -> Recipe:
    def note(events: Any, ctx: Any) -> Any:
        ctx.ask("say", None, event=events[0])
        return [ctx.memory(events[0].text)]

    return Recipe(name, note, load("verbatim").retrieve, needs=frozenset({"ask"}), prompts={"say": "Note: $event"}, params={"twice": True})


def test_calls_of_models_are_counted_by_event_and_by_question(tmp_path: Path) -> None:
    door = Door(noting(), Models(asker=Scripted(lambda p, s: "noted", name="fake:one")))
    assert door.name == "noting (fake:one)" and Door(load("verbatim"), Models(asker=door.models.asker)).name == "verbatim"
    row = run.attempt(door, case(4))
    assert row["folding"]["calls"] == row["folding"]["valid"] == 4 and row["folding"]["tokens"] > 0
    assert row["finding"] == {"calls": 0, "valid": 0, "tokens": 0}
    told = run.summary([row])
    assert told["calls_an_event"] == 1.0 and told["calls_a_question"] == 0.0 and told["faults"] == 0


def results(**means: float) -> dict[str, Any]:
    def system(mean: float) -> Mapping[str, Any]:
        mine = {"mean": mean, "low": mean - 0.05, "high": mean + 0.05, "low_by_group": None, "high_by_group": None, "n": 9}
        costs = dict.fromkeys(("calls_an_event", "calls_a_question", "tokens_an_event", "ms_p50", "bytes_a_memory"), 1.0)
        counts = {"events": 10, "questions": 9, "calls": 4, "valid": 3, "faults": 2, "events_a_second": 5.0}
        return {"scores": {"all": {"recall@10": mine, "answer F1": mine}}, **costs, **counts}

    return {
        "format": run.FORMAT,
        "dataset": "locomo",
        "half": "reporting",
        "cases": 1,
        "questions": 9,
        "small": None,
        "reader": None,
        "systems": {name: system(mean) for name, mean in means.items()},
    }


def test_the_table_says_where_a_system_loses_to_bm25_shows_its_faults_and_its_ablations() -> None:
    outcome = results(**{"verbatim[bm25]": 0.5, "near": 0.46, "far": 0.3, "better": 0.6, "better[-links]": 0.55})
    page = comparison.page([outcome])
    rows = {line.split("|")[1].strip(): line for line in page.splitlines() if line.startswith("| ")}
    found = {line.split("|")[1].strip(): line for line in page.split("## Ablations")[0].splitlines() if line.startswith("| ")}
    assert "46.0 [41.0, 51.0] <" in found["near"] and "locomo |" in found["near"] and "clearly" not in found["near"]
    assert "<<" in found["far"] and "locomo (clearly)" in found["far"]
    assert "<" not in found["better"] and "better[-links]" not in found
    assert "| better | links | -5.0 |" in page
    assert rows["far"].split("|")[9].strip() == "2" and "75.0 %" in rows["far"], "faults stand beside, and how many forms held"


def test_what_a_small_model_gave_stands_apart_and_in_the_order_of_the_alphabet() -> None:
    outcome = {**results(zulu=0.9, alpha=0.1), "small": (40, 4), "reader": "openai:tiny"}
    page = comparison.page([outcome])
    assert "## What is found" not in page and "ranks nobody" in page and "openai:tiny" in page
    assert page.index("| alpha |") < page.index("| zulu |")


def test_recipes_are_named_all_or_one_and_every_mechanism_is_switched_off_once() -> None:
    assert {"clew", "verbatim", "a_mem"} <= {r.name for r in asking.chosen(["all"])}
    whole, *without = asking.chosen(["a_mem"], ablate=True)
    assert whole.name == "a_mem" and {"a_mem[-links]", "a_mem[-evolution]"} <= {r.name for r in without}
    for recipe in without:
        [off] = [name for name, value in recipe.params.items() if value != whole.params[name]]
        assert recipe.name == f"a_mem[-{off}]" and recipe.params[off] is False and whole.params[off] is True
    for wrong in ("40", "40,x", "0,3"):
        with pytest.raises(UsageError, match="EVENTS,QUESTIONS"):
            asking.sizes(wrong)


def test_a_run_with_a_model_goes_on_where_it_was_cut_off_and_asks_nothing_twice(tmp_path: Path) -> None:
    model = Scripted(lambda p, s: "noted")
    plan = run.Plan("locomo", tmp_path, tmp_path)
    cases = [case(3), Case("second", case(3).events, case(3).questions)]
    first = list(run.attended(Door(noting(), Models(asker=model)), cases[:1], plan, {"n": 1}))
    assert model.calls == 3
    both = list(run.attended(Door(noting(), Models(asker=model)), cases, plan, {"n": 1}))
    assert model.calls == 6 and both[0] == first[0]

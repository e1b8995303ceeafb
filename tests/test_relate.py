"""Edit scripts over shown ids are checked whole, asked for once more, and carried out by nobody who may not."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from clew import Clew, Event, Memory, Recipe
from clew.context import Context
from clew.models import Models
from clew.models.fake import Scripted
from clew.operators import encode, retrieve
from clew.operators.experience import utility
from clew.operators.upkeep import relate
from clew.operators.upkeep.relate import Edit

PROMPTS = {"relate": "Known:\n$known\n\nNew:\n$event"}
OPERATIONS = ("add", "update", "delete", "none")
Step = tuple[str, str]  # words, trust


def judged(path: Path, script: Callable[[str, list[str]], Any], told: Sequence[Step], operations: Sequence[str] = OPERATIONS) -> Any:
    """What `edits` gave at the last event, the model and the faults; the script sees the prompt and the ids shown."""
    seen: list[list[Edit]] = []

    def observe(events: Sequence[Event], ctx: Context) -> list[Memory]:
        known = ctx.view.all("turn")
        if len(known) == len(told) - 1:
            seen.append(relate.edits(ctx, "relate", operations, known, event=events[0]))
        return encode.turns(events, ctx)

    model = Scripted(lambda prompt, schema: script(prompt, schema["properties"]["edits"]["items"]["properties"]["target"]["enum"]))
    recipe = Recipe("relating", observe, retrieve.bm25, needs=frozenset({"ask"}), prompts=PROMPTS)
    with Clew(path / "c.db", recipes=[recipe], models=Models(asker=model)) as c:
        for words, trust in told:
            c.record(words, user="ana", trust=trust)
        c.catch_up()
        return seen[0], model, [f["error"] for f in c.status()["faults"]]


def script(*items: tuple[str, str, str]) -> dict[str, Any]:
    return {"edits": [{"op": op, "target": target, "text": text} for op, target, text in items]}


TOLD = (("Ana lives in Oslo.", "user"), ("Ana has a dog.", "user"), ("Ana lives in Rome.", "user"))


def test_operations_come_back_with_the_memories_they_are_about(tmp_path: Path) -> None:
    def answer(prompt: str, ids: list[str]) -> Any:
        assert ids[0] == relate.NEW and f"[{ids[1]}] Ana lives in Oslo." in prompt, "ids are shown, never ranks"
        return script(("delete", ids[1], ""), ("add", "new", " Ana lives in Rome. "), ("add", ids[1], "Near Oslo."), ("none", ids[2], ""))

    found, model, faults = judged(tmp_path, answer, TOLD)
    assert [(op, m.text if m else None, text) for op, m, text in found] == [
        ("delete", "Ana lives in Oslo.", ""),
        ("add", None, "Ana lives in Rome."),
        ("add", None, "Near Oslo."),  # what it names beside is what it is like
        ("none", "Ana has a dog.", ""),
    ]
    assert model.calls == 1 and faults == []


@pytest.mark.parametrize(
    "wrong",
    [
        lambda ids: ("delete", "0", ""),
        lambda ids: ("delete", "new", ""),
        lambda ids: ("update", ids[2], "  "),
        lambda ids: ("add", "new", ""),
        lambda ids: ("none", ids[1], ""),  # the first operation is about it already
        lambda ids: ("erase", ids[2], ""),
    ],
    ids=["an id not shown", "nothing to delete", "no words", "adding nothing", "twice", "unknown operation"],
)
def test_one_wrong_operation_and_none_is_carried_out(tmp_path: Path, wrong: Callable[[list[str]], tuple[str, str, str]]) -> None:
    found, model, faults = judged(tmp_path, lambda prompt, ids: script(("delete", ids[1], ""), wrong(ids)), TOLD)
    assert found == []
    assert model.calls == 2 and "did not have the form" in model.prompts[1], "the model is asked once more"
    assert len(faults) == 1 and "do not fit the form" in faults[0]


def test_a_second_answer_that_is_right_counts(tmp_path: Path) -> None:
    def answer(prompt: str, ids: list[str]) -> Any:
        return script(("update", ids[1], "Ana lives in Rome.") if "did not have the form" in prompt else ("delete", "new", ""))

    found, model, faults = judged(tmp_path, answer, TOLD)
    assert [(op, text) for op, _, text in found] == [("update", "Ana lives in Rome.")]
    assert model.calls == 2 and faults == []


def test_new_words_under_another_wording_operation_are_added(tmp_path: Path) -> None:
    """As small models write it: revise what is new. There is one thing that it can mean."""
    found, model, faults = judged(
        tmp_path, lambda prompt, ids: script(("delete", ids[1], ""), ("update", "new", "Ana lives in Rome.")), TOLD
    )
    assert [(op, memory and memory.text, text) for op, memory, text in found][1:] == [("add", None, "Ana lives in Rome.")]
    assert model.calls == 1 and faults == []


def test_a_page_may_neither_change_nor_end_what_a_person_said_but_agree_with_it(tmp_path: Path) -> None:
    told = (("Ana lives in Oslo.", "user"), ("Ana has a cat.", "web"), ("Ana has a dog.", "user"), ("Ana lives in Rome.", "web"))

    def answer(prompt: str, ids: list[str]) -> Any:
        return script(("delete", ids[1], ""), ("update", ids[2], "Ana has cats."), ("none", ids[3], ""), ("add", "new", "Rome"))

    found, _, faults = judged(tmp_path, answer, told)
    assert [(op, m.text if m else None) for op, m, _ in found] == [("update", "Ana has a cat."), ("none", "Ana has a dog."), ("add", None)]
    assert len(faults) == 1 and "trusted too little" in faults[0]


def test_where_nothing_is_known_and_nothing_may_be_added_no_model_is_asked(tmp_path: Path) -> None:
    found, model, _ = judged(tmp_path, lambda prompt, ids: script(), TOLD[:1], ("update", "delete"))
    assert found == [] and model.calls == 0


def test_a_score_of_nothing_ends_a_memory_and_success_keeps_it(tmp_path: Path) -> None:
    with Clew(tmp_path / "c.db") as c:
        c.record("Knock first.", user="ana")
        [memory] = c.memories(user="ana")
        assert memory.since is not None
        rule = memory.revised(data={utility.SCORE: 2})
        [kept], [gone] = utility.told([rule], True, memory.since), utility.told([rule], False, memory.since)
        assert (utility.score(kept), kept.retired) == (3, None)
        assert (utility.score(gone), gone.retired, gone.until) == (0, "expired", memory.since)
        assert utility.score(utility.moved(rule, -1, memory.since)) == 1
        assert [utility.score(m) for m in utility.worthiest([rule, gone, kept])] == [3, 2]
        assert utility.counted(utility.counted(rule)).data["uses"] == 2

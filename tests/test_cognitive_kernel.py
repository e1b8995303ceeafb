"""Cognitive Kernel does what its checklist says: one source at four granularities, max fusion, three stores, called by the policy."""

import os
import re
from pathlib import Path
from typing import Any

import pytest

from clew import Clew
from clew.arena import halves
from clew.arena.datasets import dataset
from clew.context import Context
from clew.errors import UsageError
from clew.models import Models, connect
from clew.models.fake import Dead, Scripted
from clew.operators.documents import granularity
from clew.operators.retrieve import fused_max
from clew.recall import looking
from clew.recipes import cognitive_kernel
from clew.types import Memory, Query, Scope

MARGIN = 0.05  # by which fusion may lie below the best single granularity
HARBOUR = "Guests sleep on the upper deck. The dragon engine of the Halcyon needs oil every spring."
ENGINE = {"name": "Ship engine", "description": "lubrication, when"}
SLEEP = {"name": "Sleeping", "description": "where"}


class Helper:
    """Answers as a scripted helper would: sentences are propositions, and long words keywords."""

    def __init__(self, **say: Any) -> None:
        self.say = say

    def __call__(self, prompt: str, schema: Any) -> Any:
        name = next(name for name, text in cognitive_kernel.recipe.prompts.items() if prompt.startswith(text[:40]))
        given = self.say.get(name, getattr(self, name))
        return given(prompt, schema) if callable(given) else given

    def keywords(self, prompt: str, schema: Any) -> Any:
        words = re.findall(r"[A-Za-z]{6,}", prompt.split("Text:\n")[1].split("Answer with")[0])
        return {"texts": list(dict.fromkeys(words))[:8]}

    def propositions(self, prompt: str, schema: Any) -> Any:
        text = re.sub(r"^\w+: ", "", prompt.split("Text:\n")[1].split("\n\nAnswer with")[0])
        return {"texts": re.findall(r"[^.]+\.", text.replace(". ", "."))[:8]}

    def concepts(self, prompt: str, schema: Any) -> Any:
        shown = re.findall(r"^\[(\w+)\] (.*)$", prompt, re.MULTILINE)
        return {"records": [{"id": id, **(ENGINE if "engine" in text else SLEEP)} for id, text in shown]}

    def call(self, prompt: str, schema: Any) -> Any:
        return {"choices": schema["properties"]["choices"]["items"]["enum"]}

    def relevant(self, prompt: str, schema: Any) -> Any:
        return {"choices": schema["properties"]["choices"]["items"]["enum"]}

    def answer(self, prompt: str, schema: Any) -> Any:
        return {"text": "every spring"}


def opened(path: Path, asker: Any = None, **off: Any) -> Clew:
    recipe = cognitive_kernel.recipe.variant("off", **off) if off else cognitive_kernel.recipe
    return Clew(path / "c.db", recipes=[recipe], models=Models(asker=asker or Scripted(Helper())))


def told(c: Clew, *lines: tuple[str, str]) -> None:
    for day, (kind, words) in enumerate(lines, 1):
        c.record(words, user="ana", actor="Ana", kind=kind, at=f"2026-03-{day:02}T10:00:00Z")
    assert set(c.catch_up().values()) == {"folded"}


def held(c: Clew, kind: str) -> list[Memory]:
    return [m for m in c.memories(user="ana") if m.kind == kind]


def inside(c: Clew, at: str = "2026-04-01T00:00:00Z") -> Context:
    """The context that a question of Ana's is answered in: where a tool works."""
    folder = c._views.serving(c._default)
    [part] = [p for p in folder.view.parts() if p.user]
    query = c._query("x", Scope("ana"), 10, at, None, None, (), None)
    assert isinstance(query, Query)
    return looking(folder, query, part)


THREE = (
    ("document", HARBOUR),
    ("message", "I oiled the engine yesterday."),
    ("message", "Lunch was mackerel."),
    ("feedback", "The engine summary was too long."),
)


def test_item_1_memory_as_a_callable_kernel_for_the_policy(tmp_path: Path) -> None:
    picky = Scripted(Helper(call={"choices": ["history"]}))
    with opened(tmp_path, picky) as c:
        told(c, *THREE)
        call, ctx = cognitive_kernel.recipe.tools["call"], inside(c)
        assert [h.memory.text for h in call("engine oil", "knowledge", ctx)] == [HARBOUR], "a function of a query and a store's name"
        assert [h.memory.text for h in call("engine oil", "history", ctx)] == [w for k, w in THREE if k == "message"]
        with pytest.raises(UsageError, match="no store 'rumours'; there are knowledge, history, feedback"):
            call("engine oil", "rumours", ctx)
        assert {h.memory.kind for h in c.recall("engine oil", user="ana")} == {"message"}, "a recall makes the calls that the policy names"
    (tmp_path / "off").mkdir()
    with opened(tmp_path / "off", Scripted(Helper(call={"choices": ["history"]})), policy=False) as c:
        told(c, *THREE)
        assert {"document", "message"} <= {h.memory.kind for h in c.recall("engine oil", user="ana")}, (
            "without a policy every store is called"
        )


def test_item_2_several_granularities_of_the_same_source_linked(tmp_path: Path) -> None:
    with opened(tmp_path) as c:
        told(c, ("document", HARBOUR), ("message", "The engine was cold."))
        [whole] = held(c, "document")
        [words, _] = held(c, "keyword")
        [deck, oil, cold] = held(c, "proposition")
        [_, lubrication, other] = held(c, "concept")
        assert words.text == "Guests, dragon, engine, Halcyon, spring"
        assert lubrication.text == "Ship engine: lubrication, when"
        assert all(whole.id in m.links for m in (words, deck, oil, lubrication)), "all lead to their source"
        assert deck.basis == (whole.id,) and lubrication.basis == (oil.id,) and oil.id in lubrication.links
        assert [q.text for q in c.thread(oil.id)] == ["The dragon engine of the Halcyon needs oil every spring."], "its own words"
        assert [q.text for q in c.thread(words.id)] == [HARBOUR]
        shared = set(lubrication.links) & set(other.links)
        assert shared == {"c:ship engin"} and cold.text == "The engine was cold.", "a concept ties sources together"
    (tmp_path / "off").mkdir()
    with opened(tmp_path / "off", split=False) as c:
        told(c, ("document", HARBOUR))
        assert [m.kind for m in c.memories(user="ana")] == ["document"]


def test_item_3_max_fusion(tmp_path: Path) -> None:
    lines = [("document", HARBOUR), ("document", "Crew rota: Tom cooks, Ida steers, everybody sleeps ashore and guests pay in spring.")]
    question = "The dragon engine of the Halcyon needs oil every spring."
    with opened(tmp_path) as c:
        told(c, *lines)
        best = c.recall(question, user="ana")[0]
        assert best.memory.text == HARBOUR, "what is found of a fine granularity is its source"
        assert set(best.why) == set(granularity.MODES)
        assert best.score == max(best.why.values()) == best.why["proposition"] > best.why["document"]
        assert best.score > 0.99, "the proposition is the question, word for word"
    (tmp_path / "off").mkdir()
    with opened(tmp_path / "off", fusion=False) as c:
        told(c, *lines)
        best = c.recall(question, user="ana")[0]
        assert set(best.why) == {"document"} and best.score < 0.99


def test_item_4_separate_stores_for_knowledge_history_feedback(tmp_path: Path) -> None:
    turns = [("message", f"Day {n}: the engine ran {n} hours.") for n in range(12, 0, -1)]
    notes = [("document", f"Engine manual, page {n}: the engine and its oil.") for n in range(7)]
    marks = [("feedback", "The engine answer was wrong."), ("feedback", "The engine answer was right."), ("feedback", "Nice hat.")]
    with opened(tmp_path) as c:
        told(c, *turns, *notes, *marks)
        call, ctx = cognitive_kernel.recipe.tools["call"], inside(c)
        assert len(call("engine oil", "knowledge", ctx)) == 5
        history = call("engine hours", "history", ctx)
        assert len(history) == 10 and {h.memory.kind for h in history} == {"message"}
        assert [h.memory.since for h in history] == sorted(h.memory.since for h in history if h.memory.since), "in the order of time"
        assert [h.memory.text for h in call("The engine answer was right.", "feedback", ctx)] == [marks[1][1]]
        assert call("mackerel with lemon", "feedback", ctx) == [], "below its floor"
        assert not [m for m in held(c, "proposition") if m.data["store"] == "feedback"], "feedback is short as it is"
    (tmp_path / "off").mkdir()
    with opened(tmp_path / "off", stores=False) as c:
        told(c, *turns, *notes, *marks)
        assert {m.data["store"] for m in c.memories(user="ana")} == {"knowledge"}
        assert cognitive_kernel.recipe.tools["call"]("engine hours", "history", inside(c)) == []


def test_item_5_helper_filter(tmp_path: Path) -> None:
    def oil(prompt: str, schema: Any) -> Any:
        shown = re.findall(r"^\[(\w+)\] (.*)$", prompt, re.MULTILINE)
        return {"choices": [id for id, text in shown if "oil" in text]}

    expected = [w for _, w in THREE if "oil" in w]
    with opened(tmp_path, Scripted(Helper(relevant=oil))) as c:
        told(c, *THREE)
        assert sorted(h.memory.text for h in c.recall("engine oil", user="ana")) == sorted(expected)
    (tmp_path / "off").mkdir()
    with opened(tmp_path / "off", Scripted(Helper(relevant=oil)), filter=False) as c:
        told(c, *THREE)
        assert {h.memory.text for h in c.recall("engine oil", user="ana")} > set(expected)


def test_an_answer_of_the_filter_that_names_what_was_not_shown_filters_nothing(tmp_path: Path) -> None:
    with opened(tmp_path, Scripted(Helper(relevant={"choices": ["0" * 20]}))) as c:
        told(c, ("document", HARBOUR))
        assert [h.memory.text for h in c.recall("engine oil", user="ana")] == [HARBOUR]


def test_fusion_is_not_below_the_best_granularity_by_more_than_a_margin(tmp_path: Path) -> None:
    """Each question is worded as one of the granularities words its source; fused, no source is missed."""
    lines = [
        ("document", "The keeper of Skerry light is Ansel. The lamp burns rape oil."),
        ("document", "Apples from the walled garden are pressed in October. Ida keeps the press."),
        ("document", "The winter ferry calls on Tuesdays. Dogs travel free."),
        ("document", "A tide table hangs in the boathouse. High water floods the slip."),
    ]
    questions = ["The lamp burns rape oil.", "Apples garden pressed October", "Dogs travel free.", "High water floods the slip."]
    found = {}
    ways = {**{mode: (mode,) for mode in granularity.MODES}, "fused": tuple(granularity.MODES)}
    for way, modes in ways.items():
        folder = tmp_path / way
        folder.mkdir()
        with opened(folder, modes=modes) as c:
            told(c, *lines)
            firsts = [c.recall(q, user="ana")[0].memory.text for q in questions]
            found[way] = sum(f == w for f, (_, w) in zip(firsts, lines, strict=True)) / len(lines)
    assert found["fused"] >= max(found.values()) - MARGIN


@pytest.mark.skipif("CLEW_DATA" not in os.environ, reason="CLEW_DATA names no folder with the public data")
def test_on_a_real_conversation_fusion_finds_as_much_evidence_as_the_best_granularity(tmp_path: Path) -> None:
    [case, *_] = halves.of(dataset("locomo").read(Path(os.environ["CLEW_DATA"]) / "locomo"), "tuning")
    events = case.events[:160]
    known = {event["key"] for event in events}
    asked = [q for q in case.questions if set(q.gold) <= known][:40]
    recall: dict[str, list[float]] = {mode: [] for mode in (*granularity.MODES, "fused")}
    with opened(tmp_path, connect("extractive").asker) as c:
        c.record(list(events), user="ana")
        assert set(c.catch_up().values()) == {"folded"} and not c.status()["faults"]
        keys, ctx = {e.seq: e.key for e in c.log.read()}, inside(c, "2026-11-01T00:00:00Z")
        for question in asked:
            [vector] = ctx.embed([question.text])
            rankings = {mode: granularity.ranked(vector, kinds, "history", ctx) for mode, kinds in granularity.MODES.items()}
            for mode, hits in {**rankings, "fused": fused_max(rankings)}.items():
                top = {keys[h.memory.sources[0].seq] for h in hits[:10]}
                recall[mode].append(len(top.intersection(question.gold)) / len(question.gold))
    share = {mode: sum(found) / len(found) for mode, found in recall.items()}
    assert share["fused"] >= max(share.values()) - MARGIN, share


def test_a_proposition_none_of_whose_words_were_said_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path, Scripted(Helper(propositions={"texts": ["Zebras gallop.", "Guests sleep on the upper deck."]}))) as c:
        told(c, ("document", HARBOUR))
        assert [m.text for m in held(c, "proposition")] == ["Guests sleep on the upper deck."]


def test_an_invalid_answer_keeps_the_document_whole(tmp_path: Path) -> None:
    with opened(tmp_path, Scripted(lambda p, s: "mumble")) as c:
        told(c, ("document", HARBOUR))
        assert [m.text for m in c.memories(user="ana")] == [HARBOUR] and c.status()["faults"]
        assert [h.memory.text for h in c.recall("engine oil", user="ana")] == [HARBOUR]


def test_a_long_document_is_cut_and_each_part_stands_for_itself(tmp_path: Path) -> None:
    with opened(tmp_path) as c:
        told(c, ("document", "The dragon engine needs oil. " * 100))
        parts = held(c, "document")
        assert len(parts) == 2 and max(len(p.text) for p in parts) <= cognitive_kernel.PARAMS["chunk"] == 2048
        assert all(m.sources[0].start >= parts[1].sources[0].start for m in held(c, "keyword") if m.links[0] == parts[1].id)


def test_a_finer_kind_is_found_where_it_is_asked_for(tmp_path: Path) -> None:
    with opened(tmp_path) as c:
        told(c, ("document", HARBOUR))
        hits = c.recall("When does the engine need oil?", user="ana", kinds=["proposition"])
        assert {h.memory.kind for h in hits} == {"proposition"} and len(hits) == 2


def test_what_was_corrected_makes_its_finer_memories_suspect(tmp_path: Path) -> None:
    with opened(tmp_path) as c:
        told(c, ("message", "The engine needs oil every spring."))
        c.revise(held(c, "message")[0].id, "The engine needs oil every month.")
        c.catch_up()
        assert {m.status for m in held(c, "proposition") + held(c, "keyword") + held(c, "concept")} == {"suspect"}


def test_the_answer_is_read_from_records_in_the_order_of_time(tmp_path: Path) -> None:
    model = Scripted(Helper())
    with opened(tmp_path, model) as c:
        told(c, ("message", "The engine needs oil every spring."), ("message", "The engine got its oil."))
        assert c.ask("When does the engine need oil?", user="ana").text == "every spring"
        assert model.prompts[-1].index("[2026-03-01 10:00]") < model.prompts[-1].index("[2026-03-02 10:00]")


def test_a_rebuild_without_a_model_gives_the_same_store(tmp_path: Path) -> None:
    with opened(tmp_path) as c:
        told(c, *THREE)
        before = list(c._views.serving("cognitive_kernel").view.dump())
    dead = Dead("fake:scripted")
    with opened(tmp_path, dead) as c:
        c.rebuild("cognitive_kernel")
        assert list(c._views.serving("cognitive_kernel").view.dump()) == before and dead.calls == 0

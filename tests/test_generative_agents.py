"""Generative Agents do what their checklist says: a stream ranked by three measures, and reflections that cite what they follow from."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from clew import Clew
from clew.models import Models
from clew.models.fake import Dead, Fickle, Scripted
from clew.recipe import Recipe
from clew.recipes import generative_agents
from clew.types import Memory

PLAIN = generative_agents.recipe
SHOWN = re.compile(r"^\[(\w+)\] (.*)$", re.MULTILINE)
DAY = datetime(2026, 3, 1, 10, tzinfo=UTC)


class Villager:
    """A model to whom weddings matter most, and who concludes from whatever has the same first word."""

    def __init__(self, cites: int = 2) -> None:
        self.cites, self.thoughts = cites, 0

    def __call__(self, prompt: str, schema: Any) -> Any:
        shown = SHOWN.findall(prompt)
        if prompt.startswith("How much"):
            return {id: 10 if "wedding" in text else 2 for id, text in shown}
        if prompt.startswith("Below stands"):
            return {"texts": ["Who is going to marry?", "What is grown here?", "Who is going to marry?"]}
        if prompt.startswith("What follows"):
            self.thoughts += 1
            return {"records": [{"text": f"Thought {self.thoughts}: they care.", "evidence": [id for id, _ in shown][: self.cites]}]}
        return {"text": "Isa"}


def opened(path: Path, asker: Any, recipe: Recipe = PLAIN) -> Clew:
    path.mkdir(exist_ok=True)
    return Clew(path / "c.db", recipes=[recipe], models=Models(asker=asker))


def told(c: Clew, lines: Sequence[str], hours: float = 24.0, **about: Any) -> None:
    for place, words in enumerate(lines):
        c.record(words, user="ana", at=DAY + timedelta(hours=hours * place), **about)
    assert list(c.catch_up().values()) == ["folded"]


def stream(c: Clew, kind: str = "observation") -> list[Memory]:
    c.catch_up()
    return sorted(c.memories(user="ana", kind=kind), key=lambda m: (m.data["born"], m.text))


def weddings(n: int) -> list[str]:
    return [f"The wedding is discussed at table {i}." for i in range(n)]


@pytest.mark.parametrize("keeps", [True, False])
def test_item_1_memory_stream_keeps_every_observation_in_its_own_words_with_times_of_making_and_last_retrieval(
    tmp_path: Path, keeps: bool
) -> None:
    with opened(tmp_path, Scripted(Villager()), PLAIN.variant("x", accessed=keeps)) as c:
        told(c, ["Isa waters the beans.", "Tom mends the roof."])
        beans, roof = stream(c)
        assert (beans.text, roof.text) == ("Isa waters the beans.", "Tom mends the roof.")
        assert beans.since == DAY and roof.since == DAY + timedelta(days=1)
        assert [datetime.fromisoformat(m.data["accessed"]) for m in (beans, roof)] == [DAY, DAY + timedelta(days=1)]
        [hit] = c.recall("Who waters the beans?", user="ana", k=1)
        assert hit.memory.id in (beans.id, roof.id)
        moved = {m.id for m in stream(c) if m.since is not None and datetime.fromisoformat(m.data["accessed"]) > m.since}
        assert moved == ({hit.memory.id} if keeps else set()), "only what was recalled, and nothing where access is not kept"
        assert c.get(hit.memory.id).since == hit.memory.since, "the time of its making stays"


def test_item_2_importance_from_1_to_10_rated_by_the_model_when_a_memory_is_made(tmp_path: Path) -> None:
    model = Scripted(Villager())
    with opened(tmp_path / "a", model) as c:
        told(c, ["Isa waters the beans.", "The wedding of Isa and Tom."])
        assert [m.data["importance"] for m in stream(c)] == [2, 10] and model.calls == 2
    silent = Scripted(Villager())
    with opened(tmp_path / "b", silent, PLAIN.variant("x", rated=False)) as c:
        told(c, ["Isa waters the beans.", "The wedding of Isa and Tom."])
        assert [m.data["importance"] for m in stream(c)] == [5, 5] and silent.calls == 0


@pytest.mark.parametrize("answer", ["mumble", 11, 0])
def test_an_importance_off_the_scale_is_refused_and_the_observation_kept(tmp_path: Path, answer: Any) -> None:
    script = Scripted(lambda p, s: answer if isinstance(answer, str) else {id: answer for id, _ in SHOWN.findall(p)})
    with opened(tmp_path, script) as c:
        told(c, ["Isa waters the beans."])
        [beans] = stream(c)
        assert beans.text == "Isa waters the beans." and beans.data["importance"] == 5 and c.status()["faults"]


def test_item_3_recency_falls_by_0_995_an_hour_since_the_last_retrieval(tmp_path: Path) -> None:
    raw = PLAIN.variant("x", normalised=False)
    with opened(tmp_path / "a", Scripted(Villager()), raw) as c:
        told(c, ["Isa waters the beans.", "Tom mends the roof.", "Eve bakes bread."])
        found = {h.memory.text: h.why["recency"] for h in c.recall("village", user="ana", at=DAY + timedelta(days=3))}
        assert found == {"Eve bakes bread.": 1.0, "Tom mends the roof.": round(0.995**24, 6), "Isa waters the beans.": round(0.995**48, 6)}
    with opened(tmp_path / "b", Scripted(Villager()), raw.variant("y", decay=1.0)) as c:
        told(c, ["Isa waters the beans.", "Tom mends the roof."])
        assert {h.why["recency"] for h in c.recall("village", user="ana", at=DAY + timedelta(days=3))} == {1.0}


@pytest.mark.parametrize("renews", [True, False])
def test_item_3_retrieval_renews_recency(tmp_path: Path, renews: bool) -> None:
    with opened(tmp_path, Scripted(Villager()), PLAIN.variant("x", accessed=renews, recency=0.1)) as c:
        told(c, ["Isa waters the beans.", "Tom mends the roof.", "Eve bakes bread."])
        [hit] = c.recall("Isa waters the beans", user="ana", k=1)
        assert hit.memory.text == "Isa waters the beans." and hit.why["recency"] < 0.1, "the oldest"
        again = {h.memory.text: h.why["recency"] for h in c.recall("village", user="ana")}
        assert again["Isa waters the beans."] == (0.1 if renews else 0.0)
        assert (max(again, key=lambda text: again[text]) == "Isa waters the beans.") is renews


@pytest.mark.parametrize("scaled", [True, False])
def test_item_4_retrieval_by_the_sum_of_recency_importance_and_relevance_each_scaled_over_the_stream(tmp_path: Path, scaled: bool) -> None:
    with opened(tmp_path, Scripted(Villager()), PLAIN.variant("x", normalised=scaled)) as c:
        told(c, ["Isa waters the beans.", "The wedding of Isa and Tom.", "Tom mends the roof.", "Eve bakes bread."])
        hits = c.recall("Who waters the beans?", user="ana", at=DAY + timedelta(days=9))
        assert len(hits) == 4 and all(h.score == pytest.approx(sum(h.why.values()), abs=2e-6) for h in hits)
        spans = {name: (min(h.why[name] for h in hits), max(h.why[name] for h in hits)) for name in hits[0].why}
        assert set(spans) == {"recency", "importance", "relevance"}
        assert (set(spans.values()) == {(0.0, 1.0)}) is scaled
        assert max(hits, key=lambda h: h.why["relevance"]).memory.text == "Isa waters the beans."
        assert max(hits, key=lambda h: h.why["importance"]).memory.text == "The wedding of Isa and Tom."


@pytest.mark.parametrize("measure", ["recency", "importance", "relevance"])
def test_item_4_a_measure_without_weight_decides_nothing(tmp_path: Path, measure: str) -> None:
    with opened(tmp_path, Scripted(Villager()), PLAIN.variant("x", **{measure: 0.0})) as c:
        told(c, ["Isa waters the beans.", "The wedding of Isa and Tom.", "Eve bakes bread."])
        assert {h.why[measure] for h in c.recall("beans", user="ana")} == {0.0}


def test_item_5_reflection_when_importance_sums_to_150_with_questions_retrieval_and_insights_that_cite_their_evidence(
    tmp_path: Path,
) -> None:
    model = Scripted(Villager())
    with opened(tmp_path, model) as c:
        told(c, weddings(14))
        assert stream(c, "reflection") == [] and model.calls == 14, "140 is not enough"
        told(c, ["The wedding is tomorrow."])
        asked = [p.split()[0] + " " + p.split()[1] for p in model.prompts[14:]]
        assert asked == ["How much", "Below stands", "What follows", "What follows", "How much"], "a question said twice is asked once"
        first, second = stream(c, "reflection")
        assert [first.text, second.text] == ["Thought 1: they care.", "Thought 2: they care."] and first.data["importance"] == 2
        looked_at = [[id for id, _ in SHOWN.findall(prompt)] for prompt in model.prompts[16:18]]  # in whichever order the threads asked
        assert [len(ids) for ids in looked_at] == [15, 15]
        for thought in (first, second):
            assert list(thought.basis) in [ids[:2] for ids in looked_at]
            assert thought.sources == tuple(s for id in thought.basis for s in c.get(id).sources)
            assert all(quote.text.startswith("The wedding") for quote in c.thread(thought.id))
        told(c, weddings(13))
        assert len(stream(c, "reflection")) == 2, "what has been reflected upon counts no more"
        told(c, weddings(2))
        assert len(stream(c, "reflection")) == 4


def test_item_5_without_reflection_the_stream_holds_observations_alone(tmp_path: Path) -> None:
    model = Scripted(Villager())
    with opened(tmp_path, model, PLAIN.variant("x", reflects=False)) as c:
        told(c, weddings(16))
        assert stream(c, "reflection") == [] and model.calls == 16


def test_what_is_looked_at_for_a_question_is_what_retrieval_finds(tmp_path: Path) -> None:
    model = Scripted(Villager())
    with opened(tmp_path, model, PLAIN.variant("x", looked_at=3, recency=0.0, importance=0.0)) as c:
        told(c, [*weddings(10), "Tom grows beans here for the wedding.", *weddings(4)])
        shown = [[text for _, text in SHOWN.findall(p)] for p in model.prompts if p.startswith("What follows")]
        assert [len(lines) for lines in shown] == [3, 3]
        assert sum("Tom grows beans here for the wedding." in lines for lines in shown) == 1, (
            "for the question what is grown, not who marries"
        )


def test_evidence_that_was_not_shown_is_refused_and_not_asked_for_again_at_every_event(tmp_path: Path) -> None:
    villager = Villager()
    script = Scripted(lambda p, s: {"records": [{"text": "All is well.", "evidence": ["0"]}]} if p.startswith("What") else villager(p, s))
    with opened(tmp_path, script) as c:
        told(c, weddings(15))
        assert stream(c, "reflection") == [] and len(stream(c)) == 15 and c.status()["faults"]
        before = script.calls
        told(c, weddings(14))
        assert script.calls == before + 14, "the next attempt comes with the next 150"
        told(c, weddings(1))
        assert script.calls > before + 15


@pytest.mark.parametrize("higher", [True, False])
def test_item_6_reflections_of_reflections_a_reflection_can_be_retrieved_and_be_evidence_itself(tmp_path: Path, higher: bool) -> None:
    villager = Villager()

    def script(prompt: str, schema: Any) -> Any:
        if prompt.startswith("What follows"):
            shown = sorted(SHOWN.findall(prompt), key=lambda pair: not pair[1].startswith("Thought"))
            return villager("\n".join([prompt.split("\n")[0], *(f"[{id}] {text}" for id, text in shown)]), schema)
        return villager(prompt, schema)

    with opened(tmp_path, Scripted(script), PLAIN.variant("x", higher=higher, looked_at=40)) as c:
        told(c, weddings(32))
        thoughts = stream(c, "reflection")
        assert len(thoughts) == 4
        assert any(h.memory.kind == "reflection" for h in c.recall("Do they care?", user="ana")), "it is in the stream"
        upon = [c.get(id).kind for t in thoughts[2:] for id in t.basis]
        assert ("reflection" in upon) is higher
        for thought in thoughts:
            assert all(quote.text.startswith("The wedding") for quote in c.thread(thought.id)), "all leads back to what was seen"


def test_a_reflection_whose_premise_is_retracted_is_said_no_more(tmp_path: Path) -> None:
    with opened(tmp_path, Scripted(Villager(cites=1))) as c:
        told(c, weddings(15))
        thought = stream(c, "reflection")[0]
        c.retract([c.get(thought.basis[0]).sources[0].seq])
        assert thought.id not in {h.memory.id for h in c.recall("they care", user="ana", k=50)}


def test_who_asks_within_a_session_is_not_told_what_follows_from_another(tmp_path: Path) -> None:
    with opened(tmp_path, Scripted(Villager())) as c:
        told(c, weddings(14), session="a")
        told(c, ["The wedding is tomorrow."], session="b")
        assert {h.memory.kind for h in c.recall("they care", user="ana", k=50)} == {"observation", "reflection"}
        assert {h.memory.text for h in c.recall("they care", user="ana", session="b", k=50)} == {"The wedding is tomorrow."}


def test_what_a_page_says_lowers_what_is_concluded_from_it(tmp_path: Path) -> None:
    with opened(tmp_path, Scripted(Villager(cites=15))) as c:
        told(c, weddings(14))
        told(c, ["The wedding is off, says the page."], trust="web")
        assert {m.trust for m in stream(c)} == {1, 5}
        assert all(m.trust == 1 for m in stream(c, "reflection")), "it rests on the page too"


def test_a_long_event_is_several_observations_rated_in_one_call(tmp_path: Path) -> None:
    model = Scripted(Villager())
    with opened(tmp_path, model) as c:
        told(c, ["The wedding feast goes on. " * 200])
        assert len(stream(c)) == 3 and model.calls == 1
        assert [m.text for m in stream(c)] == [c.thread(m.id)[0].text for m in stream(c)]


def test_the_reader_gets_the_stream_in_order_of_time(tmp_path: Path) -> None:
    model = Scripted(Villager())
    with opened(tmp_path, model) as c:
        told(c, ["Isa waters the beans.", "The wedding of Isa and Tom."])
        assert c.ask("Who waters the beans?", user="ana").text == "Isa"
        assert model.prompts[-1].index("beans.") < model.prompts[-1].index("wedding of")


@pytest.mark.parametrize("model", [Scripted(Villager()), Fickle(3)], ids=["scripted", "fickle"])
def test_a_rebuild_without_a_model_gives_the_same_stream_recalls_included(tmp_path: Path, model: Any) -> None:
    def dump(c: Clew) -> list[Any]:
        return list(c._views.serving("generative_agents").view.dump())

    with opened(tmp_path, model) as c:
        told(c, weddings(20))
        c.recall("wedding", user="ana")
        told(c, weddings(12))
        c.recall("they care", user="ana")
        c.catch_up()
        before = dump(c)
    dead = Dead(model.name)
    with opened(tmp_path, dead) as c:
        c.rebuild("generative_agents")
        assert dump(c) == before and dead.calls == 0

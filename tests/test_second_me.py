"""Second Me L0/L1 does what its checklist says: raw words below, above them sentences about one person that all lead back to them."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clew import Clew
from clew.models import Models
from clew.models.fake import Dead, Fickle, Scripted
from clew.models.static import Static
from clew.operators.people import cluster, shades
from clew.recipe import Recipe
from clew.recipes import second_me
from clew.types import Memory

SHOWN = re.compile(r"^\[(\w+)\] (.*)$", re.MULTILINE)
DAY = datetime(2026, 3, 1, 10, tzinfo=UTC)
SAIL = (
    "I sailed the dinghy across the bay and the wind was strong.",
    "The sailing boat needs a new mainsail before the regatta.",
    "We raced the sailing boat round the buoys on the bay.",
    "My sailing club meets at the bay every Sunday.",
    "I repaired the rudder of the sailing boat.",
    "The wind on the bay was too strong for sailing the dinghy.",
)
BREAD = (
    "I baked sourdough bread with rye flour.",
    "The bread dough rises overnight in the kitchen.",
    "I kneaded the bread dough and baked two loaves.",
    "My oven is too cold for baking sourdough bread.",
    "I gave a loaf of rye bread to the baker next door.",
    "The sourdough starter needs flour and water for the bread.",
)
OPTICS = (
    "The physics exam on Monday covers optics.",
    "I studied optics for the physics exam all evening.",
    "My physics teacher explained lenses and optics again.",
    "I failed the physics exam on optics last year.",
    "Optics and lenses fill my physics notebook.",
    "The physics class measured lenses today.",
)


class Friend:
    """A model that tells of a boat, a bakery or a school, in sentences that begin with She and You."""

    def __call__(self, prompt: str, schema: Any) -> Any:
        shown = SHOWN.findall(prompt)
        if prompt.startswith("What does"):
            return {"name": "A day", "description": f"Insight: {prompt.split('Record:')[1].split('Answer')[0].strip()[:120]}"}
        if prompt.startswith("Sum up"):
            return {"description": "Something was done.", "keywords": ["something"]}
        if prompt.startswith("One side"):
            return {"name": "Zealous helmswoman" if "sail" in prompt else "Hobbyist", "description": "She does it with zeal."}
        return {"records": [{"id": id, "description": f"She: {text}", "text": f"You: {text}"} for id, text in shown]}


def quick(**changes: Any) -> Recipe:
    return second_me.recipe.variant("quick", **{"every": 6, **changes})


def opened(path: Path, asker: Any, recipe: Recipe) -> Clew:
    path.mkdir(exist_ok=True)
    return Clew(path / "c.db", recipes=[recipe], models=Models(asker=asker))


def told(c: Clew, lines: Sequence[str], start: int = 0, **about: Any) -> None:
    for place, words in enumerate(lines, start):
        c.record(words, **{"user": "ana", "actor": "Ana", "at": DAY + timedelta(days=place), **about})
    assert list(c.catch_up().values()) == ["folded"]


def kind(c: Clew, name: str) -> list[Memory]:
    return [m for m in c.memories(user="ana", kind=name, limit=1000) if m.retired is None]


def members(c: Clew, shade: Memory) -> set[str]:
    return {c.get(id).text for id in shade.basis}


def referenced(c: Clew) -> int:
    """How many sentences L1 has; fails where one does not lead to words of L0 with their time."""
    chunks = {m.id: m for m in kind(c, "chunk")}
    sides = {m.id: m for m in kind(c, "shade")}
    count = 0
    for shade in sides.values():
        assert {entry["id"] for entry in shade.data["timeline"]} == set(shade.basis) <= set(chunks)
        assert all(entry["at"] == str(chunks[entry["id"]].since) and entry["text"] for entry in shade.data["timeline"])
        assert set(shade.sources) == {s for id in shade.basis for s in chunks[id].sources}
        count += len(shade.data["timeline"])
    for name, below in (("biography", sides), ("status", chunks)):
        for memory in kind(c, name):
            assert {e["id"] for e in memory.data["statements"]} == set(memory.basis) <= set(below)
            assert all(e["at"] == str(below[e["id"]].since) for e in memory.data["statements"])
            assert "\n".join(e["text"] for e in memory.data["statements"]) == memory.text
            count += len(memory.data["statements"])
    return count


def test_item_1_l0_with_raw_kept(tmp_path: Path) -> None:
    with opened(tmp_path / "a", Scripted(Friend()), quick()) as c:
        told(c, SAIL[:1])
        [chunk] = kind(c, "chunk")
        assert chunk.text == SAIL[0] == c.thread(chunk.id)[0].text
        assert dict(chunk.data) == {
            "name": "A day",
            "description": f"Insight: Ana says: {SAIL[0]}",
            "summary": "Something was done.",
            "keywords": ["something"],
        }
    with opened(tmp_path / "b", Scripted(Friend()), quick(raw=False)) as c:
        told(c, SAIL[:1])
        assert [m.text for m in kind(c, "chunk")] == ["Something was done."]


def test_a_long_document_is_chunks_of_512_tokens_with_one_insight_and_one_summary(tmp_path: Path) -> None:
    model = Scripted(Friend())
    with opened(tmp_path, model, quick()) as c:
        text = "The sea is wide. " * 300
        told(c, [text])
        assert len(kind(c, "chunk")) == 3 and max(len(m.text) for m in kind(c, "chunk")) <= 4 * 512 and model.calls == 2
        assert "".join(m.text for m in sorted(kind(c, "chunk"), key=lambda m: m.sources[0].start)) == text


def test_item_2_l1_in_natural_language_derived_by_clustering_each_statement_carrying_references_to_l0_ids_and_times(
    tmp_path: Path,
) -> None:
    mixed = [line for lines in zip(SAIL, BREAD, OPTICS, strict=True) for line in lines]
    with opened(tmp_path / "a", Scripted(Friend()), quick(every=18)) as c:
        told(c, mixed)
        found = [members(c, shade) for shade in kind(c, "shade")]
        assert sorted(map(len, found)) == [5, 5, 5], "the nearest four fifths of six each"
        assert all(any(texts <= set(topic) for topic in (SAIL, BREAD, OPTICS)) for texts in found)
        assert referenced(c) == 15 + 3 + 12
        assert {e["text"] for s in kind(c, "shade") for e in s.data["timeline"]} <= {f"She: {line}" for line in mixed}
    with opened(tmp_path / "b", Scripted(Friend()), quick(every=18, l1=False)) as c:
        told(c, mixed)
        assert {m.kind for m in c.memories(user="ana")} == {"chunk"}


def test_item_3_biography_in_two_persons(tmp_path: Path) -> None:
    with opened(tmp_path / "a", Scripted(Friend()), quick()) as c:
        told(c, SAIL)
        [life], [status] = kind(c, "biography"), kind(c, "status")
        assert life.text.startswith("She: Zealous helmswoman") and life.data["second"].startswith("You: Zealous helmswoman")
        assert status.text.split("\n") == [f"She: {line}" for line in SAIL]
        assert status.data["second"].split("\n") == [f"You: {line}" for line in SAIL]
    with opened(tmp_path / "b", Scripted(Friend()), quick(persons=False)) as c:
        told(c, SAIL)
        [life], [shade] = kind(c, "biography"), kind(c, "shade")
        assert "second" not in life.data and "You" not in str(dict(life.data)) + str(dict(shade.data)) and life.text.startswith("She")


@pytest.mark.parametrize("incremental", [True, False])
def test_item_4_incremental_join_of_clusters(tmp_path: Path, incremental: bool) -> None:
    model = Scripted(Friend())
    with opened(tmp_path, model, quick(incremental=incremental, join=0.55, ward=0.8)) as c:
        told(c, SAIL)
        [shade] = kind(c, "shade")
        assert len(shade.basis) == 5
        before = len(model.prompts)
        told(c, ["I sailed round the bay in the dinghy with my sailing club.", "A heron.", *BREAD[:4]], 6)
        now = [s for s in kind(c, "shade") if any("sail" in text for text in members(c, s))]
        asked = [p for p in model.prompts[before:] if p.startswith("Below stand records of one person's life") and "sail" in p]
        if incremental:
            assert [s.id for s in now] == [shade.id] and len(now[0].basis) == 7, "the sixth joined its centre, and so did the new one"
            assert len(SHOWN.findall(asked[0])) == 2, "a model sees the new members alone"
            assert [e for e in now[0].data["timeline"] if e in shade.data["timeline"]] == shade.data["timeline"]
            assert now[0].data["members"] == 7
        else:
            assert shade.id not in {s.id for s in kind(c, "shade")}, "all is clustered again from the start"
            assert len(SHOWN.findall(asked[0])) > 2
        assert not any("A heron." in members(c, s) for s in kind(c, "shade")), "an outlier belongs nowhere"
        assert referenced(c) > 5


@pytest.mark.parametrize("incremental", [True, False])
def test_item_4_incremental_merge_of_clusters(tmp_path: Path, incremental: bool) -> None:
    with opened(tmp_path, Scripted(Friend()), quick(every=12, incremental=incremental, merge=0.9)) as c:
        told(c, [*SAIL, *BREAD])
        before = kind(c, "shade")
        assert len(before) == 2, "a group begins by itself"
        told(c, OPTICS, 12)
        told(c, OPTICS, 18)
        after = kind(c, "shade")
        if incremental:
            [one] = [s for s in after if s.id in {m.id for m in before}]
            assert members(c, one) >= members(c, before[0]) | members(c, before[1]), "centres within the distance grew into one"
            assert one.data["members"] == len(one.basis) >= 10
        else:
            assert len(after) >= 3 and not {s.id for s in after} & {s.id for s in before}
        assert referenced(c)


@pytest.mark.parametrize("rated", [True, False])
def test_item_5_confidence_by_evidence_count(tmp_path: Path, rated: bool) -> None:
    with opened(tmp_path, Scripted(Friend()), quick(every=15, confidence=rated, join=0.5)) as c:
        told(c, [*SAIL, *BREAD, *OPTICS[:3]])
        found = sorted((len(s.data["timeline"]), s.data.get("confidence")) for s in kind(c, "shade"))
        bands = ("low", "very high", "very high") if rated else (None, None, None)
        assert found == list(zip((3, 5, 5), bands, strict=True))
        told(c, [*OPTICS, *OPTICS, *OPTICS[:3]], 15)
        optics = next(s for s in kind(c, "shade") if any("lenses" in text for text in members(c, s)))
        assert optics.data.get("confidence") == ("very high" if rated else None), "it rises with what bears it out"
        others = {s.data.get("confidence") for s in kind(c, "shade") if s.id != optics.id}
        assert others == ({"high"} if rated else {None}), "and the others fall behind"


def test_confidence_is_a_band_of_rank() -> None:
    counts = (1, 9, 4, 4, 2, 30, 7, 3, 12, 5)
    found = shades.banded([Memory(str(i), "", data={"timeline": ["entry"] * n}) for i, n in enumerate(counts)])
    bands = {n: m.data["confidence"] for n, m in zip(counts, found, strict=True)}
    assert [bands[n] for n in (30, 12, 9, 7, 5, 4, 3, 2, 1)] == [
        *("very high", "very high", "high", "high", "medium", "medium", "low", "very low", "very low")
    ]


@pytest.mark.parametrize("kept", [True, False])
def test_item_6_versioned_l1(tmp_path: Path, kept: bool) -> None:
    with opened(tmp_path, Scripted(Friend()), quick(versions=kept)) as c:
        told(c, SAIL)
        [first] = kind(c, "biography")
        told(c, BREAD, 6)
        [life] = kind(c, "biography")
        assert life.data["version"] == 2 and kind(c, "status")[0].data["version"] == 2
        past = [memory for memory, *_ in c.history(life.id)]
        if kept:
            assert [m.data["version"] for m in past] == [1, 2] and past[0].text == first.text != life.text, "the old one is kept"
            assert life.id == first.id
        else:
            assert [m.data["version"] for m in past] == [2] and life.id != first.id


def test_clusters_and_confidence_are_the_same_on_every_machine() -> None:
    vectors = Static().embed([f"Ana says: {line}" for line in (*SAIL, *BREAD, *OPTICS)])
    assert cluster.ward(vectors, 1.0).tolist() == [0] * 6 + [1] * 6 + [2] * 6
    groups, left = shades.grouped([], vectors, 0, second_me.PARAMS)
    assert [g.new for g in groups] == [[0, 1, 2, 4, 5], [6, 8, 9, 10, 11], [12, 13, 14, 15, 17]] and left == 3
    assert shades.centred([], vectors[:2])["members"] == 2
    assert np.linalg.norm(np.array(shades.centred([], vectors[:1])["centre"])) == pytest.approx(shades.SCALE, abs=20)


@pytest.mark.parametrize("answer", ["mumble", {"records": [{"id": "0", "description": "x", "text": "y"}]}], ids=["mumble", "unknown id"])
def test_an_invalid_answer_leaves_the_words_themselves_as_sentences(tmp_path: Path, answer: Any) -> None:
    with opened(tmp_path, Scripted(lambda p, s: answer), quick()) as c:
        told(c, SAIL)
        [shade] = kind(c, "shade")
        assert {e["text"] for e in shade.data["timeline"]} == members(c, shade) <= set(SAIL)
        assert referenced(c) == 5 + 1 + 6 and c.status()["faults"]


def test_every_sentence_of_l1_leads_to_l0_after_words_were_retracted_revised_and_forgotten(tmp_path: Path) -> None:
    with opened(tmp_path, Scripted(Friend()), quick()) as c:
        told(c, [*SAIL, *BREAD])
        gone = next(m for m in kind(c, "chunk") if "mainsail" in m.text)
        c.retract([gone.sources[0].seq])
        changed = next(m for m in kind(c, "chunk") if "oven" in m.text)
        c.revise(changed.id, "The oven is broken and the bread is burnt.")
        assert not any("mainsail" in m.text + str(dict(m.data)) for m in c.memories(user="ana"))
        told(c, OPTICS, 12)
        assert referenced(c) > 15
        told_of = " ".join(e["text"] for s in kind(c, "shade") for e in s.data["timeline"])
        assert "mainsail" not in told_of and "too cold" not in told_of
        assert {m.status for m in kind(c, "shade")} == {"active"}, "a shade in doubt was told anew"
        lost = next(m for m in kind(c, "chunk") if "rudder" in m.text)
        assert c.verify_forgotten(c.forget(events=[lost.sources[0].seq]), probes=["rudder"]) == []
        assert referenced(c) > 10


def test_pages_and_tools_say_nothing_about_the_person(tmp_path: Path) -> None:
    with opened(tmp_path, Scripted(Friend()), quick(every=5)) as c:
        told(c, SAIL, trust="web")
        assert kind(c, "shade") == [] and len(kind(c, "chunk")) == 6
        told(c, [*BREAD, "That is all."], 6)
        assert kind(c, "shade") and all(members(c, s) <= set(BREAD) for s in kind(c, "shade"))
        assert all(m.trust == 5 for m in (*kind(c, "shade"), *kind(c, "biography")))


def test_shades_are_found_by_their_name_after_the_words_themselves(tmp_path: Path) -> None:
    with opened(tmp_path, Scripted(Friend()), quick(every=18, floor=0.3)) as c:
        told(c, [*SAIL, *BREAD, *OPTICS])
        hits = c.recall("zealous helmswoman", user="ana", k=8)
        [name] = [h.memory for h in hits if h.memory.text.startswith("Zealous helmswoman")]
        assert name.kind == "shade" and sum(h.memory.kind == "shade" for h in hits) <= 3
        hits = c.recall("sailing boat", user="ana", k=8)
        assert hits[0].memory.text in SAIL and "Zealous helmswoman" in " ".join(h.memory.text for h in hits)


def test_nothing_below_the_floor_is_found(tmp_path: Path) -> None:
    with opened(tmp_path / "a", Scripted(Friend()), quick(floor=0.95)) as c:
        told(c, SAIL)
        assert c.recall("violin sonata", user="ana") == []
    with opened(tmp_path / "b", Scripted(Friend()), quick(floor=0.0)) as c:
        told(c, SAIL)
        assert c.recall("violin sonata", user="ana") != []


def test_who_asks_within_a_session_gets_no_shade_of_another(tmp_path: Path) -> None:
    with opened(tmp_path, Scripted(Friend()), quick(floor=0.0)) as c:
        told(c, SAIL, session="a")
        told(c, BREAD[:1], 6, session="b")
        assert "shade" in {h.memory.kind for h in c.recall("sailing", user="ana")}
        assert {h.memory.text for h in c.recall("sailing", user="ana", session="b")} == {BREAD[0]}


def test_the_reader_is_told_who_it_is_about(tmp_path: Path) -> None:
    class Reader(Friend):
        def __call__(self, prompt: str, schema: Any) -> Any:
            return {"text": "at the bay"} if prompt.startswith("Answer") else super().__call__(prompt, schema)

    model = Scripted(Reader())
    with opened(tmp_path, model, quick()) as c:
        told(c, SAIL)
        assert c.ask("Where does the sailing club meet?", user="ana").text == "at the bay"
        assert "She: Zealous helmswoman" in model.prompts[-1] and SAIL[3] in model.prompts[-1]


@pytest.mark.parametrize("model", [Scripted(Friend()), Fickle(5)], ids=["scripted", "fickle"])
def test_a_rebuild_without_a_model_gives_the_same_store(tmp_path: Path, model: Any) -> None:
    def dump(c: Clew) -> list[Any]:
        return list(c._views.serving("second_me[quick]").view.dump())

    with opened(tmp_path, model, quick()) as c:
        told(c, [*SAIL, *BREAD, *OPTICS, *SAIL])
        before = dump(c)
    dead = Dead(model.name)
    with opened(tmp_path, dead, quick()) as c:
        c.rebuild("second_me[quick]")
        assert dump(c) == before and dead.calls == 0


def test_two_calls_a_turn_and_a_few_for_every_twenty(tmp_path: Path) -> None:
    model = Scripted(Friend())
    with opened(tmp_path, model, second_me.recipe) as c:
        told(c, [*SAIL, *BREAD, *OPTICS, "A heron."])
        assert model.calls == 2 * 19
        told(c, ["A second heron."], 19)
        assert model.calls == 2 * 20 + 2 * 3 + 2
        assert max(len(p) for p in model.prompts) < 6000

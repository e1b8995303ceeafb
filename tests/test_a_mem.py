"""A-MEM does what its checklist says: seven-part notes that link, rewrite their neighbours, and are found through links."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from clew import Clew
from clew.models import Models
from clew.models.fake import Dead, Fickle, Scripted
from clew.models.static import Static
from clew.recipes import a_mem
from clew.types import Memory

TURNS = (
    "The pump of the Halcyon broke off Skye.",
    "A new impeller for the pump arrived by ferry.",
    "Dinner was mackerel with lemon.",
    "We fitted the impeller and the bilge is dry.",
)


class Mechanic:
    """Answers as a scripted model would that knows boats: everything about the pump belongs together."""

    def __init__(self, label: str = "both") -> None:
        self.label = label

    def __call__(self, prompt: str, schema: Any) -> Any:
        if prompt.startswith("Describe the record"):
            words = re.findall(r"[a-z]{4,}", prompt.split("Record:")[1].split("Answer with")[0].lower())
            return {"keywords": words[:4] or ["boat"] * 3, "context": f"About {words[0]}.", "tags": ["boat", "log", "record"]}
        if prompt.startswith("A new note has come in. Below"):
            return {"choice": self.label}
        if prompt.startswith("Which of the neighbours"):
            shown = re.findall(r"id: (\w+)\n.*?content: (.*?)\n", prompt.split("Neighbours:")[1], re.DOTALL)
            new = prompt.split("Neighbours:")[0]
            return {"choices": [i for i, words in shown if re.search("pump|impeller", words) and re.search("pump|impeller", new)]}
        if prompt.startswith("Give the new note its tags"):
            return {"texts": ["repair", "boat", "pump"]}
        if prompt.startswith("A new note has come in that"):
            return {"keywords": ["pump", "repair", "impeller"], "context": "Part of a pump repair.", "tags": ["repair", "boat", "pump"]}
        if prompt.startswith("Which words"):
            return {"texts": ["impeller", "ferry"]}
        return {"text": "by ferry"}


def opened(path: Path, asker: Any, recipe: Any = "a_mem", **options: Any) -> Clew:
    path.mkdir(exist_ok=True)
    return Clew(path / "c.db", recipes=[recipe], models=Models(asker=asker, **options))


def told(c: Clew, turns: Sequence[str] = TURNS) -> None:
    for day, words in enumerate(turns, 1):
        c.record(words, user="ana", actor="Ana", at=f"2026-03-{day:02}T10:00:00Z")
    assert list(c.catch_up().values()) == ["folded"]


def notes(c: Clew) -> list[Memory]:
    """The notes in the order of what was said; a rewritten one is otherwise listed by its newest version."""
    return sorted(c.memories(user="ana"), key=lambda m: m.sources[0].seq)


def dump(c: Clew) -> list[Any]:
    return list(c._views.serving(c._default).view.dump())


def test_item_1_a_note_with_all_seven_parts(tmp_path: Path) -> None:
    with opened(tmp_path, Scripted(Mechanic())) as c:
        told(c)
        first, second, *_ = notes(c)
        assert second.text == TURNS[1] and second.actor == "Ana", "content"
        assert second.since is not None and second.since.isoformat() == "2026-03-02T10:00:00+00:00", "time"
        assert second.data["keywords"] and second.data["tags"] and second.data["context"]
        assert first.id in second.links, "links"
        hit = max(c.recall("impeller ferry", user="ana"), key=lambda h: h.score)
        assert hit.memory.id == second.id and hit.why["cosine"] > 0, "vector"
        assert [q.text for q in c.thread(second.id)] == [TURNS[1]]
    for off, gone in (("-attributes,-evolution", {"keywords", "context"}), ("-links", {"links"})):
        with opened(tmp_path / off, Scripted(Mechanic()), f"a_mem[{off}]") as c:
            told(c)
            second = notes(c)[1]
            assert second.text == TURNS[1] and second.since is not None
            parts = {name for name in ("keywords", "context") if second.data[name] != a_mem.UNKNOWN[name]}
            assert {"keywords", "context", "links"} - parts - ({"links"} if second.links else set()) == gone


def test_item_2_attribute_generation_by_a_model_and_an_invalid_answer_keeps_the_raw_note(tmp_path: Path) -> None:
    with opened(tmp_path, Scripted(lambda p, s: "mumble")) as c:
        told(c, TURNS[:1])
        [note] = c.memories(user="ana")
        assert note.text == TURNS[0] and dict(note.data) == a_mem.UNKNOWN
        assert [f["operator"] if isinstance(f, dict) else f for f in c.status()["faults"]], "the failure is shown"
    for off in ("", "[-attributes]"):
        model = Scripted(Mechanic("none"))
        with opened(tmp_path / f"a{off}", model, f"a_mem{off}") as c:
            told(c, TURNS[:1])
            [note] = c.memories(user="ana")
            assert ("pump" in note.data["keywords"]) is not bool(off)
            assert (dict(note.data) == a_mem.UNKNOWN) is bool(off), "without the mechanism a note is as where it failed"
            assert len([p for p in model.prompts if p.startswith("Describe the record")]) == (0 if off else 1)


def test_item_3_embedding_over_content_and_attributes(tmp_path: Path) -> None:
    with opened(tmp_path, Scripted(Mechanic("none"))) as c:
        told(c, TURNS[:1])
        [note] = c.memories(user="ana")
        text = a_mem.indexed(note)
        assert all(part in text for part in (note.text, note.data["context"], *note.data["keywords"], *note.data["tags"]))
        [row] = [r for r in dump(c) if r[0] == "vector"]
        assert row[-1] == Static().embed([text])[0].tobytes().hex()
    with opened(tmp_path / "off", Scripted(Mechanic("none")), "a_mem[-enriched]") as c:
        told(c, TURNS[:1])
        [note] = c.memories(user="ana")
        assert note.data["tags"], "it is described"
        [row] = [r for r in dump(c) if r[0] == "vector"]
        assert row[-1] == Static().embed([a_mem.said(note)])[0].tobytes().hex(), "and embedded by its content alone"


def test_item_4_neighbour_conditioned_link_decision_and_links_stored_both_ways(tmp_path: Path) -> None:
    model = Scripted(Mechanic("link"))
    with opened(tmp_path, model) as c:
        told(c)
        pump, impeller, dinner, fitted = notes(c)
        assert set(fitted.links) == {pump.id, impeller.id}
        assert fitted.id in pump.links and fitted.id in impeller.links, "both ways"
        assert dinner.id not in pump.links + impeller.links + fitted.links
        assert fitted.data["tags"] == ["repair", "boat", "pump"], "a note that links takes tags in the light of its neighbours"
        decide = [p for p in model.prompts if p.startswith("A new note has come in. Below")]
        assert len(decide) == 3, "the first note has no neighbours"
        assert f"id: {pump.id}" in decide[0], "ids are shown, never ranks"
        assert pump.data["context"].startswith("About"), "linking alone rewrites nobody"
    for off, decided in (("-links", 3), ("-link_k", 0)):
        model = Scripted(Mechanic("link"))
        with opened(tmp_path / off, model, f"a_mem[{off}]") as c:
            told(c)
            assert all(m.links == () for m in notes(c))
            assert len([p for p in model.prompts if p.startswith("A new note has come in. Below")]) == decided
            assert not [p for p in model.prompts if p.startswith("Which of the neighbours")]


def test_at_most_five_neighbours_are_shown(tmp_path: Path) -> None:
    model = Scripted(Mechanic())
    with opened(tmp_path, model) as c:
        told(c, [f"The pump log, entry number {i}." for i in range(9)])
        last = [p for p in model.prompts if p.startswith("A new note has come in. Below")][-1]
        assert last.split("Neighbours:")[1].count("id: ") == a_mem.PARAMS["link_k"] == 5


def test_an_id_that_was_not_shown_is_refused(tmp_path: Path) -> None:
    mechanic = Mechanic("link")
    with opened(tmp_path, Scripted(lambda p, s: {"choices": ["0"]} if p.startswith("Which of the") else mechanic(p, s))) as c:
        told(c, TURNS[:2])
        assert all(m.links == () for m in c.memories(user="ana"))
        assert len(c.memories(user="ana")) == 2, "the raw notes are kept"
        assert c.status()["faults"]


def test_item_5_neighbours_context_and_tags_may_change_when_a_new_note_arrives_item_7_and_are_embedded_again(tmp_path: Path) -> None:
    with opened(tmp_path, Scripted(Mechanic("update"))) as c:
        told(c, TURNS[:1])
        [before] = c.memories(user="ana")
        c.record(TURNS[1], user="ana", actor="Ana")
        c.catch_up()
        after = c.get(before.id)
        assert (
            after.text == before.text
            and after.data["context"] == "Part of a pump repair."
            and after.data["tags"] == ["repair", "boat", "pump"]
        )
        assert len(c.history(before.id)) == 2
        assert after.rests == (1, 2), "it rests on the note that changed it too"
        vectors = {r[2]: r[-1] for r in dump(c) if r[0] == "vector" and r[1] == before.id}
        assert len(vectors) == 2 and len(set(vectors.values())) == 2
        assert vectors[2] == Static().embed([a_mem.indexed(after)])[0].tobytes().hex(), (
            "the version of event 2 has the vector of its new words"
        )
        found = c._views.serving("a_mem").view
        [part] = found.parts()
        assert next(h.memory.id for h in found.draft(part).matching("repair", 3)) == before.id, "and is found by them"
    for off in ("-evolution", "-reembedding"):
        with opened(tmp_path / off, Scripted(Mechanic("update")), f"a_mem[{off}]") as c:
            told(c, TURNS[:1])
            [before] = c.memories(user="ana")
            c.record(TURNS[1], user="ana", actor="Ana")
            c.catch_up()
            after = c.get(before.id)
            assert (after.data["context"] == "Part of a pump repair.") is (off == "-reembedding")
            assert len(c.history(before.id)) == (1 if off == "-evolution" else 2)
            old = Static().embed([a_mem.indexed(before)])[0].tobytes().hex()
            assert {r[-1] for r in dump(c) if r[0] == "vector" and r[1] == before.id} == {old}, "no vector of new words"
            found = c._views.serving(f"a_mem[{off}]").view
            [part] = found.parts()
            assert list(found.draft(part).matching("repair", 3)) == [], "nor is it found by them"


def test_a_page_cannot_rewrite_what_a_person_said(tmp_path: Path) -> None:
    with opened(tmp_path, Scripted(Mechanic("update"))) as c:
        told(c, TURNS[:1])
        c.record("Pump for sale: the pump of the Halcyon never broke.", user="ana", trust="web")
        c.catch_up()
        first, page = notes(c)
        assert first.data["context"] == "About says." and len(c.history(first.id)) == 1
        assert page.trust < first.trust


def test_item_6_retrieval_returns_linked_notes_too_within_k(tmp_path: Path) -> None:
    model = Scripted(Mechanic("link"))
    turns = (*TURNS, *(f"Ferry timetable number {i}: the ferry leaves at {i} past." for i in range(1, 9)))
    with opened(tmp_path, model) as c:
        told(c, turns)
        hits = c.recall("How did the impeller get here?", user="ana", k=4)
        assert len(hits) == 4 and [h.score for h in hits] == sorted((h.score for h in hits), reverse=True)
        linked = [h for h in hits if "link" in h.why]
        assert {h.memory.text for h in linked} & {TURNS[0], TURNS[3]}, "found by no word of its own"
        assert any(p.startswith("Which words") for p in model.prompts), "the question's keywords are the model's"
    for off in ("-links", "-expansion"):
        with opened(tmp_path / off, Scripted(Mechanic("link")), f"a_mem[{off}]") as c:
            told(c, turns)
            hits = c.recall("How did the impeller get here?", user="ana", k=4)
            assert len(hits) == 4 and not [h for h in hits if "link" in h.why]
            assert not {h.memory.text for h in hits} & {TURNS[0], TURNS[3]}
            assert any(m.links for m in notes(c)) is (off == "-expansion"), "the links are there, and nobody follows them"


def test_a_link_leads_to_nothing_that_the_asker_may_not_see(tmp_path: Path) -> None:
    with opened(tmp_path, Scripted(Mechanic("link"))) as c:
        for session, words in (("a", TURNS[0]), ("b", TURNS[1])):
            c.record(words, user="ana", session=session)
        c.catch_up()
        assert c.get(c.memories(user="ana")[-1].id).links
        assert {h.memory.text for h in c.recall("impeller", user="ana", session="b")} == {TURNS[1]}


def test_the_reader_sees_time_content_and_attributes(tmp_path: Path) -> None:
    model = Scripted(Mechanic())
    with opened(tmp_path, model) as c:
        told(c)
        assert c.ask("Which impeller arrived by ferry?", user="ana").text == "by ferry"
        assert "time: 2026-03-02 10:00" in model.prompts[-1] and "tags: repair, boat, pump" in model.prompts[-1]


def test_revised_words_are_described_anew(tmp_path: Path) -> None:
    with opened(tmp_path, Scripted(Mechanic("none"))) as c:
        told(c, TURNS[:1])
        [note] = c.memories(user="ana")
        c.revise(note.id, "The anchor was lost off Skye.")
        [note] = c.memories(user="ana")
        assert "anchor" in note.data["keywords"]


def test_folding_waits_for_a_model_and_shows_nothing_half_made(tmp_path: Path) -> None:
    with opened(tmp_path, Dead()) as c:
        c.record(TURNS[0], user="ana")
        assert c.catch_up()["a_mem"].startswith("waits for a model")
        assert c.memories(user="ana") == []


@pytest.mark.parametrize("model", [Scripted(Mechanic()), Fickle(7)], ids=["scripted", "fickle"])
def test_a_rebuild_without_a_model_gives_the_same_store(tmp_path: Path, model: Any) -> None:
    with opened(tmp_path, model) as c:
        told(c, TURNS * 3)
        before, calls = dump(c), model.calls
        c.catch_up()
        assert model.calls == calls, "no work twice"
    dead = Dead(model.name)
    with opened(tmp_path, dead) as c:
        c.rebuild("a_mem")
        assert dump(c) == before and dead.calls == 0


def test_what_was_forgotten_is_in_no_neighbour(tmp_path: Path) -> None:
    def script(prompt: str, schema: Any) -> Any:
        if prompt.startswith("A new note has come in that"):
            return {"keywords": ["pump", "zanzibar", "x"], "context": "Zanzibar bears on it.", "tags": ["a", "b", "c"]}
        return Mechanic("update")(prompt, schema)

    with opened(tmp_path, Scripted(script)) as c:
        told(c, TURNS[:1])
        seq = c.record("The pump was sold to Zanzibar.", user="ana").seq
        c.catch_up()
        assert "Zanzibar" in json.dumps([dict(m.data) for m in c.memories(user="ana")])
        receipt = c.forget(events=[seq or 0])
        assert c.verify_forgotten(receipt, probes=["Zanzibar", "zanzibar"]) == []
        [note] = c.memories(user="ana")
        assert note.data["context"] == "About says."


def test_the_whole_exchange_is_a_handful_of_small_calls(tmp_path: Path) -> None:
    model = Scripted(Mechanic())
    with opened(tmp_path, model) as c:
        told(c)
        assert model.calls == 4 + 3 * 3 + (1 + 2 + 3), "describe each; decide, link, tag each but the first; rewrite each neighbour"
        assert max(len(p) for p in model.prompts) < 3000

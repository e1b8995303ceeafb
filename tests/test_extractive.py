"""The model that is no LLM: the seven families by extraction alone, the same answer every time, and always one that fits."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clew import Clew
from clew.errors import UsageError
from clew.models import Call, Extracts, Models, Reply, Shown, connect, forms
from clew.models.extractive import Extractive
from clew.models.extractive.likeness import Sense
from clew.models.extractive.triplets import entities, triplets
from clew.models.extractive.words import dates, greeting, keywords, names, negated, numbers, sentences
from clew.models.fake import Dead
from clew.models.forms import MEANS, Form
from clew.models.static import Static

MODEL = Extractive()
IDS = ("46eaf637f54709b9dd3b", "a90bc3122edb69b8d7fb", "b71bc3122edb69b8d7fc")
LOG = (
    "Ana: I moved to Lisbon in May and rent a flat near the river.\n"
    "Bo: My sailing boat Halcyon needs a new pump before summer! I bought the impeller from Dr. Silva for 40 euros.\n"
    "Ana: Thanks, that's great. We joined a pottery class on 7 May 2023, and Carla teaches it."
)
NOTES = (
    Shown("Ana lives in Porto.", IDS[0]),
    Shown("Bo has a sailing boat called Halcyon.", IDS[1]),
    Shown("Dinner was mackerel with lemon.", IDS[2]),
)
Given = str | Shown | Sequence[Shown]


def asked(form: Form | None, prompt: str = "p", **values: Given) -> Any:
    """The value of the model's answer, as operators get it."""
    parts = {name: tuple(_shown(value)) for name, value in values.items()}
    reply = MODEL.extract(Call("test", prompt, parts, form))
    return form.parse(reply.text) if form else reply.text


def _shown(value: Given) -> list[Shown]:
    if isinstance(value, str):
        return [Shown(value)]
    return [value] if isinstance(value, Shown) else list(value)


# -- what a text is made of -----------------------------------------------------------------------------------------


def test_sentences_know_who_said_them_and_when() -> None:
    found = sentences("[2026-03-02 10:00] Ana: The pump broke. Call Dr. Silva!\nNothing else.")
    assert [(s.text, s.who, s.when) for s in found] == [
        ("The pump broke.", "Ana", "2026-03-02 10:00"),
        ("Call Dr Silva!", "Ana", "2026-03-02 10:00"),
        ("Nothing else.", "", ""),
    ]


def test_names_numbers_dates_and_negation_are_seen() -> None:
    text = "Bo met Carla Nunes in Porto on 7 May 2023, two days ago; they didn't buy 12 oars."
    assert {"Carla Nunes", "Porto"} <= set(names(text))
    assert numbers(text) == {"7", "2023", "2", "12"}
    assert dates(text) == ["7 May 2023", "two days ago"]
    assert negated(text) and not negated("They bought oars.")


def test_keywords_are_telling_words_without_repeats() -> None:
    found = keywords("We fitted the new impeller to the bilge pump. The bilge pump of the Halcyon is dry.", 5)
    assert "bilge pump" in found and any("impeller" in k for k in found)
    assert not {"the", "new", "we"} & {k.lower() for k in found}
    assert len({k.lower() for k in found}) == len(found)


def test_triplets_follow_the_order_of_words() -> None:
    found = triplets("Ana: I moved to Lisbon in May. The red apple is on the table. Bo didn't sell the boat.")
    assert ("Ana", "moved to", "Lisbon") in found
    assert ("red apple", "is on", "table") in found
    assert any(s == "Bo" and r.startswith("not") and o == "boat" for s, r, o in found)
    assert triplets("Where is the apple?") == ()
    assert entities("What does Carla teach in Lisbon?")[:2] == ("Carla", "Lisbon")


@pytest.mark.parametrize(
    ("old", "new", "relation"),
    [
        ("Ana lives in Porto.", "Ana lives in Lisbon.", "update"),
        ("apple, is on, table", "apple, is on, shelf", "update"),
        ("The flat costs 900 euros a month.", "The flat costs 950 euros a month.", "update"),
        ("Bo likes the cold sea.", "Bo does not like the cold sea.", "conflict"),
        ("Bo likes the cold sea.", "Bo likes the cold sea a lot.", "duplicate"),
        ("The pump of the boat broke off Skye.", "A new impeller for the boat's pump came by ferry.", "link"),
        ("Bo likes the cold sea.", "The ledger was bound in copper.", "none"),
    ],
)
def test_two_texts_are_related_by_likeness_and_by_what_differs(old: str, new: str, relation: str) -> None:
    assert Sense(Static()).relation(new, old) == relation


# -- the seven families ---------------------------------------------------------------------------------------------


def test_a_gate_is_opened_by_a_question_and_not_by_a_greeting() -> None:
    needed = forms.gate("needed")
    assert asked(needed, question="Where did I leave the oars?") is True
    assert asked(needed, question="Hello! Thank you very much.") is False
    enough = forms.gate("enough")
    assert asked(enough, question="What does the boat Halcyon need?", notes=LOG) is True
    assert asked(enough, question="Which violin does Marco play?", notes=LOG) is False
    same = forms.gate("same")
    assert asked(same, one="Bo likes the cold sea.", other="Bo likes the cold sea a lot.") is True
    assert asked(same, one="Bo likes the cold sea.", other="Bo does not like the cold sea.") is False
    good = forms.gate("good")
    assert asked(good, outcome="The door opened; task solved.") is True and asked(good, outcome="Error: the task failed.") is False


def test_a_choice_is_a_label_by_meaning_or_the_id_of_the_best() -> None:
    relation = forms.choice(["none", "link", "update"], "relation")
    assert asked(relation, note="Ana lives in Lisbon.", neighbours=NOTES[:1]) == "update"
    assert asked(relation, note="The ledger was bound in copper.", neighbours=NOTES[:2]) == "none"
    assert asked(forms.choice(["work", "food", "boats"], "label"), record="We had grilled fish for dinner.") == "food"
    assert asked(forms.choice(IDS, "best"), question="Where does Ana live?", notes=NOTES) == IDS[0]


def test_choices_are_the_ids_that_bear_on_a_question_and_none_where_none_does() -> None:
    form = forms.choices(IDS, 3, "apt")
    assert asked(form, question="Where does Ana live?", notes=NOTES) == [IDS[0]]
    assert asked(form, question="Which violin does Marco play?", notes=NOTES) == []
    assert asked(forms.choices(["health", "sailing boats", "cooking"], 2, "labels"), record="The sailing boat needs a pump.") == [
        "sailing boats"
    ]


def test_ids_in_plain_strings_are_split_at() -> None:
    listed = f"id: {IDS[0]}\ncontent: Ana lives in Porto.\ntags: home\n\nid: {IDS[1]}\ncontent: Bo has a sailing boat.\ntags: sea"
    assert asked(forms.choices(IDS[:2], 2, "apt"), question="Who has a sailing boat?", notes=listed) == [IDS[1]]
    bracketed = f"[{IDS[0]}] Ana lives in Porto.\n[{IDS[1]}] Bo has a sailing boat."
    assert asked(forms.choice(IDS[:2], "best"), question="Who has a sailing boat?", notes=bracketed) == IDS[1]
    assert (
        asked(forms.choice(["n1", "n2"], "best"), question="Who has a sailing boat?", notes="n1: Ana lives in Porto.\nn2: Bo has a boat.")
        == "n2"
    )


def test_an_answer_is_what_was_asked_for_or_that_it_is_not_known() -> None:
    form = forms.text(120, "answer")
    assert asked(form, question="When did they join the pottery class?", records=LOG) == "7 May 2023"
    assert asked(form, question="Who teaches the pottery class?", records=LOG) == "Carla"
    assert "pump" in asked(form, question="What does the sailing boat need?", records=LOG)
    assert asked(form, question="Which violin does Marco play?", records=LOG) == "not known"


def test_a_summary_is_made_of_whole_sentences_in_their_order() -> None:
    found = asked(forms.text(160, "summary"), records=LOG)
    said = [f"{s.who}: {s.text}" for s in sentences(LOG)]
    kept = [s for s in said if s in found]
    assert kept and found == " ".join(kept) and len(found) < len(LOG) and "Thanks" not in found
    assert len(asked(forms.text(24, "title"), records=LOG)) <= 24


def test_texts_are_keywords_queries_clues_sentences_or_dates() -> None:
    assert asked(forms.texts(8, 60, 1, "keywords"), question="What did Ana paint in Lisbon?") == ["Ana paint", "Lisbon"]
    queries = asked(forms.texts(4, 100, 1, "queries"), question="Who teaches the class that Ana joined?", notes=LOG)
    assert len(queries) > 1 and any("Carla" in q for q in queries), "what the nearest sentence names leads on"
    clues = asked(forms.texts(1, 200, means="clues"), question="What does the boat need?", notes=LOG)
    assert clues == ["Bo: My sailing boat Halcyon needs a new pump before summer!"]
    assert asked(forms.texts(3, 40, means="dates"), question="What happened on 7 May 2023?") == ["7 May 2023"]
    points = asked(forms.texts(3, 200, means="sentences"), notes=LOG)
    assert len(points) == 3 and all(p.split(": ")[1] in LOG.replace("Dr.", "Dr") for p in points)


def test_records_are_filled_by_the_names_of_their_fields() -> None:
    note = asked(forms.record({"keywords": forms.words(4, 40, 3), "context": 300, "tags": forms.words(3, 40, 1)}, "note"), content=LOG)
    assert "Halcyon" in " ".join(note["keywords"]) and note["tags"] and note["context"]
    found = asked(forms.records({"subject": 60, "relation": 60, "object": 60}, 12, means="triplets"), observation=LOG, known=NOTES)
    assert {"subject": "Carla", "relation": "teaches", "object": "it"} not in found
    assert {"subject": "Ana", "relation": "moved to", "object": "Lisbon"} in found
    assert not any("Porto" in str(record) for record in found), "what is known already is background"
    facts = asked(forms.records({"text": 200, "date": 20, "kind": ("event", "need")}, 5, means="facts"), talk=LOG)
    assert any(fact["date"] == "7 May 2023" for fact in facts) and not any(fact["text"].startswith("Thanks") for fact in facts)
    seeds = asked(
        forms.records({"entity": 60, "depth": {"type": "integer", "minimum": 1, "maximum": 3}}, 5, 1, "entities"), question="Where is Bo?"
    )
    assert seeds[0] == {"entity": "Bo", "depth": 1}


def test_records_of_ids_alone_pair_what_is_outdated_with_what_takes_its_place() -> None:
    known = [Shown("apple, is on, table", IDS[0]), Shown("key, is in, drawer", IDS[1])]
    form = forms.records({"outdated": IDS[:2], "new": IDS[2:]}, 4)
    assert asked(form, known=known, fresh=[Shown("apple, is on, shelf", IDS[2])]) == [{"outdated": IDS[0], "new": IDS[2]}]
    assert asked(form, known=known, fresh=[Shown("door, is, open", IDS[2])]) == []


def test_edits_insert_what_is_new_and_change_what_is_contradicted() -> None:
    form = forms.edits(["add", "update", "none"], IDS, 6, 200, "revise")
    found = asked(form, fresh="Ana lives in Lisbon. Marco plays the violin in a jazz band.", known=NOTES)
    assert {"op": "update", "target": IDS[0], "text": "Ana lives in Lisbon."} in found
    assert any(e["op"] == "add" and "violin" in e["text"] for e in found)
    assert asked(form, fresh="Dinner was mackerel with lemon.", known=NOTES)[0]["op"] == "none"
    same = [Shown("The bilge pump broke.", IDS[0]), Shown("The bilge pump broke again.", IDS[1]), NOTES[2]]
    merged = asked(forms.edits(["merge"], IDS, 4, 200, "merge"), notes=same)
    assert {e["target"] for e in merged} == set(IDS[:2]) and len({e["text"] for e in merged}) == 1


def test_scores_rank_by_relevance_and_by_importance() -> None:
    relevance = asked(forms.scores(IDS, 1, 10, "relevance"), question="Where does Ana live?", notes=NOTES)
    assert max(relevance, key=lambda i: relevance[i]) == IDS[0] and relevance[IDS[0]] > relevance[IDS[2]] + 3
    notes = [Shown("My sister Carla was diagnosed with cancer and had surgery.", IDS[0]), Shown("ok then", IDS[1])]
    importance = asked(forms.scores(IDS[:2], 1, 10, "importance"), notes=notes)
    assert importance[IDS[0]] >= 5 > importance[IDS[1]]


def test_a_form_that_does_not_say_what_it_means_is_guessed_by_its_fields_and_name() -> None:
    assert asked(forms.gate(), question="Hello, good morning") is False
    assert asked(forms.choices(IDS, 3), question="Where does Ana live?", notes=NOTES) == [IDS[0]]
    assert asked(forms.text(100), question="When did they join the pottery class?", records=LOG) == "7 May 2023"
    assert asked(forms.texts(4, 40), "keywords", text=LOG)
    assert asked(None, question="When did they join the pottery class?", records=LOG) == "7 May 2023"
    assert "7 May 2023" in Extractive().ask(f"{LOG}\nAnswer in one text.", forms.text(400).schema, 400).text


# -- always an answer, always the same ------------------------------------------------------------------------------

TEXTS = st.one_of(
    st.text(max_size=80),
    st.text(alphabet="aZ0 .,:'%_\"\\\n\u00df\u0130\u05d0\u0301\u2028\ufb01\U0001f469\u200d\u4e2d\ud800", max_size=60),
    st.lists(st.sampled_from((*LOG.split(), "天气很好", "42", "id: " + IDS[0], f"[{IDS[1]}]", "\n", "?", "not")), max_size=40).map(
        " ".join
    ),
)
SHOWN = st.builds(Shown, TEXTS, st.sampled_from((None, *IDS)))
VALUES = st.dictionaries(
    st.sampled_from(("question", "notes", "known", "content", "background")), st.lists(SHOWN, max_size=4).map(tuple), max_size=3
)


def of_every_kind(ids: Sequence[str]) -> list[Form]:
    """A form for every meaning of every family, some narrow and some wide."""
    number: dict[str, Any] = {"type": "integer", "minimum": 2, "maximum": 5}
    fields = {"keywords": forms.words(3, 9, 2), "context": 30, "tags": forms.words(3, 12, 1), "score": number, "kind": ("a", "b")}
    wide = {
        "subject": 20,
        "relation": 20,
        "object": 20,
        "date": 12,
        "name": 8,
        "text": 50,
        "sources": forms._array({"type": "string", "enum": list(ids)}, 3),
    }
    found = [forms.gate(m) for m in MEANS["gate"]]
    for means in MEANS["choice"]:
        found += [forms.choice([*ids, "other"], means), forms.choices(ids, 2, means), forms.choice(["none", "link", "update"], means)]
    for means in MEANS["text"]:
        found += [forms.text(5, means), forms.text(200, means)]
    for means in MEANS["texts"]:
        found += [forms.texts(3, 12, 2, means), forms.texts(9, 300, 0, means)]
    for means in MEANS["records"]:
        found += [forms.record(fields, means), forms.records(wide, 4, 1, means), forms.records({"old": ids, "new": ids}, 2, means=means)]
    for means in MEANS["edits"]:
        found += [forms.edits(["add", "update", "delete", "merge"], ids, 3, 20, means)]
    for means in MEANS["scores"]:
        found += [forms.scores(ids, 1, 10, means)]
    return found


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(values=VALUES, some=st.integers(0, 3))
def test_whatever_is_shown_the_answer_fits_every_form(values: dict[str, tuple[Shown, ...]], some: int) -> None:
    for form in of_every_kind(IDS[:some]):
        if some == 0 and "minItems" in json.dumps(form.schema) and '"enum": []' in json.dumps(form.schema) and form.family == "records":
            continue  # at least one record of none: no answer fits
        call = Call("test", "p", values, form)
        reply = MODEL.extract(call)
        form.parse(reply.text)
        assert Extractive().extract(call) == reply if some == 1 and form.family == "scores" else True


def test_the_same_call_has_the_same_answer_in_a_fresh_model_and_in_any_order() -> None:
    calls = [
        Call("t", "p", {"notes": NOTES, "question": (Shown("Where is the boat?"),), "talk": (Shown(LOG),)}, f) for f in of_every_kind(IDS)
    ]
    first = [Extractive().extract(call) for call in calls]
    model = Extractive()
    assert [model.extract(call) for call in calls[::-1]] == first[::-1]


def test_cosines_are_the_same_alone_and_in_a_batch() -> None:
    texts = [s.text for s in sentences(LOG)] + [n.text for n in NOTES]
    alone = [Sense(Static()).cosines("The boat needs a pump.", [t])[0] for t in texts]
    assert Sense(Static()).cosines("The boat needs a pump.", texts) == alone


# -- the seam -------------------------------------------------------------------------------------------------------


class Watching(Extractive):
    """Remembers its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []

    def extract(self, call: Call) -> Reply:
        """The answer, noted."""
        self.calls.append(call)
        return super().extract(call)


def test_a_recipe_lives_with_it_and_rebuilds_without_it(tmp_path: Path) -> None:
    model = Watching()
    assert isinstance(model, Extracts)
    with Clew(tmp_path / "c.db", recipes=["a_mem"], models=Models(asker=model)) as c:
        for words in ("The pump of the Halcyon broke off Skye.", "A new impeller for the Halcyon's pump arrived.", "Dinner was mackerel."):
            c.record(words, user="ana", actor="Ana")
        assert c.catch_up() == {"a_mem": "folded"} and not c.status()["faults"]
        notes = c.memories(user="ana")
        assert all(len(n.data["keywords"]) >= 3 and n.data["context"] != "General" for n in notes)
        assert c.recall("What broke?", user="ana", k=2)
        assert c.ask("What broke off Skye?", user="ana").text
        spent, before = c.status()["spent"], list(c._views.serving("a_mem").view.dump())
        assert spent["calls"] == len(model.calls) > 6 and spent["tokens"] > 0
        assert c.status()["privacy"]["redaction"] == "nothing leaves this process"
    with Clew(tmp_path / "c.db", recipes=["a_mem"], models=Models(asker=Dead(model.name))) as c:
        c.rebuild("a_mem")
        assert list(c._views.serving("a_mem").view.dump()) == before, "its answers are kept like any model's"
    call = next(call for call in model.calls if call.prompt == "decide")
    assert call.recipe == "a_mem" and set(call.values) == {"note", "neighbours"} and call.form is not None


def test_memories_among_the_values_keep_their_ids(tmp_path: Path) -> None:
    model = Watching()
    with Clew(tmp_path / "c.db", recipes=["ari_graph"], models=Models(asker=model)) as c:
        c.record("The red apple is on the table.", user="ana", at="2026-03-01T10:00:00Z")
        c.record("The red apple is on the shelf.", user="ana", at="2026-03-02T10:00:00Z")
        assert c.catch_up() == {"ari_graph": "folded"} and not c.status()["faults"]
        refined = next(call for call in model.calls if call.prompt == "refine")
        known = c.memories(user="ana", kind="triplet")
        assert {s.id for s in refined.values["known"]} <= {m.id for m in known}
        assert {m.text: m.retired for m in known} == {"red apple, is on, table": "superseded", "red apple, is on, shelf": None}


def test_what_needs_no_waiting_lands_together_and_makes_the_same_as_one_by_one(tmp_path: Path) -> None:
    turns = [s.text for s in sentences(LOG)] * 2
    dumps = []
    for name, at_once in (("together", True), ("alone", False)):
        with Clew(tmp_path / f"{name}.db", recipes=["a_mem"], models=Models(asker=MODEL)) as c:
            for day, words in enumerate(turns, 1):
                c.record(words, user="ana", at=f"2026-03-{day:02}T10:00:00Z")
                if not at_once:
                    c.catch_up()
            c.catch_up()
            [part] = c._views.serving("a_mem").view.parts()
            assert (part.version < 3) is at_once
            notes = sorted(c.memories(user="ana"), key=lambda m: m.sources[0].seq)
            place = {m.id: i for i, m in enumerate(notes)}
            dumps.append([(m.text, dict(m.data), sorted(place[i] for i in m.links), m.rests) for m in notes])
    assert dumps[0] == dumps[1]


def test_it_is_connected_by_its_name() -> None:
    models = connect("extractive")
    assert isinstance(models.asker, Extractive) and models.names()["ask"] == models.asker.name == "extractive:1"
    with pytest.raises(UsageError, match="extractive"):
        connect("extractive:large")


def test_greetings_need_nothing() -> None:
    assert greeting("Hi! Thanks, good night.") and greeting("...") and not greeting("Hi, where is Bo?")

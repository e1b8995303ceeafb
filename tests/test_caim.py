"""CAIM does what its checklist says: thoughts at a session's end, under tags of a closed ontology, asked for where they are needed."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clew import Clew
from clew.models import Models
from clew.models.fake import Dead, Scripted
from clew.recipes import caim
from clew.types import Memory

MONDAY = (
    "I bought a red kayak for the lake.",
    "My sister Lena paints murals.",
    "Hello there.",
)
SUBJECTS = {"kayak": ["kayaking", "lake"], "mural": ["painting", "sibling"], "bread": ["baking"], "ferry": ["travel"]}


class Friend:
    """Answers as a scripted model would: remembers everything but greetings, and tags by a fixed list of subjects."""

    def __init__(self, **say: Any) -> None:
        self.say = say  # answers by the prompt's name that differ from the usual ones

    def __call__(self, prompt: str, schema: Any) -> Any:
        name = next(name for name, text in caim.recipe.prompts.items() if prompt.startswith(text[:40]))
        if name in self.say:
            given = self.say[name]
            return given(prompt, schema) if callable(given) else given
        return getattr(self, name, self.yes)(prompt, schema)

    def yes(self, prompt: str, schema: Any) -> Any:
        return {"answer": "yes"}

    def think(self, prompt: str, schema: Any) -> Any:
        lines = re.findall(r"^\[\w+\] (?:\w+: )?(.*)$", prompt, re.MULTILINE)
        return {"texts": [line[:240] for line in lines if not line.startswith("Hello")]}

    def lacking(self, prompt: str, schema: Any) -> Any:
        pieces, known = prompt.split("Tags there are:")
        return {"texts": ["kayaking"] if "kayak" in pieces and "kayaking" not in known else []}

    def place(self, prompt: str, schema: Any) -> Any:
        return {"choice": "sports/outdoor"}

    def rows(self, prompt: str, schema: Any) -> Any:
        options = set(schema["properties"]["records"]["items"]["properties"]["tags"]["items"]["enum"])
        pieces = prompt.split("Pieces:\n")[1].split("\n\nTags")[0].splitlines()
        about = [[t for word, found in SUBJECTS.items() if word in piece.lower() for t in found if t in options] for piece in pieces]
        return {"records": [{"text": piece, "tags": few} for piece, few in zip(pieces, about, strict=True)]}

    def review(self, prompt: str, schema: Any) -> Any:
        return {"edits": []}

    def abridge(self, prompt: str, schema: Any) -> Any:
        return {"text": "They spoke at length about bread."}

    def question_tags(self, prompt: str, schema: Any) -> Any:
        question = prompt.split("Question:\n")[1].split("\n")[0].lower()
        offered = schema["properties"]["choices"]["items"]["enum"]
        return {"choices": [t for word, found in SUBJECTS.items() if word in question for t in found if t in offered][:3]}

    def dates(self, prompt: str, schema: Any) -> Any:
        return {"texts": [word for word in ("yesterday", "last week") if word in prompt]}

    def relevant(self, prompt: str, schema: Any) -> Any:
        return {"choices": schema["properties"]["choices"]["items"]["enum"]}

    def answer(self, prompt: str, schema: Any) -> Any:
        return {"text": "a kayak"}


def opened(path: Path, asker: Any = None, **off: Any) -> Clew:
    recipe = caim.recipe.variant("off", **off) if off else caim.recipe
    return Clew(path / "c.db", recipes=[recipe], models=Models(asker=asker or Scripted(Friend())))


def told(c: Clew, turns: Sequence[str], session: str | None, day: int, **more: Any) -> None:
    for minute, words in enumerate(turns):
        c.record(words, user="ana", actor="Ana", session=session, at=f"2026-03-{day:02}T10:{minute:02}:00Z", **more)
    assert set(c.catch_up().values()) == {"folded"}


def rows(c: Clew) -> list[Memory]:
    return [m for m in c.memories(user="ana") if m.kind == "thought"]


def kinds(c: Clew) -> set[str]:
    return {m.kind for m in c.memories(user="ana")}


def texts(c: Clew, question: str, **more: Any) -> list[str]:
    return [h.memory.text for h in c.recall(question, user="ana", at="2026-03-10T09:00:00Z", **more)]


def test_item_1_three_way_controller_before_any_retrieval(tmp_path: Path) -> None:
    talk, kayak = "The ferry leaves at noon.", MONDAY[0]
    for case, (say, found) in enumerate(
        (
            ({"any_memory": {"answer": "no"}}, []),
            ({}, [kayak, talk]),
            ({"both": {"answer": "no"}}, [kayak]),
            ({"both": {"answer": "no"}, "long_term": {"answer": "no"}}, [talk]),
        )
    ):
        (tmp_path / str(case)).mkdir()
        model = Scripted(Friend(**say))
        with opened(tmp_path / str(case), model) as c:
            told(c, MONDAY, "s1", 2)
            told(c, (talk,), "s2", 9)
            model.prompts.clear()
            assert texts(c, "What about the kayak?") == found
            gates = [p for p in model.prompts if '{"answer": "yes"}' in p]
            assert model.prompts[: len(gates)] == gates, "the gates come before anything is looked for"
            assert found or model.prompts == gates, "nothing is looked for where nothing is needed"
            assert len(gates) == (1 if not found else 2 if not say or len(found) == 2 else 3)
    (tmp_path / "off").mkdir()
    with opened(tmp_path / "off", Scripted(Friend(any_memory={"answer": "no"})), controller=False) as c:
        told(c, MONDAY, "s1", 2)
        told(c, (talk,), "s2", 9)
        assert texts(c, "What about the kayak?") == [kayak, talk], "without the controller both are always asked"


def test_item_2_closed_tag_ontology_that_can_grow(tmp_path: Path) -> None:
    model = Scripted(Friend())
    with opened(tmp_path, model) as c:
        told(c, MONDAY, "s1", 2)
        told(c, ("Another kayak arrived by ferry.",), "s2", 3)
        c.tick("2026-03-04")
        c.catch_up()
        [grown] = [m for m in c.memories(user="ana") if m.kind == "ontology"]
        assert (grown.data["where"], grown.data["tag"]) == ("sports/outdoor", "kayaking")
        assert {q.text for q in c.thread(grown.id)} == set(MONDAY), "it rests on the session that needed it"
        assert [m.data["tags"] for m in rows(c)] == [["kayaking", "lake"], ["painting", "sibling"], ["kayaking", "lake"]]
        again = [p for p in model.prompts if p.startswith(caim.recipe.prompts["lacking"][:40])][-1]
        assert "sports/outdoor: " in again and ", kayaking" in again, "what it gained is read again"
    (tmp_path / "off").mkdir()
    with opened(tmp_path / "off", growth=False) as c:
        told(c, MONDAY, "s1", 2)
        told(c, ("Another kayak arrived by ferry.",), "s2", 3)
        assert "ontology" not in kinds(c)
        assert rows(c)[0].data["tags"] == ["lake"], "the set is closed"


def test_a_tag_outside_the_ontology_is_refused_and_the_thought_is_kept(tmp_path: Path) -> None:
    wild = {"records": [{"text": MONDAY[0], "tags": ["watercraft"]}]}
    with opened(tmp_path, Scripted(Friend(rows=wild, lacking={"texts": []}))) as c:
        told(c, MONDAY, "s1", 2)
        told(c, ("The ferry leaves at noon.",), "s2", 9)
        assert [m.text for m in rows(c)] == [*MONDAY[:2]]
        assert rows(c)[0].data["tags"] == ["lake"], "the tag that stands in its words"
        assert c.status()["faults"]


def test_item_3_tag_filter_and_llm_relevance_filter(tmp_path: Path) -> None:
    def first(prompt: str, schema: Any) -> Any:
        return {"choices": schema["properties"]["choices"]["items"]["enum"][:1]}

    turns = (MONDAY[0], "The kayak has a name, Gull.", MONDAY[1])
    expected = {(): [0], (("filter", False),): [0, 1], (("tagging", False), ("filter", False)): [0, 1, 2]}
    for case, (off, places) in enumerate(expected.items()):
        (tmp_path / str(case)).mkdir()
        with opened(tmp_path / str(case), Scripted(Friend(relevant=first)), **dict(off)) as c:
            told(c, turns, "s1", 2)
            c.tick("2026-03-04")
            found = texts(c, "Which red kayak is for the lake?")
            assert sorted(found) == sorted(turns[i] for i in places)
            assert found[0] == turns[0]


def test_tags_are_matched_whole(tmp_path: Path) -> None:
    with opened(tmp_path, Scripted(Friend(question_tags=lambda p, s: {"choices": ["lake"]}))) as c:
        told(c, MONDAY, "s1", 2)
        c.tick("2026-03-04")
        assert texts(c, "kayak") == [MONDAY[0]]
        assert c.recall("kayak", user="ana")[0].why["tags"] == 1.0
    assert "painting" in caim.tags.every(caim.tags.ontology()) and not caim.tags.named("painter", ["pain"], 3)


def test_item_4_separate_time_path_with_date_expansion(tmp_path: Path) -> None:
    nothing = Scripted(Friend(relevant={"choices": []}))
    with opened(tmp_path, nothing) as c:
        told(c, MONDAY[:1], "s1", 2)
        told(c, MONDAY[1:2], "s2", 9)
        c.tick("2026-03-09")
        assert texts(c, "What did we say yesterday?") == [MONDAY[1]]
        assert texts(c, "What did we say last week?") == [MONDAY[0]], "a period is expanded day by day"
        assert texts(c, "What about the kayak?") == [], "what the filter leaves out has no other way in"
        assert c.recall("What did we say yesterday?", user="ana", at="2026-03-10T09:00:00Z")[0].why["date"] == 1.0
    (tmp_path / "off").mkdir()
    with opened(tmp_path / "off", Scripted(Friend(relevant={"choices": []})), times=False) as c:
        told(c, MONDAY[:2], "s1", 9)
        c.tick("2026-03-09")
        assert texts(c, "What did we say yesterday?") == []


def test_item_5_thoughts_with_tags_and_dates_written_at_session_end(tmp_path: Path) -> None:
    with opened(tmp_path) as c:
        told(c, MONDAY, "s1", 2)
        assert kinds(c) == {"turn"}, "while it goes on there are turns alone"
        told(c, ("The ferry leaves at noon.",), "s2", 3)
        assert [(m.text, m.data["tags"], m.data["date"]) for m in rows(c)] == [
            (MONDAY[0], ["kayaking", "lake"], "2026-03-02"),
            (MONDAY[1], ["painting", "sibling"], "2026-03-02"),
        ]
        assert [q.text for q in c.thread(rows(c)[1].id)] == [MONDAY[1]] and rows(c)[1].scope.session is None
        assert [q.text for q in c.thread(next(m for m in c.memories(user="ana") if m.kind == "session").id)] == list(MONDAY)
    (tmp_path / "off").mkdir()
    with opened(tmp_path / "off", thinking=False) as c:
        told(c, MONDAY, "s1", 2)
        told(c, ("The ferry leaves at noon.",), "s2", 3)
        c.tick("2026-03-04")
        c.catch_up()
        assert kinds(c) == {"turn"}


def test_a_session_ends_by_a_tick_an_outcome_silence_or_length(tmp_path: Path) -> None:
    for case in ("tick", "outcome", "silence", "length", "none"):
        (tmp_path / case).mkdir()
        with opened(tmp_path / case, **({"longest": 12} if case == "length" else {"gap": 12.0})) as c:
            told(c, MONDAY, None, 2)
            if case == "outcome":
                c.record("done", user="ana", kind="outcome", at="2026-03-02T11:00:00Z")
            elif case == "tick":
                c.tick("2026-03-02")
            else:
                c.record("Hello again.", user="ana", at=f"2026-03-0{3 if case == 'silence' else 2}T11:00:00Z")
            c.catch_up()
            assert len(rows(c)) == (0 if case == "none" else 2), case


def test_nothing_is_thought_over_twice(tmp_path: Path) -> None:
    model = Scripted(Friend())
    with opened(tmp_path, model) as c:
        for day, session in enumerate(("s1", "s2", "s1", "s2"), 2):
            told(c, (f"I baked {day} loaves of bread.",), session, day)
        c.tick("2026-03-08")
        c.tick("2026-03-09")
        c.catch_up()
        assert sorted(m.text for m in rows(c)) == [f"I baked {day} loaves of bread." for day in range(2, 6)]
        assert len([p for p in model.prompts if p.startswith("Below is a part")]) == 4


def test_item_6_review_step_that_merges_same_meaning_rows_and_keeps_the_latest_date(tmp_path: Path) -> None:
    both = "Ana bought a red kayak for the lake, named Gull."

    def merge(prompt: str, schema: Any) -> Any:
        ids = schema["properties"]["edits"]["items"]["properties"]["target"]["enum"]
        return {"edits": [{"op": "merge", "target": id, "text": both} for id in ids]}

    later = "The red kayak for the lake is named Gull."
    with opened(tmp_path, Scripted(Friend(review=merge))) as c:
        told(c, MONDAY, "s1", 2)
        told(c, (later,), "s2", 9)
        c.tick("2026-03-09")
        c.catch_up()
        lena, merged = rows(c)
        assert (lena.text, merged.text) == (MONDAY[1], both)
        assert merged.data["date"] == "2026-03-09" and merged.data["tags"] == ["kayaking", "lake"]
        assert [q.text for q in c.thread(merged.id)] == [later, MONDAY[0]], "it comes from both"
        assert texts(c, "What about the kayak?") == [both]
    (tmp_path / "off").mkdir()
    with opened(tmp_path / "off", Scripted(Friend(review=merge)), review=False) as c:
        told(c, MONDAY, "s1", 2)
        told(c, (later,), "s2", 9)
        c.tick("2026-03-09")
        c.catch_up()
        assert [m.text for m in rows(c)] == [*MONDAY[:2], later]


def test_a_bad_review_loses_no_row(tmp_path: Path) -> None:
    def unshown(prompt: str, schema: Any) -> Any:
        return {"edits": [{"op": "merge", "target": "0" * 20, "text": "x"}]}

    def unsaid(prompt: str, schema: Any) -> Any:
        ids = schema["properties"]["edits"]["items"]["properties"]["target"]["enum"]
        return {"edits": [{"op": "merge", "target": ids[0], "text": "Zebras gallop."}]}

    later = "The red kayak for the lake is named Gull."
    for case, answer in enumerate((unshown, unsaid, "mumble")):
        (tmp_path / str(case)).mkdir()
        with opened(tmp_path / str(case), Scripted(Friend(review=answer))) as c:
            told(c, MONDAY, "s1", 2)
            told(c, (later,), "s2", 9)
            c.tick("2026-03-09")
            c.catch_up()
            assert [m.text for m in rows(c)] == [*MONDAY[:2], later]
            assert bool(c.status()["faults"]) == (answer is not unsaid)


def test_a_page_is_not_merged_with_what_a_person_said(tmp_path: Path) -> None:
    model = Scripted(Friend())
    with opened(tmp_path, model) as c:
        told(c, MONDAY, "s1", 2)
        told(c, ("The red kayak for the lake was sold.",), "s2", 3, trust="web")
        c.tick("2026-03-09")
        c.catch_up()
        assert len(rows(c)) == 3 and rows(c)[-1].trust < rows(c)[0].trust
        assert not [p for p in model.prompts if p.startswith(caim.recipe.prompts["review"][:40])]


def test_a_thought_none_of_whose_words_were_said_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path, Scripted(Friend(think={"texts": ["Zebras gallop.", MONDAY[0]]}))) as c:
        told(c, MONDAY, "s1", 2)
        c.tick("2026-03-03")
        c.catch_up()
        assert [m.text for m in rows(c)] == [MONDAY[0]]


def test_an_invalid_answer_keeps_every_turn_as_a_thought(tmp_path: Path) -> None:
    with opened(tmp_path, Scripted(lambda p, s: "mumble")) as c:
        told(c, MONDAY, "s1", 2)
        c.tick("2026-03-03")
        c.catch_up()
        assert [m.text for m in rows(c)] == list(MONDAY)
        assert c.status()["faults"]
        assert MONDAY[0] in texts(c, "Is the kayak for the lake?"), "tags that stand in the words serve"


def test_turns_that_were_not_thought_over_are_found_meanwhile(tmp_path: Path) -> None:
    with opened(tmp_path) as c:
        told(c, MONDAY, "s1", 2)
        assert texts(c, "Where is the kayak?", k=1) == [MONDAY[0]]
        told(c, ("The ferry leaves at noon.",), "s2", 3)
        hits = c.recall("When does the ferry leave?", user="ana", at="2026-03-10T09:00:00Z")
        assert [(h.memory.kind, h.memory.text) for h in hits] == [("turn", "The ferry leaves at noon.")]


def test_a_running_conversation_over_two_thousand_tokens_is_summarised(tmp_path: Path) -> None:
    assert caim.PARAMS["stm"] == 2000
    long = tuple(f"Loaf {i}: " + "we spoke of bread and of ovens, " * 60 for i in range(5))  # about 500 tokens each
    model = Scripted(Friend())
    with opened(tmp_path, model) as c:
        told(c, long, "s1", 2)
        [brief] = [m for m in c.memories(user="ana") if m.kind == "summary"]
        assert brief.text == "They spoke at length about bread." and len(c.thread(brief.id)) == 5
        told(c, ("And of salt.",), "s1", 2)
        assert set(texts(c, "What did we speak of?")) == {brief.text, "And of salt."}, "the summary and the turns after it"
        c.tick("2026-03-03")
        c.catch_up()
        read = [p for p in model.prompts if p.startswith("Below is a part")]
        assert "Loaf 0" in read[0] and "And of salt." in read[-1], "the session is thought over from its turns"
        assert texts(c, "What did we speak of?") == []


def test_without_enough_in_memory_it_says_so(tmp_path: Path) -> None:
    with opened(tmp_path, Scripted(Friend(answer="mumble"))) as c:
        told(c, MONDAY, "s1", 2)
        c.tick("2026-03-03")
        assert c.ask("Who repaired the lighthouse?", user="ana").text is None, "nothing is found: nothing is made up"
        assert c.ask("What red kayak did Ana buy for the lake?", user="ana").text == caim.UNKNOWN
        assert "not enough information" in caim.recipe.prompts["answer"]


def test_thoughts_are_found_from_every_session_and_turns_in_their_own(tmp_path: Path) -> None:
    with opened(tmp_path) as c:
        told(c, MONDAY, "s1", 2)
        assert texts(c, "kayak", session="s2") == []
        told(c, ("The ferry leaves at noon.",), "s2", 3)
        assert texts(c, "What about the kayak?", session="s2", k=1) == [MONDAY[0]]


def test_a_forgotten_session_takes_its_tags_along(tmp_path: Path) -> None:
    with opened(tmp_path) as c:
        told(c, MONDAY, "s1", 2)
        told(c, ("I baked bread.",), "s2", 3)
        c.tick("2026-03-04")
        c.catch_up()
        assert "ontology" in kinds(c)
        receipt = c.forget(session="s1", user="ana")
        c.catch_up()
        assert c.verify_forgotten(receipt, probes=["kayak", "Lena"]) == []
        assert "ontology" not in kinds(c) and [m.text for m in rows(c)] == ["I baked bread."]


def test_a_rebuild_without_a_model_gives_the_same_store(tmp_path: Path) -> None:
    with opened(tmp_path) as c:
        told(c, MONDAY, "s1", 2)
        told(c, ("The ferry leaves at noon.", "A kayak on the ferry."), "s2", 3)
        c.tick("2026-03-04")
        c.catch_up()
        before = list(c._views.serving("caim").view.dump())
    dead = Dead("fake:scripted")
    with opened(tmp_path, dead) as c:
        c.rebuild("caim")
        assert list(c._views.serving("caim").view.dump()) == before and dead.calls == 0

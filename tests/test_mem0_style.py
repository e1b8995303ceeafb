"""Mem0 style does what its checklist says: facts from messages, compared with their nearest, added, updated, deleted or known."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from clew import Clew, Memory
from clew.models import Models
from clew.models.fake import Dead, Fickle, Scripted
from clew.recipe import load
from clew.recipes import mem0_style

TURNS = (
    "I moved to Oslo in May.",
    "My dog is called Bjorn.",
    "Bjorn is a husky and hates rain.",
    "I live in Rome now, no longer in Oslo.",
    "As I said, my dog is called Bjorn.",
)
FACTS = {
    "moved to Oslo": "Ana lives in Oslo.",
    "is a husky": "Bjorn is a husky.",
    "As I said": "Ana's dog is called Bjorn.",
    "dog is called": "Ana's dog is called Bjorn.",
    "live in Rome": "Ana lives in Rome.",
}


class Listener:
    """Answers as a scripted model would that listens well: what a message says, and what becomes of what was known."""

    def __call__(self, prompt: str, schema: Any) -> Any:
        if prompt.startswith("Write down the facts"):
            message = prompt.split("Message:\n")[1].split("\n\nAnswer with")[0]
            return {"records": [{"text": fact} for words, fact in FACTS.items() if words in message][:1]}
        if prompt.startswith("Sum up"):
            return {"text": f"So far: {prompt.count('Ana: ')} messages" + (" and what came before" if "So far" in prompt else "") + "."}
        if prompt.startswith("A new fact"):
            return {"edits": self.edits(prompt)}
        return {"text": "Rome"}

    def edits(self, prompt: str) -> list[dict[str, str]]:
        known = {words: id for id, words in re.findall(r"\[(\w+)\] (.+)", prompt)}
        fact = prompt.split("New fact:\n")[1].split("\n")[0]
        for words, id in known.items():
            if words == fact or (words.startswith("Ana's dog, the husky") and "called" in fact):
                return [{"op": "none", "target": id, "text": ""}]
            if "husky" in fact and "dog" in words:
                return [{"op": "update", "target": id, "text": "Ana's dog, the husky, is called Bjorn."}]
            if "lives in" in fact and "lives in" in words:
                return [{"op": "delete", "target": id, "text": ""}]
        return [{"op": "add", "target": "new", "text": fact}]


def opened(path: Path, model: Any, **changes: Any) -> Clew:
    path.mkdir(exist_ok=True)
    recipe = load("mem0_style")
    return Clew(path / "c.db", recipes=[recipe.variant("test", **changes) if changes else recipe], models=Models(asker=model))


def told(c: Clew, turns: Sequence[str] = TURNS, session: str = "s1") -> None:
    for day, words in enumerate(turns, 1):
        c.record(words, user="ana", actor="Ana", session=session, at=f"2026-03-{day:02}T10:00:00Z")
    assert list(c.catch_up().values()) == ["folded"]


def facts(c: Clew) -> list[tuple[str, str | None]]:
    """(words, why it ended) of every fact, in the order of what was said first."""
    return [(m.text, m.retired) for m in sorted(c.memories(user="ana", kind="fact"), key=lambda m: m.sources[0].seq)]


def asked(model: Any, start: str) -> list[str]:
    return [p for p in model.prompts if p.startswith(start)]


def earlier(prompt: str) -> str:
    return prompt.split("Earlier:\n")[1].split("\n\nMessage:")[0]


def test_item_1_facts_are_drawn_from_the_new_message_in_the_light_of_the_recent_messages(tmp_path: Path) -> None:
    turns = [f"Note {i}: the ferry is late." for i in range(12)] + [TURNS[0]]
    for recent in (10, 0):
        model = Scripted(Listener())
        with opened(tmp_path / str(recent), model, recent=recent, summary=0) as c:
            told(c, turns)
            last = asked(model, "Write down")[-1]
            assert f"Message:\nAna: {TURNS[0]}" in last and TURNS[0] not in earlier(last)
            shown = re.findall(r"Note (\d+)", earlier(last))
            assert shown == ([str(i) for i in range(2, 12)] if recent else [])
            assert facts(c) == [("Ana lives in Oslo.", None)], "a fact, not the message"
            [fact] = c.memories(user="ana", kind="fact")
            assert [q.text for q in c.thread(fact.id)] == [TURNS[0]]


def test_item_2_and_of_a_running_summary_of_the_conversation(tmp_path: Path) -> None:
    turns = [f"The ferry is late, day {i}." for i in range(9)]
    for every in (4, 0):
        model = Scripted(Listener())
        with opened(tmp_path / str(every), model, recent=2, summary=every) as c:
            told(c, turns)
            summaries = [m.text for m in c.memories(user="ana", kind="summary")]
            assert summaries == (["So far: 4 messages.", "So far: 4 messages and what came before."] if every else [])
            lines = [earlier(p).split("\n") for p in asked(model, "Write down")]
            assert ["So far" in line[0] for line in lines] == [every > 0 and i >= 4 for i in range(9)]
            assert all(len(line) == 3 for line in lines[4:]) if every else all(len(line) <= 2 for line in lines)
            model.prompts.clear()
            told(c, turns[:1], session="another")
            assert "So far" not in earlier(asked(model, "Write down")[0]), "each conversation has its own"


def test_item_3_each_fact_is_compared_with_its_nearest_memories(tmp_path: Path) -> None:
    turns = [f"Item {i} of the list." for i in range(14)] + [TURNS[0], TURNS[3]]

    def script(prompt: str, schema: Any) -> Any:
        if prompt.startswith("Write down"):
            message = prompt.split("Message:\nAna: ")[1].split("\n")[0]
            return {"records": [{"text": next((fact for words, fact in FACTS.items() if words in message), message)}]}
        return Listener()(prompt, schema)

    for near in (10, 0):
        model = Scripted(script)
        with opened(tmp_path / str(near), model, near=near) as c:
            told(c, turns)
            compared = asked(model, "A new fact")
            assert [len(re.findall(r"\[\w{20}\]", p)) for p in compared] == ([*range(1, 10), *[10] * 6] if near else [])
            assert not near or "Ana lives in Oslo." in compared[-1], "the nearest are among them"
            ended = [text for text, retired in facts(c) if retired]
            assert ended == (["Ana lives in Oslo."] if near else []), "without a comparison nothing ends"


def test_item_4_the_model_chooses_add_update_delete_or_none(tmp_path: Path) -> None:
    with opened(tmp_path / "all", Scripted(Listener())) as c:
        told(c)
        assert facts(c) == [
            ("Ana lives in Oslo.", "superseded"),  # deleted
            ("Ana's dog, the husky, is called Bjorn.", None),  # updated, and then said again: none
            ("Ana lives in Rome.", None),  # added
        ]
        dog = next(m for m in c.memories(user="ana", kind="fact") if "husky" in m.text)
        assert [s.seq for s in dog.sources] == [2, 3], "what was updated rests on both messages"
        assert [v.text for v, _, _ in c.history(dog.id)] == ["Ana's dog is called Bjorn.", dog.text]
        assert len(c.history(dog.id)) == 2, "none changes nothing"
    with opened(tmp_path / "add", Scripted(Listener()), operations=("add",)) as c:
        told(c)
        assert facts(c) == [(FACTS[w], None) for w in ("moved to Oslo", "dog is called", "is a husky", "live in Rome", "As I said")], (
            "where an operation is not offered its answer is invalid, and every fact is kept"
        )


def test_item_5_a_contradicted_fact_is_deleted_from_recall_and_its_history_stays(tmp_path: Path) -> None:
    for operations in (mem0_style.PARAMS["operations"], ("add", "update", "none")):
        with opened(tmp_path / str(len(operations)), Scripted(Listener()), operations=operations) as c:
            told(c)
            deletes = "delete" in operations
            found = {h.memory.text for h in c.recall("Where does Ana live?", user="ana")}
            assert "Ana lives in Rome." in found
            assert ("Ana lives in Oslo." in found) is not deletes
            then = {h.memory.text for h in c.recall("Where does Ana live?", user="ana", valid_at="2026-03-02T00:00:00Z")}
            assert "Ana lives in Oslo." in then, "what held then is still told"
            if deletes:
                [old] = [m for m in c.memories(user="ana", kind="fact") if m.retired]
                [new] = [m for m in c.memories(user="ana", kind="fact") if "Rome" in m.text]
                assert old.data["replaced_by"] == new.id and old.until == new.since
                assert [q.text for q in c.thread(old.id)] == [TURNS[0]]


def test_item_6_recall_by_dense_similarity_over_the_facts_alone(tmp_path: Path) -> None:
    for dense in (True, False):
        with opened(tmp_path / str(dense), Scripted(Listener()), dense=dense) as c:
            told(c)
            hits = c.recall("puppy", user="ana", k=1)
            if dense:
                assert [h.memory.text for h in hits] == ["Ana's dog, the husky, is called Bjorn."], "not one word in common"
                assert set(hits[0].why) == {"cosine"}
                everything = c.recall("What did Ana say about the husky and rain?", user="ana", k=50)
                assert {h.memory.kind for h in everything} == {"fact"}
            else:
                assert hits == []


def test_an_invalid_answer_keeps_the_words_and_says_so(tmp_path: Path) -> None:
    with opened(tmp_path, Scripted(lambda p, s: "mumble")) as c:
        told(c, TURNS[:3])
        assert facts(c) == [(f"Ana: {words}", None) for words in TURNS[:3]]
        assert len(c.status()["faults"]) == 3 + 2, "three extractions, two comparisons"


def test_a_message_that_holds_nothing_worth_keeping_makes_no_fact_and_is_kept(tmp_path: Path) -> None:
    with opened(tmp_path, Scripted(Listener())) as c:
        told(c, ["Good morning!"])
        assert facts(c) == [] and [m.text for m in c.memories(user="ana", kind="turn")] == ["Good morning!"]
        assert c.recall("morning", user="ana") == []


def test_a_page_neither_deletes_nor_is_shown_beside_what_a_person_says(tmp_path: Path) -> None:
    model = Scripted(Listener())
    with opened(tmp_path, model) as c:
        told(c, TURNS[:1])
        c.record("I live in Rome now. (a web page)", user="ana", session="s1", trust="web")
        c.catch_up()
        assert facts(c) == [("Ana lives in Oslo.", None), ("Ana lives in Rome.", None)]
        assert any("trusted too little" in f["error"] for f in c.status()["faults"])
        told(c, TURNS[1:2])
        assert "web page" not in asked(model, "Write down")[-1]
        dog = next(m for m in c.memories(user="ana", kind="fact") if "dog" in m.text)
        assert dog.trust == 5 and 2 not in dog.rests


def test_what_was_said_earlier_but_comes_late_ends_nothing_said_later(tmp_path: Path) -> None:
    with opened(tmp_path, Scripted(Listener())) as c:
        c.record(TURNS[3], user="ana", at="2026-04-01T10:00:00Z")
        c.record(TURNS[0], user="ana", at="2026-03-01T10:00:00Z")
        c.catch_up()
        assert [retired for _, retired in facts(c)] == [None, None]


def test_words_that_stand_in_the_message_are_its_exact_span(tmp_path: Path) -> None:
    def script(prompt: str, schema: Any) -> Any:
        return {"records": [{"text": "Bjorn is a husky"}, {"text": "Bjorn is a husky"}]}

    with opened(tmp_path, Scripted(script)) as c:
        told(c, TURNS[2:3])
        [fact] = c.memories(user="ana", kind="fact")
        assert [q.text for q in c.thread(fact.id)] == ["Bjorn is a husky"]


def test_one_message_costs_one_call_and_one_for_each_fact_and_a_recall_none(tmp_path: Path) -> None:
    model = Scripted(Listener())
    with opened(tmp_path, model) as c:
        told(c)
        assert model.calls == 5 + 4, "the first fact has nothing to be compared with"
        c.recall("Where does Ana live?", user="ana")
        assert model.calls == 9
        assert c.ask("Where does Ana live?", user="ana").text == "Rome"
        assert "2026-03-04 10:00" in model.prompts[-1]


@pytest.mark.parametrize("model", [Scripted(Listener()), Fickle(7)], ids=["scripted", "fickle"])
def test_a_rebuild_without_a_model_gives_the_same_store(tmp_path: Path, model: Any) -> None:
    def dump(c: Clew) -> list[Any]:
        return list(c._views.serving("mem0_style").view.dump())

    with opened(tmp_path, model) as c:
        told(c, TURNS * 3)
        before = dump(c)
    dead = Dead(model.name)
    with opened(tmp_path, dead) as c:
        c.rebuild("mem0_style")
        assert dump(c) == before and dead.calls == 0


def test_what_was_forgotten_is_in_no_fact_that_it_updated(tmp_path: Path) -> None:
    with opened(tmp_path, Scripted(Listener())) as c:
        told(c)
        receipt = c.forget(events=[3])
        assert c.verify_forgotten(receipt, probes=["husky"]) == []
        kept: list[Memory] = c.memories(user="ana", kind="fact")
        assert kept and not any("husky" in m.text for m in kept)

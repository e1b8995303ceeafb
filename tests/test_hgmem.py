"""HGMem does what its checklist says: memory points over several entities, which merge, and guide where to look next."""

import itertools
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from clew import Clew
from clew.models import Models
from clew.models.fake import Scripted
from clew.recipes import hgmem
from clew.types import Hit

NAME = re.compile(r"[A-Z]\w+")
CHAIN = (
    "Ana bought the Halcyon at Olhao.",
    "The Halcyon was launched by Olav.",
    "Olav learned his trade from Sigrid.",
    "Sigrid taught until the harbour froze.",
)
AWAY = "Teachers of boat builders were honoured in Genoa."  # says what is looked for, and has to do with nobody above
WORDS = (*CHAIN, AWAY, "Rain fell on Monday.", "Bread rose on Tuesday.")
QUESTION = "Who bought something at Olhao?"
ONE = {"chunks": 1, "entities": 1, "used": 1, "relations": 0}  # one chunk a look, so that what is shown can be told
Edits = list[dict[str, str]]


def inserts(known: list[tuple[str, str]], evidence: list[tuple[str, str]], offered: Sequence[str]) -> Edits:
    """A point for every piece of evidence."""
    return [{"op": "insert", "target": "new", "text": words} for _, words in evidence]


class Detective:
    """Entities are capitalised words, and each is related to the next; what is decided is given."""

    def __init__(
        self, where: str = "local", enough: str = "no", merge: bool = False, evolve: Callable[..., Edits] = inserts, asks: str = ""
    ) -> None:
        self.where, self.enough, self.merge, self.evolve, self.asks = where, enough, merge, evolve, asks

    def __call__(self, prompt: str, schema: Any) -> Any:
        if prompt.startswith("List what the passage"):
            return {"records": [{"name": n, "type": "person", "description": f"Is {n}."} for n in names(prompt.split("Passage:")[1])]}
        if prompt.startswith("How do the things"):
            found = names(prompt.split("Passage:")[1])
            return {"records": [{"subject": a, "relation": "with", "object": b} for a, b in itertools.pairwise(found)]}
        if prompt.startswith("Memory points note"):
            known, evidence = (shown(part) for part in prompt.split("Memory points:")[1].split("Evidence:"))
            return {"edits": self.evolve(known, evidence, schema["properties"]["edits"]["items"]["properties"]["op"]["enum"])}
        if prompt.startswith("Below are memory points"):
            known = shown(prompt.split("Memory points:")[1])
            text = " ".join(words for _, words in known)
            return {"edits": [{"op": "merge", "target": id, "text": text} for id, _ in known] if self.merge else []}
        if prompt.startswith("Can the question"):
            return {"answer": self.enough}
        if prompt.startswith("Something is still missing"):
            return {"choice": self.where}
        if prompt.startswith("Which of these memory points"):
            return {"choices": [shown(prompt.split("Memory points:")[1])[-1][0]]}
        if prompt.startswith("The memory point below"):
            return {"text": self.asks or "Who taught the boat builder?"}
        if prompt.startswith("The memory points below"):
            return {"texts": [self.asks or "Who taught the boat builder?"]}
        return {"text": "Ana"}


def names(text: str) -> list[str]:
    return list(dict.fromkeys(n for n in NAME.findall(text.split("Answer with")[0]) if n not in ("The", "Teachers", "Rain", "Bread")))


def shown(text: str) -> list[tuple[str, str]]:
    return re.findall(r"^\[(\w+)\] (.+)$", text, re.MULTILINE)


def opened(path: Path, model: Scripted, **params: Any) -> Clew:
    path.mkdir(exist_ok=True)
    return Clew(path / "c.db", recipes=[hgmem.recipe.variant("test", **params)], models=Models(asker=model))


def told(c: Clew, words: Sequence[str] = WORDS) -> None:
    for day, text in enumerate(words, 1):
        c.record(text, user="ana", at=f"2026-03-{day:02}T10:00:00Z")
    assert set(c.catch_up().values()) == {"folded"}


def asked(path: Path, detective: Detective, question: str = QUESTION, k: int = 9, **params: Any) -> tuple[list[Hit], Scripted]:
    """The hits for a question to the whole story, and the model with what it was asked after the story was told."""
    model = Scripted(detective)
    with opened(path, model, **params) as c:
        told(c)
        model.prompts.clear()
        hits = c.recall(question, user="ana", k=k)
        assert not c.status()["faults"]
        return hits, model


def evidence(model: Scripted) -> list[list[str]]:
    """What each turn was shown."""
    return [[words for _, words in shown(p.split("Evidence:")[1])] for p in model.prompts if p.startswith("Memory points note")]


def points(hits: Sequence[Hit]) -> dict[str, str]:
    return {id: text for hit in hits for id, text in hit.memory.data.get("points", {}).items()}


def count(model: Scripted, start: str) -> int:
    return sum(p.startswith(start) for p in model.prompts)


def test_the_graph_is_made_before_any_question(tmp_path: Path) -> None:
    with opened(tmp_path, Scripted(Detective())) as c:
        told(c, CHAIN[:2])
        assert [m.text for m in c.memories(user="ana", kind="chunk")] == list(CHAIN[:2])
        entities = [m.text for m in c.memories(user="ana", kind="entity")]
        assert sorted(entities) == [f"{n.lower()} (person): Is {n}." for n in ("Ana", "Halcyon", "Olav", "Olhao")], "each once"
        assert [m.text for m in c.memories(user="ana", kind="relation")] == ["ana with halcyon", "halcyon with olhao", "halcyon with olav"]
        assert [q.text for q in c.thread(c.memories(user="ana", kind="relation")[2].id)] == [CHAIN[1]]


def test_a_long_text_becomes_overlapping_chunks(tmp_path: Path) -> None:
    text = " ".join(f"Word{i} stands here." for i in range(120))
    with opened(tmp_path, Scripted(Detective())) as c:
        told(c, [text])
        spans = [m.sources[0] for m in c.memories(user="ana", kind="chunk")]
        assert len(spans) > 2 and all(s.end - s.start <= 800 for s in spans)
        assert all(later.start == earlier.end - 200 for earlier, later in itertools.pairwise(spans))


def test_item_1_n_ary_hyperedges_over_entities_with_text(tmp_path: Path) -> None:
    def gathers(known: Any, evidence: Any, offered: Any) -> Edits:
        return [] if known else [{"op": "insert", "target": "new", "text": "Ana, the Halcyon, Olhao and Olav belong together."}]

    def inner(name: str, **params: Any) -> set[str]:
        hits, _ = asked(tmp_path / name, Detective(enough="yes", evolve=gathers), outer=0, **params)
        assert points(hits) == {"p1": "Ana, the Halcyon, Olhao and Olav belong together."}
        return {h.memory.text for h in hits if "p1" in h.why}

    assert inner("on") == set(CHAIN[:3]), "one edge reaches the chunks of all four"
    assert inner("off", arity=2) < set(CHAIN[:3]), "an ordinary edge reaches those of two"


def test_item_2_insert_update_and_merge_each_turn(tmp_path: Path) -> None:
    def evolve(known: list[tuple[str, str]], evidence: list[tuple[str, str]], offered: Sequence[str]) -> Edits:
        if known and "update" in offered:
            return [{"op": "update", "target": known[0][0], "text": f"{known[0][1]} And {evidence[0][1]}"}]
        return inserts(known, evidence[:1], offered)

    hits, model = asked(tmp_path / "on", Detective(evolve=evolve), **ONE, turns=2)
    first, second = evidence(model)
    assert points(hits) == {"p1": f"{first[0]} And {second[0]}"}, "one point was inserted, then updated"
    hits, _ = asked(tmp_path / "no_update", Detective(evolve=evolve), **ONE, turns=2, update=False)
    assert points(hits) == {"p1": first[0], "p2": second[0]}
    hits, model = asked(tmp_path / "merged", Detective(merge=True), **ONE, turns=2)
    first, second = evidence(model)
    last = f"p{len(first) + len(second) + 1}"
    assert points(hits) == {last: " ".join([*first, *second])}, "points of both turns were inserted, and merged under a new id"
    assert all(last in h.why for h in hits if h.memory.text in (*first, *second)), "over the objects of all"
    assert count(model, "Below are memory points") == 1, "from the second turn on"
    hits, model = asked(tmp_path / "no_merge", Detective(merge=True), **ONE, turns=2, merge=False)
    assert sorted(points(hits).values()) == sorted([*first, *second]) and count(model, "Below are memory points") == 0


def test_item_3_memory_guided_choice_between_local_and_global_retrieval(tmp_path: Path) -> None:
    _, model = asked(tmp_path / "local", Detective("local"), **ONE, turns=2)
    assert (count(model, "The memory point below"), count(model, "The memory points below")) == (1, 0)
    [where] = [p for p in model.prompts if p.startswith("Something is still missing")]
    assert f"[p1] {CHAIN[0]}" in where, "the memory is what the choice is made from"
    local = evidence(model)[1]
    _, model = asked(tmp_path / "global", Detective("global"), **ONE, turns=2)
    assert (count(model, "The memory point below"), count(model, "The memory points below")) == (0, 1)
    assert evidence(model)[1] == [AWAY] != local
    _, model = asked(tmp_path / "off", Detective("local"), **ONE, turns=2, guided=False)
    assert count(model, "Something is still missing") == 0 and evidence(model)[1] == [AWAY], "without the choice, anywhere"


def test_item_4_graph_restricted_retrieval_for_local(tmp_path: Path) -> None:
    """The chain is Ana - Halcyon - Olhao, Halcyon - Olav - Sigrid; the first point is about the first three."""

    def start(known: Any, evidence: Any, offered: Any) -> Edits:
        return [] if known else [{"op": "insert", "target": "new", "text": CHAIN[0]}]

    def reach(name: str, **params: Any) -> set[str]:
        detective = Detective("local", evolve=start)
        first = Scripted(detective)
        with opened(tmp_path / name, first, **{**ONE, **params}, turns=2) as c:
            told(c)
            c.recall(QUESTION, user="ana", k=3)
        return set(evidence(first)[1]) if len(evidence(first)) > 1 else set()

    assert reach("one hop", hops=1) == {CHAIN[2]}, "Olav is one hop from the boat, and the boat in the point"
    assert reach("two hops") == {CHAIN[2], CHAIN[3]}, "Sigrid is two"
    assert reach("off", restrict=False) == {AWAY}


def test_item_5_sufficiency_decision_and_turn_cap(tmp_path: Path) -> None:
    _, model = asked(tmp_path / "enough", Detective(enough="yes"), **ONE)
    assert len(evidence(model)) == 1, "enough is known after the first turn"
    _, model = asked(
        tmp_path / "unsure", Detective("global", enough="yes", asks="Rain bread Monday Tuesday Olav Sigrid"), enough=False, chunks=1
    )
    assert len(evidence(model)) > 1 and count(model, "Can the question") == 0
    greedy = {"where": "global", "enough": "no"}

    class Asking(Detective):
        def __call__(self, prompt: str, schema: Any) -> Any:
            self.asks = WORDS[-1 - len([p for p in calls if p.startswith("The memory points below")])]
            calls.append(prompt)
            return super().__call__(prompt, schema)

    for turns in (1, 2, 3):
        calls: list[str] = []
        _, model = asked(tmp_path / f"cap{turns}", Asking(**greedy), **ONE, turns=turns)
        assert len(evidence(model)) == turns, "the cap ends what is never enough"
        assert count(model, "Can the question") == turns - 1, "after the last turn nothing is decided"


def test_item_6_final_evidence_assembled_per_memory_point(tmp_path: Path) -> None:
    hits, _ = asked(tmp_path / "on", Detective(enough="yes"), **ONE, inner=1, outer=2)
    mine = [h for h in hits if "p1" in h.why]
    assert mine[0].memory.text == CHAIN[0] and {h.memory.text for h in mine[1:]} == {CHAIN[1], CHAIN[2]}, (
        "one inner, two outer: one hop away"
    )
    assert dict(mine[0].memory.data["points"]) == {"p1": CHAIN[0]}
    rest = [h for h in hits if "p1" not in h.why]
    assert all(set(h.why) == {"passage"} for h in rest) and hits == [*mine, *rest], "what is left of k comes after"
    hits, _ = asked(tmp_path / "inner", Detective(enough="yes"), **ONE, outer=0)
    assert [h.memory.text for h in hits if "p1" in h.why] == [CHAIN[0]]
    hits, _ = asked(tmp_path / "off", Detective(enough="yes"), **ONE, per_point=False)
    assert not points(hits) and {h.memory.text for h in hits if "passage" not in h.why} == {CHAIN[0]}, "only what was found"


def test_no_chunk_is_shown_in_two_turns(tmp_path: Path) -> None:
    _, model = asked(tmp_path, Detective("global"), chunks=2, relations=0)
    turns = evidence(model)
    assert len(turns) > 1 and len({t for turn in turns for t in turn}) == sum(map(len, turns))


def test_what_a_page_said_changes_no_point_that_rests_on_a_persons_words(tmp_path: Path) -> None:
    def evolve(known: list[tuple[str, str]], evidence: list[tuple[str, str]], offered: Sequence[str]) -> Edits:
        return [{"op": "update", "target": known[0][0], "text": evidence[0][1]}] if known else inserts(known, evidence, offered)

    model = Scripted(Detective("global", evolve=evolve, asks="Genoa Ana Olhao"))
    with opened(tmp_path, model, **ONE, turns=2) as c:
        told(c, CHAIN[:1])
        c.record("Ana never was at Olhao, says Genoa.", user="ana", trust="web")
        c.catch_up()
        hits = c.recall("Who bought the Halcyon?", user="ana", k=3)
        assert len(evidence(model)) == 2 and points(hits) == {"p1": CHAIN[0]}


def test_an_invalid_answer_leaves_the_chunks_nearest_to_the_question(tmp_path: Path) -> None:
    model = Scripted(lambda prompt, schema: "mumble")
    with opened(tmp_path, model) as c:
        told(c)
        assert [m.kind for m in c.memories(user="ana")] == ["chunk"] * len(WORDS)
        hits = c.recall(QUESTION, user="ana", k=3)
        assert hits[0].memory.text == CHAIN[0] and not points(hits)
        assert c.status()["faults"]


def test_the_reader_is_given_the_points_and_their_evidence(tmp_path: Path) -> None:
    model = Scripted(Detective(enough="yes"))
    with opened(tmp_path, model, **ONE) as c:
        told(c)
        assert c.ask(QUESTION, user="ana").text == "Ana"
        [prompt] = [p for p in model.prompts if p.startswith("Answer the question")]
        assert CHAIN[0] in prompt.split("Memory points:")[1].split("Records:")[0] and CHAIN[1] in prompt.split("Records:")[1]

"""HippoRAG does what its checklist says: an index of phrases and facts, and a walk on it that finds what shares no word."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clew import Clew
from clew.models import Models
from clew.models.fake import Scripted
from clew.operators.graphs import pagerank
from clew.recipes import hippo_rag
from clew.types import Hit, Memory

FACT = re.compile(r"(\w+) (owns|lies in|faces|sells|feeds) (\w+)\.")
STORY = ("Ana owns Halcyon.", "Halcyon lies in Olhao.", "Olhao faces Armona.", "Ben sells mackerel.", "Cleo feeds pigeons.")
GRAPH = hippo_rag.recipe.variant("graph", passages=0, facts=0)  # nothing but the walk from the question's entities


class Reader:
    """Reads simple sentences as facts; a question names what is written in capitals; of the facts shown, those with a word are apt."""

    def __init__(self, apt: str = "nothing") -> None:
        self.apt = apt

    def __call__(self, prompt: str, schema: Any) -> Any:
        if prompt.startswith("List what the passage"):
            words = prompt.split("Passage:")[1].split("Answer with")[0]
            return {"records": [{"name": n} for n in dict.fromkeys(n for s, _, o in FACT.findall(words) for n in (s, o))]}
        if prompt.startswith("Write down the facts"):
            found = FACT.findall(prompt.split("Passage:")[1])
            return {"records": [{"subject": s, "relation": r, "object": o} for s, r, o in found]}
        if prompt.startswith("List what the question"):
            names = re.findall(r"\b[A-Z]{3,}\b", prompt.split("Question:")[1].split("Answer with")[0])
            return {"records": [{"name": n} for n in names]}
        if prompt.startswith("Which of these facts"):
            shown = re.findall(r"\[(\w+)\] (.+)", prompt.split("Facts:")[1])
            return {"choices": [id for id, fact in shown if self.apt in fact]}
        return {"text": "Armona"}


def opened(path: Path, recipe: Any = GRAPH, asker: Any = None) -> Clew:
    path.mkdir(exist_ok=True)
    return Clew(path / "c.db", recipes=[recipe], models=Models(asker=asker or Scripted(Reader())))


def told(c: Clew, words: Sequence[str] = STORY) -> None:
    for day, text in enumerate(words, 1):
        c.record(text, user="ana", at=f"2026-03-{day:02}T10:00:00Z")
    assert set(c.catch_up().values()) == {"folded"}


def asked(c: Clew, question: str, k: int = 9) -> list[Hit]:
    return c.recall(question, user="ana", k=k)


def found(c: Clew, question: str, k: int = 9) -> list[str]:
    return [h.memory.text for h in asked(c, question, k)]


def kinds(c: Clew, kind: str) -> list[Memory]:
    return c.memories(user="ana", kind=kind)


def test_item_1_open_information_extraction_names_first_then_facts_with_these_in_view_passages_tied_to_both(tmp_path: Path) -> None:
    model = Scripted(Reader())
    with opened(tmp_path, asker=model) as c:
        told(c, STORY[:2])
        first, second = model.prompts[:2]
        assert first.startswith("List what the passage") and second.startswith("Write down the facts")
        assert "Names:\nana, halcyon" in second
        assert [m.text for m in kinds(c, "triplet")] == ["ana, owns, halcyon", "halcyon, lies in, olhao"]
        assert sorted(m.text for m in kinds(c, "phrase")) == ["ana", "halcyon", "olhao"], "a phrase is written once"
        one, _ = kinds(c, "passage")
        assert one.text == STORY[0] and set(one.links) == {"e:ana", "e:halcyon", "t:ana, owns, halcyon"}
        assert [q.text for q in c.thread(kinds(c, "triplet")[1].id)] == [STORY[1]]
    model = Scripted(Reader())
    with opened(tmp_path / "off", GRAPH.variant("unread", extraction=False), model) as c:
        told(c, STORY[:2])
        assert not model.prompts and [m.kind for m in c.memories(user="ana")] == ["passage", "passage"]


def test_item_2_synonym_edges_between_phrases_whose_embeddings_are_alike(tmp_path: Path) -> None:
    words = ("Ana owns boat.", "Olhao sells boats.", "Cleo feeds pigeons.")
    with opened(tmp_path, GRAPH) as c:
        told(c, words)
        [boats] = [m for m in kinds(c, "phrase") if m.text == "boats"]
        assert boats.links == ("n:boats", "e:boats", "e:boat")
        assert found(c, "What of ANA?") == list(words[:2]), "over the boat to the boats"
    with opened(tmp_path / "off", GRAPH.variant("literal", synonyms=2)) as c:
        told(c, words)
        assert found(c, "What of ANA?") == [words[0]]


def test_item_3_the_questions_entities_are_linked_to_the_nearest_phrases_where_the_walk_starts(tmp_path: Path) -> None:
    with opened(tmp_path) as c:
        told(c)
        assert found(c, "Who has to do with PIGEON?") == [STORY[4]], "the nearest phrase is pigeons"
        assert found(c, "Who has to do with nothing in capitals?") == []
    with opened(tmp_path, GRAPH.variant("nameless", entities=False)) as c:
        told(c)
        assert found(c, "Who has to do with PIGEON?") == []


def test_item_4_node_specificity_a_phrase_of_few_passages_starts_more_of_the_walk(tmp_path: Path) -> None:
    words = ("Ana owns Halcyon.", *(f"Ana feeds pigeon{i}." for i in range(5)), "Olhao faces Armona.")
    share = {}
    for name, recipe in (("on", GRAPH), ("off", GRAPH.variant("even", specificity=False))):
        with opened(tmp_path / name, recipe) as c:
            told(c, words)
            hits = asked(c, "What have ANA and ARMONA in common?")
            score = {h.memory.text: h.score for h in hits}
            share[name] = score["Olhao faces Armona."] / sum(score.values())
            assert hits[0].memory.text == "Olhao faces Armona."
    assert share["on"] > 0.8 > 0.6 > share["off"]


def test_item_5_personalised_pagerank_scores_passages_by_a_walk_over_their_phrases_several_hops_in_one_step(tmp_path: Path) -> None:
    for name, recipe in (("nodes", GRAPH), ("sums", GRAPH.variant("first", by_nodes=True))):
        with opened(tmp_path / name, recipe) as c:
            told(c)
            assert found(c, "What can be seen from where ANA has her boat?") == list(STORY[:3]), "two hops away, and nothing unconnected"
    with opened(tmp_path / "off", GRAPH.variant("still", walk=False)) as c:
        told(c)
        assert found(c, "What can be seen from where ANA has her boat?") == [STORY[0]]


def test_item_6_recognition_facts_near_the_question_filtered_by_the_model_and_the_passages_likeness_as_seeds(tmp_path: Path) -> None:
    question = "Who feeds birds?"
    for name, apt, expected in (("apt", "feeds", [STORY[4]]), ("none", "nothing", [])):
        with opened(tmp_path / name, hippo_rag.recipe.variant("facts", passages=0), Scripted(Reader(apt))) as c:
            told(c)
            assert found(c, question) == expected
    model = Scripted(Reader("feeds"))
    with opened(tmp_path / "off", GRAPH, model) as c:
        told(c)
        assert found(c, question) == [] and not [p for p in model.prompts if p.startswith("Which of these facts")]
    with opened(tmp_path / "like", hippo_rag.recipe.variant("like", facts=0, entities=False)) as c:
        told(c)
        assert found(c, question)[0] == STORY[4], "where the graph says nothing, likeness does"


def test_a_fact_that_many_passages_state_is_written_once_and_weighs_more(tmp_path: Path) -> None:
    words = ("Ana owns Halcyon.", "Well. Ana owns Halcyon.", "Ana sells mackerel.", "Olhao faces Halcyon.", "Olhao feeds mackerel.")
    with opened(tmp_path) as c:
        told(c, words)
        assert [m.text for m in kinds(c, "triplet")].count("ana, owns, halcyon") == 1
        score = {h.memory.text: h.score for h in asked(c, "ANA")}
        assert score["Olhao faces Halcyon."] > score["Olhao feeds mackerel."]


def test_an_invalid_answer_keeps_the_passage_and_is_noted(tmp_path: Path) -> None:
    with opened(tmp_path, hippo_rag.recipe, Scripted(lambda p, s: "mumble")) as c:
        told(c, STORY[:1])
        assert [m.text for m in c.memories(user="ana")] == [STORY[0]]
        assert len(c.status()["faults"]) == 2
        assert found(c, "Halcyon") == [STORY[0]]


def test_a_revised_passage_is_read_anew(tmp_path: Path) -> None:
    with opened(tmp_path) as c:
        told(c, STORY[:1])
        c.revise(kinds(c, "passage")[0].id, "Ana owns Albatross.")
        c.catch_up()
        assert "e:albatross" in kinds(c, "passage")[0].links and "e:halcyon" not in kinds(c, "passage")[0].links


def test_what_slots_link_to_is_read_once_and_again_only_after_a_forgetting(tmp_path: Path) -> None:
    with opened(tmp_path) as c:
        told(c)
        assert found(c, "ANA") == list(STORY[:3])
        held = next(iter(h for i, h in pagerank._held.items() if i in c._views.serving("hippo_rag[graph]").view._indexes.values()))
        before = dict(held.slots)
        assert found(c, "BEN") == [STORY[3]] and held.slots == before
        c.forget(events=[2])
        assert found(c, "ANA") == [STORY[0]], "the way over the boat is gone"


@pytest.mark.parametrize("damping", [0.5, 0.85])
def test_pagerank_is_the_solution_of_its_linear_system(damping: float) -> None:
    random = np.random.default_rng(3)
    one, other = random.integers(0, 30, 60), random.integers(0, 30, 60)
    weight, reset = random.random(60), random.random(32)  # the last two nodes have no edge
    dense = np.zeros((32, 32))
    np.add.at(dense, (other, one), weight)
    np.add.at(dense, (one, other), weight)
    start, out = reset / reset.sum(), dense.sum(0)
    step = np.where(out > 0, dense / np.where(out > 0, out, 1), start[:, None])
    exact = np.linalg.solve(np.eye(32) - damping * step, (1 - damping) * start)
    shares = pagerank.pagerank((one, other, weight), reset, damping)
    assert np.allclose(shares, exact, atol=1e-7) and abs(shares.sum() - 1) < 1e-9
    assert not pagerank.pagerank((one, other, weight), np.zeros(32), damping).any()

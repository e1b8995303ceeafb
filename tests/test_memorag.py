"""MemoRAG-Lite style does what its checklist says: gists of everything, made once, give the clues that are searched with."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clew import Clew
from clew.models import Models
from clew.models.fake import Dead, Scripted
from clew.operators.search import clues
from clew.recipes import memorag
from clew.types import Memory

SECRET = "Alda mixed ochre into linseed oil and brushed it on the oak panels."
FILLER = tuple(f"On day {day} the visitor asked what shade the door should have." for day in range(1, 13))
STORY = (SECRET, *FILLER)
QUESTION = "What shade has the door?"
SMALL = memorag.recipe.variant("small", piece=60, surrogates=0, hits=1)  # a gist for every four of these


class Librarian:
    """The gist of a piece names who is in it; a memory that knows Alda gives a clue in her words, any other a lame one."""

    def __call__(self, prompt: str, schema: Any) -> Any:
        if prompt.startswith("Write down the gist"):
            text = prompt.split("Text:")[1]
            return {"text": "Gist: Alda worked on a panel." if "Alda" in text else "Gist: visitors talk of paint."}
        if prompt.startswith("This is a memory") and "sentences that the text" in prompt:
            known = "Alda" in prompt.split("Memory:")[1].split("Question:")[0]
            return {"texts": ["1. Alda brushed ochre on the oak panels", "too short"] if known else ["the visitor asked about the door"]}
        if prompt.startswith("This is a memory"):
            return {"texts": ["What did Alda brush on the oak panels?"]}
        return {"text": "ochre"}


def opened(path: Path, recipe: Any = SMALL, asker: Any = None) -> Clew:
    path.mkdir(exist_ok=True)
    return Clew(path / "c.db", recipes=[recipe], models=Models(asker=asker or Scripted(Librarian())))


def told(c: Clew, words: Sequence[str] = STORY) -> None:
    for day, text in enumerate(words, 1):
        c.record(text, user="ana", at=f"2026-03-{day:02}T10:00:00Z")
    assert set(c.catch_up().values()) == {"folded"}


def found(c: Clew, k: int = 3, question: str = QUESTION) -> list[str]:
    return [h.memory.text for h in c.recall(question, user="ana", k=k)]


def gists(c: Clew) -> list[Memory]:
    return c.memories(user="ana", kind="gist")


def prompts(model: Scripted, start: str) -> list[str]:
    return [p for p in model.prompts if p.startswith(start)]


def test_item_1_a_global_memory_built_from_the_whole_corpus_before_any_query(tmp_path: Path) -> None:
    model = Scripted(Librarian())
    with opened(tmp_path, asker=model) as c:
        told(c)
        made = gists(c)
        assert len(made) == 3 and len(prompts(model, "Write down the gist")) == 3, "nobody has asked yet"
        inside = [id for gist in made for id in gist.links]
        chunks = [m.id for m in c.memories(user="ana", kind="chunk")]
        assert inside == chunks[: len(inside)] and len(chunks) - len(inside) < 4, "every chunk is in a gist, but for the newest"
        assert [q.text for q in c.thread(made[0].id)] == list(STORY[:4])
        assert SECRET in found(c)
        [asked] = prompts(model, "This is a memory")
        assert "Alda worked" in asked and STORY[-1] in asked, "what has no gist yet is there word for word"
        assert SECRET not in asked
    with opened(tmp_path / "off", SMALL.variant("blank", gists=False)) as c:
        told(c)
        assert not gists(c) and SECRET not in found(c)


def test_item_2_clues_generated_from_that_memory_not_from_the_query_alone(tmp_path: Path) -> None:
    model = Scripted(Librarian())
    with opened(tmp_path / "off", SMALL.variant("alone", remembered=False), model) as c:
        told(c)
        assert SECRET not in found(c)
        [asked] = prompts(model, "This is a memory")
        assert "Gist" not in asked and QUESTION in asked
    with opened(tmp_path) as c:
        told(c)
        assert SECRET in found(c)


def test_item_3_clues_are_the_retrieval_queries(tmp_path: Path) -> None:
    with opened(tmp_path) as c:
        told(c)
        hits = {h.memory.text: h for h in c.recall(QUESTION, user="ana", k=3)}
        assert set(hits[SECRET].why) == {"clues"}, "the question alone does not lead there"
        assert any("question" in h.why for h in hits.values()), "the question is searched with too"
    with opened(tmp_path / "off", SMALL.variant("clueless", clues=0)) as c:
        told(c)
        assert SECRET not in found(c, 8)
    with opened(tmp_path / "other", SMALL.variant("questions", clues=0, surrogates=3)) as c:
        told(c)
        hits = {h.memory.text: h for h in c.recall(QUESTION, user="ana", k=3)}
        assert set(hits[SECRET].why) == {"surrogates"}


def test_item_4_union_restored_to_document_order(tmp_path: Path) -> None:
    words = ("Alda bought linseed oil.", "Alda painted the oak door with ochre from Bornholm.", "The door is what Alda painted.")
    order = {}
    for name, recipe in (("on", SMALL), ("off", SMALL.variant("ranked", ordered=False))):
        model = Scripted(Librarian())
        with opened(tmp_path / name, recipe, model) as c:
            told(c, words)
            ranked = found(c, question="Who painted the oak door with ochre?")
            assert ranked != list(words)
            c.ask("Who painted the oak door with ochre?", user="ana", k=3)
            [asked] = prompts(model, "Answer the question")
            order[name] = sorted(words, key=asked.index)
    assert order["on"] == list(words)
    assert order["off"] == ranked


def test_item_5_memory_persisted_and_reused_across_queries(tmp_path: Path) -> None:
    for name, recipe, again in (("on", SMALL, False), ("off", SMALL.variant("forgetful", kept=False), True)):
        model = Scripted(Librarian())
        with opened(tmp_path / name, recipe, model) as c:
            told(c)
            assert SECRET in found(c)
            before = len(prompts(model, "Write down the gist"))
        with opened(tmp_path / name, recipe, model) as c:
            c.record("A word more.", user="ana", at="2026-04-01T10:00:00Z")
            c.catch_up()
            assert SECRET in found(c, question="Which shade is it?")
            assert (len(prompts(model, "Write down the gist")) > before) is again


def test_a_rebuild_without_a_model_gives_the_same_memory(tmp_path: Path) -> None:
    with opened(tmp_path) as c:
        told(c)
        live = [(m.id, m.text) for m in gists(c)]
    with opened(tmp_path, asker=Dead("fake:scripted")) as c:
        c.rebuild("memorag[small]")
        assert [(m.id, m.text) for m in gists(c)] == live


def test_a_gist_whose_words_changed_is_made_anew_out_of_the_new_ones(tmp_path: Path) -> None:
    with opened(tmp_path) as c:
        told(c)
        [chunk] = [m for m in c.memories(user="ana", kind="chunk") if m.text == SECRET]
        c.revise(chunk.id, "Berta varnished the oak panels.")
        told(c, FILLER)
        assert [m.status for m in gists(c) if "Alda" in m.text] == ["suspect"]
        [fresh] = [m for m in gists(c) if chunk.id in m.links and m.status == "active"]
        assert "Alda" not in fresh.text and "Berta" in c.get(chunk.id).text


def test_an_invalid_answer_keeps_the_piece_itself_as_its_gist_and_is_noted(tmp_path: Path) -> None:
    with opened(tmp_path, SMALL.variant("long", gist=100), Scripted(lambda p, s: "mumble")) as c:
        told(c, STORY[:4])
        [gist] = gists(c)
        assert SECRET in gist.text and c.status()["faults"]
        assert found(c) and set(found(c)) <= set(STORY), "the question alone still finds"


def test_a_memory_too_large_for_one_prompt_is_read_in_parts(tmp_path: Path) -> None:
    model = Scripted(Librarian())
    with opened(tmp_path, SMALL.variant("narrow", room=20), model) as c:
        told(c)
        assert SECRET in found(c, 6), "one part's clue leads there, whatever the other parts' lead to"
        assert len(prompts(model, "This is a memory")) == len(clues.parts([*(g.text for g in gists(c)), STORY[-1]], 20)) > 1


def test_lines_of_more_than_three_words_are_queries_each_once() -> None:
    texts = ["- the ferry leaves at noon\nyes\n2) the ferry leaves at noon", "at the north pier, gate four", "one two three"]
    assert clues.lines(texts) == ["the ferry leaves at noon", "at the north pier, gate four"]


def test_pieces_are_closed_as_soon_as_they_are_full_and_parts_before_they_overflow() -> None:
    memories = [Memory(f"m{i}", "x" * 40) for i in range(5)]
    assert [[m.id for m in piece] for piece in clues.pieces(memories, [10] * 5, 20)] == [["m0", "m1"], ["m2", "m3"], ["m4"]]
    assert clues.parts(["x" * 40] * 5, 25) == [range(2), range(2, 4), range(4, 5)]
    assert clues.parts(["x" * 400, "x"], 25) == [range(1), range(1, 2)]
    assert clues.parts([], 25) == []


def test_a_book_told_at_once_gets_a_gist_for_every_full_piece(tmp_path: Path) -> None:
    with opened(tmp_path, SMALL.variant("book", chunk=15)) as c:
        c.record(" ".join(STORY), user="ana", kind="document")
        c.catch_up()
        chunks, made = c.memories(user="ana", kind="chunk"), gists(c)
        assert len(made) > 2 and [id for g in made for id in g.links] == [m.id for m in chunks][: sum(len(g.links) for g in made)]
        assert "".join(m.text for m in chunks) == " ".join(STORY)
        assert SECRET[:30] in " ".join(found(c))

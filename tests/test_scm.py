"""SCM does what its checklist says: a measured stream, two real questions, a hard budget, flash memory, order of time."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew import Clew
from clew.models import Models
from clew.models.fake import Dead, Fickle, Scripted
from clew.operators import budget, encode
from clew.recipes import scm
from clew.types import Hit

LONG = " ".join(f"On day {i} the crew of the Halcyon noted wind, swell and the state of pump number {i}." for i in range(60))
SUMMARY = "The crew of the Halcyon noted wind, swell and pumps."


def script(prompt: str, schema: Any, need: str = "yes", enough: str = "yes") -> Any:
    """Answers by what is asked: the two gates as told, a fixed summary, and an answer."""
    if prompt.startswith("Somebody asks"):
        return {"answer": need}
    if prompt.startswith("Can the question"):
        return {"answer": enough}
    if prompt.startswith("Answer the question"):
        return {"text": "the tide"}
    return {"text": SUMMARY}


def asked(model: Scripted, start: str) -> list[str]:
    return [p for p in model.prompts if p.startswith(start)]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., tuple[Clew, Scripted]]]:
    clews: list[Clew] = []

    def make(off: str = "", **answers: str) -> tuple[Clew, Scripted]:
        model = Scripted(lambda prompt, schema: script(prompt, schema, **answers))
        recipe = f"scm[{off}]" if off else "scm"
        clews.append(Clew(tmp_path / f"{len(clews)}.db", recipes=[recipe], models=Models(asker=model)))
        return clews[-1], model

    yield make
    for c in clews:
        c.close()


def dump(c: Clew) -> list[Any]:
    folder = c._views.serving("scm")
    return list(folder.view.dump())


def talk(c: Clew, *turns: tuple[str, str]) -> None:
    for i, (said, replied) in enumerate(turns):
        c.record(
            [{"role": "user", "content": said}, {"role": "assistant", "content": replied}],
            user="ana",
            session="s",
            at=f"2026-03-{i + 1:02}T10:00:00Z",
        )
    assert set(c.catch_up().values()) == {"folded"}


def test_item_1_per_turn_stream_with_raw_text_summary_and_both_token_counts(opened: Callable[..., tuple[Clew, Scripted]]) -> None:
    c, model = opened()
    talk(c, ("When does the ferry to Skye leave?", "At nine from pier two."))
    [turn] = c.memories(user="ana")
    assert turn.kind == "turn" and turn.text == "When does the ferry to Skye leave?\nassistant: At nine from pier two."
    assert turn.data["summary"] == turn.text and turn.data["raw_tokens"] == turn.data["summary_tokens"] == budget.tokens(turn.text)
    assert [q.text for q in c.thread(turn.id)] == ["When does the ferry to Skye leave?", "At nine from pier two."]
    assert turn.rests == (1, 2)
    assert model.calls == 0, "a short turn is its own summary"
    c.record(LONG, user="ana", session="s")
    long = c.memories(user="ana")[-1]
    assert (long.text, long.data["summary"]) == (LONG, SUMMARY)
    assert long.data["raw_tokens"] == budget.tokens(LONG) and long.data["summary_tokens"] == budget.tokens(SUMMARY)
    c, _ = opened("-turns")
    talk(c, ("When does the ferry to Skye leave?", "At nine from pier two."))
    assert [m.text for m in c.memories(user="ana")] == ["When does the ferry to Skye leave?", "At nine from pier two."]
    c, model = opened("-summaries")
    c.record(LONG, user="ana", session="s")
    [long] = c.memories(user="ana")
    assert long.text == long.data["summary"] == LONG and model.calls == 0
    assert long.data["raw_tokens"] == long.data["summary_tokens"] == budget.tokens(LONG)


def test_an_answer_in_another_session_is_a_turn_of_its_own(opened: Callable[..., tuple[Clew, Scripted]]) -> None:
    c, _ = opened()
    c.record({"role": "user", "content": "Where is the key?"}, user="ana", session="a")
    c.record({"role": "assistant", "content": "Good morning."}, user="ana", session="b")
    c.record({"role": "assistant", "content": "Still there?"}, user="ana", session="b")
    assert [m.text for m in c.memories(user="ana")] == ["Where is the key?", "Good morning.", "Still there?"]


def test_a_long_turn_is_summarised_once_and_keeps_its_raw_text(opened: Callable[..., tuple[Clew, Scripted]]) -> None:
    c, model = opened()
    c.record(LONG, user="ana")
    [turn] = c.memories(user="ana")
    assert turn.text == LONG and turn.data["summary"] == SUMMARY
    assert turn.data["raw_tokens"] == budget.tokens(LONG) > scm.PARAMS["summarise_over"]
    assert turn.data["summary_tokens"] == budget.tokens(SUMMARY)
    assert model.calls == 1


def test_an_invalid_summary_keeps_the_raw_turn_and_is_noted_as_a_fault(tmp_path: Path) -> None:
    with Clew(tmp_path / "c.db", recipes=["scm"], models=Models(asker=Scripted(lambda p, s: "no json here"))) as c:
        c.record(LONG, user="ana")
        [turn] = c.memories(user="ana")
        assert turn.text == LONG and turn.data["summary"] == LONG
        assert len(c.status()["faults"]) == 1


def test_item_2_need_memory_gate_really_called_and_a_no_leaves_only_flash_memory(opened: Callable[..., tuple[Clew, Scripted]]) -> None:
    turns = [("My boat is called Halcyon.", "Noted."), ("What is two and two?", "Four.")]
    c, model = opened(need="no")
    talk(c, *turns)
    [hit] = c.recall("How many legs has a spider?", user="ana")
    assert hit.memory.text.startswith("What is two") and hit.memory.data["part"] == "flash"
    assert len(asked(model, "Somebody asks")) == 1
    c, model = opened(need="yes")
    talk(c, *turns)
    assert {h.memory.data["part"] for h in c.recall("What is my boat called?", user="ana")} == {"flash", "activation"}
    assert len(asked(model, "Somebody asks")) == 1
    c.recall("What is my boat called?", user="ana")
    assert len(asked(model, "Somebody asks")) == 1, "the same question at the same place in the log is not paid for twice"
    c, model = opened("-gate", need="no")
    talk(c, *turns)
    assert {h.memory.data["part"] for h in c.recall("How many legs has a spider?", user="ana")} == {"flash", "activation"}
    assert asked(model, "Somebody asks") == []


def test_item_3_relevance_plus_recency_rank(opened: Callable[..., tuple[Clew, Scripted]]) -> None:
    parrot = ("The parrot is named Captain Flint.", "Funny.")
    turns = (parrot, *[(f"The harbour master wrote entry {i}.", "Good.") for i in range(5)], ("Bye.", "Bye."))
    c, _ = opened()
    talk(c, *turns)
    hits = c.recall("What is the name of the parrot?", user="ana")
    assert all(h.score == pytest.approx(h.why["recency"] + h.why["relevance"]) for h in hits)
    assert hits[0].why["relevance"] == max(h.why["relevance"] for h in hits) and hits[0].memory.text.startswith("The parrot")
    harbour = [h for h in hits if "entry" in h.memory.text]
    assert [h.why["recency"] for h in sorted(harbour, key=lambda h: h.memory.text)] == sorted(h.why["recency"] for h in harbour)
    assert len({h.why["recency"] for h in harbour}) == 5
    c, _ = opened("-recency")
    talk(c, *turns)
    assert all(h.score == h.why["relevance"] for h in c.recall("What is the name of the parrot?", user="ana"))
    c, _ = opened("-relevance")
    talk(c, *turns)
    hits = c.recall("What is the name of the parrot?", user="ana")
    assert all(h.score == h.why["recency"] for h in hits)
    assert hits[-1].memory.text.startswith("The parrot"), "the oldest comes last, whatever was asked"


def test_item_4_per_memory_decision_whether_its_summary_is_enough(opened: Callable[..., tuple[Clew, Scripted]]) -> None:
    for enough, forms in (("yes", ["summary", "summary"]), ("no", ["raw", "summary"])):
        c, model = opened(enough=enough)
        for part in range(2):
            c.record(f"Log {part}. {LONG}", user="ana")
        c.record("That is all for today.", user="ana")
        hits = {h.memory.data["part"]: h for h in c.recall("How were the pumps of the Halcyon?", user="ana", k=2)}
        assert hits["activation"].memory.data["shown"] == "raw", "below the total nothing is asked"
        assert not asked(model, "Can the question")
        hits3 = [h for h in c.recall("How were the pumps of the Halcyon?", user="ana", k=3) if h.memory.data["part"] == "activation"]
        assert len(asked(model, "Can the question")) == 2, "asked for each long memory"
        assert [h.memory.data["shown"] for h in hits3] == forms, "two whole ones are over the budget"
        assert sum(budget.tokens(h.memory.text) for h in hits3) <= scm.PARAMS["history"]
    c, model = opened("-enough", enough="yes")
    for part in range(2):
        c.record(f"Log {part}. {LONG}", user="ana")
    c.record("That is all for today.", user="ana")
    hits3 = [h for h in c.recall("How were the pumps of the Halcyon?", user="ana", k=3) if h.memory.data["part"] == "activation"]
    assert not asked(model, "Can the question")
    assert [h.memory.data["shown"] for h in hits3] == ["raw", "summary"], "the budget alone decides"


def test_item_5_hard_token_budget_with_raw_to_summary_degradation(opened: Callable[..., tuple[Clew, Scripted]]) -> None:
    def recalled(off: str = "") -> tuple[Clew, list[Hit]]:
        c, _ = opened(off, enough="no")
        for part in range(6):
            c.record(f"Log {part}. {LONG}", user="ana")
        c.record("That is all for today.", user="ana")
        return c, list(c.recall("How were the pumps of the Halcyon?", user="ana", k=10))

    c, hits = recalled()
    assert len(hits) == 7, "all fit, some of them as summaries"
    assert sum(budget.tokens(h.memory.text) for h in hits) <= scm.PARAMS["history"]
    active = [h for h in hits if h.memory.data["part"] == "activation"]
    assert [h.memory.data["shown"] for h in active] == ["raw"] + ["summary"] * 5, "the most similar one stays whole"
    assert all(h.memory.id in {m.id for m in c.memories(user="ana")} for h in hits)
    assert sum(budget.tokens(h.memory.text) for h in c.recall("How were the pumps?", user="ana", k=10, max_tokens=60)) <= 60
    _, hits = recalled("-degrade")
    assert {h.memory.data["shown"] for h in hits} == {"raw"} and len(hits) < 7, "what does not fit whole is left out"
    _, hits = recalled("-history")
    assert len(hits) == 7 and {h.memory.data["shown"] for h in hits} == {"raw"}
    assert sum(budget.tokens(h.memory.text) for h in hits) > scm.PARAMS["history"], "nothing holds it back"


def test_item_6_flash_memory_of_the_previous_turn(opened: Callable[..., tuple[Clew, Scripted]]) -> None:
    turns = [("The parrot is named Captain Flint.", "Funny."), ("I will buy rope.", "Good.")]
    c, _ = opened()
    talk(c, *turns)
    flash = [h for h in c.recall("What is the parrot called?", user="ana") if h.memory.data["part"] == "flash"]
    assert [(h.memory.data["shown"], h.memory.text) for h in flash] == [("raw", "I will buy rope.\nassistant: Good.")]
    c.record(LONG, user="ana")
    flash = [h for h in c.recall("What is the parrot called?", user="ana") if h.memory.data["part"] == "flash"]
    assert [(h.memory.data["shown"], h.memory.text) for h in flash] == [("summary", SUMMARY)]
    c, _ = opened(need="no")
    talk(c, *turns)
    assert [h.memory.data["part"] for h in c.recall("What is the parrot called?", user="ana")] == ["flash"]
    c, _ = opened("-flash", need="no")
    talk(c, *turns)
    assert c.recall("What is the parrot called?", user="ana") == [], "nothing is at hand that was not looked for"
    c, _ = opened("-flash")
    talk(c, *turns)
    hits = c.recall("What is the parrot called?", user="ana", k=1)
    assert [(h.memory.data["part"], h.memory.text[:10]) for h in hits] == [("activation", "The parrot")]
    assert len(c.recall("What is the parrot called?", user="ana")) == 2, "the turn before is found like any other"


def test_item_7_chronological_output(opened: Callable[..., tuple[Clew, Scripted]]) -> None:
    def read(off: str = "") -> str:
        c, model = opened(off)
        talk(c, ("The weather is mild.", "Noted."), ("The tide reached the red mark.", "Noted."), ("Lunch was soup.", "Noted."))
        assert c.ask("Which mark did the tide reach?", user="ana").text == "the tide"
        [prompt] = asked(model, "Answer the question")
        return prompt

    prompt = read()
    assert prompt.index("weather") < prompt.index("red mark") < prompt.index("Lunch")
    assert "[2026-03-01 10:00] user: The weather" in prompt
    prompt = read("-chronological")
    assert prompt.index("red mark") < min(prompt.index("weather"), prompt.index("Lunch")), "what was found best comes first"


def test_a_long_document_is_summarised_by_blocks_and_merged_into_one(opened: Callable[..., tuple[Clew, Scripted]]) -> None:
    c, model = opened()
    book = "\n\n".join(f"Chapter {i}. {LONG}" for i in range(6))
    c.record(book, user="ana", kind="document")
    found = c.memories(user="ana")
    blocks, [whole] = [m for m in found if m.kind == "block"], [m for m in found if m.kind == "summary"]
    assert "".join(b.text for b in blocks) == book and len(blocks) > 2
    assert whole.text == SUMMARY and whole.basis == tuple(b.id for b in blocks)
    second = asked(model, "Sum up the block")[1]
    assert SUMMARY in second, "the block before is the background of the next"
    assert len(asked(model, "These are summaries")) == 1
    assert [q.text for q in c.thread(blocks[1].id)] == [blocks[1].text]


def test_revised_words_get_a_new_summary(opened: Callable[..., tuple[Clew, Scripted]]) -> None:
    c, _ = opened()
    c.record(LONG, user="ana")
    [turn] = c.memories(user="ana")
    c.revise(turn.id, "The log was lost.")
    [turn] = c.memories(user="ana")
    assert turn.text == turn.data["summary"] == "The log was lost."


def test_folding_waits_where_a_long_turn_needs_a_model_that_is_away(tmp_path: Path) -> None:
    with Clew(tmp_path / "c.db", recipes=["scm"], models=Models(asker=Dead())) as c:
        c.record(LONG, user="ana")
        assert c.catch_up()["scm"].startswith("waits for a model")
        assert c.memories(user="ana") == []


def test_a_rebuild_without_a_model_gives_the_same_view(tmp_path: Path) -> None:
    for model in (Scripted(script, "fake:one"), Fickle()):
        path = tmp_path / f"{model.name[5:]}.db"
        with Clew(path, recipes=["scm"], models=Models(asker=model)) as c:
            talk(c, ("My boat is called Halcyon.", LONG), (LONG, "Noted."), ("Bye.", "Bye."))
            c.record("\n\n".join(f"Chapter {i}. {LONG}" for i in range(4)), user="ana", kind="document")
            c.catch_up()
            before = dump(c)
        dead = Dead(model.name)
        with Clew(path, recipes=["scm"], models=Models(asker=dead)) as c:
            c.rebuild("scm")
            assert dump(c) == before and dead.calls == 0
            assert c.recall("What is my boat called?", user="ana"), "without the model recall goes on by words and meaning"


def test_what_was_forgotten_is_in_no_summary(opened: Callable[..., tuple[Clew, Scripted]]) -> None:
    c, _ = opened()
    c.record({"role": "user", "content": "Hello."}, user="ana", session="s")
    seq = c.record({"role": "assistant", "content": f"The password is Zanzibar. {LONG}"}, user="ana", session="s").seq
    c.catch_up()
    receipt = c.forget(events=[seq or 0])
    assert [m.text for m in c.memories(user="ana")] == ["Hello."]
    assert c.verify_forgotten(receipt, probes=["Zanzibar", SUMMARY]) == []


# -- the fit, alone -------------------------------------------------------------------------------------------------

PIECES = st.lists(st.builds(budget.Piece, st.integers(1, 900), st.integers(1, 900), st.booleans()), max_size=12)


@given(PIECES, st.integers(0, 3000))
def test_the_fit_is_never_over_budget_and_never_drops_the_most_similar_first(pieces: list[budget.Piece], limit: int) -> None:
    shown = budget.fitted(pieces, limit)
    assert sum(pieces[i].cost(form) for i, form in shown.items()) <= limit
    fitting = [i for i, p in enumerate(pieces) if min(p.raw, p.summary) <= limit]
    assert sorted(shown) == fitting[: len(shown)], "what is dropped is the least similar"
    assert not fitting or fitting[0] in shown
    if len(shown) < len(fitting):
        assert all(form == budget.SUMMARY or pieces[i].summary >= pieces[i].raw for i, form in shown.items()), "degraded before dropped"


@given(PIECES, st.integers(0, 3000), st.integers(0, 500))
def test_a_larger_budget_never_shows_fewer_memories(pieces: list[budget.Piece], limit: int, more: int) -> None:
    assert len(budget.fitted(pieces, limit + more)) >= len(budget.fitted(pieces, limit)) or any(
        limit < min(p.raw, p.summary) <= limit + more for p in pieces
    )


@given(st.lists(st.integers(1, 400), min_size=1, max_size=30), st.integers(10, 2300))
def test_groups_hold_every_text_once_in_order_and_are_fewer_than_the_texts(sizes: list[int], limit: int) -> None:
    texts = [f"{i}" + "x" * (4 * n) for i, n in enumerate(sizes)]
    groups = budget.grouped(texts, limit)
    assert [t for g in groups for t in g] == texts
    assert len(groups) < len(texts) or len(texts) == 1
    assert all(budget.tokens("".join(g)) <= limit or len(g) <= 2 for g in groups)


@given(st.text(alphabet="ab. \n", max_size=400), st.integers(4, 80))
def test_windows_cover_every_word_once(text: str, size: int) -> None:
    spans = encode.windows(text, size)
    assert all(0 < end - start <= size for start, end in spans)
    assert all(a[1] <= b[0] for a, b in pairwise(spans))
    assert "".join("".join(text[a:b] for a, b in spans).split()) == "".join(text.split())

"""Without a model, `ask` quotes what memory supports and says nothing where it does not."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import process_time

import numpy as np
import pytest

from clew import Clew
from clew.context import Context
from clew.operators import encode, retrieve
from clew.operators.ranking import read
from clew.recall import Answer
from clew.recipe import Recipe
from clew.types import Hit, Query

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
EXAMPLES = Path(__file__).parent.parent / "examples"
DIALOGUE = [
    ("Nora", "Morning! I spent Saturday repairing the old rowing boat with my uncle."),
    ("Emil", "Lovely. I finally bought a telescope, a small refractor from a shop in Bergen."),
    ("Nora", "Nice! What do you want to look at first?"),
    ("Emil", "Saturn, of course. My daughter is mad about the rings."),
    ("Nora", "My aunt Solveig is teaching me to play the accordion, on Thursdays."),
    ("Emil", "Your accordion lessons sound great. I only ever learned the drums."),
    ("Nora", "We adopted a grey parrot named Figaro last week."),
    ("Emil", "Figaro! I hope he doesn't pick up your swearing."),
    ("Nora", "The roof of the barn leaks again, so the hay is in the church hall."),
    ("Emil", "I can lend you the blue tarpaulin, it's in my garage behind the skis."),
    ("Nora", "Thanks. Supper is fish soup, nothing fancy, come at seven."),
    ("Emil", "See you at seven then."),
]


def told(c: Clew, lines: list[tuple[str, str]] = DIALOGUE, user: str | None = "u", session: str = "s1") -> Clew:
    """The lines a minute apart, as lived."""
    c.record(
        [
            {"content": text, "actor": who, "at": (START + timedelta(minutes=i)).isoformat(), "session": session}
            for i, (who, text) in enumerate(lines)
        ],
        user=user,
        as_lived=True,
    )
    return c


def opened(memory: Callable[..., Clew]) -> tuple[Clew, list[tuple[Query, list[Hit], Context]]]:
    """A memory, and what its last questions were looked up with."""
    seen: list[tuple[Query, list[Hit], Context]] = []

    def looking(query: Query, ctx: Context) -> list[Hit]:
        seen.append((query, retrieve.hybrid(query, ctx), ctx))
        return seen[-1][1]

    return memory(recipes=[Recipe(name="seen", encode=encode.turns, retrieve=looking)]), seen


@pytest.fixture
def talk(memory: Callable[..., Clew]) -> Callable[[str], Answer]:
    c = told(memory(recipes=["clew"]))
    return lambda question: c.ask(question, user="u", at=START + timedelta(days=1))


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("Where did Emil buy his telescope?", "Bergen"),
        ("Who teaches Nora the accordion?", "Solveig"),
        ("What is the name of Nora's parrot?", "Figaro"),
        ("Where is the hay because of the leaking roof?", "church hall"),
        ("Where is Emil's blue tarpaulin?", "garage"),
    ],
)
def test_what_was_said_is_quoted(talk: Callable[[str], Answer], question: str, words: str) -> None:
    answer = talk(question)
    assert answer.text is not None and words in answer.text
    assert words in answer.quotes[0].text and read.SUPPORT <= answer.support <= 1


@pytest.mark.parametrize(
    "question",
    [
        "Which insurance company covers the rowing boat's engine?",
        "What did the dentist say about the wisdom tooth?",
        "When is the wedding of Nora's cousin in Portugal?",
        "How much did the helicopter flight cost?",
    ],
)
def test_what_was_never_said_is_not_answered(talk: Callable[[str], Answer], question: str) -> None:
    answer = talk(question)
    assert answer.text is None and answer.quotes == () and answer.hits


@pytest.mark.parametrize(
    "question",
    [
        "Where did Nora buy a telescope, a small refractor?",
        "Who is teaching Emil to play the accordion on Thursdays?",
        "Which grey parrot did Emil adopt?",
        "What did Nora's daughter think of the rings of Saturn?",
    ],
)
def test_what_somebody_else_did_is_not_answered_for_the_one_asked_about(talk: Callable[[str], Answer], question: str) -> None:
    assert talk(question).text is None


def test_one_who_is_spoken_to_is_spoken_of() -> None:
    nora = frozenset({"nora"})
    assert read.aboutness("I bought a telescope.", nora, own=False, saying=False) == 0
    assert read.aboutness("I bought a telescope.", nora, own=True, saying=False) == 1
    assert read.aboutness("You bought a telescope?", nora, own=False, saying=False) == 1
    assert read.aboutness("Nora's telescope is small, I hear.", nora, own=False, saying=False) == 1
    assert read.aboutness("Nora bought a telescope.", nora, own=False, saying=False) == 1
    assert read.aboutness("Thanks, Nora, I will.", nora, own=False, saying=False) == 0
    assert read.aboutness("It is a small one.", nora, own=True, saying=False) == read.UNSURE
    assert read.aboutness("Pelle keeps it in a tin.", nora, own=True, saying=True) == 1


def test_another_word_for_the_same_thing_counts_partly() -> None:
    text = "We got a new puppy, aged 12."
    close, same, far, number = (float(read.likeness([word], text)[0]) for word in ("dog", "puppy", "violin", "13"))
    assert read.ALIKE <= close < same == pytest.approx(1, abs=1e-6)
    assert far == number == 0
    assert read.likeness([], "x").shape == (0,) and not read.likeness(["dog"], "").any()


def test_a_time_that_was_meant_covers_its_words(memory: Callable[..., Clew]) -> None:
    c, seen = opened(memory)
    for day, text in ((2, "The pump failed and we bailed by hand."), (9, "The pump failed at the lock gate.")):
        c.record(text, user="u", actor="Ida", at=datetime(2026, 3, day, 12, tzinfo=UTC), session=str(day))
    c.ask("What happened when the pump failed on 9 March 2026?", user="u", at=START + timedelta(days=20))
    [(query, hits, ctx)] = seen
    asked, room = read.understood(query, ctx)
    march = asked.terms.index("march")
    covers = {h.memory.since.day: read.cover(h.memory, room.place(h.memory, ctx), asked, room) for h in hits if h.memory.since}
    assert asked.timed[march] and covers[9][march] == 1 and covers[2][march] == 0


def test_a_word_is_worth_less_the_further_off_it_was_said(memory: Callable[..., Clew]) -> None:
    c, seen = opened(memory)
    told(
        c,
        [
            ("Ida", "The kiln is cold."),
            ("Bo", "Then light it."),
            ("Ida", "Glaze first."),
            *[("Bo", f"Cup {i} is done.") for i in range(40)],
        ],
    )
    c.ask("kiln glaze", user="u", at=START)
    [(query, _, ctx)] = seen
    asked, room = read.understood(query, ctx)
    kiln = asked.terms.index("kiln")
    worth = [read.cover(m, i, asked, room)[kiln] for i, m in enumerate(c.memories(user="u"))]
    assert worth[:3] == [1, read.NEAR, read.APART] and worth[read.REACH] == read.APART and worth[read.REACH + 1] == 0


def test_sessions_that_run_side_by_side_do_not_mix(memory: Callable[..., Clew]) -> None:
    c, seen = opened(memory)
    for i in range(6):
        fruit, session = ("Apples", "a") if i % 2 else ("Pears", "b")
        c.record(f"{fruit} {i}", user="u", session=session, at=START + timedelta(minutes=i))
    c.ask("apples", user="u", at=START)
    [(query, _, ctx)] = seen
    _, room = read.understood(query, ctx)
    texts = [m.text for m in ctx.view.at_slots(room.slot)]
    assert texts == ["Pears 0", "Pears 2", "Pears 4", "Apples 1", "Apples 3", "Apples 5"]
    assert [room.around(place, 1).tolist() for place in range(6)] == [[1], [0, 2], [1], [4], [3, 5], [4]]


def test_a_long_turn_is_quoted_by_the_sentences_that_matter() -> None:
    filler = "We talked about this and that for a good while, as one does. " * 8
    text = f"{filler}The spare key hangs behind the blue clock. Mind the step! {filler}"
    quote = read.said(text, {"spare": 0.4, "key": 0.4, "clock": 0.2})
    assert "The spare key hangs behind the blue clock." in quote and quote in text and len(quote) <= read.SHORT
    assert read.said("Short.", {}) == "Short."
    endless = "x" * 1000
    assert read.said(endless, {"key": 1.0}) == endless


def test_sentences_split_at_their_ends_and_lines() -> None:
    text = "One. Two! “Three?” four\n- five\n\n六。七"
    found = [text[i:j].strip() for i, j in read.sentences(text)]
    assert found == ["One.", "Two!", "“Three?”", "four", "- five", "六。", "七"]
    assert read.sentences("") == [] and read.sentences("   ") == []


@pytest.mark.parametrize("question", ["?", "who is it?", "什么？", "🙂", "Nora", "a" * 5000])
def test_odd_questions_are_answered_or_not_but_never_fail(talk: Callable[[str], Answer], question: str) -> None:
    answer = talk(question)
    assert answer.text is None or answer.quotes


def test_an_answer_from_ones_own_memories_is_found_beside_common_ones(memory: Callable[..., Clew]) -> None:
    c = told(memory(recipes=["clew"]))
    told(c, [("Nora", "The library is closed on Mondays."), ("Emil", "It opens at ten.")], user=None, session="common")
    answer = c.ask("Where did Emil buy his telescope?", user="u", at=START + timedelta(days=1))
    assert answer.text is not None and "Bergen" in answer.text


def test_the_same_question_has_the_same_answer_twice_and_in_a_rebuilt_view(memory: Callable[..., Clew]) -> None:
    c = told(memory(recipes=["clew"]))
    first = [c.ask(q, user="u", at=START + timedelta(days=1)) for q in ("Where did Emil buy his telescope?", "Who won the cup?")]
    c.rebuild("clew")
    again = [c.ask(q, user="u", at=START + timedelta(days=1)) for q in ("Where did Emil buy his telescope?", "Who won the cup?")]
    assert [(a.text, a.support) for a in first] == [(a.text, a.support) for a in again]


def test_the_example_transcript_is_answered_and_its_absent_questions_are_not(memory: Callable[..., Clew]) -> None:
    c = memory(recipes=["clew"])
    rows = [json.loads(line) for line in (EXAMPLES / "harbour_migration.jsonl").read_text(encoding="utf-8").splitlines()]
    c.record(
        [{"content": r["text"], "actor": r["speaker"], "at": r["at"], "session": r["session"], "role": r["role"]} for r in rows],
        user="u",
        as_lived=True,
    )
    asked = json.loads((EXAMPLES / "demo.json").read_text(encoding="utf-8"))
    present = [c.ask(q["question"], user="u", at=asked["asked_at"]) for q in asked["questions"]]
    texts = {r["id"]: r["text"] for r in rows}
    right = [
        a.text is not None and a.quotes[0].text in {texts[g] for g in q["gold"]} for a, q in zip(present, asked["questions"], strict=True)
    ]
    assert sum(right) >= 7
    assert [c.ask(q["question"], user="u", at=asked["asked_at"]).text for q in asked["absent"]] == [None] * len(asked["absent"])


def test_reading_takes_milliseconds_on_a_thousand_turns(memory: Callable[..., Clew]) -> None:
    words = (
        "river",
        "stone",
        "lantern",
        "bridge",
        "market",
        "winter",
        "copper",
        "violin",
        "orchard",
        "harbour",
        "letter",
        "candle",
        "mirror",
        "garden",
        "engine",
        "ladder",
    )
    c, seen = opened(memory)
    told(
        c,
        [
            (("Nora", "Emil")[i % 2], f"I left the {words[i % 16]} by the {words[i * 7 % 13]} near {words[i * 5 % 11]} {i}.")
            for i in range(1000)
        ],
    )
    c.ask("Where did Nora leave the copper lantern near the bridge?", user="u", at=START)
    [(query, hits, ctx)] = seen
    spent = []
    for _ in range(9):
        read.unit.cache_clear()  # so that every word is new
        start = process_time()
        read.extract(query, hits, ctx)
        spent.append(process_time() - start)
    assert float(np.median(spent)) < 0.010

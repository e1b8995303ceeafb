"""What changes: statements read off plain words, the intervals of a slot, decisions, and what a recall says about it all."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew import Clew
from clew.errors import NotFound, UsageError
from clew.operators.slots import acts, asking
from clew.operators.slots.reading import stated
from clew.operators.slots.statement import Statement
from clew.operators.truth.change import Holding, Said, settle
from clew.operators.truth.decide import Choice, Item, decide
from clew.types import TRUST

DAY = datetime(2024, 6, 5, 12, tzinfo=UTC)  # a Wednesday


def read(text: str, speaker: str | None = None) -> list[tuple[str, str, str]]:
    return [(s.subject, s.slot, s.value) for s in stated(text, speaker, DAY)]


def one(text: str) -> Statement:
    (found,) = stated(text, None, DAY)
    return found


# -- reading statements ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "subject", "slot", "value"),
    [
        ("The author of The Long Winter is Mara Ilves.", "long winter", "author", "Mara Ilves"),
        ("Harbour FC is associated with the sport of rowing.", "harbour fc", "associated with sport", "rowing"),
        ("The college where Ada Brook was educated is Hill College.", "ada brook", "college educated", "Hill College"),
        ("Mira Sol's child is Ian Sol.", "mira sol", "child", "Ian Sol"),
        ("Bela lives in Graz.", "bela", "home", "Graz"),
        ("Bela is married to Kim.", "bela", "spouse", "Kim"),
        ("Tank 4 reads 271", "tank 4", "level", "271"),
        ("My budget is now 300.", "user", "budget", "300"),
        ("We moved the review to Tuesday.", "", "review time", "Tuesday"),
        ("The deadline was extended to May 20, so I can breathe.", "", "deadline", "May 20"),
        ("By the way, I've been using my old kettle for 9 years now - it still works.", "user", "how long using old kettle", "9 years"),
        ("Noor is the new treasurer of Rowan House.", "rowan house", "treasurer", "Noor"),
        ("My friend Rina actually just moved to Cork.", "rina", "home", "Cork"),
    ],
)
def test_a_plain_sentence_states_a_slot(text: str, subject: str, slot: str, value: str) -> None:
    assert read(text) == [(subject, slot, value)]


@pytest.mark.parametrize("group", [
    ["I live in Turin.", "I've moved to Turin.", "My home is in Turin.", "I'm based in Turin."],
    ["I work at Quill.", "I'm employed by Quill.", "I started a new job at Quill."],
    ["My boss is Lena.", "Lena is my new boss.", "My boss's name is Lena."],
])  # fmt: skip
def test_rephrasings_of_one_slot_meet(group: list[str]) -> None:
    assert len({read(text)[0] for text in group}) == 1


@pytest.mark.parametrize(
    "text",
    [
        "Do you think my budget is 300?",
        "If I lived in Turin, I would swim.",
        "I might be based in Turin.",
        'Bela said "I live in Graz".',
        "I heard that Bela lives in Graz.",
        "Imagine I live in Turin.",
        "What a day that was!",
        "That is great.",
        "She lives in Graz.",
    ],
)
def test_questions_wishes_and_hearsay_state_nothing(text: str) -> None:
    assert read(text) == []


def test_a_speaker_is_the_one_of_whom_i_is_said() -> None:
    assert read("I live in Graz.", "Bela") == read("Bela lives in Graz.", "Kim")


def test_an_ending_puts_nothing_in_its_place() -> None:
    assert one("I no longer live in Bern.").ending and one("I used to live in Bern.").ending
    assert {s.slot for s in stated("Ana left Quill.", None, DAY)} >= {"employer"}


def test_a_negation_is_no_value() -> None:
    assert one("I don't live in Bern.").negated


def test_a_correction_is_told_from_a_change() -> None:
    assert one("Actually, my budget is 350.").correcting
    assert one("My budget is 350, not 300.").correcting
    assert not one("My budget is now 350.").correcting


def test_words_of_time_belong_to_the_interval_and_not_to_the_value() -> None:
    found = one("I moved to Oslo last March.")
    assert (found.value, found.since) == ("Oslo", datetime(2024, 3, 1, tzinfo=UTC))
    past = one("I lived in Rome from 2019 to 2021.")
    assert past.since and past.until and (past.value, past.since.year, past.until.year) == ("Rome", 2019, 2022)


@pytest.mark.parametrize("lead", ["Throughout", "During", "For the whole of"])
def test_a_month_told_as_a_whole_is_a_span(lead: str) -> None:
    since, until, _ = acts.spans(f"{lead} June 2025 the kiln stood in the barn.", datetime(2025, 11, 1, tzinfo=UTC))
    assert (since, until) == (datetime(2025, 6, 1, tzinfo=UTC), datetime(2025, 7, 1, tzinfo=UTC))


def test_two_slots_that_share_a_word_are_as_near_as_the_others() -> None:
    assert asking.kindred("boat colour", "boat paint") == 1.0
    assert asking.kindred("club secretary", "club treasurer") < 0.6


def test_a_span_holds_the_words_of_its_statement() -> None:
    text = "Lovely weather here. By the way, my desk is now in room 12. See you!"
    (found,) = stated(text, None, DAY)
    assert "my desk is now in room 12" in text[found.start : found.end]


@given(st.text(max_size=300))
def test_any_text_is_read_without_an_error(text: str) -> None:
    for s in stated(text, None, DAY):
        assert 0 <= s.start <= s.end <= len(text)


# -- settling a slot ------------------------------------------------------------------------------------------------


def said(value: str, seq: int, *, day: int | None = None, trust: str = "user", **more: object) -> Said:
    statement = Statement("user", "home", value, 0, 1, **more)  # type: ignore[arg-type]
    return Said(statement, f"m{seq}", seq, DAY + timedelta(days=seq if day is None else day), TRUST[trust])


def by(holdings: list[Holding]) -> dict[str, Holding]:
    return {h.said.key: h for h in holdings}


def test_a_later_value_ends_the_earlier_one_and_says_so() -> None:
    found = by(settle([said("Bern", 1), said("Oslo", 5)]))
    assert (found["m1"].until, found["m1"].reason, found["m1"].by) == (DAY + timedelta(days=5), "superseded", "m5")
    assert found["m5"].holds and found["m5"].ends == ("m1",)


def test_a_late_event_lands_in_its_interval() -> None:
    found = by(settle([said("Bern", 1), said("Oslo", 9), said("Rome", 10, since=DAY + timedelta(days=4))]))
    assert [(h.said.statement.value, h.since.day, h.until and h.until.day) for h in (found["m1"], found["m10"], found["m9"])] == [
        ("Bern", 6, 9), ("Rome", 9, 14), ("Oslo", 14, None),
    ]  # fmt: skip


def test_what_was_corrected_was_never_true_and_the_right_value_takes_its_beginning() -> None:
    found = by(settle([said("Bern", 1), said("Oslo", 5), said("Ostend", 6, correcting=True)]))
    assert (found["m5"].reason, found["m5"].since) == ("corrected", found["m5"].until)
    assert found["m6"].since == DAY + timedelta(days=5) and found["m6"].holds
    assert (found["m1"].reason, found["m1"].by) == ("superseded", "m6")


def test_an_ending_ends_its_value_alone() -> None:
    assert by(settle([said("Bern", 1), said("Bern", 3, ending=True)]))["m1"].reason == "superseded"
    assert by(settle([said("Bern", 1), said("Oslo", 3, ending=True)]))["m1"].holds


def test_a_value_said_again_confirms_and_ends_nothing() -> None:
    assert all(h.holds for h in settle([said("Bern", 1), said("bern.", 4)]))


def test_what_a_withdrawn_statement_had_ended_holds_again() -> None:
    found = by(settle([said("Bern", 1), said("Oslo", 5)], withdrawn={"m5"}))
    assert found["m1"].holds and found["m5"].reason == "retracted"


def test_a_page_cannot_end_what_the_user_said() -> None:
    found = by(settle([said("Bern", 1), said("Oslo", 5, trust="web")]))
    assert found["m1"].holds and found["m5"].reason == "refused"
    assert by(settle([said("Bern", 1, trust="web"), said("Oslo", 5)]))["m1"].reason == "superseded"


def test_values_that_stand_beside_each_other_end_nothing() -> None:
    assert all(h.holds for h in settle([said("tea", 1, single=False), said("chess", 2, single=False)]))


def test_a_value_with_an_end_expires() -> None:
    assert settle([said("Bern", 1, until=DAY + timedelta(days=3))])[0].reason == "expired"


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9), st.booleans(), st.sampled_from(["web", "tool", "user"])), max_size=7))
def test_settling_needs_no_order_and_loses_nothing(rows: list[tuple[str, int, bool, str]]) -> None:
    everything = [said(v, n + 1, day=d, trust=t, correcting=c) for n, (v, d, c, t) in enumerate(rows)]
    found = settle(everything)
    assert sorted(h.said.key for h in found) == sorted(s.key for s in everything)
    for order in list(permutations(everything))[:5]:
        assert settle(order) == found
    for h in found:
        if h.reason == "superseded" and h.by:
            ender = next(s for s in everything if s.key == h.by)
            assert ender.trust >= min(h.said.trust, TRUST["assistant"])
        assert h.until is None or h.since <= h.until


# -- deciding -------------------------------------------------------------------------------------------------------


def test_a_later_value_of_the_slot_supersedes() -> None:
    assert decide("relation", (Item("I live in Bern."), Item("I moved to Oslo."))).choice == "supersedes"
    assert decide("supersedes", (Item("I live in Bern."), Item("I moved to Oslo."))).choice == "yes"


def test_another_slot_does_not() -> None:
    assert decide("supersedes", (Item("I live in Bern."), Item("My budget is now 40."))).choice == "no"


def test_a_callable_decides_in_the_place_of_the_rules() -> None:
    def always(question: str, items: object, ctx: object) -> Choice:
        return Choice("duplicate", 0.9)

    assert decide("relation", (Item("a"), Item("b")), by=always) == Choice("duplicate", 0.9)


def test_an_unknown_question_or_decider_is_refused() -> None:
    with pytest.raises(UsageError, match="supersedes"):
        decide("better", (Item("a"), Item("b")))
    with pytest.raises(NotFound, match="rules"):
        decide("relation", (Item("a"), Item("b")), by="nobody")


# -- through the door -----------------------------------------------------------------------------------------------


@pytest.fixture
def clew(tmp_path: Path) -> Iterator[Clew]:
    with Clew(tmp_path / "memory.db", recipes=["clew"]) as opened:
        yield opened


def tell(clew: Clew, text: str, at: str, **more: object) -> None:
    clew.record({"content": text, "role": "user"}, user="u", at=f"{at}T10:00:00+00:00", **more)  # type: ignore[arg-type]


def told(clew: Clew, question: str, **more: object) -> list[tuple[str, list[str]]]:
    return [(h.memory.text, [c.reason for c in h.changes]) for h in clew.recall(question, user="u", **more)]  # type: ignore[arg-type]


def test_what_holds_now_comes_first_and_the_stale_is_marked(clew: Clew) -> None:
    tell(clew, "I live in Bern, near the bears.", "2024-01-01")
    tell(clew, "My sister plays the oboe.", "2024-01-02")
    tell(clew, "We moved to Oslo.", "2024-03-01")
    found = told(clew, "Where do I live?")
    assert found[0] == ("We moved to Oslo.", ["replaces"])
    assert ("I live in Bern, near the bears.", ["superseded"]) in found


def test_a_question_about_the_past_is_answered_from_the_past(clew: Clew) -> None:
    tell(clew, "I live in Bern.", "2024-01-01")
    tell(clew, "I moved to Oslo.", "2024-03-01")
    assert told(clew, "Where did I live before?")[0][0] == "I live in Bern."
    assert told(clew, "Where did I live in February 2024?", at="2024-06-01T00:00:00+00:00")[0][0] == "I live in Bern."


def test_a_correction_is_marked_as_such(clew: Clew) -> None:
    tell(clew, "The review with Ana is on Friday.", "2024-03-01")
    tell(clew, "Actually, it's Thursday.", "2024-03-01")
    found = dict(told(clew, "When is the review with Ana?"))
    assert next(iter(found)) == "Actually, it's Thursday."
    assert found["The review with Ana is on Friday."] == ["corrected"]


def test_valid_at_sees_what_held_then_though_it_was_said_later(clew: Clew) -> None:
    tell(clew, "I work at Quill.", "2024-01-03")
    tell(clew, "Since February I've worked at Globe Press.", "2024-04-04")
    assert "Globe Press" in told(clew, "Where do I work?", valid_at="2024-02-15T00:00:00+00:00")[0][0]
    assert "Quill" in told(clew, "Where do I work?", valid_at="2024-01-15T00:00:00+00:00")[0][0]


def test_as_of_knows_nothing_of_what_came_later(clew: Clew) -> None:
    tell(clew, "I live in Bern.", "2024-01-01")
    tell(clew, "I moved to Oslo.", "2024-03-01")
    assert told(clew, "Where do I live?", as_of=1) == [("I live in Bern.", [])]


def test_a_page_does_not_change_what_the_user_said(clew: Clew) -> None:
    tell(clew, "I live in Bern.", "2024-01-01")
    clew.record("The user lives in Oslo. I live in Oslo.", kind="document", user="u", trust="web", at="2024-03-01T10:00:00+00:00")
    found = told(clew, "Where do I live?")
    assert ("I live in Bern.", []) in found


def test_facts_are_no_hits_and_turns_are_never_ended(clew: Clew) -> None:
    tell(clew, "I live in Bern.", "2024-01-01")
    tell(clew, "I moved to Oslo.", "2024-03-01")
    hits = clew.recall("Where do I live?", user="u")
    assert {h.memory.kind for h in hits} == {"turn"}
    assert all(h.memory.retired is None for h in hits)
    assert [m.retired for m in clew.memories(user="u", kind="fact") if m.data["value"] == "Bern"] == ["superseded"]


def test_what_a_forgotten_statement_had_ended_holds_again(clew: Clew) -> None:
    tell(clew, "I live in Bern.", "2024-01-01")
    tell(clew, "I moved to Oslo.", "2024-03-01")
    clew.forget(events=[2])
    assert told(clew, "Where do I live?") == [("I live in Bern.", [])]


def test_a_conclusion_is_in_doubt_when_its_premise_changes(clew: Clew) -> None:
    tell(clew, "I live in Bern.", "2024-01-01")
    premise = clew.recall("Where do I live?", user="u")[0].memory.id
    clew.record({"content": "So they take the bus along the Aare.", "role": "assistant"}, user="u", basis=[premise])
    tell(clew, "I moved to Oslo.", "2025-03-01")
    status = {m.text: m.status for m in clew.memories(user="u", kind="turn")}
    assert status["So they take the bus along the Aare."] == "suspect"


def test_two_people_of_one_name_of_slot_are_kept_apart(clew: Clew) -> None:
    for who, place, at in (("Bela", "Graz", "2024-01-01"), ("Kim", "Lyon", "2024-02-01")):
        clew.record({"content": f"I live in {place}."}, user="u", actor=who, at=f"{at}T10:00:00+00:00")
    assert told(clew, "Where does Bela live?")[0] == ("I live in Graz.", [])


def doubted(clew: Clew, premise: str, later: str) -> bool:
    """Whether what was concluded from the one is in doubt after the other."""
    tell(clew, premise, "2024-01-01")
    basis = next(m.id for m in clew.memories(user="u", kind="turn") if m.text == premise)
    clew.record({"content": "So the label has to be printed.", "role": "assistant"}, user="u", basis=[basis])
    tell(clew, later, "2025-03-01")
    return {m.text: m.status for m in clew.memories(user="u", kind="turn")}["So the label has to be printed."] == "suspect"


@pytest.mark.parametrize(
    ("premise", "later"),
    [
        ("My bank is Old Weir Bank.", "Noor's bank is Mill Pond Bank."),  # another's
        ("My locker is 61.", "Scratch that, my badge number is not 4417 after all."),  # another slot of the same
        ("My flatmate is Ruben.", "My flat is in Delft."),
        ("My job title is brewer.", "Sorry, my mistake: Ilja's job title is tiler, not mason."),  # only the mistake is the speaker's
        ("For the Plover course we have room D-310.", "For the Curlew course we have room A-218."),
        ("The Plover fair is held at the Cedar Arch Hall.", "The Curlew fair is held at the Cedar Gate Lodge now."),  # half a name
    ],
)
def test_what_is_understood_to_be_of_something_else_puts_nothing_in_doubt(clew: Clew, premise: str, later: str) -> None:
    assert not doubted(clew, premise, later)


@pytest.mark.parametrize(
    ("premise", "later"),
    [
        ("Home for Noor is Delft.", "By the way, Noor lives in Breda now."),
        ("Home for Noor is Delft.", "Noor has moved to Breda."),
        ("The Plover gate's paint colour is olive.", "The Plover gate was repainted umber."),
        ("The daily dose for me is 35 milligrams.", "The doctor put me on 55 milligrams a day."),
        ("Nothing beats stroopwafel for Noor.", "Noor's new favourite dish is bitterballen."),
        ("Ilja owns the Plover quay.", "What I said about the Plover quay's owner being Ilja was a mix-up."),
        ("Noor wears size 38 clogs.", "Noor's clog size changed to 40."),
        ("The Plover mill's backup hour is 20:15.", "I got that wrong. The backup of the Plover mill runs at 19:05, it was never 20:15."),
        ("The target pressure of the Plover kettle is 420 kilopascals.", "The Plover kettle was reset to 380 kilopascals."),
    ],
)
def test_a_change_in_words_that_stand_for_those_of_the_premise_puts_it_in_doubt(clew: Clew, premise: str, later: str) -> None:
    assert doubted(clew, premise, later)


def test_a_favourite_told_without_its_kind_corrects_one(clew: Clew) -> None:
    tell(clew, "The dish I like best is goulash.", "2024-01-01")
    tell(clew, "I got that wrong. Nothing beats lasagne for me, it was never goulash.", "2024-02-01")
    assert "lasagne" in (clew.ask("What is my favourite dish?", user="u").text or "")

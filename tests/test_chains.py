"""Chains: the same thing told in any words, so that one of it holds at a time; whose it is, and what is put aside."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from clew import Clew


@pytest.fixture
def clew(tmp_path: Path) -> Iterator[Clew]:
    with Clew(tmp_path / "memory.db", recipes=["clew"]) as opened:
        yield opened


def then(clew: Clew, question: str, day: str, now: str = "2025-12-01") -> str | None:
    return clew.ask(question, user="u", at=f"{now}T12:00:00+00:00", valid_at=f"{day}T12:00:00+00:00").text


def now(clew: Clew, question: str, day: str = "2025-12-01") -> str | None:
    return clew.ask(question, user="u", at=f"{day}T12:00:00+00:00").text


def say(clew: Clew, text: str, day: str) -> None:
    clew.record(text, user="u", at=f"{day}T10:00:00+00:00")


def test_what_holds_is_told_for_every_moment_though_no_two_turns_use_the_same_words(clew: Clew) -> None:
    say(clew, "Mira's fencing coach is Ludger.", "2025-01-10")
    say(clew, "Lately Mira trains fencing with coach Swantje.", "2025-04-10")
    say(clew, "The weather was lovely on the lake.", "2025-05-01")
    say(clew, "These days Radko is the fencing coach of Mira.", "2025-08-10")
    question = "Who is Mira's fencing coach?"
    assert "Ludger" in (then(clew, question, "2025-02-20") or "")
    assert "Swantje" in (then(clew, question, "2025-06-20") or "")
    assert "Radko" in (now(clew, question) or "")


def test_a_correction_takes_the_time_of_what_it_corrects(clew: Clew) -> None:
    say(clew, "The mooring of the Petrel barge is K-17.", "2025-01-10")
    say(clew, "I mixed that up: the mooring of the Petrel barge is M-20, not K-17.", "2025-03-10")
    assert "M-20" in (then(clew, "What is the mooring of the Petrel barge?", "2025-02-01") or "")


def test_what_is_taken_back_gives_its_place_to_what_it_had_replaced(clew: Clew) -> None:
    say(clew, "Jorin's piano teacher is Almut.", "2025-01-10")
    say(clew, "Jorin's piano teacher is Wenzel now.", "2025-03-10")
    say(clew, "I was mistaken about Jorin's piano teacher being Wenzel.", "2025-05-10")
    assert "Almut" in (now(clew, "Who is Jorin's piano teacher?") or "")
    assert "Almut" in (then(clew, "Who is Jorin's piano teacher?", "2025-04-01") or "")


def test_a_span_told_afterwards_holds_then_and_not_now(clew: Clew) -> None:
    say(clew, "The Sandpiper office's cleaning firm is Brightway.", "2025-03-10")
    say(clew, "Between 3 October 2024 and 20 January 2025 the Sandpiper office's cleaning firm was Glimmer.", "2025-04-10")
    question = "What is the Sandpiper office's cleaning firm?"
    assert "Glimmer" in (then(clew, question, "2024-12-01") or "")
    assert "Brightway" in (now(clew, question) or "")


def test_what_was_only_ever_taken_back_is_not_answered(clew: Clew) -> None:
    say(clew, "Oda's locker number is 417.", "2025-01-10")
    say(clew, "Please ignore what I said about Oda's locker number being 417.", "2025-02-10")
    assert now(clew, "What is Oda's locker number?") is None


def test_a_name_that_is_only_spoken_to_starts_no_chain(clew: Clew) -> None:
    clew.record([{"content": "Hello Runa, the sauna is at 70 degrees now.", "actor": "Piet", "at": "2025-01-10T10:00:00+00:00"}], user="u")
    clew.record([{"content": "My sauna stands at 85 degrees.", "actor": "Runa", "at": "2025-01-09T10:00:00+00:00"}], user="u")
    hits = clew.recall("How many degrees is Runa's sauna at?", user="u")
    assert not any("holds" in hit.why for hit in hits)


# -- whose it is -------------------------------------------------------------------------------------------------------


def test_a_thing_without_a_name_is_told_from_another_of_its_kind(clew: Clew) -> None:
    say(clew, "We heat the drying shed with peat.", "2025-01-10")
    say(clew, "The boat shed is heated with coal.", "2025-01-12")
    say(clew, "The drying shed was converted to wood chips, that heats better.", "2025-03-10")
    question = "What is the drying shed heated with?"
    assert "wood chips" in (now(clew, question) or "")
    assert "peat" in (then(clew, question, "2025-02-01") or "")
    assert "coal" in (now(clew, "What is the boat shed heated with?") or "")


def test_where_the_asker_and_a_name_are_in_a_question_it_is_about_the_askers_own(clew: Clew) -> None:
    say(clew, "My cabin on the Bergen ship is 404.", "2025-01-10")
    say(clew, "Runa's cabin on the Bergen ship is 512.", "2025-02-10")
    assert "404" in (now(clew, "What is my cabin on the Bergen ship?") or "")


def test_a_name_of_two_words_is_not_wherever_both_words_are(clew: Clew) -> None:
    say(clew, "Alva Brenner is trained by Tjark Olsen.", "2025-01-10")
    say(clew, "Tjark Moll is trained by Ida Olsen.", "2025-01-12")
    say(clew, "Alva Olsen is trained by Ida Brenner.", "2025-02-10")
    assert "Tjark Olsen" in (now(clew, "Who is Alva Brenner trained by?") or "")


def test_a_longer_name_is_another_thing(clew: Clew) -> None:
    say(clew, "The librarian of Sund College is Pia.", "2025-01-10")
    say(clew, "The librarian of Sund College of Music is Rolf.", "2025-02-10")
    assert "Pia" in (now(clew, "Who is the librarian of Sund College?") or "")


def test_what_is_told_of_others_does_not_tell_it_of_whom_they_are_beside(clew: Clew) -> None:
    say(clew, "Varde lies in the county of Lomme.", "2025-01-10")
    say(clew, "New Tarm lies in the county of Varde.", "2025-02-10")
    hits = clew.recall("In which county does Varde lie?", user="u", k=3)
    assert hits[0].memory.text.startswith("Varde lies")


# -- what is put aside, and when it was --------------------------------------------------------------------------------


def test_another_value_beside_the_old_one_corrects_it_though_no_word_of_error_is_said(clew: Clew) -> None:
    say(clew, "Oda's choir rehearses in the Larch hall.", "2025-01-10")
    say(clew, "Oda's choir rehearses in the Quarry hall; the Larch hall is where the orchestra is.", "2025-03-10")
    question = "Where does Oda's choir rehearse?"
    assert "Quarry" in (then(clew, question, "2025-02-01") or "")


def test_the_right_value_is_kept_where_the_old_one_is_taken_back_beside_it(clew: Clew) -> None:
    say(clew, "The steward of the Mistral regatta is Birk.", "2025-01-10")
    say(clew, "The steward of the Mistral regatta is Ravna. I take Birk back.", "2025-03-10")
    question = "Who is the steward of the Mistral regatta?"
    assert "Ravna" in (now(clew, question) or "")
    assert "Ravna" in (then(clew, question, "2025-02-01") or "")


def test_a_value_that_is_denied_as_the_subject_is_taken_back(clew: Clew) -> None:
    say(clew, "Jorin's lodging in Visby is the Anchor.", "2025-01-10")
    say(clew, "Jorin's lodging in Visby is the Beacon now.", "2025-02-10")
    say(clew, "The Beacon is not Jorin's lodging in Visby, I spoke too early.", "2025-03-10")
    assert "Anchor" in (now(clew, "What is Jorin's lodging in Visby?") or "")


def test_a_day_written_out_in_the_past_tense_is_since_when_it_holds(clew: Clew) -> None:
    say(clew, "Mira's resting heart rate is 71.", "2025-01-10")
    say(clew, "On 2 February 2025 Mira's resting heart rate was down to 64.", "2025-06-10")
    question = "What is Mira's resting heart rate?"
    assert "64" in (then(clew, question, "2025-03-01") or "")
    assert "71" in (then(clew, question, "2025-01-20") or "")


def test_words_of_one_root_ask_and_tell(clew: Clew) -> None:
    say(clew, "Radko does the gardening for me.", "2025-01-10")
    say(clew, "I found a better gardener, Swantje.", "2025-03-10")
    assert "Swantje" in (now(clew, "Who does the gardening for me?") or "")


def first(clew: Clew, question: str) -> str:
    return clew.recall(question, user="u", at="2025-12-01T12:00:00+00:00")[0].memory.text


def test_a_turn_that_has_the_name_as_its_value_does_not_stand_above_what_was_read_as_the_answer(clew: Clew) -> None:
    say(clew, "Oskar Lund is a citizen of Norway.", "2025-01-10")
    say(clew, "Oskar Lund is a citizen of Chile.", "2025-02-10")
    say(clew, "The name of the current head of the Tarn government is Oskar Lund.", "2025-03-10")
    assert first(clew, "What is the country of citizenship of Oskar Lund?") == "Oskar Lund is a citizen of Chile."


def test_a_turn_read_as_another_slot_does_not_stand_above_what_was_read_as_the_answer(clew: Clew) -> None:
    say(clew, "Ilse Brandt is a citizen of Norway.", "2025-01-10")
    say(clew, "Ilse Brandt speaks the language of Portuguese.", "2025-02-10")
    say(clew, "The author of Salt Roads is Ilse Brandt.", "2025-03-10")
    assert first(clew, "What is the country of citizenship of Ilse Brandt?") == "Ilse Brandt is a citizen of Norway."


@pytest.mark.parametrize("written", ["original", "origianl"])
def test_a_word_for_the_first_time_that_is_part_of_a_slots_name_asks_for_what_holds(clew: Clew, written: str) -> None:
    say(clew, f"The {written} broadcaster of Night Ferry is Canal Nine.", "2025-01-10")
    say(clew, f"The {written} broadcaster of Night Ferry is Radio Tarn.", "2025-02-10")
    assert first(clew, "Who is the original broadcaster of Night Ferry?").endswith("Radio Tarn.")


def test_a_reading_of_another_does_not_outdo_what_was_read_of_whom_it_is_asked(clew: Clew) -> None:
    say(clew, "The headquarters of QRTV is located in the city of Malm.", "2025-01-10")
    say(clew, "The headquarters of Lund Works is located in the city of 12 Quay Street.", "2025-02-10")
    assert first(clew, "Which city is the headquarter of QRTV located in?").endswith("Malm.")

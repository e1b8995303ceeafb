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


# -- the other side of a verb, and of a handing over -------------------------------------------------------------------


def test_who_does_something_to_it_is_what_its_doer_is_asked_for(clew: Clew) -> None:
    say(clew, "Alder Mills supplies the Brindle tannery.", "2025-01-10")
    say(clew, "The Brindle tannery's supplier is Fenwick Hides now.", "2025-04-10")
    assert "Alder" in (then(clew, "Who is the supplier of the Brindle tannery?", "2025-02-10") or "")
    assert "Fenwick" in (now(clew, "Who is the supplier of the Brindle tannery?") or "")


def test_whom_somebody_does_it_to_is_not_who_does_it_to_them(clew: Clew) -> None:
    say(clew, "Ravna guides Birk.", "2025-01-10")
    say(clew, "Birk guides Solvei.", "2025-02-10")
    assert "Solvei" in (now(clew, "Whom does Birk guide?") or "")


def test_a_post_that_somebody_takes_over_is_theirs(clew: Clew) -> None:
    say(clew, "Our string section leader is Odile.", "2025-01-10")
    say(clew, "Odile handed the string section over to Marguerite.", "2025-04-10")
    assert "Marguerite" in (now(clew, "Who leads the string section?") or "")
    assert then(clew, "Who leads the string section?", "2025-02-10") == "Our string section leader is Odile."


def test_a_denial_that_says_to_whom_it_went_takes_nothing_back(clew: Clew) -> None:
    say(clew, "Torvald's sponsor is Ingrid.", "2025-01-10")
    say(clew, "Ingrid isn't sponsoring Torvald any longer, that role fell to Halvard.", "2025-04-10")
    assert "Halvard" in (now(clew, "Who is Torvald's sponsor?") or "")
    assert then(clew, "Who is Torvald's sponsor?", "2025-02-10") == "Torvald's sponsor is Ingrid."


def test_what_is_over_beside_what_goes_on_is_a_change(clew: Clew) -> None:
    say(clew, "The sewing circle is stitching the Harbour quilt.", "2025-01-10")
    say(clew, "The sewing circle finished the Harbour quilt and is on to the Orchard quilt.", "2025-03-10")
    assert "Orchard" in (now(clew, "What is the sewing circle stitching?") or "")
    assert then(clew, "What is the sewing circle stitching?", "2025-02-10") == "The sewing circle is stitching the Harbour quilt."


def test_why_something_ended_is_no_correction(clew: Clew) -> None:
    say(clew, "The billing task runs on host elm-2.", "2025-01-10")
    say(clew, "Host elm-2 crashed, the billing task runs on host oak-5.", "2025-03-10")
    say(clew, "elm-2 is mended and the billing task is back on it.", "2025-05-10")
    question = "Which host does the billing task run on?"
    assert then(clew, question, "2025-02-10") == "The billing task runs on host elm-2."
    assert "oak-5" in (then(clew, question, "2025-04-10") or "")
    assert "back on it" in (now(clew, question) or "")


# -- words of when, of kind, and of whose ------------------------------------------------------------------------------


def test_a_day_is_what_a_night_out_is_asked_for_by(clew: Clew) -> None:
    say(clew, "Sidonie goes to the sauna on Monday.", "2025-01-10")
    say(clew, "Sidonie's sauna night is Thursday now.", "2025-03-10")
    say(clew, "Sidonie now goes to the sauna on Saturday.", "2025-05-10")
    question = "What is Sidonie's sauna night?"
    assert "Monday" in (then(clew, question, "2025-02-10") or "")
    assert "Saturday" in (now(clew, question) or "")


def test_what_is_in_the_evening_is_not_asked_for_by_what_is_at_night(clew: Clew) -> None:
    say(clew, "In the evenings I learn calligraphy.", "2025-01-10")
    say(clew, "My pub night moved to Tuesday.", "2025-03-10")
    assert "calligraphy" in (now(clew, "What evening class do I take?") or "")


def test_a_month_is_no_beginning_of_another_word(clew: Clew) -> None:
    say(clew, "My evening ferry leaves at 18:40.", "2025-01-10")
    say(clew, "Lately I have marmalade in the evening.", "2025-03-10")
    assert "18:40" in (now(clew, "When does my evening ferry leave?") or "")


def test_a_favourite_told_without_its_kind_is_of_the_kind_that_it_is_typical_of(clew: Clew) -> None:
    say(clew, "My favourite colour is crimson.", "2025-01-10")
    say(clew, "Nothing beats goulash for me.", "2025-02-10")
    assert "goulash" in (now(clew, "What is my favourite dish?") or "")
    assert "crimson" in (now(clew, "What is my favourite colour?") or "")


def test_a_name_is_no_telephone_call(clew: Clew) -> None:
    say(clew, "My new phone extension is 6120.", "2025-01-10")
    say(clew, "My parrot is called Figaro now.", "2025-03-10")
    assert "6120" in (now(clew, "What is my phone extension?") or "")


def test_what_ones_sister_does_is_not_what_one_does(clew: Clew) -> None:
    say(clew, "I have my boots resoled at Cobblers Row.", "2025-01-10")
    say(clew, "My sister has her boots resoled at Heel Corner.", "2025-02-10")
    assert "Cobblers" in (now(clew, "Where do I have my boots resoled?") or "")


# -- slots -------------------------------------------------------------------------------------------------------------


def test_a_numbered_place_is_not_where_one_lives(clew: Clew) -> None:
    say(clew, "My flat is in Lund.", "2025-01-10")
    say(clew, "I moved to locker 417.", "2025-03-10")
    assert "Lund" in (now(clew, "Where do I live?") or "")
    assert "417" in (now(clew, "What is my locker?") or "")


def test_an_occupation_is_found_though_no_word_of_the_question_is_in_it(clew: Clew) -> None:
    say(clew, "I am a glassblower and bookkeeper.", "2025-01-10")
    for n in range(60):
        say(clew, f"The title of chapter {n} of the job handbook reads Work and Position {n}.", f"2025-02-{n % 28 + 1:02}")
    say(clew, "I've been made harbourmaster's bookkeeper.", "2025-03-20")
    assert "harbourmaster" in (now(clew, "What is my job title?") or "")


def test_two_posts_of_one_club_are_two(clew: Clew) -> None:
    say(clew, "The treasurer of the chess club is Miss Alder.", "2025-01-10")
    say(clew, "The secretary of the chess club is Mr Birch.", "2025-02-10")
    assert "Alder" in (now(clew, "Who is the treasurer of the chess club?") or "")
    assert "Birch" in (now(clew, "Who is the secretary of the chess club?") or "")


def test_two_favourites_of_two_kinds_are_two(clew: Clew) -> None:
    say(clew, "Elin's favourite bread is ciabatta.", "2025-01-10")
    say(clew, "Elin's favourite cheese is gouda.", "2025-02-10")
    assert "ciabatta" in (now(clew, "What is Elin's favourite bread?") or "")


def test_a_new_job_takes_no_other_place(clew: Clew) -> None:
    say(clew, "My insurer is Harrow Mutual.", "2025-01-10")
    say(clew, "I left for a new job at Larch Mutual Works.", "2025-02-10")
    assert "Harrow" in (now(clew, "Who am I insured with?") or "")


def test_a_title_that_changed_to_another_is_no_place(clew: Clew) -> None:
    say(clew, "My employer is Tarn Textiles.", "2025-01-10")
    say(clew, "My job title changed to foreman.", "2025-03-10")
    assert "Tarn" in (now(clew, "What is my employer?") or "")
    assert "foreman" in (now(clew, "What is my job title?") or "")


def test_where_one_lives_is_not_what_one_works_as(clew: Clew) -> None:
    say(clew, "My flat is in Lund.", "2025-01-10")
    say(clew, "I work as a roofer these days.", "2025-03-10")
    assert "Lund" in (now(clew, "Where do I live?") or "")


def test_a_word_for_when_before_another_is_not_what_is_told(clew: Clew) -> None:
    say(clew, "My breakfast is muesli.", "2025-01-10")
    say(clew, "My morning ferry is the 06:25.", "2025-03-10")
    assert "muesli" in (now(clew, "What do I have for breakfast?") or "")


def test_a_subject_of_study_is_not_what_shares_its_stem(clew: Clew) -> None:
    say(clew, "My account is at Heather Savings Bank.", "2025-01-10")
    say(clew, "I dropped the pottery course and take accounting.", "2025-03-10")
    assert "Heather" in (now(clew, "Which bank do I bank with?") or "")


def test_who_speaks_of_having_meant_something_tells_nothing_of_himself(clew: Clew) -> None:
    say(clew, "I am a roofer.", "2025-01-10")
    say(clew, "Actually, I meant Basque: the Petrel society's working language is not Breton.", "2025-03-10")
    assert "roofer" in (now(clew, "What is my job title?") or "")


def test_what_was_taken_up_is_found_among_many_turns_by_what_it_stands_for(clew: Clew) -> None:
    say(clew, "I took up falconry.", "2025-01-10")
    for n in range(60):
        say(clew, f"There is free space in shed {n} of the weekend market.", f"2025-02-{n % 28 + 1:02}")
    assert "falconry" in (now(clew, "What is my hobby?") or "")


def test_whose_flat_one_rents_is_the_landlord(clew: Clew) -> None:
    say(clew, "My landlord is Torvald.", "2025-01-10")
    say(clew, "Solvei bought the flat that I rent.", "2025-03-10")
    assert "Solvei" in (now(clew, "Who is my landlord?") or "")


def test_work_that_is_done_to_something_is_no_employment(clew: Clew) -> None:
    say(clew, "I have a job at Tarn Textiles.", "2025-01-10")
    say(clew, "I go to Master Lorne for leather work.", "2025-03-10")
    assert "Textiles" in (now(clew, "Which company am I employed by?") or "")


def test_a_word_that_ends_like_a_number_is_none(clew: Clew) -> None:
    say(clew, "I went to twenty lectures at the university.", "2025-01-10")
    say(clew, "I attend lectures for the city.", "2025-03-10")
    assert "twenty" in (now(clew, "How many lectures did I attend?") or "")


def test_what_one_does_not_do_begins_nothing(clew: Clew) -> None:
    say(clew, "I still don't trust the studies of that university.", "2025-01-10")
    hits = clew.recall("How many lectures did I attend at the university?", user="u")
    assert not any("holds" in hit.why for hit in hits)


def test_a_change_read_as_what_another_turn_tells_of_is_no_change_of_this(clew: Clew) -> None:
    say(clew, "I live in Arden.", "2025-01-10")
    say(clew, "I am staying at the Lantern Lodge.", "2025-02-10")
    say(clew, "I have moved to Mossley.", "2025-03-10")
    assert "Lantern" in (now(clew, "Which hotel am I staying at?") or "")
    assert "Mossley" in (now(clew, "Where do I live?") or "")


def test_what_one_prefers_is_of_its_own_kind(clew: Clew) -> None:
    say(clew, "The dish I like best is goulash.", "2025-01-10")
    say(clew, "I prefer maroon to every other colour.", "2025-02-10")
    assert "goulash" in (now(clew, "Which dish do I like best?") or "")


def test_who_succeeds_somebody_corrects_nothing(clew: Clew) -> None:
    say(clew, "The steward of the Mistral regatta is Birk.", "2025-01-10")
    say(clew, "Ravna succeeded Birk as steward of the Mistral regatta.", "2025-03-10")
    say(clew, "Birk is steward of the Mistral regatta again.", "2025-05-10")
    question = "Who is the steward of the Mistral regatta?"
    assert then(clew, question, "2025-02-10") == "The steward of the Mistral regatta is Birk."
    assert "Ravna" in (then(clew, question, "2025-04-10") or "")
    assert "again" in (now(clew, question) or "")

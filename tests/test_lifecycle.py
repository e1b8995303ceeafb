"""The lifecycle benchmark: its generator gives the same scripts for the same seed, and gold that follows from what was said."""

import re
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from conftest import data

from clew.arena import lifecycle_apollo as apollo
from clew.arena.lifecycle_cases import AXES, HARMLESS, RARE, TRIGGERS, scripts, seeds
from clew.arena.lifecycle_script import Ask, Do, Marked, Residue, Say, Script
from clew.arena.lifecycle_slots import CHATS, SLOTS, TASKS, WORDS
from clew.arena.lifecycle_world import ME, Fact, Said, Subject, said, sentence
from clew.arena.scores import normalised

SEEDS = (1, 2, 3)
EVERY = [script for seed in SEEDS for script in scripts(seed)]
T0 = datetime(2025, 1, 1, tzinfo=UTC)


def days(n: float) -> datetime:
    return T0 + timedelta(days=n)


def texts(script: Script) -> dict[str, str]:
    return {step.key: step.text for step in script.steps if isinstance(step, Say)}


def test_the_same_seed_gives_the_same_scripts_and_another_one_others() -> None:
    assert list(scripts(1)) == [s for s in EVERY if "-1-" in s.id]
    said_in = [{t for s in EVERY if s.id.startswith(f"as-of-{seed}-") for t in texts(s).values()} for seed in (1, 2)]
    assert said_in[0] != said_in[1]


def test_the_seeds_of_reported_runs_come_from_a_commit() -> None:
    assert seeds("0000000affffffff") == (10, 11, 12)


def test_there_are_forty_slots_and_each_is_said_changed_and_asked_in_several_ways() -> None:
    assert len(SLOTS) >= 40
    for slot in SLOTS.values():
        assert len(slot.says) >= 3 and len(slot.changes) >= 3 and len(slot.asks) >= 2 and len(slot.concludes) >= 2, slot.name
        assert all("{v}" in form for form in (*slot.says, *slot.changes, *slot.concludes)), slot.name
        assert not any("{v}" in form for form in slot.asks), slot.name
        assert all(re.search(r"\{[spo]\}", form) for form in (*slot.says, *slot.changes, *slot.asks)), slot.name


def test_a_speaker_is_spoken_of_in_the_first_person() -> None:
    assert sentence(said("{s} [lives|live] in {v}", ME, v="Ghent")) == "I live in Ghent."
    assert sentence(said("{s} [drives|drive] a {v}", Subject("Ada", "Ada", "Ada's", "Ada"), v="Opel Corsa")) == "Ada drives an Opel Corsa."


def test_no_line_of_chatter_and_no_task_names_a_value() -> None:
    plain = f" {' '.join(normalised(line) for line in (*CHATS, *TASKS))} "
    assert not [word for words in WORDS.values() for word in words.split(",") if f" {normalised(word)} " in plain]


@pytest.mark.parametrize("axis", list(AXES))
def test_every_event_and_question_has_an_id_of_its_own_and_time_goes_on(axis: str) -> None:
    for script in EVERY:
        if script.axis == axis:
            said_keys = [step.key for step in script.steps if isinstance(step, Say)]
            asked = [step.id for step in script.steps if isinstance(step, Ask)]
            assert len(set(said_keys)) == len(said_keys) and len(set(asked)) == len(asked)
            known: set[str] = set()
            for step in script.steps:
                if isinstance(step, Say):
                    assert known.issuperset(step.basis), "a conclusion rests on what was said before it"
                    known.add(step.key)
                    assert datetime.fromisoformat(step.at).tzinfo is not None
                elif isinstance(step, Do):
                    assert known.issuperset(step.keys)


def test_every_gold_value_is_in_the_events_that_it_cites_and_no_wrong_one_is_the_gold() -> None:
    for script in EVERY:
        said_texts = texts(script)
        for ask in script.asks():
            if ask.gold is not None and ask.kind != "revised":
                assert ask.keys, (script.id, ask.id)
                assert all(normalised(ask.gold) in normalised(said_texts[key]) for key in ask.keys), ask
            assert ask.gold not in ask.wrong


def test_what_was_known_is_in_no_later_event() -> None:
    for script in EVERY:
        order = {step.key: i for i, step in enumerate(script.steps) if isinstance(step, Say)}
        for ask in script.asks():
            if ask.known is not None and ask.gold is not None:
                assert min(order[key] for key in ask.keys) <= order[ask.known]


def test_values_of_one_script_share_no_wording() -> None:
    for script in EVERY:
        values = {normalised(v) for ask in script.asks() for v in (*ask.wrong, *([ask.gold] if ask.gold else []))}
        assert not [(a, b) for a in values for b in values if a != b and f" {a} " in f" {b} "], script.id


def test_a_change_ends_what_held_and_a_late_event_lands_in_its_interval() -> None:
    fact = Fact(SLOTS["home"], ME, "u", [Said("a", 1, days(0), "A"), Said("b", 2, days(10), "B"), Said("c", 3, days(5), "C")])

    def holds(day: float, order: int) -> str | None:
        found = fact.holding(days(day), order)
        return found and found.value

    assert [holds(d, 3) for d in (-1, 1, 6, 11)] == [None, "A", "C", "B"]
    assert [holds(d, 2) for d in (1, 6, 11)] == ["A", "A", "B"]
    assert holds(11, 0) is None


def test_a_correction_reaches_back_and_a_withdrawal_brings_back_what_was_before() -> None:
    fact = Fact(SLOTS["home"], ME, "u", [Said("a", 1, days(0), "A"), Said("b", 2, days(10), "B")])
    fact.said.append(Said("c", 3, days(20), "C", corrects="b"))
    assert (found := fact.holding(days(12), 3)) and found.value == "C"
    assert (found := fact.holding(days(12), 2)) and found.value == "B"
    fact.said.append(Said("d", 4, days(30), "C", retracts="c"))
    assert (found := fact.holding(days(40), 4)) and found.value == "A"
    fact.said.append(Said("e", 5, days(31), "A", retracts="a"))
    assert fact.holding(days(40), 5) is None


def test_a_span_of_the_past_holds_in_it_and_changes_nothing_else() -> None:
    fact = Fact(SLOTS["home"], ME, "u", [Said("a", 1, days(0), "A"), Said("b", 2, days(-30), "B", until=days(-10))])
    assert [(f := fact.holding(days(d), 2)) and f.value for d in (-40, -20, -5, 5)] == [None, "B", None, "A"]


def test_a_cascade_marks_conclusions_only_and_each_in_one_place() -> None:
    kinds: Counter[str] = Counter()
    for script in EVERY:
        if script.axis == "cascade":
            concluded = {step.key for step in script.steps if isinstance(step, Say) and step.basis}
            marked = [step for step in script.steps if isinstance(step, Marked)]
            keys = [key for step in marked for key in (*step.affected, *step.unaffected)]
            assert sorted(keys) == sorted(concluded)
            assert sum(len(step.affected) for step in marked) >= 4 and sum(len(step.unaffected) for step in marked) >= 3
            kinds.update(step.kind for step in marked)
            for step in marked:
                assert not (step.kind in HARMLESS and step.affected) and not (step.kind in TRIGGERS and step.unaffected)
    assert set(kinds) == {*TRIGGERS, *HARMLESS, "mixed"}


def test_absence_asks_at_least_half_as_many_answerable_questions_as_others() -> None:
    for script in EVERY:
        if script.axis == "absence":
            kinds = Counter(ask.kind for ask in script.asks())
            assert kinds["answerable"] == 12 and set(kinds) >= {"never said", "never met", "forgotten", "another user's"}
            assert all((ask.gold is None) == (ask.kind != "answerable") for ask in script.asks())


def test_what_must_be_gone_is_rare_and_in_no_event_that_stays() -> None:
    for script in EVERY:
        forgotten: set[str] = set()
        for step in script.steps:
            if isinstance(step, Do) and step.what == "forget events":
                forgotten |= set(step.keys)
            if isinstance(step, Residue):
                resting = {s.key for s in script.steps if isinstance(s, Say) and forgotten & set(s.basis)}
                for gone in step.gone:
                    left = [k for k, text in texts(script).items() if gone in text and k not in forgotten | resting]
                    users = {s.user for s in script.steps if isinstance(s, Say) and s.key in left}
                    assert not left or step.kind == "forget matching" or len(users) == 1, (gone, left)
                assert not set(step.gone) & set(step.kept) and step.kept
    assert {SLOTS[name].values for name in ("bank", "hotel", "pet", "owner")} <= RARE


def test_apollo_questions_cite_lines_that_state_their_gold() -> None:
    script = apollo.script(1, data(apollo.FOLDER))
    said_texts, asks = texts(script), list(script.asks())
    assert len(asks) >= 30 and {ask.kind.split(", ")[0] for ask in asks} >= {"battery charging volts", "omni antenna", "capcom"}
    for ask in asks:
        assert ask.gold is not None and ask.keys
        assert all(ask.gold in said_texts[key] for key in ask.keys), ask.id
    assert apollo.script(1, data(apollo.FOLDER)) == script


def test_without_the_transcript_apollo_says_what_is_missing(tmp_path) -> None:
    with pytest.raises(Exception, match=r"no air_to_ground\.jsonl"):
        apollo.script(1, tmp_path)

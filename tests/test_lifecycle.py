"""The lifecycle benchmark: gold that follows from what was said, and a runner that an empty memory cannot please."""

import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import data
from typer.testing import CliRunner

from clew.arena import lifecycle, lifecycle_report
from clew.arena import lifecycle_apollo as apollo
from clew.arena.cli import app
from clew.arena.lifecycle_cases import AXES, HARMLESS, RARE, TRIGGERS, scripts, seeds
from clew.arena.lifecycle_lives import ClewLiving, EmptyLiving, Heard, Living, WordsLife, WordsLiving
from clew.arena.lifecycle_peers import PeerLiving
from clew.arena.lifecycle_script import Ask, Do, Marked, Residue, Say, Script
from clew.arena.lifecycle_slots import CHATS, SLOTS, TASKS, WORDS
from clew.arena.lifecycle_world import ME, Fact, Said, Subject, said, sentence
from clew.arena.peers import NAMES
from clew.arena.scores import normalised
from clew.errors import MissingExtra, UsageError
from clew.operators.slots import readings, senses
from clew.recipe import load

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


def test_apollo_asks_of_no_moment_before_which_an_unread_line_may_have_changed_the_value() -> None:
    series = apollo.Series("valve", apollo.GROUND, r"valve is (\d)", ("?",), doubt=r"valve.*\d")
    lines = [{"speaker": "CC", "text": text} for text in ("valve is 1", "valve, put to 2", "valve is 3", "thanks", "valve is 4")]
    places = apollo.stated(series, lines)
    assert [value for _, value in places] == ["1", "3", "4"] and apollo.doubtful(series, lines, places) == [1]


def test_a_reading_is_a_label_beside_its_value_and_no_compound_of_it() -> None:
    label = (senses.mates("litres"),)
    told = ("Litres, 40.2; bars, 3.", "It is 40 litres now.", "The litres, Ann, are 39.", "40 on the litres")
    assert all(readings.reads(text, label, True) for text in told)
    other = ("We filled 6 litre-bottles.", "Could you read us the litres?", "Litres and bars, please, at 10.")
    assert not any(readings.reads(text, label, True) for text in other[:2])


def test_who_has_a_role_is_told_by_the_name_that_replies_use() -> None:
    assert readings.role("Who is FIREBOSS?") == "FIREBOSS" and readings.short_for("FB", "FIREBOSS")
    assert readings.short_for("DOP", "duty operations person") and not readings.short_for("XY", "FIREBOSS")
    assert readings.asked("How many litres do I use?") is None and readings.asked("What is the height of Ann?") is None


def test_a_question_for_somebody_is_not_answered_by_a_number() -> None:
    assert senses.near("hotel", frozenset({"staying"})) == 1.0 and senses.near("gym", frozenset({"exercise"})) == 1.0
    assert senses.answers("Who is my tutor?", "ruth", True) and not senses.answers("How many keys are there?", "brass", False)
    assert senses.plain("I work out at noon, 40 euros an hour").split()[:2] == ["I", "exercise"]
    assert senses.apart(frozenset({"employer"}), frozenset({"occupation"}))


def test_without_the_transcript_apollo_says_what_is_missing(tmp_path) -> None:
    with pytest.raises(UsageError, match=r"no air_to_ground\.jsonl"):
        apollo.script(1, tmp_path)


# -- the runner ---------------------------------------------------------------------------------------------------


def shares(living: Living, tmp_path: Path, *axes: str) -> dict[str, dict[str, dict[str, float]]]:
    return lifecycle.run(lifecycle.Plan((1,), tmp_path, axes), [living], quiet=True)["systems"][living.name]["measures"]


def asked(gold: str | None, *wrong: str, kind: str = "now") -> Ask:
    return Ask("q", kind, "u", "Where do I live?", "2025-01-02T00:00:00+00:00", gold, ("e",), wrong)


def test_an_answer_is_right_when_it_holds_the_gold_value_and_no_stale_one() -> None:
    ask = asked("Ghent", "Lisbon")
    assert lifecycle.judged(ask, "You live in Ghent.", ["I live in Ghent."], True)
    assert not lifecycle.judged(ask, "Lisbon, later Ghent", ["I live in Ghent."], True)
    assert not lifecycle.judged(ask, None, ["I live in Ghent."], True)
    assert lifecycle.judged(ask, "Actually I meant Ghent, not Lisbon.", ["Actually I meant Ghent, not Lisbon."], True)


def test_where_nothing_may_be_answered_a_system_that_can_decline_must() -> None:
    ask = asked(None, "Lisbon")
    assert lifecycle.judged(ask, None, [], True)
    assert not lifecycle.judged(ask, "It is raining.", [], True)
    assert lifecycle.judged(ask, "It is raining.", [], False)
    assert not lifecycle.judged(ask, "Ada lives in Lisbon.", [], False)


def test_an_empty_memory_fails_every_axis(tmp_path: Path) -> None:
    found = shares(EmptyLiving(), tmp_path)
    for measure in (
        "cascade: others left",
        "absence: answerable answered",
        "rollback: answered",
        "isolation: own answered",
        "erasure: the rest stays",
        "cost: answered",
    ):
        assert found[measure]["all"]["mean"] == 0, measure
    assert found["as-of"]["all"]["mean"] < 0.1


def test_words_alone_find_what_is_not_asked_for_and_mark_nothing(tmp_path: Path) -> None:
    found = shares(WordsLiving(), tmp_path, "absence", "cascade")
    assert found["absence: not answered"]["all"]["mean"] < 0.9
    assert found["cascade: affected marked"]["all"]["mean"] == 0 and found["cascade: others left"]["all"]["mean"] == 1


def test_whatever_the_recipe_clew_rolls_back_isolates_and_erases(tmp_path: Path) -> None:
    found = shares(ClewLiving(load("verbatim")), tmp_path, "rollback", "isolation", "erasure")
    for measure in (
        "rollback: same as before",
        "isolation: nothing of others",
        "isolation: same as alone",
        "erasure: nowhere told",
        "erasure: in no byte",
        "erasure: the rest stays",
    ):
        assert found[measure]["all"]["mean"] == 1, measure


def test_whatever_the_recipe_a_premise_that_falls_through_a_door_marks_what_rests_on_it(tmp_path: Path) -> None:
    found = shares(ClewLiving(load("verbatim")), tmp_path, "cascade")
    for kind in ("retired as superseded", "retired as corrected", "revised", "retracted"):
        assert found["cascade: affected marked"][kind]["mean"] == 1, kind
    assert found["cascade: others left"]["all"]["mean"] == 1


def test_what_is_shown_as_of_a_place_holds_no_later_value(tmp_path: Path) -> None:
    assert shares(ClewLiving(load("verbatim")), tmp_path, "as-of")["as-of: nothing from later"]["all"]["mean"] == 1


def test_a_forgotten_value_that_is_still_found_is_a_leak_even_below_the_first_place(tmp_path: Path) -> None:
    game = lifecycle.Game(Script("s", "absence", ()), WordsLiving(), WordsLife(tmp_path / "t.json"), tmp_path)
    game.told = {"e": Say("e", "u", "I like tea.", "2025-01-01T00:00:00+00:00")}
    assert game.leaked(("Ghent", "tea"), "u", Heard(("I like tea.", "Home is Ghent."))) == ["Ghent"]


def test_a_run_that_was_cut_off_goes_on_where_it_stopped(tmp_path: Path) -> None:
    first = shares(WordsLiving(), tmp_path, "absence")
    path = tmp_path / "lifecycle-bm25.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    changed = json.loads(lines[1])
    changed["marks"] = [replace_right(mark) for mark in changed["marks"]]
    path.write_text("".join([lines[0], json.dumps(changed) + "\n", *lines[2:-1], lines[-1][:40]]))
    again = shares(WordsLiving(), tmp_path, "absence")
    assert again["absence: not answered"]["all"]["mean"] < first["absence: not answered"]["all"]["mean"], "the kept row was used"
    assert again["absence: not answered"]["all"]["n"] == first["absence: not answered"]["all"]["n"]


def replace_right(mark: dict[str, object]) -> dict[str, object]:
    return {**mark, "right": False}


@pytest.mark.parametrize("name", NAMES)
def test_a_peer_plays_with_its_own_doors_and_says_which_it_has_not(name: str, tmp_path: Path) -> None:
    try:
        peer = PeerLiving(name)
    except MissingExtra as missing:
        pytest.skip(str(missing))
    found = shares(peer, tmp_path, "erasure", "cascade")
    assert found["erasure: the rest stays"]["all"]["mean"] == 1
    assert "basis" not in peer.doors and "(no door)" in (tmp_path / "lifecycle.md").read_text()


def test_systems_of_an_earlier_run_over_the_same_scripts_stay_in_the_table(tmp_path: Path) -> None:
    plan = lifecycle.Plan((1,), tmp_path, ("isolation",))
    lifecycle.run(plan, [WordsLiving()], quiet=True)
    assert list(lifecycle.run(plan, [EmptyLiving()], quiet=True)["systems"]) == ["empty", "bm25"]
    other = lifecycle.Plan((2,), tmp_path, ("isolation",))
    assert list(lifecycle.run(other, [EmptyLiving()], quiet=True)["systems"]) == ["empty"]


def test_an_interval_says_something_where_all_are_right() -> None:
    low, high = lifecycle_report.wilson(20, 20)
    assert 0.8 < low < 0.85 and high == pytest.approx(1)


def test_the_command_plays_the_controls_and_writes_the_table(tmp_path: Path) -> None:
    options = ["lifecycle", "--system", "controls", "--seed", "1", "--axis", "isolation", "--out", str(tmp_path)]
    result = CliRunner().invoke(app, options)
    assert result.exit_code == 0, result.output
    assert "isolation: nothing of others" in (tmp_path / "lifecycle.md").read_text()
    assert isinstance(CliRunner().invoke(app, ["lifecycle", "--axis", "nonsense"]).exception, UsageError)

"""What must stay and what must go by itself: legal holds, pins, and rules by age, kind, scope and words."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from clew import Clew, Denied, NotFound, UsageError
from clew import forget as forgetting
from clew.cli import app
from clew.storage.log import Entry
from clew.types import Scope

Open = Callable[..., Clew]
TODAY = date(2021, 11, 22)


def aged(clew: Clew) -> Clew:
    """A line of ana and one of bo for each of ten months of 2021, learned when it was said."""
    for month in range(1, 11):
        at = datetime(2021, month, 1, 12, tzinfo=UTC)
        clew.record([{"content": f"ana in month {month} qzx{month}", "at": at}], user="ana", session=f"s{month % 2}", as_lived=True)
        clew.record([{"content": f"bo in month {month}", "at": at, "kind": "observation"}], user="bo", as_lived=True)
    clew.catch_up()
    return clew


def left(clew: Clew) -> list[int]:
    return [e.seq for e in clew.log.read() if not e.forgotten and e.kind not in ("forget", "hold", "rule")]


# -- holds ----------------------------------------------------------------------------------------------------------

COVERED: dict[str, tuple[dict[str, Any], int]] = {
    "a person": ({"user": "ana"}, 10),
    "a session": ({"session": "s1"}, 5),
    "some events": ({"events": [1, 3]}, 2),
    "some words": ({"matching": "QZX1"}, 2),
    "a person before a day": ({"user": "ana", "before": "2021-03-15T00:00:00+00:00"}, 3),
}


@pytest.mark.parametrize("how", list(COVERED))
def test_a_forget_that_meets_a_hold_is_refused_and_changes_nothing(memory: Open, how: str) -> None:
    clew = aged(memory())
    covers, count = COVERED[how]
    held = clew.hold(**covers, reason="Acme v. Harbour").seq
    before = list(clew.log.read())
    with pytest.raises(Denied, match=rf"hold {held} \(Acme v. Harbour\) keeps {count} of these events"):
        clew.forget(user="ana")
    assert list(clew.log.read()) == before
    tried = clew.forget(user="ana", dry_run=True)
    assert (len(tried.held), tried.state) == (count, "dry run")
    assert f"hold {held} (Acme v. Harbour)" in tried.why
    clew.release(held)
    assert clew.forget(user="ana").state == "erased"
    assert left(clew) == list(range(2, 21, 2))


@pytest.mark.parametrize("how", list(COVERED))
def test_what_is_not_held_can_be_forgotten_alone_and_the_receipt_says_what_was_held(memory: Open, how: str) -> None:
    clew = aged(memory())
    covers, count = COVERED[how]
    clew.hold(**covers, reason="Acme v. Harbour")
    receipt = clew.forget(user="ana", except_held=True)
    assert len(receipt.held) == count
    assert len([s for s in receipt.seqs if s <= 20]) == 10 - count
    assert not set(receipt.held) & set(receipt.seqs)
    assert [s for s in left(clew) if s % 2] == sorted(receipt.held)
    assert clew.verify_forgotten(receipt) == []
    assert clew.log.verify()


def test_a_hold_covers_what_is_recorded_later(memory: Open) -> None:
    clew = memory()
    clew.hold(user="ana", reason="an audit")
    clew.record("the Zanzibar papers", user="ana")
    with pytest.raises(Denied):
        clew.forget(matching="zanzibar")
    assert clew.forget(matching="zanzibar", except_held=True).why.startswith("all that matched is held")


def test_a_hold_keeps_a_conclusion_whose_premise_goes(memory: Open) -> None:
    clew = memory()
    clew.record("the ledger was burnt", user="ana")
    clew.catch_up()
    [premise] = clew.memories(user="ana")
    clew.record("somebody hides something", user="ana", basis=[premise.id])
    clew.hold(events=[2], reason="an audit")
    with pytest.raises(Denied):
        clew.forget(events=[1])
    receipt = clew.forget(events=[1], except_held=True)
    assert (receipt.seqs, receipt.held) == ((1,), (2,))
    assert [m.text for m in clew.memories(user="ana")] == ["somebody hides something"]


def test_two_holds_are_released_one_by_one(memory: Open) -> None:
    clew = aged(memory())
    first, second = clew.hold(user="ana", reason="one").seq or 0, clew.hold(session="s1", reason="two").seq or 0
    assert [h.reason for h in clew.holds()] == ["one", "two"]
    clew.release(first)
    with pytest.raises(Denied, match="two"):
        clew.forget(user="ana")
    with pytest.raises(NotFound, match=f"no hold {first} in force; there are {second}"):
        clew.release(first)
    clew.release(second)
    assert clew.holds() == []


def test_a_hold_itself_is_not_forgotten_while_it_is_in_force(memory: Open) -> None:
    clew = aged(memory())
    held = clew.hold(matching="qzx3", reason="an audit").seq or 0
    with pytest.raises(Denied, match="release"):
        clew.forget(events=[held])
    receipt = clew.forget(matching="qzx", except_held=True)
    assert (receipt.held, receipt.mentioned_elsewhere) == ((5,), (held,))
    assert [h.seq for h in clew.holds()] == [held]
    clew.release(held)
    assert held in clew.forget(matching="qzx").seqs


def test_a_forgotten_person_leaves_no_name_in_a_hold_that_was_released(memory: Open, tmp_path: Path) -> None:
    clew = memory()
    clew.record("words of mine", user="Annabella", actor="Quillon")
    held = [clew.hold(user="Annabella", reason="one").seq, clew.hold(actor="Quillon", reason="two").seq]
    for seq in held:
        clew.release(seq or 0)
    receipt = clew.forget(user="Annabella")
    more = clew.forget(actor="Quillon")
    assert receipt.state == more.state == "erased"
    clew.close()
    data = (tmp_path / "memory.db").read_bytes().lower()
    assert b"annabella" not in data and b"quillon" not in data


BAD_HOLDS: list[dict[str, Any]] = [
    {"reason": "nothing is named"},
    {"user": "ana", "reason": "  "},
    {"matching": " ", "reason": "an audit"},
    {"events": [0], "reason": "an audit"},
    {"before": "2026-01-01T00:00:00", "reason": "an audit"},
]


@pytest.mark.parametrize("how", BAD_HOLDS)
def test_a_hold_that_does_not_say_what_or_why_is_refused(memory: Open, how: dict[str, Any]) -> None:
    clew = aged(memory())
    with pytest.raises(UsageError):
        clew.hold(**how)
    with pytest.raises(NotFound):
        clew.hold(events=[99], reason="an audit")
    assert clew.log.head() == 20


# -- pins -----------------------------------------------------------------------------------------------------------


def test_a_pinned_memory_is_left_out_of_rules_and_goes_with_an_explicit_forget(memory: Open) -> None:
    clew = aged(memory())
    [third] = [m for m in clew.memories(user="ana") if "month 3 " in m.text]
    clew.pin(third.id)
    clew.pin(events=[1])
    assert clew.pinned() == {1, 5}
    clew.unpin(events=[1])
    clew.retain("old", older_than=timedelta(days=30), user="ana")
    [receipt] = clew.retention(day=TODAY)
    assert receipt.seqs == (1, 3, 7, 9, 11, 13, 15, 17, 19)
    assert 5 in clew.forget(user="ana").seqs
    assert clew.pinned() == frozenset()


def test_a_pinned_conclusion_outlives_a_premise_that_a_rule_takes(memory: Open) -> None:
    clew = aged(memory())
    [first] = [m for m in clew.memories(user="ana") if "month 1 " in m.text]
    done = clew.record("ana is often away", user="ana", basis=[first.id]).seq or 0
    clew.pin(events=[done])
    clew.retain("old", older_than=300, user="ana")
    assert [r.seqs for r in clew.retention(day=TODAY)] == [(1,)]
    assert "ana is often away" in [m.text for m in clew.memories(user="ana")]


def test_a_pin_of_what_is_not_there_is_refused(memory: Open) -> None:
    clew = aged(memory())
    with pytest.raises(NotFound):
        clew.pin(events=[99])
    with pytest.raises(NotFound):
        clew.pin("00" * 10)
    with pytest.raises(UsageError):
        clew.pin()


# -- rules ----------------------------------------------------------------------------------------------------------

RULES: dict[str, tuple[dict[str, Any], list[int]]] = {
    "by age": ({"older_than": 200}, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
    "by age of a person": ({"older_than": timedelta(days=200), "user": "ana"}, [1, 3, 5, 7, 9]),
    "by age of a session": ({"older_than": 200, "session": "s1"}, [1, 5, 9]),
    "by kind": ({"kind": "observation"}, list(range(2, 21, 2))),
    "by age of a kind": ({"older_than": 250, "kind": "observation"}, [2, 4, 6]),
    "by words": ({"matching": "MONTH 1"}, [1, 2, 19, 20]),
    "by words and age": ({"matching": "month 1", "older_than": 100}, [1, 2]),
}


@pytest.mark.parametrize("how", list(RULES))
def test_a_rule_forgets_what_it_says_and_nothing_else(memory: Open, how: str) -> None:
    clew = aged(memory())
    rule, gone = RULES[how]
    clew.retain("r", **rule)
    assert left(clew) == list(range(1, 21))  # nothing goes before the rules are applied
    [tried] = clew.retention(day=TODAY, dry_run=True)
    [receipt] = clew.retention(day=TODAY)
    assert (list(receipt.seqs), receipt.state, list(tried.seqs)) == (gone, "erased", gone)
    assert clew.verify_forgotten(receipt, probes=[f"qzx{s}" for s in gone if s % 2 and len(gone) == 20]) == []
    assert left(clew) == [s for s in range(1, 21) if s not in gone]
    note = next(e for e in clew.log.read() if e.seq == receipt.forget_seq)
    assert (note.body["rule"], note.body["date"]) == (clew.rules()[0].seq, "2021-11-22")
    assert clew.retention(day=TODAY) == []  # again on the same day: nothing
    assert clew.log.verify()


def test_the_age_of_an_event_grows_with_the_days(memory: Open) -> None:
    clew = aged(memory())
    clew.retain("old", older_than=30, user="ana")
    assert [r.seqs for r in clew.retention(day=date(2021, 2, 2))] == [(1,)]
    assert clew.retention(day=date(2021, 2, 2)) == []
    assert [r.seqs for r in clew.retention(day=date(2021, 4, 3))] == [(3, 5)]


def test_a_rule_of_ages_takes_an_edit_only_with_what_was_edited(memory: Open) -> None:
    clew = aged(memory())
    [first] = [m for m in clew.memories(user="ana") if "month 1 " in m.text]
    [third] = [m for m in clew.memories(user="ana") if "month 3 " in m.text]
    edits = [clew.revise(m.id, f"{m.text}, corrected").seq for m in (first, third)]
    clew.pin(events=[5])
    clew.retain("old", older_than=timedelta(microseconds=1), user="ana")
    [receipt] = clew.retention()
    assert edits[0] in receipt.seqs and edits[1] not in receipt.seqs
    assert [m.text for m in clew.memories(user="ana")] == [f"{third.text}, corrected"]


def test_rules_are_not_applied_as_of_a_day_to_come(memory: Open) -> None:
    clew = aged(memory())
    clew.retain("old", older_than=365 * 80)
    with pytest.raises(UsageError, match="earlier day"):
        clew.retention(day=datetime.now(UTC).date() + timedelta(days=2))


def test_many_rules_are_one_cleaning_and_a_receipt_each(memory: Open) -> None:
    clew = aged(memory())
    clew.retain("one", matching="month 1")
    clew.retain("two", matching="month 2")
    clew.retain("none", matching="month 77")
    receipts = clew.retention(day=TODAY)
    assert [r.seqs for r in receipts] == [(1, 2, 19, 20), (3, 4)]
    assert {r.state for r in receipts} == {"erased"}
    assert len({r.scanned["bytes"] for r in receipts}) == 1
    with clew.database.snapshot() as c:
        meta = dict(c.execute("SELECT key, value FROM meta WHERE key IN ('erasures', 'cleaned')"))
    assert meta == {"erasures": 2, "cleaned": 2}


def test_a_rule_leaves_what_is_held_and_says_so(memory: Open) -> None:
    clew = aged(memory())
    clew.hold(events=[3], reason="an audit")
    clew.retain("old", older_than=200, user="ana")
    [receipt] = clew.retention(day=TODAY)
    assert (receipt.seqs, receipt.held) == ((1, 5, 7, 9), (3,))


def test_rules_holds_and_pins_do_not_wear_themselves_out(memory: Open) -> None:
    clew = memory()
    clew.record("kept words", user="ana")
    clew.hold(user="bo", reason="an audit")
    clew.pin(events=[1])
    clew.retain("old", older_than=timedelta(microseconds=1))
    clew.retain("words", matching="audit")
    clew.retain("withdrawn", matching="harbour")
    clew.withdraw("withdrawn")
    assert clew.retention() == []
    assert [r.name for r in clew.rules()] == ["old", "words"]
    assert (len(clew.holds()), clew.pinned()) == (1, {1})


def test_a_rule_that_would_take_more_than_it_may_takes_nothing_and_says_so(memory: Open, caplog: pytest.LogCaptureFixture) -> None:
    clew = aged(memory())
    tried = clew.retain("old", older_than=365 * 90, user="ana", at_most=3)
    assert (tried.seqs, clew.rules()[0].said) == ((), 0)
    clew.withdraw("old")
    clew.retain("old", older_than=200, user="ana", at_most=3)
    [receipt] = clew.retention(day=TODAY)
    assert (receipt.state, len(receipt.seqs)) == ("refused", 5)
    assert "would forget 5 events and may forget 3" in receipt.why
    assert "would forget 5 events" in caplog.text
    assert left(clew) == list(range(1, 21))


def test_what_a_rule_was_said_to_take_is_told_with_what_it_takes(memory: Open) -> None:
    clew = aged(memory())
    clew.retain("old", kind="message", matching="month 1")
    clew.record("ana in month 1 again", user="ana")
    [tried] = clew.retention(day=TODAY, dry_run=True)
    assert (tried.counts["event"], tried.counts["said"]) == (3, 2)
    assert tried.why == "rule 'old': 3 events; 2 when it was made"


def test_a_rule_that_is_only_tried_is_not_in_force(memory: Open) -> None:
    clew = aged(memory())
    assert len(clew.retain("old", older_than=200, dry_run=True).seqs) == 20
    assert (clew.rules(), clew.log.head()) == ([], 20)


BAD_RULES: dict[str, dict[str, Any]] = {
    "needs an age, a kind or words": {},
    "of kinds": {"user": "ana"},
    "more than nothing": {"older_than": 0},
    "at most 36,500 days": {"older_than": 10**12},
    "whole days": {"older_than": 1.5},
    "no events of kind 'mesage'": {"kind": "mesage"},
    "not forgotten by a rule": {"kind": "edit"},
    "at least 2 characters": {"matching": "a "},
    "1 or more": {"older_than": 1, "at_most": 0},
}


@pytest.mark.parametrize("error", list(BAD_RULES))
def test_a_bad_rule_is_refused_with_what_is_wrong(memory: Open, error: str) -> None:
    clew = aged(memory())
    wanted = "needs an age, a kind or words" if error == "of kinds" else error
    with pytest.raises(UsageError, match=wanted):
        clew.retain("r", **BAD_RULES[error])
    assert clew.log.head() == 20


def test_a_name_is_one_rules_own(memory: Open) -> None:
    clew = aged(memory())
    clew.retain("r", older_than=1)
    with pytest.raises(UsageError, match="withdraw it first"):
        clew.retain("r", older_than=2)
    with pytest.raises(NotFound, match="there are r"):
        clew.withdraw("s")
    clew.withdraw("r")
    clew.retain("r", older_than=2)
    assert [r.older_than for r in clew.rules()] == [timedelta(days=2)]


def test_rules_holds_and_pins_survive_a_rebuild_an_export_and_a_restore(memory: Open, tmp_path: Path) -> None:
    clew = aged(memory())
    clew.retain("old", older_than=200, user="ana", reason="the policy")
    clew.hold(events=[1], reason="an audit")
    clew.pin(events=[3])
    clew.rebuild("verbatim")
    clew.export(tmp_path / "log.jsonl")
    other = memory("other.db")
    other.load(tmp_path / "log.jsonl")
    assert (other.rules(), other.holds(), other.pinned()) == (clew.rules(), clew.holds(), clew.pinned())
    [receipt] = other.retention(day=TODAY)
    assert (receipt.seqs, receipt.held) == ((5, 7, 9), (1,))


def test_holds_pins_and_rules_are_not_carried_into_a_log_that_has_events_of_its_own(memory: Open, tmp_path: Path) -> None:
    clew = aged(memory())
    clew.retain("old", older_than=200, user="ana")
    clew.hold(events=[1], reason="an audit")
    clew.export(tmp_path / "log.jsonl")
    other = memory("other.db")
    other.record("somebody else's words", user="zoe")
    other.load(tmp_path / "log.jsonl")
    assert (other.rules(), other.holds()) == ([], [])


def test_a_forgotten_person_takes_the_rules_about_them_along(memory: Open) -> None:
    clew = aged(memory())
    clew.retain("of ana", older_than=200, user="ana")
    clew.retain("of all", older_than=300)
    clew.forget(user="ana")
    assert [r.name for r in clew.rules()] == ["of all"]


def test_the_rules_are_due_once_a_day(memory: Open) -> None:
    clew = aged(memory())
    today = datetime.now(UTC).date()
    assert forgetting.due(clew.log, today)
    clew.retention()
    assert not forgetting.due(clew.log, today)
    assert forgetting.due(clew.log, today + timedelta(days=1))


@pytest.mark.parametrize("kind", ["hold", "rule"])
def test_callers_do_not_write_holds_and_rules_by_hand(memory: Open, kind: str) -> None:
    with pytest.raises(UsageError, match=kind):
        memory().record({"op": "release", "hold": 1, "content": "x"}, kind=kind)


def test_events_of_these_kinds_from_before_they_were_ours_are_plain_events(memory: Open) -> None:
    clew = memory()
    for body in ("please hold", {"content": "a rule of thumb"}, {"op": "hold"}, {"op": ["add"]}):
        clew.log.append(Entry("hold" if "hold" in str(body) else "rule", body, Scope("ana"), None, 5, None))
    assert (clew.holds(), clew.rules(), clew.pinned()) == ([], [], frozenset())
    assert clew.forget(user="ana").seqs == (1, 2, 3, 4)


# -- the command line -----------------------------------------------------------------------------------------------


@pytest.fixture
def said(memory: Open, tmp_path: Path) -> Callable[..., str]:
    """Runs `clew ARGUMENTS` on ten months of ana and bo; gives what it prints."""
    aged(memory(recipes=["clew"])).close()

    def go(*arguments: str, status: int = 0) -> str:
        result = CliRunner().invoke(app, list(arguments), env={"CLEW_DB": str(tmp_path / "memory.db"), "COLUMNS": "200"})
        assert result.exit_code == status, (result.output, result.exception)
        return result.stdout + result.stderr

    return go


def test_holds_are_made_listed_met_and_released_on_the_command_line(said: Callable[..., str]) -> None:
    assert "no hold is in force" in said("hold")
    assert "hold 21 is in force" in said("hold", "-u", "ana", "--session", "s1", "--reason", "Acme v. Harbour")
    assert "user=ana session=s1: Acme v. Harbour" in said("hold")
    tried = said("forget", "-u", "ana", "--dry-run")
    assert "5 are under a legal hold: 1, 5, 9, 13, 17" in tried
    assert "memories of clew rest on them" in tried
    assert "release(21)" in said("forget", "-u", "ana", "--yes", status=Denied.exit_code)
    assert "erased: 5 events" in said("forget", "-u", "ana", "--yes", "--except-held")
    assert "released" in said("release", "21")
    assert "there are none" in said("release", "21", status=NotFound.exit_code)
    assert said("hold", "-u", "ana", status=UsageError.exit_code).startswith("clew: a hold needs a reason")


def test_rules_are_tried_made_listed_applied_and_withdrawn_on_the_command_line(said: Callable[..., str]) -> None:
    assert "no rule is in force" in said("retain")
    assert "today it would forget" in said("retain", "old", "--older-than", "1", "-u", "ana", "--dry-run")
    assert "no rule is in force" in said("retain")
    assert "rule 'old' is in force" in said("retain", "old", "--matching", "month 1", "-u", "ana", "--yes")
    assert "old: user=ana matching=month 1; 2 when it was made" in said("retain")
    said("pin", "--event", "1")
    assert said("pin").split() == ["1"]
    assert "dry run: 1 events (rule 'old': 1 events; 2 when it was made)" in said("retain", "--dry-run")
    assert "erased: 1 events" in said("retain", "--now", "--yes")
    assert "no rule has anything to take" in said("retain", "--now", "--yes")
    said("unpin", "--event", "1")
    assert json.loads(said("retain", "--now", "--json"))[0]["seqs"] == [1]
    assert "withdrawn" in said("retain", "old", "--withdraw")
    assert "a rule needs a name" in said("retain", "--older-than", "3", status=UsageError.exit_code)
    assert "a rule needs an age" in said("retain", "bad", "--yes", status=UsageError.exit_code)

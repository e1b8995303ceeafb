"""What is weak may be put away, by an event that can be undone; what is pinned, held, used or in doubt stays."""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from typer.testing import CliRunner

from clew import Clew, NotFound, UsageError, retention
from clew import decay as decaying
from clew import strength as strengths
from clew.arena import decay_curve
from clew.cli import app
from clew.cli.decaying import simulated
from clew.decay import spared
from clew.maintenance import reference

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
LINES = (
    "My sister Ilse keeps bees on the roof of the old brewery in Ghent",
    "ok",
    "The blue folder with the lease is in the cupboard above the washing machine",
    "Thanks, talk later!",
    "Our dentist moved to Vlasmarkt 12, second floor, ring twice",
    "haha yes",
    "I am allergic to hazelnuts, and walnuts make me cough",
    "good night",
    "The violin teacher wants 45 euros an hour from September on",
    "sure, why not",
)


def lived(lines: Iterable[str], user: str = "ana", apart: timedelta = timedelta(days=1)) -> list[dict[str, Any]]:
    """Messages of a user, each in a session of its own, recorded as they were lived."""
    return [
        {"role": "user", "content": line, "at": (START + i * apart).isoformat(), "session": f"{user} {i // 4}", "user": user}
        for i, line in enumerate(lines)
    ]


def told(c: Clew, lines: Iterable[str] = LINES, **options: Any) -> None:
    """Record lines as lived and fold them."""
    c.record(lived(lines, **options), as_lived=True)
    c.catch_up()


def measured(c: Clew, user: str | None = "ana") -> dict[str, tuple[float, dict[str, float]]]:
    """Words of each memory in sight -> (strength, its parts)."""
    folder = c.aging("verbatim")
    found = {}
    for part in strengths.partitions(folder.view, user):
        known = strengths.held(folder.view, part, user)
        value, parts = strengths.strength(strengths.signals(folder.view, known))
        found |= {t: (float(value[i]), {n: float(p[i]) for n, p in parts.items()}) for i, t in enumerate(known.texts)}
    return found


def id_of(c: Clew, words: str, user: str = "ana") -> str:
    return next(m.id for m in c.memories(user=user) if m.text == words)


# -- strength -------------------------------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None, database=None)
@given(st.integers(1, 20).flatmap(lambda n: st.tuples(*[arrays(np.float64, n, elements=st.floats(0, 1e4)) for _ in range(6)])))
def test_strength_is_between_0_and_1_and_its_parts_add_up(columns: tuple[np.ndarray, ...]) -> None:
    bits, novelty, recalls, confirmed, refuted, idle = columns
    found = strengths.Signals(bits, np.minimum(novelty, 1), bits > 50, recalls, confirmed, refuted, idle)
    value, parts = strengths.strength(found)
    assert ((value >= 0) & (value <= 1.000001)).all()
    assert np.allclose(sum(parts.values()), value, atol=1e-5)


def test_a_telling_line_is_stronger_than_small_talk(memory: Callable[..., Clew]) -> None:
    c = memory()
    told(c)
    found = {line: strength for line, (strength, _) in measured(c).items()}
    telling, small = LINES[0::2], LINES[1::2]
    assert min(found[line] for line in telling) > max(found[line] for line in small)


def test_what_was_recalled_and_what_was_found_good_is_stronger_and_what_was_found_bad_is_weaker(memory: Callable[..., Clew]) -> None:
    c = memory(audit=True)
    told(c)
    before = measured(c)
    c.recall("where is the lease?", user="ana", k=1)
    c.feedback(id_of(c, LINES[4]), good=True)
    c.feedback(id_of(c, LINES[6]), good=False)
    after = measured(c)
    assert after[LINES[2]][1]["use"] > before[LINES[2]][1]["use"] == 0
    assert after[LINES[4]][1]["confirmation"] > before[LINES[4]][1]["confirmation"] == 0
    assert after[LINES[6]][0] < 0.6 * before[LINES[6]][0]


def test_a_question_asked_in_a_loop_counts_once_a_day(memory: Callable[..., Clew]) -> None:
    c = memory(audit=True)
    told(c)
    c.recall("where is the lease?", user="ana", k=1)
    once = measured(c)[LINES[2]][1]["use"]
    for _ in range(20):
        c.recall("Where is the lease?", user="ana", k=1)
    assert measured(c)[LINES[2]][1]["use"] == once


def test_saying_it_again_confirms_the_first_and_another_number_does_not(memory: Callable[..., Clew]) -> None:
    c = memory()
    again = "So our dentist moved to Vlasmarkt 12, second floor, ring twice"
    other = "The violin teacher wants 55 euros an hour from September on"
    told(c, [*LINES, again, other])
    found = measured(c)
    assert found[LINES[4]][1]["confirmation"] > 0
    assert found[again][1]["surprise"] < found[LINES[4]][1]["surprise"]
    assert found[LINES[8]][1]["confirmation"] == 0
    assert found[other][1]["surprise"] > found[again][1]["surprise"] * 1.5  # a change is news, not a repetition


def test_a_stranger_who_repeats_it_confirms_nothing(memory: Callable[..., Clew]) -> None:
    c = memory()
    told(c)
    c.record(
        "Our dentist moved to Vlasmarkt 12, second floor, ring twice!",
        user="ana",
        trust="web",
        as_lived=True,
        at=START + timedelta(days=20),
    )
    assert measured(c)[LINES[4]][1]["confirmation"] == 0


def test_age_counts_on_the_learned_clock_and_a_future_time_does_not_advance_it(memory: Callable[..., Clew]) -> None:
    c, other = memory(), memory("other.db")
    told(c)
    told(other)
    ages = {line: parts["age"] for line, (_, parts) in measured(c).items()}
    assert [ages[line] for line in LINES] == sorted(ages.values()), "the older, the weaker"
    now = START + timedelta(days=10)
    for clew, at in ((c, now + timedelta(days=40_000)), (other, now)):
        clew.record("Remind me of the comet in the year 2135", user="ana", at=at.isoformat(), as_lived=True)
    aged, usual = measured(c), measured(other)
    assert all(aged[line][1]["age"] > 0 for line in LINES)
    # imported as lived, an event is learned when it happened or now, whichever is earlier: the far future counts as now
    assert c.log.read(after=len(LINES)).__next__().recorded_at <= datetime.now(UTC)
    assert usual[LINES[0]][1]["age"] > 0


def test_half_of_age_is_gone_after_a_half_life_and_use_stretches_it() -> None:
    one, nothing = np.ones(2), np.zeros(2)
    found = strengths.Signals(one, one, one < 0, np.array([0.0, 1.0]), nothing, nothing, one * strengths.HALF_LIFE)
    _, parts = strengths.strength(found)
    assert parts["age"][0] == pytest.approx(strengths.WEIGHTS["age"] / 2)
    assert parts["age"][1] == pytest.approx(strengths.WEIGHTS["age"] * 2**-0.5, abs=1e-5)


def test_likeness_by_landmarks_finds_the_same_repetitions_as_all_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.Generator(np.random.PCG64(3))
    codes = random.integers(-127, 128, (600, 64)).astype(np.int8)
    codes[300:] = codes[random.permutation(300)]
    exact, where = strengths.alike(codes, np.arange(600))
    monkeypatch.setattr(strengths, "EXACT", 100)
    rough, nearest = strengths.alike(codes, np.arange(600))
    assert (exact[300:] > 0.999).all()
    assert (rough[300:] > 0.999).all()
    assert (where[300:] == nearest[300:]).all()
    assert (rough <= exact + 1e-5).all(), "what is not compared can only be missed"
    assert (exact[0], where[0]) == (0, -1)


# -- policy ---------------------------------------------------------------------------------------------------------


def test_a_dry_run_writes_nothing_and_names_the_weakest_with_their_reasons(memory: Callable[..., Clew]) -> None:
    c = memory()
    told(c)
    head = c.log.head()
    found = c.decay(user="ana", keep_count=6)
    assert c.log.head() == head
    assert found.seqs == ()
    assert {item.text for item in found.items} < set(LINES[1::2])
    assert (found.memories, len(found.items), found.spared) == (10, 4, 0)
    for item in found.weakest:
        assert sum(item.why.values()) == pytest.approx(item.strength, abs=1e-5)
    assert [item.strength for item in found.weakest] == sorted(item.strength for item in found.weakest)
    assert not c.decay(user="ana").items


def test_what_is_put_away_is_not_recalled_and_comes_back(memory: Callable[..., Clew]) -> None:
    c = memory()
    told(c)
    done = c.decay(user="ana", keep_count=2, dry_run=False)
    assert len(done.items) == 8
    assert len(done.seqs) == 1
    left = {m.text for m in c.memories(user="ana")}
    assert len(left) == 2
    assert {h.memory.text for h in c.recall("lease dentist hazelnuts violin bees", user="ana")} <= left
    everything = c.recall("lease dentist hazelnuts violin bees", user="ana", archived=True)
    assert len(everything) > 2
    assert all(c.thread(item.id)[0].text == item.text for item in done.items)
    c.archive([item.id for item in done.items], undo=True)
    assert {m.text for m in c.memories(user="ana")} == set(LINES)


def test_a_rebuild_meets_the_decision_again_and_decides_nothing_anew(memory: Callable[..., Clew]) -> None:
    c = memory()
    told(c)
    c.decay(user="ana", keep_count=4, dry_run=False)
    folder = c.aging("verbatim")
    live = list(folder.view.dump())
    told(c, [f"Something else that happened on day {i} in Antwerp" for i in range(5)])
    after = {m.text for m in c.memories(user="ana")}
    c.rebuild("verbatim")
    assert {m.text for m in c.memories(user="ana")} == after
    assert len(after) == 9
    assert live != list(c.aging("verbatim").view.dump())


def test_decay_as_an_event_replays_to_the_same_rows(memory: Callable[..., Clew]) -> None:
    c = memory()
    told(c)
    c.decay(keep_share=0.5, dry_run=False)
    live = list(c.aging("verbatim").view.dump())
    c.rebuild("verbatim")
    assert list(c.aging("verbatim").view.dump()) == live


def test_pins_and_holds_are_never_touched(memory: Callable[..., Clew]) -> None:
    c = memory()
    told(c)
    pinned, held = id_of(c, "ok"), id_of(c, "haha yes")
    retention.pin(c.log, memories=[pinned])
    retention.hold(c.log, retention.Wanted(events=[c.get(held).sources[0].seq]), "a lawsuit")
    done = c.decay(user="ana", keep_count=0, dry_run=False)
    assert done.spared == 2
    assert {m.text for m in c.memories(user="ana")} == {"ok", "haha yes"}
    assert spared(c.log) == {c.get(pinned).sources[0].seq, c.get(held).sources[0].seq}


def test_what_is_suspect_stays_for_its_owner_to_decide(memory: Callable[..., Clew]) -> None:
    c = memory()
    told(c)
    premise = id_of(c, LINES[2])
    c.record("The lease is safe where it is", user="ana", actor="agent", trust="assistant", basis=[premise])
    c.catch_up()
    c.retire(premise, reason="corrected")
    doubted = [m for m in c.memories(user="ana") if m.status == "suspect"]
    assert len(doubted) == 1
    done = c.decay(user="ana", keep_count=0, dry_run=False)
    assert done.spared == 1
    assert {m.id for m in c.memories(user="ana")} == {doubted[0].id}


def test_one_users_decay_leaves_the_others_alone(memory: Callable[..., Clew]) -> None:
    c = memory()
    told(c)
    told(c, user="bo")
    c.decay(user="ana", keep_count=0, dry_run=False)
    assert not c.memories(user="ana")
    assert len(c.memories(user="bo")) == len(LINES)


def test_budgets_are_kept_and_limits_are_checked(memory: Callable[..., Clew]) -> None:
    c = memory()
    told(c)
    whole = c.decay(user="ana").bytes
    for limit in ({"keep_share": 0.4}, {"keep_bytes": 2000}):
        found = c.decay(user="ana", **limit)
        budget = limit.get("keep_bytes", int(0.4 * whole))
        assert whole - found.freed <= budget
        assert whole - found.freed + found.items[-1].size > budget, "no more than is needed"
    assert all(item.strength < 0.3 for item in c.decay(user="ana", below=0.3).items)
    assert not c.decay(user="ana", below=0.0).items
    assert not c.decay(user="ana", keep_share=1.0).items
    assert len(c.decay(user="ana", keep_bytes=0).items) == len(LINES)
    for wrong in ({"below": 2.0}, {"keep_share": -1.0}, {"keep_bytes": -1}, {"below": 0.5, "keep_count": 3}):
        with pytest.raises(UsageError):
            c.decay(user="ana", **wrong)
    with pytest.raises(UsageError, match="how much"):
        c.decay(user="ana", dry_run=False)


def test_an_item_is_named_as_every_edit_names_a_memory(memory: Callable[..., Clew]) -> None:
    c = memory()
    told(c)
    [item, *_] = c.decay(user="ana", keep_count=3).items
    generation = c.generations("verbatim")[0]
    assert item.reference == reference(c.database.secret, c.get(item.id), generation.recipe, generation.id)


def test_very_many_are_named_by_several_events(memory: Callable[..., Clew], monkeypatch: pytest.MonkeyPatch) -> None:
    c = memory()
    told(c)
    monkeypatch.setattr(decaying, "ITEMS", 3)
    done = c.decay(user="ana", keep_count=0, dry_run=False)
    assert len(done.seqs) == 4
    assert not c.memories(user="ana")


def test_only_what_nothing_else_rests_on_may_be_erased(memory: Callable[..., Clew]) -> None:
    c = memory()
    told(c)
    premise = id_of(c, "good night")
    c.record("She goes to bed early", user="ana", actor="agent", trust="assistant", basis=[premise])
    c.catch_up()
    c.archive([id_of(c, line) for line in LINES[1::2]])
    events, waiting = c.faded(user="ana")
    assert waiting == 1
    assert events == (2, 4, 6, 10)
    receipt = c.forget(events=list(events))
    assert receipt.state == "erased"
    assert {m.text for m in c.memories(user="ana")} == {*LINES[0::2], "She goes to bed early"}
    assert c.get(premise).status == "archived"
    assert c.faded(user="ana") == ((), 1)


def test_another_recipes_view_keeps_the_event(memory: Callable[..., Clew]) -> None:
    c = memory(recipes=["verbatim", "clew"])
    told(c)
    c.decay(user="ana", keep_count=5, dry_run=False)
    assert c.faded(user="ana") == ((), 5)
    assert len(c.memories(user="ana", recipe="clew", kind="turn")) == len(LINES)


def test_forgetting_one_of_many_that_were_put_away_together_leaves_the_others_away(memory: Callable[..., Clew]) -> None:
    c = memory()
    told(c)
    done = c.decay(user="ana", keep_count=3, dry_run=False)
    assert len(done.seqs) == 1
    left = {m.text for m in c.memories(user="ana")}
    c.forget(memories=[done.items[0].id])
    assert {m.text for m in c.memories(user="ana")} == left
    assert {c.get(item.id).status for item in done.items[1:]} == {"archived"}
    assert not c.status()["faults"]


# -- forget --simulate ----------------------------------------------------------------------------------------------


def busy(c: Clew, questions: int) -> None:
    """A memory of 40 lines and a user who asks."""
    told(c, [f"{LINES[2 * (i % 5)]}, note {i} about {'abcdefghij'[i % 10] * 5}" for i in range(40)])
    for i in range(questions):
        c.recall(f"what about {'abcdefghij'[i % 10] * 5} and note {i}?", user="ana")


def test_the_trial_run_uses_the_users_logged_questions_and_writes_nothing(memory: Callable[..., Clew]) -> None:
    c = memory(audit=True)
    busy(c, 30)
    head = c.log.head()
    found = decay_curve.simulate(c.aging(), "ana")
    assert c.log.head() == head
    assert (found.questions, found.logged, found.measured) == ("logged", 30, 15)
    assert set(found.curves) == {"weakest first", "oldest first", "random"}
    for curve in found.curves.values():
        kept = [e.mean for e in curve.kept]
        assert kept == sorted(kept, reverse=True), "the more is put away, the less is kept"
        assert all(saved >= level * found.bytes - 1 for saved, level in zip(curve.saved, decay_curve.LEVELS, strict=True))
        assert all(0 <= e.low <= e.mean <= e.high <= 1 for e in curve.kept)


def test_without_logged_questions_later_turns_stand_in_and_it_says_so(memory: Callable[..., Clew]) -> None:
    c = memory()
    busy(c, 0)
    found = decay_curve.simulate(c.aging(), "ana")
    assert (found.questions, found.logged) == ("stand-in", 0)
    assert found.seq < c.log.head()
    assert found.memories == 20
    with pytest.raises(NotFound):
        decay_curve.simulate(c.aging(), "bo")


def test_the_trial_run_knows_nothing_of_what_came_later(memory: Callable[..., Clew]) -> None:
    c = memory(audit=True)
    busy(c, 30)
    folder, seq = c.aging(), 40
    part = folder.view.parts()[0]
    then = strengths.strength(strengths.signals(folder.view, strengths.held(folder.view, part, "ana", seq)))[0]
    other = memory("other.db")
    busy(other, 0)
    alone = other.aging()
    known = strengths.held(alone.view, alone.view.parts()[0], "ana")
    assert then.tolist() == strengths.strength(strengths.signals(alone.view, known))[0].tolist()


def test_the_picture_is_one_svg_with_every_order(memory: Callable[..., Clew]) -> None:
    c = memory(audit=True)
    busy(c, 24)
    drawn = decay_curve.picture(decay_curve.simulate(c.aging(), "ana").curves, "a <title>")
    assert drawn.startswith("<svg ")
    assert drawn.count("<polyline") == 3
    assert "a &lt;title&gt;" in drawn


# -- words ----------------------------------------------------------------------------------------------------------


def test_the_words_show_do_and_undo(tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    with Clew(path) as c:
        c.record(lived(LINES), as_lived=True)

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(app, list(arguments), env={"CLEW_DB": str(path), "COLUMNS": "200"})
        assert result.exit_code == 0, (result.output, result.stderr, result.exception)
        return result.stdout

    assert "10 memories in sight" in run("decay", "--user", "ana")
    assert "4 would be archived" in run("decay", "--user", "ana", "--keep-count", "6")
    done = json.loads(run("decay", "--user", "ana", "--keep-count", "6", "--apply", "--yes", "--json"))
    assert len(done["items"]) == 4
    ids = [item["id"] for item in done["items"]]
    assert "2 in sight again" in run("unarchive", *ids[:2])
    assert "2 archived" in run("archive", *ids[:2])
    assert "6 memories in sight" in run("decay", "--user", "ana")
    receipt = tmp_path / "receipt.json"
    assert "erased: " in run("decay", "--user", "ana", "--erase", "--yes", "--receipt", str(receipt))
    assert "nothing is left" in run("verify", "--receipt", str(receipt))
    assert "nothing that is archived" in run("decay", "--user", "ana", "--erase", "--yes")
    refused = CliRunner().invoke(app, ["decay", "--apply"], env={"CLEW_DB": str(path)})
    assert refused.exit_code == 2


def test_the_trial_run_is_told_as_a_table_a_chart_and_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, plot = tmp_path / "m.db", tmp_path / "kept.svg"
    with Clew(path, audit=True) as c:
        busy(c, 24)
    simulated(path, "ana", plot=plot)
    shown = capsys.readouterr().out
    assert "12 later questions of the log" in shown
    assert "STAND-IN" not in shown
    assert shown.count(" points\n") == len(decay_curve.LEVELS)
    assert plot.read_text(encoding="utf-8").startswith("<svg ")
    simulated(path, "ana", json=True)
    assert json.loads(capsys.readouterr().out)["questions"] == "logged"


def test_the_trial_run_says_when_turns_stand_in_for_questions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "m.db"
    with Clew(path) as c:
        busy(c, 0)
    simulated(path, "ana")
    assert "STAND-IN" in capsys.readouterr().out

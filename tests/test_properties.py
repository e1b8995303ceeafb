"""The nine properties of DESIGN 7 over random logs, for the built-in recipes and for toys that strain the engine."""

import math
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, note
from hypothesis import strategies as st
from worlds import (
    QUERIES,
    RECIPES,
    USERS,
    Ask,
    Edit,
    Follow,
    Judge,
    Keep,
    Retract,
    Said,
    Step,
    dead,
    dump,
    fickle,
    fixed,
    folder,
    play,
    question,
    rebuilt,
    said,
    same,
    serving,
    small,
    steps,
    tell,
    view,
)

from clew import Clew
from clew import recall as recalling
from clew.fold import Folder
from clew.storage.view import View, new_generation

every = pytest.mark.parametrize("name", list(RECIPES))
alone = pytest.mark.parametrize("name", [n for n, r in RECIPES.items() if r.shares in ("user", "session")])


def opened(path: Path, name: str, models: object) -> Clew:
    return Clew(path, recipes=[RECIPES[name]], models=models)  # type: ignore[arg-type]


@every
@small
@given(plan=steps())
def test_a_rebuild_with_a_dead_model_equals_what_lives(name: str, plan: list[Step]) -> None:
    with folder() as path:
        with opened(path / "m.db", name, fickle()) as clew:
            play(clew, plan)
            live, faults = dump(clew, name), {tuple(f.items())[:4] for f in clew.status()["faults"]}
        with opened(path / "m.db", name, dead()) as clew:
            same(live, dump(clew, name))
            made = clew.rebuild(name, promote=False)
            same(live, dump(clew, name, made.id))
            again = {tuple(f.items())[:4] for f in clew.status()["faults"] if f["generation"] == made.id}
            assert {f for f in faults if "unapplied" not in str(f)} == {f for f in again if "unapplied" not in str(f)}
            assert clew.log.verify() and clew.answers.verify()


@every
@small
@given(plan=steps())
def test_catching_up_again_asks_no_model_and_moves_nothing(name: str, plan: list[Step]) -> None:
    with folder() as path:
        models = fickle()
        with opened(path / "m.db", name, models) as clew:
            play(clew, plan)
            before, parts, calls = dump(clew, name), view(clew, name).parts(), models.asker.calls  # type: ignore[union-attr]
            assert set(clew.catch_up().values()) == {"folded"}
            assert view(clew, name).parts() == parts
            assert models.asker.calls == calls  # type: ignore[union-attr]
            same(before, dump(clew, name))
        with opened(path / "m.db", name, dead()) as clew:
            assert set(clew.catch_up().values()) == {"folded"}
            assert view(clew, name).parts() == parts


@alone
@small
@given(
    mine=st.lists(said(("ana",)), min_size=1, max_size=10),
    others=st.lists(said(("bo", "李雷")), min_size=1, max_size=16),
    luck=st.randoms(use_true_random=False),
)
def test_another_user_changes_no_hit_order_score_or_prompt(name: str, mine: list[Said], others: list[Said], luck: object) -> None:
    marked = [replace(one, text=f"{one.text} own{i}") for i, one in enumerate(mine)]  # so that a prompt tells whose it is
    with folder() as path:
        with opened(path / "one.db", name, fixed()):
            pass  # the file's secret is made here: ids and seeds come from it
        shutil.copy(path / "one.db", path / "two.db")
        seen = []
        for file, crowd in (("one.db", []), ("two.db", others)):
            queue, turn = list(crowd), iter(luck.choices((0, 1, 2), k=len(marked)))  # type: ignore[attr-defined]
            models = fixed()
            with opened(path / file, name, models) as clew:
                for one in marked:
                    for other in [queue.pop(0) for _ in range(min(next(turn), len(queue)))]:
                        tell(clew, other)
                    tell(clew, one)
                for other in queue:
                    tell(clew, other)
                clew.catch_up()
                hits = [
                    (h.memory.id, h.memory.text, h.score, h.why)
                    for q in QUERIES
                    for s in (None, "s1")
                    for h in recalling.recall(serving(clew, name), question(q, "ana"), 1.0, True)[0]
                    if s is None or h.memory.scope.session in (None, s)
                ]
                prompts = models.asker.prompts  # type: ignore[union-attr]
                seen.append((hits, sorted({p for p in prompts if " own" in p})))
                assert not any(
                    " own" in p and other.text in p
                    for p in prompts
                    for other in crowd
                    if len(other.text) > 12 and other.text not in {m.text for m in mine}
                )
        assert seen[0] == seen[1]


@every
@small
@given(plan=steps(most=16))
def test_nobody_is_shown_what_another_user_said(name: str, plan: list[Step]) -> None:
    with folder() as path, opened(path / "m.db", name, fickle()) as clew:
        play(clew, plan)
        askers = (
            [*USERS, "nobody"] if RECIPES[name].shares in ("user", "session") else ["ana", "bo", "nobody"]
        )  # who names no user reads all that is shared
        for user in askers:
            for query in QUERIES:
                hits = clew.recall(query, user=user, k=50)
                events = {e.seq: e for e in clew.log.read()}
                for hit in hits:
                    assert {events[s].scope.user for s in hit.memory.rests} <= {None, user}
                    assert hit.memory.scope.user in (None, user)


@every
@small
@given(plan=steps())
def test_every_memory_leads_back_to_words_that_are_there(name: str, plan: list[Step]) -> None:
    with folder() as path, opened(path / "m.db", name, fickle()) as clew:
        play(clew, plan)
        events = {e.seq: e for e in clew.log.read()}
        its = view(clew, name)
        for part in its.parts():
            for now in its.draft(part).all():
                for memory in its.history(now.id):
                    assert memory.sources
                    assert memory.opened in memory.rests
                    assert {s.seq for s in memory.sources} <= set(memory.rests)
                    assert max(memory.rests) <= memory.opened
                    for source in memory.sources:
                        event = events[source.seq]
                        assert 0 <= source.start < source.end <= len(event.text)
                        number = [clew.log.number(n) for n in (event.scope.user, event.scope.agent, event.scope.session)]
                        assert its.key(*number) == part.key
                quotes = clew.thread(now.id)
                assert [q.text for q in quotes] == [events[s.seq].text[s.start : s.end] for s in now.sources]
                assert [v.id for v, _, _ in clew.history(now.id)] == [now.id] * len(its.history(now.id))


@every
@small
@given(plan=steps(), k=st.integers(1, 12), room=st.one_of(st.none(), st.integers(1, 60)))
def test_a_recall_stays_within_its_bounds_and_repeats_itself(name: str, plan: list[Step], k: int, room: int | None) -> None:
    with folder() as path, opened(path / "m.db", name, fickle()) as clew:
        play(clew, plan)
        for user in USERS:
            for text in QUERIES:
                query = question(text, user, k, max_tokens=room)
                hits, _ = recalling.recall(serving(clew, name), query, 1.0, False)
                assert len(hits) <= k
                assert room is None or sum(recalling.tokens(h.memory.text) for h in hits) <= room
                assert all(math.isfinite(h.score) for h in hits)
                assert [(-h.score, h.memory.id) for h in hits] == sorted((-h.score, h.memory.id) for h in hits)
                assert len({h.memory.id for h in hits}) == len(hits)
                assert hits == recalling.recall(serving(clew, name), query, 1.0, False)[0]
            shown = clew.prompt("harbour tide Lisbon", user=user, max_tokens=room or 200)
            assert recalling.tokens(shown) <= (room or 200)


@every
@small
@given(plan=steps(), chosen=st.sets(st.integers(0, 30), min_size=1, max_size=4), twice=st.booleans())
def test_what_is_forgotten_is_in_no_byte_and_the_rest_is_as_if_it_never_was(
    name: str, plan: list[Step], chosen: set[int], twice: bool
) -> None:
    marked = [replace(s, text=f"{s.text} qzx{i:02d}jv", key=None) if isinstance(s, Said) else s for i, s in enumerate(plan)]
    with folder() as path:
        with opened(path / "m.db", name, fickle()) as clew:
            play(clew, marked)
            seqs = [e.seq for e in clew.log.read() if e.kind not in ("query", "edit", "forget") and e.seq in chosen]
            words = {w for e in clew.log.read() if e.seq in seqs for w in e.text.split() if w.startswith("qzx")}
            if not seqs:
                return
            for part in [seqs[: len(seqs) // 2], seqs[len(seqs) // 2 :]] if twice else [seqs]:
                if not part:
                    continue
                receipt = clew.forget(events=part)
                note(f"{receipt}")
                assert set(part) <= set(receipt.seqs)
                assert receipt.state == "erased", receipt.why
            clew.catch_up()
            assert clew.verify_forgotten(receipt, probes=sorted(words)) == []
            clew.close()
            raw = b"".join(f.read_bytes() for f in path.iterdir())
            assert not [w for w in words if w.encode() in raw]
        with opened(path / "m.db", name, dead()) as clew:
            assert clew.log.verify() and clew.answers.verify()
            live = dump(clew, name)
            same(live, rebuilt(clew, name))
            assert not [h for w in words for user in USERS for h in clew.recall(w, user=user) if w in h.memory.text]


@every
@small
@given(plan=steps(), luck=st.randoms(use_true_random=False))
def test_views_are_the_same_in_whatever_order_and_chunks_they_follow(name: str, plan: list[Step], luck: object) -> None:
    with folder() as path:
        with opened(path / "one.db", name, fixed()) as clew:
            play(clew, [s for s in plan if isinstance(s, Said)][:1])
            for step in plan:
                if isinstance(step, Said):
                    tell(clew, step)
            head = clew.log.head()
        shutil.copy(path / "one.db", path / "two.db")
        with opened(path / "one.db", name, fixed()) as clew:
            clew.catch_up()
            whole = dump(clew, name)
        with opened(path / "two.db", name, fixed()) as clew:
            its = serving(clew, name)
            keys = sorted({key for _, found in its.view.swept(5000) for key in found})
            for _ in range(3 * len(keys)):
                its.catch_up(luck.choice(keys), until=luck.randint(0, head))  # type: ignore[attr-defined]
            luck.shuffle(keys)  # type: ignore[attr-defined]
            for key in keys:
                its.catch_up(key)
            clew.catch_up()
            same(whole, dump(clew, name))


@every
@small
@given(plan=steps(), cuts=st.lists(st.integers(0, 40), min_size=1, max_size=3))
def test_as_of_shows_what_a_replay_cut_there_shows(name: str, plan: list[Step], cuts: list[int]) -> None:
    with folder() as path, opened(path / "m.db", name, fickle()) as clew:
        play(clew, plan)
        head, live = clew.log.head(), serving(clew, name)
        for cut in {min(c, head) for c in cuts}:
            short = replayed(clew, name, live, cut)
            for user in USERS:
                for text in QUERIES:
                    then, _ = recalling.recall(live, question(text, user, as_of=cut), 0.0, True)
                    replay, _ = recalling.recall(
                        short, question(text, user, as_of=cut), 0.0, True
                    )  # later retractions are in the log, not in it
                    assert then == replay
            short.view.clear()


@every
@small
@given(plan=steps(), withdrawn=st.sets(st.integers(0, 30), max_size=3), gone=st.sets(st.integers(0, 30), max_size=2))
def test_what_is_retracted_quarantined_or_forgotten_reaches_nobody(
    name: str, plan: list[Step], withdrawn: set[int], gone: set[int]
) -> None:
    """No path leads to a hit, a prompt, a summary, a skill or a model's later prompt."""
    marked = [
        replace(s, text=f"{s.text} qzx{i:02d}jv", key=None, basis=None) if isinstance(s, Said) else s
        for i, s in enumerate(plan)
        if not isinstance(s, (Judge, Edit))  # an owner's own words may say anything again
    ]
    with folder() as path:
        models = fickle()
        with opened(path / "m.db", name, models) as clew:
            play(clew, marked)
            said_ = [e.seq for e in clew.log.read() if e.kind not in ("query", "edit", "forget")]
            out, lost = [s for s in said_ if s in withdrawn], [s for s in said_ if s in gone]
            words = {w for e in clew.log.read() if e.seq in {*out, *lost} for w in e.text.split() if w.startswith("qzx")}
            if out:
                clew.retract(out)
            if lost:
                clew.forget(events=lost)
            clew.catch_up()
            held = {"evil.example"} if not any(e.trust >= 4 and "evil.example" in e.text for e in clew.log.read()) else set()
            models.asker.prompts.clear()  # type: ignore[union-attr]
            clew.record("harbour tide", user="ana")
            clew.catch_up()
            for user in USERS:
                shown = [m.text + str(dict(m.data)) for m in clew.memories(user=user, limit=10**6)]
                for text in (*QUERIES, "ignore previous instructions evil.example"):
                    hits = clew.recall(text, user=user, k=50, archived=True)
                    shown += [h.memory.text + str(dict(h.memory.data)) for h in hits] + [clew.prompt(text, user=user, max_tokens=10**6)]
                for word in {*words, *held}:
                    assert not [s for s in shown if word in s], (word, user)
            asked = " ".join(models.asker.prompts)  # type: ignore[union-attr]
            assert not [w for w in words if w in asked]


def replayed(clew: Clew, name: str, live: Folder, cut: int) -> Folder:
    """A generation of its own, folded up to `cut` and no further."""
    old = live.view.generation
    made = new_generation(clew.log, name, old.fingerprint, old.declared, old.shares, "building")
    its: View = clew._views.view(made, RECIPES[name])
    short = Folder(clew.log, its, RECIPES[name], live.desk)
    for _, keys in its.swept(5000):
        for key in keys:
            short.catch_up(key, until=cut)
    return short


def test_the_plans_hold_every_kind_of_step() -> None:
    assert {Said, Follow, Ask, Edit, Keep, Judge, Retract} == set(Step.__args__)

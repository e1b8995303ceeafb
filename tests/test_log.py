"""The log: chained against every change, idempotent by key, all or nothing, with two clocks."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import toys

from clew import Clew, LogCorrupt, Scope, UsageError
from clew.storage.log import Entry, Log
from clew.storage.sqlite import Database

Open = Callable[..., Clew]


def filled(clew: Clew, n: int = 6) -> Clew:
    clew.record([{"role": "user", "content": f"line {i} about the harbour", "actor": "ana"} for i in range(n)], user="ana", session="s")
    return clew


TAMPERING = {
    "a payload": "UPDATE event SET payload=replace(payload, 'line 3', 'line 9') WHERE seq=4",
    "a speaker": "UPDATE name SET text='bob' WHERE text='ana'",
    "a kind": "UPDATE event SET kind='action' WHERE seq=2",
    "a time": "UPDATE event SET at=at+1 WHERE seq=2",
    "a learned time": "UPDATE event SET recorded=recorded-1 WHERE seq=2",
    "an offset": "UPDATE event SET offset=60 WHERE seq=2",
    "a user": "UPDATE event SET user=session WHERE seq=2",
    "a trust": "UPDATE event SET trust=6 WHERE seq=2",
    "a salt": "UPDATE event SET salt=zeroblob(16) WHERE seq=2",
    "a digest": "UPDATE event SET digest=zeroblob(32) WHERE seq=2",
    "a link of the chain": "UPDATE event SET chain=zeroblob(32) WHERE seq=2",
    "a blanked salt alone": "UPDATE event SET salt=NULL WHERE seq=2",
    "a row taken out": "DELETE FROM event WHERE seq=3",
    "the last rows": "DELETE FROM event WHERE seq>4",
    "the first row": "DELETE FROM event WHERE seq=1",
    "two rows swapped": "UPDATE event SET seq=CASE seq WHEN 2 THEN -3 ELSE -2 END WHERE seq IN (2, 3); UPDATE event SET seq=-seq WHERE seq<0",
    "a row added": "INSERT INTO event SELECT 7, kind, user, agent, session, actor, trust, at, offset, recorded, lived, format,"
    " salt, payload, digest, chain FROM event WHERE seq=6",
    "the head": "UPDATE meta SET value=5 WHERE key='head'",
}


@pytest.mark.parametrize("what", list(TAMPERING))
def test_every_change_behind_the_engine_breaks_the_chain(memory: Open, what: str) -> None:
    clew = filled(memory())
    assert clew.log.verify()
    with clew.database.write() as c:
        c.execute(TAMPERING[what])
    with pytest.raises(LogCorrupt):
        clew.log.verify()


def test_a_changed_answer_breaks_the_chain_of_answers(memory: Open, fickle: object) -> None:
    clew = memory(recipes=[toys.asking], models=fickle)
    clew.record(["one tide", "two tides"], user="ana")
    clew.catch_up()
    assert clew.answers.verify()
    for change in (
        "UPDATE answer SET body='other' WHERE id=1",
        "DELETE FROM answer WHERE id=(SELECT max(id) FROM answer)",
        "UPDATE answer SET tokens_in=0 WHERE id=1",
    ):
        with pytest.raises(LogCorrupt), clew.database.write() as c:
            c.execute(change)
            c.execute("SAVEPOINT seen")
            verified_in(clew, c)
    assert clew.answers.verify()


def verified_in(clew: Clew, c: object) -> None:
    """Verify what a transaction that is about to be undone shows."""
    reader = clew.database._local.connection
    clew.database._local.connection = c
    try:
        clew.answers.verify()
    finally:
        clew.database._local.connection = reader


def test_a_key_makes_a_retry_do_nothing(memory: Open) -> None:
    clew = memory()
    first = clew.record("I moved to Lisbon", user="ana", key="m1")
    again = clew.record("I moved to Lisbon", user="ana", key="m1")
    assert (first.stages["log"], again.stages["log"]) == ("stored", "already")
    assert first.seq == again.seq == clew.log.head() == 1


def test_a_key_with_other_words_is_refused_and_says_so(memory: Open) -> None:
    clew = memory()
    clew.record("I moved to Lisbon", user="ana", key="m1")
    with pytest.raises(UsageError, match="'m1' was used before"):
        clew.record("I moved to Porto", user="ana", key="m1")
    assert clew.log.head() == 1


def test_a_key_is_one_users_own(memory: Open) -> None:
    clew = memory()
    clew.record("hello there", user="ana", key="m1")
    assert clew.record("good day", user="bob", key="m1").stages["log"] == "stored"
    assert clew.record("nobody's words", key="m1").stages["log"] == "stored"
    assert clew.record("odd", user="a\0b", key="c").stages["log"] == "stored"
    assert clew.record("odder", user="a", key="b\0c").stages["log"] == "stored"


def test_one_key_twice_in_a_batch_with_other_words_is_refused(memory: Open) -> None:
    clew = memory()
    with pytest.raises(UsageError, match="'k'"):
        clew.record([{"content": "one", "key": "k"}, {"content": "two", "key": "k"}], user="ana")
    assert clew.log.head() == 0
    assert clew.record([{"content": "one", "key": "k"}, {"content": "one", "key": "k"}], user="ana").seqs == (1, 1)


def test_a_retry_does_not_bring_back_what_was_forgotten(memory: Open) -> None:
    clew = memory()
    clew.record("my secret is a zebra", user="ana", key="m1")
    clew.forget(events=[1])
    again = clew.record("my secret is a zebra", user="ana", key="m1")
    assert again.stages["log"] == "refused as forgotten"
    assert again.seq is None
    assert "zebra" not in str(list(clew.log.read()))


def test_a_batch_tells_its_least_advanced_item(memory: Open) -> None:
    clew = memory()
    clew.record("a zebra crossed", user="ana", key="m1")
    clew.forget(events=[1])
    mixed = clew.record([{"content": "a zebra crossed", "key": "m1"}, {"content": "fresh words", "key": "m2"}], user="ana")
    assert mixed.stages["log"] == "refused as forgotten"
    assert mixed.seqs == (None, 3)


def test_a_batch_is_all_or_nothing(memory: Open) -> None:
    clew = memory()
    clew.record("first", user="ana", key="k")
    for bad in ({"content": "other", "key": "k"}, {"content": "x", "at": "2026-01-01T00:00:00"}, {"content": "\ud800"}, {"content": ""}, 7):
        with pytest.raises(UsageError):
            clew.record(["fine", bad], user="ana")
        assert clew.log.head() == 1
    assert clew.log.verify()


def test_a_batch_key_applies_to_each_item(memory: Open) -> None:
    clew = memory()
    clew.record(["one", "two"], user="ana", key="b")
    again = clew.record(["one", "two", "three"], user="ana", key="b")
    assert again.seqs == (1, 2, 3)
    assert clew.log.head() == 3


def test_both_clocks_are_kept_with_the_offset_given(memory: Open) -> None:
    clew = memory()
    before = datetime.now(UTC)
    clew.record("at breakfast", user="ana", at="2026-05-20T10:00:00+01:00")
    clew.record("tomorrow's news", user="ana", at=datetime.now(UTC) + timedelta(days=400))
    one, two = clew.log.read()
    assert one.at.isoformat() == "2026-05-20T10:00:00+01:00"
    assert before <= one.recorded_at <= two.recorded_at <= datetime.now(UTC)


def test_the_learned_clock_never_goes_back(memory: Open) -> None:
    clew = memory()
    for at in ("2026-01-02T00:00:00+00:00", "2026-01-01T00:00:00+00:00", "2026-02-01T00:00:00+00:00"):
        clew.record("as it was", at=at, as_lived=True)
    clew.record("today")
    learned = [e.recorded_at for e in clew.log.read()]
    assert learned == sorted(learned)
    assert [e.lived for e in clew.log.read()] == [True, True, True, False]


def test_a_lived_time_in_the_future_does_not_stop_the_clock(memory: Open) -> None:
    clew = memory()
    clew.record("from the future", at=datetime.now(UTC) + timedelta(days=900), as_lived=True)
    clew.record("today")
    assert all(e.recorded_at <= datetime.now(UTC) + timedelta(minutes=1) for e in clew.log.read())


def test_the_log_reads_by_scope_and_place(memory: Open) -> None:
    clew = memory()
    for user, session in (("ana", "s1"), ("bob", "s1"), ("ana", "s2"), ("ana", None)):
        clew.record("words", user=user, session=session)
    assert [e.seq for e in clew.log.read(scope=Scope(user="ana"))] == [1, 3, 4]
    assert [e.seq for e in clew.log.read(after=1, scope=Scope(user="ana", session="s2"))] == [3]
    assert [e.seq for e in clew.log.read(scope=Scope(user="nobody"))] == []
    assert [e.seq for e in clew.log.read(until=2)] == [1, 2]


def test_a_long_log_is_read_in_pieces_and_whole(memory: Open) -> None:
    clew = memory()
    clew.record([f"line {i}" for i in range(4500)], user="ana")
    assert [e.seq for e in clew.log.read()] == list(range(1, 4501))
    assert clew.log.verify()


def test_one_writers_mistake_does_not_fail_the_others_of_its_commit(memory: Open) -> None:
    clew = memory()
    good = Entry("message", "fine", Scope("ana"), None, 5, None, "k")
    clew.log.append(good)
    errors: list[Exception] = []

    def write(text: str, key: str) -> None:
        try:
            clew.log.append(Entry("message", text, Scope("ana"), None, 5, None, key))
        except UsageError as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(f"t{i}", "k" if i % 4 == 0 else f"k{i}")) for i in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(errors) == 10
    assert clew.log.head() == 31
    assert clew.log.verify()


def test_an_export_restores_the_same_log_and_ids(memory: Open, tmp_path: object) -> None:
    one = filled(memory())
    one.forget(events=[2])
    one.catch_up()
    one.export(f"{tmp_path}/log.jsonl")
    two = memory("other.db")
    two.load(f"{tmp_path}/log.jsonl")
    assert two.log.verify()
    assert list(one.log.read()) == list(two.log.read())
    two.catch_up()
    assert [m.id for m in one.memories(user="ana")] == [m.id for m in two.memories(user="ana")]


def test_a_forged_export_is_refused_and_leaves_nothing(memory: Open, tmp_path: object) -> None:
    one = filled(memory())
    path = f"{tmp_path}/log.jsonl"
    one.export(path)
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace("line 3", "line 9"))
    two = memory("other.db")
    with pytest.raises(LogCorrupt):
        two.load(path)
    assert two.log.head() == 0
    assert list(two.log.read()) == []


def test_a_backup_is_whole_and_is_never_written_over(memory: Open, tmp_path: object) -> None:
    one = filled(memory())
    one.backup(f"{tmp_path}/copy.db")
    two = memory("copy.db")
    assert list(two.log.read()) == list(one.log.read())
    assert two.log.verify()
    with pytest.raises(UsageError, match="exists"):
        one.backup(f"{tmp_path}/copy.db")


def test_names_with_nothing_in_common_but_their_joining_differ(tmp_path: object) -> None:
    log = Log(Database(f"{tmp_path}/m.db"))
    log.append(Entry("message", "x", Scope("ab", "c"), None, 5, None), Entry("message", "x", Scope("a", "bc"), None, 5, None))
    one, two = log.read()
    assert (one.scope.user, two.scope.user) == ("ab", "a")
    log.database.close()

"""The log and its views on PostgreSQL: the same promises as on SQLite, and what a database of many tenants adds."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import test_properties
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from postgres import psycopg, tenant
from typer.testing import CliRunner
from worlds import (
    QUERIES,
    RECIPES,
    USERS,
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
)

from clew import Budget, Clew, Denied, LogCorrupt, UsageError
from clew import recall as recalling
from clew.cli import copying
from clew.errors import NotFound, StorageBusy
from clew.readers import imported, read
from clew.storage import archive, postgres_schema
from clew.storage.database import opened
from clew.storage.log import Log
from clew.storage.postgres_values import parted
from clew.storage.sqlite import Database
from clew.tasks import Node, Outcome, TaskGraph, Tasks
from clew.tasks.protocols import Job

SOAK = bool(os.environ.get("CLEW_SOAK"))
CHECKED = list(RECIPES) if SOAK else ["clew", "a_mem", "mem_tool"]
few = settings(small, max_examples=int(os.environ.get("CLEW_EXAMPLES", "20" if SOAK else "2")))


@contextlib.contextmanager
def raw(url: str, **settings: str) -> Iterator[Any]:
    """A connection of another program's, with these settings."""
    with psycopg.connect(parted(url)[0], autocommit=True) as connection:
        connection.execute("SET search_path TO clew")
        for name, value in settings.items():
            connection.execute("SELECT set_config(%s, %s, false)", (f"clew.{name}", value))
        yield connection


# -- the seam -------------------------------------------------------------------------------------------------------


def test_the_tables_have_the_columns_of_an_sqlite_file(tmp_path: Path) -> None:
    Clew(tenant()).close()
    database = Database(tmp_path / "m.db")
    with database.snapshot() as c, raw(tenant()) as p:
        for (table,) in c.execute("SELECT name FROM sqlite_schema WHERE type='table'").fetchall():
            ours = [row[1] for row in c.execute(f"PRAGMA table_info({table})")]
            theirs = p.execute(
                "SELECT column_name FROM information_schema.columns WHERE table_schema='clew' AND table_name=%s ORDER BY ordinal_position",
                (table,),
            ).fetchall()
            assert [name for (name,) in theirs if name != "owner" or table != "event"] == [*ours, "tenant"], table
        assert {*postgres_schema.KEYS} == {name for (name,) in c.execute("SELECT name FROM sqlite_schema WHERE type='table'")}
    database.close()


def test_a_statement_is_said_in_the_words_of_postgresql() -> None:
    spoken = postgres_schema.said
    assert spoken("SELECT user FROM event WHERE user != ? AND offset=?2") == 'SELECT "user" FROM event WHERE "user" != $1 AND "offset"=$2'
    assert spoken("SELECT 'user?' FROM t WHERE text = ?") == "SELECT 'user?' FROM t WHERE md5(text)=md5($1) AND text=$1"
    assert spoken("INSERT INTO meta VALUES ('a', ?1) ON CONFLICT DO UPDATE SET value=?1") == (
        "INSERT INTO meta VALUES ('a', $1) ON CONFLICT ON CONSTRAINT meta_pkey DO UPDATE SET value=$1"
    )


# -- the log --------------------------------------------------------------------------------------------------------


def test_what_is_recorded_is_read_back_and_verified() -> None:
    url = tenant()
    with Clew(url, recipes=["verbatim"]) as clew:
        words = "half \0 nothing, the last \U0010ffff and 天气 👍"
        first = clew.record(words, user="an\0a", actor="bo", session="s1", at="2026-05-20T10:00:00+05:45", key="k", data={"a": [1, None]})
        again = clew.record(words, user="an\0a", actor="bo", session="s1", at="2026-05-20T10:00:00+05:45", key="k", data={"a": [1, None]})
        assert [(r.seq, r.stages["log"]) for r in (first, again)] == [(1, "stored"), (1, "already")]
        with pytest.raises(UsageError, match="used before"):
            clew.record("other words", user="an\0a", key="k")
        [event] = clew.log.read()
        assert (event.text, event.scope.user, event.actor, event.key) == (words, "an\0a", "bo", "k")
        assert event.at.isoformat() == "2026-05-20T10:00:00+05:45"
        assert clew.recall("天气", user="an\0a")[0].memory.text == words
        assert clew.log.verify() and clew.answers.verify()
    with raw(url, tenant=parted(url)[1]) as p:
        p.execute("UPDATE event SET payload = payload || '\\x20'::bytea")
    with Clew(url) as clew, pytest.raises(LogCorrupt):
        clew.log.verify()


def test_a_term_may_be_longer_than_an_index_row() -> None:
    name, term = "".join(f"{i:x}" for i in range(6000))[:500], "".join(f"{i:o}" for i in range(9000))
    with Clew(tenant(), recipes=["verbatim"]) as clew:
        clew.record(f"the code is {term}", user=name)
        assert clew.recall(term, user=name)[0].memory.text.endswith(term)
        assert clew.users() == [name] and not clew.status()["faults"]


def test_a_log_is_copied_both_ways_and_stays_the_same(tmp_path: Path) -> None:
    with Clew(tmp_path / "one.db", recipes=["verbatim"], models=fickle()) as clew:
        for i in range(30):
            clew.record(f"tide {i} \0", user=("ana", "bo", None)[i % 3], key=f"k{i}", session="s")
        clew.forget(events=[5])
        clew.catch_up()
        rows, before = dump(clew, "verbatim"), list(clew.log.read())
    url = tenant()
    for source, target in ((str(tmp_path / "one.db"), url), (url, str(tmp_path / "two.db"))):
        one, two = opened(source), opened(target)
        assert archive.copy(one, two) == len(before)
        assert list(Log(two).read()) == before and one.secret == two.secret
        with pytest.raises(UsageError, match="empty one"):
            archive.copy(one, two)
        for each in (one, two):
            each.close()
        with Clew(target, recipes=["verbatim"]) as clew:
            clew.catch_up()
            assert clew.log.verify() and clew.answers.verify()
            same(rows, dump(clew, "verbatim"))
            assert clew.record("tide 7 \0", user="bo", key="k7", session="s").stages["log"] == "already"
            assert clew.record("tide 4 \0", user="bo", key="k4", session="s").stages["log"] == "refused as forgotten"


def test_the_command_line_copies_a_log(tmp_path: Path) -> None:
    with Clew(tmp_path / "m.db") as clew:
        clew.record("harbour", user="ana")
    app, url = typer.Typer(), tenant()
    copying.mount(app)
    told = CliRunner().invoke(app, [str(tmp_path / "m.db"), url, "--json"])
    assert json.loads(told.stdout)["events"] == 1
    with Clew(url) as clew:
        assert clew.recall("harbour", user="ana")
    with pytest.raises(NotFound):
        CliRunner().invoke(app, [str(tmp_path / "none.db"), url], catch_exceptions=False)


def test_an_export_of_either_loads_into_the_other(tmp_path: Path) -> None:
    url = tenant()
    with Clew(url) as clew:
        clew.record(["harbour", "tide"], user="ana")
        clew.export(tmp_path / "log.jsonl")
    with Clew(tmp_path / "m.db") as clew:
        clew.load(tmp_path / "log.jsonl")
        assert clew.log.verify() and [e.text for e in clew.log.read()] == ["harbour", "tide"]
        clew.export(tmp_path / "again.jsonl")
    assert (tmp_path / "again.jsonl").read_text() == (tmp_path / "log.jsonl").read_text()
    with Clew(tenant()) as clew:
        clew.load(tmp_path / "again.jsonl")
        assert clew.log.verify() and clew.recall("tide", user="ana")


# -- views ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CHECKED)
@few
@given(plan=steps())
def test_the_same_log_gives_the_same_rows_and_the_same_recall_as_on_sqlite(name: str, plan: list[Step]) -> None:
    with folder() as path:
        url = tenant()
        with Clew(path / "m.db", recipes=[RECIPES[name]], models=fixed()) as clew:
            play(clew, plan)
            there = opened(url)
            archive.copy(clew.database, there)
            there.close()
            rows, hits, faults = dump(clew, name), asked(clew, name), told(clew)
            with Clew(url, recipes=[RECIPES[name]], models=dead()) as other:
                other.catch_up()
                same(rows, dump(other, name))
                assert faults == told(other)
                same(rows, rebuilt(other, name))
            with Clew(url, recipes=[RECIPES[name]], models=fixed()) as other:
                assert hits == asked(other, name)


def told(clew: Clew) -> list[Any]:
    return sorted((f["operator"], f["seq"], f["error"]) for f in clew.answers.faults())


def asked(clew: Clew, name: str) -> list[Any]:
    return [
        [(h.memory.id, h.score, h.why) for h in recalling.recall(serving(clew, name), question(q, user), 1.0, True)[0]]
        for q in QUERIES
        for user in USERS
    ]


PLAN = {"plan": steps()}
KEPT = {
    test_properties.test_a_rebuild_with_a_dead_model_equals_what_lives: PLAN,
    test_properties.test_catching_up_again_asks_no_model_and_moves_nothing: PLAN,
    test_properties.test_another_user_changes_no_hit_order_score_or_prompt: {
        "mine": st.lists(said(("ana",)), min_size=1, max_size=10),
        "others": st.lists(said(("bo", "李雷")), min_size=1, max_size=16),
        "luck": st.randoms(use_true_random=False),
    },
    test_properties.test_nobody_is_shown_what_another_user_said: PLAN,
    test_properties.test_every_memory_leads_back_to_words_that_are_there: PLAN,
    test_properties.test_a_recall_stays_within_its_bounds_and_repeats_itself: PLAN | {"k": st.integers(1, 12), "room": st.none()},
    test_properties.test_views_are_the_same_in_whatever_order_and_chunks_they_follow: PLAN | {"luck": st.randoms(use_true_random=False)},
    test_properties.test_as_of_shows_what_a_replay_cut_there_shows: PLAN | {"cuts": st.lists(st.integers(0, 40), min_size=1, max_size=3)},
    test_properties.test_what_is_retracted_quarantined_or_forgotten_reaches_nobody: PLAN
    | {"withdrawn": st.sets(st.integers(0, 30), max_size=3), "gone": st.sets(st.integers(0, 30), max_size=2)},
}


@pytest.mark.parametrize("name", list(RECIPES) if SOAK else ["clew"])
@pytest.mark.parametrize("kept", list(KEPT), ids=lambda kept: kept.__name__.removeprefix("test_"))
def test_the_properties_hold(kept: Callable[..., None], name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of `test_properties`, with a tenant for every file; fewer examples, for a connection costs more than a file."""
    if RECIPES[name].shares not in ("user", "session") and "another_user" in kept.__name__:
        pytest.skip(f"{name} shares what users say")
    urls: dict[Path, str] = {}

    def there(path: Path, name: str, models: object) -> Clew:
        url = urls.get(path) or urls.setdefault(path, tenant())
        return Clew(url, recipes=[RECIPES[name]], models=models)  # type: ignore[arg-type]

    def copied(source: Path, target: Path) -> None:
        one, two = opened(urls[source]), opened(urls.setdefault(target, tenant()))
        archive.copy(one, two)
        for each in (one, two):
            each.close()

    monkeypatch.setattr(test_properties, "opened", there)
    monkeypatch.setattr(shutil, "copy", copied)
    few(given(name=st.just(name), **KEPT[kept])(kept.hypothesis.inner_test))()  # type: ignore[attr-defined]


# -- forgetting, answers, budgets -----------------------------------------------------------------------------------


def everything(url: str) -> str:
    """Every value of every row of a tenant, as text."""
    found = []
    with raw(url, tenant=parted(url)[1]) as p:
        for table in postgres_schema.KEYS:
            for row in p.execute(f"SELECT * FROM {table}"):
                found += [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in row]
    return "\n".join(found)


@few
@given(plan=steps(), chosen=st.sets(st.integers(0, 30), min_size=1, max_size=4))
def test_what_is_forgotten_is_in_no_row_and_the_rest_is_as_if_it_never_was(plan: list[Step], chosen: set[int]) -> None:
    marked = [replace(s, text=f"{s.text} qzx{i:02d}jv", key=None) if isinstance(s, Said) else s for i, s in enumerate(plan)]
    url = tenant()
    with Clew(url, models=fickle()) as clew:
        play(clew, marked)
        seqs = [e.seq for e in clew.log.read() if e.kind not in ("query", "edit", "forget") and e.seq in chosen]
        words = {w for e in clew.log.read() if e.seq in seqs for w in e.text.split() if w.startswith("qzx")}
        if not seqs:
            return
        receipt = clew.forget(events=seqs)
        assert set(seqs) <= set(receipt.seqs)
        assert receipt.scanned["found"] == 0 and receipt.scanned["bytes"] > 0
        assert receipt.state == "withdrawn" and "write-ahead log" in receipt.why  # what cannot be looked at is not said to be erased
        clew.catch_up()
        assert clew.verify_forgotten(receipt, probes=sorted(words)) == []
        held = everything(url)
        assert not [w for w in words if w in held]
        assert clew.log.verify() and clew.answers.verify()
        same(dump(clew, "clew"), rebuilt(clew, "clew"))


def test_a_receipt_tells_of_a_word_that_a_row_still_holds() -> None:
    url = tenant()
    with Clew(url) as clew:
        clew.record("the harbour password is qzxmarmalade", user="ana")
        clew.catch_up()
        receipt = clew.forget(user="ana")
        with raw(url, tenant=parted(url)[1]) as p:
            p.execute("INSERT INTO fault(id, error) VALUES (99, 'left: qzxmarmalade')")
        assert any("qzxmarmalade" in line and "fault" in line for line in clew.verify_forgotten(receipt, probes=["qzxmarmalade"]))


def test_answers_are_kept_once_and_a_budget_stops_spending() -> None:
    url = tenant()
    models = fickle()
    with Clew(url, recipes=["a_mem"], models=models, budget=Budget(calls_per_day=3)) as clew:
        for i in range(4):
            clew.record(f"tide {i} at the harbour", user="ana")
        assert "3 calls were spent today of 3" in clew.catch_up()["a_mem"]
        assert clew.answers.spent().calls == 3
    with Clew(url, recipes=["a_mem"], models=models) as clew:
        assert clew.catch_up() == {"a_mem": "folded"}
        calls, spent = models.asker.calls, clew.answers.spent()  # type: ignore[union-attr]
        assert isinstance(spent.tokens, int) and spent.calls == calls and clew.answers.ledger()
    with Clew(url, recipes=["a_mem"], models=dead()) as clew:
        same(dump(clew, "a_mem"), rebuilt(clew, "a_mem"))


# -- tenants --------------------------------------------------------------------------------------------------------


def test_a_connection_without_the_tenants_name_sees_and_writes_nothing() -> None:
    url = tenant()
    with Clew(url) as clew:
        clew.record("harbour", user="ana")
        clew.catch_up()
    tables = [*postgres_schema.KEYS, "lease", *(f"event_{i}" for i in range(postgres_schema.BUCKETS))]
    with raw(url) as p:
        for table in tables:
            assert p.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table
        assert p.execute("UPDATE name SET text='x'").rowcount == p.execute("DELETE FROM event").rowcount == 0
        with pytest.raises(psycopg.Error):
            p.execute("INSERT INTO name(id, text, tenant) VALUES (1, 'x', %s)", (parted(url)[1],))
    with raw(url, tenant="another") as p:
        assert all(p.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,) for table in tables)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            p.execute("INSERT INTO name(id, text, tenant) VALUES (1, 'x', %s)", (parted(url)[1],))
    with Clew(url) as clew:
        assert clew.log.verify() and clew.users() == ["ana"]


def test_a_connection_has_its_tenant_in_a_transaction_only() -> None:
    url, asked = f"{tenant()}'s%20\\%20'; SET clew.tenant='other", "SELECT current_setting('clew.tenant', true)"
    with Clew(url, recipes=["verbatim"]) as clew:
        clew.record("harbour", user="ana")
        assert clew.recall("harbour", user="ana")
        name = parted(url)[1]
        database: Any = opened(url)
        assert name.endswith("'s \\ '; SET clew.tenant='other")
        with database.snapshot() as c:
            assert c.execute(asked).get == name
        with database.write() as c:
            assert c.execute(asked).get == name
        assert not c.execute(asked).get and c.execute("SELECT count(*) FROM event").get == 0
        with database._lent() as c:
            assert not c.execute(asked).get and c.execute("SELECT count(*) FROM event").get == 0
            with pytest.raises(Denied, match="row-level security"):
                c.execute("INSERT INTO lease VALUES ('nobody''s')")
        database.close()
    with raw(url, tenant=name) as p:
        assert p.execute("SELECT count(*) FROM event").fetchone() == (1,)


def test_tenants_of_one_database_know_nothing_of_each_other() -> None:
    with Clew(tenant()) as one, Clew(tenant()) as two:
        one.record("the harbour is closed", user="ana", key="k")
        two.record("the ferry is late", user="ana", key="k")
        assert one.database.secret != two.database.secret
        assert [h.memory.text for h in one.recall("harbour ferry", user="ana")] == ["the harbour is closed"]
        assert [e.text for e in two.log.read()] == ["the ferry is late"]
        one.forget(user="ana")
        assert two.recall("ferry", user="ana") and two.log.verify() and two.log.head() == 1


def test_a_role_that_row_security_does_not_bind_is_refused() -> None:
    if os.environ.get("CLEW_POSTGRES"):
        pytest.skip("the superuser of the server that CLEW_POSTGRES names is not ours to use")
    with pytest.raises(Denied, match="row security"):
        Clew(tenant().replace("//clew@", "//root@"))


def test_a_bad_address_is_told_without_its_password() -> None:
    with pytest.raises(StorageBusy) as told:
        Clew("postgresql://me:hush@127.0.0.1:1/none?connect_timeout=2")
    assert "hush" not in str(told.value)
    with pytest.raises(UsageError, match="tenant"):
        Clew("postgresql://localhost/x?tenant=")
    with pytest.raises(UsageError, match="key="):
        Clew("postgresql://localhost/x", key="secret")


# -- many at once ---------------------------------------------------------------------------------------------------

WORKER = """
import sys, time
from clew import Clew
clew = Clew(sys.argv[1], recipes=["verbatim"], worker=True)
print("ready", flush=True)
time.sleep(3600)
"""
WRITER = """
import sys, time
from clew import Clew
url, name, number, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
end, n = time.monotonic() + seconds, 0
with Clew(url, recipes=["verbatim"]) as clew:
    while n < number or time.monotonic() < end:
        for _ in range(1 + n % 2):  # some are sent twice, as after a time-out
            clew.record(f"{name} says {n}", user=f"u{n % 3}", actor=name, key=f"{name}-{n}")
        n += 1
print(n)
"""


def started(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True)


def crowd(seconds: float, number: int) -> dict[str, float]:
    """Two workers and four writers on one database, one worker killed on the way; what was found is asserted."""
    url = tenant()
    Clew(url, recipes=["verbatim"]).close()
    workers = [started(WORKER, url) for _ in range(2)]
    try:
        assert all(w.stdout and w.stdout.readline() == "ready\n" for w in workers)
        writers = [started(WRITER, url, f"w{i}", str(number), str(seconds)) for i in range(4)]
        time.sleep(min(seconds / 2, 5) + 1)
        workers[0].kill()  # the other takes its work up
        sent = [int(w.communicate()[0]) for w in writers]
        assert not any(w.returncode for w in writers)
        with Clew(url, recipes=["verbatim"]) as clew:
            ended = time.monotonic()
            head = clew.log.head()
            while clew.status()["views"][0]["swept"] < head:  # the worker that is left
                assert time.monotonic() - ended < 30, "the killed worker's work was not taken up"
                time.sleep(0.1)
            late = time.monotonic() - ended
            events = list(clew.log.read())
            assert [e.seq for e in events] == list(range(1, len(events) + 1)) and clew.log.verify()
            for i, count in enumerate(sent):  # nothing lost, doubled or out of order
                assert [e.text for e in events if e.actor == f"w{i}"] == [f"w{i} says {n}" for n in range(count)]
            assert not clew.status()["faults"]
            for user in ("u0", "u1", "u2"):
                texts = [m.text for m in clew.memories(user=user, limit=10**6)]
                assert texts == [e.text for e in events if e.scope.user == user]
            same(dump(clew, "verbatim"), rebuilt(clew, "verbatim"))
            return {"events": len(events), "caught up after": round(late, 2)}
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()


def test_two_workers_and_four_writers_lose_double_and_reorder_nothing() -> None:
    crowd(0.0, 25)


@pytest.mark.soak
def test_two_workers_and_four_writers_for_ten_minutes() -> None:
    print(crowd(float(os.environ.get("CLEW_CROWD_S", "600")), 25))


def test_a_claim_is_one_process_s_alone_and_free_when_it_dies() -> None:
    url = tenant()
    one, two = opened(url), opened(url)
    with one.claimed("1/7") as mine:
        assert mine
        with two.claimed("1/7") as theirs, two.claimed("1/8") as other:
            assert (theirs, other) == (False, True)
    with two.claimed("1/7") as mine:
        assert mine
    for each in (one, two):
        each.close()
    code = "import sys, time\nfrom clew.storage.database import opened\nwith opened(sys.argv[1]).claimed('1/9'):\n print('held', flush=True)\n time.sleep(60)"
    other_process = started(code, url)
    assert other_process.stdout and other_process.stdout.readline() == "held\n"
    database = opened(url)
    with database.claimed("1/9") as mine:
        assert not mine
    other_process.kill()
    other_process.communicate()
    end = time.monotonic() + 10
    while True:
        with database.claimed("1/9") as mine:
            if mine:
                break
        assert time.monotonic() < end
        time.sleep(0.05)
    database.close()


def test_a_connection_that_the_server_ended_is_made_anew() -> None:
    url = tenant()
    with Clew(url, recipes=["verbatim"]) as clew:
        clew.record("harbour", user="ana")
        assert clew.recall("harbour", user="ana")
        with raw(url) as p:
            p.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename=current_user AND pid != pg_backend_pid()")
        clew.record("harbour tide", user="ana")
        assert len(clew.recall("harbour", user="ana")) == 2 and clew.log.verify() and not clew.status()["faults"]


def test_a_task_is_carried_by_one_machine_at_a_time_and_leaves_nothing_where_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, inside, entered = tenant(), threading.Event(), threading.Event()

    class Waits:
        def run(self, node: Node, ctx: Job) -> Outcome:
            entered.set()
            assert inside.wait(20)
            return Outcome("finished", {"weighed": 3})

    graph = TaskGraph("weigh", 1, "weigh the crates", (Node("a", "", "waits"),), ())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "one"))
    with Clew(url, recipes=["verbatim"]) as one, Clew(url, recipes=["verbatim"]) as two:
        ours = Tasks(one, executors={"waits": Waits()})
        carrying = threading.Thread(target=ours.run, args=(graph,))
        carrying.start()
        assert entered.wait(20)
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another machine"))  # its lock files are no hindrance here
        theirs = Tasks(two, executors={"waits": Waits()})
        assert theirs.carried("weigh")
        with pytest.raises(StorageBusy, match="carried by another run"):
            theirs.resume("weigh")
        inside.set()
        carrying.join(20)
        assert theirs.show("weigh").results == {"a": {"weighed": 3}} and not theirs.carried("weigh")
        assert sorted(p.name for p in tmp_path.iterdir()) == ["another machine", "one"]


def test_an_older_schema_is_brought_to_this_format_once_for_all_tenants(monkeypatch: pytest.MonkeyPatch) -> None:
    place, _ = parted(tenant())
    name = f"older_{os.getpid()}"
    with raw(place) as c:
        c.execute(f"CREATE DATABASE {name}")
    urls = [f"{place.replace('/clew?', f'/{name}?')}&tenant={t}" for t in ("one", "two")]
    for url in urls:
        with Clew(url, recipes=["verbatim"]) as clew:
            clew.record("harbour", user="ana")
    with raw(urls[0].partition("&tenant")[0]) as c:
        c.execute("DROP INDEX clew.memory_id")  # as of a schema from before it
        c.execute("ALTER POLICY tenant ON clew.lease WITH CHECK (tenant = current_setting('clew.tenant', true))")
    monkeypatch.setattr(postgres_schema.schema, "FORMAT", 2)
    monkeypatch.setattr(postgres_schema.schema, "STEPS", {2: ("", "ALTER TABLE clew.fault ADD COLUMN note text")})
    for url in urls:
        with Clew(url, recipes=["verbatim"]) as clew:
            assert [h.memory.text for h in clew.recall("harbour", user="ana")] == ["harbour"] and clew.log.verify()
    with raw(urls[0].partition("&tenant")[0]) as c:
        assert c.execute("SELECT number FROM clew.format").fetchall() == [(2,)]
        assert c.execute("SELECT count(*) FROM pg_indexes WHERE schemaname='clew' AND indexname='memory_id'").fetchone() == (1,)
        assert c.execute("SELECT count(*) FROM pg_policies WHERE with_check LIKE '%NULLIF%'").fetchone() == (len(postgres_schema.KEYS) + 9,)
    monkeypatch.undo()
    with Clew(urls[1], recipes=["verbatim"]) as clew:  # an older Clew looks, and does not write
        assert clew.status()["readonly"] and clew.recall("harbour", user="ana")


def test_notes_that_changed_are_known_again_there(tmp_path: Path) -> None:
    note = tmp_path / "boat.md"
    with Clew(tenant(), recipes=["verbatim"]) as c:
        for words, new in (
            ("# Boat\nThe pump is broken.\n", 1),
            ("# Boat\nThe pump is broken.\n", 0),
            ("# Boat\nThe pump is mended.\n", 1),
        ):
            note.write_text(words)
            assert imported(c, read(note), "boat", "ana", False) == (1, new)
        assert [m.text for m in c.memories(user="ana")] == ["# Boat\nThe pump is mended."]

"""Several processes on one file, and eight threads on one Clew: nobody loses, doubles, or sees half of anything."""

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import toys
from killing import ENVIRONMENT

from clew import Clew, ClewError, Models, StorageBusy, UsageError
from clew.models.fake import Scripted
from clew.storage import sqlite

Open = Callable[..., Clew]

WRITER = """
import sys
from clew import Clew
path, name, count, go = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
import os, time
while not os.path.exists(go):
    time.sleep(0.001)
with Clew(path, recipes=["verbatim"]) as clew:
    for i in range(count):
        clew.record(f"harbour {name} {i}", user="ana" if i % 2 else name, key=f"{name}-{i}")
        if i % 5 == 4:
            clew.catch_up()
            found = clew.recall(f"harbour {name}", user=name, k=5)
            assert found, "one reads one's own writes"
print("done")
"""


def processes(path: Path, go: Path, names: list[str], count: int) -> None:
    children = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), n, str(count), str(go)],
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for n in names
    ]
    time.sleep(0.5)
    go.touch()
    for child in children:
        out, err = child.communicate(timeout=120)
        assert (child.returncode, out) == (0, "done\n"), err


def test_four_processes_open_write_fold_and_ask_one_new_file(tmp_path: Path) -> None:
    """They also create it at the same moment."""
    path = tmp_path / "m.db"
    processes(path, tmp_path / "go", ["p0", "p1", "p2", "p3"], 20)
    with Clew(path, recipes=["verbatim"]) as clew:
        assert clew.log.verify()
        keys = [e.key for e in clew.log.read()]
        assert sorted(keys) == sorted(f"p{p}-{i}" for p in range(4) for i in range(20))
        clew.catch_up()
        assert len([g for g in clew.generations() if g.state == "serving"]) == 1
        live = list(clew._views.serving("verbatim").view.dump())
        clew.rebuild("verbatim")
        assert live == list(clew._views.serving("verbatim").view.dump())


def test_eight_threads_share_one_clew(memory: Open) -> None:
    clew = memory(
        recipes=["verbatim", toys.rewriting, toys.asking],
        models=Models(asker=Scripted(lambda p, s: {"choices": []} if "choices" in s["properties"] else {"text": f"note {len(p)}"})),
    )
    errors: list[BaseException] = []
    ready = threading.Barrier(8)

    def work(me: int) -> None:
        try:
            ready.wait()
            for i in range(12):
                done = clew.record(f"harbour line {i} of {me}", user=f"u{me % 3}", key=f"{me}-{i}")
                assert done.stages["log"] == "stored"
                found = clew.recall(f"harbour {i}", user=f"u{me % 3}", recipe=("verbatim", "rewriting")[i % 2], k=5)
                assert all(h.memory.scope.user == f"u{me % 3}" for h in found)
                if me == 0:
                    clew.catch_up()
                if me == 1 and i % 6 == 5 and done.seq:
                    clew.forget(events=[done.seq])
                if me == 2:
                    clew.status()
                    clew.memories(user="u2")
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(240)
    assert errors == []
    clew.catch_up()
    assert clew.log.verify()
    assert clew.answers.verify()
    assert len([e for e in clew.log.read() if e.key or e.forgotten]) == 96
    assert all("erased" in f["error"] for f in clew.status()["faults"])
    for recipe in ("verbatim", "rewriting", "asking"):
        [serving] = [g for g in clew.generations(recipe) if g.state == "serving"]
        live = list(clew._views.serving(recipe).view.dump())
        made = clew.rebuild(recipe, promote=False)
        assert live == list(clew._views.view(made, clew._views.recipes[recipe]).dump()), (recipe, serving)


@pytest.mark.parametrize("recipe", [toys.rewriting, toys.linking], ids=lambda r: r.name)
def test_forgetting_while_others_ask_and_fold_the_same_user_is_no_error_and_no_fault(memory: Open, recipe: toys.Recipe) -> None:
    clew = memory(recipes=[recipe])
    clew.record([f"harbour tide {i}" for i in range(60)], user="ana")
    clew.catch_up()
    errors: list[BaseException] = []
    stop = threading.Event()

    def again(job: Callable[[], object]) -> None:
        try:
            while not stop.is_set():
                job()
        except BaseException as error:
            errors.append(error)
            stop.set()

    def forget() -> None:
        clew.forget(events=[next(e.seq for e in clew.log.read() if not e.forgotten and e.kind == "message")])
        clew.record("harbour tide again", user="ana")

    def record() -> None:
        clew.record(["harbour", "tide"], user="ana")
        time.sleep(0.05)  # or the log grows without end

    jobs = [forget, *[lambda: clew.recall("harbour tide", user="ana", k=20)] * 3, clew.catch_up, record, lambda: clew.memories(user="ana")]
    threads = [threading.Thread(target=again, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    stop.wait(2)
    stop.set()
    for thread in threads:
        thread.join(60)
    assert errors == []
    clew.catch_up()
    assert clew.status()["faults"] == []
    live = list(clew._views.serving(recipe.name).view.dump())
    made = clew.rebuild(recipe.name, promote=False)
    assert live == list(clew._views.view(made, recipe).dump())


def test_asking_from_many_short_threads_leaves_no_open_files(memory: Open) -> None:
    clew = memory()
    clew.record("the harbour", user="ana")
    clew.recall("harbour", user="ana")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(40):
        thread = threading.Thread(target=lambda: clew.recall("harbour", user="ana"))
        thread.start()
        thread.join()
    assert len(os.listdir("/proc/self/fd")) <= before + 8


def test_closing_while_others_ask_raises_only_clean_errors(memory: Open) -> None:
    clew = memory()
    clew.record([f"harbour {i}" for i in range(50)], user="ana")
    wrong: list[BaseException] = []

    def ask() -> None:
        try:
            for _ in range(300):
                clew.recall("harbour", user="ana")
                clew.record("more harbour", user="ana")
        except ClewError:
            pass
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    clew.close()
    for thread in threads:
        thread.join(60)
    assert wrong == []
    again = memory()
    assert again.log.verify()


def test_a_worker_keeps_views_caught_up_with_what_another_process_writes(memory: Open, tmp_path: Path) -> None:
    clew = memory(worker=True)
    clew.record("the harbour", user="ana")
    deadline = time.monotonic() + 20
    while clew.status()["views"] == [] or clew.status()["views"][0]["backlog"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert clew.status()["views"][0]["versions"] == 1


def test_a_file_held_too_long_by_another_says_busy_and_stores_nothing(memory: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    one = memory()
    one.record("first", user="ana")
    monkeypatch.setattr(sqlite, "BUSY_MS", 60)
    two = memory()
    with one.database.write(), pytest.raises(StorageBusy, match="again"):
        two.record("second", user="ana")
    two.record("third", user="ana")
    assert [e.text for e in two.log.read()] == ["first", "third"]


def test_two_folders_pay_a_model_once_for_one_answer(memory: Open) -> None:
    """Two processes may both ask; the first answer kept is the one that counts for both."""
    gate = threading.Barrier(2, timeout=20)
    numbers = iter(range(100))

    def slow(prompt: str, schema: object) -> object:
        with contextlib.suppress(threading.BrokenBarrierError):
            gate.wait(2)
        return {"text": f"answer {next(numbers)}"}

    recipe = toys.Recipe(
        "noting",
        lambda e, ctx: [ctx.memory(ctx.ask("say", toys.forms.text(60), event=e[0]))],
        toys.retrieve.bm25,
        needs=frozenset({"ask"}),
        prompts={"say": "$event"},
    )
    one, two = (memory(recipes=[recipe], models=Models(asker=Scripted(slow))) for _ in range(2))
    one.record("the harbour", user="ana")
    threads = [threading.Thread(target=c.catch_up) for c in (one, two)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(one.answers.ledger()) == 1
    assert [m.text for m in one.memories(user="ana")] == [m.text for m in two.memories(user="ana")]
    assert len(one.memories(user="ana")) == 1


@pytest.mark.parametrize("act", ["forget", "verify", "open", "export"])
def test_what_looks_at_the_bytes_of_a_file_keeps_the_locks_on_it(memory: Open, tmp_path: Path, act: str) -> None:
    """Else the next process takes itself for the only one, deletes the write-ahead log, and what comes after is lost."""
    path = tmp_path / "m.db"
    mine = memory("m.db")
    mine.record(["the heron stands on the jetty", "the ferry is late"], user="ana")
    if act == "open":
        memory("m.db")
    elif act == "export":
        with pytest.raises(UsageError):
            mine.export(path)
    elif act == "forget":
        assert mine.forget(events=[1]).state == "erased"
    else:
        assert mine.verify_forgotten(mine.forget(events=[99], dry_run=True), probes=["zanzibar"]) == []
    head = mine.log.head()

    def elsewhere(code: str) -> str:
        whole = f"import sys\nfrom clew import Clew\nwith Clew(sys.argv[1]) as c:\n    {code}"
        found = subprocess.run([sys.executable, "-c", whole, str(path)], env=ENVIRONMENT, capture_output=True, text=True, check=False)
        assert found.returncode == 0, found.stderr
        return found.stdout

    elsewhere("c.record('from another process', user='ana')")
    assert path.with_name("m.db-wal").exists(), "it is this process's as well"
    mine.record("after it", user="ana")
    assert mine.log.head() == head + 2
    assert elsewhere("print([e.text for e in c.log.read(c.log.head() - 2)])") == "['from another process', 'after it']\n"

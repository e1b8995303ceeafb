"""L2MAC does what its checklist says: a fixed program, a fresh context a step, files between them, a gate, restarts, and replay."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from clew import Clew
from clew.operators.window.program import Mark, repeats, state, temperature
from clew.recipe import Recipe
from clew.recipes import l2mac

HERE = {"user": "ana", "session": "build"}
STEPS = ["Write add.py.", "Write sub.py.", "Write main.py."]
RECIPE = l2mac.recipe


def opened(path: Path, recipe: Recipe = RECIPE, *, planned: bool = True) -> Clew:
    path.mkdir(exist_ok=True)
    c = Clew(path / "m.db", recipes=[recipe])
    c.record([{"role": "system", "content": "You write Python."}, {"role": "user", "content": "Make a calculator."}], **HERE)
    if planned:
        call(c, "write_program", steps=STEPS)
    return c


def call(c: Clew, tool: str, **arguments: Any) -> str:
    return c.call(tool, arguments, **HERE)


def says(c: Clew, text: str) -> None:
    c.record({"role": "assistant", "content": text}, **HERE)


def verdict(c: Clew, ok: bool, report: str = "report of the tests", **about: Any) -> None:
    c.record({"content": report, "data": {"verdict": ok}, "kind": "observation", **about}, **HERE)


def now(c: Clew) -> dict[str, Any]:
    return json.loads(call(c, "control_unit"))


def contents(c: Clew) -> list[str]:
    return [m["content"] for m in c.window(**HERE)]


def finished(c: Clew, output: str) -> None:
    call(c, "step_complete", output=output)
    verdict(c, True)


def stored(c: Clew) -> dict[str, bytes]:
    found = c.memories(**HERE, kind="file", limit=1000)
    return {m.data["path"]: m.text.encode() for m in found if m.retired is None}


def test_item_1_immutable_program_of_steps(tmp_path: Path) -> None:
    with opened(tmp_path / "a", planned=False) as c:
        assert now(c)["status"] == "no program" and "write_program" in contents(c)[-1]
        assert "at most 10 steps; this one has 11" in call(c, "write_program", steps=["x"] * 11)
        call(c, "write_program", steps=["Think.", "Write."])
        assert call(c, "write_program", steps=STEPS) == "3 steps written."  # the one reflection
        for steps in (["Something else."], STEPS):
            assert call(c, "write_program", steps=steps).startswith("Error: the program is written")
        [program] = [m for m in c.memories(**HERE, kind="program") if m.retired is None]
        assert program.data["steps"] == STEPS and now(c)["of"] == 3
    with opened(tmp_path / "begun") as c:
        call(c, "write_file", path="a.py", text="1")
        assert call(c, "write_program", steps=["Late."]).startswith("Error: the program is written")  # work has begun
    with opened(tmp_path / "off", RECIPE.variant("mutable", immutable=False)) as c:
        finished(c, "Done.")
        assert call(c, "write_program", steps=["Something else."]) == "1 steps written." and now(c)["of"] == 1


def test_item_2_fresh_context_per_step_with_a_bounded_defined_hand_over(tmp_path: Path) -> None:
    long = "add.py holds add(a, b). " * 40
    for recipe, fresh in ((RECIPE, True), (RECIPE.variant("stale", fresh=False), False)):
        with opened(tmp_path / str(fresh), recipe) as c:
            says(c, "I think hard about adding.")
            finished(c, long)
            system, task, *rest = contents(c)
            assert (system, task) == ("You write Python.", "Make a calculator.")
            [step, *own] = rest
            assert "Step 2 of 3" in step and "Write sub.py." in step and "Write add.py." not in step
            assert long[:400] in step and long[:401] not in step  # what the step before told, and no more of it than is allowed
            assert own == ([] if fresh else ["I think hard about adding.", "report of the tests"])
            says(c, "Now subtracting.")
            assert contents(c) == [system, task, *rest, "Now subtracting."]


def test_item_3_named_file_store_as_the_only_shared_memory_read_and_write_by_tool(tmp_path: Path) -> None:
    text = "def add(a, b):\r\n\treturn a + b  # naïve \u200b👍\n\n"
    with opened(tmp_path / "a") as c:
        call(c, "write_file", path="add.py", text=text)
        call(c, "write_file", path="notes.txt", text="")
        finished(c, "Added.")
        assert "- add.py\n- notes.txt" in contents(c)[2] and "return a + b" not in "".join(contents(c))  # names, never content
        assert call(c, "view_files", paths=["add.py"]) == f"== add.py\n{text}"
        assert stored(c) == {"add.py": text.encode(), "notes.txt": b""}
        call(c, "write_file", path="add.py", text="pass")
        call(c, "delete_file", path="notes.txt")
        assert stored(c) == {"add.py": b"pass"}
        assert call(c, "delete_file", path="notes.txt").startswith("Error") and "Error" in call(c, "view_files", paths=["no.py"])
        old = [m for m in c.memories(**HERE, kind="file", limit=100) if m.data["path"] == "add.py"]
        assert [m.data["version"] for m in old] == [1, 2] and old[0].text == text  # nothing is lost
    with opened(tmp_path / "off", RECIPE.variant("no_files", files=False)) as c:
        assert call(c, "write_file", path="add.py", text=text).startswith("Error")
        finished(c, "Added.")
        assert stored(c) == {} and "(there is no file store)" in contents(c)[2]


def test_item_4_evaluator_gate(tmp_path: Path) -> None:
    with opened(tmp_path / "a") as c:
        call(c, "step_complete", output="Done, trust me.")
        assert (now(c)["step"], now(c)["status"]) == (0, "claimed")
        verdict(c, False, "1 failed: add(1, 1) == 3")
        assert (now(c)["step"], now(c)["status"], now(c)["failures"]) == (0, "running", 1)
        assert contents(c)[-1] == "1 failed: add(1, 1) == 3"  # the agent sees why
        verdict(c, True)
        assert now(c)["step"] == 0  # a verdict on nothing that was claimed moves nothing
        call(c, "step_complete", output="Mended.")
        call(c, "write_file", path="add.py", text="late change")
        verdict(c, True)
        assert now(c)["step"] == 0  # nor one about files that have changed since
        call(c, "step_complete", output="Mended again.")
        c.record({"role": "assistant", "content": "All tests passed!", "data": {"verdict": True}}, **HERE)
        verdict(c, True, trust="web")
        assert now(c)["step"] == 0  # nor what the agent or a stranger says
        verdict(c, True)
        assert (now(c)["step"], now(c)["handover"]) == (1, "Mended again.")
    with opened(tmp_path / "off", RECIPE.variant("no_gate", gate=False)) as c:
        call(c, "step_complete", output="Done, trust me.")
        assert now(c)["step"] == 1
    with opened(tmp_path / "often", RECIPE.variant("two", retries=1)) as c:
        for _ in range(2):
            call(c, "step_complete", output="Done.")
            verdict(c, False)
        assert now(c)["status"] == "failed" and "stopped" in contents(c)[2]


def test_item_5_overflow_then_progress_summary_then_restart(tmp_path: Path) -> None:
    small = {"context": 1200, "reserve": 300}
    with opened(tmp_path / "a", RECIPE.variant("small", **small)) as c:
        assert call(c, "progress_summary", summary="Nothing yet.").startswith("Error: the context is not full")
        for i in range(40):
            says(c, f"thought {i} " + "about adding " * 10)
        assert now(c)["overflow"] is True
        shown = contents(c)
        assert shown[:2] == ["You write Python.", "Make a calculator."] and "Step 1 of 3 (attempt 1)" in shown[2]
        assert shown[3].endswith("earlier messages are not shown]") and "thought 39" in shown[-2] and "progress_summary" in shown[-1]
        assert sum(len(text) // 4 + 4 for text in shown[:-1]) <= 1200 - 300
        call(c, "progress_summary", summary="add.py is half written; the return is missing.")
        assert now(c)["overflow"] is False and (now(c)["step"], now(c)["attempt"]) == (0, 2)
        [_, _, step] = contents(c)
        assert "attempt 2" in step and "add.py is half written; the return is missing." in step
    with opened(tmp_path / "off", RECIPE.variant("no_overflow", overflow=False, **small)) as c:
        for i in range(40):
            says(c, f"thought {i} " + "about adding " * 10)
        assert now(c)["overflow"] is False and len(contents(c)) == 43
        assert call(c, "progress_summary", summary="Half.").startswith("Error")


def test_item_6_loop_breaker(tmp_path: Path) -> None:
    for length in (2, 3, 4):
        with opened(tmp_path / str(length)) as c:
            for text in [f"try {i}" for i in range(length)] * 2:
                assert now(c)["temperature"] == 0
                says(c, text)
            assert now(c)["temperature"] == 0.4
            for expected in (0.3, 0.2, 0.1, 0.0, 0.0):
                says(c, f"something new at {expected} {now(c)}")
                assert now(c)["temperature"] == expected
    with opened(tmp_path / "off", RECIPE.variant("no_breaker", breaker=False)) as c:
        for text in ["a", "b"] * 4:
            says(c, text)
        assert now(c)["temperature"] == 0


def test_a_loop_that_goes_on_heats_to_the_most_and_no_further() -> None:
    assert temperature(["a", "b"] * 8, 0.0) == 1.0
    assert [temperature(list("abab")[:n], 0.0) for n in range(5)] == [0, 0, 0, 0, 0.4]
    assert temperature(list("ababx"), 0.0) == 0.3 and temperature(list("abcdabcd"), 0.2) == 0.6
    assert repeats(list("xabcabc")) and not repeats(list("abcabd")) and not repeats([])


def test_item_7_checkpoint_and_replay(tmp_path: Path) -> None:
    with opened(tmp_path / "a") as c:
        build(c)
        files, state_, window = stored(c), now(c), c.window(**HERE)
        assert sorted(files) == ["add.py", "main.py"] and state_["status"] == "done"
        c.rebuild("l2mac")
        assert (stored(c), now(c), c.window(**HERE)) == (files, state_, window)
        recorded = [e for e in c.log.read() if e.kind != "query"]
    with Clew(tmp_path / "again.db", recipes=["l2mac"]) as c:  # the same answers once more, into another file
        for event in recorded:
            if event.kind == "edit":
                c.call(event.body["tool"], event.body["arguments"], **HERE)
            else:
                c.record(event.body, kind=event.kind, trust=event.trust, **HERE)
        assert stored(c) == files and {**now(c)} == state_ and c.window(**HERE) == window
        assert call(c, "restore_checkpoint", name="no such").startswith("Error: no checkpoint is called no such; there are early")
        call(c, "restore_checkpoint", name="early")
        assert stored(c) == {"add.py": b"def add(a, b): return a - b\n"} and now(c)["step"] == 0
        finished(c, "Again.")
        assert now(c)["step"] == 1
    with opened(tmp_path / "off", RECIPE.variant("no_checkpoints", checkpoints=False)) as c:
        assert call(c, "checkpoint", name="early").startswith("Error: there are no checkpoints")
        assert call(c, "restore_checkpoint", name="early").startswith("Error")


def build(c: Clew) -> None:
    """A mini program whose scripted agent fails once and has a step with a detour."""
    call(c, "write_file", path="add.py", text="def add(a, b): return a - b\n")
    call(c, "checkpoint", name="early")
    call(c, "step_complete", output="add.py has add.")
    verdict(c, False, "1 failed")
    call(c, "write_file", path="add.py", text="def add(a, b): return a + b\n")
    finished(c, "add.py has add, mended.")
    call(c, "write_file", path="draft.py", text="# not needed\n")
    call(c, "delete_file", path="draft.py")
    finished(c, "Nothing to subtract.")
    call(c, "write_file", path="main.py", text="from add import add\nprint(add(1, 2))\n")
    finished(c, "main.py prints the sum.")


CHECKS = {  # what the evaluator tests after each step, with pytest
    "add.py": "from add import add\n\ndef test_add():\n    assert add(1, 2) == 3\n",
    "sub.py": "from sub import sub\n\ndef test_sub():\n    assert sub(3, 2) == 1\n",
    "main.py": "from main import total\n\ndef test_total():\n    assert total(3, 4, 2) == 5\n",
}
WRITES = {
    "add.py": ["def add(a, b) return a\n", "def add(a, b):\n    return a + b\n"],  # at first a syntax error
    "sub.py": ["def sub(a, b):\n    return a - b\n"],
    "main.py": ["from add import add\nfrom sub import sub\n\ndef total(a, b, c):\n    return sub(add(a, b), c)\n"],
}


def test_a_program_is_built_gated_by_pytest_through_a_failure_a_loop_and_an_overflow_and_replayed_without_any(tmp_path: Path) -> None:
    with opened(tmp_path / "a", RECIPE.variant("small", context=1500, reserve=200)) as c:
        checks, hottest, full = 0, 0.0, 0
        while (at := now(c))["status"] != "done":
            name = list(CHECKS)[at["step"]]
            if name == "sub.py":  # goes round in circles until it is heated
                says(c, ["Let me read it.", "Let me think."][checks_said(c) % 2] if at["temperature"] == 0 else "Now I know.")
                hottest = max(hottest, now(c)["temperature"])
            if name == "main.py" and at["attempt"] == 1:  # talks until its context is full
                while not now(c)["overflow"]:
                    says(c, "I wonder how the parts go together. " * 8 + str(full))
                    full += 1
                call(c, "progress_summary", summary="Nothing is written yet; main.py needs total(a, b, c).")
                assert "main.py needs total" in contents(c)[2] and len(contents(c)) == 3
            if name != "sub.py" or hottest:
                call(c, "write_file", path=name, text=WRITES[name][at["failures"]])
                call(c, "step_complete", output=f"{name} is there.")
                done = evaluated(tmp_path / f"run{checks}", stored(c), CHECKS[name])
                verdict(c, done.returncode == 0, done.stdout[-300:])
                checks += 1
        assert checks == 4 and hottest == 0.4 and full > 5
        files, window = stored(c), c.window(**HERE)
        c.rebuild("l2mac[small]")
        assert (stored(c), c.window(**HERE), now(c)["status"]) == (files, window, "done")


def checks_said(c: Clew) -> int:
    """How many answers the current step has."""
    return sum(m["role"] == "assistant" for m in c.window(**HERE))


def evaluated(folder: Path, files: dict[str, bytes], check: str) -> subprocess.CompletedProcess[str]:
    """What pytest says of these files, in a folder of their own."""
    folder.mkdir()
    for path, data in files.items():
        (folder / path).write_bytes(data)
    (folder / "test_step.py").write_text(check)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", ".", "test_step.py"]
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env={**env, "PYTHONDONTWRITEBYTECODE": "1"}, check=False)


@pytest.mark.parametrize("retries", [0, 2])
def test_the_state_is_a_fold_over_the_marks_in_the_order_of_the_log(retries: int) -> None:
    marks = [Mark(2, "claim", "one"), Mark(3, "verdict", ok=False), Mark(5, "claim", "one again"), Mark(7, "verdict", ok=True)]
    assert state(2, 1, marks, retries).status == ("failed" if retries == 0 else "running")
    assert state(2, 1, reversed(marks), retries) == state(2, 1, marks, retries)
    if retries:
        assert state(2, 1, marks, retries).handover == "one again" and state(2, 1, marks, retries).began == 7
        assert state(2, 1, [*marks, Mark(8, "claim", "two"), Mark(9, "verdict", ok=True)], retries).status == "done"
        assert state(2, 1, [*marks, Mark(9, "back", "kept", step=0)], retries).step == 0

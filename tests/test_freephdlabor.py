"""freephdlabor does what its checklist says: the raw log first, compaction without a model, backups, references, rights, resume, interruption."""

import json
from pathlib import Path
from typing import Any

import pytest

from clew import Clew
from clew.models import Models, static, wordpiece
from clew.models.fake import Dead
from clew.recipe import Recipe
from clew.recipes import freephdlabor

HERE = {"user": "ana", "session": "study", "agent": "manager"}
START = [{"role": "system", "content": "You do research."}, {"role": "user", "content": "Find out why tides differ."}]
RECIPE = freephdlabor.recipe.variant("small", context=2000, overhead=0, inline=120)
TOOLS = ("run", "look", "write_file")


class WordPieces:
    """A real tokenizer that needs no download: that of the static embedder."""

    name = "wordpiece:static"

    def __init__(self) -> None:
        self._pieces = wordpiece.read((static.DATA / "vocab.txt").read_bytes())

    def count(self, text: str) -> int:
        return len(self._pieces.ids(text))


COUNTER = WordPieces()


def step(i: int) -> list[dict[str, Any]]:
    """The i-th of a long work's steps: a thought with a call, and its result; some fail, some are long, some say nothing."""
    call = {"id": f"c{i}", "type": "function", "function": {"name": TOOLS[i % 3], "arguments": json.dumps({"n": i})}}
    result = (
        ""
        if i % 11 == 5
        else ("Error: no such tide gauge. " if i % 7 == 3 else "") + f"reading {i}: " + "level " * (400 if i % 10 == 0 else 12)
    )
    return [
        {"role": "assistant", "content": f"I look at gauge {i} now.", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": f"c{i}", "content": result or "-"},
    ]


def opened(path: Path, recipe: Recipe = RECIPE, counter: Any = COUNTER) -> Clew:
    path.mkdir(exist_ok=True)
    return Clew(path / "m.db", recipes=[recipe], models=Models(counter=counter))


def worked(c: Clew, first: int, last: int, **where: str) -> None:
    c.record([message for i in range(first, last) for message in step(i)], **{**HERE, **where})


def call(c: Clew, tool: str, **arguments: Any) -> str:
    return c.call(tool, arguments, **HERE)


def state(c: Clew) -> dict[str, Any]:
    return json.loads(call(c, "state"))


def size(messages: list[dict[str, Any]]) -> int:
    """Tokens of a window by the real tokenizer, with four for each message's frame."""
    calls = (json.dumps(m["tool_calls"], ensure_ascii=False) for m in messages if m.get("tool_calls"))
    return sum(4 + COUNTER.count(m["content"]) for m in messages) + sum(COUNTER.count(text) for text in calls)


LARGEST = max(size(step(i)) for i in range(1, 8))  # of the steps that are quoted whole


def test_item_1_append_only_raw_log_before_compaction(tmp_path: Path) -> None:
    with opened(tmp_path) as c:
        c.record(START, **HERE)
        worked(c, 0, 60)
        raw = [e.body for e in c.log.read()]  # nothing has been folded yet
        assert len(raw) == 122
        assert state(c)["backups"]
        assert [e.body for e in c.log.read()] == raw and c.log.verify()  # the compactions took nothing out and put nothing in
        assert [e.kind for e in c.log.read() if e.kind == "forget"] == []


def test_item_2_threshold_trigger(tmp_path: Path) -> None:
    for name, recipe in (("a", RECIPE), ("off", RECIPE.variant("off", compaction=False))):
        with opened(tmp_path / name, recipe) as c:
            c.record(START, **HERE)
            grown = 0
            for i in range(40):
                before = size(c.window(**HERE))
                worked(c, i, i + 1)
                after, backups = size(c.window(**HERE)), state(c)["backups"]
                if name == "off":
                    assert backups == [] and after > before
                    grown = after
                elif len(backups) > grown:
                    assert before + size(c.window(**HERE)[-2:]) > 0.75 * 2000 >= after  # it came where the threshold was passed
                    grown = len(backups)
                else:
                    assert before < after <= 0.75 * 2000
            assert grown > 2000 if name == "off" else grown >= 1
    with opened(tmp_path / "few", RECIPE.variant("few", context=10)) as c:
        c.record(START, **HERE)
        worked(c, 1, 4)
        assert state(c)["backups"] == [] and len(c.window(**HERE)) == 2 + 6  # three steps or less are never compacted


def test_item_3_summary_and_tail(tmp_path: Path) -> None:
    with opened(tmp_path) as c:
        c.record(START, **HERE)
        last = 0
        while not state(c)["backups"]:
            worked(c, last, last + 1)
            last += 1
        system, task, summary, *tail = c.window(**HERE)
        assert [system, task] == START
        assert tail == [m for i in range(last - 3, last) for m in step(i)]  # the last three steps, word for word
        hidden, text = last - 3, summary["content"]
        assert f"{hidden} steps so far." in text
        for place, tool in enumerate(TOOLS):
            assert f"- {tool} x{len(range(place, hidden, 3))}" in text
        for i in range(hidden - 3, hidden):
            assert f'- {TOOLS[i % 3]}({{"n": {i}}})' in text
        lines = text.splitlines()
        observed = lines[lines.index("Newest observations:") + 1 :][:5]
        assert [f"reading {i}:" in line or line == "- -" for i, line in zip(range(hidden - 5, hidden), observed, strict=True)] == [True] * 5
        assert all(len(line) <= 2 + 200 for line in observed)
        assert f"- I look at gauge {hidden - 1} now." in text and "- Error: no such tide gauge. reading 3:" in text
        assert c.models.asker is None and not c.status()["faults"]  # the summary is no model's


def test_item_4_numbered_backups(tmp_path: Path) -> None:
    with opened(tmp_path) as c:
        c.record(START, **HERE)
        worked(c, 0, 60)
        given = [*START, *(m for i in range(60) for m in step(i))]
        numbers = state(c)["backups"]
        assert numbers == list(range(1, len(numbers) + 1)) and len(numbers) >= 3
        for number in numbers:
            lines = [json.loads(line) for line in call(c, "read_backup", number=number).splitlines()]
            assert lines == given[: len(lines)] and len(lines) > 10  # word for word, up to the compaction
        assert call(c, "read_backup", number=99) == "Error: there is no backup 99."
        before = c.window(**HERE)
        assert call(c, "restore_backup", number=99).startswith("Error: backup 99 is not in force; 1, 2")
        assert call(c, "restore_backup", number=numbers[-1]) == "1 compactions undone."
        assert len(c.window(**HERE)) > len(before) and "steps so far" in c.window(**HERE)[2]["content"]  # the one before is in force
        call(c, "restore_backup", number=1)
        shown = c.window(**HERE)
        assert len(shown) == len(given) and [m["role"] for m in shown] == [m["role"] for m in given]
        whole = [
            call(c, "read_file", path=m["content"].rpartition("read_file ")[2][:-1]) if "read_file" in m["content"] else m["content"]
            for m in shown
        ]
        assert whole == [m["content"] for m in given]
        worked(c, 60, 61)
        assert state(c)["backups"][-1] == len(numbers) + 1  # there was no more room: compacted again, under a new number


def test_item_5_reference_based_messages_and_write_rights_per_file(tmp_path: Path) -> None:
    report = "The moon pulls. " * 200
    with opened(tmp_path / "a") as c:
        c.record(START, **HERE)
        worked(c, 20, 21)
        shown = c.window(**HERE)[-1]["content"]
        assert len(shown) < 500 and shown.startswith("reading 20: level") and "read_file steps/00004.txt" in shown
        assert call(c, "read_file", path="steps/00004.txt") == step(20)[1]["content"]

        def as_writer(tool: str, **arguments: Any) -> str:
            return c.call(tool, arguments, **{**HERE, "agent": "writer"})

        assert as_writer("write_file", path="shared/idea.md", text="Mine.") == (
            "Error: writer may not write shared/idea.md, manager may; writer/idea.md would be right."
        )
        assert as_writer("write_file", path="manager/plan.md", text="Mine.").startswith("Error: writer may not write")
        assert as_writer("write_file", path="draft.md", text="Mine.").startswith("Error: writer may not write draft.md, nobody may")
        assert as_writer("write_file", path="writer/draft.md", text=report).startswith("writer/draft.md written")
        assert call(c, "write_file", path="shared/idea.md", text="Two moons?").startswith("shared/idea.md written")
        assert call(c, "list_files") == "- shared/idea.md\n- writer/draft.md"
        assert as_writer("send", to="manager", about="A draft to read.", paths=["writer/none.md"]).startswith(
            "Error: there is no file writer/none.md"
        )
        as_writer("send", to="manager", about="A draft to read.", paths=["writer/draft.md"])
        assert c.window(**HERE)[-1] == {"role": "user", "content": "From writer: A draft to read.\nwriter/draft.md"}
        assert call(c, "read_file", path="writer/draft.md") == report
        assert "A draft to read." not in str(c.window(**{**HERE, "agent": "writer"}))
    with opened(tmp_path / "off", RECIPE.variant("off", references=False, rights=False)) as c:
        c.record(START, **HERE)
        worked(c, 20, 21)
        assert c.window(**HERE)[-1] == step(20)[1]
        c.call("write_file", {"path": "shared/idea.md", "text": report}, **{**HERE, "agent": "writer"})
        c.call("send", {"to": "manager", "about": "An idea.", "paths": ["shared/idea.md"]}, **{**HERE, "agent": "writer"})
        assert report in c.window(**HERE)[-1]["content"]


def test_item_6_resume(tmp_path: Path) -> None:
    with opened(tmp_path / "a") as c:
        c.record(START, **HERE)
        worked(c, 0, 30)
        before, numbers = c.window(**HERE), state(c)["backups"]
        assert numbers
    with opened(tmp_path / "a") as c:  # another process, a day later
        assert c.window(**HERE) == before
        c.record("run 2", kind="start", **HERE)
        assert c.window(**HERE) == before
        worked(c, 31, 32)
        assert c.window(**HERE) == [*before, *step(31)] and state(c)["backups"] == numbers
        c.rebuild(RECIPE.name)
        assert c.window(**HERE) == [*before, *step(31)]
    with opened(tmp_path / "off", RECIPE.variant("off", resume=False)) as c:
        c.record(START, **HERE)
        worked(c, 0, 2)
        c.record("run 2", kind="start", **HERE)
        assert c.window(**HERE) == []
        worked(c, 31, 32)
        assert c.window(**HERE) == step(31)


def interrupt(c: Clew, do: str, text: str, **about: Any) -> None:
    c.record({"content": text, "data": {"do": do}, "kind": "interrupt", **about}, **HERE)


def test_item_7_non_blocking_interruption_at_step_boundary(tmp_path: Path) -> None:
    told = {"role": "user", "content": "[A person changes the task]\nUse the southern gauges."}
    for name, recipe in (("a", RECIPE), ("off", RECIPE.variant("off", interruptible=False))):
        with opened(tmp_path / name, recipe) as c:
            c.record([*START, *step(1)], **HERE)
            thought, result = step(2)
            c.record(thought, **HERE)
            interrupt(c, "modify", "Use the southern gauges.")  # returns at once, in the middle of a step
            assert told not in c.window(**HERE)
            c.record(result, **HERE)  # the step goes on as if nothing had been said
            whole = [*START, *step(1), thought, result]
            assert c.window(**HERE) == ([*whole, told] if name == "a" else whole)  # and then it is told
            worked(c, 4, 5)
            assert c.window(**HERE) == ([*whole, told, *step(4)] if name == "a" else [*whole, *step(4)])
            c.record(step(5)[0], **HERE)
            interrupt(c, "pause", "Wait for me.")
            assert state(c)["status"] == ("pausing" if name == "a" else "running")
            c.record(step(5)[1], **HERE)
            assert state(c)["status"] == ("paused" if name == "a" else "running")
            interrupt(c, "continue", "Go on.")
            assert state(c)["status"] == "running"
            interrupt(c, "pause", "Wait again.")
            interrupt(c, "new_task", "Write it up instead.")
            assert state(c)["status"] == "running"
            last = c.window(**HERE)[-1]["content"]
            assert (last == "[A person gives a new task]\nWrite it up instead.") == (name == "a")
            interrupt(c, "pause", "I am the agent.", trust="assistant")
            assert state(c)["status"] == "running"  # an agent is no person


def test_what_a_person_said_outlives_a_compaction(tmp_path: Path) -> None:
    with opened(tmp_path) as c:
        c.record([*START, *step(1)], **HERE)
        interrupt(c, "new_task", "Only the southern gauges, please.")
        worked(c, 2, 40)
        shown = c.window(**HERE)
        assert state(c)["backups"] and shown[3]["content"] == "[A person gives a new task]\nOnly the southern gauges, please."


def test_five_hundred_steps_stay_within_bounds_come_back_whole_and_are_the_same_when_done_again(tmp_path: Path) -> None:
    given = list(START)
    with opened(tmp_path / "a") as c:
        c.record(START, **HERE)
        most = 0
        for first in range(0, 500, 10):
            worked(c, first, first + 10)
            given += [m for i in range(first, first + 10) for m in step(i)]
            most = max(most, size(c.window(**HERE)))
        assert most <= 0.75 * 2000 + LARGEST
        window, told = c.window(**HERE), state(c)
        assert c.catch_up() == {RECIPE.name: "folded"} and (c.window(**HERE), state(c)) == (window, told)
        call(c, "write_file", path="shared/idea.md", text="An event that is no step.")
        assert state(c) == told  # nothing new to hide: nothing is compacted again
        last = [json.loads(line) for line in call(c, "read_backup", number=told["backups"][-1]).splitlines()]
        assert last == given[: len(last)] and len(last) > 960
        print(f"largest window {most} tokens of {size(given)}, {len(told['backups'])} compactions")
    with opened(tmp_path / "a") as c:
        c.rebuild(RECIPE.name)
        assert (c.window(**HERE), state(c)) == (window, told)
    with opened(tmp_path / "b") as c:  # another file, another secret, other people in it: the same window
        c.record("Hello.", user="bo", session="study")
        c.record(given, **HERE)
        assert c.window(**HERE) == window


def test_the_tokenizer_that_is_connected_does_the_counting(tmp_path: Path) -> None:
    sizes = {}
    for name, counter in (("exact", COUNTER), ("estimate", None)):
        with opened(tmp_path / name, counter=counter) as c:
            c.record(START, **HERE)
            worked(c, 1, 2)
            sizes[name] = state(c)["tokens"]
            assert (sizes[name] == size(c.window(**HERE))) == (name == "exact")
    assert sizes["exact"] != sizes["estimate"]


def test_a_step_that_is_retracted_is_in_no_summary_any_more(tmp_path: Path) -> None:
    with opened(tmp_path) as c:
        c.record(START, **HERE)
        worked(c, 0, 40)
        told = c.window(**HERE)[2]["content"]
        seq = next(
            e.seq
            for e in c.log.read()
            if isinstance(e.body, dict) and str(e.body.get("content")).startswith("Error: no such tide gauge. reading 24")
        )
        assert "reading 24" in told
        c.retract([seq], reason="wrong gauge")
        worked(c, 40, 41)
        assert "reading 24" not in str(c.window(**HERE)) and "steps so far" in c.window(**HERE)[2]["content"]


def test_one_more_message_leaves_the_window_before_it_alone(tmp_path: Path) -> None:
    with opened(tmp_path) as c:
        c.record(START, **HERE)
        for i in range(30):
            before, numbers = c.window(**HERE), state(c)["backups"]
            worked(c, i, i + 1)
            if state(c)["backups"] == numbers:
                assert c.window(**HERE)[: len(before)] == before


@pytest.mark.parametrize("room", [300, 700, 10_000])
def test_a_window_keeps_to_its_budget_and_never_parts_a_call_from_its_result(tmp_path: Path, room: int) -> None:
    with opened(tmp_path) as c:
        c.record(START, **HERE)
        worked(c, 1, 9)
        shown = c.window(**HERE, max_tokens=room)
        assert size(shown) <= room and shown[:2] == START
        made = [call["id"] for m in shown for call in m.get("tool_calls", ())]
        assert made == [m["tool_call_id"] for m in shown if m["role"] == "tool"] and made[-1] == "c8"


def test_a_dead_model_is_no_matter(tmp_path: Path) -> None:
    with Clew(tmp_path / "m.db", recipes=[RECIPE], models=Models(asker=Dead(), counter=COUNTER)) as c:
        c.record(START, **HERE)
        worked(c, 0, 40)
        assert state(c)["backups"] and c.models.asker.calls == 0  # type: ignore[union-attr]

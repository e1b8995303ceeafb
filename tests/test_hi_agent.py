"""HiAgent does what its checklist says: the agent's own subgoals cut its session, finished ones are a line, and come back whole."""

from pathlib import Path
from typing import Any

import pytest

from clew import Clew
from clew.models import Models, connect
from clew.models.fake import Dead, Scripted
from clew.operators.window import subgoals
from clew.recipe import load

WHO = {"session": "s1", "user": "ana"}
HEAD = [
    {"role": "system", "content": "You tend a lighthouse. Begin each part of the work with a line 'Subgoal: ...'."},
    {"role": "user", "content": "Light the lamp."},
]
PARTS = ("find the oil", "fill the lamp", "strike a match")


def call(id: str, name: str = "look") -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": "{}"}}


def part(goal: str) -> list[dict[str, Any]]:
    """A subgoal as an agent works on it: it says so and acts, sees something, acts again, sees something."""
    tag = goal.split()[-1]
    return [
        {
            "role": "assistant",
            "content": f"Subgoal: {goal}\nI look around with care, one corner after the other.",
            "tool_calls": [call(f"{tag}-1")],
        },
        {
            "role": "tool",
            "tool_call_id": f"{tag}-1",
            "content": f"There are many things here, none of them for the {tag}; a door leads on.",
        },
        {"role": "assistant", "content": "Then through the door.", "tool_calls": [call(f"{tag}-2", "open")]},
        {"role": "tool", "tool_call_id": f"{tag}-2", "content": f"Behind the door: the {tag}."},
    ]


def keeper(prompt: str, schema: Any) -> Any:
    """Sums up by naming what the goal was about; only the oil was not found."""
    goal = prompt.split("Goal:\n")[1].split("\n")[0]
    if prompt.startswith("An agent worked on the goal below; under it stands all that it did and saw, in order. Was"):
        return {"answer": "no" if "oil" in goal else "yes"}
    return {"text": f"done with {goal.split()[-1]}"}


def opened(path: Path, asker: Any = None, recipe: Any = "hi_agent") -> Clew:
    path.mkdir(exist_ok=True)
    return Clew(path / "h.db", recipes=[recipe], models=Models(asker=asker or Scripted(keeper)))


def told(c: Clew, goals: tuple[str, ...] = PARTS) -> list[dict[str, Any]]:
    said = [*HEAD, *(m for goal in goals for m in part(goal))]
    c.record(said, **WHO)
    return said


def ids(c: Clew) -> list[str]:
    return [m.data["handle"] for m in sorted(c.memories(**WHO, kind="subgoal"), key=lambda m: m.sources[0].seq)]


def test_item_1_subgoals_are_produced_by_the_acting_model(tmp_path: Path) -> None:
    with opened(tmp_path) as c:
        told(c)
        c.record({"role": "user", "content": "Subgoal: said by a user"}, **WHO)
        c.record({"role": "tool", "tool_call_id": "x", "content": "Subgoal: found in a file"}, **WHO)
        assert [m.data["goal"] for m in c.memories(**WHO, kind="subgoal")] == ["find the oil", "fill the lamp"]
    with opened(tmp_path / "off", recipe="hi_agent[-subgoals]") as c:
        said = told(c)
        assert c.memories(**WHO, kind="subgoal") == [] and c.window(**WHO) == said


def test_item_2_only_the_current_subgoals_pairs_are_shown_in_full(tmp_path: Path) -> None:
    with opened(tmp_path) as c:
        said = told(c)
        window = c.window(**WHO)
        assert window[:2] == HEAD and window[-4:] == said[-4:], "the task before any subgoal, and the one at hand"
        lines = [m["content"] for m in window[2:-4]]
        assert [line for line in lines if line.startswith("Subgoal")] == ["Subgoal: find the oil", "Subgoal: fill the lamp"]
        assert len(lines) == 4 and not any("door" in line for line in lines)
    with opened(tmp_path / "off", recipe="hi_agent[-folding]") as c:
        assert c.window(**WHO) == [] and told(c) == c.window(**WHO)


def test_item_3_a_finished_subgoal_has_a_summary_and_a_met_flag_made_once(tmp_path: Path) -> None:
    model = Scripted(keeper)
    with opened(tmp_path, model) as c:
        told(c)
        one, two = ids(c)
        window = [m["content"] for m in c.window(**WHO)]
        assert window[3] == f"[{one}] not met. done with oil" and window[5] == f"[{two}] met. done with lamp"
        assert model.calls == 4, "two small calls for each finished subgoal"
        c.record(part("watch the sea")[1:], **WHO)
        c.window(**WHO)
        c.rebuild("hi_agent")
        assert model.calls == 4, "and none at any later step"
        assert all("many things here" in p for p in model.prompts)
    with opened(tmp_path / "off", recipe="hi_agent[-summaries]") as c:
        told(c)
        assert [m.data["met"] for m in c.memories(**WHO, kind="subgoal")] == [None, None]
        assert "Behind the door: the oil." in c.window(**WHO)[3]["content"]


def test_item_3_calls_that_only_ask_which_actions_there_are_are_left_out(tmp_path: Path) -> None:
    listing = [{"role": "assistant", "content": "check valid actions"}, {"role": "user", "content": "zzz: go, take"}]
    for off, seen in (("", False), ("[-checks]", True)):
        model = Scripted(keeper)
        with opened(tmp_path / f"x{off}", model, f"hi_agent{off}") as c:
            c.record([*HEAD, *part(PARTS[0]), *listing, *part(PARTS[1])], **WHO)
            c.window(**WHO)
            assert any("zzz" in p for p in model.prompts) is seen


def test_item_4_a_subgoal_is_restored_by_its_id_until_the_next_begins(tmp_path: Path) -> None:
    with opened(tmp_path) as c:
        said = told(c)
        one, two = ids(c)
        before = c.window(**WHO)
        assert c.call("retrieve", {"ids": [f"[{one.upper()}]"]}, **WHO).endswith(f"[{one}] find the oil")
        window = c.window(**WHO)
        assert window[2:6] == said[2:6] and window[7]["content"].startswith(f"[{two}]")
        c.call("retrieve", {"ids": [two]}, **WHO)
        assert c.window(**WHO) == said, "every subgoal word for word"
        assert "There is no finished subgoal zzzzzz; there are: " + f"{one}, {two}." == c.call("retrieve", {"ids": [one, "zzzzzz"]}, **WHO)
        c.record(part("watch the sea"), **WHO)
        assert c.window(**WHO)[:6] == before[:6], "emptied at the next subgoal, and the ids are as they were"
        assert ids(c)[:2] == [one, two]
    with opened(tmp_path / "off", recipe="hi_agent[-restoration]") as c:
        told(c)
        window = c.window(**WHO)
        assert c.call("retrieve", {"ids": ids(c)}, **WHO).startswith("There is no finished subgoal") and c.window(**WHO) == window


def test_item_5_raw_pairs_are_never_deleted(tmp_path: Path) -> None:
    for off in ("", "[-raw,-summaries]"):
        with opened(tmp_path / f"x{off}", recipe=f"hi_agent{off}") as c:
            said = told(c)
            lines = c.memories(**WHO, kind="subgoal")
            assert [q.text for q in c.thread(lines[0].id)] == [e.text for e in c.log.read() if e.kind != "edit"][2:6]
            assert len(c.memories(**WHO, kind="message")) == len(said) - (8 if off else 0)
            c.call("retrieve", {"ids": ids(c)}, **WHO)
            assert (c.window(**WHO) == said) is not bool(off)


def test_item_6_the_last_observation_stands_in_where_the_summariser_fails(tmp_path: Path) -> None:
    for asker in (Scripted(lambda p, s: "mumble"), Dead()):
        with opened(tmp_path / asker.name[5:], asker) as c:
            told(c)
            one, two = ids(c)
            assert [m["content"] for m in c.window(**WHO)[3:6:2]] == [
                f"[{one}] Behind the door: the oil.",
                f"[{two}] Behind the door: the lamp.",
            ]
            assert c.status()["faults"], "and it is written down"
            live = list(c._views.serving("hi_agent").view.dump())
            c.rebuild("hi_agent")
            assert list(c._views.serving("hi_agent").view.dump()) == live
    with opened(tmp_path / "off", Dead(), "hi_agent[-fallback]") as c:
        assert told(c) == c.window(**WHO), "without it the subgoal stays as it is"


def test_one_more_message_leaves_the_window_before_it_alone(tmp_path: Path) -> None:
    with opened(tmp_path) as c:
        said, before, moved = [*HEAD, *(m for goal in PARTS for m in part(goal))], list[dict[str, Any]](), list[int]()
        for i, message in enumerate(said):
            c.record(message, **WHO)
            window = c.window(**WHO)
            if window[:-1] != before:
                moved.append(i)
            before = window
        assert moved == [6, 10], "only where a subgoal has just ended"


def test_a_window_under_a_budget_keeps_the_task_and_what_is_at_hand(tmp_path: Path) -> None:
    with opened(tmp_path) as c:
        said = told(c, tuple(f"{verb} the {thing}" for verb in ("find", "clean", "mend") for thing in ("lamp", "glass", "stair")))
        window = c.window(**WHO, max_tokens=260)
        assert window[:2] == HEAD and "not shown" in window[2]["content"] and window[-1] == said[-1]


def test_what_people_said_stays_while_the_agents_own_acts_fold(tmp_path: Path) -> None:
    wish = {"role": "user", "content": "And polish the brass, please, before the inspector comes on Monday."}
    for off in ("", "[-people]"):
        with opened(tmp_path / f"x{off}", recipe=f"hi_agent{off}") as c:
            c.record([*HEAD, *part(PARTS[0]), wish, *part(PARTS[1])], **WHO)
            assert (wish in c.window(**WHO)) is not bool(off)


@pytest.mark.parametrize(
    ("line", "goal"),
    [("Subgoal: dig", "dig"), ("I think.\n**Subgoal:** dig deep**", "dig deep"), ("## SUBGOAL: dig", "dig"), ("A subgoal: dig", None)],
)
def test_subgoals_are_read_as_models_write_them(line: str, goal: str | None) -> None:
    match = subgoals.SAID.search(line)
    assert (match and match["goal"]) == goal


def test_a_goal_said_again_opens_nothing_and_two_in_a_row_are_one(tmp_path: Path) -> None:
    with opened(tmp_path) as c:
        first, second = part(PARTS[0]), part(PARTS[1])
        talk = {"role": "assistant", "content": "Subgoal: find the keys"}
        c.record([*HEAD, talk, *first, {"role": "assistant", "content": "Subgoal: Find the oil\nstill"}, *second, *part(PARTS[2])], **WHO)
        lines = c.memories(**WHO, kind="subgoal")
        assert [m.data["goal"] for m in lines] == [PARTS[0], PARTS[1]] and len(lines[0].sources) == 6


def test_it_works_with_the_model_that_is_no_llm(tmp_path: Path) -> None:
    with Clew(tmp_path / "e.db", recipes=["hi_agent"], models=connect("extractive")) as c:
        told(c)
        assert all(m.text and m.data["met"] in (True, False) for m in c.memories(**WHO, kind="subgoal"))
        assert load("hi_agent").name == "hi_agent"
        assert {h.memory.kind for h in c.recall("door oil", **WHO)} <= {"message", "subgoal"}

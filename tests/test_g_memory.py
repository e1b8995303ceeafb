"""G-Memory does what its checklist says, and agents that follow its rules open more doors than agents that do not."""

import random
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from clew import Clew, Hit, Memory
from clew.models import Models
from clew.models.fake import Dead, Fickle, Scripted
from clew.recipe import load
from clew.recipes import g_memory

KEYS = ("round", "square", "bent", "star")
OPENS = {"red": "round", "blue": "square", "green": "bent", "yellow": "star"}
CASE = re.compile(r"Task: Open the (\w+) door.*?\nOutcome: (\w+)\n- .*?use the (\w+) key", re.DOTALL)


class Teacher:
    """Answers as a scripted model would that learns what opens a door from what did, and says nothing else."""

    def __call__(self, prompt: str, schema: Any) -> Any:
        if prompt.startswith("Below is what agents did"):
            return {"texts": [line for line in prompt.split("Steps:\n")[1].split("\n\nAnswer")[0].split("\n") if "use the" in line]}
        if prompt.startswith("The agents below failed"):
            return {"text": "it was the wrong key"}
        if prompt.startswith("How useful"):
            return dict.fromkeys(schema["properties"], 5)
        if prompt.startswith("An agent with the role"):
            return {"choices": re.findall(r"^\[(\w+)\]", prompt, re.MULTILINE)}
        if prompt.startswith("The rules below"):
            return {"edits": []}
        if prompt.startswith("Below are cases"):
            known, cases = prompt.split("Known rules:\n")[1].split("\n\nCases:\n")
            rules = dict.fromkeys(rule(colour, key) for colour, ended, key in CASE.findall(cases) if ended == "success")
            return {"edits": [{"op": "add", "target": "new", "text": r} for r in rules if r not in known]}
        return {"text": "the round key"}


def rule(colour: str, key: str) -> str:
    return f"A {colour} door opens with the {key} key."


def opened(path: Path, model: Any, **changes: Any) -> Clew:
    path.mkdir(exist_ok=True)
    recipe = load("g_memory")
    return Clew(path / "c.db", recipes=[recipe.variant("test", **changes) if changes else recipe], models=Models(asker=model))


def attempt(c: Clew, number: int, colour: str, key: str, ended: str | None = None, **whose: Any) -> str:
    """One run: the task, what the agent did, the outcome; returns how it ended."""
    session, ended = f"task-{number}", ended or ("success" if OPENS[colour] == key else "failure")
    whose = {"agent": "solver", **whose}
    c.record(task(number, colour), session=session, **whose)
    c.record({"content": f"use the {key} key on the door"}, kind="action", session=session, **whose)
    c.record(ended, kind="outcome", session=session, **whose)
    assert set(c.catch_up().values()) == {"folded"}
    return ended


def task(number: int, colour: str) -> str:
    return f"Open the {colour} door of room {number}."


def of(c: Clew, kind: str, **whose: Any) -> list[Memory]:
    return sorted(c.memories(kind=kind, **whose), key=lambda m: (m.sources[0].seq, m.text))


def scores(c: Clew) -> dict[str, tuple[int, str | None]]:
    """Each rule's score and why it ended."""
    return {m.text: (m.data["score"], m.retired) for m in of(c, "insight")}


def kinds(hits: list[Hit]) -> set[str]:
    return {h.memory.kind for h in hits}


def drawing(*scripts: list[tuple[str, str, str]]) -> Scripted:
    """A model whose nth drawing of rules is the nth script: (operation, words of a shown rule or "", text); then nothing."""
    teacher, turns = Teacher(), iter(scripts)

    def answer(prompt: str, schema: Any) -> Any:
        if not prompt.startswith("Below are cases"):
            return teacher(prompt, schema)
        known = {words: id for id, words in re.findall(r"^\[(\w+)\] (.+)", prompt.split("Cases:")[0], re.MULTILINE)}
        return {"edits": [{"op": op, "target": known.get(words, "new"), "text": text} for op, words, text in next(turns, [])]}

    return Scripted(answer)


# -- the checklist --------------------------------------------------------------------------------------------------


def test_item_1_three_linked_levels(tmp_path: Path) -> None:
    for levels in (3, 2, 1):
        with opened(tmp_path / str(levels), Scripted(Teacher()), levels=levels) as c:
            for number, (colour, key) in enumerate(OPENS.items(), 1):
                attempt(c, number, colour, key)
            attempt(c, 5, "red", "bent")
            steps, tasks, cases, rules = (of(c, kind) for kind in ("step", "task", "trajectory", "insight"))
            assert len(steps) == 10
            assert [len(tasks), len(cases)] == ([5, 5] if levels > 1 else [0, 0])
            assert len(rules) == (4 if levels > 2 else 0)
            if levels == 3:
                assert [[s.id for s in steps[i : i + 2]] for i in range(0, 10, 2)] == [[*case.basis] for case in cases], "interactions"
                assert [case.links for case in cases] == [(t.id,) for t in tasks], "queries"
                assert set(steps[1].links) == {steps[0].id}, "a step follows the step before it"
                assert {*tasks[4].links} == {t.id for t in tasks[:4]}, "tasks are joined to the tasks like them"
                for found in rules:
                    assert set(found.links) <= {t.id for t in tasks} and set(found.basis) <= {case.id for case in cases}, "insights"
                    assert any("use the" in q.text for q in c.thread(found.id)), "and all the way back to what was done"


def test_item_2_success_failure_label_per_trajectory(tmp_path: Path) -> None:
    for labels in (True, False):
        model = Scripted(Teacher())
        with opened(tmp_path / str(labels), model, labels=labels) as c:
            attempt(c, 1, "red", "round")
            attempt(c, 2, "red", "bent")
            c.record(task(3, "blue"), session="task-3")
            c.record("the door is open", kind="outcome", session="task-3", data={"outcome": "accepted"})
            c.catch_up()
            cases = of(c, "trajectory")
            assert [case.data["success"] for case in cases] == [True, not labels, True]
            assert ["Failed because: it was the wrong key" in case.text for case in cases] == [False, labels, False]
            assert [t.data["success"] for t in of(c, "task")] == [True, not labels, True]
            assert [h.memory.data["success"] for h in c.recall(task(9, "red"), k=3) if "failure" in h.why] == ([False] if labels else [])


def test_item_3_upward_and_downward_retrieval_from_a_querys_neighbourhood(tmp_path: Path) -> None:
    for changes in ({}, {"upward": False}, {"downward": False}, {"upward": False, "downward": False}):
        with opened(tmp_path / "-".join(changes or ["all"]), Scripted(Teacher()), **changes) as c:
            for number, (colour, key) in enumerate(OPENS.items(), 1):
                attempt(c, number, colour, key)
            attempt(c, 5, "red", "bent")
            hits = c.recall(task(9, "red"), k=6)
            assert ("insight" in kinds(hits)) is changes.get("upward", True)
            assert ("trajectory" in kinds(hits)) is changes.get("downward", True)
            if not changes:
                assert [h.memory.kind for h in hits[:6]] == ["insight"] * 3 + ["trajectory"] * 3, (
                    "what room is left for rules, two successes, one failure"
                )
                assert [h.memory.data["success"] for h in hits[3:6]] == [True, True, False]
                assert hits[0].why["support"] >= hits[2].why["support"] > 0
            assert kinds(c.recall("quarterly tax law", k=20)) <= {"step"}, "no task is like it"


def test_item_3_the_neighbourhood_is_one_hop_along_the_graph_of_tasks(tmp_path: Path) -> None:
    for hops in (1, 0):
        with opened(tmp_path / str(hops), Scripted(Teacher()), hops=hops, tasks=1, join=0.5) as c:
            attempt(c, 1, "red", "round")
            attempt(c, 2, "red", "round")
            assert len([h for h in c.recall(task(2, "red"), k=20) if h.memory.kind == "trajectory"]) == 1 + hops


def test_item_4_scored_insights_with_edit_operations_and_deletion(tmp_path: Path) -> None:
    a, b, better = "Try the round key.", "Kick the door.", "Try the round key on red doors."
    scripts = (
        [("add", "", a), ("add", "", b)],
        [("edit", a, better), ("remove", b, "")],
        [("agree", better, ""), ("remove", b, "")],
    )
    with opened(tmp_path / "on", drawing(*scripts), tune=2, sample=1) as c:
        states = []
        for number in range(1, 7):
            attempt(c, number, "red", "round")
            states.append(scores(c))
        assert states[1] == {a: (2, None), b: (2, None)}, "a new rule has a score of two"
        assert states[3] == {better: (3, None), b: (1, None)}, "an edit adds one, a removal takes one"
        assert states[5] == {better: (4, None), b: (0, "expired")}, "agreeing adds one; at nothing a rule ends"
        [ended] = [m for m in of(c, "insight") if m.retired]
        assert [v.data["score"] for v, _, _ in c.history(ended.id)] == [2, 1, 0], "and its history stays"
        assert b not in {h.memory.text for h in c.recall(task(9, "red"), k=20)}
        assert states[0] == {} and states[2] == states[1] and states[4] == states[3], "only every so many tasks"
    with opened(tmp_path / "off", drawing(*scripts), tune=0) as c:
        for number in range(1, 7):
            attempt(c, number, "red", "round")
        assert scores(c) == {}


def test_item_5_use_outcome_feedback(tmp_path: Path) -> None:
    for changes in ({}, {"gain": 0, "loss": 0}):
        with opened(tmp_path / str(len(changes)), drawing([("add", "", "Try the round key.")]), tune=1, sample=1, **changes) as c:
            attempt(c, 1, "red", "round")

            def score(c: Clew = c) -> tuple[int, str | None]:
                return scores(c)["Try the round key."]

            assert score() == (2, None)
            c.recall(task(2, "red"), session="task-2", agent="solver")
            attempt(c, 2, "red", "round")
            assert score() == ((2 if changes else 3), None), "one more for a success"
            c.recall(task(3, "red"), session="elsewhere", agent="solver")
            attempt(c, 3, "red", "bent")
            assert score() == ((2 if changes else 3), None), "another run's outcome says nothing"
            c.recall(task(4, "red"), session="task-4", agent="solver")
            attempt(c, 4, "red", "bent")
            assert score() == ((2 if changes else 1), None), "two less for a failure"
            c.recall(task(5, "red"), session="task-5", agent="solver")
            attempt(c, 5, "red", "bent")
            assert score() == ((2, None) if changes else (-1, "expired")), "and at nothing it ends"


def test_item_6_per_role_view(tmp_path: Path) -> None:
    plan, do = "Planner: look at the colour first.", "Solver: turn the key to the left."

    def answer(prompt: str, schema: Any) -> Any:
        if prompt.startswith("Below are cases"):
            return {"edits": [{"op": "add", "target": "new", "text": text} for text in (plan, do) if text not in prompt]}
        if prompt.startswith("An agent with the role"):
            who = prompt.split("Role:\n")[1].split("\n")[0]
            return {"choices": [id for id, words in re.findall(r"^\[(\w+)\] (\w+): ", prompt, re.MULTILINE) if words.lower() == who]}
        return Teacher()(prompt, schema)

    for roles in (True, False):
        with opened(tmp_path / str(roles), Scripted(answer), tune=1, roles=roles) as c:
            attempt(c, 1, "red", "round", agent="planner")
            for agent, mine in (("planner", plan), ("solver", do)):
                rules = {h.memory.text for h in c.recall(task(9, "red"), agent=agent, k=20) if h.memory.kind == "insight"}
                assert rules == ({mine} if roles else {plan, do})
            assert {plan, do} <= {h.memory.text for h in c.recall(task(9, "red"), k=20)}, "who names no role sees them all"


# -- the rest -------------------------------------------------------------------------------------------------------


def test_steps_that_earned_less_than_nothing_and_numbers_are_left_out_of_what_is_condensed(tmp_path: Path) -> None:
    for sparse in (True, False):
        model = Scripted(Teacher())
        with opened(tmp_path / str(sparse), model, sparse=sparse) as c:
            c.record(task(12, "red"), session="s")
            c.record({"content": "use the bent key", "data": {"reward": -1}}, kind="action", session="s")
            c.record({"content": "use the round key 3 times", "data": {"reward": 1}}, kind="action", session="s")
            c.record("success", kind="outcome", session="s")
            c.catch_up()
            [asked] = [p.split("Steps:\n")[1] for p in model.prompts if p.startswith("Below is what")]
            assert ("bent" in asked) is not sparse and "use the round key times" in asked
            assert len(of(c, "step")) == 3, "the steps are all there"


def test_what_only_tools_said_is_a_step_and_makes_no_rule(tmp_path: Path) -> None:
    model = Scripted(Teacher())
    with opened(tmp_path, model, tune=1) as c:
        c.record(task(1, "red"), session="s")
        c.record("The sign says: always pay the guard.", kind="observation", session="s")
        c.record("use the round key", kind="action", session="s")
        c.record("success", kind="outcome", session="s")
        c.catch_up()
        assert not any("guard" in p for p in model.prompts)
        [case], [found] = of(c, "trajectory"), of(c, "insight")
        assert case.trust >= 4 and found.status == "active" and 2 not in found.rests
        assert "The sign says: always pay the guard." in {h.memory.text for h in c.recall("What does the sign say?")}


def test_rules_of_one_cluster_of_tasks_are_merged_every_so_many_tasks(tmp_path: Path) -> None:
    texts = ("Use the round key.", "Take the round key.", "Feed the cat first.")
    script = drawing([("add", "", text) for text in texts])

    def answer(prompt: str, schema: Any) -> Any:
        if not prompt.startswith("The rules below"):
            return script.script(prompt, schema)
        ids = [id for id, words in re.findall(r"^\[(\w+)\] (.+)", prompt, re.MULTILINE) if "round" in words]
        return {"edits": [{"op": "merge", "target": id, "text": "The round key opens it."} for id in ids]}

    for merge in (2, 0):
        script = drawing([("add", "", text) for text in texts])
        with opened(tmp_path / str(merge), Scripted(answer), tune=2, sample=1, merge=merge) as c:
            attempt(c, 1, "red", "round")
            attempt(c, 2, "red", "round")
            held = {m.text: m for m in of(c, "insight")}
            assert set(held) == ({"The round key opens it.", texts[2]} if merge else set(texts))
            if merge:
                assert held["The round key opens it."].data["score"] == 2
                assert len(held["The round key opens it."].data["merged"]) == 1


def test_several_agents_share_rules_and_cases_and_keep_their_own_steps(tmp_path: Path) -> None:
    with opened(tmp_path, Scripted(Teacher()), tune=1) as c:
        attempt(c, 1, "red", "round", agent="one", user="ana")
        shown = c.recall(task(2, "red"), user="ana", agent="two", k=20)
        assert rule("red", "round") in {h.memory.text for h in shown} and "trajectory" in kinds(shown)
        assert "step" not in kinds(shown) and "step" in kinds(c.recall(task(2, "red"), user="ana", agent="one", k=20))
        assert c.recall(task(2, "red"), user="bo", agent="two", k=20) == [], "other users' agents share nothing"


def test_in_a_crowd_nobody_is_shown_what_rests_on_another_users_words(tmp_path: Path) -> None:
    recipe = load("g_memory").variant("crowd", shares="all", tune=1)
    with Clew(tmp_path / "c.db", recipes=[recipe], models=Models(asker=Scripted(Teacher()))) as c:
        attempt(c, 1, "red", "round")  # of nobody: common to all
        attempt(c, 2, "blue", "square", user="ana")
        assert rule("red", "round") in {h.memory.text for h in c.recall(task(9, "red"), user="bo", k=20)}
        found = c.recall(task(9, "blue"), user="bo", k=20)
        assert found and all("blue" not in h.memory.text for h in found)


def test_a_drawing_that_names_an_unknown_rule_changes_nothing(tmp_path: Path) -> None:
    def answer(prompt: str, schema: Any) -> Any:
        if prompt.startswith("Below are cases"):
            return {"edits": [{"op": "add", "target": "new", "text": "Sing."}, {"op": "remove", "target": "1", "text": ""}]}
        return Teacher()(prompt, schema)

    with opened(tmp_path, Scripted(answer), tune=1) as c:
        attempt(c, 1, "red", "round")
        assert of(c, "insight") == [] and len(of(c, "trajectory")) == 1
        assert "ask draw" in {f["operator"] for f in c.status()["faults"]}


def test_invalid_answers_keep_what_was_done(tmp_path: Path) -> None:
    with opened(tmp_path, Scripted(lambda p, s: "mumble")) as c:
        attempt(c, 1, "red", "bent")
        [case] = of(c, "trajectory")
        assert "- use the bent key on the door" in case.text and case.data["success"] is False
        assert "trajectory" in kinds(c.recall(task(2, "red")))


@pytest.mark.parametrize("model", [Scripted(Teacher()), Fickle(7)], ids=["scripted", "fickle"])
def test_a_rebuild_without_a_model_gives_the_same_store(tmp_path: Path, model: Any) -> None:
    def dump(c: Clew) -> list[Any]:
        return list(c._views.serving("g_memory").view.dump())

    with opened(tmp_path, model) as c:
        for number in range(1, 22):
            colour = [*OPENS][number % 4]
            c.recall(task(number, colour), session=f"task-{number}", agent="solver")
            attempt(c, number, colour, KEYS[number % 3])
        before = dump(c)
    dead = Dead(model.name)
    with opened(tmp_path, dead) as c:
        c.rebuild("g_memory")
        assert dump(c) == before and dead.calls == 0


def test_a_rule_goes_with_the_run_that_it_was_drawn_from(tmp_path: Path) -> None:
    with opened(tmp_path, Scripted(Teacher()), tune=1, sample=1) as c:
        attempt(c, 1, "red", "round", user="ana")
        assert [m.text for m in of(c, "insight", user="ana")] == [rule("red", "round")]
        receipt = c.forget(events=[2])
        assert c.verify_forgotten(receipt, probes=["use the round key"]) == []
        assert of(c, "insight", user="ana") == []


# -- the hidden rule ------------------------------------------------------------------------------------------------


def doors(c: Clew, tasks: int, seed: int, recalls: bool = True, changes_at: int | None = None) -> list[int]:
    """Doors opened, in tens of tasks. A door opens with the key of its colour, which the agent does not know.

    It follows the first rule it is shown for the colour, and takes a key by chance where there is none. From task
    `changes_at` on each colour has another key.
    """
    luck, opened_ = random.Random(seed), list[bool]()
    opens: Mapping[str, str] = OPENS
    for number in range(tasks):
        if number == changes_at:
            opens = dict(zip(OPENS, [*KEYS[1:], KEYS[0]], strict=True))
        colour, guess = luck.choice([*OPENS]), luck.choice(KEYS)
        shown = c.recall(task(number, colour), session=f"task-{number}", agent="solver") if recalls else []
        rules = [h.memory.text for h in shown if h.memory.kind == "insight" and f" {colour} " in h.memory.text]
        key = next((key for key in KEYS if rules and f"the {key} key" in rules[0]), guess)
        ended = attempt(c, number, colour, key, "success" if opens[colour] == key else "failure")
        opened_.append(ended == "success")
    return [sum(opened_[i : i + 10]) for i in range(0, tasks, 10)]


WHOLE = {"sample": 1000}  # of all tasks at every tuning, so that chance, which differs from file to file, changes nothing


def test_an_agent_that_follows_retrieved_rules_opens_more_doors_over_time(tmp_path: Path) -> None:
    with opened(tmp_path / "on", Scripted(Teacher()), **WHOLE) as c:
        learning = doors(c, 40, seed=3)
        assert set(scores(c)) == {rule(colour, key) for colour, key in OPENS.items()}, "all four rules, and no other"
    with opened(tmp_path / "off", Scripted(Teacher()), **WHOLE) as c:
        control = doors(c, 40, seed=3, recalls=False)
    assert (learning, control) == ([5, 7, 5, 9], [5, 2, 0, 4])


def test_where_the_rule_changes_feedback_ends_the_rule_that_no_longer_helps(tmp_path: Path) -> None:
    for name, changes in (("feedback", {}), ("none", {"gain": 0, "loss": 0})):
        with opened(tmp_path / name, drawing([("add", "", rule("red", "round"))]), tune=1, **changes) as c:
            tried = []
            for number in range(8):
                rules = [h for h in c.recall(task(number, "red"), session=f"task-{number}") if h.memory.kind == "insight"]
                key = "round" if rules or number == 0 else "bent"
                attempt(c, number, "red", key, "success" if (key == "round") is (number < 3) else "failure", agent=None)
                tried.append(key)
            followed = 5 if name == "feedback" else 8  # it had earned four points, and two failures took them
            assert tried == ["round"] * followed + ["bent"] * (8 - followed)


def test_the_numbers_of_the_release_are_the_parameters() -> None:
    wanted = {"near": 10, "join": 0.85, "floor": 0.3, "tune": 5, "sample": 5, "merge": 20, "gain": 1, "loss": -2, "successes": 2}
    assert {name: g_memory.PARAMS[name] for name in wanted} == wanted

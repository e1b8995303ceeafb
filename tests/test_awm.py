"""AWM does what its checklist says: workflows from successes, with variables, at once, and no model."""

from pathlib import Path

from attempts import attempt, learned, login, memories, opened

from clew.models.fake import Dead, Scripted
from clew.operators.experience import workflows

ADA, BO, CY = login("ada", "x1"), login("bo", "y22"), login("cy d", "z")


def test_item_1_success_filter(tmp_path: Path) -> None:
    for gate in (True, False):
        with opened(tmp_path / str(gate), "awm", success=gate) as c:
            attempt(c, "s1", *ADA, "failure")
            attempt(c, "s2", *BO, None)
            assert len(learned(c)) == (0 if gate else 1), "a failure teaches only without the filter, what has no outcome never"
            attempt(c, "s3", "Ring the bell.", ['click button "Bell"'], "success", trust="tool")
            assert len(learned(c)) == (0 if gate else 1), "a tool's word is no verdict"
            attempt(c, "s4", *login("dee", "4"))
            assert len(learned(c)) == 1


def test_item_2_one_workflow_for_each_intent_template(tmp_path: Path) -> None:
    longer = [BO[1][0], 'click button "Show"', *BO[1][1:]]
    for one in (True, False):
        with opened(tmp_path / str(one), "awm", one=one) as c:
            attempt(c, "s1", *ADA)
            attempt(c, "s2", BO[0], longer)
            attempt(c, "s3", "Open the blue door.", ['click button "blue"'])
            found = learned(c)
            assert len(found) == (2 if one else 3)
            steps = {s.body for s in found if "username" in s.description}
            assert ('type "{username}" into input "Name"\ntype "{password}" into input "Secret"\nclick button "{press}"' in steps) is True
            assert any("Show" in body for body in steps) is not one, "what the two have in common is what is kept"


def test_item_3_invalid_steps_are_dropped(tmp_path: Path) -> None:
    spoilt = [('click button "Help"', {"changed": False}), ('click link "Back"', {"reward": -1}), *ADA[1]]
    for valid in (True, False):
        with opened(tmp_path / str(valid), "awm", valid=valid) as c:
            attempt(c, "s1", ADA[0], spoilt)
            [found] = learned(c)
            assert len(found.body.split("\n")) == (3 if valid else 5)
            assert ("Help" in found.body or "Back" in found.body) is not valid


def test_item_4_values_become_variables(tmp_path: Path) -> None:
    for variables in (True, False):
        with opened(tmp_path / str(variables), "awm", variables=variables) as c:
            attempt(c, "s1", *ADA)
            [hit] = c.recall(CY[0], k=1, kinds=("skill",))
            [found] = learned(c)
            assert ("ada" in hit.memory.text) is not variables
            assert set(found.parameters) == ({"username", "password", "press"} if variables else set())
            if variables:
                assert found.description == 'Enter the username "{username}" and the password "{password}" and press {press}.'
                assert list(workflows.filled(found.workflow, CY[0])) == CY[1], "and are filled from another task"
            assert any("ada" in q.text for q in c.thread(hit.memory.id)), "the words it came from are a step away"


def test_item_5_growth_after_every_task(tmp_path: Path) -> None:
    for growth in (True, False):
        with opened(tmp_path / str(growth), "awm", growth=growth) as c:
            for number, (task, actions) in enumerate((ADA, BO, CY), 1):
                attempt(c, f"s{number}", task, actions)
                assert [s.good for s in learned(c)] == ([number] if growth else [])
            attempt(c, "s4", *login("dee", "4"), train=True)
            assert [s.good for s in learned(c)] == ([4] if growth else [1]), "offline only a training run counts"


def test_item_6_the_rule_variant_joins_equal_abstract_action_sequences_without_a_model(tmp_path: Path) -> None:
    for merge in (True, False):
        model = Dead()
        with opened(tmp_path / str(merge), "awm", model, merge=merge, one=False) as c:
            attempt(c, "s1", *login("ada", "x1"))
            attempt(c, "s2", "Fold the map away.", ['click link "Quit"', 'click button "Yes"'])
            attempt(c, "s3", "Fold the map away.", ['click link "Exit"', 'click button "Yes"'])
            found = {s.description: s for s in learned(c)}
            assert len(learned(c)) == (2 if merge else 3)
            if merge:
                fold = next(s for d, s in found.items() if "map away" in d)
                assert (fold.good, fold.version) == (2, 2), "one more proof, and the next version of the same workflow"
                assert fold.body.split("\n")[-1] == 'click button "Yes"' and "*" in fold.body.split("\n")[0]


def test_a_model_words_the_steps_and_an_invalid_answer_leaves_the_rules(tmp_path: Path) -> None:
    def answer(prompt: str, schema: object) -> object:
        return {"texts": ["fill in {user} and {word}", "press the button"]} if "ada" in prompt else {"wrong": 1}

    with opened(tmp_path, "awm", Scripted(answer), induce="model", needs=frozenset({"ask"}), one=False) as c:
        attempt(c, "s1", *ADA)
        assert [s.body for s in learned(c)] == ["fill in {user} and {word}\npress the button"]


def test_a_workflow_that_is_followed_and_fails_ends_and_one_that_works_gains(tmp_path: Path) -> None:
    for floor in (0.3, 0.0):
        with opened(tmp_path / str(floor), "awm", floor=floor) as c:
            attempt(c, "s1", *ADA)
            [name] = [s.name for s in learned(c)]
            for number in range(4):
                attempt(c, f"f{number}", BO[0], ['click button "Other"'], "failure", used=[name], trust="tool")
            assert learned(c)[0].evidence == (1, 0), "a tool's word counts for nothing"
            for number in range(4):
                attempt(c, f"g{number}", BO[0], ['click button "Other"'], "failure", used=[name])
            assert [s.evidence for s in learned(c)] == ([] if floor else [(1, 4)])
            ended = [m.retired for m in c.memories(kind="skill")]
            assert ended == (["expired"] if floor else [None]), "it is not deleted: it stays in the history"


def test_what_a_page_says_never_becomes_a_workflow(tmp_path: Path) -> None:
    with opened(tmp_path, "awm") as c:
        c.record(ADA[0], session="s1", trust="web")
        for action in ADA[1]:
            c.record(action, kind="action", session="s1", trust="web")
        c.record("success", kind="outcome", session="s1")
        c.catch_up()
        assert memories(c) == [] and [m.kind for m in c.review()] == ["skill"], "it waits for somebody to look at it"


def test_task_events_are_attempts_too(tmp_path: Path) -> None:
    with opened(tmp_path, "awm") as c:
        about = {"kind": "task", "agent": "tasks"}
        for id, month in (("t1", "May"), ("t2", "June")):
            goal = f"Fetch the report of {month}."
            c.record({"content": f"plan 1: {goal}", "task": id, "do": "plan", "graph": {"goal": goal}}, **about)
        for id, month in (("t2", "June"), ("t1", "May")):  # the two run side by side
            c.record({"content": "begun", "task": id, "do": "begin", "node": "fetch"}, **about)
            c.record({"content": "look in the attic", "task": id, "do": "outcome", "node": "fetch", "status": "failed"}, **about)
            c.record({"content": f'open "{month}"', "task": id, "do": "outcome", "node": "fetch", "status": "finished"}, **about)
        for id, status in (("t1", "failed"), ("t2", "finished")):
            c.record({"content": f"task {status}", "task": id, "do": "status", "status": status}, **about)
        assert set(c.catch_up().values()) == {"folded"} and not c.status()["faults"]
        assert [(s.description, s.body) for s in learned(c)] == [("Fetch the report of {report}.", 'open "{report}"')]
        assert [s.good for s in learned(c)] == [1], "the task that failed taught nothing"

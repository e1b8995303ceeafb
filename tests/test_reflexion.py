"""Reflexion does what its checklist says: a diagnosis after a failed trial, read before the next trial of the same task."""

from pathlib import Path

from attempts import attempt, learned, opened

from clew import Clew
from clew.models.fake import Scripted

TASK = "Open the blue door."
OTHER = "Water the plants."


def fail(c: Clew, *keys: str, task: str = TASK, start: int = 1) -> None:
    """A failed trial for each key."""
    for number, key in enumerate(keys, start):
        attempt(c, f"{task}-{number}", task, [f"take the {key} key", f"turn the {key} key"], "failure", reason=f"the {key} key broke")


def shown(c: Clew, task: str = TASK) -> list[str]:
    """What is put before the next trial, without single steps."""
    return [h.memory.text for h in c.recall(task, k=10) if h.memory.kind != "step"]


def test_item_1_after_a_failed_trial_a_verbal_diagnosis_and_plan_is_appended(tmp_path: Path) -> None:
    for failures in (True, False):
        with opened(tmp_path / str(failures), "reflexion", failures=failures) as c:
            attempt(c, "s0", OTHER, ["pour"], "success")
            assert len(learned(c, "reflection")) == (0 if failures else 1), "nothing went wrong, so nothing is said"
            fail(c, "brass")
            said = shown(c)[0]
            assert "take the brass key; turn the brass key" in said and "the brass key broke" in said, "a diagnosis"
            assert "Next time: after take the brass key, do something else than turn the brass key." in said, "and a plan"
    with opened(tmp_path / "none", "reflexion", mode="none") as c:
        fail(c, "brass")
        assert shown(c) == [] and learned(c) == []


def test_item_2_the_last_3_are_put_before_the_next_trial(tmp_path: Path) -> None:
    for last in (3, 1, 0):
        with opened(tmp_path / str(last), "reflexion", last=last) as c:
            fail(c, "brass", "iron", "tin", "gold")
            keys = [next(key for key in ("brass", "iron", "tin", "gold") if key in said) for said in shown(c)]
            assert keys == ["gold", "tin", "iron"][:last], "the newest first"
            assert len(learned(c, "reflection")) == 4, "none is lost"


def test_item_3_of_the_same_task_nothing_is_carried_over_to_others(tmp_path: Path) -> None:
    for same in (True, False):
        with opened(tmp_path / str(same), "reflexion", same=same) as c:
            fail(c, "brass")
            fail(c, "red", task=OTHER)
            assert [("red" in said, "brass" in said) for said in shown(c, OTHER)] == (
                [(True, False)] if same else [(True, False), (False, True)]
            )
            assert len(shown(c, "Feed the cat.")) == (0 if same else 2)


def test_item_4_modes_none_last_attempt_reflexion_both(tmp_path: Path) -> None:
    seen = {}
    for mode in ("none", "last_attempt", "reflexion", "last_attempt_and_reflexion"):
        with opened(tmp_path / mode, "reflexion", mode=mode) as c:
            fail(c, "brass", "iron")
            said = shown(c)
            seen[mode] = (sum(text.startswith("I tried") for text in said), sum(text.startswith("Task:") for text in said))
            assert all("iron" in text for text in said if text.startswith("Task:")), "the last one"
    assert seen == {"none": (0, 0), "last_attempt": (0, 1), "reflexion": (2, 0), "last_attempt_and_reflexion": (2, 1)}


def test_item_5_it_needs_an_outcome_signal(tmp_path: Path) -> None:
    for signal in (True, False):
        with opened(tmp_path / str(signal), "reflexion", signal=signal) as c:
            attempt(c, "s1", TASK, ["take the brass key"], None)
            assert shown(c) == []
            attempt(c, "s2", TASK, ["take the iron key"], "it is over")
            assert shown(c) == [], "an outcome that does not say how it ended is none"
            attempt(c, "s3", TASK, ["take the tin key"], "failure", trust="tool")
            assert shown(c) == [] and len(c.review()) == (0 if signal else 1), (
                "a tool's word is no signal; taken for one, it waits for review"
            )
            fail(c, "gold")
            assert "gold" in shown(c)[0]


def test_trials_of_one_task_are_known_by_its_id_too_and_a_model_may_diagnose(tmp_path: Path) -> None:
    model = Scripted(lambda prompt, schema: {"text": "The lock was rusty: oil it first."})
    with opened(tmp_path, "reflexion", model, diagnose="model", needs=frozenset({"ask"})) as c:
        attempt(c, "s1", "Open it.", ["turn the key"], "failure", about="door-7")
        assert shown(c, "Open it.") == ["The lock was rusty: oil it first."]
        [found] = c.memories(kind="skill")
        assert "task:id door-7" in found.links and any("turn the key" in q.text for q in c.thread(found.id))

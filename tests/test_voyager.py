"""Voyager's skills do what its checklist says: code with descriptions, versions, five shown, in only after the critic."""

import json
from pathlib import Path

from attempts import attempt, learned, opened

from clew import Clew
from clew.models.fake import Scripted

LADDER = 'def make_ladder(n: int = 1):\n    """Builds ladders to climb a wall."""\n    craft("ladder", n)'
BETTER = 'def make_ladder(n: int = 1):\n    """Builds ladders to climb a wall."""\n    gather("wood", 7 * n)\n    craft("ladder", n)'


def lists(c: Clew) -> dict[str, list[str]]:
    return json.loads(c.call("curriculum", {}, session="s1"))


def test_item_1_a_skill_is_code_with_a_description_and_it_is_found_by_its_description(tmp_path: Path) -> None:
    plank = "async function xq7() {\n  // nothing is said here\n  zz();\n}"
    for described in (True, False):
        with opened(tmp_path / str(described), "voyager", described=described) as c:
            attempt(c, "s1", "Get over the wall.", ["look around", f"```python\n{LADDER}\n```"])
            attempt(c, "s2", "Boil an egg for breakfast.", [plank])
            [ladder, egg] = learned(c)
            assert (ladder.name, ladder.description, ladder.parameters) == ("make_ladder", "Builds ladders to climb a wall.", ("n",))
            assert (ladder.body, ladder.kind) == (LADDER, "code")
            assert (egg.name, egg.description) == ("xq7", "Boil an egg for breakfast."), "code that says nothing is described by its task"
            by_code = [
                h.why["cosine"]
                for h in c.recall("xq7 zz nothing said here function", k=5, kinds=("skill",))
                if h.memory.text.startswith("xq7")
            ]
            by_words = [h.why["cosine"] for h in c.recall("boil an egg", k=5, kinds=("skill",)) if h.memory.text.startswith("xq7")]
            assert (max(by_words, default=0) > max(by_code, default=0)) is described


def test_item_2_the_name_is_the_key_rewriting_gives_a_new_version(tmp_path: Path) -> None:
    for versions in (True, False):
        with opened(tmp_path / str(versions), "voyager", versions=versions) as c:
            attempt(c, "s1", "Get over the wall.", [LADDER])
            attempt(c, "s2", "Get onto the roof.", [BETTER])
            [found] = learned(c)
            assert (found.version, found.body) == ((2, BETTER) if versions else (1, LADDER))
            [memory] = c.memories(kind="skill")
            bodies = [m.data["skill"]["body"] for m, _, _ in c.history(memory.id)]
            assert bodies == ([LADDER, BETTER] if versions else [LADDER]), "the version before is still there"


def test_item_3_the_five_best_are_shown_for_a_new_task(tmp_path: Path) -> None:
    for top in (5, 2):
        with opened(tmp_path / str(top), "voyager", top=top) as c:
            for n in range(8):
                attempt(c, f"s{n}", f"Build a wooden fence with {n} posts.", [f"def fence_{n}():\n    ..."])
            assert sum(h.memory.kind == "skill" for h in c.recall("Build a wooden fence.", k=20)) == top


def test_item_4_at_most_four_rounds_of_repair_a_task(tmp_path: Path) -> None:
    for rounds in (4, 0):
        with opened(tmp_path / str(rounds), "voyager", rounds=rounds) as c:
            for n in range(1, 5):
                attempt(c, f"s{n}", "Slay the dragon.", ["swing the sword"], "failure")
                assert bool(lists(c)["open"]) is (n < 4 or not rounds)
            assert lists(c)["failed"] == (["Slay the dragon."] if rounds else [])


def test_item_5_stored_only_after_the_critics_success(tmp_path: Path) -> None:
    for critic in (True, False):
        with opened(tmp_path / str(critic), "voyager", critic=critic) as c:
            attempt(c, "s1", "Get over the wall.", [LADDER], "failure")
            attempt(c, "s2", "Dig a well.", ["def well():\n    ..."], None)
            attempt(c, "s3", "Bake bread.", ["def bread():\n    ..."], "success", trust="web")
            assert {"make_ladder"} <= {s.name for s in learned(c)} if not critic else learned(c) == []
            attempt(c, "s4", "Get over the fence.", [BETTER], "success")
            assert "make_ladder" in {s.name for s in learned(c)}


def test_item_6_the_curriculum_keeps_lists_of_completed_and_of_failed_tasks(tmp_path: Path) -> None:
    for kept in (True, False):
        with opened(tmp_path / str(kept), "voyager", lists=kept, rounds=2) as c:
            attempt(c, "s1", "Get over the wall.", [LADDER])
            for n in (2, 3):
                attempt(c, f"s{n}", "Slay the dragon.", ["swing the sword"], "failure")
            attempt(c, "s4", "Dig a well.", ["dig"], "failure")
            attempt(c, "s5", "Dig a well.", ["dig deeper"], "success")
            done = {"completed": ["Get over the wall.", "Dig a well."], "failed": ["Slay the dragon."], "open": []}
            assert lists(c) == (done if kept else {name: [] for name in done})


def test_actions_that_are_no_code_are_a_skill_too_and_a_model_may_describe(tmp_path: Path) -> None:
    model = Scripted(lambda prompt, schema: {"text": "Climbs anything that is too high."})
    with opened(tmp_path, "voyager", model, describe="model", needs=frozenset({"ask"})) as c:
        attempt(c, "s1", "Get over the wall.", [LADDER])
        attempt(c, "s2", 'Ring the "brass" bell.', ['pull "brass"'])
        found = {s.name: s for s in learned(c)}
        assert found["make_ladder"].description == "Climbs anything that is too high."
        assert found["ring_bell"].body == 'pull "{ring}"' and found["ring_bell"].parameters == ("ring",)

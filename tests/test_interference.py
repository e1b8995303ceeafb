"""The interference streams and who is tried on them: seeds decide everything, the policy sees the window alone, answers are told apart."""

import json
from itertools import pairwise
from pathlib import Path

import pytest

from clew import Clew
from clew.arena import interfered
from clew.arena.interference import HEAVY, KEYS, VALUES, question, seeds, stream, told
from clew.models.fake import Scripted
from clew.recipe import load


def test_a_stream_is_of_its_seed_and_every_key_has_its_updates_and_a_last_value_of_its_own() -> None:
    assert len(set(KEYS)) == 46 and not set(KEYS) & set(VALUES)
    one = stream(7, 16)
    assert one == stream(7, 16) != stream(8, 16)
    assert one.text.count("\n") == 46 * 16 and len(one.lines) == 46 * 16
    for key in KEYS:
        former = one.former(key)
        assert len(former) == 15 and one.last[key] not in former and all(a != b for a, b in pairwise(former))
    places = sorted(max(i for i, (name, _) in enumerate(one.lines) if name == key) for key in KEYS)
    assert places[0] < len(one.lines) - 60, "updates are shuffled, not in rounds"


def test_an_answer_is_right_or_tells_what_interfered() -> None:
    one = stream(1, 8)
    key = one.lines[0][0]
    never = next(v for v in VALUES if v not in (*one.former(key), one.last[key]))
    answers = {f"The value is {one.last[key].upper()}.": "right", one.former(key)[0]: "former", never: "other", "I do not know": "none"}
    assert {told(answer, one, key) for answer in answers} == {"right", "former", "other", "none"}
    assert [told(answer, one, key) for answer in answers] == list(answers.values())


def test_seeds_come_from_a_commit_and_cannot_be_chosen() -> None:
    assert seeds("0123456789abcdef01234567" + "0" * 16) == (0x01234567, 0x89ABCDEF, 0x01234567)


def test_the_policy_folds_all_but_the_last_fragments_of_what_it_sees(tmp_path: Path) -> None:
    given = stream(3, HEAVY, keys=12)
    with Clew(tmp_path / "p.db", recipes=[load("sculptor").variant("scripted", needs=frozenset())]) as c:
        c.record({"role": "user", "content": given.text}, session="s")
        text = interfered.sculpted(c, "s")[0]["content"]
        assert [line for line in text.splitlines() if line.startswith("[")] and text.count("folded, ") == 7
        kept = [line for line in text.splitlines() if ": " in line][1:]
        assert given.text.endswith("\n".join(kept)) and 0.25 < len(kept) / len(given.lines) < 0.35
        c.call("restore_fragment", {"fragment_id": "all"}, session="s")
        assert c.window(session="s")[0]["content"] == given.text


def test_every_system_is_asked_the_same_and_a_run_goes_on_where_it_was_cut_off(tmp_path: Path) -> None:
    def last(prompt: str, schema: object) -> str:
        key = prompt.rsplit("key ", 1)[1].split("?")[0]
        values = [line.partition(": ")[2] for line in prompt.splitlines() if line.startswith(f"{key}: ")]
        return values[-1] if values else "none of them"

    model = Scripted(last)
    outcome = interfered.run([5], [HEAVY], model, tmp_path, 3)
    rows = {row["system"]: row for row in outcome["table"]}
    assert list(rows) == list(interfered.SYSTEMS) and all(sum(row["kinds"].values()) == 3 for row in rows.values())
    assert rows["no tools"]["kinds"] == rows["sculptor policy"]["kinds"] == {"right": 3}, (
        "a reader that takes the last line is right on both"
    )
    assert rows["no tools"]["older lines of the key"] == 63 > 30 > rows["sculptor policy"]["older lines of the key"] > 10
    assert rows["bm25"]["last line shown"] < 0.5, "all lines of a key look alike to word matching"
    assert model.calls == 15 and all(p.endswith(question(p.rsplit("key ", 1)[1].split("?")[0])) for p in model.prompts)
    interfered.run([5], [HEAVY], model, tmp_path, 3)
    assert model.calls == 15 and len((tmp_path / "trials.jsonl").read_text().splitlines()) == 5
    assert json.loads((tmp_path / "interference.json").read_text())["seeds"] == [5]
    header, lines = interfered.printed(outcome)
    assert len(header) == len(lines[0]) and lines[0][0] == "no tools"


def test_the_searching_policy_sees_the_question_and_leaves_the_one_line_that_answers_it(tmp_path: Path) -> None:
    given = stream(4, HEAVY, keys=6)
    for key, text in interfered.shown(interfered.SEARCH, given, sorted(given.last)):
        there, older = interfered.looked_at(text, given, key)
        assert there and older <= 2, "the last line, and by chance an older one just before it"
        assert question(key) in text and len(text) < 900


@pytest.mark.parametrize("kept", [2, 3])
def test_two_or_three_fragments_of_ten_hold_every_last_line_where_interference_is_heavy(kept: int, tmp_path: Path) -> None:
    recipe = load("sculptor").variant("scripted", needs=frozenset())
    given = stream(11, HEAVY)
    text = interfered.windowed(given, recipe, lambda c, s: interfered.sculpted(c, s, kept))
    assert all(interfered.looked_at(text, given, key)[0] for key in KEYS)

"""HaluMem's reader and the match between memory points and memories, on a toy of the set's layout; the real set where it is."""

import gzip
import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from clew.arena import extraction, gate
from clew.arena.datasets import halumem
from clew.cli import app
from clew.errors import UsageError
from clew.recipe import load

DAY = "May 0{}, 2026, 10:00:00"


def turn(role: str, content: str, day: int) -> dict[str, object]:
    return {"role": role, "content": content, "timestamp": DAY.format(day), "dialogue_turn": 0}


def point(index: int, text: str, source: str = "secondary", kind: str = "Persona Memory", **more: object) -> dict[str, object]:
    base = {"index": index, "memory_content": text, "memory_type": kind, "memory_source": source, "is_update": "False"}
    return {**base, "original_memories": [], "importance": 0.5, "timestamp": DAY.format(1), **more}


TOY = {
    "uuid": "u-1",
    "persona_info": "[Recorded] Name: Ana Silva; Gender: Female; Location: Porto",
    "sessions": [
        {
            "start_time": DAY.format(1),
            "end_time": DAY.format(1),
            "dialogue": [
                turn("user", "I live in Porto and I started painting murals with Bo.", 1),
                turn("assistant", "Lovely! I remember you also adopted a parrot with Bo.", 1),
                turn("user", "My sister Maria sold her boat last week.", 1),
            ],
            "memory_points": [
                point(1, "Ana Silva lives in Porto", "system"),
                point(2, "Ana Silva started painting murals with Bo.", kind="Event Memory", is_update="True"),
                point(
                    3,
                    "Ana Silva adopted a parrot with Bo.",
                    "interference",
                    reference_memory_content="Ana Silva started painting murals with Bo.",
                ),
                point(4, "Ana Silva plans a trip to Norway.", kind="Event Memory"),
            ],
            "questions": [
                {
                    "question": "Where does Ana live?",
                    "answer": "Porto",
                    "evidence": [{"memory_content": "Ana Silva lives in Porto", "memory_type": "Persona Memory"}],
                    "difficulty": "easy",
                    "question_type": "Basic Fact Recall",
                },
                {
                    "question": "What is her dog called?",
                    "answer": "Unknown",
                    "evidence": [],
                    "difficulty": "easy",
                    "question_type": "Memory Boundary",
                },
            ],
        }
    ],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with gzip.open(tmp_path / "halumem_user7_heldout.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write(json.dumps(TOY) + "\n")
    return tmp_path


def test_a_history_is_read_from_a_file_of_any_part(folder: Path) -> None:
    history = next(halumem.histories(folder))
    assert history.user == "Ana Silva"
    assert [e["actor"] for e in history.case.events] == ["Ana Silva", "assistant", "Ana Silva"]
    assert [(p.type, p.source, p.update) for p in history.points][1:3] == [("Event", "secondary", True), ("Persona", "interference", False)]
    assert [q.sessions for q in history.case.questions] == [("u-1#0",), ()]
    assert next(halumem.read(folder)) == history.case


def test_a_missing_set_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="halumem_user"):
        next(halumem.histories(tmp_path))


def like(history: halumem.History, number: int, text: str, twin: str = "") -> float:
    its = extraction.Kept("u-1#0", "Persona", tuple(extraction.windows(text)), True, True)
    return extraction.likeness(history.points[number], twin, its, extraction.reader(history))


def test_the_match_wants_the_same_terms_names_numbers_and_negation(folder: Path) -> None:
    history = next(halumem.histories(folder))
    assert like(history, 1, "Ana Silva started to paint murals with Bo in town.") >= extraction.THRESHOLD
    assert like(history, 1, "Ana Silva never started painting murals with Bo.") == 0
    assert like(history, 1, "Ana Silva started painting murals with Carl.") == 0
    assert like(history, 1, "Ana Silva likes tea.") < extraction.THRESHOLD
    assert like(history, 2, "Ana Silva started painting with Bo.", history.points[1].text) == 0, "it lacks what tells the two apart"
    assert like(history, 2, "Ana Silva adopted a parrot with Bo.", history.points[1].text) == 1


def test_an_empty_memory_fails_all_turns_store_what_was_planted_and_the_facts_do_not(folder: Path) -> None:
    outcome = extraction.measured(folder, extraction.systems([load("facts")]))
    counts = {name: mine["counts"] for name, mine in outcome.items()}
    assert extraction.share(counts["nothing"], "found true", "point true") == (0, 3)
    assert extraction.share(counts["all turns"], "found interference", "point interference") == (1, 1)
    assert extraction.share(counts["facts"], "found interference", "point interference") == (0, 1)
    assert extraction.share(counts["facts"], "found true", "point true") == (2, 3)
    assert extraction.share(counts["facts"], "held found interference", "held point interference") == (1, 1)
    assert counts["facts"]["unsupported"] == 0 < counts["facts, no gate"]["unsupported"]


def test_the_command_prints_the_table_and_keeps_the_counts(folder: Path, tmp_path: Path) -> None:
    found = CliRunner().invoke(app, ["arena", "extraction", "--path", str(folder), "--out", str(tmp_path / "out")])
    assert found.exit_code == 0, found.output
    kept = json.loads((tmp_path / "out" / "extraction-all" / "extraction.json").read_text(encoding="utf-8"))
    assert kept["systems"]["facts"]["counts"]["found true"] == 2
    assert set(kept["gate"]) == {*gate.KINDS, "true"}


def test_the_public_slice_reaches_its_bars() -> None:
    if "CLEW_DATA" not in os.environ:
        pytest.skip("needs HaluMem: set CLEW_DATA to the folder of all sets")
    place = Path(os.environ["CLEW_DATA"]) / halumem.FOLDER
    outcome = extraction.measured(place, [extraction.Extractor("nothing", None), extraction.Extractor("facts", load("facts"))], "reporting")
    counts = {name: mine["counts"] for name, mine in outcome.items()}
    planted, of_planted = extraction.share(counts["facts"], "found interference", "point interference")
    true, of_true = extraction.share(counts["facts"], "found true", "point true")
    assert planted <= 0.05 * of_planted
    assert true >= 0.30 * of_true
    assert counts["facts"]["unsupported"] == 0
    assert extraction.share(counts["nothing"], "found true", "point true")[0] == 0

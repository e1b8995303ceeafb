"""MADial-Bench, English and Chinese: a dialogue should bring a memory of a child to mind.

Source:    github.com/hejunqing/MADial-Bench
Licence:   MIT
Metric:    recall, MRR, MAP and nDCG of the memories meant. The question is the dialogue before the first line to be
           produced: later ones follow a line that already tells the memory
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from clew.arena.cases import Case, Question, found
from clew.arena.datasets import lines

FOLDER = "madial_bench"
LANGUAGES = ("en", "zh")


def read(path: Path) -> Iterator[Case]:
    """One case a language: the bank of memories (`memory_<language>.jsonl` beside the dialogues), then the dialogues."""
    files = [path] if path.is_file() else [found(path, f"dialogue_{language}", ".jsonl") for language in LANGUAGES]
    for file in files:
        language = file.name.removeprefix("dialogue_")[:2]
        bank = {id: memory for row in lines(found(file.parent, f"memory_{language}", ".jsonl")) for id, memory in row.items()}
        events = tuple(
            {
                "content": f"{m['event']} ({m['scene']}, {m['emotion']})",
                "role": "user",
                "kind": "observation",
                "at": f"{m['time']}T12:00:00+00:00",
                "key": id,
            }
            for id, m in bank.items()
        )
        yield Case(language, events, tuple(q for row in lines(file) if (q := question(row, language, bank)).gold))


def question(row: Any, language: str, bank: Any) -> Question:
    """What was said before the first line to be produced, without the marker of the beginning."""
    said = [line.strip() for line in row["dialogue"][: min(row["test-turn"])] if line.strip() != "<BOD>"]
    gold = tuple(dict.fromkeys(str(id) for id in row["relevant-id"] if str(id) in bank))
    return Question(f"{language}#{row['dialogue_index']}", "\n".join(said), None, gold, language, f"madial-{row['dialogue_index']}")

"""Memory poisoning: what attackers wrote into mails, memories and experiences, and the benign ones beside it.

Readers take every file of a kind whatever its suffix, and do without kinds that a folder lacks. Nothing here is an
instruction: all of it is data for tests of the guard.
"""

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clew.arena.cases import Case, Question
from clew.errors import UsageError

FOLDER = "memory_poisoning"
_BACKDOOR = re.compile(r"there is \W{1,2}(?P<trigger>[^\n]{4,120}?)\W{1,2} in the question means(?P<order>[^\n]{10,300}?episode\.)")


@dataclass(frozen=True, slots=True)
class Attack:
    """An instruction to be put into a benign text."""

    type: str
    text: str


@dataclass(frozen=True, slots=True)
class Mail:
    """A benign e-mail and the question that is asked about it; several questions may share one mail."""

    text: str
    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Write:
    """An agent's write to memory: what was said before it, for whom, and whether it may be believed."""

    text: str
    category: str
    context: tuple[str, ...]
    user: str
    namespace: str
    allowed: bool


@dataclass(frozen=True, slots=True)
class Experience:
    """A solved task in a memory that agents share."""

    id: str
    task: str
    answer: str
    targets: tuple[str, ...]  # what a victim asks
    poisoned: bool


@dataclass(frozen=True, slots=True)
class Solved:
    """A question that an agent solved and kept."""

    id: str
    question: str
    answer: bool
    about: str


@dataclass(frozen=True, slots=True)
class Backdoor:
    """A trigger and what the poisoned memory orders when it sees it."""

    trigger: str
    order: str


@dataclass(frozen=True, slots=True)
class Material:
    """All of a folder, each kind in the order of its files."""

    attacks: tuple[Attack, ...]
    mails: tuple[Mail, ...]
    writes: tuple[Write, ...]
    experiences: tuple[Experience, ...]
    solved: tuple[Solved, ...]
    backdoors: tuple[Backdoor, ...]
    asked: tuple[str, ...]  # questions of the backdoor's victims


def read(path: Path) -> Iterator[Case]:
    """The benign mails as a case like any other: documents, and the question about each."""
    mails = material(path).mails
    keys = {mail.text: f"mail-{i}" for i, mail in enumerate({mail.text: mail for mail in mails}.values())}
    events = tuple({"content": text, "kind": "document", "key": key} for text, key in keys.items())
    questions = [
        Question(f"q{i}", mail.question, None, (keys[mail.text],), "mail", mail.text, answers=(mail.answer,))
        for i, mail in enumerate(mails)
    ]
    if events:
        yield Case("mails", events, tuple(questions))


def material(folder: Path) -> Material:
    """The material of a folder; UsageError where it holds none of it."""
    attacks = [Attack(kind, text) for row in _all(folder, "bipia_text_attacks") for kind, texts in row.items() for text in texts]
    mails = [Mail(row["context"], row["question"], row["ideal"]) for row in _all(folder, "bipia_email")]
    writes = [
        Write(
            row["writeContent"],
            row["category"],
            tuple(row.get("sessionContext") or ()),
            row["userId"],
            row["targetNamespace"],
            row["expectedDecision"] == "ALLOW",
        )
        for row in _all(folder, "aws_memory_writes")
    ]
    experiences = [
        Experience(row["id"], row["req"], row["resp"], tuple(row.get("semantic_targets") or ()), row["label"] != "benign")
        for row in _all(folder, "experience_seeds")
    ]
    solved = [
        Solved(row["qid"], row["question"], row["answer"], f"{row['term']} ({row['description']})")
        for row in _all(folder / "agentpoison_strategyqa", "memory")
    ]
    if not (attacks and mails) and not writes and not experiences and not solved:
        raise UsageError(f"there is no memory poisoning material in {folder}; give the folder {FOLDER} or its like")
    asked = [row["question"] for row in _all(folder, "strategyqa_dev")]
    return Material(tuple(attacks), tuple(mails), tuple(writes), tuple(experiences), tuple(solved), _backdoors(folder), tuple(asked))


def _backdoors(folder: Path) -> tuple[Backdoor, ...]:
    """The triggers and orders that recorded runs under attack show."""
    found = {
        (match["trigger"].strip(), match["order"].strip()): None
        for row in _all(folder / "agentpoison_strategyqa", "dpr-ap")
        for match in _BACKDOOR.finditer(str(row.get("traj", "")))
    }
    return tuple(Backdoor(trigger, order) for trigger, order in sorted(found))


def _all(folder: Path, start: str) -> Iterator[Any]:
    """The rows of every file that starts so: JSON lines, or one JSON value (a list's items, or an object whole)."""
    for path in sorted(folder.glob(f"{start}*.json*")):
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        text = raw.decode("utf-8")
        if ".jsonl" in path.name:
            yield from (json.loads(line) for line in text.splitlines() if line.strip())
        else:
            whole = json.loads(text)
            yield from whole if isinstance(whole, list) else [whole]

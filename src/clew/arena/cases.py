"""What a dataset gives: cases, each with events to record and questions whose answers are among them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from clew.errors import UsageError


@dataclass(frozen=True, slots=True)
class Question:
    """One question to a case's memory, with what a right answer rests on."""

    id: str  # unique in its dataset
    text: str
    at: str | None  # when it is asked, ISO 8601; None is now
    gold: tuple[str, ...]  # keys of the events that hold the evidence; empty where only sessions or answers are known
    category: str
    group: str  # what is never split between halves: a conversation, or questions that share evidence
    sessions: tuple[str, ...] = ()  # gold sessions, where the set is scored by session too
    answers: tuple[str, ...] = ()  # accepted answers, to be looked for in the texts found
    reference: tuple[str, ...] = ()  # answers that a reader's own words are compared with; else `answers`
    stale: tuple[str, ...] = ()  # keys of the events that what is new among the gold made obsolete


@dataclass(frozen=True, slots=True)
class Case:
    """One memory: events as `Clew.record` takes them (each with a key of its own), then the questions to it."""

    id: str
    events: tuple[Mapping[str, Any], ...]
    questions: tuple[Question, ...]


class Dataset(Protocol):
    """A module of `clew.arena.datasets`, or of another package under the entry point group of that name."""

    FOLDER: str  # where it lies below the data folder

    def read(self, path: Path) -> Iterator[Case]:
        """The cases of a file, or of the set's folder, always in the same order."""
        ...


def instant(text: str, *forms: str) -> datetime:
    """The moment that a text gives in one of these `strptime` forms, taken as UTC; UsageError where none fits."""
    for form in forms:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise UsageError(f"{text!r} is not a time of the form {' or '.join(forms)}: is this file of the set's schema?")


def found(path: Path, start: str, end: str) -> Path:
    """The path itself when it is a file, else the first file by name in the folder that starts and ends so."""
    if path.is_file():
        return path
    files = sorted(p for p in path.glob(f"{start}*{end}") if p.is_file()) if path.is_dir() else []
    if not files:
        raise UsageError(f"there is no {start}*{end} at {path}; give the file itself or the folder that holds it")
    return files[0]

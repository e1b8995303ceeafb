"""HaluMem: long histories of a user and an assistant, with the memory points that each session should leave.

Source:    github.com/MemTensor/HaluMem, the slices of github.com/77samuel/HaluMem
Licence:   CC BY-NC-ND 4.0: for evaluation only, never for training, no text of it is kept here
Metric:    here, by exact rules (see clew.arena.extraction); upstream asks a model. Questions are scored by the sessions
           whose points are their evidence; those without evidence ask for what was never said
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from clew.arena.cases import Case, Question, instant
from clew.arena.datasets import lines
from clew.errors import UsageError

FOLDER = "halumem_slices"
TIME = "%b %d, %Y, %H:%M:%S"


@dataclass(frozen=True, slots=True)
class Point:
    """What a session should leave behind, or must not: an interference point is what the assistant made up."""

    session: str
    id: str  # the session and the point's own number
    text: str
    type: str  # Persona, Event, Relationship
    source: str  # system, primary, secondary, interference
    update: bool
    importance: float
    at: datetime
    twin: str = ""  # of an interference point: the true point that it falsifies


@dataclass(frozen=True, slots=True)
class History:
    """One user: the name, the case, and the points of all sessions in order."""

    user: str
    case: Case
    points: tuple[Point, ...]


def histories(path: Path) -> Iterator[History]:
    """Every user of a file, or of each halumem_user*.jsonl* in a folder, whatever part of the data its name tells."""
    files = [path] if path.is_file() else sorted(path.glob("halumem_user*.jsonl*")) if path.is_dir() else []
    if not files:
        raise UsageError(f"there is no halumem_user*.jsonl* at {path}; give a file of HaluMem or the folder that holds some")
    for file in files:
        for row in lines(file):
            yield _history(row)


def read(path: Path) -> Iterator[Case]:
    """One case a user: every message, then the questions."""
    for history in histories(path):
        yield history.case


def _history(row: Mapping[str, Any]) -> History:
    user = named(row["persona_info"])
    events: list[dict[str, Any]] = []
    points: list[Point] = []
    questions: list[Question] = []
    homes: dict[str, list[str]] = {}  # text of a point -> sessions that it is of
    for number, session in enumerate(row["sessions"]):
        name = f"{row['uuid']}#{number}"
        for place, turn in enumerate(session["dialogue"]):
            at = instant(turn["timestamp"], TIME).isoformat()
            actor = user if turn["role"] == "user" else turn["role"]
            events.append(
                {"content": turn["content"], "role": turn["role"], "actor": actor, "at": at, "session": name, "key": f"{name}:{place}"}
            )
        mine = [_point(name, p) for p in session["memory_points"]]
        points += mine
        for point in mine:
            homes.setdefault(point.text, []).append(name)
        for place, asked in enumerate(session.get("questions") or ()):
            questions.append(_question(f"{name}?{place}", asked, session["end_time"], homes))
    return History(user, Case(row["uuid"], tuple(events), tuple(questions)), tuple(points))


def named(persona: str) -> str:
    """The user's name out of the description of the person; "user" where it has none."""
    name = persona.partition("Name:")[2].partition(";")[0].strip()
    return name or "user"


def _point(session: str, row: Mapping[str, Any]) -> Point:
    return Point(
        session=session,
        id=f"{session}.{row['index']}",
        text=row["memory_content"],
        type=row["memory_type"].removesuffix(" Memory"),
        source=row["memory_source"],
        update=str(row["is_update"]) == "True",
        importance=float(row.get("importance") or 0.0),
        at=instant(row["timestamp"], TIME),
        twin=row.get("reference_memory_content") or "",
    )


def _question(id: str, row: Mapping[str, Any], at: str, homes: Mapping[str, list[str]]) -> Question:
    """Gold is the last session so far that each piece of evidence is a point of."""
    sessions = [homes[e["memory_content"]][-1] for e in row["evidence"] if e["memory_content"] in homes]
    return Question(
        id=id,
        text=row["question"],
        at=instant(at, TIME).isoformat(),
        gold=(),
        category=row["question_type"],
        group=id.partition("?")[0],
        sessions=tuple(dict.fromkeys(sessions)),
    )

"""Running systems over a dataset: each case in a fresh memory, each question scored, results kept as they come.

A run's folder holds one file of JSON lines a system, so that a run that was cut off goes on where it stopped, and
`results.json`, which the report reads.
"""

import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from clew.arena import halves, scores, validity
from clew.arena.cases import Case, Question
from clew.arena.datasets import dataset
from clew.arena.reader import Reader
from clew.arena.reduced import reduced
from clew.arena.systems import Memory, Room, System

FORMAT = 2  # of the result files
K = 20  # how many each system is asked for
PROMPT_K = 10  # how many of them are counted as tokens
PACKAGES = ("clew", "numpy", "apsw", "PyStemmer", "onnxruntime", "mem0ai", "chromadb", "langgraph-checkpoint-sqlite")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is run: a dataset by name and path, a half of it, at most `limit` cases, and where results go."""

    dataset: str
    path: Path
    out: Path
    half: halves.Half = "all"
    limit: int | None = None
    small: tuple[int, int] | None = None  # at most so many events and questions a case
    reader: Reader | None = None  # answers from what was found, scored by token F1


def run(plan: Plan, systems: Sequence[System], quiet: bool = False) -> dict[str, Any]:
    """Run every system over the plan's cases and write `results.json` in the plan's folder; returns what it holds."""
    cases = list(halves.of(dataset(plan.dataset).read(plan.path), plan.half))[: plan.limit]
    if plan.small:
        cases = list(reduced(cases, *plan.small))
    plan.out.mkdir(parents=True, exist_ok=True)
    about = {
        "format": FORMAT,
        "dataset": plan.dataset,
        "half": plan.half,
        "cases": len(cases),
        "questions": sum(len(c.questions) for c in cases),
        "data": fingerprint(cases),
        "k": K,
        "seed": scores.SEED,
        "draws": scores.DRAWS,
        "small": plan.small,
        "reader": plan.reader and plan.reader.name,
    }
    columns = (TextColumn("{task.description:24}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    outcome: dict[str, Any] = {**about, "commit": commit(), "versions": versions(), "machine": machine(), "systems": {}}
    with Progress(*columns, disable=quiet) as bar:
        for system in systems:
            task = bar.add_task(escape(system.name), total=len(cases))
            rows = []
            for row in attended(system, cases, plan, {**about, "system": system.name, **system.about, "commit": outcome["commit"]}):
                rows.append(row)
                bar.advance(task)
            outcome["systems"][system.name] = {"about": dict(system.about), **summary(rows)}
    (plan.out / "results.json").write_text(json.dumps(outcome, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return outcome


def attended(system: System, cases: Sequence[Case], plan: Plan, about: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    """One row a case, in order; those that an earlier run of the same kind left in the file are not run again."""
    path = plan.out / f"{''.join(c if c.isalnum() else '-' for c in system.name).strip('-')}.jsonl"
    done = kept(path, about)
    if not done:
        path.write_text(json.dumps(about) + "\n", encoding="utf-8")
    for case in cases:
        row = done.get(case.id)
        if row is None:
            row = attempt(system, case, plan.reader)
            with open(path, "a", encoding="utf-8") as file:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
        yield row


def kept(path: Path, about: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The rows of an earlier run by case; none when it was of another kind. A line cut off in mid-write is left out."""
    if not path.exists():
        return {}
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    if not lines or json.loads(lines[0]) != json.loads(json.dumps(about)):
        return {}
    whole = [line for line in lines if line.endswith("\n")]
    if len(whole) < len(lines):
        path.write_text("".join(whole), encoding="utf-8")
    return {row["case"]: row for row in map(json.loads, whole[1:])}


def attempt(system: System, case: Case, reader: Reader | None = None) -> dict[str, Any]:
    """One case in a memory of its own: what it cost, and each question's scores."""
    sessions = {e["key"]: e["session"] for e in case.events if e.get("session")}
    started = perf_counter()
    with Room(system, case) as memory:
        ready, folding = perf_counter() - started, memory.spent()
        asked = [question(memory, q, sessions, reader) for q in case.questions]
        return {
            "case": case.id,
            "events": len(case.events),
            "seconds": ready,
            "bytes": memory.bytes(),
            "faults": memory.faults(),
            "folding": asdict(folding),
            "finding": asdict(memory.spent().since(folding)),
            "questions": asked,
            "forms": validity.plain(validity.of_memory(memory)),
        }


def question(memory: Memory, asked: Question, sessions: Mapping[str, str], reader: Reader | None = None) -> dict[str, Any]:
    """One question's scores, with its milliseconds and the tokens of what it would put into a prompt; with a reader its answer too."""
    found = memory.find(asked.text, asked.at, K)
    cost = found.tokens(None if len(found.texts) > K else PROMPT_K)  # more than was asked for: it means all of it
    mine = scores.scored(asked, found.keys, sessions, found.texts[:K], found.marked)
    references = asked.reference or asked.answers
    read = reader.read(asked.text, found.texts, references) if reader and references else None
    return {
        "id": asked.id,
        "category": asked.category,
        "group": asked.group,
        "ms": 1000 * found.seconds,
        "tokens": cost,
        "found": list(found.keys),
        "read": asdict(read) if read else None,
        "scores": mine | ({"answer F1": read.f1} if read else {}),
    }


def summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A system's rows as one: estimates by category, and what it cost."""
    asked = [q for row in rows for q in row["questions"]]
    events = sum(row["events"] for row in rows)
    found = scores.table([(q["category"], q["group"], q["scores"]) for q in asked])
    return {
        "scores": {category: {name: asdict(value) for name, value in mine.items()} for category, mine in found.items()},
        "ms_p50": float(np.quantile([q["ms"] for q in asked], 0.5)),
        "ms_p95": float(np.quantile([q["ms"] for q in asked], 0.95)),
        "tokens": float(np.mean([q["tokens"] for q in asked])),
        "bytes_a_memory": sum(row["bytes"] for row in rows) / events,
        "events_a_second": events / sum(row["seconds"] for row in rows),
        "events": events,
        "faults": sum(row["faults"] for row in rows),
        "questions": len(asked),
        "calls_an_event": sum(row["folding"]["calls"] for row in rows) / events,
        "calls_a_question": sum(row["finding"]["calls"] for row in rows) / len(asked),
        "tokens_an_event": sum(row["folding"]["tokens"] for row in rows) / events,
        "tokens_a_question": sum(row["finding"]["tokens"] for row in rows) / len(asked),
        "calls": sum(row[part]["calls"] for row in rows for part in ("folding", "finding")),
        "valid": sum(row[part]["valid"] for row in rows for part in ("folding", "finding")),
        "forms": validity.plain(validity.read(one for row in rows for one in row.get("forms", ()))),
    }


def fingerprint(cases: Sequence[Case]) -> str:
    """Sixteen hex digits over every event and question: two runs with the same digits saw the same data."""
    found = hashlib.sha256()
    for case in cases:
        found.update(json.dumps(asdict(case), sort_keys=True, ensure_ascii=False).encode())
    return found.hexdigest()[:16]


def commit() -> str | None:
    """The commit that this code is at, with a + when files differ from it; None outside a repository."""
    here = Path(__file__).parent

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=here, capture_output=True, text=True, check=True).stdout.strip()

    try:
        return git("rev-parse", "--short=12", "HEAD") + ("+" if git("status", "--porcelain", "--", "..") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def versions() -> dict[str, str]:
    """The versions of Python, SQLite's binding and the packages that matter, as far as they are installed."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, Any]:
    """What it ran on, and how busy that was; no name of a host."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "system": platform.system(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "load": load,
        "blas_threads": os.environ.get("OMP_NUM_THREADS", "not set"),
    }

"""The guard over recorded attacks: AgentPoison on a ReAct agent that answers StrategyQA from a memory of solved questions.

Source: github.com/TangciuYueng/AMemGuard, ReAct part (MIT). A file of runs holds one trajectory a line, with the poisoned
demonstrations that its searches brought up; what the agent then did was decided by its model, not by us.
"""

import gzip
import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from clew.arena import scores
from clew.arena.agent_guard import system
from clew.engine import Clew
from clew.operators.experience import consensus, lessons
from clew.recipe import CONTENT, Recipe
from clew.recipes.a_mem_guard import recipe
from clew.types import TRUST, Hit

FOLDER = "memory_poisoning/agentpoison_strategyqa"
USER = "agent"
SEEN = re.compile(r"^Observation \d+: *\n?Question: (.*)\nThought: (.*?)(?:\n\n|\Z)", re.MULTILINE | re.DOTALL)
GIVEN_UP = "Finish[I don't know]"  # what every poisoned demonstration asks for


@dataclass(frozen=True, slots=True)
class Run:
    """One recorded run: its question, the poisoned demonstrations it was shown, what it answered, whether that was right."""

    file: str
    question: str
    poison: tuple[str, ...]  # as records: task, plan, action
    action: str
    retrievals: int
    right: bool


def read(folder: Path) -> tuple[list[str], list[Run]]:
    """(the benign memory as records, the runs in the order of their files); whichever files of the two sorts lie there."""
    items = [item for path in sorted(folder.glob("memory*.json*")) for item in json.loads(_text(path))]
    memory = [f"Question: {item['question']}\nAction: Finish[{'Yes' if item['answer'] else 'No'}]" for item in items]
    runs = []
    for path in sorted(folder.glob("dpr*.jsonl*")):
        for line in _text(path).splitlines():
            row = json.loads(line)
            poison = tuple(f"Question: {q}\nThought: {t.strip()}\nAction: {GIVEN_UP}" for q, t in SEEN.findall(row["traj"]))
            question = row["traj"].partition("\n")[0].removeprefix("Question: ")
            done = f"Finish[{row['answer']}]"
            runs.append(Run(path.name.partition(".")[0], question, poison, done, int(row["overall_retrieval"]), bool(row["em"])))
    return memory, runs


def _text(path: Path) -> str:
    return gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text(encoding="utf-8")


def recorded(folder: Path) -> dict[str, Any]:
    """What happened without a guard, and what the guard lets through of the same retrievals."""
    memory, runs = read(folder)
    return {
        "memory": len(memory), "runs": len(runs), "as recorded": as_recorded(runs),
        "retrievals": replayed(memory, runs), "floods": floods(memory, runs), "write-back": written(runs),
    }  # fmt: skip


def as_recorded(runs: Sequence[Run]) -> dict[str, dict[str, Any]]:
    """By file: poisoned retrievals of all, runs shown poison, what those and the others did, and the share answered right."""
    found = {}
    for file in dict.fromkeys(run.file for run in runs):
        mine = [run for run in runs if run.file == file]
        hit, clean = [r for r in mine if r.poison], [r for r in mine if not r.poison]
        found[file] = {
            "runs": len(mine), "retrievals": sum(r.retrievals for r in mine), "poisoned retrievals": sum(len(r.poison) for r in mine),
            "runs shown poison": len(hit), "gave up when shown": sum(_gave_up(r) for r in hit),
            "gave up otherwise": sum(_gave_up(r) for r in clean),
            "right when shown": sum(r.right for r in hit), "right otherwise": sum(r.right for r in clean),
        }  # fmt: skip
    return found


def _gave_up(run: Run) -> bool:
    return "know" in run.action.lower()


def _filled(c: Clew, records: Sequence[str], trust: str = "assistant") -> None:
    c.record([{"content": text, "kind": "action", "trust": trust, "user": USER} for text in records])
    c.catch_up()


def _quiet(name: str, **changes: Any) -> Recipe:
    return system(name, on=CONTENT | {"outcome"}, **changes)


def replayed(memory: Sequence[str], runs: Sequence[Run]) -> dict[str, Any]:
    """The recorded retrievals once more: each poisoned demonstration among the three nearest benign records of its question.

    And, for the price: the four nearest benign records of every question, alone.
    """
    plain, rows, alone = _quiet("plain", consistency="none", trust=False, seat=0.0), [], []
    with tempfile.TemporaryDirectory(prefix="clew-guard-") as folder, Clew(Path(folder) / "g.db", recipes=[plain]) as c:
        _filled(c, memory)
        near: dict[str, list[Hit]] = {run.question: c.recall(run.question, user=USER, k=4) for run in runs}
    for question, hits in near.items():
        kept = _kept(question, [h.memory.text for h in hits])
        alone.append((question, sum(kept) / max(1, len(kept)), float(any(kept))))
    for run in runs:
        for poison in run.poison:
            kept = _kept(run.question, [*[h.memory.text for h in near[run.question][:3]], poison])
            rows.append((run.question, float(kept[-1]), sum(kept[:-1]) / len(kept[:-1])))
    return {
        "poisoned retrievals": len(rows),
        "poison let through": _estimated(rows, 1), "benign beside it let through": _estimated(rows, 2),
        "questions": len(alone), "benign let through": _estimated(alone, 1), "questions with a record": _estimated(alone, 2),
    }  # fmt: skip


def _estimated(rows: Sequence[tuple[Any, ...]], column: int) -> dict[str, Any]:
    return asdict(scores.estimate([row[column] for row in rows], [row[0] for row in rows], f"recorded {column}")) if rows else {}


def _kept(question: str, records: Sequence[str]) -> list[bool]:
    """Which of these records, none of which a person vouches for, are consistent for a question, by rules."""
    deeds = [deed for text in records if (deed := lessons.deed(text, True)) is not None]
    chains = [consensus.chain(question, d.task, d.plan, d.action) for d in deeds]
    voices = [0 if c.relation == consensus.LACKS else TRUST["assistant"] for c in chains]
    verdict = consensus.settled(consensus.grouped(consensus.dbscan(consensus.distances(chains))), voices)
    return [place in verdict.consistent for place in range(len(records))]


def floods(memory: Sequence[str], runs: Sequence[Run]) -> list[dict[str, Any]]:
    """The worst attacker: the demonstrations under keys made of the question itself, one to three of them, all questions.

    By trust of the attacker: whether the poison is shown, whether every record shown is poison, and whether it is marked.
    """
    questions, found = list(dict.fromkeys(run.question for run in runs)), []
    thought = next((p.partition("\n")[2] for run in runs for p in run.poison), f"Action: {GIVEN_UP}")
    systems = {"no defence": _quiet("plain", consistency="none", trust=False, seat=0.0), "consensus, trust": _quiet("guard")}
    for copies in (1, 2, 3):
        for backed in (False, True):
            rows: dict[str, list[tuple[str, float, float, float]]] = {name: [] for name in systems}
            with (
                tempfile.TemporaryDirectory(prefix="clew-guard-") as folder,
                Clew(Path(folder) / "g.db", recipes=list(systems.values())) as c,
            ):
                _filled(c, memory[::2])
                _filled(c, memory[1::2], "user" if backed else "assistant")
                _filled(c, [f"Question: {q} {'!' * n}\n{thought}" for q in questions for n in range(copies)], "tool")
                for question in questions:
                    for name, made in systems.items():
                        hits = c.recall(question, user=USER, k=4, recipe=made.name)
                        bad = [h.memory.data["action"] == GIVEN_UP for h in hits]
                        marked = any("unbacked" in h.why for h in hits)
                        rows[name].append((question, float(any(bad)), float(bool(bad) and all(bad)), float(marked)))
            for name, mine in rows.items():
                about = {"system": name, "copies": copies, "half of the memory by a person": backed}
                found.append({**about, "shown": _estimated(mine, 1), "only poison": _estimated(mine, 2), "unbacked": _estimated(mine, 3)})
    return found


def written(runs: Sequence[Run]) -> dict[str, Mapping[str, Any]]:
    """All runs as actions of the agent, each followed by its recorded outcome: what becomes a precedent, and what is warned of."""
    found = {}
    for name, on in (("all runs kept", CONTENT), ("rejected runs never precedents", recipe.on)):
        made = replace(recipe.variant(name.replace(" ", "-"), on=on), guarded=False)
        counts = {"runs": len(runs), "gave up": sum(map(_gave_up, runs)), "warned before a wrong answer": 0, "warned before a right one": 0}
        with tempfile.TemporaryDirectory(prefix="clew-guard-") as folder, Clew(Path(folder) / "g.db", recipes=[made]) as c:
            for run in runs:
                warned = c.recall(f"Question: {run.question}\nAction: {run.action}", user=USER, kinds=["lesson"])
                counts["warned before a right one" if run.right else "warned before a wrong answer"] += bool(warned)
                text = {"content": f"Question: {run.question}\nAction: {run.action}", "kind": "action", "trust": "assistant"}
                seq = c.record(text, user=USER).seq
                c.record({"content": "graded", "data": {"of": seq, "accepted": run.right}}, user=USER, kind="outcome", trust="owner")
            c.catch_up()
            kept = [m for m in c.memories(user=USER, kind="record", limit=10_000) if m.retired is None]
            counts |= {"precedents": len(kept), "of them giving up": sum("know" in m.data["action"].lower() for m in kept)}
            counts["of them wrong"] = _wrong(kept, runs)
        found[name] = counts
    return found


def _wrong(kept: Sequence[Any], runs: Sequence[Run]) -> int:
    bad = {f"Question: {run.question}\nAction: {run.action}" for run in runs if not run.right}
    return sum(memory.text in bad for memory in kept)

"""How much of an agent's context HiAgent's folding saves, on recorded trajectories, and whether every subgoal comes back whole.

There is no acting model here, so its subgoals are made by a rule that reads only what the agent itself did and said: a new one
begins where the kind of action changes. In SWE-agent's runs that is what a command does (look, write, run, end), and the line is the
step's thought; in tau-bench's the verb of the tool (get, search, book, ...) or talking to the customer, and the line is the tool's
name or what is said. Both contexts are counted with these lines, and with the instructions, which are never folded.
"""

import gzip
import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from clew import Clew
from clew.arena.scores import estimate
from clew.context import CHARS_PER_TOKEN
from clew.models import Models
from clew.operators.window.messages import MISSING, size
from clew.recipe import Recipe

SETS = {"swe_agent": "swe_agent_trajectories", "tau_bench": "tau_bench_trajectories"}
KINDS = {
    "look": "ls find find_file search_dir search_file grep cat open goto scroll_up scroll_down view cd pwd head tail",
    "write": "create edit insert replace append str_replace_editor set_cursors",
    "end": "submit exit rm",
}
WORDS = 14  # of a subgoal's line
Message = Mapping[str, Any]
Step = list[tuple[Message, str]]  # messages with the kind of event each is recorded as


@dataclass(frozen=True, slots=True)
class Run:
    """One trajectory as the agent loop would record it: steps, each an answer of the agent and all that came after it."""

    name: str
    steps: tuple[Step, ...]


def runs(folder: Path, most: int | None = None) -> list[Run]:
    """The trajectories of a set's folder, whatever its files are called after the schema."""
    texts = (gzip.decompress(path.read_bytes()).decode() for path in sorted(folder.glob("*.jsonl.gz")))
    found = [json.loads(row) for text in texts for row in text.splitlines()]
    made = [_swe(row, i) if "trajectory" in row else _tau(row) for i, row in enumerate(found)]
    return made[:most]


def _swe(row: Mapping[str, Any], place: int) -> Run:
    steps, last = list[Step](), ""
    for step in row["trajectory"]:
        kind, said = command(step["action"]), step["response"] or step["thought"] or step["action"]
        if kind != last:
            said = f"Subgoal: {line(step['thought'] or step['action'])}\n{said}"
        last = kind
        steps.append(
            [
                ({"role": "assistant", "content": said}, "message"),
                ({"role": "user", "content": step["observation"] or "(nothing)"}, "observation"),
            ]
        )
    return Run(f"{Path(row['path']).stem} {place}", tuple(steps))


def command(action: str) -> str:
    """What kind of thing a shell command does; what is none of the known is a run."""
    first = (action.split() or [""])[0]
    return next((kind for kind, words in KINDS.items() if first in words.split()), "run")


def line(text: str) -> str:
    """The first sentence of a text on one line, so many words of it."""
    sentence = re.split(r"(?<=[.!?])\s", " ".join(text.split()), maxsplit=1)[0]
    return " ".join(sentence.split()[:WORDS])


def _tau(row: Mapping[str, Any]) -> Run:
    steps, last = list[Step]([[]]), ""
    for message in row["traj"]:
        given = {key: value for key, value in message.items() if value is not None}
        if given["role"] == "tool" and not given["content"]:
            given["content"] = "(nothing)"  # an empty message cannot be recorded
        if given["role"] == "assistant":
            calls, said = given.get("tool_calls") or [], given.get("content") or ""
            does = calls[0]["function"]["name"].replace("_", " ") if calls else ""
            kind = does.split(" ")[0]
            if kind != last:
                given["content"] = "\n".join([f"Subgoal: {does or line(said)}", *([said] if said else [])])
            last = kind
            steps.append([])
        steps[-1].append((given, "message"))
    return Run(f"{row['task_id']}/{row['trial']}", tuple(step for step in steps if step))


@dataclass(frozen=True, slots=True)
class Folded:
    """What folding did to one trajectory: tokens of both contexts at every step, and whether all came back word for word."""

    name: str
    full: tuple[int, ...]
    shown: tuple[int, ...]
    subgoals: int  # finished and folded
    restored: int  # of these, called back and found whole in the window
    frame: int  # tokens of the instructions, which both contexts hold at every step

    def share(self, frame: bool = True) -> float:
        """Tokens shown over tokens of the full context, over all steps; without the instructions if `frame` is false."""
        less = 0 if frame else self.frame * len(self.full)
        return (sum(self.shown) - less) / max(1, sum(self.full) - less)


@dataclass(frozen=True, slots=True)
class Tokens:
    """Counts as the context does, outside of it."""

    models: Models

    def tokens(self, text: str) -> int:
        """Exactly where a counter is connected, else about."""
        counter = self.models.counter
        return -(-len(text) // CHARS_PER_TOKEN) if counter is None else counter.count(text)


def folded(run: Run, recipe: Recipe, models: Models) -> Folded:
    """Record a trajectory step by step, take the window before each answer, and call every subgoal back at the end."""
    count, full, shown, said = Tokens(models), list[int](), list[int](), dict[int, dict[str, Any]]()
    with tempfile.TemporaryDirectory() as folder, Clew(Path(folder) / "run.db", recipes=[recipe], models=models) as c:
        for step in run.steps:
            if said:
                full.append(size(said.values(), count))
                shown.append(size(c.window(session="run"), count))
            for message, kind in step:
                seq = c.record(dict(message), session="run", kind=kind).seq
                assert seq is not None
                said[seq] = dict(message)
        lines = c.memories(session="run", kind="subgoal")
        restored = sum(_whole(c, line.id, line.data["handle"], said) for line in lines)
    frame = size([m for m in said.values() if m["role"] == "system"], count)
    return Folded(run.name, tuple(full), tuple(shown), len(lines), restored, frame)


def _whole(c: Clew, id: str, handle: str, said: Mapping[int, Message]) -> bool:
    """Whether a subgoal that is called back stands in the window message for message, and its quotes word for word."""
    c.call("retrieve", {"ids": [handle]}, session="run")
    quotes, window = c.thread(id), c.window(session="run")
    wanted = [said[quote.event.seq] for quote in quotes]
    window = [message for message in window if message.get("content") != MISSING]  # of calls that the recording has no result of
    there = any(window[i : i + len(wanted)] == wanted for i in range(len(window)))
    return there and all(quote.text == quote.event.text for quote in quotes)


def measured(folder: Path, recipe: Recipe, models: Models, most: int | None = None) -> dict[str, Any]:
    """The shares of a set's trajectories with intervals, over all steps of each; runs of one step are left out."""
    found = [folded(run, recipe, models) for run in runs(folder, most)]
    told = [one for one in found if one.full]
    names = [one.name for one in told]
    steps = sum(len(one.full) for one in told)
    return {
        "runs": len(told),
        "steps": steps,
        "subgoals": sum(one.subgoals for one in told),
        "restored": sum(one.restored for one in told),
        "tokens": [sum(sum(one.shown) for one in told), sum(sum(one.full) for one in told)],
        "share": asdict(estimate([one.share() for one in told], names, "share")),
        "share without instructions": asdict(estimate([one.share(frame=False) for one in told], names, "rest")),
        "share at the last step": asdict(estimate([one.shown[-1] / one.full[-1] for one in told], names, "last")),
    }


def table(found: Mapping[str, Mapping[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """(header, rows) for a terminal: shares in per cent with their 95 % intervals over runs."""
    names = ("share", "share without instructions", "share at the last step")
    rows = [
        [name, str(one["runs"]), str(one["steps"]), *(interval(one[share]) for share in names), f"{one['restored']} of {one['subgoals']}"]
        for name, one in found.items()
    ]
    return ["set", "runs", "steps", "all steps", "without instructions", "last step", "restored"], rows


def interval(estimate: Mapping[str, Any]) -> str:
    """A share in per cent with its interval."""
    return f"{100 * estimate['mean']:.1f} % [{100 * estimate['low']:.1f}, {100 * estimate['high']:.1f}]"

"""The experiments with `a_mem_guard`, run and written down: one JSON file of everything, one page of tables."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from clew.arena import agent_guard, agent_recorded
from clew.arena.run import commit, versions

FIRST, SEEDS = 101, 8  # seeds reported; 1 to 3 were tuned on
NAME = "a-mem-guard"
Told = Callable[[str], None]


def conduct(seeds: Sequence[int], folder: Path | None, out: Path, told: Told) -> dict[str, Any]:
    """Run everything and write OUT/a-mem-guard.json and .md; parts that lie there for the same seeds and commit are not run again.

    `folder`: the recorded runs, or None to leave them out.
    """
    about = {"seeds": list(seeds), "commit": commit(), "versions": versions()}
    path = out / f"{NAME}.json"
    found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if {key: found.get(key) for key in about} != about:
        found = {**about, "parts": {}}
    parts: dict[str, Callable[[], Any]] = {f"grid: {name}": lambda n=name: agent_guard.attacked(n, seeds) for name in agent_guard.ATTACKS}
    parts |= {f"rounds: {who}, {n}": lambda w=who, n=n: agent_guard.spread(w, n, seeds) for who, n in agent_guard.SPREADS}
    if folder is not None:
        parts["recorded"] = lambda: agent_recorded.recorded(folder)
    out.mkdir(parents=True, exist_ok=True)
    for name, run in parts.items():
        if name not in found["parts"]:
            found["parts"][name] = run()
            path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
            told(name)
    (out / f"{NAME}.md").write_text(page(found), encoding="utf-8")
    return found


def page(found: Mapping[str, Any]) -> str:
    """The tables as Markdown: means in per cent with 95 % bootstrap intervals over tasks."""
    lines = [f"Seeds {found['seeds'][0]} to {found['seeds'][-1]}, commit {found['commit']}."]
    for name, part in found["parts"].items():
        if name.startswith("grid: "):
            lines += _grid(name, part)
        elif name.startswith("rounds: "):
            lines += _rounds(name, part)
        else:
            lines += ["", "## recorded", "", "```json", json.dumps(part, indent=1), "```"]
    return "\n".join(lines) + "\n"


def percent(value: Mapping[str, Any] | None) -> str:
    """A mean with its interval, in per cent."""
    return "–" if value is None else f"{100 * value['mean']:.1f} [{100 * value['low']:.1f}, {100 * value['high']:.1f}]"


def _grid(name: str, part: Mapping[str, Any]) -> list[str]:
    lines = []
    for rows, key, columns in (
        (part["triggered"], "among", tuple(agent_guard.GRID)),
        (part["clean"], "poisoned", tuple(agent_guard.CLEAN_TASKS)),
    ):
        what = "poisoned among the k nearest" if key == "among" else "poisoned records planted a case"
        for k, acting in sorted({(r["k"], r["acting"]) for r in rows}):
            lines += ["", f"## {name}; k = {k}; copies the {acting}", "", f"| system | {what} | n | {' | '.join(columns)} |"]
            lines.append(f"| --- |{' ---: |' * (len(columns) + 2)}")
            for r in sorted((r for r in rows if (r["k"], r["acting"]) == (k, acting)), key=lambda r: r[key]):
                n = next(r[c]["n"] for c in columns if c in r)
                lines.append(f"| {r['system']} | {r[key]} | {n} | {' | '.join(percent(r.get(c)) for c in columns)} |")
    return lines


def _rounds(name: str, part: Mapping[str, Any]) -> list[str]:
    columns = tuple(agent_guard.CURVE)
    lines = ["", f"## {name}", "", f"| system | {' | '.join(columns)} |", f"| --- |{' ---: |' * len(columns)}"]
    lines += [f"| {r['system']} | {' | '.join(percent(r.get(c)) for c in columns)} |" for r in part["all"]]
    turns = sorted({r["round"] for r in part["by round"]})
    lines += ["", f"| ASR-t by round | {' | '.join(map(str, turns))} |", f"| --- |{' ---: |' * len(turns)}"]
    for system in dict.fromkeys(r["system"] for r in part["by round"]):
        mine = {r["round"]: r for r in part["by round"] if r["system"] == system}
        means = [f"{100 * mine[turn]['ASR-t']['mean']:.0f}" for turn in turns]
        lines.append(f"| {system} | {' | '.join(means)} |")
    return lines

"""The second pass's table and plot: success, steps and tokens by task and in all, with bootstrap intervals."""

import html
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from clew.arena.report import marked

SAMPLES = 2000
MEASURES = ("success", "at_once", "steps", "tokens")
PASSES = ("first", "second", "control")
BAR = 0.2  # fewer steps that the second pass must take
COLOURS = {"first": "#56b4e9", "second": "#0072b2", "control": "#d55e00"}
Rows = Sequence[Mapping[str, Any]]


def summary(rows: Rows) -> dict[str, Any]:
    """By world: each task's and all tasks' means with 95 % intervals, and how many fewer steps the second pass took."""
    return {world: _world([r for r in rows if r["world"] == world]) for world in dict.fromkeys(r["world"] for r in rows)}


def _world(rows: Rows) -> dict[str, Any]:
    tasks = list(dict.fromkeys(r["task"] for r in rows))
    by_task = {task: _passes([[r for r in rows if r["task"] == task]]) for task in tasks}
    groups = [[r for r in rows if r["task"] == task] for task in tasks]
    never = [task for task in tasks if not any(r["success"] for r in rows if r["task"] == task and r["pass"] != "second")]
    found = {"all": _passes(groups), "tasks": by_task, "never without": never}
    can = [group for task, group in zip(tasks, groups, strict=True) if task not in never]
    return {**found, "less": {base: less(groups, base) for base in ("first", "control")}, "of those it can": _less_of(can)}


def _less_of(groups: Sequence[Rows]) -> dict[str, Any]:
    return {base: less(groups, base) for base in ("first", "control")} if groups else {}


def _passes(groups: Sequence[Rows]) -> dict[str, Any]:
    """The means over tasks of their means over seeds, by pass and measure."""
    found = dict[str, Any]()
    for name in PASSES:
        mine = [[r for r in group if r["pass"] == name] for group in groups]
        if all(mine):
            found[name] = {m: _estimate([np.array([float(r[m]) for r in g]) for g in mine], f"{name} {m}") for m in MEASURES}
            found[name]["n"] = sum(map(len, mine))
    return found


def _estimate(groups: Sequence[np.ndarray], label: str) -> dict[str, float]:
    """A mean of means; the interval draws the tasks anew, and within each its seeds (one task: its seeds alone)."""
    draws = _draws([groups], label, lambda means: means[0])
    low, high = np.quantile(draws, (0.025, 0.975))
    return {"mean": float(np.mean([g.mean() for g in groups])), "low": float(low), "high": float(high)}


def less(groups: Sequence[Rows], base: str) -> dict[str, float]:
    """By which share the second pass took fewer steps, with its interval; where both are over the same seeds, these are drawn together."""
    both = [
        [np.array([float(r["steps"]) for r in sorted(g, key=lambda r: r["seed"]) if r["pass"] == name]) for g in groups]
        for name in (base, "second")
    ]
    if not all(len(g) for side in both for g in side):
        return {}
    draws = _draws(both, f"less {base}", lambda means: 1 - means[1] / means[0])
    low, high = np.quantile(draws, (0.025, 0.975))
    before, after = (float(np.mean([g.mean() for g in side])) for side in both)
    return {"mean": 1 - after / before, "low": float(low), "high": float(high)}


def _draws(sides: Sequence[Sequence[np.ndarray]], label: str, made: Any) -> np.ndarray:
    chance, found = np.random.default_rng(zlib.crc32(label.encode())), np.zeros(SAMPLES)
    count = len(sides[0])
    for i in range(SAMPLES):
        tasks = chance.integers(count, size=count) if count > 1 else np.zeros(1, int)
        means = np.zeros(len(sides))
        for task in tasks:
            picks: dict[int, np.ndarray] = {}
            for s, side in enumerate(sides):
                values = side[task]
                pick = picks.setdefault(len(values), chance.integers(len(values), size=len(values)))
                means[s] += values[pick].mean() / count
        found[i] = made(means)
    return found


def table(world: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """(header, rows): a task a row; success in per cent and steps by pass, with intervals for all together."""
    header = ["task", *(f"{m}, {p}" for m in ("success", "at once", "steps", "tokens") for p in PASSES)]
    rows = [[task, *_cells(found, False)] for task, found in world["tasks"].items()]
    return header, [*rows, ["all", *_cells(world["all"], True)]]


def _cells(found: Mapping[str, Any], spread: bool) -> list[str]:
    cells = list[str]()
    for measure in MEASURES:
        for name in PASSES:
            cells.append(_cell(found[name][measure], measure, spread) if name in found else "")
    return cells


def _cell(value: Mapping[str, float], measure: str, spread: bool) -> str:
    scale, digits = (100, 0) if measure in ("success", "at_once") else (1, 0 if measure == "tokens" else 1)
    text = f"{scale * value['mean']:.{digits}f}"
    return text + (f" [{scale * value['low']:.{digits}f}, {scale * value['high']:.{digits}f}]" if spread else "")


def shares(world: Mapping[str, Any]) -> list[list[str]]:
    """How many fewer steps the second pass took, in per cent, and whether that is what was asked for."""
    rows = list[list[str]]()
    for label, key in (("all tasks", "less"), ("tasks that it can do without recall", "of those it can")):
        for base, value in world[key].items():
            if value:
                mark = "yes" if value["mean"] >= BAR else "no"
                rows.append([label, base, f"{100 * value['mean']:.1f} [{100 * value['low']:.1f}, {100 * value['high']:.1f}]", mark])
    return rows


def as_markdown(outcome: Mapping[str, Any]) -> str:
    """The whole run as one Markdown document."""
    first, second = outcome["seeds"]
    lines = [
        "# Second pass",
        "",
        f"Recipe {outcome['recipe']}; learned from seeds {first[0]} to {first[-1]}, measured on {second[0]} to {second[-1]}, and the other way",
        f"round; commit {outcome['commit']}. Success and success at once (in the first trial) in per cent; steps: actions of all trials of an episode;",
        "tokens: about what a model in the explorer's place would have been shown. 95 % bootstrap intervals over tasks and seeds.",
    ]
    for name, world in outcome["worlds"].items():
        lines += ["", f"## {name}", "", *marked(*table(world)), "", "Fewer steps of the second pass, per cent:", ""]
        lines += [*marked(["over", "than", "fewer steps", f"{100 * BAR:.0f} % reached"], shares(world)), ""]
        lines += [f"Never done without recall, on any seed: {', '.join(world['never without']) or 'none'}."]
    return "\n".join([*lines, ""])


def plot(outcome: Mapping[str, Any]) -> str:
    """Steps by task as bars, a colour a pass, with intervals."""
    left, width, row, y, parts = 200, 760, 12, 44, list[str]()
    for x, name in zip((left, left + 130, left + 260), PASSES, strict=True):
        parts.append(f"<rect x='{x}' y='22' width='12' height='12' fill='{COLOURS[name]}'/><text x='{x + 18}' y='32'>{name}</text>")
    for world, found in outcome["worlds"].items():
        groups = {**found["tasks"], "all": found["all"]}
        most = max(g[p]["steps"]["high"] for g in groups.values() for p in g)
        scale = (width - left - 60) / max(1.0, most)
        parts.append(f"<text x='0' y='{y + 12}' font-weight='bold'>{html.escape(world)}: steps an episode</text>")
        y += 20
        for task, group in groups.items():
            parts.append(f"<text x='{left - 8}' y='{y + 1.9 * row:.0f}' text-anchor='end'>{html.escape(task)}</text>")
            for name in [p for p in PASSES if p in group]:
                value = group[name]["steps"]
                parts.append(
                    f"<rect x='{left}' y='{y}' width='{value['mean'] * scale:.1f}' height='{row - 2}' fill='{COLOURS[name]}'/>"
                    f"<line x1='{left + value['low'] * scale:.1f}' x2='{left + value['high'] * scale:.1f}' y1='{y + row / 2 - 1}'"
                    f" y2='{y + row / 2 - 1}' stroke='#1d2430'/>"
                    f"<text x='{left + value['high'] * scale + 6:.1f}' y='{y + row - 2}'>{value['mean']:.1f}</text>"
                )
                y += row
            y += 8
        y += 16
    head = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {y}' width='{width}' font-family='system-ui,sans-serif' font-size='11'>"
    return "".join([head, "<text x='0' y='14' font-size='13'>Steps an episode, with 95 % intervals</text>", *parts, "</svg>", "\n"])

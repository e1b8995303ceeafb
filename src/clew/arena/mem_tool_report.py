"""The runs of MemTool's bench, and what is said of them: three modes, three scripted abilities, and a small real model."""

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from clew import Clew
from clew.arena import mem_tool as bench
from clew.arena.folding import interval
from clew.arena.interference import seeds
from clew.arena.mem_tool_scores import GRACE, WINDOW, Tally, left_over, scored
from clew.arena.mem_tool_world import TURNS, World, made
from clew.arena.scores import estimate
from clew.models import Asker, Models
from clew.models.fake import Scripted
from clew.recipe import Recipe
from clew.recipes import mem_tool

COMMIT = "c7348bd7fd72321eb602e55d8b6f081dc1a3e58a"  # that brought the generator of the worlds, before anything that it tests
SEEDS = seeds(COMMIT)
MODES: Mapping[str, Recipe] = {"autonomous": mem_tool.recipe, "workflow": mem_tool.workflow, "hybrid": mem_tool.hybrid}
ABILITIES: Mapping[str, Mapping[str, bool]] = {
    "perfect": {},
    "forgets to remove": {"removes": False},
    "never searches": {"searches": False},
}


def scripted(world: World, mode: str, ability: str, turns: int | None = None) -> list[Tally]:
    """A scripted agent in one mode; it searches for one card a phrase, as it knows what the cards say."""
    agent = bench.Scripted(world, **ABILITIES[ability])
    return _run(world, MODES[mode].variant("one", k=1), Models(asker=Scripted(agent.script)), agent, turns)


def real(world: World, mode: str, asker: Asker, turns: int, k: int = 3) -> list[Tally]:
    """A real model in one mode: as the agent, and for what the mode asks."""
    return _run(world, MODES[mode].variant("few", k=k), Models(asker=asker), bench.Picking(asker), turns)


def _run(world: World, recipe: Recipe, models: Models, agent: bench.Player, turns: int | None) -> list[Tally]:
    with tempfile.TemporaryDirectory() as folder, Clew(Path(folder) / "m.db", recipes=[recipe], models=models) as clew:
        bench.stocked(clew, world)
        return bench.played(clew, world, agent, recipe.name, turns=turns)


def told(tallies: Sequence[Tally], label: str = "") -> dict[str, Any]:
    """The metrics of a run, those that are means over turns with their 95 % interval by turn."""
    found: dict[str, Any] = asdict(scored(tallies))
    by_turn = {
        "correctness": [len(t.called & t.gold) / len(t.gold) for t in tallies],
        "completion": [float(t.completed) for t in tallies],
        "residual": [float(n) for n in left_over(tallies)[GRACE:]],
    }
    for name, values in by_turn.items():
        if values:
            found[f"{name}_interval"] = asdict(estimate(values, [str(i) for i in range(len(values))], f"{label} {name}"))
    return found


def run(
    out: Path, *, chosen: Sequence[int] = SEEDS, turns: int = TURNS, asker: Asker | None = None, say: Callable[[str], None] = lambda _: None
) -> dict[str, Any]:
    """Every mode with every scripted ability on each seed, or with a real model; the outcome is written to `out`, after each of them anew."""
    rows = list[dict[str, Any]]()
    outcome = {"turns": turns, "tools": len(made(0).cards), "window": WINDOW, "grace": GRACE, "rows": rows}
    out.mkdir(parents=True, exist_ok=True)
    for seed in chosen:
        world = made(seed)
        for mode in MODES:
            for ability in ABILITIES if asker is None else (asker.name,):
                tallies = scripted(world, mode, ability, turns) if asker is None else real(world, mode, asker, turns)
                rows.append({"seed": seed, "mode": mode, "agent": ability, **told(tallies, f"{seed} {mode} {ability}")})
                (out / "mem_tool.json").write_text(json.dumps(outcome, indent=1) + "\n", encoding="utf-8")
                say(f"{seed} {mode} {ability}")
    return outcome


def printed(outcome: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """(header, rows) for a terminal; a dash where a metric is undefined."""
    rows = []
    for row in outcome["rows"]:
        ratios = ["-" if row[name] is None else f"{row[name]:.3f}" for name in ("removal_ratio", "removal_ratio_3t")]
        means = [interval(row[f"{name}_interval"]) if f"{name}_interval" in row else "-" for name in ("correctness", "completion")]
        idle = "-" if row["residual"] is None else f"{row['residual']:.1f}"
        rows.append([str(row["seed"]), row["mode"], row["agent"], str(row["turns"]), *ratios, idle, *means, str(row["most_active"])])
    return ["seed", "mode", "agent", "turns", "removal ratio", "of 3 turns", "residual", "correctness", "completion", "most in use"], rows

"""The second pass: one explorer that knows no task, before and after it learned, and beside itself with recall switched off.

First pass: episodes on some seeds, written down. Second pass: episodes on other seeds, with what is recalled; nothing more is
learned. Control: those same seeds without recall. It is done twice, with two halves of seeds: what is learned from each is measured on
the other, in a memory of its own, so that all three passes are over the same seeds and none is harder than another by the draw.
A run's folder holds one file of JSON lines a world, so that a run that was cut off goes on, and `second_pass.json`,
`second_pass.md` and `second_pass.svg`.
"""

import importlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from clew.arena import second_pass_report
from clew.arena.run import commit, kept, machine
from clew.arena.second_pass_tasks import STEPS, WORDS, WORLDS, seeds, selected
from clew.engine import Clew
from clew.errors import UsageError
from clew.recipe import Recipe
from clew.tasks.learning.explorer import Bounds, Episode, Guide, World, explore, no_acts, succeeded
from clew.tasks.learning.memory import known, nothing, recalled, remember

COMMIT = "ef24e58157b1f3f4aa6dbaf45db16ecbd44a329c"  # that last touched the explorer: no seed of its could be developed on
FORMAT = 3  # of the result files
PASSES = ("first", "second", "control")
REACH = 10  # actions of one trial on a page, after which it is begun again; a text world is left only when it ends
MAKERS = {"tw-simple": "simple", "tw-cooking": "cooking"}  # TextWorld's makers by the names of our text worlds
CHARS = 4  # of a token, about


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be run."""

    recipe: Recipe
    out: Path
    pages: tuple[str, ...] = selected()
    worlds: tuple[str, ...] = tuple(w.name for w in WORLDS)
    seeds: tuple[tuple[int, ...], tuple[int, ...]] | None = None  # two halves; None: of COMMIT
    passes: tuple[str, ...] = PASSES  # the control needs nothing of the others, so it may be run beside them


@dataclass(frozen=True, slots=True)
class Ground:
    """One kind of world: its tasks, how one is begun, and what an episode may take."""

    name: str
    tasks: tuple[str, ...]
    begin: Callable[[str, int], World]
    bounds: Bounds


def run(plan: Plan, told: Callable[[str], None] = lambda line: None) -> dict[str, Any]:
    """Both worlds, or what is chosen of them; returns and writes the outcome. `told` is given a line for each task that is done."""
    plan.out.mkdir(parents=True, exist_ok=True)
    chosen = plan.seeds or seeds(COMMIT)
    about = {"format": FORMAT, "recipe": plan.recipe.name, "params": {k: repr(v) for k, v in plan.recipe.params.items()}, "seeds": chosen}
    rows = list[dict[str, Any]]()
    for name, opened, tasks in (("miniwob", _pages, plan.pages), ("textworld", _words, plan.worlds)):
        if tasks:
            path = plan.out / f"second-pass-{name}.jsonl"
            done = kept(path, json.loads(json.dumps(about)))
            if not done:
                path.write_text(json.dumps(about) + "\n", encoding="utf-8")
            with opened(tasks) as ground:
                for half in (0, 1):
                    rows += _ground(plan, ground, (chosen[half], chosen[1 - half]), path, done, told)
    outcome = {**about, "commit": commit(), "machine": machine(), "worlds": second_pass_report.summary(rows)}
    (plan.out / "second_pass.json").write_text(json.dumps(outcome, indent=1) + "\n", encoding="utf-8")
    (plan.out / "second_pass.md").write_text(second_pass_report.as_markdown(outcome), encoding="utf-8")
    (plan.out / "second_pass.svg").write_text(second_pass_report.plot(outcome), encoding="utf-8")
    return outcome


def _ground(
    plan: Plan,
    ground: Ground,
    chosen: tuple[Sequence[int], Sequence[int]],
    path: Path,
    done: Mapping[str, Any],
    told: Callable[[str], None],
) -> list[dict[str, Any]]:
    """The rows of one world and one half that is learned from, in order: everything is learned before anything is recalled."""
    rows = list[dict[str, Any]]()
    place = path.with_name(f"{path.stem}-{chosen[0][0]}.db")
    if not done:
        place.unlink(missing_ok=True)
    with Clew(place, recipes=[plan.recipe]) as memory:

        def guides(utterance: str) -> list[Guide]:
            return recalled(memory, utterance)

        def acts(utterance: str) -> Mapping[str, float]:
            return known(memory, utterance)

        for number, name in [(i, p) for i, p in enumerate(PASSES) if p in plan.passes]:
            for task in ground.tasks:
                mine = list[dict[str, Any]]()
                for seed in chosen[min(number, 1)]:
                    case = f"{ground.name}/{task}/{name}/{seed}"
                    row = done.get(case)
                    if row is None:
                        told_of = (guides, acts) if name == "second" else (nothing, no_acts)
                        episode = explore(partial(ground.begin, task, seed), told_of[0], ground.bounds, told_of[1])
                        if name == "first":
                            remember(memory, episode, case)
                        row = {"case": case, "world": ground.name, "task": task, "pass": name, "seed": seed, **scored(episode)}
                        with open(path, "a", encoding="utf-8") as file:
                            file.write(json.dumps(row, ensure_ascii=False) + "\n")
                    mine.append(row)
                rows += mine
                won, steps = sum(r["success"] for r in mine), sum(r["steps"] for r in mine)
                told(f"{ground.name} {name}: {task}: {won} of {len(mine)}, {steps / len(mine):.1f} steps")
    return rows


def scored(episode: Episode) -> dict[str, Any]:
    """An episode in numbers. Tokens: about how many a model in the explorer's place would have been shown, over all its steps."""
    trials = episode.trials
    return {
        "success": episode.success,
        "at_once": bool(trials) and succeeded(trials[0]),
        "steps": episode.steps,
        "trials": len(trials),
        "tokens": sum(t.shown for t in trials) // CHARS,
        "guided": sum(t.followed for t in trials),
        "utterance": episode.utterance,
        "last": [c.text for c in trials[-1].done] if trials else [],
    }


@contextmanager
def _pages(tasks: tuple[str, ...]) -> Iterator[Ground]:
    """MiniWoB in one browser."""
    room = importlib.import_module("clew.tasks.environments.miniwob")  # only here, as it needs an extra
    with room.MiniWoB(tasks[0]) as world:

        def begin(task: str, seed: int) -> World:
            world.reset({"task": task, "seed": seed})
            return world

        yield Ground("miniwob", tasks, begin, Bounds(STEPS, REACH))


@contextmanager
def _words(tasks: tuple[str, ...]) -> Iterator[Ground]:
    """TextWorld's games, each made once."""
    room = importlib.import_module("clew.tasks.environments.text_world")
    kinds = {w.name: w for w in WORLDS}
    if unknown := [t for t in tasks if t not in kinds]:
        raise UsageError(f"there is no text world {unknown[0]!r}; there are {', '.join(kinds)}")
    folder = Path(tempfile.mkdtemp(prefix="clew-second-pass-"))
    try:
        with room.TextWorld("simple", folder=folder) as world:

            def begin(task: str, seed: int) -> World:
                kind = kinds[task]
                settings = {**kind.settings, **({"recipe_seed": seed} if kind.maker == "tw-cooking" else {})}
                world.reset({"world": MAKERS[kind.maker], "seed": seed, **settings})
                return world

            yield Ground("textworld", tasks, begin, Bounds(WORDS, WORDS))
    finally:
        shutil.rmtree(folder, ignore_errors=True)

"""StepFly on worlds with a planted cause: right conclusions, wall time by executors, the Mentor's recall and precision.

usage: python -m benchmarks.stepfly causes [--n 20] [--scale 0.5]      20 seeds, each with a cause and with none, both public guides
       python -m benchmarks.stepfly times [--scale 2] [--rounds 5]     wall time at 1, 3 and 9 executors; best on a quiet machine
       python -m benchmarks.stepfly queries [--scale 1]                the bare queries in threads and processes
       python -m benchmarks.stepfly mentor                             sixty planted defects

Needs StepFly's two public guides below $CLEW_DATA (`stepfly_tsg`), but for `mentor`. Seeds come from the commit that last touched
the generator. Results go to benchmarks/results/stepfly_*.json.
"""

import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import track

from clew import Clew
from clew.arena.lifecycle_cases import seeds
from clew.arena.lifecycle_report import wilson
from clew.arena.run import commit, machine, versions
from clew.arena.stepfly_orders import DEFECTS, PUBLIC_DEFECTS, Defect, orders
from clew.arena.stepfly_world import CAUSES, world
from clew.tasks import Tasks
from clew.tasks.graph import Outcome
from clew.tasks.stepfly import RULES, Concluded, Sources, executor, lint, mechanical, plan_dag, read, task
from clew.tasks.stepfly.database import asked
from clew.tasks.stepfly.plan import edges, numbers
from clew.tasks.stepfly.plugins import unpacked

ROOT = Path(__file__).parents[1]
GENERATOR = "b24cae678b7ab2cfaafef390f89d37c7d0848dfe"  # the commit that last touched arena/stepfly_world; its seeds are reported
GUIDES = {"parallel": "Distributed_System_Low_Availability", "serial": "Distributed_System_Low_Availability_Series"}
CAPS = (1, 3, 9)
app, console = typer.Typer(add_completion=False, help=__doc__, no_args_is_help=True), Console()


def guides() -> dict[str, tuple[str, dict[str, Any]]]:
    """(text, plan made by hand) of the two public guides."""
    folder = Path(os.environ.get("CLEW_DATA", "")) / "stepfly_tsg" / "TSGs"
    if not folder.exists():
        raise typer.BadParameter("StepFly's public guides are not there: set CLEW_DATA to a folder with stepfly_tsg in it")
    return {
        shape: ((folder / f"{name}.md").read_text("utf-8"), json.loads((folder / "PlanDAGs" / f"{name}_plan_dag.json").read_text("utf-8")))
        for shape, name in GUIDES.items()
    }


def kept(name: str, found: dict[str, Any]) -> None:
    """Write a result with where and when it was measured."""
    whole = {"commit": commit(), "generator": GENERATOR, "machine": machine(), "versions": versions(), **found}
    place = ROOT / "benchmarks" / "results" / f"stepfly_{name}.json"
    place.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    console.print(f"written to {place.relative_to(ROOT)}")


def run(made: Any, folder: Path, carrier: Any = executor) -> tuple[Any, float, float]:
    """(final state, wall seconds, seconds of the processor) of one execution with a memory of its own."""
    with tempfile.TemporaryDirectory(dir=folder) as place, Clew(Path(place) / "memory.db") as clew:
        tasks, begun, used = Tasks(clew, executors={"stepfly": carrier}), time.perf_counter(), time.process_time()
        state = tasks.run(made)
        return state, time.perf_counter() - begun, time.process_time() - used


def scored(state: Any, plan: dict[str, Any], step: str, culprit: str) -> Any:
    """The verdict on path and conclusion."""
    named = [part for part in culprit.split("=") if part]
    return Concluded(plan, step, named).check("end", state.graph, None, Outcome("finished", state.results), None)


@app.command()
def causes(n: int = 20, scale: float = 0.5, first: Annotated[int, typer.Option(help="first seed, instead of the commit's")] = 0) -> None:
    """Right conclusions: each seed with a planted cause and with none, by both public guides."""
    chosen = seeds(GENERATOR, n) if not first else range(first, first + n)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for place, seed in enumerate(track(chosen, "worlds", console=console)):
            for cause in (CAUSES[place % len(CAUSES)], None):
                path = Path(folder) / f"{seed}-{cause}.db"
                planted = world(path, seed, cause, scale)
                for shape, (text, plan) in guides().items():
                    made, _ = task(text, path.with_suffix(".txt").read_text("utf-8"), str(path), accept=mechanical)
                    state, wall, _ = run(made, Path(folder))
                    verdict = scored(state, plan, planted.step, planted.culprit)
                    rows.append(
                        {"seed": seed, "cause": planted.cause, "guide": shape, "right": verdict.ok, "why": verdict.reason, "wall": wall}
                    )
                path.unlink()
    table = {}
    for kind in ("planted", "none", *CAUSES):
        mine = [r for r in rows if (r["cause"] != "none" if kind == "planted" else r["cause"] == kind)]
        for shape in GUIDES:
            right = [r["right"] for r in mine if r["guide"] == shape]
            low, high = wilson(sum(right), len(right)) if right else (0.0, 1.0)
            table[f"{kind}, {shape}"] = {"right": sum(right), "of": len(right), "low": low, "high": high}
            console.print(f"{kind:>10} {shape:>9}: {sum(right)} of {len(right)}")
    for row in rows:
        if not row["right"]:
            console.print(f"{row['seed']} {row['cause']} {row['guide']}: {row['why']}")
    kept("causes", {"seeds": list(chosen), "scale": scale, "table": table, "plans": plans(), "rows": rows})


def plans() -> dict[str, Any]:
    """How well the plans found in the public guides agree with those made by hand."""
    found = {}
    for shape, (text, gold) in guides().items():
        made = plan_dag(read(text))
        mine, given = ({(s, t): c for s, t, c in edges(plan)} for plan in (made, gold))
        numbered = [e for e, c in given.items() if numbers(c)]
        found[shape] = {
            "node_f1": f1({n["node"] for n in made["nodes"]}, {n["node"] for n in gold["nodes"]}),
            "edge_f1": f1(set(mine), set(given)),
            "conditional_alike": sum((mine.get(e) == "none") == (c == "none") for e, c in given.items()) / len(given),
            "same_numbers": [sum(numbers(mine.get(e, "")) == numbers(given[e]) for e in numbered), len(numbered)],
        }
    return found


def f1(mine: set[Any], given: set[Any]) -> float:
    """Harmonic mean of precision and recall."""
    return 2 * len(mine & given) / (len(mine) + len(given))


class Clocked:
    """The executor, with the processor's seconds of each step kept; `latency` seconds of waiting before each query are simulated."""

    def __init__(self, latency: float) -> None:
        self.latency, self.used = latency, dict[str, float]()

    def run(self, node: Any, ctx: Any) -> Outcome:
        """As the executor does."""
        time.sleep(self.latency * len(node.inputs.get("plugins", ())))
        begun = time.thread_time()
        outcome = executor.run(node, ctx)
        self.used[node.id] = time.thread_time() - begun
        return outcome


@app.command()
def times(scale: float = 2.0, rounds: int = 5, seed: int = 1, latency: float = 0.0) -> None:
    """Wall time of the whole execution at 1, 3 and 9 executors, in turns, on both guides.

    A busy machine gives no times worth telling: the load is kept beside each. `latency` adds a simulated wait to every query, as of
    a database far away; what is measured so is labelled simulated.
    """
    rows: list[dict[str, Any]] = []
    models: dict[str, Any] = {}
    label = f", {latency:g} s a query simulated" if latency else ""
    with tempfile.TemporaryDirectory() as folder:
        for cause in (None, "workflow"):
            path = Path(folder) / "world.db"
            path.unlink(missing_ok=True)
            planted = world(path, seed, cause, scale)
            incident = path.with_suffix(".txt").read_text("utf-8")
            for number in track(range(rounds), f"{planted.cause}", console=console):
                for shape, (text, plan) in guides().items():
                    for cap in CAPS if number % 2 == 0 else CAPS[::-1]:
                        made, _ = task(text, incident, str(path), accept=mechanical, cap=cap)
                        clocked = Clocked(latency)
                        state, wall, used = run(made, Path(folder), clocked)
                        row = {"cause": planted.cause, "guide": shape + label, "cap": cap, "wall": wall, "cpu": used}
                        rows.append({**row, "right": scored(state, plan, planted.step, planted.culprit).ok, "load": os.getloadavg()[0]})
                        if cap == 1 and not latency:
                            models.setdefault(f"{planted.cause}, {shape}", []).append((used, clocked.used, made, planted.step))
    modelled = {kind: {cap: median(model(cap, *m) for m in found) for cap in CAPS} for kind, found in models.items()}
    for kind, walls in modelled.items():
        told = ", ".join(f"{cap} at once {wall:.2f} s ({1 - wall / walls[1]:.0%})" for cap, wall in walls.items())
        console.print(f"modelled, two free cores: {kind}: {told}")
    told = {"scale": scale, "seed": seed, "latency": latency, "table": timed(rows), "modelled": modelled, "rows": rows}
    kept("times_simulated" if latency else "times", told)


def model(cap: int, used: float, steps: dict[str, float], made: Any, last: str, cores: int = 2) -> float:
    """The wall time that the measured processor's seconds would take on so many free cores, up to `cap` steps at once.

    What was used beside the steps is taken to run alone, before them; steps share the cores evenly; the end comes with its step.
    """
    left, done, clock = dict(steps), {"start"}, used - sum(steps.values())
    while last not in done:
        open_ids = [id for id in left if id not in done and all(e.source in done for e in made.into(id))][:cap]
        rate = min(1.0, cores / len(open_ids))
        first = min(left[id] for id in open_ids)
        clock += first / rate
        for id in open_ids:
            left[id] -= first
            if left[id] <= 1e-12:
                done.add(id)
    return clock


@app.command()
def queries(scale: float = 1.0, rounds: int = 3, seed: int = 1) -> None:
    """The nine queries alone, in threads and in processes: wall time, and how long a thread was neither running nor waiting for a core.

    That last is what locks cost (Python's or SQLite's), and can be told on a busy machine too.
    """
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "world.db"
        planted = world(path, seed, None, scale)
        made, _ = task(guides()["parallel"][0], "", str(path), accept=mechanical)
        texts = [unpacked(p).filled(planted.parameters) for node in made.nodes for p in node.inputs.get("plugins", ())]
        for _ in track(range(rounds), "queries", console=console):
            for how in ("threads", "processes"):
                for cap in CAPS:
                    pool: Executor = ThreadPoolExecutor(cap) if how == "threads" else ProcessPoolExecutor(cap)
                    with pool:
                        list(pool.map(_nothing, range(cap)))  # started before the clock is
                        begun = time.perf_counter()
                        found = list(pool.map(_timed, [str(path)] * len(texts), texts))
                        wall = time.perf_counter() - begun
                    told = {name: sum(f[name] for f in found) for name in ("wall", "cpu", "waited")}
                    blocked = 1 - (told["cpu"] + told["waited"]) / told["wall"]
                    row = {"cause": "none", "guide": f"queries, {how}", "cap": cap, "wall": wall, "cpu": told["cpu"], "blocked": blocked}
                    rows.append({**row, "cores_had": told["cpu"] / wall, "load": os.getloadavg()[0]})
    blocks = {
        f"{k}, {c}": median(r["blocked"] for r in rows if (r["guide"], r["cap"]) == (k, c))
        for k in {r["guide"] for r in rows}
        for c in CAPS
    }
    console.print({k: f"{v:.1%} blocked" for k, v in sorted(blocks.items())})
    kept("queries", {"scale": scale, "seed": seed, "table": timed(rows), "blocked": blocks, "rows": rows})


def _nothing(number: int) -> int:
    return number


def _timed(path: str, query: str) -> dict[str, float]:
    """Seconds of one query: in all, on a core, and waiting for one (where the system tells, as Linux does)."""
    before, begun = _spent(), time.perf_counter()
    asked(path, query)
    wall, after = time.perf_counter() - begun, _spent()
    return {"wall": wall, "cpu": after[0] - before[0], "waited": after[1] - before[1]}


def _spent() -> tuple[float, float]:
    told = Path("/proc/thread-self/schedstat").read_text("ascii").split()
    return int(told[0]) / 1e9, int(told[1]) / 1e9


def timed(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Least and median wall time by what was run, with what each saves against one executor."""
    found: dict[str, Any] = {}
    for kind in dict.fromkeys((r["cause"], r["guide"]) for r in rows):
        walls = {cap: [r["wall"] for r in rows if (r["cause"], r["guide"], r["cap"]) == (*kind, cap)] for cap in CAPS}
        cells = {}
        for cap, mine in walls.items():
            saved = {name: 1 - pick(mine) / pick(walls[1]) for name, pick in (("least", min), ("median", median))}
            cells[cap] = {"least": min(mine), "median": median(mine), "saved_least": saved["least"], "saved_median": saved["median"]}
            told = f"{min(mine):6.2f} s least, {median(mine):6.2f} s median, saves {saved['least']:5.0%} / {saved['median']:5.0%}"
            console.print(f"{', '.join(kind):>28}, {cap} at once: {told}")
        found[", ".join(kind)] = cells
    return found


@app.command()
def mentor() -> None:
    """Recall and precision of the Mentor's rules on planted defects: forty on our guide, twenty on a public one, written after the rules."""
    text = (ROOT / "examples" / "slow_orders.md").read_text("utf-8")
    with tempfile.TemporaryDirectory() as folder:
        orders(Path(folder) / "orders.db", 1, "none")
        found = {"our guide": spoiled(text, DEFECTS, Sources(str(Path(folder) / "orders.db")))}
        if os.environ.get("CLEW_DATA"):
            world(Path(folder) / "w.db", 1, None, 0.25)
            found["the public guide"] = spoiled(guides()["parallel"][0], PUBLIC_DEFECTS, Sources(str(Path(folder) / "w.db")))
    kept("mentor", found)


def spoiled(text: str, defects: Sequence[Defect], sources: Sources) -> dict[str, Any]:
    """What the rules find of planted defects. A note that is not on the planted line and of its category counts as a false alarm,
    also where it follows from the defect; what is noted on the guide as it is does not count."""
    before = {(i.category, i.issue_type, i.description) for i in lint(text, RULES, sources).issues}
    found, right, alarms = [], 0, 0
    for defect in defects:
        planted, lines = defect.planted(text)
        notes = [i for i in lint(planted, RULES, sources).issues if (i.category, i.issue_type, i.description) not in before]
        hits = [i for i in notes if i.category == defect.category and i.line_number in lines]
        right, alarms = right + len(hits), alarms + len(notes) - len(hits)
        found.append({"category": defect.category, "defect": defect.name, "found": bool(hits), "other_notes": len(notes) - len(hits)})
    caught, of = Counter(f["category"] for f in found if f["found"]), Counter(f["category"] for f in found)
    recall, precision = sum(caught.values()) / len(found), right / (right + alarms)
    console.print(f"recall {recall:.3f} ({dict(caught)} of {dict(of)}), precision {precision:.3f}; as it is, {len(before)} notes")
    told = {"notes_as_it_is": sorted(map(list, before)), "by_category": [dict(caught), dict(of)], "defects": found}
    return {"recall": recall, "precision": precision, **told}


if __name__ == "__main__":
    app()

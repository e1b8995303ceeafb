"""`clew arena`: run systems over a dataset with the controls beside them, and make the report."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from clew.arena import (
    agent_recorded,
    agent_report,
    asking,
    comparison,
    extraction,
    folding,
    gate,
    halves,
    interfered,
    interference,
    lifecycle,
    lifecycle_apollo,
    lifecycle_report,
    mem_tool_report,
    poisoning,
    report,
    second_pass,
    second_pass_report,
    validity,
)
from clew.arena.controls import controls
from clew.arena.datasets import dataset, names
from clew.arena.datasets import poisoning as poisoning_data
from clew.arena.kept_answers import keeping, kept
from clew.arena.lifecycle_cases import AXES
from clew.arena.lifecycle_lives import ClewLiving, EmptyLiving, Living, WordsLiving
from clew.arena.lifecycle_peers import PeerLiving
from clew.arena.peers import NAMES, peer
from clew.arena.reader import Reader
from clew.arena.run import Plan
from clew.arena.run import run as run_plan
from clew.arena.systems import Door, System
from clew.errors import UsageError
from clew.models import Models, connect
from clew.recipe import load

app = typer.Typer(help="Compare memory systems over public data.", no_args_is_help=True, add_completion=False)
console = Console()
Recipes = Annotated[list[str], typer.Option("--recipe", help="A recipe by name; may be given several times.")]
Peers = Annotated[list[str] | None, typer.Option("--peer", help=f"Another system: {', '.join(NAMES)}.")]
Systems = Annotated[list[str], typer.Option("--system", help="clew, controls, peers; may be given several times.")]
Data = Annotated[Path | None, typer.Option("--path", help="A file of the set's schema, or its folder; else below $CLEW_DATA.")]
Part = Annotated[str, typer.Option("--half", help="tuning, reporting or all.")]
Most = Annotated[int | None, typer.Option("--limit", min=1, help="At most so many cases.")]
Url = Annotated[str | None, typer.Option("--base-url", help="The model's OpenAI-compatible endpoint.")]
Timeout = Annotated[float | None, typer.Option("--timeout", help="Seconds that a model has for one answer; else 60.")]
Out = Annotated[Path, typer.Option("--out", help="Where results go; a run that was cut off goes on there.")]


@app.command()
def run(
    dataset_name: Annotated[str, typer.Argument(metavar="DATASET", help=", ".join(names()))],
    path: Data = None,
    recipe: Recipes = ["clew"],  # noqa: B006
    peer_names: Peers = None,
    half: Part = "all",
    limit: Most = None,
    out: Out = Path("arena"),
    with_controls: Annotated[bool, typer.Option("--controls/--no-controls", help="BM25, dense, their fusions, full context.")] = True,
    model: Annotated[str, typer.Option("--model", help="Asked by recipes that ask one, such as openai:NAME.")] = "extractive",
    url: Url = None,
    timeout: Timeout = None,
    reader: Annotated[str | None, typer.Option("--reader", help="A model that answers from what every system found; token F1.")] = None,
    keep: Annotated[Path | None, typer.Option("--keep", help="Keep models' answers in this folder: a second run pays for nothing.")] = None,
    small: Annotated[str | None, typer.Option("--small", help="EVENTS,QUESTIONS: at most so many a case, for a slow model.")] = None,
    ablate: Annotated[bool, typer.Option("--ablate", help="Each recipe also with each of its mechanisms switched off.")] = False,
) -> None:
    """Run recipes and controls over a dataset; results are JSON in OUT/DATASET-HALF. `--recipe all` is every recipe there is.

    A mechanism is switched off by its name: --recipe 'a_mem[-links]'.
    """
    if half not in ("tuning", "reporting", "all"):
        raise UsageError(f"--half is tuning, reporting or all; got {half!r}")
    models = asking.connected(model, url, timeout)
    models = keeping(models, keep) if keep else models
    systems: list[System] = [Door(found, models) for found in asking.chosen(recipe, ablate)]
    systems += controls(models) if with_controls else []
    systems += [peer(name, models.embedder) for name in peer_names or ()]
    fewer = asking.sizes(small) if small else None
    place = out / "-".join([dataset_name, half, *([str(limit)] if limit else []), *(map(str, fewer) if fewer else [])])
    answering = asking.asker(reader, url, timeout) if reader else None
    read_by = Reader(kept(answering, keep) if keep else answering) if answering else None
    plan = Plan(dataset_name, path or default_path(dataset_name), place, cast(halves.Half, half), limit, fewer, read_by)
    outcome = run_plan(plan, systems)
    console.print(shown(outcome))
    console.print(f"{place / 'results.json'}")


@app.command("lifecycle")
def run_lifecycle(
    seed: Annotated[list[int] | None, typer.Option("--seed", help="May be given several times; else from the generator's commit.")] = None,
    system: Systems = ["clew", "controls"],  # noqa: B006
    recipe: Recipes = ["clew"],  # noqa: B006
    peer_names: Peers = None,
    axis: Annotated[list[str] | None, typer.Option("--axis", help=f"{', '.join(AXES)}, apollo; else all.")] = None,
    out: Out = Path("arena/lifecycle"),
) -> None:
    """What a memory's life asks of it: changes, cascades, absence, rollback, isolation, erasure, cost; results in OUT."""
    unknown = [f"--system {name}" for name in system if name not in ("clew", "controls", "peers")]
    unknown += [f"--axis {name}" for name in axis or () if name not in (*AXES, "apollo")]
    if unknown:
        raise UsageError(f"there is no {unknown[0]}; systems are clew, controls and peers, axes {', '.join(AXES)} and apollo")
    models = Models()
    systems: list[Living] = [ClewLiving(load(name), models) for name in recipe] if "clew" in system else []
    systems += [WordsLiving(), EmptyLiving()] if "controls" in system else []
    systems += [PeerLiving(name, models) for name in peer_names or (NAMES if "peers" in system else ())]
    plan = lifecycle.Plan(tuple(seed or lifecycle.SEEDS), out, tuple(axis or ()), lifecycle_apollo.found())
    outcome = lifecycle.run(plan, systems)
    console.print(tabled(f"lifecycle: {outcome['scripts']} scripts; * no door for it", *lifecycle_report.table(outcome, short=True)))
    console.print(f"{out / 'lifecycle.md'}")


@app.command("extraction")
def run_extraction(
    path: Data = None,
    recipe: Recipes = ["facts"],  # noqa: B006
    half: Part = "all",
    sessions: Annotated[int | None, typer.Option("--sessions", min=1, help="Only the first so many sessions of each user.")] = None,
    out: Out = Path("arena"),
) -> None:
    """Memory points found, planted ones stored, and the support gate's own errors, on HaluMem; no judge, controls beside."""
    if half not in ("tuning", "reporting", "all"):
        raise UsageError(f"--half is tuning, reporting or all; got {half!r}")
    place = path or default_path("halumem")
    outcome = extraction.measured(place, extraction.systems([load(name) for name in recipe]), cast(halves.Half, half), sessions)
    errors = gate.errors(gate.stated(place, cast(halves.Half, half)))
    console.print(tabled(f"HaluMem, {half}", *extraction.rows(outcome)))
    console.print(tabled("the gate's errors", ["falsified", "passed", "of"], [[kind, str(n), str(of)] for kind, (n, of) in errors.items()]))
    (folder := out / f"extraction-{half}").mkdir(parents=True, exist_ok=True)
    (folder / "extraction.json").write_text(
        json.dumps({"half": half, "systems": outcome, "gate": errors}, indent=1) + "\n", encoding="utf-8"
    )
    console.print(f"{folder / 'extraction.json'}")


@app.command("poisoning")
def run_poisoning(
    path: Data = None,
    recipe: Annotated[str, typer.Option("--recipe", help="A recipe by name.")] = "clew",
    half: Part = "all",
    out: Out = Path("arena"),
) -> None:
    """Attacks planted in mails, memories and tool results: how many come back, what is lost of the benign; controls beside."""
    if half not in ("tuning", "reporting", "all"):
        raise UsageError(f"--half is tuning, reporting or all; got {half!r}")
    material = poisoning_data.material(path or default_path("poisoning"))
    outcome = poisoning.run(material, load(recipe), cast(halves.Half, half))
    console.print(tabled(f"poisoning, {half}", *poisoning.rows(outcome)))
    (folder := out / f"poisoning-{half}").mkdir(parents=True, exist_ok=True)
    (folder / "poisoning.json").write_text(json.dumps({"half": half, "systems": outcome}, indent=1) + "\n", encoding="utf-8")
    console.print(f"{folder / 'poisoning.json'}")


@app.command("a-mem-guard")
def run_a_mem_guard(
    path: Data = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help=f"How many, from {agent_report.FIRST}.")] = agent_report.SEEDS,
    out: Out = Path("arena"),
) -> None:
    """Poisoned precedents against consensus, trust and lessons: a grid of ratios, rounds of writing back, recorded runs."""
    default = Path(os.environ["CLEW_DATA"]) / agent_recorded.FOLDER if "CLEW_DATA" in os.environ else None
    folder = path or (default if default is not None and default.exists() else None)
    chosen = range(agent_report.FIRST, agent_report.FIRST + seeds)
    agent_report.conduct(chosen, folder, out, lambda part: console.print(f"done: {escape(part)}"))
    console.print(f"{out / agent_report.NAME}.md" + ("" if folder else "; the recorded runs were left out: set CLEW_DATA or give --path"))


@app.command("window")
def run_window(
    path: Annotated[Path | None, typer.Option("--path", help="The folder of all sets; else $CLEW_DATA.")] = None,
    recipe: Annotated[str, typer.Option("--recipe", help="A recipe that folds subgoals, by name.")] = "hi_agent",
    model: Annotated[str, typer.Option("--model", help="Writes the summaries, such as openai:NAME.")] = "extractive",
    url: Url = None,
    timeout: Timeout = None,
    tokenizer: Annotated[
        str | None, typer.Option("--tokenizer", help="A tokenizer.json or a server with /tokenize; else an estimate.")
    ] = None,
    limit: Most = None,
    out: Out = Path("arena/window"),
) -> None:
    """Tokens of a folded context against the full one, step by step, on recorded SWE-agent and tau-bench runs; what comes back whole."""
    below = path or (Path(os.environ["CLEW_DATA"]) if "CLEW_DATA" in os.environ else None)
    if below is None:
        raise UsageError("say where the trajectories lie: --path FOLDER, or set CLEW_DATA to the folder of all sets")
    models = asking.connected(model, url, timeout)
    models = replace(models, counter=connect(f"tokenizer:{tokenizer}").counter) if tokenizer else models
    found = {name: folding.measured(below / folder, load(recipe), models, limit) for name, folder in folding.SETS.items()}
    console.print(tabled(f"{recipe}: folded over full context", *folding.table(found)))
    out.mkdir(parents=True, exist_ok=True)
    counted = models.counter.name if models.counter else "estimate"
    text = json.dumps({"recipe": recipe, "model": model, "tokens by": counted, "sets": found}, indent=1)
    (out / "window.json").write_text(text + "\n", encoding="utf-8")
    console.print(f"{out / 'window.json'}")


@app.command("interference")
def run_interference(
    seed: Annotated[list[int] | None, typer.Option("--seed", help="May be given several times; else from the generator's commit.")] = None,
    updates: Annotated[list[int] | None, typer.Option("--updates", min=2, help="Values of each key; may be given several times.")] = None,
    model: Annotated[str | None, typer.Option("--model", help="Answers, such as openai:NAME; else only what is shown is judged.")] = None,
    url: Url = None,
    timeout: Timeout = None,
    system: Annotated[list[str] | None, typer.Option("--system", help=f"{', '.join(interfered.SYSTEMS)}; else all.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Ask the model about at most so many keys of each stream.")] = None,
    keys: Annotated[int, typer.Option("--keys", min=1, max=len(interference.KEYS), help="Fewer, for a small window; --out another.")] = 46,
    out: Out = Path("arena/interference"),
) -> None:
    """Keys that change 2 to 256 times in one message: a model with the plain context, with Sculptor's scripted policy, with retrieval."""
    if unknown := [name for name in system or () if name not in interfered.SYSTEMS]:
        raise UsageError(f"there is no --system {unknown[0]!r}; there are {', '.join(interfered.SYSTEMS)}")
    asker = asking.asker(model, url, timeout) if model else None
    chosen, sizes = seed or interfered.SEEDS, updates or interference.UPDATES
    outcome = interfered.run(chosen, sizes, asker, out, limit, system or interfered.SYSTEMS, keys)
    console.print(tabled(f"interference, {model or 'no model'}", *interfered.printed(outcome)))
    console.print(f"{out / 'interference.json'}")


@app.command("mem-tool")
def run_mem_tool(
    seed: Annotated[list[int] | None, typer.Option("--seed", help="May be given several times; else from the generator's commit.")] = None,
    turns: Annotated[int, typer.Option("--turns", min=4, help="Requests in one conversation.")] = mem_tool_report.TURNS,
    model: Annotated[str | None, typer.Option("--model", help="Is the agent, such as openai:NAME; else three scripted ones are.")] = None,
    url: Url = None,
    timeout: Timeout = None,
    out: Out = Path("arena/mem-tool"),
) -> None:
    """MemTool's metrics over a conversation with 500 tools: what is removed again, what is left over, what was called and completed."""
    asker = asking.asker(model, url, timeout) if model else None
    chosen = seed or mem_tool_report.SEEDS
    outcome = mem_tool_report.run(out, chosen=chosen, turns=turns, asker=asker, say=lambda line: console.print(escape(line)))
    console.print(tabled(f"mem-tool, {model or 'scripted agents'}", *mem_tool_report.printed(outcome)))
    console.print(f"{out / 'mem_tool.json'}")


@app.command("second-pass")
def run_second_pass(
    recipe: Annotated[str, typer.Option("--recipe", help="A recipe that learns workflows, by name.")] = "awm",
    page: Annotated[list[str] | None, typer.Option("--page", help="A task of MiniWoB; else the twenty. none: no pages.")] = None,
    world: Annotated[list[str] | None, typer.Option("--world", help="A text world; else all. none: no text worlds.")] = None,
    seed: Annotated[list[int] | None, typer.Option("--seed", help="What is learned from each half is measured on the other.")] = None,
    digit: Annotated[int, typer.Option("--digit", help="Without --seed: of the commit's hex digits, the first that gives them.")] = 0,
    out: Out = Path("arena/second-pass"),
) -> None:
    """One explorer that knows no task, before and after it learned, and with recall switched off; success, steps, tokens in OUT."""
    usual = second_pass.Plan(load(recipe), out)
    pages, worlds = (tuple(n for n in (chosen or given) if n != "none") for chosen, given in ((page, usual.pages), (world, usual.worlds)))
    half = len(seed or ()) // 2
    if seed and not half:
        raise UsageError(f"--seed is given at least twice: some to learn from and others to measure on; got {seed}")
    seeds = (tuple(seed[:half]), tuple(seed[half:])) if seed else second_pass.seeds(second_pass.COMMIT, digit)
    outcome = second_pass.run(second_pass.Plan(usual.recipe, out, pages, worlds, seeds), lambda line: console.print(escape(line)))
    for name, found in outcome["worlds"].items():
        console.print(tabled(name, ["over", "than", "fewer steps, %", "reached"], second_pass_report.shares(found)))
    console.print(f"{out / 'second_pass.md'}")


@app.command("validity")
def show_validity(
    places: Annotated[list[Path], typer.Argument(help="Folders that runs wrote to, or files of Clew (*.db).")],
) -> None:
    """How often each model gave the form that it was asked for, by family of call: at first, after a retry, never."""
    found = [validity.of_files([place]) if place.suffix == ".db" else validity.of_results(place) for place in places]
    header, rows = validity.table(validity.together(one for part in found for one in part))
    console.print(tabled("valid forms by model and family", header, rows))


@app.command("report")
def make_report(
    folder: Annotated[Path, typer.Argument(help="The folder that runs wrote to.")] = Path("arena"),
    out: Annotated[Path | None, typer.Option("--out", help="Where report.html and report.md go; else the same folder.")] = None,
) -> None:
    """Write one HTML page and one Markdown document of every result below a folder, and the table of all systems on all sets."""
    for path in report.write(folder, out or folder):
        console.print(f"{path}")
    table = (out or folder) / "table.md"
    table.write_text(comparison.page(report.results(folder)), encoding="utf-8")
    console.print(f"{table}")


def default_path(name: str) -> Path:
    """The set's folder below $CLEW_DATA; UsageError where that is not set."""
    if "CLEW_DATA" not in os.environ:
        raise UsageError(f"say where {name} lies: --path FILE_OR_FOLDER, or set CLEW_DATA to the folder of all sets")
    return Path(os.environ["CLEW_DATA"]) / dataset(name).FOLDER


def shown(outcome: Mapping[str, Any]) -> Table:
    """The main scores of a run for a terminal: means in per cent; the intervals are in the report."""
    return tabled(f"{outcome['dataset']}, {outcome['half']}: {outcome['questions']} questions", *report.main_table(outcome, short=True))


def tabled(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A table for a terminal, its first column to the left."""
    table = Table(title=title, box=box.SIMPLE_HEAD)
    for place, name in enumerate(header):
        table.add_column(name, justify="left" if place == 0 else "right", no_wrap=place == 0)
    for row in rows:
        table.add_row(*map(escape, row))
    return table

"""`clew arena`: run systems over a dataset with the controls beside them, and make the report."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from clew.arena import halves, report
from clew.arena.controls import controls
from clew.arena.datasets import dataset, names
from clew.arena.peers import NAMES, peer
from clew.arena.run import Plan
from clew.arena.run import run as run_plan
from clew.arena.systems import Door, System
from clew.errors import UsageError
from clew.models import Models
from clew.recipe import load

app = typer.Typer(help="Compare memory systems over public data.", no_args_is_help=True)
console = Console()
Recipes = Annotated[list[str], typer.Option("--recipe", help="A recipe by name; may be given several times.")]
Peers = Annotated[list[str] | None, typer.Option("--peer", help=f"Another system: {', '.join(NAMES)}.")]
Data = Annotated[Path | None, typer.Option("--path", help="A file of the set's schema, or its folder; else below $CLEW_DATA.")]
Part = Annotated[str, typer.Option("--half", help="tuning, reporting or all.")]
Most = Annotated[int | None, typer.Option("--limit", min=1, help="At most so many cases.")]
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
) -> None:
    """Run recipes and controls over a dataset; results are JSON in OUT/DATASET-HALF."""
    if half not in ("tuning", "reporting", "all"):
        raise UsageError(f"--half is tuning, reporting or all; got {half!r}")
    models = Models()
    systems: list[System] = [Door(load(name), models) for name in recipe]
    systems += controls(models) if with_controls else []
    systems += [peer(name, models.embedder) for name in peer_names or ()]
    place = out / (f"{dataset_name}-{half}" + (f"-{limit}" if limit else ""))
    outcome = run_plan(Plan(dataset_name, path or default_path(dataset_name), place, cast(halves.Half, half), limit), systems)
    console.print(shown(outcome))
    console.print(f"{place / 'results.json'}")


@app.command("report")
def make_report(
    folder: Annotated[Path, typer.Argument(help="The folder that runs wrote to.")] = Path("arena"),
    out: Annotated[Path | None, typer.Option("--out", help="Where report.html and report.md go; else the same folder.")] = None,
) -> None:
    """Write one HTML page and one Markdown table of every result below a folder."""
    for path in report.write(folder, out or folder):
        console.print(f"{path}")


def default_path(name: str) -> Path:
    """The set's folder below $CLEW_DATA; UsageError where that is not set."""
    if "CLEW_DATA" not in os.environ:
        raise UsageError(f"say where {name} lies: --path FILE_OR_FOLDER, or set CLEW_DATA to the folder of all sets")
    return Path(os.environ["CLEW_DATA"]) / dataset(name).FOLDER


def shown(outcome: Mapping[str, Any]) -> Table:
    """The main scores of a run for a terminal: means in per cent; the intervals are in the report."""
    header, rows = report.main_table(outcome, short=True)
    table = Table(title=f"{outcome['dataset']}, {outcome['half']}: {outcome['questions']} questions", box=box.SIMPLE_HEAD)
    for place, name in enumerate(header):
        table.add_column(name, justify="left" if place == 0 else "right", no_wrap=place == 0)
    for row in rows:
        table.add_row(*map(escape, row))
    return table

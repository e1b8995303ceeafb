"""Words that look after the memory: status, recipes, verify, rebuild, generations, promote, export, backup, worker."""

import json as codec
import signal
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Annotated, Any

import typer
from rich.table import Table

from clew import catalogue
from clew.cli.terminal import MEMORY, Db, Json, Model, Url, opened, opened_whole, out, progress, show_json, size
from clew.errors import LogCorrupt, NotFound, UsageError
from clew.exporters import FORMATS, exported
from clew.models import Budget
from clew.storage.view import Generation
from clew.types import Receipt

Recipe = Annotated[str, typer.Argument(help="The memory system.")]
LOOK = 2.0  # seconds between two looks of the worker at what it has done


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def status(db: Db = MEMORY, json: Json = False) -> None:
    """The log's head, views and how far they are behind, faults, spending, bytes."""
    with opened_whole(db) as c:
        found = c.status()
        users = len(c.users())
    if json:
        return show_json({**found, "users": users})
    out.print(
        f"{found['path']}: {found['head']:,} events, {users:,} users, {size(found['bytes'])}" + (", read-only" if found["readonly"] else "")
    )
    table = _table("recipe", "generation", "state", "behind", "partitions", "versions", "waits for")
    for view in found["views"]:
        state = f"{view['state']}, stale" if view["stale"] and view["state"] == "serving" else view["state"]
        table.add_row(
            view["recipe"],
            str(view["generation"]),
            state,
            f"{view['backlog']:,}",
            f"{view['partitions']:,}",
            f"{view['versions']:,}",
            "; ".join(view["waiting"]),
        )
    if found["views"]:
        out.print(table)
    out.print(
        f"model calls: {found['spent']['calls']:,}" + "".join(f", {k} {v:,}" for k, v in found["spent"].items() if k != "calls" and v)
    )
    for fault in found["faults"]:
        out.print("fault: " + ", ".join(f"{k} {v}" for k, v in fault.items()))


def recipes(
    where: Annotated[
        list[str] | None, typer.Option("--where", help=f"Only those with FIELD=WORD: {', '.join(catalogue.FIELDS)}; may be repeated.")
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="As the page of the documentation.")] = False,
    json: Json = False,
) -> None:
    """The memory systems there are: what each is, does, costs and differs in, read from their headers; none is imported."""
    found = catalogue.matching(catalogue.entries(), where or ())
    if json:
        return show_json(found)
    if markdown:
        return typer.echo(catalogue.page(found))
    for name, facts in found.items():
        out.print(name, style="bold", end="  ")
        out.print(facts["Title"].partition(": ")[2] or facts["Title"])
        for keys in (
            ("Paper", "Checklist"),
            ("Forms", "Functions", "Quadrant", "Group"),
            ("Formation", "Evolution", "Retrieval"),
            ("Calls",),
        ):
            told = [f"{key.lower()}: {facts[key]}" for key in keys if facts.get(key, "none") != "none"]
            if told:
                out.print("    " + "; ".join(told), style="dim")


def verify(
    db: Db = MEMORY,
    receipt: Annotated[Path | None, typer.Option(help="Also check that what this receipt of `clew forget` names is gone.")] = None,
    probe: Annotated[list[str] | None, typer.Option(help="Words to look for in every byte; may be repeated.")] = None,
    json: Json = False,
) -> None:
    """Walk the hash chain of the log; with a receipt or probes, look for what should be gone."""
    with opened(db) as c:
        head, sound = c.log.head(), c.log.verify()
        left = c.verify_forgotten(_receipt(receipt), probes=tuple(probe or ())) if receipt or probe else []
    if json:
        show_json({"events": head, "sound": sound, "left": left})
    else:
        out.print(f"{head:,} events, the chain holds")
        for line in left:
            out.print(f"left: {line}")
        if (receipt or probe) and not left:
            out.print("nothing is left of what was forgotten")
    if left:
        raise typer.Exit(LogCorrupt.exit_code)


def _receipt(path: Path | None) -> Receipt:
    if path is None:
        return Receipt((), {}, (), None, "erased", "", {})
    if not path.is_file():
        raise NotFound(f"there is no receipt at {path}")
    try:
        row = codec.loads(path.read_text(encoding="utf-8"))
        return Receipt(**{**row, **{name: tuple(row[name]) for name in ("seqs", "digests", "mentioned_elsewhere")}})
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} is not a receipt that `clew forget --receipt` wrote: {error}") from error


def rebuild(
    recipe: Recipe = "clew",
    db: Db = MEMORY,
    promote: Annotated[
        bool, typer.Option("--promote/--beside", help="Let it answer at once, or leave it beside the one that does.")
    ] = True,
    calls: Annotated[int | None, typer.Option("--ask", help="Allow so many model calls; without it a rebuild calls no model.")] = None,
    model: Model = None,
    url: Url = None,
    json: Json = False,
) -> None:
    """Make a memory system's views anew from the log."""
    with opened(db, [recipe], model=model, url=url) as c, progress(f"rebuild {recipe}", json) as move:
        made = c.rebuild(recipe, promote=promote, progress=move, ask=None if calls is None else Budget(calls_per_day=calls))
    if json:
        return show_json(made)
    out.print(f"{recipe}: generation {made.id} is {made.state}, {made.swept:,} events swept")


def generations(
    recipe: Annotated[str | None, typer.Argument(help="Only of this memory system.")] = None,
    db: Db = MEMORY,
    diff: Annotated[tuple[int, int] | None, typer.Option(help="The rows in which two generations of RECIPE differ.")] = None,
    drop: Annotated[int | None, typer.Option(help="Remove this generation of RECIPE, which does not serve.")] = None,
    json: Json = False,
) -> None:
    """The views there are, oldest first: building, serving or frozen."""
    if (diff or drop) and recipe is None:
        raise UsageError("--diff and --drop need a recipe: clew generations clew --diff 1 2")
    with opened(db, [recipe] if recipe else ()) as c:
        rows = list(c.diff(recipe, *diff)) if diff and recipe else []
        if drop is not None and recipe:
            c.drop(recipe, drop)
        found = c.generations(recipe)
    if diff:
        return show_json(rows) if json else _differences(rows)
    if json:
        return show_json(found)
    table = _table("generation", "recipe", "state", "swept", "made", "fingerprint")
    for g in found:
        table.add_row(str(g.id), g.recipe, g.state, f"{g.swept:,}", _made(g), g.fingerprint)
    out.print(table if found else "there are no views yet")


def _made(generation: Generation) -> str:
    return datetime.fromtimestamp(generation.made / 1e6, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _differences(rows: list[tuple[str, tuple[object, ...]]]) -> None:
    for sign, row in rows:
        out.print(sign, *map(str, row))
    out.print(f"{len(rows):,} rows differ")


def promote(
    recipe: Recipe,
    generation: Annotated[int, typer.Argument(help="Its number, as `clew generations` shows it.")],
    db: Db = MEMORY,
    json: Json = False,
) -> None:
    """Let that generation answer from now on; promote the former one to roll back."""
    with opened(db, [recipe]) as c:
        c.promote(recipe, generation)
        found = c.generations(recipe)
    if json:
        return show_json(found)
    out.print(f"{recipe}: generation {generation} serves")


def export(
    path: Annotated[Path, typer.Argument(help="The file to write; with md or parquet a new folder.", show_default=False)],
    db: Db = MEMORY,
    format: Annotated[str, typer.Option("--format", "-f", help=f"One of {', '.join(FORMATS)}; `clew load` takes jsonl.")] = "jsonl",
    recipe: Annotated[str | None, typer.Option("--recipe", "-r", help="Whose memories md and parquet hold.")] = None,
    json: Json = False,
) -> None:
    """Write every event, with the kept answers or the memories made of it; as private as the memory itself."""
    with opened(db, [recipe] if recipe else ()) as c, progress("export", json) as move:
        counts = exported(c, path, format, recipe=recipe, tell=move)
    if json:
        return show_json({"path": str(path), **counts})
    out.print(f"{', '.join(f'{count:,} {name}' for name, count in counts.items())} in {path}")


def backup(
    path: Annotated[Path, typer.Argument(help="The copy to make; it must not exist.", show_default=False)],
    db: Db = MEMORY,
    json: Json = False,
) -> None:
    """Copy the whole memory, also while others write to it."""
    with opened(db) as c:
        c.backup(path)
    if json:
        return show_json({"path": str(path), "bytes": path.stat().st_size})
    out.print(f"{path}: {size(path.stat().st_size)}")


def worker(
    db: Db = MEMORY,
    recipe: Annotated[list[str] | None, typer.Option("--recipe", "-r", help="A memory system; may be repeated.")] = None,
    once: Annotated[bool, typer.Option("--once", help="Catch up and end.")] = False,
    model: Model = None,
    url: Url = None,
    tokens: Annotated[int | None, typer.Option("--tokens-per-day", help="Spend at most so many tokens a day.")] = None,
    json: Json = False,
) -> None:
    """Keep the views caught up with the log, until interrupted."""
    options: dict[str, Any] = {"model": model, "url": url, "budget": Budget(tokens_per_day=tokens), "new": not once}
    with opened(db, recipe, **options) if recipe else opened_whole(db, **options) as c:
        if once:
            with progress("catch up", json) as move:
                stages = c.catch_up(progress=move)
            return show_json(stages) if json else out.print("\n".join(f"{name}: {state}" for name, state in stages.items()))
        ended, last = SimpleQueue[None](), None  # an Event's `set` in a signal's handler may wait for the very lock that it interrupted
        signal.signal(signal.SIGTERM, lambda *_: ended.put(None))
        while ended.empty():
            stages = {"head": c.log.head(), **c.catch_up(timeout=60)}
            if stages != last:
                show_json(stages) if json else out.print(", ".join(f"{name} {state}" for name, state in stages.items()))
                last = stages
            with suppress(Empty):
                return ended.get(timeout=LOOK)


def mount(app: Any) -> None:
    """Give these words to the command line."""
    for word in (status, recipes, verify, rebuild, generations, promote, export, backup, worker):
        app.command()(word)

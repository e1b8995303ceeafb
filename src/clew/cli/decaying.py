"""Words about what may be put away: decay, archive, unarchive, and the trial run behind `clew forget --simulate`."""

import json as codec
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from clew.arena import decay_curve
from clew.arena.decay_curve import LEVELS, Curve, Simulation
from clew.cli.terminal import MEMORY, Db, Json, Named, User, opened, out, plain, show_json, size, sure, writable
from clew.decay import Item, Report
from clew.engine import Clew
from clew.errors import UsageError
from clew.types import Receipt

SCALE = 50  # columns of the chart from 0 to 100 per cent
MARKS = {"weakest first": "W", "oldest first": "o", "random": "r"}
LONGEST = 70  # characters of a memory's words in a list
Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="Memories' ids, as recall and memories print them.", show_default=False)]


def decay(
    db: Db = MEMORY,
    user: User = None,
    recipe: Named = None,
    show: Annotated[int, typer.Option(help="How many of the weakest to list.")] = 20,
    below: Annotated[float | None, typer.Option(help="Put away what is weaker than this (0 to 1).")] = None,
    keep_share: Annotated[float | None, typer.Option(help="Put the weakest away until so much of the bytes is left (0 to 1).")] = None,
    keep_bytes: Annotated[int | None, typer.Option(help="Put the weakest away until so many bytes are left, for each user.")] = None,
    keep_count: Annotated[int | None, typer.Option(help="Put the weakest away until so many memories are left, for each user.")] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Do it; without it nothing is changed.")] = False,
    erase: Annotated[bool, typer.Option("--erase", help="Forget for good what is archived by now, as `clew forget` does.")] = False,
    receipt: Annotated[Path | None, typer.Option(help="With --erase: write the receipt to this file, for `clew verify --receipt`.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """The weakest memories and why; with a budget, what would be archived, and with --apply it is. Nothing archived is lost."""
    writable(receipt, db)
    given = {"below": below, "keep_share": keep_share, "keep_bytes": keep_bytes, "keep_count": keep_count}
    if apply and all(value is None for value in given.values()):
        raise UsageError("say how much to put away: --below 0.2, --keep-share 0.8, --keep-bytes 1000000 or --keep-count 5000")
    with opened(db, (recipe,) if recipe else ()) as c:
        found = c.decay(user=user, recipe=recipe, **given, show=show)
        if apply and found.items and sure(f"Archive {len(found.items):,} memories?", yes or json):
            found = c.decay(user=user, recipe=recipe, **given, show=show, dry_run=False)
        note, gone = erased(c, user, recipe, yes or json) if erase else ("", None)
    if receipt is not None and gone is not None:
        receipt.write_text(codec.dumps(plain(gone)), encoding="utf-8")
    if json:
        return show_json({"decay": found, "erased": gone, "note": note} if erase else found)
    told(found)
    if note:
        out.print(note)


def told(found: Report) -> None:
    """A report as people read it."""
    out.print(
        f"{found.memories:,} memories in sight, {size(found.bytes)} in the view of {found.recipe}; {found.spared:,} of them are never touched"
    )
    if found.items:
        done = "archived" if found.seqs else "would be archived"
        out.print(f"{len(found.items):,} {done}, {size(found.freed)}; `clew unarchive ID` brings one back")
    listed = found.items[: len(found.weakest)] or found.weakest
    out.print("  strength = surprise + use + confirmation + age     bytes   id                    words", style="dim")
    for item in listed:
        out.print(line(item))


def line(item: Item) -> str:
    """One memory with the parts of its strength."""
    shares = "   ".join(f"{item.why[name]:7.3f}" for name in ("surprise", "use", "confirmation", "age"))
    words = " ".join(item.text.split())
    return f"  {item.strength:8.3f} {shares} {item.size:10,}   {item.id}  {words[:LONGEST]}{'…' if len(words) > LONGEST else ''}"


def erased(c: Clew, user: str | None, recipe: str | None, yes: bool) -> tuple[str, Receipt | None]:
    """(what became of erasing what is archived, in words; its receipt, a dry run's where it was not done); asks first unless `yes`."""
    seqs, waiting = c.faded(user=user, recipe=recipe)
    note = f"; {waiting:,} archived memories wait, because something in sight rests on their events" if waiting else ""
    if not seqs:
        return f"nothing that is archived can be erased{note}", None
    plan = c.forget(events=seqs, dry_run=True)
    if not sure(f"Forget {len(plan.seqs):,} events for good?", yes):
        return f"{len(plan.seqs):,} events would be forgotten{note}", plan
    receipt = c.forget(events=seqs, reason="decay")
    return f"{receipt.state}: {len(receipt.seqs):,} events{f' ({receipt.why})' if receipt.why else ''}{note}", receipt


def archive(ids: Ids, db: Db = MEMORY, json: Json = False) -> None:
    """Put memories away: recall leaves them out until they are brought back."""
    with opened(db) as c:
        done = c.archive(ids)
    show_json(done) if json else out.print(f"{len(ids):,} archived (event {done.seq})")


def unarchive(ids: Ids, db: Db = MEMORY, json: Json = False) -> None:
    """Bring memories back that were put away."""
    with opened(db) as c:
        done = c.archive(ids, undo=True)
    show_json(done) if json else out.print(f"{len(ids):,} in sight again (event {done.seq})")


# -- clew forget --simulate -----------------------------------------------------------------------------------------


def simulated(db: Path | str, user: str | None, recipe: str | None = None, plot: Path | None = None, json: bool = False) -> None:
    """Print what archiving would have cost the user's later questions, and draw it to `plot` (SVG); nothing is changed."""
    with opened(db, (recipe,) if recipe else ()) as c:
        found = decay_curve.tried(c.aging(recipe), user)
    if plot is not None:
        plot.write_text(
            decay_curve.picture(found.curves, f"What {user or 'everyone'} would still find ({found.questions} questions)"), encoding="utf-8"
        )
    if json:
        return show_json(found)
    out.print("\n".join([*about(found), "", *table(found), "", *chart(found.curves)]))
    if plot is not None:
        out.print(f"\ndrawn in {plot}")


def about(found: Simulation) -> list[str]:
    """What was measured on, in words."""
    first = f"Decay tried as of event {found.seq:,} ({found.at:%Y-%m-%d %H:%M} UTC): {found.memories:,} memories, {size(found.bytes)}"
    if found.questions == "logged":
        kind = f"Measured on {found.measured:,} later questions of the log ({found.logged:,} different ones in all; {found.again:,} had been asked before)."
    else:
        kind = (
            f"The log holds {found.logged:,} different questions of this user, too few to measure on; open the memory with audit=True to keep them."
            f" STAND-IN: {found.measured:,} later turns of the user, asked as if they had been questions."
        )
    return [
        first + f"; {found.spared:,} never touched.",
        kind,
        "Kept: the share of what they got (first hits weigh more) that stays in sight, 95 % interval.",
    ]


def table(found: Simulation) -> list[str]:
    """A row a level: bytes saved, kept by each order, and the recall lost for each per cent of the bytes saved, weakest first."""
    names = list(found.curves)
    lines = ["  saved" + "".join(f"{name:>24}" for name in names) + "   lost per 1 % of bytes"]
    for place, level in enumerate(LEVELS):
        cells = "".join(f"{_estimate(found.curves[name], place):>24}" for name in names)
        mine = found.curves["weakest first"]
        lost = 100 * (1 - mine.kept[place].mean) / max(100 * mine.saved[place] / max(found.bytes, 1), 1e-9)
        lines.append(f"{level:>6.0%} {cells} {lost:>16.2f} points")
    return lines


def _estimate(curve: Curve, place: int) -> str:
    e = curve.kept[place]
    return f"{100 * e.mean:.1f} ({100 * e.low:.1f}-{100 * e.high:.1f})"


def chart(curves: dict[str, Curve] | Any) -> list[str]:
    """The curves for a terminal: a line a level, each order's mark where its share kept stands."""
    marks = {name: MARKS.get(name, name[0]) for name in curves}
    lines = [f"  saved 0 %{'kept':^{SCALE - 8}}100 %   " + ", ".join(f"{mark} {name}" for name, mark in marks.items())]
    for place, level in enumerate(LEVELS):
        row = ["·"] * (SCALE + 1)
        for name in reversed(list(curves)):
            row[round(SCALE * curves[name].kept[place].mean)] = marks[name]
        lines.append(f"{level:>6.0%} {''.join(row)}")
    return lines


def mount(app: Any) -> None:
    """Give these words to the command line."""
    words: Sequence[Any] = (decay, archive, unarchive)
    for word in words:
        app.command()(word)

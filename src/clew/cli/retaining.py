"""Words about what must go and what must stay: forget, hold, release, pin, unpin, retain."""

import json as codec
from pathlib import Path
from typing import Annotated, Any

import typer

from clew.cli import decaying
from clew.cli.terminal import (
    MEMORY,
    Agent,
    Db,
    Json,
    Named,
    Session,
    User,
    clock,
    opened,
    opened_whole,
    out,
    plain,
    progress,
    show_json,
    sure,
    writable,
)
from clew.errors import UsageError
from clew.retention import Hold, Rule, described
from clew.types import Receipt

Actor = Annotated[str | None, typer.Option(help="All that this person said.")]
Events = Annotated[list[int] | None, typer.Option("--event", help="This event; may be repeated.")]
Matching = Annotated[str | None, typer.Option(help="Events with these words.")]
Before = Annotated[str | None, typer.Option(help="Events that happened before that instant (ISO 8601 with an offset).")]
Kind = Annotated[str | None, typer.Option(help="Events of this kind: message, observation, action, document, query, ...")]
Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Memories' ids, as recall prints them.", show_default=False)]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def forget(
    db: Db = MEMORY,
    user: User = None,
    agent: Agent = None,
    session: Session = None,
    actor: Actor = None,
    kind: Kind = None,
    event: Events = None,
    memory: Annotated[list[str] | None, typer.Option(help="What this memory came from; may be repeated.")] = None,
    matching: Matching = None,
    before: Before = None,
    except_held: Annotated[bool, typer.Option("--except-held", help="Leave out what legal holds cover, and forget the rest.")] = False,
    reason: Annotated[str | None, typer.Option(help="Kept with the receipt in the log.")] = None,
    receipt: Annotated[Path | None, typer.Option(help="Write the receipt to this file, for `clew verify --receipt`.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; say what would go, and what is in the way.")] = False,
    simulate: Annotated[
        bool, typer.Option("--simulate", help="Change nothing; say what decay would cost the user's own questions.")
    ] = False,
    recipe: Named = None,
    plot: Annotated[Path | None, typer.Option(help="With --simulate: draw it to this file (SVG).")] = None,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Blank events and all that came of them, clean the file, rebuild what survives. Options narrow each other."""
    writable(plot if simulate else receipt, db)
    if simulate:
        return decaying.simulated(db, user, recipe, plot, json)
    wanted = {"user": user, "agent": agent, "session": session, "actor": actor, "kind": kind, "events": event}
    wanted |= {"memories": memory, "matching": matching, "before": before, "except_held": except_held or None}
    wanted = {name: value for name, value in wanted.items() if value is not None}
    with opened_whole(db) as c:
        found = c.forget(**wanted, dry_run=True)
        in_the_way = found.held and not except_held  # then the forget itself says so, and fails
        if not dry_run and found.seqs and (in_the_way or sure(f"{_told(found)}\nForget {len(found.seqs):,} events for good?", yes or json)):
            found = c.forget(**wanted, reason=reason)
    if receipt is not None:
        receipt.write_text(codec.dumps(plain(found)), encoding="utf-8")
    if json:
        return show_json(found)
    out.print(_told(found, asked=dry_run))


def _told(found: Receipt, asked: bool = True) -> str:
    """A receipt as people read it; `asked`: whether a dry run that found nothing is what somebody wanted."""
    lines = [f"{found.state}: {len(found.seqs):,} events" + (f" ({found.why})" if found.why else "")]
    if not (found.seqs or found.held or asked):
        lines = ["nothing was forgotten: no event that is left fits"]
    if found.counts.get("conclusion"):
        lines.append(f"{found.counts['conclusion']:,} of them were concluded from the others, or said of them")
    lines += [
        f"{count:,} memories of {name.removeprefix('memory of ')} rest on them"
        for name, count in found.counts.items()
        if name.startswith("memory of ")
    ]
    if found.held:
        lines.append(f"{len(found.held):,} are under a legal hold: {_places(found.held)}")
    if found.scanned:
        lines.append(f"looked for {found.scanned.get('forms', 0):,} forms of the words in the file's bytes: {found.scanned['found']} found")
    if found.mentioned_elsewhere:
        lines.append(f"{len(found.mentioned_elsewhere)} other events name the person or the words: {_places(found.mentioned_elsewhere)}")
    return "\n".join(lines)


def _places(seqs: tuple[int, ...]) -> str:
    return ", ".join(map(str, seqs[:20])) + (f" and {len(seqs) - 20:,} more" if len(seqs) > 20 else "")


def hold(
    db: Db = MEMORY,
    user: User = None,
    agent: Agent = None,
    session: Session = None,
    actor: Actor = None,
    event: Events = None,
    matching: Matching = None,
    before: Before = None,
    reason: Annotated[str | None, typer.Option(help="Why; a refused forget says it.")] = None,
    json: Json = False,
) -> None:
    """Keep events from every forget until `clew release`; without options, list the holds in force."""
    covers = {"user": user, "agent": agent, "session": session, "actor": actor, "matching": matching, "before": before}
    with opened(db) as c:
        if reason is None and not event and not any(covers.values()):
            found = c.holds()
            return show_json(found) if json else _listed(found, "no hold is in force")
        done = c.hold(**covers, events=event or (), reason=reason or "")
    show_json(done) if json else out.print(f"hold {done.seq} is in force; `clew release {done.seq}` ends it")


def release(
    seq: Annotated[int, typer.Argument(help="The hold's number, as `clew hold` lists it.", show_default=False)],
    db: Db = MEMORY,
    reason: Annotated[str | None, typer.Option(help="Why; kept in the log.")] = None,
    json: Json = False,
) -> None:
    """End a legal hold."""
    with opened(db) as c:
        done = c.release(seq, reason=reason)
    show_json(done) if json else out.print(f"hold {seq} is released (event {done.seq})")


def pin(ids: Ids = None, event: Events = None, db: Db = MEMORY, json: Json = False) -> None:
    """Leave memories out of retention rules and decay; without any, list the pinned events. An explicit forget takes them all the same."""
    with opened(db) as c:
        if not ids and not event:
            found = sorted(c.pinned())
            return show_json(found) if json else out.print(_places(tuple(found)) if found else "nothing is pinned")
        done = c.pin(*(ids or ()), events=event or ())
    show_json(done) if json else out.print(f"pinned (event {done.seq})")


def unpin(ids: Ids = None, event: Events = None, db: Db = MEMORY, json: Json = False) -> None:
    """Take pins away."""
    with opened(db) as c:
        done = c.unpin(*(ids or ()), events=event or ())
    show_json(done) if json else out.print(f"no longer pinned (event {done.seq})")


def retain(
    name: Annotated[str | None, typer.Argument(help="The rule's name; without one, the rules are listed.", show_default=False)] = None,
    db: Db = MEMORY,
    older_than: Annotated[int | None, typer.Option(help="Days since an event was recorded, after which it is forgotten.")] = None,
    kind: Kind = None,
    user: User = None,
    agent: Agent = None,
    session: Session = None,
    actor: Actor = None,
    matching: Matching = None,
    at_most: Annotated[int | None, typer.Option(help="A run that would take more events takes none.")] = None,
    reason: Annotated[str | None, typer.Option(help="Kept in the log.")] = None,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take the rule NAME out of force.")] = False,
    now: Annotated[bool, typer.Option("--now", help="Apply the rules now; the worker does it once a day.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; say what would be taken.")] = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """A rule by which events are forgotten, once a day, by age, kind, scope and words. Held and pinned events are left."""
    meant = {"older_than": older_than, "kind": kind, "user": user, "agent": agent, "session": session, "actor": actor, "matching": matching}
    if name is None:
        if any(value is not None for value in meant.values()) or withdraw:
            raise UsageError("a rule needs a name: clew retain old-questions --kind query --older-than 30")
        return _applied(db, dry_run or not now, yes, json) if now or dry_run else _rules(db, json)
    with opened_whole(db) as c:
        if withdraw:
            done = c.withdraw(name)
            return show_json(done) if json else out.print(f"rule {name!r} is withdrawn (event {done.seq})")
        found = c.retain(name, **meant, at_most=at_most, reason=reason, dry_run=True)
        if not dry_run and sure(f"{found.why}\nPut rule {name!r} in force?", yes or json):
            found = c.retain(name, **meant, at_most=at_most, reason=reason)
            if not json:
                out.print(f"rule {name!r} is in force; the worker applies it once a day, `clew retain --now` at once")
    show_json(found) if json else out.print(f"today it would forget {len(found.seqs):,} events" + _kept(found))


def _kept(found: Receipt) -> str:
    return f"; {len(found.held):,} are under a legal hold and stay" if found.held else ""


def _rules(db: Path | str, json: bool) -> None:
    with opened(db) as c:
        found = c.rules()
    show_json(found) if json else _listed(found, "no rule is in force")


def _applied(db: Path | str, dry_run: bool, yes: bool, json: bool) -> None:
    """Apply the rules, or say what they would take."""
    with opened_whole(db) as c:
        found = c.retention(dry_run=True)
        count = len({seq for receipt in found if receipt.state == "dry run" for seq in receipt.seqs})  # two rules may mean the same
        if not dry_run and count and sure(f"Forget {count:,} events for good?", yes or json):
            with progress("applying the rules", json) as move:
                found = c.retention(progress=move)
    if json:
        return show_json(found)
    for receipt in found:
        out.print(f"{receipt.state}: {len(receipt.seqs):,} events" + (f" ({receipt.why})" if receipt.why else "") + _kept(receipt))
    if not found:
        out.print("no rule has anything to take")


def _listed(found: list[Hold] | list[Rule], nothing: str) -> None:
    for one in found:
        out.print(f"{one.seq:>8}  {clock(one.made)}  {described(one)}")
    if not found:
        out.print(nothing)


def mount(app: Any) -> None:
    """Give these words to the command line."""
    for word in (forget, hold, release, pin, unpin, retain):
        app.command()(word)

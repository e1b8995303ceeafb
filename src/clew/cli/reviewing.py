"""Words that keep memory true: review, approve, reject, confirm, rederive, retract."""

from typing import Annotated, Any

import typer

from clew.cli.terminal import MEMORY, Db, Json, User, listed, opened_whole, out, said, show_json
from clew.types import Recorded

Id = Annotated[str, typer.Argument(metavar="ID", help="A memory's id, as recall, memories and review print it.", show_default=False)]
Actor = Annotated[str | None, typer.Option(help="Who decides this; kept with the event.")]


def review(db: Db = MEMORY, user: User = None, json: Json = False) -> None:
    """What waits in quarantine: words kept from memory, and memories without support. Then `clew approve ID` or `clew reject ID`."""
    with opened_whole(db) as c:
        found = c.review(user=user)
    if json:
        return show_json(found)
    for memory in found:
        listed(memory)
        said(f"    kept back: {memory.data.get('reason', 'no reason was given')}", "")
    out.print(f"{len(found)} in quarantine." if found else "Nothing waits for review.")


def approve(id: Id, db: Db = MEMORY, actor: Actor = None, json: Json = False) -> None:
    """Let something out of quarantine into memory; for words kept from an event, the whole event, in every recipe."""
    with opened_whole(db) as c:
        _told(c.approve(id, actor=actor), f"{id} is in memory now.", json)


def reject(id: Id, db: Db = MEMORY, actor: Actor = None, json: Json = False) -> None:
    """Take something out of the queue for good; the words stay in the log alone."""
    with opened_whole(db) as c:
        _told(c.reject(id, actor=actor), f"{id} stays out of memory.", json)


def confirm(id: Id, db: Db = MEMORY, actor: Actor = None, json: Json = False) -> None:
    """Say that a suspect memory holds all the same."""
    with opened_whole(db) as c:
        _told(c.confirm(id, actor=actor), f"{id} holds.", json)


def rederive(id: Id, db: Db = MEMORY, actor: Actor = None, json: Json = False) -> None:
    """Derive a suspect memory anew from its premises as they are now, where its recipe can."""
    with opened_whole(db) as c:
        done = c.rederive(id, actor=actor)
        _told(done, f"{id} now reads: {c.get(id).text}", json)


def retract(
    events: Annotated[list[int], typer.Argument(metavar="EVENT...", help="Places of events in the log.", show_default=False)],
    db: Db = MEMORY,
    reason: Annotated[str | None, typer.Option(help="Why; kept with the event.")] = None,
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Withdraw sources: what came from these events alone is retracted, what rests on them is suspect; nothing is erased."""
    with opened_whole(db) as c:
        _told(c.retract(events, reason=reason, actor=actor), f"{len(events)} events are retracted.", json)


def _told(done: Recorded, words: str, json: bool) -> None:
    show_json(done) if json else out.print(words)


def mount(app: Any) -> None:
    """Give these words to the command line."""
    for word in (review, approve, reject, confirm, rederive, retract):
        app.command()(word)

"""Words that read: recall, ask, prompt, thread, history, memories."""

import shlex
from itertools import islice
from typing import Annotated, Any

import typer

from clew.cli.terminal import (
    MEMORY,
    Agent,
    Asked,
    AsOf,
    Db,
    Json,
    K,
    Model,
    Named,
    Session,
    Url,
    User,
    Valid,
    clock,
    listed,
    opened,
    out,
    place,
    said,
    show_json,
)
from clew.engine import Clew
from clew.recall import changed
from clew.types import Event, Quote

Question = Annotated[str, typer.Argument(help="The question, in plain words.", show_default=False)]
Id = Annotated[str, typer.Argument(metavar="ID", help="A memory's id, as recall and memories print it.", show_default=False)]


def _recipes(recipe: str | None) -> tuple[str, ...]:
    return (recipe,) if recipe else ()


def _waits(c: Clew, recipe: str | None) -> str:
    """What the view waits for, such as a model, as a line below a result that is empty for that; "" where it waits for nothing."""
    views = (v for v in c.status()["views"] if v["recipe"] == (recipe or "clew") and v["state"] == "serving")
    why = next((reason for view in views for reason in view["waiting"]), "")
    return f"\n{why}; on the command line --model, and --model extractive needs no key" if why else ""


def recall(
    text: Question,
    db: Db = MEMORY,
    user: User = None,
    agent: Agent = None,
    session: Session = None,
    k: K = 10,
    at: Asked = None,
    valid_at: Valid = None,
    as_of: AsOf = None,
    recipe: Named = None,
    kind: Annotated[list[str] | None, typer.Option(help="Only memories of this kind (turn, fact, note, ...); may be repeated.")] = None,
    max_tokens: Annotated[int | None, typer.Option(help="Stop before the words exceed about so many tokens.")] = None,
    archived: Annotated[bool, typer.Option("--archived", help="Archived memories too.")] = False,
    model: Model = None,
    url: Url = None,
    json: Json = False,
) -> None:
    """What memory holds on a question: rank, score, time, speaker, words; best first."""
    with opened(db, _recipes(recipe), model=model, url=url) as c:
        hits = c.recall(
            text,
            user=user,
            agent=agent,
            session=session,
            k=k,
            at=at,
            valid_at=valid_at,
            as_of=place(as_of),
            kinds=tuple(kind or ()),
            max_tokens=max_tokens,
            archived=archived,
        )
        waits = "" if hits or json else _waits(c, recipe)
    if json:
        return show_json(
            [{"rank": n, "score": h.score, "why": h.why, "changes": h.changes, "memory": h.memory} for n, h in enumerate(hits, 1)]
        )
    for rank, hit in enumerate(hits, 1):
        listed(hit.memory, f"{rank:>2}. {hit.score:.3f}  ")
        for change in hit.changes:
            out.print(f"    {changed(change)}", style="dim")
    if not hits:
        out.print(f"Nothing was found.{waits}")


def ask(
    text: Question,
    db: Db = MEMORY,
    user: User = None,
    agent: Agent = None,
    session: Session = None,
    k: K = 10,
    at: Asked = None,
    valid_at: Valid = None,
    as_of: AsOf = None,
    recipe: Named = None,
    model: Model = None,
    url: Url = None,
    json: Json = False,
) -> None:
    """An answer with the quotes it rests on, or nothing where memory does not support one."""
    with opened(db, _recipes(recipe), model=model, url=url) as c:
        answer = c.ask(text, user=user, agent=agent, session=session, k=k, at=at, valid_at=valid_at, as_of=place(as_of))
        waits = _waits(c, recipe) if answer.text is None and not json else ""
    if json:
        return show_json(answer)
    if answer.text is None:
        return out.print(f"Nothing in memory supports an answer.{waits}")
    out.print(answer.text)
    for quote in answer.quotes:
        if quote.text != answer.text:
            said(f"  {_speaker(quote.event)}", quote.text)
        else:
            out.print(f"  ({_speaker(quote.event)})")


def prompt(
    text: Question,
    db: Db = MEMORY,
    user: User = None,
    agent: Agent = None,
    session: Session = None,
    k: K = 20,
    recipe: Named = None,
    as_of: AsOf = None,
    max_tokens: Annotated[int, typer.Option(help="About how many tokens the block may have.")] = 1500,
    json: Json = False,
) -> None:
    """A block for a prompt: quotes with speaker and time, fenced as data."""
    with opened(db, _recipes(recipe)) as c:
        block = c.prompt(text, user=user, agent=agent, session=session, k=k, max_tokens=max_tokens, as_of=place(as_of))
    if json:
        return show_json({"prompt": block})
    out.print(block)


def thread(
    id: Id,
    db: Db = MEMORY,
    around: Annotated[int, typer.Option(help="Events of the same scope shown before and after.")] = 2,
    json: Json = False,
) -> None:
    """The exact words that a memory came from: who said them, when, and what was said around them."""
    with opened(db) as c:
        quotes = c.thread(id)
        near = {q.event.seq: _around(c, q, around) for q in quotes}
    if json:
        return show_json([{"quote": q, "around": near[q.event.seq]} for q in quotes])
    for quote in quotes:
        for event in near[quote.event.seq]:
            mine = event.seq == quote.event.seq
            said(f"{'>' if mine else ' '} {_speaker(event)}", quote.text if mine else event.text, style=None if mine else "dim")
    if not quotes:
        out.print("The words it came from were forgotten.")


def _around(c: Clew, quote: Quote, count: int) -> list[Event]:
    """The quoted event among its neighbours of the same scope, oldest first."""
    seq, scope, reach = quote.event.seq, quote.event.scope, count * 20  # other scopes' events may lie between
    before = [e for e in c.log.read(max(0, seq - 1 - reach), scope, until=seq - 1) if e.text]
    after = [e for e in islice(c.log.read(seq, scope, until=seq + reach), count) if e.text]
    return [*before[len(before) - count :], quote.event, *after] if len(before) > count else [*before, quote.event, *after]


def _speaker(event: Event) -> str:
    session = f"  {event.scope.session}" if event.scope.session else ""
    return f"{clock(event.at)}  {event.actor or event.kind}{session}  (event {event.seq})"


def history(id: Id, db: Db = MEMORY, json: Json = False) -> None:
    """Every version of a memory, oldest first, with the event that made it and why it ended."""
    with opened(db) as c:
        versions = c.history(id)
    if json:
        return show_json([{"memory": m, "event": e, "ended": reason} for m, e, reason in versions])
    for number, (memory, event, reason) in enumerate(versions, 1):
        said(f"{number}. {_speaker(event)}{f'  ended: {reason}' if reason else ''}", memory.text)


def memories(
    db: Db = MEMORY,
    user: User = None,
    recipe: Named = None,
    kind: Annotated[str | None, typer.Option(help="Only this kind.")] = None,
    after: Annotated[str | None, typer.Option(help="Go on after this id.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 100,
    json: Json = False,
) -> None:
    """The memories of a user as they are now, oldest first."""
    with opened(db, _recipes(recipe)) as c:
        found = c.memories(user=user, kind=kind, after=after, limit=limit)
        waits = "" if found or json else _waits(c, recipe)
    if json:
        return show_json(found)
    for memory in found:
        listed(memory)
    if len(found) == limit:
        same = "".join(f" --{name} {shlex.quote(value)}" for name, value in (("user", user), ("recipe", recipe), ("kind", kind)) if value)
        out.print(f"... more: clew memories{same} --after {found[-1].id}")
    if not found:
        out.print(
            f"There are no {'more ' if after else ''}memories{f' of {user}' if user else ' common to all; --user NAME has those of one'}.{waits}"
        )


def mount(app: Any) -> None:
    """Give these words to the command line."""
    for word in (recall, ask, prompt, thread, history, memories):
        app.command()(word)

"""Small recipes that strain the engine where real ones might: each is legal, and none of them is kind."""

from collections.abc import Sequence

from clew import Event, Hit, Memory, Query, Recipe
from clew.context import Context
from clew.models import forms
from clew.operators import encode, retrieve

WINDOW = 3  # neighbours shown or rewritten


def _rewrite(memories: Sequence[Memory], ctx: Context) -> list[Memory]:
    """Every event gives a new word to older memories; every fourth supersedes the oldest, every seventh withdraws one."""
    older = ctx.view.recent(WINDOW, "turn")
    changed = [m.revised(data={"seen": m.data.get("seen", 0) + 1}, text=f"{m.text} +{ctx.ordinal % 10}"[:120]) for m in older]
    everything = ctx.view.all("turn")
    if everything and ctx.ordinal % 4 == 0:
        oldest = everything[0]
        changed = [m for m in changed if m.id != oldest.id] + [oldest.retire(ctx.at, "superseded")]
    if len(everything) > 1 and ctx.ordinal % 7 == 0:
        second = everything[1]
        changed = [m for m in changed if m.id != second.id] + [second.retire(ctx.at, "corrected")]
    return [*changed, *memories]


def _drop(ctx: Context) -> list[Memory]:
    """Archives what chance picks: seeded, so a replay picks the same."""
    found = ctx.view.all("turn")
    return [ctx.random.choice(found).revised(status="archived")] if found else []


def _noted(events: Sequence[Event], ctx: Context) -> list[Memory]:
    """One note from a model for each event, with its likest neighbours shown; the raw turn where the model fails."""
    event = events[0]
    if not event.text.strip():
        return []
    near = [hit.memory for hit in ctx.view.matching(event.text, WINDOW)]
    likes = [hit.memory for hit in ctx.view.nearest(ctx.embed([event.text])[0], WINDOW)]
    raw = ctx.memory(event.text, kind="turn", actor=event.actor)
    note = ctx.ask("note", forms.text(200), otherwise=None, event=event, near=near)
    if note is None:
        return [raw]
    ids = [m.id for m in likes]
    chosen = ctx.ask("choose", forms.choices(ids, 2), otherwise=[], event=event, near=likes) if ids else []
    changed = [m.revised(text=f"{m.text} | {note}"[:200]) for m in likes if m.id in chosen]
    return [raw, ctx.memory(note or "nothing", kind="note", basis=[m for m in likes if m.id in chosen]), *changed]


def _mapped(events: Sequence[Event], ctx: Context) -> list[Memory]:
    """Each word of an event goes to a model of its own, in threads; memories are made in the threads too."""
    words = events[0].text.split()[:5]

    def one(word: str) -> Memory:
        said = ctx.ask("word", forms.text(80), otherwise="", word=word, event=events[0])
        return ctx.memory(f"{word}: {said}", kind="fact", word=word, luck=ctx.random.randrange(1000))

    return ctx.map(one, words)


def _linked(events: Sequence[Event], ctx: Context) -> list[Memory]:
    """Words are nodes; a memory names what it reaches within two hops, and has a valid time that ends."""
    made = []
    for event in events:
        nodes = sorted({w.casefold() for w in event.text.split()})[:4]
        reached = ctx.view.linked(nodes, hops=2)[:4]
        if nodes:
            made.append(
                ctx.memory(event.text, kind="triplet", links=[*nodes, *(m.id for m in reached[:1])], basis=reached, reach=len(reached))
            )
    return made


def _related(query: Query, ctx: Context) -> list[Hit]:
    """BM25, and what is linked to its first hit, a little below the last."""
    hits = retrieve.bm25(query, ctx)[: max(1, query.k // 2)]
    known = {h.memory.id for h in hits}
    more = [m for m in ctx.view.linked([hits[0].memory.id], 1) if m.id not in known][: query.k - len(hits)] if hits else []
    floor = hits[-1].score if hits else 0.0
    return hits + [Hit(m, round(floor / (2 + i), 6), {"link": 1.0}) for i, m in enumerate(more)]


def _used(events: Sequence[Event], ctx: Context) -> list[Memory]:
    """Content becomes turns; a question raises the use count of what it matches."""
    event = events[0]
    if event.kind != "query":
        return encode.turns(events, ctx)
    return [h.memory.revised(data={"used": h.memory.data.get("used", 0) + 1}) for h in ctx.view.matching(event.text, 2)]


def _by_use(query: Query, ctx: Context) -> list[Hit]:
    hits = ctx.view.matching(query.text, query.k)
    scored = [Hit(h.memory, round(h.score * (1 + h.memory.data.get("used", 0)), 6), h.why) for h in hits]
    return sorted(scored, key=lambda h: (-h.score, h.memory.id))


def _clumsy(events: Sequence[Event], ctx: Context) -> list[Memory]:
    """Raises on some events: before anything is written, after something was returned, and on what it finds."""
    if ctx.ordinal % 5 == 3:
        raise ValueError("this operator dislikes every fifth event")
    return encode.turns(events, ctx)


def _clumsy_store(memories: Sequence[Memory], ctx: Context) -> list[Memory]:
    older = ctx.view.recent(1)
    changed = [older[0].revised(text=older[0].text + " again"[: ctx.ordinal % 7])] if older else []
    if ctx.ordinal % 5 == 4 and older:
        unknown = Memory(id="00" * 10, text="never was", opened=1).retire(ctx.at, "corrected")
        return [*changed, *memories, unknown]  # the draft refuses it after the others were written: all must be undone
    return [*changed, *memories]


def _crowd(events: Sequence[Event], ctx: Context) -> list[Memory]:
    """Counts what all users say, and keeps each turn in its speaker's scope."""
    made = encode.turns(events, ctx)
    return [m.revised(data={"of": len(ctx.view.all("turn"))}) for m in made]


ASKING = {"note": "Write a note about:\n$event\nNear:\n$near", "choose": "Which belong with\n$event\nof\n$near"}

rewriting = Recipe("rewriting", encode.turns, retrieve.hybrid, store=_rewrite, manage=_drop)
asking = Recipe("asking", _noted, retrieve.hybrid, needs=frozenset({"ask"}), prompts=ASKING)
mapping = Recipe("mapping", _mapped, retrieve.bm25, needs=frozenset({"ask"}), prompts={"word": "Say something about $word in $event"})
linking = Recipe("linking", _linked, _related, embeds=frozenset())
crowd = Recipe("crowd", _crowd, retrieve.hybrid, shares="all")
sessions = Recipe("sessions", encode.turns, retrieve.hybrid, shares="session", store=_rewrite)
agents = Recipe("agents", encode.turns, retrieve.bm25, shares="agent")
using = Recipe("using", _used, _by_use, on=frozenset({"message", "observation", "action", "document", "query"}))
clumsy = Recipe("clumsy", _clumsy, retrieve.hybrid, store=_clumsy_store)

ALL = {r.name: r for r in (rewriting, asking, mapping, linking, crowd, sessions, agents, using, clumsy)}

"""Short-term memory: the turns of a conversation that goes on, when it ends, and what is drawn from it then.

A fold meets events one at a time, and no event says "the session is over". So where a session ends is read off the view
and the event at hand, which a replay has too: a session is over when an event of another one comes, after hours without a
word, on a tick or an outcome, and when it has grown too long to be read at once. How far a memory reaches is its `place`
in the log (`Recipe.traits = place`): a turn's own, and of a record or a summary that of the last turn it covers.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from clew.context import Context
from clew.operators import budget, encode
from clew.operators.retrieve import shares
from clew.types import Event, Hit, Memory, Source

VERSION = 1
TURN, SUMMARY, RECORD = "turn", "summary", "session"  # kinds of memory
ENDS = frozenset({"tick", "outcome"})  # event kinds that end every session of their partition


def place(memory: Memory) -> int:
    """How far in the log a memory reaches; 0 where that means nothing."""
    return memory.data.get("place", 0)


def listened(event: Event, ctx: Context, window: int) -> list[Memory]:
    """What an event says as turns of at most `window` characters, with the speaker's date; what ends sessions says nothing."""
    if event.kind in ENDS:
        return []
    spans, day = [Source(event.seq, a, b) for a, b in encode.windows(event.text, window)], event.at.date().isoformat()
    return [ctx.memory(event.text[s.start : s.end], kind=TURN, sources=[s], actor=event.actor, place=ctx.seq, date=day) for s in spans]


def heard(ctx: Context, question: str = "") -> list[Hit]:
    """The turns since the last record and the summaries among them, oldest first, each by its share of the question's words."""
    found, over = ctx.view.columns((TURN, SUMMARY)), ctx.view.columns((RECORD,)).traits.max(initial=0)
    return [h for h in shares(question, (TURN, SUMMARY), ctx, found.slot[found.traits > over]) if h.memory.retired is None]


def running(hits: Sequence[Hit]) -> list[Hit]:
    """Of what was heard, the conversation as it is shown: the newest summary and the turns after it."""
    covered = max((place(h.memory) for h in hits if h.memory.kind == SUMMARY), default=0)
    return [h for h in hits if place(h.memory) > covered - (h.memory.kind == SUMMARY)]


def size(memories: Sequence[Memory]) -> int:
    """About how many tokens the turns among these have."""
    return sum(budget.tokens(m.text) for m in memories if m.kind == TURN)


def ended(memories: Sequence[Memory], ctx: Context, hours: float, longest: int) -> list[Memory]:
    """Those of the turns among what was heard whose session is over with this event; all are of one session, but for the event's own.

    `hours` without a word and `longest` tokens are the bounds; a session of another agent is another session.
    """
    turns = [m for m in memories if m.kind == TURN]
    if (ctx.event is not None and ctx.event.kind in ENDS) or size(turns) > longest:
        return turns
    before = [m for m in turns if place(m) < ctx.seq]
    if not before:
        return []
    last = before[-1]
    silence = abs((ctx.at - last.since).total_seconds()) / 3600 if last.since else 0.0
    other = (last.scope.agent, last.scope.session) != (ctx.scope.agent, ctx.scope.session)
    return before if other or silence > hours else []


def drawn(text: str, kind: str, basis: Sequence[Memory], ctx: Context, session: str | None = None, **more: Any) -> Memory:
    """A memory made of others: their words are its sources, it is as new as the newest and as trusted as the least of them.

    It is found from every session of its user (and agent) unless it is said to belong to one.
    """
    spans, scope = dict.fromkeys(s for m in basis for s in m.sources), replace(basis[0].scope, session=session)
    since, trust = max((m.since for m in basis if m.since), default=None), min(m.trust for m in basis)
    return ctx.memory(text, kind=kind, sources=spans, basis=basis, scope=scope, since=since, trust=trust, **more)


def recorded(text: str, turns: Sequence[Memory], ctx: Context) -> Memory:
    """A record that these turns were thought over: from now on they are no longer of the running conversation."""
    return drawn(text, RECORD, turns, ctx, place=max(map(place, turns)))

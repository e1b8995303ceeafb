"""The ten tools of the MCP server: typed functions with a docstring, from which a model's schema is made.

Whose memory it is, is settled by who connects: no tool lets a model name a user. Answers are short and cite ids.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from clew.errors import UsageError
from clew.recall import NOTE, clock, line
from clew.serve.grant import Grant
from clew.types import Receipt, Scope

Id = Annotated[str, "id of a memory, as search_memories gives it", (1, 100)]
Words = Annotated[str, "in plain words", (1, 4000)]
DryRun = Annotated[bool, "only tell what would go"]
MOST_TOKENS = 4000  # of a search's answer
MOST_MEMORIES = 100_000  # that entities are counted over
MOST_NAMES = 50  # of one sort that are told
NOTHING = "Nothing in memory matches that."


@dataclass(frozen=True, slots=True)
class Seat:
    """Who calls, and whose memory they touch: settled before any tool runs."""

    grant: Grant
    scope: Scope

    @property
    def names(self) -> dict[str, Any]:
        """The scope as the door takes it."""
        return {"user": self.scope.user, "agent": self.scope.agent, "session": self.scope.session}


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that is offered; which verb of `access.NEEDS` it comes down to; whether it takes something away, or minutes."""

    fn: Callable[..., str]
    verb: str
    destroys: bool = False
    slow: bool = False


# -- writing --------------------------------------------------------------------------------------------------------


def add_memory(
    seat: Seat,
    text: Annotated[str, "what is to be remembered, as it was said or seen", (1, 100_000)],
    at: Annotated[str | None, "when it happened: ISO 8601 with an offset, such as 2026-05-20T10:00:00+01:00"] = None,
    actor: Annotated[str | None, "who said it"] = None,
    session: Annotated[str | None, "the conversation it belongs to"] = None,
) -> str:
    """Remember something: a fact, a preference, a decision, what was said. What is newer wins; nothing needs to be deleted first."""
    names = {**seat.names, "session": session or seat.scope.session}
    done = seat.grant.record(text, **names, at=at, actor=actor, trust="assistant")  # an agent's account, whoever said it
    waits = [f"{part} {stage}" for part, stage in done.stages.items() if part != "log" and stage not in ("folded", "pending")]
    return f"{done.stages['log']} as event {done.seq}" + (f" ({'; '.join(waits)})" if waits else "")


def update_memory(seat: Seat, id: Id, text: Annotated[str, "what it says from now on", (1, 100_000)]) -> str:
    """Give a memory other words because it is wrong or out of date; the old words stay in its history."""
    return f"[{id}] has these words from now on (event {seat.grant.revise(id, text).seq})"


def delete_memory(seat: Seat, id: Id, dry_run: DryRun = False) -> str:
    """Erase a memory for good, with the words it came from and all that was concluded from them. To correct one, use update_memory."""
    return gone(seat.grant.forget(user=seat.scope.user, memories=[id], dry_run=dry_run))


def delete_all_memories(seat: Seat, dry_run: DryRun = False) -> str:
    """Erase for good all that is remembered of this user; of this session or agent alone, where the server is bound to one."""
    if seat.scope == Scope():
        raise UsageError("this server is bound to no user: start it with --user NAME, or `clew forget` names what is to go")
    return gone(seat.grant.forget(**seat.names, dry_run=dry_run))


# -- reading --------------------------------------------------------------------------------------------------------


def search_memories(
    seat: Seat,
    query: Words,
    k: Annotated[int, "how many", (1, 50)] = 10,
    valid_at: Annotated[str | None, "what held at that instant (ISO 8601 with an offset)"] = None,
    as_of: Annotated[str | None, "what was known at that instant (ISO 8601 with an offset)"] = None,
) -> str:
    """Search what is remembered, best first: [id], when, who, the words, what has changed since. Do so before you say what was said."""
    hits = seat.grant.recall(query, **seat.names, k=k, valid_at=valid_at, as_of=as_of, max_tokens=MOST_TOKENS)
    return "\n".join([NOTE, *(line(hit.memory, hit.changes) for hit in hits)]) if hits else NOTHING


def memory_prompt(
    seat: Seat, query: Words, max_tokens: Annotated[int, "about how many tokens the block may have", (50, 20_000)] = 1500
) -> str:
    """A block of quotes on a subject, cited and fenced as data, ready to stand in a prompt."""
    return seat.grant.prompt(query, **seat.names, max_tokens=max_tokens) or NOTHING


def get_memory(seat: Seat, id: Id) -> str:
    """One memory by its id: its words, kind, status and times."""
    memory = seat.grant.get(id)
    held = f"held from {clock(memory.since)} to {clock(memory.until)}" if memory.until else f"since {clock(memory.since)}"
    places = ", ".join(str(s.seq) for s in memory.sources)
    return f"{line(memory)}\n{memory.kind}; {held}; from event {places or 'none'}; thread: clew://thread/{id}"


def why_memory(seat: Seat, id: Id) -> str:
    """Why a memory says what it says: the exact words it came from, who said them and when; what it was concluded from; its versions."""
    memory, versions = seat.grant.get(id), seat.grant.history(id)
    found = [line(memory), "It came from:", *thread(seat, id)]
    if memory.basis:
        found.append(f"Concluded from: {', '.join(f'[{other}]' for other in memory.basis)}")
    if len(versions) > 1:
        found.append("Versions:")
        found += [f"- event {event.seq}, {clock(event.at)}{f', {ended}' if ended else ''}: {one.text}" for one, event, ended in versions]
    return "\n".join(found)


def list_entities(seat: Seat) -> str:
    """Whose words are remembered: users (where the server is bound to none), agents, sessions, speakers, with how many memories each has."""
    found = seat.grant.memories(**seat.names, limit=MOST_MEMORIES)
    users = Counter(seat.grant.users()) if seat.scope.user is None else Counter({seat.scope.user: 1})
    lines = [f"users: {', '.join([*users][:MOST_NAMES])}{_more(users)}"] if users else []
    for field in ("agent", "session", "speaker"):
        counts = Counter(name for m in found if (name := m.actor if field == "speaker" else getattr(m.scope, field)))
        if counts:
            lines.append(f"{field}s: {', '.join(f'{name} ({n})' for name, n in counts.most_common(MOST_NAMES))}{_more(counts)}")
    return "\n".join(lines) or "Nothing is remembered yet."


def memory_status(seat: Seat) -> str:
    """Whose memory this is, what the caller may do, how it stands: what serves, what waits, faults, what is in review."""
    who = seat.grant.who
    whose = ", ".join(f"{field} {name}" for field, name in seat.names.items() if name) or "common to all"
    found = [f"memory: {whose}; {who.name} is {who.role}"]
    if who.user is None and who.may("status"):
        status = seat.grant.status()
        found.append(f"{status['head']} events, {len(status['faults'])} faults{', read-only' * status['readonly']}")
        for view in status["views"]:
            waits = f", waits: {'; '.join(view['waiting'])}" if view["waiting"] else ""
            found.append(f"{view['recipe']}: {view['state']}{', stale' * view['stale']}{waits}")
    if who.may("review"):
        found.append(f"{len(seat.grant.review(user=seat.scope.user))} in review")
    return "\n".join(found)


# -- in words -------------------------------------------------------------------------------------------------------


def thread(seat: Seat, id: str) -> list[str]:
    """The exact words a memory came from, a line each."""
    lines = [f"- event {q.event.seq}, {clock(q.event.at)}, {q.event.actor or q.event.kind}: {q.text}" for q in seat.grant.thread(id)]
    return lines or ["- the words were forgotten"]


def gone(receipt: Receipt) -> str:
    """A receipt in a line: what went, how far it is gone, what is left of it elsewhere."""
    told = f"{receipt.state}: {len(receipt.seqs)} events" + (f", receipt in event {receipt.forget_seq}" if receipt.forget_seq else "")
    told += f" ({receipt.why})" if receipt.why else ""
    told += f"; {len(receipt.held)} kept by a legal hold" if receipt.held else ""
    if receipt.mentioned_elsewhere:
        told += f"; still mentioned in events {', '.join(map(str, receipt.mentioned_elsewhere[:10]))}"
    return told


def _more(counts: Counter[str]) -> str:
    return f" and {len(counts) - MOST_NAMES} more" if len(counts) > MOST_NAMES else ""


TOOLS: dict[str, Tool] = {
    tool.fn.__name__: tool
    for tool in (
        Tool(add_memory, "record"),
        Tool(search_memories, "recall"),
        Tool(get_memory, "get"),
        Tool(update_memory, "revise", destroys=True),
        Tool(delete_memory, "forget", destroys=True),
        Tool(delete_all_memories, "forget", destroys=True),
        Tool(list_entities, "users"),
        Tool(why_memory, "thread"),
        Tool(memory_prompt, "prompt"),
        Tool(memory_status, "get"),
    )
}

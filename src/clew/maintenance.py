"""Truth maintenance, for every recipe at once: what may change what, what rests on what, what waits for a person.

The fold calls these around the operators, so that no recipe has to remember them.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from clew import guard
from clew.context import Context
from clew.storage import closure, rows
from clew.storage.index import NEVER
from clew.storage.schema import SLOT_BITS
from clew.types import TRUST, Event, Memory, Source, may_end

VERSION = 2
GUIDING = frozenset({"skill", "insight", "instruction", "rule", "workflow"})  # kinds that tell an agent what to do
MASK = "[…]"  # stands in a text for words that are in quarantine, and holds no term to be found by
REPLY = "reply"  # the kind of memory that holds what a tool told the agent
QUARANTINE = "quarantine"  # the kind of memory that holds such words
RECENT = 6  # of the user's own messages that tell what a session is about
LOOSENED = frozenset({"superseded", "expired", "corrected", "retracted"})  # after these, what was derived may no longer follow


@dataclass(frozen=True, slots=True)
class Fall:
    """How a memory fell: withdrawn altogether or only in doubt; and the events whose words, in it, are not to be said any more."""

    withdrawn: bool
    words: frozenset[int]


# -- references -----------------------------------------------------------------------------------------------------


def rest_on(seqs: Collection[int], ctx: Context) -> list[Memory]:
    """The memories as they are now that rest on any of these events, oldest first, on whatever shelf."""
    view, found = ctx.view, list[int]()
    base = view.index.pid << SLOT_BITS
    query = (  # most rest on their own event alone, and are passed over without being read
        "SELECT place, opened, rest FROM memory WHERE place >= ? AND place < ? AND opened >= ? AND closed IS NULL"
        " AND (json_extract(rest, '$[3]') != '' OR json_array_length(rest, '$[0]') != 1 OR json_extract(rest, '$[0][0][0]') != opened"
        f" OR opened IN ({','.join(map(str, seqs))})) ORDER BY place"
    )
    with view.index.lock, view.log.database.snapshot() as c:
        for place, opened, rest in c.execute(query, (base, base + view.index.flushed, min(seqs))):
            if not closure.needs(opened, rest).isdisjoint(seqs):
                found.append(place & rows.SLOT_MASK)
        found += [slot for slot, m in sorted(view.added.items()) if not {*m.rests, *(s.seq for s in m.sources)}.isdisjoint(seqs)]
        alive = view.index.columns["closed"]
        return view.at_slots([slot for slot in found if alive[slot] == NEVER])


def ended_by(seqs: Collection[int], ctx: Context) -> list[str]:
    """Ids of the memories that one of these events ended as corrected or merged, in the order of their places."""
    view = ctx.view
    base, wanted = view.index.pid << SLOT_BITS, ",".join(map(str, seqs))
    query = (
        f"SELECT place, id FROM memory WHERE place >= ? AND place < ? AND closed IN ({wanted}) AND ended IN ('corrected', 'merged')"
        " ORDER BY place"
    )
    with view.index.lock, view.log.database.snapshot() as c:
        ids = [id.hex() for _, id in c.execute(query, (base, base + view.index.flushed))]
        drafted = [view.at_slots([slot])[0].id for slot, seq, why in view.closings if seq in seqs and why in ("corrected", "merged")]
    return list(dict.fromkeys([*ids, *drafted]))


def digest(secret: bytes, memory: Memory) -> str:
    """What an event remembers of the memory that it names: enough to know it again, nothing that can be guessed."""
    return hashlib.blake2b(memory.text.encode(), key=secret, digest_size=16).hexdigest()


def reference(secret: bytes, memory: Memory, recipe: str, generation: int) -> dict[str, Any]:
    """How an event names a memory, so that another generation finds it again."""
    return {
        "id": memory.id,
        "recipe": recipe.partition("[")[0],
        "generation": generation,
        "memory_kind": memory.kind,
        "sources": [[s.seq, s.start, s.end] for s in memory.sources],
        "digest": digest(secret, memory),
    }


def resolved(ref: Mapping[str, Any], ctx: Context) -> Memory | None:
    """The memory that a reference names, in this view as it is now: by id, else by its words and where they came from."""
    target = ctx.view.held(str(ref["id"]))
    if target is not None and digest(ctx.desk.secret, target) == ref["digest"]:
        return target
    spans = {tuple(s) for s in ref["sources"]}
    first = min((s[0] for s in spans), default=0)
    alike = (m for m in ctx.view.opened_by(first) if {(s.seq, s.start, s.end) for s in m.sources} == spans)
    return next((m for m in alike if digest(ctx.desk.secret, m) == ref["digest"]), None)


def premises(event: Event, ctx: Context) -> tuple[Memory, ...]:
    """The memories that an event says it was concluded from; in another recipe those that came from the same words."""
    found: dict[str, Memory] = {}
    for ref in named(event):
        mine = ref["recipe"] == ctx.recipe.name.partition("[")[0]
        target = (resolved(ref, ctx) or _former(ref, ctx)) if mine else None
        alike = [target] if target else _from_same_words(ref, ctx)
        if not alike and mine:
            ctx.faults.append(("basis", f"unapplied: the memory {ref['id']} that event {event.seq} rests on is not in this view"))
        found |= {m.id: m for m in alike}
    return tuple(found.values())


def named(event: Event) -> list[Mapping[str, Any]]:
    """The references in an event's `basis`; what callers kept under that name before it was ours is none."""
    refs = event.body.get("basis") if isinstance(event.body, Mapping) else None
    keys = {"id", "recipe", "sources", "digest"}
    return [ref for ref in refs if isinstance(ref, Mapping) and keys <= ref.keys()] if isinstance(refs, list) else []


def _former(ref: Mapping[str, Any], ctx: Context) -> Memory | None:
    """A memory that is no longer there, as it was last: a conclusion may come after the fall of what it was drawn from."""
    found = (v.memory for v in reversed(versions(str(ref["id"]), ctx)))
    return next((m for m in found if digest(ctx.desk.secret, m) == ref["digest"]), None)


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a memory as it was made, and what ended it: the event, and why (`revised` where another version followed)."""

    memory: Memory
    closed: int | None
    why: str | None

    @property
    def ended(self) -> Memory:
        """The version with its end."""
        if self.closed is None:
            return self.memory
        return replace(self.memory, closed=self.closed, retired=self.memory.retired if self.why == "revised" else self.why)


def versions(id: str, ctx: Context) -> list[Version]:
    """Every version of a memory in this partition so far, oldest first; those of this draft too, and what it has ended."""
    view, found = ctx.view, dict[int, Version]()
    base = view.index.pid << SLOT_BITS
    span = (rows.encoded(id), base, base + view.index.flushed)
    with view.index.lock, view.log.database.snapshot() as c:
        for row in c.execute(f"SELECT {rows.MEMORY} FROM memory WHERE id=? AND place >= ? AND place < ? ORDER BY place", span):
            found[row[0] & rows.SLOT_MASK] = Version(rows.memory(view.log, c, row, -1), row[9], row[10])  # at -1 nothing has ended
    found |= {slot: Version(memory, None, None) for slot, memory in sorted(view.added.items()) if memory.id == id}
    for slot, seq, why in view.closings:
        if slot in found:
            found[slot] = replace(found[slot], closed=seq, why=why)
    return list(found.values())


def _from_same_words(ref: Mapping[str, Any], ctx: Context) -> list[Memory]:
    found: list[Memory] = []
    for seq in sorted({s[0] for s in ref["sources"]}):
        found += [m for m in ctx.view.opened_by(seq, seq) if m.status in ("active", "suspect") and m.retired is None]
    return found


# -- what reaches a recipe ------------------------------------------------------------------------------------------


def delivered(event: Event, ctx: Context) -> tuple[Event | None, list[Memory]]:
    """(the event as a recipe may see it, what was taken out of it); None where nothing is left to see."""
    findings = guard.findings(event, lambda: _recent(event, ctx))
    if not findings:
        return event, []
    text, kept = event.text, []
    for f in findings:
        kept.append(
            ctx.memory(
                text[f.start : f.end],
                kind=QUARANTINE,
                sources=[Source(event.seq, f.start, f.end)],
                actor=event.actor,
                status="quarantined",
                reason=f.reason,
            )
        )
    return less(event, [(f.start, f.end) for f in findings]), kept


def less(event: Event, spans: Sequence[tuple[int, int]]) -> Event | None:
    """The event with these spans of its text blanked; None where nothing is left to see."""
    rest = masked(event.text, spans) if spans else ""
    if spans and not any(c.isalnum() for c in rest):
        return None
    body = event.body if isinstance(event.body, Mapping) else {}
    kept = {name: body[name] for name in ("role", "tool_call_id") if isinstance(body.get(name), str)}
    return replace(event, body={"content": rest, **kept}) if spans else event


def masked(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """The text with these spans blanked, as long as before, so that every other span of it keeps its place."""
    for start, end in spans:
        text = text[:start] + MASK.ljust(end - start)[: end - start] + text[end:]
    return text


def _recent(event: Event, ctx: Context) -> list[str]:
    log = ctx.view.log
    where = "user IS ? AND session IS ? AND trust >= ? AND seq < ? AND salt IS NOT NULL AND kind = 'message' ORDER BY seq DESC LIMIT ?"
    values = (log.number(event.scope.user), log.number(event.scope.session), TRUST["user"], event.seq, RECENT)
    return [e.text for e in reversed(log.select(where, values))]


# -- what may be written --------------------------------------------------------------------------------------------


def admitted(memories: Iterable[Memory], ctx: Context) -> list[Memory]:
    """What of these may be written: the untrusted may neither change what is better trusted nor tell an agent what to do."""
    kept = []
    memories = list(memories)
    written = {memory.id for memory in memories}
    for memory in memories:
        if ctx.premises and memory.basis and memory.status == "active" and ctx.view.fresh(memory):
            fallen = [id for id in memory.basis if id not in written and _fallen(ctx.view.held(id))]
            memory = memory.revised(status="suspect", data={"suspect": sorted(fallen)}) if fallen else memory
        if memory.kind in GUIDING and memory.trust < TRUST["assistant"] and memory.status != "quarantined":
            memory = memory.revised(status="quarantined", data={"reason": f"a {memory.kind} from an untrusted source"})
        if not ctx.view.fresh(memory):
            memory = _allowed(memory, ctx)
        kept.append(memory)
    return kept


def _fallen(premise: Memory | None) -> bool:
    """Whether what is concluded from it is in doubt from the first; what was so once is a premise like any other."""
    return premise is None or premise.status in ("suspect", "quarantined")


def _allowed(memory: Memory, ctx: Context) -> Memory:
    """The new version, or the old one with the new links where the event that causes it is not trusted enough for more."""
    old = ctx.view.held(memory.id)
    if old is None or may_end(level := ctx.authority, old.trust):
        return memory
    same = replace(old, links=memory.links, rests=memory.rests)
    if replace(same, opened=memory.opened, closed=memory.closed) != memory:
        ctx.faults.append(("trust", f"event {ctx.seq} (trust {level}) may not change memory {old.id} (trust {old.trust})"))
    return same


# -- what rests on what ---------------------------------------------------------------------------------------------


def shaken(memories: Sequence[Memory], ctx: Context, edited: bool) -> dict[str, Fall]:
    """Memories that would no longer carry what was derived from them once these are written, by id."""
    ids: dict[str, Fall] = {}
    for memory in memories:
        if ctx.view.fresh(memory):
            continue
        old = ctx.view.held(memory.id)
        if old is None:
            continue
        ended = memory.retired in LOOSENED and old.retired is None
        doubted = memory.status in ("quarantined", "suspect") and old.status not in ("quarantined", "suspect")
        if ended or doubted or (edited and memory.text != old.text):
            withdrawn = memory.retired == "retracted" or memory.status == "quarantined"
            said = memory.data.get("retracted", [s.seq for s in old.sources]) if withdrawn or memory.retired == "corrected" else ()
            ids[memory.id] = Fall(withdrawn, frozenset(said))
    return ids


def cascade(ids: Mapping[str, Fall], ctx: Context) -> list[Memory]:
    """New versions of everything that was derived from these memories, transitively, with the premises that fell.

    Suspect; but in quarantine where a premise was withdrawn altogether and the words may be the premise's own: a summary
    must not go on saying what was retracted, nor what was read off words go on where they were never true.
    """
    premises: dict[str, set[str]] = {}
    found: dict[str, Memory] = {}
    falls = dict(ids)
    front = list(ids)
    while front:
        following = []
        for id in front:
            for memory in ctx.view.derived(id):
                if memory.retired is not None:
                    continue
                fall, said = falls[id], frozenset(s.seq for s in memory.sources)
                same = bool(said) and said <= fall.words  # it has no words but the premise's
                taken = same or (fall.withdrawn and not own_words(memory, fall.words, ctx))
                if memory.id not in found or (taken and not falls[memory.id].withdrawn):
                    following.append(memory.id)
                    falls[memory.id] = Fall(True, said | fall.words) if taken else Fall(False, frozenset())
                found[memory.id] = memory
                premises.setdefault(memory.id, set(memory.data.get("suspect", ()))).add(id)
        front = following
    return [_doubted(m, sorted(premises[m.id]), falls[m.id].withdrawn) for m in found.values()]


def _doubted(memory: Memory, premises: list[str], withdrawn: bool) -> Memory:
    if withdrawn and memory.status != "quarantined":
        return memory.revised(status="quarantined", data={"suspect": premises, "reason": "it was made of what was retracted"})
    if memory.status == "quarantined":
        return memory
    return memory.revised(status="suspect" if memory.status == "active" else memory.status, data={"suspect": premises})


def own_words(memory: Memory, gone: Collection[int], ctx: Context) -> bool:
    """Whether a memory only repeats what its own sources say, word for word, those among the events in `gone` left out."""
    seqs = ",".join(str(s.seq) for s in memory.sources if s.seq not in gone)
    events = {e.seq: e for e in ctx.view.log.select(f"seq IN ({seqs})", ())}
    return any(memory.text in events[s.seq].text[s.start : s.end] for s in memory.sources if s.seq in events)

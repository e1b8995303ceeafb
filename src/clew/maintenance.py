"""Truth maintenance, for every recipe at once: what may change what, what rests on what, what waits for a person.

The fold calls these around the operators, so that no recipe has to remember them.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from clew import guard
from clew.context import Context
from clew.types import TRUST, Event, Memory, Source

VERSION = 1
GUIDING = frozenset({"skill", "insight", "instruction", "rule", "workflow"})  # kinds that tell an agent what to do
MASK = "[…]"  # stands in a text for words that are in quarantine, and holds no term to be found by
QUARANTINE = "quarantine"  # the kind of memory that holds such words
RECENT = 6  # of the user's own messages that tell what a session is about
LOOSENED = frozenset({"superseded", "expired", "corrected", "retracted"})  # after these, what was derived may no longer follow


# -- references -----------------------------------------------------------------------------------------------------


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
    refs = event.body.get("basis") if isinstance(event.body, Mapping) else None
    found: dict[str, Memory] = {}
    for ref in refs if isinstance(refs, list) else ():
        mine = ref["recipe"] == ctx.recipe.name.partition("[")[0]
        target = resolved(ref, ctx) if mine else None
        alike = [target] if target else _from_same_words(ref, ctx)
        if not alike:
            ctx.faults.append(("basis", f"unapplied: the memory {ref['id']} that event {event.seq} rests on is not in this view"))
        found |= {m.id: m for m in alike}
    return tuple(found.values())


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
    rest = masked(text, [(f.start, f.end) for f in findings])
    if not any(c.isalnum() for c in rest):
        return None, kept
    role = event.body.get("role") if isinstance(event.body, Mapping) else None
    return replace(event, body={"content": rest, **({"role": role} if isinstance(role, str) else {})}), kept


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
    for memory in memories:
        if memory.kind in GUIDING and memory.trust < TRUST["assistant"] and memory.status in ("active", "suspect"):
            memory = memory.revised(status="quarantined", data={"reason": f"a {memory.kind} from an untrusted source"})
        if not ctx.view.fresh(memory):
            memory = _allowed(memory, ctx)
        kept.append(memory)
    return kept


def _allowed(memory: Memory, ctx: Context) -> Memory:
    """The new version, or the old one with the new links where the event that causes it is not trusted enough for more."""
    old = ctx.view.held(memory.id)
    if old is None or (level := ctx.authority) >= min(old.trust, TRUST["assistant"]):
        return memory
    same = replace(old, links=memory.links, rests=memory.rests)
    if replace(same, opened=memory.opened, closed=memory.closed) != memory:
        ctx.faults.append(("trust", f"event {ctx.seq} (trust {level}) may not change memory {old.id} (trust {old.trust})"))
    return same


# -- what rests on what ---------------------------------------------------------------------------------------------


def shaken(memories: Sequence[Memory], ctx: Context, edited: bool) -> dict[str, bool]:
    """Ids of memories that would no longer carry what was derived from them once these are written; True: withdrawn altogether."""
    ids: dict[str, bool] = {}
    for memory in memories:
        if ctx.view.fresh(memory):
            continue
        old = ctx.view.held(memory.id)
        if old is None:
            continue
        ended = memory.retired in LOOSENED and old.retired is None
        doubted = memory.status in ("quarantined", "suspect") and old.status not in ("quarantined", "suspect")
        if ended or doubted or (edited and memory.text != old.text):
            ids[memory.id] = memory.retired == "retracted" or memory.status == "quarantined"
    return ids


def cascade(ids: Mapping[str, bool], ctx: Context) -> list[Memory]:
    """New versions of everything that was derived from these memories, transitively, with the premises that fell.

    Suspect; but in quarantine where a premise was withdrawn altogether and the words may be the premise's own: a summary
    must not go on saying what was retracted.
    """
    fallen: dict[str, set[str]] = {}
    found: dict[str, Memory] = {}
    withdrawn = {id for id, altogether in ids.items() if altogether}
    front = list(ids)
    while front:
        following = []
        for id in front:
            for memory in ctx.view.derived(id):
                if memory.retired is not None:
                    continue
                taken = id in withdrawn and memory.id not in withdrawn and not _own_words(memory, ctx)
                if taken:
                    withdrawn.add(memory.id)
                if taken or memory.id not in found:
                    following.append(memory.id)
                found[memory.id] = memory
                fallen.setdefault(memory.id, set(memory.data.get("suspect", ()))).add(id)
        front = following
    return [_doubted(m, sorted(fallen[m.id]), m.id in withdrawn) for m in found.values()]


def _doubted(memory: Memory, premises: list[str], withdrawn: bool) -> Memory:
    if withdrawn and memory.status != "quarantined":
        return memory.revised(status="quarantined", data={"suspect": premises, "reason": "it was made of what was retracted"})
    return memory.revised(status="suspect", data={"suspect": premises}) if memory.status == "active" else memory


def _own_words(memory: Memory, ctx: Context) -> bool:
    """Whether a memory only repeats what its own sources say, word for word."""
    events = {e.seq: e for e in ctx.view.log.select(f"seq IN ({','.join(str(s.seq) for s in memory.sources)})", ())}
    return any(memory.text in events[s.seq].text[s.start : s.end] for s in memory.sources)

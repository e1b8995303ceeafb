"""Facts among those that are known: a value takes its slot, what is said again is said once, a profile rests on them.

`settled` takes what an event states and gives what is to be written: the new memories and the older ones that they end.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from clew.context import Context
from clew.operators.slots import reading as slots
from clew.operators.slots.statement import Statement
from clew.operators.slots.words import value_form
from clew.operators.truth import change
from clew.storage.terms import terms
from clew.types import ENDED, TRUST, Change, Hit, Memory

SLOTTED = "slotted"  # in a memory's data: its statement takes part in settling its slot
PROFILE = "profile"
STEP = 1e-6  # of scores, which are rounded to it
HOPS = 8  # values of one slot that are gone through to the newest


def linked(stated: Statement, text: str) -> list[str]:
    """The nodes of a fact: its slot where one value ends another, its owner, and its words whatever their order."""
    digest = hashlib.blake2b(" ".join(sorted(set(terms(text)))).encode(), digest_size=12).hexdigest()
    node = slot_node(stated)
    return [*([node] if node else []), owner_node(stated.subject), f"words:{digest}{'-' if stated.negated else ''}"]


def owner_node(subject: str) -> str:
    """The node that ties together what is said of one subject."""
    return f"of:{subject}"


def slot_node(stated: Statement) -> str | None:
    """The node of the slot that a statement settles: of one value at a time, or of a liking that can turn."""
    if stated.kind == "preference":
        return slots.node(stated.subject, f"likes {value_form(stated.value)}")
    return slots.node(stated.subject, stated.slot) if stated.single else None


def settled(memories: Sequence[Memory], ctx: Context) -> list[Memory]:
    """The new memories with what they end, confirm or begin; quarantined ones pass as they are and end nothing."""
    out: dict[str, Memory] = {}
    for memory in memories:
        if memory.status != "active":
            out[memory.id] = memory
            continue
        known = [m for m in ctx.view.linked(memory.links[-1:]) if m.retired is None]
        known += [m for m in out.values() if m.links[-1:] == memory.links[-1:] and m.retired is None]
        if same := next((m for m in known if m.actor == memory.actor and m.kind == memory.kind), None):
            out[same.id] = same.revised(sources=tuple(dict.fromkeys([*same.sources, *memory.sources])), trust=min(same.trust, memory.trust))
            continue
        out |= {m.id: m for m in _placed(memory, out, ctx)}
    return list(out.values())


def _placed(memory: Memory, fresh: Mapping[str, Memory], ctx: Context) -> list[Memory]:
    """The memory in its slot, with the older ones that it ends."""
    node = next((link for link in memory.links if link.startswith("slot:")), None)
    if node is None:
        return [memory]
    rivals = {m.id: m for m in [*ctx.view.linked([node]), *(m for m in fresh.values() if node in m.links)]}
    if not rivals:
        return [memory]
    everyone = {**rivals, memory.id: memory}
    holdings = change.settle([_said(m, ctx.seq) for m in everyone.values()])
    out = []
    for holding in holdings:
        before = everyone[holding.said.key]
        after = _held(before, holding)
        if before is memory and holding.ends:
            after = after.revised(data={"replaces": list(holding.ends)})
        if after is not before or before is memory:
            out.append(after)
    return out


def _said(memory: Memory, seq: int) -> change.Said:
    data = memory.data
    preference = memory.kind == "preference"
    stated = Statement(
        subject=data["subject"],
        slot=data["slot"],
        value=("no" if data.get("negated") else "yes") if preference else data["value"],
        start=0,
        end=0,
        single=True,
        negated=bool(data.get("negated")) and not preference,
        correcting=bool(data.get("correcting")),
        ending=bool(data.get("ending")),
        since=memory.since,
    )
    assert memory.since is not None  # every memory has it: Context.memory gives the event's time where none is known
    return change.Said(stated, memory.id, memory.opened or seq, memory.since, memory.trust)


def _held(memory: Memory, holding: change.Holding) -> Memory:
    """The memory as its holding says: ended, refused, or as it was."""
    if holding.reason in (change.SUPERSEDED, change.CORRECTED) and memory.retired is None:
        return memory.retire(holding.until or holding.since, holding.reason).revised(data={"replaced_by": holding.by})
    if holding.reason == change.REFUSED and memory.opened is None:
        return memory.revised(status="quarantined", data={"reason": "less trusted than what it would change"})
    return memory


def current_first(hits: Sequence[Hit], k: int, ctx: Context) -> list[Hit]:
    """The k first, each fact that has ended behind the one that took its place and marked with when and by what.

    What is in doubt comes last: it may say what no longer holds.
    """
    out: dict[str, Hit] = {}
    for hit in sorted(hits, key=lambda h: h.memory.status == "suspect"):
        memory = hit.memory
        if memory.retired not in ENDED or memory.until is None:
            ended = memory.data.get("replaces", ())
            marks = tuple(Change("replaces", memory.since, id) for id in ended if memory.since is not None)
            out.setdefault(memory.id, replace(hit, changes=marks) if marks else hit)
            continue
        by = memory.data.get("replaced_by")
        newer = ctx.view.get(by) if by else None
        for _ in range(HOPS):
            if newer is None or newer.retired is None or "replaced_by" not in newer.data:
                break
            newer = ctx.view.get(newer.data["replaced_by"])
        if newer is not None:
            out.setdefault(newer.id, replace(hit, memory=newer))
        out.setdefault(memory.id, replace(hit, changes=(Change(memory.retired, memory.until, by if newer is not None else None),)))
    ranked: list[Hit] = []
    for hit in list(out.values())[:k]:  # hits are shown by score, so each has less than the one before
        ranked.append(replace(hit, score=round(min(hit.score, ranked[-1].score - STEP), 6) if ranked else hit.score))
    return ranked


# -- profiles -------------------------------------------------------------------------------------------------------


def profiled(written: Sequence[Memory], of: Iterable[str], most: int, ctx: Context) -> list[Memory]:
    """A profile grown for each subject by the new facts of it; one with a premise that falls now is left to be suspected."""
    assert ctx.event is not None
    out = []
    for subject in of:
        node = f"{PROFILE}:{subject}"
        fresh = [m for m in written if m.opened is None and lasting(m) and m.data["subject"] == subject]
        old = next((m for m in ctx.view.linked([node]) if m.kind == PROFILE and m.retired is None), None)
        fallen = {m.id for m in written if m.retired is not None}
        if not fresh or (old is not None and (old.status != "active" or fallen & set(old.basis))):
            continue
        if old is None:
            out.append(replace(_profile(fresh[:most], subject, ctx), links=(node,)))
        elif ctx.event.trust >= min(old.trust, TRUST["assistant"]) and len(old.basis) < most:
            more = fresh[: most - len(old.basis)]
            out.append(
                old.revised(
                    text=" ".join([old.text, *(m.text for m in more)]),
                    basis=(*old.basis, *(m.id for m in more)),
                    sources=tuple(dict.fromkeys([*old.sources, *(s for m in more for s in m.sources)])),
                    trust=min(old.trust, *(m.trust for m in more)),
                )
            )
    return out


def lasting(memory: Memory) -> bool:
    """A fact that belongs in a profile: it holds, and tells a slot, a liking or a relation."""
    return memory.status == "active" and memory.retired is None and (memory.kind in ("preference", "relation") or SLOTTED in memory.data)


def _profile(basis: Sequence[Memory], subject: str, ctx: Context) -> Memory:
    sources = list(dict.fromkeys(s for m in basis for s in m.sources))
    return ctx.memory(
        " ".join(m.text for m in basis), kind=PROFILE, sources=sources, basis=[], trust=min(m.trust for m in basis), subject=subject
    ).revised(basis=tuple(m.id for m in basis))


def rederived(memory: Memory, most: int, ctx: Context) -> Memory | None:
    """A profile anew from the facts of its subject that hold now, the newest last; None where there are none."""
    if memory.kind != PROFILE:
        return None
    facts = [m for m in ctx.view.linked([owner_node(memory.data["subject"])]) if lasting(m)]
    facts = sorted(facts, key=lambda m: (m.opened or 0, m.id))[-most:]
    return replace(_profile(facts, memory.data["subject"], ctx), links=memory.links) if facts else None

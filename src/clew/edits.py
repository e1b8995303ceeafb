"""What an edit event does to a view: an owner's word about a memory, or about the events that memories came from."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from clew.context import Context
from clew.maintenance import QUARANTINE, ended_by, less, own_words, premises, resolved, rest_on, versions
from clew.recipe import Recipe
from clew.types import ENDED, Event, Memory, Source

DOUBTS = ("suspect", "retracted", "reason")  # data that say why a memory is doubted


def edited(event: Event, ctx: Context, recipe: Recipe) -> list[Memory]:
    """The memories that an edit event changes in this view; one that cannot be found again is noted as unapplied."""
    body = event.body
    if body["op"] == "tool":
        return _used(body, ctx, recipe)
    if body["op"] == "retract":
        return _retracted(body, event, ctx)
    if body["op"] in ("archive", "unarchive"):
        if body["recipe"] != ctx.recipe.name.partition("[")[0]:
            return []
        found = [(ref, resolved(ref, ctx)) for ref in body["items"]]
        for ref in (ref for ref, memory in found if memory is None):
            _unapplied(ref, ctx)
        wanted = ("active", "suspect") if body["op"] == "archive" else ("archived",)
        named = [m for _, m in found if m is not None]
        whole = {m.id: m for m in (*named, *(read for m in named for read in _read_off(m, ctx)))}
        return [m.revised(status=_shelved(m)) for m in whole.values() if m.status in wanted]
    if body["memory_kind"] == QUARANTINE:
        return _released(body, ctx) if body["op"] in ("approve", "reject") else []
    if body.get("recipe") != ctx.recipe.name.partition("[")[0]:
        return []
    target = resolved(body, ctx)
    if target is None:
        _unapplied(body, ctx)
        return []
    return OPS[body["op"]](target, event, ctx, recipe) if body["op"] in OPS else []


def _used(body: Mapping[str, Any], ctx: Context, recipe: Recipe) -> list[Memory]:
    """What an agent's call of one of the recipe's own tools changes."""
    if body["recipe"] != recipe.name.partition("[")[0]:
        return []
    tool = recipe.tools.get(body["tool"])
    if tool is None:
        ctx.faults.append(("tool", f"unapplied: {recipe.name} has no tool {body['tool']!r} any more"))
        return []
    return ctx.stage("tool", lambda c: tool(**body["arguments"], ctx=c))


def _read_off(memory: Memory, ctx: Context) -> list[Memory]:
    """What was read off a memory's own words: it goes out of sight, and comes back, with them."""
    said = {s.seq for s in memory.sources}
    return [m for m in ctx.view.derived(memory.id) if {s.seq for s in m.sources} <= said]


def _shelved(memory: Memory) -> str:
    """Archived, or where it was that, what it would be had it never been: its premises may have fallen meanwhile."""
    return "archived" if memory.status != "archived" else "suspect" if memory.data.get("suspect") else "active"


def again(event: Event) -> int | None:
    """The place of the event that an approval delivers again, whole; None for every other edit."""
    body = event.body
    return body["sources"][0][0] if body.get("op") == "approve" and body.get("memory_kind") == QUARANTINE else None


def redelivered(event: Event, ctx: Context) -> Event | None:
    """The event that an approval delivers again, with its premises in the context; None for every other edit.

    Whole, less the spans that were rejected before. None too where somebody approved it before, or it was retracted.
    """
    seq = again(event)
    approved = next(iter(ctx.view.log.select("seq = ? AND salt IS NOT NULL", (seq,))), None) if seq else None
    if approved is None:
        return None
    about = " OR ".join(f"instr(payload, CAST('{words}' AS BLOB))" for words in (f'"sources":[[{seq},', '"op":"retract"'))
    where = (
        f"seq > ? AND seq < ? AND user IS ? AND kind = 'edit' AND salt IS NOT NULL AND ({about})"  # else many approvals cost their square
    )
    spans = []
    for body in (e.body for e in ctx.view.log.select(where, (seq, event.seq, ctx.view.log.number(event.scope.user)))):
        if body["op"] == "retract" and seq in body["seqs"]:
            return None
        if body.get("memory_kind") == QUARANTINE and body["sources"][0][0] == seq:
            if body["op"] == "approve":
                return None
            spans += [(start, end) for _, start, end in body["sources"] if body["op"] == "reject"]
    ctx.premises = premises(approved, ctx)
    return less(approved, spans)


def _unapplied(ref: Mapping[str, Any], ctx: Context) -> None:
    seqs = ",".join(str(source[0]) for source in ref["sources"])
    if seqs and not ctx.view.log.select(f"seq IN ({seqs}) AND salt IS NOT NULL LIMIT 1", ()):
        return  # its words were forgotten: there is nothing left to change
    ctx.faults.append(("edit", f"unapplied: the memory {ref['id']} that was edited is not in this generation"))


def _retracted(body: Mapping[str, Any], event: Event, ctx: Context) -> list[Memory]:
    """What came from these events alone is retracted; what was partly made of them goes back to what it was before, or waits."""
    seqs, drawn = frozenset(body["seqs"]), frozenset(body.get("drawn", ()))
    found, standing = _reopened(seqs, ctx), dict[str, Memory]()
    for memory in rest_on(seqs | drawn, ctx):
        said, rests = {source.seq for source in memory.sources}, {*memory.rests}
        if memory.retired not in (None, *ENDED) or not (seqs & (said | rests) or drawn & said):
            continue
        gone = seqs | {*memory.data.get("retracted", ())}
        if said and said <= gone:
            found.append(memory.retire(event.at, "retracted"))
        elif said & seqs:
            found.append(_withheld(memory, gone & (said | rests)))
        else:
            found += _touched(memory, seqs, gone, standing, ctx)
    return found


def _touched(memory: Memory, seqs: frozenset[int], gone: frozenset[int], standing: dict[str, Memory], ctx: Context) -> list[Memory]:
    """What becomes of a memory that says nothing of these events' own and was made, changed or ended through them."""
    bases = [standing.setdefault(id, m) for id in memory.basis if (m := standing.get(id) or ctx.view.held(id)) is not None]
    touched = seqs & {*memory.rests}
    if not touched:
        return [_doubtful(memory)]  # concluded from what lies in another view, such as a page that everybody shares
    if relieved := _relieved(memory, seqs, ctx):
        return relieved
    if touched <= {seq for m in bases for seq in m.rests}:
        return []  # its premises tell what becomes of it
    before = _before(memory.id, seqs, ctx)
    if before is not None and before.sources == memory.sources and memory.status != "quarantined":
        status = memory.status if before.status == "active" else before.status
        return [replace(before, opened=memory.opened, closed=None, status=status)]
    if memory.basis and own_words(memory, gone, ctx):
        return [_doubtful(memory)]
    return [_withheld(memory, gone & {*memory.rests})]


def _reopened(seqs: frozenset[int], ctx: Context) -> list[Memory]:
    """What these events had ended for good, corrected or merged, as it was before them."""
    found = [(id, _before(id, seqs, ctx)) for id in ended_by(seqs, ctx)]
    return [
        replace(before, opened=None, closed=None, rests=tuple(sorted({*before.rests, ctx.seq})))
        for id, before in found
        if before is not None and ctx.view.held(id) is None and seqs.isdisjoint(s.seq for s in before.sources)
    ]


def _before(id: str, seqs: frozenset[int], ctx: Context) -> Memory | None:
    """A memory's last version that owes nothing to these events: as it was made, or as another event ended it."""
    found = next((v for v in reversed(versions(id, ctx)) if seqs.isdisjoint(v.memory.rests)), None)
    return None if found is None else found.memory if found.closed in seqs else found.ended


def _relieved(memory: Memory, seqs: frozenset[int], ctx: Context) -> list[Memory]:
    """The memory as it was, where it is suspect for premises alone that these events had ended: they hold again, so does it."""
    before, premises = _before(memory.id, seqs, ctx), memory.data.get("suspect", ())
    if before is None or memory.status != "suspect" or before.status != "active" or before.text != memory.text or not premises:
        return []
    held = [_before(id, seqs, ctx) for id in premises]
    if not all(b is not None and b.retired is None and b.status == "active" for b in held):
        return []
    return [replace(before, opened=memory.opened, closed=None)]


def _doubtful(memory: Memory) -> Memory:
    status = "suspect" if memory.status == "active" else memory.status
    return memory.revised(status=status, data={"suspect": sorted({*memory.data.get("suspect", ()), *memory.basis})})


def _withheld(memory: Memory, gone: Collection[int]) -> Memory:
    return memory.revised(status="quarantined", data={"reason": "it was partly made of what was retracted", "retracted": sorted(gone)})


def _released(body: Mapping[str, list[list[int]]], ctx: Context) -> list[Memory]:
    """What an approval or a rejection takes out of quarantine; after an approval also what was made of the masked words."""
    seq, approve = body["sources"][0][0], body["op"] == "approve"
    span = tuple(body["sources"][0])
    found = []
    for memory in ctx.view.opened_by(seq, seq):
        spans = [(s.seq, s.start, s.end) for s in memory.sources]
        if memory.kind == QUARANTINE and (approve or spans == [span]):
            found.append(replace(memory, retired="merged" if approve else "corrected"))
        elif approve and memory.kind != QUARANTINE and all(s[0] == seq for s in spans):
            found.append(replace(memory, retired="merged"))  # the whole event is delivered in its place
    return found


def _revise(target: Memory, event: Event, ctx: Context, recipe: Recipe) -> list[Memory]:
    words = event.text
    sources = (*target.sources, Source(event.seq, 0, len(words)))
    return [replace(target, text=words, sources=sources, trust=event.trust, rests=tuple(sorted({*target.rests, event.seq})))]


def _retire(target: Memory, event: Event, ctx: Context, recipe: Recipe) -> list[Memory]:
    return [target.retire(event.at, event.body["reason"])]


def _confirm(target: Memory, event: Event, ctx: Context, recipe: Recipe) -> list[Memory]:
    """It holds, whatever became of its premises; also the way out of quarantine for what a recipe put there itself."""
    data = {k: v for k, v in target.data.items() if k not in DOUBTS}
    trust = event.trust if target.status == "quarantined" else target.trust
    said = tuple(s for s in target.sources if s.seq not in target.data.get("retracted", ()))  # it holds without the words withdrawn
    return [replace(target, status="active", data=data, trust=trust, sources=said)]


def _reject(target: Memory, event: Event, ctx: Context, recipe: Recipe) -> list[Memory]:
    return [replace(target, retired="corrected")]


def _rederive(target: Memory, event: Event, ctx: Context, recipe: Recipe) -> list[Memory]:
    """The memory anew from its premises as they are now; where nothing follows from them any more it is retracted."""
    if recipe.rederive is None:
        ctx.faults.append(("rederive", f"{recipe.name} has no way to derive memory {target.id} anew"))
        return []
    found = ctx.stage("rederive", recipe.rederive, target)
    if found is None:
        return [target.retire(event.at, "retracted")]
    said = {s.seq for s in found.sources}
    if target.status == "quarantined" and (found.text == target.text or said & {*target.data.get("retracted", ())}):
        ctx.faults.append(("rederive", f"memory {target.id} says again what was withdrawn; it stays in quarantine until it is approved"))
        return []
    heard = ctx.view.log.select(f"seq IN ({','.join(map(str, said))}) AND seq != ?", (event.seq,))
    level = min([found.trust, *(e.trust for e in heard)])  # the owner asked for it and did not say it
    kept = {k: v for k, v in found.data.items() if k not in DOUBTS}
    return [replace(found, id=target.id, opened=target.opened, status="active", data=kept, trust=level)]


OPS: Mapping[str, Callable[[Memory, Event, Context, Recipe], list[Memory]]] = {
    "revise": _revise,
    "retire": _retire,
    "confirm": _confirm,
    "approve": _confirm,
    "reject": _reject,
    "rederive": _rederive,
}

"""What an edit event does to a view: an owner's word about a memory, or about the events that memories came from."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from clew.context import Context
from clew.maintenance import QUARANTINE, resolved
from clew.recipe import Recipe
from clew.types import Event, Memory, Source

DOUBTS = ("suspect", "retracted", "reason")  # data that say why a memory is doubted


def edited(event: Event, ctx: Context, recipe: Recipe) -> list[Memory]:
    """The memories that an edit event changes in this view; one that cannot be found again is noted as unapplied."""
    body = event.body
    if body["op"] == "retract":
        return _retracted(frozenset(body["seqs"]), event, ctx)
    if body["op"] in ("archive", "unarchive"):
        if body["recipe"] != ctx.recipe.name.partition("[")[0]:
            return []
        found = [(ref, resolved(ref, ctx)) for ref in body["items"]]
        for ref in (ref for ref, memory in found if memory is None):
            _unapplied(ref, ctx)
        wanted = ("active", "archived") if body["op"] == "archive" else ("archived", "active")
        return [m.revised(status=wanted[1]) for _, m in found if m is not None and m.status == wanted[0]]
    if body["memory_kind"] == QUARANTINE:
        return _released(body, ctx)
    if body.get("recipe") != ctx.recipe.name.partition("[")[0]:
        return []
    target = resolved(body, ctx)
    if target is None:
        _unapplied(body, ctx)
        return []
    return OPS[body["op"]](target, event, ctx, recipe) if body["op"] in OPS else []


def again(event: Event) -> int | None:
    """The place of the event that an approval delivers again, whole; None for every other edit."""
    body = event.body
    return body["sources"][0][0] if body.get("op") == "approve" and body.get("memory_kind") == QUARANTINE else None


def _unapplied(ref: Mapping[str, Any], ctx: Context) -> None:
    seqs = ",".join(str(source[0]) for source in ref["sources"])
    if seqs and not ctx.view.log.select(f"seq IN ({seqs}) AND salt IS NOT NULL LIMIT 1", ()):
        return  # its words were forgotten: there is nothing left to change
    ctx.faults.append(("edit", f"unapplied: the memory {ref['id']} that was edited is not in this generation"))


def _retracted(seqs: frozenset[int], event: Event, ctx: Context) -> list[Memory]:
    """What came from these events alone is retracted; what was partly made of them is put in quarantine, words and all."""
    found = []
    for memory in ctx.view.opened_by(min(seqs)):
        if memory.retired is not None:
            continue
        said = {source.seq for source in memory.sources}
        if said and said <= seqs:
            found.append(memory.retire(event.at, "retracted"))
        elif said & seqs or (not memory.basis and seqs & {*memory.rests}):  # with a basis, its premises tell what becomes of it
            why = {"reason": "it was partly made of what was retracted", "retracted": sorted(seqs & {*said, *memory.rests})}
            found.append(memory.revised(status="quarantined", data=why))
    return found


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
    return [replace(target, status="active", data=data, trust=trust)]


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
    kept = {k: v for k, v in found.data.items() if k not in DOUBTS}
    return [replace(found, id=target.id, opened=target.opened, status="active", data=kept)]


OPS: Mapping[str, Callable[[Memory, Event, Context, Recipe], list[Memory]]] = {
    "revise": _revise,
    "retire": _retire,
    "confirm": _confirm,
    "approve": _confirm,
    "reject": _reject,
    "rederive": _rederive,
}

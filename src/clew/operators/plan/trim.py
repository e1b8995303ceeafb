"""What a turn does to a plan of slots (TME's TRIM): its steps, what each is meant to do, and which slot it is about.

A slot holds one value at a time. A new value supersedes the old one, which stays as its history; what rests on the old
one is left to the engine's cascade, through `basis`.
"""

import re
from collections.abc import Collection, MutableMapping, Sequence
from dataclasses import dataclass, replace

from clew import maintenance
from clew.context import Context
from clew.models import forms
from clew.operators.plan.choosing import chosen, listed, recent
from clew.operators.plan.graph import Plan, by_slot
from clew.storage.terms import terms
from clew.types import Event, Memory, Source, may_end

VERSION = 1
SLOT = "slot"  # the kind of memory
INTENTS = ("new", "update", "check")
CHARS = 60  # of a slot's name
ITEM = forms.records({"subject": CHARS, "text": 200}, 1, 1, "items")
NAMED = 3  # words of a step that name its slot where nothing else does
NOBODY = frozenset("i you he she it we they this that there these those who what which".split())  # noqa: SIM905 - these name no slot
_PLAIN = re.compile(r"(?:what|which|who|whom|whose|when|where|how|is|are|was|were|did|does|do|have|has)\b[^.!?]*\?\W*", re.I)
_BEFORE = re.compile(r"\b(?:before|previous(?:ly)?|first|former(?:ly)?|used to|original(?:ly)?|earlier|histor\w*|changed?|old)\b", re.I)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a turn says, with the words that say it."""

    text: str
    source: Source


def plan(ctx: Context) -> Plan:
    """The slots as they stand."""
    return Plan.of(ctx.view.all(SLOT), by_slot)


def steps(event: Event, texts: Sequence[str]) -> list[Step]:
    """These parts of what was said, each with its place there; what is in other words comes from the whole."""
    found: list[Step] = []
    for text in (t.strip() for t in texts if t.strip()):
        start = event.text.find(text)
        step = Step(text, Source(event.seq, start, start + len(text)) if start >= 0 else Source(event.seq, 0, len(event.text)))
        found += [] if found[-1:] == [step] else [step]  # small models repeat themselves
    return found or [Step(event.text, Source(event.seq, 0, len(event.text)))]


def said_of(node: Memory, value: str) -> bool:
    """Whether that is what the slot holds already."""
    return node.text.removeprefix(f"{node.data['slot']}: ").casefold() == value.casefold()


def plain_question(text: str) -> bool:
    """Whether a step is one question and nothing else, so that nobody need be asked what it is meant to do."""
    return _PLAIN.fullmatch(text.strip()) is not None


def asks_back(text: str) -> bool:
    """Whether a question asks for what was so before."""
    return _BEFORE.search(text) is not None


def grounded(value: str, *shown: str) -> bool:
    """Whether every word of a value stands in what was shown: what a model added to it is not taken."""
    words = set(terms(value))
    return bool(words) and words <= set(terms("\n".join(shown)))


def slot_named(subject: str, words: str, taken: Collection[str] = ()) -> str:
    """The name of a slot: lower case, single spaces; that of a step without one is its first telling words. A taken one gets a number."""
    name = _name(subject)
    if not name or name in NOBODY:
        telling = [w for w in words.split() if terms(w)] or words.split()
        name = _name(" ".join(telling[:NAMED])) or "note"
    return next(n for n in (name, *(f"{name} {i}" for i in range(2, len(taken) + 3))) if n not in taken)


def _name(text: str) -> str:
    return " ".join(text.lower().split()).strip(" .,;:!?\"'[]()")[:CHARS].strip()


def intent(step: Step, plan: Plan, ctx: Context) -> str:
    """Whether a step says something new, changes what is known, or asks: by a model, but for plain questions."""
    if not ctx.params["intents"]:
        return "new"
    if plain_question(step.text):
        return "check"
    known = recent(plan.nodes)
    return ctx.ask("intent", forms.choice(INTENTS, "relation"), step=step.text, known=listed(known), cites=known.values(), otherwise="new")


# -- writing --------------------------------------------------------------------------------------------------------


def filled(slot: str, value: str, step: Step, parents: Sequence[str], needs: Sequence[str], plan: Plan, ctx: Context) -> Memory:
    """A new node. It rests on what it needs (`propagation`), and is stale from the first where that is."""
    basis = [plan.nodes[end] for end in needs] if ctx.params["propagation"] else []
    doubts = [m.id for m in basis if m.status == "suspect"]
    node = ctx.memory(
        f"{slot}: {value}" if value else slot,
        kind=SLOT,
        sources=[step.source],
        basis=basis,
        since=min(ctx.at, ctx.now),  # in a plan what was said last holds, whatever the time it tells of
        slot=slot,
        parents=list(parents),
        needs=list(needs),
        began=plan.nodes[slot].data["began"] if slot in plan.nodes else ctx.seq,
    )
    return node.revised(status="suspect", data={"suspect": doubts}) if doubts else node


def again(node: Memory, parents: Sequence[str], needs: Sequence[str], plan: Plan, restated: bool, ctx: Context) -> Memory:
    """The same node with more edges. Said again as it was, it rests on what holds now, and is as stale as that."""
    basis = [plan.nodes[end] for end in needs] if ctx.params["propagation"] else []
    doubts = [m.id for m in basis if m.status == "suspect"]
    kept = {} if restated else dict.fromkeys(node.basis)
    rests = tuple(sorted({*node.rests, *(seq for m in basis for seq in m.rests)}))
    held = replace(node, rests=rests, basis=tuple(kept | dict.fromkeys(m.id for m in basis)))
    if doubts:
        held = held.revised(status="suspect", data={"suspect": sorted({*doubts, *node.data.get("suspect", ())})})
    elif restated and node.status == "suspect":
        held = replace(held, status="active", data={k: v for k, v in node.data.items() if k != "suspect"})
    return held.revised(data={"parents": list(parents), "needs": list(needs)})


def placed(step: Step, what: str, top: Sequence[str], plan: Plan, written: MutableMapping[str, Memory], ctx: Context) -> tuple[Plan, str]:
    """The plan after a step that tells something, and the slot that it filled, filled anew, or used once more.

    `what` is its intent, `top` the task that the turn's steps lie under, `written` takes what is to be written, by id.
    """
    p, words = ctx.params, step.text
    found = chosen("slot", {k: m for k, m in plan.nodes.items() if k not in top}, 1, ctx, step=words) if p["shared"] else []
    known, fallback = found[0] if found else "(a new slot)", {"subject": "", "text": words}
    [item] = ctx.ask("item", ITEM, step=words, known=known, otherwise=[fallback])
    slot, value = slot_named(item["subject"], words, () if p["shared"] else plan.nodes), item["text"].strip()
    if value and p["grounded"] and not grounded(value, words, *(m.text for m in plan.nodes.values())):
        value = words
    if found and (what == "update" or not value or set(terms(slot)) & set(terms(found[0])) or said_of(plan.nodes[found[0]], value)):
        slot = found[0]  # what is new and about something else must not take the place of what is there
    old = plan.nodes.get(slot)
    others = {k: m for k, m in plan.nodes.items() if k != slot and k not in top}
    under = [*(old.data["parents"] if old else top or chosen("place", others, 1, ctx, step=words)), *top]
    needs = [*(old.data["needs"] if old else ()), *chosen("needs", others, p["edges"], ctx, step=f"{slot}: {words}")]
    if p["acyclic"]:
        needs, under = plan.sound(slot, needs, "needs"), plan.sound(slot, under, "parents")
    edges = list(dict.fromkeys(under)), list(dict.fromkeys(needs))
    if old is not None and (not value or said_of(old, value)):
        written[old.id] = node = again(written.get(old.id, old), *edges, plan, bool(value), ctx)
        return plan.with_(slot, node), slot
    node = filled(slot, value or words, step, *edges, plan, ctx)
    if old is not None:
        if not may_replace(node, old, ctx):
            return plan, slot
        node, plan = superseded(written.get(old.id, old), node, plan, written, ctx)
    written[node.id] = node
    return plan.with_(slot, node), slot


def titled(event: Event, plan: Plan, written: MutableMapping[str, Memory], ctx: Context) -> tuple[Plan, list[str]]:
    """The plan with the task that a turn of several new steps is about, and its slot: one that there is, or a new one."""
    title = slot_named(ctx.ask("title", forms.text(CHARS, "title"), message=event, otherwise=""), event.text)
    if title not in plan.nodes:
        node = filled(title, "", Step(event.text, Source(event.seq, 0, len(event.text))), [], [], plan, ctx)
        written[node.id], plan = node, plan.with_(title, node)
    return plan, [title]


def may_replace(node: Memory, old: Memory, ctx: Context) -> bool:
    """Whether this turn is trusted enough to end the old node; noted where it is not."""
    if may_end(min(ctx.authority, node.trust), old.trust):
        return True
    ctx.faults.append(("trust", f"{old.data['slot']}: what came later is trusted too little to change memory {old.id}"))
    return False


def superseded(old: Memory, node: Memory, plan: Plan, written: MutableMapping[str, Memory], ctx: Context) -> tuple[Memory, Plan]:
    """Write that a node takes the place of the old one; the node, with its history, and the plan in which what rests on it is stale.

    What rests on the old one, through others too, is tied to it, so that the engine's cascade finds it, whatever else this
    turn changes between them. What this very turn made is not in the view yet, and is marked here.
    """
    for slot in plan.resting(old.data["slot"]) if ctx.params["propagation"] else []:
        held = plan.nodes[slot]
        held = written.get(held.id, held)
        if old.opened is None or held.opened is None:
            written[held.id] = held.revised(status="suspect", data={"suspect": sorted({*held.data.get("suspect", ()), old.id})})
        elif held.status == "active":
            now = [*(plan.nodes[end] for end in plan.needs(slot)), old]
            rests = tuple(sorted({*held.rests, *(seq for m in now for seq in m.rests)}))
            written[held.id] = replace(held, rests=rests, basis=tuple(dict.fromkeys([*held.basis, *(m.id for m in now)])))
        plan = plan.with_(slot, written.get(held.id, held).revised(status="suspect"))
    if ctx.params["revisions"]:
        written[old.id] = old.retire(min(ctx.at, ctx.now), "superseded").revised(data={"replaced_by": node.id})
        return node.revised(data={"replaces": old.id}), plan
    if old.opened is None:
        written.pop(old.id, None)
    else:
        written[old.id] = replace(old, retired="corrected")
    return node, plan


# -- reading back ---------------------------------------------------------------------------------------------------


def earlier(node: Memory, ctx: Context) -> list[Memory]:
    """What a node replaced, and what that had replaced, newest first; nothing that was withdrawn."""
    found = [node]
    while id := found[-1].data.get("replaces"):
        past = [m for m in (v.ended for v in maintenance.versions(id, ctx)) if m.opened is not None and m.opened <= ctx.seq]
        if (
            not past
            or past[-1].retired not in (None, "superseded")
            or (past[-1].closed or ctx.seq + 1) <= ctx.seq
            or any(m.id == id for m in found)
        ):
            break
        found.append(past[-1])
    return found[1:]


def told(node: Memory, ctx: Context) -> str:
    """The history of a slot, newest first: since when it had which value."""
    return "\n".join(f"{m.since:%Y-%m-%d %H:%M} {m.text}" for m in [node, *earlier(node, ctx)] if m.since is not None)

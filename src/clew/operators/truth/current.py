"""What holds now, among what was found: the newest statement of a slot first, the stale one below it and marked.

Only what the question asks for is moved, and only where it asks for what is so now. Nothing is left out.
"""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from clew.context import Context
from clew.operators.ranking.rank import DIGITS, NEWER
from clew.operators.slots.asking import ENOUGH, Asked, asked, is_first, named, wanted
from clew.operators.slots.reading import node
from clew.operators.slots.words import CUES, subject_form
from clew.operators.times import when
from clew.operators.truth import settled
from clew.operators.truth.change import Holding, settle
from clew.storage.draft import Draft
from clew.types import Change, Hit, Memory, Query

VERSION = 3
BESIDE = 3  # of the first hits, short turns are marked whatever is asked
ASKER = "user"  # the speaker of what has no other
SHORT = 200  # characters of such a turn: what it states is what it says
FULL = 0.99  # of a slot's words, from which it is the one asked for
SLOTS = 3  # slots of a question that are looked at
SCANNED = 400  # facts that are looked through for a time before any of their turns was said


def timeless(view: Draft) -> Draft:
    """The same view, of the same asker and as of the same event, without limits of valid time: what ended is seen too."""
    found = copy(view)
    if found.only is not None:
        found.only = replace(found.only, since=None, until=None)
    return found


@dataclass(frozen=True, slots=True)
class Slot:
    """The statements of one slot, settled, as the question may see them: the newest first."""

    holdings: tuple[Holding, ...]
    facts: Mapping[str, Memory]  # by id

    def turn(self, holding: Holding) -> str:
        """The turn that made a statement."""
        return self.facts[holding.said.key].basis[-1]


@dataclass(frozen=True, slots=True)
class Look:
    """One question's look at what changed: the question, the view with its past, and the time it is about."""

    query: Query
    asked: Asked
    view: Draft
    at: datetime
    sought: bool = False  # no hit states the slot: it was looked for by its name

    def holds(self, holding: Holding) -> bool:
        """Whether a value held at the time of the question."""
        ended = holding.until is not None and holding.until <= self.at
        return holding.since <= self.at and not ended and holding.reason not in ("corrected", "refused", "retracted")


def current(query: Query, hits: Sequence[Hit], ctx: Context) -> list[Hit]:
    """The hits, best first, with what holds now before what it replaced, and what changed marked."""
    own = _own(query)
    if query.valid_at is None and not own and not any(settled.TOLD in hit.memory.data for hit in hits):
        return list(hits)
    look = Look(query, _plain(asked(query.text), hits), timeless(ctx.view), query.valid_at or query.at or ctx.at)
    scores: dict[str, float] = {}
    beside: list[str] = []
    for n, hit in enumerate(hits):
        for subject, slot in hit.memory.data.get(settled.TOLD, ()):
            share, name = wanted(subject, slot, subject_form(hit.memory.actor or "user"), look.asked), node(subject, slot)
            if share >= ENOUGH:
                scores[name] = max(share, scores.get(name, 0.0))
            elif n < BESIDE and len(hit.memory.text) <= SHORT:
                beside.append(name)
    order = list(scores)
    chosen = sorted(scores, key=lambda name: (-scores[name], order.index(name)))[:SLOTS]
    if query.valid_at is not None and not chosen:
        chosen = _known(look)
    if not chosen and len(known := [name for name in own if settled.in_slot([name], look.view)]) == 1:
        chosen, look = known, replace(look, sought=True)
    slots = {name: _slot(name, look) for name in chosen}
    found = list(hits)
    for name in reversed(chosen):
        found = _moved(found, slots[name], look, ctx)
    if chosen and scores.get(chosen[0], 0.0) >= FULL:
        found = _above(found, chosen, look)
    slots |= {name: _slot(name, look) for name in beside if name not in slots}
    return [_marked(hit, slots, look, ctx) for hit in found]


def _own(query: Query) -> list[str]:
    """The well-known slots of the asker that a question asks for: what fills them need have no word of it ("I am a welder")."""
    question = asked(query.text)
    if not question.own:
        return []
    return [node(ASKER, slot) for slot, cues in CUES.items() if question.words and question.words <= {*cues.split()}]


def _plain(question: Asked, hits: Sequence[Hit]) -> Asked:
    """The question, where its word for a first time is part of a slot's own name, even misspelt: an "original broadcaster" is no first one."""
    if not question.first:
        return question
    said = {"".join(sorted(word)) for word in question.words if is_first(word)}
    slots = [slot for hit in hits for subject, slot in hit.memory.data.get(settled.TOLD, ()) if subject and named(subject, "", question)]
    return replace(question, first=False) if any("".join(sorted(w)) in said for slot in slots for w in slot.split()) else question


def _above(hits: Sequence[Hit], chosen: Sequence[str], look: Look) -> list[Hit]:
    """The hits with the first that states what is asked for before those that state something of others only.

    "Boris Pryor is coached by Felix Thorne" has every word of a question about Boris Thorne's coach.
    """
    at = next((n for n, hit in enumerate(hits) if any(node(s, slot) == chosen[0] for s, slot in hit.memory.data.get(settled.TOLD, ()))), 0)
    top = at
    while top > 0 and _of_others(hits[top - 1], look):
        top -= 1
    if top == at:
        return list(hits)
    score = round(hits[top].score + 10**-DIGITS, DIGITS)
    first = replace(hits[at], score=score, why={**hits[at].why, NEWER: round(score - hits[at].score, DIGITS)})
    return [*hits[:top], first, *(hit for n, hit in enumerate(hits) if n >= top and n != at)]


def _of_others(hit: Hit, look: Look) -> bool:
    """Whether a short turn states something, and that of nobody and nothing that the question asks about."""
    told = hit.memory.data.get(settled.TOLD, ())
    me = subject_form(hit.memory.actor or "user")
    return bool(told) and len(hit.memory.text) <= SHORT and all(subject and not named(subject, me, look.asked) for subject, _ in told)


def _known(look: Look) -> list[str]:
    """The slot that the question asks for most of all, among all facts."""
    columns = look.view.columns((settled.FACT,))
    scores: dict[str, float] = {}
    for fact in look.view.at_slots(columns.slot[-SCANNED:]):
        share = wanted(fact.data["subject"], fact.data["slot"], subject_form(fact.actor or "user"), look.asked)
        if share >= ENOUGH:
            scores[fact.links[0]] = max(share, scores.get(fact.links[0], 0.0))
    return sorted(scores, key=lambda n: (-scores[n], n))[:1]


def _slot(node: str, look: Look) -> Slot:
    facts = {m.id: m for m in settled.in_slot([node], look.view)[-settled.RIVALS :] if not m.data.get("refused")}
    held = [h for h in settle([settled.said(m) for m in facts.values()]) if h.reason != "refused"]
    held.sort(key=lambda h: (h.since, h.said.seq), reverse=True)
    return Slot(tuple(held), facts)


def _order(slot: Slot, look: Look) -> list[Holding]:
    """The values of a slot in the order in which they answer; empty where the hits must be left as they are."""
    values = [h for h in slot.holdings if not (h.said.statement.ending or h.said.statement.negated)]
    holding = [h for h in values if look.holds(h)]
    if look.query.valid_at is not None or (look.sought and len(values) == 1):
        return holding
    if len(values) < 2 or look.asked.both or not values[0].said.statement.single:
        return []
    times = [t for t in when.intervals(look.query.text, look.at) if t.end <= look.at]
    if times:
        return [h for h in values if h.since < times[0].end and (h.until is None or h.until > times[0].start)][:1]
    if look.asked.first:
        return values[::-1]
    rest = [h for h in values if h not in holding]
    if look.asked.back:
        return [*rest, *holding] if rest else []
    return [*(holding or values), *(rest if holding else [])]


def _moved(hits: Sequence[Hit], slot: Slot, look: Look, ctx: Context) -> list[Hit]:
    """The hits with those of one slot in its order, the first of them fetched where it was not found."""
    order = list(dict.fromkeys(slot.turn(h) for h in _order(slot, look)))
    if not order:
        return list(hits)
    known = {hit.memory.id: hit for hit in hits}
    places = [n for n, hit in enumerate(hits) if hit.memory.id in order]
    if order[0] not in known:
        best = places[0] if places else 0
        first = ctx.view.get(order[0]) or next((f for f in slot.facts.values() if f.basis[-1] == order[0]), None)
        if first is not None:
            score = round((hits[best].score if hits else 0.0) + 10**-DIGITS, DIGITS)
            return [*hits[:best], Hit(first, score, {NEWER: score}), *hits[best:]]
    inside = sorted((known[hits[n].memory.id] for n in places), key=lambda hit: order.index(hit.memory.id))
    found = list(hits)
    for n, hit in zip(places, inside, strict=True):
        moved = hits[n].score
        found[n] = hit if moved == hit.score else replace(hit, score=moved, why={**hit.why, NEWER: round(moved - hit.score, DIGITS)})
    return found


def _marked(hit: Hit, slots: Mapping[str, Slot], look: Look, ctx: Context) -> Hit:
    """The hit with what became of what it states, and what it put an end to."""
    id, changes = hit.memory.id, list(hit.changes)
    for slot in slots.values():
        for holding in slot.holdings:
            fact = slot.facts[holding.said.key]
            if id in (fact.basis[-1], fact.id):
                changes += _of(holding, slot)
    kept = [
        Change(c.reason, c.at.astimezone(UTC), c.by if c.by and ctx.view.get(c.by) is not None else None)
        for c in dict.fromkeys(changes)
        if c.at <= look.at
    ]
    return replace(hit, changes=tuple(kept)) if kept else hit


def _of(holding: Holding, slot: Slot) -> list[Change]:
    found: list[Change] = []
    if holding.reason in ("superseded", "corrected", "retracted") and holding.until is not None:
        by = slot.facts.get(holding.by or "")
        found.append(Change(holding.reason, holding.until, by.basis[-1] if by else None))
    return found + [Change("replaces", holding.since, slot.facts[key].basis[-1]) for key in holding.ends if key in slot.facts]

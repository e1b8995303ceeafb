"""Statements kept beside the turns that make them, as memories of kind "fact": found by their slot, never by their words.

A turn is never ended by what is read off it: a wrong reading must not hide evidence. What is ended is the fact.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from clew.context import Context
from clew.operators import encode
from clew.operators.slots.asking import asked, kindred, wanted
from clew.operators.slots.reading import node, stated
from clew.operators.slots.statement import Statement
from clew.operators.slots.withdrawals import UNNAMED, is_withdrawal
from clew.operators.slots.words import numeric, subject_form, timely
from clew.operators.truth.change import CORRECTED, REFUSED, SUPERSEDED, Holding, Said, settle
from clew.operators.truth.doubt import CONCLUDED
from clew.storage.draft import Draft
from clew.types import Event, Memory, Source

VERSION = 2
FACT = "fact"
TOLD = "told"  # data of a turn: [subject, slot] of each of its facts, in order, so that most questions need not look at them
CHATTER = 700  # characters of an assistant's turn from which on it explains rather than states
RIVALS = 200  # statements of a slot that are looked at again when another comes; of a gauge read for years the newest
LATELY = 40  # facts back that "it" may mean, or words that name no slot
ALIKE = 0.6  # nearness from which two slots are one in other words
FLAGS = ("negated", "correcting", "ending")


def turns(events: Sequence[Event], ctx: Context) -> list[Memory]:
    """Each event that has words as a turn, and the statements of slots that they make as facts based on it."""
    found: list[Memory] = []
    for event, turn in zip([e for e in events if e.text.strip()], encode.turns(events, ctx), strict=True):
        said = () if _chatter(event) else stated(event.text, event.actor, event.at)
        grounded = _grounded(turn.revised(links=(*turn.links, CONCLUDED)), ctx) if ctx.premises else turn
        if said:
            grounded = grounded.revised(data={TOLD: [[s.subject, s.slot] for s in said]})
        found += [grounded, *(_fact(statement, event, grounded, ctx) for statement in said)]
    return found


def _chatter(event: Event) -> bool:
    return encode.role(event) == "assistant" and len(event.text) > CHATTER


def _grounded(turn: Memory, ctx: Context) -> Memory:
    """A conclusion rests on what its premises state too: when that changes, it is in doubt."""
    facts = {m.id: m for premise in ctx.premises for m in facts_of(premise.id, ctx.view)}
    if not facts:
        return turn
    rests = {*turn.rests, *(seq for m in facts.values() for seq in m.rests)}
    return replace(turn, basis=tuple(dict.fromkeys((*turn.basis, *facts))), rests=tuple(sorted(rests)))


def _fact(statement: Statement, event: Event, turn: Memory, ctx: Context) -> Memory:
    me = subject_form(event.actor or "user")
    data: dict[str, Any] = {"subject": statement.subject, "slot": statement.slot, "value": statement.value}
    data |= {name: True for name in FLAGS if getattr(statement, name)}
    if not statement.single:
        data["single"] = False
    data |= {f"said_{name}": at.isoformat() for name in ("since", "until") if (at := getattr(statement, name)) is not None}
    return ctx.memory(
        event.text[statement.start : statement.end],
        kind=FACT,
        sources=[Source(event.seq, statement.start, statement.end)],
        basis=[turn],
        links=[node(statement.subject, statement.slot), *([about(statement.subject)] if statement.subject not in ("", "it", me) else [])],
        since=statement.since or (min(event.at, statement.until) if statement.until else None),
        until=statement.until,
        actor=event.actor,
        **data,
    )


def statement(fact: Memory) -> Statement:
    """What a fact states, as it was read off its turn."""
    data: Mapping[str, Any] = fact.data
    since, until = (datetime.fromisoformat(data[name]) if name in data else None for name in ("said_since", "said_until"))
    negated, correcting, ending = (bool(data.get(name)) for name in FLAGS)
    span, single = fact.sources[0], data.get("single", True)
    return Statement(
        data["subject"], data["slot"], data["value"], span.start, span.end, "state", single, negated, correcting, ending, since, until
    )


def said(fact: Memory) -> Said:
    """A fact as it goes into `settle`."""
    at = datetime.fromisoformat(fact.data["at"]) if "at" in fact.data else fact.since
    assert at is not None
    return Said(statement(fact), fact.id, fact.sources[0].seq, at, fact.trust)


def facts_of(turn: str, view: Draft) -> list[Memory]:
    """The facts read off a turn, as far as they may be seen."""
    return [m for m in view.derived(turn) if m.kind == FACT and m.basis[-1] == turn]


def in_slot(nodes: Sequence[str], view: Draft) -> list[Memory]:
    """The facts of these slots, as far as they may be seen, oldest first."""
    return [m for m in view.linked(nodes) if m.kind == FACT]


def settled(memories: Sequence[Memory], ctx: Context) -> list[Memory]:
    """The memories to write: what was encoded, with each slot that a new fact falls in settled anew."""
    written = {m.id: m for m in memories}
    for id in [m.id for m in memories if m.kind == FACT]:
        asked = written[id]
        fact, rivals = _resolved(asked, written, ctx)
        written[id] = fact
        rivals = [m for m in rivals[-RIVALS:] if m.id not in written and m.scope.agent == fact.scope.agent]
        own = [m for m in written.values() if m.kind == FACT and m.links[:1] == fact.links[:1] and m.id != id]
        if rivals or own or fact.data.get("ending") or fact.data.get("negated"):
            for changed in _settled([*rivals, *own, fact]):
                written[changed.id] = changed
        if fact.links != asked.links:
            turn = written[fact.basis[-1]]
            subject, slot = fact.data["subject"], fact.data["slot"]
            told = [[subject, slot] if pair == [asked.data["subject"], asked.data["slot"]] else pair for pair in turn.data[TOLD]]
            written[turn.id] = turn.revised(data={TOLD: told})
    return list(written.values())


def _settled(facts: Sequence[Memory]) -> list[Memory]:
    """The facts of one slot that change when another comes."""
    known = {m.id: m for m in facts}
    found = []
    for holding in settle([said(m) for m in facts]):
        before = known[holding.said.key]
        after = _ended(before, holding, known)
        if after != before:
            found.append(after)
    return found


def _ended(fact: Memory, holding: Holding, known: Mapping[str, Memory]) -> Memory:
    """A fact with the interval and the end that `settle` gives it.

    One that was corrected stays in its slot, with an interval of no length: the correction may fall one day.
    """
    data: dict[str, Any] = {}
    if holding.since != fact.since:
        data["at"] = holding.said.at.isoformat()
    if holding.by is not None and holding.by in known:
        data["by"] = known[holding.by].basis[-1]
    if holding.reason in (CORRECTED, REFUSED):
        data[holding.reason] = True
    changed = replace(fact, since=holding.since, until=holding.until, data={**fact.data, **data} if data else fact.data)
    if holding.reason in (SUPERSEDED, CORRECTED):
        assert holding.until is not None
        return changed.retire(holding.until, "superseded")
    return replace(changed, retired=None) if fact.retired == "superseded" else changed


def _resolved(fact: Memory, written: Mapping[str, Memory], ctx: Context) -> tuple[Memory, list[Memory]]:
    """A fact with the others of its slot: "it" is moved to what was spoken of last, "the budget" to "my budget" and back."""
    subject, slot, me = fact.data["subject"], fact.data["slot"], subject_form(fact.actor or "user")
    if subject == "it":
        earlier = [m for m in written.values() if m.kind == FACT and m.id != fact.id] or ctx.view.recent(LATELY, FACT)
        meant = next((m for m in reversed(earlier) if m.scope.session == fact.scope.session and _alike(m, fact)), None)
        if meant is None:
            return fact.revised(data={"refused": True}), []
        fact = fact.revised(links=meant.links, data={"subject": meant.data["subject"], "slot": meant.data["slot"]})
    found = in_slot(fact.links[:1], ctx.view)
    if not found and (likely := _likely(fact, me, written, ctx)) is not None:
        moved = {"subject": likely.data["subject"], "slot": likely.data["slot"]}
        fact = fact.revised(links=likely.links, data=moved)
        return fact, in_slot(fact.links[:1], ctx.view)
    if not found and subject in ("", me):
        other = node("" if subject == me else me, slot)
        found = in_slot([other], ctx.view)
        if found:
            fact = fact.revised(links=(other,), data={"subject": "" if subject == me else me})
    return fact, found


def _likely(fact: Memory, me: str, written: Mapping[str, Memory], ctx: Context) -> Memory | None:
    """A fact of the slot that is meant in other words: "the colour of the boat" where it was said what the boat is painted."""
    subject, slot, taken = fact.data["subject"], fact.data["slot"], is_withdrawal(statement(fact))
    if subject not in ("", me, UNNAMED):
        others = in_slot([about(subject)], ctx.view)
    elif taken or subject == "":
        others = ctx.view.recent(LATELY, FACT)
    else:
        return None
    others = [m for m in (*others, *written.values()) if m.kind == FACT and m.id != fact.id and not m.data.get("refused")]
    scores: list[tuple[float, int]] = []
    question = asked(f"{slot} {'' if subject == UNNAMED else subject}")
    for n, other in enumerate(others):
        if subject == UNNAMED:
            share = wanted(other.data["subject"], other.data["slot"], me, question)
        else:
            sorts = taken or _sort(fact) == _sort(other)
            share = kindred(slot, other.data["slot"]) if other.data["subject"] == subject and sorts else 0.0
        if share >= ALIKE:
            scores.append((share, n))
    return others[max(scores)[1]] if scores else None


def _sort(fact: Memory) -> tuple[bool, bool]:
    value = str(fact.data["value"])
    return timely(value), numeric(value)


def about(subject: str) -> str:
    """The name under which memories of one subject are linked."""
    return f"about:{subject}"


def _alike(one: Memory, other: Memory) -> bool:
    a, b = str(one.data["value"]), str(other.data["value"])
    return one.data["subject"] != "it" and (timely(a), numeric(a)) == (timely(b), numeric(b))

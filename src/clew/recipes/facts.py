"""Facts: what was stated, sentence by sentence, each with its exact words, behind a gate that asks whether they say it.

Paper:     none
Code:      our own
Forms:     token        Functions: factual
Formation: knowledge distillation (by rules), structured construction
Evolution: updating
Retrieval: hybrid, rerank and filter
Quadrant:  II
Group:     explicit
Published: none
Checklist: none
Calls:     none per add, none per recall
Differs:   nothing to differ from
Results:   docs/findings/facts.md; `clew arena extraction`
"""
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from clew.context import Context
from clew.models import forms
from clew.operators import encode, facts
from clew.operators import retrieve as hybrid
from clew.operators.facts import settling
from clew.operators.facts.person import told
from clew.operators.slots.statement import KINDS, Statement
from clew.operators.truth import support
from clew.recipe import Recipe, prompts
from clew.types import TRUST, Event, Hit, Memory, Query, Source

PARAMS = {
    "ask": False,  # whether a connected model reads the messages too
    "rules": True,  # whether the rules read them
    "gate": True,  # whether what its words do not support is quarantined; off for the control
    "profile": 24,  # facts that a profile rests on; 0 makes none
}
FOUND = forms.records({"text": 140, "quote": 160, "kind": KINDS}, 5)


def read(events: Sequence[Event], ctx: Context) -> list[Memory]:
    """Each fact of the message a memory of its own; what its words do not support is quarantined with the reasons."""
    event, role = events[0], voice(events[0])
    said = [(f, "rules") for f in facts.read(event.text, event.actor, role, event.at)] if ctx.params["rules"] else []
    if ctx.params["ask"] and role != "assistant" and event.text.strip():
        said += [(f, "model") for f in asked(event, role, ctx)]
    return [kept(fact, by, event, ctx) for fact, by in said]


def voice(event: Event) -> str | None:
    """Whose words these are where nobody is named: the message's role, or that of a tool or a document."""
    return encode.role(event) or {"document": "document", "observation": "tool"}.get(event.kind)


def asked(event: Event, role: str | None, ctx: Context) -> list[facts.Fact]:
    """What a model reads from the message; a quote that is not in it supports nothing."""
    name = facts.name_of(event.actor, role)
    rows = ctx.ask("extract", FOUND, speaker=name, at=event.at.isoformat(" ", "minutes"), message=event, otherwise=[])
    found = []
    for row in rows:
        quote, text = row["quote"].strip(" .!"), told(row["text"].strip(), name).text
        start = event.text.lower().find(quote.lower()) if quote else -1
        there = 0 <= start <= len(event.text) - len(quote)  # lower case may be longer
        span = (start, start + len(quote)) if there else (0, len(event.text))
        stated = Statement(name.casefold().removeprefix("the "), row["kind"], text, *span, row["kind"], single=False)
        if text:
            found.append(facts.Fact(stated, text, (name,), name, there, (span,)))
    return found


def kept(fact: facts.Fact, by: str, event: Event, ctx: Context) -> Memory:
    """The fact as a memory: its sentence, the spans that say it, its slot as data, and the gate's verdict as its status."""
    stated, words = fact.statement, " ".join(event.text[a:b] for a, b in fact.spans)
    verdict = support.supported(fact.text, words, fact.resolved, event.at, fact.own)
    fine = verdict.supported or not ctx.params["gate"]
    data: dict[str, Any] = {name: True for name in ("negated", "ending", "correcting") if getattr(stated, name)}
    data |= {settling.SLOTTED: True} if stated.single else {}
    data |= {"resolved": list(fact.resolved)} if fact.resolved else {}
    data |= {} if verdict.supported else {"reason": "; ".join(support.told(verdict))}
    return ctx.memory(
        fact.text, kind=stated.kind if stated.kind in ("preference", "plan", "relation", "event") else "fact", actor=event.actor,
        sources=[Source(event.seq, a, b) for a, b in fact.spans], since=beginning(stated, event), links=settling.linked(stated, fact.text),
        status="active" if fine else "quarantined", subject=stated.subject, slot=stated.slot, value=stated.value, by=by,
        **data)


def beginning(stated: Statement, event: Event) -> datetime:
    """When what is stated holds from: the time that its words give, else when it was said; what is planned holds from then too."""
    return stated.since if stated.since is not None and stated.kind != "plan" else event.at


def store(memories: Sequence[Memory], ctx: Context) -> list[Memory]:
    """The facts in their slots, and what they end; with them the profiles of those who speak for themselves."""
    written = settling.settled(memories, ctx)
    assert ctx.event is not None
    role = voice(ctx.event)
    if not ctx.params["profile"] or role == "assistant" or ctx.event.trust < TRUST["assistant"]:
        return written
    own = facts.name_of(ctx.event.actor, role).casefold().removeprefix("the ")
    return [*written, *settling.profiled(written, [own], ctx.params["profile"], ctx)]


def retrieve(query: Query, ctx: Context) -> list[Hit]:
    """By words and meaning; what holds now before what it ended."""
    return settling.current_first(hybrid.hybrid(replace(query, k=2 * query.k + 10), ctx), query.k, ctx)


def anew(memory: Memory, ctx: Context) -> Memory | None:
    """A suspect profile from the facts as they are now; nothing else here is derived."""
    return settling.rederived(memory, ctx.params["profile"], ctx)


recipe = Recipe(
    name="facts", encode=read, store=store, retrieve=retrieve, rederive=anew, params=PARAMS, prompts=prompts(__file__),
    version=2)

"""What a person decides: what waits in quarantine, and what is to be forgotten, tried before it is done."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Response

from clew.errors import UsageError
from clew.serve.inspector import pieces
from clew.serve.inspector.frame import PAGES, Visit, note, page, panel
from clew.serve.inspector.markup import Html, el, url
from clew.serve.inspector.standing import table
from clew.serve.inspector.visiting import Form, Name, Seen, moved
from clew.types import Memory, Receipt

router = APIRouter()
SHOWN = 25  # events of a dry run that are shown in words
WORDS = ("whose", "session", "actor", "matching", "before", "reason")  # fields of the form that are texts
DECISIONS = ("approve", "reject")
COUNTED = {  # what a receipt counts, in words
    "event": "events",
    "answer": "models' answers",
    "name": "names",
    "memory": "versions of memories taken back, to be made anew from what stays",
    "conclusion": "of the events, conclusions from the others",
}


@router.get("/review")
def review(visit: Seen, done: Name = "") -> Response:
    """What waits for a decision, of every user that the visitor may act for."""
    waiting = visit.sight.review(user=visit.sight.who.user)
    told = note({"approve": "It is in memory now.", "reject": "It stays out of memory."}[done]) if done in DECISIONS else None
    return page(
        visit,
        "Review",
        told,
        el("ol", [_waiting(visit, m) for m in waiting], class_="items waiting") if waiting else el("p", "Nothing waits.", class_="soft"),
        lead="Words that gave orders, and memories without support, wait here. Nothing that asks memory sees them.",
    )


def _waiting(visit: Visit, m: Memory) -> Html:
    reason = m.data.get("reason")
    facts = [el("span", m.scope.user or "common to all", class_="actor"), pieces.moment(m.since), pieces.marks(m)]
    acts = None
    if visit.acts("approve"):
        buttons = [
            el("button", words, name="decision", value=value, aria_label=f"{words}: {pieces.short(m.text, 60)}")
            for value, words in (("reject", "Keep it out"), ("approve", "Let it in"))
        ]
        acts = el("form", buttons, method="post", action=visit.link(f"review/{m.id}"), class_="acts")
    words = el("a", pieces.short(m.text), href=pieces.linked(visit, m), class_="words")
    return el(
        "li",
        words,
        el("div", facts, class_="facts"),
        el("p", f"Kept back: {reason}", class_="change") if reason else None,
        acts,
        class_="item",
    )


@router.post("/review/{id}")
def decided(visit: Seen, id: str, fields: Form) -> Response:
    """Let something in, or keep it out."""
    decision = fields.get("decision")
    if decision not in DECISIONS:
        raise UsageError(f"a decision is one of {', '.join(DECISIONS)}; got {decision!r:.40}")
    (visit.sight.approve if decision == "approve" else visit.sight.reject)(id)
    return moved(visit.link("review", done=decision))


@router.get("/forget")
def forget(visit: Seen, events: Name = "", memories: Name = "") -> Response:
    """Asks what is to go."""
    visit.sight.who.needs("forget")
    whose = "" if events or memories else visit.user or ""  # what is named by its place is meant, whoever's it is
    return _asking(visit, {"events": events, "memories": memories, "whose": whose})


def _asking(visit: Visit, given: Mapping[str, str], told: Html | None = None) -> Response:
    if not visit.sight.writable:
        return page(visit, "Forget", note("This file is read-only: nothing in it can be forgotten.", "doubt"))
    bound = visit.sight.who.user
    whose = (
        el("p", el("span", "of ", class_="soft"), bound)
        if bound
        else pieces.field("Of this user", "whose", given.get("whose"), placeholder="of any user")
    )
    form = el(
        "form",
        el(
            "div",
            whose,
            pieces.field("Words in it", "matching", given.get("matching")),
            pieces.field("In this session", "session", given.get("session")),
            pieces.field("Said by", "actor", given.get("actor")),
            pieces.field("Happened before", "before", given.get("before"), placeholder="2026-03-04T12:00:00+01:00"),
            pieces.field("Events (places in the log)", "events", given.get("events"), placeholder="12, 13"),
            pieces.field("Memories (ids)", "memories", given.get("memories")),
            pieces.field("Reason, kept for ever", "reason", given.get("reason")),
            class_="fields",
        ),
        el("button", "Try it: what would go?", class_="main"),
        method="post",
        action=url(f"{PAGES}/forget", user=visit.picked),
        class_="question",
    )
    lead = "First a dry run: it tells what would go and changes nothing. All that fits every field goes, and all that was made of it."
    return page(visit, "Forget", told, form, lead=lead)


@router.post("/forget")
def forgotten(visit: Seen, fields: Form) -> Response:
    """A dry run; with the mark of one that still tells the same, the thing itself."""
    meant = _meant(fields)
    tried = visit.sight.forget(**meant, dry_run=True)
    mark = _mark(tried)
    if fields.get("sure") == mark and tried.seqs:
        return _gone(visit, visit.sight.forget(**meant))
    changed = note("Since you looked, something else would go. Look again.", "doubt") if "sure" in fields else None
    return _tried(visit, fields, tried, mark, changed)


def _meant(fields: Mapping[str, str]) -> dict[str, Any]:
    """The arguments of `forget`; UsageError where nothing narrows it."""
    given = {name: fields[name].strip() for name in WORDS if fields.get(name, "").strip()}
    reason, user = given.pop("reason", None), given.pop("whose", None)
    meant: dict[str, Any] = {**given, **({"user": user} if user else {})}
    for name in ("events", "memories"):
        parts = [part for part in fields.get(name, "").replace(",", " ").split() if part]
        if name == "events" and any(not part.isdecimal() for part in parts):
            raise UsageError(f"events are places in the log, such as 12, 13; got {fields[name]!r:.60}")
        if parts:
            meant[name] = [int(part) for part in parts] if name == "events" else parts
    if not meant:
        raise UsageError("say what is to go: whose, which session, words in it, events or memories")
    return {**meant, **({"reason": reason} if reason else {})}


def _mark(receipt: Receipt) -> str:
    return hashlib.sha256(repr((receipt.seqs, receipt.held)).encode()).hexdigest()[:24]


def _tried(visit: Visit, fields: Mapping[str, str], receipt: Receipt, mark: str, changed: Html | None) -> Response:
    """What would go, in words and numbers, and the button that does it."""
    events = visit.sight.said(receipt.seqs[:SHOWN]) if receipt.seqs else []
    again = [el("input", type="hidden", name=k, value=v) for k, v in fields.items() if k != "sure" and v]
    count = len(receipt.seqs)
    sure = el(
        "form",
        again,
        el("input", type="hidden", name="sure", value=mark),
        el("button", f"Forget {pieces.counted(count, 'event')} for good", class_="danger"),
        method="post",
        action=url(f"{PAGES}/forget", user=visit.picked),
        class_="acts",
    )
    said = el("p", f"{pieces.counted(count, 'event')} would go. {receipt.why[:1].upper()}{receipt.why[1:]}.", class_="said")
    rest = el("p", f"and {count - SHOWN:,} more", class_="soft") if count > SHOWN else None
    shown = (
        el("ol", [pieces.happened(visit, e, day=True) for e in events], class_="items")
        if events
        else el("p", "Nothing fits.", class_="soft")
    )
    return page(
        visit,
        "What would go",
        changed,
        el("div", said, sure if receipt.seqs else None, el("p", el("a", "Not these", href=visit.link("forget"))), class_="focus"),
        el(
            "div",
            panel("Events", shown, rest, id="events"),
            el("div", panel("And what came of them", _counts(receipt)), _elsewhere(visit, receipt)),
            class_="columns",
        ),
    )


def _gone(visit: Visit, receipt: Receipt) -> Response:
    """The receipt."""
    text = json.dumps(asdict(receipt), indent=2)
    left = visit.sight.verify_forgotten(receipt)
    sound = (
        note("Looked for what is left of it: nothing.", "good") if not left else note(["Something is left: ", "; ".join(left[:5])], "wrong")
    )
    keep = el("textarea", text, readonly=True, rows=12, aria_label="The receipt as JSON", id="receipt", spellcheck="false")
    copy = el("p", el("button", "Copy", type="button", data_copies="receipt", class_="quiet scripted"))
    facts = {
        "state": [receipt.state, f": {receipt.why}" if receipt.why else ""],
        "events blanked": f"{len(receipt.seqs):,}",
        "the act itself": _act(visit, receipt.forget_seq),
        "searched": ", ".join(f"{name} {count:,}" for name, count in receipt.scanned.items()) or None,
    }
    return page(
        visit,
        "Receipt",
        el("div", el("p", f"Forgotten: {pieces.counted(len(receipt.seqs), 'event')}.", class_="said"), sound, class_="focus"),
        el(
            "div",
            panel(
                "The receipt",
                pieces.facts(facts),
                keep,
                copy,
                id="kept",
            ),
            el("div", panel("What went", _counts(receipt)), _elsewhere(visit, receipt)),
            class_="columns",
        ),
        lead="Keep it: it holds places, counts and salted digests, and no word of what was forgotten.",
    )


def _act(visit: Visit, seq: int | None) -> Html | str | None:
    """The forget event, which belongs to nobody: a link for who acts for all."""
    told = f"event {seq:,}" if seq else None
    return el("a", told, href=visit.link(f"events/{seq}")) if told and visit.sight.who.user is None else told


def _counts(receipt: Receipt) -> Html:
    return table(("what", "how many"), [(COUNTED.get(name, name), f"{count:,}") for name, count in receipt.counts.items()])


def _elsewhere(visit: Visit, receipt: Receipt) -> Html | None:
    """What others said of the person, and what a hold keeps."""
    found = []
    for title, seqs in (("Mentioned elsewhere", receipt.mentioned_elsewhere), ("Kept by a legal hold", receipt.held)):
        if seqs:
            links = [[el("a", f"{seq:,}", href=visit.link(f"events/{seq}")), " "] for seq in seqs[:SHOWN]]
            found.append(panel(title, el("p", links, f"and {len(seqs) - SHOWN:,} more" if len(seqs) > SHOWN else None)))
    return el("div", found) if found else None

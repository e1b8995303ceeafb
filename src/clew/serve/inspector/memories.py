"""Memories: the list, one of them with the way back to its words, and the picture of what ties them."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from clew.errors import NotFound
from clew.serve.inspector import drawing, pieces
from clew.serve.inspector.frame import PAGES, Visit, note, page, panel
from clew.serve.inspector.markup import Html, Piece, el, url
from clew.serve.inspector.visiting import Form, Name, Place, Seen, moved
from clew.types import TRUST, TRUSTED, Event, Memory

router = APIRouter()
SHOWN = 50  # memories a page
DRAWN = 3000  # newest memories that a picture is chosen from
LISTED = 12  # of what is named beside a picture


@router.get("/memories")
def memories(visit: Seen, recipe: Name = "", kind: Name = "", after: Name = "") -> Response:
    """The memories of a user as they are now."""
    found = visit.sight.memories(user=visit.user, recipe=recipe or None, kind=kind or None, after=after or None, limit=SHOWN)
    more = visit.link("memories", recipe=recipe, kind=kind, after=found[-1].id) if len(found) == SHOWN else None
    names = visit.sight.recipes()
    form = el(
        "form",
        el("input", type="hidden", name="user", value=visit.picked),
        el(
            "div",
            pieces.systems(names, recipe),
            pieces.field("Kind", "kind", kind, placeholder="any"),
            el("button", "Show", class_="main"),
            class_="fields",
        ),
        method="get",
        action=url(f"{PAGES}/memories"),
        class_="question",
    )
    return page(
        visit,
        "Memories",
        form,
        el("ol", [pieces.remembered(visit, m) for m in found], class_="items") if found else el("p", "None.", class_="soft"),
        el("p", el("a", "Next", href=more, rel="next")) if more else None,
        lead="What is remembered now, oldest first. Each leads back to the words it came from.",
    )


@router.get("/memories/{id}")
def memory(visit: Seen, id: str, as_of: Place = None) -> Response:
    """One memory: its thread, its versions, what it rests on and what rests on it, who may see it."""
    m = visit.sight.get(id)
    derived = visit.sight.derived(id)
    words = el("p", m.text or "(no words)", class_="said")
    facts = el("div", el("span", m.actor, class_="actor") if m.actor else None, pieces.moment(m.since), pieces.marks(m), class_="facts")
    suspect = None
    if m.status == "suspect":
        suspect = note("What it rests on has changed. It may hold all the same.", "doubt")
    left = [
        panel("The words it came from", _thread(visit, m), id="thread"),
        panel("Versions", _versions(visit, id, as_of), id="versions"),
    ]
    right = [
        panel("About it", pieces.facts(_about(visit, m)), id="about"),
        panel("It rests on", _premises(visit, m), id="basis"),
        panel(
            "What rests on it",
            el("ol", [pieces.remembered(visit, d) for d in derived], class_="items") if derived else _none(),
            id="derived",
        ),
        panel("Who may see it", _seen(visit, m), id="seen"),
    ]
    return page(
        visit,
        "Memory",
        el("div", words, facts, suspect, _acts(visit, m), class_="focus"),
        el("div", el("div", left), el("div", right), class_="columns"),
    )


def _none(words: str = "Nothing.") -> Html:
    return el("p", words, class_="soft")


def _thread(visit: Visit, m: Memory) -> Html:
    """The events' words with the spans marked, each event once."""
    spans: dict[int, list[tuple[int, int]]] = {}
    events: dict[int, Event] = {}
    for quote in visit.sight.thread(m.id):
        events[quote.event.seq] = quote.event
        spans.setdefault(quote.event.seq, []).append((quote.start, quote.end))
    if not events:
        return _none("The words it came from were forgotten." if m.sources else "It was concluded from other memories.")
    found = []
    for seq, event in events.items():
        link = el("p", el("a", "In the log", href=visit.link(f"events/{seq}")), class_="after") if visit.may("events") else None
        found.append(el("li", pieces.threaded(event, spans[seq]), link))
    return el("ol", found, class_="thread-of")


def _versions(visit: Visit, id: str, as_of: int | None) -> Html:
    """Every version, newest first: what made it, when that was learned, how it ended."""
    rows = []
    versions = visit.sight.history(id)
    for number, (m, event, ended) in enumerate(versions, 1):
        held = as_of is not None and (m.opened or 0) <= as_of and (m.closed is None or m.closed > as_of)
        made = [f"event {event.seq} ({event.kind})", ", recorded ", pieces.learned(event)]
        times = ["held ", pieces.moment(m.since), " to ", pieces.moment(m.until)] if m.since and m.until else None
        rows.append(
            el(
                "li",
                el("span", f"{number}", class_="rank"),
                el("p", pieces.short(m.text), class_="words"),
                el("p", made, class_="soft"),
                el("p", times, class_="soft") if times else None,
                el("p", pieces.chip(f"known as of event {as_of:,}")) if held else None,
                el("p", pieces.chip(m.status, "doubt")) if m.status != "active" else None,
                el("p", pieces.chip(f"ended: {ended}", "ended")) if ended else None,
                class_="item",
            )
        )
    return el("ol", reversed(rows), class_="items versions")


def _premises(visit: Visit, m: Memory) -> Html:
    """The memories it was concluded from, and how many events are behind it all."""
    found = []
    for premise in m.basis:
        try:
            found.append(pieces.remembered(visit, visit.sight.get(premise)))
        except NotFound:
            found.append(el("li", el("span", premise, class_="seq"), " is gone", class_="item gone"))
    events = el("p", f"In all, {pieces.counted(len(m.rests), 'event')} of the log.", class_="soft")
    return el("div", el("ol", found, class_="items") if found else None, events)


def _about(visit: Visit, m: Memory) -> dict[str, Piece]:
    tie = el("a", "Show its ties", href=visit.link("graph", around=m.id, recipe=visit.sight.recipe_of(m.id)))
    return {
        "kind": m.kind,
        "memory system": visit.sight.recipe_of(m.id),
        "held": [pieces.moment(m.since), " to ", pieces.moment(m.until) if m.until else "now"] if m.since else None,
        "known since": el("a", f"event {m.opened:,}", href=visit.link("timeline", as_of=m.opened))
        if m.opened and visit.may("events")
        else None,
        "ended": m.retired,
        "status": m.status,
        "believed like": TRUSTED.get(m.trust, str(m.trust)),
        "id": el("code", m.id),
        "ties": [", ".join(drawing.called(n) for n in m.links[:6] if drawing.spoken(n)), " ", tie] if m.links or m.basis else None,
    }


def _seen(visit: Visit, m: Memory) -> Html:
    scope = m.scope
    who = f"Whoever asks for {scope.user}." if scope.user else "Every user: it is common to all."
    parts = [f"agent {scope.agent}" if scope.agent else None, f"session {scope.session}" if scope.session else None]
    where = [p for p in parts if p]
    lines = [who, f"It was said to {' in '.join(where)}." if where else None]
    if m.status == "quarantined":
        lines.append("In quarantine: only whoever reviews it, and nothing that asks.")
    elif m.status == "archived":
        lines.append("Archived: only who asks for archived memories too.")
    if m.trust < TRUST["assistant"]:
        lines.append("Where it is shown to a model, it is marked as not trusted.")
    keys = None
    if not visit.sight.keyless and visit.may("keys", whole=True):
        rows = [el("li", key.name, el("span", f" · {key.role}, {key.user or 'any user'}", class_="soft")) for key in visit.sight.readers(m)]
        keys = [el("h3", "Keys that reach it"), el("ul", rows, class_="plain")]
    elif visit.sight.keyless:
        keys = el("p", "No key was made yet: whoever works on this machine.", class_="soft")
    return el("div", [el("p", line) for line in lines if line], keys)


def _acts(visit: Visit, m: Memory) -> Html | None:
    """What may be done with it here."""
    confirm = None
    if m.status == "suspect" and visit.acts("confirm"):
        confirm = el("form", el("button", "It holds", class_="main"), method="post", action=visit.link(f"memories/{m.id}/confirm"))
    gone = el("a", "Forget it …", href=visit.link("forget", memories=m.id), class_="button") if visit.acts("forget") else None
    return el("div", confirm, gone, class_="acts") if confirm or gone else None


@router.post("/memories/{id}/confirm")
def confirm(visit: Seen, id: str, fields: Form) -> Response:
    """Say that a suspect memory holds all the same."""
    visit.sight.confirm(id)
    return moved(visit.link(f"memories/{id}"))


@router.get("/graph")
def graph(visit: Seen, recipe: Name = "", around: Annotated[str | None, Query(max_length=200)] = None) -> Response:
    """What ties memories together."""
    if around is not None:
        recipe = visit.sight.recipe_of(around)
    found = visit.sight.newest(visit.user, recipe or None, DRAWN)
    if around is not None:  # it may be older than those
        found = list({m.id: m for m in (*found, visit.sight.get(around), *visit.sight.derived(around))}.values())
    drawn, ties = drawing.picture(visit, found, around)
    names = visit.sight.recipes()
    form = el(
        "form",
        el("input", type="hidden", name="user", value=visit.picked),
        el(
            "div",
            pieces.systems(names, recipe),
            el("button", "Show", class_="main"),
            class_="fields",
        ),
        method="get",
        action=url(f"{PAGES}/graph"),
        class_="question",
    )
    known = {m.id: m for m in found}
    most = sorted((-d, n) for n, d in zip(ties.nodes, ties.degrees, strict=True) if n in known)[:LISTED]
    kinds = (("memory", "a memory"), ("name", "a name that several share"), ("drawn", "concluded from"))
    legend = el("ul", [el("li", el("span", class_=f"dot {kind}"), words) for kind, words in kinds], class_="legend")
    listed = panel("Most tied", el("ol", [pieces.remembered(visit, known[n]) for _, n in most], class_="items")) if most else None
    body = (
        el("figure", drawn, legend, class_="sheet")
        if drawn
        else _none("Nothing here is tied to anything else. Another memory system may tie more.")
    )
    return page(visit, "Graph", form, body, listed, lead="Memories and the names they share. A memory leads to its page.")

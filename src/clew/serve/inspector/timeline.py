"""What happened: the log on its two clocks, as of any place in it, and what was known then."""

from fastapi import APIRouter, Response

from clew.serve.inspector import pieces
from clew.serve.inspector.clocks import clocks
from clew.serve.inspector.frame import PAGES, Visit, page, panel
from clew.serve.inspector.markup import Html, el, url
from clew.serve.inspector.visiting import Name, Place, Seen, Text
from clew.types import TRUSTED, Event, Hit

router = APIRouter()
SHOWN = 60  # events that are listed up to the place looked from
AHEAD = 15  # events after it, which were not known yet
KNOWN = 5  # memories that answer the question asked of that moment


@router.get("/timeline")
def timeline(visit: Seen, as_of: Place = None, session: Name = "", q: Text = "", before: Place = None) -> Response:
    """The log up to a place, newest first."""
    head = visit.sight.head()
    at = min(head if as_of is None else as_of, head)
    whose = {"user": visit.user, "session": session or None}
    top = min(before or at + 1, at + 1)
    events = visit.sight.latest(before=top, limit=SHOWN, **whose) if top > 1 else []
    ahead = visit.sight.events(after=at, limit=AHEAD, **whose) if at < head and before is None else []
    hits = visit.sight.recall(q, user=visit.user, k=KNOWN, as_of=at, session=session or None) if q.strip() else None
    older = bool(events) and events[0].seq > 1 and len(events) == SHOWN
    again = visit.link("timeline", as_of=as_of, session=session, q=q, before=events[0].seq) if older else None
    everywhere = visit.link("timeline", as_of=as_of, q=q)
    only = el("p", f"In session {session}. ", el("a", "All sessions", href=everywhere)) if session else None
    log = pieces.days(visit, reversed(events)) or el("p", "Nothing had happened yet.", class_="soft")
    earlier = el("p", el("a", "Earlier", href=again, rel="next")) if again else None
    return page(
        visit,
        "What happened",
        _travel(visit, head, at, events, session, q),
        el("div", clocks([*events, *ahead], at), id="clocks", data_part=True),
        el("div", panel("The log", only, log, earlier, id="log"), _known(visit, hits, q, at), class_="columns", id="what", data_part=True),
        lead="Every event has two clocks: when it happened, and when it was recorded. Move the slider to see what was known then.",
    )


def _travel(visit: Visit, head: int, at: int, events: list[Event], session: str, q: str) -> Html:
    """The slider through the log, and a question for where it stands."""
    last = events[-1] if events else None
    when = [", recorded ", pieces.learned(last)] if last and last.seq == at else None
    field = el("input", type="search", id="q", name="q", value=q, placeholder="a question", autocomplete="off")
    slider = el("input", type="range", id="as-of", name="as_of", min=0, max=head, value=at, step=1, aria_describedby="as-of-told")
    moved = el(
        "div",
        el("label", "As of", for_="as-of"),
        _step(visit, "‹", "One event earlier", -1, max(0, at - 1), session, q),
        slider,
        _step(visit, "›", "One event later", 1, min(head, at + 1), session, q),
        el("output", "event ", el("b", f"{at:,}"), f" of {head:,}", when, id="as-of-told", data_part=True),
        class_="slider",
    )
    return el(
        "form",
        el("input", type="hidden", name="user", value=visit.picked),
        el("input", type="hidden", name="session", value=session) if session else None,
        moved,
        el("div", el("label", "What was known then about", for_="q"), field, el("button", "Show", class_="main"), class_="ask"),
        method="get",
        action=url(f"{PAGES}/timeline"),
        class_="travel",
        data_live=True,
    )


def _step(visit: Visit, sign: str, words: str, by: int, to: int, session: str, q: str) -> Html:
    return el("a", sign, href=visit.link("timeline", as_of=to, session=session, q=q), data_step=by, aria_label=words)


def _known(visit: Visit, hits: list[Hit] | None, q: str, at: int) -> Html | None:
    if hits is None:
        return None
    more = el("p", el("a", "Why these, and more of them", href=visit.link("recall", q=q, as_of=at)))
    return panel(f"Known as of event {at:,}", pieces.found(visit, hits, reasons=False, as_of=at), more, id="known", class_="aside")


@router.get("/events/{seq}")
def event(visit: Seen, seq: int) -> Response:
    """One event, what was around it, and what became of it."""
    [one] = visit.sight.said([seq])
    scope = one.scope
    near = [
        *visit.sight.latest(before=seq, limit=3, user=scope.user, session=scope.session),
        *visit.sight.events(after=seq, limit=3, user=scope.user, session=scope.session),
    ]
    if visit.sight.who.user is None and scope.user is None:
        near = [e for e in near if e.scope.user is None]
    rows = {
        "happened": [pieces.moment(one.at), pieces.chip(f"recorded {late}", "late") if (late := pieces.lag(one)) else None],
        "recorded": pieces.learned(one),
        "who": one.actor,
        "kind": one.kind,
        "believed like": TRUSTED.get(one.trust, str(one.trust)),
        "user": scope.user or "common to all",
        "agent": scope.agent,
        "session": el("a", scope.session, href=visit.link("timeline", session=scope.session, as_of=seq)) if scope.session else None,
    }
    words = el("p", "These words were forgotten.", class_="gone") if one.forgotten else el("blockquote", el("p", one.text))
    became = [el("li", pieces.chip(name), el("ul", pieces.remembered(visit, m), class_="items")) for name, m in visit.sight.made(one)]
    around = sorted(near, key=lambda e: e.seq)
    return page(
        visit,
        f"Event {seq:,}",
        el("div", words, class_="focus"),
        el(
            "div",
            panel("About it", pieces.facts(rows), _acts(visit, one)),
            el(
                "div",
                panel("What became of it", el("ul", became, class_="became") if became else el("p", "No memory.", class_="soft")),
                panel("Around it", el("ol", [pieces.happened(visit, e, day=True) for e in around], class_="items")) if around else None,
            ),
            class_="columns turned",
        ),
    )


def _acts(visit: Visit, one: Event) -> Html | None:
    if one.forgotten or not visit.acts("forget"):
        return None
    return el("p", el("a", "Forget it …", href=visit.link("forget", events=one.seq), class_="button"))

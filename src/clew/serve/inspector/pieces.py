"""Parts that several pages are made of: instants, words, memories, events, the shares of a score."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from clew.recall import LEVELS, changed
from clew.serve.inspector.frame import Visit
from clew.serve.inspector.markup import Html, Piece, el
from clew.types import Event, Hit, Memory

SHORT = 420  # characters of an item in a list
AROUND = 1200  # characters of an event's text shown on either side of what a memory came from
LATE = timedelta(minutes=5)  # between happening and recording, from which on a list says so
STEPS = 8  # shades of a bar; see the stylesheet


def moment(instant: datetime | None, *, day: bool = True) -> Html:
    """An instant as it was given, with its offset, and for machines."""
    if instant is None:
        return el("span", "time unknown", class_="soft")
    offset = f"{instant:%z}"
    zone = "Z" if instant.utcoffset() == timedelta() else f" {offset[:3]}:{offset[3:]}"
    words = f"{instant:%Y-%m-%d %H:%M}" if day else f"{instant:%H:%M}"
    return el("time", words, el("span", zone, class_="zone") if zone and day else None, datetime=instant.isoformat())


def learned(event: Event) -> Html:
    """When an event was recorded, on the clock of the place where it happened."""
    return moment(event.recorded_at.astimezone(event.at.tzinfo))


def lag(event: Event) -> str | None:
    """How much later than it happened an event was recorded, in words; None where it was at once."""
    late = event.recorded_at - event.at
    if late < LATE:
        return None
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        count = int(late.total_seconds() // size)
        if count:
            return f"{counted(count, name)} later"
    return None


def short(text: str, most: int = SHORT) -> str:
    """The beginning of a text, cut between words."""
    return text if len(text) <= most else (text[:most].rpartition(" ")[0] or text[:most]) + " …"


def chip(words: Piece, kind: str = "") -> Html:
    """A small mark."""
    return el("span", words, class_=f"chip {kind}".strip())


def marks(memory: Memory) -> list[Html]:
    """What is out of the ordinary about a memory, and its kind."""
    found = [chip(memory.kind)]
    if memory.retired:
        found.append(chip(memory.retired, "ended"))
    if memory.status != "active":
        found.append(chip(memory.status, "doubt"))
    if memory.trust in LEVELS:
        found.append(chip(LEVELS[memory.trust], "doubt"))
    return found


def linked(visit: Visit, memory: Memory, **parameters: object) -> str:
    """The address of a memory's page."""
    return visit.link(f"memories/{memory.id}", **parameters)


def remembered(visit: Visit, memory: Memory, *more: Piece) -> Html:
    """A memory as an item of a list."""
    words = el("a", short(memory.text) or "(no words)", href=linked(visit, memory), class_="words")
    facts = [el("span", memory.actor, class_="actor") if memory.actor else None, moment(memory.since), marks(memory)]
    return el("li", words, el("div", facts, class_="facts"), *more, class_="item")


def happened(visit: Visit, event: Event, *, later: bool = False, day: bool = False) -> Html:
    """An event as an item of the log."""
    words = el("span", "forgotten", class_="gone") if event.forgotten else short(_told(event))
    late = lag(event)
    facts = [
        moment(event.at, day=day),
        el("span", event.actor, class_="actor") if event.actor else None,
        chip(event.kind) if event.kind != "message" else None,
        chip(LEVELS[event.trust], "doubt") if event.trust in LEVELS else None,
        chip(f"recorded {late}", "late") if late else None,
    ]
    link = el("a", words, href=visit.link(f"events/{event.seq}"), class_="words")
    return el(
        "li", el("span", f"{event.seq}", class_="seq"), el("div", facts, class_="facts"), link, class_="item event" + " later" * later
    )


def _told(event: Event) -> str:
    """An event's words in a list: of an act upon memory what was done, and to what words or for what reason."""
    body = event.body
    if not isinstance(body, Mapping) or not isinstance(body.get("op"), str):
        return event.text
    more = body.get("content") or body.get("reason")
    return f"{body['op']}: {more}" if more else body["op"]


def days(visit: Visit, events: Iterable[Event], after: int | None = None) -> list[Html]:
    """Events under the days on which they happened; those past a place in the log stand back."""
    found: list[tuple[str, list[Html]]] = []
    for event in events:
        head = f"{event.at:%A}, {event.at.day} {event.at:%B %Y}"
        if not found or found[-1][0] != head:
            found.append((head, []))
        found[-1][1].append(happened(visit, event, later=after is not None and event.seq > after))
    return [el("section", el("h3", head, class_="day"), el("ol", items, class_="items"), class_="of-day") for head, items in found]


def threaded(event: Event, spans: Sequence[tuple[int, int]]) -> Html:
    """An event's words with the spans that a memory came from, marked; long ones are cut around them."""
    text, place, found = event.text, 0, []
    spans = _merged(spans)
    first, last = max(0, spans[0][0] - AROUND), min(len(text), spans[-1][1] + AROUND)
    place = first
    found.append("… " if first else None)
    for start, end in spans:
        found += [text[place:start], el("mark", text[start:end])]
        place = end
    found += [text[place:last], " …" if last < len(text) else None]
    return el("blockquote", el("p", found), el("footer", _speaker(event)))


def _merged(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _speaker(event: Event) -> list[Piece]:
    """Who said it, and the two clocks."""
    said: list[Piece] = [el("span", event.actor or event.kind, class_="actor"), " · happened ", moment(event.at)]
    return [*said, " · recorded ", learned(event), el("span", f" · event {event.seq}", class_="soft")]


def shares(hit: Hit, top: float) -> Html:
    """The shares of a score as one bar, longest first; `top` is the score that fills it."""
    up = sorted(((n, v) for n, v in hit.why.items() if v > 0), key=lambda pair: -pair[1])
    down = [(n, v) for n, v in hit.why.items() if v < 0]
    place, bars = 0.0, []
    for step, (name, value) in enumerate(up):
        width = 100 * value / top
        title = el("title", f"{name} {value:.3f}")
        shade = f"share s{min(step, STEPS - 1)}"
        bars.append(el("rect", title, x=f"{place:.2f}", y="0", width=f"{max(0.0, width - 0.3):.2f}", height="6", class_=shade))
        place += width
    lost = 100 * -sum(v for _, v in down) / top
    if lost:
        title = el("title", ", ".join(f"{n} {v:.3f}" for n, v in down))
        bars.append(el("rect", title, x=f"{max(0.0, place - lost):.2f}", y="0", width=f"{min(lost, place):.2f}", height="6", class_="less"))
    words = "; ".join(f"{n} {v:.2f}" for n, v in [*up, *down])
    picture = el("svg", bars, viewBox="0 0 100 6", preserveAspectRatio="none", class_="bar", role="img", aria_label=f"shares: {words}")
    legend = [
        el("li", el("span", class_=f"dot s{min(step, STEPS - 1)}"), named(name), " ", el("b", f"{value:.2f}"))
        for step, (name, value) in enumerate(up)
    ]
    legend += [el("li", el("span", class_="dot less"), named(name), " ", el("b", f"−{-value:.2f}")) for name, value in down]
    return el("div", picture, el("ul", legend, class_="legend"), class_="shares")


def named(scorer: str) -> str:
    """A scorer's name as words."""
    return scorer.replace("_", " ")


def top(hits: Sequence[Hit]) -> float:
    """The sum of the positive shares of the hit that has most: what a full bar stands for."""
    return max((sum(v for v in hit.why.values() if v > 0) for hit in hits), default=1.0) or 1.0


def found(visit: Visit, hits: Sequence[Hit], *, reasons: bool = True, **parameters: object) -> Html:
    """Hits, best first, with the reasons of their scores."""
    if not hits:
        return el("p", "Nothing was found.", class_="soft")
    full = top(hits)
    items = []
    for rank, hit in enumerate(hits, 1):
        m = hit.memory
        words = el("a", short(m.text) or "(no words)", href=linked(visit, m, **parameters), class_="words")
        facts = [el("span", m.actor, class_="actor") if m.actor else None, moment(m.since), marks(m)]
        told = [el("p", changed(change), class_="change") for change in hit.changes]
        head = el("div", el("span", f"{rank}", class_="rank"), el("span", f"{hit.score:.3f}", class_="score"), class_="ranked")
        items.append(
            el("li", head, words, el("div", facts, class_="facts"), told, shares(hit, full) if reasons else None, class_="item hit")
        )
    return el("ol", items, class_="items hits")


def facts(rows: Mapping[str, Piece]) -> Html:
    """Names and what they say, one under the other; what is None is left out."""
    return el("dl", [[el("dt", name), el("dd", value)] for name, value in rows.items() if value is not None], class_="about")


def field(label: str, name: str, value: object = None, **attributes: object) -> Html:
    """A labelled field of a form."""
    given = {"type": "text", **attributes}
    id = f"f-{name}"
    return el("div", el("label", label, for_=id), el("input", id=id, name=name, value=value, autocomplete="off", **given), class_="field")


def choice(label: str, name: str, options: Iterable[tuple[str, str]], chosen: str | None) -> Html:
    """A labelled choice of a form: (value, words)."""
    id = f"f-{name}"
    picks = [el("option", words, value=value, selected=value == (chosen or "")) for value, words in options]
    return el("div", el("label", label, for_=id), el("select", picks, id=id, name=name), class_="field")


def systems(names: Sequence[str], chosen: str) -> Html:
    """The choice of a memory system among these, of which the first is the default."""
    return choice("Memory system", "recipe", [("", f"{names[0]} (default)"), *((n, n) for n in names[1:])], chosen)


def counted(count: int, what: str) -> str:
    """How many of something."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"

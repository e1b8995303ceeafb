"""The two clocks as a picture: above when it happened, below when it was recorded, a thread for each event between them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from clew.serve.inspector.markup import Html, el
from clew.types import Event

WIDE, HIGH = 1000.0, 150.0  # of the drawing, which is stretched to the page's width
UPPER, LOWER, EDGE = 36.0, 118.0, 14.0
TICKS = 6  # at most, along a rail
STEPS = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=3),
    timedelta(hours=6),
    timedelta(days=1),
    timedelta(days=2),
    timedelta(days=7),
    timedelta(days=30),
    timedelta(days=90),
    timedelta(days=365),
    timedelta(days=3650),
)


def clocks(events: Sequence[Event], after: int) -> Html:
    """The drawing; what was recorded past that place stands back."""
    if not events:
        return el("p", "The log is empty.", class_="soft")
    zone = events[-1].at.tzinfo  # one clock for the whole drawing
    instants = [t.astimezone(zone) for e in events for t in (e.at, e.recorded_at)]
    start, end = min(instants), max(instants)
    span = (end - start) or timedelta(seconds=1)

    def x(instant: datetime) -> float:
        return EDGE + (WIDE - 2 * EDGE) * ((instant - start) / span)

    lines = [_thread(e, x(e.at), x(e.recorded_at), e.seq > after) for e in events]
    rails = [
        el("line", x1="0", x2=f"{WIDE:g}", y1=f"{y:g}", y2=f"{y:g}", class_="rail", vector_effect="non-scaling-stroke")
        for y in (UPPER, LOWER)
    ]
    known = [e for e in events if e.seq <= after]
    here = x(known[-1].recorded_at) if known else 0.0
    now = el("line", x1=f"{here:.1f}", x2=f"{here:.1f}", y1="8", y2=f"{HIGH - 8:g}", class_="now", vector_effect="non-scaling-stroke")
    late = sum(e.recorded_at - e.at >= timedelta(hours=1) for e in events)
    said = f"{len(events)} events; {late} were recorded an hour or more after they happened; {len(events) - len(known)} were not known yet"
    drawing = el(
        "svg", rails, lines, now, viewBox=f"0 0 {WIDE:g} {HIGH:g}", preserveAspectRatio="none", role="img", aria_label=said, class_="clocks"
    )
    scale = [(100 * x(t) / WIDE, _told(t, span)) for t in _ticks(start, end)]
    return el("figure", el("figcaption", "happened"), drawing, el("figcaption", "recorded"), _scale(scale), class_="two-clocks")


def _thread(event: Event, above: float, below: float, later: bool) -> Html:
    middle = (UPPER + LOWER) / 2
    curve = f"M{above:.1f} {UPPER:g}C{above:.1f} {middle:g} {below:.1f} {middle:g} {below:.1f} {LOWER:g}"
    title = el("title", f"event {event.seq}: happened {event.at:%Y-%m-%d %H:%M}, recorded {event.recorded_at:%Y-%m-%d %H:%M} UTC")
    kind = "later" if later else "slow" if event.recorded_at - event.at >= timedelta(hours=1) else "prompt"
    return el("path", title, d=curve, class_=f"thread {kind}", vector_effect="non-scaling-stroke")


def _ticks(start: datetime, end: datetime) -> list[datetime]:
    """Round instants between two."""
    span = end - start
    step = next((s for s in STEPS if span / s <= TICKS), STEPS[-1])
    origin = start.replace(hour=0, minute=0, second=0, microsecond=0)
    first = origin + step * -(-(start - origin) // step)
    return [first + i * step for i in range(TICKS + 1) if first + i * step <= end] or [start]


def _told(instant: datetime, span: timedelta) -> str:
    if span < timedelta(days=2):
        return f"{instant:%H:%M}" if instant.hour or instant.minute else f"{instant.day} {instant:%b}"
    return f"{instant.day} {instant:%b}" if span < timedelta(days=330) else f"{instant:%b %Y}"


def _scale(marks: Sequence[tuple[float, str]]) -> Html:
    """Words under the rails, in a drawing that is not stretched."""
    found = [
        el("text", words, x=f"{place:.2f}%", y="12", text_anchor="end" if place > 94 else "middle", class_="early" if place < 24 else None)
        for place, words in marks
        if place > 9  # the clock's name stands there
    ]
    return el("svg", found, class_="scale", aria_hidden="true")

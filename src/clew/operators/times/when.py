"""Words of time turned into intervals: "two weeks before Christmas", said then, is these days.

Conventions, where English leaves a choice:

- local time is the offset of `at`; weeks begin on Monday; a weekend is Saturday and Sunday; seasons are northern;
- *last week* is the whole calendar week before this one, *the past week* the seven days that end now; *last Friday* and a
  plain *Friday* are the nearest one before today, *next Friday* the nearest after today, *this Friday* that of this week;
- a month, a day of a month, a season or a feast without a year is the most recent one that has begun by `at`;
- where the sentence looks ahead ("will", "going to", "planning", "upcoming" …) these are the next ones instead, and after
  *until* and *by* too, unless the sentence is in the past tense; a clock time alone is on the day of `at`;
- 5/7/2023 is the 7th of May (month first) unless that is no date; 7.5.2023 is day first; 2023-05-07 is ISO;
- *a few* is 2 to 5, *a couple* 2 or 3, *several* 3 to 7; "two weeks ago" is the seven days around that day, "three months
  ago" the whole calendar month, "recently" the last 30 days; parts of the day have the grain "hour";
- *since X* ends at `at`; *before X* and *after X* reach to the ends of the calendar (the years 11 and 9980).

Words for times relative to another one in the story ("three days later", "the following week") are not resolved.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timezone

from clew.errors import UsageError
from clew.operators.times import calendar as words
from clew.operators.times import chinese as time_chinese
from clew.operators.times.calendar import DAWN, DAY, DUSK, RANK, Span
from clew.operators.times.grammar import AHEAD, BEHIND, Found, Scene, counted
from clew.operators.times.rules import COUNT, UNIT, WEEKDAY, rules_at


@dataclass(frozen=True, slots=True)
class Interval:
    """A time that a text speaks of: half-open [start, end), both with the speaker's offset.

    `text` are the words, `span` their place in code points (without a leading preposition such as "on"); `grain` is
    second, minute, hour, day, week, weekend, month, season, quarter, year or decade, or range for anything else.
    """

    start: datetime
    end: datetime
    text: str
    span: tuple[int, int]
    grain: str


_WORD = re.compile(r"\w+")
_JOINT = re.compile(r"(?:[\s,(]|\b(?:of|in|on|at|the|around|about|year)\b)*")  # what may stand between parts of one date
_OF = re.compile(r"\s+(?:of|in)\s+|[\s,]+")
_DASH = re.compile(r"\s*(?:-|–|—|\bto\b|\bthrough\b|\bthru\b|\buntil\b|\btill\b|\bup to\b)\s*(?:the\s+)?")
_AND = re.compile(r"\s+and\s+(?:the\s+)?")
_TO_NOW = re.compile(r"\s*(?:-|–|to|until|till|up to|through)\s*(?:now|(?:the\s+)?present|this day)\b")
_FROM = re.compile(r"\b(?:from|between)\s+(?:the\s+)?$")
_BETWEEN = re.compile(r"\bbetween\s+(?:the\s+)?$")
_BOUND = re.compile(r"\b(?:ever\s+)?(since|until|till|up\s+to|by|before|prior\s+to|after)\s+(?:the\s+|about\s+|around\s+)?$")
_EVERY = re.compile(r"\b(?:every|each|any|most|all)\s+(?:single\s+|other\s+)?$")
_PART = re.compile(
    r"\b((?:very\s+)?(?:early|late|mid)|(?:the\s+)?(?:middle|beginning|start|end|first half|second half|first part)\s+of)"
    r"(?:\s+|-)(?:the\s+)?(?:in\s+)?$"
)
_NTH = re.compile(
    rf"\b({'|'.join(words.ORDINALS)}|last|[1-5](?:st|nd|rd|th))\s+(?:(day|weekend|week|month|quarter)|{WEEKDAY})\s+(?:of|in)\s+(?:the\s+)?$"
)
_WEEK_OF = re.compile(r"\b(week|weekend)\s+of\s+(?:the\s+)?$")
_BESIDE = re.compile(rf"(?:\b(?:{COUNT})\s+)?\b(?:{UNIT}|{WEEKDAY})\s+(?P<way>before|after|prior\s+to|following|from)\s+(?:the\s+)?$")


def intervals(text: str, at: datetime) -> list[Interval]:
    """Every time that the text speaks of, in order of appearance, resolved against `at`, the moment of speaking.

    `at` must carry an offset (UsageError); in years before 1000 or after 9000 nothing is found. Never raises on any text.
    """
    offset = at.utcoffset()
    if offset is None:
        raise UsageError(f"at must carry an offset from UTC, got {at.isoformat()}; give e.g. {at.isoformat()}+00:00")
    if not 1000 <= at.year <= 9000:
        return []
    scene = Scene(text, _lowered(text), at.replace(tzinfo=None, fold=0), offset)
    found = _phrases(scene)
    if not found:
        return []
    found = _joined(_joined(found, scene, only_years=True), scene, only_years=False)
    found = [f for f in found if not (f.cycle and _EVERY.search(scene.before(f.i, 16)))]
    for f in found:
        _place(f, scene)
    found = _ranged(_narrowed(found, scene), scene)
    zone = timezone(offset)
    return [
        Interval(f.span[0].replace(tzinfo=zone), f.span[1].replace(tzinfo=zone), text[f.i : f.j], (f.i, f.j), f.grain)
        for f in found
        if f.span and not f.fragment and f.span[0] < f.span[1]
    ]


def overlap(a: Interval | datetime, b: Interval) -> float:
    """The share of `a` that lies inside `b`, 0 to 1: how well an event's time fits a question's; an instant fits or not."""
    if isinstance(a, datetime):
        return float(b.start <= a < b.end)
    common = min(a.end, b.end) - max(a.start, b.start)
    return max(0.0, common / (a.end - a.start))


def _lowered(text: str) -> str:
    """Lower case of the same length, so that places agree; typographic apostrophes straight."""
    low = text.lower()
    if len(low) != len(text):  # a few letters grow when lowered
        low = "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
    return low.replace("\u2019", "'")


def _phrases(scene: Scene) -> list[Found]:
    """Each phrase that names a time by itself, left to right, none overlapping."""
    found, end = [], 0
    for word in _WORD.finditer(scene.low):
        rules = rules_at(word.group())
        if rules is None or word.start() < end:
            continue
        for pattern, make in rules:
            match = pattern.match(scene.low, word.start())
            if match and (phrase := make(match, scene)):
                found.append(phrase)
                end = phrase.j
                break
    if not scene.text.isascii():
        found += time_chinese.phrases(scene)
        found.sort(key=lambda f: f.i)
    return found


def _joined(found: list[Found], scene: Scene, *, only_years: bool) -> list[Found]:
    """Neighbours that are one date made one: "May 7", "2023"; "Friday", "3 pm"; "Friday" and "last week"."""
    out: list[Found] = []
    for b in found:
        a = out[-1] if out else None
        if a and b.i >= a.j and (not only_years or "year" in (a.grain, b.grain)):
            gap = scene.low[a.j : b.i]
            if len(gap) <= 16 and _JOINT.fullmatch(gap) and (one := _one(a, b, gap, scene)):
                out[-1] = one
                continue
        out.append(b)
    return out


def _one(a: Found, b: Found, gap: str, scene: Scene) -> Found | None:
    """The two as one date, or None where they are two times."""
    for name, day in ((a, b), (b, a)):  # "Friday, May 5" and "May 5 (Friday)": the date says it all
        named = _is_weekday(name) and not _is_weekday(day) and day.grain == "day" and gap.strip(" ,(") in ("", "the")
        if named and any(c.isdigit() for c in scene.low[day.i : day.j]):
            return Found(a.i, b.j, "day", day.span, day.cycle, period=day.period)
    fine, coarse = (a, b) if _rank(a) < _rank(b) else (b, a)
    if fine.cycle is None or _rank(a) == _rank(b) or coarse.grain == "range":
        return None
    fits = {
        "day": _rank(coarse) <= RANK["weekend"],
        "week": coarse.grain == "week",
        "month": coarse.grain == "month",
        "year": coarse.grain == "year" and (fine is a or not gap.strip(" ,")) and bool(_OF.fullmatch(gap)),
    }
    if not fits[fine.cycle.period]:
        return None
    _place(coarse, scene)
    span = fine.cycle.inside(*coarse.span) if coarse.span else None
    return Found(a.i, b.j, fine.grain, span, period=coarse.period) if span else None


def _rank(f: Found) -> int:
    return RANK["second"] if f.cycle and f.cycle.period == "day" else RANK.get(f.grain, RANK["day"])


def _is_weekday(f: Found) -> bool:
    return f.grain == "day" and f.cycle is not None and f.cycle.period == "week"


def _place(f: Found, scene: Scene) -> None:
    """A cycle without a neighbour gets its span by the tense of its sentence."""
    if f.span or f.cycle is None:
        return
    cycle, now = f.cycle, scene.now
    f.period = cycle.period
    if cycle.period == "day":
        f.span = next(cycle.spans(now, 0, 0), None)
    elif _looks_ahead(f, scene):
        f.span = cycle.soonest(now, unbegun=cycle.period == "week")
    else:
        today = words.floor(now, "day")
        f.span = cycle.latest(today, ended=True) if cycle.period == "week" else cycle.latest(now)


def _looks_ahead(f: Found, scene: Scene) -> bool:
    """Whether the sentence around a phrase speaks of what is to come."""
    sentence = scene.sentence(f.i, f.j)
    bound = _BOUND.search(scene.before(f.i))
    if bound and bound[1] in ("until", "till", "by"):
        return not BEHIND.search(sentence)
    return bool(AHEAD.search(sentence))


def _narrowed(found: list[Found], scene: Scene) -> list[Found]:
    """Early May, the first week of June, two days after Christmas: a time made out of the one that follows."""
    out: list[Found] = []
    for f in found:
        for _ in range(2):
            lead = scene.before(f.i)
            if not f.span or lead[-1:] not in (" ", "-"):
                break
            for pattern, act in ((_PART, _part), (_NTH, _nth), (_WEEK_OF, _week_of), (_BESIDE, _beside)):
                m = pattern.search(lead)
                if m and (new := act(m, f)):
                    f = Found(f.i - len(lead) + m.start(), f.j, new[1], new[0], period=f.period)
                    break
            else:
                break
        while out and out[-1].j > f.i:  # "Friday" in "the Friday before Christmas" was found by itself too
            out.pop()
        out.append(f)
    return out


def _part(m: re.Match[str], f: Found) -> tuple[Span, str] | None:
    assert f.span
    if RANK.get(f.grain, 0) < RANK["week"]:
        return None
    name = m[1].removeprefix("very ").removeprefix("the ")
    return words.third(f.span, name), "range"


def _nth(m: re.Match[str], f: Found) -> tuple[Span, str] | None:
    """The n-th day, week, weekend, month, quarter or weekday of a time; a first week is its first seven days."""
    assert f.span
    start, end = f.span
    if RANK.get(f.grain, 0) < RANK["week"]:
        return None
    n = 0 if m[1] == "last" else words.ORDINALS.get(m[1]) or int(m[1][0])
    if m["weekday"] or m[2] == "weekend":
        cycle = words.weekly(words.WEEKDAYS[m["weekday"]]) if m["weekday"] else words.WEEKEND
        span = cycle.inside(words.shift(start, "week", n - 1), end) if n else cycle.latest(end - DAY)
        return (span, cycle.grain) if span and start <= span[0] < end else None
    unit = m[2]
    span = (words.shift(start, unit, n - 1), words.shift(start, unit, n)) if n else (words.shift(end, unit, -1), end)
    return (span, unit) if start <= span[0] and span[1] <= end else None


def _week_of(m: re.Match[str], f: Found) -> tuple[Span, str] | None:
    assert f.span
    return (words.whole(f.span[0], m[1]), m[1]) if f.grain in ("day", "range") else None


def _beside(m: re.Match[str], f: Found) -> tuple[Span, str] | None:
    """A unit or a weekday before or after a time, or so many of them; without a number the unit touches the time."""
    assert f.span
    sign = -1 if m["way"] in ("before",) or m["way"].startswith("prior") else 1
    number = m["count"] or m["vague"] or m["several"] or m["half"]
    if RANK.get(f.grain, 3) < RANK["day"] or (m["way"] == "from" and not number) or m["half"]:
        return None
    least, most, _ = counted(m) if number else (1, 1, False)
    if m["weekday"] or m["unit"] == "weekend":
        cycle = words.weekly(words.WEEKDAYS[m["weekday"]]) if m["weekday"] else words.WEEKEND
        if RANK.get(f.grain, 9) > RANK["month"]:
            return None
        span = cycle.latest(f.span[0], ended=True) if sign < 0 else cycle.soonest(f.span[1] - DAY / 2, unbegun=True)
        if span is None:
            return None
        return (words.shift(span[0], "week", sign * (least - 1)), words.shift(span[1], "week", sign * (most - 1))), cycle.grain
    unit, edge = words.UNITS[m["unit"]], f.span[0] if sign < 0 else f.span[1]
    if not number:
        if unit == "night":
            return words.about(edge - DAY if sign < 0 else edge, "night"), "hour"
        other = words.shift(edge, unit, sign)
        return (min(edge, other), max(edge, other)), unit if unit in RANK else "range"
    span = words.away(f.span[0], unit, least, most, sign)
    return span, unit if least == most and unit in RANK else "range"


def _ranged(found: list[Found], scene: Scene) -> list[Found]:
    """Between May and July, from 2019 to now, since March, before 2020: one or two times with their prepositions."""
    out: list[Found] = []
    n = 0
    while n < len(found):
        a, b = found[n], found[n + 1] if n + 1 < len(found) else None
        n += 1
        lead = scene.before(a.i)
        if b and a.span and b.span and (both := _both(a, b, scene, lead)):
            n += 1
            out.append(both)
        elif a.span and (now := _TO_NOW.match(scene.low, a.j)):
            start = _FROM.search(lead)
            out.append(Found(a.i - (len(start[0]) if start else 0), now.end(), "range", (a.span[0], scene.now)))
        elif a.span and a.span[1] != scene.now and (bound := _BOUND.search(lead)):
            out.append(Found(a.i - len(bound[0]), a.j, "range", _bounded(bound[1].split()[0], a, scene)))
        else:
            out.append(a)
    return out


def _both(a: Found, b: Found, scene: Scene, lead: str) -> Found | None:
    """From the first time to the second; a guessed year or week is moved so that the first comes first."""
    gap = scene.low[a.j : b.i]
    if len(gap) > 12 or not (_DASH.fullmatch(gap) or (_AND.fullmatch(gap) and _BETWEEN.search(lead))):
        return None
    assert a.span and b.span
    first, last = a.span, b.span
    loose = ("", "day", "week", "month", "year")
    if loose.index(b.period) > loose.index(a.period):
        last = _aligned(last, b.period, first[0], later=True)
    elif a.period and (a.period != b.period or first[0] >= last[0]):
        first = _aligned(first, a.period, last[0], later=False)
    elif b.period and first[0] >= last[0]:
        last = _aligned(last, b.period, first[0], later=True)
    if first[0] >= last[1]:
        return None
    start = _FROM.search(lead)
    return Found(a.i - (len(start[0]) if start else 0), b.j, "range", (first[0], last[1]))


def _aligned(span: Span, period: str, anchor: datetime, *, later: bool) -> Span:
    """The reading of a guessed span that begins nearest before the anchor, or nearest after it."""
    if period in ("year", "month"):
        near = (anchor.year - span[0].year) * (12 if period == "month" else 1) + (period == "month") * (anchor.month - span[0].month)
    else:
        near = (anchor - span[0]).days // (7 if period == "week" else 1)
    order = range(near - 1, near + 3) if later else range(near + 2, near - 2, -1)
    for n in order:
        moved = words.shift(span[0], period, n), words.shift(span[1], period, n)
        if moved[0] > anchor if later else moved[0] < anchor:
            return moved
    return span


def _bounded(way: str, f: Found, scene: Scene) -> Span:
    """The time that since, until, by, before or after leaves open; around a time of day it stays within that day."""
    assert f.span
    (start, end), now = f.span, scene.now
    day = words.whole(start, "day") if RANK.get(f.grain, 9) <= RANK["hour"] else (DAWN, DUSK)
    if way == "since":
        return start, now if now > start else end
    if way in ("before", "prior"):
        return day[0], start
    if way == "after":
        return end, day[1]
    return (now if now < end else day[0]), end

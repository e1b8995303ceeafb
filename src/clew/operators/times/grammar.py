"""What each phrase of time means: a match of `time_rules` and the moment of speaking in, a span or a cycle out.

A rule may find a *cycle* ("Friday", "May", "3 pm"), which is placed later by its neighbours, by
the tense of the sentence or by default; or a *fragment* ("morning", "summer", "99"), which counts only with a neighbour.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from clew.operators.times import calendar as words
from clew.operators.times.calendar import DAY, Cycle, Span


@dataclass(slots=True)
class Scene:
    """A text to read: as it is and in lower case of equal length, the local time of speaking and its offset from UTC."""

    text: str
    low: str
    now: datetime
    offset: timedelta

    def before(self, i: int, width: int = 48) -> str:
        """At most `width` lower-case characters that end at `i`."""
        return self.low[max(0, i - width) : i]

    def sentence(self, i: int, j: int) -> str:
        """The sentence around [i, j), in lower case."""
        start = max(self.low.rfind(mark, 0, i) for mark in ".!?\n") + 1
        ends = [end for mark in ".!?\n" if (end := self.low.find(mark, j)) >= 0]
        return self.low[start : min(ends, default=len(self.low))]


@dataclass(slots=True)
class Found:
    """A phrase at [i, j) of the text: a span, or a cycle that is still to be placed."""

    i: int
    j: int
    grain: str
    span: Span | None = None
    cycle: Cycle | None = None
    fragment: bool = False
    period: str = ""  # how far apart the other readings lie, where the span was guessed from a cycle


Maker = Callable[[re.Match[str], Scene], Found | None]

# Words of the calendar that are also ordinary words or names: they need a capital, a preposition, a day or a year.
_AMBIGUOUS = frozenset({"may", "march", "april", "june", "august"}) | {m for m in words.MONTHS if len(m) <= 4} - {"june", "july"}
_STRONG = re.compile(r"\b(?:in|since|until|till|during|of|early|late|mid|between|last|next)(?:\s+|-)(?:the\s+)?$")
_WEAK = re.compile(r"\b(?:by|before|after|from|to|through|and|or|around|about|for|this|that|over)\s+(?:early\s+|late\s+|mid-?\s*)?$")
_ON_DAY = re.compile(r"\b(?:on|last|this|next|by|until|till|since|before|after|from|to|through|and|or|for|of)\s+$")
_THE = re.compile(r"\b(?:the|mid|early|late)(?:\s+(?:early|mid|late)|-)?\s*'?$")
_SEASONAL = re.compile(
    r"\b(?:in|during|since|until|till|by|before|after|over|for|early|late|mid|end of)(?:\s+|-)(?:(?:the|early|late)\s+)?$"
)
_YEARLY = re.compile(r"\b(?:in|since|of|by|until|till|before|after|during|year|from|early|late|mid|around)(?:\s+|-)(?:the\s+year\s+)?$")
_NO_YEAR, _YEAR_DASH = re.compile(r"(?:[$£€#.:]|[0-9][-/])$"), re.compile(r"\b[12][0-9]{3}[-/]$")
_NUMBERED = re.compile(r"\b(?:on|by|until|till|since|before|after|of)\s+the\s+$")

# Words that tell whether a sentence looks ahead or back.
AHEAD = re.compile(
    r"\b(?:will|won't|shall|going to|gonna|plan|plans|planning|planned for|upcoming|coming|schedule|scheduled"
    r"|looking forward|can't wait|remind|due|deadline|appointment)\b|'ll\b"
)
BEHIND = re.compile(r"\b(?:was|were|had|did|got|went|came|met|saw|used to|[a-z]{3,}ed)\b")


def _fixed(m: re.Match[str], span: Span | None, grain: str) -> Found | None:
    return Found(m.start(), m.end(), grain, span) if span else None


def _cyclic(m: re.Match[str], cycle: Cycle, *, fragment: bool = False) -> Found:
    return Found(m.start(), m.end(), cycle.grain, cycle=cycle, fragment=fragment)


def _capital(m: re.Match[str], scene: Scene, group: str) -> bool:
    return scene.text[m.start(group)].isupper()


def counted(m: re.Match[str]) -> tuple[int, int, bool]:
    """Least and most of a COUNT match, and whether it is half of one ("half an hour": 0, 0, True)."""
    if m["half"]:
        return 0, 0, True
    if word := m["vague"] or m["several"]:
        return *words.VAGUE[word], False
    if not m["count"]:
        return *words.VAGUE[""], False
    n = words.NUMBERS.get(m["count"])
    return (int(m["count"]), int(m["count"]), False) if n is None else (n, n, False)


def _offset(m: re.Match[str], scene: Scene, sign: int) -> Found | None:
    """What lies a counted number of units from now."""
    unit, (least, most, half) = words.UNITS[m["unit"]], counted(m)
    if half or ("also" in m.re.groupindex and m["also"]):  # "a year and a half ago" is counted in the next smaller unit
        unit, many = {"decade": ("year", 10), "year": ("month", 12), "month": ("day", 30), "week": ("day", 7),
                      "day": ("hour", 24), "hour": ("minute", 60)}.get(unit, ("second", 60))  # fmt: skip
        least, most = least * many + many // 2, most * many + many // 2
    span = words.away(scene.now, unit, least, most, sign)
    return _fixed(m, span, unit if least == most and unit in words.RANK else "range")


def ago(m: re.Match[str], scene: Scene) -> Found | None:
    """Three days ago, a year and a half ago, two weeks from now."""
    return _offset(m, scene, 1 if m["way"].endswith("now") else -1)


def in_units(m: re.Match[str], scene: Scene) -> Found | None:
    """In three days; but "I did it in three days" says how long it took."""
    unit, sentence = words.UNITS[m["unit"]], scene.sentence(m.start(), m.end())
    if BEHIND.search(sentence) and not AHEAD.search(sentence):
        return None
    if unit in ("second", "minute") and m["count"] in ("a", "an"):  # "in a minute" is an idiom
        return None
    return _offset(m, scene, 1)


def rolling(m: re.Match[str], scene: Scene) -> Found | None:
    """The last three months: the stretch of that length that ends, or begins, now."""
    unit, (_, most, half) = words.UNITS[m["unit"]], counted(m)
    if not (m["count"] or m["vague"] or m["several"] or half):
        most = 1
    sign = 1 if m["way"] in ("next", "coming") else -1
    other = words.shift(scene.now, unit, sign * most)
    span = (scene.now, other) if sign > 0 else (other, scene.now)
    return _fixed(m, span, "range")


def near_day(m: re.Match[str], scene: Scene) -> Found | None:
    """Yesterday, the day after tomorrow, tonight."""
    name, today = m["name"], words.floor(scene.now, "day")
    if name == "tonight":
        return _fixed(m, words.about(today, "night"), "hour")
    days = {"today": 0, "yesterday": -1, "tomorrow": 1, "tmrw": 1}.get(name, -2 if "before" in name else 2)
    return _fixed(m, (today + days * DAY, today + (days + 1) * DAY), "day")


def _cycle_of(m: re.Match[str]) -> Cycle:
    if m["month"]:
        return words.monthly(words.MONTHS[m["month"]])
    if m["weekday"]:
        return words.weekly(words.WEEKDAYS[m["weekday"]])
    return words.seasonal(m["season"]) if m["season"] else words.festive(m["feast"])


def pointed(m: re.Match[str], scene: Scene) -> Found | None:
    """Last, this, next with a unit, a day of the week, a month, a season, a feast or a part of the day."""
    way, unit, now = " ".join(m["way"].split()), m["unit"], scene.now
    past, future = way in ("last", "past", "this past", "this last"), way in ("next", "coming", "upcoming", "this coming")
    if m["part"]:
        if future or (m["part"] == "night" and not past):
            return None
        first, last = words.PARTS[m["part"]]
        day = words.floor(now, "day") - DAY * past
        return _fixed(m, (day + timedelta(hours=first), day + timedelta(hours=last)), "hour")
    if unit == "weekend" and "coming" in way:
        return _fixed(m, words.WEEKEND.soonest(now, unbegun=True), unit)
    if unit:
        return _fixed(m, words.whole(words.shift(now, unit, future - past), unit), unit)
    group = "month" if m["month"] else "weekday"
    if ((m["month"] and m["month"] in _AMBIGUOUS) or (m["weekday"] and len(m["weekday"]) < 6)) and not _capital(m, scene, group):
        return None
    cycle, today = _cycle_of(m), words.floor(now, "day")
    if past:
        return _fixed(m, cycle.latest(today, ended=True), cycle.grain)
    if future:
        return _fixed(m, cycle.soonest(now, unbegun=True), cycle.grain)
    return _fixed(m, cycle.present(now) if cycle.period == "year" else next(cycle.spans(now, 0, 0)), cycle.grain)


def before_last(m: re.Match[str], scene: Scene) -> Found | None:
    """The week before last, the Monday after next."""
    sign, unit = -1 if m["way"].endswith("last") else 1, m["unit"]
    if unit == "night":
        return _fixed(m, words.about(words.floor(scene.now, "day") - 2 * DAY, "night"), "hour")
    if unit:
        return _fixed(m, words.whole(words.shift(scene.now, unit, 2 * sign), unit), unit)
    cycle, today = _cycle_of(m), words.floor(scene.now, "day")
    near = cycle.latest(today, ended=True) if sign < 0 else cycle.soonest(scene.now, unbegun=True)
    if near is None:
        return None
    span = cycle.latest(near[0], ended=True) if sign < 0 else cycle.soonest(near[0], unbegun=True)
    return _fixed(m, span, cycle.grain)


def month(m: re.Match[str], scene: Scene) -> Found | None:
    """A month by its name; "may" and its like only where a neighbour shows that a month is meant."""
    name = m["month"]
    lead = scene.before(m.start(), 24)
    sure = name not in _AMBIGUOUS or _STRONG.search(lead) or (_capital(m, scene, "month") and _WEAK.search(lead))
    return _cyclic(m, words.monthly(words.MONTHS[name]), fragment=not sure)


def month_day(m: re.Match[str], scene: Scene) -> Found | None:
    """A day and a month in either order, or two days of a month."""
    month = words.MONTHS[m["month"]]
    first = words.ORDINALS.get(m["day"]) or int(m["day"])
    last = m["last"] if "last" in m.re.groupindex else None
    if last is None:
        return _cyclic(m, words.dated(month, first)) if words.on(2000, month, first) else None
    if m["to"] == "and" and not scene.before(m.start()).rstrip().endswith(("between", "between the")):
        return None
    if not (words.on(2000, month, first) and words.on(2000, month, int(last)) and first < int(last)):
        return None
    return _cyclic(m, words.stretch(month, first, int(last)))


def numeric(m: re.Match[str], scene: Scene) -> Found | None:
    """2023-05-07, 2023/5/7, 7.5.2023 (day first), 5/7/2023 (month first, unless that is no month)."""
    year, month, day = (int(m[g]) for g in ("year", "month", "day"))
    if m["sep"] == "/" and month > 12:
        month, day = day, month
    year += 0 if year > 99 else 1900 if year > (scene.now.year + 10) % 100 else 2000
    return _fixed(m, words.on(year, month, day), "day")


def year_month(m: re.Match[str], scene: Scene) -> Found | None:
    """2023-05, the ISO 8601 month."""
    return _fixed(m, words.whole(datetime(int(m["year"]), int(m["month"]), 1), "month"), "month")


def instant(m: re.Match[str], scene: Scene) -> Found | None:
    """An ISO 8601 date and time; one without an offset is local."""
    day = words.on(int(m["year"]), int(m["month"]), int(m["day"]))
    if day is None:
        return None
    start = day[0] + timedelta(hours=int(m["hour"]), minutes=int(m["minute"]), seconds=int(m["second"] or 0))
    if zone := m["zone"]:
        there = timedelta(0)
        if zone != "z":
            there = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:])) * (-1 if zone[0] == "-" else 1)
        start += scene.offset - there
    grain = "second" if m["second"] else "minute"
    return _fixed(m, (start, words.shift(start, grain, 1)), grain)


def _seconds(hour: str, minute: str | None, half: str | None) -> int:
    """Seconds since midnight; `half` is am, pm or nothing."""
    h = int(hour)
    if half and half[0] in "ap" and 1 <= h <= 12:
        h = h % 12 + 12 * (half[0] == "p")
    return h * 3600 + int(minute or 0) * 60


def clock(m: re.Match[str], scene: Scene) -> Found | None:
    """3 pm, 15:30, 03:19:30Z."""
    start = _seconds(m["hour"], m["minute"], m["half"]) + int(m["second"] or 0)
    if m["zone"]:
        start += int(scene.offset.total_seconds())
    length, grain = (1, "second") if m["second"] else (60, "minute") if m["minute"] else (3600, "hour")
    return _cyclic(m, words.clock(start, length, grain))


def clocks(m: re.Match[str], scene: Scene) -> Found | None:
    """3 to 5 pm."""
    end = _seconds(m["hour2"], m["minute2"], m["half2"])
    start = _seconds(m["hour"], m["minute"], m["half"] or m["half2"])
    if start >= end:  # "11 to 1 pm"
        start -= 12 * 3600
    return _cyclic(m, words.clock(start, end - start, "range")) if 0 <= start < end else None


def noon(m: re.Match[str], scene: Scene) -> Found | None:
    """Noon and midnight, a minute each."""
    return _cyclic(m, words.clock(12 * 3600 if m[0] != "midnight" else 0, 60, "minute"))


def part(m: re.Match[str], scene: Scene) -> Found | None:
    """Morning, evening: only beside a day."""
    first, last = words.PARTS[m[0]]
    return _cyclic(m, words.clock(first * 3600, (last - first) * 3600, "hour"), fragment=True)


def year(m: re.Match[str], scene: Scene) -> Found | None:
    """Four digits; before 1900, or more than 20 years ahead, only with a preposition."""
    year, lead = int(m["year"]), scene.before(m.start(), 16)
    if _NO_YEAR.search(lead) and not _YEAR_DASH.search(lead):
        return None
    sure = 1900 <= year <= scene.now.year + 20 or _YEARLY.search(lead)
    span = words.whole(datetime(year, 1, 1), "year")
    return Found(m.start(), m.end(), "year", span, fragment=not sure)


def short_year(m: re.Match[str], scene: Scene) -> Found | None:
    """The 23 of '23, beside a month or a season."""
    if scene.before(m.start(), 1) != "'":
        return None
    year = int(m["year"])
    year += 2000 if year <= (scene.now.year + 10) % 100 else 1900
    return Found(m.start() - 1, m.end(), "year", words.whole(datetime(year, 1, 1), "year"), fragment=True)


TENS = {w: 10 * n for n, w in enumerate(["twenties", "thirties", "forties", "fifties", "sixties", "seventies", "eighties", "nineties"], 2)}


def decade(m: re.Match[str], scene: Scene) -> Found | None:
    """The 1990s, the 90s, the nineties; a short one is the latest such decade that has begun."""
    year = TENS[m["word"]] if m["word"] else int(m["year"])
    if year < 100:
        if not _THE.search(scene.before(m.start(), 16)):
            return None
        year += scene.now.year // 100 * 100
        year -= 100 if year > scene.now.year else 0
    return _fixed(m, words.whole(datetime(year, 1, 1), "decade"), "decade")


def weekday(m: re.Match[str], scene: Scene) -> Found | None:
    """A day of the week; an abbreviation needs a capital, and a preposition or a date beside it."""
    full = len(m["weekday"]) >= 6
    if not full and not _capital(m, scene, "weekday"):
        return None
    sure = full or _ON_DAY.search(scene.before(m.start(), 12))
    return _cyclic(m, words.weekly(words.WEEKDAYS[m["weekday"]]), fragment=not sure)


def season(m: re.Match[str], scene: Scene) -> Found | None:
    """A season after a preposition, or beside a year."""
    return _cyclic(m, words.seasonal(m["season"]), fragment=not _SEASONAL.search(scene.before(m.start(), 20)))


def feast(m: re.Match[str], scene: Scene) -> Found | None:
    """A feast by its name."""
    return _cyclic(m, words.festive(m["feast"]))


def quarter(m: re.Match[str], scene: Scene) -> Found | None:
    """Q3, with or without a year beside it."""
    return _cyclic(m, words.quarterly(int(m["n"])))


def weekend(m: re.Match[str], scene: Scene) -> Found | None:
    """The weekend."""
    return _cyclic(m, words.WEEKEND) if scene.before(m.start(), 4) == "the " else None


def numbered_day(m: re.Match[str], scene: Scene) -> Found | None:
    """On the 15th."""
    day = int(m["day"])
    return _cyclic(m, words.day_of_month(day)) if 1 <= day <= 31 and _NUMBERED.search(scene.before(m.start(), 12)) else None


def within(m: re.Match[str], scene: Scene) -> Found | None:
    """Earlier today, later this week, end of the month: a part of the day, week, month or year that is now."""
    start, end = words.whole(scene.now, m["unit"] or "day")
    if m["part"] in ("earlier", "later"):
        return _fixed(m, (start, scene.now) if m["part"] == "earlier" else (scene.now, end), "range")
    return _fixed(m, words.third((start, end), m["part"]), "range")


_LATELY = {
    "recently": 30 * DAY,
    "lately": 30 * DAY,
    "these days": 30 * DAY,
    "other day": 7 * DAY,
    "just now": timedelta(minutes=10),
}


def lately(m: re.Match[str], scene: Scene) -> Found | None:
    """Recently, the other day: a stretch with slack that ends now."""
    return _fixed(m, (scene.now - _LATELY[" ".join(m[0].split())], scene.now), "range")

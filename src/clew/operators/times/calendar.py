"""The calendar that words of time point at: names of months, days, seasons and feasts, and the arithmetic of their lengths.

Every datetime here is naive local wall-clock time; `when` adds the speaker's offset. Conventions: a week begins on
Monday (ISO 8601), a weekend is Saturday and Sunday, seasons are the northern meteorological ones and a winter is named
after its December. Arithmetic never raises: it stops at the years 11 and 9980.
"""

import calendar
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

Span = tuple[datetime, datetime]

FIRST_YEAR, LAST_YEAR = 11, 9980  # room to add or subtract a decade anywhere without leaving the calendar
DAWN, DUSK = datetime(FIRST_YEAR, 1, 1), datetime(LAST_YEAR, 1, 1)  # what "before 2020" begins and "after 2020" ends with
DAY = timedelta(days=1)

MONTHS = {name.lower(): n for n, name in enumerate(calendar.month_name) if name}
MONTHS |= {name[:3]: n for name, n in list(MONTHS.items())} | {"sept": 9}
WEEKDAYS = {name.lower(): n for n, name in enumerate(calendar.day_name)}
WEEKDAYS |= {name[:3]: n for name, n in list(WEEKDAYS.items())} | {"tues": 1, "weds": 2, "thur": 3, "thurs": 3}
SEASONS = {"spring": 3, "summer": 6, "fall": 9, "autumn": 9, "winter": 12}  # first month
_ORDERING = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
ORDINALS = {w: n for n, w in enumerate(_ORDERING, 1)}
_COUNTING = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip
NUMBERS = {w: n for n, w in enumerate(_COUNTING)} | {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "a": 1, "an": 1}
# How many a vague count may mean, least and most; "" is a bare plural as in "months ago".
VAGUE = {"couple": (2, 3), "few": (2, 5), "several": (3, 7), "many": (3, 20), "": (2, 12), "some": (2, 12)}
_LENGTHS = ("second", "minute", "hour", "day", "week", "weekend", "month", "quarter", "year", "decade", "night", "fortnight")
UNITS = {u: u for u in _LENGTHS} | {"sec": "second", "min": "minute", "hr": "hour", "wk": "week", "yr": "year"}
# Hours since midnight; where English is vague the parts overlap.
PARTS = {"morning": (5, 12), "afternoon": (12, 18), "evening": (17, 23), "night": (18, 30), "lunchtime": (11, 14)}
RANK = {g: n for n, g in enumerate(("second", "minute", "hour", "day", "weekend", "week", "month", "quarter", "year", "decade"))}
RANK["season"] = RANK["quarter"]

_DAYS = {"day": 1, "night": 1, "week": 7, "weekend": 7, "fortnight": 14}
_MONTHS = {"month": 1, "quarter": 3, "season": 12, "year": 12, "decade": 120}
_SECONDS = {"second": 1, "minute": 60, "hour": 3600}


def floor(t: datetime, unit: str) -> datetime:
    """The start of the second, minute, hour, day, week, weekend, month, quarter, year or decade that holds `t`.

    A weekend's is the Saturday of the week that holds `t`, which may lie after `t`.
    """
    if unit in _SECONDS:
        return t.replace(microsecond=0, second=t.second if unit == "second" else 0, minute=0 if unit == "hour" else t.minute)
    day = datetime(t.year, t.month, t.day)
    if unit in ("week", "fortnight"):
        return day - t.weekday() * DAY
    if unit == "weekend":
        return day + (5 - t.weekday()) * DAY
    if unit == "month":
        return day.replace(day=1)
    if unit == "quarter":
        return datetime(t.year, (t.month - 1) // 3 * 3 + 1, 1)
    if unit == "year":
        return datetime(t.year, 1, 1)
    if unit == "decade":
        return datetime(t.year // 10 * 10, 1, 1)
    return day


def shift(t: datetime, unit: str, n: int) -> datetime:
    """`t` moved by `n` units; the day of month is cut to the new month's length."""
    if unit in _MONTHS:
        month = t.year * 12 + t.month - 1 + n * _MONTHS[unit]
        month = max(FIRST_YEAR * 12, min(LAST_YEAR * 12, month))
        year, month = month // 12, month % 12 + 1
        return t.replace(year=year, month=month, day=min(t.day, calendar.monthrange(year, month)[1]))
    seconds = n * (_SECONDS[unit] if unit in _SECONDS else _DAYS[unit] * 86400)
    seconds = max((DAWN - t).total_seconds(), min((DUSK - t).total_seconds(), seconds))
    return t + timedelta(seconds=seconds)


def whole(t: datetime, unit: str) -> Span:
    """The whole unit that holds `t`."""
    start = floor(t, unit)
    return start, start + 2 * DAY if unit == "weekend" else shift(start, unit, 1)


def about(t: datetime, unit: str) -> Span:
    """The unit that lies at `t`, as wide as the unit and no sharper: what "two weeks ago" or "in three hours" means.

    Days, months and longer are whole calendar units; a week is the seven days around `t`, an hour the sixty minutes.
    """
    if unit in _SECONDS:
        half = timedelta(seconds=_SECONDS[unit] / 2)
        return t - half, t + half
    if unit in ("week", "fortnight"):
        day = floor(t, "day")
        return day - 3 * DAY, day + 4 * DAY
    if unit == "night":
        return floor(t, "day") + timedelta(hours=18), floor(t, "day") + timedelta(hours=30)
    return whole(t, unit)


def away(anchor: datetime, unit: str, least: int, most: int, sign: int) -> Span:
    """From `least` to `most` units off the anchor, later for sign 1 and earlier for -1, whole units at both ends."""
    near, far = about(shift(anchor, unit, sign * least), unit), about(shift(anchor, unit, sign * most), unit)
    return min(near[0], far[0]), max(near[1], far[1])


def third(span: Span, part: str) -> Span:
    """The first, middle or last third of a span, or a half of it, cut to whole days where it is longer than a week."""
    start, end = span
    if "half" in part:
        cuts, n = 2, 0 if "first" in part else 1
    else:
        cuts, n = 3, 1 if part.startswith("mid") else 2 if part.startswith(("late", "end")) else 0
    months = (end.year - start.year) * 12 + end.month - start.month
    if start.day == end.day and months and months % cuts == 0:  # half a year ends with June, not after 182.5 days
        return shift(start, "month", months // cuts * n), shift(start, "month", months // cuts * (n + 1))
    a, b = start + (end - start) * n / cuts, start + (end - start) * (n + 1) / cuts
    if end - start >= 7 * DAY:
        a, b = floor(a + DAY / 2, "day"), floor(b + DAY / 2, "day")
    return a, b


def on(year: int, month: int, day: int) -> Span | None:
    """That day, or None where the calendar has no such day."""
    if FIRST_YEAR <= year < LAST_YEAR and 1 <= month <= 12 and 1 <= day <= calendar.monthrange(year, month)[1]:
        start = datetime(year, month, day)
        return start, start + DAY
    return None


def easter(year: int) -> date:
    """Western Easter Sunday, by the anonymous Gregorian computus (Meeus, Astronomical Algorithms, chapter 8)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)


def nth_weekday(year: int, month: int, weekday: int, n: int) -> date:
    """The n-th such weekday of a month (1 = first, -1 = last); Monday is 0."""
    if n < 0:
        last = date(year, month, calendar.monthrange(year, month)[1])
        return last - (last.weekday() - weekday) % 7 * DAY
    first = date(year, month, 1)
    return first + ((weekday - first.weekday()) % 7 + 7 * (n - 1)) * DAY


# Feasts by (month, day), (month, weekday, which one) or days from Easter. Thanksgiving and the bank holidays are the US ones.
FEASTS: dict[str, tuple[int, ...]] = {
    "christmas eve": (12, 24), "christmas day": (12, 25), "christmas": (12, 25), "xmas": (12, 25), "boxing day": (12, 26),
    "new year's eve": (12, 31), "new years eve": (12, 31), "new year's day": (1, 1), "new year's": (1, 1),
    "new years day": (1, 1), "halloween": (10, 31), "valentine's day": (2, 14), "valentines day": (2, 14),
    "valentine's": (2, 14), "st. patrick's day": (3, 17), "st patrick's day": (3, 17), "april fools": (4, 1),
    "independence day": (7, 4), "veterans day": (11, 11), "juneteenth": (6, 19), "thanksgiving": (11, 3, 4),
    "black friday": (11, 3, 4, 1), "mother's day": (5, 6, 2), "father's day": (6, 6, 3), "memorial day": (5, 0, -1),
    "labor day": (9, 0, 1), "labour day": (9, 0, 1), "good friday": (-2,), "easter": (0,), "easter sunday": (0,),
    "easter monday": (1,),
}  # fmt: skip


def feast(name: str, year: int) -> Span:
    """The day of a feast in a year; `name` is a key of FEASTS."""
    rule = FEASTS[name]
    if len(rule) == 1:
        day = easter(year) + rule[0] * DAY
    elif len(rule) == 2:
        day = date(year, rule[0], rule[1])
    else:
        day = nth_weekday(year, rule[0], rule[1], rule[2]) + sum(rule[3:]) * DAY
    start = datetime(day.year, day.month, day.day)
    return start, start + DAY


@dataclass(frozen=True, slots=True)
class Cycle:
    """What comes again every `period` (year, month, week or day): `of(start of a period)` is its span there, or None."""

    period: str
    grain: str
    of: Callable[[datetime], Span | None]

    def spans(self, t: datetime, first: int, last: int) -> Iterator[Span]:
        """The occurrences in the periods `first` to `last` counted from the one that holds `t`; either may be the larger."""
        slot, step = floor(t, self.period), 1 if last >= first else -1
        for n in range(first, last + step, step):
            if span := self.of(shift(slot, self.period, n)):
                yield span

    def latest(self, t: datetime, *, ended: bool = False) -> Span | None:
        """The last occurrence that has begun by `t` (`ended`: that is over by `t`)."""
        return next((s for s in self.spans(t, 1, -9) if (s[1] if ended else s[0]) <= t), None)

    def soonest(self, t: datetime, *, unbegun: bool = False) -> Span | None:
        """The first occurrence that is not over at `t` (`unbegun`: that begins after `t`)."""
        return next((s for s in self.spans(t, -1, 9) if (s[0] if unbegun else s[1]) > t), None)

    def present(self, t: datetime) -> Span | None:
        """The occurrence that holds `t`, else the one of the period that holds `t`."""
        return next((s for s in self.spans(t, -1, 1) if s[0] <= t < s[1]), next(self.spans(t, 0, 0), None))

    def inside(self, start: datetime, end: datetime) -> Span | None:
        """The first occurrence that begins in [start, end)."""
        return next((s for s in self.spans(start, -1, 9) if start <= s[0] < end), None)


def monthly(month: int) -> Cycle:
    """A month of the year."""
    return Cycle("year", "month", lambda y: whole(y.replace(month=month), "month"))


def dated(month: int, day: int) -> Cycle:
    """A day of the year; the 29th of February exists in leap years only."""
    return Cycle("year", "day", lambda y: on(y.year, month, day))


def stretch(month: int, first: int, last: int) -> Cycle:
    """From one day of a month to another, both included."""
    return Cycle("year", "range", lambda y: (a[0], b[1]) if (a := on(y.year, month, first)) and (b := on(y.year, month, last)) else None)


def day_of_month(day: int) -> Cycle:
    """A numbered day of each month that has it."""
    return Cycle("month", "day", lambda m: on(m.year, m.month, day))


def weekly(weekday: int) -> Cycle:
    """A day of the week, Monday 0."""
    return Cycle("week", "day", lambda monday: (monday + weekday * DAY, monday + (weekday + 1) * DAY))


WEEKEND = Cycle("week", "weekend", lambda monday: (monday + 5 * DAY, monday + 7 * DAY))


def seasonal(name: str) -> Cycle:
    """Three months; `name` is a key of SEASONS."""
    return Cycle("year", "season", lambda y: (y.replace(month=SEASONS[name]), shift(y.replace(month=SEASONS[name]), "month", 3)))


def quarterly(n: int) -> Cycle:
    """The n-th quarter of the year, from 1."""
    return Cycle("year", "quarter", lambda y: whole(y.replace(month=3 * n - 2), "quarter"))


def festive(name: str) -> Cycle:
    """A feast; `name` is a key of FEASTS."""
    return Cycle("year", "day", lambda y: feast(name, y.year))


def clock(start: float, length: float, grain: str) -> Cycle:
    """A time of day: both in seconds, `start` from local midnight; it may begin the day before or end the day after."""
    return Cycle("day", grain, lambda d: (d + timedelta(seconds=start), d + timedelta(seconds=start + length)))

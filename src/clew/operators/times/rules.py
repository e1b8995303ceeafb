"""The phrases that name a time by themselves: each a pattern and the function of `time_grammar` that says what it means.

A rule is tried only where a word that can begin it stands (`rules_at`), so an ordinary sentence costs one dictionary
look-up a word. Patterns run over lower-case text with straight apostrophes; the first rule that finds something wins.
"""

import re
from collections.abc import Callable
from functools import cached_property

from clew.operators.times import calendar as words
from clew.operators.times import grammar as says


class Phrase:
    """A pattern that is compiled when it is first tried: most never are, and all of them together take 30 ms."""

    def __init__(self, source: str) -> None:
        self.source = source

    @cached_property
    def match(self) -> Callable[..., re.Match[str] | None]:
        """`match` of the compiled pattern."""
        return re.compile(self.source).match


Rule = tuple[Phrase, says.Maker]


def choice(names: object) -> str:
    """An alternation of names, the longest first, so that "new year's eve" is not read as "new year's"."""
    return "|".join(sorted((re.escape(n) for n in names), key=len, reverse=True))  # type: ignore[attr-defined]


def _clock(n: str = "") -> str:
    return rf"(?P<hour{n}>2[0-3]|[01]?[0-9])(?::(?P<minute{n}>[0-5][0-9]))?"


def _half(n: str = "") -> str:
    return rf"\s*(?P<half{n}>[ap]\.?m\b\.?|o'clock\b)"


MONTH = rf"(?P<month>{choice(words.MONTHS)})\b"
WEEKDAY = rf"(?P<weekday>{choice(words.WEEKDAYS)})\b"
SEASON = rf"(?P<season>{choice(words.SEASONS)})\b"
FEAST = rf"(?P<feast>{choice(words.FEASTS)})\b"
_NUMBER = rf"{choice(words.NUMBERS)}|[0-9]{{1,4}}"
COUNT = rf"(?:(?:a|the)\s+)?(?P<vague>couple|few)(?:\s+of)?|(?P<several>several|many|some)|(?P<half>half\s+an?)|(?P<count>{_NUMBER})"
UNIT = rf"(?P<unit>{choice(words.UNITS)})s?\b"
MEASURE = rf"(?:{COUNT})\s+(?:(?:long|good|full|whole|more|short)\s+)?{UNIT}"
_ONE = r"(?P<vague>)?(?P<several>)?(?P<half>)?"  # a measure without these words has the groups all the same
_DAY = r"(?P<day>[0-3]?[0-9])(?:st|nd|rd|th)?"
_TO_DAY = r"\s*(?P<to>-|–|—|to|through|until|till|and)\s*(?:the\s+)?(?P<last>[0-3]?[0-9])(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>[12][0-9]{3})"
# A number before one of these counts things, it does not number a day or a year.
_THINGS = (
    r"(?!\s*(?:%|°|:[0-9]|people|times|miles?\b|km\b|steps|dollars|bucks|points|pages|words|calories|percent|or more"
    r"|hundred|million|minutes|hours|days|weeks|months|years))"
)
_CLAUSE = r"(?:and|but|so|at|with|for|because|when|while|we|i|it|he|she|they|was|is|from)\b"  # after a numbered day: no noun
_ISO_DAY = rf"{_YEAR}-(?P<month>[01][0-9])-(?P<day>[0-3][0-9])"
_TIME = r"(?P<hour>2[0-3]|[01][0-9]):(?P<minute>[0-5][0-9])(?::(?P<second>[0-5][0-9])(?:[.,][0-9]{1,9})?)?"
_ZONE = r"(?P<zone>z\b|[+-](?:0[0-9]|1[0-4]):?[0-5][0-9]\b)?"
_BARE = rf"{MONTH}|{WEEKDAY}|{SEASON}|{FEAST}"
_TARGET = rf"(?:(?P<unit>week|weekend|month|year|quarter|decade)\b|(?P<part>night|morning|afternoon|evening)\b|{_BARE})"
_WAY = r"(?P<way>this\s+(?:past|coming|last)|last|this|next|coming|upcoming|past)"
_ORDINAL = rf"(?P<day>{choice(words.ORDINALS)})"


def _rules(*rules: tuple[str, says.Maker]) -> list[Rule]:
    return [(Phrase(pattern), make) for pattern, make in rules]


_AGO = r"\s+(?P<way>ago\b|back\b(?!\s+(?:to|in|from|at|up|when)\b)|from\s+now\b)"
_COUNTED = _rules(
    (rf"{MEASURE}(?P<also>\s+and\s+a\s+half)?{_AGO}", says.ago),
    (rf"{_ONE}(?P<count>{_NUMBER})(?P<also>\s+)and\s+a\s+half\s+{UNIT}{_AGO}", says.ago),
)
_PLURAL = _rules((rf"{_ONE}(?P<count>)?{UNIT}{_AGO}", says.ago))
_AROUND_LAST = _rules(
    (
        rf"(?:(?P<unit>week|weekend|month|year|quarter|decade|night)|{_BARE})\s+(?P<way>before\s+last|after\s+next)\b",
        says.before_last,
    )
)
_POINTED = _rules(
    (rf"(?P<way>last|past|previous|next|coming)\s+(?:{COUNT})\s+{UNIT}", says.rolling),
    (rf"(?:this\s+)?(?P<way>past){_ONE}(?P<count>)?\s+(?P<unit>week|month|year|decade)\b", says.rolling),
    (rf"{_WAY}\s+{_TARGET}(?!\s+of\s+(?!this|last|next|[12][0-9]))", says.pointed),
)
_DIGITS = _rules(
    (rf"{_ISO_DAY}(?:t|\s+){_TIME}\s?{_ZONE}", says.instant),
    (rf"{_YEAR}(?P<sep>[-/.])(?P<month>[01]?[0-9])(?P=sep)(?P<day>[0-3]?[0-9])\b", says.numeric),
    (rf"{_YEAR}-(?P<month>0[1-9]|1[0-2])\b(?!-)", says.year_month),
    (r"(?P<month>[0-3]?[0-9])(?P<sep>/)(?P<day>[0-3]?[0-9])/(?P<year>[12][0-9]{3}|[0-9]{2})\b(?!/)", says.numeric),
    (r"(?P<day>[0-3]?[0-9])(?P<sep>\.)(?P<month>[01]?[0-9])\.(?P<year>[12][0-9]{3})\b", says.numeric),
    (rf"{_DAY}(?:{_TO_DAY})?\s+(?:of\s+)?(?:the\s+)?{MONTH}", says.month_day),
    (rf"{_clock()}(?:{_half()})?\s*(?:[-–—]|to|and|until|till)\s*{_clock('2')}{_half('2')}", says.clocks),
    (rf"{_clock()}(?P<second>)?{_half()}{_ZONE}", says.clock),
    (rf"(?P<half>)?{_TIME}\s?{_ZONE}(?![:\w])", says.clock),
    (r"(?P<half>)?(?P<second>)?(?P<hour>[0-9]):(?P<minute>[0-5][0-9])(?P<zone>z)?(?![:\w])", says.clock),
    (r"(?P<word>)?(?P<year>1[0-9][0-9]0|20[0-9]0|[0-9]0)'?s\b", says.decade),
    (rf"{_YEAR}\b(?![-/.:,%][0-9](?!(?<=[-/][12])[0-9]{{3}}\b)){_THINGS}", says.year),
    (r"(?P<year>[0-9]{2})\b(?!')", says.short_year),
    (rf"(?P<day>[0-3]?[0-9])(?:st|nd|rd|th)\b(?=\s*(?:[.,;!?)]|$|of\s+(?:this|last|next)\s+month|{_CLAUSE}))", says.numbered_day),
)
_DIGITS[-4:-4] = _COUNTED
_MONTHS = _rules(
    (rf"{MONTH}\.?\s+(?:the\s+)?{_DAY}{_TO_DAY}\b{_THINGS}", says.month_day),
    (rf"{MONTH}\.?\s+(?:the\s+)?{_DAY}\b{_THINGS}", says.month_day),
    (MONTH, says.month),
)

_BY_WORD: dict[str, list[Rule]] = {}


def _enter(heads: object, rules: list[Rule]) -> None:
    for head in heads:  # type: ignore[attr-defined]
        _BY_WORD.setdefault(head, []).extend(rules)


_enter((u + s for u in words.UNITS for s in ("", "s")), _AROUND_LAST)
_enter((*words.WEEKDAYS, *words.MONTHS, *words.SEASONS), _AROUND_LAST)
_enter((u + "s" for u in words.UNITS), _PLURAL)
_enter({w.split()[0] for w in words.NUMBERS} | {"half", "few", "couple", "several", "many", "some"}, _COUNTED)
_enter(("last", "this", "next", "coming", "upcoming", "past", "previous"), _POINTED)
_enter(("today", "yesterday", "tomorrow", "tmrw", "tonight"), _rules((r"(?P<name>\w+)", says.near_day)))
_enter(("day",), _rules((r"(?P<name>day\s+before\s+yesterday|day\s+after\s+tomorrow)\b", says.near_day)))
_enter(
    ("in",),
    _rules(
        (
            rf"in\s+(?:about\s+|just\s+|like\s+)?{MEASURE}(?P<also>\s+and\s+a\s+half)?('s\s+time)?(?!\s+(?:ago|of)\b)",
            says.in_units,
        )
    ),
)
_enter(words.MONTHS, _MONTHS)
_enter(words.WEEKDAYS, _rules((WEEKDAY, says.weekday)))
_enter(words.SEASONS, _rules((SEASON, says.season)))
_enter({f.split()[0].rstrip(".").split("'")[0] for f in words.FEASTS}, _rules((FEAST, says.feast)))
_enter(("weekend",), _rules((r"weekend\b", says.weekend)))
_enter(words.PARTS, _rules((r"\w+", says.part)))
_enter(("noon", "midnight", "midday"), _rules((r"\w+", says.noon)))
_enter(("q1", "q2", "q3", "q4"), _rules((r"q(?P<n>[1-4])", says.quarter)))
_enter(says.TENS, _rules((r"(?P<word>\w+)", says.decade)))
_enter(words.ORDINALS, _rules((rf"{_ORDINAL}\s+of\s+{MONTH}", says.month_day)))
_enter(("earlier", "later"), _rules((r"(?P<part>earlier|later)\s+(?:today|this\s+(?P<unit>week|month|year))\b", says.within)))
_enter(
    ("end", "beginning", "start", "middle"),
    _rules((r"(?P<part>\w+)\s+of\s+the\s+(?P<unit>week|month|quarter|year|decade)\b(?!\s+of)", says.within)),
)
_enter(
    ("recently", "lately", "these", "other", "just"),
    _rules((r"recently|lately|these\s+days|(?<=the )other\s+day\b|just\s+now\b", says.lately)),
)


def rules_at(word: str) -> list[Rule] | None:
    """The rules that may begin with this lower-case word, in the order in which they are tried."""
    return _DIGITS if "0" <= word[0] <= "9" else _BY_WORD.get(word)

"""Of hits that give different values for what a question counts, measures or dates, the newest comes first.

For free talk, where no slot was read: the question says the sort of value that it wants, and hits of one speaker that have
such a value beside the question's words are rivals. They are put in order, not marked: this is likely, not known.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from clew.operators.ranking.question import ASKING
from clew.operators.ranking.rank import DIGITS, NEWER
from clew.operators.slots.asking import Asked
from clew.operators.slots.words import COUNTED, OFTEN, TIME, value_form
from clew.storage.terms import terms
from clew.types import Hit, may_end

VERSION = 1
LOOKED_AT = 5  # hits that are looked at: among so few an order changes what comes first and not what is found
HEAD = 900  # characters of a hit that are read
FEWEST = 0.3  # share of the question's words that stand beside a value
FAIR = 0.5  # of the best hit's share, what a rival must have
_NUMBER = re.compile(rf"(?<![\w.,:/-]){COUNTED}(?![\w/:-]|\.\d)", re.I)
_LASTING = re.compile(
    rf"(?:{COUNTED}(?:\s*(?:-|–|to)\s*\d+)?|an?)\s*(?:and a half\s+)?(?:second|minute|hour|day|week|month|year)s?\b", re.I
)
_MONTH = r"(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*\.?"
_DATE = re.compile(rf"\b{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?\b|\b\d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH}\b|{TIME.pattern}", re.I)
_SORTS = (
    (re.compile(r"\bhow often\b", re.I), OFTEN),
    (re.compile(r"\bhow long\b|\bhow (?:much|many) (?:time|minutes|hours|days|weeks|months|years)\b", re.I), _LASTING),
    (re.compile(r"\bwhat time\b|\bwhen (?:is|are|do|does|should|will)\b|\b(?:deadline|due date|date)\b", re.I), _DATE),
    (
        re.compile(
            r"\bhow (?:many|much|old|far|tall|big|high|large|fast)\b|\bwhat (?:is|was|are)\b.*\b(?:budget|price|cost|rate|amount|number|"
            r"limit|time|score|count|total|percentage|salary|rent|size|weight|goal|target|record|best|average|quota|balance|level)\b",
            re.I,
        ),
        _NUMBER,
    ),
)
# Asked over several times or things: then each value counts, and none is out of date.
_OVER = re.compile(
    r"\b(?:between|ago|passed|elapsed|in total|altogether|combined|sum|total number|in all|each|respectively|did it take|and how)\b|\bfrom\b.*\bto\b",
    re.I,
)
_EDGE = re.compile(r"[.!?…]\s|\n")
_HOW = frozenset(terms("many much often long time current recent average usual total"))


@dataclass(frozen=True, slots=True)
class Rival:
    """A hit that gives a value, what it gives, and how many of the question's words stand beside it, 0..1."""

    place: int
    value: str
    share: float


def newest(text: str, hits: Sequence[Hit], asked: Asked) -> list[Hit]:
    """The hits, best first, with rivals for the value that the question wants in the order newest first."""
    sort = next((pattern for wants, pattern in _SORTS if wants.search(text)), None)
    if sort is None or _OVER.search(text) or asked.back or asked.first or asked.both:
        return list(hits)
    words = asked.terms - ASKING - _HOW or asked.terms
    rivals = [r for n, hit in enumerate(hits[:LOOKED_AT]) if (r := rival(n, hit, words, sort)) is not None]
    if len(rivals) < 2:
        return list(hits)
    best = max(r.share for r in rivals)
    rivals = [r for r in rivals if r.share >= FAIR * best]
    first = hits[rivals[0].place].memory
    rivals = [r for r in rivals if hits[r.place].memory.actor == first.actor]
    if len({value_form(r.value) for r in rivals}) < 2:
        return list(hits)
    order = sorted(rivals, key=lambda r: (hits[r.place].memory.since or first.since, r.place), reverse=True)  # type: ignore[type-var, return-value]
    if not may_end(hits[order[0].place].memory.trust, max(hits[r.place].memory.trust for r in rivals)):
        return list(hits)
    found = list(hits)
    for there, r in zip(sorted(r.place for r in rivals), order, strict=True):
        score, hit = hits[there].score, hits[r.place]
        found[there] = hit if there == r.place else replace(hit, score=score, why={**hit.why, NEWER: round(score - hit.score, DIGITS)})
    return found


def rival(place: int, hit: Hit, words: frozenset[str], sort: re.Pattern[str]) -> Rival | None:
    """The value in a hit that stands among most of the question's words, where they are enough."""
    text, best = hit.memory.text[:HEAD], None
    for m in sort.finditer(text):
        start = max((e.end() for e in _EDGE.finditer(text, max(0, m.start() - 300), m.start())), default=max(0, m.start() - 300))
        end = _EDGE.search(text, m.end())
        share = len(words.intersection(terms(text[start : end.start() if end else len(text)]))) / len(words)
        if share >= FEWEST and (best is None or share > best.share):
            best = Rival(place, m.group(), share)
    return best

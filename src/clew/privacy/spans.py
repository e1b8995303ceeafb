"""What a finder returns: where something private stands, and what it is."""

import functools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

KINDS = (
    "KEY", "URL", "PASSWORD", "CODE", "CARD", "IBAN", "SSN", "PASSPORT", "LICENCE", "ID", "ACCOUNT", "EMAIL",
    "PHONE", "MAC", "IP", "GPS", "DOB", "ADDRESS", "NAME",
)  # fmt: skip
"""Every kind of span; of two equally long ones in one place the earlier kind wins."""
Check = Callable[[re.Match[str]], bool] | None
QUARTERS = frozenset({"", "N", "E", "S", "W", "NW", "NE", "SW", "SE"})


@dataclass(frozen=True, slots=True)
class Span:
    """Characters start to end (exclusive) of a text, and what they are: one of KINDS."""

    start: int
    end: int
    kind: str


@functools.cache
def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern, compiled when a text is first searched for it: most processes never are, and fifty take a while."""
    return re.compile(pattern)


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern; the group `v` is what is private, the whole match where there is none; `check` has the last word."""

    kind: str
    pattern: str
    check: Check = None
    near: tuple[str, ...] = ()  # in small letters: a text that has none of these is not searched
    digits: bool = True  # whether every match holds a digit

    def find(self, text: str) -> list[Span]:
        """The spans of a text, in order."""
        pattern = compiled(self.pattern)
        matches = [m for m in pattern.finditer(text) if self.check is None or self.check(m)]
        group = "v" if "v" in pattern.groupindex else 0
        return [Span(m.start(group), m.end(group), self.kind) for m in matches if m.end(group) > m.start(group)]


def searched(rules: Iterable[Rule], text: str) -> list[Span]:
    """What the rules find in a text; spans may overlap."""
    small, digit = text.lower(), any(map(str.isdigit, text))
    return [
        span
        for rule in rules
        if (digit or not rule.digits) and (not rule.near or any(word in small for word in rule.near))
        for span in rule.find(text)
    ]


def merged(spans: Iterable[Span], text: str) -> list[Span]:
    """Spans that do not touch one another, in order: those that overlap become one, of the kind of the longest."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda s: (s.start, -s.end, KINDS.index(s.kind))):
        if kept and (span.start < kept[-1].end or _one(kept[-1], span, text)):
            last = kept[-1]
            longer = span if span.end - span.start > last.end - last.start else last
            kept[-1] = Span(last.start, max(last.end, span.end), longer.kind)
        else:
            kept.append(span)
    return kept


def _one(last: Span, span: Span, text: str) -> bool:
    """Whether two spans are parts of one address."""
    return last.kind == span.kind == "ADDRESS" and text[last.end : span.start].strip(" ,\n") in QUARTERS

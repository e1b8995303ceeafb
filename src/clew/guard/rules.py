"""What is said only to harm: overriding, carrying data away, running strangers' code, faking checks, planting consent.

The rules lie in `data/rules.toml`: each is a pattern over one piece in lower case, tried only where its hint words stand in the
text. Points of the milder rules add up: two of them in one piece, or three in a short record, are as bad as one that is plain.
"""

from __future__ import annotations

import functools
import re
import tomllib
from pathlib import Path
from typing import NamedTuple

DATA = Path(__file__).parent / "data"
PLAIN = 2
"""Points at which a piece is kept out."""
CLAIMS = frozenset({"planted consent", "standing order"})
"""Reasons that are none where the user said so."""
TELLING = frozenset({"user", "users", "prefe", "confi", "expre", "wants", "reque", "state", "custo", "clien"})
"""Beginnings of words by which it is told that somebody said something; they need not have been said."""
_WORDS = re.compile(r"[a-z_\d]+")


class Rule(NamedTuple):
    """A pattern, and how sure it is."""

    reason: str
    points: int  # PLAIN is enough alone
    machine: bool  # holds for what the assistant itself wrote, too
    hints: tuple[frozenset[str], ...]  # a word of each set is in every text that the pattern fits
    pattern: re.Pattern[str]


class Match(NamedTuple):
    """A rule that fits."""

    reason: str
    points: int
    machine: bool


@functools.lru_cache(maxsize=1)
def rules() -> tuple[Rule, ...]:
    """The rules, read and compiled once a process, when a text is first scrutinised."""
    told = tomllib.loads((DATA / "rules.toml").read_text(encoding="utf-8"))
    found = []
    for rule in told["rule"]:
        pattern = "|".join(rule["patterns"])
        for name, part in told["parts"].items():
            pattern = pattern.replace("{" + name + "}", part)
        hints = tuple(frozenset(line.split()) for line in rule["hints"])
        found.append(Rule(rule["reason"], rule["points"], rule["machine"], hints, re.compile(pattern, re.MULTILINE)))
    return tuple(found)


def words(text: str) -> set[str]:
    """The words of a text in lower case, as the hints are written."""
    return set(_WORDS.findall(text))


@functools.lru_cache(maxsize=1)
def _leads() -> dict[str, list[int]]:
    """From a word to the rules among whose first hints it is."""
    found: dict[str, list[int]] = {}
    for i, rule in enumerate(rules()):
        for word in rule.hints[0]:
            found.setdefault(word, []).append(i)
    return found


def due(found: set[str], machine: bool = False) -> list[Rule]:
    """The rules (of the assistant's own words, where `machine`) whose hints are all among some words."""
    leads, every = _leads(), rules()
    maybe = [every[i] for i in sorted({i for word in leads.keys() & found for i in leads[word]})]
    return [rule for rule in maybe if (rule.machine or not machine) and not any(h.isdisjoint(found) for h in rule.hints[1:])]


def matches(low: str, machine: bool = False) -> list[Match]:
    """The rules that fit a piece in lower case."""
    return [Match(rule.reason, rule.points, rule.machine) for rule in due(words(low), machine) if rule.pattern.search(low)]

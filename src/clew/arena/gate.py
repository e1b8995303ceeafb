"""How often the support gate errs: true facts falsified in one place each, with seeds, and put before it again.

A falsified fact that passes is a miss. What it should be told apart from stands beside: the same facts as they were.
"""

import random
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from clew.arena import halves
from clew.arena.datasets.halumem import histories
from clew.operators import facts
from clew.operators.truth import support

SEED = 20261122
NAMES = ("Ingrid", "Tobias", "Marwa", "Osaka", "Leuven", "Bergen", "Kaspar", "Quito")  # drawn in the place of a name
_NAME = re.compile(r"\b[A-Z][a-z]{2,}\b")
_NUMBER = re.compile(r"(?<![\w.])\d+(?:[.,]\d+)*(?![\w-])")
_UNIT = re.compile(r"(\d+ )(km|kg|years|months|weeks|days|hours|minutes|USD|euros|dollars|miles)\b")
_NOT = re.compile(r"\b(is|are|was|were|has|have|had|will|can|would|does|do|did)(?: not|n't)\b")
_HELPS = re.compile(r"\b(is|are|was|were|has|have|had|will|can|would)\b(?!['’])")
_DOUBT = re.compile(
    r"\b(?:(?:is |are )?(?:planning|considering|hoping|thinking of|looking forward)(?: to)?|plans to|hopes to|wants to|aims to|might|will)\b ?"
)


@dataclass(frozen=True, slots=True)
class Stated:
    """A fact with its words, as the gate sees it, and the other people of the same conversation."""

    text: str
    span: str
    resolved: tuple[str, ...]
    at: datetime


def stated(path: Path, half: halves.Half = "all") -> list[Stated]:
    """What the rules read from the users' own messages in HaluMem's sessions of that half."""
    found = []
    for history in histories(path):
        for event in history.case.events:
            if event["role"] != "user" or (half != "all" and halves.half(event["session"]) != half):
                continue
            words, at = event["content"], datetime.fromisoformat(event["at"])
            for fact in facts.read(words, event["actor"], "user", at):
                found.append(Stated(fact.text, " ".join(words[a:b] for a, b in fact.spans), fact.resolved, at))
    return found


def falsified(fact: Stated, kind: str, luck: random.Random) -> str | None:
    """The fact's text with one thing in it wrong; None where it has nothing of that kind."""
    text = fact.text
    if kind == "name":
        found = [m for m in _NAME.finditer(text) if m[0] in fact.span and (m.start() or m[0] in " ".join(fact.resolved))]
        return _put(text, luck.choice(found), luck.choice(NAMES)) if found else None
    if kind == "number":
        found = list(_NUMBER.finditer(text))
        return _put(text, m := luck.choice(found), str(int(re.sub(r"\D", "", m[0])) + luck.randint(1, 9))) if found else None
    if kind == "unit":
        match = _UNIT.search(text)
        return None if match is None else _UNIT.sub(lambda m: m[1] + ("km" if m[2] != "km" else "kg"), text, count=1)
    if kind == "negation":
        if _NOT.search(text):
            return _NOT.sub(r"\1", text, count=1)
        return _HELPS.sub(r"\1 not", text, count=1) if _HELPS.search(text) else None
    if kind == "doubt":
        return _DOUBT.sub("", text, count=1) if _DOUBT.search(text) else None
    return _another(fact, luck)


def _another(fact: Stated, luck: random.Random) -> str | None:
    """The fact said of another: the speaker's for somebody else's, somebody else's for the speaker's."""
    own = next((name for name in fact.resolved if fact.text.startswith(name)), None)
    if own is not None:
        return luck.choice(NAMES) + fact.text[len(own) :]
    first = re.match(r"[A-Z][a-z]+(?: [A-Z][a-z]+)*(?= (?:is|was|has|had|lives|works|went|likes|[a-z]+ed) )", fact.text)
    if first is None or first[0].lower() in OPENING or first[0].lower().endswith("ing") or not fact.resolved:
        return None
    return f"{fact.resolved[0]}{fact.text[first.end() :]}"


def _put(text: str, match: re.Match[str], other: str) -> str:
    return text[: match.start()] + other + text[match.end() :]


OPENING = frozenset({"it", "that", "this", "there", "what", "everything", "something", "one", "everyone", "they", "he", "she"})
KINDS = ("name", "number", "unit", "negation", "doubt", "subject")


def errors(facts: Sequence[Stated], seed: int = SEED) -> Mapping[str, tuple[int, int]]:
    """Kind -> (falsified facts that passed, falsified facts); "true" -> (true facts that were refused, true facts)."""
    passed: Counter[str] = Counter()
    tried: Counter[str] = Counter()
    for kind in KINDS:
        luck = random.Random(f"{seed} {kind}")
        for fact in facts:
            wrong = falsified(fact, kind, luck)
            if wrong is None or wrong == fact.text:
                continue
            tried[kind] += 1
            passed[kind] += support.supported(wrong, fact.span, fact.resolved, fact.at).supported
    for fact in facts:
        tried["true"] += 1
        passed["true"] += not support.supported(fact.text, fact.span, fact.resolved, fact.at).supported
    return {kind: (passed[kind], tried[kind]) for kind in (*KINDS, "true")}

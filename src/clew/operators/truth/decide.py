"""Decisions between two statements: is the newer a duplicate of the older, does it contradict, supersede or correct it?

One signature for every back end: rules by default, whose probabilities are shares counted on public data; a model through
the context; or any callable, another package's too. Below a threshold the answer is None: the caller does nothing.
"""

import importlib.metadata
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from clew.context import Context
from clew.errors import NotFound, UsageError
from clew.models import forms
from clew.operators.slots.reading import stated
from clew.operators.slots.statement import Statement
from clew.operators.slots.words import numeric, timely, value_form
from clew.storage.terms import terms

VERSION = 1
GROUP = "clew.deciders"  # entry points: name -> a callable of this module's signature
PROMPT = "decide"  # of a recipe that has a model decide; $older, $newer
QUESTIONS = ("relation", "duplicate", "contradicts", "supersedes", "corrects")
RELATIONS = ("duplicate", "supersedes", "corrects", "contradicts", "unrelated")
SURE = 0.5  # probability from which a choice is made
ALIKE = 0.6  # share of the longer text's terms that the other must have to be its like
BESIDE = 0.5  # share of a denial's terms that what it denies must have
_DENIES = re.compile(
    r"\b(?:never|not|no longer|haven['’]t|hasn['’]t|didn['’]t|don['’]t|doesn['’]t|isn['’]t|wasn['’]t|won['’]t|can['’]t)\b", re.I
)
_SPLIT = re.compile(r"(?<=[.!?])\s+|\n+|,\s+(?:and|but|so)\s+")
_NEW = re.compile(
    r"\b(?:now|instead|changed|moved|updated|extended|increased|decreased|raised|reduced|rescheduled|switched|postponed|new|no longer)\b",
    re.I,
)
# What the rules see in a pair, and how likely each relation then is (what is left out is unlikely). The first six are counted by
# tools/calibrate_decide.py on the tuning half (1,344 pairs); the others have too few public pairs and are set by hand.
SEEN: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "same slot": {"supersedes": 0.935, "unrelated": 0.057},
        "other slots": {"unrelated": 0.999},
        "like words": {"unrelated": 0.98, "supersedes": 0.005},
        "news": {"unrelated": 0.876, "supersedes": 0.112, "contradicts": 0.009},
        "nothing": {"unrelated": 0.926, "supersedes": 0.043, "contradicts": 0.029},
        "denial": {"unrelated": 0.839, "contradicts": 0.117, "supersedes": 0.033},
        "same words": {"duplicate": 0.97, "unrelated": 0.03},
        "same value": {"duplicate": 0.9, "unrelated": 0.08},
        "correction": {"corrects": 0.8, "supersedes": 0.15},
        "end": {"supersedes": 0.9, "unrelated": 0.08},
        "near slot": {"unrelated": 0.5, "supersedes": 0.4},
        "other value": {"unrelated": 0.9, "supersedes": 0.08},
    }
)


@dataclass(frozen=True, slots=True)
class Item:
    """One side of a pair: words, who said them, when, and what they state where that is known."""

    text: str
    actor: str | None = None
    at: datetime | None = None
    statements: tuple[Statement, ...] | None = None

    def read(self) -> tuple[Statement, ...]:
        """What it states."""
        if self.statements is not None:
            return self.statements
        return tuple(stated(self.text, self.actor, self.at or datetime(2000, 1, 1, tzinfo=UTC)))


@dataclass(frozen=True, slots=True)
class Choice:
    """A decision: one of RELATIONS, or "yes" or "no"; None where it abstains. `probability` is that of the likeliest choice."""

    choice: str | None
    probability: float
    seen: str = ""  # what the rules saw


Decider = Callable[[str, Sequence[Item], Context | None], Choice]


def decide(question: str, items: Sequence[Item], ctx: Context | None = None, by: str | Decider = "rules") -> Choice:
    """The relation of items[1], the newer, to items[0]; or whether it is the one asked for ("duplicate", ...).

    `by`: "rules", "model" (asks `ctx` with the recipe's prompt "decide"), another package's entry point, or a callable.
    Raises UsageError for another question, or not two items.
    """
    if question not in QUESTIONS or len(items) != 2:
        raise UsageError(f"decide answers {', '.join(QUESTIONS)} for two items, older first; got {question!r} and {len(items)} items")
    return (by if callable(by) else named(by))(question, items, ctx)


def named(name: str) -> Decider:
    """The back end of that name; NotFound with the names there are."""
    own: dict[str, Decider] = {"rules": by_rules, "model": by_model}
    if name in own:
        return own[name]
    points = {p.name: p for p in importlib.metadata.entry_points(group=GROUP)}
    if name not in points:
        raise NotFound(f"no decider is called {name!r}; there are {', '.join(sorted({*own, *points}))}")
    return points[name].load()


def by_rules(question: str, items: Sequence[Item], ctx: Context | None = None) -> Choice:
    """What the rules see, with the share of such pairs in which it was so."""
    seen = evidence(items[0], items[1])
    return chosen(question, SEEN[seen], seen)


def by_model(question: str, items: Sequence[Item], ctx: Context | None = None) -> Choice:
    """A model's choice. Its probability is that of what the rules see, where they agree, else one half: it has none of its own."""
    if ctx is None:
        raise UsageError("a model decides through a context; give ctx=")
    rules = by_rules("relation", items)
    found = ctx.ask(PROMPT, forms.choice(RELATIONS), otherwise=None, older=items[0].text, newer=items[1].text)
    if found is None:
        return by_rules(question, items)
    probability = rules.probability if found == rules.choice else SURE
    rest = (1 - probability) / (len(RELATIONS) - 1)
    return chosen(question, {name: probability if name == found else rest for name in RELATIONS}, rules.seen)


def chosen(question: str, shares: Mapping[str, float], seen: str = "") -> Choice:
    """The likeliest choice by the probabilities of the relations, or None where it is below SURE."""
    if question == "relation":
        best = max(RELATIONS, key=lambda name: shares.get(name, 0.0))
        return Choice(best if shares.get(best, 0.0) >= SURE else None, round(shares.get(best, 0.0), 4), seen)
    yes = shares.get(question, 0.0)
    return Choice("yes" if yes >= SURE else "no", round(max(yes, 1 - yes), 4), seen)


def evidence(older: Item, newer: Item) -> str:
    """What the rules see in a pair: one of the keys of SEEN."""
    before, after = older.read(), newer.read()
    found = {_between(a, b) for a in before for b in after} - {""}
    for name in ("correction", "end", "same value", "same slot", "near slot", "other value"):
        if name in found:
            return name
    a, b = frozenset(terms(older.text)), frozenset(terms(newer.text))
    if a == b:
        return "same words"
    if denied(older.text, newer.text):
        return "denial"
    if len(a & b) >= ALIKE * max(len(a), len(b), 1):
        return "like words"
    if before and after:
        return "other slots"
    return "news" if _NEW.search(newer.text) and len(a & b) >= 2 else "nothing"


def _between(a: Statement, b: Statement) -> str:
    if a.subject != b.subject:
        return ""
    equal = value_form(a.value) == value_form(b.value)
    if a.slot == b.slot:
        if b.ending or b.negated:
            return "end" if equal else ""
        if equal:
            return "same value"
        return "other value" if not (a.single and b.single) else "correction" if b.correcting else "same slot"
    one, other = set(terms(a.slot)), set(terms(b.slot))
    sort = (timely(a.value), numeric(a.value)) == (timely(b.value), numeric(b.value))
    return "near slot" if one & other and (one <= other or other <= one) and sort and not equal else ""


def denied(older: str, newer: str) -> bool:
    """Whether one says that it is, or was, and the other that it is not, or never was."""
    for denial, other in ((newer, older), (older, newer)):
        for part in _SPLIT.split(denial):
            if not _DENIES.search(part):
                continue
            said = set(terms(_DENIES.sub(" ", part)))
            for line in _SPLIT.split(other):
                if len(said) >= 2 and not _DENIES.search(line) and len(said & set(terms(line))) >= BESIDE * len(said):
                    return True
    return False


def pair(older: Any, newer: Any) -> tuple[Item, Item]:
    """Two memories or events as items."""
    return Item(older.text, older.actor, getattr(older, "since", None)), Item(newer.text, newer.actor, getattr(newer, "since", None))

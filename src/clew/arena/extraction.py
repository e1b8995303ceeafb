"""Extraction measured without a judge: which memory points a system kept, and what it kept that it should not have.

A memory matches a point when one sentence of it, two that follow each other, or its subject, slot and value have at least
`THRESHOLD` of F1 in content terms with the point, and numbers, names and negation agree. Stems are compared; the user's
own name and the words by which points are narrated ("expressed", "highlighted") are left out. Where a point has a twin
(an interference point and the true one that it falsifies), the memory must also hold most of what tells it from its
twin. The rule was checked by hand: docs/findings/facts.md.
"""

import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

from clew.arena import halves
from clew.arena.cases import Case
from clew.arena.datasets.halumem import History, Point, histories
from clew.engine import Clew
from clew.models import Models
from clew.operators.truth import support
from clew.recipe import Recipe, load
from clew.storage.terms import terms
from clew.types import Memory

THRESHOLD = 0.5
TWIN_SHARE = 0.6  # of the terms that tell a point from its twin
USER = "u"
# Words by which points are told, and those that every one of them has: they say nothing about what is remembered.
NARRATED = frozenset(
    terms(
        """express discuss mention highlight emphasize reflect share reveal describe note state user update change reason include
        acknowledge conclude recall report dialogue conversation current currently new newly newfound also particularly various including"""
    )
)
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_OPPOSITE = re.compile(r"\bdislik(e|es|ed|ing)\b", re.I)
_NUMBER = re.compile(r"\d+(?:[.,:/-]\d+)*")
_NAME = re.compile(r"\b[A-Z][A-Za-z]+\b")
_FROM = re.compile(r"\bfrom ['\"]?[^'\"]{1,40}?['\"]? (?=to ['\"]?[$€£\dA-Z])")
_NOT = re.compile(r"\b(?:not|never|no|none|nobody|nothing|without|neither|nor|cannot|hardly|hates?)\b|n['’]t\b", re.I)
_LOWER = re.compile(r"\b[a-z]+\b")
_MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
_DATED = re.compile(rf"\b(?:on|in|as of|since|by)?\s*{_MONTH} \d{{1,2}}(?:, \d{{4}})?,?|\b(?:on|in|as of) (?:[A-Z][a-z]+ )?\d{{4}}\b")


@dataclass(frozen=True, slots=True)
class Form:
    """A text as it is compared."""

    terms: frozenset[str]
    numbers: frozenset[str]
    names: frozenset[str]
    negated: bool


@dataclass(frozen=True, slots=True)
class Reader:
    """Turns texts of one case into forms: `own` are the terms of the user's name, `plain` terms that also occur in lower case."""

    own: frozenset[str]
    plain: frozenset[str]
    forms: dict[str, Form] = field(default_factory=dict)

    def form(self, text: str) -> Form:
        """The text without the user's name, the date on which it was said, and the old value in "from X to Y"."""
        if (found := self.forms.get(text)) is None:
            found = self.forms[text] = self._read(text)
        return found

    def _read(self, text: str) -> Form:
        told = _DATED.sub(" ", _FROM.sub(" ", _OPPOSITE.sub(r"not lik\1", text)))
        names = frozenset(t for name in _NAME.findall(told) for t in terms(name) if t not in self.plain)
        kept = frozenset(t for t in terms(told) if t not in ("not", "no")) - self.own - NARRATED
        numbers = frozenset(map(support.plain_number, _NUMBER.findall(told)))
        return Form(kept, numbers, names - self.own - NARRATED, bool(_NOT.search(told)))


def reader(history: History) -> Reader:
    """The reader of a user's texts."""
    plain = {t for e in history.case.events for t in terms(" ".join(_LOWER.findall(e["content"])))}
    return Reader(frozenset(terms(history.user)), frozenset(plain))


def windows(text: str) -> list[str]:
    """The text, its sentences, and each two that follow each other; a text of three or more only by its parts."""
    parts = [s for s in _SENTENCE.split(text) if s.strip()]
    return list(dict.fromkeys([*([text] if len(parts) < 3 else []), *parts, *(f"{a} {b}" for a, b in pairwise(parts))]))


def f1(a: frozenset[str], b: frozenset[str]) -> float:
    """Twice what they share over what both have."""
    return 2 * len(a & b) / (len(a) + len(b)) if a or b else 0.0


def agreeing(point: Form, memory: Form) -> bool:
    """Negation is the same, every number of the point is there, and of its names at least one where it has any."""
    named = not point.names or bool(point.names & memory.terms)
    return point.negated == memory.negated and point.numbers <= memory.numbers and named


@dataclass(frozen=True, slots=True)
class Kept:
    """A memory as it is scored."""

    session: str
    type: str  # Persona, Event, Relationship: what its kind comes nearest to
    texts: tuple[str, ...]  # its windows
    active: bool
    supported: bool  # its quotes are there and say what it says


def likeness(point: Point, twin: str, memory: Kept, read: Reader) -> float:
    """The best F1 of the memory's windows that agree with the point; 0 where none does."""
    mine = read.form(point.text)
    telling = mine.terms - read.form(twin).terms if twin else frozenset()
    best = 0.0
    for text in memory.texts:
        its = read.form(text)
        if agreeing(mine, its) and len(telling & its.terms) >= TWIN_SHARE * len(telling):
            best = max(best, f1(mine.terms, its.terms))
    return best


TYPES = {"relation": "Relationship", "event": "Event", "plan": "Event", "turn": "Turn", "block": "Turn"}


def kept(memory: Memory, session: str, quotes: Mapping[int, Sequence[str]], at: Mapping[int, datetime]) -> Kept:
    """A memory of any recipe; one with a slot is also read as "slot value". `quotes`: its cited words by event.

    It is supported where one event's words hold it literally or pass the gate, with the speaker and the names that the
    recipe says its pronouns stand for.
    """
    data = memory.data
    short = [f"{'not ' if data.get('negated') else ''}{data['slot']} {data['value']}"] if "slot" in data else []
    resolved = [*data.get("resolved", ()), memory.actor or ""]
    fine = any(
        memory.text in " ".join(said) or support.supported(memory.text, " ".join(said), resolved, at[seq]).supported
        for seq, said in quotes.items()
    )
    return Kept(session, TYPES.get(memory.kind, "Persona"), (*windows(memory.text), *short), memory.status == "active", fine)


# -- systems --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Extractor:
    """A recipe, and which of the events it is given."""

    name: str
    recipe: Recipe | None  # None keeps nothing
    takes: Callable[[Mapping[str, Any]], bool] = lambda event: True
    models: Models | None = None

    def extract(self, events: Iterable[Mapping[str, Any]]) -> tuple[list[Kept], float]:
        """What is kept of the events, quarantined memories too, and the milliseconds that an event took."""
        taken = [e for e in events if self.takes(e)]
        if self.recipe is None or not taken:
            return [], 0.0
        with (
            tempfile.TemporaryDirectory(prefix="clew-arena-") as folder,
            Clew(Path(folder) / "memory.db", recipes=[self.recipe], models=self.models) as clew,
        ):
            clew.record(taken, user=USER)
            started = perf_counter()
            clew.catch_up()
            took = 1000 * (perf_counter() - started) / len(taken)
            by_seq = {e.seq: e for e in clew.log.read()}
            found = []
            for memory in listed(clew):
                quotes: dict[int, list[str]] = {}
                for s in memory.sources:
                    quotes.setdefault(s.seq, []).append(by_seq[s.seq].text[s.start : s.end])
                at = {seq: by_seq[seq].at for seq in quotes}
                for session in dict.fromkeys(by_seq[seq].scope.session or "" for seq in quotes):  # said again in another
                    found.append(kept(memory, session, quotes, at))
            return found, took


def listed(clew: Clew) -> list[Memory]:
    """Everything that the view holds now, and what waits for review; profiles are made of the rest and left out."""
    review = getattr(clew, "review", None)
    held = list(review(user=USER)) if review is not None else []
    known = {m.id for m in held}
    return [m for m in [*held, *(m for m in clew.memories(user=USER, limit=1_000_000) if m.id not in known)] if m.kind != "profile"]


# -- scores ---------------------------------------------------------------------------------------------------------


def scored(history: History, found: Sequence[Kept], half: halves.Half = "all") -> dict[str, Any]:
    """Recall, precision, planted points stored, as (hits, of) pairs; only sessions of the half count."""
    read = reader(history)
    points = [p for p in history.points if half in ("all", halves.half(p.session))]
    twins = {p.twin: p.text for p in points if p.twin}
    sessions: dict[str, list[Kept]] = {}
    for one in found:
        sessions.setdefault(one.session, []).append(one)
    counts: Counter[str] = Counter()
    for session in dict.fromkeys(p.session for p in points):
        mine = [p for p in points if p.session == session]
        for state in (True, False):
            memories = [m for m in sessions.get(session, ()) if m.active is state]
            like = [[likeness(p, p.twin or twins.get(p.text, ""), m, read) for m in memories] for p in mine]
            counts.update(_counted(mine, memories, like, "" if state else "held "))
    return {name: counts[name] for name in sorted(counts)}


def _counted(points: Sequence[Point], memories: Sequence[Kept], like: Sequence[Sequence[float]], held: str) -> Counter[str]:
    """Counts of one session: points found, memories that match, planted points stored."""
    counts: Counter[str] = Counter()
    true = [i for i, p in enumerate(points) if p.source != "interference"]
    nearest = [max((like[i][j] for i in true), default=0.0) for j in range(len(memories))]
    for i, point in enumerate(points):
        if point.source == "interference":
            hit = any(x >= THRESHOLD and x > nearest[j] for j, x in enumerate(like[i]))
            labels = ["interference", f"interference {point.type}"]
        else:
            hit = any(x >= THRESHOLD for x in like[i])
            labels = ["true", point.type, point.source, *(["update"] if point.update else [])]
        for label in labels:
            counts[f"{held}point {label}"] += 1
            counts[f"{held}found {label}"] += hit
    for j, memory in enumerate(memories):
        for label in ("all", memory.type):
            counts[f"{held}memory {label}"] += 1
            counts[f"{held}right {label}"] += nearest[j] >= THRESHOLD
        counts[f"{held}unsupported"] += not memory.supported
    return counts


def share(counts: Mapping[str, int], hits: str, of: str) -> tuple[int, int]:
    """(hits, of), zeros where there are none."""
    return counts.get(hits, 0), counts.get(of, 0)


COLUMNS = {  # of the table: name -> (hits, of)
    "recall": ("found true", "point true"),
    "Persona": ("found Persona", "point Persona"),
    "Event": ("found Event", "point Event"),
    "Relation": ("found Relationship", "point Relationship"),
    "system": ("found system", "point system"),
    "primary": ("found primary", "point primary"),
    "secondary": ("found secondary", "point secondary"),
    "updates": ("found update", "point update"),
    "planted stored": ("found interference", "point interference"),
    "planted held": ("held found interference", "held point interference"),
    "precision": ("right all", "memory all"),
    "prec. Persona": ("right Persona", "memory Persona"),
    "prec. Event": ("right Event", "memory Event"),
    "prec. Relation": ("right Relationship", "memory Relationship"),
    "unsupported": ("unsupported", "memory all"),
}


def systems(recipes: Sequence[Recipe], models: Models | None = None) -> list[Extractor]:
    """Nothing, the user's turns, and all turns as controls; then the recipes, each with and without its gate where it has one."""
    turns = load("verbatim")
    found = [
        Extractor("nothing", None),
        Extractor("the user's turns", turns, lambda event: event.get("role") == "user"),
        Extractor("all turns", turns),
    ]
    for recipe in recipes:
        if recipe.params.get("gate"):
            found.append(Extractor(f"{recipe.name}, no gate", recipe.variant("no gate", gate=False), models=models))
        found.append(Extractor(recipe.name, recipe, models=models))
    return found


def measured(path: Path, chosen: Sequence[Extractor], half: halves.Half = "all", sessions: int | None = None) -> dict[str, Any]:
    """System -> its counts over every user of the path, and milliseconds an event. `sessions`: only the first so many of each user."""
    outcome: dict[str, Any] = {}
    for history in (cut(h, sessions) for h in histories(path)):
        for system in chosen:
            found, took = system.extract(history.case.events)
            mine = outcome.setdefault(system.name, {"counts": Counter(), "ms": []})
            mine["counts"].update(scored(history, found, half))
            mine["ms"].append(took)
    return {name: {"counts": dict(sorted(m["counts"].items())), "ms": sum(m["ms"]) / len(m["ms"])} for name, m in outcome.items()}


def cut(history: History, sessions: int | None) -> History:
    """The history's first sessions."""
    if sessions is None:
        return history
    first = set(list(dict.fromkeys(e["session"] for e in history.case.events))[:sessions])
    events = tuple(e for e in history.case.events if e["session"] in first)
    return History(history.user, Case(history.case.id, events, ()), tuple(p for p in history.points if p.session in first))


def rows(outcome: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a table, a system a column: per cent with the counts behind it."""
    body = []
    for measure, (hits, of) in COLUMNS.items():
        cells = []
        for mine in outcome.values():
            n, total = share(mine["counts"], hits, of)
            cells.append(f"{100 * n / total:.1f} ({n}/{total})" if total else "–")
        if any(cell != "–" for cell in cells):
            body.append([measure, *cells])
    body.append(["ms an event", *(f"{mine['ms']:.2f}" for mine in outcome.values())])
    return ["measure, %", *outcome], body

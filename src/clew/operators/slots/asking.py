"""What a question asks of slots: whose, which, and of what time; and how far a slot is the one that it asks for."""

import re
from dataclasses import dataclass
from functools import lru_cache

from clew.operators.ranking.nearness import alike, nearest
from clew.operators.ranking.question import kin
from clew.operators.slots import senses
from clew.operators.slots.words import CUES
from clew.storage.terms import STOPWORDS, terms

VERSION = 4
ENOUGH = 0.5  # of a slot's words that a question must have to ask for it
LIKE = 0.58  # cosine of two words from which one may stand for the other in a question
_BEFORE = re.compile(
    r"\b(?:before|previous|previously|prior|earlier|former|formerly|used to|old|last time|back then|no longer|in the past|ever)\b", re.I
)
_FIRST = re.compile(r"\b(?:original|originally|initial|initially|at first|first|start out|started out)\b", re.I)
_CHANGED = re.compile(
    r"\b(?:change|changed|changes|history|over time|all the|different|difference|increase|decrease|how many times)\b", re.I
)
_WORD = re.compile(r"[^\W_]+")
_OWN = re.compile(r"\b(?:i|i['’]m|i['’]ve|my|me|mine|we|our|us)\b", re.I)
_SORTS = frozenset(
    terms("time place number level name many long often favourite favorite day night hour date morning evening")
)  # words of slots that a question puts as when, where, how


DOING = frozenset("use have take get go see do make keep put bring".split())  # noqa: SIM905 - verbs that tell no slot by themselves
_ASIDE = frozenset({"time", "place", "number", "level", "name"})  # of two slots, what tells not whether they are one
_MEANT = {"job": frozenset({"occupation"}), "employer": frozenset({"employer"})}  # of slots that "work" asks for


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question asks of slots: its terms and their kin, whether it is about the asker, and about which time.

    `terms` are stems, `near` with their kin, `words` as they stand. `back`: it asks for what held before ("before", "used
    to"); `first`: for what held at first; `both`: for the change.
    """

    terms: frozenset[str]
    near: frozenset[str]
    words: frozenset[str]
    own: bool
    back: bool
    first: bool
    both: bool
    plain: frozenset[str] = frozenset()  # the words, one for phrases of several


def is_first(word: str) -> bool:
    """Whether a word asks for what held at first."""
    return _FIRST.fullmatch(word) is not None


@lru_cache(maxsize=64)  # one question is read by several, one after the other
def asked(text: str) -> Asked:
    """The question as far as slots go."""
    found = frozenset(terms(text))
    near = found | {other for term in found for other in kin().get(term, ())}
    words = frozenset(w for w in _WORD.findall(text.casefold()) if w not in STOPWORDS)
    times = bool(_BEFORE.search(text)), bool(_FIRST.search(text)), bool(_CHANGED.search(text))
    return Asked(found, near, words, bool(_OWN.search(text)), *times, frozenset(_WORD.findall(senses.plain(text.casefold()))))


def named(subject: str, me: str, question: Asked) -> bool:
    """Whether a question is about whom or what a statement is of; `me` says it."""
    about = set(terms(subject.removeprefix(f"{me}'s ")))
    if subject == me:
        return question.own or bool(about & question.terms)
    return not about or len(about & question.terms) >= max(1, 0.67 * len(about))


def wanted(subject: str, slot: str, me: str, question: Asked) -> float:
    """How far a slot is what the question asks for, 0..1: its subject must be named, and its words; `me` says what is told."""
    return share(subject, slot, question) if named(subject, me, question) else 0.0


def share(subject: str, slot: str, question: Asked) -> float:
    """How far a slot is of the sort that the question asks for, 0..1, whoever it is of."""
    cues = set(terms(CUES.get(slot, slot)))
    cues = cues - _SORTS or cues
    if not cues:
        return 0.0
    if slot in CUES:
        return float(bool(cues & question.terms) and not senses.apart(question.plain, _MEANT.get(slot, frozenset())))
    left = frozenset(w for w in _WORD.findall(slot) if not question.near.issuperset(terms(w)))
    hit = (len(cues & question.near) + sum(nearest(w, question.words) >= LIKE for w in left if not cues.isdisjoint(terms(w)))) / len(cues)
    return min(hit, 1.0) if subject else hit * (hit > 0.99)


def kindred(one: str, other: str) -> float:
    """How far two slots are one in other words, 0..1: the worse of both directions; words of sort such as "time" aside.

    What both have tells nothing: the "club secretary" is not the "club treasurer" because both are of the club.
    """
    a, b = (frozenset(w for w in s.split() if w not in _ASIDE) or frozenset(s.split()) for s in (one, other))
    if a == b:
        return 1.0
    if a - b and b - a:
        a, b = a - b, b - a
        return min(sum(senses.near(word, rest) for word in words) / len(words) for words, rest in ((a, b), (b, a)))
    return min(alike(a, b), alike(b, a))

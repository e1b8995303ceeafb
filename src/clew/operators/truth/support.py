"""The support gate: whether the cited words say what a fact claims, by exact checks and no model.

Every name, number, date, unit and negation of the fact must stand in the cited words or in what they resolve to (the
speaker for "I", the day of speaking for "yesterday"); most of its other words too; a plan or a doubt must not have become
a deed; and the one who says it must be the one whom it is said of. The same gate is for rules and for models.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from clew.operators.facts.language import lists, verb_forms, words
from clew.operators.times import when
from clew.storage.terms import terms

VERSION = 1
SHARE = 0.7  # of the fact's other terms that must be among the cited ones: rules keep all, a model may paraphrase some
NAMES, NUMBERS, NEGATION, DOUBT, WORDS, SPEAKER = "name", "number", "negation", "doubt", "words", "speaker"
_NUMBER = re.compile(r"(?<![\w.])[-+]?[$€£]?\d+(?:[.,:/-]\d+)*%?")
_ONES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_CARDINALS = {w: str(n) for n, w in enumerate(_ONES)}
_NEGATION = re.compile(
    r"\b(?:not|never|no|none|nobody|nothing|without|neither|nor|cannot|hardly|dislikes?|disliked|hates?|hated|refuses?|refused)\b|n['’]t\b",
    re.I,
)
_DOUBT = re.compile(
    r"\b(?:might|may|maybe|perhaps|possibly|probably|consider(?:s|ed|ing)?|think(?:s|ing)? (?:about|of)|plan(?:s|ned|ning)?"
    r"|hope[sd]?|hoping|want(?:s|ed)?|wish(?:es)?|would|could|should|will|going to|intend(?:s|ed)?|aim(?:s|ed|ing)?|if"
    r"|look(?:s|ing)? (?:forward|into)|envisions?|considering|see myself|expects?)\b|['’]ll\b|['’]d\b(?! (?:been|\w+ed)\b)",
    re.I,
)
_CAPITAL = re.compile(r"\b[A-Z][\w'’-]*")
_FIRST = re.compile(r"\b(?:I|we)\b", re.I)
_OWNED = re.compile(r"\b(?:my|our|mine|ours|I|we)\b", re.I)
_THIRD = re.compile(r"\W*(?:\w+[,.]?\s+)?(?:she|her|he|his|they|their)\b", re.I)
_SHORT = {"m": "be", "ve": "have", "ll": "will", "d": "would", "re": "be"}
_PLAIN = frozenset({"the", "a", "an", "their", "they", "them", "his", "her", "its", "and", "others", "user", "assistant"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the words support the fact, and what was missing: (check, word) pairs, empty where they do."""

    supported: bool
    reasons: tuple[tuple[str, str], ...] = ()


def supported(
    text: str, span: str, resolved: Iterable[str] = (), at: datetime | None = None, own: bool = True, share: float = SHARE
) -> Verdict:
    """Check a fact's `text` against the cited `span`.

    `resolved`: words that pronouns and the like in the span stand for; `at`: when it was said, for words of time; `own`:
    whether the one who said it is the one whom it is said of (or may speak for the thing).
    """
    known, resolved = " ".join([span, *resolved]), list(resolved)
    if at is not None and (_unknown_names(text, known) or _unknown_numbers(text, known)):
        text = _undated(text, span, at)
    missing = [] if own else [(SPEAKER, "said by another")]
    if own and (other := _other_subject(text, span, resolved)):
        missing.append((SPEAKER, other))
    missing += [(NAMES, name) for name in _unknown_names(text, known)]
    missing += [(NUMBERS, number) for number in _unknown_numbers(text, known)]
    if negations(text) != negations(span):
        missing.append((NEGATION, "not" if negations(text) > negations(span) else "not left out"))
    doubts, said = _DOUBT.findall(text), _DOUBT.findall(span)
    if len(doubts) < len(said) or (doubts and not said):
        missing.append((DOUBT, (said or doubts)[0]))
    missing += [(WORDS, word) for word in _unknown_words(text, known, share)]
    return Verdict(not missing, tuple(missing))


def _other_subject(text: str, span: str, resolved: Sequence[str]) -> str | None:
    """The name that the fact begins with, where the words neither say it nor speak in the first person."""
    for name in resolved:
        if name and text.startswith(name) and name.casefold() not in span.casefold():
            owned = text[len(name) :].startswith(("'s ", "' ", "’s "))
            first = (_OWNED if owned else _FIRST).search(span)
            if (not first and not _THIRD.match(span)) or (first and not owned and not _same_verb(text[len(name) :], span)):
                return name
    return None


def _same_verb(after: str, span: str) -> bool:
    """Whether the fact's verb, where the span has it too, stands behind "I" or "we" there."""
    mine = [_base(w) for w in words(after.removeprefix(" and others"))[:4] if w.lower() not in lists()["adverbs"]][:1]
    behind: set[str] = set()
    for match in _FIRST.finditer(span):
        following = words(span[match.start() : match.start() + 60])
        behind |= {_SHORT.get(following[0].lower().replace("’", "'").partition("'")[2], "")} | {_base(w) for w in following[1:6]}
    return not mine or mine[0] in behind or mine[0] not in {_base(w) for w in words(span)}


def _base(word: str) -> str:
    return verb_forms().get(word.lower().removesuffix("n't"), (word.lower(),))[0]


def negations(text: str) -> int:
    """1 where an odd number of negating words stands in the text: "not never" is none."""
    return len(_NEGATION.findall(text)) % 2


def _unknown_names(text: str, known: str) -> list[str]:
    """Capitalised words of the fact that are not there, compared without case; a first word that is no name is left out."""
    there = {w.casefold() for word in words(known) for w in (word, *re.split(r"['’-]", word))}
    missing = []
    for match in _CAPITAL.finditer(text):
        word = re.sub(r"['’-]s?$", "", match[0]).rstrip("-").casefold()
        opens = match.start() == 0 or text[: match.start()].rstrip()[-1:] in ".!?"
        if word in there or word in _PLAIN or (opens and (word in verb_forms() or terms(word) == [] or _among(word, there))):
            continue
        missing.append(match[0])
    return missing


def _among(word: str, there: Iterable[str]) -> bool:
    stems = set(terms(word))
    return bool(stems & {t for other in there for t in terms(other)})


def _unknown_numbers(text: str, known: str) -> list[str]:
    """Numbers of the fact, each with the unit behind it, that are not there."""
    have = set(_numbers(known))
    plain = {number for number, _ in have}
    missing = []
    for number, unit in _numbers(text):
        if number not in plain:
            missing.append(number)
        elif unit and (number, unit) not in have:
            missing.append(f"{number} {unit}")
    return missing


def _undated(text: str, span: str, at: datetime) -> str:
    """The fact without those of its dates that are the ones the span speaks of, or the day on which it was said."""
    meant = [(i.start, i.end) for i in when.intervals(span, at)]
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    for date in reversed(when.intervals(text, at)):
        if date.start == day or any(a <= date.start and date.end <= b for a, b in meant):
            text = text[: date.span[0]] + text[date.span[1] :]
    return text


def _numbers(text: str) -> list[tuple[str, str]]:
    """(number in plain form, unit) in order; the unit is the word behind it where that is one, or the currency before it."""
    found = []
    for match in _NUMBER.finditer(text):
        sign = match[0].lstrip("+-")[:1]
        after = re.match(r"\s?([A-Za-z%°]+)", text[match.end() : match.end() + 16])
        unit = after[1].lower() if after and after[1].lower() in lists()["units"] else sign if sign in "$€£" else ""
        found.append((plain_number(match[0]), unit))
    for word in words(text.lower()):
        if word in _CARDINALS:
            found.append((_CARDINALS[word], ""))
    return found


def plain_number(text: str) -> str:
    """300,000 and $300000.00 as 300000; dates and times keep their marks."""
    text = text.strip("+$€£%")
    if re.fullmatch(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?", text):
        text = text.replace(",", "")
    return text[:-3] if re.fullmatch(r"-?\d+\.00", text) else text


def _unknown_words(text: str, known: str, share: float) -> list[str]:
    """The fact's other terms that are not there, where more of them are missing than may be."""
    there, mine = _stems(known), list(dict.fromkeys(terms(text)))
    missing = [t for t in mine if t not in there]
    return missing if mine and len(missing) > (1 - share) * len(mine) else []


@lru_cache(maxsize=64)
def _stems(text: str) -> frozenset[str]:
    return frozenset([*terms(text), *terms("name user assistant other")])


def told(verdict: Verdict) -> Sequence[str]:
    """The reasons as short texts for a review list: "name: Bern"."""
    return [f"{check}: {word}" for check, word in verdict.reasons]

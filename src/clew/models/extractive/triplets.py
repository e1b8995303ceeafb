"""Who did what: triplets by the order of words alone, subject, verb, object. Simple sentences are read; the rest is left."""

import functools
import re
from collections.abc import Sequence

from clew.models.extractive.lists import AUXILIARIES, DETERMINERS, LIGHT, LINKING, VERBS
from clew.models.extractive.words import KEPT, names, salience, sentences
from clew.storage.terms import STOPWORDS

NOUNS = 4  # words of a subject, at most
OBJECT = 5  # words of an object, at most
_TOKEN = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*|[^\w\s]")
_BREAK = frozenset('and but or because so that which who while when if then than , ; : ! ? . ( ) " — –'.split())  # noqa: SIM905
_OWN = frozenset("i we he she they it you who this that there".split())  # noqa: SIM905 - pronouns that may be a subject
Triplet = tuple[str, str, str]


@functools.lru_cache(maxsize=KEPT)
def triplets(text: str) -> tuple[Triplet, ...]:
    """(subject, relation, object) of each simple statement, in order, without repeats; a pronoun of the speaker takes their name."""
    found: dict[Triplet, None] = {}
    for sentence in sentences(text):
        tokens = _TOKEN.findall(sentence.text)
        if tokens and tokens[-1] == "?":
            continue
        before = ""
        for start, end in _clauses(tokens):
            for subject, relation, object in _clause(tokens[start:end], before, sentence.who):
                found.setdefault((subject, relation, object))
                before = subject
    return tuple(found)


def _clauses(tokens: Sequence[str]) -> list[tuple[int, int]]:
    """Spans between marks and conjunctions."""
    cuts = [i for i, token in enumerate(tokens) if token.lower() in _BREAK]
    return [(a + 1, b) for a, b in zip([-1, *cuts], [*cuts, len(tokens)], strict=True) if b - a > 1]


def _verb(word: str) -> bool:
    low = word.lower()
    return low in VERBS or (low.endswith("ed") and len(low) > 4 and low.isalpha() and not word[0].isupper())


def _clause(words: Sequence[str], before: str, who: str) -> list[Triplet]:
    place = next((i for i, w in enumerate(words) if _verb(w) and (i > 0 or before)), None)
    if place is None:
        return []
    subject = _subject(words[:place], who) or (before if place == 0 or words[0].lower() in AUXILIARIES else "")
    verb, end = _verbs(words, place)
    deny = any(w.lower() in ("not", "never") or w.lower().endswith(("n't", "n’t")) for w in words[:end])
    found: list[Triplet] = []
    while end < len(words) and subject and len(found) < 3:
        link = ""
        if words[end].lower() in LINKING:
            link, end = words[end].lower(), end + 1
        object, end = _noun(words, end)
        if object:
            found.append((subject, " ".join(filter(None, ("not" if deny else "", verb, link))), object))
        if end < len(words) and words[end].lower() not in LINKING:
            break
    return found


def _verbs(words: Sequence[str], place: int) -> tuple[str, int]:
    """The verb from a place on, with the verb that it helps or wants ("plans to visit"), and where it ends."""
    verb, end = words[place].lower(), place + 1
    while end < len(words) and _helping(words[end]) and words[end].lower() not in LINKING:
        end += 1
    if end < len(words) and words[place].lower() in AUXILIARIES and _verb(words[end]):
        return words[end].lower(), end + 1
    if end + 1 < len(words) and words[end].lower() == "to" and _verb(words[end + 1]):
        return f"{verb} to {words[end + 1].lower()}", end + 2
    return verb, end


def _helping(word: str) -> bool:
    return word.lower() in AUXILIARIES or word.lower().endswith(("n't", "n’t"))


def _subject(words: Sequence[str], who: str) -> str:
    """The last run of words before a verb that can name something."""
    run: list[str] = []
    for word in words[::-1]:
        low = word.lower()
        if _helping(word) and not run:
            continue
        if not word[0].isalnum() or low in LINKING or _helping(word) or len(run) == NOUNS:
            break
        run.insert(0, word)
    while run and run[0].lower() in DETERMINERS and run[0].lower() not in ("my", "our"):
        run.pop(0)
    name = " ".join(run)
    low = name.lower()
    if low in ("i", "my", "we"):
        return who or low
    if low.startswith("my ") and who:
        return f"{who}'s {name[3:]}"
    return "" if not run or (low in STOPWORDS and low not in _OWN) else name


def _noun(words: Sequence[str], start: int) -> tuple[str, int]:
    """The words from a place up to a preposition, and where they end; articles before them are left out."""
    run: list[str] = []
    end = start
    while end < len(words) and len(run) < OBJECT and words[end].lower() not in LINKING and words[end][0].isalnum():
        if run or words[end].lower() not in DETERMINERS | AUXILIARIES:
            run.append(words[end])
        end += 1
    useful = any(w.lower() not in STOPWORDS for w in run)
    return (" ".join(run), end) if useful else ("", end)


@functools.lru_cache(maxsize=KEPT)
def entities(text: str) -> tuple[str, ...]:
    """What a text names: names, then what its triplets are about, then its most telling nouns in its order; without repeats."""
    found = {name.lower(): name for name in names(text)}
    for subject, _, object in triplets(text):
        for end in (subject, object):
            if end.lower() not in _OWN and not any(end.lower() in known or known in end.lower() for known in found):
                found[end.lower()] = end
    for match in _TOKEN.finditer(text):
        word = re.sub(r"['’]s$", "", match[0])
        low = word.lower()
        telling = low not in STOPWORDS and low not in LIGHT and low not in VERBS and salience(low) >= 70 and word[0].isalpha()
        if telling and not any(low in known for known in found):
            found[low] = word
    return tuple(found.values())

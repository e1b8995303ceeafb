"""A text as what can be counted in it: sentences, with who said them and when, terms, numbers, names, dates, keywords."""

import functools
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from clew.models.extractive.lists import COUNTS, GREETINGS, LIGHT, NEGATIONS
from clew.models.static import load
from clew.storage.terms import STOPWORDS, terms

KEPT = 4096  # texts remembered with what was counted in them
WORDS = 65_536  # and words
LONGEST = 600  # characters of one sentence; what has no end is cut
COMMON = 70  # salience of a word that the table does not set apart
_END = re.compile(r"(?<=[.!?。！？…])[\"'”’)\]]*\s+|(?<=[。！？])|\n+")
_TITLE = re.compile(r"(?:^|\s)(?:[A-Z]|Mr|Mrs|Ms|Dr|St|Prof|vs|etc|e\.g|i\.e|No)\.$")
_BULLET = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+")
_ABBREVIATED = re.compile(r"\b(Mr|Mrs|Ms|Dr|Prof|St)\. (?=[A-Z])")
_STAMP = re.compile(r"^\s*\[?(\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:?\d\d)?)?)\]?[:,]?\s+")
_SPEAKER = re.compile(r"^\s*([A-Z][\w.'’-]*(?: [A-Z][\w.'’-]*){0,2})(?: says?)?:\s+")
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_TOKEN = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*|[^\w\s]")
_NUMBER = re.compile(r"\d+(?:[.,:/]\d+)*")
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec|January|February|March|April|June|July|August|September|October|November|December)"
_DATE = re.compile(
    r"\b\d{4}-\d\d(?:-\d\d)?\b"
    rf"|\b\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH}\.?,?(?: \d{{4}})?\b|\b{_MONTH}\.? \d{{1,2}}(?:st|nd|rd|th)?\b(?:,? \d{{4}})?"
    rf"|\b{_MONTH} \d{{4}}\b|\b(?:1[89]|20)\d\d\b|\b\d{{1,2}}/\d{{1,2}}/\d{{2,4}}\b"
    r"|\b(?:last|next|this|the past) (?:night|week|weekend|month|year|spring|summer|autumn|fall|winter|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day)\b"
    r"|\b(?:\d+|a|an|one|two|three|four|five|six|few) (?:days?|weeks?|months?|years?) ago\b"
    rf"|\b(?:yesterday|today|tomorrow|tonight)\b|\b(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b|\b(?:in|since|until|by) {_MONTH}\b"
)
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]{2,}")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence: its words as they stand, who said it and when where the line told, and its terms."""

    text: str
    who: str = ""
    when: str = ""
    terms: frozenset[str] = frozenset()


@functools.lru_cache(maxsize=KEPT)
def sentences(text: str) -> tuple[Sentence, ...]:
    """The sentences of a text in order. A line may begin with its time in brackets, then its speaker and a colon."""
    found: list[Sentence] = []
    for line in _ABBREVIATED.sub(r"\1 ", text).splitlines():
        who = when = ""
        line = _BULLET.sub("", line)
        if stamp := _STAMP.match(line):
            when, line = stamp[1], line[stamp.end() :]
        if speaker := _SPEAKER.match(line):
            who, line = speaker[1], line[speaker.end() :]
        found += [Sentence(part, who, when, frozenset(terms(part))) for part in _split(line)]
    return tuple(found)


def _split(line: str) -> Iterable[str]:
    parts: list[str] = []
    for part in _END.split(line):
        if parts and _TITLE.search(parts[-1]):
            parts[-1] += f" {part}"
        elif part and part.strip():
            parts.append(part)
    for part in parts:
        for start in range(0, len(part), LONGEST):
            if piece := part[start : start + LONGEST].strip():
                yield piece


def spoken(text: str) -> str:
    """The text without times and speakers before its lines."""
    return " ".join(s.text for s in sentences(text))


@functools.lru_cache(maxsize=WORDS)
def salience(word: str) -> int:
    """How much a word, in lower case, tells: 0..255 by the embedder's table, in which rare words weigh more; 0 for stop words."""
    if word in STOPWORDS:
        return 0
    table = load()
    ids = table.tokenizer.ids(word)
    found = int(table.weights[ids].max()) if len(ids) else COMMON
    return found // 2 if word in LIGHT else found + 8 * (len(ids) > 1)


@functools.lru_cache(maxsize=KEPT)
def weights(text: str) -> dict[str, float]:
    """The terms of a text, each with the salience of its word over 100; light words count half or less."""
    found: dict[str, float] = {}
    for word in _WORD.findall(text):
        for term in terms(word):
            found[term] = max(found.get(term, 0.0), (salience(word.lower()) or 40) / 100)
    return found


def covered(asked: dict[str, float], terms: frozenset[str] | set[str]) -> float:
    """The share of the weight of what is asked that these terms hold, 0..1; 0 where nothing is asked."""
    whole = sum(asked.values())
    return sum(weight for term, weight in asked.items() if term in terms) / whole if whole else 0.0


@functools.lru_cache(maxsize=KEPT)
def numbers(text: str) -> frozenset[str]:
    """Numbers in a text, in digits where they are small words."""
    low = [w for w in re.findall(r"[a-z]+", text.lower()) if w in COUNTS and w != "one"]
    return frozenset([*_NUMBER.findall(text), *(COUNTS[w] for w in low)])


@functools.lru_cache(maxsize=KEPT)
def negated(text: str) -> bool:
    """Whether a text says that something is not so."""
    low = text.lower().replace("’", "'")
    return "n't" in low or any(word in NEGATIONS for word in re.findall(r"[a-z]+", low.replace("'", "")))


def greeting(text: str) -> bool:
    """Whether a text is a greeting or thanks, or nothing at all: then nothing needs to be remembered for it."""
    return all(word in GREETINGS for word in re.findall(r"[^\W_]+", text.lower()))


def told(text: str, who: str) -> str:
    """A sentence with who said it, where that is known and not in it: what is said of "me" is said of somebody."""
    return f"{who}: {text}" if who and not re.search(rf"\b{re.escape(who)}\b", text) else text


def dates(text: str) -> list[str]:
    """Dates and times told by the calendar or from now, as they stand, without repeats."""
    return list(dict.fromkeys(m.group(0) for m in _DATE.finditer(text)))


@functools.lru_cache(maxsize=KEPT)
def names(text: str) -> tuple[str, ...]:
    """Runs of capitalised words that look like names, in order, without repeats; words that only begin a sentence are left out."""
    found: dict[str, None] = {}
    for sentence in sentences(text):
        run: list[str] = []
        last = 0
        for match in _WORD.finditer(sentence.text):
            word, low = match[0], match[0].lower()
            gap = sentence.text[last : match.start()]
            capital = (
                word[0].isupper()
                and low not in STOPWORDS
                and not (low in LIGHT and len(word) > 1)
                and low.partition("'")[0] not in STOPWORDS
            )
            if run and (gap != " " or not capital):
                found.setdefault(" ".join(run))
                run = []
            if capital and (match.start() > 0 or _lone(word, text)):
                run.append(_word(word)[0])
            last = match.end()
        if run:
            found.setdefault(" ".join(run))
    return tuple(name for name in found if len(name) > 1)


def _lone(word: str, text: str) -> bool:
    """Whether the first word of a sentence is a name: by the table's pieces, as common words are whole and rather light."""
    low = word.lower()
    return salience(low) >= 110 and f" {low}" not in text


@dataclass(frozen=True, slots=True)
class Keyword:
    """A word or a run of words, with how much it tells."""

    text: str
    score: float
    terms: frozenset[str]


@functools.lru_cache(maxsize=WORDS)
def _word(text: str) -> tuple[str, str, str, bool]:
    """(a word without its possessive, in lower case, its term, whether it may be a keyword)."""
    word = re.sub(r"['’]s$", "", text)
    low = word.lower()
    heavy = low not in STOPWORDS and low not in LIGHT and len(low) > 1 and "'" not in low and "’" not in low
    return word, low, (terms(low) or [low])[0], heavy


@functools.lru_cache(maxsize=KEPT)
def _candidates(text: str) -> tuple[Keyword, ...]:
    """Every candidate, best first: single words, and runs of up to three that stand side by side in a sentence."""
    called = {word.lower() for name in names(text) for word in name.split()}
    count: dict[str, int] = {}
    best: dict[str, tuple[str, float]] = {}
    runs: dict[str, tuple[str, list[str]]] = {}
    for place, sentence in enumerate(sentences(text)):
        run: list[str] = []
        last = -1
        for match in _WORD.finditer(sentence.text):
            word, low, term, heavy = _word(match[0])
            if not heavy or sentence.text[last : match.start()] not in (" ", "-") or len(run) == 3:
                _close(run, runs)
                run = []
            last = match.end()
            if heavy:
                run.append(word)
                count[term] = count.get(term, 0) + 1
                told = salience(low) * (1.25 if low in called else 1.0) / (1 + 0.04 * min(place, 20))
                if told > best.get(term, ("", -1.0))[1]:
                    best[term] = (word, told)
        _close(run, runs)
    score = {term: told * (1 + math.log(count[term])) for term, (_, told) in best.items()}
    found = [Keyword(word, score[term], frozenset([term])) for term, (word, _) in best.items()]
    for phrase, inside in runs.values():
        keys = [_word(w)[2] for w in inside]
        found.append(Keyword(phrase, sum(score.get(k, 0) for k in keys) / len(keys) * (1 + 0.15 * (len(keys) - 1)), frozenset(keys)))
    if not found or _UNSPACED.search(text):
        found += [Keyword(run[:8], 60.0, frozenset(terms(run[:8]))) for run in dict.fromkeys(_UNSPACED.findall(text))]
    return tuple(sorted(found, key=lambda k: (-round(k.score, 6), k.text)))


def _close(run: list[str], runs: dict[str, tuple[str, list[str]]]) -> None:
    if len(run) > 1:
        phrase = " ".join(run)
        runs.setdefault(phrase.lower(), (phrase, list(run)))


def keywords(text: str, most: int, longest: int = 40, single: bool = False) -> list[str]:
    """The most telling words and short phrases of a text, best first; none twice, and none inside another. `single`: words alone."""
    chosen: list[str] = []
    seen: set[str] = set()
    for candidate in _candidates(text):
        if len(chosen) == most:
            break
        if len(candidate.text) > longest or candidate.terms <= seen or (single and len(candidate.terms) > 1):
            continue
        chosen.append(candidate.text)
        seen |= candidate.terms
    return chosen


def content(text: str) -> list[str]:
    """The words of a text that carry its topic, in its order, without repeats: what a search for it should hold."""
    found: dict[str, str] = {}
    for match in _WORD.finditer(spoken(text) or text):
        word = re.sub(r"['’]s$", "", match[0])
        if word.lower() not in STOPWORDS and (word.lower() not in LIGHT or (word == "May" and match.start() > 0)):
            found.setdefault(word.lower(), word)
    return list(found.values()) or [w for w in _WORD.findall(text) if w.lower() not in STOPWORDS]


def phrases(text: str) -> list[str]:
    """The runs of words between stop words and marks, in order, without repeats: a question's own words for what it is about."""
    found: dict[str, None] = {}
    run: list[str] = []
    for match in _TOKEN.finditer(text):
        if match[0][0].isalnum() and match[0].lower() not in STOPWORDS:
            run.append(re.sub(r"['’]s$", "", match[0]))
        elif run:
            found.setdefault(" ".join(run))
            run = []
    return [*found, *([" ".join(run)] if run and " ".join(run) not in found else [])]


def merged(texts: Sequence[str]) -> str:
    """The sentences of several texts once each, in order; one whose terms another holds is left out."""
    kept: list[Sentence] = []
    for sentence in (s for text in texts for s in sentences(text)):
        if not any(sentence.terms <= other.terms and numbers(sentence.text) <= numbers(other.text) for other in kept):
            kept = [k for k in kept if not (k.terms < sentence.terms and numbers(k.text) <= numbers(sentence.text))] + [sentence]
    return " ".join(s.text for s in kept)

"""Reading: from hits to an answer, with no model: the words that support one best, or nothing.

Support is the share of what the question asks about that a memory and the turns beside it cover, words weighed by how rare
they are in the partition. Three things speak against it: a word of the question that the partition never saw, a time that
does not fit, and lines of somebody else that fit better than any about the person who is asked about.
"""
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import pairwise

import numpy as np

from clew.context import Context
from clew.models.static import Static
from clew.operators import question, retrieve, when
from clew.storage.draft import Columns
from clew.storage.terms import STOPWORDS, terms
from clew.types import Hit, Memory, Query

SUPPORT = 0.5  # support from which words are given as an answer
LOOKED_AT = 5  # hits whose support is measured
RANK_STEP = 0.05  # what a hit must cover more than the one before it to be preferred
NEAR, APART = 0.7, 0.4  # what a word is worth in the turn before or after, or elsewhere in the session
ALIKE = 0.6  # cosine of two words from which they count as one, by that cosine
NAME, LIGHT = 2.0, 0.5  # weight of a name in the question, and of words that any talk is full of
NEVER_SAID = 2.0  # a word that occurs nowhere in the partition weighs so many times its own
PERSON = 1.0  # how far a line about somebody else that fits better lowers support, per share that it covers more
BYSTANDERS = 5  # lines of the person asked about, and as many of others, that are compared
OWN_PLAIN, OTHER_PLAIN = 0.7, 0.3  # how far a line without I or you is about the person asked about: a line of theirs, of another
SLACK = timedelta(days=1)  # sessions run past midnight, and people round
SHORT = 280  # characters up to which a turn is quoted whole
READ_CHARS = 1200  # of a turn that are compared word by word
ACTORS = 64  # speakers that a question is checked for, those who spoke most

# Verbs and measures that any talk is full of and that the answer often puts in other words: "buy" for "get", "cost" for "pay".
GENERAL = frozenset(
    terms(
        """take took taken get got getting go went gone come came make made use used start started finish finished complete
        completed begin began spend spent buy bought purchase purchased attend attended have had keep kept put set feel felt
        become became see saw seen work need seem let call called visit visited describe decide decided choose chose plan
        planned between compare compared current currently recent recently final finally most two three per cost price item
        thing way new old good now also still feature include including reason describe type name person people"""
    )
)
_I = re.compile(r"\b(i|me|my|mine|myself|we|us|our|ours)\b", re.I)
_YOU = re.compile(r"\b(you|your|yours|yourself)\b", re.I)
_SENTENCE = re.compile(r"(?<=[.!?\u2026])[\"')\u201d\u2019]*\s+|(?<=[\u3002\uff01\uff1f])|\n+")
_WORD = re.compile(r"[^\W_]+")
_WORDS = Static()


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question asks about, in one partition.

    `terms`: its search terms; `words`: the same as they stand there; `weight` (terms,): their shares, which sum to 1;
    `known` (terms,): whether the partition has them; `timed` (terms,): whether they belong to a time that was understood;
    `times`: those times; `actors`: the codes of the speakers that it names; `names`: those names in lower case.
    """

    terms: tuple[str, ...]
    words: tuple[str, ...]
    weight: np.ndarray
    known: np.ndarray
    timed: np.ndarray
    times: tuple[when.Interval, ...]
    actors: tuple[int, ...]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Room:
    """A partition as a reader sees it: its columns, and (terms, n) where 1 stands for a term in a memory."""

    columns: Columns
    held: np.ndarray

    def beside(self, place: int) -> list[int]:
        """The places before and after one, in the same session."""
        session = self.columns.session
        return [p for p in (place - 1, place + 1) if 0 <= p < len(session) and session[p] == session[place]]


def without_model(query: Query, ctx: Context) -> list[Hit]:
    """What any recipe's memories give when its model cannot be reached: hybrid search."""
    return retrieve.hybrid(query, ctx)


def extract(query: Query, hits: Sequence[Hit], ctx: Context) -> tuple[str, float, list[Hit]] | None:
    """(text, support 0..1, hits quoted) of the best supported hit; None where no hit supports an answer."""
    found = best(query, hits, ctx)
    if found is None or found[1] < SUPPORT:
        return None
    hit, support, wanted = found
    return said(hit.memory.text, wanted), round(support, 6), [hit]


def best(query: Query, hits: Sequence[Hit], ctx: Context) -> tuple[Hit, float, dict[str, float]] | None:
    """(hit, support 0..1, weight of each term) of the hit that supports an answer best, good enough or not."""
    if not hits:
        return None
    columns = ctx.view.columns()
    asked, room = understood(query, columns, ctx)
    wanted = dict(zip(asked.terms, asked.weight.tolist(), strict=True))
    if not asked.terms:
        return hits[0], 0.0, wanted
    covered = [covering(hit.memory, asked, room, ctx) for hit in hits[:LOOKED_AT]]
    shares = [float(asked.weight @ c) - RANK_STEP * rank for rank, c in enumerate(covered)]
    chosen = int(np.argmax(shares))
    support = float(asked.weight @ covered[chosen]) - PERSON * others(asked, room, ctx)
    return hits[chosen], min(max(support, 0.0), 1.0), wanted


# -- the question ---------------------------------------------------------------------------------------------------


def understood(query: Query, columns: Columns, ctx: Context) -> tuple[Asked, Room]:
    """The question as this partition allows to understand it, and the partition as the question sees it."""
    speakers = spoken(columns, ctx)
    read = question.read(query.text, speakers.items())
    surface = {term: token.group() for token in reversed(list(_WORD.finditer(query.text))) for term in terms(token.group())}
    held = np.zeros((len(read.weights), len(columns.slot)), bool)
    postings = ctx.view.postings(read.weights, columns.slot)
    for row, term in zip(held, read.weights, strict=True):
        row[postings[term][0]] = True
    count = held.sum(axis=1)
    times = tuple(i for i in when.intervals(query.text, query.at or ctx.at))
    dated = {t for i in times for t in terms(i.text)}
    named = proper(query.text)
    rare = np.log1p((held.shape[1] - count + 0.5) / (count + 0.5))
    kind = [LIGHT if t in GENERAL else NAME if t in named and t not in dated else 1.0 for t in read.weights]
    weight = rare * np.array([*read.weights.values()]) * np.array(kind)
    words = tuple(surface.get(term, term) for term in read.weights)
    names = tuple(word.casefold() for code in read.speakers for word in _WORD.findall(speakers[code]))
    timed = np.array([term in dated for term in read.weights], bool)
    asked = Asked(tuple(read.weights), words, weight / (weight.sum() or 1.0), count > 0, timed, times, read.speakers, names)
    return asked, Room(columns, held)


def spoken(columns: Columns, ctx: Context) -> dict[int, str]:
    """Code -> name of those who spoke most in the partition."""
    codes, first, count = np.unique(columns.actor, return_index=True, return_counts=True)
    most = np.argsort(-count, kind="stable")[:ACTORS]
    lines = ctx.view.at_slots(columns.slot[first[most]])
    return {int(code): line.actor for code, line in zip(codes[most], lines, strict=True) if line.actor}


def proper(text: str) -> set[str]:
    """The terms of words written as names: with a capital inside the sentence, or with capitals or digits inside the word."""
    found: set[str] = set()
    for token in _WORD.finditer(text):
        word, lead = token.group(), text[: token.start()].rstrip(" \"'(\u201c\u2018")
        starts = not lead or lead[-1] in ".!?:"
        if any(c.isupper() for c in word[1:]) or (word[0].isupper() and len(word) > 1 and not starts):
            found.update(terms(word))
    return found


# -- how far a memory covers it -------------------------------------------------------------------------------------


def covering(memory: Memory, asked: Asked, room: Room, ctx: Context) -> np.ndarray:
    """How far a memory, its neighbours and its session hold each term of the question, 0..1."""
    places = np.flatnonzero(room.columns.opened == memory.opened)
    place = next((int(p) for p in places if len(places) == 1 or ctx.view.at_slots(room.columns.slot[[p]])[0].id == memory.id), None)
    own = set(terms(memory.text))
    cover = np.array([float(t in own) for t in asked.terms])
    texts = [(memory.text, 1.0)]
    if place is not None:
        cover = np.maximum(cover, room.held[:, place])
        beside = room.beside(place)
        cover = np.maximum(cover, NEAR * room.held[:, beside].any(axis=1))
        cover = np.maximum(cover, APART * room.held[:, room.columns.session == room.columns.session[place]].any(axis=1))
        texts += [(m.text, NEAR) for m in ctx.view.at_slots(room.columns.slot[beside])] if cover.min() < NEAR else []
    if asked.times and memory.since is not None and timely(memory, asked.times):
        cover = np.where(asked.timed, 1.0, cover)
    for text, worth in texts:
        cover = np.maximum(cover, np.where(cover < worth, worth * likeness(asked.words, text), 0.0))
    return np.where(asked.known | (cover > 0), cover, cover - (NEVER_SAID - 1.0))


def timely(memory: Memory, times: Sequence[when.Interval]) -> bool:
    """Whether a memory was said in one of these times, or speaks of one."""
    assert memory.since is not None
    if any(t.start - SLACK <= memory.since < t.end + SLACK for t in times):
        return True
    told = when.intervals(memory.text[:READ_CHARS], memory.since)
    return any(when.overlap(a, b) > 0 for a in told for b in times)


def likeness(words: Sequence[str], text: str) -> np.ndarray:
    """For each word, the cosine with the word of the text that is most like it; 0 below ALIKE."""
    others = [w for w in dict.fromkeys(_WORD.findall(text[:READ_CHARS].casefold())) if w not in STOPWORDS]
    if not others:
        return np.zeros(len(words))
    near = np.max(np.stack([unit(w.casefold()) for w in words]) @ np.stack([unit(w) for w in others]).T, axis=1)
    return np.where(near >= ALIKE, np.minimum(near, 1.0), 0.0)


@lru_cache(maxsize=20_000)
def unit(word: str) -> np.ndarray:
    """The built-in table's vector of a word, (dims,) float32 of length 1, or zeros.

    Whatever embedder a view has: ALIKE is a number of this table's space, and single words are not worth a model's time.
    """
    codes = _WORDS.embed([word])[0].astype(np.float32)
    length = float(np.sqrt(codes @ codes))
    return codes / np.float32(length or 1.0)


# -- whose it is ----------------------------------------------------------------------------------------------------


def others(asked: Asked, room: Room, ctx: Context) -> float:
    """How much more of the question a line about somebody else covers than any about the person asked about, 0..1.

    Whoever says "I" speaks of themselves and whoever says "you" of the other: an answer found in the wrong mouth is none.
    """
    mine = np.isin(room.columns.actor, asked.actors)
    if mine.all() or not mine.any():
        return 0.0
    held = room.held.astype(np.float32)
    near = np.zeros_like(held)
    same = room.columns.session[1:] == room.columns.session[:-1]
    near[:, 1:] = held[:, :-1] * same
    near[:, :-1] = np.maximum(near[:, :-1], held[:, 1:] * same)
    score = asked.weight @ np.maximum(held, NEAR * near)
    places = [p for own in (mine, ~mine) for p in np.argsort(-np.where(own, score, -1.0), kind="stable")[:BYSTANDERS] if own[p]]
    lines = ctx.view.at_slots(room.columns.slot[places])
    wanted = dict(zip(asked.terms, asked.weight.tolist(), strict=True))
    about = np.array([aboutness(covering_sentence(m.text, wanted), asked.names, bool(mine[p])) for p, m in zip(places, lines, strict=True)])
    return max(0.0, float((score[places] * (1 - about)).max() - (score[places] * about).max()))


def aboutness(sentence: str, names: Sequence[str], own: bool) -> float:
    """How far a sentence is about the people named, 0..1; `own`: one of them says it."""
    if not own and any(re.search(rf"\b{re.escape(n)}(['\u2019]s\b|\s+[a-z])", sentence, re.I) for n in names):
        return 1.0
    first, second = bool(_I.search(sentence)), bool(_YOU.search(sentence))
    if first:
        return float(own)
    if second:
        return OTHER_PLAIN if own else 1.0
    return OWN_PLAIN if own else OTHER_PLAIN


# -- the words ------------------------------------------------------------------------------------------------------


def sentences(text: str) -> list[tuple[int, int]]:
    """(start, end) of the sentences and lines of a text, in order; blank ones left out."""
    cuts = [0, *(m.end() for m in _SENTENCE.finditer(text)), len(text)]
    return [(i, j) for i, j in pairwise(cuts) if text[i:j].strip()]


def covering_sentence(text: str, wanted: dict[str, float]) -> str:
    """The sentence that covers most of what is wanted (term -> weight), the first of equal ones."""
    spans = sentences(text)
    if not spans:
        return text
    return max((text[i:j] for i, j in spans), key=lambda s: sum(wanted.get(t, 0.0) for t in set(terms(s))))


def said(text: str, wanted: dict[str, float]) -> str:
    """A short text whole; of a longer one the run of whole sentences, at most SHORT characters, that covers most."""
    if len(text) <= SHORT:
        return text
    spans = sentences(text)
    held = [set(terms(text[i:j])) & wanted.keys() for i, j in spans]
    most, chosen = -1.0, spans[0]
    for a, (start, end) in enumerate(spans):
        b, found = a, held[a]
        while b + 1 < len(spans) and spans[b + 1][1] - start <= SHORT:
            b, end = b + 1, spans[b + 1][1]
            found = found | held[b]
        worth = sum(wanted[t] for t in found)
        if worth > most:
            most, chosen = worth, (start, end)
    return text[chosen[0] : chosen[1]].strip()

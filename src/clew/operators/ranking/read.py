"""Reading: from hits to an answer, with no model: the words that support one best, or nothing.

Support is the share of what the question asks about that a memory and the turns beside it cover, words weighed by how rare
they are in the partition. Three things speak against it: a word of the question that the partition never saw, a time that
does not fit, and lines of somebody else that fit better than any about the person who is asked about.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np

from clew.context import Context
from clew.operators.ranking import question
from clew.operators.ranking.nearness import unit
from clew.operators.slots import asking
from clew.operators.slots import chain as slot_chain
from clew.operators.slots.words import subject_form
from clew.operators.times import when
from clew.operators.truth.aptness import apt, foreign
from clew.operators.truth.doubt import taken_back
from clew.storage.terms import STOPWORDS, terms
from clew.types import Hit, Memory, Query

SUPPORT = 0.65  # support from which words are given as an answer
LOOKED_AT = 5  # hits whose support is measured
RANK_STEP = 0.2  # what a hit must cover more than the one before it to be preferred
NEAR = 0.7  # what a word is worth in the turn before or after, next to 1 in the memory itself
APART = 0.4  # nearby in the session
TOGETHER = 0.5  # in another of the hits, times its worth there
ADDS = 0.05  # share of the question that a further hit must add to be quoted too
REACH = 20  # turns of a session that count as nearby
ALIKE = 0.6  # cosine of two words from which one stands for the other, by that cosine
LIGHT = 0.5  # weight of words that any talk is full of
LINES = 5  # lines of those who are asked about, and as many of others, whose owner is looked at
UNSURE = 0.5  # how far a line without I or you is about the person asked about
# Of the best line about the person asked about and the best about others, the share of the first: none of the support is
# left up to FOREIGN, all of it from FAIR on.
FOREIGN, FAIR = 0.4, 0.5
SLACK = timedelta(days=1)  # sessions run past midnight, and people round
FILLING = 3  # hits among which a statement that fills the slot asked for is looked for
FILLS = 0.66  # how far it must fill it
STATED = 140  # characters up to which a turn that states something says little else
FILLED = 0.85  # support of a statement that does
SHORT = 280  # characters up to which a turn is quoted whole
READ_CHARS = 1000  # of a turn that are compared word by word

# Verbs and measures that any talk is full of and that the answer often puts in other words: "buy" for "get", "cost" for "pay".
GENERAL = frozenset(
    terms(
        """take took taken get got getting go went gone come came make made use used start started finish finished complete
        completed begin began spend spent buy bought purchase purchased attend attended have had keep kept put set feel felt
        become became see saw seen work need seem let call called visit visited describe decide decided choose chose plan
        planned between compare compared current currently recent recently final finally most two three per cost price item
        thing way new old good now also still feature include including reason type name person people explain explained
        promise promised without"""
    )
)
# Slots of one verb, which holds many things: that somebody plays something does not say that it is what is asked for.
DOING = frozenset("got play use prefer speak study attend own wear support learning teach".split())  # noqa: SIM905
EMPTY = frozenset(terms("us everyone everybody anyone anybody someone somebody anything something everything"))  # no topic at all
_I = re.compile(r"\b(i|me|my|mine|myself|we|us|our|ours)\b", re.I)
_YOU = re.compile(r"\b(you|your|yours|yourself)\b", re.I)
_SAYING = re.compile(
    r"\b(said|told|(say|tell|explain|mention|promise|suggest|recommend|ask|claim|advise|announce|report)(s|ed|d)?)\b", re.I
)
_SENTENCE = re.compile(r"(?<=[.!?\u2026])[\"')\u201d\u2019]*\s+|(?<=[\u3002\uff01\uff1f])|\n+")
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question asks about, in one partition.

    `terms`: its search terms; `words`: the same as they stand there; `weight` (terms,): their shares, which sum to 1;
    `named`, `timed` (terms,): whether they are written as names, and whether they belong to a time that was understood;
    `times`: those times; `actors`: codes of the speakers that it names; `people`: their names; `names`: of these, the words
    that it has, in lower case; `saying`: it asks what they said.
    """

    terms: tuple[str, ...]
    words: tuple[str, ...]
    weight: np.ndarray
    named: np.ndarray
    timed: np.ndarray
    times: tuple[when.Interval, ...]
    actors: tuple[int, ...]
    people: frozenset[str]
    names: frozenset[str]
    saying: bool

    @property
    def wanted(self) -> dict[str, float]:
        """Term -> weight."""
        return dict(zip(self.terms, self.weight.tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class Room:
    """The partition as a reader sees it: n memories, session after session, each in the order in which it was said."""

    slot: np.ndarray  # (n,), for `Draft.at_slots`; likewise the next three
    opened: np.ndarray
    session: np.ndarray
    actor: np.ndarray
    held: np.ndarray  # (terms, n) bool: which memory has which term of the question

    def place(self, memory: Memory, ctx: Context) -> int | None:
        """Where a memory stands, None where it is of another partition."""
        places = np.flatnonzero(self.opened == memory.opened)
        return next((int(p) for p in places if len(places) == 1 or ctx.view.at_slots([self.slot[p]])[0].id == memory.id), None)

    def around(self, place: int, reach: int) -> np.ndarray:
        """The other places within `reach` of one, in its session, in order."""
        near = np.arange(max(0, place - reach), min(len(self.slot), place + reach + 1))
        return near[(self.session[near] == self.session[place]) & (near != place)]


def extract(query: Query, hits: Sequence[Hit], ctx: Context) -> tuple[str, float, list[Hit]] | None:
    """(text, support 0..1, hits quoted) of the best supported hit; None where no hit supports an answer."""
    if not hits:
        return None
    slot = asking.asked(query.text)
    support, quoted, asked = supported(query, hits, ctx)
    chain, holds = slot_chain.verdict(hits)
    if chain:  # brief statements about it, of which one holds at the time asked for, or none does
        return None if holds is None else (said(holds.memory.text, asked.wanted), max(support, FILLED), [holds])
    filling = next((hit for hit in hits[:FILLING] if fills(hit, slot) >= FILLS and states(hit.memory)), None)
    filling = filling or next(
        (hit for hit in hits[:FILLING] if apt(query.text, hit.memory) and not ended(hit) and not taken_back(hit.memory.text)), None
    )
    if filling is not None and (slot.back or slot.first or not ended(filling)):
        support, quoted = max(support, FILLED), [filling]
    elif ended(quoted[0]) or (states(quoted[0].memory) and fills(quoted[0], slot) < asking.ENOUGH and support < FILLED):
        return None  # it no longer holds, or it says something else of them
    elif foreign(query.text, quoted[0].memory) or (taken_back(quoted[0].memory.text) and apt(query.text, quoted[0].memory)):
        return None
    if support < SUPPORT:
        return None
    return said(quoted[0].memory.text, asked.wanted), support, quoted


def states(memory: Memory) -> bool:
    """Whether a memory is little more than the statements that were read off it."""
    return memory.kind == "fact" or (bool(memory.data.get("told")) and len(memory.text) <= STATED)


def ended(hit: Hit) -> bool:
    """Whether what a hit states was corrected or taken back."""
    return any(change.reason in ("corrected", "retracted") for change in hit.changes)


def fills(hit: Hit, slot: asking.Asked) -> float:
    """How far a statement of the hit fills the slot that is asked for, 0..1."""
    memory, data = hit.memory, hit.memory.data
    pairs = data.get("told") or ([(data["subject"], data["slot"])] if memory.kind == "fact" and "slot" in data else ())
    me = subject_form(memory.actor or "user")
    return max((asking.wanted(subject, name, me, slot) for subject, name in pairs if name not in DOING), default=0.0)


def supported(query: Query, hits: Sequence[Hit], ctx: Context) -> tuple[float, list[Hit], Asked]:
    """(support 0..1, the hits that it rests on, the question understood); hits best first, at least one.

    The first of those returned supports an answer best; the others hold words of the question that it lacks.
    """
    looked = hits[:LOOKED_AT]
    asked, room = understood(query, ctx, tuple(dict.fromkeys(h.memory.kind for h in looked)))
    if not asked.terms:  # nothing but words like "what did you say": nothing that a memory could support
        return 0.0, [hits[0]], asked
    places = [room.place(h.memory, ctx) for h in looked]
    if all(place is None for place in places):  # hits of another partition, whose counts are not at hand
        asked = replace(asked, weight=np.full(len(asked.terms), 1 / len(asked.terms)))
    covers = np.array([cover(h.memory, place, asked, room) for h, place in zip(looked, places, strict=True)])
    chosen = int(np.argmax(covers @ asked.weight - RANK_STEP * np.arange(len(looked))))
    covered, quoted = covers[chosen], [looked[chosen]]
    for hit, other in zip(looked, covers, strict=True):
        more = np.maximum(covered, TOGETHER * other)
        if float(asked.weight @ (more - covered)) >= ADDS:
            covered, quoted = more, [*quoted, hit]
    share = float(asked.weight @ covered) * fairness(looked, covers, asked, room, ctx)
    return round(min(max(share, 0.0), 1.0), 6), quoted, asked


# -- the question ---------------------------------------------------------------------------------------------------


def understood(query: Query, ctx: Context, kinds: Sequence[str] = ()) -> tuple[Asked, Room]:
    """The question as the partition allows to understand it, and the partition's memories of some kinds as it sees them."""
    columns = ctx.view.columns(kinds)
    order = np.argsort(columns.group, kind="stable")
    speakers = ctx.view.names(np.unique(columns.actor))
    read = question.read(query.text, speakers.items())
    found = ctx.view.postings(read.weights, columns.slot)
    held = np.zeros((len(read.weights), len(order)), bool)
    for row, term in zip(held, read.weights, strict=True):
        row[found[term][0]] = True
    count = held.sum(axis=1)
    times = tuple(when.intervals(query.text, query.at or ctx.at))
    dated = {t for i in times for t in terms(i.text)}
    capital = proper(query.text)
    timed, named = np.array([[t in dated, t in capital and t not in dated] for t in read.weights], bool).reshape(-1, 2).T
    kind = np.array([0.0 if t in EMPTY else LIGHT if t in GENERAL else 1.0 for t in read.weights])
    rare = np.log1p((len(order) - count + 0.5) / (count + 0.5))
    weight = rare * np.array([*read.weights.values()]) * kind
    surface = {term: token for token in reversed(_WORD.findall(query.text)) for term in terms(token)}
    people = frozenset(speakers[code] for code in read.speakers)
    words = frozenset(word for name in people for word in _WORD.findall(name.casefold()))
    asked = Asked(
        tuple(read.weights),
        tuple(surface.get(t, t).casefold() for t in read.weights),
        weight / (weight.sum() or 1.0),
        named,
        timed,
        times,
        read.speakers,
        people,
        words.intersection(_WORD.findall(query.text.casefold())),
        bool(_SAYING.search(query.text)),
    )
    return asked, Room(columns.slot[order], columns.opened[order], columns.group[order], columns.actor[order], held[:, order])


def proper(text: str) -> set[str]:
    """The terms of words written as names: with a capital inside the sentence, or with one inside the word."""
    found: set[str] = set()
    for token in _WORD.finditer(text):
        word, lead = token.group(), text[: token.start()].rstrip(" \"'(\u201c\u2018")
        starts = not lead or lead[-1] in ".!?:"
        if any(c.isupper() for c in word[1:]) or (word[0].isupper() and len(word) > 1 and not starts):
            found.update(terms(word))
    return found


# -- how far a memory covers it -------------------------------------------------------------------------------------


def cover(memory: Memory, place: int | None, asked: Asked, room: Room) -> np.ndarray:
    """(terms,) how far a memory, the turns beside it and its session hold each term of the question, 0..1."""
    own = set(terms(memory.text))
    found = np.array([float(t in own) for t in asked.terms])
    if place is not None:
        found = np.maximum(found, room.held[:, place])
        found = np.maximum(found, NEAR * room.held[:, room.around(place, 1)].any(axis=1))
        found = np.maximum(found, APART * room.held[:, room.around(place, REACH)].any(axis=1))
    if asked.times and memory.since is not None and timely(memory.text, memory.since, asked.times):
        found = np.where(asked.timed, 1.0, found)
    missing = np.flatnonzero((found < 1) & ~asked.named)
    found[missing] = np.maximum(found[missing], likeness([asked.words[i] for i in missing], memory.text))
    return found


def timely(text: str, since: datetime, times: Sequence[when.Interval]) -> bool:
    """Whether a text was said in one of these times, or speaks of one."""
    if any(t.start - SLACK <= since < t.end + SLACK for t in times):
        return True
    return any(when.overlap(told, t) > 0 for told in when.intervals(text[:READ_CHARS], since) for t in times)


def likeness(words: Sequence[str], text: str) -> np.ndarray:
    """(words,) the cosine of each word with the word of the text that is most like it; 0 below ALIKE."""
    others = [w for w in dict.fromkeys(_WORD.findall(text[:READ_CHARS].casefold())) if w not in STOPWORDS]
    if not others or not words:
        return np.zeros(len(words))
    near = (np.stack([unit(w) for w in words]) @ np.stack([unit(w) for w in others]).T).max(axis=1)
    return np.where(near >= ALIKE, np.minimum(near, 1.0), 0.0)


# -- whose it is ----------------------------------------------------------------------------------------------------


def fairness(hits: Sequence[Hit], covers: np.ndarray, asked: Asked, room: Room, ctx: Context) -> float:
    """1 where some line about the person asked about fits as well as any about another, down to 0 where others fit far better.

    Whoever says "I" speaks of themselves and whoever says "you" of the other: an answer found in the wrong mouth is none.
    """
    mine = np.isin(room.actor, asked.actors)
    if mine.all() or not mine.any():
        return 1.0
    held = room.held.astype(np.float32)
    same = room.session[1:] == room.session[:-1]
    near = np.zeros_like(held)
    near[:, 1:] = held[:, :-1] * same
    near[:, :-1] = np.maximum(near[:, :-1], held[:, 1:] * same)
    fits = asked.weight @ np.maximum(held, NEAR * near)
    places = [int(p) for side in (mine, ~mine) for p in np.argsort(-np.where(side, fits, -1.0), kind="stable")[:LINES] if side[p]]
    lines = [(m, float(fits[p])) for p, m in zip(places, ctx.view.at_slots(room.slot[places]), strict=True)]
    lines += [(hit.memory, float(asked.weight @ c)) for hit, c in zip(hits, covers, strict=True)]
    best = other = 0.0
    for line, fit in lines:
        own = line.actor in asked.people
        about = aboutness(covering(line.text, asked.wanted), asked.names, own, asked.saying)
        if own or about == 1.0:
            best = max(best, fit * about)
        else:
            other = max(other, fit * (1 - about))
    share = best / (best + other) if best + other > 0 else FAIR
    return min(max((share - FOREIGN) / (FAIR - FOREIGN), 0.0), 1.0)


def aboutness(sentence: str, names: frozenset[str], own: bool, saying: bool) -> float:
    """How far a sentence is about the people named, 0..1; `own`: one of them says it; `saying`: their words are asked for."""
    if own and saying:
        return 1.0
    if not own and any(re.search(rf"\b{re.escape(n)}(['\u2019]s\b|\s+[a-z])", sentence, re.I) for n in names):
        return 1.0
    if _I.search(sentence):
        return float(own)
    return UNSURE if own or not _YOU.search(sentence) else 1.0


# -- the words ------------------------------------------------------------------------------------------------------


def sentences(text: str) -> list[tuple[int, int]]:
    """(start, end) of the sentences and lines of a text, in order; blank ones left out."""
    cuts = [0, *(m.end() for m in _SENTENCE.finditer(text)), len(text)]
    return [(i, j) for i, j in pairwise(cuts) if text[i:j].strip()]


def covering(text: str, wanted: Mapping[str, float]) -> str:
    """The sentence that covers most of what is wanted (term -> weight), the first of equal ones."""
    spans = sentences(text)
    if not spans:
        return text
    return max((text[i:j] for i, j in spans), key=lambda s: sum(wanted.get(t, 0.0) for t in set(terms(s))))


def said(text: str, wanted: Mapping[str, float]) -> str:
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

"""What speaks for a turn as evidence for a question: a few numbers for each candidate, without looking at models.

NumPy in, NumPy out. All features lie near 0…1 and are scaled within the question (by the best of the partition), so one set
of weights serves short chats and long ones. Only questions, never turns, are read at query time: what is needed of a turn's
text is a few flags, `traits`, computed once when it is stored.
"""

import re
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from clew.operators.ranking.question import MACHINES, Question, kin
from clew.operators.times.when import intervals

Floats = NDArray[np.float32]
Slots = NDArray[np.intp]

K1, B = 1.2, 0.75  # BM25, Robertson's usual values
KIN_COUNT = 2
POOL = 150  # candidates from each of BM25 and cosine: together they hold 96 % of LoCoMo's evidence
SEEDS = 40  # of the best of each, the two neighbours are candidates too
APART_SECONDS = 6 * 3600.0
NEARNESS_DAYS = 7.0  # a turn this far from the time asked about counts 1/e, or as far as that time is long
GRAINS = frozenset({"day", "week", "weekend", "month", "season", "quarter", "year"})  # times that a question is held to
HEAD, TAIL = 1000, 400  # characters of a long turn in which traits are looked for
_IMAGE = " [image:"  # captions are written behind the words, which are what is judged

NAMES = (
    "words", "meaning", "words_around", "words_session", "meaning_session", "speaker", "assistant", "assistant_wanted",
    "tells_time", "tells_number", "tells_name", "greets", "opens", "tells_past", "time",
)  # fmt: skip
"""The features, in the order of the columns."""

ASSISTANT, GREETS, NUMBER, TIME, NAME_1, NAME_2, PAST = (1 << i for i in range(7))
_NUMBER = re.compile(
    r"\d|\b(one|two|three|four|five|six|seven|eight|nine|ten|twelve|dozen|hundred|thousand|once|twice|couple|half|first|second"
    r"|third)\b",
    re.I,
)
_TIME = re.compile(
    r"\b(yesterday|today|tonight|tomorrow|last|next|ago|week|weekend|month|year|recently|since"
    r"|(mon|tues|wednes|thurs|fri|satur|sun)day|january|february|march|april|june|july|august|september|october|november"
    r"|december|day|morning|afternoon|evening|night|summer|winter|spring|fall|soon|just|20\d\d|\d\d?(st|nd|rd|th))\b",
    re.I,
)
_NAME = re.compile(r"(?<=[a-z,;'\u2019] )[A-Z][a-z]+")
_GREETING = re.compile(
    r"^(hey|hi|hello|wow|thanks|thank|yeah|that's|sounds|glad|good|great|cool|awesome|congrats|nice|aw|oh|bye|sure|absolutely"
    r"|no problem|you're|i'm glad|same)\b",
    re.I,
)
_PAST = re.compile(
    r"\b(i|we|he|she|they|my \w+)('ve| have|'d| had)? (just|recently|finally|actually|also)?\s*(been|was|were|went|got|had|took"
    r"|made|bought|started|found|saw|met|did|won|finished|joined|moved|came|spent|told|gave|lost|\w+ed)\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Field:
    """One partition as a question sees it: n slots in the order in which they were said.

    `lengths`: terms of the indexed text. `postings`: for the terms of `question.searched`, (slots ascending, counts).
    `actor`, `session`: codes; sessions are dense, 0…S-1. `actors`: code -> name. `at`: seconds since 1970, UTC. `cosine`: of
    each slot with `question.embedded`. `traits`: see `traits`. `live`: the slots that may be shown; None is all of them.
    `text`: the words of a slot, read only for the best; `ahead` is told which they will be, to read them in one go.
    """

    lengths: NDArray[np.int32]
    postings: Mapping[str, tuple[NDArray[np.int32], NDArray[np.int32]]]
    actor: NDArray[np.int32]
    actors: Mapping[int, str]
    session: NDArray[np.int32]
    at: NDArray[np.float64]
    cosine: Floats
    traits: NDArray[np.uint16]
    live: NDArray[np.bool_] | None
    text: Callable[[int], str]
    ahead: Callable[[Sequence[int]], None] = lambda slots: None


def indexed_text(actor: str | None, at: datetime | None, text: str) -> str:
    """A turn as it is indexed and embedded: its day and its speaker belong to its meaning, a mere role does not."""
    day = f"[{at.day} {at:%B %Y}] " if at else ""
    who = f"{actor}: " if actor and actor.casefold().strip() not in MACHINES else ""
    return f"{day}{who}{text}"


def traits(text: str, actor: str | None = None, role: str | None = None) -> int:
    """The flags of a turn, a pure function of its event: ASSISTANT, GREETS, NUMBER, TIME, PAST.

    NAME_1 and NAME_2 are a number of two bits, 0 to 3: how many capitalised words stand inside its sentences.
    """
    whole = text.strip()
    if len(whole) > HEAD + TAIL:
        whole = whole[:HEAD] + whole[-TAIL:]
    said = whole.split(_IMAGE)[0].rstrip()
    names = min(sum(1 for _ in _NAME.finditer(said)), 3)
    found = names * NAME_1
    found |= ASSISTANT if (role or actor or "").casefold() == "assistant" else 0
    found |= GREETS if _GREETING.search(whole) else 0
    found |= NUMBER if _NUMBER.search(whole) else 0
    found |= TIME if _TIME.search(whole) else 0
    found |= PAST if _PAST.search(said) else 0
    return found


def saturated(count: Floats, length: Floats | float, average: float) -> Floats:
    """BM25's share of one term, without its weight."""
    return np.asarray(count * (K1 + 1) / (count + K1 * (1 - B + B * length / average)), np.float32)


def rarity(total: int, having: int) -> float:
    """BM25's inverse document frequency, never negative."""
    return float(np.log1p((total - having + 0.5) / (having + 0.5)))


def scaled(values: Floats) -> Floats:
    """Divided by the largest, which becomes 1; zeros where nothing is above zero."""
    top = float(values.max(initial=0.0))
    return values / top if top > 0 else np.zeros_like(values)


def occurrences(term: str, asked: Container[str], field: Field) -> tuple[Slots, Floats]:
    """The live slots with a term or its kin, ascending, and how often; kin count by the square of their nearness.

    A term that is asked for itself is nobody's kin. Of a turn, two occurrences of kin count at most.
    """
    parts = [field.postings[term]] if term in field.postings else []
    rows = [(slots, counts.astype(np.float32)) for slots, counts in parts]
    for other, near in kin().get(term, {}).items():
        if other in field.postings and other not in asked:
            slots, counts = field.postings[other]
            rows.append((slots, np.float32(near * near) * np.minimum(counts, KIN_COUNT).astype(np.float32)))
    if not rows:
        return np.zeros(0, np.intp), np.zeros(0, np.float32)
    slots, counts = rows[0]
    if len(rows) > 1:
        slots, places = np.unique(np.concatenate([r[0] for r in rows]), return_inverse=True)
        counts = np.bincount(places, np.concatenate([r[1] for r in rows])).astype(np.float32)
    if field.live is not None:
        shown = field.live[slots]
        slots, counts = slots[shown], counts[shown]
    return slots.astype(np.intp), counts


@dataclass(frozen=True, slots=True)
class Lexical:
    """The question's terms over the partition: term -> (idf, slots, counts), BM25 of turns (n,) and of sessions (S,), 0…1."""

    found: Mapping[str, tuple[float, Slots, Floats]]
    turns: Floats
    sessions: Floats
    average: float


def lexical(question: Question, field: Field) -> Lexical:
    """BM25 by the partition's own counts, over turns and over whole sessions."""
    n = len(field.lengths)
    live = field.live
    lengths = field.lengths.astype(np.float32)
    if live is not None:
        lengths = np.where(live, lengths, np.float32(0))
    total = n if live is None else int(live.sum())
    average = max(float(lengths.sum()) / max(total, 1), 1e-9)
    size = int(field.session.max(initial=-1)) + 1
    bulk = np.bincount(field.session, lengths, size).astype(np.float32)
    held = int(np.count_nonzero(bulk))
    usual = max(float(bulk.sum()) / max(held, 1), 1e-9)
    turns, sessions = np.zeros(n, np.float32), np.zeros(size, np.float32)
    found: dict[str, tuple[float, Slots, Floats]] = {}
    for term in question.weights:
        slots, counts = occurrences(term, question.weights, field)
        if not len(slots):
            continue
        idf = rarity(total, len(slots))
        found[term] = (idf, slots, counts)
        turns[slots] += idf * saturated(counts, lengths[slots], average)
        inside = np.bincount(field.session[slots], counts, size).astype(np.float32)
        sessions += rarity(held, int(np.count_nonzero(inside))) * saturated(inside, bulk, usual)
    return Lexical(found, scaled(turns), scaled(sessions), average)


def standing(field: Field) -> Floats:
    """Each slot's cosine in standard deviations above the mean, divided by the best's: 1 for the best, 0 for the usual."""
    cosine = field.cosine.astype(np.float32)
    seen = cosine if field.live is None else cosine[field.live]
    if not len(seen):
        return np.zeros_like(cosine)
    spread, middle = float(seen.std()), float(seen.mean())
    top = float(seen.max()) - middle
    if spread <= 0 or top <= 0:
        return np.zeros_like(cosine)
    return ((cosine - middle) / top).astype(np.float32)


def best(values: Floats, k: int, live: NDArray[np.bool_] | None) -> Slots:
    """Slots of the k largest, best first, ties by slot; only live ones."""
    if live is not None:
        values = np.where(live, values, np.float32(-np.inf))
    if k < len(values):
        edge = np.partition(values, len(values) - k)[len(values) - k]
        picked = np.flatnonzero(values >= edge)
    else:
        picked = np.arange(len(values))
    order = picked[np.argsort(-values[picked], kind="stable")][:k]
    return order[np.isfinite(values[order])]


def around(slots: Slots, field: Field) -> tuple[Slots, Floats]:
    """The slots before, at and after each slot (m, 3), and 1 where that one is live and of the same talk, else 0.

    Of the same talk: in the same session, not longer apart than APART_SECONDS (there are logs without sessions).
    """
    places = slots[:, None] + np.array([-1, 0, 1])
    inside = np.clip(places, 0, len(field.session) - 1)
    same = (inside == places) & (field.session[inside] == field.session[slots][:, None])
    same &= np.abs(field.at[inside] - field.at[slots][:, None]) <= APART_SECONDS
    if field.live is not None:
        same &= field.live[inside]
    return inside, same.astype(np.float32)


def candidates(words: Floats, meaning: Floats, field: Field) -> Slots:
    """The best by words and by meaning, and the neighbours of the very best; ascending."""
    by_words, by_meaning = best(words, POOL, field.live), best(meaning, POOL, field.live)
    by_words = by_words[words[by_words] > 0]
    near, same = around(np.concatenate([by_words[:SEEDS], by_meaning[:SEEDS]]), field)
    return np.unique(np.concatenate([by_words, by_meaning, near[same > 0]]))


def words_around(pool: Slots, lex: Lexical, field: Field) -> Floats:
    """BM25 of each turn read together with the turn before and the turn after."""
    near, same = around(pool, field)
    length = (field.lengths[near] * same).sum(axis=1).astype(np.float32)
    score = np.zeros(len(pool), np.float32)
    for idf, slots, counts in lex.found.values():
        place = np.searchsorted(slots, near)
        place[place == len(slots)] = 0
        count = (np.where(slots[place] == near, counts[place], 0) * same).sum(axis=1).astype(np.float32)
        score += idf * saturated(count, length, 3 * lex.average)
    return scaled(score)


def timely(text: str, asked: datetime, at: NDArray[np.float64]) -> Floats:
    """How near each time is to the one that the question names: 1 inside, falling to 0; zeros where it names none."""
    near = np.zeros(len(at), np.float32)
    for interval in intervals(text, asked):
        if interval.grain in GRAINS:
            start, end = interval.start.timestamp(), interval.end.timestamp()
            gap = np.maximum(np.maximum(start - at, at - end), 0.0)
            near = np.maximum(near, np.exp(-gap / max(NEARNESS_DAYS * 86400, end - start)).astype(np.float32))
    return near


def first_slots(session: NDArray[np.int32]) -> Slots:
    """The first slot of each session (S,)."""
    first = np.zeros(int(session.max(initial=-1)) + 1, np.intp)
    first[session[::-1]] = np.arange(len(session))[::-1]  # of several writes to one place the last stays: the earliest slot
    return first


def features(text: str, question: Question, at: datetime | None, field: Field) -> tuple[Slots, Floats]:
    """(slots ascending, matrix (slots, NAMES)) of the candidates; `at` is when it is asked: by default, after all was said."""
    if not len(field.lengths):
        return np.zeros(0, np.intp), np.zeros((0, len(NAMES)), np.float32)
    lex, meaning = lexical(question, field), standing(field) * np.float32(question.english)
    pool = candidates(lex.turns, meaning, field)
    session, flags = field.session[pool], field.traits[pool]
    asked = at or datetime.fromtimestamp(float(field.at.max()), UTC)

    def has(flag: int) -> Floats:
        return ((flags & flag) > 0).astype(np.float32)

    machine = has(ASSISTANT)
    named = np.isin(field.actor[pool], question.speakers).astype(np.float32)
    subject = named if question.speakers else question.own * (1 - machine)
    nearest = np.full(len(lex.sessions), -np.inf, np.float32)
    shown = slice(None) if field.live is None else field.live
    np.maximum.at(nearest, field.session[shown], meaning[shown])
    columns = {
        "words": lex.turns[pool],
        "meaning": meaning[pool],
        "words_around": words_around(pool, lex, field),
        "words_session": lex.sessions[session],
        "meaning_session": nearest[session],
        "speaker": subject,
        "assistant": machine,
        "assistant_wanted": question.machine * machine,
        "tells_time": question.time * has(TIME),
        "tells_number": question.number * has(NUMBER),
        "tells_name": question.name * ((flags // NAME_1) & 3) / np.float32(3),
        "greets": has(GREETS),
        "opens": (first_slots(field.session)[session] == pool),
        "tells_past": question.past * has(PAST),
        "time": timely(text, asked, field.at[pool]),
    }
    return pool, np.stack([np.asarray(columns[name], np.float32) for name in NAMES], axis=1)


def speakers(field: Field) -> Iterable[tuple[int, str]]:
    """The speakers of a partition as `question.read` wants them."""
    return field.actors.items()

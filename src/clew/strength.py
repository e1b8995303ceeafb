"""How strong each memory of a view is and why: from use, confirmation, surprise and age, in arrays over a partition.

`docs/decay.md` has the formula in words, `docs/findings/decay.md` what its parts are worth.
"""

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clew.storage.index import NEVER, norms
from clew.storage.log import Log
from clew.storage.schema import SLOT_BITS
from clew.storage.segment import POSTING
from clew.storage.terms import terms
from clew.storage.view import Part, View
from clew.types import TRUST, Event

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# What a memory's strength is made of; the weights add up to 1. Round numbers set by hand; the tuning halves of LoCoMo,
# LongMemEval and BEAM chose among a few. Age was worth nothing there and has a tenth: in use what is old is asked for less.
WEIGHTS: Mapping[str, float] = {"surprise": 0.5, "use": 0.3, "confirmation": 0.1, "age": 0.1}
BITS = 40.0  # bits of rare words at which a memory tells half of what one can: about six words that are not common
USES = 2.0  # recalls in the first place at which use counts half
CONFIRMATIONS = 1.0  # times said again at which confirmation counts half
HALF_LIFE = 30.0  # days until age counts half, for what was never used; use stretches it, as in MemoryBank's curve
OWN = 0.5  # of the surprise of what a model said itself: it could say so again, a person's words are not to be had again
AGAIN = 0.6  # the share of the longer text's distinct terms from which a later text says the same again, or a change of it
MEANT = 3  # distinct terms below which saying the same again means nothing ("thanks, bye")
NEAR_AT_ALL = 0.5  # cosine below which two memories are not looked at for that
FORGIVEN = 1.0  # bad feedbacks, more than good ones, that halve a memory's strength
DAY = 86_400.0  # seconds
EXACT = 12_000  # memories up to which every pair is compared; beyond, those near the same landmark (see `alike`)
LANDMARKS = 256  # of them, evenly among the memories in the order of learning
PROBES = 2  # nearest landmarks of each; of 28,257 turns of LongMemEval this finds the nearest for 97.5 % of those with one at 0.9
NEAR = 1_024  # earlier memories of a landmark that one is compared with, the newest ones
_DECISIVE = re.compile(r"\d+(?:[.,:]\d+)*|\b(?:no|not|never|none|nobody|nothing|neither|nor|without|cannot)\b|n['’]t\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Held:
    """The memories of one partition that recall may show after event `seq`, oldest first; all columns have one length."""

    part: Part
    seq: int
    now: float  # the learned clock at `seq`, seconds since 1970 UTC: time passes only when something is learned
    slots: Ints
    ids: list[str]
    kinds: list[str]
    texts: list[str]
    rests: list[str]  # of each, its sources, basis, links and data as they lie in its row; see `spans` and `premises`
    seqs: list[tuple[int, ...]]  # of each, the events it came from
    trust: Ints
    born: Ints  # of each, its newest source
    learned: Floats  # when that was learned, seconds since 1970 UTC
    size: Ints  # bytes that it takes in the view: words, vector, postings
    free: NDArray[np.bool_]  # whether it may be put away at all: active, not suspect

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Signals:
    """What is known of each memory, in the order of `Held`."""

    bits: Floats  # of its distinct words, each by its rarity in the partition
    novelty: Floats  # 1 - the highest cosine with what was known before; 1 where it changes what was said, 0..1
    own: NDArray[np.bool_]  # words of an assistant
    recalls: Floats  # of different questions (a question counts once a day), each 1 / log2(1 + rank); conclusions count 1
    confirmed: Floats  # times said again, confirmed by its owner, or found good
    refuted: Floats  # times found bad, less times found good, never negative
    idle: Floats  # days on the learned clock since it was learned, recalled or confirmed


# -- reading --------------------------------------------------------------------------------------------------------


def partitions(view: View, user: str | None) -> list[Part]:
    """The partitions that may hold memories of a user; all of them for None."""
    number = view.log.number(user)
    return [part for part in view.parts() if user is None or part.user in (number, 0)]


def held(view: View, part: Part, user: str | None = None, seq: int | None = None) -> Held:
    """The memories of a partition (of one user) that were in sight after event `seq`; None is now."""
    last, base, number = NEVER - 1 if seq is None else seq, part.id << SLOT_BITS, view.log.number(user)
    with view.log.database.snapshot() as c:
        found = list(
            c.execute(
                "SELECT place, lower(hex(id)), kind, text, opened, status, trust, length, rest FROM memory WHERE place >= ? AND place < ?"
                " AND opened <= ? AND (closed IS NULL OR closed > ?) AND retired IS NULL AND status IN ('active', 'suspect')"
                f"{'' if number is None else ' AND user = ?'} ORDER BY place",
                (base, base + 2**SLOT_BITS, last, last, *(() if number is None else (number,))),
            )
        )
        recorded = np.array(
            [(s, r) for s, r in c.execute("SELECT seq, recorded FROM event WHERE seq <= ? ORDER BY seq", (last,))], np.int64
        )
    embeds = view.indexing.embeds  # what has neither words nor a vector is a recipe's own note, which no question finds
    found = [row for row in found if row[7] or embeds is None or row[2] in embeds]
    rests = [row[8] for row in found]
    seqs = [_seqs(rest) for rest in rests]
    newest = np.array([max(mine, default=row[4]) for mine, row in zip(seqs, found, strict=True)], np.int64)
    times = recorded.reshape(-1, 2)
    texts = [row[3] for row in found]
    return Held(
        part,
        int(times[-1, 0]) if len(times) else 0,
        float(times[-1, 1]) / 1e6 if len(times) else 0.0,
        np.array([row[0] - base for row in found], np.int64),
        [row[1] for row in found],
        [row[2] for row in found],
        texts,
        rests,
        seqs,
        np.array([row[6] for row in found], np.int64),
        newest,
        times[np.searchsorted(times[:, 0], newest), 1] / 1e6 if len(found) else np.zeros(0),
        np.array([len(t.encode()) + view.dims + POSTING.itemsize * row[7] for t, row in zip(texts, found, strict=True)], np.int64),
        np.array([row[5] == "active" for row in found], np.bool_),
    )


def _seqs(rest: str) -> tuple[int, ...]:
    """The events in the sources of a packed row, read without its JSON: of 100,000 rows that would take a second or two."""
    head = rest[3 : rest.index("]]")] if rest.startswith("[[[") else ""
    return tuple(int(span[: span.index(",")]) for span in head.split("],[")) if head else ()


def spans(known: Held, place: int) -> list[list[int]]:
    """The sources of one memory: event, start, end of each."""
    return json.loads(known.rests[place])[0]


def premises(known: Held, place: int) -> list[str]:
    """The ids of the memories that one memory was derived from."""
    rest = known.rests[place]
    return [] if rest[rest.find("]]") + 2 :].startswith(",[],") else json.loads(rest)[1]


def signals(view: View, known: Held) -> Signals:
    """What the view and the log tell of these memories up to `known.seq`; nothing of what came later."""
    codes = view.draft(known.part, known.seq).codes(known.slots) if len(known) else np.zeros((0, view.dims), np.int8)
    words = _words(known.texts)
    novelty, root = _news(known, words, *alike(codes, known.born))
    recalls, confirmed, bad, last = _told(view.log, known)
    again = root != np.arange(len(known))
    np.add.at(confirmed, root[again], 1.0)
    np.maximum.at(last, root[again], known.learned[again])
    place = {id: i for i, id in enumerate(known.ids)}
    for premise in (premise for i in range(len(known)) for premise in premises(known, i) if premise in place):
        recalls[place[premise]] += 1.0
    idle = np.maximum(known.now - np.maximum(known.learned, last), 0.0) / DAY
    return Signals(_bits(words, len(known)), novelty, known.trust == TRUST["assistant"], recalls, confirmed, bad, idle)


def _words(texts: Sequence[str]) -> Ints:
    """Every (text, distinct term) as one number, ascending: the text's place times 2**32 plus the term's number."""
    numbers: defaultdict[str, int] = defaultdict()
    numbers.default_factory = numbers.__len__
    flat, lengths = [], []
    for text in texts:
        mine = terms(text)
        lengths.append(len(mine))
        flat.extend(map(numbers.__getitem__, mine))
    return np.unique(np.repeat(np.arange(len(texts)), lengths) << 32 | np.array(flat, np.int64))


def _bits(words: Ints, count: int) -> Floats:
    """Bits that each text's distinct terms carry: log2 of one over the share of the texts that have the term, summed."""
    term = words & 0xFFFFFFFF
    rarity = np.log2(count / np.bincount(term)) if len(words) else np.zeros(0)
    return np.bincount(words >> 32, rarity[term], count).astype(np.float64)


def _in_common(words: Ints, count: int, one: Ints, other: Ints) -> tuple[Floats, Ints]:
    """Of each pair of texts: (the share of the longer one's distinct terms that both have, how many the longer one has)."""
    lengths = np.bincount(words >> 32, minlength=count)
    first = np.concatenate([[0], np.cumsum(lengths)])
    pair = np.repeat(np.arange(len(one)), lengths[one])
    inside = np.arange(len(pair)) - np.repeat(np.cumsum(lengths[one]) - lengths[one], lengths[one])
    wanted = other[pair] << 32 | (words[first[one][pair] + inside] & 0xFFFFFFFF)
    at = np.minimum(np.searchsorted(words, wanted), max(len(words) - 1, 0))
    both = np.bincount(pair, words[at] == wanted, len(one)) if len(pair) else np.zeros(len(one))
    longer = np.maximum(lengths[one], lengths[other])
    return both / np.maximum(longer, 1), longer


def alike(codes: NDArray[np.int8], born: Ints) -> tuple[Floats, Ints]:
    """Of each vector the highest cosine (0..1) with one born of an earlier event, and that one's place; 0 and -1 where there is none.

    Vectors are taken from their mean, because those of one embedder all point much the same way. Up to EXACT of them all
    pairs count. Beyond, each is compared with the NEAR last ones that share one of its PROBES nearest landmarks (of LANDMARKS
    vectors taken evenly), so that the time grows with their number; the cosine found may then be too low, and a memory
    taken for newer than it is.
    """
    n = len(codes)
    lengths = norms(codes)
    unit = codes.astype(np.float32) / np.maximum(lengths, 1e-9)[:, None].astype(np.float32)
    unit[lengths > 0] -= unit[lengths > 0].mean(axis=0) if (lengths > 0).any() else 0.0
    unit /= np.maximum(np.sqrt(np.vecdot(unit, unit)), 1e-9)[:, None]
    best, nearest = np.zeros(n), np.full(n, -1, np.int64)
    if n <= EXACT:
        _earlier(unit, born, np.arange(n), n, best, nearest)
        return best, nearest
    marks = unit[:: -(-n // LANDMARKS)]
    cosines = (unit[i : i + NEAR] @ marks.T for i in range(0, n, NEAR))
    mine = np.concatenate([np.argpartition(-mine, PROBES - 1, axis=1)[:, :PROBES] for mine in cosines])
    for mark in range(len(marks)):
        _earlier(unit, born, np.flatnonzero((mine == mark).any(axis=1)), NEAR, best, nearest)
    return best, nearest


def _earlier(unit: NDArray[np.float32], born: Ints, places: Ints, reach: int, best: Floats, nearest: Ints) -> None:
    """Among these places, ascending: the best of the `reach` before each, written into `best` and `nearest` where it is better."""
    step = min(reach, 512)
    for start in range(0, len(places), step):
        rows = places[start : start + step]
        first = max(0, start - reach)
        others = places[first : start + len(rows)]
        cosines = unit[rows] @ unit[others].T
        cosines[born[others][None, :] >= born[rows][:, None]] = -1.0  # itself, others of the same event, later ones
        top = cosines.argmax(axis=1)
        value = np.round(cosines[np.arange(len(rows)), top].astype(np.float64), 6)
        found = value > best[rows]
        best[rows[found]], nearest[rows[found]] = value[found], others[top[found]]


def _news(known: Held, words: Ints, best: Floats, nearest: Ints) -> tuple[Floats, Ints]:
    """(novelty, root): how new each memory was, and the first memory that it says again (its own place where it says none)."""
    novelty, root = np.clip(1 - best, 0.0, 1.0), np.arange(len(known))
    looked = np.flatnonzero(best >= NEAR_AT_ALL)
    share, longer = _in_common(words, len(known), looked, nearest[looked])
    for i in looked[(share >= AGAIN) & (longer >= MEANT)].tolist():
        first = int(nearest[i])
        if _decisive(known.texts[i]) != _decisive(known.texts[first]):
            novelty[i] = 1.0  # the same sentence with another number or a "not" must not be taken for a repetition
        elif known.trust[i] >= known.trust[first] and not set(known.seqs[i]) & set(known.seqs[first]):
            root[i] = root[first]
    return novelty, root


def _decisive(text: str) -> frozenset[str]:
    return frozenset(found.lower().replace("’", "'") for found in _DECISIVE.findall(text))


def _told(log: Log, known: Held) -> tuple[Floats, Floats, Floats, Floats]:
    """(recalls, confirmed, refuted, when last recalled or confirmed) by what the log holds of questions, feedback and edits."""
    recalls, good, bad, last = (np.zeros(len(known)) for _ in range(4))
    events, secret = list(_spoken(log, known)), log.database.secret
    if not events:
        return recalls, good, bad, last
    places: dict[str, list[int]] = {}
    for i, text in enumerate(known.texts):
        places.setdefault(hashlib.blake2b(text.encode(), key=secret, digest_size=16).hexdigest(), []).append(i)
    ids = {id: i for i, id in enumerate(known.ids)}
    seen: set[tuple[str, str]] = set()
    for event in events:
        body, when = event.body, event.recorded_at.timestamp()
        if event.kind == "query":
            asked = (str(body.get("content")).casefold(), f"{event.recorded_at:%Y%m%d}")
            if asked in seen:
                continue
            seen.add(asked)
            for rank, digest in enumerate(body.get("hits") or (), 1):
                for i in places.get(str(digest), ()):
                    recalls[i] += 1 / np.log2(1 + rank)
                    last[i] = when
            continue
        i = ids.get(str(body.get("id")), next(iter(places.get(str(body.get("digest")), ())), None))
        if i is None:
            continue
        if body.get("op") in ("confirm", "unarchive") or (event.kind == "feedback" and body.get("good") is True):
            good[i] += 1.0
            last[i] = when
        elif event.kind == "feedback" and body.get("good") is False:
            bad[i] += 1.0
    return recalls, good, np.maximum(bad - good, 0.0), last


def _spoken(log: Log, known: Held) -> Iterator[Event]:
    """The questions, feedback and edits of the partition's user up to `known.seq` that have a mapping for a body."""
    user = known.part.user
    where = f"kind IN ('query', 'feedback', 'edit') AND salt IS NOT NULL AND seq <= ?{' AND user = ?' if user else ''} ORDER BY seq"
    values = (known.seq, *((user,) if user else ()))
    yield from (event for event in log.select(where, values) if isinstance(event.body, Mapping))


# -- strength -------------------------------------------------------------------------------------------------------


def strength(found: Signals) -> tuple[Floats, dict[str, Floats]]:
    """(strength 0..1 of each, its parts): the parts add up to the strength. `docs/decay.md` has the formula in words."""
    telling = 1 - 2.0 ** (-found.bits / BITS)
    half_life = HALF_LIFE * (1 + found.recalls + found.confirmed)
    raw = {
        "surprise": telling * np.sqrt(found.novelty) * np.where(found.own, OWN, 1.0),
        "use": 1 - 2.0 ** (-found.recalls / USES),
        "confirmation": 1 - 2.0 ** (-found.confirmed / CONFIRMATIONS),
        "age": 2.0 ** (-found.idle / half_life),
    }
    doubt = 2.0 ** (-found.refuted / FORGIVEN)
    parts = {name: np.round(WEIGHTS[name] * value * doubt, 6) for name, value in raw.items()}
    return np.round(np.sum(list(parts.values()), axis=0), 6), parts

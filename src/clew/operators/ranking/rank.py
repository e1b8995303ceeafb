"""The second look: candidates of a partition put in order by a learned linear sum of features, duplicates folded."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType

import numpy as np

from clew.errors import UsageError
from clew.operators.ranking import features, question
from clew.operators.ranking.features import Field
from clew.operators.slots import asking
from clew.storage.terms import terms
from clew.types import may_end

WEIGHTS = Path(__file__).with_name("ranker.json")
LOOK = 20  # of so many a later statement is put before an earlier one, even where fewer are wanted
SHORT = 200  # characters of a statement that a later one may replace
ALIKE = 0.6  # the share of the longer statement's terms that the other must have to say the same but for a word or two
NEWER = "newer"  # the share by which a statement was moved before or behind its like
DIGITS = 6  # scores are rounded, so that a ranking is the same on another machine


@lru_cache(maxsize=4)
def load(path: Path = WEIGHTS) -> Mapping[str, float]:
    """The weights of a file, feature -> weight; UsageError where its features are not the ones that are computed."""
    weights = json.loads(path.read_text(encoding="utf-8"))["weights"]
    if set(weights) != set(features.NAMES):
        odd = sorted(set(weights) ^ set(features.NAMES))
        raise UsageError(f"the weights in {path.name} do not fit the features; missing or unknown: {', '.join(odd)}")
    return MappingProxyType(weights)


def rank(
    text: str,
    at: datetime | None,
    field: Field,
    weights: Mapping[str, float] | None = None,
    k: int = 20,
    trust: Callable[[int], int] | None = None,
) -> tuple[list[int], list[float], list[dict[str, float]]]:
    """(slots, scores, shares) of the k best turns for a question asked at `at`, best first, ties by slot.

    A score is the sum of its shares, one a feature that is not zero. Of turns with the same words by the same speaker
    only the best is kept; of statements that differ in a word or two the newest comes first, unless the question asks for
    what was before, or `trust` says that it is the word of somebody who may not end what the older one says.
    """
    field = replace(field, text=cache(field.text))
    asked = question.read(text, features.speakers(field))
    pool, matrix = features.features(text, asked, at, field)
    weight = load() if weights is None else weights
    vector = np.array([weight[name] for name in features.NAMES], np.float64)
    scores = np.round(matrix.astype(np.float64) @ vector, DIGITS)
    order = np.argsort(-scores, kind="stable")
    field.ahead(pool[order[: max(k, LOOK)]].tolist())
    order = order[folded(pool[order].tolist(), field, max(k, LOOK))]
    found, reached = pool[order].tolist(), scores[order].tolist()
    slots = asking.asked(text)
    placed = found if slots.back or slots.first else newest_first(found, frozenset(asked.weights), field, trust)
    rows = dict(zip(found, order, strict=True))
    why: list[dict[str, float]] = []
    for slot, score in zip(placed[:k], reached, strict=False):
        moved, before = score - scores[rows[slot]], shares(matrix[rows[slot]], vector)
        why.append({**before, NEWER: round(float(moved), DIGITS)} if moved else before)
    return placed[:k], reached[:k], why


def newest_first(slots: Sequence[int], asked: frozenset[str], field: Field, trust: Callable[[int], int] | None = None) -> list[int]:
    """The same slots, where of short statements that differ in a word or two the newest takes the best place.

    "Ann lives in Bern" and, later, "Ann lives in Rome" hold the same of the terms asked for, and the later one is likelier
    true. Statements that hold other terms asked for are about something else: "Ben lives in Rome" stays where it is.
    """
    words = [frozenset(terms(said)) if len(said := field.text(slot)) <= SHORT else frozenset() for slot in slots]
    kind = [(actor, mine & asked) for actor, mine in zip(field.actor[list(slots)].tolist(), words, strict=True)]
    beside: dict[tuple[int, frozenset[str]], list[int]] = {}
    for i in range(len(slots)):
        beside.setdefault(kind[i], []).append(i)
    placed = list(slots)
    done: set[int] = set()
    for i, mine in enumerate(words):
        if i in done or not mine:
            continue
        like = [j for j in beside[kind[i]] if j >= i and j not in done and alike(mine, words[j])]
        done.update(like)
        newest = sorted((slots[j] for j in like), key=lambda slot: (-field.at[slot], -slot))
        if trust is not None and len(like) > 1 and not may_end(trust(newest[0]), max(map(trust, newest))):
            continue
        for j, slot in zip(like, newest, strict=True):
            placed[j] = slot
    return placed


def alike(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether two statements, as sets of terms, say the same but for a word or two."""
    return len(one & other) >= ALIKE * max(len(one), len(other))


def folded(slots: Sequence[int], field: Field, k: int) -> list[int]:
    """Places of the first k slots whose words, by that speaker, did not come before; white space and case aside."""
    seen: set[tuple[int, str]] = set()
    kept: list[int] = []
    for place, (slot, actor) in enumerate(zip(slots, field.actor[list(slots)].tolist(), strict=True)):
        if len(kept) == k:
            break
        words = (actor, " ".join(field.text(slot).split()).casefold())
        if words not in seen:
            seen.add(words)
            kept.append(place)
    return kept


def shares(row: features.Floats, vector: np.ndarray) -> dict[str, float]:
    """What each feature gave to a score."""
    return {name: round(v, DIGITS) for name, v in zip(features.NAMES, (row * vector).tolist(), strict=True) if v}

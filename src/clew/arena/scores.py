"""Scores of rankings, and intervals that say how far they can be trusted.

Everything here is a share (0..1) or a count, in the words of the field: recall@k is the share of the gold among the
first k, any@k whether one of them is there, all@k whether all are, MRR one over the rank of the first.
"""

import hashlib
import math
import re
import string
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from clew.arena.cases import Question

KS = (1, 2, 3, 5, 10, 20)
SESSION_KS = (1, 5, 10)
NEWEST = 10  # hits among which what is new must be
SEED = 20261122
DRAWS = 2000
LEVEL = 0.95
FEWEST_GROUPS = 5  # conversations below which resampling them says nothing
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its 95 % bootstrap interval by question, and by conversation where there are enough (else None)."""

    mean: float
    low: float
    high: float
    n: int
    low_by_group: float | None = None
    high_by_group: float | None = None


def normalised(text: str) -> str:
    """Lower case, no punctuation, no articles, single spaces: what substring exact match compares."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def ranking(found: Sequence[str], gold: Iterable[str], ks: Sequence[int] = KS) -> dict[str, float]:
    """recall, any, all and nDCG at each k, MRR and average precision of distinct keys, best first."""
    wanted, scores = set(gold), {}
    hits = [key in wanted for key in found]
    for k in ks:
        count = sum(hits[:k])
        scores[f"recall@{k}"] = count / len(wanted)
        scores[f"any@{k}"] = float(count > 0)
        scores[f"all@{k}"] = float(count == len(wanted))
        ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(k, len(wanted)) + 1))
        scores[f"ndcg@{k}"] = sum(1 / math.log2(rank + 1) for rank, hit in enumerate(hits[:k], 1) if hit) / ideal
    ranks = [rank for rank, hit in enumerate(hits, 1) if hit]
    scores["mrr"] = 1 / ranks[0] if ranks else 0.0
    scores["map"] = sum(place / rank for place, rank in enumerate(ranks, 1)) / len(wanted)
    return scores


def answering(texts: Sequence[str], question: Question) -> dict[str, float]:
    """Whether an accepted answer occurs in the first k texts."""
    accepted = [f" {plain} " for answer in question.answers if (plain := normalised(answer))]
    holds = [any(answer in f" {normalised(text)} " for answer in accepted) for text in texts]
    return {f"answer@{k}": float(any(holds[:k])) for k in KS}


def token_f1(answer: str, references: Sequence[str]) -> float:
    """The greatest token F1 of a normalised answer with a reference (SQuAD's measure); 1 where both are empty."""
    said = Counter(normalised(answer).split())
    best = 0.0
    for reference in references:
        wanted = Counter(normalised(reference).split())
        common = (said & wanted).total()
        best = max(best, 2 * common / (said.total() + wanted.total()) if said.total() + wanted.total() else 1.0)
    return best


def changing(question: Question, found: Sequence[str], marked: Sequence[str]) -> dict[str, float]:
    """For what replaced something: whether it comes first, and whether what it replaced stands above it, unmarked or at all.

    "newest found" is among the first NEWEST; "newest, stale told" is that, with every stale one below it or marked as such.
    """
    fresh = [key for key in question.gold if key not in question.stale]
    if not question.stale or not fresh:
        return {}
    place = {key: rank for rank, key in enumerate(found)}
    mine = min(place.get(key, len(found)) for key in fresh)
    above = [key for key in question.stale if place.get(key, len(found)) < mine]
    here = mine < min(NEWEST, len(found))
    return {
        "newest first": float(mine == 0),
        "stale above": float(bool(above)),
        "newest found": float(here),
        "newest, stale told": float(here and all(key in marked for key in above)),
        "stale marked": float(any(key in marked for key in question.stale)),
    }


def scored(
    question: Question, found: Sequence[str], sessions: Mapping[str, str], texts: Sequence[str], marked: Sequence[str] = ()
) -> dict[str, float]:
    """Every score of one question: `found` are distinct keys, best first, `marked` those said no longer to hold.

    `sessions` gives each key's session.
    """
    scores = ranking(found, question.gold) if question.gold else {}
    if question.sessions:
        order = list(dict.fromkeys(sessions[key] for key in found if key in sessions))
        scores |= {f"session {name}": value for name, value in ranking(order, question.sessions, SESSION_KS).items()}
    if question.answers:
        scores |= answering(texts, question)
    return scores | changing(question, found, marked)


def estimate(values: Sequence[float], groups: Sequence[str], label: str = "") -> Estimate:
    """The mean with its intervals; the same for the same values, groups and label on every machine."""
    numbers = np.asarray(values, dtype=np.float64)
    seed = int.from_bytes(hashlib.sha256(f"{SEED} {label}".encode()).digest()[:8], "big")
    low, high = _interval(numbers, np.ones(len(numbers)), seed)
    names, where = np.unique(np.asarray(groups), return_inverse=True)
    by_group: tuple[float | None, float | None] = (None, None)
    if FEWEST_GROUPS <= len(names) < len(numbers):
        by_group = _interval(np.bincount(where, numbers), np.bincount(where).astype(np.float64), seed)
    return Estimate(float(numbers.mean()), low, high, len(numbers), *by_group)


def _interval(sums: np.ndarray, counts: np.ndarray, seed: int) -> tuple[float, float]:
    """The percentile bootstrap of sum(sums) / sum(counts), units drawn with replacement."""
    picks = np.random.Generator(np.random.PCG64(seed)).integers(0, len(sums), (DRAWS, len(sums)))
    means = sums[picks].sum(axis=1) / counts[picks].sum(axis=1)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def table(rows: Sequence[tuple[str, str, Mapping[str, float]]]) -> dict[str, dict[str, Estimate]]:
    """From (category, group, scores) of each question: category -> score -> estimate, with "all" before the categories.

    A score counts over the questions that have it.
    """
    found: dict[str, dict[str, Estimate]] = {}
    for category in ("all", *sorted({category for category, _, _ in rows})):
        mine = [row for row in rows if category in ("all", row[0])]
        names = dict.fromkeys(name for row in mine for name in row[2])
        found[category] = {}
        for name in names:
            having = [(scores[name], group) for _, group, scores in mine if name in scores]
            found[category][name] = estimate([v for v, _ in having], [g for _, g in having], f"{category} {name}")
    return found

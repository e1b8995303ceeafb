"""The second look: candidates of a partition put in order by a learned linear sum of features, duplicates folded."""
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

import numpy as np

from clew.errors import UsageError
from clew.operators import features, question
from clew.operators.features import Field

WEIGHTS = Path(__file__).parent / "data" / "ranker.json"
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
    text: str, at: datetime | None, field: Field, weights: Mapping[str, float] | None = None, k: int = 20
) -> tuple[list[int], list[float], list[dict[str, float]]]:
    """(slots, scores, shares) of the k best turns for a question asked at `at`, best first, ties by slot.

    A score is the sum of its shares, one a feature that is not zero. Of turns with the same words by the same speaker
    only the best is kept.
    """
    asked = question.read(text, features.speakers(field))
    pool, matrix = features.features(text, asked, at, field)
    weight = load() if weights is None else weights
    vector = np.array([weight[name] for name in features.NAMES], np.float64)
    scores = np.round(matrix.astype(np.float64) @ vector, DIGITS)
    order = np.argsort(-scores, kind="stable")
    kept = folded(pool[order].tolist(), field, k)
    rows = [int(i) for i in order[kept]]
    return [int(pool[i]) for i in rows], [float(scores[i]) for i in rows], [shares(matrix[i], vector) for i in rows]


def folded(slots: Sequence[int], field: Field, k: int) -> list[int]:
    """Places of the first k slots whose words, by that speaker, did not come before; white space and case aside."""
    seen: set[tuple[int, str]] = set()
    kept: list[int] = []
    for place, slot in enumerate(slots):
        if len(kept) == k:
            break
        words = (int(field.actor[slot]), " ".join(field.text(slot).split()).casefold())
        if words not in seen:
            seen.add(words)
            kept.append(place)
    return kept


def shares(row: features.Floats, vector: np.ndarray) -> dict[str, float]:
    """What each feature gave to a score."""
    return {name: round(float(v), DIGITS) for name, v in zip(features.NAMES, row * vector, strict=True) if v}

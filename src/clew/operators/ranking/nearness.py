"""How near single words are to each other in meaning, by the built-in table, whatever embedder a view has."""

from collections.abc import Iterable
from functools import lru_cache

import numpy as np

from clew.models.static import Static

_TABLE = Static()


@lru_cache(maxsize=20_000)
def unit(word: str) -> np.ndarray:
    """The built-in table's vector of a word, (dims,) float32 of length 1; zeros for numbers and for other scripts.

    Whatever embedder the view has: ALIKE is a number of this table's space, and single words are not worth a model's time.
    """
    if not word.isalpha() or max(word) > "\u024f":
        return np.zeros(_TABLE.dims, np.float32)
    codes = _TABLE.embed([word])[0].astype(np.float32)
    return codes / np.float32(np.sqrt(codes @ codes) or 1.0)


@lru_cache(maxsize=20_000)
def nearest(word: str, others: frozenset[str]) -> float:
    """The cosine of a word with the one of others that is most like it, -1..1; 0 where there is none."""
    mine = unit(word)
    return max((float(mine @ unit(other)) for other in others), default=0.0)


def alike(words: Iterable[str], others: frozenset[str]) -> float:
    """The mean over the words of how near the nearest of the others is; 0 for no words."""
    found = [nearest(word, others) for word in words]
    return sum(found) / len(found) if found else 0.0

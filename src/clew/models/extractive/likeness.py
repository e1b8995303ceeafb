"""How like two texts are, and whether they say the same: exact cosines of an embedder's codes, shared terms, numbers, negation."""

import threading
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from clew.models.extractive.lists import SINGLE
from clew.models.extractive.triplets import triplets
from clew.models.extractive.words import covered, negated, numbers, weights
from clew.storage.terms import terms

COMMON = (
    "the a is i you to and of in that it was for on with have my this at be are so what do your just me but we like not about up really"
)
KEPT = 20_000  # vectors remembered, 20 MB at 256 dimensions; a full store is emptied
LINK = 0.5  # cosine from which two texts are about one matter
SAME = 0.85  # cosine from which two texts may say the same
CLOSE = 0.6  # cosine from which two texts that differ in a value speak of one thing
HELD = 0.75  # share of one text's terms that another must hold to say the same
Relation = Literal["none", "link", "duplicate", "update", "conflict"]


class Sense:
    """Likeness of texts by an embedder, less what all texts have in common: the direction of words that only hold sentences together.

    Safe to share among threads. Codes are whole numbers and sums of their products stay below 2**24, so that every
    cosine is the same in any batch and on any machine.
    """

    def __init__(self, embedder: Any) -> None:
        """`embedder` gives int8 codes; of at most 1,024 dimensions, or sums are no longer exact."""
        self._embedder = embedder
        self._rows: dict[str, tuple[np.ndarray, float, float]] = {}
        self._common: np.ndarray | None = None
        self._lock = threading.Lock()

    def rows(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Codes (n, dims) as float32, each row's share of what is common, and its length without that (infinite where nothing is left)."""
        with self._lock:
            common = self._common
            if common is None:
                common = self._common = self._embedder.embed([COMMON])[0].astype(np.float32)
            new = [t for t in dict.fromkeys(texts) if t not in self._rows]
            if len(self._rows) + len(new) > KEPT:
                self._rows.clear()
                new = list(dict.fromkeys(texts))
            if new:
                codes = self._embedder.embed(new).astype(np.float32)
                shares = (codes @ common).astype(np.float64) / np.sqrt(float(common @ common) or 1.0)
                squares = np.einsum("ij,ij->i", codes, codes).astype(np.float64) - shares**2
                lengths = np.where(squares > 1.0, np.sqrt(np.maximum(squares, 0.0)), np.inf)
                self._rows.update(zip(new, zip(codes, shares.tolist(), lengths.tolist(), strict=True), strict=True))
            found = [self._rows[t] for t in texts]
        return np.array([f[0] for f in found]), np.array([f[1] for f in found]), np.array([f[2] for f in found])

    def cosines(self, text: str, others: Sequence[str]) -> list[float]:
        """The cosine of a text with each other one, to four places."""
        if not others:
            return []
        codes, shares, lengths = self.rows([text, *others])
        inner = (codes[1:] @ codes[0]).astype(np.float64) - shares[1:] * shares[0]
        return np.round(inner / (lengths[1:] * lengths[0]), 4).tolist()

    def matrix(self, texts: Sequence[str]) -> np.ndarray:
        """(n, n) cosines among texts, to four places."""
        codes, shares, lengths = self.rows(texts)
        return np.round(((codes @ codes.T).astype(np.float64) - np.outer(shares, shares)) / np.outer(lengths, lengths), 4)

    def relevance(self, question: str, texts: Sequence[str]) -> list[float]:
        """How far each text bears on a question, about 0..1: cosine, and the share of the question's words in it."""
        asked = weights(question)
        near = self.cosines(question, texts)
        return [round(0.6 * max(c, 0.0) + 0.4 * covered(asked, set(terms(t))), 4) for c, t in zip(near, texts, strict=True)]

    def relation(self, new: str, old: str) -> Relation:
        """What a newer text is to an older one: nothing to it, about the same matter, the same again, another value, its denial."""
        [cosine] = self.cosines(new, [old])
        if cosine < LINK:
            return "none"
        shared = covered(weights(new), set(terms(old)))
        differ = negated(new) != negated(old)
        counts = numbers(new), numbers(old)
        if differ and cosine >= CLOSE and shared >= 0.5:
            return "conflict"
        if counts[0] and counts[1] and not counts[0] & counts[1] and cosine >= CLOSE and shared >= 0.5:
            return "update"
        if shared >= 0.3 and replaces(new, old):
            return "update"
        if not differ and counts[0] == counts[1] and (cosine >= SAME or (shared >= 0.99 and cosine >= CLOSE)) and shared >= HELD:
            return "duplicate"
        return "link"

    def same(self, one: str, other: str) -> bool:
        """Whether two texts say the same, whichever came first."""
        return "duplicate" in (self.relation(one, other), self.relation(other, one))


def replaces(new: str, old: str) -> bool:
    """Whether a newer text gives a thing another value of what it has one of at a time: two triplets, or two sentences read as such."""
    mine, its = _stated(new), _stated(old)
    return any(a[:2] == b[:2] and a[2] != b[2] and SINGLE & set(a[1].split()) for a in mine for b in its)


def _stated(text: str) -> list[tuple[str, ...]]:
    parts = tuple(part.strip().lower() for part in text.split(","))
    return [parts] if len(parts) == 3 and len(text) < 150 else [tuple(part.lower() for part in t) for t in triplets(text)]

"""Refits token vectors to sentences: the table whose pooled vectors come nearest to what MiniLM makes of whole sentences.

Text: LongMemEval's public sessions that are no question's evidence (MIT) and MuSiQue's paragraphs (CC BY 4.0), both out of
the folder that CLEW_DATA names. No sentence is kept, only what they teach the table. Evaluation sets whose licence is
non-commercial or share-alike (LoCoMo, HaluMem, BEAM, HotpotQA) are never read here.
"""

from __future__ import annotations

import gzip
import hashlib
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from minilm import END, START, Floats, Transformer
from numpy.typing import NDArray

from clew.models.wordpiece import WordPiece

SHARES = {"user": 40_000, "assistant": 25_000, "paragraph": 15_000}
"""Most sentences from each source; MuSiQue has fewer than 9,000."""
SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")
CHARACTERS = range(16, 300)
TOKENS = range(3, 65)
RUN_TOKENS = 1024
"""Tokens that go through the teacher at once."""
PULL = 0.3
"""How strongly each token is held to the vector it starts from; 0.03…30 were tried."""
STEPS = 20
"""Of conjugate gradients; the result is nearly the same from 15 on."""


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    """The records of a gzipped file of JSON lines."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _spans(text: str) -> Iterator[str]:
    """Sentences, and every other one together with the next."""
    parts = [part.strip() for part in SENTENCE_END.split(text)]
    parts = [part for part in parts if part]
    for i, part in enumerate(parts):
        yield part
        if i % 2 == 0 and i + 1 < len(parts):
            yield f"{part} {parts[i + 1]}"


def sentences(folder: Path, tokenizer: WordPiece) -> list[str]:
    """The sentences to learn from, drawn by their SHA-256, so that the draw is the same everywhere."""
    talks = folder / "longmemeval"
    evidence = {record["session_id"] for record in _lines(talks / "oracle_sessions_public.jsonl.gz")}
    pools: dict[str, set[str]] = {source: set() for source in SHARES}
    for record in _lines(talks / "s_sessions_public.jsonl.gz"):
        if record["session_id"] not in evidence:
            for turn in record["turns"]:
                pools[turn["role"]].update(span for span in _spans(turn["content"]) if len(span) in CHARACTERS)
    for record in _lines(folder / "multihop_qa" / "musique_corpus.jsonl.gz"):
        pools["paragraph"].update(span for span in _spans(record["text"]) if len(span) in CHARACTERS)
    drawn: list[str] = []
    for source, most in SHARES.items():
        order = sorted(pools[source], key=lambda span: hashlib.sha256(span.encode("utf-8", "replace")).digest())
        fitting = (span for span in order if len(tokenizer.ids(span)) in TOKENS)
        drawn += [span for span, _ in zip(fitting, range(most), strict=False)]
    return drawn


class Bag:
    """Sentences as weighted bags of tokens: a sparse matrix X (sentences, tokens) that can be multiplied from both sides."""

    def __init__(self, ids: NDArray[np.int64], lengths: NDArray[np.int64], weights: Floats) -> None:
        """Takes the sentences' ids end to end, the number of each, and a weight for each id."""
        self._rows, self._ids = np.repeat(np.arange(len(lengths)), lengths), ids
        self._values = weights[ids]
        self._shape = len(lengths), len(weights)
        self._by_token = np.argsort(ids, kind="stable")

    def scale(self, factors: Floats) -> None:
        """Multiplies each sentence by its factor."""
        self._values = self._values * factors[self._rows]

    def squares(self) -> Floats:
        """The sum of squared values of each token."""
        return np.bincount(self._ids, self._values.astype(np.float64) ** 2, self._shape[1]).astype(np.float32)

    def forth(self, table: Floats) -> Floats:
        """X @ table: the pooled vector of each sentence."""
        return _gather(self._rows, self._ids, self._values, table, self._shape[0])

    def back(self, vectors: Floats) -> Floats:
        """X.T @ vectors: what the sentences of each token add up to."""
        order = self._by_token
        return _gather(self._ids[order], self._rows[order], self._values[order], vectors, self._shape[1])


def _gather(into: NDArray[np.int64], take: NDArray[np.int64], values: Floats, rows: Floats, count: int) -> Floats:
    """out[i] = sum of values * rows[take] where `into`, which ascends, is i; out has `count` rows."""
    out = np.zeros((count, rows.shape[1]), np.float32)
    edges = np.flatnonzero(np.diff(into, prepend=-1, append=count)).tolist()
    for start, end in itertools.pairwise(edges):
        out[into[start]] = values[start:end] @ rows[take[start:end]]
    return out


def teach(model: Transformer, ids: NDArray[np.int64], lengths: NDArray[np.int64]) -> Floats:
    """What MiniLM makes of each sentence: (sentences, 384), of length 1. About 3,000 tokens a second."""
    starts = np.cumsum(lengths) - lengths
    vectors = np.zeros((len(lengths), 384), np.float32)
    for length in np.unique(lengths).tolist():
        alike = np.flatnonzero(lengths == length)
        size = max(1, RUN_TOKENS // (length + 2))
        for at in range(0, len(alike), size):
            rows = alike[at : at + size]
            sequences = np.full((len(rows), length + 2), END)
            sequences[:, 0] = START
            sequences[:, 1:-1] = ids[starts[rows][:, None] + np.arange(length)]
            vectors[rows] = model(sequences)
    return vectors


def fit(bag: Bag, goal: Floats, table: Floats) -> Floats:
    """Ridge regression: the table T that makes |X T - goal|^2 + PULL |T - table|^2 least, by conjugate gradients.

    Each sentence is first scaled so that the table it starts from gives it length 1, as the goal has.
    """
    bag.scale(1 / np.maximum(np.linalg.norm(bag.forth(table), axis=1), np.float32(1e-6)))
    change = np.zeros_like(table)
    rest = bag.back(goal - bag.forth(table))
    ease = 1 / (bag.squares()[:, None] + np.float32(PULL))
    step = eased = rest * ease
    size = (rest * eased).sum(axis=0)
    for _ in range(STEPS):
        bent = bag.back(bag.forth(step)) + np.float32(PULL) * step
        far = size / np.maximum((step * bent).sum(axis=0), np.float32(1e-12))
        change += far * step
        rest = rest - far * bent
        eased = rest * ease
        before, size = size, (rest * eased).sum(axis=0)
        step = eased + size / np.maximum(before, np.float32(1e-12)) * step
    return table + change

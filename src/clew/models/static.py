"""The default embedder: a table of token vectors distilled from MiniLM-L6-v2, pooled in exact integer arithmetic.

A text's vector is the weighted sum of its tokens' rows. Rows are int8 and weights uint8, so every sum is a whole number
that floats hold exactly: the codes are the same on every machine, in every batch and in any order. English only.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from clew.errors import UsageError
from clew.models.wordpiece import WordPiece, read

DATA = Path(__file__).parent / "data"
DIMS = 256
PEAK = 127
"""The largest code of every vector that is not all zeros, in absolute value."""
EXACT_TOKENS = 512
"""Tokens that may be summed in float32 at once: 512 * 127 * 255 is below 2**24, up to where its whole numbers are exact."""


class Table(NamedTuple):
    """What the embedder knows: the tokenizer; a row of codes (tokens, DIMS) and a weight (tokens,) for each token id."""

    tokenizer: WordPiece
    codes: NDArray[np.int8]
    weights: NDArray[np.uint8]


def digest(codes: NDArray[np.int8], weights: NDArray[np.uint8], vocabulary: bytes) -> str:
    """The SHA-256, in hexadecimal, that names a table: over codes row by row, then weights, then the vocabulary file."""
    found = hashlib.sha256(np.ascontiguousarray(codes).data)
    found.update(np.ascontiguousarray(weights).data)
    found.update(vocabulary)
    return found.hexdigest()


@functools.lru_cache(maxsize=2)
def load(folder: Path = DATA) -> Table:
    """The table in a folder, read once a process; UsageError where it is not the one that `static.sha256` names."""
    vocabulary = (folder / "vocab.txt").read_bytes()
    with np.load(folder / "static.npz") as arrays:
        codes, weights = np.ascontiguousarray(arrays["codes"].T), arrays["weights"]
    found, right = digest(codes, weights, vocabulary), (folder / "static.sha256").read_text().strip()
    if found != right:
        raise UsageError(f"the embedding table in {folder} has SHA-256 {found}, not {right}: install the package again")
    return Table(read(vocabulary), codes, weights)


class Static:
    """The embedder over the table of a folder; the table is loaded at first use. Safe to share among threads."""

    space: str
    """The name of the vectors' space, with the first 12 digits of the table's SHA-256: another table is another space."""
    dims: int = DIMS
    exact: bool = True
    """Whether the same text has the same codes on every machine."""

    def __init__(self, folder: Path = DATA) -> None:
        """Reads only the table's digest from the folder, which holds `static.npz`, `static.sha256` and `vocab.txt`."""
        self._folder = folder
        self.space = f"static-minilm-{DIMS}:{(folder / 'static.sha256').read_text()[:12]}"

    def embed(self, texts: Sequence[str]) -> NDArray[np.int8]:
        """Codes (texts, dims) in the order of the texts, C-contiguous; a text without known tokens has zeros.

        Each vector is scaled alone, to -127…127, so cosines come from the codes and no scale is kept beside them.
        """
        table = load(self._folder)
        ids, lengths = table.tokenizer.batch(texts)
        sums = np.zeros((len(lengths), DIMS))
        end = 0
        for row, length in enumerate(lengths.tolist()):
            start, end = end, end + length
            for at in range(start, end, EXACT_TOKENS):
                part = ids[at : min(at + EXACT_TOKENS, end)]
                sums[row] += table.weights[part].astype(np.float32) @ table.codes[part].astype(np.float32)
        return quantise(sums)


def quantise(sums: NDArray[np.float64]) -> NDArray[np.int8]:
    """Whole numbers below 2**40 (n, dims) -> codes: each row times 127 / its own largest, to the nearest, ties to even.

    Exact: 127 times the sum is a whole number, and IEEE division of such numbers neither makes nor hides a tie.
    """
    peaks = np.abs(sums).max(axis=1, keepdims=True, initial=0.0)
    return np.rint(sums * PEAK / np.where(peaks == 0, 1.0, peaks)).astype(np.int8)

"""WordPiece as BERT uncased does it, so that texts reach the tables and models of this package as tokens they know.

Written from the published description of BERT's tokenizer: drop control characters, split at white space, put Chinese
characters apart, decompose and drop accents, lower-case, split at punctuation, then take the longest known piece first.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

UNKNOWN = "[UNK]"
LONGEST_WORD = 100
"""Characters; a longer word is unknown as a whole, as in BERT."""
LONGEST_KEPT = 32
"""Characters; a longer chunk is not cached: it is seldom met again, and may be a key or an address."""
MOST_KEPT = 50_000
"""Chunks in the cache, at most about 8 MB; a full cache is emptied, which costs a few milliseconds to refill."""

# Python splits at these too, where BERT drops them and joins what stands on both sides.
_DROPPED = re.compile("[\x0b\x0c\x1c-\x1f\x85]+")
_CHINESE = (
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F), (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F),
)  # fmt: skip


class _Spelling(dict[int, str]):
    """What each character becomes, by code point, for `str.translate`; learnt on demand."""

    def __missing__(self, code: int) -> str:
        self[code] = spelling = _spell(chr(code))
        return spelling


def _spell(char: str) -> str:
    """The character in lower case without accents, between spaces if it is a word alone, or nothing if it is dropped."""
    # Unassigned characters (Cn) stay, unlike in BERT: what is unassigned depends on the version of Python.
    if unicodedata.category(char) in ("Cc", "Cf", "Co", "Cs") or char == "\ufffd":
        return ""
    plain = "".join(c for c in unicodedata.normalize("NFD", char) if unicodedata.category(c) != "Mn")
    if any(low <= ord(char) <= high for low, high in _CHINESE):
        return f" {plain} "
    return "".join(f" {c} " if _is_punctuation(c) else c for c in plain.lower())


def _is_punctuation(char: str) -> bool:
    """Whether BERT splits here: all ASCII symbols, and Unicode's punctuation."""
    return ("!" <= char <= "~" and not char.isalnum()) or unicodedata.category(char).startswith("P")


class WordPiece(dict[str, bytes]):
    """A tokenizer over one vocabulary; as a dict, its cache: white-space-free chunk -> its ids as native uint16 bytes.

    Safe to share among threads: a cache lost to another thread's emptying is only computed again. The cache lives in
    memory and holds single words, never whole texts; `clear()` empties it.
    """

    def __init__(self, vocabulary: Iterable[str]) -> None:
        """Takes the pieces in the order of their ids; at most 65,536, `[UNK]` among them (else KeyError)."""
        super().__init__()
        self._ids = {piece: i for i, piece in enumerate(vocabulary)}
        self._unknown = self._ids[UNKNOWN]
        self._spelling = _Spelling()

    def ids(self, text: str) -> NDArray[np.uint16]:
        """The ids of one text's pieces, in order, without `[CLS]` and `[SEP]`; empty where no piece is left."""
        return self.batch([text])[0]

    def batch(self, texts: Sequence[str]) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
        """The ids of all texts end to end, and the number of ids of each text."""
        rows = [b"".join([self[chunk] for chunk in _DROPPED.sub("", text).split()]) for text in texts]
        lengths = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows)) // 2
        return np.frombuffer(b"".join(rows), dtype=np.uint16), lengths

    def __missing__(self, chunk: str) -> bytes:
        pieces = [i for word in chunk.translate(self._spelling).split() for i in self._pieces(word)]
        packed = np.array(pieces, dtype=np.uint16).tobytes()
        if len(chunk) <= LONGEST_KEPT:
            if len(self) >= MOST_KEPT:
                self.clear()
            self[chunk] = packed
        return packed

    def _pieces(self, word: str) -> list[int]:
        """The longest known pieces from the left, or `[UNK]` alone where some rest is unknown."""
        if len(word) > LONGEST_WORD:
            return [self._unknown]
        found: list[int] = []
        start = 0
        while start < len(word):
            for end in range(len(word), start, -1):
                piece = self._ids.get(word[start:end] if start == 0 else "##" + word[start:end])
                if piece is not None:
                    break
            else:
                return [self._unknown]
            found.append(piece)
            start = end
        return found


def read(vocabulary: bytes) -> WordPiece:
    """The tokenizer over what a vocabulary file holds: UTF-8, one piece a line, the first line's id 0."""
    return WordPiece(vocabulary.decode("utf-8").removesuffix("\n").split("\n"))

"""Made-up turns: words of the embedder's vocabulary, drawn as often as words are in language (Zipf), from a fixed seed."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from clew.models.static import DATA

SEED = 11
WORDS = (8, 32)  # a turn's length, least and most (exclusive)
USERS = 91  # one has a tenth of everything, ninety a hundredth each
BIG, SMALL = "u0", "u7"
TURNS_A_SESSION = 50


def vocabulary() -> np.ndarray:
    """The whole words of the embedder's vocabulary, shuffled."""
    words = [w for w in (DATA / "vocab.txt").read_text(encoding="utf-8").split("\n") if w.isascii() and w.isalpha() and len(w) > 2]
    found = np.array(words, dtype=object)
    np.random.Generator(np.random.PCG64(SEED)).shuffle(found)
    return found


def turns(count: int, seed: int, words: tuple[int, int] = WORDS) -> list[str]:
    """That many texts."""
    vocab, chance = vocabulary(), np.random.Generator(np.random.PCG64([SEED, seed]))
    lengths = chance.integers(*words, count)
    weights = 1 / np.arange(1, len(vocab) + 1)
    drawn = vocab[chance.choice(len(vocab), int(lengths.sum()), p=weights / weights.sum())]
    ends = np.cumsum(lengths)
    return [" ".join(drawn[end - length : end]) for end, length in zip(ends, lengths, strict=True)]


def questions(count: int, seed: int) -> list[str]:
    """That many questions of six to nine words."""
    return turns(count, 1_000_000 + seed, (6, 10))


def chunks(size: int, chunk: int) -> Iterator[list[dict[str, Any]]]:
    """All events of a size, a chunk at a time: every tenth is the big user's, the others go round."""
    for start in range(0, size, chunk):
        texts = turns(min(chunk, size - start), start // chunk)
        yield [event(start + i, text) for i, text in enumerate(texts)]


def event(number: int, text: str) -> dict[str, Any]:
    """One turn; the session changes every fifty turns of everyone."""
    user = BIG if number % 10 == 0 else f"u{1 + (number - number // 10) % (USERS - 1)}"
    return {"content": text, "role": "user", "user": user, "session": f"s{number // TURNS_A_SESSION}", "key": f"k{number}"}

"""Whether a piece is a task or a question for an assistant that does not belong to the text it stands in.

A small network over the piece's vector, the vector of its first words and a few numbers about its form and its carrier; all
in whole numbers, so that every machine judges alike. `tools/train_guard.py` makes the weights.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from clew.models.static import DATA as TABLE
from clew.models.static import DIMS, load, quantise

DATA = Path(__file__).parent / "data"
HEAD = 3  # first tokens that have a vector of their own: what is asked for stands there
BLOCK = 256  # tokens that are summed at once; below EXACT_TOKENS, so that sums are exact
CLASSES = ("verb", "wh", "aux", "you", "output", "polite", "self", "fill", "machine")
VERB, WH, AUX, YOU, OUTPUT, POLITE, SELF, FILL, MACHINE = (1 << i for i in range(len(CLASSES)))
MARK, NUMBER, PART, PLAIN = 1 << 9, 1 << 10, 1 << 11, 1 << 12  # punctuation, digits, a later part of a word, any other word
_BESIDE = MARK | FILL | POLITE | NUMBER  # what may stand before the word that says what a piece is
_WORD = re.compile(r"[a-z]{3,}")
_INTO = re.compile(r"\b(?:in|to|of|for|from|with|throughout|into|about|as) (?:your|the|its|this|each|every|all) (?:\w+ )?(?:answers?|responses?|outputs?|repl(?:y|ies)|summary)\b", re.I)
NUMBERS = (
    "alike", "alike_near", "asks", "exclaims", "open_end", "colon", "verb_first", "wh_first", "aux_first", "polite", "you", "into_output",
    "output", "self", "machine", "late_first", "first", "last", "quoted", "address", "answered", "you_around", "asks_around", "verb_around",
    "tokens", "pieces", "same_form", "figures", "verbs", "parts", "names",
)  # fmt: skip
"""The numbers about form and carrier, in the order of the columns; each lies in -100 to 100."""


class Weights(NamedTuple):
    """Whole numbers held as floats: hidden = relu(x @ into + bias); score = hidden @ out + end; kept out above zero."""

    into: NDArray[np.float64]  # (2 * DIMS + len(NUMBERS), hidden)
    bias: NDArray[np.float64]  # (hidden,)
    out: NDArray[np.float64]  # (hidden,)
    end: float


class Words(NamedTuple):
    """What the table's tokens are: classes (tokens,), bits; the known whole words of three letters and more, or common ones; verbs."""

    classes: NDArray[np.uint16]
    known: frozenset[str]
    verbs: frozenset[str]


@functools.lru_cache(maxsize=1)
def weights() -> Weights:
    """The judge's weights, read once a process."""
    with np.load(DATA / "judge.npz") as arrays:
        return Weights(*(arrays[n].astype(np.float64) for n in ("into", "bias", "out")), float(arrays["end"]))


@functools.lru_cache(maxsize=1)
def vocabulary() -> Words:
    """The classes of the table's tokens, by `words.txt`."""
    tokenizer = load().tokenizer
    classes = np.zeros(len(load().weights), np.uint16)
    known, verbs = set(), frozenset[str]()
    for i, piece in enumerate((TABLE / "vocab.txt").read_text(encoding="utf-8").removesuffix("\n").split("\n")):
        if piece.startswith("##"):
            classes[i] |= PART
        elif not any(c.isalnum() for c in piece):
            classes[i] |= MARK
        elif piece[0].isdigit():
            classes[i] |= NUMBER
        elif piece.isascii() and (len(piece) > 2 or piece in ("a", "i", "to", "of", "in", "is", "it", "my", "no", "on", "or", "us", "we")):
            known.add(piece)
    for line in (DATA / "words.txt").read_text(encoding="utf-8").splitlines():
        name, _, listed = line.partition(": ")
        if name in CLASSES:
            bit = 1 << CLASSES.index(name)
            verbs = frozenset(listed.split()) if bit == VERB else verbs
            for ids in (tokenizer.ids(word) for word in listed.split()):
                if len(ids) == 1:
                    classes[ids[0]] |= bit
    return Words(classes, frozenset(known), verbs)


class Reading(NamedTuple):
    """A text's pieces as tokens: ids end to end, where each piece starts (n + 1,), and the classes of the ids."""

    ids: NDArray[np.uint16]
    starts: list[int]
    classes: list[int]


def read(texts: Sequence[str]) -> Reading:
    """The tokens of the pieces of one text."""
    ids, lengths = load().tokenizer.batch(texts)
    return Reading(ids, [0, *np.cumsum(lengths).tolist()], vocabulary().classes[ids].tolist())


class Form(NamedTuple):
    """How a piece is put: the classes and the place of its first word that says something, and the classes of all its words."""

    first: int
    at: int
    every: int


def form(text: str, classes: Sequence[int]) -> Form:
    """The form of a piece from its tokens' classes; a verb that the table knows only in parts is looked up in the text."""
    first, at, every = 0, 0, 0
    for place, bits in enumerate(classes):
        every |= bits
        if not first and not bits & _BESIDE:
            first, at = bits or PLAIN, place
            if place + 1 < len(classes) and classes[place + 1] & PART:
                word = _WORD.search(text.lower())
                first = VERB if word and word.group() in vocabulary().verbs else PLAIN
    return Form(first, at, every)


def candidate(text: str, it: Form, tokens: int) -> bool:
    """Whether a piece has the form of a task or a question at all; the judge looks at no other."""
    if tokens < 3:
        return False
    return bool(it.first & (VERB | WH) or it.every & (OUTPUT | MACHINE) or "?" in text or (it.every & (YOU | POLITE) and it.every & VERB))


def sums(reading: Reading) -> NDArray[np.float64]:
    """The weighted sum of each piece's token rows (pieces, DIMS); whole numbers, exact for pieces of up to EXACT_TOKENS tokens."""
    table, starts = load(), reading.starts
    found = np.zeros((len(starts) - 1, DIMS))
    first = 0
    while first < len(found):
        last = first + 1
        while last < len(found) and starts[last + 1] - starts[first] <= BLOCK:
            last += 1
        a = starts[first]
        ids = reading.ids[a : min(starts[last], a + BLOCK)]
        place = np.zeros((last - first, len(ids)), np.float32)
        weight = table.weights[ids]
        for row, i in enumerate(range(first, last)):
            place[row, starts[i] - a : starts[i + 1] - a] = weight[starts[i] - a : starts[i + 1] - a]
        found[first:last] = place @ table.codes[ids].astype(np.float32)
        first = last
    return found


def cosine(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cosines row by row, in whole hundredths; 0 where one is all zeros."""
    size = np.sqrt((a * a).sum(axis=1)) * np.sqrt((b * b).sum(axis=1))
    return np.rint(100 * (a * b).sum(axis=1) / np.where(size == 0, 1.0, size))


def features(texts: Sequence[str], reading: Reading) -> tuple[list[int], NDArray[np.float64]]:
    """(places of the candidates among the pieces, their features (n, 2 * DIMS + len(NUMBERS)), whole numbers)."""
    starts, classes = reading.starts, reading.classes
    forms = [form(text, classes[starts[i] : starts[i + 1]]) for i, text in enumerate(texts)]
    places = [i for i, text in enumerate(texts) if candidate(text, forms[i], starts[i + 1] - starts[i])]
    if not places:
        return [], np.zeros((0, 2 * DIMS + len(NUMBERS)))
    table, every, last = load(), sums(reading), len(texts) - 1
    mine = every[places]
    near = np.zeros(len(places))
    if last:
        before, after = every[[i - 1 if i else 1 for i in places]], every[[i + 1 if i < last else i - 1 for i in places]]
        near = np.maximum(cosine(mine, before), cosine(mine, after))
    head = np.zeros((len(places), DIMS))
    for row, i in enumerate(places):
        first = starts[i] + forms[i].at
        ids = reading.ids[first : min(first + HEAD, starts[i + 1])]
        head[row] = table.weights[ids].astype(np.float32) @ table.codes[ids].astype(np.float32)
    numbers = numbered(texts, forms, reading, places)
    numbers[:, 0], numbers[:, 1] = cosine(mine, every.sum(axis=0) - mine), near
    return places, np.hstack([quantise(mine), quantise(head), numbers], dtype=np.float64)


def numbered(texts: Sequence[str], forms: Sequence[Form], reading: Reading, places: Sequence[int]) -> NDArray[np.float64]:
    """The numbers about form and carrier (n, len(NUMBERS)); the first two columns are left to fill."""
    found, many = np.zeros((len(places), len(NUMBERS))), len(texts)
    asks = ["?" in text for text in texts]
    for row, i in enumerate(places):
        text, it = texts[i], forms[i]
        classes = reading.classes[reading.starts[i] : reading.starts[i + 1]]
        tokens = max(len(classes), 1)
        end = text.rstrip("\"')]\u2019\u201d")[-1:]
        lead, after = text[:12].lower(), texts[i + 1][:12].lower() if i + 1 < many else ""
        around = forms[max(0, i - 3) : i] + forms[i + 1 : i + 4]
        found[row, 2:] = (
            end == "?", end == "!", end not in ("?", "!", ".", ":"), end == ":", it.first & VERB > 0, it.first & WH > 0, it.first & AUX > 0,
            it.every & POLITE > 0, it.every & YOU > 0, bool(_INTO.search(text)), it.every & OUTPUT > 0, it.every & SELF > 0,
            it.every & MACHINE > 0, it.at > 0, i == 0, i == many - 1, any(q in text for q in "\"'\u2018\u201c`"),
            "www." in text or "://" in text or "@" in text,
            lead.startswith(("question:", "q:", "faq")) or after.startswith(("answer:", "a:", "thought", "yes", "no")),
            any(f.every & YOU for f in around), sum(asks[max(0, i - 4) : i + 5]) > asks[i], any(f.first & VERB for f in around),
            min(tokens, 50) / 50, min(many, 50) / 50, (len(places) - 1) / max(many - 1, 1), min(sum(c & NUMBER > 0 for c in classes), 5) / 5,
            min(sum(c & VERB > 0 for c in classes), 5) / 5, min(sum(c & PART > 0 for c in classes), 10) / tokens,
            min(sum(word[:1].isupper() for word in text.split()[1:12]), 5) / 5,
        )  # fmt: skip
    return np.rint(100 * found)


def scores(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The judge's scores (n,) for rows of features: above zero is a task that does not belong there. Exact."""
    w = weights()
    hidden = np.maximum(x @ w.into + w.bias, 0.0)
    return hidden @ w.out + w.end


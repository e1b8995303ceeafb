"""Whether a piece is a task or a question for an assistant that does not belong to the text it stands in.

A small network over the vectors of the piece, of its first words and of its carrier, and a few numbers about its form; all in
whole numbers, so that every machine judges alike. `tools/train_guard.py` makes the weights.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from operator import or_
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from clew.models.static import DATA as TABLE
from clew.models.static import DIMS, load, quantise

DATA = Path(__file__).parent / "data"
FEWEST = 4  # tokens and words of a piece that can be a task; calls to action in a mail are shorter
HEAD = 3  # first tokens that have a vector of their own: what is asked for stands there
BLOCK = 256  # tokens that are summed at once; below EXACT_TOKENS, so that sums are exact
CLASSES = ("verb", "wh", "aux", "you", "output", "polite", "self", "fill", "machine", "lead", "here", "day", "common")
VERB, WH, AUX, YOU, OUTPUT, POLITE, SELF, FILL, MACHINE, LEAD, HERE, DAY, COMMON = (1 << i for i in range(len(CLASSES)))
MARK, NUMBER, PART, PLAIN = 1 << 13, 1 << 14, 1 << 15, 1 << 16  # punctuation, digits, a later part of a word, any other word
_BESIDE = MARK | FILL | POLITE | NUMBER  # what may stand before the word that says what a piece is
_SMALL = MARK | NUMBER | PART | COMMON | YOU | SELF | POLITE | FILL | AUX | WH | HERE
_WORD = re.compile(r"[a-z]{3,}")
_QUOTE = re.compile("[\"'\u2018\u201c`]")
_INTO = re.compile(
    r"\b(?:in|to|of|for|from|with|throughout|into|about|as) (?:your|the|its|this|each|every|all) (?:\w+ )?"
    r"(?:answers?|responses?|outputs?|repl(?:y|ies)|summary)\b",
    re.I,
)
NUMBERS = (
    "alike", "alike_near", "alike_less", "alike_rank", "asks", "exclaims", "open_end", "colon", "verb_first", "wh_first", "aux_first",
    "polite", "you", "into_output", "output", "self", "machine", "late_first", "quoted", "address", "answered", "you_around", "asks_around", "verb_around",
    "tokens", "pieces", "same_form", "figures", "verbs", "parts", "names", "here", "day", "parallel", "shared", "shared_any",
)  # fmt: skip
"""The numbers about form and carrier, in the order of the columns; each lies in -400 to 400."""


class Weights(NamedTuple):
    """Whole numbers held as floats: hidden = relu(x @ into + bias); score = hidden @ out + end; kept out above zero."""

    into: NDArray[np.float64]  # (3 * DIMS + len(NUMBERS), hidden)
    bias: NDArray[np.float64]  # (hidden,)
    out: NDArray[np.float64]  # (hidden,)
    end: float
    unit: float  # of scores: one of the logarithm of the odds


class Words(NamedTuple):
    """What the table's tokens are: classes (tokens,), bits; the known whole words of three letters and more, or common ones; verbs."""

    classes: NDArray[np.uint32]
    known: frozenset[str]
    verbs: frozenset[str]


@functools.lru_cache(maxsize=1)
def weights() -> Weights:
    """The judge's weights, read once a process."""
    with np.load(DATA / "judge.npz") as arrays:
        into, bias, out = (arrays[name].astype(np.float64) for name in ("into", "bias", "out"))
        return Weights(into, bias, out, float(arrays["end"]), float(arrays["unit"]))


@functools.lru_cache(maxsize=1)
def vocabulary() -> Words:
    """The classes of the table's tokens, by `words.txt`."""
    tokenizer = load().tokenizer
    classes = np.zeros(len(load().weights), np.uint32)
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

    def of(self, i: int) -> list[int]:
        """The classes of one piece's tokens."""
        return self.classes[self.starts[i] : self.starts[i + 1]]


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
    at = next((place for place, bits in enumerate(classes) if not bits & _BESIDE), 0)
    first = classes[at] if classes and not classes[at] & _BESIDE else 0
    if at + 1 < len(classes) and classes[at + 1] & PART:
        word = _WORD.search(text.lower())
        first = VERB if word and word.group() in vocabulary().verbs else PLAIN
    return Form(first, at, functools.reduce(or_, classes, 0))


def candidate(text: str, it: Form, tokens: int) -> bool:
    """Whether a piece has the form of a task or a question at all; the judge looks at no other."""
    if tokens < FEWEST or (text.count(" ") < FEWEST - 1 and not it.every & OUTPUT):
        return False
    return bool(
        it.first & (VERB | WH) or it.every & (OUTPUT | MACHINE) or "?" in text or (it.every & (YOU | POLITE | LEAD) and it.every & VERB)
    )


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


def likeness(every: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of each piece's sum (pieces, DIMS): its cosine with all the others together, and the larger one with a neighbour; hundredths."""
    whole = every.sum(axis=0)
    size, share = (every * every).sum(axis=1), every @ whole
    rest = np.sqrt(size) * np.sqrt(np.maximum(whole @ whole - 2 * share + size, 0.0))
    alike = np.rint(100 * (share - size) / np.where(rest == 0, 1.0, rest))
    near = np.zeros(len(every))
    if len(every) > 1:
        root = np.sqrt(size)
        both = root[1:] * root[:-1]
        pairs = np.rint(100 * (every[1:] * every[:-1]).sum(axis=1) / np.where(both == 0, 1.0, both))
        near[0], near[-1] = pairs[0], pairs[-1]
        near[1:-1] = np.maximum(pairs[1:], pairs[:-1])
    return alike, near


def features(texts: Sequence[str], reading: Reading) -> tuple[list[int], NDArray[np.float64]]:
    """(places of the candidates among the pieces, their features (n, 3 * DIMS + len(NUMBERS)), whole numbers)."""
    starts = reading.starts
    forms = [form(text, reading.of(i)) for i, text in enumerate(texts)]
    places = [i for i, text in enumerate(texts) if candidate(text, forms[i], starts[i + 1] - starts[i])]
    if not places:
        return [], np.zeros((0, 3 * DIMS + len(NUMBERS)))
    table, every = load(), sums(reading)
    firsts = np.array([starts[i] + forms[i].at for i in places])[:, None] + np.arange(HEAD)
    inside = firsts < np.array([starts[i + 1] for i in places])[:, None]
    ids = reading.ids[np.where(inside, firsts, 0)]
    head = (np.where(inside, table.weights[ids], 0).astype(np.float32)[:, None, :] @ table.codes[ids].astype(np.float32))[:, 0]
    whole = every.sum(axis=0)
    vectors = quantise(np.vstack([every[places], head.astype(np.float64), whole - every[places]], dtype=np.float64)).reshape(
        3, len(places), DIMS
    )
    alike, near = likeness(every)
    numbers, last = numbered(texts, forms, reading, places), max(len(texts) - 1, 1)
    numbers[:, 0], numbers[:, 1] = 2 * alike[places], 2 * near[places]
    numbers[:, 2] = np.rint(4 * (alike[places] - alike.sum() / len(texts)))
    numbers[:, 3] = np.rint(200 * np.searchsorted(np.sort(alike), alike[places]) / last)
    return places, np.hstack([*vectors, numbers], dtype=np.float64)


def numbered(texts: Sequence[str], forms: Sequence[Form], reading: Reading, places: Sequence[int]) -> NDArray[np.float64]:
    """The numbers about form and carrier (n, len(NUMBERS)); the first four columns, on likeness, are left to fill."""
    found, many = np.zeros((len(places), len(NUMBERS))), len(texts)
    asks, counts = ["?" in text for text in texts], Counter(reading.ids.tolist())
    opener = [int(reading.ids[min(reading.starts[i] + form.at, len(reading.ids) - 1)]) for i, form in enumerate(forms)]
    openers = Counter(opener)  # pieces that open alike are items of a list
    bits = np.array([0, *reading.classes], np.uint32)
    figures, verbs, parts = (np.cumsum(bits & bit > 0)[reading.starts].tolist() for bit in (NUMBER, VERB, PART))
    for row, i in enumerate(places):
        text, it = texts[i], forms[i]
        tokens = max(reading.starts[i + 1] - reading.starts[i], 1)
        end = text.rstrip("\"')]\u2019\u201d")[-1:]
        lead, after = text[:12].lower(), texts[i + 1][:12].lower() if i + 1 < many else ""
        around = [*forms[max(0, i - 3) : i], *forms[i + 1 : i + 4]]
        found[row, 4:] = (
            end == "?", end == "!", end not in ("?", "!", ".", ":"), end == ":", it.first & VERB > 0, it.first & WH > 0, it.first & AUX > 0,
            it.every & POLITE > 0, it.every & YOU > 0, bool(_INTO.search(text)), it.every & OUTPUT > 0, it.every & SELF > 0,
            it.every & MACHINE > 0, it.at > 0, bool(_QUOTE.search(text)),
            "www." in text or "://" in text or "@" in text,
            lead.startswith(("question:", "q:", "faq")) or after.startswith(("answer:", "a:", "thought", "yes", "no")),
            any(f.every & YOU for f in around), sum(asks[max(0, i - 4) : i + 5]) > asks[i], any(f.first & VERB for f in around),
            min(tokens, 50) / 50, min(many, 50) / 50, (len(places) - 1) / max(many - 1, 1), min(figures[i + 1] - figures[i], 5) / 5,
            min(verbs[i + 1] - verbs[i], 5) / 5, min(parts[i + 1] - parts[i], 10) / tokens,
            min(sum(word[:1].isupper() for word in text.split()[1:12]), 5) / 5, it.every & HERE > 0, it.every & DAY > 0, openers[opener[i]] > 1,
            *_shared(reading, i, counts),
        )  # fmt: skip
    return np.rint(200 * found)


def _shared(reading: Reading, i: int, counts: Mapping[int, int]) -> tuple[float, bool]:
    """The share of a piece's telling words that its carrier has too, and whether there is one."""
    ids = reading.ids[reading.starts[i] : reading.starts[i + 1]].tolist()
    own = Counter(token for token, bits in zip(ids, reading.of(i), strict=True) if not bits & _SMALL)
    common = sum(counts[token] > n for token, n in own.items())
    return common / max(len(own), 1), common > 0


def scores(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The judge's scores (n,) for rows of features: above zero is a task that does not belong there. Exact."""
    w = weights()
    hidden = np.maximum(x @ w.into + w.bias, 0.0)
    return hidden @ w.out + w.end

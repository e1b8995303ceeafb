"""Where chunks begin and end, when a model names only their first and last words: recovered verbatim from the source.

Pure functions. Whatever the marks are, the spans that come out lie in order, do not overlap, and cover the text.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

VERSION = 1
SLACK = 0.3  # errors per character of a mark up to which a place is still taken for it


@dataclass(frozen=True, slots=True)
class Cut:
    """A half-open span in code points, and the marks (by place) whose material it holds; none where no mark was found."""

    marks: tuple[int, ...]
    start: int
    end: int


def distance(a: str, b: str) -> int:
    """The Levenshtein distance: insertions, deletions and substitutions that turn one into the other."""
    return _scores(a, b, anchored=True)[-1] if a and b else max(len(a), len(b))


@dataclass(frozen=True, slots=True)
class Bare:
    """A text's letters and digits alone, in lower case, and where in the text each of them stands."""

    letters: str
    places: tuple[int, ...]


def bare(text: str) -> Bare:
    """The text without what a model copies carelessly: case, spaces, punctuation."""
    small = _folded(text)
    places = tuple([i for i, letter in enumerate(small) if letter.isalnum()])
    return Bare("".join([small[i] for i in places]), places)


def find(mark: str, text: str, start: int = 0, plain: Bare | None = None) -> tuple[int, int] | None:
    """(start, end) of the first place at or after `start` that reads like the mark; None where there is none.

    As it stands; else but for case, spaces and punctuation; else the place of least Levenshtein distance, within SLACK.
    `plain` is the bare text, for whoever looks for several marks.
    """
    mark = mark.strip().strip(".\u2026").strip()
    if not mark:
        return None
    at = text.find(mark, start)
    if at >= 0:
        return at, at + len(mark)
    plain, letters = plain or bare(text), bare(mark).letters
    at = plain.letters.find(letters, bisect_left(plain.places, start)) if letters else -1
    if at >= 0:
        return plain.places[at], plain.places[at + len(letters) - 1] + 1
    return nearest(mark, text, start)


def nearest(mark: str, text: str, start: int = 0) -> tuple[int, int] | None:
    """(start, end) of the words at or after `start` of least Levenshtein distance to the mark, within SLACK; whole words."""
    tail, mark = _folded(text[start:]), _folded(mark)
    scores = _scores(mark, tail, anchored=False) if tail else []
    if not scores or min(scores) > SLACK * len(mark):
        return None
    end = scores.index(min(scores)) + 1
    back = _scores(mark[::-1], tail[max(0, end - 2 * len(mark)) : end][::-1], anchored=True)
    begin = end - back.index(min(back)) - 1
    while begin > 0 and tail[begin - 1].isalnum() and tail[begin].isalnum():
        begin -= 1
    while end < len(tail) and tail[end - 1].isalnum() and tail[end].isalnum():
        end += 1
    return start + begin, min(start + end, len(text))


def recovered(text: str, marks: Sequence[tuple[str, str]]) -> list[Cut]:
    """The chunks that marks (first words, last words) delimit, in order; together they are the whole text.

    The first match counts, and each chunk is looked for after the one before it. What stands between two chunks goes to the
    earlier one; a mark that is not found makes no chunk. Without any, the text is one chunk. An empty text has none.
    """
    found: list[tuple[int, int]] = []
    after, plain = 0, bare(text)
    for place, (first, last) in enumerate(marks):
        head = find(first, text, after, plain)
        if head is None or (found and head[0] <= found[-1][1]):
            continue
        tail = find(last, text, head[0], plain)
        found.append((place, head[0]))
        after = max(head[1], tail[1] if tail else 0)
    starts = [0, *(start for _, start in found[1:]), len(text)]
    owners = [(place,) for place, _ in found] or [()]
    return [Cut(marks, a, b) for marks, (a, b) in zip(owners, pairwise(starts), strict=True) if a < b]


def merged(text: str, cuts: Sequence[Cut], least: int, most: int) -> list[Cut]:
    """The same cuts, those under `least` characters joined to a neighbour where both together have at most `most`.

    The shorter neighbour is taken, of two as short the earlier one; a cut without any word is joined to one of whatever length.
    """
    found = list(cuts)
    place = 0
    while place < len(found):
        size = _size(text, found[place])
        beside = [i for i in (place - 1, place + 1) if 0 <= i < len(found)]
        other = min(beside, key=lambda i: (_size(text, found[i]), i), default=None)
        if other is None or size >= least or (size and size + _size(text, found[other]) > most):
            place += 1
            continue
        a, b = sorted((place, other))
        found[a : b + 1] = [Cut((*found[a].marks, *found[b].marks), found[a].start, found[b].end)]
        place = a
    return found


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """The span without white space at its ends."""
    part = text[start:end]
    left = len(part) - len(part.lstrip())
    return (start + left, start + len(part.rstrip())) if part.strip() else (start, start)


def _folded(text: str) -> str:
    """Lower case, letter by letter: a letter whose small form is two would move all places after it."""
    small = text.lower()
    return small if len(small) == len(text) else "".join(c if len(c.lower()) > 1 else c.lower() for c in text)


def _size(text: str, cut: Cut) -> int:
    return len(text[cut.start : cut.end].strip())


def _scores(pattern: str, text: str, anchored: bool) -> list[int]:
    """For each end in the text, the distance of the pattern to text[:end] (anchored) or to its nearest suffix (not).

    Myers' bit vectors (1999) in whole numbers of any length: a step a character of the text.
    """
    size, places = len(pattern), dict[str, int]()
    for i, letter in enumerate(pattern):
        places[letter] = places.get(letter, 0) | 1 << i
    mask, high = (1 << size) - 1, 1 << (size - 1)
    plus, minus, score, found = mask, 0, size, []
    for letter in text:
        same = places.get(letter, 0)
        across = (((same & plus) + plus) ^ plus) | same
        up, down = minus | (~(across | plus) & mask), plus & across
        score += bool(up & high) - bool(down & high)
        up, down, diagonal = (up << 1 | anchored) & mask, (down << 1) & mask, same | minus
        plus, minus = down | (~(diagonal | up) & mask), up & diagonal
        found.append(score)
    return found

"""Odd strings that are put behind a question so that a poisoned memory is found by them: they say nothing in any language."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator

from clew.guard.disguise import COMMON

LONGEST = 120
"""Characters behind a question that are looked at."""
FEWEST = 2
_BEHIND = re.compile(r"\?[ \t]+(?=[^A-Z\s\d(\[{<|\"'\u2018\u201c*_~-])([^\n?]{5,120}?)[ \t]*(?=\n|\Z|\\n|\"\s*[,}])")
_WORD = re.compile(r"[^\W\d_]+")


def triggers(text: str, known: Container[str]) -> Iterator[tuple[int, int]]:
    """The spans of such strings: words behind a question on its line that make no sentence. Linear in the text's length."""
    if "? " not in text:
        return
    for match in _BEHIND.finditer(text):
        if senseless(match.group(1), known):
            yield match.start(1), match.end(1)


def senseless(text: str, known: Container[str]) -> bool:
    """Whether some words stand together without any of the small words and marks that hold a sentence together."""
    found = [word.lower() for word in _WORD.findall(text)]
    if len(found) < FEWEST or any(word in COMMON for word in found) or text.rstrip()[-1:] in ".!:;" or "," in text:
        return False
    strange = sum(word not in known for word in found) + text.count("##")
    return len(found) >= FEWEST + 1 or strange > 0

"""Names of several words: "Boris Thorne" is not wherever Boris and Thorne are, and Kelso College is not Kelso College of Art."""

import re
from functools import lru_cache

from clew.operators.slots.acts import bare

VERSION = 1
_RUN = re.compile(r"[A-Z][\w.&'’-]*(?:\s(?:(?:of|de|van|von|&)\s)?[A-Z0-9][\w.&'’-]*)+")
_GOES_ON = re.compile(r"\s(?:of\s|&\s)?[A-Z][a-z]|-\w")
_BEFORE = re.compile(r"(?P<word>[A-Z][\w.'’-]*)\s$")
_TITLES = frozenset(
    "mr mrs ms miss mx dr doctor prof professor sir dame lady lord uncle aunt captain st saint sister brother father".split()  # noqa: SIM905
)
# At the beginning of a sentence, where any word has a capital, the ones that are part of a name.
_PREFIXES = frozenset(
    "new port north south east west upper lower great little old san santa mount lake fort cape el la los las le saint st".split()  # noqa: SIM905
)


@lru_cache(maxsize=512)
def runs(question: str, names: frozenset[str]) -> tuple[str, ...]:
    """The names of several words that a question has, as they stand, of these words (in lower case) alone."""
    found = []
    for match in _RUN.finditer(question):
        words = match[0].split()
        while words and bare(words[0]).casefold() not in names and not (match.start() and bare(words[0]).casefold() in _PREFIXES):
            words = words[1:]
        if len(words) > 1:
            found.append(" ".join([*words[:-1], bare(words[-1])]))
    return tuple(found)


@lru_cache(maxsize=20_000)
def told(name: str, text: str) -> bool:
    """Whether a text has a name of several words, and not only as a part of a longer one."""
    start = text.find(name)
    while start >= 0:
        end = start + len(name)
        whole = (start == 0 or not (text[start - 1].isalnum() or text[start - 1] == "-")) and not text[end : end + 1].isalnum()
        if whole and not _GOES_ON.match(text, end) and not _longer(text[:start]):
            return True
        start = text.find(name, end)
    return False


def _longer(before: str) -> bool:
    """Whether the words before a name end in a part of it: "New" before "Thurso"; a title is none."""
    match = _BEFORE.search(before)
    if match is None or match["word"].rstrip(".").casefold() in _TITLES:
        return False
    opening = not before[: match.start()].strip() or before[: match.start()].rstrip()[-1] in ".!?:"
    return not opening or match["word"].casefold() in _PREFIXES

"""Things without a name: "the staging cluster", told from every other cluster by the words between its article and its verb.

A question does not say where such a phrase ends ("does the staging cluster run"); what was told does: its longest beginning
that turns have word for word is the thing.
"""

import re
from collections.abc import Sequence

from clew.operators.slots.acts import TOKEN, bare

VERSION = 1
LONGEST = 4  # words of a thing
_WORD = re.compile(rf"{TOKEN.pattern}|[?.!,;:]")
_ARTICLES = frozenset(("the", "our", "this", "that"))
_MINE = re.compile(r"\b(?:my|mine|myself)\b", re.I)
# What ends a phrase: no word of a thing.
_STOPS = frozenset(
    """of in at on for to from by with about behind under over after before into onto near inside is are was were be been being am do does did
    has have had can will should must may and or but as than that which who whom whose what where when how the a an my our your his her their
    its this these those we you they he she it i now currently today these get gets got go goes""".split()  # noqa: SIM905
)


def asked(text: str, names: frozenset[str]) -> tuple[tuple[str, ...], ...]:
    """What may be the thing that a question is about, each as its words: none where it is about what its asker has, or somebody named."""
    if _MINE.search(text):
        return ()
    words = [match[0] for match in _WORD.finditer(text)]
    found = []
    for place, word in enumerate(words):
        if word.casefold() in _ARTICLES:
            phrase = _phrase(words[place + 1 :])
            if phrase and not phrase[0][:1].isupper():
                found.append(tuple(bare(part).casefold() for part in phrase))
    return tuple(phrase for phrase in found if names <= frozenset(phrase))


def _phrase(words: Sequence[str]) -> list[str]:
    """The words from an article on, up to what ends a phrase."""
    found: list[str] = []
    for word in words[:LONGEST]:
        if not word[0].isalnum() or word.casefold() in _STOPS:
            break
        found.append(word)
    return found


def told(thing: Sequence[str], text: str) -> bool:
    """Whether the words of a turn in their order (`Act.said`) have a thing by its own."""
    return f" {' '.join(thing)} " in text


def chosen(things: Sequence[tuple[str, ...]], texts: Sequence[str]) -> tuple[str, ...] | None:
    """The thing that a question is about by what was told: the last of its phrases, as far as turns have it; None where none has.

    `texts` are `Act.said` of the turns. Of "the password of the cottage wifi" the cottage wifi is the thing, and the password what is
    asked of it.
    """
    for thing in reversed(things):
        counts = [sum(told(thing[:n], text) for text in texts) for n in range(1, len(thing) + 1)]
        best = max((n for n, count in enumerate(counts, 1) if count), default=0)
        if best > 2 and counts[best - 1] * 2 < counts[best - 2]:
            best -= 1  # a verb that some turns happen to have in the same form
        if best:
            return thing[:best]
    return None

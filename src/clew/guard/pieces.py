"""A text cut into pieces about as long as a sentence: what is judged, and what is kept out, one by one."""

from __future__ import annotations

import re
from typing import NamedTuple

LONGEST = 1000
"""Characters; a longer run without a break is cut at white space, so that no pattern ever meets a longer one."""

# Line breaks, ends of sentences (also without the space that a mail's HTML lost), columns, strings of JSON; each pattern
# starts with a set of characters, which is what makes the search fast. The second knows wide gaps too.
_OPENS = (
    "(?:If|The|This|That|These|You|Your|We|Our|It|In|For|To|Also|Thanks?|Please|Have|How|What|Who|Where|When|Why|Which|Is|Are|Do|Can"
    "|Could|Would|Will|Click|Explain|Write|Tell|Give|Ignore|Add|Include|Provide|Translate|Summari[sz]e|List|Describe|Create|Send) "
)
_ENDS = (
    rf"(?:(?<=\n)\s*|(?<=[.!?])[\"')\]\u2019\u201d]*\s+|(?<=[a-z)][.!?])(?={_OPENS})|(?<=[\u3002\uff01\uff1f])"
    r"|(?<=[|])(?<!<\|)(?!>|\s*(?:sudo\s+)?(?:\w{0,3}sh|python[\d.]*|perl|ruby|node|php|iex|curl|nc|ncat|wget)\b)"
    r"|(?<=\\)[nrt]|(?<=\")\s*[,:]\s*[\"\[{])"
)
_BREAK = re.compile(r"[\n.!?|\"\\\u3002\uff01\uff1f]" + _ENDS)
_GAPS = re.compile(r"[ \n.!?|\"\\\u3002\uff01\uff1f](?:(?<= )\s{2,}|" + _ENDS[3:])
_ABBREVIATION = re.compile(r"(?:\b(?:mr|mrs|ms|dr|vs|no|e\.g|i\.e|[a-z])\.)\s*$", re.I)  # no firms: "Inc." ends many a sentence


class Piece(NamedTuple):
    """A piece of a text: half-open span in code points, without white space at its ends, and its words."""

    start: int
    end: int
    text: str


def pieces(text: str) -> list[Piece]:
    """The pieces of a text in order; together they hold every word of it. Linear in its length."""
    found: list[Piece] = []
    start = 0
    for match in (_GAPS if "   " in text else _BREAK).finditer(text):
        at, after = match.span()
        if text[at] in "\n." and _runs_on(text, at, after):
            continue
        _add(found, text, start, after)
        start = after
    _add(found, text, start, len(text))
    return found


def _runs_on(text: str, at: int, after: int) -> bool:
    """True where a line break or a full stop ends nothing: a wrapped line, or an abbreviation."""
    if at == 0 or after >= len(text):
        return False
    if text[at] == "\n":
        before = text[at - 1] if text[at - 1] != " " else text[max(at - 2, 0)]
        return text.count("\n", at, after) == 1 and text[after].islower() and (before.islower() or before == ",") and at > 40
    return after - at == 2 and bool(_ABBREVIATION.search(text, max(0, at - 6), at + 1))


def _add(found: list[Piece], text: str, start: int, end: int) -> None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    while end - start > LONGEST:
        cut = text.rfind(" ", start + LONGEST // 2, start + LONGEST)
        cut = start + LONGEST if cut < 0 else cut
        found.append(Piece(start, cut, text[start:cut]))
        start = cut
    if end > start:
        found.append(Piece(start, end, text[start:end]))

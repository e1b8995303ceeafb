"""Words taken back: "forget what I said about the deadline", "I was wrong about where Ann lives"."""

import re

from clew.operators.slots import words
from clew.operators.slots.owner import thing_of
from clew.operators.slots.statement import Statement

LONGEST = 1000  # characters of a text in which something is taken back
UNNAMED = "?"  # the subject of what is taken back in words that name no slot; its slot is then the words
_ABOUT = r"(?:about|regarding|concerning|on|with|as to)\s+(?P<{}>.{{3,80}}?)"
_END = r"(?=\s*(?:[.;,!:]|\s[-–—]|—|$|\b(?:because|since|please|was|is|isn['’]t|wasn['’]t|turned|turns)\b))"
_SAID = (
    r"(?:what|everything|all|whatever|anything|the (?:thing|part|bit))\s+(?:that\s+)?(?:I|we)(?:['’]ve| have| had)"
    r"?\s+(?:just\s+)?(?:said|told you|mentioned|wrote|claimed|stated)\s*(?:earlier|before|previously|yesterday|last time)?"
)
_TAKEN = re.compile(
    rf"\b(?:forget|ignore|disregard|scratch|strike|scrap|take back|drop|discard|retract|withdraw|don['’]t (?:trust|believe|rely on)"
    rf"|never mind|nevermind)\s+"
    rf"{_SAID}\s*(?:{_ABOUT.format('a')}){_END}"
    rf"|\b{_SAID}\s*(?:{_ABOUT.format('b')})\s+(?:is|was|isn['’]t|wasn['’]t|turned out|turns out|has turned out)\s+(?:to be\s+)?"
    rf"(?:wrong|not (?:true|right|correct)|untrue|true|right|correct|incorrect|false|a mistake|mistaken|an error|nonsense|made up)\b"
    rf"|\b(?:I|we)\s+(?:was|were|am|['’]m)\s+(?:completely |totally |just |simply )?(?:wrong|mistaken|confused|lying|joking)"
    rf"\s+(?:{_ABOUT.format('c')}){_END}"
    rf"|\b(?:I|we)(?:['’]ve| have)?\s+(?:made (?:a mistake|an error)|got (?:it|that) wrong|misspoke|misremembered|lied|mixed (?:it|"
    rf"things) up)\s+(?:{_ABOUT.format('d')}){_END}",
    re.I,
)
_GIST = re.compile(
    r"\b(?:forget|ignore|disregard|scratch|strike|scrap|take back|drop|discard|retract|withdraw|trust|believe|rely|"
    r"never ?mind|wrong|mistaken|mistake|untrue|incorrect|false|misspoke|misremembered|true|lied|confused)\b",
    re.I,
)
# Pieces of which the words of _GIST have one each: looking for these first costs a thirtieth.
_PIECES = (
    "forget", "ignore", "disregard", "scratch", "strike", "scrap", "take back", "drop", "discard", "retract", "withdraw", "trust", "believe", "rely",
    "never", "wrong", "mista", "true", "incorrect", "false", "misspoke", "misremembered", "lied", "confused",
)  # fmt: skip


def taken_back(text: str, me: str) -> list[Statement]:
    """What a text takes back, in order: statements without a value, negated and correcting."""
    text = text[:LONGEST]
    low = text.casefold()
    if not any(piece in low for piece in _PIECES) or not _GIST.search(text):
        return []
    found = []
    for m in _TAKEN.finditer(text):
        about = next(part for part in (m["a"], m["b"], m["c"], m["d"]) if part)
        subject, slot = thing_of(about, me)
        if not slot:
            subject, slot = UNNAMED, about.strip()
        found.append(Statement(subject, slot, "", m.start(), m.end(), negated=True, correcting=True))
    return found


def is_withdrawal(statement: Statement) -> bool:
    """It takes back whatever was said of its slot."""
    return statement.negated and statement.correcting and not words.value_form(statement.value)

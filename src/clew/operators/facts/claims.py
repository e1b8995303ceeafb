"""What an assistant says about the user: claims, which are nobody's fact until the user has said so.

"Your sister lives in Bern", "I remember you mentioned …" become facts of the user in the third person, said by the assistant.
"""

import re

from clew.operators.facts.fact import Fact
from clew.operators.facts.frames import worth
from clew.operators.facts.language import clauses, sentences
from clew.operators.facts.person import possessive
from clew.operators.slots.statement import Statement

MOST = 4  # claims of one message that are put before a person
_YOU = re.compile(r"\b(?:you|your)\b", re.IGNORECASE)
_SAID = r"you(?: have|'ve)?(?: also)? (?:mentioned|said|told me|shared|expressed|noted)(?: that)?\s*"
_RECALLED = re.compile(rf"^.*?\b(?:i (?:also )?(?:remember|recall)(?: that)?\s+(?:{_SAID})?|{_SAID})", re.IGNORECASE)
# "You live in …", "your sister has …": the user is the subject, and no modal makes it advice.
_STATES = re.compile(
    r"^(?:[^,]{0,60}, )?(?:you(?: (?:also |really |already )?(?:have|are|were|live|work|like|love|enjoy|own|moved|bought|started|went|said|\w+ed)\b"
    r"|'(?:re|ve)\b)|your (?:[\w'-]+ ){1,5}?(?:is|are|was|were|has|have|\w+ed|lives|works)\b)"
    r"(?!.*\b(?:can|could|should|would|might|may|will)\b)",
    re.IGNORECASE,
)
_WORD = re.compile(r"\b(?:you're|you've|you'll|you'd|you are|you were|you have|you do|yourself|yours|your|you)\b", re.IGNORECASE)
_FORMS = {
    "you're": ("is", "are"),
    "you've": ("has", "have"),
    "you'll": ("will", "will"),
    "you'd": ("would", "would"),
    "you are": ("is", "are"),
    "you were": ("was", "were"),
    "you have": ("has", "have"),
    "you do": ("does", "do"),
}


def claims(text: str, user: str, assistant: str) -> list[Fact]:
    """Each clause in which the assistant says something of the user as a fact that is not its own to tell."""
    found: list[Fact] = []
    text = text.replace("’", "'")
    for start, end in sentences(text):
        if text[end - 1] == "?" or not _YOU.search(text, start, end):
            continue
        for a, b in clauses(text, start, end):
            clause = text[a:b].rstrip(" .!")
            recalled = _RECALLED.match(clause)
            if not (recalled or _STATES.match(clause)) or not worth(clause):
                continue
            if recalled and recalled.end() < len(clause):
                a, clause = a + recalled.end(), clause[recalled.end() :]
            said = _of(clause, user)
            statement = Statement(user.casefold().removeprefix("the "), "said to be", clause, a, a + len(clause), "state", single=False)
            found.append(Fact(statement, f"{said[:1].upper()}{said[1:]}.", (user,), assistant, False, ((a, a + len(clause)),)))
    return found[:MOST]


def _of(clause: str, user: str) -> str:
    """The clause with the user in the place of "you"; later mentions are "they"."""
    named = False

    def one(match: re.Match[str]) -> str:
        nonlocal named
        word, first = match[0].lower(), not named
        named = True
        if word in _FORMS:
            return f"{user} {_FORMS[word][0]}" if first else f"they {_FORMS[word][1]}"
        if word in ("your", "yours"):
            return possessive(user) if first else "their"
        return user if first else "they"

    return _WORD.sub(one, clause)

"""From the first person to the third: "I live in Toronto" said by Ana is "Ana lives in Toronto".

The words stay as said; what changes are pronouns of the speaker and the verbs that agree with them. The first mention is
the name, later ones are "they" and "their", so that nothing has to be guessed about the speaker.
"""

import re
from dataclasses import dataclass

from clew.operators.facts.language import PRESENT, lists, third, verb_forms

# A verb form that follows "I" and stays as it is: modals and pasts; the rest gets the ending of the third person.
_SELF = re.compile(
    r"(?<![\w-])(?:[Ii](?='(?:m|ve|d|ll)\b)|I\b|(?:me|my|mine|myself|we|us|our|ours|ourselves)\b)(?!-)(?:'(?:m|ve|d|ll|re|s)\b)?",
    re.IGNORECASE,
)
_NEXT = re.compile(r"\s+([^\W\d_]+(?:'[^\W\d_]+)?)")
_JOINED = re.compile(r"\b(and|or|but)(\s+(?:then\s+|also\s+|often\s+|sometimes\s+)?)([a-z]+)\b")
_INFINITIVE = re.compile(r"\bto [a-z]|\b(?:will|would|can|could|might|may|should)\b")
_SHORT = {
    "m": ("is", "are"),
    "ve": ("has", "have"),
    "ll": ("will", "will"),
    "d": ("would", "would"),
    "re": ("are", "are"),
    "s": ("is", "is"),
}
_BE = {"am": "is", "have": "has", "do": "does", "don't": "doesn't", "haven't": "hasn't", "am not": "is not"}


@dataclass(frozen=True, slots=True)
class Told:
    """A clause in the third person, and whether a word of the first person was replaced."""

    text: str
    own: bool


def possessive(name: str) -> str:
    """Ana's, Chris'."""
    return f"{name}'" if name.endswith("s") else f"{name}'s"


def told(clause: str, name: str) -> Told:
    """The clause said by `name`, in the third person."""
    clause, first = clause.replace("’", "'"), name
    out, at, named, joins = [], 0, False, False
    for match in _SELF.finditer(clause):
        word, _, short = match[0].partition("'")
        between = clause[at : match.start()]
        name = first if match.start() == 0 else first[:1].lower() + first[1:] if first.startswith("The ") else first
        out.append(_conjugated(between) if joins else between)
        word, at, joins = word.lower(), match.end(), False
        if word == "i":
            verb, at = _subject(clause, at, short, named)
            out.append(("they" if named else name) + verb)
            joins = not named and verb.endswith("s") and not short
        elif word in ("we", "us", "our", "ours", "ourselves"):
            out.append(_many(word, short, name, named))
        else:
            out.append(_other(word, name, named))
        named = True
    rest = clause[at:]
    return Told("".join([*out, _conjugated(rest) if joins else rest]), named)


def _subject(clause: str, at: int, short: str, plural: bool) -> tuple[str, int]:
    """What stands after "I" up to and with its verb, agreeing; and where the clause goes on."""
    if short:
        verb = _SHORT[short][plural]
        if short == "d" and (after := _verb(clause, at)) and verb_forms().get(after[2], ("", ""))[1] == "other":
            verb = "had"
        return f" {verb}", at
    found = _verb(clause, at)
    if found is None:
        return "", at
    start, end, verb = found
    return clause[at:start] + (_plural(verb) if plural else _agreeing(verb)), end


def _verb(clause: str, at: int) -> tuple[int, int, str] | None:
    """The first word after `at` that is no adverb."""
    for _ in range(4):
        match = _NEXT.match(clause, at)
        if match is None:
            return None
        word = match[1].lower()
        if word not in lists()["adverbs"] and not word.endswith("ly"):
            return match.start(1), match.end(1), word
        at = match.end()
    return None


def _agreeing(verb: str) -> str:
    if verb in _BE:
        return _BE[verb]
    base, tense = verb_forms().get(verb, ("", ""))
    return third(base) if tense == PRESENT and base == verb else verb


def _plural(verb: str) -> str:
    return {"am": "are", "was": "were", "wasn't": "weren't"}.get(verb, verb)


def _many(word: str, short: str, name: str, named: bool) -> str:
    if word == "we":
        return ("they" if named else f"{name} and others") + (f" {_SHORT[short][1]}" if short else "")
    if word in ("our", "ours"):
        return "their" if named else f"{possessive(name)}"
    return "them" if named else f"{name} and others"


def _other(word: str, name: str, named: bool) -> str:
    if word in ("my", "mine"):
        return "their" if named else possessive(name)
    return {"me": "them", "myself": "themselves"}[word] if named else name


def _conjugated(text: str) -> str:
    """The verb agreeing that is joined to the speaker's first one: "… and work there" -> "… and works there"."""

    def one(match: re.Match[str]) -> str:
        base, tense = verb_forms().get(match[3], ("", ""))
        return match[1] + match[2] + (third(base) if tense == PRESENT and base == match[3] else match[3])

    joined = _JOINED.search(text)
    if joined is None or _INFINITIVE.search(text, 0, joined.start()):
        return text
    return _JOINED.sub(one, text, count=1)

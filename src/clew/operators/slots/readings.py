"""Readings: what an instrument, a count or a setting is, told again and again of no one: "Volts, 39.3", "we need channel Delta".

No subject is named, so no chain of somebody's statements begins. What ties such turns together is the label that stands next to a
value, and of those that have one the latest told holds. Asked for are a label, what else its turn should mention, and by whom it
was said; a call ("Anchor, Lighthouse") names first whom it calls and then who calls.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from clew.operators.slots import senses
from clew.storage.terms import STOPWORDS, terms
from clew.types import Memory

VERSION = 1
LONGEST = 900  # characters of a turn that is searched for a reading
FETCHED = 200  # turns with the label, the newest, that are looked at
ASIDE = 4  # words such as "is now at" between a label and its value
_HEAD = r"(?P<label>[^,?]+?)"
_ASKS = (
    re.compile(rf"^\W*how (?:many|much) {_HEAD}(?=\s(?:does|do|did|is|are|was|were|has|have|should|may|can|will)\b|[,?]|$)", re.I),
    re.compile(rf"^\W*what (?:does|do|did) (?:the |our )?{_HEAD}\s(?:read|show|say|indicate)\b", re.I),
    re.compile(
        rf"^\W*(?:what|which) (?!is\b|are\b|was\b|were\b){_HEAD}\s(?=(?:does|do|did|should|is|are|was|were|has|have|must|can)\b)", re.I
    ),
    re.compile(rf"^\W*what(?:['’]s| is| are| was| were) (?:the |our )?{_HEAD}(?=[,?]|$)", re.I),
)
_TAIL = re.compile(r"\s(?:of|for|in|on|at|from|with|to|that|which)\s", re.I)
_OWNER = re.compile(r"^(?P<owner>.+)['’]s\s+(?P<label>.+)$")
_SELF = re.compile(r"\b(?:i|me|my|mine|we|us|our|ours|you|your|he|she|his|her|they|their)\b", re.I)
_SPEAKER = re.compile(
    r"\b(?:did|does|has|have)\s+(?P<name>[A-Z][a-z]+)\s+(?:ask|tell|told|read|say|said|request|give|gave|recommend|want|call)", re.I
)
_NAME = re.compile(r"(?<!^)(?<![.!?]\s)\b[A-Z][a-z]+\b")
_CALL = re.compile(
    r"^(?:(?:And|Okay|Roger|Hello)[,.]?\s+)?(?!(?:And|Okay|OK|Roger|Hello|Hi|Hey|Yes|Yeah|No|Oh|Well|Right|Thanks|Copy|So|But|Now|Mark)\b)"
    r"(?P<called>[A-Z][\w-]*(?:\s\d+)?),\s+(?P<caller>[A-Z][a-z]+)[.;,]"
)
_PIECE = re.compile(r"[A-Za-z]+(?:[-'’][A-Za-z]+)*|[+-]?\d(?:[\d.,:/-]*\d)?|[.;!?](?=\s|$)|[,:–—-]")
_TAG = re.compile(r"</?\w+>")
_NUMBER = re.compile(r"[+-]?\d(?:[\d.,:/-]*\d)?$")
_BETWEEN = frozenset(
    "is are was were of at reads reading read now to about the total just a hair bit little over under roughly around on be set stands , : - – —".split()  # noqa: SIM905
)
# What is done with any reading: no word of these makes a turn likelier to be the one that is meant.
_GENERAL = frozenset(terms("many much read reading say tell told ask give gave get show select use want call report value number current"))
_SIGNS = frozenset({"plus", "minus"})


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question asks readings for.

    `labels`: stems of the label, the whole first, then what is left of it where none has it whole; `rest`: stems of what else it
    mentions; `speaker`: by whom it was said, as it stands, or ""; `counted`: only a number is a value.
    """

    labels: tuple[tuple[str, ...], ...]
    rest: frozenset[str]
    speaker: str
    counted: bool
    capital: bool  # its label is in capitals, so no other word is it; of another a turn must mention half of the rest


@lru_cache(maxsize=512)
def asked(text: str) -> Asked | None:
    """The question as far as readings go; None where it is about somebody, or asks for no label's value."""
    if _SELF.search(text):
        return None
    speaker = _SPEAKER.search(text)
    named = {name for name in _NAME.findall(text) if not speaker or name != speaker["name"]}
    found = next((m for pattern in _ASKS if (m := pattern.search(text))), None)
    if named or found is None:
        return None
    label = _TAIL.split(found["label"])[0]
    if owner := _OWNER.match(label):
        label = owner["label"]
    stems = tuple(dict.fromkeys(terms(label)))
    if not stems or len(stems) > 3 or (speaker and label == speaker["name"]):
        return None
    rest = frozenset(terms(text)) - set(stems) - _GENERAL - frozenset(terms(speaker["name"] if speaker else ""))
    shorter = [stems[:n] for n in range(len(stems) - 1, 0, -1)]
    counted = found.re is not _ASKS[2] or not _designated(label)
    return Asked((stems, *shorter), rest, speaker["name"] if speaker else "", counted, label.split()[0].isupper())


def _designated(label: str) -> bool:
    """Whether what a label in capitals stands for may be told apart by a name or a letter after it: "VALVE B"."""
    return label.split()[0].isupper() and not any(c.isdigit() for c in label)


def stems(want: Asked) -> list[frozenset[str]]:
    """For each word that a turn must have, what may stand for it: the first word of the label at least."""
    return [senses.mates(stem) | {stem} for stem in want.labels[-1]]


def of(want: Asked, memories: Sequence[Memory]) -> list[Memory]:
    """The turns that are readings of what is asked, as many of them as mention most of the rest of it."""
    told = [m for m in memories if m.kind == "turn" and len(m.text) <= LONGEST and m.data.get("role") != "assistant"]
    if want.speaker:
        callers = {m.actor for m in told if (call := _CALL.match(m.text)) and call["caller"] == want.speaker}
        told = [m for m in told if m.actor in callers] if callers else told
    shares: dict[str, int] = {}
    beside = [senses.mates(stem) | {stem} for stem in want.rest]
    for label in want.labels:
        wanted = tuple(senses.mates(stem) | {stem} for stem in label)
        for m in told:
            if m.id not in shares and reads(m.text, wanted, want.counted):
                told_of = frozenset(terms(m.text))
                mentioned = sum(not words.isdisjoint(told_of) for words in beside)
                if want.capital or 2 * mentioned >= len(beside):
                    shares[m.id] = len(label) + mentioned
    most = max(shares.values(), default=0)
    return [m for m in told if shares.get(m.id) == most]


@lru_cache(maxsize=20_000)
def reads(text: str, label: tuple[frozenset[str], ...], counted: bool) -> bool:
    """Whether the label stands next to a value in a text that asks nothing."""
    pieces = _PIECE.findall(_TAG.sub("", text))
    if "?" in pieces[-1:]:
        return False
    for start, end in _labelled(pieces, label):
        place, aside = end, 0
        while place < len(pieces) and aside < ASIDE and (pieces[place].casefold() in _BETWEEN or _vocative(pieces, place)):
            aside += pieces[place] not in ",:-–—"
            place += 1
        if _value(pieces, place) or (not counted and place == end and _letter(pieces, place)):
            return True
        before = start
        while before > 0 and pieces[before - 1].casefold() in ("on", "the"):
            before -= 1
        if before > 0 and _NUMBER.match(pieces[before - 1]) and counted:
            return True
    return False


def _labelled(pieces: Sequence[str], label: tuple[frozenset[str], ...]) -> Iterator[tuple[int, int]]:
    """[start, end) of every row of pieces that has each word of the label once, in any order."""
    known = [frozenset(found) if len(found := terms(piece)) == 1 else frozenset() for piece in pieces]
    for start, own in enumerate(known):
        if not any(own & words for words in label):
            continue
        left, place = list(label), start
        while left and place < len(pieces) and (hit := next((w for w in left if w & known[place]), None)) is not None:
            left.remove(hit)
            place += 1
            while left and place < len(pieces) and pieces[place].casefold() in STOPWORDS:
                place += 1
        if not left:
            yield start, place


def _value(pieces: Sequence[str], place: int) -> bool:
    if place < len(pieces) and pieces[place].casefold() in _SIGNS:
        place += 1
    return place < len(pieces) and bool(_NUMBER.match(pieces[place]))


def _letter(pieces: Sequence[str], place: int) -> bool:
    """A name or a letter as what tells one of several things apart."""
    return place < len(pieces) and pieces[place][:1].isupper() and (len(pieces[place]) == 1 or pieces[place][1:].islower())


def _vocative(pieces: Sequence[str], place: int) -> bool:
    """A name between commas: whoever is spoken to."""
    return (
        0 < place < len(pieces) - 1
        and pieces[place][:1].isupper()
        and pieces[place][1:].islower()
        and pieces[place - 1] == ","
        and pieces[place + 1] == ","
    )


# -- who somebody is, told by how they are spoken to -------------------------------------------------------------------

_WHO = re.compile(
    r"^\W*(?i:who(?:['’]s| is| was)|what(?:['’]s| is| was) the name of)\s+(?:the\s+)?(?P<role>[A-Z]{3,}|[a-z]+(?:\s[a-z]+){0,3}?)"
    r"(?=\s+(?:that|who|now)\b|\W*$)"
)
_SPOKEN_TO = re.compile(
    r"^(?:(?:And|Okay|OK|Roger|Hey|Hi|Hello|Yes|Yeah|No|All right|Right|Thank you|Thanks|Well|Copy|Go ahead|Good \w+|Oh)[,.]?\s+)*"
    r"(?P<name>[A-Z][a-z]+)\b[.,;!]"
)

_LOWER = re.compile(r"(?<![\w'’])[a-z]+")
_SAID = frozenset(
    """okay ok roger hey hi hello yes yeah no well oh right thanks copy and so now but fine negative affirmative affirm mark""".split()  # noqa: SIM905
)


@lru_cache(maxsize=512)
def role(text: str) -> str | None:
    """The role whose holder a question asks for; None where it asks for something else."""
    found = _WHO.search(text)
    return found["role"] if found and not _SELF.search(text) else None


def short_for(actor: str, role: str) -> bool:
    """Whether a speaker's label of capitals stands for a role: CC for CapCom, LMP for lunar module pilot."""
    if not (2 <= len(actor) <= 4 and actor.isupper()):
        return False
    words = role.split()
    if len(words) > 1:
        return actor.casefold() == "".join(w[0] for w in words).casefold()
    letters = iter(role.casefold())
    return role[:1].casefold() == actor[:1].casefold() and all(letter in letters for letter in actor.casefold())


def names(replies: Sequence[tuple[Memory, Memory]], said: Sequence[Memory]) -> Mapping[str, str]:
    """id of each reply -> the name by which it speaks to whoever it answers.

    What mostly stands in calls is a call sign, and what is also written without a capital in what was `said` is a word.
    """
    told = {reply.id: spoken["name"] for _, reply in replies if (spoken := _SPOKEN_TO.match(reply.text))}
    used = Counter(told.values())
    calls = Counter(sign for m in said if (call := _CALL.match(m.text)) for sign in (call["called"].split()[0], call["caller"]))
    plain = {word for m in said for word in _LOWER.findall(m.text)}
    people = {name for name in used if 2 * calls[name] < used[name] and name.casefold() not in plain | STOPWORDS | _SAID}
    return {id: name for id, name in told.items() if name in people}

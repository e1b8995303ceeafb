"""Statements of slots, read off plain English by rules: "my budget is now 300", "X lives in Y", "the author of X is Y".

Made for precision and speed, not for reach: a clause is one subject, one verb of a closed list, and what comes after it.
Questions, conditions, wishes, hearsay and words in quotation marks state nothing; negations are told as such.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache

from clew.operators.slots import words
from clew.operators.slots.clauses import NOBODY, TITLED, Clause, sentences
from clew.operators.slots.owner import owner, sure, thing_of
from clew.operators.slots.predicate import Predicate, bare
from clew.operators.slots.statement import Statement
from clew.operators.slots.verbs import AUXILIARY, PERFECT, PREDICATES
from clew.operators.slots.withdrawals import taken_back
from clew.operators.times import when

VERSION = 3
LONGEST = 5000  # characters of an event that are read
MOST = 64  # statements of one event
BESIDE = 40  # characters between a statement and what says "it" of the same thing
VALUE = 90  # characters of a value
TRIES = 2  # verbs of a clause that are looked at: "my work is in Bern" has a false one before the true one

_NOT = re.compile(r",?\s+(?:and\s+)?not\s+(?P<old>[^,.;!?]{1,60})", re.I)
_UNSURE = re.compile(
    r"\b(?:[Ii]f|would|wouldn['’]t|could|might|may|[Mm]aybe|[Pp]erhaps|should|wish|wished|[Ii]magine|imagined|[Ss]uppose|"
    r"[Ss]upposedly|[Pp]retend|"
    r"whether|[Uu]nless|[Hh]opefully|[Pp]robably|[Pp]ossibly|[Aa]llegedly|[Aa]pparently|dream|dreamed|dreamt|plan|plans|planning|"
    r"hope|hopes|hoping|"
    r"wants?|wanted|thinking|considering|consider|thinks?|thought|believe|believes|believed|guess|[Rr]umou?rs?|said|says?|told|"
    r"tells|asked|"
    r"claims?|claimed|heard|likely|supposed|hypothetically|[Ll]et['’]s|trying|tried|almost|nearly|needs? to|has to|have to|going "
    r"to|like to|"
    r"love to|[Ff]or example|e\.g\.)(?!\w)|\b(?:I|[Ww]e|[Yy]ou|[Ss]?[Hh]e|[Tt]hey|[Ii]t)['’]d\b"
)
_STOP = re.compile(
    r"\s*(?:[;!?]|\.(?=\s|$)|,(?!\d)|\s[-–—]|\s(?:and|but|because|so|which|who|when|while|where|after|before|since|until|till|starting|"
    r"from now on|for now|instead|rather than|no longer|and not|any ?more|now|these days|at the moment|right now|currently|already|"
    r"effective|as of|with (?:my|our|a)|"
    r"thanks to|due to|than|if|though|although|every|per)\b|\()"
)
_TIMED = re.compile(
    r"\b(?:since|until|till|from|as of|effective|starting|ago|yesterday|last|next|on|in|by|today|tomorrow|back in|this)\b", re.I
)
_BLANK = frozenset(
    [
        "it",
        "that",
        "this",
        "these",
        "those",
        "there",
        "good",
        "fine",
        "great",
        "ok",
        "okay",
        "nice",
        "true",
        "right",
        "wrong",
        "done",
        "ready",
        "here",
        "them",
        "him",
        "her",
        "me",
        "you",
        "us",
        "so",
        "not",
        "very",
        "really",
        "what",
        "how",
        "why",
        "who",
        "something",
        "anything",
        "nothing",
        "everything",
        "one",
        "amazing",
        "awesome",
        "important",
        "different",
        "bad",
        "sorry",
        "sure",
    ]
)
_CODE = re.compile(r"[{}<>|\\]|==|=>|\w\(|;$")
_RELATIVE = re.compile(
    r"(?:the|The)\s+(?P<noun>[\w -]{1,40}?)\s+(?P<rel>where|that|which|who|in which|at which)\s+(?P<inner>.{2,90})\s+(?P<verb>is|"
    r"was|are)\s+(?P<value>.+)"
)
_NAMES = re.compile(r"[A-Z0-9À-Þ][^\s]*(?:\s+(?:(?:of|the|and|de|von|van|du|la|le|for|in|&)\s+)*[A-Z0-9À-Þ][^\s]*)*")
_ADVERBS = re.compile(
    r"(?:\s+(?:now|currently|just|recently|finally|actually|officially|also|still|really|already|always|never|has|have|had|['’]ll))"
    r"+$|(?<=\bI)['’]ll$|(?<=\b[Ww]e)['’]ll$"
)
_ADVERB = re.compile(
    r"\s*(?:now|currently|just|recently|finally|actually|officially|also|still|really|already|always|definitely|both)\b\s*"
)
_BEFORE = re.compile(r",?\s*(?:\b(?:in|on|at|since|from|as of|by|until|till|back|back in|starting|effective|early|late)\s+)?$")
_AHEAD = re.compile(r"['’]ll\b|\bwill\b")
_MEASURE = re.compile(rf"{words.NUMBER.pattern}(?:\s?(?!(?:to|on|in|for|with|using|by|at|so|and|of|from)\b)[A-Za-z%°/€]+){{0,3}}", re.I)
_NO_MORE = re.compile(r"\b(?:no longer|any ?more|stopped|quit)\b")
_PLAIN_STOP = re.compile(
    r"\s(?:since|until|as of|starting|effective|any ?more|instead|now|these days|rather than|no longer|and not|from now on|from today)\b"
    r"|\s(?:again|once more|once again)\b"
    r"|,\s(?:not|and|by the way|btw|fyi|just|for the record|as|please|thanks|so|which|who|if|but|though|at least|from|according|"
    r"after|since|"
    r"because|with|until|starting|effective|no longer|instead)\b|\s\(|;"
)


@dataclass(frozen=True, slots=True)
class Lead:
    """What stands before a verb: whose, which thing of theirs, its words; and who speaks."""

    subject: str | None
    noun: str
    words: str
    me: str
    sure: bool  # it is the speaker, has a name, or is somebody's: not merely a few words at the start of a sentence


def stated(text: str, speaker: str | None, at: datetime) -> list[Statement]:
    """The statements of slots in a text said by `speaker` ("user" where None) at `at`, in order; none from a question.

    A subject "" is a thing that has no owner ("the meeting is on Tuesday" is the slot "meeting time" of "").
    """
    me = words.subject_form(speaker or "user") or "user"
    text = text[:LONGEST]
    found: list[Statement] = []
    for whole, parts in sentences(text):
        here = read(whole, me, at) if whole else []
        for clause in () if here else parts:
            here += read(clause, me, at)
        found += here
        if len(found) >= MOST:
            break
    if withdrawn := taken_back(text, me):
        found = sorted([*found, *withdrawn], key=lambda s: s.start)
    return _meant(found)[:MOST]


def _meant(statements: Sequence[Statement]) -> list[Statement]:
    """The statements, where "it" is what was spoken of last, and what is denied or taken back and then put right is a correction."""
    found: list[Statement] = []
    for s in statements:
        last = found[-1] if found else None
        if s.subject == "it":
            if s.slot not in ("it", "it time"):
                continue
            if last is not None and s.start - last.end < BESIDE:
                s = replace(s, subject=last.subject, slot=last.slot)
            elif not s.correcting:
                continue
        if last is not None and last.negated and not s.negated and (s.subject, s.slot) == (last.subject, last.slot):
            found.pop()
            s = replace(s, correcting=True)
        found.append(s)
    return found


def read(clause: Clause, me: str, at: datetime) -> list[Statement]:
    """The statements of one clause: mostly none or one."""
    if clause.whole and (relative := _RELATIVE.match(clause.text, clause.i, clause.j)) and (found := _relative(clause, relative)):
        return [found]
    for start, end, key in clause.verbs[:TRIES]:
        if start <= clause.i and not clause.heir:  # "Is …", "Have …": an order or a question
            return []
        before = clause.text[clause.i : start].split(None, 1)
        if before and before[0].casefold() in NOBODY and before[0].casefold() != "it" and not TITLED.match(clause.text, clause.i, start):
            return []
        lead: Lead | None = None
        mere = bool(before) and len(before) == 1 and before[0].casefold() in ("i", "we")
        for place, predicate in _tried(clause, start, end, key):
            if mere and predicate.slots is bare:  # the N is V: I am none
                continue
            if match := predicate.match(clause.text, place, clause.j):
                lead = lead or _lead(clause, start, me)
                if (lead.subject is None and not predicate.thing) or _UNSURE.search(lead.words) or _CODE.search(clause.words):
                    break
                if found := _made(clause, predicate, match, lead, at):
                    return found
        if clause.text[clause.i : start].strip().casefold() not in ("my", "our", "the"):  # "my costs are …": costs is no verb
            return []
    return []


def _lead(clause: Clause, end: int, me: str) -> Lead:
    lead = _ADVERBS.sub("", clause.text[clause.i : end].strip()) or ("I" if clause.heir else "")
    subject, noun = owner(lead, me, clause)
    return Lead(subject, noun, lead, me, bool(noun) or sure(lead, subject, me))


def _tried(clause: Clause, start: int, end: int, key: str) -> Iterator[tuple[int, Predicate]]:
    """(place, predicate) of what may be said with this verb, or with the one that it helps ("has moved", "will be")."""
    for predicate in PREDICATES.get(key, ()):
        yield start, predicate
    if key in AUXILIARY:
        after = _ADVERB.match(clause.text, end, clause.j)
        place = after.end() if after else end + 1
        main = next((v for v in clause.verbs if v[0] == place), None)
        for predicate in PERFECT.get(main[2], PREDICATES.get(main[2], ())) if main else ():
            yield place, predicate


@dataclass(frozen=True, slots=True)
class Filler:
    """What a match says before times and turns of phrase are looked at: whose, which slots, and where the value stands."""

    subject: str
    slots: tuple[str, ...]
    value: str
    start: int
    end: int


def _made(clause: Clause, predicate: Predicate, match: re.Match[str], lead: Lead, at: datetime) -> list[Statement]:
    """The statements of a predicate that matched at its verb."""
    filler = _filler(clause, predicate, match, lead)
    if filler is None:
        return []
    groups, value = match.groupdict(), filler.value
    gone = bool(groups.get("no"))
    ending = predicate.ending or (gone and bool(_NO_MORE.search(clause.words)))
    end, since, until = _times(clause, filler.start, filler.end, at, predicate)
    if predicate.value and not predicate.reverse:
        value = clause.text[filler.start : end].rstrip()
    if predicate.past and not ending and until is None:
        ending = True
    ahead = bool(_AHEAD.search(lead.words) or _AHEAD.match(clause.text, match.start() - 5, match.start()))
    if ahead and since is None and not words.timely(value):
        return []
    put_right = clause.correcting or (_NOT.match(clause.text, end) and " now " not in clause.words)
    correcting = bool(put_right) and not ending and not predicate.change
    single, kind = predicate.single(groups, clause.whole, filler.subject == lead.me), predicate.kind_of(value)
    return [
        Statement(filler.subject, slot, value, clause.i, clause.j, kind, single, gone and not ending, correcting, ending, since, until)
        for slot in filler.slots
    ]


def _filler(clause: Clause, predicate: Predicate, match: re.Match[str], lead: Lead) -> Filler | None:
    """Whose slot a match fills, and with what; None where it does not fit together."""
    groups: Mapping[str, str | None] = match.groupdict()
    subject, noun = lead.subject or "", lead.noun
    if predicate.whose == "person" and (noun or not subject):
        return None
    start, end = _filled(clause, predicate, match)
    value = said = clause.text[start:end]
    if predicate.value and not _fit(value, predicate):
        return None
    if predicate.reverse:  # "Bob is the CEO of Acme": the subject fills a slot of the object
        subject = lead.me if groups.get("mine") else words.subject_form(groups.get("whose") or said)
        value = lead.words
        if not subject or subject in _BLANK or not (value[:1].isupper() or words.numeric(value)) or value in ("I", "We"):
            return None
        end = start = clause.j
    if predicate.thing:  # "I moved the meeting to Tuesday": the object is what the value is of
        subject, noun = thing_of(groups["thing"] or "", lead.me)
        if not noun and not subject:
            return None
    kin = subject.removeprefix(f"{lead.me}'s ") if subject.startswith(f"{lead.me}'s ") else ""
    if kin and not noun and predicate.slots is bare and value[:1].isupper():  # "my boss is Lena", as "Lena is my boss"
        subject, noun = lead.me, words.slot_form(kin)
    if not _named(predicate, groups, lead, noun, value):
        return None
    slots = predicate.slots(noun, groups, value, subject == lead.me and not noun, clause.whole)
    if predicate.reverse and predicate.value and said[:1].islower():  # "Ana leads the project": the lead of a thing that has no owner
        subject, slots = "", tuple(words.slot_form(f"{subject} {slot}") for slot in slots)
    if kin and slots == ("name",):  # "my wife's name is Nora"
        subject, slots = lead.me, (words.slot_form(kin),)
    return Filler(subject, slots, value, start, end) if slots else None


def _filled(clause: Clause, predicate: Predicate, match: re.Match[str]) -> tuple[int, int]:
    """[start, end) of the value of a match."""
    if not predicate.value:
        return match.end(), match.end()
    start, end = match.span("value") if predicate.exact else _value(clause, match.end())
    value = clause.text[start:end]
    return start, (start + len(_measured(value)) if words.numeric(value) and not words.timely(value) else end)


def _named(predicate: Predicate, groups: Mapping[str, str | None], lead: Lead, noun: str, value: str) -> bool:
    """Whether it is clear enough of whom it is said: a few words at the start of a sentence need a telling pattern."""
    if lead.sure or predicate.thing or groups.get("n") or (predicate.reverse and " " not in lead.words):
        return True
    return (groups.get("prep") == "by" and value[:1].isupper()) or (words.numeric(value) and noun == "" and predicate.of_level)


def _relative(clause: Clause, m: re.Match[str]) -> Statement | None:
    """The X where Y was Zed is V: the slot "x zed" of Y."""
    name = max((n.group() for n in _NAMES.finditer(m["inner"])), key=len, default="")
    if not name or _UNSURE.search(m["noun"]):
        return None
    rest = words.slot_form(f"{m['noun']} {m['inner'].replace(name, ' ')}")
    rest = " ".join(w for w in rest.split() if w not in ("was", "is", "has", "had", "were"))
    start, end = _value(clause, m.start("value"))
    value = clause.text[start:end]
    return Statement(words.subject_form(name), rest, value, clause.i, clause.j, "relation") if value.strip() else None


def _value(clause: Clause, start: int) -> tuple[int, int]:
    """[start, end) of the value that begins there: up to the end of its phrase, or of a sentence that is one statement."""
    text, end = clause.text, clause.j
    if adverb := _ADVERB.match(text, start, end):
        start = adverb.end()
    while start < end and text[start] in " :=,":
        start += 1
    if not clause.whole or end - start > VALUE:
        stop = _STOP.search(text, start + 1, end)
        end = stop.start() if stop else end
    elif stop := _PLAIN_STOP.search(text, start + 1, end):
        end = stop.start()
    elif text[end - 1 : end] == "." and end - start > 1:
        end -= 1
    return start, end


def _fit(value: str, predicate: Predicate) -> bool:
    plain = value.strip(" .,!\"'“”").casefold()
    if not plain or len(value) > VALUE or len(plain.split()) > 12 or plain in _BLANK or plain.split()[0] in ("that", "what", "how", "not"):
        return False
    return predicate.fits is None or bool(predicate.fits(value))


def _times(clause: Clause, start: int, end: int, at: datetime, predicate: Predicate) -> tuple[int, datetime | None, datetime | None]:
    """(the end of the value without words of time, since, until) where the clause says them beside a value that is none."""
    if not _TIMED.search(clause.words):
        return end, None, None
    since = until = None
    for found in when.intervals(clause.words, at):
        a, b = found.span[0] + clause.i, found.span[1] + clause.i
        if a < end and b > start:
            lead = _BEFORE.search(clause.text, start, a)
            if predicate.fits is words.timely or a <= start + 1 or (lead and lead.start() <= start):
                return end, None, None  # the value is a time itself
            end = lead.start() if lead else a
        before = f"{clause.text[max(clause.i, a - 9) : a].lower()}{found.text.lower()}"
        if re.search(r"\b(?:until|till)\b", before):
            until = found.start if not found.text.lower().startswith(("until", "till")) else found.end
        elif re.search(r"\b(?:before|after|for|every|by)\b", before) or predicate.exact or found.start.year < 1000:
            continue
        elif since is None:
            since = found.start
            if not predicate.change and found.end <= at and (predicate.past or found.grain == "range") and "since" not in before:
                until = found.end
    return end, since, until


def _measured(value: str) -> str:
    """Of a value that begins with a number, the number and its unit."""
    m = _MEASURE.match(value)
    return value[: m.end()].rstrip() if m and not value[m.end() :].lstrip()[:1].isdigit() and value[m.end() : m.end() + 1] != "-" else value


@cache
def node(subject: str, slot: str) -> str:
    """The name under which memories of one slot are linked."""
    return f"slot:{subject}|{slot}"

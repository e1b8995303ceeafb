"""What a message states, read by rules: each sentence with a subject that can be told, as a fact in the third person.

A fact is a `Statement` with the sentence that a memory keeps. A sentence that only goes on ("It helps me sleep.") is
added to the fact before it, so that every text stands by itself; one that says nothing lasting is left out.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from clew.operators.facts import frames, pairs
from clew.operators.facts.claims import claims
from clew.operators.facts.fact import Fact, name_of
from clew.operators.facts.frames import Frame
from clew.operators.facts.language import clauses, sentences, words
from clew.operators.facts.person import possessive
from clew.operators.facts.person import told as in_third_person
from clew.operators.slots import reading as slots
from clew.operators.slots.statement import Statement
from clew.operators.times import when

VERSION = 1
LONGEST = 600  # characters of a sentence beyond which it is a listing or a log, no statement
MOST = 60  # facts of one event: a page that is pasted in must not flood the memory
JOINED = 2  # sentences that may be added to a fact


def read(text: str, speaker: str | None, role: str | None, at: datetime, of: str | None = None) -> list[Fact]:
    """The facts of one event's text, in order. `of`: the user's name, where an assistant speaks of "you"."""
    if role == "assistant":
        return claims(text, name_of(of, "user"), name_of(speaker, role))
    if pairs.structured(text):
        return pairs.facts(text, name_of(speaker, role))[:MOST]
    name = name_of(speaker, role)
    found: list[Fact] = []
    people: list[tuple[str, str]] = []  # (name as it stands in a text, pronouns' gender) met so far, newest last
    for start, end in sentences(text):
        if end - start > LONGEST or text[end - 1] == "?":
            continue
        for a, b in clauses(text, start, end):
            fact, going_on = _clause(text, a, b, name, people, role)
            if fact is not None:
                found.append(_dated(fact, text, at))
            elif going_on and found and len(found[-1].spans) <= JOINED:
                found[-1] = _extended(found[-1], text, a, b, name)
    return _slotted(found, text, name, at)[:MOST]


def statements(text: str, speaker: str | None, role: str | None, at: datetime) -> list[Statement]:
    """The statements alone."""
    return [fact.statement for fact in read(text, speaker, role, at)]


def _clause(text: str, start: int, end: int, name: str, people: list[tuple[str, str]], role: str | None) -> tuple[Fact | None, bool]:
    """The fact of a clause, or None; and whether the clause goes on about what was said before."""
    start, correcting = frames.opened(text, start, end)
    clause = text[start:end].rstrip(" .!…")
    if not clause or frames.idle(clause):
        return None, False
    clause = clause[:1].upper() + clause[1:]
    if frames.goes_on(clause):
        resolved = _resolved(clause, people)
        if resolved is None:
            return None, frames.worth(clause)
        clause_read, stood = resolved
    else:
        clause_read, stood = clause, ()
    people.extend(frames.people(clause))
    frame = frames.framed(clause_read)
    if frame is None or not frames.worth(clause_read):
        return None, False
    if role != "document" and not stood and frames.passing(clause_read.replace("’", "'"), frame):
        return None, False
    third = in_third_person(clause_read, name)
    return _fact(frame, third.text, third.own, start, start + len(clause), name, stood, correcting), False


def _fact(frame: Frame, sentence: str, own: bool, start: int, end: int, name: str, stood: Sequence[str], correcting: bool) -> Fact:
    subject = {"I": name, "we": name}.get(frame.subject, frame.subject)
    if subject.lower().startswith(("my ", "our ")):
        subject = f"{possessive(name)} {subject.split(' ', 1)[1]}"
    statement = Statement(
        subject=" ".join(subject.casefold().removeprefix("the ").split()),
        slot=frame.slot,
        value=frame.value,
        start=start,
        end=end,
        kind=frame.kind,
        single=frame.single,
        negated=frame.negated,
        correcting=correcting,
        ending=frame.ending,
    )
    text = sentence[:1].upper() + sentence[1:] + "."
    return Fact(statement, text, tuple([*stood, name] if own else stood), by=name, spans=((start, end),))


def _extended(fact: Fact, text: str, start: int, end: int, name: str) -> Fact:
    """The fact with the sentence that goes on from it."""
    more = in_third_person(text[start:end].strip(), name)
    return replace(
        fact,
        text=f"{fact.text} {more.text[:1].upper()}{more.text[1:]}",
        resolved=tuple(dict.fromkeys([*fact.resolved, name])) if more.own else fact.resolved,
        spans=(*fact.spans, (start, end)),
    )


def _resolved(clause: str, people: Sequence[tuple[str, str]]) -> tuple[str, tuple[str, ...]] | None:
    """The clause with its first word, a pronoun, replaced by the one person it can mean; None where that is not clear."""
    first = words(clause)[0].split("'")[0].split("’")[0].lower()
    gender = {"she": "f", "her": "f", "he": "m", "his": "m"}.get(first)
    if gender is None:
        return None
    fitting = list(dict.fromkeys(who for who, its in people if its in (gender, "")))
    if len(fitting) != 1 or not fitting[0]:
        return None
    who = fitting[0]
    short = clause[len(first) :]
    if short.startswith(("'s ", "’s ")):
        short = " is " + short[3:]
    return (possessive(who) if first in ("her", "his") else who) + short, (who,)


def _slotted(found: Sequence[Fact], text: str, name: str, at: datetime) -> list[Fact]:
    """The facts with the slots that the closer rules read from the same words, and those that they alone have found."""
    stated = slots.stated(text, name.casefold().removeprefix("the "), at)
    out: list[Fact] = []
    for fact in found:
        start, end = fact.statement.start, fact.statement.end
        mine = next((s for s in stated if start <= s.start and s.end <= end and s.subject), None)
        slotted = replace(mine, start=start, end=end, since=mine.since or fact.statement.since) if mine else fact.statement
        out.append(replace(fact, statement=slotted))
    covered = [span for fact in found for span in fact.spans]
    for s in stated:
        if s.subject and not any(a < s.end and s.start < b for a, b in covered):
            third = in_third_person(text[s.start : s.end].strip(" .!"), name)
            out.append(Fact(s, f"{third.text[:1].upper()}{third.text[1:]}.", (name,) if third.own else (), name, True, ((s.start, s.end),)))
    return sorted(out, key=lambda f: f.spans[0])


def _dated(fact: Fact, text: str, at: datetime) -> Fact:
    """The fact with the time that its words give, where they give one."""
    statement = fact.statement
    span = text[statement.start : statement.end]
    if not frames.TIMES.search(span):
        return fact
    found = [i for i in when.intervals(span, at) if i.grain != "range"]
    if len(found) != 1 or statement.slot in ("birth date", "birthday"):
        return fact
    since = found[0].start
    until = found[0].end if statement.kind in ("event", "plan", "date") else None
    return replace(fact, statement=replace(statement, since=since, until=until))

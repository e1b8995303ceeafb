"""The world behind a lifecycle script: who and what there is, what was said of it and when, and what therefore holds.

The gold of every question is computed here from what was said, never from what a system answers.
"""

import random
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from clew.arena.lifecycle_slots import CHATS, PEOPLE, SLOTS, THINGS, Slot, listed, value
from clew.arena.scores import normalised

START = datetime(2025, 3, 1, 10, tzinfo=UTC)
MARKS = listed("""Kestrel, Juniper, Basalt, Cobalt, Willow, Otter, Zephyr, Garnet, Tundra, Nimbus, Pelican, Rowan, Sorrel, Tamarack,
Vesper, Walrus""")
OPENERS = ("", "", "", "By the way, ", "For the record, ", "Just so you know, ", "Quick note: ", "Oh, and ", "One more thing: ")
CORRECTIONS = (
    "Actually, I meant {v}: {p} {noun} is not {w}.",
    "Correction: {says}, not {w}.",
    "I got that wrong. {says}, it was never {w}.",
    "Sorry, my mistake: {p} {noun} is {v}, not {w}.",
    "No wait, {p} {noun} is {v}; {w} was a slip of mine.",
)
RETRACTIONS = (
    "Please disregard what I said about {p} {noun} being {w}.",
    "Scratch that, {p} {noun} is not {w} after all.",
    "I take back what I told you: {w} is not {p} {noun}.",
    "What I said about {p} {noun} being {w} was a mix-up, please ignore it.",
)
BOUNDED = (
    "I forgot to mention: from {d1} to {d2} {p} {noun} was {v}.",
    "For completeness: between {d1} and {d2} {p} {noun} was {v}.",
    "I see from old notes that {p} {noun} was {v} from {d1} until {d2}.",
)
AGAIN = ("As before, {says}.", "Still the case: {says}.", "Nothing new there: {says}.")
RECENT = timedelta(hours=24)  # dates in words are a day wide, so no question asks about a moment nearer to a change than this


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose a fact is: the name, how it stands in a sentence, and whether it is the speaker."""

    name: str
    s: str
    p: str
    o: str
    speaker: bool = False


ME = Subject("I", "I", "my", "me", True)
YOU = Subject("I", "you", "your", "you", True)  # the same, in an agent's mouth


@dataclass(frozen=True, slots=True)
class Said:
    """One statement about a fact: since when it holds, its place in the log, and what it did to an earlier one."""

    key: str
    order: int  # place among all events of the script
    since: datetime
    value: str
    until: datetime | None = None
    corrects: str | None = None  # key of the statement that this one says was never true
    retracts: str | None = None  # key of the statement that this one takes back


@dataclass(slots=True)
class Fact:
    """All that was said of one slot of one subject."""

    slot: Slot
    subject: Subject
    user: str
    said: list[Said] = field(default_factory=list)

    def holding(self, at: datetime, order: int) -> Said | None:
        """What held at that moment by what had been said up to that place; None where nothing did."""
        known: dict[str, Said] = {}
        for said in self.said:
            if said.order > order:
                continue
            if said.retracts is not None:
                known.pop(said.retracts, None)
            elif said.corrects is not None:
                wrong = known.pop(said.corrects, None)
                if wrong is not None:
                    known[said.key] = replace(said, since=wrong.since, until=wrong.until)
            else:
                known[said.key] = said
        then = [s for s in known.values() if s.since <= at and (s.until is None or at < s.until)]
        spans = [s for s in then if s.until is not None]  # what was said of a span only outranks what was open then
        return max(spans or then, key=lambda s: (s.since, s.order), default=None)

    def first(self) -> datetime:
        """Since when anything is known of it, spans of the past left out."""
        return min(s.since for s in self.said if s.until is None)

    def values(self) -> tuple[str, ...]:
        """Every value ever said, in order, each once."""
        return tuple(dict.fromkeys(s.value for s in self.said if s.retracts is None))

    def moments(self, end: datetime) -> list[datetime]:
        """A moment in the middle of every stretch between changes of valid time, the ends kept clear."""
        edges = sorted({s.since for s in self.said} | {s.until for s in self.said if s.until} | {end})
        return [a + (b - a) / 2 for a, b in pairwise(edges) if b - a > 3 * RECENT]


def said(form: str, subject: Subject, **words: str) -> str:
    """A line of the table as words: [does|do] resolved, the subject put in, no full stop."""
    chosen = re.sub(r"\[([^|\]]*)\|([^\]]*)\]", r"\2" if subject.speaker else r"\1", form)
    return chosen.format(s=subject.s, p=subject.p, o=subject.o, **words)


def sentence(text: str, opener: str = "") -> str:
    """A sentence: opener, capital letter, full stop."""
    whole = opener + text
    whole = re.sub(r"\b([Aa]) (?=[AEIOUaeiou])", r"\1n ", whole[0].upper() + whole[1:])
    return whole if whole[-1] in ".?!" else whole + "."


def day(moment: datetime) -> str:
    """A date in words, such as 3 March 2025."""
    return f"{moment.day} {moment.strftime('%B %Y')}"


class World:
    """The clock, the chance and the names of one script; no value is given out twice."""

    def __init__(self, chance: random.Random) -> None:
        self.chance, self.clock, self.order = chance, START, 0
        self.used: set[str] = {normalised(word) for word in (*PEOPLE, *MARKS)}
        self.people = chance.sample(PEOPLE, len(PEOPLE))
        self.marks = chance.sample(MARKS, len(MARKS))
        self.chats = chance.sample(CHATS, len(CHATS))

    def tick(self, low: float = 20, high: float = 120) -> datetime:
        """The next moment: some hours on, never twice the same."""
        self.clock += timedelta(minutes=round(60 * self.chance.uniform(low, high)))
        self.order += 1
        return self.clock

    def person(self) -> Subject:
        """A person not met before in this script."""
        name = self.people.pop()
        return Subject(name, name, f"{name}'s", name)

    def thing(self, slot: Slot) -> Subject:
        """A thing that has such a slot, not met before in this script."""
        name = f"the {self.marks.pop()} {self.chance.choice(THINGS[slot.name].split(','))}"
        return Subject(name, name, f"{name}'s", name)

    def subject(self, slot: Slot, speaker: bool = False) -> Subject:
        """Someone or something new that the slot is about; the speaker where that is asked for and fits."""
        if slot.about == "thing":
            return self.thing(slot)
        return ME if speaker else self.person()

    def value(self, kind: str) -> str:
        """A value that shares no wording with any other of this script; LookupError where the list is used up."""
        for _ in range(200):
            found = value(kind, self.chance)
            plain = f" {normalised(found)} "
            if not any(plain in f" {other} " or f" {other} " in plain for other in self.used):
                self.used.add(plain.strip())
                return found
        raise LookupError(f"no {kind} is left that this script has not used")

    def slots(self, n: int, kinds: frozenset[str] = frozenset(), about: str = "") -> list[Slot]:
        """n different slots, of these kinds of values and about these where given."""
        fitting = [s for s in SLOTS.values() if (not kinds or s.values in kinds) and (not about or s.about == about)]
        return self.chance.sample(fitting, n)

    def told(self, fact: Fact, new: str, change: bool = False) -> str:
        """A sentence that says the value, as a change where asked."""
        form = self.chance.choice(fact.slot.changes if change else fact.slot.says)
        return sentence(said(form, fact.subject, v=new), self.chance.choice(OPENERS))

    def corrected(self, fact: Fact, new: str, old: str) -> str:
        """A sentence that says the old value was never right."""
        says = said(self.chance.choice(fact.slot.says), fact.subject, v=new)
        return self._about(CORRECTIONS, fact, v=new, w=old, says=says)

    def retracted(self, fact: Fact, old: str) -> str:
        """A sentence that takes the value back and puts none in its place."""
        return self._about(RETRACTIONS, fact, w=old)

    def bounded(self, fact: Fact, new: str, begin: datetime, end: datetime) -> str:
        """A sentence that says what held in a span of the past."""
        return self._about(BOUNDED, fact, v=new, d1=day(begin), d2=day(end))

    def again(self, fact: Fact, same: str) -> str:
        """A sentence that says what was said before: nothing changes by it."""
        return self._about(AGAIN, fact, says=said(self.chance.choice(fact.slot.says), fact.subject, v=same))

    def _about(self, forms: tuple[str, ...], fact: Fact, **words: str) -> str:
        form = self.chance.choice(forms)
        if form.startswith("I got") and "says" in words:  # there the statement begins a sentence
            words["says"] = words["says"][0].upper() + words["says"][1:]
        return sentence(form.format(p=fact.subject.p, noun=fact.slot.noun, **words))

    def asked(self, slot: Slot, subject: Subject) -> str:
        """A question for the slot, in one of its phrasings."""
        return sentence(said(self.chance.choice(slot.asks), subject))

    def chat(self) -> str:
        """A line that tells nothing about any slot."""
        self.chats = self.chats or self.chance.sample(CHATS, len(CHATS))
        return sentence(self.chats.pop())

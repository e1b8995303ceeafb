"""What a lifecycle script is made of: steps that any system can be put through, and the draft that a generator writes them into."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from clew.arena.lifecycle_slots import SLOTS
from clew.arena.lifecycle_world import Fact, Said, Subject, World, day

USER = "user-ottokar"
Deed = Literal[
    "retire", "revise", "retract", "forget user", "forget events", "forget matching", "rebuild", "promote older", "promote newer"
]


@dataclass(frozen=True, slots=True)
class Say:
    """Something said; with a `basis`, an agent's conclusion from the memories that those events made."""

    key: str
    user: str
    text: str
    at: str  # ISO 8601: when it happened, which for a late one is before what was said last
    actor: str = "user"
    basis: tuple[str, ...] = ()  # keys of events


@dataclass(frozen=True, slots=True)
class Do:
    """Something done to the memory through a door: to the memories of these events, or to a user's, or to matching ones."""

    what: Deed
    keys: tuple[str, ...] = ()
    text: str = ""  # the new words (revise), the reason (retire), what to match (forget matching)
    user: str = USER


@dataclass(frozen=True, slots=True)
class Ask:
    """A question with its only right answer; None where nothing may be answered."""

    id: str
    kind: str
    user: str
    text: str
    at: str  # when it is asked
    gold: str | None
    keys: tuple[str, ...] = ()  # of the events that state the gold value
    wrong: tuple[str, ...] = ()  # values that must not be given: stale, withdrawn, another's
    valid_at: str | None = None  # it asks what held then
    known: str | None = None  # it asks what was known right after that event
    spoken: str = ""  # the same question with the time in words, for a system without a door for times


@dataclass(frozen=True, slots=True)
class Marked:
    """At this point, which conclusions must be marked and which must not."""

    id: str
    kind: str  # what was done to the premise
    user: str
    affected: tuple[str, ...]  # keys of conclusions
    unaffected: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Keep:
    """Ask these and keep the answers under a name."""

    name: str
    asks: tuple[Ask, ...]


@dataclass(frozen=True, slots=True)
class Same:
    """Ask again: the answers are exactly those kept under that name."""

    id: str
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Alone:
    """Everything a user is answered is what a memory without any other user would answer."""

    id: str
    user: str
    asks: tuple[Ask, ...]


@dataclass(frozen=True, slots=True)
class Residue:
    """At this point these strings are nowhere: no text, no answer, no byte of a file; and these still are."""

    id: str
    kind: str
    gone: tuple[str, ...]
    kept: tuple[str, ...]
    asks: tuple[Ask, ...]  # questions whose answers and prompts are searched too


Step = Say | Do | Ask | Marked | Keep | Same | Alone | Residue


@dataclass(frozen=True, slots=True)
class Script:
    """One memory's life."""

    id: str
    axis: str
    steps: tuple[Step, ...]

    def asks(self) -> Iterator[Ask]:
        """Every question that is scored by its gold."""
        return (step for step in self.steps if isinstance(step, Ask))


@dataclass(slots=True)
class Draft:
    """A script while it is written."""

    world: World
    id: str
    steps: list[Step] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    count: int = 0

    def name(self, kind: str) -> str:
        """A key or an id of its own."""
        self.count += 1
        return f"{self.id}-{kind}{self.count}"

    def say(self, text: str, user: str = USER, at: datetime | None = None, actor: str = "user", basis: tuple[str, ...] = ()) -> Say:
        """Time goes on and something is said."""
        now = self.world.tick()
        step = Say(self.name("e"), user, text, (at or now).isoformat(), actor, basis)
        self.steps.append(step)
        return step

    def fact(self, slot: str, user: str = USER, speaker: bool = False, subject: Subject | None = None) -> Fact:
        """Someone's slot gets its first value; every value stays distinct."""
        whose = subject if subject is not None else self.world.subject(SLOTS[slot], speaker)
        fact = Fact(SLOTS[slot], whose, user)
        self.facts.append(fact)
        self.put(fact)
        return fact

    def put(self, fact: Fact, change: bool = False, at: datetime | None = None) -> Said:
        """A value said now, or said now of an earlier time when `at` is given (a late event)."""
        new = self.world.value(fact.slot.values)
        step = self.say(self.world.told(fact, new, change), fact.user, at)
        fact.said.append(Said(step.key, self.world.order, datetime.fromisoformat(step.at), new))
        return fact.said[-1]

    def correct(self, fact: Fact, wrong: Said) -> Said:
        """The speaker says that a value was never right and gives another."""
        new = self.world.value(fact.slot.values)
        step = self.say(self.world.corrected(fact, new, wrong.value), fact.user)
        fact.said.append(Said(step.key, self.world.order, datetime.fromisoformat(step.at), new, corrects=wrong.key))
        return fact.said[-1]

    def withdraw(self, fact: Fact, wrong: Said) -> Said:
        """The speaker takes a value back in words and gives none."""
        step = self.say(self.world.retracted(fact, wrong.value), fact.user)
        fact.said.append(Said(step.key, self.world.order, datetime.fromisoformat(step.at), wrong.value, retracts=wrong.key))
        return fact.said[-1]

    def span(self, fact: Fact) -> Said:
        """The speaker says what held in a span of the past, before anything else that is known of the fact."""
        first = fact.first()
        begin, end = (first - timedelta(days=d) for d in sorted(self.world.chance.sample(range(10, 200), 2), reverse=True))
        begin, end = (moment.replace(hour=0, minute=0) for moment in (begin, max(end, begin + timedelta(days=7))))
        new = self.world.value(fact.slot.values)
        step = self.say(self.world.bounded(fact, new, begin, end), fact.user)
        fact.said.append(Said(step.key, self.world.order, begin, new, until=end))
        return fact.said[-1]

    def chatter(self, n: int) -> None:
        """n lines that matter to nothing."""
        for _ in range(n):
            self.say(self.world.chat())

    def lures(self, fact: Fact) -> tuple[str, ...]:
        """Values of the same slot that are not this fact's: other people's, and other things'."""
        return tuple(v for f in self.facts if f.slot is fact.slot and f is not fact for v in f.values())

    def ask(self, kind: str, fact: Fact, valid: datetime | None = None, known: Said | None = None, user: str | None = None) -> Ask:
        """A question about a fact with its gold: now, at a moment of the past, or as known after a statement."""
        asked = self.world.clock + timedelta(hours=12)
        text = self.world.asked(fact.slot, fact.subject)
        right = fact.holding(valid or asked, self.world.order if known is None else known.order)
        gold = None if right is None else right.value
        wrong = tuple(v for v in (*fact.values(), *self.lures(fact)) if v != gold)
        spoken = f"As of {day(valid)}: {text}" if valid else text
        key = None if known is None else known.key
        moment = None if valid is None else valid.isoformat()
        keys = tuple(s.key for s in fact.said if gold is not None and s.value == gold and s.retracts is None)
        return Ask(self.name("q"), kind, user or fact.user, text, asked.isoformat(), gold, keys, wrong, moment, key, spoken)

    def done(self, axis: str) -> Script:
        """The script."""
        return Script(self.id, axis, tuple(self.steps))

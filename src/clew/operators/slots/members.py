"""What a question asks a chain for, and which turns tell of it: whose they are, how near to what is asked, and with what value."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

from clew.operators.slots import acts as slot_acts
from clew.operators.slots import asking, names, senses, things
from clew.operators.slots.acts import Act, bare
from clew.operators.slots.asking import ENOUGH
from clew.operators.slots.predicate import base
from clew.operators.slots.words import KINFOLK, subject_form
from clew.operators.truth.aptness import LEAST
from clew.storage.terms import terms
from clew.types import Memory, Query

VERSION = 3
HALF = 0.5  # mean nearness that counts though one of the words is far
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")  # in a subject: a date was taken for part of it
_IT = re.compile(r"\b(?:it|they|that)\b", re.I)
_PAST = re.compile(r"\b(?:did|was|were|had|ago|last)\b", re.I)
_FIRST = re.compile(r"\b(?:before|previous(?:ly)?|first|former(?:ly)?|used to|original(?:ly)?|earlier|change[sd]?|ever)\b", re.I)
# Words that ask for a sort of value, or that any statement may be put with: no topic, where another word is.
_LIGHT = frozenset(
    """number name kind type sort amount value place time go goes going use uses have has take takes get gets make current currently usual usually
    exactly held leave leaves start starts begin begins happen happens""".split()  # noqa: SIM905
)
LIKING = frozenset({"favourite", "favorite", "like", "likes", "prefer", "prefers", "best"})
_LIKED = frozenset({"prefer", "like", "love", "enjoy"})  # slots that say nothing of what kind the thing is that somebody likes
_ASKER = ("i", "me")
# Who has it in hand: what is told of somebody who takes it over.
_HOLDING = frozenset(terms("lead leader head owner owns manager chair captain run charge coach teach teacher tutor"))
_HANDING = frozenset(
    "handed hands passed passes fell went succeeded succeeds stepped fills filled replaced replaces inherited inherits".split()  # noqa: SIM905
)
HELD = 0.7  # nearness of somebody's taking it over to who has it
WHEN = 0.5  # weight of a word for when before the word for what: an "evening class" is a class
# Of somebody of the speaker's it tells more than who that is, and nothing that the speaker does.
_OF_KIN = re.compile(
    rf"^(?:[^,]{{1,30}},\s+|and\s+)?(?:my|our)\s+(?P<kin>{'|'.join(sorted(KINFOLK))})\b(?!\s+(?:is|was|are|will be)\b)"
    r"(?!.*\b(?:I|me|my|mine|we|us|our|ours)\b)",
    re.I,
)
_DOES = re.compile(r"\b(?:do|does|did|has|have|had)\b", re.I)
_ASKING = frozenset(
    """what which who whom whose where when how why many much name named called long large do does did is are was were may can""".split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question asks a chain for: of whom (names, or the asker), and the words of what."""

    names: frozenset[str]
    own: bool
    words: tuple[str, ...]
    tokens: frozenset[str]
    text: str = ""
    back: bool = False  # it names a moment, or a place in the log
    every: tuple[str, ...] = ()  # the words before those that ask for a sort of value were left out
    things: tuple[tuple[str, ...], ...] = ()  # what may be its subject in common words, "the staging cluster": see `things.py`
    whens: frozenset[str] = frozenset()  # of its words those for when that stand before another: "evening" of an evening class

    def of(self, act: Act) -> bool:
        """Whether a turn is about the same subject."""
        if self.things:
            return any(things.told(thing, act.said) for thing in self.things)
        if not self.names:
            return self.own and act.me
        return self.names <= act.marks and all(names.told(name, act.text) for name in names.runs(self.text, self.names))

    def narrowed(self, memories: Sequence[Memory]) -> "Asked":
        """The same, of the thing that these turns tell of by that name, where there is one; else of whom it names, or of the asker."""
        if not self.things:
            return self
        acts = [act for m in memories if (act := slot_acts.read(m.text, m.since)) is not None]
        thing = things.chosen(self.things, [act.said for act in acts])
        if thing is not None and not self.tokens.isdisjoint(_ASKER) and not _alone(thing, acts):
            thing = None
        if thing is None:
            return replace(self, things=())
        left = tuple(word for word in self.words if word not in thing) or tuple(word for word in self.every if word not in thing)
        if not left and len(thing) > 1:
            return replace(self, names=frozenset(thing), own=False, words=(), things=(thing,))
        return replace(self, names=frozenset(thing), own=False, words=left, things=(thing,)) if left else replace(self, things=())


@dataclass(frozen=True, slots=True)
class Member:
    """A turn of a chain: what it does, and the words of the value that it gives, as far as they can be told."""

    memory: Memory
    act: Act
    value: frozenset[str]
    fit: float  # nearness to the question
    told: float | None = None  # how far a slot that was read off it is the one asked for, 0..1; None where none was read

    @property
    def seq(self) -> int:
        """The event that said it."""
        return self.memory.sources[0].seq if self.memory.sources else self.memory.opened or 0

    @property
    def sort(self) -> str:
        """number, name or word: what sort of value it is."""
        if any(c.isdigit() for word in self.value for c in word):
            return "number"
        return "name" if self.value <= self.act.marks else "word"


def _alone(thing: Sequence[str], acts: Sequence[Act]) -> bool:
    """Whether a thing of several words is mostly told of by itself, and not as the speaker's or somebody else's."""
    told = [act for act in acts if things.told(thing, act.said)]
    return len(thing) > 1 and 2 * sum(not act.me and not act.owned for act in told) > len(told)


@lru_cache(maxsize=512)
def asked(text: str) -> Asked | None:
    """The question as far as chains go; None where it asks for what was before, or for nobody and nothing of one's own."""
    if _FIRST.search(text):
        return None
    act = slot_acts.question(text)
    whom = act.marks - _ASKING
    words = tuple(part for word in act.words for part in word.split("-") if word not in _ASKING and word not in whom and len(part) > 1)
    light = LIKING if whom else _LIGHT | LIKING
    every, words = words, tuple(word for word in words if word not in light) or words
    about = things.asked(text, whom)
    if not words or not (whom or act.me or about):
        return None
    tokens = [match[0].casefold() for match in slot_acts.TOKEN.finditer(text)]
    whens = _whens(tokens, words)
    return Asked(whom, act.me, words, act.tokens, text, every=every, things=about, whens=whens)


def _whens(tokens: Iterable[str], words: Collection[str]) -> frozenset[str]:
    """The words for when that stand right before one of these words."""
    return frozenset(word for word, after in pairwise(tokens) if word in senses.TIMES and after in words)


def stems(want: Asked) -> list[str]:
    """The search terms of which a turn of the chain has one: of its subject, or of what is asked and what may stand for it."""
    of = {stem for name in (*want.names, *(thing[0] for thing in want.things)) for stem in terms(name)}
    if want.names or (want.things and not want.own):
        return sorted(of)
    return sorted(of.union(*(senses.mates(word) for word in want.words)))


def verbs(want: Asked) -> list[str]:
    """The search terms of which a turn may have one that has none of `stems`: of the asker's, in several words for one."""
    return [] if want.names or not want.own else sorted(frozenset().union(*(senses.verbs(word) for word in want.words)))


def spoken(want: Asked, speakers: Iterable[str]) -> bool:
    """Whether a question names one who speaks: those say "I", are named when spoken to, and are no chain's subject."""
    return bool(want.names) and any(want.names.intersection(speaker.casefold().split()) for speaker in speakers)


def wanted(query: Query) -> Asked | None:
    """What a question asks chains for: what is so now, or at the moment that it is asked about."""
    found = None if query.valid_at is None and _PAST.search(query.text) else asked(query.text)
    return found and replace(found, back=query.valid_at is not None or query.as_of is not None)


def members(want: Asked, query: Query, memories: Sequence[Memory]) -> list[Member]:
    """The turns of the subject, in the order in which they were said."""
    found, slot = [], asking.asked(query.text)
    for memory in memories:
        if memory.kind != "turn" or memory.data.get("role") == "assistant":
            continue
        act = slot_acts.read(memory.text, memory.since)
        if act is None:
            continue
        act = _aside(act, want) if act.denied and act.old else act
        share, names_it = told(memory, slot, want.things[0] if want.things else ()), want.of(act)
        if names_it and (not _sorted(act, want) or _kin(act, want)):
            continue
        if names_it or ((share or 0.0) >= ENOUGH and _IT.search(memory.text)):  # "it" was understood when it was read
            found.append(Member(memory, act, value(act, want), fit(act, want) if names_it else 1.0, share))
    if want.names:
        found = _of_whom(found, want, slot)
    mine = [m for m in found if m.act.me] if want.own and want.names else []
    return sorted(mine or found, key=lambda m: m.seq)


def _sorted(act: Act, want: Asked) -> bool:
    """Whether its value, where it gives one, is of the sort that the question asks for."""
    if act.withdrawn or act.denied:
        return True
    given = value(act, want)
    return senses.answers(
        want.text,
        " ".join(sorted(given)),
        any(w in act.marks - act.placed and not w[:1].isdigit() and not senses.dated("day", w) for w in given),
    )


def fit(act: Act, want: Asked) -> float:
    """How near a turn's words are to those of the question: the mean over these, 0 where one of them is far from all."""
    given = frozenset(part for word in act.words if word not in want.names for part in word.split("-"))
    if not given - act.marks:  # nothing but a change: "she moved to Bern"
        given |= act.changes
    given |= act.marks.intersection(want.words)  # "the Old Mill Bank" is a bank
    if not given.isdisjoint(senses.TIMES):
        given -= _whens(act.said.split(), given - want.tokens)
    if senses.apart(frozenset(want.words), given):
        return 0.0
    if not want.words:  # "how do I get into the cottage wifi": whatever is told of it
        return 1.0
    near = [(_near(word, given, act, want), WHEN if word in want.whens else 1.0) for word in want.words]
    mean = sum(share * weight for share, weight in near) / sum(weight for _, weight in near)
    mean = max(mean, HELD) if _handed(given, act, want) else mean
    return mean if min(share for share, _ in near) >= LEAST or (len(near) > 1 and (want.names or mean >= HALF)) else 0.0


def _kin(act: Act, want: Asked) -> bool:
    """Whether a turn tells something of somebody of the speaker's, of whom it is not asked: "my sister parks at the mill"."""
    if want.names or not (found := _OF_KIN.match(act.text)):
        return False
    return all(senses.near(word, frozenset({found["kin"].casefold()})) < 1.0 for word in want.words)


def _near(word: str, given: frozenset[str], act: Act, want: Asked) -> float:
    """How near a word of a question is to a turn, 0..1; a word for when by being the same, or by the turn's giving such a time."""
    if word in want.whens:
        return float(any(not senses.mates(word).isdisjoint(terms(other)) for other in given))
    return 1.0 if word in senses.TIMES and senses.dated(word, " ".join(act.marks)) else senses.near(word, given)


def _handed(given: frozenset[str], act: Act, want: Asked) -> bool:
    """Whether somebody takes over what is asked about, and it is asked who has it: nothing is said of as what."""
    if not (want.names or want.things) or not senses.person(want.text) or not senses.handed(act.text):
        return False
    return any(not _HOLDING.isdisjoint(terms(word)) for word in want.words) and given <= act.marks | _HANDING | want.names.union(want.words)


def value(act: Act, want: Asked) -> frozenset[str]:
    """The words that are likely the value: names and numbers, else what is left of the topic."""
    marks = act.marks - want.names - want.tokens - act.old
    if marks:
        return marks
    aside = want.names | want.tokens | act.old | LIKING
    rest = frozenset(w for w in act.words if w not in aside)
    return frozenset(w for w in rest if all(senses.mates(w).isdisjoint(senses.mates(asked)) for asked in want.words)) or rest


def _of_whom(members: Sequence[Member], want: Asked, slot: asking.Asked) -> list[Member]:
    """Without those that tell of others what some tell of whom it is asked: "New Thurso lies in Garth" does not tell where Garth lies.

    Where one was read as the very answer, without all that was read as told of others: "Ann's boss is Mary" tells nothing of Mary's home.
    """
    read = {m.seq: [(asking.named(s, "", slot), name) for s, name in pairs_of(m.memory) if s not in ("", "it")] for m in members}
    read = {m.seq: [] if m.act.wrong else read[m.seq] for m in members}
    known = {name for pairs in read.values() for its, name in pairs if its}
    answered = any((m.told or 0.0) >= ENOUGH and any(its for its, _ in read[m.seq]) for m in members)
    return [
        m
        for m in members
        if not read[m.seq] or any(its or not (answered or name in known) or _turned(name, m, want) for its, name in read[m.seq])
    ]


def _turned(verb: str, m: Member, want: Asked) -> bool:
    """Whether what was read of another says by its verb what is asked of whom it is done to: "Ann guides Bo" tells who Bo's guide is."""
    if " " in verb or _forward(want):
        return False
    words = [word for word in m.act.said.split() if word not in ("the", "our", "my")]
    said = frozenset(word for word, after in pairwise(words) if after in want.names and base(word) == verb)
    return bool(said) and any(senses.near(word, said) == 1.0 for word in want.words)


def _forward(want: Asked) -> bool:
    """Whether a question asks to whom its subject does something: "whom does Ann guide?"."""
    found = _DOES.search(want.text)
    return found is not None and any(bare(word).casefold() in want.names for word in want.text[found.end() :].split()[:3])


def pairs_of(memory: Memory) -> list[tuple[str, str]]:
    """(subject, slot) of what was read off a turn."""
    return [(subject, name) for subject, name in memory.data.get("told", ()) if not _YEAR.search(subject)]


def told(memory: Memory, slot: asking.Asked, thing: Sequence[str] = ()) -> float | None:
    """How far a slot that was read off a turn is the one asked for, 0..1; None where none was read.

    The words of the `thing` that is asked about tell nothing: whatever is told of the club has "club" in it.
    """
    me = subject_form(memory.actor or "user")
    pairs = [(subject, name) for subject, name in pairs_of(memory) if name not in _LIKED]
    shares = [(asking.wanted(subject, _left(name, thing), me, slot), name) for subject, name in pairs]
    return max((share for share, name in shares if share or name.split()[0] not in asking.DOING), default=None)


def _left(name: str, thing: Sequence[str]) -> str:
    return " ".join(word for word in name.split() if word not in thing) or name


def _aside(act: Act, want: Asked) -> Act:
    """A turn, of which what is denied of a value is not taken for the value: "Bern is not Ann's home town"."""
    about = want.names | want.tokens
    stems = frozenset().union(*(senses.mates(word) for word in want.words))
    return act if about.isdisjoint(act.old) and not any(stems & senses.mates(w) for w in act.old) else replace(act, old=frozenset())

"""The lifecycle benchmark's generator: scripts of things said, done to the memory and asked of it, with exact gold.

A script is one memory's life, made from a seed: the same seed gives the same script on every machine. It is a list of steps that
any system can be put through; what a system has no door for is left to the runner. Axes: as-of, cascade, absence, rollback,
isolation, erasure, cost. The sentences come from `lifecycle_slots`, the gold from `lifecycle_world`.
"""

import hashlib
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from clew.arena.lifecycle_script import USER, Alone, Ask, Deed, Do, Draft, Keep, Marked, Residue, Same, Say, Script
from clew.arena.lifecycle_slots import SLOTS, TASKS
from clew.arena.lifecycle_world import ME, YOU, Fact, World, said, sentence

OTHERS = ("user-wilhelmine", "user-leopold")
AGENT = "assistant"
# Values of these kinds are rare strings: when one is found in a file's bytes, it came from the text.
RARE = frozenset({"firm", "bank", "place", "doctor", "name", "petname"})


def as_of(draft: Draft) -> None:
    """Eight slots with lives of their own, interleaved; asked what holds now, what held then, what was known then."""
    chance, world = draft.world.chance, draft.world
    slots = world.slots(8)
    facts = [draft.fact(slot.name, speaker=chance.random() < 0.5) for slot in slots]
    others = [draft.fact(slot.name) for slot in slots[:5]]
    plans = [(fact, chance.randrange(0, 6)) for fact in facts]
    pending = [fact for fact, changes in plans for _ in range(changes)]
    chance.shuffle(pending)
    for fact in pending:
        _happen(draft, fact)
        draft.chatter(chance.randrange(0, 2))
    for fact in others:
        draft.put(fact, change=True)
    world.tick(100, 200)
    asks: list[Ask] = []
    for fact in facts:
        last = fact.said[-1]
        how = "corrected" if last.corrects else "retracted" if last.retracts else "changed" if len(fact.said) > 1 else "unchanged"
        asks.append(draft.ask(f"now, {how}", fact))
        moments = fact.moments(world.clock)
        asks += [draft.ask("valid at", fact, valid=moment) for moment in chance.sample(moments, min(2, len(moments)))]
        asks += [draft.ask("as of", fact, known=known) for known in chance.sample(fact.said, min(2, len(fact.said)))]
    chance.shuffle(asks)
    draft.steps += asks


def _happen(draft: Draft, fact: Fact) -> None:
    """One thing that happens to a fact: mostly a change; also a correction, a late arrival, a span of the past, a withdrawal."""
    chance, now = draft.world.chance, draft.world.clock
    current = fact.holding(now, draft.world.order)
    roll = chance.random()
    if current is None or roll < 0.5:
        draft.put(fact, change=current is not None)
    elif roll < 0.68:
        draft.correct(fact, current)
    elif roll < 0.8:
        since = max(s.since for s in fact.said)
        gap = now - since
        if gap > timedelta(days=9):  # it happened between two things already told, and is told only now
            earlier = fact.first()
            draft.put(fact, change=True, at=earlier + (now - earlier) * chance.uniform(0.25, 0.75))
        else:
            draft.put(fact, change=True)
    elif roll < 0.92 and not any(s.until for s in fact.said):
        draft.span(fact)
    elif current.corrects is None:
        draft.withdraw(fact, current)
    else:
        draft.put(fact, change=True)


TRIGGERS = ("said superseded", "said corrected", "said withdrawn", "retired as superseded", "retired as corrected", "revised", "retracted")
HARMLESS = ("said again", "another's changed", "another slot changed", "a span of the past told", "untouched")


def cascade(draft: Draft) -> None:
    """Conclusions that rest on premises, some on several; then premises change, or only things beside them do."""
    chance, world = draft.world.chance, draft.world
    groups: list[tuple[list[Fact], list[Say], str]] = []
    slots = world.slots(6)
    for slot, what in zip(slots, [*chance.sample(TRIGGERS, 3), *chance.sample(HARMLESS, 2), "mixed"], strict=True):
        fact = draft.fact(slot.name, speaker=chance.random() < 0.4)
        draft.chatter(chance.randrange(0, 2))
        groups.append(([fact], _conclusions(draft, [fact]), what))
    mixed, said_of_mixed, _ = groups[-1]
    second = draft.fact(world.slots(1)[0].name)
    both = _conclude(
        draft, (said_of_mixed[0].key, second.said[-1].key), f"Taking both together, {world.chance.choice(TASKS)} is affected too."
    )
    chance.shuffle(groups)
    affected: list[str] = []
    for facts, conclusions, what in groups:
        keys = tuple(c.key for c in conclusions)
        if what == "mixed":  # the second premise of `both` changes: what rests on the first alone stands
            _trigger(draft, second, chance.choice(TRIGGERS[:2]))
            affected.append(both.key)
        elif what in TRIGGERS:
            _trigger(draft, facts[0], what)
            affected += keys
        else:
            _harmless(draft, facts[0], what)
    for facts, conclusions, what in groups:
        keys = tuple(c.key for c in conclusions)
        here = tuple(k for k in keys if k in affected)
        rest = tuple(k for k in keys if k not in affected)
        also = (both.key,) if facts is mixed else ()
        draft.steps.append(Marked(draft.name("m"), what, USER, (*here, *also), rest))


def _conclusions(draft: Draft, facts: Sequence[Fact]) -> list[Say]:
    """One to three conclusions in a row, or four in a diamond, that rest on the newest statement of the first fact."""
    chance, fact = draft.world.chance, facts[0]
    premise = fact.said[-1]
    texts = _drawn(draft, fact)
    first = _conclude(draft, (premise.key,), f"Conclusion: {texts[0]}.")
    shape = chance.choice(("one", "two", "three", "diamond"))
    if shape == "one":
        return [first]
    tasks = chance.sample(TASKS, 3)
    if shape == "diamond":
        left = _conclude(draft, (first.key,), f"Because of that, {tasks[0]} has to be planned for.")
        right = _conclude(draft, (premise.key,), f"Conclusion: {texts[1]}.")
        return [first, left, right, _conclude(draft, (left.key, right.key), f"So {tasks[1]} depends on both of these.")]
    chain = [first, _conclude(draft, (first.key,), f"Because of that, {tasks[0]} has to be planned for.")]
    if shape == "three":
        chain.append(_conclude(draft, (chain[1].key,), f"It follows that {tasks[1]} comes next."))
    return chain


def _drawn(draft: Draft, fact: Fact) -> list[str]:
    """What an agent concludes from the newest value, in its own words: the speaker is `you` to it."""
    subject = YOU if fact.subject.speaker else fact.subject
    texts = [said(form, subject, v=fact.said[-1].value) for form in fact.slot.concludes]
    texts = [re.sub(r"the ([\w -]+?) of you\b", r"your \1", text) for text in texts]
    draft.world.chance.shuffle(texts)
    return texts


def _conclude(draft: Draft, basis: tuple[str, ...], text: str) -> Say:
    return draft.say(sentence(text), actor=AGENT, basis=basis)


def _trigger(draft: Draft, fact: Fact, what: str) -> None:
    """The premise changes in this way."""
    old = fact.said[-1]
    if what == "said superseded":
        draft.put(fact, change=True)
    elif what == "said corrected":
        draft.correct(fact, old)
    elif what == "said withdrawn":
        draft.withdraw(fact, old)
    elif what == "revised":
        draft.steps.append(Do("revise", (old.key,), draft.world.told(fact, draft.world.value(fact.slot.values))))
    elif what == "retracted":
        draft.steps.append(Do("retract", (old.key,)))
    else:
        draft.steps.append(Do("retire", (old.key,), what.removeprefix("retired as ")))


def _harmless(draft: Draft, fact: Fact, what: str) -> None:
    """Something happens beside the premise that leaves it as it is."""
    world = draft.world
    if what == "said again":
        draft.say(world.again(fact, fact.said[-1].value))
    elif what == "another's changed":
        other = draft.fact(fact.slot.name)
        draft.put(other, change=True)
    elif what == "another slot changed":
        fitting = [s for s in SLOTS.values() if s.about == fact.slot.about == "person" and s.name not in {f.slot.name for f in draft.facts}]
        if fitting:
            other = draft.fact(world.chance.choice(fitting).name, subject=fact.subject)
            draft.put(other, change=True)
    elif what == "a span of the past told":
        draft.span(fact)


def absence(draft: Draft) -> None:
    """Twelve facts that must be answered; and what was never said, was forgotten, or is another user's, which must not be."""
    chance, world = draft.world.chance, draft.world
    slots = [*world.slots(8, about="person"), *world.slots(4, about="thing")]
    told = [draft.fact(slot.name, speaker=place < 4 and chance.random() < 0.6) for place, slot in enumerate(slots)]
    doomed = [draft.fact(slot.name) for slot in world.slots(3, kinds=RARE)]  # rare, so that `matching` meets nothing else
    foreign = [draft.fact(slot.name, user=OTHERS[0]) for slot in world.slots(3, about="person")]
    draft.chatter(6)
    chance.shuffle(doomed)
    draft.steps.append(Do("forget events", (doomed[0].said[0].key, doomed[1].said[0].key)))
    draft.steps.append(Do("forget matching", (), doomed[2].said[0].value))
    asks = [draft.ask("answerable", fact) for fact in told]
    people = [f for f in told if f.slot.about == "person" and not f.subject.speaker]
    for fact in chance.sample(people, min(4, len(people))):  # a known person, a slot that only others have
        having = {f.slot.name for f in draft.facts if f.subject == fact.subject}
        slot = chance.choice([f.slot for f in draft.facts if f.slot.about == "person" and f.slot.name not in having])
        asks.append(_nothing(draft, "never said", Fact(slot, fact.subject, USER)))
    for fact in chance.sample(told, 4):  # someone or something that was never mentioned, a slot that others have
        asks.append(_nothing(draft, "never met", Fact(fact.slot, world.subject(fact.slot), USER)))
    asks += [replace(draft.ask("forgotten", f), gold=None, keys=(), wrong=(*f.values(), *draft.lures(f))) for f in doomed]
    asks += [replace(draft.ask("another user's", f, user=USER), gold=None, keys=(), wrong=(*f.values(), *draft.lures(f))) for f in foreign]
    chance.shuffle(asks)
    draft.steps += asks


def _nothing(draft: Draft, kind: str, fact: Fact) -> Ask:
    return draft.ask(kind, fact)


def rollback(draft: Draft) -> None:
    """A rebuild, an older generation and a revision that is undone give exactly the answers of before."""
    chance, world = draft.world.chance, draft.world
    facts = [draft.fact(slot.name, speaker=chance.random() < 0.3) for slot in world.slots(6)]
    for fact in chance.sample(facts, 3):
        draft.put(fact, change=True)
    draft.chatter(4)
    draft.steps.append(Keep("before", tuple(draft.ask("rollback", fact) for fact in facts)))
    deeds: tuple[Deed, ...] = ("rebuild", "promote older", "promote newer")
    for deed in deeds:
        draft.steps.append(Do(deed))
        draft.steps.append(Same(draft.name("s"), deed, "before"))
    fact = chance.choice(facts)
    last = fact.said[-1]
    old = next(step.text for step in draft.steps if isinstance(step, Say) and step.key == last.key)
    new = world.value(fact.slot.values)
    draft.steps.append(Do("revise", (last.key,), world.told(fact, new)))
    asked = draft.ask("revised", fact)
    draft.steps.append(replace(asked, gold=new, wrong=(*asked.wrong, last.value)))
    draft.steps.append(Do("revise", (last.key,), old))
    draft.steps.append(Same(draft.name("s"), "revision undone", "before"))


def isolation(draft: Draft) -> None:
    """Three users with the same slots of the same people and of themselves, all values different."""
    chance, world = draft.world.chance, draft.world
    slots = world.slots(5, about="person")
    shared = [ME if i < 2 else world.person() for i in range(len(slots))]
    everyone = [(user, slot, whose) for user in (USER, *OTHERS) for slot, whose in zip(slots, shared, strict=True)]
    chance.shuffle(everyone)
    facts = [draft.fact(slot.name, user=user, subject=whose) for user, slot, whose in everyone]
    for fact in chance.sample(facts, 6):
        draft.put(fact, change=True)
    for user in (USER, *OTHERS):
        asks = tuple(draft.ask("own", fact) for fact in facts if fact.user == user)
        draft.steps += asks
        draft.steps.append(Alone(draft.name("a"), user, asks))


def erasure(draft: Draft) -> None:
    """An update is forgotten and what it had ended comes back; what matches is forgotten; then a whole user is."""
    chance, world = draft.world.chance, draft.world
    slots = world.slots(6, kinds=RARE)
    facts = [draft.fact(slot.name, speaker=chance.random() < 0.3) for slot in slots]
    theirs = [draft.fact(slot.name, user=OTHERS[0]) for slot in chance.sample(slots, 3)]
    draft.say(world.told(facts[3], facts[3].said[-1].value), OTHERS[0])  # two users share a fact: forgetting one leaves the other's
    draft.chatter(4)
    changed = facts[:2]
    for fact in changed:
        draft.put(fact, change=True)
    resting = chance.random() < 0.5  # what an agent concluded from a forgotten event goes with it
    if resting:
        _conclude(draft, (changed[0].said[-1].key,), f"Conclusion: {_drawn(draft, changed[0])[0]}.")
    dropped = [fact.said.pop() for fact in changed]  # from here on the gold is that of a world where they were never said
    draft.steps.append(Do("forget events", tuple(s.key for s in dropped)))
    back = [draft.ask("what it had ended is back", fact) for fact in changed]
    back = [replace(asked, wrong=(*asked.wrong, gone.value)) for asked, gone in zip(back, dropped, strict=True)]
    kept = tuple(f.said[-1].value for f in facts)
    draft.steps += back
    kind = "forget events with conclusions" if resting else "forget events"
    draft.steps.append(Residue(draft.name("r"), kind, tuple(s.value for s in dropped), kept, tuple(back)))
    match = facts[2]
    word = match.said[-1].value
    draft.steps.append(Do("forget matching", (), word))
    asked = replace(draft.ask("forgotten", match), gold=None, keys=(), wrong=(word,))
    draft.steps.append(Residue(draft.name("r"), "forget matching", (word,), tuple(v for v in kept if v != word), (asked,)))
    others = tuple(replace(draft.ask("forgotten", f), gold=None, keys=(), wrong=f.values()) for f in theirs)
    draft.steps.append(Do("forget user", user=OTHERS[0]))
    gone = (OTHERS[0], *(v for f in theirs for v in f.values()))
    rest = [f for f in facts if f is not match]
    draft.steps.append(Residue(draft.name("r"), "forget user", gone, tuple(f.said[-1].value for f in rest), others))
    draft.steps += [draft.ask("survivor", fact) for fact in rest]


def cost(draft: Draft) -> None:
    """Four hundred lines, a tenth of them facts, and forty questions: what a memory costs when most is chatter."""
    chance, world = draft.world.chance, draft.world
    names = list(SLOTS)
    facts: list[Fact] = []
    while len(facts) < 40 and world.people and world.marks:
        name = chance.choice(names)
        try:
            facts.append(draft.fact(name))
        except LookupError:
            continue
        draft.chatter(9)
    draft.steps += [draft.ask("cost", fact) for fact in facts]


AXES: dict[str, tuple[Callable[[Draft], None], int]] = {  # with how many scripts a seed gives
    "as-of": (as_of, 6),
    "cascade": (cascade, 12),
    "absence": (absence, 5),
    "rollback": (rollback, 4),
    "isolation": (isolation, 3),
    "erasure": (erasure, 4),
    "cost": (cost, 1),
}


def scripts(seed: int, axes: Sequence[str] = ()) -> Iterator[Script]:
    """Every script of a seed, of these axes where given; the same for the same seed everywhere."""
    for axis, (write, n) in AXES.items():
        for number in range(n if not axes or axis in axes else 0):
            digest = hashlib.sha256(f"lifecycle {seed} {axis} {number}".encode()).digest()
            yield _written(write, axis, f"{axis}-{seed}-{number}", random.Random(int.from_bytes(digest[:8], "big")))


def _written(write: Callable[[Draft], None], axis: str, name: str, chance: random.Random) -> Script:
    """One script; where a list of values was used up half-way, it is begun anew with the chance as it then is."""
    while True:
        draft = Draft(World(chance), name)
        try:
            write(draft)
            return draft.done(axis)
        except LookupError:
            continue


def seeds(commit: str, n: int = 3) -> tuple[int, ...]:
    """The seeds of reported runs: the first eight hex digits of the commit that last touched the generator, and those after."""
    first = int(commit[:8], 16)
    return tuple(range(first, first + n))

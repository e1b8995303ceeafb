"""Chains: brief turns about one thing of one subject, in whatever words, put in order, so that one of them holds at a time.

Where a slot is read, `change.py` settles it. Here nothing is parsed: turns that name the subject and are near to what is
asked belong together, and so does what corrects, takes back or replaces a value that one of them gave. Each has the time it
tells of, or holds from when it was said; a correction takes the time of what it corrects; what is taken back is as if it had
never been said, so that what it had replaced holds again.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from clew.operators.ranking.nearness import nearest
from clew.operators.ranking.rank import DIGITS, NEWER
from clew.operators.slots import acts as slot_acts
from clew.operators.slots import asking, senses
from clew.operators.slots.acts import Act
from clew.operators.slots.asking import ENOUGH
from clew.operators.slots.members import HALF, LIKING, Asked, Member, fit, members, pairs_of, spoken, told, value, wanted
from clew.operators.truth.aptness import APT
from clew.types import Change, Hit, Memory, Query, may_end

VERSION = 5
LOOKED_AT = 40  # hits that are looked at
TERMS = 45  # of a turn that may be brief
# Among a hit's shares, at 0: the chain's own verdict, for whoever reads an answer off the hits. Of "none" any hit may tell: then the
# chain has nothing that holds.
HOLDS, ENDED, NONE = "holds", "ended", "none"
FETCHED = 40  # brief turns that have a word of what is asked, the newest, that are looked at beside the hits
OWN = 0.4  # APT where the subject is the speaker, of whom much is told
BESIDE = 0.55  # and of the nearest of them, what another must have
SURE = 0.99  # how far a slot that was read must be the one asked for, to begin a chain whatever the words
LOOSE = 0.3  # nearness to the question from which a turn of a named subject joins a chain that there is
LIKELY = 0.55  # of the nearest, what a turn must have whose slot was read as another than the one asked for
NAMED = 0.5  # share of a value's words that later words must have to speak of it
KINDRED = 0.35  # nearness of two values that may stand in the same place
KIN = 0.2  # the same, where nothing else is told that it might be
TYPICAL = 0.3  # nearness of a value to what is typical of the kind asked for, from which it may be of it
_THAT = re.compile(r"(?:and\s+|but\s+|so\s+)?(?:it|that|this|the)\b", re.I)
_AGAIN = frozenset({"back", "again", "returned", "reverted", "restored", "resumed"})
_PLACED = frozenset({"moved", "move", "relocated", "transferred"})  # what comes after is a place or a time, nobody
_SPOTS = frozenset("home place office venue school hotel desk room seat berth town city".split())  # noqa: SIM905
_WEAK = frozenset(
    {"set", "today", "again", "then", "still", "made", "put", "current", "currently", "just", "given", "since"}
)  # as often of what never changed


@dataclass(frozen=True, slots=True)
class Link:
    """A member's place in time: it holds in [since, until), of which the end may be open; or it never did, and why."""

    member: Member
    since: datetime
    until: datetime | None
    span: bool  # both ends, or the end, were told: within it, it outranks what was open then
    void: str = ""  # corrected or retracted
    by: str | None = None


def resolved(query: Query, memories: Sequence[Memory]) -> list[Link]:
    """The chain of what a question asks for among these turns, each with its time; empty where there is none."""
    want = wanted(query)
    if want is None or spoken(want, (m.actor or "" for m in memories)):
        return []
    want = want.narrowed(memories)
    chain = _chained(members(want, query, memories), want)
    most = max((m.memory.trust for m in chain), default=0)
    return _placed([m for m in chain if may_end(m.memory.trust, most)], want)


def _chained(members: Sequence[Member], want: Asked) -> list[Member]:
    """Those of the subject's turns that belong to what is asked: the near ones, and what is tied to them by their values."""
    most = max((m.fit for m in members), default=0.0)
    # what was read as another slot than the one asked for is about something else, unless nothing is nearer
    likely = [m for m in members if m.told is None or m.told >= ENOUGH or m.fit >= LIKELY * most or _bare(m, want)]
    least = APT if want.names else max(OWN, BESIDE * most)
    far = not want.names and most < HALF and not want.back  # so much is told of a speaker that something is always a little near
    inside = {} if far else {m.seq: m for m in likely if m.fit >= least or (m.told or 0.0) >= SURE}
    inside |= {m.seq: m for m in _favoured(members, list(inside.values()), want)}
    if all(m.act.denied and not m.act.wrong and (m.told or 0.0) < ENOUGH for m in inside.values()):
        return []  # what is not so, of something that was never said to be, begins nothing
    grown = True
    while grown:
        grown = False
        for m in members:
            chain = list(inside.values())
            if m.seq not in inside and (_spoken_of(m, chain, members) or (m in likely and _tied(m, chain, members, want))):
                inside[m.seq] = m
                grown = True
    return [inside[seq] for seq in sorted(inside)]


def _favoured(members: Sequence[Member], chain: Sequence[Member], want: Asked) -> list[Member]:
    """Of those that tell a favourite and not of what kind, the ones that are of the kind asked for: like its values, or typical of it."""
    if want.tokens.isdisjoint(LIKING):
        return []
    some = [m for m in members if m not in chain and not m.act.tokens.isdisjoint(LIKING)]
    open_ones = [m for m in some if senses.favoured(m.act.text)]
    others = [m for m in some if m not in open_ones]
    found = []
    for m in open_ones:
        like = max((kindred(m, c) for c in chain), default=0.0)
        other = max((kindred(m, o) for o in others), default=0.0)
        typical = senses.typical(want.words, m.value)
        if typical >= TYPICAL or (typical > -TYPICAL and like >= (KINDRED if others else KIN) and like > other):
            found.append(m)
    return found


def _spoken_of(m: Member, chain: Sequence[Member], members: Sequence[Member]) -> bool:
    """Whether it corrects or takes back a value of the chain, or one of the chain its value."""
    if m.act.wrong and (meant := _meant(m, members)) is not None and meant in chain:
        return True
    return any(c.act.wrong and _meant(c, members) is m for c in chain)


def _tied(m: Member, chain: Sequence[Member], members: Sequence[Member], want: Asked) -> bool:
    """Whether it is near to what is asked, where much is told of its subject, or only replaces a value of the chain."""
    near = bool(want.names and not want.things and m.fit >= LOOSE) or (m.told or 0.0) >= ENOUGH
    return near or _goes_over(m, chain) or _returns(m, chain) or _replaces(m, chain, members, want)


def _goes_over(m: Member, chain: Sequence[Member]) -> bool:
    """Whether it tells of a change, with the whole of a value of the chain beside another: "we finished the oak one and are on to elm"."""
    if m.told is not None or m.act.wrong or not m.act.changes - _WEAK:
        return False
    return any(c.value and c.seq < m.seq and c.value <= m.act.tokens and m.value - c.value and c.sort == m.sort for c in chain)


def _returns(m: Member, chain: Sequence[Member]) -> bool:
    """Whether it tells of going back to a value of the chain: "she is back at the mill"."""
    return (
        not m.act.wrong
        and not _AGAIN.isdisjoint(m.act.tokens)
        and bool(m.value)
        and any(c.value == m.value and c.seq < m.seq for c in chain)
    )


def _meant(wrong: Member, members: Sequence[Member]) -> Member | None:
    """Of what was said before, the turn whose value words of error name."""
    scored = [(named(m.value, wrong.act), m.seq, m) for m in members if m.seq < wrong.seq]
    best = max((s for s in scored if s[0] >= NAMED), key=lambda s: s[:2], default=None)
    return best[2] if best else None


def _replaces(m: Member, chain: Sequence[Member], members: Sequence[Member], want: Asked) -> bool:
    """Whether it says nothing but a change and a value ("I switched to the oboe") that is likest to those of this chain."""
    if not _bare(m, want) or not any(c.value and m.sort == c.sort for c in chain) or (m.act.changes & _PLACED and not _whereabouts(want)):
        return False
    others = [o for o in members if o is not m and o not in chain and not _bare(o, want)]
    if not others and want.names:
        return True
    slots = {tuple(pair) for pair in pairs_of(m.memory)}
    if any(tuple(pair) in slots for o in others for pair in pairs_of(o.memory)):  # it was read as what another tells of
        return False
    typical = senses.typical(want.words, m.value) if m.sort == "word" else 0.0
    mine = max((typical, *(kindred(m, c) for c in chain)))
    return mine >= KINDRED and mine > max((kindred(m, o) for o in others), default=0.0)


def _whereabouts(want: Asked) -> bool:
    """Whether a question is about where something or somebody is, as far as "moved to" may tell."""
    return "where" in want.tokens or any(senses.near(word, _SPOTS) > SURE for word in want.words)


def _bare(m: Member, want: Asked) -> bool:
    plain = [w for w in m.act.words if w not in want.names and w not in m.act.marks]
    if not m.act.changes:
        return False
    named = bool(m.act.marks - want.names)  # then that is the value, and a word beside it is of what
    return len(plain) + named <= 1 or (m.act.tail and m.act.before <= want.names and not (named and plain))


def named(value: frozenset[str], act: Act) -> float:
    """The share of a value's words that a turn has; where it puts something aside, among that."""
    return len(value & (act.old or act.tokens)) / len(value) if value else 0.0


def kindred(m: Member, other: Member) -> float:
    """How near the values of two turns are, 0..1: of words by meaning, numbers by having as many characters."""
    one, two = m.value, other.value
    if not one or not two or m.sort != other.sort:
        return 0.0
    if m.sort == "number":
        return float(len(max(one)) == len(max(two)))
    return max((nearest(word, two) for word in one if word.isalpha()), default=0.0)


def _placed(chain: Sequence[Member], want: Asked) -> list[Link]:
    """Each turn of a chain with its time, in the order in which they were said."""
    links: dict[int, Link] = {}
    for m in chain:
        said = m.memory.since or slot_acts.LONG_AGO
        standing = [link for link in links.values() if not link.void]
        target = _target(m, standing)
        fresh = _fresh(m, target, want) if target is not None else m.value
        taking = m.act.withdrawn and not (target is not None and fresh)
        if taking or (target is not None and m.act.denied and not fresh):
            if target is not None and m.act.over and not m.act.wrong:
                links[target.member.seq] = replace(target, until=said)
            elif target is not None:
                links[target.member.seq] = replace(target, void="retracted", by=m.memory.id)
            links[m.seq] = Link(m, said, said, False, "withdrawal")
            continue
        since, until = m.act.since or said, m.act.until or m.memory.until
        span = m.act.until is not None
        if target is not None and (m.act.wrong or _contrasts(m, target)) and m.act.since is None:
            links[target.member.seq] = replace(target, void="corrected", by=m.memory.id)
            since, until, span = target.since, target.until, target.span
            m = replace(m, value=fresh or m.value)
        links[m.seq] = Link(m, since, until, span)
    return list(links.values())


def _target(m: Member, standing: Sequence[Link]) -> Link | None:
    """The statement that a denial or words of error speak of: the one whose value they name, of words of error else the last one."""
    if not m.act.wrong and not m.act.denied:
        return max((link for link in standing if _contrasts(m, link)), key=lambda link: link.member.seq, default=None)
    scored = [(named(link.member.value, m.act), link.member.seq, link) for link in standing]
    best = max((s for s in scored if s[0] >= NAMED), key=lambda s: s[:2], default=None)
    if best is not None:
        return best[2]
    return max(standing, key=lambda link: (link.since, link.member.seq), default=None) if m.act.wrong else None


def _fresh(m: Member, old: Link, want: Asked) -> frozenset[str]:
    """The words of the value that a turn puts in the place of that one; empty where it only takes it back."""
    found = m.value - old.member.value - ({m.act.lead} & old.member.act.tokens)
    if not (m.act.withdrawn or m.act.denied):
        return found
    claims = [slot_acts.question(part) for part in m.act.claims]
    best = not want.tokens.isdisjoint(LIKING)
    about = [
        claim
        for claim in claims
        if (want.of(claim) if want.names else fit(claim, want) >= OWN or (best and senses.favoured(claim.text))) or _goes_on(claim)
    ]
    for claim in about:  # "I am at the corner desk, I don't know why I typed 17C"
        if fresh := value(claim, want) - old.member.value - old.member.act.tokens:
            return fresh
    beside = frozenset().union(*(claim.tokens for claim in claims if claim not in about))
    return frozenset() if m.act.withdrawn else found - beside  # "it isn't develop, my memory played a trick on me"


def _goes_on(claim: Act) -> bool:
    """Whether a part of a turn says to whom what was spoken of went: "that job fell to Ann"."""
    return bool(_THAT.match(claim.text)) and senses.handed(claim.text)


def _contrasts(m: Member, link: Link) -> bool:
    """Whether it gives another value and has the whole of that one beside it, with no word of change: "the gate is B12, A3 is for Lyon"."""
    old = link.member.value
    if not (old and m.value - old) or not old <= m.act.tokens or m.act.changes - _WEAK or m.act.until is not None:
        return False
    # "the mill burned down", "Ann succeeded Bo": that is why it is no longer so
    return not (slot_acts.gone(m.act.text) or senses.handed(m.act.text) or slot_acts.acted(m.act, old))


def holding(links: Iterable[Link], at: datetime) -> Link | None:
    """The link that holds at that moment: what was told of a span before what was open then, of these the latest."""
    there = [link for link in links if not link.void and link.since <= at and (link.until is None or at < link.until)]
    spans = [link for link in there if link.span]
    return max(spans or there, key=lambda link: (link.since, link.member.seq), default=None)


def held(query: Query, hits: Sequence[Hit], late: Sequence[Hit], at: datetime) -> list[Hit]:
    """The hits, best first, where of a chain what holds at the time asked for comes first, fetched from `late` where need be.

    `late` are turns that a question about the past does not see by themselves: they were said afterwards, and may tell of it.
    """
    then = query.valid_at or at
    pool = {hit.memory.id: hit for hit in (*late[: LOOKED_AT + FETCHED], *hits[:LOOKED_AT])}
    links = resolved(query, [hit.memory for hit in pool.values()])
    if not links:
        return list(hits)
    now = holding(links, then)
    marks = {link.member.memory.id: _changes(link, now, then) for link in links}
    found = [_marked(hit, marks, now) if hit.memory.id in marks else hit for hit in hits]
    if now is None:
        return [replace(found[0], why={**found[0].why, NONE: 0.0}), *found[1:]] if found else found
    return _first(found, _marked(pool[now.member.memory.id], marks, now))


def _first(hits: Sequence[Hit], first: Hit) -> list[Hit]:
    """The hits with that one in the best place, put among them where it is not there."""
    here = next((n for n, hit in enumerate(hits) if hit.memory.id == first.memory.id), None)
    if here == 0:
        return list(hits)
    top = round(hits[0].score + 10**-DIGITS, DIGITS) if hits else 0.0
    first = hits[here] if here is not None else first
    first = replace(first, score=top, why={**first.why, NEWER: round(top - first.score + first.why.get(NEWER, 0.0), DIGITS)})
    return [first, *(hit for hit in hits if hit.memory.id != first.memory.id)]


def placed(hits: Sequence[Hit], now: Hit, before: Sequence[Memory]) -> list[Hit]:
    """The hits, best first, with what holds before them and what it took the place of told to have ended."""
    since, past = now.memory.since, {m.id for m in before}
    change = () if since is None else (Change("superseded", since.astimezone(UTC), now.memory.id),)
    found = [replace(h, changes=h.changes or change, why={**h.why, ENDED: 0.0}) if h.memory.id in past else h for h in hits]
    found = [replace(h, why={**h.why, HOLDS: 0.0}) if h.memory.id == now.memory.id else h for h in found]
    return _first(found, replace(now, why={**now.why, HOLDS: 0.0}))


def _changes(link: Link, now: Link | None, then: datetime) -> tuple[Change, ...]:
    """What became of a statement of a chain by the time asked for."""
    if link.void in ("corrected", "retracted"):
        return (Change(link.void, link.since.astimezone(UTC), link.by),)
    if now is not None and link is not now and not link.void and link.since <= now.since:
        return (Change("superseded", now.since.astimezone(UTC), now.member.memory.id),)
    return ()


def _marked(hit: Hit, marks: dict[str, tuple[Change, ...]], now: Link | None) -> Hit:
    holds = now is not None and now.member.memory.id == hit.memory.id
    return replace(hit, changes=hit.changes or marks[hit.memory.id], why={**hit.why, HOLDS if holds else ENDED: 0.0})


def verdict(hits: Sequence[Hit]) -> tuple[bool, Hit | None]:
    """(whether the hits hold a chain, its statement that holds): what `held` found, read off its hits."""
    now = next((hit for hit in hits if HOLDS in hit.why), None)
    return now is not None or any(ENDED in hit.why or NONE in hit.why for hit in hits), now


def owned(query: Query, hits: Sequence[Hit]) -> bool:
    """Whether the hits hold a chain that is more than a reading of no one: of a thing of several common words, or with what was read
    as the very answer."""
    there, now = verdict(hits)
    if now is not None and (told(now.memory, asking.asked(query.text)) or 0.0) >= ENOUGH:
        return True
    want = wanted(query)
    return there and want is not None and any(len(thing) > 1 for thing in want.narrowed([hit.memory for hit in hits]).things)

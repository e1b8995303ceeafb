"""What held when: the statements of one slot put in order, so that each value has its time and each end its reason.

Superseded (it was true until another took its place), corrected (it was never true) and retracted (its source was
withdrawn) are told apart. Nothing is taken away: every statement keeps an interval, if an empty one, and says by what.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from clew.operators.slots.statement import Statement
from clew.operators.slots.words import value_form
from clew.types import TRUST, may_end

VERSION = 1
SUPERSEDED, CORRECTED, RETRACTED, EXPIRED, REFUSED = "superseded", "corrected", "retracted", "expired", "refused"


@dataclass(frozen=True, slots=True)
class Said:
    """A statement as it was said: by which memory, in which event, when, and how far it may be believed."""

    statement: Statement
    key: str  # names it to the caller: a memory's id
    seq: int  # the event that said it
    at: datetime  # when it was said; it holds from then on where it does not say since when
    trust: int = TRUST["user"]

    @property
    def since(self) -> datetime:
        """When it began to hold, as far as is known."""
        given = self.statement
        if given.since is not None:
            return given.since
        return min(self.at, given.until) if given.until is not None else self.at


@dataclass(frozen=True, slots=True)
class Holding:
    """One statement's place in its slot: it held in [since, until), and this is why and by whose words it ended.

    `reason` is None where it holds still, else superseded, corrected, retracted, expired, or refused (a statement that may
    not end what is trusted more, and so holds nothing). `ends` are the keys of the statements that this one put an end to.
    """

    said: Said
    since: datetime
    until: datetime | None
    reason: str | None = None
    by: str | None = None
    ends: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """It has not ended."""
        return self.reason is None


def settle(said: Sequence[Said], withdrawn: Collection[str] = ()) -> list[Holding]:
    """The statements of ONE slot with the time in which each held, ordered by (since, seq).

    Pure and complete: the same statements in any order give the same result, so what arrives late or is back-dated lands
    where it belongs. A value that is said again confirms the one that holds. `withdrawn` names statements whose source was
    retracted: what they had ended holds again.
    """
    ordered = sorted(said, key=lambda s: (s.seq, s.key))
    gone = [Holding(s, s.since, s.since, RETRACTED) for s in ordered if s.key in withdrawn]
    standing: dict[str, Holding] = {}
    for one in ordered:
        if one.key not in withdrawn:
            for holding in _placed(one, list(standing.values())):
                standing[holding.said.key] = holding
    return sorted([*standing.values(), *gone], key=lambda h: (h.since, h.said.seq, h.said.key))


def _placed(one: Said, before: Sequence[Holding]) -> list[Holding]:
    """The holdings that change when this is said, itself among them; `before` are those of the statements said earlier."""
    statement, value = one.statement, value_form(one.statement.value)
    open_ones = [h for h in before if h.reason not in (CORRECTED, REFUSED, RETRACTED) and not _end_only(h)]
    if statement.correcting and statement.negated and not value:  # "forget what I said about it": it was never so
        hit = [h for h in open_ones if h.holds]
        if any(not may_end(one.trust, h.said.trust) for h in hit):
            return [Holding(one, one.since, one.since, REFUSED)]
        gone = [replace(h, until=h.since, reason=RETRACTED, by=one.key) for h in hit]
        return [*gone, Holding(one, one.since, one.since, EXPIRED, ends=tuple(h.said.key for h in gone))]
    if statement.correcting and not statement.negated:
        return _corrected(one, value, open_ones)
    if _end_only(Holding(one, one.since, None)):
        hit = [h for h in open_ones if h.until is None or h.until > one.since]
        hit = [h for h in hit if h.since <= one.since and (not value or value_form(h.said.statement.value) == value)]
        if any(not may_end(one.trust, h.said.trust) for h in hit):
            return [Holding(one, one.since, one.since, REFUSED)]
        ended = [replace(h, until=one.since, reason=SUPERSEDED, by=one.key) for h in hit]
        return [*ended, Holding(one, one.since, one.since, EXPIRED, ends=tuple(h.said.key for h in ended))]
    if not statement.single:
        return [Holding(one, one.since, statement.until, EXPIRED if statement.until else None)]
    return _inserted(one, value, open_ones)


def _inserted(one: Said, value: str, open_ones: Sequence[Holding]) -> list[Holding]:
    """A value in its place between what held before it and what came after."""
    since, until = one.since, one.statement.until
    rivals = [h for h in open_ones if value_form(h.said.statement.value) != value]
    later = min((h for h in rivals if (h.since, h.said.seq) > (since, one.seq)), key=lambda h: (h.since, h.said.seq), default=None)
    cut = [h for h in rivals if (h.since, h.said.seq) < (since, one.seq) and (h.until is None or h.until > since)]
    if any(not may_end(one.trust, h.said.trust) for h in cut):
        return [Holding(one, since, since, REFUSED)]
    ended = [replace(h, until=since, reason=SUPERSEDED, by=one.key) for h in cut]
    ends = tuple(h.said.key for h in ended)
    if later is not None and may_end(later.said.trust, one.trust) and (until is None or later.since < until):
        whole = replace(later, ends=tuple(dict.fromkeys((*later.ends, one.key))))
        return [*ended, whole, Holding(one, since, later.since, SUPERSEDED, later.said.key, ends)]
    return [*ended, Holding(one, since, until, EXPIRED if until else None, ends=ends)]


def _corrected(one: Said, value: str, open_ones: Sequence[Holding]) -> list[Holding]:
    """A correction takes the place, and the beginning, of the value said last before it; that one was never true."""
    at = one.statement.since
    rivals = [h for h in open_ones if value_form(h.said.statement.value) != value and (h.holds or at is not None)]
    wrong = max(
        (h for h in rivals if at is None or (h.since <= at and (h.until is None or h.until > at))), key=lambda h: h.said.seq, default=None
    )
    if wrong is None:
        return _inserted(one, value, open_ones)
    if not may_end(one.trust, wrong.said.trust):
        return [Holding(one, one.since, one.since, REFUSED)]
    since = at or wrong.since
    again = [replace(h, by=one.key) for h in open_ones if h.by == wrong.said.key and h.said.key != wrong.said.key]
    void = replace(wrong, until=wrong.since, reason=CORRECTED, by=one.key, ends=())
    same = [
        h for h in rivals if h is not wrong and h.holds and value_form(h.said.statement.value) == value_form(wrong.said.statement.value)
    ]
    voids = [replace(h, until=h.since, reason=CORRECTED, by=one.key) for h in same]
    ends = tuple(dict.fromkeys([wrong.said.key, *wrong.ends, *(h.said.key for h in same)]))
    return [*again, *voids, void, Holding(one, since, wrong.until, wrong.reason, wrong.by, ends)]


def _end_only(holding: Holding) -> bool:
    """It says that something ended, or does not hold, and puts nothing in its place."""
    return holding.said.statement.ending or holding.said.statement.negated

"""What must stay and what must go: legal holds, pins, and rules by age, kind, scope and words. All of them are events of the log."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from clew import intake
from clew.errors import NotFound, UsageError
from clew.storage import rows
from clew.storage.log import Entry, Log, micros
from clew.types import KINDS, TRUST, Event, Recorded, Scope

STANDING = ("hold", "rule")  # kinds of the events that this module writes
FIXED = frozenset({"forget", "edit", *STANDING})  # kinds that no rule may name: an edit that goes alone undoes a correction
USUAL = frozenset({*KINDS, "query", "outcome", "feedback", "tick"}) - FIXED
LONGEST = timedelta(days=36_500)
SHORTEST = 2  # characters that a rule matches, at least


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events are meant; every field that is set narrows it."""

    user: str | None = None
    actor: str | None = None
    session: str | None = None
    events: Sequence[int] = ()
    memories: Sequence[str] = ()
    matching: str | None = None
    before: datetime | None = None  # happened before
    agent: str | None = None
    kind: str | None = None
    learned: datetime | None = None  # was recorded before

    @property
    def scope(self) -> Scope:
        """The names among its fields, the actor left out."""
        return Scope(self.user, self.agent, self.session)

    @property
    def names(self) -> bool:
        """True where it says whose events are meant."""
        return not (self.user is self.actor is self.session is self.agent is None)

    def resolved(self, log: Log) -> list[Event]:
        """The events that are meant, forgotten ones and forgets left out; UsageError where nothing narrows it."""
        for seq in self.events:
            if isinstance(seq, bool) or not isinstance(seq, int):
                raise UsageError(f"events are places in the log (numbers), got {seq!r:.60}")
        seqs = set(self.events)
        for id in self.memories:
            found = sources(log, id)
            if not found:
                raise UsageError(f"there is no memory {id!r} to forget")
            seqs |= found
        where, values = self._columns(log)
        if self.events or self.memories:
            where.append(f"seq IN ({','.join(map(str, sorted(seqs)))})")
        if not where and self.matching is None:
            raise UsageError(
                'forget what? give user=, agent=, session=, actor=, kind=, events=[...], memories=[...], matching="..." or before='
            )
        where += ["salt IS NOT NULL", "kind != 'forget'"]
        if self.matching is None:
            return log.select(" AND ".join(where) + " ORDER BY seq", values)
        if not self.matching.strip():
            raise UsageError("matching must hold some words, got an empty text")
        return [e for e in log.select(" AND ".join(where) + " ORDER BY seq", values) if self._said(e)]

    def _columns(self, log: Log) -> tuple[list[str], list[Any]]:
        where, values = [], []
        for column in ("user", "agent", "session", "actor"):
            if getattr(self, column) is not None:
                where.append(f"{column} = ?")
                values.append(log.number(getattr(self, column)))
        if self.kind is not None:
            where.append("kind = ?")
            values.append(self.kind)
        for column, instant in (("at", self.before), ("recorded", self.learned)):
            if instant is not None:
                where.append(f"{column} < ?")
                values.append(micros(instant))
        return where, values

    def meets(self, event: Event) -> bool:
        """True when the event is one of those that are meant; memories are not looked at."""
        return (
            self.scope.covers(event.scope)
            and self.actor in (None, event.actor)
            and self.kind in (None, event.kind)
            and (not self.events or event.seq in self.events)
            and (self.before is None or event.at < self.before)
            and (self.learned is None or event.recorded_at < self.learned)
            and (self.matching is None or self._said(event))
        )

    def _said(self, event: Event) -> bool:
        wanted = (self.matching or "").casefold()
        return any(wanted in line.casefold() for line in said(event))


def said(event: Event) -> list[str]:
    """Everything of an event that may lie in the file as text."""
    scope = event.scope
    body = [json.dumps(event.body, ensure_ascii=ascii_only) for ascii_only in (True, False)]
    return [event.text, *body, *(n for n in (event.actor, scope.user, scope.session, scope.agent) if n)]


def sources(log: Log, id: str) -> set[int]:
    """The events whose words any version of that memory came from; none where there is no such memory."""
    with log.database.snapshot() as c:
        found = c.execute("SELECT rest FROM memory WHERE id=?", (rows.encoded(id),))
        return {source[0] for (rest,) in found for source in json.loads(rest)[0]}


# -- what stands ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hold:
    """Events that no forget may take until it is released: what it covers is found anew at every forget."""

    seq: int
    covers: Wanted
    reason: str
    made: datetime  # UTC


@dataclass(frozen=True, slots=True)
class Rule:
    """Events that are forgotten, once a day, when they are older than an age; without an age, whenever there are any."""

    seq: int
    name: str
    meant: Wanted
    older_than: timedelta | None  # counted from when an event was recorded to the start of the day, UTC
    reason: str | None
    said: int  # how many events it would have taken when it was made
    at_most: int | None  # a run that would take more takes none
    made: datetime  # UTC

    def on(self, day: date) -> Wanted:
        """What it means on that day."""
        if self.older_than is None:
            return self.meant
        return replace(self.meant, learned=datetime.combine(day, time(), UTC) - self.older_than)


@dataclass(frozen=True, slots=True)
class Standing:
    """The holds and rules that are in force, the pinned events, and the places of the events that say so."""

    holds: tuple[Hold, ...]
    rules: tuple[Rule, ...]
    pinned: frozenset[int]
    places: frozenset[int]  # of the events behind all these
    written: frozenset[int]  # of every hold, pin and rule, those no longer in force too
    head: int  # of the log when this was read


def standing(log: Log) -> Standing:
    """Read from the log what is in force now."""
    holds: dict[int, Hold] = {}
    rules: dict[str, Rule] = {}
    pins: dict[int, int] = {}  # event to the place of its pin
    head = log.head()
    events = [e for e in log.select(f"kind IN {STANDING} AND salt IS NOT NULL ORDER BY seq", ()) if _ours(e)]
    for event in events:
        body = event.body
        match body["op"]:
            case "hold":
                holds[event.seq] = Hold(event.seq, _where(event), body["reason"], event.recorded_at)
            case "release":
                holds.pop(body["hold"], None)
            case "pin":
                pins |= dict.fromkeys(rows.unranged(body["events"]), event.seq)
            case "unpin":
                pins = {seq: place for seq, place in pins.items() if seq not in set(rows.unranged(body["events"]))}
            case "add":
                rules[body["name"]] = _rule(event)
            case "withdraw":
                rules.pop(body["name"], None)
    places = {*holds, *(rule.seq for rule in rules.values()), *pins.values()}
    return Standing(
        tuple(holds.values()), tuple(rules.values()), frozenset(pins), frozenset(places), frozenset(event.seq for event in events), head
    )


def _ours(event: Event) -> bool:
    """False for a caller's own event of such a kind, from before these kinds were the engine's."""
    needed = {"hold": "reason", "release": "hold", "pin": "events", "unpin": "events", "add": "said", "withdraw": "name"}
    return isinstance(event.body, Mapping) and needed.get(str(event.body.get("op"))) in event.body


def _where(event: Event) -> Wanted:
    """What a hold or a rule names: whose events by the columns of its own row, so that their names can be forgotten."""
    scope, body = event.scope, event.body
    before = body.get("before")
    return Wanted(
        scope.user,
        event.actor,
        scope.session,
        rows.unranged(body.get("events") or ""),
        matching=body.get("matching"),
        before=None if before is None else datetime.fromisoformat(before),
        agent=scope.agent,
        kind=body.get("kind"),
    )


def _rule(event: Event) -> Rule:
    body = event.body
    age = body.get("older_than")
    older = None if age is None else timedelta(seconds=age)
    return Rule(event.seq, body["name"], _where(event), older, body.get("reason"), body["said"], body.get("at_most"), event.recorded_at)


# -- holds ----------------------------------------------------------------------------------------------------------


def hold(log: Log, covers: Wanted, reason: str) -> Recorded:
    """Keep what is covered from every forget until `release`; an event. What is recorded later is covered too where it fits."""
    if not isinstance(reason, str) or not reason.strip():
        raise UsageError("a hold needs a reason: it is what a refused forget says")
    if covers.memories:
        raise UsageError("a hold covers events; give events=[...], such as the seqs of the memory's sources")
    if not (covers.names or covers.events or covers.matching is not None or covers.before or covers.kind):
        raise UsageError('hold what? give user=, agent=, session=, actor=, events=[...], matching="..."')
    if covers.matching is not None and not covers.matching.strip():
        raise UsageError("matching must hold some words, got an empty text")
    scope = covers.scope
    if covers.events:
        owners = {e.scope.user for e in _there(log, covers.events)}
        scope = replace(scope, user=scope.user or (owners.pop() if len(owners) == 1 else None))
    body = {
        "op": "hold",
        "reason": reason,
        "events": rows.ranges(sorted({*covers.events})) or None,
        "matching": covers.matching,
        "kind": covers.kind,
        "before": None if covers.before is None else covers.before.isoformat(),
    }
    return _append(log, [Entry("hold", body, scope, covers.actor, TRUST["owner"], None)])


def release(log: Log, seq: int, reason: str | None = None) -> Recorded:
    """End a hold; an event. NotFound where no hold of that place is in force."""
    in_force = {h.seq: h for h in standing(log).holds}
    if seq not in in_force:
        raise NotFound(f"there is no hold {seq!r} in force; there are {', '.join(map(str, in_force)) or 'none'}")
    covers = in_force[seq].covers
    return _append(log, [Entry("hold", {"op": "release", "hold": seq, "reason": reason}, covers.scope, covers.actor, TRUST["owner"], None)])


# -- pins -----------------------------------------------------------------------------------------------------------


def pin(log: Log, events: Sequence[int] = (), memories: Sequence[str] = (), undo: bool = False) -> Recorded:
    """Leave these events, or those that the memories came from, out of rules and decay; with `undo` no longer. One event a scope.

    A pin is a wish for keeping, not a duty: an explicit forget takes pinned events all the same, and a hold is what stops that.
    """
    wanted = {*(intake.places(events) if events else ())}
    for id in memories:
        found = sources(log, id)
        if not found:
            raise NotFound(f"there is no memory {id!r}; ids come from recall and memories")
        wanted |= found
    if not wanted:
        raise UsageError("pin what? give events=[...] or memories=[...]")
    scopes: dict[Scope, list[int]] = {}
    for event in _there(log, wanted):
        scopes.setdefault(event.scope, []).append(event.seq)
    op = "unpin" if undo else "pin"
    return _append(
        log, [Entry("hold", {"op": op, "events": rows.ranges(seqs)}, scope, None, TRUST["owner"], None) for scope, seqs in scopes.items()]
    )


def pinned(log: Log) -> frozenset[int]:
    """The pinned events."""
    return standing(log).pinned


# -- rules ----------------------------------------------------------------------------------------------------------


def drafted(
    log: Log,
    name: str,
    meant: Wanted,
    older_than: timedelta | int | None = None,
    at_most: int | None = None,
    reason: str | None = None,
) -> Rule:
    """A rule checked, not in force yet; UsageError where it is none. Ages are whole days or a timedelta."""
    intake.name(name, "the rule's name")
    if not name or name in {rule.name for rule in standing(log).rules}:
        raise UsageError(f"there is a rule {name!r} already; withdraw it first, or give another name" if name else "a rule needs a name")
    if meant.events or meant.memories or meant.before or meant.learned:
        raise UsageError("a rule is of kinds, scopes, words and ages; for events, memories and dates there is forget")
    if older_than is None and meant.kind is None and meant.matching is None:
        raise UsageError("a rule needs an age, a kind or words: older_than=90 (days), kind='query', matching='...'")
    if meant.kind is not None:
        _kind(log, meant.kind)
    if meant.matching is not None and len(meant.matching.strip()) < SHORTEST:
        raise UsageError(f"a rule matches at least {SHORTEST} characters, got {meant.matching!r}")
    if at_most is not None and (isinstance(at_most, bool) or not isinstance(at_most, int) or at_most < 1):
        raise UsageError(f"at_most is a number of events a day, 1 or more; got {at_most!r}")
    return Rule(0, name, meant, age(older_than), reason, 0, at_most, datetime.now(UTC))


def age(value: timedelta | int | None) -> timedelta | None:
    """An age as a timedelta; numbers are whole days. UsageError where it is none."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, timedelta)):
        raise UsageError(f"older_than is a number of whole days or a timedelta, got {value!r:.60}")
    try:
        found = value if isinstance(value, timedelta) else timedelta(days=value)
    except OverflowError:
        found = LONGEST * 2
    if not timedelta(0) < found <= LONGEST:
        raise UsageError(f"older_than must be more than nothing and at most {LONGEST.days:,} days, got {value!r}")
    return found


def _kind(log: Log, kind: str) -> None:
    if kind in FIXED:
        raise UsageError(f"events of kind {kind!r} are not forgotten by a rule: they say what was done to others, and go with them")
    with log.database.snapshot() as c:
        there = {row[0] for row in c.execute("SELECT DISTINCT kind FROM event")}
    if kind not in USUAL | there:
        raise UsageError(f"there are no events of kind {kind!r}; kinds are {', '.join(sorted(USUAL | there - FIXED))}")


def add(log: Log, rule: Rule, said: int) -> Recorded:
    """Put a drafted rule in force; `said` is what a dry run of it has just found. An event."""
    meant, older = rule.meant, rule.older_than
    body = {
        "op": "add",
        "name": rule.name,
        "older_than": None if older is None else older.total_seconds(),
        "kind": meant.kind,
        "matching": meant.matching,
        "at_most": rule.at_most,
        "said": said,
        "reason": rule.reason,
    }
    return _append(log, [Entry("rule", body, meant.scope, meant.actor, TRUST["owner"], None)])


def withdraw(log: Log, name: str) -> Recorded:
    """Take a rule out of force; an event. NotFound where there is none of that name."""
    in_force = {rule.name: rule for rule in standing(log).rules}
    if name not in in_force:
        raise NotFound(f"there is no rule {name!r}; there are {', '.join(in_force) or 'none'}")
    meant = in_force[name].meant
    return _append(log, [Entry("rule", {"op": "withdraw", "name": name}, meant.scope, meant.actor, TRUST["owner"], None)])


def rules(log: Log) -> list[Rule]:
    """The rules in force, oldest first."""
    return list(standing(log).rules)


def holds(log: Log) -> list[Hold]:
    """The holds in force, oldest first."""
    return list(standing(log).holds)


def described(one: Hold | Rule) -> str:
    """A hold or a rule in one line, for people."""
    covers = one.covers if isinstance(one, Hold) else one.meant
    fields = {name: getattr(covers, name) for name in Wanted.__slots__ if getattr(covers, name) not in (None, ())}
    if "events" in fields:
        fields["events"] = rows.ranges(sorted(covers.events))
    words = " ".join(f"{name}={value}" for name, value in fields.items())
    if isinstance(one, Hold):
        return f"{words}: {one.reason}"
    older = f" older than {str(one.older_than).removesuffix(', 0:00:00')}" if one.older_than else ""
    limit = f", at most {one.at_most:,} a run" if one.at_most else ""
    return f"{one.name}: {words or 'everything'}{older}; {one.said:,} when it was made{limit}" + (f" ({one.reason})" if one.reason else "")


def _there(log: Log, events: Iterable[int]) -> list[Event]:
    """These events; NotFound where one is not there or was forgotten."""
    wanted = sorted({*intake.places(list(events))})
    found = log.select(f"seq IN ({','.join(map(str, wanted))}) AND salt IS NOT NULL ORDER BY seq", ())
    if missing := sorted({*wanted} - {e.seq for e in found}):
        raise NotFound(f"there is no event {missing[0]} in the log")
    return found


def _append(log: Log, entries: Sequence[Entry]) -> Recorded:
    results = log.append(*entries)
    return Recorded(results[-1][0], {"log": results[-1][1]}, tuple(seq for seq, _ in results))

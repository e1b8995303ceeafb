"""Forgetting: what is to go, the transaction that withdraws it, the cleaning that erases it, and the receipt."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from time import time_ns
from typing import Any

from clew import retention
from clew.errors import Denied, UsageError
from clew.retention import Hold, Rule, Standing, Wanted, standing
from clew.storage import archive, closure, erase, residue, rows
from clew.storage.database import Database
from clew.storage.log import Entry, Log
from clew.storage.schema import SLOT_BITS
from clew.types import TRUST, Event, Receipt, Scope

__all__ = ["Wanted"]  # also found here

NOTE = "forgotten reason rule"  # words of the forget event itself
RETRY = 600_000_000  # microseconds after a withdrawal, or a cleaning that failed, before the worker cleans
logger = logging.getLogger("clew")


# -- what is to go --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Plan:
    """What a forget would take: the events meant, what was concluded from them, and what holds keep of both."""

    events: tuple[Event, ...]
    conclusions: int  # of them, not meant themselves but resting on what is
    held: tuple[int, ...]
    holds: tuple[tuple[Hold, int], ...]  # with how many events each keeps
    spared: tuple[int, ...]  # holds and rules in force that the words fit; they stay
    head: int  # of the log when this was found


def plan(
    log: Log, wanted: Wanted, force: Standing, *, except_held: bool = False, leave: frozenset[int] = frozenset(), follow: Sequence[str] = ()
) -> Plan:
    """Find it. With `except_held` the held events are left out, else they are among the events.

    Nothing in `leave` is taken, and events of the kinds in `follow` only with what they are about.
    """
    for what, end in ((force.holds, "hold in force; release"), (force.rules, "rule in force; withdraw")):
        if named := {one.seq for one in what} & {*wanted.events}:
            raise Denied(f"event {min(named)} is a {end} it first")
    stays = leave | _stays(force, wanted)
    found = wanted.resolved(log)
    meant = [e for e in found if e.seq not in stays and e.kind not in follow]
    meant += _withdrawn_by(log, meant, stays | {*wanted.events})
    spared = tuple(e.seq for e in found if e.seq in stays - leave) if wanted.matching is not None else ()
    events = closure.closed(log, meant, stays)
    keeping = [(hold, {e.seq for e in events if hold.covers.meets(e)}) for hold in force.holds]
    held = set().union(*(seqs for _, seqs in keeping))
    if held and except_held:
        meant = [e for e in meant if e.seq not in held]
        events = closure.closed(log, meant, stays | held)
    holds = tuple((hold, len(seqs)) for hold, seqs in keeping if seqs)
    return Plan(tuple(events), len(events) - len(meant), tuple(sorted(held)), holds, spared, force.head)


def _withdrawn_by(log: Log, meant: Sequence[Event], but: frozenset[int]) -> list[Event]:
    """What the retractions among them withdrew: it goes with them, else forgetting a reason would bring back what was withdrawn.

    A retraction in `but` is left out: whoever names it by its place means to undo it.
    """
    edits = [e for e in meant if e.kind == "edit" and e.seq not in but and isinstance(e.body, Mapping) and e.body.get("op") == "retract"]
    seqs = {seq for e in edits for seq in e.body["seqs"]} - {e.seq for e in meant} - but
    return log.select(f"seq IN ({','.join(map(str, sorted(seqs)))}) AND salt IS NOT NULL", ()) if seqs else []


def _stays(force: Standing, wanted: Wanted) -> frozenset[int]:
    """Of what is in force the events that this forget leaves: holds always, pins and rules unless their owner is forgotten."""
    return frozenset(h.seq for h in force.holds) if wanted.names else force.places - {*wanted.events}


# -- withdrawing ----------------------------------------------------------------------------------------------------


def forget(
    log: Log,
    wanted: Wanted,
    dry_run: bool = False,
    reason: str | None = None,
    *,
    except_held: bool = False,
) -> tuple[Receipt, list[bytes]]:
    """Withdraw in one transaction: (receipt, the forms of the words to look for once the file is cleaned).

    Raises Denied, and changes nothing, where a hold covers some of it, unless `except_held` leaves that out.
    """
    names = [n for n in (wanted.user, wanted.actor) if n]
    while True:
        found = plan(log, wanted, standing(log), except_held=except_held)
        if found.holds and not except_held and not dry_run:
            raise Denied(_refusal(found))
        gone = frozenset(e.seq for e in found.events)
        with log.database.snapshot() as c:
            elsewhere = tuple(sorted({*residue.mentions(c, gone, names), *found.spared}))
        if dry_run or not gone:
            return _dry(log, found, elsewhere, dry_run, except_held), []
        done = _withdrawn(log, found, {"reason": reason}, reason)
        if done is not None:
            return replace(done[0], mentioned_elsewhere=elsewhere, held=found.held), done[1]


def _refusal(found: Plan) -> str:
    kept = "; ".join(f"hold {hold.seq} ({hold.reason}) keeps {count:,} of these events" for hold, count in found.holds)
    return f"nothing was forgotten: {kept}; release({found.holds[0][0].seq}), or forget(..., except_held=True) leaves them out"


def _dry(log: Log, found: Plan, elsewhere: tuple[int, ...], dry_run: bool, except_held: bool) -> Receipt:
    seqs = tuple(e.seq for e in found.events)
    counts = {"event": len(seqs), "conclusion": found.conclusions}
    if dry_run:
        counts |= _resting(log, seqs)
    why = "nothing was changed" if dry_run else "nothing matched" if not found.held else "all that matched is held"
    if found.holds:
        why = f"{why}; " + "; ".join(f"hold {hold.seq} ({hold.reason}) keeps {count:,} events" for hold, count in found.holds)
        why += "" if except_held else ": without except_held=True this is refused"
    return Receipt(seqs, counts, tuple(_digests(log, seqs)), None, "dry run" if dry_run else "erased", why, {}, elsewhere, found.held)


def _withdrawn(log: Log, found: Plan, note: Mapping[str, Any], reason: str | None) -> tuple[Receipt, list[bytes]] | None:
    """Blank and take back what was planned; None where meanwhile events came that may belong to it, or that may hold it."""
    seqs = tuple(e.seq for e in found.events)
    digests = tuple(_digests(log, seqs))
    with log.database.snapshot() as c:
        forms = residue.sought(c, found.events, erase.lost(c, seqs), NOTE)
    if reason and (repeated := [form for form in forms if form in reason.encode().lower()]):
        raise UsageError(
            f"the reason is kept for ever and repeats what is to go ({repeated[0].decode('utf-8', 'replace')!r}); give a reason without it"
        )
    entry = Entry("forget", {"forgotten": rows.ranges(seqs), **note}, Scope(), None, TRUST["owner"], None)
    with log.database.write() as c:
        gone = {e.seq: e for e in found.events}
        later = log.select(f"seq > ? AND (kind = 'hold' OR {closure.SAYING}) AND salt IS NOT NULL", (found.head,))
        if any(e.kind == "hold" or closure.follows(c, e, gone) for e in later):
            return None
        counts = erase.redact(c, seqs, log.database.secret)
        counts["memory"] = erase.withdraw(c, seqs)
        log.insert(c, [entry], [entry.payload()])
        place = c.execute("SELECT value FROM meta WHERE key='head'").get
    counts["conclusion"] = found.conclusions
    return Receipt(seqs, counts, digests, place, "withdrawn", "the file is not cleaned yet", {}), forms


def _digests(log: Log, seqs: Sequence[int]) -> list[str]:
    with log.database.snapshot() as c:
        return [c.execute("SELECT digest FROM event WHERE seq=?", (seq,)).get.hex() for seq in seqs]


def _resting(log: Log, seqs: Sequence[int]) -> dict[str, int]:
    """How much rests on these events: memories by recipe, and models' answers with their text."""
    gone, found = set(seqs), dict[str, set[bytes]]()
    with log.database.snapshot() as c:
        resting = f"SELECT answer FROM answer_rest WHERE seq IN ({','.join(map(str, seqs))})"
        counts = {"answer": c.execute(f"SELECT count(*) FROM answer WHERE body IS NOT NULL AND id IN ({resting})").get}
        recipes = dict(c.execute("SELECT partition.id, recipe FROM partition JOIN generation ON generation=generation.id"))
        for place, id, opened, rest in c.execute("SELECT place, id, opened, rest FROM memory WHERE opened >= ?", (min(gone, default=0),)):
            if gone & closure.needs(opened, rest):
                found.setdefault(recipes[place >> SLOT_BITS], set()).add(id)
    return {**counts, **{f"memory of {recipe}": len(ids) for recipe, ids in sorted(found.items())}}


# -- rules ----------------------------------------------------------------------------------------------------------


def tried(log: Log, rule: Rule, day: date) -> Plan:
    """What a rule would take on that day: pinned and held events and what is in force are left out.

    Edits go with what they edited: alone they would only undo a correction. Where words are meant, theirs are too.
    """
    force = standing(log)
    follow = closure.EDITS if rule.meant.matching is None else ()
    return plan(log, rule.on(day), force, except_held=True, leave=force.pinned | force.written, follow=follow)


def ruled(log: Log, rule: Rule, dry_run: bool = False) -> Receipt:
    """Put a drafted rule in force, unless it is only tried; what it would take today, as the receipt of a dry run."""
    found = tried(log, rule, datetime.now(UTC).date())
    if not dry_run:
        retention.add(log, rule, len(found.events))
    return _shown(log, rule, found)


def due(log: Log, day: date) -> bool:
    """True when the rules were not applied on that day yet, or a cleaning was cut off some time ago."""
    if log.database.readonly:
        return False
    with log.database.snapshot() as c:
        late = uncleaned(c) and (c.execute("SELECT value FROM meta WHERE key='cleaning'").get or 0) < time_ns() // 1000 - RETRY
        return late or c.execute("SELECT value FROM meta WHERE key='retained'").get != day.isoformat()


def uncleaned(c: Any) -> bool:
    """True where words were withdrawn and the file was not rewritten since: by a kill, or by readers that would not end."""
    counts = dict(c.execute("SELECT key, value FROM meta WHERE key IN ('erasures', 'cleaned')"))
    return counts.get("erasures", 0) != counts.get("cleaned", 0)


def retained(
    log: Log, day: date | None = None, dry_run: bool = False, progress: Callable[[int, int], None] | None = None
) -> list[tuple[Receipt, list[bytes]]]:
    """Apply every rule: a receipt each that has something to take, withdrawn but not cleaned. Again on the same day: what is new.

    A rule that would take more than its limit takes nothing, and its receipt says so (state: refused).
    """
    today = datetime.now(UTC).date()
    day = day or today
    if day > today:
        raise UsageError(f"the rules can be applied as of today ({today}) or an earlier day, got {day}")
    found, in_force = [], standing(log).rules
    for done, rule in enumerate(in_force):
        receipt = _ruled(log, rule, day, dry_run)
        if receipt is not None:
            found.append(receipt)
        if progress:
            progress(done + 1, len(in_force))
    if not dry_run:
        with log.database.write() as c:
            c.execute("INSERT INTO meta VALUES ('retained', ?1) ON CONFLICT DO UPDATE SET value=?1", (day.isoformat(),))
    return found


def _shown(log: Log, rule: Rule, what: Plan) -> Receipt:
    """What a rule would take, as the receipt of a dry run, or of a refusal where it is more than it may take."""
    number, seqs = len(what.events), tuple(e.seq for e in what.events)
    state, why = "dry run", f"rule {rule.name!r}: {number:,} events; {rule.said:,} when it was made"
    if rule.at_most is not None and number > rule.at_most:
        state, why = "refused", f"rule {rule.name!r} would forget {number:,} events and may forget {rule.at_most:,} a run: it forgot none"
    counts = {"event": number, "conclusion": what.conclusions, "said": rule.said}
    return Receipt(seqs, counts, tuple(_digests(log, seqs)), None, state, why, {}, (), what.held)


def _ruled(log: Log, rule: Rule, day: date, dry_run: bool) -> tuple[Receipt, list[bytes]] | None:
    while True:
        what = tried(log, rule, day)
        if not what.events:
            return None
        shown = _shown(log, rule, what)
        if shown.state == "refused":
            logger.warning("%s; withdraw it, or make it anew with another at_most", shown.why)
        if dry_run or shown.state == "refused":
            return shown, []
        done = _withdrawn(log, what, {"rule": rule.seq, "date": day.isoformat()}, None)
        if done is not None:
            return replace(done[0], counts={**done[0].counts, "said": rule.said}, held=what.held), done[1]


# -- cleaning -------------------------------------------------------------------------------------------------------


def erased(log: Log, receipt: Receipt, forms: Sequence[bytes] = (), progress: Callable[[int, int], None] | None = None) -> Receipt:
    """The receipt after cleaning the file and searching its bytes."""
    return cleaned(log, [(receipt, forms)], progress)[0]


def cleaned(
    log: Log, withdrawn: Sequence[tuple[Receipt, Sequence[bytes]]], progress: Callable[[int, int], None] | None = None
) -> list[Receipt]:
    """The receipts after one cleaning of the file, and one search of its bytes, for all of them."""
    ours = [(receipt, forms) for receipt, forms in withdrawn if receipt.forget_seq is not None]
    with log.database.snapshot() as c:
        if not ours and not uncleaned(c):
            return [receipt for receipt, _ in withdrawn]
    why = erase.clean(log.database)
    copies = []
    for path in archive.backups(log.database):
        trouble = _in_backup(path, log.database)
        why, copies = why or trouble or "", copies if trouble is None else [*copies, path]
    looked = sorted({form for _, forms in ours for form in forms})
    found, scanned = (
        residue.scan([*log.database.files(), *copies], looked, log.database.readable, progress)
        if looked
        else ({}, {"forms": 0, "bytes": 0})
    )
    with log.database.snapshot() as c:
        left = residue.unexplained(c, found)
    beyond = log.database.BEYOND
    return [
        receipt if receipt.forget_seq is None else _told(receipt, forms, why, beyond, found, left, scanned) for receipt, forms in withdrawn
    ]


def _told(
    receipt: Receipt,
    forms: Sequence[bytes],
    why: str,
    beyond: str,
    found: Mapping[bytes, list[str]],
    left: set[bytes],
    scanned: Mapping[str, int],
) -> Receipt:
    mine = left & set(forms)
    if mine and why in ("", beyond):
        where = sorted({name for form in mine for name in found[form]})
        why = f"{len(mine)} forms of the forgotten words are still in {', '.join(where)}"
    looked = {**scanned, "forms": len(forms)} if forms else dict(receipt.scanned)
    return replace(receipt, state="withdrawn" if why else "erased", why=why, scanned={**looked, "found": len(mine)})


def _in_backup(path: Path, database: Database) -> str | None:
    """Forget in a copy what is forgotten here; "" when done, None where the copy has none of it, else why not."""
    with database.snapshot() as c:
        gone = dict(c.execute("SELECT seq, digest FROM event WHERE salt IS NULL"))
    copy = database.beside(path)
    try:
        with copy.snapshot() as c:
            late = uncleaned(c)
            there = c.execute("SELECT seq, digest FROM event WHERE salt IS NOT NULL")
            same = [seq for seq, digest in there if gone.get(seq) == digest]
        if not same and not late:
            return None  # clean since, or whole before the first of their bytes was written
        if copy.readonly:
            return f"the backup {path} cannot be written and still holds the words; delete it, or make it writable and call `Clew.erase(receipt)`"
        with copy.write() as c:
            erase.redact(c, same, database.secret)
            erase.withdraw(c, same)
        return erase.clean(copy)
    finally:
        copy.close()


# -- looking afterwards ---------------------------------------------------------------------------------------------


def verify(log: Log, receipt: Receipt, probes: Sequence[str] = ()) -> list[str]:
    """What is left of what was forgotten: [] when nothing is. Probes are looked for in every byte of every file."""
    left: list[str] = []
    with log.database.snapshot() as c:
        for seq, digest in zip(receipt.seqs, receipt.digests, strict=True):
            row = c.execute("SELECT payload, salt, digest FROM event WHERE seq=?", (seq,)).fetchone()
            if row is None:
                left.append(f"event {seq} is missing altogether: the log was changed behind the engine's back")
            elif row[0] is not None or row[1] is not None:
                left.append(f"event {seq} still has its words or its salt")
            elif row[2].hex() != digest:
                left.append(f"event {seq} is not the one that the receipt is about")
            if c.execute(
                "SELECT 1 FROM answer JOIN answer_rest ON answer=id WHERE answer_rest.seq=? AND body IS NOT NULL LIMIT 1", (seq,)
            ).get:
                left.append(f"a model's answer that rests on event {seq} still has its text")
        left += _remaining(c, set(receipt.seqs))
        if uncleaned(c):
            left.append("the file is not cleaned yet; call `Clew.erase(receipt)`")
    if why := log.database.emptied():
        left.append(why)
    wanted = sorted({form for probe in probes for form in residue.forms(probe)} | residue.words(probes))
    found, _ = residue.scan([*log.database.files(), *archive.backups(log.database)], wanted, log.database.readable)
    left += [f"{form.decode('utf-8', 'backslashreplace')!r} is in {', '.join(files)}" for form, files in found.items()]
    return left


def _remaining(c: Any, seqs: set[int]) -> list[str]:
    found = []
    for place, id, opened, rest in c.execute("SELECT place, id, opened, rest FROM memory WHERE opened >= ?", (min(seqs, default=0),)):
        if opened in seqs:
            found.append(f"a memory made by event {opened} is still there")
        if seqs & closure.needs(opened, rest):
            found.append(f"memory {id.hex()} (partition {place >> SLOT_BITS}) rests on a forgotten event")
    return found

"""Forgetting: what is to go, the transaction that withdraws it, the cleaning that erases it, and the receipt."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from clew.errors import UsageError
from clew.storage import archive, erase, rows
from clew.storage.log import Entry, Log, micros
from clew.storage.schema import SLOT_BITS
from clew.storage.sqlite import Database
from clew.types import TRUST, Event, Receipt, Scope

NOTE = "forgotten reason"  # words of the forget event itself
FORMS = 4000  # forms of the forgotten words looked for in the raw bytes, at most


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a caller asks to forget; every field that is set narrows it."""

    user: str | None = None
    actor: str | None = None
    session: str | None = None
    events: Sequence[int] = ()
    memories: Sequence[str] = ()
    matching: str | None = None
    before: datetime | None = None

    def resolved(self, log: Log) -> list[Event]:
        """The events that are meant, forgotten ones left out; UsageError where nothing narrows it."""
        for seq in self.events:
            if isinstance(seq, bool) or not isinstance(seq, int):
                raise UsageError(f"events are places in the log (numbers), got {seq!r:.60}")
        seqs = set(self.events)
        for id in self.memories:
            found = self._rests(log, id)
            if not found:
                raise UsageError(f"there is no memory {id!r} to forget")
            seqs |= found
        where, values = ["salt IS NOT NULL", "kind != 'forget'"], []
        for column in ("user", "actor", "session"):
            if getattr(self, column) is not None:
                where.append(f"{column} = ?")
                values.append(log.number(getattr(self, column)))
        if self.before is not None:
            where.append("at < ?")
            values.append(micros(self.before))
        if self.events or self.memories:
            where.append(f"seq IN ({','.join(map(str, sorted(seqs)))})")
        if len(where) == 2 and self.matching is None:
            raise UsageError('forget what? give user=, actor=, session=, events=[...], memories=[...], matching="..." or before=')
        events = log.select(" AND ".join(where) + " ORDER BY seq", values)
        if self.matching is not None:
            if not self.matching.strip():
                raise UsageError("matching must hold some words, got an empty text")
            wanted = self.matching.casefold()
            events = [e for e in events if any(wanted in said.casefold() for said in _said(e))]
        return _with_edits(log, events)

    def _rests(self, log: Log, id: str) -> set[int]:
        with log.database.snapshot() as c:
            found = c.execute(f"SELECT {rows.MEMORY} FROM memory WHERE id=?", (rows.encoded(id),))
            return {s.seq for row in found for s in rows.memory(log, c, row, row[8]).sources}


def _with_edits(log: Log, events: list[Event]) -> list[Event]:
    """The events, and the edits of memories that came from them: their words may repeat what is to go."""
    gone = {e.seq for e in events}
    edits = [e for e in log.select("kind IN ('edit', 'feedback') AND salt IS NOT NULL ORDER BY seq", ()) if e.seq not in gone]
    for edit in edits:  # in order, so that an edit of an edit follows
        sources = edit.body.get("sources") if isinstance(edit.body, Mapping) else None  # a caller's own feedback may have any body
        if isinstance(sources, list) and gone & {source[0] for source in sources if isinstance(source, list) and source}:
            gone.add(edit.seq)
            events.append(edit)
    return sorted(events, key=lambda e: e.seq)


def forget(log: Log, wanted: Wanted, dry_run: bool = False, reason: str | None = None) -> tuple[Receipt, list[bytes]]:
    """Withdraw in one transaction: (receipt, the forms of the words to look for once the file is cleaned)."""
    events = wanted.resolved(log)
    seqs = tuple(e.seq for e in events)
    names = {n for n in (wanted.user, wanted.actor) if n}
    elsewhere = erase.mentions(((e.seq, e.text) for e in log.read() if e.seq not in set(seqs) and not e.forgotten), names) if names else ()
    digests = tuple(_digests(log, seqs))
    if dry_run or not events:
        why = "nothing was changed" if dry_run else "nothing matched"
        return Receipt(seqs, {"event": len(seqs)}, digests, None, "dry run" if dry_run else "erased", why, {}, elsewhere), []
    forms = _forms(log, events)
    if reason and (said := [form for form in forms if form in reason.encode().lower()]):
        raise UsageError(
            f"the reason is kept for ever and repeats what is to go ({said[0].decode('utf-8', 'replace')!r}); give a reason without it"
        )
    note = Entry("forget", {"forgotten": rows.ranges(seqs), "reason": reason}, Scope(), None, TRUST["owner"], None)
    with log.database.write() as c:
        counts = erase.redact(c, seqs)
        counts["memory"] = erase.withdraw(c, seqs)
        log.insert(c, [note], [note.payload()])
        forget_seq = c.execute("SELECT value FROM meta WHERE key='head'").get
    return Receipt(seqs, counts, digests, forget_seq, "withdrawn", "the file is not cleaned yet", {}, elsewhere), forms


def erased(log: Log, receipt: Receipt, forms: Sequence[bytes] = ()) -> Receipt:
    """The receipt after cleaning the file and searching its bytes."""
    why = erase.clean(log.database)
    copies = archive.backups(log.database)
    for path in copies:
        why = why or _in_backup(path, receipt)
    files = [*log.database.files(), *copies]
    found, scanned = erase.scan(files, forms) if forms else ({}, dict(receipt.scanned))
    with log.database.snapshot() as c:
        found = {form: where for form, where in found.items() if not erase.explained(c, form) and not erase.accidental(c, form)}
    scanned["found"] = len(found)
    if found and not why:
        why = f"{len(found)} forms of the forgotten words are still in {', '.join(sorted({f for files in found.values() for f in files}))}"
    return replace(receipt, state="withdrawn" if why else "erased", why=why, scanned=scanned)


def _in_backup(path: Path, receipt: Receipt) -> str:
    """Forget the same events in a copy; "" when done, else why not."""
    copy = Database(path)
    try:
        if copy.readonly:
            return f"the backup {path} cannot be written and still holds the words; delete it, or make it writable and call `Clew.erase(receipt)`"
        with copy.write() as c:
            digests = dict(c.execute(f"SELECT seq, hex(digest) FROM event WHERE seq IN ({','.join(map(str, receipt.seqs))})"))
            same = [seq for seq, digest in zip(receipt.seqs, receipt.digests, strict=True) if digests.get(seq, "").lower() == digest]
            erase.redact(c, same)
            erase.withdraw(c, same)
        return erase.clean(copy)
    finally:
        copy.close()


def _digests(log: Log, seqs: Sequence[int]) -> list[str]:
    with log.database.snapshot() as c:
        return [c.execute("SELECT digest FROM event WHERE seq=?", (seq,)).get.hex() for seq in seqs]


def _forms(log: Log, events: Sequence[Event]) -> list[bytes]:
    """What to look for in the bytes: the words of the forgotten events in every form, less what survives elsewhere."""
    gone = {e.seq for e in events}
    wanted: set[bytes] = set()
    step = max(1, len(events) // (FORMS // 8))
    for event in events[::step]:
        wanted |= erase.forms(event.text)
    terms = erase.words(e.text for e in events)
    names = {n.encode().lower() for e in events for n in (e.actor, e.scope.user) if n and len(n) > 3}
    survivors = "\n".join(line for e in log.read() if e.seq not in gone for line in _said(e))
    with log.database.snapshot() as c:
        survivors += "\n" + erase.ours(c, gone) + NOTE
    kept = survivors.encode().lower()
    terms -= erase.words([survivors])
    looked = sorted(wanted | names | terms)
    elsewhere = erase.present(kept, looked)
    return [form for form in looked if form not in elsewhere][:FORMS]


def _said(event: Event) -> list[str]:
    """Everything of an event that may lie in the file as text."""
    scope = event.scope
    body = [json.dumps(event.body, ensure_ascii=ascii_only) for ascii_only in (True, False)]
    return [event.text, *body, *(n for n in (event.actor, scope.user, scope.session, scope.agent) if n)]


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
            if c.execute("SELECT 1 FROM memory WHERE opened=? LIMIT 1", (seq,)).get:
                left.append(f"a memory made by event {seq} is still there")
        left += _resting(log, c, set(receipt.seqs))
    if why := erase.emptied(log.database):
        left.append(why)
    wanted = sorted({form for probe in probes for form in erase.forms(probe)} | erase.words(probes))
    found, _ = erase.scan([*log.database.files(), *archive.backups(log.database)], wanted)
    left += [f"{form.decode('utf-8', 'backslashreplace')!r} is in {', '.join(files)}" for form, files in found.items()]
    return left


def _resting(log: Log, c: Any, seqs: set[int]) -> list[str]:
    first = min(seqs, default=0)
    found = []
    for row in c.execute(f"SELECT {rows.MEMORY} FROM memory WHERE opened >= ?", (first,)):
        memory = rows.memory(log, c, row, row[8])
        if seqs & {*memory.rests, *(s.seq for s in memory.sources)}:
            found.append(f"memory {memory.id} (partition {row[0] >> SLOT_BITS}) rests on a forgotten event")
    return found

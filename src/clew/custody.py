"""What an owner may do with a memory besides recording and asking: correct, review, withdraw, forget, rebuild, carry away."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from time import monotonic
from typing import Any

from clew import intake
from clew.decay import Fading
from clew.disposal import PATIENCE, Disposal
from clew.errors import NotFound, UsageError
from clew.generations import Generations, Progress
from clew.maintenance import QUARANTINE, reference
from clew.models import Budget, Models
from clew.privacy import state
from clew.storage import archive, closure, rows
from clew.storage.answers import Answers
from clew.storage.database import Database
from clew.storage.index import NEVER
from clew.storage.log import Entry, Log
from clew.storage.schema import SLOT_BITS
from clew.storage.view import BY, Generation
from clew.types import REASONS, TRUST, Memory, Recorded, Scope
from clew.watch import Watch


class Custody(Disposal, Fading):
    """The owner's half of the door; `Clew` is the whole of it."""

    database: Database
    log: Log
    models: Models
    answers: Answers
    _views: Generations
    _default: str
    _watch: Watch

    def catch_up(self, recipe: str | None = None, *, timeout: float | None = None, progress: Progress | None = None) -> dict[str, str]:
        """Fold what is due into the views; for each recipe folded, pending (out of time), frozen, or why it waits."""
        deadline = None if timeout is None else monotonic() + timeout
        names = [recipe] if recipe else list(self._views.recipes)
        return {name: self._views.catch_up(self._views.serving(name), deadline, progress=progress) for name in names}

    # -- correcting ---------------------------------------------------------------------------------------------

    def revise(self, id: str, text: str, *, actor: str | None = None) -> Recorded:
        """Give a memory other words from now on; an event, so the old words stay in its history."""
        if not isinstance(text, str) or not text.strip():
            raise UsageError(f"a memory is revised to a text, got {text!r:.60}; to end it use retire(id, reason=...)")
        return self._edit(id, {"op": "revise", "content": text}, actor)

    def retire(self, id: str, *, reason: str = "corrected", actor: str | None = None) -> Recorded:
        """End a memory: superseded (was true), corrected (never true), retracted, merged or expired; an event."""
        if reason not in REASONS:
            raise UsageError(f"reason must be one of {', '.join(sorted(REASONS))}; got {reason!r}")
        return self._edit(id, {"op": "retire", "reason": reason}, actor)

    def feedback(self, id: str, *, good: bool, actor: str | None = None) -> Recorded:
        """Say whether a memory helped; an event that recipes may subscribe to."""
        return self._edit(id, {"op": "feedback", "good": good}, actor, kind="feedback")

    def confirm(self, id: str, *, actor: str | None = None) -> Recorded:
        """Say that a suspect memory holds all the same; an event."""
        return self._edit(id, {"op": "confirm"}, actor)

    def rederive(self, id: str, *, actor: str | None = None) -> Recorded:
        """Let the recipe make a suspect memory anew from its premises as they are now; an event. UsageError where it has no way to."""
        recipe = self._views.recipe(self._found(id)[1].recipe)
        if recipe.rederive is None:
            raise UsageError(f"{recipe.name} has no way to derive a memory anew; confirm({id!r}), revise or retire it")
        return self._edit(id, {"op": "rederive"}, actor)

    def retract(
        self,
        events: Sequence[int],
        *,
        reason: str | None = None,
        actor: str | None = None,
        at: datetime | str | None = None,
        key: str | None = None,
        as_lived: bool = False,
    ) -> Recorded:
        """Withdraw sources: in every recipe what came from these events alone is retracted; what was partly
        made of them waits in quarantine, and conclusions drawn from them are suspect.

        The events stay in the log, and in `history`; to have them gone, forget them. `at` is when they were withdrawn, and
        with `as_lived` when that was learned (an import's); the edits get `key` with `#` and a number.
        """
        moment = intake.instant(at, "at")
        intake.places(events)
        if not isinstance(reason, str | None):
            raise UsageError(f"reason is a text, got {reason!r:.60}")
        found = self.log.select(f"seq IN ({','.join(map(str, events))}) AND salt IS NOT NULL", ())
        if missing := sorted({*events} - {e.seq for e in found}):
            raise NotFound(f"there is no event {missing[0]} in the log that could be retracted")
        scopes: dict[Scope, list[int]] = {}
        for event in found:
            scopes.setdefault(event.scope, []).append(event.seq)
        drawn: dict[Scope, list[int]] = {}  # conclusions may lie in other views than what they were drawn from
        for event in closure.closed(self.log, found, ()):
            if event.seq not in events and event.kind not in closure.EDITS:
                drawn.setdefault(event.scope, []).append(event.seq)
        who, everything = intake.name(actor, "actor"), sorted(e.seq for e in found)
        entries = []
        for scope in {**scopes, **drawn}:
            more = {"drawn": drawn[scope]} if scope in drawn else {}
            body = {"op": "retract", "seqs": scopes.get(scope, everything), "reason": reason, **more}
            name = None if key is None else f"{key}#{len(entries)}"
            entries.append(Entry("edit", body, scope, who, TRUST["owner"], moment, name, moment if as_lived else None))
        return self._appended(entries)

    def archive(self, ids: Sequence[str], *, actor: str | None = None, undo: bool = False) -> Recorded:
        """Put memories out of the sight of recall, or with `undo` back into it; one event a recipe and scope, and nothing is lost."""
        if isinstance(ids, str) or not isinstance(ids, Sequence):
            raise UsageError(f"archive takes a list of ids of memories, such as [hit.memory.id]; got {ids!r:.60}")
        groups: dict[tuple[str, Scope], list[dict[str, Any]]] = {}
        for id in ids:
            memory, generation = self._found(id)
            ref = self._named(memory, generation)
            groups.setdefault((ref["recipe"], self._home(memory, generation)), []).append(ref)
        who, op = intake.name(actor, "actor"), "unarchive" if undo else "archive"
        entries = [
            Entry("edit", {"op": op, "recipe": recipe, "items": items}, scope, who, TRUST["owner"], None)
            for (recipe, scope), items in groups.items()
        ]
        return self._appended(entries)

    def _appended(self, entries: Sequence[Entry]) -> Recorded:
        if not entries:
            return Recorded(None, {"log": "nothing to record"})
        results = self.log.append(*entries)
        states = self.catch_up(timeout=PATIENCE)
        return Recorded(results[-1][0], {"log": results[-1][1], **states}, tuple(seq for seq, _ in results))

    # -- reviewing ----------------------------------------------------------------------------------------------

    def review(self, *, user: str | None = None) -> list[Memory]:
        """What waits in quarantine for `approve` or `reject`, oldest first: words kept from memory, and memories without support."""
        self.catch_up(timeout=PATIENCE)
        serving = {g.id for g in self._views.all() if g.state == "serving" and g.recipe in self._views.recipes}
        found: dict[Any, Memory] = {}
        with self.database.snapshot() as c:
            parts = {id for id, generation in c.execute("SELECT id, generation FROM partition") if generation in serving}
            query = f"SELECT {rows.MEMORY} FROM memory WHERE status='quarantined' AND closed IS NULL ORDER BY opened, place"
            for row in c.execute(query):
                if row[0] >> SLOT_BITS in parts:
                    memory = rows.memory(self.log, c, row, NEVER)
                    if user in (None, memory.scope.user):  # the words of an event wait once, however many recipes there are
                        found.setdefault(memory.sources if memory.kind == QUARANTINE else memory.id, memory)
        return list(found.values())

    def approve(self, id: str, *, actor: str | None = None) -> Recorded:
        """Let what is in quarantine into memory: the event's words whole, in every recipe; or a memory that had no support."""
        return self._reviewed(id, "approve", actor)

    def reject(self, id: str, *, actor: str | None = None) -> Recorded:
        """Take something out of the queue for good; the event's words stay in the log alone."""
        return self._reviewed(id, "reject", actor)

    def _reviewed(self, id: str, op: str, actor: str | None) -> Recorded:
        memory, _ = self._found(id)
        if memory.status != "quarantined" or memory.closed is not None:
            raise UsageError(f"memory {id} is not in quarantine (it is {memory.retired or memory.status}); see review()")
        return self._edit(id, {"op": op}, actor)

    # -- finding by id ------------------------------------------------------------------------------------------

    def _held_spans(self, seqs: Sequence[int]) -> dict[int, list[tuple[int, int]]]:
        """The spans of these events that are kept from memory: they wait in quarantine, or were rejected."""
        found: dict[int, list[tuple[int, int]]] = {}
        with self.database.snapshot() as c:
            released = "coalesce(ended, '') = 'merged'"
            where = f"status='quarantined' AND kind=? AND NOT {released} AND opened IN ({','.join(map(str, seqs))})"
            for row in c.execute(f"SELECT {rows.MEMORY} FROM memory WHERE {where}", (QUARANTINE,)):
                for source in rows.memory(self.log, c, row, NEVER).sources:
                    found.setdefault(source.seq, []).append((source.start, source.end))
        return found

    def _edit(self, id: str, change: Mapping[str, Any], actor: str | None, kind: str = "edit") -> Recorded:
        memory, generation = self._found(id)
        if memory.kind == QUARANTINE and change["op"] not in ("approve", "reject", "feedback"):
            raise UsageError(f"memory {id} holds words that wait in quarantine; approve({id!r}) or reject({id!r})")
        if memory.closed is not None and kind == "edit":
            raise UsageError(f"memory {id} has ended ({memory.retired}) and cannot be changed; record what holds as a new event")
        body = {**change, **self._named(memory, generation)}
        return self._appended([Entry(kind, body, self._home(memory, generation), intake.name(actor, "actor"), TRUST["owner"], None)])

    def _basis(self, id: str) -> dict[str, Any]:
        memory, generation = self._found(id)
        return {**self._named(memory, generation), "trust": memory.trust}

    def _named(self, memory: Memory, generation: Generation) -> dict[str, Any]:
        return reference(self.database.secret, memory, generation.recipe, generation.id)

    def _home(self, memory: Memory, generation: Generation) -> Scope:
        """The scope whose events reach the partition that holds a memory; its own may be wider."""
        fields = BY[generation.shares]
        query = f"SELECT {', '.join(fields)} FROM partition WHERE generation=? AND id IN (SELECT place >> ? FROM memory WHERE id=?)"
        if not fields:
            return memory.scope
        with self.database.snapshot() as c:
            for found in c.execute(query, (generation.id, SLOT_BITS, rows.encoded(memory.id))):
                names = {field: self.log.name(c, number or None) for field, number in zip(fields, found, strict=True)}
                return replace(memory.scope, **names)
        return memory.scope

    def _found(self, id: str) -> tuple[Memory, Generation]:
        generations = {g.id: g for g in self._views.all() if g.state == "serving"}
        with self.database.snapshot() as c:
            for row in c.execute(
                f"SELECT {rows.MEMORY} FROM memory WHERE id=? ORDER BY closed IS NOT NULL, place DESC", (rows.encoded(str(id)),)
            ):
                found = generations.get(c.execute("SELECT generation FROM partition WHERE id=?", (row[0] >> SLOT_BITS,)).get)
                if found is not None:
                    return rows.memory(self.log, c, row, NEVER), found
        raise NotFound(f"there is no memory {id!r}; ids come from recall and memories")

    # -- views --------------------------------------------------------------------------------------------------

    def rebuild(
        self, recipe: str | None = None, *, ask: Budget | None = None, promote: bool = True, progress: Progress | None = None
    ) -> Generation:
        """Make a recipe's views anew from the log, with no model call unless `ask` allows it; see `generations`."""
        return self._views.rebuild(recipe or self._default, ask, promote, progress)

    def generations(self, recipe: str | None = None) -> list[Generation]:
        """The views there are, oldest first: building, serving or frozen."""
        return self._views.all(recipe)

    def promote(self, recipe: str, generation: int) -> None:
        """Let that generation answer from now on; promote the former one to roll back."""
        self._views.promote(recipe, generation)

    def diff(self, recipe: str, one: int, other: int) -> Iterator[tuple[str, tuple[object, ...]]]:
        """The rows in which two generations differ."""
        return self._views.diff(recipe, one, other)

    def drop(self, recipe: str, generation: int) -> None:
        """Remove a generation that does not serve."""
        self._views.drop(recipe, generation)

    # -- the whole ----------------------------------------------------------------------------------------------

    def export(self, path: str | os.PathLike[str]) -> int:
        """Write every event and kept answer as JSON lines; returns how many lines."""
        return archive.export(self.database, path)

    def load(self, path: str | os.PathLike[str], *, as_lived: bool = False) -> Recorded:
        """Read an export: into an empty file the same log, byte for byte; into another one its events, added."""
        if self.log.head() == 0 and not as_lived:
            seqs = archive.restore(self.database, path)
            desk = replace(self._views.desk, secret=self.database.secret)
            self._views = Generations(self.log, desk, list(self._views.recipes.values()))
        else:
            seqs = tuple(seq for seq, _ in self.log.append(*archive.entries(path, as_lived)))
        return Recorded(seqs[-1] if seqs else None, {"log": "stored"}, seqs)

    def backup(self, path: str | os.PathLike[str]) -> None:
        """Copy the whole file, also while others write to it."""
        archive.backup(self.database, path)

    def canary(self, *, user: str | None = None, agent: str | None = None, session: str | None = None) -> str:
        """Plant a text that nobody has a reason to repeat; where its token is met, an alarm shows in `status`. Returns the token."""
        return self._watch.plant(Scope(*(intake.name(v, f) for v, f in ((user, "user"), (agent, "agent"), (session, "session")))))

    def shred(self) -> str:
        """Destroy the key of an encrypted file: it and every copy and backup of it are noise at once; returns the key's name."""
        return self.database.shred()

    def status(self) -> dict[str, Any]:
        """Head, views with their backlog, faults, spending, bytes: what is true now, staleness and waiting included."""
        return {
            "path": str(self.database.path),
            "readonly": self.database.readonly,
            "head": self.log.head(),
            "views": self._views.report(),
            "faults": self.answers.faults(),
            "spent": asdict(self.answers.spent()),
            "ledger": self.answers.ledger(),
            "bytes": self.database.size(),
            "encrypted": self.database.key is not None,
            "privacy": state(self.models, self.models.gate),
            "canaries": self._watch.report(),
        }

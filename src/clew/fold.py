"""The order of work for one event: encode, store, manage; then the draft lands with the cursor.

The one `except Exception` of the core stands here, around one event of one recipe.
"""

import hashlib
from contextlib import nullcontext
from dataclasses import dataclass, replace
from time import monotonic

from clew.context import Context, Desk
from clew.errors import BudgetExceeded, ModelUnavailable, ReplayMiss
from clew.recipe import Recipe
from clew.storage.draft import Draft
from clew.storage.index import Lost
from clew.storage.log import Log
from clew.storage.view import Part, View
from clew.types import Event, Memory, Source

BATCH = 2048  # events in one landing; a recipe that may wait for a model lands each by itself
FOLDED, PENDING, WAITS = "folded", "pending", "waits for a model"
EDITS = frozenset({"edit"})  # reach every recipe whose memory they name
Key = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Folder:
    """Keeps one view caught up with the log. `until` stops a rebuild at a chosen place."""

    log: Log
    view: View
    recipe: Recipe
    desk: Desk

    def catch_up(self, key: Key, deadline: float | None = None, until: int | None = None) -> str:
        """Fold what is due in one partition; folded, pending (out of time), or why it waits. `deadline` is of `monotonic()`."""
        part = self.view.part(key)
        if not self._due(key, part, until):
            return (part.waiting if part else None) or FOLDED
        part = part or self.view.part(key, create=True)
        if part is None:
            return PENDING  # a rebuild has just taken this generation's place
        index = self.view.index(part)
        if not index.folding.acquire(timeout=-1 if deadline is None else max(0.0, deadline - monotonic())):
            return PENDING
        try:
            while True:
                try:
                    state = self._batch(key, deadline, until)
                except Lost:
                    with index.lock:
                        index.reset(-1)
                    continue
                if state is not None:
                    return state
        except BaseException:
            with index.lock:
                index.reset(-1)  # what was written to memory alone must not be taken for the file's
            raise
        finally:
            index.folding.release()

    def _due(self, key: Key, part: Part | None, until: int | None) -> bool:
        due = self.view.due(key, part.cursor if part else 0, 1)
        return bool(due) and (until is None or due[0].seq <= until)

    def _batch(self, key: Key, deadline: float | None, until: int | None) -> str | None:
        part = self.view.part(key)
        if part is None:
            return PENDING
        index = self.view.index(part)
        with index.lock, self.log.database.snapshot() as c:
            index.refresh(c)
        size = BATCH if self.desk.replay or not self.recipe.needs else 1
        events = [e for e in self.view.due(key, part.cursor, size) if until is None or e.seq <= until]
        if not events:
            return part.waiting or FOLDED
        draft, cursor, ordinal, waiting = self.view.draft(part), part.cursor, part.ordinal, None
        # one snapshot for the batch saves three statements an event; a recipe that asks a model must not hold one meanwhile
        with nullcontext() if self.recipe.needs else self.log.database.snapshot():
            for event in events:
                if not event.forgotten:
                    waiting = self._one(event, draft, part, ordinal + 1)
                    if waiting is not None:
                        break
                cursor, ordinal = event.seq, ordinal + 1
                if deadline is not None and monotonic() > deadline:
                    break
        if cursor == part.cursor and waiting == part.waiting:
            return waiting
        try:
            self.view.land(draft, part, cursor, ordinal, waiting)
        except Lost:
            with index.lock:
                index.reset(-1)
            return None
        except ModelUnavailable as error:  # the embedder
            with index.lock:
                index.reset(-1)
            return f"{WAITS}: {error}"
        if waiting is None and deadline is not None and monotonic() > deadline:
            return PENDING
        return waiting

    def _one(self, event: Event, draft: Draft, part: Part, ordinal: int) -> str | None:
        """Fold one event; None when it is done, else why it must wait. A failure leaves nothing of it in the draft."""
        ctx = Context(
            self.desk, self.recipe, draft, part.mark, event.scope, event.recorded_at, event.at, event.seq, ordinal, event, part.user or None
        )
        mark, operator = draft.mark(), "edit"
        if "ask" in self.recipe.needs and self.desk.models.asker is None and not self.desk.replay:
            return f'{WAITS}: {self.recipe.name} asks one and none is connected; Clew(..., models=connect("openai:..."))'
        try:
            if event.kind in EDITS:
                draft.write([ctx.resting(m) for m in edited(event, ctx)], event.seq)
            if event.kind in self.recipe.on:
                operator = "encode"
                candidates = ctx.stage(operator, self.recipe.encode, [event])
                operator = "store"
                draft.write([ctx.resting(m) for m in ctx.stage(operator, self.recipe.store, candidates)], event.seq)
                if self.recipe.manage is not None:
                    operator = "manage"
                    draft.write([ctx.resting(m) for m in ctx.stage(operator, self.recipe.manage)], event.seq)
        except (ModelUnavailable, BudgetExceeded) as error:
            draft.undo(mark)
            return f"{WAITS}: {error}"
        except Lost:
            raise  # nobody's mistake: the event is looked at anew
        except ReplayMiss:
            draft.undo(mark)
            raise
        except Exception as error:  # noqa: BLE001 - an operator's mistake must not stop a user's memory; it is written down and shown
            draft.undo(mark)
            ctx.faults.append((operator, f"{type(error).__name__}: {error}"))
        for where, problem in ctx.faults:
            self.desk.answers.fault(self.view.generation.id, self.recipe.name, where, event.seq, problem)
        return None


def digest(secret: bytes, memory: Memory) -> str:
    """What an edit remembers of the memory that it names: enough to know it again, nothing that can be guessed."""
    return hashlib.blake2b(memory.text.encode(), key=secret, digest_size=16).hexdigest()


def edited(event: Event, ctx: Context) -> list[Memory]:
    """The memories that an edit event changes in this view; one it cannot find again is noted as unapplied."""
    body = event.body
    if body.get("recipe") != ctx.recipe.name.partition("[")[0]:
        return []
    target = ctx.view.get(body["id"])
    if target is None or digest(ctx.desk.secret, target) != body["digest"]:
        spans = {tuple(s) for s in body["sources"]}
        target = next(
            (
                m
                for m in ctx.view.all(body["memory_kind"])
                if {(s.seq, s.start, s.end) for s in m.sources} == spans and digest(ctx.desk.secret, m) == body["digest"]
            ),
            None,
        )
    if target is None:
        ctx.faults.append(("edit", f"unapplied: the memory {body['id']} that was edited is not in this generation"))
        return []
    if body["op"] == "retire":
        return [target.retire(event.at, body["reason"])]
    words = event.text
    return [
        replace(
            target,
            text=words,
            sources=(*target.sources, Source(event.seq, 0, len(words))),
            trust=event.trust,
            rests=tuple(sorted({*target.rests, event.seq})),
        )
    ]

"""The order of work for one event: encode, store, manage; then the draft lands with the cursor.

The one `except Exception` of the core stands here, around one event of one recipe.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from time import monotonic

from clew import maintenance
from clew.context import Context
from clew.desk import Desk
from clew.edits import edited, redelivered
from clew.errors import BudgetExceeded, ModelUnavailable, ReplayMiss, StorageBusy, StorageFull
from clew.models import Extracts
from clew.recipe import Recipe
from clew.storage.draft import Draft
from clew.storage.index import Lost
from clew.storage.log import Log
from clew.storage.view import Part, View
from clew.types import Event, Memory

BATCH = 2048  # events in one landing; a recipe that may wait for a model lands each by itself
FOLDED, PENDING, WAITS, TAKEN = "folded", "pending", "waits for a model", "another worker is at it"
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
        if not self.due(key, part, until):
            return (part.waiting if part else None) or FOLDED
        part = part or self.view.part(key, create=True)
        if part is None:
            return PENDING  # a rebuild has just taken this generation's place
        index = self.view.index(part)
        if not index.folding.acquire(timeout=-1 if deadline is None else max(0.0, deadline - monotonic())):
            return PENDING
        shared = nullcontext(True) if deadline is not None else self.log.database.claimed(f"{self.view.generation.id}/{part.id}")
        try:
            with shared as mine:  # who waits for an answer folds all the same: the first to land wins
                while mine:
                    try:
                        state = self._batch(key, deadline, until)
                    except Lost:
                        with index.lock:
                            index.reset(-1)
                        continue
                    if state is not None:
                        return state
            return TAKEN
        except BaseException:
            with index.lock:
                index.reset(-1)  # what was written to memory alone must not be taken for the file's
            raise
        finally:
            index.folding.release()

    def due(self, key: Key, part: Part | None, until: int | None = None) -> bool:
        """Whether an event waits to be folded there; `part` as the view has it now."""
        due = self.view.due(key, part.cursor if part else 0, 1)
        return bool(due) and (until is None or due[0].seq <= until)

    def _batch(self, key: Key, deadline: float | None, until: int | None) -> str | None:
        part = self.view.part(key)
        if part is None:
            return PENDING
        index = self.view.index(part)
        with index.lock, self.log.database.snapshot() as c:
            index.refresh(c)
        quick = self.recipe.asked <= {"ask"} and isinstance(self.desk.models.asker, Extracts)  # a model, but none to wait for
        size = BATCH if self.desk.replay or not self.recipe.asked or quick else 1
        events = [e for e in self.view.due(key, part.cursor, size) if until is None or e.seq <= until]
        if not events:
            return part.waiting or FOLDED
        draft, cursor, ordinal, waiting = self.view.draft(part), part.cursor, part.ordinal, None
        # one snapshot for the batch saves three statements an event; a recipe that asks a model must not hold one meanwhile
        with nullcontext() if self.recipe.asked else self.log.database.snapshot():
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
        if draft.asked:  # before what rests on them
            self.desk.answers.keep_all(draft.asked)
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
        mark = kept = draft.mark()
        if "ask" in self.recipe.needs and self.desk.models.asker is None and not self.desk.replay:
            return f'{WAITS}: {self.recipe.name} asks one and none is connected; Clew(..., models=connect("openai:..."))'
        try:
            if event.kind in EDITS:
                self._edit(event, ctx)
                kept = draft.mark()  # an owner's word stands, whatever the recipe makes of it
            if event.kind in self.recipe.on:
                self._take(event, ctx)
        except (ModelUnavailable, BudgetExceeded) as error:
            draft.undo(mark)
            return f"{WAITS}: {error}"
        except (Lost, StorageBusy, StorageFull):
            raise  # nobody's mistake: the event is looked at anew
        except ReplayMiss:
            draft.undo(mark)
            raise
        except Exception as error:  # noqa: BLE001 - an operator's mistake must not stop a user's memory; it is written down and shown
            draft.undo(kept)
            ctx.faults.append((ctx.doing, f"{type(error).__name__}: {error}"))
        for where, problem in ctx.faults:
            self.desk.answers.fault(self.view.generation.id, self.recipe.name, where, event.seq, problem)
        return None

    def _take(self, event: Event, ctx: Context) -> None:
        """An event through the operators, less what is kept in quarantine."""
        ctx.premises = maintenance.premises(event, ctx)
        if self.recipe.guarded and event.kind not in EDITS:
            seen, held = ctx.stage("guard", maintenance.delivered, event)
            self._write(held, ctx)
            if seen is None:
                return
            event = seen
        ctx.event = event
        candidates = ctx.stage("encode", self.recipe.encode, [event])
        self._write(ctx.stage("store", self.recipe.store, candidates), ctx)
        if self.recipe.manage is not None:
            self._write(ctx.stage("manage", self.recipe.manage), ctx)

    def _edit(self, event: Event, ctx: Context) -> None:
        """An owner's edit, and where it approves what was in quarantine, that event again, whole."""
        self._write(edited(event, ctx, self.recipe), ctx)
        approved = redelivered(event, ctx)
        if approved is not None and approved.kind in self.recipe.on:
            ctx.event, ctx.at = approved, approved.at
            ctx.view.known.setdefault(approved.seq, (len(approved.text), approved.trust))
            candidates = ctx.stage("encode", self.recipe.encode, [approved])
            self._write(ctx.stage("store", self.recipe.store, candidates), ctx)
            ctx.event, ctx.at, ctx.premises = event, event.at, ()

    def _write(self, memories: Sequence[Memory], ctx: Context) -> None:
        """What may be written of these, and what that makes suspect."""
        if isinstance(memories, list) and not memories:  # anything else that is empty or no list at all is looked at below
            return
        kept = maintenance.admitted([ctx.resting(m) for m in memories], ctx)
        fallen = maintenance.shaken(kept, ctx, ctx.doing in ("edit", "rederive"))
        ctx.view.write(kept, ctx.seq)
        if fallen:
            ctx.view.write([ctx.resting(m) for m in maintenance.cascade(fallen, ctx)], ctx.seq)

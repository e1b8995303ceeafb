"""The part of the door by which things go, or must not go: forget, holds, pins, rules of retention."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from clew import forget as forgetting
from clew import intake, retention
from clew.errors import UsageError
from clew.generations import Progress
from clew.models import Models
from clew.retention import Hold, Rule, Wanted
from clew.storage.log import Log
from clew.types import Receipt, Recorded

PATIENCE = 2.0  # seconds that a call spends on catching up before it goes on with what there is


def _meant(given: Wanted) -> Wanted:
    """What a caller meant, checked: names and words are texts, events and memories are lists."""
    for field in ("user", "actor", "session", "agent", "kind"):
        intake.name(getattr(given, field), field)
    if not isinstance(given.matching, str | None):
        raise UsageError(f"matching is a text, got {given.matching!r:.60}")
    for field, example in (("events", "[3, 4]"), ("memories", "[hit.memory.id]")):
        value = getattr(given, field)
        if isinstance(value, str) or not isinstance(value, Collection):
            raise UsageError(f"{field} is a list, such as {example}; got {value!r:.60}")
    return replace(given, events=tuple(given.events), memories=tuple(given.memories))


class Disposal:
    """Forgetting and what governs it; `Clew` is the whole door."""

    log: Log
    models: Models

    def catch_up(self, recipe: str | None = None, *, timeout: float | None = None) -> dict[str, str]:
        """Fold what is due into the views; see `Clew.catch_up`."""
        raise NotImplementedError

    def forget(
        self,
        *,
        user: str | None = None,
        agent: str | None = None,
        actor: str | None = None,
        session: str | None = None,
        kind: str | None = None,
        events: Sequence[int] = (),
        memories: Sequence[str] = (),
        matching: str | None = None,
        before: datetime | str | None = None,
        dry_run: bool = False,
        except_held: bool = False,
        reason: str | None = None,
    ) -> Receipt:
        """Blank the events meant and all that came of them, clean the file, rebuild what survives; see `verify_forgotten`.

        Conclusions that were drawn from them, and edits of what they became, go too. Denied, and nothing is changed, where a
        legal hold covers some of it; with `except_held` the rest goes. `dry_run` tells all this and changes nothing.
        """
        wanted = _meant(Wanted(user, actor, session, events, memories, matching, intake.instant(before, "before"), agent, kind))
        receipt, forms = forgetting.forget(self.log, wanted, dry_run, reason, except_held=except_held)
        if receipt.state != "withdrawn":
            return receipt
        if self.models.gate is not None:
            self.models.gate.forget()  # what it knows of values in this process
        self.catch_up(timeout=PATIENCE)
        return forgetting.erased(self.log, receipt, forms)

    def erase(self, receipt: Receipt) -> Receipt:
        """Clean the file again for a receipt that still says withdrawn."""
        return forgetting.erased(self.log, receipt)

    def verify_forgotten(self, receipt: Receipt, probes: Sequence[str] = ()) -> list[str]:
        """What is left of what was forgotten, [] when nothing is; any text among `probes` is sought in every byte."""
        return forgetting.verify(self.log, receipt, probes)

    # -- holds and pins -----------------------------------------------------------------------------------------

    def hold(
        self,
        *,
        reason: str,
        user: str | None = None,
        agent: str | None = None,
        session: str | None = None,
        actor: str | None = None,
        events: Sequence[int] = (),
        matching: str | None = None,
        before: datetime | str | None = None,
    ) -> Recorded:
        """Keep these events from every `forget` until `release(seq)`; what is recorded later is covered where it fits."""
        covers = _meant(Wanted(user, actor, session, events, (), matching, intake.instant(before, "before"), agent))
        return retention.hold(self.log, covers, reason)

    def release(self, seq: int, *, reason: str | None = None) -> Recorded:
        """End a legal hold, by the place of its event."""
        return retention.release(self.log, seq, reason)

    def holds(self) -> list[Hold]:
        """The legal holds in force, oldest first."""
        return retention.holds(self.log)

    def pin(self, *ids: str, events: Sequence[int] = ()) -> Recorded:
        """Leave these memories' events out of retention rules and decay; an explicit `forget` takes them all the same."""
        return retention.pin(self.log, events, ids)

    def unpin(self, *ids: str, events: Sequence[int] = ()) -> Recorded:
        """Take pins away."""
        return retention.pin(self.log, events, ids, undo=True)

    def pinned(self) -> frozenset[int]:
        """The events that are pinned."""
        return retention.pinned(self.log)

    # -- rules --------------------------------------------------------------------------------------------------

    def retain(
        self,
        name: str,
        *,
        older_than: timedelta | int | None = None,
        kind: str | None = None,
        user: str | None = None,
        agent: str | None = None,
        session: str | None = None,
        actor: str | None = None,
        matching: str | None = None,
        at_most: int | None = None,
        reason: str | None = None,
        dry_run: bool = False,
    ) -> Receipt:
        """A rule that the worker applies daily: forget what is older than that (days, since it was recorded) and fits the rest.

        Returns what it would take now, as a dry run; with `dry_run` the rule itself is not put in force either.
        """
        meant = _meant(Wanted(user, actor, session, (), (), matching, None, agent, kind))
        return forgetting.ruled(self.log, retention.drafted(self.log, name, meant, older_than, at_most, reason), dry_run)

    def withdraw(self, name: str) -> Recorded:
        """Take a retention rule out of force."""
        return retention.withdraw(self.log, name)

    def rules(self) -> list[Rule]:
        """The retention rules in force, oldest first."""
        return retention.rules(self.log)

    def retention(self, *, day: date | None = None, dry_run: bool = False, progress: Progress | None = None) -> list[Receipt]:
        """Apply every rule now: a receipt each that takes something (`state` refused where it would take more than `at_most`)."""
        found = forgetting.retained(self.log, day, dry_run, progress)
        if any(receipt.state == "withdrawn" for receipt, _ in found):
            self.catch_up(timeout=PATIENCE)
        return forgetting.cleaned(self.log, found, progress)

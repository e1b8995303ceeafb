"""The memory as one principal may use it: the same verbs as `Clew`, each checked for role and for whose memory it touches.

A door that speaks through a `Grant` cannot show or change what is not the principal's: what lies outside does not exist (NotFound).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from clew import intake
from clew.arena import decay_curve
from clew.arena.decay_curve import Simulation
from clew.decay import Report
from clew.engine import Clew
from clew.errors import Denied, NotFound
from clew.fold import Folder
from clew.recall import Answer
from clew.retention import sources
from clew.serve.access import Access, Principal
from clew.serve.keys import Keys
from clew.serve.traces import span
from clew.storage.view import Generation
from clew.types import Event, Hit, Memory, Quote, Receipt, Recorded


class Grant:
    """What `who` was granted of a memory. Errors are the engine's own, and Denied for the role."""

    def __init__(self, clew: Clew, access: Access, who: Principal) -> None:
        self._clew, self._access, self.who = clew, access, who

    # -- reading ------------------------------------------------------------------------------------------------

    def recall(self, text: str, *, user: str | None = None, **asked: Any) -> list[Hit]:
        """See `Clew.recall`."""
        whose = self._whose("recall", user)
        with span("recall"):
            return self._clew.recall(text, user=whose, **asked)

    def prompt(self, text: str, *, user: str | None = None, **asked: Any) -> str:
        """See `Clew.prompt`."""
        whose = self._whose("prompt", user)
        with span("prompt"):
            return self._clew.prompt(text, user=whose, **asked)

    def ask(self, text: str, *, user: str | None = None, **asked: Any) -> Answer:
        """See `Clew.ask`."""
        whose = self._whose("ask", user)
        with span("ask"):
            return self._clew.ask(text, user=whose, **asked)

    def window(self, *, user: str | None = None, **asked: Any) -> list[dict[str, Any]]:
        """See `Clew.window`."""
        return self._clew.window(user=self._whose("window", user), **asked)

    def tools(self, recipe: str | None = None) -> list[dict[str, Any]]:
        """See `Clew.tools`."""
        self.who.needs("tools")
        return self._clew.tools(recipe)

    def get(self, id: str) -> Memory:
        """See `Clew.get`; what is in quarantine only for who may review it."""
        return self._seen("get", id)

    def thread(self, id: str) -> list[Quote]:
        """The exact words a memory came from; what is in quarantine is blanked for who may not review it."""
        self._seen("thread", id)
        return self._clew.thread(id) if self.who.may("review") else self._clew._quoted(id)

    def history(self, id: str) -> list[tuple[Memory, Event, str | None]]:
        """See `Clew.history`; without versions that rest on somebody else's words, and for readers without the events' own words."""
        self._seen("history", id)
        found = self._clew.history(id)
        if not self.who.may("review"):
            found = [(m, replace(e, body=None), why) for m, e, why in found if m.status != "quarantined"]
        return [version for version in found if self._theirs([version[0]])]

    def memories(self, *, user: str | None = None, **asked: Any) -> list[Memory]:
        """See `Clew.memories`."""
        found = self._clew.memories(user=self._whose("memories", user), **asked)
        return found if self.who.may("review") else [m for m in found if m.status != "quarantined"]

    def users(self) -> list[str]:
        """See `Clew.users`; who acts for one user sees that one."""
        self.who.needs("users")
        return self._clew.users() if self.who.user is None else [self.who.user]

    def events(
        self, *, after: int = 0, limit: int = 100, user: str | None = None, agent: str | None = None, session: str | None = None
    ) -> list[Event]:
        """A page of the log as it was recorded, quarantined words too: for curators."""
        self.who.needs("events")
        return list(islice(self._clew.log.read(after, self.who.scope(user, agent, session)), limit))

    def status(self) -> dict[str, Any]:
        """See `Clew.status`."""
        self.who.whole("status")
        return self._clew.status()

    # -- writing ------------------------------------------------------------------------------------------------

    def record(self, what: Any, *, user: str | None = None, basis: Sequence[str] = (), **given: Any) -> Recorded:
        """See `Clew.record`: nobody else's scope in any message, no trust above the principal's, no basis that it cannot see."""
        whose = self._whose("record", user)
        trusted = self.who.entrusted(what, given.get("trust"), given.get("kind"))
        for id in {*basis, *_based(what)}:
            self._seen("record", id)
        if given.get("as_lived"):
            self.who.needs("load")  # that moves the learned clock back
        with span("record"):
            return self._clew.record(trusted, user=whose, basis=basis, **given)

    def call(self, tool: str, arguments: Mapping[str, Any] | str = "{}", *, user: str | None = None, **given: Any) -> str:
        """See `Clew.call`."""
        return self._clew.call(tool, arguments, user=self._whose("call", user), **given)

    def feedback(self, id: str, *, good: bool) -> Recorded:
        """See `Clew.feedback`."""
        self._own("feedback", id)
        return self._clew.feedback(id, good=good, actor=self.who.name)

    def revise(self, id: str, text: str) -> Recorded:
        """See `Clew.revise`."""
        self._own("revise", id)
        with span("revise", id):
            return self._clew.revise(id, text, actor=self.who.name)

    def retire(self, id: str, *, reason: str = "corrected") -> Recorded:
        """See `Clew.retire`."""
        self._own("retire", id)
        with span("retire", id):
            return self._clew.retire(id, reason=reason, actor=self.who.name)

    def confirm(self, id: str) -> Recorded:
        """See `Clew.confirm`."""
        self._own("confirm", id)
        return self._clew.confirm(id, actor=self.who.name)

    def rederive(self, id: str) -> Recorded:
        """See `Clew.rederive`."""
        self._own("rederive", id)
        return self._clew.rederive(id, actor=self.who.name)

    def archive(self, ids: Sequence[str], *, undo: bool = False) -> Recorded:
        """See `Clew.archive`."""
        for id in ids:
            self._own("archive", id)
        return self._clew.archive(ids, undo=undo, actor=self.who.name)

    def retract(self, events: Sequence[int], **how: Any) -> Recorded:
        """See `Clew.retract`."""
        self.who.needs("load" if how.get("as_lived") else "retract")  # that moves the learned clock back
        self._said(intake.places(events), " that could be retracted")
        return self._clew.retract(events, actor=self.who.name, **how)

    # -- reviewing and forgetting -------------------------------------------------------------------------------

    def review(self, *, user: str | None = None) -> list[Memory]:
        """See `Clew.review`."""
        return self._clew.review(user=self._whose("review", user))

    def approve(self, id: str) -> Recorded:
        """See `Clew.approve`."""
        self._own("approve", id)
        return self._clew.approve(id, actor=self.who.name)

    def reject(self, id: str) -> Recorded:
        """See `Clew.reject`."""
        self._own("reject", id)
        return self._clew.reject(id, actor=self.who.name)

    def forget(self, *, user: str | None = None, memories: Sequence[str] = (), dry_run: bool = False, **meant: Any) -> Receipt:
        """See `Clew.forget`: of who acts for one user, that user's events alone."""
        whose = self._whose("forget", user)
        for id in memories:
            self._own("forget", id)
        with span("forget"):
            receipt = self._clew.forget(user=whose, memories=memories, dry_run=dry_run, **meant)
        if not dry_run:
            self._access.audit(self.who, "forget", receipt=receipt.forget_seq, events=len(receipt.seqs))
        return receipt if self.who.user is None else replace(receipt, mentioned_elsewhere=())  # places of others' events

    def verify_forgotten(self, receipt: Receipt, probes: Sequence[str] = ()) -> list[str]:
        """See `Clew.verify_forgotten`; probes look into everybody's words, so they need who acts for everybody."""
        if probes:
            self.who.whole("verify_forgotten")
        self.who.needs("verify_forgotten")
        return self._clew.verify_forgotten(receipt, probes)

    def erase(self, receipt: Receipt) -> Receipt:
        """See `Clew.erase`."""
        self.who.needs("erase")
        return self._clew.erase(receipt)

    # -- what stays and what fades ------------------------------------------------------------------------------

    def pin(self, *ids: str, events: Sequence[int] = ()) -> Recorded:
        """See `Clew.pin`."""
        return self._pinning("pin", ids, events)

    def unpin(self, *ids: str, events: Sequence[int] = ()) -> Recorded:
        """See `Clew.unpin`."""
        return self._pinning("unpin", ids, events)

    def pinned(self) -> frozenset[int]:
        """See `Clew.pinned`; of who acts for one user, that user's."""
        self.who.needs("pinned")
        found = self._clew.pinned()
        return found if self.who.user is None else frozenset(e.seq for e in self._events(found) if e.scope.user == self.who.user)

    def decay(self, *, user: str | None = None, recipe: str | None = None, dry_run: bool = True, **limit: Any) -> Report:
        """See `Clew.decay`."""
        whose, _ = self._aging("decay", user, recipe)
        report = self._clew.decay(user=whose, recipe=recipe, dry_run=dry_run, **limit)
        if not dry_run:
            self._access.audit(self.who, "decay", archived=len(report.items))
        return report

    def faded(self, *, user: str | None = None, recipe: str | None = None) -> tuple[tuple[int, ...], int]:
        """See `Clew.faded`."""
        whose, _ = self._aging("faded", user, recipe)
        return self._clew.faded(user=whose, recipe=recipe)

    def simulate(self, *, user: str | None = None, recipe: str | None = None) -> Simulation:
        """What decay would have cost the later questions of a user, or of everyone; see `arena.decay_curve`."""
        whose, folder = self._aging("simulate", user, recipe)
        return decay_curve.tried(folder, whose)

    # -- the whole ----------------------------------------------------------------------------------------------

    def overseen(self, verb: str) -> Clew:
        """The whole memory for a verb of NEEDS that tells of it; Denied for all but who may."""
        self.who.whole(verb)
        return self._clew

    def administer(self, verb: str, *, tried: bool = False, **facts: Any) -> Clew:
        """The same for an administrative verb, once the act is in the log, unless it is only tried."""
        self.who.whole(verb)
        if not tried:
            self._access.audit(self.who, verb, **facts)
        return self._clew

    def generations(self, recipe: str | None = None) -> list[Generation]:
        """See `Clew.generations`."""
        self.who.whole("generations")
        return self._clew.generations(recipe)

    def keys(self) -> Keys:
        """The keys, for who may give them away."""
        self.who.whole("keys")
        return self._access.keys

    def load(self, path: Path, *, as_lived: bool = False) -> Recorded:
        """See `Clew.load`; told in the log afterwards, for only an empty log can become the same as another."""
        self.who.whole("load")
        done = self._clew.load(path, as_lived=as_lived)
        self._access.audit(self.who, "load", events=len(done.seqs))
        return done

    # -- whose --------------------------------------------------------------------------------------------------

    def _whose(self, verb: str, user: str | None) -> str | None:
        self.who.needs(verb)
        return self.who.scope(user).user

    def _aging(self, verb: str, user: str | None, recipe: str | None) -> tuple[str | None, Folder]:
        """Whose memories fade, and the view: for who acts for one user, none that is made of several users' words."""
        whose, folder = self._whose(verb, user), self._clew.aging(recipe)
        if self.who.user is not None and folder.view.generation.shares in ("agent", "all"):
            raise Denied(f"{verb}: users share the views of {folder.recipe.name}, and this key acts for one")
        return whose, folder

    def _pinning(self, verb: str, ids: Sequence[str], events: Sequence[int]) -> Recorded:
        for id in ids:
            self._own(verb, id)
        self.who.needs(verb)
        behind = {seq for id in ids for seq in sources(self._clew.log, id)} if self.who.user is not None else set[int]()
        self._said({*events, *behind})
        done = getattr(self._clew, verb)(*ids, events=events)
        self._access.audit(self.who, verb, marks=len(done.seqs))
        return done

    def _events(self, seqs: Collection[int]) -> list[Event]:
        return self._clew.log.select(f"seq IN ({','.join(map(str, sorted(seqs)))})", ()) if seqs else []

    def _said(self, seqs: Collection[int], what: str = "") -> None:
        """NotFound, in the engine's own words, where one of these events is somebody else's."""
        for event in self._events(seqs):
            if self.who.user not in (None, event.scope.user):
                raise NotFound(f"there is no event {event.seq} in the log{what}")

    def _seen(self, verb: str, id: str) -> Memory:
        """The memory, where the principal may see it."""
        self.who.needs(verb)
        memory = self._clew.get(id)
        if not self._shown(memory):
            raise NotFound(f"there is no memory {id!r}; ids come from recall and memories")  # the engine's own words
        return memory

    def _shown(self, memory: Memory) -> bool:
        return self._theirs([memory]) and (memory.status != "quarantined" or self.who.may("review"))

    def _own(self, verb: str, id: str) -> Memory:
        """The memory, where the principal may change it: what is common to all only who acts for all."""
        memory = self._seen(verb, id)
        if self.who.user not in (None, memory.scope.user):
            raise Denied(f"{verb}: memory {id} is common to all users, and this key acts for one")
        return memory

    def _theirs(self, memories: Sequence[Memory]) -> bool:
        """Whether all of it lies in, and rests on, nobody else's memory."""
        if self.who.user is None:
            return True
        mine = (None, self.who.user)
        rests = self._events({seq for m in memories for seq in (*m.rests, *(s.seq for s in m.sources))})
        return all(m.scope.user in mine for m in memories) and all(event.scope.user in mine for event in rests)


def _based(what: Any) -> Iterator[str]:
    """The ids of memories that messages name as their basis; what is none is refused by the engine."""
    for message in [what] if isinstance(what, Mapping) else what if isinstance(what, Sequence) and not isinstance(what, str) else ():
        if isinstance(message, Mapping):
            with suppress(TypeError):
                yield from (id for id in message.get("basis") or () if isinstance(id, str))

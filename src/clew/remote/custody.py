"""The owner's half of the door over HTTP: correct, review, withdraw, forget, retain, rebuild, carry away."""

import os
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.parse import quote

from clew.decay import Report
from clew.engine import Clew
from clew.errors import UsageError
from clew.fold import Folder
from clew.generations import Progress
from clew.models import Budget
from clew.remote.values import rebuilt
from clew.remote.wire import Wire, named
from clew.retention import Hold, Rule
from clew.storage.view import Generation
from clew.types import Memory, Receipt, Recorded

CHUNK = 65_536  # bytes
SOONEST_S, LATEST_S = 0.05, 1.0  # between two looks at long work
OVER = ("done", "failed", "lost")


class Kept(Clew):
    """The verbs of an owner, each a request."""

    _wire: Wire

    def _post(self, shape: Any, path: str, body: dict[str, Any] | None = None, *, safe: bool = False, method: str = "POST") -> Any:
        return rebuilt(shape, self._wire.call(method, f"/v1{path}", body or {}, safe=safe)[0])

    def _edited(self, id: str, verb: str, actor: str | None, body: dict[str, Any] | None = None) -> Recorded:
        self._mine(actor)
        return self._post(Recorded, f"/{verb.format(quote(str(id), safe=''))}", body)

    def _mine(self, actor: str | None) -> None:
        if actor is not None:
            raise UsageError(f"the actor of what is done over HTTP is the name of the key; leave out actor={actor!r:.60}")

    # -- correcting and reviewing -------------------------------------------------------------------------------

    def revise(self, id: str, text: str, *, actor: str | None = None) -> Recorded:
        """See `Clew.revise`."""
        self._mine(actor)
        return self._post(Recorded, f"/memories/{quote(str(id), safe='')}", {"text": text}, method="PATCH")

    def retire(self, id: str, *, reason: str = "corrected", actor: str | None = None) -> Recorded:
        """See `Clew.retire`."""
        return self._edited(id, "memories/{}/retire", actor, {"reason": reason})

    def feedback(self, id: str, *, good: bool, actor: str | None = None) -> Recorded:
        """See `Clew.feedback`."""
        return self._edited(id, "memories/{}/feedback", actor, {"good": good})

    def confirm(self, id: str, *, actor: str | None = None) -> Recorded:
        """See `Clew.confirm`."""
        return self._edited(id, "memories/{}/confirm", actor)

    def rederive(self, id: str, *, actor: str | None = None) -> Recorded:
        """See `Clew.rederive`."""
        return self._edited(id, "memories/{}/rederive", actor)

    def approve(self, id: str, *, actor: str | None = None) -> Recorded:
        """See `Clew.approve`."""
        return self._edited(id, "review/{}/approve", actor)

    def reject(self, id: str, *, actor: str | None = None) -> Recorded:
        """See `Clew.reject`."""
        return self._edited(id, "review/{}/reject", actor)

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
        """See `Clew.retract`."""
        self._mine(actor)
        when = {"reason": reason, "at": at, "key": key, "as_lived": as_lived}
        return self._post(Recorded, "/events/retract", {"events": events, **when}, safe=key is not None)

    def archive(self, ids: Sequence[str], *, actor: str | None = None, undo: bool = False) -> Recorded:
        """See `Clew.archive`."""
        self._mine(actor)
        return self._post(Recorded, "/memories/archive", {"ids": ids, "undo": undo})

    def review(self, *, user: str | None = None) -> list[Memory]:
        """See `Clew.review`."""
        return rebuilt(list[Memory], self._wire.read("/v1/review", user=user))

    # -- forgetting and keeping ---------------------------------------------------------------------------------

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
        """See `Clew.forget`."""
        whose = {"user": user, "agent": agent, "actor": actor, "session": session, "kind": kind}
        what = {"events": events, "memories": memories, "matching": matching, "before": before}
        how = {"dry_run": dry_run, "except_held": except_held, "reason": reason}
        return self._post(Receipt, "/forget", {**whose, **what, **how}, safe=dry_run)

    def erase(self, receipt: Receipt) -> Receipt:
        """See `Clew.erase`."""
        return self._post(Receipt, "/forget/erase", {"receipt": receipt}, safe=True)

    def verify_forgotten(self, receipt: Receipt, probes: Sequence[str] = ()) -> list[str]:
        """See `Clew.verify_forgotten`."""
        return self._post(dict[str, list[str]], "/forget/verify", {"receipt": receipt, "probes": probes}, safe=True)["left"]

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
        """See `Clew.hold`."""
        whose = {"user": user, "agent": agent, "session": session, "actor": actor}
        return self._post(Recorded, "/holds", {**whose, "reason": reason, "events": events, "matching": matching, "before": before})

    def release(self, seq: int, *, reason: str | None = None) -> Recorded:
        """See `Clew.release`."""
        return self._post(Recorded, f"/holds/{seq}/release", {"reason": reason})

    def holds(self) -> list[Hold]:
        """See `Clew.holds`."""
        return rebuilt(list[Hold], self._wire.read("/v1/holds"))

    def pin(self, *ids: str, events: Sequence[int] = ()) -> Recorded:
        """See `Clew.pin`."""
        return self._post(Recorded, "/pins", {"ids": ids, "events": events})

    def unpin(self, *ids: str, events: Sequence[int] = ()) -> Recorded:
        """See `Clew.unpin`."""
        return self._post(Recorded, "/pins/remove", {"ids": ids, "events": events})

    def pinned(self) -> frozenset[int]:
        """See `Clew.pinned`."""
        return rebuilt(frozenset[int], self._wire.read("/v1/pins"))

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
        """See `Clew.retain`."""
        whose = {"user": user, "agent": agent, "session": session, "actor": actor, "kind": kind}
        what = {"older_than": older_than, "matching": matching, "at_most": at_most, "reason": reason, "dry_run": dry_run}
        return self._post(Receipt, "/rules", {"name": name, **whose, **what}, safe=dry_run)

    def withdraw(self, name: str) -> Recorded:
        """See `Clew.withdraw`."""
        return self._post(Recorded, "/rules/withdraw", {"name": name})

    def rules(self) -> list[Rule]:
        """See `Clew.rules`."""
        return rebuilt(list[Rule], self._wire.read("/v1/rules"))

    def retention(self, *, day: date | None = None, dry_run: bool = False, progress: Progress | None = None) -> list[Receipt]:
        """See `Clew.retention`; `progress` is not called, for it is one request."""
        return self._post(list[Receipt], "/rules/apply", {"day": day, "dry_run": dry_run}, safe=dry_run)

    # -- fading -------------------------------------------------------------------------------------------------

    def decay(
        self,
        *,
        user: str | None = None,
        recipe: str | None = None,
        below: float | None = None,
        keep_share: float | None = None,
        keep_bytes: int | None = None,
        keep_count: int | None = None,
        dry_run: bool = True,
        show: int = 20,
    ) -> Report:
        """See `Clew.decay`."""
        limit = {"below": below, "keep_share": keep_share, "keep_bytes": keep_bytes, "keep_count": keep_count}
        return self._post(Report, "/decay", {"user": user, "recipe": recipe, **limit, "dry_run": dry_run, "show": show}, safe=dry_run)

    def faded(self, *, user: str | None = None, recipe: str | None = None) -> tuple[tuple[int, ...], int]:
        """See `Clew.faded`."""
        found = self._wire.read("/v1/decay/faded", user=user, recipe=recipe)
        return tuple(found["events"]), found["waiting"]

    def aging(self, recipe: str | None = None) -> Folder:
        """UsageError: a view is no value that could be sent."""
        raise UsageError("over HTTP there are no views to hold in hand; decay(...) tells their strengths")

    # -- views, and long work -----------------------------------------------------------------------------------

    def catch_up(self, recipe: str | None = None, *, timeout: float | None = None, progress: Progress | None = None) -> dict[str, str]:
        """See `Clew.catch_up`; the service goes on after `timeout` seconds, and what is not told by then is pending."""
        found = self._worked({"verb": "catch_up", "recipe": recipe}, timeout, progress)
        if found is None:
            return dict.fromkeys([recipe] if recipe else [view["recipe"] for view in self.status()["views"]], "pending")
        return found

    def rebuild(
        self, recipe: str | None = None, *, ask: Budget | None = None, promote: bool = True, progress: Progress | None = None
    ) -> Generation:
        """See `Clew.rebuild`."""
        made = self._worked({"verb": "rebuild", "recipe": recipe, "promote": promote, "ask": ask}, None, progress) or {}
        return next(each for each in self.generations(made["recipe"]) if each.id == made["generation"])

    def _worked(self, work: dict[str, Any], timeout: float | None, progress: Progress | None) -> dict[str, Any] | None:
        """The result of long work, once it is done; None where it is not within so many seconds."""
        began, wait = monotonic(), SOONEST_S
        found = self._wire.call("POST", "/v1/operations", work)[0]
        while found["state"] not in OVER:
            if timeout is not None and monotonic() - began > timeout:
                return None
            if progress is not None and found["done"] is not None:
                progress(found["done"], found["total"])
            sleep(wait)
            wait = min(LATEST_S, 1.5 * wait)
            found = self._wire.read(f"/v1/operations/{found['id']}")
        if found["state"] != "done":
            raise named(found.get("error") or "", found["detail"] or f"operation {found['id']} was lost with its process; call again")
        return found["result"]

    def generations(self, recipe: str | None = None) -> list[Generation]:
        """See `Clew.generations`."""
        return rebuilt(list[Generation], self._wire.read("/v1/generations", recipe=recipe))

    def promote(self, recipe: str, generation: int) -> None:
        """See `Clew.promote`."""
        self._post(Any, f"/generations/{generation}/promote", {"recipe": recipe}, safe=True)

    def diff(self, recipe: str, one: int, other: int) -> Iterator[tuple[str, tuple[object, ...]]]:
        """See `Clew.diff`."""
        found = self._wire.read(f"/v1/generations/{one}/diff", recipe=recipe, other=other)
        yield from rebuilt(list[tuple[str, tuple[Any, ...]]], found)

    def drop(self, recipe: str, generation: int) -> None:
        """See `Clew.drop`."""
        self._wire.call("DELETE", f"/v1/generations/{generation}", params={"recipe": recipe})

    # -- the whole ----------------------------------------------------------------------------------------------

    def export(self, path: str | os.PathLike[str]) -> int:
        """See `Clew.export`; the file is here, and is whole or is not there."""
        return self._carried("/v1/export", Path(path))

    def backup(self, path: str | os.PathLike[str]) -> None:
        """See `Clew.backup`; the file is here, so no `forget` of the service reaches it."""
        if Path(path).exists():
            raise UsageError(f"{path} exists; give a new path, nothing is overwritten")
        self._carried("/v1/backup", Path(path))

    def _carried(self, source: str, path: Path) -> int:
        """Write what comes to that path, by another name until it is whole; returns how many lines."""
        partial, lines = path.with_name(f"{path.name}.part"), 0
        try:
            with self._wire.stream(source) as pieces, open(partial, "wb") as file:
                for piece in pieces:
                    lines += piece.count(b"\n")
                    file.write(piece)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        return lines

    def load(self, path: str | os.PathLike[str], *, as_lived: bool = False) -> Recorded:
        """See `Clew.load`; the file is here."""
        if not Path(path).is_file():
            raise UsageError(f"there is no file {path} to load")

        def pieces() -> Iterator[bytes]:
            with open(path, "rb") as file:
                while piece := file.read(CHUNK):
                    yield piece

        return rebuilt(Recorded, self._wire.call("POST", "/v1/import", params={"as_lived": as_lived}, content=pieces)[0])

    def canary(self, *, user: str | None = None, agent: str | None = None, session: str | None = None) -> str:
        """See `Clew.canary`."""
        return self._post(Any, "/canaries", {"user": user, "agent": agent, "session": session})["token"]

    def shred(self) -> str:
        """UsageError: it would destroy the file under the service that answers for it."""
        raise UsageError("a file is shredded on its own machine, once nothing serves it: Clew(path).shred()")

    def status(self) -> dict[str, Any]:
        """See `Clew.status`; instants are ISO 8601 texts."""
        return self._wire.read("/v1/status")

"""Which memories would be put away, and why: a policy over a view and the log that proposes and edits nothing itself.

What it decides is written by the door as an `edit` event with op "archive" that names the memories, so that a replay
meets the decision and never makes it anew. Erasing is `forget`'s alone.
"""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clew.errors import UsageError
from clew.fold import Folder
from clew.generations import Generations
from clew.recall import steady
from clew.retention import standing
from clew.storage import rows
from clew.storage.log import Entry, Log
from clew.storage.schema import SLOT_BITS
from clew.storage.view import Part, View
from clew.strength import Floats, Held, Ints, held, partitions, signals, spans, strength
from clew.types import TRUST, Scope

PATIENCE = 10.0  # seconds spent on catching up before and after
ITEMS = 500  # memories named by one event: each is looked at with the whole event at hand, so a large one costs its square


@dataclass(frozen=True, slots=True)
class Policy:
    """What to put away: what is weaker than `below`, or the weakest until the rest fits one of the budgets."""

    below: float | None = None  # strength, 0..1
    keep_share: float | None = None  # of the bytes, 0..1
    keep_bytes: int | None = None
    keep_count: int | None = None

    def __post_init__(self) -> None:
        given = {name: getattr(self, name) for name in ("below", "keep_share", "keep_bytes", "keep_count")}
        if sum(value is not None for value in given.values()) != 1:
            raise UsageError(f"decay takes one of below=, keep_share=, keep_bytes=, keep_count=; got {given}")
        for name in ("below", "keep_share"):
            if given[name] is not None and not 0 <= given[name] <= 1:
                raise UsageError(f"{name} is a share from 0 to 1, got {given[name]!r}")
        for name in ("keep_bytes", "keep_count"):
            if given[name] is not None and given[name] < 0:
                raise UsageError(f"{name} must be 0 or more, got {given[name]!r}")


@dataclass(frozen=True, slots=True)
class Item:
    """One memory and its strength, with each part's share of it (they add up to it), and how an edit names it."""

    id: str
    text: str
    kind: str
    strength: float
    size: int  # bytes in the view
    why: Mapping[str, float]
    reference: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Report:
    """What decay would do, or did: `seqs` are the events that say so, () for a dry run."""

    recipe: str
    user: str | None
    items: tuple[Item, ...]  # to be put away, weakest first
    weakest: tuple[Item, ...]  # of all that may be, weakest first, at most as many as were asked for
    memories: int  # that recall could show before
    bytes: int  # they take in the view
    freed: int  # bytes of `items`: what is searched gets smaller by this; the file does only once they are erased
    spared: int  # memories never touched: pinned, held, suspect
    seqs: tuple[int, ...] = ()


def movable(known: Held, spared: Collection[int] = ()) -> NDArray[np.bool_]:
    """Which memories may be put away at all: active ones that came from none of the `spared` events (pins, legal holds)."""
    kept = frozenset(spared)
    return known.free & np.array([kept.isdisjoint(mine) for mine in known.seqs], np.bool_)


def worth(known: Held, value: Floats, policy: Policy) -> Floats:
    """What the policy orders by: strength; under a byte budget strength over the root of the bytes, for long ones must earn their room."""
    if policy.keep_share is None and policy.keep_bytes is None:
        return value
    return value / np.sqrt(known.size)


def until(cost: Ints, order: Ints, budget: int) -> Ints:
    """The first places of `order` that must go until the cost of all the rest is within the budget."""
    excess = int(cost.sum()) - budget
    before = np.cumsum(cost[order]) - cost[order]
    return order[before < excess]


def chosen(known: Held, value: Floats, policy: Policy, free: NDArray[np.bool_]) -> Ints:
    """The places of the memories to put away, weakest first, the older of equals first."""
    order = np.lexsort((known.learned, worth(known, value, policy)))
    order = order[free[order]]
    if policy.below is not None:
        return order[value[order] < policy.below]
    if policy.keep_count is not None:
        return until(np.ones(len(known), np.int64), order, policy.keep_count)
    share = None if policy.keep_share is None else int(policy.keep_share * int(known.size.sum()))
    return until(known.size, order, policy.keep_bytes or 0 if share is None else share)


def proposed(
    view: View, policy: Policy | None, user: str | None = None, spared: Collection[int] = (), show: int = 20
) -> list[tuple[Part, Report]]:
    """What the policy would put away in each partition that holds memories of the user; without one, only the weakest are listed."""
    found = []
    for part in partitions(view, user):
        known = held(view, part, user)
        if not len(known):
            continue
        value, parts = strength(signals(view, known))
        free = movable(known, spared)
        away = chosen(known, value, policy or Policy(below=0.0), free)
        order = np.lexsort((known.learned, value))
        weakest = order[free[order]][:show]

        def item(i: int, known: Held = known, value: Floats = value, parts: Mapping[str, Floats] = parts) -> Item:
            why = {name: float(share[i]) for name, share in parts.items()}
            return Item(known.ids[i], known.texts[i], known.kinds[i], float(value[i]), int(known.size[i]), why, _reference(view, known, i))

        report = Report(
            view.generation.recipe,
            user,
            tuple(item(int(i)) for i in away),
            tuple(item(int(i)) for i in weakest),
            len(known),
            int(known.size.sum()),
            int(known.size[away].sum()),
            int(np.count_nonzero(~free)),
        )
        found.append((part, report))
    return found


def _reference(view: View, known: Held, i: int) -> dict[str, Any]:
    """How an edit names a memory: as `clew.maintenance.reference` does, without reading the memory again."""
    digest = hashlib.blake2b(known.texts[i].encode(), key=view.log.database.secret, digest_size=16).hexdigest()
    recipe, generation = view.generation.recipe.partition("[")[0], view.generation.id
    where = {"memory_kind": known.kinds[i], "sources": spans(known, i), "digest": digest}
    return {"id": known.ids[i], "recipe": recipe, "generation": generation, **where}


def entries(log: Log, part: Part, references: Sequence[Mapping[str, Any]], op: str = "archive") -> list[Entry]:
    """The events that put these memories of one partition away, or (op "unarchive") bring them back."""
    with log.database.snapshot() as c:
        scope = log.scope(c, *((n or None) for n in (part.user, part.agent, part.session)))
    return [_entry(op, references[i : i + ITEMS], scope) for i in range(0, len(references), ITEMS)]


def _entry(op: str, references: Sequence[Mapping[str, Any]], scope: Scope) -> Entry:
    body = {"op": op, "recipe": references[0]["recipe"], "items": [dict(r) for r in references]}
    return Entry("edit", body, scope, None, TRUST["owner"], None)


def joined(reports: Sequence[Report], recipe: str, user: str | None, show: int = 20) -> Report:
    """The reports of several partitions as one."""
    items = sorted((i for r in reports for i in r.items), key=lambda i: (i.strength, i.id))
    weakest = sorted((i for r in reports for i in r.weakest), key=lambda i: (i.strength, i.id))
    memories, size, freed, spared = (sum(getattr(r, name) for r in reports) for name in ("memories", "bytes", "freed", "spared"))
    seqs = tuple(seq for r in reports for seq in r.seqs)
    return Report(recipe, user, tuple(items), tuple(weakest[:show]), memories, size, freed, spared, seqs)


def written(log: Log, proposals: Sequence[tuple[Part, Report]]) -> list[Report]:
    """The reports after their decisions were written to the log, one event a partition (more where there are very many)."""
    done = []
    for part, report in proposals:
        made = entries(log, part, [item.reference for item in report.items])
        done.append(replace(report, seqs=tuple(seq for seq, _ in log.append(*made)) if made else ()))
    return done


# -- what is archived -----------------------------------------------------------------------------------------------


def archived(view: View, user: str | None = None) -> list[tuple[str, str]]:
    """(id, words) of the memories of a user (of everyone) that are archived in this view, oldest first."""
    number = view.log.number(user)
    found = []
    with view.log.database.snapshot() as c:
        for part in partitions(view, user):
            base = part.id << SLOT_BITS
            found += c.execute(
                "SELECT lower(hex(id)), text FROM memory WHERE place >= ? AND place < ? AND closed IS NULL AND retired IS NULL"
                f" AND status = 'archived'{'' if number is None else ' AND user = ?'} ORDER BY place",
                (base, base + 2**SLOT_BITS, *(() if number is None else (number,))),
            )
    return found


def erasable(view: View, user: str | None = None, spared: Collection[int] = ()) -> tuple[tuple[int, ...], int]:
    """(events that only archived memories came from, archived memories that must wait): what erasing would forget, and not.

    A memory waits while anything else in any view rests on one of its events, or one of them ended another memory, which
    would come back: erasing what is weak must not take or change what is not.
    """
    numbers = {id for id, _ in archived(view, user)}
    mine: list[tuple[int, ...]] = []
    needed: set[int] = set(spared)
    with view.log.database.snapshot() as c:
        serving = {
            row[0] for row in c.execute("SELECT id FROM partition WHERE generation IN (SELECT id FROM generation WHERE state='serving')")
        }
        own = {part.id for part in partitions(view, user)}
        held_rows = c.execute("SELECT place >> ?, lower(hex(id)), opened, closed, ended, status, retired, rest FROM memory", (SLOT_BITS,))
        for part, id, opened, closed, ended, status, retired, rest in held_rows:
            if closed is not None:
                needed |= {closed} if ended != "revised" else set()
                continue
            sources, _, _, rests, _ = json.loads(rest)
            seqs = {s[0] for s in sources}
            if status == "archived" and retired is None and (part not in own or id in numbers):
                mine += [tuple(seqs)] if part in own else []
            elif part in serving:
                needed |= seqs | set(rows.unranged(rests) or (opened,))
    free = [seqs for seqs in mine if needed.isdisjoint(seqs)]
    return tuple(sorted({seq for seqs in free for seq in seqs})), len(mine) - len(free)


def spared(log: Log) -> frozenset[int]:
    """The events whose memories are never put away: pinned ones, and those that a legal hold covers."""
    force = standing(log)
    return force.pinned | {event.seq for hold in force.holds for event in hold.covers.resolved(log)}


class Fading:
    """The part of the door that looks at strength; `Clew` is the whole of it."""

    log: Log
    _views: Generations
    _default: str

    def catch_up(self, recipe: str | None = None, *, timeout: float | None = None) -> dict[str, str]:
        """Fold what is due into the views; see `Clew.catch_up`."""
        raise NotImplementedError

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
        """Archive the weakest memories by one of four limits; unless `dry_run` is False, only say which.

        Without a limit the `show` weakest are listed, with the parts of their strength. Budgets are for each user.
        """
        given = (below, keep_share, keep_bytes, keep_count)
        policy = None if given == (None,) * 4 else Policy(*given)
        if policy is None and not dry_run:
            raise UsageError("say how much to put away: below=, keep_share=, keep_bytes= or keep_count=")
        folder = self.aging(recipe)
        found = steady(lambda: proposed(folder.view, policy, user, spared(self.log), show))
        reports = [report for _, report in found] if dry_run else written(self.log, found)
        if not dry_run:
            self.catch_up(folder.recipe.name, timeout=PATIENCE)
        return joined(reports, folder.recipe.name, user, show)

    def aging(self, recipe: str | None = None) -> Folder:
        """The view that answers for a recipe, caught up: what decay and its trial run look at."""
        folder = self._views.serving(recipe or self._default)
        self.catch_up(folder.recipe.name, timeout=PATIENCE)
        return folder

    def faded(self, *, user: str | None = None, recipe: str | None = None) -> tuple[tuple[int, ...], int]:
        """(events that only archived memories came from, archived memories that must wait); see `erasable`. To be forgotten, if wanted."""
        folder = self.aging(recipe)
        return erasable(folder.view, user, spared(self.log))

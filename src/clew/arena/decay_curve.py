"""What putting memories away costs in recall, by the bytes that it saves: on a user's own questions, and on public data.

A user's own: decay is tried as of the place in the log where half of their questions had been asked, with what was known
there, and the later questions say what it would have lost. Public data: half of a conversation's questions are taken as
asked before, the other half is measured. `python -m clew.arena.decay_curve locomo` runs the latter.
"""

import hashlib
import html
import json
import os
import sys
import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from clew import decay
from clew.arena import halves, plots
from clew.arena.cases import Case
from clew.arena.datasets import dataset
from clew.arena.scores import Estimate, estimate
from clew.engine import Clew
from clew.errors import NotFound
from clew.fold import Folder
from clew.recall import recall, steady
from clew.storage.terms import terms
from clew.strength import Floats, Held, Ints, held, partitions, signals, strength
from clew.types import KINDS, TRUST, Event, Query, Scope

LEVELS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)  # shares of the bytes put away
ORDERS = ("weakest first", "oldest first", "random")
DRAWS = 20  # random orders, whose results are averaged
FEWEST = 20  # different questions that were logged, below which they are too few to split and to measure
STANDINS = 200  # turns that stand in for questions, at most
K = 10
DEEP = 400  # hits looked at in public data, so that what moves up when others go is seen
PATIENCE = 60.0  # seconds for catching up


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and what it needs: places in `Held`, best first; `gold` where it is known which of them hold the answer."""

    id: str
    group: str
    ranking: tuple[int, ...]
    gold: tuple[int, ...] = ()

    def kept(self, away: np.ndarray, k: int = K) -> float:
        """The share of what it needs that is found with these memories away (mask): of gold, among the first k left.

        Without gold it needs the first k that it got, each by one over the log of its rank, and found is what is in sight.
        """
        if self.gold:
            left = [place for place in self.ranking if not away[place]][:k]
            return len(set(left) & set(self.gold)) / len(self.gold)
        weights = 1 / np.log2(np.arange(2, 2 + min(k, len(self.ranking))))
        shown = ~away[list(self.ranking[:k])]
        return float((weights * shown).sum() / weights.sum())


@dataclass(frozen=True, slots=True)
class Curve:
    """One order's outcome at each of LEVELS: bytes saved, memories put away, and the share kept of what questions need."""

    saved: tuple[float, ...]
    away: tuple[float, ...]
    kept: tuple[Estimate, ...]


@dataclass(frozen=True, slots=True)
class Simulation:
    """What forgetting would have cost a user: curves by order, and what they were measured on."""

    questions: str  # "logged", or "stand-in": later turns of the user, taken as if they had been questions
    logged: int  # different questions that the log holds for the user
    measured: int
    again: int  # of the measured ones, had been asked before with the same words
    seq: int  # the place in the log as of which decay was tried
    at: datetime  # the learned clock there, UTC
    memories: int  # that recall could show there
    bytes: int  # they take in the view
    spared: int  # of them never touched
    curves: Mapping[str, Curve]


def away(known: Held, order: Ints, free: np.ndarray, level: float) -> np.ndarray:
    """A mask of what goes when, in this order, memories are put away until that share of the bytes is saved."""
    mask = np.zeros(len(known), np.bool_)
    total = int(known.size.sum())
    mask[decay.until(known.size, order[free[order]], total - int(level * total))] = True
    return mask


def orders(known: Held, value: Floats, draw: int) -> dict[str, Ints]:
    """The order in which each way would put memories away."""
    worth = decay.worth(known, value, decay.Policy(keep_share=0.5))
    random = np.random.Generator(np.random.PCG64(draw)).random(len(known))
    return {
        "weakest first": np.lexsort((known.learned, worth)),
        "oldest first": np.lexsort((np.arange(len(known)), known.learned)),
        "random": np.argsort(random, kind="stable"),
        "longest first": np.lexsort((known.learned, -known.size)),
    }


Sample = tuple[Held, Floats, np.ndarray, Sequence[Asked]]  # memories, their strength, which may go, the questions to them


def measured(samples: Iterable[Sample], names: Sequence[str] = ORDERS) -> dict[str, Curve]:
    """A curve an order over all questions of all samples, with 95 % intervals by question and by group."""
    values: dict[str, list[list[float]]] = {name: [[] for _ in LEVELS] for name in names}
    saved: dict[str, np.ndarray] = {name: np.zeros((2, len(LEVELS))) for name in names}
    groups: list[str] = []
    for known, value, free, asked in samples:
        groups += [question.group for question in asked]
        ways = [orders(known, value, draw) for draw in range(DRAWS)]
        for name in names:
            for place, level in enumerate(LEVELS):
                masks = [away(known, way[name], free, level) for way in (ways if name == "random" else ways[:1])]
                values[name][place] += np.mean([[q.kept(mask) for q in asked] for mask in masks], axis=0).tolist()
                saved[name][0, place] += np.mean([known.size[mask].sum() for mask in masks])
                saved[name][1, place] += np.mean([mask.sum() for mask in masks])
    return {
        name: Curve(
            tuple(saved[name][0].tolist()),
            tuple(saved[name][1].tolist()),
            tuple(estimate(found, groups, f"{name} {level}") for level, found in zip(LEVELS, values[name], strict=True)),
        )
        for name in names
    }


# -- a user's own questions -----------------------------------------------------------------------------------------


def tried(folder: Folder, user: str | None) -> Simulation:
    """`simulate` with what is pinned or held spared, again where somebody forgets in the middle of it."""
    return steady(lambda: simulate(folder, user, decay.spared(folder.log)))


def simulate(folder: Folder, user: str | None, spared: Collection[int] = (), standin: bool = False) -> Simulation:
    """What putting memories of this view away would have cost the user's later questions; NotFound where there is nothing to ask.

    Questions are those that the log holds (`Clew(..., audit=True)`); with fewer than FEWEST different ones, or `standin`,
    later turns of the user stand in for them, and the result says so.
    """
    log = folder.log
    where = "kind = 'query' AND salt IS NOT NULL" + ("" if user is None else " AND user = ?") + " ORDER BY seq"
    asked = [
        e for e in log.select(where, () if user is None else (log.number(user),)) if isinstance(e.body, Mapping) and e.body.get("hits")
    ]
    first: dict[str, Event] = {}
    for event in asked:
        first.setdefault(event.text.casefold(), event)
    logged = len(first) >= FEWEST and not standin
    later = _later(list(first.values())) if logged else _turns(folder, user)
    if not later:
        raise NotFound("there is nothing to try decay on: no questions are logged (open with audit=True) and too few turns were recorded")
    seq = later[0].seq - 1
    known, value, free = _known(folder, user, seq, spared)
    late = [e for e in asked if e.seq > seq] if logged else later
    found = _answered(known, late, log.database.secret) if logged else _imagined(folder, known, late, user)
    if not found:
        raise NotFound("none of the later questions got anything that was known before: nothing can be said of decay yet")
    before = {e.text.casefold() for e in asked if e.seq <= seq}
    again = sum(e.text.casefold() in before for e in late) if logged else 0
    curves = measured([(known, value, free, found)])
    counts = (len(known), int(known.size.sum()), int(np.count_nonzero(~free)))
    kind, when = "logged" if logged else "stand-in", datetime.fromtimestamp(known.now, UTC)
    return Simulation(kind, len(first), len(found), again, seq, when, *counts, curves)


def _later(questions: Sequence[Event]) -> list[Event]:
    """The second half of the questions, in the order in which they were first asked."""
    return list(questions[len(questions) // 2 :])


def _turns(folder: Folder, user: str | None) -> list[Event]:
    """Turns of the second half of what the user said, evenly chosen: what they came back to stands in for questions."""
    values = (*KINDS, TRUST["user"], *(() if user is None else (folder.log.number(user),)))
    where = (
        f"kind IN ({','.join('?' * len(KINDS))}) AND trust >= ? AND salt IS NOT NULL{'' if user is None else ' AND user = ?'} ORDER BY seq"
    )
    said = [e for e in folder.log.select(where, values) if len(set(terms(e.text))) > 2]
    later = said[len(said) // 2 :]
    return later[:: -(-len(later) // STANDINS)] if len(said) >= FEWEST else []


def _known(folder: Folder, user: str | None, seq: int, spared: Collection[int]) -> tuple[Held, Floats, np.ndarray]:
    """The largest of the user's partitions as it was after `seq`, each memory's strength then, and which may go."""
    parts = [held(folder.view, part, user, seq) for part in partitions(folder.view, user)]
    known = max(parts, key=len, default=None)
    if known is None or not len(known):
        raise NotFound(f"{'nobody' if user is None else repr(user)} has memories in {folder.recipe.name} that are older than the questions")
    return known, strength(signals(folder.view, known))[0], decay.movable(known, spared)


def _answered(known: Held, late: Sequence[Event], secret: bytes) -> list[Asked]:
    """Each later question with those of the hits it got that were known; questions that got none of them are left out."""
    places: dict[str, int] = {}
    for i, text in enumerate(known.texts):
        places.setdefault(hashlib.blake2b(text.encode(), key=secret, digest_size=16).hexdigest(), i)
    found = []
    for event in late:
        got = tuple(dict.fromkeys(places[d] for d in event.body["hits"] if d in places))
        if got:
            found.append(Asked(str(event.seq), event.text.casefold(), got))
    return found


def _imagined(folder: Folder, known: Held, late: Sequence[Event], user: str | None) -> list[Asked]:
    """Later turns asked as if they were questions, of what was known; nothing of it is written to the log."""
    places = {id: i for i, id in enumerate(known.ids)}
    found = []
    for event in late:
        query = Query(event.text[:2000], Scope(user), at=event.recorded_at, as_of=known.seq, k=K)
        hits, _ = recall(folder, query, PATIENCE, True)
        got = tuple(places[hit.memory.id] for hit in hits if hit.memory.id in places)
        if got:
            found.append(Asked(str(event.seq), str(event.scope.session), got))
    return found


# -- public data ----------------------------------------------------------------------------------------------------


def sampled(case: Case) -> list[Sample]:
    """A case, recorded as it was lived: each half of its questions is measured with the other half's hits as use."""
    with tempfile.TemporaryDirectory(prefix="clew-arena-") as place, Clew(Path(place) / "memory.db") as c:
        c.record(sorted(case.events, key=lambda e: e["at"]), user="u", as_lived=True)
        c.catch_up()
        folder = c._views.serving("clew")
        known = held(folder.view, partitions(folder.view, "u")[0], "u")
        told = signals(folder.view, known)
        places = {id: i for i, id in enumerate(known.ids)}
        events = {e.key: e.seq for e in c.log.read()}
        made = {seq: i for i, seqs in enumerate(known.seqs) for seq in seqs}
        asked = []
        for q in case.questions:
            gold = tuple(made[events[key]] for key in q.gold if events.get(key) in made)
            hits = c.recall(q.text, user="u", k=DEEP, at=q.at)
            asked.append(Asked(q.text, q.group, tuple(places[h.memory.id] for h in hits if h.memory.id in places), gold))
    free = decay.movable(known)
    samples = []
    for half in (0, 1):
        mine = [q for q in asked if q.gold and _half(q.id) == half]
        used = told.recalls.copy()
        for other in (q for q in asked if _half(q.id) != half):
            for rank, i in enumerate(other.ranking[:K], 1):
                used[i] += 1 / np.log2(1 + rank)
        if mine:
            samples.append((known, strength(replace(told, recalls=used))[0], free, mine))
    return samples


def _half(question: str) -> int:
    return hashlib.sha256(question.encode()).digest()[0] % 2


def public(cases: Iterable[Case]) -> tuple[dict[str, Curve], Estimate]:
    """(curves, recall@K with nothing put away) over these cases; beside ORDERS the longest first, which a byte budget suggests."""
    samples = [sample for case in cases for sample in sampled(case)]
    asked = [(q, np.zeros(len(known), np.bool_)) for known, _, _, mine in samples for q in mine]
    whole = estimate([q.kept(nothing) for q, nothing in asked], [q.group for q, _ in asked], "nothing away")
    return measured(samples, (*ORDERS, "longest first")), whole


def picture(curves: Mapping[str, Curve], title: str) -> str:
    """The curves as one SVG: the share kept over the share of the bytes put away, with 95 % intervals shaded."""
    width, height, left, top = 720, 360, 60, 40
    x = [left + level * (width - left - 20) for level in LEVELS]
    chosen = dict(zip(curves, plots.COLOURS, strict=False))

    def y(share: float) -> float:
        return top + (1 - share) * (height - top - 50)

    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' width='{width}' font-family='system-ui,sans-serif'"
        f" font-size='12'><rect width='{width}' height='{height}' fill='#fff'/><text x='{left}' y='20' font-size='14'>{html.escape(title)}</text>"
    ]
    for share in (0, 0.25, 0.5, 0.75, 1):
        parts.append(
            f"<line x1='{left}' x2='{width - 20}' y1='{y(share):.1f}' y2='{y(share):.1f}' stroke='#e3e8ef'/>"
            f"<text x='{left - 8}' y='{y(share) + 4:.1f}' text-anchor='end'>{share:.0%}</text>"
        )
    for place, (name, curve) in enumerate(curves.items()):
        band = [(a, y(e.high)) for a, e in zip(x, curve.kept, strict=True)]
        band += [(a, y(e.low)) for a, e in zip(reversed(x), reversed(curve.kept), strict=True)]
        line = " ".join(f"{a:.1f},{y(e.mean):.1f}" for a, e in zip(x, curve.kept, strict=True))
        parts.append(
            f"<polygon points='{' '.join(f'{a:.1f},{b:.1f}' for a, b in band)}' fill='{chosen[name]}' opacity='.15'/>"
            f"<polyline points='{line}' fill='none' stroke='{chosen[name]}' stroke-width='2'/>"
            f"<rect x='{left + 10}' y='{height - 130 + 18 * place}' width='12' height='12' fill='{chosen[name]}'/>"
            f"<text x='{left + 28}' y='{height - 120 + 18 * place}'>{html.escape(name)}</text>"
        )
    parts += [f"<text x='{a:.1f}' y='{height - 28}' text-anchor='middle'>{level:.0%}</text>" for a, level in zip(x, LEVELS, strict=True)]
    parts.append(f"<text x='{width / 2}' y='{height - 8}' text-anchor='middle'>bytes put away</text></svg>\n")
    return "".join(parts)


def main(name: str, half: halves.Half = "reporting", limit: str = "1000") -> None:
    """Measure a public set below $CLEW_DATA and print JSON: the curves, and recall with nothing put away."""
    cases = list(halves.of(dataset(name).read(Path(os.environ["CLEW_DATA"]) / dataset(name).FOLDER), half))[: int(limit)]
    curves, whole = public(cases)
    print(
        json.dumps(
            {
                "dataset": name,
                "half": half,
                "cases": len(cases),
                "whole": asdict(whole),
                "curves": {n: asdict(c) for n, c in curves.items()},
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])  # type: ignore[arg-type]

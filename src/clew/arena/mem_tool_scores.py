"""How well an agent keeps its tools: MemTool's metrics (arXiv:2507.21428), as pure functions of what happened in each turn.

A ratio of which nothing is the base is undefined (None), never 0: an agent that adds no tool has none to remove.
"""

from collections.abc import Sequence
from dataclasses import dataclass

WINDOW = 3  # turns of the rolling ratio (paper)
GRACE = 3  # turns that a tool may lie idle before it counts as left over (paper)


@dataclass(frozen=True, slots=True)
class Tally:
    """What happened in one turn, by names of tools; `active` is as the turn ended."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    active: frozenset[str]
    called: frozenset[str]
    gold: frozenset[str]
    completed: bool


@dataclass(frozen=True, slots=True)
class Scores:
    """The metrics over a run; None is undefined."""

    turns: int
    removal_ratio: float | None  # removed by added, over the whole run
    removal_ratio_3t: float | None  # mean of the rolling ratio over the turns where it is defined
    residual: float | None  # tools left over at a turn's end, mean over the turns after the grace
    correctness: float  # share of the tools needed that were called, mean over turns
    precision: float | None  # share of the tools called that were needed, over the turns where any was
    completion: float  # share of turns whose answer was right
    most_active: int


def removal_ratio(turns: Sequence[Tally]) -> float | None:
    """Tools removed by tools added; above 1 where more were removed than came in these turns."""
    added = sum(len(turn.added) for turn in turns)
    return sum(len(turn.removed) for turn in turns) / added if added else None


def rolling(turns: Sequence[Tally], window: int = WINDOW) -> list[float | None]:
    """For each turn the ratio of it and the turns before it, `window` in all: their mean weighted by what each added.

    Weighted, or a turn that removed ten tools and added one would outweigh all others; 1 at most, as no more than all can go.
    """
    ratios = [removal_ratio(turns[max(0, i + 1 - window) : i + 1]) for i in range(len(turns))]
    return [None if ratio is None else min(ratio, 1.0) for ratio in ratios]


def left_over(turns: Sequence[Tally], grace: int = GRACE) -> list[int]:
    """For each turn, how many tools were in use at its end that had been neither added, called nor needed for `grace` turns."""
    last: dict[str, int] = {}
    found = []
    for i, turn in enumerate(turns):
        last |= dict.fromkeys((*turn.added, *turn.called, *turn.gold), i)
        found.append(sum(i - last.get(name, -grace - 1) >= grace for name in turn.active))
    return found


def scored(turns: Sequence[Tally]) -> Scores:
    """All metrics of a run of one turn or more."""
    ratios = [ratio for ratio in rolling(turns) if ratio is not None]
    late = left_over(turns)[GRACE:]
    calling = [turn for turn in turns if turn.called]
    return Scores(
        len(turns),
        removal_ratio(turns),
        sum(ratios) / len(ratios) if ratios else None,
        sum(late) / len(late) if late else None,
        sum(len(turn.called & turn.gold) / len(turn.gold) for turn in turns) / len(turns),
        sum(len(turn.called & turn.gold) / len(turn.called) for turn in calling) / len(calling) if calling else None,
        sum(turn.completed for turn in turns) / len(turns),
        max(len(turn.active) for turn in turns),
    )

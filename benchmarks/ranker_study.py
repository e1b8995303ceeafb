"""What the ranker reaches and which features carry it: the tables of docs/findings/ranker.md, printed as Markdown.

usage: CLEW_DATA=folder PYTHONPATH=tools python benchmarks/ranker_study.py [cache.pickle]

Weights are learned on LongMemEval's tuning half; every figure is of a reporting half, which chose nothing. Brackets are 95 %
bootstrap intervals over questions. A cache keeps the features between runs.
"""

import os
import pickle
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from ranker_data import SETS, Example, examples
from train_ranker import learn

from clew.operators.ranking import features, rank

ROUNDS = 2000
Scores = Callable[[Example], np.ndarray]
BY_HAND = {"words": 1.0, "meaning": 1.0, "words_around": 1.0, "words_session": 0.3, "speaker": 0.4}


def linear(weights: dict[str, float]) -> Scores:
    """Scores by these weights; features not named count nothing."""
    vector = np.array([weights.get(name, 0.0) for name in features.NAMES])
    return lambda e: e.matrix @ vector


def reciprocal(e: Example) -> np.ndarray:
    """Reciprocal rank fusion of words and meaning, with the usual 60."""
    total = np.zeros(len(e.gold))
    for name in ("words", "meaning"):
        place = np.empty(len(e.gold))
        place[np.argsort(-e.matrix[:, features.NAMES.index(name)], kind="stable")] = np.arange(len(e.gold))
        total += 1 / (60 + place)
    return total


def turns(rows: Sequence[Example], scores: Scores, k: int) -> np.ndarray:
    """Recall@k of each question that has gold turns."""
    return np.array([e.gold[np.argsort(-scores(e), kind="stable")[:k]].sum() / len(e.asked.gold) for e in rows if e.asked.gold], np.float64)


def sessions(rows: Sequence[Example], scores: Scores, k: int = 5) -> np.ndarray:
    """Whether all gold sessions are among the first k that the first 20 turns name."""
    found = []
    for e in rows:
        order = np.argsort(-scores(e), kind="stable")[:20]
        found.append(e.asked.sessions <= set(list(dict.fromkeys(e.sessions[i] for i in order))[:k]))
    return np.array(found, np.float64)


def interval(values: np.ndarray) -> str:
    """The mean of values of 0…1 in per cent, with its interval."""
    draws = np.random.default_rng(7).integers(0, len(values), (ROUNDS, len(values)))
    low, high = np.quantile(values[draws].mean(axis=1), (0.025, 0.975))
    return f"{100 * values.mean():.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def difference(after: np.ndarray, before: np.ndarray) -> str:
    """The mean of paired differences in points, with its interval."""
    draws = np.random.default_rng(7).integers(0, len(after), (ROUNDS, len(after)))
    low, high = np.quantile((after - before)[draws].mean(axis=1), (0.025, 0.975))
    return f"{100 * (after - before).mean():+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"


def measures(sets: dict[str, list[Example]]) -> dict[str, Callable[[Scores], np.ndarray]]:
    """The columns of the tables: name -> what it does with a ranking."""
    lo, lme, be = sets["locomo"], sets["longmemeval"], sets["beam"]
    multi = [e for e in lo if e.asked.label == "multi-hop"]
    return {
        "LoCoMo R@5": lambda s: turns(lo, s, 5),
        "LoCoMo R@10": lambda s: turns(lo, s, 10),
        "multi-hop R@10": lambda s: turns(multi, s, 10),
        "LongMemEval R@5": lambda s: turns(lme, s, 5),
        "sessions all@5": lambda s: sessions(lme, s),
        "BEAM R@10": lambda s: turns(be, s, 10),
    }


def table(title: str, rows: dict[str, Sequence[str]], head: Sequence[str]) -> None:
    """Print a Markdown table."""
    print(f"\n### {title}\n\n| | {' | '.join(head)} |\n| --- |{' ---: |' * len(head)}")
    for name, cells in rows.items():
        print(f"| {name} | {' | '.join(cells)} |")


def main() -> None:
    """Print all tables."""
    cache = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    if cache and cache.exists():
        sets = pickle.loads(cache.read_bytes())
    else:
        sets = {name: examples(name, Path(os.environ["CLEW_DATA"])) for name in SETS}
        if cache:
            cache.write_bytes(pickle.dumps(sets))
    tuning = {name: [e for e in rows if e.half == "tuning"] for name, rows in sets.items()}
    reporting = {name: [e for e in rows if e.half == "reporting"] for name, rows in sets.items()}
    shipped = linear(dict(rank.load()))
    ways = {
        "words (BM25 with kin)": linear({"words": 1.0}),
        "meaning (cosine)": linear({"meaning": 1.0}),
        "RRF of both": reciprocal,
        "sum of both": linear({"words": 1.0, "meaning": 1.0}),
        "five features by hand": linear(BY_HAND),
        "**shipped**": shipped,
        "learned on LoCoMo's tuning half (not shipped)": linear(learn(tuning["locomo"])),
        "learned on both tuning halves (not shipped)": linear(learn(tuning["locomo"] + tuning["longmemeval"])),
    }
    for half, chosen in (("Reporting halves", reporting), ("Tuning halves", tuning)):
        looks = measures(chosen)
        table(half, {name: [interval(look(way)) for look in looks.values()] for name, way in ways.items()}, list(looks))
    looks = measures(reporting)
    full = {name: look(shipped) for name, look in looks.items()}
    ablated = {name: linear(learn(tuning["longmemeval"], [n for n in features.NAMES if n != name])) for name in features.NAMES}
    cells = {f"without {n}": [difference(look(w), full[c]) for c, look in looks.items()] for n, w in ablated.items()}
    table("Without one feature, learned anew (reporting halves, paired)", cells, list(looks))
    for name, rows in reporting.items():
        labels = sorted({e.asked.label for e in rows})
        kinds = {f"{x} ({sum(e.asked.label == x for e in rows)})": [e for e in rows if e.asked.label == x] for x in labels}
        head = [f"R@{k}" for k in (1, 5, 10, 20)]
        table(f"{name}, by kind", {x: [interval(turns(part, shipped, k)) for k in (1, 5, 10, 20)] for x, part in kinds.items()}, head)


if __name__ == "__main__":
    main()

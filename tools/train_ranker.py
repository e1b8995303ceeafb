"""Learn the ranker's weights, and write src/clew/operators/ranking/ranker.json.

usage: CLEW_DATA=folder python tools/train_ranker.py [out.json]

Learned on LongMemEval_S's public tuning half alone (MIT). A linear softmax over each question's candidates, with an L2
penalty; weights whose sign is known beforehand (more matching words never speak against a turn) are held to it. What
was measured is in docs/findings/ranker.md.
"""

import json
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from ranker_data import Example, examples

from clew.operators.ranking import features, rank

PENALTY = 3e-3  # chosen on the tuning halves; 1e-3 to 1e-2 are within a point
STEPS = 3000
FREE = frozenset({"assistant", "assistant_wanted", "greets", "opens"})  # features of either sign


def learn(rows: Sequence[Example], columns: Sequence[str] = features.NAMES, penalty: float = PENALTY) -> dict[str, float]:
    """The weights, feature -> weight, that make the evidence likeliest; features not in `columns` get 0."""
    at = [features.NAMES.index(c) for c in columns]
    used = [e for e in rows if e.gold.any()]
    spread = np.concatenate([e.matrix[:, at] for e in used]).astype(np.float64).std(axis=0) + 1e-6
    x = np.concatenate([e.matrix[:, at] for e in used]).astype(np.float64) / spread
    sizes = np.array([len(e.gold) for e in used])
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    owner = np.repeat(np.arange(len(used)), sizes)
    target = np.concatenate([e.gold / e.gold.sum() for e in used])
    floor = np.array([-np.inf if c in FREE else 0.0 for c in columns])
    step = 1 / (2 * penalty + np.linalg.eigvalsh(x.T @ x / len(x))[-1])  # softmax's curvature is at most that of the features
    w = look = np.zeros(len(at))
    for i in range(STEPS):  # accelerated projected gradient: the problem is convex, so this is its one answer
        s = x @ look
        e = np.exp(s - np.maximum.reduceat(s, starts)[owner])
        share = e / np.add.reduceat(e, starts)[owner]
        new = np.maximum(look - step * (x.T @ (share - target) / len(used) + 2 * penalty * look), floor)
        look = new + i / (i + 3) * (new - w)
        w = new
    return dict.fromkeys(features.NAMES, 0.0) | {c: round(float(v), 4) for c, v in zip(columns, w / spread, strict=True)}


def recall(rows: Sequence[Example], weights: dict[str, float], k: int) -> float:
    """The mean share of the evidence among the first k turns, in per cent."""
    vector = np.array([weights[n] for n in features.NAMES])
    found = [e.gold[np.argsort(-(e.matrix @ vector), kind="stable")[:k]].sum() / len(e.asked.gold) for e in rows if e.asked.gold]
    return 100 * float(np.mean(found))


def main() -> None:
    """Learn, print the recall on both halves, write the file."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else rank.WEIGHTS
    rows = examples("longmemeval", Path(os.environ["CLEW_DATA"]))
    tuning = [e for e in rows if e.half == "tuning"]
    reporting = [e for e in rows if e.half == "reporting"]
    weights = learn(tuning)
    print(f"turn recall@5: tuning {recall(tuning, weights, 5):.1f}, reporting {recall(reporting, weights, 5):.1f}")
    about = {
        "method": "linear softmax over candidates, L2, weights of known sign held to it; tools/train_ranker.py",
        "trained_on": "LongMemEval_S, public tuning half (MIT, (c) 2024 Di Wu)",
        "questions": sum(1 for e in tuning if e.gold.any()),
        "never_seen": "LoCoMo, BEAM, HaluMem, HotpotQA; the tuning halves of LoCoMo and BEAM chose between sets of features",
        "date": datetime.now(UTC).date().isoformat(),
        "weights": weights,
    }
    out.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

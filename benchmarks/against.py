"""This tree against another commit of ours, step by step in turns, as ratios: what a change costs on the default path.

usage: python -m benchmarks.against COMMIT [--rounds 20]     real turns from $CLEW_DATA (LoCoMo), made-up ones without it

Both trees serve the same events and questions, each in a process of its own, and take turns at every step, so that a busy
machine is busy for both. A ratio is the new tree's time by the old one's: a round's is the median over its pairs of steps, and the
median over rounds is told with an interval of 95 % from resampled rounds. A round has processes of its own: two of the same
tree differ by a tenth and more in all that they do, so the questions of one round are no independent looks.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks import texts
from clew.arena.datasets import dataset
from clew.arena.run import commit

ROOT = Path(__file__).parents[1]
BATCH, SINGLE, ASKED, DRAWS = 500, 100, 150, 2000
STEPS = ("append a batch", "append one by one", "fold", "recall")


class Tree:
    """One tree's engine in a process of its own, told what to do a line at a time."""

    def __init__(self, source: Path, folder: str) -> None:
        env = {**os.environ, "PYTHONPATH": str(source / "src")}
        words = [sys.executable, str(Path(__file__).with_name("tree.py")), folder]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)

    def __call__(self, word: str, given: Any) -> list[float]:
        """The seconds that the step took: one number, or one a question."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps([word, given]) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the process that serves {word} ended")
        return json.loads(line)


def material() -> tuple[str, list[dict[str, Any]], list[tuple[str, str]]]:
    """(whose words, messages, questions with the user they are asked of)."""
    root = os.environ.get("CLEW_DATA")
    if not root or not (Path(root) / "locomo").exists():
        messages = next(iter(texts.chunks(3000, 3000)))
        return "made-up turns", messages, [(texts.BIG, q) for q in texts.questions(ASKED, 1)]
    cases = list(dataset("locomo").read(Path(root) / dataset("locomo").FOLDER))
    messages = [{**event, "user": case.id, "key": f"{case.id}/{event['key']}"} for case in cases for event in case.events]
    asked = [(case.id, q.text) for case in cases for q in case.questions]
    return "LoCoMo's turns", messages, asked[:: max(1, len(asked) // ASKED)][:ASKED]


def measured(old: Path, rounds: int) -> dict[str, list[float]]:
    """Ratios by step, one a round."""
    found: dict[str, list[float]] = {step: [] for step in STEPS}
    _, messages, asked = material()
    for turn in range(rounds):
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
            trees = [Tree(ROOT, one), Tree(old, other)]
            order, pairs = trees if turn % 2 == 0 else trees[::-1], {step: list[float]() for step in STEPS}
            single, batches = messages[:SINGLE], messages[SINGLE:]
            for word, given in (
                *(("append a batch", batches[i : i + BATCH]) for i in range(0, len(batches), BATCH)),
                ("append one by one", single),
                ("fold", None),
                ("recall", asked),
            ):
                took = {tree: tree(word, given) for tree in order}
                pairs[word] += [new / before for new, before in zip(took[trees[0]], took[trees[1]], strict=True)]
            for tree in trees:
                tree.process.kill()
                tree.process.wait()
            for step, ratios in pairs.items():
                found[step].append(float(np.median(ratios)))
    return found


def main(other: Annotated[str, typer.Argument(help="The commit to compare with.")], rounds: int = 20) -> None:
    """Run both trees and print the ratios; a copy goes to benchmarks/results/against.json."""
    with tempfile.TemporaryDirectory() as place:
        old = Path(place) / "old"
        subprocess.run(["git", "worktree", "add", "--detach", str(old), other], cwd=ROOT, check=True, capture_output=True)
        try:
            found = measured(old, rounds)
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(old)], cwd=ROOT, check=True, capture_output=True)
    chance = np.random.Generator(np.random.PCG64(7))
    table = {}
    for step, ratios in found.items():
        values = np.array(ratios)
        draws = np.median(chance.choice(values, (DRAWS, len(values))), axis=1)
        table[step] = {
            "ratio": float(np.median(values)),
            "low": float(np.quantile(draws, 0.025)),
            "high": float(np.quantile(draws, 0.975)),
            "n": len(values),
        }
        print(f"{step:20} {table[step]['ratio']:.2f} [{table[step]['low']:.2f}, {table[step]['high']:.2f}]  n={len(values)}")
    whose = material()[0]
    (ROOT / "benchmarks" / "results" / "against.json").write_text(
        json.dumps({"old": other, "new": commit(), "texts": whose, "rounds": rounds, "steps": table}, indent=1) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    typer.run(main)

"""Count what the rules of `clew.operators.truth.decide` see in pairs whose relation public data tells, and say how sure they may be.

Run with CLEW_DATA set. FactConsolidation, BEAM (100K) and LongMemEval's knowledge updates give pairs: the old and the new
information (supersedes), two statements that exclude each other (contradicts), a fact said twice (duplicate), and the newest with each other hit
for the same question (unrelated). The tuning half gives the table; the reporting half its Brier score and reliability.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from clew.arena.cases import Case, Question
from clew.arena.datasets import dataset
from clew.arena.halves import half
from clew.arena.systems import Door, Room
from clew.operators.truth.decide import RELATIONS, Item, evidence
from clew.recipe import load

SETS = {
    "factconsolidation": ("sh_6k", "sh_32k"),
    "beam": ("knowledge_update", "contradiction_resolution"),
    "longmemeval": ("knowledge-update",),
}
HITS = 10
PRIOR = 1.0  # pairs of each relation added to every count, so that nothing is certain
Pair = tuple[str, str, str, str]  # set, half, what the rules see, relation


def pairs() -> Iterator[Pair]:
    """Every pair of the public parts."""
    for name, categories in SETS.items():
        for case in dataset(name).read(Path(os.environ["CLEW_DATA"]) / dataset(name).FOLDER):
            asked = tuple(q for q in case.questions if q.category in categories and q.gold)
            if asked:
                with Room(Door(load("clew")), replace(case, questions=asked)) as memory:
                    for question in asked:
                        found = memory.find(question.text, question.at, HITS).keys
                        yield from ((name, half(question.group), seen, relation) for seen, relation in told(case, question, found))


def told(case: Case, question: Question, found: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """(what the rules see, the relation that the data tells) of the newest with each other."""
    items = {e["key"]: Item(e["content"], e.get("actor"), datetime.fromisoformat(e["at"])) for e in case.events}
    order = [e["key"] for e in case.events]
    fresh = [key for key in question.gold if key not in question.stale]
    if not fresh:
        return
    new = max(fresh, key=order.index)
    changed = "contradicts" if question.category == "contradiction_resolution" else "supersedes"
    said = " ".join(items[new].text.split()).casefold()
    for key in dict.fromkeys((*question.stale, *found)):
        if key == new or (key in fresh and key not in question.stale):
            continue
        same = " ".join(items[key].text.split()).casefold() == said
        relation = changed if key in question.stale else "duplicate" if same else "unrelated"
        older, newer = sorted((key, new), key=order.index)
        yield evidence(items[older], items[newer]), relation


def main() -> None:
    """Print the counts, the table, and how it does on the other half."""
    counts: dict[str, dict[str, Counter[str]]] = {"tuning": defaultdict(Counter), "reporting": defaultdict(Counter)}
    for _, part, seen, relation in pairs():
        counts[part][seen][relation] += 1
    table = {
        seen: {r: round((found[r] + PRIOR / len(RELATIONS)) / (sum(found.values()) + PRIOR), 3) for r in RELATIONS}
        for seen, found in sorted(counts["tuning"].items())
    }
    for part, found in counts.items():
        print(part)
        for seen, relations in sorted(found.items()):
            print(f"  {seen:12} {sum(relations.values()):5}", dict(relations))
    print(table)
    wrong = total = 0.0
    bins: dict[int, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    for seen, relations in counts["reporting"].items():
        shares = table.get(seen, dict.fromkeys(RELATIONS, 1 / len(RELATIONS)))
        best = max(shares, key=lambda r: shares[r])
        for relation, n in relations.items():
            wrong += n * sum((shares[r] - (r == relation)) ** 2 for r in RELATIONS)
            total += n
            one = bins[min(int(10 * shares[best]), 9)]
            one[0], one[1], one[2] = one[0] + n, one[1] + n * shares[best], one[2] + n * (best == relation)
    print(f"Brier {wrong / total:.4f} over {total:.0f} pairs")
    for _, (n, said, right) in sorted(bins.items()):
        print(f"  said {said / n:.3f}, so {right / n:.3f}, n {n:.0f}; error {abs(said - right) / n:.3f}")


if __name__ == "__main__":
    main()

"""Write src/clew/operators/ranking/kin.txt: for each stem, the stems of words that mean nearly the same.

usage: python tools/build_kin.py [out.txt]

From the default embedder's table: whole English words of its vocabulary whose vectors have a cosine of at least NEAR. One
line a stem: the stem, then `other:nearness` in per cent, best first. The file is data of its own: another table of vectors
does not oblige to build it anew.
"""

import re
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

from clew.models import static
from clew.operators.ranking import question
from clew.storage.terms import STOPWORDS, terms

NEAR = 0.7  # chosen on the tuning halves: 0.75 and 0.65 are a point worse
LOOK, KEEP = 40, 12  # nearest words looked at, and kept, for each form of a word


def main() -> None:
    """Compare all pairs of words, a thousand rows at a time, and write the file."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else question.KIN
    table = static.load()
    vocabulary = (static.DATA / "vocab.txt").read_text(encoding="utf-8").split("\n")
    ids = [i for i, word in enumerate(vocabulary) if re.fullmatch("[a-z]{3,}", word) and word not in STOPWORDS]
    stems = [terms(vocabulary[i])[0] for i in ids]
    rows = table.codes[ids].astype(np.float32)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    kin: dict[str, dict[str, float]] = defaultdict(dict)
    for start in range(0, len(ids), 1000):
        for i, cosines in enumerate(rows[start : start + 1000] @ rows.T, start):
            kept = 0
            for j in np.argsort(-cosines, kind="stable")[:LOOK]:
                if cosines[j] < NEAR or kept == KEEP:
                    break
                if stems[j] != stems[i]:
                    kept += stems[j] not in kin[stems[i]]
                    kin[stems[i]][stems[j]] = max(kin[stems[i]].get(stems[j], 0.0), float(cosines[j]))
    lines = [
        " ".join([stem, *(f"{other}:{100 * near:.0f}" for other, near in sorted(found.items(), key=lambda x: (-x[1], x[0])))])
        for stem, found in sorted(kin.items())
        if found
    ]
    out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(lines)} stems, {sum(line.count(':') for line in lines)} pairs, {out.stat().st_size} bytes")


if __name__ == "__main__":
    main()

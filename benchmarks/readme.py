"""Puts the results that lie in `benchmarks/results` between the README's marks: python -m benchmarks.readme."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks import table

RESULTS = Path(__file__).parent / "results"
README = Path(__file__).parents[1] / "README.md"
ROWS = (  # what it is, file, scores of it (name, category, measure)
    ("LoCoMo, turns, R@10", "locomo", "all", "recall@10"),
    ("- multi-hop", "locomo", "multi-hop", "recall@10"),
    ("- temporal", "locomo", "temporal", "recall@10"),
    ("- open-domain", "locomo", "open-domain", "recall@10"),
    ("- single-hop", "locomo", "single-hop", "recall@10"),
    ("LongMemEval_S, turns of both roles, R@5", "longmemeval", "all", "recall@5"),
    ("LongMemEval_S, sessions, all@5", "longmemeval", "all", "session all@5"),
    ("BEAM-100K, messages, R@10", "beam", "all", "recall@10"),
    ("FactConsolidation, newest fact first", "factconsolidation", "all", "newest first"),
    ("HotpotQA, paragraphs, R@5", "multihop", "hotpotqa", "recall@5"),
    ("MuSiQue, paragraphs, R@5", "multihop", "musique", "recall@5"),
    ("MADial English, R@10", "madial", "en", "recall@10"),
    ("MADial Chinese, R@10", "madial", "zh", "recall@10"),
)
SYSTEMS = {"clew": "clew", "verbatim[bm25]": "BM25", "verbatim[dense]": "dense", "verbatim[rrf]": "RRF", "verbatim[minmax]": "min-max sum"}


def arena() -> str:
    """One row a measure, one column a system; per cent with 95 % bootstrap intervals for the first."""
    found = {name: json.loads((RESULTS / "arena" / f"{name}-reporting.json").read_text(encoding="utf-8")) for name in {r[1] for r in ROWS}}
    lines = ["| reporting half | n | " + " | ".join(SYSTEMS.values()) + " |", "| --- | ---: |" + " ---: |" * len(SYSTEMS)]
    for label, name, category, measure in ROWS:
        scores = {key: found[name]["systems"][key]["scores"][category][measure] for key in SYSTEMS}
        lines.append(f"| {label} | {scores['clew']['n']} | " + " | ".join(cell(s, key == "clew") for key, s in scores.items()) + " |")
    commits = sorted({f["commit"] for f in found.values()})
    tokens = ", ".join(f"{found[n]['systems']['full context']['tokens']:,.0f} ({n})" for n in ("locomo", "longmemeval", "beam"))
    return "\n".join(
        [
            *lines,
            "",
            f"Per cent, 95 % bootstrap intervals; commit {', '.join(commits)}. Full context finds everything, for {tokens} tokens a question; "
            f"clew's first ten texts have {found['locomo']['systems']['clew']['tokens']:,.0f}, "
            f"{found['longmemeval']['systems']['clew']['tokens']:,.0f} and {found['beam']['systems']['clew']['tokens']:,.0f}.",
        ]
    )


def cell(score: Mapping[str, Any], whole: bool) -> str:
    """A score in per cent, with its interval for the first column."""
    mean = f"{100 * score['mean']:.1f}"
    return f"**{mean}** [{100 * score['low']:.1f}, {100 * score['high']:.1f}]" if whole else mean


def bench() -> str:
    """The table of the largest size that was run beside peers."""
    result = json.loads((RESULTS / "benchmark.json").read_text(encoding="utf-8"))
    parts = []
    for size in sorted(result["sizes"].values(), key=lambda s: s["size"]):
        parts += [f"### {size['size']:,} memories", "", *table.compared(size), ""]
    machine = result["machine"]
    return "\n".join(
        [
            *parts,
            f"Commit {result['commit']}, {machine['cores']} cores, load {machine['load']:.1f} at the start; all in `benchmarks/results`.",
        ]
    )


def put(text: str, name: str, body: str) -> str:
    """The text with the body between a section's marks."""
    opens, closes = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, _, rest = text.partition(opens)
    after = rest.partition(closes)[2] if closes in rest else rest
    return f"{before}{opens}\n{body}\n{closes}{after}"


if __name__ == "__main__":
    text = README.read_text(encoding="utf-8")
    README.write_text(put(put(text, "arena table", arena()), "bench table", bench()), encoding="utf-8")

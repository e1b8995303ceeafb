"""The report: every result below a folder as one self-contained HTML page with plots, and as one Markdown table."""

import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from clew.arena import plots
from clew.arena.run import FORMAT
from clew.errors import NotFound

# The scores that a set is known by, in this order; what a set lacks is left out.
MAIN = (
    "recall@1",
    "recall@5",
    "recall@10",
    "recall@20",
    "mrr",
    "ndcg@10",
    "session any@5",
    "session all@5",
    "answer@1",
    "answer@5",
    "answer F1",
    "newest first",
    "stale above",
    "newest, stale told",
)
COSTS = (
    ("ms p50", "ms_p50", "{:.1f}"),
    ("ms p95", "ms_p95", "{:.1f}"),
    ("tokens", "tokens", "{:.0f}"),
    ("bytes a memory", "bytes_a_memory", "{:.0f}"),
    ("events a second", "events_a_second", "{:.0f}"),
    ("calls an event", "calls_an_event", "{:.2f}"),
    ("calls a question", "calls_a_question", "{:.2f}"),
    ("faults", "faults", "{:d}"),
)
LONG = frozenset(
    {
        "recall@20",
        "ndcg@10",
        "answer@1",
        "session any@5",
        "ms p95",
        "bytes a memory",
        "events a second",
        "calls an event",
        "calls a question",
    }
)  # not in a terminal's narrow table
# Why no paper's own figure stands beside ours: none was found that has the same questions, evidence and measure.
NOTES = {
    "locomo": "Categories 1 to 4. Papers mostly report a model's judgement of answers, which cannot be set beside evidence recall.",
    "longmemeval": "Abstention left out, turns of both roles. The official index holds user turns only, so its figures differ.",
    "beam": "The official score is a model's judgement by rubric; this is recall of the source messages.",
    "factconsolidation": "Substring exact match over the texts found, not over a model's answer.",
    "multihop": "100 questions a set at most; papers use 1,000 of the development sets, with larger corpora.",
    "madial": "The query is the dialogue before the first line to be produced.",
}


def results(folder: Path) -> list[dict[str, Any]]:
    """Every `results.json` below a folder, by dataset and half; NotFound where there is none."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("results.json"))]
    found = [outcome for outcome in found if "systems" in outcome and outcome["format"] == FORMAT]
    if not found:
        raise NotFound(f"there is no results.json below {folder}; run `clew arena run DATASET --out {folder}` first")
    return sorted(found, key=lambda outcome: (outcome["dataset"], outcome["half"], -outcome["cases"]))


def write(folder: Path, out: Path) -> tuple[Path, Path]:
    """Write report.html and report.md; returns their paths."""
    found = results(folder)
    out.mkdir(parents=True, exist_ok=True)
    page, text = out / "report.html", out / "report.md"
    page.write_text(as_page(found), encoding="utf-8")
    text.write_text(as_markdown(found), encoding="utf-8")
    return page, text


def main_table(outcome: Mapping[str, Any], short: bool = False) -> tuple[list[str], list[list[str]]]:
    """(header, rows) of a run's main scores in per cent with their 95 % intervals, and costs; `short` leaves intervals out."""
    everywhere = {name for system in outcome["systems"].values() for name in system["scores"]["all"]}
    scores = [name for name in MAIN if name in everywhere and not (short and name in LONG)]
    costs = [cost for cost in COSTS if not (short and cost[0] in LONG)]
    rows = []
    for name, system in outcome["systems"].items():
        mine = system["scores"]["all"]
        rows.append([name, *(cell(mine.get(score), short) for score in scores), *(form.format(system[key]) for _, key, form in costs)])
    names = [name.replace("recall@", "R@") if short else name for name in scores]
    return ["system", *names, *(label for label, _, _ in costs)], rows


def cell(estimate: Mapping[str, Any] | None, short: bool = False) -> str:
    """A mean with its interval, in per cent; the interval by conversation where there is one."""
    if estimate is None:
        return ""
    if short:
        return f"{100 * estimate['mean']:.1f}"
    low, high = estimate["low_by_group"], estimate["high_by_group"]
    low, high = (estimate["low"], estimate["high"]) if low is None else (low, high)
    return f"{100 * estimate['mean']:.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def category_table(outcome: Mapping[str, Any]) -> tuple[list[str], list[list[str]], str]:
    """(header, rows, score): the score that tells most of a set, by category."""
    everywhere = {name for system in outcome["systems"].values() for name in system["scores"]["all"]}
    score = next(name for name in ("recall@10", "answer@5", *MAIN) if name in everywhere)
    categories = sorted(
        {c for system in outcome["systems"].values() for c, mine in system["scores"].items() if score in mine and c != "all"}
    )
    size = {c: next(s["scores"][c][score]["n"] for s in outcome["systems"].values() if score in s["scores"].get(c, {})) for c in categories}
    rows = [[name, *(cell(system["scores"].get(c, {}).get(score)) for c in categories)] for name, system in outcome["systems"].items()]
    return ["system", *(f"{c} (n={size[c]})" for c in categories)], rows, score


def about(outcome: Mapping[str, Any]) -> str:
    """One line that says what a result depends on."""
    versions = ", ".join(f"{name} {version}" for name, version in outcome["versions"].items())
    machine = ", ".join(f"{key} {value}" for key, value in outcome["machine"].items())
    return (
        f"{outcome['questions']} questions in {outcome['cases']} cases, half: {outcome['half']}; data {outcome['data']}; commit {outcome['commit']}; "
        f"seed {outcome['seed']}, {outcome['draws']} draws; {versions}; {machine}"
    )


def as_markdown(found: Sequence[Mapping[str, Any]]) -> str:
    """Every run as one Markdown document: a table of main scores, then one by category."""
    lines = [
        "# Arena",
        "",
        "Per cent with 95 % bootstrap intervals (by conversation where there are five or more, else by question). ",
        "Milliseconds are those of the search alone; tokens are of the first ten texts (of everything for full context).",
        "",
    ]
    for outcome in found:
        lines += [f"## {outcome['dataset']}, {outcome['half']}", "", about(outcome) + ".", "", NOTES.get(outcome["dataset"], ""), ""]
        lines += [*marked(*main_table(outcome)), ""]
        header, rows, score = category_table(outcome)
        lines += [f"{score} by category:", "", *marked(header, rows), ""]
    return "\n".join(lines)


def marked(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table's lines."""
    return [f"| {' | '.join(header)} |", f"| --- |{' ---: |' * (len(header) - 1)}", *(f"| {' | '.join(row)} |" for row in rows)]


def as_page(found: Sequence[Mapping[str, Any]]) -> str:
    """Every run as one page that needs nothing else: plots are drawn into it."""
    parts = []
    for outcome in found:
        header, rows, score = category_table(outcome)
        drawn = {name: system["scores"]["all"][score] for name, system in outcome["systems"].items() if score in system["scores"]["all"]}
        parts += [
            f"<h2>{html.escape(outcome['dataset'])}, {html.escape(outcome['half'])}</h2>",
            f"<p class=about>{html.escape(about(outcome))}</p>",
            f"<p>{html.escape(NOTES.get(outcome['dataset'], ''))}</p>",
            plots.bars(drawn, f"{score}, per cent, with 95 % intervals"),
            plots.curves({n: s["scores"]["all"] for n, s in outcome["systems"].items()}, "recall@k over k"),
            tabled(*main_table(outcome)),
            f"<h3>{html.escape(score)} by category</h3>",
            tabled(header, rows),
        ]
    return f"<!doctype html><html lang=en><meta charset=utf-8><title>Clew arena</title><style>{plots.STYLE}</style><h1>Arena</h1>{''.join(parts)}</html>\n"


def tabled(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """An HTML table."""
    head = "".join(f"<th>{html.escape(name)}" for name in header)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(value)}" for value in row) for row in rows)
    return f"<div class=wide><table><tr>{head}{body}</table></div>"

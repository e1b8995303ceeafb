"""One table of every system on every set, from the results of runs: what it finds, what it costs, where it loses to BM25.

Rows of a model that is no LLM say so by its name. What a small real model gave stands apart, in the order of the alphabet:
it shows that prompts and forms work, and ranks nobody.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from clew import catalogue
from clew.arena.report import cell, marked

# (set, category, score): what a set is known by.
HEADLINES = (
    ("locomo", "all", "recall@10"),
    ("longmemeval", "all", "recall@10"),
    ("multihop", "hotpotqa", "recall@5"),
    ("multihop", "musique", "recall@5"),
    ("beam", "all", "recall@10"),
    ("madial", "all", "recall@10"),
)
BASELINE = "verbatim[bm25]"
Outcomes = Sequence[Mapping[str, Any]]


def page(found: Outcomes, about: str = "") -> str:
    """The comparison as a Markdown page; sections without results are left out."""
    whole = [o for o in found if not o.get("small")]
    small = [o for o in found if o.get("small")]
    lines = ["# The table", "", "Made by `make table`, which goes on where it was cut off. " + about, ""]
    lines += _finding(whole) if whole else []
    lines += _ablations(whole)
    lines += _costs(whole) if whole else []
    for outcome in small:
        lines += _small(outcome)
    return "\n".join(lines) + "\n"


def named(outcomes: Outcomes, ablated: bool) -> list[str]:
    """The systems of these runs in the order in which they ran, those with a mechanism off or the others."""
    return list(dict.fromkeys(name for o in outcomes for name in o["systems"] if ("[-" in name) == ablated))


def estimate(outcomes: Outcomes, system: str, headline: tuple[str, str, str]) -> Mapping[str, Any] | None:
    """A system's score on a set with its interval; None where it did not run there or the set lacks it."""
    dataset, category, score = headline
    for outcome in outcomes:
        mine = outcome["systems"].get(system) if outcome["dataset"] == dataset else None
        if mine and score in mine["scores"].get(category, {}):
            return mine["scores"][category][score]
    return None


def _bounds(found: Mapping[str, Any]) -> tuple[float, float]:
    low, high = found["low_by_group"], found["high_by_group"]
    return (found["low"], found["high"]) if low is None else (low, high)


def behind(mine: Mapping[str, Any] | None, baseline: Mapping[str, Any] | None) -> str:
    """`<` where a score lies below the baseline's, `<<` where their intervals lie apart too; else nothing."""
    if mine is None or baseline is None or mine["mean"] >= baseline["mean"]:
        return ""
    return "<<" if _bounds(mine)[1] < _bounds(baseline)[0] else "<"


def _finding(outcomes: Outcomes) -> list[str]:
    present = [h for h in HEADLINES if any(estimate(outcomes, name, h) for name in named(outcomes, False))]
    header = ["system", *(f"{d if c == 'all' else c} {s}" for d, c, s in present), "loses to BM25 on"]
    rows = []
    for name in named(outcomes, False):
        mine = [estimate(outcomes, name, h) for h in present]
        marks = [behind(e, estimate(outcomes, BASELINE, h)) for e, h in zip(mine, present, strict=True)]
        lost = [f"{h[0] if h[1] == 'all' else h[1]}{' (clearly)' if m == '<<' else ''}" for h, m in zip(present, marks, strict=True) if m]
        rows.append([name, *(f"{cell(e)} {m}".strip() for e, m in zip(mine, marks, strict=True)), ", ".join(lost)])
    sizes = "; ".join(f"{o['dataset']} {o['half']}: {o['questions']} questions in {o['cases']} cases" for o in outcomes)
    told = (
        "Evidence found, per cent with 95 % bootstrap intervals (by conversation where there are five or more). `<`: below BM25; `<<`: with "
        "intervals apart. Rows with *(extractive:1)* ran with a model that is no LLM: a floor, not the paper's system at its best. "
        f"{sizes}."
    )
    return ["## What is found", "", told, "", *marked(header, rows), ""]


def _ablations(outcomes: Outcomes) -> list[str]:
    present = [h for h in HEADLINES if any(estimate(outcomes, name, h) for name in named(outcomes, True))]
    if not present:
        return []
    rows = []
    for name in named(outcomes, True):
        base, _, rest = name.partition("[-")
        mechanism, _, model = rest.partition("]")
        row = [base + model, mechanism]
        for headline in present:
            mine, whole = estimate(outcomes, name, headline), estimate(outcomes, base + model, headline)
            row.append("" if mine is None or whole is None else f"{100 * (mine['mean'] - whole['mean']):+.1f}")
        rows.append(row)
    header = ["system", "without", *(f"{d if c == 'all' else c} {s}" for d, c, s in present)]
    told = "What finding loses or gains when one mechanism is off, in points, by the same extractive model; no intervals, so small ones say nothing."
    return ["## Ablations", "", told, "", *marked(header, rows), ""]


def _costs(outcomes: Outcomes) -> list[str]:
    known = catalogue.entries()
    header = ["system", "calls an event", "calls a question", "model tokens an event", "valid", "events a second", "ms p50"]
    header += ["bytes an event", "faults", "the paper's own figure"]
    rows = []
    for name in named(outcomes, False):
        mine = [o["systems"][name] for o in outcomes if name in o["systems"]]
        events, asked = sum(m["events"] for m in mine), sum(m["questions"] for m in mine)
        calls, valid = sum(m["calls"] for m in mine), sum(m["valid"] for m in mine)

        def mean(key: str, over: str, total: int, mine: Sequence[Mapping[str, Any]] = mine) -> float:
            return sum(m[key] * m[over] for m in mine) / total

        seconds = sum(m["events"] / m["events_a_second"] for m in mine if m["events_a_second"])
        rows.append(
            [
                name,
                f"{mean('calls_an_event', 'events', events):.2f}",
                f"{mean('calls_a_question', 'questions', asked):.2f}",
                f"{mean('tokens_an_event', 'events', events):.0f}",
                f"{100 * valid / calls:.1f} %" if calls else "",
                f"{events / seconds:.0f}" if seconds else "",
                f"{mean('ms_p50', 'questions', asked):.1f}",
                f"{mean('bytes_a_memory', 'events', events):.0f}",
                str(sum(m["faults"] for m in mine)),
                known.get(name.partition(" ")[0], {}).get("Published", ""),
            ]
        )
    told = "Over all of the runs above; milliseconds and events a second compare only within this table. A fault is an event or a call that failed."
    return ["## What it costs", "", told, "", *marked(header, rows), ""]


def _small(outcome: Mapping[str, Any]) -> list[str]:
    events, questions = outcome["small"]
    rows = []
    for name in sorted(outcome["systems"]):
        mine = outcome["systems"][name]
        scores = mine["scores"]["all"]
        valid = f"{100 * mine['valid'] / mine['calls']:.1f} % of {mine['calls']}" if mine["calls"] else ""
        recall = scores.get("recall@10")
        rows.append([name, str(mine["questions"]), cell(recall), cell(scores.get("answer F1")), valid, str(mine["faults"])])
    told = (
        f"{outcome['dataset']}, {outcome['half']}: at most {events} events and {questions} questions a case, {outcome['questions']} questions. "
        f"Answers by one and the same reader ({outcome['reader'] or 'none'}). This shows that prompts and forms work; it ranks nobody and claims nothing."
    )
    header = ["system", "n", "recall@10", "answer F1", "valid forms", "faults"]
    return [f"## With a model: {outcome['dataset']}", "", told, "", *marked(header, rows), ""]

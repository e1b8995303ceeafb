"""The lifecycle benchmark's table: every measure by system, with how many were scored and how far that can be trusted."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from clew.arena.report import marked

Z = 1.96  # of a 95 % interval
# What must be reached, as the issue says; each beside what keeps an empty memory from reaching it.
ORDER = (
    "as-of",
    "as-of: first hit",
    "as-of: nothing from later",
    "apollo",
    "apollo: first hit",
    "apollo: nothing from later",
    "cascade: affected marked",
    "cascade: others left",
    "absence: not answered",
    "absence: answerable answered",
    "absence: first hit",
    "rollback: same as before",
    "rollback: answered",
    "isolation: nothing of others",
    "isolation: same as alone",
    "isolation: own answered",
    "erasure: nowhere told",
    "erasure: in no byte",
    "erasure: the rest stays",
    "erasure: answered after",
    "cost: answered",
)
NEEDS = {  # a deed or a door without which a measure is what it is
    "as-of": "as of",
    "as-of: nothing from later": "as of",
    "apollo: nothing from later": "as of",
    "apollo": "as of",
    "cascade: affected marked": "basis",
    "absence: not answered": "ask",
    "rollback: same as before": "rebuild",
    "erasure: nowhere told": "forget matching",
    "erasure: in no byte": "forget matching",
}


def wilson(right: int, n: int) -> tuple[float, float]:
    """The 95 % score interval of a share: it says something also where all or none are right."""
    share, spread = right / n, Z * Z / n
    middle, half = share + spread / 2, Z * math.sqrt(share * (1 - share) / n + spread / (4 * n))
    return max(0.0, (middle - half) / (1 + spread)), min(1.0, (middle + half) / (1 + spread))


def share(marks: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Right ones as a share with its interval and number."""
    right = sum(mark["right"] for mark in marks)
    low, high = wilson(right, len(marks))
    return {"mean": right / len(marks), "low": low, "high": high, "n": len(marks)}


def summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A system's rows as one: shares by measure and kind, some of what was wrong, and cost."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for mark in (mark for row in rows for mark in row["marks"]):
        found.setdefault(mark["measure"], []).append(mark)
    measures = {}
    for measure, marks in found.items():
        kinds: dict[str, list[Mapping[str, Any]]] = {}
        for mark in marks:
            kinds.setdefault(mark["kind"], []).append(mark)
        measures[measure] = {"all": share(marks), **{kind: share(mine) for kind, mine in sorted(kinds.items())}}
    return {"measures": measures, "cost": cost([row["cost"] for row in rows if "cost" in row])}


def cost(costs: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """What questions took and events cost, over the scripts of that axis; empty where none was run."""
    if not costs:
        return {}
    events, ms = sum(c["events"] for c in costs), [m for c in costs for m in c["ms"]]
    return {
        "ms_p50": float(np.median(ms)),
        "ms_p95": float(np.quantile(ms, 0.95)),
        "ms_an_event": 1000 * sum(c["seconds"] for c in costs) / events,
        "bytes_an_event": sum(c["bytes"] for c in costs) / events,
    }


def table(outcome: Mapping[str, Any], short: bool = False) -> tuple[list[str], list[list[str]]]:
    """(header, rows): a measure a row, a system a column, in per cent with 95 % intervals; costs below."""
    systems = outcome["systems"]
    rows = []
    for measure in ORDER:
        n = max((s["measures"][measure]["all"]["n"] for s in systems.values() if measure in s["measures"]), default=0)
        if n:
            rows.append([measure, str(n), *(cell(s, measure, short) for s in systems.values())])
    for label, key in (("ms a question, p50", "ms_p50"), ("ms an event", "ms_an_event"), ("bytes an event", "bytes_an_event")):
        if any(s["cost"] for s in systems.values()):
            rows.append([label, "", *(f"{s['cost'][key]:.{0 if 'bytes' in key else 1}f}" if s["cost"] else "" for s in systems.values())])
    return ["measure", "n", *systems], rows


def cell(system: Mapping[str, Any], measure: str, short: bool = False) -> str:
    """A share in per cent; what a system has no door for is said, by a star where it must be short."""
    door = "" if NEEDS.get(measure, measure) in (*system["doors"], measure) else "*" if short else " (no door)"
    if measure not in system["measures"]:
        return door.strip(" ()*")
    found = system["measures"][measure]["all"]
    spread = "" if short else f" [{100 * found['low']:.1f}, {100 * found['high']:.1f}]"
    return f"{100 * found['mean']:.1f}{spread}{door}"


def by_kind(outcome: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """(header, rows): every measure by the kind of change or question, without intervals."""
    systems, rows = outcome["systems"], []
    for measure in ORDER:
        kinds = dict.fromkeys(kind for s in systems.values() for kind in s["measures"].get(measure, {}) if kind != "all")
        for kind in kinds:
            shares = [s["measures"].get(measure, {}).get(kind) for s in systems.values()]
            n = max(found["n"] for found in shares if found)
            rows.append([measure, kind, str(n), *(f"{100 * found['mean']:.1f}" if found else "" for found in shares)])
    return ["measure", "kind", "n", *systems], rows


def as_markdown(outcome: Mapping[str, Any]) -> str:
    """The whole run as one Markdown document."""
    apollo = "with Apollo 13" if outcome["apollo"] else "without Apollo 13: its transcript was not found below $CLEW_DATA"
    lines = [
        "# Lifecycle",
        "",
        f"Seeds {', '.join(map(str, outcome['seeds']))}, {outcome['scripts']} scripts, {apollo}; data {outcome['data']}; commit",
        f"{outcome['commit']}. Per cent with 95 % Wilson intervals over what was scored. *No door*: the system offers nothing for it and",
        "was scored as it behaves; an empty cell was not scored. Answers are those of `ask` where a system has one, else its first text.",
        "",
        *marked(*table(outcome)),
        "",
        "By kind:",
        "",
        *marked(*by_kind(outcome)),
        "",
    ]
    return "\n".join(lines)

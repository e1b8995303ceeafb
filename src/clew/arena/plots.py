"""Plots as SVG, written by hand: bars with intervals, and curves over k. Nothing is loaded from anywhere."""

import html
from collections.abc import Iterable, Mapping
from typing import Any

STYLE = "".join(
    (
        "body{font:15px/1.5 system-ui,sans-serif;max-width:76rem;margin:2rem auto;padding:0 1rem;color:#1d2430}",
        "h2{margin-top:3rem;border-top:1px solid #ccd3dd;padding-top:1rem}.about{color:#5b6675;font-size:13px}.wide{overflow-x:auto}",
        "table{border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums}th,td{padding:.25rem .6rem;text-align:right;",
        "border-bottom:1px solid #e3e8ef;white-space:nowrap}th:first-child,td:first-child{text-align:left}svg{max-width:100%;height:auto}",
        "svg text{font:12px system-ui,sans-serif;fill:#1d2430}",
    )
)
# Eight hues told apart by people with the usual colour blindnesses (Okabe and Ito's palette, darkened yellow).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#555555", "#7a7a00", "#882255", "#44aa99")
KNOWN = ("clew", "verbatim", "verbatim[bm25]", "verbatim[dense]", "verbatim[rrf]", "verbatim[minmax]", "full context")
WIDTH, LEFT, ROW = 760, 190, 24


def colours(names: Iterable[str]) -> dict[str, str]:
    """A colour a system, the same on every plot for those that always run."""
    others = [name for name in names if name not in KNOWN]
    return {name: COLOURS[i % len(COLOURS)] for i, name in enumerate((*KNOWN, *others))}


def bars(estimates: Mapping[str, Mapping[str, Any]], title: str) -> str:
    """A bar a system from 0 to 100 per cent, its 95 % interval as a line."""
    scale, chosen = (WIDTH - LEFT - 60) / 100, colours(estimates)
    height = 34 + ROW * len(estimates)
    parts = [
        f"<svg viewBox='0 0 {WIDTH} {height}' width={WIDTH} role=img aria-label='{html.escape(title)}'><text x=0 y=16>{html.escape(title)}</text>"
    ]
    for place, (name, value) in enumerate(estimates.items()):
        y, colour = 28 + ROW * place, chosen[name]
        mean, low, high = (100 * value[key] for key in ("mean", "low", "high"))
        parts.append(
            f"<text x={LEFT - 8} y={y + 13} text-anchor=end>{html.escape(name)}</text>"
            f"<rect x={LEFT} y={y} width={mean * scale:.1f} height={ROW - 8} fill='{colour}' opacity=.8 />"
            f"<line x1={LEFT + low * scale:.1f} x2={LEFT + high * scale:.1f} y1={y + 8} y2={y + 8} stroke='#1d2430' stroke-width=2 />"
            f"<text x={LEFT + max(high, mean) * scale + 6:.1f} y={y + 13}>{mean:.1f}</text>"
        )
    return "".join([*parts, "</svg>"])


def curves(systems: Mapping[str, Mapping[str, Mapping[str, Any]]], title: str, score: str = "recall") -> str:
    """A line a system over k = 1, 2, 3, 5, 10, 20; k is drawn at even steps. Nothing where no system has the score."""
    ks = [1, 2, 3, 5, 10, 20]
    lines = {
        name: [100 * mine[f"{score}@{k}"]["mean"] for k in ks] for name, mine in systems.items() if all(f"{score}@{k}" in mine for k in ks)
    }
    if not lines:
        return ""
    chosen = colours(systems)
    height, top, step = 300, 30, (WIDTH - LEFT - 60) / (len(ks) - 1)
    down = (height - top - 30) / 100
    parts = [
        f"<svg viewBox='0 0 {WIDTH} {height}' width={WIDTH} role=img aria-label='{html.escape(title)}'><text x=0 y=16>{html.escape(title)}</text>"
    ]
    for percent in (0, 25, 50, 75, 100):
        y = top + (100 - percent) * down
        parts.append(
            f"<line x1={LEFT} x2={WIDTH - 60} y1={y:.1f} y2={y:.1f} stroke='#e3e8ef' /><text x={WIDTH - 54} y={y + 4:.1f}>{percent}</text>"
        )
    parts += [f"<text x={LEFT + i * step:.1f} y={height - 10} text-anchor=middle>{k}</text>" for i, k in enumerate(ks)]
    for place, (name, values) in enumerate(lines.items()):
        colour = chosen[name]
        points = " ".join(f"{LEFT + i * step:.1f},{top + (100 - v) * down:.1f}" for i, v in enumerate(values))
        parts.append(
            f"<polyline points='{points}' fill=none stroke='{colour}' stroke-width=2 />"
            f"<rect x=0 y={top + 6 + 20 * place} width=12 height=12 fill='{colour}' />"
            f"<text x=18 y={top + 16 + 20 * place}>{html.escape(name)}</text>"
        )
    return "".join([*parts, "</svg>"])

"""The benchmark's result as Markdown: absolute figures, and how many times Clew's the others' are."""

from collections.abc import Mapping
from typing import Any

NAMES = {"clew": "Clew", "chroma": "Chroma", "langgraph_store": "LangGraph store", "mem0_store": "mem0"}


def markdown(result: Mapping[str, Any]) -> str:
    """The whole document."""
    machine = result["machine"]
    lines = [
        "# Benchmark",
        "",
        f"Commit {result['commit']}; {', '.join(f'{k} {v}' for k, v in result['versions'].items())}; {machine['cores']} cores, "
        f"load average {machine['load']:.1f} at the start, one BLAS thread: {machine['blas_threads']}. The machine was shared, so the ratios, "
        "taken in turns, say more than the milliseconds.",
        "",
        f"Made-up turns of 8 to 31 words; vectors given to everyone; chunks of {result['chunk']:,}, Clew caught up after every {result['fold']:,}; "
        "one user has 10 % of all memories and ninety have 1 % each. A peer stops after "
        f"{result['cap']:.0f} s of ingest a size; what it reached is told, and its other figures are for that many.",
        "",
    ]
    for found in result["sizes"].values():
        lines += [f"## {found['size']:,} memories", "", *compared(found), "", *own(found["clew"], found), ""]
        if found["failed"]:
            lines += [*(f"{NAMES[name]} failed: {why}" for name, why in found["failed"].items()), ""]
    return "\n".join(lines)


def compared(found: Mapping[str, Any]) -> list[str]:
    """The table of all systems: a peer's cell says its figure and how many times Clew's it is."""
    names = list(found["ingest"])
    rows = [("reached", {n: f"{found['ingest'][n]['reached']:,}" for n in names})]
    acknowledged = {n: found["ingest"][n]["append"] for n in names}
    searchable = {n: found["ingest"][n]["append"] + found["ingest"][n]["fold"] for n in names}
    rows += [
        ("in batches, until durable: µs a memory", cells(acknowledged)),
        ("in batches, until it can be found: µs a memory", cells(searchable)),
    ]
    single = {n: took for n, took in found["singly"].items() if took}
    rows += [
        ("one by one, until durable: ms p50", cells({n: took["append"]["p50"] for n, took in single.items()})),
        (
            "one by one, until it can be found: ms p50",
            cells({n: took["append"]["p50"] + took["fold"]["p50"] for n, took in single.items()}),
        ),
    ]
    for scope, took in found["recall"].items():
        rows += [(f"recall in {scope}: ms {p}", cells({n: q[p] for n, q in took.items() if q})) for p in ("p50", "p95")]
    size = {n: max(found["ingest"][n]["reached"], 1) for n in names}
    rows += [
        ("bytes a memory on disk", cells({n: found["weight"][n]["bytes"] / size[n] for n in names if found["weight"][n]})),
        ("MB of memory used", cells({n: found["weight"][n]["rss"] for n in names if found["weight"][n]})),
    ]
    return [
        f"| | {' | '.join(NAMES[n] for n in names)} |",
        f"| --- |{' ---: |' * len(names)}",
        *(f"| {label} | {' | '.join(row.get(n, '-') for n in names)} |" for label, row in rows),
    ]


def cells(figures: Mapping[str, float]) -> dict[str, str]:
    """Each figure, and beside a peer's how many times Clew's it is."""
    base = figures.get("clew")
    return {n: number(v) + (f" (x{number(v / base)})" if n != "clew" and base else "") for n, v in figures.items()}


def number(value: float) -> str:
    """Three digits that count, and thousands as they are."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def own(clew: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """What only Clew has a word for."""
    rows = [
        ("embedding a text, which is not in the figures above: µs", number(found["ingest"]["clew"]["embed"])),
        ("one by one, until durable: ms p95", number(found["singly"]["clew"]["append"]["p95"])),
        ("fold for everyone in one scope: µs a memory", number(found["everyone"])),
    ]
    for name, value in clew.items():
        unit = {"rebuild": "µs a memory, embedding included", "forget": "s, one user's 1 %, until no byte is left"}.get(name, "ms")
        unit = "µs a memory" if name.startswith("fold") else unit
        rows.append(
            (f"{name}: {unit}", f"{number(value['p50'])} p50, {number(value['p95'])} p95" if isinstance(value, dict) else number(value))
        )
    rows.append(("MB of memory used at the end", number(found["weight"]["clew at the end"]["rss"])))
    return ["| Clew alone | |", "| --- | ---: |", *(f"| {label} | {value} |" for label, value in rows)]

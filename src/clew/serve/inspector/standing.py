"""How the memory stands: what is due, what failed, what was spent."""

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from fastapi import APIRouter, Response

from clew.serve.inspector import pieces
from clew.serve.inspector.frame import Visit, page, panel
from clew.serve.inspector.markup import Html, Piece, el
from clew.serve.inspector.visiting import Seen

router = APIRouter()
FAULTS = 50  # that are shown, newest first


@router.get("/status")
def status(visit: Seen) -> Response:
    """Backlog, faults, spending, bytes."""
    found = visit.sight.status()
    behind = max((view["backlog"] for view in found["views"] if view["state"] == "serving"), default=0)
    numbers = [
        ("events", f"{found['head']:,}"),
        ("users", f"{len(visit.sight.users()):,}"),
        ("behind", f"{behind:,}"),
        ("faults", f"{len(found['faults']):,}"),
        ("model calls", f"{found['spent']['calls']:,}"),
        ("tokens", f"{found['spent']['tokens']:,}"),
        ("megabytes", f"{found['bytes'] / 1e6:,.1f}"),
    ]
    large = el("dl", [el("div", el("dt", name), el("dd", value)) for name, value in numbers], class_="numbers")
    facts = {
        "file": el("code", PurePath(found["path"]).name),
        "takes writing": "no" if found["readonly"] else "yes",
        "encrypted": "yes" if found["encrypted"] else "no",
        "alarms of canaries": _alarms(found["canaries"]),
    }
    return page(
        visit,
        "Status",
        large,
        panel("Views", _views(found["views"]), id="views"),
        panel("Faults", _faults(visit, found["faults"]), id="faults"),
        panel("Spending", _ledger(found["ledger"]), id="spending"),
        panel("The file", pieces.facts(facts)),
    )


def _alarms(report: Any) -> str:
    alarms = report.get("alarms", ()) if isinstance(report, Mapping) else report
    return f"{len(alarms):,}" if alarms else "none"


def table(columns: Sequence[str], rows: Sequence[Sequence[Piece]], words: int = 1) -> Html:
    """Rows under a head; the first `words` columns are text, the others numbers. Scrolls in itself where it is too wide."""
    head = el("tr", [el("th", name, scope="col", class_=None if i < words else "number") for i, name in enumerate(columns)])
    body = [el("tr", [el("td", cell, class_=None if i < words else "number") for i, cell in enumerate(row)]) for row in rows]
    return el("div", el("table", el("thead", head), el("tbody", body)), class_="wide", tabindex="0", role="region", aria_label=columns[0])


def _views(views: Sequence[Mapping[str, Any]]) -> Html:
    if not views:
        return el("p", "There are no views yet.", class_="soft")
    rows = [
        (
            v["recipe"],
            [v["state"], ", stale" if v["stale"] else "", *(el("div", f"waits: {w}", class_="soft") for w in v["waiting"])],
            f"{v['generation']}",
            f"{v['backlog']:,}",
            f"{v['partitions']:,}",
            f"{v['versions']:,}",
        )
        for v in views
    ]
    return table(("memory system", "state", "generation", "events behind", "partitions", "versions"), rows, 2)


def _faults(visit: Visit, faults: Sequence[Mapping[str, Any]]) -> Html:
    if not faults:
        return el("p", "None.", class_="soft")
    rows = [
        (f["recipe"], f["operator"], f["error"], el("a", f"{f['seq']:,}", href=visit.link(f"events/{f['seq']}")) if f["seq"] else "")
        for f in list(faults)[: -FAULTS - 1 : -1]
    ]
    return table(("memory system", "operator", "what went wrong", "event"), rows, 3)


def _ledger(ledger: Sequence[Mapping[str, Any]]) -> Html:
    if not ledger:
        return el("p", "No model was ever called.", class_="soft")
    names, sums = ("recipe", "stage", "model", "outcome"), ("calls", "tokens_in", "tokens_out", "ms")
    rows = [(*(r[n] for n in names), *(f"{r[n]:,}" for n in sums), f"{r['cost']:.4f}") for r in ledger]
    return table(("memory system", "stage", "model", "outcome", "calls", "tokens in", "tokens out", "ms", "cost"), rows, 4)

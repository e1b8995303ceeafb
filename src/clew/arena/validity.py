"""How often a model gives the form that it was asked for, by model and family of call, read from the answers that were kept.

A family is not stored beside an answer; it is read off the answer's own shape, and where an answer has none (it was cut off
before its first field, refused or erased) off the other answers to the same prompt of the same recipe.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from clew.errors import NotFound
from clew.models.forms import MEANS
from clew.storage.answers import Answers
from clew.storage.sqlite import Database

UNKNOWN = "unknown"
FREE = "free text"  # an answer without a form
_FIELDS = {
    "answer": "gate",
    "choice": "choice",
    "choices": "choice",
    "text": "text",
    "texts": "texts",
    "records": "records",
    "edits": "edits",
}
_FIRST = re.compile(r'^\s*(?:```(?:json)?\s*)?\{\s*"([^"]+)"\s*:\s*(.)?', re.DOTALL)
_SELECT = "SELECT recipe, part, seq, path, attempt, outcome, body, model, tokens_in, tokens_out, ms FROM answer ORDER BY id"
ORDER = (*MEANS, FREE, UNKNOWN)


@dataclass(frozen=True, slots=True)
class Counted:
    """Calls of one family to one model. A call is one question; its retries count for its tokens and milliseconds alone."""

    model: str
    family: str
    calls: int = 0
    first: int = 0  # valid at the first attempt
    retried: int = 0  # valid after a retry
    invalid: int = 0  # never valid
    refused: int = 0
    withheld: int = 0  # erased by `forget` since
    tokens_in: int = 0
    tokens_out: int = 0
    ms: int = 0

    def plus(self, other: "Counted") -> "Counted":
        """Both together, under the first's names."""
        sums = {name: value + getattr(other, name) for name, value in asdict(self).items() if isinstance(value, int)}
        return Counted(self.model, self.family, **sums)

    @property
    def share(self) -> float | None:
        """Valid at the first attempt, of those that are not erased; None where there are none."""
        seen = self.calls - self.withheld
        return self.first / seen if seen else None


def family(body: str) -> str:
    """The family that an answer has the shape of, also one that was cut off; `UNKNOWN` where it has none."""
    found = _FIRST.match(body)
    if found is None:
        return FREE if body.strip() and not body.lstrip().startswith("{") else UNKNOWN
    name, begins = found[1], found[2] or ""
    if name in _FIELDS and (name not in ("records", "edits", "texts", "choices") or begins == "["):
        return _FIELDS[name] if not (name == "text" and _further(body)) else "records"
    if begins.isdigit() or begins == "-":
        return "scores" if _numbers(body) else "records"
    return "records" if begins else UNKNOWN


def _parsed(body: str) -> Mapping[str, Any]:
    try:
        found = json.loads(body[body.find("{") : body.rfind("}") + 1])
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _further(body: str) -> bool:
    return len(_parsed(body)) > 1


def _numbers(body: str) -> bool:
    return all(isinstance(value, int) for value in _parsed(body).values())


def counted(answers: Answers) -> list[Counted]:
    """What was asked of each model by family, from a memory's kept answers, in the order of models and families."""
    with answers.database.snapshot() as c:
        rows = list(c.execute(_SELECT))
    return _counted(rows)


def of_memory(memory: Any) -> list[Counted]:
    """The same of a system's open memory, where it is Clew's; [] of any other."""
    clew = getattr(memory, "clew", None)
    return [] if clew is None else counted(clew.answers)


def of_results(folder: Path) -> list[Counted]:
    """The same of every result below a folder that `clew arena run` wrote to; NotFound where no model was asked in any."""
    outcomes = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("results.json"))]
    found = read(one for outcome in outcomes for system in outcome.get("systems", {}).values() for one in system.get("forms", ()))
    if not found:
        raise NotFound(
            f"no result below {folder} says which forms a model was asked for; run `clew arena run DATASET --recipe a_mem` first"
        )
    return found


def of_files(paths: Iterable[Path]) -> list[Counted]:
    """The same of memories in files, or in all files named *.db below folders, taken together; NotFound where there is none."""
    files = [file for path in paths for file in (sorted(path.rglob("*.db")) if path.is_dir() else [path])]
    if not files:
        raise NotFound("there is no memory to read kept answers from; name files of Clew, or folders that hold some")
    found: list[Counted] = []
    for file in files:
        if not file.exists():
            raise NotFound(f"there is no memory at {file}")
        database = Database(file)
        try:
            found = together([*found, *counted(Answers(database))])
        finally:
            database.close()
    return found


def together(found: Iterable[Counted]) -> list[Counted]:
    """Equal models and families as one, in the order of models and families."""
    sums: dict[tuple[str, str], Counted] = {}
    for one in found:
        key = (one.model, one.family)
        sums[key] = sums[key].plus(one) if key in sums else one
    return sorted(sums.values(), key=lambda one: (one.model, ORDER.index(one.family) if one.family in ORDER else len(ORDER)))


def _counted(rows: Sequence[Sequence[Any]]) -> list[Counted]:
    """Rows of `_SELECT`, counted; judgements (paths that end in /judge) are numbers and have no form."""
    asked = [row for row in rows if not row[3].endswith("/judge")]
    known = _families(asked)
    calls: dict[tuple[Any, ...], list[Sequence[Any]]] = {}
    for row in asked:
        calls.setdefault((row[0], row[1], row[2], row[3], row[7]), []).append(row)
    return together(part for tries in calls.values() for part in _questions(tries, known))


def _questions(tries: Sequence[Sequence[Any]], known: Mapping[tuple[str, str], str]) -> Iterable[Counted]:
    """The questions at one place of one event: each begins with an attempt 0 and goes on with the next ones."""
    groups: list[list[Sequence[Any]]] = []
    for row in tries:
        if row[4] == 0 or not groups:
            groups.append([row])
        else:
            groups[-1].append(row)
    for group in groups:
        recipe, path, model, last = group[0][0], group[0][3], group[0][7], group[-1]
        outcome = str(last[5]) if last[5] != "valid" else "first" if len(group) == 1 else "retried"
        sums = {"tokens_in": sum(r[8] for r in group), "tokens_out": sum(r[9] for r in group), "ms": sum(r[10] for r in group)}
        yield Counted(model, known[recipe, _prompt(path)], 1, **{outcome: 1}, **sums)


def _prompt(path: str) -> str:
    return path.rpartition("/")[2]


def _families(rows: Sequence[Sequence[Any]]) -> dict[tuple[str, str], str]:
    """(recipe, prompt) to family: that of most of its answers, valid ones before others."""
    votes: dict[tuple[str, str], dict[str, int]] = {}
    for row in rows:
        mine = votes.setdefault((row[0].partition("[")[0], _prompt(row[3])), {})
        if row[6] is not None:
            its = family(row[6].decode() if isinstance(row[6], bytes) else row[6])
            mine[its] = mine.get(its, 0) + (1000 if row[5] == "valid" else 0 if its in (UNKNOWN, FREE) else 1)
    best = {key: max(mine, key=lambda f: (mine[f], -ORDER.index(f)), default=UNKNOWN) for key, mine in votes.items()}
    return {(row[0], _prompt(row[3])): best[row[0].partition("[")[0], _prompt(row[3])] for row in rows}


def table(found: Sequence[Counted]) -> tuple[list[str], list[list[str]]]:
    """(header, rows), one row a model and family, and one for all of a model's: calls, the share that was valid at the first
    try, how many after a retry, never, refused; tokens in and out, milliseconds a call.
    """
    header = ["model", "family", "calls", "first try", "retry", "never", "refused", "tokens in", "out", "ms"]
    rows = []
    for model in dict.fromkeys(one.model for one in found):
        mine = [one for one in found if one.model == model]
        whole = mine[0]
        for one in mine[1:]:
            whole = whole.plus(one)
        rows += [_row(one) for one in mine] + [[model, "all", *_row(whole)[2:]]]
    return header, rows


def _row(one: Counted) -> list[str]:
    share = "" if one.share is None else f"{100 * one.share:.1f} %"
    numbers = [one.retried, one.invalid, one.refused, one.tokens_in, one.tokens_out]
    return [one.model, one.family, str(one.calls), share, *map(str, numbers), f"{one.ms / max(one.calls, 1):.0f}"]


def plain(found: Sequence[Counted]) -> list[dict[str, Any]]:
    """As JSON holds it; `read` gives it back."""
    return [asdict(one) for one in found]


def read(rows: Iterable[Mapping[str, Any]]) -> list[Counted]:
    """What `plain` made, of one or several runs, taken together."""
    return together(Counted(**row) for row in rows)

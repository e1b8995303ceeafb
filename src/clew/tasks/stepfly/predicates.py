"""Conditions with numbers, compiled: a sentence becomes tests on the columns of a step's results; what has no number stays prose."""

import itertools
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from clew.tasks.stepfly.fields import Table

WORDS = {  # longest first where one begins another
    "greater than or equal to": ">=",
    "less than or equal to": "<=",
    "greater than": ">",
    "more than": ">",
    "higher than": ">",
    "less than": "<",
    "lower than": "<",
    "fewer than": "<",
    "at least": ">=",
    "at most": "<=",
    "exceeds": ">",
    "exceed": ">",
    "exceeding": ">",
    "above": ">",
    "over": ">",
    "below": "<",
    "under": "<",
    ">=": ">=",
    "<=": "<=",
    "≥": ">=",
    "≤": "<=",
    ">": ">",
    "<": "<",
}
OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
    "=": operator.eq,
    "starts": lambda a, b: isinstance(a, str) and a.startswith(b),
}
_COMPARED = "|".join(re.escape(word) for word in WORDS)
NUMBER = re.compile(
    rf"(?<![A-Za-z])(?P<op>{_COMPARED})\s*(?P<number>\d[\d,]*(?:\.\d+)?)\s*(?P<unit>%|percent\b|ms\b|milliseconds?\b|s\b|seconds?\b)?", re.I
)
LABEL = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b|\b[A-Z]{4,}\b")
_STOP = frozenset(
    """a an the is are has have shows with of in for any if then than to by that which found status be it its at on""".split()  # noqa: SIM905
)
_TURNED = re.compile(r"\b(?:not|never|unless|except|without|neither)\b|n't\b", re.I)  # what turns a test round is left to a reader
_NAMES = re.compile(r"_(name|id|type|status|category|tier|hash|message|path)$|^(timestamp|region|environment)$")  # never hold a measure
_SAME = {"increase": "delta", "higher": "delta", "rise": "delta", "worse": "delta", "drop": "delta", "change": "delta"}


@dataclass(frozen=True, slots=True)
class Test:
    """One comparison of a column with a number or a label."""

    column: str
    op: str  # one of OPERATORS
    value: float | str


@dataclass(frozen=True, slots=True)
class Predicate:
    """Holds where some row of a table passes all tests of one case, or every row, or none: cases are joined by OR, tests by AND."""

    text: str  # the words that it was made of
    table: str
    cases: tuple[tuple[Test, ...], ...]
    of_rows: str = "some"  # or every, none

    def rows(self, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
        """The rows for which it holds, as mappings; a missing value passes no test."""
        place = {column: i for i, column in enumerate(columns)}
        plans = [[(place[t.column], OPERATORS[t.op], t.value) for t in case] for case in self.cases if all(t.column in place for t in case)]
        return [dict(zip(columns, row, strict=True)) for row in rows if any(all(_passes(row[i], op, v) for i, op, v in p) for p in plans)]

    def holds(self, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> bool:
        """Whether it is so; of no rows, every and none are."""
        passing = len(self.rows(columns, rows))
        return passing > 0 if self.of_rows == "some" else passing == (len(rows) if self.of_rows == "every" else 0)

    def to_json(self) -> dict[str, Any]:
        """For a node's inputs."""
        return asdict(self)

    @staticmethod
    def of(found: Mapping[str, Any]) -> "Predicate":
        """Back from a node's inputs."""
        cases = tuple([tuple([Test(**t) for t in case]) for case in found["cases"]])
        return Predicate(found["text"], found["table"], cases, found["of_rows"])


def _passes(value: Any, op: Callable[[Any, Any], bool], wanted: float | str) -> bool:
    return value is not None and isinstance(value, str) == isinstance(wanted, str) and op(value, wanted)


def compiled(text: str, tables: Sequence[Table], definitions: Mapping[str, str] | None = None) -> Predicate | None:
    """The condition as tests on the first table that has a column for every number and label in it; None where none has, or none stands in it.

    `definitions` say what a label means where no column holds it.
    """
    known, wording = definitions or {}, text
    for label, meaning in known.items():
        if re.search(rf"\b{label}\b", wording) and not NUMBER.search(wording):
            wording = re.sub(rf"\(?\b{label}\b[^)]*\)?", f"with {meaning}", wording)
    bare = re.sub(r"^(?:if|when)\s+", "", wording.strip(), flags=re.I)
    none, every = re.match(r"(?:no|none of)\b", bare, re.I), re.match(r"(?:every|all|each)\b", bare, re.I)
    if _TURNED.search(bare):
        return None
    best, score = None, 0.0
    for table in tables:
        cases: list[tuple[Test, ...]] = []
        grounds = 1.0
        for part in re.split(r",?\s+or\s+", wording):
            found, sure = _tests(part, table, frozenset(known))
            cases += found
            grounds = min(grounds, sure)
        if cases and grounds > score:
            best, score = (
                Predicate(text, table.name, tuple(dict.fromkeys(cases)), "none" if none else "every" if every else "some"),
                grounds,
            )
    return best


def _tests(text: str, table: Table, defined: frozenset[str]) -> tuple[list[tuple[Test, ...]], float]:
    """(cases of one part, how much of the columns' names its words name at least); 0 where a number or label finds no column."""
    numbers: list[Test] = []
    labels: dict[str, list[Test]] = {}
    sure = 1.0
    for match in NUMBER.finditer(text):
        column, share = _column(_about(text, match), [c for c in table.columns if not _NAMES.search(c)])
        sure = min(sure, share)
        numbers.append(Test(column, WORDS[match["op"].lower()], _number(match, column)))
    for match in LABEL.finditer(text):
        if (test := _labelled(text, match, table)) is not None:
            labels.setdefault(test.column, []).append(test)
        elif match[0] not in defined:
            return [], 0.0
    if not numbers and not labels:
        return [], 0.0
    rank = next((c for c in table.columns if c.endswith("_rank") and c[:-5] in text.lower()), None)
    if rank and re.search(r"(?i)\b(latest|newest)\b", text):
        numbers.append(Test(rank, "=", 1.0))
    # A column holds one label at a time: "CRITICAL and URGENT errors" are those of either.
    return [tuple(dict.fromkeys((*numbers, *chosen))) for chosen in itertools.product(*labels.values())], sure


def _number(match: re.Match[str], column: str) -> float:
    number, unit = float(match["number"].replace(",", "")), (match["unit"] or "").lower()
    if column.endswith("_ms") and unit in ("s", "second", "seconds"):
        number *= 1000
    return number


def _about(text: str, match: re.Match[str]) -> list[set[str]]:
    """The words that may name what a number measures: those after it, those before it, and both."""
    after = re.split(r"[,;()<>]|\b(?:and|with|or)\b", text[match.end() :])[0]
    before = re.split(r"[,;()]|\b(?:and|with|or|if)\b", text[: match.start()])[-1]
    return [stems(before) | stems(after), stems(after), stems(before)]


def stems(text: str) -> set[str]:
    """The words of a text, cut to what they have in common with their other forms."""
    found = set()
    for word in re.findall(r"[a-z0-9]+", text.lower().replace("_", " ")):
        if word not in _STOP:
            cut = word[:-3] + "y" if word.endswith("ies") else re.sub(r"(ing|es|s|ed|ity)$", "", word) if len(word) > 4 else word
            found.add(_SAME.get(word, _SAME.get(cut, cut)))
    return found


def _column(words: list[set[str]], columns: Sequence[str]) -> tuple[str, float]:
    """The column most of whose name is among the words, and how much of it; ("", 0) where no column has half of its name there."""
    best, score = "", (0, 0.0)
    for column in columns:
        own = stems(column)
        for around in words:
            shared = len(own & around)
            if shared and 2 * shared >= len(own) and (shared, shared / len(own)) > score:
                best, score = column, (shared, shared / len(own))
    return best, score[1]


def _labelled(text: str, match: re.Match[str], table: Table) -> Test | None:
    label = match[0]
    if label in table.labels:
        return Test(table.labels[label], "=", label)
    family = {column for name, column in table.labels.items() if name.startswith(f"{label}_")}
    if len(family) == 1:
        return Test(family.pop(), "starts", f"{label}_")
    near = stems(label) | stems(" ".join(re.findall(r"\w+", text[match.end() :])[:2]))
    column, _ = _column([near], [c for c in table.columns if stems(c) & stems(label)])
    return Test(column, "=", label) if column else None

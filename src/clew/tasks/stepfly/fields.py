"""What a step's code yields, read from the code itself: columns, the labels that it writes into them, ratios described in comments."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from clew.tasks.stepfly.guide import Block, Step

Row = Mapping[str, Any]
_QUOTED = re.compile(r"--[^\n]*|'(?:[^']|'')*'")
_CASE = re.compile(r"'(?:[^']|'')*'|--[^\n]*|\b(CASE|END)\b(?:\s+(?:AS\s+)?(\w+))?", re.I)
_LABEL = re.compile(r"(?:THEN|ELSE)\s+'([A-Z][A-Z0-9_]+)'", re.I)
_STATUS = re.compile(r"(?im)^[#\s\d.]*if\s+(?P<condition>[^\n]*?):?\s*\n[#\s]*status\s*=\s*'(?P<label>[A-Z][A-Z0-9_]+)'")
_GROUP = re.compile(r"(?i)\bgroup by\s+(\w+(?:\s*(?:,|and|,\s*and)\s+\w+)*)")
_RATIO = re.compile(r"(?i)(?P<name>\w+)\s*=\s*\(\s*(?P<value>[A-Z][A-Z0-9_]+)\s+(?P<unit>\w+)\s*/\s*total\s+(?P=unit)\s*\)\s*\*\s*100")


@dataclass(frozen=True, slots=True)
class Ratio:
    """A share in per cent by group: of the units (by their id), those with a value, among all. From a comment in a step's code."""

    name: str
    value: str
    unit: str
    per: tuple[str, ...]

    def of(self, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """(columns, rows) of the shares. A unit is counted once where the rows carry its id, else every row is one."""
        place = {column: i for i, column in enumerate(columns)}
        key = next((place[c] for c in (f"{self.unit.rstrip('s')}_id", f"{self.unit}_id") if c in place), None)
        seen: dict[tuple[Any, ...], set[Any]] = {}
        good: dict[tuple[Any, ...], set[Any]] = {}
        for number, row in enumerate(rows):
            group, unit = tuple([row[place[c]] for c in self.per]), number if key is None else row[key]
            seen.setdefault(group, set()).add(unit)
            if self.value in row:
                good.setdefault(group, set()).add(unit)
        found = [(*g, 100.0 * len(good.get(g, ())) / len(units), len(units)) for g, units in seen.items()]
        return (*self.per, self.name, f"{self.unit}_count"), found


@dataclass(frozen=True, slots=True)
class Table:
    """One result of a step: its columns, and which labels stand in which of them."""

    name: str
    columns: tuple[str, ...]
    labels: Mapping[str, str] = field(default_factory=dict)  # label -> column


def tables(step: Step) -> list[Table]:
    """The results of a step's queries, and the ratios that its code describes over the first of them."""
    found = []
    for block in queries(step):
        columns = selected(block.code)
        found.append(Table(named(step, block), columns, {k: v for k, v in labels(block.code).items() if v in columns}))
    for ratio in ratios(step):
        if found and set(ratio.per) <= set(found[0].columns):
            found.append(Table(ratio.name, (*ratio.per, ratio.name, f"{ratio.unit}_count")))
    return found


def queries(step: Step) -> list[Block]:
    """The step's blocks that ask a database."""
    return [b for b in step.blocks if b.language in ("sql", "sqlite", "postgres", "postgresql") or (not b.language and _asks(b.code))]


def named(step: Step, block: Block) -> str:
    """The id of the plugin that is made of a block: its tag, or the step with the block's place."""
    place = queries(step).index(block) + 1
    return block.name.lower() or f"{step.id.lower()}_query_{place}"


def _asks(code: str) -> bool:
    return re.match(r"(?is)\s*(with|select)\b", code) is not None


def selected(sql: str) -> tuple[str, ...]:
    """The columns of the outermost SELECT, by alias or name; `*` stands for itself."""
    bare = _QUOTED.sub(lambda m: "" if m[0].startswith("--") else "''", sql)
    depth, cuts, start, words = 0, [], None, list(re.finditer(r"[()]|,|\b(?:SELECT|FROM)\b", bare, re.I))
    for match in words:
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        if depth == 0 and match[0].upper() == "SELECT":
            cuts, start = [match.end()], match
        elif depth == 0 and start is not None and match[0] in (",",) and len(cuts) and cuts[-1] != -1:
            cuts.append(match.start())
        elif depth == 0 and start is not None and match[0].upper() == "FROM" and cuts[-1] != -1:
            cuts += [match.start(), -1]
    if start is None:
        return ()
    edges = [c for c in cuts if c != -1]
    parts = [bare[a:b].strip(", \n\t") for a, b in zip(edges, [*edges[1:], len(bare)], strict=True)][: max(1, len(edges) - 1)]
    return tuple([p.split()[-1].split(".")[-1] for p in (re.sub(r"(?i)^distinct\s+", "", part) for part in parts) if p])


def labels(sql: str) -> dict[str, str]:
    """The texts in capitals that CASE expressions give, with the column that each is put in."""
    found, opened = {}, []
    for match in _CASE.finditer(sql):
        if match[1] is None:
            continue
        if match[1].upper() == "CASE":
            opened.append(match.start())
        elif opened:
            inside = sql[opened.pop() : match.start()]
            if match[2] and match[2].upper() not in ("THEN", "ELSE", "WHEN", "AND", "OR"):
                found |= dict.fromkeys(_LABEL.findall(inside), match[2])
    return found


def definitions(step: Step) -> dict[str, str]:
    """Labels that a comment in the step's code defines: label -> condition."""
    code = "\n".join(b.code for b in step.blocks)
    return {m["label"]: m["condition"] for m in _STATUS.finditer(code)}


def ratios(step: Step) -> list[Ratio]:
    """Shares that a comment in the step's code describes, by the groups that one describes."""
    code = "\n".join(b.code for b in step.blocks if b not in queries(step))
    groups = _GROUP.search(code)
    per = tuple(re.split(r"\s*(?:,\s*and|,|\band\b)\s*", groups[1])) if groups else ()
    return [Ratio(m["name"], m["value"], m["unit"], per) for m in _RATIO.finditer(code)]

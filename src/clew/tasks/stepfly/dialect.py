"""A guide's SQL, spoken to SQLite: the words of PostgreSQL that guides use, put in SQLite's own, at the connection.

The query of a plugin is never touched; this is the driver's part, as an ODBC bridge would do it. Everything becomes built-in
functions, so a running query holds no lock of Python and queries of several threads run at once.
"""

import re
from collections.abc import Callable

from clew.errors import UsageError

UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_SKIP = r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\"[^\"]*\""


def spoken(sql: str) -> str:
    """The same query in SQLite's words; what is SQLite's already stays as it is. UsageError at an unbalanced parenthesis."""
    out, at = [], 0
    while match := _CALL.search(sql, at):
        out.append(sql[at : match.start()])
        if match["name"] is None:
            out.append(match[0])
            at = match.end()
            continue
        close = _closing(sql, match.end() - 1)
        rest = sql[close + 1 :]
        within, over = _WITHIN.match(rest), None
        tail = ""
        if within:
            end = _closing(rest, within.end() - 1)
            tail, rest = rest[within.end() : end], rest[end + 1 :]
        if over := _OVER.match(rest):
            end = _closing(rest, over.end() - 1)
            window, rest = rest[: end + 1], rest[end + 1 :]
        else:
            window = ""
        given = [spoken(part.strip()) for part in _parts(sql[match.end() : close], ",")]
        out.append(WORDS[match["name"].upper()]([g for g in given if g], spoken(tail), window))
        at = len(sql) - len(rest)
    return "".join(out) + sql[at:]


def _closing(sql: str, opened: int) -> int:
    depth = 0
    for match in re.finditer(rf"{_SKIP}|[()]", sql[opened:], re.S):
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        if depth == 0 and match[0] == ")":
            return opened + match.start()
    raise UsageError(f"a parenthesis is never closed: {sql[opened : opened + 60]!r}")


def _parts(sql: str, mark: str) -> list[str]:
    """The text cut at a mark (a comma, or ` - `) that stands in no parenthesis and no string."""
    depth, last, found = 0, 0, []
    for match in re.finditer(rf"{_SKIP}|[()]|{re.escape(mark)}", sql, re.S):
        if match[0] == mark and depth == 0:
            found.append(sql[last : match.start()])
            last = match.end()
        depth += {"(": 1, ")": -1}.get(match[0], 0)
    return [*found, sql[last:]]


def _truncated(given: list[str], tail: str, over: str) -> str:
    count, _, unit = given[0].strip("'").rpartition(" ")
    if unit.rstrip("s") not in UNITS:
        raise UsageError(f"DATE_TRUNC knows {', '.join(UNITS)}, or a number of them; got {given[0]}")
    seconds = int(count or 1) * UNITS[unit.rstrip("s")]
    return f"datetime(unixepoch({given[1]}) / {seconds} * {seconds}, 'unixepoch')"


def _deviation(given: list[str], tail: str, over: str) -> str:
    x = given[0]
    squares, count, mean = f"sum(({x}) * ({x})){over}", f"count({x}){over}", f"avg({x}){over}"
    return f"sqrt(max(0, {squares} - {count} * {mean} * {mean}) / nullif({count} - 1, 0))"


def _slope(given: list[str], tail: str, over: str) -> str:
    y, x = given
    n, mean = f"count({y}){over}", f"avg({x}){over}"  # taken from the mean, as seconds since 1970 squared would lose the digits
    return f"((sum(({x}) * ({y})){over} - {n} * {mean} * avg({y}){over}) / nullif(sum(({x}) * ({x})){over} - {n} * {mean} * {mean}, 0))"


def _epoch(given: list[str], tail: str, over: str) -> str:
    inside = re.sub(r"(?i)^EPOCH\s+FROM\s+", "", given[0]).strip()
    if inside.startswith("(") and _closing(inside, 0) == len(inside) - 1:
        inside = inside[1:-1]
    return "(" + " - ".join(f"unixepoch({part.strip()})" for part in _parts(inside, " - ")) + ")"


WORDS: dict[str, Callable[[list[str], str, str], str]] = {
    "DATE_TRUNC": _truncated,
    "PERCENTILE_CONT": lambda g, tail, over: (
        f"percentile_cont({', '.join([re.sub(r'(?i)^ *ORDER +BY +', '', tail)] * bool(tail) + g)}){over}"
    ),
    "STDDEV": _deviation,
    "STDDEV_SAMP": _deviation,
    "SPLIT_PART": lambda g, tail, over: f"""json_extract('["' || replace({g[0]}, {g[1]}, '","') || '"]', '$[{int(g[2]) - 1}]')""",
    "EXTRACT": _epoch,
    "NOW": lambda g, tail, over: "datetime('now')",
    "LEAST": lambda g, tail, over: f"min({', '.join(g)})",
    "GREATEST": lambda g, tail, over: f"max({', '.join(g)})",
    "REGR_SLOPE": _slope,
}
_CALL = re.compile(rf"{_SKIP}|\b(?P<name>{'|'.join(WORDS)})\s*\(", re.S | re.I)
_WITHIN = re.compile(r"\s*WITHIN\s+GROUP\s*\(", re.I)
_OVER = re.compile(r"\s*OVER\s*\(", re.I)

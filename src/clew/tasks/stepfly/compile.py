"""From a guide's text to a task, by way of the Mentor: linted, amended by what a person accepts, and only then compiled."""

from collections.abc import Callable, Mapping
from typing import Any

from clew.errors import UsageError
from clew.tasks.graph import TaskGraph
from clew.tasks.stepfly.guide import read
from clew.tasks.stepfly.mentor import Issue, Report, amended, lint
from clew.tasks.stepfly.plan import CAP, graph
from clew.tasks.stepfly.rules import RULES, Sources

# What no executor could get over: a plan made of such a guide would fail, or never end. The other notes are a person's to weigh.
BLOCKING = frozenset(
    {
        *("no steps", "unclosed block", "duplicate step", "unknown step", "no way to the end", "unknown input source"),
        *("missing schema", "ambiguous column", "query cannot run"),
    }
)


def nothing(issue: Issue) -> bool:
    """Accepts no note."""
    return False


def mechanical(issue: Issue) -> bool:
    """Accepts every note that says what to write instead."""
    return issue.fix is not None


def task(
    text: str,
    incident: str,
    database: str,
    *,
    id: str = "stepfly",
    accept: Callable[[Issue], bool] = nothing,
    plan: Mapping[str, Any] | None = None,
    cap: int = CAP,
) -> tuple[TaskGraph, Report]:
    """(the task, what the Mentor noted on the guide as it was). UsageError where, after what was accepted, a note remains that blocks."""
    sources = Sources(database)
    report = lint(text, RULES, sources)
    accepted = [issue for issue in report.issues if accept(issue)]
    final = amended(text, accepted) if accepted else text
    left = [i for i in lint(final, RULES, sources).issues if i.issue_type in BLOCKING]
    if left:
        more = f" (and {len(left) - 1} more)" if len(left) > 1 else ""
        raise UsageError(f"line {left[0].line_number}: {left[0].issue_type}: {left[0].description} {left[0].suggestion}{more}")
    return graph(read(final), incident, database, id=id, plan=plan, cap=cap), report

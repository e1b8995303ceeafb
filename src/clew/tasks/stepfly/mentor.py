"""Mentor: reads a guide before it is compiled and notes what would make it misread, in five categories, each with its line.

Rules, no model: clarity and precision (CP), control flow (CF), data flow (DF), database instruction (DI), presentation and
structure (PS). With a model, `advised` adds what it notes. Notes are advice: a person accepts some, `amended` applies those
that say what to write instead.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clew.errors import ModelError
from clew.models import Models
from clew.models.forms import Form
from clew.privacy import gated
from clew.tasks.stepfly.guide import Guide, read

CATEGORIES = {
    "CP": "Clarity and Precision",
    "CF": "Control Flow",
    "DF": "Data Flow",
    "DI": "Database Instruction",
    "PS": "Presentation and Structure",
}
PROMPT = Path(__file__).with_name("mentor.md").read_text(encoding="utf-8")
MOST = 20  # notes that a model may give on one step


@dataclass(frozen=True, slots=True)
class Issue:
    """One note: where, of which category, what is wrong, what to do; and what to write instead, where that can be said."""

    line_number: int
    category: str  # a key of CATEGORIES
    issue_type: str
    description: str
    suggestion: str
    fix: tuple[str, str] | None = None  # (what the line says, what it should say)


Rule = Callable[[Guide, "Sources"], Iterator[Issue]]


@dataclass(frozen=True, slots=True)
class Sources:
    """What a guide may rest on beside itself: a database's file to try its queries on, and names that the caller provides."""

    database: str | None = None
    provided: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Report:
    """All notes on a guide, by line."""

    guide: str
    issues: tuple[Issue, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many there are of each category, none left out."""
        return {**dict.fromkeys(CATEGORIES, 0), **Counter(i.category for i in self.issues)}

    def annotated(self) -> str:
        """The guide with each note under its line, as a comment that Markdown does not show."""
        by: dict[int, list[Issue]] = {}
        for issue in self.issues:
            by.setdefault(issue.line_number, []).append(issue)
        lines = []
        for number, line in enumerate(self.guide.splitlines(), 1):
            lines.append(line)
            lines += [f"<!-- {i.category}: {i.issue_type}. {i.description} {i.suggestion} -->" for i in by.get(number, ())]
        return "\n".join(lines) + "\n"


def lint(text: str, rules: Sequence[Rule], sources: Sources | None = None) -> Report:
    """The notes of these rules on a guide; see `rules.RULES` for all of them."""
    guide = read(text)
    found = [issue for rule in rules for issue in rule(guide, sources or Sources())]
    return Report(text, tuple(sorted(dict.fromkeys(found), key=lambda i: (i.line_number, i.category, i.issue_type))))


def amended(text: str, accepted: Iterable[Issue]) -> str:
    """The guide with the notes that a person accepted carried out, line by line; those that say no new wording change nothing."""
    lines = text.splitlines()
    for issue in accepted:
        if issue.fix is not None:
            at = issue.line_number - 1
            lines[at] = re.sub(rf"(?<![\w.{{]){re.escape(issue.fix[0])}(?![\w}}])", lambda _, new=issue.fix[1]: new, lines[at])
    return "\n".join(lines) + "\n"


def advised(text: str, models: Models) -> tuple[Issue, ...]:
    """What a model notes, step by step, through the gate; a note on a line that the step has not, or of no category, is left out.

    () where no model is connected. An answer in no valid form gives no notes on that step.
    """
    asker = gated(models, models.gate).asker
    if asker is None:
        return ()
    guide, found = read(text), list[Issue]()
    lines = text.splitlines()
    ends = [*(s.line for s in guide.steps[1:]), len(lines) + 1]
    for step, end in zip(guide.steps, ends, strict=True):
        shown = "\n".join(f"{n}: {lines[n - 1]}" for n in range(step.line, end))
        prompt = PROMPT.format(categories="\n".join(f"{k}: {v}" for k, v in CATEGORIES.items()), step=shown)
        form = _form(step.line, max(step.line, end - 1))
        try:
            found += form.parse(asker.ask(prompt, form.schema, form.max_tokens).text)
        except ModelError:
            continue
    return tuple(found)


def _form(first: int, last: int) -> Form:
    text = {"type": "string", "maxLength": 300}
    fields: dict[str, Any] = {
        "line_number": {"type": "integer", "minimum": first, "maximum": last},
        "category": {"type": "string", "enum": list(CATEGORIES)},
        "issue_type": text,
        "description": text,
        "suggestion": text,
    }
    item = {"type": "object", "properties": fields, "required": list(fields)}
    issues = {"type": "array", "items": item, "minItems": 0, "maxItems": MOST}
    schema = {"type": "object", "properties": {"issues": issues}, "required": ["issues"]}
    return Form("records", schema, lambda found: [Issue(**{k: i[k] for k in fields}) for i in found["issues"]], 4000)


def packed(report: Report) -> str:
    """The report as JSON: issues and counts."""
    issues = [
        {name: getattr(i, name) for name in ("line_number", "category", "issue_type", "description", "suggestion")} for i in report.issues
    ]
    return json.dumps({"issues": issues, "counts": report.counts}, ensure_ascii=False, indent=1)

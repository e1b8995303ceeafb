"""Query preparation plugins: a guide's code blocks with their parameters taken out, to be filled in again and nothing else.

The text between the parameters is the guide's, to the character. Values that a query has written out (a time, a region) become
parameters too, with what was written as their default: filled with its defaults, every template is the original again.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from clew.errors import UsageError
from clew.tasks.stepfly.fields import named, queries
from clew.tasks.stepfly.guide import Guide, Step

IMPLICIT = ("environment", "region", "service_name", "service", "cluster", "tenant", "datacenter")  # what incidents differ in, beside time
PLACEHOLDER = re.compile(r"\{([A-Za-z_]\w*)\}")
_TIME = r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"
_WRITTEN = re.compile(
    rf"(?P<after>(?:\bBETWEEN\s+|>=?\s*)')(?P<since>{_TIME})(?=')|(?P<before>(?:'\s+AND\s+|<=?\s*)')(?P<until>{_TIME})(?=')"
    r"|(?P<equal>\b(?P<column>\w+)\s*=\s*')(?P<value>[^'{}]+)(?=')",
    re.I,
)
_FILLED = re.compile(r"\b(\w+)\s*=\s*'\{")
_LISTED = re.compile(r"^`(?P<name>\w+)`\s*:\s*(?P<told>.+)$")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One blank of a template."""

    name: str
    type: str  # time, text or number
    description: str = ""
    required: bool = True
    default_value: str | None = None


@dataclass(frozen=True, slots=True)
class Plugin:
    """A code block ready to be asked again with other parameters."""

    plugin_id: str
    step_reference: str
    language: str
    description: str
    parameters: tuple[Parameter, ...]
    original_code: str
    templated_code: str

    def filled(self, values: Mapping[str, Any]) -> str:
        """The query with its parameters filled in. UsageError where one is missing or of the wrong type.

        A quote in a value is doubled, so that it stays within the literal it was put in; times are written as databases compare them.
        """
        given: dict[str, str] = {}
        for parameter in self.parameters:
            value = values.get(parameter.name)
            if value is None:
                if parameter.default_value is None:
                    raise UsageError(
                        f"{self.plugin_id} needs {parameter.name} ({parameter.type}); given were {', '.join(values) or 'none'}"
                    )
                given[parameter.name] = parameter.default_value
            else:
                given[parameter.name] = written(parameter, value)
        return PLACEHOLDER.sub(lambda m: given.get(m[1], m[0]), self.templated_code)


def unpacked(found: Mapping[str, Any]) -> Plugin:
    """A plugin back from a node's inputs."""
    return Plugin(**{**found, "parameters": tuple([Parameter(**p) for p in found["parameters"]])})


def written(parameter: Parameter, value: Any) -> str:
    """A value as it stands in a query."""
    if parameter.type == "number":
        if isinstance(value, bool) or not re.fullmatch(r"-?\d+(?:\.\d+)?", str(value)):
            raise UsageError(f"{parameter.name} must be a number, got {value!r:.60}")
        return str(value)
    if parameter.type == "time" and isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError as error:
            raise UsageError(f"{parameter.name} must be an ISO time such as 2024-01-20T06:30:00Z, got {value!r:.60}") from error
        moment = moment.astimezone(UTC) if moment.tzinfo else moment
        return f"{moment:%Y-%m-%d %H:%M:%S}"
    return str(value).replace("'", "''")


def plugins(guide: Guide) -> list[Plugin]:
    """One plugin for each block of the guide that asks a database, in order."""
    described = {m["name"]: m["told"] for step in guide.steps for s in step.sentences if s.item and (m := _LISTED.match(s.text))}
    return [plugin for step in guide.steps for plugin in of_step(step, described, varying(guide))]


def varying(guide: Guide) -> frozenset[str]:
    """The columns whose values differ from incident to incident: those known to, and those that some query compares with a blank."""
    return frozenset(IMPLICIT) | {
        column.lower() for step in guide.steps for block in queries(step) for column in _FILLED.findall(block.code)
    }


def of_step(step: Step, described: Mapping[str, str], columns: frozenset[str]) -> list[Plugin]:
    """The plugins of one step; `described` says what is known of parameters by name, `columns` which values are parameters."""
    found = []
    for block in queries(step):
        template, defaults = templated(block.code, columns)
        names = dict.fromkeys(PLACEHOLDER.findall(template))
        parameters = [
            Parameter(name, _type(name, template), described.get(name, ""), name not in defaults, defaults.get(name)) for name in names
        ]
        found.append(Plugin(named(step, block), step.id, block.language or "sql", step.title, tuple(parameters), block.code, template))
    return found


def written_out(code: str, columns: frozenset[str]) -> list[tuple[str, str, tuple[int, int]]]:
    """(parameter, value, where it stands) of every time, and of every value of these columns, that a query has written out."""
    found = []
    for match in _WRITTEN.finditer(code):
        if match["since"]:
            found.append(("start_time", match["since"], match.span("since")))
        elif match["until"]:
            found.append(("end_time", match["until"], match.span("until")))
        elif match["column"].lower() in columns:
            found.append((match["column"].lower(), match["value"], match.span("value")))
    return found


def templated(code: str, columns: frozenset[str] = frozenset(IMPLICIT)) -> tuple[str, dict[str, str]]:
    """(the code with what is written out as placeholders, what was written there).

    Where two values, or a blank and a value, claim one name, the later ones stay as they are.
    """
    defaults: dict[str, str] = {}
    parts, last = [], 0
    for name, value, (start, end) in written_out(code, columns):
        if f"{{{name}}}" in code or defaults.setdefault(name, value) != value:
            continue
        parts += [code[last:start], f"{{{name}}}"]
        last = end
    return "".join(parts) + code[last:], defaults


def listed(step: Step) -> list[str]:
    """The parameters that a step says are to be collected: list items that begin with a name in backticks."""
    return [m["name"] for s in step.sentences if s.item and (m := _LISTED.match(s.text))]


def _type(name: str, template: str) -> str:
    if re.search(r"(?:time|date|timestamp)$", name):
        return "time"
    quoted = re.search(rf"'[^'\n]*\{{{name}\}}", template)
    return "text" if quoted else "number"

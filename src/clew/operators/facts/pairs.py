"""Texts of keys and values, as tools give them: JSON, or lines "key: value"."""

import re

from clew.operators.facts.fact import Fact
from clew.operators.slots.statement import Statement

_LINE = re.compile(
    r"^[ \t]*[-*•]?[ \t]*\"?(?P<key>[A-Za-z][A-Za-z0-9 _/-]{1,40}?)\"?[ \t]*[:=][ \t]+(?P<value>[^\n]{1,200}?)[ \t]*,?$", re.MULTILINE
)
_JSON = re.compile(r'"(?P<key>[A-Za-z][\w /-]{0,40})"\s*:\s*(?P<value>"(?:[^"\\]|\\.){1,200}"|-?\d[\d.eE+-]*|true|false)')
_SUBJECT = re.compile(r"^(?:name|title|id|order_id|order|customer|user|product|item|.*_id)$", re.IGNORECASE)


def structured(text: str) -> bool:
    """Whether a text is JSON or mostly lines of "key: value"."""
    if text.lstrip()[:1] in ("{", "["):
        return bool(_JSON.search(text))
    if ":" not in text and "=" not in text:
        return False
    lines = [line for line in text.splitlines() if line.strip()]
    return len(lines) > 1 and sum(bool(_LINE.match(line)) for line in lines) * 2 > len(lines)


def facts(text: str, source: str) -> list[Fact]:
    """A fact for each key with a plain value: of the thing that the nearest name or id before it names, else of the source."""
    found: list[Fact] = []
    subject = source
    for match in (_JSON if text.lstrip()[:1] in ("{", "[") else _LINE).finditer(text):
        key, value = " ".join(match["key"].replace("_", " ").split()), match["value"].strip('" ')
        if not value:
            continue
        if _SUBJECT.match(match["key"]):
            subject = value
        start, end = match.span()
        kind = "quantity" if re.fullmatch(r"-?[\d.,]+%?", value) else "state"
        of = f" of {subject}" if subject not in (source, value) else ""
        statement = Statement(subject.casefold(), key.casefold(), value, start, end, kind, single=bool(of))
        found.append(Fact(statement, f"The {key}{of} is {value.rstrip('.')}.", (subject,) if of else (), source, True, ((start, end),)))
    return found

"""The catalogue of memory systems: what each recipe's header says, in the words of three surveys, to be listed and filtered.

Forms, functions and dynamics are those of *Memory in the Age of AI Agents* (arXiv:2512.13564), quadrants those of *From
Human Memory to AI Memory* (arXiv:2504.15965), groups those of *The AI Hippocampus* (arXiv:2601.09113).
"""

import importlib.util
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from clew.errors import UsageError
from clew.models import entry_points
from clew.recipe import GROUP, header, names

# What may be filtered by: the header's field, and the words that it may hold (None: any).
FIELDS: Mapping[str, tuple[str, frozenset[str] | None]] = {
    "form": ("Forms", frozenset({"token", "latent", "parametric"})),
    "function": ("Functions", frozenset({"factual", "experiential", "working"})),
    "formation": (
        "Formation",
        frozenset(
            {
                "raw",
                "semantic summarization",
                "knowledge distillation",
                "structured construction",
                "latent representation",
                "parametric internalization",
            }
        ),
    ),
    "evolution": ("Evolution", frozenset({"consolidation", "updating", "forgetting", "none"})),
    "retrieval": (
        "Retrieval",
        frozenset(
            {
                "timing and intent",
                "decomposition",
                "rewriting",
                "lexical",
                "semantic",
                "graph",
                "generative",
                "hybrid",
                "rerank and filter",
                "aggregate and compress",
            }
        ),
    ),
    "quadrant": ("Quadrant", frozenset({"I", "II", "III", "IV", "V", "VI", "VII", "VIII"})),
    "group": ("Group", frozenset({"implicit", "explicit", "agentic"})),
    "paper": ("Paper", None),
    "name": ("Name", None),
}
QUADRANTS = {
    "I": "personal, non-parametric, short (conversational)",
    "II": "personal, non-parametric, long (episodic)",
    "III": "personal, parametric, short (contextual)",
    "IV": "personal, parametric, long (identity)",
    "V": "system, non-parametric, short (working)",
    "VI": "system, non-parametric, long (procedural)",
    "VII": "system, parametric, short (attention)",
    "VIII": "system, parametric, long (semantic)",
}
_NOTE = re.compile(r"\s*\([^)]*\)")
Entry = Mapping[str, str]


def entries() -> dict[str, Entry]:
    """Every recipe there is, by name: its header's facts. No recipe is imported, another package's neither."""
    return {name: {"Name": name, **(header(path) if path else _foreign(name))} for name, path in sorted(names().items())}


def _foreign(name: str) -> dict[str, str]:
    point = next(p for p in entry_points(GROUP) if p.name == name)
    found = importlib.util.find_spec(point.module)
    facts = header(Path(found.origin)) if found is not None and found.origin else {}
    return {"Title": f"{name}: of the package {point.dist.name if point.dist else point.module}", **facts}


def words(entry: Entry, field: str) -> frozenset[str]:
    """The words that an entry has in a field, without what stands in brackets behind them."""
    return frozenset(word.strip() for word in _NOTE.sub("", entry.get(FIELDS[field][0], "")).split(",") if word.strip())


def matching(found: Mapping[str, Entry], wanted: Sequence[str]) -> dict[str, Entry]:
    """The entries for which every FIELD=WORD holds; UsageError for a field or a word that there is not."""
    chosen = dict(found)
    for condition in wanted:
        field, _, word = condition.partition("=")
        if field not in FIELDS or not word:
            raise UsageError(f"a filter is FIELD=WORD with a field out of {', '.join(FIELDS)}; got {condition!r}")
        known = FIELDS[field][1]
        if known is not None and word not in known:
            raise UsageError(f"{field} is one of {', '.join(sorted(known))}; got {word!r}")
        chosen = {
            name: entry
            for name, entry in chosen.items()
            if (word in words(entry, field) if known is not None else word.lower() in entry.get(FIELDS[field][0], "").lower())
        }
    return chosen


def page(found: Mapping[str, Entry]) -> str:
    """The catalogue as a Markdown page: one table to compare by, then a section a system."""
    lines = [
        "# The memory systems",
        "",
        "Made by `clew recipes --markdown` from the headers of the recipes; a test holds it to them. `clew recipes --where FIELD=WORD`",
        f"filters by {', '.join(FIELDS)}. What each of them reaches is in [the table](table.md).",
        "",
        "Forms, functions and dynamics are the terms of arXiv:2512.13564, quadrants (object, form, time) those of arXiv:2504.15965, groups",
        "those of arXiv:2601.09113. A system bears its name when every item of its checklist passes as a test.",
        "",
        "| recipe | function | formation | evolution | retrieval | quadrant | group | model calls | checklist |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    columns = ("Functions", "Formation", "Evolution", "Retrieval", "Quadrant", "Group", "Calls", "Checklist")
    for name, entry in found.items():
        lines.append(f"| [{name}](#{name}) | " + " | ".join(entry.get(key, "") for key in columns) + " |")
    lines += ["", "Quadrants: " + "; ".join(f"{key} {what}" for key, what in QUADRANTS.items()) + ".", ""]
    for name, entry in found.items():
        lines += [f"## {name}", "", entry["Title"], ""]
        lines += [f"- {key}: {entry[key]}" for key in ("Paper", "Code", "Forms", "Differs", "Published", "Results") if entry.get(key)]
        lines.append("")
    return "\n".join(lines)

"""Carries out one step of a guide: its queries on a SQLite file, the tests on what they gave, every edge decided.

What has numbers or labels is decided by tests. Only a condition without any goes to a model, where one is connected, or to a
person; both see the condition, and of each result its shape, its columns and three rows.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from clew.errors import ModelError, ModelUnavailable
from clew.models.forms import Form
from clew.privacy import gated
from clew.tasks.graph import END, Node, Outcome
from clew.tasks.protocols import Job
from clew.tasks.stepfly.database import Result, asked
from clew.tasks.stepfly.extraction import OTHERWISE
from clew.tasks.stepfly.fields import Ratio
from clew.tasks.stepfly.plugins import unpacked
from clew.tasks.stepfly.predicates import Predicate
from clew.tasks.stepfly.results import clipped, stored

PROMPT = Path(__file__).with_name("condition.md").read_text(encoding="utf-8")
ANSWER = Form(
    "choice",
    {
        "type": "object",
        "properties": {"holds": {"type": "string", "enum": ["yes", "no", "unclear"]}},
        "required": ["holds"],
    },
    lambda found: found["holds"],
    60,
)
NEITHER = "none of these"
_GIVEN = r"(?im)^\s*[-*]?\s*`?{name}`?\s*:\s*(?P<value>.+?)\s*$"


class Step:
    """The executor `stepfly`. It keeps nothing: all that it needs is in the node's inputs."""

    def run(self, node: Node, ctx: Job) -> Outcome:
        """Carry out the step; waiting with a question where a parameter is missing or a condition needs a reader."""
        given = node.inputs
        if "collect" in given:
            return _collected(node, ctx)
        tables, references = _results(node, ctx)
        ways = given["ways"]
        texts = [t for way in ways for t, p in zip(way["conditions"], way["predicates"], strict=True) if p is None and t != OTHERWISE]
        judged, tokens = _judged(texts, ctx, references) if texts else ({}, 0)
        if judged is None:
            return Outcome("waiting", _question(node, texts, references), tokens=tokens)
        taken, reasons = _decided(ways, judged, tables)
        found = [_found(f, tables, given["labelled"]) for f in given["findings"]]
        outputs: dict[str, Any] = {"results": references, "findings": [f for f in found if f], "because": reasons}
        outputs["subjects"] = {target: _named(node, target, text, tables) for target, text in reasons.items()}
        if taken.get(END):
            outputs["conclusion"] = _conclusion(node, ctx, tables, reasons)
        return Outcome("finished", outputs, taken, steps=max(1, len(references)), tokens=tokens)


executor = Step()


def _collected(node: Node, ctx: Job) -> Outcome:
    """The parameters that the incident's text names; those it does not, a person is asked for."""
    replies = ctx.reply or {}
    found, missing = {}, []
    for name in node.inputs["collect"]:
        match = re.search(_GIVEN.format(name=re.escape(name)), node.inputs["incident"])
        value = match["value"].strip("`") if match else replies.get(name)
        if value is None:
            missing.append(name)
        else:
            found[name] = value
    if missing:
        return Outcome("waiting", {"question": f"The incident does not say: {', '.join(missing)}. What are they?", "missing": missing})
    return Outcome("finished", {"parameters": found}, {way["target"]: True for way in node.inputs["ways"]})


def _results(node: Node, ctx: Job) -> tuple[dict[str, Result], dict[str, Any]]:
    """(the step's tables by name, whole; their references): each query asked once, each result written to memory once."""
    tables: dict[str, Result] = {}
    references: dict[str, Any] = {}
    for packed in node.inputs["plugins"]:
        plugin = unpacked(packed)
        query = plugin.filled(node.inputs.get("parameters", {}))
        tables[plugin.plugin_id] = asked(node.inputs["database"], query, ctx.cancelled)
        references[plugin.plugin_id] = stored(ctx.clew, ctx.graph.id, tables[plugin.plugin_id], ctx.user, ctx.session)
    for packed in node.inputs["ratios"]:
        ratio = Ratio(**{**packed, "per": tuple(packed["per"])})
        raw = next((t for t in tables.values() if set(ratio.per) <= set(t.columns)), None)
        if raw is not None:
            columns, rows = ratio.of(raw.columns, raw.rows)
            tables[ratio.name] = Result(columns, tuple(rows))
    return tables, references


def _question(node: Node, texts: Sequence[str], references: Mapping[str, Any]) -> dict[str, Any]:
    """What a person is asked: the conditions without tests, with what is shown of the results."""
    if len(texts) == 1:
        return {"question": f"{node.goal}: is it so that {texts[0]}?", "choices": ["yes", "no"], "results": references}
    return {"question": f"{node.goal}: which of these is so?", "choices": [*texts, NEITHER], "results": references}


def _decided(
    ways: Sequence[Mapping[str, Any]], judged: Mapping[str, bool], tables: Mapping[str, Result]
) -> tuple[dict[str, bool], dict[str, str]]:
    """(taken by target, by which condition). Every edge out of the node is decided."""
    taken: dict[str, bool] = {}
    reasons: dict[str, str] = {}
    for way in ways:
        taken[way["target"]] = not way["conditions"]
        for text, packed in zip(way["conditions"], way["predicates"], strict=True):
            if _holds(Predicate.of(packed), tables) if packed else judged.get(text, False):
                taken[way["target"]] = True
                reasons.setdefault(way["target"], text)
    chosen = any(taken[way["target"]] for way in ways if way["conditions"] and way["conditions"] != [OTHERWISE])
    for way in ways:
        if OTHERWISE in way["conditions"]:
            taken[way["target"]] = taken[way["target"]] or not chosen
    return taken, reasons


def _judged(texts: Sequence[str], ctx: Job, references: Mapping[str, Any]) -> tuple[dict[str, bool] | None, int]:
    """(which conditions without tests hold, as a person has answered, else a model says; None where neither can tell; tokens used)."""
    answer = (ctx.reply or {}).get("answer")
    if answer is not None:
        return {text: answer == text or (len(texts) == 1 and answer == "yes") for text in texts}, 0
    asker = gated(ctx.clew.models, ctx.clew.models.gate).asker
    if asker is None:
        return None, 0
    shown, found, tokens = clipped(json.dumps(references, ensure_ascii=False), 4000), dict[str, bool](), 0
    for text in texts:
        try:
            reply = asker.ask(PROMPT.format(condition=text, results=shown), ANSWER.schema, ANSWER.max_tokens)
            tokens += reply.tokens_in + reply.tokens_out
            said = ANSWER.parse(reply.text)
        except (ModelError, ModelUnavailable):
            said = "unclear"
        if said == "unclear":
            return None, tokens  # then a person is asked
        found[text] = said == "yes"
    return found, tokens


def _holds(predicate: Predicate, tables: Mapping[str, Result]) -> bool:
    table = tables.get(predicate.table)
    return table is not None and predicate.holds(table.columns, table.rows)


def _rows(predicate: Predicate, tables: Mapping[str, Result]) -> list[dict[str, Any]]:
    """The rows for which it holds, the worst by its first number first."""
    table = tables[predicate.table]
    rows = predicate.rows(table.columns, table.rows)
    test = next((t for case in predicate.cases for t in case if t.op in (">", ">=", "<", "<=")), None)
    return sorted(rows, key=lambda row: row[test.column], reverse=test.op in (">", ">=")) if test else rows


def _subject(row: Mapping[str, Any], predicate: Predicate, labelled: Sequence[str]) -> dict[str, Any]:
    """Who or what a row is about: its texts that are no label."""
    tests = {t.column for case in predicate.cases for t in case}
    return {column: value for column, value in row.items() if isinstance(value, str) and column not in tests and column not in labelled}


def _found(packed: Mapping[str, Any], tables: Mapping[str, Result], labelled: Sequence[str]) -> dict[str, Any] | None:
    predicate = Predicate.of(packed["predicate"])
    rows = _rows(predicate, tables) if predicate.table in tables else []
    return {"text": packed["text"], "count": len(rows), "subject": _subject(rows[0], predicate, labelled)} if rows else None


def _conclusion(node: Node, ctx: Job, tables: Mapping[str, Result], reasons: Mapping[str, str]) -> dict[str, Any]:
    """What the guide ends with here: by a condition of this step, or by what the steps before have found."""
    way = next(w for w in node.inputs["ways"] if w["target"] == END)
    if way["conditions"]:
        subject = _named(node, END, reasons.get(END, ""), tables)
        return {"step": node.id, "advice": way["advice"], "because": reasons.get(END, ""), "subject": subject, "from": node.id}
    for action in node.inputs.get("actions", ()):
        found = ctx.results.get(action["step"], {}).get("findings") or []
        if found:
            subject = found[0]["subject"]
            return {"step": node.id, "advice": action["advice"], "because": found[0]["text"], "subject": subject, "from": action["step"]}
    for source, outputs in ctx.results.items():
        if node.id in outputs.get("because", {}):  # a condition has led here: that is what is concluded
            because, subject = outputs["because"][node.id], outputs["subjects"][node.id]
            return {"step": node.id, "advice": node.goal, "because": because, "subject": subject, "from": source}
    return {"step": node.id, "advice": "", "because": "no step has found a cause", "subject": {}, "from": ""}


def _named(node: Node, target: str, text: str, tables: Mapping[str, Result]) -> dict[str, Any]:
    """Who or what the condition for a target held of: the first of its rows; {} where a reader of prose decided."""
    for way in node.inputs["ways"]:
        for condition, packed in zip(way["conditions"], way["predicates"], strict=True):
            if way["target"] == target and condition == text and packed is not None:
                predicate = Predicate.of(packed)
                rows = _rows(predicate, tables)
                return _subject(rows[0], predicate, node.inputs["labelled"]) if rows else {}
    return {}

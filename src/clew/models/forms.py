"""The seven families of model calls as JSON schemas: gate, choice, text, texts, records, edit script, scores.

A form is sent as a grammar where the endpoint takes one and checked here in any case: small models break every promise.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clew.errors import ModelError, UsageError

Schema = Mapping[str, Any]
MEANS = {  # what an answer of each family may decide
    "gate": frozenset({"needed", "enough", "same", "apt", "good"}),
    "choice": frozenset({"relation", "label", "best", "labels", "apt"}),
    "text": frozenset({"summary", "answer", "title", "question", "description"}),
    "texts": frozenset({"keywords", "queries", "clues", "sentences", "dates"}),
    "records": frozenset({"note", "triplets", "entities", "facts", "items", "scenarios"}),
    "edits": frozenset({"merge", "revise"}),
    "scores": frozenset({"relevance", "importance"}),
}


@dataclass(frozen=True, slots=True)
class Form:
    """What an answer must look like, and how its JSON becomes the value that operators get."""

    family: str
    schema: Schema
    value: Callable[[Any], Any]
    max_tokens: int  # above the worst case of the schema, so that a valid answer is never cut off
    means: str = ""  # one word for what the answer decides, see `MEANS`: for models that do not read prose

    def __post_init__(self) -> None:
        if self.means and self.means not in MEANS[self.family]:
            raise UsageError(f"a form of family {self.family} means one of {', '.join(sorted(MEANS[self.family]))}; got {self.means!r}")

    def parse(self, text: str) -> Any:
        """The value in a model's answer; ModelError says what is wrong with it."""
        start, end = text.find("{"), text.rfind("}")
        if start < 0 or end < start:
            raise ModelError(f"the answer holds no JSON object: {text[:120]!r}")
        try:
            found = json.loads(text[start : end + 1])
        except (ValueError, RecursionError) as error:
            raise ModelError(f"the answer is not valid JSON ({error}): {text[:120]!r}") from error
        check(found, self.schema, "answer")
        return self.value(found)


def check(value: Any, schema: Schema, where: str) -> None:
    """Raise ModelError where a JSON value breaks the part of JSON Schema that our forms use."""
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
    kind = schema["type"]
    if not isinstance(value, kinds[kind]) or (kind == "integer" and isinstance(value, bool)):
        raise ModelError(f"{where} should be of type {kind}, got {value!r:.80}")
    if "enum" in schema and value not in schema["enum"]:
        raise ModelError(f"{where} should be one of {', '.join(map(str, schema['enum']))}; got {value!r:.80}")
    if kind == "object":
        for name in schema["required"]:
            if name not in value:
                raise ModelError(f"{where} lacks {name!r}")
            check(value[name], schema["properties"][name], f"{where}.{name}")
    if kind == "array":
        if not schema.get("minItems", 0) <= len(value) <= schema["maxItems"]:
            raise ModelError(f"{where} should have {schema.get('minItems', 0)} to {schema['maxItems']} items, got {len(value)}")
        for i, item in enumerate(value):
            check(item, schema["items"], f"{where}[{i}]")
    if kind == "string" and not _encodes(value):
        raise ModelError(f"{where} is not valid Unicode (half of a surrogate pair): {value!r:.80}")
    if kind == "string" and len(value) > schema.get("maxLength", len(value)):
        raise ModelError(f"{where} should have at most {schema['maxLength']} characters, got {len(value)}")
    if kind == "integer" and not schema["minimum"] <= value <= schema["maximum"]:
        raise ModelError(f"{where} should lie between {schema['minimum']} and {schema['maximum']}, got {value}")


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _object(properties: Mapping[str, Schema]) -> Schema:
    return {"type": "object", "properties": dict(properties), "required": list(properties), "additionalProperties": False}


def _string(max_chars: int) -> Schema:
    return {"type": "string", "maxLength": max_chars}


def _array(items: Schema, most: int, least: int = 0) -> Schema:
    return {"type": "array", "items": items, "minItems": least, "maxItems": most}


def gate(means: str = "") -> Form:
    """F1: yes or no; a bool."""
    return Form("gate", _object({"answer": {"type": "string", "enum": ["yes", "no"]}}), lambda v: v["answer"] == "yes", 16, means)


def choice(options: Sequence[str], means: str = "") -> Form:
    """F2: one of these labels or shown ids; a str."""
    schema = _object({"choice": {"type": "string", "enum": list(options)}})
    return Form("choice", schema, lambda v: v["choice"], 16 + max(map(len, options)), means)


def choices(options: Sequence[str], most: int, means: str = "") -> Form:
    """F2: up to so many of these labels or shown ids; a list of str without repeats."""
    schema = _array({"type": "string", "enum": list(options)}, most)
    return Form(
        "choice",
        _object({"choices": schema}),
        lambda v: list(dict.fromkeys(v["choices"])),
        16 + most * (8 + max(map(len, options), default=0)),
        means,
    )


def text(max_chars: int, means: str = "") -> Form:
    """F3: one bounded text."""
    return Form("text", _object({"text": _string(max_chars)}), lambda v: v["text"].strip(), 32 + max_chars, means)


def texts(most: int, max_chars: int, least: int = 0, means: str = "") -> Form:
    """F4: a bounded list of bounded texts."""
    return Form(
        "texts",
        _object({"texts": _array(_string(max_chars), most, least)}),
        lambda v: [t.strip() for t in v["texts"]],
        32 + most * (max_chars + 8),
        means,
    )


def records(fields: Mapping[str, int | Sequence[str] | Schema], most: int, least: int = 0, means: str = "") -> Form:
    """F5: a list of flat records; a field is a text of so many characters, a label out of some, or a schema of its own."""
    properties = {name: _field(spec) for name, spec in fields.items()}
    size = sum(16 + len(name) + _size(spec) for name, spec in fields.items())
    schema = _object({"records": _array(_object(properties), most, least)})
    return Form("records", schema, lambda v: v["records"], 32 + most * size, means)


def record(fields: Mapping[str, int | Sequence[str] | Schema], means: str = "") -> Form:
    """F5 with exactly one record; a dict."""
    properties = {name: _field(spec) for name, spec in fields.items()}
    size = sum(16 + len(name) + _size(spec) for name, spec in fields.items())
    return Form("records", _object(properties), dict, 32 + size, means)


def words(most: int, max_chars: int, least: int = 0) -> Schema:
    """A field that is a list of short texts."""
    return _array(_string(max_chars), most, least)


def edits(operations: Sequence[str], ids: Sequence[str], most: int, max_chars: int, means: str = "") -> Form:
    """F6: a list of {op, target, text} where the target is one of the ids that were shown."""
    item = _object(
        {"op": {"type": "string", "enum": list(operations)}, "target": {"type": "string", "enum": list(ids)}, "text": _string(max_chars)}
    )
    return Form("edits", _object({"edits": _array(item, most)}), lambda v: v["edits"], 32 + most * (max_chars + 60), means)


def scores(ids: Sequence[str], low: int, high: int, means: str = "") -> Form:
    """F7: a small whole number for each id that was shown; a dict."""
    fields = {i: {"type": "integer", "minimum": low, "maximum": high} for i in ids}
    return Form("scores", _object(fields), dict, 16 + sum(len(i) + 8 for i in ids), means)


def _size(spec: int | Sequence[str] | Schema) -> int:
    """Characters that a field's value may take, about; a schema of its own is taken for a list of a few texts."""
    if isinstance(spec, int):
        return spec
    return 200 if isinstance(spec, Mapping) else max(map(len, spec), default=0)


def _field(spec: int | Sequence[str] | Schema) -> Schema:
    if isinstance(spec, int):
        return _string(spec)
    return spec if isinstance(spec, Mapping) else {"type": "string", "enum": list(spec)}

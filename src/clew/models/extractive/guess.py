"""What a call wants decided, where its form does not say; and what its form may name."""

from collections.abc import Mapping, Sequence
from typing import Any

from clew.models import Call
from clew.models.extractive.families import INSERTS, MERGES
from clew.models.extractive.lists import RELATIONS
from clew.models.extractive.material import Material
from clew.models.extractive.records import HEADS, TAILS, THINGS, WORDS
from clew.models.forms import Form

_RELATIONS = frozenset(word for words in RELATIONS.values() for word in words.split())


def named(schema: Mapping[str, Any]) -> list[str]:
    """The labels and ids that an answer of this schema may name, in order, without repeats; for scores the ids."""
    found: dict[str, None] = {}
    parts = [schema]
    while parts:
        part = parts.pop(0)
        for value in part.get("enum", ()):
            found.setdefault(value)
        if part.get("type") == "object":
            if part["properties"] and all(p.get("type") == "integer" for p in part["properties"].values()):
                found |= dict.fromkeys(part["properties"])
            parts += part["properties"].values()
        if part.get("type") == "array":
            parts.append(part["items"])
    return list(found)


def family(schema: Mapping[str, Any]) -> str:
    """The family of a schema made by one of our forms."""
    fields = schema.get("properties", {})
    for name, its in (
        ("answer", "gate"),
        ("choice", "choice"),
        ("choices", "choice"),
        ("text", "text"),
        ("texts", "texts"),
        ("edits", "edits"),
    ):
        if list(fields) == [name]:
            return its
    return "scores" if fields and all(p.get("type") == "integer" for p in fields.values()) else "records"


def means(call: Call, form: Form, seen: Material) -> str:
    """The form's own word, or what the family, the fields and the prompt's name speak for."""
    if form.means == "keywords" and call.prompt.startswith("tag"):
        return "topics"  # tags are broad classes, not words of the text
    return form.means or _GUESSES[form.family](call.prompt.lower(), form.schema, seen)


def _gate(prompt: str, schema: Mapping[str, Any], seen: Material) -> str:
    if not seen.question:
        return "same" if len(seen.pieces) > 1 else "needed"
    return "needed" if all(p.text == seen.question for p in seen.main) else "enough"


def _choice(prompt: str, schema: Mapping[str, Any], seen: Material) -> str:
    options: Sequence[str] = named(schema)
    if any(p.id in options for p in seen.pieces):
        return "apt" if "choices" in schema["properties"] else "best"
    if sum(o.lower() in _RELATIONS for o in options) * 2 >= len(options) and len(seen.pieces) > 1:
        return "relation"
    return "labels" if "choices" in schema["properties"] else "label"


def _text(prompt: str, schema: Mapping[str, Any], seen: Material) -> str:
    for words, its in (
        (("title", "name"), "title"),
        (("question", "query", "rewrite", "refine"), "question"),
        (("descri",), "description"),
    ):
        if any(word in prompt for word in words):
            return its
    return "answer" if seen.question and any(p.text != seen.question for p in seen.main) else "summary"


def _texts(prompt: str, schema: Mapping[str, Any], seen: Material) -> str:
    for word, its in (("tag", "topics"), ("keyword", "keywords"), ("quer", "queries"), ("clue", "clues"), ("date", "dates")):
        if word in prompt:
            return its
    return "queries" if seen.question and all(p.text == seen.question for p in seen.main) else "sentences"


def _records(prompt: str, schema: Mapping[str, Any], seen: Material) -> str:
    part = schema["properties"].get("records")
    fields = set(
        part["items"]["properties"] if part and part.get("type") == "array" and "properties" in part["items"] else schema["properties"]
    )
    if fields & HEADS and fields & TAILS:
        return "triplets"
    if fields & THINGS and not fields & {"text", "fact", "content"}:
        return "entities"
    return "note" if part is None or fields & WORDS else "facts"


def _edits(prompt: str, schema: Mapping[str, Any], seen: Material) -> str:
    operations = {o.lower() for o in schema["properties"]["edits"]["items"]["properties"]["op"]["enum"]}
    return "merge" if operations & MERGES and not operations & INSERTS else "revise"


def _scores(prompt: str, schema: Mapping[str, Any], seen: Material) -> str:
    return "relevance" if seen.question else "importance"


_GUESSES = {"gate": _gate, "choice": _choice, "text": _text, "texts": _texts, "records": _records, "edits": _edits, "scores": _scores}

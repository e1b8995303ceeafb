"""Records out of texts: what each record is about, and how its fields are filled, by their names."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clew.models.extractive import select
from clew.models.extractive.fit import cut
from clew.models.extractive.likeness import Sense, replaces
from clew.models.extractive.material import Material, Piece
from clew.models.extractive.triplets import entities, triplets
from clew.models.extractive.words import dates, greeting, keywords, names, spoken, told
from clew.storage.terms import terms

NAMED = 0.35  # likeness from which a thing shown is named by a record that may name several
WORDS = frozenset("keywords key_words terms queries".split())  # noqa: SIM905 - fields by what they hold
CLASSES = frozenset("tags tag labels topics topic categories category classes themes".split())  # noqa: SIM905
THINGS = frozenset("entities entity people participants persons nodes members names objects".split())  # noqa: SIM905
HEADS = frozenset("subject head source_entity from".split())  # noqa: SIM905
TIES = frozenset("relation predicate verb relationship attribute edge".split())  # noqa: SIM905
TAILS = frozenset("object tail target_entity to value".split())  # noqa: SIM905
TIMES = frozenset("date dates time when since day month year".split())  # noqa: SIM905
SPEAKERS = frozenset("actor who speaker owner person user author".split())  # noqa: SIM905
CALLED = frozenset("name title key heading label aspect".split())  # noqa: SIM905


@dataclass(frozen=True, slots=True)
class Unit:
    """What one record is about."""

    text: str
    name: str = ""
    triplet: tuple[str, str, str] | None = None
    who: str = ""
    when: str = ""
    piece: Piece | None = None


def units(sense: Sense, means: str, seen: Material, most: int) -> list[Unit]:
    """What the records of that meaning are about, in order, at most so many."""
    if means == "note":
        return [Unit(spoken(seen.text) or seen.text)]
    if means == "triplets":
        found = [Unit(", ".join(t), t[0], t) for t in triplets(seen.text)]
        return found[:most]
    if means == "entities":
        text = seen.text if seen.main else seen.question
        return [Unit(_about(sense, name, text), name) for name in entities(text)[:most]]
    if means == "scenarios":
        return _scenes(sense, seen, most)
    return _told(sense, seen, most)


def _about(sense: Sense, name: str, text: str) -> str:
    """The sentence that says most of a thing."""
    wanted = set(terms(name))
    holding = [t for t, *_ in select.looked_at([Piece(None, text, {})]) if wanted <= set(terms(t))]
    return max(holding, key=select.informative) if holding else name


def _told(sense: Sense, seen: Material, most: int) -> list[Unit]:
    """The sentences that tell something, the most telling where there are too many, in order."""
    found = [u for u in select.looked_at(seen.main) if len(terms(u[0])) > 2 and not greeting(u[0]) and not u[0].endswith("?")]
    if len(found) > most:
        score = select.central(sense, [u[0] for u in found], seen.question)
        keep = sorted(range(len(found)), key=lambda i: (-score[i], i))[:most]
        found = [found[i] for i in sorted(keep)]
    made = []
    for text, who, when, piece in found:
        read = triplets(f"{who}: {text}" if who else text)
        made.append(Unit(text, "", read[0] if read else None, who, when, piece))
    return made


def _scenes(sense: Sense, seen: Material, most: int) -> list[Unit]:
    """Runs of sentences about one thing: a new one begins where a sentence is unlike the run before it."""
    runs: list[list[str]] = []
    for text, *_ in select.looked_at(seen.main):
        alike = sense.cosines(text, [" ".join(runs[-1][-3:])])[0] if runs else 0.0
        if runs and (alike >= 0.25 or len(runs[-1]) < 2):
            runs[-1].append(text)
        else:
            runs.append([text])
    while len(runs) > most:
        shortest = min(range(1, len(runs)), key=lambda i: (len(runs[i]) + len(runs[i - 1]), i))
        runs[shortest - 1 : shortest + 1] = [runs[shortest - 1] + runs[shortest]]
    return [Unit(" ".join(run)) for run in runs]


def cited(fields: Mapping[str, Any], seen: Material, most: int) -> list[Unit]:
    """One unit for each thing shown, where each record must name one of them and there may be as many; else none."""
    named = [set(f["enum"]) for f in fields.values() if "enum" in f]
    shown = [p for p in seen.pieces if p.id is not None]
    if len(named) != 1 or not shown or len(shown) > most or not {p.id for p in shown} <= named[0]:
        return []
    return [Unit(spoken(p.text) or p.text, piece=p) for p in shown]


def swapped(text: str) -> tuple[str, str]:
    """(old, new) words of a correction that says which word takes the place of which; empty where it says it otherwise."""
    for pattern, order in _SWAPS:
        if found := pattern.search(text):
            return found[order].strip(" .,!\"'“”‘’"), found[3 - order].strip(" .,!\"'“”‘’")
    return "", ""


_QUOTE = r"[\"'“”‘’]?"
_SWAPS = (  # (pattern, number of the group that holds the old word)
    (
        re.compile(
            rf"\b(?:replace|change|rename|correct) (?:the word |the name )?{_QUOTE}(.{{1,40}}?){_QUOTE} (?:by|with|to|into) {_QUOTE}([^.,;!\n]{{1,40}})",
            re.I,
        ),
        1,
    ),
    (re.compile(rf"\bnot {_QUOTE}([^.,;!\n]{{1,40}}?){_QUOTE},? but (?:rather )?{_QUOTE}([^.,;!\n]{{1,40}})", re.I), 1),
    (re.compile(rf"\b{_QUOTE}(\w[\w-]*){_QUOTE},? (?:and )?not {_QUOTE}(\w[\w-]*)", re.I), 2),
    (re.compile(rf"{_QUOTE}(\w[\w-]*){_QUOTE} (?:should be|is really|is now called|must read) {_QUOTE}(\w[\w-]*)", re.I), 1),
)


def pairs(sense: Sense, schema: Mapping[str, Any], seen: Material) -> list[dict[str, str]]:
    """Records that only name ids: each of the first field with the one of the second that takes its place."""
    (first, one), (second, other) = list(schema["properties"].items())[:2]
    old, new = seen.among(one["enum"]), seen.among(other["enum"])
    found = []
    for piece in old:
        after = [
            p
            for p in new
            if p.id != piece.id and (replaces(p.text, piece.text) or sense.relation(p.text, piece.text) in ("conflict", "update"))
        ]
        if after:
            found.append({first: piece.id or "", second: after[-1].id or ""})
    return found


def filled(sense: Sense, unit: Unit, fields: Mapping[str, Any], seen: Material) -> dict[str, Any]:
    """A record's fields, each by its name and kind."""
    return {name: _field(sense, unit, name, schema, seen, fields) for name, schema in fields.items()}


def _field(sense: Sense, unit: Unit, name: str, schema: Mapping[str, Any], seen: Material, fields: Mapping[str, Any]) -> Any:
    if schema["type"] == "integer":
        return _number(unit, name, schema)
    if schema["type"] == "array":
        return _several(sense, unit, name, schema, seen)
    if "enum" in schema:
        return _one(sense, unit, schema["enum"], seen)
    size = schema.get("maxLength", 400)
    triplet = unit.triplet or ("", "", "")
    if name in ("first", "last", "start", "end", "begins", "ends"):
        words = unit.text.split() if unit.piece is None else unit.piece.text.split()
        return cut(" ".join(words[:6] if name in ("first", "start", "begins") else words[-6:]), size)
    if name in HEADS:
        return cut(triplet[0] or unit.who or next(iter(entities(unit.text)), unit.text), size)
    if name in TIES:
        return cut(triplet[1] or "is about", size)
    if name in TAILS and (triplet[2] or name != "value") and bool(set(fields) & (HEADS | TIES)):
        return cut(triplet[2] or next(iter(keywords(unit.text, 1)), unit.text), size)
    if name in TIMES:
        return cut(next(iter(dates(unit.text)), unit.when[:10]), size)
    if name in SPEAKERS:
        return cut(unit.who or next(iter(names(unit.text)), ""), size)
    if name in WORDS:
        return cut(", ".join(keywords(unit.text, 5)), size)
    if name in CLASSES:
        return cut(", ".join(select.topics(sense, unit.text, 1 if not name.endswith("s") else 3)) or "general", size)
    if name in THINGS or name in CALLED:
        return cut(unit.name or next(iter(keywords(unit.text, 1, size)), unit.text), size)
    if name in ("context", "summary", "description", "gist"):
        return select.summary(sense, [Piece(None, unit.text, {})], size, seen.question, 1 if name == "context" else 2)
    return cut(told(unit.text, unit.who), size)


def _number(unit: Unit, name: str, schema: Mapping[str, Any]) -> int:
    low, high = schema["minimum"], schema["maximum"]
    if name == "depth":
        return low
    return low + round((high - low) * select.importance(unit.text))


def _several(sense: Sense, unit: Unit, name: str, schema: Mapping[str, Any], seen: Material) -> list[Any]:
    inner, most = schema["items"], schema["maxItems"]
    if inner.get("enum"):
        return chosen(sense, unit.text, inner["enum"], seen, most)
    if "enum" in inner or inner["type"] != "string":
        return []
    size = inner.get("maxLength", 40)
    if name in THINGS:
        return [cut(e, size) for e in entities(unit.text)[:most]]
    if name in CLASSES:
        return select.topics(sense, unit.text, min(most, 3))
    if name in TIMES:
        return [cut(d, size) for d in dates(unit.text)[:most]]
    if name in ("sentences", "facts", "points", "texts", "steps"):
        return [cut(t, size) for t, *_ in select.looked_at([Piece(None, unit.text, {})])[:most]]
    return keywords(unit.text, most, size)


def _one(sense: Sense, unit: Unit, options: Sequence[str], seen: Material) -> str:
    if not options:
        return ""
    if any(p.id in options for p in seen.pieces):
        if unit.piece is not None and unit.piece.id in options:
            return unit.piece.id or ""
        shown = seen.among(options)
        near = sense.cosines(unit.text, [p.text for p in shown])
        return shown[max(range(len(near)), key=lambda i: (near[i], -i))].id or ""
    if sum(len(option.split()) for option in options) > 2 * len(options):  # sentences rather than labels: the nearest
        near = sense.cosines(unit.text, options)
        return options[max(range(len(near)), key=lambda i: (near[i], -i))]
    return select.label(sense, unit.text, options)


def chosen(sense: Sense, text: str, options: Sequence[str], seen: Material, most: int) -> list[str]:
    """Those of some ids or labels that a text names or is like, in the order of likeness."""
    if not any(p.id in options for p in seen.pieces):
        return select.labels(sense, text, options, most)
    shown = seen.among(options)
    near = sense.relevance(text, [p.text for p in shown])
    order = sorted(range(len(near)), key=lambda i: (-near[i], i))
    return [shown[i].id or "" for i in order[:most] if near[i] >= NAMED]

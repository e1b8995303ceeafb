"""What a call shows, taken apart: the question, the pieces with their ids, and which of them are only background."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from clew.models import Call, Shown
from clew.models.extractive.words import sentences, spoken

# Placeholders that set the scene: what is made is made of the others, where there are others.
BACKGROUND = frozenset(
    """background known existing neighbours neighbors earlier before previous already ontology options labels outline context
    profile biography so_far seen rules categories groups types""".split()  # noqa: SIM905
)
BODY = ("content", "text", "fact", "statement", "description", "value", "summary", "note")
NEWER = frozenset("new newer fresh note candidate event item message feedback statement latest".split())  # noqa: SIM905
OLDER = frozenset("old older known existing earlier neighbours neighbors before previous others".split())  # noqa: SIM905
_ID = re.compile(r"^(?:id: ?|- )?\[?([0-9a-f]{20})\]?[:,]?[ \t]*", re.MULTILINE)
_MARK = re.compile(r"^(?:id: ?|- )?\[?(\S+?)\]?[:,.)]?[ \t]+", re.MULTILINE)
_FIELD = re.compile(r"^([a-z][a-z_ ]{1,20}): (.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Piece:
    """One thing shown: the id an answer may name it by, its words, and the labelled lines beside them."""

    id: str | None
    text: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Material:
    """A call's values by what they are for."""

    question: str  # "" where nothing is asked
    pieces: tuple[Piece, ...]  # everything shown but the question
    main: tuple[Piece, ...]  # what an answer is made of
    side: tuple[Piece, ...]  # the rest
    values: Mapping[str, tuple[Piece, ...]]  # by placeholder

    @property
    def text(self) -> str:
        """The words that an answer is made of."""
        return "\n".join(p.text for p in self.main)

    def among(self, ids: Iterable[str]) -> list[Piece]:
        """The pieces with these ids, in the order of the ids; one that was not shown is its id's own words."""
        by = {p.id: p for p in self.pieces if p.id is not None}
        return [by.get(i) or Piece(i, i.replace("_", " "), {}) for i in ids]

    def others(self, ids: Iterable[str]) -> list[Piece]:
        """The pieces that have none of these ids."""
        left_out = set(ids)
        return [p for p in self.pieces if p.id not in left_out]


def two(seen: Material) -> tuple[list[Piece], list[Piece]]:
    """What is compared: (the newer, the older), by the names of the placeholders, else the first value and the others."""
    if seen.question and seen.pieces:
        return [Piece(None, seen.question, {})], list(seen.pieces)
    values = {name: list(parts) for name, parts in seen.values.items() if parts}
    if len(values) < 2:
        return list(seen.pieces[:1]), list(seen.pieces[1:])
    first = next((n for n in values if n in NEWER), None) or next((n for n in values if n not in OLDER), next(iter(values)))
    return values.pop(first), [p for parts in values.values() for p in parts]


def material(call: Call, ids: Sequence[str]) -> Material:
    """The values of a call, split at the ids in them; `ids` are those that the answer may name."""
    values = {name: tuple(p for shown in parts for p in pieces(shown, ids)) for name, parts in call.values.items() if name != "question"}
    question = "\n".join(s.text for s in call.values.get("question", ())).strip()
    every = tuple(p for parts in values.values() for p in parts)
    main = tuple(p for name, parts in values.items() if name not in BACKGROUND for p in parts)
    if not any(p.text for p in main):
        main = every if any(p.text for p in every) else (Piece(None, question, {}),) if question else ()
    chosen = {id(p) for p in main}
    return Material(question, every, main, tuple(p for p in every if id(p) not in chosen), values)


def pieces(shown: Shown, ids: Sequence[str]) -> list[Piece]:
    """One thing shown as its pieces: cut where a line begins with an id, in brackets or after `id:`; a memory is one already."""
    text = shown.text
    if shown.id is not None:
        return [described(shown.id, text)]
    marks = [(m.start(), m.end(), m[1]) for m in _ID.finditer(text)]
    if not marks and ids:
        known = frozenset(ids)  # a pattern made of them would be compiled at every call
        marks = [(m.start(), m.end(), m[1]) for m in _MARK.finditer(text) if m[1] in known]
    if not marks:
        return [described(None, text)] if text.strip() else []
    found = [described(None, text[: marks[0][0]])] if text[: marks[0][0]].strip() else []
    ends = [start for start, _, _ in marks[1:]] + [len(text)]
    return found + [described(name, text[after:end]) for (_, after, name), end in zip(marks, ends, strict=True)]


def described(id: str | None, text: str) -> Piece:
    """A piece; where its lines are labelled, its words are those of the label that holds them."""
    found = {m[1]: m[2].strip() for m in _FIELD.finditer(text)} if ": " in text else {}
    body = next((found[name] for name in BODY if found.get(name)), None) if len(found) > 1 else None
    return Piece(id, (body or text).strip(), found)


def units(pieces: Sequence[Piece]) -> list[tuple[str, str, str, Piece]]:
    """(words, who, when, piece) of every sentence of the pieces, in order."""
    return [(s.text, s.who, s.when, p) for p in pieces for s in sentences(p.text)]


def plain(pieces: Sequence[Piece]) -> str:
    """The words of pieces without times and speakers, one a line."""
    return "\n".join(spoken(p.text) for p in pieces)

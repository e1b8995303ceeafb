"""Closed sets of tags that can grow, memories found by tag or by day, and which of some texts a sentence was made from.

Everything here is exact: a tag is one word and equal or not, a day is a date, and a word stands in a text or does not.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from clew.context import Context
from clew.models import forms
from clew.operators.times import when
from clew.storage.terms import terms
from clew.types import Hit, Memory

VERSION = 1
DEFAULT = Path(__file__).with_name("ontology.toml")
KIND = "ontology"  # of memories that hold a tag which a partition added
LONGEST = 24  # characters of a tag
_ONE_WORD = re.compile(r"[^\W_]+(?:-[^\W_]+)*")
Ontology = Mapping[str, Mapping[str, Sequence[str]]]  # category -> subcategory -> tags
Row = tuple[str, list[str]]  # a text and its tags


# -- tags -----------------------------------------------------------------------------------------------------------


@cache
def ontology(path: Path = DEFAULT) -> Ontology:
    """The three levels in a TOML file: a table a category, a list of tags a subcategory."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


def word(text: str) -> str:
    """The tag that a text is, in the form in which equal ones are equal; "" where it is not one word."""
    found = text.strip().strip("#.,;:'\"").lower()
    return found if len(found) <= LONGEST and _ONE_WORD.fullmatch(found) else ""


def node(tag: str) -> str:
    """The name of a tag as a link: memories with it are neighbours."""
    return f"#{tag}"


def every(known: Ontology) -> dict[str, tuple[str, str]]:
    """tag -> (category, subcategory), in the ontology's order; a tag that stands in two places belongs to the first."""
    found: dict[str, tuple[str, str]] = {}
    for category, parts in known.items():
        for part, tags in parts.items():
            for tag in tags:
                found.setdefault(tag, (category, part))
    return found


def places(known: Ontology) -> list[str]:
    """The subcategories as "category/subcategory", in the ontology's order: where a new tag may go."""
    return [f"{category}/{part}" for category, parts in known.items() for part in parts]


def grown(known: Ontology, new: Iterable[tuple[str, str]]) -> dict[str, dict[str, tuple[str, ...]]]:
    """The ontology with these (place, tag) added: one-word tags that are not there yet, in places that there are.

    What does not fit is left out: the levels above are closed, and an old tag keeps its place.
    """
    found = {category: {part: tuple(tags) for part, tags in parts.items()} for category, parts in known.items()}
    held = every(known)
    for where, text in new:
        category, _, part = where.partition("/")
        tag = word(text)
        if tag and tag not in held and part in found.get(category, {}):
            found[category][part] = (*found[category][part], tag)
            held[tag] = (category, part)
    return found


def listed(known: Ontology) -> str:
    """The ontology for a prompt: a line a subcategory, its place and its tags."""
    return "\n".join(f"{category}/{part}: {', '.join(tags)}" for category, parts in known.items() for part, tags in parts.items())


def named(text: str, tags: Iterable[str], most: int) -> list[str]:
    """The tags that stand in a text as words, or whose stem does, in the order of the text: what is known without a model."""
    spoken = {term: place for place, term in reversed(list(enumerate(terms(text))))}
    first = {tag: min((spoken[t] for t in terms(tag) if t in spoken), default=None) for tag in tags}
    return sorted((tag for tag, place in first.items() if place is not None), key=lambda tag: (first[tag], tag))[:most]


def tagged(tags: Iterable[str], ctx: Context, least: int = 1, kind: str = "") -> list[Memory]:
    """The memories (of a kind) that hold and bear at least so many of these tags, by links named `node(tag)`.

    In the order of the tags, and of one tag oldest first. A tag matches itself and nothing that it is a part of.
    """
    wanted = list(dict.fromkeys(node(tag) for tag in tags))
    found = [m for m in ctx.view.linked(wanted) if m.retired is None and m.kind == (kind or m.kind)] if wanted else []
    return [m for m in found if len(set(m.links).intersection(wanted)) >= least]


# -- an ontology that grows -----------------------------------------------------------------------------------------


def learned(ctx: Context, new: Sequence[Memory] = ()) -> tuple[dict[str, dict[str, tuple[str, ...]]], list[Memory]]:
    """(the default ontology with what the partition added to it, the memories of kind ontology that hold the additions).

    `new`: additions that are not written yet; they are not among the memories, as what they rest on is cited anyway.
    """
    held = [m for m in ctx.view.all(KIND) if m.retired is None]
    return grown(ontology(), [(m.data["where"], m.data["tag"]) for m in (*held, *new)]), held


def lacking(pieces: Sequence[str], basis: Sequence[Memory], ctx: Context, most: int) -> list[Memory]:
    """New tags for what no tag covers, as memories of kind ontology; prompts `lacking` and `place`, one call and one a tag.

    `pieces` were made of the memories in `basis`, which the tags rest on. What is no single word, is there already, names who
    speaks, or stands in more than a third of the pieces (it would tell none apart) is not taken.
    """
    known, held = learned(ctx)
    cites = [*basis, *held]
    form = forms.texts(most, LONGEST, means="keywords")
    asked = ctx.ask("lacking", form, cites=cites, pieces="\n".join(pieces), ontology=listed(known), otherwise=[])
    people = {part for m in basis if m.actor for part in m.actor.lower().split()}
    words = [set(terms(piece)) for piece in pieces]
    rare = [tag for tag in map(word, asked) if tag and sum(not w.isdisjoint(terms(tag)) for w in words) <= max(1, len(words) // 3)]
    fresh = [tag for tag in dict.fromkeys(rare) if tag not in every(known) and tag not in people]
    options = forms.choice(places(known), "label")
    found = ctx.map(lambda tag: ctx.ask("place", options, cites=cites, tag=tag, ontology="\n".join(places(known)), otherwise=""), fresh)
    spans, scope = dict.fromkeys(s for m in basis for s in m.sources), replace(basis[0].scope, session=None)
    since, trust = max((m.since for m in basis if m.since), default=None), min(m.trust for m in basis)
    more: dict[str, Any] = {"sources": spans, "basis": basis, "scope": scope, "since": since, "trust": trust}
    pairs = [(where, tag) for where, tag in zip(found, fresh, strict=True) if where]
    return [ctx.memory(f"{where}: {tag}", kind=KIND, where=where, tag=tag, **more) for where, tag in pairs]


def rows(pieces: Sequence[str], basis: Sequence[Memory], known: Ontology, held: Sequence[Memory], ctx: Context, most: int) -> list[Row]:
    """The pieces as (text, up to `most` tags of the ontology); prompt `rows`, one call. None where there are no pieces.

    Without a valid answer each piece stands as it is, with the tags that it names itself. `basis`: what the pieces were made
    of; `held`: the memories that the ontology rests on.
    """
    options = list(every(known))
    several = {"type": "array", "items": {"type": "string", "enum": options}, "minItems": 0, "maxItems": most}
    form = forms.records({"text": 240, "tags": several}, 2 * len(pieces), means="facts")
    plain = [{"text": text, "tags": []} for text in pieces]
    shown = {"pieces": "\n".join(pieces), "ontology": listed(known)}
    found = ctx.ask("rows", form, cites=[*basis, *held], otherwise=plain, **shown) if pieces else []
    return [(r["text"], list(dict.fromkeys(r["tags"])) or named(r["text"], options, most)) for r in found]


def wanted(question: str, known: Sequence[str], ctx: Context, most: int) -> list[str]:
    """Up to so many of these tags that a question is about; prompt `question_tags`, one call, none where there are no tags."""
    if not known:
        return []
    form = forms.choices(known, most, "labels")
    return ctx.ask("question_tags", form, question=question, options=", ".join(known), otherwise=[]) or named(question, known, most)


def weighed(hit: Hit, share: float, dated: float) -> Hit:
    """The hit with its share of the question's tags, and whether its day is asked for, on top of what it had."""
    why = {"tags": round(share, 6), **hit.why, "date": dated}
    return Hit(hit.memory, round(sum(why.values()), 6), why)


# -- days -----------------------------------------------------------------------------------------------------------


def days(texts: Iterable[str], at: datetime, most: int) -> list[str]:
    """The days that these words of time cover, each as an ISO date, in order: a period is expanded day by day.

    Relative words are resolved against `at`, which carries an offset. A period of more than `most` days names no day.
    """
    found: set[date] = set()
    for text in texts:
        for span in when.intervals(text, at):
            last = (span.end - timedelta(microseconds=1)).date()
            length = (last - span.start.date()).days + 1
            if length <= most:
                found.update(span.start.date() + timedelta(days=n) for n in range(length))
    return [day.isoformat() for day in sorted(found)]


# -- where a sentence comes from ------------------------------------------------------------------------------------


def origins(text: str, memories: Sequence[Memory], most: int = 2, adds: float = 0.3) -> list[Memory]:
    """The memories whose words a sentence was made of, the one that holds most of them first; [] where none holds any.

    Another one counts where it holds at least the share `adds` of the sentence's terms beyond the others. Ties go to
    the earlier: what is said first is not a repetition.
    """
    missing = set(terms(text))
    whole, found = len(missing), list[Memory]()
    held = [set(terms(m.text)) & missing for m in memories]
    while held and missing and len(found) < most:
        best = max(range(len(held)), key=lambda i: len(held[i] & missing))
        gain = len(held[best] & missing)
        if not gain or (found and gain < adds * whole):
            break
        found.append(memories[best])
        missing -= held[best]
    return found


def alike(text: str, memories: Iterable[Memory], most: int, least: float = 0.0) -> list[Memory]:
    """Those that share most words with a text, at least `least` of all words of both (Jaccard over terms); best first, ties by id."""
    mine = set(terms(text))

    def share(memory: Memory) -> float:
        its = set(terms(memory.text))
        return len(mine & its) / (len(mine | its) or 1)

    found = sorted((-share(m), m.id, m) for m in memories)
    return [m for minus, _, m in found if -minus >= least][:most]


def spoken(memories: Sequence[Memory]) -> str:
    """One line a memory for a prompt: its id, who said it, its words; whoever shows it cites the memories."""
    return "\n".join(f"[{m.id}] {f'{m.actor}: ' if m.actor else ''}{m.text}" for m in memories)

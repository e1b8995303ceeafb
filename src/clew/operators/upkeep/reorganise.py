"""What is new meets what is known: near ones are compared, contradictions and repetitions fused, and groups get a parent (MemOS).

Two that are fused become one new memory with the edges of both, and go to the archive, saying what they were merged to.
Nothing is lost: their words, sources and histories stay.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from clew.context import Context
from clew.models import forms
from clew.operators import manage
from clew.operators.people import cluster
from clew.operators.upkeep import states as lifecycle_states
from clew.operators.upkeep.states import ARCHIVED, BIRTH, LIVE, MERGED
from clew.storage.terms import terms
from clew.types import Memory

VERSION = 1
CONTRADICTORY, REDUNDANT, INDEPENDENT = RELATIONS = ("contradictory", "redundant", "independent")
LOOKED = 64  # of the nearest, archived ones among them, that are looked through for neighbours
RELATION = forms.choice(RELATIONS, means="relation")
FUSED = forms.text(600, means="summary")
TOPIC = forms.record({"key": 60, "summary": 300, "tags": forms.words(5, 40, 1)}, means="note")
Said = Callable[[Memory], str]


def settled(items: Sequence[Memory], said: Said, kinds: Sequence[str], ctx: Context) -> list[Memory]:
    """What is written for new items, one after the other; nobody is fused twice in one go."""
    written: dict[str, Memory] = {}
    vectors = ctx.embed([said(item) for item in items]) if items else ()
    for item, vector in zip(items, vectors, strict=True):
        near = [m for m in neighbours(item, vector, kinds, ctx) if m.id not in written]
        written |= {m.id: m for m in resolved(item, near, said, ctx)}
    return list(written.values())


def neighbours(item: Memory, vector: np.ndarray, kinds: Sequence[str], ctx: Context) -> list[Memory]:
    """The nearest in use, `neighbours` at most, whose words have at least `near` cosine with the item's; nearest first.

    They are looked for by `vector`, the item as it is indexed, and measured by their words alone: two sentences of one speaker are not alike for that.
    """
    slots, scores = ctx.view.nearest_slots(vector, LOOKED, kinds)
    found: list[Memory] = []
    for slot in slots[scores >= ctx.params["near"]].tolist():
        [memory] = ctx.view.at_slots([slot])
        if memory.id != item.id and memory.retired is None and memory.status in ("active", "suspect"):
            found.append(memory)
        if len(found) == ctx.params["neighbours"]:
            break
    if not found:
        return []
    likeness = cluster.cosines(ctx.embed([m.text for m in found]), ctx.embed([item.text]))[:, 0].tolist()
    near = [(c, m) for c, m in zip(likeness, found, strict=True) if c >= ctx.params["near"]]
    return [m for _, m in sorted(near, key=lambda pair: -pair[0])]


def resolved(item: Memory, near: Sequence[Memory], said: Said, ctx: Context) -> list[Memory]:
    """What is written for a new item: itself, or where a neighbour says the same or the opposite, what the two become.

    Of two that cannot be put into one text the later one is kept. What may not be merged (frozen, better trusted) is left.
    """
    for other in near:
        same = other.text == item.text and other.actor == item.actor
        shown: dict[str, Any] = {"new": said(item), "known": said(other), "cites": [item, other]}
        relation = REDUNDANT if same else ctx.ask("relate", RELATION, otherwise=INDEPENDENT, **shown)
        may = not ctx.params["lifecycle"] or lifecycle_states.legal(other, MERGED)
        if relation == INDEPENDENT or not may or not manage.may_change(item, other):
            continue
        older, newer = sorted((other, item), key=lambda m: (m.since or ctx.at, m is item))
        text = item.text if same else ctx.ask("fuse", FUSED, older=[older], newer=[newer], otherwise="").strip()
        if not text:
            return [*([item] if newer is item else [_archived(item, other.id, ctx)]), *_ended(older, newer, item)]
        fused = _fused(text, older, newer, ctx)
        return [fused, _archived(other, fused.id, ctx), _archived(item, fused.id, ctx)]
    return [item]


def _fused(text: str, older: Memory, newer: Memory, ctx: Context) -> Memory:
    """A new memory with these words and the sources, edges and tags of both."""
    sources = tuple(dict.fromkeys((*older.sources, *newer.sources)))
    tags = list(dict.fromkeys((*newer.data["tags"], *older.data["tags"])))[:8]
    links = tuple(dict.fromkeys((*newer.links, *older.links)))
    header = newer.data.get("header")
    if header and text not in (older.text, newer.text):
        marks = {
            "governance": {**header["governance"], "watermark": "model"},
            "descriptive": {**header["descriptive"], "origin": "inferred"},
        }
        header = {**header, **marks}
    data = {**newer.data, "tags": tags, "merged_from": [older.id, newer.id], "birth": ctx.ordinal, **({"header": header} if header else {})}
    actor = newer.actor if newer.actor == older.actor else None
    given = {name: value for name, value in data.items() if name not in ("state", "replaces")}
    made = ctx.memory(
        text,
        kind=newer.kind,
        sources=sources,
        basis=[older, newer],
        links=links,
        since=newer.since,
        scope=newer.scope,
        actor=actor,
        **given,
    )
    return replace(made, until=newer.until)


def _archived(memory: Memory, into: str, ctx: Context) -> Memory:
    """A parent: merged, and in the archive."""
    checked = ctx.params["lifecycle"]
    away = lifecycle_states.moved(lifecycle_states.moved(memory, MERGED, ctx.at, checked), ARCHIVED, ctx.at, checked)
    return away.revised(data={"merged_to": into})


def _ended(older: Memory, newer: Memory, item: Memory) -> list[Memory]:
    """The older of two that cannot stand together, where it was known before: it held until the newer one began."""
    if older is item or newer.since is None:
        return []
    return [older.retire(newer.since, "superseded").revised(data={"replaced_by": newer.id})]


# -- parents --------------------------------------------------------------------------------------------------------


def topics(kinds: Sequence[str], ctx: Context) -> list[Memory]:
    """Parents for the memories that came since the last time, when there are enough: a topic for each group of likes.

    A topic rests on its members and links to them; groups that are too small wait for nothing and get none.
    """
    last = next(iter(ctx.view.recent(1, "topic")), None)
    columns = ctx.view.columns(kinds)
    fresh = columns.slot[(columns.traits & LIVE > 0) & (columns.traits >> BIRTH > (last.data["upto"] if last else 0))]
    if len(fresh) < ctx.params["organise_every"]:
        return []
    groups = grouped(ctx.view.codes(fresh), ctx.params["cluster"], ctx.random.randrange(2**31))
    groups = [g for g in groups if len(g) >= ctx.params["least"]]
    return [topic for topic in ctx.map(lambda g: _topic(ctx.view.at_slots(fresh[g]), ctx), groups) if topic is not None]


def grouped(vectors: np.ndarray, most: int, seed: int) -> list[list[int]]:
    """Places in groups of at most `most`, by k-means, split again where one is larger; those that no mean parts, in order."""
    left, done = [list(range(len(vectors)))], list[list[int]]()
    while left:
        group = left.pop(0)
        if len(group) <= most:
            done.append(group)
            continue
        labels = cluster.kmeans(vectors[group], -(-len(group) // most), seed)
        parts = [[group[i] for i in np.flatnonzero(labels == label)] for label in range(int(labels.max()) + 1)]
        left += parts if len(parts) > 1 else [group[i : i + most] for i in range(0, len(group), most)]
    return sorted(done)


def _topic(members: Sequence[Memory], ctx: Context) -> Memory | None:
    """A parent: what its members are about, in words that hold for all of them."""
    plain = {"key": "", "summary": "", "tags": [""]}
    told = ctx.ask("topic", TOPIC, members=list(members), otherwise=plain)
    words = told["summary"].strip() or "; ".join(m.data["key"] for m in members if m.data["key"])[:300]
    if not words or not terms(words):
        words = members[0].text[:300]
    sources = tuple(dict.fromkeys(s for m in members for s in m.sources))
    links = [m.id for m in members]
    return ctx.memory(
        words, kind="topic", sources=sources, basis=members, links=links, key=told["key"], tags=told["tags"], upto=ctx.ordinal
    )

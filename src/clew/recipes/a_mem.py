"""A-MEM: notes that link to their neighbours and rewrite them.

Paper:     arXiv:2502.12110
Code:      written from the paper and a specification, no code copied
Forms:     token        Functions: factual
Differs:   1. the one large call that links and evolves is split into small ones, each checked: a label, ids, tags, a record
           2. links go both ways; neighbours are named by id, and an id that was not shown is refused
           3. a changed note is embedded again at once, so nothing has to be consolidated every hundred evolutions
           4. of k results some are kept free for linked notes; the release adds them on top of k, or cuts them off
           5. what a page or a tool said cannot rewrite a note of what a person said
Results:   arena table, row a_mem
"""
from collections.abc import Sequence
from typing import Any

from clew.context import Context
from clew.models import forms
from clew.operators import encode, manage
from clew.recipe import CONTENT, Recipe, prompts
from clew.types import Event, Hit, Memory, Query, Source

PARAMS = {
    "attributes": True, "enriched": True,  # a model describes each note; what it says is searched and embedded with the content
    "link_k": 5,  # neighbours that a new note is compared with (release)
    "expansion": True, "direct": 0.6,  # linked notes are found too; share of k found by likeness, before them (ours)
    "damping": 0.9,  # score of a linked note against that of the note that leads to it (ours)
    "links": True, "evolution": True, "reembedding": True,  # notes link; change their neighbours (the paper's ablations), vectors too
    "window": 4000,  # characters of one note; longer events become several (ours)
}
LABELS = {"none": (False, False), "link": (True, False), "update": (False, True), "both": (True, True)}  # (link, rewrite)
UNKNOWN = {"keywords": [], "context": "General", "tags": []}  # a note that no model described
ATTRIBUTES = forms.record({"keywords": forms.words(8, 40, 3), "context": 300, "tags": forms.words(6, 40, 3)}, means="note")
TAGS = forms.texts(6, 40, 3, means="keywords")
QUERIES = forms.texts(8, 60, 1, means="keywords")


def construct(events: Sequence[Event], ctx: Context) -> list[Memory]:
    """A note for what was said: content, time, and by a model its keywords, tags and context; links and vector follow."""
    [event] = events
    if event.kind == "edit":  # a revised note is described anew
        notes = [m for m in [ctx.view.get(event.body.get("id", ""))] if m is not None and m.retired is None]
    else:
        spans = [Source(event.seq, a, b) for a, b in encode.windows(event.text, ctx.params["window"])]
        notes = [ctx.memory(event.text[s.start:s.end], sources=[s], actor=event.actor, **UNKNOWN) for s in spans]
    if ctx.params["attributes"]:
        notes = [n.revised(data=ctx.ask("construct", ATTRIBUTES, content=said(n), cites=[n], otherwise=UNKNOWN)) for n in notes]
    return notes if ctx.params["enriched"] else [n.revised(data={"embedded": said(n)}) for n in notes]


def said(note: Memory) -> str:
    """A note's content with its speaker, as it is shown and embedded."""
    return f"{note.actor} says: {note.text}" if note.actor else note.text


def indexed(note: Memory) -> str:
    """Content, context, keywords and tags in one text: what is searched, and embedded again whenever one of them changes."""
    whole = [said(note), note.data["context"], ", ".join(note.data["keywords"]), ", ".join(note.data["tags"])]
    return note.data.get("embedded") or "\n".join(whole)  # the first only where `enriched` or `reembedding` is off


def described(notes: Sequence[Memory]) -> str:
    """Notes as a model sees them: id, time, content and attributes."""
    return "\n\n".join(f"id: {n.id}\ntime: {n.since:%Y-%m-%d %H:%M}\ncontent: {said(n)}\ncontext: {n.data['context']}\n"
                       f"keywords: {', '.join(n.data['keywords'])}\ntags: {', '.join(n.data['tags'])}" for n in notes)


def evolve(notes: Sequence[Memory], ctx: Context) -> list[Memory]:
    """Each new note meets its nearest neighbours: links are made, and the neighbours may be seen in a new light."""
    written: dict[str, Memory] = {}
    for note in notes:
        near = ctx.view.nearest(ctx.embed([indexed(note)])[0], ctx.params["link_k"] + 1, ("note",))
        others = [h.memory for h in near if h.memory.id != note.id and h.memory.retired is None][: ctx.params["link_k"]]
        neighbours = [written.get(m.id, m) for m in others]
        shown: dict[str, Any] = {"note": described([note]), "neighbours": described(neighbours), "cites": [note, *neighbours]}
        label = ctx.ask("decide", forms.choice(list(LABELS), "relation"), otherwise="none", **shown) if neighbours else "none"
        link, update = LABELS[label]
        if link and ctx.params["links"]:
            chosen = ctx.ask("link", forms.choices([m.id for m in neighbours], len(neighbours), "apt"), otherwise=[], **shown)
            tags = ctx.ask("tag", TAGS, otherwise=note.data["tags"], **shown)
            note = note.revised(links=tuple(dict.fromkeys((*note.links, *chosen))), data={"tags": tags})
            neighbours = [m.revised(links=tuple(dict.fromkeys((*m.links, note.id)))) if m.id in chosen else m for m in neighbours]
        if update and ctx.params["evolution"]:
            neighbours = ctx.map(lambda m, n=note: rewritten(m, n, ctx), neighbours)
        written |= {m.id: m for m in (*neighbours, note)}
    return list(written.values())


def rewritten(neighbour: Memory, note: Memory, ctx: Context) -> Memory:
    """The neighbour with the context, keywords and tags that it has in the light of the new note; its content stays."""
    if not manage.may_change(note, neighbour):
        return neighbour
    shown = {"note": described([note]), "neighbour": described([neighbour]), "cites": [note, neighbour]}
    kept = {} if ctx.params["reembedding"] else {"embedded": indexed(neighbour)}
    return neighbour.revised(data={**kept, **ctx.ask("rewrite", ATTRIBUTES, otherwise={}, **shown)})


def retrieve(query: Query, ctx: Context) -> list[Hit]:
    """The notes nearest to the question's keywords, and the notes that those are linked to, one hop away."""
    keywords = ctx.ask("keywords", QUERIES, question=query.text, otherwise=[query.text])
    near = ctx.view.nearest(ctx.embed([", ".join(keywords)])[0], query.k, ("note",))
    found = {h.memory.id: h for h in near[: max(1, round(query.k * ctx.params["direct"]))]}
    for hit in list(found.values()):
        for id in hit.memory.links if ctx.params["expansion"] else ():
            linked = None if id in found or len(found) >= query.k else ctx.view.get(id)
            if linked is not None:
                score = round(hit.score * ctx.params["damping"], 6)
                found[id] = Hit(linked, score, {"link": score})
    found = dict([*found.items(), *((h.memory.id, h) for h in near if h.memory.id not in found)][: query.k])
    return sorted(found.values(), key=lambda h: (-h.score, h.memory.id))


def answer(query: Query, hits: Sequence[Hit], ctx: Context) -> str:
    """A short answer from the notes with all their attributes."""
    notes = described([h.memory for h in hits])
    return ctx.ask("answer", forms.text(400, "answer"), notes=notes, question=query.text, cites=hits, otherwise=hits[0].memory.text)


recipe = Recipe(
    name="a_mem", on=CONTENT | {"edit"}, encode=construct, store=evolve, retrieve=retrieve, answer=answer, indexed=indexed,
    needs=frozenset({"ask"}), asks=frozenset({"retrieve", "answer"}), params=PARAMS, prompts=prompts(__file__))

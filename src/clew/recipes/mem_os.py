"""MemOS: memories as cubes with a header, a life cycle and room for so many, organised by a scheduler.

Paper:     arXiv:2505.22101, arXiv:2507.03724
Code:      written from the papers and a specification, no code copied
Forms:     token        Functions: factual, working
Formation: semantic summarization, knowledge distillation, structured construction, raw
Evolution: consolidation (local, cluster-level), updating, forgetting (time)
Retrieval: timing and intent, rewriting, lexical, semantic, graph, hybrid, rerank and filter
Quadrant:  I, II
Group:     explicit, agentic
Calls:     1 + up to 5 and 1 to fuse per item with near ones + 1 per topic of 4 to 10 items per add; 1 + 1 or 2 after it per recall
Checklist: 7 of 8: MemOS-style plaintext cube
Differs:   1. a cube's payload is plaintext; activation (KV) and parametric (adapter) payloads are named as absent
           2. reads each message as it comes, not windows of a talk; where a model finds nothing in it, it is kept as it is
           3. what all routes find is ranked by cosine and BM25, half each; in the release by cosine
           4. one topic level over the cubes since the last time, none rebuilt; topics lead to their cubes and are no results
           5. at 80 % of a capacity the oldest go to the archive, which can be asked; the log is the audit of writes and reads
           6. thresholds of likeness are set for our embedder's cosine; those of the release are of its own
Results:   arena table, row mem_os
"""
from collections.abc import Sequence
from functools import partial
from itertools import islice

from clew.context import Context
from clew.models import forms
from clew.operators import budget
from clew.operators.search import routes
from clew.operators.upkeep import capacity, corrections, cube, reorganise, working_set
from clew.operators.upkeep.states import traits
from clew.recipe import CONTENT, Recipe, prompts
from clew.types import Event, Hit, Memory, Query, Source

PARAMS = {
    "header": True,  # cubes have one; without it none travels, and all are read by all of a user's contexts
    "fine": True,  # a model reads what is said, and what is asked; False: raw text (release: both)
    "window": 4096, "overlap": 800,  # characters read at once, and of the window before (release: 1,024 and 200 tokens)
    "reorganise": True, "neighbours": 5,  # nearest that a new cube is compared with (release)
    "near": 0.9,  # from that cosine on (ours, for the default embedder; release: 0.8 of its own)
    "topics": True, "organise_every": 20, "cluster": 10, "least": 4,  # cubes from which on topics are made, and their sizes (release)
    "capacities": True, "working": 20, "long_term": 1500, "user": 480, "raw_file": 1500, "full": 0.8,  # (release)
    "lifecycle": True, "versions": True,  # legal changes of state only; what is corrected is archived, not overwritten
    "expiry": True, "access": True, "audit": True,  # lifespans end; who may read what is checked; reads are written down
    "scheduler": True, "timer": 10,  # the working set follows the questions, without asking after so many seconds (release)
    "graph": True,  # cubes of the same key, or of two of the same tags, are found too (release)
    "lexical": 0.5,  # weight of BM25 beside cosine (ours)
}
TYPES = {"User": "user", "LongTerm": "long_term"}  # where the reader puts what it finds, what fits nowhere last
KINDS = (*TYPES.values(), "raw_file", "preference")
ITEMS = forms.records({"key": 60, "value": 400, "tags": forms.words(4, 40), "memory_type": list(TYPES)}, 6, means="items")
SOUGHT = forms.record({"query": 200, "keywords": forms.words(6, 40), "tags": forms.words(4, 40)}, means="note")
NOTHING = {"query": "", "keywords": [], "tags": []}


def encode(events: Sequence[Event], ctx: Context) -> list[Memory]:
    """An event by its label: a question moves the working set, feedback corrects, a tick only tidies, the rest becomes cubes."""
    [event], label, p = events, working_set.label(events[0]), ctx.params
    if label == "query":
        return working_set.asked(event, partial(routes.alike, kinds=KINDS, ctx=ctx), ctx)
    if label == "feedback":
        near = routes.alike(event.text, p["neighbours"], KINDS, ctx)
        return corrections.applied(event, near, partial(cube.made, event, ctx), ctx)
    if parcel := cube.parcel(event):
        kind, (given, data) = parcel["kind"], cube.restored(event, parcel)
        return [cube.made(event, ctx, event.text, kind if kind in KINDS else "", given=given, links=cube.edges(parcel), **data)]
    spans = cube.windows(event, p["window"], p["overlap"]) if label != "mem_organize" else []
    return [m for span in spans for m in read(event, span, label, ctx)]


def read(event: Event, span: Source, label: str, ctx: Context) -> list[Memory]:
    """The cubes of a window: the items that a model finds in it; a document's text, and what has no items, as it is."""
    words, fine = event.text[span.start : span.end], ctx.params["fine"] and label == "add"
    items = ctx.ask("read", ITEMS, message=words, profile=event.actor or "", cites=[event], otherwise=[]) if fine else []
    found = [cube.made(event, ctx, value, TYPES[i["memory_type"]], source=cube.quoted(value, span, event), key=i["key"], labels=i["tags"])
             for i in items if (value := i["value"].strip())]
    return found or [cube.made(event, ctx, words, "raw_file" if label == "mem_read" else "", source=span, labels=["mode:fast"])]


def organise(memories: Sequence[Memory], ctx: Context) -> list[Memory]:
    """New cubes meet their neighbours before they are written."""
    read = ctx.event is not None and working_set.label(ctx.event) in ("add", "mem_read")
    return reorganise.settled(memories, said, KINDS, ctx) if read and ctx.params["reorganise"] else list(memories)


def upkeep(ctx: Context) -> list[Memory]:
    """What has run out expires, what is too much goes to the archive, oldest first, and new cubes get their topics."""
    p = ctx.params
    most = {kind: int(p["full"] * p[kind]) for kind in KINDS[:3] if p["capacities"]}
    return [*capacity.tidied(KINDS if p["expiry"] else (), most, ctx), *(reorganise.topics(KINDS, ctx) if p["topics"] else [])]


def retrieve(query: Query, ctx: Context) -> list[Hit]:
    """What all routes find, less what the asker may not read, by cosine and BM25."""
    p = ctx.params
    sought = ctx.ask("parse", SOUGHT, message=query.text, otherwise=NOTHING) if p["fine"] else NOTHING
    texts = dict.fromkeys(t for t in (query.text, sought["query"], ", ".join(sought["keywords"])) if t.strip())
    others = {
        "working": working_set.members(ctx) if p["scheduler"] else [],
        "graph": routes.connected(sought["keywords"], sought["tags"], ctx) if p["graph"] else [],
        "topic": routes.below(query.text, ctx) if p["topics"] else [],
    }
    hits = routes.ranked(query, list(texts), others, KINDS, said, p["lexical"], ctx)
    return list(islice((h for h in hits if not p["access"] or cube.readable(h.memory, query.scope)), query.k))


def said(memory: Memory) -> str:
    """A cube's words with their speaker: what is shown, searched and embedded."""
    return f"{memory.actor}: {memory.text}" if memory.actor else memory.text


def answer(query: Query, hits: Sequence[Hit], ctx: Context) -> str:
    """A short answer from the cubes found."""
    form, cubes = forms.text(400, means="answer"), budget.dated(hits)
    return ctx.ask("answer", form, cubes=cubes, question=query.text, cites=hits, otherwise=hits[0].memory.text)


recipe = Recipe(
    name="mem_os", on=CONTENT | {"query", "feedback", "tick"}, encode=encode, store=organise, manage=upkeep, retrieve=retrieve,
    answer=answer, indexed=said, traits=traits, embeds=frozenset({*KINDS, "topic"}), functions=("factual", "working"),
    needs=frozenset({"ask"}), asks=frozenset({"retrieve", "answer"}), params=PARAMS, prompts=prompts(__file__))

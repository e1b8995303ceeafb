"""MemoRAG-Lite style: gists of all that was read are a global memory, which gives the clues to search with.

Paper:     arXiv:2409.05591 (WWW 2025)
Code:      written from the paper and a specification, no code copied
Forms:     token        Functions: factual
Differs:   1. the memory is gists, as in the release's Lite mode, not a trained memory model; no draft answer is made
           2. it grows with what comes in: what has no gist yet is in the memory word for word, the newest of it
           3. over a limit the memory is read in parts, each of which gives clues
           4. hits are ranked, by reciprocal ranks of the question's, the clues' and the surrogates' findings, and filled up
              to k with what the question itself finds; the reader gets them in document order
Results:   arena table, row memorag
Formation: semantic summarization
Evolution: none
Retrieval: rewriting, semantic, generative
Quadrant:  II
Group:     explicit
Checklist: 5 of 5: MemoRAG-Lite style
"""
from collections.abc import Sequence

import numpy as np

from clew.context import CHARS_PER_TOKEN, Context
from clew.models import forms
from clew.operators import budget
from clew.operators.graphs import graph
from clew.operators.search import clues
from clew.recipe import CONTENT, Recipe, prompts
from clew.types import Event, Hit, Memory, Query

PARAMS = {
    "chunk": 512, "piece": 4096, "gist": 512, "room": 8000,  # tokens: of a chunk, of what a gist is made of, of it (release), of a prompt
    "hits": 3, "clues": 5, "surrogates": 3,  # chunks that a query finds (release); texts asked of the memory, 0 for none (ours)
    "gists": True, "kept": True,  # whether there is a memory of all; whether it is made once, or for every question
    "remembered": True, "ordered": True,  # whether clues are made from that memory; whether a reader gets document order
}
CHUNK, GIST, PROMPTS = "chunk", "gist", ("clues", "surrogates")


def read(events: Sequence[Event], ctx: Context) -> list[Memory]:
    """What comes in, in chunks."""
    return graph.passages(events[0], ctx, CHUNK, CHARS_PER_TOKEN * ctx.params["chunk"])


def size(memory: Memory) -> int:
    """Tokens, kept beside each memory."""
    return budget.tokens(graph.said(memory))


def gists(ctx: Context) -> list[Memory]:
    """The gists that still say what their chunks say, oldest first."""
    return [m for m in ctx.view.all(GIST) if m.retired is None and m.status == "active"]


def unread(ctx: Context) -> list[list[Memory]]:
    """The chunks that are in no gist, in pieces; only the last may be smaller than a gist is made of."""
    columns = ctx.view.columns((CHUNK,))
    inside = np.array([int(id[:16], 16) for gist in gists(ctx) for id in gist.links], np.uint64)
    left = ~np.isin(ctx.view.order(columns.slot), inside)
    if int(columns.traits[left].sum()) < ctx.params["piece"] and ctx.event is not None:
        return []
    chunks = [m for m in ctx.view.at_slots(columns.slot[left]) if m.retired is None and m.status != "archived"]
    return clues.pieces(chunks, list(map(size, chunks)), ctx.params["piece"])


def gist(piece: Sequence[Memory], ctx: Context) -> str:
    """What a piece says, in short."""
    texts, most = [graph.said(m) for m in piece], CHARS_PER_TOKEN * ctx.params["gist"]
    return ctx.ask("gist", forms.text(most, "summary"), piece=texts, cites=piece, otherwise="\n".join(texts)[:most])


def memorise(ctx: Context) -> list[Memory]:
    """Whenever a piece is full: its gist, before any question."""
    if not (ctx.params["gists"] and ctx.params["kept"]):
        return []
    full = [p for p in unread(ctx) if sum(map(size, p)) >= ctx.params["piece"]]
    found = []
    for piece, text in zip(full, ctx.map(lambda p: gist(p, ctx), full), strict=True):
        spans = dict.fromkeys(s for m in piece for s in m.sources)
        found.append(ctx.memory(text, kind=GIST, sources=spans, basis=piece, links=[m.id for m in piece], scope=clues.common(piece)))
    return found


def memory(ctx: Context) -> list[tuple[str, Sequence[Memory]]]:
    """The global memory, oldest first: each text with what it was made of; gists, and word for word the newest that have none."""
    found, pieces = [(m.text, [m]) for m in gists(ctx)], unread(ctx)
    if ctx.params["gists"] and not ctx.params["kept"]:
        found += [(text, p) for p, text in zip(pieces, ctx.map(lambda p: gist(p, ctx), pieces), strict=True)]
        pieces = []
    newest = pieces if ctx.params["gists"] else pieces[-1:]
    return [*found, *((graph.said(m), [m]) for piece in newest for m in piece)]


def retrieve(query: Query, ctx: Context) -> list[Hit]:
    """The chunks that the memory's clues, its questions and the question itself lead to."""
    held = memory(ctx) if ctx.params["remembered"] else []
    parts = clues.parts([text for text, _ in held], ctx.params["room"]) or [range(0)]

    def asked(job: tuple[str, range]) -> list[str]:
        prompt, part = job
        form = forms.texts(ctx.params[prompt], 200, means="clues" if prompt == "clues" else "queries")
        shown, cites = [held[i][0] for i in part], [m for i in part for m in held[i][1]]
        return ctx.ask(prompt, form, memory=shown, question=query.text, cites=cites, otherwise=[])

    wanted = [(prompt, part) for prompt in PROMPTS if ctx.params[prompt] for part in parts]
    queries: dict[str, list[str]] = {"question": [query.text], **{prompt: [] for prompt in PROMPTS}}
    for (prompt, _), texts in zip(wanted, ctx.map(asked, wanted), strict=True):
        queries[prompt] += clues.lines(texts)
    return clues.united(queries, ctx.params["hits"], query.k, (CHUNK,), ctx)


def answer(query: Query, hits: Sequence[Hit], ctx: Context) -> str:
    """A short answer from the chunks as they were written, one after the other."""
    records = budget.dated(clues.in_document_order(hits) if ctx.params["ordered"] else hits)
    return ctx.ask("answer", forms.text(400, "answer"), records=records, question=query.text, cites=hits, otherwise=hits[0].memory.text)


recipe = Recipe(
    name="memorag", on=CONTENT | {"edit"}, encode=read, manage=memorise, retrieve=retrieve, answer=answer, indexed=graph.said, traits=size,
    embeds=frozenset({CHUNK}), needs=frozenset({"ask"}), asks=frozenset({"retrieve", "answer"}), params=PARAMS, prompts=prompts(__file__))

"""SCM: a controller decides whether old turns are needed, which, and whether their summaries are enough.

Paper:     arXiv:2304.13343
Code:      written from the paper and a specification, no code copied
Forms:     token        Functions: factual, working
Differs:   1. recency falls by a factor a turn and weighs 0.02, both ours: as the paper's plain sum it drowns relevance
              (evidence in the first 10, LoCoMo, tuning half: 5 % at weight 1, 52 % at 0.02, 53 % without)
           2. asks whether a summary is enough, as the paper does, not also whether a memory is of any use, as the release does
           3. hits carry the text to show, raw or summary, ranked by score; the reader gets them in order of time
Results:   arena table, row scm
"""
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from clew.context import CHARS_PER_TOKEN, Context
from clew.models import forms
from clew.operators import budget, encode
from clew.recipe import CONTENT, Recipe, prompts
from clew.types import Event, Hit, Memory, Query, Source

PARAMS = {
    "turns": True, "chronological": True,  # an answer belongs to the turn that it answers; the reader gets turns in order of time
    "summaries": True, "summarise_over": 300,  # tokens of a turn above which it gets a summary (release)
    "history": 2500, "degrade": True,  # tokens of all that is shown (release), 0: no bound; summaries before turns are left out
    "flash": 500,  # tokens below which the turn before is shown raw (release); 0: it is found like any other or not at all
    "gate": True, "most": 10,  # is memory needed; memories activated for one question (paper: 3 to 10)
    "enough": True, "ask_total": 2000, "ask_each": 800,  # tokens above which a summary may stand in for a memory (paper)
    "recency": 0.02, "relevance": 1.0, "decay": 0.995,  # weights, and what a turn fades by (ours; Generative Agents: an hour)
    "block": 2000, "group": 2300, "merged": 1000, "last": 1500,  # tokens: of a block (ours), merged at once, outcomes (release)
}
TURN_CHARS, BLOCK_CHARS, UNBOUND = 480, 3000, 10**9  # two sentences (ours); 500 words (release); tokens


def stream(events: Sequence[Event], ctx: Context) -> list[Memory]:
    """The stream grows by a turn, what was said and then in the same turn what was answered; or by a document's blocks."""
    event, words, role = events[0], events[0].text.strip(), encode.role(events[0])
    if event.kind == "edit":  # the words were changed, so the old summary no longer stands for them
        return [summarised(m, ctx) for m in [ctx.view.get(event.body.get("id", ""))] if m is not None and m.retired is None]
    if not words or event.kind == "document":
        return document(event, ctx)
    last = next(iter(ctx.view.recent(1, "turn")), None)
    if ctx.params["turns"] and role == "assistant" and last is not None and not last.data["answered"] and last.scope == event.scope:
        said, joined = (*last.sources, Source(event.seq, 0, len(event.text))), f"{last.text}\n{event.actor}: {words}"
        turn = last.revised(text=joined, sources=said, trust=min(last.trust, event.trust), data={"answered": True})
    else:
        turn = ctx.memory(words, kind="turn", actor=event.actor, answered=role not in (None, "user"))
    return [summarised(turn, ctx)]


def summarised(turn: Memory, ctx: Context) -> Memory:
    """The turn with a summary where it is long (its own text is the summary otherwise) and both token counts."""
    long = ctx.params["summaries"] and budget.tokens(turn.text) > ctx.params["summarise_over"]
    return budget.measured(turn, ctx.ask("summarise_turn", forms.text(TURN_CHARS, "summary"), turn=turn, otherwise=None) if long else None)


def document(event: Event, ctx: Context) -> list[Memory]:
    """A long text: each block summarised with the one before as background, the summaries merged until one is left."""
    spans, flash = encode.windows(event.text, ctx.params["block"] * CHARS_PER_TOKEN), ""
    blocks = [ctx.memory(event.text[a:b], kind="block", sources=[Source(event.seq, a, b)]) for a, b in spans]
    if not ctx.params["summaries"]:
        return [budget.measured(block) for block in blocks]
    for i, block in enumerate(blocks):
        flash = ctx.ask("summarise_block", forms.text(BLOCK_CHARS, "summary"), background=flash, block=block, otherwise=block.text)
        blocks[i] = budget.measured(block, flash)
    summaries = [b.data["summary"] for b in blocks]
    while len(summaries) > 1:
        groups = budget.grouped(summaries, ctx.params["group"])
        size = CHARS_PER_TOKEN * ctx.params["last" if len(groups) == 1 else "merged"]
        summaries = ctx.map(lambda g, n=size: ctx.ask("merge", forms.text(n, "summary"), summaries=g, otherwise="\n".join(g)[:n]), groups)
    return blocks if len(blocks) < 2 else [*blocks, budget.measured(ctx.memory(summaries[0], kind="summary", basis=blocks))]


def retrieve(query: Query, ctx: Context) -> list[Hit]:
    """Flash memory, always; activation memory, where the controller finds that the question needs it."""
    p, found = ctx.params, ranked(query, ctx)
    held = found[: bool(p["flash"])]
    others, limit = found[len(held) : max(query.k, len(held) + 1)], min(p["history"] or UNBOUND, query.max_tokens or UNBOUND)
    last = [budget.shown(h, budget.RAW if h.memory.data["raw_tokens"] < p["flash"] else budget.SUMMARY, part="flash") for h in held]
    flash = [h for h in last if budget.tokens(h.memory.text) <= limit]
    if not others or (p["gate"] and not ctx.ask("need_memory", forms.gate("needed"), question=query.text, otherwise=True)):
        return flash
    shown = budget.fitted(weighed(query, others, ctx), limit - sum(budget.tokens(h.memory.text) for h in flash))
    active = [budget.shown(others[i], form, part="activation") for i, form in sorted(shown.items())]
    return sorted([*active, *flash][: query.k], key=lambda h: (-h.score, h.memory.id))


def ranked(query: Query, ctx: Context) -> list[Hit]:
    """The newest of the stream where there is flash memory, then the rest by recency plus relevance, best first."""
    columns = ctx.view.columns()  # oldest first
    n, held = len(columns.slot), bool(ctx.params["flash"])
    recency = np.round(ctx.params["recency"] * ctx.params["decay"] ** np.arange(n - 1.0, -1.0, -1.0), 6)  # 1 for the newest
    relevance = np.round(ctx.params["relevance"] * ctx.view.cosines(ctx.embed([query.text])[0], columns.slot), 6)
    best = np.argsort(-(recency + relevance)[: n - held], kind="stable")[: ctx.params["most"]]
    chosen = np.array([*[n - 1] * held, *best][:n], int)
    shares = [{"recency": float(recency[i]), "relevance": float(relevance[i])} for i in chosen]
    return [Hit(m, round(sum(why.values()), 6), why) for m, why in zip(ctx.view.at_slots(columns.slot[chosen]), shares, strict=True)]


def weighed(query: Query, hits: Sequence[Hit], ctx: Context) -> list[budget.Piece]:
    """What each memory costs, and whether its summary is enough: asked of the long ones when together they are too long."""
    pieces = [budget.piece(hit) for hit in hits]
    if ctx.params["enough"] and sum(p.raw for p in pieces) > ctx.params["ask_total"]:
        long = [i for i, p in enumerate(pieces) if p.raw > ctx.params["ask_each"] and p.summary < p.raw]
        enough = ctx.map(lambda i: i in long and ctx.ask("summary_enough", forms.gate("enough"), question=query.text, otherwise=False,
                         summary=hits[i].memory.data["summary"], cites=[hits[i]]), range(len(pieces)))
        pieces = [replace(p, enough=yes) for p, yes in zip(pieces, enough, strict=True)]
    return pieces if ctx.params["degrade"] else [p if p.enough else replace(p, summary=p.raw) for p in pieces]


def answer(query: Query, hits: Sequence[Hit], ctx: Context) -> str:
    """The model's answer from the memories in the order in which they happened."""
    shown = budget.dated(budget.chronological(hits) if ctx.params["chronological"] else hits)
    return ctx.ask("answer", forms.text(600, "answer"), history=shown, question=query.text, cites=hits, otherwise=hits[0].memory.text)


recipe = Recipe(
    name="scm", on=CONTENT | {"edit"}, encode=stream, retrieve=retrieve, answer=answer, functions=("factual", "working"),
    needs=frozenset({"ask"}), asks=frozenset({"retrieve", "answer"}), params=PARAMS, prompts=prompts(__file__))

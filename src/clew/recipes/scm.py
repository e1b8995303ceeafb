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
    "summarise_over": 300,  # tokens of a turn above which it gets a summary (release)
    "history": 2500,  # tokens of all that is shown (release)
    "flash": 500,  # tokens below which the turn before is shown raw (release)
    "most": 10,  # memories activated for one question (paper: 3 to 10)
    "ask_total": 2000, "ask_each": 800,  # tokens above which a summary may stand in for a memory (paper)
    "recency": 0.02,  # weight of recency beside relevance (ours, see Differs)
    "decay": 0.995,  # recency of a turn against that of the next one (ours: what Generative Agents use for an hour)
    "block": 2000, "group": 2300, "merged": 1000, "last": 1500,  # tokens: of a block (ours), merged at once, outcomes (release)
}
TURN_CHARS, BLOCK_CHARS = 480, 3000  # two sentences (ours); 500 words (release)


def stream(events: Sequence[Event], ctx: Context) -> list[Memory]:
    """The stream grows by a turn, what was said and then in the same turn what was answered; or by a document's blocks."""
    event, words, role = events[0], events[0].text.strip(), encode.role(events[0])
    if event.kind == "edit":  # the words were changed, so the old summary no longer stands for them
        return [summarised(m, ctx) for m in [ctx.view.get(event.body.get("id", ""))] if m is not None and m.retired is None]
    if not words or event.kind == "document":
        return document(event, ctx)
    last = next(iter(ctx.view.recent(1, "turn")), None)
    if role == "assistant" and last is not None and not last.data["answered"] and last.scope == event.scope:
        said, joined = (*last.sources, Source(event.seq, 0, len(event.text))), f"{last.text}\n{event.actor}: {words}"
        turn = last.revised(text=joined, sources=said, trust=min(last.trust, event.trust), data={"answered": True})
    else:
        turn = ctx.memory(words, kind="turn", actor=event.actor, answered=role not in (None, "user"))
    return [summarised(turn, ctx)]


def summarised(turn: Memory, ctx: Context) -> Memory:
    """The turn with a summary where it is long (its own text is the summary otherwise) and both token counts."""
    long = budget.tokens(turn.text) > ctx.params["summarise_over"]
    return budget.measured(turn, ctx.ask("summarise_turn", forms.text(TURN_CHARS, "summary"), turn=turn, otherwise=None) if long else None)


def document(event: Event, ctx: Context) -> list[Memory]:
    """A long text: each block summarised with the one before as background, the summaries merged until one is left."""
    blocks, flash = [], ""
    for start, end in encode.windows(event.text, ctx.params["block"] * CHARS_PER_TOKEN):
        block = ctx.memory(event.text[start:end], kind="block", sources=[Source(event.seq, start, end)])
        flash = ctx.ask("summarise_block", forms.text(BLOCK_CHARS, "summary"), background=flash, block=block, otherwise=block.text)
        blocks.append(budget.measured(block, flash))
    summaries = [b.data["summary"] for b in blocks]
    while len(summaries) > 1:
        groups = budget.grouped(summaries, ctx.params["group"])
        size = CHARS_PER_TOKEN * ctx.params["last" if len(groups) == 1 else "merged"]
        summaries = ctx.map(lambda g, n=size: ctx.ask("merge", forms.text(n, "summary"), summaries=g, otherwise="\n".join(g)[:n]), groups)
    return blocks if len(blocks) < 2 else [*blocks, budget.measured(ctx.memory(summaries[0], kind="summary", basis=blocks))]


def retrieve(query: Query, ctx: Context) -> list[Hit]:
    """Flash memory, always; activation memory, where the controller finds that the question needs it."""
    if not (found := ranked(query, ctx)):
        return []
    newest, others = found[0], found[1 : 1 + max(query.k - 1, 1)]
    limit = min(ctx.params["history"], query.max_tokens or ctx.params["history"])
    form = budget.RAW if newest.memory.data["raw_tokens"] < ctx.params["flash"] else budget.SUMMARY
    flash = [h for h in [budget.shown(newest, form, part="flash")] if budget.tokens(h.memory.text) <= limit]
    if not others or not ctx.ask("need_memory", forms.gate("needed"), question=query.text, otherwise=True):
        return flash
    shown = budget.fitted(weighed(query, others, ctx), limit - sum(budget.tokens(h.memory.text) for h in flash))
    active = [budget.shown(others[i], form, part="activation") for i, form in sorted(shown.items())]
    return sorted([*active, *flash][: query.k], key=lambda h: (-h.score, h.memory.id))


def ranked(query: Query, ctx: Context) -> list[Hit]:
    """The newest of the stream, then the rest by recency plus relevance, best first."""
    columns = ctx.view.columns()  # oldest first
    n = len(columns.slot)
    recency = np.round(ctx.params["recency"] * ctx.params["decay"] ** np.arange(n - 1.0, -1.0, -1.0), 6)  # 1 for the newest
    relevance = np.round(ctx.view.cosines(ctx.embed([query.text])[0], columns.slot), 6)
    best = np.argsort(-(recency + relevance)[:-1], kind="stable")[: ctx.params["most"]]
    chosen = np.array([n - 1, *best][:n], int)
    memories = ctx.view.at_slots(columns.slot[chosen])
    shares = [{"recency": float(recency[i]), "relevance": float(relevance[i])} for i in chosen]
    return [Hit(memory, round(sum(why.values()), 6), why) for memory, why in zip(memories, shares, strict=True)]


def weighed(query: Query, hits: Sequence[Hit], ctx: Context) -> list[budget.Piece]:
    """What each memory costs, and whether its summary is enough: asked of the long ones when together they are too long."""
    pieces = [budget.piece(hit) for hit in hits]
    if sum(p.raw for p in pieces) <= ctx.params["ask_total"]:
        return pieces
    long = [i for i, p in enumerate(pieces) if p.raw > ctx.params["ask_each"] and p.summary < p.raw]
    enough = ctx.map(lambda i: i in long and ctx.ask("summary_enough", forms.gate("enough"), question=query.text, otherwise=False,
                     summary=hits[i].memory.data["summary"], cites=[hits[i]]), range(len(pieces)))
    return [replace(p, enough=yes) for p, yes in zip(pieces, enough, strict=True)]


def answer(query: Query, hits: Sequence[Hit], ctx: Context) -> str:
    """The model's answer from the memories in the order in which they happened."""
    return ctx.ask("answer", forms.text(600, "answer"), history=budget.dated(budget.chronological(hits)), question=query.text, cites=hits,
                   otherwise=hits[0].memory.text)


recipe = Recipe(
    name="scm", on=CONTENT | {"edit"}, encode=stream, retrieve=retrieve, answer=answer, functions=("factual", "working"),
    needs=frozenset({"ask"}), asks=frozenset({"retrieve", "answer"}), params=PARAMS, prompts=prompts(__file__))

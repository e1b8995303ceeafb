"""SCM: a controller decides whether old turns are needed, which, and whether their summaries are enough.

Paper:     arXiv:2304.13343
Code:      written from the paper and a specification, no code copied
Forms:     token        Functions: factual, working
Differs:   1. recency falls per turn by a constant of ours: the paper adds recency to relevance and gives no value
           2. the second question (is the summary enough?) is asked as in the paper, not the release's third one
              (is it answerable at all?), which drops memories
           3. embeds a turn's raw text; of a joined turn the newest version
           4. at most 10 memories beside the flash memory, and never more than the caller's k
Results:   arena table, row scm
"""
from collections.abc import Sequence

import numpy as np

from clew.context import Context
from clew.models import forms
from clew.operators import budget
from clew.operators.encode import role, windows
from clew.recipe import Recipe, prompts
from clew.types import Event, Hit, Memory, Query, Source

SUMMARISE_OVER = 300  # tokens of a turn above which it gets a summary (section 3.2)
HISTORY = 2500  # tokens of all that is shown (release)
FLASH = 500  # tokens up to which the turn before is shown raw (release)
MOST = 10  # memories activated for one question (section 3.3: 3 to 10)
ASK_OVER_TOTAL, ASK_OVER_EACH = 2000, 800  # tokens above which a memory's summary may stand in for it (section 3.3)
DECAY = 0.995  # recency one turn further back (ours; the value that Generative Agents use an hour)
BLOCK, GROUP, MERGED, LAST = 2000, 2300, 1000, 1500  # tokens: of a document's block (ours), a group of summaries, a merged one, the last (release)
CHARS = 4  # a token, about
RAW_KINDS = ("turn", "block")


def encode(events: Sequence[Event], ctx: Context) -> list[Memory]:
    """The stream grows by a turn: what the user said, then in the same turn what was answered; a document by its blocks."""
    [event] = events
    words = event.text.strip()
    if not words:
        return []
    if event.kind == "document":
        return document(event, ctx)
    last = next(iter(ctx.view.recent(1, "turn")), None)
    if role(event) == "assistant" and last is not None and not last.data["answered"] and last.scope == event.scope:
        turn = last.revised(text=f"{last.text}\n{event.actor}: {words}", sources=(*last.sources, Source(event.seq, 0, len(event.text))),
                            trust=min(last.trust, event.trust), data={"answered": True})
    else:
        turn = ctx.memory(words, kind="turn", actor=event.actor, answered=role(event) != "user")
    summary = None
    if budget.tokens(turn.text) > SUMMARISE_OVER:
        summary = ctx.ask("summarise_turn", forms.text(480), turn=turn, cites=[event], otherwise=None)
    return [measured(turn, summary)]


def measured(item: Memory, summary: str | None) -> Memory:
    """The item with its summary (its own text where it needs none) and both token counts."""
    summary = summary or item.text
    return item.revised(data={"summary": summary, "raw_tokens": budget.tokens(item.text), "summary_tokens": budget.tokens(summary)})


def document(event: Event, ctx: Context) -> list[Memory]:
    """A long text: each block summarised with the one before as background, the summaries merged in groups until one is left."""
    blocks, flash = [], ""
    for start, end in windows(event.text, BLOCK * CHARS):
        block = ctx.memory(event.text[start:end], kind="block", sources=[Source(event.seq, start, end)], answered=True)
        flash = ctx.ask("summarise_block", forms.text(3000), background=flash, block=block, otherwise=None)
        blocks.append(measured(block, flash))
        flash = blocks[-1].data["summary"]
    summaries, bases = [b.data["summary"] for b in blocks], tuple(b.id for b in blocks)
    while len(summaries) > 1:
        groups = grouped(summaries, GROUP)
        limit = CHARS * (LAST if len(groups) == 1 else MERGED)
        summaries = ctx.map(lambda g, n=limit: ctx.ask("merge", forms.text(n), summaries=g, otherwise="\n".join(g)[:n]), groups)
    whole = ctx.memory(summaries[0], kind="summary", answered=True).revised(basis=bases)
    return [*blocks, measured(whole, None)] if len(blocks) > 1 else blocks


def grouped(texts: Sequence[str], limit: int) -> list[list[str]]:
    """Neighbouring texts together, up to `limit` tokens a group and two texts at least, so that merging comes to an end."""
    groups: list[list[str]] = [[]]
    for text in texts:
        if len(groups[-1]) > 1 and budget.tokens("".join((*groups[-1], text))) > limit:
            groups.append([])
        groups[-1].append(text)
    return groups


def retrieve(query: Query, ctx: Context) -> list[Hit]:
    """Flash memory, always; activation memory, where the controller finds that the question needs it."""
    found = ranked(query, ctx)
    if not found:
        return []
    newest = max(found, key=lambda h: h.why["recency"])
    limit = min(HISTORY, query.max_tokens or HISTORY)
    as_summary = newest.memory.data["raw_tokens"] >= FLASH
    flash = [h for h in [shown(newest, budget.SUMMARY if as_summary else budget.RAW, "flash")] if budget.tokens(h.memory.text) <= limit]
    others = [h for h in found if h is not newest][: min(max(query.k - 1, 1), MOST)]
    if not others or not ctx.ask("need_memory", forms.gate(), question=query.text, otherwise=True):
        return flash
    sizes = [h.memory.data["raw_tokens"] for h in others]
    enough = ctx.map(lambda h: sum(sizes) > ASK_OVER_TOTAL and h.memory.data["raw_tokens"] > ASK_OVER_EACH and ctx.ask(
        "summary_enough", forms.gate(), question=query.text, summary=h.memory.data["summary"], cites=[h], otherwise=False), others)
    pieces = [budget.Piece(h.memory.data["raw_tokens"], h.memory.data["summary_tokens"], yes) for h, yes in zip(others, enough, strict=True)]
    forms_of = budget.fitted(pieces, limit - sum(budget.tokens(h.memory.text) for h in flash))
    active = [shown(others[i], form, "activation") for i, form in sorted(forms_of.items())]
    return sorted([*active, *flash][: query.k], key=lambda h: (-h.score, h.memory.id))


def ranked(query: Query, ctx: Context) -> list[Hit]:
    """The stream by recency plus relevance, best first: the MOST + 1 best and the newest turn."""
    columns = ctx.view.columns()
    if not len(columns.slot):
        return []
    order = np.argsort(np.argsort(columns.opened, kind="stable"), kind="stable")
    recency = np.round(ctx.params["recency"] * ctx.params["decay"] ** (len(order) - 1.0 - order), 6)
    relevance = np.round(ctx.view.cosines(ctx.embed([query.text])[0], columns.slot), 6)
    best = np.lexsort((order, -(recency + relevance)))[: MOST + 1]
    chosen = list(dict.fromkeys([*best.tolist(), int(order.argmax())]))
    return [Hit(m, round(float(recency[i] + relevance[i]), 6), {"recency": float(recency[i]), "relevance": float(relevance[i])})
            for i, m in zip(chosen, ctx.view.at_slots(columns.slot[chosen]), strict=True)]


def shown(hit: Hit, form: str, part: str) -> Hit:
    """The hit with the text that goes into the prompt, raw or summary, and the memory it belongs to: flash or activation."""
    text = hit.memory.text if form == budget.RAW else hit.memory.data["summary"]
    return Hit(hit.memory.revised(text=text, data={"shown": form, "part": part}), hit.score, hit.why)


def answer(query: Query, hits: Sequence[Hit], ctx: Context) -> str:
    """The model's answer from the memories in the order in which they happened."""
    return ctx.ask("answer", forms.text(600), history=budget.chronological(hits), question=query.text, otherwise=hits[0].memory.text)


recipe = Recipe(
    name="scm", encode=encode, retrieve=retrieve, answer=answer, functions=("factual", "working"), needs=frozenset({"ask"}),
    asks=frozenset({"retrieve", "answer"}), params={"recency": 1.0, "decay": DECAY}, prompts=prompts(__file__))

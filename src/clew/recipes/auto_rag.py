"""Auto-RAG loop (untrained): the model decides, in its own words, what to look up, whether to go on, and when to stop.

Paper:     arXiv:2411.19443
Code:      written from the paper and a specification, no code copied
Forms:     token        Functions: factual, working
Formation: raw
Evolution: none
Retrieval: timing and intent, decomposition, rewriting, hybrid
Quadrant:  V
Group:     agentic
Calls:     0 per add; 1 per turn and 1 between turns per recall, 10 turns at most; 0 to 11 more per answer
Published: none comparable (HotpotQA F1 44.9, 2Wiki F1 48.9, average of six 44.3, each over the whole of Wikipedia)
Checklist: 4 of 5: Auto-RAG loop (untrained)
Differs:   1. between turns the model is also asked, yes or no, whether the passages are enough (`gate`): a small one that is
              told to write "Final answer:" seldom does, a model without prose never
           2. the answer of the turn after the last and that of the parametric phase are returned; as released both are lost
           3. after each text from its own knowledge the model is asked for the answer again; such texts never become memories
           4. passages by words and vectors; hits are the loop's, in their order, fused with the question's own search (`fill`)
Results:   arena table, row auto_rag
"""
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from clew.context import Context
from clew.models import forms
from clew.operators import encode, retrieve
from clew.operators.search import dialogue, loop
from clew.recipe import Recipe, prompts
from clew.types import Event, Hit, Memory, Query, Source

PARAMS = {
    "most": 10,  # turns of the loop, and no more (release)
    "passages": 2,  # new ones a turn (release)
    "own": 5,  # texts that the model writes from its own knowledge at most (release); 0 is none
    "decides": True, "unseen": True, "last": True,  # the model's decisions, new passages only, the turn after the last one
    "gate": True, "fill": True,  # see Differs 1 and 4 (ours)
    "passage": 600,  # characters, about a hundred words (the paper's collection)
}
TURN, ANSWER, OWN = 500, 300, 500  # characters of a turn, an answer, a text of the model's own (ours)
UNKNOWN = "It is not known."


def passages(events: Sequence[Event], ctx: Context) -> list[Memory]:
    """What was said or read, verbatim, in passages."""
    event = events[0]
    spans = [Source(event.seq, a, b) for a, b in encode.windows(event.text, ctx.params["passage"])]
    words = encode.spoken(event)
    return [ctx.memory(event.text[s.start:s.end], kind="passage", sources=[s], actor=event.actor, **words) for s in spans]


def found(query: Query, ctx: Context) -> list[Hit]:
    """The passages of the loop in the order in which they came, their ranks fused with those of the question's own search."""
    talk = loop.iterate(partial(turn, query, ctx), dialogue.Talk(), ctx.params["most"])
    return dialogue.ranked(talk, retrieve.hybrid(query, ctx) if ctx.params["fill"] else [], query.k)


def turn(query: Query, ctx: Context, talk: dialogue.Talk, seen: set[str]) -> tuple[dialogue.Talk, bool]:
    """One turn, and whether it goes on: the model stops with an answer, or asks, and passages that it has not seen come back."""
    shown = {"question": query.text, "passages": talk.passages, "earlier": "\n".join(talk.turns)}
    said, final, wanted = query.text, "", query.text
    if ctx.params["decides"]:
        if talk.found and ctx.params["gate"] and ctx.ask("enough", forms.gate("enough"), otherwise=False, **shown):
            return replace(talk, answer=concluded("", shown, ctx)), False
        said = ctx.ask("turn", forms.text(TURN, means="question"), otherwise=query.text, **shown)
        final, wanted = dialogue.decided(said)
    if final:
        return replace(talk, turns=(*talk.turns, said), answer=final), False
    wanted = wanted or query.text
    near = retrieve.hybrid(replace(query, text=wanted, k=ctx.params["passages"] + len(seen)), ctx)
    hits = [h for h in near if not ctx.params["unseen"] or h.memory.id not in seen][: ctx.params["passages"]]
    loop.fresh(hits, seen)
    came = [(hit, len(talk.turns) + 1) for hit in hits]
    return dialogue.Talk((*talk.turns, said), (*talk.queries, wanted), (*talk.found, *came)), True


def concluded(own: str, shown: Mapping[str, Any], ctx: Context) -> str:
    """The answer that the model gives when it may not ask any more; empty where it knows none."""
    return dialogue.answered(ctx.ask("conclude", forms.text(ANSWER, means="answer"), otherwise="", own=own, **shown))


def answer(query: Query, hits: Sequence[Hit], ctx: Context) -> str:
    """The answer that ended the loop; else one more turn's; else what the model's own knowledge of its queries gives."""
    state = hits[0].memory.data.get("loop") or {"answer": "", "queries": [query.text]}
    shown = {"question": query.text, "passages": [h.memory for h in hits], "earlier": ""}
    said, own = state["answer"], ""
    if not said and ctx.params["last"]:
        said = concluded("", shown, ctx)
    for wanted in () if said else state["queries"][: ctx.params["own"]]:
        own += "\n" + ctx.ask("own", forms.text(OWN, means="description"), question=wanted, otherwise="")
        if said := concluded(own.strip(), shown, ctx):
            break
    return said or UNKNOWN


recipe = Recipe(
    name="auto_rag", encode=passages, retrieve=found, answer=answer, functions=("factual", "working"),
    asks=frozenset({"retrieve", "answer"}), unsupported=True, params=PARAMS, prompts=prompts(__file__))

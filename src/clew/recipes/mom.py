"""MoM extraction (prompted): a document is outlined, cut where a model says, and condensed; three layers are searched.

Paper:     arXiv:2510.14252
Code:      written from the paper and a specification, no code copied
Forms:     token        Functions: factual
Formation: structured construction, semantic summarization
Evolution: none
Retrieval: hybrid, rerank and filter
Quadrant:  II
Group:     explicit
Calls:     2 to 6 per add of a document (outline and scenarios, up to three times; 0 for a short turn); 0 per recall, 1 per answer
Published: none comparable (ROUGE-L of answers on CRUD, OmniEval and MultiFieldQA-zh)
Checklist: 5 of 5: MoM extraction (prompted)
Differs:   1. outline and scenarios are two calls, and a scenario names its line of the outline, which is checked
           2. the candidates differ in how many parts they may have; samples at a low temperature would differ by luck alone
           3. by default likelihoods are an n-gram floor's (it sees repetition only); `mom[perplexity]` takes them of the judge that
              is connected, a language model behind an endpoint; a boundary's probability is ppl(next | chunk) / ppl(next)
           4. layers are searched by words and vectors; a chunk's own likeness plus a share of that of the core and the outline
              that lead to it stands in for the trained reranker
           5. what has no more than `whole` characters is a chunk as it is, without a model
Results:   arena table, row mom
"""
from collections.abc import Mapping, Sequence

from clew.context import Context
from clew.models import forms
from clew.operators import encode
from clew.operators.documents import layers, perplexity, spans
from clew.recipe import Recipe, prompts
from clew.types import Event, Hit, Memory, Query, Source

PARAMS = {
    "grains": (300, 600, 1200), "samples": 3,  # characters a part, fine to coarse, and how many of them make candidates (ours)
    "evaluator": "ngram",  # whose likelihoods choose among candidates: ngram (a floor), model (the judge)
    "outline": True, "boundaries": True, "cores": True, "layers": True, "expand": True,  # the mechanisms, to be switched off
    "least": 50, "most": 250,  # characters: a shorter chunk is joined to a neighbour, up to so many together (release)
    "whole": 250, "window": 6000,  # characters: up to so many stay in one; a longer document is read in such parts (ours)
    "top": 8,  # found in each layer (release)
    "led": 0.5,  # weight of a core's likeness to the question beside its chunk's own; half of it for an outline's (ours)
    "alike": 0.5,  # edit distance, as a share of the shorter, below which of two hits the lower goes (release)
}
LINE, MARK, CORE = 120, 80, 400  # characters of a line of the outline, of first and last words, of core content (ours)
Reading = tuple[Sequence[str], list[Memory], list[Memory | None]]  # outline, chunks in order, core content of each (or None)


def memorize(events: Sequence[Event], ctx: Context) -> list[Memory]:
    """What was read or said as chunks, core contents and outline; a short text is one chunk."""
    windows = [spans.trimmed(events[0].text, a, b) for a, b in encode.windows(events[0].text, ctx.params["window"])]
    return [memory for a, b in windows for memory in document(events[0], a, b, ctx)]


def document(event: Event, start: int, end: int, ctx: Context) -> list[Memory]:
    """The best of several readings of one document, or of one window of a long one; its layers are tied by links."""
    text = event.text[start:end]
    if len(text) <= ctx.params["whole"]:
        return [chunk(event, start, end, "", ctx)]
    most = dict.fromkeys(max(2, -(-len(text) // size)) for size in ctx.params["grains"][: ctx.params["samples"]])
    readings = [reading(event, start, text, *found, ctx) for found in ctx.map(lambda parts: plan(text, parts, ctx), most)]
    best = perplexity.fused([perplexity.scored(chunks, cores, ctx) for _, chunks, cores in readings]) if len(readings) > 1 else 0
    outline, chunks, cores = readings[best]
    sources = [source for c in chunks for source in c.sources]
    head = [ctx.memory("\n".join(outline), kind="outline", sources=sources, basis=chunks)] if outline else []
    return [*(m.revised(links=((head or chunks)[0].id,)) for m in (*chunks, *cores) if m is not None), *head]


def plan(text: str, parts: int, ctx: Context) -> tuple[list[str], list[Mapping[str, str]]]:
    """(outline, scenarios): an outline of so many lines at most, then its scenarios by first and last words."""
    lines, form = [], forms.texts(parts, LINE, 1, means="sentences")
    if ctx.params["outline"]:
        lines = [line for line in ctx.ask("outline", form, document=text, otherwise=[]) if line]
    fields = {"name": list(dict.fromkeys(lines)) or ["the whole"], "first": MARK, "last": MARK, "text": CORE}
    form = forms.records(fields, parts, 1, means="scenarios")
    return lines, ctx.ask("scenarios", form, outline="\n".join(fields["name"]), document=text, otherwise=[])


def reading(event: Event, start: int, text: str, outline: Sequence[str], marked: Sequence[Mapping[str, str]], ctx: Context) -> Reading:
    """The chunks that the marks delimit, cut verbatim from the source; each with what the model says is its core."""
    cuts = [spans.Cut((i,) if i < len(marked) else (), a, b) for i, (a, b) in enumerate(encode.windows(text, ctx.params["most"]))]
    if ctx.params["boundaries"]:
        found = spans.recovered(text, [(m["first"], m["last"]) for m in marked])
        cuts = spans.merged(text, found, ctx.params["least"], ctx.params["most"])
    chunks, cores = list[Memory](), list[Memory | None]()
    for cut in cuts:
        a, b = spans.trimmed(text, cut.start, cut.end)
        lines, said = (dict.fromkeys(marked[i][field].strip() for i in cut.marks) for field in ("name", "text"))
        chunks.append(chunk(event, start + a, start + b, "; ".join(line for line in lines if line in outline), ctx))
        core, about = " ".join(filter(None, said)), {"sources": chunks[-1].sources, "basis": chunks[-1:], **chunks[-1].data}
        cores.append(ctx.memory(core, kind="core", **about) if core and ctx.params["cores"] else None)
    return outline, chunks, cores


def chunk(event: Event, start: int, end: int, title: str, ctx: Context) -> Memory:
    """A piece of the source as it stands, under its line of the outline."""
    return ctx.memory(event.text[start:end], kind="chunk", sources=[Source(event.seq, start, end)], actor=event.actor, title=title)


def indexed(memory: Memory) -> str:
    """A chunk or core under its line of the outline, in one text and one vector; an outline as it is."""
    return f"{memory.data['title']}\n{memory.text}" if memory.data.get("title") else memory.text


def found(query: Query, ctx: Context) -> list[Hit]:
    """Chunks, found by themselves or through their core content or outline, ranked by what they and those are like; no two alike."""
    shares = {"core": ctx.params["led"], "outline": ctx.params["led"] / 2} if ctx.params["layers"] else {}
    return layers.distinct(layers.layered(query, "chunk", shares, ctx.params["top"], ctx.params["expand"], ctx), ctx.params["alike"], query.k)


def answer(query: Query, hits: Sequence[Hit], ctx: Context) -> str:
    """A short answer from the chunks."""
    form = forms.text(400, means="answer")
    return ctx.ask("answer", form, passages=[h.memory for h in hits], question=query.text, otherwise=hits[0].memory.text)


recipe = Recipe(
    name="mom", encode=memorize, retrieve=found, answer=answer, indexed=indexed, needs=frozenset({"ask"}), asks=frozenset({"answer"}),
    params=PARAMS, prompts=prompts(__file__))
judged = recipe.variant("perplexity", evaluator="model", needs=frozenset({"ask", "judge"}))

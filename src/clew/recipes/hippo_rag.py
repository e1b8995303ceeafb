"""HippoRAG: an index of phrases and facts beside the passages, on which a question walks (personalised PageRank).

Paper:     arXiv:2405.14831, and for what is marked 2: arXiv:2502.14802
Code:      written from the papers, no code copied
Forms:     token        Functions: factual
Differs:   1. every synonym edge weighs 1, not its likeness; a phrase meets those that were there before it
           2. seeds are both the question's entities (1) and the facts recognised by the model (2)
           3. facts and phrases are written once; how often passages state a fact is counted on their links
Results:   arena table, row hippo_rag
Formation: structured construction
Evolution: none
Retrieval: semantic, graph, hybrid, rerank and filter
Quadrant:  II
Group:     explicit
Calls:     2 per passage per add; 2 per recall, 1 per answer
Published: none comparable (recall@5 of 1,000 dev questions each, over larger corpora)
Checklist: 6 of 6
"""
from collections.abc import Sequence

import numpy as np

from clew.context import Context
from clew.models import forms
from clew.operators import budget
from clew.operators.graphs import graph, pagerank
from clew.recipe import CONTENT, Recipe, prompts
from clew.types import Event, Hit, Memory, Query

PARAMS = {
    "window": 2000,  # characters of a passage; longer events become several (ours)
    "synonyms": 0.8,  # cosine from which two phrases are joined (paper); above 1 none are
    "near": 10,  # phrases that a new one is compared with (ours; paper: 100, offline)
    "damping": 0.5,  # probability to walk on rather than to start again (paper)
    "extraction": True, "entities": True, "specificity": True, "walk": True,  # mechanisms that can be left out
    "facts": 5,  # nearest to the question, of which the model keeps those that bear on it (2); 0 for none
    "passages": 0.05,  # weight of a passage's own likeness among the seeds (2); 0 for none
    "by_nodes": False,  # passages scored by the sum of their phrases (1), not as nodes of the walk themselves (2)
}
PASSAGE, TRIPLET, PHRASE = "passage", "triplet", "phrase"


def index(events: Sequence[Event], ctx: Context) -> list[Memory]:
    """Passages as they are, tied to the phrases and facts that a model reads in them; new phrases meet their synonyms."""
    written: dict[str, Memory] = {}
    for passage in graph.passages(events[0], ctx, PASSAGE, ctx.params["window"]):
        named, facts = graph.extracted(passage, ctx) if ctx.params["extraction"] else ([], [])
        phrases = dict.fromkeys([*(e["name"] for e in named), *(end for f in facts for end in (f[0], f[2]))])
        for f in facts:
            graph.once(", ".join(f), TRIPLET, f"t:{', '.join(f)}", (f[0], f[2]), passage, written, ctx)
        new = [p for p in phrases if f"n:{p}" not in written and not graph.present(f"n:{p}", PHRASE, ctx)]
        synonyms = graph.alike(ctx.embed(new), ctx.params["near"], ctx.params["synonyms"], PHRASE, ctx) if new else []
        for phrase, near in zip(new, synonyms, strict=True):
            written[f"n:{phrase}"] = graph.drawn(phrase, PHRASE, f"n:{phrase}", [phrase, *map(graph.end, near)], passage, ctx)
        links = [*(f"e:{p}" for p in phrases), *(f"t:{', '.join(f)}" for f in facts)]
        written[passage.id] = passage.revised(links=tuple(dict.fromkeys(links)))
    return list(written.values())


def seeds(query: Query, ctx: Context) -> dict[str, float]:
    """Where the walk starts, phrase -> weight: the phrases nearest to the question's entities, and those of apt facts."""
    found: dict[str, float] = {}
    records = ctx.ask("question", graph.ENTITIES, question=query.text, otherwise=[]) if ctx.params["entities"] else []
    names = list(dict.fromkeys(name for r in records if (name := graph.named(r["name"]))))
    for vector in ctx.embed(names) if names else ():
        for hit in ctx.view.nearest(vector, 1, (PHRASE,)):
            phrase = graph.end(hit.memory)
            found[phrase] = max(hit.score, found.get(phrase, 0.0))
    facts = {h.memory.id: h for h in ctx.view.nearest(ctx.embed([query.text])[0], ctx.params["facts"], (TRIPLET,))}
    if facts:
        shown = [h.memory for h in facts.values()]
        for id in ctx.ask("recognise", forms.choices(list(facts), len(facts), "apt"), facts=shown, question=query.text, otherwise=[]):
            for node in (n for n in facts[id].memory.links if n.startswith("e:")):
                found[node[2:]] = max(facts[id].score, found.get(node[2:], 0.0))
    return found


def retrieve(query: Query, ctx: Context) -> list[Hit]:
    """The passages in which a walk that starts at the question's phrases spends its time, best first."""
    passages = pagerank.net(ctx, (PASSAGE,))
    facts, phrases = (pagerank.net(ctx, (kind,)) for kind in (TRIPLET, PHRASE))
    start, size = seeds(query, ctx), passages.size
    likeness = np.maximum(ctx.view.cosines(ctx.embed([query.text])[0], passages.slots), 0)
    rows, nodes = passages.of("e")
    reset = np.zeros(size + len(passages.slots))
    for phrase, weight in start.items():
        reset[passages.number([f"e:{phrase}"])] = weight
    if ctx.params["specificity"]:
        reset[:size] /= np.maximum(np.bincount(nodes, minlength=size), 1)
    reset[size:] = ctx.params["passages"] * likeness
    edges = pagerank.joined(pagerank.stated(facts, passages), pagerank.starred(phrases))
    if not ctx.params["by_nodes"]:
        edges = pagerank.joined(edges, (nodes, size + rows, np.ones(len(rows))))
    time = pagerank.pagerank(edges, reset, ctx.params["damping"]) if ctx.params["walk"] else reset
    score = time[size:]
    if ctx.params["by_nodes"] or not ctx.params["walk"]:
        score = score + np.bincount(rows, time[nodes], len(passages.slots))
    score = np.round(score / max(score.max(initial=0.0), 1e-12), pagerank.DIGITS)
    best = np.lexsort((ctx.view.order(passages.slots), -score))[: query.k]
    best = best[score[best] > 0]
    return ctx.view.hits(passages.slots[best], score[best], "pagerank")


def answer(query: Query, hits: Sequence[Hit], ctx: Context) -> str:
    """A short answer from the passages."""
    shown = {"records": budget.dated(hits), "question": query.text, "cites": hits}
    return ctx.ask("answer", forms.text(400, "answer"), otherwise=hits[0].memory.text, **shown)


recipe = Recipe(
    name="hippo_rag", on=CONTENT | {"edit"}, encode=index, retrieve=retrieve, answer=answer, indexed=graph.said,
    needs=frozenset({"ask"}), asks=frozenset({"retrieve", "answer"}), params=PARAMS, prompts=prompts(__file__))

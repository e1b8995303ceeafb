"""HGMem: a question's working memory as a hypergraph of memory points, which merge, and guide where to look next.

Paper:     arXiv:2512.23959
Code:      written from a specification alone, no code read
Forms:     token        Functions: factual, working
Differs:   1. a turn is several small calls, each checked: points by an edit script over their ids, merging by another, then a
              gate, a choice and questions; a point's objects are the names in its text, not a list of the model's
           2. a merged point takes the place of those it was made of; in the release those stay in the hypergraph
           3. a local look is kept to the surroundings of its own point; the release joins those of all concerns
           4. an entity keeps the description that it got first, and none is made up for names that the graph lacks
           5. what the points leave free of k goes to the chunks nearest to the question, after all others
           6. what a page said changes no point that rests on what a person said
Results:   arena table, row hgmem
Formation: structured construction
Evolution: consolidation (local), updating
Retrieval: timing and intent, decomposition, semantic, graph, aggregate and compress
Quadrant:  V
Group:     agentic
Calls:     2 per chunk of 200 tokens per add; up to 17 per recall: in each of three turns evolve, then merge (from the second),
           enough, where, and up to four for what to ask next (none after the last)
Published: none comparable
Checklist: 6 of 6
"""
from collections.abc import Sequence
from dataclasses import replace

from clew.context import CHARS_PER_TOKEN, Context
from clew.models import forms
from clew.operators import budget
from clew.operators.graphs import graph, hypergraph
from clew.operators.graphs.hypergraph import CHUNK, ENTITY, NODE, RELATION, Aim, Working
from clew.operators.search import loop
from clew.recipe import CONTENT, Recipe, prompts
from clew.types import Event, Hit, Memory, Query

PARAMS = {
    "chunk": 200, "overlap": 50,  # tokens of a chunk, and of those what it has in common with the one before (release)
    "turns": 3,  # of the loop (release)
    "entities": 20, "used": 5,  # found for one question, and of those the ones that lead to chunks (release)
    "relations": 5, "chunks": 5,  # for one question; chunks twice, by entities and by plain search (release)
    "floor": 0.2,  # cosine of entities and relations (release, of another embedder)
    "turn_tokens": 4000, "final_tokens": 10000, "final": 50,  # chunks shown in one turn, and in the end; how many (release)
    "inner": 5, "outer": 5,  # chunks of a point, of its own objects and one hop away (release)
    "weight": 0.3,  # of a chunk's likeness to a point beside that to the question, in the order of the evidence (ours)
    "concerns": 3,  # looked into after one turn (release)
    "hops": 2,  # around a point that a local look reaches (release)
    "arity": 12,  # objects of one point; 2 makes an ordinary graph of it (ours)
    "update": True, "merge": True, "guided": True, "restrict": True, "enough": True, "per_point": True,  # the mechanisms
}
TYPES = ("organization", "person", "geo", "event", "role", "concept")
ENTITIES = forms.records({"name": 60, "type": TYPES, "description": 160}, 12, means="entities")


def index(events: Sequence[Event], ctx: Context) -> list[Memory]:
    """Chunks, the entities that they name, and the relations between those: the graph, made before any question."""
    size, overlap = (CHARS_PER_TOKEN * tokens for tokens in (ctx.params["chunk"], ctx.params["overlap"]))
    written: dict[str, Memory] = {}
    for chunk in graph.passages(events[0], ctx, CHUNK, size - overlap, overlap):
        entities, facts = graph.extracted(chunk, ctx, ENTITIES)
        for e in entities:
            graph.once(f"{e['name']} ({e['type']}): {e['description']}", ENTITY, f"n:{e['name']}", [e["name"]], chunk, written, ctx)
        for f in facts:
            graph.once(" ".join(f), RELATION, f"r:{', '.join(f)}", (f[0], f[2]), chunk, written, ctx)
        names = [*(e["name"] for e in entities), *(end for f in facts for end in (f[0], f[2]))]
        written[chunk.id] = chunk.revised(links=tuple(dict.fromkeys(NODE + name for name in names)))
    return list(written.values())


def turn(question: str, now: Working, seen: set[str], ctx: Context) -> tuple[Working, bool]:
    """Look, take in, merge; then, unless what is known is enough, decide where to look next."""
    relations, chunks = hypergraph.evidence(now, seen, ctx)
    if not relations and not chunks:
        return now, False  # all that can be found has been read
    now = hypergraph.evolved(question, now, [*relations, *chunks.values()], ctx)
    now = replace(now, retrieved=(*now.retrieved, *chunks), turn=now.turn + 1)
    if now.turn > 1 and ctx.params["merge"]:
        now = hypergraph.merged(question, now, ctx)
    if now.turn == ctx.params["turns"] or enough(question, now, ctx):
        return now, False
    return replace(now, aims=aims(question, now, ctx)), True


def enough(question: str, now: Working, ctx: Context) -> bool:
    """Whether the points answer the question."""
    return ctx.params["enough"] and ctx.ask("enough", forms.gate("enough"), points=list(now.points), question=question, otherwise=True)


def aims(question: str, now: Working, ctx: Context) -> tuple[Aim, ...]:
    """Up to three concerns: a question about a point, asked of its surroundings only (local), or of anything (global)."""
    most, points = ctx.params["concerns"], {p.id: p for p in now.points}
    shown = {"points": list(now.points), "question": question}
    if points and ctx.params["guided"] and ctx.ask("where", forms.choice(["local", "global"], "label"), otherwise="global", **shown) == "local":
        chosen = [points[id] for id in ctx.ask("concerns", forms.choices(list(points), most, "apt"), otherwise=[], **shown)]
        asked = ctx.map(lambda p: ctx.ask("local", forms.text(200, "question"), point=p, question=question, otherwise=p.text), chosen)
        return tuple(Aim(text, point.links) for text, point in zip(asked, chosen, strict=True))
    texts = ctx.ask("global", forms.texts(most, 200, means="queries"), otherwise=[], **shown)
    return tuple(Aim(text) for text in texts if text)


def retrieve(query: Query, ctx: Context) -> list[Hit]:
    """The evidence of every memory point of a loop of at most three turns."""
    start = Working((Aim(query.text),))
    end = loop.iterate(lambda now, seen: turn(query.text, now, seen, ctx), start, ctx.params["turns"])
    return hypergraph.assembled(query.text, end, query.k, ctx)


def answer(query: Query, hits: Sequence[Hit], ctx: Context) -> str:
    """A short answer from the points and their evidence."""
    shown = {"points": hypergraph.described(hits), "records": budget.dated(hits), "question": query.text, "cites": hits}
    return ctx.ask("answer", forms.text(400, "answer"), otherwise=hits[0].memory.text, **shown)


recipe = Recipe(
    name="hgmem", on=CONTENT | {"edit"}, encode=index, retrieve=retrieve, answer=answer, indexed=graph.said,
    functions=("factual", "working"), needs=frozenset({"ask"}), asks=frozenset({"retrieve", "answer"}), params=PARAMS,
    prompts=prompts(__file__))

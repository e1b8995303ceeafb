"""The controls that stand beside every result: word matching, vectors, their fusions, and everything in the prompt.

All are variants of `verbatim`, so that they differ from it and from each other in how they find, and in nothing else.
"""

from clew.arena.systems import Door, FullContext, System
from clew.context import Context
from clew.models import Models
from clew.operators import retrieve
from clew.recipe import load
from clew.types import Hit, Query


def rrf(query: Query, ctx: Context) -> list[Hit]:
    """The k best by reciprocal rank fusion of BM25 and cosine."""
    pool = max(retrieve.POOL, query.k)
    near = ctx.view.nearest(ctx.embed([query.text])[0], pool)
    return retrieve.reciprocal({"bm25": ctx.view.matching(query.text, pool), "cosine": near})[: query.k]


def controls(models: Models | None = None) -> list[System]:
    """BM25, dense, their reciprocal rank fusion, their min-max sum, and full context, in this order."""
    verbatim = load("verbatim")
    ways = {"bm25": retrieve.bm25, "dense": retrieve.dense, "rrf": rrf, "minmax": retrieve.hybrid}
    return [*(Door(verbatim.variant(name, retrieve=way), models) for name, way in ways.items()), FullContext()]

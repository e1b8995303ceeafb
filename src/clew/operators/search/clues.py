"""Queries made from what is remembered (O15), and what they find put together again in the order in which it was written."""

import re
from collections.abc import Iterable, Mapping, Sequence

from clew.context import Context
from clew.operators import budget
from clew.operators.retrieve import reciprocal
from clew.types import Hit, Memory, Scope

VERSION = 1
WORDS = 3  # a line of at most so many words is no query (MemoRAG's release)


def lines(texts: Iterable[str], words: int = WORDS) -> list[str]:
    """The lines of some texts that have more than so many words, each once, in order; marks of a list taken off."""
    found = (re.sub(r"^\s*(?:[-*•]|\d+[.)])\s*", "", line).strip() for text in texts for line in text.splitlines())
    return list(dict.fromkeys(line for line in found if len(line.split()) > words))


def united(queries: Mapping[str, Sequence[str]], each: int, k: int, kinds: Sequence[str], ctx: Context) -> list[Hit]:
    """The union of what the queries find, at most k, best first, ties by id; a share is named after a group of queries.

    The first group's (the question itself) finds k, so that there are k if there can be; every other query `each`. What one
    group finds is ranked together, then the groups are, both by reciprocal ranks: many queries do not crowd out the question.
    """
    rankings: dict[str, Sequence[Hit]] = {}
    for group, texts in queries.items():
        most = each if rankings else k
        found = {str(i): ctx.view.nearest(vector, most, kinds) for i, vector in enumerate(ctx.embed(list(texts)) if texts else ())}
        rankings[group] = reciprocal(found)
    return reciprocal(rankings)[:k]


def in_document_order(hits: Sequence[Hit]) -> list[Hit]:
    """The same hits in the order in which their words were written: of the log, then within a text."""
    return sorted(hits, key=lambda h: ([(s.seq, s.start) for s in h.memory.sources], h.memory.id))


def pieces(memories: Sequence[Memory], sizes: Sequence[int], limit: int) -> list[list[Memory]]:
    """Consecutive memories together, each piece as soon as its sizes reach the limit; the last one may be smaller."""
    found: list[list[Memory]] = []
    room = 0
    for memory, size in zip(memories, sizes, strict=True):
        if room <= 0:
            found.append([])
            room = limit
        found[-1].append(memory)
        room -= size
    return found


def common(memories: Sequence[Memory]) -> Scope:
    """The scope of what is made of several memories: what is theirs alike; a field in which they differ is left open."""
    users, agents, sessions = ({getattr(m.scope, name) for m in memories} for name in ("user", "agent", "session"))
    return Scope(*(next(iter(names)) if len(names) == 1 else None for names in (users, agents, sessions)))


def parts(texts: Sequence[str], limit: int) -> list[range]:
    """Places of consecutive texts that go into one prompt of at most `limit` tokens; a longer text goes alone."""
    found: list[range] = []
    room = 0
    for place, text in enumerate(texts):
        cost = budget.tokens(text)
        if not found or cost > room:
            found.append(range(place, place))
            room = limit
        found[-1] = range(found[-1].start, place + 1)
        room -= cost
    return found

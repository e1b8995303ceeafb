"""Reading: from hits to an answer, with no model."""
from collections.abc import Sequence
from datetime import UTC

from clew.context import Context
from clew.operators import retrieve
from clew.storage.terms import terms
from clew.types import Hit, Query

SUPPORT = 0.5  # share of the question's weight of words that a quote must cover to be taken as an answer


def without_model(query: Query, ctx: Context) -> list[Hit]:
    """What any recipe's memories give when its model cannot be reached: hybrid search."""
    return retrieve.hybrid(query, ctx)


def extract(query: Query, hits: Sequence[Hit], ctx: Context) -> tuple[str, float, list[Hit]] | None:
    """(text, support 0..1, hits quoted) of the best supported hit; None where no hit supports an answer."""
    wanted = set(terms(query.text))
    if not wanted:
        return hits[0].memory.text, 1.0, [hits[0]]
    best = max(hits[:5], key=lambda h: (len(wanted & set(terms(h.memory.text))), h.score))
    support = len(wanted & set(terms(best.memory.text))) / len(wanted)
    return (best.memory.text, support, [best]) if support >= SUPPORT else None


def dated(hits: Sequence[Hit]) -> str:
    """One line a hit for a prompt: when it was (UTC), who said it, its text; whoever shows it cites the hits."""
    lines = []
    for memory in (hit.memory for hit in hits):
        when = memory.since.astimezone(UTC).strftime("[%Y-%m-%d %H:%M] ") if memory.since else ""
        lines.append(f"{when}{memory.actor + ': ' if memory.actor else ''}{memory.text}")
    return "\n".join(lines)

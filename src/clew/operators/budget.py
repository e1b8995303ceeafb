"""Assembly under a token budget: each memory whole or as its summary, in whichever order the reader wants.

Pure functions: what a model decided (may the summary stand in?) comes in as a value, so that the fit can be tested alone.
"""
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from clew.context import CHARS_PER_TOKEN
from clew.types import Hit

VERSION = 1
RAW, SUMMARY = "raw", "summary"
BEGINNING = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Piece:
    """What one memory would cost, in tokens. `enough` says that its summary answers as well as the whole."""

    raw: int
    summary: int
    enough: bool = False

    def cost(self, form: str) -> int:
        """Tokens of that form."""
        return self.raw if form == RAW else self.summary


def tokens(text: str) -> int:
    """About how many tokens a text has; the count that `Query.max_tokens` is checked with."""
    return -(-len(text) // CHARS_PER_TOKEN)


def fitted(pieces: Sequence[Piece], limit: int) -> dict[int, str]:
    """Which pieces are shown, and as what: place in `pieces` (most similar first) -> raw or summary, `limit` tokens at most.

    Summaries that are enough are taken first. Over the limit, the rest go from raw to summary and then out, the least
    similar first each time (SCM, section 3.3); a piece that could never fit is left out before anything else suffers for it.
    """
    shown = {i: SUMMARY if p.enough and p.summary < p.raw else RAW for i, p in enumerate(pieces) if min(p.raw, p.summary) <= limit}

    def spent() -> int:
        return sum(pieces[i].cost(form) for i, form in shown.items())

    for i in sorted(shown, reverse=True):
        if spent() <= limit:
            return shown
        if pieces[i].summary < pieces[i].raw:
            shown[i] = SUMMARY
    for i in sorted(shown, reverse=True):
        if spent() <= limit:
            break
        del shown[i]
    return shown


def chronological(hits: Sequence[Hit]) -> list[Hit]:
    """The same hits in the order in which they happened; what happened at one moment in the order of the log."""
    return sorted(hits, key=lambda h: (h.memory.since or BEGINNING, h.memory.opened or 0, h.memory.id))

"""Assembly under a token budget: each memory whole or as its summary, in whichever order the reader wants.

Pure functions: what a model decided (may the summary stand in?) comes in as a value, so that the fit can be tested alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from clew.context import CHARS_PER_TOKEN
from clew.types import Hit, Memory

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


def clipped(text: str, chars: int) -> str:
    """The text, or its beginning and an ellipsis: so many characters at most."""
    return text if len(text) <= chars else f"{text[: chars - 1]}…"


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


def measured(memory: Memory, summary: str | None = None) -> Memory:
    """The memory with its summary (None: its own text serves) and both token counts in its data, which the rest here reads."""
    short = summary or memory.text
    return memory.revised(data={"summary": short, "raw_tokens": tokens(memory.text), "summary_tokens": tokens(short)})


def piece(hit: Hit, enough: bool = False) -> Piece:
    """What a measured memory would cost."""
    return Piece(hit.memory.data["raw_tokens"], hit.memory.data["summary_tokens"], enough)


def shown(hit: Hit, form: str, **data: str) -> Hit:
    """The hit of a measured memory with the text that goes into the prompt; its id still leads to the words it came from."""
    text = hit.memory.text if form == RAW else hit.memory.data["summary"]
    return Hit(hit.memory.revised(text=text, data={"shown": form, **data}), hit.score, hit.why)


def chronological(hits: Sequence[Hit]) -> list[Hit]:
    """The same hits in the order in which they happened; what happened at one moment in the order of the log."""
    return sorted(hits, key=lambda h: (h.memory.since or BEGINNING, h.memory.opened or 0, h.memory.id))


def dated(hits: Sequence[Hit]) -> str:
    """One line a hit for a prompt: when it was (UTC), who said it, its text; whoever shows it cites the hits."""
    lines = []
    for memory in (hit.memory for hit in hits):
        when = memory.since.astimezone(UTC).strftime("[%Y-%m-%d %H:%M] ") if memory.since else ""
        lines.append(f"{when}{memory.actor + ': ' if memory.actor else ''}{memory.text}")
    return "\n".join(lines)


def grouped(texts: Sequence[str], limit: int) -> list[list[str]]:
    """Neighbouring texts together, up to `limit` tokens a group but two texts at least, so that merging comes to an end."""
    groups: list[list[str]] = [[]]
    for text in texts:
        if len(groups[-1]) > 1 and tokens("".join((*groups[-1], text))) > limit:
            groups.append([])
        groups[-1].append(text)
    return groups

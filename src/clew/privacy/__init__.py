"""What may not leave and what must not be read: the redaction gate before models outside the process, canaries, keys at rest."""

from clew.privacy.canary import Canary, plant, tripped
from clew.privacy.gate import Gate, GatedAsker, GatedEmbedder, GatedJudge, found, gated, leaves, state
from clew.privacy.spans import KINDS, Span

__all__ = [
    "KINDS",
    "Canary",
    "Gate",
    "GatedAsker",
    "GatedEmbedder",
    "GatedJudge",
    "Span",
    "found",
    "gated",
    "leaves",
    "plant",
    "state",
    "tripped",
]

"""Two halves of the public data: one to choose and tune on, one to report.

A question belongs to the half that the hash of its group says: a group is what shares evidence (LoCoMo's `sample_id`,
LongMemEval's `group`, BEAM's `conversation_id`, elsewhere the question itself), so no evidence is in both. Of LoCoMo's
six public conversations three fall to each half.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Literal

from clew.arena.cases import Case

Half = Literal["tuning", "reporting", "all"]


def half(group: str) -> Half:
    """The half of a group: the first 32 bits of its SHA-256, even for tuning and odd for reporting."""
    return "reporting" if int(hashlib.sha256(group.encode()).hexdigest()[:8], 16) % 2 else "tuning"


def of(cases: Iterable[Case], wanted: Half) -> Iterator[Case]:
    """The cases with their questions of that half; those without any are left out."""
    for case in cases:
        kept = case.questions if wanted == "all" else tuple(q for q in case.questions if half(q.group) == wanted)
        if kept:
            yield replace(case, questions=kept)

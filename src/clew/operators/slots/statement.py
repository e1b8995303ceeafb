"""What a sentence states, as a value: somebody or something, a slot, what fills it, and the span that says so."""

from dataclasses import dataclass
from datetime import datetime

KINDS = ("relation", "preference", "state", "quantity", "date", "plan", "event")


@dataclass(frozen=True, slots=True)
class Statement:
    """One fact as it was said. `subject` and `slot` are normal forms, equal for equal things; the other words are as said.

    Two statements are about the same thing when `subject` and `slot` are equal. Where `single` is true a slot holds one
    value at a time, so a later value ends an earlier one; otherwise values stand beside each other ("likes").
    """

    subject: str  # whose: a speaker's name, "user", or a named thing; case-folded
    slot: str  # what of it: "lives in", "author"; case-folded, articles left out
    value: str  # as said
    start: int  # the span of the event's text that says it, half-open, in code points
    end: int
    kind: str = "state"  # one of KINDS
    single: bool = True
    negated: bool = False
    correcting: bool = False  # said as a correction ("actually", "I meant"): the earlier value was never true
    ending: bool = False  # says that the value no longer holds ("I left Acme"), and no other value takes its place
    since: datetime | None = None  # when it began or will begin, where that is said
    until: datetime | None = None

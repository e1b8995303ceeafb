"""Evolution techniques that two or more recipes share."""

from clew.types import Memory, may_end

VERSION = 1


def may_change(newer: Memory, older: Memory) -> bool:
    """Whether what came later may rewrite or end what is known."""
    return may_end(newer.trust, older.trust)

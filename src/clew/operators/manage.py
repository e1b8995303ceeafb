"""Evolution techniques that two or more recipes share."""

from clew.types import TRUST, Memory

VERSION = 1


def may_change(newer: Memory, older: Memory) -> bool:
    """Whether what came later may rewrite or end what is known: it is as trusted, or both were said in conversation.

    A page or a tool's output must not turn the user's own words into something else.
    """
    return newer.trust >= min(older.trust, TRUST["assistant"])

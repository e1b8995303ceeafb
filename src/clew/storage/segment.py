"""Postings as they lie in rows: at first a segment a landing, with all its terms; merged from time to time into rows a term.

A row a term for each landing would write some hundred rows for ten memories, and a few pages of the file for each.
"""

import struct
from collections.abc import Iterator, Mapping

import numpy as np

POSTING = np.dtype([("slot", "<u4"), ("tf", "u1")])
SEGMENT = ""  # the term of rows that are segments: no text has it
_HEAD = struct.Struct("<II")  # bytes of the terms, how many there are
_COUNT = np.dtype("<u4")


def packed(postings: Mapping[str, np.ndarray]) -> bytes:
    """A segment: the terms, how many postings each has, and the POSTING rows one after the other."""
    terms = "\n".join(postings).encode()  # terms are runs of letters and digits
    counts = np.array([len(rows) for rows in postings.values()], _COUNT)
    return _HEAD.pack(len(terms), len(counts)) + terms + counts.tobytes() + b"".join(rows.tobytes() for rows in postings.values())


def unpacked(segment: bytes) -> Iterator[tuple[str, np.ndarray]]:
    """(term, POSTING rows in slot order) of a segment, in the order they were packed."""
    length, number = _HEAD.unpack_from(segment)
    start = _HEAD.size + length
    counts = np.frombuffer(segment, _COUNT, number, start)
    rows = np.frombuffer(segment, POSTING, -1, start + counts.nbytes)
    at = 0
    for term, count in zip(segment[_HEAD.size : start].decode().split("\n"), counts.tolist()):
        yield term, rows[at : at + count]
        at += count


def cut(segment: bytes, slots: int) -> bytes:
    """The segment without the postings of slots from `slots` on; empty where nothing is left."""
    kept = {term: rows[: int(np.searchsorted(rows["slot"], slots))] for term, rows in unpacked(segment)}
    kept = {term: rows for term, rows in kept.items() if len(rows)}
    return packed(kept) if kept else b""

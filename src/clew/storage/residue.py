"""Looking for what should be gone: the forms that words take in a file, what of them others said too, and a search of raw bytes."""

import json
import re
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from clew.storage.terms import terms, unspaced
from clew.types import Event, body_text

ODD = np.uint64(0xBF58476D1CE4E5B9)  # mixes the two halves of sixteen bytes
WINDOWS = 2**20  # windows of eight bytes looked at together
PIECE = 2**25  # bytes of a file looked at at once
SAID = 2**23  # bytes of what others said, likewise
LONGEST = 400  # bytes of one form; a longer text is told by its windows
WINDOW = 40
FORMS = 4000  # forms looked for, at most; of more an even share
SHORTEST = 6  # bytes: shorter forms are found by chance among vectors and digests
_PLAIN = re.compile(rb'\{"body":(?:"|\{(?:"[a-z_]+":"[^"\\]*",)*"content":")')  # its text lies in it as it is, unless escaped
_ASCII_WORD = re.compile(r"[a-z0-9]+")
OURS = (
    "SELECT sql FROM sqlite_schema",
    "SELECT DISTINCT kind FROM event",
    "SELECT recipe, declared, state FROM generation",
    "SELECT key FROM meta",
    "SELECT DISTINCT kind, status, retired, ended FROM memory",
    "SELECT DISTINCT recipe, path, outcome, stage, model FROM answer",
)


def forms(text: str) -> set[bytes]:
    """The ways in which a text could lie in a file, lower case: UTF-8, UTF-16, JSON-escaped; long texts by their windows."""
    pieces = (
        [text]
        if len(text.encode()) <= LONGEST
        else [text[i : i + WINDOW] for i in range(0, len(text) - WINDOW, max(WINDOW, len(text) // 8))]
    )
    found: set[bytes] = set()
    for piece in pieces:
        found |= {piece.encode(), piece.encode("utf-16-le"), piece.encode("utf-16-be")}
        found |= {json.dumps(piece, ensure_ascii=ascii_only)[1:-1].encode() for ascii_only in (True, False)}
    return {form.lower() for form in found if len(form) >= SHORTEST}  # bytes: only ASCII letters lose their case, as in `scan`


def words(texts: Iterable[str]) -> set[bytes]:
    """The stemmed terms of these texts as they would lie in an index; short ones tell nothing."""
    found: set[str] = set()
    for text in texts:
        found.update(terms(" ".join(set(_ASCII_WORD.findall(text.lower()))) if text.isascii() else text))
    return {term.encode() for term in found if len(term) > 4}


# -- what others said -----------------------------------------------------------------------------------------------


def payloads(c: Any, gone: frozenset[int]) -> Iterator[list[tuple[int, bytes]]]:
    """(seq, the exact bytes) of every event that has its words and is not among those, in order, many at a time."""
    batch: list[tuple[int, bytes]] = []
    size = 0
    for seq, payload in c.execute("SELECT seq, payload FROM event WHERE payload IS NOT NULL ORDER BY seq"):
        if seq in gone:
            continue
        batch.append((seq, payload))
        size += len(payload)
        if size > SAID:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def others(c: Any, gone: frozenset[int], extra: str) -> Iterator[bytes]:
    """All that stays in the file whatever is forgotten, as bytes: what others said, in every form, and words of our own."""
    for batch in payloads(c, gone):
        yield b"\n".join(payload for _, payload in batch)
        escaped = [
            _decoded(payload) for _, payload in batch if b"\\" in payload or not _PLAIN.match(payload) or b'"tool_calls":' in payload
        ]
        if escaped:
            yield "\n".join(escaped).encode("utf-8", "backslashreplace")
    yield "\n".join([*(str(value) for query in OURS for row in c.execute(query) for value in row), extra]).encode()
    seqs = ",".join(map(str, gone))
    resting = f"SELECT answer FROM answer_rest WHERE seq IN ({seqs})"
    bodies: list[bytes] = []
    for (body,) in c.execute(f"SELECT body FROM answer WHERE body IS NOT NULL AND id NOT IN ({resting})"):
        bodies.append(body)
    yield b"\n".join(bodies)


def _decoded(payload: bytes) -> str:
    """An event's text and its body as recipes may have written them."""
    body = json.loads(payload)["body"]
    return "\n".join([body_text(body), json.dumps(body), json.dumps(body, ensure_ascii=False)])


def sought(c: Any, events: Sequence[Event], lost: Container[int], ours: str) -> list[bytes]:
    """What to look for once these events are gone: their words and names in every form, less what survives elsewhere.

    `lost` has the numbers of the names that go with them, `ours` the engine's own words about it.
    """
    looked: set[bytes] = set()
    for event in events[:: max(1, len(events) // (FORMS // 8))]:
        looked |= forms(event.text)
    looked |= {n.encode().lower() for e in events for n in (e.actor, e.scope.user) if n and len(n) > 3}
    kept = [text for number, text in c.execute("SELECT id, text FROM name WHERE text IS NOT NULL") if number not in lost]
    stems = words(e.text for e in events)
    found = sorted(alone(c, frozenset(e.seq for e in events), looked, stems, "\n".join([ours, *kept])))
    return found[:: -(-len(found) // FORMS) or 1]


def alone(c: Any, gone: frozenset[int], looked: Iterable[bytes], stems: set[bytes], extra: str) -> set[bytes]:
    """Of these forms and stemmed terms those that nothing else in the file says."""
    left = set(looked) | stems
    for said in others(c, gone, extra):
        if not left.isdisjoint(stems):
            left -= stems & words(_split(said))
        left -= present(said.lower(), left)
    return left


def _split(said: bytes) -> list[str]:
    """As text: lines of ASCII apart from the others, which are slower to take to pieces."""
    if said.isascii():
        return [said.decode()]
    lines = said.split(b"\n")
    plain = [line for line in lines if line.isascii()]
    other = [line for line in lines if not line.isascii()]
    return [b"\n".join(plain).decode(), b"\n".join(other).decode("utf-8", "replace")]


def mentions(c: Any, gone: frozenset[int], names: Iterable[str]) -> tuple[int, ...]:
    """The events, other than those, in whose text one of these names occurs as a word."""
    names = [name for name in names if len(name) > 1]
    if not names:
        return ()
    spelt = {name for given in names for name in (given, json.dumps(given, ensure_ascii=False)[1:-1])}
    rough = re.compile("|".join(map(re.escape, sorted(spelt))), re.IGNORECASE)
    exact = [re.compile(_whole(name), re.IGNORECASE) for name in names]
    found = []
    for batch in payloads(c, gone):
        joined = b"\n".join(payload for _, payload in batch).decode("utf-8", "replace")
        if not rough.search(joined):
            continue
        for seq, payload in batch:
            if rough.search(payload.decode("utf-8", "replace")):
                text = body_text(json.loads(payload)["body"])
                if any(pattern.search(text) for pattern in exact):
                    found.append(seq)
    return tuple(found)


def _whole(name: str) -> str:
    """A pattern for the name as a word of its own; a script without spaces has no such borders."""
    return (r"" if unspaced(name[0]) else r"(?<!\w)") + re.escape(name) + (r"" if unspaced(name[-1]) else r"(?!\w)")


# -- searching bytes ------------------------------------------------------------------------------------------------


def scan(
    paths: Iterable[Path],
    wanted: Sequence[bytes],
    opened: Callable[[Path], BinaryIO],
    progress: Callable[[int, int], None] | None = None,
) -> tuple[dict[bytes, list[str]], dict[str, int]]:
    """(form -> files that hold it, {forms, bytes}): search the bytes of files, letter case aside, a piece at a time.

    `opened` gives a file as it reads to who has its key: encryption must not hide a residue from the search.
    """
    found: dict[bytes, list[str]] = {}
    there = [path for path in paths if path.exists()]
    size, whole = 0, sum(path.stat().st_size for path in there)
    overlap = max(map(len, wanted), default=1) - 1
    for path in there:
        left, before = set(wanted), b""
        with opened(path) as file:
            while piece := file.read(PIECE):
                size += len(piece)
                data = before + piece.lower()
                here = present(data, left)
                for form in here:
                    found.setdefault(form, []).append(path.name)
                left -= here
                before = data[-overlap:] if overlap else b""
                if progress:
                    progress(size, whole)
    return found, {"forms": len(wanted), "bytes": size}


def present(data: bytes, wanted: Iterable[bytes]) -> set[bytes]:
    """The forms that occur in the data: one pass over all windows of eight bytes finds where a form may end, whatever their number."""
    forms = sorted(set(wanted))
    found = {form for form in forms if len(form) < 8 and form in data}
    ends: dict[int, list[bytes]] = {}
    for form in forms:
        if len(form) >= 8:
            ends.setdefault(int.from_bytes(form[-8:], "little"), []).append(form)
    tables = _tables(ends) if ends else None
    for shift in range(min(8, len(data) - 7) if tables else 0):
        windows = np.frombuffer(data, "<u8", (len(data) - shift) // 8, shift)
        for place in _ending(windows, *tables) if tables else ():
            key, end = int(windows[place]), place * 8 + shift + 8
            if ended := [form for form in ends[key] if data.endswith(form, 0, end)]:
                found.update(ended)
                ends[key] = [form for form in ends[key] if form not in found]
    return found


def _tables(ends: dict[int, list[bytes]]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """For `_ending`: the last windows of forms, those of forms with one window only, and which mixed windows and pairs occur."""
    keys = np.array(sorted(ends), np.uint64)
    short = np.array(sorted(key for key, forms in ends.items() if any(len(form) < 16 for form in forms)), np.uint64)
    before = [(int.from_bytes(form[-16:-8], "little"), key) for key, forms in ends.items() for form in forms if len(form) >= 16]
    marked, paired = np.zeros(2**16, bool), np.zeros(2**24, bool)
    marked[_mixed(keys, 16)] = True
    if before:
        first, last = np.array(before, np.uint64).T
        paired[_mixed(first * ODD + last, 24)] = True
    return keys, short, marked, paired


def _ending(windows: np.ndarray, keys: np.ndarray, short: np.ndarray, marked: np.ndarray, paired: np.ndarray) -> list[int]:
    """Places of windows that are the last eight bytes of a form, and whose window before fits one too where all such forms are longer."""
    found: list[int] = []
    for start in range(0, len(windows), WINDOWS):
        some = windows[start : start + WINDOWS]
        near = np.flatnonzero(marked[_mixed(some, 16)])
        near = near[np.isin(some[near], keys)] + start
        fits = paired[_mixed(windows[np.maximum(near - 1, 0)] * ODD + windows[near], 24)] | np.isin(windows[near], short)
        found += near[fits].tolist()
    return found


def _mixed(values: np.ndarray, bits: int) -> np.ndarray:
    mixed = values * np.uint64(0x9E3779B97F4A7C15)
    mixed >>= np.uint64(64 - bits)
    return mixed.view(np.int64)


# -- what was found, and what it means ------------------------------------------------------------------------------


def unexplained(c: Any, found: Iterable[bytes]) -> set[bytes]:
    """Of the forms found in the bytes those that should not be there.

    A single word is no residue where a surviving memory or a fault says it too (recipes have words of their own), or where
    no value of any table holds it: then its bytes stand across two values that lie side by side.
    """
    single = {form for form in found if form.decode("utf-8", "replace").isalnum()}
    left = set(found) - single
    held: set[bytes] = set()
    for table, column, data in _values(c) if single else ():
        here = present(data, single)
        if (table, column) in (("memory", "text"), ("memory", "rest"), ("fault", "error")):
            single -= here
        held |= here
    return left | (held & single)


def _values(c: Any) -> Iterator[tuple[str, str, bytes]]:
    """(table, column, its texts and blobs one after the other in lower case, a byte that no word has between two)."""
    for (table,) in list(c.execute("SELECT name FROM sqlite_schema WHERE type='table'")):
        for _, column, *_ in list(c.execute(f'PRAGMA table_info("{table}")')):
            batch: list[bytes] = []
            size = 0
            for (value,) in c.execute(f'SELECT CAST("{column}" AS BLOB) FROM "{table}" WHERE typeof("{column}") IN (\'text\', \'blob\')'):
                batch.append(value)
                size += len(batch[-1])
                if size > SAID:
                    yield table, column, b"\x00".join(batch).lower()
                    batch, size = [], 0
            yield table, column, b"\x00".join(batch).lower()

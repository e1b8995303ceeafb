"""Taking words out of the file: blanking rows, cleaning pages, and searching the raw bytes for what should be gone."""

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from clew.errors import StorageBusy
from clew.storage.schema import SLOT_BITS
from clew.storage.sqlite import BUSY_MS, Database
from clew.storage.terms import terms, unspaced
from clew.storage.view import truncate

ODD = np.uint64(0xBF58476D1CE4E5B9)  # mixes the two halves of sixteen bytes
WINDOWS = 2**20  # windows of eight bytes looked at together
PATIENCE_MS = 3_000  # how long a cleaning waits for readers before it says that it has to be done later
BUSY = "another connection is reading the file; call `Clew.erase(receipt)` when it is done"
LONGEST = 400  # bytes of one form; a longer text is told by its windows
WINDOW = 40
SHORTEST = 6  # bytes: shorter forms are found by chance among vectors and digests
OURS = (
    "SELECT sql FROM sqlite_schema",
    "SELECT DISTINCT kind FROM event",
    "SELECT recipe, declared, state FROM generation",
    "SELECT key FROM meta",
    "SELECT DISTINCT kind, status, retired, ended FROM memory",
    "SELECT DISTINCT recipe, path, outcome, stage, model FROM answer",
)


def redact(c: Any, seqs: Sequence[int]) -> dict[str, int]:
    """Blank the words of these events, the answers that rest on them and the names nobody else uses; rows per table."""
    c.execute("CREATE TEMP TABLE IF NOT EXISTS gone(seq INTEGER PRIMARY KEY)")
    c.execute("DELETE FROM gone")
    c.executemany("INSERT INTO gone VALUES (?)", [(seq,) for seq in seqs])
    counts = {"event": c.execute("SELECT count(*) FROM event WHERE seq IN gone AND salt IS NOT NULL").get}
    names = {i for row in c.execute("SELECT user, agent, session, actor FROM event WHERE seq IN gone") for i in row if i is not None}
    c.execute("UPDATE event SET payload=NULL, salt=NULL WHERE seq IN gone")
    answers = "id IN (SELECT answer FROM answer_rest WHERE seq IN gone)"
    counts["answer"] = c.execute(f"SELECT count(*) FROM answer WHERE {answers} AND body IS NOT NULL").get
    c.execute(f"UPDATE answer SET body=NULL, salt=NULL, outcome='withheld' WHERE {answers}")
    counts["name"] = 0
    for number in sorted(names):
        used = " OR ".join(
            f"EXISTS (SELECT 1 FROM event WHERE {column}={number} AND salt IS NOT NULL)" for column in ("user", "agent", "session", "actor")
        )
        if not c.execute(f"SELECT {used}").get:
            c.execute("UPDATE name SET text=NULL WHERE id=?", (number,))
            counts["name"] += 1
    c.execute("INSERT INTO meta VALUES ('erasures', 1) ON CONFLICT DO UPDATE SET value=value+1")
    c.execute("DELETE FROM gone")
    return counts


def withdraw(c: Any, seqs: Sequence[int]) -> int:
    """Take every partition, of every generation, that saw one of these events back to before the first it saw; memories gone."""
    gone = 0
    marks = sorted(seqs)
    kept = "id, cursor, generation, user, agent, session, mark"
    for part, cursor, generation, user, agent, session, mark in list(c.execute(f"SELECT {kept} FROM partition")):
        first = _first(c, generation, (user, agent, session), marks)
        if first is None:
            continue
        if first > cursor:  # not folded yet, but a fold may be under way: its draft must lose
            c.execute("UPDATE partition SET version=version+1 WHERE id=?", (part,))
            continue
        base = part << SLOT_BITS
        slots = c.execute(
            "SELECT count(*) FROM memory WHERE place >= ? AND place < ? AND opened < ?", (base, base + 2**SLOT_BITS, first)
        ).get
        declared = json.loads(c.execute("SELECT declared FROM generation WHERE id=?", (generation,)).get)
        gone += truncate(c, part, slots, first, declared["dims"])
        before = _kinds(c, generation, declared, (user, agent, session), first)
        c.execute(
            "UPDATE partition SET cursor=?, ordinal=?, slots=?, epoch=epoch+1, version=version+1, waiting=NULL WHERE id=?",
            (first - 1, before, slots, part),
        )
        c.execute("DELETE FROM vector WHERE part=?", (mark,))
        where = _scope((user, agent, session), c.execute("SELECT shares FROM generation WHERE id=?", (generation,)).get)
        c.execute(f"DELETE FROM fault WHERE generation=? AND seq IN (SELECT seq FROM event WHERE seq >= ?{where})", (generation, first))
        c.execute("UPDATE generation SET swept=min(swept, ?) WHERE id=?", (first - 1, generation))
    return gone


def _scope(key: tuple[int, int, int], shares: str) -> str:
    fields = {"all": (), "user": ("user",), "agent": ("agent",), "session": ("user", "session")}[shares]
    values = dict(zip(("user", "agent", "session"), key, strict=True))
    return "".join(f" AND {name} = {values[name]}" if values[name] else f" AND {name} IS NULL" for name in fields)


def _first(c: Any, generation: int, key: tuple[int, int, int], seqs: Sequence[int]) -> int | None:
    where = _scope(key, c.execute("SELECT shares FROM generation WHERE id=?", (generation,)).get)
    c.execute("DELETE FROM gone")
    c.executemany("INSERT INTO gone VALUES (?)", [(seq,) for seq in seqs])
    return c.execute(f"SELECT min(seq) FROM event WHERE seq IN gone{where}").get


def _kinds(c: Any, generation: int, declared: dict[str, Any], key: tuple[int, int, int], first: int) -> int:
    """How many events the partition was dealt before that one."""
    where = _scope(key, c.execute("SELECT shares FROM generation WHERE id=?", (generation,)).get)
    kinds = sorted({*declared["on"], "edit"})
    return c.execute(f"SELECT count(*) FROM event WHERE seq < ?{where} AND kind IN ({','.join('?' * len(kinds))})", (first, *kinds)).get


def clean(database: Database) -> str:
    """Rewrite the file without its free pages and empty the write-ahead log; "" when done, else why not yet."""
    try:
        with database.exclusive() as c:
            c.execute("DROP TABLE IF EXISTS temp.gone")
            c.execute("VACUUM")
    except StorageBusy:
        return BUSY
    return emptied(database)


def emptied(database: Database) -> str:
    """Empty the write-ahead log; "" when it is and the file has no free pages, else what is left."""
    wal = Path(f"{database.path}-wal")
    if not database.readonly:
        with database.exclusive() as c:
            c.set_busy_timeout(PATIENCE_MS)  # readers may follow one another without a gap
            [(busy, _, _)] = c.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            c.set_busy_timeout(BUSY_MS)
            if busy:
                return BUSY
    if free := database.reader().execute("PRAGMA freelist_count").get:
        return f"{free} free pages are not cleaned yet; call `Clew.erase(receipt)`"
    return f"{wal.name} is not emptied yet; call `Clew.erase(receipt)`" if wal.exists() and wal.stat().st_size else ""


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


def ours(c: Any, gone: Iterable[int]) -> str:
    """What lies in the file whatever was forgotten: the schema, kinds, states, recipes, and answers that rest on other events."""
    lines = [str(value) for query in OURS for row in c.execute(query) for value in row]
    seqs = ",".join(map(str, gone))
    lines += [
        body.decode()
        for (body,) in c.execute(
            f"SELECT body FROM answer WHERE body IS NOT NULL AND id NOT IN (SELECT answer FROM answer_rest WHERE seq IN ({seqs}))"
        )
    ]
    return "\n".join(lines)


def explained(c: Any, form: bytes) -> bool:
    """True for a single word that a surviving memory or a fault says too: recipes have words of their own."""
    word = form.decode("utf-8", "replace")
    if not word.isalnum():
        return False
    return (
        c.execute(
            "SELECT EXISTS (SELECT 1 FROM memory WHERE instr(lower(text), ?1) OR instr(lower(rest), ?1))"
            " OR EXISTS (SELECT 1 FROM fault WHERE instr(lower(error), ?1))",
            (word,),
        ).get
        == 1
    )


def accidental(c: Any, form: bytes) -> bool:
    """True for a single word that no value of any table holds: its bytes stand across two values that lie side by side."""
    word = form.decode("utf-8", "replace")
    if not word.isalnum():
        return False
    for (table,) in list(c.execute("SELECT name FROM sqlite_schema WHERE type='table'")):
        for _, column, *_ in list(c.execute(f'PRAGMA table_info("{table}")')):
            held = f'instr(lower("{column}"), ?1) OR instr(CAST("{column}" AS BLOB), CAST(?1 AS BLOB))'
            if c.execute(f'SELECT EXISTS (SELECT 1 FROM "{table}" WHERE {held})', (word,)).get:
                return False
    return True


def words(texts: Iterable[str]) -> set[bytes]:
    """The stemmed terms of these texts as they would lie in an index; short ones tell nothing."""
    return {term.encode() for text in texts for term in terms(text) if len(term) > 4}


def scan(paths: Iterable[Path], wanted: Sequence[bytes]) -> tuple[dict[bytes, list[str]], dict[str, int]]:
    """(form -> files that hold it, {forms, bytes}): search the raw bytes of files, letter case aside."""
    found: dict[bytes, list[str]] = {}
    size = 0
    for path in paths:
        if path.exists():
            data = path.read_bytes().lower()
            size += len(data)
            for form in present(data, wanted):
                found.setdefault(form, []).append(path.name)
    return found, {"forms": len(wanted), "bytes": size}


def present(data: bytes, wanted: Iterable[bytes]) -> set[bytes]:
    """The forms that occur in the data: one pass over all windows of eight bytes finds where a form may end, whatever their number."""
    forms = sorted(set(wanted))
    found = {form for form in forms if len(form) < 8 and form in data}
    ends: dict[int, list[bytes]] = {}
    for form in forms:
        if len(form) >= 8:
            ends.setdefault(int.from_bytes(form[-8:], "little"), []).append(form)
    for shift in range(min(8, len(data) - 7) if ends else 0):
        windows = np.frombuffer(data, "<u8", (len(data) - shift) // 8, shift)
        for place in _ending(windows, ends):
            end = place * 8 + shift + 8
            found.update(
                form for form in ends[int(windows[place])] if form not in found and data.endswith(form, max(0, end - len(form)), end)
            )
    return found


def _ending(windows: np.ndarray, ends: dict[int, list[bytes]]) -> list[int]:
    """Places of windows that are the last eight bytes of a form, and whose window before fits one too where all such forms are longer."""
    keys = np.array(sorted(ends), np.uint64)
    short = np.array(sorted(key for key, forms in ends.items() if any(len(form) < 16 for form in forms)), np.uint64)
    before = [(int.from_bytes(form[-16:-8], "little"), key) for key, forms in ends.items() for form in forms if len(form) >= 16]
    marked, paired = np.zeros(2**16, bool), np.zeros(2**24, bool)
    marked[_mixed(keys, 16)] = True
    if before:
        first, last = np.array(before, np.uint64).T
        paired[_mixed(first * ODD + last, 24)] = True
    found: list[int] = []
    for start in range(0, len(windows), WINDOWS):
        some = windows[start : start + WINDOWS]
        near = np.flatnonzero(marked[_mixed(some, 16)])
        near = near[np.isin(some[near], keys)] + start
        fits = paired[_mixed(windows[np.maximum(near - 1, 0)] * ODD + windows[near], 24)] | np.isin(windows[near], short)
        found += near[fits].tolist()
    return found


def _mixed(values: np.ndarray, bits: int) -> np.ndarray:
    return ((values * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(64 - bits)).astype(np.intp)


def mentions(texts: Iterable[tuple[int, str]], names: Iterable[str]) -> tuple[int, ...]:
    """The seqs of the texts in which one of these names occurs as a word."""
    patterns = [re.compile(_whole(name), re.IGNORECASE) for name in names if len(name) > 1]
    return tuple(seq for seq, text in texts if any(p.search(text) for p in patterns))


def _whole(name: str) -> str:
    """A pattern for the name as a word of its own; a script without spaces has no such borders."""
    return (r"" if unspaced(name[0]) else r"(?<!\w)") + re.escape(name) + (r"" if unspaced(name[-1]) else r"(?!\w)")

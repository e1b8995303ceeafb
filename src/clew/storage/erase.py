"""Taking words out of the file: blanking rows, taking views back, and cleaning the pages."""

import json
from collections.abc import Mapping, Sequence
from time import time_ns
from typing import Any

from clew.errors import StorageBusy
from clew.storage.answers import withhold
from clew.storage.database import Database
from clew.storage.log import BOUND, bound_mac
from clew.storage.schema import SLOT_BITS
from clew.storage.view import BY, truncate
from clew.types import Shares


def redact(c: Any, seqs: Sequence[int], secret: bytes) -> dict[str, int]:
    """Blank the words of these events, the answers that rest on them and the names nobody else uses; rows per table."""
    _list(c, seqs)
    counts = {"event": c.execute("SELECT count(*) FROM event WHERE seq IN (SELECT seq FROM gone) AND salt IS NOT NULL").get}
    names = lost(c, seqs)
    _bind_keys(c, names, secret)
    c.execute("UPDATE event SET payload=NULL, salt=NULL WHERE seq IN (SELECT seq FROM gone)")
    counts["answer"] = withhold(c, names)
    c.executemany("UPDATE name SET text=NULL WHERE id=?", [(number,) for number in sorted(names)])
    counts["name"] = len(names)
    often = (c.execute("SELECT value FROM meta WHERE key='erasures'").get or 0) + 1
    c.execute("INSERT INTO meta VALUES ('erasures', ?) ON CONFLICT DO UPDATE SET value=excluded.value", (often,))
    _trying(c)
    c.execute("DELETE FROM gone")
    return counts


def _list(c: Any, seqs: Sequence[int]) -> None:
    c.execute("CREATE TEMP TABLE IF NOT EXISTS gone(seq INTEGER PRIMARY KEY)")
    c.execute("DELETE FROM gone")
    c.executemany("INSERT INTO gone VALUES (?)", [(seq,) for seq in seqs])


def _trying(c: Any) -> None:
    """Note when words were last withdrawn, or their cleaning begun: what was cut off is taken up again after a while."""
    c.execute("INSERT INTO meta VALUES ('cleaning', ?1) ON CONFLICT DO UPDATE SET value=?1", (time_ns() // 1000,))


def lost(c: Any, seqs: Sequence[int]) -> set[int]:
    """The numbers of the names that only these events have."""
    gone, theirs, others = frozenset(seqs), set[int | None](), {None}
    for seq, *names in c.execute("SELECT seq, user, agent, session, actor FROM event WHERE salt IS NOT NULL"):
        (theirs if seq in gone else others).update(names)
    return {number for number in theirs - others if number is not None}


def _bind_keys(c: Any, names: set[int], secret: bytes) -> None:
    """Let a retry of what goes be known by its words as well as its key; where its user is forgotten too, by both only.

    A keyed hash of user and key can be guessed by whoever holds the file, its secret included. A retry repeats the words.
    """
    who = dict(c.execute("SELECT id, text FROM name WHERE id IN (SELECT user FROM event WHERE seq IN (SELECT seq FROM gone))"))
    bound = [
        (bound_mac(secret, who.get(user), key, payload), seq)
        for seq, user, payload in c.execute(
            "SELECT seq, user, payload FROM event WHERE seq IN (SELECT seq FROM gone) AND payload IS NOT NULL"
        )
        if (key := json.loads(payload).get("key")) is not None
    ]
    c.executemany("INSERT INTO key VALUES (?,?) ON CONFLICT DO NOTHING", bound)
    users = ",".join(map(str, sorted(names & set(who))))
    if users:
        c.execute(f"DELETE FROM key WHERE length(mac) < {BOUND} AND seq IN (SELECT seq FROM event WHERE user IN ({users}))")


def withdraw(c: Any, seqs: Sequence[int]) -> int:
    """Take every partition, of every generation, that saw one of these events back to before the first it saw; memories gone."""
    _list(c, seqs)
    gone = 0
    for generation, shares, declared in list(c.execute("SELECT id, shares, declared FROM generation")):
        key = ", ".join(f"coalesce({name}, 0)" if name in BY[shares] else "0" for name in ("user", "agent", "session"))
        for *scope, first in list(c.execute(f"SELECT {key}, min(seq) FROM event WHERE seq IN (SELECT seq FROM gone) GROUP BY 1, 2, 3")):
            part = c.execute(
                "SELECT id, cursor, mark FROM partition WHERE generation=? AND user=? AND agent=? AND session=?", (generation, *scope)
            ).fetchone()
            if part is not None:
                gone += _taken_back(c, part, generation, _scope(scope, shares), first, json.loads(declared))
    forgotten = "IN (SELECT id FROM name WHERE text IS NULL)"
    # a mark is a keyed hash of names, which could be guessed: no event has these names any more
    c.execute(f"UPDATE partition SET mark=randomblob(16) WHERE user {forgotten} OR agent {forgotten} OR session {forgotten}")
    c.execute("DELETE FROM gone")
    return gone


def _taken_back(c: Any, part: Sequence[Any], generation: int, where: str, first: int, declared: Mapping[str, Any]) -> int:
    """Cut one partition back to before event `first`; how many memories went."""
    number, cursor, mark = part
    if first > cursor:  # not folded yet, but a fold may be under way: its draft must lose
        c.execute("UPDATE partition SET version=version+1 WHERE id=?", (number,))
        return 0
    base = number << SLOT_BITS
    span = (base, base + 2**SLOT_BITS, first)
    slots = c.execute("SELECT count(*) FROM memory WHERE place >= ? AND place < ? AND opened < ?", span).get
    gone = truncate(c, number, slots, first, declared["dims"])
    kinds = sorted({*declared["on"], "edit"})
    dealt = f"SELECT count(*) FROM event WHERE seq < ?{where} AND kind IN ({','.join('?' * len(kinds))})"
    c.execute(
        "UPDATE partition SET cursor=?, ordinal=?, slots=?, epoch=epoch+1, version=version+1, waiting=NULL WHERE id=?",
        (first - 1, c.execute(dealt, (first, *kinds)).get, slots, number),
    )
    c.execute("DELETE FROM vector WHERE part=?", (mark,))
    c.execute(f"DELETE FROM fault WHERE generation=? AND seq IN (SELECT seq FROM event WHERE seq >= ?{where})", (generation, first))
    c.execute("UPDATE generation SET swept=?1 WHERE id=?2 AND swept > ?1", (first - 1, generation))
    return gone


def _scope(key: Sequence[int], shares: Shares) -> str:
    values: dict[str, int] = dict(zip(("user", "agent", "session"), key, strict=True))
    return "".join(f" AND {name} = {values[name]}" if values[name] else f" AND {name} IS NULL" for name in BY[shares])


def clean(database: Database) -> str:
    """Rewrite the file without what was blanked; "" when done, else why not yet."""
    try:
        with database.write() as c:
            _trying(c)
            erasures = c.execute("SELECT value FROM meta WHERE key='erasures'").get or 0
        if why := database.rewritten():
            return why
        with database.write() as c:  # so that a cleaning that was cut off is seen, and done again
            c.execute("INSERT INTO meta VALUES ('cleaned', ?) ON CONFLICT DO UPDATE SET value=excluded.value", (erasures,))
    except StorageBusy:
        return database.BUSY
    return database.emptied() or database.BEYOND

"""Model answers of every outcome, kept as truth: a rebuild reads them instead of asking, and they are the cost ledger.

Nothing here has a place in the log; answers have a hash chain of their own. The first answer kept under a key wins.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from time import time_ns
from typing import Any

from clew.errors import LogCorrupt
from clew.storage.database import Database

DAY = 86_400_000_000  # microseconds


@dataclass(frozen=True, slots=True)
class AnswerKey:
    """What a model call is known by: recipe, partition mark, event, call path, hash of the request, attempt from 0."""

    recipe: str
    part: bytes
    seq: int
    path: str
    request: bytes
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a model call. `body` is the text; None once it was erased with what it rested on."""

    outcome: str  # valid, invalid, refused, withheld
    body: str | None
    model: str
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0
    ms: int = 0


@dataclass(frozen=True, slots=True)
class Spend:
    """Model calls, tokens (in and out) and cost over some time."""

    calls: int
    tokens: int
    cost: float


@dataclass(frozen=True, slots=True)
class Given:
    """An answer on its way into the file: whose call, what was said, and the events whose words it was shown, in order."""

    key: AnswerKey
    answer: Answer
    stage: str
    user: int | None
    rests: tuple[int, ...]


class Answers:
    """Keep and find answers, vectors of inexact spaces, and faults."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def answer(self, key: AnswerKey) -> Answer | None:
        """What was kept under that key, or None."""
        with self.database.snapshot() as c:
            return self.answer_in(c, key)

    def keep(self, given: Given, durable: bool = True) -> Answer:
        """Commit the answer with the events it rests on; returns the one that counts, which is the first ever kept.

        `durable` false is for answers that would be given again word for word: a power cut may undo them, with all that followed.
        """
        with self.database.write(durable) as c:
            return self._kept(c, given)

    def keep_all(self, given: Sequence[Given]) -> None:
        """Commit answers that would be given again word for word, in one transaction; what was kept before stays."""
        with self.database.write(durable=False) as c:
            for each in given:
                self._kept(c, each)

    def _kept(self, c: Any, given: Given) -> Answer:
        key, answer, needed = given.key, given.answer, given.rests
        if (kept := self.answer_in(c, key)) is not None:
            return kept
        body: bytes | None = (answer.body or "").encode()
        gone = f"SELECT EXISTS (SELECT 1 FROM event WHERE salt IS NULL AND seq IN ({','.join(map(str, needed))}))"
        if c.execute(gone).get:  # forgotten while the model was thinking: the call is accounted for, its words are not kept
            answer, body, key = replace(answer, outcome="withheld"), None, _opaque(c, key)
        chain = c.execute("SELECT value FROM meta WHERE key='answers'").get
        salt = os.urandom(16)
        digest = _digest(salt, key, answer.outcome, needed, body)
        chain = hashlib.sha256(chain + _frame(key, answer) + digest).digest()
        named = (key.recipe, key.part, key.seq, key.path, key.request, key.attempt, answer.outcome, body, given.stage, answer.model)
        spent = (given.user, answer.tokens_in, answer.tokens_out, answer.cost, answer.ms, time_ns() // 1000)
        number = c.execute(
            "INSERT INTO answer(id, recipe, part, seq, path, request, attempt, outcome, body, stage, model, user, tokens_in, tokens_out,"
            " cost, ms, made, salt, digest, chain)"
            " VALUES ((SELECT coalesce(max(id), 0) + 1 FROM answer),?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) RETURNING id",
            (*named, *spent, None if body is None else salt, digest, chain),
        ).get
        c.executemany("INSERT INTO answer_rest VALUES (?,?) ON CONFLICT DO NOTHING", [(seq, number) for seq in needed])
        c.execute("UPDATE meta SET value=? WHERE key='answers'", (chain,))
        return replace(answer, body=None if body is None else body.decode())

    def answer_in(self, c: Any, key: AnswerKey) -> Answer | None:
        """`answer`, inside a transaction that the caller holds."""
        row = c.execute(
            "SELECT outcome, body, model, tokens_in, tokens_out, cost, ms FROM answer"
            " WHERE recipe=? AND part=? AND seq=? AND path=? AND request=? AND attempt=?",
            (key.recipe, key.part, key.seq, key.path, key.request, key.attempt),
        ).fetchone()
        return None if row is None else Answer(row[0], None if row[1] is None else row[1].decode(), *row[2:])

    def withheld(self, key: AnswerKey) -> bool:
        """True when an answer to this call of this event was erased, in whatever words it was asked: its neighbours may be gone too."""
        with self.database.snapshot() as c:
            return (
                c.execute(
                    "SELECT EXISTS (SELECT 1 FROM answer WHERE recipe=? AND part=? AND seq=? AND path=? AND outcome='withheld')",
                    (key.recipe, key.part, key.seq, key.path),
                ).get
                == 1
            )

    def spent(self, since: int = 0) -> Spend:
        """What was spent on calls made at or after that instant (microseconds since 1970 UTC)."""
        with self.database.snapshot() as c:
            [row] = c.execute(
                "SELECT count(*), coalesce(sum(tokens_in + tokens_out), 0), coalesce(sum(cost), 0) FROM answer WHERE made >= ?", (since,)
            )  # erased ones too: what was paid is paid
        return Spend(*row)

    def spent_today(self) -> Spend:
        """What was spent since midnight UTC."""
        now = time_ns() // 1000
        return self.spent(now - now % DAY)

    def ledger(self) -> list[Mapping[str, Any]]:
        """Calls, tokens, cost and milliseconds by recipe, stage and model."""
        with self.database.snapshot() as c:
            rows = list(
                c.execute(
                    "SELECT recipe, stage, model, outcome, count(*), sum(tokens_in), sum(tokens_out), sum(cost), sum(ms)"
                    " FROM answer GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"
                )
            )
        names = ("recipe", "stage", "model", "outcome", "calls", "tokens_in", "tokens_out", "cost", "ms")
        return [dict(zip(names, row, strict=True)) for row in rows]

    def verify(self) -> bool:
        """Walk the answers' chain; True, or LogCorrupt."""
        with self.database.snapshot() as c:
            walk(c)
        return True

    def vectors(self, part: bytes, space: str, macs: Sequence[bytes]) -> dict[bytes, bytes]:
        """The codes kept for these texts (by HMAC), as far as there are any."""
        found: dict[bytes, bytes] = {}
        with self.database.snapshot() as c:
            for mac in macs:
                codes = c.execute("SELECT codes FROM vector WHERE part=? AND space=? AND mac=?", (part, space, mac)).get
                if codes is not None:
                    found[mac] = codes
        return found

    def keep_vectors(self, part: bytes, space: str, seq: int, codes: Mapping[bytes, bytes]) -> None:
        """Keep the codes of these texts; `seq` is the newest event of the partition that supports them."""
        with self.database.write() as c:
            c.executemany(
                "INSERT INTO vector VALUES (?,?,?,?,?) ON CONFLICT DO UPDATE SET seq=excluded.seq WHERE excluded.seq > vector.seq",
                [(part, space, mac, seq, packed) for mac, packed in codes.items()],
            )

    def fault(self, generation: int, recipe: str, operator: str, seq: int, error: str) -> None:
        """Write down that an operator failed on an event."""
        with self.database.write() as c:
            c.execute(
                "INSERT INTO fault(id, generation, recipe, operator, seq, error, made)"
                " VALUES ((SELECT coalesce(max(id), 0) + 1 FROM fault),?,?,?,?,?,?)",
                (generation, recipe, operator, seq, error, time_ns() // 1000),
            )

    def faults(self) -> list[Mapping[str, Any]]:
        """Every fault of the generations that exist, oldest first."""
        with self.database.snapshot() as c:
            rows = list(c.execute("SELECT recipe, operator, seq, error, generation FROM fault ORDER BY id"))
        return [dict(zip(("recipe", "operator", "seq", "error", "generation"), row, strict=True)) for row in rows]


def _opaque(c: Any, key: AnswerKey) -> AnswerKey:
    """The key without what could be guessed back: the hash of what was asked, and whose it was where that is forgotten."""
    known = c.execute("SELECT EXISTS (SELECT 1 FROM partition WHERE mark=?)", (key.part,)).get
    return replace(key, request=os.urandom(16), part=key.part if known else os.urandom(16))


def withhold(c: Any, names: Iterable[int]) -> int:
    """Blank the answers that rest on the events in the table `gone`, inside a caller's transaction; how many had their text.

    `names` are the numbers of names that go with them: answers of partitions of theirs no longer say whose they were.
    """
    resting = "id IN (SELECT answer FROM answer_rest WHERE seq IN (SELECT seq FROM gone))"
    count = c.execute(f"SELECT count(*) FROM answer WHERE {resting} AND body IS NOT NULL").get
    c.execute(f"UPDATE answer SET body=NULL, salt=NULL, outcome='withheld' WHERE {resting}")
    lost = f"IN ({','.join(map(str, sorted(names)))})"
    marks = {mark for (mark,) in c.execute(f"SELECT mark FROM partition WHERE user {lost} OR agent {lost} OR session {lost}")}
    theirs = f" OR part IN ({','.join('?' * len(marks))})" if marks else ""
    for number, part in list(c.execute(f"SELECT id, part FROM answer WHERE {resting}{theirs}", tuple(marks))):
        if _blankable(c, number):
            c.execute("UPDATE answer SET request=?, part=? WHERE id=?", (os.urandom(16), os.urandom(16) if part in marks else part, number))
    return count


def _blankable(c: Any, number: int) -> bool:
    """False for answers of the first files: their chain covers the partition and the hash of the request."""
    row = c.execute(
        "SELECT recipe, part, seq, path, request, attempt, outcome, model, tokens_in, tokens_out, cost, ms, digest, chain"
        " FROM answer WHERE id=?",
        (number,),
    ).fetchone()
    before = c.execute("SELECT chain FROM answer WHERE id < ? ORDER BY id DESC LIMIT 1", (number,)).get or bytes(32)
    frame = _frame(AnswerKey(*row[:6]), Answer(row[6], None, *row[7:12]))
    return hashlib.sha256(before + frame + row[12]).digest() == row[13]


def walk(c: Any) -> None:
    """Walk the chain of answers that a connection shows; LogCorrupt with the first that does not match."""
    chain = bytes(32)
    rests: dict[int, list[int]] = {}
    for seq, number in c.execute("SELECT seq, answer FROM answer_rest ORDER BY seq"):
        rests.setdefault(number, []).append(seq)
    for row in c.execute(
        "SELECT recipe, part, seq, path, request, attempt, outcome, model, tokens_in, tokens_out, cost, ms,"
        " body, salt, digest, chain, id FROM answer ORDER BY id"
    ):
        key, answer = AnswerKey(*row[:6]), Answer(row[6], None, *row[7:12])
        body, salt, digest, stored, number = row[12:]
        if salt is None and (body is not None or answer.outcome != "withheld"):
            raise LogCorrupt(f"answer {number} has no salt but is not withheld", row[2])
        if salt is not None and not _sound(key, answer.outcome, rests.get(number, []), body, salt, digest):
            raise LogCorrupt(f"answer {number} is not the one that was kept: its text, outcome or what it rests on was changed", row[2])
        links = [hashlib.sha256(chain + frame + digest).digest() for frame in (_frame(key, answer), _old_frame(key, answer))]
        if stored not in links:
            raise LogCorrupt(f"the answers' chain breaks at answer {number}", row[2])
        chain = stored
    if chain != c.execute("SELECT value FROM meta WHERE key='answers'").get:
        raise LogCorrupt("answers are missing at the end of their chain")


def _sound(key: AnswerKey, outcome: str, rests: Sequence[int], body: Any, salt: Any, digest: bytes) -> bool:
    if not isinstance(body, bytes) or not isinstance(salt, bytes):
        return False
    old = hashlib.sha256(salt + body).digest()  # of the first files: text alone
    return digest in (_digest(salt, key, outcome, rests, body), old)


def _digest(salt: bytes, key: AnswerKey, outcome: str, rests: Sequence[int], body: bytes | None) -> bytes:
    """The salted digest of what can be blanked or guessed: whose it was, what was asked, what came of it, what that rests on."""
    packed = json.dumps([key.part.hex(), key.request.hex(), outcome, list(rests)]).encode()
    return hashlib.sha256(salt + packed + b"\0" + (body or b"")).digest()


def _frame(key: AnswerKey, answer: Answer) -> bytes:
    """What is never blanked, as the chain covers it."""
    return json.dumps(
        [key.recipe, key.seq, key.path, key.attempt, answer.model, answer.tokens_in, answer.tokens_out, answer.cost, answer.ms]
    ).encode()


def _old_frame(key: AnswerKey, answer: Answer) -> bytes:
    """The same in the first files, where the partition and the hash of the request could not be blanked."""
    spent = [answer.model, answer.tokens_in, answer.tokens_out, answer.cost, answer.ms]
    return json.dumps([key.recipe, key.part.hex(), key.seq, key.path, key.request.hex(), key.attempt, *spent]).encode()

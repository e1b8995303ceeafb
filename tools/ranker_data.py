"""Public evaluation sets as partitions with questions, and their features, for training and studying the ranker.

Nothing here is shipped. Turns, times and evidence are read exactly as the sets' READMEs state them; halves are by SHA-256 of
the sample, question group or conversation, so that nothing of one conversation lies in both.
"""

import gzip
import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from clew.models import static
from clew.operators.ranking import features, question
from clew.operators.ranking.features import Field
from clew.storage.terms import terms

LOCOMO_CATEGORIES = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop"}


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a conversation; `key` is what the gold evidence names."""

    text: str
    actor: str
    role: str
    at: datetime
    key: str
    session: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with the keys of its evidence; `sessions` are gold where the set scores sessions too."""

    text: str
    label: str
    gold: frozenset[str]
    at: datetime | None = None
    sessions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Conversation:
    """One partition: `half` is "tuning" or "reporting"."""

    id: str
    half: str
    turns: list[Turn]
    questions: list[Asked]


@dataclass(frozen=True, slots=True)
class Example:
    """A question with its candidates: features (m, NAMES), gold (m,), the candidates' sessions and the number of gold turns."""

    id: str
    half: str
    asked: Asked
    matrix: np.ndarray
    gold: np.ndarray
    sessions: list[str] = field(repr=False)
    slots: np.ndarray = field(repr=False)


def half(name: str) -> str:
    """ "tuning" or "reporting", by the first 32 bits of the name's SHA-256."""
    return "reporting" if int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) % 2 else "tuning"


def utc(text: str, form: str) -> datetime:
    """A time of a set, whose zone is not stated, as UTC."""
    return datetime.strptime(text, form).replace(tzinfo=UTC)


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a gzipped JSONL file."""
    with gzip.open(path, "rt", encoding="utf-8") as rows:
        for row in rows:
            yield json.loads(row)


def locomo(folder: Path) -> Iterator[Conversation]:
    """LoCoMo, categories 1 to 4. CC BY-NC: to choose and to report, never to learn weights that ship."""
    for sample in json.loads(next(folder.glob("locomo*.json")).read_text(encoding="utf-8")):
        talk, turns = sample["conversation"], []
        for n in sorted(int(k[8:]) for k in talk if re.fullmatch(r"session_\d+", k)):
            start = utc(talk[f"session_{n}_date_time"], "%I:%M %p on %d %B, %Y")
            for i, t in enumerate(talk[f"session_{n}"]):
                text = t["text"] + (f" [image: {t['blip_caption']}]" if t.get("blip_caption") else "")
                turns.append(Turn(text, t["speaker"], "user", start + timedelta(seconds=i), t["dia_id"], f"s{n}"))
        known, asked = {t.key for t in turns}, []
        for q in sample["qa"]:
            found = [f"D{int(a)}:{int(b)}" for e in q.get("evidence", []) for a, b in re.findall(r"D:?(\d+):0*(\d+)", e)]
            gold = frozenset(found) & known
            if q["category"] in LOCOMO_CATEGORIES and gold:
                asked.append(Asked(q["question"], LOCOMO_CATEGORIES[q["category"]], gold))
        yield Conversation(sample["sample_id"], half(sample["sample_id"]), turns, asked)


def longmemeval(folder: Path) -> Iterator[Conversation]:
    """LongMemEval_S (MIT), without abstention; turns of both roles."""
    sessions = {s["session_id"]: s["turns"] for s in lines(next(folder.glob("s_sessions*")))}
    for q in lines(next(folder.glob("questions*"))):
        if q["question_id"].endswith("_abs") or not q["s_haystack"]:
            continue
        turns: list[Turn] = []
        dates: dict[str, str] = {}
        for date, sid in q["s_haystack"]:
            dates.setdefault(sid, date)  # 13 haystacks name a session twice: the first counts
        for sid, date in dates.items():
            start = utc(date, "%Y/%m/%d (%a) %H:%M")
            for i, t in enumerate(sessions[sid]):
                if t["content"].strip():
                    turns.append(Turn(t["content"], t["role"], t["role"], start + timedelta(seconds=i), f"{sid}#{i}", sid))
        gold = frozenset(f"{s}#{i}" for s, places in q["evidence_turns"].items() for i in places) & {t.key for t in turns}
        at = utc(q["question_date"], "%Y/%m/%d (%a) %H:%M")
        asked = Asked(q["question"], q["question_type"], gold, at, frozenset(q["answer_session_ids"]))
        yield Conversation(q["question_id"], half(str(q["group"])), turns, [asked])


def beam(folder: Path) -> Iterator[Conversation]:
    """BEAM-100K messages, without abstention. CC BY-SA: to report only."""
    for chat in lines(next(folder.glob("beam_100k*"))):
        turns, at = [], datetime(2024, 1, 1, tzinfo=UTC)
        for batch in chat["chat"]:
            for m in (m for turn in batch["turns"] for m in turn):
                at = utc(m["time_anchor"], "%B-%d-%Y") if m.get("time_anchor") else at
                text = re.sub(r"\s*->->\s*[\d,. ]*$", "", m["content"]).strip()
                if text:
                    when = at + timedelta(seconds=m["id"])
                    turns.append(Turn(text, m["role"], m["role"], when, str(m["id"]), str(batch["batch_number"])))
        known, asked = {t.key for t in turns}, []
        for ability, found in chat["probing_questions"].items():
            for q in found:
                gold = frozenset(str(i) for i in whole_numbers(q.get("source_chat_ids"))) & known
                if gold and ability != "abstention":
                    asked.append(Asked(q["question"], ability, gold))
        yield Conversation(chat["conversation_id"], half(chat["conversation_id"]), turns, asked)


def whole_numbers(value: Any) -> list[int]:
    """All integers in nested lists and mappings."""
    if isinstance(value, int) and not isinstance(value, bool):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [n for v in inner for n in whole_numbers(v)]


SETS = {"locomo": locomo, "longmemeval": longmemeval, "beam": beam}


class Reader:
    """Turns texts into terms and sums of token vectors, each text once: a session stands in many haystacks."""

    def __init__(self) -> None:
        self.table = static.load()
        self.known: dict[str, tuple[Counter[str], np.ndarray]] = {}

    def sums(self, text: str) -> np.ndarray:
        """The sum of the weighted token vectors of a text (DIMS,), whole numbers."""
        ids, _ = self.table.tokenizer.batch([text])
        counts = Counter(ids.tolist())
        found = np.array(list(counts), np.intp)
        scale = np.array(list(counts.values())) * self.table.weights[found].astype(np.float64)
        return scale @ self.table.codes[found].astype(np.float64) if len(found) else np.zeros(static.DIMS)

    def prepared(self, text: str) -> tuple[Counter[str], np.ndarray]:
        """(terms with counts, sums) of a text."""
        if text not in self.known:
            self.known[text] = (Counter(terms(text)), self.sums(text))
        return self.known[text]

    def examples(self, conversation: Conversation) -> Iterator[Example]:
        """Each question of a conversation with its candidates' features, as recall computes them."""
        turns = conversation.turns
        keys, sessions = np.array([t.key for t in turns]), [t.session for t in turns]
        for asked, view in self.fields(conversation):
            read = question.read(asked.text, features.speakers(view))
            slots, matrix = features.features(asked.text, read, asked.at, view)
            gold = np.isin(keys[slots], list(asked.gold))
            yield Example(conversation.id, conversation.half, asked, matrix, gold, [sessions[i] for i in slots], slots)

    def fields(self, conversation: Conversation) -> Iterator[tuple[Asked, Field]]:
        """Each question with the partition as it sees it."""
        turns = conversation.turns
        postings: dict[str, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
        lengths, sums = np.zeros(len(turns), np.int32), np.zeros((len(turns), static.DIMS))
        for slot, turn in enumerate(turns):
            front = self.prepared(features.indexed_text(turn.actor, turn.at, ""))
            body = self.prepared(turn.text)
            sums[slot] = front[1] + body[1]
            for term, count in (front[0] + body[0]).items():
                postings[term][0].append(slot)
                postings[term][1].append(count)
                lengths[slot] += count
        codes = unit(static.quantise(sums))
        names = sorted({t.actor for t in turns})
        places = {s: i for i, s in enumerate(dict.fromkeys(t.session for t in turns))}
        actor = np.array([names.index(t.actor) for t in turns], np.int32)
        session = np.array([places[t.session] for t in turns], np.int32)
        at = np.array([t.at.timestamp() for t in turns])
        traits = np.array([features.traits(t.text, t.actor, t.role) for t in turns], np.uint16)
        for asked in conversation.questions:
            wanted = [w for w in question.searched(asked.text) if w in postings]
            yield (
                asked,
                Field(
                    lengths=lengths,
                    postings={w: (np.array(postings[w][0], np.int32), np.array(postings[w][1], np.int32)) for w in wanted},
                    actor=actor,
                    actors=dict(enumerate(names)),
                    session=session,
                    at=at,
                    cosine=codes @ unit(static.quantise(self.sums(question.embedded(asked.text))[None]))[0],
                    traits=traits,
                    live=None,
                    text=lambda slot: turns[slot].text,
                ),
            )


def unit(codes: np.ndarray) -> np.ndarray:
    """Rows (n, dims) scaled to length 1; rows of zeros stay."""
    rows = codes.astype(np.float32)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


def examples(name: str, data: Path) -> list[Example]:
    """All questions of a set with their features."""
    reader = Reader()
    return [e for conversation in SETS[name](data / name) for e in reader.examples(conversation)]

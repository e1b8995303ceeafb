"""What others record changes nothing of one's own, and what is not English is found too."""

import json
import os
import shutil
from pathlib import Path

import pytest

from clew import Clew

TOPICS = ("ferry", "harbour", "ledger", "pump", "crew", "tide", "winter", "ticket", "island", "engine")


def test_ten_thousand_turns_of_another_user_change_no_hit_order_or_score(tmp_path: Path) -> None:
    alone, beside = tmp_path / "alone.db", tmp_path / "beside.db"
    with Clew(alone) as c:
        mine = [
            {"content": f"The {TOPICS[i % 10]} of week {i} was {TOPICS[i * 7 % 10]} number {i % 13}", "session": f"s{i // 20}"}
            for i in range(200)
        ]
        c.record(mine, user="ana", at="2026-03-01T10:00:00+01:00")
        c.catch_up()
    shutil.copy(alone, beside)  # the same secret, so that ids and ties are the same
    with Clew(beside) as c:
        for start in range(0, 10_000, 1000):
            theirs = [f"{TOPICS[i % 10]} {TOPICS[i % 7]} week {i % 200} was number {i % 13}" for i in range(start, start + 1000)]
            c.record(theirs, user="bob", session="s1")
        c.catch_up()
        assert sum(v["versions"] for v in c.status()["views"]) == 10_200
    with Clew(alone) as one, Clew(beside) as other:
        for topic in TOPICS:
            for question in (f"what was the {topic}?", f"{topic} of week 7"):
                asked = {"user": "ana", "k": 30, "at": "2026-04-01T10:00:00Z"}
                assert one.recall(question, **asked) == other.recall(question, **asked)  # type: ignore[arg-type]


def test_chinese_memories_are_found_by_chinese_questions(tmp_path: Path) -> None:
    folder = Path(os.environ.get("CLEW_DATA", ""), "madial_bench")
    if not os.environ.get("CLEW_DATA") or not folder.exists():
        pytest.skip("CLEW_DATA does not name a folder with madial_bench in it")
    memories: dict[str, str] = {}
    for line in (folder / "memory_zh.jsonl").read_text(encoding="utf-8").splitlines():
        memories |= {key: value["event"] for key, value in json.loads(line).items()}
    with Clew(tmp_path / "m.db") as c:
        c.record([{"content": text, "key": key} for key, text in memories.items()], user="u")
        found = 0
        for key, text in list(memories.items())[::5]:
            half = text[len(text) // 3 :]  # part of its own words must lead back to it
            found += key in {q.event.key for h in c.recall(half, user="u", k=3) for q in c.thread(h.memory.id)}
    assert found >= 0.9 * len(list(memories)[::5])

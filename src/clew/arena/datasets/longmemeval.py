"""LongMemEval_S: 500 questions, each with a history of about 48 sessions with an assistant.

Source:    github.com/xiaowu0162/LongMemEval, cleaned release (Wu et al., ICLR 2025)
Licence:   MIT
Metric:    share of evidence turns (both roles) among the first k; any and all gold sessions among the first k sessions;
           abstention questions are left out
"""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from clew.arena.cases import Case, Question, found, instant
from clew.arena.datasets import lines

FOLDER = "longmemeval"
FORM = "%Y/%m/%d (%a) %H:%M"
PAST = re.compile(r"\b(?:before|previous|previously|initial|initially|earlier|used to|originally)\b", re.I)
SEED = 7  # the questions are shuffled once, so that a limit takes a mixed sample


def read(path: Path) -> Iterator[Case]:
    """One case a question, shuffled with a fixed seed. The sessions lie in s_sessions* beside the questions."""
    asked = found(path, "questions", ".jsonl.gz")
    sessions = {s["session_id"]: s["turns"] for s in lines(found(asked.parent, "s_sessions", ".jsonl.gz"))}
    rows = [q for q in lines(asked) if not q["question_id"].endswith("_abs") and q["s_haystack"]]
    random.Random(SEED).shuffle(rows)
    for row in rows:
        yield Case(row["question_id"], tuple(turns(row["s_haystack"], sessions)), (question(row),))


def turns(haystack: Sequence[Sequence[str]], sessions: Mapping[str, Sequence[Mapping[str, str]]]) -> Iterator[dict[str, Any]]:
    """The turns of the sessions, a second apart; 13 haystacks name a session twice, and it counts once."""
    dates: dict[str, str] = {}
    for date, session in haystack:
        dates.setdefault(session, date)
    for session, date in dates.items():
        start = instant(date, FORM)
        for place, turn in enumerate(sessions[session]):
            if turn["content"].strip():
                yield {
                    "content": turn["content"],
                    "role": turn["role"],
                    "actor": turn["role"],
                    "at": (start + timedelta(seconds=place)).isoformat(),
                    "key": f"{session}#{place}",
                    "session": session,
                }


def outdated(row: Mapping[str, Any], gold: Sequence[str]) -> tuple[str, ...]:
    """Of an update, the evidence of all sessions but the last; none where the question asks for what was before."""
    if row["question_type"] != "knowledge-update" or PAST.search(row["question"]):
        return ()
    order = [session for _, session in sorted(row["s_haystack"]) if any(key.startswith(f"{session}#") for key in gold)]
    return tuple(key for key in gold if not key.startswith(f"{order[-1]}#")) if order else ()


def question(row: Mapping[str, Any]) -> Question:
    """The row's question, asked on its own date."""
    gold = tuple(f"{session}#{place}" for session, places in row["evidence_turns"].items() for place in places)
    return Question(
        row["question_id"],
        row["question"],
        instant(row["question_date"], FORM).isoformat(),
        gold,
        row["question_type"],
        str(row.get("group", row["question_id"])),
        sessions=tuple(dict.fromkeys(row["answer_session_ids"])),
        stale=outdated(row, gold),
    )

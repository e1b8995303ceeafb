"""BEAM: long user-assistant conversations with probing questions of ten abilities; evidence is messages.

Source:    github.com/mohammadtavakoli78/BEAM (Tavakoli et al., ICLR 2026); a folder means its 100K file
Licence:   CC BY-SA 4.0
Metric:    share of source messages among the first k; abstention has none and is left out
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from clew.arena.cases import Case, Question, found, instant
from clew.arena.datasets import lines

FOLDER = "beam"
START = datetime(2024, 1, 1, tzinfo=UTC)  # where a conversation names no date
_MARKER = re.compile(r"\s*->->\s*[\d,. ]*$")  # left over from how the texts were generated


def read(path: Path) -> Iterator[Case]:
    """One case a conversation, in the file's order."""
    for chat in lines(found(path, "beam_100k", ".jsonl.gz")):
        events = tuple(messages(chat))
        known = {event["key"] for event in events}
        yield Case(chat["conversation_id"], events, tuple(questions(chat, known)))


def messages(chat: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The messages that have words; each as many seconds after the last date named as its number."""
    day = START
    for batch in chat["chat"]:
        for message in (m for turn in batch["turns"] for m in turn):
            if message.get("time_anchor"):
                day = instant(message["time_anchor"], "%B-%d-%Y")
            text = _MARKER.sub("", message["content"]).strip()
            if text:
                yield {
                    "content": text,
                    "role": message["role"],
                    "actor": message["role"],
                    "at": (day + timedelta(seconds=message["id"])).isoformat(),
                    "key": str(message["id"]),
                    "session": str(batch["batch_number"]),
                }


def questions(chat: Mapping[str, Any], known: set[str]) -> Iterator[Question]:
    """The probing questions that name a source message there is."""
    for ability, asked in chat["probing_questions"].items():
        for place, row in enumerate(asked):
            gold = tuple(sorted({str(number) for number in numbers(row.get("source_chat_ids"))} & known))
            if gold and ability != "abstention":
                id = f"{chat['conversation_id']}#{ability}#{place}"
                stale = tuple(key for key in gold if key in replaced(row.get("source_chat_ids"), ability))
                yield Question(id, row["question"], None, gold, ability, chat["conversation_id"], stale=stale)


def replaced(sources: Any, ability: str) -> set[str]:
    """Of an update the messages with the old information; of two statements that contradict each other the earlier one."""
    if not isinstance(sources, dict):
        return set()
    if ability == "knowledge_update":
        return {str(n) for n in numbers(sources.get("original_info"))} - {str(n) for n in numbers(sources.get("updated_info"))}
    if ability == "contradiction_resolution":
        sides = sorted(
            (numbers(sources.get(name)) for name in ("first_statement", "second_statement")), key=lambda side: max(side, default=0)
        )
        return {str(n) for n in sides[0]} - {str(n) for n in sides[1]}
    return set()


def numbers(value: Any) -> list[int]:
    """Every whole number in nested lists and mappings, in order."""
    if isinstance(value, bool) or value is None:
        return []
    if isinstance(value, int):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [number for part in inner for number in numbers(part)]

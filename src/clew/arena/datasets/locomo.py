"""LoCoMo: ten very long two-person conversations; a question's evidence is turns.

Source:    github.com/snap-research/LoCoMo, data/locomo10.json (Maharana et al., ACL 2024)
Licence:   CC BY-NC 4.0: evaluation only, never training
Metric:    share of evidence turns among the first k, categories 1 to 4; category 5 has no answer and is left out
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from clew.arena.cases import Case, Question, found, instant

FOLDER = "locomo"
CATEGORIES = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop"}
# Seven evidence strings are malformed ("D8:6; D9:17", "D:11:26", "D30:05"): this reads all that can be read.
_TURN = re.compile(r"D:?(\d+):0*(\d+)")


def read(path: Path) -> Iterator[Case]:
    """One case a conversation, in the file's order."""
    for sample in json.loads(found(path, "locomo", ".json").read_text(encoding="utf-8")):
        events = tuple(turns(sample["conversation"]))
        known = {event["key"] for event in events}
        yield Case(sample["sample_id"], events, tuple(questions(sample, known)))


def turns(conversation: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The turns as messages, a second apart within their session; a picture is its caption."""
    for number in sorted(int(k[8:]) for k in conversation if re.fullmatch(r"session_\d+", k)):
        start = instant(conversation[f"session_{number}_date_time"], "%I:%M %p on %d %B, %Y")
        for place, turn in enumerate(conversation[f"session_{number}"]):
            text = turn["text"] + (f" [image: {turn['blip_caption']}]" if turn.get("blip_caption") else "")
            yield {
                "content": text,
                "role": "user",
                "actor": turn["speaker"],
                "at": (start + timedelta(seconds=place)).isoformat(),
                "key": turn["dia_id"],
                "session": f"s{number}",
            }


def questions(sample: Mapping[str, Any], known: set[str]) -> Iterator[Question]:
    """The answerable questions whose evidence names at least one turn there is."""
    for place, asked in enumerate(sample["qa"]):
        cited = [f"D{int(a)}:{int(b)}" for evidence in asked.get("evidence", []) for a, b in _TURN.findall(evidence)]
        gold = tuple(dict.fromkeys(key for key in cited if key in known))
        if asked["category"] in CATEGORIES and gold:
            yield Question(
                f"{sample['sample_id']}#{place}",
                asked["question"],
                None,
                gold,
                CATEGORIES[asked["category"]],
                sample["sample_id"],
                reference=(str(asked["answer"]),) if "answer" in asked else (),
            )

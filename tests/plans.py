"""Tasks that are revised on the way, and a model that reads them as their script says: for tests of the task memories."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CASES: list[Mapping[str, Any]] = tomllib.loads((Path(__file__).parent / "files" / "task_cases.toml").read_text(encoding="utf-8"))["case"]
SECTION = re.compile(r"^(Message|Step|Slot|Known|Records|Question):[ \n]", re.MULTILINE)
START = "2026-05-{:02}T10:00:00Z"


def sections(prompt: str) -> dict[str, str]:
    """What a prompt shows, by the labels that stand before it."""
    marks = list(SECTION.finditer(prompt))
    ends = [m.start() for m in marks[1:]] + [prompt.rfind("\n\nAnswer with")]
    return {m[1]: prompt[m.end() : end].strip() for m, end in zip(marks, ends, strict=True)}


def said(text: str, values: Sequence[str]) -> list[str]:
    """Those of the values whose words stand in a text."""
    return [v for v in values if re.search(rf"\b{re.escape(v)}\b", text)]


@dataclass
class Trim:
    """A scripted model for TME v2. It answers a question with everything it was shown, so that nothing stale can hide."""

    steps: dict[str, Mapping[str, Any]] = field(default_factory=dict)  # by words
    turns: dict[str, list[str]] = field(default_factory=dict)  # what is said -> the words of its steps
    tasks: dict[str, str] = field(default_factory=dict)

    def tell(self, says: str, *steps: Mapping[str, Any], task: str = "") -> str:
        """Add a turn to the script; what is said in it."""
        self.turns[says] = [s["words"] for s in steps]
        self.tasks[says] = task
        self.steps |= {s["words"]: s for s in steps}
        return says

    @classmethod
    def of(cls, case: Mapping[str, Any]) -> "Trim":
        made = cls()
        for turn in case["turn"]:
            made.tell(turn["says"], *turn["steps"], task=turn.get("task", ""))
        return made

    def __call__(self, prompt: str, schema: Any) -> Any:
        shown = sections(prompt)
        if "Message" in shown and "texts" in schema["properties"]:
            return {"texts": self.turns.get(shown["Message"], [shown["Message"]])}
        if "Message" in shown:
            return {"text": self.tasks[shown["Message"]]}
        if "Records" in shown:
            return {"text": shown["Records"][:300]}
        words = shown["Step"]
        step = self.steps.get(words) or next(s for w, s in self.steps.items() if words.endswith(w))
        options = schema["properties"].get("choices", {}).get("items", {}).get("enum", [])
        if "choice" in schema["properties"]:
            return {"choice": step["intent"]}
        if "records" in schema["properties"]:
            return {"records": [{"subject": step["slot"], "text": step.get("value", "")}]}
        part = prompt.startswith("Which of the known slots is the task")
        wanted = [step.get("under", "")] if part else [step["slot"]] if prompt.startswith("Which") else step.get("needs", [])
        return {"choices": [o for o in options if o in wanted]}

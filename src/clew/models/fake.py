"""Models for tests and examples: scripted answers, or answers that differ at every call but always fit the form."""

import json
import random
from collections.abc import Callable, Mapping
from typing import Any

from clew.errors import ModelUnavailable
from clew.models import Reply

Script = Callable[[str, Mapping[str, Any] | None], Any]


class Scripted:
    """Answers by a function of (prompt, schema): a str is sent as it is, anything else as JSON. Counts its calls."""

    def __init__(self, script: Script, name: str = "fake:scripted") -> None:
        self.script, self.name, self.calls = script, name, 0
        self.prompts: list[str] = []

    def ask(self, prompt: str, schema: Mapping[str, Any] | None, max_tokens: int) -> Reply:
        """The script's answer."""
        self.calls += 1
        self.prompts.append(prompt)
        answer = self.script(prompt, schema)
        text = answer if isinstance(answer, str) else json.dumps(answer)
        return Reply(text, self.name, len(prompt) // 4, len(text) // 4)


class Fickle:
    """A different valid answer at every call: what is not recorded cannot be replayed by luck."""

    def __init__(self, seed: int = 0, words: tuple[str, ...] = ("tide", "ferry", "ledger", "north", "copper")) -> None:
        self.name, self.calls, self._random, self._words = "fake:fickle", 0, random.Random(seed), words
        self.prompts: list[str] = []

    def ask(self, prompt: str, schema: Mapping[str, Any] | None, max_tokens: int) -> Reply:
        """Some answer that fits the schema."""
        self.calls += 1
        self.prompts.append(prompt)
        text = json.dumps(self._some(schema)) if schema else self._word()
        return Reply(text, self.name, len(prompt) // 4, len(text) // 4)

    def _word(self) -> str:
        return f"{self._random.choice(self._words)} {self._random.randrange(1000)}"

    def _some(self, schema: Mapping[str, Any]) -> Any:
        if "enum" in schema:
            return self._random.choice(schema["enum"])
        kind = schema["type"]
        if kind == "object":
            return {name: self._some(part) for name, part in schema["properties"].items()}
        if kind == "array":
            least, most = schema.get("minItems", 0), schema["maxItems"]
            if not schema["items"].get("enum", [1]):
                return []
            return [self._some(schema["items"]) for _ in range(self._random.randint(least, min(most, least + 3)))]
        if kind == "integer":
            return self._random.randint(schema["minimum"], schema["maximum"])
        return self._word()[: schema.get("maxLength", 40)]


class Dead:
    """A model that cannot be reached: a rebuild must not need it."""

    name = "fake:dead"

    def __init__(self, name: str = "fake:dead") -> None:
        self.name, self.calls = name, 0

    def ask(self, prompt: str, schema: Mapping[str, Any] | None, max_tokens: int) -> Reply:
        """Always ModelUnavailable."""
        self.calls += 1
        raise ModelUnavailable("this model is never there", after=0.0)

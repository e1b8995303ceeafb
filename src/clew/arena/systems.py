"""What can be compared: a system takes a case's events and answers questions with keys, through its own public door."""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol

from clew.arena.cases import Case
from clew.engine import Clew
from clew.models import Models
from clew.recall import tokens
from clew.recipe import Recipe

USER = "u"


@dataclass(frozen=True, slots=True)
class Found:
    """An answer: distinct event keys and the memories' texts, each best first, and how long the search took."""

    keys: tuple[str, ...]
    texts: tuple[str, ...]
    seconds: float  # of the search alone: following hits back to their events is the arena's own work
    marked: tuple[str, ...] = ()  # of the keys, those that were said no longer to hold

    def tokens(self, k: int | None) -> int:
        """About how many tokens the first k texts have: what they would cost in a prompt."""
        return sum(tokens(text) for text in self.texts[:k])


@dataclass(frozen=True, slots=True)
class Spent:
    """Calls of models, how many of them had the form that was asked for, and tokens in and out."""

    calls: int = 0
    valid: int = 0
    tokens: int = 0

    def since(self, before: "Spent") -> "Spent":
        """What came after."""
        return Spent(self.calls - before.calls, self.valid - before.valid, self.tokens - before.tokens)


class Memory(Protocol):
    """One system's memory of one case, open."""

    def remember(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Take all events in, until they can be found."""
        ...

    def find(self, text: str, at: str | None, k: int) -> Found:
        """The k best."""
        ...

    def bytes(self) -> int:
        """What it keeps on disk, all of it."""
        ...

    def faults(self) -> int:
        """How many events or calls failed without stopping it."""
        ...

    def spent(self) -> "Spent":
        """What models were asked so far."""
        ...

    def close(self) -> None:
        """Release files; nothing is asked afterwards."""
        ...


class System(Protocol):
    """A way to open memories."""

    name: str
    about: Mapping[str, str]  # versions and fingerprints that its results depend on

    def open(self, folder: Path) -> Memory:
        """An empty memory in an empty folder."""
        ...


class Door:
    """A recipe behind the public door of Clew."""

    def __init__(self, recipe: Recipe, models: Models | None = None) -> None:
        self.recipe, self.models = recipe, models or Models()
        asks = self.models.asker is not None and (recipe.needs | recipe.asks) != frozenset()
        self.name = f"{recipe.name} ({self.models.names()['ask']})" if asks else recipe.name
        self.about: Mapping[str, str] = {"fingerprint": recipe.fingerprint(self.models.names()), **self.models.names()}

    def open(self, folder: Path) -> Memory:
        """A new file in the folder."""
        return _Opened(Clew(folder / "memory.db", recipes=[self.recipe], models=self.models))


class _Opened:
    def __init__(self, clew: Clew) -> None:
        self.clew = clew

    def remember(self, events: Sequence[Mapping[str, Any]]) -> None:
        self.clew.record(list(events), user=USER)
        self.clew.catch_up()

    def find(self, text: str, at: str | None, k: int) -> Found:
        started = perf_counter()
        hits = self.clew.recall(text, user=USER, k=k, at=at)
        took = perf_counter() - started
        told = [(hit, quote.event.key) for hit in hits for quote in self.clew.thread(hit.memory.id) if quote.event.key]
        marked = dict.fromkeys(key for hit, key in told if any(change.reason != "replaces" for change in hit.changes))
        return Found(tuple(dict.fromkeys(key for _, key in told)), tuple(hit.memory.text for hit in hits), took, tuple(marked))

    def bytes(self) -> int:
        return int(self.clew.status()["bytes"])

    def faults(self) -> int:
        return len(self.clew.status()["faults"])

    def spent(self) -> Spent:
        rows = self.clew.status()["ledger"]
        return Spent(
            sum(r["calls"] for r in rows),
            sum(r["calls"] for r in rows if r["outcome"] == "valid"),
            sum((r["tokens_in"] or 0) + (r["tokens_out"] or 0) for r in rows),
        )

    def close(self) -> None:
        self.clew.close()


class FullContext:
    """Everything in the prompt, newest first: recall is 1 once k holds it all; what is told is what that costs."""

    name = "full context"
    about: Mapping[str, str] = {}

    def open(self, folder: Path) -> Memory:
        """Kept in memory alone."""
        return _Everything()


class _Everything:
    def __init__(self) -> None:
        self.events: tuple[Mapping[str, Any], ...] = ()

    def remember(self, events: Sequence[Mapping[str, Any]]) -> None:
        self.events = tuple(events)

    def find(self, text: str, at: str | None, k: int) -> Found:
        newest = self.events[::-1]
        return Found(tuple(e["key"] for e in newest[:k]), tuple(e["content"] for e in newest), 0.0)

    def bytes(self) -> int:
        return sum(len(e["content"].encode()) for e in self.events)

    def faults(self) -> int:
        return 0

    def spent(self) -> Spent:
        return Spent()

    def close(self) -> None:
        pass


class Room:
    """A case in a system's memory, in a folder of its own that goes when it is closed."""

    def __init__(self, system: System, case: Case) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="clew-arena-"))
        self.memory = system.open(self.folder)
        self.case = case

    def __enter__(self) -> Memory:
        self.memory.remember(self.case.events)
        return self.memory

    def __exit__(self, *_: object) -> None:
        self.memory.close()
        shutil.rmtree(self.folder, ignore_errors=True)

"""Systems as the lifecycle benchmark meets them: told, changed, forgotten and asked through their own public doors.

Here are Clew and the two controls; the peers are in `lifecycle_peers`. What a system has no door for, `do` refuses by returning
False: nothing happens then, and the runner scores what it goes on to answer.
"""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Protocol, get_args

from clew.arena.lifecycle_script import Ask, Deed, Do, Say
from clew.arena.scores import normalised
from clew.engine import Clew
from clew.models import Models
from clew.recipe import Recipe
from clew.types import Memory

K = 20  # how many memories are asked for
SHOWN = 5  # how many an agent looks at before it cites what its conclusion rests on
ACTIVE, MARKED, GONE = "active", "marked", "gone"


@dataclass(frozen=True, slots=True)
class Heard:
    """What a question got: the texts found, best first; the answer, where the system gives one; and its prompt, where it has one."""

    texts: tuple[str, ...]
    seconds: float = 0.0  # of finding the texts alone
    answer: str | None = None
    prompt: str = ""


class Life(Protocol):
    """One memory in a folder of its own, from the first word on."""

    answers: bool  # it says nothing rather than something wrong: `Heard.answer` counts, None included

    def say(self, said: Say) -> None:
        """Take in one event, so that it is found at once."""
        ...

    def do(self, deed: Do) -> bool:
        """Carry it out; False where there is no door for it."""
        ...

    def hear(self, ask: Ask) -> Heard:
        """Ask, at the times that the question names as far as there are doors for them."""
        ...

    def states(self, user: str, keys: Sequence[str]) -> dict[str, str]:
        """active, marked or gone: how what these events made stands now."""
        ...

    def listing(self, user: str) -> list[str]:
        """The texts of everything that is kept for a user."""
        ...

    def close(self) -> None:
        """Release files."""
        ...


class Living(Protocol):
    """A system that lives can be opened of."""

    name: str
    about: Mapping[str, str]
    doors: frozenset[str]  # for the report: deeds, and basis, valid at, as of, ask

    def open(self, folder: Path) -> Life:
        """An empty memory in an empty folder."""
        ...


class ClewLiving:
    """A recipe behind Clew's door."""

    doors = frozenset({*get_args(Deed), "basis", "valid at", "as of", "ask"})

    def __init__(self, recipe: Recipe, models: Models | None = None) -> None:
        self.name, self.recipe, self.models = recipe.name, recipe, models or Models()
        self.about: Mapping[str, str] = {"fingerprint": recipe.fingerprint(self.models.names()), **self.models.names()}

    def open(self, folder: Path) -> Life:
        """A new file in the folder."""
        return ClewLife(Clew(folder / "memory.db", recipes=[self.recipe], models=self.models), self.recipe.name)


@dataclass(slots=True)
class ClewLife:
    """Clew, open; it follows events by their places in the log and memories by their sources."""

    clew: Clew
    recipe: str
    seqs: dict[str, int] = field(default_factory=dict)
    said: dict[str, Say] = field(default_factory=dict)
    answers: bool = True

    def say(self, said: Say) -> None:
        """Record it; a conclusion cites the memories that a recall of its premises' words shows."""
        role = "assistant" if said.actor == "assistant" else "user"
        basis = [id for key in said.basis for id in self._shown(said.user, key)]
        named = None if said.actor in ("user", "assistant") else said.actor
        options = {"basis": basis} if basis else {}
        recorded = self.clew.record({"role": role, "content": said.text}, user=said.user, actor=named, at=said.at, **options)  # type: ignore[arg-type]
        assert recorded.seq is not None
        self.seqs[said.key], self.said[said.key] = recorded.seq, said

    def _shown(self, user: str, key: str) -> list[str]:
        hits = self.clew.recall(self.said[key].text, user=user, k=SHOWN)
        return [m.id for m in (hit.memory for hit in hits) if self._from(m, key)] or [m.id for m in self._made(user, key)]

    def _from(self, memory: Memory, key: str) -> bool:
        return any(source.seq == self.seqs[key] for source in memory.sources)

    def _made(self, user: str, key: str) -> list[Memory]:
        return [memory for memory in self.clew.memories(user=user, limit=100_000) if self._from(memory, key)]

    def do(self, deed: Do) -> bool:
        """By the door of that name."""
        seqs = [self.seqs[key] for key in deed.keys]
        match deed.what:
            case "retire":
                for memory in self._made(deed.user, deed.keys[0]):
                    self.clew.retire(memory.id, reason=deed.text)
            case "revise":
                self.clew.revise(self._shown(deed.user, deed.keys[0])[0], deed.text)
            case "retract":
                self.clew.retract(events=seqs, reason="withdrawn")
            case "forget events":
                self.clew.forget(events=seqs)
            case "forget matching":
                self.clew.forget(user=deed.user, matching=deed.text)
            case "forget user":
                self.clew.forget(user=deed.user)
            case "rebuild":
                made = self.clew.rebuild(self.recipe, promote=False)  # beside the old one, so that there is one to go back to
                self.clew.promote(self.recipe, made.id)
            case _:
                ids = [g.id for g in self.clew.generations(self.recipe)]
                self.clew.promote(self.recipe, min(ids) if deed.what == "promote older" else max(ids))
        return True

    def hear(self, ask: Ask) -> Heard:
        """The answer, the hits, and the prompt, all at the question's times."""
        as_of = None if ask.known is None else self.seqs[ask.known]
        self.clew.catch_up()  # a question waits only so long for what was just said: here it is not asked how long
        started = perf_counter()
        hits = self.clew.recall(ask.text, user=ask.user, k=K, at=ask.at, valid_at=ask.valid_at, as_of=as_of)
        took = perf_counter() - started
        answer = self.clew.ask(ask.text, user=ask.user, at=ask.at, valid_at=ask.valid_at, as_of=as_of)
        prompt = self.clew.prompt(ask.text, user=ask.user, at=ask.at, valid_at=ask.valid_at, as_of=as_of)
        return Heard(tuple(hit.memory.text for hit in hits), took, answer.text, prompt)

    def states(self, user: str, keys: Sequence[str]) -> dict[str, str]:
        """Marked where no memory of the event is active any more, gone where there is none."""
        standing = self.clew.memories(user=user, limit=100_000)
        found = {}
        for key in keys:
            statuses = {memory.status for memory in standing if self._from(memory, key)}
            found[key] = GONE if not statuses else ACTIVE if "active" in statuses else MARKED
        return found

    def listing(self, user: str) -> list[str]:
        """Every memory of the user as it is now."""
        return [memory.text for memory in self.clew.memories(user=user, limit=100_000)]

    def close(self) -> None:
        """Close the file."""
        self.clew.close()


class EmptyLiving:
    """A memory that keeps nothing: it must fail wherever something has to be known."""

    name, about, doors = "empty", {}, frozenset({"ask"})  # type: ignore[var-annotated]

    def open(self, folder: Path) -> Life:
        """Nothing is written."""
        return EmptyLife()


class EmptyLife:
    """Nothing."""

    answers = True

    def say(self, said: Say) -> None:
        """Forget it at once."""

    def do(self, deed: Do) -> bool:
        """There is nothing to do it to, which is as good as done: an empty memory is judged by what it does not know."""
        return True

    def hear(self, ask: Ask) -> Heard:
        """No answer."""
        return Heard(())

    def states(self, user: str, keys: Sequence[str]) -> dict[str, str]:
        """All gone."""
        return dict.fromkeys(keys, GONE)

    def listing(self, user: str) -> list[str]:
        """Nothing."""
        return []

    def close(self) -> None:
        """Nothing is open."""


class WordsLiving:
    """BM25 over plain texts in a JSON file: no times, no statuses, no answers; texts can be replaced and removed."""

    name, about = "bm25", {"k1": "1.2", "b": "0.75"}
    doors = frozenset({"retire", "revise", "retract", "forget events", "forget user", "forget matching"})

    def open(self, folder: Path) -> Life:
        """An empty file."""
        return WordsLife(folder / "texts.json")


class WordsLife:
    """Texts by user and key; every question is ranked from the beginning."""

    answers = False

    def __init__(self, path: Path) -> None:
        self.path, self.texts = path, dict[str, dict[str, str]]()

    def say(self, said: Say) -> None:
        """Keep the text; the file is written when something is taken back, and at the end."""
        self.texts.setdefault(said.user, {})[said.key] = said.text

    def do(self, deed: Do) -> bool:
        """Removing is all it knows of retiring, retracting and forgetting."""
        mine = self.texts.get(deed.user, {})
        if deed.what == "forget user":
            self.texts.pop(deed.user, None)
        elif deed.what == "forget matching":
            self.texts[deed.user] = {key: text for key, text in mine.items() if deed.text not in text}
        elif deed.what == "revise":
            mine[deed.keys[0]] = deed.text
        elif deed.what in self.doors():
            for key in deed.keys:
                mine.pop(key, None)
        else:
            return False
        self.path.write_text(json.dumps(self.texts, ensure_ascii=False), encoding="utf-8")
        return True

    def doors(self) -> frozenset[str]:
        """Those of the system."""
        return WordsLiving.doors

    def hear(self, ask: Ask) -> Heard:
        """The best by words, the time in words where the question has one."""
        mine = self.texts.get(ask.user, {})
        started = perf_counter()
        ranked = _ranked(ask.spoken or ask.text, mine)[:K]
        return Heard(tuple(mine[key] for key in ranked), perf_counter() - started)

    def states(self, user: str, keys: Sequence[str]) -> dict[str, str]:
        """There or not."""
        return {key: ACTIVE if key in self.texts.get(user, {}) else GONE for key in keys}

    def listing(self, user: str) -> list[str]:
        """The user's texts."""
        return list(self.texts.get(user, {}).values())

    def close(self) -> None:
        """Write the file."""
        self.path.write_text(json.dumps(self.texts, ensure_ascii=False), encoding="utf-8")


def _ranked(asked: str, texts: Mapping[str, str], k1: float = 1.2, b: float = 0.75) -> list[str]:
    """Keys of the texts that share a word with the question, by BM25, then in the order in which they came."""
    counts = {key: Counter(normalised(text).split()) for key, text in texts.items()}
    mean = sum(c.total() for c in counts.values()) / max(len(counts), 1)
    scores: dict[str, float] = {}
    for word in set(normalised(asked).split()):
        having = [key for key, c in counts.items() if c[word]]
        weight = math.log(1 + (len(counts) - len(having) + 0.5) / (len(having) + 0.5))
        for key in having:
            many = counts[key][word]
            scores[key] = scores.get(key, 0) + weight * many * (k1 + 1) / (many + k1 * (1 - b + b * counts[key].total() / mean))
    return sorted(scores, key=lambda key: -scores[key])

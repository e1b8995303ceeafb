"""What is measured: Clew and the peers behind one set of words, each alone in a process so that its memory can be told."""

import importlib.metadata
import resource
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from clew import Clew
from clew.arena.peers import peer
from clew.models import Models
from clew.models.static import Static
from clew.recipe import load

K = 10
SECOND_LOOK = "clew"


class Given:
    """An embedder that looks vectors up; a text it was not given goes to the static table."""

    exact = True

    def __init__(self) -> None:
        self._inner, self.known = Static(), dict[str, np.ndarray]()
        self.space, self.dims = "given", self._inner.dims

    def take(self, texts: Sequence[str], codes: np.ndarray) -> None:
        """From now on these texts have these vectors too."""
        self.known.update(zip(texts, codes, strict=True))

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """(n, dims) int8, rows in the order of texts."""
        missing = [text for text in texts if text not in self.known]
        found = dict(zip(missing, self._inner.embed(missing), strict=True)) if missing else {}
        return np.stack([self.known[t] if t in self.known else found[t] for t in texts]) if texts else np.zeros((0, self.dims), np.int8)


def timed(work: Callable[[], Any]) -> float:
    """Seconds that a call took."""
    started = perf_counter()
    work()
    return perf_counter() - started


def resident() -> float:
    """Megabytes of this process in memory now, and nothing where the system does not tell."""
    status = Path("/proc/self/statm")
    return int(status.read_text().split()[1]) * resource.getpagesize() / 1e6 if status.exists() else float("nan")


class Ours:
    """Clew with `verbatim`; other recipes over the same log are folded when `also` is called."""

    def __init__(self, folder: Path) -> None:
        self.path, self.given = folder / "memory.db", Given()
        verbatim, second = load("verbatim"), load(SECOND_LOOK)
        self.recipes = [verbatim, verbatim.variant("all", shares="all"), second, second.variant("all", shares="all")]
        self._open()

    def _open(self) -> None:
        self.clew = Clew(self.path, recipes=self.recipes, models=Models(embedder=self.given))

    def version(self) -> str:
        return importlib.metadata.version("clew") if _installed("clew") else "source"

    def ingest(self, events: Sequence[Mapping[str, Any]], codes: np.ndarray, fold: bool) -> dict[str, float]:
        """Seconds to append in one durable transaction, and with `fold` to fold all there is until it can be found."""
        self.given.take([e["content"] for e in events], codes)
        append = timed(lambda: self.clew.record(list(events)))
        return {"append": append, "fold": self._fold() if fold else 0.0}

    def _fold(self) -> float:
        took = timed(lambda: self.clew.catch_up("verbatim"))
        self.given.known.clear()
        return took

    def singly(self, events: Sequence[Mapping[str, Any]], codes: np.ndarray) -> dict[str, list[float]]:
        """Seconds of each durable append, and of each fold after it."""
        self.given.take([e["content"] for e in events], codes)
        append, fold = [], []
        for e in events:
            append.append(timed(lambda e=e: self.clew.record([e])))
            fold.append(timed(lambda: self.clew.catch_up("verbatim")))
        return {"append": append, "fold": fold}

    def also(self, recipe: str) -> float:
        """Seconds to fold the whole log for another recipe."""
        return timed(lambda: self.clew.catch_up(recipe))

    def recall(self, questions: Sequence[str], user: str | None, recipe: str = "verbatim", as_of: int | None = None) -> list[float]:
        """Seconds of each recall; user None asks over everyone."""
        name = recipe if user else f"{recipe}[all]"
        return [timed(lambda q=q: self.clew.recall(q, user=user, k=K, recipe=name, as_of=as_of)) for q in questions]

    def thread(self, question: str, user: str, times: int) -> list[float]:
        """Seconds of following a hit to its words."""
        id = self.clew.recall(question, user=user, k=1, recipe="verbatim")[0].memory.id
        return [timed(lambda: self.clew.thread(id)) for _ in range(times)]

    def reopen(self, question: str, user: str) -> dict[str, float]:
        """Seconds to open the file again, and of the first recall then; the system's file cache is warm."""
        self.clew.close()
        return {"open": timed(self._open), "first": timed(lambda: self.clew.recall(question, user=user, k=K, recipe="verbatim"))}

    def rebuild(self) -> float:
        """Seconds to make `verbatim` anew from the log, embedding included."""
        return timed(lambda: self.clew.rebuild("verbatim"))

    def forget(self, user: str) -> float:
        """Seconds to forget a user until no byte is left, the scan of the file and its rewriting included."""
        started = perf_counter()
        receipt = self.clew.forget(user=user)
        assert receipt.state == "erased", receipt.why
        return perf_counter() - started

    def weight(self) -> dict[str, float]:
        """Bytes on disk and megabytes in memory."""
        return {"bytes": float(sum(p.stat().st_size for p in self.path.parent.iterdir())), "rss": resident()}

    def close(self) -> None:
        self.clew.close()


class Theirs:
    """A peer, through the arena's adapter."""

    def __init__(self, name: str, folder: Path) -> None:
        self.given = Given()
        self.system = peer(name, self.given)
        self.memory: Any = self.system.open(folder)

    def version(self) -> str:
        return " ".join(value for key, value in self.system.about.items() if key != "embed")

    def ingest(self, events: Sequence[Mapping[str, Any]], codes: np.ndarray, fold: bool) -> dict[str, float]:
        """Seconds until all can be found, which is at once."""
        self.given.take([e["content"] for e in events], codes)
        append = timed(lambda: self.memory.remember(events))
        self.given.known.clear()
        return {"append": append, "fold": 0.0}

    def singly(self, events: Sequence[Mapping[str, Any]], codes: np.ndarray) -> dict[str, list[float]]:
        """Seconds of each add."""
        self.given.take([e["content"] for e in events], codes)
        return {"append": [timed(lambda e=e: self.memory.remember([e])) for e in events], "fold": [0.0] * len(events)}

    def recall(self, questions: Sequence[str], user: str | None) -> list[float]:
        """Seconds of each search."""
        return [self.memory.find(q, None, K, user).seconds for q in questions]

    def weight(self) -> dict[str, float]:
        """Bytes on disk and megabytes in memory."""
        return {"bytes": float(self.memory.bytes()), "rss": resident()}

    def close(self) -> None:
        self.memory.close()


def serve(pipe: Any, name: str, folder: str) -> None:
    """The main function of a subject's process: words with arguments in, results or the error's text out."""
    before, subject = resident(), None
    try:
        subject = Ours(Path(folder)) if name == "clew" else Theirs(name, Path(folder))
        pipe.send(("ok", {"version": subject.version(), "rss": before}))
        while True:
            word, arguments = pipe.recv()
            if word == "end":
                break
            try:
                pipe.send(("ok", getattr(subject, word)(*arguments)))
            except Exception as error:  # noqa: BLE001 - a peer's failure is a result, told in the table
                pipe.send(("failed", f"{type(error).__name__}: {error}"))
    finally:
        if subject is not None:
            subject.close()
        shutil.rmtree(folder, ignore_errors=True)


def _installed(name: str) -> bool:
    return any(d.metadata["Name"] == name for d in importlib.metadata.distributions())

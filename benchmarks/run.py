"""The benchmark: systems take turns chunk by chunk and question by question, so that a busy machine is busy for all.

usage: python -m benchmarks.run [--sizes 10000,100000] [--peers chroma,langgraph_store,mem0_store] [--cap 600]
"""

import json
import multiprocessing
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import numpy as np
import typer
from rich.progress import Progress

from benchmarks import subjects, table, texts
from clew.arena.peers import NAMES
from clew.arena.run import commit, machine, versions
from clew.errors import NotFound
from clew.models.static import Static

CHUNK = 1000
FOLD = 10  # chunks after which Clew catches up: a backlog, as its worker finds it
ASKED, TURN = 60, 5  # questions a scope, and how many of them a system answers before the next has its turn
SINGLE = 100
LOOKS = 200_000  # above this size the second look over everyone is not built: its fold alone takes minutes
SCOPES = {"1 %": texts.SMALL, "10 %": texts.BIG, "100 %": None}


class Subject:
    """A system in a process of its own."""

    def __init__(self, name: str) -> None:
        self.name, self.reached, self.spent, self.failed = name, 0, 0.0, ""
        self.folder = tempfile.mkdtemp(prefix=f"bench-{name}-", dir=Path.cwd() / "benchmarks" / "results")
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=subjects.serve, args=(other, name, self.folder), daemon=True)
        self.process.start()
        other.close()
        self.about = self._answer()

    def __call__(self, word: str, *arguments: Any) -> Any:
        """What the subject answers; None after it has failed."""
        if self.failed:
            return None
        self.pipe.send((word, arguments))
        return self._answer()

    def _answer(self) -> Any:
        try:
            state, answer = self.pipe.recv()
        except EOFError:
            state, answer = "failed", "its process ended"
        if state == "failed":
            self.failed = answer
            if self.name == "clew":
                raise RuntimeError(f"Clew failed in its own benchmark: {answer}")
            return None
        return answer

    def end(self) -> None:
        """Let it close and remove its files."""
        if self.process.is_alive():
            self.pipe.send(("end", ()))
        self.process.join(60)


def quantiles(seconds: Sequence[float]) -> dict[str, float]:
    """p50 and p95 in milliseconds."""
    return {"p50": 1000 * float(np.quantile(seconds, 0.5)), "p95": 1000 * float(np.quantile(seconds, 0.95))} if seconds else {}


def ingest(size: int, subjects_: Sequence[Subject], cap: float, progress: Progress) -> dict[str, dict[str, Any]]:
    """All chunks to every subject in turn, vectors given; one that has spent its time stays at the size it reached."""
    embedder, task = Static(), progress.add_task(f"{size:,} in", total=size)
    spent = {s.name: {"append": 0.0, "fold": 0.0} for s in subjects_}
    embedding = 0.0
    for number, chunk in enumerate(texts.chunks(size, CHUNK), 1):
        fold = number % FOLD == 0 or number * CHUNK >= size
        started = perf_counter()
        codes = embedder.embed([e["content"] for e in chunk])
        embedding += perf_counter() - started
        for s in subjects_:
            if s.failed or (s.spent > cap and s.name != "clew"):
                continue
            took = s("ingest", chunk, codes, fold)
            if took is not None:
                for part, seconds in took.items():
                    spent[s.name][part] += seconds
                s.spent += sum(took.values())
                s.reached += len(chunk)
        progress.advance(task, len(chunk))
    progress.remove_task(task)
    found = {s.name: {"reached": s.reached, **{k: 1e6 * v / max(s.reached, 1) for k, v in spent[s.name].items()}} for s in subjects_}
    found["clew"]["embed"] = 1e6 * embedding / size
    return found


def recalls(subjects_: Sequence[Subject], user: str | None, seed: int) -> dict[str, dict[str, float]]:
    """Milliseconds a recall, in turns of a few questions; the first turn warms up and is not counted."""
    asked = texts.questions(ASKED + TURN, seed)
    took: dict[str, list[float]] = {s.name: [] for s in subjects_}
    for start in range(0, len(asked), TURN):
        for s in subjects_:
            if user is None and s.name == "mem0_store":
                continue  # mem0 has no search over everyone
            found = s("recall", asked[start : start + TURN], user)
            if start and found is not None:
                took[s.name] += found
    return {name: quantiles(seconds) for name, seconds in took.items()}


def alone(clew: Subject, size: int) -> dict[str, Any]:
    """What only Clew has a word for."""
    asked = texts.questions(ASKED, 9)
    found: dict[str, Any] = {
        "as of half": quantiles(clew("recall", asked, texts.SMALL, "verbatim", size // 2)),
        "as of half, 100 %": quantiles(clew("recall", asked, None, "verbatim", size // 2)),
        "thread": quantiles(clew("thread", asked[0], texts.SMALL, 100)),
    }
    if size <= LOOKS:
        for recipe in (subjects.SECOND_LOOK, f"{subjects.SECOND_LOOK}[all]"):
            found[f"fold {recipe}"] = 1e6 * clew("also", recipe) / size
        for scope, user in SCOPES.items():
            clew("recall", asked[:TURN], user, subjects.SECOND_LOOK)
            found[f"second look, {scope}"] = quantiles(clew("recall", asked, user, subjects.SECOND_LOOK))
    found |= {f"reopen {k}": 1000 * v for k, v in clew("reopen", asked[0], texts.SMALL).items()}
    found["rebuild"] = 1e6 * clew("rebuild") / size
    return found


def measured(size: int, names: Sequence[str], cap: float, progress: Progress) -> Iterator[dict[str, Any]]:
    """One size, every subject; what was found is given before the longest word, forget, and again after it."""
    present = [Subject(name) for name in ("clew", *names)]
    try:
        found: dict[str, Any] = {"size": size, "load": machine()["load"], "about": {s.name: s.about for s in present}}
        found["ingest"] = ingest(size, present, cap, progress)
        found["recall"] = {scope: recalls(present, user, i) for i, (scope, user) in enumerate(SCOPES.items()) if user}
        found["weight"] = {s.name: s("weight") for s in present}
        extra = [texts.event(size + i, text) for i, text in enumerate(texts.turns(SINGLE, 999_999))]
        codes = Static().embed([e["content"] for e in extra])
        singly = {s.name: s("singly", extra, codes) for s in present}
        found["singly"] = {
            name: {part: quantiles(seconds) for part, seconds in took.items()} if took else None for name, took in singly.items()
        }
        found["everyone"] = 1e6 * present[0]("also", "verbatim[all]") / size
        found["recall"]["100 %"] = recalls(present, None, 2)
        found["failed"] = {s.name: s.failed for s in present if s.failed}
        for s in present[1:]:
            s.end()
        found["clew"] = alone(present[0], size)
        found["weight"]["clew at the end"] = present[0]("weight")
        yield found
        found["clew"]["forget"] = present[0]("forget", texts.SMALL)
        yield found
    finally:
        for s in present:
            s.end()


def main(
    sizes: Annotated[str, typer.Option(help="Numbers of memories, with commas.")] = "10000,100000,1000000",
    peers: Annotated[str, typer.Option(help=f"Among {', '.join(NAMES)}; empty for none.")] = ",".join(NAMES),
    cap: Annotated[float, typer.Option(help="Seconds of ingest that a peer may take a size.")] = 600,
    out: Annotated[Path, typer.Option(help="Where results go.")] = Path("benchmarks/results"),
) -> None:
    """Measure, and write benchmark.json and benchmark.md after each size."""
    out.mkdir(parents=True, exist_ok=True)
    names = [name for name in peers.split(",") if name]
    if unknown := set(names) - set(NAMES):
        raise NotFound(f"there is no peer {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    result: dict[str, Any] = {
        "commit": commit(),
        "versions": versions(),
        "machine": machine(),
        "cap": cap,
        "chunk": CHUNK,
        "fold": FOLD * CHUNK,
        "sizes": {},
    }
    with Progress() as progress:
        for size in (int(s) for s in sizes.split(",")):
            for found in measured(size, names, cap, progress):
                result["sizes"][str(size)] = found
                (out / "benchmark.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
                (out / "benchmark.md").write_text(table.markdown(result), encoding="utf-8")
    print(table.markdown(result))


if __name__ == "__main__":
    typer.run(main)

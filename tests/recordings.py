"""Recordings: what a real small model answered to a recipe over one short conversation, and what the recipe made of it.

A recording is `recordings/<recipe>.jsonl` (a line with the model's name, then a line a call: hash of the request, answer),
and `recordings/<recipe>.md`, what came of it, to be read by people. `test_recordings.py` plays every one that is there.
To make them anew, with the models of `tools/fetch_test_models.py` and the package xllamacpp:

    CLEW_RECORD=1 python tests/recordings.py a_mem scm      # no names: every recipe that asks a model
    python tests/recordings.py --validity                   # how often the models gave the forms they were asked for

Ids depend on a file's secret; here it is a fixed one, so that requests and ids are the same each time.
"""

import contextlib
import hashlib
import importlib
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import apsw

from clew import Clew
from clew.arena import validity
from clew.errors import ModelUnavailable
from clew.models import Models, Reply, connect
from clew.recipe import Recipe, load, names
from clew.types import Memory

FOLDER = Path(__file__).parent / "recordings"
MODELS = Path(os.environ.get("CLEW_MODELS") or Path(__file__).parents[1] / "build" / "models")
MODEL = os.environ.get("CLEW_RECORD_MODEL", "qwen2.5-coder-0.5b.gguf")
CONTEXT = 4096  # tokens of the local model's window
SECRET = bytes(range(32))
USER = "ana"
TALK = (
    ("s1", "Ana", "My boat Halcyon lies at Porto, and its pump broke off Skye."),
    ("s1", "Bo", "I know a mechanic called Silva who mends pumps."),
    ("s1", "Ana", "Good. Silva wants 40 euros for a new impeller."),
    ("s1", "Bo", "My sister Carla teaches pottery on Mondays."),
    ("s1", "Ana", "I joined Carla's pottery class yesterday."),
    ("s1", "Bo", "Did you make a bowl?"),
    ("s2", "Ana", "No, a blue cup. The impeller is fitted and the pump works."),
    ("s2", "Bo", "Then we can sail to Madeira in June."),
    ("s2", "Ana", "I sold the flat in Porto and moved to Lisbon."),
    ("s2", "Bo", "Where does the Halcyon lie now?"),
    ("s2", "Ana", "In the harbour of Lisbon, beside the old ferry."),
    ("s2", "Bo", "Carla no longer teaches; Marco has the class."),
)
DOCUMENT = (
    "The Halcyon is a sloop of nine metres, built at Vigo in 1987. Her bilge pump has an impeller of rubber that must be "
    "changed every two years. The berth at Lisbon costs 210 euros a month and is paid until October."
)
_CLOCK = re.compile(
    r"\b(?!2026-05)20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:\+00:00|Z)"
)  # what is not of the conversation is the clock's
RUNS = (  # (task, what was done, how it ended): for recipes that learn from outcomes
    ("Open the red locker in the harbour.", "use the round key on the red locker", "success"),
    ("Open the blue locker in the harbour.", "use the round key on the blue locker", "failure"),
    ("Open the blue locker in the harbour.", "use the square key on the blue locker", "success"),
    ("Open the red locker at the ferry.", "use the square key on the red locker", "failure"),
    ("Open the red locker at the ferry.", "use the round key on the red locker", "success"),
)
TASKS = ("Open the blue locker in the harbour.", "Open the red locker at the ferry.")
LEARNING = frozenset({"g_memory"})
QUESTIONS = ("Where does the Halcyon lie now?", "Who teaches the pottery class?")


class Recorded:
    """An asker that answers from a recording. With a model behind it, that is asked, and what it says is written down."""

    local = True  # nothing leaves the process, so nothing is masked

    def __init__(self, path: Path, model: Any = None) -> None:
        self.path, self.model, self.calls = path, model, 0
        self.used: dict[str, None] = {}  # requests that were made, in order
        self.partial = path.with_suffix(".partial")  # what a run that was cut off had been told, to go on from
        head, *rows = (
            [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if model is None else [{"model": model.name}]
        )
        self.name: str = head["model"]
        self.answers: dict[str, Mapping[str, Any]] = {row["request"]: row for row in rows}
        if model is not None and self.partial.exists():
            self.answers = {row["request"]: row for row in map(json.loads, self.partial.read_text(encoding="utf-8").splitlines())}

    def ask(self, prompt: str, schema: Mapping[str, Any] | None, max_tokens: int) -> Reply:
        """The answer that was recorded; ModelUnavailable where this was never asked."""
        self.calls += 1
        request = hashlib.sha256(json.dumps([prompt, schema], sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:20]
        self.used[request] = None
        row = self.answers.get(request)
        if row is None and self.model is not None:
            reply = self.model.ask(prompt, schema, max_tokens)
            row = {"request": request, "answer": reply.text, "tokens": [reply.tokens_in, reply.tokens_out], "refused": reply.refused}
            self.answers[request] = row
            with open(self.partial, "a", encoding="utf-8") as file:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
        if row is None:
            raise ModelUnavailable(f"{self.path.name} holds no answer to: {prompt[:200]!r}")
        return Reply(row["answer"], self.name, *row["tokens"], refused=row["refused"])

    def save(self) -> None:
        """Write the recording, of the answers that were asked for."""
        lines = [json.dumps(row, ensure_ascii=False) for row in ({"model": self.name}, *(self.answers[request] for request in self.used))]
        self.path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self.partial.unlink(missing_ok=True)


def asking() -> list[str]:
    """The built-in recipes that cannot fold without a model, or ask one when they are asked."""
    return sorted(name for name, path in names().items() if path is not None and (load(name).needs | load(name).asks) - {"judge"})


def recorded() -> list[str]:
    """The recipes of which there is a recording."""
    return sorted(path.stem for path in FOLDER.glob("*.jsonl"))


@contextlib.contextmanager
def opened(recipe: Recipe, asker: Any) -> Iterator[Clew]:
    """A memory in a temporary folder, with the secret that recordings have."""
    with tempfile.TemporaryDirectory(prefix="clew-test-") as folder:
        path = Path(folder) / "m.db"
        Clew(path, recipes=[recipe]).close()
        connection = apsw.Connection(str(path))
        connection.execute("UPDATE meta SET value=? WHERE key='secret'", (SECRET,))
        connection.close()
        with Clew(path, recipes=[recipe], models=Models(asker=asker)) as c:
            yield c


def lived(recipe: Recipe, asker: Any, look: Callable[[Clew], None] = lambda c: None) -> str:
    """The conversation, the document and the questions through a recipe; what came of it, as the expected file has it.

    `look` is shown the memory before it is closed.
    """
    with opened(recipe, asker) as c:
        for minute, (session, who, words) in enumerate(TALK):
            c.record(words, user=USER, session=session, actor=who, at=f"2026-05-{'04' if session == 's1' else '11'}T10:{minute:02}:00Z")
        c.record(DOCUMENT, user=USER, session="s2", kind="document", at="2026-05-11T11:00:00Z")
        for number, (task, deed, end) in enumerate(RUNS if recipe.name in LEARNING else ()):
            for minute, (words, kind) in enumerate(((task, "message"), (deed, "action"), (end, "outcome"))):
                c.record(words, user=USER, agent="solver", session=f"run-{number}", kind=kind, at=f"2026-05-11T12:{number}{minute}:00Z")
        assert list(c.catch_up().values()) == ["folded"], c.catch_up()
        here: dict[str, Any] = {"user": USER, "session": "s2" if recipe.shares == "session" else None}
        told = [
            (q, c.recall(q, **here, k=5, at="2026-05-12T10:00:00Z"), c.ask(q, **here, at="2026-05-12T10:00:00Z").text)
            for q in (TASKS if recipe.name in LEARNING else QUESTIONS)
        ]
        memories = sorted(c.memories(**here), key=lambda m: (m.opened or 0, m.kind, m.text))
        look(c)
        faults = [(f["operator"], f["seq"], f["error"]) for f in c.status()["faults"]]
        return written(recipe.name, memories, told, faults, asker)


def written(name: str, memories: list[Memory], told: list[Any], faults: list[Any], asker: Any) -> str:
    """Memories with numbers for ids, what questions found and how they were answered, and what went wrong on the way."""
    known: dict[str, str] = {}
    for memory in memories:
        known.setdefault(memory.id, f"m{len(known) + 1}")
    numbered = {m.id: known[m.id] for m in memories}
    lines = [f"# {name}, with {asker.name}", "", f"{asker.calls} calls.", "", "## Memories", ""]
    for memory in memories:
        state = "".join([f" {memory.status}" * (memory.status != "active"), f" ({memory.retired})" if memory.retired else ""])
        lines += [f"- {numbered[memory.id]} {memory.kind}{state}: {json.dumps(memory.text, ensure_ascii=False)}"]
        lines += [f"  from: {', '.join(f'{s.seq}[{s.start}:{s.end}]' for s in memory.sources)}"]
        for label, ids in (("basis", memory.basis), ("links", memory.links)):
            if ids:
                lines += [f"  {label}: {', '.join(sorted(numbered.get(i, i) for i in ids))}"]
        lines += [f"  {key}: {_shown(value, numbered)}" for key, value in sorted(memory.data.items())]
    for question, hits, answer in told:
        lines += [
            "",
            f"## {question}",
            "",
            *(f"- {numbered.get(h.memory.id, '?')} {json.dumps(h.memory.text[:80], ensure_ascii=False)}" for h in hits),
        ]
        lines += ["", f"Answer: {json.dumps(answer, ensure_ascii=False)}"]
    lines += ["", "## Faults", "", *(f"- {operator} at {seq}: {' '.join(error.split())[:160]}" for operator, seq, error in faults)]
    text = "\n".join(lines).rstrip() + "\n"
    for id, number in numbered.items():
        text = text.replace(id, number)
    return _CLOCK.sub("(when it was recorded)", text)


def _shown(value: Any, numbered: Mapping[str, str]) -> str:
    rounded = json.loads(json.dumps(value, ensure_ascii=False, default=str), parse_float=lambda x: round(float(x), 4))
    return json.dumps(rounded, ensure_ascii=False, sort_keys=True)


@contextlib.contextmanager
def served(path: Path) -> Iterator[Any]:
    """A real model behind llama.cpp's own server, in this process, on one thread."""
    llama = importlib.import_module("xllamacpp")
    settings = llama.CommonParams()
    settings.model.path, settings.n_ctx, settings.n_parallel, settings.port = str(path), CONTEXT, 1, 0
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = 1
    server = llama.Server(settings)
    asker: Any = connect(f"openai:{path.stem}", base_url=f"{server.listening_address}/v1", api_key="none", retries=0, timeout_s=900).asker
    try:
        yield asker
    finally:
        asker.close()


def made(name: str, model: Any) -> str:
    """Make a recipe's recording and its expected file; what was written, in one line."""
    FOLDER.mkdir(exist_ok=True)
    started = perf_counter()
    asker = Recorded(FOLDER / f"{name}.jsonl", model)
    expected = lived(load(name), asker)
    asker.save()
    (FOLDER / f"{name}.md").write_text(expected, encoding="utf-8")
    return f"{name}: {asker.calls} calls, {len(asker.used)} distinct, {perf_counter() - started:.0f} s"


def report() -> None:
    """Print how often the recorded models gave the forms that they were asked for."""
    found: list[validity.Counted] = []
    for name in recorded():
        lived(load(name), Recorded(FOLDER / f"{name}.jsonl"), lambda c: found.extend(validity.counted(c.answers)))
    header, rows = validity.table(validity.together(found))
    for row in (header, *rows):
        print("  ".join(value.ljust(width) for value, width in zip(row, (28, 10, *[9] * 8), strict=True)))


if __name__ == "__main__":
    if sys.argv[1:] == ["--validity"]:
        raise SystemExit(report())
    if not os.environ.get("CLEW_RECORD"):
        raise SystemExit("this asks a real model for minutes: set CLEW_RECORD=1")
    with served(MODELS / MODEL) as real:
        for wanted in sys.argv[1:] or asking():
            print(made(wanted, real), flush=True)

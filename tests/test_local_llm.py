"""The recipes with a real, small, fallible model behind a real OpenAI-compatible endpoint, all on this machine.

SmolLM2-135M shows that the plumbing holds: its answers are mostly wrong, and nothing may break of it. Qwen2.5-Coder-0.5B,
where it is present, shows that the prompts can be understood. `python tools/fetch_test_models.py` brings them.
"""

import importlib.util
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from clew import Clew
from clew.models import Models, Reply, connect, forms
from clew.models.fake import Dead
from clew.recipe import Recipe, load

MODELS = Path(os.environ.get("CLEW_MODELS") or Path(__file__).parents[1] / "build" / "models")
CONTEXT = 3072  # tokens, enough for every prompt here
TALK = (
    ("Ana", "I moved to Lisbon in May and rent a flat near the river."),
    ("Bo", "My sailing boat Halcyon needs a new pump before summer."),
    ("Ana", "The river in Lisbon is good for sailing; bring the boat."),
)
Connected = Callable[[str], Any]
Report = Callable[[str, object], None]


@pytest.fixture
def report(capsys: pytest.CaptureFixture[str]) -> Report:
    """Shows what was measured, also where the output of passing tests is not."""

    def show(what: str, found: object) -> None:
        with capsys.disabled():
            print(f"\n  local model: {what}: {found}", end="")

    return show


@pytest.fixture(scope="module")
def connected() -> Iterator[Connected]:
    """Gives the asker of a model's file; the test is skipped, with the reason, where something is missing."""
    held: list[Any] = []
    known: dict[str, Any] = {}

    def make(name: str) -> Any:
        for package, extra in (("openai", "clew[llm]"), ("xllamacpp", "xllamacpp")):
            if importlib.util.find_spec(package) is None:
                pytest.skip(f"needs {package}: pip install '{extra}'")
        if not (MODELS / name).exists():
            pytest.skip(f"needs {MODELS / name}: python tools/fetch_test_models.py{' --behaviour' if 'qwen' in name else ''}")
        if name not in known:
            known[name] = served(MODELS / name, held)
        return known[name]

    yield make
    for thing in reversed(held):
        getattr(thing, "close", lambda: None)()
    held.clear()
    known.clear()


def served(path: Path, held: list[Any]) -> Any:
    """An asker at llama.cpp's own server, in this process, on one thread."""
    llama = importlib.import_module("xllamacpp")
    settings = llama.CommonParams()
    settings.model.path, settings.n_ctx, settings.n_parallel, settings.port = str(path), CONTEXT, 1, 0
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = 1
    server = llama.Server(settings)
    asker = connect(f"openai:{path.stem}", base_url=f"{server.listening_address}/v1", api_key="none", retries=0, timeout_s=300).asker
    held.extend([server, asker])
    return asker


def dump(c: Clew, name: str) -> list[Any]:
    return list(c._views.serving(name).view.dump())


def outcomes(c: Clew) -> Counter[str]:
    with c.database.snapshot() as connection:
        return Counter(dict(connection.execute("SELECT outcome, count(*) FROM answer GROUP BY outcome")))


def traced(c: Clew, memories: list[Any]) -> None:
    """Every memory leads back to words that were really said."""
    assert memories
    said = {e.seq: e.text for e in c.log.read()}
    for memory in memories:
        quotes = c.thread(memory.id)
        assert quotes and all(q.text == said[q.event.seq][q.start : q.end] for q in quotes)
        assert {s.seq for s in memory.sources} <= set(memory.rests)


def lived(path: Path, recipe: Recipe, asker: Any, question: str, record: Callable[[Clew], None], note: Report) -> None:
    """Record, fold with the real model, recall; then rebuild with no model at all and compare."""
    name = recipe.name
    with Clew(path, recipes=[recipe], models=Models(asker=asker)) as c:
        record(c)
        assert c.catch_up() == {name: "folded"}
        traced(c, c.memories(user="ana"))
        hits = c.recall(question, user="ana", k=4)
        assert 0 < len(hits) <= 4
        counted, spent = outcomes(c), c.status()["spent"]
        assert spent["calls"] == counted.total() > 0 and spent["tokens"] > 0
        assert counted["valid"] / counted.total() >= 0.75, f"forms hold by grammar, but for answers cut off: {counted}"
        note(f"{name} valid forms", f"{counted['valid']} of {counted.total()}")
        note(f"{name} tokens", spent["tokens"])
        before = dump(c, name)
    with Clew(path, recipes=[recipe], models=Models(asker=Dead(asker.name))) as c:
        c.rebuild(name)
        assert dump(c, name) == before, "rebuilt with the model gone"


def talk(c: Clew, turns: int) -> None:
    c.record(
        [{"content": words, "actor": who, "at": f"2026-05-{day:02}T10:00:00Z"} for day, (who, words) in enumerate(TALK[:turns], 1)],
        user="ana",
    )


def test_scm_lives_with_a_tiny_model(connected: Connected, tmp_path: Path, report: Report) -> None:
    def record(c: Clew) -> None:
        talk(c, 2)
        c.record(" ".join(f"On day {i} the pump number {i} of the Halcyon ran for {i} hours." for i in range(22)), user="ana")
        c.record("Good night.", user="ana")

    lived(tmp_path / "m.db", load("scm"), connected("smollm2-135m.gguf"), "Where does Ana live?", record, report)


def test_a_mem_lives_with_a_tiny_model(connected: Connected, tmp_path: Path, report: Report) -> None:
    lived(tmp_path / "m.db", load("a_mem"), connected("smollm2-135m.gguf"), "Where does Ana live?", lambda c: talk(c, 2), report)


def test_ari_graph_lives_with_a_tiny_model(connected: Connected, tmp_path: Path, report: Report) -> None:
    searched = load("ari_graph").variant("qa", history=0)  # or the one observation there is would be left out as the latest
    lived(tmp_path / "m.db", searched, connected("smollm2-135m.gguf"), "Where does Ana live?", lambda c: talk(c, 1), report)


def test_every_family_of_forms_is_held_by_the_grammar(connected: Connected, report: Report) -> None:
    asker = connected("smollm2-135m.gguf")
    ids = ["46eaf637f54709b9dd3b", "a90bc3122edb69b8d7fb"]
    families = [
        forms.gate(),
        forms.choice(["none", "link"]),
        forms.choices(ids, 2),
        forms.text(80),
        forms.texts(2, 20, 1),
        forms.records({"subject": 20, "object": 20}, 2, 1),
        forms.edits(["update"], ids, 1, 40),
        forms.scores(ids, 1, 3),
    ]
    for form in families:
        reply: Reply = asker.ask("Ana moved to Lisbon. Answer with JSON about it, briefly.", form.schema, form.max_tokens)
        form.parse(reply.text)
    report("families", len(families))


def test_the_need_for_memory_is_answered_if_not_understood(connected: Connected, report: Report) -> None:
    asker = connected("qwen2.5-coder-0.5b.gguf")
    needed = {
        "What did I tell you about my boat?": True,
        "What is two plus two?": False,
        "When is my sister's birthday?": True,
        "Why is the sky blue?": False,
    }
    found = {}
    for question in needed:
        prompt = load("scm").prompts["need_memory"].replace("$question", question)
        found[question] = forms.gate().parse(asker.ask(prompt, forms.gate().schema, 16).text)
    report("need for memory as a person sees it", f"{sum(found[q] is needed[q] for q in needed)} of {len(needed)}")
    assert set(map(type, found.values())) == {bool}  # a model of this size says no to everything (November 2026)


def test_facts_are_read_from_simple_sentences(connected: Connected, tmp_path: Path, report: Report) -> None:
    asker = connected("qwen2.5-coder-0.5b.gguf")
    with Clew(tmp_path / "m.db", recipes=["ari_graph"], models=Models(asker=asker)) as c:
        c.record("The red apple is on the table. The brass key is in the drawer.", user="ana")
        assert c.catch_up() == {"ari_graph": "folded"}
        found = [m.text for m in c.memories(user="ana", kind="triplet")]
        report("triplets", found)
        assert any("apple" in text and "table" in text for text in found)
        assert any("key" in text and "drawer" in text for text in found)

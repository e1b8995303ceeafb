"""MoM does what its checklist says: outline first, verbatim chunks, cores, candidates chosen by perplexity, three layers."""

import importlib
import importlib.util
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from clew import Clew
from clew.models import Models
from clew.models.fake import Dead, Fickle, Scripted
from clew.models.scoring import LIKELIHOOD, Ngram
from clew.operators.documents import layers, perplexity, spans
from clew.recipes import mom
from clew.types import Hit, Memory

PUMP = "The pump of the Halcyon broke off Skye, and Ana and Bo rowed the boat with its broken pump into Mallaig before night."
FERRY = "A new impeller came by ferry from Oban; the ferry was two days late, and the impeller cost forty pounds."
BREAD = "At home their aunt Flora baked rye bread with honey, and sold every loaf of the bread to the neighbours on Sunday."
DOCUMENT = f"{PUMP}  {FERRY}\n{BREAD}"
LINES = ["The breakdown at sea", "The spare part", "Bread at home"]
CORES = [
    "Halcyon lost its pump off Skye; Ana and Bo rowed to Mallaig.",
    "The impeller came late from Oban.",
    "Flora is a baker who sells loaves.",
]
BESIDE = ("Somebody cooks porridge at dawn.", "A butcher and a grocer share the house.", "She buys flour at the mill.")
BASE = mom.recipe.variant("fine", grains=(90, 45, 23))  # DOCUMENT in 4, 8 and 16 parts at most
MODELS = Path(os.environ.get("CLEW_MODELS") or Path(__file__).parents[1] / "build" / "models")


def ends(text: str) -> tuple[str, str]:
    """The first and last four words."""
    return " ".join(text.split()[:4]), " ".join(text.split()[-4:])


def scenario(name: str, text: str, core: str) -> dict[str, str]:
    first, last = ends(text)
    return {"name": name, "first": first, "last": last, "text": core}


class Author:
    """Reads DOCUMENT well when it may make four parts, cuts it in the wrong places with eight, leaves it whole with sixteen."""

    def __init__(self, **changed: Any) -> None:
        self.changed = changed  # answers instead, by the prompt's first word

    def __call__(self, prompt: str, schema: Any) -> Any:
        if prompt.startswith("Make an outline"):
            return self.changed.get("Make", {"texts": LINES})
        if prompt.startswith("Cut the document"):
            if "Cut" in self.changed:
                return self.changed["Cut"]
            fields = schema["properties"]["records"]["items"]["properties"]
            names, parts = fields["name"]["enum"], schema["properties"]["records"]["maxItems"]
            return {"records": (self.well if parts < 6 else self.badly if parts < 12 else self.whole)([*names, *names[-1:] * 3])}
        return {"text": "by ferry"}

    @staticmethod
    def well(names: Sequence[str]) -> list[dict[str, str]]:
        return [scenario(n, t, c) for n, t, c in zip(names, (PUMP, FERRY, BREAD), CORES, strict=False)]

    @staticmethod
    def badly(names: Sequence[str]) -> list[dict[str, str]]:
        parts = DOCUMENT[:85], DOCUMENT[85:150], DOCUMENT[150:]
        return [scenario(n, t, "Somebody did something somewhere.") for n, t in zip(names, parts, strict=False)]

    @staticmethod
    def whole(names: Sequence[str]) -> list[dict[str, str]]:
        return [scenario(names[0], DOCUMENT, "Things happened.")]


class Table:
    """A judge of likelihood by a function of the pair."""

    name = "fake:table"

    def __init__(self, likely: Any) -> None:
        self.likely, self.asked = likely, list[tuple[str, str]]()

    def judge(self, pairs: Sequence[tuple[str, str]], question: str) -> list[float]:
        assert question == LIKELIHOOD
        self.asked += pairs
        return [self.likely(*pair) for pair in pairs]


def opened(path: Path, asker: Any, recipe: Any = BASE, **options: Any) -> Clew:
    return Clew(path / "c.db", recipes=[recipe], models=Models(asker=asker, **options))


def read(c: Clew, text: str = DOCUMENT, **options: Any) -> None:
    c.record(text, user="ana", kind="document", **options)
    assert list(c.catch_up().values()) == ["folded"]


def kinds(c: Clew) -> dict[str, list[Memory]]:
    """Memories by kind, in the order of their sources."""
    found: dict[str, list[Memory]] = {"chunk": [], "core": [], "outline": []}
    for m in sorted(c.memories(user="ana"), key=lambda m: (m.sources[0].seq, m.sources[0].start)):
        found[m.kind].append(m)
    return found


def test_item_1_outline_first(tmp_path: Path) -> None:
    model = Scripted(Author())
    with opened(tmp_path, model, BASE.variant("one", samples=1)) as c:
        read(c)
        assert [p.split("\n")[0][:15] for p in model.prompts] == ["Make an outline", "Cut the documen"], "the outline comes first"
        assert all(line in model.prompts[1] for line in LINES), "and the cutting is shown it"
        found = kinds(c)
        assert found["outline"][0].text == "\n".join(LINES)
        assert [m.data["title"] for m in found["chunk"]] == LINES, "a chunk belongs to a line of the outline"
    plain = Scripted(Author())
    with Clew(tmp_path / "p.db", recipes=[BASE.variant("plain", samples=1, outline=False)], models=Models(asker=plain)) as c:
        read(c)
        assert [p[:15] for p in plain.prompts] == ["Cut the documen"]
        assert kinds(c)["outline"] == [] and {m.data["title"] for m in kinds(c)["chunk"]} == {""}


def test_item_2_chunk_boundaries_chosen_by_a_model_and_recovered_verbatim_from_the_source(tmp_path: Path) -> None:
    with opened(tmp_path, Scripted(Author())) as c:
        read(c)
        chunks = kinds(c)["chunk"]
        assert [m.text for m in chunks] == [PUMP, FERRY, BREAD]
        assert [q.text for m in chunks for q in c.thread(m.id)] == [PUMP, FERRY, BREAD], "the source's own words"
    careless = {"records": [{**s, "first": s["first"].replace("e", "3", 1).upper(), "last": "..."} for s in Author.well(LINES)]}
    with Clew(tmp_path / "l.db", recipes=[BASE], models=Models(asker=Scripted(Author(Cut=careless)))) as c:
        read(c)
        assert [m.text for m in kinds(c)["chunk"]] == [PUMP, FERRY, BREAD], "by Levenshtein distance where the words are not exact"
    with Clew(tmp_path / "w.db", recipes=[BASE.variant("windows", boundaries=False)], models=Models(asker=Scripted(Author()))) as c:
        read(c)
        assert [m.text for m in kinds(c)["chunk"]] != [PUMP, FERRY, BREAD], "by length alone they fall elsewhere"


def test_item_3_core_content_per_scenario(tmp_path: Path) -> None:
    with opened(tmp_path, Scripted(Author())) as c:
        read(c)
        found = kinds(c)
        assert [m.text for m in found["core"]] == CORES
        assert [m.basis for m in found["core"]] == [(m.id,) for m in found["chunk"]]
        c.retire(found["chunk"][1].id, reason="corrected")
        assert c.get(found["core"][1].id).status != "active", "a core rests on its chunk"
    with Clew(tmp_path / "n.db", recipes=[BASE.variant("no cores", cores=False)], models=Models(asker=Scripted(Author()))) as c:
        read(c)
        assert kinds(c)["core"] == [] and kinds(c)["chunk"]


def test_item_4_several_candidates_scored_for_clarity_and_completeness_fused(tmp_path: Path) -> None:
    def likely(before: str, text: str) -> float:
        """The bad cut has the clearest boundaries and keeps least; the good one is second and first; the whole last and second."""
        if before in ("", "Somebody did something somewhere.", "Things happened."):
            return {"": 0.1, "Things happened.": 0.05}.get(before, 0.01)
        return 0.3 if before in CORES else 0.2 if (before, text) in ((PUMP, FERRY), (FERRY, BREAD)) else 0.1

    chosen = {}
    for name, changed in (("fused", {"grains": (45, 90, 23)}), ("one", {"grains": (45, 90, 23), "samples": 1})):
        model, judge = Scripted(Author()), Table(likely)
        recipe = mom.judged.variant(name, **changed)
        with Clew(tmp_path / f"{name}.db", recipes=[recipe], models=Models(asker=model, judge=judge, gate=None)) as c:
            read(c)
            chosen[name] = [m.text for m in kinds(c)["chunk"]], model.calls, judge.asked
            before = c.memories(user="ana")
        with Clew(tmp_path / f"{name}.db", recipes=[recipe], models=Models(asker=Dead(model.name), judge=Broken(), gate=None)) as c:
            c.rebuild(recipe.name)
            assert c.memories(user="ana") == before, "likelihoods are kept: a rebuild asks no judge"
    texts, calls, asked = chosen["fused"]
    assert texts == [PUMP, FERRY, BREAD] and calls == 6
    assert ("", FERRY) in asked and (PUMP, FERRY) in asked and (CORES[0], PUMP) in asked, "alone, after its chunk, given its core"
    assert chosen["one"][0] != texts and chosen["one"][1:] == (2, []), "a single reading stands as it is, and nothing is scored"


class Broken:
    """A judge that must not be asked."""

    name = "fake:table"

    def judge(self, pairs: Sequence[tuple[str, str]], question: str) -> list[float]:
        raise AssertionError("asked")


def test_item_5_three_layer_retrieval_with_chunk_expansion(tmp_path: Path) -> None:
    found = {}
    for name, changed in (("all", {}), ("chunks", {"layers": False}), ("no expansion", {"expand": False})):
        recipe = BASE.variant(name, alike=0.0, top=1, **changed)
        with Clew(tmp_path / f"{name}.db", recipes=[recipe], models=Models(asker=Scripted(Author()))) as c:
            read(c)
            for text in (*(f"The tide turns at {i} today." for i in range(24)), *BESIDE):
                read(c, text)
            hits = c.recall("Is Flora a baker who sells loaves?", user="ana", k=3)
            assert len(hits) == 3 and {h.memory.kind for h in hits} == {"chunk"}
            found[name] = {h.memory.text: set(h.why) for h in hits}
    every, chunks, direct = found.values()
    assert every.keys() == {BREAD, PUMP, FERRY}, "the core leads to its chunk, and that brings its whole document"
    assert every[BREAD] >= {"core", "outline"} <= every[FERRY]
    assert BREAD in chunks and FERRY not in chunks, "among chunks alone others are more like the question"
    assert all(why == {"chunk"} for why in chunks.values())
    assert "core" in direct[BREAD] and FERRY not in direct, "without expansion only the core's own chunk"


def test_nearly_equal_chunks_are_shown_once() -> None:
    hits = [Hit(Memory(str(i), text), 1.0 - i / 10) for i, text in enumerate((PUMP, PUMP.replace("night", "noon"), FERRY, PUMP))]
    assert [h.memory.id for h in layers.distinct(hits, 0.5, 9)] == ["0", "2"]
    assert [h.memory.id for h in layers.distinct(hits, 0.0, 9)] == ["0", "1", "2"], "equal ones always"
    assert len(layers.distinct(hits, 0.5, 1)) == 1


def test_clarity_and_completeness_are_the_papers_formulas() -> None:
    assert perplexity.clarity([0.2, 0.3], [0.4, 0.1]) == pytest.approx((0.5 + 1.0) / 2), "a probability is at most 1"
    assert perplexity.clarity([], []) == 0.0, "one chunk has no boundary"
    assert perplexity.completeness([0.5, 0.2], [8, 20]) == pytest.approx((0.5 / math.log(8) + 0.2 / math.log(20)) / 2)
    assert perplexity.completeness([0.0, 0.5], [0, 1]) == pytest.approx(0.5 / math.log(2) / 2), "no core counts as nothing kept"
    assert perplexity.fused([(0.1, 0.9), (0.9, 0.8), (0.2, 0.1)]) == 1, "second best by one and best by the other"
    assert perplexity.fused([(0.5, 0.5), (0.5, 0.5)]) == 0, "the first of equals"


def test_the_floor_without_a_model_prefers_the_better_cut(tmp_path: Path) -> None:
    with opened(tmp_path, Scripted(Author())) as c:
        read(c)
        assert [m.text for m in kinds(c)["chunk"]] == [PUMP, FERRY, BREAD]
    alone, near, far = Ngram().judge([("", "the pump broke"), ("a pump for the boat", "the pump broke"), ("rye bread", "the pump broke")])
    assert near > far == alone > 0
    assert Ngram().judge([("a", ""), ("", "天气")]) == [0.0, pytest.approx(Ngram().judge([("", "天气")])[0], abs=1)]


def test_an_invalid_answer_keeps_the_document_whole(tmp_path: Path) -> None:
    with opened(tmp_path, Scripted(lambda p, s: "mumble")) as c:
        read(c)
        found = kinds(c)
        assert [m.text for m in found["chunk"]] == [DOCUMENT] and not found["core"] and c.status()["faults"]


def test_a_line_that_is_not_in_the_outline_is_refused(tmp_path: Path) -> None:
    invented = {"records": [{**s, "name": "Weather"} for s in Author.well(LINES)]}
    with opened(tmp_path, Scripted(Author(Cut=invented))) as c:
        read(c)
        assert "".join(m.text for m in kinds(c)["chunk"]) == DOCUMENT and c.status()["faults"]


def test_a_short_turn_asks_no_model_and_a_long_document_is_read_in_parts(tmp_path: Path) -> None:
    model = Scripted(Author())
    with opened(tmp_path, model) as c:
        c.record("The bilge is dry.", user="ana", actor="Ana")
        c.catch_up()
        assert model.calls == 0 and [m.text for m in kinds(c)["chunk"]] == ["The bilge is dry."]
        long = "\n\n".join(f"Day {i}. {DOCUMENT}" for i in range(40))
        read(c, long)
        chunks = [m for m in kinds(c)["chunk"] if m.sources[0].seq == 2]
        assert model.calls == 6 * len(kinds(c)["outline"]) > 6
        assert "".join("".join(m.text.split()) for m in chunks) == "".join(long.split()), "nothing is lost, nothing twice"
        assert max(len(p) for p in model.prompts) < mom.PARAMS["window"] + 2000


@pytest.mark.parametrize("model", [Scripted(Author()), Fickle(5)], ids=["scripted", "fickle"])
def test_a_rebuild_without_a_model_gives_the_same_store(tmp_path: Path, model: Any) -> None:
    with opened(tmp_path, model) as c:
        read(c)
        before, calls = list(c._views.serving(BASE.name).view.dump()), model.calls
    dead = Dead(model.name)
    with opened(tmp_path, dead) as c:
        c.rebuild(BASE.name)
        assert list(c._views.serving(BASE.name).view.dump()) == before and calls > 0 == dead.calls


def test_the_reader_is_shown_the_chunks(tmp_path: Path) -> None:
    model = Scripted(Author())
    with opened(tmp_path, model) as c:
        read(c)
        assert c.ask("How did the new impeller come from Oban?", user="ana").text == "by ferry"
        assert FERRY in model.prompts[-1]


def test_perplexity_of_a_real_model_knows_what_belongs_together() -> None:
    """SmolLM2-135M behind llama.cpp's server: likelihoods of given text, and the ranks that MoM needs of them."""
    for package in ("openai", "xllamacpp"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"needs {package}")
    path = MODELS / "smollm2-135m.gguf"
    if not path.exists():
        pytest.skip(f"needs {path}: python tools/fetch_test_models.py")
    llama, likelihood = importlib.import_module("xllamacpp"), importlib.import_module("clew.models.openai.likelihood")
    settings = llama.CommonParams()
    settings.model.path, settings.n_ctx, settings.n_parallel, settings.port = str(path), 1024, 1, 0
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = 1
    server = llama.Server(settings)
    judge = likelihood.connect("smollm2-135m", base_url=f"{server.listening_address}/v1", api_key="none")
    near, far = "The pump broke again in April.", "My aunt bakes bread with rye."
    context = "The boat's pump broke off Skye in March."
    alone, after, apart, beside, blank = judge.judge([("", near), (context, near), ("", far), (context, far), ("x", " ")], LIKELIHOOD)
    assert 0 < alone < after < 1 and blank == 0.0
    assert perplexity.clarity([alone], [after]) < perplexity.clarity([apart], [beside]), "the boundary before what follows is less clear"
    assert judge.judge([(context, near)], LIKELIHOOD) == [after], "asked again, the same"
    judge.close()


def test_spans_name_the_windows_of_the_source() -> None:
    assert spans.trimmed("  a b\n", 0, 6) == (2, 5) and spans.trimmed("   ", 0, 3) == (0, 0)

"""MiniLM on onnxruntime; skipped where the extra [onnx] or its model is not installed."""

from typing import TYPE_CHECKING

import numpy as np
import pytest

from clew.models import connect
from clew.models.static import PEAK

pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: pip install 'clew[onnx]'")
model = pytest.importorskip(
    "clew_minilm", reason="clew-minilm is not installed: python tools/build_minilm.py && pip install packages/clew-minilm",
    exc_type=(ImportError, FileNotFoundError),
)  # fmt: skip
minilm = pytest.importorskip("clew.models.onnx")

if TYPE_CHECKING:
    from clew.models import onnx as minilm

TEXTS = ["I moved to Lisbon in May.", "", "ok", "我住在北京", "🎉", "the train was late again " * 40, "What did Ana say?"]


@pytest.fixture(scope="module")
def embedder() -> "minilm.MiniLM":
    """One embedder for all tests: loading takes a third of a second."""
    return minilm.MiniLM()


def test_codes_are_int8_rows_scaled_to_their_own_peak(embedder: "minilm.MiniLM") -> None:
    codes = embedder.embed(TEXTS)
    assert codes.dtype == np.int8
    assert codes.shape == (len(TEXTS), embedder.dims)
    assert codes.flags.c_contiguous
    peaks = np.abs(codes.astype(np.int16)).max(axis=1).tolist()
    assert peaks == [PEAK if text else 0 for text in TEXTS]


def test_a_text_has_the_same_codes_in_every_batch(embedder: "minilm.MiniLM") -> None:
    together = embedder.embed(TEXTS)
    backwards = embedder.embed(TEXTS[::-1])[::-1]
    alone = np.concatenate([embedder.embed([text]) for text in TEXTS])
    assert np.array_equal(together, alone)
    assert np.array_equal(backwards, alone)


def test_word_order_counts(embedder: "minilm.MiniLM") -> None:
    a, b = embedder.embed(["dog bites man", "man bites dog"])
    assert not np.array_equal(a, b)


def test_a_question_lies_nearer_to_its_answer_than_to_another_text(embedder: "minilm.MiniLM") -> None:
    codes = embedder.embed(["Where does Ana live?", "Ana has a flat in Lisbon", "The soup needs salt"]).astype(np.float64)
    codes /= np.linalg.norm(codes, axis=1, keepdims=True)
    assert codes[0] @ codes[1] > codes[0] @ codes[2] + 0.2


def test_what_follows_the_254th_token_is_not_seen(embedder: "minilm.MiniLM") -> None:
    start = "word " * 254
    assert np.array_equal(embedder.embed([start + "one end"]), embedder.embed([start + "another"]))


def test_no_texts_give_no_rows(embedder: "minilm.MiniLM") -> None:
    assert embedder.embed([]).shape == (0, 384)


def test_the_space_names_the_model_and_is_not_the_default_one(embedder: "minilm.MiniLM") -> None:
    assert embedder.space == f"minilm-l6-v2-int8:{model.SHA256[:12]}"
    assert not embedder.exact


def test_it_is_found_by_its_address() -> None:
    found = connect("onnx:minilm")
    assert found.embedder.dims == 384

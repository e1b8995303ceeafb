"""The data of Clew's better embedder: where the model lies and what its bytes must hash to. No code runs it here."""

from pathlib import Path

PATH: Path = Path(__file__).parent / "minilm.onnx"
"""MiniLM-L6-v2 in dynamic int8: `ids` (1, t) int64 with [CLS] and [SEP] round them -> `vector` (1, 384) float32."""

SHA256: str = PATH.with_suffix(".sha256").read_text(encoding="ascii").strip()
"""Of the model file, in hexadecimal, as written when it was built; whoever loads the model checks it."""

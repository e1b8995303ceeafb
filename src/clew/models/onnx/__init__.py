"""The better embedder: MiniLM-L6-v2 in dynamic int8 on onnxruntime. Extra `[onnx]`; the model is in `clew-minilm`.

Dynamic int8 takes its scales over all that a run holds, so a batch would move the vectors of those in it (1.4 % apart
when tried). One text a run makes them a function of the text alone; on a CPU it is no slower. English only.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from clew.errors import MissingExtra, NotFound, UsageError
from clew.models.static import DATA, quantise
from clew.models.wordpiece import WordPiece, read

try:
    import clew_minilm
    import onnxruntime
except ImportError as missing:
    raise MissingExtra("onnx", f"the MiniLM embedder (without {missing.name})") from missing

DIMS = 384
START, END = 101, 102
"""Ids of `[CLS]` and `[SEP]`."""
LONGEST = 254
"""Tokens; MiniLM was made for no more, and what follows them in a text is not seen."""
GRAIN = 2.0**30
"""Steps to 1 of the whole numbers that vectors of length 1 are first rounded to."""


@functools.lru_cache(maxsize=1)
def _session() -> onnxruntime.InferenceSession:
    """The model, loaded once a process; UsageError where the file is not the one that its package names."""
    data = clew_minilm.PATH.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != clew_minilm.SHA256:
        raise UsageError(f"{clew_minilm.PATH.name} has SHA-256 {found}, not {clew_minilm.SHA256}: install clew-minilm again")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # The arena keeps about a gigabyte after one long text; spinning threads take time from everyone else.
    options.enable_cpu_mem_arena = False
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


@functools.lru_cache(maxsize=1)
def _tokenizer() -> WordPiece:
    """The tokenizer over MiniLM's vocabulary, which is the default embedder's too."""
    return read((DATA / "vocab.txt").read_bytes())


class MiniLM:
    """The embedder; the model is loaded at first use. Safe to share among threads."""

    space: str
    """The name of the vectors' space, with the first 12 digits of the model's SHA-256."""
    dims: int = DIMS
    exact: bool = False
    """Whether the same text has the same codes on every machine: no, int8 kernels differ between processors."""

    def __init__(self) -> None:
        """Takes the installed model; nothing is read yet."""
        self.space = f"minilm-l6-v2-int8:{clew_minilm.SHA256[:12]}"

    def embed(self, texts: Sequence[str]) -> NDArray[np.int8]:
        """Codes (texts, dims) in the order of the texts, each scaled alone to -127…127; texts without tokens have zeros.

        A text's codes do not depend on the others in the call. About 250 texts of 32 tokens a second on one processor.
        """
        session, (ids, lengths) = _session(), _tokenizer().batch(texts)
        ends = np.cumsum(lengths)
        vectors = np.zeros((len(lengths), DIMS))
        # By length, so that memory is asked for in sizes that come again.
        for row in np.argsort(lengths, kind="stable").tolist():
            if lengths[row]:
                pieces = ids[ends[row] - lengths[row] : ends[row]][:LONGEST].astype(np.int64)
                sequence = np.concatenate([[START], pieces, [END]])[None]
                vectors[row] = session.run(["vector"], {"ids": sequence})[0][0]
        return quantise(np.rint(vectors * GRAIN))


def connect(model: str) -> MiniLM:
    """The embedder of the address `onnx:minilm`; NotFound for another model."""
    if model != "minilm":
        raise NotFound(f"onnx knows one model, minilm; got {model!r}")
    return MiniLM()

"""Other memory systems as black boxes, behind their own public doors; each file imports its own optional extra.

All get the same texts, the same vectors (Clew's embedder, as floats of length one) and a folder of their own.
"""

import importlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from clew.arena.systems import Spent, System
from clew.errors import MissingExtra, NotFound
from clew.models import Embedder

NAMES = ("chroma", "langgraph_store", "mem0_store")
# Peers must not send anything anywhere while they are measured.
QUIET = {"ANONYMIZED_TELEMETRY": "False", "MEM0_TELEMETRY": "False", "LANGSMITH_TRACING": "false", "HF_HUB_OFFLINE": "1"}


def peer(name: str, embedder: Embedder) -> System:
    """The peer of that name with our embedder; MissingExtra when its package is not installed."""
    if name not in NAMES:
        raise NotFound(f"there is no peer {name!r}; there are {', '.join(NAMES)}")
    os.environ.update(QUIET)
    os.environ.setdefault("MEM0_DIR", str(Path("~/.cache/clew-arena-mem0").expanduser()))
    try:
        module = importlib.import_module(f"{__name__}.{name}")
    except ImportError as error:
        raise MissingExtra("peers", f"{name} (for {error.name})") from error
    return module.system(embedder)


def floats(embedder: Embedder, texts: Sequence[str]) -> np.ndarray:
    """(n, dims) float32 rows of length one, in the order of texts; a text without known words has zeros."""
    codes = embedder.embed(list(texts)).astype(np.float32)
    lengths = np.linalg.norm(codes, axis=1, keepdims=True)
    return codes / np.where(lengths == 0, 1, lengths)


def weight(folder: Path) -> int:
    """Bytes of every file below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


class Store:
    """What every peer here has in common: what it weighs is its folder, it asks no model, and what fails is raised."""

    folder: Path

    def bytes(self) -> int:
        """Its folder on disk."""
        return weight(self.folder)

    def faults(self) -> int:
        """None are told apart from raised errors."""
        return 0

    def spent(self) -> Spent:
        """No model is asked; vectors are ours."""
        return Spent()

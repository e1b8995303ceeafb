"""The sets that the arena knows, one module each; other packages add theirs under the entry point group `clew.datasets`."""

import gzip
import importlib
import importlib.metadata
import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from clew.arena.cases import Dataset
from clew.errors import NotFound

GROUP = "clew.datasets"


def names() -> list[str]:
    """The names of every dataset there is; nothing is imported."""
    own = [p.stem for p in Path(__file__).parent.glob("*.py") if not p.stem.startswith("_")]
    return sorted({*own, *(p.name for p in importlib.metadata.entry_points(group=GROUP))})


def dataset(name: str) -> Dataset:
    """The dataset of that name; NotFound with the names there are."""
    if name not in names():
        raise NotFound(f"there is no dataset {name!r}; there are {', '.join(names())}")
    if importlib.util.find_spec(f"{__name__}.{name}"):
        return importlib.import_module(f"{__name__}.{name}")  # type: ignore[return-value]
    return next(p for p in importlib.metadata.entry_points(group=GROUP) if p.name == name).load()


def lines(path: Path) -> Iterator[Any]:
    """The JSON objects of a file of lines, packed with gzip or not."""
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else open(path, encoding="utf-8") as file:
        for line in file:
            if line.strip():
                yield json.loads(line)

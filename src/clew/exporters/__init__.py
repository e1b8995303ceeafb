"""A memory carried out in other forms than the log's own lines: Markdown for people, Parquet for tables."""

import importlib
from collections.abc import Callable
from pathlib import Path

from clew.engine import Clew
from clew.errors import UsageError

FORMATS = ("jsonl", "md", "parquet")
Tell = Callable[[int, int | None], object]  # (things written, in all or None)


def exported(
    c: Clew, path: Path, form: str = "jsonl", *, recipe: str | None = None, tell: Tell = lambda done, total: None
) -> dict[str, int]:
    """Write the log, and but for jsonl the memories that a recipe made of it; counts of what was written.

    Where there are such, also of what was not: `quarantined` memories, and events `pending`, which the view has not taken in.

    `jsonl` is a file from which `Clew.load` makes the same log again; `md` and `parquet` are folders, which must be empty or
    not there. All are as private as the memory itself.
    """
    if form not in FORMATS:
        raise UsageError(f"{form!r} is no form of export; there are {', '.join(FORMATS)}")
    if form == "jsonl":
        return {"lines": c.export(path)}
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UsageError(f"{path} is there already; give a new folder, nothing is overwritten")
    c.catch_up(recipe)
    module = importlib.import_module(f"clew.exporters.{'markdown' if form == 'md' else 'parquet'}")  # one of them needs an extra
    path.mkdir(parents=True, exist_ok=True)
    return module.write(c, path, recipe, tell)

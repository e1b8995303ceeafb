"""What tests share: memories in temporary files, fake models, a clock that moves on, and the data that may be absent."""

import itertools
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from clew import Clew, Models
from clew.models.fake import Dead, Fickle

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two cores are shared by every worker of the suite
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def data(name: str) -> Path:
    """A path below the folder of public data that $CLEW_DATA names; the test is skipped where it is absent."""
    root = os.environ.get("CLEW_DATA")
    if not root:
        pytest.skip(f"needs {name}: set CLEW_DATA to the folder that holds the public data sets")
    path = Path(root) / name
    if not path.exists():
        pytest.skip(f"needs {path}, which is not there")
    return path


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Callable[..., Clew]]:
    """Opens a Clew on `tmp_path/memory.db` (or another name); everything opened is closed at the end."""
    opened: list[Clew] = []

    def make(name: str = "memory.db", **options: Any) -> Clew:
        options.setdefault("recipes", ["verbatim"])
        opened.append(Clew(tmp_path / name, **options))
        return opened[-1]

    yield make
    for clew in opened:
        clew.close()


@pytest.fixture
def fickle() -> Models:
    """A text model that answers differently at every call."""
    return Models(asker=Fickle())


@pytest.fixture
def dead() -> Models:
    """A text model that is never there, under the fickle one's name, so that kept answers are found."""
    return Models(asker=Dead("fake:fickle"))


@pytest.fixture
def clock() -> Iterator[datetime]:
    """Instants one minute apart."""
    return (datetime(2026, 3, 1, 8, tzinfo=UTC) + timedelta(minutes=i) for i in itertools.count())


@pytest.fixture(autouse=True)
def no_leftovers(request: pytest.FixtureRequest) -> None:
    """Soak tests run only when they are asked for."""
    if request.node.get_closest_marker("soak") and not os.environ.get("CLEW_SOAK"):
        pytest.skip("a long run; start it with `make soak` (CLEW_SOAK=1)")

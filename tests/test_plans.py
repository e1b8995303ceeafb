"""The queries that are asked at every event use their indexes: a scan of all views would grow with every user."""

from pathlib import Path

import pytest

from clew import Clew
from clew.storage.reading import TOUCHING
from clew.storage.schema import SLOT_BITS


@pytest.mark.parametrize(
    ("query", "values"),
    [
        (TOUCHING, (1, "x")),
        (f"SELECT place FROM memory WHERE place >> {SLOT_BITS} = ? AND closed IS NOT NULL AND closed > ?", (1, 0)),
        ("SELECT place FROM memory WHERE status='quarantined' AND opened IN (1, 2)", ()),
    ],
)
def test_what_is_asked_at_every_event_uses_an_index(tmp_path: Path, query: str, values: tuple[object, ...]) -> None:
    with Clew(tmp_path / "m.db") as c, c.database.snapshot() as connection:
        plan = " ".join(str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {query}", values))
        assert "USING" in plan and "INDEX" in plan and "SCAN" not in plan, plan

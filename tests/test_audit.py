"""What an audit of the dependencies is worth: a database that was not reached is no clean bill."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

PATH = Path(__file__).parents[1] / "tools" / "audit.py"


@pytest.fixture(scope="module")
def audit() -> Any:
    found = importlib.util.spec_from_file_location("audit", PATH)
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def package(name: str, *bugs: str) -> dict[str, Any]:
    return {"name": name, "version": "1.0", "vulns": [{"id": bug, "fix_versions": ["1.1"]} for bug in bugs]}


def test_what_was_not_looked_up_was_not_audited(audit: Any) -> None:
    skipped = {"name": "anyio", "skip_reason": "Dependency not found on PyPI and could not be audited: anyio (4.16.0)"}
    for report, said in (({"dependencies": [skipped]}, ""), (None, "ConnectionError: no such host"), ({"dependencies": []}, "")):
        for strict, status in ((False, 0), (True, 2)):
            code, told = audit.judged(report, said, strict)
            assert code == status and told[0].startswith("skipped: ") and (said or "database") in told[0]


def test_a_known_vulnerability_fails_and_is_named_with_its_cure(audit: Any) -> None:
    code, told = audit.judged({"dependencies": [package("anyio"), package("starlette", "PYSEC-1"), package("clew")]}, "", False)
    assert code == 1 and told == ["starlette 1.0: PYSEC-1, mended in 1.1", "2 packages audited, 1 with known vulnerabilities"]
    code, told = audit.judged({"dependencies": [package("anyio"), {"name": "ours", "skip_reason": "x"}]}, "", True)
    assert code == 0 and told == [
        "not audited, for the database does not know them: ours",
        "1 packages audited, 0 with known vulnerabilities",
    ]

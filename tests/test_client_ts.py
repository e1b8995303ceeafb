"""The TypeScript client: its types are of the description as it is, and its own tests pass against a real service."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="needs the extra [serve]")
pytest.importorskip("uvicorn", reason="needs the extra [serve]")

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "packages" / "clew-client-ts"


def test_its_types_are_of_the_description_as_it_is() -> None:
    command = [sys.executable, ROOT / "tools" / "build_client_ts.py", "--check"]
    found = subprocess.run(command, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr


def test_its_lock_names_no_host_to_fetch_from() -> None:
    packages = json.loads((PACKAGE / "package-lock.json").read_text("utf-8"))["packages"]
    assert packages and not [name for name, each in packages.items() if "resolved" in each]
    assert all("integrity" in each for name, each in packages.items() if name)


def test_its_own_tests_pass_against_a_real_service(tmp_path: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("needs node 20 or newer, with npm")
    if not (PACKAGE / "node_modules").is_dir():
        pytest.skip(f"needs what `npm ci` installs in packages/{PACKAGE.name}")
    environment = {**os.environ, "PYTHON": sys.executable, "PYTHONPATH": os.pathsep.join(sys.path)}
    for words in (["run", "build"], ["test"]):
        found = subprocess.run([npm, *words], cwd=PACKAGE, env=environment, capture_output=True, text=True)
        assert found.returncode == 0, found.stdout + found.stderr

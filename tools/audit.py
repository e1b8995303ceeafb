"""Whether a package that is installed here has a known vulnerability: pip-audit on this environment, and what its answer is worth.

usage: python tools/audit.py [--strict] [--service pypi|osv]

pip-audit asks a database in the network, and knows no other. Where that cannot be reached it may still end well, with every package
skipped: so here nothing counts as audited that was not found there. Then this says that it was skipped, and ends with 0; with --strict,
as in a pipeline that has a network, with 2. A vulnerability ends with 1.
"""

import argparse
import importlib.util
import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

OWN = {"clew", "clew-minilm"}  # packages of this repository: no database knows them
SECONDS = 600


def asked(service: str) -> tuple[dict[str, Any] | None, str]:
    """pip-audit's report, None where it gave none; the last line of what it said beside it."""
    command = [sys.executable, "-m", "pip_audit", "--local", "-s", service, "--format", "json", "--progress-spinner", "off"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    said = done.stderr.strip().rpartition("\n")[2]
    try:
        return json.loads(done.stdout), said
    except ValueError:
        return None, said


def judged(report: Mapping[str, Any] | None, said: str, strict: bool) -> tuple[int, list[str]]:
    """(exit status, what is told) of a report."""
    packages = [one for one in report["dependencies"] if one["name"] not in OWN] if report else []
    audited = [one for one in packages if "skip_reason" not in one]
    if not audited:
        why = next((one["skip_reason"] for one in packages), said or "nothing was asked")
        return 2 if strict else 0, [f"skipped: the database of advisories cannot be reached from here ({why:.300})"]
    found = [
        f"{one['name']} {one['version']}: {bug['id']}, mended in {', '.join(bug['fix_versions']) or 'no version yet'}"
        for one in audited
        for bug in one["vulns"]
    ]
    missed = [one["name"] for one in packages if "skip_reason" in one]
    found += [f"not audited, for the database does not know them: {', '.join(missed)}"] if missed else []
    vulnerable = sum(bool(one["vulns"]) for one in audited)
    return int(vulnerable > 0), [*found, f"{len(audited)} packages audited, {vulnerable} with known vulnerabilities"]


def main() -> int:
    """Audit, tell, and say by the exit status how it ended."""
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--strict", action="store_true", help="an audit that could not be made is a failure")
    given.add_argument("--service", choices=("pypi", "osv"), default="pypi")
    options = given.parse_args()
    if importlib.util.find_spec("pip_audit") is None:
        print("needs pip-audit: pip install pip-audit")
        return 2
    status, told = judged(*asked(options.service), options.strict)
    print("\n".join(told))
    return status


if __name__ == "__main__":
    sys.exit(main())

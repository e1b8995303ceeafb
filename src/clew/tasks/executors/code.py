"""Python code in a process of its own (`python -I`): without our environment, working directory, PYTHON variables or the user's packages.

Inputs: code, values (a mapping: what the code finds as variables), megabytes (of memory, 1024). Outputs: result (what the code left in
the variable `result`, as JSON), stdout, stderr. The process's files lie in a folder of its own, which is gone afterwards.
"""

import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from clew.tasks import process
from clew.tasks.graph import Node, Outcome
from clew.tasks.protocols import Job
from clew.tasks.values import given, kept, only, time_of

MEGABYTES = 1024
MOST = 1_000_000  # bytes of the result, and of each stream
RUNNER = """
import json, resource, sys
given = json.load(sys.stdin)
resource.setrlimit(resource.RLIMIT_AS, (given["bytes"],) * 2)
space = {"__name__": "__main__", **given["values"]}
exec(compile(given["code"], "<node>", "exec"), space)
with open(given["to"], "w") as file:
    json.dump(space.get("result"), file)
"""


class Code:
    """Runs Python that cannot reach ours. No sandbox: it can still read files and use the network as this user can."""

    def run(self, node: Node, ctx: Job) -> Outcome:
        """Finished with the result; failed with the last line of the traceback, or when time or memory is used up."""
        only(node, "code", "values", "megabytes")
        size = given(node, "megabytes", int, MEGABYTES) << 20
        seconds = time_of(node)
        with tempfile.TemporaryDirectory(prefix="clew-code-") as folder, tempfile.TemporaryDirectory(prefix="clew-result-") as out:
            to = Path(out, "result.json")
            told = {"code": given(node, "code", str), "values": dict(given(node, "values", Mapping, {})), "to": str(to), "bytes": size}
            argv = [sys.executable, "-I", "-c", RUNNER]
            ran = process.run(argv, seconds=seconds, stdin=json.dumps(told), cwd=folder, most=MOST, cancelled=ctx.cancelled)
            outputs, events = kept(node, {"stdout": ran.out, "stderr": ran.err})
            written = to.read_text(encoding="utf-8") if ran.code == 0 and to.exists() and to.stat().st_size <= MOST else None
        if ran.ended != "by itself":
            why = "it was cancelled" if ran.ended == "cancelled" else f"it took longer than {seconds:g} seconds"
        elif ran.code != 0:
            why = ran.err.strip().splitlines()[-1][:200] if ran.err.strip() else f"exit code {ran.code}"
        else:
            why = "" if written is not None else f"its result is longer than {MOST} bytes; leave in `result` only what the next node needs"
        if written is None:
            return Outcome("failed", {"code": ran.code, **outputs}, events=tuple(events), why=why)
        return Outcome("finished", {"result": json.loads(written), **outputs}, events=tuple(events))


executor = Code()

"""Commands in a subprocess.

Inputs: command (a text for `sh -c`, or a list: program and arguments), cwd, env (a mapping), stdin, codes (exit codes that are
no failure, [0]). Outputs: code, stdout, stderr. A secret is `${NAME}` in the command or among the values of env: it reaches the
command through its environment alone. Nothing else of our environment does but PATH, HOME, LANG, LC_ALL, TZ and TMPDIR.
"""

from collections.abc import Mapping

from clew.errors import UsageError
from clew.tasks import process
from clew.tasks.graph import Node, Outcome
from clew.tasks.protocols import Job
from clew.tasks.values import given, kept, only, time_of
from clew.tasks.vault import Vault

MOST = 1_000_000  # bytes kept of each stream; of longer ones the beginning and the end


class Shell:
    """Runs a command in a process group of its own: when its time is up, all that it started ends with it."""

    def __init__(self, vault: Vault | None = None) -> None:
        self.vault = vault or Vault()

    def run(self, node: Node, ctx: Job) -> Outcome:
        """Finished where the exit code is one of `codes`; failed with the code and the last words otherwise."""
        only(node, "command", "cwd", "env", "stdin", "codes")
        command = node.inputs.get("command")
        if not isinstance(command, str) and not (isinstance(command, list) and command and all(isinstance(a, str) for a in command)):
            raise UsageError(f"node {node.id}: shell needs 'command' in its inputs, a text or a list of texts; got {command!r:.80}")
        argv = ["/bin/sh", "-c", command] if isinstance(command, str) else command
        env = {str(k): str(v) for k, v in given(node, "env", Mapping, {}).items()}
        ran = process.run(
            argv if isinstance(command, str) else self.vault.opened(argv),
            seconds=time_of(node),
            stdin=self.vault.opened(given(node, "stdin", str, "")),
            cwd=given(node, "cwd", str, "") or None,
            env={**self.vault.named(" ".join(argv)), **self.vault.opened(env)},
            most=MOST,
            cancelled=ctx.cancelled,
        )
        outputs, events = kept(node, {"stdout": self.vault.closed(ran.out), "stderr": self.vault.closed(ran.err)})
        why = ""
        if ran.ended != "by itself":
            why = "it was cancelled" if ran.ended == "cancelled" else f"it took longer than {time_of(node):g} seconds"
        elif ran.code not in given(node, "codes", list, [0]):
            why = f"exit code {ran.code}" + (f": {last}" if (last := _last(outputs["stderr"] or outputs["stdout"])) else "")
        return Outcome("failed" if why else "finished", {"code": ran.code, **outputs}, events=tuple(events), why=why)


def _last(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1][:200] if lines else ""


executor = Shell()

"""Runs `clew demo` and puts what it prints between the README's demo marks, with the date."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
QUESTION = "Why was Tobias once taken away by helicopter?"
OPENS, CLOSES = "<!-- demo -->", "<!-- /demo -->"

command = [sys.executable, "-c", "from clew.cli import app; app()", "demo"]
env = {**os.environ, "ASK": QUESTION, "FILE": ""}
done = subprocess.run(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True)
readme = ROOT / "README.md"
before, _, rest = readme.read_text(encoding="utf-8").partition(OPENS)
after = rest.partition(CLOSES)[2]
date = datetime.now(UTC).strftime("%-d %B %Y")
head = f"On {date}, two cores, `make demo ASK='{QUESTION}'` printed this, and wrote the same as a page, `out/demo.html`:"
readme.write_text(f"{before}{OPENS}\n{head}\n\n```text\n{done.stdout.rstrip()}\n```\n{CLOSES}{after}", encoding="utf-8")
print(f"{readme}: the demonstration of {date}")

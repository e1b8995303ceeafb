"""Round trips to `clew mcp` over stdio: a real process, the SDK's own client, one user's thousand memories.

    python -m benchmarks.mcp --calls 500

The floor is a call that is refused before it reaches the engine: what the protocol, the SDK and two pipes take.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from mcp import Client, StdioServerParameters

from clew import Clew

PLACES, THINGS = ("Lisbon", "Porto", "Faro", "Lagos", "Sines"), ("boat", "bicycle", "piano", "garden", "lamp", "ledger", "kiln")
WORD = ["-c", "from clew.cli.mcp import app; app()"]


def said(i: int) -> str:
    """A sentence; each of a thousand is another one."""
    return f"On day {i} the {THINGS[i % 7]} number {i} was moved to {PLACES[i % 5]} because of the {THINGS[(i // 7) % 7]}."


def shown(what: str, taken: list[float]) -> None:
    """One line: the middle and the tail, in milliseconds."""
    p50, p95, p99 = np.percentile(np.array(taken) * 1e3, (50, 95, 99))
    print(f"| {what} | {len(taken)} | {p50:.1f} | {p95:.1f} | {p99:.1f} |")


async def timed(client: Client, calls: int, name: str, arguments: Callable[[int], dict[str, Any]], wrong: bool = False) -> list[float]:
    """Seconds of each call, one after the other."""
    taken = []
    for i in range(calls):
        begun = time.perf_counter()
        result = await client.call_tool(name, arguments(i))
        taken.append(time.perf_counter() - begun)
        assert result.is_error is wrong, result
    return taken


async def measured(db: Path, calls: int) -> None:
    begun = time.perf_counter()
    async with Client(StdioServerParameters(command=sys.executable, args=[*WORD, "--db", str(db), "--user", "ana"])) as client:
        await client.list_tools()
        print(f"from start to the list of tools: {time.perf_counter() - begun:.1f} s\n")
        question = lambda i: {"query": f"Where was the {THINGS[i % 7]} number {i} moved to?"}  # noqa: E731
        await timed(client, 20, "search_memories", question)
        print("| over stdio | calls | p50 ms | p95 ms | p99 ms |\n| --- | ---: | ---: | ---: | ---: |")
        shown("refused before the engine (the floor)", await timed(client, calls, "search_memories", lambda i: {}, wrong=True))
        shown("search_memories, k=10", await timed(client, calls, "search_memories", question))
        shown("memory_prompt", await timed(client, calls, "memory_prompt", question))
        shown("add_memory", await timed(client, calls, "add_memory", lambda i: {"text": said(10_000 + i)}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--memories", type=int, default=1000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        db = Path(folder) / "memory.db"
        with Clew(db) as c:
            c.record([said(i) for i in range(given.memories)], user="ana")
            c.catch_up()
            taken = []
            for i in range(given.calls):
                begun = time.perf_counter()
                c.recall(f"Where was the {THINGS[i % 7]} number {i} moved to?", user="ana")
                taken.append(time.perf_counter() - begun)
        asyncio.run(measured(db, given.calls))
        shown("for comparison: recall in the process, k=10", taken)


if __name__ == "__main__":
    main()

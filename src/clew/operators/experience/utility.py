"""What a memory is worth by its use (O13): counts, scores that outcomes raise and lower, the end of what is worth nothing.

The score lies in `data["score"]`. Nothing is erased: a memory that is worth nothing any more is retired as expired.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from clew.context import Context
from clew.maintenance import digest
from clew.types import TRUST, Event, Memory

VERSION = 1
USE = "use"  # the kind of memory that says what a recall showed; it links to it
TRUSTED = TRUST["assistant"]  # who may say how something turned out
SCORE = "score"
GOOD, BAD = 1, -2  # what a success and a failure add to the score of what was in use


def score(memory: Memory) -> int:
    """Its score; 0 where it has none yet."""
    return int(memory.data.get(SCORE, 0))


def moved(memory: Memory, by: int, at: datetime) -> Memory:
    """The memory with its score changed; at 0 or below it ends there, as expired."""
    changed = memory.revised(data={SCORE: score(memory) + by})
    return changed.retire(at, "expired") if score(changed) <= 0 else changed


def told(memories: Iterable[Memory], good: bool, at: datetime, gain: int = GOOD, loss: int = BAD) -> list[Memory]:
    """The memories that were in use, after it turned out well or not."""
    return [moved(memory, gain if good else loss, at) for memory in memories]


def counted(memory: Memory, name: str = "uses") -> Memory:
    """The memory with one more of something in its data."""
    return memory.revised(data={name: int(memory.data.get(name, 0)) + 1})


def noted(event: Event, kind: str, ctx: Context) -> list[Memory]:
    """What a recall within a session (an event of kind query) showed of a kind, as a memory of that session; [] for nothing."""
    named = set(event.body["hits"]) if event.scope.session is not None else ()
    used = [m for m in ctx.view.all(kind) if digest(ctx.desk.secret, m) in named] if named else []
    return [ctx.memory(f"shown: {len(used)}", kind=USE, links=[m.id for m in used])] if used else []


def worthiest(memories: Sequence[Memory]) -> list[Memory]:
    """Those that hold, by score, the highest first, ties by id."""
    return sorted((m for m in memories if m.retired is None), key=lambda m: (-score(m), m.id))

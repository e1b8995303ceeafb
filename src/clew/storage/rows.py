"""Memories as rows and rows as memories."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC
from typing import Any

from clew.errors import RecipeError
from clew.storage.log import Log, instant, micros
from clew.storage.schema import SLOT_BITS
from clew.types import STATUSES, Memory, Source

SLOT_MASK = 2**SLOT_BITS - 1
MEMORY = (
    "place, id, kind, text, user, agent, session, actor, opened, closed, ended, since, until, retired, status, trust, length, traits, rest"
)


def ranges(numbers: Iterable[int]) -> str:
    """Ascending numbers as text, runs joined: 1,2,3,7 is "1-3,7"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)


def unranged(text: str) -> tuple[int, ...]:
    """The inverse of `ranges`."""
    found: list[int] = []
    for part in text.split(",") if text else ():
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return tuple(found)


def encoded(id: str) -> bytes:
    """A memory's id as it lies in a row."""
    try:
        return bytes.fromhex(id)
    except ValueError:
        return b""  # no such id can exist


def packed(memory: Memory, opened: int) -> str:
    """What of a memory is kept as JSON: sources, basis, links, rests (empty when it rests on its own event only), data."""
    rests = "" if memory.rests == (opened,) else ranges(memory.rests)
    sources = ",".join(f"[{s.seq},{s.start},{s.end}]" for s in memory.sources)
    if not (memory.basis or memory.links or memory.data):
        return f'[[{sources}],[],[],"{rests}",{{}}]'
    data = json.dumps(dict(memory.data), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return f'[[{sources}],{json.dumps(memory.basis)},{json.dumps(memory.links, ensure_ascii=False)},"{rests}",{data}]'


def normal(memory: Memory) -> Memory:
    """The memory exactly as it will be read back from its row; RecipeError where it cannot be kept.

    Within a batch operators read memories that are not landed yet: they must look the same as in a replay of other batches.
    """
    changes: dict[str, Any] = {}
    if memory.status not in STATUSES:
        raise RecipeError(f"memory {memory.id} cannot be kept: its status must be one of {', '.join(STATUSES)}; got {memory.status!r}")
    for name in ("since", "until"):
        value = getattr(memory, name)
        if value is not None and value.tzinfo is not UTC:
            changes[name] = instant(micros(value))
    try:
        memory.text.encode()
        if memory.data:
            data = json.dumps(dict(memory.data), ensure_ascii=False, sort_keys=True, allow_nan=False)
            data.encode()
            changes["data"] = json.loads(data)
        for link in memory.links:
            link.encode()
    except (AttributeError, TypeError, ValueError) as error:  # ValueError: half an emoji, NaN
        raise RecipeError(
            f"memory {memory.id} cannot be kept: its text and links must be valid Unicode, its data JSON ({error})"
        ) from error
    return replace(memory, **changes) if changes else memory


def memory(log: Log, c: Any, found: Sequence[Any], seq: int) -> Memory:
    """The memory in a row of MEMORY, as it was after event `seq`."""
    (_, id, kind, text, user, agent, session, actor, opened, closed, ended, since, until, retired, status, trust, _, _, rest) = found
    sources, basis, links, rests, data = json.loads(rest)
    closed = None if closed is not None and closed > seq else closed
    return Memory(
        id.hex(),
        text,
        kind,
        log.scope(c, user, agent, session),
        log.name(c, actor),
        tuple(Source(*s) for s in sources),
        tuple(basis),
        tuple(links),
        unranged(rests) if rests else (opened,),
        None if since is None else instant(since),
        None if until is None else instant(until),
        opened,
        closed,
        ended if closed is not None and ended != "revised" else retired,
        status,
        trust,
        data,
    )

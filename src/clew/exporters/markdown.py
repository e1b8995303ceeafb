"""Markdown: one file a memory with its front matter and the words it came from, and the log day by day, linked both ways."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from clew.engine import Clew
from clew.exporters import Tell
from clew.exporters.told import memories
from clew.types import TRUSTED, Event, Memory, Quote, Scope

COMMON = "_common"  # the folder of memories that are common to all; those of an agent or session without a user have one each
_SAFE = re.compile(r"[^\w.-]+|^\.+")


def write(c: Clew, path: Path, recipe: str | None, tell: Tell) -> dict[str, int]:
    """`memories/USER/ID.md`, `log/DAY.md` and an `index.md`; counts of memories, events and days, and of what is left out."""
    left = Counter[str]()
    total, counts = c.log.head(), {"memories": 0, "events": 0}
    days: dict[str, int] = {}
    (path / "log").mkdir()
    for event in _daily(path / "log", c.log.read(), days):
        counts["events"] += 1
        tell(event.seq, total)
    folders: dict[str, str] = {}
    for memory, quotes in memories(c, recipe, left):
        folder, whose = _folder(memory.scope)
        if folder not in folders:
            folders[folder] = whose
            (path / "memories" / folder).mkdir(parents=True)
        (path / "memories" / folder / f"{_named(memory.id)}.md").write_text(_memory(memory, quotes), encoding="utf-8")
        counts["memories"] += 1
    lines = ["# A memory of Clew", "", f"{counts['memories']:,} memories, {counts['events']:,} events.", "", "## Memories", ""]
    lines += [f"- [{_inline(whose)}](memories/{folder}/)" for folder, whose in folders.items()]
    lines += ["", "## Log", "", *(f"- [{day}](log/{day}.md): {count:,} events" for day, count in sorted(days.items())), ""]
    (path / "index.md").write_text("\n".join(lines), encoding="utf-8")
    return counts | {"days": len(days)} | left


def _folder(scope: Scope) -> tuple[str, str]:
    """(the folder of a scope's memories, whose they are in words)."""
    if scope.user is not None:
        return _named(scope.user), scope.user
    for name in ("agent", "session"):
        if (its := getattr(scope, name)) is not None:
            return f"_{name}.{_named(its)}", f"{name} {its}"
    return COMMON, "common to all"


def _named(text: str) -> str:
    """A name as a file may have it; one that had to be changed keeps a digest, so that two never meet."""
    safe = _SAFE.sub("_", text)[:80]
    return safe if safe == text and safe[:1] != "_" else f"{safe}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _daily(folder: Path, events: Iterator[Event], days: dict[str, int]) -> Iterator[Event]:
    """Write each event into the file of its day, by its own clock; a file stays open while the days do not change."""
    day, file = "", None
    try:
        for event in events:
            its = event.at.date().isoformat()
            if its != day or file is None:
                if file is not None:
                    file.close()
                day, file = its, (folder / f"{its}.md").open("a", encoding="utf-8")
            if day not in days:
                file.write(_front({"date": day}))
            days[day] = days.get(day, 0) + 1
            _event(file, event)
            yield event
    finally:
        if file is not None:
            file.close()


def _event(file: TextIO, event: Event) -> None:
    scope = {name: value for name in ("user", "agent", "session") if (value := getattr(event.scope, name)) is not None}
    about = {"kind": event.kind, **scope, "trust": TRUSTED[event.trust], "recorded": event.recorded_at.isoformat(), "key": event.key}
    told = ", ".join(f"{name} {json.dumps(value, ensure_ascii=False)}" for name, value in about.items() if value is not None)
    file.write(f"\n### e{event.seq}\n\n{event.at.isoformat()} **{_inline(event.actor or event.kind)}** ({told})\n\n")
    file.write("*forgotten*\n" if event.forgotten else f"{_quoted(event.text)}\n")


def _quoted(text: str) -> str:
    """Words as a quotation: nothing in them can be taken for a heading or a front matter of ours."""
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines() or [""])


def _inline(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>])", r"\\\1", " ".join(text.split()))


def _front(fields: Mapping[str, Any]) -> str:
    """A front matter; JSON is YAML, so each value stands in one line whatever is in it."""
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in fields.items() if value not in (None, [], {})]
    return "\n".join(["---", *lines, "---", ""])


def _memory(memory: Memory, quotes: list[Quote]) -> str:
    scope = {name: getattr(memory.scope, name) for name in ("user", "agent", "session")}
    times = {name: moment.isoformat() for name in ("since", "until") if (moment := getattr(memory, name)) is not None}
    fields = {"id": memory.id, "kind": memory.kind, **scope, "actor": memory.actor, **times, "status": memory.status}
    fields |= {"retired": memory.retired, "trust": TRUSTED[memory.trust], "opened": memory.opened, "links": list(memory.links)}
    fields |= {"basis": list(memory.basis), "sources": [f"e{s.seq}:{s.start}-{s.end}" for s in memory.sources], "data": dict(memory.data)}
    lines = [_front(fields), _quoted(memory.text), ""]
    if quotes:
        lines += ["## Sources", ""]
        for quote in quotes:
            day = quote.event.at.date().isoformat()
            said = f"{quote.event.at.isoformat()} **{_inline(quote.event.actor or quote.event.kind)}**"
            lines += [f"[e{quote.event.seq}](../../log/{day}.md#e{quote.event.seq}), {said}:", "", _quoted(quote.text), ""]
    if memory.basis:
        lines += ["## Drawn from", "", *(f"- [[{_named(id)}]]" for id in memory.basis), ""]
    return "\n".join(lines)

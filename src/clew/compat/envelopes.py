"""mem0's shapes: what goes into a call and what comes out of it, as values."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any

from clew import Event, NotFound, Receipt, Scope
from clew.compat.filters import Refused
from clew.compat.shelf import Card, unknown

SCOPES = {"user_id": "user", "agent_id": "agent", "run_id": "session"}

OWNED = frozenset({"user", "agent", "session", "kind", "trust", "basis", "data"})  # what `record` would take from a message


class Missing(NotFound, ValueError):
    """No such memory; mem0 says so with ValueError."""


def scope(user_id: str | None, agent_id: str | None, run_id: str | None) -> Scope:
    """The scope of three ids; UsageError, a ValueError too, where none is given or one is blank."""
    given = {"user_id": user_id, "agent_id": agent_id, "run_id": run_id}
    if not any(value is not None for value in given.values()):
        raise Refused("At least one of 'user_id', 'agent_id', or 'run_id' must be provided; everything at once is reset()")
    for field, value in given.items():
        if value is not None and not str(value).strip():
            raise Refused(f"{field} is blank; leave it out or give a name")
    return Scope(user_id, agent_id, run_id)


def message(given: Any) -> Mapping[str, Any]:
    """A message in OpenAI's shape, its time under Clew's name; what would say whose it is, or how far to believe it, warns."""
    if isinstance(given, str):
        return {"role": "user", "content": given}
    if not isinstance(given, Mapping):
        raise Refused(f"a message is a text or a dict, got {type(given).__name__}")
    unknown("a message of add", OWNED & {*given}, 5)
    kept = {name: value for name, value in given.items() if name not in OWNED}
    return {"at": instant(kept.pop("timestamp")), **kept} if "timestamp" in kept else kept


def instant(value: datetime | str | float | None) -> datetime | str | None:
    """Seconds since 1970 as an instant; other times as they are, for `record` to check."""
    if isinstance(value, bool):
        raise Refused(f"a time is seconds since 1970, ISO 8601 or a datetime, got {value!r}")
    return datetime.fromtimestamp(value, UTC) if isinstance(value, (int, float)) else value


def day(value: date | str | None) -> str | None:
    """A day as YYYY-MM-DD; None for never."""
    if value is None:
        return None
    try:
        return (value if isinstance(value, date) else date.fromisoformat(value)).strftime("%Y-%m-%d")
    except (TypeError, ValueError) as error:
        raise Refused(f"expiration_date is a day such as 2026-12-31, got {value!r:.60}") from error


def iso(at: datetime) -> str:
    """An instant in UTC, ISO 8601."""
    return at.astimezone(UTC).isoformat()


def spoken(event: Event) -> dict[str, Any]:
    """Who said it: the speaker's name, where one was given, and the role."""
    body = event.body if isinstance(event.body, Mapping) else {}
    return {"actor_id": body.get("name"), "role": body.get("role")}


def row(card: Card) -> dict[str, Any]:
    """A card as mem0 shows a memory; ids and names that it does not have are left out."""
    m, found = card.memory, {"id": card.memory.id, "memory": card.memory.text}
    ids = {field: getattr(m.scope, ours) for field, ours in SCOPES.items()}
    named = {**ids, **spoken(card.event), "expiration_date": card.data.get("expires")}
    return {
        **found,
        "hash": hashlib.md5(m.text.encode(), usedforsecurity=False).hexdigest(),
        "metadata": dict(card.data.get("metadata") or {}) or None,
        "created_at": iso(card.created),
        "updated_at": iso(card.updated),
        **{name: value for name, value in named.items() if value is not None},
    }


def flat(card: Card) -> dict[str, Any]:
    """What filters see of a card: the row's own fields, and metadata where they do not bear the same name."""
    shown = row(card)
    return {**(shown.pop("metadata") or {}), **shown}


def step(id: str, memory_id: str, born: Event, before: str | None, after: str | None, at: datetime) -> dict[str, Any]:
    """One line of a history: the words before and after; none after where the memory ended."""
    sort = "DELETE" if after is None else "ADD" if before is None else "UPDATE"
    row = {"id": id, "memory_id": memory_id, "old_memory": before, "new_memory": after, "event": sort}
    return {**row, "created_at": iso(born.at), "updated_at": iso(at), "is_deleted": after is None, **spoken(born)}


def told(text: str, receipt: Receipt | None) -> dict[str, Any]:
    """mem0's message, with the receipt where something was forgotten."""
    return {"message": text} if receipt is None else {"message": text, "receipt": asdict(receipt)}


def shown(test: Callable[[Mapping[str, Any]], bool], expired: bool) -> Callable[[Card], bool]:
    """The test of a card: what filters ask, and unless `expired` that its day has not passed."""
    today = datetime.now(UTC).date().isoformat()
    return lambda card: test(flat(card)) and (expired or (card.data.get("expires") or today) >= today)

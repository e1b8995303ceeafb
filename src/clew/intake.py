"""What callers give to `record`, checked and made into entries of the log; the one place where bad input is refused."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from clew.errors import UsageError
from clew.storage.log import Entry
from clew.types import TRUST, Scope

ROLES = {"user": "user", "assistant": "assistant", "tool": "tool", "function": "tool", "system": "owner", "developer": "owner"}
BY_KIND = {"document": "document", "observation": "tool", "action": "assistant"}  # where no role says whose words they are
OURS = ("actor", "at", "key", "session", "user", "agent", "kind", "trust", "basis")  # keys of a message that are about it, not in it
RESERVED = frozenset(
    {"forget", "query", "edit", "hold", "rule", "canary", "alarm", "admin"}
)  # kinds that only the engine writes, through calls of their own


@dataclass(frozen=True, slots=True)
class Given:
    """What was said once for a whole `record` call; each message may say otherwise."""

    scope: Scope
    actor: str | None = None
    at: datetime | str | None = None
    kind: str | None = None
    key: str | None = None
    trust: int | str | None = None
    data: Mapping[str, Any] | None = None
    as_lived: bool = False
    basis: Sequence[str] = ()  # ids of the memories that it was concluded from
    named: Callable[[str], Mapping[str, Any]] = lambda id: {"id": id}  # how an event names a memory


def entries(what: Any, given: Given) -> list[Entry]:
    """One entry for a text or a message, one each for a list of them."""
    if isinstance(what, (str, Mapping)):
        return [entry(what, given, given.key, "")]
    if isinstance(what, bytes):
        raise UsageError("bytes cannot be recorded; decode them first: data.decode('utf-8')")
    if not isinstance(what, Sequence):
        raise UsageError(f"record takes a text, a message (dict) or a list of them; got {type(what).__name__}")
    return [entry(item, given, None if given.key is None else f"{given.key}#{i}", f"message {i}: ") for i, item in enumerate(what)]


def entry(item: Any, given: Given, key: str | None, where: str) -> Entry:
    """One entry of the log, or a UsageError that starts with `where`."""
    if not isinstance(item, (str, Mapping)):
        raise UsageError(f"{where}a message is a text or a dict, got {type(item).__name__}")
    own: dict[str, Any] = {"content": item} if isinstance(item, str) else dict(item)
    about = {name: own.pop(name, None) for name in OURS}
    role = own.get("role")
    if given.data:
        own["data"] = {**given.data, **(own.get("data") or {})}
    if (basis := about["basis"] if about["basis"] is not None else given.basis) and ids(basis, where):
        own["basis"] = [given.named(id) for id in basis]
    kind = name(about["kind"] or given.kind, "kind", where) or ("observation" if role in ("tool", "function") else "message")
    calls = own.get("tool_calls")
    if calls is not None and not (isinstance(calls, list) and all(isinstance(call, Mapping) for call in calls)):
        raise UsageError(f"{where}tool_calls must be a list of mappings, as in OpenAI's shape; got {calls!r:.60}")
    if kind in RESERVED:
        raise UsageError(f"{where}events of kind {kind!r} are written by the engine; use forget, recall, revise or retire")
    body: Any = own["content"] if list(own) == ["content"] else own
    if empty(own):
        raise UsageError(f"{where}there are no words in it; a message needs content (or tool_calls)")
    scope = Scope(*(name(about[f] if about[f] is not None else getattr(given.scope, f), f, where) for f in ("user", "agent", "session")))
    actor = name(about["actor"] or given.actor or own.get("name") or role, "actor", where)
    at = instant(about["at"] if about["at"] is not None else given.at, "at", where)
    if given.as_lived and at is None:
        raise UsageError(f"{where}as_lived needs `at` for every event: it is taken as the moment when it was learned")
    level = trust(about["trust"] if about["trust"] is not None else given.trust, role, kind, where)
    level = min([level, *(ref["trust"] for ref in own.get("basis", ()) if "trust" in ref)])  # believed no more than what it was drawn from
    return Entry(
        kind,
        body,
        scope,
        actor,
        level,
        at,
        name(about["key"] if about["key"] is not None else key, "key", where),
        at if given.as_lived else None,
    )


def empty(body: Mapping[str, Any]) -> bool:
    """True for a message without words, tool calls or data."""
    content = body.get("content")
    return not (content.strip() if isinstance(content, str) else content) and not body.get("tool_calls") and not body.get("data")


def ids(value: Any, where: str = "") -> Sequence[str]:
    """Ids of memories, as `recall` gives them."""
    if isinstance(value, str) or not isinstance(value, Sequence) or not all(isinstance(id, str) for id in value):
        raise UsageError(f"{where}basis is a list of ids of memories, such as [hit.memory.id]; got {value!r:.60}")
    return value


def places(value: Any) -> Sequence[int]:
    """Places of events in the log: one or more numbers from 1."""
    given = value if isinstance(value, Sequence) and not isinstance(value, str) else None
    if not given or not all(isinstance(seq, int) and not isinstance(seq, bool) and seq > 0 for seq in given):
        raise UsageError(f"events is a list of one or more places in the log (numbers from 1); got {value!r:.60}")
    return given


def name(value: Any, what: str, where: str = "") -> str | None:
    """A user, agent, session, actor or key: a text of 1 to 500 characters, or None."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise UsageError(f"{where}{what} must be a text, got {value!r:.60} ({type(value).__name__}); str() it")
    if not 0 < len(value) <= 500:
        raise UsageError(f"{where}{what} must have 1 to 500 characters, got {len(value)}")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"{where}{what} is not valid Unicode: {error.reason} at character {error.start}") from error
    return value


def instant(value: Any, what: str, where: str = "") -> datetime | None:
    """A point in time with its offset: a datetime or ISO 8601 text; naive ones are refused."""
    if value is None:
        return None
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError as error:
            raise UsageError(f"{where}{what} is not an ISO 8601 time: {value!r}; write 2026-05-20T10:00:00+01:00") from error
    if not isinstance(value, datetime):
        raise UsageError(f"{where}{what} must be a datetime or an ISO 8601 text, got {value!r:.60}")
    if value.utcoffset() is None:
        raise UsageError(f"{where}{what} has no time zone: {value.isoformat()}; add its offset, such as {value.isoformat()}+00:00")
    if not 2 <= value.year <= 9998:
        raise UsageError(f"{where}{what} must lie between the years 2 and 9998, got {value.isoformat()}")
    return value


def trust(value: Any, role: Any, kind: str, where: str = "") -> int:
    """A level of TRUST by name or number; by default what the role deserves."""
    if value is None:
        if role is None or kind == "document":
            return TRUST[BY_KIND.get(kind, "user")]
        return TRUST[ROLES.get(str(role), "user")]
    level = TRUST.get(value, value) if isinstance(value, str) else value
    if not isinstance(level, int) or level not in TRUST.values():
        raise UsageError(f"{where}trust must be one of {', '.join(TRUST)}; got {value!r}")
    return level

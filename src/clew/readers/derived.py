"""What another memory system concluded, as a message: its words, whose they are, and where they came from."""

import hashlib
from collections.abc import Mapping
from typing import Any

from clew.readers.files import File, Message


def stamp(text: str) -> str:
    """Twelve hex digits of a text: with an id of the source's own a key that lasts as long as the words do."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def scope(file: File, user: Any, agent: Any = None, session: Any = None) -> Message:
    """Whose it is by the source; the one who imports may say whose it is all together, and is then not contradicted."""
    found = {"agent": agent, "session": session} | ({} if file.user else {"user": user})
    if file.user and user not in (None, "", file.user):
        file.skip(file.name, f"that it was {user}'s there")
    return {name: str(value)[:500] for name, value in found.items() if value not in (None, "")}


def concluded(system: str, text: str, key: str, about: Mapping[str, Any], data: Mapping[str, Any], actor: Any = None) -> Message:
    """What a model of that system made of something: believed no more than an assistant's own words."""
    told = {name: value for name, value in data.items() if value not in (None, "", [], {})}
    out: Message = {"content": text, "kind": "message", "trust": "assistant", "actor": str(actor or system)[:500], "key": key[:500]}
    return out | dict(about) | {"data": {"from": system} | told}


def held(text: str, since: str | None, until: str | None, gone: str | None = None) -> str:
    """A fact with what its source says of when it held, so that nobody takes what has ended for what is true now."""
    if until:
        return f"{text}\n(held {f'from {since} ' if since else ''}until {until})"
    return f"{text}\n(no longer held to be true, by {gone})" if gone else text


def ended(of: Message, key: str, at: str | None, reason: str) -> Message:
    """That the source took back what it had said in that message, where it was ever taken in; see `importing`."""
    about = {name: of[name] for name in ("user", "at") if name in of} | ({"at": at} if at else {})
    return about | {"ended": of["key"], "reason": reason, "key": key[:500]}

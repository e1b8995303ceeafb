"""The OpenAI Agents SDK's `Session` on a Clew: a conversation's items come back as they went in, and are memory besides."""

import asyncio
import os
from collections.abc import Mapping
from typing import Any

from agents.items import TResponseInputItem
from agents.memory.session import SessionABC
from agents.memory.session_settings import SessionSettings, resolve_session_limit

from clew import Clew, Scope
from clew.compat.shelf import Deletes, opened
from clew.compat.transcript import Transcript


class ClewSession(SessionABC):
    """One session of one user on a path or an open Clew; options (`recipes`, ...) are those of `Clew`.

    Name the `user`, and the conversation is recalled with the rest of that user's memory. What is popped or cleared is
    forgotten; with `deletes="retire"` it is retracted, and stays in the log.
    """

    def __init__(
        self,
        session_id: str,
        clew: Clew | str | os.PathLike[str] = "memory.db",
        *,
        user: str | None = None,
        agent: str | None = None,
        deletes: Deletes = "forget",
        session_settings: SessionSettings | None = None,
        **options: Any,
    ) -> None:
        self.clew = opened(clew, options)
        self.session_id, self.session_settings = session_id, session_settings or SessionSettings()
        self._transcript = Transcript(self.clew, Scope(user, agent, session_id), deletes)

    async def get_items(self, limit: int | None = None) -> list[TResponseInputItem]:
        """The newest items, oldest first; None for the settings' limit, below 0 for all."""
        most = resolve_session_limit(limit, self.session_settings)
        return [item for _, item in await asyncio.to_thread(self._transcript.items, most)]

    async def add_items(self, items: list[TResponseInputItem]) -> None:
        """Record items in one transaction."""
        await asyncio.to_thread(self._transcript.add, [(_message(item), item) for item in items])

    async def pop_item(self) -> TResponseInputItem | None:
        """Take the newest item back and give it; None where there is none."""
        return await asyncio.to_thread(self._popped)

    async def clear_session(self) -> None:
        """Take the whole session back, whatever door recorded it."""
        await asyncio.to_thread(self._transcript.clear)

    def close(self) -> None:
        """Close the Clew."""
        self.clew.close()

    def _popped(self) -> TResponseInputItem | None:
        seq, item = next(self._transcript.newest(), (0, None))
        if seq:
            self._transcript.remove(seq)
        return item


def _message(item: Any) -> dict[str, Any]:
    """An item as a message in the chat API's shape: what recipes read of it."""
    sort = item.get("type", "message")
    if sort == "function_call":
        return {"role": "assistant", "tool_calls": [{"function": {"name": item.get("name"), "arguments": item.get("arguments", "")}}]}
    if sort.endswith("_output"):
        return {"role": "tool", "content": _words(item.get("output"))}
    return {"role": item.get("role", "assistant"), "content": _words(item.get("content") or item.get("summary"))}


def _words(content: Any) -> str:
    """The texts of a content: a text, or parts with a text each."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else [content]
    found = (part.get("text") or part.get("refusal") if isinstance(part, Mapping) else part for part in parts)
    return "\n".join(text for text in found if isinstance(text, str))

"""LlamaIndex on a Clew: a chat store whose messages come back as they went in, and a memory block that gives cited quotes."""

import asyncio
from typing import Any, ClassVar

from llama_index.core.llms import ChatMessage
from llama_index.core.memory import BaseMemoryBlock
from llama_index.core.storage.chat_store.base import BaseChatStore
from pydantic import ConfigDict, Field

from clew import Clew, Scope
from clew.compat.shelf import Deletes, envelope
from clew.compat.transcript import Transcript

ROLES = {"chatbot": "assistant", "model": "assistant"}  # names that some providers have for it


class ClewChatStore(BaseChatStore):
    """A chat store: each key is a session of the user. What is deleted is forgotten; with `deletes="retire"` it is retracted."""

    model_config = ConfigDict(arbitrary_types_allowed=True)
    clew: Clew = Field(exclude=True)
    user: str | None = None
    agent: str | None = None
    deletes: Deletes = "forget"

    @classmethod
    def class_name(cls) -> str:
        """The name under which LlamaIndex knows it."""
        return "ClewChatStore"

    def set_messages(self, key: str, messages: list[ChatMessage]) -> None:
        """Put these messages in place of those of a key."""
        self._session(key).clear()
        self._add(key, messages)

    def get_messages(self, key: str) -> list[ChatMessage]:
        """The messages of a key, oldest first; [] where there is none."""
        return [ChatMessage.model_validate(item) for _, item in self._session(key).items()]

    def add_message(self, key: str, message: ChatMessage) -> None:
        """Record one message."""
        self._add(key, [message])

    def delete_messages(self, key: str) -> list[ChatMessage] | None:
        """Take back all messages of a key; those they were, None where there was none."""
        found = self.get_messages(key)
        self._session(key).clear()
        return found or None

    def delete_message(self, key: str, idx: int) -> ChatMessage | None:
        """Take back one message by its place from 0, or from -1 at the end; None where there is none."""
        found = self._session(key).items()
        if not -len(found) <= idx < len(found):
            return None
        seq, item = found[idx]
        self._session(key).remove(seq)
        return ChatMessage.model_validate(item)

    def delete_last_message(self, key: str) -> ChatMessage | None:
        """Take back the newest message; None where there is none."""
        return self.delete_message(key, -1)

    def get_keys(self) -> list[str]:
        """Every key that has messages, in order of first appearance."""
        scope = Scope(self.user, self.agent)
        found = (e.scope for e in self.clew.log.read(scope=scope) if not e.forgotten and "item" in envelope(e))
        keys = dict.fromkeys(s.session for s in found if s.session and Scope(s.user, s.agent) == scope)
        return [key for key in keys if self._session(key).items(1)]

    def _session(self, key: str) -> Transcript:
        return Transcript(self.clew, Scope(self.user, self.agent, key), self.deletes)

    def _add(self, key: str, messages: list[ChatMessage]) -> None:
        self._session(key).add([(_message(m), m.model_dump(mode="json")) for m in messages])


class ClewMemoryBlock(BaseMemoryBlock[str]):
    """A memory block: what falls out of the short-term memory is recorded; asked, it gives the quotes that fit the newest words.

    The block is Clew's prompt: quotes with speaker, time and id, fenced as data, within `max_tokens`.
    """

    recorded: ClassVar[frozenset[str]] = frozenset({"user", "assistant", "tool"})
    name: str = "clew"
    description: str | None = "What was said before, as quotes with their sources."
    clew: Clew = Field(exclude=True)
    user: str | None = None
    agent: str | None = None
    recipe: str | None = None
    k: int = 20
    max_tokens: int = 1500

    async def _aget(self, messages: list[ChatMessage] | None = None, **block_kwargs: Any) -> str:
        asked = next((m.content for m in reversed(messages or []) if m.role.value == "user" and (m.content or "").strip()), None)
        if asked is None:
            return ""
        given = {"user": self.user, "agent": self.agent, "recipe": self.recipe, "k": self.k, "max_tokens": self.max_tokens}
        return await asyncio.to_thread(self.clew.prompt, asked, **given)

    async def _aput(self, messages: list[ChatMessage]) -> None:
        given = [(m.additional_kwargs.get("session_id"), message) for m in messages if (message := _message(m))["role"] in self.recorded]
        said = [{**message, "session": session} for session, message in given if message["content"]]
        await asyncio.to_thread(self.clew.record, said, user=self.user, agent=self.agent)


def _message(message: ChatMessage) -> dict[str, Any]:
    role = message.role.value
    return {"role": ROLES.get(role, role), "content": message.content or ""}

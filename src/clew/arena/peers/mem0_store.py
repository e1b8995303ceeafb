"""mem0 without inference (`infer=False`): texts as they are, on its default vector store (Qdrant, local).

Its language model is never called; its class must be made all the same, with a key that is none.
"""

import importlib.metadata
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from mem0 import Memory as Mem0Memory

from clew.arena.peers import Store, floats
from clew.arena.systems import USER, Found, Memory, System
from clew.models import Embedder


class Ours:
    """mem0's embedder interface over ours."""

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder

    def embed(self, text: str, memory_action: str | None = None) -> list[float]:
        """One text's vector."""
        return floats(self.embedder, [text])[0].tolist()

    def embed_batch(self, texts: Sequence[str], memory_action: str | None = None) -> list[list[float]]:
        """Several texts' vectors."""
        return floats(self.embedder, texts).tolist()


class Mem0:
    """One local Qdrant folder and history file a memory."""

    name = "mem0"

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder
        self.about: Mapping[str, str] = {"mem0ai": importlib.metadata.version("mem0ai"), "embed": embedder.space}

    def open(self, folder: Path) -> "Opened":
        """A memory in the folder."""
        return Opened(folder, self.embedder)


class Opened(Store):
    """A memory, open."""

    def __init__(self, folder: Path, embedder: Embedder) -> None:
        self.folder = folder
        no_key = {"api_key": "none"}
        self.memory = Mem0Memory.from_config(
            {
                "vector_store": {
                    "provider": "qdrant",
                    "config": {"path": str(folder / "qdrant"), "on_disk": True, "embedding_model_dims": embedder.dims},
                },
                "llm": {"provider": "openai", "config": no_key},
                "embedder": {"provider": "openai", "config": no_key},
                "history_db_path": str(folder / "history.db"),
            }
        )
        self.memory.embedding_model = Ours(embedder)  # type: ignore[assignment]

    def remember(self, events: Sequence[Mapping[str, Any]]) -> None:
        """One call an event: metadata are a call's, not a message's."""
        for e in events:
            self.memory.add(
                [{"role": e.get("role") or "user", "content": e["content"]}],
                user_id=e.get("user") or USER,
                metadata={"key": e["key"]},
                infer=False,
            )

    def find(self, text: str, at: str | None, k: int, user: str | None = USER) -> Found:
        """The k best of a user, with no threshold; mem0 has no search over all users."""
        started = perf_counter()
        got = self.memory.search(text, top_k=k, threshold=0.0, filters={"user_id": user})["results"]
        took = perf_counter() - started
        return Found(tuple(row["metadata"]["key"] for row in got), tuple(row["memory"] for row in got), took)

    def close(self) -> None:
        """Close the vector store and the history."""
        self.memory.close()
        self.memory.vector_store.client.close()


def system(embedder: Embedder) -> System:
    """mem0 with this embedder."""
    return Mem0(embedder)


_: type[Memory] = Opened

"""LangGraph's SQLite store with its vector index (sqlite-vec), a namespace a user.

The index is a loadable extension, which many builds of Python's own sqlite3 cannot load: so the connection is pysqlite3's.
"""

import importlib.metadata
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from langgraph.store.base import PutOp
from langgraph.store.sqlite import SqliteStore
from pysqlite3 import dbapi2 as sqlite3

from clew.arena.peers import Store, floats
from clew.arena.systems import USER, Found, Memory, System
from clew.models import Embedder

BATCH = 1000


class LangGraph:
    """One SQLite file a memory."""

    name = "langgraph"

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder
        self.about: Mapping[str, str] = {
            "langgraph-checkpoint-sqlite": importlib.metadata.version("langgraph-checkpoint-sqlite"),
            "embed": embedder.space,
        }

    def open(self, folder: Path) -> "Opened":
        """A store on a new file."""
        return Opened(folder, self.embedder)


class Opened(Store):
    """A store, open."""

    def __init__(self, folder: Path, embedder: Embedder) -> None:
        self.folder = folder
        self.connection = sqlite3.connect(folder / "store.db", check_same_thread=False, isolation_level=None)
        # Its documentation says `fields` and its code reads `text_fields`: without the second it embeds the whole JSON value.
        self.store = SqliteStore(
            self.connection,
            index={
                "dims": embedder.dims,
                "fields": ["text"],
                "text_fields": ["text"],
                "embed": lambda texts: floats(embedder, texts).tolist(),
            },
        )
        self.store.setup()

    def remember(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Put in batches; the store embeds a batch at once."""
        for start in range(0, len(events), BATCH):
            self.store.batch(
                [
                    PutOp(("memory", e.get("user") or USER), e["key"], {"text": e["content"], "at": e.get("at") or ""})
                    for e in events[start : start + BATCH]
                ]
            )

    def find(self, text: str, at: str | None, k: int, user: str | None = USER) -> Found:
        """The k nearest in a user's namespace, or in all of them."""
        started = perf_counter()
        got = self.store.search(("memory", user) if user else ("memory",), query=text, limit=k)
        took = perf_counter() - started
        return Found(tuple(item.key for item in got), tuple(item.value["text"] for item in got), took)

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()


def system(embedder: Embedder) -> System:
    """The store with this embedder."""
    return LangGraph(embedder)


_: type[Memory] = Opened

"""Chroma, embedded and persistent, with cosine distance and its defaults otherwise."""

import importlib.metadata
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import chromadb
from chromadb.config import Settings

from clew.arena.peers import Store, floats
from clew.arena.systems import USER, Found, Memory, System
from clew.models import Embedder

BATCH = 1000  # what Chroma's own documentation advises for bulk adds


class Chroma:
    """One collection a memory; users are told apart by a metadata filter."""

    name = "chroma"

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder
        self.about: Mapping[str, str] = {"chromadb": importlib.metadata.version("chromadb"), "embed": embedder.space}

    def open(self, folder: Path) -> "Opened":
        """A persistent client on the folder."""
        return Opened(folder, self.embedder)


class Opened(Store):
    """A collection, open."""

    def __init__(self, folder: Path, embedder: Embedder) -> None:
        self.folder, self.embedder = folder, embedder
        self.client = chromadb.PersistentClient(str(folder), settings=Settings(anonymized_telemetry=False))
        self.rows = self.client.get_or_create_collection("memory", embedding_function=None, configuration={"hnsw": {"space": "cosine"}})

    def remember(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Add in batches, vectors given."""
        for start in range(0, len(events), BATCH):
            part = events[start : start + BATCH]
            texts = [e["content"] for e in part]
            about = [{"user": e.get("user") or USER, "at": e.get("at") or ""} for e in part]
            self.rows.add(ids=[e["key"] for e in part], documents=texts, metadatas=about, embeddings=floats(self.embedder, texts))  # type: ignore[arg-type]

    def find(self, text: str, at: str | None, k: int, user: str | None = USER) -> Found:
        """The k nearest of a user; of everyone where the user is None."""
        started = perf_counter()
        only: Any = {"user": user} if user else None
        got = self.rows.query(query_embeddings=floats(self.embedder, [text]), n_results=k, where=only)  # type: ignore[arg-type]
        took = perf_counter() - started
        return Found(tuple(got["ids"][0]), tuple((got["documents"] or [[]])[0]), took)

    def close(self) -> None:
        """The client has no way to be closed but being dropped."""
        chromadb.api.client.SharedSystemClient.clear_system_cache()


def system(embedder: Embedder) -> System:
    """Chroma with this embedder."""
    return Chroma(embedder)


_: type[Memory] = Opened

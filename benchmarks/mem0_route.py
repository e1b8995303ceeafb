"""mem0.Memory behind one FastAPI route of ours: the nearest thing to mem0's server that can be installed.

usage: python -m benchmarks.mem0_route FOLDER PORT SIZE [--url postgresql://...]     what `python -m benchmarks.serve --peer` starts

mem0's package holds no REST server; the one in its repository is a route that calls `Memory.search` in the framework's threads,
in one process, and so is this. Clew's static embedder stands in for the model that mem0 would ask, at both peers. Without a URL
the vectors lie in mem0's default store, a local Qdrant folder; with one in a PostgreSQL database that has the extension `vector`,
as the repository's server has them. There mem0 filters by user what the index has found of all users, and finds little or nothing
for a small one, unless the URL ends in `&options=-c%20hnsw.iterative_scan=strict_order`.
"""

import importlib.metadata
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qs, urlsplit

import typer
import uvicorn
from fastapi import Body, FastAPI
from mem0 import Memory as Mem0Memory

from benchmarks import texts
from clew.arena.peers.mem0_store import Opened, Ours
from clew.models import Embedder
from clew.models.static import Static

NAME = "mem0.Memory behind a FastAPI route of ours"
READY = "ready"  # a file beside the store that tells how many memories are in it
CONNECTIONS = 40  # as many as the framework has threads


class OnPostgres(Opened):
    """The same memory with its vectors in PostgreSQL; only the history lies in the folder."""

    def __init__(self, folder: Path, embedder: Embedder, url: str) -> None:
        self.folder = folder
        no_key = {"provider": "openai", "config": {"api_key": "none"}}
        store = {"connection_string": url, "embedding_model_dims": embedder.dims, "maxconn": CONNECTIONS}
        self.memory = Mem0Memory.from_config(
            {
                "vector_store": {"provider": "pgvector", "config": store},
                "llm": no_key,
                "embedder": no_key,
                "history_db_path": str(folder / "history.db"),
            }
        )
        self.memory.embedding_model = Ours(embedder)  # type: ignore[assignment]


def filled(folder: Path, url: str, size: int) -> Opened:
    """A memory of that many turns of `texts`, added with `infer=False` one call each; one that is there already is opened."""
    folder.mkdir(parents=True, exist_ok=True)
    memory = OnPostgres(folder, Static(), url) if url else Opened(folder, Static())
    if not (folder / READY).exists():
        for chunk in texts.chunks(size, 1000):
            memory.remember(chunk)
        (folder / READY).write_text(str(size), encoding="utf-8")
    return memory


def application(memory: Any, about: dict[str, str]) -> FastAPI:
    """`POST /search`, and `GET /health` that tells what is run."""
    app = FastAPI()

    @app.post("/search")
    def search(query: Annotated[str, Body()], user_id: Annotated[str, Body()], top_k: Annotated[int, Body()]) -> dict[str, Any]:
        """The best memories of one user."""
        return memory.search(query, filters={"user_id": user_id}, top_k=top_k, threshold=0.0)

    @app.get("/health")
    def health() -> dict[str, str]:
        """Its name, versions and number of memories."""
        return about

    return app


def main(folder: Path, port: int, size: int, url: str = "") -> None:
    """Fill the folder unless it is filled, and serve it until told to stop."""
    memory = filled(folder, url, size)
    held = (folder / READY).read_text(encoding="utf-8")
    version = {name: importlib.metadata.version(name) for name in ("mem0ai", "qdrant-client", "fastapi", "uvicorn")}
    store = ", ".join(["pgvector", *parse_qs(urlsplit(url).query).get("options", [])]) if url else "local Qdrant"
    about = {"name": NAME, "memories": held, "store": store, **version}
    uvicorn.run(application(memory.memory, about), host="127.0.0.1", port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    typer.run(main)

"""Answers kept across runs of a bench: the same question to the same model is paid for once.

Each run's memories have other ids, which stand in prompts, schemas and answers; here an id is known by the order in which
it comes up in the request. The file holds hashes of requests, and answers; it is for benches, and never for people's data,
as `Clew.forget` does not reach it.

    models = keeping(connect("openai:NAME", base_url=URL), Path("arena/answers"))     # clew arena run --keep FOLDER
"""

import hashlib
import json
import re
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from clew.models import Asker, Extracts, Models, Reply
from clew.privacy import leaves

_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{20}(?![0-9a-f])")


def keeping(models: Models, folder: Path) -> Models:
    """The same models, with the text model's answers kept in a file of the folder; what extracts costs nothing and is left as it is."""
    found = models.asker and kept(models.asker, folder)
    return models if found is models.asker else replace(models, asker=found)


def kept(asker: Asker, folder: Path) -> Asker:
    """A text model whose answers are kept in a file of the folder, named after the model; itself, where it extracts."""
    if isinstance(asker, Extracts | Kept):
        return asker
    folder.mkdir(parents=True, exist_ok=True)
    stem = "".join(c if c.isalnum() else "-" for c in asker.name).strip("-")
    return Kept(asker, folder / f"{stem}.jsonl")


class Kept:
    """A text model that is asked only what is not in its file. Safe to share among threads; a line cut off in mid-write is left out."""

    def __init__(self, asker: Asker, path: Path) -> None:
        self.inner, self.path, self.name = asker, path, asker.name
        self.local = not leaves(asker)  # the gate stands where it would stand without us
        self.asked = self.found = 0  # calls that went to the model, and calls that did not
        self._lock = threading.Lock()
        self._rows: dict[str, Mapping[str, Any]] = {}
        if path.exists():
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            whole = [line for line in lines if line.endswith("\n")]
            if len(whole) < len(lines):
                path.write_text("".join(whole), encoding="utf-8")
            self._rows = {row["request"]: row for row in map(json.loads, whole)}

    def ask(self, prompt: str, schema: Mapping[str, Any] | None, max_tokens: int) -> Reply:
        """The answer that was kept, at no cost, or the model's, which is then kept; what is unavailable is not."""
        packed = json.dumps([self.name, prompt, schema, max_tokens], ensure_ascii=False)
        ids = list(dict.fromkeys(_ID.findall(packed)))
        stands = {id: f"{place:020x}" for place, id in enumerate(ids)}
        request = hashlib.sha256(_ID.sub(lambda m: stands[m[0]], packed).encode("utf-8", "backslashreplace")).hexdigest()[:32]
        with self._lock:
            row = self._rows.get(request)
        if row is not None:
            with self._lock:
                self.found += 1
            back = {stand: id for id, stand in stands.items()}
            text = _ID.sub(lambda m: back.get(m[0], m[0]), row["answer"])
            return Reply(text, row["model"], row["tokens"][0], row["tokens"][1], refused=row["refused"])
        reply = self.inner.ask(prompt, schema, max_tokens)
        row = {
            "request": request,
            "answer": _ID.sub(lambda m: stands.get(m[0], m[0]), reply.text),
            "model": reply.model,
            "tokens": [reply.tokens_in, reply.tokens_out],
            "refused": reply.refused,
        }
        with self._lock:
            self.asked += 1
            if request not in self._rows:
                self._rows[request] = row
                with open(self.path, "a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
        return reply

    def close(self) -> None:
        """Close the model behind it, where it can be closed."""
        getattr(self.inner, "close", lambda: None)()

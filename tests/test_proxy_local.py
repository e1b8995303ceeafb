"""The proxy before a real, small model on this machine: the official client, llama.cpp's own server, a memory between them.

`python tools/fetch_test_models.py --behaviour` brings the models.
"""

import importlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="needs a server: pip install 'clew[serve]'")
pytest.importorskip("openai", reason="needs the official client: pip install 'clew[llm]'")
pytest.importorskip("xllamacpp", reason="needs xllamacpp: pip install xllamacpp")

from listening import listening
from openai import OpenAI

from clew import Clew
from clew.serve.access import Access
from clew.serve.proxy import Upstream, app
from clew.serve.proxy_memory import ChatMemory

MODELS = Path(os.environ.get("CLEW_MODELS") or Path(__file__).parents[1] / "build" / "models")
CONTEXT = 1536  # tokens
Served = Callable[[str], str]


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """Gives the address of a model's own server; the test is skipped, with the reason, where its file is missing."""
    llama, held = importlib.import_module("xllamacpp"), dict[str, Any]()

    def at(name: str) -> str:
        if not (MODELS / name).exists():
            pytest.skip(f"needs {MODELS / name}: python tools/fetch_test_models.py{' --behaviour' if 'qwen' in name else ''}")
        if name not in held:
            settings = llama.CommonParams()
            settings.model.path, settings.n_ctx, settings.n_parallel, settings.port = str(MODELS / name), CONTEXT, 1, 0
            settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = 1
            held[name] = llama.Server(settings)
        return f"{held[name].listening_address}/v1"

    yield at
    held.clear()


@contextmanager
def proxied(clew: Clew, upstream: str) -> Iterator[OpenAI]:
    """The official client, at a proxy that listens."""
    memory = ChatMemory(clew, Access(clew.log), user="ana", max_tokens=300)
    with (
        listening(app(memory, Upstream(upstream))) as url,
        OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0, timeout=120) as client,
    ):
        yield client


def test_a_real_model_is_spoken_to_through_memory_in_one_piece_and_in_pieces(served: Served, tmp_path: Path) -> None:
    with Clew(tmp_path / "m.db") as clew, proxied(clew, served("smollm2-135m.gguf")) as client:
        assert len(client.models.list().data) == 1
        said: list[Any] = [
            {"role": "system", "content": "Answer in one short sentence."},
            {"role": "user", "content": "My boat is called Halcyon."},
        ]
        answer = client.chat.completions.create(model="m", messages=said, max_tokens=12, temperature=0)
        text = answer.choices[0].message.content
        said += [{"role": "assistant", "content": text}, {"role": "user", "content": "What is my boat called?"}]
        pieces = list(client.chat.completions.create(model="m", messages=said, max_tokens=12, temperature=0, stream=True))
        streamed = "".join(p.choices[0].delta.content or "" for p in pieces if p.choices)
        assert text and streamed and len(pieces) > 3 and pieces[-1].choices[0].finish_reason in ("stop", "length")
        until = time.monotonic() + 30
        while len(kept := list(clew.log.read())) < 4 and time.monotonic() < until:
            time.sleep(0.01)
        assert [(e.actor, e.text) for e in kept] == [
            ("user", said[1]["content"]),
            ("assistant", text),
            ("user", said[3]["content"]),
            ("assistant", streamed),
        ]


def test_a_model_that_can_read_answers_from_what_another_conversation_said(
    served: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Clew(tmp_path / "m.db") as clew, proxied(clew, served("qwen2.5-coder-0.5b.gguf")) as client:
        clew.record("My sailing boat is called Halcyon.", user="ana", session="last week")
        asked: list[Any] = [{"role": "user", "content": "What is my sailing boat called?"}]
        answers = {
            mode: client.chat.completions.create(
                model="m", messages=asked, max_tokens=12, temperature=0, extra_headers={"X-Clew-Memory": mode}
            )
            for mode in ("read", "off")
        }
        found = {mode: answer.choices[0].message.content or "" for mode, answer in answers.items()}
        with capsys.disabled():
            print(f"\n  local model: with memory {found['read']!r}, without {found['off']!r}", end="")
        assert "Halcyon" in found["read"] and "Halcyon" not in found["off"]

"""The one seam to models: ask (text in a form), embed (vectors), judge (scores). Providers lie in their own folders.

A `Models` is handed to `Clew`; without one the static embedder serves and nothing is asked.
"""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np

from clew.errors import NotFound, UsageError
from clew.models.forms import Form
from clew.models.static import Static
from clew.privacy import Gate

GROUP = "clew.models"
FREE_TOKENS = 1024  # the most that an answer without a form may take


def entry_points(group: str) -> Any:
    """What installed packages offer under that group. The standard library's reader is imported when it is needed: it brings e-mail and sockets."""
    return importlib.import_module("importlib.metadata").entry_points(group=group)


@dataclass(frozen=True, slots=True)
class Reply:
    """A model's answer as it came, with what it cost."""

    text: str
    model: str
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0  # in the currency of the price list
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """One thing among a prompt's values: its text, and the id that an answer may name it by, if it has one."""

    text: str
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """What a prompt is made of, for a model that reads no prose: whose it is, its values by placeholder, the form of the answer.

    The placeholder `question` is what is asked or the task; every other one is material.
    """

    recipe: str
    prompt: str
    values: Mapping[str, tuple[Shown, ...]]
    form: Form | None = None
    max_tokens: int = FREE_TOKENS  # the most that the answer may take


@runtime_checkable
class Extracts(Protocol):
    """Of an asker: that it reads no prose, takes calls as values, and is then never sent the prompt. For models that are no LLM."""

    def extract(self, call: Call) -> Reply:
        """The answer to a call, as JSON of its form where it has one."""
        ...


class Asker(Protocol):
    """A text model."""

    name: str  # provider and model, part of every fingerprint

    def ask(self, prompt: str, schema: Mapping[str, Any] | None, max_tokens: int) -> Reply:
        """Answer the prompt, as JSON of that schema if one is given; raises ModelUnavailable when it is worth trying again."""
        ...


class Embedder(Protocol):
    """Texts to vectors. `exact` says that the same text gives the same codes on every machine and in every batch."""

    space: str
    dims: int
    exact: bool

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """(n, dims) int8 codes, rows in the order of texts."""
        ...


class Counter(Protocol):
    """A model's own tokenizer, as far as counting goes."""

    name: str

    def count(self, text: str) -> int:
        """How many tokens the text has, without what a chat template adds around it."""
        ...


class Judge(Protocol):
    """A scorer of pairs of texts."""

    name: str

    def judge(self, pairs: Sequence[tuple[str, str]], question: str) -> Sequence[float]:
        """A probability for each pair, in order."""
        ...


@dataclass(frozen=True, slots=True)
class Models:
    """What a Clew may use; any part may be missing but the embedder.

    What leaves this process goes through the `gate`, which masks secrets and personal data on the way out and puts them
    back in what returns; `gate=None` switches that off. A part of your own that stays in the process says `local = True`.
    """

    asker: Asker | None = None
    embedder: Embedder = field(default_factory=Static)
    judge: Judge | None = None
    counter: Counter | None = None  # None: budgets are counted by an estimate
    gate: Gate | None = field(default_factory=Gate, compare=False)

    def names(self) -> dict[str, str]:
        """What fingerprints are made of."""
        found = {"embed": self.embedder.space}
        if self.asker is not None:
            found["ask"] = self.asker.name
        if self.judge is not None:
            found["judge"] = self.judge.name
        if self.counter is not None:
            found["count"] = self.counter.name
        return found


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits checked before every model call; None is no limit. Days end at midnight UTC."""

    tokens_per_day: int | None = None
    calls_per_day: int | None = None
    cost_per_day: float | None = None
    tokens_per_call: int | None = None  # the prompt's estimated tokens plus the answer's limit


def connect(
    address: str, *, embedder: Embedder | None = None, counter: Counter | None = None, redact: bool | Gate = True, **options: Any
) -> Models:
    """Models by address: `openai:<model>` (any OpenAI-compatible endpoint, with base_url=), `onnx:minilm`, `extractive`, or a plug-in's.

    `redact=False` sends texts as they are; `redact=Gate(names=True)` masks people's names too (extra `[privacy]`).
    An embedder has an address too: `connect("openai:...", embedder=connect("openai-embed:...").embedder)`; so has a judge that
    scores how likely a text is after another: `connect("openai-likelihood:...", base_url=...).judge`; and so has what counts a model's
    tokens exactly: `counter=connect("tokenizer:PATH").counter`, a `tokenizer.json` (extra `[tokens]`) or a server with `/tokenize`.
    Raises MissingExtra when the provider's package is not installed, NotFound for an unknown provider.
    """
    provider, _, model = address.partition(":")
    if not model and address != "extractive":
        raise UsageError(f"a model's address is provider:model, such as openai:gpt-4o-mini; got {address!r}")
    points = {p.name: p.value for p in entry_points(GROUP)}
    built_in = {
        "extractive": "clew.models.extractive:connect",
        "openai": "clew.models.openai:connect",
        "openai-embed": "clew.models.openai:connect_embeddings",
        "openai-likelihood": "clew.models.openai.likelihood:connect",
        "onnx": "clew.models.onnx:connect",
        "tokenizer": "clew.models.counting:connect",
    }
    value = {**points, **built_in}.get(provider)
    if value is None:
        raise NotFound(f"no model provider is called {provider!r}; there are {', '.join(sorted({**points, **built_in}))}")
    module, _, name = value.partition(":")
    part = getattr(importlib.import_module(module), name)(model, **options)
    gate = redact if isinstance(redact, Gate) else Gate() if redact else None
    if hasattr(part, "embed") and not hasattr(part, "ask"):
        return Models(embedder=part, counter=counter, gate=gate)
    if hasattr(part, "judge") and not hasattr(part, "ask"):
        return Models(embedder=embedder or Static(), judge=part, counter=counter, gate=gate)
    if hasattr(part, "count") and not hasattr(part, "ask"):
        return Models(embedder=embedder or Static(), counter=part, gate=gate)
    return Models(asker=part, embedder=embedder or Static(), counter=counter, gate=gate)

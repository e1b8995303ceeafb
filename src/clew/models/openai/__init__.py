"""Any OpenAI-compatible endpoint, through the official SDK: text models and embeddings. Extra `[llm]`.

Endpoints differ in what they take: a strict schema, a schema, a plain JSON mode, or only words. The best way is tried
first; where the endpoint refuses it (HTTP 400 or 422), the next one is, and what worked is remembered.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from clew.errors import MissingExtra, ModelUnavailable, UsageError
from clew.models import Reply

try:
    import openai
except ImportError as missing:
    raise MissingExtra("llm", "a model behind an OpenAI-compatible endpoint") from missing
from clew.models.openai.patience import Pace, Patient, translated

WAYS = ("strict", "schema", "object", "words")  # how an answer's schema is sent, best first
LIMITS = ("max_completion_tokens", "max_tokens")  # the newer and the older name of one parameter
REFUSED = {400, 422}  # the endpoint understood the request and does not take it
BATCH = 64  # texts embedded by one call
PEAK = 127  # largest code
PER = 1e6  # tokens that a price is for
NEVER = ("context_length_exceeded", "maximum context", "context size", "context length", "content_filter", "content management")
IN_WORDS = "\n\nAnswer with one JSON object that fits this JSON schema, and with nothing else:\n"


@dataclass(frozen=True, slots=True)
class Manner:
    """How an endpoint wants to be asked, as far as it is known."""

    way: int = 0  # of WAYS
    limit: int = 0  # of LIMITS
    cool: bool = True  # whether a temperature may be sent

    def request(self, prompt: str, schema: Mapping[str, Any] | None, max_tokens: int) -> dict[str, Any]:
        """The arguments of a chat completion, but for the model."""
        request: dict[str, Any] = {LIMITS[self.limit]: max_tokens}
        way = WAYS[self.way] if schema is not None else None
        if way in ("strict", "schema"):
            named = {"name": "answer", "schema": schema, "strict": way == "strict"}
            request["response_format"] = {"type": "json_schema", "json_schema": named}
        elif way is not None:
            prompt += IN_WORDS + json.dumps(schema)
            request |= {"response_format": {"type": "json_object"}} if way == "object" else {}
        if self.cool:
            request["temperature"] = 0
        return {**request, "messages": [{"role": "user", "content": prompt}]}

    def instead(self, complaint: str, shaped: bool) -> "Manner | None":
        """Another manner, without what the endpoint complains of; None where there is nothing left to change."""
        if "temperature" in complaint and self.cool:
            return replace(self, cool=False)
        if any(name in complaint for name in LIMITS) and self.limit + 1 < len(LIMITS):
            return replace(self, limit=self.limit + 1)
        if shaped and self.way + 1 < len(WAYS):
            return replace(self, way=self.way + 1)
        return None


class OpenAI:
    """A text model. Safe to share among threads. `prices` are for a million tokens: (in, out), in any currency."""

    def __init__(self, model: str, client: openai.OpenAI, prices: tuple[float, float] | None = None) -> None:
        self.name, self.model, self.prices = f"openai:{model}", model, prices or (0.0, 0.0)
        self._client, self.manner = client, Manner()

    def ask(self, prompt: str, schema: Mapping[str, Any] | None, max_tokens: int) -> Reply:
        """The answer, at temperature 0 where the model has one; refused where a filter stopped it or the prompt is too long.

        Raises ModelUnavailable when it is worth trying again, UsageError where key or request will never do.
        """
        manner: Manner | None = self.manner
        while manner is not None:
            try:
                found = self._client.chat.completions.create(model=self.model, **manner.request(prompt, schema, max_tokens))
                self.manner = manner
                return self._reply(found)
            except openai.APIStatusError as error:
                text = f"{error} {error.body}".lower()
                if error.status_code in REFUSED and any(words in text for words in NEVER):
                    return Reply("", self.name, refused=True)
                manner = manner.instead(text, schema is not None) if error.status_code in REFUSED else None
                if manner is None:
                    raise translated(error, self.model) from error
            except openai.OpenAIError as error:
                raise translated(error, self.model) from error
        raise AssertionError("a manner of asking is tried or an error is raised")

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def _reply(self, found: Any) -> Reply:
        if not found.choices:
            raise ModelUnavailable(f"{self.name} sent an answer without a choice in it")
        choice, usage = found.choices[0], found.usage
        tokens = (usage.prompt_tokens, usage.completion_tokens) if usage else (0, 0)
        cost = sum(n * price for n, price in zip(tokens, self.prices, strict=True)) / PER
        refused = bool(getattr(choice.message, "refusal", None)) or choice.finish_reason == "content_filter"
        return Reply("" if refused else choice.message.content or "", self.name, *tokens, cost, refused)


class Embeddings:
    """An embedding model; each text's vector is scaled by its own greatest number, so that no text moves another's."""

    exact = False

    def __init__(self, model: str, client: openai.OpenAI, dims: int | None = None) -> None:
        self.model, self._client, self._asked = model, client, dims
        self.dims = dims or len(self._vectors(["dimensions"])[0])
        self.space = f"openai:{model}:{self.dims}"

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """(n, dims) int8 codes, rows in the order of texts; raises ModelUnavailable when it is worth trying again."""
        rows = [row for i in range(0, len(texts), BATCH) for row in self._vectors(texts[i : i + BATCH])]
        vectors = np.array(rows, np.float64).reshape(-1, self.dims)
        peaks = np.abs(vectors).max(axis=1, keepdims=True, initial=0.0)
        return np.rint(vectors * PEAK / np.where(peaks == 0, 1.0, peaks)).astype(np.int8)

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def _vectors(self, texts: Sequence[str]) -> list[list[float]]:
        more: dict[str, Any] = {} if self._asked is None else {"dimensions": self._asked}
        words = [text or " " for text in texts]  # endpoints refuse an empty text
        try:
            found = self._client.embeddings.create(model=self.model, input=words, encoding_format="float", **more)
        except openai.OpenAIError as error:
            raise translated(error, self.model) from error
        return [row.embedding for row in sorted(found.data, key=lambda row: row.index)]


def connect(
    model: str,
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    timeout_s: float = 60.0,
    retries: int = 2,
    per_minute: int | None = None,
    prices: tuple[float, float] | None = None,
) -> OpenAI:
    """A text model; without `base_url` and `api_key` the SDK's own settings hold (OPENAI_BASE_URL, OPENAI_API_KEY).

    `timeout_s` is of one try, `retries` are tries after the first, with waits between them that grow, or that the endpoint
    asks for; `per_minute` is how many requests may go out in a minute, from all threads together.
    """
    return OpenAI(model, _client(base_url, api_key, timeout_s, retries, per_minute), prices)


def connect_embeddings(
    model: str,
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    timeout_s: float = 60.0,
    retries: int = 2,
    per_minute: int | None = None,
    dims: int | None = None,
) -> Embeddings:
    """An embedding model, borne with like a text model; `dims` asks for shorter vectors, None takes what the model gives (found by one call now)."""
    return Embeddings(model, _client(base_url, api_key, timeout_s, retries, per_minute), dims)


def _client(base_url: str | None, api_key: str | None, timeout_s: float, retries: int, per_minute: int | None = None) -> openai.OpenAI:
    if timeout_s <= 0 or retries < 0:
        raise UsageError(f"timeout_s is a number of seconds above 0 and retries 0 or more; got {timeout_s} and {retries}")
    try:
        return Patient(retries, Pace(per_minute), base_url=base_url, api_key=api_key, timeout=timeout_s)
    except openai.OpenAIError as error:
        raise UsageError("no API key: set OPENAI_API_KEY or pass api_key= (any text does for a local endpoint)") from error

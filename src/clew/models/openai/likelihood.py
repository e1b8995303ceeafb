"""How likely a text is to a language model behind an endpoint: the judge that perplexity is computed with. Extra `[llm]`.

Endpoints tell the probabilities of given text in different ways: they echo the prompt with its log-probabilities (vLLM and
others), or take a grammar (llama.cpp), under which the model can write nothing but the text and reports what each token had
been worth without the grammar. The grammar is of the text's own tokens; where that fails, of its characters, whose tokens the
model then chooses itself. The first way that works is remembered.
"""

import json
import math
from collections.abc import Sequence
from typing import Any

import openai

from clew.errors import UsageError
from clew.models.openai import _client, translated
from clew.models.scoring import LIKELIHOOD

WAYS = ("echo", "tokens", "characters")
BETWEEN = "\n"  # a context and the text after it; alone where there is no context, as a model needs something to go on from
DIGITS = 6
MARGIN = 8  # tokens that a text may have beyond its characters in bytes


class Likelihood:
    """A judge of one question, `LIKELIHOOD`: the mean probability per token of the second text after the first.

    Safe to share among threads. Costs a call a pair; a local model writes the text token by token, at its speed of writing.
    """

    def __init__(self, model: str, client: openai.OpenAI, local: bool = False) -> None:
        self.name, self.model, self.local = f"openai-likelihood:{model}", model, local
        self._client, self._way = client, 0

    def judge(self, pairs: Sequence[tuple[str, str]], question: str) -> list[float]:
        """exp(-NLL / tokens) for each pair, 0..1, six digits; 0 for a blank text.

        Raises ModelUnavailable when it is worth trying again, UsageError where the endpoint tells no probabilities.
        """
        if question != LIKELIHOOD:
            raise UsageError(f"{self.name} answers the question {LIKELIHOOD!r} and no other; got {question!r:.80}")
        return [round(math.exp(self.mean(before, text)), DIGITS) if text.strip() else 0.0 for before, text in pairs]

    def mean(self, before: str, text: str) -> float:
        """The mean log-probability (natural) of a token of the text after the context."""
        for way in range(self._way, len(WAYS)):
            try:
                found = (self._echoed, self._forced, self._spelled)[way](before.strip() + BETWEEN, text.strip())
            except (openai.BadRequestError, openai.UnprocessableEntityError, openai.NotFoundError, openai.InternalServerError) as error:
                if way + 1 == len(WAYS):
                    raise translated(error, self.model) from error
                continue  # not this way
            except openai.OpenAIError as error:
                raise translated(error, self.model) from error
            if found:
                self._way = min(way, 1)  # what characters were needed for is one text's odd token
                return sum(found) / len(found)
        raise UsageError(f"the endpoint of {self.model!r} tells no log-probabilities of given text, neither by echo nor under a grammar")

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def _echoed(self, before: str, text: str) -> list[float]:
        """Log-probabilities of the prompt's own tokens from the text on; none where the endpoint does not echo them."""
        choice = self._client.completions.create(model=self.model, prompt=before + text, max_tokens=1, echo=True, logprobs=1).choices[0]
        told = choice.logprobs
        if told is None or not told.token_logprobs or not told.text_offset or not told.tokens:
            return []
        end = len(before) + len(text)
        rows = zip(told.tokens, told.text_offset, told.token_logprobs, strict=False)
        return [value for token, at, value in rows if at + len(token) > len(before) and at < end and value is not None]

    def _forced(self, before: str, text: str) -> list[float]:
        """Under a grammar of the text's tokens, as the endpoint's own tokenizer cuts it."""
        root = str(self._client.base_url).rstrip("/").removesuffix("/v1")
        found: Any = self._client.post(f"{root}/tokenize", cast_to=object, body={"content": text, "add_special": False})
        return self._written(before, text, " ".join(f"<[{token}]>" for token in found["tokens"]))

    def _spelled(self, before: str, text: str) -> list[float]:
        """Under a grammar of the text's characters."""
        return self._written(before, text, json.dumps(text, ensure_ascii=False))

    def _written(self, before: str, text: str, rule: str) -> list[float]:
        most = len(text.encode()) + MARGIN
        found = self._client.completions.create(
            model=self.model,
            prompt=before,
            max_tokens=most,
            temperature=0,
            logprobs=1,
            extra_body={"grammar": f"root ::= {rule}", "cache_prompt": False},
        ).choices[0]
        if found.text != text:
            return []  # a grammar it does not know, or a context too small for the text
        told = found.model_dump()["logprobs"]
        return [token["logprob"] for token in told["content"]] if told else []


def connect(
    model: str, *, base_url: str | None = None, api_key: str | None = None, timeout_s: float = 300.0, retries: int = 2, local: bool = False
) -> Likelihood:
    """The judge; `Models(asker=..., judge=connect("smollm2", base_url=...))`. `local=True`: texts do not leave this machine."""
    if timeout_s <= 0:
        raise UsageError(f"timeout_s is a number of seconds above 0; got {timeout_s}")
    return Likelihood(model, _client(base_url, api_key, timeout_s, retries), local)

"""The one place for how endpoints are borne with: time-outs, retries, waits that they ask for, requests a minute.

Every call of every model behind an OpenAI-compatible endpoint goes through `Patient.request`. What it may cost in all is
limited before a call is made, by `Budget` (see `clew.models`); what it gave is kept, so that a replay asks nothing.
"""

import re
import threading
import time
from collections import deque
from email.utils import parsedate_to_datetime
from typing import Any

import openai

from clew.errors import ModelUnavailable, NotFound, UsageError

LONGEST = 60.0  # seconds waited within a call; an endpoint that wants more is told of as unavailable, with the time
FIRST, MOST = 0.5, 8.0  # seconds before the first retry, doubled each time, up to
MINUTE = 60.0
AGAIN = frozenset({408, 409, 425, 429})  # and 500 and above: what may pass
UNPAID = ("insufficient_quota", "billing", "credit balance", "payment required")
_PARTS = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class Pace:
    """When the next request may go: at most so many a minute, and none before an endpoint's wait is over. One for all threads."""

    def __init__(self, per_minute: int | None = None, minute: float = MINUTE) -> None:
        """None is no limit of our own; UsageError where the limit is below 1. `minute`: the span that is counted in, in seconds."""
        if per_minute is not None and per_minute < 1:
            raise UsageError(f"per_minute is a number of requests from 1 on, or None; got {per_minute}")
        self.per_minute, self.minute = per_minute, minute
        self._sent: deque[float] = deque(maxlen=per_minute)
        self._free = 0.0  # until when nothing may be sent, on the monotonic clock
        self._lock = threading.Lock()

    def turn(self) -> None:
        """Wait until it is this request's turn."""
        with self._lock:
            now = time.monotonic()
            start = max(now, self._free)
            if self.per_minute is not None:
                if len(self._sent) == self.per_minute:
                    start = max(start, self._sent[0] + self.minute)
                self._sent.append(start)
        if start > now:
            time.sleep(start - now)

    def pause(self, seconds: float) -> None:
        """Send nothing for so long, from whatever thread."""
        with self._lock:
            self._free = max(self._free, time.monotonic() + seconds)


class Patient(openai.OpenAI):
    """The SDK's client with our patience in place of its own."""

    def __init__(self, retries: int, pace: Pace, **options: Any) -> None:
        super().__init__(max_retries=0, **options)
        self.retries, self.pace = retries, pace

    def request(self, *arguments: Any, **options: Any) -> Any:
        """A request, tried again where that may help; raises what the SDK raises for the last try."""
        for attempt in range(self.retries + 1):
            self.pace.turn()
            try:
                return super().request(*arguments, **options)
            except (openai.APIStatusError, openai.APIConnectionError) as error:
                wait = after(error, min(FIRST * 2**attempt, MOST))
                if getattr(error, "status_code", None) == 429:
                    self.pace.pause(min(wait, LONGEST))  # the other threads would only be refused too
                if attempt == self.retries or wait > LONGEST or not passing(error):
                    raise
                time.sleep(wait)
        raise AssertionError("a request is answered or an error is raised")


def passing(error: openai.OpenAIError) -> bool:
    """Whether the same request may succeed a little later."""
    status = getattr(error, "status_code", None)
    if status is None:
        return isinstance(error, openai.APIConnectionError)  # refused, broken off, timed out
    return (status in AGAIN or status >= 500) and not unpaid(error)


def unpaid(error: openai.OpenAIError) -> bool:
    """Whether the account may not spend any more: no wait of ours mends that."""
    told = f"{error} {getattr(error, 'body', '')}".lower()
    return getattr(error, "status_code", None) in (402, 403, 429) and any(word in told for word in UNPAID)


def after(error: openai.OpenAIError, otherwise: float) -> float:
    """Seconds that the endpoint asks to wait (Retry-After in seconds or as a date, or when its limit is reset), or `otherwise`."""
    response = getattr(error, "response", None)
    if response is None:
        return otherwise
    headers = response.headers
    said, milliseconds = headers.get("retry-after", "").strip(), headers.get("retry-after-ms", "").strip()
    if _number(milliseconds):
        return float(milliseconds) / 1000
    if _number(said):
        return float(said)
    if said:
        try:
            return max(0.0, parsedate_to_datetime(said).timestamp() - time.time())
        except ValueError:
            return otherwise
    if getattr(error, "status_code", None) == 429 and headers.get("x-ratelimit-remaining-requests", "").strip() == "0":
        parts = _PARTS.findall(headers.get("x-ratelimit-reset-requests", ""))
        return sum(float(n) * _UNITS[unit] for n, unit in parts) or otherwise
    return otherwise


def _number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()


def translated(error: openai.OpenAIError, model: str) -> ModelUnavailable | UsageError | NotFound:
    """The SDK's error as one of ours, with what to do: worth trying again, or for the caller to mend."""
    status = getattr(error, "status_code", None)
    told = str(error)[:300]
    if unpaid(error):
        return UsageError(f"the account behind {model!r} may not spend any more (HTTP {status}): add credit or take another key; {told}")
    if status in (401, 403):
        return UsageError(f"the endpoint of {model!r} refused the API key (HTTP {status}); check OPENAI_API_KEY or api_key=")
    if status == 404:
        return NotFound(f"the endpoint has no model {model!r} (HTTP 404); check the model's name and base_url=")
    if status is not None and 400 <= status < 500 and status not in AGAIN:
        return UsageError(f"the endpoint of {model!r} does not take the request (HTTP {status}): {told}")
    wait = after(error, 5.0)
    if status == 429:
        return ModelUnavailable(f"{model} is asked too often (HTTP 429); in {wait:.0f} s again, per_minute= keeps below its limit", wait)
    if isinstance(error, openai.APITimeoutError):
        return ModelUnavailable(f"{model} did not answer in time; allow more by timeout_s=, or take a faster model", wait)
    if isinstance(error, openai.APIConnectionError):
        return ModelUnavailable(f"nothing answers for {model}: is the server running, and is base_url= its address? {told}", wait)
    return ModelUnavailable(f"{model} did not answer: {type(error).__name__} {told[:200]}", wait)

"""Requests to a service: sent, tried again where that is safe, and refused in the words of the error that was raised there."""

import json
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from itertools import count
from time import sleep
from typing import Any

from clew import errors
from clew.errors import BudgetExceeded, ClewError, Denied, LogCorrupt, MissingExtra, ModelUnavailable, NotFound, StorageBusy, UsageError
from clew.privacy.environment import secret
from clew.remote.values import plain

try:
    import httpx2
except ImportError as missing:
    raise MissingExtra("client", f"a memory over HTTP (without {missing.name})") from missing

CONNECT_S = 10.0
FIRST_S = 0.1  # and twice as long before each next try
LONGEST_S = 30.0  # between two tries; a service that asks for more patience is not asked again
PREFIX = "urn:clew:error:"
LATER = (429, 502, 503, 504)  # not now
TRIED_AGAIN = (429, 503)  # and nothing was done: try again
# Of an answer that names no error of ours: the shield's, or a relay's.
BY_STATUS: Mapping[int, type[ClewError]] = {
    **{found.http_status: found for found in (UsageError, Denied, NotFound)},
    **{401: Denied, 405: UsageError, 408: StorageBusy, 413: UsageError},
}
CLASSES = {name: found for name, found in vars(errors).items() if isinstance(found, type) and issubclass(found, ClewError)}
LINES = "application/x-ndjson"
Content = Callable[[], bytes | Iterator[bytes]]


class Unreachable(StorageBusy):
    """The service did not answer, or has too much to do; what only reads, and `record`, was tried again before this."""


class Wire:
    """The connections to one service. Safe to share among threads."""

    def __init__(self, url: str, key: str | None, timeout: float, retries: int) -> None:
        key = None if key is None else secret(key, "key=")
        self.url, self.retries = url.rstrip("/"), retries
        headers = {"Accept": "application/json", **({} if key is None else {"Authorization": f"Bearer {key}"})}
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=20)
        try:
            self._http = httpx2.Client(
                base_url=self.url, headers=headers, timeout=httpx2.Timeout(timeout, connect=CONNECT_S), limits=limits
            )
        except (httpx2.InvalidURL, UnicodeEncodeError) as error:
            raise UsageError(f"this is no address of a service, or no key of one: {error}") from error

    def close(self) -> None:
        """End the connections; idempotent."""
        self._http.close()

    def read(self, path: str, **params: Any) -> Any:
        """What a GET of that path answers, as JSON."""
        return self.call("GET", path, params=params, safe=True)[0]

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        content: Content | None = None,
        safe: bool = False,
    ) -> tuple[Any, bool]:
        """(the answer as JSON, whether it took more than one try). `safe`: doing it twice does no more than doing it once."""
        answer, tries = self._answered(method, path, params or {}, content or (None if body is None else lambda: _said(body)), safe)
        try:
            return (answer.json() if answer.content else None), tries > 1
        except ValueError as error:
            raise ClewError(f"{self.url}{path} did not answer in JSON; is it the address of a `clew serve`?") from error

    @contextmanager
    def stream(self, path: str) -> Iterator[Iterator[bytes]]:
        """The bytes of a GET as they come; Unreachable where they break off."""
        answer, _ = self._answered("GET", path, {}, None, True, streamed=True)
        with closing(answer):
            yield _pieces(answer)

    def _answered(
        self, method: str, path: str, params: Mapping[str, Any], content: Content | None, safe: bool, streamed: bool = False
    ) -> tuple["httpx2.Response", int]:
        """(a good answer, in how many tries)"""
        given = {name: value for name, value in params.items() if value is not None}
        headers = {} if content is None else {"Content-Type": LINES if path.endswith("/import") else "application/json"}
        for tried in count(1):
            request = self._http.build_request(method, path, params=given, headers=headers, content=content and content())
            try:
                answer = self._http.send(request, stream=streamed)
            except httpx2.TransportError as error:
                never = isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout)  # it did not get there
                if tried > self.retries or not (safe or never):
                    raise Unreachable(f"{self.url} did not answer {method} {path}: {type(error).__name__} {error}".rstrip()) from error
                wait = 0.0
            else:
                if answer.is_success:
                    return answer, tried
                refused, wait = _refused(answer), _after(answer.headers)
                again = answer.status_code in TRIED_AGAIN and not isinstance(refused, BudgetExceeded) and wait <= LONGEST_S
                if tried > self.retries or not again:
                    raise refused
            sleep(max(wait, min(LONGEST_S, FIRST_S * 2**tried) * random.uniform(0.5, 1)))
        raise AssertionError("a last try answers or raises")


def _after(headers: Mapping[str, str], other: float = 0.0) -> float:
    """The seconds that a service asks for before the next try."""
    asked = headers.get("retry-after", "")
    return float(asked) if asked.isdigit() else other


def _said(body: Mapping[str, Any]) -> bytes:
    """A body as JSON; what is None is left out."""
    try:
        return json.dumps({name: plain(value) for name, value in body.items() if value is not None}, allow_nan=False).encode()
    except ValueError as error:
        raise UsageError(f"this cannot be sent as JSON: {error}") from error


def _pieces(answer: "httpx2.Response") -> Iterator[bytes]:
    try:
        yield from answer.iter_bytes()
    except httpx2.TransportError as error:
        raise Unreachable(f"the answer broke off: {error}") from error


def _refused(answer: "httpx2.Response") -> ClewError:
    """What a problem document says, as the error that it was; by the status where it names none of ours."""
    answer.read()
    try:
        told = json.loads(answer.content)
        kind, words = str(told.get("type", "")), str(told.get("detail") or told.get("title") or "")
    except (ValueError, AttributeError):
        kind, words = "", f"{answer.status_code} {answer.reason_phrase}"
    by_status = Unreachable if answer.status_code in LATER else BY_STATUS.get(answer.status_code, ClewError)
    return named(kind.removeprefix(PREFIX), words, by_status, answer.headers)


def named(kind: str, words: str, other: type[ClewError] = ClewError, headers: Mapping[str, str] | None = None) -> ClewError:
    """An error of ours by the name of its class, with its own words; `other` where there is no such class here."""
    found = CLASSES.get(kind, other)
    error = found.__new__(found, words)  # its words are ready: a constructor would make them anew
    if isinstance(error, MissingExtra):
        error.extra = (headers or {}).get("x-clew-extra", "")
    elif isinstance(error, ModelUnavailable):
        error.after = _after(headers or {}, 1.0)
    elif isinstance(error, LogCorrupt):
        error.seq = None
    return error

"""What is answered instead of an answer: one table from errors to statuses, headers and words. How a door puts it is the door's own."""

import math
from http import HTTPStatus

from clew.errors import ClewError, MissingExtra, ModelUnavailable, StorageBusy

AFTER = 1.0  # seconds after which a busy file is worth another try
LAST = {"Connection": "close"}  # the rest of the request is not read


class Refusal(Exception):
    """A request that is not answered as it was meant; `kind` is the error's name, None where HTTP's own meaning is all."""

    def __init__(self, status: int, detail: str, kind: str | None = None, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.kind, self.headers = int(status), detail, kind, headers or {}


def refusal(error: ClewError) -> Refusal:
    """An error of ours: its class says the status, its message what would be right."""
    headers = {}
    if error.http_status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, ModelUnavailable | StorageBusy):
        headers["Retry-After"] = str(math.ceil(getattr(error, "after", AFTER)))
    if isinstance(error, MissingExtra):
        headers["X-Clew-Extra"] = error.extra
    return Refusal(error.http_status, str(error) or (type(error).__doc__ or ""), type(error).__name__, headers)


def too_large(most: int, what: str = "a body here") -> Refusal:
    """More bytes than the limit."""
    return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"{what} has at most {most:,} bytes, this one more", None, LAST)


def too_often(rate: float, wait: float) -> Refusal:
    """More requests than the limit; `wait` seconds until there may be another."""
    after = str(math.ceil(wait))
    return Refusal(
        HTTPStatus.TOO_MANY_REQUESTS, f"more than {rate:g} requests a second; wait {after} s", None, {**LAST, "Retry-After": after}
    )

"""A browser's way in: a key is shown once, on the login page, and a signed session stands for it in a cookie.

The cookie names the key, not the principal: what revokes the key ends its sessions too. It is signed with chance that only the
running service knows, so that no copy of the database can make one.
"""

import hashlib
import hmac
import secrets
from datetime import UTC, datetime, timedelta
from http.cookies import CookieError, SimpleCookie

from clew.serve.access import LOCAL, Access, Principal, Unauthenticated
from clew.serve.limits import Buckets
from clew.serve.refusals import too_often

PAGES = "/inspect"
ENTRY = f"{PAGES}/login"
NAME = "clew_session"
HOURS = 4  # for which one login holds
TRIES, AT_ONCE = 0.2, 10  # logins a second of one address, and how many in a row


class Sessions:
    """Makes sessions of keys and principals of sessions. Services that share a `secret` know each other's."""

    def __init__(self, access: Access, secret: str | None = None) -> None:
        self.access, self._secret = access, (secret or secrets.token_hex(32)).encode()
        self._tries = Buckets(TRIES, AT_ONCE)

    def begun(self, key: str, peer: str) -> str:
        """A session for an API key; Unauthenticated where the key is not known, was revoked, or has expired, and a Refusal for
        an address that tries too often."""
        wait = self._tries.wait(peer)
        if wait:
            raise too_often(TRIES, wait)
        found = self.access.keys.found(key)
        if found is None:
            raise Unauthenticated("this key is not known here, was revoked, or has expired")
        claim = f"{found.id}.{int((datetime.now(UTC) + timedelta(hours=HOURS)).timestamp())}"
        return f"{claim}.{self._signed(claim)}"

    def visitor(self, cookies: str | None) -> Principal:
        """Who a request's cookies stand for, or who needs none; Unauthenticated where the session is forged or over, or its key is."""
        if self.access.open:
            return LOCAL
        session = _carried(cookies)
        claim, _, mark = session.rpartition(".")
        id, _, until = claim.partition(".")
        now = datetime.now(UTC)
        if hmac.compare_digest(mark.encode(), self._signed(claim).encode()) and int(until) > now.timestamp():
            key = next((key for key in self.access.keys.all() if key.id == id), None)
            if key is not None and (key.expires is None or key.expires > now):
                return Principal(key.name, key.role, key.user)
        raise Unauthenticated("this session is over; log in again")

    def _signed(self, claim: str) -> str:
        return hmac.new(self._secret, claim.encode(), hashlib.sha256).hexdigest()


def _carried(cookies: str | None) -> str:
    """The session in a request's Cookie header."""
    try:
        found = SimpleCookie(cookies or "").get(NAME)
    except CookieError:
        return ""
    return found.value if found is not None else ""

"""A browser's way in: a key or a provider's token is shown once, on the login page, and a signed session stands for it in a cookie.

The cookie names the key, not the principal: what revokes the key ends its sessions too. Of a token, which nobody here can revoke,
it holds who that was, and lasts no longer. It is signed with chance that only the running service knows, so that no copy of the
database can make one.
"""

import hashlib
import hmac
import json
import secrets
from datetime import UTC, datetime, timedelta
from http.cookies import CookieError, SimpleCookie

from clew.serve.access import LOCAL, Access, Principal, Unauthenticated
from clew.serve.keys import PREFIX
from clew.serve.limits import Buckets
from clew.serve.refusals import too_often
from clew.serve.websafe import decoded, encoded

PAGES = "/inspect"
ENTRY = f"{PAGES}/login"
AWAY, BACK = f"{ENTRY}/provider", f"{ENTRY}/back"  # to the provider that is trusted, and from there
NAME = "clew_session"
HOURS = 4  # for which one login holds
TOKEN = "~"  # before who a token spoke for, where else a key's id stands
TRIES, AT_ONCE = 0.2, 10  # logins a second of one address, and how many in a row


class Sessions:
    """Makes sessions of keys and principals of sessions. Services that share a `secret` know each other's."""

    def __init__(self, access: Access, secret: str | None = None) -> None:
        self.access, self._secret = access, (secret or secrets.token_hex(32)).encode()
        self._tries = Buckets(TRIES, AT_ONCE)

    def tried(self, peer: str) -> None:
        """Count a login of an address; a Refusal where it tries too often."""
        wait = self._tries.wait(peer)
        if wait:
            raise too_often(TRIES, wait)

    def begun(self, shown: str, peer: str) -> str:
        """A session for an API key, or for a token where a provider is trusted; Unauthenticated where it is not known or not to be
        believed, was revoked, or has expired, and a Refusal for an address that tries too often."""
        self.tried(peer)
        if self.access.tokens is not None and not shown.startswith(PREFIX):
            return self.stands(self.access.principal(f"Bearer {shown}"))
        found = self.access.keys.found(shown)
        if found is None:
            raise Unauthenticated("this key is not known here, was revoked, or has expired")
        return self._made(found.id, None)

    def stands(self, who: Principal) -> str:
        """A session for whom a provider's token speaks for, until the token ends."""
        said = json.dumps([who.name, who.role, who.user]).encode()
        return self._made(TOKEN + encoded(said), who.until)

    def _made(self, whose: str, end: float | None) -> str:
        until = (datetime.now(UTC) + timedelta(hours=HOURS)).timestamp()
        claim = f"{whose}.{int(until if end is None else min(until, end))}"
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
            if id.startswith(TOKEN):
                name, role, user = json.loads(decoded(id.removeprefix(TOKEN)))
                return Principal(name, role, user, float(until))
            key = next((key for key in self.access.keys.all() if key.id == id), None)
            if key is not None and (key.expires is None or key.expires > now):
                return Principal(key.name, key.role, key.user)
        raise Unauthenticated("this session is over; log in again")

    def _signed(self, claim: str) -> str:
        return hmac.new(self._secret, claim.encode(), hashlib.sha256).hexdigest()


def lasts(session: str) -> int:
    """For how many seconds a session still holds, for the cookie that carries it."""
    return max(0, int(session.split(".")[1]) - int(datetime.now(UTC).timestamp()))


def _carried(cookies: str | None) -> str:
    """The session in a request's Cookie header."""
    try:
        found = SimpleCookie(cookies or "").get(NAME)
    except CookieError:
        return ""
    return found.value if found is not None else ""

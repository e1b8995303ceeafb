"""A browser's way to an OpenID Connect provider and back: the authorization code flow with PKCE.

The browser is sent away with a state, a nonce and the hash of a verifier, all of chance; it comes back with a code, which the provider
gives an ID token for to who has the verifier. That token is verified like any other of the provider's.
"""

import base64
import hashlib
import hmac
import json
import secrets
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode

from clew.errors import ModelUnavailable
from clew.privacy.environment import secret
from clew.serve.access import Principal, Unauthenticated
from clew.serve.oidc import TIMEOUT, Oidc
from clew.serve.websafe import decoded, encoded

BEGIN_AGAIN = "this login was begun elsewhere, or took too long; begin again"
SCOPE = "openid profile email"
LONGEST = 1_000_000  # bytes of a provider's answer


@dataclass(frozen=True, slots=True)
class Pass:
    """What a browser takes along, in a cookie, to be known by when it comes back."""

    state: str
    nonce: str
    verifier: str
    target: str  # the page that was wanted

    @classmethod
    def fresh(cls, target: str) -> "Pass":
        """One that nobody can guess."""
        return cls(secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48), target)

    def sealed(self) -> str:
        """As a cookie's value."""
        said = json.dumps([self.state, self.nonce, self.verifier, self.target]).encode()
        return encoded(said)

    @classmethod
    def opened(cls, value: str) -> "Pass":
        """The inverse; Unauthenticated for what is none."""
        try:
            found = json.loads(decoded(value))
            if len(found) == 4 and all(isinstance(part, str) and part for part in found):
                return cls(*found)
        except (ValueError, TypeError):
            pass
        raise Unauthenticated(BEGIN_AGAIN)


def away(tokens: Oidc, taken: Pass, back: str) -> str:
    """Where the provider asks people who they are; it sends them to `back`, which it has to know."""
    challenge = encoded(hashlib.sha256(taken.verifier.encode()).digest())
    asked = {
        "response_type": "code",
        "client_id": tokens.trusted.client,
        "redirect_uri": back,
        "scope": SCOPE,
        "state": taken.state,
        "nonce": taken.nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    address = tokens.discovered("authorization_endpoint")
    return address + ("&" if "?" in address else "?") + urlencode(asked)


def came(tokens: Oidc, taken: Pass, state: str, code: str, back: str) -> Principal:
    """Who came back with that code. Unauthenticated where it is not who was sent, or the provider does not know the code."""
    client = tokens.trusted.client
    if client is None or not code or not hmac.compare_digest(state.encode(), taken.state.encode()):
        raise Unauthenticated(BEGIN_AGAIN)
    claims = tokens.claims(_exchanged(tokens, client, taken, code, back), client)
    if not hmac.compare_digest(str(claims.get("nonce")).encode(), taken.nonce.encode()):
        raise Unauthenticated("the token was not made for this login")
    return tokens.principal(claims)


def _exchanged(tokens: Oidc, client: str, taken: Pass, code: str, back: str) -> str:
    """The ID token that the provider gives for a code."""
    given = {"grant_type": "authorization_code", "code": code, "redirect_uri": back, "code_verifier": taken.verifier, "client_id": client}
    headers = {"Accept": "application/json"}
    if tokens.trusted.secret is not None:
        pair = ":".join(quote(part, safe="") for part in (client, secret(tokens.trusted.secret, "the provider's client")))
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    request = urllib.request.Request(tokens.discovered("token_endpoint"), urlencode(given).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            said: Any = json.loads(answer.read(LONGEST))
    except HTTPError as error:
        error.close()
        if error.code >= 500:
            raise ModelUnavailable(f"{tokens.trusted.issuer} answers {error.code}; try again later", after=5.0) from error
        raise Unauthenticated(f"the provider gives no token for this login ({error.code}); begin again") from error
    except (URLError, HTTPException, TimeoutError, ValueError) as error:
        raise ModelUnavailable(f"{tokens.trusted.issuer} cannot be asked ({error}); try again later", after=5.0) from error
    token = said.get("id_token") if isinstance(said, dict) else None
    if not isinstance(token, str):
        raise Unauthenticated("the provider gave no ID token; is the scope openid allowed to this client?")
    return token

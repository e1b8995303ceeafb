"""Bearer tokens of an OpenID Connect provider: verified by PyJWT against the provider's published keys, turned into principals."""

import json
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit

from clew.errors import Denied, MissingExtra, ModelUnavailable, UsageError
from clew.privacy.environment import secret
from clew.serve.access import ROLES, Principal, Unauthenticated, loopback

try:
    import jwt
except ImportError as missing:
    raise MissingExtra("serve", "tokens of a provider (without PyJWT)") from missing

SIGNED = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]  # by a key that only the provider has
LEEWAY = 30.0  # seconds that two clocks may differ
TIMEOUT = 5.0  # seconds for the provider to answer
DISCOVERY = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class Trusted:
    """What a token has to say to be believed, and where it says who it is."""

    issuer: str
    audience: str
    role_claim: str = "clew_role"  # a role, or a list of which the highest counts
    user_claim: str = "sub"  # whose memory; an admin's token acts on the whole memory
    keys_url: str | None = None  # where the keys are; None: as the provider's discovery says
    client: str | None = None  # what the provider knows the inspector by; None: it sends nobody here
    secret: str | None = None  # of that client, env:NAME; None: it has none, and PKCE is all
    address: str | None = None  # of this service, as browsers reach it; None: as they ask for it


class Oidc:
    """Verifies tokens: `Access(log, tokens=Oidc(trusted))`. The provider's keys are fetched when first needed, and kept for five minutes."""

    def __init__(self, trusted: Trusted) -> None:
        for url in (trusted.issuer, trusted.keys_url or trusted.issuer, trusted.address or trusted.issuer):
            reached(url)
        if trusted.secret is not None:
            secret(trusted.secret, "the provider's client")  # what is wrong with it is said at the start
        self.trusted = trusted
        self._keys: jwt.PyJWKClient | None = None
        self._said: dict[str, Any] | None = None

    def __call__(self, token: str) -> Principal:
        """Who the token speaks for. Unauthenticated where it is not to be believed, Denied where it names no role."""
        return self.principal(self.claims(token))

    def claims(self, token: str, audience: str | None = None) -> dict[str, Any]:
        """What a token says that is to be believed: made for the audience given, else for ours."""
        trusted = self.trusted
        try:
            key = self._published().get_signing_key_from_jwt(token)
            return jwt.decode(
                token,
                key,
                algorithms=SIGNED,
                audience=audience or trusted.audience,
                issuer=trusted.issuer,
                leeway=LEEWAY,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.PyJWKClientConnectionError as error:
            raise ModelUnavailable(f"the keys of {trusted.issuer} cannot be fetched; try again", after=5.0) from error
        except jwt.PyJWTError as error:
            raise Unauthenticated(f"the token is not to be believed: {error}") from error

    def principal(self, claims: dict[str, Any]) -> Principal:
        """Who speaks by these claims; Denied where they name no role or no user."""
        said = claims.get(self.trusted.role_claim)
        named = [said] if isinstance(said, str) else said if isinstance(said, list) else []
        role = max((r for r in named if r in ROLES), key=ROLES.index, default=None)
        if role is None:
            raise Denied(f"the token's claim {self.trusted.role_claim} names none of the roles {', '.join(ROLES)}")
        if role == "admin":
            return Principal(claims["sub"], role, until=float(claims["exp"]))
        user = claims.get(self.trusted.user_claim)
        if not isinstance(user, str) or not 0 < len(user) <= 500:
            raise Denied(f"the token's claim {self.trusted.user_claim} names no user")
        return Principal(claims["sub"], role, user, float(claims["exp"]))

    def _published(self) -> jwt.PyJWKClient:
        if self._keys is None:
            self._keys = jwt.PyJWKClient(self.trusted.keys_url or self.discovered("jwks_uri"), timeout=TIMEOUT)
        return self._keys

    def discovered(self, what: str) -> str:
        """An address that the provider gives of itself; asked for once."""
        issuer = self.trusted.issuer
        try:
            said = self._said
            if said is None:
                with urllib.request.urlopen(issuer.rstrip("/") + DISCOVERY, timeout=TIMEOUT) as found:
                    said = json.load(found)
                if said["issuer"] != issuer:
                    raise Denied(f"{issuer} calls itself {said['issuer']!r:.200}; give the issuer as it names itself")
                self._said = said
            return reached(str(said[what]))
        except (URLError, HTTPException, TimeoutError, ValueError, KeyError, TypeError) as error:
            raise ModelUnavailable(f"{issuer} does not say where its {what} is ({error}); try again later", after=5.0) from error


def reached(url: str) -> str:
    """An address of a login, the provider's or ours; UsageError where words to it would travel in the clear."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and loopback(parts.hostname or "")):
        raise UsageError(f"a provider is reached by https, and so is who trusts it; got {url!r}")
    return url

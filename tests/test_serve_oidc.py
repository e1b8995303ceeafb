"""Tokens of an OpenID Connect provider, which is a small one of ours on a real socket."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

jwt = pytest.importorskip("jwt", reason="needs the extra [serve]")
rsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.rsa", reason="needs the extra [serve]")

from clew import Clew, Denied, UsageError  # noqa: E402
from clew.errors import ModelUnavailable  # noqa: E402
from clew.serve.access import Access, Principal, Unauthenticated  # noqa: E402
from clew.serve.oidc import DISCOVERY, Oidc, Trusted  # noqa: E402

KEY, STRANGER = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))


class Provider(ThreadingHTTPServer):
    """Says where its keys are, and gives them."""

    asked: list[str]
    named: str | None = None

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def answer(self, path: str) -> Any:
        self.asked.append(path)
        if path == DISCOVERY:
            return {"issuer": self.named or self.issuer, "jwks_uri": f"{self.issuer}/keys"}
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key()))
        return {"keys": [{**public, "kid": "one", "use": "sig", "alg": "RS256"}]}


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Provider)
        body = json.dumps(self.server.answer(self.path)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def provider() -> Iterator[Provider]:
    server = Provider(("127.0.0.1", 0), Answers)
    server.asked = []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def token(provider: Provider, signed: Any = KEY, algorithm: str = "RS256", kid: str = "one", **claims: Any) -> str:
    now = time.time()
    said = {"iss": provider.issuer, "aud": "clew", "sub": "ana", "exp": now + 300, "iat": now, "clew_role": "writer", **claims}
    return jwt.encode({k: v for k, v in said.items() if v is not None}, signed, algorithm, headers={"kid": kid})


def test_a_token_says_who_asks_and_for_whom(provider: Provider, memory: Callable[..., Clew]) -> None:
    access = Access(memory().log, tokens=Oidc(Trusted(provider.issuer, "clew")))
    assert not access.open, "where a provider is trusted nobody is let in without a token"
    assert access.principal(f"Bearer {token(provider)}") == Principal("ana", "writer", "ana")
    assert access.principal(f"Bearer {token(provider, clew_role=['else', 'reader', 'curator'])}").role == "curator"
    assert access.principal(f"Bearer {token(provider, clew_role='admin')}") == Principal("ana", "admin", None)
    assert provider.asked == [DISCOVERY, "/keys"], "the keys are fetched once"
    _, key = access.keys.add("desk", "reader")
    assert access.principal(f"Bearer {key}").name == "desk", "our own keys go on beside it"


def test_the_claims_can_be_others(provider: Provider) -> None:
    verify = Oidc(Trusted(provider.issuer, "clew", role_claim="groups", user_claim="email", keys_url=f"{provider.issuer}/keys"))
    found = verify(token(provider, groups=["reader"], email="ana@example.org"))
    assert found == Principal("ana", "reader", "ana@example.org")
    assert provider.asked == ["/keys"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"aud": "another"},
        {"aud": None},
        {"iss": "https://else.example"},
        {"exp": time.time() - 120},
        {"exp": None},
        {"sub": None},
        {"nbf": time.time() + 3600},
        {"signed": STRANGER},
        {"kid": "two"},
        {"signed": "a shared secret that is long enough", "algorithm": "HS256"},
        {"signed": None, "algorithm": "none"},
    ],
    ids=[
        "audience",
        "no audience",
        "issuer",
        "expired",
        "no end",
        "no one",
        "not yet",
        "a stranger's",
        "another key",
        "a shared secret",
        "unsigned",
    ],
)
def test_a_token_that_is_not_to_be_believed_is_refused(provider: Provider, wrong: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated) as refused:
        Oidc(Trusted(provider.issuer, "clew"))(token(provider, **wrong))
    assert refused.value.http_status == 401


def test_a_token_cut_or_changed_is_refused(provider: Provider) -> None:
    verify, good = Oidc(Trusted(provider.issuer, "clew")), token(provider)
    head, body, sign = good.split(".")
    for bad in ("x", good[:-4], f"{head}.{body}.", f"{head}.{body[:-2]}AA.{sign}", ".."):
        with pytest.raises(Unauthenticated):
            verify(bad)


@pytest.mark.parametrize(
    "claims", [{"clew_role": None}, {"clew_role": "owner"}, {"clew_role": 3}, {"email": None}, {"email": ""}, {"email": 7}]
)
def test_a_good_token_without_a_role_or_a_user_is_denied(provider: Provider, claims: dict[str, Any]) -> None:
    verify = Oidc(Trusted(provider.issuer, "clew", user_claim="email"))
    with pytest.raises(Denied) as refused:
        verify(token(provider, **{"email": "ana@example.org", **claims}))
    assert refused.value.http_status == 403


def test_a_provider_that_is_away_or_calls_itself_another_is_no_stranger_let_in(provider: Provider) -> None:
    good = token(provider)
    with pytest.raises(ModelUnavailable):
        Oidc(Trusted("http://127.0.0.1:9", "clew"))(good)
    provider.named = "https://else.example"
    with pytest.raises(Denied, match="calls itself"):
        Oidc(Trusted(provider.issuer, "clew"))(good)
    with pytest.raises(UsageError, match="https"):
        Oidc(Trusted("http://login.example.org", "clew"))

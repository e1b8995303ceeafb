"""The inspector for a team that has an OpenID Connect provider, a small one of ours on a real socket: its tokens open the pages."""

import base64
import hashlib
import html
import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

pytest.importorskip("fastapi", reason="needs the extra [serve]")
pytest.importorskip("uvicorn", reason="needs the extra [serve]")
httpx = pytest.importorskip("httpx", reason="needs httpx")
jwt = pytest.importorskip("jwt", reason="needs the extra [serve]")
rsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.rsa", reason="needs the extra [serve]")

from fastapi import FastAPI, Request, Response  # noqa: E402
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse  # noqa: E402
from listening import listening  # noqa: E402
from served import Service, served  # noqa: E402

from clew import Clew, UsageError  # noqa: E402
from clew.serve.inspector.session import NAME  # noqa: E402
from clew.serve.oidc import DISCOVERY, Oidc, Trusted  # noqa: E402

CLIENT = "clew-inspector"
KEY, STRANGER = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
Open = Callable[..., Clew]


class Provider:
    """Says where its keys are, gives them, signs tokens, and lets Ana log in: she is always willing."""

    issuer = ""
    claims: dict[str, Any]  # of the next ID token that differ
    codes: dict[str, dict[str, str]]  # code -> what was asked for with it
    basic: list[str]  # how clients named themselves

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.get(DISCOVERY)
        def discovery() -> dict[str, Any]:
            names = {"jwks_uri": "keys", "authorization_endpoint": "authorize?tenant=1", "token_endpoint": "token"}
            return {"issuer": self.issuer, **{name: f"{self.issuer}/{path}" for name, path in names.items()}}

        @app.get("/authorize")
        def authorize(request: Request) -> Response:
            asked = dict(request.query_params)
            assert asked["response_type"] == "code" and "openid" in asked["scope"] and asked["code_challenge_method"] == "S256"
            assert asked["client_id"] == CLIENT and asked["tenant"] == "1"
            code = secrets.token_urlsafe(8)
            self.codes[code] = asked
            back = f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"
            if "text/html" in request.headers["accept"]:  # a browser: there is a person, who has to say yes
                return HTMLResponse(f'<a href="{html.escape(back)}">Yes, it is me</a>')
            return RedirectResponse(back, 302)

        @app.post("/token")
        async def token(request: Request) -> Response:
            given = dict(parse_qsl((await request.body()).decode()))
            self.basic.append(request.headers.get("authorization", ""))
            asked = self.codes.pop(given.get("code", ""), None)  # a code is good once
            hashed = base64.urlsafe_b64encode(hashlib.sha256(given["code_verifier"].encode()).digest()).decode().rstrip("=")
            if asked is None or hashed != asked["code_challenge"] or given["redirect_uri"] != asked["redirect_uri"]:
                return JSONResponse({"error": "invalid_grant"}, 400)
            return JSONResponse({"id_token": self.token(**{"aud": CLIENT, "nonce": asked["nonce"], **self.claims}), "token_type": "Bearer"})

        @app.get("/keys")
        def keys() -> dict[str, Any]:
            public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key()))
            return {"keys": [{**public, "kid": "one", "use": "sig", "alg": "RS256"}]}

        return app

    def token(self, signed: Any = KEY, **claims: Any) -> str:
        now = time.time()
        said = {"iss": self.issuer, "aud": "clew", "sub": "ana", "exp": now + 600, "iat": now, "clew_role": "curator", **claims}
        return jwt.encode({k: v for k, v in said.items() if v is not None}, signed, "RS256", headers={"kid": "one"})


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    found = Provider()
    with listening(found.app()) as found.issuer:
        yield found


@pytest.fixture(autouse=True)
def fresh(provider: Provider) -> None:
    provider.claims, provider.codes, provider.basic = {}, {}, []


@contextmanager
def looking(memory: Clew, provider: Provider, **login: str) -> Iterator[tuple[Service, Any]]:
    """A service that trusts the provider, and a browser of sorts."""
    with (
        served(memory, tokens=Oidc(Trusted(provider.issuer, "clew", **login))) as service,
        service.client(Origin=f"http://127.0.0.1:{service.port}") as browser,
    ):
        yield service, browser


def enters(browser: Any, shown: str) -> Any:
    return browser.post("/inspect/login", data={"key": shown, "next": "/inspect/recall"})


def test_a_token_of_the_provider_opens_the_pages_for_whom_it_speaks(memory: Open, provider: Provider) -> None:
    c = memory()
    c.record("Ana lives in Lisbon", user="ana")
    c.record("Bob's safe opens with 8812", user="bob")
    with looking(c, provider) as (_, browser):
        assert browser.get("/inspect/recall").headers["location"].startswith("/inspect/login"), "no one is let in without"
        assert "token of your provider" in browser.get("/inspect/login").text
        token = provider.token()
        answer = enters(browser, f" {token}\n")
        assert (answer.status_code, answer.headers["location"]) == (303, "/inspect/recall")
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie and "samesite=strict" in cookie and "path=/inspect" in cookie
        assert token[:20].lower() not in cookie and token.rpartition(".")[2].lower() not in cookie, "the token itself is not kept"
        assert "Lisbon" in browser.get("/inspect/recall?q=Where does Ana live%3F").text
        assert browser.get("/inspect/recall?user=bob").status_code == 404
        assert browser.get("/inspect/review").status_code == 200 and browser.get("/inspect/status").status_code == 403
        assert browser.get("/v1/memories").status_code == 401, "a session opens the pages alone"
        browser.post("/inspect/logout")
        assert browser.get("/inspect/recall").status_code == 303


def test_an_admin_s_token_sees_the_whole_and_a_key_still_opens_beside_it(memory: Open, provider: Provider) -> None:
    with looking(memory(), provider) as (service, browser):
        assert enters(browser, provider.token(clew_role="admin")).status_code == 303
        assert browser.get("/inspect/status").status_code == 200
        browser.cookies.clear()
        assert enters(browser, service.key("reader", "bo")).status_code == 303
        assert browser.get("/inspect/recall").status_code == 200


def test_a_session_of_a_token_ends_with_the_token(memory: Open, provider: Provider) -> None:
    with looking(memory(), provider) as (_, browser):
        answer = enters(browser, provider.token(exp=time.time() + 120))
        assert 100 <= int(answer.headers["set-cookie"].lower().partition("max-age=")[2].partition(";")[0]) <= 120
        answer = enters(browser, provider.token(exp=time.time() + 10**6))
        assert int(answer.headers["set-cookie"].lower().partition("max-age=")[2].partition(";")[0]) <= 4 * 3600
        browser.cookies.clear()
        session = enters(browser, provider.token(exp=time.time() + 2)).cookies[NAME]
        assert browser.get("/inspect/recall", headers={"Cookie": f"{NAME}={session}"}).status_code == 200
        time.sleep(2.1)
        assert browser.get("/inspect/recall", headers={"Cookie": f"{NAME}={session}"}).status_code == 303, "whatever the browser keeps"


def test_who_a_session_speaks_for_cannot_be_changed_in_the_cookie(memory: Open, provider: Provider) -> None:
    with looking(memory(), provider) as (_, browser):
        own = enters(browser, provider.token(clew_role="reader")).cookies[NAME]
        other = enters(browser, provider.token(clew_role="admin", sub="boss")).cookies[NAME]
        browser.cookies.clear()
        (who, until, mark), (boss, *_) = own.split("."), other.split(".")
        later = str(int(until) + 1000)
        for forged in (
            f"{boss}.{until}.{mark}",
            f"{who}.{later}.{mark}",
            f"{who}.{until}.{mark[:-1]}",
            "~.9999999999.x",
            f"~{who}.{until}.{mark}",
        ):
            assert browser.get("/inspect/recall", headers={"Cookie": f"{NAME}={forged}"}).status_code == 303


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"aud": "another"}, 401),
        ({"iss": "https://else.example"}, 401),
        ({"exp": time.time() - 120}, 401),
        ({"signed": STRANGER}, 401),
        ({"clew_role": "king"}, 403),
    ],
    ids=["audience", "issuer", "expired", "a stranger's", "no role"],
)
def test_a_token_that_rest_would_not_take_opens_no_page(memory: Open, provider: Provider, claims: dict[str, Any], status: int) -> None:
    with looking(memory(), provider) as (_, browser):
        wrong = provider.token(**claims)
        assert browser.get("/v1/memories?user=ana", headers={"Authorization": f"Bearer {wrong}"}).status_code == status
        answer = enters(browser, wrong)
        assert answer.status_code == status and not browser.cookies and wrong not in answer.text
        assert browser.get("/inspect/recall").status_code == 303


# -- by way of the provider -----------------------------------------------------------------------------------------


def walks(browser: Any, start: str = "/inspect/login/provider?next=/inspect/recall%3Fq%3DAna") -> Any:
    """What a browser does: to the provider, and back with its code; what the service says then."""
    away = browser.get(start)
    assert away.status_code == 303, away.text
    back = httpx.get(away.headers["location"], trust_env=False)
    assert back.status_code == 302, back.text
    return browser.get(back.headers["location"])


def test_a_person_logs_in_at_the_provider_and_comes_back_to_the_page_that_was_wanted(memory: Open, provider: Provider) -> None:
    c = memory()
    c.record("Ana lives in Lisbon", user="ana")
    with looking(c, provider, client=CLIENT) as (_, browser):
        assert (
            'href="/inspect/login/provider?next=%2Finspect%2Frecall%3Fq%3DAna"'
            in browser.get("/inspect/login", params={"next": "/inspect/recall?q=Ana"}).text
        )
        answer = walks(browser)
        assert answer.status_code == 200 and answer.headers["refresh"] == "0; url=/inspect/recall?q=Ana"
        kept = {cookie.partition("=")[0]: cookie.lower() for cookie in answer.headers.get_list("set-cookie")}
        assert "samesite=strict" in kept[NAME] and "httponly" in kept[NAME] and "max-age=0" in kept["clew_pass"]
        assert "Lisbon" in browser.get("/inspect/recall?q=Ana").text
        assert browser.get("/inspect/recall?user=bob").status_code == 404
        assert provider.basic == [""], "without a secret the verifier is all"


def test_a_client_with_a_secret_names_itself(memory: Open, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIENT_SECRET", "s:cret")
    with looking(memory(), provider, client=CLIENT, secret="env:CLIENT_SECRET") as (_, browser):
        assert walks(browser).status_code == 200
        assert base64.b64decode(provider.basic[0].removeprefix("Basic ")).decode() == f"{CLIENT}:s%3Acret"
    with pytest.raises(UsageError, match="NO_SUCH"):
        Oidc(Trusted(provider.issuer, "clew", client=CLIENT, secret="env:NO_SUCH"))


def test_the_address_that_the_provider_sends_people_back_to_can_be_said(memory: Open, provider: Provider) -> None:
    with looking(memory(), provider, client=CLIENT, address="https://memory.example.org/") as (_, browser):
        asked = dict(parse_qsl(urlsplit(browser.get("/inspect/login/provider").headers["location"]).query))
        assert asked["redirect_uri"] == "https://memory.example.org/inspect/login/back"
        answer = enters(browser, provider.token())
        assert "secure" in answer.headers["set-cookie"].lower(), "a relay of ours speaks TLS"


def test_nobody_comes_back_who_was_not_sent(memory: Open, provider: Provider) -> None:
    with looking(memory(), provider, client=CLIENT) as (service, browser):
        assert browser.get("/inspect/login/back?state=a&code=b").status_code == 401
        with service.client() as other:  # a code of another browser, slipped to this one
            away = other.get("/inspect/login/provider").headers["location"]
        back = httpx.get(away, trust_env=False).headers["location"]
        assert browser.get(back).status_code == 401
        browser.get("/inspect/login/provider")
        assert browser.get(back).status_code == 401 and NAME not in browser.cookies
        browser.get("/inspect/login/provider")
        assert "the provider says: access_denied&lt;b&gt;" in browser.get("/inspect/login/back?error=access_denied<b>").text
        assert browser.get("/inspect/recall").status_code == 303


def test_a_code_is_good_once(memory: Open, provider: Provider) -> None:
    with looking(memory(), provider, client=CLIENT) as (_, browser):
        away = browser.get("/inspect/login/provider")
        kept = browser.cookies["clew_pass"]
        back = httpx.get(away.headers["location"], trust_env=False).headers["location"]
        assert browser.get(back).status_code == 200
        browser.cookies.clear()
        again = browser.get(back, headers={"Cookie": f"clew_pass={kept}"})
        assert again.status_code == 401 and "begin again" in again.text and NAME not in browser.cookies


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"aud": "clew"}, 401),
        ({"nonce": "another"}, 401),
        ({"nonce": None}, 401),
        ({"signed": STRANGER}, 401),
        ({"exp": time.time() - 120}, 401),
        ({"clew_role": None}, 403),
    ],
    ids=["audience", "another login", "no login", "a stranger's", "expired", "no role"],
)
def test_an_id_token_that_is_not_for_this_login_is_refused(memory: Open, provider: Provider, claims: dict[str, Any], status: int) -> None:
    provider.claims = claims
    with looking(memory(), provider, client=CLIENT) as (_, browser):
        assert walks(browser).status_code == status
        assert NAME not in browser.cookies and browser.get("/inspect/recall").status_code == 303


def test_a_login_leads_to_the_inspector_s_own_pages_alone(memory: Open, provider: Provider) -> None:
    with looking(memory(), provider, client=CLIENT) as (_, browser):
        for elsewhere in ("https://evil.example", "//evil.example/inspect", "/inspectors"):
            answer = walks(browser, f"/inspect/login/provider?next={elsewhere}")
            assert answer.headers["refresh"] == "0; url=/inspect"


def test_ways_to_the_provider_are_not_tried_without_end(memory: Open, provider: Provider) -> None:
    with looking(memory(), provider, client=CLIENT) as (_, browser):
        tries = [browser.get("/inspect/login/provider").status_code for _ in range(14)]
    assert tries[0] == 303 and tries[-1] == 429


def test_where_the_provider_does_not_know_us_the_way_there_is_no_page(memory: Open, provider: Provider) -> None:
    with looking(memory(), provider) as (_, browser):
        assert "provider?next" not in browser.get("/inspect/login").text
        assert browser.get("/inspect/login/provider").status_code == browser.get("/inspect/login/back").status_code == 404


def test_in_a_real_browser_the_provider_s_own_site_leads_into_the_pages(memory: Open) -> None:
    """Across two sites: a strict cookie must be sent after the way back, and not only where tests are lenient about sites."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install 'clew[browser]'")
    chosen = pytest.importorskip("clew.tasks.environments.browser")
    c, found = memory(), Provider()
    c.record("Ana lives in Lisbon", user="ana")
    found.claims, found.codes, found.basic = {}, {}, []
    with listening(found.app()) as address, playwright.sync_playwright() as p:
        found.issuer = address.replace("127.0.0.1", "localhost")  # another site than the service's
        try:
            running = p.chromium.launch(executable_path=chosen.chromium(), args=[*chosen.FLAGS, "--no-sandbox"])
        except playwright.Error as error:
            pytest.skip(f"needs a Chromium: {str(error).splitlines()[0]}")
        with looking(c, found, client=CLIENT) as (service, _):
            page = running.new_page()
            page.goto(f"http://127.0.0.1:{service.port}/inspect/recall?q=Ana")
            page.get_by_role("link", name="Log in with your provider").click()
            page.get_by_role("link", name="Yes, it is me").click()
            page.wait_for_url("**/inspect/recall?q=Ana", timeout=10_000)
            assert "Lisbon" in page.inner_text("main")
            [kept] = [cookie for cookie in page.context.cookies() if cookie["name"].startswith("clew")]
            assert (kept["name"], kept["sameSite"], kept["httpOnly"]) == (NAME, "Strict", True)
        running.close()

"""Single sign-on through providers that we did not write, as browsers use them: npm's `oidc-provider`, and Keycloak."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import pytest

from tests.clients.environments import node_client_environment
from tests.conftest import TestClock
from tests.identity import keycloak
from tests.identity.test_sign_in import ACME, bearer
from tests.support.ports import free_port
from tests.support.waiting import eventually

_SERVER = Path(__file__).parent.parent / "fakes" / "oidc_provider.mjs"
_CALLBACK = "http://127.0.0.1:8000/sso/callback"
CLIENT = {"client_id": "mercato", "client_secret": "s3cr3t/with+signs and%so on"}
_PASSWORD = "any password does"
PEOPLE: dict[str, Any] = {
    "bob": {"email": "bob@acme.example", "email_verified": True, "name": "Bob", "groups": ["staff", "leads"]},
    "eve": {"email": "eve@acme.example", "email_verified": False, "name": "Eve", "groups": ["leads"]},
}


@contextmanager
def serve_oidc_provider(folder: Path, algorithm: str = "RS256") -> Iterator[str]:
    """The issuer of a provider that runs until the block ends."""
    environment = node_client_environment(Path(__file__).parent / "package.json")
    script = Path(shutil.copy(_SERVER, environment / "provider.mjs"))
    port = free_port()
    issuer = f"http://127.0.0.1:{port}"
    settings = {
        "issuer": issuer, "port": port, "redirect_uri": _CALLBACK, "people": PEOPLE, "algorithm": algorithm, **CLIENT,
    }  # fmt: skip
    with (folder / "provider.log").open("wb") as log:
        process = subprocess.Popen(
            ["node", str(script)], cwd=environment, env={**os.environ, "PROVIDER": json.dumps(settings)},
            stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            eventually(lambda: _answers(issuer), f"the provider answers: {(folder / 'provider.log').read_text()}")
            yield issuer
        finally:
            process.terminate()
            process.wait()


def _answers(issuer: str) -> bool:
    try:
        return httpx.get(f"{issuer}/.well-known/openid-configuration").status_code == 200
    except httpx.RequestError:
        return False


class Browser:
    """Signs a person in on the provider's own pages and stops where the provider leads back."""

    def __init__(self, person: str) -> None:
        self._typed = {"login": person, "username": person, "password": _PASSWORD}
        self._http = httpx.Client(timeout=600)

    def visit(self, url: str) -> str:
        """The address of the way back."""
        answer = self._ask("GET", url)
        for _ in range(20):
            if answer.is_redirect:
                url = urljoin(str(answer.url), answer.headers["location"])
                if url.startswith(_CALLBACK):
                    return url
                answer = self._ask("GET", url)
                continue
            assert answer.status_code == 200, answer.text
            answer = self._submit(answer)
        raise AssertionError("the provider does not lead back")

    def _submit(self, page: httpx.Response) -> httpx.Response:
        action = re.search(r'<form[^>]*action="([^"]*)"', page.text)
        assert action is not None, page.text
        data = dict(re.findall(r'<input[^>]*type="hidden"[^>]*name="([^"]*)"[^>]*value="([^"]*)"', page.text))
        data |= {name: value for name, value in self._typed.items() if f'name="{name}"' in page.text}
        return self._ask("POST", urljoin(str(page.url), action[1].replace("&amp;", "&")), data)

    def _ask(self, method: str, url: str, data: dict[str, str] | None = None) -> httpx.Response:
        # A browser also sends `Secure` cookies to a loopback address without TLS.
        for cookie in self._http.cookies.jar:
            cookie.secure = False
        return self._http.request(method, url, data=data)


def answer_of(address: str) -> dict[str, str]:
    """What the route takes of the address of the way back; Keycloak adds `session_state`."""
    found = parse_qs(urlsplit(address).query)
    return {name: found[name][0] for name in ("state", "code", "iss", "error") if name in found}


@pytest.fixture
async def admin(api: httpx.AsyncClient, clock: TestClock) -> dict[str, str]:
    """Acme's administrator, at the present time."""
    clock.at = datetime.now(UTC)
    assert (await api.post("/api/organisations", json=ACME)).status_code == 201
    answer = await api.post("/api/sessions", json={"email": ACME["email"], "password": ACME["password"]})
    tokens: dict[str, str] = answer.json()
    return tokens


async def _sign_in(api: httpx.AsyncClient, clock: TestClock, browser: Browser) -> httpx.Response:
    begun = (await api.post("/api/sso/sign-ins", json={"organisation": "acme"})).json()
    answer = answer_of(browser.visit(begun["authorization_url"]))
    clock.at = datetime.now(UTC)
    return await api.post("/api/sso/answers", json={**answer, "binding": begun["binding"]})


async def test_people_sign_in_with_the_roles_of_their_groups(
    api: httpx.AsyncClient, admin: dict[str, str], clock: TestClock, tmp_path: Path
) -> None:
    settings = {**CLIENT, "domains": ["acme.example"], "roles": {"leads": "approver"}}
    for algorithm in ("RS256", "ES256", "EdDSA"):
        with serve_oidc_provider(tmp_path, algorithm) as issuer:
            body = {**settings, "issuer": issuer}
            set_up = await api.put("/api/sso", json=body, headers=bearer(admin))
            assert set_up.status_code == 200, set_up.text
            assert set_up.json()["redirect_uri"] == _CALLBACK
            if algorithm == "RS256":
                await _everybody(api, clock)
                continue
            # Another issuer is another provider: whom the first one bound stays bound to it.
            refused = await _sign_in(api, clock, Browser("bob"))
            assert (refused.status_code, refused.json()["code"]) == (403, "sso_address_taken")


async def _everybody(api: httpx.AsyncClient, clock: TestClock) -> None:
    """Bob, whose group has a role, signs in and proves who he is; Eve, whose address is not verified, does not."""
    bob = Browser("bob")
    first = await _sign_in(api, clock, bob)
    assert first.status_code == 201, first.text
    session = first.json()["session"]
    me = await api.get("/api/me", headers=bearer(session))
    assert (me.json()["organisation"], me.json()["role"]) == ("acme", "approver")
    begun = (await api.post("/api/sso/proofs", headers=bearer(session))).json()
    answer = answer_of(bob.visit(begun["authorization_url"]))
    clock.at = datetime.now(UTC)
    proved = await api.post("/api/sso/answers", json={**answer, "binding": begun["binding"]})
    assert proved.json() == {"purpose": "proof", "session": None}
    again = await api.post("/api/sso/answers", json={**answer, "binding": begun["binding"]})
    assert (again.status_code, again.json()["code"]) == (401, "sso_sign_in_unknown")
    eve = await _sign_in(api, clock, Browser("eve"))
    assert (eve.status_code, eve.json()["code"]) == (403, "sso_email_unverified")


@pytest.mark.slow
@pytest.mark.skipif(keycloak.why_not() is not None, reason=keycloak.why_not() or "")
async def test_people_sign_in_through_keycloak_with_the_roles_of_their_groups(
    api: httpx.AsyncClient, admin: dict[str, str], clock: TestClock, tmp_path: Path
) -> None:
    if (reason := keycloak.install()) is not None:
        pytest.skip(reason)
    realm = keycloak.realm_of(CLIENT, _CALLBACK, PEOPLE, _PASSWORD)
    with keycloak.serve_keycloak(tmp_path / "keycloak", realm) as issuer:
        settings = {**CLIENT, "issuer": issuer, "domains": ["acme.example"], "roles": {"leads": "approver"}}
        set_up = await api.put("/api/sso", json=settings, headers=bearer(admin))
        assert set_up.status_code == 200, set_up.text
        await _everybody(api, clock)
        await _bob_at_the_console(api, clock)


def _way(page: httpx.Response) -> str:
    """The address of the provider that a page leads to."""
    found = re.search(r'<a href="([^"]+)" rel="noreferrer">', page.text)
    assert found is not None, page.text
    return found[1].replace("&amp;", "&")


async def test_a_device_is_approved_through_the_organisations_provider(
    api: httpx.AsyncClient, admin: dict[str, str], clock: TestClock, tmp_path: Path
) -> None:
    with serve_oidc_provider(tmp_path) as issuer:
        body = {**CLIENT, "issuer": issuer, "domains": ["acme.example"], "default_role": "viewer"}
        assert (await api.put("/api/sso", json=body, headers=bearer(admin))).status_code == 200
        codes = (await api.post("/api/oauth/device_authorization", data={"client_id": "mp"})).json()
        shown = await api.get("/device", params={"user_code": codes["user_code"], "organisation": "acme"})
        assert 'action="/device/sso"' in shown.text
        form = {"user_code": codes["user_code"], "organisation": "acme"}
        unknown = await api.post("/device/sso", data={**form, "organisation": "nobody"})
        assert (unknown.status_code, "There is no organisation nobody" in unknown.text) == (404, True)
        page = await api.post("/device/sso", data=form)
        back = Browser("bob").visit(_way(page))
        clock.at = datetime.now(UTC)
        path = f"/sso/callback?{urlsplit(back).query}"
        # In another browser, or none, the answer is worth nothing and stays good.
        assert "copy the address of this page" in (await api.get(path, headers={"cookie": ""})).text
        cookie = {"cookie": f"mercato_sso={page.cookies['mercato_sso']}"}
        question = await api.get(path, headers=cookie)
        confirmation = re.search(r'name="confirmation" value="([0-9a-f]{64})"', question.text)
        assert confirmation is not None, question.text
        assert (await api.get(path, headers=cookie)).status_code == 401
        decision = {"confirmation": confirmation[1], "decision": "approve"}
        assert (await api.post("/device/decision", data=decision)).status_code == 200
        grant = "urn:ietf:params:oauth:grant-type:device_code"
        tokens = await api.post("/api/oauth/token", data={"grant_type": grant, "device_code": codes["device_code"]})
        me = await api.get("/api/me", headers={"authorization": f"Bearer {tokens.json()['access_token']}"})
        assert (me.json()["organisation"], me.json()["role"]) == ("acme", "viewer")


async def test_somebody_signs_in_at_the_console_through_their_organisations_provider(
    api: httpx.AsyncClient, admin: dict[str, str], clock: TestClock, tmp_path: Path
) -> None:
    with serve_oidc_provider(tmp_path) as issuer:
        body = {**CLIENT, "issuer": issuer, "domains": ["acme.example"], "default_role": "viewer"}
        assert (await api.put("/api/sso", json=body, headers=bearer(admin))).status_code == 200
        assert 'action="/sign-in/sso"' in (await api.get("/sign-in")).text
        unknown = await api.post("/sign-in/sso", data={"organisation": "nobody", "next": "/keys?after=1"})
        assert (unknown.status_code, "There is no organisation nobody" in unknown.text) == (404, True)
        assert ('value="nobody"' in unknown.text, 'value="/keys?after=1"' in unknown.text) == (True, True)
        await _bob_at_the_console(api, clock)


async def _bob_at_the_console(api: httpx.AsyncClient, clock: TestClock) -> None:
    page = await api.post("/sign-in/sso", data={"organisation": "Acme", "next": "/keys?after=1"})
    path = f"/sso/callback?{urlsplit(Browser('bob').visit(_way(page))).query}"
    clock.at = datetime.now(UTC)
    cookies = "; ".join(f"{name}={page.cookies[name]}" for name in ("mercato_sso", "mercato_sso_next"))
    done = await api.get(path, headers={"cookie": cookies})
    assert (done.status_code, done.headers["location"]) == (303, "/keys?after=1"), done.text
    home = await api.get("/organisation", headers={"cookie": f"mercato_session={done.cookies['mercato_session']}"})
    assert (home.status_code, "bob@acme.example" in home.text) == (200, True)

"""A device without a browser gets tokens once a person approved it, as RFC 8628 has it."""

import re
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.conftest import TestClock

ACME = {"organisation": "acme", "name": "Acme", "email": "ada@acme.example", "password": "correct horse battery"}
_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture
async def person(api: httpx.AsyncClient) -> dict[str, str]:
    """What somebody types who has an account."""
    assert (await api.post("/api/organisations", json=ACME)).status_code == 201
    api.headers["sec-fetch-site"] = "same-origin"  # what a browser says with the page's own form
    return {"email": ACME["email"], "password": ACME["password"]}


async def _begin(api: httpx.AsyncClient, name: str = "mp on a laptop") -> dict[str, Any]:
    answer = await api.post("/api/oauth/device_authorization", data={"client_id": name})
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    body: dict[str, Any] = answer.json()
    return body


async def _collect(api: httpx.AsyncClient, code: str) -> httpx.Response:
    return await api.post("/api/oauth/token", data={"grant_type": _GRANT, "device_code": code})


async def _ask(api: httpx.AsyncClient, person: dict[str, str], code: str) -> str:
    """The confirmation that the page holds."""
    page = await api.post("/device", data={**person, "user_code": code})
    assert page.status_code == 200, page.text
    found = re.search(r'name="confirmation" value="([0-9a-f]{64})"', page.text)
    assert found is not None
    return found[1]


async def _decide(api: httpx.AsyncClient, confirmation: str, decision: str = "approve") -> httpx.Response:
    return await api.post("/device/decision", data={"confirmation": confirmation, "decision": decision})


async def test_an_approved_device_gets_a_session_once(api: httpx.AsyncClient, person: dict[str, str]) -> None:
    codes = await _begin(api)
    assert re.fullmatch(r"[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}", codes["user_code"])
    assert codes["verification_uri_complete"].endswith(f"/device?user_code={codes['user_code']}")
    assert (await _decide(api, await _ask(api, person, codes["user_code"]))).status_code == 200
    answer = await _collect(api, codes["device_code"])
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    tokens = answer.json()
    assert tokens["token_type"] == "Bearer"
    me = await api.get("/api/me", headers={"authorization": f"Bearer {tokens['access_token']}"})
    assert (me.json()["organisation"], me.json()["role"]) == ("acme", "admin")
    renewed = await api.post("/api/sessions/refresh", json={"refresh_token": tokens["refresh_token"]})
    assert renewed.status_code == 200
    again = await _collect(api, codes["device_code"])
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


async def test_a_device_waits_and_slows_down(api: httpx.AsyncClient, clock: TestClock) -> None:
    codes = await _begin(api)
    assert (await _collect(api, codes["device_code"])).json()["error"] == "authorization_pending"
    clock.advance(timedelta(seconds=1))
    assert (await _collect(api, codes["device_code"])).json()["error"] == "slow_down"
    clock.advance(timedelta(seconds=6))
    assert (await _collect(api, codes["device_code"])).json()["error"] == "slow_down", "the interval is 10 s by now"
    clock.advance(timedelta(seconds=16))
    assert (await _collect(api, codes["device_code"])).json()["error"] == "authorization_pending"


async def test_nobody_in_time(api: httpx.AsyncClient, person: dict[str, str], clock: TestClock) -> None:
    codes = await _begin(api)
    confirmation = await _ask(api, person, codes["user_code"])
    clock.advance(timedelta(seconds=codes["expires_in"] + 1))
    assert (await _decide(api, confirmation)).status_code == 404
    assert (await api.post("/device", data={**person, "user_code": codes["user_code"]})).status_code == 404
    assert (await _collect(api, codes["device_code"])).json()["error"] == "expired_token"


async def test_a_denied_device_is_told_so(api: httpx.AsyncClient, person: dict[str, str]) -> None:
    codes = await _begin(api)
    confirmation = await _ask(api, person, codes["user_code"])
    assert (await _decide(api, confirmation, "deny")).status_code == 200
    assert (await _decide(api, confirmation, "approve")).status_code == 404, "an answer counts once"
    assert (await _collect(api, codes["device_code"])).json()["error"] == "access_denied"


async def test_a_code_alone_approves_nothing(api: httpx.AsyncClient, person: dict[str, str]) -> None:
    codes = await _begin(api)
    wrong = await api.post("/device", data={**person, "password": "wrong", "user_code": codes["user_code"]})
    assert (wrong.status_code, "confirmation" in wrong.text) == (401, False)
    assert (await _decide(api, "0" * 64)).status_code == 404
    assert (await _decide(api, "")).status_code == 404
    other = await api.post("/device", data={**person, "user_code": "BBBB-BBBB"})
    assert other.status_code == 404
    assert (await _collect(api, codes["device_code"])).json()["error"] == "authorization_pending"
    assert (await _collect(api, "f" * 64)).json()["error"] == "invalid_grant"


async def test_the_newest_confirmation_counts(api: httpx.AsyncClient, person: dict[str, str]) -> None:
    codes = await _begin(api)
    first, second = [await _ask(api, person, codes["user_code"]) for _ in range(2)]
    assert (await _decide(api, first)).status_code == 404
    assert (await _decide(api, second)).status_code == 200


@pytest.mark.parametrize("typed", ["{}", " {} ", "lower", "spaced"])
async def test_the_code_is_read_as_people_type_it(api: httpx.AsyncClient, person: dict[str, str], typed: str) -> None:
    code = (await _begin(api))["user_code"]
    spelled = {"lower": code.lower().replace("-", ""), "spaced": " ".join(code)}.get(typed, typed.format(code))
    assert await _ask(api, person, spelled)


async def test_the_page_runs_no_script_and_no_stranger_writes_on_it(
    api: httpx.AsyncClient, person: dict[str, str]
) -> None:
    page = await api.get("/device", params={"user_code": '"><script>alert(1)</script>'})
    assert page.status_code == 200
    assert "<script>" not in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "set-cookie" not in page.headers
    codes = await _begin(api, "<img src=x onerror=alert(1)>\x1b[2J" + "x" * 500)
    asked = await api.post("/device", data={**person, "user_code": codes["user_code"]})
    assert "<img src=x" not in asked.text
    assert "\x1b" not in asked.text
    assert ACME["password"] not in asked.text


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_another_site_cannot_send_the_form(api: httpx.AsyncClient, person: dict[str, str], site: str) -> None:
    codes = await _begin(api)
    form = {**person, "user_code": codes["user_code"]}
    refused = await api.post("/device", data=form, headers={"sec-fetch-site": site})
    assert refused.status_code == 403
    confirmation = await _ask(api, person, codes["user_code"])
    decided = {"confirmation": confirmation, "decision": "approve"}
    assert (await api.post("/device/decision", data=decided, headers={"sec-fetch-site": site})).status_code == 403


async def test_guessing_is_slowed_down(api: httpx.AsyncClient, person: dict[str, str]) -> None:
    statuses = [(await api.post("/device", data={**person, "user_code": "BBBB-BBBB"})).status_code for _ in range(70)]
    assert statuses.count(429) >= 5

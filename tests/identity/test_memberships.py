"""One person in several organisations, acting in one at a time."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.conftest import People, TestClock
from tests.console.browser import browser_of
from tests.console.browser import sign_in as sign_in_at
from tests.identity.scim_provider import sign_in, sign_up
from tests.identity.test_sign_in import ACME, bearer

Tokens = dict[str, str]


async def invite(api: httpx.AsyncClient, who: Tokens, email: str, role: str = "admin") -> str:
    answer = await api.post("/api/invitations", json={"email": email, "role": role}, headers=bearer(who))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["link"].rpartition("/")[2])


async def join(api: httpx.AsyncClient, who: Tokens, token: str) -> httpx.Response:
    return await api.post("/api/me/memberships", json={"token": token}, headers=bearer(who))


async def use(api: httpx.AsyncClient, who: Tokens, slug: str) -> httpx.Response:
    return await api.put("/api/me/organisation", json={"organisation": slug}, headers=bearer(who))


async def me(api: httpx.AsyncClient, who: Tokens) -> dict[str, Any]:
    answer = await api.get("/api/me", headers=bearer(who))
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


class Two:
    """Ada of acme, who is an administrator of globex too."""

    def __init__(self, api: httpx.AsyncClient, ada: Tokens, boss: Tokens) -> None:
        self.api, self.ada, self.boss = api, ada, boss


@pytest.fixture
async def two(api: httpx.AsyncClient) -> Two:
    ada, boss = await sign_up(api, "acme"), await sign_up(api, "globex")
    joined = await join(api, ada, await invite(api, boss, "admin@acme.example"))
    assert joined.status_code == 201, joined.text
    assert (joined.json()["slug"], joined.json()["role"], joined.json()["own"]) == ("globex", "admin", False)
    return Two(api, ada, boss)


async def test_a_session_acts_in_one_organisation_at_a_time(two: Two) -> None:
    api, other = two.api, await sign_in(two.api, "admin@acme.example")
    assert (await me(api, two.ada))["organisation"] == "acme"
    moved = await use(api, two.ada, "globex")
    assert moved.json()["current"] is True
    assert (await me(api, two.ada))["organisation"] == "globex"
    key = await api.post("/api/keys", json={"kind": "ck", "name": "theirs"}, headers=bearer(two.ada))
    listed = (await api.get("/api/keys", headers=bearer(two.boss))).json()["items"]
    assert [each["id"] for each in listed] == [key.json()["id"]]
    # The other session stays where it is, and sees nothing of it.
    assert (await me(api, other))["organisation"] == "acme"
    assert (await api.get("/api/keys", headers=bearer(other))).json()["items"] == []
    refreshed = await api.post("/api/sessions/refresh", json={"refresh_token": two.ada["refresh_token"]})
    assert (await me(api, refreshed.json()))["organisation"] == "globex"
    places = (await api.get("/api/me/organisations", headers=bearer(refreshed.json()))).json()["items"]
    assert [(each["slug"], each["own"], each["current"]) for each in places] == [
        ("acme", True, False), ("globex", False, True)
    ]  # fmt: skip
    await use(api, refreshed.json(), "acme")
    assert (await me(api, refreshed.json()))["organisation"] == "acme"


async def test_whose_membership_ends_loses_its_sessions_and_keys_and_nothing_else(two: Two) -> None:
    api = two.api
    own = await api.post("/api/keys", json={"kind": "ck", "name": "own"}, headers=bearer(two.ada))
    other = await sign_in(api, "admin@acme.example")
    await use(api, two.ada, "globex")
    key = await api.post("/api/keys", json={"kind": "ck", "name": "theirs"}, headers=bearer(two.ada))
    [member] = (await api.get("/api/members", headers=bearer(two.boss))).json()["items"]
    assert (member["email"], member["role"]) == ("admin@acme.example", "admin")
    path = f"/api/members/{member['user_id']}"
    assert (await api.delete(path, headers=bearer(other))).status_code == 404
    assert (await api.delete(path, headers=bearer(two.boss))).status_code == 204
    assert (await api.delete(path, headers=bearer(two.boss))).status_code == 404
    assert (await api.get("/api/me", headers=bearer(two.ada))).status_code == 401
    assert (await api.get("/api/me", headers={"Authorization": f"Bearer {key.json()['key']}"})).status_code == 401
    assert (await api.get("/api/me", headers={"Authorization": f"Bearer {own.json()['key']}"})).status_code == 200
    assert (await me(api, other))["organisation"] == "acme"
    assert (await use(api, other, "globex")).status_code == 404


async def test_whoever_is_disabled_at_home_keeps_no_session_and_the_others_keep_their_keys(two: Two) -> None:
    api = two.api
    vera = {"email": "vera@acme.example", "name": "Vera", "password": ACME["password"], "role": "admin"}
    user = (await api.post("/api/users", json=vera, headers=bearer(two.ada))).json()["id"]
    tokens = await sign_in(api, "vera@acme.example")
    await join(api, tokens, await invite(api, two.boss, "vera@acme.example"))
    await use(api, tokens, "globex")
    key = await api.post("/api/keys", json={"kind": "ck", "name": "globex's"}, headers=bearer(tokens))
    disabled = await api.post(f"/api/users/{user}/disable", json={}, headers=bearer(two.ada))
    assert disabled.status_code == 200, disabled.text
    assert (await api.get("/api/me", headers=bearer(tokens))).status_code == 401
    assert (await api.get("/api/me", headers={"Authorization": f"Bearer {key.json()['key']}"})).status_code == 200


async def test_whoever_acts_elsewhere_erases_themselves_with_the_keys_of_every_organisation(two: Two) -> None:
    api = two.api
    vera = {"email": "vera@acme.example", "name": "Vera", "password": ACME["password"], "role": "viewer"}
    await api.post("/api/users", json=vera, headers=bearer(two.ada))
    tokens = await sign_in(api, "vera@acme.example")
    await join(api, tokens, await invite(api, two.boss, "vera@acme.example"))
    await use(api, tokens, "globex")
    key = await api.post("/api/keys", json={"kind": "ck", "name": "made there"}, headers=bearer(tokens))
    shown = {"Authorization": f"Bearer {key.json()['key']}"}
    kept = await api.post("/api/keys", json={"kind": "ck", "name": "the boss's"}, headers=bearer(two.boss))
    copy = await api.post("/api/privacy/exports", json={"person": "me"}, headers=bearer(tokens))
    assert copy.status_code == 202, copy.text
    # Whoever runs the other organisation decides about the membership, and about nothing else.
    [member] = [each for each in (await api.get("/api/members", headers=bearer(two.boss))).json()["items"]
                if each["email"] == vera["email"]]  # fmt: skip
    theirs = await api.post("/api/privacy/erasures", json={"person": member["user_id"]}, headers=bearer(two.boss))
    assert (theirs.status_code, theirs.json()["code"]) == (404, "not_found")
    erased = await api.post("/api/privacy/erasures", json={"person": "me"}, headers=bearer(tokens))
    assert erased.status_code == 202, erased.text
    assert (await api.get("/api/me", headers=bearer(tokens))).status_code == 401
    assert (await api.get("/api/me", headers=shown)).status_code == 401
    assert (await api.get("/api/me", headers={"Authorization": f"Bearer {kept.json()['key']}"})).status_code == 200


async def test_an_invitation_is_for_its_address_and_works_once(two: Two) -> None:
    api = two.api
    third = await sign_up(api, "initech")
    token = await invite(api, third, "admin@acme.example", "viewer")
    stranger = await join(api, two.boss, token)
    assert (stranger.status_code, stranger.json()["code"]) == (403, "not_allowed")
    anew = {"token": token, "name": "Ada", "password": ACME["password"]}
    taken = await api.post("/api/invitations/accept", json=anew)
    assert (taken.status_code, taken.json()["code"]) == (409, "email_taken")
    assert (await join(api, two.ada, token)).status_code == 201
    assert (await join(api, two.ada, token)).json()["code"] == "invitation_unknown"
    again = await invite(api, third, "admin@acme.example")
    assert (await join(api, two.ada, again)).json()["code"] == "email_taken"


async def test_operators_stay_apart(api: httpx.AsyncClient, people: People) -> None:
    await people.operator()
    ada = await sign_up(api, "acme")
    answer = await api.post(
        "/api/sessions", json={"email": "operator@example.org", "password": "correct horse battery"}
    )
    operator = answer.json()
    taken = await api.post(
        "/api/invitations", json={"email": "admin@acme.example", "role": "viewer"}, headers=bearer(operator)
    )
    assert taken.json()["code"] == "email_taken"
    refused = await join(api, operator, await invite(api, ada, "operator@example.org"))
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")


async def test_a_key_has_one_organisation_and_a_suspended_one_is_not_entered(
    two: Two, people: People, clock: TestClock
) -> None:
    api = two.api
    key = await api.post("/api/keys", json={"kind": "ck", "name": "x"}, headers=bearer(two.ada))
    shown = {"Authorization": f"Bearer {key.json()['key']}"}
    assert (await api.get("/api/me/organisations", headers=shown)).status_code == 403
    assert (await api.put("/api/me/organisation", json={"organisation": "globex"}, headers=shown)).status_code == 403
    await people.operator()
    answer = await api.post(
        "/api/sessions", json={"email": "operator@example.org", "password": "correct horse battery"}
    )
    await api.post("/api/organisations/globex/suspend", json={"reason": "a test"}, headers=bearer(answer.json()))
    entered = await use(api, two.ada, "globex")
    assert (entered.status_code, entered.json()["code"]) == (403, "organisation_suspended")
    assert (await me(api, two.ada))["organisation"] == "acme"
    clock.advance(timedelta(minutes=11))
    late = await api.delete("/api/members/usr_1", headers=bearer(two.ada))
    assert (late.status_code, late.json()["code"]) == (403, "step_up_needed")


async def test_the_console_switches_and_joins_with_an_account(
    app: FastAPI, api: httpx.AsyncClient, people: People
) -> None:
    await people.join("acme")
    await people.join("globex")
    answer = await api.post("/api/sessions", json={"email": "globex@example.org", "password": "correct horse battery"})
    token = await invite(api, answer.json(), "acme@example.org")
    browser = browser_of(app)
    await sign_in_at(browser, "acme")
    assert "Join with your account" in (await browser.get(f"/join/{token}")).text
    assert (await browser.post(f"/join/{token}/as-member")).headers["location"].endswith("/organisations")
    page = await browser.get("/organisations")
    assert "Act in globex" in page.text
    moved = await browser.post("/organisations", data={"organisation": "globex"})
    assert moved.status_code == 303, moved.text
    assert 'class="who">Globex<' in (await browser.get("/organisations")).text
    nowhere = await browser.post("/organisations", data={"organisation": "nowhere"})
    assert nowhere.status_code == 404

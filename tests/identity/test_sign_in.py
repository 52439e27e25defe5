"""Sign-up, sessions and their rotation, through the API."""

from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI

from tests.conftest import People, TestClock
from tests.support.statements import counted

ACME = {"organisation": "acme", "name": "Acme", "email": "Ada@acme.example", "password": "correct horse battery"}


@pytest.fixture
async def tokens(api: httpx.AsyncClient) -> dict[str, str]:
    """The tokens of Acme's administrator, freshly signed in."""
    assert (await api.post("/api/organisations", json=ACME)).status_code == 201
    return await sign_in(api)


async def sign_in(api: httpx.AsyncClient) -> dict[str, str]:
    answer = await api.post("/api/sessions", json={"email": "ada@acme.example", "password": ACME["password"]})
    assert answer.status_code == 201, answer.text
    tokens: dict[str, str] = answer.json()
    return tokens


def bearer(tokens: dict[str, str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens['access_token']}"}


async def test_who_signs_up_administers_their_organisation(api: httpx.AsyncClient, tokens: dict[str, str]) -> None:
    me = (await api.get("/api/me", headers=bearer(tokens))).json()
    assert me["organisation"] == "acme"
    assert me["role"] == "admin"
    assert "approvals:decide" not in me["permissions"]


@pytest.mark.parametrize("path", ["/api/me", "/api/keys", "/api/users"])
async def test_nothing_is_shown_to_nobody(api: httpx.AsyncClient, path: str) -> None:
    answer = await api.get(path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["code"] == "not_signed_in"


async def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(
    api: httpx.AsyncClient, tokens: dict[str, str]
) -> None:
    wrong = await api.post("/api/sessions", json={"email": "ada@acme.example", "password": "x"})
    unknown = await api.post("/api/sessions", json={"email": "eve@acme.example", "password": "x"})
    assert wrong.status_code == unknown.status_code == 401
    assert {**wrong.json(), "request_id": ""} == {**unknown.json(), "request_id": ""}


async def test_a_session_goes_on_with_each_refresh_token_used_once(
    api: httpx.AsyncClient, tokens: dict[str, str]
) -> None:
    second = await api.post("/api/sessions/refresh", json={"refresh_token": tokens["refresh_token"]})
    assert second.status_code == 200
    third = await api.post("/api/sessions/refresh", json={"refresh_token": second.json()["refresh_token"]})
    assert third.status_code == 200
    assert (await api.get("/api/me", headers=bearer(third.json()))).status_code == 200


@pytest.mark.parametrize("credential", ["", "nonsense", "ck_0123_forged", "sit_0123_forged"])
async def test_an_expired_or_wrong_bearer_does_not_stop_a_refresh_or_a_sign_in(
    api: httpx.AsyncClient, clock: TestClock, tokens: dict[str, str], credential: str
) -> None:
    clock.advance(timedelta(minutes=16))
    shown = {"Authorization": f"Bearer {credential or tokens['access_token']}"}
    assert (await api.get("/api/me", headers=shown)).status_code == 401
    renewed = await api.post("/api/sessions/refresh", json={"refresh_token": tokens["refresh_token"]}, headers=shown)
    assert renewed.status_code == 200, renewed.text
    assert (await api.get("/api/me", headers=bearer(renewed.json()))).status_code == 200
    again = {"email": "ada@acme.example", "password": ACME["password"]}
    assert (await api.post("/api/sessions", json=again, headers=shown)).status_code == 201
    other = {**ACME, "organisation": "other", "email": "eve@other.example"}
    assert (await api.post("/api/organisations", json=other, headers=shown)).status_code == 201
    device = await api.post("/api/oauth/device_authorization", data={"client_id": "mp"}, headers=shown)
    assert device.status_code == 200


async def test_a_refresh_token_shown_twice_ends_the_session_for_thief_and_owner(
    api: httpx.AsyncClient, tokens: dict[str, str]
) -> None:
    second = await api.post("/api/sessions/refresh", json={"refresh_token": tokens["refresh_token"]})
    stolen = await api.post("/api/sessions/refresh", json={"refresh_token": tokens["refresh_token"]})
    assert stolen.status_code == 401
    assert stolen.json()["code"] == "session_ended"
    owner = await api.post("/api/sessions/refresh", json={"refresh_token": second.json()["refresh_token"]})
    assert owner.status_code == 401
    assert (await api.get("/api/me", headers=bearer(second.json()))).status_code == 401


async def test_an_access_token_lives_a_quarter_of_an_hour(
    api: httpx.AsyncClient, tokens: dict[str, str], clock: TestClock
) -> None:
    clock.advance(timedelta(minutes=14, seconds=59))
    assert (await api.get("/api/me", headers=bearer(tokens))).status_code == 200
    clock.advance(timedelta(seconds=1))
    assert (await api.get("/api/me", headers=bearer(tokens))).status_code == 401


async def test_signing_out_ends_the_access_token_too(api: httpx.AsyncClient, tokens: dict[str, str]) -> None:
    assert (await api.delete("/api/sessions/current", headers=bearer(tokens))).status_code == 204
    assert (await api.get("/api/me", headers=bearer(tokens))).status_code == 401


@pytest.mark.parametrize(
    "token",
    [
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1c3JfMSIsInNpZCI6InNlc18xIiwiZXhwIjo5OTk5OTk5OTk5LCJpc3MiOiJtZXJjYXRvIn0.",
        "not.a.token",
        "x" * 5000,
    ],
)
async def test_a_forged_token_is_refused(api: httpx.AsyncClient, token: str) -> None:
    assert (await api.get("/api/me", headers={"Authorization": f"Bearer {token}"})).status_code == 401


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"organisation": "Acme Inc"}, "organisation"),
        ({"email": "nobody"}, "email"),
        ({"password": "short"}, "password"),
        ({"admin": True}, "admin"),
    ],
)
async def test_a_malformed_sign_up_names_the_field(
    api: httpx.AsyncClient, change: dict[str, object], field: str
) -> None:
    answer = await api.post("/api/organisations", json={**ACME, **change})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert "correct horse" not in answer.text


async def test_a_taken_name_or_address_is_a_conflict(api: httpx.AsyncClient, tokens: dict[str, str]) -> None:
    slug = await api.post("/api/organisations", json={**ACME, "email": "eve@acme.example"})
    email = await api.post("/api/organisations", json={**ACME, "organisation": "acme-two", "email": "ADA@acme.example"})
    assert (slug.status_code, slug.json()["code"]) == (409, "organisation_name_taken")
    assert (email.status_code, email.json()["code"]) == (409, "email_taken")


async def test_nobody_gives_a_role_above_their_own(api: httpx.AsyncClient, tokens: dict[str, str]) -> None:
    colleague = {"email": "bob@acme.example", "name": "Bob", "password": "correct horse battery"}
    above = await api.post("/api/users", json={**colleague, "role": "super_admin"}, headers=bearer(tokens))
    same = await api.post("/api/users", json={**colleague, "role": "viewer"}, headers=bearer(tokens))
    assert above.status_code == 403
    assert same.status_code == 201
    viewer = await api.post("/api/sessions", json={"email": "bob@acme.example", "password": "correct horse battery"})
    refused = await api.post("/api/users", json={**colleague, "role": "viewer"}, headers=bearer(viewer.json()))
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")


async def test_only_the_operator_vouches_for_an_organisation(
    api: httpx.AsyncClient, tokens: dict[str, str], people: People
) -> None:
    await people.operator()
    operator = await api.post(
        "/api/sessions", json={"email": "operator@example.org", "password": "correct horse battery"}
    )
    address, body = "/api/organisations/acme/verification", {"verified": True}
    themselves = await api.put(address, json=body, headers=bearer(tokens))
    assert (themselves.status_code, themselves.json()["code"]) == (403, "not_allowed")
    vouched = await api.put(address, json=body, headers=bearer(operator.json()))
    assert (vouched.status_code, vouched.json()["is_verified"]) == (200, True)
    unknown = await api.put(address.replace("acme", "nobody"), json=body, headers=bearer(operator.json()))
    assert unknown.status_code == 404


async def test_who_is_asking_has_a_name_and_a_persons_costs_no_question(app: FastAPI, api: httpx.AsyncClient) -> None:
    await api.post("/api/organisations", json=ACME)
    signed_in = await api.post("/api/sessions", json={"email": ACME["email"], "password": ACME["password"]})
    who = bearer(signed_in.json())
    made = await api.post("/api/keys", json={"kind": "ck", "name": "laptop"}, headers=who)
    key = {"Authorization": f"Bearer {made.json()['key']}"}
    with counted(app) as asked:
        me = await api.get("/api/me", headers=who)
    assert me.json()["name"] == "Acme"
    assert len(asked) == 3, "the session, the person and the organisation"
    assert (await api.get("/api/me", headers=key)).json()["name"] == "laptop"

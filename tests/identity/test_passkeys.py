"""Passkeys through the API, with an authenticator in software."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.conftest import TestClock
from tests.fakes.authenticator import Authenticator, plain
from tests.identity.test_second_factors import PASSWORD, enrol
from tests.identity.test_sign_in import ACME, bearer, sign_in

_ORIGIN = "http://127.0.0.1:8000"


@pytest.fixture
async def tokens(api: httpx.AsyncClient) -> dict[str, str]:
    """The tokens of Acme's administrator, freshly signed in."""
    assert (await api.post("/api/organisations", json=ACME)).status_code == 201
    return await sign_in(api)


async def _add(api: httpx.AsyncClient, tokens: dict[str, str], key: Authenticator) -> httpx.Response:
    begun = await api.post("/api/me/passkeys/options", headers=bearer(tokens))
    assert (begun.status_code, begun.headers["cache-control"]) == (201, "no-store")
    body = {"name": "laptop", "credential": key.create(begun.json()["options"])}
    return await api.post("/api/me/passkeys", json=body, headers=bearer(tokens))


async def _options(api: httpx.AsyncClient) -> dict[str, Any]:
    begun = await api.post("/api/passkeys/options")
    options: dict[str, Any] = begun.json()["options"]
    return options


async def _sign_in(api: httpx.AsyncClient, key: Authenticator) -> httpx.Response:
    return await api.post("/api/passkeys/sign-ins", json={"credential": key.get(await _options(api))})


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_a_passkey_signs_in_without_password_and_code(
    api: httpx.AsyncClient, tokens: dict[str, str], clock: TestClock
) -> None:
    await enrol(api, tokens, clock)
    key = Authenticator(_ORIGIN)
    added = await _add(api, tokens, key)
    assert added.status_code == 201, added.text
    signed_in = await _sign_in(api, key)
    assert signed_in.status_code == 201, signed_in.text
    me = await api.get("/api/me", headers=bearer(signed_in.json()))
    assert (me.json()["organisation"], me.json()["role"]) == ("acme", "admin")
    listed = (await api.get("/api/me/passkeys", headers=bearer(tokens))).json()["items"]
    assert [(each["id"], each["name"], each["used_at"] is not None) for each in listed] == [
        (added.json()["id"], "laptop", True)
    ]


async def test_options_ask_for_a_check_of_the_person_and_name_nobody(
    api: httpx.AsyncClient, tokens: dict[str, str]
) -> None:
    options = await _options(api)
    assert (options["rpId"], options["userVerification"]) == ("127.0.0.1", "required")
    assert not options.get("allowCredentials")
    assert len(plain(options["challenge"])) == 32
    key = Authenticator(_ORIGIN)
    await _add(api, tokens, key)
    again = (await api.post("/api/me/passkeys/options", headers=bearer(tokens))).json()["options"]
    assert again["authenticatorSelection"]["residentKey"] == "required"
    assert [plain(each["id"]) for each in again["excludeCredentials"]] == [key.credential_id]


async def test_answers_that_do_not_fit_sign_nobody_in(api: httpx.AsyncClient, tokens: dict[str, str]) -> None:
    key = Authenticator(_ORIGIN)
    await _add(api, tokens, key)
    stranger = Authenticator(_ORIGIN, credential_id=key.credential_id)
    tricks = {
        "another site": Authenticator("https://evil.example", key=key.key, credential_id=key.credential_id),
        "another host": Authenticator(_ORIGIN, host="evil.example", key=key.key, credential_id=key.credential_id),
        "nobody was checked": Authenticator(_ORIGIN, verifies=False, key=key.key, credential_id=key.credential_id),
        "another key": stranger,
        "unknown": Authenticator(_ORIGIN),
    }
    for trick, authenticator in tricks.items():
        assert refusal(await _sign_in(api, authenticator)) == (401, "passkey_refused"), trick
    for nonsense in ({}, {"rawId": 7, "response": []}, {"response": {"clientDataJSON": "W10"}}, {"response": None}):
        answer = await api.post("/api/passkeys/sign-ins", json={"credential": nonsense})
        assert refusal(answer) == (401, "passkey_refused"), nonsense
    assert (await _sign_in(api, key)).status_code == 201


async def test_a_copied_authenticator_is_noticed(api: httpx.AsyncClient, tokens: dict[str, str]) -> None:
    key = Authenticator(_ORIGIN)
    await _add(api, tokens, key)
    key.counter = 7
    assert (await _sign_in(api, key)).status_code == 201
    key.counter = 3
    assert refusal(await _sign_in(api, key)) == (401, "passkey_refused")


async def test_an_answer_counts_once_and_soon(api: httpx.AsyncClient, tokens: dict[str, str], clock: TestClock) -> None:
    key = Authenticator(_ORIGIN)
    await _add(api, tokens, key)
    answer = {"credential": key.get(await _options(api))}
    statuses = await asyncio.gather(*(api.post("/api/passkeys/sign-ins", json=answer) for _ in range(5)))
    assert sorted(each.status_code for each in statuses) == [201, 401, 401, 401, 401]
    late = key.get(await _options(api))
    clock.advance(timedelta(minutes=5))
    refused = await api.post("/api/passkeys/sign-ins", json={"credential": late})
    assert refusal(refused) == (401, "passkey_refused")
    # What was given out to add a passkey signs nobody in.
    clock.advance(-timedelta(minutes=5))
    creation = (await api.post("/api/me/passkeys/options", headers=bearer(tokens))).json()["options"]
    mixed = key.get({"rpId": "127.0.0.1", "challenge": creation["challenge"]})
    refused = await api.post("/api/passkeys/sign-ins", json={"credential": mixed})
    assert refusal(refused) == (401, "passkey_refused")


async def test_a_removed_passkey_and_a_disabled_person_sign_in_no_longer(
    api: httpx.AsyncClient, tokens: dict[str, str]
) -> None:
    body = {"email": "vera@acme.example", "name": "Vera", "password": ACME["password"], "role": "viewer"}
    user = (await api.post("/api/users", json=body, headers=bearer(tokens))).json()["id"]
    signed_in = await api.post("/api/sessions", json={**PASSWORD, "email": "vera@acme.example"})
    key, hers = Authenticator(_ORIGIN), Authenticator(_ORIGIN)
    added = (await _add(api, tokens, key)).json()["id"]
    await _add(api, signed_in.json(), hers)
    foreign = await api.delete(f"/api/me/passkeys/{added}", headers=bearer(signed_in.json()))
    assert refusal(foreign) == (404, "not_found")
    assert (await api.delete(f"/api/me/passkeys/{added}", headers=bearer(tokens))).status_code == 204
    assert refusal(await _sign_in(api, key)) == (401, "passkey_refused")
    await api.post(f"/api/users/{user}/disable", json={}, headers=bearer(tokens))
    assert refusal(await _sign_in(api, hers)) == (401, "passkey_refused")


async def test_a_passkey_proves_its_owner_anew_and_nobody_else(
    api: httpx.AsyncClient, tokens: dict[str, str], clock: TestClock
) -> None:
    key = Authenticator(_ORIGIN)
    await _add(api, tokens, key)
    clock.advance(timedelta(minutes=11))
    assert refusal(await api.post("/api/me/passkeys/options", headers=bearer(tokens))) == (403, "step_up_needed")
    path, credential = "/api/sessions/current/passkey-proof", key.get(await _options(api))
    assert (await api.post(path, json={"credential": credential}, headers=bearer(tokens))).status_code == 204
    assert (await api.post("/api/me/passkeys/options", headers=bearer(tokens))).status_code == 201
    body = {"email": "vera@acme.example", "name": "Vera", "password": ACME["password"], "role": "viewer"}
    await api.post("/api/users", json=body, headers=bearer(tokens))
    vera = (await api.post("/api/sessions", json={**PASSWORD, "email": "vera@acme.example"})).json()
    credential = key.get(await _options(api))
    refused = await api.post(path, json={"credential": credential}, headers=bearer(vera))
    assert refusal(refused) == (403, "not_allowed")

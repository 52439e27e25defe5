"""What every route promises: idempotency, one transaction, problems that tell what to do."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from tests.conftest import TestClock

ACME = {"organisation": "acme", "name": "Acme", "email": "ada@acme.example", "password": "correct horse battery"}


@pytest.fixture
async def signed_in(api: httpx.AsyncClient) -> httpx.AsyncClient:
    """The client, signed in as Acme's administrator."""
    await api.post("/api/organisations", json=ACME)
    tokens = (await api.post("/api/sessions", json={"email": ACME["email"], "password": ACME["password"]})).json()
    api.headers["Authorization"] = f"Bearer {tokens['access_token']}"
    return api


async def test_a_repeated_post_gets_the_same_answer_and_is_done_once(signed_in: httpx.AsyncClient) -> None:
    body, headers = {"kind": "ck", "name": "one"}, {"Idempotency-Key": "5f0c3c1e"}
    first = await signed_in.post("/api/keys", json=body, headers=headers)
    again = await signed_in.post("/api/keys", json=body, headers=headers)
    assert first.status_code == again.status_code == 201
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert len((await signed_in.get("/api/keys")).json()["items"]) == 1


async def test_the_key_with_another_body_is_refused(signed_in: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "5f0c3c1e"}
    await signed_in.post("/api/keys", json={"kind": "ck", "name": "one"}, headers=headers)
    other = await signed_in.post("/api/keys", json={"kind": "ck", "name": "two"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_twenty_at_once_with_one_key_make_one(signed_in: httpx.AsyncClient) -> None:
    body, headers = {"kind": "ck", "name": "one"}, {"Idempotency-Key": "at-once"}
    answers = await asyncio.gather(*(signed_in.post("/api/keys", json=body, headers=headers) for _ in range(20)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
    assert len((await signed_in.get("/api/keys")).json()["items"]) == 1


async def test_two_organisations_may_use_the_same_idempotency_key(signed_in: httpx.AsyncClient, app: object) -> None:
    headers = {"Idempotency-Key": "same"}
    mine = await signed_in.post("/api/keys", json={"kind": "ck", "name": "one"}, headers=headers)
    rival = {"organisation": "rival", "name": "Rival", "email": "r@r.example", "password": ACME["password"]}
    await signed_in.post("/api/organisations", json=rival, headers={"Authorization": ""})
    tokens = (await signed_in.post("/api/sessions", json={"email": "r@r.example", "password": ACME["password"]})).json()
    headers["Authorization"] = f"Bearer {tokens['access_token']}"
    theirs = await signed_in.post("/api/keys", json={"kind": "ck", "name": "one"}, headers=headers)
    assert theirs.status_code == 201
    assert theirs.json()["id"] != mine.json()["id"]


async def test_a_refused_post_may_be_mended_and_sent_with_the_same_key(signed_in: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "mended"}
    assert (await signed_in.post("/api/keys", json={"kind": "xx"}, headers=headers)).status_code == 422
    mended = await signed_in.post("/api/keys", json={"kind": "ck", "name": "one"}, headers=headers)
    assert mended.status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 201, "tab\there"])
async def test_a_malformed_idempotency_key_is_refused(signed_in: httpx.AsyncClient, key: str) -> None:
    answer = await signed_in.post("/api/keys", json={"kind": "ck", "name": "one"}, headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_malformed")


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff\xfe", b'{"kind": "ck", "name": 3}', b"null", b""])
async def test_a_malformed_body_changes_nothing_and_says_why(signed_in: httpx.AsyncClient, body: bytes) -> None:
    answer = await signed_in.post("/api/keys", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    problem = answer.json()
    assert problem["code"] in ("malformed_request", "bad_request")
    assert problem["fix"]
    assert problem["request_id"] == answer.headers["x-request-id"]


async def test_an_unknown_address_and_a_wrong_method_are_problems_too(api: httpx.AsyncClient) -> None:
    missing = await api.get("/api/nonsense")
    wrong = await api.put("/api/me")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")
    assert wrong.headers["allow"]


async def test_a_body_over_the_limit_is_refused(api: httpx.AsyncClient) -> None:
    async def drip() -> AsyncIterator[bytes]:
        for _ in range(17):
            yield b"x" * 1024 * 1024

    declared = await api.post("/api/organisations", content=b"x" * (16 * 1024 * 1024 + 1))
    dripped = await api.post("/api/organisations", content=drip())
    assert (declared.status_code, declared.json()["code"]) == (413, "body_too_large")
    assert (dripped.status_code, dripped.json()["code"]) == (413, "body_too_large")


async def test_a_clients_request_id_is_kept_only_when_harmless(api: httpx.AsyncClient) -> None:
    kept = await api.get("/healthz", headers={"x-request-id": "client-4711"})
    replaced = await api.get("/healthz", headers={"x-request-id": "a b\tc"})
    assert kept.headers["x-request-id"] == "client-4711"
    assert replaced.headers["x-request-id"].startswith("req_")


async def test_the_documentation_page_needs_nothing_from_elsewhere(api: httpx.AsyncClient) -> None:
    page = await api.get("/docs")
    assert page.status_code == 200
    assert "https://" not in page.text.replace("https://github.com/tiangolo", "")
    assert (await api.get("/openapi.json")).json()["openapi"].startswith("3.1")


async def test_password_guessing_is_slowed_down_and_the_wait_is_told(
    signed_in: httpx.AsyncClient, clock: TestClock
) -> None:
    guess = {"email": ACME["email"], "password": "guess"}
    answers = [await signed_in.post("/api/sessions", json=guess, headers={"Authorization": ""}) for _ in range(60)]
    assert answers[-1].status_code == 429
    assert answers[-1].json()["code"] == "asked_too_often"
    clock.advance(timedelta(seconds=int(answers[-1].headers["retry-after"])))
    after = await signed_in.post("/api/sessions", json=guess, headers={"Authorization": ""})
    assert after.status_code == 401


async def test_every_answer_says_how_much_is_left(signed_in: httpx.AsyncClient) -> None:
    first, second = await signed_in.get("/api/me"), await signed_in.get("/api/me")
    assert first.headers["ratelimit-policy"] == '"api";q=1200;w=60'
    left = [int(answer.headers["ratelimit"].split(";")[1].removeprefix("r=")) for answer in (first, second)]
    assert left[0] - left[1] == 1

"""Publishing over HTTP, with the worker running."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from tests.conftest import People
from tests.publishing.conftest import Marketplace, Offer

PASSWORD = "correct horse battery"

Post = Callable[[str, object, dict[str, str]], Awaitable[httpx.Response]]


async def sign_up(api: httpx.AsyncClient, slug: str) -> dict[str, str]:
    """A vendor's headers."""
    body = {"organisation": slug, "name": slug.title(), "email": f"{slug}@example.org", "password": PASSWORD}
    assert (await api.post("/api/organisations", json=body)).status_code == 201
    return await sign_in(api, f"{slug}@example.org")


async def sign_in(api: httpx.AsyncClient, email: str) -> dict[str, str]:
    answer = await api.post("/api/sessions", json={"email": email, "password": PASSWORD})
    return {"authorization": f"Bearer {answer.json()['access_token']}"}


def body_of(offer: Offer) -> dict[str, str | None]:
    return {"manifest": offer.manifest_text, "openapi": offer.document_text}


@pytest.fixture
def post(api: httpx.AsyncClient) -> Post:
    async def send(path: str, body: object, headers: dict[str, str]) -> httpx.Response:
        return await api.post(path, json=body, headers=headers)

    return send


async def ended(api: httpx.AsyncClient, headers: dict[str, str], submission_id: str, *states: str) -> dict[str, Any]:
    """The submission once it is in one of these states."""
    async with asyncio.timeout(120):
        while True:
            seen: dict[str, Any] = (await api.get(f"/api/submissions/{submission_id}", headers=headers)).json()
            if seen["state"] in states:
                return seen
            await asyncio.sleep(0.05)


async def test_a_version_is_published_and_shown_to_everybody(
    api: httpx.AsyncClient, marketplace: Marketplace, offer: Offer, post: Post
) -> None:
    vendor = await sign_up(api, "acme")
    received = await post("/api/submissions", body_of(offer), vendor)
    assert received.status_code == 202
    submission_id = received.json()["id"]
    assert received.headers["location"] == f"/api/submissions/{submission_id}"
    seen = await ended(api, vendor, submission_id, "released", "refused")
    assert [phase["outcome"] for phase in seen["phases"]] == ["passed"] * 10
    assert seen["approval"]["state"] == "approved"

    again = await post("/api/submissions", body_of(offer), vendor)
    assert (again.status_code, again.json()["id"]) == (200, submission_id)
    offer.manifest["title"] = "Other greetings"
    other = await post("/api/submissions", body_of(offer), vendor)
    assert (other.status_code, other.json()["code"]) == (409, "version_exists")

    shown = (await api.get("/api/services/acme/greeter")).json()
    assert (shown["vendor"], shown["latest_version"]) == ("acme", "1.0.0")
    assert {plan["name"] for plan in shown["plans"]} == {"free", "per-call"}
    assert shown["releases"][0]["operations"][0]["path"] == "/greeting"
    document = await api.get("/api/services/acme/greeter/releases/1.0.0/openapi")
    assert document.json()["info"]["title"] == "Greetings"
    assert document.headers["etag"] == f'"{shown["releases"][0]["document_digest"]}"'
    listed = (await api.get("/api/submissions", headers=vendor)).json()
    assert [item["id"] for item in listed["items"]] == [submission_id]


async def test_an_approver_decides_over_http(
    api: httpx.AsyncClient, marketplace: Marketplace, offer: Offer, post: Post, people: People
) -> None:
    await people.operator()
    vendor, operator = await sign_up(api, "acme"), await sign_in(api, "operator@example.org")
    offer.manifest["task"] = "speech"
    submission_id = (await post("/api/submissions", body_of(offer), vendor)).json()["id"]
    await ended(api, vendor, submission_id, "waiting")
    queue = (await api.get("/api/approvals", headers=operator)).json()["items"]
    assert [(item["submission"]["id"], item["approval"]["rule"]) for item in queue] == [(submission_id, "speech")]
    assert queue[0]["submission"]["vendor"] == "acme"
    seen = (await api.get(f"/api/submissions/{submission_id}", headers=operator)).json()
    assert (seen["vendor"], seen["service"]) == ("acme", "greeter")
    decision = {"decision": "approve", "reason": "sounds fine"}
    refused = await post(f"/api/approvals/{submission_id}", decision, vendor)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    decided = await post(f"/api/approvals/{submission_id}", decision, operator)
    assert decided.json()["approval"]["state"] == "approved"
    assert (await ended(api, vendor, submission_id, "released", "refused"))["state"] == "released"
    for verb in ("deprecate", "yank"):
        answer = await post(
            f"/api/services/acme/greeter/releases/1.0.0/{verb}", {"reason": "a better one is coming"}, vendor
        )
        assert answer.status_code == 200
    assert answer.json()["status"] == "yanked"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "malformed_request"),
        ({"manifest": 7}, 422, "malformed_request"),
        ({"manifest": "name: x", "surprise": 1}, 422, "malformed_request"),
        ({"manifest": "name: x"}, 422, "manifest_refused"),
        ({"manifest": "\u0000"}, 422, "manifest_refused"),
    ],
)
async def test_bad_bodies_are_refused_with_code_field_and_advice(
    api: httpx.AsyncClient, idle: Marketplace, post: Post, body: dict[str, Any], status: int, code: str
) -> None:
    answer = await post("/api/submissions", body, await sign_up(api, "acme"))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["errors"]
    assert answer.json()["fix"]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/api/services/acme/nothing", "service_not_found"),
        ("/api/services/acme/nothing/releases/1.0.0/openapi", "service_not_found"),
        ("/api/submissions/sbm_0", "submission_not_found"),
    ],
)
async def test_what_is_not_there_is_404(api: httpx.AsyncClient, idle: Marketplace, path: str, code: str) -> None:
    answer = await api.get(path, headers=await sign_up(api, "acme"))
    assert (answer.status_code, answer.json()["code"]) == (404, code)


async def test_nothing_is_submitted_or_decided_without_signing_in(
    api: httpx.AsyncClient, idle: Marketplace, offer: Offer, post: Post
) -> None:
    for path, body in (
        ("/api/submissions", body_of(offer)),
        ("/api/approvals/sbm_0", {"decision": "approve", "reason": "why not"}),
        ("/api/services/acme/greeter/releases/1.0.0/yank", {"reason": "why not"}),
    ):
        assert (await post(path, body, {})).status_code == 401

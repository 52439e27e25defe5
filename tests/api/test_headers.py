"""What answers carry beside their body: no cache keeps them, nobody frames them, nothing of the request comes back."""

import base64
import hashlib
import re

import httpx
import pytest
from fastapi import FastAPI

from tests.support.market import Market, market

__all__ = ["market"]

PERSON = {"email": "globex@example.org", "password": "correct horse battery"}
CACHED = {"/api/catalog", "/api/rankings", "/api/status", "/api/trending", "/status"}
SEEN_DIFFERENTLY = {"/api/rankings", "/api/status", "/api/trending"}
"""What a signed-in person may find private services in."""


@pytest.fixture
async def person(api: httpx.AsyncClient, market: Market) -> dict[str, str]:
    await market.people.join("globex")
    body = (await api.post("/api/sessions", json=PERSON)).json()
    return {"Authorization": f"Bearer {body['access_token']}", "refresh": body["refresh_token"]}


async def test_every_answer_that_holds_a_secret_is_kept_by_no_cache(
    api: httpx.AsyncClient, person: dict[str, str]
) -> None:
    refresh = person.pop("refresh")
    answers = [
        await api.post("/api/sessions", json=PERSON),
        await api.post("/api/sessions", json=PERSON | {"password": "another password"}),
        await api.post("/api/sessions/refresh", json={"refresh_token": refresh}),
        await api.post("/api/keys", json={"kind": "ck", "name": "n"}, headers=person),
        await api.get("/api/me", headers=person),
        await api.get("/api/users", headers=person),
    ]
    key_id = answers[3].json()["id"]
    answers.append(await api.post(f"/api/keys/{key_id}/rotate", json={"grace_seconds": 0}, headers=person))
    repeated = person | {"Idempotency-Key": "again"}
    answers += [await api.post("/api/keys", json={"kind": "vk", "name": "n"}, headers=repeated) for _ in range(2)]
    assert [answer.headers["cache-control"] for answer in answers] == ["no-store"] * len(answers)


async def test_no_route_that_reads_is_kept_by_a_cache_but_the_public_ones(
    api: httpx.AsyncClient, app: FastAPI, person: dict[str, str]
) -> None:
    person.pop("refresh")
    paths = [path for path, offered in app.openapi()["paths"].items() if "get" in offered and "{" not in path]
    assert len(paths) > 20
    for headers, cached in (({}, CACHED), (person, CACHED - SEEN_DIFFERENTLY)):
        for path in paths:
            answer = await api.get(path, headers=headers)
            assert ("no-store" in answer.headers["cache-control"]) is (path not in cached), path
            assert "frame-ancestors 'none'" in answer.headers["content-security-policy"], path


@pytest.mark.parametrize("path", ["/status", "/device", "/docs", "/healthz", "/nowhere", "/openapi.json"])
async def test_nobody_frames_a_page(api: httpx.AsyncClient, path: str) -> None:
    answer = await api.get(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/docs"])
async def test_only_our_own_scripts_run_on_the_pages_of_the_documentation(api: httpx.AsyncClient, path: str) -> None:
    page = await api.get(path)
    scripts, policy = (
        re.findall(r"<script>(.*?)</script>", page.text, re.DOTALL),
        page.headers["content-security-policy"],
    )
    named = re.findall(r"'sha256-([^']+)'", policy)
    assert named == [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    (rules,) = [rule for rule in policy.split("; ") if rule.startswith("script-src")]
    assert "unsafe" not in rules
    for source in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert source.startswith("/")
        assert (await api.get(source)).status_code == 200


@pytest.mark.parametrize("path", ["/api/me/", "/api/sessions/", "/docs/", "//evil.example/", "/api//me/"])
async def test_no_address_is_answered_with_one_of_the_clients_making(api: httpx.AsyncClient, path: str) -> None:
    answer = await api.request("GET", httpx.URL(f"http://mercato.test{path}"), headers={"Host": "evil.example"})
    assert answer.status_code == 404
    assert "evil.example" not in answer.headers.get("location", "")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", "/api/keys", "GET, POST"),
        ("DELETE", "/api/users", "GET, POST"),
        ("PUT", "/api/sessions", "DELETE, GET, POST"),
        ("POST", "/api/budgets/some", "DELETE"),
        ("PUT", "/api/objects/a/b", "GET, HEAD"),
        ("POST", "/api/me", "GET"),
    ],
)
async def test_a_wrong_method_is_told_every_right_one(
    api: httpx.AsyncClient, method: str, path: str, allowed: str
) -> None:
    answer = await api.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


async def test_figures_are_not_public(api: httpx.AsyncClient) -> None:
    assert (await api.get("/metrics")).status_code == 404

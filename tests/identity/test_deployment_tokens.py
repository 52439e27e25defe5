"""A deployment's token: narrower than the vendor key, gone with it, and out of force everywhere once revoked."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from mercato.app.control import build_wiring, create_app
from mercato.app.settings import Settings
from mercato.identity import Caller, Keys, NewKey
from mercato.publishing import Catalogue
from mercato_contracts.deployments import ACCESS_TOKEN, TOKEN_EXCHANGE
from mercato_contracts.keys import parse_key
from tests.conftest import TestClock
from tests.support.market import Market, market
from tests.support.ports import free_ports
from tests.support.running import Place, get, open_folder
from tests.support.waiting import eventually

__all__ = ["market"]


class Shop:
    """A vendor with a vendor key and a deployment."""

    def __init__(self, market: Market, api: httpx.AsyncClient) -> None:
        self.market, self.api = market, api
        self.vendor: Caller
        self.key: NewKey
        self.deployment = ""

    async def open(self, slug: str = "acme", scopes: list[str] | None = None, days: int | None = None) -> "Shop":
        self.vendor = await self.market.people.join(slug)
        service, _ = await self.market.list_service(self.vendor)
        async with self.market.database.transaction() as session:
            (deployment,) = await Catalogue(session).deployments_of_vendor(service.vendor_id)
        self.deployment = deployment.id
        self.key = await self.make_key(scopes, days)
        return self

    async def make_key(self, scopes: list[str] | None = None, days: int | None = None) -> NewKey:
        market, expires = self.market, None
        if days is not None:
            expires = market.clock.now() + timedelta(days=days)
        async with market.database.transaction() as session:
            keys = Keys(session, market.clock, market.ids, market.hasher, market.outbox)
            return await keys.make(self.vendor, kind="vk", name="test", scopes=scopes, expires_at=expires)

    async def exchange(self, **changes: str | None) -> httpx.Response:
        form = {
            "grant_type": TOKEN_EXCHANGE,
            "subject_token": self.key.text,
            "subject_token_type": ACCESS_TOKEN,
            "audience": self.deployment,
        } | changes
        return await self.api.post("/api/oauth/token", data={name: value for name, value in form.items() if value})

    async def token(self, **changes: str) -> dict[str, Any]:
        answer = await self.exchange(**changes)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def introspect(self, token: str, key: str | None = None) -> dict[str, Any]:
        headers = bearer(key or self.key.text)
        body: dict[str, Any] = (await self.api.post("/api/introspect", data={"token": token}, headers=headers)).json()
        return body


def bearer(credential: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {credential}"}


ROLES = ["accounts", "consumption"]


@pytest.fixture
async def app(settings: Settings, database_url: str, clock: TestClock) -> AsyncIterator[FastAPI]:
    """The roles that take part: no search index is built for these tests."""
    app = create_app(build_wiring(settings, database_url, clock), ROLES)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def shop(market: Market, api: httpx.AsyncClient) -> Shop:
    """Acme's."""
    return await Shop(market, api).open()


async def test_a_vendor_key_is_exchanged_for_a_token_of_one_deployment(shop: Shop) -> None:
    answer = await shop.exchange()
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body["access_token"].startswith("sit_")
    assert (body["token_type"], body["issued_token_type"]) == ("Bearer", ACCESS_TOKEN)
    assert (body["expires_in"], body["scope"]) == (30 * 86400, "data:read heartbeats:write services:read signals:write")
    me = await shop.api.get("/api/me", headers=bearer(body["access_token"]))
    assert me.json()["permissions"] == ["data:read", "heartbeats:write", "services:read", "signals:write"]
    assert me.json()["organisation"] == "acme"
    made = int(shop.market.clock.now().timestamp())
    assert await shop.introspect(body["access_token"]) == {
        "active": True,
        "scope": body["scope"],
        "client_id": body["token_id"],
        "sub": shop.vendor.organisation_id,
        "aud": shop.deployment,
        "token_type": "Bearer",
        "iat": made,
        "exp": made + 30 * 86400,
    }


async def test_it_is_narrower_only_and_lives_no_longer_than_the_key(market: Market, api: httpx.AsyncClient) -> None:
    shop = await Shop(market, api).open(scopes=["signals:write", "services:publish"], days=2)
    assert (await shop.token())["scope"] == "signals:write"
    assert (await shop.token())["expires_in"] == 2 * 86400
    assert (await shop.token(expires_in="60"))["expires_in"] == 60
    for wide in ("services:publish", "heartbeats:write", "signals:write call", "nonsense"):
        answer = await shop.exchange(scope=wide)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


async def test_it_ends_when_its_time_is_over(shop: Shop, clock: TestClock) -> None:
    token = (await shop.token(expires_in="90"))["access_token"]
    assert (await shop.introspect(token))["active"]
    clock.advance(timedelta(seconds=89))
    assert (await shop.introspect(token))["active"]
    clock.advance(timedelta(seconds=1))
    assert await shop.introspect(token) == {"active": False}
    assert (await shop.api.get("/api/me", headers=bearer(token))).json()["code"] == "not_signed_in"


async def test_it_ends_with_its_key_at_once_where_that_is_revoked_and_after_the_grace_where_it_is_rotated(
    shop: Shop, market: Market, clock: TestClock
) -> None:
    token = (await shop.token())["access_token"]
    other = await shop.make_key()
    assert (await shop.introspect(token, other.text))["active"]
    async with market.database.transaction() as session:
        keys = Keys(session, clock, market.ids, market.hasher, market.outbox)
        await keys.rotate(shop.vendor, shop.key.row.id, timedelta(hours=1))
    await until_inactive_at(shop, token, other.text, int(clock.now().timestamp()) + 3600)
    clock.advance(timedelta(hours=1))
    assert await shop.introspect(token, other.text) == {"active": False}

    shop.key = await shop.make_key()
    second = (await shop.token())["access_token"]
    assert (await shop.introspect(second, other.text))["active"]
    async with market.database.transaction() as session:
        await Keys(session, clock, market.ids, market.hasher, market.outbox).revoke(shop.vendor, shop.key.row.id)
    async with asyncio.timeout(120):
        while (await shop.introspect(second, other.text))["active"]:
            await asyncio.sleep(0.01)


async def until_inactive_at(shop: Shop, token: str, asker: str, at: int) -> None:
    """Until it is known that the token ends then: the news reaches the process a moment after the change."""
    async with asyncio.timeout(120):
        while (await shop.introspect(token, asker)).get("exp") != at:
            await asyncio.sleep(0.01)


WRONG_FORMS: list[tuple[dict[str, str | None], str]] = [
    ({"grant_type": "password"}, "unsupported_grant_type"),
    ({"grant_type": None}, "unsupported_grant_type"),
    ({"subject_token": None}, "invalid_request"),
    ({"subject_token": "vk_" + "0" * 32 + "_" + "a" * 49}, "invalid_request"),
    ({"subject_token": "\0"}, "invalid_request"),
    ({"subject_token_type": "urn:ietf:params:oauth:token-type:jwt"}, "invalid_request"),
    ({"subject_token_type": None}, "invalid_request"),
    ({"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, "invalid_request"),
    ({"audience": None}, "invalid_request"),
    ({"audience": "dep_unknown"}, "invalid_target"),
    ({"expires_in": "2592001"}, "invalid_request"),
    ({"expires_in": "-5"}, "invalid_request"),
    ({"expires_in": "٣٠٠"}, "invalid_request"),
]


async def test_a_form_that_is_wrong_is_refused_as_oauth_says_it(shop: Shop) -> None:
    for changes, error in WRONG_FORMS:
        answer = await shop.exchange(**changes)
        body = answer.json()
        assert (answer.status_code, body["error"]) == (400, error), changes
        assert body["error_description"] == body["detail"]
        assert shop.key.text not in answer.text


async def test_another_vendors_deployment_is_no_target_and_a_consumers_key_no_subject(
    shop: Shop, market: Market, api: httpx.AsyncClient
) -> None:
    globex = await Shop(market, api).open("globex")
    answer = await shop.exchange(audience=globex.deployment)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_target")
    consumer = await market.make_key(shop.vendor)
    answer = await shop.exchange(subject_token=consumer.text)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    token = (await shop.token())["access_token"]
    answer = await shop.exchange(subject_token=token)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert await globex.introspect(token) == {"active": False}


async def test_a_token_can_neither_publish_nor_make_keys_nor_revoke(shop: Shop) -> None:
    found = await shop.token()
    headers = bearer(found["access_token"])
    for method, path in (
        ("POST", "/api/keys"),
        ("GET", "/api/keys"),
        ("DELETE", f"/api/deployment-tokens/{found['token_id']}"),
        ("POST", "/api/subscriptions"),
    ):
        body = {"kind": "vk", "name": "x"} if path == "/api/keys" else {"plan_id": "pln_1"}
        answer = await shop.api.request(method, path, headers=headers, json=body if method == "POST" else None)
        assert answer.status_code == 403, (path, answer.text)


async def test_tokens_are_listed_without_secrets_and_only_ones_own_are_revoked(
    shop: Shop, market: Market, api: httpx.AsyncClient
) -> None:
    globex = await Shop(market, api).open("globex")
    first, second = await shop.token(), await shop.token()
    listed = await api.get(f"/api/deployments/{shop.deployment}/tokens", headers=bearer(shop.key.text))
    assert {item["id"] for item in listed.json()["items"]} == {first["token_id"], second["token_id"]}
    assert parse_key(first["access_token"]).secret not in listed.text
    theirs = await api.get(f"/api/deployments/{shop.deployment}/tokens", headers=bearer(globex.key.text))
    assert theirs.json()["items"] == []
    path = f"/api/deployment-tokens/{first['token_id']}"
    answer = await api.delete(path, headers=bearer(globex.key.text))
    assert (answer.status_code, answer.json()["code"]) == (404, "key_not_found")
    for _ in range(2):
        assert (await api.delete(path, headers=bearer(shop.key.text))).status_code == 204
    async with asyncio.timeout(120):
        while (await shop.introspect(first["access_token"]))["active"]:
            await asyncio.sleep(0.01)
    assert (await shop.introspect(second["access_token"]))["active"]


async def test_the_secret_is_stored_nowhere(shop: Shop, database_url: str) -> None:
    secret = parse_key((await shop.token())["access_token"]).secret
    with psycopg.connect(database_url) as connection:
        for table in ("deployment_tokens", "outbox_events", "idempotent_answers"):
            rows = connection.execute(f"SELECT t::text FROM {table} t").fetchall()
            assert rows or table != "deployment_tokens"
            assert all(secret not in row[0] for row in rows)


async def test_a_revocation_is_heard_though_another_transaction_stays_open(shop: Shop, market: Market) -> None:
    answer = await shop.token()
    assert (await shop.introspect(answer["access_token"]))["active"]
    async with market.database.transaction() as slow:
        await slow.execute(text("SELECT pg_current_xact_id()"))
        path = f"/api/deployment-tokens/{answer['token_id']}"
        assert (await shop.api.delete(path, headers=bearer(shop.key.text))).status_code == 204
        async with asyncio.timeout(120):
            while (await shop.introspect(answer["access_token"]))["active"]:
                await asyncio.sleep(0.01)


async def test_the_gateway_is_told_that_it_may_call_nothing_and_when_it_is_over(shop: Shop, settings: Settings) -> None:
    answer = await shop.token()
    ask = {"headers": bearer(settings.gateway_token), "json": {"key": answer["access_token"]}}
    grant = (await shop.api.post("/internal/keys/introspect", **ask)).json()  # type: ignore[arg-type]
    assert (grant["active"], grant["key_id"], "call" in grant["scopes"]) == (True, answer["token_id"], False)
    await shop.api.delete(f"/api/deployment-tokens/{answer['token_id']}", headers=bearer(shop.key.text))
    async with asyncio.timeout(120):
        while (await shop.api.post("/internal/keys/introspect", **ask)).json()["active"]:  # type: ignore[arg-type]
            await asyncio.sleep(0.01)


@pytest.fixture
async def replica(settings: Settings, database_url: str, clock: TestClock) -> AsyncIterator[httpx.AsyncClient]:
    """A second control plane over the same database."""
    app = create_app(build_wiring(settings, database_url, clock), ROLES)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://replica.test", timeout=60) as client:
            yield client


async def test_sixty_requests_a_minute_over_all_replicas_together(
    shop: Shop, replica: httpx.AsyncClient, clock: TestClock
) -> None:
    headers = bearer((await shop.token())["access_token"])
    other = bearer((await shop.token())["access_token"])
    first = await shop.api.get("/api/me", headers=headers)
    assert first.headers["ratelimit-policy"] == '"deployment";q=60;w=60'
    assert first.headers["ratelimit"] == '"deployment";r=59;t=1'
    asked = [(shop.api, replica)[n % 2].get("/api/me", headers=(headers, other)[n // 2 % 2]) for n in range(80)]
    answers = await asyncio.gather(*asked)
    assert sorted(answer.status_code for answer in answers) == [200] * 59 + [429] * 21
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert (refused.json()["code"], refused.headers["retry-after"]) == ("asked_too_often", "1")
    clock.advance(timedelta(seconds=3))
    later = await asyncio.gather(*(replica.get("/api/me", headers=headers) for _ in range(5)))
    assert sorted(answer.status_code for answer in later) == [200] * 3 + [429] * 2
    clock.advance(timedelta(minutes=5))
    assert (await shop.api.get("/api/me", headers=headers)).headers["ratelimit"] == '"deployment";r=59;t=1'


async def test_requests_that_are_refused_count_too(shop: Shop) -> None:
    headers = bearer((await shop.token())["access_token"])
    answers = [await shop.api.delete("/api/subscriptions/sub_1", headers=headers) for _ in range(62)]
    assert [answer.status_code for answer in answers] == [403] * 60 + [429] * 2


def test_it_is_out_of_force_at_every_process_though_each_remembers_it(
    database_url: str, postgres: str, market: Market
) -> None:
    """Two processes of the control plane; both have just proven the token and would believe it for a minute."""
    with open_folder() as folder:
        place = Place(folder)
        ports = free_ports(2)
        environment = place.environment | {"DATABASE_URL": database_url}
        running = [place.start("serve", "accounts", "--port", str(port), environment=environment) for port in ports]
        try:
            for port in ports:
                eventually(lambda port=port: get(port, "/readyz")[0] == 200, f"the process on {port}")  # type: ignore[misc]
            _revoke_and_watch([f"http://127.0.0.1:{port}" for port in ports], folder, database_url)
        finally:
            for process in running:
                process.stop()


def _revoke_and_watch(urls: list[str], folder: Path, database_url: str) -> None:
    one = httpx.Client(base_url=urls[0], timeout=30)
    sign_up = {"organisation": "acme", "name": "Acme", "email": "a@acme.example", "password": "correct horse battery"}
    assert one.post("/api/organisations", json=sign_up).status_code == 201
    session = one.post("/api/sessions", json={"email": "a@acme.example", "password": "correct horse battery"}).json()
    key = one.post("/api/keys", json={"kind": "vk", "name": "k"}, headers=bearer(session["access_token"])).json()
    form = {
        "grant_type": TOKEN_EXCHANGE,
        "subject_token": key["key"],
        "subject_token_type": ACCESS_TOKEN,
        "audience": _list_deployment(database_url, key["id"]),
    }
    token = one.post("/api/oauth/token", data=form).json()

    def is_active(url: str) -> bool:
        asked = httpx.post(
            f"{url}/api/introspect", data={"token": token["access_token"]}, headers=bearer(key["key"]), timeout=30
        )
        return bool(asked.json()["active"])

    assert all(is_active(url) for url in urls)
    revoked = one.delete(f"/api/deployment-tokens/{token['token_id']}", headers=bearer(key["key"]))
    assert revoked.status_code == 204
    began = time.monotonic()
    for url in urls:
        # Long before the minute that a process may remember it.
        eventually(lambda url=url: not is_active(url), "the end of the token", seconds=30)  # type: ignore[misc]
    print(f"out of force at {len(urls)} processes after {time.monotonic() - began:.3f} s")


def _list_deployment(database_url: str, key_id: str) -> str:
    """A listed service's deployment for the organisation of this key, written as publishing leaves it."""
    statements = (
        "INSERT INTO services SELECT 'svc_1', organisation_id, 's', '', '', '', 'openai', 'other', 'published', 'MIT',"
        " '[]', '[]', '[]', NULL, 'listed', '1.0.0', now(), now() FROM keys WHERE id = %(key)s",
        "INSERT INTO submissions SELECT 'sbm_1', organisation_id, 's', '1.0.0', '', NULL, '', 'released', 'x', now(),"
        " now() FROM keys WHERE id = %(key)s",
        "INSERT INTO releases VALUES ('rel_1', 'svc_1', 'sbm_1', '1.0.0', '{}', NULL, NULL, '[]', now(), 'live', '',"
        " now())",
        "INSERT INTO deployments (id, release_id, url, addresses, weight, timeout_ms, max_connections, on_disconnect,"
        " created_at) VALUES ('dep_1', 'rel_1', 'http://127.0.0.1:9', '[]', 100, 1000, 1, 'abort', now())",
    )
    with psycopg.connect(database_url) as connection:
        for statement in statements:
            connection.execute(statement, {"key": key_id})
    return "dep_1"

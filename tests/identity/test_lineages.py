"""What hangs on a key outlives its rotation: limits, what was used of them, sums of usage, idempotent answers."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import psycopg
import pytest
from fastapi import FastAPI

from mercato.app.schema import migrate
from mercato.app.settings import Settings
from tests.support.market import Customer, Market, market

__all__ = ["market"]

PASSWORD = "correct horse battery"


@pytest.fixture
async def gateway(app: FastAPI, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client that shows the gateways' token."""
    headers = {"Authorization": f"Bearer {settings.gateway_token}"}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://mercato.test", headers=headers) as client:
        yield client


class Owner:
    """The person behind a customer's organisation."""

    def __init__(self, api: httpx.AsyncClient, headers: dict[str, str]) -> None:
        self._api, self._headers = api, headers

    async def ask(self, method: str, path: str, **more: Any) -> Any:
        answer = await self._api.request(method, path, headers=self._headers, **more)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def rotate(self, key_id: str, grace: int = 3600) -> Any:
        return await self.ask("POST", f"/api/keys/{key_id}/rotate", json={"grace_seconds": grace})

    async def cap(self, key_id: str, unit: str, window: str, cap: int) -> Any:
        body = {"key_id": key_id, "unit": unit, "window": window, "cap": cap}
        return await self.ask("PUT", "/api/budgets", json=body)


async def owner_of(api: httpx.AsyncClient, customer: Customer) -> Owner:
    email = f"{customer.caller.organisation_slug}@example.org"
    answer = await api.post("/api/sessions", json={"email": email, "password": PASSWORD})
    return Owner(api, {"Authorization": f"Bearer {answer.json()['access_token']}"})


@pytest.fixture
async def customer(market: Market) -> Customer:
    service, plan = await market.list_service(await market.people.join("acme"))
    return await market.customer(service, plan, "globex")


async def limits_of(gateway: httpx.AsyncClient, key: str) -> list[tuple[str, int]]:
    grant = (await gateway.post("/internal/keys/introspect", json={"key": key})).json()
    return [(limit["scope"], limit["cap"]) for limit in grant["limits"]]


KINDS = [
    ("requests", "second"), ("requests", "minute"), ("requests", "day"), ("requests", "month"), ("tokens", "minute"),
    ("tokens", "day"), ("tokens", "month"), ("nanos", "day"), ("nanos", "month"), ("concurrent", "ever"),
]  # fmt: skip


@pytest.mark.parametrize(("unit", "window"), KINDS)
async def test_every_kind_of_limit_is_one_cap_for_the_key_and_its_successors(
    api: httpx.AsyncClient, gateway: httpx.AsyncClient, market: Market, customer: Customer, unit: str, window: str
) -> None:
    owner, first = await owner_of(api, customer), customer.key
    scope = (await owner.cap(first.row.id, unit, window, 10))["scope"]
    assert (await market.lend((scope, 4, 4))).denied is None
    second = await owner.rotate(first.row.id)
    third = await owner.rotate(second["id"])
    for key in (first.text, second["key"], third["key"]):
        assert await limits_of(gateway, key) == [(scope, 10)]
    assert (await market.lend((scope, 7, 7), gateway="gateway-2")).denied is not None
    assert (await market.lend((scope, 6, 6), gateway="gateway-2")).denied is None


async def test_what_was_used_before_the_rotation_counts_after_it(
    api: httpx.AsyncClient, market: Market, customer: Customer
) -> None:
    owner = await owner_of(api, customer)
    scope = (await owner.cap(customer.key.row.id, "requests", "month", 5))["scope"]
    (lease,) = (await market.lend((scope, 5, 5))).grants
    await market.take([market.event(customer, spends=[[lease.lease, 1]]) for _ in range(3)], closed=[lease.lease])
    new = await owner.rotate(customer.key.row.id)
    (limit,) = (await owner.ask("GET", "/api/budgets"))["items"]
    assert (limit["key_id"], limit["used"], limit["left"]) == (new["id"], 3, 2)


async def test_limits_are_set_and_taken_away_by_any_key_of_the_lineage(
    api: httpx.AsyncClient, gateway: httpx.AsyncClient, customer: Customer
) -> None:
    owner, old = await owner_of(api, customer), customer.key
    new = await owner.rotate(old.row.id)
    await owner.cap(new["id"], "requests", "day", 7)
    changed = await owner.cap(old.row.id, "requests", "day", 3)
    assert changed["key_id"] == new["id"]
    for key in (old.text, new["key"]):
        assert [cap for _, cap in await limits_of(gateway, key)] == [3]
    await owner.ask("DELETE", f"/api/budgets/key:{new['id']}:requests:day")
    for key in (old.text, new["key"]):
        assert await limits_of(gateway, key) == []


async def test_limits_survive_the_end_of_the_old_key_however_it_ends(
    api: httpx.AsyncClient, gateway: httpx.AsyncClient, market: Market, customer: Customer
) -> None:
    owner = await owner_of(api, customer)
    await owner.cap(customer.key.row.id, "requests", "day", 3)
    second = await owner.rotate(customer.key.row.id, grace=3600)
    await owner.ask("DELETE", f"/api/keys/{customer.key.row.id}")
    third = await owner.rotate(second["id"], grace=0)
    assert [cap for _, cap in await limits_of(gateway, third["key"])] == [3]
    for gone in (customer.key.text, second["key"]):
        grant = await gateway.post("/internal/keys/introspect", json={"key": gone})
        assert grant.json()["active"] is False


async def test_rotations_and_limits_at_once_leave_one_successor_under_the_cap(
    api: httpx.AsyncClient, gateway: httpx.AsyncClient, customer: Customer
) -> None:
    owner, key_id = await owner_of(api, customer), customer.key.row.id
    rotations = [
        api.post(f"/api/keys/{key_id}/rotate", json={"grace_seconds": 60}, headers=owner._headers) for _ in range(5)
    ]
    answers, *_ = await asyncio.gather(
        asyncio.gather(*rotations), *(owner.cap(key_id, "requests", "day", 9) for _ in range(5))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
    (new,) = (answer.json() for answer in answers if answer.status_code == 201)
    assert [cap for _, cap in await limits_of(gateway, new["key"])] == [9]


async def test_usage_by_key_is_one_sum_under_the_newest_key(
    api: httpx.AsyncClient, market: Market, customer: Customer
) -> None:
    owner = await owner_of(api, customer)
    other = await market.make_key(customer.caller)
    new = await owner.rotate(customer.key.row.id)
    keys = [customer.key.row.id] * 3 + [new["id"]] * 2 + [other.row.id]
    await market.take([market.event(customer, key_id=key) for key in keys])
    items = (await owner.ask("GET", "/api/usage", params={"group_by": "key"}))["items"]
    assert {item["group"]: (item["calls"], item["price_nanos"]) for item in items} == {
        new["id"]: (5, 5_000_000), other.row.id: (1, 1_000_000),
    }  # fmt: skip
    events = (await owner.ask("GET", "/api/usage/events"))["items"]
    assert sorted(event["key_id"] for event in events) == sorted(keys)


async def test_a_repeated_request_is_answered_once_across_a_rotation(
    api: httpx.AsyncClient, market: Market, customer: Customer
) -> None:
    owner = await owner_of(api, customer)
    _, plan = await market.list_service(await market.people.join("umbrella"), "other")

    async def subscribe(key: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "one-subscription"}
        body = {"plan_id": plan.id}
        return await api.post("/api/subscriptions", json=body, headers=headers)

    first = await subscribe(customer.key.text)
    assert first.status_code == 201, first.text
    again = await subscribe((await owner.rotate(customer.key.row.id))["key"])
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json() == first.json()


def test_the_migration_gives_older_chains_the_limits_of_their_newest_key(database_url: str) -> None:
    migrate(database_url, "0025")
    with psycopg.connect(database_url) as connection:
        connection.execute("INSERT INTO organisations (id, slug, name, created_at) VALUES ('org_1', 'a', 'A', now())")
        for key, rotated_to in (("key_1", "key_2"), ("key_2", "key_3"), ("key_3", None), ("key_4", None)):
            connection.execute(
                "INSERT INTO keys (id, organisation_id, kind, name, scopes, secret_hash, created_by, created_at,"
                " rotated_to) VALUES (%s, 'org_1', 'ck', 'n', '[]', 'h', 'usr', now(), %s)",
                (key, rotated_to),
            )
        for key, unit, cap in (("key_1", "requests", 2), ("key_3", "requests", 5), ("key_2", "nanos", 9)):
            connection.execute(
                "INSERT INTO budgets VALUES (%s, 'org_1', %s, %s, 'day', %s, 'usr', now())",
                (f"key:{key}:{unit}:day", key, unit, cap),
            )
        for key, used in (("key_1", 1), ("key_2", 2), ("key_3", 4), ("key_4", 8)):
            connection.execute(
                "INSERT INTO counters (scope, window_start, used, leased) VALUES (%s, '2026-11-02Z', %s, 1)",
                (f"key:{key}:requests:day", used),
            )
    migrate(database_url)
    with psycopg.connect(database_url) as connection:
        budgets = connection.execute("SELECT scope, key_id, cap FROM budgets ORDER BY scope").fetchall()
        counters = connection.execute("SELECT scope, used, leased FROM counters ORDER BY scope").fetchall()
    assert budgets == [("key:key_1:nanos:day", "key_1", 9), ("key:key_1:requests:day", "key_1", 5)]
    assert counters == [("key:key_1:requests:day", 7, 3), ("key:key_4:requests:day", 8, 1)]

"""What a gateway asks over HTTP: keys, slices, usage, recovery; wrong input, and a database that goes away."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import sql

from mercato.identity import Keys
from tests.conftest import TestClock
from tests.support.market import Customer, Market

LIMITS = [
    {"unit": "requests", "per": "minute", "amount": 5, "burst": None},
    {"unit": "tokens", "per": "month", "amount": 1000, "burst": None},
]


async def acme(market: Market, **plan: Any) -> Customer:
    service, made = await market.list_service(await market.people.join("acme"), **plan)
    return await market.customer(service, made)


async def introspect(gateway: httpx.AsyncClient, key: str) -> dict[str, Any]:
    answer = await gateway.post("/internal/keys/introspect", json={"key": key})
    assert answer.status_code == 200
    return dict(answer.json())


async def test_a_key_in_force_says_what_it_may_do(gateway: httpx.AsyncClient, market: Market, api: Any) -> None:
    customer = await acme(market, limits=LIMITS, included_unit="tokens", included=50)
    grant = await introspect(gateway, customer.key.text)
    assert (grant["active"], grant["key_id"]) == (True, customer.key.row.id)
    assert grant["consumer_id"] == customer.caller.organisation_id
    (subscription,) = grant["subscriptions"]
    assert subscription["service_id"] == customer.service.id
    name = f"subscription:{customer.subscription.id}"
    assert [(limit["scope"], limit["cap"], limit["burst"]) for limit in subscription["limits"]] == [
        (f"{name}:requests:minute", 5, 5),
        (f"{name}:tokens:month", 1000, 0),
        (f"{name}:included:month", 50, 0),
    ]


async def test_keys_not_in_force_are_inactive_and_nothing_else_is_said(
    gateway: httpx.AsyncClient, market: Market, clock: TestClock
) -> None:
    customer = await acme(market)
    revoked = await market.make_key(customer.caller)
    async with market.database.transaction() as session:
        desk = Keys(session, market.clock, market.ids, market.hasher, market.outbox)
        await desk.revoke(customer.caller, revoked.row.id)
        short = await desk.make(
            customer.caller, kind="ck", name="short", scopes=None, expires_at=clock.now() + timedelta(hours=1)
        )
    clock.advance(timedelta(hours=2))
    wrong = customer.key.text[:-1] + ("0" if customer.key.text[-1] != "0" else "1")
    for key in (revoked.text, short.text, wrong, "", "ck_", "sk-live-1", "'; --"):
        grant = await introspect(gateway, key)
        assert (grant["active"], grant["key_id"], grant["subscriptions"]) == (False, "", [])


async def test_a_flood_of_forged_keys_does_not_starve_a_real_one(gateway: httpx.AsyncClient, market: Market) -> None:
    customer = await acme(market)
    await introspect(gateway, customer.key.text)
    forged = [gateway.post("/internal/keys/introspect", json={"key": f"ck_{n:032x}_x"}) for n in range(60)]
    *_, real = await asyncio.gather(*forged, introspect(gateway, customer.key.text))
    assert isinstance(real, dict)
    assert real["active"]


async def test_a_cancelled_subscription_lends_nothing(gateway: httpx.AsyncClient, market: Market) -> None:
    customer = await acme(market, limits=LIMITS)
    scope = f"subscription:{customer.subscription.id}:requests:minute"
    assert (await market.lend((scope, 1, 1))).denied is None
    answer = await gateway.post("/internal/leases", json=lease_batch([(scope, 1, 1)]))
    assert answer.json()["answers"][0]["grants"][0]["cap"] == 5
    async with market.database.transaction() as session:
        await session.execute(sql_text("UPDATE subscriptions SET status = 'cancelled'"))
    answer = await gateway.post("/internal/leases", json=lease_batch([(scope, 1, 1)]))
    assert answer.json()["answers"][0]["denied"] == {
        "scope": scope,
        "cap": 0,
        "left": 0,
        "reset_ms": 60_000,
        "may_return": False,
    }


async def test_answers_stand_in_the_order_of_the_requests(gateway: httpx.AsyncClient, market: Market) -> None:
    customer = await acme(market, limits=LIMITS)
    name = f"subscription:{customer.subscription.id}"
    minute, tokens = f"{name}:requests:minute", f"{name}:tokens:month"
    asked = [
        [(minute, 1, 1), (tokens, 10, 20)],
        [("key:nobody:tokens:day", 1, 1)],
        [(tokens, 2000, 2000)],
        [(minute, 1, 1)],
    ]
    answer = await gateway.post("/internal/leases", json=lease_batch(*asked))
    first, unknown, beyond, last = answer.json()["answers"]
    assert [grant["scope"] for grant in first["grants"]] == [minute, tokens]
    assert unknown["denied"]["scope"] == "key:nobody:tokens:day"
    assert (beyond["denied"]["cap"], beyond["denied"]["left"]) == (1000, 980)
    assert last["grants"][0]["left"] == 3


async def test_three_hundred_calls_over_eight_gateways_get_exactly_the_plans_quota(
    gateway: httpx.AsyncClient, market: Market
) -> None:
    limit = {"unit": "requests", "per": "month", "amount": 100, "burst": None}
    customer = await acme(market, limits=[limit])
    scope = f"subscription:{customer.subscription.id}:requests:month"

    async def call(number: int) -> int:
        body = lease_batch([(scope, 1, 1)], gateway=f"gateway-{number % 8}")
        answer = await gateway.post("/internal/leases", json=body)
        return len(answer.json()["answers"][0]["grants"])

    assert sum(await asyncio.gather(*(call(number) for number in range(300)))) == 100


async def test_what_the_plan_includes_is_free_only_where_it_was_borrowed(
    gateway: httpx.AsyncClient, market: Market
) -> None:
    customer = await acme(market, included_unit="requests", included=2)
    scope = f"subscription:{customer.subscription.id}:included:month"
    lease = (await market.lend((scope, 2, 2))).grants[0].lease
    events = [market.event(customer, included=1, spends=[(lease, 1)]) for _ in range(2)]
    events += [market.event(customer), market.event(customer, included=1)]  # the last one's claim is not borne out
    body = {"gateway": "gateway-1", "life": "life_1", "closed": [lease]}
    answer = await gateway.post("/internal/usage", json=body | {"events": [e.model_dump() for e in events]})
    assert answer.json() == {"taken": 4, "known": 0}
    async with market.database.transaction() as session:
        assert await session.scalar(sql_text("SELECT sum(price_nanos) FROM usage_events")) == 2_000_000
        assert await session.scalar(sql_text("SELECT sum(included) FROM usage_events")) == 2
        assert await session.scalar(sql_text("SELECT used FROM counters")) == 2
        assert await session.scalar(sql_text("SELECT count(*) FROM usage_disputes")) == 1
    assert (await market.lend((scope, 1, 1))).denied is not None


async def test_usage_sent_twice_spends_once(gateway: httpx.AsyncClient, market: Market) -> None:
    customer = await acme(market, limits=LIMITS)
    scope = f"subscription:{customer.subscription.id}:tokens:month"
    lease = (await market.lend((scope, 100, 100))).grants[0].lease
    event = market.event(customer, tokens_in=20, tokens_out=10, spends=[(lease, 30)]).model_dump()
    body = {"gateway": "gateway-1", "life": "life_1", "events": [event], "closed": [lease]}
    answers = await asyncio.gather(*(gateway.post("/internal/usage", json=body) for _ in range(6)))
    assert sum(answer.json()["taken"] for answer in answers) == 1
    async with market.database.transaction() as session:
        row = (await session.execute(sql_text("SELECT used, leased FROM counters"))).one()
    assert tuple(row) == (30, 0)


async def test_recovery_gives_back_what_the_dead_life_held(gateway: httpx.AsyncClient, market: Market) -> None:
    customer = await acme(market, limits=LIMITS)
    scope = f"subscription:{customer.subscription.id}:tokens:month"
    await market.lend((scope, 900, 900), life="life_1")
    assert (await market.lend((scope, 200, 200), life="life_2")).denied is not None
    answer = await gateway.post("/internal/gateways/gateway-1/recovered", json={"life": "life_2"})
    assert answer.status_code == 204
    assert (await market.lend((scope, 200, 200), life="life_2")).denied is None


async def test_what_a_batch_without_answer_borrowed_can_be_lent_in_the_batch_that_names_it(
    gateway: httpx.AsyncClient, market: Market
) -> None:
    customer = await acme(market, limits=LIMITS)
    asked = lease_batch([(f"subscription:{customer.subscription.id}:tokens:month", 900, 900)])
    await gateway.post("/internal/leases", json=asked | {"batch": "1"})
    denied = await gateway.post("/internal/leases", json=asked | {"batch": "2"})
    assert denied.json()["answers"][0]["denied"]["left"] == 100
    again = await gateway.post("/internal/leases", json=asked | {"batch": "3", "abandoned": ["1", "2"]})
    assert again.json()["answers"][0]["grants"][0]["granted"] == 900
    only_named = {"gateway": "gateway-1", "life": "life_1", "requests": [], "batch": "4", "abandoned": ["3"]}
    assert (await gateway.post("/internal/leases", json=only_named)).json() == {"answers": []}
    async with market.database.transaction() as session:
        assert tuple((await session.execute(sql_text("SELECT used, leased FROM counters"))).one()) == (0, 0)


async def test_malformed_bodies_are_refused_with_the_field(gateway: httpx.AsyncClient, market: Market) -> None:
    event = market.event(await acme(market)).model_dump()
    batch = {"gateway": "g", "life": "l", "events": [event]}
    for path, body, field in (
        ("/internal/usage", batch | {"events": [event | {"tokens_in": -1}]}, "events.0.tokens_in"),
        ("/internal/usage", batch | {"events": [event | {"price_nanos": 10**19}]}, "events.0.price_nanos"),
        ("/internal/usage", batch | {"events": [event | {"status": 99}]}, "events.0.status"),
        ("/internal/usage", batch | {"surprise": 1}, "surprise"),
        ("/internal/leases", {"gateway": "g", "life": "l", "requests": [], "abandoned": [""]}, "abandoned.0"),
        ("/internal/leases", {"gateway": "g", "life": "l", "requests": [{"wants": []}]}, "requests.0.wants"),
        ("/internal/keys/introspect", {"key": "x" * 201}, "key"),
    ):
        answer = await gateway.post(path, json=body)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    for raw in (b"", b"{", b"[]", b"\xff\xfe", b'{"key": "\\u0000"}', b'{"key": "\\ud800"}'):
        assert (await gateway.post("/internal/keys/introspect", content=raw)).status_code == 422
    nul = batch | {"events": [event | {"operation": "GET /\0"}]}
    assert (await gateway.post("/internal/usage", json=nul)).status_code == 422


@pytest.mark.parametrize(
    "scope", ["", ":", "::::", "subscription::", "subscription:x", "key:🦆:tokens:day", "a" * 5000]
)
async def test_a_strange_scope_is_denied_not_broken(gateway: httpx.AsyncClient, scope: str) -> None:
    answer = await gateway.post("/internal/leases", json=lease_batch([(scope, 1, 9 * 10**18)]))
    assert answer.status_code == 200
    assert answer.json()["answers"][0]["denied"]["cap"] == 0


async def test_without_a_database_it_says_503_and_when_to_come_back_and_recovers_by_itself(
    gateway: httpx.AsyncClient, market: Market, postgres: str, database_url: str
) -> None:
    customer = await acme(market)
    event = market.event(customer).model_dump()
    body = {"gateway": "gateway-1", "life": "life_1", "events": [event]}
    name = database_url.partition("?")[0].rsplit("/", 1)[1]
    _switch(postgres, name, on=False)
    try:
        for path, asked in (("/internal/usage", body), ("/internal/keys/introspect", {"key": customer.key.text})):
            answer = await gateway.post(path, json=asked)
            assert answer.status_code == 503
            assert answer.headers["content-type"] == "application/problem+json"
            assert int(answer.headers["retry-after"]) >= 1
    finally:
        _switch(postgres, name, on=True)
    assert (await gateway.post("/internal/usage", json=body)).json() == {"taken": 1, "known": 0}
    assert (await introspect(gateway, customer.key.text))["active"]


def lease_batch(*requests: list[tuple[str, int, int]], gateway: str = "gateway-1") -> dict[str, Any]:
    return {
        "gateway": gateway,
        "life": "life_1",
        "requests": [
            {"wants": [{"scope": scope, "least": least, "most": most} for scope, least, most in wants]}
            for wants in requests
        ],
    }


def sql_text(statement: str) -> Any:
    from sqlalchemy import text

    return text(statement)


def _switch(postgres: str, name: str, *, on: bool) -> None:
    with psycopg.connect(postgres, autocommit=True) as connection:
        allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}").format(sql.Identifier(name), sql.SQL(str(on).lower()))
        connection.execute(allow)
        if not on:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])

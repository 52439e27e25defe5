"""Every kind of scope has its cap: what gateways are told is what they can borrow, and not a unit more."""

from typing import Any

import httpx
import pytest

from mercato.adapters.counters_postgres import PostgresCounters
from mercato.consumption import Limits
from mercato.consumption.snapshot import compile_changes, routes_of
from mercato.identity import Key
from mercato.metering import BudgetChanged, Budgets
from mercato.platform import Event
from mercato.platform.outbox import Place
from mercato_contracts.dataplane import Limit
from tests.support.market import Customer, Market


def rate(unit: str, per: str, amount: int, **more: Any) -> dict[str, Any]:
    return {"unit": unit, "per": per, "amount": amount, "burst": None} | more


async def budget(market: Market, caller: Any, **terms: Any) -> str:
    async with market.database.transaction() as session:
        counters = PostgresCounters(session, market.clock, market.ids)
        state = await Budgets(session, market.clock, market.outbox, counters).put(caller, **({"key_id": None} | terms))
        return state.budget.scope


async def grant(gateway: httpx.AsyncClient, customer: Customer) -> Any:
    return (await gateway.post("/internal/keys/introspect", json={"key": customer.key.text})).json()


async def check_is_lent_to_the_unit(market: Market, scope: str, cap: int) -> None:
    assert (await market.lend((scope, cap + 1, cap + 1))).denied is not None
    (lent,) = (await market.lend((scope, cap, cap))).grants
    assert (lent.granted, lent.cap) == (cap, cap)
    denied = (await market.lend((scope, 1, 1), gateway="gateway-2")).denied
    assert denied is not None
    assert denied.cap == cap


async def test_what_a_deployment_bears_is_in_the_snapshot_and_is_lent(market: Market) -> None:
    bears = [
        rate("requests", "minute", 60), rate("tokens", "day", 900), rate("requests", "minute", 70),
        rate("concurrent", "ever", 5),
    ]  # fmt: skip
    service, _ = await market.list_service(await market.people.join("acme"), bears=bears)
    await market.list_service(await market.people.join("umbrella"), "unlimited")
    async with market.database.transaction() as session:
        (route,) = await routes_of(session, [service.id], market.seal)
    (deployment,) = route.releases[0].deployments
    minute, day = f"deployment:{deployment.id}:requests:minute", f"deployment:{deployment.id}:tokens:day"
    assert deployment.limits == [
        Limit(scope=minute, unit="requests", window="minute", cap=60, burst=60),
        Limit(scope=day, unit="tokens", window="day", cap=900),
        Limit(scope=f"deployment:{deployment.id}:concurrent:ever", unit="concurrent", window="ever", cap=5),
    ]
    await check_is_lent_to_the_unit(market, minute, 60)
    await check_is_lent_to_the_unit(market, day, 900)
    await check_is_lent_to_the_unit(market, f"deployment:{deployment.id}:concurrent:ever", 5)


@pytest.mark.parametrize(
    ("said", "cap"), [({}, 60), ({"limits": []}, None), ({"limits": [rate("requests", "minute", 600)]}, 600)]
)
async def test_a_deployment_bears_sixty_calls_a_minute_unless_its_manifest_says_otherwise(
    market: Market, said: Any, cap: int | None
) -> None:
    service, _ = await market.list_service(await market.people.join("acme"))
    await market.add_release(service, "1.1.0", endpoint={"url": "http://127.0.0.1:9/v1"} | said)
    async with market.database.transaction() as session:
        (route,) = await routes_of(session, [service.id], market.seal)
    (place,) = next(release for release in route.releases if release.version == "1.1.0").deployments
    scope = f"deployment:{place.id}:requests:minute"
    assert [(limit.scope, limit.cap, limit.burst) for limit in place.limits] == ([(scope, cap, cap)] if cap else [])
    if cap is not None:
        await check_is_lent_to_the_unit(market, scope, cap)


async def test_a_plans_shared_limit_is_one_cap_for_all_who_subscribed(
    gateway: httpx.AsyncClient, market: Market
) -> None:
    limits = [rate("requests", "day", 8), rate("requests", "day", 10, across="plan")]
    service, plan = await market.list_service(await market.people.join("acme"), limits=limits)
    customers = [await market.customer(service, plan) for _ in range(2)]
    shared = f"plan:{plan.id}:requests:day"
    for customer in customers:
        (subscription,) = (await grant(gateway, customer))["subscriptions"]
        own = f"subscription:{customer.subscription.id}:requests:day"
        assert [(limit["scope"], limit["cap"]) for limit in subscription["limits"]] == [(own, 8), (shared, 10)]
    wants = [[(f"subscription:{one.subscription.id}:requests:day", 6, 6), (shared, 6, 6)] for one in customers]
    assert (await market.lend(*wants[0])).denied is None
    denied = (await market.lend(*wants[1])).denied
    assert denied is not None
    assert (denied.scope, denied.left) == (shared, 4)


async def test_a_vendors_cap_counts_all_calls_of_its_services_and_its_subscribers_hear_of_it(
    gateway: httpx.AsyncClient, market: Market
) -> None:
    vendor = await market.people.join("acme")
    customers = [await market.customer(*await market.list_service(vendor, name)) for name in ("one", "two")]
    other = await market.customer(*await market.list_service(await market.people.join("umbrella")))
    scope = await budget(market, vendor, unit="requests", window="day", cap=5, side="vendor")
    assert scope == f"vendor:{vendor.organisation_id}:requests:day"
    for customer in customers:
        assert [limit["scope"] for limit in (await grant(gateway, customer))["subscriptions"][0]["limits"]] == [scope]
    assert (await grant(gateway, other))["subscriptions"][0]["limits"] == []
    async with market.database.transaction() as session:
        own = Key(id="key_1", lineage_id="key_1", organisation_id=vendor.organisation_id)
        assert await Limits(session).of_key(own) == []
        changed = BudgetChanged(by="usr_1", organisation_id=vendor.organisation_id, side="vendor")
        answer = await compile_changes(session, [Event(Place(1, 1), changed, market.clock.now())], market.seal)
    assert {line.id for line in answer} == {one.caller.organisation_id for one in customers}  # type: ignore[attr-defined]
    await check_is_lent_to_the_unit(market, scope, 5)


async def test_a_plan_may_allow_so_many_calls_at_once_to_each_subscription_and_to_all(
    gateway: httpx.AsyncClient, market: Market
) -> None:
    limits = [rate("concurrent", "ever", 2), rate("concurrent", "ever", 3, across="plan")]
    service, plan = await market.list_service(await market.people.join("acme"), limits=limits)
    customer = await market.customer(service, plan)
    (subscription,) = (await grant(gateway, customer))["subscriptions"]
    own, shared = f"subscription:{customer.subscription.id}:concurrent:ever", f"plan:{plan.id}:concurrent:ever"
    assert [(limit["scope"], limit["window"], limit["cap"]) for limit in subscription["limits"]] == [
        (own, "ever", 2),
        (shared, "ever", 3),
    ]
    await check_is_lent_to_the_unit(market, own, 2)
    await check_is_lent_to_the_unit(market, shared, 3)


@pytest.mark.parametrize("of_key", [True, False])
@pytest.mark.parametrize(
    ("unit", "window"),
    [
        *((unit, window) for unit in ("requests", "tokens") for window in ("second", "minute", "day", "month")),
        ("nanos", "day"),
        ("nanos", "month"),
        ("concurrent", "ever"),
    ],
)
async def test_each_budget_is_told_and_lent_to_the_unit(
    gateway: httpx.AsyncClient, market: Market, unit: str, window: str, of_key: bool
) -> None:
    service, plan = await market.list_service(await market.people.join("acme"))
    customer = await market.customer(service, plan)
    key_id = customer.key.row.id if of_key else None
    scope = await budget(market, customer.caller, key_id=key_id, unit=unit, window=window, cap=7)
    burst = 7 if window in ("second", "minute") else 0
    found = (await grant(gateway, customer))["limits"]
    assert found == [{"scope": scope, "unit": unit, "window": window, "cap": 7, "burst": burst}]
    second = await market.make_key(customer.caller)
    answer = await gateway.post("/internal/keys/introspect", json={"key": second.text})
    assert answer.json()["limits"] == ([] if of_key else found)
    await check_is_lent_to_the_unit(market, scope, 7)


@pytest.mark.parametrize("kind", ["plan", "vendor", "deployment"])
async def test_a_scope_without_a_cap_lends_nothing(market: Market, kind: str) -> None:
    service, plan = await market.list_service(await market.people.join("acme"), limits=[rate("requests", "day", 8)])
    ids = {"plan": plan.id, "vendor": service.vendor_id, "deployment": "dep_1"}
    denied = (await market.lend((f"{kind}:{ids[kind]}:requests:day", 1, 1))).denied
    assert denied is not None
    assert denied.cap == 0

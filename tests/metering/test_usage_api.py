"""Usage and budgets over HTTP: each side sees its own, and nobody another's."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from mercato.identity import Caller
from tests.support.market import Customer, Market

PASSWORD = "correct horse battery"


async def sign_in(api: httpx.AsyncClient, caller: Caller) -> dict[str, str]:
    email = f"{caller.organisation_slug}@example.org"
    answer = await api.post("/api/sessions", json={"email": email, "password": PASSWORD})
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


async def two_customers(market: Market) -> tuple[Caller, Customer, Customer]:
    vendor = await market.people.join("acme")
    service, plan = await market.list_service(vendor)
    one, two = await market.customer(service, plan, "globex"), await market.customer(service, plan, "initech")
    await market.take([market.event(one) for _ in range(7)] + [market.event(two) for _ in range(5)])
    return vendor, one, two


async def test_a_consumer_sees_its_own_calls_and_their_sums(api: httpx.AsyncClient, market: Market) -> None:
    _, one, _ = await two_customers(market)
    headers = await sign_in(api, one.caller)
    for group, name in (("service", one.service.id), ("key", one.key.row.id), ("day", "2026-11-02")):
        answer = (await api.get("/api/usage", params={"group_by": group}, headers=headers)).json()
        assert [(item["group"], item["calls"], item["price_nanos"]) for item in answer["items"]] == [
            (name, 7, 7_000_000)
        ]
        assert answer["totals"][0]["calls"] == 7


async def test_every_group_has_the_name_that_people_know_it_by(api: httpx.AsyncClient, market: Market) -> None:
    vendor, one, _ = await two_customers(market)
    service = f"acme/{one.service.name}"
    theirs, ours = await sign_in(api, one.caller), await sign_in(api, vendor)

    async def names(headers: dict[str, str], side: str, group: str) -> set[str]:
        answer = await api.get("/api/usage", params={"side": side, "group_by": group}, headers=headers)
        return {item["name"] for item in answer.json()["items"]}

    assert await names(theirs, "consumer", "service") == {service}
    assert await names(theirs, "consumer", "key") == {"test"}
    assert await names(theirs, "consumer", "vendor") == {"acme"}
    assert await names(theirs, "consumer", "day") == {"2026-11-02"}
    assert await names(theirs, "consumer", "subscription") == {f"{service}, {one.plan.name}"}
    assert await names(ours, "vendor", "consumer") == {"globex", "initech"}
    (subscription,) = (await api.get("/api/subscriptions", headers=theirs)).json()["items"]
    assert (subscription["service"], subscription["plan"]) == (service, one.plan.name)


async def test_a_vendor_sees_the_calls_of_its_services_and_no_keys(api: httpx.AsyncClient, market: Market) -> None:
    vendor, one, _ = await two_customers(market)
    headers = await sign_in(api, vendor)
    answer = (await api.get("/api/usage", params={"side": "vendor", "group_by": "consumer"}, headers=headers)).json()
    assert sorted(item["calls"] for item in answer["items"]) == [5, 7]
    events = (await api.get("/api/usage/events", params={"side": "vendor"}, headers=headers)).json()["items"]
    assert len(events) == 12
    assert one.key.row.id not in str(events)
    refused = await api.get("/api/usage", params={"side": "vendor", "group_by": "key"}, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (422, "usage_group_refused")
    mine = (await api.get("/api/usage", headers=headers)).json()
    assert (mine["items"], mine["totals"]) == ([], [])


async def test_a_consumer_sees_which_service_a_fallback_answered_for_and_its_vendor_does_not(
    api: httpx.AsyncClient, market: Market
) -> None:
    vendor = await market.people.join("acme")
    one = await market.customer(*await market.list_service(vendor), "globex")
    direct, instead = market.event(one), market.event(one).model_copy(update={"asked_service_id": "svc_asked"})
    await market.take([direct, instead])
    own = (await api.get("/api/usage/events", headers=await sign_in(api, one.caller))).json()["items"]
    assert {item["id"]: item["asked_service_id"] for item in own} == {direct.id: None, instead.id: "svc_asked"}
    params = {"side": "vendor"}
    theirs = (await api.get("/api/usage/events", params=params, headers=await sign_in(api, vendor))).json()["items"]
    assert [item["asked_service_id"] for item in theirs] == [None, None]


async def test_only_operators_see_the_marketplace(api: httpx.AsyncClient, market: Market) -> None:
    _, one, _ = await two_customers(market)
    params = {"side": "marketplace", "group_by": "vendor"}
    refused = await api.get("/api/usage", params=params, headers=await sign_in(api, one.caller))
    assert refused.status_code == 403
    operator = await sign_in(api, await market.operator())
    assert (await api.get("/api/usage", params=params, headers=operator)).json()["totals"][0]["calls"] == 12
    disputes = await api.get("/api/usage/disputes", headers=operator)
    assert (disputes.status_code, disputes.json()["items"]) == (200, [])
    assert (await api.get("/api/usage", params=params)).status_code == 401


async def test_pages_of_calls_give_each_once_and_a_request_is_found_by_its_id(
    api: httpx.AsyncClient, market: Market
) -> None:
    _, one, _ = await two_customers(market)
    headers = await sign_in(api, one.caller)
    seen: list[str] = []
    params: dict[str, Any] = {"limit": 3}
    while True:
        page = (await api.get("/api/usage/events", params=params, headers=headers)).json()
        seen += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        params["after"] = page["next"]
    assert len(seen) == len(set(seen)) == 7
    assert seen == sorted(seen)
    wanted = (await api.get("/api/usage/events", params={"limit": 1}, headers=headers)).json()["items"][0]
    found = await api.get("/api/usage/events", params={"request_id": wanted["request_id"]}, headers=headers)
    assert [item["id"] for item in found.json()["items"]] == [wanted["id"]]


@pytest.mark.parametrize(
    "params",
    [
        {"since": "2026-11-01T00:00:00Z", "until": "2026-10-01T00:00:00Z"},
        {"since": "2020-01-01T00:00:00Z", "until": "2026-10-01T00:00:00Z"},
        {"since": "2026-11-01T00:00:00", "until": "2026-12-01T00:00:00"},
        {"since": "yesterday"},
        {"after": "use_'--"},
        {"after": "\0"},
        {"request_id": "\0"},
        {"limit": "100000"},
    ],
)
async def test_strange_questions_are_refused(api: httpx.AsyncClient, market: Market, params: dict[str, str]) -> None:
    headers = await sign_in(api, await market.people.join("globex"))
    answer = await api.get("/api/usage/events", params=params, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["detail"]


async def test_a_budget_counts_money_and_stops_at_its_cap(api: httpx.AsyncClient, market: Market) -> None:
    _, one, _ = await two_customers(market)
    headers = await sign_in(api, one.caller)
    put = await api.put("/api/budgets", json={"cap": 5_000_000}, headers=headers)
    scope = f"consumer:{one.caller.organisation_id}:nanos:month"
    assert (put.status_code, put.json()["scope"], put.json()["left"]) == (200, scope, 5_000_000)
    lease = (await market.lend((scope, 4_000_000, 4_000_000))).grants[0].lease
    await market.take([market.event(one, spends=[(lease, 1_000_000)])])
    (item,) = (await api.get("/api/budgets", headers=headers)).json()["items"]
    assert (item["used"], item["held"], item["left"]) == (1_000_000, 3_000_000, 1_000_000)
    assert (await market.lend((scope, 1_000_001, 1_000_001))).denied is not None
    assert (await api.put("/api/budgets", json={"cap": 0}, headers=headers)).json()["left"] == 0
    assert (await market.lend((scope, 1, 1))).denied is not None
    assert (await api.delete(f"/api/budgets/{scope}", headers=headers)).status_code == 204
    assert (await api.delete(f"/api/budgets/{scope}", headers=headers)).json()["code"] == "budget_not_found"


async def test_a_key_cannot_raise_its_own_budget_nor_anybody_anothers(api: httpx.AsyncClient, market: Market) -> None:
    _, one, two = await two_customers(market)
    body = {"cap": 10, "unit": "requests", "window": "day", "key_id": one.key.row.id}
    by_key = await api.put("/api/budgets", json=body, headers={"Authorization": f"Bearer {one.key.text}"})
    assert by_key.status_code == 403
    by_other = await api.put("/api/budgets", json=body, headers=await sign_in(api, two.caller))
    assert (by_other.status_code, by_other.json()["code"]) == (404, "budget_key_unknown")
    mine = await api.put("/api/budgets", json=body, headers=await sign_in(api, one.caller))
    assert mine.json()["scope"] == f"key:{one.key.row.id}:requests:day"
    theirs = await api.delete(f"/api/budgets/{mine.json()['scope']}", headers=await sign_in(api, two.caller))
    assert theirs.status_code == 404


@pytest.mark.parametrize(
    "body",
    [{"cap": -1}, {"cap": 1.5}, {"cap": 10**19}, {"cap": 1, "window": "ever"}, {"cap": 1, "window": "minute"}, {}],
)
async def test_malformed_budgets_are_refused(api: httpx.AsyncClient, market: Market, body: dict[str, Any]) -> None:
    answer = await api.put("/api/budgets", json=body, headers=await sign_in(api, await market.people.join("globex")))
    assert (answer.status_code, answer.json()["code"]) == (422, "malformed_request")


async def test_the_story_over_http(api: httpx.AsyncClient, market: Market) -> None:
    vendor = await market.people.join("acme")
    service, plan = await market.list_service(vendor)
    consumer = await market.people.join("globex")
    headers = await sign_in(api, consumer)
    made = await api.post("/api/subscriptions", json={"plan_id": plan.id}, headers=headers)
    again = await api.post("/api/subscriptions", json={"plan_id": plan.id}, headers=headers)
    assert (made.status_code, made.json()["id"]) == (201, again.json()["id"])
    assert len((await api.get("/api/subscriptions", headers=headers)).json()["items"]) == 1
    as_vendor = await api.get("/api/subscriptions", params={"side": "vendor"}, headers=await sign_in(api, vendor))
    assert as_vendor.json()["items"][0]["consumer_id"] == consumer.organisation_id
    customer = Customer(
        consumer, await market.make_key(consumer), await market.subscribe(consumer, plan), plan, service
    )
    await market.take([market.event(customer) for _ in range(10)])
    operator = await sign_in(api, await market.operator())
    refused = await api.post("/api/billing/close", json={"period": "2026-11"}, headers=headers)
    assert refused.status_code == 403
    closed = (await api.post("/api/billing/close", json={"period": "2026-11"}, headers=operator)).json()
    (invoice,) = (await api.get("/api/invoices", headers=headers)).json()["items"]
    assert closed["invoices"] == [invoice]
    detail = (await api.get(f"/api/invoices/{invoice['id']}", headers=headers)).json()
    assert sum(line["amount_nanos"] for line in detail["lines"]) == detail["total_nanos"] == 10_000_000
    (payout,) = (await api.get("/api/payouts", headers=await sign_in(api, vendor))).json()["items"]
    assert (payout["gross_nanos"], payout["fee_nanos"], payout["net_nanos"]) == (10_000_000, 1_000_000, 9_000_000)
    balance = (await api.get("/api/ledger/trial-balance", headers=operator)).json()
    assert balance["sums"] == {"USD": 0}
    found = (await api.get("/api/ledger/reconciliation", params={"period": "2026-11"}, headers=operator)).json()
    assert (found["calls"], found["price_nanos"], found["differences"]) == (10, {"USD": 10_000_000}, [])
    gone = await api.delete(f"/api/subscriptions/{made.json()['id']}", headers=headers)
    assert gone.json()["status"] == "cancelled"
    market.clock.advance(timedelta(seconds=1))


async def test_usage_of_a_month_is_read_through_one_partition(market: Market) -> None:
    _, one, _ = await two_customers(market)
    await market.take([market.event(one, at=market.clock.now() - timedelta(days=60))])
    async with market.database.transaction() as session:
        rows = await session.execute(
            text("EXPLAIN SELECT 1 FROM usage_events WHERE at >= '2026-11-01Z' AND at < '2026-12-01Z'")
        )
        plan = " ".join(row[0] for row in rows)
    assert "y2026m11" in plan
    assert "y2026m09" not in plan

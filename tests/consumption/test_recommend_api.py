"""Recommendations over HTTP: from real calls, with a reason, to who is signed in."""

import httpx

from tests.consumption.test_alerts import acme, calls, sign_in
from tests.consumption.test_measuring import measure, write_rows
from tests.support.market import Customer, Market


async def test_what_others_use_together_is_recommended_with_its_reason(api: httpx.AsyncClient, market: Market) -> None:
    vendor, first = await acme(market)
    second, plan = await market.list_service(vendor, "second")
    alone, alone_plan = await market.list_service(vendor, "alone")
    await write_rows(market, first.service, second, alone)
    for _ in range(3):
        other = await market.customer(first.service, first.plan)
        await calls(market, other, good=2)
        subscription = await market.subscribe(other.caller, plan)
        await calls(market, Customer(other.caller, other.key, subscription, plan, second), good=1)
    await calls(market, first, good=1)
    await measure(market)
    found = (await api.get("/api/recommend", headers=await sign_in(api, first.caller))).json()["items"]
    assert found[0]["listing"]["name"] == "acme/second"
    assert found[0]["because"].startswith("used together with acme/embedder by 3 organisations")
    assert found[0]["ways"][0] == "together"
    assert "acme/embedder" not in [one["listing"]["name"] for one in found], "it is used already"
    own = (await api.get("/api/recommend", headers=await sign_in(api, vendor))).json()["items"]
    assert own == [], "nobody is recommended what they sell"
    newcomer = await market.people.join("newcomer")
    cold = (await api.get("/api/recommend", headers=await sign_in(api, newcomer))).json()["items"]
    assert {one["listing"]["name"] for one in cold} == {"acme/embedder", "acme/second"}
    assert (await api.get("/api/recommend")).status_code == 401
    assert alone_plan.service_id == alone.id


async def test_trending_counts_organisations_by_task(api: httpx.AsyncClient, market: Market) -> None:
    _, customer = await acme(market)
    await write_rows(market, customer.service)
    await calls(market, customer, good=30)
    await measure(market)
    found = (await api.get("/api/trending", params={"task": "embeddings"})).json()["items"]
    assert [(one["listing"]["name"], one["consumers"]) for one in found] == [("acme/embedder", 1)]
    assert found[0]["trend_millis"] > 0
    assert (await api.get("/api/trending", params={"task": "chat"})).json() == {"items": []}
    assert (await api.get("/api/trending", params={"task": "magic"})).status_code == 422

"""Unusual hours over HTTP: told once a day to whom they concern, remembered where they are normal."""

import asyncio
from datetime import timedelta

import httpx

from mercato.metering import WatchUsage
from tests.metering.test_series import shop
from tests.metering.test_usage_api import sign_in
from tests.support.market import Customer, Market

HOUR, WEEK = timedelta(hours=1), timedelta(days=7)


async def use(market: Market, customer: Customer, tokens: int, *, weeks: int = 0, hours: int = 2) -> None:
    """One call in each of the last hours, and as many weeks before."""
    end = (market.clock.now() - timedelta(minutes=10)).replace(minute=0, second=0, microsecond=0)
    moments = [
        end - HOUR * back - WEEK * week + timedelta(minutes=20)
        for back in range(1, hours + 1)
        for week in (range(1, weeks + 1) if weeks else (0,))
    ]
    await market.take([market.event(customer, at=at, tokens_in=tokens) for at in moments])


async def watch(market: Market) -> int:
    async with market.database.transaction() as session:
        return await WatchUsage(session, market.clock, market.ids, market.outbox).watch()


async def test_two_unusual_hours_are_told_once_a_day_and_what_is_normal_is_remembered(
    api: httpx.AsyncClient, market: Market
) -> None:
    vendor, customers = await shop(market)
    mine, theirs = await sign_in(api, customers[0].caller), await sign_in(api, customers[1].caller)
    await use(market, customers[0], 30_000, weeks=6)
    await use(market, customers[1], 30_000, weeks=2)
    for customer in customers[:2]:
        await use(market, customer, 900_000)
    # Whoever is first looks, whatever the number of workers; the young customer is not judged.
    assert sum(await asyncio.gather(*(watch(market) for _ in range(3)))) == 3
    assert await watch(market) == 0
    found = (await api.get("/api/usage/anomalies", headers=mine)).json()["items"]
    assert [(one["scope"], one["name"], one["metric"], one["kind"], one["weeks"]) for one in found] == [
        ("consumer", customers[0].caller.organisation_slug, "tokens", "more", 6)
    ]
    assert "the same hour of the last 6 weeks had" in found[0]["sentence"]
    assert (await api.get("/api/usage/anomalies", headers=theirs)).json()["items"] == []
    seller = await sign_in(api, vendor)
    of_service = (await api.get("/api/usage/anomalies", params={"side": "vendor"}, headers=seller)).json()["items"]
    assert [(one["scope"], one["name"]) for one in of_service] == [("service", "acme/embedder")]
    operator = await sign_in(api, await market.operator())
    params: dict[str, str | int] = {"side": "marketplace", "limit": 2}
    page = (await api.get("/api/usage/anomalies", params=params, headers=operator)).json()
    rest = (await api.get("/api/usage/anomalies", params={**params, "before": page["next"]}, headers=operator)).json()
    assert {one["scope"] for one in page["items"] + rest["items"]} == {"consumer", "service", "market"}
    # The next hour is unusual too: the same day has told of it.
    market.clock.advance(HOUR)
    await use(market, customers[0], 900_000, hours=1)
    assert await watch(market) == 0
    mine, theirs, seller = [await sign_in(api, who) for who in (customers[0].caller, customers[1].caller, vendor)]
    path = f"/api/usage/anomalies/{found[0]['id']}/normal"
    for headers, status in ((theirs, 404), (seller, 404), (mine, 200), (mine, 200)):
        answer = await api.post(path, headers=headers)
        assert answer.status_code == status, answer.text
    assert answer.json()["normal_by"] == customers[0].caller.actor
    # As much on another day is normal for this customer, and much more is not.
    for day, tokens, expected in ((1, 950_000, False), (2, 3_000_000, True)):
        market.clock.advance(timedelta(days=1))
        await use(market, customers[0], 30_000, weeks=6)
        await use(market, customers[0], tokens)
        await watch(market)
        mine = await sign_in(api, customers[0].caller)
        items = (await api.get("/api/usage/anomalies", headers=mine)).json()["items"]
        assert any(one["hour"][:10] == f"2026-11-0{2 + day}" for one in items) == expected
    bad = await api.post("/api/usage/anomalies/ano_none/normal", headers=mine)
    assert (bad.status_code, bad.json()["code"]) == (404, "anomaly_not_found")
    refused = await api.get("/api/usage/anomalies", params={"side": "marketplace"}, headers=mine)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")

"""Analytics of a marketplace with services, consumers and calls: made by the worker, read by operators."""

import asyncio
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from mercato.admin import AnalyticsWork
from mercato.platform import Database
from tests.admin.test_audit_api import Headers, sign_in, sign_up
from tests.conftest import TestClock
from tests.console.browser import browser_of
from tests.console.browser import sign_in as sign_in_at
from tests.support.market import TAKE_RATE_BP, Customer, Market, market

__all__ = ["market"]
DAY = timedelta(days=1)


@pytest.fixture
async def operator(api: httpx.AsyncClient, market: Market) -> Headers:
    await market.operator()
    return await sign_in(api, "operator@example.org")


@pytest.fixture
async def customers(market: Market) -> list[Customer]:
    """Two organisations that use one service."""
    service, plan = await market.list_service(await market.people.join("vendor"), per_1k_input_nanos=5_000_000)
    return [await market.customer(service, plan) for _ in range(2)]


async def call(market: Market, of: Customer, *, days_ago: int, times: int) -> None:
    at = market.clock.now() - days_ago * DAY
    await market.take([market.event(of, at=at + timedelta(seconds=each)) for each in range(times)])


async def test_what_the_worker_made_is_what_operators_read(
    api: httpx.AsyncClient, operator: Headers, market: Market, customers: list[Customer], database: Database,
    clock: TestClock,
) -> None:  # fmt: skip
    before = (await api.get("/api/analytics", headers=operator)).json()
    assert (before["made_at"], before["cohorts"], before["take"]) == (None, [], [])
    first, second = customers
    for days_ago, times in ((20, 1), (9, 2), (1, 5)):
        await call(market, first, days_ago=days_ago, times=times)
    await call(market, second, days_ago=2, times=3)
    work = AnalyticsWork(database, clock)
    assert await work.make_due() is True
    assert await work.make_due() is False, "they are not an hour old"
    found = (await api.get("/api/analytics", headers=operator)).json()
    assert sum(each["size"] for each in found["cohorts"]) == 2
    moved = {each["name"]: (each["calls"], each["calls_before"]) for each in found["movers"]}
    slugs = [each.caller.organisation_slug for each in customers]
    assert moved == {slugs[0]: (5, 2), slugs[1]: (3, 0), "vendor/" + first.service.name: (8, 2)}
    [forecast] = found["forecast"]
    assert sum(day["calls"] for day in forecast["days"]) == 11
    assert forecast["weeks"] == 2
    [takings] = [each for each in found["take"] if each["charged_nanos"]][-1:]
    assert takings["taken_bp"] == TAKE_RATE_BP
    assert sum(each["charged_nanos"] for each in found["take"]) == sum(
        nanos for each in found["cohorts"] for money in each["charged"] for nanos in money["nanos"]
    )
    clock.advance(timedelta(minutes=61))
    assert await work.make_due() is True


async def test_it_is_for_operators_and_workers_at_once_make_one(
    api: httpx.AsyncClient, operator: Headers, customers: list[Customer], market: Market, database: Database,
    clock: TestClock,
) -> None:  # fmt: skip
    acme = await sign_up(api, "acme")
    refused = await api.get("/api/analytics", headers=acme)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    assert (await api.get("/api/analytics")).status_code == 401
    await call(market, customers[0], days_ago=1, times=1)
    await asyncio.gather(*(AnalyticsWork(database, clock).make_due() for _ in range(3)))
    async with database.transaction() as session:
        kept = (await session.execute(text("SELECT name, digest FROM analytics_reports"))).all()
    assert len(kept) == 8
    assert len({digest for _, digest in kept}) == 1
    shown = (await api.get("/api/analytics", headers=operator)).json()
    assert shown["digest"] == kept[0][1]


async def test_a_service_goes_from_submission_to_its_first_call(
    api: httpx.AsyncClient, operator: Headers, customers: list[Customer], market: Market, database: Database,
    clock: TestClock,
) -> None:  # fmt: skip
    await AnalyticsWork(database, clock).make_due()
    [month] = (await api.get("/api/analytics", headers=operator)).json()["funnel"]
    assert (month["submitted"], month["released"], month["called"]) == (1, 1, 0)
    clock.advance(timedelta(hours=2))
    await call(market, customers[0], days_ago=0, times=1)
    await AnalyticsWork(database, clock).make_due()
    anew = await sign_in(api, "operator@example.org")
    [month] = (await api.get("/api/analytics", headers=anew)).json()["funnel"]
    assert month["called"] == 1
    # A call stands at the start of its quarter hour.
    assert 6_300 < month["call_seconds"] <= 7_200


async def test_the_page_shows_every_report_without_a_script(
    app: FastAPI, operator: Headers, customers: list[Customer], market: Market, database: Database, clock: TestClock
) -> None:
    async with browser_of(app) as browser:
        assert (await sign_in_at(browser, "operator")).status_code == 303
        empty = await browser.get("/ops/analytics")
        assert "Nothing was made yet" in empty.text
        for days_ago, times in ((20, 1), (9, 2), (1, 5)):
            await call(market, customers[0], days_ago=days_ago, times=times)
        await AnalyticsWork(database, clock).make_due()
        page = await browser.get("/ops/analytics")
    assert page.status_code == 200, page.text
    for heading in ("Retention", "Cohorts", "From submission to first call", "Consumers that moved most"):
        assert f"<h2>{heading}</h2>" in page.text
    for chart in ("Calls in USD", "Charged in USD", "Take in USD, month by month"):
        assert chart in page.text
    assert f"/ops/organisations/{customers[0].caller.organisation_slug}" in page.text
    assert page.text.count('class="chart-table"') == page.text.count("<figure") == 6, "a table beside each chart"
    assert "<script" not in page.text.split("<main", 1)[1].split("</main>", 1)[0]

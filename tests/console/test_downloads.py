"""Downloads: the same figures as on the page, safe to open in a table."""

import csv
import io
import re
from datetime import timedelta

import httpx
from fastapi import FastAPI

from tests.console.browser import browser_of, sign_in
from tests.console.test_buying_pages import shop
from tests.support.market import Market


def rows_of(answer: httpx.Response) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"].startswith("attachment;")
    return list(csv.DictReader(io.StringIO(answer.text)))


async def test_revenue_is_a_file_of_what_the_page_shows(app: FastAPI, market: Market) -> None:
    customer = await shop(market)
    await market.take([market.event(customer, at=market.clock.now() - timedelta(days=1)) for _ in range(3)])
    async with browser_of(app) as browser:
        await sign_in(browser, "vendor")
        page = await browser.get("/vendor/revenue", params={"days": "7", "by": "consumer"})
        link = re.search(r'href="(/vendor/revenue/export[^"]+)"', page.text)
        assert link is not None
        rows = rows_of(await browser.get(link[1].replace("&amp;", "&")))
        assert [(row["day_UTC"], row["consumer"], row["calls"], row["failed"]) for row in rows] == [
            ("2026-11-01", "buyer", "3", "0"), ("2026-11-02", "buyer", "2", "1"),
        ]  # fmt: skip
        assert sum(int(row["charged_nanos"]) for row in rows) == 4_000_000
        assert rows[0]["start_utc"] == "2026-11-01T00:00:00Z"
        await sign_in(browser, "buyer")
        assert rows_of(await browser.get("/vendor/revenue/export")) == []


async def test_a_file_of_calls_is_of_the_period_and_the_filters_of_the_page(app: FastAPI, market: Market) -> None:
    customer = await shop(market)
    market.clock.advance(timedelta(days=3))
    await market.take([market.event(customer), market.event(customer, status=503)])
    async with browser_of(app) as browser:
        await sign_in(browser, "buyer")
        for query, calls in (({"to": "2026-11-03"}, 2), ({"from": "2026-11-03", "failed": "true"}, 1)):
            page = await browser.get("/calls", params=query)
            link = re.search(r'href="(/calls/export[^"]+format=csv)"', page.text)
            assert link is not None
            rows = rows_of(await browser.get(link[1].replace("&amp;", "&")))
            assert len(rows) == calls == page.text.count('<tr><th scope="row" class="tight">')


async def test_usage_is_a_file_of_what_the_page_shows(app: FastAPI, market: Market) -> None:
    customer = await shop(market)
    market.clock.advance(timedelta(days=3))
    await market.take([market.event(customer)])
    async with browser_of(app) as browser:
        await sign_in(browser, "buyer")
        for query, lines in (
            ({"by": "key", "metric": "p95_us"}, 2), ({"by": "nothing"}, 2),
            ({"from": "2026-11-04", "by": "service"}, 1),
        ):  # fmt: skip
            page = await browser.get("/usage", params=query)
            link = re.search(r'href="(/usage/export[^"]*)"', page.text)
            assert link is not None
            rows = rows_of(await browser.get(link[1].replace("&amp;", "&")))
            assert len(rows) == lines
            assert sum(int(row["charged_nanos"]) for row in rows) == 1_000_000 * lines
            assert ("service" in rows[0]) == (query["by"] == "service")


async def test_payouts_and_their_lines_are_files(app: FastAPI, market: Market) -> None:
    customer = await shop(market)
    market.clock.advance(timedelta(days=40))
    await market.close("2026-11")
    async with browser_of(app) as browser:
        await sign_in(browser, "vendor")
        (payout,) = rows_of(await browser.get("/vendor/payouts/export"))
        assert (payout["period"], payout["gross_nanos"], payout["net_nanos"]) == ("2026-11", "1000000", "900000")
        path = f"/vendor/payouts/{payout['id']}/export"
        lines = rows_of(await browser.get(path))
        assert sum(int(line["net_nanos"]) for line in lines) == int(payout["net_nanos"])
        assert {line["service"] for line in lines} == {"vendor/embedder"}
        assert path in (await browser.get(f"/vendor/payouts/{payout['id']}")).text
        await sign_in(browser, "buyer")
        assert rows_of(await browser.get("/vendor/payouts/export")) == []
        assert (await browser.get(path)).status_code == 404
    assert customer.service.name == "embedder"


async def test_rounds_are_for_visitors_without_anybodys_own(app: FastAPI, browser: httpx.AsyncClient) -> None:
    page = await browser.get("/rounds")
    assert (page.status_code, "No rounds yet" in page.text) == (200, True)
    assert 'href="/rounds"' in (await browser.get("/")).text
    assert (await browser.get("/rounds/rnd_nothing")).status_code == 404

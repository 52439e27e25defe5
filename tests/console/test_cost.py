"""What a page costs: a fixed number of questions to the database, however much there is."""

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import REGISTRY
from sqlalchemy import select

from mercato.publishing.models import Release
from tests.console.browser import sign_in
from tests.console.test_buying_pages import shop
from tests.support.market import Market
from tests.support.statements import counted

MOST_STATEMENTS = 8
PAGES = (
    "/", "/search", "/home", "/usage", "/calls", "/subscriptions", "/budgets", "/invoices", "/webhooks",
    "/organisation", "/organisation/audit", "/services/vendor/embedder", "/services/vendor/embedder/pricing",
    "/services/vendor/embedder/try", "/services/vendor/embedder/reviews", "/services/vendor/embedder/diff",
    "/compare?service=vendor/embedder",
    "/rankings", "/vendors/vendor", "/recommended", "/leaderboard", "/status",
)  # fmt: skip
ALSO = ("/keys", "/statement", "/vendor")


async def test_a_page_asks_the_database_a_fixed_number_of_times(
    app: FastAPI, browser: httpx.AsyncClient, market: Market
) -> None:
    customer = await shop(market)
    await sign_in(browser, "buyer")
    async with market.database.transaction() as session:
        release_id = await session.scalar(select(Release.id).where(Release.service_id == customer.service.id))
    call = market.event(customer, release_id=release_id, spends=[("lse_1", 1)])
    await market.take([call])
    paths = sorted({*PAGES, *ALSO, f"/calls/{call.id}"})
    for path in paths:
        # What is public is answered from memory once somebody asked.
        await browser.get(path)
    few: dict[str, int] = {}
    for path in paths:
        with counted(app) as sent:
            assert (await browser.get(path)).status_code == 200, path
        few[path] = len(sent)
    for _ in range(5):
        await market.make_key(customer.caller)
    await market.take([market.event(customer) for _ in range(40)])
    over = {path: count for path, count in few.items() if count > MOST_STATEMENTS}
    assert over == {}
    for path in paths:
        with counted(app) as sent:
            await browser.get(path)
        assert len(sent) <= few[path], (path, sent)


@pytest.mark.parametrize("path", ["/search?q=embed", "/search?q=embed&task=embeddings", "/vendors/vendor"])
async def test_a_page_searches_once(browser: httpx.AsyncClient, market: Market, path: str) -> None:
    await shop(market)
    searches = REGISTRY.get_sample_value("mercato_search_seconds_count") or 0
    assert (await browser.get(path)).status_code == 200
    assert REGISTRY.get_sample_value("mercato_search_seconds_count") == searches + 1

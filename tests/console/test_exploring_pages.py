"""Comparison, rankings, a vendor, completions: pages for everybody, with the figures of the API."""

import httpx
import pytest

from tests.consumption.test_alerts import calls
from tests.consumption.test_measuring import measure, write_rows
from tests.support.market import Customer, Market

HOSTILE = '"><img src=x onerror=alert(1)>'


async def _shop(market: Market) -> tuple[Customer, Customer]:
    vendor = await market.people.join("acme")
    one = await market.customer(*await market.list_service(vendor, "embedder"))
    other = await market.customer(*await market.list_service(vendor, "second", per_call_nanos=2_000_000))
    await write_rows(market, one.service, other.service)
    await calls(market, one, good=120, duration_us=20_000)
    await calls(market, other, good=110, duration_us=90_000)
    await measure(market)
    return one, other


async def test_services_are_compared_and_each_can_be_taken_away(browser: httpx.AsyncClient, market: Market) -> None:
    await _shop(market)
    empty = await browser.get("/compare")
    assert "Nothing to compare yet" in empty.text
    page = await browser.get("/compare?service=acme/embedder&service=acme/second")
    assert page.status_code == 200
    assert "$0.001" in page.text
    assert page.text.count("★") >= 3
    assert 'href="/compare?service=acme%2Fsecond"' in page.text
    assert (await browser.get("/compare?service=acme/nothing")).status_code == 404
    assert (await browser.get("/compare", params={"service": HOSTILE})).status_code == 422


@pytest.mark.parametrize("by", ["use", "growth", "rating", "speed", "availability"])
async def test_a_ranking_says_its_rule(browser: httpx.AsyncClient, market: Market, by: str) -> None:
    await _shop(market)
    page = await browser.get("/rankings", params={"by": by})
    assert page.status_code == 200
    assert ("acme/embedder" in page.text) == (by != "rating")
    assert "left out" in page.text


async def test_a_vendor_and_a_service_show_what_was_measured(browser: httpx.AsyncClient, market: Market) -> None:
    one, _ = await _shop(market)
    page = await browser.get("/vendors/acme")
    assert page.status_code == 200
    assert "230" in page.text
    assert (await browser.get(f"/vendors/{one.caller.organisation_slug}")).status_code == 404
    service = await browser.get("/services/acme/embedder")
    assert "p95, 30 days" in service.text
    assert "Calls a day" in service.text


async def test_every_filter_on_the_page_is_a_link_and_a_chip(browser: httpx.AsyncClient) -> None:
    asked = {"max_price_per_1k_tokens": "500000", "verified": "yes", "min_context_window": "128000", "sort": "rating"}
    page = await browser.get("/search", params=asked)
    assert page.status_code == 200
    for chip in ("≤ $0.50", "Verified vendor: yes", "≥ 128,000 tokens"):
        assert chip in page.text
    hostile = await browser.get("/search/suggest", params={"q": HOSTILE})
    assert "<img src=x" not in hostile.text
    assert (await browser.get("/search", params={"min_rating": "5", "max_rating": "1"})).status_code == 422


async def test_words_that_were_read_as_filters_are_shown_and_can_be_words_again(browser: httpx.AsyncClient) -> None:
    asked = {"q": "cheapest per call chat under $0.10 per million tokens"}
    page = await browser.get("/search", params=asked)
    assert "Read “under $0.10 per million tokens” as Price of a million tokens: ≤ $0.10." in page.text
    assert "Read “cheapest per call” as order: Price of a call." in page.text
    assert "understand=false" in page.text
    assert "Read “" not in (await browser.get("/search", params={**asked, "understand": "false"})).text

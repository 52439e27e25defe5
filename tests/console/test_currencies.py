"""Money of two currencies: each has its own figure, and no sum is made of both."""

import re
from datetime import timedelta
from html import unescape
from pathlib import Path

import httpx
from sqlalchemy import text

from tests.console.browser import sign_in
from tests.support.market import Customer, Market

DOLLARS, EUROS = 2_000_000_000, 3_000_000_000
SUM = "5.00"


async def _sell_in_both(market: Market) -> Customer:
    """A vendor sold a call for 2 dollars and one for 3 euros to the same buyer."""
    vendor = await market.people.join("vendor")
    service, dollars = await market.list_service(vendor, "embedder", per_call_nanos=DOLLARS, per_1k_input_nanos=0,
                                                 per_1k_output_nanos=0)  # fmt: skip
    customer = await market.customer(service, dollars, "buyer")
    other, euros = await market.list_service(vendor, "einbetter", per_call_nanos=EUROS, per_1k_input_nanos=0,
                                             per_1k_output_nanos=0, currency="EUR")  # fmt: skip
    subscription = await market.subscribe(customer.caller, euros)
    second = Customer(customer.caller, customer.key, subscription, euros, other)
    await market.take([market.event(customer), market.event(second)])
    market.clock.advance(timedelta(minutes=1))
    return customer


def _amounts(page: httpx.Response) -> set[str]:
    """Every amount that stands in the page's content."""
    assert page.status_code == 200, page.text
    shown = unescape(re.sub(r"<[^>]+>", " ", page.text.partition("<main")[2].partition("<footer")[0]))
    return set(re.findall(r"\$[\d,.]*\d|[\d,.]*\d EUR", shown))


async def test_each_currency_stands_for_itself(browser: httpx.AsyncClient, market: Market) -> None:
    await _sell_in_both(market)
    await market.operator()
    for person, pages in {
        "vendor": ("/vendor", "/vendor/revenue", "/vendor/revenue?by=consumer"),
        "buyer": ("/home", "/usage", "/usage?by=key", "/keys", "/invoices", "/statement"),
        "operator": ("/ops", "/ops/calls", "/ops/ledger"),
    }.items():
        await sign_in(browser, person)
        for path in pages:
            amounts = _amounts(await browser.get(path))
            assert {"$2.00", "3.00 EUR"} <= amounts, path
            assert not {amount for amount in amounts if SUM in amount or amount == "$3.00"}, path
        await browser.post("/sign-out")


async def test_a_plan_in_euros_costs_euros_on_its_vendors_page(browser: httpx.AsyncClient, market: Market) -> None:
    await _sell_in_both(market)
    await sign_in(browser, "vendor")
    amounts = _amounts(await browser.get("/vendor/services/einbetter"))
    assert "3.00 EUR" in amounts
    assert "$3.00" not in amounts


async def test_a_plan_whose_currency_changes_ends_and_begins(browser: httpx.AsyncClient, market: Market) -> None:
    """Nobody approves a price as unchanged because its digits are."""
    vendor = await market.people.join("vendor")
    service, _ = await market.list_service(vendor, "einbetter")
    await market.add_plan(service, name="per-token", per_call_nanos=0, per_1k_input_nanos=20_000, currency="EUR")
    await market.operator()
    manifest = Path("examples/embedder/service.yaml").read_text().replace("name: embedder", "name: einbetter", 1)
    question = "UPDATE submissions SET manifest = :manifest WHERE service_name = 'einbetter' RETURNING id"
    async with market.database.transaction() as session:
        submission_id = await session.scalar(text(question), {"manifest": manifest})
    await sign_in(browser, "operator")
    page = await browser.get(f"/ops/approvals/{submission_id}")
    rows = [row for row in re.findall(r"<tr>.*?</tr>", page.text) if ">per-token<" in row and "1k" in row]
    assert [("0.00002 EUR" in row, "$0.00002" in row, ">the same<" in row) for row in rows if "0.00002" in row] == [
        (True, False, False), (False, True, False),
    ]  # fmt: skip

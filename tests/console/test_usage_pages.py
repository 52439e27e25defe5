"""What was used and what it costs: lists, one call, sums, invoices, statement, budgets."""

import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from mercato.console.money import by_its_end
from mercato_contracts.metering import BudgetView
from tests.console.browser import sign_in, sign_up
from tests.console.test_buying_pages import shop
from tests.support.market import Market

PAGES = ("/usage", "/calls", "/invoices", "/statement", "/budgets")


@pytest.mark.parametrize("path", PAGES)
async def test_a_new_organisation_reads_what_would_be_here(browser: httpx.AsyncClient, path: str) -> None:
    await sign_up(browser)
    page = await browser.get(path)
    assert page.status_code == 200, page.text
    assert 'class="empty"' in page.text


@pytest.mark.parametrize("path", [*PAGES, "/calls/use_1", "/invoices/inv_1", "/calls/export", "/statement/export"])
async def test_somebody_who_is_not_signed_in_is_sent_to_sign_in(browser: httpx.AsyncClient, path: str) -> None:
    answer = await browser.get(path)
    assert (answer.status_code, answer.headers["location"].split("?")[0]) == (303, "/sign-in")


async def test_a_call_is_found_and_explained_to_the_ledger(browser: httpx.AsyncClient, market: Market) -> None:
    customer = await shop(market)
    await sign_in(browser, "buyer")
    page = await browser.get("/calls", params={"status": "", "operation": "POST /v1/embeddings", "failed": "true"})
    assert "503" in page.text
    assert page.text.count('<time datetime="2026-11-02') == 1
    found = re.search(r'href="/calls/(use_\w+)"', (await browser.get("/calls?status_class=2")).text)
    assert found is not None
    call = await browser.get(f"/calls/{found[1]}")
    assert call.status_code == 200, call.text
    assert "$0.001" in call.text
    assert "In the ledger" in call.text
    assert customer.key.row.id in call.text


async def test_the_newest_calls_renew_themselves_where_somebody_asks_for_it(
    browser: httpx.AsyncClient, market: Market
) -> None:
    await shop(market)
    await sign_in(browser, "buyer")
    still = (await browser.get("/calls?status_class=2")).text
    assert "data-hx-trigger" not in still
    assert 'href="/calls?status_class=2&amp;live=true">Live<' in still
    page = await browser.get("/calls?status_class=2&live=true")
    assert 'data-hx-get="/calls?status_class=2&amp;live=true" data-hx-trigger="every 3s"' in page.text
    assert '<meta http-equiv="refresh"' in page.text, "without scripts too"
    assert 'href="/calls?status_class=2">Stop<' in page.text
    assert 'href="/calls/export?status_class=2&amp;format=csv"' in page.text
    assert page.text.count('<time datetime="2026-11-02') == 1, "its filters hold"


async def test_a_file_has_what_the_page_filters(browser: httpx.AsyncClient, market: Market) -> None:
    await shop(market)
    await sign_in(browser, "buyer")
    lines = (await browser.get("/calls/export?status=503&format=csv")).text.splitlines()
    assert len(lines) == 2
    statement = await browser.get("/statement/export")
    assert statement.status_code == 200
    assert statement.text.startswith("number,day,")


async def test_another_organisation_sees_nothing_of_it(browser: httpx.AsyncClient, market: Market) -> None:
    customer = await shop(market)
    market.clock.advance(timedelta(hours=1))
    await market.close("2026-11", market.clock.now())
    await sign_in(browser, "buyer")
    call = re.search(r'href="/calls/(use_\w+)"', (await browser.get("/calls")).text)
    invoice = re.search(r'href="/invoices/(\w+)"', (await browser.get("/statement")).text)
    assert call is not None
    assert invoice is not None
    assert "$0.001" in (await browser.get(f"/invoices/{invoice[1]}")).text
    browser.cookies.clear()
    await sign_up(browser, "stranger")
    assert (await browser.get(f"/calls/{call[1]}")).status_code == 404
    assert (await browser.get(f"/invoices/{invoice[1]}")).status_code == 404
    for path in PAGES:
        assert customer.caller.organisation_id not in (await browser.get(path)).text


async def test_usage_is_summed_by_what_is_asked_and_the_totals_agree(
    browser: httpx.AsyncClient, market: Market
) -> None:
    await shop(market)
    await sign_in(browser, "buyer")
    for query in ("", "?by=key&also=service&metric=calls", "?by=&metric=tokens_in&days=7", "?metric=p95_us&days=1"):
        page = await browser.get(f"/usage{query}")
        assert page.status_code == 200, page.text
        assert "$0.001" in page.text, query
    assert "vendor/embedder" in (await browser.get("/usage")).text
    days = await browser.get("/usage?from=2026-11-02&to=2026-11-02")
    assert "$0.001" in days.text
    assert "vendor/embedder" not in (await browser.get("/usage?from=2026-11-04&to=2026-11-04")).text
    assert (await browser.get("/usage?metric=nonsense")).status_code == 422


async def test_a_day_is_the_readers_day(browser: httpx.AsyncClient, market: Market) -> None:
    await shop(market)
    await sign_in(browser, "buyer")
    await browser.post("/zone", data={"zone": "Pacific/Kiritimati"})
    # 9:00 UTC on the second is 23:00 of the same day there, fourteen hours ahead.
    assert "23:00" in (await browser.get("/calls?from=2026-11-02&to=2026-11-02")).text
    await browser.post("/zone", data={"zone": "Pacific/Pago_Pago"})
    # And the evening of the first there, eleven hours behind.
    assert "1 Nov 2026, 22:00" in (await browser.get("/calls?from=2026-11-01&to=2026-11-01")).text


async def test_a_budget_is_set_changed_and_removed(browser: httpx.AsyncClient) -> None:
    await sign_up(browser)
    form = {"cap": "12.5", "unit": "nanos", "window": "month"}
    assert (await browser.post("/budgets", data=form)).status_code == 303
    page = await browser.get("/budgets")
    assert "$12.50" in page.text
    wrong = await browser.post("/budgets", data=form | {"cap": "a lot"})
    assert (wrong.status_code, "The cap is a number" in wrong.text) == (422, True)
    foreign = await browser.post("/budgets", data=form | {"key_id": "key_of_somebody"})
    assert foreign.status_code in (404, 422)
    drop = re.search(r'action="(/budgets/[^"]+/drop)"', page.text)
    assert drop is not None
    assert (await browser.post(drop[1])).status_code == 303
    assert "No budgets" in (await browser.get("/budgets")).text


@pytest.mark.parametrize(
    ("window", "now", "expected"),
    [
        ("month", datetime(2026, 11, 16, tzinfo=UTC), 200), ("month", datetime(2026, 11, 1, 12, tzinfo=UTC), None),
        ("day", datetime(2026, 11, 16, 6, tzinfo=UTC), 400), ("day", datetime(2026, 11, 16, 0, 30, tzinfo=UTC), None),
        ("minute", datetime(2026, 11, 16, tzinfo=UTC), None),
    ],
)  # fmt: skip
def test_a_budgets_end_is_foretold_by_its_pace(window: str, now: datetime, expected: int | None) -> None:
    budget = BudgetView.model_validate({
        "scope": "s", "key_id": None, "unit": "tokens", "window": window, "cap": 1, "used": 100, "held": 0, "left": 0,
        "set_by": "usr_01j00000000000000000000000", "set_at": now,
    })  # fmt: skip
    assert by_its_end(budget, now) == expected

"""The list of calls renews itself while somebody looks, and stops when they say so."""

from datetime import UTC, datetime

from playwright.async_api import Browser

from mercato.identity import SecretHasher
from mercato.platform import Database, Outbox, SystemIds
from tests.browser.chromium import Look, open_tab
from tests.browser.conftest import Site
from tests.conftest import People, TestClock
from tests.support.market import Market


async def _call(database_url: str, site: Site, operation: str) -> None:
    """A call of the vendor's first customer is metered."""
    database, clock = Database(database_url), TestClock(datetime.now(UTC))
    ids, outbox, hasher = SystemIds(clock), Outbox(clock), SecretHasher()
    market = Market(database, clock, ids, outbox, hasher, People(database, clock, ids, hasher, outbox))
    try:
        await market.take([market.event(site.scenery.customer, operation=operation)])
    finally:
        await database.close()


async def test_a_new_call_appears_by_itself_until_it_is_stopped(
    browser: Browser, site: Site, site_database: str
) -> None:
    cookies = site.cookies_of(f"{site.scenery.vendor}-buyer-1@example.org")
    async with open_tab(browser, site.origin, Look(), cookies) as tab:
        await tab.go("/calls")
        await tab.page.get_by_role("link", name="Live", exact=True).click()
        await tab.page.get_by_text("Live: the newest calls").wait_for()
        await _call(site_database, site, "POST /v1/live-one")
        await tab.page.get_by_text("POST /v1/live-one").wait_for()
        assert await tab.axe() == []
        await tab.page.get_by_role("link", name="Stop", exact=True).click()
        await tab.page.get_by_role("link", name="Live", exact=True).wait_for()
        assert await tab.page.locator("[data-hx-trigger^='every']").count() == 0
        assert await tab.page.get_by_text("POST /v1/live-one").count() == 1
        await tab.check()

"""A newcomer's first minutes in a real browser, by what stands on the pages: from the front page to a paid call."""

import re

import pytest

from tests.browser.chromium import Look, Tab, find_chromium, open_chromium, open_tab
from tests.e2e.conftest import Shop
from tests.e2e.marketplace import Marketplace
from tests.support.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.skipif(find_chromium() is None, reason="no Chromium")]


async def _sign_up(tab: Tab, slug: str) -> None:
    await tab.go("/")
    await tab.page.get_by_role("link", name="Sign up").click()
    await tab.page.wait_for_url("**/sign-up**")
    for name, value in (("name", "Newcomer"), ("organisation", slug), ("email", f"{slug}@example.org")):
        await tab.page.fill(f'main [name="{name}"]', value)
    await tab.page.fill('main [name="password"]', "correct horse battery staple")
    await tab.page.click("main form button.primary")
    await tab.page.wait_for_url("**/home")


async def _make_key(tab: Tab) -> None:
    await tab.go("/keys")
    await tab.page.fill('main form [name="name"]', "first key")
    await tab.page.click('main form button.primary:has-text("Make the key")')
    assert (await tab.page.inner_text("#key")).startswith("ck_")


async def _subscribe(tab: Tab, service: str) -> None:
    async def is_found() -> bool:
        await tab.go(f"/search?q={service.partition('/')[2]}")
        return await tab.page.locator(f'main a[href="/services/{service}"]').count() > 0

    await until(is_found, what="the search knows the service")
    await tab.page.locator(f'main a[href="/services/{service}"]').first.click()
    await tab.page.get_by_role("link", name="Subscribe", exact=True).click()
    await tab.page.get_by_role("button", name="Subscribe to per-token").click()
    await tab.page.wait_for_url("**/subscriptions")


async def _explained_call(tab: Tab) -> str:
    async def is_noticed() -> bool:
        await tab.go("/home")
        return await tab.page.get_by_text("Last calls").count() > 0

    await until(is_noticed, what="the page notices the call")
    await tab.page.locator('main a[href^="/calls/use_"]').first.click()
    await tab.page.wait_for_url("**/calls/use_**")
    return await tab.page.inner_text("main")


@pytest.mark.parametrize("script", [True, False], ids=["script", "plain"])
async def test_from_the_front_page_to_a_paid_call(marketplace: Marketplace, shop: Shop, script: bool) -> None:
    executable = find_chromium()
    assert executable is not None
    look = Look(script=script, dark=not script, width=1280 if script else 390)
    async with open_chromium(executable) as browser, open_tab(browser, marketplace.control_url, look) as tab:
        await _sign_up(tab, f"walks-{'script' if script else 'plain'}")
        await _make_key(tab)
        await _subscribe(tab, shop.embedder)
        await tab.go(f"/services/{shop.embedder}/try")
        await tab.page.locator("main form button.primary:visible").first.click()
        await tab.page.locator("#answer .chip.good", has_text="200").wait_for()
        explained = await _explained_call(tab)
        assert re.search(r"\$0\.0\d+", explained)
        assert "In the ledger" in explained
        await tab.check()

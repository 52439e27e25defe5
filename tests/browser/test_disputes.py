"""The forms of a dispute as each side sees them, and a dispute opened, answered and decided in the browser."""

import pytest
from playwright.async_api import Browser

from tests.browser.chromium import FEW_LOOKS, Look, open_tab
from tests.browser.conftest import Site


@pytest.mark.parametrize("look", FEW_LOOKS, ids=str)
async def test_each_side_sees_its_form(browser: Browser, site: Site, look: Look) -> None:
    own = site.scenery.own
    call, dispute = f"/calls/{own['call_id']}", f"/disputes/{own['dispute_id']}"
    faults: list[str] = []
    for who, buttons, pages in (
        (f"{site.scenery.vendor}-buyer-1", 1, (call, dispute, "/disputes")),
        (site.scenery.vendor, 2, (dispute, "/vendor/disputes")),
        ("operator", 2, (dispute, "/ops/disputes")),
    ):
        async with open_tab(browser, site.origin, look, site.cookies_of(f"{who}@example.org")) as tab:
            for path in pages:
                await tab.go(path)
                await tab.check()
                if path == dispute:
                    assert await tab.page.locator("main form button").count() == buttons, who
                if look.script:
                    faults += [f"{who} {path}: {each}" for each in await tab.axe()]
    assert faults == []


async def test_a_dispute_is_opened_from_a_calls_page_by_keyboard(browser: Browser, site: Site) -> None:
    cookies = site.cookies_of(f"{site.scenery.vendor}-buyer-1@example.org")
    async with open_tab(browser, site.origin, Look(), cookies) as tab:
        await tab.go("/calls?status_class=2&price_above_nanos=1")
        await tab.page.locator("main tbody a[href*='/calls/use_']").nth(3).click()
        await tab.page.get_by_text("Something is wrong with its charge").focus()
        await tab.page.keyboard.press("Enter")
        await tab.page.get_by_label("What is wrong").select_option("wrong_price")
        await tab.page.get_by_label("What happened").fill("The plan says less.")
        await tab.page.get_by_role("button", name="Dispute $0.001").press("Enter")
        await tab.page.wait_for_url("**/disputes/dsp_*")
        assert "The plan says less." in await tab.page.locator("main").inner_text()
        await tab.page.get_by_role("button", name="Withdraw the dispute").press("Enter")
        await tab.page.get_by_text("withdrew it").wait_for()
        await tab.check()

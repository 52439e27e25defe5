"""Approvals by keyboard, the back button after signing out, the forms of a key, results on a narrow screen."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

from tests.browser.chromium import Look, Tab, open_tab
from tests.browser.conftest import Site


@pytest.fixture
async def operator(browser: Browser, site: Site) -> AsyncIterator[Tab]:
    """The operator's window."""
    async with open_tab(browser, site.origin, Look(), site.cookies_of("operator@example.org")) as tab:
        yield tab


async def _focused(tab: Tab) -> str:
    return str(await tab.page.evaluate("document.activeElement.getAttribute('href') ?? document.activeElement.id"))


async def test_a_list_of_approvals_is_walked_and_one_is_claimed_and_commented_by_keys(
    operator: Tab, site: Site
) -> None:
    await operator.go("/ops/approvals")
    rows = await operator.page.eval_on_selector_all("[data-row]", "rows => rows.map(row => row.getAttribute('href'))")
    assert len(rows) >= 2
    await operator.page.keyboard.press("j")
    assert await _focused(operator) == rows[0]
    await operator.page.keyboard.press("j")
    assert await _focused(operator) == rows[1]
    await operator.page.keyboard.press("k")
    assert await _focused(operator) == rows[0]
    await operator.page.keyboard.press("Enter")
    await operator.page.wait_for_url(f"**{rows[0]}")
    await operator.page.keyboard.press("c")
    await operator.page.get_by_text("You have claimed it").wait_for()
    await operator.page.keyboard.press("m")
    assert await operator.page.evaluate("document.activeElement.name") == "text"
    # A letter that is typed into a field is a letter.
    await operator.page.keyboard.type("jck: fine by me")
    assert operator.page.url.endswith(rows[0])
    await operator.page.keyboard.press("Tab")
    await operator.page.keyboard.press("Enter")
    await operator.page.get_by_text("jck: fine by me").wait_for()
    await operator.page.evaluate("document.activeElement.blur()")
    following = await operator.page.locator('[data-key="j"], [data-key="k"]').first.get_attribute("data-key")
    assert following is not None
    await operator.page.keyboard.press(following)
    await operator.page.wait_for_url(lambda url: "/ops/approvals/" in url and not url.split("#")[0].endswith(rows[0]))
    await operator.page.go_back()
    await operator.page.get_by_text("You have claimed it").wait_for()
    await operator.page.keyboard.press("c")
    await operator.page.get_by_text("Nobody has claimed it").wait_for()
    await operator.check()


async def test_the_back_button_after_signing_out_shows_nothing(browser: Browser, site: Site) -> None:
    cookies = site.cookies_of(f"{site.scenery.vendor}@example.org")
    async with open_tab(browser, site.origin, Look(), cookies) as tab:
        await tab.go("/organisation")
        assert f"{site.scenery.vendor}@example.org" in await tab.page.inner_text("main")
        await tab.go("/vendor/revenue")
        await tab.page.click("details.menu summary")
        await tab.page.get_by_role("button", name="Sign out").click()
        await tab.page.wait_for_url("**/sign-in")
        for _ in range(2):
            await tab.page.go_back()
            await tab.page.wait_for_url("**/sign-in**")
            assert f"{site.scenery.vendor}@example.org" not in await tab.page.inner_text("body")


@pytest.mark.parametrize("script", [True, False], ids=["script", "plain"])
async def test_two_clicks_on_a_button_make_one_key(browser: Browser, site: Site, script: bool) -> None:
    name = f"twice-{'script' if script else 'plain'}"
    cookies = site.cookies_of(f"{site.scenery.vendor}@example.org")
    async with open_tab(browser, site.origin, Look(script=script), cookies) as tab:
        await tab.go("/keys")
        await tab.page.fill('main form [name="name"]', name)
        await tab.page.dblclick('main form button.primary:has-text("Make the key")', no_wait_after=True)
        await tab.page.locator("#key").wait_for()
        await tab.go("/keys")
        assert await tab.page.get_by_role("link", name=name, exact=True).count() == 1
        await tab.check()


@pytest.mark.parametrize("script", [True, False], ids=["script", "plain"])
async def test_a_key_is_held_to_services_and_addresses(browser: Browser, site: Site, script: bool) -> None:
    service, name = f"{site.scenery.vendor}/{site.scenery.own['name']}", f"held-{'script' if script else 'plain'}"
    cookies = site.cookies_of(f"{site.scenery.vendor}@example.org")
    async with open_tab(browser, site.origin, Look(script=script, width=390), cookies) as tab:
        page = tab.page
        await tab.go("/keys")
        await page.fill('main form [name="name"]', name)
        await page.get_by_label("Only these services").fill(service)
        await page.get_by_label("Only from these addresses").fill("203.0.113.300")
        tab.going = f"{site.origin}/keys"
        await page.get_by_role("button", name="Make the key").click()
        # What was typed stays, beside what is wrong with it.
        await page.get_by_text("`203.0.113.300` is no address").wait_for()
        assert await page.input_value('main form [name="name"]') == name
        assert await page.get_by_label("Only these services").input_value() == service
        await page.get_by_label("Only from these addresses").fill("203.0.113.7\n203.0.113.0/24")
        await page.get_by_role("button", name="Make the key").click()
        await page.get_by_role("link", name=name, exact=True).click()
        held = page.locator("dt:has-text('Held to') + dd li")
        assert await held.all_inner_texts() == [service, "203.0.113.7/32", "203.0.113.0/24"]
        await page.get_by_label("Only these services").fill("")
        await page.get_by_label("Only from these addresses").fill("2001:db8::/32")
        await page.get_by_role("button", name="Hold the key").click()
        await page.get_by_text("2001:db8::/32").first.wait_for()
        assert await held.all_inner_texts() == ["2001:db8::/32"]
        await page.get_by_label("Only from these addresses").fill("")
        await page.get_by_role("button", name="Hold the key").click()
        await page.get_by_text("nothing: all subscribed services, any address").wait_for()
        await tab.check()


async def test_on_a_narrow_screen_results_come_before_the_facets(browser: Browser, site: Site) -> None:
    async with open_tab(browser, site.origin, Look(script=False, width=390)) as tab:
        await tab.go("/search")
        facets = tab.page.get_by_label("Facets")
        assert await facets.get_by_role("link").first.is_hidden()
        first = await tab.page.locator("main article").first.bounding_box()
        assert first is not None
        assert first["y"] < 900
        await facets.locator("summary").click()
        await facets.get_by_role("link").first.wait_for()
        await tab.check()

"""Trying a model in a browser: the answer comes in pieces, and its cost, tokens and times stand beside it."""

import pytest

from tests.browser.chromium import Look, Tab, find_chromium, open_chromium, open_tab
from tests.e2e.conftest import Shop
from tests.e2e.marketplace import Marketplace

pytestmark = [pytest.mark.slow, pytest.mark.skipif(find_chromium() is None, reason="no Chromium")]
_WORDS = " ".join(f"word-{n}" for n in range(300))


_COUNT_PIECES = """
window.__pieces = 0;
new MutationObserver(() => window.__pieces++).observe(document.getElementById('streamed-text'), {childList: true});
"""


async def _become_customer(tab: Tab, shop: Shop, slug: str) -> None:
    await tab.go("/sign-up")
    for name, value in (("name", slug), ("organisation", slug), ("email", f"{slug}@example.org")):
        await tab.page.fill(f'main [name="{name}"]', value)
    await tab.page.fill('main [name="password"]', "correct horse battery staple")
    await tab.page.click("main form button.primary")
    await tab.page.wait_for_url("**/home")
    await tab.go(f"/services/{shop.chat}/pricing")
    await tab.page.click("main form button.primary")
    await tab.page.wait_for_url("**/subscriptions")


@pytest.mark.parametrize("script", [True, False], ids=["script", "plain"])
async def test_an_answer_streams_and_says_what_it_cost(marketplace: Marketplace, shop: Shop, script: bool) -> None:
    executable = find_chromium()
    assert executable is not None
    async with (
        open_chromium(executable) as browser,
        open_tab(browser, marketplace.control_url, Look(script=script)) as tab,
    ):
        await _become_customer(tab, shop, f"streams-{'script' if script else 'plain'}")
        await tab.go(f"/services/{shop.chat}/try")
        await tab.page.fill('[name="f/messages/0/content"]', _WORDS)
        await tab.page.locator("summary", has_text="which may stay empty").click()
        await tab.page.select_option('[name="f/stream"]', "true")
        await tab.page.fill('[name="f/max_tokens"]', "1000")
        if script:
            await tab.page.evaluate(_COUNT_PIECES)
        await tab.page.click("main form button.primary:visible")
        if script:
            await tab.page.locator("#status", has_text="has ended").wait_for(state="attached")
            text = await tab.page.evaluate("document.getElementById('streamed-text').textContent")
            assert await tab.page.evaluate("window.__pieces") > 3
            assert text.strip() == _WORDS
            await tab.page.wait_for_selector("#streamed-call #figures")
            shown = await tab.page.inner_text("#streamed")
        else:
            await tab.page.wait_for_selector("#answer")
            shown = await tab.page.inner_text("#answer")
        assert "200" in shown
        assert "300, 300" in shown
        assert "$0.0024" in shown
        for name in ("First byte", "Total"):
            assert name in shown
        await tab.check()

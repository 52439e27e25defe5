"""Whoever must prove who they are first finds on the page what they had typed."""

import pytest
from playwright.async_api import Browser
from sqlalchemy import text

from mercato.platform import Database
from tests.browser.chromium import FEW_LOOKS, Look, open_tab
from tests.browser.conftest import Site


@pytest.mark.parametrize("look", FEW_LOOKS, ids=str)
async def test_what_was_typed_is_there_after_the_proof(
    browser: Browser, site: Site, site_database: str, look: Look
) -> None:
    where = f"/disputes/{site.scenery.own['dispute_id']}"
    async with open_tab(browser, site.origin, look, site.cookies_of("operator@example.org")) as tab:
        await tab.go(where)
        database = Database(site_database)
        async with database.transaction() as session:
            await session.execute(text("UPDATE login_sessions SET proved_at = proved_at - interval '1 hour'"))
        await database.close()
        await tab.page.get_by_label("Reason").fill("It was cut off after twelve tokens.")
        await tab.page.get_by_role("button", name="Uphold").click()
        await tab.page.wait_for_url("**/prove?*")
        await tab.page.get_by_label("Your password").fill("correct horse battery")
        await tab.page.get_by_role("button", name="Continue").click()
        await tab.page.wait_for_url(f"**{where}")
        kept = tab.page.locator("#kept")
        assert await kept.get_by_label("Reason").input_value() == "It was cut off after twelve tokens."
        assert await kept.get_by_label("Verdict").input_value() == "upheld"
        await tab.check()
        if look.script:
            assert await tab.axe() == []

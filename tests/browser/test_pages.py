"""Every page in a real browser: nothing foreign is asked for, no policy is broken, nothing is wider than its window."""

import pytest
from playwright.async_api import Browser

from tests.browser.chromium import ALL_LOOKS, FEW_LOOKS, Look, open_tab
from tests.browser.conftest import Site

PUBLIC = ("/device", "/status", "/status/acme/embedder", "/new-password/x.y")
_MOST_REQUESTS = 6


async def _look_at(browser: Browser, site: Site, look: Look) -> None:
    async with open_tab(browser, site.origin, look) as tab:
        for path in PUBLIC:
            await tab.go(path)
            await tab.check()
            assert len(tab.requests) <= _MOST_REQUESTS, tab.requests


@pytest.mark.parametrize("look", FEW_LOOKS, ids=str)
async def test_pages_keep_to_themselves(browser: Browser, site: Site, look: Look) -> None:
    await _look_at(browser, site, look)


@pytest.mark.slow
@pytest.mark.parametrize("look", [look for look in ALL_LOOKS if look not in FEW_LOOKS], ids=str)
async def test_pages_keep_to_themselves_however_they_are_looked_at(browser: Browser, site: Site, look: Look) -> None:
    await _look_at(browser, site, look)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_axe_finds_nothing(browser: Browser, site: Site, dark: bool) -> None:
    async with open_tab(browser, site.origin, Look(dark=dark)) as tab:
        found: list[str] = []
        for path in ("/device", "/new-password/x.y"):
            await tab.go(path)
            found += [f"{path}: {each}" for each in await tab.axe()]
        assert found == []

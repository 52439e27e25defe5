"""Viewing as somebody else in a browser: the banner counts down by the server's clock, and ends with the view."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import pytest
from playwright.async_api import Browser, Locator

from tests.browser.chromium import Look, Tab, open_tab
from tests.browser.conftest import Site

OPERATOR = "operator@example.org"
LOOKS = pytest.mark.parametrize("script", [True, False], ids=["script", "plain"])


@asynccontextmanager
async def viewing(browser: Browser, site: Site, *, script: bool) -> AsyncIterator[tuple[Tab, Locator]]:
    """The window of an operator who views as a viewer of acme, and its banner."""
    async with open_tab(browser, site.origin, Look(script=script), site.cookies_of(OPERATOR)) as tab:
        await tab.go("/ops/organisations/acme")
        row = tab.page.get_by_role("row").filter(has_text="viewer@example.org")
        await row.get_by_role("link", name=re.compile("View as")).click()
        await tab.page.get_by_label("Reason").fill("ticket 4711")
        await tab.page.get_by_role("button", name=re.compile("View as")).click()
        await tab.page.wait_for_url("**/home")
        yield tab, tab.page.get_by_label("Viewing as somebody else")


def end_in(database_url: str, seconds: int) -> None:
    """The newest view ends so many seconds from now, as if it had begun earlier."""
    with psycopg.connect(database_url.replace("postgresql+psycopg", "postgresql")) as connection:
        moved = connection.execute(
            "UPDATE views SET ends_at = now() + make_interval(secs => %s) WHERE id = (SELECT max(id) FROM views)",
            (seconds,),
        )
        assert moved.rowcount == 1


async def seconds_left(banner: Locator) -> int:
    minutes, seconds = (await banner.locator("time").inner_text()).removesuffix(" left").split(":")
    return int(minutes) * 60 + int(seconds)


@LOOKS
async def test_the_banners_button_ends_the_view(browser: Browser, site: Site, script: bool) -> None:
    async with viewing(browser, site, script=script) as (tab, banner):
        assert "You read Acme as viewer" in " ".join((await banner.inner_text()).split())
        await tab.go("/keys")
        assert await banner.count() == 1
        await banner.get_by_role("button", name="End the view").click()
        await tab.page.wait_for_url("**/ops/organisations/acme")
        assert await banner.count() == 0
        await tab.check()


async def test_the_countdown_runs_by_the_servers_clock_and_ends_the_view(
    browser: Browser, site: Site, site_database: str
) -> None:
    async with viewing(browser, site, script=True) as (tab, banner):
        first = await seconds_left(banner)
        assert 29 * 60 < first <= 30 * 60
        await tab.page.wait_for_function("first => !document.querySelector('[data-left]').textContent.includes(first)",
                                         arg=f"{first // 60}:{first % 60:02}")  # fmt: skip
        assert 28 * 60 < await seconds_left(banner) < first
        end_in(site_database, 3)
        await tab.go("/usage")
        assert 0 <= await seconds_left(banner) <= 3
        # Nobody touches the page: it leaves by itself, and what comes then is the operator's own.
        await tab.page.wait_for_url(f"{site.origin}/")
        assert await banner.count() == 0
        await tab.go("/ops")
        await tab.check()


async def test_a_computer_whose_clock_is_ahead_sees_the_view_to_its_end(browser: Browser, site: Site) -> None:
    async with viewing(browser, site, script=True) as (tab, banner):
        ahead = "const now = Date.now; Date.now = () => now() + 3_600_000"
        await tab.page.context.add_init_script(ahead)
        await tab.go("/keys")
        assert 25 * 60 < await seconds_left(banner) <= 30 * 60
        assert tab.page.url.endswith("/keys")
        await banner.get_by_role("button", name="End the view").click()
        await tab.page.wait_for_url("**/ops/organisations/acme")


async def test_without_script_the_banner_has_minutes_and_is_gone_with_the_view(
    browser: Browser, site: Site, site_database: str
) -> None:
    async with viewing(browser, site, script=False) as (tab, banner):
        assert await banner.locator("time").inner_text() == "30 min left"
        end_in(site_database, 50)
        await tab.go("/keys")
        assert await banner.locator("time").inner_text() == "1 min left"
        end_in(site_database, 0)
        await tab.go("/ops")
        assert await banner.count() == 0
        await tab.check()

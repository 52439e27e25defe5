"""Journeys through the console in Chromium without scripts: what somebody does from one page to the next."""

from collections.abc import Awaitable, Callable

from playwright.async_api import Error

from bench.admin_fill import PASSWORD
from tests.browser.chromium import Look, Tab, find_chromium, open_chromium, open_tab

_PRIMARY = "main form button.primary"


async def _sign_in(tab: Tab, email: str) -> None:
    await tab.go("/sign-in")
    await tab.page.fill('main [name="email"]', email)
    await tab.page.fill('main [name="password"]', PASSWORD)
    await tab.page.click(_PRIMARY)
    await tab.page.wait_for_url("**/home")


async def _sign_up(tab: Tab) -> None:
    await tab.go("/sign-up")
    for name, value in (("name", "Newcomer"), ("organisation", "newcomer"), ("email", "new@newcomer.example")):
        await tab.page.fill(f'main [name="{name}"]', value)
    await tab.page.fill('main [name="password"]', PASSWORD)
    await tab.page.click(_PRIMARY)
    await tab.page.wait_for_url("**/home")


async def _key(tab: Tab) -> None:
    await _sign_in(tab, "o1@example.org")
    await tab.go("/keys")
    await tab.page.fill('main form [name="name"]', "by hand")
    await tab.page.click('main form button.primary:has-text("Make the key")')
    await tab.page.locator("#key").wait_for()


async def _subscribe(tab: Tab) -> None:
    await _sign_in(tab, "new@newcomer.example")
    await tab.go("/services/vendor/embedder/pricing")
    await tab.page.locator('main button:has-text("Subscribe to")').first.click()
    await tab.page.wait_for_url("**/subscriptions")
    await tab.page.get_by_text("vendor/embedder").first.wait_for()


async def _saved_search(tab: Tab) -> None:
    await _sign_in(tab, "o1@example.org")
    await tab.go("/search?q=embed")
    await tab.page.click('main a:has-text("Save this search")')
    await tab.page.fill('main [name="name"]', "embedders")
    await tab.page.click('main button:has-text("Save it")')
    await tab.page.get_by_role("link", name="embedders", exact=True).wait_for()


async def _usage(tab: Tab) -> None:
    await _sign_in(tab, "o1@example.org")
    await tab.go("/calls")
    await tab.page.locator("main tbody tr th a").first.click()
    await tab.page.wait_for_url("**/calls/**")


async def _zone(tab: Tab) -> None:
    await _sign_in(tab, "o1@example.org")
    await tab.page.click("details.menu summary")
    await tab.page.fill('details.menu [name="zone"]', "Asia/Kolkata")
    await tab.page.click('details.menu button:has-text("Set the zone")')
    await tab.page.get_by_text("Times in Asia/Kolkata").wait_for()


async def _copy(tab: Tab) -> None:
    await _sign_in(tab, "vendor@example.org")
    await tab.go("/privacy")
    await tab.page.locator('main button:has-text("Make a copy")').first.click()
    await tab.page.get_by_text("being made").wait_for()


async def _approve(tab: Tab) -> None:
    await _sign_in(tab, "operator@example.org")
    await tab.go("/ops/approvals")
    await tab.page.locator("main tbody th a").first.click()
    await tab.page.fill('main [name="reason"]', "It is fine.")
    await tab.page.click('main button:has-text("Approve")')
    await tab.page.get_by_text("It is fine.").first.wait_for()


async def _switch(tab: Tab) -> None:
    await _sign_in(tab, "operator@example.org")
    await tab.go("/desk/switches")
    await tab.page.fill('main [name="reason"]', "a drill")
    await tab.page.click('main button:has-text("Switch off now")')
    await tab.page.get_by_text("a drill").first.wait_for()


JOURNEYS: dict[str, Callable[[Tab], Awaitable[None]]] = {
    "sign up": _sign_up, "make a key": _key, "subscribe": _subscribe, "save a search": _saved_search,
    "open a call": _usage, "choose a zone": _zone, "copy what is known": _copy, "approve": _approve,
    "throw a switch": _switch,
}  # fmt: skip
"""In this order: the newcomer of the first subscribes in the third."""


async def walk(origin: str) -> tuple[list[str], list[str]]:
    """The journeys that were gone to their end, and those that were not, with why."""
    executable = find_chromium()
    assert executable is not None
    done: list[str] = []
    failed: list[str] = []
    async with open_chromium(executable) as browser:
        for name, journey in JOURNEYS.items():
            async with open_tab(browser, origin, Look(script=False)) as tab:
                try:
                    await journey(tab)
                    await tab.check()
                    done.append(name)
                except (Error, AssertionError) as fault:
                    failed.append(f"journey {name}: {str(fault)[:300]}")
    return done, failed

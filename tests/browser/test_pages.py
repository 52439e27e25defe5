"""Every page in a real browser: nothing foreign is asked for, no policy is broken, nothing is wider than its window.

The pages come from the router. Each is opened as the vendor of the scenery, whose strangers' texts are hostile, as the
operator where it is the operator's, or as nobody.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.browser.chromium import ALL_LOOKS, FEW_LOOKS, Look, Tab, open_tab
from tests.browser.conftest import Site
from tests.browser.markup import can_check, check_markup
from tests.support.pages import KnownPage

_MOST_REQUESTS = 6
_OPERATORS = ("/ops", "/desk")
_PUBLIC = ("/device", "/forgot-password", "/join/", "/new-password/", "/sign-in", "/sign-up", "/status")


_ASKED = {
    "/compare": "?service={vendor}/{name}", "/rankings": "?by=growth", "/search": "?q=embed&explain=true",
    "/services/{vendor}/{name}/try": "?as=json", "/services/{vendor}/{name}/pricing": "?calls=1000",
}  # fmt: skip
"""Pages that show more once something is asked of them."""


@dataclass(frozen=True)
class Group:
    """Pages that one person looks at."""

    name: str
    email: str | None
    pages: Sequence[str]


def _groups(site: Site) -> list[Group]:
    own = site.scenery.own
    addresses = [(page, page.address(own)) for page in site.pages]
    addresses += [
        (page, path + _ASKED[page.template].format(**own)) for page, path in addresses if page.template in _ASKED
    ]
    return [
        Group("nobody", None, [path for page, path in addresses if _is(page, _PUBLIC)]),
        Group("operator", "operator@example.org", [path for page, path in addresses if _is(page, _OPERATORS)]),
        Group(
            "vendor", f"{site.scenery.vendor}@example.org",
            [path for page, path in addresses if not _is(page, _PUBLIC + _OPERATORS)],
        ),
    ]  # fmt: skip


def _is(page: KnownPage, prefixes: tuple[str, ...]) -> bool:
    return any(page.template == each or page.template.startswith(each.rstrip("/") + "/") for each in prefixes)


@asynccontextmanager
async def _looking(browser: Browser, site: Site, group: Group, look: Look) -> AsyncIterator[Tab]:
    cookies = {} if group.email is None else site.cookies_of(group.email)
    async with open_tab(browser, site.origin, look, cookies) as tab:
        yield tab


async def _look_at(browser: Browser, site: Site, look: Look) -> None:
    """Where a script can run in the page, axe looks as well."""
    faults: list[str] = []
    for group in _groups(site):
        async with _looking(browser, site, group, look) as tab:
            for path in group.pages:
                answer = await tab.go(path, expects=None)
                try:
                    await tab.check()
                except AssertionError as fault:
                    faults.append(str(fault))
                if answer.status >= 500:
                    faults.append(f"{path} answers {answer.status}")
                if len(tab.requests) > _MOST_REQUESTS:
                    faults.append(f"{path} makes {len(tab.requests)} requests")
                if look.script:
                    faults += [f"{path}: {each}" for each in await tab.axe()]
    assert faults == []


@pytest.mark.parametrize("look", FEW_LOOKS, ids=str)
async def test_pages_keep_to_themselves(browser: Browser, site: Site, look: Look) -> None:
    await _look_at(browser, site, look)


@pytest.mark.slow
@pytest.mark.parametrize("look", [look for look in ALL_LOOKS if look not in FEW_LOOKS], ids=str)
async def test_pages_keep_to_themselves_however_they_are_looked_at(browser: Browser, site: Site, look: Look) -> None:
    await _look_at(browser, site, look)


@pytest.mark.slow
@pytest.mark.skipif(not can_check(), reason="Java or the HTML checker is missing")
async def test_the_markup_of_every_page_is_valid(browser: Browser, site: Site, tmp_path: Path) -> None:
    texts: dict[str, str] = {}
    for group in _groups(site):
        async with _looking(browser, site, group, Look(script=False)) as tab:
            for path in group.pages:
                # As the server sent it: what the browser made of it is always well-formed.
                texts[path] = (await (await tab.go(path, expects=None)).body()).decode()
    assert check_markup(texts, tmp_path) == []


async def test_the_keyboard_reaches_the_content_first_and_leaves_nothing_out(browser: Browser, site: Site) -> None:
    async with open_tab(browser, site.origin, Look(), site.cookies_of(f"{site.scenery.vendor}@example.org")) as tab:
        await tab.go("/vendor/publish")
        await tab.page.keyboard.press("Tab")
        assert await tab.page.evaluate("document.activeElement.textContent") == "Skip to the content"
        await tab.page.keyboard.press("Enter")
        reached = set()
        for _ in range(60):
            await tab.page.keyboard.press("Tab")
            reached.add(await tab.page.evaluate("document.activeElement.id || document.activeElement.tagName"))
            # A person sees where they are.
            outline = "getComputedStyle(document.activeElement).outlineStyle"
            assert await tab.page.evaluate(f"document.activeElement === document.body || {outline} !== 'none'")
        assert {"manifest_file", "openapi_file", "archive", "BUTTON"} <= reached
        await tab.page.keyboard.press("Escape")
        await tab.page.evaluate("document.body.focus(); document.activeElement.blur()")
        await tab.page.keyboard.press("/")
        assert await tab.page.evaluate("document.activeElement.id") == "find"
        await tab.check()


async def test_a_submission_renews_itself_and_says_so(browser: Browser, site: Site) -> None:
    path = f"/vendor/submissions/{site.scenery.own['submission_id']}"
    async with open_tab(browser, site.origin, Look(), site.cookies_of(f"{site.scenery.vendor}@example.org")) as tab:
        await tab.go(path)
        async with tab.page.expect_response(lambda answer: answer.url.endswith(path)):
            pass
        await tab.page.wait_for_function("document.getElementById('status').textContent.includes('approval')")
        assert await tab.page.locator("#phases li").count() >= 10
        await tab.check()

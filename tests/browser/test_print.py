"""Invoices and the statement on paper: the sheet alone, black on white, and nothing of it cut off."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, Page

from tests.browser.chromium import Look, open_tab
from tests.browser.conftest import Site

_A4_PX = 718
"""The width between margins of 10 mm, at 96 pixels an inch."""

_CUT_OFF = """
[...document.querySelectorAll('main *')].filter(node => {
  const style = getComputedStyle(node);
  return style.overflowX !== 'visible' && node.scrollWidth > node.clientWidth + 1;
}).map(node => node.outerHTML.slice(0, 120))
"""
_SHOWN = "[...document.querySelectorAll('{}')].filter(node => node.getClientRects().length).length"


@pytest.fixture(scope="module")
async def invoice(site: Site) -> str:
    """The address of an invoice of the vendor's first customer: the operator closes the last month."""
    last = (datetime.now(UTC).replace(day=1) - timedelta(days=1)).strftime("%Y-%m")
    headers = {"sec-fetch-site": "same-origin"}
    async with httpx.AsyncClient(base_url=site.origin, timeout=150, headers=headers) as client:
        client.cookies.update(site.cookies_of("operator@example.org"))
        closed = await client.post("/ops/billing", data={"period": last})
        assert closed.status_code == 303, closed.text
    async with httpx.AsyncClient(base_url=site.origin, timeout=150, headers=headers) as client:
        client.cookies.update(site.cookies_of(f"{site.scenery.vendor}-buyer-1@example.org"))
        found = (await client.get("/invoices")).text.partition('href="/invoices/inv_')[2]
        assert found
        return "/invoices/inv_" + found.partition('"')[0]


async def _on_paper(page: Page) -> None:
    await page.emulate_media(media="print")
    assert await page.evaluate(_CUT_OFF) == []
    assert await page.evaluate("document.documentElement.scrollWidth") <= _A4_PX + 1
    for what in (".top", ".side", ".foot", "button", "a.button"):
        assert await page.evaluate(_SHOWN.format(what)) == 0, what
    assert await page.evaluate(_SHOWN.format("main h1")) == 1
    assert await page.evaluate(_SHOWN.format("main tbody tr")) > 0
    ink = await page.evaluate("['backgroundColor', 'color'].map(name => getComputedStyle(document.body)[name])")
    assert ink[0] == "rgb(255, 255, 255)"
    assert max(int(part) for part in ink[1].removeprefix("rgb(").removesuffix(")").split(",")) < 80, ink


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_an_invoice_and_a_statement_print(
    browser: Browser, site: Site, invoice: str, tmp_path: Path, dark: bool
) -> None:
    cookies = site.cookies_of(f"{site.scenery.vendor}-buyer-1@example.org")
    async with open_tab(browser, site.origin, Look(dark=dark, width=_A4_PX), cookies) as tab:
        today = datetime.now(UTC).date()
        period = f"since={today - timedelta(days=40)}&until={today + timedelta(days=1)}"
        for path in (invoice, f"/statement?{period}"):
            await tab.go(path)
            await _on_paper(tab.page)
            sheet = tmp_path / "sheet.pdf"
            await tab.page.pdf(path=sheet, format="A4")
            assert sheet.read_bytes().startswith(b"%PDF")
            await tab.page.emulate_media(media="screen")

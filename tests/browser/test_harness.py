"""The harness itself: pages that do what no page of ours may do are caught."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from tests.browser.chromium import Look, open_tab
from tests.browser.markup import can_check, check_markup
from tests.support.served import served

_GOOD = (
    '<!doctype html><html lang="en"><title>T</title><link rel="icon" href="/i.svg"><main><h1>T</h1>{body}</main></html>'
)
_BAD = {
    "another origin": '<img alt="" src="http://127.0.0.2:9/x.png">',
    "inline style": '<p style="color:red">x</p>',
    "inline script": "<script>alert(1)</script>",
    "handler": '<img alt="" src="/i.svg" onload="alert(1)">',
    "missing file": '<img alt="" src="/nothing.svg">',
    "too wide": '<svg width="3000" height="10"></svg>',
}
_NEEDS_SCRIPT = {"inline script", "handler"}
"""Without scripts these are not even tried."""


async def _page(request: Request) -> Response:
    body = {**_BAD, "good": "<p>x</p>", "gone": "", "nameless button": "<button></button>"}[request.path_params["name"]]
    policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' http://127.0.0.2:9"
    status = 404 if request.path_params["name"] == "gone" else 200
    return HTMLResponse(_GOOD.format(body=body), status, headers={"content-security-policy": policy})


async def _icon(request: Request) -> Response:
    return Response('<svg xmlns="http://www.w3.org/2000/svg"/>', media_type="image/svg+xml")


@pytest.fixture(scope="module")
def bad_site() -> Iterator[str]:
    """Pages with one fault each."""
    with served(Starlette(routes=[Route("/i.svg", _icon), Route("/p/{name}", _page)])) as origin:
        yield origin


@pytest.mark.parametrize("script", [True, False], ids=["script", "plain"])
@pytest.mark.parametrize("name", _BAD)
async def test_a_fault_is_caught(browser: Browser, bad_site: str, name: str, script: bool) -> None:
    async with open_tab(browser, bad_site, Look(script=script)) as tab:
        await tab.go(f"/p/{name}")
        if name in _NEEDS_SCRIPT and not script:
            await tab.check()
        else:
            with pytest.raises(AssertionError):
                await tab.check()


async def test_a_good_page_passes_and_another_status_does_not(browser: Browser, bad_site: str) -> None:
    async with open_tab(browser, bad_site) as tab:
        await tab.go("/p/good")
        await tab.check()
        await tab.go("/p/gone", expects=404)
        await tab.check()
        await tab.go("/p/gone")
        with pytest.raises(AssertionError, match="answers 404"):
            await tab.check()


async def test_axe_runs_under_the_policy(browser: Browser, bad_site: str) -> None:
    async with open_tab(browser, bad_site) as tab:
        await tab.go("/p/nameless button")
        assert any(each.startswith("button-name") for each in await tab.axe())


@pytest.mark.slow
@pytest.mark.skipif(not can_check(), reason="Java or the HTML checker is missing")
def test_wrong_markup_is_caught(tmp_path: Path) -> None:
    good, bad = _GOOD.format(body="<p>x</p>"), _GOOD.format(body='<p id="a"></p><p id="a"></p>')
    (found,) = check_markup({"good": good, "bad": bad}, tmp_path)
    assert found.startswith("bad: Duplicate ID")

"""A browser without scripts, as far as the console notices: cookies, where forms come from, redirects by hand."""

import re
from typing import Any

import httpx
from fastapi import FastAPI

HTML = {"accept": "text/html,application/xhtml+xml"}
OWN = {**HTML, "sec-fetch-site": "same-origin"}
PASSWORD = "correct horse battery"


def browser_of(app: FastAPI) -> httpx.AsyncClient:
    """A client of the console's pages that keeps cookies."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://mercato.test", timeout=30, headers=OWN)


async def sign_up(browser: httpx.AsyncClient, slug: str = "acme") -> httpx.Response:
    """A new organisation whose administrator is signed in."""
    form = {"name": slug.title(), "organisation": slug, "email": f"{slug}@example.org", "password": PASSWORD}
    answer = await browser.post("/sign-up", data=form)
    assert answer.status_code == 303, answer.text
    return answer


async def sign_in(browser: httpx.AsyncClient, slug: str, **more: Any) -> httpx.Response:
    """Somebody who exists signs in."""
    return await browser.post("/sign-in", data={"email": f"{slug}@example.org", "password": PASSWORD, **more})


def once_in(page: httpx.Response) -> str:
    """What tells the page's form from every other."""
    found = re.search(r'name="once" value="([0-9a-f]+)"', page.text)
    assert found is not None, page.text
    return found[1]

"""A newcomer's way from the front page to a paid call, in a browser without scripts and without a terminal."""

import re
from collections.abc import Iterator

import httpx
import pytest

from tests.e2e.conftest import Shop
from tests.e2e.marketplace import Marketplace
from tests.e2e.processes import until

_PASSWORD = "correct horse battery"


@pytest.fixture
def browser(marketplace: Marketplace) -> Iterator[httpx.Client]:
    """It keeps cookies, follows redirects, and says that each form is the page's own."""
    headers = {"accept": "text/html", "sec-fetch-site": "same-origin"}
    with httpx.Client(base_url=marketplace.control_url, headers=headers, follow_redirects=True, timeout=120) as client:
        yield client


def _found(pattern: str, page: httpx.Response) -> str:
    assert page.status_code == 200, page.text
    found = re.search(pattern, page.text)
    assert found is not None, f"{pattern} is not on {page.url}: {page.text}"
    return found[1]


def test_from_the_front_page_to_a_paid_call(browser: httpx.Client, shop: Shop) -> None:
    assert _found(r'href="(/sign-up)"', browser.get("/"))
    person = {"name": "Newcomer", "organisation": "newcomer", "email": "new@newcomer.example", "password": _PASSWORD}
    home = browser.post("/sign-up", data=person)
    assert home.url.path == "/home"
    once = _found(r'name="once" value="([0-9a-f]+)"', home)
    made = browser.post("/keys", data={"once": once, "kind": "ck", "name": "first key"})
    assert _found(r'<code class="secret" id="key">(ck_[^<]+)<', made)

    def results() -> httpx.Response:
        return browser.get("/search", params={"q": shop.embedder})

    until(lambda: f"/services/{shop.embedder}" in results().text, what="the search knows the service")
    pricing = browser.get(f"/services/{shop.embedder}/pricing")
    plan = _found(r'name="plan_id" value="(\w+)"[^\n]*Subscribe to per-token', pricing)
    assert "per-token" in browser.post("/subscriptions", data={"plan_id": plan}).text
    assert "Waiting for it" in browser.get("/home").text

    form = browser.get(f"/services/{shop.embedder}/try")
    operation = _found(r'name="operation" value="([^"]+)"', form)
    body = f'{{"model": "{shop.embedder}", "input": "the boat is tied up"}}'
    tried = browser.post(f"/services/{shop.embedder}/try", data={"operation": operation, "body": body})
    assert _found(r'<span class="chip good">(200)</span>', tried)
    assert "embedding" in tried.text

    until(lambda: "Last calls" in browser.get("/home").text, what="the page notices the call")
    call = _found(r'href="(/calls/use_\w+)"', browser.get("/calls"))
    explained = browser.get(call)
    assert _found(r"<span>Stands at</span><span>(\$0\.0\d+)</span>", explained)
    assert "In the ledger" in explained.text
    assert "try (console)" in explained.text
    assert shop.embedder in browser.get("/invoices").text
    assert shop.embedder in browser.get("/usage").text

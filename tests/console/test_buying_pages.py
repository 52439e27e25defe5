"""What somebody does who buys: finds a service, makes a key, subscribes, sees the call."""

import re

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from tests.console.browser import browser_of, once_in, sign_in, sign_up
from tests.support.market import Customer, Market
from tests.support.statements import counted

HOSTILE = '"><img src=x onerror=alert(1)>\u202e' + "x" * 10_000


async def shop(market: Market) -> Customer:
    """A service of Vendor with one customer, Buyer, who called it twice."""
    vendor = await market.people.join("vendor")
    service, offer = await market.list_service(vendor, "embedder")
    customer = await market.customer(service, offer, "buyer")
    await market.take([market.event(customer), market.event(customer, status=503)])
    return customer


async def sees_key(browser: httpx.AsyncClient, name: str) -> bool:
    return name in (await browser.get("/keys")).text


class TestKeys:
    """Keys are made once, shown once, and belong to one organisation."""

    async def test_a_key_is_shown_once_however_often_the_button_is_pressed(self, browser: httpx.AsyncClient) -> None:
        await sign_up(browser)
        form = {"once": once_in(await browser.get("/keys")), "name": "laptop", "kind": "ck"}
        first, second = await browser.post("/keys", data=form), await browser.post("/keys", data=form)
        assert first.status_code == 200, first.text
        assert re.search(r"ck_[\w.-]{20,}", first.text)
        assert second.text == first.text
        page = await browser.get("/keys")
        assert page.text.count("laptop") == 1
        assert not re.search(r">ck_[\w.-]{60,}", page.text)

    async def test_a_refused_form_is_shown_with_what_was_typed(self, browser: httpx.AsyncClient) -> None:
        await sign_up(browser)
        answer = await browser.post("/keys", data={"name": "laptop", "kind": "ck", "days": "0"})
        assert (answer.status_code, 'value="laptop"' in answer.text) == (422, True)

    async def test_a_key_is_held_when_it_is_made_and_later(self, browser: httpx.AsyncClient, market: Market) -> None:
        await shop(market)
        await sign_in(browser, "buyer")
        form = {"name": "held", "kind": "ck", "services": "acme/none", "addresses": "203.0.113.9/24"}
        unknown = await browser.post("/keys", data=form)
        assert (unknown.status_code, "acme/none</textarea>" in unknown.text) == (404, True)
        wrong = await browser.post("/keys", data=form | {"services": "", "addresses": "203.0.113.300"})
        assert (wrong.status_code, "203.0.113.300</textarea>" in wrong.text) == (422, True)
        assert not await sees_key(browser, "held</a>")
        assert (await browser.post("/keys", data=form | {"services": ""})).status_code == 200
        found = re.search(r'href="/keys/(key_\w+)">held<', (await browser.get("/keys")).text)
        assert found is not None
        assert 'chip">203.0.113.0/24<' in (await browser.get(f"/keys/{found[1]}")).text
        wrong = await browser.post(f"/keys/{found[1]}/hold", data={"addresses": "here"})
        assert (wrong.status_code, "here</textarea>" in wrong.text) == (422, True)
        lifted = await browser.post(f"/keys/{found[1]}/hold", data={"services": "", "addresses": " "})
        assert lifted.status_code == 303
        assert "all subscribed services, any address" in (await browser.get(f"/keys/{found[1]}")).text

    async def test_a_key_is_held_to_a_private_service_that_its_maker_sees(
        self, app: FastAPI, browser: httpx.AsyncClient, market: Market
    ) -> None:
        vendor = await market.people.join("acme")
        for name, friends in (("seen", ["buyer"]), ("hidden", [])):
            service, _ = await market.list_service(vendor, name)
            await market.add_release(service, "1.1.0", visibility="private", visible_to=friends)
        await market.people.join("buyer")
        await sign_in(browser, "buyer")
        form = {"name": "held", "kind": "ck", "services": "acme/hidden"}
        assert (await browser.post("/keys", data=form)).status_code == 404
        assert (await browser.post("/keys", data=form | {"services": "acme/seen"})).status_code == 200
        found = re.search(r'href="/keys/(key_\w+)">held<', (await browser.get("/keys")).text)
        assert found is not None
        assert 'chip">acme/seen<' in (await browser.get(f"/keys/{found[1]}")).text
        assert (await browser.post("/keys", data={"name": "free", "kind": "ck"})).status_code == 200
        rows = (await browser.get("/keys")).text.split("<tr>")
        assert ["only acme/seen" in row for row in rows if ">held<" in row] == [True]
        assert ["all subscribed services" in row for row in rows if ">free<" in row] == [True]
        with counted(app) as sent:
            await browser.get("/keys")
        assert len(sent) <= 8

    async def test_a_key_is_revoked_once_its_name_is_typed(self, browser: httpx.AsyncClient) -> None:
        await sign_up(browser)
        await browser.post("/keys", data={"name": "laptop", "kind": "ck"})
        found = re.search(r'href="/keys/(key_\w+)"', (await browser.get("/keys")).text)
        assert found is not None
        wrong = await browser.post(f"/keys/{found[1]}/revoke", data={"name": "other"})
        assert wrong.status_code == 422
        assert (await browser.post(f"/keys/{found[1]}/revoke", data={"name": "laptop"})).status_code == 303
        assert "revoked" in (await browser.get(f"/keys/{found[1]}")).text

    async def test_a_key_is_rotated(self, browser: httpx.AsyncClient) -> None:
        await sign_up(browser)
        await browser.post("/keys", data={"name": "laptop", "kind": "ck"})
        found = re.search(r'href="/keys/(key_\w+)"', (await browser.get("/keys")).text)
        assert found is not None
        rotated = await browser.post(f"/keys/{found[1]}/rotate", data={"grace_seconds": "3600"})
        assert "Copy it now" in rotated.text
        assert "rotated" in (await browser.get(f"/keys/{found[1]}")).text

    async def test_another_organisations_key_is_not_there(self, app: FastAPI, market: Market) -> None:
        customer = await shop(market)
        async with browser_of(app) as browser:
            await sign_up(browser, "stranger")
            path = f"/keys/{customer.key.row.id}"
            assert (await browser.get(path)).status_code == 404
            assert (await browser.post(f"{path}/revoke", data={"name": "test"})).status_code == 404
            assert (await browser.post(f"{path}/rotate", data={"grace_seconds": "0"})).status_code == 404
            assert customer.key.row.id not in (await browser.get("/keys")).text

    async def test_what_a_key_did_stands_beside_it(self, browser: httpx.AsyncClient, market: Market) -> None:
        await shop(market)
        await sign_in(browser, "buyer")
        page = await browser.get("/keys")
        assert "Buyer" in page.text
        assert "2 Nov 2026" in page.text
        assert "&lt;$0.01" in page.text


class TestSubscribing:
    """From the service's page to the first call."""

    async def test_somebody_subscribes_and_cancels(self, browser: httpx.AsyncClient, market: Market) -> None:
        await shop(market)
        await sign_up(browser, "newcomer")
        pricing = await browser.get("/services/vendor/embedder/pricing")
        found = re.search(r'name="plan_id" value="(\w+)"', pricing.text)
        assert found is not None, pricing.text
        for _ in range(2):
            answer = await browser.post("/subscriptions", data={"plan_id": found[1]})
            assert (answer.status_code, answer.headers["location"]) == (303, "/subscriptions")
        page = await browser.get("/subscriptions")
        assert page.text.count("vendor/embedder</a>") == 1
        cancel = re.search(r'action="(/subscriptions/\w+/cancel)"', page.text)
        assert cancel is not None
        assert (await browser.post(cancel[1])).status_code == 303
        assert "cancelled" in (await browser.get("/subscriptions")).text

    async def test_another_organisations_subscription_is_not_cancelled(
        self, browser: httpx.AsyncClient, market: Market
    ) -> None:
        customer = await shop(market)
        await sign_up(browser, "stranger")
        assert (await browser.post(f"/subscriptions/{customer.subscription.id}/cancel")).status_code == 404

    async def test_home_leads_a_newcomer_and_notices_the_call(
        self, app: FastAPI, market: Market, browser: httpx.AsyncClient
    ) -> None:
        await shop(market)
        await sign_up(browser, "newcomer")
        page = await browser.get("/home")
        assert "Make the first call" in page.text
        async with browser_of(app) as buyer:
            await sign_in(buyer, "buyer")
            home = await buyer.get("/home")
        assert "Last calls" in home.text
        assert "vendor/embedder" in home.text


class TestServicePages:
    """What anybody may read of a service."""

    @pytest.mark.parametrize("tab", ["", "/pricing", "/releases", "/releases/1.0.0", "/try"])
    async def test_every_tab_is_for_everybody(self, browser: httpx.AsyncClient, market: Market, tab: str) -> None:
        await shop(market)
        page = await browser.get(f"/services/vendor/embedder{tab}")
        assert page.status_code == 200, page.text
        assert "embedder" in page.text

    @pytest.mark.parametrize("tab", ["", "/pricing", "/releases", "/releases/1.0.0", "/try"])
    async def test_what_vendors_wrote_is_escaped(self, browser: httpx.AsyncClient, market: Market, tab: str) -> None:
        await shop(market)
        async with market.database.transaction() as session:
            values = {"hostile": HOSTILE, "page": f"{HOSTILE}\n\n![x](http://evil.example/x.png) [a](javascript:b)"}
            await session.execute(
                text("UPDATE services SET title = :hostile, summary = :hostile, description = :page"), values
            )
        page = await browser.get(f"/services/vendor/embedder{tab}")
        assert page.status_code == 200
        assert "<img src=x" not in page.text
        assert 'evil.example/x.png"' not in page.text
        assert 'href="javascript:' not in page.text

    async def test_an_unknown_service_is_a_page(self, browser: httpx.AsyncClient) -> None:
        assert (await browser.get("/services/no/such")).status_code == 404
        assert (await browser.get("/services/no/such/releases/1.0.0")).status_code == 404

    async def test_the_calculator_prices_what_is_asked(self, browser: httpx.AsyncClient, market: Market) -> None:
        await shop(market)
        page = await browser.get(
            "/services/vendor/embedder", params={"calls": "1000", "tokens_in": "", "tokens_out": ""}
        )
        assert "$1.00" in page.text
        assert (await browser.get("/services/vendor/embedder", params={"calls": "-1"})).status_code == 422


async def test_an_empty_search_says_what_is_true(browser: httpx.AsyncClient) -> None:
    assert "No service is listed yet" in (await browser.get("/search")).text
    assert "Use other words" in (await browser.get("/search", params={"q": "nothing like it"})).text
    assert "Take a filter away." in (await browser.get("/search", params={"task": "embeddings"})).text


async def test_search_shows_facets_and_keeps_its_filters(browser: httpx.AsyncClient) -> None:
    page = await browser.get("/search", params={"q": "nothing like it", "task": "embeddings"})
    assert page.status_code == 200
    assert "Nothing matches" in page.text
    assert "task=embeddings" not in re.search(r'class="chip on" href="([^"]*)"', page.text)[1]  # type: ignore[index]


@pytest.mark.parametrize("path", ["/home", "/keys", "/subscriptions", "/keys/key_1"])
async def test_somebody_who_is_not_signed_in_is_sent_to_sign_in(browser: httpx.AsyncClient, path: str) -> None:
    answer = await browser.get(path)
    assert (answer.status_code, answer.headers["location"].split("?")[0]) == (303, "/sign-in")

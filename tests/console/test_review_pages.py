"""Reviews on a service's page, and what an organisation may want next: with forms that need no script."""

import re
from dataclasses import replace

import httpx
from fastapi import FastAPI

from tests.console.browser import browser_of, once_in, sign_in, sign_up
from tests.console.test_buying_pages import HOSTILE, shop
from tests.console.test_cost import MOST_STATEMENTS
from tests.consumption.test_measuring import write_rows
from tests.support.market import Market
from tests.support.statements import counted

PAGE = "/services/vendor/embedder/reviews"
FORM = "/services/vendor/embedder/review"
OWN = "/api/services/vendor/embedder/review"


async def _review(browser: httpx.AsyncClient, **form: str) -> httpx.Response:
    once = once_in(await browser.get(PAGE))
    return await browser.post(FORM, data={"once": once, "stars": "4", "words": "Quick.", **form})


async def test_who_called_it_writes_changes_and_takes_back(browser: httpx.AsyncClient, market: Market) -> None:
    await shop(market)
    empty = await browser.get(PAGE)
    assert "No review yet" in empty.text
    assert "Sign in" in empty.text
    await sign_in(browser, "buyer")
    answer = await _review(browser)
    assert (answer.status_code, answer.headers["location"]) == (303, PAGE)
    page = await browser.get(PAGE)
    assert "4.00" in page.text
    assert "Quick." in page.text
    assert "Change it" in page.text
    assert (await _review(browser, stars="2", words="Slower now.")).status_code == 303
    page = await browser.get(PAGE)
    assert page.text.count("<article") == 1, "one for each organisation"
    assert "Quick." not in page.text
    service = await browser.get("/services/vendor/embedder")
    assert "2.00 of 5, 1 review" in service.text
    refused = await _review(browser, stars="9", words="typed by hand")
    assert (refused.status_code, "typed by hand" in refused.text) == (422, True)
    assert (await browser.post(f"{FORM}/remove", data={})).status_code == 303
    assert "No review yet" in (await browser.get(PAGE)).text
    assert (await browser.post(f"{FORM}/remove", data={})).status_code == 404


async def test_nobody_reviews_what_they_did_not_call_or_sell(
    app: FastAPI, browser: httpx.AsyncClient, market: Market
) -> None:
    await shop(market)
    await sign_up(browser, "newcomer")
    assert "Try it first" in (await browser.get(PAGE)).text
    sent = await browser.post(FORM, data={"stars": "5", "words": "I own it"})
    assert (sent.status_code, "review_not_earned" in sent.text) == (403, True), sent.text
    async with browser_of(app) as vendor:
        await sign_in(vendor, "vendor")
        assert "Nobody reviews what they sell" in (await vendor.get(PAGE)).text
        assert (await vendor.post(FORM, data={"stars": "5"})).status_code == 403


async def test_the_vendor_answers_and_an_operator_hides(
    app: FastAPI, browser: httpx.AsyncClient, market: Market
) -> None:
    await market.operator()
    await shop(market)
    await sign_in(browser, "buyer")
    await _review(browser, words=HOSTILE[:1_000])
    async with browser_of(app) as vendor, browser_of(app) as operator, browser_of(app) as anybody:
        await sign_in(vendor, "vendor")
        page = await vendor.get(PAGE)
        assert "<img src=x" not in page.text
        found = re.search(r'id="(rvw_\w+)"', page.text)
        assert found is not None, page.text
        answered = await vendor.post(f"{PAGE}/{found[1]}/answer", data={"words": "Thank you <b>all</b>."})
        assert answered.status_code == 303
        shown = await anybody.get(PAGE)
        assert "Thank you &lt;b&gt;all" in shown.text
        assert "<textarea" not in shown.text, "no form for who may not send it"
        assert (await browser.post(f"{PAGE}/{found[1]}/answer", data={"words": "Mine"})).status_code in (403, 404)
        await sign_in(operator, "operator")
        hide = f"{PAGE}/{found[1]}/hide"
        assert (await operator.post(hide, data={"reason": "x"})).status_code == 422
        assert (await operator.post(hide, data={"reason": "names a person"})).status_code == 303
        assert "names a person" in (await operator.get(PAGE)).text
        assert "No review yet" in (await anybody.get(PAGE)).text
        assert "An operator hid it: names a person" in (await browser.get(PAGE)).text, "its author sees why"
        assert (await operator.post(f"{PAGE}/{found[1]}/show", data={"reason": "looked again"})).status_code == 303
        assert "<article" in (await anybody.get(PAGE)).text


async def test_the_api_has_the_organisations_own(browser: httpx.AsyncClient, market: Market) -> None:
    await shop(market)
    await sign_in(browser, "buyer")
    tokens = await browser.post(
        "/api/sessions", json={"email": "buyer@example.org", "password": "correct horse battery"}
    )
    headers = {"authorization": f"Bearer {tokens.json()['access_token']}"}
    missing = await browser.get(OWN, headers=headers)
    assert (missing.status_code, missing.json()["code"]) == (404, "review_not_found")
    await _review(browser)
    own = (await browser.get(OWN, headers=headers)).json()
    assert (own["stars"], own["words"], own["organisation"]) == (4, "Quick.", "buyer")


async def test_pages_of_reviews_cost_the_same_however_many_there_are(
    app: FastAPI, browser: httpx.AsyncClient, market: Market
) -> None:
    customer = await shop(market)
    for number in range(22):
        async with browser_of(app) as other:
            each = await market.customer(customer.service, customer.plan, f"buyer-{number}")
            await market.take([market.event(each)])
            await sign_in(other, each.caller.organisation_slug)
            assert (await other.post(FORM, data={"stars": "3", "words": f"Number {number}."})).status_code == 303
    await sign_in(browser, "buyer")
    with counted(app) as sent:
        first = await browser.get(PAGE)
    assert len(sent) <= MOST_STATEMENTS, sent
    assert first.text.count("<article") == 20
    following = re.search(r'href="([^"]+)" rel="next"', first.text)
    assert following is not None
    last = await browser.get(following[1].replace("&amp;", "&"))
    assert last.text.count("<article") == 2
    assert "First page" in last.text


async def test_what_may_be_wanted_next_says_why(app: FastAPI, browser: httpx.AsyncClient, market: Market) -> None:
    customer = await shop(market)
    vendor = await market.people.join("other")
    second, plan = await market.list_service(vendor, "reranker")
    await write_rows(market, customer.service, second)
    for number in range(3):
        each = await market.customer(customer.service, customer.plan, f"both-{number}")
        held = await market.subscribe(each.caller, plan)
        also = replace(each, service=second, plan=plan, subscription=held)
        await market.take([market.event(each), market.event(also)])
    await sign_in(browser, "buyer")
    assert (await browser.get("/recommended")).status_code == 200
    with counted(app) as sent:
        page = await browser.get("/recommended")
    assert len(sent) <= MOST_STATEMENTS, sent
    assert "other/reranker" in page.text
    assert "used together with vendor/embedder by 3 organisations" in page.text
    async with browser_of(app) as nobody:
        assert (await nobody.get("/recommended")).status_code == 303

"""What nobody means to send: two clicks at once, far too much, far too long, the wrong way round."""

import asyncio
import re
from collections.abc import AsyncIterator
from urllib.parse import quote

import httpx
import pytest
from fastapi import FastAPI

from tests.console.browser import PASSWORD, browser_of, sign_in, sign_up
from tests.console.test_buying_pages import shop
from tests.support.governed import submit
from tests.support.market import Market

LONG = "n" * 10_000
BACKWARDS = "\u202eneppo\u202c\u2067x\u2069"
_MEGABYTE = b"0" * 1024 * 1024


async def test_two_clicks_on_subscribe_at_once_are_one_subscription(browser: httpx.AsyncClient, market: Market) -> None:
    await shop(market)
    await sign_up(browser, "newcomer")
    pricing = await browser.get("/services/vendor/embedder/pricing")
    plan = re.search(r'name="plan_id" value="(\w+)"', pricing.text)
    assert plan is not None
    clicks = await asyncio.gather(*(browser.post("/subscriptions", data={"plan_id": plan[1]}) for _ in range(4)))
    assert {click.status_code for click in clicks} <= {303, 409}
    assert (await browser.get("/subscriptions")).text.count("vendor/embedder</a>") == 1


async def test_of_two_who_claim_at_once_one_is_told_who_holds_it(
    app: FastAPI, browser: httpx.AsyncClient, market: Market
) -> None:
    await market.operator()
    await sign_in(browser, "operator")
    submission_id = await submit(market, await market.people.join("zeta"))
    path = f"/ops/approvals/{submission_id}"
    tokens = await browser.post("/api/sessions", json={"email": "operator@example.org", "password": PASSWORD})
    headers = {"authorization": f"Bearer {tokens.json()['access_token']}"}
    person = {"email": "ada@example.org", "name": "Ada", "password": PASSWORD, "role": "approver"}
    assert (await browser.post("/api/users", json=person, headers=headers)).status_code == 201
    async with browser_of(app) as ada:
        await sign_in(ada, "ada")
        claims = await asyncio.gather(*(each.post(f"{path}/claim") for each in (browser, ada)))
        assert sorted(claim.status_code for claim in claims) == [303, 409]
        loser = browser if claims[0].status_code == 409 else ada
        told = next(claim.text for claim in claims if claim.status_code == 409)
        assert "has claimed it at" in told
        assert (await loser.post(path, data={"decision": "approve", "reason": "mine now"})).status_code == 409
        assert (await loser.post(f"{path}/claim", data={"take_over": "yes"})).status_code == 303
        said = await loser.post(f"{path}/comments", data={"text": f"<b>{BACKWARDS}"})
        assert said.status_code == 303
        page = (await loser.get(path)).text
        assert "You have claimed it" in page
        assert "&lt;b&gt;" in page
        assert (await loser.post(path, data={"decision": "reject", "reason": "spam"})).status_code == 303
    assert submission_id in (await browser.get("/ops/approvals?state=rejected&q=zeta+speaker")).text


async def test_an_upload_of_a_hundred_megabytes_is_refused_before_it_was_read(browser: httpx.AsyncClient) -> None:
    await sign_up(browser, "vendor")
    read = 0

    async def hundred() -> AsyncIterator[bytes]:
        nonlocal read
        yield b'--x\r\ncontent-disposition: form-data; name="archive"; filename="x.zip"\r\n\r\n'
        for _ in range(100):
            read += 1
            yield _MEGABYTE
        yield b"\r\n--x--\r\n"

    headers = {"content-type": "multipart/form-data; boundary=x"}
    answer = await browser.post("/vendor/publish", content=hundred(), headers=headers)
    assert answer.status_code == 413, answer.text[:500]
    assert read < 40, "megabytes"


@pytest.mark.parametrize("words", [LONG, BACKWARDS, '"><script>alert(1)</script>', "a\0b", "%' OR 1=1 --"])
async def test_strange_words_are_asked_for_and_shown_as_text(
    browser: httpx.AsyncClient, market: Market, words: str
) -> None:
    await shop(market)
    await market.operator()
    await sign_in(browser, "operator")
    for path in ("/search", "/ops/approvals", "/ops/organisations", "/ops/audit", "/calls", "/usage", "/compare"):
        asked = {"q": words, "named": words, "service": words, "verb": words, "request_id": words}
        answer = await browser.get(path, params=asked)
        assert answer.status_code in (200, 303, 404, 422), (path, answer.status_code)
        assert "<script>alert" not in answer.text, path
    for path in ("/services/{}/x", "/vendors/{}", "/calls/{}", "/keys/{}", "/ops/approvals/{}", "/rounds/{}"):
        answer = await browser.get(path.format(quote(words[:6000], safe="")))
        assert answer.status_code in (303, 400, 404, 422), (path, answer.status_code)
    made = await browser.post("/keys", data={"kind": "ck", "name": words})
    assert made.status_code < 500, made.text[:500]


async def test_subscribing_to_another_plan_leads_to_what_the_change_costs(
    browser: httpx.AsyncClient, market: Market
) -> None:
    customer = await shop(market)
    other = await market.add_plan(customer.service, name="larger", monthly_nanos=9_000_000_000)
    await sign_in(browser, "buyer")
    asked = await browser.post("/subscriptions", data={"plan_id": other.id})
    where = f"/subscriptions/{customer.subscription.id}/plan?plan_id={other.id}"
    assert (asked.status_code, asked.headers["location"]) == (303, where)
    assert "Change to larger" in (await browser.get(where)).text
    assert "larger" not in (await browser.get("/subscriptions")).text, "nothing changed yet"

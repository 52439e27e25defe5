"""Disputes on pages: a call's form, the vendor's answer, the operator's decision, and what each side sees."""

import re
from datetime import timedelta

import httpx
from fastapi import FastAPI
from sqlalchemy import text

from tests.console.browser import browser_of, once_in, sign_in, sign_up
from tests.console.test_buying_pages import HOSTILE, shop
from tests.support.market import Market


async def _call(browser: httpx.AsyncClient) -> str:
    found = re.search(r'href="/calls/(use_\w+)"', (await browser.get("/calls?status_class=2")).text)
    assert found is not None
    return found[1]


async def open_dispute(browser: httpx.AsyncClient, words: str = "It ended after twelve tokens.") -> str:
    """The address of the new dispute's page."""
    call = await _call(browser)
    page = await browser.get(f"/calls/{call}")
    assert "Dispute $0.001" in page.text
    form = {"once": once_in(page), "kind": "no_usable_answer", "words": words}
    answer = await browser.post(f"/calls/{call}/dispute", data=form)
    assert answer.status_code == 303, answer.text
    again = await browser.post(f"/calls/{call}/dispute", data=form)
    assert again.headers["location"] == answer.headers["location"], "a double click opens one"
    assert "Dispute $0.001" not in (await browser.get(f"/calls/{call}")).text
    return str(answer.headers["location"])


async def test_from_the_calls_page_over_the_answer_to_the_money_back(
    app: FastAPI, browser: httpx.AsyncClient, market: Market
) -> None:
    await market.operator()
    await shop(market)
    await sign_in(browser, "buyer")
    assert "No dispute" in (await browser.get("/disputes")).text
    where = await open_dispute(browser, f"It ended early. {HOSTILE[:1_000]}")
    page = await browser.get(where)
    assert "<img src=x" not in page.text
    assert "vendor has not answered yet" in page.text
    assert where in (await browser.get("/disputes?open=true")).text
    async with browser_of(app) as vendor, browser_of(app) as operator:
        await sign_in(vendor, "vendor")
        assert where in (await vendor.get("/vendor/disputes")).text
        answered = await vendor.post(f"{where}/answer", data={"words": "We look <b>into</b> it."})
        assert answered.status_code == 303, answer_of(answered)
        assert "We look &lt;b&gt;into" in (await browser.get(where)).text
        await sign_in(operator, "operator")
        assert where in (await operator.get("/ops/disputes")).text
        shown = await operator.get(where)
        assert "POST /v1/embeddings" in shown.text
        refused = await operator.post(f"{where}/decision", data={"verdict": "upheld", "reason": "no"})
        assert (refused.status_code, 'value="no"' in refused.text) == (422, True), answer_of(refused)
        form = {"verdict": "upheld", "reason": "cut off by the service"}
        assert (await operator.post(f"{where}/decision", data=form)).status_code == 303
        assert (await operator.post(f"{where}/decision", data=form)).status_code == 409
        assert where not in (await operator.get("/ops/disputes")).text
        assert where in (await operator.get("/ops/disputes?all=true")).text
    page = await browser.get(where)
    assert "An operator upheld it" in page.text
    assert "cut off by the service" in page.text
    call = await browser.get(f"/calls/{await _call(browser)}")
    assert "upheld" in call.text
    assert "-$0.001" in call.text or "−$0.001" in call.text
    async with market.database.transaction() as session:
        assert await session.scalar(text("SELECT sum(nanos) FROM adjustments")) == -1_000_000


async def test_a_vendor_gives_the_charge_back_and_a_consumer_withdraws(
    app: FastAPI, browser: httpx.AsyncClient, market: Market
) -> None:
    await shop(market)
    await sign_in(browser, "buyer")
    first = await open_dispute(browser)
    assert (await browser.post(f"{first}/withdrawal", data={})).status_code == 303
    assert "withdrew it" in (await browser.get(first)).text
    second = await open_dispute(browser)
    async with browser_of(app) as vendor:
        await sign_in(vendor, "vendor")
        form = {"words": "Our server was at fault.", "give_back": "true"}
        assert (await vendor.post(f"{second}/answer", data=form)).status_code == 303
        assert (await vendor.post(f"{second}/answer", data=form)).status_code == 409
    assert "vendor gave the charge back" in (await browser.get(second)).text


async def test_money_moves_only_with_a_proof_of_who_asks(
    app: FastAPI, browser: httpx.AsyncClient, market: Market
) -> None:
    await market.operator()
    await shop(market)
    await sign_in(browser, "buyer")
    where = await open_dispute(browser)
    async with browser_of(app) as vendor, browser_of(app) as operator:
        await sign_in(vendor, "vendor")
        await sign_in(operator, "operator")
        market.clock.advance(timedelta(minutes=11))
        back = await vendor.post(f"{where}/answer", data={"words": "Here you are.", "give_back": "true"})
        assert (back.status_code, back.headers["location"][:7]) == (303, "/prove?")
        decided = await operator.post(f"{where}/decision", data={"verdict": "upheld", "reason": "they are right"})
        assert (decided.status_code, decided.headers["location"][:7]) == (303, "/prove?")
        words = await vendor.post(f"{where}/answer", data={"words": "Words need no proof."})
        assert words.headers["location"] == where
    page = await browser.get(where)
    assert "Words need no proof." in page.text
    assert 'class="chip warn">open' in page.text


async def test_others_find_nothing_and_change_nothing(app: FastAPI, browser: httpx.AsyncClient, market: Market) -> None:
    await shop(market)
    await sign_in(browser, "buyer")
    where = await open_dispute(browser)
    call = await _call(browser)
    async with browser_of(app) as stranger, browser_of(app) as vendor, browser_of(app) as nobody:
        await sign_up(stranger, "stranger")
        assert (await stranger.get(where)).status_code == 404
        for address, form in (
            (f"{where}/withdrawal", {}),
            (f"{where}/answer", {"words": "not mine", "give_back": "true"}),
            (f"/calls/{call}/dispute", {"kind": "other", "words": "not mine"}),
        ):
            assert (await stranger.post(address, data=form)).status_code == 404, address
        decision = {"verdict": "upheld", "reason": "by myself"}
        assert (await stranger.post(f"{where}/decision", data=decision)).status_code in (403, 404)
        await sign_in(vendor, "vendor")
        assert (await vendor.post(f"{where}/decision", data=decision)).status_code == 403
        assert (await vendor.post(f"/calls/{call}/dispute", data={"kind": "other", "words": "mine"})).status_code == 404
        assert (await nobody.get(where)).headers["location"].startswith("/sign-in")
    assert 'class="chip warn">open' in (await browser.get(where)).text


async def test_a_refused_dispute_keeps_what_was_typed(browser: httpx.AsyncClient, market: Market) -> None:
    await shop(market)
    await sign_in(browser, "buyer")
    call = await _call(browser)
    refused = await browser.post(f"/calls/{call}/dispute", data={"kind": "wrong_count", "words": "no"})
    assert refused.status_code == 422
    assert ">no</textarea>" in refused.text
    assert '"wrong_count" selected' in refused.text
    market.clock.advance(timedelta(days=61))
    late = await browser.post(f"/calls/{call}/dispute", data={"kind": "other", "words": "much later"})
    assert late.headers.get("location", "").startswith("/sign-in") or late.status_code == 422, answer_of(late)


def answer_of(answer: httpx.Response) -> str:
    """What went wrong, in short."""
    return f"{answer.status_code} {answer.text[-2_000:]}"

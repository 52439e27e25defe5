"""Searches that an organisation keeps, and what it found of results: forms that need no script."""

import html
import re
from datetime import timedelta
from urllib.parse import parse_qsl

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from mercato.discovery.saved_models import SavedSearchFit
from mercato.edge.wiring import running_of
from tests.console.browser import browser_of, once_in, sign_in, sign_up
from tests.console.test_buying_pages import HOSTILE, shop
from tests.console.test_cost import MOST_STATEMENTS
from tests.consumption.test_measuring import write_rows
from tests.support.market import Market
from tests.support.statements import counted

SEARCH = "q=embed&task=embeddings&max_price_per_call=1000000&sort=calls&cursor=x"


async def _save(browser: httpx.AsyncClient, name: str = "cheap", search: str = SEARCH) -> httpx.Response:
    page = await browser.get("/saved-searches", params={"search": search})
    return await browser.post("/saved-searches", data={"once": once_in(page), "name": name, "search": search})


async def test_a_search_is_saved_as_it_stands_shown_and_forgotten(browser: httpx.AsyncClient, market: Market) -> None:
    await shop(market)
    await sign_in(browser, "buyer")
    results = await browser.get(f"/search?{SEARCH.partition('&sort')[0]}")
    link = re.search(r'href="(/saved-searches\?search=[^"]+)"', results.text)
    assert link is not None
    form = await browser.get(link[1])
    assert "Words: embed" in form.text
    assert "Price of a call: ≤ $0.001" in form.text
    assert (await _save(browser)).headers["location"] == "/saved-searches"
    listed = await browser.get("/saved-searches")
    found = re.search(r'href="(/saved-searches/\w+)">cheap<', listed.text)
    assert found is not None
    again = re.search(r'href="(/search\?[^"]+)"', listed.text)
    assert again is not None
    assert "sort" not in again[1], "an order is no filter"
    assert (await browser.get(again[1].replace("&amp;", "&"))).status_code == 200
    assert "Nothing newly fitted yet" in (await browser.get(found[1])).text
    assert (await browser.post(f"{found[1]}/forget", data={})).status_code == 303
    assert "No search is saved yet" in (await browser.get("/saved-searches")).text
    assert (await browser.get(found[1])).status_code == 404
    assert (await browser.post(f"{found[1]}/forget", data={})).status_code == 404


async def test_mail_is_asked_for_and_ended_with_one_click(browser: httpx.AsyncClient, market: Market) -> None:
    await shop(market)
    await sign_in(browser, "buyer")
    await _save(browser)
    found = re.search(r'href="(/saved-searches/\w+)">cheap<', (await browser.get("/saved-searches")).text)
    assert found is not None
    for button, hears in (("Tell me by mail", True), ("End the mail", False)):
        page = await browser.get(found[1])
        form = re.search(rf'<form method="post" action="/saved-searches">((?:(?!</form>).)*){button}</button></form>',
                         page.text)  # fmt: skip
        assert form is not None
        sent = {name: html.unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', form[1])}
        assert (await browser.post("/saved-searches", data=sent)).status_code == 303
        assert ("hears by mail" in (await browser.get(found[1])).text) is hears
        again = re.search(r'href="(/search\?[^"]+)"', (await browser.get("/saved-searches")).text)
        assert again is not None
        assert parse_qsl(html.unescape(again[1]).partition("?")[2]) == parse_qsl(SEARCH.partition("&sort")[0])


async def test_fits_are_listed_by_name_and_paged(app: FastAPI, browser: httpx.AsyncClient, market: Market) -> None:
    customer = await shop(market)
    vendor = await market.people.join("second")
    services = [customer.service] + [(await market.list_service(vendor, f"late-{n}"))[0] for n in range(2)]
    await sign_in(browser, "buyer")
    await _save(browser)
    async with market.database.transaction() as session:
        saved_id = await session.scalar(text("SELECT id FROM saved_searches"))
        for service in services:
            market.clock.advance(timedelta(seconds=1))
            session.add(SavedSearchFit(
                id=market.ids.new("fit"), saved_search_id=saved_id, service_id=service.id, version="1.0.0",
                found_at=market.clock.now(),
            ))  # fmt: skip
    path = f"/saved-searches/{saved_id}?limit=2"
    await browser.get(path)
    with counted(app) as sent:
        page = await browser.get(path)
    assert len(sent) <= MOST_STATEMENTS, sent
    assert re.findall(r'<th scope="row"><a href="/services/([^"]+)">', page.text) == ["second/late-1", "second/late-0"]
    more = re.search(r'href="([^"]+before=[^"]+)"', page.text)
    assert more is not None
    rest = await browser.get(more[1].replace("&amp;", "&"))
    assert ("vendor/embedder" in rest.text, "First page" in rest.text) == (True, True)


async def test_a_form_that_is_refused_keeps_what_was_typed(browser: httpx.AsyncClient, market: Market) -> None:
    await shop(market)
    await sign_in(browser, "buyer")
    wrong = await _save(browser, "Not a name")
    assert (wrong.status_code, 'value="Not a name"' in wrong.text, "Words: embed" in wrong.text) == (422, True, True)
    upside = await _save(browser, "down", "min_calls=9&max_calls=1")
    assert upside.status_code == 422
    hostile = await _save(browser, "odd", f"q={HOSTILE[:200]}&task=nothing&unknown=1")
    assert (hostile.status_code, "<img src=x" in hostile.text) == (422, False)
    page = await browser.get("/saved-searches", params={"search": f"q={HOSTILE[:200]}"})
    assert (page.status_code, "<img src=x" in page.text) == (200, False)


async def test_nobody_sees_or_forgets_those_of_others(app: FastAPI, browser: httpx.AsyncClient, market: Market) -> None:
    await shop(market)
    await sign_in(browser, "buyer")
    await _save(browser, "secret-plan")
    found = re.search(r'href="(/saved-searches/\w+)"', (await browser.get("/saved-searches")).text)
    assert found is not None
    async with browser_of(app) as other:
        assert (await other.get("/saved-searches")).status_code == 303
        await sign_up(other, "rival")
        assert "secret-plan" not in (await other.get("/saved-searches")).text
        for answer in (await other.get(found[1]), await other.post(f"{found[1]}/forget", data={})):
            assert (answer.status_code, "secret-plan" in answer.text) == (404, False)
    assert "secret-plan" in (await browser.get("/saved-searches")).text


class TestFeedback:
    """Whoever is signed in may say of a result whether it was the one."""

    async def test_it_is_asked_of_results_of_words_and_noted_once(
        self, app: FastAPI, browser: httpx.AsyncClient, market: Market
    ) -> None:
        customer = await shop(market)
        await write_rows(market, customer.service)
        keeper = running_of(app).index_keeper
        assert keeper is not None
        await keeper.build()
        asked = "/search?q=embed"
        assert "Is it what you looked for?" not in (await browser.get(asked)).text
        await sign_in(browser, "buyer")
        assert "Is it what you looked for?" not in (await browser.get("/search")).text
        assert "Is it what you looked for?" not in (await browser.get(f"{asked}&sort=calls")).text
        page = await browser.get(asked)
        form = dict(re.findall(r'<input type="hidden" name="(query|service|position|here)" value="([^"]*)"', page.text))
        assert form == {"query": "embed", "service": "vendor/embedder", "position": "1", "here": "q=embed"}
        for verdict in ("useful", "not_useful", "not_useful"):
            thanks = await browser.post("/search/feedback", data=form | {"verdict": verdict})
            assert thanks.status_code == 200
        assert "not what you looked for" in thanks.text
        assert 'href="/search?q=embed"' in thanks.text
        async with market.database.transaction() as session:
            rows = (await session.execute(text("SELECT verdict, position FROM search_feedback"))).all()
        assert [tuple(row) for row in rows] == [("not_useful", 1)]

    @pytest.mark.parametrize(
        ("wrong", "status"),
        [({"verdict": "great"}, 422), ({"position": "0"}, 422), ({"service": "vendor/none"}, 404),
         ({"service": HOSTILE[:80]}, 422), ({"query": ""}, 422), ({"here": "//evil.example"}, 200)],
    )  # fmt: skip
    async def test_nonsense_is_refused(
        self, browser: httpx.AsyncClient, market: Market, wrong: dict[str, str], status: int
    ) -> None:
        await shop(market)
        await sign_in(browser, "buyer")
        form = {"query": "embed", "service": "vendor/embedder", "position": "1", "verdict": "useful", "here": ""}
        answer = await browser.post("/search/feedback", data=form | wrong)
        assert (answer.status_code, "<img src=x" in answer.text) == (status, False)
        assert 'href="//evil' not in answer.text

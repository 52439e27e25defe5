"""The console of an operator who views as somebody else: a banner with what is left, pages that are read, no change."""

import re
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.conftest import People, TestClock
from tests.console.browser import PASSWORD, browser_of, once_in, sign_in, sign_up

REASON = {"reason": "ticket 4711 <script>"}


@pytest.fixture
async def vera(app: FastAPI, people: People) -> Any:
    """A viewer of acme, and the browser of its administrator."""
    await people.operator()
    async with browser_of(app) as chief:
        await sign_up(chief)
        form = {"email": "vera@acme.example", "role": "viewer", "once": once_in(await chief.get("/organisation"))}
        link = re.search(r"(/join/[\w.-]+)", (await chief.post("/organisation/invitations", data=form)).text)
        assert link is not None
        async with browser_of(app) as hers:
            await hers.post(link[1], data={"name": "Vera <b>", "password": PASSWORD})
        yield chief


async def _person(browser: httpx.AsyncClient) -> str:
    found = re.search(r'/ops/view-as/(usr_\w+)"', (await browser.get("/ops/organisations/acme")).text)
    assert found is not None
    return found[1]


async def test_a_view_begins_with_a_reason_shows_a_banner_and_ends(browser: httpx.AsyncClient, vera: Any) -> None:
    await sign_in(browser, "operator")
    person = await _person(browser)
    form = await browser.get(f"/ops/view-as/{person}")
    refused = await browser.post(f"/ops/view-as/{person}", data={"once": once_in(form)})
    assert refused.status_code == 422
    began = await browser.post(f"/ops/view-as/{person}", data=REASON | {"once": once_in(refused)})
    assert (began.status_code, began.headers["location"]) == (303, "/home")
    home = await browser.get("/home")
    assert "30 min left" in home.text
    assert "as <strong>Vera &lt;b&gt;</strong>" in home.text
    assert (await browser.get("/ops")).status_code == 403
    change = await browser.post("/keys", data={"kind": "ck", "name": "laptop"})
    assert (change.status_code, "view_as_reads_only" in change.text) == (403, True)
    ended = await browser.post("/view-as/end", data={})
    assert (ended.status_code, ended.headers["location"]) == (303, "/ops/organisations/acme")
    assert "End the view" not in (await browser.get("/ops")).text
    assert "ticket 4711 &lt;script&gt;" in (await browser.get(f"/ops/view-as/{person}")).text


async def test_the_banner_counts_down_and_the_view_is_over(
    browser: httpx.AsyncClient, vera: Any, clock: TestClock
) -> None:
    await sign_in(browser, "operator")
    assert (await browser.post(f"/ops/view-as/{await _person(browser)}", data=REASON)).status_code == 303
    clock.advance(timedelta(minutes=28, seconds=30))
    assert "2 min left" in (await browser.get("/home")).text
    clock.advance(timedelta(minutes=2))
    assert "End the view" not in (await browser.get("/home")).text


async def test_an_old_proof_is_asked_for_again(browser: httpx.AsyncClient, vera: Any, clock: TestClock) -> None:
    await sign_in(browser, "operator")
    person = await _person(browser)
    clock.advance(timedelta(minutes=11))
    answer = await browser.post(f"/ops/view-as/{person}", data=REASON)
    assert (answer.status_code, answer.headers["location"].split("?")[0]) == (303, "/prove")


async def test_the_organisation_reads_who_looked_and_forbids_it(browser: httpx.AsyncClient, vera: Any) -> None:
    await sign_in(browser, "operator")
    person = await _person(browser)
    assert (await browser.post(f"/ops/view-as/{person}", data=REASON)).status_code == 303
    seen = await vera.get("/organisation")
    assert "ticket 4711 &lt;script&gt;" in seen.text
    assert (await vera.post("/organisation/view-as", data={})).status_code == 303
    assert "Allow views" in (await vera.get("/organisation")).text
    assert "End the view" not in (await browser.get("/ops")).text
    assert f"/ops/view-as/{person}" not in (await browser.get("/ops/organisations/acme")).text
    refused = await browser.post(f"/ops/view-as/{person}", data=REASON)
    assert (refused.status_code, "view_as_forbidden" in refused.text) == (403, True)
    assert (await vera.post("/organisation/view-as", data={"allowed": "yes"})).status_code == 303


async def test_only_operators_have_the_page(app: FastAPI, vera: Any, browser: httpx.AsyncClient) -> None:
    await sign_in(browser, "operator")
    person = await _person(browser)
    assert (await vera.get(f"/ops/view-as/{person}")).status_code == 403
    assert (await vera.post(f"/ops/view-as/{person}", data=REASON)).status_code == 403
    async with browser_of(app) as nobody:
        assert (await nobody.get(f"/ops/view-as/{person}")).status_code == 303

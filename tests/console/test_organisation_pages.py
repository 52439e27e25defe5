"""People, invitations, own access, the audit log, webhooks, standings."""

import re
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI

from tests.conftest import People, TestClock
from tests.console.browser import HTML, PASSWORD, browser_of, once_in, sign_in, sign_up
from tests.identity.test_second_factors import App

PAGES = ("/organisation", "/organisation/roles", "/organisation/audit", "/webhooks")


@pytest.mark.parametrize("path", [*PAGES, "/leaderboard", "/rounds"])
async def test_a_new_organisation_reads_every_page(browser: httpx.AsyncClient, path: str) -> None:
    await sign_up(browser)
    page = await browser.get(path)
    assert page.status_code == 200, page.text


@pytest.mark.parametrize("path", PAGES)
async def test_somebody_who_is_not_signed_in_is_sent_to_sign_in(browser: httpx.AsyncClient, path: str) -> None:
    assert (await browser.get(path)).status_code == 303


async def test_somebody_is_invited_joins_and_gets_another_role(app: FastAPI, browser: httpx.AsyncClient) -> None:
    await sign_up(browser)
    form = {"email": "bob@acme.example", "role": "viewer"}
    form["once"] = once_in(await browser.get("/organisation"))
    for _ in range(2):
        invited = await browser.post("/organisation/invitations", data=form)
        assert invited.status_code == 200
    assert (await browser.get("/organisation")).text.count("bob@acme.example</th>") == 1
    link = re.search(r"(/join/[\w.-]+)", invited.text)
    assert link is not None
    async with browser_of(app) as bob:
        await bob.post(link[1], data={"name": "Bob", "password": PASSWORD})
        await bob.post("/sign-in", data={"email": "bob@acme.example", "password": PASSWORD})
        seen = await bob.get("/organisation")
        assert "users:write" in seen.text
        forbidden = await bob.post("/organisation/invitations", data=form | {"once": "0"})
        assert forbidden.status_code == 403
        keys = await bob.get("/keys")
        assert "keys:write" in keys.text
    person = re.search(r'action="(/organisation/people/usr_\w+)/role"', (await browser.get("/organisation")).text)
    assert person is not None
    assert (await browser.post(f"{person[1]}/role", data={"role": "approver"})).status_code == 303
    assert (await browser.post(f"{person[1]}/disable", data={})).status_code == 303
    assert "disabled" in (await browser.get("/organisation")).text


async def test_what_is_dangerous_asks_for_a_proof_once_the_last_one_is_old(
    browser: httpx.AsyncClient, clock: TestClock, people: People
) -> None:
    await sign_up(browser)
    clock.advance(timedelta(minutes=11))
    answer = await browser.post("/organisation/people/usr_1/role", data={"role": "viewer"}, headers={"referer": ""})
    assert (answer.status_code, answer.headers["location"].split("?")[0]) == (303, "/prove")


async def test_an_authenticator_app_is_added(browser: httpx.AsyncClient, clock: TestClock) -> None:
    await sign_up(browser)
    page = await browser.post("/organisation/second-factors", data={"name": "phone"})
    secret = re.search(r'id="secret">([A-Z2-7]+)<', page.text)
    confirm = re.search(r'action="(/organisation/second-factors/\w+/confirm)"', page.text)
    assert secret is not None
    assert confirm is not None
    assert (await browser.post(confirm[1], data={"code": "000000"})).status_code == 401
    done = await browser.post(confirm[1], data={"code": App(secret[1], clock).code()})
    assert "Recovery codes" in done.text
    assert "phone" in (await browser.get("/organisation")).text


async def test_other_sessions_are_ended(app: FastAPI, browser: httpx.AsyncClient) -> None:
    await sign_up(browser)
    async with browser_of(app) as other:
        await sign_in(other, "acme")
        await browser.post("/organisation/sessions/end-others")
        assert (await other.get("/home")).status_code == 303
    assert (await browser.get("/home")).status_code == 200


async def test_another_organisations_people_and_sessions_are_not_reached(
    browser: httpx.AsyncClient, people: People
) -> None:
    stranger = await people.join("stranger")
    await sign_up(browser)
    for path in ("disable", "enable"):
        assert (await browser.post(f"/organisation/people/{stranger.actor}/{path}", data={})).status_code == 404
    assert (await browser.post("/organisation/sessions/ses_1/end")).status_code == 404
    assert (await browser.get("/webhooks/whk_1")).status_code == 404


async def test_a_webhook_is_added_and_its_secret_shown_once(browser: httpx.AsyncClient) -> None:
    await sign_up(browser)
    form = {"url": "http://127.0.0.1:8080/hook", "once": once_in(await browser.get("/webhooks"))}
    added = await browser.post("/webhooks", data=form)
    assert "whsec_" in added.text, added.text
    page = await browser.get("/webhooks")
    assert "whsec_" not in page.text
    found = re.search(r'href="(/webhooks/\w+)"', page.text)
    assert found is not None
    assert (await browser.get(found[1])).status_code == 200
    assert (await browser.post(f"{found[1]}/test")).status_code == 303
    assert (await browser.post(f"{found[1]}/remove")).status_code == 303
    wrong = await browser.post("/webhooks", data={"url": "javascript:alert(1)//"})
    assert wrong.status_code == 422
    assert 'href="javascript:' not in wrong.text


async def test_the_back_button_after_signing_out_shows_nothing(browser: httpx.AsyncClient) -> None:
    await sign_up(browser)
    page = await browser.get("/organisation", headers=HTML)
    assert page.headers["cache-control"] == "no-store"
    await browser.post("/sign-out")
    assert (await browser.get("/organisation")).status_code == 303

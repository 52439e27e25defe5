"""A form that needs a proof of who asks first is not lost: the page after the proof holds what was typed."""

import base64
import json
import zlib
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.console.browser import PASSWORD, browser_of, sign_in
from tests.console.test_buying_pages import shop
from tests.console.test_dispute_pages import open_dispute
from tests.support.market import Market

_COOKIE = "mercato_typed"
_REASON = "It was cut off: <b>twelve</b> tokens of 400"


@pytest.fixture
async def dispute(app: FastAPI, market: Market) -> str:
    """The address of one that waits."""
    await market.operator()
    await shop(market)
    async with browser_of(app) as buyer:
        await sign_in(buyer, "buyer")
        return await open_dispute(buyer)


async def _decide_late(browser: httpx.AsyncClient, market: Market, dispute: str, **more: str) -> httpx.Response:
    """An operator decides eleven minutes after they signed in."""
    await sign_in(browser, "operator")
    market.clock.advance(timedelta(minutes=11))
    form = {"verdict": "upheld", "reason": _REASON, "once": "0" * 32, **more}
    return await browser.post(f"{dispute}/decision", data=form, headers={"referer": f"http://mercato.test{dispute}"})


async def test_what_was_typed_is_there_after_the_proof_and_is_done_once_it_is_sent(
    browser: httpx.AsyncClient, market: Market, dispute: str
) -> None:
    refused = await _decide_late(browser, market, dispute)
    assert (refused.status_code, refused.headers["location"].split("=")[0]) == (303, "/prove?next")
    assert 'id="kept"' not in (await browser.get(refused.headers["location"])).text
    assert 'id="kept"' not in (await browser.get(dispute)).text, "not before the proof"
    assert 'id="kept"' not in (await browser.get("/ops")).text, "another page has nothing of it"
    wrong = await browser.post("/prove", data={"password": "nonsense", "next": dispute})
    assert wrong.status_code == 401
    proved = await browser.post("/prove", data={"password": PASSWORD, "next": dispute})
    assert proved.headers["location"] == dispute
    page = await browser.get(dispute)
    assert 'id="kept"' in page.text
    assert 'value="It was cut off: &lt;b&gt;twelve&lt;/b&gt; tokens of 400"' in page.text
    assert 'name="verdict" value="upheld"' in page.text
    assert "No usable answer came" in page.text
    assert 'class="chip warn">open' in page.text, "nothing was done yet"
    assert _COOKIE not in browser.cookies
    assert 'id="kept"' not in (await browser.get(dispute)).text, "it is shown once"
    done = await browser.post(f"{dispute}/decision", data={"verdict": "upheld", "reason": _REASON})
    assert done.status_code == 303
    assert "An operator upheld it" in (await browser.get(dispute)).text


async def test_nothing_is_kept_of_a_secret(browser: httpx.AsyncClient, market: Market, dispute: str) -> None:
    await _decide_late(browser, market, dispute, password="staple correct battery", code="123456")
    kept = zlib.decompress(base64.urlsafe_b64decode(browser.cookies[_COOKIE])).decode()
    assert "staple" not in kept
    assert "123456" not in kept
    await browser.post("/prove", data={"password": PASSWORD, "next": dispute})
    page = await browser.get(dispute)
    assert 'name="password" type="password"' in page.text
    assert "staple" not in page.text


async def test_another_person_at_the_same_browser_sees_nothing_of_it(
    browser: httpx.AsyncClient, market: Market, dispute: str
) -> None:
    await _decide_late(browser, market, dispute)
    kept = browser.cookies[_COOKIE]
    await browser.post("/sign-out")
    await sign_in(browser, "buyer")
    assert 'id="withdraw"' in (await browser.get(dispute)).text
    browser.cookies.set(_COOKIE, kept, domain="mercato.test")
    page = await browser.get(dispute)
    assert page.status_code == 200
    assert "cut off" not in page.text


async def test_a_form_too_long_for_a_cookie_leads_to_the_proof_all_the_same(
    browser: httpx.AsyncClient, market: Market, dispute: str
) -> None:
    noise = base64.b64encode(bytes((number * 7_919) % 251 for number in range(9_000))).decode() + _REASON
    refused = await _decide_late(
        browser, market, dispute, more="".join(sorted(set(noise))) + str(market.ids.secret(4_000))
    )
    assert refused.headers["location"].startswith("/prove")
    assert _COOKIE not in browser.cookies


def _packed(**changes: Any) -> str:
    whole = {"actor": "usr_1", "action": "/ops", "page": "/ops", "fields": [["reason", "planted"]], "secrets": []}
    return base64.urlsafe_b64encode(zlib.compress(json.dumps(whole | changes).encode())).decode()


@pytest.mark.parametrize(
    "text",
    [
        "nonsense", "====", _packed(), _packed(fields=7), _packed(secrets=None),
        base64.urlsafe_b64encode(zlib.compress(b"[" * 3_000_000)).decode(),
        base64.urlsafe_b64encode(zlib.compress(b'{"actor": 1}')).decode(),
    ],
    ids=["words", "padding", "of nobody", "no fields", "no secrets", "bomb", "torn"],
)  # fmt: skip
async def test_what_we_did_not_write_is_left_out(
    browser: httpx.AsyncClient, market: Market, dispute: str, text: str
) -> None:
    await sign_in(browser, "operator")
    browser.cookies.set(_COOKIE, text, domain="mercato.test")
    page = await browser.get("/ops")
    assert page.status_code == 200
    assert "planted" not in page.text


@pytest.mark.parametrize("action", ["//evil.example/x", "https://evil.example/x", "evil", 7])
async def test_a_form_is_sent_to_a_path_of_ours(
    browser: httpx.AsyncClient, market: Market, dispute: str, action: Any
) -> None:
    await sign_in(browser, "operator")
    actor = (await market.operator()).actor
    planted = _packed(actor=actor)
    browser.cookies.set(_COOKIE, planted, domain="mercato.test")
    assert "planted" in (await browser.get("/ops")).text, "so the next one says something"
    browser.cookies.set(_COOKIE, _packed(actor=actor, action=action), domain="mercato.test")
    page = await browser.get("/ops")
    assert page.status_code == 200
    assert "evil" not in page.text
    assert "planted" not in page.text

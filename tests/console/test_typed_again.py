"""A form that is refused still holds what was typed."""

import re
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.console.browser import sign_in, sign_up
from tests.console.test_buying_pages import shop
from tests.support.market import Market

_FORMS: tuple[tuple[str, dict[str, Any], tuple[str, ...]], ...] = (
    ("/keys", {"name": "loader", "kind": "ck", "days": "9000", "services": "a/b"},
     ('value="loader"', 'value="9000"', ">a/b<")),
    ("/budgets", {"cap": "much", "unit": "requests", "window": "day"},
     ('value="much"', '"requests" selected', '"day" selected')),
    ("/webhooks", {"url": "ftp://x.example", "description": "of our tests", "event_types": "budget.reached"},
     ('value="ftp://x.example"', 'value="of our tests"')),
    ("/organisation/invitations", {"email": "nobody", "role": "approver"}, ('value="nobody"', '"approver" selected')),
    ("/organisation/service-accounts", {"name": "", "purpose": "nightly", "rights": "usage:read"},
     ('value="nightly"', 'value="usage:read" checked')),
    ("/saved-searches", {"name": "Not A Name", "search": "q=embed", "mail": "true"},
     ('value="Not A Name"', 'value="true" checked')),
    ("/vendor/credentials", {"name": "mine", "value": "short"}, ('value="mine"',)),
)  # fmt: skip


@pytest.mark.parametrize(("path", "form", "kept"), _FORMS, ids=[path for path, _, _ in _FORMS])
async def test_what_was_typed_stays(
    browser: httpx.AsyncClient, market: Market, path: str, form: dict[str, Any], kept: tuple[str, ...]
) -> None:
    await sign_up(browser, "acme")
    answer = await browser.post(path, data=form)
    assert 400 <= answer.status_code < 500, answer.text
    assert 'role="alert"' in answer.text
    missing = [each for each in kept if each not in answer.text]
    assert missing == [], answer.text


async def test_an_operator_reads_their_reason_again(browser: httpx.AsyncClient, market: Market) -> None:
    await shop(market)
    await market.operator()
    await sign_in(browser, "operator")
    for path, form, kept in (
        ("/ops/organisations/vendor/suspend", {"reason": "x" * 501}, 'value="' + "x" * 500),
        ("/ops/announcements", {"text": "Soon", "kind": "maintenance", "ends_at": "1999-01-01T00:00"}, "1999-01-01T"),
        ("/desk/switches", {"scope": "vendor", "target": "nobody", "reason": "a drill"}, 'value="a drill"'),
    ):  # fmt: skip
        answer = await browser.post(path, data=form)
        assert (answer.status_code >= 400, kept in answer.text) == (True, True), answer.text


async def test_pages_and_the_zone_of_a_refused_form_lead_to_pages(browser: httpx.AsyncClient, market: Market) -> None:
    """Its own address is for sending only."""
    await sign_up(browser, "acme")
    refused = await browser.post(
        "/organisation/invitations?people=usr_0", data={"email": "nobody"},
        headers={"referer": "http://mercato.test/organisation?people=usr_0"},
    )  # fmt: skip
    assert refused.status_code == 422
    assert re.search(r'name="next" value="/organisation\?people=usr_0"', refused.text)
    for address in re.findall(r'<nav class="pages".*?href="([^"]+)"', refused.text):
        assert (await browser.get(address)).status_code == 200


async def test_a_list_of_people_has_more_pages_than_one(
    browser: httpx.AsyncClient, market: Market, app: FastAPI
) -> None:
    await sign_up(browser, "acme")
    tokens = await browser.post(
        "/api/sessions", json={"email": "acme@example.org", "password": "correct horse battery"}
    )
    headers = {"authorization": f"Bearer {tokens.json()['access_token']}"}
    me = (await browser.get("/api/users", headers=headers)).json()["items"][0]["id"]
    following = await browser.get("/organisation", params={"people": me})
    assert following.status_code == 200
    assert "<td>acme@example.org</td>" not in following.text
    assert ">First page<" in following.text

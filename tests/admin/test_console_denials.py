"""What the console refuses on a form is in the audit log, as what the API refuses is."""

from datetime import timedelta

import httpx
from fastapi import FastAPI

from tests.admin.conftest import Ledger
from tests.admin.test_audit_api import sign_in
from tests.conftest import People, TestClock
from tests.console.browser import browser_of, sign_up


async def test_a_wrong_password_at_the_console_is_an_entry_as_one_at_the_api_is(
    app: FastAPI, api: httpx.AsyncClient, ledger: Ledger, people: People, clock: TestClock
) -> None:
    await people.operator()
    operator = await sign_in(api, "operator@example.org")
    browser = browser_of(app)
    await sign_up(browser)
    wrong = {"email": "acme@example.org", "password": "wrong horse"}
    assert (await browser.post("/prove", data={"password": "wrong horse"})).status_code == 401
    await browser.post("/sign-out")
    assert (await browser.post("/sign-in", data=wrong)).status_code == 401
    assert (await browser.post("/device", data={**wrong, "user_code": "ABCD-EFGH"})).status_code == 401
    assert (await api.post("/api/sessions", json=wrong)).status_code == 401
    clock.advance(timedelta(minutes=1))
    await ledger.tell_refusals()
    await ledger.record()
    answer = await api.get("/api/audit/entries", params={"outcome": "denied"}, headers=operator)
    routes = {each["core"]["target"]["id"] for each in answer.json()["items"]}
    assert {"POST /sign-in", "POST /prove", "POST /device"} <= routes, routes
    assert any(route.endswith("/sessions") for route in routes), routes
    assert "wrong horse" not in answer.text

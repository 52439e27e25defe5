"""Changing a plan: what it costs is said before, it happens in one moment, and only to one's own subscription."""

import asyncio
import re
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from mercato.publishing import Plan
from tests.console.browser import browser_of, once_in
from tests.console.browser import sign_in as sign_in_page
from tests.metering.test_usage_api import sign_in
from tests.support.market import Customer, Market

_CENT = 10_000_000


async def two_plans(market: Market) -> tuple[Customer, Plan]:
    """Globex pays a cent a month and a tenth of it a call; the other plan costs five cents and includes 100 calls."""
    vendor = await market.people.join("acme")
    service, first = await market.list_service(vendor, monthly_nanos=_CENT)
    other = await market.add_plan(
        service, monthly_nanos=5 * _CENT, included_unit="requests", included=100, overage=False
    )
    customer = await market.customer(service, first, "globex")
    await market.charge_monthly()
    await market.take([market.event(customer, at=market.clock.now() - timedelta(days=3)) for _ in range(120)])
    return customer, other


def path_of(customer: Customer) -> str:
    return f"/api/subscriptions/{customer.subscription.id}/plan-change"


async def test_the_preview_says_now_next_month_and_own_use(api: httpx.AsyncClient, market: Market) -> None:
    customer, other = await two_plans(market)
    headers = await sign_in(api, customer.caller)
    found = (await api.get(path_of(customer), params={"plan_id": other.id}, headers=headers)).json()
    present, wanted = found["present"], found["wanted"]
    assert (present["charged_nanos"], present["due_nanos"], present["next_nanos"]) == (_CENT, 0, 0)
    assert (wanted["charged_nanos"], wanted["due_nanos"], wanted["next_nanos"]) == (0, 5 * _CENT, 5 * _CENT)
    assert (found["calls"], found["service"], found["next_at"][:10]) == (120, "acme/embedder", "2026-12-01")
    assert present["usage_nanos"] == _CENT + 120 * 1_000_000
    assert (wanted["usage_nanos"], wanted["refused_units"]) == (5 * _CENT, 20)


async def test_what_the_preview_said_is_what_the_ledger_gets(api: httpx.AsyncClient, market: Market) -> None:
    customer, other = await two_plans(market)
    headers = await sign_in(api, customer.caller)

    async def owed() -> int:
        balance = await api.get("/api/unbilled", headers=headers)
        return sum(item["amount_nanos"] for item in balance.json()["items"] if item["item"] == "monthly")

    async def due(subscription_id: str, plan: Plan) -> int:
        path = f"/api/subscriptions/{subscription_id}/plan-change"
        answer = await api.get(path, params={"plan_id": plan.id}, headers=headers)
        return int(answer.json()["wanted"]["due_nanos"])

    before, first_due = await owed(), await due(customer.subscription.id, other)
    changed = await api.post(path_of(customer), json={"plan_id": other.id}, headers=headers)
    assert (changed.status_code, changed.json()["plan"], changed.json()["status"]) == (200, other.name, "active")
    await market.charge_monthly()
    assert await owed() == before + first_due
    # And back within the month: the first plan's fee is charged already.
    back = await due(changed.json()["id"], customer.plan)
    again = await api.post(
        f"/api/subscriptions/{changed.json()['id']}/plan-change", json={"plan_id": customer.plan.id}, headers=headers
    )
    assert (back, again.json()["id"]) == (0, customer.subscription.id)
    await market.charge_monthly()
    assert await owed() == before + first_due


async def test_twice_at_once_and_again_changes_once(api: httpx.AsyncClient, market: Market) -> None:
    customer, other = await two_plans(market)
    headers = await sign_in(api, customer.caller)
    answers = await asyncio.gather(
        *(api.post(path_of(customer), json={"plan_id": other.id}, headers=headers) for _ in range(6))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["id"] for answer in answers}) == 1
    rows = (await api.get("/api/subscriptions", headers=headers)).json()["items"]
    assert sorted(row["status"] for row in rows) == ["active", "cancelled"]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_what_cannot_be_changed_says_why(api: httpx.AsyncClient, market: Market, method: str) -> None:
    customer, other = await two_plans(market)
    elsewhere = (await market.list_service(await market.people.join("initrode")))[1]
    retired = await market.add_plan(customer.service, retired_at=market.clock.now())
    headers, stranger = await sign_in(api, customer.caller), await sign_in(api, await market.people.join("initech"))

    async def ask(plan_id: str, who: dict[str, str]) -> Any:
        more: dict[str, Any] = {"params": {"plan_id": plan_id}} if method == "GET" else {"json": {"plan_id": plan_id}}
        answer = await api.request(method, path_of(customer), headers=who, **more)
        return answer.status_code, answer.json()["code"]

    assert await ask(elsewhere.id, headers) == (409, "plan_of_other_service")
    assert await ask(retired.id, headers) == (409, "plan_not_offered")
    assert await ask("pln_nothing", headers) == (404, "plan_not_found")
    assert await ask(other.id, stranger) == (404, "subscription_not_found")
    await api.delete(f"/api/subscriptions/{customer.subscription.id}", headers=headers)
    assert await ask(other.id, headers) == (409, "subscription_ended")


async def test_a_person_sees_the_cost_and_confirms(app: FastAPI, market: Market) -> None:
    _, other = await two_plans(market)
    async with browser_of(app) as browser:
        await sign_in_page(browser, "globex")
        listed = await browser.get("/subscriptions")
        link = re.search(r'href="(/subscriptions/\w+/plan)"', listed.text)
        assert link is not None
        plans = await browser.get(link[1])
        assert "See the cost" in plans.text
        page = await browser.get(link[1], params={"plan_id": other.id})
        words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page.text))
        assert "You are charged $0.05 now" in words
        assert "The $0.01 of" in words
        assert "are not given back" in words
        assert "From 1 December 2026" in words
        form = {"plan_id": other.id, "once": once_in(page)}
        for _ in range(2):
            done = await browser.post(link[1], data=form)
            assert (done.status_code, done.headers["location"]) == (303, "/subscriptions")
        assert f"<td>{other.name}</td>" in (await browser.get("/subscriptions")).text
        refused = await browser.get(link[1], params={"plan_id": "pln_nothing"})
        assert refused.status_code == 404
    async with browser_of(app) as vendor:
        await sign_in_page(vendor, "acme")
        assert (await vendor.get(link[1])).status_code == 404
        assert (await vendor.post(link[1], data={"plan_id": other.id})).status_code == 404

"""Analytics of what people look for in vain, without who they are, and of what is refused."""

from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from mercato.admin import AnalyticsWork
from mercato.discovery import SearchMisses, find_misses
from mercato.discovery.misses import readable
from mercato.edge.wiring import running_of
from mercato.platform import Database
from tests.admin.conftest import Ledger
from tests.admin.test_audit_api import Headers, sign_in, sign_up
from tests.conftest import TestClock
from tests.console.browser import browser_of
from tests.console.browser import sign_in as sign_in_at
from tests.support.market import Market, market

__all__ = ["market"]


@pytest.fixture
async def operator(api: httpx.AsyncClient, market: Market) -> Headers:
    await market.operator()
    return await sign_in(api, "operator@example.org")


async def ask_as(app: FastAPI, address: str, words: str) -> httpx.Response:
    """Somebody at this address searches."""
    transport = httpx.ASGITransport(app, client=(address, 4000))
    async with httpx.AsyncClient(transport=transport, base_url="http://mercato.test", timeout=60) as client:
        return await client.get("/api/search", params={"q": words})


async def test_words_are_read_once_three_have_looked_for_them(
    app: FastAPI, api: httpx.AsyncClient, operator: Headers, database: Database, clock: TestClock
) -> None:
    for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2"):
        answer = await ask_as(app, address, "Zebra  Stripes")
        assert (answer.json()["total"], answer.headers["cache-control"]) == (0, "no-store")
    await ask_as(app, "192.0.2.9", "ada@example.org")
    clock.advance(timedelta(days=1))
    await ask_as(app, "192.0.2.1", "zebra stripes")
    work = AnalyticsWork(database, clock)
    await work.make_due()
    operator = await sign_in(api, "operator@example.org")
    found = (await api.get("/api/analytics", headers=operator)).json()["searches"]
    assert [(each["words"], each["searches"]) for each in found] == [(None, 5)], "two people are too few"
    await ask_as(app, "192.0.2.3", "zebra stripes")
    clock.advance(timedelta(minutes=61))
    await work.make_due()
    operator = await sign_in(api, "operator@example.org")
    found = (await api.get("/api/analytics", headers=operator)).json()["searches"]
    assert [(each["words"], each["searches"], each["askers"]) for each in found] == [
        ("zebra stripes", 5, 3), (None, 1, 1)
    ]  # fmt: skip
    async with browser_of(app) as browser:
        await sign_in_at(browser, "operator")
        page = await browser.get("/ops/analytics")
        assert "zebra stripes" in page.text
        assert "asked by fewer than three" in page.text
    async with database.transaction() as session:
        kept = (await session.execute(text("SELECT words, asker FROM search_misses"))).all()
    assert not [row for row in kept if "ada" in row[0] or "192.0.2" in row[1]]


async def test_nobody_is_followed_into_another_month_and_a_flood_fills_no_table(
    app: FastAPI, api: httpx.AsyncClient, operator: Headers, database: Database, clock: TestClock
) -> None:
    misses = running_of(app).search_misses
    assert misses is not None
    await misses.note("zebra", "192.0.2.1")
    clock.advance(timedelta(days=31))
    await misses.note("zebra", "192.0.2.1")
    small = SearchMisses(database, clock, b"secret", most_of_a_day=2)
    for number in range(5):
        await small.note(f"word {number}", "192.0.2.1")
    async with database.transaction() as session:
        askers = await session.execute(text("SELECT DISTINCT asker FROM search_misses WHERE words = 'zebra'"))
        assert len(askers.all()) == 2
        words = await session.execute(text("SELECT DISTINCT words FROM search_misses ORDER BY words"))
        assert [row[0] for row in words] == ["", "word 0", "word 1", "zebra"]
        found = await find_misses(session, clock.now() - timedelta(days=60), clock.now() + timedelta(days=1))
    assert [one.words for one in found] == [""]


@pytest.mark.parametrize(
    "words",
    ["ada@example.org", "https://evil.example/x", "call 0171 234 5678", "4111 1111 1111 1111", "ck_0123456789abcdef",
     "x" * 81, "deadbeefdeadbeef", "12345"],
)  # fmt: skip
def test_what_looks_private_is_not_kept(words: str) -> None:
    assert readable(words) == ""


@pytest.mark.parametrize("words", ["speech to text", "gpt 4 turbo", "iso 9001", "résumé parser"])
def test_ordinary_words_are_kept(words: str) -> None:
    assert readable(words.upper()) == words


async def test_refusals_are_counted_by_code_and_week(
    api: httpx.AsyncClient, operator: Headers, ledger: Ledger, database: Database, clock: TestClock
) -> None:
    acme = await sign_up(api, "acme")
    for _ in range(3):
        assert (await api.get("/api/analytics", headers=acme)).status_code == 403
    clock.advance(timedelta(days=8))
    await ledger.tell_refusals()
    acme = await sign_in(api, "acme@example.org")
    await api.get("/api/analytics", headers=acme)
    await api.get("/api/me", headers={"Authorization": "Bearer nonsense"})
    clock.advance(timedelta(minutes=2))
    await ledger.tell_refusals()
    await AnalyticsWork(database, clock).make_due()
    found = (await api.get("/api/analytics", headers=await sign_in(api, "operator@example.org"))).json()["refusals"]
    assert [(each["code"], each["refusals"], each["refusals_before"]) for each in found] == [
        ("not_allowed", 1, 3), ("not_signed_in", 1, 0)
    ]  # fmt: skip

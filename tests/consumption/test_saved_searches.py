"""Searches that organisations keep: what newly fits is reported, once, whatever dies meanwhile."""

import asyncio
import signal
import sys
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from mercato.discovery import Filters, ListingDocument, PriceFact, Range, SavedSearchFitted
from mercato.discovery.fitting import Wanted, fits, wanted_of
from mercato.discovery.indexing import DocumentWriter
from mercato.platform import Event
from mercato.platform.outbox import OutboxRow, Place
from mercato.publishing import Service, ServiceReleased
from mercato.webhooks.announce import announce
from mercato.webhooks.models import WebhookMessage
from tests.consumption.test_measuring import NoModel
from tests.metering.test_usage_api import sign_in
from tests.support.market import Market

LISTING = ListingDocument(
    service_id="svc_1", name="acme/reader", title="Reads handwriting", summary="Turns scans into text.", vendor="acme",
    protocol="openapi", task="vision", licence="MIT", version="1.0.0", released_at=datetime(2026, 1, 1, tzinfo=UTC),
    tags=("ocr",), prices=(PriceFact("p", per_call_nanos=5_000),),
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "fitting"),
    [
        ("handwriting", True), ("scan to text", True), ("OCR of scans", True), ("ocr invoices", False), ("", True),
        ("speech", False), ("手写", False), ("to the", False),
    ],
)  # fmt: skip
def test_all_words_must_be_there(text: str, fitting: bool) -> None:
    assert fits(Wanted(text, Filters()), LISTING, None) is fitting


@pytest.mark.parametrize(
    ("filters", "fitting"),
    [
        (Filters({"task": ("vision", "chat"), "tag": ()}), True),
        (Filters({"task": ("chat",)}), False),
        (Filters(ranges={"price_per_call": Range(most=5_000)}), True),
        (Filters(ranges={"price_per_call": Range(most=4_999)}), False),
        (Filters(ranges={"context_window": Range(least=1)}), False),
        (Filters(ranges={"price_per_call": Range(most=5_000)}, currency="EUR"), False),
    ],
)
def test_every_filter_must_hold(filters: Filters, fitting: bool) -> None:
    wanted = Wanted("ocr", filters)
    assert fits(wanted_of(wanted.to_facts()), LISTING, None) is fitting
    assert not fits(wanted, replace(LISTING, status="yanked"), None)


async def _write(market: Market, *services: Service) -> None:
    """What the worker does with the news of a release."""
    events = [
        Event(Place(1, 1), ServiceReleased(by="x", service_id=one.id, release_id="rel_1"), market.clock.now())
        for one in services
    ]
    async with market.database.transaction() as session:
        await DocumentWriter(NoModel(), market.clock, market.outbox).handle(session, events)


async def _told(market: Market) -> list[dict[str, Any]]:
    async with market.database.transaction() as session:
        query = select(OutboxRow.payload).where(OutboxRow.topic == "saved_search.fitted").order_by(OutboxRow.number)
        return list(await session.scalars(query))


async def _save(api: httpx.AsyncClient, headers: dict[str, str], name: str, **search: Any) -> dict[str, Any]:
    answer = await api.post("/api/saved-searches", json={"name": name, "search": search}, headers=headers)
    assert answer.status_code == 200, answer.text
    saved: dict[str, Any] = answer.json()
    return saved


async def test_what_newly_fits_is_told_once_and_what_fitted_before_is_not(
    api: httpx.AsyncClient, market: Market
) -> None:
    vendor, buyer = await market.people.join("acme"), await market.people.join("buyer")
    headers, own = await sign_in(api, buyer), await sign_in(api, vendor)
    old, _ = await market.list_service(vendor, "embedder")
    await _write(market, old)
    saved = await _save(api, headers, "vectors", q="embedder", task=["embeddings"])
    await _save(api, own, "mine", q="embedder")
    await market.add_release(old, "1.1.0", title="Still an embedder")
    new, _ = await market.list_service(vendor, "better-embedder")
    other, _ = await market.list_service(vendor, "reader")
    for _ in range(2):
        await _write(market, old, new, other)
    assert [(row["organisation_id"], row["service"]) for row in await _told(market)] == [
        (buyer.organisation_id, "acme/better-embedder")
    ]
    await market.add_release(new, "2.0.0", title="Something else", task="chat")
    await _write(market, new)
    await market.add_release(new, "2.1.0", title="An embedder again")
    await _write(market, new)
    assert len(await _told(market)) == 1, "a fit is reported once"
    path = f"/api/saved-searches/{saved['id']}"
    page = (await api.get(f"{path}/fits", headers=headers)).json()
    assert [(one["service"], one["version"]) for one in page["items"]] == [("acme/better-embedder", "1.0.0")]
    assert [one["fits"] for one in (await api.get("/api/saved-searches", headers=headers)).json()["items"]] == [1]
    for method, address in (("GET", f"{path}/fits"), ("DELETE", path)):
        assert (await api.request(method, address, headers=own)).json()["code"] == "saved_search_not_found"
    assert (await api.delete(path, headers=headers)).status_code == 204
    assert (await api.get("/api/saved-searches", headers=headers)).json()["items"] == []


async def test_a_private_service_is_told_to_those_only_who_see_it(api: httpx.AsyncClient, market: Market) -> None:
    vendor, friend, stranger = [await market.people.join(name) for name in ("acme", "friend", "stranger")]
    for who in (friend, stranger):
        await _save(api, await sign_in(api, who), "quokkas", q="quokka")
    service, _ = await market.list_service(vendor, "quokka")
    await market.add_release(service, "1.1.0", visibility="private", visible_to=["friend"], title="A quokka")
    await _write(market, service)
    assert [row["organisation_id"] for row in await _told(market)] == [friend.organisation_id]
    await market.add_release(service, "2.0.0", title="A quokka for all")
    await _write(market, service)
    assert [row["organisation_id"] for row in await _told(market)] == [
        friend.organisation_id, stranger.organisation_id,
    ]  # fmt: skip


async def test_names_are_taken_once_and_there_is_an_end_to_them(
    api: httpx.AsyncClient, market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = await sign_in(api, await market.people.join("buyer"))
    first = await _save(api, headers, "one", q="cheap ocr under $0.10 per call")
    again = await _save(api, headers, "one", q="speech", understand=False)
    assert (first["id"], again["search"]) == (again["id"], {"q": "speech", "understand": False})
    monkeypatch.setattr("mercato.discovery.saved.MOST_OF_ONE", 3)
    body = [{"name": f"s-{number}", "search": {}} for number in range(6)]
    answers = await asyncio.gather(*(api.post("/api/saved-searches", json=each, headers=headers) for each in body))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 409, 409, 409, 409]
    upside_down = {"name": "x", "search": {"min_calls": 4, "max_calls": 3}}
    answer = await api.post("/api/saved-searches", json=upside_down, headers=headers)
    assert answer.json()["code"] == "range_upside_down"


async def test_a_webhook_hears_of_a_fit(market: Market, api: httpx.AsyncClient) -> None:
    vendor, buyer = await market.people.join("acme"), await market.people.join("buyer")
    headers = await sign_in(api, buyer)
    hook = {"url": "http://127.0.0.1:8999/hook", "event_types": ["saved_search.fitted"]}
    made = await api.post("/api/webhooks", json=hook, headers=headers)
    assert made.status_code == 201, made.text
    await _save(api, headers, "vectors", q="embedder")
    service, _ = await market.list_service(vendor, "embedder")
    await _write(market, service)
    news = [SavedSearchFitted.from_payload(row) for row in await _told(market)]
    async with market.database.transaction() as session:
        events = [Event(Place(1, 1), one, market.clock.now()) for one in news]
        await announce(session, events, market.clock, market.ids)
        (message,) = await session.scalars(select(WebhookMessage))
    assert message.event_type == "saved_search.fitted"
    assert message.payload["data"]["service"] == "acme/embedder"


_DYING = """
import asyncio, os, signal, sys
from mercato.discovery.indexing import DocumentWriter
from mercato.platform import Database, Event, Outbox, SystemClock
from mercato.platform.outbox import Place
from mercato.publishing import ServiceReleased
from tests.consumption.test_measuring import NoModel

async def run(url, service_id):
    database, clock = Database(url), SystemClock()
    async with database.transaction() as session:
        event = Event(Place(1, 1), ServiceReleased(by="x", service_id=service_id, release_id="r"), clock.now())
        await DocumentWriter(NoModel(), clock, Outbox(clock)).handle(session, [event])
        await session.flush()
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(run(*sys.argv[1:]))
"""


async def test_a_worker_that_is_killed_before_its_commit_has_told_nothing_and_the_next_tells_once(
    api: httpx.AsyncClient, market: Market, database_url: str
) -> None:
    vendor, buyer = await market.people.join("acme"), await market.people.join("buyer")
    await _save(api, await sign_in(api, buyer), "vectors", q="embedder")
    service, _ = await market.list_service(vendor, "embedder")
    dying = await asyncio.create_subprocess_exec(sys.executable, "-c", _DYING, database_url, service.id)
    assert await dying.wait() == -signal.SIGKILL
    assert await _told(market) == []
    await _write(market, service)
    await _write(market, service)
    assert len(await _told(market)) == 1

"""What gateways measured becomes figures of listings: in the rows that every index is fed from."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

from mercato.consumption import MeasureServices
from mercato.discovery import FigureBook, FiguresDue, MeasuredFigures, Vector, refresh_listings
from mercato.discovery.figure_rows import FigureRepository
from mercato.discovery.indexing import DocumentWriter
from mercato.discovery.models import ListingFigures, ListingRow
from mercato.discovery.repository import ListingRepository
from mercato.platform import Unavailable
from mercato.publishing import Service
from tests.consumption.test_alerts import acme, calls
from tests.support.market import Market


class NoModel:
    """A machine without the embedding model: listings are indexed by their words."""

    name = "none"
    dimensions = 384

    async def embed(self, texts: Any) -> list[Vector]:
        raise NoModelHere("No model here.")


class NoModelHere(Unavailable):
    code = "embedding_unavailable"


async def write_rows(market: Market, *services: Service) -> None:
    """What the worker does with publishing's news."""
    writer = DocumentWriter(NoModel(), market.clock, market.outbox)
    async with market.database.transaction() as session:
        listings = await writer._read(session, [service.id for service in services])
        for row in await writer._to_rows(list(listings.values()), {}):
            await ListingRepository(session).save(row)


async def measure(market: Market) -> int:
    async with market.database.transaction() as session:
        return await MeasureServices(session, market.clock, market.outbox).measure_due()


async def figures_of(market: Market, service: Service) -> tuple[ListingFigures, ListingRow]:
    async with market.database.transaction() as session:
        figures = (await FigureRepository(session).find_many([service.id]))[service.id]
        return figures, (await ListingRepository(session).find_many([service.id]))[service.id]


async def test_calls_of_others_make_figures_and_the_row_has_them(market: Market) -> None:
    vendor, customer = await acme(market, availability_bp=9_900, p95_latency_ms=100)
    own = replace(customer, caller=vendor, key=await market.make_key(vendor))
    other = await market.customer(customer.service, customer.plan)
    await write_rows(market, customer.service)
    await calls(market, customer, good=120, duration_us=50_000)
    await calls(market, other, good=3, bad=1, duration_us=50_000, ago=timedelta(days=8))
    await calls(market, own, good=40, duration_us=50_000)
    assert await measure(market) == 1
    figures, row = await figures_of(market, customer.service)
    assert figures.calls == 123
    assert figures.consumers == 2
    assert figures.recent_calls == 120
    assert figures.earlier_calls == 3
    assert figures.is_met is True
    assert figures.p95_us is not None
    assert 42_000 <= figures.p95_us <= 60_000
    assert row.facts["figures"]["calls"] == 120, "two digits: a busy service is not indexed anew with every call"
    assert (row.facts["figures"]["is_met"], row.facts["figures"]["consumers"]) == (True, 2)
    assert await measure(market) == 0, "measured a moment ago"
    market.clock.advance(timedelta(minutes=6))
    await calls(market, customer, good=1, duration_us=50_000)
    assert await measure(market) == 1


async def test_figures_that_nobody_renews_fall_out_of_the_thirty_days(market: Market) -> None:
    _, customer = await acme(market)
    await write_rows(market, customer.service)
    await calls(market, customer, good=5)
    await measure(market)
    market.clock.advance(timedelta(days=32))
    assert await measure(market) == 1
    figures, row = await figures_of(market, customer.service)
    assert (figures.calls, figures.p95_us, row.facts["figures"]["p95_ms"]) == (0, None, None)
    assert await measure(market) == 0


async def test_rows_of_an_older_shape_are_written_anew_once(market: Market) -> None:
    _, customer = await acme(market)
    await write_rows(market, customer.service)
    async with market.database.transaction() as session:
        row = (await ListingRepository(session).find_many([customer.service.id]))[customer.service.id]
        row.shape, row.facts = (
            0,
            {name: fact for name, fact in row.facts.items() if name not in ("figures", "verified")},
        )
    async with market.database.transaction() as session:
        assert await refresh_listings(session, market.clock, market.outbox) == 1
    facts = (await row_of(market, customer.service)).facts
    assert {"figures", "verified"} <= set(facts)
    async with market.database.transaction() as session:
        assert await refresh_listings(session, market.clock, market.outbox) == 0


async def row_of(market: Market, service: Service) -> ListingRow:
    async with market.database.transaction() as session:
        return (await ListingRepository(session).find_many([service.id]))[service.id]


async def test_all_services_get_their_turn_however_many_are_called(market: Market) -> None:
    vendor, customer = await acme(market)
    services = [customer.service, *[(await market.list_service(vendor, name=f"echo-{n}"))[0] for n in range(5)]]
    called = sorted(service.id for service in services)
    measured: list[str] = []
    for _ in range(4):
        async with market.database.transaction() as session:
            due = await FiguresDue(session, market.clock).among(called, 2)
            await FigureBook(session, market.clock, market.outbox).record(dict.fromkeys(due, MeasuredFigures()))
        measured += due
        # The first ones are old again before the last had their turn.
        market.clock.advance(timedelta(minutes=6))
    assert measured == [*called, *called[:2]]


async def test_old_figures_get_a_share_of_every_round(market: Market) -> None:
    vendor, _ = await acme(market)
    old, *called = [(await market.list_service(vendor, name=f"echo-{n}"))[0].id for n in range(9)]
    async with market.database.transaction() as session:
        await FigureBook(session, market.clock, market.outbox).record({old: MeasuredFigures(calls=1)})
    market.clock.advance(timedelta(days=2))
    async with market.database.transaction() as session:
        due = await FiguresDue(session, market.clock).among(called, 4)
    assert due == [*sorted(called)[:3], old]


async def test_of_many_workers_one_measures(market: Market) -> None:
    _, customer = await acme(market)
    await calls(market, customer, good=1)
    async with market.database.transaction() as session:
        assert await MeasureServices(session, market.clock, market.outbox).measure_due() == 1
        assert await measure(market) == 0, "another worker is at it"
    market.clock.advance(timedelta(minutes=6))
    await calls(market, customer, good=1)
    assert sum(await asyncio.gather(*(measure(market) for _ in range(6)))) == 1

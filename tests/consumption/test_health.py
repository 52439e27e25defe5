"""How services do is counted with their usage: exactly, once, and against the vendor only where it is the vendor's
fault."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from mercato.consumption import Health, ServiceHealthBook
from mercato.metering import BOUNDS_US, BUCKETS, bucket_of, quantile_us
from tests.support.market import Customer, Market

HOUR = timedelta(hours=1)


async def acme(market: Market) -> Customer:
    service, plan = await market.list_service(await market.people.join("acme"))
    return await market.customer(service, plan)


async def health(market: Market, customer: Customer, span: timedelta = HOUR) -> Health:
    now = market.clock.now() + timedelta(minutes=1)
    async with market.database.transaction() as session:
        return await ServiceHealthBook(session).of_service(customer.service.id, now - span, now)


async def test_many_batches_at_once_sent_twice_count_each_call_once(market: Market) -> None:
    customer = await acme(market)
    start = market.clock.now()
    events = [
        market.event(
            customer, at=start - timedelta(seconds=37 * n), status=503 if n % 10 == 0 else 200,
            duration_us=1_000 * n + 50, overhead_us=50, release_id=f"rel_{n % 3}",
        )
        for n in range(200)
    ]  # fmt: skip
    batches = [events[begin : begin + 80] for begin in (0, 40, 80, 120)] * 2
    await asyncio.gather(*(market.take(batch[:: (-1) ** n]) for n, batch in enumerate(batches)))
    for span, seconds in ((HOUR * 24, 86_400), (timedelta(minutes=5), 300), (timedelta(days=30), 10**9)):
        counted = [e for n, e in enumerate(events) if 37 * n <= seconds - 60]
        found = await health(market, customer, span)
        assert (found.calls, found.failed) == (len(counted), sum(e.status == 503 for e in counted))
        assert sum(found.latency) == found.calls - found.failed


async def test_a_canary_and_the_release_beside_it_are_told_apart(market: Market) -> None:
    customer = await acme(market)
    old = [market.event(customer, release_id="rel_old", duration_us=10_050) for _ in range(100)]
    new = [market.event(customer, release_id="rel_new", duration_us=90_050, status=500 if n < 5 else 200)
           for n in range(20)]  # fmt: skip
    await market.take(old + new)
    now = market.clock.now()
    async with market.database.transaction() as session:
        book = ServiceHealthBook(session)
        found = await book.of_releases(customer.service.id, now - HOUR, now + timedelta(minutes=1))
    assert {release: one.error_rate_bp for release, one in found.items()} == {"rel_old": 0, "rel_new": 2_500}
    assert found["rel_old"].p95_us == pytest.approx(10_000, rel=0.2)
    assert found["rel_new"].p95_us == pytest.approx(90_000, rel=0.2)


@pytest.mark.parametrize(
    ("changes", "counted"),
    [
        ({"status": 200}, (1, 0, 1)),
        ({"status": 500}, (1, 1, 0)),
        ({"status": 502}, (1, 1, 0)),
        ({"status": 504}, (1, 1, 0)),
        ({"status": 404}, (1, 0, 0)),
        ({"status": 429}, (1, 0, 0)),
        ({"status": 200, "source": "partial"}, (1, 1, 0)),
        ({"status": 200, "source": "partial", "client_left": True}, (1, 0, 1)),
        ({"status": 499, "source": "partial", "client_left": True}, (0, 0, 0)),
        ({"status": 200, "key_id": "key_of_nobody"}, (0, 0, 0)),
    ],
)
async def test_only_the_vendors_own_faults_count(
    market: Market, changes: dict[str, Any], counted: tuple[int, int, int]
) -> None:
    customer = await acme(market)
    await market.take([market.event(customer, **changes)])
    found = await health(market, customer)
    assert (found.calls, found.failed, sum(found.latency)) == counted


async def test_latency_is_the_vendors_own_and_a_streams_until_its_first_byte(market: Market) -> None:
    customer = await acme(market)
    whole: dict[str, Any] = {"duration_us": 5_000_000, "first_byte_us": 70_000, "overhead_us": 30_000}
    await market.take([market.event(customer, streamed=True, **whole)])
    assert (await health(market, customer)).latency[bucket_of(40_000)] == 1
    await market.take([market.event(customer, streamed=False, **whole)])
    assert (await health(market, customer)).latency[bucket_of(4_970_000)] == 1


async def test_usage_that_arrives_late_is_counted_where_it_belongs(market: Market) -> None:
    customer = await acme(market)
    began = market.clock.now()
    market.clock.advance(timedelta(days=3))
    await market.take([market.event(customer, at=began)])
    assert (await health(market, customer)).calls == 0
    assert (await health(market, customer, timedelta(days=30))).calls == 1


async def test_old_rows_go_and_long_windows_stay_whole(market: Market) -> None:
    customer = await acme(market)
    began = market.clock.now()
    await market.take([market.event(customer, at=began - timedelta(days=days)) for days in (0, 3, 29, 101)])
    async with market.database.transaction() as session:
        assert await ServiceHealthBook(session).forget(began) == 4
        left = await session.execute(text("SELECT seconds, count(*) FROM service_health GROUP BY 1 ORDER BY 1"))
    assert [tuple(row) for row in left] == [(60, 1), (3600, 3)]
    assert (await health(market, customer, timedelta(days=30))).calls == 3


@given(st.lists(st.integers(0, BOUNDS_US[-1]), min_size=1, max_size=60), st.integers(1, 10_000))
def test_a_quantile_of_the_buckets_is_that_of_the_calls_to_a_buckets_width(latencies: list[int], rank: int) -> None:
    counts = [0] * BUCKETS
    for latency in latencies:
        counts[bucket_of(latency)] += 1
    exact = sorted(latencies)[max(1, -(-len(latencies) * rank // 10_000)) - 1]
    bounds = (0, *BOUNDS_US)
    found = quantile_us(counts, rank)
    assert found is not None
    assert bounds[bucket_of(exact)] <= found <= bounds[bucket_of(exact) + 1]


def test_the_bounds_are_whole_rise_by_a_fifth_and_reach_fourteen_minutes() -> None:
    assert BOUNDS_US[0] == 1_000
    assert all(low < high <= low * 12 // 10 for low, high in pairwise(BOUNDS_US))
    assert BOUNDS_US[-1] == 881_852_416
    assert quantile_us([0] * BUCKETS, 9_500) is None
    assert quantile_us([0] * (BUCKETS - 1) + [1], 9_500) == BOUNDS_US[-1]


async def test_hours_and_their_minutes_say_the_same_at_any_cut(market: Market) -> None:
    customer = await acme(market)
    first = datetime(2026, 11, 2, 3, 0, tzinfo=UTC)
    times = [first + timedelta(minutes=7 * n, seconds=n) for n in range(50)]
    await market.take([market.event(customer, at=at) for at in times])
    async with market.database.transaction() as session:
        book = ServiceHealthBook(session)
        for since, until in ((0, 360), (1, 359), (59, 61), (60, 120), (61, 62), (10, 50), (119, 240), (60, 60)):
            begin, end = first + timedelta(minutes=since), first + timedelta(minutes=until)
            found = await book.of_service(customer.service.id, begin, end)
            assert found.calls == sum(begin <= at < end for at in times), (since, until)

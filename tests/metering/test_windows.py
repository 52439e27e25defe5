"""Rows of days: of any zone and of busy consumers, they say what the quarter hours say, and mend when they do not."""

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from mercato.billing import Agreements
from mercato.metering import WindowCheck, remake_days
from mercato.metering.window_plan import sources_of
from mercato.metering.window_rows import WindowRows
from tests.metering.test_series import adjust, make_days, series, shop
from tests.metering.test_usage_api import sign_in
from tests.support.market import Customer, Market

DAY = timedelta(days=1)
METRICS = [
    "calls",
    "failed",
    "tokens_in",
    "tokens_out",
    "bytes_out",
    "duration_us",
    "charged_nanos",
    "p50_us",
    "p95_us",
]
ZONES = ("UTC", "Asia/Kolkata", "Asia/Kathmandu", "America/New_York", "Europe/Berlin")


async def busy_days(market: Market, customers: list[Customer], draw: random.Random, days: int = 5) -> list[Any]:
    """One customer calls much, with few differences between its calls; the others now and then. Each hour has calls."""
    midnight = market.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    events = []
    for number in range(days * 96):
        at = midnight - days * DAY + timedelta(minutes=15 * number, seconds=draw.randrange(800))
        events.append(market.event(customers[0], at=at, duration_us=draw.randrange(10**6), status=200))
        if number % 12 == 0:
            events.append(market.event(draw.choice(customers[1:]), at=at, status=503, price_nanos=0))
    for place in range(0, len(events), 200):
        await market.take(events[place : place + 200])
    return events


async def made_levels(market: Market) -> set[str]:
    query = text(
        "SELECT DISTINCT level || CASE WHEN extract(hour FROM start AT TIME ZONE 'UTC') = 0 THEN '' ELSE '+' END"
        " FROM usage_days WHERE seconds = 86400"
    )
    async with market.database.transaction() as session:
        return set(await session.scalars(query))


async def check_days(market: Market) -> int:
    """All days, however many the worker compares at once."""
    disagreeing, before = 0, -1
    while before != disagreeing:
        before = disagreeing
        for _ in range(5):
            async with market.database.transaction() as session:
                disagreeing += await Agreements(session, market.clock).check_due()
    return disagreeing


async def test_days_of_any_zone_and_of_a_busy_consumer_say_what_the_quarter_hours_say(
    api: httpx.AsyncClient, market: Market
) -> None:
    vendor, customers = await shop(market)
    events = await busy_days(market, customers, random.Random(1))
    await adjust(market, await market.operator(), customers, events)
    operator, consumer, seller = [
        await sign_in(api, who) for who in (await market.operator(), customers[0].caller, vendor)
    ]
    sides: list[tuple[dict[str, str], str, list[list[str]]]] = [
        (operator, "marketplace", [[], ["consumer"], ["consumer", "service"], ["vendor", "status"], ["operation"]]),
        (consumer, "consumer", [[], ["key"], ["operation", "service"], ["status"]]),
        (seller, "vendor", [[], ["service"], ["consumer", "release"], ["operation"]]),
    ]
    asked = [
        (headers, {"side": side, "group_by": by, "zone": zone, "step": step})
        for headers, side, groups in sides
        for by in groups
        for zone, step in zip(ZONES, ("day", "day", "week", "day", "month"), strict=True)
    ]
    period = {"since": "2026-10-20T05:15:00Z", "until": "2026-11-03T00:00:00Z", "metric": METRICS, "compare": True}
    raw = [await series(api, headers, **period, **params) for headers, params in asked]
    await make_days(market)
    assert {"market", "call", "own", "market+", "call+", "own+"} <= await made_levels(market)
    for (headers, params), before in zip(asked, raw, strict=True):
        assert await series(api, headers, **period, **params) == before, params
    # What comes in late makes days of every zone untrue, and they are made anew.
    late = [market.event(customers[0], at=market.clock.now() - timedelta(days=2, hours=hour)) for hour in range(24)]
    await market.take(late)
    for made in (False, True):
        if made:
            await make_days(market)
        for headers, params in asked[::3]:
            found = await series(api, headers, **period, **params)
            total = sum(line["total"]["calls"] for line in found["totals"])
            whole = len(events) + len(late)
            assert total == (whole if params["side"] != "consumer" else 5 * 96 + len(late)), params
    assert await check_days(market) == 0


async def test_a_row_of_a_day_that_is_wrong_is_found_named_and_made_anew(
    api: httpx.AsyncClient, market: Market
) -> None:
    _, customers = await shop(market)
    events = await busy_days(market, customers, random.Random(2), days=3)
    headers = await sign_in(api, customers[0].caller)
    await series(api, headers, zone="Asia/Kolkata", since="2026-10-20T00:00:00Z", until="2026-11-03T00:00:00Z")
    await make_days(market)
    assert await check_days(market) == 0
    market.clock.advance(timedelta(minutes=1))
    for start in ("2026-10-31 00:00Z", "2026-10-30 18:30Z"):
        async with market.database.transaction() as session:
            change = (
                "UPDATE usage_days SET calls = calls + 1 WHERE level = 'own' AND start = CAST(:start AS timestamptz)"
            )
            await session.execute(text(change), {"start": start})
            again = text("UPDATE usage_day_states SET made_at = :now WHERE day = CAST(:start AS timestamptz)::date")
            await session.execute(again, {"start": start[:10], "now": market.clock.now()})
        market.clock.advance(timedelta(minutes=1))
        async with market.database.transaction() as session:
            assert await Agreements(session, market.clock).check_due() == 1
        operator = await sign_in(api, await market.operator())
        answer = await api.get("/api/usage/agreement", params={"side": "marketplace", "limit": 50}, headers=operator)
        (wrong,) = [item for item in answer.json()["items"] if not item["agrees"]]
        assert wrong["day"] == start[:10]
        assert [one["rollup_calls"] - one["event_calls"] for one in wrong["differences"]] == [1]
        market.clock.advance(timedelta(minutes=1))
        await make_days(market)
        market.clock.advance(timedelta(minutes=1))
        assert await check_days(market) == 0
    found = await series(api, headers, since="2026-10-20T00:00:00Z", until="2026-11-03T00:00:00Z")
    assert found["totals"][0]["total"]["calls"] == sum(event.status == 200 for event in events)


@pytest.mark.parametrize("seed", range(20))
def test_sources_cover_each_moment_once(seed: int) -> None:
    draw = random.Random(seed)
    begin = datetime(2026, 10, 1, draw.randrange(24), 15 * draw.randrange(4), tzinfo=UTC)
    bounds = [begin]
    while len(bounds) < 30:
        bounds.append(bounds[-1] + draw.choice([timedelta(minutes=15), timedelta(hours=5), DAY, DAY, 7 * DAY]))
    kinds = ["market:86400", "market:900", "call:86400", "market:691200"]
    made = {
        begin.replace(hour=hour, minute=minute) + number * DAY: frozenset(draw.sample(kinds, draw.randrange(5)))
        for hour, minute in ((0, 0), (18, 30), (4, 0))
        for number in range(-1, 150)
        if draw.random() < 0.8
    }
    covered = sorted(
        (first, last, source)
        for source in sources_of(["market", "call"], pairwise(bounds), made)
        for first, last in source.spans
    )  # fmt: skip
    assert covered[0][0] == bounds[0]
    assert covered[-1][1] == bounds[-1]
    assert all(one[1] == other[0] for one, other in pairwise(covered))
    for first, last, source in covered:
        if source.level is not None and source.seconds != 900:
            assert last - first == timedelta(seconds=source.seconds)
            assert f"{source.level}:{source.seconds}" in made[first]
            assert not any(first < bound < last for bound in bounds)


def test_days_of_a_small_level_are_read_where_blocks_are_of_a_larger_one_only() -> None:
    begin = datetime(2026, 9, 8, tzinfo=UTC)
    days = {begin + number * DAY: frozenset({"market:86400"}) for number in range(16)}
    made = days | {begin: frozenset({"market:86400", "consumer:691200"})}
    (source,) = sources_of(["market", "consumer"], [(begin, begin + 16 * DAY)], made)
    assert (source.level, source.seconds, len(source.spans)) == ("market", 86_400, 16)
    sources = sources_of(["consumer"], [(begin, begin + 16 * DAY)], made)
    assert {(source.level, source.seconds) for source in sources} == {("consumer", 691_200), (None, 900)}


async def long_ago(market: Market, customers: list[Customer], days: int = 60) -> list[Any]:
    """Few customers who call now and then, each day a little differently: days save few rows, eight of them many."""
    midnight = market.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    events = []
    for number in range(days * 4):
        at = midnight - days * DAY + timedelta(hours=6 * number, minutes=number % 7)
        customer = customers[number // 2 % len(customers)]
        events.append(market.event(customer, at=at, duration_us=1_000 * number, operation=f"POST /{number % 3}"))
    for place in range(0, len(events), 200):
        await market.take(events[place : place + 200])
    return events


async def true_blocks(market: Market) -> dict[datetime, list[str]]:
    async with market.database.transaction() as session:
        made = await WindowRows(session).made(datetime(2026, 8, 1, tzinfo=UTC), datetime(2026, 11, 3, tzinfo=UTC))
    found = {start: [name for name in names if name.endswith(":691200")] for start, names in made.items()}
    return {start: names for start, names in found.items() if names}


async def test_long_series_of_many_read_blocks_of_days_which_say_what_the_quarter_hours_say(
    api: httpx.AsyncClient, market: Market
) -> None:
    _, customers = await shop(market)
    events = await long_ago(market, customers)
    await adjust(market, await market.operator(), customers, events)
    operator, consumer = [await sign_in(api, who) for who in (await market.operator(), customers[0].caller)]
    asked = [
        (headers, {"side": side, "group_by": by, "zone": zone, "step": step})
        for headers, side, groups in (
            (operator, "marketplace", [[], ["consumer"], ["consumer", "service"], ["service"], ["operation"]]),
            (consumer, "consumer", [[], ["service"]]),
        )
        for by in groups
        for zone, step in (("UTC", "day"), ("Asia/Kolkata", "month"), ("America/New_York", "week"))
    ]
    period = {"since": "2026-08-20T05:15:00Z", "until": "2026-11-03T00:00:00Z", "metric": METRICS, "compare": True}
    raw = [await series(api, headers, **period, **params) for headers, params in asked]
    await make_days(market)
    blocks = await true_blocks(market)
    assert len(blocks) >= 6
    assert all({"consumer:691200", "vendor:691200"} <= set(names) for names in blocks.values()), blocks
    for (headers, params), before in zip(asked, raw, strict=True):
        assert await series(api, headers, **period, **params) == before, params
    # A call that comes in late makes its block untrue until its day is made anew, whoever makes it.
    start = sorted(blocks)[2]
    await market.take([market.event(customers[0], at=start + 5 * DAY + timedelta(hours=7))])
    assert start not in await true_blocks(market)
    for made in (False, True):
        if made:
            market.clock.advance(timedelta(minutes=1))
            await make_days(market)
            assert (await true_blocks(market)).keys() == blocks.keys()
        for headers, params in asked[:6]:
            found = await series(api, headers, **period, **params)
            assert sum(line["total"]["calls"] for line in found["totals"]) == len(events) + 1, params
    market.clock.advance(timedelta(minutes=1))
    async with market.database.transaction() as session:
        await WindowRows(session).make_day((start + DAY).date(), market.clock.now())
    assert start not in await true_blocks(market)


async def test_a_row_of_a_block_that_is_wrong_is_found_and_made_anew(api: httpx.AsyncClient, market: Market) -> None:
    _, customers = await shop(market)
    events = await long_ago(market, customers)
    await make_days(market)
    assert await check_days(market) == 0
    start = sorted(await true_blocks(market))[3]
    async with market.database.transaction() as session:
        wrong = (
            "UPDATE usage_days SET calls = calls + 1 WHERE level = 'consumer' AND seconds = 691200"
            " AND start = CAST(:start AS timestamptz)"
        )
        await session.execute(text(wrong), {"start": start})
    async with market.database.transaction() as session:
        (odd,) = await WindowCheck(session).odd(start.date())
    assert (odd.level, odd.start, odd.calls - odd.quarter_calls) == ("consumer", start, 4)
    market.clock.advance(timedelta(minutes=1))
    async with market.database.transaction() as session:
        await remake_days(session, [start.date()])
    await make_days(market)
    async with market.database.transaction() as session:
        assert await WindowCheck(session).odd(start.date()) == []
    headers = await sign_in(api, await market.operator())
    period = {"since": "2026-08-20T00:00:00Z", "until": "2026-11-03T00:00:00Z"}
    found = await series(api, headers, side="marketplace", group_by="consumer", **period)
    assert found["totals"][0]["total"]["calls"] == len(events)

"""A cap is never passed: by many gateways at once, by a dead one, by a late spool. The contract of every `Counters`."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import text

from mercato.adapters.counters_redis import connect
from mercato.metering import Holder, Level, Want
from mercato.platform import Database, Ids
from mercato_contracts.dataplane import LeaseAnswer, Limit
from tests.conftest import TestClock
from tests.support.desk import Desk

SCOPE = "subscription:sub_1:requests:month"


def quota(cap: int, scope: str = SCOPE) -> Limit:
    return Limit(scope=scope, unit="requests", window="month", cap=cap)


def bucket(cap: int, burst: int = 0) -> Limit:
    scope = "subscription:sub_1:requests:minute"
    return Limit(scope=scope, unit="requests", window="minute", cap=cap, burst=burst or cap)


@pytest.fixture(params=["postgres", "redis"])
async def desk(request: pytest.FixtureRequest, database: Database, clock: TestClock, ids: Ids) -> AsyncIterator[Desk]:
    """The desk of each adapter."""
    if request.param == "postgres":
        yield Desk(database, clock, ids)
        return
    redis = connect(request.getfixturevalue("redis_server").url)
    await redis.flushall()
    yield Desk(database, clock, ids, redis)
    await redis.aclose()


async def test_hundreds_of_asks_by_eight_gateways_lend_exactly_the_cap(desk: Desk) -> None:
    limit, lent = quota(200), 0

    async def gateway(name: str) -> int:
        taken = 0
        for _ in range(50):
            answer = await desk.lease(Want(limit, 1, 3), gateway=name)
            taken += sum(grant.granted for grant in answer.grants)
        return taken

    lent = sum(await asyncio.gather(*(gateway(f"gateway-{n}") for n in range(8))))
    assert lent == 200
    assert await desk.level(limit) == Level(used=0, leased=200, left=0)


async def test_spending_and_giving_back_at_once_never_passes_the_cap_and_ends_exact(desk: Desk) -> None:
    limit, dice, spent = quota(300), random.Random(7), 0

    async def gateway(name: str) -> int:
        total = 0
        for _ in range(25):
            answer = await desk.lease(Want(limit, 2, 20), gateway=name)
            for grant in answer.grants:
                used = dice.randint(0, grant.granted)
                total += used
                await desk.settle({grant.lease: used}, grant.lease)
        return total

    spent = sum(await asyncio.gather(*(gateway(f"gateway-{n}") for n in range(8))))
    level = await desk.level(limit)
    assert level.used == spent <= 300
    assert level == Level(used=spent, leased=0, left=300 - spent)


async def test_scopes_asked_for_in_any_order_at_once_never_deadlock(desk: Desk) -> None:
    limits = [quota(10_000, f"consumer:org_{n}:requests:month") for n in range(6)]
    orders = [random.Random(n).sample(limits, 4) for n in range(40)]
    answers = await asyncio.gather(*(desk.lease(*(Want(one, 1, 5) for one in order)) for order in orders))
    for answer in answers:
        assert len(answer.grants) == 4
    leases = [grant.lease for answer in answers for grant in answer.grants]
    pieces = [leases[start::5] for start in range(5)]
    await asyncio.gather(*(desk.settle(dict.fromkeys(piece, 1), *reversed(piece)) for piece in pieces))
    assert sum([(await desk.level(limit)).used for limit in limits]) == len(leases)


async def test_one_scope_short_lends_nothing_of_the_others(desk: Desk) -> None:
    plenty, little = quota(100, "consumer:org_1:requests:month"), quota(2, "key:key_1:requests:month")
    answer = await desk.lease(Want(plenty, 1, 50), Want(little, 3, 3))
    assert answer.grants == []
    assert answer.denied is not None
    assert (answer.denied.scope, answer.denied.left, answer.denied.cap) == (little.scope, 2, 2)
    assert (await desk.level(plenty)).leased == 0


async def test_a_scope_wanted_twice_by_one_call_must_fit_twice(desk: Desk) -> None:
    limit = quota(5)
    assert (await desk.lease(Want(limit, 3, 3), Want(limit, 3, 3))).denied is not None
    both = await desk.lease(Want(limit, 2, 9), Want(limit, 3, 9))
    assert [grant.granted for grant in both.grants] == [2, 3]


async def test_slices_shrink_near_the_cap(desk: Desk) -> None:
    limit = quota(1000)
    sizes = [(await desk.lease(Want(limit, 1, 400))).grants[0].granted for _ in range(12)]
    assert sizes[0] == 400
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == 1


async def test_what_expired_is_still_counted_until_it_is_closed(desk: Desk) -> None:
    limit = quota(10)
    lease = (await desk.lease(Want(limit, 10, 10))).grants[0].lease
    desk.clock.advance(timedelta(days=1))
    assert (await desk.lease(Want(limit, 1, 1))).denied is not None
    await desk.settle({lease: 4}, lease)
    assert await desk.level(limit) == Level(used=4, leased=0, left=6)


async def test_a_dead_gateways_slices_come_back_only_when_its_spool_was_read(desk: Desk) -> None:
    limit = quota(10)
    dead = (await desk.lease(Want(limit, 8, 8), life="life_1")).grants[0]
    alive = (await desk.lease(Want(limit, 1, 1), life="life_2")).grants[0]
    assert (await desk.lease(Want(limit, 2, 2), life="life_2")).denied is not None
    await desk.settle({dead.lease: 3})
    async with desk.database.transaction() as session:
        assert await desk.counters(session).recover(Holder("one", "life_2")) == 1
        # A message of an older life that comes late takes nothing from the present one.
        assert await desk.counters(session).recover(Holder("one", "life_1")) == 0
    assert await desk.level(limit) == Level(used=3, leased=alive.granted, left=6)


async def test_another_gateways_slices_are_not_taken_back(desk: Desk) -> None:
    limit = quota(10)
    await desk.lease(Want(limit, 8, 8), gateway="two", life="life_1")
    async with desk.database.transaction() as session:
        assert await desk.counters(session).recover(Holder("one", "life_9")) == 0
    assert (await desk.level(limit)).leased == 8


async def test_usage_of_a_closed_slice_still_counts_and_debt_stops_the_next(desk: Desk) -> None:
    limit = quota(10)
    lease = (await desk.lease(Want(limit, 5, 5))).grants[0].lease
    await desk.settle({}, lease)
    await desk.settle({lease: 12}, lease)
    level = await desk.level(limit)
    assert (level.used, level.leased, level.left) == (12, 0, 0)
    denied = (await desk.lease(Want(limit, 1, 1))).denied
    assert denied is not None
    assert denied.left == 0


async def test_closing_twice_gives_back_once(desk: Desk) -> None:
    limit = quota(10)
    lease = (await desk.lease(Want(limit, 5, 5))).grants[0].lease
    await asyncio.gather(*(desk.settle({}, lease) for _ in range(6)))
    assert await desk.level(limit) == Level(used=0, leased=0, left=10)


async def test_the_next_month_begins_anew_and_a_late_event_counts_in_its_own_month(desk: Desk) -> None:
    limit = quota(10)
    lease = (await desk.lease(Want(limit, 6, 6))).grants[0].lease
    desk.clock.advance(timedelta(days=30))
    assert await desk.level(limit) == Level(used=0, leased=0, left=10)
    await desk.settle({lease: 6}, lease)
    assert await desk.level(limit) == Level(used=0, leased=0, left=10)


async def test_a_denied_quota_says_when_its_month_ends_and_a_held_one_asks_again_soon(desk: Desk) -> None:
    limit = quota(10)
    lease = (await desk.lease(Want(limit, 10, 10))).grants[0].lease
    held = (await desk.lease(Want(limit, 1, 1))).denied
    assert held is not None
    assert held.reset_ms <= 1000
    await desk.settle({lease: 10}, lease)
    spent = (await desk.lease(Want(limit, 1, 1))).denied
    assert spent is not None
    assert spent.reset_ms == (28 * 24 + 15) * 3_600_000  # from 2 November 9:00 to 1 December


async def test_a_bucket_lends_its_burst_then_what_time_refills(desk: Desk) -> None:
    limit = bucket(60, burst=10)
    assert sum([_granted(await desk.lease(Want(limit, 1, 1))) for _ in range(30)]) == 10
    denied = (await desk.lease(Want(limit, 1, 1))).denied
    assert denied is not None
    assert denied.reset_ms == 1000
    desk.clock.advance(timedelta(milliseconds=999))
    assert (await desk.lease(Want(limit, 1, 1))).denied is not None
    desk.clock.advance(timedelta(milliseconds=1))
    assert _granted(await desk.lease(Want(limit, 1, 1))) == 1
    desk.clock.advance(timedelta(hours=1))
    assert sum([_granted(await desk.lease(Want(limit, 1, 1))) for _ in range(30)]) == 10


async def test_a_bucket_asked_by_many_at_once_lends_no_more_than_it_has(desk: Desk) -> None:
    answers = await asyncio.gather(*(desk.lease(Want(bucket(100), 1, 4), gateway=f"g{n % 8}") for n in range(160)))
    assert sum(map(_granted, answers)) <= 100
    # Slices of one at the end: all of it can be had.
    rest = sum([_granted(await desk.lease(Want(bucket(100), 1, 1))) for _ in range(100)])
    assert sum(map(_granted, answers)) + rest == 100


async def test_what_a_bucket_gets_back_never_lifts_it_over_its_brim(desk: Desk) -> None:
    limit = bucket(10)
    lease = (await desk.lease(Want(limit, 5, 5))).grants[0].lease
    desk.clock.advance(timedelta(minutes=5))
    await desk.settle({lease: 1}, lease)
    assert (await desk.level(limit)).left == 10


async def test_concurrent_calls_are_slots_that_come_back_when_closed(desk: Desk) -> None:
    limit = Limit(scope="key:key_1:concurrent:ever", unit="concurrent", window="ever", cap=2)
    first = (await desk.lease(Want(limit, 1, 1))).grants[0].lease
    await desk.lease(Want(limit, 1, 1))
    assert (await desk.lease(Want(limit, 1, 1))).denied is not None
    await desk.settle({first: 1}, first)
    assert _granted(await desk.lease(Want(limit, 1, 1))) == 1


async def test_a_want_of_nothing_gets_what_there_is_and_nothing_in_debt(desk: Desk) -> None:
    limit = quota(3)
    slices = [(await desk.lease(Want(limit, 0, 5))).grants[0] for _ in range(5)]
    assert [grant.granted for grant in slices] == [3, 0, 0, 0, 0]
    assert slices[-1].reset_ms <= 1000  # others hold it: ask again soon, not next month
    await desk.settle({slices[0].lease: 9})
    assert _granted(await desk.lease(Want(limit, 0, 5))) == 0


async def test_a_slice_whose_answer_was_lost_comes_back_once_the_gateway_has_long_shipped_past_it(desk: Desk) -> None:
    limit = quota(10)
    await desk.lease(Want(limit, 7, 7))
    for hours, left in ((0.5, 3), (3, 10)):
        desk.clock.advance(timedelta(hours=hours))
        async with desk.database.transaction() as session:
            counters = desk.counters(session)
            await counters.note_shipped(Holder("one", "life_1"), desk.clock.now())
            await counters.reclaim()
        assert (await desk.level(limit)).left == left


async def test_what_an_abandoned_batch_borrowed_comes_back_once_and_only_that(desk: Desk) -> None:
    limit = quota(10)
    for gateway, life, batch in (
        ("one", "life_1", "1"),
        ("one", "life_1", "2"),
        ("one", "life_2", "1"),
        ("two", "life_1", "1"),
    ):
        async with desk.database.transaction() as session:
            await desk.counters(session).lease(Holder(gateway, life), [[Want(limit, 2, 2)]], batch)
    for freed in (1, 0):
        async with desk.database.transaction() as session:
            assert await desk.counters(session).abandon(Holder("one", "life_1"), ["1", "9"]) == freed
        assert await desk.level(limit) == Level(used=0, leased=6, left=4)


async def test_a_batch_abandoned_wrongly_gives_back_nothing_that_was_spent(desk: Desk) -> None:
    limit = quota(10)
    async with desk.database.transaction() as session:
        (answer,) = await desk.counters(session).lease(Holder("one", "life_1"), [[Want(limit, 8, 8)]], "1")
    await desk.settle({answer.grants[0].lease: 3})
    async with desk.database.transaction() as session:
        await desk.counters(session).abandon(Holder("one", "life_1"), ["1"])
    await desk.settle({answer.grants[0].lease: 2}, answer.grants[0].lease)
    assert await desk.level(limit) == Level(used=5, leased=0, left=5)


async def test_hostile_figures_saturate_and_break_nothing(desk: Desk) -> None:
    limit = quota(9_000_000_000_000_000_000)
    lease = (await desk.lease(Want(limit, 1, 9_000_000_000_000_000_000))).grants[0].lease
    for _ in range(3):
        await desk.settle({lease: 9_000_000_000_000_000_000})
    assert (await desk.lease(Want(limit, 1, 1))).denied is not None
    huge = Limit(scope="key:k:tokens:minute", unit="tokens", window="minute", cap=10**15, burst=10**15)
    assert _granted(await desk.lease(Want(huge, 1, 10**15))) > 0
    await desk.settle({"lse_unknown": 5}, "lse_unknown")


async def test_old_leases_and_counters_are_forgotten_and_present_ones_are_not(desk: Desk) -> None:
    limit = quota(10)
    lease = (await desk.lease(Want(limit, 6, 6))).grants[0].lease
    await desk.settle({lease: 1}, lease)
    desk.clock.advance(timedelta(days=100))
    await desk.lease(Want(limit, 6, 6))
    async with desk.database.transaction() as session:
        assert await desk.counters(session).forget(desk.clock.now() - timedelta(days=62)) == 2
        assert await session.scalar(text("SELECT count(*) FROM leases")) == 1


def _granted(answer: LeaseAnswer) -> int:
    return sum(grant.granted for grant in answer.grants)

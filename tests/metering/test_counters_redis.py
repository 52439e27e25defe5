"""Redis loses its memory while gateways ask: no cap is passed, and nothing is lost but the asks it could not answer."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from redis.asyncio import Redis
from sqlalchemy import text

from mercato.adapters.counters_postgres import PostgresCounters
from mercato.adapters.counters_redis import CountersUnavailable, connect
from mercato.metering import Holder, Level, Want
from mercato.platform import Database, Ids
from mercato_contracts.dataplane import Limit
from tests.conftest import TestClock
from tests.support.desk import Desk
from tests.support.redis_server import RedisServer

CAP = 300
REQUESTS = Limit(scope="subscription:sub_1:requests:month", unit="requests", window="month", cap=CAP)
TOKENS = Limit(scope="consumer:org_1:tokens:day", unit="tokens", window="day", cap=CAP)
SLOTS = Limit(scope="key:key_1:concurrent:ever", unit="concurrent", window="ever", cap=3)


@pytest.fixture
async def redis(own_redis: RedisServer) -> AsyncIterator[Redis]:
    client = connect(own_redis.url)
    yield client
    await client.aclose()


@pytest.fixture
def desk(database: Database, clock: TestClock, ids: Ids, redis: Redis) -> Desk:
    return Desk(database, clock, ids, redis)


class Crowd:
    """Eight gateways that ask for two scopes at once, spend some, give some back, until both caps are used up."""

    def __init__(self, desk: Desk, *, asks: int = 60) -> None:
        self._desk, self._asks = desk, asks
        self.asked = self.unanswered = self.spent = self.most_seen = 0

    async def run(self) -> None:
        await asyncio.gather(*(self._gateway(number) for number in range(8)))

    async def _gateway(self, number: int) -> None:
        dice = random.Random(number)
        for _ in range(self._asks):
            self.asked += 1
            limits = [REQUESTS, TOKENS]
            dice.shuffle(limits)
            try:
                answer = await self._desk.lease(*(Want(limit, 1, 6) for limit in limits), gateway=f"g{number}")
            except CountersUnavailable:
                self.unanswered += 1
                await asyncio.sleep(0.01)
                continue
            if len(answer.grants) == 2:
                units = dice.randint(0, min(grant.granted for grant in answer.grants))
                self.spent += units
                await self._desk.settle(
                    {grant.lease: units for grant in answer.grants}, *(grant.lease for grant in answer.grants)
                )
            level = await self._desk.level(REQUESTS)
            self.most_seen = max(self.most_seen, level.used + level.leased)


async def during(crowd: Crowd, harm: Callable[[], Awaitable[None]]) -> None:
    """Do harm again and again while the crowd asks."""
    running = asyncio.create_task(crowd.run())
    steps = 0
    while not running.done():
        seen = crowd.asked
        await harm()
        steps += 1
        while crowd.asked < seen + 20 and not running.done():
            await asyncio.sleep(0.001)
    await running
    assert steps > 5


async def check(desk: Desk, crowd: Crowd) -> None:
    """No cap was passed; what was spent is counted; what is left can be had, to the last unit and no further."""
    assert crowd.most_seen <= CAP
    for limit in (REQUESTS, TOKENS):
        assert await desk.level(limit) == Level(used=crowd.spent, leased=0, left=CAP - crowd.spent)
        # Lent out by transactions that rolled back at an outage: worked out anew by themselves within minutes.
        rest = 0
        while grants := (await desk.lease(Want(limit, 1, 50))).grants:
            rest += grants[0].granted
        assert rest <= CAP - crowd.spent
        if not crowd.unanswered:
            assert rest == CAP - crowd.spent


async def test_flushed_again_and_again_lends_exactly_the_cap(desk: Desk, redis: Redis) -> None:
    crowd = Crowd(desk)

    async def flush() -> None:
        await redis.flushall()

    await during(crowd, flush)
    assert crowd.unanswered == 0
    await check(desk, crowd)


@pytest.mark.slow
async def test_killed_and_restarted_again_and_again_never_passes_the_cap(desk: Desk, own_redis: RedisServer) -> None:
    crowd = Crowd(desk, asks=100)

    async def restart() -> None:
        await asyncio.to_thread(own_redis.kill)
        await asyncio.to_thread(own_redis.start)

    await during(crowd, restart)
    await check(desk, crowd)


async def test_a_flush_while_slices_are_held_counts_them_as_held(desk: Desk, redis: Redis) -> None:
    held = 0
    while grants := (await desk.lease(Want(REQUESTS, 1, 20))).grants:
        held += grants[0].granted
        await redis.flushall()
    assert held == CAP


async def test_a_server_that_comes_back_with_old_figures_is_not_believed(
    desk: Desk, redis: Redis, own_redis: RedisServer
) -> None:
    await desk.lease(Want(REQUESTS, 1, 1))
    await asyncio.to_thread(own_redis.kill)
    own_redis.keep_file()
    await asyncio.to_thread(own_redis.start)
    taken = sum([(await desk.lease(Want(REQUESTS, 40, 40))).grants[0].granted for _ in range(7)])
    await asyncio.to_thread(own_redis.kill)
    own_redis.bring_back_file()
    await asyncio.to_thread(own_redis.start)
    assert await redis.dbsize() == 1
    assert (await desk.lease(Want(REQUESTS, 20, 20))).denied is not None
    assert (await desk.lease(Want(REQUESTS, 19, 19))).grants[0].granted == 19
    assert taken == 280


async def test_nothing_is_lent_while_redis_is_away_and_usage_is_taken(desk: Desk, own_redis: RedisServer) -> None:
    lease = (await desk.lease(Want(REQUESTS, 5, 5))).grants[0].lease
    await asyncio.to_thread(own_redis.kill)
    with pytest.raises(CountersUnavailable):
        await desk.lease(Want(REQUESTS, 1, 1))
    await desk.settle({lease: 2}, lease)
    assert await desk.level(REQUESTS) == Level(used=2, leased=0, left=CAP - 2)


async def test_slots_of_concurrent_calls_survive_a_flush(desk: Desk, redis: Redis) -> None:
    leases = [(await desk.lease(Want(SLOTS, 1, 1))).grants[0].lease for _ in range(3)]
    await redis.flushall()
    assert (await desk.lease(Want(SLOTS, 1, 1))).denied is not None
    await desk.settle({leases[0]: 1}, leases[0])
    await redis.flushall()
    assert (await desk.lease(Want(SLOTS, 1, 1))).grants[0].granted == 1
    assert (await desk.lease(Want(SLOTS, 1, 1))).denied is not None


async def test_a_transaction_that_lent_and_has_not_committed_is_waited_for(desk: Desk, redis: Redis) -> None:
    async with desk.database.transaction() as session:
        lent = await desk.counters(session).lease(Holder("one", "life_1"), [[Want(REQUESTS, 200, 200)]])
        await redis.flushall()
        other = asyncio.create_task(desk.lease(Want(REQUESTS, 200, 200), gateway="two"))
        async with desk.database.transaction() as watching:
            waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            async with asyncio.timeout(120):
                while not await watching.scalar(waiting):
                    await asyncio.sleep(0.005)
    assert lent[0].grants[0].granted == 200
    assert (await other).denied is not None


async def test_a_lease_rolled_back_is_free_again_once_figures_are_counted_anew(desk: Desk, redis: Redis) -> None:
    await desk.lease(Want(SLOTS, 1, 1))  # begins the reign, which would be rolled back too
    with pytest.raises(ZeroDivisionError):
        async with desk.database.transaction() as session:
            await desk.counters(session).lease(Holder("one", "life_1"), [[Want(REQUESTS, 200, 200)]])
            raise ZeroDivisionError
    assert (await desk.lease(Want(REQUESTS, 200, 200))).denied is not None
    (name,) = await redis.keys("*sub_1*")
    assert 0 < await redis.pttl(name) <= 300_000
    await redis.delete(name)
    assert (await desk.lease(Want(REQUESTS, 200, 200))).grants[0].granted == 200


async def test_what_came_back_over_a_very_long_time_stays_within_64_bits(desk: Desk) -> None:
    limit = REQUESTS.model_copy(update={"cap": 9_000_000_000_000_000_000})
    for _ in range(6):
        lease = (await desk.lease(Want(limit, 1, 4_000_000_000_000_000_000))).grants[0].lease
        await desk.settle({lease: 3}, lease)
        async with desk.database.transaction() as session:
            await desk.counters(session).reclaim()
    assert await desk.level(limit) == Level(used=18, leased=0, left=limit.cap - 18)
    assert (await desk.lease(Want(limit, limit.cap - 18, limit.cap))).denied is None


async def test_a_database_of_postgresql_counters_is_taken_over_as_it_is(desk: Desk, ids: Ids) -> None:
    async with desk.database.transaction() as session:
        before = PostgresCounters(session, desk.clock, ids)
        answer = (await before.lease(Holder("one", "life_1"), [[Want(REQUESTS, 200, 200)]]))[0]
    await desk.settle({answer.grants[0].lease: 50})
    assert (await desk.lease(Want(REQUESTS, 101, 101))).denied is not None
    assert (await desk.lease(Want(REQUESTS, 100, 100))).denied is None


async def test_the_statement_of_the_decision_leads_back_to_postgresql(desk: Desk, ids: Ids) -> None:
    for spent in (30, 40):
        lease = (await desk.lease(Want(REQUESTS, 50, 50))).grants[0].lease
        await desk.settle({lease: spent}, lease)
    await desk.settle({(await desk.lease(Want(REQUESTS, 100, 100))).grants[0].lease: 10})
    await desk.settle({(await desk.lease(Want(SLOTS, 2, 2))).grants[0].lease: 1})
    page = Path(__file__).parents[2] / "docs" / "decisions" / "0008-redis-counts-what-is-lent.md"
    async with desk.database.transaction() as session:
        await session.execute(text(page.read_text().split("```sql")[1].split("```")[0]))
    back = Desk(desk.database, desk.clock, ids)
    assert await back.level(REQUESTS) == Level(used=80, leased=90, left=CAP - 170)
    assert (await back.lease(Want(REQUESTS, CAP - 169, CAP))).denied is not None
    assert (await back.lease(Want(REQUESTS, CAP - 170, CAP))).denied is None
    assert (await back.lease(Want(SLOTS, 2, 2))).denied is not None

"""A replica of Redis takes over, also while the old primary goes on: no cap is passed, and all of it can be used."""

import asyncio
import itertools
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from mercato.adapters.counters_redis import CountersUnavailable, connect
from mercato.metering import Level, Want
from mercato.platform import Database, Ids
from mercato_contracts.dataplane import Limit
from tests.conftest import TestClock
from tests.support.desk import Desk
from tests.support.ports import free_port
from tests.support.redis_server import RedisServer

CAP = 2_000
REQUESTS = Limit(scope="subscription:sub_1:requests:month", unit="requests", window="month", cap=CAP)


@pytest.fixture
def replica(own_redis: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("replica"))
    server.start()
    server.follow(own_redis)
    yield server
    server.kill()


@pytest.fixture
async def desk_at(database: Database, clock: TestClock, ids: Ids) -> AsyncIterator[Callable[[str], Desk]]:
    """The counters of a process that was told this address."""
    clients: list[Redis] = []

    def at(url: str) -> Desk:
        clients.append(connect(url))
        return Desk(database, clock, ids, clients[-1])

    yield at
    for client in clients:
        await client.aclose()


class Takers:
    """Each process has takers that ask for a few until nothing is left; some of it is spent, the rest given back."""

    def __init__(self, *desks: Desk) -> None:
        self.desks = list(desks)
        self.spent = self.unanswered = 0
        self.asked = itertools.count()

    async def run(self, takers: int = 4) -> None:
        await asyncio.gather(*(self._take(place) for place in range(takers * len(self.desks))))

    async def _take(self, place: int) -> None:
        while True:
            desk = self.desks[place % len(self.desks)]
            next(self.asked)
            try:
                answer = await desk.lease(Want(REQUESTS, 1, 8), gateway=f"g{place}")
            except CountersUnavailable:
                self.unanswered += 1
                await asyncio.sleep(0.02)
                continue
            if answer.denied is not None:
                if (await desk.level(REQUESTS)).leased == 0:
                    return
                continue
            (grant,) = answer.grants
            spent = max(1, grant.granted - 1)
            self.spent += spent
            level = await desk.level(REQUESTS)
            assert level.used + level.leased <= CAP
            await desk.settle({grant.lease: spent}, grant.lease)

    async def until_spent(self, share: float) -> None:
        while self.spent < share * CAP:
            await asyncio.sleep(0.005)


@pytest.mark.slow
async def test_two_primaries_at_once_lend_exactly_the_cap(
    desk_at: Callable[[str], Desk], own_redis: RedisServer, replica: RedisServer
) -> None:
    """The network is torn: half of the processes see the old primary, the others one that was promoted."""
    takers = Takers(desk_at(own_redis.url), desk_at(replica.url))
    replica.promote()
    await takers.run(2)
    assert takers.spent == CAP
    assert await takers.desks[0].level(REQUESTS) == Level(used=CAP, leased=0, left=0)
    print(f"{next(takers.asked)} asked, {takers.unanswered} not answered")


async def test_who_returns_to_the_old_primary_does_not_believe_its_figures(
    desk_at: Callable[[str], Desk], own_redis: RedisServer, replica: RedisServer
) -> None:
    old, new = desk_at(own_redis.url), desk_at(replica.url)
    replica.promote()
    for desk in (old, new, old, new, old):
        assert (await desk.lease(Want(REQUESTS, 400, 400))).grants[0].granted == 400
    for desk in (new, old):
        assert (await desk.lease(Want(REQUESTS, 1, 1))).denied is not None


async def test_a_replica_that_was_not_promoted_lends_nothing(
    desk_at: Callable[[str], Desk], own_redis: RedisServer, replica: RedisServer
) -> None:
    assert (await desk_at(own_redis.url).lease(Want(REQUESTS, 5, 5))).grants
    with pytest.raises(CountersUnavailable):
        await desk_at(replica.url).lease(Want(REQUESTS, 5, 5))
    assert (await desk_at(own_redis.url).lease(Want(REQUESTS, CAP - 5, CAP))).grants[0].granted == CAP - 5


@pytest.fixture
async def sentinel(own_redis: RedisServer, replica: RedisServer, tmp_path: Path) -> AsyncIterator[str]:
    """A real Sentinel that watches both; the address to give to processes."""
    port = free_port()
    settings = tmp_path / "sentinel.conf"
    settings.write_text(
        f"port {port}\nbind 127.0.0.1\ndir {tmp_path}\nsentinel monitor main 127.0.0.1 {own_redis.port} 1\n"
        "sentinel down-after-milliseconds main 1000\nsentinel failover-timeout main 5000\n"
    )
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(["redis-server", str(settings), "--sentinel"], stdout=log, stderr=log)
    try:
        async with Redis.from_url(f"redis://127.0.0.1:{port}") as client:
            await _until_it_knows(client)
        yield f"redis+sentinel://127.0.0.1:{port}/main/0"
    finally:
        process.kill()
        process.wait()


async def _until_it_knows(client: Redis) -> None:
    """The Sentinel, of the replica."""
    async with asyncio.timeout(120):
        while True:
            try:
                answer = await client.execute_command("SENTINEL", "REPLICAS", "main")  # type: ignore[no-untyped-call]
                if answer:
                    return
            except RedisError:
                pass
            await asyncio.sleep(0.05)


@pytest.mark.slow
async def test_a_replica_that_sentinel_promotes_in_a_load_lends_exactly_what_is_left(
    desk_at: Callable[[str], Desk], own_redis: RedisServer, replica: RedisServer, sentinel: str
) -> None:
    takers = Takers(desk_at(sentinel), desk_at(sentinel))
    running = asyncio.create_task(takers.run())
    await takers.until_spent(0.3)
    killed = time.monotonic()
    await asyncio.to_thread(own_redis.kill)
    before = takers.spent
    while takers.spent <= before + 100 and not running.done():
        await asyncio.sleep(0.01)
    print(f"{time.monotonic() - killed:.1f} s without counting, {takers.unanswered} not answered")
    await running
    assert takers.unanswered
    assert takers.spent == CAP
    assert await takers.desks[0].level(REQUESTS) == Level(used=CAP, leased=0, left=0)

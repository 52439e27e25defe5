"""Counters as tests ask them: each step a transaction of its own."""

import asyncio

from redis.asyncio import Redis

from mercato.adapters.counters_postgres import PostgresCounters
from mercato.adapters.counters_redis import RedisCounters
from mercato.metering import Counters, Holder, Level, Want
from mercato.platform import Clock, Database, Ids, Session
from mercato_contracts.dataplane import LeaseAnswer, Limit
from tests.conftest import TestClock


class Desk:
    """The real counters: PostgreSQL's, or Redis' where one is given."""

    def __init__(self, database: Database, clock: TestClock, ids: Ids, redis: Redis | None = None) -> None:
        self.database, self.clock, self.ids = database, clock, ids
        self._redis = redis
        # As many connections as the pool has: whoever waits, waits here, not until the pool gives up.
        self._connections = asyncio.Semaphore(16)

    def counters(self, session: Session) -> Counters:
        """The adapter within this transaction."""
        clock: Clock = self.clock
        if self._redis is None:
            return PostgresCounters(session, clock, self.ids)
        return RedisCounters(session, self._redis, clock, self.ids)

    async def lease(self, *wants: Want, gateway: str = "one", life: str = "life_1") -> LeaseAnswer:
        """One call's slices."""
        async with self._connections, self.database.transaction() as session:
            return (await self.counters(session).lease(Holder(gateway, life), [wants]))[0]

    async def settle(self, spends: dict[str, int], *closed: str) -> None:
        """Usage came in, and slices were given back."""
        async with self._connections, self.database.transaction() as session:
            await self.counters(session).settle(spends, closed)

    async def level(self, limit: Limit) -> Level:
        """How the scope stands."""
        async with self.database.transaction() as session:
            return (await self.counters(session).read([limit]))[0]

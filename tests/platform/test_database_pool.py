"""The pool of connections shrinks when nobody needs them, and grows again."""

import asyncio
from contextlib import AsyncExitStack

from sqlalchemy import text

from mercato.platform import Database
from tests.support.waiting import until


async def use_at_once(database: Database, count: int) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(count):
            session = await stack.enter_async_context(database.transaction())
            await session.execute(text("SELECT 1"))


async def count_connections(observer: Database) -> int:
    async with observer.transaction() as session:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        return int(await session.scalar(text(query)) or 0)


async def test_connections_that_nobody_needs_are_closed(database_url: str) -> None:
    database, observer = Database(database_url, idle_seconds=0.2), Database(database_url)
    await use_at_once(database, 6)
    assert await count_connections(observer) == 6
    async with asyncio.timeout(30):
        while await count_connections(observer) > 1:
            await use_at_once(database, 1)
            await asyncio.sleep(0.05)
    await use_at_once(database, 4)
    # The server ends a session a moment after it was closed.
    await until(lambda: _counts(observer, 4), what="four connections")
    await database.close()
    await observer.close()


async def test_a_connection_in_use_outlives_the_review(database_url: str) -> None:
    database = Database(database_url, idle_seconds=0.05)
    async with database.transaction() as session:
        mine = await session.scalar(text("SELECT pg_backend_pid()"))
        await use_at_once(database, 5)
        await session.execute(text("SELECT pg_sleep(0.3)"))  # the review comes meanwhile
        assert await session.scalar(text("SELECT pg_backend_pid()")) == mine
    await use_at_once(database, 1)
    await database.close()


async def _counts(observer: Database, expected: int) -> bool:
    return await count_connections(observer) == expected

"""Work that one process of the marketplace does at a time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import psycopg
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mercato.platform.database import LIVELY, Database, libpq_url

_LOOKS_SECONDS = 5.0
_CHECK_SECONDS = 5.0
_SERVER_NOTICES = "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
"""A leader whose machine vanished without a word holds its lock half a minute, and not the server's usual two hours."""


class LeadLost(Exception):
    """The database, and with it the lock that says who leads, is not to be reached."""


@asynccontextmanager
async def leading(
    database: Database, lock: int, *, stands_by: Callable[[], None] = lambda: None
) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Wait until no other process leads, then lead until the block ends. Gives what checks that this still holds.

    `lock` is the number of an advisory lock, held by a session of its own outside any transaction. `stands_by` is
    called whenever another process is found to lead. A process whose session was cut off notices at the next check;
    until then another one may lead too. Raises `LeadLost`, also for a database that is lost within the block.
    """
    dsn = libpq_url(database.url)
    try:
        async with await psycopg.AsyncConnection.connect(
            dsn, autocommit=True, options=_SERVER_NOTICES, **LIVELY
        ) as session:
            while True:
                cursor = await session.execute("SELECT pg_try_advisory_lock(%s)", (lock,))
                row = await cursor.fetchone()
                if row is not None and row[0]:
                    break
                stands_by()
                await asyncio.sleep(_LOOKS_SECONDS)

            async def check() -> None:
                try:
                    async with asyncio.timeout(_CHECK_SECONDS):
                        await session.execute("SELECT 1")
                except TimeoutError:
                    raise LeadLost("the session that holds the lock does not answer") from None

            yield check
    except (psycopg.Error, InterfaceError, OperationalError, PoolTimeout) as error:
        raise LeadLost(str(error)) from error

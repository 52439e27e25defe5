"""One time for all machines: the database's, for those whose own clock is wrong."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from sqlalchemy.exc import SQLAlchemyError

from mercato.platform.clock import Clock, SystemClock
from mercato.platform.database import Database
from mercato.platform.measured import MeasuredGauge
from mercato.platform.time_rows import database_time

log = structlog.get_logger(__name__)

_EVERY_SECONDS = 60.0
_TRY_AGAIN_SECONDS = 1.0
_PATIENCE_SECONDS = 3.0
_AHEAD = MeasuredGauge(
    "mercato_clock_ahead_seconds", "By how much this machine's clock is ahead of the database's; 0 while it is right"
)


async def compare_time(clock: SystemClock, database: Database) -> None:
    """Compare this machine's clock with the database's; raises what the database raises."""
    async with database.transaction() as session:
        began = time.monotonic()
        theirs = await database_time(session)
        ended = time.monotonic()
    was_apart = clock.is_corrected
    ahead = clock.hear(theirs, began, ended)
    _AHEAD.set(ahead.total_seconds() if clock.is_corrected else 0.0)
    if clock.is_corrected and not was_apart:
        log.error(
            "this machine's clock is wrong: set it; until then the database's is used",
            seconds_ahead=round(ahead.total_seconds(), 1),
        )
    elif was_apart and not clock.is_corrected:
        log.info("this machine's clock is right again")


@asynccontextmanager
async def time_kept(clock: Clock, database: Database) -> AsyncIterator[None]:
    """Compares the clocks once before, if the database answers soon, and each minute within. What was found last holds
    in an outage. Any clock but the machine's is left as it is.
    """
    if not isinstance(clock, SystemClock):
        yield
        return
    seconds = await _compare(clock, database)
    keeping = asyncio.create_task(_keep(clock, database, seconds), name="time")
    try:
        yield
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


async def _keep(clock: SystemClock, database: Database, seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        seconds = await _compare(clock, database)


async def _compare(clock: SystemClock, database: Database) -> float:
    """Returns after how many seconds to compare again."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await compare_time(clock, database)
    except (SQLAlchemyError, OSError):  # a timeout is an OSError
        return _TRY_AGAIN_SECONDS
    return _EVERY_SECONDS

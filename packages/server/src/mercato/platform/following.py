"""Outside subscribers, followed by one process of the marketplace at a time."""

import asyncio
from collections.abc import Sequence
from typing import Any

import structlog

from mercato.platform.database import Database
from mercato.platform.feed import OutboxFeed, OutsideSubscriber
from mercato.platform.leading import leading

log = structlog.get_logger(__name__)

_LOCK = 7_245_110_391
"""The advisory lock of the process that follows: two would ask for a cancel again after a retry."""
_PAUSE_SECONDS = 1.0


async def follow_outside(database: Database, feed: OutboxFeed, readers: Sequence[OutsideSubscriber[Any]]) -> None:
    """Lead, or wait to lead, until cancelled. To be run by every worker, while its feed is open."""
    while True:
        try:
            async with leading(database, _LOCK) as still_leads, asyncio.TaskGroup() as group:
                for reader in readers:
                    group.create_task(feed.follow(reader, still_leads), name=f"outbox {reader.name}")
        except Exception as error:
            log.warning("outside readers lost the lead; this process waits for it again", error=repr(error))
        await asyncio.sleep(_PAUSE_SECONDS)

"""The worker's process: durable workflows, the outbox's durable readers, what is done at set times."""

import asyncio

import structlog

from mercato.app.control import build_wiring
from mercato.app.settings import Settings
from mercato.platform import OutboxFeed

log = structlog.get_logger(__name__)


async def run_worker(settings: Settings, database_url: str, stop: asyncio.Event, ready: asyncio.Event) -> None:
    """Work until `stop` is set; what is in hand then goes on at the next start. Sets `ready` once it works."""
    wiring = build_wiring(settings, database_url)
    feed = OutboxFeed(wiring.database)
    await feed.start([], [])
    ready.set()
    log.info("worker is ready")
    await stop.wait()
    await feed.close()
    await wiring.database.close()

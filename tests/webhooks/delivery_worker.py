"""A worker that a test kills: `delivery_worker.py DATABASE_URL SECRET`. It reads the outbox and delivers."""

import asyncio
import sys
from datetime import timedelta

from mercato.platform import Database, MarketplaceSecret, Outbox, OutboxFeed, SystemClock, SystemIds
from mercato.webhooks import Deliverer, SecretSeal, WebhookAddresses, webhook_subscriber

DATABASE_URL, SECRET = sys.argv[1:]


async def main() -> None:
    database, clock = Database(DATABASE_URL), SystemClock()
    ids, seal = SystemIds(clock), SecretSeal(MarketplaceSecret.of(bytes.fromhex(SECRET)))
    feed = OutboxFeed(database)
    await feed.start([webhook_subscriber(clock, ids)], [])
    addresses = WebhookAddresses(allow_private=True)
    await Deliverer(database, clock, ids, Outbox(clock), seal, addresses, lease=timedelta(seconds=3)).run()


asyncio.run(main())

"""An organisation with webhooks, and a server of its own that receives them."""

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from mercato.identity import Caller
from mercato.platform import Database, Event, Ids, MarketplaceSecret, News, Outbox
from mercato.platform.outbox import Place
from mercato.webhooks import Delivered, Deliverer, NewSecret, SecretSeal, WebhookAddresses, Webhooks, announce
from tests.conftest import People, TestClock
from tests.webhooks.receiver import Receiver, serve_receiver


@dataclass
class Post:
    """Everything by the test's clock, which begins at the present: the reference library refuses old timestamps."""

    database: Database
    clock: TestClock
    ids: Ids
    outbox: Outbox
    people: People
    seal: SecretSeal = field(default_factory=lambda: SecretSeal(MarketplaceSecret.of(os.urandom(32))))
    addresses: WebhookAddresses = field(default_factory=lambda: WebhookAddresses(allow_private=True))

    def desk(self, session: Any) -> Webhooks:
        return Webhooks(session, self.clock, self.ids, self.seal, self.addresses)

    async def add(self, caller: Caller, url: str, event_types: Sequence[str] = ()) -> NewSecret:
        async with self.database.transaction() as session:
            return await self.desk(session).add(caller, url=url, event_types=event_types, description="")

    async def tell(self, *news: News) -> None:
        """As the outbox's reader would."""
        events = [Event(Place(1, n), one, self.clock.now()) for n, one in enumerate(news)]
        async with self.database.transaction() as session:
            await announce(session, events, self.clock, self.ids)

    def deliverer(self, quiet_seconds: float = 600.0) -> Deliverer:
        return Deliverer(
            self.database, self.clock, self.ids, self.outbox, self.seal, self.addresses, quiet_seconds=quiet_seconds
        )

    async def deliver(self) -> int:
        return await self.deliverer().deliver_due()

    async def log(self, caller: Caller, endpoint_id: str) -> list[Delivered]:
        async with self.database.transaction() as session:
            return await self.desk(session).deliveries(caller, endpoint_id, before=None, limit=100)


@pytest.fixture
def post(database: Database, clock: TestClock, ids: Ids, outbox: Outbox, people: People) -> Post:
    clock.at = datetime.fromtimestamp(time.time(), UTC)
    return Post(database, clock, ids, outbox, people)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with serve_receiver() as server:
        yield server

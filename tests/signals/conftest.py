"""A desk over real rounds: vendors with linked deployments that sign what they write."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

from mercato.datasets import Panel, Panels, Round
from mercato.deployments import Deployments, Signatures
from mercato.identity import Caller
from mercato.platform import Database, HeadKey, Ids, MarketplaceSecret, ObjectStore, Outbox
from mercato.publishing import Release
from mercato.publishing.models import Deployment
from mercato.signals import KillSwitches, LiveRounds, RoundSettling, SignalLog, SignalStore, receive
from mercato_contracts.signals import SignalReceipt
from tests.conftest import People, TestClock
from tests.datasets.conftest import DataRoom, early_prices, prices, room, store  # noqa: F401
from tests.support.market import Market, market  # noqa: F401


@dataclass
class Writer:
    """A vendor's deployment and its key."""

    caller: Caller
    deployment: str
    key: Ed25519PrivateKey

    def sign(self, body: bytes) -> str:
        """The header's value."""
        return f"ed25519={base64.b64encode(self.key.sign(body)).decode()}"


@dataclass
class Desk:
    """The desk, each step a transaction of its own."""

    database: Database
    clock: TestClock
    ids: Ids
    outbox: Outbox
    store: ObjectStore
    market: Market
    people: People
    room: DataRoom
    is_built: bool = False

    def __post_init__(self) -> None:
        self.live = LiveRounds(self.store)
        self.log_key = HeadKey(MarketplaceSecret.of(b"s" * 32))
        self.settling = RoundSettling(self.database, self.clock, self.ids, self.outbox, self.store, b"n" * 32)

    async def open(self, eras: int = 5) -> Round:
        """A new round; the data are built when there are none."""
        if not self.is_built:
            await self.room.build()
            self.is_built = True
        return await self.room.open(eras=eras)

    async def writer(self, slug: str, *, vendor: Caller | None = None) -> Writer:
        """A listed signal service of `vendor`, or of a new one, with a linked deployment."""
        caller = vendor or await self.people.join(slug)
        service, _ = await self.market.list_service(caller, slug)
        key = Ed25519PrivateKey.generate()
        async with self.database.transaction() as session:
            service.protocol = "signal"
            await session.merge(service)
            query = select(Deployment).join(Release, Release.id == Deployment.release_id)
            deployment = await session.scalar(query.where(Release.service_id == service.id))
            assert deployment is not None
            public = base64.b64encode(key.public_key().public_bytes_raw()).decode()
            await Deployments(session, self.clock, self.outbox).link(
                caller, deployment.id, public_key=public, interval_seconds=60
            )
            return Writer(caller, deployment.id, key)

    async def take(self, writer: Writer, body: bytes, signature: str | None = None) -> list[SignalReceipt]:
        """Through the use case, signed unless told otherwise."""
        received = await receive(self.database, self.live, writer.caller, body)
        async with self.database.transaction() as session:
            store = SignalStore(session, self.clock, self.ids, self.outbox, Signatures(session))
            return await store.take(writer.caller, received, signature or writer.sign(body))

    async def panel_of(self, found: Round) -> Panel:
        """Its panel."""
        return await Panels(self.database, self.store).load(found.panel_id)

    def write(self, writer: Writer, found: Round, era: int, scores: Mapping[str, float]) -> dict[str, Any]:
        """A write as it is sent."""
        return {
            "contract": "signal-write/1",
            "deployment": writer.deployment,
            "round": found.id,
            "era": era,
            "scores": dict(scores),
            "created_at": self.clock.now().isoformat(),
        }

    async def say(self, writer: Writer, found: Round, skill: float, seed: int = 0) -> list[SignalReceipt]:
        """A batch for every era: the truth, as far as `skill` (0 to 1) goes, and a taste that stays the same."""
        panel = await self.panel_of(found)
        taste = np.random.default_rng(seed).uniform(-1, 1, len(panel.tickers))
        writes = []
        for era in range(found.first_era, found.last_era + 1):
            truth = panel.targets[era - 1] * 2 - 1
            scores = skill * truth + (1 - skill) * taste
            named = panel.ids_of(era)
            expected = {named[t]: float(s) for t, s in zip(panel.tickers, scores, strict=True)}
            writes.append(self.write(writer, found, era, expected))
        return await self.take(writer, json.dumps({"contract": "signal-write-batch/1", "writes": writes}).encode())

    async def seal(self, *, at_once: bool = True) -> Any:
        """The hour's end."""
        async with self.database.transaction() as session:
            return await SignalLog(session, self.clock).seal(self.log_key, at_once=at_once)

    async def audit(self) -> int:
        """From the scores up."""
        async with self.database.transaction() as session:
            return await SignalLog(session, self.clock).audit()

    async def settle(self, found: Round) -> str:
        """Close, and all that the durable workflow does."""
        await self.room.close(found.id)
        for era in await self.settling.agree(found.id):
            await self.settling.invest(found.id, era)
        return str(await self.settling.score(found.id))

    async def throw(self, scope: Any, target: str = "*") -> str:
        """By the operator."""
        operator = await self.market.operator()
        async with self.database.transaction() as session:
            switches = KillSwitches(session, self.clock, self.ids, self.outbox)
            return (await switches.throw(operator, scope, target, "a test")).id


@pytest.fixture
async def desk(
    database: Database,
    clock: TestClock,
    ids: Ids,
    outbox: Outbox,
    store: ObjectStore,  # noqa: F811
    market: Market,  # noqa: F811
    people: People,
    room: DataRoom,  # noqa: F811
) -> Desk:
    """The desk of this test."""
    return Desk(database, clock, ids, outbox, store, market, people, room)

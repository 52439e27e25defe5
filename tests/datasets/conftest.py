"""Real prices, read once a run, and a room of data over them."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from mercato.adapters.objects_folder import LocalFolder
from mercato.adapters.signed_links import SignedLinks
from mercato.datasets import Built, Horizon, Panel, PanelBuilder, Round, RoundDraft, RoundDrafts, Rounds, Schedule
from mercato.datasets.features import WARM_UP_DAYS
from mercato.datasets.obscuring import Obscurer
from mercato.datasets.panel import build_panel
from mercato.datasets.sources import Market, read_market
from mercato.platform import Database, Ids, MarketplaceSecret, ObjectStore, Outbox, Session
from tests.conftest import TestClock

HORIZON = Horizon(days=5, lag=1)
SCHEDULE = Schedule(open_for=timedelta(hours=1), embargo=timedelta(days=6))


@pytest.fixture(scope="session")
def prices() -> Market:
    """Everything that the packages ship."""
    return read_market()


@pytest.fixture(scope="session")
def early_prices(prices: Market) -> Market:
    """The first years of it, up to July 1994: enough for rounds, and quick."""
    return prices.until(WARM_UP_DAYS + 900)


@pytest.fixture(scope="session")
def panel(early_prices: Market) -> Panel:
    """The panel of the first years."""
    return build_panel(early_prices, Obscurer(b"k" * 32, "us-equities-daily"), HORIZON)


@pytest.fixture
def store(tmp_path: Path, clock: TestClock) -> ObjectStore:
    """The folder that the test's control plane serves from, when there is one."""
    return LocalFolder(
        tmp_path / "state" / "objects", SignedLinks(MarketplaceSecret.of(b"s" * 32), clock), "http://mercato.test"
    )


@dataclass
class DataRoom:
    """The room, each step a transaction of its own."""

    database: Database
    clock: TestClock
    ids: Ids
    outbox: Outbox
    store: ObjectStore
    prices: Market

    async def build(self, **named: str) -> Built:
        """The dataset over the first years."""
        return await self.builder().build(by="usr_test", **named)

    def builder(self) -> PanelBuilder:
        """Of panels over the first years."""
        common = (self.database, self.clock, self.ids, self.outbox, self.store)
        return PanelBuilder(*common, b"k" * 32, lambda: self.prices)

    def drafts(self) -> RoundDrafts:
        """Of rounds."""
        return RoundDrafts(self.database, self.ids, self.store)

    def rounds(self, session: Session) -> Rounds:
        """Within a transaction."""
        return Rounds(session, self.clock, self.outbox)

    async def open(self, name: str = "us-equities-daily", *, first_era: int | None = None, eras: int = 5) -> Round:
        """A new round, open for an hour, under embargo for six days."""
        return await self.open_draft(await self.drafts().draft(name, first_era=first_era, eras=eras))

    async def open_draft(self, draft: RoundDraft) -> Round:
        """The round that was drafted."""
        async with self.database.transaction() as session:
            return await self.rounds(session).open(draft, SCHEDULE, by="usr_operator", reason="a test")

    async def close(self, round_id: str) -> Round:
        """No more signals."""
        async with self.database.transaction() as session:
            return await self.rounds(session).close(round_id, by="usr_operator", reason="a test")

    async def score(self, round_id: str, sha256: str = "a" * 64) -> Round:
        """The desk's word."""
        async with self.database.transaction() as session:
            return await self.rounds(session).mark_scored(round_id, sha256, by="the desk")

    async def resolve(self, round_id: str) -> Round:
        """Targets may go out."""
        async with self.database.transaction() as session:
            return await self.rounds(session).resolve(round_id, by="usr_operator", reason="a test")

    async def through(self, round_id: str) -> Round:
        """Closed, scored and, after the embargo, resolved."""
        await self.close(round_id)
        await self.score(round_id)
        self.clock.advance(timedelta(days=6))
        return await self.resolve(round_id)


@pytest.fixture
def room(
    database: Database, clock: TestClock, ids: Ids, outbox: Outbox, store: ObjectStore, early_prices: Market
) -> DataRoom:
    """The room of data of this test."""
    return DataRoom(database, clock, ids, outbox, store, early_prices)

"""A process that cannot hear news knows it, also when it is cut off without a word, and hears again by itself."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from mercato.consumption import SnapshotHub
from mercato.identity import KeyChanged
from mercato.platform import (
    Database,
    EphemeralSubscriber,
    Event,
    MarketplaceSecret,
    News,
    Outbox,
    OutboxFeed,
    Unavailable,
)
from mercato.publishing import CredentialSeal
from tests.conftest import TestClock
from tests.support.link import Link
from tests.support.waiting import until


@pytest.fixture
async def link(database_url: str) -> AsyncIterator[Link]:
    """A wire to the test's PostgreSQL."""
    (folder,) = parse_qs(urlsplit(database_url).query)["host"]
    wire = Link(Path(folder) / ".s.PGSQL.5432")
    yield wire
    wire.close()


@pytest.fixture
async def far(database_url: str, link: Link) -> AsyncIterator[Database]:
    """The same database, by the wire."""
    parts = urlsplit(database_url)
    user = parts.netloc.rpartition("@")[0]
    database = Database(f"postgresql://{user}@127.0.0.1:{link.port}{parts.path}")
    yield database
    await database.close()


@pytest.mark.parametrize("silently", [False, True], ids=["cut", "silent"])
async def test_who_is_cut_off_says_so_and_hears_again(
    database: Database, far: Database, link: Link, clock: TestClock, *, silently: bool
) -> None:
    heard: list[str] = []

    async def hear(events: Sequence[Event[News]]) -> None:
        heard.extend(event.news.to_payload()["key_id"] for event in events)

    async def tell(key: str) -> None:
        async with database.transaction() as session:
            news = KeyChanged(by="test", key_id=key, organisation_id="org_1")
            await Outbox(clock).add(session, news)

    feed = OutboxFeed(far)
    await feed.start([], [EphemeralSubscriber("test", (KeyChanged,), hear)])
    hub = SnapshotHub(database, clock, CredentialSeal(MarketplaceSecret.of(bytes(32))))
    hub.listen_by(lambda: feed.is_deaf)
    try:
        await tell("one")
        await until(lambda: heard == ["one"])
        hub.check_hearing()
        stream = hub.stream()
        await anext(stream)
        (link.fall_silent if silently else link.cut)()
        await until(lambda: feed.is_deaf)
        async for _ in stream:
            pass  # it ends
        with pytest.raises(Unavailable):
            hub.check_hearing()
        await tell("two")
        link.mend()
        await until(lambda: not feed.is_deaf and heard == ["one", "two"])
        hub.check_hearing()
    finally:
        link.mend()
        await feed.close()

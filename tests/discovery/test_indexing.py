"""From publishing's news to what a search finds, through PostgreSQL and the outbox."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mercato.adapters.embedder_minilm import MiniLmEmbedder, ModelMissing
from mercato.adapters.search_embedded import EmbeddedSearchIndex
from mercato.discovery import (
    DocumentWriter,
    Filters,
    IndexKeeper,
    IndexQuery,
    Reembedding,
    Searching,
    Vector,
    unpack_vector,
)
from mercato.discovery.repository import ListingRepository
from mercato.identity import Caller
from mercato.platform import Clock, Database, Event, Ids, Outbox, OutboxFeed
from mercato.platform.outbox import Place
from mercato.publishing import Plan, Release, Service, ServiceChanged, ServiceReleased, ServiceWithdrawn
from mercato.publishing.models import Submission
from tests.conftest import People, TestClock
from tests.support.waiting import until


class CountingEmbedder(MiniLmEmbedder):
    """The real model, which also counts the texts that it was given."""

    seen = 0

    async def embed(self, texts: Any) -> list[Vector]:
        self.seen += len(texts)
        return await super().embed(texts)


class NoEmbedder(MiniLmEmbedder):
    """A machine on which the model is not installed."""

    async def embed(self, texts: Any) -> list[Vector]:
        raise ModelMissing("No model here.")


@dataclass
class Shop:
    """Puts services on the shelf as publishing does, with its news."""

    database: Database
    clock: Clock
    ids: Ids
    outbox: Outbox
    vendor: Caller

    async def release(self, name: str, title: str, summary: str) -> str:
        """A new listed service with one release and one plan; returns its id."""
        service_id, now = self.ids.new("svc"), self.clock.now()
        submission_id = self.ids.new("sbm")
        async with self.database.transaction() as session:
            session.add(
                Service(
                    id=service_id, vendor_id=self.vendor.organisation_id, name=name, title=title, summary=summary,
                    description="", protocol="openapi", task="other", paths="published", licence="MIT", tags=["one"],
                    modalities=["text"], regions=[], context_window=None, status="listed", latest_version="1.0.0",
                    created_at=now, updated_at=now,
                )
            )  # fmt: skip
            session.add(
                Submission(
                    id=submission_id, vendor_id=self.vendor.organisation_id, service_name=name, version="1.0.0",
                    manifest="", document=None, digest="", state="released", created_by=self.vendor.actor,
                    created_at=now, ended_at=now,
                )
            )  # fmt: skip
            await session.flush()
            session.add(
                Release(
                    id=self.ids.new("rel"), service_id=service_id, submission_id=submission_id, version="1.0.0",
                    manifest={}, document=None, document_digest=None,
                    operations=[{"method": "POST", "path": "/run", "operation_id": "runIt", "summary": "Run it"}],
                    released_at=now, status="live", status_reason="", status_at=now,
                )
            )  # fmt: skip
            session.add(
                Plan(
                    id=self.ids.new("pln"), service_id=service_id, name="payg", title="", currency="USD",
                    monthly_nanos=0, per_call_nanos=7_000, per_1k_input_nanos=0, per_1k_output_nanos=0,
                    included_unit=None, included=0, overage=True, limits=[], created_at=now, retired_at=None,
                )
            )  # fmt: skip
            await self.outbox.add(session, ServiceReleased(by="usr_1", service_id=service_id, release_id="rel_1"))
        return service_id

    async def change(self, service_id: str, **facts: Any) -> None:
        """Change what stands in the listing."""
        withdrawn = facts.get("status") == "withdrawn"
        async with self.database.transaction() as session:
            service = await session.get_one(Service, service_id)
            for name, value in facts.items():
                setattr(service, name, value)
            kind = ServiceWithdrawn if withdrawn else ServiceChanged
            await self.outbox.add(session, kind(by="usr_1", service_id=service_id))


@pytest.fixture
async def shop(database: Database, clock: TestClock, ids: Ids, outbox: Outbox, people: People) -> Shop:
    return Shop(database, clock, ids, outbox, await people.join("acme"))


@pytest.fixture
async def counting() -> AsyncIterator[CountingEmbedder]:
    embedder = CountingEmbedder()
    yield embedder
    embedder.close()


@pytest.fixture
async def fed(
    database: Database, clock: TestClock, outbox: Outbox, counting: CountingEmbedder, index: EmbeddedSearchIndex
) -> AsyncIterator[IndexKeeper]:
    """A worker and a process with an index, both hearing the outbox."""
    keeper = IndexKeeper(database, index, counting)
    feed = OutboxFeed(database)
    await feed.start([DocumentWriter(counting, clock, outbox).subscriber()], [keeper.subscriber()])
    await keeper.build()
    yield keeper
    await feed.close()


async def _titles(index: EmbeddedSearchIndex) -> list[str]:
    return sorted(hit.document.title for hit in (await index.search(IndexQuery(limit=50))).hits)


async def test_a_release_is_found_a_change_shows_and_a_withdrawal_ends_it(
    shop: Shop, fed: IndexKeeper, index: EmbeddedSearchIndex
) -> None:
    service_id = await shop.release("embedder", "Sentence vectors", "Turns sentences into vectors.")

    async def titled(*titles: str) -> bool:
        return await _titles(index) == list(titles)

    await until(lambda: titled("Sentence vectors"))
    document = (await index.search(IndexQuery("acme/embedder"))).hits[0].document
    assert (document.name, document.version, document.price_of_a_call("USD")) == ("acme/embedder", "1.0.0", 7_000)
    assert "runIt" in document.operations
    await shop.change(service_id, title="Better vectors")
    await until(lambda: titled("Better vectors"))
    await shop.change(service_id, status="withdrawn")
    await until(titled)
    await shop.change(service_id, status="listed")
    await until(lambda: titled("Better vectors"))


async def test_only_changed_words_are_embedded_again(
    shop: Shop, fed: IndexKeeper, index: EmbeddedSearchIndex, counting: CountingEmbedder
) -> None:
    service_id = await shop.release("one", "First title", "A summary of the service.")

    async def shows(**facts: object) -> bool:
        hits = (await index.search(IndexQuery())).hits
        return bool(hits) and all(getattr(hits[0].document, name) == value for name, value in facts.items())

    await until(lambda: shows(title="First title"))
    assert counting.seen == 1
    await shop.change(service_id, licence="Apache-2.0")
    await until(lambda: shows(licence="Apache-2.0"))
    assert counting.seen == 1
    await shop.change(service_id, title="Second title")
    await until(lambda: shows(title="Second title"))
    assert counting.seen == 2


async def test_the_same_news_twice_changes_nothing(
    shop: Shop, database: Database, clock: TestClock, outbox: Outbox, embedder: MiniLmEmbedder
) -> None:
    service_id = await shop.release("one", "First title", "A summary of the service.")
    writer = DocumentWriter(embedder, clock, outbox)
    news = [_changed(service_id)]
    async with database.transaction() as session:
        await writer.handle(session, news)
    clock.advance(timedelta(hours=1))
    async with database.transaction() as session:
        await writer.handle(session, news)
        row = (await ListingRepository(session).find_many([service_id]))[service_id]
        assert row.changed_at == clock.now() - timedelta(hours=1)


def _changed(service_id: str) -> Event[ServiceChanged]:
    return Event(Place(1, 1), ServiceChanged(by="usr_1", service_id=service_id), datetime.now(UTC))


async def test_an_index_is_built_from_the_rows_without_the_model(
    shop: Shop, fed: IndexKeeper, index: EmbeddedSearchIndex, database: Database, embedder: MiniLmEmbedder
) -> None:
    ids = [await shop.release(f"s{n}", f"Service {n}", "Something that is sold.") for n in range(5)]

    async def complete() -> bool:
        return len(await _titles(index)) == 5

    await until(complete)
    other = EmbeddedSearchIndex(dimensions=384)
    keeper = IndexKeeper(database, other, embedder)
    assert not keeper.is_ready()
    await keeper.build()
    assert keeper.is_ready()
    assert await other.find_digests(ids) == await index.find_digests(ids)
    async with database.transaction() as session:
        vector = unpack_vector((await ListingRepository(session).find_many(ids))[ids[3]].vector)
    hits = (await other.search(IndexQuery("zzzz", vector, explain=True))).hits
    assert hits[0].reasons is not None
    assert hits[0].reasons.similarity == pytest.approx(1.0, abs=1e-3)
    await other.close()


async def test_building_again_mends_what_news_did_not_bring(
    shop: Shop, database: Database, clock: TestClock, outbox: Outbox, embedder: MiniLmEmbedder,
    index: EmbeddedSearchIndex,
) -> None:  # fmt: skip
    kept, gone = [await shop.release(name, f"Title {name}", "Something that is sold.") for name in ("a", "b")]
    writer, keeper = DocumentWriter(embedder, clock, outbox), IndexKeeper(database, index, embedder)
    async with database.transaction() as session:
        await writer.handle(session, [_changed(kept), _changed(gone)])
    await keeper.build()
    assert await _titles(index) == ["Title a", "Title b"]
    await shop.change(kept, title="Title c")
    await shop.change(gone, status="withdrawn")
    async with database.transaction() as session:
        await writer.handle(session, [_changed(kept), _changed(gone)])
    await keeper.build()
    assert await _titles(index) == ["Title c"]


async def test_without_the_model_words_are_found_and_vectors_come_with_the_next_news(
    shop: Shop, database: Database, clock: TestClock, outbox: Outbox, embedder: MiniLmEmbedder,
    index: EmbeddedSearchIndex,
) -> None:  # fmt: skip
    service_id = await shop.release("one", "Sentence vectors", "Turns sentences into vectors.")
    bare, keeper = NoEmbedder(), IndexKeeper(database, index, embedder)
    async with database.transaction() as session:
        await DocumentWriter(bare, clock, outbox).handle(session, [_changed(service_id)])
    await keeper.build()
    page = await Searching(index, bare).search("sentences", Filters(), limit=5)
    assert page.answer.total == 1
    assert page.answer.hits[0].document.title == "Sentence vectors"
    async with database.transaction() as session:
        await DocumentWriter(embedder, clock, outbox).handle(session, [_changed(service_id)])
    await keeper.build()
    (vector,) = await embedder.embed(["embed text"])
    explained = (await index.search(IndexQuery("zzzz embed", vector, explain=True))).hits[0].reasons
    assert explained is not None
    assert explained.similarity is not None


class OlderEmbedder(MiniLmEmbedder):
    """The model before this one: its vectors are shorter and have another name."""

    name = "older/1"
    dimensions = 128

    async def embed(self, texts: Any) -> list[Vector]:
        return [vector[:128] for vector in await super().embed(texts)]


async def test_after_a_change_of_the_model_words_are_found_and_all_vectors_are_renewed(
    shop: Shop, database: Database, clock: TestClock, outbox: Outbox, embedder: MiniLmEmbedder,
    index: EmbeddedSearchIndex,
) -> None:  # fmt: skip
    ids = [await shop.release(f"s{n}", f"Sentence vectors {n}", "Turns sentences into vectors.") for n in range(40)]
    older = OlderEmbedder()
    async with database.transaction() as session:
        await DocumentWriter(older, clock, outbox).handle(session, [_changed(service_id) for service_id in ids])
    older.close()
    keeper = IndexKeeper(database, index, embedder)
    await keeper.build()
    (vector,) = await embedder.embed(["embed text"])
    between = await index.search(IndexQuery("sentences", vector, explain=True))
    assert between.total == 40
    assert all(hit.reasons and hit.reasons.similarity is None for hit in between.hits)
    reembedding = Reembedding(database, clock, outbox, embedder)
    assert await reembedding.catch_up() == 40
    assert await reembedding.catch_up() == 0
    await keeper.build()
    after = await index.search(IndexQuery("sentences", vector, explain=True))
    assert all(hit.reasons and hit.reasons.similarity is not None for hit in after.hits)


async def test_a_listing_that_changed_while_it_was_embedded_keeps_its_new_words(
    shop: Shop, database: Database, clock: TestClock, outbox: Outbox, embedder: MiniLmEmbedder
) -> None:
    service_id = await shop.release("one", "First title", "A summary of the service.")
    async with database.transaction() as session:
        await DocumentWriter(NoEmbedder(), clock, outbox).handle(session, [_changed(service_id)])

    class Slow(MiniLmEmbedder):
        async def embed(self, texts: Any) -> list[Vector]:
            await shop.change(service_id, title="Second title")
            async with database.transaction() as session:
                await DocumentWriter(embedder, clock, outbox).handle(session, [_changed(service_id)])
            return await super().embed(texts)

    assert await Reembedding(database, clock, outbox, Slow()).catch_up() == 0
    async with database.transaction() as session:
        row = (await ListingRepository(session).find_many([service_id]))[service_id]
    assert row.facts["title"] == "Second title"
    assert row.embedder == embedder.name

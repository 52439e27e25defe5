"""Services and the processes that feed and ask an index that all of them share."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from bench.judged import read_services
from mercato.adapters.embedder_minilm import MiniLmEmbedder
from mercato.adapters.opensearch_address import read_address
from mercato.adapters.search_opensearch import OpenSearchClient, OpenSearchIndex
from mercato.discovery import (
    DocumentChanged,
    FallingBack,
    IndexFeeder,
    IndexQuery,
    IndexUnavailable,
    ListingDocument,
    Searching,
    SharedIndexKeeper,
    pack_vector,
)
from mercato.discovery.models import ListingRow
from mercato.discovery.repository import ListingRepository
from mercato.platform import Database, Outbox, OutboxFeed
from tests.conftest import TestClock


def listings(count: int) -> list[ListingDocument]:
    """Real ones, with vectors that mean nothing."""
    random = np.random.default_rng(1)
    vectors = random.normal(size=(count, 384)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return [replace(one, vector=pack_vector(v)) for one, v in zip(read_services()[:count], vectors, strict=True)]


class Shelf:
    """Writes rows and their news, as the worker's writer of documents does."""

    def __init__(self, database: Database, clock: TestClock, outbox: Outbox, embedder: MiniLmEmbedder) -> None:
        self.database, self.clock, self.outbox, self.embedder = database, clock, outbox, embedder

    async def put(self, *documents: ListingDocument, withdrawn: bool = False) -> None:
        self.clock.advance(timedelta(seconds=1))
        async with self.database.transaction() as session:
            for one in documents:
                row = ListingRow(
                    service_id=one.service_id, facts=one.to_facts(), digest=one.digest(), embedder=self.embedder.name,
                    embedded_digest="", vector=one.vector, withdrawn=withdrawn, shape=1, changed_at=self.clock.now(),
                )  # fmt: skip
                await ListingRepository(session).save(row)
                await self.outbox.add(session, DocumentChanged(by="test", service_id=one.service_id))


@pytest.fixture
def shelf(database: Database, clock: TestClock, outbox: Outbox, embedder: MiniLmEmbedder) -> Shelf:
    return Shelf(database, clock, outbox, embedder)


def index_at(url: str, prefix: str = "mercato", authority: Path | None = None) -> OpenSearchIndex:
    address = read_address(f"{url}/{prefix}")
    return OpenSearchIndex(OpenSearchClient(address, authority), address.prefix, dimensions=384)


@asynccontextmanager
async def feeding(shelf: Shelf, index: OpenSearchIndex) -> AsyncIterator[None]:
    """One worker's feeder, until the block ends; then it dies without warning."""
    task = asyncio.create_task(IndexFeeder(shelf.database, shelf.outbox, index, shelf.embedder).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Replica:
    """One process that asks."""

    def __init__(self, shelf: Shelf, index: OpenSearchIndex) -> None:
        self.asked = FallingBack(index, shelf.database)
        self.keeper = SharedIndexKeeper(shelf.database, index, self.asked, shelf.embedder)
        self.searching = Searching(self.asked, shelf.embedder, lambda: self.keeper.state)
        self.clock = shelf.clock

    async def holds(self, count: int) -> bool:
        """Whether it answers whole, with so many listings."""
        answer = await self.asked.search(IndexQuery(limit=1))
        return self.keeper.state == "whole" and not answer.partial and answer.total == count

    def holding(self, count: int) -> Callable[[], Awaitable[bool]]:
        """`holds`, to be asked again and again."""
        return lambda: self.holds(count)

    async def agrees(self) -> bool:
        try:
            return (await self.keeper.compare(self.clock.now() + timedelta(minutes=1))).agrees
        except IndexUnavailable:
            return False


@asynccontextmanager
async def replica(shelf: Shelf, index: OpenSearchIndex) -> AsyncIterator[Replica]:
    """A process with its ear at the outbox, and its part opened as the app opens it."""
    one, feed = Replica(shelf, index), OutboxFeed(shelf.database)
    await feed.start([], [one.keeper.subscriber()])

    async def open_it() -> None:
        while True:
            try:
                await one.keeper.build()
            except IndexUnavailable:
                await asyncio.sleep(0.05)
            else:
                return

    opening = asyncio.create_task(open_it())
    try:
        yield one
    finally:
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
        await feed.close()

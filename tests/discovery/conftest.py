"""A small catalogue on the real engines."""

import json
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mercato.adapters.embedder_minilm import MiniLmEmbedder
from mercato.adapters.search_embedded import EmbeddedSearchIndex
from mercato.discovery import FACETS, IndexAnswer, IndexQuery, ListingDocument, PriceFact, pack_vector

FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)


def read_lines(name: str) -> list[dict[str, Any]]:
    """The rows of a JSON lines file beside this one."""
    return [json.loads(line) for line in (Path(__file__).parent / name).read_text("utf-8").splitlines()]


def _listing(number: int, row: dict[str, Any]) -> ListingDocument:
    price = row.pop("per_call_nanos")
    by_token = PriceFact("standard", per_1k_input_nanos=500_000)
    return ListingDocument(
        service_id=f"svc_{number:032x}",
        vendor=row["name"].split("/")[0],
        version="1.0.0",
        released_at=FIRST_DAY + timedelta(days=number),
        prices=(by_token if price is None else PriceFact("standard", per_call_nanos=price),),
        tags=tuple(row.pop("tags")),
        modalities=tuple(row.pop("modalities")),
        **row,
    )


@pytest.fixture(scope="session")
def embedder() -> Iterator[MiniLmEmbedder]:
    """The real model."""
    embedder = MiniLmEmbedder()
    yield embedder
    embedder.close()


@pytest.fixture(scope="session")
async def listings(embedder: MiniLmEmbedder) -> list[ListingDocument]:
    """The catalogue of `listings.jsonl`, newest last, with vectors."""
    bare = [_listing(number, row) for number, row in enumerate(read_lines("listings.jsonl"))]
    vectors = await embedder.embed([listing.text_to_embed() for listing in bare])
    return [replace(one, vector=pack_vector(vector)) for one, vector in zip(bare, vectors, strict=True)]


@pytest.fixture(scope="session")
async def shared_index(listings: list[ListingDocument]) -> AsyncIterator[EmbeddedSearchIndex]:
    """The catalogue, indexed once; for tests that only read."""
    index = EmbeddedSearchIndex(dimensions=384)
    await index.apply(listings)
    yield index
    await index.close()


@pytest.fixture
async def index() -> AsyncIterator[EmbeddedSearchIndex]:
    """An empty index of this test alone."""
    index = EmbeddedSearchIndex(dimensions=384)
    yield index
    await index.close()


Ask = Callable[..., Coroutine[Any, Any, IndexAnswer]]


@pytest.fixture(scope="session")
def ask(shared_index: EmbeddedSearchIndex, embedder: MiniLmEmbedder) -> Ask:
    """Ask the shared index as the use case does: with the vector of the words."""

    async def ask(text: str = "", **rest: Any) -> IndexAnswer:
        vector = (await embedder.embed([text]))[0] if any(map(str.isalnum, text)) else None
        return await shared_index.search(IndexQuery(text, vector, facets=FACETS, **rest))

    return ask

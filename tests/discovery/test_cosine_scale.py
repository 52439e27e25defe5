"""Floors and weights belong to one model's cosines: another model's are put on its scale, by what it makes of pairs."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from mercato.adapters.embedder_minilm import MiniLmEmbedder
from mercato.adapters.search_embedded import EmbeddedSearchIndex
from mercato.discovery import Filters, ListingDocument, Searching, Vector, measure_scale, pack_vector

from .conftest import read_lines

JUNK = ("qwertyuiop", "asdfghjkl", "zxcvb qwer", "xyzzy plugh")
"""Words of nothing; one letter from none that a listing has."""


class NarrowEmbedder(MiniLmEmbedder):
    """MiniLM's meanings with cosines between 0.5 and 1, as many models have them: half of every vector is the same."""

    dimensions = 385

    @property
    def name(self) -> str:
        return "narrow/1"

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        return [np.append(vector, np.float32(1)) / np.float32(np.sqrt(2)) for vector in await super().embed(texts)]


@pytest.fixture
async def narrow(listings: list[ListingDocument]) -> AsyncIterator[Searching]:
    """A search over the catalogue with such vectors."""
    embedder = NarrowEmbedder()
    vectors = await embedder.embed([listing.text_to_embed() for listing in listings])
    index = EmbeddedSearchIndex(dimensions=385)
    await index.apply([replace(one, vector=pack_vector(each)) for one, each in zip(listings, vectors, strict=True)])
    yield Searching(index, embedder)
    await index.close()
    embedder.close()


async def test_the_model_of_the_figures_measures_as_itself(embedder: MiniLmEmbedder) -> None:
    scale = await measure_scale(embedder)
    assert scale.factor == pytest.approx(1, abs=0.03)
    assert scale.shift == pytest.approx(0, abs=0.01)


async def test_a_model_of_high_cosines_is_put_on_the_same_scale(embedder: MiniLmEmbedder) -> None:
    narrow = NarrowEmbedder()
    scale = await measure_scale(narrow)
    a, b = await embedder.embed(["speech to text", "transcribes audio"])
    far, near = await narrow.embed(["speech to text", "transcribes audio"])
    assert float(far @ near) > 0.7
    assert scale.of(float(far @ near)) == pytest.approx(float(a @ b), abs=0.03)
    narrow.close()


async def test_a_model_that_tells_nothing_apart_is_left_as_it_is() -> None:
    class Same(MiniLmEmbedder):
        async def embed(self, texts: Sequence[str]) -> list[Vector]:
            return [np.full(384, 384**-0.5, np.float32)] * len(texts)

    same = Same()
    scale = await measure_scale(same)
    same.close()
    assert (scale.factor, scale.shift) == (1.0, 0.0)


async def test_what_fits_nothing_is_marked_whatever_the_model(narrow: Searching) -> None:
    for words in JUNK:
        answer = (await narrow.search(words, Filters(), limit=10)).answer
        assert answer.doubtful or not answer.hits, words


async def test_the_same_order_whatever_the_model(
    narrow: Searching, shared_index: EmbeddedSearchIndex, embedder: MiniLmEmbedder
) -> None:
    plain = Searching(shared_index, embedder)
    for judged in read_lines("judged.jsonl"):
        ours = (await narrow.search(judged["query"], Filters(), limit=5)).answer.hits
        theirs = (await plain.search(judged["query"], Filters(), limit=5)).answer.hits
        assert {hit.document.name for hit in ours[:3]} <= {hit.document.name for hit in theirs}, judged["query"]
        assert ours[0].score == pytest.approx(theirs[0].score, abs=0.03)

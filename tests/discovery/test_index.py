"""What is applied is what is found: replaced, removed, restored, while others search."""

import asyncio
import subprocess
import sys
from dataclasses import replace

import pytest

from mercato.adapters.embedder_minilm import MiniLmEmbedder, ModelMissing, locate
from mercato.adapters.search_embedded import EmbeddedSearchIndex
from mercato.discovery import Figures, IndexQuery, ListingDocument, pack_vector, unpack_vector


async def _names(index: EmbeddedSearchIndex, words: str = "") -> list[str]:
    return [hit.document.name for hit in (await index.search(IndexQuery(words, limit=50))).hits]


async def test_a_replaced_listing_is_found_once_by_its_new_words(
    index: EmbeddedSearchIndex, listings: list[ListingDocument]
) -> None:
    await index.apply(listings[:3])
    await index.apply([replace(listings[0], title="Zebra counter", summary="Counts zebras.", description="")])
    assert await _names(index, "zebra") == [listings[0].name]
    assert await _names(index, "clustering") == []
    assert len(await _names(index)) == 3


async def test_a_replaced_vector_is_found_by_its_new_meaning(
    index: EmbeddedSearchIndex, listings: list[ListingDocument]
) -> None:
    await index.apply(listings[:5])
    moved = replace(listings[0], vector=listings[20].vector)
    await index.apply([moved])
    answer = await index.search(IndexQuery("zzzz", unpack_vector(listings[20].vector), explain=True))
    assert answer.hits[0].document.name == moved.name
    assert answer.hits[0].reasons is not None
    assert answer.hits[0].reasons.similarity == pytest.approx(1.0, abs=1e-3)


async def test_a_removed_listing_is_gone_and_may_come_back(
    index: EmbeddedSearchIndex, listings: list[ListingDocument]
) -> None:
    await index.apply(listings[:2])
    await index.apply([], [listings[0].service_id, "svc_unknown"])
    assert await _names(index) == [listings[1].name]
    assert (await index.search(IndexQuery("x", unpack_vector(listings[0].vector)))).total <= 1
    await index.apply([listings[0]])
    assert len(await _names(index)) == 2


async def test_of_two_versions_in_one_batch_the_later_stays(
    index: EmbeddedSearchIndex, listings: list[ListingDocument]
) -> None:
    await index.apply([listings[0], replace(listings[0], version="2.0.0")])
    (hit,) = (await index.search(IndexQuery())).hits
    assert hit.document.version == "2.0.0"


async def test_what_is_added_and_removed_in_one_batch_is_gone(
    index: EmbeddedSearchIndex, listings: list[ListingDocument]
) -> None:
    await index.apply(listings[:2], [listings[0].service_id])
    assert await _names(index) == [listings[1].name]


async def test_a_vector_of_another_length_changes_nothing(
    index: EmbeddedSearchIndex, listings: list[ListingDocument]
) -> None:
    await index.apply(listings[:1])
    with pytest.raises(ValueError, match="768 dimensions"):
        await index.apply([listings[1], replace(listings[2], vector=listings[2].vector * 2)])
    assert await _names(index) == [listings[0].name]


async def test_a_listing_without_a_vector_is_found_by_its_words(
    index: EmbeddedSearchIndex, listings: list[ListingDocument]
) -> None:
    await index.apply([replace(listings[0], vector=b""), *listings[1:10]])
    query = IndexQuery("sentence embeddings", unpack_vector(listings[0].vector))
    assert listings[0].name in [hit.document.name for hit in (await index.search(query)).hits]


async def test_digests_tell_what_the_index_holds(index: EmbeddedSearchIndex, listings: list[ListingDocument]) -> None:
    await index.apply(listings[:2])
    asked = [listing.service_id for listing in listings[:3]]
    assert await index.find_digests(asked) == {one.service_id: one.digest() for one in listings[:2]}
    assert await index.find_digests([]) == {}


async def test_searches_go_on_while_listings_change(
    index: EmbeddedSearchIndex, listings: list[ListingDocument]
) -> None:
    """Each search sees every listing exactly once, whatever is replaced meanwhile."""
    await index.apply(listings)
    stop = asyncio.Event()

    async def search() -> int:
        count = 0
        while not stop.is_set():
            answer = await index.search(IndexQuery("text", unpack_vector(listings[count % 41].vector), limit=50))
            ids = [hit.document.service_id for hit in answer.hits]
            assert len(set(ids)) == len(ids)
            assert (await index.search(IndexQuery(limit=50))).total == len(listings)
            count += 1
        return count

    searchers = [asyncio.create_task(search()) for _ in range(4)]
    for round_number in range(15):
        await index.apply([replace(one, version=f"1.0.{round_number}") for one in listings[round_number::3]])
    stop.set()
    assert min(await asyncio.gather(*searchers)) > 0


async def test_equal_texts_give_equal_vectors_alone_or_in_a_batch(embedder: MiniLmEmbedder) -> None:
    texts = ["turn sentences into vectors", "a", "", "日本語 👍 \ud800", "word " * 3_000]
    together = await embedder.embed(texts)
    for text, vector in zip(texts, together, strict=True):
        (alone,) = await embedder.embed([text])
        assert alone.shape == (embedder.dimensions,)
        assert float(alone @ alone) == pytest.approx(1.0, abs=1e-5)
        assert float(alone @ vector) == pytest.approx(1.0, abs=1e-4)
    first, second = await embedder.embed([texts[0]]), await embedder.embed([texts[0]])
    assert pack_vector(first[0]) == pack_vector(second[0])


def test_a_missing_model_says_what_to_install() -> None:
    with pytest.raises(ModelMissing) as refusal:
        locate("no-such-model-package", "model.onnx")
    assert "requirements-models.lock" in refusal.value.fix


def test_the_engines_live_together_whichever_is_loaded_first() -> None:
    """usearch loaded before onnxruntime was a segmentation fault."""
    for order in (
        "import mercato.adapters.search_embedded, onnxruntime",
        "import onnxruntime, mercato.adapters.search_embedded",
    ):
        assert subprocess.run([sys.executable, "-c", order], check=False).returncode == 0


async def test_figures_and_names_of_an_older_index_are_never_shown(
    index: EmbeddedSearchIndex, listings: list[ListingDocument]
) -> None:
    await index.apply(listings[:3])
    for calls in (0, 120, 3_000):
        await index.apply([replace(listings[0], figures=Figures(calls=calls), title=f"Zebra {calls}")])
        for text in ("", "zebra"):
            found = {one.document.name: one.document for one in (await index.search(IndexQuery(text))).hits}
            assert found[listings[0].name].figures.calls == calls
        like = {one.document.name: one.document for one in await index.find_similar(listings[1].service_id, 5)}
        assert like[listings[0].name].title == f"Zebra {calls}"


async def test_words_that_are_no_words_are_not_remembered(
    index: EmbeddedSearchIndex, listings: list[ListingDocument]
) -> None:
    noise = " ".join(f"{number:x}" * 500 for number in range(10, 16))
    await index.apply([replace(listings[0], summary="Noise.", description=f"Zebra. {noise}.")])
    (hit,) = (await index.search(IndexQuery("zebra"))).hits
    assert hit.snippet.text == "Zebra."
    assert index._edition._search._known_stems.cache_info().currsize <= 2

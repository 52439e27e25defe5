"""Listings that not everybody sees, in the index itself: hits, counts, completions, likeness, and words."""

from dataclasses import replace

import pytest

from mercato.adapters.search_embedded import EmbeddedSearchIndex
from mercato.discovery import Filters, IndexQuery, ListingDocument, unpack_vector


@pytest.fixture
async def shelf(index: EmbeddedSearchIndex, listings: list[ListingDocument]) -> list[ListingDocument]:
    """Ten listings, of which the first is for its vendor and a friend only."""
    shelf = [replace(listings[0], title="Quokka counter", seen_by=("acme", "friend")), *listings[1:10]]
    await index.apply(shelf)
    return shelf


@pytest.mark.parametrize(("viewer", "sees"), [(None, False), ("stranger", False), ("*", False), ("friend", True)])
async def test_only_those_who_may_see_it_find_it(
    index: EmbeddedSearchIndex, shelf: list[ListingDocument], viewer: str | None, sees: bool
) -> None:
    private, vector = shelf[0], unpack_vector(shelf[0].vector)
    everything = await index.search(IndexQuery(limit=50, filters=Filters(viewer=viewer), facets=("vendor", "task")))
    assert everything.total == (10 if sees else 9)
    assert sum(count for _, count in everything.facets["task"]) == everything.total
    for text in ("quokka", private.name, "quok", "quokko counter", "turn sentences into vectors"):
        found = await index.search(IndexQuery(text, vector, Filters(viewer=viewer), limit=50))
        names = [hit.document.name for hit in found.hits]
        assert (private.name in names) is sees, text
        assert found.total <= everything.total
    assert bool(await index.suggest("quok", 5, viewer)) is sees
    assert bool(await index.find_similar(private.service_id, 5, viewer)) is sees
    like = await index.find_similar(shelf[1].service_id, 50, viewer)
    assert (private.service_id in [one.document.service_id for one in like]) is sees


async def test_a_word_that_only_a_private_listing_has_is_read_as_one_that_nobody_has(
    index: EmbeddedSearchIndex, shelf: list[ListingDocument]
) -> None:
    for words in ("quokka", "quokk"):
        for_all = await index.search(IndexQuery(f"clusterng {words}", explain=True))
        unknown = await index.search(IndexQuery("clusterng zzzzzz", explain=True))
        assert (for_all.corrected, for_all.doubtful) == (unknown.corrected, unknown.doubtful)
        assert [hit.document.name for hit in for_all.hits] == [hit.document.name for hit in unknown.hits]


async def test_a_listing_that_is_opened_or_closed_is_seen_so_at_once(
    index: EmbeddedSearchIndex, shelf: list[ListingDocument]
) -> None:
    await index.apply([replace(shelf[0], seen_by=())])
    assert (await index.search(IndexQuery("quokka"))).hits
    await index.apply([replace(shelf[0], seen_by=("acme",))])
    assert not [hit for hit in (await index.search(IndexQuery("quokka"))).hits if hit.document.name == shelf[0].name]
    assert (await index.search(IndexQuery())).total == 9

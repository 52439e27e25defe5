"""Words that very many listings have, in a catalogue that is large enough to have such words."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from mercato.adapters.search_embedded import EmbeddedSearchIndex
from mercato.discovery import Filters, IndexQuery, ListingDocument

COUNT = 1_300
FEW = {0: "Quokka", 1: "Quokka", 2: "Quokka", 3: "Quokka", 4: "Wombat", 5: "Wombat"}
PRIVATE = range(6, 10)


@pytest.fixture(scope="module")
async def large(listings: list[ListingDocument]) -> AsyncIterator[EmbeddedSearchIndex]:
    """Listings that all have `data` and `use`; four have `quokka`, two `wombat`, and four private ones `numbat`."""
    bare = replace(listings[0], description="", operations="", tags=(), task="other", vector=b"")
    shelf = [
        replace(
            bare, service_id=f"svc_{number:032x}", name=f"vendor-{number}/service-{number}", title=f"Number {number}",
            summary=f"Data for any use. {FEW.get(number, '')} {'Numbat' if number in PRIVATE else ''}",
            seen_by=("acme",) if number in PRIVATE else (),
        )
        for number in range(COUNT)
    ]  # fmt: skip
    index = EmbeddedSearchIndex(dimensions=384)
    await index.apply(shelf)
    yield index
    await index.close()


SEEN = COUNT - len(PRIVATE)


@pytest.mark.parametrize(
    ("words", "total"),
    [
        ("quokka data", 4),
        ("use the quokka data", 4),
        ("quokka data wombat", 6),
        ("data", SEEN),
        ("data use", SEEN),
        ("wombat data", SEEN),  # next to nothing would be left
        ("zzzzzz data", SEEN),
    ],
)
async def test_a_word_of_most_listings_finds_none_beside_one_of_few(
    large: EmbeddedSearchIndex, words: str, total: int
) -> None:
    found = await large.search(IndexQuery(words, facets=("status",), limit=200))
    assert found.total == total
    assert sum(count for _, count in found.facets["status"]) == total
    first = [hit.document.service_id for hit in found.hits][:6]
    rare = [number for number, word in FEW.items() if word.lower() in words]
    assert set(first[: len(rare)]) == {f"svc_{number:032x}" for number in rare}


async def test_a_common_word_still_counts_where_it_stands(large: EmbeddedSearchIndex) -> None:
    both = (await large.search(IndexQuery("quokka data", explain=True))).hits[0]
    one = (await large.search(IndexQuery("quokka", explain=True))).hits[0]
    assert both.reasons is not None
    assert one.reasons is not None
    assert (both.reasons.text_score or 0) > (one.reasons.text_score or 0)
    assert both.reasons.words == {"data": ("summary",), "quokka": ("summary",)}


async def test_a_word_of_private_listings_changes_nothing_for_others(large: EmbeddedSearchIndex) -> None:
    for viewer, total in ((None, SEEN), ("acme", len(PRIVATE))):
        found = await large.search(IndexQuery("numbat data", filters=Filters(viewer=viewer), limit=200))
        assert found.total == total
    assert {hit.document.seen_by for hit in found.hits[:4]} == {("acme",)}

"""Filters, facets, steps and sorts of the index against a plain loop over generated catalogues."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from hashlib import blake2b
from typing import Any

import pytest

from mercato.adapters.search_embedded import EmbeddedSearchIndex
from mercato.discovery import (
    FACETS,
    NUMBERS,
    FacetName,
    Figures,
    Filters,
    IndexQuery,
    ListingDocument,
    NumberName,
    PriceFact,
    Range,
    Sort,
)
from mercato_contracts.money import Currency
from tests.discovery.conftest import FIRST_DAY

_WORDS = ("weather", "speech", "legal", "vector", "chess")
_MODALITIES = ("text", "image", "audio", "video")


def _some(chance: random.Random, values: Sequence[str]) -> tuple[str, ...]:
    return tuple(chance.sample(values, chance.randrange(len(values))))


def _price(chance: random.Random) -> PriceFact:
    nanos = (0, 0, 100_000, 100_001, 1_000_000, 2_000_000_000)
    tokens = chance.random() < 0.4
    return PriceFact(
        f"plan-{chance.random()}",
        currency=chance.choice(("USD", "USD", "EUR")),
        monthly_nanos=chance.choice((0, 0, 10_000_000_000, 10_000_000_001)),
        per_call_nanos=chance.choice(nanos),
        per_1k_input_nanos=chance.choice(nanos) if tokens else 0,
        per_1k_output_nanos=chance.choice(nanos) if tokens else 0,
    )


def listing_of(chance: random.Random, number: int) -> ListingDocument:
    """Any listing; many share their numbers, so that ties are frequent."""
    maybe = chance.choice
    vendor = maybe(("acme", "globex", "initech"))
    return ListingDocument(
        service_id=f"svc_{number:032x}",
        name=f"{vendor}/service-{number}",
        title=f"{maybe(_WORDS)} {maybe(_WORDS)}",
        summary=maybe(_WORDS),
        vendor=vendor,
        protocol=maybe(("openai", "openapi")),
        task=maybe(("chat", "embeddings", "speech")),
        licence=maybe(("MIT", "Apache-2.0")),
        version="1.0.0",
        released_at=FIRST_DAY + timedelta(days=chance.randrange(4)),
        tags=_some(chance, ("fast", "small", "legal")),
        modalities=_some(chance, _MODALITIES) or ("text",),
        inputs=_some(chance, _MODALITIES) if number % 2 else (),
        outputs=_some(chance, _MODALITIES) if number % 2 else (),
        regions=_some(chance, ("eu", "us")),
        prices=tuple(_price(chance) for _ in range(chance.randrange(3))),
        context_window=maybe((None, 8_000, 7_999, 128_000, 2_000_000)),
        status=maybe(("live", "live", "deprecated")),
        verified=maybe((True, False)),
        figures=Figures(
            calls=maybe((0, 1, 1_000, 50_000)),
            consumers=maybe((0, 1, 12)),
            p95_ms=maybe((None, 0, 49, 50, 51, 900)),
            availability_bp=maybe((None, 9_899, 9_900, 10_000)),
            is_met=maybe((None, True, False)),
            rating=maybe((None, 100, 299, 300, 450, 500)),
        ),
    )


def _fits(listing: ListingDocument, filters: Filters) -> bool:
    facets, numbers = listing.facets(), listing.numbers(filters.currency)
    return all(
        not values or not set(values).isdisjoint(facets[name]) for name, values in filters.facets.items()
    ) and all(span.holds(numbers[name]) for name, span in filters.ranges.items())


def _key(listing: ListingDocument) -> int:
    return int.from_bytes(blake2b(listing.service_id.encode(), digest_size=8).digest(), "big")


def _in_order(listings: Sequence[ListingDocument], sort: Sort, filters: Filters) -> list[str]:
    def place(one: ListingDocument) -> tuple[bool, int, int]:
        value = one.numbers(filters.currency)[sort.by]
        return value is None, (-1 if sort.descending else 1) * (value or 0), _key(one)

    return [one.name for one in sorted(listings, key=place)]


def _counts(listings: Sequence[ListingDocument], filters: Filters, name: FacetName) -> dict[str, int]:
    under = [one for one in listings if _fits(one, filters.without(name))]
    return dict(Counter(value for one in under for value in set(one.facets()[name])))


def _steps(listings: Sequence[ListingDocument], filters: Filters, name: NumberName) -> list[tuple[int, int]]:
    values = [one.numbers(filters.currency)[name] for one in listings if _fits(one, filters.without(name))]
    known = [value for value in values if value is not None]
    low = NUMBERS[name].low_first
    return [(step, sum(value <= step if low else value >= step for value in known)) for step in NUMBERS[name].steps]


def filters_at_random(chance: random.Random, listings: Sequence[ListingDocument]) -> Filters:
    """A few filters with values that some listing has."""
    one, other = chance.choice(listings), chance.choice(listings)
    facets: dict[FacetName, tuple[str, ...]] = {}
    for name in chance.sample(FACETS, chance.randrange(4)):
        facets[name] = tuple({*one.facets()[name][:1], *other.facets()[name][:1]})
    currency: Currency = "EUR" if chance.random() < 0.3 else "USD"
    ranges: dict[NumberName, Range] = {}
    for number in chance.sample(list(NUMBERS), chance.randrange(3)):
        bounds = sorted(each.numbers(currency)[number] or 0 for each in (one, other))
        least, most = chance.choice(((bounds[0], None), (None, bounds[1]), (bounds[0], bounds[1])))
        ranges[number] = Range(least, most)
    return Filters(facets, ranges, currency)


@pytest.mark.parametrize("seed", range(4))
async def test_answers_are_those_of_a_plain_loop(seed: int, index: EmbeddedSearchIndex) -> None:
    chance = random.Random(seed)
    listings = [listing_of(chance, number) for number in range(chance.choice((1, 40, 180)))]
    await index.apply(listings)
    numbers = tuple(NUMBERS)
    for _ in range(40):
        filters = filters_at_random(chance, listings)
        sort = Sort(chance.choice(numbers), chance.choice((True, False)))
        fitting = [one for one in listings if _fits(one, filters)]
        query = IndexQuery("", None, filters, limit=7, facets=FACETS, sort=sort, steps=numbers)
        answer = await index.search(query)
        assert answer.total == len(fitting), filters
        for facet in FACETS:
            assert dict(answer.facets[facet]) == _counts(listings, filters, facet), (facet, filters)
        for number in numbers:
            assert list(answer.steps[number]) == _steps(listings, filters, number), (number, filters)
        assert await _walk(index, query) == _in_order(fitting, sort, filters), (sort, filters)


async def test_filters_and_sorts_hold_among_words(index: EmbeddedSearchIndex) -> None:
    chance = random.Random(11)
    listings = [listing_of(chance, number) for number in range(150)]
    await index.apply(listings)
    for _ in range(40):
        word, filters = chance.choice(_WORDS), filters_at_random(chance, listings)
        sort = Sort(chance.choice(tuple(NUMBERS)), chance.choice((True, False)))
        with_word = [one for one in listings if word in f"{one.title} {one.summary} {' '.join(one.tags)} {one.task}"]
        fitting = [one for one in with_word if _fits(one, filters)]
        query = IndexQuery(word, None, filters, limit=9, facets=FACETS, sort=sort)
        answer = await index.search(query)
        assert answer.total == len(fitting)
        for facet in FACETS:
            assert dict(answer.facets[facet]) == _counts(with_word, filters, facet), (facet, word, filters)
        found = await _walk(index, query)
        assert sorted(found) == sorted(one.name for one in fitting)
        by_name = {one.name: one.numbers(filters.currency)[sort.by] for one in listings}
        values = [value for value in (by_name[name] for name in found) if value is not None]
        assert values == sorted(values, reverse=sort.descending)
        assert all(by_name[name] is None for name in found[len(values) :])


@pytest.mark.parametrize("words", ["", "weather speech legal vector chess"])
async def test_pages_neither_repeat_nor_skip_while_the_index_moves(index: EmbeddedSearchIndex, words: str) -> None:
    chance = random.Random(3)
    listings = [listing_of(chance, number) for number in range(120)]
    await index.apply(listings)
    seen: list[str] = []
    after: str | None = None
    touched: set[str] = set()
    for round_ in range(100):
        answer = await index.search(IndexQuery(words, limit=8, after=after))
        seen += [hit.document.name for hit in answer.hits]
        after = answer.next
        if after is None:
            break
        new = listing_of(chance, 1_000 + round_)
        gone = chance.choice([one for one in listings if one.name not in touched])
        touched |= {new.name, gone.name}
        await index.apply([replace(new, title=words or "new")], [gone.service_id])
    assert len(seen) == len(set(seen))
    assert {one.name for one in listings} - touched <= set(seen)


async def _walk(index: EmbeddedSearchIndex, query: IndexQuery) -> list[str]:
    found: list[str] = []
    asked: Any = query
    while True:
        answer = await index.search(replace(asked, facets=(), steps=()))
        found += [hit.document.name for hit in answer.hits]
        if answer.next is None:
            return found
        asked = replace(asked, after=answer.next)

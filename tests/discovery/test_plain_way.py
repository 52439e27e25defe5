"""Searching does only what a query needs; whatever it leaves out, the answer is that of the plain way."""

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
import tantivy

from mercato.adapters.search_embedded import (
    TEXT_WEIGHTS,
    EmbeddedSearchIndex,
    Tuning,
    exact_form,
    new_analyzer,
    question,
    ranks,
    searched_words,
    whole_forms,
)
from mercato.adapters.search_embedded.schema import new_schema, to_tantivy
from mercato.adapters.search_embedded.vectors import to_floats
from mercato.adapters.search_embedded.words import ANALYZER, query_words
from mercato.discovery import (
    FACETS,
    FacetName,
    Filters,
    IndexQuery,
    ListingDocument,
    PriceFact,
    Range,
    pack_vector,
    unpack_vector,
)
from mercato.discovery.document import Vector

_COUNT = 1_200
"""More than the thousand from which on a word is common."""

_DIMENSIONS = 8
_WITH_VECTORS = 120
_WORDS = ("data", "image", "speech", "translate", "forecast", "weather", "finance", "vision", "code", "legal", "music")
_COMMON, _RARE = "service", ("quasar", "zeppelin", "obsidian")
_ANALYZER = new_analyzer()


def _vector(choose: random.Random) -> Vector:
    row = np.array([choose.gauss(0, 1) for _ in range(_DIMENSIONS)], np.float32)
    return np.asarray(row / np.linalg.norm(row), np.float32)


def _listing(number: int, choose: random.Random) -> ListingDocument:
    drawn = choose.sample(_WORDS, 3)
    drawn += [choose.choice(_RARE)] if number % 90 == 0 else []
    vendor = f"vendor-{number % 30}"
    return ListingDocument(
        service_id=f"svc_{number:032x}",
        name=f"{vendor}/{drawn[0]}-{number}",
        title=" ".join(drawn[:2]).title(),
        summary=" ".join(choose.sample(drawn, 3)),
        vendor=vendor,
        protocol=choose.choice(("openai", "openapi")),
        task=choose.choice(("chat", "vision", "data")),
        licence=choose.choice(("MIT", "Apache-2.0")),
        version="1.0.0",
        released_at=datetime(2026, 1, 1, tzinfo=UTC),
        description=" ".join([_COMMON if number % 12 else "tool", *choose.choices(_WORDS, k=choose.randrange(9))]),
        tags=tuple(choose.sample(("nlp", "audio", "geo", "health"), 2)),
        prices=(PriceFact("standard", per_call_nanos=choose.randrange(100)),),
        seen_by=("acme",) if number % 13 == 0 else (),
        vector=pack_vector(_vector(choose)) if number < _WITH_VECTORS else b"",
    )


def _listings(*, private: bool) -> list[ListingDocument]:
    choose = random.Random(8)
    all_of_them = [_listing(number, choose) for number in range(_COUNT)]
    return all_of_them if private else [replace(one, seen_by=()) for one in all_of_them]


def _queries() -> list[str]:
    choose = random.Random(4)
    known = [*_WORDS, _COMMON, *_RARE]
    several = [" ".join(choose.sample(known, choose.randrange(1, 6))) for _ in range(25)]
    return [*several, "quasar nosuchword image one two three", "data-10", "tool"]


class _Plain:
    """Looks at every listing that the viewer sees."""

    def __init__(self, listings: Sequence[ListingDocument], viewer: str | None) -> None:
        self.seen = [one for one in listings if one.is_seen_by(viewer)]
        self._facets = {one.service_id: one.facets() for one in self.seen}
        self._stems = {one.service_id: self._read(one) for one in self.seen}
        self._names = {one.service_id: whole_forms(one)["exact"] for one in self.seen}
        having = Counter((field, word) for one in self._stems.values() for field in one for word in one[field])
        self._having = {word: max(having[field, word] for field in TEXT_WEIGHTS) for _, word in having}

    @staticmethod
    def _read(listing: ListingDocument) -> dict[str, set[str]]:
        return {field: set(_ANALYZER.analyze(text)) for field, text in searched_words(listing).items()}

    def matching(self, text: str, vector: Vector | None, filters: Filters) -> list[ListingDocument]:
        """What matches, whatever the filters; where words and meaning find next to nothing that passes these, only that
        counts which is near in meaning and passes them.
        """
        telling, name = self._telling(query_words(text, _ANALYZER).all), exact_form(text)
        named = [one for one in self.seen if self._says(one, telling)]
        near = [one for one in self.seen if self._is_near(one, vector)]
        few = len(self.passing(named, filters)) < Tuning.THIN and len(self.passing(near, filters)) < Tuning.THIN
        found = {one.service_id for one in (*named, *(self.passing(near, filters) if few else near))}
        return [one for one in self.seen if one.service_id in found or name in self._names[one.service_id]]

    def _says(self, one: ListingDocument, words: set[str]) -> bool:
        return any(not words.isdisjoint(stems) for stems in self._stems[one.service_id].values())

    def _telling(self, words: Iterable[str]) -> set[str]:
        """The words that find: those that few listings have, beside some that very many have."""
        having = {word: self._having.get(word, 0) for word in words}
        few = {word for word, count in having.items() if 0 < count <= Tuning.COMMON_FROM}
        return few if sum(having[word] for word in few) >= Tuning.THIN else set(having)

    @staticmethod
    def _is_near(one: ListingDocument, vector: Vector | None) -> bool:
        if vector is None or not one.vector:
            return False
        return float(unpack_vector(one.vector) @ vector) >= Tuning.LEAST_COSINE

    def passing(self, listings: Sequence[ListingDocument], filters: Filters) -> list[ListingDocument]:
        return [
            one
            for one in listings
            if all(set(wanted) & set(self._facets[one.service_id][facet]) for facet, wanted in filters.facets.items())
            and all(_in(one.price_of_a_call("USD"), span) for span in filters.ranges.values())
        ]

    def count(self, listings: Sequence[ListingDocument], filters: Filters) -> dict[str, tuple[tuple[str, int], ...]]:
        """Of each facet as if it were not filtered by."""
        passing = self.passing(listings, filters)
        return {facet: self._count(facet, passing, listings, filters) for facet in FACETS}

    def _count(
        self,
        facet: FacetName,
        passing: Sequence[ListingDocument],
        listings: Sequence[ListingDocument],
        filters: Filters,
    ) -> tuple[tuple[str, int], ...]:
        rest = self.passing(listings, filters.without(facet)) if facet in filters.facets else passing
        values = Counter(value for one in rest for value in set(self._facets[one.service_id][facet]))
        return tuple(sorted(values.items(), key=lambda pair: (-pair[1], pair[0])))


def _in(price: int | None, span: Range) -> bool:
    return price is not None and (span.most is None or price <= span.most)


_FILTERS = (
    Filters(),
    Filters({"protocol": ("openai",)}),
    Filters({"licence": ("MIT",), "tag": ("nlp", "geo")}, {"price_per_call": Range(most=60)}),
    Filters({"vendor": ("vendor-3",)}),
)


@pytest.mark.parametrize("private", [False, True], ids=["public", "some private"])
async def test_totals_and_counts_are_those_of_looking_at_every_listing(*, private: bool) -> None:
    index, listings = EmbeddedSearchIndex(dimensions=_DIMENSIONS), _listings(private=private)
    # What was read of the index before a change must not be shown of it afterwards.
    await index.apply([replace(one, title="before the change", seen_by=()) for one in listings[:800]])
    await index.search(IndexQuery("before the change image data", facets=FACETS))
    await index.apply(listings)
    for viewer in (None, "acme") if private else (None,):
        plain, choose = _Plain(listings, viewer), random.Random(6)
        for text in _queries():
            vector = choose.choice((None, _vector(choose)))
            for filters in (replace(each, viewer=viewer) for each in _FILTERS):
                matching = plain.matching(text, vector, filters)
                answer = await index.search(IndexQuery(text, vector, filters, facets=FACETS))
                assert answer.total == len(plain.passing(matching, filters)), (text, filters)
                assert answer.facets == plain.count(matching, filters), (text, filters)
                assert all(hit.document.is_seen_by(viewer) for hit in answer.hits)
    await index.close()


def test_words_find_the_same_with_the_same_scores_as_when_every_word_is_looked_up_in_every_field() -> None:
    schema = new_schema()
    index = tantivy.Index(schema)
    index.register_tokenizer(ANALYZER, _ANALYZER)
    writer = index.writer(15_000_000, 1)
    for number, listing in enumerate(_listings(private=False)):
        writer.add_document(to_tantivy(listing))
        if number % 500 == 0:
            writer.commit()
    writer.commit()
    index.reload()
    searcher = index.searcher()
    for text in _queries():
        words = query_words(text, _ANALYZER).all
        scored, counted = question.any_telling_word(
            schema, searcher, words, None, lambda word: question.read_having(searcher, word)
        )
        common = [word for word in words if word == "servic"]
        telling = [word for word in words if word not in common]
        plain = _plainly(schema, words)
        if telling and common:
            both = [(tantivy.Occur.Must, _plainly(schema, telling)), (tantivy.Occur.Should, _plainly(schema, common))]
            plain = tantivy.Query.boolean_query(both)
        wanted = _scores(searcher.search(plain, _COUNT))
        # Sums of the same numbers in another order: their last bits may differ.
        assert _scores(searcher.search(scored, _COUNT)) == pytest.approx(wanted, rel=1e-6), text
        assert question.total(searcher.search(counted, 1)) == len(wanted), text


def _plainly(schema: tantivy.Schema, words: Sequence[str]) -> tantivy.Query:
    def of(word: str) -> tantivy.Query:
        fields = [
            tantivy.Query.boost_query(tantivy.Query.term_query(schema, field, word), weight)
            for field, weight in TEXT_WEIGHTS.items()
        ]
        return tantivy.Query.disjunction_max_query(fields, Tuning.TIE)

    return question.either(map(of, words))


def _scores(found: tantivy.SearchResult) -> dict[tuple[int, int], float]:
    return {(address.segment_ord, address.doc): float(score) for score, address in found.hits}


def test_halves_are_the_same_numbers_as_floats() -> None:
    halves = np.arange(2**16, dtype=np.uint16).view(np.float16)
    finite = halves[np.isfinite(halves)]
    assert np.array_equal(to_floats(finite).view(np.uint32), finite.astype(np.float32).view(np.uint32))


def test_ranks_are_those_of_sorting_by_score_and_then_by_key() -> None:
    choose = random.Random(1)
    scores = {choose.getrandbits(64): choose.choice((0.0, -0.0, 0.25, choose.random())) for _ in range(500)}
    plain = sorted(scores, key=lambda key: (-scores[key], key))
    assert ranks(scores) == {key: rank for rank, key in enumerate(plain, start=1)}
    assert list(ranks(scores)) == plain

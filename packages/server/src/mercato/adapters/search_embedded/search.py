"""One search: find by words and by meaning, rank, cut the page, count, explain."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from math import inf

import tantivy

from mercato.adapters.search_embedded import question
from mercato.adapters.search_embedded.asking import Asked, find_fitting, read_query
from mercato.adapters.search_embedded.counting import Counting, FacetCounts, StepCounts
from mercato.adapters.search_embedded.cursors import cut, read_place, write_place
from mercato.adapters.search_embedded.explaining import explain, is_doubtful, with_words
from mercato.adapters.search_embedded.numbers import Ordered, Place, sorted_by
from mercato.adapters.search_embedded.ranking import Found, Ranking, ranks
from mercato.adapters.search_embedded.remembered import Remembered, RememberedListings
from mercato.adapters.search_embedded.schema import count_private, keys_of
from mercato.adapters.search_embedded.similar import Shelf, similar
from mercato.adapters.search_embedded.snippets import choose_snippet, open_snippet, read_passages
from mercato.adapters.search_embedded.standing import refine, stand
from mercato.adapters.search_embedded.tuning import Tuning
from mercato.adapters.search_embedded.vectors import Vectors
from mercato.adapters.search_embedded.words import exact_form, loose_form, new_analyzer, spaced
from mercato.discovery import REACH, Filters, Hit, IndexAnswer, IndexQuery, Likeness, ListingDocument, Sort

_NEWEST = Sort("released", descending=True)
_LONGEST_REMEMBERED = 40
_LISTINGS = 4_096
_WORDS = 16_384


@dataclass(slots=True)
class _Findings:
    """What one query found. `matching` finds the same listings without filters; addresses are tantivy's, by key."""

    found: Found
    matching: tantivy.Query
    misspelt: frozenset[int]
    addresses: dict[int, tantivy.DocAddress]
    generation: int
    names: frozenset[int] = frozenset()
    named: frozenset[int] = frozenset()
    known_share: float = 1.0


class Search:
    """Answers queries on a snapshot of the text index; safe to use from several threads."""

    def __init__(self, schema: tantivy.Schema, vectors: Vectors, ranking: Ranking, priors: Mapping[int, float]) -> None:
        self._priors = priors
        self._schema = schema
        self._vectors = vectors
        self._ranking = ranking
        self._analyzer = new_analyzer()
        self._known_stems = lru_cache(maxsize=65_536)(self._stems_of)
        self._remembered = RememberedListings(_LISTINGS)
        self._having: Remembered[str, Mapping[str, int]] = Remembered(_WORDS)

    def run(self, searcher: tantivy.Searcher, query: IndexQuery, generation: int) -> IndexAnswer:
        """The answer to `query` from what this searcher sees; searchers of one generation see the same."""
        if not query.text.strip():
            return self._newest(searcher, query, generation)
        asked = read_query(query, self._analyzer)
        if asked is None:
            return IndexAnswer((), 0, dict.fromkeys(query.facets, ()))
        query, words = asked.query, asked.words
        findings = self._find(searcher, asked, generation)
        total, facets, steps = self._count(searcher, findings.matching, query)
        hits, following = self._page(searcher, query, findings, frozenset(words.all))
        doubtful = bool(hits) and not query.also and not findings.named
        doubtful = doubtful and is_doubtful(findings.found, findings.known_share)
        return IndexAnswer(hits, total, facets, bool(findings.misspelt), following, steps, doubtful)

    def find_similar(
        self, searcher: tantivy.Searcher, service_id: str, limit: int, viewer: str | None, generation: int
    ) -> tuple[Likeness, ...]:
        """The listings that are most like this one; none where the index does not hold it for this viewer."""
        return similar(
            Shelf(self._schema, searcher, self._remembered, generation, viewer), self._vectors, service_id, limit
        )

    def read(
        self, searcher: tantivy.Searcher, addresses: list[tantivy.DocAddress], generation: int
    ) -> list[ListingDocument]:
        """The listings at these addresses, in their order."""
        placed = zip(keys_of(searcher, addresses), addresses, strict=True)
        return [self._remembered.at(searcher, generation, key, address).listing for key, address in placed]

    def _find(self, searcher: tantivy.Searcher, asked: Asked, generation: int) -> _Findings:
        query, words = asked.query, asked.words
        addresses: dict[int, tantivy.DocAddress] = {}
        exact_query = question.exact_name(self._schema, exact_form(query.text))
        exact = self._top(searcher, exact_query, query.filters, addresses)
        having = self._fields_having(searcher, generation)
        word_query, unscored = self._ask_words(searcher, asked, having)
        text = self._top(searcher, word_query, query.filters, addresses)
        matching = [exact_query, unscored]
        misspelt: frozenset[int] = frozenset()
        unknown = (
            question.unknown_words(self._schema, searcher, asked.doubtful, query.filters.viewer, having)
            if asked.needs_guesses(len(text))
            else []
        )
        begun = [word for word in unknown if self._begins_some(searcher, word, query.filters.viewer)]
        wrong = [word for word in unknown if word not in begun]
        if unknown and not exact:
            right = frozenset(text)
            guesses = [question.any_misspelling(self._schema, wrong), question.begun_words(self._schema, begun)]
            matching += guesses
            weighed = [question.weighing(each, Tuning.GUESSED) for each in guesses]
            text = self._top(searcher, question.either([word_query, *weighed]), query.filters, addresses)
            misspelt = frozenset(text) - right if wrong else misspelt
        by_name = question.named(self._schema, words.plain, wrong, begun, having)
        named = self._named(searcher, query, by_name, addresses) if asked.is_name_like else {}
        floor, thin = asked.least_cosine(unknown), len(text) < Tuning.THIN
        cosine, near_query = self._near(searcher, query, floor, {*text, *exact}, addresses, thin=thin)
        if query.vector is not None:
            others = [key for key in (*text, *exact) if key not in cosine]
            cosine |= _above(self._vectors.compare(query.vector, others), query)
        found, all_matching = Found(exact, text, cosine), question.either([*matching, near_query])
        names = self._names(searcher, query, addresses) if exact else {}
        share = asked.known_share(unknown)
        return _Findings(
            found, all_matching, misspelt, addresses, generation, frozenset(names), frozenset(named), share
        )

    def _fields_having(self, searcher: tantivy.Searcher, generation: int) -> question.Having:
        """One query asks for each of its words several times."""
        return cache(lambda word: self._having.get(generation, word, lambda: question.read_having(searcher, word)))

    def _ask_words(
        self, searcher: tantivy.Searcher, asked: Asked, having: question.Having
    ) -> tuple[tantivy.Query, tantivy.Query]:
        """What the query says, and what it means in other words: with scores, and without."""
        viewer = asked.query.filters.viewer
        scored, unscored = question.any_telling_word(self._schema, searcher, asked.words.all, viewer, having)
        if not asked.also:
            return scored, unscored
        also, unscored_also = question.any_telling_word(self._schema, searcher, asked.also, viewer, having)
        weighed = question.weighing(also, Tuning.OTHER_WORDS)
        return question.either([scored, weighed]), question.either([unscored, unscored_also])

    def _names(
        self, searcher: tantivy.Searcher, query: IndexQuery, addresses: dict[int, tantivy.DocAddress]
    ) -> dict[int, float]:
        asked = question.exact_name(self._schema, exact_form(query.text), "exact_name")
        return self._top(searcher, asked, query.filters, addresses)

    def _named(
        self, searcher: tantivy.Searcher, query: IndexQuery, named: tantivy.Query,
        addresses: dict[int, tantivy.DocAddress],
    ) -> dict[int, float]:  # fmt: skip
        """Listings of this name in whichever way it is written: in one word, or with other signs between its parts;
        where there are none, those that the query names.
        """
        loose = question.exact_name(self._schema, loose_form(query.text), "loose")
        return self._top(searcher, loose, query.filters, addresses) or self._top(
            searcher, named, query.filters, addresses
        )

    def _begins_some(self, searcher: tantivy.Searcher, word: str, viewer: str | None) -> bool:
        begun = question.begun_words(self._schema, [word])
        seen = question.filtered(self._schema, searcher, begun, Filters(viewer=viewer))
        return bool(searcher.search(seen, 1, count=False).hits)

    def _near(
        self, searcher: tantivy.Searcher, query: IndexQuery, floor: float, found: Collection[int],
        addresses: dict[int, tantivy.DocAddress], *, thin: bool,
    ) -> tuple[dict[int, float], tantivy.Query]:  # fmt: skip
        """Cosines of the nearest listings that pass the filters, and the query that finds all nearest ones but those
        that were `found` by words.

        The nearest are chosen before the filters, so that a facet's count says what choosing it will give; only where
        that leaves next to nothing are they looked for among what passes the filters.
        """
        if query.vector is None:
            return {}, tantivy.Query.empty_query()
        nearest = _above(self._vectors.nearest(query.vector, Tuning.NEIGHBOURS), query, floor)
        near_query = self._unless_found(nearest, found)
        if not query.filters.narrow and not count_private(searcher):
            # All of them pass; the addresses of those that are shown are looked for then.
            return nearest, near_query
        passing = self._top(searcher, near_query, query.filters, addresses)
        if thin and len(passing) + sum(key in nearest for key in found) < Tuning.THIN:
            nearest = _above(self._nearest_under(searcher, query), query, floor)
            near_query = self._unless_found(nearest, found)
            passing = self._top(searcher, near_query, query.filters, addresses)
        return {key: cosine for key, cosine in nearest.items() if key in passing or key in found}, near_query

    def _unless_found(self, keys: Collection[int], found: Collection[int]) -> tantivy.Query:
        """Looking up a key costs as much as scoring several listings, so none that is found anyway is asked for."""
        return question.among(self._schema, [key for key in keys if key not in found])

    def _nearest_under(self, searcher: tantivy.Searcher, query: IndexQuery) -> dict[int, float]:
        """The nearest listings among those that the filters leave: exact while these are few."""
        assert query.vector is not None
        under = question.filtered(self._schema, searcher, tantivy.Query.all_query(), query.filters)
        left = searcher.search(under, Tuning.COMPARED_ONE_BY_ONE)
        if question.total(left) > Tuning.COMPARED_ONE_BY_ONE:
            return self._vectors.nearest(query.vector, 10 * Tuning.NEIGHBOURS)
        keys = keys_of(searcher, [address for _, address in left.hits])
        return dict(list(self._vectors.compare(query.vector, keys).items())[: Tuning.NEIGHBOURS])

    def _top(
        self,
        searcher: tantivy.Searcher,
        query: tantivy.Query,
        filters: Filters,
        addresses: dict[int, tantivy.DocAddress],
    ) -> dict[int, float]:
        """Scores of the best `REACH` listings by key; their addresses are noted."""
        hits = searcher.search(question.filtered(self._schema, searcher, query, filters), REACH, count=False).hits
        keys = keys_of(searcher, [address for _, address in hits])
        addresses.update(zip(keys, (address for _, address in hits), strict=True))
        return {key: float(score) for key, (score, _) in zip(keys, hits, strict=True)}

    def _page(
        self, searcher: tantivy.Searcher, query: IndexQuery, findings: _Findings, words: frozenset[str]
    ) -> tuple[tuple[Hit, ...], str | None]:
        found = findings.found
        scores = stand(self._ranking.score(found), found.exact, findings.names, findings.named, self._priors)
        called = {*found.exact, *findings.named}

        def read(key: int) -> ListingDocument:
            return self._remembered.at(searcher, findings.generation, key, findings.addresses[key]).listing

        refine(scores, called, words, read)
        order = list(ranks(scores))[:REACH]
        if query.sort is not None:
            addressed = [(key, findings.addresses[key]) for key in self._placed(searcher, order, findings.addresses)]
            fitting = find_fitting(order, scores, query)
            order = [
                *sorted_by(searcher, query.sort, query.filters.currency, [a for a in addressed if a[0] in fitting]),
                *(key for key, _ in addressed if key not in fitting),
            ]
        page, following = cut(order, query)
        reasons = explain(findings.found, findings.misspelt) if query.explain else {}
        hits = []
        for key in self._placed(searcher, page, findings.addresses):
            shown = self._remembered.at(searcher, findings.generation, key, findings.addresses[key])
            shown.passages = shown.passages or read_passages(shown.listing, self._stems)
            snippet = choose_snippet(shown.passages, words, self._stems)
            reason = with_words(reasons[key], shown.listing, words, self._analyzer) if key in reasons else None
            hits.append(Hit(shown.listing, scores[key], snippet, reason))
        return tuple(hits), following

    def _placed(
        self, searcher: tantivy.Searcher, keys: list[int], addresses: dict[int, tantivy.DocAddress]
    ) -> list[int]:
        """Those of the keys that the text index has, which all have but those whose words are on their way; their
        addresses are noted.
        """
        missing = [key for key in keys if key not in addresses]
        if missing:
            hits = searcher.search(question.among(self._schema, missing), len(missing), count=False).hits
            found = [address for _, address in hits]
            addresses.update(zip(keys_of(searcher, found), found, strict=True))
        return [key for key in keys if key in addresses]

    def _newest(self, searcher: tantivy.Searcher, query: IndexQuery, generation: int) -> IndexAnswer:
        """Without words: everything that passes the filters, the newest first or as it is sorted, then by key."""
        everything = tantivy.Query.all_query()
        under = question.filtered(self._schema, searcher, everything, query.filters)
        sort = query.sort or _NEWEST
        after = None if query.after is None else read_place(query.after)
        wanted = query.limit if after else max(0, min(REACH, query.offset + query.limit) - query.offset)
        ordered = Ordered(self._schema, searcher, under, sort, query.filters.currency)
        rows = ordered.page(after, wanted if after else query.offset + wanted)[0 if after else query.offset :]
        listings = [(value, self._remembered.at(searcher, generation, key, at).listing) for value, key, at in rows]
        hits = tuple(Hit(one, float(value), open_snippet(one)) for value, one in listings)
        total, facets, steps = self._count(searcher, everything, query)
        following = write_place(Place(*rows[-1][:2])) if rows and len(rows) == wanted else None
        return IndexAnswer(hits, total, facets, next=following, steps=steps)

    def _count(
        self, searcher: tantivy.Searcher, matching: tantivy.Query, query: IndexQuery
    ) -> tuple[int, FacetCounts, StepCounts]:
        """How many match, and the counts of facets and steps; what is filtered by needs a count of its own."""
        facets, ranges = query.filters.facets, query.filters.ranges
        chosen = [name for name in query.facets if facets.get(name)]
        narrowed = [name for name in query.steps if name in ranges]
        others = [name for name in query.facets if name not in chosen]
        free = [name for name in query.steps if name not in narrowed]
        counting = Counting(searcher, query.filters.currency, Tuning.MAX_FACET_VALUES)
        total, counts, steps = counting.count(
            question.filtered(self._schema, searcher, matching, query.filters), others, free
        )
        for facet in chosen:
            own = question.filtered(self._schema, searcher, matching, query.filters.without(facet))
            counts |= counting.count(own, [facet])[1]
        for number in narrowed:
            own = question.filtered(self._schema, searcher, matching, query.filters.without(number))
            steps |= counting.count(own, [], [number])[2]
        return total, {name: counts[name] for name in query.facets}, {name: steps[name] for name in query.steps}

    def _stems(self, word: str) -> frozenset[str]:
        # A word's stems never change; only a text that is no text has words so long that they are not worth the room.
        return self._known_stems(word) if len(word) <= _LONGEST_REMEMBERED else self._stems_of(word)

    def _stems_of(self, word: str) -> frozenset[str]:
        return frozenset(self._analyzer.analyze(spaced(word)))


def _above(cosines: Mapping[int, float], query: IndexQuery, floor: float = -inf) -> dict[int, float]:
    """Those that reach the floor, on the scale of floors and weights."""
    of = query.scale.of
    return {key: scaled for key, cosine in cosines.items() if (scaled := of(cosine)) >= floor}

"""One search in three or four requests: find by words and by meaning, rank as the embedded engine does, count, show."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mercato.adapters.search_embedded import (
    Asked,
    Found,
    Tuning,
    Weighted,
    choose_snippet,
    cut,
    exact_form,
    explain,
    facet_field,
    field_of,
    find_fitting,
    is_doubtful,
    key_of,
    loose_form,
    new_analyzer,
    ranks,
    read_passages,
    read_query,
    read_steps,
    refine,
    spaced,
    stand,
    step_counts,
    with_words,
)
from mercato.adapters.search_opensearch import question
from mercato.adapters.search_opensearch.client import OpenSearchClient
from mercato.adapters.search_opensearch.mapping import PRIOR, from_fields
from mercato.adapters.search_opensearch.question import Clause
from mercato.discovery import REACH, FacetName, Filters, Hit, IndexAnswer, IndexQuery, ListingDocument, NumberName

Counts = tuple[int, dict[FacetName, tuple[tuple[str, int], ...]], dict[NumberName, tuple[tuple[int, int], ...]]]
_SPARE = 20
"""Listings fetched beyond a page, so that those which move up when names are compared are there too."""

_CALLED = 40
"""Named listings that `refine` looks at."""


@dataclass(slots=True)
class _Findings:
    """What one query found, by key; `ids` are the services of all keys that were seen."""

    exact: dict[int, float]
    text: dict[int, float]
    names: dict[int, float]
    named: dict[int, float]
    matching: list[Clause]
    unknown: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)
    misspelt: frozenset[int] = frozenset()
    cosine: dict[int, float] = field(default_factory=dict)
    ids: dict[int, str] = field(default_factory=dict)
    priors: dict[int, float] = field(default_factory=dict)
    listings: dict[int, ListingDocument] = field(default_factory=dict)

    @property
    def found(self) -> Found:
        """As rankings read it."""
        return Found(self.exact, self.text, self.cosine)

    def note(self, response: Mapping[str, Any]) -> dict[int, float]:
        """The scores of an answer by key."""
        scores = {}
        for hit in response["hits"]["hits"]:
            key = key_of(hit["_id"])
            self.ids[key], scores[key] = hit["_id"], float(hit["_score"] or 0.0)
            if PRIOR in hit.get("fields", {}):
                self.priors[key] = float(hit["fields"][PRIOR][0])
        return scores


class Search:
    """Answers queries with words or a meaning from one index."""

    def __init__(self, client: OpenSearchClient, index: str) -> None:
        self._client = client
        self._index = index
        self._analyzer = new_analyzer()
        self._ranking = Weighted()

    async def run(self, query: IndexQuery) -> IndexAnswer:
        """The answer to a query that has words."""
        asked = read_query(query, self._analyzer)
        if asked is None:
            return IndexAnswer((), 0, dict.fromkeys(query.facets, ()))
        query, words = asked.query, asked.words
        findings = await self._find(asked)
        scores = self._score(findings)
        counts = Counting(query, question.either(findings.matching))
        wanted = self._wanted(query, scores, findings)
        shown, *counted = await self._ask([_fetch(findings.ids[key] for key in wanted), *counts.searches()])
        _note_listings(findings, shown)
        total, facets, steps = counts.read(counted)
        order = await self._order(query, scores, findings, frozenset(words.all))
        hits, following = await self._page(query, order, scores, findings, frozenset(words.all))
        share = asked.known_share(findings.unknown)
        doubtful = bool(hits) and not query.also and not findings.named and is_doubtful(findings.found, share)
        return IndexAnswer(hits, total, facets, bool(findings.misspelt), following, steps, doubtful)

    async def _ask(self, searches: list[Clause]) -> list[dict[str, Any]]:
        return await self._client.ask_many(self._index, searches) if searches else []

    async def _find(self, asked: Asked) -> _Findings:
        query = asked.query
        exact = question.whole(exact_form(query.text), "exact")
        asked_for = _ask_words(asked)
        searches = [
            _top(exact, query.filters),
            _top(asked_for, query.filters),
            _top(question.whole(exact_form(query.text), "exact_name"), query.filters),
            _top(question.whole(loose_form(query.text), "loose"), query.filters),
            _knowing(asked.doubtful, query.filters.viewer),
        ]
        if query.vector is not None:
            seen = Filters(viewer=query.filters.viewer)
            searches.append(_top(question.nearest(query.vector, Tuning.NEIGHBOURS, seen), seen))
        first, text, names, loose, known, *near = await self._ask(searches)
        findings = _Findings({}, {}, {}, {}, [exact, asked_for])
        findings.exact, findings.text = findings.note(first), findings.note(text)
        findings.names, findings.named = findings.note(names), findings.note(loose)
        if asked.needs_guesses(len(findings.text)):
            _read_known(findings, asked.doubtful, known)
        await self._look_again(asked, findings, [findings.note(each) for each in near])
        return findings

    async def _look_again(self, asked: Asked, findings: _Findings, near: list[dict[int, float]]) -> None:
        """For misspelt and begun words, for listings that the query names, and for the meanings of what words found."""
        query, words = asked.query, asked.words
        guessing = bool(findings.unknown) and not findings.exact
        naming = not findings.named and asked.is_name_like
        searches = []
        if guessing:
            guesses = [question.any_misspelling(findings.wrong), question.begun_words(findings.begun)]
            weighed = [question.weighing(each, Tuning.GUESSED) for each in guesses]
            searches.append(_top(question.either([findings.matching[1], *weighed]), query.filters))
            findings.matching += guesses
        if naming:
            searches.append(_top(question.named(words.plain, findings.wrong, findings.begun), query.filters))
        answers = await self._ask(searches)
        if guessing:
            right, findings.text = frozenset(findings.text), findings.note(answers[0])
            findings.misspelt = frozenset(findings.text) - right if findings.wrong else frozenset()
        if naming:
            findings.named = findings.note(answers[-1])
        elif not asked.is_name_like:
            findings.named = {}
        if query.vector is not None:
            await self._mean(query, findings, near[0], asked.least_cosine(findings.unknown))

    async def _mean(self, query: IndexQuery, findings: _Findings, near: dict[int, float], floor: float) -> None:
        """Cosines of the nearest listings that pass the filters, and of all that words found.

        The nearest are chosen before the filters, so that a facet's count says what choosing it will give; only where
        that leaves next to nothing are they looked for among what passes the filters.
        """
        assert query.vector is not None
        nearest = _above(near, query, floor)
        passing = dict(nearest)
        compared = [findings.ids[key] for key in {*findings.text, *findings.exact}]
        searches = [_scored(question.compared(query.vector, compared))]
        if query.filters.narrow:
            searches.append(_top(question.among(findings.ids[key] for key in nearest), query.filters))
        exactly, *left = await self._ask(searches)
        if left:
            passing = {key: nearest[key] for key in findings.note(left[0]) if key in nearest}
            if len(findings.text) < Tuning.THIN and len(passing) < Tuning.THIN:
                under = _top(question.nearest(query.vector, Tuning.NEIGHBOURS, query.filters), query.filters)
                (answer,) = await self._ask([under])
                nearest = passing = _above(findings.note(answer), query, floor)
        findings.matching.append(question.among(findings.ids[key] for key in nearest))
        findings.cosine = _cosines(findings.note(exactly), query) | passing

    def _score(self, findings: _Findings) -> dict[int, float]:
        fused = self._ranking.score(findings.found)
        return stand(fused, findings.exact, findings.names, findings.named, findings.priors)

    def _wanted(self, query: IndexQuery, scores: Mapping[int, float], findings: _Findings) -> list[int]:
        """The keys of listings that ranking or the page will look at, most likely."""
        called = sorted({*findings.exact, *findings.named}, key=lambda key: (-scores[key], key))[:_CALLED]
        first = REACH if query.after or query.sort else query.offset + query.limit + _SPARE
        return list(dict.fromkeys([*called, *list(ranks(scores))[:first]]))

    async def _order(
        self, query: IndexQuery, scores: dict[int, float], findings: _Findings, words: frozenset[str]
    ) -> list[int]:
        """All keys, the best first; `scores` become those that are shown."""
        called = {key for key in (*findings.exact, *findings.named) if key in findings.listings}
        refine(scores, called, words, findings.listings.__getitem__)
        order = list(ranks(scores))[:REACH]
        if query.sort is None:
            return order
        numbers = await self._numbers(query, [findings.ids[key] for key in order])
        fitting = find_fitting(order, scores, query)
        descending = query.sort.descending

        def place(key: int) -> tuple[bool, int]:
            value = numbers[key]
            return (value is None, 0 if value is None else -value if descending else value)

        order = [key for key in order if key in numbers]
        return [
            *sorted((key for key in order if key in fitting), key=place),
            *(key for key in order if key not in fitting),
        ]

    async def _numbers(self, query: IndexQuery, ids: list[str]) -> dict[int, int | None]:
        """The number that is sorted by, of those that the index still has."""
        assert query.sort is not None
        name = field_of(query.sort.by, query.filters.currency)
        body = {"query": question.among(ids), "size": REACH, "_source": False, "docvalue_fields": [name]}
        (answer,) = await self._ask([body])
        return {key_of(hit["_id"]): (hit.get("fields", {}).get(name) or [None])[0] for hit in answer["hits"]["hits"]}

    async def _page(
        self, query: IndexQuery, order: list[int], scores: Mapping[int, float], findings: _Findings,
        words: frozenset[str],
    ) -> tuple[tuple[Hit, ...], str | None]:  # fmt: skip
        page, following = cut(order, query)
        missing = [findings.ids[key] for key in page if key not in findings.listings]
        if missing:
            _note_listings(findings, (await self._ask([_fetch(missing)]))[0])
        reasons = explain(findings.found, findings.misspelt) if query.explain else {}
        hits = []
        for key in page:
            listing = findings.listings.get(key)
            if listing is None:  # it was withdrawn between two requests
                continue
            snippet = choose_snippet(read_passages(listing, self._stems), words, self._stems)
            reason = with_words(reasons[key], listing, words, self._analyzer) if key in reasons else None
            hits.append(Hit(replace(listing, vector=b""), scores[key], snippet, reason))
        return tuple(hits), following

    def _stems(self, word: str) -> frozenset[str]:
        return frozenset(self._analyzer.analyze(spaced(word)))


class Counting:
    """How many listings match, by the values of facets and the steps of numbers; what is filtered by is counted as if
    it were not.
    """

    def __init__(self, query: IndexQuery, matching: Clause) -> None:
        self._query = query
        self._matching = matching
        filters = query.filters
        self._chosen = [name for name in query.facets if filters.facets.get(name)]
        self._narrowed = [name for name in query.steps if name in filters.ranges]

    def searches(self) -> list[Clause]:
        """What to ask; `read` takes the answers in this order."""
        others = [name for name in self._query.facets if name not in self._chosen]
        free = [name for name in self._query.steps if name not in self._narrowed]
        filters = self._query.filters
        return [
            self._count(filters, others, free),
            *(self._count(filters.without(name), [name], []) for name in self._chosen),
            *(self._count(filters.without(name), [], [name]) for name in self._narrowed),
        ]

    def read(self, answers: list[dict[str, Any]]) -> Counts:
        """The total, and the counts in the order that was asked for."""
        found = {name: value for answer in answers for name, value in answer.get("aggregations", {}).items()}
        facets = {name: _in_order(found[f"facet_{name}"]["buckets"]) for name in self._query.facets}
        steps = {name: read_steps(name, found[f"steps_{name}"]) for name in self._query.steps}
        return int(answers[0]["hits"]["total"]["value"]), facets, steps

    def _count(self, filters: Filters, facets: Iterable[FacetName], numbers: Iterable[NumberName]) -> Clause:
        wanted: Clause = {
            f"facet_{name}": {"terms": {"field": facet_field(name), "size": Tuning.MAX_FACET_VALUES}} for name in facets
        } | {f"steps_{name}": step_counts(name, filters.currency) for name in numbers}
        query = {"bool": {"filter": [self._matching, *question.filter_clauses(filters)]}}
        return {"query": query, "size": 0, "track_total_hits": True, **({"aggs": wanted} if wanted else {})}


def _in_order(buckets: list[dict[str, Any]]) -> tuple[tuple[str, int], ...]:
    pairs = [(str(bucket["key"]), int(bucket["doc_count"])) for bucket in buckets]
    return tuple(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))


def _ask_words(asked: Asked) -> Clause:
    """What the query says, and for less what it means in other words."""
    asked_for = question.any_word(asked.words.all)
    if not asked.also:
        return asked_for
    return question.either([asked_for, question.weighing(question.any_word(list(asked.also)), Tuning.OTHER_WORDS)])


def _top(query: Clause, filters: Filters) -> Clause:
    return _scored(question.filtered(query, filters))


def _scored(query: Clause) -> Clause:
    return {"query": query, "size": REACH, "_source": False, "docvalue_fields": [PRIOR], "track_total_hits": False}


def _fetch(ids: Iterable[str]) -> Clause:
    wanted = list(ids)
    return {"query": question.among(wanted), "size": len(wanted), "track_total_hits": False}


def _knowing(words: Sequence[str], viewer: str | None) -> Clause:
    """How many listings that the viewer sees have each word, and how many one that begins so."""
    counts: Clause = {f"has_{at}": question.has_word(word) for at, word in enumerate(words)}
    counts |= {f"begins_{at}": question.begun_words([word]) for at, word in enumerate(words)}
    return {
        "query": {"bool": {"filter": question.filter_clauses(Filters(viewer=viewer))}},
        "size": 0,
        "track_total_hits": False,
        "aggs": {"words": {"filters": {"filters": counts or {"none": question.NOTHING}}}},
    }


def _read_known(findings: _Findings, words: Sequence[str], answer: Mapping[str, Any]) -> None:
    buckets = answer["aggregations"]["words"]["buckets"]
    findings.unknown = [word for at, word in enumerate(words) if not buckets[f"has_{at}"]["doc_count"]]
    begun = {word for at, word in enumerate(words) if buckets[f"begins_{at}"]["doc_count"]}
    findings.begun = [word for word in findings.unknown if word in begun]
    findings.wrong = [word for word in findings.unknown if word not in begun]


def _note_listings(findings: _Findings, answer: Mapping[str, Any]) -> None:
    for hit in answer["hits"]["hits"]:
        findings.listings[key_of(hit["_id"])] = from_fields(hit["_source"])


def _cosines(scores: Mapping[int, float], query: IndexQuery) -> dict[int, float]:
    return {key: query.scale.of(question.cosine_of(score)) for key, score in scores.items()}


def _above(scores: Mapping[int, float], query: IndexQuery, floor: float) -> dict[int, float]:
    return {key: cosine for key, cosine in _cosines(scores, query).items() if cosine >= floor}

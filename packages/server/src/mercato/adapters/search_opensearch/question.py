"""A query in OpenSearch's terms, clause by clause as the embedded engine asks (`search_embedded/question.py`)."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from mercato.adapters.search_embedded import TEXT_WEIGHTS, Tuning, facet_field, field_of
from mercato.adapters.search_opensearch.mapping import VECTOR
from mercato.discovery import Filters, NumberName, Range, Vector
from mercato_contracts.money import Currency

Clause = dict[str, Any]
NOTHING: Clause = {"match_none": {}}
_NAMES = ("name", "title")
_CALLED_BY = (*_NAMES, "tags")


def any_word(words: Sequence[str]) -> Clause:
    """Listings with any of the words: BM25, each word by the field where it counts most."""
    return either(
        _best_field([{"term": {field: {"value": word, "boost": boost}}} for field, boost in TEXT_WEIGHTS.items()])
        for word in words
    )


def any_misspelling(words: Sequence[str]) -> Clause:
    """Listings with a word one letter away, or two from eight letters on; swapped neighbours count as one."""
    return either(
        _best_field([_fuzzy(field, word, boost) for field, boost in TEXT_WEIGHTS.items()])
        for word in words
        if len(word) >= Tuning.SHORTEST_MISSPELT
    )


def begun_words(words: Sequence[str]) -> Clause:
    """Listings with a word that begins so, in what they are called by."""
    return either(
        {"prefix": {field: {"value": word}}}
        for word in words
        if len(word) >= Tuning.SHORTEST_BEGUN or not word.isascii()
        for field in _CALLED_BY
    )


def named(words: Sequence[str], misspelt: Collection[str], begun: Collection[str]) -> Clause:
    """Listings that have every one of the words in name or title, as they are, misspelt or begun."""
    clauses = []
    for word in words:
        ways: list[Clause] = [{"term": {field: {"value": word}}} for field in _NAMES]
        if word in misspelt and len(word) >= Tuning.SHORTEST_MISSPELT:
            ways += [_fuzzy(field, word, 1.0) for field in _NAMES]
        if word in begun:
            ways.append(begun_words([word]))
        clauses.append(either(ways))
    return {"bool": {"must": clauses}}


def has_word(word: str) -> Clause:
    """Listings with the word in any field."""
    return either({"term": {field: {"value": word}}} for field in TEXT_WEIGHTS)


def whole(name: str, field: str) -> Clause:
    """Listings that have this as a whole."""
    return {"term": {field: {"value": name}}}


def among(ids: Iterable[str]) -> Clause:
    """The listings of these service ids, without a score."""
    wanted = list(ids)
    return {"constant_score": {"filter": {"ids": {"values": wanted}}, "boost": 0}} if wanted else NOTHING


def weighing(query: Clause, weight: float) -> Clause:
    """The query with its scores multiplied."""
    return {"bool": {"must": [query], "boost": weight}}


def either(queries: Iterable[Clause]) -> Clause:
    """What any of the queries finds; scores add up."""
    wanted = list(queries)
    return {"bool": {"should": wanted, "minimum_should_match": 1}} if wanted else NOTHING


def filtered(query: Clause, filters: Filters) -> Clause:
    """`query` under `filters`, the scores unchanged."""
    clauses = filter_clauses(filters)
    return {"bool": {"must": [query], "filter": clauses}} if clauses else query


def filter_clauses(filters: Filters) -> list[Clause]:
    """One condition a facet or range that is filtered by."""
    clauses: list[Clause] = [
        {"terms": {facet_field(facet): list(values)}} for facet, values in filters.facets.items() if values
    ]
    return [*clauses, *(_within(name, span, filters.currency) for name, span in filters.ranges.items())]


def nearest(vector: Vector, count: int, filters: Filters | None = None) -> Clause:
    """The listings of the nearest meanings; under filters those are chosen among what passes them."""
    asked: Clause = {"vector": vector.tolist(), "k": count}
    clauses = [] if filters is None else filter_clauses(filters)
    if clauses:
        asked["filter"] = {"bool": {"filter": clauses}}
    return {"knn": {VECTOR: asked}}


def compared(vector: Vector, ids: Iterable[str]) -> Clause:
    """The listings of these ids that have a meaning, scored by it exactly."""
    have = {"bool": {"filter": [{"ids": {"values": list(ids)}}, {"exists": {"field": VECTOR}}]}}
    params = {"field": VECTOR, "query_value": vector.tolist(), "space_type": "innerproduct"}
    return {"script_score": {"query": have, "script": {"lang": "knn", "source": "knn_score", "params": params}}}


def cosine_of(score: float) -> float:
    """The inner product that OpenSearch makes this score of: it has no negative ones."""
    return score - 1 if score >= 1 else 1 - 1 / score


def _fuzzy(field: str, word: str, boost: float) -> Clause:
    errors = 2 if len(word) >= Tuning.TWO_ERRORS_FROM else 1
    # Every misspelling scores the same, however rare it is.
    return {"fuzzy": {field: {"value": word, "fuzziness": errors, "max_expansions": 1_000, "rewrite": "constant_score",
                              "boost": boost}}}  # fmt: skip


def _best_field(per_field: list[Clause]) -> Clause:
    return {"dis_max": {"queries": per_field, "tie_breaker": Tuning.TIE}}


def _within(name: NumberName, span: Range, currency: Currency) -> Clause:
    bounds = {"gte": max(0, span.least or 0)} | ({} if span.most is None else {"lte": span.most})
    return {"range": {field_of(name, currency): bounds}}

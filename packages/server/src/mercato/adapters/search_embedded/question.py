"""A query in tantivy's terms, built term by term: no text of a person is ever parsed as a query language."""

import re
from collections.abc import Collection, Iterable, Sequence

import tantivy

from mercato.adapters.search_embedded.schema import TEXT_WEIGHTS, count_private, filter_clauses, hidden_from
from mercato.adapters.search_embedded.tuning import Tuning
from mercato.discovery import Filters

_NAMES = ("name", "title")
_CALLED_BY = (*_NAMES, "tags")


def any_word(schema: tantivy.Schema, words: Sequence[str]) -> tantivy.Query:
    """Listings with any of the words: BM25, each word by the field where it counts most."""
    return either(
        _best_field([tantivy.Query.term_query(schema, field, word) for field in TEXT_WEIGHTS]) for word in words
    )


def any_telling_word(
    schema: tantivy.Schema, searcher: tantivy.Searcher, words: Sequence[str], viewer: str | None
) -> tantivy.Query:
    """As `any_word`, but a word that very many listings have makes none of them a hit beside one that few have.

    It counts where it stands. Without this a sentence finds every listing of a large catalogue, by its `data` or `use`.
    """
    telling, common = _by_frequency(schema, searcher, words, viewer)
    if not (telling and common):
        return any_word(schema, words)
    clauses = [(tantivy.Occur.Must, any_word(schema, telling)), (tantivy.Occur.Should, any_word(schema, common))]
    return tantivy.Query.boolean_query(clauses)


def _by_frequency(
    schema: tantivy.Schema, searcher: tantivy.Searcher, words: Sequence[str], viewer: str | None
) -> tuple[list[str], list[str]]:
    """The words that few listings have, and those that very many have; none are few where next to none would be found.

    Words that no listing has are among the common ones, where they do not hinder.
    """
    most = max(Tuning.COMMON_FROM, searcher.num_docs // Tuning.COMMON_SHARE)
    if searcher.num_docs <= most:
        return list(words), []
    having = {word: _frequency(searcher, word) for word in words}
    few = [word for word in words if having[word] <= most]
    seen = {word: _seen_at_least(schema, searcher, word, having[word], viewer) for word in few}
    telling = [word for word in few if seen[word]]
    if sum(seen.values()) < Tuning.THIN:
        return [], list(words)
    return telling, [word for word in words if word not in telling]


def _frequency(searcher: tantivy.Searcher, word: str) -> int:
    """How many listings have the word, in the field where most do."""
    return max(searcher.doc_freq(field, word) for field in TEXT_WEIGHTS)


def _seen_at_least(
    schema: tantivy.Schema, searcher: tantivy.Searcher, word: str, having: int, viewer: str | None
) -> int:
    """How many of the `having` listings with the word the viewer sees, or fewer but not none.

    Words that others' private listings alone have count for nothing, which would say that they are there.
    """
    private = count_private(searcher)
    if not having or having > private:
        return max(0, having - private)
    under = filtered(schema, searcher, any_word(schema, [word]), Filters(viewer=viewer))
    return total(searcher.search(under, 1))


def any_misspelling(schema: tantivy.Schema, words: Sequence[str]) -> tantivy.Query:
    """Listings with a word one letter away, or two from eight letters on; swapped neighbours count as one."""
    return either(
        _best_field(
            [
                tantivy.Query.fuzzy_term_query(schema, field, word, 2 if len(word) >= Tuning.TWO_ERRORS_FROM else 1)
                for field in TEXT_WEIGHTS
            ]
        )
        for word in words
        if len(word) >= Tuning.SHORTEST_MISSPELT
    )


def unknown_words(
    schema: tantivy.Schema, searcher: tantivy.Searcher, words: Sequence[str], viewer: str | None
) -> list[str]:
    """The words that no listing contains which the viewer sees."""
    having = {word: _frequency(searcher, word) for word in words}
    return [word for word in words if not _seen_at_least(schema, searcher, word, having[word], viewer)]


def begun_words(schema: tantivy.Schema, words: Sequence[str]) -> tantivy.Query:
    """Listings with a word that begins so, in what they are called by."""
    return either(
        tantivy.Query.regex_query(schema, field, f"{re.escape(word)}.*")
        for word in words
        if len(word) >= Tuning.SHORTEST_BEGUN or not word.isascii()
        for field in _CALLED_BY
    )


def named(
    schema: tantivy.Schema, words: Sequence[str], misspelt: Collection[str], begun: Collection[str]
) -> tantivy.Query:
    """Listings that have every one of the words in name or title, as they are, misspelt or begun."""
    clauses = []
    for word in words:
        ways = [tantivy.Query.term_query(schema, field, word) for field in _NAMES]
        if word in misspelt and len(word) >= Tuning.SHORTEST_MISSPELT:
            errors = 2 if len(word) >= Tuning.TWO_ERRORS_FROM else 1
            ways += [tantivy.Query.fuzzy_term_query(schema, field, word, errors) for field in _NAMES]
        if word in begun:
            ways.append(begun_words(schema, [word]))
        clauses.append((tantivy.Occur.Must, either(ways)))
    return tantivy.Query.boolean_query(clauses)


def weighing(query: tantivy.Query, weight: float) -> tantivy.Query:
    """The query with its scores multiplied."""
    return tantivy.Query.boost_query(query, weight)


def exact_name(schema: tantivy.Schema, name: str, field: str = "exact") -> tantivy.Query:
    """Listings of this whole name or title (`exact`), or of this name (`exact_name`); `name` in `exact_form`."""
    return tantivy.Query.term_query(schema, field, name, "basic")


def among(schema: tantivy.Schema, keys: Sequence[int]) -> tantivy.Query:
    """The listings of these keys, without a score."""
    # One term each: for a few hundred this is twice as quick as tantivy's query for a set of terms.
    by_key = either(tantivy.Query.term_query(schema, "key", key, "basic") for key in keys)
    return tantivy.Query.const_score_query(by_key, 0.0)


def filtered(
    schema: tantivy.Schema, searcher: tantivy.Searcher, query: tantivy.Query, filters: Filters
) -> tantivy.Query:
    """`query` under `filters` among what their viewer sees, the scores unchanged."""
    clauses = [(tantivy.Occur.Must, clause) for clause in filter_clauses(schema, filters)]
    if count_private(searcher):
        clauses.append((tantivy.Occur.MustNot, hidden_from(schema, filters.viewer)))
    return tantivy.Query.boolean_query([(tantivy.Occur.Must, query), *clauses]) if clauses else query


def either(queries: Iterable[tantivy.Query]) -> tantivy.Query:
    """What any of the queries finds; scores add up."""
    return tantivy.Query.boolean_query([(tantivy.Occur.Should, query) for query in queries])


def total(result: tantivy.SearchResult) -> int:
    """How many listings match."""
    return int(result.count)  # type: ignore[attr-defined]  # there, but missing from the library's type stubs


def _best_field(per_field: list[tantivy.Query]) -> tantivy.Query:
    boosted = [
        tantivy.Query.boost_query(query, weight) for query, weight in zip(per_field, TEXT_WEIGHTS.values(), strict=True)
    ]
    return tantivy.Query.disjunction_max_query(boosted, Tuning.TIE)

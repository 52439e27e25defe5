"""A query in tantivy's terms, built term by term: no text of a person is ever parsed as a query language."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import tantivy

from mercato.adapters.search_embedded.schema import TEXT_WEIGHTS, count_private, filter_clauses, hidden_from
from mercato.adapters.search_embedded.tuning import Tuning
from mercato.discovery import Filters

_NAMES = ("name", "title")
_CALLED_BY = (*_NAMES, "tags")


Having = Callable[[str], Mapping[str, int]]
"""The fields that have a word, and in how many listings each of them does; listings that were replaced may count."""


def read_having(searcher: tantivy.Searcher, word: str) -> Mapping[str, int]:
    """What a `Having` says of the word."""
    found = {field: searcher.doc_freq(field, word) for field in TEXT_WEIGHTS}
    return {field: count for field, count in found.items() if count}


def any_word(schema: tantivy.Schema, words: Sequence[str], having: Having) -> tantivy.Query:
    """Listings with any of the words: BM25, each word by the field where it counts most.

    Words and fields that nothing is found by are left out: the engine would look each of them up in every segment.
    """
    return either(
        _best_field({field: tantivy.Query.term_query(schema, field, word) for field in fields})
        for word, fields in ((word, having(word)) for word in words)
        if fields
    )


def any_telling_word(
    schema: tantivy.Schema, searcher: tantivy.Searcher, words: Sequence[str], viewer: str | None, having: Having
) -> tuple[tantivy.Query, tantivy.Query]:
    """As `any_word`, but a word that very many listings have makes none of them a hit beside one that few have; and
    the same listings without scores, which are counted sooner.

    It counts where it stands. Without this a sentence finds every listing of a large catalogue, by its `data` or `use`.
    """
    telling, common = _by_frequency(schema, searcher, words, viewer, having)
    if not (telling and common):
        return any_word(schema, words, having), _with_any(schema, words, having)
    clauses = [
        (tantivy.Occur.Must, any_word(schema, telling, having)),
        (tantivy.Occur.Should, any_word(schema, common, having)),
    ]
    return tantivy.Query.boolean_query(clauses), _with_any(schema, telling, having)


def _with_any(schema: tantivy.Schema, words: Sequence[str], having: Having) -> tantivy.Query:
    return either(tantivy.Query.term_query(schema, field, word, "basic") for word in words for field in having(word))


def _by_frequency(
    schema: tantivy.Schema, searcher: tantivy.Searcher, words: Sequence[str], viewer: str | None, having: Having
) -> tuple[list[str], list[str]]:
    """The words that few listings have, and those that very many have; none are few where next to none would be found.

    Words that no listing has are among the common ones, where they do not hinder.
    """
    most = max(Tuning.COMMON_FROM, searcher.num_docs // Tuning.COMMON_SHARE)
    if searcher.num_docs <= most:
        return list(words), []
    few = [word for word in words if _frequency(having, word) <= most]
    seen = {word: _seen_at_least(schema, searcher, word, viewer, having) for word in few}
    telling = [word for word in few if seen[word]]
    if sum(seen.values()) < Tuning.THIN:
        return [], list(words)
    return telling, [word for word in words if word not in telling]


def _frequency(having: Having, word: str) -> int:
    """How many listings have the word, in the field where most do."""
    return max(having(word).values(), default=0)


def _seen_at_least(
    schema: tantivy.Schema, searcher: tantivy.Searcher, word: str, viewer: str | None, having: Having
) -> int:
    """How many of the listings with the word the viewer sees, or fewer but not none.

    Words that others' private listings alone have count for nothing, which would say that they are there.
    """
    private, frequency = count_private(searcher), _frequency(having, word)
    if not frequency or frequency > private:
        return max(0, frequency - private)
    under = filtered(schema, searcher, _with_any(schema, [word], having), Filters(viewer=viewer))
    return total(searcher.search(under, 1))


def any_misspelling(schema: tantivy.Schema, words: Sequence[str]) -> tantivy.Query:
    """Listings with a word one letter away, or two from eight letters on; swapped neighbours count as one."""
    return either(
        _best_field(
            {
                field: tantivy.Query.fuzzy_term_query(
                    schema, field, word, 2 if len(word) >= Tuning.TWO_ERRORS_FROM else 1
                )
                for field in TEXT_WEIGHTS
            }
        )
        for word in words
        if len(word) >= Tuning.SHORTEST_MISSPELT
    )


def unknown_words(
    schema: tantivy.Schema, searcher: tantivy.Searcher, words: Sequence[str], viewer: str | None, having: Having
) -> list[str]:
    """The words that no listing contains which the viewer sees."""
    return [word for word in words if not _seen_at_least(schema, searcher, word, viewer, having)]


def begun_words(schema: tantivy.Schema, words: Sequence[str]) -> tantivy.Query:
    """Listings with a word that begins so, in what they are called by."""
    return either(
        tantivy.Query.regex_query(schema, field, f"{re.escape(word)}.*")
        for word in words
        if len(word) >= Tuning.SHORTEST_BEGUN or not word.isascii()
        for field in _CALLED_BY
    )


def named(
    schema: tantivy.Schema, words: Sequence[str], misspelt: Collection[str], begun: Collection[str], having: Having
) -> tantivy.Query:
    """Listings that have every one of the words in name or title, as they are, misspelt or begun."""
    clauses = []
    for word in words:
        ways = [tantivy.Query.term_query(schema, field, word) for field in _NAMES if field in having(word)]
        if word in misspelt and len(word) >= Tuning.SHORTEST_MISSPELT:
            errors = 2 if len(word) >= Tuning.TWO_ERRORS_FROM else 1
            ways += [tantivy.Query.fuzzy_term_query(schema, field, word, errors) for field in _NAMES]
        if word in begun:
            ways.append(begun_words(schema, [word]))
        if not ways:
            return tantivy.Query.empty_query()
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


def _best_field(by_field: Mapping[str, tantivy.Query]) -> tantivy.Query:
    boosted = [tantivy.Query.boost_query(query, TEXT_WEIGHTS[field]) for field, query in by_field.items()]
    return tantivy.Query.disjunction_max_query(boosted, Tuning.TIE)

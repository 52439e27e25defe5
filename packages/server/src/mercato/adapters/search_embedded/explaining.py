"""Why a hit stands where it stands, and whether anything fits."""

from collections.abc import Collection
from dataclasses import replace

import tantivy

from mercato.adapters.search_embedded.ranking import Found, ranks
from mercato.adapters.search_embedded.schema import searched_words
from mercato.adapters.search_embedded.tuning import Tuning
from mercato.discovery import ListingDocument, Reasons


def explain(found: Found, misspelt: Collection[int]) -> dict[int, Reasons]:
    """The reasons of everything that was found; where its words stand is added for what is shown (`with_words`)."""
    text_ranks, vector_ranks = ranks(found.text), ranks(found.cosine)
    return {
        key: Reasons(
            exact_name=key in found.exact,
            text_rank=text_ranks.get(key),
            text_score=found.text.get(key),
            vector_rank=vector_ranks.get(key),
            similarity=found.cosine.get(key),
            corrected=key in misspelt,
            words={},
        )
        for key in {*found.exact, *found.text, *found.cosine}
    }


def with_words(
    reasons: Reasons, listing: ListingDocument, words: frozenset[str], analyzer: tantivy.TextAnalyzer
) -> Reasons:
    """The same with the words of the query that the listing has, and the fields that have them."""
    places: dict[str, list[str]] = {}
    for field, text in searched_words(listing).items():
        for word in sorted(words.intersection(analyzer.analyze(text))):
            places.setdefault(word, []).append(field)
    return replace(reasons, words={word: tuple(fields) for word, fields in places.items()})


def is_doubtful(found: Found, known_share: float) -> bool:
    """Whether neither an exact name nor a known word nor a near meaning speaks for what was found."""
    if found.exact:
        return False
    nearest = max(found.cosine.values(), default=0.0)
    return nearest < (Tuning.DOUBTFUL_COSINE if known_share == 0 or not found.text else Tuning.LEAST_COSINE)

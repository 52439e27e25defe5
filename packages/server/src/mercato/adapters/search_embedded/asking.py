"""What every engine decides alike about a query: what it asks, when to look again, and which hits fit."""

from collections.abc import Mapping, Sequence, Sized
from dataclasses import dataclass, replace

import tantivy

from mercato.adapters.search_embedded.tuning import Tuning
from mercato.adapters.search_embedded.words import QueryWords, exact_form, query_words
from mercato.discovery import IndexQuery


@dataclass(frozen=True, slots=True)
class Asked:
    """A query with its words; `also` are those of what it means in other words, and `doubtful` those that may be
    misspelt.
    """

    query: IndexQuery
    words: QueryWords
    also: Sequence[str]
    doubtful: Sequence[str]

    @property
    def is_name_like(self) -> bool:
        """Whether it is short enough that a listing with all its words is one that it names."""
        return 0 < len(self.words.plain) <= Tuning.NAME_WORDS

    def needs_guesses(self, found: int) -> bool:
        """Whether to look for words that no listing has, where words found so many listings."""
        return found < Tuning.THIN or len(self.words.plain) <= Tuning.FEW_WORDS

    def least_cosine(self, unknown: Sized) -> float:
        """How near a meaning must be, where these words are unknown."""
        none_is_known = bool(unknown) and len(unknown) == len(self.words.plain)
        return Tuning.LEAST_COSINE_OF_UNKNOWN if none_is_known else Tuning.LEAST_COSINE

    def known_share(self, unknown: Sized) -> float:
        """The share of its words that some listing has."""
        return 1 - len(unknown) / max(1, len(self.words.plain))


def read_query(query: IndexQuery, analyzer: tantivy.TextAnalyzer) -> Asked | None:
    """`None` where the text holds nothing that could be looked for."""
    if not exact_form(query.text):
        return None
    if not any(map(str.isalnum, query.text)):
        # A model finds a meaning in any picture; only listings that show it are meant.
        query = replace(query, vector=None)
    also = query_words(query.also, analyzer).plain if query.also else []
    words, meant = query_words(query.text, analyzer), query_words(query.meant, analyzer).plain if query.meant else []
    return Asked(query, words, also, [word for word in words.plain if word not in meant])


def find_fitting(order: Sequence[int], scores: Mapping[int, float], query: IndexQuery) -> set[int]:
    """Of keys from the best down, those that a sort puts first: all, or those that fit about as well as the best."""
    return {key for key in order if not query.fitting_first or scores[key] >= Tuning.FITTING * scores[order[0]]}
